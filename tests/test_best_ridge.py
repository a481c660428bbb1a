"""The best ridge of theorem H against simulated fits; and Efron's efficiency as its limit."""

import dataclasses
import math

import numpy as np
import pytest

from synthetic_oversampling.simulate.experiments.proportional_settings import plan_of
from synthetic_oversampling.simulate.experiments.proportional_trials import Setting, replicate
from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    GaussianPlugin,
    Smote,
    best_ridge,
    predict_proportional,
)
from synthetic_oversampling.theory.theorems.table import FORMULAS

DIM, SIZES, DISTANCE = 60, (240, 48), 2.0


def _groups(dim=DIM):
    means = np.zeros((2, dim))
    means[:, 0] = -DISTANCE / 2, DISTANCE / 2
    return [GaussianGroup(mean, np.eye(dim), label) for label, mean in enumerate(means)]


def test_simulated_risk_is_least_near_the_predicted_ridge():
    found = best_ridge(groups=_groups(), design=Design.class_weighted(SIZES))
    means = np.stack([group.mean[0] for group in _groups()])
    plan = plan_of(SIZES, found.ridge, "weighted")
    plans = tuple(
        dataclasses.replace(plan, ridge=found.ridge * factor) for factor in (1 / 3, 1.0, 3.0)
    )
    setting = Setting(
        name="line", labels=(0, 1), sizes=SIZES, means=means, roots=(np.ones(()),) * 2, plans=plans
    )
    rng = np.random.default_rng(3)
    risks = np.stack([replicate(setting, rng)["risk"].mean(axis=1) for _ in range(150)])
    for other in (0, 2):  # on the same rows
        gap = risks[:, other] - risks[:, 1]
        assert gap.mean() > 4 * gap.std() / math.sqrt(len(gap))
    spread = risks[:, 1].std() / math.sqrt(len(risks))
    assert risks[:, 1].mean() == pytest.approx(
        found.prediction.risk.mean(), abs=4 * spread + 0.02 * found.value
    )


def test_the_search_agrees_with_a_fine_grid():
    design, generator = Design(SIZES), GaussianPlugin("pooled")
    found = best_ridge(groups=_groups(), design=design, generator=generator, between=(1, 300))
    grid = [
        predict_proportional(groups=_groups(), design=design, generator=generator, ridge=r).total
        for r in np.geomspace(5, 100, 25)
    ]
    assert found.inside and found.value <= min(grid) * (1 + 1e-6)


def test_an_end_of_the_range_is_said_to_be_one():
    """The mean difference is the best direction where covariances are the identity."""
    found = best_ridge(
        groups=_groups(),
        design=Design(SIZES),
        generator=Smote(),
        criterion="balanced_error",
        between=(10, 1e3),
    )
    assert not found.inside and found.ridge == pytest.approx(1e3, rel=0.03)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"criterion": "auroc"}, "criterion: got 'auroc'"),
        ({"between": (0, 1)}, "between: got"),
        ({"between": (2, 1)}, "between: got"),
        ({"generator": Smote(5)}, "few others"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        best_ridge(**{"groups": _groups(), "design": Design(SIZES), **change})


def test_few_features_recover_the_efficiency_of_efron():
    """Rows of the pooled plug-in alone are the discriminant; variances across the difference."""
    variances, sizes = [], (40000, 40000)
    for design, generator in (
        (Design(sizes, math.inf, 1.0), GaussianPlugin("pooled")),
        (Design.raw(sizes), None),
    ):
        prediction = predict_proportional(
            groups=_groups(40), design=design, generator=generator, ridge=0.0
        )
        variances.append((prediction.norm * math.sqrt(1 - prediction.alignment**2)) ** 2)
    efficiency = float(FORMULAS["R4.efficiency"](Delta=DISTANCE))
    assert variances[0] / variances[1] == pytest.approx(efficiency, rel=0.005)
