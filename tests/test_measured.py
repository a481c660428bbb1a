"""A prediction from a generator's samples is that of its closed form, where there is one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.simulate.replicates.compilation import counted
from synthetic_oversampling.simulate.sampling.measure import measure_generator
from synthetic_oversampling.theory import Design, GaussianGroup, Oracle, Shifted, predict
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Mislabelled
from synthetic_oversampling.theory.prediction.measured import (
    MeasuredSamples,
    jackknife,
    predict_measured,
)

GROUPS = (
    GaussianGroup([0.1], [[0.9]], 0),
    GaussianGroup([1.0], [[1.2]], 1),
)
SIZES = (60, 40)
DESIGN = Design(SIZES, 50, 0.4)
SHIFT = Shifted((0.3,))


@pytest.fixture(scope="module")
def samples():
    key = jax.random.key(3)
    return measure_generator(SHIFT, GROUPS, DESIGN, sets=4000, per_set=20, key=key)


def test_a_measured_prediction_is_that_of_the_closed_form_and_is_compiled_once(samples):
    for design in (DESIGN, Design(SIZES, 70, 0.9)):
        with counted() as compilations:
            seen = predict_measured(GROUPS, design, samples)
        told = predict(GROUPS, design, SHIFT)
        limit = 6 * float(
            seen.total_error
        )  # 6: eight jackknife blocks leave seven degrees of freedom
        assert abs(float(seen.total - told.total)) < limit < 0.2 * float(told.total)
        gap = np.abs(np.asarray(seen.mean_gradient - told.bias_gradient))
        assert np.all(gap < 6 * np.asarray(seen.mean_gradient_error))
        # what the interval is to tell: the samples of another generator
        assert abs(float(seen.total - predict(GROUPS, design, Oracle()).total)) > limit
    assert compilations == []  # of the second design


def test_the_jackknife_of_a_mean_is_its_standard_error():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, 1, 1))
    sample = (MeasuredSamples(jnp.asarray(values), jnp.asarray(values)), None)
    (error,) = jackknife(sample, 40, lambda part: [float(jnp.mean(part[0].seeds))])
    # of 40 blocks the standard deviation is known to 1 / sqrt(2 * 39), relatively
    assert abs(error / (values.std(ddof=1) / np.sqrt(4000)) - 1) < 4 / np.sqrt(2 * 39)


def test_samples_that_do_not_fit_are_named(samples):
    for given, message in (
        (samples[:1], "got 1 entry for 2 groups"),
        ((None, samples[1]), "got None for group 0"),
        (samples[::-1], r"expected \(4000, 60, 1\)"),
        (jax.tree.map(lambda part: part[:31], samples), "got 31 sets, expected at least 32"),
    ):
        with pytest.raises(ValueError, match=f"^samples: .*{message}"):
            predict_measured(GROUPS, DESIGN, given)
    with pytest.raises(ValueError, match="^design: .*theory.predict"):
        predict_measured(GROUPS, Design.raw(SIZES), samples)


@pytest.mark.parametrize("generator", [GaussianPlugin("pooled"), Mislabelled(0.1)])
def test_what_samples_of_one_group_do_not_show_is_not_measured(generator):
    with pytest.raises(
        ValueError, match=f"^generator: got {type(generator).__name__}.*closed form"
    ):
        measure_generator(generator, GROUPS, DESIGN, sets=32, per_set=2, key=jax.random.key(3))


def test_points_that_a_rule_separates_have_no_prediction(samples):
    apart = jax.tree.map(lambda part: jnp.full_like(part, 50.0), samples)
    apart = (apart[0]._replace(synthetic=-apart[0].synthetic), apart[1])
    with pytest.raises(ValueError, match="^samples: .*no finite minimiser"):
        predict_measured(GROUPS, Design(SIZES, 50, 1.0), apart)
