"""Theorem T's Gaussian closed forms (T1, T4) against routes that never use them."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from synthetic_oversampling.theory.in_context import capacity

EPS = np.finfo(np.float64).eps
VAR_WITHIN, VAR_PRIOR, MEAN_PRIOR = 0.7, 1.9, -0.4


def _posterior_predictive_by_quadrature(seeds, x):
    """The predictive density of x by integrating the mean out numerically, in one dimension."""

    def joint(mean, extra):
        logs = stats.norm.logpdf(np.append(seeds, extra), mean, VAR_WITHIN**0.5).sum()
        return np.exp(logs + stats.norm.logpdf(mean, MEAN_PRIOR, VAR_PRIOR**0.5))

    options = {"epsabs": 0.0, "epsrel": 1e-12, "limit": 400}
    top = integrate.quad(lambda mean: joint(mean, [x]), -12.0, 12.0, **options)[0]
    return top / integrate.quad(lambda mean: joint(mean, []), -12.0, 12.0, **options)[0]


@pytest.mark.parametrize("seeds", [[], [1.3], [0.2, -1.1, 2.4, 0.9]])
def test_location_predictive_is_the_integral_over_the_unknown_mean(seeds):
    law = capacity.location_predictive(
        jnp.array(seeds, float)[:, None], jnp.array([MEAN_PRIOR]), VAR_WITHIN, VAR_PRIOR
    )
    for x in (-2.0, 0.3, 1.7):
        expected = _posterior_predictive_by_quadrature(np.array(seeds), x)
        got = stats.norm.pdf(x, float(law.mean[0]), float(law.var) ** 0.5)
        np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 5, 64])
def test_attention_with_a_null_token_is_the_posterior_mean(count):
    logits = capacity.location_attention_logits(count, VAR_WITHIN, VAR_PRIOR)
    weights = capacity.location_attention_weights(count, VAR_WITHIN, VAR_PRIOR)
    np.testing.assert_allclose(jax.nn.softmax(logits), weights, rtol=8 * EPS)
    seeds = jax.random.normal(jax.random.key(1), (count, 3))
    prior = jnp.array([1.0, -2.0, 0.5])
    law = capacity.location_predictive(seeds, prior, VAR_WITHIN, VAR_PRIOR)
    values = jnp.concatenate([prior[None, :], seeds])
    np.testing.assert_allclose(weights @ values, law.mean, rtol=0, atol=64 * EPS)
    np.testing.assert_allclose(VAR_WITHIN + VAR_PRIOR * weights[0], law.var, rtol=8 * EPS)


def _average_over_prior_and_seeds(count, divergence):
    """E over the mean and the seeds' average of KL(P_mean || rule), by Gauss-Hermite, d = 1."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    mean = MEAN_PRIOR + VAR_PRIOR**0.5 * nodes[:, None]
    average = mean + (VAR_WITHIN / count) ** 0.5 * nodes[None, :]
    return float(weights @ divergence(mean, average) @ weights)


def _kl(mean_p, mean_q, var_q):
    ratio = VAR_WITHIN / var_q
    return 0.5 * (ratio - 1.0 - np.log(ratio) + (mean_p - mean_q) ** 2 / var_q)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_expected_divergences_are_their_averages_over_prior_and_seeds(count):
    ratio = VAR_WITHIN / VAR_PRIOR
    rules = {
        "bayes": (
            capacity.location_expected_kl(count, 1, VAR_WITHIN, VAR_PRIOR),
            lambda average: (ratio * MEAN_PRIOR + count * average) / (count + ratio),
            VAR_WITHIN * (1.0 + 1.0 / (count + ratio)),
        ),
        "flat": (
            capacity.flat_prior_expected_kl(count, 1),
            lambda average: average,
            VAR_WITHIN * (1.0 + 1.0 / count),
        ),
        "plugin": (capacity.plugin_expected_kl(count, 1), lambda average: average, VAR_WITHIN),
    }
    for name, (formula, centre, var) in rules.items():
        expected = _average_over_prior_and_seeds(
            count, lambda mean, average, c=centre, v=var: _kl(mean, c(average), v)
        )
        np.testing.assert_allclose(float(formula), expected, rtol=1e-11, err_msg=name)
        mutant = 1.1 * float(formula)
        assert abs(mutant - expected) > 1e-11 * expected, name


def test_no_rule_beats_bayes_and_flat_beats_plugin_at_every_count():
    for count in (1, 2, 4, 16, 256):
        bayes = capacity.location_expected_kl(count, 2, VAR_WITHIN, VAR_PRIOR)
        flat = capacity.flat_prior_expected_kl(count, 2)
        plugin = capacity.plugin_expected_kl(count, 2)
        assert bayes < flat < plugin
        np.testing.assert_allclose(plugin - flat, 2 / (4 * count**2), rtol=1.4 / count)


def test_bayes_with_an_ever_wider_prior_is_the_flat_rule():
    wide = capacity.location_expected_kl(3, 2, 1.0, 1e12)
    np.testing.assert_allclose(wide, capacity.flat_prior_expected_kl(3, 2), rtol=1e-11)


