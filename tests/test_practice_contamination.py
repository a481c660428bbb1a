"""Copies of real rows are found among generated ones, and chance is told from copying."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.practice.rows.contamination import compare, encoded


def _rows(n, d, seed):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_exact_and_near_copies_of_the_test_set_are_found_and_removable():
    seeds, test, fresh = _rows(80, 6, 0), _rows(60, 6, 1), _rows(30, 6, 2)
    noisy = test[10:15] + 0.01 * _rows(5, 6, 3)
    report = compare(np.concatenate([fresh, test[:4], noisy, seeds[:3]]), seeds, test)
    assert np.flatnonzero(report.test.exact).tolist() == [30, 31, 32, 33]
    assert np.flatnonzero(report.test.near).tolist() == [34, 35, 36, 37, 38]
    assert report.test.nearest[30:39].tolist() == [0, 1, 2, 3, 10, 11, 12, 13, 14]
    assert np.flatnonzero(report.seeds.exact).tolist() == [39, 40, 41]
    assert np.flatnonzero(report.clean).tolist() == [*range(30), 39, 40, 41]
    assert report.test.summary() == {
        "rows": 42,
        "exact": 4,
        "near": 5,
        "share": 9 / 42,
        "share_by_chance": 0.0,
    }


def test_chance_is_measured_on_real_rows_where_columns_are_few():
    """In one dimension a fresh row often falls near another; the guard says how often."""
    seeds, test, generated = _rows(400, 1, 0), _rows(400, 1, 1), _rows(4000, 1, 2)
    copies = compare(generated, seeds, test).test
    chance, seen = copies.by_chance, copies.flagged.mean()
    assert chance > 0.05
    assert abs(seen - chance) < 5.0 * (chance / 400 + chance / 4000) ** 0.5


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-50, 50), seed=st.integers(0, 1000))
def test_units_and_order_do_not_matter(scale, shift, seed):
    rng = np.random.default_rng(seed)
    table, none = rng.normal(size=(60, 3)), np.empty((60, 0))
    moved, order = table * scale + shift, rng.permutation(20)
    one, two = (encoded(rows, none, (), rows.std(axis=0)) for rows in (table, moved))
    first = compare(one[:20], one[20:40], one[40:])
    second = compare(two[:20][order], two[20:40], two[40:])
    assert np.array_equal(first.test.flagged[order], second.test.flagged)


def test_a_category_that_differs_is_a_distance_of_one():
    codes = np.array([[0, 1], [2, 1], [0, 0]])
    point = encoded(np.array([[0.0], [0.0], [3.0]]), codes, (3, 2), [1.5])
    squares = ((point[:, None] - point[None]) ** 2).sum(axis=2)
    assert squares[0, 1] == pytest.approx(1.0)
    assert squares[0, 2] == pytest.approx(2.0**2 + 1.0)


def test_repeated_real_rows_and_empty_samples_give_no_nonsense():
    real = np.repeat(_rows(10, 3, 0), 2, axis=0)
    report = compare(np.concatenate([real[:1], _rows(5, 3, 4)]), real, real)
    assert report.test.exact.tolist() == [True] + [False] * 5
    assert not np.isnan(report.test.ratio).any()
    none = compare(np.empty((0, 3)), real, real)
    assert none.test.summary()["share"] == 0.0 and len(none.clean) == 0
    with pytest.raises(ValueError, match="near"):
        compare(real, real, real, near=1.5)
    with pytest.raises(ValueError, match="at least 2"):
        compare(real, real[:1], real)
