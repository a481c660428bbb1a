"""Theorem B: what designs and generators do to the population optimum, and to whom."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.bias import (
    expected_empirical_risk,
    generator_bias,
    generator_bias_gradient,
    population,
    predict_bias,
    spurious_displacement,
)

EYE = np.eye(2)
MEANS = np.array([[0.0, 0.0], [1.5, 0.5]])
GROUPS = [GaussianGroup(mean, EYE, label) for label, mean in enumerate(MEANS)]
SIZES = (2000, 200)
seeds = st.integers(0, 2**32 - 1)


def _drawn(seed):
    """Two overlapping classes in the plane with different covariances."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(2, 2, 2))
    covs = roots @ roots.swapaxes(1, 2) + 0.3 * EYE
    return [GaussianGroup(rng.normal(size=2), (c + c.T) / 2, y) for y, c in enumerate(covs)]


@given(seeds, st.floats(0, 1), st.integers(1, 400))
@settings(max_examples=10)
def test_unbiased_generators_do_not_move_the_optimum(seed, weight, size):
    groups = _drawn(seed)
    for generator in (Oracle(), Duplicate(), Shifted((0.0, 0.0)), Scaled(1.0), Mislabelled(0.0)):
        prediction = predict_bias(groups, Design((400, size), 100, weight), generator)
        assert np.max(np.abs(prediction.bias_gradient)) < 1e-13
        assert np.max(np.abs(prediction.displacement)) < 1e-9
        assert abs(float(prediction.excess)) < 1e-14
    biased = predict_bias(groups, Design((400, 200), 100, 0.5), Shifted((0.01, 0.0)))
    assert np.max(np.abs(biased.bias_gradient)) > 1e-13


@given(seeds)
def test_at_balance_without_augmentation_no_generator_matters(seed):
    groups = _drawn(seed)
    for generator in (Shifted((3.0, 0.0)), Mislabelled(0.5), GaussianPlugin("pooled")):
        prediction = predict_bias(groups, Design((150, 150)), generator)
        assert not np.any(np.asarray(prediction.displacement))
    moved = predict_bias(groups, Design((150, 149)), Shifted((3.0, 0.0)))
    assert np.any(np.abs(np.asarray(moved.displacement)) > 1e-6)


@given(seeds, st.floats(0.0, 0.95), st.floats(-1, 1))
def test_the_expected_risk_is_the_balanced_risk_plus_the_weighted_bias(seed, weight, shift):
    # B1, from its parts and with the weights written out
    groups, generator = _drawn(seed), Shifted((shift, 0.3))
    theta = jnp.asarray(np.random.default_rng(seed).normal(size=3))
    total = 0.0
    for g, rho in enumerate((1.0, 0.1)):
        law = population_law(generator, g, groups, SIZES)
        value = float(_risk(theta, groups[g].law))
        total += (value + (1 - (1 - weight) * rho) * (float(_risk(theta, law)) - value)) / 2
        difference = float(_risk(theta, law)) - value
        bias = _generator_bias(theta, groups[g].law, law)
        assert np.isclose(bias, difference, rtol=1e-9, atol=1e-13)
    ours = expected_empirical_risk(theta, groups, Design(SIZES, 50, weight), generator)
    assert np.isclose(ours, total, rtol=1e-11)
    assert not np.isclose(ours, total + 1e-6, rtol=1e-11)


_risk, _generator_bias = jax.jit(risk), jax.jit(generator_bias)


@pytest.mark.parametrize(
    "generator",
    [Shifted((0.4, -0.2)), Scaled(1.7), Mislabelled(0.2), Smote(), GaussianPlugin("pooled")],
    ids=lambda generator: type(generator).__name__,
)
def test_the_bias_gradient_is_the_derivative_of_the_bias(generator):
    groups = _drawn(4)
    law = population_law(generator, 1, groups, SIZES)
    theta = jnp.array([0.2, 0.7, -0.4])
    closed = _closed(theta, groups[1].law, law)
    automatic = _derivative(theta, groups[1].law, law)
    assert np.allclose(closed, automatic, rtol=1e-10, atol=1e-13)
    assert not np.allclose(closed, -automatic, rtol=1e-10, atol=1e-13)


_derivative, _closed = jax.jit(jax.grad(generator_bias)), jax.jit(generator_bias_gradient)


@given(seeds, st.floats(0.1, 10), st.floats(0.1, 10))
def test_raw_imbalance_moves_the_intercept_by_the_log_ratio_and_nothing_else(seed, left, right):
    rng = np.random.default_rng(seed)
    means, root = rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
    cov = root @ root.T + 0.3 * EYE
    groups = [GaussianGroup(means[y], (cov + cov.T) / 2, y) for y in (0, 1)]
    sizes = (round(300 * left), round(300 * right))
    prediction = predict_bias(groups, Design.raw(sizes), Oracle())
    shift = np.log(sizes[1] / sizes[0])
    assert np.allclose(prediction.displacement, [shift, 0.0, 0.0], rtol=1e-9, atol=1e-9)
    distance = np.sqrt((means[1] - means[0]) @ np.linalg.solve(cov, means[1] - means[0]))
    errors = [norm.cdf(-distance / 2 + s * shift / distance) for s in (1, -1)]
    assert np.allclose(prediction.group_error, errors, rtol=1e-7, atol=1e-10)
    assert np.isclose(prediction.worst_group_error, max(errors), rtol=1e-7)
    assert np.isclose(prediction.balanced_error, np.mean(errors), rtol=1e-7, atol=1e-10)
    assert np.isclose(np.mean(prediction.group_excess), prediction.excess, rtol=1e-9, atol=1e-13)


