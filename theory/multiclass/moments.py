"""Moments of the softmax loss over many laws at once, and the population minimiser.

With ``q`` the probabilities of the classes 1 to C at scores ``t``, the loss has gradient
``r_k xbar``, ``r = q - e_y``, and Hessian ``h_kl xbar xbar'``, ``h = diag(q) - q q'``. Parameters
are in one vector, score by score: ``Theta`` row after row.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.multiclass.components import Components
from synthetic_oversampling.theory.multiclass.partition import derivatives, places
from synthetic_oversampling.theory.multiclass.scores import (
    Grid,
    Scores,
    grids_for,
    pairs,
    pieces_of,
    scores_at,
    softmax,
)

__all__ = ["Moments", "minimise", "moments", "moments_slope", "moments_slopes", "residuals"]

_ARMIJO, _ROUNDING = 1e-4, 1e-13
_STEPS = 200
_SETTLED = 1e-7  # relative step after which one more is exact to rounding
_SAMPLED = 1e-6  # of Sobol points, far below their error
_NEAR = 1e-3  # of few points


class Moments(NamedTuple):
    """Per law: risk ``[g]``, score mean ``[g, C p]``, Hessian and score covariance
    ``[g, C p, C p]``.

    Attributes:
        risk: nats; score_mean: mean gradient of the loss.
        hessian: mean Hessian of the loss; score_cov: covariance of the gradient.
    """

    risk: np.ndarray
    score_mean: np.ndarray
    hessian: np.ndarray
    score_cov: np.ndarray


def _powers(nodes: np.ndarray) -> np.ndarray:
    """``(1, z)`` at the nodes: ``[..., N, 1 + C]``."""
    return np.concatenate([np.ones_like(nodes[..., :1]), nodes], axis=-1)


def _square(powers: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Products of two of ``(1, z)``, each once, and the scale."""
    left, right = np.triu_indices(powers.shape[-1])
    products = powers[..., left] * powers[..., right]
    if len(products) != len(scale):
        products = np.broadcast_to(products, (len(scale), *products.shape[1:]))
    return np.concatenate([products, scale[..., None]], axis=-1)


