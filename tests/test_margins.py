"""Margin functions know their derivatives and tails; their Gaussian expectations are exact."""

import itertools

import direct_integration as direct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.theory.population import expectations as quadratures
from synthetic_oversampling.theory.population.expectations import (
    expectation,
    expectations,
    host_expectations,
)
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED, Logistic, Polynomial

SLOPE, CURVATURE = LOGISTIC.derivative(1), LOGISTIC.derivative(2)
# margin functions here, and the same written with numpy
PAIRS = [
    (LOGISTIC.value, direct.loss_value),
    (SLOPE, direct.loss_slope),
    (CURVATURE, direct.loss_curvature),
    (SLOPE * SLOPE, lambda u: direct.loss_slope(u) ** 2),
]
FUNCTIONS = tuple(function for function, _ in PAIRS)
STDS = np.array([1e-3, 0.1, 1.0, 4.99, 5.01, 12.0, 30.0, 500.0])
GRID = np.array(list(itertools.product(STDS, np.linspace(-10.0, 10.0, 9))))  # (std, mean / std)


@jax.jit
def _values(mean, var):
    """Each function with its own nodes: ``[4, ...]``."""
    return jnp.stack([expectation(function, mean, var) for function in FUNCTIONS])


@jax.jit
def _shared(mean, var):
    return expectations(FUNCTIONS[1:], mean, var, (0.0, 0.0))


def _on_grid(function):
    mean, var = GRID[:, 0] * GRID[:, 1], GRID[:, 0] ** 2
    return np.asarray(function(jnp.asarray(mean), jnp.asarray(var)))


def _exact(function):
    return np.array([direct.scalar_expectation(function, z * s, s**2) for s, z in GRID])


@pytest.fixture(scope="module")
def exact():
    return np.stack([_exact(function) for _, function in PAIRS])


def test_expectations_agree_with_adaptive_integration_to_twelve_digits(exact):
    # relative, also where the expectation is 1e-24: means to ten stds either side, stds to 500
    assert np.max(np.abs(_on_grid(_values) / exact - 1)) < 1e-12


def test_that_comparison_sees_an_error_in_the_eleventh_digit(exact):
    mean, std = GRID[:, 0] * GRID[:, 1], GRID[:, 0]
    moved = np.asarray(_values(jnp.asarray(mean), jnp.asarray(std**2 * (1 + 1e-10))))
    assert np.max(np.abs(moved / exact - 1)) > 1e-12


def test_shared_nodes_are_accurate_relative_to_the_functions_maximum(exact):
    assert np.max(np.abs(_on_grid(_shared) - exact[1:])) < 1e-12


def _on_the_host(std, functions=FUNCTIONS[1:]):
    """Of laws of one width, at the grid's means: as many nodes as this width needs."""
    mean = std * np.linspace(-10.0, 10.0, 9)
    return host_expectations(functions, mean, np.full(9, std**2))


def test_a_grid_of_as_few_nodes_as_the_width_needs_is_as_accurate(exact):
    found = np.concatenate([_on_the_host(std) for std in STDS], axis=1)
    assert np.max(np.abs(found - exact[1:])) < 1e-12


def test_half_of_these_nodes_would_not_do(exact, monkeypatch):
    monkeypatch.setattr(quadratures, "_WIDE_STEP", 2 * quadratures._WIDE_STEP)
    index = STDS.tolist().index(4.99)
    wide = exact[1:, 9 * index : 9 * (index + 1)]
    assert np.max(np.abs(_on_the_host(4.99) - wide)) > 1e-11


@given(st.floats(0.0, 8.0), st.floats(-6.0, 6.0))
def test_on_few_nodes_high_derivatives_are_those_of_the_full_grid(std, mean):
    functions = tuple(LOGISTIC.derivative(k) for k in (4, 6)) + (SLOPE * SLOPE, LOGISTIC.value)
    at = np.array([mean, -mean]), np.array([std, std / 2]) ** 2
    full = quadratures.plain_expectations(functions, *at, (0.0, 0.0))
    assert np.max(np.abs(host_expectations(functions, *at) - full)) < 1e-12


def test_plain_gauss_hermite_misses_ten_digits_where_these_nodes_do_not():
    # 80 points on log(1 + e^-u), as the margin's std grows to 30; measured at mean 0 and one std
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / np.sqrt(2 * np.pi)
    for std, expected in ((1.0, 1e-13), (30.0, 1e-3)):
        mean = np.array([0.0, std])
        exact = np.array([direct.scalar_expectation(direct.loss_value, m, std**2) for m in mean])
        plain = np.array([weights @ direct.loss_value(m + std * nodes) for m in mean])
        ours = _values(jnp.asarray(mean), jnp.full(2, std**2))[0]
        plain_error = np.max(np.abs(plain / exact - 1))
        assert np.max(np.abs(ours / exact - 1)) < 1e-12
        # exact at std 1; at std 30 wrong by 0.3 to 0.5 per cent
        assert plain_error < expected if std == 1.0 else plain_error > expected


