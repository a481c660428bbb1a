"""Synthetic samples from every generator, given the seeds.

Inside, features come first (``[d, n]``): the long axis is last, where a loop over it is one vector
instruction after another.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial, singledispatch

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.sampling.mixtures import (
    Recipe,
    apply_factor,
    components_of,
    draw_columns,
    factor,
    law_recipe,
    two_keys,
)
from synthetic_oversampling.theory.generators.base import class_count
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Generator,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    StudentPlugin,
)
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.wording import counted

__all__ = ["ON_ONE", "nearest_neighbours", "psd_cholesky", "sample_synthetic"]

# by name: the one configuration that a generator is simulated on, if its tails are all that is new
ON_ONE = {"student": "two-gaussians"}
_DISTANCES = 2**15  # held at once per data set while neighbours are searched: stays in cache


def sample_synthetic(
    generator: Generator,
    g: int,
    groups: Sequence[GaussianGroup],
    seeds: Sequence[Float[Array, "_ d"]],
    m: int,
    *,
    key: Key[Array, ""],
) -> tuple[Float[Array, "m d"], Float[Array, " m"]]:
    """``m`` synthetic samples of group ``g``, given the real samples of every group.

    Args:
        generator: any of `theory.generators.table`.
        g: whose samples.
        groups: all groups; generators with a known part read their true parameters.
        seeds: real features of every group, ``[n_g, d]`` each; a pooled covariance uses them all.
        m: how many.
        key: typed key.

    Returns:
        Features ``[m, d]`` and label signs +-1 ``[m]``.

    Raises:
        ValueError: too few seeds for the generator.

    Example:
        >>> import jax, jax.numpy as jnp, numpy as np
        >>> group = GaussianGroup(np.zeros(1), np.eye(1), 1)
        >>> seeds = [jnp.asarray([[0.0], [1.0]])]
        >>> x, sign = sample_synthetic(Smote(), 0, [group], seeds, 3, key=jax.random.key(0))
        >>> x.shape, bool(((x >= 0) & (x <= 1)).all())
        ((3, 1), True)
    """
    sizes = [len(x) for x in seeds]
    if len(groups) != len(seeds):
        raise ValueError(
            f"seeds: got {counted(len(seeds), 'array')} for {counted(len(groups), 'group')}, "
            "expected one per group."
        )
    check_group_seeds(generator, g, sizes, groups[g].dim)
    x, sign = synthetic_columns(generator, g, groups, [s.T for s in seeds], m, two_keys(key))
    return x.T, sign


def check_group_seeds(generator: Generator, g: int, sizes: Sequence[int], dim: int) -> None:
    """Raise unless group ``g`` has the seeds its generator needs; the others matter if pooled."""
    enough = sys.maxsize
    used = [n if generator.fits.pooled_cov or h == g else enough for h, n in enumerate(sizes)]
    generator.check_seeds(used, dim)


def synthetic_columns(
    generator, g: int, groups, seeds, m: int, keys, first=0
) -> tuple[Array, Array]:
    """Features first: ``(x [d, m], sign [m])`` from ``seeds`` of ``[d, n_g]`` and `two_keys`.

    With ``first``, the samples are those of a longer draw that start there.
    """
    dtype, dim = seeds[g].dtype, groups[g].dim
    recipe = recipe_of(generator, g, groups, dtype)
    (draw,) = draw_columns([recipe], [m], keys[None], dim, dtype, first)
    return draw(seeds)


@singledispatch
def recipe_of(generator, g: int, groups, dtype) -> Recipe:
    """How a generator makes samples of group ``g``; found by its class among those below."""
    raise ValueError(
        f"generator: got {generator!r}, expected one that simulate.sampling.samplers draws from; "
        f"register a sampler for {type(generator).__name__} there."
    )


@recipe_of.register(Oracle)
def _(generator, g, groups, dtype):
    return law_recipe(components_of(groups[g]), dtype)


@recipe_of.register(Shifted)
def _(generator, g, groups, dtype):
    right = law_recipe(components_of(groups[g]), dtype)

    def make(z, words, seeds):
        x, sign = right.make(z, words, seeds)
        return x + jnp.asarray(generator.shift, dtype)[:, None], sign

    return right._replace(make=make)


@recipe_of.register(Scaled)
def _(generator, g, groups, dtype):
    parts = components_of(groups[g])
    wider = parts._replace(factors=parts.factors * math.sqrt(generator.factor))
    return law_recipe(wider, dtype)


@recipe_of.register(Mislabelled)
def _(generator, g, groups, dtype):
    right, classes = law_recipe(components_of(groups[g]), dtype), class_count(groups)

    def make(z, words, seeds):
        x, sign = right.make(z, words, seeds)
        unit = streams.uniform(words[1], dtype)
        if classes == 2:
            return x, jnp.where(unit < generator.rate, -sign, sign)
        label = jnp.round((sign + 1) / 2)
        # below the rate the same number says how many classes on, of the K - 1 others
        step = 1 + jnp.floor(unit / max(generator.rate, 1e-300) * (classes - 1))
        other = jnp.mod(label + jnp.clip(step, 1, classes - 1), classes)
        return x, jnp.where(unit < generator.rate, 2 * other - 1, sign)

    return Recipe(normal=True, words=2, make=make)


def _of_seeds(groups, g: int, make: Callable, *, normal: bool = False, words: int = 0) -> Recipe:
    """Of a generator that reads its group's seeds, as ``make(z, words, seeds) -> x``."""

    def labelled(z, words, seeds):
        x = make(z, words, seeds)
        return x, jnp.full(x.shape[1], groups[g].sign, x.dtype)

    return Recipe(normal=normal, words=words, make=labelled)


