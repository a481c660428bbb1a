"""The regression layer: the conjugate law of a row, feature by feature, in batches and in float32.

Statement (T5, see ``theory.in_context.regression``): under Sigma ~ inverse Wishart(scale I,
df + D - 1) and mu | Sigma ~ N(0, Sigma / weight), feature j given those before it is a Student
regression on them. In coordinates e = W (x - mean), W lower triangular with W Psi W' = I and Psi
the posterior's scale matrix, the regression is already subtracted: e_j is located at 0. The prior
is the same for any number of features: leaving out the last ones leaves the law of the others.

Letters: N seeds or rows, D features; any axes may lead, and those of the seeds and of what is
known of them are broadcast against each other.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from synthetic_oversampling.theory.compiling import as_one_program

__all__ = [
    "Posterior",
    "Prior",
    "earlier_sum",
    "inverse_root",
    "leave_one_out",
    "log_density",
    "log_student",
    "posterior",
    "spread",
    "whiten",
]

_UNROLL = 8
_LEAST = 1e-4  # of 1 - leverage, in float32


class Prior(NamedTuple):
    """Seeds that the mean is worth, degrees of freedom of one feature, and scale; all above 0.

    Attributes:
        weight, df, scale: in this order.
    """

    weight: Float[Array, ""]
    df: Float[Array, ""]
    scale: Float[Array, ""]


class Posterior(NamedTuple):
    """What seeds leave of a prior: mean, inverse root of the scale matrix, and its diagonal.

    ``mean`` is ``[D]``, ``inverse`` that of a root ``[D, D]``, ``diag`` ``[D]``; ``weight`` is how
    many seeds the mean is worth, ``df`` the degrees of freedom of one feature.
    """

    mean: Float[Array, "*b D"]
    inverse: Float[Array, "*b D D"]
    diag: Float[Array, "*b D"]
    weight: Float[Array, "*b"]
    df: Float[Array, "*b"]


@partial(as_one_program, level=None)
def inverse_root(
    matrix: Float[Array, "*b D D"],
) -> tuple[Float[Array, "*b D D"], Float[Array, "*b D"]]:
    """W lower triangular with W A W' = I, and the diagonal of A's Cholesky factor.

    By elimination over all leading axes at once: for many small matrices far faster to
    differentiate than one factorisation each.

    Args:
        matrix: A, symmetric and positive definite.

    Example:
        >>> inverse, diag = inverse_root(jnp.array([[4.0, 0.0], [0.0, 9.0]]))
        >>> print(diag, inverse[1])
        [2. 3.] [0.         0.33333333]
    """
    size = matrix.shape[-1]
    index = jnp.arange(size).reshape((1,) * (matrix.ndim - 2) + (size,))

    def eliminate(carry, k):
        left, inverse = carry
        row = jax.lax.dynamic_index_in_dim(left, k, left.ndim - 2, keepdims=False)
        pivot = jax.lax.dynamic_index_in_dim(row, k, row.ndim - 1, keepdims=True)
        factor = jnp.where(index > k, row / pivot, 0.0)[..., :, None]
        known = jax.lax.dynamic_index_in_dim(inverse, k, inverse.ndim - 2, keepdims=True)
        return (left - factor * row[..., None, :], inverse - factor * known), pivot[..., 0]

    eye = jnp.broadcast_to(jnp.eye(size, dtype=matrix.dtype), matrix.shape)
    (_, inverse), pivots = jax.lax.scan(
        eliminate, (matrix, eye), jnp.arange(size), unroll=min(size, _UNROLL)
    )
    diag = jnp.sqrt(jnp.moveaxis(pivots, 0, -1))
    return inverse / diag[..., None], diag


@partial(as_one_program, level=None)
def posterior(prior: Prior, x: Float[Array, "*#b N D"], mass: Float[Array, "*b N"]) -> Posterior:
    """What a prior becomes after seeds that count as much as their mass.

    Args:
        prior: its three numbers.
        x: the seeds; a row of mass 0 must be finite and is not read.
        mass: 1 for a seed that is there, 0 for none, or a part.

    Example:
        >>> one = jnp.ones(())
        >>> after = posterior(Prior(one, one, one), jnp.array([[2.0], [2.0]]), jnp.ones(2))
        >>> print(after.mean, after.weight, after.diag**2)
        [1.33333333] 3.0 [3.66666667]
    """
    count = mass.sum(axis=-1)
    weight = prior.weight + count
    mean = (mass[..., None, :] @ x)[..., 0, :] / weight[..., None]
    centred = x - mean[..., None, :]
    scatter = jnp.swapaxes(centred * mass[..., None], -1, -2) @ centred
    scatter = scatter + prior.weight * mean[..., :, None] * mean[..., None, :]
    eye = jnp.eye(x.shape[-1], dtype=x.dtype)
    scatter = scatter + prior.scale * eye.reshape((1,) * (scatter.ndim - 2) + eye.shape)
    inverse, diag = inverse_root(scatter)
    return Posterior(mean=mean, inverse=inverse, diag=diag, weight=weight, df=prior.df + count)


@partial(as_one_program, level=None)
def whiten(after: Posterior, x: Float[Array, "*x N D"]) -> Float[Array, "*y N D"]:
    """Rows in coordinates in which every feature has its regression on the earlier ones subtracted.

    Args:
        after: the posterior.
        x: rows.

    Example:
        >>> one = jnp.ones(())
        >>> after = posterior(Prior(one, one, one), jnp.zeros((0, 1)), jnp.zeros(0))
        >>> print(whiten(after, jnp.array([[2.0]])))
        [[2.]]
    """
    return (x - after.mean[..., None, :]) @ jnp.swapaxes(after.inverse, -1, -2)


def earlier_sum(x: Float[Array, "*b D"]) -> Float[Array, "*b D"]:
    """For each feature the sum over those before it; its own number has no part in it.

    Args:
        x: numbers.

    Example:
        >>> print(earlier_sum(jnp.array([1.0, 2.0, 1e30])))
        [0. 1. 3.]
    """
    return jnp.concatenate([jnp.zeros_like(x[..., :1]), jnp.cumsum(x, axis=-1)[..., :-1]], axis=-1)


@partial(as_one_program, level=None)
def spread(after: Posterior, white: Float[Array, "*b N D"]) -> Float[Array, "*b N D"]:
    """Scale of each feature's Student law given the earlier features, in whitened coordinates.

    Args:
        after: the posterior.
        white: rows, whitened.

    Returns:
        The scale; feature j has ``df + j`` degrees of freedom, j from 0.

    Example:
        >>> one = jnp.ones(())
        >>> after = posterior(Prior(one, one, one), jnp.zeros((0, 2)), jnp.zeros(0))
        >>> print(spread(after, jnp.array([[2.0, 0.0]])))
        [[1.41421356 1.73205081]]
    """
    df = after.df[..., None, None]
    ratio = (1.0 + 1.0 / after.weight)[..., None, None] / df
    freedom = df + _index(white)
    return jnp.sqrt(ratio * (df + earlier_sum(white * white) / ratio) / freedom)


def _index(white: Array) -> Array:
    """0, 1, ... for the features, with as many axes as the rows have."""
    size = white.shape[-1]
    return jnp.arange(size, dtype=white.dtype).reshape((1,) * (white.ndim - 1) + (size,))


@partial(as_one_program, level=None)
def leave_one_out(after: Posterior, white: Float[Array, "*b N D"]) -> Float[Array, "*b N D"]:
    """Each seed in units of the law that the other seeds give it, feature by feature (exact).

    Statement: without seed i, of leverage v |e|^2, v = weight/(weight - 1), feature j misses its
    regression by v e_j / (1 - s_j) with s_j the leverage of the features before it, and its
    squared residual scale is (1 - s_{j+1})/(1 - s_j). The units are Student with df - 1 + j
    degrees of freedom if the prior is right.

    Args:
        after: the posterior after all seeds, each of mass 1.
        white: the seeds, whitened.

    Example:
        >>> one = jnp.ones(())
        >>> x = jnp.array([[0.0], [2.0], [5.0]])
        >>> every = posterior(Prior(one, one, one), x, jnp.ones(3))
        >>> rest = posterior(Prior(one, one, one), x, jnp.array([1.0, 1.0, 0.0]))
        >>> alone = whiten(rest, x[2:])
        >>> print(leave_one_out(every, whiten(every, x))[2], alone / spread(rest, alone))
        [3.39451429] [[3.39451429]]
    """
    weight = jnp.maximum(after.weight - 1.0, _LEAST)[..., None, None]
    df = jnp.maximum(after.df - 1.0, _LEAST)[..., None, None]
    factor = 1.0 + 1.0 / weight
    before = earlier_sum(white * white)
    rest = jnp.clip(1.0 - factor * before, _LEAST, 1.0)
    after_it = jnp.clip(1.0 - factor * (before + white * white), _LEAST, 1.0)
    miss = factor * white / jnp.sqrt(rest * after_it)
    ratio = factor / df
    square = ratio * df + factor * factor * before / rest
    return miss / jnp.sqrt(square / (df + _index(white)))


@partial(as_one_program, level=None)
def log_student(z: Float[Array, "*s"], df: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Log density of the standard Student law, in nats.

    Args:
        z: where.
        df: degrees of freedom, above 0.

    Example:
        >>> print(round(float(log_student(jnp.zeros(1), jnp.ones(1))[0]), 6))
        -1.14473
    """
    half = 0.5 * (df + 1.0)
    constant = jax.lax.lgamma(half) - jax.lax.lgamma(0.5 * df) - 0.5 * jnp.log(jnp.pi * df)
    return constant - half * jnp.log1p(z * z / df)


@partial(as_one_program, level=None)
def log_density(after: Posterior, x: Float[Array, "*b N D"]) -> Float[Array, "*b N D"]:
    """Log density of each feature of a row given the earlier ones, in nats (exact).

    Args:
        after: the posterior.
        x: rows.

    Example:
        >>> one = jnp.ones(())
        >>> after = posterior(Prior(one, one, one), jnp.zeros((0, 1)), jnp.zeros(0))
        >>> print(log_density(after, jnp.array([[0.0]])))
        [[-1.49130348]]
    """
    white = whiten(after, x)
    scale = spread(after, white)
    df = after.df[..., None, None] + _index(white)
    dense = log_student(white / scale, jnp.broadcast_to(df, white.shape))
    return dense - jnp.log(scale) - jnp.log(after.diag)[..., None, :]
