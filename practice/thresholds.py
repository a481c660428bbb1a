"""Where to call a row positive, and what its probability is where the rule is to be used.

A rule trained on weighted or synthetic rows has scores on a scale of its own. Held-out scores put
them on the right one: with every group of a label weighted equally and both labels alike, the
logistic regression of the label on the score, ``log odds = a + b score``, is what the score is
worth at equal shares of the labels, and

    log odds at prevalence pi  =  logit(pi) + a + b score

by Bayes' rule (theorem B4's shift). The least balanced error is where the first is 0, and the least
cost, when a missed row of label 1 costs ``c`` false alarms, where the second is ``-log(c)``. The
best F1 has no such rule and is sought among the held-out scores.

With more than two classes the same is done by a softmax regression of the label on the scores
against class 0, with an intercept for each and one slope for all,

    log odds of k against 0, at shares pi  =  log(pi_k / pi_0) + a_k + b score_k,

theorem K1's logit adjustment: the likeliest class by it makes the fewest errors at those shares,
and without the first term the least balanced error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from synthetic_oversampling.practice.planner.objectives import Rows, masses, rows_of
from synthetic_oversampling.practice.planner.several.fits import Offsets, offsets_of
from synthetic_oversampling.theory.multiclass.scores import softmax

__all__ = ["ClassOffsets", "Thresholds", "class_offsets_of", "thresholds_of"]

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


class ClassOffsets(NamedTuple):
    """The correction of a fit's probabilities of more than two classes, and what it leaves wrong.

    Attributes:
        classes: their names, in the order of all else.
        prevalence: their shares where the rule is to be used.
        intercepts: of the log-odds at equal shares, the first 0; slope: on the fit's log-odds.
        errors: share of the held-out rows of each class that the likeliest class gets wrong at
            these shares; balanced_errors: at equal shares.
    """

    classes: tuple[str, ...]
    prevalence: tuple[float, ...]
    intercepts: tuple[float, ...]
    slope: float
    errors: tuple[float, ...]
    balanced_errors: tuple[float, ...]

    def recalibrated(self, probability, shares=None) -> np.ndarray:
        """Probabilities of the classes ``[n, K]`` where the rule is to be used.

        Args:
            probability: of the trained rule ``[n, K]``, in the order of `classes`.
            shares: to be at, in the same order; `prevalence` when omitted, equal ones for the least
                balanced error.

        Raises:
            ValueError: for another number of columns, or numbers outside 0 to 1.

        Example:
            >>> label = np.repeat([0, 1, 2], 30)
            >>> score = np.random.default_rng(0).normal(size=(90, 2))
            >>> score = score + np.array([[-1, -1], [2, 0], [0, 2]])[label]
            >>> found = class_offsets_of(score, label, label, ("a", "b", "c"), (0.8, 0.1, 0.1))
            >>> even = np.full((1, 3), 1 / 3)
            >>> [float(p) for p in found.recalibrated(even)[0].round(3)]
            [0.913, 0.05, 0.037]
        """
        given = np.asarray(probability, float)
        if given.ndim != 2 or given.shape[1] != len(self.classes):
            raise ValueError(
                f"probability: got shape {given.shape}, expected a column for each of "
                f"{', '.join(self.classes)}, in this order."
            )
        wrong = ~((given >= 0) & (given <= 1))
        if wrong.any():
            raise ValueError(
                f"probability: got {given[wrong].ravel()[0]}, expected numbers from 0 to 1."
            )
        wanted = np.asarray(self.prevalence if shares is None else shares, float)
        sizes = np.log(np.maximum(given, np.finfo(float).tiny))
        scores = sizes[:, 1:] - sizes[:, :1]
        offsets = Offsets(np.array(self.intercepts[1:]), self.slope)
        return _at_shares(scores, offsets, wanted)


def _at_shares(scores: np.ndarray, offsets: Offsets, shares: np.ndarray) -> np.ndarray:
    """Probabilities ``[n, K]`` at shares, from scores against class 0 ``[n, C]``."""
    moved = np.log(shares[1:] / shares[0]) + offsets.intercepts + offsets.slope * scores
    share, log_sum = softmax(moved)
    return np.concatenate([np.exp(-log_sum)[:, None], share], axis=1)


def class_offsets_of(score, label, group, classes, prevalence) -> ClassOffsets:
    """The correction of more than two classes, from scores of rows that the rule had not seen.

    Args:
        score: of the classes 1 to C against class 0 ``[n, C]`` or ``[R, n, C]``.
        label: 0 to C ``[n]``; group: of each row ``[n]``.
        classes: names ``[K]``; prevalence: their shares where the rule is to be used ``[K]``.
    """
    score = np.asarray(score, float)
    score = score[None] if score.ndim == 2 else score
    repeats, every = len(score), score.reshape(-1, score.shape[-1])
    rows = rows_of(np.tile(label, repeats), np.tile(group, repeats), math.nan)
    offsets = offsets_of(every, rows.label, rows.weight, repeats)
    shares = np.asarray(prevalence, float)

    def errors(at: np.ndarray) -> tuple[float, ...]:
        missed = _at_shares(every, offsets, at).argmax(axis=1) != rows.label
        return tuple(float(missed[rows.label == kind].mean()) for kind in range(len(classes)))

    return ClassOffsets(
        classes=tuple(classes),
        prevalence=tuple(shares.tolist()),
        intercepts=(0.0, *offsets.intercepts.tolist()),
        slope=offsets.slope,
        errors=errors(shares),
        balanced_errors=errors(np.full(len(classes), 1 / len(classes))),
    )


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
