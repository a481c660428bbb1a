"""What practice is given that is not as it should be, or that is of an unusual kind."""

import dataclasses
import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice import SyntheticOverSampler, plan_table
from synthetic_oversampling.practice.planner.choices import Plan
from synthetic_oversampling.practice.planner.evidence import fit_and_score
from synthetic_oversampling.practice.recalibration import RecalibratedClassifier
from synthetic_oversampling.practice.resampler import NothingAdded


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [80, 20])
    return rng.normal(size=(100, 3)) + labels[:, None], labels


@pytest.mark.filterwarnings("ignore:no row was added")
@pytest.mark.parametrize("kind", [object, "string", "category"])
def test_a_plan_of_the_sampler_takes_labels_in_words(table, kind):
    features, labels = table
    words = pd.Series(np.where(labels, "ill", "well")).astype(kind)
    sampler = SyntheticOverSampler(sampling_strategy="plan", random_state=0)
    rows, found = sampler.fit_resample(features, words)
    assert len(rows) == len(found) >= 100 and set(found) == {"ill", "well"}


def test_whole_numbers_beyond_those_of_float64_keep_their_law(table):
    _, labels = table
    stamps = 1_700_000_000 * 10**9 + np.arange(100) * 10**15
    sampler = SyntheticOverSampler(random_state=0)
    rows, _ = sampler.fit_resample(pd.DataFrame({"stamp": stamps}), labels)
    drawn = rows["stamp"][sampler.synthetic_mask_].to_numpy()
    assert rows["stamp"].dtype == np.int64
    assert abs(drawn.mean() - stamps[80:].mean()) < 4e15
    assert len(np.unique(drawn)) > 10


@pytest.mark.parametrize("kind", ["float16", "float32", "Float32"])
def test_drawn_numbers_stay_within_their_type(table, kind):
    _, labels = table
    high = np.linspace(20000, 65000, 100)[::-1]
    sampler = SyntheticOverSampler(random_state=0)
    rows, _ = sampler.fit_resample(pd.DataFrame({"x": pd.Series(high).astype(kind)}), labels[::-1])
    assert rows["x"].dtype == kind
    drawn = rows["x"][sampler.synthetic_mask_].to_numpy(float)
    assert np.all(np.isfinite(drawn)) and drawn.std() > 100


@pytest.mark.parametrize(
    "function",
    [
        lambda rows, counts, seed: np.full((sum(counts), 3), np.nan),
        lambda rows, counts, seed: np.zeros((3, 3)),
        lambda rows, counts, seed: np.zeros((sum(counts), 2)),
    ],
)
def test_what_a_generator_function_returns_is_checked(table, function):
    with pytest.raises(ValueError, match="generators: got a function"):
        plan_table(*table, ridge=1.0, repeats=1, generators=function)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_missing_labels_are_refused(table, missing):
    features, labels = table
    some = labels.astype(object)
    some[:3] = missing
    with pytest.raises(ValueError, match="labels.*3 values are missing"):
        plan_table(features, some, ridge=1.0, repeats=1)


def test_a_plan_of_a_generator_function_makes_its_training_table(table):
    features, labels = table

    def function(rows, counts, seed):
        assert len(rows) <= len(features)
        return np.repeat([[0.0], [7.0]], counts, axis=0) * np.ones(3)

    plan = plan_table(features, labels, ridge=1.0, repeats=1, generators=function)
    offer = next(choice for choice in plan.choices if choice.rows)
    found = dataclasses.replace(plan, recommended=offer).training_table()
    assert found.synthetic.sum() == offer.rows
    assert np.all(found.features[found.synthetic] == 7.0 * found.labels[found.synthetic][:, None])


def test_a_plan_keeps_rows_of_its_own(table):
    features, labels = table[0].copy(), table[1]
    plan = plan_table(features, labels, ridge=1.0, repeats=1, generators=["smote"])
    features *= 100
    assert np.array_equal(plan.training_table().features[:100], table[0])


def test_rows_of_a_plan_do_not_depend_on_units(table):
    features, labels = table
    unit = np.array([1e-6, 1e7, 1.0])
    found = []
    for scale in (1.0, unit):
        plan = plan_table(features * scale, labels, ridge=1.0, repeats=1, generators="plugin")
        offer = next(choice for choice in plan.choices if choice.rows)
        made = dataclasses.replace(plan, recommended=offer).training_table()
        found.append(made.features[made.synthetic] / scale)
    assert np.allclose(*found, atol=1e-4)


@pytest.mark.parametrize("kind", [LogisticRegression, HistGradientBoostingClassifier])
def test_balanced_classes_beside_weights_are_recalibrated(kind):
    rng = np.random.default_rng(3)
    labels = rng.choice(["no", "yes"], 4000, p=[0.9, 0.1])
    features = rng.normal(size=(4000, 2)) + (labels == "yes")[:, None]
    weight = np.where(labels == "yes", 3.0, 1.0) * rng.uniform(0.5, 1.5, 4000)
    model = RecalibratedClassifier(kind(class_weight="balanced"), prior={"no": 0.9, "yes": 0.1})
    found = model.fit(features, labels, weight).predict_proba(features)[:, 1]
    mass = {name: weight[labels == name].sum() for name in ("no", "yes")}
    even = kind().fit(features, labels, weight / pd.Series(labels).map(mass) * weight.sum() / 2)
    odds = even.predict_proba(features)[:, 1] / even.predict_proba(features)[:, 0] / 9
    assert np.allclose(model.trained_prior_, 0.5)
    assert np.allclose(found, odds / (1 + odds), atol=1e-6)
    if kind is LogisticRegression:  # a booster's mean is not that of its rows
        assert abs(found.mean() - 0.1) < 0.01


