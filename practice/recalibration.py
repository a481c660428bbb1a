"""Probabilities on the original prevalence, from a classifier trained on another one.

Resampling and weighting change the classes' shares from pi to q. If the law of the rows within each
class is unchanged, Bayes' rule gives

    p(y | x) at pi  =  p(y | x) at q  *  (pi_y / q_y)  /  normalisation,

which for two classes shifts the log-odds by log(pi_1/pi_0) - log(q_1/q_0), the intercept of theorem
B4, and nothing else, and for more the log-odds of class k against class 0 by log(pi_k/pi_0) -
log(q_k/q_0), the logit adjustment of theorem K1. With sample weights, shares are shares of the
total weight.
"""

from __future__ import annotations

import inspect
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from synthetic_oversampling.practice import extra

try:
    import pandas as pd
    from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.utils import check_consistent_length, column_or_1d, compute_sample_weight
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_array,
        check_is_fitted,
        validate_data,
    )
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["RecalibratedClassifier", "Reliability", "class_shares", "recalibrated", "reliability"]


def class_shares(labels, classes, sample_weight=None) -> np.ndarray:
    """Share of the total weight of each class.

    Args:
        labels: of the rows.
        classes: in the order wanted.
        sample_weight: of the rows; 1 each if None.

    Example:
        >>> class_shares(["a", "b", "b", "b"], ["a", "b"]).tolist()
        [0.25, 0.75]
    """
    labels = np.asarray(labels)
    weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, float)
    mass = np.array([weight[labels == one].sum() for one in classes])
    return mass / mass.sum()


def recalibrated(
    probabilities: Float[np.ndarray, "n K"],
    trained: Float[np.ndarray, " K"],
    wanted: Float[np.ndarray, " K"],
) -> Float[np.ndarray, "n K"]:
    """Posterior probabilities under other class shares than those trained on: exact.

    Args:
        probabilities: at the shares trained on; rows sum to 1.
        trained: those shares, all positive.
        wanted: the shares to be at.

    Raises:
        ValueError: shares that are not positive, or do not sum to 1.

    Example:
        >>> at_half = np.array([[0.5, 0.5], [0.2, 0.8]])
        >>> np.round(recalibrated(at_half, np.array([0.5, 0.5]), np.array([0.9, 0.1])), 4).tolist()
        [[0.9, 0.1], [0.6923, 0.3077]]
    """
    for name, shares in (("trained", trained), ("wanted", wanted)):
        if not (shares > 0).all() or abs(shares.sum() - 1.0) > 1e-8:
            raise ValueError(
                f"{name}: got class shares {shares.tolist()}, expected positive numbers that sum "
                "to 1; a class without rows has no posterior to correct."
            )
    odds = probabilities * (wanted / trained)
    return odds / odds.sum(axis=1, keepdims=True)


class Reliability(NamedTuple):
    """Bins of predicted probability: its mean, how often the event happened, and the weight.

    Attributes:
        predicted, observed, weight: in this order ``[bins]``.
    """

    predicted: np.ndarray
    observed: np.ndarray
    weight: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: weighted mean distance between predicted and observed."""
        gaps = np.abs(self.predicted - self.observed)
        return float((self.weight * gaps).sum() / self.weight.sum())


def reliability(event, probability, sample_weight=None, *, bins: int = 10) -> Reliability:
    """Predicted against observed frequency, in bins of equal weight.

    Args:
        event: whether it happened, row by row.
        probability: predicted for it.
        sample_weight: of the rows; 1 each if None.
        bins: how many; equal predictions stay together.

    Example:
        >>> curve = reliability([0, 0, 1, 1], [0.1, 0.1, 0.6, 0.6], bins=2)
        >>> np.round(curve.observed, 3).tolist(), round(curve.error, 3)
        ([0.0, 1.0], 0.25)
    """
    event, probability = np.asarray(event, float), np.asarray(probability, float)
    weight = np.ones(len(event)) if sample_weight is None else np.asarray(sample_weight, float)
    kinds, inverse = np.unique(probability, return_inverse=True)
    by_kind = np.bincount(inverse, weights=weight, minlength=len(kinds))
    middle = np.cumsum(by_kind) - by_kind / 2
    place = np.minimum((middle / by_kind.sum() * bins).astype(int), bins - 1)[inverse]
    mass = np.bincount(place, weights=weight, minlength=bins)
    used = mass > 0
    mean = np.bincount(place, weights=weight * probability, minlength=bins)[used] / mass[used]
    rate = np.bincount(place, weights=weight * event, minlength=bins)[used] / mass[used]
    return Reliability(mean, rate, mass[used])


def _class_weight_of(classifier):
    return classifier.get_params(deep=False).get("class_weight")


def _class_weights(classifier, labels) -> np.ndarray:
    """Weights that the classifier itself gives to rows, by its ``class_weight``."""
    kind = _class_weight_of(classifier)
    if kind is None:
        return np.ones(len(labels))
    return compute_sample_weight("balanced" if isinstance(kind, str) else kind, labels)


class _ShareRecorder(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier that notes the class shares it is trained on, wherever it stands."""

    def __init__(self, classifier):
        self.classifier = classifier

    def fit(self, X, y, sample_weight=None):
        classifier = clone(self.classifier)
        if sample_weight is not None and _class_weight_of(classifier) == "balanced":
            # estimators differ in whether that counts rows or weighs them
            classes, of_row = np.unique(y, return_inverse=True)
            sample_weight = sample_weight / class_shares(y, classes, sample_weight)[of_row]
            sample_weight = sample_weight / len(classes)
            classifier.set_params(class_weight=None)
        options = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.classifier_ = classifier.fit(X, y, **options)
        self.classes_ = self.classifier_.classes_
        weight = _class_weights(classifier, y)
        weight = weight if sample_weight is None else weight * sample_weight
        self.shares_ = class_shares(y, self.classes_, weight)
        return self

    def predict_proba(self, X):
        return self.classifier_.predict_proba(X)

    def predict(self, X):
        return self.classifier_.predict(X)


