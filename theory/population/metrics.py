"""Theorem M's metrics: those of a score that ask for no threshold, and those at the best one.

The score is ``t = w . x``; the intercept plays no part, nor does the scale of ``w``. Within a label
the score is a mixture of normal laws over the components of its groups, so that every metric is a
sum of normal integrals in one dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.population.design import is_real
from synthetic_oversampling.theory.population.groups import finite_point
from synthetic_oversampling.theory.population.laws import (
    GaussianGroup,
    real_array,
    require_groups,
)
from synthetic_oversampling.theory.precision import require_float64

__all__ = [
    "METRICS",
    "Classes",
    "Expanded",
    "Metrics",
    "Side",
    "classes_of",
    "expanded",
    "metric_values",
    "metrics",
    "metrics_of_scores",
]

_THRESHOLDS = np.linspace(-9.0, 9.0, 73)  # standard deviations of every component of both labels
_NODES, _MASS = np.polynomial.legendre.leggauss(4)  # between two neighbouring thresholds
_HALVINGS = 30  # of a step between thresholds, before Newton's method
_RIVALS = 4  # local optima that are refined
_APART = 1e-3  # of the least deviation, by which two thresholds differ


class Metrics(NamedTuple):
    """Values of the metrics.

    Attributes:
        auroc: probability that a score of label 1 is above one of label 0.
        average_precision: mean precision at the scores of label 1.
        best_balanced_error: mean of the two error rates at the threshold where it is least.
        best_f1: F1 at the threshold where it is largest.
    """

    auroc: float
    average_precision: float
    best_balanced_error: float
    best_f1: float


METRICS: tuple[str, ...] = Metrics._fields  # the names of the metrics, in the order of `Metrics`


class Side(NamedTuple):
    """A label's components: weights ``[K]``, means ``[K, d]``, covariances ``[K, d, d]``.

    Attributes:
        weights, means, covs: of the components; weights sum to 1.
    """

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray


class Classes(NamedTuple):
    """The two labels, and the share of label 1 where precision is asked for.

    Attributes:
        positive, negative: of label 1 and of label 0.
        prevalence: the share of label 1.
    """

    positive: Side
    negative: Side
    prevalence: float


class _Score(NamedTuple):
    """A label's score: weights, means and standard deviations ``[K]`` of its components."""

    weights: Array
    mean: Array
    std: Array


def classes_of(
    groups: Sequence[GaussianGroup],
    *,
    prevalence: float = 0.5,
    shares: Sequence[int | float] | None = None,
) -> Classes:
    """The two labels of some groups.

    Args:
        groups: of both labels.
        prevalence: share of label 1, for precision and F1.
        shares: of each group within its label ``[G]``, in any unit; equal when omitted.

    Raises:
        ValueError: for groups of one label, or a prevalence or shares that are none.
    """
    require_groups(groups)
    if any(group.label > 1 for group in groups):
        raise ValueError(
            f"groups: got labels {sorted({group.label for group in groups})}, expected 0 and 1; "
            "these metrics are of two classes: for more, theory.predict_multiclass has error rates."
        )
    share = _share(prevalence)
    try:
        parts = np.ones(len(groups)) if shares is None else real_array("shares", shares)
    except ValueError:
        parts = np.empty(0)
    if parts.shape != (len(groups),) or np.any(parts < 0):
        raise ValueError(
            f"shares: got {shares!r}, expected {len(groups)} numbers of at least 0, one per group."
        )
    sides = []
    for label in (1, 0):
        chosen = [g for g, group in enumerate(groups) if group.label == label and parts[g] > 0]
        total = float(sum(parts[g] for g in chosen))
        if not chosen:
            raise ValueError(
                f"groups: got none of label {label} with a share, expected some of both labels."
            )
        weights = np.concatenate([parts[g] / total * groups[g].weights for g in chosen])
        some = weights > 0
        sides.append(
            Side(
                weights[some],
                np.concatenate([groups[g].mean for g in chosen])[some],
                np.concatenate([groups[g].cov for g in chosen])[some],
            )
        )
    return Classes(sides[0], sides[1], share)


