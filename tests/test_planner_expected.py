"""What the planner expects of any bias, and how wide its intervals are where few rows decide."""

import math

import numpy as np
import pytest
from scipy.stats import gamma

from synthetic_oversampling.practice.planner.estimate import (
    Synthetic,
    first_fits,
    real_part,
    synthetic_part,
    weighted_excess,
)
from synthetic_oversampling.practice.planner.intervals import (
    gamma_quantile,
    resample,
    scaled,
    squared_bias,
)
from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner.posterior import misfit, posterior_square
from synthetic_oversampling.practice.planner.ratios import _Path, mixture, ratios, table_law
from synthetic_oversampling.practice.planner.reach import Reach, reach
from synthetic_oversampling.practice.planner.sources import External, Source, rows_of, source
from synthetic_oversampling.practice.planner.table import prepare
from synthetic_oversampling.practice.planner_study.trials import draw_groups
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Shifted, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import law_of_design

SIZES = (30_000, 30_000)
GROUPS = (
    GaussianGroup([0.0, 0.0], np.eye(2), 0),
    GaussianGroup([1.3, 0.4], [[1.5, 0.3], [0.3, 0.8]], 1),
)


def _parts(x, label, made):
    rows = rows_of(x, label)
    ones = np.ones(len(x))
    real = real_part(rows, ones, first_fits(rows))
    own = Source("table", external=External(rows_of(made, label), ones, fitted=False))
    part = synthetic_part(rows, ones, real, own)
    return real, part, ratios(rows, ones, real, part, own, level=True)


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.3, -1.0)])
def test_the_ratios_add_what_theorem_r_has_beyond_its_local_form(direction):
    # odd in the bias: what is quadratic in it, and what has none of it, cancels
    step, weight = 1e-3, 0.2
    x, label = draw_groups(GROUPS, SIZES, seed=1)
    beyond, added = [], []
    for sign in (1, -1):
        shift = sign * step * np.array(direction)
        told = predict(GROUPS, Design(SIZES, 10**9, weight), Shifted(tuple(shift)))
        beyond.append(float(told.total - told.small_bias - told.small_variance))
        # the same rows, moved: the bias is estimated without the noise of fresh rows
        real, part, own = _parts(x, label, x + shift)
        mix = mixture(True, weight)
        local = np.sum((mix @ part.bias) ** 2), mix @ part.seeds @ mix
        more = (float(one(weight)) - 1 for one in (own.bias, own.seeds))
        added.append(sum(m * v for m, v in zip(more, local, strict=True)) / 2)
    seen, expected = ((v[0] - v[1]) / 2 for v in (added, beyond))
    # moments of scores up to the third on 60 000 rows, a relative spread of sqrt(100 / n)
    assert seen == pytest.approx(expected, rel=4 * math.sqrt(100 / sum(SIZES)))
    assert abs(expected) > 1e-3 * step * real.weighted


@pytest.mark.parametrize("level", [True, False])
@pytest.mark.parametrize("name", ["smote-all", "gaussian-pooled"])
def test_a_tables_law_is_the_global_law_of_its_groups_where_the_hyperbola_is_far_off(name, level):
    sizes, theory = (
        (8000, 2000),
        {"smote-all": Smote(), "gaussian-pooled": GaussianPlugin("pooled")},
    )
    rows = rows_of(*draw_groups(GROUPS, sizes, seed=6))
    ones = np.ones(sum(sizes))
    real = real_part(rows, ones, first_fits(rows))
    own = source(name, rows)
    part = synthetic_part(rows, ones, real, own)
    law = table_law(part, ratios(rows, ones, real, part, own, level=level), level=level)
    true = law_of_design(GROUPS, sizes, theory[name], levelled=level)
    weight = np.array([0.25, 0.5, 1.0])
    # moments of scores: relative spread sqrt(kurtosis / n_min), at most 2 for the bias's square
    tolerance = 4 * 2 / math.sqrt(min(sizes))
    for size in (50, 5000, np.inf):
        np.testing.assert_allclose(law.excess(weight, size), true.excess(weight, size), tolerance)
    if name == "smote-all":
        off = np.asarray(true.hyperbola.excess(1.0, np.inf)) / true.excess(1.0, np.inf)
        assert off < 1 - 1.5 * tolerance


