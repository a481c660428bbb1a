"""Data sets of a design have its rows and weights, and share their real samples."""

import jax
import numpy as np
import pytest

from synthetic_oversampling.simulate.sampling.datasets import draw_dataset, row_layout
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
from synthetic_oversampling.theory.population.laws import GaussianGroup

KEY = jax.random.key(20)
SINGLE = GaussianGroup(np.array([1.0, -2.0, 0.5]), np.diag([1.0, 2.0, 0.5]), 1)
MIXED = GaussianGroup(
    np.array([[0.0, 0.0, 0.0], [2.0, -1.0, 1.0], [-3.0, 0.5, 2.0]]),
    np.stack([np.eye(3), np.diag([1.0, 2.0, 0.5]), 0.25 * np.eye(3)]),
    0,
    weights=np.array([0.5, 0.3, 0.2]),
)
GROUPS = [MIXED, SINGLE]
GENERATORS = [
    Oracle(),
    Shifted((0.3, 0.0, -0.2)),
    Scaled(1.3),
    Mislabelled(0.1),
    Duplicate(),
    Smote(),
    Smote(3),
    GaussianPlugin("group"),
    GaussianPlugin("pooled"),
    GaussianPlugin("known"),
    Predictive("group"),
    Predictive("known"),
]


DESIGN = Design(sizes=(12, 7), augmentation=5, weight=0.25)


@pytest.mark.parametrize("generator", GENERATORS, ids=str)
def test_real_samples_are_common_to_all_generators_and_designs(generator):
    data = draw_dataset(GROUPS, DESIGN, generator, key=KEY)
    raw = draw_dataset(GROUPS, Design.raw(DESIGN.sizes), generator, key=KEY)
    real = np.concatenate(
        [np.arange(s.start, s.start + s.count) for s in row_layout(DESIGN) if s.part == "real"]
    )
    assert np.array_equal(data.x[real], raw.x)
    assert np.array_equal(data.sign[real], raw.sign)
    other = draw_dataset(GROUPS, DESIGN, generator, key=jax.random.key(21))
    assert not np.any(np.asarray(other.x) == np.asarray(data.x))


def test_a_larger_design_begins_with_the_same_real_samples():
    small = draw_dataset(GROUPS, Design.raw((12, 7)), Oracle(), key=KEY)
    large = draw_dataset(GROUPS, Design.raw((24, 14)), Oracle(), key=KEY)
    assert np.array_equal(small.x[:12], large.x[:12])
    assert np.array_equal(small.x[12:], large.x[24:31])


@pytest.mark.parametrize(
    "design",
    [
        DESIGN,
        Design((12, 7)),
        Design((7, 7)),
        Design((12, 7), augmentation=5, weight=1.0),
        Design((12, 7), augmentation=5),
        Design.raw((12, 7)),
        Design.class_weighted((12, 7)),
    ],
    ids=str,
)
def test_rows_and_weights_are_those_of_the_empirical_risk(design):
    data = draw_dataset(GROUPS, design, [Oracle(), Duplicate()], key=KEY)
    weight, group = np.asarray(data.weight), np.asarray(data.group)
    assert abs(weight.sum() - 1) < 8 * np.finfo(float).eps
    total = design.real_mass + design.oversampling_mass + design.augmentation_mass
    for g in range(2):
        assert abs(weight[group == g].sum() - total[g]) < 8 * np.finfo(float).eps
        assert np.all(np.asarray(data.sign)[group == g] == GROUPS[g].sign)
    mass = {
        "real": design.real_mass,
        "oversampling": design.oversampling_mass,
        "augmentation": design.augmentation_mass,
    }
    layout = row_layout(design)
    for part in layout:
        rows = weight[part.start : part.start + part.count]
        assert abs(rows.sum() - mass[part.part][part.group]) < 8 * np.finfo(float).eps
    assert sum(part.count for part in layout) == len(weight)
    assert np.all(weight > 0)


def test_synthetic_rows_follow_the_generator_of_their_group():
    data = draw_dataset(GROUPS, Design((12, 7)), [Oracle(), Duplicate()], key=KEY)
    real = {tuple(row) for row in np.asarray(data.x[12:19]).tolist()}
    assert {tuple(row) for row in np.asarray(data.x[19:]).tolist()} <= real


def test_one_real_sample_is_enough_for_generators_that_do_not_fit():
    for generator in (Oracle(), Duplicate(), GaussianPlugin("known"), Predictive("known")):
        data = draw_dataset(GROUPS, Design((6, 1)), generator, key=KEY)
        assert data.x.shape == (12, 3) and np.all(np.isfinite(data.x))
    with pytest.raises(ValueError, match="got 1 seed in group 1, expected at least 2"):
        draw_dataset(GROUPS, Design((6, 1)), Smote(), key=KEY)


def test_the_largest_group_needs_no_seeds_for_oversampling():
    # group 0 is oversampled, group 1 is not: its 3 seeds are not too few
    data = draw_dataset(GROUPS[::-1], Design((2, 3)), Smote(), key=KEY)
    assert data.x.shape == (6, 3)


def test_a_vectorised_draw_is_the_single_draws():
    keys = jax.random.split(KEY, 3)
    for generator in (Smote(3), Predictive()):
        draw = jax.jit(lambda k, q=generator: draw_dataset(GROUPS, DESIGN, q, key=k))
        together = jax.jit(jax.vmap(draw))(keys)
        for i in range(3):
            alone = draw(keys[i])
            np.testing.assert_allclose(together.x[i], alone.x, rtol=1e-12, atol=1e-12)


def test_malformed_requests_are_refused_by_name():
    with pytest.raises(ValueError, match="augmentation=inf"):
        row_layout(Design((3, 2), augmentation=float("inf"), weight=0.5))
    with pytest.raises(ValueError, match="generator: got 1 generator, expected one.*2 groups"):
        draw_dataset(GROUPS, DESIGN, [Oracle()], key=KEY)
    with pytest.raises(ValueError, match="design: got 2 sizes for 1 group,"):
        draw_dataset(GROUPS[:1], DESIGN, Oracle(), key=KEY)
    flat = GaussianGroup(np.zeros(2), np.eye(2), 1)
    with pytest.raises(ValueError, match="dimensions \\[2, 3\\]"):
        draw_dataset([MIXED, flat], DESIGN, Oracle(), key=KEY)
    with pytest.raises(ValueError, match="shift: got 2 entries"):
        draw_dataset(GROUPS, DESIGN, Shifted((1.0, 0.0)), key=KEY)
