"""Laws of a rule's scores, one normal law for each component of each group, and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from synthetic_oversampling.theory.arrays import AnyArray, Number, namespace
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.population.metrics import Side
from synthetic_oversampling.theory.proportional.rows import (
    Grid,
    gaussian_mean,
    grid,
    loss_pull,
    loss_values,
    normal_cdf,
)
from synthetic_oversampling.theory.proportional.solver import NoFixedPoint, solve_linear

__all__ = ["auroc", "calibration_slope", "scored", "side"]

_NODES = grid(257)
_STEPS, _SETTLED = 100, 1e-12  # of Newton's method
_NEAR, _BEYOND, _FINE = 5.0, 6.0, 16.0  # labels' distance, reach and nodes, in deviations
_UNTOLD = 60.0  # distance from which on what lies between labels is too little for float64
_MOST_APART = 20.0  # in programs of JAX, whose nodes are the same whatever the distance


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

    Newton's method begins from what it is for normal scores of one variance; where labels lie more
    than 60 deviations apart, and no sum of float64 tells, it is that. In a program of JAX it is NaN
    where they lie more than 20 apart.

    Args:
        groups, mean, var: as for `scored`.

    Raises:
        NoFixedPoint: where it is not found.
    """
    xp = namespace(mean, var)
    sign, weight = _components(groups)
    high, low = ((weight * (sign == of)) @ mean / weight[sign == of].sum() for of in (1, -1))
    scale, middle = xp.sqrt(xp.mean(var)), (high + low) / 2
    start = xp.stack([0.0 * scale, (high - low) / scale])
    if xp is np and not abs(start[1]) <= _UNTOLD:
        return start[1] / scale
    nodes = _nodes_between(_MOST_APART if xp is jnp else float(start[1]))
    masses = weight[:, None] * nodes.weights[None] / len(groups)
    scores = ((mean - middle)[:, None] + xp.sqrt(var)[:, None] * nodes.nodes[None]) / scale
    table = xp.stack([xp.ones_like(scores), scores])

    def move(theta):
        pull, bend = loss_pull(LOGISTIC, sign[:, None] * xp.tensordot(theta, table, 1))
        slope = xp.tensordot(table, masses * sign[:, None] * pull, 2)
        curve = xp.einsum("igj,kgj->ik", table, table * (masses * bend)[None])
        step = xp.linalg.solve(curve, slope)
        return step / xp.maximum(1.0, xp.max(xp.abs(step)))

    if xp is jnp:
        found = _traced_root(move, start)[1] / scale
        return found * jnp.where(jnp.abs(start[1]) <= _MOST_APART, 1.0, jnp.nan)
    theta, step = start, np.ones(2)
    for _ in range(_STEPS):
        try:
            step = move(theta)
        except np.linalg.LinAlgError:
            break
        theta = theta + step
        if np.abs(step).max() < _SETTLED:
            return theta[1] / scale
    raise NoFixedPoint(
        f"the slope of calibration was not found: scores of the labels lie {start[1]:.3g} "
        "standard deviations apart"
    )


def _nodes_between(apart: float) -> Grid:
    """Nodes that reach beyond the middle of two labels so far apart, and are as fine as the rule
    that tells them apart is steep."""
    if abs(apart) <= _NEAR:
        return _NODES
    reach = abs(apart) / 2 + _BEYOND
    return grid(2 * math.ceil(reach * max(abs(apart), _FINE)) + 1, reach)


def _traced_root(move, start: AnyArray) -> AnyArray:
    """Where Newton's steps end, in a program of JAX, or NaN; of a length of at most 1 each."""

    def solve(_, first):
        def step(at):
            moved = move(at[0])
            return at[0] + moved, jnp.max(jnp.abs(moved)), at[2] + 1

        begun = first, jnp.asarray(jnp.inf), 0
        return lax.while_loop(lambda at: (at[1] >= _SETTLED) & (at[2] < _STEPS), step, begun)[:2]

    found, left = lax.custom_root(move, start, solve, solve_linear, has_aux=True)
    return found * jnp.where(lax.stop_gradient(left) < _SETTLED, 1.0, jnp.nan)
