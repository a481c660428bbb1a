"""Expectations of functions of several linear scores on Gaussian mixtures, with their gradients.

``K`` classes have ``C = K - 1`` linear scores ``t = Theta xbar``, ``xbar = (1, x)``, against class
0, and the softmax loss ``log(1 + sum_k e^{t_k}) - t_y``, ``t_0 = 0``. On a component ``N(mu, S)``
the scores are ``N(m, A D^2 A')``; with ``z ~ N(0, I)`` in ``C`` dimensions,

    t = m + A D z,    x = mu + U z + r,    U = S W' A D^{-1},

``W`` the slopes and ``r`` of covariance ``S - U U'`` independent of ``z``. So the expectation of
any function of the scores times a polynomial in the features is an integral over ``z`` alone, of a
polynomial in ``z``: the cost of the integral does not depend on the number of features. Directions
in which the scores do not vary are left out, and nothing is divided by their spread.

To ``K = 4`` the integral is a trapezoidal rule on a tensor grid, which converges geometrically: a
step of ``h`` standard deviations on an axis along which two scores differ by ``w`` a deviation
costs ``exp(-2 pi^2 / (h w))``, because the softmax is analytic up to ``pi i``. Beyond, and where a
grid would be too large, it is a mean over randomised Sobol points, whose error is estimated.

Components that differ in scale alone, as those of interpolated and of Student samples do, are one:
given the scale ``s`` the features are ``mu + U z + sqrt(s) r`` with ``z`` of covariance ``s I``, so
that one grid serves all scales, with the density of their mixture and with ``E[s | z]``, which
multiplies the covariance of ``r``.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy
from scipy.special import ndtri

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.multiclass.components import Components
from synthetic_oversampling.theory.population.expectations import quadrature

__all__ = [
    "Grid",
    "MOST_OF_PART",
    "Scores",
    "grids_for",
    "pairs",
    "pieces_of",
    "randomisations",
    "scores_at",
    "sobol_normal",
    "softmax",
    "widths",
]

_HALF_WIDTH = (9.0, 8.4, 7.6)  # standard deviations, by the number of scores
_STEP = (0.0, 0.64, 0.70)  # in standard deviations
_ERROR = (0.0, 3e-13, 1e-10)  # of a grid, relative to the largest value of what is integrated
_ROUGH_SIDES, _ROUGH_HALF_WIDTH = 5, 4.5  # of a grid that shows the way to a minimum
_MOST = 1 << 17  # points of a grid
_PART = 0.2  # a component's share that makes it a part of a law
_TINY = (1e-4, 4), (1e-8, 64)  # shares that count little, and how many fewer nodes do; two scores
MOST_OF_PART = 1 << 15  # nodes for a part that spreads widely
_POWER, _SHIFTS = 12, 8  # randomised Sobol points: 2^12 of each of 8 randomisations
_DROPPED = 1e-7  # a spread, relative to the largest, whose square is rounding
_TOGETHER = 1 << 20  # numbers of a table of one score that are held at once


class Scores(NamedTuple):
    """The scores of components at a point.

    Attributes:
        mean: ``m`` ``[c, C]``; root: ``A D`` ``[c, C, C]``; cov: ``A D^2 A'`` ``[c, C, C]``.
        location: ``(1, mu)`` ``[c, p]``; direction: ``(0, S w_k)`` ``[c, C, p]``.
        basis: ``(1, mu)``, then the columns of ``(0, U)`` ``[c, 1 + C, p]``.
        rest: ``diag(0, S - U U')`` ``[c, p, p]``.
        scales, portions: of `Components` ``[c, s]``; the others are of the widest Gaussian.
    """

    mean: np.ndarray
    root: np.ndarray
    cov: np.ndarray
    location: np.ndarray
    direction: np.ndarray
    basis: np.ndarray
    rest: np.ndarray
    scales: np.ndarray
    portions: np.ndarray


def scores_at(theta: np.ndarray, parts: Components) -> Scores:
    """`Scores` of components.

    Args:
        theta: ``[C, p]``, intercepts first.
        parts: of any laws.
    """
    slopes = theta[:, 1:]
    across = np.swapaxes(parts.covs @ slopes.T, 1, 2)  # [c, C, d]
    cov = across @ slopes.T
    cov = (cov + np.swapaxes(cov, 1, 2)) / 2
    square, axes = np.linalg.eigh(cov)
    std = np.sqrt(np.maximum(square[:, ::-1], 0.0))
    axes = axes[:, :, ::-1]
    # signs that do not jump from point to point
    top = np.take_along_axis(axes, np.argmax(np.abs(axes), axis=1)[:, None], axis=1)
    axes = axes * np.where(top < 0, -1.0, 1.0)
    used = std > _DROPPED * np.max(std, axis=1, keepdims=True)
    std = np.where(used, std, 0.0)
    unit = np.where(used, 1.0 / np.where(used, std, 1.0), 0.0)
    columns = np.swapaxes(axes, 1, 2) @ across * unit[:, :, None]
    border = np.zeros((len(parts.means), 1))
    location = np.concatenate([border + 1.0, parts.means], axis=1)
    count, dim = parts.means.shape
    basis = np.zeros((count, 1 + len(theta), 1 + dim))
    basis[:, 0], basis[:, 1:, 1:] = location, columns
    direction = np.zeros((count, len(theta), 1 + dim))
    direction[:, :, 1:] = across
    rest = np.zeros((count, 1 + dim, 1 + dim))
    rest[:, 1:, 1:] = parts.covs - np.swapaxes(columns, 1, 2) @ columns
    return Scores(
        mean=location @ theta.T,
        root=axes * std[:, None, :],
        cov=cov,
        location=location,
        direction=direction,
        basis=basis,
        rest=rest,
        scales=parts.scales,
        portions=parts.portions,
    )


class Grid(NamedTuple):
    """Points in place of a standard normal vector, for some of the components.

    Attributes:
        chosen: the components ``[c]``.
        nodes: ``z``, ``[c, N, C]``, or ``[1, N, C]`` for all of them.
        weights: ``[c, N]`` or ``[1, N]``.
        scale: ``E[s | z]`` ``[c, N]`` or ``[1, N]``.
        tensor: whether it is a tensor grid, not Sobol points.
        short: whether it has fewer nodes than some component asks for.
    """

    chosen: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray
    scale: np.ndarray
    tensor: bool
    short: bool = False


def widths(root: np.ndarray) -> np.ndarray:
    """Largest difference of two scores along each axis, per standard deviation: ``[c, C]``.

    Args:
        root: of `Scores`.
    """
    padded = np.concatenate([np.zeros_like(root[:, :1]), root], axis=1)
    return padded.max(axis=1) - padded.min(axis=1)


@lru_cache(maxsize=64)
def _tensor(steps: tuple[tuple[int, float], ...]) -> tuple[list[np.ndarray], np.ndarray, AnyArray]:
    """Axes of a tensor grid, its nodes within the reach of the longest, and which those are."""
    axes = [step * np.arange(-side, side + 1) for side, step in steps]
    nodes = np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")], axis=1)
    # corners are further out than the ends of the axes, where the grid stops
    reach = max(side * step for side, step in steps)
    inside = np.flatnonzero(np.sum(nodes**2, axis=1) <= reach**2 * (1 + 1e-12))
    return axes, nodes[inside], inside


@lru_cache(maxsize=64)
def _density(
    steps: tuple[tuple[int, float], ...], scales: tuple[float, ...], portions: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and mean scales, at the nodes of a grid, of a mixture of normal vectors of
    covariances ``s I``: ``[N]``."""
    axes, _, inside = _tensor(steps)
    table = np.zeros((2, len(inside)))
    for scale, portion in zip(scales, portions, strict=True):
        if not portion:  # of components with fewer scales than others
            continue
        weights = np.ones(())
        for z in axes:
            density = np.exp(-(z**2) / (2 * scale))
            weights = np.multiply.outer(weights, density / density.sum())
        mass = portion * weights.ravel()[inside]
        table += mass, scale * mass
    return table[0], table[1] / table[0]


@lru_cache(maxsize=32)
def sobol_normal(dim: int, seed: int, power: int = _POWER) -> np.ndarray:
    """Randomised Sobol points as standard normal vectors ``[2^power, dim]``.

    Args:
        dim: dimensions; seed: of the randomisation; power: of two.
    """
    made = scipy.stats.qmc.Sobol(dim, scramble=True, rng=np.random.default_rng(seed))
    unit = np.clip(made.random_base2(power), 1e-16, 1 - 1e-16)
    return ndtri(unit)


def _counts(scores: Scores, shares: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes on either side of 0 that each component gets on each axis ``[c, C]``, and whether they
    are fewer than it needs.

    A component of a small share may have a larger relative error, and a part of a law that spreads
    widely a grid of no more than so many nodes.
    """
    size = scores.mean.shape[1]
    row = max(size - 1, 1)
    width = widths(scores.root)
    small = np.where(shares < _PART, 1e-9, _ERROR[row])
    exponent = np.log(np.clip(shares, 1e-12, 1.0) / small)
    reach = 2 * np.pi**2 / np.maximum(exponent, 3.0)
    least = np.sqrt(np.min(scores.scales, axis=1, keepdims=True))
    step = np.minimum(_STEP[row] * least, reach[:, None] / np.maximum(width, 1e-300))
    sides = np.where(width > 0, np.ceil(np.minimum(_HALF_WIDTH[row] / step, 16 * _MOST)), 0)
    number = np.prod(2 * sides + 1, axis=1)
    part = shares * np.max(scores.portions, axis=1) < _PART
    axes = np.sum(sides > 0, axis=1)
    room = np.full(len(shares), float(most))
    for share, divisor in _TINY if size == 2 else ():
        room = np.where(shares < share, most / divisor, room)
    room = np.where(axes == 1, most * (_MOST / MOST_OF_PART), room)  # of a line, nodes are few
    smaller = np.where(part, np.minimum(1.0, (room / number) ** (1 / np.maximum(axes, 1))), 1.0)
    return np.ceil(sides * smaller[:, None]).astype(int), smaller < 1.0


def grids_for(
    scores: Scores,
    shares: np.ndarray | None = None,
    *,
    seed: int | None = None,
    rough: bool = False,
    most_of_part: int = MOST_OF_PART,
) -> list[Grid]:
    """Points that integrate functions of these scores, by component.

    Args:
        scores: of all components.
        shares: how much each component counts ``[c]``; 1 when None.
        seed: of Sobol points, where there are more than three scores or a tensor grid would be too
            large; None for all randomisations together.
        rough: for a first approximation of two or three scores, within some 1e-4.
        most_of_part: nodes for a part of a law, however widely it spreads.
    """
    count, size = scores.mean.shape
    everyone = np.arange(count)
    if size == 1:
        nodes, weights = quadrature(scores.mean[:, 0], scores.root[:, 0, 0])
        ones = np.ones_like(weights)
        return [
            Grid(chosen=everyone, nodes=nodes[..., None], weights=weights, scale=ones, tensor=True)
        ]
    found: list[Grid] = []
    sampled = everyone
    if size <= 3:
        shares = np.ones(count) if shares is None else shares
        sides, short = _counts(scores, shares, most_of_part)
        half = _HALF_WIDTH[size - 1]
        if rough:
            sides, half = np.minimum(sides, _ROUGH_SIDES), _ROUGH_HALF_WIDTH
        number = np.prod(2.0 * sides + 1, axis=1)
        sampled = everyone[number > _MOST]
        order = [c for c in np.argsort(-number, kind="stable") if number[c] <= _MOST]
        while order:
            group, most = [order[0]], sides[order[0]]
            for c in order[1:]:
                joined = np.maximum(most, sides[c])
                if np.prod(2.0 * joined + 1) <= 2.5 * number[c] + 400:
                    group.append(c)
                    most = joined
            steps = tuple((int(n), half / max(int(n), 1)) for n in most)
            chosen = np.array(sorted(group))
            mixtures = [
                tuple(map(tuple, mixture))
                for mixture in zip(*(part[chosen].tolist() for part in scores[-2:]), strict=True)
            ]
            if len(set(mixtures)) == 1:  # Gaussians, usually
                mixtures = mixtures[:1]
            each = [_density(steps, *mixture) for mixture in mixtures]
            weights, scale = map(np.stack, zip(*each, strict=True))
            found.append(
                Grid(
                    chosen=chosen,
                    nodes=_tensor(steps)[1][None],
                    weights=weights,
                    scale=scale,
                    tensor=True,
                    short=bool(np.any(short[chosen])),
                )
            )
            order = [c for c in order if c not in set(group)]
    if len(sampled):
        seeds = range(_SHIFTS) if seed is None else (seed,)
        unit = np.concatenate([sobol_normal(size, one) for one in seeds])
        mine = sampled if scores.scales.shape[1] > 1 else sampled[:1]  # else all alike
        scales, portions = scores.scales[mine], scores.portions[mine]
        nodes = np.sqrt(scales)[:, :, None, None] * unit
        weights = np.repeat(portions / len(unit), len(unit), axis=1)
        scale = np.repeat(scales, len(unit), axis=1)
        found.append(
            Grid(
                chosen=sampled,
                nodes=nodes.reshape(*scale.shape, size),
                weights=weights,
                scale=scale,
                tensor=False,
            )
        )
    return found


def pieces_of(grids: list[Grid], width: int = 1):
    """Components with their nodes, weights and scales, few enough at a time for the memory.

    Args:
        grids: of `grids_for`; width: numbers held at a node.
    """
    for grid in grids:
        points = grid.nodes.shape[1]
        size = max(1, _TOGETHER // (points * width))
        for first in range(0, len(grid.chosen), size):
            cut = slice(first, first + size)
            parts = (part if len(part) == 1 else part[cut] for part in grid[1:4])
            yield grid.chosen[cut], *parts


def randomisations() -> range:
    """Seeds of the randomisations of Sobol points, each of which is an estimate by itself."""
    return range(_SHIFTS)


def softmax(scores: np.ndarray) -> tuple[AnyArray, AnyArray]:
    """Probabilities of the classes 1 to C, and the log partition function.

    Args:
        scores: ``[..., C]``.

    Example:
        >>> share, log_sum = softmax(np.log([2.0, 5.0]))
        >>> share.round(3).tolist(), round(float(np.exp(log_sum)), 6)
        ([0.25, 0.625], 8.0)
    """
    classes = range(scores.shape[-1])  # one by one: sums along so short an axis are slow
    top = np.maximum(scores[..., 0], 0.0)
    for k in classes[1:]:
        top = np.maximum(top, scores[..., k])
    grown = np.exp(scores - top[..., None])
    total = np.exp(-top)
    for k in classes:
        total = total + grown[..., k]
    return grown / total[..., None], top + np.log(total)


def pairs(size: int) -> list[tuple[int, int]]:
    """Pairs ``k <= l`` of scores.

    Args:
        size: scores.
    """
    return list(itertools.combinations_with_replacement(range(size), 2))
