"""S1's hyperbola from theorem R's pieces: every generator, any groups, any weight and size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.theory import GaussianGroup, hyperbola_of_design, predict
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.scaling.moments import scaling_moments

# two routes through the same quadrature: matrix products and solves in another order
ROUNDING = 1e-12
POINTS = ((0.0, 0), (0.2, 35), (0.7, 1000), (0.95, np.inf), (1.0, 123))
_QUICK = {  # the rest compile for long
    "spurious": ("oracle", "duplicate", "plugin-pooled"),
    "mixture": ("oracle", "mislabelled"),
}
_NAMES = tuple(generators_for(CONFIGURATIONS["line"]()))
_ALL = [(setting, name) for setting in ("line", "spurious", "mixture") for name in _NAMES]
_FAST = [(setting, name) for setting, name in _ALL if name in _QUICK.get(setting, _NAMES)]


def _local(groups, sizes, generator, weight, size) -> float:
    part = predict(groups, Design(sizes, size, weight), generator)
    return float(part.small_bias + part.small_variance)


def _agree(setting: str, name: str) -> None:
    configuration = CONFIGURATIONS[setting]()
    generator = generators_for(configuration)[name]
    law = hyperbola_of_design(configuration.groups, configuration.sizes, generator)
    for weight, size in POINTS:
        expected = _local(configuration.groups, configuration.sizes, generator, weight, size)
        assert abs(float(law.excess(weight, size)) - expected) <= ROUNDING * expected


@pytest.mark.parametrize(("setting", "name"), _FAST)
def test_r1_and_r2_at_any_weight_and_size_are_the_quadratic_of_s1(setting, name):
    _agree(setting, name)


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "name"), sorted(set(_ALL) - set(_FAST)))
def test_they_are_for_every_generator_on_four_groups_and_on_a_mixture(setting, name):
    _agree(setting, name)


numbers = st.floats(-1.0, 1.0)
plans = st.tuples(
    numbers, numbers, numbers, st.integers(10, 3000), st.integers(10, 3000), st.integers(0, 8)
)


def _design(plan):
    """Two groups on a line, sizes, and a generator per group: everything that sets a law."""
    mean, spread, shift, *sizes, kind = plan
    groups = [
        GaussianGroup([0.4], [[0.8]], 1),
        GaussianGroup([mean - 0.6], [[float(np.exp(spread))]], 0),
    ]
    kinds = (
        Oracle(),
        Shifted((shift,)),
        Scaled(float(np.exp(shift))),
        Mislabelled(abs(shift) / 4),
        Duplicate(),
        Smote(),
        GaussianPlugin("pooled"),
        GaussianPlugin(),
        Predictive("known"),
    )
    return groups, tuple(sizes), (Shifted((spread / 4,)) if kind % 2 else kinds[kind], kinds[kind])


@given(plans, st.floats(0.0, 1.0), st.integers(1, 10**6))
@settings(max_examples=12)
def test_any_design_has_the_law_of_its_predictions_clipped_where_stated(plan, weight, size):
    groups, sizes, generators = _design(plan)
    law = hyperbola_of_design(groups, sizes, generators)
    scale = float(law.A + law.D + law.S / size)
    expected = _local(groups, sizes, generators, weight, size)
    assert abs(float(law.excess(weight, size)) - expected) <= ROUNDING * scale
    best, noise = float(law.best_weight(size)), float(law.S / size)
    assert (best == 0.0) == bool(law.A <= law.C)
    assert (best == 1.0) == bool(law.A > law.C and law.C - law.D >= noise)
    # theorem R itself rises away from the best weight, also where that is clipped
    at_best = _local(groups, sizes, generators, best, size)
    for other in (0.9 * best, best + 0.1 * (1 - best)):
        assert at_best <= _local(groups, sizes, generators, other, size) + ROUNDING * scale


@given(plans)
def test_the_moments_are_those_of_the_two_parts_of_the_gradient(plan):
    """Another route to A, C and D: means and covariances of the parts, weighed by matrices."""
    groups, sizes, generators = _design(plan)
    parts = scaling_moments(groups, sizes, generators)
    inverse = np.linalg.inv(parts.hessian)
    law, u, w = parts.law, parts.over_mean, parts.aug_mean
    moments = {
        "A": u @ inverse @ u + np.sum(inverse * parts.over_cov),
        "C": u @ inverse @ w + np.sum(inverse * parts.cross_cov),
        "D": w @ inverse @ w + np.sum(inverse * parts.aug_cov),
        "S": np.sum(inverse * parts.fresh_cov),
    }
    for name, value in moments.items():
        scale = float(law.A + law.D) + (float(law.S) if name == "S" else 0.0)
        assert abs(float(getattr(law, name)) - float(value)) <= ROUNDING * scale


GROUPS = (
    GaussianGroup([0.0, 0.3], [[1.0, 0.2], [0.2, 1.5]], 0),
    GaussianGroup([1.5, -0.4], [[1.3, -0.1], [-0.1, 0.8]], 1),
)


def test_fresh_draws_count_like_real_samples_of_every_group():
    law = hyperbola_of_design(GROUPS, (900, 200), Oracle())
    sizes = np.array([1.0, 90.0, 900.0, 1e5])
    np.testing.assert_allclose(law.best_weight(sizes), sizes / (sizes + 900), rtol=ROUNDING)
    assert float(law.floor) == 0.0 and abs(float(law.crossover) / 900 - 1) <= ROUNDING


def test_more_duplicates_only_average_out_the_resampling_noise():
    law = hyperbola_of_design(GROUPS, (900, 200), Duplicate())
    weighted = predict(GROUPS, Design.class_weighted((900, 200)), Oracle())
    assert float(law.floor) == pytest.approx(float(weighted.small_variance), rel=ROUNDING)


def test_the_floor_of_a_generator_fitted_on_the_seeds_falls_as_one_over_their_number():
    for generator in (GaussianPlugin(), GaussianPlugin("pooled"), Predictive()):
        laws = [
            hyperbola_of_design(GROUPS[:1] + _common(), (90 * k, 20 * k), generator) for k in (1, 8)
        ]
        assert float(laws[0].floor / laws[1].floor) == pytest.approx(8, rel=1e-9)
        assert float(laws[1].crossover / laws[0].crossover) == pytest.approx(8, rel=1e-9)


def _common():
    """A class with the first one's covariance: the pooled generator is unbiased on it."""
    return (GaussianGroup([1.5, -0.4], [[1.0, 0.2], [0.2, 1.5]], 1),)


