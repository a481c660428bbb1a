"""How many standard errors an interval needs where few rows decide.

A predicted variance is a mean of squared scores, so that a handful of rows carries it. Three things
follow, all of which make ``estimate +- 1.96 standard errors`` too short. The bootstrap's spread of
such a mean is itself uncertain: with the kurtosis of what is averaged it has few degrees of freedom
(Satterthwaite, 1946), and the quantile is Student's. It is too small besides, since a sample's
largest score is below the population's: the jackknife, whose variance is too large on average
(Efron and Stein, 1981), bounds it from the other side. And where the estimate is too small, so is
its spread, in proportion: the reciprocal is the scale that evens this out (`scaled`).

Freedom and scale are taken from the excess of class weighting, which needs no generator, and used
for every design: the same rows' scores make all of them uncertain.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import t

from synthetic_oversampling.practice.planner.estimate import Fits, refit, weighted_excess
from synthetic_oversampling.practice.planner.sources import Rows

__all__ = ["Reach", "reach"]

_BLOCKS = 60  # of rows left out together, in every group
_LEAST = 3.0  # degrees of freedom


class Reach(NamedTuple):
    """Degrees of freedom of a bootstrap's spread, and what to multiply it by."""

    freedom: float
    scale: float

    def errors(self, quantile: float) -> float:
        """Standard errors from the estimate to a quantile.

        Example:
            >>> round(Reach(1e9, 1.0).errors(0.975), 2), round(Reach(10.0, 1.1).errors(0.975), 2)
            (1.96, 2.45)
        """
        return self.scale * float(t.ppf(quantile, self.freedom))


def reach(rows: Rows, fits: Fits, replicates: np.ndarray, *, seed: int) -> Reach:
    """Jackknife the logarithm of class weighting's excess, in blocks within groups.

    Args:
        rows: the table.
        fits: its fits.
        replicates: bootstrap of `estimate.Real.weighted`.
        seed: of the blocks.
    """
    rng = np.random.default_rng(seed)
    total = doubt = 0.0
    for g in range(rows.count):
        index = rng.permutation(rows.members(g))
        blocks = np.array_split(index, min(_BLOCKS, len(index)))
        left = [np.log(own) for own in (_without(rows, fits, index, b) for b in blocks) if own > 0]
        if len(left) < len(blocks) / 2:  # nearly separable: the bootstrap says so as well
            continue
        square = (np.array(left) - np.mean(left)) ** 2
        share = (len(left) - 1) / len(left)
        total += share * square.sum()
        doubt += share**2 * len(left) * square.var()
    if total <= 0:
        return Reach(_LEAST, 1.0)
    spread = np.std(np.log(replicates[replicates > 0]), ddof=1)
    freedom = 2 * total**2 / doubt if doubt > 0 else np.inf
    return Reach(max(freedom, _LEAST), max(1.0, float(np.sqrt(total) / spread)))


def _without(rows: Rows, fits: Fits, group: np.ndarray, block: np.ndarray) -> float:
    """Class weighting's excess without some rows of a group; 0 where no fit is found."""
    weight = np.ones(len(rows.group))
    weight[group] = len(group) / max(len(group) - len(block), 1)
    weight[block] = 0.0
    per_row = np.bincount(rows.group)[rows.group]
    theta = refit(rows, weight / (rows.count * per_row), fits.weighted)
    if theta is None:
        return 0.0
    return weighted_excess(rows, weight, theta)
