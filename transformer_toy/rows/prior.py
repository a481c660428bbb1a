"""The groups that a network for whole rows is trained on: Gaussian, mixtures, structural, tables.

Gaussian groups and mixtures have the same law of mean and covariance, a normal-inverse-Wishart of
average covariance I, so that they differ in shape alone; structural groups share only the law of
each column's variance and of its mean in that unit, and have the correlations of their structure.
Only for the Gaussian quarter the exact predictive is known.

A structural group is written column by column, each a sum of functions of earlier columns plus
noise (normal, exponential, heavy-tailed or uniform, its scale sometimes moving with another
column), and its columns are then shuffled. Mixtures and structural groups are brought to unit
moments by a sample of ``SAMPLE`` rows, which seeds and new rows are part of.

A table is a structural group whose first columns have become categories: a category of L levels
is L - 1 columns, its ``block``, each 1 at one level and -1 at the others, and all -1 at the last.
Its level is that of the largest of L - 1 columns, or the last if none is large, and levels move the
numbers too.

Letters: B groups, N rows, D features, C components, K earlier columns, O functions.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.transformer_toy.rows.conjugate import Prior, inverse_root

__all__ = ["FAMILIES", "PRIOR", "SAMPLE", "covariance_root", "draw"]

FAMILIES = ("gaussian", "mixture", "structural", "table")  # families of groups in training
PRIOR = (0.5, 5.0, 3.0)  # weight, df, scale: E Sigma = scale / (df - 2) I = I
SAMPLE = 272  # rows that moments are of, seeds and new rows among them
_COMPONENT_DF = 8.0
_FUNCTIONS = 6


def exact_prior(dtype: DTypeLike) -> Prior:
    """The law of mean and covariance of every group, as the regression layer takes it.

    Example:
        >>> print(exact_prior(jnp.float32).df)
        5.0
    """
    return Prior(*(jnp.asarray(value, dtype) for value in PRIOR))


@partial(as_one_program, static_argnames=("num_groups", "dim", "dtype", "df"), level=None)
def covariance_root(
    num_groups: int, dim: int, dtype: DTypeLike, *, df: float = PRIOR[1], key: Key[Array, ""]
) -> Float[Array, "B D D"]:
    """R with R R' = Sigma, Sigma inverse Wishart with average I (by Bartlett's decomposition).

    Args:
        num_groups: B.
        dim: D.
        dtype: of the draws.
        df: degrees of freedom of one feature, above 2.
        key: a typed key.

    Example:
        >>> covariance_root(4, 3, jnp.float32, key=jax.random.key(0)).shape
        (4, 3, 3)
    """
    normal_key, chi_key = jax.random.split(key)
    normal = jnp.tril(jax.random.normal(normal_key, (num_groups, dim, dim), dtype), -1)
    freedom = df + dim - 1.0 - jnp.arange(dim, dtype=dtype)
    shape = jnp.broadcast_to(0.5 * freedom[None, :], (num_groups, dim))
    chi = jnp.sqrt(2.0 * jax.random.gamma(chi_key, shape, dtype=dtype))
    lower = normal + chi[..., None] * jnp.eye(dim, dtype=dtype)[None]
    # Wishart = lower lower', Sigma its inverse: R = inverse(lower)', which elimination gives too
    inverse, _ = inverse_root(lower @ jnp.swapaxes(lower, 1, 2))
    return (df - 2.0) ** 0.5 * jnp.swapaxes(inverse, 1, 2)


def _often(key: Key[Array, ""], chance: float, shape: tuple[int, ...]) -> Array:
    """Independent events; single precision, so that the draws do not depend on JAX's own."""
    return jax.random.bernoulli(key, np.float32(chance), shape)