def test_a_pooled_covariance_carries_every_group_s_seeds():
    """With one group's seeds far more numerous, the pooled generator is the better informed."""
    groups, sizes = GROUPS[:1] + _common(), (5000, 50)
    pooled = hyperbola_of_design(groups, sizes, GaussianPlugin("pooled"))
    law = hyperbola_of_design(groups, sizes, GaussianPlugin())
    assert float(pooled.floor) < float(law.floor)
    expected = _local(groups, sizes, GaussianPlugin("pooled"), 0.5, np.inf)
    assert float(pooled.excess(0.5, np.inf)) == pytest.approx(expected, rel=ROUNDING)


def test_the_squared_loss_has_a_law_too():
    law = hyperbola_of_design(GROUPS, (300, 60), Shifted((0.1, 0.2)), SQUARED)
    part = predict(GROUPS, Design((300, 60), 40, 0.3), Shifted((0.1, 0.2)), SQUARED)
    expected = float(part.small_bias + part.small_variance)
    assert float(law.excess(0.3, 40)) == pytest.approx(expected, rel=ROUNDING)


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match="closed-form"):
        hyperbola_of_design(GROUPS, (300, 60), Smote(neighbours=5))
    with pytest.raises(ValueError, match="groups: got 2 groups for a design with 3 sizes"):
        hyperbola_of_design(GROUPS, (300, 60, 7), Oracle())
    with pytest.raises(ValueError, match="sizes: got 4 seeds in group 1"):
        hyperbola_of_design(GROUPS, (300, 4), Predictive())
