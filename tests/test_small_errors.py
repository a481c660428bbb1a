"""Constants, signs and counts that a wrong one of would hide, each against code of its own.

A factor of a term that is small on the settings of `verify` (or zero on symmetric ones) can be
wrong without any check noticing. Here every term is large, and the other side is NumPy, SciPy or
sympy: quadrature of a polynomial, numerical derivatives, brute force.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import sympy as sp

from synthetic_oversampling.simulate.checks.check import Observation, Planned, judge, make_plan
from synthetic_oversampling.simulate.replicates.monte_carlo import estimate, run
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.samplers import sample_synthetic
from synthetic_oversampling.theory.generators.table import (
    GaussianPlugin,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.in_context.token_capacity import layer_contraction
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rate, risk
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.prediction.benefit import break_even_scale, reference_design
from synthetic_oversampling.theory.prediction.bias import population
from synthetic_oversampling.theory.prediction.efficiency import (
    classes_at,
    expected_losses,
    label_noise,
)
from synthetic_oversampling.theory.prediction.excess_risk import expand, predict
from synthetic_oversampling.theory.prediction.influence import second_order_risk
from synthetic_oversampling.theory.scaling.sequence_limits import classification_excess
from synthetic_oversampling.theory.scaling.sequence_model import Signal

KEY = jax.random.key(12)


def _grid(cov, count):
    """Nodes ``[m, p]`` and weights of ``N(0, cov)``: exact for polynomials below ``2 count``."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    points = np.array(list(itertools.product(nodes, repeat=len(cov))))
    mass = np.prod(list(itertools.product(weights / weights.sum(), repeat=len(cov))), axis=1)
    return points @ np.linalg.cholesky(cov).T, mass


@pytest.mark.parametrize("seed", range(5))
def test_an_expansion_has_the_mean_and_spread_of_its_quadratic(seed):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((3, 3))
    cov, bias, slope = root @ root.T, rng.standard_normal(3), rng.standard_normal((2, 3))
    curvature = rng.standard_normal((2, 3, 3))
    curvature = curvature + np.swapaxes(curvature, 1, 2)
    x, mass = _grid(cov, 4)
    values = x @ slope.T + np.einsum("ni,fij,nj->nf", x, curvature, x) / 2
    mean = mass @ values
    got = expand(np.array([0.3, -0.2]), slope, curvature, bias, cov)
    np.testing.assert_allclose(got.variance, mean, rtol=1e-12)
    np.testing.assert_allclose(got.std, np.sqrt(mass @ (values - mean) ** 2), rtol=1e-12)
    np.testing.assert_allclose(got.cox_snell, slope @ bias, rtol=1e-12)
    np.testing.assert_allclose(got.total, [0.3, -0.2] + mean + slope @ bias, rtol=1e-12)
    one = expand(0.0, slope[0], 0 * curvature[0], bias, cov)
    assert float(one.std) == pytest.approx(math.sqrt(slope[0] @ cov @ slope[0]), rel=1e-12)


# A fitted Gaussian on a skewed mixture: Cov(mean, variance) = mu_3 / n, Var(variance) from mu_4.
SKEWED = GaussianGroup(
    [[0.0, 1.0], [2.5, -0.5]],
    [[[0.5, 0.1], [0.1, 0.7]], [[1.2, -0.3], [-0.3, 0.4]]],
    1,
    weights=[0.8, 0.2],
)
PLAIN = GaussianGroup([-0.5, 0.2], [[1.0, 0.2], [0.2, 0.6]], 0)
THETA = np.array([0.2, 0.9, -0.4])


def _score_moments(group):
    """Mean and central moments 2, 3, 4 of ``b + w . x`` by integrals of its density."""
    slope = THETA[1:]
    means = THETA[0] + group.mean @ slope
    stds = np.sqrt(np.einsum("i,kij,j->k", slope, group.cov, slope))

    def integral(function):
        def integrand(t):
            return function(t) * (group.weights @ scipy.stats.norm.pdf(t, means, stds))

        ends = means.min() - 12 * stds.max(), means.max() + 12 * stds.max()
        return scipy.integrate.quad(integrand, *ends, epsabs=1e-13, limit=200)[0]

    mean = integral(lambda t: t)
    return mean, [integral(lambda t, j=j: (t - mean) ** j) for j in (2, 3, 4)]


def _expected_loss(mean, var, sign):
    def integrand(z):
        return np.logaddexp(0, -sign * (mean + math.sqrt(var) * z)) * scipy.stats.norm.pdf(z)

    return scipy.integrate.quad(integrand, -12, 12, epsabs=1e-14, limit=200)[0]