def _integrated(values: np.ndarray, weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    """``sum_n weights_n values_n features_n``: ``[c, v, f]`` from ``[c, v, N]``, ``[., N, f]``."""
    return (values * weights[:, None]) @ features


class _Means(NamedTuple):
    """Per component, with ``zh = (1, z)``: ``E loss``, ``E r zh`` ``[c, C, 1 + C]``; of ``h`` and
    ``r r'``, for `pairs`, means times the products of two of ``zh`` and times the scale."""

    loss: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    square: np.ndarray


def residuals(share: np.ndarray, log_sum: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``r = q - e_y``, the scores before the nodes: ``[c, C, N]``.

    Args:
        share, log_sum: of `softmax` ``[c, N, C]`` and ``[c, N]``; labels: ``[c]``.
    """
    rows = np.swapaxes(share, 1, 2).copy()
    for c, label in enumerate(labels):
        if label:  # q_y - 1 as minus the sum of the others, without cancellation
            rows[c, label - 1] = 0.0
            rows[c, label - 1] = -(np.sum(rows[c], axis=0) + np.exp(-log_sum[c]))
    return rows


def _means(scores: Scores, labels: np.ndarray, grids: list[Grid], *, square: bool = True) -> _Means:
    count, size = scores.mean.shape
    upper = pairs(size)
    found = _Means(
        np.zeros(count),
        np.zeros((count, size, 1 + size)),
        *(np.zeros((count, len(upper), len(pairs(1 + size)) + 1)) for _ in range(2)),
    )
    for block, nodes, weights, scale in pieces_of(grids, len(upper)):
        t = scores.mean[block, None] + nodes @ np.swapaxes(scores.root[block], 1, 2)
        share, log_sum = softmax(t)
        label = labels[block]
        own = np.zeros_like(log_sum)
        for c, y in enumerate(label):
            if y:
                own[c] = t[c, :, y - 1]
        powers = _powers(nodes)
        products = _square(powers, scale)
        residual = residuals(share, log_sum, label)
        q = np.swapaxes(share, 1, 2)
        bend = np.stack([(k == m) * q[:, k] - q[:, k] * q[:, m] for k, m in upper], axis=1)
        found.loss[block] = np.sum((log_sum - own) * weights, axis=1)
        found.slope[block] = _integrated(residual, weights, powers)
        found.bend[block] = _integrated(bend, weights, products)
        if square:
            both = np.stack([residual[:, k] * residual[:, m] for k, m in upper], axis=1)
            found.square[block] = _integrated(both, weights, products)
    return found


def _spread(means: np.ndarray, scores: Scores, parts: Components) -> np.ndarray:
    """``E[f_kl xbar xbar']`` per law ``[g, C p, C p]`` from the means of `_Means`."""
    size, width = scores.direction.shape[1:]
    basis = scores.basis[:, None, None]
    means = means[:, places(size, 2)]
    each = np.swapaxes(basis, -1, -2) @ means[..., places(1 + size, 2)] @ basis
    each = each + means[..., -1, None, None] * scores.rest[:, None, None]
    total = parts.totals(each)  # [g, C, C, p, p]
    return np.swapaxes(total, 2, 3).reshape(parts.number, size * width, size * width)


def moments(theta: np.ndarray, parts: Components, grids: list[Grid] | None = None) -> Moments:
    """Risk, gradient, Hessian and score covariance of laws of mass 1.

    Args:
        theta: ``[C, p]``; parts: the laws' components.
        grids: points to integrate over; those of `grids_for` when None.
    """
    scores = scores_at(theta, parts)
    grids = grids_for(scores, parts.weights) if grids is None else grids
    found = _means(scores, parts.labels, grids)
    mean = parts.totals(found.slope @ scores.basis).reshape(parts.number, -1)
    square = _spread(found.square, scores, parts)
    return Moments(
        parts.totals(found.loss),
        mean,
        _spread(found.bend, scores, parts),
        square - mean[:, :, None] * mean[:, None, :],
    )


_Part = tuple[np.ndarray, np.ndarray]


def moments_slope(
    theta: np.ndarray,
    parts: Components,
    at: Moments,
    hessian_part: _Part,
    cov_part: _Part,
    grids: list[Grid] | None = None,
) -> np.ndarray:
    """Gradient in ``Theta`` of ``sum_g (a_g tr(P Hess_g) + b_g tr(Q Cov_g))``: ``[C p]``.

    Args:
        theta: ``[C, p]``; parts: the laws' components; at: their `moments` there.
        hessian_part, cov_part: ``(a, P)`` and ``(b, Q)``: weights ``[g]`` and symmetric matrices
            ``[C p, C p]``, held fixed.
        grids: as for `moments`.
    """
    return moments_slopes(theta, parts, at, [(hessian_part, cov_part)], grids)[0]


def moments_slopes(
    theta: np.ndarray,
    parts: Components,
    at: Moments,
    forms: Sequence[tuple[_Part, _Part]],
    grids: list[Grid] | None = None,
) -> list[np.ndarray]:
    """`moments_slope` of several sums at once, which costs little more than one of them.

    Args:
        theta, parts, at, grids: as for `moments_slope`.
        forms: of each sum, its ``(a, P)`` and ``(b, Q)``.
    """
    scores = scores_at(theta, parts)
    grids = grids_for(scores, parts.weights) if grids is None else grids
    size, width = theta.shape
    slopes = np.zeros((len(forms), size, width))
    shape = (size, width, size, width)
    matrices = [
        [np.swapaxes(np.reshape(matrix, shape), 1, 2) for _, matrix in pair] for pair in forms
    ]
    shares = [[parts.weights * weight[parts.law] for weight, _ in pair] for pair in forms]
    for block, nodes, weights, scale in pieces_of(grids, 2 * size * size):
        t = scores.mean[block, None] + nodes @ np.swapaxes(scores.root[block], 1, 2)
        share, log_sum = softmax(t)
        q = np.swapaxes(share, 1, 2)
        residual = residuals(share, log_sum, parts.labels[block])
        powers = _powers(nodes)
        products = np.swapaxes(_square(powers, scale), -1, -2)
        basis, rest = scores.basis[block], scores.rest[block]
        for kind, turn in enumerate((_turned_bend, _turned_square)):
            integrated = partial(_integrated, weights=weights * scale, features=powers)
            pulled, means = turn(q, residual, integrated)
            for number, pair in enumerate(matrices):
                # tr(F_lk P_kl) of xbar' P xbar = zh' (B P B') zh + s r' P r
                right = pair[kind] @ np.swapaxes(basis, -1, -2)[:, None, None]
                level = np.einsum("klpq,cpq->ckl", pair[kind], rest)
                folded = _folded(basis[:, None, None] @ right, level)  # [c, C, C, f]
                quad = folded @ products[:, None]  # [c, C, C, N]
                around = rest[:, None, None] @ right
                first = _integrated(pulled(quad), weights, powers)  # [c, C, 1 + C]
                value = first @ basis + 2 * np.einsum("cmkli,cklpi->cmp", means, around)
                slopes[number] += np.tensordot(shares[number][kind][block], value, 1)
    found = []
    for slope, (_, (weight, matrix)) in zip(slopes, forms, strict=True):
        outer = np.einsum("g,gpq,gq->p", weight, at.hessian, at.score_mean @ matrix)
        found.append(slope.ravel() - 2 * outer)
    return found


def _turned_bend(q: np.ndarray, _, integrated: Callable) -> tuple[Callable, np.ndarray]:
    """How ``h`` turns with the scores: of forms ``[c, C, C, N]``, symmetric in the scores, the sums
    of the derivatives in ``t_m`` times them ``[c, C, N]``, and the means of ``dh_kl / dt_m`` that
    ``integrated`` makes ``[c, C, C, C, 1 + C]``, ``m`` first."""
    count, size, points = q.shape
    third = derivatives(np.swapaxes(q, 0, 1).reshape(size, -1), range(3, 4))
    third = np.swapaxes(third.reshape(-1, count, points), 0, 1)
    place = places(size, 3)

    def pulled(quad: np.ndarray) -> np.ndarray:
        total = np.zeros_like(q)
        for m, (k, j) in itertools.product(range(size), pairs(size)):
            total[:, m] += (1 + (k != j)) * third[:, place[k, j, m]] * quad[:, k, j]
        return total

    return pulled, integrated(third)[:, place]


def _turned_square(q, residual: np.ndarray, integrated: Callable) -> tuple[Callable, np.ndarray]:
    """The same of ``r r'``, whose derivatives are ``h_km r_l`` and as much with ``k`` and ``l``
    exchanged, which counts the same in forms that are symmetric in them."""
    size = q.shape[1]
    bend = np.eye(size)[:, :, None] * q[:, None] - q[:, :, None] * q[:, None]
    both = np.stack([bend[:, k, m, None] * residual for k, m in pairs(size)], axis=1)
    means = integrated(both.reshape(len(q), -1, q.shape[2]))
    means = means.reshape(len(q), -1, size, means.shape[-1])[:, places(size, 2)]
    means = means + np.swapaxes(means, 2, 3)  # [c, m, k, l, f]

    def pulled(quad: np.ndarray) -> np.ndarray:
        moved = np.einsum("ckln,cln->ckn", quad, residual)
        return 2 * np.einsum("cmkn,ckn->cmn", bend, moved)

    return pulled, means


def _folded(matrix: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Coefficients of the features of `_square` in ``zh' matrix zh + level s``."""
    left, right = np.triu_indices(matrix.shape[-1])
    values = matrix[..., left, right] + (left != right) * matrix[..., right, left]
    return np.concatenate([values, level[..., None]], axis=-1)


def _start(weights: np.ndarray, parts: Components, size: int) -> np.ndarray:
    """Linear discriminants of the classes against class 0, shrunk where they lie far apart."""
    labels = parts.labels[None] == np.arange(size + 1)[:, None]
    shares = labels * weights
    mass = shares.sum(axis=1)
    means = shares @ parts.means / mass[:, None]
    apart = parts.means - means[parts.labels]
    cov = np.einsum("c,cij->ij", weights, parts.mean_covs()) + (weights * apart.T) @ apart
    try:
        slopes = np.linalg.solve(cov / mass.sum(), (means[1:] - means[0]).T).T
    except np.linalg.LinAlgError:
        return np.zeros((size, parts.means.shape[1] + 1))
    far = np.max(np.sum((means[1:] - means[0]) * slopes, axis=1))
    middle = (means[1:] + means[0]) / 2
    intercept = np.log(mass[1:] / mass[0]) - np.sum(middle * slopes, axis=1)
    start = np.concatenate([intercept[:, None], slopes], axis=1)
    start = start * min(1.0, 10.0 / np.sqrt(max(far, 0.0) + 1.0))
    return start if np.all(np.isfinite(start)) else np.zeros_like(start)


def minimise(shares: np.ndarray, parts: Components, classes: int, grid_seed: int | None = None):
    """Population minimiser ``[C, p]`` of ``sum_g shares_g R_g``: Newton's method, damped.

    Features are made to have mean 0 and covariance I under the law, so that neither units nor
    offsets matter.

    Args:
        shares: of the laws ``[g]``, not negative.
        parts: their components; classes: ``K``.
        grid_seed: of Sobol points, as for `grids_for`.

    Raises:
        ValueError: if there is none: a class without mass, constant or collinear features, or
            classes that some directions separate.
    """
    weights = parts.weights * shares[parts.law]
    size = classes - 1
    masses = np.bincount(parts.labels, weights, minlength=classes)
    if np.any(masses <= 0):
        _refuse(f"every class, but class {int(np.argmin(masses))} has no mass; check the labels")
    total = weights.sum()
    centre = weights @ parts.means / total
    apart = parts.means - centre
    cov = np.einsum("c,cij->ij", weights, parts.mean_covs()) + (weights * apart.T) @ apart
    unit = np.sqrt(np.diagonal(cov / total))
    scale = np.where(unit > 0, unit, 1.0)
    correlation = cov / total / np.outer(scale, scale)
    if not np.all(unit > 0) or np.linalg.eigvalsh(correlation)[0] < 1e-13 * len(unit):
        _refuse("features that vary and are not collinear; drop one of them, or add some variance")
    root = np.linalg.cholesky(cov / total)
    lower = np.linalg.inv(root)
    kept = weights > 0
    white = parts.chosen(kept)._replace(
        weights=weights[kept],
        means=(apart @ lower.T)[kept],
        covs=(lower @ parts.covs @ lower.T)[kept],
        law=np.zeros(int(kept.sum()), int),
        number=1,
    )
    start = _start(weights[kept], white, size)
    near, found = _newton(start, white, grid_seed, rough=True)
    theta, settled = _newton(near if found else start, white, grid_seed)
    if not settled:
        _refuse(
            "overlapping classes, but some direction separates one, or nearly; check that no "
            "covariance is singular (or tiny) in a direction in which the means differ"
        )
    slopes = theta[:, 1:] @ lower
    return np.concatenate([theta[:, :1] - (slopes @ centre)[:, None], slopes], axis=1)


def _newton(
    theta: np.ndarray, white: Components, grid_seed, *, rough: bool = False
) -> tuple[np.ndarray, bool]:
    """The minimiser and whether it was found; with ``rough`` about where it is, on few points."""
    value, move, gain, step = np.inf, np.zeros_like(theta), 0.0, 0.0
    base = theta
    for _ in range(_STEPS):
        trial = base - step * move
        scores = scores_at(trial, white)
        grids = grids_for(scores, white.weights, seed=grid_seed, rough=rough)
        found = _means(scores, white.labels, grids, square=False)
        reached = float(white.weights @ found.loss)
        # else the points move with the scores, or are too few to tell
        exact = not rough and all(grid.tensor for grid in grids)
        if exact and not reached <= value - _ARMIJO * step * gain + _ROUNDING * abs(value):
            step /= 4
            if step < 1e-12:
                return base, False
            continue
        slope = white.totals(found.slope @ scores.basis).ravel()
        bend = _spread(found.bend, scores, white)[0]
        try:
            next_move = np.linalg.solve(bend, slope)
        except np.linalg.LinAlgError:
            return base, False
        gain = max(float(next_move @ slope), 0.0)
        decrement = np.sqrt(gain / white.weights.sum())
        base, value, move = trial, reached, next_move.reshape(theta.shape)
        step = 1.0 if decrement < 0.25 else 1.0 / (1.0 + decrement)
        size = np.max(np.abs(move)) / (1.0 + np.max(np.abs(trial)))
        if not np.isfinite(size) or np.max(np.abs(trial)) > 1e6:
            return base, False
        if size < (_NEAR if rough else _SETTLED if exact else _SAMPLED):
            return base - move, True
    return base, False


def _refuse(expected: str):
    raise ValueError(
        "law: got a law whose softmax risk has no finite minimiser, or none to be told from "
        f"rounding, expected {expected}."
    )
