"""Recalibration is exact where Bayes' rule says so, and it improves fitted classifiers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from synthetic_oversampling.practice.recalibration import (
    RecalibratedClassifier,
    recalibrated,
    reliability,
)
from synthetic_oversampling.practice.resampler import SyntheticOverSampler

MEANS = np.array([[0.0, 0.0], [1.5, 0.5], [-0.5, 1.5]])


def _posterior(x, prior):
    """Of Gaussians with unit covariance, by Bayes' rule."""
    weight = prior * np.exp(-0.5 * ((x[:, None] - MEANS[: len(prior)]) ** 2).sum(axis=2))
    return weight / weight.sum(axis=1, keepdims=True)


def _draw(n, prior, seed):
    rng = np.random.default_rng(seed)
    y = rng.choice(len(prior), n, p=prior)
    return MEANS[y] + rng.normal(size=(n, 2)), y


@given(st.lists(st.floats(0.01, 1.0), min_size=6, max_size=6))
def test_the_corrected_posterior_is_the_posterior_at_the_other_prior(raw):
    one, two = np.array(raw[:3]) / sum(raw[:3]), np.array(raw[3:]) / sum(raw[3:])
    x = np.random.default_rng(0).normal(size=(50, 2)) * 2
    corrected = recalibrated(_posterior(x, one), one, two)
    assert np.abs(corrected - _posterior(x, two)).max() < 1e-12
    assert np.abs(recalibrated(corrected, two, one) - _posterior(x, one)).max() < 1e-12


def test_two_classes_are_corrected_by_the_intercept_of_theorem_b4_alone():
    x, y = _draw(4000, np.array([0.9, 0.1]), 0)
    model = RecalibratedClassifier(LogisticRegression(class_weight="balanced")).fit(x, y)
    logit = [
        np.log(p[:, 1] / p[:, 0])
        for p in (model.predict_proba(x), model.estimator_.predict_proba(x))
    ]
    shift = logit[0] - logit[1]
    share = y.mean()
    assert np.abs(shift - np.log(share / (1 - share))).max() < 1e-9


@pytest.mark.parametrize("prior", [(0.95, 0.05), (0.85, 0.1, 0.05)])
@pytest.mark.parametrize("how", ["sampler", "pipeline", "smote", "weight"])
def test_calibration_improves_on_gaussian_groups_and_meets_the_true_posterior(how, prior):
    """Logistic regression is well specified here, so what is left is its sampling error."""
    prior = np.array(prior)
    x, y = _draw(6000, prior, 1)
    sampler = SyntheticOverSampler("plugin", covariance="pooled", random_state=0)
    if how == "smote":  # all seeds as neighbours would shrink the spread; 5 hardly do
        sampler = SMOTE(random_state=0)
    if how == "weight":
        model = RecalibratedClassifier(LogisticRegression(class_weight="balanced"))
    elif how == "sampler":
        model = RecalibratedClassifier(LogisticRegression(), sampler=sampler)
    else:
        model = RecalibratedClassifier(
            make_pipeline(StandardScaler(), sampler, LogisticRegression())
        )
    model.fit(x, y)
    assert np.allclose(model.trained_prior_, 1 / len(prior))
    test_x, test_y = _draw(20_000, prior, 2)
    truth = _posterior(test_x, prior)
    after, before = model.predict_proba(test_x), model.estimator_.predict_proba(test_x)
    event = test_y == len(prior) - 1
    curves = [reliability(event, p[:, -1]) for p in (before, after)]
    brier = [((p - np.eye(len(prior))[test_y]) ** 2).sum(axis=1).mean() for p in (before, after)]
    assert curves[1].error < 0.25 * curves[0].error and brier[1] < brier[0]
    distance = [np.abs(p - truth).mean() for p in (before, after)]
    assert distance[1] < 0.02 and distance[1] < 0.2 * distance[0]


def test_a_designs_weights_reach_the_classifier_and_the_shares():
    x, y = _draw(2000, np.array([0.9, 0.1]), 3)
    sampler = SyntheticOverSampler(augmentation=500, weight=0.4, random_state=0)
    model = RecalibratedClassifier(LogisticRegression(), sampler=sampler).fit(x, y)
    assert np.allclose(model.trained_prior_, 0.5)
    assert np.ptp(model.sampler_.sample_weight_) > 0
    plain = RecalibratedClassifier(
        LogisticRegression(),
        sampler=SyntheticOverSampler(
            n_synthetic={0: 500, 1: int((y == 0).sum() - (y == 1).sum()) + 500}, random_state=0
        ),
    ).fit(x, y)
    assert np.abs(model.predict_proba(x) - plain.predict_proba(x)).max() > 1e-3


def test_given_weights_count_in_the_observed_prior_and_go_through_the_sampler():
    x, y = _draw(600, np.array([0.7, 0.3]), 4)
    weight = np.where(y == 1, 3.0, 1.0)
    model = RecalibratedClassifier(LogisticRegression(), sampler=SyntheticOverSampler())
    model.fit(x, y, weight)
    assert model.prior_[1] == pytest.approx(weight[y == 1].sum() / weight.sum())
    assert model.trained_prior_[1] == pytest.approx(0.75)
    with pytest.raises(ValueError, match="SMOTE does not carry it along"):
        RecalibratedClassifier(sampler=SMOTE()).fit(x, y, weight)


def test_a_stated_prior_is_used_and_a_wrong_one_refused():
    x, y = _draw(600, np.array([0.7, 0.3]), 5)
    forest = RandomForestClassifier(20, class_weight="balanced", random_state=0)
    model = RecalibratedClassifier(forest, prior={0: 0.99, 1: 0.01}).fit(x, y)
    assert np.allclose(model.prior_, [0.99, 0.01])
    assert model.predict(x).mean() < y.mean()
    for prior, match in (({0: 1.0}, "expected those of the classes"), ([0.5, 0.4], "sum to 1")):
        with pytest.raises(ValueError, match=match):
            RecalibratedClassifier(prior=prior).fit(x, y)
    with pytest.raises(ValueError, match="without rows"):
        recalibrated(np.full((1, 2), 0.5), np.array([1.0, 0.0]), np.array([0.5, 0.5]))


def test_reliability_is_exact_on_a_table_made_by_hand():
    curve = reliability([1, 0, 0, 0, 1, 1], [0.2] * 4 + [0.9] * 2, [1, 1, 1, 1, 2, 2], bins=2)
    assert np.allclose(curve.predicted, [0.2, 0.9]) and np.allclose(curve.observed, [0.25, 1.0])
    assert curve.error == pytest.approx((4 * 0.05 + 4 * 0.1) / 8)