def test_the_ratios_follow_the_full_form_between_their_weights():
    rows = rows_of(*draw_groups(GROUPS, (900, 150), seed=7))
    ones = np.ones(1050)
    real = real_part(rows, ones, first_fits(rows))
    own = source("smote", rows)
    part = synthetic_part(rows, ones, real, own)
    for level in (True, False):
        found = ratios(rows, ones, real, part, own, level=level)
        path = _Path(rows, ones, real, own, level)
        for weight in (0.08, 0.3, 0.7):
            mix = mixture(level, weight)
            bias, seeds, one = path.parts(weight, path.minimiser(weight, real.theta))
            drawn = (1 - weight) ** 2 * part.levelling * level
            square = np.sum((mix @ part.bias) ** 2)
            told = (square, mix @ part.seeds @ mix + drawn, part.one)
            for ratio, exact, local in zip(found, (bias, seeds, one), told, strict=True):
                assert float(ratio(weight)) == pytest.approx(2 * exact / local, rel=1e-3)


def test_rows_that_separate_the_classes_have_no_ratios_and_the_plan_says_so():
    x, label = draw_groups(GROUPS, (300, 60), seed=8)
    made = np.where(label[:, None] == 1, 3.0, -3.0) + 0.1 * x
    plan = plan_table(x, label, synthetic=(made, label), fitted=False, bootstrap=10)
    assert [doubt.check for doubt in plan.warnings].count("synthetic fit") == 1
    assert not plan.add_synthetic and not any(own.rows for own in plan.choices)


def test_a_bias_is_shrunk_by_how_plain_it_is():
    rng = np.random.default_rng(0)
    noise = np.zeros((3, 3, 4, 4))
    noise[2, 2] = np.diag([1.0, 0.5, 0.5, 0.2])
    spread = np.trace(noise[2, 2])
    for truth, low, high in ((0.0, 0.0, 0.5), (50.0, 0.99, 1.01)):
        posterior, square = [], []
        for _ in range(300):
            bias = np.zeros((3, 4))
            bias[2] = truth + np.sqrt(np.diag(noise[2, 2])) * rng.normal(size=4)
            found = posterior_square(bias, noise)
            posterior.append(found[2, 2])
            square.append(bias[2] @ bias[2])
            assert found[0, 0] == found[0, 2] == 0.0
        # with no bias the estimate of its square is the noise; the posterior is far below twice it
        scale = 2 * spread if truth == 0 else np.mean(square)
        assert low < np.mean(posterior) / scale < high
    flat = posterior_square(np.ones((3, 4)), noise, shrunk=False)
    np.testing.assert_allclose(flat, 4.0 + np.trace(noise, axis1=2, axis2=3))
    known = posterior_square(np.ones((3, 4)), np.zeros((3, 3, 4, 4)))
    np.testing.assert_array_equal(known, np.full((3, 3), 4.0))


def test_gamma_quantiles_are_those_of_the_law():
    for shape in (1.0, 2.0, 10.0):
        for z, quantile in ((1.6449, 0.95), (-1.96, 0.025), (1.96, 0.975)):
            exact = (gamma.ppf(quantile, shape) - shape) / math.sqrt(shape)
            # Wilson and Hilferty: within a few hundredths of a standard deviation
            assert abs(gamma_quantile(z, 2 / math.sqrt(shape)) - exact) < 0.05
    assert gamma_quantile(1.96, 0.0) == 1.96


def test_a_bias_of_zero_is_excluded_as_rarely_as_the_level_says():
    rng = np.random.default_rng(5)
    noise = np.zeros((3, 3, 5, 5))
    noise[2, 2] = np.diag([1.0, 0.3, 0.1, 0.1, 0.05])  # nearly one direction: very skewed
    root, draws, excluded = np.sqrt(np.diag(noise[2, 2])), 1000, 0
    for _ in range(draws):
        bias = np.zeros((3, 5))
        bias[2] = root * rng.normal(size=5)
        own = Synthetic(bias, noise, np.zeros((3, 3)), 0.0, 1.0, np.zeros((2, 5, 5)))
        excluded += squared_bias(own, np.array([0.0, 0.0, 1.0]), 1.96).low > 0
    # three cumulants: half a point is allowed
    assert excluded / draws < 0.025 + 0.005 + 4 * math.sqrt(0.025 * 0.975 / draws)
    value = ((root * rng.normal(size=(100_000, 5))) ** 2).sum(axis=1) - root @ root
    normal = np.mean(value > 1.96 * math.sqrt(2 * np.sum(noise[2, 2] ** 2)))
    assert normal > 0.025 + 0.015  # two of them exclude it too often


