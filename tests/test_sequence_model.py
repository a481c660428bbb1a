"""S2 and S3 in the sequence model: exact sums against brute force, limits, and minimax values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.scaling.sequence_limits import (
    classification_excess,
    linear_floor,
    pinsker_minimax,
    smoothed_risk,
)
from synthetic_oversampling.theory.scaling.sequence_model import (
    Filter,
    Signal,
    best_scale,
    design_bias,
    design_level,
    filter_risk,
    truncation_bound,
)
from synthetic_oversampling.theory.theorems.table import FORMULAS

EPS = np.finfo(np.float64).eps
BETAS = (0.5, 1.0, 2.0)
FILTERS = (Filter("cut-off"), Filter("tikhonov", 2.0), Filter("pinsker", 4.0))
each_filter = pytest.mark.parametrize("family", FILTERS, ids=lambda f: f.kind)


def test_the_tail_of_the_signal_is_its_sum_beyond():
    for beta in BETAS:
        signal = Signal(1.7, beta)
        count = 20000
        rest = signal.tail(count)
        assert signal.tail(5) == pytest.approx(
            float(np.sum(signal.coordinates(count)[5:] ** 2)) + rest, rel=1e-11
        )
        power = 2 * beta  # between the integrals from count and from count + 1
        integral = 1.7**2 * np.array([count + 1.0, count]) ** -power / power
        assert integral[0] < rest < integral[1]


def test_a_design_s_level_and_bias_are_those_of_its_samples_weights():
    design = Design((40, 10, 25), 30, 0.35)
    rng = np.random.default_rng(5)
    shifts = rng.normal(size=(3, 4))
    variance, mean = 0.0, np.zeros(4)
    for g, n in enumerate(design.sizes):
        over = (1 - 0.35) / (3 * 40)  # weight of one real or oversampled row
        rows = [(over, False)] * n + [(over, True)] * (40 - n) + [(0.35 / (3 * 30), True)] * 30
        variance += sum(w**2 for w, _ in rows)
        mean += sum(w for w, synthetic in rows if synthetic) * shifts[g]
    assert design_level(design) == pytest.approx(variance, rel=1e-13)
    np.testing.assert_allclose(design_bias(design, shifts), mean, rtol=1e-12)
    assert design_level(Design((40, 10))) == pytest.approx(1 / (2 * 40), rel=1e-14)


@given(
    beta=st.sampled_from(BETAS),
    level=st.floats(1e-4, 1.0),
    cutoff=st.integers(1, 30),
    size=st.floats(-0.5, 0.5),
)
def test_the_cut_off_s_risk_is_noise_plus_bias_plus_tail(beta, level, cutoff, size):
    signal = Signal(1.0, beta)
    bias = size * np.cos(np.arange(cutoff))
    exact = filter_risk(signal, np.ones(cutoff), level, bias)
    stated = cutoff * level + float(np.sum(bias**2)) + signal.tail(cutoff)
    assert exact == pytest.approx(stated, rel=100 * EPS)


@each_filter
def test_the_exact_risk_is_that_of_drawn_estimates(family):
    signal, level, count, draws = Signal(1.2, 1.0), 0.02, 40, 20000
    weights = family.weights(count, 6.0)
    bias = -0.4 * signal.coordinates(count)
    rng = np.random.default_rng(1)
    theta = signal.coordinates(count)
    estimate = weights * (theta + bias + math.sqrt(level) * rng.standard_normal((draws, count)))
    loss = ((estimate - theta) ** 2).sum(axis=1) + signal.tail(count)
    exact = filter_risk(signal, weights, level, bias)
    assert abs(loss.mean() - exact) <= 5 * loss.std() / math.sqrt(draws)
    for wrong in (filter_risk(signal, weights, level), filter_risk(signal, weights, level, -bias)):
        if family.kind != "cut-off" or wrong != exact:
            assert abs(loss.mean() - wrong) > 5 * loss.std() / math.sqrt(draws)


@pytest.mark.parametrize(
    "family", (Filter("tikhonov", 2.0), Filter("tikhonov", 0.9), Filter("pinsker", 1.7)), ids=str
)
def test_the_constants_of_a_filter_are_its_integrals(family):
    def missed(u):  # one minus the filter
        if family.kind == "tikhonov":
            return u ** (2 * family.order) / (1 + u ** (2 * family.order))
        return min(u**family.order, 1.0)

    def whole(function):  # over (0, inf), the part beyond 1 by u -> 1 / u
        outer = quad(lambda u: function(1 / u) / u**2, 0, 1, epsrel=1e-10)[0]
        return quad(function, 0, 1, epsrel=1e-10)[0] + outer

    for beta in (0.5, 1.0, 1.25):
        noise, bias = family.constants(beta)
        assert noise == pytest.approx(whole(lambda u: (1 - missed(u)) ** 2), rel=1e-8)
        power = -2 * beta - 1
        assert bias == pytest.approx(whole(lambda u, p=power: missed(u) ** 2 * u**p), rel=1e-7)


@pytest.mark.parametrize("beta", BETAS)
@each_filter
def test_the_best_risk_tends_to_its_closed_form_at_rate_one_over_the_scale(beta, family):
    signal = Signal(1.0, beta)
    gaps = []
    for scale in (30.0, 120.0):
        noise, bias = family.constants(beta)
        level = 2 * beta * bias / (noise * scale ** (2 * beta + 1))
        best = best_scale(family, signal, level, count=6000)
        gaps.append(1 - best.risk / best.risk_limit)
    assert 0 < gaps[1] < gaps[0] < 2 / 30
    assert gaps[1] / gaps[0] == pytest.approx(0.25, abs=0.08)  # relative order 1 / K


def test_a_filter_past_its_qualification_has_the_exponent_of_saturation():
    family, signal = Filter("tikhonov", 0.5), Signal(1.0, 2.0)  # qualification 1, smoothness 2
    levels = np.array([1e-9, 1e-10])
    risks = [best_scale(family, signal, v, count=2**20).risk for v in levels]
    slope = math.log(risks[0] / risks[1]) / math.log(levels[0] / levels[1])
    assert family.exponent(2.0) == pytest.approx(2 / 3)
    assert slope == pytest.approx(2 / 3, abs=0.01)
    assert abs(slope - 4 / 5) > 0.1  # what the smoothness alone would give
    with pytest.raises(ValueError, match="qualification 1.0"):
        family.constants(2.0)
    assert math.isnan(best_scale(family, signal, 1e-3, count=999).risk_limit)


def test_truncation_changes_the_risk_by_less_than_its_bound():
    signal, level, scale = Signal(1.0, 0.5), 1e-3, 30.0
    for order in (0.7, 1.0, 2.0):
        family = Filter("tikhonov", order)
        full = filter_risk(signal, family.weights(2**18, scale), level)
        for count in (100, 1000):
            cut = filter_risk(signal, family.weights(count, scale), level)
            bound = truncation_bound(family, signal, level, scale, count)
            assert abs(full - cut) <= bound <= 30 * abs(full - cut) + 1e-9
    assert truncation_bound(Filter("pinsker", 1.0), signal, level, scale, 30) == 0.0
    with pytest.raises(ValueError, match="count: got 29"):
        truncation_bound(Filter("cut-off"), signal, level, scale, 29)


# --- Pinsker --------------------------------------------------------------------------------------
def _worst(weights, level, radius, order, count=400):
    """Worst risk of any linear filter over the ellipsoid: all of the radius on one coordinate."""
    whole = np.zeros(count)
    whole[: len(weights)] = weights
    axes = np.arange(1.0, count + 1) ** (2 * order)
    return level * np.sum(whole**2) + radius * np.max((1 - whole) ** 2 / axes)


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_pinsker_s_weights_are_a_saddle_point(order):
    level, radius = 0.003, 1.3
    best = pinsker_minimax(level, radius, order)
    count = len(best.weights)
    axes = np.arange(1.0, count + 1) ** (2 * order)
    assert np.sum(axes * best.least_favourable) == pytest.approx(radius, rel=1e-12)
    assert _worst(best.weights, level, radius, order) == pytest.approx(best.risk, rel=1e-12)
    hard = best.least_favourable  # no linear filter does better against it
    assert np.sum(level * hard / (level + hard)) == pytest.approx(best.risk, rel=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = np.clip(best.weights + 0.1 * rng.normal(size=count), 0, 1)
        assert _worst(other, level, radius, order) > best.risk


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_pinsker_s_value_tends_to_his_constant(order):
    level = 400.0 ** -(2 * order + 1)  # a scale of some hundreds
    best = pinsker_minimax(level, 1.0, order)
    limit = FORMULAS["S2.pinsker_minimax"].numpy(noise_level=level, radius=1.0, order=order)
    scale = FORMULAS["S2.pinsker_scale"].numpy(noise_level=level, radius=1.0, order=order)
    assert best.risk / float(limit) == pytest.approx(1.0, abs=2 / best.scale)
    assert best.scale / float(scale) == pytest.approx(1.0, abs=2 / best.scale)


# --- S3 -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("beta", BETAS)
def test_a_smoothed_generator_s_risk_is_that_of_the_linear_model(beta):
    signal, count = Signal(1.0, beta), 300
    weights = Filter("tikhonov", 2.0).weights(count, 9.0)
    smoother = Filter("cut-off").weights(count, 12.0)
    stated = smoothed_risk(signal, weights, smoother, seeds=50, size=200, weight=0.6, groups=2)
    passed = 0.4 + 0.6 * smoother  # as a bias and a noise of the average
    level = passed**2 / 100 + 0.36 / 400
    bias = (passed - 1) * signal.coordinates(count)
    total = np.sum(
        weights**2 * level + (weights * bias - (1 - weights) * signal.coordinates(count)) ** 2
    )
    assert stated == pytest.approx(float(total) + signal.tail(count), rel=1e-12)


@pytest.mark.parametrize("beta", BETAS)
def test_seeds_have_a_floor_that_falls_at_their_own_rate(beta):
    signal = Signal(1.0, beta)
    level = 300.0 ** -(2 * beta + 1)
    floor = linear_floor(signal, level)
    cutoff = best_scale(Filter("cut-off"), signal, level, count=5000)
    share = float(FORMULAS["S3.linear_share"].numpy(smoothness=beta))
    assert floor / cutoff.risk == pytest.approx(share, abs=3 / 300)
    assert floor < cutoff.risk
    slope = math.log(linear_floor(signal, 2 * level) / floor) / math.log(2.0)
    assert slope == pytest.approx(2 * beta / (2 * beta + 1), abs=0.01)


@pytest.mark.parametrize("beta", BETAS)
def test_no_size_and_weight_beat_the_floor_and_the_crossover_doubles_it(beta):
    signal, seeds = Signal(1.0, beta), 2000
    level = 1 / (2 * seeds)
    best = best_scale(Filter("cut-off"), signal, level, count=3000)
    keep = np.ones(int(best.scale))
    floor = linear_floor(signal, level)
    for weight in (0.0, 0.3, 1.0):
        for size in (10.0, 1e4, math.inf):
            if weight == 0.0 and size == math.inf:
                continue
            risk = smoothed_risk(signal, keep, keep, seeds=seeds, size=size, weight=weight)
            assert risk > floor
    end = smoothed_risk(signal, keep, keep, seeds=seeds, size=math.inf, weight=1.0)
    assert end == pytest.approx(best.risk, rel=1e-12)  # the seeds' own best cut-off, and no less
    formula = FORMULAS["S3.smooth_crossover"]
    size = float(formula.numpy(seeds=float(seeds), smoothness=beta))
    at = smoothed_risk(signal, keep, keep, seeds=seeds, size=size, weight=1.0)
    assert at / end == pytest.approx(2.0, abs=2 / best.scale)


# --- classification -------------------------------------------------------------------------------
@pytest.mark.parametrize("beta", BETAS)
@each_filter
def test_the_excess_error_of_drawn_rules_is_the_prediction_to_second_order(beta, family):
    signal, level, count, draws = Signal(1.3, beta), 2e-3, 200, 4000
    weights = family.weights(count, best_scale(family, signal, level, count).scale)
    lead, following = classification_excess(signal, weights, level)
    rng = np.random.default_rng(2)
    theta = signal.coordinates(count)
    estimate = weights * (theta + math.sqrt(level) * rng.standard_normal((draws, count)))
    along = estimate @ theta
    length = (estimate**2).sum(axis=1)
    error = norm.cdf(-along / np.sqrt(length)) - norm.cdf(-signal.distance)
    leakage = length - (along / signal.distance) ** 2
    factor = norm.pdf(signal.distance) / (2 * signal.distance)
    rest = error - factor * leakage
    spread = 5 / math.sqrt(draws)
    assert abs(np.mean(factor * leakage) - lead) <= spread * np.std(factor * leakage)
    third = 3 * lead * (lead / factor / signal.distance**2) ** 2  # the order that is left out
    assert abs(rest.mean() - following) <= spread * rest.std() + third
    assert abs(following) < 0.15 * lead


def _smoothed(**changed):
    settings = {"seeds": 5, "size": 9, "weight": 0.5} | changed
    return smoothed_risk(Signal(1.0, 1.0), np.ones(2), np.ones(2), **settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Signal(0.0, 1.0), "amplitude: got 0.0"),
        (lambda: Signal(1.0, math.inf), "smoothness: got inf"),
        (lambda: Filter("tikhonov", 0.25), "order: got 0.25, expected more than 1/4"),
        (lambda: Filter("pinsker", -1.0), "order: got -1.0"),
        (lambda: Filter("cut-off").weights(3, 0.0), "scale: got 0.0"),
        (lambda: design_level(Design.raw((3, 2))), "scheme 'raw'"),
        (lambda: design_bias(Design((3, 2)), np.zeros((3, 1))), "got 3 rows for 2 groups"),
        (lambda: pinsker_minimax(0.0, 1.0, 1.0), "level: got 0.0"),
        (lambda: best_scale(Filter("cut-off"), Signal(1.0, 1.0), math.nan, 9), "level: got nan"),
        (lambda: filter_risk(Signal(1.0, 1.0), np.ones(2), -0.1), "level: got -0.1"),
        (lambda: classification_excess(Signal(1.0, 1.0), np.ones(2), math.nan), "level: got nan"),
        (lambda: _smoothed(size=0), "size: got 0"),
        (lambda: _smoothed(weight=1.5), "weight: got 1.5"),
        (lambda: _smoothed(groups=0), "groups: got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


TRUTH, KEPT = Signal(1.0, 1.0), np.ones(3)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filter_risk(0.5, KEPT, 0.1), "signal: got 0.5, expected a .*Signal, such as"),
        (lambda: filter_risk(KEPT, KEPT, 0.1), "signal: got array"),
        (lambda: truncation_bound(Filter("cut-off"), 1.0, 0.1, 2.0, 9), "signal: got 1.0"),
        (lambda: truncation_bound("cut-off", TRUTH, 0.1, 2.0, 9), "family: got 'cut-off'"),
        (lambda: best_scale(KEPT, TRUTH, 0.1, 9), "family: got array.*Filter, such as"),
        (lambda: best_scale(Filter("cut-off"), 1.0, 0.1, 9), "signal: got 1.0"),
        (lambda: best_scale(Filter("cut-off"), TRUTH, 0.1, 9, KEPT), "bias: got shape .3,.* 9,"),
        (lambda: linear_floor([1.0], 0.1), r"signal: got \[1.0\]"),
        (lambda: classification_excess(None, KEPT, 0.1), "signal: got None"),
        (
            lambda: smoothed_risk(1.0, KEPT, KEPT, seeds=5, size=9, weight=0.5),
            "signal: got 1.0",
        ),
        (
            lambda: smoothed_risk(TRUTH, KEPT, KEPT[:2], seeds=5, size=9, weight=0.5),
            r"smoother: got shape \(2,\), expected a list of numbers, 3, one for each",
        ),
        (lambda: filter_risk(TRUTH, 1.0, 0.1), r"weights: got shape \(\), expected a list"),
        (lambda: classification_excess(TRUTH, 1.0, 0.1), r"weights: got shape \(\)"),
        (lambda: filter_risk(TRUTH, KEPT, 0.1, np.ones(2)), r"bias: got shape \(2,\)"),
    ],
)
def test_what_is_no_signal_filter_or_sequence_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
