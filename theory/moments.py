"""First and second moments of the score over many laws at once, from one pass of quadrature.

The same numbers as `theory.groups` computes one by one, batched over stacked laws and sharing their
quadrature nodes: what theorem R assembles its predictions from.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from theory.laws import Law
from theory.margins import Loss, expectations

__all__ = ["Moments", "moments"]


class Moments(NamedTuple):
    """Per law: risk ``[G]``, score mean ``[G, p]``, Hessian and score covariance ``[G, p, p]``."""

    risk: Array
    score_mean: Array
    hessian: Array
    score_cov: Array


def moments(theta, laws: Law, loss: Loss) -> Moments:
    """Risk, gradient, Hessian and score covariance of stacked laws ``[G, K, ...]`` of mass 1.

    Accurate relative to the functions' maximum (1e-13), not to an exponentially small value; for
    that use `theory.groups`.
    """
    intercept, slope = theta[0], theta[1:]
    cov_slope = laws.covs @ slope
    sign, mass = laws.signs, laws.weights
    margin = sign * (intercept + laws.means @ slope)
    var = jnp.maximum(cov_slope @ slope, 0.0)
    d = [loss.value, *(loss.derivative(k) for k in range(1, 5))]
    square = d[1] * d[1]
    functions = (*d, square, square.derivative(), square.derivative().derivative())
    e = expectations(functions, margin, var, (0.0, 0.0)) * mass[None]
    location = jnp.pad(laws.means, ((0, 0), (0, 0), (1, 0)), constant_values=1.0)
    direction = jnp.pad(cov_slope, ((0, 0), (0, 0), (1, 0)))

    def outer(value, left, right):
        return jnp.einsum("gk,gki,gkj->gij", value, left, right)

    def weighted(zeroth, first, second):
        cross = outer(sign * first, location, direction)
        block = jnp.einsum("gk,gkij->gij", zeroth, laws.covs)
        return (
            outer(zeroth, location, location)
            + jnp.pad(block, ((0, 0), (1, 0), (1, 0)))
            + cross
            + jnp.swapaxes(cross, 1, 2)
            + outer(second, direction, direction)
        )

    mean = jnp.einsum("gk,gkp->gp", sign * e[1], location) + jnp.einsum(
        "gk,gkp->gp", e[2], direction
    )
    return Moments(
        jnp.sum(e[0], axis=1),
        mean,
        weighted(e[2], e[3], e[4]),
        weighted(e[5], e[6], e[7]) - mean[:, :, None] * mean[:, None, :],
    )
