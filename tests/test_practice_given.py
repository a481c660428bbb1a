"""What practice is given that is not as it should be, or that is of an unusual kind."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from synthetic_oversampling.practice import SyntheticOverSampler, plan_table


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
