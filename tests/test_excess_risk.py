"""Theorem R: totals against known values, parts against textbook formulas, bounds and limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import hessian, risk, score_cov, score_mean
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.bias import population, predict_bias
from synthetic_oversampling.theory.prediction.excess_risk import predict

DIM = 3
MEANS = np.array([[0.0, 0.0, 0.0], [1.5, 0.5, 0.0]])
GROUPS = [GaussianGroup(mean, np.eye(DIM), label) for label, mean in enumerate(MEANS)]
SIZES = (2000, 200)
FIXED = [Oracle(), Shifted((0.2, 0.0, -0.1)), Mislabelled(0.05), Duplicate()]
seeds = st.integers(0, 2**32 - 1)


def _near(value, expected, digits):
    return abs(float(value) - expected) < 0.5 * 10.0**-digits


def test_raw_training_costs_what_its_parts_say():
    raw = predict(GROUPS, Design.raw(SIZES), Oracle())
    assert _near(raw.excess.bias, 0.369885, 6) and _near(raw.excess.variance, 0.001328, 6)
    # 0.3731 is the mean of brute-force simulations, 0.0004 twice their standard error
    assert abs(float(raw.total) - 0.3731) < 0.0004
    without = raw.excess.bias + raw.excess.variance
    assert not abs(float(without) - 0.3731) < 0.0004  # the Cox-Snell part is needed


def test_class_weighting_and_the_fitted_gaussian_cost_what_they_should():
    weighted = predict(GROUPS, Design.class_weighted(SIZES), Oracle())
    assert _near(weighted.total, 0.002344, 6)
    fitted = predict(GROUPS, Design(SIZES, 2000, 0.5), GaussianPlugin())
    assert _near(fitted.total, 0.00237, 5)
    assert not _near(fitted.excess.variance * 1.1, 0.00237, 5)


def _textbook_bias(law, theta, masses, sizes, groups):
    """Cox and Snell's bias in one dimension, from integrals of third derivatives, by scipy.

    ``A^-1 (Cov(Hess A^-1, grad) - third : cov / 2)``, written with the empirical Hessian and
    gradient of independent real samples weighted ``mass_g / n_g``.
    """
    p = len(theta)
    curvature = np.asarray(hessian(theta, law))
    inverse = np.linalg.inv(curvature)
    third = np.asarray(jax.jacfwd(hessian)(theta, law))
    noise, joint = np.zeros((p, p)), np.zeros((p, p, p))
    for mass, size, group in zip(masses, sizes, groups, strict=True):
        mean, std, sign = group.mean[0, 0], np.sqrt(group.cov[0, 0, 0]), group.sign

        def integrand(z, mean=mean, std=std, sign=sign):
            xbar = np.array([1.0, mean + std * z])
            q = 1 / (1 + np.exp(sign * (np.asarray(theta) @ xbar)))
            score, hess = -sign * q * xbar, q * (1 - q) * np.outer(xbar, xbar)
            both = np.concatenate(
                [score, hess.ravel(), np.outer(score, score).ravel(), np.outer(hess, score).ravel()]
            )
            return both * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

        values = scipy.integrate.quad_vec(integrand, -12, 12, epsabs=1e-13)[0]
        score, hess = values[:p], values[p : p + p * p]
        square = values[p + p * p : p + 2 * p * p].reshape(p, p)
        product = values[p + 2 * p * p :].reshape(p * p, p)
        noise += mass**2 / size * (square - np.outer(score, score))
        joint += mass**2 / size * (product - np.outer(hess, score)).reshape(p, p, p)
    spread = inverse @ noise @ inverse
    first = np.einsum("ijk,jk->i", joint, inverse)  # Cov(Hess_ij, (A^-1 grad)_j)
    return inverse @ (first - np.einsum("ijk,jk->i", third, spread) / 2)


@pytest.mark.parametrize("design", [Design.raw((400, 60)), Design.class_weighted((400, 60))])
def test_the_estimators_bias_is_cox_and_snells(design):
    groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.3], [[0.6]], 1)]
    prediction = predict(groups, design, Oracle())
    law = population(groups, design, Oracle()).target
    exact = _textbook_bias(law, prediction.theta_alpha, design.real_mass, design.sizes, groups)
    assert np.allclose(prediction.estimator_bias, exact, rtol=1e-8, atol=1e-12)
    assert not np.allclose(1.001 * prediction.estimator_bias, exact, rtol=1e-8, atol=1e-12)
    assert not np.allclose(-prediction.estimator_bias, exact, rtol=1e-8, atol=1e-12)


@given(st.floats(0, 0.9), st.integers(100, 10_000), st.sampled_from(FIXED[:3]))
@settings(max_examples=10)
def test_the_variance_part_is_the_sandwich_of_the_weights_written_out(weight, count, generator):
    design = Design(SIZES, count, weight)
    ours = predict(GROUPS, design, generator)
    laws = population(GROUPS, design, generator)
    theta, noise, curvature = ours.theta_alpha, 0.0, 0.0
    for g, n in enumerate(SIZES):
        real = jax.tree.map(lambda part, g=g: part[g], laws.real)
        drawn = jax.tree.map(lambda part, g=g: part[g], laws.synthetic)
        rho = n / max(SIZES)
        (real_cov, _), (drawn_cov, _) = _moments(theta, real), _moments(theta, drawn)
        over = (1 - weight) ** 2 * (rho * real_cov + (1 - rho) * drawn_cov) / max(SIZES)
        noise = noise + (over + weight**2 * drawn_cov / count) / 4
        curvature = curvature + _moments(theta, real)[1] / 2
    assert np.allclose(ours.gradient_cov, noise, rtol=1e-9, atol=1e-14)
    inverse = np.linalg.inv(_moments(theta, laws.target)[1])
    sandwich = np.trace(curvature @ inverse @ noise @ inverse) / 2
    assert np.isclose(ours.excess.variance, sandwich, rtol=1e-9)
    assert not np.isclose(ours.excess.variance, 1.1 * sandwich, rtol=1e-9)


@jax.jit
def _moments(theta, law):
    return score_cov(theta, law), hessian(theta, law)


def test_infinitely_many_duplicates_are_class_weighting():
    duplicates = predict(GROUPS, Design(SIZES, np.inf, 1.0), Duplicate())
    weighted = predict(GROUPS, Design.class_weighted(SIZES), Oracle())
    assert np.allclose(duplicates.gradient_cov, weighted.gradient_cov, rtol=1e-10)
    assert np.isclose(duplicates.total, weighted.total, rtol=1e-9)
    finite = predict(GROUPS, Design(SIZES, 1000, 1.0), Duplicate())
    assert float(finite.total) > float(weighted.total) * 1.01  # resampling noise


def test_without_weight_or_with_infinite_size_augmentation_has_its_limits():
    for generator in FIXED[:3]:
        none = predict(GROUPS, Design(SIZES), generator).excess.variance
        gaps = [
            abs(float(predict(GROUPS, Design(SIZES, 500, a), generator).excess.variance - none))
            for a in (1e-2, 1e-3, 1e-4)
        ]
        assert gaps[0] > gaps[1] > gaps[2] and gaps[2] < 1e-3 * float(none)
        sizes = [predict(GROUPS, Design(SIZES, n, 0.4), generator) for n in (200, 2000, np.inf)]
        variances = [float(prediction.excess.variance) for prediction in sizes]
        assert variances[0] > variances[1] > variances[2] > 0


@pytest.mark.parametrize("covariance", ["known", "group"])
def test_predictive_and_plugin_agree_to_first_order(covariance):
    design = Design(SIZES, 1000, 0.5)
    plugin = predict(GROUPS, design, GaussianPlugin(covariance))
    drawn = predict(GROUPS, design, Predictive(covariance))
    assert np.allclose(plugin.gradient_cov, drawn.gradient_cov, rtol=1e-12)
    assert np.allclose(plugin.theta_alpha, drawn.theta_alpha, rtol=1e-12)
    # they differ at order 1/n in the expected gradient: the predictive law is wider
    assert not np.allclose(plugin.generator_shift, drawn.generator_shift, rtol=1e-3)
    big = Design((200_000, 20_000), 1000, 0.5)
    shifts = [predict(GROUPS, d, Predictive(covariance)).generator_shift for d in (design, big)]
    assert np.allclose(shifts[0], 100 * shifts[1], rtol=1e-9, atol=1e-14)


def _information(distance):
    """``E[q (1 - q)]`` between two unit normal classes at even odds, by scipy's integral."""

    def integrand(x):
        return np.exp(-x * x / 2) / np.cosh(distance * x / 2)

    value = scipy.integrate.quad(integrand, -15, 15, epsabs=1e-14)[0]
    return value * np.exp(-(distance**2) / 8) / np.sqrt(2 * np.pi) / 4


