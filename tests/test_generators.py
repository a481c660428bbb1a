"""Generators are validated by name, and their laws have the moments and limits they claim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.theory.generators.gaussian import pooled_cov
from synthetic_oversampling.theory.generators.smote import interpolation_law
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    population_law,
)
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.influence import overall

seeds = st.integers(0, 2**32 - 1)
SIZES = (300, 40)


def _groups(seed, components=2):
    rng = np.random.default_rng(seed)
    groups = []
    for label in (0, 1):
        roots = rng.normal(size=(components, 2, 2))
        covs = roots @ roots.swapaxes(1, 2)
        groups.append(
            GaussianGroup(
                rng.normal(size=(components, 2)),
                (covs + covs.swapaxes(1, 2)) / 2,
                label,
                weights=rng.dirichlet(np.full(components, 3.0)),
            )
        )
    return groups


def _law(generator, groups, g=1):
    return population_law(generator, g, groups, SIZES)


def _same(left, right):
    pairs = zip(left, right, strict=True)
    return all(np.allclose(a, b, rtol=1e-13, atol=1e-14) for a, b in pairs)


BAD = [
    (Shifted, "shift", ((np.nan, 0.0),)),
    (Shifted, "shift", (1.0,)),
    (Shifted, "shift", (((1.0,), (2.0,)),)),
    (Scaled, "factor", (0.0,)),
    (Scaled, "factor", (-1.0,)),
    (Scaled, "factor", (np.nan,)),
    (Scaled, "factor", (np.inf,)),
    (Mislabelled, "rate", (-0.1,)),
    (Mislabelled, "rate", (1.1,)),
    (Mislabelled, "rate", (np.nan,)),
    (Smote, "neighbours", (0,)),
    (Smote, "neighbours", (-2,)),
    (Smote, "neighbours", (1.5,)),
    (Smote, "neighbours", (True,)),
    (GaussianPlugin, "covariance", ("diagonal",)),
    (GaussianPlugin, "covariance", (None,)),
    (Predictive, "covariance", ("pooled",)),
]


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("kind", "name", "arguments"), BAD)
def test_a_bad_argument_is_named_with_what_was_expected(kind, name, arguments):
    with pytest.raises(ValueError, match=f"^{name}: got .*expected"):
        kind(*arguments)


@pytest.mark.parametrize(
    ("generator", "needed"),
    [
        (Smote(), 2),
        (Smote(5), 6),
        (GaussianPlugin("group"), 2),
        (Predictive("group"), 5),
        (Duplicate(), 1),
        (Oracle(), 1),
        (GaussianPlugin("known"), 1),
        (Predictive("known"), 1),
    ],
)
def test_too_few_seeds_are_refused_and_enough_are_not(generator, needed):
    assert generator.min_seeds(2) == needed
    generator.check_seeds((50, needed), 2)
    if needed > 1:
        with pytest.raises(ValueError, match=f"^sizes: got {needed - 1} seeds? in group 1"):
            generator.check_seeds((50, needed - 1), 2)


def test_a_shift_of_the_wrong_length_is_named():
    Shifted((1.0, 2.0)).check_seeds(SIZES, 2)
    with pytest.raises(ValueError, match="^shift: got 3 entries, expected 2"):
        Shifted((1.0, 2.0, 3.0)).check_seeds(SIZES, 2)


def test_a_pooled_covariance_needs_more_samples_than_groups():
    GaussianPlugin("pooled").check_seeds((2, 1), 2)
    with pytest.raises(ValueError, match="^sizes: .*more samples than groups"):
        GaussianPlugin("pooled").check_seeds((1, 1), 2)


def test_nearest_neighbours_have_no_closed_form_law_and_say_what_to_do():
    with pytest.raises(ValueError, match="^generator: got Smote.*closed-form.*measure"):
        _law(Smote(5), _groups(0))


@pytest.mark.usefixtures("as_installed")
def test_what_is_no_generator_is_refused():
    with pytest.raises(ValueError, match="^generator: got 'smote'"):
        population_law("smote", 0, _groups(0), SIZES)


@given(seeds)
def test_no_shift_no_scaling_and_unbiased_seeds_are_the_group_itself(seed):
    groups = _groups(seed)
    law = groups[1].law
    for generator in (Oracle(), Duplicate(), Shifted((0.0, 0.0)), Scaled(1.0)):
        assert _same(_law(generator, groups), law), generator
    assert not _same(_law(Shifted((1e-6, 0.0)), groups), law)
    assert not _same(_law(Scaled(1.000001), groups), law)


@given(seeds, st.floats(-2, 2), st.floats(0.1, 3))
def test_shifts_move_means_and_scalings_widen_components(seed, shift, factor):
    groups = _groups(seed)
    mean, cov = groups[1].overall_mean_cov()
    moved_mean, moved_cov = overall(_law(Shifted((shift, -shift)), groups))
    assert np.allclose(moved_mean, mean + [shift, -shift], rtol=1e-12, atol=1e-12)
    assert np.allclose(moved_cov, cov, rtol=1e-11, atol=1e-12)
    _, wide = overall(_law(Scaled(factor), groups))
    within = np.einsum("k,kij->ij", groups[1].weights, groups[1].cov)
    assert np.allclose(wide, cov + (factor - 1) * within, rtol=1e-11, atol=1e-12)


@given(seeds, st.floats(0, 1))
def test_mislabelling_moves_its_rate_to_the_other_label(seed, rate):
    law = _law(Mislabelled(rate), _groups(seed))
    flipped = float(np.sum(np.where(np.asarray(law.signs) < 0, law.weights, 0.0)))
    assert np.isclose(flipped, rate, rtol=1e-12, atol=1e-15)
    assert np.isclose(law.weights.sum(), 1.0, rtol=1e-14)


@given(seeds)
def test_interpolating_all_seeds_keeps_the_mean_and_two_thirds_of_the_covariance(seed):
    groups = _groups(seed)
    group = groups[1]
    law = interpolation_law(group)
    assert np.isclose(law.weights.sum(), 1.0, rtol=1e-13)
    mean, cov = group.overall_mean_cov()
    drawn_mean, drawn_cov = overall(law)
    assert np.allclose(drawn_mean, mean, rtol=1e-12, atol=1e-13)
    assert np.allclose(drawn_cov, 2 / 3 * cov, rtol=1e-11, atol=1e-12)
    assert not np.allclose(drawn_cov, 0.67 * cov, rtol=1e-11, atol=1e-12)


@given(seeds)
def test_interpolation_has_the_kurtosis_of_the_scale_mixture(seed):
    # E((1-u)^2 + u^2)^2 = 7/15, so a coordinate's kurtosis is 3 (7/15) / (2/3)^2 = 3.15
    group = _groups(seed, components=1)[0]
    law = interpolation_law(group)
    var = np.asarray(law.covs)[:, 0, 0]
    fourth = 3 * np.asarray(law.weights) @ var**2
    second = np.asarray(law.weights) @ var
    assert np.isclose(fourth / second**2, 3.15, rtol=1e-12)


@given(seeds)
def test_fitted_gaussians_keep_the_overall_moments(seed):
    groups = _groups(seed)
    mean, cov = groups[1].overall_mean_cov()
    for generator in (GaussianPlugin(), GaussianPlugin("known"), Predictive(), Predictive("known")):
        drawn = _law(generator, groups)
        assert np.allclose(drawn.means[0], mean) and np.allclose(drawn.covs[0], cov)
        assert float(drawn.signs[0]) == 1.0 and drawn.weights.shape == (1,)


@given(seeds, st.integers(1, 1000), st.integers(1, 1000))
def test_pooling_weights_covariances_by_size(seed, first, second):
    groups = _groups(seed)
    covs = [group.overall_mean_cov()[1] for group in groups]
    expected = (first * covs[0] + second * covs[1]) / (first + second)
    assert np.allclose(pooled_cov(groups, (first, second)), expected, rtol=1e-12)
    law = population_law(GaussianPlugin("pooled"), 0, groups, (first, second))
    assert np.allclose(law.covs[0], expected, rtol=1e-12)
    assert np.allclose(law.means[0], groups[0].overall_mean_cov()[0], rtol=1e-12, atol=1e-14)
