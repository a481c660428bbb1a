"""Designs are validated by name, and their weights are those of the empirical risk."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.theory.population.design import Design

sizes = st.lists(st.integers(1, 5000), min_size=1, max_size=5).map(tuple)
weights = st.floats(0, 1)
counts = st.integers(1, 10**6)

BAD = [
    ("sizes", {"sizes": ()}, "no groups"),
    ("sizes", {"sizes": (10, 0)}, "group 1.*empty group"),
    ("sizes", {"sizes": (10, -3)}, "at least 1"),
    ("sizes", {"sizes": (10, 2.5)}, "whole number"),
    ("sizes", {"sizes": (10, math.nan)}, "whole number"),
    ("sizes", {"sizes": (10, True)}, "whole number"),
    ("sizes", {"sizes": (10, "20")}, "whole number"),
    ("sizes", {"sizes": 10}, "sequence"),
    ("sizes", {"sizes": (10, None)}, "whole number"),
    ("augmentation", {"augmentation": -1}, "number N from 0"),
    ("augmentation", {"augmentation": 1.5}, "whole number"),
    ("augmentation", {"augmentation": math.nan}, "whole number"),
    ("augmentation", {"augmentation": True}, "whole number"),
    ("augmentation", {"augmentation": "100"}, "whole number"),
    ("augmentation", {"augmentation": 0, "weight": 0.5}, "N >= 1"),
    ("weight", {"weight": -0.1}, "\\[0, 1\\]"),
    ("weight", {"weight": 1.1}, "\\[0, 1\\]"),
    ("weight", {"weight": math.nan}, "\\[0, 1\\]"),
    ("weight", {"weight": True}, "\\[0, 1\\]"),
    ("weight", {"weight": "0.5"}, "\\[0, 1\\]"),
    ("weight", {"weight": None}, "\\[0, 1\\]"),
    ("scheme", {"scheme": "smote"}, "'synthetic', 'raw' or 'weighted'"),
    ("scheme", {"scheme": "raw", "augmentation": 5}, "no synthetic data"),
    ("scheme", {"scheme": "weighted", "augmentation": 5, "weight": 0.1}, "no synthetic data"),
]


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("name", "change", "says"), BAD)
def test_a_bad_argument_is_named_with_what_was_expected(name, change, says):
    good = {"sizes": (100, 10), "augmentation": 50, "weight": 0.25}
    assert Design(**good).num_groups == 2
    if change.get("scheme") in ("raw", "weighted"):
        good = {"sizes": (100, 10)}
    with pytest.raises(ValueError, match=f"^{name}: .*{says}"):
        Design(**(good | change))


@pytest.mark.usefixtures("as_installed")
def test_an_infinite_size_is_refused_by_name():
    with pytest.raises(ValueError, match="^sizes: "):
        Design((10, math.inf))


@pytest.mark.usefixtures("as_installed")
def test_minus_infinity_is_refused_by_name():
    with pytest.raises(ValueError, match="^augmentation: "):
        Design((10, 5), -math.inf, 0.5)


@given(sizes, counts, weights)
def test_all_weights_of_the_empirical_risk_add_to_one(sizes, count, weight):
    for design in (Design(sizes, count, weight), Design.raw(sizes), Design.class_weighted(sizes)):
        parts = (design.real_mass, design.oversampling_mass, design.augmentation_mass)
        assert np.isclose(sum(part.sum() for part in parts), 1.0, rtol=1e-13)
        assert all(np.all(part >= 0) for part in parts)


@given(sizes, counts, weights)
def test_real_and_synthetic_weight_of_every_group_are_complementary(sizes, count, weight):
    design = Design(sizes, count, weight)
    assert np.allclose(design.real_weights + design.synthetic_weights, 1.0, rtol=1e-14)
    groups = design.num_groups
    synthetic = design.oversampling_mass + design.augmentation_mass
    assert np.allclose(design.real_weights, groups * design.real_mass, rtol=1e-13)
    assert np.allclose(design.synthetic_weights, groups * synthetic, rtol=1e-12, atol=1e-15)


@given(sizes, counts, weights)
def test_masses_are_counts_times_the_weight_of_one_sample(sizes, count, weight):
    design = Design(sizes, count, weight)
    groups, n_max = len(sizes), max(sizes)
    each = (1 - weight) / (groups * n_max)
    drawn = np.array([n_max - n for n in sizes])
    assert design.oversampling == tuple(drawn)
    assert np.allclose(design.real_mass, each * np.array(sizes), rtol=1e-12)
    assert np.allclose(design.oversampling_mass, each * drawn, rtol=1e-9, atol=1e-15)
    extra = weight / (groups * count)
    noise = drawn * each**2 + count * extra**2
    assert np.allclose(design.synthetic_noise, noise, rtol=1e-9, atol=1e-20)


@given(sizes, counts, weights)
def test_infinite_augmentation_is_the_limit_of_its_noise(sizes, count, weight):
    limit = Design(sizes, math.inf, weight).synthetic_noise
    finite = Design(sizes, count, weight).synthetic_noise
    assert np.allclose(finite - limit, (weight / len(sizes)) ** 2 / count, rtol=1e-7, atol=1e-18)


@given(sizes)
def test_raw_weights_samples_equally_and_class_weighting_groups_equally(sizes):
    raw, balanced = Design.raw(sizes), Design.class_weighted(sizes)
    assert np.allclose(raw.real_mass, np.array(sizes) / sum(sizes), rtol=1e-14)
    assert np.allclose(balanced.real_mass, 1 / len(sizes), rtol=1e-14)
    for design in (raw, balanced):
        assert not np.any(design.synthetic_weights) and not np.any(design.synthetic_noise)
        assert not any(design.oversampling) and not np.any(design.oversampling_mass)


@given(st.integers(1, 5000), st.integers(2, 4))
def test_balanced_sizes_leave_nothing_to_oversample(size, groups):
    design = Design((size,) * groups)
    assert np.all(design.ratios == 1) and not np.any(design.synthetic_weights)
    assert np.allclose(design.real_mass, Design.raw(design.sizes).real_mass, rtol=1e-14)


@given(sizes, counts, weights, st.randoms(use_true_random=False))
def test_permuting_the_groups_permutes_the_weights(sizes, count, weight, random):
    order = list(range(len(sizes)))
    random.shuffle(order)
    design = Design(sizes, count, weight)
    other = Design(tuple(sizes[i] for i in order), count, weight)
    for name in ("real_mass", "oversampling_mass", "synthetic_noise", "ratios"):
        assert np.array_equal(getattr(design, name)[order], getattr(other, name)), name


@pytest.mark.usefixtures("as_installed")
def test_sizes_become_a_tuple_of_integers():
    design = Design(np.array([20, 10]), 5.0, np.float64(0.5))
    assert design.sizes == (20, 10) and design.augmentation == 5 and design.weight == 0.5
    assert (design.n_max, design.n_total) == (20, 30)
