"""The global law: theorem R's own predictions at every weight and size, and their envelope."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from synthetic_oversampling.theory import GaussianGroup, hyperbola_of_design, law_of_design, predict
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.scaling.global_law import global_law
from synthetic_oversampling.theory.scaling.scaling_law import scaling_law

GROUPS = (
    GaussianGroup([0.0, 0.3], [[1.0, 0.2], [0.2, 1.5]], 0),
    GaussianGroup([1.5, -0.4], [[1.3, -0.1], [-0.1, 0.8]], 1),
)
SIZES = (900, 200)
CLOSE = 1e-8  # relative: the error that the polynomials are allowed, and rounding
NAMED = {
    "scaled": Scaled(0.5),
    "wide": Scaled(2.5),
    "mislabelled": Mislabelled(0.1),
    "mixed": (Oracle(), Shifted((-0.3, 0.4))),
    "plug-in": GaussianPlugin("pooled"),
    "predictive": Predictive(),
    "duplicate": Duplicate(),
}
LAWS = {name: law_of_design(GROUPS, SIZES, design) for name, design in NAMED.items()}


def _total(generator, weight, size, sizes=SIZES, groups=GROUPS) -> float:
    size = size if weight else 0
    return float(predict(groups, Design(sizes, size, weight), generator).total)


def _least(generator, size) -> tuple[float, float]:
    """The best weight by search on whole predictions, and its excess."""

    def at(weight):
        return _total(generator, weight, size)

    grid = np.linspace(0.0, 1.0, 21)
    best = grid[np.argmin([at(weight) for weight in grid])]
    ends = (max(best - 0.05, 0.0), min(best + 0.05, 1.0))
    found = minimize_scalar(at, bounds=ends, method="bounded", options={"xatol": 1e-9})
    return min(((at(w), w) for w in (found.x, 0.0, 1.0)), key=lambda pair: pair[0])[::-1]


@pytest.mark.parametrize("name", NAMED)
def test_the_law_is_the_prediction_at_every_weight_and_size(name):
    rng = np.random.default_rng(len(name))
    for weight in (0.0, 1.0, *rng.random(4)):
        for size in (7, 300, 10**5, math.inf):
            stated = float(LAWS[name].excess(weight, size))
            assert stated == pytest.approx(_total(NAMED[name], weight, size), rel=CLOSE)


@given(
    st.floats(-1, 1), st.floats(-1, 1), st.integers(0, 4), st.floats(0, 1), st.integers(1, 10**6)
)
@settings(max_examples=8)
def test_it_is_so_on_any_groups_and_generators(mean, spread, kind, weight, size):
    groups = (GaussianGroup([0.4], [[0.8]], 1), GaussianGroup([mean - 0.6], [[np.exp(spread)]], 0))
    kinds = (
        Scaled(np.exp(mean)),
        Shifted((spread,)),
        Mislabelled(abs(mean) / 3),
        GaussianPlugin("pooled"),
        (Shifted((mean,)), Predictive()),
    )
    law = law_of_design(groups, (500, 90), kinds[kind])
    stated, none = float(law.excess(weight, size)), float(law.excess(0.0, size))
    expected = _total(kinds[kind], weight, size, (500, 90), groups)
    noise = weight**2 * abs(float(law.noise(weight))) / size
    assert abs(stated - expected) <= CLOSE * (abs(none) + noise + abs(expected))


@pytest.mark.parametrize("name", ["wide", "plug-in", "predictive"])
def test_weighting_in_place_of_levelling_is_class_weighting_and_the_generator_alone(name):
    law = law_of_design(GROUPS, SIZES, NAMED[name], levelled=False)
    weighted = predict(GROUPS, Design.class_weighted(SIZES), Oracle())
    assert float(law.excess(0.0, 5)) == pytest.approx(float(weighted.total), rel=CLOSE)
    assert float(law.excess(1.0, 50)) == pytest.approx(_total(NAMED[name], 1.0, 50), rel=CLOSE)
    even = (300, 300)  # nothing to level
    both = [law_of_design(GROUPS, even, NAMED[name], levelled=flag) for flag in (True, False)]
    weight = np.linspace(0, 1, 7)
    np.testing.assert_allclose(*(law.excess(weight, 40) for law in both), rtol=CLOSE)
    np.testing.assert_allclose(*(law.hyperbola for law in both), rtol=1e-12)


@pytest.mark.parametrize("name", ["scaled", "mixed", "plug-in", "predictive"])
@pytest.mark.parametrize("size", [30, 2000, math.inf])
def test_the_best_weight_is_that_of_a_search_on_whole_predictions(name, size):
    weight, least = _least(NAMED[name], size)
    law = LAWS[name]
    assert float(law.best_excess(size)) == pytest.approx(least, rel=CLOSE)
    assert float(law.best_excess(size)) <= least * (1 + CLOSE)
    assert float(law.best_weight(size)) == pytest.approx(weight, abs=1e-5)  # the minimum is flat


def test_smote_has_a_global_law_too():
    generator = Smote()
    law = law_of_design(GROUPS, SIZES, generator)
    for weight, size in ((0.35, 150), (0.9, math.inf)):
        assert float(law.excess(weight, size)) == pytest.approx(
            _total(generator, weight, size), rel=CLOSE
        )


def test_the_squared_loss_has_one_too():
    law = law_of_design(GROUPS, SIZES, Scaled(0.7), SQUARED)
    part = predict(GROUPS, Design(SIZES, 40, 0.3), Scaled(0.7), SQUARED)
    assert float(law.excess(0.3, 40)) == pytest.approx(float(part.total), rel=CLOSE)


@pytest.mark.parametrize("name", NAMED)
def test_the_least_excess_is_concave_in_one_over_the_size_with_the_stated_slope(name):
    law = LAWS[name]
    inverse = np.concatenate([[0.0], np.geomspace(1e-6, 0.2, 200)])
    with np.errstate(divide="ignore"):
        size = 1 / inverse
    value, slope = np.asarray(law.best_excess(size)), np.asarray(law.best_slope(size))
    chord = np.diff(value) / np.diff(inverse)
    slack = 1e-12 * value[0] / np.diff(inverse)
    assert np.all(chord <= slope[:-1] + slack) and np.all(chord >= slope[1:] - slack)
    assert value[0] == law.floor


def test_what_generators_noise_is_positive_removes_more_with_every_sample():
    for name in ("scaled", "mixed", "plug-in", "predictive", "duplicate"):
        value = np.asarray(LAWS[name].best_excess(np.geomspace(1, 1e7, 50)))
        assert np.all(np.diff(value) <= 1e-13)


def test_a_wide_generator_has_noise_that_helps():
    """Flatter than the best rule by its bias, steeper by the noise of a logistic fit."""
    groups = (GaussianGroup([0.0, 0.0], np.eye(2), 0), GaussianGroup([2.5, 1.0], np.eye(2), 1))
    law = law_of_design(groups, (4000, 400), Scaled(4.0))
    few, many = (_total(Scaled(4.0), 1.0, size, (4000, 400), groups) for size in (200, 10**6))
    assert few < many and float(law.noise(1.0)) < 0
    # where every sample is one too many there is no best number, and no weight helps without end
    assert law.optimal_size(1e-9) == 0.0 and law.optimal_size(0.0) == 0.0
    assert law.crossover == 0.0 and law.floor == float(law.excess(0.0, 5))


@pytest.mark.parametrize("name", ["plug-in", "mixed", "predictive", "scaled"])
def test_crossover_harm_and_break_even_are_where_they_say(name):
    law, design = LAWS[name], NAMED[name]
    none = _total(design, 0.0, 0)
    removable = none - _least(design, math.inf)[1]
    if removable <= 0:
        assert law.crossover == 0.0 and law.best_weight(1e9) == 0.0
        return
    half = _least(design, math.inf)[1] + removable / 2
    found = brentq(lambda size: float(law.best_excess(size)) - half, 1e-3, 1e9, rtol=1e-12)
    assert law.crossover == pytest.approx(found, rel=1e-7)
    assert _least(design, max(round(law.crossover), 1))[1] == pytest.approx(half, rel=0.01)
    size = 600
    edge = float(law.harmful_weight(size))
    assert _total(design, 0.98 * edge, size) < none
    assert edge == 1.0 or _total(design, min(1.02 * edge, 1.0), size) > none
    weight = 0.5 * edge
    even = float(law.break_even_size(weight))
    before, after = (_total(design, weight, n) for n in (math.floor(even), math.ceil(even) + 1))
    assert before >= none * (1 - 1e-12) and after <= none


@pytest.mark.parametrize("price", [1e-8, 1e-7, 1e-6, 1e-5, 1e-2])
def test_the_best_size_at_a_price_is_that_of_a_search(price):
    """Also where the least cost is that of no samples at all, and where it has two minima."""
    for name in ("plug-in", "mixed", "scaled"):
        law = LAWS[name]

        def cost(log_size, law=law):
            return float(law.best_excess(np.exp(log_size))) + price * np.exp(log_size)

        grid = np.linspace(-4, 14, 120)
        near = grid[np.argmin([cost(weight) for weight in grid])]
        ends = (near - 0.2, near + 0.2)
        found = minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-9})
        stated, none = float(law.optimal_size(price)), float(law.excess(0.0, 1))
        least = min(found.fun, none)
        paid = none if stated == 0 else cost(np.log(stated))
        assert paid <= least + 1e-12 * none
        if stated > 0:
            assert float(law.best_slope(stated)) / stated**2 == pytest.approx(price, rel=1e-6)


def test_a_best_weight_that_jumps_is_followed_to_the_global_minimum():
    """Two valleys: near 0.2, and a deeper and noisier one near 0.9."""

    def along(weight):
        limit = 1.0 - 0.4 * np.exp(-(((weight - 0.2) / 0.15) ** 2))
        return limit - 0.6 * np.exp(-(((weight - 0.9) / 0.15) ** 2)), 2.0 + 6.0 * weight**4

    law = global_law(along, lambda: scaling_law(1.0, 0.0, 1.0, 1.0))
    few, many = law.best_weight(np.array([5.0, 1e4]))
    assert few < 0.3 < 0.8 < many
    inverse = np.linspace(1e-4, 0.4, 400)
    assert np.all(np.diff(law.best_excess(1 / inverse), 2) <= 1e-10)
    size = np.geomspace(0.1, 1e4, 3000)
    excess = np.asarray(law.best_excess(size))
    for price in np.geomspace(1e-6, 0.1, 25):
        least = min(np.min(excess + price * size), 1.0)
        stated = float(law.optimal_size(price))
        paid = float(law.best_excess(stated)) + price * stated
        assert paid <= least + 1e-12


def test_a_small_bias_has_the_hyperbola_and_a_large_one_is_told_from_it():
    distances = []
    for scale in (1.0, 0.1, 0.01):
        generator = Shifted((0.4 * scale, -0.3 * scale))
        law, small = (f(GROUPS, SIZES, generator) for f in (law_of_design, hyperbola_of_design))
        assert law.hyperbola == small
        weight, size = np.linspace(0, 1, 11), 300.0
        off = np.max(np.abs(small.excess(weight, size) / law.excess(weight, size) - 1))
        distances.append(law.distance_to_hyperbola(100.0).excess)
        assert off <= distances[-1] * (1 + 1e-12)  # perhaps the same number, rounded otherwise
    assert distances[0] > 0.1 and distances[2] < 0.02 and distances[1] < 0.3 * distances[0]
    exact = LAWS["predictive"].distance_to_hyperbola()
    assert max(exact) < 1e-6  # bias 0 to this order: the two are one


def test_nothing_is_ever_nan_and_shapes_are_kept():
    sizes = np.array([[0.0, 1e-3, 1.0], [1e4, 1e9, np.inf]])
    weights = np.array([0.0, 1e-9, 0.4, 1.0])
    for law in LAWS.values():
        for method in (
            law.best_weight,
            law.best_excess,
            law.best_slope,
            law.harmful_weight,
            law.optimal_size,
        ):
            found = np.asarray(method(sizes))
            assert found.shape == (2, 3) and not np.isnan(found).any(), method.__name__
        assert not np.isnan(law.break_even_size(weights)).any()
        assert not np.isnan(law.excess(weights[:, None, None], sizes)).any()
        assert np.isfinite([law.floor, law.crossover]).all()
        assert law.excess(0.3, 0) == np.inf and law.excess(0.0, 0) == law.best_excess(0)
        assert law.best_weight(0) == 0.0 and law.harmful_weight(0) == 0.0


def test_what_no_polynomial_follows_is_refused_with_what_to_do():
    groups = (GaussianGroup([0.0, 0.0], np.eye(2), 0), GaussianGroup([2.5, 1.0], np.eye(2), 1))
    with pytest.raises(ValueError, match=r"bends too sharply.*theory\.predict at single weights"):
        law_of_design(groups, (4000, 400), Scaled(0.05))
    with pytest.raises(ValueError, match="along: got an excess that is not finite at weight"):
        global_law(
            lambda w: (np.where(w > 0.9, np.nan, 1.0), 1 + w), lambda: LAWS["wide"].hyperbola
        )


def test_arguments_out_of_range_are_refused():
    law = LAWS["scaled"]
    for call, message in (
        (lambda: law.best_weight(np.array([1.0, -2.0])), "size: got -2.0"),
        (lambda: law.best_excess(np.nan), "size: got nan"),
        (lambda: law.excess(1.5, 3.0), "weight: got 1.5"),
        (lambda: law.optimal_size(-1.0), "price: got -1.0"),
        (lambda: law.break_even_size(-0.1), "weight: got -0.1"),
        (lambda: law.distance_to_hyperbola(0.0), "least_size: got 0.0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