def test_few_rows_need_more_standard_errors():
    found = {}
    for sizes in ((600, 40), (4000, 4000)):
        rows = rows_of(*draw_groups(GROUPS, sizes, seed=3))
        fits = first_fits(rows)
        replicates = resample(rows, fits, [], replicates=60, seed=0).weighted
        found[sizes] = reach(rows, fits, replicates, seed=0)
    few, many = found.values()
    assert few.freedom < many.freedom and few.errors(0.975) > many.errors(0.975) > 1.9
    assert few.scale >= 1.0 and many.errors(0.975) < 1.15 * 1.96 * max(many.scale, 1.0)
    assert Reach(5.0, 1.2).errors(0.975) == pytest.approx(1.2 * 2.5706, rel=1e-4)


def test_the_reciprocal_scale_reaches_further_up_than_down_and_stays_finite():
    replicates = np.exp(0.1 * np.random.default_rng(0).normal(size=500))
    own = scaled(1.0, replicates, 2.0)
    assert 1 - own.low < own.high - 1
    assert own.high == pytest.approx(1 / (1 - (1 / own.low - 1)), rel=0.01)  # to second order
    assert 0 < scaled(1.0, replicates, 1e3).low and math.isfinite(scaled(1.0, replicates, 1e3).high)
    assert scaled(0.0, replicates, 2.0) == (0.0, 0.0, 0.0)


def test_a_generator_that_steepens_the_rule_is_refused():
    # the law of small biases sees a gain in a small weight of SMOTE's rows; simulation a loss
    groups = (
        GaussianGroup(np.zeros(5), np.eye(5), 0),
        GaussianGroup([1.2, 0.8, 0.0, 0.0, 0.4], np.eye(5), 1),
    )
    x, label = draw_groups(groups, (600, 80), seed=2)
    plan = plan_table(x, label, generators="smote-all", bootstrap=20)
    own = next(c for c in plan.choices if c.name == "weight+add")
    assert own.expected < 0 and own.gain.value < 0
    small = own.law.hyperbola
    assert own.weight <= 0.05 and small.excess(own.weight, own.size) < small.excess(0.0, 1)
    assert not plan.add_synthetic and "is expected to hurt" in plan.reason


def _misfits(cov, tables, seed):
    """How far pooled normal laws are from the rows on tables of two groups."""
    groups = (GaussianGroup(np.zeros(3), np.eye(3), 0), GaussianGroup([1.2, 0.8, 0.0], cov, 1))
    found = []
    for t in range(tables):
        x, label = draw_groups(groups, (300, 80), seed=seed + t)
        rows = prepare(x, label, None, None, True, None).rows
        fits, ones = first_fits(rows), np.ones(len(x))
        own = source("gaussian-pooled", rows)
        part = synthetic_part(rows, ones, real_part(rows, ones, fits), own)
        boot = resample(rows, fits, [(own, part)], replicates=40, seed=seed + t)
        found.append(misfit(part.turn, boot.turn[0]))
    return np.array(found)


def test_a_generator_of_another_kind_is_told_from_one_that_may_be_right():
    right = _misfits(np.eye(3), 12, seed=100)
    wrong = _misfits(np.diag([2.5, 0.4, 1.0]), 6, seed=100)
    # about a hundredth of the right ones lies beyond 3: 2 of 12 once in 150 runs
    assert (right > 3).sum() <= 1 and (wrong > 3).sum() >= 5
    assert misfit(np.zeros((2, 3, 3)), np.zeros(5)) == 0.0
    assert misfit(np.ones((2, 3, 3)), np.zeros(5)) == np.inf


def test_a_generator_of_another_kind_must_gain_more_than_its_error():
    groups = (
        GaussianGroup(np.zeros(3), np.eye(3), 0),
        GaussianGroup([1.2, 0.8, 0.0], np.diag([2.5, 0.4, 1.0]), 1),
    )
    x, label = draw_groups(groups, (600, 80), seed=3)
    plan = plan_table(x, label, generators=["gaussian-pooled", "gaussian"], bootstrap=40)
    caution = {own.source: own.caution for own in plan.choices if own.rows}
    assert caution["gaussian-pooled"] > 0 == caution["gaussian"]
    own = plan.recommended
    if plan.add_synthetic:
        assert own.expected > own.caution
    for choice in plan.choices:
        if choice.rows and choice.expected <= choice.caution:
            assert choice is not own


@pytest.mark.parametrize("sizes", [(300, 40), (60, 60)])
def test_the_jackknifes_short_way_to_class_weightings_excess_is_the_long_one(sizes):
    rows = rows_of(*draw_groups(GROUPS, sizes, seed=4))
    fits = first_fits(rows)
    weight = np.ones(sum(sizes))
    weight[:7], weight[7:14] = 0.0, 2.0
    long = real_part(rows, weight, fits, raw=False).weighted
    # sums in another order: rounding of a few hundred terms
    assert weighted_excess(rows, weight, fits.weighted) == pytest.approx(long, rel=1e-11)