@given(st.integers(1, 6), st.floats(-30, 30))
def test_derivatives_of_the_loss_chain_exactly(order, u):
    function, higher = LOGISTIC.derivative(order), LOGISTIC.derivative(order + 1)
    assert function.derivative() == higher
    at = jnp.asarray(u)
    assert jnp.allclose(jax.grad(function)(at), higher(at), rtol=1e-10, atol=1e-14)


@given(st.floats(-30, 30))
def test_the_first_two_derivatives_of_the_loss_are_the_textbook_ones(u):
    at = jnp.asarray(u)
    for function, exact in PAIRS:
        assert np.isclose(function(at), exact(u), rtol=1e-13, atol=0)
    assert not np.isclose(SLOPE(at), -direct.loss_slope(u), rtol=1e-13, atol=0)


exponents = st.integers(0, 3)
polynomials = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=3).map(tuple)
logistics = st.tuples(exponents, exponents, polynomials)


@given(logistics, logistics, st.floats(-20, 20))
def test_the_family_is_closed_under_products_and_derivatives(left, right, u):
    at = jnp.asarray(u)
    left, right = Logistic(*left), Logistic(*right)
    product = left * right
    assert jnp.allclose(product(at), left(at) * right(at), rtol=1e-12, atol=1e-14)
    slope = left.derivative()(at) * right(at) + left(at) * right.derivative()(at)
    assert jnp.allclose(product.derivative()(at), slope, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("function", [SLOPE, CURVATURE, SLOPE * SLOPE, LOGISTIC.value])
def test_tails_are_the_decay_rates(function):
    right, left = function.tails
    far = [float(jnp.log(jnp.abs(function(jnp.asarray(u))))) for u in (50.0, 51.0, -50.0, -51.0)]
    assert abs((far[0] - far[1]) - right) < 1e-9
    if left or function is not LOGISTIC.value:  # the loss itself grows linearly on the left
        assert abs((far[2] - far[3]) - left) < 1e-9


@given(st.floats(-10, 10), st.floats(0.01, 10))
def test_expectations_obey_the_heat_equation(standard, std):
    mean, var = jnp.asarray(standard * std), jnp.asarray(std**2)
    slope, heat = _derivatives(mean, var)
    first, second = _values(mean, var)[1:3]
    assert jnp.allclose(slope, first, rtol=1e-11, atol=0)
    assert jnp.allclose(heat, second / 2, rtol=1e-11, atol=0)


@jax.jit
def _derivatives(mean, var):
    return jax.grad(lambda m, v: expectation(LOGISTIC.value, m, v), (0, 1))(mean, var)


@given(st.floats(-10, 10), st.floats(0.1, 30))
def test_derivatives_are_those_of_the_integral(standard, std):
    # central differences of the independent integral: error h^2/6 f''' plus rounding 1e-14/h
    mean, step = standard * std, 1e-4 * std
    up, down = (
        direct.scalar_expectation(direct.loss_value, m, std**2) for m in (mean + step, mean - step)
    )
    slope, _ = _derivatives(jnp.asarray(mean), jnp.asarray(std**2))
    size = max(up, down)
    assert abs(float(slope) - (up - down) / (2 * step)) < 1e-7 * max(1.0, size / std)


@given(st.floats(-40, 40))
def test_a_point_mass_is_evaluated_at_its_point(mean):
    values = _values(jnp.asarray(mean), jnp.asarray(0.0))
    for value, (_, exact) in zip(values, PAIRS, strict=True):
        assert np.isclose(value, exact(mean), rtol=1e-13, atol=0)


@given(st.floats(-5, 5), st.floats(0, 5))
def test_polynomials_have_their_gaussian_moments(mean, var):
    values = _moments(jnp.asarray(mean), jnp.asarray(var))
    m, v = mean, var
    moments = [m, m * m + v, m**3 + 3 * m * v, m**4 + 6 * m * m * v + 3 * v * v]
    assert np.allclose(values[:4], moments, rtol=1e-12, atol=1e-12)
    assert np.isclose(values[4], ((m - 1) ** 2 + v) / 2, rtol=1e-12, atol=1e-14)


@jax.jit
def _moments(mean, var):
    powers = tuple(Polynomial((0.0,) * k + (1.0,)) for k in range(1, 5))
    return expectations((*powers, SQUARED.value), mean, var, None)


def test_polynomials_multiply_and_differentiate():
    left, right = Polynomial((1.0, 2.0)), Polynomial((0.0, -1.0, 3.0))
    assert (left * right).poly == (0.0, -1.0, 1.0, 6.0)
    assert right.derivative().poly == (-1.0, 6.0)
    assert Polynomial((4.0,)).derivative().poly == (0.0,)