def _second_differences(function, mean, var, step=0.02):
    """Hessian in (mean, var), of fourth order in the step (Richardson)."""

    def at(h):
        def f(i, j):
            return function(mean + i * h, var + j * h)

        return np.array(
            [
                (f(1, 0) - 2 * f(0, 0) + f(-1, 0)) / h**2,
                (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 * h**2),
                (f(0, 1) - 2 * f(0, 0) + f(0, -1)) / h**2,
            ]
        )

    return (4 * at(step) - at(2 * step)) / 3


@pytest.mark.parametrize("covariance", ["known", "group", "pooled"])
def test_a_gaussian_fitted_to_a_skewed_mixture_has_the_bias_of_its_estimates(covariance):
    groups, sizes = (PLAIN, SKEWED), (400, 100)
    design = Design(sizes, np.inf, 1.0)
    pieces = population(groups, design, GaussianPlugin(covariance))
    args = (pieces.real, pieces.synthetic, pieces.masses, pieces.masses.families, LOGISTIC)
    ours = float(second_order_risk(jnp.asarray(THETA), *args))
    moments = [_score_moments(group) for group in groups]
    total = sum(sizes)
    pooled = sum(n * m[1][0] for n, m in zip(sizes, moments, strict=True)) / total
    expected, symmetric = 0.0, 0.0
    for group, n, (mean, (second, third, fourth)) in zip(groups, sizes, moments, strict=True):
        cov = pooled if covariance == "pooled" else second
        bend = _second_differences(lambda m, v, s=group.sign: _expected_loss(m, v, s), mean, cov)
        spread = [second / n, third / n, (fourth - second**2) / n]
        if covariance == "known":
            spread[1:] = 0.0, 0.0
        if covariance == "pooled":
            fourths = [m[1][2] - m[1][0] ** 2 for m in moments]
            spread[1] = third / total
            spread[2] = float(np.dot(sizes, fourths)) / total**2
        expected += (bend @ (spread * np.array([1, 2, 1]))) / 2 / 2  # two groups, each by half
        symmetric += bend[1] * spread[1] / 2
    assert ours == pytest.approx(expected, rel=1e-5)
    if covariance != "known":
        assert abs(symmetric) > 0.03 * abs(expected)  # the skewness is felt


@pytest.mark.parametrize("seed", range(4))
def test_the_classification_excess_is_the_mean_of_its_second_order_polynomial(seed):
    rng = np.random.default_rng(seed)
    signal = Signal(float(rng.uniform(0.5, 1.5)), float(rng.uniform(0.3, 1.2)))
    weights, bias = rng.uniform(0.3, 1.1, 3), 0.3 * rng.standard_normal(3)
    level = float(rng.uniform(0.05, 0.4))
    leakage, part, length = sp.symbols("L U Delta", positive=True)
    normal = (1 + sp.erf(-length / sp.sqrt(1 + leakage / part**2) / sp.sqrt(2))) / 2
    at = {leakage: 0, part: length}
    distance = signal.distance
    first, second, mixed = (
        float(sp.diff(normal, *arguments).subs(at).subs(length, distance))
        for arguments in ((leakage,), (leakage, 2), (leakage, part))
    )
    theta = signal.coordinates(3)
    x, mass = _grid(level * np.eye(3), 4)
    estimate = weights * (theta + bias + x)
    along = estimate @ theta / distance
    aside = (estimate**2).sum(axis=1) - along**2
    lead, following = classification_excess(signal, weights, level, bias)
    assert lead == pytest.approx(first * (mass @ aside), rel=1e-10)
    order = mass @ (second * aside**2 / 2 + mixed * aside * (along - distance))
    # the noise along theta enters L / U^2 to second order too: E L (U - Delta)^2 is of third
    third = float(sp.diff(normal, leakage, (part, 2)).subs(at).subs(length, distance)) / 2
    sideways = float((theta / distance) ** 2 @ (weights**2 * level))
    offset = float((weights * (theta + bias)) @ theta) / distance - distance
    order += third * (mass @ aside) * (sideways + offset**2)
    assert following == pytest.approx(order, rel=1e-9)


