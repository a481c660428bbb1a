"""R6 and T4: bounds that hold at any bias, against the refuted one and against SciPy."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize

from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.bounds import (
    bound_checks,
    close_population,
    random_population,
)
from synthetic_oversampling.theory.generators.table import Mislabelled, Oracle, Scaled, Shifted
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.prediction import bounds
from synthetic_oversampling.theory.prediction.excess_risk import predict

LINE = (GaussianGroup([0.4], [[0.8]], 1), GaussianGroup([-1.1], [[1.7]], 0))


def _old(theta) -> float:
    """(|b|^2 + tr V) / (2 lambda_min(H)), which was claimed once."""
    least = np.linalg.eigvalsh(theta.hessian)[0]
    square = theta.bias_gradient @ theta.bias_gradient
    return float(square + np.trace(theta.gradient_cov_star)) / (2 * least)


def test_a_large_bias_refutes_the_bound_by_the_gradient_at_the_optimum():
    groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
    design = Design((1000, 1000), math.inf, 1.0)
    for factor, finite in ((0.1, True), (0.001, False)):
        prediction = predict(groups, design, Scaled(factor))
        found = bounds.population_bound(groups, design, Scaled(factor))
        assert float(prediction.excess.bias) > 10 * _old(prediction)
        assert float(prediction.excess.bias) < found.bound
        assert math.isfinite(found.bound) == finite  # too flat to be certified: no bound, and said
    assert 197 < float(prediction.excess.bias) < 198 and found.vacuous and found.curvature == 0


def test_a_bias_with_a_large_hessian_refutes_it_on_the_local_form_and_not_the_new_ones():
    for distance in (0.1, 0.05, 0.025):
        case = close_population(distance)
        prediction = predict(case.groups, case.design, case.generator)
        local = float(prediction.local_bias + prediction.local_variance)
        assert local > 3.7 * _old(prediction) and local <= float(prediction.bound) * (1 + 1e-12)
        found = bounds.population_bound(case.groups, case.design, case.generator)
        assert case.excess <= found.bound * (1 + 1e-9)


def test_twenty_samples_refute_it_as_a_bound_on_the_excess_itself():
    """Squared loss, features with the identity as second moment: the old bound is R1's own form."""
    mean, count, rng = 0.6, 20, np.random.default_rng(2)
    groups = [GaussianGroup([s * mean], [[1 - mean**2]], (s + 1) // 2) for s in (-1, 1)]
    prediction = predict(groups, Design.raw((count // 2, count // 2)), Oracle(), SQUARED)
    assert np.isclose(_old(prediction), float(prediction.local_variance), rtol=1e-9)
    y = np.repeat([-1.0, 1.0], count // 2)
    x = y * mean + math.sqrt(1 - mean**2) * rng.normal(size=(40_000, count))
    centred = x - x.mean(axis=1, keepdims=True)
    slope = centred @ y / np.sum(centred**2, axis=1)
    intercept = -slope * x.mean(axis=1)
    excess = (intercept**2 + (slope - mean) ** 2) / 2
    error = excess.std() / 200
    assert excess.mean() - 4 * error > 1.1 * _old(prediction)


@pytest.mark.parametrize("seed", range(6))
def test_the_certified_curvature_is_below_every_eigenvalue_on_the_segment(seed):
    """Hessians by SciPy at random points of the segment, one feature."""
    rng = np.random.default_rng(seed)
    groups = [GaussianGroup([rng.normal()], [[rng.uniform(0.2, 3.0)]], label) for label in (0, 1)]
    generator = (Scaled(0.2), Shifted((1.5,)), Mislabelled(0.3))[seed % 3]
    design = Design((int(rng.integers(50, 900)), 300), 200, float(rng.choice([0.4, 1.0])))
    found = bounds.population_bound(groups, design, generator)
    prediction = predict(groups, design, generator)
    star, alpha = np.asarray(prediction.theta_star), np.asarray(prediction.theta_alpha)

    def entry(theta, group, power):
        mean, std = group.mean[0, 0], math.sqrt(group.cov[0, 0, 0])

        def integrand(z):
            x = mean + std * z
            tail = 1 / (1 + math.exp(theta[0] + theta[1] * x))
            return tail * (1 - tail) * x**power * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

        return integrate.quad(integrand, -10, 10, epsabs=1e-13, epsrel=1e-11, limit=200)[0]

    def least(share):
        theta = star + share * (alpha - star)
        one, two, three = (np.mean([entry(theta, group, k) for group in groups]) for k in (0, 1, 2))
        return np.linalg.eigvalsh([[one, two], [two, three]])[0]

    smallest = min(map(least, np.linspace(0, 1, 15)))
    smallest = min(smallest, optimize.minimize_scalar(least, bounds=(0, 1), method="bounded").fun)
    assert 0.97 * smallest < found.curvature <= smallest * (1 + 1e-9) <= found.least * (1 + 1e-6)


def test_a_grid_alone_would_overestimate_the_curvature(monkeypatch):
    """A path through a valley: with its ends alone the least eigenvalue is above the true one."""
    monkeypatch.setattr(bounds, "_COST", 1e9)
    cheap = bounds.population_bound(LINE, Design.raw((5000, 50)), Oracle())
    monkeypatch.undo()
    fine = bounds.population_bound(LINE, Design.raw((5000, 50)), Oracle())
    assert cheap.curvature < fine.curvature <= fine.least < cheap.least * (1 + 1e-12)
    assert fine.curvature > 0.98 * fine.least and fine.intervals <= 64


def test_no_generator_of_a_design_exceeds_the_trivial_bound():
    for seed in range(12):
        case = random_population(np.random.default_rng(seed))
        found = bounds.population_bound(case.groups, case.design, case.generator)
        assert case.excess < found.trivial
    augmented = Design((900, 90), 300, 1.0)
    assert bounds.population_bound(LINE, augmented, Oracle()).trivial == math.inf
    assert bounds.population_bound(LINE, augmented, Oracle()).bound < 1e-20


def test_the_chain_from_divergence_is_vacuous_where_it_says_so():
    design = Design((1500, 250), 600, 0.45)
    small, large = (
        bounds.fidelity_bound((0.0, length**2 / 3.4), LINE, design, (Oracle(), Shifted((length,))))
        for length in (0.05, 3.0)
    )
    assert not small.vacuous and large.vacuous
    excess = predict(LINE, design, (Oracle(), Shifted((0.05,)))).excess.bias
    assert 0 < float(excess) < small.bound < small.trivial < large.bound
    with pytest.raises(ValueError, match="design: got the scheme 'raw'"):
        bounds.fidelity_bound((0.0, 0.1), LINE, Design.raw((9, 9)), Oracle())
    with pytest.raises(ValueError, match="kl: got"):
        bounds.fidelity_bound((0.0, -0.1), LINE, design, Oracle())


def test_the_proxy_of_a_mixture_covers_its_components_and_their_distance():
    theta, rng = np.array([0.2, 1.4]), np.random.default_rng(3)
    mixture = GaussianGroup([[-2.0], [1.5]], [[0.3]], 1, weights=[0.4, 0.6])
    x = np.where(rng.uniform(size=400_000) < 0.4, -2.0, 1.5)
    x = x + math.sqrt(0.3) * rng.normal(size=x.size)
    score = -np.stack([np.ones_like(x), x], axis=1) / (1 + np.exp(theta[0] + theta[1] * x))[:, None]
    score = score - score.mean(axis=0)
    proxy, entry = (
        bounds.score_var_proxy(theta, mixture),
        bounds.intercept_var_proxy(theta, mixture),
    )
    for one in (-4.0, -1.0, 1.0, 4.0):
        for angle in np.linspace(0, math.pi, 9):
            along = score @ [math.cos(angle), math.sin(angle)]
            assert 2 * math.log(np.mean(np.exp(one * along))) / one**2 < 1.02 * proxy
        assert 2 * math.log(np.mean(np.exp(one * score[:, 0]))) / one**2 < 1.02 * entry
    assert entry < 0.25


def test_every_check_without_noise_passes_and_counts_no_violation():
    checks = planned(bound_checks("quick"))
    assert {check.theorem for check in checks} == {"R6", "R7", "T4"}
    for check in checks:
        assert abs(check.observed - check.theory) <= check.discrepancy, check.id
