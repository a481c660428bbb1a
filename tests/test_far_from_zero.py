"""Features far from 0: what the theory warns of, and that one shift of all rows changes nothing."""

import jax
import numpy as np
import pytest

from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner.sources import draw_rows
from synthetic_oversampling.practice.rows.columns import donors
from synthetic_oversampling.practice.rows.contamination import copies_of
from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    GaussianPlugin,
    law_of_design,
    predict,
)
from synthetic_oversampling.theory.inputs import FarFromZero, check_groups
from synthetic_oversampling.transformer_toy import checkpoint, generate
from synthetic_oversampling.transformer_toy.rows.training import load
from synthetic_oversampling.transformer_toy.seeds import from_arrays

MEANS = np.array([[0.0, 0.0, 0.0], [1.5, 0.5, 0.0]])
COVS = (np.eye(3), np.diag([1.0, 2.0, 0.5]))
SIZES, PLUGIN = (900, 90), GaussianPlugin("pooled")
DESIGN = Design(SIZES, 500, 0.5)


def _groups(offset):
    groups_at = zip(MEANS + np.asarray(offset), COVS, (0, 1), strict=True)
    return [GaussianGroup(mean, cov, label) for mean, cov, label in groups_at]


def test_predictions_keep_their_digits_without_a_word_up_to_a_thousand_deviations():
    near = predict(_groups(0.0), DESIGN, PLUGIN)
    for offset in (30.0, 900.0):  # digits go with the square of the offset
        far = predict(_groups([offset, 0.0, -offset / 2]), DESIGN, PLUGIN)
        assert abs(float(far.total / near.total) - 1) < 1e-11 * max(offset, 10.0) ** 2 / 100


@pytest.mark.parametrize(
    "call",
    [
        lambda groups: predict(groups, DESIGN, PLUGIN),
        lambda groups: law_of_design(groups, SIZES, PLUGIN),
    ],
    ids=["predict", "law_of_design"],
)
def test_a_feature_farther_away_is_warned_of_and_the_remedy_is_one(call):
    far = _groups([0.0, 4000.0, 0.0])
    with pytest.warns(
        FarFromZero, match=r"feature 1 .* 3.2e\+03 standard .* more than 7 of 16 digits"
    ):
        call(far)
    moved = [
        GaussianGroup(value.mean[0] - [0.0, 4000.0, 0.0], value.cov[0], value.label)
        for value in far
    ]
    call(moved)  # a warning would be an error


@pytest.mark.filterwarnings("ignore::synthetic_oversampling.theory.inputs.FarFromZero")
def test_a_prediction_loses_digits_with_the_offset_and_ends_where_it_would_lose_all():
    near = predict(_groups(0.0), DESIGN, PLUGIN)
    for offset, within in ((1e4, 1e-3), (5e4, 0.05)):  # rounding: 2e-5 and 2e-3, as it happens
        far = predict(_groups([offset, 0.0, 0.0]), DESIGN, PLUGIN)
        assert abs(float(far.total / near.total) - 1) < within
    with pytest.raises(ValueError, match="^law: .*feature 0 .*subtract the means") as error:
        predict(_groups([3e5, 0.0, 0.0]), DESIGN, PLUGIN)
    assert "overlapping" not in str(error.value)


def test_classes_far_from_each_other_are_not_far_from_0():
    groups = [GaussianGroup([y * 1e4, 0.0], np.eye(2), y) for y in (0, 1)]
    check_groups(groups, DESIGN)  # a warning would be an error


# --- tables -----------------------------------------------------------------------------------
def _table(dim=3):
    """Features on a grid of 2^-20, which offsets up to 2^30 leave exact."""
    rng, label = np.random.default_rng(0), np.repeat([0, 1], [200, 40])
    x = rng.normal(size=(240, dim)) + label[:, None] * np.array([1.2, 0.6, 0.0] + [0.0] * (dim - 3))
    return np.round(x * 2**20) / 2**20, label


def test_a_plan_and_rows_drawn_from_a_table_move_with_it():
    (x, label), offset = _table(), 2.0**27
    rounding = 16 * np.finfo(float).eps * offset

    def plan(rows):
        planned = plan_table(rows, label, generators="smote", ridge=1.0, repeats=1)
        return [(c.expected, c.evidence.error, c.loss) for c in planned.choices]

    np.testing.assert_allclose(plan(x + offset), plan(x), rtol=1e-9, atol=1e-12)
    for name in ("plugin", "smote"):
        rows, moved = (draw_rows(name, rows, label, [5, 5], seed=0)[0] for rows in (x, x + offset))
        np.testing.assert_allclose(moved - offset, rows, atol=rounding)


def test_a_network_s_samples_are_written_with_the_digits_of_their_spread(tmp_path):
    x, label = _table()
    written = {}
    for offset in (0.0, 2.0**30):
        given = from_arrays(x + offset, label.astype(str))
        net, path = load(checkpoint.SHIPPED_ROWS), tmp_path / f"{offset}.csv"
        parts = generate.generate(net, given, {"1": 20}, key=jax.random.key(0))
        generate.write_csv(path, given, parts, 20)
        written[offset] = np.loadtxt(path, delimiter=",", skiprows=1)[:, :3] - offset
    near, far = written.values()
    np.testing.assert_allclose(far, near, atol=16 * np.finfo(float).eps * 2.0**30)


def test_neighbours_among_many_features_are_found_however_far_away():
    x, _ = _table(20)
    seeds, made, offset = x[:100], np.concatenate([x[100:140], x[:8]]), 2.0**30
    near, far = (copies_of(made + by, seeds + by, x[140:] + by) for by in (0.0, offset))
    assert far.exact.tolist() == near.exact.tolist() and far.exact.sum() == 8
    assert far.near.tolist() == near.near.tolist()
    lent = [donors(seeds + by, made + by, 1, np.random.default_rng(0)) for by in (0.0, offset)]
    assert lent[0].tolist() == lent[1].tolist()
