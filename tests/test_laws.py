"""Groups are validated by name of the argument; laws mix, stack and balance as measures do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.theory.population.groups import error_rate, hessian, risk, score_mean
from synthetic_oversampling.theory.population.laws import (
    GaussianGroup,
    Law,
    balanced_law,
    law_of,
    mix,
    stack,
)

EYE = np.eye(2)
seeds = st.integers(0, 2**32 - 1)


def _group(seed, components=2, label=1):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(components, 2, 2))
    covs = roots @ roots.swapaxes(1, 2)
    return GaussianGroup(
        rng.normal(size=(components, 2)),
        (covs + covs.swapaxes(1, 2)) / 2,
        label,
        weights=rng.dirichlet(np.full(components, 3.0)),
    )


BAD = [
    ("mean", {"mean": []}, "expected \\[d\\] or \\[K, d\\]"),
    ("mean", {"mean": [[]]}, "d, K >= 1"),
    ("mean", {"mean": 1.0}, "expected \\[d\\]"),
    ("mean", {"mean": np.zeros((1, 2, 1))}, "expected \\[d\\]"),
    ("mean", {"mean": [0.0, np.nan]}, "NaN or infinity"),
    ("mean", {"mean": [0.0, np.inf]}, "NaN or infinity"),
    ("mean", {"mean": ["a", "b"]}, "real numbers"),
    ("mean", {"mean": [[0.0, 1.0], [2.0]]}, "rectangular"),
    ("mean", {"mean": [1j, 0.0]}, "real numbers"),
    ("cov", {"cov": [1.0, 1.0]}, "expected \\(2, 2\\)"),
    ("cov", {"cov": np.eye(3)}, "expected \\(2, 2\\)"),
    ("cov", {"cov": np.stack([EYE] * 3)}, "expected \\(2, 2\\) or \\(1, 2, 2\\)"),
    ("cov", {"cov": [[1.0, 0.5], [0.4, 1.0]]}, "not symmetric"),
    ("cov", {"cov": [[1.0, 2.0], [2.0, 1.0]]}, "smallest eigenvalue -1"),
    ("cov", {"cov": [[np.nan, 0.0], [0.0, 1.0]]}, "NaN"),
    ("cov", {"cov": -EYE}, "positive semi-definite"),
    ("label", {"label": 2000}, "expected 0 or 1"),
    ("label", {"label": -1}, "expected 0 or 1"),
    ("label", {"label": 0.5}, "expected 0 or 1"),
    ("label", {"label": True}, "expected 0 or 1"),
    ("label", {"label": "1"}, "expected 0 or 1"),
    ("label", {"label": None}, "expected 0 or 1"),
    ("weights", {"weights": [0.5, 0.5]}, "expected 1 positive"),
    ("weights", {"weights": [0.9]}, "sum"),
    ("weights", {"weights": [np.nan]}, "NaN"),
    ("weights", {"weights": ["x"]}, "real numbers"),
]


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("name", "change", "says"), BAD)
def test_a_bad_argument_is_named_with_what_was_expected(name, change, says):
    good = {"mean": [0.0, 1.0], "cov": EYE, "label": 1}
    assert GaussianGroup(**good).dim == 2
    with pytest.raises(ValueError, match=f"^{name}.*{says}"):
        GaussianGroup(**(good | change))


@pytest.mark.parametrize("weights", [[1.0, 0.0], [1.5, -0.5]])
def test_components_of_no_or_negative_weight_are_refused(weights):
    with pytest.raises(ValueError, match="^weights: .*positive"):
        GaussianGroup([[0.0, 0.0], [1.0, 1.0]], EYE, 0, weights=weights)


def test_the_bad_component_of_a_mixture_is_named():
    with pytest.raises(ValueError, match=r"^cov \(component 1\): .*symmetric"):
        GaussianGroup([[0.0, 0.0], [1.0, 1.0]], [EYE, [[1.0, 0.3], [0.0, 1.0]]], 0)


def test_singular_covariances_and_rounding_asymmetry_are_accepted():
    for cov in (np.zeros((2, 2)), np.ones((2, 2)), EYE + [[0, 1e-13], [0, 0]]):
        assert np.all(np.isfinite(GaussianGroup([0.0, 1.0], cov, 0).law.covs))


def test_a_group_keeps_what_it_was_made_from():
    mean, cov, weights = np.zeros((2, 1)), np.eye(1), np.array([0.25, 0.75])
    group = GaussianGroup(mean, cov, 0, weights=weights)
    mean += 1.0
    cov *= 2.0
    weights[:] = 0.5
    assert group.mean.tolist() == [[0.0], [0.0]] and group.weights.tolist() == [0.25, 0.75]
    assert group.cov.tolist() == [[[1.0]], [[1.0]]]


def test_groups_can_be_compared_and_kept_in_sets():
    one, other = (GaussianGroup(np.zeros(2), EYE, 0) for _ in range(2))
    assert one != other and len({one, other, one}) == 2


def test_groups_are_named_by_label_and_attribute_unless_told():
    assert GaussianGroup([0.0], [[1.0]], 1).name == "y=1"
    assert GaussianGroup([0.0], [[1.0]], 0, attribute=1).name == "y=0,s=1"
    assert GaussianGroup([0.0], [[1.0]], 0, name="birds").name == "birds"


@given(seeds, st.sampled_from([0, 1]))
def test_a_groups_law_is_a_probability_with_one_label(seed, label):
    group = _group(seed, 3, label)
    law = law_of(group)
    assert np.isclose(law.weights.sum(), 1.0, rtol=1e-14)
    assert np.all(law.signs == 2 * label - 1) and group.sign == 2 * label - 1
    assert law_of(law) is law


@given(seeds)
def test_overall_moments_are_those_of_the_raw_moments(seed):
    group = _group(seed, 3)
    mean, cov = group.overall_mean_cov()
    second = np.einsum("k,kij->ij", group.weights, group.cov)
    second = second + np.einsum("k,ki,kj->ij", group.weights, group.mean, group.mean)
    assert np.allclose(mean, group.weights @ group.mean, rtol=1e-13, atol=1e-14)
    assert np.allclose(cov, second - np.outer(mean, mean), rtol=1e-11, atol=1e-12)
    within = np.einsum("k,kij->ij", group.weights, group.cov)
    assert not np.allclose(cov, within, rtol=1e-11, atol=1e-12)  # the means differ


@given(seeds, st.floats(0, 2), st.floats(0, 2))
def test_mixing_adds_masses_and_keeps_components(seed, left, right):
    laws = [_group(seed, 2, 0).law, _group(seed + 1, 3, 1).law]
    mixed = mix([left, right], laws)
    assert np.isclose(mixed.weights.sum(), left + right, rtol=1e-13, atol=1e-15)
    assert np.array_equal(mixed.means, np.concatenate([law.means for law in laws]))
    assert np.array_equal(mixed.signs, [-1, -1, 1, 1, 1])


@given(seeds)
def test_the_balanced_law_gives_every_group_the_same_mass(seed):
    groups = [_group(seed, 2, 0), _group(seed + 1, 2, 1), _group(seed + 2, 2, 1)]
    law = balanced_law(groups)
    assert np.allclose(law.weights.reshape(3, 2).sum(axis=1), 1 / 3, rtol=1e-14)


@given(seeds)
def test_stacking_pads_with_components_of_no_weight(seed):
    laws = [_group(seed, 1, 0).law, _group(seed + 1, 3, 1).law]
    for size in (3, 5):
        stacked = stack(laws, None if size == 3 else size)
        assert stacked.means.shape == (2, size, 2) and stacked.covs.shape == (2, size, 2, 2)
        for g, law in enumerate(laws):
            count = law.weights.size
            assert np.array_equal(stacked.weights[g, :count], law.weights)
            assert np.all(stacked.weights[g, count:] == 0)
            assert np.array_equal(stacked.covs[g, :count], law.covs)


@given(seeds)
def test_padding_is_inert(seed):
    law = _group(seed, 2, 0).law
    padded = Law(*(part[0] for part in stack([law], 4)))
    theta = jnp.asarray(np.random.default_rng(seed).normal(size=3))
    for form, other in zip(_forms(theta, law), _forms(theta, padded), strict=True):
        assert np.allclose(form, other, rtol=1e-13, atol=1e-14)
    heavier = padded._replace(weights=padded.weights + 1e-6)
    assert not np.isclose(risk(theta, heavier), _forms(theta, law)[0], rtol=1e-13, atol=1e-14)


@jax.jit
def _forms(theta, law):
    return tuple(form(theta, law) for form in (risk, score_mean, hessian, error_rate))


def test_a_law_in_float32_is_refused_with_the_way_out():
    group = _group(0)
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="jax_enable_x64"):
        _ = group.law
