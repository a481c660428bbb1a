"""What may and may not influence the network's output."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.transformer_toy import model

EPS = float(np.finfo(np.float64).eps)
ARCH = model.Architecture(dim_token=3, dim_condition=2, dim_out=5, num_memory=2)
COUNTS = jnp.array([[0, 1, 4, 9], [2, 3, 7, 8]], jnp.int32)
CONDITIONS = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


@pytest.fixture(scope="module")
def params():
    weights = model.init(ARCH, key=jax.random.key(7), dtype=jnp.float64)
    for layer in range(ARCH.num_layers):  # averaging and summing heads together
        weights[f"layer{layer}.mass_exponent"] = jnp.array([0.0, 0.3])
    return weights


@pytest.fixture(scope="module")
def seeds():
    return jax.random.normal(jax.random.key(8), (2, 12, 3))


def test_output_depends_on_the_seeds_as_a_set(params, seeds):
    out = model.apply(params, seeds, COUNTS, CONDITIONS)
    order = jnp.array([3, 1, 0, 2, 4, 5, 6, 7, 8, 9, 10, 11])
    shuffled = model.apply(params, seeds[:, order], COUNTS, CONDITIONS)
    scale = jnp.abs(out).max()
    same = [(0, 0), (0, 2), (0, 3), (1, 2), (1, 3)]  # prefixes that hold all or none of the four
    for group, prefix in same:
        gap = jnp.abs(out[group, prefix] - shuffled[group, prefix]).max()
        assert gap < 1000 * EPS * scale, (group, prefix)
    for group, prefix in ((0, 1), (1, 0), (1, 1)):  # prefixes that the shuffle changes
        gap = jnp.abs(out[group, prefix] - shuffled[group, prefix]).max()
        assert gap > 1e-6 * scale, (group, prefix)


def test_seeds_beyond_a_prefix_and_other_groups_change_nothing(params, seeds):
    out = model.apply(params, seeds, COUNTS, CONDITIONS)
    later = model.apply(params, seeds.at[:, 4:].add(100.0), COUNTS, CONDITIONS)
    assert np.array_equal(out[0, :3], later[0, :3])
    assert np.array_equal(out[1, :2], later[1, :2])
    assert not np.array_equal(out[0, 3], later[0, 3])
    other = model.apply(params, seeds.at[1].add(100.0), COUNTS, CONDITIONS)
    assert np.array_equal(out[0], other[0])
    assert not np.array_equal(out[1, 1], other[1, 1])


def test_padding_may_hold_anything_even_nan(params, seeds):
    out = model.apply(params, seeds, COUNTS, CONDITIONS)
    padded = seeds.at[:, 9:].set(jnp.nan)
    assert np.array_equal(out, model.apply(params, padded, COUNTS, CONDITIONS))
    gradient = jax.grad(
        lambda weights: (model.apply(weights, padded, COUNTS, CONDITIONS) ** 2).sum()
    )(params)
    assert all(bool(np.isfinite(leaf).all()) for leaf in gradient.values())


def test_more_padding_changes_nothing_beyond_rounding(params, seeds):
    out = model.apply(params, seeds, COUNTS, CONDITIONS)
    longer = jnp.concatenate([seeds, jnp.zeros_like(seeds)], axis=1)
    again = model.apply(params, longer, COUNTS, CONDITIONS)
    assert jnp.abs(out - again).max() < 1000 * EPS * jnp.abs(out).max()


def test_each_condition_answers_for_itself(params, seeds):
    together = model.apply(params, seeds, COUNTS, CONDITIONS)
    alone = model.apply(params, seeds, COUNTS, CONDITIONS[1:2])
    gap = jnp.abs(together[:, :, 1:2] - alone).max()
    assert gap < 1000 * EPS * jnp.abs(alone).max()
    assert jnp.abs(together[:, :, 0] - together[:, :, 1]).max() > 1e-6


def test_without_seeds_the_output_is_the_same_for_every_group(params, seeds):
    out = model.apply(params, seeds, jnp.zeros((2, 1), jnp.int32), CONDITIONS)
    assert np.array_equal(out[0], out[1])


def test_float32_and_float64_agree_to_float32_rounding(params, seeds):
    wide = model.apply(params, seeds, COUNTS, CONDITIONS)
    narrow = model.apply(
        {name: leaf.astype(jnp.float32) for name, leaf in params.items()},
        seeds.astype(jnp.float32),
        COUNTS,
        CONDITIONS.astype(jnp.float32),
    )
    assert narrow.dtype == jnp.float32
    rounding = float(np.finfo(np.float32).eps)
    assert jnp.abs(wide - narrow.astype(float)).max() < 1000 * rounding * jnp.abs(wide).max()


def test_init_fills_the_tree_that_shapes_describes():
    weights = model.init(ARCH, key=jax.random.key(1))
    assert {name: leaf.shape for name, leaf in weights.items()} == model.shapes(ARCH)
    assert sum(leaf.size for leaf in weights.values()) == model.num_parameters(ARCH)
    assert 1e4 < model.num_parameters(model.Architecture(2, 0, 3)) < 1e5


def test_tokens_of_another_size_are_refused(params):
    with pytest.raises(ValueError, match="made for another dimension"):
        model.apply(params, jnp.ones((2, 3, 4)), COUNTS, CONDITIONS)


@pytest.mark.parametrize(
    "name, value",
    [("width", 0), ("num_layers", 0), ("num_memory", 0), ("num_heads", 0), ("hidden", -1)],
)
def test_impossible_sizes_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        model.Architecture(**({"dim_token": 2, "dim_condition": 0, "dim_out": 3} | {name: value}))