@recipe_of.register(Duplicate)
def _(generator, g, groups, dtype):
    def make(_, words, seeds):
        return seeds[g][:, streams.integers(words[0], seeds[g].shape[1])]

    return _of_seeds(groups, g, make, words=1)


@recipe_of.register(Smote)
def _(generator, g, groups, dtype):
    def make(_, words, seeds):
        return _smote(seeds[g], generator.neighbours, words)

    return _of_seeds(groups, g, make, words=3)


@recipe_of.register(GaussianPlugin)
def _(generator, g, groups, dtype):
    def make(z, _, seeds):
        match generator.covariance:
            case "group":
                noise = psd_cholesky(_own_cov(seeds[g])) @ z
            case "pooled":
                degrees = sum(x.shape[1] for x in seeds) - len(seeds)
                noise = psd_cholesky(_sample_cov(seeds, degrees)) @ z
            case _:
                noise = apply_factor(factor(groups[g].overall_mean_cov()[1]), z)
        return _centre(seeds[g]) + noise

    return _of_seeds(groups, g, make, normal=True)


@recipe_of.register(Predictive)
def _(generator, g, groups, dtype):
    def known(z, _, seeds):
        spread = math.sqrt(1 + 1 / seeds[g].shape[1])
        noise = apply_factor(spread * factor(groups[g].overall_mean_cov()[1]), z)
        return _centre(seeds[g]) + noise

    def make(_, words, seeds):
        dim, n = seeds[g].shape
        spread = math.sqrt((1 + 1 / n) * (n - 1) / (n - dim))
        z = spread * _student(words, dim, n - dim, dtype)
        return _centre(seeds[g]) + psd_cholesky(_own_cov(seeds[g])) @ z

    if generator.covariance == "known":
        return _of_seeds(groups, g, known, normal=True)
    return _of_seeds(groups, g, make, words=_student_words(groups[g].dim))


@recipe_of.register(StudentPlugin)
def _(generator, g, groups, dtype):
    def make(_, words, seeds):
        degrees = generator.degrees
        z = _student(words, seeds[g].shape[0], degrees, dtype)
        noise = psd_cholesky(_own_cov(seeds[g])) @ (math.sqrt((degrees - 2) / degrees) * z)
        return _centre(seeds[g]) + noise

    return _of_seeds(groups, g, make, words=_student_words(groups[g].dim))


def _centre(points: Array) -> Array:
    return jnp.mean(points, axis=1)[:, None]


def _own_cov(points: Array) -> Array:
    return _sample_cov([points], points.shape[1] - 1)


def _sample_cov(samples: Sequence[Array], degrees: int) -> Array:
    """Pooled within-sample covariance ``[d, d]`` of arrays ``[d, n_g]``."""
    total = jnp.zeros((samples[0].shape[0],) * 2, samples[0].dtype)
    for x in samples:
        centred = x - jnp.mean(x, axis=1)[:, None]
        total = total + centred @ centred.T
    return total / degrees


