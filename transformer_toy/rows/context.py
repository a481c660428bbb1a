"""What the network for whole rows keeps of a group's seeds: regression layer, slots, units.

Letters as in ``network``.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.transformer_toy.rows import conjugate
from synthetic_oversampling.transformer_toy.rows.architecture import (
    Architecture,
    Params,
    prior_of,
)
from synthetic_oversampling.transformer_toy.rows.conjugate import Posterior, Prior

__all__ = ["Context", "read"]


class Context(NamedTuple):
    """What the network keeps of the seeds.

    Attributes:
        group: posterior of the seeds as one Gaussian, by context.
        slot: posteriors of the slots' seeds; share_BxS: the slots' shares of the seeds.
        gain_B: what the slots explain beyond one Gaussian, nats a number.
        white_BxNxD: seeds, whitened; unit_BxNxD: each in units of the law that the others give it.
        used_BxN: 1 for a seed, 0 for padding.
    """

    group: Posterior  # axes B
    slot: Posterior  # axes B, S
    share_BxS: Float[Array, "B S"]
    gain_B: Float[Array, " B"]  # what the slots explain beyond one Gaussian, nats a number
    white_BxNxD: Float[Array, "B N D"]
    unit_BxNxD: Float[Array, "B N D"]
    used_BxN: Float[Array, "B N"]


def _held(
    prior: Prior, arch: Architecture, white: Array, used: Array, dims: Array
) -> Float[Array, "B S N"]:
    """How much of each seed each slot holds, after some rounds of attention (no gradient).

    Slots start at seeds that are far from each other. Each round attends with the slots' laws.
    """

    def near(point: Array) -> Array:
        square = ((white - point[:, None, :]) ** 2).sum(axis=-1)
        return jnp.where(used > 0.0, square, -1.0)

    points, apart = [], near(jnp.zeros_like(white[:, 0]))
    for _ in range(arch.slots):
        first = jnp.argmax(apart, axis=1)
        points.append(0.7 * jnp.take_along_axis(white, first[:, None, None], axis=1)[:, 0])
        apart = jnp.minimum(apart, near(points[-1])) if len(points) > 1 else near(points[-1])
    start = jnp.stack([-0.5 * near(point) for point in points], axis=1)

    def attend(logit_BxSxN: Array, _: None) -> tuple[Array, None]:
        return _slot_logits(prior, white, _share(logit_BxSxN, used), dims)[0], None

    logit_BxSxN, _ = jax.lax.scan(attend, start, length=arch.rounds)
    return _share(logit_BxSxN, used)


def _share(logit_BxSxN: Array, used_BxN: Array) -> Array:
    return jax.nn.softmax(logit_BxSxN, axis=1) * used_BxN[:, None, :]


def _slot_logits(
    prior: Prior, white: Array, held_BxSxN: Array, dims_B: Array
) -> tuple[Float[Array, "B S N"], Posterior]:
    """Log weight and log density of every seed in every slot (up to a constant), and the slots."""
    slot = jax.vmap(conjugate.posterior)(prior, white[:, None], held_BxSxN)
    square = (conjugate.whiten(slot, white[:, None]) ** 2).sum(axis=-1)
    # features beyond a group's own have the prior's scale, and leave this as it is
    padded = 0.5 * (white.shape[2] - dims_B)[:, None] * jnp.log(prior.scale)[:, None]
    volume = jnp.log(slot.diag).sum(axis=-1) - padded - 0.5 * dims_B[:, None] * jnp.log(slot.df)
    level = jnp.log(slot.weight + 0.5) - volume
    return level[..., None] - 0.5 * slot.df[..., None] * square, slot


@partial(as_one_program, static_argnames=("arch",), level=None)
def read(
    params: Params,
    arch: Architecture,
    x_BxNxD: Float[Array, "B N D"],
    count_B: Int[Array, " B"],
    dims_B: Int[Array, " B"],
    block_BxD: Int[Array, "B D"],
) -> Context:
    """What the network keeps of seeds; they are a set.

    Args:
        params: the network.
        arch: its sizes.
        x_BxNxD: seeds; those beyond a group's count may hold anything, features beyond its own 0.
        count_B: how many seeds each group has, from 0.
        dims_B: how many features.
        block_BxD: the category that each feature is part of, from 1; 0 for a number.

    Example:
        >>> from synthetic_oversampling.transformer_toy.rows.architecture import init
        >>> arch = Architecture()
        >>> params = init(arch, key=jax.random.key(0))
        >>> one = jnp.ones(2, jnp.int32)
        >>> seeds, numbers = jnp.ones((2, 4, 3), jnp.float32), jnp.zeros((2, 3), jnp.int32)
        >>> read(params, arch, seeds, 4 * one, 3 * one, numbers).share_BxS.shape
        (2, 3)
    """
    if x_BxNxD.shape[1] == 0:
        x_BxNxD = jnp.zeros((len(x_BxNxD), 1, x_BxNxD.shape[2]), x_BxNxD.dtype)
    position_N = jnp.arange(x_BxNxD.shape[1], dtype=count_B.dtype)
    used = (position_N[None, :] < count_B[:, None]).astype(x_BxNxD.dtype)
    x = jnp.where(used[..., None] > 0.0, x_BxNxD, 0.0)
    tables = (block_BxD > 0).any(axis=1)
    group = jax.vmap(conjugate.posterior)(prior_of(params, "prior", tables), x, used)
    white = conjugate.whiten(group, x)
    unit = conjugate.leave_one_out(group, white) * used[..., None]
    white = white * jnp.sqrt(group.df)[:, None, None] * used[..., None]
    dims = dims_B.astype(x.dtype)
    fixed = jax.lax.stop_gradient(white)
    slot_prior = prior_of(params, "slot_prior", tables)
    held = jax.lax.stop_gradient(_held(slot_prior, arch, fixed, used, dims))
    logit, slot = _slot_logits(slot_prior, fixed, held, dims)
    total = slot.weight.sum(axis=1, keepdims=True)
    seeds = jax.scipy.special.logsumexp(logit - jnp.log(total)[..., None], axis=1)
    seeds = (seeds + 0.5 * (fixed**2).sum(axis=-1)) * used
    gain = seeds.sum(axis=1) / (jnp.maximum(used.sum(axis=1), 1.0) * jnp.maximum(dims, 1.0))
    share = jnp.sort(slot.weight / total, axis=1)
    return Context(
        group=group,
        slot=slot,
        share_BxS=share,
        gain_B=jax.lax.stop_gradient(gain),
        white_BxNxD=white,
        unit_BxNxD=unit,
        used_BxN=used,
    )
