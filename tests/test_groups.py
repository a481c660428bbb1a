"""Closed forms on Gaussian mixtures are exact, differentiable, and have the model's symmetries."""

import direct_integration as direct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.population.groups import (
    error_rate,
    gradient,
    hessian,
    risk,
    score_cov,
    score_mean,
    score_second_moment,
    worst_error_rate,
)
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, balanced_law, mix
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.population.minimum import minimise, minimiser

RELATIVE = 1e-10


@jax.jit
def _forms(theta, law):
    """Risk, score mean, score second moment, Hessian: all four of one law."""
    return tuple(form(theta, law) for form in (risk, score_mean, score_second_moment, hessian))


def _scales(exact):
    """What each form's error is relative to: itself if positive, else the size of its terms."""
    square, curvature = (np.sqrt(np.diag(m)) for m in (exact.score_square, exact.curvature))
    return (
        exact.risk,
        exact.score_size,
        np.outer(square, square),
        np.outer(curvature, curvature),
    )


def _errors(theta, law, exact):
    truth = (exact.risk, exact.score, exact.score_square, exact.curvature)
    forms = zip(_forms(theta, law), truth, _scales(exact), strict=True)
    return np.array(
        [np.max(np.abs(np.asarray(form) - value) / size) for form, value, size in forms]
    )


@given(direct.scores_and_laws())
def test_risk_gradient_hessian_and_score_moments_are_exact_to_ten_digits(case):
    theta, law = case
    exact = direct.integrals(theta, law)
    assert np.all(_errors(theta, law, exact) < RELATIVE)
    # a covariance wrong in the seventh digit is seen, and so is a flipped label
    assert np.any(_errors(theta, law._replace(covs=law.covs * (1 + 1e-6)), exact) > RELATIVE)
    assert _errors(theta, law._replace(signs=-law.signs), exact)[1] > RELATIVE


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("standard", [-10.0, 0.0, 3.0])
def test_the_forms_are_exact_in_other_dimensions_at_std_thirty(dim, standard):
    rng = np.random.default_rng(5)
    slope = rng.normal(size=dim)
    root = rng.normal(size=(dim, dim))
    cov = root @ root.T + 0.1 * np.eye(dim)
    slope *= 30.0 / np.sqrt(slope @ cov @ slope)
    mean = standard * 30.0 * slope / (slope @ slope)
    parts = (np.ones(1), mean[None], cov[None], np.ones(1))
    law = Law(*(jnp.asarray(part) for part in parts))
    theta = jnp.asarray(np.concatenate([[0.0], slope]))
    exact = direct.integrals(theta, law)
    errors = _errors(theta, law, exact)
    assert np.all(errors[:3] < RELATIVE)
    # Where the margin is 0 lies `standard` stds from the mean, and a feature that is small there
    # is the difference of its mean and that many stds: the size of these is what counts.
    location = np.abs(mean) + np.sqrt(np.diag(cov)) * max(1.0, abs(standard))
    size = np.concatenate([[1.0], location]) * np.sqrt(exact.curvature[0, 0])
    wrong = np.abs(np.asarray(_forms(theta, law)[3]) - exact.curvature)
    assert np.max(wrong / np.outer(size, size)) < RELATIVE


def test_a_hessian_without_its_stein_terms_fails_that_comparison():
    theta = jnp.array([0.3, 1.0, -0.5])
    law = GaussianGroup([0.5, 1.0], [[1.0, 0.3], [0.3, 2.0]], 1).law
    exact = direct.integrals(theta, law)
    xbar = np.array([1.0, 0.5, 1.0])
    second = np.outer(xbar, xbar) + np.pad(np.asarray(law.covs[0]), ((1, 0), (1, 0)))
    wrong = float(exact.curvature[0, 0]) * second  # E[l''] E[xbar xbar'] instead of E[l'' ...]
    assert np.max(np.abs(wrong - exact.curvature) / _scales(exact)[3]) > 1e-2


@given(direct.scores_and_laws(components=1))
def test_score_covariance_is_the_second_moment_about_the_mean(case):
    theta, law = case
    exact = direct.integrals(theta, law)
    cov = exact.score_square - np.outer(exact.score, exact.score)
    ours = np.asarray(_score_cov(theta, law))
    assert np.all(np.abs(ours - cov) < RELATIVE * _scales(exact)[2])
    assert np.min(np.linalg.eigvalsh(ours)) > -1e-12 * np.trace(exact.score_square)


_score_cov = jax.jit(score_cov)


