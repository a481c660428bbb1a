"""A fit that draws its rows again for every step is the fit of the data set it never holds."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.sampling.streaming import fit_streamed
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED

EPS = np.finfo(float).eps
MINORITY = GaussianGroup(
    [[1.4, 0.2], [0.3, 1.6]],
    [[[0.6, 0.2], [0.2, 0.5]], [[0.4, 0.0], [0.0, 0.9]]],
    1,
    weights=[0.7, 0.3],
)
GROUPS = (GaussianGroup([-0.3, -0.2], [[1.2, 0.4], [0.4, 0.8]], 0), MINORITY)
DESIGN = Design((60, 17), augmentation=45, weight=0.4)
KEY = jax.random.key(4)
# Normals are float32 numbers, which programs of the level that tests compile at round differently.
OPTIONS = {"xla_backend_optimization_level": 1}
COMPILED = partial(jax.jit, compiler_options=OPTIONS)
FIT = COMPILED(fit, static_argnames="loss")  # one program for data sets of all generators


def _both(design, generator, batch, loss=LOGISTIC):
    data = COMPILED(lambda key: draw_dataset(GROUPS, design, generator, key=key))(KEY)
    streamed = partial(fit_streamed, GROUPS, design, generator, batch=batch, loss=loss)
    at_once = FIT(data.x, data.sign, data.weight, loss=loss)
    return at_once, COMPILED(lambda key: streamed(key=key))(KEY)


@pytest.mark.parametrize(
    "generator",
    [
        (Shifted((0.3, -0.1)), Mislabelled(0.1)),
        (Scaled(0.8), Smote()),
        (Duplicate(), Smote(neighbours=3)),
        (GaussianPlugin("pooled"), Predictive("group")),
    ],
    ids=["fixed", "interpolated", "resampled", "gaussian"],
)
def test_the_streamed_fit_is_the_fit_of_the_data_set(generator):
    # 45 augmentation and 43 oversampling rows: batches of 16 cross the border and end beyond it
    expected, got = _both(DESIGN, generator, batch=16)
    assert bool(expected.converged) and bool(got.converged)
    assert int(expected.steps) == int(got.steps)
    rows = sum(DESIGN.sizes) + sum(DESIGN.oversampling) + 2 * 45
    np.testing.assert_allclose(got.theta, expected.theta, rtol=0, atol=20 * rows * EPS)


def test_the_batch_does_not_matter_and_the_key_does():
    one_by_one, at_once = (
        COMPILED(lambda key, size=batch: fit_streamed(GROUPS, DESIGN, Smote(), key=key, batch=size))
        for batch in (1, 1000)
    )
    expected = at_once(KEY).theta
    np.testing.assert_allclose(one_by_one(KEY).theta, expected, rtol=0, atol=4000 * EPS)
    assert np.max(np.abs(at_once(jax.random.key(5)).theta - expected)) > 1e-3


def test_squared_loss_is_streamed_too():
    expected, got = _both(DESIGN, Smote(), batch=16, loss=SQUARED)
    assert bool(got.converged) and int(got.steps) == 1
    np.testing.assert_allclose(got.theta, expected.theta, rtol=0, atol=4000 * EPS)


def test_separable_data_are_flagged_when_streamed():
    apart = (GaussianGroup([-9.0], [[1.0]], 0), GaussianGroup([9.0], [[1.0]], 1))
    result = fit_streamed(apart, Design((20, 5)), Smote(), key=KEY, batch=4)
    assert bool(result.separated) and not bool(result.converged)
    assert bool(jnp.all(jnp.isfinite(result.theta)))


def test_what_cannot_be_streamed_is_refused_by_name():
    with pytest.raises(ValueError, match="batch: got 0"):
        fit_streamed(GROUPS, DESIGN, Smote(), key=KEY, batch=0)
    with pytest.raises(ValueError, match=r"expected fewer than 2\*\*32 numbers"):
        fit_streamed(GROUPS, Design((60, 17), 2**31, 0.4), Smote(), key=KEY)
    with pytest.raises(ValueError, match="augmentation=inf"):
        fit_streamed(GROUPS, Design((60, 17), np.inf, 0.4), Smote(), key=KEY)
