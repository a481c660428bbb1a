"""Order of the remainders of theorem R, without noise: every data set is enumerated.

Groups whose features take two values make a two-by-two table of every data set. Its counts are
binomial, the classifier fitted to it is the table's log-odds, and expectations are finite sums:
exact excess risks at every size, found without a formula of theorem R. What the prediction leaves
out is their difference, and its order in the size is the slope of a line through points on which
no noise lies. Tables with an empty cell, which have no minimiser, are left out; their probability
is below ``2 max(p, 1-p)^n`` of the smallest group, far below the remainder at these sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache, partial
from typing import NamedTuple

import numpy as np
import scipy

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.theory.generators.table import Duplicate, Generator, Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["enumerate_exactly", "two_point_checks", "two_points"]

SHARES = (0.35, 0.62)  # probability of the value 1 in class 0 and in class 1
UNIT = (3, 1)  # sizes are multiples of these
REPEATS = {  # smallest groups that the slope is fitted over; the joint law of two counts is larger
    "raw": (80, 160, 320, 640),
    "weighted": (80, 160, 320, 640),
    "oracle": (60, 85, 120),
    "duplicate": (60, 85, 120),
}
ORDER = -2.0
TOLERANCE = 0.1  # of the fitted exponent


def two_points() -> tuple[GaussianGroup, GaussianGroup]:
    """The groups: a feature that is 0 or 1, with a probability that depends on the class."""
    low, high = (
        GaussianGroup([[0.0], [1.0]], np.zeros((1, 1)), label, weights=[1 - share, share])
        for label, share in enumerate(SHARES)
    )
    return low, high


class Exact(NamedTuple):
    """Expectations over all data sets: of the estimate ``[2]``, and excess risks per group."""

    theta: np.ndarray
    group_excess: np.ndarray


def design_of(label: str, size: int) -> tuple[Design, Generator]:
    """The design and generator of a label, ``size`` samples in the smaller group."""
    sizes = tuple(unit * size for unit in UNIT)
    if label == "raw":
        return Design.raw(sizes), Oracle()
    if label == "weighted":
        return Design.class_weighted(sizes), Oracle()
    return Design(sizes), {"oracle": Oracle(), "duplicate": Duplicate()}[label]


def _counts(label: str, group: int, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Weighted share of the value 1 among a group's samples, and its probabilities, flat."""
    n, m = design.sizes[group], design.oversampling[group]
    k = np.arange(n + 1)
    probability = scipy.stats.binom.pmf(k, n, SHARES[group])
    if m == 0:
        return k / n, probability
    real, drawn = design.real_mass[group], design.oversampling_mass[group]
    j = np.arange(m + 1)
    share = SHARES[group] if label == "oracle" else (k / n)[:, None]
    joint = probability[:, None] * scipy.stats.binom.pmf(j[None], m, share)
    value = (real * (k / n)[:, None] + drawn * (j / m)[None]) / (real + drawn)
    keep = (joint > 1e-18).ravel()
    return value.ravel()[keep], joint.ravel()[keep]


@lru_cache(maxsize=32)
def enumerate_exactly(label: str, size: int) -> Exact:
    """Expected estimate and excess risks of a design, summed over all data sets.

    Args:
        label: of the design, one of `REPEATS`.
        size: of the smallest group.

    Example:
        >>> exact = enumerate_exactly("weighted", 80)
        >>> 0.0 < float(exact.group_excess.mean()) < 0.02
        True
    """
    design, _ = design_of(label, size)
    mass = design.real_mass + design.oversampling_mass
    (u0, p0), (u1, p1) = (_counts(label, group, design) for group in (0, 1))
    inside0, inside1 = (u0 > 0) & (u0 < 1), (u1 > 0) & (u1 < 1)
    u0, p0, u1, p1 = u0[inside0], p0[inside0], u1[inside1], p1[inside1]
    p0, p1 = p0 / p0.sum(), p1 / p1.sum()
    odds = np.log(mass[1] / mass[0])
    # a score is a sum of one term of each class: score at 0, and at 1
    low = (-np.log1p(-u0), np.log1p(-u1))
    high = (-np.log(u0), np.log(u1))
    theta = np.array([odds + p0 @ low[0] + p1 @ low[1], 0.0])
    theta[1] = odds + p0 @ high[0] + p1 @ high[1] - theta[0]
    star = np.array([np.log((1 - SHARES[1]) / (1 - SHARES[0])), np.log(SHARES[1] / SHARES[0])])
    excess = np.zeros(2)
    for value, (first, second), at_star in ((0, low, star[0]), (1, high, star[1])):
        for rows in np.array_split(np.arange(len(u1)), max(len(u1) * len(u0) // 2**22, 1)):
            score = odds + first[:, None] + second[None, rows]
            weight = p0[:, None] * p1[None, rows]
            for group, sign in ((0, -1.0), (1, 1.0)):
                share = SHARES[group] if value else 1 - SHARES[group]
                gap = np.logaddexp(0, -sign * score) - np.logaddexp(0, -sign * at_star)
                excess[group] += share * float(np.sum(weight * gap))
    return Exact(theta, excess)


def _slope(sizes, gaps) -> float:
    return float(np.polyfit(np.log(sizes), np.log(np.abs(gaps)), 1)[0])


def two_point_checks(profile: str) -> Iterator[Check]:
    """The remainders of R1, R2 and R5 are of relative order 1/n: exponents fitted without noise.

    Args:
        profile: "quick" or "full".
    """
    del profile  # there is nothing to simulate
    groups = two_points()

    @cache
    def gaps(label):
        """What the prediction leaves out at every size: of the excess, the minority's, the bias."""
        found = []
        for size in REPEATS[label]:
            design, generator = design_of(label, size)
            theory = predict(groups, design, generator)
            exact = enumerate_exactly(label, size)
            bias = exact.theta - np.asarray(theory.theta_alpha + theory.estimator_bias)
            gap = exact.group_excess - np.asarray(theory.group_excess.total)
            found.append((gap.mean(), gap[1], bias[0]))
        return np.array(found).T

    def slope(label, which):
        observed = _slope(REPEATS[label], gaps(label)[which])
        return Expectation(theory=ORDER, discrepancy=TOLERANCE, observed=observed)

    for label, sizes in REPEATS.items():
        fitted = label == "duplicate"
        rows = (
            ("R2.order" if fitted else "R1.order", "the excess risk"),
            ("R5.order", "the minority's excess risk"),
            ("R2.bias_order" if fitted else "R1.bias_order", "the estimator's Cox-Snell bias"),
        )
        for which, (name, what) in enumerate(rows):
            yield Check(
                id=f"{name}.two-points.{label}",
                claim=f"remainder of {what} is of order n^-2: all data sets enumerated, n_min "
                f"{sizes[0]} to {sizes[-1]}",
                kind="rate",
                statistic=("enumerated", None),
                source="second route",
                expect=partial(slope, label, which),
            )