@pytest.mark.parametrize("gap", [0.5, 1e-2, 1e-5, 1e-11])
def test_gaussian_kl_keeps_its_digits_down_to_the_square_of_rounding(gap):
    var_q, shift = 1.3, 0.4 * gap
    got = capacity.gaussian_kl(
        jnp.zeros(3), jnp.array(var_q * (1.0 + gap)), jnp.full(3, shift), jnp.array(var_q)
    )
    with mpmath.workdps(60):
        rho = mpmath.mpf(var_q * (1.0 + gap)) / mpmath.mpf(var_q)
        expected = 1.5 * (rho - 1 - mpmath.log(rho)) + 1.5 * mpmath.mpf(shift) ** 2 / var_q
        relative = abs(mpmath.mpf(float(got)) / expected - 1)
    assert relative < 20 * EPS / gap + 1e-12, (float(got), expected)


def test_student_predictive_is_the_integral_over_mean_and_precision():
    seeds, mass, shape, rate = np.array([0.3, 1.9, -0.4]), 0.6, 1.7, 1.1
    law = capacity.student_predictive(
        jnp.array(seeds)[:, None], jnp.array([MEAN_PRIOR]), mass, shape, rate
    )
    normal_nodes, normal_weights = np.polynomial.legendre.leggauss(400)

    def joint(extra):
        log_precision = -9.0 + 13.0 * 0.5 * (normal_nodes + 1.0)
        precision = np.exp(log_precision)
        mean = 15.0 * normal_nodes
        grid_mean, grid_precision = mean[:, None], precision[None, :]
        logs = stats.norm.logpdf(grid_mean, MEAN_PRIOR, (mass * grid_precision) ** -0.5)
        logs = logs + stats.gamma.logpdf(grid_precision, shape, scale=1.0 / rate)
        logs = logs + log_precision[None, :]
        for x in np.append(seeds, extra):
            logs = logs + stats.norm.logpdf(x, grid_mean, grid_precision**-0.5)
        return normal_weights @ np.exp(logs) @ normal_weights

    evidence = joint([])
    for x in (-1.5, 0.6, 3.0):
        got = capacity.student_log_density(jnp.array([x]), law.df, law.loc, law.var_scale)
        np.testing.assert_allclose(np.exp(float(got)), joint([x]) / evidence, rtol=1e-5)


def test_student_predictive_before_any_seed_is_the_prior_predictive():
    law = capacity.student_predictive(jnp.zeros((0, 2)), jnp.array([1.0, 2.0]), 0.5, 2.0, 3.0)
    assert float(law.df) == 4.0
    np.testing.assert_allclose(law.loc, jnp.array([1.0, 2.0]), rtol=4 * EPS)
    np.testing.assert_allclose(law.var_scale, 1.5 * 3.0, rtol=4 * EPS)


def test_student_log_density_is_scipys():
    x = np.array([[0.3, -1.0], [2.0, 0.1]])
    loc = np.array([0.5, 0.5])
    got = capacity.student_log_density(
        jnp.array(x), jnp.full(2, 3.7), jnp.broadcast_to(jnp.array(loc), (2, 2)), jnp.full(2, 0.8)
    )
    expected = stats.multivariate_t(loc, 0.8 * np.eye(2), df=3.7).logpdf(x)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_fidelity_bound_is_attained_by_a_shifted_gaussian():
    shift = jnp.array([0.3, -0.4])
    kl = capacity.gaussian_kl(shift, jnp.array(0.8), jnp.zeros(2), jnp.array(0.8))
    bound = capacity.fidelity_bias_bound(kl, jnp.array(0.8))
    np.testing.assert_allclose(bound, 0.5, rtol=8 * EPS)
    too_small_a_proxy = capacity.fidelity_bias_bound(kl, jnp.array(0.8 / 1.1))
    assert too_small_a_proxy < 0.5, "a proxy below the variance must break the bound"


def test_fidelity_bound_holds_for_a_bounded_score():
    p = jnp.linspace(0.05, 0.95, 19)[:, None]
    q = jnp.linspace(0.04, 0.97, 23)[None, :]
    kl = q * jnp.log(q / p) + (1.0 - q) * jnp.log((1.0 - q) / (1.0 - p))
    bound = capacity.fidelity_bias_bound(kl, jnp.full_like(kl, 0.25))
    assert jnp.all(jnp.abs(q - p) <= bound + 4 * EPS)


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda: capacity.location_attention_logits(2, 0.0, 1.0), "var_within"),
        (lambda: capacity.location_attention_weights(-1, 1.0, 1.0), "count"),
        (lambda: capacity.location_predictive(jnp.ones((2, 1)), jnp.ones(1), 1.0, -1.0), "var_pri"),
        (lambda: capacity.location_expected_kl(1, 1, float("nan"), 1.0), "var_within"),
        (lambda: capacity.flat_prior_expected_kl(0, 2), "first seed"),
        (lambda: capacity.plugin_expected_kl(0, 2), "first seed"),
        (
            lambda: capacity.student_predictive(jnp.ones((1, 1)), jnp.ones(1), 1.0, 0.0, 1.0),
            "shape",
        ),
    ],
)
def test_impossible_arguments_are_refused_by_name(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_a_wrong_shape_is_refused_before_anything_is_computed():
    with pytest.raises(Exception, match="Type-check error"):
        capacity.location_predictive(jnp.ones((4, 3)), jnp.zeros(2), 1.0, 1.0)
