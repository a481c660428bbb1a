"""Every type of column comes back as it came, or is refused with the column's name."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from synthetic_oversampling.practice.resampler import SyntheticOverSampler

N = 60
Y = np.repeat([0, 1], [45, 15])
RNG = np.random.default_rng(0)
A = RNG.normal(size=N)
HALF = RNG.random(N) < 0.5


def _resampled(values, y=Y, **given):
    table = pd.DataFrame({"a": A}).assign(v=values)
    sampler = SyntheticOverSampler(random_state=0)
    new, labels = sampler.fit_resample(table, y, **given)
    return table, new, labels, sampler


@pytest.mark.parametrize(
    "values",
    [
        pd.array(RNG.poisson(3, N), dtype="Int64"),
        pd.array(RNG.normal(size=N), dtype="Float32"),
        pd.array(HALF, dtype="boolean"),
        pd.array(np.where(HALF, "u", "v"), dtype="string"),
        pd.Categorical(np.where(HALF, 3, 4)),
        pd.Categorical(np.where(HALF, "l", "h"), categories=["l", "h"], ordered=True),
        pd.cut(A, 3),
        pd.arrays.SparseArray(RNG.poisson(1, N)),
        RNG.integers(100, 127, N).astype(np.int8),
        RNG.integers(0, 3, N).astype(np.uint8),
        HALF,
        np.ones(N),
        pd.Series([decimal.Decimal(k) / 4 for k in range(N)], dtype=object),
    ],
    ids=lambda values: str(values.dtype)[:30],
)
def test_a_column_keeps_its_type_and_the_real_rows_their_values(values):
    table, new, labels, sampler = _resampled(values)
    assert new.dtypes.equals(table.dtypes) and len(new) == 90 and labels.sum() == 45
    real = new.iloc[:N]
    assert (real["v"].astype(object) == table["v"].astype(object)).all()
    made = new["v"].iloc[N:]
    assert not made.isna().any()
    if not pd.api.types.is_numeric_dtype(new["v"].dtype) and new["v"].dtype != object:
        seeds = set(table["v"].astype(object)[Y == 1])
        assert set(made.astype(object)) <= seeds


@pytest.mark.parametrize(
    "values, match",
    [
        (pd.array([None, *range(N - 1)], dtype="Int64"), "NaN: column 'v', row 0"),
        (pd.array([None, *HALF[1:]], dtype="boolean"), "column 'v'.*missing categories"),
        (pd.Categorical([None, *"ab" * 29, "a"]), "column 'v'.*missing categories"),
        ([None, *["a"] * 59], "column 'v'.*missing categories"),
        (np.where(np.arange(N) == 7, np.inf, A), "infinity: column 'v', row 7"),
        (np.where(np.arange(N) == 7, np.nan, A), "NaN: column 'v', row 7"),
        (pd.date_range("2020", periods=N), "'v': got dates or times"),
        (pd.date_range("2020", periods=N, tz="UTC"), "'v': got dates or times"),
        (pd.to_timedelta(np.arange(N), "D"), "'v': got dates or times"),
        (pd.period_range("2020", periods=N), "'v': got dates or times"),
        ([datetime.date(2020, 1, 1)] * N, "'v': got dates or times"),
        ([f"2020-01-{k % 28 + 1:02}" for k in range(N)], "'v': holds dates"),
        (np.ones(N) * 1j, "Complex data not supported: column 'v'"),
        ([[1]] * N, "'v': holds values such as lists"),
        ([*["1.5"] * 59, "1.2x"], "'v': 59 of 60 cells .98 %. are numbers, but not row 59"),
    ],
    ids=str,
)
def test_what_is_no_number_and_no_category_is_refused_by_name(values, match):
    with pytest.raises(ValueError, match=match):
        _resampled(values)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_input_is_refused_with_what_to_do(kind):
    with pytest.raises(TypeError, match="toarray"):
        SyntheticOverSampler().fit_resample(kind(A[:, None]), Y)


@pytest.mark.parametrize(
    "labels",
    [
        np.where(Y, "s", "h"),
        pd.Series(np.where(Y, "s", "h"), dtype=object),
        Y.astype(bool),
        pd.Series(np.where(Y, "s", "h")).astype("category"),
    ],
    ids=["text", "objects", "bool", "category"],
)
def test_labels_of_every_type_make_groups_with_an_attribute(labels):
    """Labels that are Python objects have no `item`, and used to fail here."""
    side = np.where(HALF, "l", "r")
    *_, new, sampler = _resampled(HALF, labels, groups=side)
    assert type(new) is type(labels) and new.dtype == labels.dtype
    kinds = set(np.asarray(labels).tolist())
    assert {group[0] for group in sampler.groups_} == kinds
    assert {group[1] for group in sampler.groups_} == {"l", "r"}
    assert len(set(np.bincount(sampler.group_of_row_))) == 1


def test_weights_that_are_none_are_refused():
    for weight, match in (([np.nan] * N, "NaN"), ([-1.0] * N, "weights from 0"), ([1.0], "incons")):
        with pytest.raises(ValueError, match=match):
            _resampled(A, sample_weight=weight)