@jax.jit
def psd_cholesky(matrix: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """Cholesky factor of a positive semi-definite matrix, singular or zero.

    A pivot that is rounding noise relative to its diagonal entry ends its column: exact for a
    semi-definite matrix, whose remaining column is then zero too.

    Args:
        matrix: ``[..., d, d]``.
    """
    size = matrix.shape[0]
    floor = 8 * size * jnp.finfo(matrix.dtype).eps * jnp.diagonal(matrix)
    index = jnp.arange(size)

    def eliminate(j, state):
        rest, root = state
        pivot = rest[j, j]
        usable = pivot > floor[j]
        column = rest[:, j] / jnp.sqrt(jnp.where(usable, pivot, 1.0))
        column = jnp.where(usable & (index >= j), column, 0.0)
        return rest - jnp.outer(column, column), root.at[:, j].set(column)

    return jax.lax.fori_loop(0, size, eliminate, (matrix, jnp.zeros_like(matrix)))[1]


def _student_words(dim: int) -> int:
    """Words of a Student-t vector: a length and an angle for every two coordinates."""
    return 2 * ((dim + 1) // 2)


def _student(words, dim: int, degrees: int | float, dtype) -> Array:
    """Spherical Student-t vectors ``[d, m]`` of words ``[.., m]``, two coordinates at a time.

    A bivariate t is ``sqrt(nu (U**(-2/nu) - 1)) (cos, sin)`` of a uniform angle (Bailey, 1994), and
    given coordinates of squared length ``r`` the others are t with more degrees of freedom, scaled
    by ``(nu + r) / (nu + count)``: no rejection, no chi-square variate.
    """
    pairs = len(words) // 2
    radius = streams.uniform(words[:pairs], dtype)
    angle = streams.uniform(words[pairs:], dtype) * (2 * math.pi)
    half_step = 2.0**-24  # centres of the cells: never log(0)
    total = jnp.full(words.shape[1], float(degrees), dtype)  # nu + squared length so far
    rows = []
    for j in range(pairs):
        growth = -2.0 / (degrees + 2 * j) * jnp.log(radius[j] + half_step)
        length = jnp.sqrt(total * jnp.expm1(growth))
        rows += [length * jnp.cos(angle[j]), length * jnp.sin(angle[j])]
        total = total * jnp.exp(growth)
    return jnp.stack(rows[:dim])


def _smote(seeds: Array, k: int | None, words) -> Array:
    """``(1 - u) x_i + u x_j`` with ``j`` another seed, or one of the ``k`` nearest: ``[d, m]``."""
    n = seeds.shape[1]
    first = streams.integers(words[0], n)
    if k is None or k >= n - 1:
        second = (first + 1 + streams.integers(words[1], n - 1)) % n
    else:
        second = nearest_neighbours(seeds.T, k)[first, streams.integers(words[1], k)]
    u = streams.uniform(words[2], seeds.dtype)[None, :]
    return (1 - u) * seeds[:, first] + u * seeds[:, second]


@partial(jax.jit, static_argnums=1)
def nearest_neighbours(x: Float[Array, "n d"], k: int) -> Int[Array, "n k"]:
    """Indices of the ``k`` nearest other rows, nearest first, equal distances by lower index.

    Squared distances are sums of squared differences, so that equal points are at distance 0
    exactly. The next neighbour is the smallest (distance, index) after the last one: k passes over
    a few rows' distances at a time, many times faster than sorting them and in bounded memory.

    Args:
        x: rows ``[n, d]``, ``n > k``.
        k: how many.

    Example:
        >>> import jax.numpy as jnp
        >>> nearest_neighbours(jnp.asarray([[0.0], [1.0], [3.0]]), 1).tolist()
        [[1], [0], [1]]
    """
    n, dim = x.shape
    chunk = min(n, max(8, _DISTANCES // n))
    columns = x.T
    index = jnp.arange(n, dtype=jnp.int32)[:, None]

    def search(rows):
        distance = jnp.zeros((n, chunk), x.dtype)
        for feature in range(dim):
            column = columns[feature]
            distance = distance + (column[:, None] - column[rows][None, :]) ** 2
        distance = jnp.where(index == rows[None, :], jnp.inf, distance)

        def following(last, _):
            reach, place = last
            tied = (distance == reach[None, :]) & (index > place[None, :])
            after = (distance > reach[None, :]) | tied
            reach = jnp.min(jnp.where(after, distance, jnp.inf), axis=0)
            place = jnp.min(jnp.where(after & (distance == reach[None, :]), index, n), axis=0)
            return (reach, place), place

        none = (jnp.full(chunk, -1.0, x.dtype), jnp.full(chunk, -1, jnp.int32))
        return jax.lax.scan(following, none, None, length=k)[1].T

    batches = -(-n // chunk)
    rows = jnp.minimum(jnp.arange(batches * chunk, dtype=jnp.int32), n - 1)
    return jax.lax.map(search, rows.reshape(batches, chunk)).reshape(-1, k)[:n]
