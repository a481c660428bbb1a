"""Theorem T's finite families (T2, T3) against routes that never use the closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, optimize, spatial

from synthetic_oversampling.theory.in_context import token_capacity as tokens

EPS = np.finfo(np.float64).eps
VOCABULARY, DIM = 12, 3


@pytest.fixture(scope="module")
def family():
    """Asymmetric embeddings, a natural parameter, and the exact preconditioner at 0."""
    rng = np.random.default_rng(20260)
    embeddings = jnp.array(rng.normal(size=(VOCABULARY, DIM)) / np.sqrt(DIM))
    natural = jnp.array([0.9, -0.5, 0.3])
    preconditioner = jnp.linalg.inv(tokens.token_cov(jnp.zeros(DIM), embeddings))
    return natural, embeddings, preconditioner


def test_dictionary_posterior_is_bayes_rule_by_multiplication():
    likelihood = np.random.default_rng(5).uniform(0.1, 1.0, size=(4, 3))
    prior = np.array([0.5, 0.2, 0.3])
    got = tokens.dictionary_posterior(jnp.log(jnp.array(likelihood)), jnp.log(jnp.array(prior)))
    expected = prior * likelihood.prod(axis=0)
    np.testing.assert_allclose(got, expected / expected.sum(), rtol=32 * EPS)
    empty = tokens.dictionary_posterior(jnp.zeros((0, 3)), jnp.log(jnp.array(prior)))
    np.testing.assert_allclose(empty, prior, rtol=8 * EPS)


def test_dirichlet_multinomial_is_the_integral_over_the_frequencies():
    counts, concentration = np.array([3.0, 1.0]), np.array([0.8, 1.7])

    def weight(p, extra):
        return p ** (counts[0] + concentration[0] - 1 + extra) * (1 - p) ** (
            counts[1] + concentration[1] - 1
        )

    top = integrate.quad(weight, 0, 1, args=(1.0,), epsrel=1e-12)[0]
    expected = top / integrate.quad(weight, 0, 1, args=(0.0,), epsrel=1e-12)[0]
    got = tokens.dirichlet_multinomial_predictive(jnp.array(counts), jnp.array(concentration))
    np.testing.assert_allclose(got[0], expected, rtol=1e-9)


def test_mean_and_covariance_are_derivatives_of_the_log_partition(family):
    natural, embeddings, _ = family

    def log_partition(eta):
        return jax.nn.logsumexp(embeddings @ eta)

    mean, cov = tokens.token_mean(natural, embeddings), tokens.token_cov(natural, embeddings)
    np.testing.assert_allclose(mean, jax.grad(log_partition)(natural), rtol=0, atol=32 * EPS)
    np.testing.assert_allclose(cov, jax.hessian(log_partition)(natural), rtol=0, atol=32 * EPS)


def test_token_kl_is_the_bregman_divergence_of_the_log_partition(family):
    natural, embeddings, _ = family
    other = natural + jnp.array([0.2, 0.1, -0.6])

    def log_partition(eta):
        return jax.nn.logsumexp(embeddings @ eta)

    mean = tokens.token_mean(natural, embeddings)
    bregman = log_partition(other) - log_partition(natural) - (other - natural) @ mean
    got = tokens.token_kl(natural, other, embeddings)
    np.testing.assert_allclose(got, bregman, rtol=64 * EPS / float(bregman))


def test_depth_removes_the_floor_at_the_predicted_rate(family):
    natural, embeddings, preconditioner = family
    floors = [
        float(tokens.readout_floor(natural, embeddings, depth, preconditioner))
        for depth in (1, 2, 9, 10)
    ]
    contraction = float(tokens.layer_contraction(natural, embeddings, preconditioner))
    assert 0.0 < contraction < 1.0
    assert floors[0] > floors[1] > floors[2] > floors[3]
    assert floors[0] > 1e-3 and floors[3] < 1e-2 * floors[0]
    np.testing.assert_allclose(floors[3] / floors[2], contraction**2, rtol=0.05)


def test_deep_readout_is_the_maximum_likelihood_estimate(family):
    _, embeddings, preconditioner = family
    target = embeddings.mean(axis=0) + jnp.array([0.1, 0.05, -0.1])
    deep = tokens.gradient_readout(target, embeddings, 300, preconditioner)
    fitted = optimize.minimize(
        lambda eta: float(jax.nn.logsumexp(embeddings @ jnp.array(eta))) - float(target @ eta),
        np.zeros(DIM),
        jac=lambda eta: np.asarray(tokens.token_mean(jnp.array(eta), embeddings) - target),
        tol=1e-13,
    )
    np.testing.assert_allclose(deep, fitted.x, atol=1e-6)


def test_deep_readout_pays_d_over_2n_and_no_floor(family):
    natural, embeddings, preconditioner = family
    count = 500
    deep = tokens.readout_expected_kl(natural, embeddings, count, 200, preconditioner)
    np.testing.assert_allclose(deep, tokens.sharp_token_rate(count, DIM), rtol=1e-9)
    shallow = tokens.readout_expected_kl(natural, embeddings, 10**9, 1, preconditioner)
    floor = tokens.readout_floor(natural, embeddings, 1, preconditioner)
    np.testing.assert_allclose(shallow, floor, rtol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 40])
def test_expected_divergence_matches_simulated_seeds(family, depth):
    """CLT check: false-alarm rate 1e-4 a depth, power above 0.99 against a constant off by 1.1.

    A shallow read-out's divergence also has a linear term in the seeds' mean, whose expectation is
    exactly 0; it is subtracted as a control variate.
    """
    natural, embeddings, preconditioner = family
    count, replicates, z_alarm, remainder = 4_000, 20_000, 3.9, 0.01
    probs = np.asarray(jnp.exp(tokens.token_log_probs(natural, embeddings)))
    draws = np.random.default_rng(depth).multinomial(count, probs, size=replicates) / count
    means = jnp.array(draws) @ embeddings

    def divergence(mean):
        readout = tokens.gradient_readout(mean, embeddings, depth, preconditioner)
        return tokens.token_kl(natural, readout, embeddings)

    centre = tokens.token_mean(natural, embeddings)
    linear = (means - centre[None, :]) @ jax.grad(divergence)(centre)
    values = np.asarray(jax.jit(jax.vmap(divergence))(means) - linear)
    floor = float(tokens.readout_floor(natural, embeddings, depth, preconditioner))
    noise = float(tokens.readout_expected_kl(natural, embeddings, count, depth, preconditioner))
    noise -= floor
    observed, error = values.mean() - floor, values.std(ddof=1) / replicates**0.5
    tolerance = z_alarm * error + remainder * noise
    assert abs(observed - noise) < tolerance, (observed, noise, error)
    power_margin = 0.1 * noise - remainder * noise - z_alarm * error
    assert power_margin > 2.4 * error, "too few replicates to see a constant off by 1.1"
    for mutant in (1.1 * noise, noise / 1.1, -noise):
        assert abs(observed - mutant) > tolerance, (observed, mutant, error)


def test_seeds_without_a_maximum_likelihood_estimate_are_those_on_one_face():
    """By linear programming on drawn seeds; their probability is below the sum over the facets."""
    rng = np.random.default_rng(4)
    table = rng.normal(size=(VOCABULARY, DIM))
    probs = np.asarray(
        jnp.exp(tokens.token_log_probs(jnp.array([0.8, -0.6, 0.5]), jnp.asarray(table)))
    )
    hull = spatial.ConvexHull(table)
    faces = [set(map(int, simplex)) for simplex in hull.simplices]
    bound = sum(sum(probs[list(face)]) ** 16 for face in faces)
    missing = 0
    for seeds in rng.choice(VOCABULARY, size=(400, 16), p=probs):
        mean = table[seeds].mean(axis=0)
        on_a_face = any(set(map(int, seeds)) <= face for face in faces)
        # a direction along which no token lies beyond the mean, but some before it
        gaps = table - mean
        found = optimize.linprog(gaps.sum(axis=0), gaps, np.zeros(VOCABULARY), bounds=(-1, 1))
        assert (found.fun < -1e-7) == on_a_face
        missing += on_a_face
    assert 0 < missing / 400 < bound + 4 * (bound / 400) ** 0.5
    assert sum(sum(probs[list(face)]) ** 250 for face in faces) < 1e-15


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda: tokens.gradient_readout(jnp.ones(1), jnp.ones((2, 1)), 0, jnp.eye(1)), "num_lay"),
        (lambda: tokens.dirichlet_multinomial_predictive(jnp.ones(2), jnp.zeros(2)), "concentr"),
    ],
)
def test_impossible_arguments_are_refused_by_name(call, word):
    with pytest.raises(ValueError, match=word):
        call()