def test_labels_that_are_numbers_are_ordered_by_size(table):
    features, labels = table
    many = np.where(labels, 10, np.where(np.arange(100) < 40, 8, 9))
    options = {"generators": "smote", "ridge": 1.0, "repeats": 1}
    assert plan_table(features, many, **options).thresholds.classes == ("8", "9", "10")
    two = plan_table(features, np.where(labels, 10, 9), **options)
    assert [(group.name, group.positive) for group in two.groups] == [("9", False), ("10", True)]
    del options["generators"]
    sampler = SyntheticOverSampler(sampling_strategy="plan", plan_options=options, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NothingAdded)
        sampler.fit_resample(features, many)
    assert [group.size for group in sampler.plan_.groups] == [40, 40, 20]


def test_a_command_orders_labels_as_their_readers_do(tmp_path, capsys, table):
    features, labels = table
    path = tmp_path / "rows.csv"
    frame = pd.DataFrame(features, columns=list("abc"))
    frame.assign(kind=np.where(labels, 10, 9)).to_csv(path, index=False)
    usual = ["plan", str(path), "--label", "kind", "--generator", "smote", "--repeats", "1"]
    assert main(usual) == 0 and "9 80, 10 20 (+)" in capsys.readouterr().out
    assert main([*usual, "--positive", "9"]) == 0
    assert "9 80 (+), 10 20" in capsys.readouterr().out
    assert main([*usual, "--positive", "x"]) == 2
    assert "positive: got 'x', expected one of 9, 10." in capsys.readouterr().err


def test_a_plan_of_a_forest_is_json_that_others_read(table):
    text = plan_table(*table, learner="forest", folds=2, repeats=1, generators="smote").to_json()

    def refuse(name):
        raise AssertionError(name)

    assert json.loads(text, parse_constant=refuse)["validity"][3:] == [None] * 6
    assert np.isnan(Plan.from_json(text).validity.noise)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cost_ratio", "2"),
        ("price", "2"),
        ("worth", True),
        ("most", 2.5),
        ("level", None),
        ("folds", 2.5),
        ("repeats", 1.5),
        ("seed", None),
        ("seed", -1),
        ("ridge", True),
        ("prevalence", "0.1"),
        ("generators", "smot"),
    ],
)
def test_an_option_of_a_wrong_type_is_named(table, as_installed, name, value):
    with pytest.raises(ValueError, match=f"^{name}: got {value!r}, expected"):
        plan_table(*table, **{name: value})


def test_numbers_of_numpy_are_numbers(table, as_installed):
    given = {"ridge": np.float32(1.0), "prevalence": np.float64(0.2), "repeats": np.int64(1)}
    plain = {name: value.item() for name, value in given.items()}
    found = [plan_table(*table, generators="smote", **options) for options in (given, plain)]
    assert found[0].to_json() == found[1].to_json()


def test_missing_numbers_are_said_to_be_missing(table):
    features = pd.DataFrame(table[0], columns=list("abc"))
    features["b"] = pd.array([None, *range(99)], "Int64")
    with pytest.raises(ValueError, match="got nan in row 0, column 'b'"):
        plan_table(features, table[1])
    with pytest.raises(ValueError, match="features: got values that are not numbers"):
        plan_table([[{}, {}], *table[0][1:, :2].tolist()], table[1])


def test_what_goes_with_rows_is_checked(table):
    sampler = SyntheticOverSampler(random_state=0)
    with pytest.raises(ValueError, match="metadata: got a list"):
        sampler.fit_resample(*table, metadata=[1] * 100)
    with pytest.raises(ValueError, match="groups: .* expected values of one type"):
        sampler.fit_resample(*table, groups=np.array(["a", 1] * 50, object))
    with pytest.raises(ValueError, match="prior: got shares of"):
        RecalibratedClassifier(prior={0: 0.5, "1": 0.5}).fit(*table)


def test_a_file_keeps_its_large_whole_numbers(tmp_path, table):
    _, labels = table
    stamps = 1_700_000_000 * 10**9 + np.arange(100) * 977 + 1
    frame = pd.DataFrame({"stamp": stamps, "kind": labels})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    made = tmp_path / "made.csv"
    assert (
        main(["resample", str(tmp_path / "rows.csv"), "--label", "kind", "--out", str(made)]) == 0
    )
    assert pd.read_csv(made)["stamp"][:100].tolist() == stamps.tolist()


@pytest.mark.parametrize("with_rows", [False, True])
def test_the_printed_strength_of_the_penalty_belongs_to_the_weights_handed_out(table, with_rows):
    features, labels = table
    plan = plan_table(features, labels, ridge=5.0, repeats=1, generators="smote")
    chosen = next(choice for choice in plan.choices if bool(choice.rows) == with_rows)
    plan = dataclasses.replace(plan, recommended=chosen)
    train = plan.training_table()
    real, made = train.features[~train.synthetic], train.features[train.synthetic]
    pools = {"smote": [made[train.group[train.synthetic] == g] for g in (0, 1)]}
    fit = chosen.design, pools, (real, labels, labels), features, "logistic-l2", (5.0,), 0
    judged = fit_and_score(*fit)[0]
    printed = float(re.search(r"\(C =\s([0-9.e-]+)\)", plan.summary())[1])
    centre, unit = real.mean(axis=0), real.std(axis=0)
    model = LogisticRegression(C=printed, tol=1e-10, max_iter=1000)
    model.fit((train.features - centre) / unit, train.labels, train.weights)
    handed_out = model.decision_function((features - centre) / unit)
    assert np.allclose(handed_out, judged, rtol=0.01, atol=0.005)  # C has three digits