@given(direct.scores_and_laws())
def test_error_rate_is_the_normal_tail(case):
    theta, law = case
    mean = np.asarray(law.signs * (theta[0] + law.means @ theta[1:]))
    std = np.sqrt(np.einsum("kij,i,j->k", law.covs, theta[1:], theta[1:]))
    exact = np.asarray(law.weights) @ norm.sf(mean / std)
    assert np.isclose(_error_rate(theta, law), exact, rtol=RELATIVE, atol=0)
    assert not np.isclose(_error_rate(theta, law), exact + 1e-3, rtol=RELATIVE, atol=0)
    assert np.isclose(_error_rate(-theta, law), 1 - exact, rtol=RELATIVE, atol=1e-15)


_error_rate = jax.jit(error_rate)


@pytest.mark.parametrize(("intercept", "expected"), [(1.0, 0.0), (-1.0, 1.0), (0.0, 0.5)])
def test_a_constant_score_errs_always_never_or_half_the_time(intercept, expected):
    law = GaussianGroup([0.4, 1.0], np.eye(2), 1).law
    theta = jnp.array([intercept, 0.0, 0.0])
    assert float(error_rate(theta, law)) == expected
    assert np.all(np.isfinite(jax.grad(error_rate)(theta, law)))


def test_the_worst_error_rate_is_the_largest():
    laws = [GaussianGroup([mean, 0.0], np.eye(2), 1).law for mean in (2.0, -1.0, 0.5)]
    theta = jnp.array([0.0, 1.0, 0.0])
    assert np.isclose(worst_error_rate(theta, laws), norm.cdf(1.0), rtol=1e-14)


@jax.jit
def _autodiff(theta, law):
    grad, hess = jax.grad(risk)(theta, law), jax.hessian(risk)(theta, law)
    return (grad, score_mean(theta, law)), (hess, hessian(theta, law))


@given(direct.scores_and_laws(components=1, max_std=10.0))
def test_automatic_derivatives_of_the_risk_are_the_closed_forms(case):
    theta, law = case
    for automatic, closed in _autodiff(theta, law):
        size = np.max(np.abs(closed)) + np.max(np.abs(law.means)) ** closed.ndim * 1e-16
        assert np.max(np.abs(automatic - closed)) < 1e-9 * size + 1e-15


def test_all_forms_map_over_scores_and_laws():
    rng = np.random.default_rng(3)
    thetas = jnp.asarray(rng.normal(size=(4, 3)))
    means = jnp.asarray(rng.normal(size=(4, 2, 2)))
    base = GaussianGroup([[0.0, 1.0], [1.0, 0.0]], np.eye(2), 0, weights=[0.3, 0.7]).law

    def forms(theta, means):
        law = base._replace(means=means)
        return (*_forms(theta, law), gradient(theta, law), error_rate(theta, law))

    mapped = jax.jit(jax.vmap(forms))(thetas, means)
    for i in (0, 3):
        law = base._replace(means=means[i])
        one = (*_forms(thetas[i], law), mapped[1][i], _error_rate(thetas[i], law))
        for ours, theirs in zip(mapped, one, strict=True):
            assert np.allclose(ours[i], theirs, rtol=1e-13, atol=1e-14)
        assert not np.allclose(mapped[1][i], mapped[1][i - 1], rtol=1e-13, atol=1e-14)


@given(st.integers(0, 2**32 - 1))
def test_the_risk_is_differentiable_in_the_law(seed):
    # Stein: d risk / d mean = E[l'(u) y w], d risk / d cov = E[l''(u)] w w' / 2
    rng = np.random.default_rng(seed)
    theta = jnp.asarray(rng.normal(size=3))
    law = Law(
        *(jnp.asarray(p) for p in (np.ones(1), rng.normal(size=(1, 2)), _spd(rng), -np.ones(1)))
    )
    by_law = _law_gradient(theta, law)
    slope = np.asarray(theta[1:])
    value, mean, _, curvature = _forms(theta, law)
    assert np.allclose(by_law.means[0], mean[0] * slope, rtol=1e-11, atol=1e-14)
    half = curvature[0, 0] / 2 * np.outer(slope, slope)
    assert np.allclose(by_law.covs[0], half, rtol=1e-11, atol=1e-14)
    assert np.isclose(by_law.weights[0], value, rtol=1e-12)


_law_gradient = jax.jit(jax.grad(risk, argnums=1))


def _spd(rng, count=1, dim=2):
    root = rng.normal(size=(count, dim, dim))
    return root @ root.swapaxes(1, 2) + 0.2 * np.eye(dim)


def _two_classes(rng, components=1):
    """The balanced law of two overlapping classes in the plane, and its groups."""
    groups = [
        GaussianGroup(
            rng.normal(size=(components, 2)),
            _spd(rng, components),
            label,
            weights=rng.dirichlet(np.full(components, 4.0)),
        )
        for label in (0, 1)
    ]
    return groups, balanced_law(groups)


seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_the_optimum_of_a_common_covariance_is_the_bayes_rule(seed):
    rng = np.random.default_rng(seed)
    means, cov = rng.normal(size=(2, 2)), _spd(rng)[0]
    theta = minimiser(balanced_law([GaussianGroup(means[y], cov, y) for y in (0, 1)]))
    slope = np.linalg.solve(cov, means[1] - means[0])
    intercept = -(means[1] + means[0]) @ slope / 2
    bayes = np.concatenate([[intercept], slope])
    assert np.allclose(theta, bayes, rtol=1e-10, atol=1e-11)
    assume(abs(intercept) > 1e-3)
    assert not np.allclose(theta, np.concatenate([[-intercept], slope]), rtol=1e-10, atol=1e-11)


@given(seeds, st.floats(-3, 3))
def test_class_masses_shift_only_the_intercept_by_their_log_ratio(seed, log_ratio):
    rng = np.random.default_rng(seed)
    means, cov = rng.normal(size=(2, 2)), _spd(rng)[0]
    laws = [GaussianGroup(means[y], cov, y).law for y in (0, 1)]
    even = minimiser(mix([0.5, 0.5], laws))
    share = 1 / (1 + np.exp(-log_ratio))
    tilted = minimiser(mix([1 - share, share], laws))
    assert np.allclose(tilted - even, [log_ratio, 0.0, 0.0], rtol=1e-9, atol=1e-10)


@given(seeds)
def test_risk_and_optimum_are_affinely_equivariant(seed):
    # x -> M x + c with scores that undo it: w -> M^-T w, b -> b - c' M^-T w
    rng = np.random.default_rng(seed)
    _, law = _two_classes(rng, components=2)
    matrix, shift = rng.normal(size=(2, 2)) + 2 * np.eye(2), rng.normal(size=2)
    assume(np.linalg.cond(matrix) < 20)
    moved = law._replace(
        means=law.means @ matrix.T + jnp.asarray(shift)[None], covs=matrix @ law.covs @ matrix.T
    )

    def transported(theta):
        slope = np.linalg.solve(matrix.T, np.asarray(theta[1:]))
        return jnp.asarray(np.concatenate([[theta[0] - shift @ slope], slope]))

    theta = jnp.asarray(rng.normal(size=3))
    assert np.isclose(_forms(theta, law)[0], _forms(transported(theta), moved)[0], rtol=1e-11)
    best = minimiser(law)
    assert np.allclose(minimiser(moved), transported(best), rtol=1e-8, atol=1e-9)
    assert not np.isclose(_forms(theta, law)[0], _forms(theta, moved)[0], rtol=1e-11)


@given(seeds)
def test_swapping_labels_negates_the_optimum(seed):
    rng = np.random.default_rng(seed)
    _, law = _two_classes(rng, components=2)
    swapped = law._replace(signs=-law.signs)
    theta = jnp.asarray(rng.normal(size=3))
    assert np.isclose(_forms(theta, law)[0], _forms(-theta, swapped)[0], rtol=1e-13)
    assert np.allclose(minimiser(swapped), -minimiser(law), rtol=1e-9, atol=1e-10)