# Efron (1975), Table 1: efficiency at equal priors of the directions across the means
EFRON = {0.5: 1.000, 1.0: 0.995, 1.5: 0.968, 2.0: 0.899, 2.5: 0.786, 3.0: 0.641}


@pytest.mark.parametrize("distance", list(EFRON))
def test_the_limit_of_pooled_gaussians_is_efrons_discriminant_analysis(distance):
    mean = np.array([distance / 2, 0.0, 0.0])
    groups = [GaussianGroup((2 * y - 1) * mean, np.eye(DIM), y) for y in (0, 1)]
    sizes = (1000, 1000)
    logistic = predict(groups, Design.raw(sizes), Oracle())
    discriminant = predict(groups, Design(sizes, np.inf, 1.0), GaussianPlugin("pooled"))
    # the weight across the means turns the boundary: its variances' ratio is Efron's efficiency
    ratio = float(discriminant.cov[2, 2] / logistic.cov[2, 2])
    assert np.isclose(ratio, (4 + distance**2) * _information(distance), rtol=1e-9)
    assert abs(ratio - EFRON[distance]) < 0.0006  # three printed digits
    assert not abs(1.01 * ratio - EFRON[distance]) < 0.0006


@given(st.integers(50, 3000), st.floats(0, 1), st.floats(-1, 1))
@settings(max_examples=15)
def test_the_explicit_bound_holds(size, weight, shift):
    prediction = predict(GROUPS, Design((3000, size), 500, weight), Shifted((shift, 0.0, 0.0)))
    local = float(prediction.local_bias + prediction.local_variance)
    assert 0 < local <= float(prediction.bound) * (1 + 1e-12)


