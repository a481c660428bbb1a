"""Random numbers: the streams of `jax.random`, computed in one fused pass.

`jax.random` on a CPU runs its cipher, Threefry-2x32, as a loop that writes every round to memory;
sampling then costs several times what fitting does. Here the twenty rounds are written out, so the
compiler fuses cipher, uniform and normal into one pass over the output. The numbers are those of
``jax.random`` with partitionable Threefry, bit for bit: ``normal(key, (n, d))`` holds the same
values as ``jax.random.normal(key, (n, d), float32)``, and tests hold that.

A draw is a function of (key, row, column) alone. Hence the first ``n`` rows of a longer draw with
the same key are the same rows, which is what common random numbers across sample sizes need.

Normals are drawn with 23 random bits in float32 and then converted: their moments up to the sixth
are within 1e-5 of the normal law's, relatively (enumerated over all values in the tests), far
below any Monte Carlo error here, and float64 normals would cost four times as much.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt32

from synthetic_oversampling.theory.wording import counted

__all__ = ["fold_in", "integers", "normal", "normals_of", "uniform", "words", "words_of"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_LOWEST = np.nextafter(np.float32(-1.0), np.float32(0.0))


def _key_words(key) -> tuple[Array, Array]:
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key) or "threefry2x32" not in str(
        jax.random.key_impl(key)
    ):
        raise ValueError(
            f"key: got dtype {key.dtype}, expected a typed Threefry key; make it with "
            "jax.random.key(seed) and the default implementation."
        )
    data = jax.random.key_data(key)
    return data[..., 0], data[..., 1]


def _threefry(first, second, high, low) -> tuple[Array, Array]:
    """Threefry-2x32 with 20 rounds (Salmon et al., 2011), written out."""
    schedule = (first, second, first ^ second ^ _PARITY)
    left, right = high + schedule[0], low + schedule[1]
    for block in range(5):
        for turn in _ROTATIONS[block % 2]:
            left = left + right
            right = (right << np.uint32(turn)) | (right >> np.uint32(32 - turn))
            right = left ^ right
        left = left + schedule[(block + 1) % 3]
        right = right + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return left, right


@partial(jax.jit, inline=True)
def fold_in(
    key: Key[Array, ""], data: int | Int[Array, "*items"] | UInt32[Array, "*items"]
) -> Key[Array, "*items"]:
    """The key for item ``data``, or one for each entry: equal to ``jax.random.fold_in``.

    Args:
        key: typed key.
        data: an item's number, or an array of them.

    Example:
        >>> import jax
        >>> key = jax.random.key(0)
        >>> bool(fold_in(key, 7) == jax.random.fold_in(key, 7))
        True
    """
    first, second = _key_words(key)
    low = jnp.asarray(data).astype(jnp.uint32)
    left, right = _threefry(first, second, jnp.zeros_like(low), low)
    return jax.random.wrap_key_data(jnp.stack([left, right], axis=-1), impl="threefry2x32")


def _require_room(shape: tuple[int, int]) -> None:
    numbers = shape[0] * shape[1]
    if numbers >= 2**32:
        raise ValueError(
            f"shape: got {shape}, {counted(numbers, 'number')}, expected fewer than 2**32 from one "
            "key; draw in several parts with keys folded from this one."
        )


def _counter(shape: tuple[int, int], features_first: bool, first):
    """Position of every entry of an ``[n, d]`` array in its rows, as ``[n, d]`` or ``[d, n]``.

    The first of the rows is row ``first`` of the draw.
    """
    n, d = shape
    _require_room(shape)
    laid_out, row_axis = ((d, n), 1) if features_first else ((n, d), 0)
    row = jax.lax.broadcasted_iota(jnp.uint32, laid_out, row_axis)
    column = jax.lax.broadcasted_iota(jnp.uint32, laid_out, 1 - row_axis)
    return (row + jnp.asarray(first, jnp.uint32)) * np.uint32(d) + column


@partial(jax.jit, static_argnums=1, static_argnames="features_first", inline=True)
def words(
    key: Key[Array, ""],
    shape: tuple[int, int],
    *,
    features_first: bool = False,
    first: int | Int[Array, ""] | UInt32[Array, ""] = 0,
) -> UInt32[Array, "_ _"]:
    """Random 32-bit words, equal to ``jax.random.bits(key, shape, uint32)``, or transposed.

    With ``first``, they are the rows of a longer draw that start there.

    Args:
        key: typed key.
        shape: of the words.
        features_first: whether they are made transposed.
        first: number of the first word.
    """
    return _words_at(key, _counter(shape, features_first, first))


def _words_at(key, counter):
    first, second = _key_words(key)
    left, right = _threefry(first, second, jnp.zeros_like(counter), counter)
    return left ^ right


@partial(jax.jit, static_argnums=(1, 2), inline=True)
def words_of(
    keys: Key[Array, " k"],
    counts: tuple[int, ...],
    width: int,
    *,
    first: int | Int[Array, ""] | UInt32[Array, ""] = 0,
) -> UInt32[Array, "width _"]:
    """`words` of several keys side by side, each ``[width, count]``: one program in place of many.

    Args:
        keys: one for each draw; counts: their rows; width: words of a row.
        first: number of each draw's first row.

    Example:
        >>> import jax
        >>> keys = jax.random.split(jax.random.key(0), 2)
        >>> both = words_of(keys, (3, 2), 4)
        >>> bool((both[:, 3:] == words(keys[1], (2, 4), features_first=True)).all())
        True
    """
    for count in counts:
        _require_room((count, width))
    high, low = _key_words(keys)
    if len(counts) > 1:  # each row's own
        draw = np.repeat(np.arange(len(counts)), counts)
        high, low = high[draw], low[draw]
    row = jnp.asarray(np.concatenate([np.arange(count, dtype=np.uint32) for count in counts]))
    row = (row + jnp.asarray(first, jnp.uint32)) * np.uint32(width)
    counter = row[None] + jnp.arange(width, dtype=jnp.uint32)[:, None]
    left, right = _threefry(high[None], low[None], jnp.zeros_like(counter), counter)
    return left ^ right


@partial(jax.jit, static_argnums=(1, 2, 3), inline=True)
def normals_of(
    keys: Key[Array, " k"],
    counts: tuple[int, ...],
    width: int,
    dtype=jnp.float64,
    *,
    first: int | Int[Array, ""] | UInt32[Array, ""] = 0,
) -> Float[Array, "width _"]:
    """`normal` of several keys side by side, each ``[width, count]``.

    Args:
        keys, counts, width, first: as for `words_of`.
        dtype: of the result.
    """
    return _to_normal(_unit(words_of(keys, counts, width, first=first))).astype(dtype)


def _unit(bits):
    """Words to float32 in [0, 1) by filling the mantissa of numbers in [1, 2)."""
    mantissa = (bits >> np.uint32(9)) | np.uint32(0x3F800000)
    return jax.lax.bitcast_convert_type(mantissa, jnp.float32) - np.float32(1.0)


def _to_normal(unit):
    """The normal quantile, by the steps of ``jax.random.normal`` in float32."""
    centred = jnp.maximum(_LOWEST, unit * (np.float32(1.0) - _LOWEST) + _LOWEST)
    return np.float32(np.sqrt(2)) * jax.lax.erf_inv(centred)


def uniform(bits: UInt32[Array, "*shape"], dtype=jnp.float64) -> Float[Array, "*shape"]:
    """Uniform on [0, 1) in steps of 2**-23 from random words, converted to ``dtype``.

    Args:
        bits: words.
        dtype: of the result.
    """
    return _unit(bits).astype(dtype)


def integers(bits: UInt32[Array, "*shape"], high: int) -> Int[Array, "*shape"]:
    """Whole numbers from random words, uniform on 0 .. high - 1 up to a relative ``high / 2**32``.

    The upper half of the 64-bit product of a word with ``high``, by 16-bit parts so that 32-bit
    arithmetic suffices.

    Args:
        bits: words.
        high: how many numbers there are to choose from.

    Raises:
        ValueError: for none, or more than 2**31 - 1.
    """
    if not 1 <= high < 2**31:
        raise ValueError(f"high: got {high}, expected a number of choices in 1 .. 2**31 - 1.")
    half, mask = np.uint32(16), np.uint32(0xFFFF)
    upper, lower = bits >> half, bits & mask
    high_upper, high_lower = np.uint32(high >> 16), np.uint32(high & 0xFFFF)
    first = upper * high_lower + ((lower * high_lower) >> half)
    second = lower * high_upper + (first & mask)
    return (upper * high_upper + (first >> half) + (second >> half)).astype(jnp.int32)


@partial(jax.jit, static_argnums=(1, 2), static_argnames="features_first", inline=True)
def normal(
    key: Key[Array, ""],
    shape: tuple[int, int],
    dtype=jnp.float64,
    *,
    features_first: bool = False,
    first: int | Int[Array, ""] | UInt32[Array, ""] = 0,
) -> Float[Array, "_ _"]:
    """Standard normals ``[n, d]``, or the same numbers as ``[d, n]``.

    Args:
        key: typed Threefry key.
        shape: ``(n, d)``.
        dtype: of the result; the numbers are float32 numbers in any case.
        features_first: return ``[d, n]``, whose long last axis is faster to work on.
        first: the rows are those of a longer draw that start there.

    Example:
        >>> import jax
        >>> z = normal(jax.random.key(0), (4, 2))
        >>> bool((z == normal(jax.random.key(0), (9, 2), features_first=True).T[:4]).all())
        True
    """
    bits = _words_at(key, _counter(shape, features_first, first))
    return _to_normal(_unit(bits)).astype(dtype)
