"""How far one law is from another: the training loss and the measured gap.

Closed forms where the two laws have one; otherwise Gauss-Hermite nodes in up to two dimensions, and
antithetic draws above and for mixtures, which could put a narrow component on every fixed node.
Letters in names: B groups, P prefixes, S nodes or draws, D features.
"""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.theory.in_context.capacity import gaussian_kl
from synthetic_oversampling.transformer_toy import heads
from synthetic_oversampling.transformer_toy.heads import (
    Categorical,
    Gaussian,
    Labelled,
    Law,
    Mixture,
)

__all__ = ["DRAWS", "NODES_PER_AXIS", "kl", "loss"]

NODES_PER_AXIS = {1: 16, 2: 8}  # nodes of an axis, by the number of features
DRAWS = 64  # draws of a mean where there is no grid


def _standard_nodes(
    num_groups: int, dim: int, dtype: DTypeLike, fixed: bool, key: Key[Array, ""]
) -> tuple[Array, Array]:
    """Points z_BxSxD and weights w_S with sum_s w_s f(z_bs) near E f(Z), Z ~ N(0, I)."""
    if fixed and dim in NODES_PER_AXIS:
        node, weight = np.polynomial.hermite_e.hermegauss(NODES_PER_AXIS[dim])
        weight = weight / weight.sum()
        z_SxD = np.array(list(itertools.product(node, repeat=dim)))
        w_S = np.array([np.prod(pair) for pair in itertools.product(weight, repeat=dim)])
        z_BxSxD = jnp.broadcast_to(jnp.asarray(z_SxD, dtype), (num_groups, *z_SxD.shape))
        return z_BxSxD, jnp.asarray(w_S, dtype)
    half = jax.random.normal(key, (num_groups, DRAWS // 2, dim), dtype)
    return jnp.concatenate([half, -half], axis=1), jnp.full(DRAWS, 1.0 / DRAWS, dtype)


def _isotropic(var_p: Array, var_q: Array, square: Array, dim: int) -> Array:
    """KL between isotropic Gaussians, any precision, up to rounding of order eps."""
    ratio = var_p / var_q
    return 0.5 * (dim * (ratio - 1.0 - jnp.log(ratio)) + square / var_q)


@partial(as_one_program, level=None)
def loss(truth: Law, law: Law, *, key: Key[Array, ""]) -> Float[Array, "B P"]:
    """The divergence of a law from a group's true law, up to a constant of the truth.

    Statement: E log(1/law(X)) over X from the truth, minus a number that does not depend on the
    law: exact for ``Gaussian``, ``Labelled`` and ``Categorical`` against their own kind (where it
    is KL(truth || law)), by quadrature for a ``Student``, from fresh draws for a ``Mixture``.
    Averaged over groups, its minimiser is the exact posterior predictive, whose loss is not 0.

    Args:
        truth: true laws, with leading axes (B, 1); a ``Mixture`` truth has one component.
        law: the network's laws, with leading axes (B, P).
        key: for the draws, of mixtures and above two dimensions.

    Returns:
        Nats.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> law = Gaussian(jnp.zeros((1, 1, 2)), jnp.ones((1, 1)))
        >>> print(loss(law, law, key=jax.random.key(0)))
        [[0.]]
    """
    if isinstance(truth, Gaussian) and isinstance(law, Gaussian):
        square = ((truth.mean - law.mean) ** 2).sum(axis=-1)
        return _isotropic(truth.var, law.var, square, law.mean.shape[-1])
    if isinstance(truth, Categorical):
        assert isinstance(law, Categorical)  # a head is matched to its task
        return (jnp.exp(truth.log_prob) * (truth.log_prob - law.log_prob)).sum(axis=-1)
    if isinstance(truth, Labelled):
        assert isinstance(law, Labelled)
        square = ((truth.mean - law.mean) ** 2).sum(axis=-1)
        given = _isotropic(truth.var, law.var, square, law.mean.shape[-1])
        return (jnp.exp(truth.log_prob) * (truth.log_prob - law.log_prob + given)).sum(axis=-1)
    assert isinstance(truth, Gaussian | Mixture)  # what tasks draw groups from
    num_groups, dim = truth.mean.shape[0], truth.mean.shape[-1]
    fixed = not isinstance(law, Mixture)
    z_BxSxD, w_S = _standard_nodes(num_groups, dim, truth.mean.dtype, fixed, key)
    if isinstance(truth, Gaussian):
        x_BxSxD = truth.mean + jnp.sqrt(truth.var)[..., None] * z_BxSxD
    else:
        root = jnp.swapaxes(truth.root[:, 0], -1, -2)
        spread = jax.scipy.linalg.solve_triangular(root, jnp.swapaxes(z_BxSxD, 1, 2)[:, None])
        x_BxSxD = truth.mean[:, 0] + jnp.swapaxes(spread[:, 0], 1, 2)
    num_prefixes = jax.tree.leaves(law)[0].shape[1]
    shape = (num_groups, num_prefixes, *x_BxSxD.shape[1:])
    x_BxPxSxD = jnp.broadcast_to(x_BxSxD[:, None], shape)
    return -(heads.log_density(law, x_BxPxSxD) * w_S[None, None, :]).sum(axis=-1)


@partial(as_one_program, static_argnames=("draws",), level=None)
def kl(law_p: Law, law_q: Law, *, key: Key[Array, ""], draws: int = 256) -> Float[Array, "B P"]:
    """KL(p || q), closed form where there is one, otherwise an estimate that is never negative.

    Statement: between two ``Gaussian``, ``Labelled`` or ``Categorical`` laws it is exact, and
    accurate to the square of rounding. Otherwise it is the mean, over draws from p, of
    e^w - 1 - w, w = log q - log p: unbiased, and of small variance when q is near p.

    Args:
        law_p: the reference.
        law_q: the law that is measured.
        key: for the draws.
        draws: how many a law, where draws are needed.

    Returns:
        Nats, in float64.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> p = Gaussian(jnp.zeros((1, 1, 2)), jnp.ones((1, 1)))
        >>> q = Gaussian(jnp.ones((1, 1, 2)), jnp.ones((1, 1)))
        >>> print(kl(p, q, key=jax.random.key(0)))
        [[1.]]
    """
    law_p = jax.tree.map(lambda leaf: leaf.astype(jnp.zeros(()).dtype), law_p)
    law_q = jax.tree.map(lambda leaf: leaf.astype(jnp.zeros(()).dtype), law_q)
    if isinstance(law_p, Gaussian) and isinstance(law_q, Gaussian):
        return gaussian_kl(law_p.mean, law_p.var, law_q.mean, law_q.var)
    if isinstance(law_p, Categorical | Labelled):
        assert isinstance(law_q, Categorical | Labelled)
        log_ratio = law_q.log_prob - law_p.log_prob
        each = jnp.expm1(log_ratio) - log_ratio
        if isinstance(law_p, Labelled):
            assert isinstance(law_q, Labelled)
            each = each + gaussian_kl(law_p.mean, law_p.var, law_q.mean, law_q.var)
        return (jnp.exp(law_p.log_prob) * each).sum(axis=-1)
    x = heads.sample(law_p, draws, key=key)
    log_ratio = heads.log_density(law_q, x) - heads.log_density(law_p, x)
    return (jnp.expm1(log_ratio) - log_ratio).mean(axis=-1)
