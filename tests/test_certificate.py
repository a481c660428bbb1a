"""R7: no data set violates the certificate, and its law is that of drawn quadratic forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

from synthetic_oversampling.simulate.claims.bounds import random_sample
from synthetic_oversampling.simulate.claims.certificate import certificate_checks, replicated
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.verify.run import experiment_key
from synthetic_oversampling.theory.prediction.certificate import certificate, decrement_cdf


def _certified(sample, **changed):
    return certificate(*map(jnp.asarray, sample._replace(**changed)[:4]))


def test_adversarial_samples_obey_it_and_a_smaller_reach_would_not_do():
    """Outliers, weights that differ a hundredfold, separated labels; 4 to 30 rows."""
    rng, held, lost, separated = np.random.default_rng(77), 0, 0, 0
    for k in range(300):
        sample = random_sample(rng, 1 + k % 2)
        found = _certified(sample)
        assert float(found.reach) <= float(found.euclidean) * (1 + 1e-6) or sample.minimiser is None
        if bool(found.exists):
            held += 1
            assert sample.minimiser is not None
            assert sample.distance <= float(found.farthest) * (1 + 1e-6) + 1e-9
        if sample.minimiser is None:
            separated += 1
        else:
            assert sample.distance >= float(found.nearest) * (1 - 1e-6) - 1e-9
            lost += sample.distance > float(found.decrement) * (1 + 1e-6)
    assert held > 100 and separated > 20 and lost > 50  # the Newton decrement alone is no bound


def test_separated_labels_are_never_certified():
    """By linear programming: a direction that separates them is found for each."""
    rng = np.random.default_rng(5)
    for _ in range(40):
        x = rng.normal(size=(12, 2))
        sign = np.where(x @ [1.0, -0.7] > 0.1, 1.0, -1.0)
        if abs(sign.sum()) == 12:
            continue
        rows = np.insert(x, 0, 1.0, axis=1) * sign[:, None]
        assert linprog(-rows.sum(axis=0), -rows, np.zeros(12), bounds=(-1, 1)).fun < 0
        for length in (0.0, 1.0, 5.0, 50.0):
            theta = length * np.array([-0.1, 1.0, -0.7])
            found = certificate(*map(jnp.asarray, (theta, x, sign, np.full(12, 1 / 12))))
            assert not bool(found.exists) and float(found.farthest) == np.inf


def test_the_certificate_does_not_depend_on_units_or_on_the_weights_sum():
    sample = random_sample(np.random.default_rng(9), 2)
    first = _certified(sample)
    scaled = _certified(sample, x=sample.x * [4.0, 0.1], theta=sample.theta / [1.0, 4.0, 0.1])
    heavier = _certified(sample, weight=9.0 * sample.weight)
    assert np.allclose([scaled.reach, heavier.reach], first.reach, rtol=1e-9)
    assert np.isclose(float(heavier.farthest), 3 * float(first.farthest), rtol=1e-9)
    with pytest.raises(ValueError, match="theta: got 2 entries for 2 features"):
        _certified(sample, theta=sample.theta[:2])
    with pytest.raises(ValueError, match="weight"):
        _certified(sample, weight=-sample.weight)


def test_the_law_of_a_weighted_sum_is_that_of_drawn_ones():
    weights = np.array([0.2, 1.0, 3.0])
    drawn = np.random.default_rng(1).normal(size=(400_000, 3)) ** 2 @ weights
    for value in (0.5, 2.0, 6.0, 15.0):
        chance = float(decrement_cdf(value, weights))
        assert abs(np.mean(drawn < value) - chance) < 4 * (chance * (1 - chance) / 400_000) ** 0.5
    assert float(decrement_cdf(0.0, weights)) == 0 and float(decrement_cdf(1e4, weights)) > 1 - 1e-9


@pytest.mark.parametrize("label", ["line", "few"])
def test_no_replicate_violates_it_and_the_premise_has_the_predicted_chance(label):
    trial = replicated(f"certificate/{label}")
    result = monte_carlo.run(
        trial.functions(), key=experiment_key(1, "certificate"), replicates=2048, block=32
    )
    seen = {name: monte_carlo.estimate(result, name) for name, _ in result.layout}
    assert result.moments.count == 2048 and seen["outside"].mean == 0
    if label == "few":
        assert 0 < seen["no_fit"].mean < 0.5 and seen["premise"].mean < 0.5
    else:
        premise = seen["premise"]
        assert premise.mean > 0.9 and abs(premise.mean - trial.premise()) < 5 * premise.std_error


def test_the_checks_are_of_one_theorem_and_declare_where_they_observe():
    checks = list(certificate_checks("quick"))
    assert {check.theorem for check in checks} == {"R7"}
    assert {check.source for check in checks} == {"simulated and scored independently"}
