"""Simulated excess risks beside predicted ones, for verdicts of `theory.prediction.validity`."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import empirical_gradient, fit
from synthetic_oversampling.simulate.validity.cases import Case
from synthetic_oversampling.theory.inputs import per_group
from synthetic_oversampling.theory.population.laws import Law, stack
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.population.moments import margin_means, moments_from
from synthetic_oversampling.theory.prediction.excess_risk import Prediction

__all__ = ["WITHIN", "Trial", "summary", "trial"]

WITHIN = 0.10  # of the simulated value: what a reliable prediction is
PRECISION = 0.02  # relative standard error that is aimed at
_DECIDED = 4.0  # standard errors from the question's edge, at which it is decided
_ELEMENTS = 1.5e6  # features drawn at once
_WORK = 4e8  # multiplications spent on a case at most, about


class Trial(NamedTuple):
    """What was simulated of a case.

    Attributes:
        name: of the case.
        replicates: data sets drawn; without_fit: of them, those without a finite minimiser.
        excess, excess_error: mean over the others, and its standard error, nats.
        error, error_error: the same for the balanced error rate.
    """

    name: str
    replicates: int
    without_fit: int
    excess: float
    excess_error: float
    error: float
    error_error: float


@lru_cache(maxsize=64)
def _fits(block: int, rows: int, size: int):
    """Fits and empirical gradients of a block of data sets: one program for every case it holds."""
    del block, rows, size

    @jax.jit
    @jax.vmap
    def fits(x, sign, weight, start):
        return fit(x, sign, weight, start=start), empirical_gradient(start, x, sign, weight)

    return fits


def trial(case: Case, theory: Prediction, *, seed: int) -> Trial:
    """Replicate a case until its mean excess risk is known to 2 %, or plainly within 10 % of the
    prediction or not, or until its share of work is spent.

    The mean is over the data sets that have a finite minimiser. Where all have one and the rows are
    independent, the parts of the excess risk with known means are control variates.

    Args:
        case: what is replicated.
        theory: its prediction.
        seed: of the run; the key of a case depends on the seed and its name alone.
    """
    start = jnp.asarray(theory.theta_alpha)
    draw = jax.jit(
        jax.vmap(lambda key: draw_dataset(case.groups, case.design, case.generator, key=key))
    )
    key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(case.name.encode()))
    rows = jax.eval_shape(draw, jax.random.split(key, 1)).x.shape[1]
    room, size = 2 ** math.ceil(math.log2(max(rows, 64))), start.size
    block = int(min(max(_ELEMENTS // (room * size), 8), 256))
    most = max(4 * block, math.ceil(min(_WORK / (room * size * (size + 4)), 8_000)))
    fits = _fits(block, room, size)

    found, gradients, drawn = [], [], 0
    while True:
        data = draw(jax.random.split(jax.random.fold_in(key, drawn // block), block))
        pad = [(0, 0), (0, room - rows)]
        sign, weight = (jnp.pad(part, pad) for part in (data.sign, data.weight))
        solution, gradient = fits(
            jnp.pad(data.x, [*pad, (0, 0)]), sign, weight, jnp.broadcast_to(start, (block, size))
        )
        fitted = np.asarray(solution.converged & ~solution.separated)
        found.append(np.asarray(solution.theta)[fitted])
        gradients.append(np.asarray(gradient)[fitted])
        drawn += block
        if drawn < 128:
            continue
        solution = summary(case, theory, found, gradients, drawn, most)
        if solution is not None:
            return solution


def summary(
    case: Case,
    theory: Prediction,
    found: Sequence[np.ndarray],
    gradients: Sequence[np.ndarray],
    drawn: int,
    most: int,
) -> Trial | None:
    """What was simulated of a case, or None while it has to go on.

    Args:
        case: what is replicated; theory: its prediction.
        found: minimisers ``[t, p]`` of the data sets that have one.
        gradients: empirical gradients at ``theta_alpha`` of the same data sets ``[t, p]``.
        drawn: data sets so far; most: at most.
    """
    laws = Law(*map(np.asarray, stack([group.law for group in case.groups])))
    points = np.concatenate(found)
    if len(points) < 8:
        nothing = (math.nan,) * 4
        none = Trial(case.name, drawn, drawn - len(points), *nothing)
        return none if drawn >= most / 4 else None
    excess = _risk(points, laws) - _risk(np.asarray(theory.theta_star)[None], laws)
    independent = case.design.scheme != "synthetic" or not any(
        part.fitted for part in per_group(case.generator, len(case.groups))
    )
    if independent and len(points) == drawn:
        mean, error = _controlled(excess, np.concatenate(gradients), theory, laws)
    else:
        mean, error = excess.mean(), excess.std(ddof=1) / math.sqrt(len(excess))
    gap = abs(abs(float(theory.total) - mean) - WITHIN * abs(mean))
    if error < PRECISION * abs(mean) or gap > _DECIDED * error or drawn >= most:
        rate = _error(points, laws)
        spread = rate.std(ddof=1) / math.sqrt(len(rate))
        return Trial(
            case.name, drawn, drawn - len(points), *map(float, (mean, error, rate.mean(), spread))
        )
    return None


def _risk(points: np.ndarray, laws: Law) -> np.ndarray:
    """Balanced risk at points ``[t, p]``: ``[t]``."""
    return margin_means(points, laws, LOGISTIC).loss[0].sum(axis=-1).mean(axis=-1)


def _error(points: np.ndarray, laws: Law) -> np.ndarray:
    """Balanced error rate at points ``[t, p]``: ``[t]``."""
    score = points[:, 0, None, None] + np.einsum("gki,ti->tgk", laws.means, points[:, 1:])
    var = np.einsum("gkij,ti,tj->tgk", laws.covs, points[:, 1:], points[:, 1:], optimize=True)
    wrong = ndtr(-laws.signs * score / np.sqrt(var))
    return np.sum(laws.weights * wrong, axis=-1).mean(axis=-1)


def _controlled(excess, gradients, theory: Prediction, laws: Law) -> tuple[float, float]:
    """Mean and standard error after regression on the parts of first and second order."""
    alpha = np.asarray(theory.theta_alpha)[None]
    moments = moments_from(margin_means(alpha, laws, LOGISTIC), laws)
    slope, hessian = moments.score_mean[0].mean(axis=0), moments.hessian[0].mean(axis=0)
    moves = -gradients @ np.linalg.inv(theory.curvature)
    square = np.einsum("tp,pq,tq->t", moves, hessian, moves)
    square = square - np.sum(hessian * theory.cov)
    controls = np.stack([moves @ slope, square], axis=1)
    used = controls[:, np.abs(controls).max(axis=0) > 1e-12]
    table = np.column_stack([np.ones(len(excess)), used])
    solution, *_ = np.linalg.lstsq(table, excess, rcond=None)
    left = excess - table @ solution
    return float(solution[0]), float(
        np.sqrt(left @ left / (len(left) - table.shape[1]) / len(left))
    )