def _mixture(num_groups: int, dim: int, dtype: DTypeLike, key: Key[Array, ""]) -> Array:
    """Two or three Gaussian components with own covariances, some features without a shift."""
    keys = jax.random.split(key, 8)
    logit = jax.random.normal(keys[0], (num_groups, 3), dtype)
    third = jnp.where(_often(keys[1], 0.5, (num_groups,)), logit[:, 2], -jnp.inf)
    logit = jnp.concatenate([logit[:, :2], third[:, None]], axis=1)
    which = jax.random.categorical(keys[2], logit[:, None, :], shape=(num_groups, SAMPLE))
    apart = 2.5 * jax.random.uniform(keys[3], (num_groups, 1, 1), dtype)
    shifted = _often(keys[4], 0.6, (num_groups, 3, dim)).astype(dtype)
    mean = apart * shifted * jax.random.normal(keys[5], (num_groups, 3, dim), dtype)
    root = covariance_root(3 * num_groups, dim, dtype, df=_COMPONENT_DF, key=keys[6])
    root = root.reshape(num_groups, 3, dim, dim)
    noise = jax.random.normal(keys[7], (num_groups, SAMPLE, dim), dtype)
    each = mean[:, :, None, :] + jnp.einsum("bcij,bnj->bcni", root, noise)
    return jnp.einsum("bnc,bcni->bni", jax.nn.one_hot(which, 3, dtype=dtype), each)


def _functions(past_BxNxK: Array) -> Array:
    """What a column may be of an earlier one: linear, square, |x|, sine, sign, and a product."""
    x = jnp.clip(past_BxNxK, -4.0, 4.0)
    before = jnp.concatenate([x[..., :1], x[..., :-1]], axis=-1)
    square, bend = 0.7 * (x * x - 1.0), 1.6 * (jnp.abs(x) - 0.8)
    return jnp.stack([x, square, bend, 1.4 * jnp.sin(2.0 * x), jnp.sign(x), before * x], axis=-1)


def _structural(num_groups: int, dim: int, dtype: DTypeLike, key: Key[Array, ""]) -> Array:
    """Columns that are functions of earlier columns plus noise, shuffled."""
    keys = jax.random.split(key, 9)
    pairs, cells = (num_groups, dim, dim), (num_groups, SAMPLE, dim)
    present = _often(keys[0], 0.35, pairs).astype(dtype)
    slope = present * jax.random.normal(keys[1], pairs, dtype)
    slope = 1.5 * jax.random.uniform(keys[2], (num_groups, 1, 1), dtype) * slope
    kind = jax.nn.one_hot(
        jax.random.randint(keys[3], pairs, 0, _FUNCTIONS, jnp.int32), _FUNCTIONS, dtype=dtype
    )
    normal = jax.random.normal(keys[4], cells, dtype)
    uniform = jax.random.uniform(keys[5], cells, dtype, 1e-6, 1.0)
    noises = (normal, -jnp.log(uniform) - 1.0, jnp.sinh(1.2 * normal) / 2.05, 3.46 * uniform - 1.73)
    form = jax.random.randint(keys[6], (num_groups, 1, dim), 0, len(noises), jnp.int32)
    noise = jnp.choose(jnp.broadcast_to(form, cells), list(noises), mode="clip")
    moving = 0.6 * _often(keys[7], 0.3, (num_groups, 1, dim)).astype(dtype)
    columns = noise[..., :1]
    for j in range(1, dim):
        known = slope[:, j, :j]
        mean = jnp.einsum("bnko,bko,bk->bn", _functions(columns), kind[:, j, :j], known)
        scale = jnp.exp(moving[..., j] * jnp.clip(columns[..., 0], -4.0, 4.0))
        size = jnp.sqrt(1.0 + (known**2).sum(axis=-1, keepdims=True))
        new = jnp.clip((mean + scale * noise[..., j]) / size, -8.0, 8.0)
        columns = jnp.concatenate([columns, new[..., None]], axis=-1)
    order = jnp.argsort(jax.random.uniform(keys[8], (num_groups, dim), dtype), axis=-1)
    return jnp.take_along_axis(columns, order[:, None, :], axis=2)