def metrics(
    theta,
    groups: Sequence[GaussianGroup],
    *,
    prevalence: float = 0.5,
    shares: Sequence[int | float] | None = None,
) -> Metrics:
    """The metrics of a linear score (M1): exact up to quadrature, about ten digits.

    Statement: with ``m`` and ``v`` mean and variance of the score in a component, AUROC is ``sum
    pi_k pi_l Phi((m_k - m_l) / sqrt(v_k + v_l))`` over components ``k`` of label 1 and ``l`` of
    label 0, and average precision ``E[pi F_1(t) / (pi F_1(t) + (1 - pi) F_0(t))]`` over scores
    ``t`` of label 1, ``F`` the shares above ``t``, by Gauss-Legendre nodes between points that are
    dense for every component of both labels. The best threshold is sought at these points, and the
    best local optima are refined.

    Args:
        theta: ``[p]``, intercept first; the intercept is ignored.
        groups: of both labels.
        prevalence: share of label 1, for precision and F1.
        shares: of each group within its label ``[G]``, in any unit; equal when omitted.

    Raises:
        ValueError: naming the argument.
        RuntimeError: if float64 is off.

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> found = metrics([0.0, 2.0], groups)  # Phi(1 / sqrt 2) and Phi(-1 / 2)
        >>> round(found.auroc, 6), round(found.best_balanced_error, 6)
        (0.76025, 0.308538)
    """
    require_float64("theory.population.metrics.metrics")
    point = np.asarray(finite_point(theta), float)
    classes = classes_of(groups, prevalence=prevalence, shares=shares)
    if point.shape != (groups[0].dim + 1,):
        raise ValueError(
            f"theta: got shape {point.shape}, expected ({groups[0].dim + 1},) = intercept followed "
            f"by {groups[0].dim} slopes."
        )
    _require_varying(point, classes)
    point = np.append(0.0, point[1:] / np.abs(point[1:]).max())  # of the same metrics
    return Metrics(*(float(value) for value in _compiled(jnp.asarray(point), classes)))


def metrics_of_scores(positive: Side, negative: Side, *, prevalence: float = 0.5) -> Metrics:
    """The metrics of a score that is a mixture of normal laws within each label (M1).

    Args:
        positive, negative: labels 1 and 0, in the one dimension of the score.
        prevalence: share of label 1, for precision and F1.

    Raises:
        ValueError: for a prevalence that is none, or a component whose score does not vary.
        RuntimeError: if float64 is off.

    Example:
        >>> unit = np.ones((1, 1, 1))
        >>> one, zero = (Side(np.ones(1), np.full((1, 1), m), unit) for m in (1.0, 0.0))
        >>> round(metrics_of_scores(one, zero).auroc, 6)
        0.76025
    """
    require_float64("theory.population.metrics.metrics_of_scores")
    classes = Classes(positive, negative, _share(prevalence))
    point = np.array([0.0, 1.0])
    _require_varying(point, classes)
    return Metrics(*(float(value) for value in _compiled(jnp.asarray(point), classes)))


def _share(prevalence) -> float:
    if not is_real(prevalence) or not 0 < prevalence < 1:
        raise ValueError(f"prevalence: got {prevalence!r}, expected a number between 0 and 1.")
    return float(prevalence)


def _require_varying(theta: np.ndarray, classes: Classes) -> None:
    """Raise unless the score ranks, and varies in every component."""
    slope = theta[1:]
    if not np.any(slope):
        raise ValueError("theta: got slopes that are all 0, expected a score that ranks.")
    slope = slope / np.abs(slope).max()
    for side in classes[:2]:
        if np.any((side.covs @ slope) @ slope <= 0):
            raise ValueError(
                "theta: got a score that does not vary in a component of some group, expected one "
                "with a density; give the group some variance in that direction."
            )


def metric_values(theta: Array, classes: Classes) -> Array:
    """The metrics in the order of `METRICS` ``[4]``, twice differentiable in ``theta [p]``.

    Args:
        theta: where, intercept first.
        classes: of `classes_of`.
    """
    positive, negative = (_score(theta[1:], side) for side in classes[:2])
    return _values(positive, negative, classes.prevalence)[0]


