"""Control variates: unbiased for any constants, means by quadrature; remainders by enumeration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.printed.enumeration import (
    SHARES,
    design_of,
    enumerate_exactly,
    two_point_checks,
    two_points,
)
from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.replicates.control import (
    Control,
    _nodes,
    control_mean,
    control_value,
)
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import empirical_gradient, fit
from synthetic_oversampling.theory.generators.table import Mislabelled, Shifted, Smote
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.prediction.excess_risk import predict

REPLICATES = 3000
SIGMAS = 5.0


@pytest.mark.parametrize("generator", [Mislabelled(0.06), Shifted((0.2,))])
def test_the_mean_of_a_control_variate_is_right_for_any_constants(generator):
    """Against the average over drawn data sets, at a point that is no optimum of anything."""
    setting = CONFIGURATIONS["line"]()
    theta, inverse = jnp.array([0.3, -0.8]), jnp.array([[5.0, 1.0], [1.0, 3.0]])
    rng = np.random.default_rng(2)
    pull, bend = jnp.asarray(rng.normal(size=(3, 2))), jnp.asarray(rng.normal(size=(3, 2, 2)))
    bend = bend + jnp.swapaxes(bend, 1, 2)
    control_ = Control(pull, pull, bend, jnp.zeros(3))
    design = setting.synthetic

    def value(key):
        data = draw_dataset(setting.groups, design, generator, key=key)
        sample = (data.x, data.sign, data.weight)
        return control_value(control_, inverse, theta, *sample, empirical_gradient(theta, *sample))

    keys = jax.random.split(jax.random.key(7), REPLICATES)
    seen = np.asarray(jax.jit(lambda keys: jax.lax.map(value, keys, batch_size=100))(keys))
    error = seen.std(axis=0) / np.sqrt(REPLICATES)
    known = np.asarray(control_mean(control_, theta, inverse, setting.groups, design, generator))
    assert np.all(np.abs(seen.mean(axis=0) - known) < SIGMAS * error)
    # the part that a wrong formula would miss, the noise of one sample times another of its
    # features, is seen: without it the means would be many standard errors apart
    infinite = control_mean(
        control_._replace(bend=0 * bend), theta, inverse, setting.groups, design, generator
    )
    assert np.max(np.abs(seen.mean(axis=0) - np.asarray(infinite)) / error) > 2 * SIGMAS


def test_the_quadrature_integrates_the_risk_and_cubics_across_it():
    mean, slope = np.array([0.3, -0.2, 0.5]), np.array([1.0, -2.0, 0.5])
    root = np.array([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.2, 0.6]])
    cov = root @ root.T
    x, weight = _nodes(mean, cov, slope)
    assert weight.sum() == pytest.approx(1.0, abs=1e-13)
    centred = x - mean
    np.testing.assert_allclose(weight @ centred, 0, atol=1e-12)
    np.testing.assert_allclose(np.einsum("n,ni,nj->ij", weight, centred, centred), cov, atol=1e-12)
    third = np.einsum("n,ni,nj,nk->ijk", weight, centred, centred, centred)
    np.testing.assert_allclose(third, 0, atol=1e-12)
    from synthetic_oversampling.theory.population.laws import GaussianGroup

    theta = jnp.asarray([0.1, *slope])
    loss = weight @ np.logaddexp(0, -(0.1 + x @ slope))
    exact = float(risk(theta, GaussianGroup(mean, cov, 1).law))
    assert loss == pytest.approx(exact, rel=1e-12)


def test_a_generator_that_looks_at_the_seeds_has_no_known_control():
    setting = CONFIGURATIONS["line"]()
    control_ = Control(*(jnp.zeros((3, 2)),) * 2, jnp.zeros((3, 2, 2)), jnp.zeros(3))
    with pytest.raises(ValueError, match="does not look at the seeds"):
        control_mean(control_, jnp.zeros(2), jnp.eye(2), setting.groups, setting.synthetic, Smote())


def test_the_enumeration_is_the_average_of_fits_to_every_table():
    """Every table of a small design fitted by Newton's method, weighted by its probability."""
    design, _ = design_of("weighted", 4)
    (n0, n1), x = design.sizes, jnp.array([[0.0], [1.0], [0.0], [1.0]])
    sign = jnp.array([-1.0, -1.0, 1.0, 1.0])
    counts = [(k0, k1) for k0 in range(1, n0) for k1 in range(1, n1)]
    weight = np.array([[1 - k0 / n0, k0 / n0, 1 - k1 / n1, k1 / n1] for k0, k1 in counts]) / 2
    fitted = jax.vmap(lambda w: fit(x, sign, w))(jnp.asarray(weight))
    assert bool(fitted.converged.all())
    mass = np.array(
        [binom.pmf(k0, n0, SHARES[0]) * binom.pmf(k1, n1, SHARES[1]) for k0, k1 in counts]
    )
    mass = mass / mass.sum()
    exact = enumerate_exactly("weighted", 4)
    np.testing.assert_allclose(exact.theta, mass @ np.asarray(fitted.theta), rtol=1e-7)
    groups = two_points()
    star = predict(groups, *design_of("weighted", 80)).theta_star
    risks = [jax.vmap(lambda t, law=g.law: risk(t, law))(fitted.theta) for g in groups]
    at_star = [float(risk(star, group.law)) for group in groups]
    gaps = [mass @ np.asarray(risk) - least for risk, least in zip(risks, at_star, strict=True)]
    np.testing.assert_allclose(exact.group_excess, gaps, rtol=1e-7)


def test_every_remainder_is_of_the_order_stated_and_a_lower_order_is_told_apart():
    checks = planned(two_point_checks("quick"))
    assert {check.theorem for check in checks} == {"R1", "R2", "R5"}
    for check in checks:
        assert abs(check.observed - check.theory) <= check.discrepancy, check.id
        assert abs(check.observed - (-1.5)) > 4 * check.discrepancy, check.id