def _table(
    latent_BxNxD: Float[Array, "B N D"], key: Key[Array, ""]
) -> tuple[Float[Array, "B N D"], Int[Array, "B D"]]:
    """Groups with their first columns made categories, and the blocks of these (0: a number)."""
    num_groups, _, dim = latent_BxNxD.shape
    keys = jax.random.split(key, 6)
    dtype = latent_BxNxD.dtype
    most = max(dim - 1, 1)
    number = jax.random.randint(keys[0], (num_groups, 1), 1, most + 1, jnp.int32)
    first = _often(keys[1], 0.6, (num_groups, dim)).at[:, 0].set(True)
    place = jnp.arange(dim, dtype=jnp.int32)[None, :]
    block = jnp.where(place < number, jnp.cumsum(first, axis=1, dtype=jnp.int32), 0)
    token = (block > 0)[:, None, :]
    score = latent_BxNxD + 0.8 * jax.random.normal(keys[2], (num_groups, 1, dim), dtype) - 0.2
    same = (block[:, :, None] == block[:, None, :])[:, None]
    best = jnp.where(same, score[:, :, None, :], -jnp.inf).max(axis=-1)
    level = jnp.where(token & (score >= best) & (score > 0.0), 1.0, -1.0).astype(dtype)
    moves = _often(keys[3], 0.4, (num_groups, dim, dim)).astype(dtype)
    moves = moves * jax.random.normal(keys[4], (num_groups, dim, dim), dtype)
    moves = moves * jax.random.uniform(keys[5], (num_groups, 1, 1), dtype)
    number_BxNxD = latent_BxNxD + jnp.where(token, level, 0.0) @ moves
    return jnp.where(token, level, _standardised(number_BxNxD, jointly=False)), block


def _standardised(x: Array, *, jointly: bool) -> Array:
    """Rows with mean 0 and covariance I, or with each column's variance 1."""
    centred = x - x.mean(axis=1, keepdims=True)
    if not jointly:
        return centred / (1e-3 + centred.std(axis=1, keepdims=True))
    cov = jnp.einsum("bni,bnj->bij", centred, centred) / x.shape[1]
    inverse, _ = inverse_root(cov + 1e-3 * jnp.eye(x.shape[2], dtype=x.dtype)[None])
    return centred @ jnp.swapaxes(inverse, 1, 2)


@partial(as_one_program, static_argnames=("num_groups", "length", "dim", "dtype"), level=None)
def draw(
    num_groups: int, length: int, dim: int, dtype: DTypeLike, *, key: Key[Array, ""]
) -> tuple[Float[Array, "B N D"], Int[Array, "B D"]]:
    """Rows of new groups, a quarter of each family in their order; any rows are as good as others.

    Args:
        num_groups: B, a multiple of 4.
        length: N, up to ``SAMPLE``.
        dim: D.
        dtype: of the rows.
        key: a typed key.

    Returns:
        The rows, and for each column 0 for a number or the block of its category.

    Raises:
        ValueError: for a number of groups that is no multiple of 4, or too many rows.

    Example:
        >>> rows, block = draw(8, 20, 3, jnp.float32, key=jax.random.key(0))
        >>> rows.shape, block[:6].any(), sorted(set(rows[6:, :, 0].ravel().tolist()))
        ((8, 20, 3), Array(False, dtype=bool), [-1.0, 1.0])
    """
    if num_groups < 4 or num_groups % 4:
        raise ValueError(f"num_groups: got {num_groups}, expected a multiple of 4 from 4.")
    if not 1 <= length <= SAMPLE:
        raise ValueError(f"length: got {length}, expected a number of rows from 1 to {SAMPLE}.")
    quarter = num_groups // 4
    keys = jax.random.split(key, 6)
    normal = jax.random.normal(keys[0], (quarter, length, dim), dtype)
    mixed = _standardised(_mixture(quarter, dim, dtype, keys[1]), jointly=True)[:, :length]
    formed = _standardised(_structural(2 * quarter, dim, dtype, keys[2]), jointly=False)
    table, block = _table(formed[quarter:], keys[5])
    root = covariance_root(num_groups, dim, dtype, key=keys[3])
    # a structural column keeps its meaning: it is scaled, not combined with others
    scale = jnp.sqrt((root[2 * quarter :] ** 2).sum(axis=-1, keepdims=True))
    root = jnp.concatenate([root[: 2 * quarter], scale * jnp.eye(dim, dtype=dtype)[None]])
    offset = jax.random.normal(keys[4], (num_groups, 1, dim), dtype) / PRIOR[0] ** 0.5
    parts = (normal, mixed, formed[:quarter, :length], table[:, :length])
    rows = (jnp.concatenate(parts) + offset) @ jnp.swapaxes(root, 1, 2)
    numbers = jnp.zeros((3 * quarter, dim), jnp.int32)
    rows = rows.at[3 * quarter :].set(
        jnp.where(block[:, None] > 0, table[:, :length], rows[3 * quarter :])
    )
    return rows, jnp.concatenate([numbers, block])