@given(seeds)
def test_the_order_of_groups_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    groups, law = _two_classes(rng, components=2)
    other = balanced_law(groups[::-1])
    theta = jnp.asarray(rng.normal(size=3))
    for ours, theirs in zip(_forms(theta, law), _forms(theta, other), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    assert np.allclose(minimiser(law), minimiser(other), rtol=1e-9, atol=1e-10)


@given(seeds, st.floats(0.05, 0.95))
def test_splitting_a_component_in_two_changes_nothing(seed, share):
    rng = np.random.default_rng(seed)
    _, law = _two_classes(rng)
    doubled = mix([share, 1 - share], [law, law])
    theta = jnp.asarray(rng.normal(size=3))
    for ours, theirs in zip(_forms(theta, law), _forms(theta, doubled), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    wrong = mix([share, 1.001 - share], [law, law])
    assert not np.isclose(_forms(theta, law)[0], _forms(theta, wrong)[0], rtol=1e-12)


@given(seeds)
def test_the_optimum_is_stationary_and_no_step_improves_it(seed):
    rng = np.random.default_rng(seed)
    _, law = _two_classes(rng, components=2)
    theta = minimiser(law)
    value, slope, _, curvature = _forms(theta, law)
    assert np.max(np.abs(slope)) < 1e-13 * (1 + np.max(np.abs(law.means)))
    step = jnp.asarray(rng.normal(size=3) * 0.1)
    ahead = float(_forms(theta + step, law)[0] - value)
    assert ahead > 0
    assert np.all(np.linalg.eigvalsh(curvature) > 0)


def test_newton_descends_to_the_optimum_of_groups_that_hardly_overlap():
    rng = np.random.default_rng(11)
    count = 60
    side = np.array([-1.0, -1.0, 1.0, 1.0])[:, None]
    means = rng.normal(size=(count, 4, 2)) + rng.uniform(0.0, 4.0, (count, 1, 1)) * side
    roots = rng.normal(size=(count, 4, 2, 2)) * 0.5
    unit = 10 ** rng.uniform(-4, 4, (count, 1, 1))  # of the features
    covs = roots @ np.swapaxes(roots, 2, 3) + 0.02 * np.eye(2)
    weights = rng.dirichlet(np.full(4, 2.0), count)
    signs = np.broadcast_to(side[:, 0], (count, 4))
    laws = Law(*map(jnp.asarray, (weights, unit * means, unit[..., None] ** 2 * covs, signs)))
    found = quick_jit(jax.vmap(minimise))(laws)
    assert bool(jnp.all(found.converged))

    @quick_jit
    @jax.vmap
    def around(theta, law, length):
        """Slopes per standard unit, and how much a step along each axis loses."""
        units = jnp.stack([1.0, 1.0 / length, 1.0 / length])
        steps = jnp.concatenate([jnp.zeros((1, 3)), 0.1 * jnp.diag(units)])
        values = jax.vmap(lambda step: risk(theta + step, law))(steps)
        return gradient(theta, law) * units, values[1:] - values[0]

    slopes, losses = around(found.theta, laws, jnp.asarray(unit[:, 0, 0]))
    # Newton ends at a relative step of 1e-14; the slope is that times a curvature of order one
    assert float(jnp.max(jnp.abs(slopes))) < 1e-11
    assert float(jnp.min(losses)) > 0


@given(seeds)
def test_the_squared_loss_optimum_solves_the_normal_equations(seed):
    rng = np.random.default_rng(seed)
    groups, law = _two_classes(rng, components=2)
    gram, right = np.zeros((3, 3)), np.zeros(3)
    for group in groups:
        mean, cov = group.overall_mean_cov()
        xbar = np.concatenate([[1.0], mean])
        gram += (np.outer(xbar, xbar) + np.pad(cov, ((1, 0), (1, 0)))) / 2
        right += group.sign * xbar / 2
    assert np.allclose(minimiser(law, SQUARED), np.linalg.solve(gram, right), rtol=1e-9, atol=1e-11)


def test_the_optimum_maps_over_laws_and_differentiates_through_newton():
    rng = np.random.default_rng(8)
    _, law = _two_classes(rng)

    def best(shift):
        return minimise(law._replace(means=law.means + shift * law.signs[:, None])).theta

    steps = jnp.array([-1e-4, 0.0, 1e-4])
    mapped = jax.jit(jax.vmap(best))(steps)
    assert np.allclose(mapped[1], minimiser(law), rtol=1e-10)
    # central difference: error h^2 of third derivatives of order one
    numeric = (mapped[2] - mapped[0]) / 2e-4
    exact = jax.jit(jax.jacfwd(best))(0.0)
    assert np.allclose(exact, numeric, rtol=1e-6, atol=1e-6)
    assert not np.allclose(1.01 * exact, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("labels", [(0, 0), (1, 1)])
def test_one_label_alone_has_no_finite_optimum(labels):
    law = mix([0.5, 0.5], [GaussianGroup([y, 0.0], np.eye(2), labels[y]).law for y in (0, 1)])
    with pytest.raises(ValueError, match="^law: .*no finite minimiser.*both labels"):
        minimiser(law)


def test_separated_point_masses_have_no_finite_optimum():
    groups = [GaussianGroup([float(y), 0.0], np.zeros((2, 2)), y) for y in (0, 1)]
    with pytest.raises(ValueError, match="^law: .*no finite minimiser.*feature 1 .*same value"):
        minimiser(balanced_law(groups))
    single = [GaussianGroup([float(y)], np.zeros((1, 1)), y) for y in (0, 1)]
    with pytest.raises(ValueError, match="^law: .*no finite minimiser.*separates them"):
        minimiser(balanced_law(single))


def test_a_score_of_the_wrong_length_is_named():
    law = GaussianGroup([0.0, 1.0], np.eye(2), 1).law
    for form in (risk, gradient, hessian, error_rate):
        with pytest.raises(ValueError, match=r"^theta: got shape \(2,\), expected \(3,\)"):
            form(jnp.zeros(2), law)


def test_without_float64_the_closed_forms_refuse_and_say_how_to_turn_it_on():
    group = GaussianGroup([0.0, 1.0], np.eye(2), 1)
    law = group.law
    with jax.enable_x64(False):
        for call in (lambda: group.law, lambda: risk(jnp.zeros(3), law)):
            with pytest.raises(RuntimeError, match="jax_enable_x64"):
                call()