@given(st.integers(50, 3000), st.floats(0, 1), st.sampled_from(FIXED))
@settings(max_examples=15)
def test_groups_average_to_the_balanced_excess_and_the_bias_part_is_theorem_bs(
    size, weight, generator
):
    design = Design((3000, size), 500, weight)
    prediction = predict(GROUPS, design, generator)
    for part in ("bias", "variance", "cox_snell", "total"):
        mean = np.mean(getattr(prediction.group_excess, part))
        assert np.isclose(mean, getattr(prediction.excess, part), rtol=1e-9, atol=1e-13)
    bias = predict_bias(GROUPS, design, generator)
    assert np.isclose(bias.excess, prediction.excess.bias, rtol=1e-9, atol=1e-13)
    assert np.allclose(bias.bias_gradient, prediction.bias_gradient, rtol=1e-9, atol=1e-13)


def test_at_small_bias_the_local_form_is_the_total():
    gaps = []
    for factor in (1, 10):
        design = Design((20_000 * factor, 2_000 * factor), 20_000 * factor, 0.5)
        generator = Shifted((0.05 / np.sqrt(factor), 0.0, 0.0))
        ours = predict(GROUPS, design, generator)
        gaps.append(abs(float((ours.local_bias + ours.local_variance) / ours.total) - 1))
    assert gaps[0] < 0.1 and gaps[1] < gaps[0] / 2


def test_the_interpolated_law_has_bias_and_a_finite_total():
    ours = predict(GROUPS, Design((1500, 150), 2000, 0.5), Smote())
    theta = ours.theta_alpha
    exact = sum(float(risk(theta, g.law) - risk(ours.theta_star, g.law)) for g in GROUPS) / 2
    assert np.isclose(ours.excess.bias, exact, rtol=1e-7)
    target = population(GROUPS, Design((1500, 150), 2000, 0.5), Smote()).target
    assert np.max(np.abs(score_mean(theta, target))) < 1e-12


def test_wrong_input_and_float32_are_refused():
    with pytest.raises(ValueError, match="^groups: .*both 0 and 1"):
        predict([GROUPS[0], GROUPS[0]], Design((9, 9)), Oracle())
    with pytest.raises(ValueError, match="^sizes: got 5 seeds in group 1, expected at least 6"):
        predict(GROUPS, Design((9, 5)), Predictive())
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="jax_enable_x64"):
        predict(GROUPS, Design(SIZES), Oracle())
    assert jnp.zeros(1).dtype == jnp.float64


def test_the_spread_at_the_optimum_is_that_of_half_a_quadratic_form_in_normal_variables():
    groups = [GaussianGroup([1.3 * y, 0.4 * y], [[1.0, 0.3], [0.3, 0.8]], y) for y in (0, 1)]
    found = predict(groups, Design.raw((300, 300)), Oracle())
    curved = np.mean([hessian(found.theta_star, group) for group in groups], axis=0) @ found.cov
    rng = np.random.default_rng(0)
    roots = np.linalg.eigvals(curved).real  # the form is a sum of these times chi-squares
    drawn = rng.chisquare(1, size=(200_000, 3)) @ roots / 2
    assert float(found.excess.std) == pytest.approx(drawn.std(), rel=0.02)
