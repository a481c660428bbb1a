"""First and second moments of the score over many laws at once, from one pass of quadrature.

The same numbers as `theory.groups` computes one by one, batched over stacked laws and sharing their
quadrature nodes, and their derivative in ``theta``: what theorem R assembles its predictions from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from theory.laws import Law
from theory.margins import AnyArray, Loss, expectations, library, plain_expectations

__all__ = [
    "Means",
    "Moments",
    "margin_means",
    "moments",
    "moments_from",
    "moments_slope",
    "score_mean_from",
    "second_moment",
]


class Moments(NamedTuple):
    """Per law: risk ``[G]``, score mean ``[G, p]``, Hessian and score covariance ``[G, p, p]``."""

    risk: AnyArray
    score_mean: AnyArray
    hessian: AnyArray
    score_cov: AnyArray


class Means(NamedTuple):
    """What of stacked laws depends on ``theta``, per component, in the symbols of `theory.groups`.

    Attributes:
        direction: ``C = (0, cov w)`` ``[t, G, K, p]``, ``t`` points.
        loss: means of the loss and its derivatives in the margin, times the component's weight.
        square: the same of its squared slope ``[t, k, G, K]``.
    """

    direction: AnyArray
    loss: AnyArray
    square: AnyArray

    def at(self, index: int) -> Means:
        """At one of the points, without their axis.

        Args:
            index: of the point.
        """
        return Means(*(part[index] for part in self))


@lru_cache(maxsize=16)
def _functions(loss: Loss, further: int) -> tuple[tuple, int]:
    """The loss to its derivative ``4 + further``, its squared slope to ``2 + further``."""
    values = [loss.value, *(loss.derivative(k) for k in range(1, 5 + further))]
    squares = [values[1] * values[1]]
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
    return Means(direction, e[:, :count], e[:, count:])


def _weighted(functions, margin, var, weights, xp):
    """``weights E[g_j(u)]`` ``[t, j, G, K]``; on the host only where there is weight."""
    if xp is np:
        kept = weights > 0
        values = np.zeros((len(margin), len(functions), *weights.shape))
        e = plain_expectations(functions, margin[:, kept], var[:, kept], (0.0, 0.0))
        values[:, :, kept] = np.swapaxes(e, 0, 1) * weights[kept]
        return values
    e = expectations(functions, margin, var, (0.0, 0.0)) * weights[None, None]
    return xp.swapaxes(e, 0, 1)


def _location(laws: Law, xp):
    return xp.concatenate([xp.ones_like(laws.means[..., :1]), laws.means], axis=-1)


def _bordered(matrix, xp):
    """``diag(0, matrix)``."""
    row = xp.concatenate([xp.zeros_like(matrix[..., :1]), matrix], axis=-1)
    return xp.concatenate([xp.zeros_like(row[..., :1, :]), row], axis=-2)


def second_moment(laws: Law, direction, e):
    """``E[g(u) xbar xbar']`` of a margin function ``g``: ``[..., p, p]``.

    Args:
        laws: one law ``[K, ...]``, or stacked laws ``[G, K, ...]``.
        direction: ``C = (0, cov w)`` ``[..., K, p]``.
        e: means of ``g``, ``g'`` and ``g''``, times the components' weights ``[3, ..., K]``.
    """
    xp = library(*laws, direction, e)
    location, zeroth, second = _location(laws, xp), e[0][..., None], e[2][..., None]
    cross = (laws.signs * e[1])[..., None]
    left = xp.concatenate([location, direction], axis=-2)
    right = [zeroth * location + cross * direction, cross * location + second * direction]
    product = xp.swapaxes(left, -1, -2) @ xp.concatenate(right, axis=-2)
    return product + _bordered(xp.einsum("...k,...kij->...ij", e[0], laws.covs), xp)


def score_mean_from(laws: Law, direction, e):
    """Mean of the score ``[..., p]``.

    Args:
        laws, direction: as for `second_moment`.
        e: means of the loss's first two derivatives, times the components' weights ``[2, ..., K]``.
    """
    xp = library(*laws, direction, e)
    mean = xp.einsum("...k,...kp->...p", laws.signs * e[0], _location(laws, xp))
    return mean + xp.einsum("...k,...kp->...p", e[1], direction)


def _second_moment_slope(laws: Law, direction, e, weights, matrix):
    """Gradient of ``sum_g weights_g tr(matrix E_g[g(u) xbar xbar'])``: ``[p]``.

    From the means of ``g`` to its fourth derivative, ``matrix`` symmetric: ``m`` moves with
    ``y M``, which adds one derivative to each, ``v`` with ``2 C``, which adds two and a half, and
    ``C`` with ``S``.
    """
    xp = library(direction, e, weights, matrix)
    location, sign = _location(laws, xp), laws.signs
    e = e * weights[None, :, None]
    along, across = location @ matrix, direction @ matrix
    trace = xp.einsum("gkij,ij->gk", laws.covs, matrix[1:, 1:])
    level = xp.sum(along * location, axis=-1) + trace
    tilt = 2 * sign * xp.sum(along * direction, axis=-1)
    bend = xp.sum(across * direction, axis=-1)
    moved = 2 * ((sign * e[1])[..., None] * along + e[2][..., None] * across)[..., 1:]
    of_location = sign * (e[1] * level + e[2] * tilt + e[3] * bend)
    of_direction = e[2] * level + e[3] * tilt + e[4] * bend
    of_cov = xp.sum((laws.covs @ moved[..., None])[..., 0], axis=(0, 1))
    return (
        xp.einsum("gk,gkp->p", of_location, location)
        + xp.einsum("gk,gkp->p", of_direction, direction)
        + xp.concatenate([xp.zeros_like(of_cov[:1]), of_cov])
    )


def moments_from(means: Means, laws: Law) -> Moments:
    """`Moments` of stacked laws from their `margin_means`.

    Args:
        means: at one point.
        laws: stacked laws ``[G, K, ...]`` that they belong to.
    """
    xp = library(*means, *laws)
    mean = score_mean_from(laws, means.direction, means.loss[1:3])
    outer = mean[:, :, None] * mean[:, None, :]
    return Moments(
        xp.sum(means.loss[0], axis=1),
        mean,
        second_moment(laws, means.direction, means.loss[2:5]),
        second_moment(laws, means.direction, means.square[:3]) - outer,
    )


def moments_slope(means: Means, own: Moments, laws: Law, hessian_part, cov_part):
    """Gradient in ``theta`` of ``sum_g (a_g tr(P Hess_g) + b_g tr(Q Cov_g))``: ``[p]``.

    Args:
        means: `margin_means` with two further derivatives; own: the moments from them.
        laws: the stacked laws.
        hessian_part, cov_part: ``(a, P)`` and ``(b, Q)``, weights ``[G]`` and symmetric matrices
            ``[p, p]``, held fixed.
    """
    xp = library(*means, *laws)
    weights, matrix = cov_part
    outer = weights[:, None, None] * own.hessian @ (own.score_mean @ matrix)[..., None]
    return (
        _second_moment_slope(laws, means.direction, means.loss[2:], *hessian_part)
        + _second_moment_slope(laws, means.direction, means.square, weights, matrix)
        - 2 * xp.sum(outer[..., 0], axis=0)
    )


def moments(theta, laws: Law, loss: Loss) -> Moments:
    """Risk, gradient, Hessian and score covariance of stacked laws ``[G, K, ...]`` of mass 1.

    Accurate relative to the functions' maximum (1e-13), not to an exponentially small value; for
    that use `theory.groups`.

    Args:
        theta: ``[p]``; on the host if it and the laws are NumPy arrays.
        laws: stacked laws ``[G, K, ...]``.
        loss: the loss.
    """
    return moments_from(margin_means(theta[None], laws, loss).at(0), laws)
