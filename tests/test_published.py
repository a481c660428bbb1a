"""Statements of others on imbalance in high dimension, met or refuted with the numbers of
docs/high-dimension.md."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.special import ndtr

from synthetic_oversampling.simulate.experiments.proportional_settings import plan_of
from synthetic_oversampling.simulate.experiments.proportional_trials import Setting, fit, replicate
from synthetic_oversampling.theory import (
    SQUARED,
    Design,
    GaussianGroup,
    Shifted,
    best_ridge,
    predict_proportional,
)

FEW = 40


def _line(dim, distance=2.0):
    means = np.zeros((2, dim))
    means[:, 0] = -distance / 2, distance / 2
    return [GaussianGroup(mean, np.eye(dim), label) for label, mean in enumerate(means)]


@pytest.mark.parametrize(
    ("dim", "stated"),
    [(40, (0.0970, 0.0855, 0.0826)), (160, (0.1973, 0.2017, 0.2042))],
)
def test_weighting_gains_from_a_larger_majority_with_few_features_and_loses_with_many(dim, stated):
    """Balanced excess at the best ridge, 80, 320 and 1280 rows of the majority beside 40."""
    found = [
        best_ridge(
            groups=_line(dim), design=Design.class_weighted((FEW * ratio, FEW)), between=(3, 1e3)
        ).value
        for ratio in (2, 8, 32)
    ]
    assert found == pytest.approx(stated, abs=1e-4)


def _errors(dim, ratio, ridges, replicates, bags):
    """Balanced errors of one under-sample, of the mean of several, and of class weighting."""
    rng, found = np.random.default_rng([4, dim, ratio]), []
    many = FEW * ratio
    level = np.repeat([(1 + 1 / ratio) / 2, (1 + ratio) / 2], [many, FEW])
    for _ in range(replicates):
        large, small = rng.standard_normal((many, dim)), rng.standard_normal((FEW, dim))
        large[:, 0] -= 1
        small[:, 0] += 1
        fits = []
        for _ in range(bags):
            rows = np.concatenate([large[rng.choice(many, FEW, replace=False)], small])
            fits.append(fit(rows, np.repeat([-1.0, 1.0], FEW), np.ones(2 * FEW), ridges[0])[0])
        every = np.concatenate([large, small])
        weighted = fit(every, np.repeat([-1.0, 1.0], [many, FEW]), level, ridges[1])[0]
        found.append([_balanced(values) for values in (fits[0], np.mean(fits, axis=0), weighted)])
    values = np.array(found)
    return values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(replicates)


def _balanced(theta):
    size = np.linalg.norm(theta[1:])
    return float(ndtr((theta[0] - theta[1]) / size) + ndtr(-(theta[0] + theta[1]) / size)) / 2


@pytest.mark.slow
def test_under_bagging_gains_from_a_larger_majority_and_an_under_sample_does_not():
    dim, ridges = 160, {2: (19.7, 30.4), 32: (19.7, 442.0)}
    mean, error = {}, {}
    for ratio, pair in ridges.items():
        mean[ratio], error[ratio] = _errors(dim, ratio, pair, 30, 10)
        laws = (Design.raw((FEW, FEW)), Design.class_weighted((FEW * ratio, FEW)))
        for place, design, ridge in zip((0, 2), laws, pair, strict=True):
            theory = predict_proportional(groups=_line(dim), design=design, ridge=ridge)
            assert mean[ratio][place] == pytest.approx(
                theory.balanced_error, abs=4 * error[ratio][place] + 0.01 * theory.balanced_error
            )
    gain, spread = mean[2] - mean[32], np.hypot(error[2], error[32])
    assert gain[1] > 4 * spread[1]  # bagging
    assert abs(gain[0]) < 4 * spread[0]  # one under-sample


def test_the_area_under_the_curve_feels_imbalance_less_than_errors_but_feels_it():
    """480 rows, 100 features, ridge 5: areas of raw and weighted fits, and the raw one's error."""
    stated = {
        240: (0.8753, 0.8753, 0.2077),
        80: (0.8574, 0.8521, 0.2849),
        20: (0.8041, 0.7972, 0.4506),
    }
    for few, numbers in stated.items():
        sizes = (480 - few, few)
        raw, weighted = (
            predict_proportional(groups=_line(100), design=design, ridge=5.0)
            for design in (Design.raw(sizes), Design.class_weighted(sizes))
        )
        assert (raw.auroc, weighted.auroc, raw.balanced_error) == pytest.approx(numbers, abs=1e-4)


def test_a_shift_of_synthetic_rows_stays_in_the_classifier_of_least_norm():
    """200 features, 160 rows, so that squared losses vanish: errors by theory, then simulated."""
    dim, sizes = 200, (80, 20)
    stated = {0.0: (0.3828, 0.3828), 2.0: (0.3478, 0.4385)}
    means = np.stack([group.mean[0] for group in _line(dim)])
    for shift, numbers in stated.items():
        found = predict_proportional(
            groups=_line(dim),
            design=Design(sizes),
            ridge=1e-5,
            loss=SQUARED,
            generator=Shifted((0.0, shift, *[0.0] * (dim - 2))),
        )
        assert found.error == pytest.approx(numbers, abs=1e-4)
        assert found.train_loss.max() < 1e-8  # every row is met
        plan = dataclasses.replace(plan_of(sizes, 1e-5, f"shifted:{shift:g}"), loss="squared")
        setting = Setting(
            name="line",
            labels=(0, 1),
            sizes=sizes,
            means=means,
            roots=(np.ones(()),) * 2,
            plans=(plan,),
        )
        rng = np.random.default_rng([5, int(shift)])
        errors = np.stack([replicate(setting, rng)["error"][0] for _ in range(120)])
        unit = errors.std(axis=0, ddof=1) / math.sqrt(len(errors))
        assert np.all(np.abs(errors.mean(axis=0) - found.error) < 4 * unit + 0.01)
