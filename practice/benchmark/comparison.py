"""Paired comparisons of methods over seeds, with a correction for how many are made.

Seeds are splits of the same table, so an interval says how a difference varies from split to split
of that table. Test sets of different splits overlap, as do seeds; the corrected resampled t-test of
Nadeau and Bengio (Machine Learning 52, 2003), which widens the variance from 1/J to
1/J + n_test/n_train, is given beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

__all__ = ["Difference", "compare_all", "difference", "holm", "interval", "ratio_interval"]

LEVEL = 0.05


class Difference(NamedTuple):
    """One method minus another: mean over seeds, half-width of its 95 % interval, p-values.

    ``p`` is of the paired t-test, ``p_corrected`` of Nadeau and Bengio's; ``p_holm`` is p after
    Holm's correction over the family, NaN before.

    Attributes:
        task, classifier, rival: names; mean, half_width: in the unit of the score.
        seeds: how many pairs.
    """

    task: str
    classifier: str
    rival: str
    mean: float
    half_width: float
    seeds: int
    p: float
    p_corrected: float
    p_holm: float = math.nan

    @property
    def verdict(self) -> str:
        """ "better" if the loss is less, "worse", or "undecided" at the family's level."""
        if not self.p_holm <= LEVEL:
            return "undecided"
        return "better" if self.mean < 0 else "worse"


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Mean and half-width of its 95 % t-interval; the half-width is infinite for one value.

    Args:
        values: ``[k]``.

    Example:
        >>> mean, half = interval([1.0, 2.0, 3.0])
        >>> mean, round(half, 3)
        (2.0, 2.484)
    """
    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 2:
        return float(numbers.mean()), math.inf
    half = (
        stats.t.ppf(1 - LEVEL / 2, len(numbers) - 1) * numbers.std(ddof=1) / math.sqrt(len(numbers))
    )
    return float(numbers.mean()), float(half)


def ratio_interval(over: np.ndarray, under: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratios of sums over seeds, and the half-widths of their 95 % intervals.

    Linearised: the interval of the mean of ``over - ratio * under``, divided by the mean of
    ``under``. It is that of `interval` where ``under`` is the same in every seed.

    Args:
        over: numerators ``[seeds, ratios]``.
        under: denominators ``[seeds, ratios]``, none summing to 0.

    Example:
        >>> ratio, half = ratio_interval(np.array([[2.0], [4.0], [6.0]]), np.full((3, 1), 2.0))
        >>> ratio.tolist(), half.round(3).tolist()
        ([2.0], [2.484])
    """
    ratio = over.sum(axis=0) / under.sum(axis=0)
    half = [interval(rest)[1] for rest in (over - ratio * under).T]
    return ratio, np.array(half) / under.mean(axis=0)


def difference(
    values: Sequence[float] | np.ndarray, test_over_train: float
) -> tuple[float, float, float, float]:
    """Mean, half-width, p of the paired t-test and of Nadeau and Bengio's, for differences.

    Args:
        values: differences, one a seed, at least two.
        test_over_train: n_test / n_train.

    Example:
        >>> [round(one, 3) for one in difference([0.1, 0.2, 0.1, 0.3], 0.5)]
        [0.175, 0.152, 0.035, 0.125]
    """
    numbers = np.asarray(values, dtype=float)
    mean, half = interval(numbers)
    var, count = numbers.var(ddof=1), len(numbers)
    if var == 0.0:  # the same difference in every seed: nothing to test if it is 0
        p = 1.0 if mean == 0.0 else 0.0
        return mean, half, p, p
    found = [
        2.0 * stats.t.sf(abs(mean) / math.sqrt(var * share), count - 1)
        for share in (1 / count, 1 / count + test_over_train)
    ]
    return mean, half, float(found[0]), float(found[1])


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's step-down p-values: rejecting those below a level keeps the family-wise error.

    Args:
        p_values: ``[k]``.

    References:
        Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    found = np.empty(len(p))
    found[order] = np.minimum(stepped, 1.0)
    return found


def compare_all(results: dict[str, list[dict]], reference: str, metric: str) -> list[Difference]:
    """The reference minus every other method, on every table and classifier, as one family.

    Args:
        results: from `benchmark.run_tasks`.
        reference: a method.
        metric: one of `judging.METRICS`, a loss.

    Returns:
        Differences over the seeds in which neither method refused, of which there are two or more.
    """
    found = []
    for task, seeds in results.items():
        methods = dict.fromkeys(m for seed in seeds for m in seed["scores"])
        classifiers = dict.fromkeys(
            c for seed in seeds for scores in seed["scores"].values() for c in scores
        )
        ratio = float(np.mean([sum(seed["test_sizes"]) / sum(seed["sizes"]) for seed in seeds]))
        for rival in methods:
            both = [
                seed["scores"]
                for seed in seeds
                if rival in seed["scores"] and reference in seed["scores"]
            ]
            if rival == reference or len(both) < 2:
                continue
            for one in classifiers:
                values = [s[reference][one][metric] - s[rival][one][metric] for s in both]
                mean, half, p, corrected = difference(values, ratio)
                found.append(
                    Difference(
                        task=task,
                        classifier=one,
                        rival=rival,
                        mean=mean,
                        half_width=half,
                        seeds=len(values),
                        p=p,
                        p_corrected=corrected,
                    )
                )
    adjusted = holm([one.p for one in found])
    return [one._replace(p_holm=float(p)) for one, p in zip(found, adjusted, strict=True)]
