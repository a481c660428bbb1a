"""What one seed contributes to samples interpolated between all pairs of seeds, for many scores.

The mean score of ``(1 - u) x + u x'`` given ``x`` is made of integrals over ``u`` and the partner,

    E[u^a (1 - u)^b f((1 - u) t + u t') | t],    t' ~ N(m', V').

In coordinates in which both covariances are diagonal, the interpolated scores and ``t`` are pairs
of normal variables of correlation ``rho_i(u)``; on the Hermite polynomials of ``t`` the conditional
mean multiplies degree ``n`` by ``rho^n`` (Mehler), so that a quadrature in as many dimensions as
there are scores suffices, not in twice as many. Beyond three scores the partner is a randomised
Sobol point.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr

from synthetic_oversampling.theory.multiclass.partition import derivatives, entries, places
from synthetic_oversampling.theory.multiclass.scores import (
    Scores,
    sobol_normal,
    softmax,
    widths,
)

__all__ = ["POWERS", "hermite_error", "hermite_nodes", "partner_means"]

# (order of the derivative, power of u, power of 1 - u)
POWERS = ((1, 0, 1), (1, 1, 0), (2, 2, 0), (2, 0, 2), (2, 1, 1), (3, 2, 1), (3, 3, 0), (4, 4, 0))
_MOST = (180, 80, 32)  # nodes of an axis, by the number of scores
_LEAST = (96, 28, 18)
_ERROR = (1e-15, 1e-10, 1e-9)  # of Hermite quadrature, until there are most nodes
_MIXING = (16, 12, 10)  # Gauss-Legendre nodes of u: a hundredth of the other error
_PARTNERS = 9  # two to this power are the partners beyond three scores
_NOTHING, _NOTHING_OF_SERIES = 1e-21, 1e-16  # weights of nodes, and of points in coefficients
_LARGE = 300.0  # exponents up to which sums of exponentials are finite
_DAMPED = 1e-18  # of a coefficient of a series, far below rounding
_TOGETHER = 1 << 22  # numbers held at once


def _degree(scores: Scores) -> int:
    """Nodes of an axis: with poles at ``pi / w`` standard deviations the error of ``n`` nodes is
    about ``exp(-2 (pi / w) sqrt(n))``."""
    row = scores.mean.shape[1] - 1
    width = float(np.max(widths(scores.root)))
    needed = (-np.log(_ERROR[row]) * width / (2 * np.pi)) ** 2
    return int(np.clip(np.ceil(needed), _LEAST[row], _MOST[row]))


def hermite_error(scores: Scores) -> float:
    """Estimated relative error of what interpolation adds; 0 beyond three scores.

    Args:
        scores: of a group's components.
    """
    if scores.mean.shape[1] > 3:
        return 0.0
    width = max(float(np.max(widths(scores.root))), 1e-9)
    return float(np.exp(-2 * np.pi / width * np.sqrt(_degree(scores))))


class _Axis(NamedTuple):
    """Hermite quadrature along one axis, without the nodes whose weights are below rounding."""

    points: np.ndarray  # where functions are expanded: [M]
    analysis: np.ndarray  # from their values to coefficients: [degree, M]
    nodes: np.ndarray  # where the seed is: [N]
    weights: np.ndarray  # [N]
    synthesis: np.ndarray  # from coefficients to the nodes: [N, degree]


@lru_cache(maxsize=32)
def _axis(degree: int) -> _Axis:
    points, weights = hermegauss(degree)
    weights = weights / weights.sum()
    synthesis = _hermite(points, degree)
    analysis = (synthesis * weights[:, None]).T
    inner = np.max(np.abs(analysis), axis=0) > _NOTHING_OF_SERIES
    outer = weights > _NOTHING
    return _Axis(
        points=points[inner],
        analysis=analysis[:, inner],
        nodes=points[outer],
        weights=weights[outer],
        synthesis=synthesis[outer],
    )


def hermite_nodes(scores: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Nodes ``[N, C]`` and weights ``[N]`` of a seed's standard normal vector.

    Args:
        scores: of a group's components; at most three.
    """
    axis = _axis(_degree(scores))
    points, weights = axis.nodes, axis.weights
    size = scores.mean.shape[1]
    nodes = np.stack(np.meshgrid(*[points] * size, indexing="ij"), axis=-1).reshape(-1, size)
    table = weights
    for _ in range(size - 1):
        table = np.multiply.outer(table, weights)
    return nodes, table.ravel()


_legendre = lru_cache(maxsize=4)(np.polynomial.legendre.leggauss)


