"""What seeds do to the gradient: influence functions and curvature, by routes of their own.

A seed's contribution is rebuilt from finite differences of exact mean scores in the fitted mean
and covariance, or from the conditional expectation of an interpolated sample, and integrated over
the plane by a product of Gauss-Hermite rules.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.expectations import expectation
from synthetic_oversampling.theory.population.groups import score_mean
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.population.moments import moments
from synthetic_oversampling.theory.prediction.bias import population
from synthetic_oversampling.theory.prediction.influence import (
    gradient_cov,
    second_order_risk,
    seed_noise,
)

COVS = np.array([[[1.0, 0.3], [0.3, 0.8]], [[0.6, -0.2], [-0.2, 1.1]]])
MEANS = np.array([[0.0, 0.2], [1.0, -0.5]])
GROUPS = [GaussianGroup(MEANS[y], COVS[y], y) for y in (0, 1)]
SIZES = np.array([600, 90])
DESIGN = Design(tuple(SIZES.tolist()), np.inf, 0.6)  # infinitely many: oversampling noise only
THETA = jnp.array([-0.3, 0.9, -0.6])


def _cov(generator):
    """Seed part of the gradient's covariance: without the synthetic samples' own noise."""
    pieces = population(GROUPS, DESIGN, generator)
    masses = pieces.masses._replace(noise=jnp.zeros(2))
    families = pieces.masses.families
    return np.asarray(_gradient_cov(THETA, pieces.real, pieces.synthetic, masses, families))


def _gradient_cov_of(theta, real, synthetic, masses, families):
    both = [moments(theta, law, LOGISTIC).score_cov for law in (real, synthetic)]
    seeds = seed_noise(theta, real, synthetic, masses, families, LOGISTIC) if families else 0.0
    return gradient_cov(jnp.concatenate(both), masses, families, seeds)


_gradient_cov = jax.jit(_gradient_cov_of, static_argnums=4)


def _plane(group, count):
    """Points ``[m, 2]`` of a Gaussian group and their probabilities."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    z = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    return group.mean[0] + z @ np.linalg.cholesky(group.cov[0]).T, np.outer(
        weights, weights
    ).ravel()


def _score(x, sign):
    xbar = np.concatenate([np.ones((*x.shape[:-1], 1)), x], axis=-1)
    return (-sign * expit(-sign * (xbar @ np.asarray(THETA))))[..., None] * xbar


def _covariance(values, mass):
    centred = values - mass @ values
    return (mass[:, None] * centred).T @ centred


@jax.jit
@jax.vmap
def _mean_scores(means, covs):
    """Weighted sum over groups of the mean scores of fitted Gaussians: ``[p]``."""
    total = 0.0
    for g, sign in enumerate((-1.0, 1.0)):
        law = Law(jnp.ones(1), means[g][None], covs[g][None], jnp.full(1, sign))
        total = total + DESIGN.synthetic_weights[g] / 2 * score_mean(THETA, law)
    return total


def _fitted_contribution(g, x, kind):
    """Directional derivative of the mean scores along one seed's influence, by differences."""
    move = x - MEANS[g]
    spread = move[:, :, None] * move[:, None, :] - COVS[g]
    base = COVS if kind != "pooled" else np.stack([SIZES @ COVS.reshape(2, -1) / SIZES.sum()] * 2)
    base = base.reshape(2, 2, 2)
    mean_move, cov_move = np.zeros((len(x), 2, 2)), np.zeros((len(x), 2, 2, 2))
    mean_move[:, g] = move
    if kind == "group":
        cov_move[:, g] = spread
    if kind == "pooled":
        cov_move[:] = (SIZES[g] / SIZES.sum() * spread)[:, None]
    step = 1e-4  # central differences: errors of 1e-8 times moves cubed, and 1e-12 by rounding
    up, down = (
        np.asarray(_mean_scores(MEANS + s * mean_move, base + s * cov_move)) for s in (step, -step)
    )
    return (up - down) / (2 * step)


