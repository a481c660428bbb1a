"""Where to call a row positive, and what its probability is where the rule is to be used.

A rule trained on weighted or synthetic rows has scores on a scale of its own. Held-out scores put
them on the right one: with every group of a label weighted equally and both labels alike, the
logistic regression of the label on the score, ``log odds = a + b score``, is what the score is
worth at equal shares of the labels, and

    log odds at prevalence pi  =  logit(pi) + a + b score

by Bayes' rule (theorem B4's shift). The least balanced error is where the first is 0, and the least
cost, when a missed row of label 1 costs ``c`` false alarms, where the second is ``-log(c)``. The
best F1 has no such rule and is sought among the held-out scores.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from synthetic_oversampling.practice.planner.objectives import Rows, masses, rows_of

__all__ = ["Thresholds", "thresholds_of"]

_STEPS, _SETTLED = 100, 1e-10


class Thresholds(NamedTuple):
    """Thresholds on the trained rule's own probability of label 1; None where none makes sense.

    Attributes:
        balanced: of the least balanced error.
        cost: of the least cost at ``prevalence`` and ``cost_ratio``.
        f1: of the largest F1 at ``prevalence``; f1_value: F1 there, on the rows it was sought on.
        prevalence: share of label 1 where the rule is to be used.
        cost_ratio: what a missed row of label 1 costs, over a false alarm.
        intercept, slope: of the log-odds at equal shares on the score; a slope of 1 needs no
            correction, one below 1 says that the rule is too sure of itself.
    """

    balanced: float | None
    cost: float | None
    f1: float
    f1_value: float
    prevalence: float
    cost_ratio: float
    intercept: float
    slope: float

    def recalibrated(self, probability) -> np.ndarray | np.floating:
        """Probability of label 1 where the rule is to be used.

        Args:
            probability: of the trained rule.

        Example:
            >>> label = np.array([0, 0, 0, 1, 1])
            >>> found = thresholds_of([-2.0, 1.0, 0.0, 3.0, 0.5], label, label, prevalence=0.1)
            >>> found.recalibrated([0.5, found.balanced]).round(3).tolist()
            [0.066, 0.1]
        """
        given = np.asarray(probability, float)
        wrong = ~((given >= 0) & (given <= 1))
        if wrong.any():
            raise ValueError(
                f"probability: got {given[wrong].ravel()[0]}, expected numbers from 0 to 1."
            )
        return expit(logit(self.prevalence) + self.intercept + self.slope * logit(given))


def thresholds_of(score, label, group, *, prevalence: float, cost_ratio: float = 1.0) -> Thresholds:
    """The thresholds of a rule from scores of rows that it had not seen.

    Args:
        score: log-odds ``[n]`` or ``[R, n]``, from ``R`` repeats of cross-validation.
        label: 0 or 1 ``[n]``; group: of each row ``[n]``.
        prevalence: share of label 1 where the rule is to be used; cost_ratio: of a missed row of
            label 1 over a false alarm.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> label = np.repeat([0, 1], (900, 100))
        >>> score = rng.normal(2.0 * label - 1.0, np.sqrt(2.0))[None]  # log-odds at equal shares
        >>> found = thresholds_of(score, label, label, prevalence=0.1)
        >>> round(found.balanced, 1), round(found.cost, 1)
        (0.5, 0.9)
    """
    score = np.atleast_2d(np.asarray(score, float))
    repeats, every = len(score), score.ravel()
    rows = rows_of(np.tile(label, repeats), np.tile(group, repeats), float(prevalence))
    ones, count = int(np.sum(label)), len(label)
    # labels a little short of 0 and 1 (Platt 1999), so that separated rows have a finite slope
    aimed = np.where(rows.label > 0, (ones + 1) / (ones + 2), 1 / (count - ones + 2))
    intercept, slope = _line(every, aimed, rows.weight)

    def at(log_odds: float) -> float | None:
        return float(expit((log_odds - intercept) / slope)) if slope > 0 else None

    value, f1 = _best_f1(every, rows)
    return Thresholds(
        balanced=at(0.0),
        cost=at(-math.log(cost_ratio) - float(logit(prevalence))),
        f1=float(expit(f1)),
        f1_value=value,
        prevalence=float(prevalence),
        cost_ratio=float(cost_ratio),
        intercept=intercept,
        slope=slope,
    )


def _line(score, aimed, weight) -> tuple[float, float]:
    """Weighted logistic regression on one score by damped Newton steps."""
    centre, unit = score.mean(), max(score.std(), 1e-12)
    table = np.stack([np.ones_like(score), (score - centre) / unit])
    theta = np.zeros(2)
    for _ in range(_STEPS):
        chance = expit(theta @ table)
        slope = table @ (weight * (chance - aimed))
        bend = (table * (weight * chance * (1 - chance))) @ table.T + 1e-12 * np.eye(2)
        move = np.linalg.solve(bend, slope)
        theta = theta - move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < _SETTLED:
            break
    return float(theta[0] - theta[1] * centre / unit), float(theta[1] / unit)


def _best_f1(score, rows: Rows) -> tuple[float, float]:
    """The largest F1, and the log-odds above which to call a row positive for it."""
    values, low, high = masses(score, rows)
    true = rows.prevalence * np.cumsum(high[::-1])[::-1]
    false = (1 - rows.prevalence) * np.cumsum(low[::-1])[::-1]
    f1 = 2 * true / (true + false + rows.prevalence)
    best = int(f1.argmax())
    below = values[best - 1] if best else values[best]
    return float(f1[best]), float((values[best] + below) / 2)
