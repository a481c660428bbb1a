"""What designs are compared by: a loss of held-out scores, and theorem H's value of the same loss.

All are means over groups of equal weight, so that none depends on how rare a group is in the table.
Those without a threshold ignore the intercept, which is most of what weighting and resampling
change (theorem M2); the balanced error is taken at the threshold that the weights of training
imply, so that a design gains nothing by a threshold that anybody can move.

Scores are log-odds of label 1 ``[R, n]``; of more than two classes, those of the classes 1 to C
against class 0 ``[R, n, C]``. Metrics of one threshold know two classes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.planner.several.fits import cross_entropies
from synthetic_oversampling.theory.proportional.predict import Proportional

__all__ = ["CROSS_ENTROPY", "OBJECTIVES", "Known", "Objective", "Rows", "masses", "rows_of"]


class Rows(NamedTuple):
    """Rows to be scored.

    Attributes:
        label: 0 to K - 1 ``[n]``; group: of each ``[n]``.
        weight: of each, the same in all for every group of a label, 1 for a label ``[n]``.
        prevalence: share of label 1 where the rule is to be used; of two classes.
    """

    label: np.ndarray
    group: np.ndarray
    weight: np.ndarray
    prevalence: float


def rows_of(label: np.ndarray, group: np.ndarray, prevalence: float) -> Rows:
    """Rows with their weights.

    Args:
        label: 0 to K - 1 ``[n]``; group: of each ``[n]``.
        prevalence: share of label 1 where the rule is to be used.

    Example:
        >>> rows_of(np.array([0, 0, 1]), np.array([0, 0, 1]), 0.5).weight.tolist()
        [0.5, 0.5, 1.0]
    """
    weight = 1.0 / np.bincount(group)[group]
    totals = np.bincount(label.astype(int), weights=weight, minlength=2)
    return Rows(label, group, weight / totals[label.astype(int)], prevalence)


class Known(NamedTuple):
    """What theorem K2 says of a design.

    Attributes:
        excess: balanced, nats.
        group_risk, group_risk_least: of the fit and of the balanced optimum ``[G]``.
        group_error, group_error_least: of the class with the largest score ``[G]``.
        labels: of the groups ``[G]``; raw: whether the design has the table's own shares.
    """

    excess: float
    group_risk: np.ndarray
    group_risk_least: np.ndarray
    group_error: np.ndarray
    group_error_least: np.ndarray
    labels: np.ndarray
    raw: bool


class Objective(NamedTuple):
    """A loss, less is better.

    Attributes:
        words: what it is, in a sentence; unit: what follows a number of it.
        loss: ``(scores [R, n], threshold, rows) -> [R]``; scores are log-odds, and the threshold is
            the log-odds of label 1 in the weights trained on, or of every class against class 0.
        theory: ``(prediction, prevalence) -> (loss, least loss of a linear rule)``.
        several: the same of theorem K2; None for a metric of two classes.
        worth: the least expected gain that rows are recommended for, where nobody says.
    """

    words: str
    unit: str
    loss: Callable[[np.ndarray, float | np.ndarray, Rows], np.ndarray]
    theory: Callable[[Proportional, float], tuple[float, float]]
    several: Callable[[Known], tuple[float, float]] | None
    worth: float


def _by_group(value: np.ndarray, rows: Rows) -> np.ndarray:
    """Mean of every group ``[R, G]``."""
    named, place = np.unique(rows.group, return_inverse=True)
    member = (place[:, None] == np.arange(len(named))).astype(float)
    return value @ (member / member.sum(axis=0))


def _logistic(score, rows: Rows) -> np.ndarray:
    if score.ndim == 3:
        return cross_entropies(score, rows.label)
    return np.logaddexp(0.0, np.where(rows.label > 0, -score, score))


def _cross_entropy(score, threshold, rows: Rows) -> np.ndarray:
    return _by_group(_logistic(score, rows), rows).mean(axis=-1)


def _worst_group(score, threshold, rows: Rows) -> np.ndarray:
    return _by_group(_logistic(score, rows), rows).max(axis=-1)


def _balanced_error(score, threshold, rows: Rows) -> np.ndarray:
    if score.ndim == 3:
        moved = score - threshold
        whole = np.concatenate([np.zeros_like(moved[..., :1]), moved], axis=-1)
        best = whole == whole.max(axis=-1, keepdims=True)  # ties count one over their number
        chosen = (rows.label[:, None] == np.arange(whole.shape[-1])) & best
        return _by_group(1.0 - chosen.sum(axis=-1) / best.sum(axis=-1), rows).mean(axis=-1)
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


def _known_excess(found: Known) -> tuple[float, float]:
    return found.excess, 0.0


def _known_worst(found: Known) -> tuple[float, float]:
    return float(np.max(found.group_risk)), float(np.max(found.group_risk_least))


def _known_error(found: Known) -> tuple[float, float]:
    """Of a fit whose classes have equal shares, so that the largest score is what is called."""
    if found.raw or len(set(np.bincount(found.labels).tolist())) > 1:
        return np.nan, np.nan
    return float(np.mean(found.group_error)), float(np.mean(found.group_error_least))


def _metric(name: str, sign: float) -> Callable[[Proportional, float], tuple[float, float]]:
    def value(found: Proportional, prevalence: float) -> tuple[float, float]:
        each = found.metrics(prevalence=prevalence), found.best_metrics(prevalence=prevalence)
        reached, best = (sign * getattr(one, name) for one in each)
        return reached, best

    return value


# what designs may be judged by, by name
OBJECTIVES: dict[str, Objective] = {
    "cross-entropy": Objective(
        words="balanced cross-entropy",
        unit="nats",
        loss=_cross_entropy,
        theory=_excess,
        several=_known_excess,
        worth=1e-4,
    ),
    "worst-group": Objective(
        words="cross-entropy of the worst group",
        unit="nats",
        loss=_worst_group,
        theory=_worst_risk,
        several=_known_worst,
        worth=1e-4,
    ),
    "balanced-error": Objective(
        words="balanced error",
        unit="of error",
        loss=_balanced_error,
        theory=_metric("best_balanced_error", 1.0),
        several=_known_error,
        worth=1e-3,
    ),
    "auroc": Objective(
        words="AUROC",
        unit="of AUROC",
        loss=_auroc,
        theory=_metric("auroc", -1.0),
        several=None,
        worth=1e-3,
    ),
    "average-precision": Objective(
        words="average precision",
        unit="of average precision",
        loss=_average_precision,
        theory=_metric("average_precision", -1.0),
        several=None,
        worth=1e-3,
    ),
}
CROSS_ENTROPY = "cross-entropy"  # name of the default objective