def _hermite(z: np.ndarray, count: int) -> np.ndarray:
    """Orthonormal Hermite polynomials of degrees below ``count`` at points: ``[N, count]``."""
    table = np.empty((len(z), count))
    table[:, 0] = 1.0
    if count > 1:
        table[:, 1] = z
    for n in range(1, count - 1):
        table[:, n + 1] = (z * table[:, n] - np.sqrt(n) * table[:, n - 1]) / np.sqrt(n + 1)
    return table


def _canonical(scores: Scores, c: int, other: int):
    """``T``, ``s`` with ``V = T s T'``, ``V' = T (1 - s) T'``, and how ``z`` turns into theirs."""
    root = scores.root[c]
    if c == other:
        return np.sqrt(2.0) * root, np.full(len(root), 0.5), None
    total = scores.cov[c] + scores.cov[other]
    values, axes = np.linalg.eigh(total)
    kept = values > 1e-14 * max(values[-1], 1e-300)
    white = axes[:, kept] / np.sqrt(values[kept])
    share, turn = np.linalg.eigh(white.T @ scores.cov[c] @ white)
    share = np.clip(share, 0.0, 1.0)
    frame = (axes[:, kept] * np.sqrt(values[kept])) @ turn
    into = turn.T @ white.T @ root
    into = np.where(share[:, None] > 1e-14, into, 0.0)
    into = into / np.sqrt(np.where(share > 1e-14, share, 1.0))[:, None]
    return frame, share, into


def partner_means(
    scores: Scores,
    label: int,
    c: int,
    other: int,
    nodes: np.ndarray,
    *,
    further: bool,
    seed: int,
) -> list[np.ndarray]:
    """The integrals of `POWERS` of the derivatives of the loss: each ``[C, ..., C, N]``.

    Args:
        scores: of the group's components.
        label: of the group; c: component of the seed; other: of the partner.
        nodes: of the seed's component ``[N, C]``: `hermite_nodes` to three scores.
        further: whether all are wanted, or only the first three.
        seed: of the Sobol points beyond three scores.
    """
    powers = POWERS if further else POWERS[:3]
    size = nodes.shape[1]
    unit = np.eye(size)[label - 1] if label else np.zeros(size)
    if size > 3:
        found = _sampled(scores, c, other, nodes, powers, seed)
    else:
        found = _by_series(scores, c, other, nodes, powers)
    tensors = []
    for value, (order, up, down) in zip(found, powers, strict=True):
        tensor = value[places(size, order)]
        if order == 1:  # E u^a (1 - u)^b of the label
            tensor = tensor - 0.5 * unit[:, None] * (up + down == 1)
        tensors.append(tensor)
    return tensors


def _cuts(size: int, orders: range) -> dict[int, slice]:
    """Where the derivatives of each order are among all of them."""
    ends = np.cumsum([0, *(len(entries(size, order)) for order in orders)]).tolist()
    return {order: slice(*ends[k : k + 2]) for k, order in enumerate(orders)}


def _by_series(scores: Scores, c: int, other: int, nodes, powers) -> list[np.ndarray]:
    frame, share, into = _canonical(scores, c, other)
    axes, size = len(share), nodes.shape[1]
    degree = _degree(scores)
    points, analysis, _, _, synthesis = _axis(degree)
    orders = range(1, 1 + max(order for order, *_ in powers))
    cut = _cuts(size, orders)
    total = [np.zeros((cut[n].stop - cut[n].start,) + (degree,) * axes) for n, *_ in powers]
    dampings = _alone if into is None else _dampings
    for u, spread, damping in dampings(tuple(share.tolist()), degree, _MIXING[size - 1], powers):
        centre = (1 - u) * scores.mean[c] + u * scores.mean[other]
        q = _on_grid(centre, frame * np.sqrt(spread), points)
        value = derivatives(q, orders).reshape((-1,) + (len(points),) * axes)
        kept = damping[0].shape
        value = _along_axes(value, [analysis[:n] for n in kept])
        low = (slice(None), *map(slice, kept))
        for part, (order, *_), table in zip(total, powers, damping, strict=True):
            part[low] += table * value[cut[order]]
    if into is None:
        return [_along_axes(part, [synthesis] * axes).reshape(len(part), -1) for part in total]
    z = nodes @ into.T
    tables = [_hermite(z[:, axis], degree) for axis in range(axes)]
    return [_series(part, tables) for part in total]