@pytest.mark.parametrize(
    ("generator", "kind"),
    [
        (GaussianPlugin("known"), "known"),
        (GaussianPlugin("group"), "group"),
        (GaussianPlugin("pooled"), "pooled"),
        (Predictive("group"), "group"),
        (Predictive("known"), "known"),
    ],
    ids=str,
)
def test_fitted_gaussians_move_the_gradient_as_finite_differences_do(generator, kind):
    total, dropped = 0.0, 0.0
    for g, group in enumerate(GROUPS):
        x, mass = _plane(group, 32)
        score = DESIGN.real_mass[g] * _score(x, group.sign)
        moved = _fitted_contribution(g, x, kind)
        total = total + _covariance(score + moved, mass) / SIZES[g]
        dropped = dropped + (_covariance(score, mass) + _covariance(moved, mass)) / SIZES[g]
    size = np.sqrt(np.outer(np.diag(total), np.diag(total)))
    ours = _cov(generator)
    assert np.max(np.abs(ours - total) / size) < 1e-5
    # real samples and synthetic ones share their seeds: without the cross term it fails
    assert np.max(np.abs(ours - dropped) / size) > 1e-2


def test_a_mixture_that_draws_nothing_still_moves_the_pool_about_its_own_mean():
    groups = [GaussianGroup(np.array([[-1.2, 0.4], [0.8, 0.1]]), COVS, 0, weights=[0.3, 0.7])]
    groups.append(GROUPS[1])
    pieces = population(groups, DESIGN, (Oracle(), GaussianPlugin("pooled")))
    masses = pieces.masses._replace(noise=jnp.zeros(2))
    ours = _gradient_cov(THETA, pieces.real, pieces.synthetic, masses, pieces.masses.families)

    overall = [group.overall_mean_cov() for group in groups]
    share = SIZES / SIZES.sum()
    pooled = share[0] * overall[0][1] + share[1] * overall[1][1]
    law = Law(jnp.ones(1), jnp.asarray(MEANS[1])[None], jnp.asarray(pooled)[None], jnp.ones(1))

    def drawn(move, spread):
        moved = law._replace(means=law.means + move[None], covs=law.covs + spread[None])
        return DESIGN.synthetic_weights[1] / 2 * score_mean(THETA, moved)

    pull = quick_jit(jax.vmap(lambda a, b: jax.jvp(drawn, (0 * a, 0 * b), (a, b))[1]))

    total = 0.0
    for g, group in enumerate(groups):
        parts = zip(group.mean, group.cov, strict=True)
        planes = [_plane(GaussianGroup(*part, group.label), 32) for part in parts]
        x = np.concatenate([plane[0] for plane in planes])
        mass = np.outer(group.weights, planes[0][1]).ravel()
        move = x - overall[g][0]
        spread = share[g] * (move[:, :, None] * move[:, None, :] - overall[g][1])
        value = DESIGN.real_mass[g] * _score(x, group.sign) + pull(float(g) * move, spread)
        total = total + _covariance(np.asarray(value), mass) / SIZES[g]
    size = np.sqrt(np.outer(np.diag(total), np.diag(total)))
    assert np.max(np.abs(np.asarray(ours) - total) / size) < 1e-5


def test_interpolation_moves_the_gradient_by_its_hajek_projection():
    nodes, weights = np.polynomial.legendre.leggauss(12)
    interpolation = list(zip((nodes + 1) / 2, weights / 2, strict=True))
    total, once = 0.0, 0.0
    for g, group in enumerate(GROUPS):
        x, mass = _plane(group, 24)
        partner, share = _plane(group, 16)
        projected = 0.0
        for u, weight in interpolation:
            drawn = (1 - u) * x[:, None] + u * partner[None]
            projected = projected + weight * np.einsum(
                "n,mnp->mp", share, _score(drawn, group.sign)
            )
        score = DESIGN.real_mass[g] * _score(x, group.sign)
        synthetic = DESIGN.synthetic_weights[g] / 2 * projected
        total = total + _covariance(score + 2 * synthetic, mass) / SIZES[g]
        once = once + _covariance(score + synthetic, mass) / SIZES[g]
    size = np.sqrt(np.outer(np.diag(total), np.diag(total)))
    ours = _cov(Smote())
    assert np.max(np.abs(ours - total) / size) < 1e-6
    assert np.max(np.abs(ours - once) / size) > 0.1  # the factor 2 of a pair's two seeds


