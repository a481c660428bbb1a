"""First and second moments of the score over many laws at once, from one pass of quadrature.

The same numbers as `theory.population.groups` computes one by one, batched over stacked laws and
sharing their quadrature nodes, and their derivative in ``theta``: what theorem R assembles its
predictions from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.population.expectations import expectations, host_expectations
from synthetic_oversampling.theory.population.laws import Law
from synthetic_oversampling.theory.population.margins import Loss, library

__all__ = [
    "Means",
    "Moments",
    "margin_means",
    "moments",
    "moments_from",
    "moments_slope",
    "score_mean_from",
    "score_slopes",
    "second_moment",
]

_TOGETHER = 4096  # components whose means are computed at once: bounds the memory


class Moments(NamedTuple):
    """Per law: risk ``[G]``, score mean ``[G, p]``, Hessian and score covariance ``[G, p, p]``.

    Attributes:
        risk: nats; score_mean: mean gradient of the loss.
        hessian: mean Hessian of the loss; score_cov: covariance of the gradient.
    """

    risk: AnyArray
    score_mean: AnyArray
    hessian: AnyArray
    score_cov: AnyArray


class Means(NamedTuple):
    """What of stacked laws depends on ``theta``, per component, in the symbols of `groups`.

    Attributes:
        direction: ``C = (0, cov w)`` ``[t, G, K, p]``, ``t`` points.
        loss: means of the loss and its derivatives in the margin, times the component's weight
            ``[k, t, G, K]``.
        square: the same of its squared slope ``[k, t, G, K]``.
    """

    direction: AnyArray
    loss: AnyArray
    square: AnyArray

    def at(self, index: int) -> Means:
        """At one of the points, without their axis.

        Args:
            index: of the point.
        """
        return Means(self.direction[index], self.loss[:, index], self.square[:, index])


@lru_cache(maxsize=16)
def _functions(loss: Loss, further: int) -> tuple[tuple, int]:
    """The loss to its derivative ``4 + further``, its squared slope to ``2 + further``."""
    values = [loss.value, *(loss.derivative(k) for k in range(1, 5 + further))]
    first: Any = loss.derivative(1)  # a Logistic or a Polynomial, times itself
    squares = [first * first]
    for _ in range(2 + further):
        squares.append(squares[-1].derivative())
    return (*values, *squares), len(values)


def margin_means(points, laws: Law, loss: Loss, further: int = 0) -> Means:
    """The means that `moments_from` needs, and ``further`` derivatives (2 for `moments_slope`).

    Of NumPy arrays, everything here is computed at once, on the host.

    Args:
        points: one or several ``theta`` ``[t, p]``.
        laws: stacked laws ``[G, K, ...]``.
        loss: the loss; further: how many more derivatives.
    """
    xp = library(points, *laws)
    slopes = points[:, 1:]
    cov_slope = xp.einsum("gkij,tj->tgki", laws.covs, slopes)
    var = xp.maximum(xp.einsum("tgki,ti->tgk", cov_slope, slopes), 0.0)
    score = points[:, 0, None, None] + xp.einsum("gki,ti->tgk", laws.means, slopes)
    functions, count = _functions(loss, further)
    e = _weighted(functions, laws.signs[None] * score, var, laws.weights, xp)
    direction = xp.concatenate([xp.zeros_like(cov_slope[..., :1]), cov_slope], axis=-1)
    return Means(direction, e[:count], e[count:])


def _weighted(functions, margin, var, weights, xp):
    """``weights E[g_j(u)]`` ``[j, t, G, K]``; on the host only where there is weight."""
    if xp is np:
        kept = np.nonzero(weights > 0)
        values = np.zeros((len(functions), len(margin), *weights.shape))
        for first in range(0, len(kept[0]), _TOGETHER):
            cut = (slice(None), *(axis[first : first + _TOGETHER] for axis in kept))
            e = host_expectations(functions, margin[cut], var[cut])
            values[(slice(None), *cut)] = e * weights[cut[1:]]
        return values
    return expectations(functions, margin, var, (0.0, 0.0)) * weights[None, None]


def _location(laws: Law, axes: int, xp):
    """``M = (1, mu)`` and the signs, with leading axes of length 1 for as many axes of weights."""
    location = xp.concatenate([xp.ones_like(laws.means[..., :1]), laws.means], axis=-1)
    lead = (None,) * (axes - laws.weights.ndim)
    return location[lead], laws.signs[lead]


def second_moment(laws: Law, direction, e):
    """``E[g(u) xbar xbar']`` of a margin function ``g``: ``[..., p, p]``.

    Args:
        laws: one law ``[K, ...]``, or stacked laws ``[G, K, ...]``.
        direction: ``C = (0, cov w)`` ``[..., K, p]``, of one point or of several.
        e: means of ``g``, ``g'`` and ``g''``, times the components' weights ``[3, ..., K]``, for
            one function or several, of which each has every point.
    """
    xp = library(*laws, direction, e)
    axes = e.ndim - 1
    location, sign = _location(laws, axes, xp)
    direction = direction[(None,) * (axes + 1 - direction.ndim)]
    zeroth, second = e[0][..., None], e[2][..., None]
    cross = (sign * e[1])[..., None]
    above = zeroth * location + cross * direction
    below = cross * location + second * direction
    product = xp.swapaxes(location, -1, -2) @ above + xp.swapaxes(direction, -1, -2) @ below
    return product + _bordered(xp.einsum("...k,...kij->...ij", e[0], laws.covs), xp)


def _bordered(matrix, xp):
    """``diag(0, matrix)``."""
    row = xp.concatenate([xp.zeros_like(matrix[..., :1]), matrix], axis=-1)
    return xp.concatenate([xp.zeros_like(row[..., :1, :]), row], axis=-2)


def score_mean_from(laws: Law, direction, e):
    """Mean of the score ``[..., p]``.

    Args:
        laws, direction: as for `second_moment`.
        e: means of the loss's first two derivatives, times the components' weights ``[2, ..., K]``.
    """
    xp = library(*laws, direction, e)
    location, sign = _location(laws, e.ndim - 1, xp)
    return xp.sum((sign * e[0])[..., None] * location + e[1][..., None] * direction, axis=-2)


def _second_moment_slope(laws: Law, direction, e, weights, matrix):
    """Gradient of ``sum_fg weights_fg tr(matrix_f E_g[f(u) xbar xbar'])``: ``[..., p]``.

    From the means ``[5, f, ..., G, K]`` of functions ``f`` to their fourth derivatives, with
    matrices that are symmetric: ``m`` moves with ``y M``, which adds one derivative to each, ``v``
    with ``2 C``, which adds two and a half, and ``C`` with ``S``.
    """
    xp = library(direction, e, weights, matrix)
    location, sign = _location(laws, e.ndim - 1, xp)
    direction = direction[None]
    e = e * weights[None, ..., None]
    each = matrix[..., None, :, :]  # of every group
    along, across = location @ each, direction @ each
    trace = xp.einsum("gkij,...ij->...gk", laws.covs, matrix[..., 1:, 1:])
    level = xp.sum(along * location, axis=-1) + trace
    tilt = 2 * sign * xp.sum(along * direction, axis=-1)
    bend = xp.sum(across * direction, axis=-1)
    moved = 2 * xp.sum((sign * e[1])[..., None] * along + e[2][..., None] * across, axis=0)
    of_location = sign * (e[1] * level + e[2] * tilt + e[3] * bend)
    of_direction = e[2] * level + e[3] * tilt + e[4] * bend
    of_cov = xp.einsum("gkij,...gkj->...i", laws.covs, moved[..., 1:])
    total = of_location[..., None] * location + of_direction[..., None] * direction
    border = xp.concatenate([xp.zeros_like(of_cov[..., :1]), of_cov], axis=-1)
    return xp.sum(xp.sum(total, axis=(-3, -2)), axis=0) + border


def moments_from(means: Means, laws: Law) -> Moments:
    """`Moments` of stacked laws from their `margin_means`.

    Args:
        means: at one point, or at several: then every moment has their axis before the others.
        laws: stacked laws ``[G, K, ...]`` that they belong to.
    """
    xp = library(*means, *laws)
    mean = score_mean_from(laws, means.direction, means.loss[1:3])
    both = xp.stack([means.loss[2:5], means.square[:3]], axis=1)
    hessian, square = second_moment(laws, means.direction, both)
    return Moments(
        xp.sum(means.loss[0], axis=-1),
        mean,
        hessian,
        square - mean[..., :, None] * mean[..., None, :],
    )


def moments_slope(means: Means, moments: Moments, laws: Law, hessian_part, cov_part):
    """Gradient in ``theta`` of ``sum_g (a_g tr(P Hess_g) + b_g tr(Q Cov_g))``: ``[..., p]``.

    Args:
        means: `margin_means` with two further derivatives, at one point, or at several; moments:
            their moments.
        laws: the stacked laws.
        hessian_part, cov_part: ``(a, P)`` and ``(b, Q)``, weights ``[..., G]`` and symmetric
            matrices ``[..., p, p]``, held fixed; with the points' axis where there is one.
    """
    xp = library(*means, *laws)
    weights, matrix = cov_part
    e = xp.stack([means.loss[2:], means.square], axis=1)
    both = (xp.stack(parts) for parts in zip(hessian_part, cov_part, strict=True))
    pulled = moments.score_mean @ matrix
    outer = weights[..., None] * (moments.hessian @ pulled[..., None])[..., 0]
    return _second_moment_slope(laws, means.direction, e, *both) - 2 * xp.sum(outer, axis=-2)


def score_slopes(points, laws: Law, loss: Loss):
    """Score means ``[t, G, p]`` and Hessians ``[t, G, p, p]`` alone, as Newton's method needs them.

    Args:
        points: several ``theta`` ``[t, p]``; laws: stacked laws; both NumPy arrays.
        loss: the loss.
    """
    slopes = points[:, 1:]
    cov_slope = np.einsum("gkij,tj->tgki", laws.covs, slopes)
    var = np.maximum(np.einsum("tgki,ti->tgk", cov_slope, slopes), 0.0)
    score = points[:, 0, None, None] + np.einsum("gki,ti->tgk", laws.means, slopes)
    functions = tuple(loss.derivative(k) for k in range(1, 5))
    e = _weighted(functions, laws.signs[None] * score, var, laws.weights, np)
    direction = np.concatenate([np.zeros_like(cov_slope[..., :1]), cov_slope], axis=-1)
    mean = score_mean_from(laws, direction, e[:2])
    return mean, second_moment(laws, direction, e[1:])


def moments(theta, laws: Law, loss: Loss) -> Moments:
    """Risk, gradient, Hessian and score covariance of stacked laws ``[G, K, ...]`` of mass 1.

    Accurate relative to the functions' maximum (1e-13), not to an exponentially small value; for
    that use `theory.population.groups`.

    Args:
        theta: ``[p]``; on the host if it and the laws are NumPy arrays.
        laws: stacked laws ``[G, K, ...]``.
        loss: the loss.
    """
    return moments_from(margin_means(theta[None], laws, loss).at(0), laws)
