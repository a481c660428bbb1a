"""Laws of a rule's scores, one normal law for each component of each group, and what they say."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from synthetic_oversampling.theory.arrays import AnyArray, Number, namespace
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.population.metrics import Side
from synthetic_oversampling.theory.proportional.rows import (
    gaussian_mean,
    grid,
    loss_pull,
    loss_values,
    normal_cdf,
)

__all__ = ["auroc", "calibration_slope", "scored", "side"]

_NODES = grid(257)
_STEPS, _SETTLED = 100, 1e-12  # of Newton's method


def scored(
    groups: Sequence[GaussianGroup], loss: Loss, mean: AnyArray, var: AnyArray
) -> tuple[AnyArray, ...]:
    """Risk, error, mean and variance of the score of every group, from its components'.

    Args:
        groups: ``G`` of them; loss: of the risk.
        mean, var: of the score, of all components of all groups in their order.
    """
    xp = namespace(mean, var)
    found, start = [], 0
    for group in groups:
        place = slice(start, start + len(group.weights))
        start = place.stop
        margin = group.sign * mean[place]
        risk = gaussian_mean(lambda u: loss_values(loss, u), margin, var[place], _NODES)
        error = normal_cdf(-margin / xp.sqrt(var[place]))
        centre = group.weights @ mean[place]
        second = group.weights @ (var[place] + mean[place] ** 2)
        found.append((group.weights @ risk, group.weights @ error, centre, second - centre**2))
    return tuple(xp.array(part) for part in zip(*found, strict=True))


def side(groups: Sequence[GaussianGroup], mean: AnyArray, var: AnyArray, of: int) -> Side:
    """The law of the score in the groups of one label.

    Args:
        groups, mean, var: as for `scored`; of: 1 or -1.
    """
    sign, weight = _components(groups)
    some = (sign == of) & (weight > 0)
    return Side(weight[some] / weight[some].sum(), mean[some][:, None], var[some][:, None, None])


def _components(groups):
    """Label sign and weight of every component, its group's weight shared out."""
    sign = np.concatenate([np.full(len(group.weights), group.sign) for group in groups])
    return sign, np.concatenate([group.weights for group in groups])


def auroc(groups: Sequence[GaussianGroup], mean: AnyArray, var: AnyArray) -> Number:
    """AUROC of the groups of one label against those of the other, equally weighted within it.

    Args:
        groups, mean, var: as for `scored`.
    """
    xp = namespace(mean, var)
    sign, weight = _components(groups)
    high, low = sign > 0, sign < 0
    gap = mean[high][:, None] - mean[low][None]
    above = normal_cdf(gap / xp.sqrt(xp.maximum(var[high][:, None] + var[low][None], 1e-300)))
    return weight[high] @ above @ weight[low] / (weight[high].sum() * weight[low].sum())


def calibration_slope(groups: Sequence[GaussianGroup], mean: AnyArray, var: AnyArray) -> Number:
    """Slope of the label's logistic regression on the score, in balanced groups.

    Args:
        groups, mean, var: as for `scored`.
    """
    xp = namespace(mean, var)
    sign, weight = _components(groups)
    scale = xp.sqrt(xp.mean(var))
    scores = (mean[:, None] + xp.sqrt(var)[:, None] * _NODES.nodes[None]) / scale
    masses = weight[:, None] * _NODES.weights / len(groups)
    table = xp.stack([xp.ones_like(scores), scores])

    def move(theta):
        pull, bend = loss_pull(LOGISTIC, sign[:, None] * xp.tensordot(theta, table, 1))
        slope = xp.tensordot(table, masses * sign[:, None] * pull, 2)
        curve = xp.einsum("igj,kgj->ik", table, table * (masses * bend)[None])
        step = xp.linalg.solve(curve, slope)
        return step / xp.maximum(1.0, xp.max(xp.abs(step)))

    if xp is not np:
        return _traced_root(move)[1] / scale
    theta = np.zeros(2)
    for _ in range(_STEPS):
        step = move(theta)
        theta = theta + step
        if np.abs(step).max() < _SETTLED:
            break
    return theta[1] / scale


def _traced_root(move) -> AnyArray:
    """Where Newton's steps end, in a program of JAX; of a length of at most 1 each."""

    def solve(_, first):
        def step(at):
            moved = move(at[0])
            return at[0] + moved, jnp.max(jnp.abs(moved)), at[2] + 1

        begun = first, jnp.asarray(jnp.inf), 0
        return lax.while_loop(lambda at: (at[1] >= _SETTLED) & (at[2] < _STEPS), step, begun)[0]

    def tangent(linear, right):
        return jnp.linalg.solve(jax.jacobian(linear)(right), right)

    return lax.custom_root(move, jnp.zeros(2), solve, tangent)
