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
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy
from scipy.special import ndtri

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.population.expectations import quadrature
from synthetic_oversampling.theory.population.laws import Law

__all__ = [
    "Components",
    "Grid",
    "Scores",
    "components_of",
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
_PART, _MOST_OF_PART = 0.2, 1 << 15  # a component's share that makes it a part of a law
_POWER, _SHIFTS = 12, 8  # randomised Sobol points: 2^12 of each of 8 randomisations
_DROPPED = 1e-7  # a spread, relative to the largest, whose square is rounding
_TOGETHER = 1 << 20  # numbers of a table of one score that are held at once


class Components(NamedTuple):
    """The Gaussian components of several labelled laws, in one list.

    Attributes:
        weights: of each component within its law ``[c]``.
        means: ``[c, d]``; covs: ``[c, d, d]``; labels: 0 to K - 1 ``[c]``.
        law: of which law a component is ``[c]``.
        number: of laws.
    """

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray
    labels: np.ndarray
    law: np.ndarray
    number: int

    def of(self, law: int) -> Components:
        """The components of one law alone.

        Args:
            law: which.
        """
        mine = self.law == law
        return Components(
            weights=self.weights[mine],
            means=self.means[mine],
            covs=self.covs[mine],
            labels=self.labels[mine],
            law=np.zeros(int(mine.sum()), int),
            number=1,
        )

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Sums over the components of each law, with their weights: ``[laws, ...]``.

        Args:
            values: ``[c, ...]``.
        """
        member = (np.arange(self.number)[:, None] == self.law[None]) * self.weights[None]
        return np.tensordot(member, values, 1)


def components_of(laws: Sequence[Law]) -> Components:
    """The components of laws, those of weight 0 left out.

    Args:
        laws: of NumPy arrays, whose signs are ``2 label - 1``.
    """
    parts = []
    for g, law in enumerate(laws):
        kept = law.weights > 0
        labels = np.round((law.signs[kept] + 1) / 2).astype(int)
        place = np.full(int(kept.sum()), g)
        parts.append((law.weights[kept], law.means[kept], law.covs[kept], labels, place))
    weights, means, covs, labels, owner = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    return Components(
        weights=weights, means=means, covs=covs, labels=labels, law=owner, number=len(laws)
    )


class Scores(NamedTuple):
    """The scores of components at a point.

    Attributes:
        mean: ``m`` ``[c, C]``; root: ``A D`` ``[c, C, C]``; cov: ``A D^2 A'`` ``[c, C, C]``.
        location: ``(1, mu)`` ``[c, p]``; direction: ``(0, S w_k)`` ``[c, C, p]``.
        basis: ``(1, mu)``, then the columns of ``(0, U)`` ``[c, 1 + C, p]``.
        rest: ``diag(0, S - U U')`` ``[c, p, p]``.
    """

    mean: np.ndarray
    root: np.ndarray
    cov: np.ndarray
    location: np.ndarray
    direction: np.ndarray
    basis: np.ndarray
    rest: np.ndarray


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
    )


class Grid(NamedTuple):
    """Points in place of a standard normal vector, for some of the components.

    Attributes:
        chosen: the components ``[c]``.
        nodes: ``[c, N, C]``, or ``[1, N, C]`` for all of them; weights: ``[c, N]`` or ``[1, N]``.
        tensor: whether it is a tensor grid, not Sobol points.
    """

    chosen: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray
    tensor: bool


def widths(root: np.ndarray) -> np.ndarray:
    """Largest difference of two scores along each axis, per standard deviation: ``[c, C]``.

    Args:
        root: of `Scores`.
    """
    padded = np.concatenate([np.zeros_like(root[:, :1]), root], axis=1)
    return padded.max(axis=1) - padded.min(axis=1)


@lru_cache(maxsize=64)
def _tensor(steps: tuple[tuple[int, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    axes, weights = [], []
    for side, step in steps:
        z = step * np.arange(-side, side + 1)
        axes.append(z)
        density = np.exp(-(z**2) / 2)
        weights.append(density / density.sum())
    nodes = np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")], axis=1)
    table = weights[0]
    for other in weights[1:]:
        table = np.multiply.outer(table, other)
    # corners are further out than the ends of the axes, where the grid stops
    reach = max(side * step for side, step in steps)
    inside = np.sum(nodes**2, axis=1) <= reach**2 * (1 + 1e-12)
    return nodes[inside], table.ravel()[inside]


@lru_cache(maxsize=32)
def sobol_normal(dim: int, seed: int, power: int = _POWER) -> np.ndarray:
    """Randomised Sobol points as standard normal vectors ``[2^power, dim]``.

    Args:
        dim: dimensions; seed: of the randomisation; power: of two.
    """
    made = scipy.stats.qmc.Sobol(dim, scramble=True, rng=np.random.default_rng(seed))
    unit = np.clip(made.random_base2(power), 1e-16, 1 - 1e-16)
    return ndtri(unit)


def _counts(scores: Scores, shares: np.ndarray) -> np.ndarray:
    """Nodes on either side of 0 that each component needs on each axis: ``[c, C]``.

    A component of a small share may have a larger relative error, and a part of a law that spreads
    widely a grid that is no larger than `_MOST_OF_PART`.
    """
    size = scores.mean.shape[1]
    row = max(size - 1, 1)
    width = widths(scores.root)
    part = shares < _PART
    exponent = np.log(np.clip(shares, 1e-12, 1.0) / np.where(part, 1e-9, _ERROR[row]))
    reach = 2 * np.pi**2 / np.maximum(exponent, 3.0)
    step = np.minimum(_STEP[row], reach[:, None] / np.maximum(width, 1e-300))
    sides = np.where(width > 0, np.ceil(_HALF_WIDTH[row] / step), 0)
    number = np.prod(2 * sides + 1, axis=1)
    smaller = np.where(part, np.minimum(1.0, (_MOST_OF_PART / number) ** (1 / size)), 1.0)
    return np.ceil(sides * smaller[:, None]).astype(int)


def grids_for(
    scores: Scores,
    shares: np.ndarray | None = None,
    *,
    seed: int | None = None,
    rough: bool = False,
) -> list[Grid]:
    """Points that integrate functions of these scores, by component.

    Args:
        scores: of all components.
        shares: how much each component counts ``[c]``; 1 when None.
        seed: of Sobol points, where there are more than three scores or a tensor grid would be too
            large; None for all randomisations together.
        rough: for a first approximation of two or three scores, within some 1e-4.
    """
    count, size = scores.mean.shape
    everyone = np.arange(count)
    if size == 1:
        nodes, weights = quadrature(scores.mean[:, 0], scores.root[:, 0, 0])
        return [Grid(everyone, nodes[..., None], weights, True)]
    found: list[Grid] = []
    sampled = everyone
    if size <= 3:
        sides = _counts(scores, np.ones(count) if shares is None else shares)
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
            nodes, weights = _tensor(steps)
            found.append(Grid(np.array(sorted(group)), nodes[None], weights[None], True))
            order = [c for c in order if c not in set(group)]
    if len(sampled):
        seeds = range(_SHIFTS) if seed is None else (seed,)
        nodes = np.concatenate([sobol_normal(size, one) for one in seeds])
        weights = np.full((1, len(nodes)), 1.0 / len(nodes))
        found.append(Grid(sampled, nodes[None], weights, False))
    return found


def pieces_of(grids: list[Grid], width: int = 1):
    """Components with their nodes and weights, few enough at a time that tables stay in memory.

    Args:
        grids: of `grids_for`; width: numbers held at a node.
    """
    for grid in grids:
        points = grid.nodes.shape[1]
        size = max(1, _TOGETHER // (points * width))
        one = len(grid.nodes) == 1
        for first in range(0, len(grid.chosen), size):
            cut = slice(first, first + size)
            nodes = grid.nodes if one else grid.nodes[cut]
            yield grid.chosen[cut], nodes, grid.weights if one else grid.weights[cut]


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
