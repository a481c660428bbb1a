"""What one seed contributes to samples interpolated between all pairs of seeds (theorem R2).

The mean score of ``(1 - u) x + u x'`` given one of the two seeds is an integral over the partner
and the interpolation weight: the Hajek projection of a U-statistic.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from synthetic_oversampling.theory.generators.smote import interpolation_nodes
from synthetic_oversampling.theory.population.expectations import expectations
from synthetic_oversampling.theory.population.laws import Law
from synthetic_oversampling.theory.population.margins import Loss

__all__ = ["COARSE", "Projection", "interpolation_projection"]

COARSE = 97  # nodes of nested integrals: relative error near 1e-9 for scores of std up to 5
_TOGETHER = 4  # components whose interpolations are integrated at once


class Projection(NamedTuple):
    """``E[s((1-u) x + u x') | x]``: weights of ``xbar`` ``[K, N]`` and of vectors of ``x'``.

    Attributes:
        phi: weights of ``xbar``; location, direction: of the vectors of ``x'``.
    """

    phi: Array
    location: Array  # [K, N, L]
    direction: Array


def interpolation_projection(theta, law: Law, t, loss: Loss, count: int = COARSE) -> Projection:
    """The Hajek projection at scores ``t`` ``[K, N]``, an integral over ``u`` and the partner.

    Of many components, one at a time and one ``u`` at a time: all at once fill the memory.

    Args:
        theta: ``[p]``; law: of one group; loss: the loss (static).
        t: scores at which it is wanted ``[K, N]``.
        count: nodes of the partner's integral, odd (static).
    """
    nodes = tuple(map(jnp.asarray, interpolation_nodes()))
    if len(law.weights) <= _TOGETHER:
        return _projection(theta, law, t, nodes, loss, count)

    @jax.checkpoint
    def one(theta, law, row, node):
        return _projection(theta, law, row[None], tuple(part[None] for part in node), loss, count)

    def component(row):
        parts = jax.lax.map(lambda node: one(theta, law, row, node), nodes)
        return jax.tree.map(lambda part: jnp.sum(part, axis=0)[0], parts)

    return jax.lax.map(component, t)


def _projection(theta, law: Law, t, nodes, loss: Loss, count: int) -> Projection:
    u, weight = (part[None, None, :, None] for part in nodes)
    centre = (theta[0] + law.means @ theta[1:])[None, None, None]
    var = jnp.maximum((law.covs @ theta[1:]) @ theta[1:], 0.0)[None, None, None]
    sign = law.signs[0]
    # axes: component, node, interpolation node, partner component
    mix = law.weights[None, None, None] * weight
    margin = sign * ((1 - u) * t[..., None, None] + u * centre)
    spread = jnp.broadcast_to(u**2 * var, margin.shape)
    slopes = (loss.derivative(1), loss.derivative(2))
    first, second = expectations(slopes, margin, spread, (0.0, 0.0), count)
    first, second = sign * first * mix, second * mix
    return Projection(
        jnp.sum(first * (1 - u), axis=(2, 3)),
        jnp.sum(first * u, axis=2),
        jnp.sum(second * u**2, axis=2),
    )
