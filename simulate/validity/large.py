"""Trials of settings with up to millions of real rows, one data set at a time.

The majority is so large that its Hessian is the population's up to a few per cent, whatever the
data set: Newton's method with the population's Hessian of the majority and the data's own of the
minority needs sums of slopes over the majority only, and converges by a factor of about
``sqrt(parameters / majority)`` a step. Rows of the majority are kept in float32, which is a data
set like another; sums over it are rounded at 1e-6 of the noise.
"""

from __future__ import annotations

import zlib

import numpy as np
from scipy.special import expit

from synthetic_oversampling.simulate.validity.cases import Case
from synthetic_oversampling.simulate.validity.trials import Trial, summary
from synthetic_oversampling.theory.population.laws import Law, stack
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.population.moments import margin_means, moments_from
from synthetic_oversampling.theory.prediction.excess_risk import Prediction

__all__ = ["large_trial", "minimum"]

_ROWS = 1 << 15  # of the majority, at once
_WORK = 1.5e9  # numbers drawn for a case at most, about
_FEWEST = 24  # data sets, whatever their size
_STEPS = 60
_CONVERGED = 1e-9  # squared step, over the first


def large_trial(case: Case, theory: Prediction, *, seed: int) -> Trial:
    """Replicate a case of two Gaussian groups without synthetic rows; see `trials.trial`.

    Args:
        case: what is replicated, the majority first.
        theory: its prediction.
        seed: of the run; a data set depends on the seed, the case's name and its number alone.
    """
    sizes = case.design.sizes
    most = max(_FEWEST, min(4000, int(_WORK / (sum(sizes) * case.groups[0].dim))))
    found, gradients, drawn = [], [], 0
    start = np.asarray(theory.theta_alpha)
    while True:
        rng = np.random.default_rng([seed, zlib.crc32(case.name.encode()), drawn])
        many, few = (
            _rows(rng, group, size, kind)
            for group, size, kind in zip(case.groups, sizes, (np.float32, float), strict=True)
        )
        theta, gradient = minimum(many, few, case, start)
        drawn += 1
        if theta is not None:
            found.append(theta[None])
            gradients.append(gradient[None])
        if drawn >= _FEWEST and drawn % 8 == 0:
            result = summary(
                case, theory, found or [np.empty((0, start.size))], gradients, drawn, most
            )
            if result is not None:
                return result


def _rows(rng: np.random.Generator, group, size: int, kind) -> np.ndarray:
    rows = rng.standard_normal((size, group.dim), dtype=kind)
    root = np.linalg.cholesky(group.cov[0])
    if not np.array_equal(root, np.eye(group.dim)):
        rows = rows @ root.T.astype(kind)
    return rows + group.mean[0].astype(kind) if np.any(group.mean) else rows


def minimum(
    many: np.ndarray, few: np.ndarray, case: Case, start: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """The minimiser, None where an iterate separates the labels or none is reached, and the
    gradient at the start.

    A step is halved while the slope along it ends above a quarter of where it began.

    Args:
        many: rows of the first group ``[n, d]``; few: of the second.
        case: whose design weighs them.
        start: first iterate ``[p]``.
    """
    masses, signs = case.design.real_mass, [group.sign for group in case.groups]
    laws = Law(*map(np.asarray, stack([group.law for group in case.groups])))
    columns = np.column_stack([np.ones(len(few)), few])

    def slopes(theta):
        total, least = np.zeros(theta.size), np.inf
        slope = theta[1:].astype(many.dtype)
        for first in range(0, len(many), _ROWS):
            rows = many[first : first + _ROWS]
            margin = signs[0] * (rows @ slope + many.dtype.type(theta[0]))
            pull = expit(-margin)
            least = min(least, float(margin.min()))
            total[0] += pull.sum(dtype=float)
            total[1:] += pull @ rows
        along = signs[1] * (columns @ theta)
        pull = expit(-along)
        gradient = -masses[0] * signs[0] * total / len(many)
        gradient -= masses[1] * signs[1] * (pull @ columns) / len(few)
        curved = (columns.T * (pull * (1 - pull))) @ columns * (masses[1] / len(few))
        return gradient, curved, min(least, float(along.min())) > 0

    theta = start
    first, curved, separated = slopes(theta)
    gradient, scale = first, None
    for _ in range(_STEPS):
        if separated:
            return None, first
        means = margin_means(theta[None], laws, LOGISTIC).at(0)
        hessian = masses[0] * moments_from(means, laws).hessian[0] + curved
        step = -np.linalg.solve(hessian, gradient)
        square = -float(step @ gradient)
        scale = square if scale is None else scale
        if square <= _CONVERGED * scale:
            return theta + step, first
        for _ in range(30):
            gradient, curved, separated = slopes(theta + step)
            if separated or step @ gradient <= square / 4:
                break
            step, square = step / 2, square / 2
        theta = theta + step
    return None, first