class Expanded(NamedTuple):
    """The metrics at a point, in the order of `METRICS`.

    Attributes:
        value: ``[4]``; slope: gradients ``[4, p]``; bend: Hessians ``[4, p, p]``.
        rival: by how much another threshold falls short of the best one ``[4]``; inf where there
            is none, or no threshold is chosen.
    """

    value: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    rival: np.ndarray


def expanded(theta: np.ndarray, classes: Classes) -> Expanded:
    """The metrics at a point, with their derivatives.

    Derivatives are taken in means and standard deviations of the score and carried to the
    parameters by hand, so that nothing of the size of the nodes times ``p**2`` is made.

    Args:
        theta: where ``[p]``, intercept first.
        classes: of `classes_of`.

    Raises:
        ValueError: for a score that does not rank, or does not vary in a component.
    """
    _require_varying(np.asarray(theta), classes)
    slope = np.asarray(theta)[1:]
    scores = [jax.tree.map(np.asarray, _score(slope, side)) for side in classes[:2]]
    point = np.concatenate([part for one in scores for part in (one.mean, one.std)])
    weights = [one.weights for one in scores]
    found = _derivatives(point, *weights, classes.prevalence)
    value, rival, first, second = map(np.asarray, found)
    moved, bent = [], []  # derivatives of the score's means and deviations in the slopes
    for side, one in zip(classes[:2], scores, strict=True):
        change = side.covs @ slope / one.std[:, None]
        outer = change[:, :, None] * change[:, None, :]
        moved += [side.means, change]
        bent += [np.zeros_like(side.covs), (side.covs - outer) / one.std[:, None, None]]
    jacobian, curved = np.concatenate(moved), np.concatenate(bent)
    gradient = np.pad(first @ jacobian, ((0, 0), (1, 0)))
    hessian = jacobian.T @ second @ jacobian + np.tensordot(first, curved, axes=1)
    return Expanded(value, gradient, np.pad(hessian, ((0, 0), (1, 0), (1, 0))), rival)


@quick_jit
def _derivatives(point, weights1, weights0, share):
    """Values, and derivatives in means and deviations of both labels' components."""
    one, zero = len(weights1), len(weights0)

    def valued(point):
        mean1, std1, mean0, std0 = jnp.split(point, np.cumsum([one, one, zero]))
        found = _values(_Score(weights1, mean1, std1), _Score(weights0, mean0, std0), share)
        return found[0], found

    def slope(point):
        first, found = jax.jacfwd(valued, has_aux=True)(point)
        return first, (*found, first)

    second, found = jax.jacfwd(slope, has_aux=True)(point)
    return *found, second


