"""Draws from Gaussian groups and labelled Gaussian mixtures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law

__all__ = ["Components", "components_of", "sample_group", "sample_law"]

_NOISE, _CHOICE = 0, 1


class Components(NamedTuple):
    """A mixture ready for sampling: NumPy constants, factored once.

    Attributes:
        weights: ``[K]``, positive, summing to 1.
        means: ``[K, d]``.
        factors: ``[K, d, d]`` with ``factor @ factor.T`` the covariance.
        signs: ``[K]``, the label as +-1.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    signs: np.ndarray


def factor(cov: np.ndarray) -> np.ndarray:
    """A square root of a covariance; exact zeros of a point mass or a degenerate direction stay."""
    try:
        return np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(cov)
        return vectors * np.sqrt(np.maximum(values, 0.0))


def components_of(source: GaussianGroup | Law | Components) -> Components:
    """The mixture's components, without those of weight 0.

    Args:
        source: a group or a law.

    Raises:
        ValueError: when a law's weights are negative or sum to 0.
    """
    if isinstance(source, Components):
        return source
    if isinstance(source, GaussianGroup):
        weights, means, covs = source.weights, source.mean, source.cov
        signs = np.full(len(weights), source.sign)
    else:
        weights, means, covs, signs = (np.asarray(part, dtype=np.float64) for part in source)
    total = float(np.sum(weights))
    if np.any(weights < 0) or not total > 0:
        raise ValueError(
            f"source: got mixture weights {weights!r}, expected non-negative weights with a "
            "positive sum; a law without mass cannot be sampled."
        )
    kept = weights > 0
    factors = np.stack([factor(cov) for cov in covs[kept]])
    return Components(weights[kept] / total, means[kept], factors, signs[kept])


def apply_factor(matrix: np.ndarray, z: Array) -> Array:
    """``matrix @ z`` for a constant matrix, cheap when it is diagonal; ``z`` is ``[d, n]``."""
    diagonal = np.diagonal(matrix)
    if np.array_equal(matrix, np.diag(diagonal)):
        if np.all(diagonal == 1.0):
            return z
        return z * jnp.asarray(diagonal, z.dtype)[:, None]
    return jnp.asarray(matrix, z.dtype) @ z


def two_keys(key: Key[Array, ""]) -> Key[Array, " 2"]:
    """The keys of a sample's noise and of its discrete choices."""
    return streams.fold_in(key, jnp.arange(2, dtype=jnp.uint32))


class Recipe(NamedTuple):
    """How samples are made of random numbers.

    Attributes:
        normal: whether of standard normals ``[d, n]``.
        words: random words of a sample; 0 for none.
        make: ``(normals, words [words, n], seeds) -> (x [d, n], sign [n])``, seeds of every group
            ``[d, n_g]``; what is not asked for is None.
    """

    normal: bool
    words: int
    make: Callable


def draw_columns(
    recipes: Sequence[Recipe], counts: Sequence[int], keys, dim: int, dtype, first=0
) -> list[Callable]:
    """The random numbers of several samples, drawn together: functions of the seeds, in order.

    Features come first: each returns ``(x [d, n], sign [n])``. ``keys [k, 2]`` are those of a
    sample's noise and of its choices. With ``first``, the samples are those of longer draws that
    start there.
    """

    def drawn(which: list[int], column: int, draw: Callable) -> dict[int, Array]:
        """Of some of the samples, by their places."""
        if not which:
            return {}
        sizes = tuple(counts[k] for k in which)
        every = draw(keys[np.array(which), column], sizes)
        return dict(zip(which, jnp.split(every, np.cumsum(sizes)[:-1], axis=1), strict=True))

    normals = drawn(
        [k for k, recipe in enumerate(recipes) if recipe.normal],
        _NOISE,
        lambda key, sizes: streams.normals_of(key, sizes, dim, dtype, first=first),
    )
    words: dict[int, Array] = {}
    for width in sorted({recipe.words for recipe in recipes} - {0}):
        words |= drawn(
            [k for k, recipe in enumerate(recipes) if recipe.words == width],
            _CHOICE,
            lambda key, sizes, width=width: streams.words_of(key, sizes, width, first=first),
        )
    return [partial(recipe.make, normals.get(k), words.get(k)) for k, recipe in enumerate(recipes)]


def law_recipe(parts: Components, dtype) -> Recipe:
    """Independent samples of a mixture; of the words, the first picks the component."""
    count = len(parts.means)
    means = jnp.asarray(parts.means, dtype)

    def make(z, words, _):
        if count == 1:
            x = means[0][:, None] + apply_factor(parts.factors[0], z)
            return x, jnp.full(z.shape[1], parts.signs[0], dtype)
        unit = streams.uniform(words[0], dtype)
        edges = jnp.asarray(np.cumsum(parts.weights)[:-1], dtype)
        chosen = jnp.sum((unit[None, :] >= edges[:, None]).astype(jnp.int32), axis=0)
        x = jnp.zeros_like(z)
        for k in range(count):  # the components of a group are few
            drawn = means[k][:, None] + apply_factor(parts.factors[k], z)
            x = jnp.where((chosen == k)[None, :], drawn, x)
        if np.all(parts.signs == parts.signs[0]):
            return x, jnp.full(z.shape[1], parts.signs[0], dtype)
        return x, jnp.asarray(parts.signs, dtype)[chosen]

    return Recipe(normal=True, words=2 if count > 1 else 0, make=make)


def sample_columns(parts: Components, n: int, keys, dtype) -> tuple[Array, Array]:
    """Features first: ``(x [d, n], sign [n])``; ``keys`` are those of noise and choice."""
    (draw,) = draw_columns([law_recipe(parts, dtype)], [n], keys[None], parts.means.shape[1], dtype)
    return draw(None)


def sample_law(
    law: GaussianGroup | Law | Components, n: int, *, key: Key[Array, ""], dtype=jnp.float64
) -> tuple[Float[Array, "n d"], Float[Array, " n"]]:
    """Independent draws ``(x, sign)`` from a labelled mixture (normalised to mass 1).

    Args:
        law: a group, a law of ``theory``, or its `components_of`; concrete, not traced.
        n: how many.
        key: typed key; the first ``n`` rows of a longer draw are the same rows.
        dtype: float64 or float32.

    Returns:
        Features ``[n, d]`` and label signs +-1 ``[n]``.
    """
    x, sign = sample_columns(components_of(law), n, two_keys(key), dtype)
    return x.T, sign


def sample_group(
    group: GaussianGroup | Law | Components, n: int, *, key: Key[Array, ""], dtype=jnp.float64
) -> Float[Array, "n d"]:
    """Independent feature vectors ``[n, d]`` of a group.

    Args:
        group: whose law is drawn from.
        n: vectors.
        key: typed key.
        dtype: of the features.

    Example:
        >>> import jax, numpy as np
        >>> point = GaussianGroup(mean=np.array([1.0, 2.0]), cov=np.zeros((2, 2)), label=1)
        >>> sample_group(point, 2, key=jax.random.key(0)).tolist()
        [[1.0, 2.0], [1.0, 2.0]]
    """
    return sample_law(group, n, key=key, dtype=dtype)[0]