@pytest.mark.parametrize(("generator", "reference"), [(Shifted((0.32, 0.1)), "smote")])
def test_the_break_even_scale_is_measured_from_a_reference_with_a_bias_of_its_own(
    generator, reference
):
    groups = [GaussianGroup([0.0, 0.0], np.eye(2), 0), GaussianGroup([1.5, 0.5], np.eye(2), 1)]

    def gap(times):
        sizes = round(9000 * times), round(900 * times)
        total = predict(groups, Design(sizes, sizes[0], 0.5), generator).total
        return float(predict(groups, *reference_design(reference, sizes)).total - total)

    design = Design((9000, 900), 9000, 0.5)
    factor = break_even_scale(groups, design, generator, reference)
    assert 0.05 < factor < 20
    assert gap(0.98 * factor) > 0 > gap(1.02 * factor)
    bias = [
        float(predict(groups, *arguments).excess.bias)
        for arguments in ((design, generator), reference_design(reference, design.sizes))
    ]
    assert 0.1 < bias[1] / bias[0] < 1.0  # the reference's counts, and is the smaller
    # one that is as biased as the design's generator or more is beaten at every size
    assert break_even_scale(groups, design, Scaled(0.95), "raw") == math.inf
    assert break_even_scale(groups, design, Oracle(), "raw") == math.inf


@pytest.mark.parametrize("factor", [0.2, 0.4, 1.0, 4.0])
def test_a_layer_contracts_by_the_spectral_radius_of_its_map(factor):
    rng = np.random.default_rng(3)
    embeddings, natural = rng.standard_normal((7, 3)), 0.4 * rng.standard_normal(3)
    preconditioner = factor * np.diag([1.0, 0.8, 1.3]) + 0.1 * factor
    weight = np.exp(embeddings @ natural)
    fisher = np.cov(embeddings.T, aweights=weight / weight.sum(), bias=True)
    radius = np.max(np.abs(np.linalg.eigvals(np.eye(3) - preconditioner @ fisher)))
    arguments = (jnp.asarray(value) for value in (natural, embeddings, preconditioner))
    assert float(layer_contraction(*arguments)) == pytest.approx(radius, rel=1e-10)
    assert (radius > 1) == (factor > 0.5)  # too large a step does not contract