def _has_probabilities(self) -> bool:
    model = self.estimator if self.estimator is not None else LogisticRegression()
    return hasattr(model, "predict_proba")


class RecalibratedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Train on resampled or weighted data, and predict on the original prevalence.

    The shares trained on are those of the rows and weights that reach the classifier, after the
    sampler, a sampler inside a pipeline, and its own ``class_weight``; "balanced" beside sample
    weights gives classes of equal total weight, whatever the estimator. Exact when rows within a
    class keep their law; groups that are levelled by (class, attribute) change the mixture of
    attributes within a class as well, which this does not undo.

    Args:
        estimator: a classifier with ``predict_proba``, or a pipeline that ends with one;
            logistic regression if None.
        sampler: resamples the data first; its ``sample_weight_``, if it has one, is used.
        prior: "observed" (class shares at fit), or shares by class as a dict, or in the order of
            the sorted classes.

    Attributes:
        classes_, estimator_: as usual.
        prior_: shares that the probabilities are at.
        trained_prior_: shares trained on.

    Raises:
        ValueError: from ``fit``: shares that do not fit the classes.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 1))
        >>> y = (x[:, 0] + np.random.default_rng(1).normal(size=200) > 1.5).astype(int)
        >>> weighted = LogisticRegression(class_weight="balanced")
        >>> model = RecalibratedClassifier(weighted).fit(x, y)
        >>> shown = (m.predict_proba(x)[:, 1].mean() for m in (model, weighted.fit(x, y)))
        >>> [round(float(share), 2) for share in (y.mean(), *shown)]
        [0.11, 0.11, 0.35]
    """

    def __init__(self, estimator=None, *, sampler=None, prior="observed"):
        self.estimator = estimator
        self.sampler = sampler
        self.prior = prior

    def fit(self, X, y, sample_weight=None, *, groups=None):
        """Resample, train, and note the shares.

        Args:
            X: table or array of rows ``[n, d]``; dense if there is a sampler.
            y: the class of every row ``[n]``.
            sample_weight: of every row ``[n]``.
            groups: attribute of every row ``[n]``, for the sampler.

        Raises:
            ValueError: for anything else, as scikit-learn words it, and for a bad ``prior``.
        """
        validate_data(self, X=X, y=y, reset=True, skip_check_array=True)
        check_consistent_length(X, y)
        labels = column_or_1d(y, warn=True)
        labels = check_array(labels, ensure_2d=False, dtype=None, input_name="y")
        check_classification_targets(labels)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, labels)
        if not isinstance(y, pd.Series):
            y = labels
        self.classes_ = np.unique(labels)
        self.prior_ = self._wanted(labels, sample_weight)
        given = {"sample_weight": sample_weight, "groups": groups}
        given = {name: value for name, value in given.items() if value is not None}
        if self.sampler is not None:
            self.sampler_ = clone(self.sampler)
            known = inspect.signature(self.sampler_.fit_resample).parameters
            for name in given:
                if name not in known:
                    raise ValueError(
                        f"{name}: {type(self.sampler_).__name__} does not carry it along; drop it, "
                        "or use practice.resampler.SyntheticOverSampler."
                    )
            X, y = self.sampler_.fit_resample(X, y, **given)
            weight = getattr(self.sampler_, "sample_weight_", None)
            sample_weight = None if weight is None or np.ptp(weight) == 0 else weight
        elif groups is not None:
            raise ValueError("groups: got some without a sampler, which is what uses them.")
        model = LogisticRegression() if self.estimator is None else clone(self.estimator)
        prefix = ""
        if isinstance(model, Pipeline):
            name, last = model.steps[-1]
            model.steps[-1] = (name, _ShareRecorder(last))
            prefix = f"{name}__"
        else:
            model = _ShareRecorder(model)
        options = {} if sample_weight is None else {f"{prefix}sample_weight": sample_weight}
        self.estimator_ = model.fit(X, y, **options)
        recorder = model.steps[-1][1] if isinstance(model, Pipeline) else model
        self.trained_prior_ = recorder.shares_
        return self

    def _wanted(self, labels, sample_weight) -> np.ndarray:
        if isinstance(self.prior, str) and self.prior == "observed":
            return class_shares(labels, self.classes_, sample_weight)
        shares = self.prior
        if isinstance(shares, dict):
            if set(shares) != set(self.classes_.tolist()):
                raise ValueError(
                    f"prior: got shares of {list(shares)}, expected those of the classes "
                    f"{self.classes_.tolist()}."
                )
            shares = [shares[one] for one in self.classes_.tolist()]
        shares = np.asarray(shares, dtype=float)
        whole = shares.shape == self.classes_.shape and abs(shares.sum() - 1) <= 1e-8
        if not whole or (shares <= 0).any():
            raise ValueError(
                f"prior: got {self.prior!r}, expected 'observed' or {len(self.classes_)} positive "
                "shares that sum to 1."
            )
        return shares

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Probabilities at ``prior_``, columns in the order of ``classes_``.

        Args:
            X: rows ``[n, d]`` with the columns of ``fit``.
        """
        check_is_fitted(self)
        trained = self.estimator_.predict_proba(X)
        return recalibrated(trained, self.trained_prior_, self.prior_)

    def predict(self, X):
        """The likeliest class at ``prior_``.

        Args:
            X: rows ``[n, d]`` with the columns of ``fit``.
        """
        chosen = self.predict_proba(X).argmax(axis=1)
        return self.classes_[chosen]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.sampler is None
        return tags
