"""What designs are compared by: a loss of held-out scores, and theorem H's value of the same loss.

All are means over groups of equal weight, so that none depends on how rare a group is in the table.
Those without a threshold ignore the intercept, which is most of what weighting and resampling
change (theorem M2); the balanced error is taken at the threshold that the weights of training
imply, so that a design gains nothing by a threshold that anybody can move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.proportional.predict import Proportional

__all__ = ["CROSS_ENTROPY", "OBJECTIVES", "Objective", "Rows", "masses", "rows_of"]


class Rows(NamedTuple):
    """Rows to be scored.

    Attributes:
        label: 0 or 1 ``[n]``; group: of each ``[n]``.
        weight: of each, the same in all for every group of a label, 1 for a label ``[n]``.
        prevalence: share of label 1 where the rule is to be used.
    """

    label: np.ndarray
    group: np.ndarray
    weight: np.ndarray
    prevalence: float


def rows_of(label: np.ndarray, group: np.ndarray, prevalence: float) -> Rows:
    """Rows with their weights.

    Args:
        label, group: 0 or 1, and group ``[n]``; prevalence: of label 1 where the rule is used.

    Example:
        >>> rows_of(np.array([0, 0, 1]), np.array([0, 0, 1]), 0.5).weight.tolist()
        [0.5, 0.5, 1.0]
    """
    weight = 1.0 / np.bincount(group)[group]
    totals = np.bincount(label.astype(int), weights=weight, minlength=2)
    return Rows(label, group, weight / totals[label.astype(int)], prevalence)


class Objective(NamedTuple):
    """A loss, less is better.

    Attributes:
        words: what it is, in a sentence; unit: what follows a number of it.
        loss: ``(scores [R, n], threshold, rows) -> [R]``; scores are log-odds, and the threshold is
            the log-odds of label 1 in the weights trained on.
        theory: ``(prediction, prevalence) -> (loss, least loss of a linear rule)``.
        worth: the least expected gain that rows are recommended for, where nobody says.
    """

    words: str
    unit: str
    loss: Callable[[np.ndarray, float, Rows], np.ndarray]
    theory: Callable[[Proportional, float], tuple[float, float]]
    worth: float


def _by_group(value: np.ndarray, rows: Rows) -> np.ndarray:
    """Mean of every group ``[R, G]``."""
    named, place = np.unique(rows.group, return_inverse=True)
    member = (place[:, None] == np.arange(len(named))).astype(float)
    return value @ (member / member.sum(axis=0))


def _logistic(score, rows: Rows) -> np.ndarray:
    return np.logaddexp(0.0, np.where(rows.label > 0, -score, score))


def _cross_entropy(score, threshold, rows: Rows) -> np.ndarray:
    return _by_group(_logistic(score, rows), rows).mean(axis=-1)


def _worst_group(score, threshold, rows: Rows) -> np.ndarray:
    return _by_group(_logistic(score, rows), rows).max(axis=-1)


def _balanced_error(score, threshold, rows: Rows) -> np.ndarray:
    away = np.where(rows.label > 0, threshold - score, score - threshold)
    wrong = np.where(away > 0, 1.0, np.where(away == 0, 0.5, 0.0))
    return _by_group(wrong, rows).mean(axis=-1)


def masses(score: np.ndarray, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct scores, from the least on, and the weight of labels 0 and 1 at each.

    Args:
        score: ``[n]``; rows: their labels and weights.

    Example:
        >>> rows = rows_of(np.array([0, 0, 1]), np.array([0, 0, 1]), 0.5)
        >>> [part.tolist() for part in masses(np.array([2.0, 1.0, 2.0]), rows)]
        [[1.0, 2.0], [0.5, 0.5], [0.0, 1.0]]
    """
    values, place = np.unique(score, return_inverse=True)
    low, high = (
        np.bincount(place, rows.weight * (rows.label == label), minlength=len(values))
        for label in (0, 1)
    )
    return values, low, high


def _auroc(score, threshold, rows: Rows) -> np.ndarray:
    found = []
    for one in score:
        _, low, high = masses(one, rows)
        found.append(1.0 - float(high @ (np.cumsum(low) - low / 2)))
    return np.array(found)


def _average_precision(score, threshold, rows: Rows) -> np.ndarray:
    found = []
    for one in score:
        _, low, high = masses(one, rows)
        true = rows.prevalence * np.cumsum(high[::-1])
        false = (1 - rows.prevalence) * np.cumsum(low[::-1])
        found.append(1.0 - float(high[::-1] @ (true / (true + false))))
    return np.array(found)


def _excess(found: Proportional, prevalence: float) -> tuple[float, float]:
    return found.total, 0.0


def _worst_risk(found: Proportional, prevalence: float) -> tuple[float, float]:
    return float(np.max(found.risk)), float(np.max(found.risk - found.excess))


def _metric(name: str, sign: float) -> Callable[[Proportional, float], tuple[float, float]]:
    def value(found: Proportional, prevalence: float) -> tuple[float, float]:
        each = found.metrics(prevalence=prevalence), found.best_metrics(prevalence=prevalence)
        reached, best = (sign * getattr(one, name) for one in each)
        return reached, best

    return value


# what designs may be judged by, by name
OBJECTIVES: dict[str, Objective] = {
    "cross-entropy": Objective(
        "balanced cross-entropy", "nats", _cross_entropy, _excess, worth=1e-4
    ),
    "worst-group": Objective(
        "cross-entropy of the worst group", "nats", _worst_group, _worst_risk, worth=1e-4
    ),
    "balanced-error": Objective(
        "balanced error",
        "of error",
        _balanced_error,
        _metric("best_balanced_error", 1.0),
        worth=1e-3,
    ),
    "auroc": Objective("AUROC", "of AUROC", _auroc, _metric("auroc", -1.0), worth=1e-3),
    "average-precision": Objective(
        "average precision",
        "of average precision",
        _average_precision,
        _metric("average_precision", -1.0),
        worth=1e-3,
    ),
}
CROSS_ENTROPY = "cross-entropy"  # name of the default objective