def test_a_standard_error_is_that_of_a_sample():
    def statistics(key):
        both = jax.random.normal(key, (2,))
        return {"one": both[0], "both": both}

    for count in (2, 3, 7):
        result = run(statistics, key=KEY, replicates=count, block=8, keep=True)
        table = np.concatenate(result.kept["both"])
        mean, std_error, n = estimate(result, "both")
        assert table.shape == (count, 2) and n == count
        np.testing.assert_allclose(mean, table.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(std_error, scipy.stats.sem(table), rtol=1e-12)
        one = estimate(result, "one")
        assert one.n == count
        assert one.std_error == pytest.approx(scipy.stats.sem(table[:, 0]), rel=1e-12)


@pytest.mark.parametrize(("dim", "n"), [(1, 4), (2, 5), (4, 7)])
def test_predictive_draws_have_the_tails_of_n_minus_d_degrees(dim, n):
    """Three degrees of freedom: the radius against its F law, and not that of n - 1 degrees."""
    seeds = np.random.default_rng(dim).standard_normal((n, dim)) @ np.diag(1.0 + np.arange(dim))
    group = GaussianGroup(np.zeros(dim), np.eye(dim), 1)
    x, _ = sample_synthetic(Predictive(), 0, [group], [jnp.asarray(seeds)], 20_000, key=KEY)
    shift = np.asarray(x) - seeds.mean(axis=0)
    scatter = np.atleast_2d(np.cov(seeds.T)) * (n - 1)
    radius = np.einsum("ni,ij,nj->n", shift, np.linalg.inv(scatter), shift)

    def fits(degrees):
        law = scipy.stats.f(dim, degrees, scale=dim * (1 + 1 / n) / degrees)
        return scipy.stats.kstest(radius, law.cdf).pvalue

    assert fits(n - dim) > 1e-4
    assert dim == 1 or fits(n - 1) < 1e-10


@pytest.mark.parametrize("generator", [Smote(), Smote(1), Smote(2), Smote(3)], ids=str)
def test_smote_pairs_every_seed_with_others_alone(generator):
    """In general position the two seeds of a draw are those on whose segment it lies."""
    seeds = np.random.default_rng(1).standard_normal((4, 3))
    group = GaussianGroup(np.zeros(3), np.eye(3), 1)
    x, _ = sample_synthetic(generator, 0, [group], [jnp.asarray(seeds)], 3000, key=KEY)
    # barycentric coordinates of the four seeds
    system = np.vstack([seeds.T, np.ones(4)])
    share = np.linalg.solve(system, np.vstack([np.asarray(x).T, np.ones(len(x))]))
    used = np.abs(share) > 1e-9
    assert np.all(used.sum(axis=0) == 2) and np.all(share > -1e-9)
    distance = ((seeds[:, None] - seeds[None]) ** 2).sum(axis=2) + np.diag(np.full(4, np.inf))
    count = generator.neighbours or 3
    near = np.argsort(distance, axis=1)[:, :count]
    allowed = {frozenset((i, int(j))) for i in range(4) for j in near[i]}
    seen = {frozenset(np.flatnonzero(column).tolist()) for column in used.T}
    assert seen == allowed


@pytest.mark.parametrize("labels", ["fixed", "random"])
def test_expected_losses_are_the_mean_losses_of_an_estimate_around_the_bayes_rule(labels):
    """Themselves, not only their ratios, in which a common factor would cancel."""
    groups, total = classes_at(1.6, 1), 200_000
    prediction = predict(groups, Design.raw((total // 2, total // 2)), Oracle())
    cov = np.asarray(prediction.cov) + (label_noise(2, total) if labels == "random" else 0)
    x, mass = _grid(cov, 4)
    at = jnp.asarray(np.asarray(prediction.theta_star) + x)

    def excess(function):
        values = [np.asarray(jax.vmap(lambda t, g=g: function(t, g))(at)) for g in groups]
        least = [float(function(prediction.theta_star, g)) for g in groups]
        return mass @ np.mean(values, axis=0) - np.mean(least)

    found = expected_losses(prediction, groups, total, labels)
    assert found["risk"] == pytest.approx(excess(risk), rel=1e-3)
    assert found["error"] == pytest.approx(excess(error_rate), rel=1e-3)


@pytest.mark.parametrize("stage", [1, 2])
def test_a_skewed_bound_is_left_open_as_often_as_the_plan_says(stage):
    """Simulated means of exponential replicates, whose true mean is the discrepancy below."""
    n, gap = 500 * stage**2, {1: 0.235, 2: 0.12}[stage]
    check = Planned(
        id="R1.x.c.d",
        claim="",
        kind="bound",
        experiments=("c/d",),
        statistic=("x", None),
        theory=1.0 + gap,
        std=1.0,
        discrepancy=gap,
        skewness=2.0,
        source="simulated and scored independently",
    )
    plan = make_plan([check])
    level = (plan.z, plan.z_second)[stage - 1]
    sample = np.random.default_rng(stage).exponential(size=(2000, n))
    errors = sample.std(axis=1, ddof=1) / math.sqrt(n)
    seen = zip(sample.mean(axis=1), errors, strict=True)
    open_ = np.mean(
        [
            judge(check, Observation(mean=m, std_error=e, n=n, skewness=2.0), level).open
            for m, e in seen
        ]
    )
    told = plan.indecision(check, n // (1, 4)[stage - 1], stage)
    assert 0.1 < told < 0.9 and abs(open_ - told) < 0.05


def test_rows_of_a_mixture_in_a_data_set_have_its_law():
    """Which component a row is of tells nothing of its noise, real or synthetic."""
    spread = np.array([[[0.5, 0.1], [0.1, 1.0]], [[1.4, 0.0], [0.0, 0.3]]])
    mixed = GaussianGroup([[-1.5, 0.0], [1.0, 2.0]], spread, 1, weights=[0.35, 0.65])
    plain = GaussianGroup([0.3, 0.0], np.eye(2), 0)
    data = draw_dataset([plain, mixed], Design((3000, 2500), 2000, 0.5), Oracle(), key=KEY)
    rows = np.asarray(data.x)[np.asarray(data.group) == 1]
    assert len(rows) == 5000

    def law(t, axis):
        parts = scipy.stats.norm.cdf(t[:, None], mixed.mean[:, axis], spread[:, axis, axis] ** 0.5)
        return parts @ mixed.weights

    for part in (rows[:2500], rows[2500:]):  # the seeds, then what levels them and what is added
        for axis in (0, 1):
            fit = scipy.stats.kstest(part[:, axis], law, args=(axis,))
            assert fit.pvalue > 1e-4, (axis, fit)
    assert abs(scipy.stats.spearmanr(rows[:2500, 0], rows[2500:, 0]).statistic) < 0.1


def test_a_mixture_without_weights_has_equal_ones():
    means = [[0.0, 1.0], [2.0, 0.0], [-1.0, 0.5]]
    group = GaussianGroup(means, np.eye(2), 1)
    np.testing.assert_allclose(group.weights, [1 / 3] * 3, rtol=1e-15)
    single = [float(risk(THETA, GaussianGroup(mean, np.eye(2), 1))) for mean in means]
    assert float(risk(THETA, group)) == pytest.approx(np.mean(single), rel=1e-12)
