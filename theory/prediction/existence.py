"""Whether a finite logistic fit exists: the separability of the rows of a design.

A logistic fit without penalty has a finite minimiser exactly when no hyperplane separates the
labels (Albert and Anderson, 1984). For clusters ``k`` of ``n_k`` rows ``N(mu_k, I)`` with labels
``y_k = +-1`` this happens with a probability that goes, in ``d`` features, from 0 to 1 where the
parameters pass

    p* = min over (b, a) of sum_k n_k E[(-y_k (b + mu_k . a) + sqrt(1 + |a|^2) z)_+^2],

``z`` standard normal (H3; half the rows, Cover's number, without signal). The width of the passage
is that of the intrinsic volumes of a cone: the variance of the squared length of a projection on it
minus twice its mean (McCoy and Tropp, 2014), here at the minimiser,

    width^2 = sum_k n_k Var[(...)_+^2] - 2 p*,

a quarter of the rows without signal, as in Cover's theorem. The probability is the normal one with
this mean and width. It is exact in the limit of many features, and an estimate else; where few
features carry the signal, the probability that the rows are separated along the best direction
alone is a lower bound, and the larger of the two is returned.

References: Cover (1965), Albert and Anderson (1984), Candes and Sur (2020); McCoy and Tropp (2014,
From Steiner formulas for cones to concentration of intrinsic volumes).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtr

__all__ = ["Clusters", "Existence", "existence", "separated_along"]

_STEPS = 100
_NODES = 201


class Clusters(NamedTuple):
    """Gaussian clusters of rows: counts ``[K]``, means ``[K, d]``, covariances ``[K, d, d]`` and
    label signs ``[K]``.

    Attributes:
        counts: rows; means, covs: of the features; signs: 1 or -1, of the label.
    """

    counts: np.ndarray
    means: np.ndarray
    covs: np.ndarray
    signs: np.ndarray


class Existence(NamedTuple):
    """How far a design is from one without a finite fit.

    Attributes:
        threshold: ``p*``, parameters beyond which the labels are usually separable.
        margin: ``p* / p``: 1 at the threshold, large where a fit is sure to exist.
        no_fit: estimated probability that no finite fit exists.
    """

    threshold: float
    margin: float
    no_fit: float


def existence(clusters: Clusters) -> Existence:
    """Separability of independent rows (H3, in this project's finite form).

    Args:
        clusters: of rows, whitened here by their common covariance. With unequal covariances this
            is an approximation. Without any spread, as of laws on a few points, it is NaN.

    Example:
        >>> one = Clusters(np.array([400.0, 80.0]), np.array([[0.0] * 90, [1.5] + [0.0] * 89]),
        ...                np.stack([np.eye(90)] * 2), np.array([-1.0, 1.0]))
        >>> found = existence(one)
        >>> round(found.threshold, -1), found.no_fit < 0.01
        (120.0, True)
    """
    counts, means, covs, signs = clusters
    total, size = counts.sum(), means.shape[1] + 1
    if not math.isfinite(total):  # a continuous law beside finitely many rows
        return Existence(math.inf, math.inf, 0.0)
    pooled = np.einsum("k,kij->ij", counts / total, covs)
    values, vectors = np.linalg.eigh(pooled)
    if not values[-1] > 0:  # rows on a few points: not known here
        return Existence(math.nan, math.nan, math.nan)
    kept = values > 1e-12 * values[-1]
    white = (means @ vectors[:, kept]) / np.sqrt(values[kept])
    centred = white - counts @ white / total
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    used = lengths > 1e-9 * max(1.0, lengths[0])
    places = left[:, used] * lengths[used]  # coordinates in the span of the means
    least, spread = _least_square(counts, signs, places)
    width = math.sqrt(max(spread - 2 * least, 0.25))
    sure = float(ndtr((size - least) / width))
    return Existence(least, least / size, max(sure, separated_along(clusters)))


def _least_square(counts, signs, places) -> tuple[float, float]:
    """The convex minimum over ``(b, a)`` by damped Newton steps, and the variance there."""
    point = np.zeros(1 + places.shape[1])
    rows = -signs[:, None] * np.column_stack([np.ones(len(signs)), places])

    def parts(at):
        shift, length = rows @ at, math.sqrt(1.0 + at[1:] @ at[1:])
        r = shift / length
        tail, density = ndtr(r), np.exp(-(r**2) / 2) / math.sqrt(2 * math.pi)
        square = length**2 * ((1 + r**2) * tail + r * density)
        return shift, length, r, tail, density, square

    value = math.inf
    for _ in range(_STEPS):
        shift, length, r, tail, density, square = parts(point)
        value = counts @ square
        # derivatives of E(m + s z)_+^2: 2 (m Phi + s phi) in m, 2 s Phi in s
        mean_slope = 2 * (shift * tail + length * density)
        grow = np.append(0.0, point[1:]) / length
        slope = rows.T @ (counts * mean_slope) + 2 * length * (counts @ tail) * grow
        # second derivatives: 2 Phi in m, 2 phi in (m, s), 2 Phi - 2 r phi in s
        inner = np.eye(len(point)) - np.outer(grow, grow)
        inner[0, 0] = 0.0
        cross = np.outer(rows.T @ (2 * counts * density), grow)
        bend = (rows.T * (2 * counts * tail)) @ rows + cross + cross.T
        bend = bend + (counts @ (2 * tail - 2 * r * density)) * np.outer(grow, grow)
        bend = bend + 2 * (counts @ tail) * inner
        move = -np.linalg.solve(bend + 1e-12 * np.trace(bend) * np.eye(len(bend)), slope)
        step, decrease = 1.0, slope @ move
        if -decrease <= 1e-12 * value:
            break
        while step > 1e-9 and counts @ parts(point + step * move)[-1] > value + step * decrease / 4:
            step /= 2
        point = point + step * move
    shift, length, r, tail, density, square = parts(point)
    fourth = length**4 * ((r**4 + 6 * r**2 + 3) * tail + (r**3 + 5 * r) * density)
    return float(counts @ square), float(counts @ (fourth - square**2))


def separated_along(clusters: Clusters) -> float:
    """Probability that one threshold separates the labels along the discriminant direction.

    Statement (exact for independent rows): all scores of one class lie above all of the other:
    the integral of ``d prod F_k(t)`` over the last score of class 0 times ``prod (1 - F_k)`` of
    class 1. A lower bound on the probability that no finite fit exists, attained in one feature but
    for the other order of the classes.

    Args:
        clusters: of rows.

    Example:
        >>> two = Clusters(np.ones(2), np.zeros((2, 1)), np.ones((2, 1, 1)), np.array([-1.0, 1.0]))
        >>> round(separated_along(two), 6)
        0.5
    """
    counts, means, covs, signs = clusters
    share = [counts * (signs == side) for side in (-1.0, 1.0)]
    low, high = (fraction @ means / fraction.sum() for fraction in share)
    pooled = np.einsum("k,kij->ij", counts / counts.sum(), covs)
    direction = np.linalg.pinv(pooled, hermitian=True) @ (high - low)
    if not np.linalg.norm(direction) > 0:
        direction = np.eye(len(direction))[0]
    centre = means @ direction
    std = np.sqrt(np.maximum(np.einsum("kij,i,j->k", covs, direction, direction), 1e-300))
    grid = np.linspace((centre - 8 * std).min(), (centre + 8 * std).max(), 8 * _NODES)
    unit = (grid[:, None] - centre) / std
    below = np.exp(log_ndtr(unit) @ share[0])  # all of class 0 below the grid's point
    above = np.exp(log_ndtr(-unit) @ share[1])  # all of class 1 above it
    middle = (above[1:] + above[:-1]) / 2
    return float(np.clip(np.sum(np.diff(below) * middle), 0.0, 1.0))
