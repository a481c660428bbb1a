"""The random streams are those of `jax.random`, and their normals are normal."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_oversampling.simulate.sampling import streams

KEY = jax.random.key(20)


def test_the_streams_are_those_of_jax_random_bit_for_bit():
    for seed, shape in itertools.product((0, 7, 2**40), ((1, 1), (5, 3), (257, 2))):
        key = jax.random.key(seed)
        assert np.array_equal(streams.words(key, shape), jax.random.bits(key, shape, jnp.uint32))
        assert np.array_equal(
            streams.uniform(streams.words(key, shape), jnp.float32),
            jax.random.uniform(key, shape, jnp.float32),
        )
        assert np.array_equal(
            streams.normal(key, shape, jnp.float32), jax.random.normal(key, shape, jnp.float32)
        )
        for item in (0, 1, 2**31, 2**32 - 1):
            item = np.uint32(item)
            assert streams.fold_in(key, item) == jax.random.fold_in(key, item)
    together = streams.fold_in(KEY, jnp.arange(3))
    assert all(together[i] == jax.random.fold_in(KEY, i) for i in range(3))


def test_the_normals_have_normal_moments_over_all_their_values():
    bits = jnp.arange(2**23, dtype=jnp.uint32) << np.uint32(9)
    z = np.asarray(streams._to_normal(streams._unit(bits)), dtype=np.float64)
    assert abs(z.mean()) < 1e-6
    for power, moment in ((2, 1.0), (4, 3.0), (6, 15.0)):
        assert abs((z**power).mean() / moment - 1) < 1e-4, power
    assert abs((z**2).mean() - 1) < 1e-6


@settings(max_examples=10)  # each number is compiled
@given(st.integers(1, 2**31 - 1))
def test_whole_numbers_are_the_upper_half_of_an_exact_product(high):
    bits = streams.words(KEY, (64, 1))
    drawn = np.asarray(streams.integers(bits, high))
    bits = np.asarray(bits).astype(np.uint64)
    assert np.array_equal(drawn, (bits * np.uint64(high)) >> np.uint64(32))
    assert drawn.min() >= 0 and drawn.max() < high


@pytest.mark.parametrize(
    "key", [jnp.zeros(2, jnp.uint32), jax.random.key(0, impl="rbg")], ids=["raw", "other cipher"]
)
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises((ValueError, TypeError)):
        streams.normal(key, (2, 2))


def test_a_draw_with_too_many_numbers_is_refused():
    with pytest.raises(ValueError, match="2\\*\\*32"):
        streams.words(KEY, (2**31, 2))
    with pytest.raises(ValueError, match="high"):
        streams.integers(streams.words(KEY, (1, 1)), 0)


def test_a_later_part_of_a_draw_starts_where_it_is_told_to():
    whole = streams.normal(KEY, (50, 3))
    part = jax.jit(lambda first: streams.normal(KEY, (20, 3), first=first))(17)
    np.testing.assert_array_equal(part, whole[17:37])
    bits = streams.words(KEY, (50, 3), features_first=True)
    np.testing.assert_array_equal(
        streams.words(KEY, (20, 3), features_first=True, first=17), bits[:, 17:37]
    )
