"""The planner: its pieces against the theory on known groups, and what it decides and refuses."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.practice.planner import (
    estimate as planner_estimate,
)
from synthetic_oversampling.practice.planner import (
    intervals as planner_intervals,
)
from synthetic_oversampling.practice.planner import (
    sources as planner_sources,
)
from synthetic_oversampling.practice.planner.diagnostics import _concentration, _identifiers
from synthetic_oversampling.practice.planner.estimate import (
    SeparableError,
    Synthetic,
    first_fits,
    real_part,
    synthetic_part,
)
from synthetic_oversampling.practice.planner.plan import NAMES, plan_table
from synthetic_oversampling.practice.planner.sources import draw_rows, mean_scores, rows_of, source
from synthetic_oversampling.practice.planner.table import prepare
from synthetic_oversampling.practice.planner_study.trials import draw_groups
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import Duplicate, GaussianPlugin, Oracle, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import hyperbola_of_design

SIZES = (8000, 2000)
GROUPS = (
    GaussianGroup([0.0, 0.0, 0.0], np.eye(3), 0),
    GaussianGroup([1.5, 0.5, 0.0], [[1.5, 0.3, 0.0], [0.3, 1.0, 0.0], [0.0, 0.0, 0.7]], 1),
)
THEORY = {
    "duplicate": Duplicate(),
    "smote-all": Smote(),
    "gaussian": GaussianPlugin(),
    "gaussian-pooled": GaussianPlugin("pooled"),
}


@pytest.fixture(scope="module")
def large():
    rows = rows_of(*draw_groups(GROUPS, SIZES, seed=5))
    return rows, real_part(rows, np.ones(sum(SIZES)), first_fits(rows))


@pytest.fixture(scope="module")
def small():
    return draw_groups((GROUPS[0], GROUPS[1]), (400, 80), seed=7)


@pytest.mark.parametrize("name", THEORY)
def test_the_estimated_scaling_law_is_that_of_theorem_s(large, name):
    rows, real = large
    own = synthetic_part(rows, np.ones(len(rows.sign)), real, source(name, rows))
    theory = [float(v) for v in hyperbola_of_design(GROUPS, SIZES, THEORY[name])]
    # moments of scores: relative spread sqrt(kurtosis / n_min), at most 2 for the bias's square
    tolerance = 4 * 2 / math.sqrt(min(SIZES))
    for seen, expected in zip(own.moments(level=True), theory, strict=True):
        assert seen == pytest.approx(expected, rel=tolerance)


def test_real_designs_are_predicted_as_theorem_r_does(large):
    _, real = large
    weighted = predict(GROUPS, Design.class_weighted(SIZES), Oracle())
    raw = predict(GROUPS, Design.raw(SIZES), Oracle())
    spread = 4 * 1.5 / math.sqrt(min(SIZES))  # of a mean of squared scores, kurtosis about 2
    assert real.weighted == pytest.approx(float(weighted.local_variance), rel=spread)
    assert abs(real.raw - float(raw.total)) < 4 * real.raw_std < 0.1 * float(raw.total)
    assert real.raw_variance == pytest.approx(float(raw.excess.variance), rel=spread)


@pytest.mark.parametrize("name", NAMES)
def test_influences_are_derivatives_in_the_rows_weights(name):
    x, label = draw_groups(GROUPS, (60, 40), seed=2)
    rows = rows_of(x, label)
    own, theta = source(name, rows), np.array([-0.4, 0.9, 0.3, -0.2])
    mix = np.array([[0.1, 0.7], [0.5, 0.5]])
    rng = np.random.default_rng(0)
    move = rng.normal(size=100)
    sizes = np.array([60, 40])
    for g in (0, 1):  # weights keep their mean of 1 within groups
        move[rows.members(g)] -= move[rows.members(g)].mean()

    def total(step):
        return mix @ mean_scores(own, rows, 1.0 + step * move, theta, mix).mean

    step = 1e-4
    slope = (total(step) - total(-step)) / (2 * step)
    influence = mean_scores(own, rows, np.ones(100), theta, mix).influence
    linear = np.einsum("n,mnp->mp", move / sizes[rows.group], influence)
    # an unbiased covariance is n/(n-1) times the one that is differentiated
    allowed = (1 / 39) * np.abs(linear).max() if name.startswith("gaussian") else 1e-7
    np.testing.assert_allclose(slope, linear, rtol=0, atol=allowed + 1e-7)


def test_squaring_an_unbiased_estimate_is_corrected_for_its_noise():
    # fresh normal rows instead of the generator's: b = 0, so the corrected square must be noise
    corrected, naive = [], []
    for seed in range(40):
        rows = rows_of(*draw_groups(GROUPS, (300, 100), seed=100 + seed))
        real = real_part(rows, np.ones(400), first_fits(rows))
        own = synthetic_part(rows, np.ones(400), real, source("gaussian", rows))
        noise = np.trace(own.bias_noise[2, 2])
        naive.append(own.bias[2] @ own.bias[2])
        corrected.append(naive[-1] - noise)
    spread = np.std(corrected, ddof=1) / math.sqrt(40)
    assert abs(np.mean(corrected)) < 4 * spread
    assert np.mean(naive) > 4 * spread  # without the correction the bias is seen where none is


def test_the_score_interval_of_a_squared_bias_covers():
    rng = np.random.default_rng(3)
    p, draws = 5, 4000
    noise = np.zeros((3, 3, p, p))
    noise[2, 2] = np.diag([1.0, 0.5, 0.5, 0.2, 0.1])
    root = np.sqrt(noise[2, 2])
    for truth in (np.zeros(p), np.full(p, 1.0), np.array([4.0, 0, 0, 0, 0])):
        inside = 0
        for _ in range(draws):
            bias = np.zeros((3, p))
            bias[2] = truth + root @ rng.normal(size=p)
            own = Synthetic(bias, noise, np.zeros((3, 3)), 0.0, 1.0, np.zeros((2, 5, 5)))
            got = planner_intervals.squared_bias(own, np.array([0.0, 0.0, 1.0]), 1.96)
            inside += got.low <= truth @ truth <= got.high
            assert got.low <= got.value <= got.high
        # moments are matched, not the law itself: within 3 points of 95 %
        assert abs(inside / draws - 0.95) < 0.03 + 4 * math.sqrt(0.95 * 0.05 / draws)


def test_plain_training_is_class_weighting_where_groups_are_equal():
    x, label = draw_groups(GROUPS, (200, 200), seed=9)
    raw, weighting, level = plan_table(x, label, generators="smote", bootstrap=20).choices[:3]
    for own in (raw, level):
        for left, right in zip(own.excess, weighting.excess, strict=True):
            assert left == pytest.approx(right, rel=1e-9)


def test_fresh_rows_are_worth_adding_and_shifted_rows_are_not(small):
    x, label = small
    fresh, own = draw_groups(GROUPS, (1500, 1500), seed=8)
    plan = plan_table(x, label, synthetic=(fresh, own), fitted=False, bootstrap=40)
    assert plan.add_synthetic and plan.recommended.expected > 0 and plan.weight > 0
    moved = fresh - 3.0 * own[:, None] * np.array([1.0, 0.3, 0.0])
    plan = plan_table(x, label, synthetic=(moved, own), fitted=False, bootstrap=40)
    assert not plan.add_synthetic and plan.recommended.name == "weighting"
    assert plan.reason.endswith("Use class weighting.")
    assert all(c.gain.high < 0 for c in plan.choices if c.source), "it is shown to hurt"


def test_rows_made_from_the_table_are_worth_less_than_independent_ones(small):
    x, label = small
    made = draw_groups(GROUPS, (1500, 1500), seed=8)
    gains = []
    for fitted in (False, True):
        plan = plan_table(x, label, synthetic=made, fitted=fitted, bootstrap=20)
        gains.append(max(c.gain.value for c in plan.choices if c.name == "weight+add"))
    assert gains[1] < 0.7 * gains[0]


def test_a_table_too_small_to_level_with_says_so(small):
    x, label = small
    few = draw_groups(GROUPS, (100, 100), seed=8)
    plan = plan_table(x, label, synthetic=few, fitted=False, bootstrap=20)
    assert {c.name for c in plan.choices} == {"raw", "weighting", "weight+add"}
    assert "levelling needs 320" in next(
        w.message for w in plan.warnings if w.check == "synthetic rows"
    )


def test_tables_of_about_one_size_share_the_programs_of_their_fits(small):
    x, label = small
    first = first_fits(rows_of(x, label))
    compiled = planner_estimate._fit._cache_size()
    first_fits(rows_of(x[1:-1], label[1:-1]))
    assert planner_estimate._fit._cache_size() == compiled
    sign, weight = 2.0 * label - 1.0, np.full(len(x), 1.0 / len(x))
    alone = fit(jnp.asarray(x), jnp.asarray(sign), jnp.asarray(weight), max_steps=100)
    # rows without weight change the order of sums and nothing else
    np.testing.assert_allclose(first.raw, alone.theta, rtol=1e-11)


def test_copies_of_the_rows_are_worth_nothing_and_are_reported(small):
    x, label = small
    plan = plan_table(x, label, synthetic=(x, label), fitted=False, bootstrap=20)
    assert [w.check for w in plan.warnings].count("copies") == 1


def test_a_price_lowers_the_number_of_rows_until_none_is_worth_it(small):
    x, label = small
    rows = []
    made = draw_groups(GROUPS, (1500, 1500), seed=8)
    for price in (0.0, 1e-6, 1e-2):
        plan = plan_table(x, label, synthetic=made, fitted=False, price=price, bootstrap=20)
        rows.append(plan.recommended.rows)
    assert rows[0] > rows[1] > rows[2] == 0


def test_weights_of_all_rows_sum_to_one(small):
    x, label = small
    plan = plan_table(x, label, generators=["smote", "gaussian-pooled"], bootstrap=20)
    for own in plan.choices:
        object.__setattr__(plan, "recommended", own)
        weights = plan.row_weights()
        total = sum(g.size * w for g, w in zip(plan.groups, weights["real"], strict=True))
        total += np.dot(own.oversampling, weights["levelling"]) + own.size * weights["added"].sum()
        assert total == pytest.approx(1.0, abs=1e-12)


def test_the_plan_depends_neither_on_units_nor_on_the_order_of_rows(small):
    x, label = small
    options = {"generators": "gaussian", "bootstrap": 10}
    first = plan_table(x, label, **options)
    scale = np.array([1e3, 1e-3, 5.0])
    second = plan_table(x * scale + 7.0, label, **options)
    order = np.random.default_rng(0).permutation(len(x))
    third = plan_table(x[order], label[order], **options)
    for own in (second, third):
        for left, right in zip(first.choices[:3], own.choices[:3], strict=True):
            assert left.excess.value == pytest.approx(right.excess.value, rel=1e-6)


def test_groups_are_label_and_attribute_and_other_labels_keep_their_own_group(small):
    x, label = small
    attribute = np.where(x[:, 2] > 0, "s", "t")
    plan = plan_table(x, label, attribute, generators="smote", bootstrap=10)
    assert [g.name for g in plan.groups] == ["0/s", "0/t", "1/s", "1/t"]
    three = np.where(label == 1, "c", np.where(x[:, 1] > 0, "a", "b"))
    plan = plan_table(x, three, generators="smote", positive="c", bootstrap=10)
    assert [(g.name, g.positive) for g in plan.groups] == [("a", False), ("b", False), ("c", True)]


def test_doubtful_tables_are_noticed():
    rng = np.random.default_rng(4)
    x = rng.standard_t(2.1, size=(500, 2))
    label = (x[:, 0] + rng.logistic(size=500) > 1.0).astype(int)
    seen = {w.check for w in plan_table(x, label, generators="gaussian", bootstrap=15).warnings}
    assert "tails" in seen
    x = rng.normal(size=(1500, 2))  # two labels along x0, mirrored where x1 changes sign
    label = (x[:, 1] + np.sign(x[:, 1]) * x[:, 0] + 0.3 * rng.logistic(size=1500) > 1).astype(int)
    seen = {w.check for w in plan_table(x, label, generators="smote", bootstrap=15).warnings}
    assert "information matrix" in seen
    x, label = draw_groups(GROUPS, (300, 20), seed=1)
    seen = {w.check for w in plan_table(x, label, generators="smote", bootstrap=10).warnings}
    assert "small group" in seen
    far = GaussianGroup([4.5, 0.0, 0.0], np.eye(3), 1)
    x, label = draw_groups((GROUPS[0], far), (300, 100), seed=1)
    seen = {w.check for w in plan_table(x, label, generators="smote", bootstrap=10).warnings}
    assert "separation" in seen
    near = GaussianGroup([1.5, 0.5, 0.0], np.eye(3), 1)  # a common covariance: the model holds
    x, label = draw_groups((GROUPS[0], near), (2000, 2000), seed=1)
    assert plan_table(x, label, generators="gaussian", bootstrap=10).warnings == ()


def _concentrated(x, label):
    table = prepare(x, label, None, None, True, None)
    real = real_part(table.rows, np.ones(len(x)), first_fits(table.rows))
    return [doubt.check for doubt in _concentration(table, real)]


def test_a_rare_class_is_no_influential_row_and_an_outlier_is():
    # weighted, the rare class carries the variance: that is nothing to look at
    near = GaussianGroup([1.5, 0.5, 0.0], np.eye(3), 1)
    x, label = draw_groups((GROUPS[0], near), (6000, 300), seed=1)
    assert _concentrated(x, label) == []
    x[-1] = -40.0  # one row of the rare class far on the other side
    assert _concentrated(x[:, :1], label) == ["influence"]


def test_a_column_that_numbers_the_rows_is_called_an_identifier(small):
    x, label = small
    numbered = np.c_[x, 7.0 + 2 * np.arange(len(x))]
    (doubt,) = _identifiers(prepare(numbered, label, None, None, True, None))
    assert "the rows are numbered by '3':" in doubt.message
    assert list(_identifiers(prepare(x, label, None, None, True, None))) == []


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"labels": np.zeros(480)}, "labels: got one kind"),
        ({"labels": np.arange(480) % 3}, "labels: got 3 kinds"),
        ({"labels": np.arange(480) / 7}, "480 kinds in 480 rows .* cut numbers into classes"),
        ({"labels": np.r_[np.zeros(477), np.ones(3)]}, "got 3 rows of '1', expected at least 5"),
        ({"generators": "smot"}, "generator: got 'smot'"),
        ({"generators": []}, "generators: got none"),
        ({"price": -1.0}, "price: got -1.0"),
        ({"price": math.nan}, "price: got nan"),
        ({"most": 0}, "most: got 0"),
        ({"positive": 5}, "positive: got 5"),
        ({"synthetic": (np.zeros((9, 2)), np.zeros(9))}, "synthetic: got 2 features"),
        ({"synthetic": (np.zeros((9, 3)), np.full(9, 7))}, "groups the table does not have: 7"),
        ({"synthetic": (np.zeros((9, 3)), np.zeros(9))}, "got 0 rows of group 1"),
    ],
)
def test_unusable_arguments_are_refused_by_name(small, change, match):
    x, label = small
    with pytest.raises(ValueError, match=match):
        plan_table(x, **({"labels": label, "bootstrap": 10} | change))


def test_tables_without_a_fit_are_refused(small):
    x, label = small
    with pytest.raises(SeparableError, match="linearly separable"):
        plan_table(x + 50.0 * label[:, None], label)
    with pytest.raises(SeparableError, match="By itself, column '3' separates them: is it an id"):
        plan_table(np.c_[x, np.arange(len(x))], label)
    rare = (np.arange(len(x)) == np.flatnonzero(label == 1)[0]).astype(float)
    says = "some rows apart .* column '3' separates them, but for rows of one value: is it"
    with pytest.raises(SeparableError, match=says):  # and no word of collinearity
        plan_table(np.c_[x, rare], label)
    with pytest.raises(ValueError, match="column '[03]' follows exactly from column '[03]'"):
        plan_table(np.c_[x, x[:, 0]], label)
    with pytest.raises(ValueError, match="follows exactly from columns .*, expected"):
        plan_table(np.c_[x, x.sum(axis=1)], label)
    with pytest.raises(ValueError, match="follows exactly from column '[34]', expected"):
        plan_table(np.c_[x, label == 1, label == 0], label)  # with the intercept
    with pytest.raises(ValueError, match="column '3' is constant"):
        plan_table(np.c_[x, np.ones(len(x))], label)
    with pytest.raises(ValueError, match="columns 'a', 'b' are constant"):
        plan_table(np.c_[x, np.ones((len(x), 2))], label, names=["x", "y", "z", "a", "b"])
    for scale in (1e200, 1e-200):
        with pytest.raises(ValueError, match="column '0' has values .* use another unit"):
            plan_table(x * np.array([scale, 1.0, 1.0]), label)
    bad = x.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="row 3, column '1'"):
        plan_table(bad, label)


def test_the_slopes_are_derivatives_of_one_another():
    # E_{k+1} is the derivative of E_k in the score's mean
    step, centre = 1e-4, jnp.array([0.3, -1.0])
    var, sign = jnp.array([0.5, 2.0]), jnp.array([1.0, -1.0])
    low, high = (planner_sources._slopes(centre + s, var, sign) for s in (-step, step))
    middle = planner_sources._slopes(centre, var, sign)
    np.testing.assert_allclose((high - low)[:3] / (2 * step), middle[1:], rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_drawn_rows_have_the_estimated_mean_score_and_covariance(name):
    x, label = draw_groups(GROUPS, (150, 60), seed=3)
    rows = rows_of(x / x.std(axis=0), label)
    theta = np.array([-0.4, 0.9, 0.3, -0.2])
    own = source(name, rows)
    told = mean_scores(own, rows, np.ones(210), theta, np.eye(2))
    made, group = draw_rows(name, rows.x[:, 1:], label, [40_000, 40_000], seed=0)
    drawn = rows_of(made, group)
    score = planner_sources.score_parts(drawn, theta)[1][:, None] * drawn.x
    for g in (0, 1):
        std = score[group == g].std(axis=0)
        # partners that stand for all neighbours leave an error of their own, a few percent
        allowed = 4 / math.sqrt(40_000) + (0.05 if name == "smote-all" else 0.0)
        assert np.all(np.abs(score[group == g].mean(axis=0) - told.mean[g]) < allowed * std)
        cov = np.cov(score[group == g].T)
        assert np.abs(cov - told.cov[g]).max() < (0.03 + allowed) * cov.max()