def _values(positive: _Score, negative: _Score, share) -> tuple[Array, Array]:
    """The metrics, and by how much the thresholds' rivals fall short.

    The best threshold moves with the point: it is found without derivatives, and one step of
    Newton's method from it, which changes nothing but carries its first derivative, makes the
    second derivatives of the value right.
    """
    rest = 1.0 - share
    still_positive, still_negative = jax.lax.stop_gradient((positive, negative))
    tried = jnp.sort(
        jnp.concatenate(
            [
                (one.mean[:, None] + one.std[:, None] * _THRESHOLDS[None]).ravel()
                for one in (still_positive, still_negative)
            ]
        )
    )

    near = _APART * jnp.min(jnp.concatenate([still_positive.std, still_negative.std]))
    # points of two components may be one, but for rounding
    order = jnp.arange(len(tried), dtype=jnp.int32)
    start = jnp.searchsorted(tried, tried - near, side="left")
    below, first = jnp.maximum(start - 1, 0), order == start
    above = jnp.minimum(jnp.searchsorted(tried, tried + near, side="right"), len(tried) - 1)

    on_grid = _tail(tried, still_positive), _tail(tried, still_negative)

    def least(lost):
        """The least value over thresholds, and how far the next local minimum lies above it."""
        at = _fraction(lost, *on_grid)[0]
        lowest = first & (at <= at[below]) & (at < at[above]) | (
            order == jnp.argmin(at).astype(jnp.int32)
        )
        places = jnp.argsort(jnp.where(lowest, at, jnp.inf))[:_RIVALS]
        ends = tried[below[places]], tried[above[places]]

        def halve(_, ends):
            middle = (ends[0] + ends[1]) / 2
            tails = _tail(middle, still_positive), _tail(middle, still_negative)
            rising = _fraction(lost, *tails)[1] > 0
            return jnp.where(rising, ends[0], middle), jnp.where(rising, middle, ends[1])

        def step(best, one, zero):
            _, slope, bend = _fraction(lost, _tail(best, one), _tail(best, zero))
            return best - jnp.where(bend > 0, slope / jnp.where(bend > 0, bend, 1.0), 0.0)

        middle = sum(jax.lax.fori_loop(0, _HALVINGS, halve, ends)) / 2
        best = step(step(middle, still_positive, still_negative), positive, negative)
        both = _fraction(lost, _tail(best, positive), _tail(best, negative))[0]
        both = jnp.where(lowest[places], both, jnp.inf)
        place = jnp.argmin(both)
        other = jnp.abs(best - best[place]) > near  # one may be found twice
        gap = jnp.min(jnp.where(other, both, jnp.inf)) - both[place]
        return both[place], jax.lax.stop_gradient(gap)

    # balanced error (1 - F_1 + F_0) / 2, and 1 - F1 with shares pi and 1 - pi
    zero, one = jnp.zeros(()), jnp.ones(())
    lost = jnp.stack(
        [
            jnp.stack([one / 2, -one / 2, one / 2, one, zero, zero]),
            jnp.stack([share, -share, rest, share, share, rest]) * one,
        ]
    )
    (smallest, missed), gaps = jax.vmap(least)(lost)
    precision = _average_precision(positive, negative, share, tried)
    return (
        jnp.stack([_auroc(positive, negative), precision, smallest, 1.0 - missed]),
        jnp.concatenate([jnp.full(2, jnp.inf), gaps]),
    )


_compiled = quick_jit(metric_values)


def _score(slope, side: Side) -> _Score:
    std = jnp.sqrt((side.covs @ slope) @ slope)
    return _Score(jnp.asarray(side.weights), side.means @ slope, std)


def _auroc(positive: _Score, negative: _Score):
    gap = positive.mean[:, None] - negative.mean[None]
    var = positive.std[:, None] ** 2 + negative.std[None] ** 2
    return positive.weights @ jax.scipy.special.ndtr(gap / jnp.sqrt(var)) @ negative.weights


class _Tail(NamedTuple):
    """Share of a score above a threshold, its density there, and the density's slope."""

    above: Array
    density: Array
    bend: Array


def _tail(threshold, score: _Score) -> _Tail:
    mean, std = (part.reshape((1,) * threshold.ndim + (-1,)) for part in (score.mean, score.std))
    units = (mean - threshold[..., None]) / std
    density = jnp.exp(-(units**2) / 2) / (np.sqrt(2 * np.pi) * std)
    return _Tail(
        jax.scipy.special.ndtr(units) @ score.weights,
        density @ score.weights,
        (density * units / std) @ score.weights,
    )


def _fraction(lost, one: _Tail, zero: _Tail):
    """``(a + b F_1 + c F_0) / (d + e F_1 + f F_0)``, its slope and its curvature at a stationary
    point, both up to the square of the denominator."""
    over = lost[0] + lost[1] * one.above + lost[2] * zero.above
    under = lost[3] + lost[4] * one.above + lost[5] * zero.above
    rise, fall = (-(k * one.density + m * zero.density) for k, m in (lost[1:3], lost[4:]))
    bend, bent = (-(k * one.bend + m * zero.bend) for k, m in (lost[1:3], lost[4:]))
    return over / under, rise * under - over * fall, bend * under - over * bent


def _average_precision(positive: _Score, negative: _Score, share, tried):
    """Mean precision over the density of label 1; the nodes do not move with the point."""
    half = jnp.diff(tried)[:, None] / 2
    threshold = (tried[:-1, None] + half + half * _NODES[None]).ravel()
    one, zero = _tail(threshold, positive), _tail(threshold, negative)
    flagged = share * one.above + (1.0 - share) * zero.above
    precision = share * one.above / jnp.where(flagged > 0, flagged, 1.0)
    return (precision * one.density) @ (half * _MASS[None]).ravel()