def test_the_raw_excess_of_the_reference_configuration():
    raw = predict_bias(GROUPS, Design.raw(SIZES), Oracle())
    assert abs(float(raw.excess) - 0.369885) < 5e-7
    assert not abs(1.001 * float(raw.excess) - 0.369885) < 5e-7


@given(seeds)
@settings(max_examples=10)
def test_small_biases_are_linear_and_the_linear_displacement_errs_at_second_order(seed):
    groups, design = _drawn(seed), Design(SIZES, 100, 0.5)
    steps = np.array([1e-4, 2e-4])
    predictions = [predict_bias(groups, design, Mislabelled(step)) for step in steps]
    gradients = [np.asarray(p.bias_gradient) for p in predictions]
    # mislabelling is linear in its rate
    assert np.allclose(gradients[1], 2 * gradients[0], rtol=1e-10, atol=1e-14)
    errors = [np.linalg.norm(p.displacement - p.displacement_linear) for p in predictions]
    assert 3.0 < errors[1] / errors[0] < 5.0  # fourfold when the bias doubles, up to its cube
    # a first-order error, such as a displacement ten per cent too long, would only double
    wrong = [np.linalg.norm(p.displacement - 1.1 * p.displacement_linear) for p in predictions]
    assert wrong[1] / wrong[0] < 3.0


@given(seeds)
def test_flipping_half_the_labels_makes_a_symmetric_law(seed):
    groups = _drawn(seed)
    law = population_law(Mislabelled(0.5), 1, groups, SIZES)
    theta = jnp.asarray(np.random.default_rng(seed).normal(size=3))
    assert np.isclose(_risk(theta, law), _risk(-theta, law), rtol=1e-12)
    law = population_law(Mislabelled(0.4), 1, groups, SIZES)
    assert not np.isclose(_risk(theta, law), _risk(-theta, law), rtol=1e-12)


def _spurious(spread=1.0):
    """Core feature follows the label, spurious feature the attribute: four groups (y, s)."""
    return [
        GaussianGroup([y - 0.5, 1.5 * (s - 0.5)], np.diag([1.0, spread]), y, attribute=s)
        for y in (0, 1)
        for s in (0, 1)
    ]


@given(st.floats(0.2, 3.0))
@settings(max_examples=8)
def test_balancing_removes_the_spurious_weight_and_raw_training_keeps_it(spread):
    groups, sizes = _spurious(spread), (900, 100, 120, 800)
    raw = predict_bias(groups, Design.raw(sizes), Oracle())
    assert abs(float(raw.theta_star[2])) < 1e-12
    exact, _ = spurious_displacement(raw, [1])
    assert exact.shape == (1,) and exact[0] > 0.05  # follows the attribute
    oracle = predict_bias(groups, Design(sizes, 50, 0.3), Oracle())
    assert abs(float(oracle.theta_alpha[2])) < 1e-9
    small = predict_bias(groups, Design(sizes, 50, 0.3), Mislabelled(0.01))
    left, linear = spurious_displacement(small, [1])
    assert np.allclose(left, linear, rtol=0.1) and abs(left[0]) < exact[0]


def test_interpolating_all_seeds_keeps_its_bias_with_any_number_of_seeds():
    few, many = (
        predict_bias(GROUPS, Design((10 * n, n)), Smote()).bias_gradient for n in (20, 20_000)
    )
    assert np.allclose(few, many, rtol=1e-12, atol=1e-15)
    assert np.max(np.abs(many)) > 1e-3


def test_masses_of_the_target_add_to_one():
    for design in (Design(SIZES, 9, 0.4), Design.raw(SIZES), Design.class_weighted(SIZES)):
        pieces = population(GROUPS, design, Smote())
        assert np.isclose(pieces.target.weights.sum(), 1.0, rtol=1e-13)
        assert np.isclose(pieces.balanced.weights.sum(), 1.0, rtol=1e-13)


BAD = [
    ("groups", GROUPS[:1], Design((9, 9)), Oracle(), "got 1 group for a design with 2"),
    ("groups", GROUPS, Design((9, 9, 9)), Oracle(), "one size per group"),
    ("groups", [GROUPS[0], GROUPS[0]], Design((9, 9)), Oracle(), "both 0 and 1"),
    ("groups", [GROUPS[0], GaussianGroup([0.0], [[1.0]], 1)], Design((9, 9)), Oracle(), "same num"),
    ("generator", GROUPS, Design((9, 8)), [Oracle()], "one for each of the 2"),
    ("shift", GROUPS, Design((9, 8)), Shifted((1.0,)), "expected 2"),
    ("sizes", GROUPS, Design((9, 1)), GaussianPlugin(), "at least 2"),
    ("sizes", GROUPS, Design((9, 4)), Predictive(), "at least 5"),
    ("generator", GROUPS, Design((9, 8)), Smote(3), "closed-form"),
]


@pytest.mark.parametrize(("name", "groups", "design", "generator", "says"), BAD)
def test_mismatched_input_is_named(name, groups, design, generator, says):
    for call in (population, predict_bias):
        with pytest.raises(ValueError, match=f"^{name}: .*{says}"):
            call(groups, design, generator)


def test_without_float64_it_refuses():
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="jax_enable_x64"):
        predict_bias(GROUPS, Design(SIZES), Oracle())
