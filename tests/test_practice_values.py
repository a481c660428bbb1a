"""Values of synthetic rows keep to what their column is, and few seeds share a covariance."""

import numpy as np
import pandas as pd
import pytest

from synthetic_oversampling.practice.resampler import SyntheticOverSampler
from synthetic_oversampling.practice.rows import columns
from synthetic_oversampling.practice.rows.row_laws import PooledCovariance
from synthetic_oversampling.simulate.tables.kinds import few_valued


def _data(sizes=(60, 20, 12), seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(size=(len(y), 3)) + 5.0 * y[:, None], y


@pytest.mark.parametrize(("generator", "few"), [("plugin", 3), ("predictive", 5)])
def test_a_group_with_few_seeds_takes_the_pooled_covariance_with_a_warning(generator, few):
    x, y = _data((30, few))
    with pytest.warns(PooledCovariance, match=f"1 has {few} seeds for 3 varying columns"):
        own = SyntheticOverSampler(generator, random_state=0).fit_resample(x, y)[0]
    pooled = SyntheticOverSampler(generator, covariance="pooled", random_state=0)
    np.testing.assert_array_equal(own, pooled.fit_resample(x, y)[0])


def _manners():
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "flag": rng.integers(0, 2, 200),
            "children": rng.poisson(1.0, 200).clip(0, 4).astype(float),
            "income": rng.exponential(1.0, 200) ** 2,
            "loss": -rng.exponential(1.0, 200),
            "change": rng.normal(size=200),
        }
    )
    return table, np.array([0] * 170 + [1] * 30)


def test_few_whole_numbers_are_lent_and_other_numbers_keep_their_sign():
    table, y = _manners()
    sampler = SyntheticOverSampler(random_state=0)
    new = sampler.fit_resample(table, y)[0][sampler.synthetic_mask_]
    for name in ("flag", "children"):
        lenders = table[name].to_numpy()[sampler.seed_indices_[sampler.synthetic_mask_]]
        np.testing.assert_array_equal(new[name], lenders)
    assert new["income"].min() == table["income"].min() > 0
    assert new["loss"].max() == table["loss"].max() < 0
    moved = {
        "income": int((new["income"] == table["income"].min()).sum()),
        "loss": int((new["loss"] == table["loss"].max()).sum()),
    }
    assert sampler.corrections_ == moved and min(moved.values()) > 0


def test_the_rules_for_values_can_be_turned_off_and_tightened():
    table, y = _manners()
    free = SyntheticOverSampler(few_values="draw", bounds=None, random_state=0)
    new = free.fit_resample(table, y)[0][free.synthetic_mask_]
    assert new["income"].min() < 0 < new["loss"].max() and free.corrections_ == {}
    assert set(new["children"]) - set(table["children"])
    tight = SyntheticOverSampler(few_values="draw", bounds="range", random_state=0)
    new = tight.fit_resample(table, y)[0][tight.synthetic_mask_]
    assert (new.min() >= table.min()).all() and (new.max() <= table.max()).all()
    assert set(tight.corrections_) >= {"income", "loss", "children"}
    with pytest.raises(ValueError, match="'bounds' parameter"):
        SyntheticOverSampler(bounds="positive").fit_resample(table, y)


def test_an_identifier_or_a_few_rows_of_whole_numbers_are_numbers():
    assert few_valued(np.arange(50.0)[:, None]).tolist() == [False]
    assert few_valued(np.array([[0.0], [1.0], [2.0]])).tolist() == [False]
    assert few_valued(np.array([[0.5], [1.0]] * 20)).tolist() == [False]


def test_donors_are_sought_only_where_something_is_lent_or_asked_for(monkeypatch):
    calls = []
    search = columns.donors
    monkeypatch.setattr(columns, "donors", lambda *parts: calls.append(1) or search(*parts))
    x, y = _data()
    sampler = SyntheticOverSampler(random_state=0)
    sampler.fit_resample(x, y)
    assert not calls
    donors = sampler.seed_indices_
    assert len(calls) == 2 and (y[donors] == sampler.group_of_row_).all()
    assert donors is not sampler.seed_indices_ and (donors == sampler.seed_indices_).all()
    assert len(calls) == 2
    sampler.fit_resample(x, y, sample_weight=np.arange(len(y)) + 1.0)
    assert (sampler.seed_indices_ == donors).all() and len(calls) == 4
    new = sampler.synthetic_mask_
    level = sampler.sample_weight_[new] / (donors[new] + 1.0)
    assert level == pytest.approx(1.0)
