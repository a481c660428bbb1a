"""Theorem R or theorem H: which is taken, why, and that they agree where both hold."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.commands.validity import KIND, cases_of
from synthetic_oversampling.simulate.validity.trials import Trial
from synthetic_oversampling.theory import (
    SQUARED,
    Design,
    Duplicate,
    GaussianGroup,
    GaussianPlugin,
    NoFiniteFit,
    Oracle,
    Prediction,
    Predictive,
    Proportional,
    Shifted,
    Smote,
    StudentPlugin,
    predict,
    predict_in_regime,
    predict_proportional,
)
from synthetic_oversampling.theory.prediction.validity import Unreliable
from synthetic_oversampling.theory.proportional.generators import parts_of

RECORD = Path(__file__).parent / "validity_record.json"


def _line(dim, distance=2.0):
    means = np.zeros((2, dim))
    means[:, 0] = -distance / 2, distance / 2
    return [GaussianGroup(mean, np.eye(dim), label) for label, mean in enumerate(means)]


def _spurious(dim):
    return [
        GaussianGroup([0.8 * y, s, *[0.0] * (dim - 2)], np.eye(dim), (y + 1) // 2)
        for y in (-1, 1)
        for s in (-1, 1)
    ]


def _unequal(dim):
    first, second = _line(dim)
    scales = np.diag(np.linspace(0.5, 2.0, dim))
    return [first, GaussianGroup(second.mean, scales, 1)]


BOTH = {
    "raw": (_line(12), Design.raw((3000, 400)), Oracle()),
    "weighted": (_line(30), Design.class_weighted((16000, 4000)), Oracle()),
    "shifted": (_line(20), Design((3000, 800)), Shifted((0.0, 0.3, *[0.0] * 18))),
    "plugin": (_line(20), Design((3000, 800)), GaussianPlugin("pooled")),
    "spurious": (_spurious(12), Design.class_weighted((2000, 400, 400, 2000)), Oracle()),
    "unequal": (_unequal(16), Design.class_weighted((8000, 2000)), Oracle()),
}


@pytest.mark.parametrize("name", BOTH)
def test_where_both_hold_the_theorems_agree(name):
    groups, design, generator = BOTH[name]
    given = {"groups": groups, "design": design, "generator": generator}
    with warnings.catch_warnings():
        warnings.simplefilter("error", Unreliable)
        auto = predict_in_regime(**given)
        fixed = predict_in_regime(**given, regime="fixed")
    proportional = predict_in_regime(**given, regime="proportional")
    assert (auto.regime, auto.reason) == ("fixed", "theorem R is reliable")
    assert auto.total == fixed.total == float(predict(groups, design, generator).total)
    assert isinstance(fixed.prediction, Prediction)
    assert isinstance(proportional.prediction, Proportional)
    # H's remainder is of order 1/d: half of a per cent of an error, some per cent of its excess
    assert proportional.total == pytest.approx(fixed.total, rel=0.06)
    assert proportional.error == pytest.approx(fixed.error, rel=0.01)
    assert proportional.excess == pytest.approx(fixed.excess, abs=0.06 * np.abs(fixed.excess).max())
    assert proportional.worst_group_error == pytest.approx(fixed.worst_group_error, rel=0.01)
    assert proportional.balanced_error == pytest.approx(fixed.balanced_error, rel=0.01)


@pytest.mark.parametrize(
    ("sizes", "verdict", "why"),
    [
        ((320, 50), "unreliable", "50 rows for 21 parameters"),
        ((2000, 90), "doubtful", "4.3 rows for every parameter"),
    ],
)
def test_where_theorem_r_is_not_reliable_theorem_h_is_taken(sizes, verdict, why):
    groups, design = _line(20, 1.0), Design.class_weighted(sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Unreliable)
        found = predict_in_regime(groups=groups, design=design)
    direct = predict_proportional(groups=groups, design=design, ridge=0.0)
    assert found.regime == "proportional" and found.total == direct.total
    assert found.error.tolist() == direct.error.tolist()
    assert found.reason.startswith(f"theorem R is {verdict}: ") and why in found.reason
    assert "theorem H" not in found.reason  # which it is


def test_of_few_features_theorem_r_is_taken_with_its_warning():
    with pytest.warns(Unreliable, match="few seeds"):
        found = predict_in_regime(groups=_line(4), design=Design.raw((90, 30)))
    assert found.regime == "fixed" and "theorem H is for 10 features or more" in found.reason


def test_interpolation_of_few_rows_stays_with_a_theorem_r_that_is_no_worse_than_doubtful():
    groups, design = _line(12, 1.0), Design((400, 200))
    with pytest.warns(Unreliable):
        found = predict_in_regime(groups=groups, design=design, generator=Smote())
    assert found.prediction.validity.verdict == "doubtful"
    assert found.regime == "fixed" and "infinitely many rows" in found.reason
    other = predict_in_regime(groups=groups, design=design, generator=GaussianPlugin("pooled"))
    assert other.regime == "proportional"


def test_a_ridge_and_a_finite_fit_are_theorem_h_s_matter():
    groups, design = _line(60), Design.raw((120, 30))
    found = predict_in_regime(groups=groups, design=design, ridge=2.0)
    assert (found.regime, found.reason) == ("proportional", "theorem R knows no ridge")
    with pytest.raises(NoFiniteFit, match="expected fewer than"):
        predict_in_regime(groups=groups, design=design)
    assert (
        predict_in_regime(groups=_line(20), design=Design.raw((400, 300)), loss=SQUARED).regime
        == "proportional"
    )  # theorem R's verdicts are of the logistic loss


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regime": "large"}, "regime: got 'large', expected one of auto, fixed, proportional"),
        ({"regime": "fixed", "ridge": 1.0}, "ridge: got 1.0 with regime='fixed', expected 0"),
        ({"ridge": -1.0}, "ridge: got -1.0"),
        ({"design": Design.raw((9, 9, 9))}, "groups: got 2 groups"),
        ({"generator": Smote(5), "design": Design((90, 30))}, "generator: got Smote"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"groups": _line(12), "design": Design.raw((90, 30)), **change}
    with pytest.raises(ValueError, match=message):
        predict_in_regime(**given)


def test_the_verdict_points_to_theorem_h_where_it_has_a_law():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Unreliable)
        many, few = (predict(_line(d), Design.raw((90, 30)), Oracle()).validity for d in (12, 4))
    assert "predict_in_regime" in many.reasons[0] and len(many.reasons) == len(many.causes)
    assert not any("theorem H" in reason for reason in few.reasons)


@pytest.mark.parametrize(
    "generator",
    [
        Oracle(),
        Duplicate(),
        GaussianPlugin(),
        GaussianPlugin("known"),
        Predictive(),
        StudentPlugin(8.0),
        Smote(),
        Smote(5),
    ],
    ids=str,
)
def test_a_generator_says_of_itself_whether_theorem_h_has_a_law(generator):
    groups = _line(12)
    try:
        parts_of(groups, Design((90, 30)), (generator,) * 2)
    except ValueError:
        has_law = False
    else:
        has_law = True
    assert has_law is generator.self_averaging


@pytest.mark.slow
def test_of_recorded_simulations_theorem_h_is_nearer_where_theorem_r_is_not_reliable():
    """From 10 features on, the reason for which it is taken there."""
    trials = [Trial(**row) for row in artifacts.load(RECORD, kind=KIND)["payload"]]
    cases, gaps = cases_of(0), []
    for trial in trials:
        case = cases.get(trial.name)
        some_fits = trial.without_fit < 0.2 * trial.replicates
        if case is None or not some_fits or not trial.name.startswith(("grid/d15", "grid/d50")):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Unreliable)
            right = predict(case.groups, case.design, case.generator)
        if right.validity.verdict == "reliable":
            continue
        found = predict_in_regime(groups=case.groups, design=case.design, generator=case.generator)
        assert found.regime == "proportional"
        gaps.append([abs(x / trial.excess - 1) for x in (float(right.total), found.total)])
    fixed, proportional = np.array(gaps).T
    assert len(gaps) >= 25 and np.all(proportional < fixed + 0.01)
    assert np.median(proportional) < np.median(fixed) / 2
