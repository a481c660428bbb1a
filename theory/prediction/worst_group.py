"""Theorem R5's worst group: the mean of a maximum, which is not the maximum of the means.

To first order the groups' errors at the estimate are jointly normal, with means of theorem R and
covariances ``grad e_g' Cov(theta_hat) grad e_h``. For two groups the mean of the larger one is
Clark's formula; for more it is an integral of that formula over the others, in two dimensions less
than there are groups. Where groups tie, the maximum of the means is too low by about half a
standard deviation of the groups' difference.

Reference: Clark (1961), The greatest of a finite set of random variables, Operations Research 9.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy
from scipy.special import ndtri

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["expected_maximum"]

_POWER = 14  # two to this power are the points of the integral


@lru_cache(maxsize=8)
def _points(dim: int) -> np.ndarray:
    """Standard normal points of a Sobol sequence, never scrambled, and their mirror images."""
    unit = scipy.stats.qmc.Sobol(dim, scramble=False).random_base2(_POWER) + 0.5 ** (_POWER + 1)
    normal = ndtri(unit)
    return np.concatenate([normal, -normal])


def _larger(left, right, std):
    """Mean of the larger of two normal variables whose difference has a standard deviation."""
    spread = np.where(std > 0, std, 1.0)
    clark = FORMULAS["R5.worst_pair"].numpy(mean_1=left, mean_2=right, std_gap=spread)
    return np.where(std > 0, clark, np.maximum(left, right))


def expected_maximum(means: AnyArray, cov: AnyArray) -> float:
    """Mean of the largest of jointly normal variables.

    Statement (exact for two; a deterministic integral for more): with ``X_0`` the variable of the
    largest mean, ``E max = E X_0 + E max(0, X_g - X_0)``; the differences are written with a
    triangular root of their covariance, the last of them is integrated in closed form (Clark), the
    others by 2^15 points of a Sobol sequence. The integral's error is below 1e-3 of the largest
    standard deviation of a difference for up to eight variables.

    Args:
        means: ``[G]``; cov: their covariance ``[G, G]``, singular or not.

    Raises:
        ValueError: for shapes that do not match, or numbers that are not finite.

    Example:
        >>> import numpy as np
        >>> three = expected_maximum(np.zeros(3), np.eye(3)), 1.5 / np.sqrt(np.pi)
        >>> [round(float(value), 4) for value in three]
        [0.8463, 0.8463]
    """
    means, cov = np.asarray(means, float), np.asarray(cov, float)
    if means.ndim != 1 or not len(means) or cov.shape != (len(means), len(means)):
        raise ValueError(
            f"cov: got shape {cov.shape} for means of shape {means.shape}, expected [G, G] for [G]."
        )
    if not (np.isfinite(means).all() and np.isfinite(cov).all()):
        raise ValueError("means, cov: got numbers that are not finite, expected finite ones.")
    first = int(means.argmax())
    rest = np.delete(np.arange(len(means)), first)
    if not len(rest):
        return float(means[0])
    gaps = means[rest] - means[first]
    gap = cov[rest] - cov[first]
    gap = gap[:, rest] - gap[:, [first]]
    # the difference that varies most comes last: integrated in closed form
    order = np.argsort(np.diagonal(gap))
    root = _root(gap[np.ix_(order, order)])
    gaps, last = gaps[order], len(rest) - 1
    if last == 0:
        return float(means[first] + _larger(gaps[0], 0.0, root[0, 0]))
    z = _points(last)
    others = gaps[:last] + z @ root[:last, :last].T
    largest = np.maximum(others.max(axis=1), 0.0)
    final = gaps[last] + z @ root[last, :last]
    return float(means[first] + np.mean(_larger(final, largest, root[last, last])))


def _root(cov: np.ndarray) -> np.ndarray:
    """Lower triangular root of a semi-definite matrix; a pivot that is rounding noise is 0."""
    size = len(cov)
    rest, root = cov.copy(), np.zeros_like(cov)
    floor = 1e-12 * max(float(np.diagonal(cov).max()), 0.0)
    for j in range(size):
        if rest[j, j] > floor:
            root[j:, j] = rest[j:, j] / np.sqrt(rest[j, j])
            rest = rest - np.outer(root[:, j], root[:, j])
    return root