def test_duplicates_act_as_their_seeds_and_fixed_generators_not_at_all():
    duplicate, fixed = 0.0, 0.0
    for g, group in enumerate(GROUPS):
        x, mass = _plane(group, 32)
        cov = _covariance(_score(x, group.sign), mass) / SIZES[g]
        duplicate, fixed = duplicate + cov / 4, fixed + DESIGN.real_mass[g] ** 2 * cov
    assert np.allclose(_cov(Duplicate()), duplicate, rtol=1e-6, atol=1e-10)
    for generator in (Oracle(), Mislabelled(0.2)):
        assert np.allclose(_cov(generator), fixed, rtol=1e-6, atol=1e-10)
    assert not np.allclose(duplicate, fixed, rtol=1e-2)


# The second order, in one dimension: exact expectations over the fitted mean and variance.
LINE = [GaussianGroup([0.0], [[0.7]], 0), GaussianGroup([1.2], [[0.7]], 1)]
LINE_THETA = jnp.array([-0.4, 1.1])


def _scaled_chi(dof):
    """Nodes and weights of ``chi2_dof / dof`` by the trapezoidal rule (analytic and decaying)."""
    steps = np.linspace(-8, 8, 81)
    value = dof + np.sqrt(2 * dof) * steps
    weight = chi2.pdf(value, dof)
    return value / dof, weight / weight.sum()


@jax.jit
def _losses(mean, var):
    return expectation(LOGISTIC.value, mean, var)


def _expected_excess(kind, sizes):
    """Mass-weighted expected risk of the fitted laws minus that of the population's."""
    design = Design(sizes, np.inf, 1.0)
    z, z_weight = np.polynomial.hermite_e.hermegauss(12)
    z_weight = z_weight / z_weight.sum()
    total = 0.0
    for group, n, weight in zip(LINE, sizes, design.synthetic_weights, strict=True):
        slope, var = float(LINE_THETA[1]), group.cov[0, 0, 0]
        centre = float(LINE_THETA[0]) + slope * group.mean[0, 0]
        stretch, stretch_weight = np.ones(1), np.ones(1)
        dof = {"group": n - 1, "pooled": sum(sizes) - 2, "predictive": n - 1}.get(kind)
        if dof:
            stretch, stretch_weight = _scaled_chi(dof)
        if kind in ("known predictive", "predictive"):
            stretch = stretch * (1 + 1 / n)
        if kind == "predictive":  # Student-t with n - 1 degrees of freedom: a variance mixture
            mixing, mixing_weight = _scaled_chi(n - 1)
            stretch = (stretch[:, None] / mixing).ravel()
            stretch_weight = np.outer(stretch_weight, mixing_weight).ravel()
        margin = group.sign * (centre + slope * np.sqrt(var / n) * z)
        grid = np.broadcast_arrays(margin[:, None], slope**2 * var * stretch)
        losses = np.asarray(_losses(*(jnp.asarray(part) for part in grid)))
        at_limit = float(_losses(jnp.asarray(group.sign * centre), jnp.asarray(slope**2 * var)))
        total += weight / 2 * (z_weight @ losses @ stretch_weight - at_limit)
    return total


@pytest.mark.parametrize(
    ("generator", "kind"),
    [
        (GaussianPlugin("known"), "known"),
        (GaussianPlugin("group"), "group"),
        (GaussianPlugin("pooled"), "pooled"),
        (Predictive("known"), "known predictive"),
        (Predictive("group"), "predictive"),
    ],
    ids=str,
)
def test_the_second_order_risk_is_the_limit_of_exact_expectations(generator, kind):
    sizes = (8000, 2000)
    pieces = population(LINE, Design(sizes, np.inf, 1.0), generator)
    ours = float(_second_order(LINE_THETA, pieces.real, pieces.synthetic, pieces.masses))
    exact = _expected_excess(kind, sizes)
    assert ours != 0.0
    # the remainder is O(1/n) of it: 1/2000 times a constant of order 10
    assert abs(exact / ours - 1) < 10 / min(sizes)
    assert not abs(exact / (1.02 * ours) - 1) < 10 / min(sizes)


@jax.jit
def _second_order(theta, real, synthetic, masses):
    return second_order_risk(theta, real, synthetic, masses, ("gaussian",), LOGISTIC)


def test_generators_unbiased_at_every_size_have_no_second_order_risk():
    for generator in (Oracle(), Duplicate(), Smote()):
        pieces = population(LINE, Design((50, 20), 10, 0.5), generator)
        args = (pieces.real, pieces.synthetic, pieces.masses, pieces.masses.families)
        assert float(second_order_risk(LINE_THETA, *args, LOGISTIC)) == 0.0
