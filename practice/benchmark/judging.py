"""Classifiers, and how their probabilities are judged on the test rows of a split.

Balanced quantities give every cell the same weight. Calibration is judged at the prevalence of the
seeds, that is with test rows weighted to the seeds' shares of the cells, before and after the
closed-form correction of `recalibration`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.benchmark.rivals import Training
from synthetic_oversampling.practice.benchmark.splits import Split, features
from synthetic_oversampling.practice.recalibration import class_shares, recalibrated, reliability

try:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["CLASSIFIERS", "METRICS", "PROBABILITY_FLOOR", "RELIABILITY_BINS", "judge"]

PROBABILITY_FLOOR = 1e-3  # trees give probabilities of 0, whose logarithm says nothing more
RELIABILITY_BINS = 10  # of equal width, so that seeds can be added up
# what tables and figures call each metric
METRICS = {
    "balanced_cross_entropy": "balanced cross-entropy",
    "balanced_error": "balanced error",
    "minority_error": "error of the smallest cells",
    "worst_error": "error of the worst cell",
    "auc": "1 - AUC",
    "cross_entropy": "cross-entropy at the seeds' prevalence",
    "cross_entropy_corrected": "the same, probabilities corrected",
    "brier": "Brier score at the seeds' prevalence",
    "brier_corrected": "the same, probabilities corrected",
    "calibration": "calibration error at the seeds' prevalence",
    "calibration_corrected": "the same, probabilities corrected",
}  # all of them losses: less is better


def _logistic(seed: int):
    return LogisticRegression(max_iter=5000)


def _forest(seed: int):
    return RandomForestClassifier(60, min_samples_leaf=2, random_state=seed)


def _boosting(seed: int):
    return HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=10, random_state=seed)


# what makes a classifier from a seed, by its name
CLASSIFIERS: dict[str, Callable] = {
    "logistic": _logistic,
    "forest": _forest,
    "boosting": _boosting,
}


def judge(classifier: str, training: Training, split: Split, seed: int) -> dict:
    """Train a classifier and judge it.

    Args:
        classifier: one of `CLASSIFIERS`.
        training: rows, cells and weights.
        split: with the test rows.
        seed: of the classifier.

    Returns:
        Every metric of `METRICS`, and "reliability": for the smallest class, bins of its
        probability before and after correction, each (weight, predicted, observed) sums.

    Example:
        >>> from synthetic_oversampling.practice.rows.datasets import load
        >>> from synthetic_oversampling.practice.benchmark.rivals import train_rows
        >>> from synthetic_oversampling.practice.benchmark.splits import make_split
        >>> split = make_split(load("wine"), "imbalance", 4.0, seed=0)
        >>> found = judge("logistic", train_rows("smote", split, 0), split, 0)
        >>> found["balanced_error"] < 0.1, set(METRICS) <= set(found)
        (np.True_, True)
    """
    model = CLASSIFIERS[classifier](seed)
    labels = split.label[training.cell]
    options = {} if training.weight is None else {"sample_weight": training.weight}
    model.fit(features(split, training.x), labels, **options)
    raw = model.predict_proba(features(split, split.test_x))
    trained = class_shares(labels, model.classes_, training.weight)
    wanted = class_shares(split.label[split.cell], model.classes_)
    return _scores(raw, recalibrated(raw, trained, wanted), wanted, split)


def _scores(raw, corrected, shares, split: Split) -> dict:
    truth, cell = split.label[split.test_cell], split.test_cell
    cells = np.unique(cell)
    sizes = np.bincount(split.cell, minlength=len(split.label))
    small = [c for c in cells if sizes[c] == sizes[cells].min()]
    wrong = (raw.argmax(axis=1) != truth).astype(float)
    by_cell = {c: wrong[cell == c].mean() for c in cells}
    level = 1.0 / np.bincount(cell, minlength=len(sizes))[cell]
    prevalent = sizes[cell] * level
    loss, loss_corrected = (_cross_entropy(p, truth) for p in (raw, corrected))
    squares, squares_corrected = (_squares(p, truth) for p in (raw, corrected))
    rare = int(shares.argmin())
    event = truth == rare
    return {
        "balanced_cross_entropy": np.average(loss, weights=level),
        "balanced_error": np.mean(list(by_cell.values())),
        "minority_error": np.mean([by_cell[c] for c in small]),
        "worst_error": max(by_cell.values()),
        "auc": 1.0 - _auc(raw, truth, level),
        "cross_entropy": np.average(loss, weights=prevalent),
        "cross_entropy_corrected": np.average(loss_corrected, weights=prevalent),
        "brier": np.average(squares, weights=prevalent),
        "brier_corrected": np.average(squares_corrected, weights=prevalent),
        "calibration": reliability(event, raw[:, rare], prevalent).error,
        "calibration_corrected": reliability(event, corrected[:, rare], prevalent).error,
        "reliability": [_bins(event, p[:, rare], prevalent) for p in (raw, corrected)],
    }


def _cross_entropy(probability, truth) -> np.ndarray:
    return -np.log(np.maximum(probability[np.arange(len(truth)), truth], PROBABILITY_FLOOR))


def _squares(probability, truth) -> np.ndarray:
    return ((probability - np.eye(probability.shape[1])[truth]) ** 2).sum(axis=1)


def _auc(probability, truth, weight) -> float:
    """Area under the curve; for more than two classes, the mean of each against the rest."""
    kinds = range(1, 2) if probability.shape[1] == 2 else range(probability.shape[1])
    areas = [roc_auc_score(truth == k, probability[:, k], sample_weight=weight) for k in kinds]
    return float(np.mean(areas))


def _bins(event, probability, weight) -> np.ndarray:
    """Sums of weight, weight x predicted, weight x observed, by bins of predicted probability."""
    place = np.minimum((probability * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    weight = weight / weight.sum()
    sums = (weight, weight * probability, weight * event)
    return np.stack([np.bincount(place, total, minlength=RELIABILITY_BINS) for total in sums])
