"""Theorem S1 computed: against brute force, and at its edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from synthetic_oversampling.theory.scaling.scaling_law import scaling_law

EPS = np.finfo(np.float64).eps
SIZES = np.array([0.0, 1e-3, 1.0, 30.0, 1e4, 1e9, np.inf])
numbers = st.floats(-3, 3)


@st.composite
def laws(draw):
    """Moments of two parts in the plane, so that C^2 <= A D; identical and null ones included."""
    over, other = (np.array([draw(numbers), draw(numbers)]) for _ in range(2))
    aug = draw(st.sampled_from([over, 0 * over, 2 * over, other]))
    noise = draw(st.sampled_from([0.0, 0.3, 7.0]))
    return scaling_law(over @ over, over @ aug, aug @ aug, noise)


def _scale(law):
    return float(law.A + abs(law.C) + law.D + law.S + 1)


@given(laws())
def test_the_best_weight_is_the_best_of_all_weights(law):
    weights = jnp.linspace(0.0, 1.0, 401)
    for size in SIZES[1:]:
        best = float(law.best_weight(size))
        assert 0 <= best <= 1
        value = float(law.excess(best, size))
        slack = 100 * EPS * _scale(law) * (1 + 1 / size)
        assert value <= float(law.excess(weights, size).min()) + slack
        assert abs(value - float(law.best_excess(size))) <= slack


@given(laws())
def test_nothing_is_ever_nan(law):
    for method in (law.best_weight, law.best_excess, law.harmful_weight, law.optimal_size):
        assert not np.isnan(method(SIZES)).any(), method.__name__
    for value in (law.floor, law.crossover):
        assert not np.isnan(value)
    weights = jnp.array([0.0, 0.4, 1.0])
    assert not np.isnan(law.break_even_size(weights)).any()
    for size in SIZES:
        assert not np.isnan(law.excess(weights, size)).any()


@given(laws())
def test_the_best_excess_falls_from_no_augmentation_to_the_floor(law):
    values = np.asarray(law.best_excess(SIZES))
    slack = 1e3 * EPS * _scale(law)
    assert abs(values[0] - law.A / 2) <= slack and abs(values[-1] - law.floor) <= slack
    assert np.all(np.diff(values) <= slack)


@pytest.mark.parametrize(
    ("moments", "price"),
    [
        ((3.0, 1.0, 2.0, 6.0), 0.01),  # inside
        ((2.0, -1.0, 3.0, 1.0), 0.1),
        ((2.0, 1.0, 0.6, 3.0), 1e-3),  # weight clipped to 1
        ((2.0, 1.0, 0.6, 3.0), 0.05),  # the clip exists but lies beyond the optimum
        ((3.0, 1.0, 2.0, 6.0), 5.0),  # too dear
        ((1.0, 1.2, 2.0, 3.0), 0.01),  # no weight helps
    ],
)
def test_the_optimal_size_minimises_excess_plus_price(moments, price):
    law = scaling_law(*moments)

    def cost(size):
        return float(law.best_excess(size)) + price * size

    stated = float(law.optimal_size(price))
    found = minimize_scalar(cost, bounds=(0.0, 500.0), method="bounded", options={"xatol": 1e-9})
    assert cost(stated) <= min(found.fun, cost(0.0)) + 1e-12
    assert abs(stated - found.x) <= 1e-4 * (1 + stated)  # the minimum is flat: sqrt(1e-9) in x


def test_the_weight_is_clipped_at_both_ends_where_stated():
    low, high = scaling_law(1.0, 1.2, 2.0, 3.0), scaling_law(2.0, 1.0, 0.6, 3.0)
    assert np.all(low.best_weight(SIZES) == 0) and float(low.floor) == 0.5
    full = 3.0 / (1.0 - 0.6)  # S / (C - D)
    weights = high.best_weight(np.array([0.999 * full, 1.001 * full, np.inf]))
    assert weights[0] < 1 and np.all(weights[1:] == 1)
    assert abs(float(high.floor) - 0.3) <= EPS


def test_the_crossover_leaves_half_of_what_can_be_removed():
    law = scaling_law(3.0, 1.0, 2.0, 6.0)
    at = float(law.best_excess(law.crossover) - law.floor)
    assert abs(at - float(law.A / 2 - law.floor) / 2) <= 10 * EPS


def test_augmentation_helps_below_the_harmful_weight_and_hurts_beyond_it():
    law = scaling_law(2.0, -1.0, 30.0, 1.0)
    for size in (0.5, 4.0, 100.0):
        edge, none = float(law.harmful_weight(size)), float(law.A) / 2
        assert 0 < edge < 1 and edge == pytest.approx(2 * float(law.best_weight(size)), rel=1e-14)
        assert float(law.excess(0.98 * edge, size)) < none < float(law.excess(1.02 * edge, size))
        even = float(law.break_even_size(edge))
        assert even == pytest.approx(size, rel=1e-9)


def test_a_law_can_be_jitted_vmapped_and_differentiated():
    moments = jnp.array([[3.0, 1.0, 2.0, 6.0], [2.0, 1.0, 0.6, 3.0], [1.0, 1.2, 2.0, 3.0]])
    best = jax.jit(jax.vmap(lambda m: scaling_law(*m).best_excess(jnp.asarray(SIZES))))(moments)
    for row, m in zip(best, moments, strict=True):
        np.testing.assert_allclose(row, scaling_law(*map(float, m)).best_excess(SIZES), rtol=1e-14)

    def excess(size):
        return scaling_law(3.0, 1.0, 2.0, 6.0).best_excess(size)

    weight = float(scaling_law(3.0, 1.0, 2.0, 6.0).best_weight(5.0))
    slope = float(jax.grad(excess)(5.0))
    assert abs(slope + weight**2 * 6.0 / (2 * 25.0)) <= 10 * EPS  # the envelope theorem


@pytest.mark.parametrize(
    ("moments", "message"),
    [
        ((1.0, 2.0, 1.0, 1.0), r"C: got 2.0, expected at most sqrt\(A D\) = 1.0"),
        ((-1.0, 0.0, 1.0, 1.0), "A: got -1.0, expected at least 0"),
        ((1.0, 0.0, 1.0, np.nan), "S: got nan, expected a finite"),
        ((1.0, 0.0, np.inf, 1.0), "D: got inf, expected a finite"),
        ((np.ones(2), 0.0, 1.0, 1.0), r"A: got shape \(2,\), expected a scalar"),
    ],
)
def test_moments_that_no_design_has_are_refused(moments, message):
    with pytest.raises(ValueError, match=message):
        scaling_law(*moments)


def test_arguments_out_of_range_are_refused():
    law = scaling_law(3.0, 1.0, 2.0, 6.0)
    for call, message in (
        (lambda: law.best_weight(np.array([1.0, -2.0])), "size: got -2.0"),
        (lambda: law.best_excess(np.nan), "size: got nan"),
        (lambda: law.excess(1.5, 3.0), "weight: got 1.5"),
        (lambda: law.optimal_size(-1.0), "price: got -1.0"),
        (lambda: law.break_even_size(-0.1), "weight: got -0.1"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="float64"):
        scaling_law(3.0, 1.0, 2.0, 6.0)