def _dampings(share: tuple[float, ...], degree: int, count: int, powers, *, alone: bool = False):
    """For every ``u``: the variances of interpolated scores, and by `powers` what coefficients are
    multiplied by, without degrees that are damped to nothing.

    A component ``alone``, with itself, is seen from both ends, ``u`` and ``1 - u``, at once.
    """
    part = np.array(share)
    mixing, mixed = _legendre(count)
    found = []
    for u, weight in zip((mixing + 1) / 2, mixed / 2, strict=True):
        if alone and u > 0.5:
            continue
        spread = (1 - u) ** 2 * part + u**2 * (1 - part)
        unit = np.sqrt(np.where(spread > 0, part / np.where(spread > 0, spread, 1.0), 0.0))
        power = ((1 - u) * unit)[:, None] ** np.arange(degree)
        kept = [int(np.sum(row > _DAMPED)) for row in power]
        ends = (u, 1 - u) if alone else (u,)
        damped = [_outer((1 - end) * unit, kept) for end in ends]
        tables = [
            sum(
                weight * end**up * (1 - end) ** down * one
                for end, one in zip(ends, damped, strict=True)
            )
            for _, up, down in powers
        ]
        found.append((u, spread, tables))
    return found


_alone = lru_cache(maxsize=4)(partial(_dampings, alone=True))  # the same for all components


def _outer(ratios: np.ndarray, counts: list[int]) -> np.ndarray:
    """Products of powers of the axes' ratios, to these degrees."""
    table = np.ones(())
    for ratio, count in zip(ratios, counts, strict=True):
        table = table[..., None] * ratio ** np.arange(count)
    return table


def _on_grid(centre: np.ndarray, root: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Probabilities of the classes 1 to C at ``centre + root z``, ``z`` on a grid: ``[C, N]``.

    An exponential of a sum is a product of exponentials, one for each axis.
    """
    along = root[:, :, None] * points  # [C, axes, n]
    most = np.abs(centre) + np.sum(np.max(np.abs(along), axis=2, initial=0.0), axis=1)
    if np.max(most) > _LARGE:
        axes = root.shape[1]
        grid = np.stack(np.meshgrid(*[points] * axes, indexing="ij"), axis=-1).reshape(-1, axes)
        return np.ascontiguousarray(softmax(centre + grid @ root.T)[0].T)
    grown = np.exp(centre)[:, None]
    for axis in np.swapaxes(np.exp(along), 0, 1):
        grown = (grown[:, :, None] * axis[:, None]).reshape(len(centre), -1)
    return grown / (1.0 + np.sum(grown, axis=0))


def _along_axes(value: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
    """A matrix for every axis but the first: ``[f, n, ..., n]``."""
    for axis, matrix in enumerate(matrices):
        before, after = value.shape[: axis + 1], value.shape[axis + 2 :]
        if after:  # products of matrices as they lie, without a copy
            rows = value.reshape(*before, value.shape[axis + 1], -1)
            value = (matrix @ rows).reshape(*before, len(matrix), *after)
        else:
            value = value @ matrix.T
    return value


def _series(coefficients: np.ndarray, tables: list[np.ndarray]) -> np.ndarray:
    """Series in products of polynomials at points: ``[f, N]``."""
    if not tables:
        return coefficients[:, None]
    count, width = len(tables[0]), coefficients[..., 0].size
    found = np.empty((len(coefficients), count))
    size = max(1, _TOGETHER // width)
    for first in range(0, count, size):
        cut = slice(first, first + size)
        value = np.tensordot(coefficients, tables[-1][cut], (-1, 1))  # [f, ..., N]
        for table in tables[-2::-1]:
            value = np.einsum("...an,na->...n", value, table[cut])
        found[:, cut] = value
    return found


def _sampled(scores: Scores, c: int, other: int, nodes, powers, seed: int) -> list[np.ndarray]:
    size = nodes.shape[1]
    drawn = sobol_normal(size + 1, 1000 + seed, _PARTNERS)
    mixing = ndtr(drawn[:, 0])
    partner = scores.mean[other] + drawn[:, 1:] @ scores.root[other].T
    own = scores.mean[c] + nodes @ scores.root[c].T
    total = [np.zeros((len(entries(size, order)), len(nodes))) for order, *_ in powers]
    orders = range(1, 1 + max(order for order, *_ in powers))
    cut = _cuts(size, orders)
    for u, at in zip(mixing, partner, strict=True):
        value = derivatives(softmax((1 - u) * own + u * at)[0].T, orders)
        for part, (order, up, down) in zip(total, powers, strict=True):
            part += u**up * (1 - u) ** down * value[cut[order]] / len(mixing)
    return total
