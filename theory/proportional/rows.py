"""Theorem H, one row at a time: where a training score settles, and its averages.

A training score ``t`` of a row balances its own potential against the rest of the data,

    t = argmin psi(t) + (t - h)^2 / (2 V),    h ~ N(b + m, q),

the proximal operator of ``psi`` at ``h``. Here ``psi`` is the row's weighted loss and, for a seed
that a generator looks at, what its synthetic rows add: a tilt ``-a t``, a spring ``K (t - tbar)^2 /
2``, a random field of variance ``B2`` and, for interpolation, the loss smeared along the segments
to the other seeds. With ``g = (t - h) / V`` the force on the score, needed are

    e = E g,    f = E g^2,    c = E[psi'' / (1 + V psi'')] = -dE g / dh.

Averages over ``h`` are trapezoidal sums, which converge exponentially for analytic integrands.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.special import expit, ndtr

from synthetic_oversampling.theory.arrays import AnyArray, Number, namespace
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss

__all__ = [
    "Averages",
    "Grid",
    "Potential",
    "averages",
    "grid",
    "gaussian_mean",
    "loss_pull",
    "loss_values",
    "normal_cdf",
    "settle",
    "smeared",
    "training",
    "unit_averages",
]

_REACH = 8.5  # standard deviations
_QUICK_STEPS, _STEPS = 8, 80  # of Newton's method, free and in a bracket
_EXPONENT = 700.0  # whose exponential is finite
_WEAKEST = 1e-300  # whose logarithm is finite: a drive of 0 moves a margin by no more
_LAST_STEP = 1e-8  # whose square Newton's error is of the order of


class Grid(NamedTuple):
    """Nodes and weights of a standard normal average.

    Attributes:
        nodes, weights: ``[N]``; the weights sum to 1.
    """

    nodes: np.ndarray
    weights: np.ndarray


def grid(count: int, reach: float = _REACH) -> Grid:
    """The trapezoidal rule for a standard normal variable.

    Args:
        count: of nodes; reach: of them, in standard deviations.
    """
    nodes = np.linspace(-reach, reach, count)
    weights = np.exp(-(nodes**2) / 2)
    return Grid(nodes, weights / weights.sum())


class Potential(NamedTuple):
    """What a row's score feels beside the data's pull, in margins (the score times the label).

    Attributes:
        laws: of the weight of the row's own loss, pairs (probability, weight).
        tilt: ``a``; spring: ``K``; centre: ``tbar``; field: ``B2``.
        smear: total weight of interpolated rows per seed; 0 without.
        partners: training margins of other seeds and their masses, for interpolation.
    """

    laws: tuple[tuple[float, Number], ...]
    tilt: Number = 0.0
    spring: Number = 0.0
    centre: Number = 0.0
    field: Number = 0.0
    smear: Number = 0.0
    partners: tuple[AnyArray, AnyArray] | None = None


class Averages(NamedTuple):
    """Of the rows of a cluster, in margins.

    Attributes:
        force, square, stiffness: ``e``, ``f`` and ``c``.
        mean, second: of the training margin; response: ``E[V / (1 + V psi'')]``.
        margins, masses: the training margins on the nodes, and their masses.
        held_out: mean and standard deviation of ``h``, and ``V``; potential: the rows'.
    """

    force: Number
    square: Number
    stiffness: Number
    mean: Number
    second: Number
    response: Number
    margins: AnyArray
    masses: AnyArray
    held_out: tuple[Number, Number, Number]
    potential: Potential


def loss_values(loss: Loss, margin: AnyArray) -> AnyArray:
    """The loss of a margin.

    Args:
        loss: logistic or squared; margin: any array.
    """
    if loss is LOGISTIC:
        return namespace(margin).logaddexp(0.0, -margin)
    return (1.0 - margin) ** 2 / 2


def loss_pull(loss: Loss, margin: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Minus the loss's slope, and its curvature.

    Args:
        loss: logistic or squared; margin: any array.
    """
    if loss is LOGISTIC:
        tail = jax.nn.sigmoid(-margin) if isinstance(margin, jax.Array) else expit(-margin)
        return tail, tail * (1.0 - tail)
    return 1.0 - margin, namespace(margin).ones_like(margin)


_SEGMENT = 8
_ends, _masses = np.polynomial.legendre.leggauss(_SEGMENT)
_SEGMENT_NODES, _SEGMENT_MASSES = (_ends + 1) / 2, _masses / 2


def smeared(
    loss: Loss, margin: AnyArray, partners: tuple[AnyArray, AnyArray]
) -> tuple[AnyArray, AnyArray]:
    """Pull and curvature of interpolation per unit of weight on a seed's score.

    Statement: of a sum over ordered pairs of ``E_u loss((1 - u) t_i + u t_j)`` with ``u`` uniform,
    a seed takes part as either end, so that its potential is ``2 E loss((1 - u) t + u t')``; its
    pull has the factor ``1 - u`` once, its curvature twice.

    Args:
        loss: logistic or squared; margin: ``[J]``; partners: margins and masses ``[M]``.
    """
    others, masses = partners
    if loss is LOGISTIC and namespace(margin, others) is np:
        alike = margin.size == others.size and np.array_equal(margin.ravel(), others)
        if alike and np.abs(others).max() < _EXPONENT:
            return _smeared_alike(margin, masses)
    own = 1 - _SEGMENT_NODES
    away = np.expand_dims(_SEGMENT_NODES, (*range(margin.ndim), -1))
    points = (1 - away) * margin[..., None, None] + away * others.reshape(*away.shape[:-2], 1, -1)
    slope, curved = loss_pull(loss, points)
    near = 2 * _SEGMENT_MASSES * own
    return (slope @ masses) @ near, (curved @ masses) @ (near * own)


def _smeared_alike(margin: np.ndarray, masses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same at the partners' own margins: a point of a segment serves either of its ends."""
    flat, half = margin.ravel(), _SEGMENT // 2
    pull, bend = np.zeros_like(flat), np.zeros_like(flat)
    for u, mass in zip(_SEGMENT_NODES[:half], 2 * _SEGMENT_MASSES[:half], strict=True):
        tail = 1.0 / (1.0 + np.exp((1 - u) * flat)[:, None] * np.exp(u * flat))
        own, other = tail @ masses, masses @ tail
        pull += mass * ((1 - u) * own + u * other)
        tail *= tail
        bend += mass * ((1 - u) ** 2 * (own - tail @ masses) + u**2 * (other - masses @ tail))
    return pull.reshape(margin.shape), bend.reshape(margin.shape)


def _felt(loss: Loss, potential: Potential, weight, margin) -> tuple[AnyArray, AnyArray]:
    """Force ``-psi'`` without the random field, and ``psi''``."""
    pull, bend = loss_pull(loss, margin)
    force = weight * pull + potential.tilt - potential.spring * (margin - potential.centre)
    bend = weight * bend + potential.spring
    if potential.smear and potential.partners is not None:
        more, curved = smeared(loss, margin, potential.partners)
        force, bend = force + potential.smear * more, bend + potential.smear * curved
    return force, bend


def settle(
    loss: Loss,
    potential: Potential,
    weight,
    h: AnyArray,
    response: Number,
    start=None,
    once: bool = False,
):
    """The proximal operator: margin, force and curvature where ``t = h + V force(t)``.

    Args:
        loss: logistic or squared; potential: the potential; weight: of the row's loss, like ``h``.
        h: what the rest of the data pulls to; response: ``V``; start: of Newton's method.
        once: whether one step of it is enough where rows are interpolated: a caller that begins
            from the margins of its last iterate has the operator when those no longer move.
    """
    stiff = 1.0 + response * potential.spring
    base = (h + response * (potential.tilt + potential.spring * potential.centre)) / stiff
    soft = response / stiff
    if loss is not LOGISTIC:
        if potential.smear and potential.partners is not None:
            mean = potential.partners[0] @ potential.partners[1]
            total, drive = (
                weight + 2 * potential.smear / 3,
                weight + potential.smear * (1 - mean / 3),
            )
        else:
            total, drive = weight, weight
        margin = (base + soft * drive) / (1.0 + soft * total)
        return margin, *_felt(loss, potential, weight, margin)
    if once and potential.smear:
        return _one_step(loss, potential, weight, base, soft, start)
    if isinstance(base, jax.Array):
        margin = _by_root(base, soft * weight)
        return margin, *_felt(loss, potential, weight, margin)
    low, high = base, base + soft * (weight + potential.smear)
    margin = np.minimum(np.maximum(0.0 if start is None else start, low), high)
    if potential.smear:
        margin = _in_bracket(loss, potential, weight, base, soft, margin)
    else:
        settled = _by_newton(base, soft * weight, margin)
        margin = _by_logarithms(base, soft * weight) if settled is None else settled
    return margin, *_felt(loss, potential, weight, margin)


def _by_newton(base: np.ndarray, drive: np.ndarray, margin: np.ndarray) -> np.ndarray | None:
    """Where ``t = base + drive / (1 + exp(t))``, or None if Newton's method does not settle soon.

    The right-hand side falls in ``t``: there is one solution, whatever the start.
    """
    for _ in range(_QUICK_STEPS):
        tail = expit(-margin)
        force = drive * tail
        move = (margin - base - force) / (1.0 + force * (1.0 - tail))
        margin = margin - move
        if max(move.max(), -move.min()) < _LAST_STEP:
            return margin
    return None


def _by_logarithms(base: np.ndarray, drive: np.ndarray) -> np.ndarray:
    """The same, however strong the drive: ``u + log(1 + exp(t)) = log drive``, ``t = base + e^u``.

    The left-hand side is convex and rises: from above its root, Newton's method descends to it.
    """
    height = np.log(np.maximum(drive, _WEAKEST))
    u = np.minimum(height, np.log(np.maximum(1.0, height - base)))
    for _ in range(_STEPS):
        gap = np.exp(u)
        margin = base + gap
        move = (u - height + np.logaddexp(0.0, margin)) / (1.0 + gap * expit(margin))
        u = u - move
        if (gap * np.abs(move)).max() < _LAST_STEP:
            break
    margin = base + np.exp(u)  # far below 0 a step in t restores the digits of the sum
    tail = expit(-margin)
    return margin - (margin - base - drive * tail) / (1.0 + drive * tail * (1.0 - tail))


def _one_step(loss: Loss, potential: Potential, weight, base, soft, margin):
    """A step of Newton's method: the margin, and the force on the line that the step went along."""
    plain = potential._replace(tilt=0.0, spring=0.0)
    force, bend = _felt(loss, plain, weight, margin)
    moved = margin - (margin - base - soft * force) / (1.0 + soft * bend)
    xp = namespace(moved)
    moved = xp.minimum(xp.maximum(moved, base), base + soft * (weight + potential.smear))
    force = force - bend * (moved - margin)
    force = force + potential.tilt - potential.spring * (moved - potential.centre)
    return moved, force, bend + potential.spring


def _in_bracket(loss: Loss, potential: Potential, weight, base, soft, margin) -> np.ndarray:
    """The same with interpolation, by Newton's method that a bracket keeps from leaping."""
    plain = potential._replace(tilt=0.0, spring=0.0)
    low, high = base.copy(), base + soft * (weight + potential.smear)
    for _ in range(_STEPS):
        force, bend = _felt(loss, plain, weight, margin)
        gap = margin - base - soft * force
        moved = margin - gap / (1.0 + soft * bend)
        done = np.abs(moved - margin).max() < _LAST_STEP
        if not done:
            low, high = np.where(gap <= 0, margin, low), np.where(gap >= 0, margin, high)
            moved = np.where((moved < low) | (moved > high), (low + high) / 2, moved)
        margin = moved
        if done:
            break
    return margin


def _by_root(base: jax.Array, drive: AnyArray) -> jax.Array:
    """The same by JAX, with derivatives by the implicit function theorem.

    Newton's method in a bracket, in which it ends however strong the drive.
    """

    def gap(margin):
        return margin - base - drive * jax.nn.sigmoid(-margin)

    def solve(gap, first):
        def step(at):
            _, steps, margin, low, high = at
            left, tail = gap(margin), jax.nn.sigmoid(-margin)
            moved = margin - left / (1.0 + drive * tail * (1.0 - tail))
            low, high = jnp.where(left <= 0, margin, low), jnp.where(left >= 0, margin, high)
            moved = jnp.where((moved < low) | (moved > high), (low + high) / 2, moved)
            return jnp.max(jnp.abs(moved - margin)), steps + 1, moved, low, high

        begun = jnp.asarray(jnp.inf), 0, jnp.clip(0.0 * first, first, first + drive)
        return lax.while_loop(
            lambda at: (at[0] > _LAST_STEP) & (at[1] < _STEPS),
            step,
            (*begun, first, first + drive),
        )[2]

    return lax.custom_root(gap, base, solve, lambda tangent, y: y / tangent(jnp.ones_like(y)))


def averages(
    loss: Loss,
    potential: Potential,
    centre: Number,
    var: Number,
    response: Number,
    nodes: Grid,
    start=None,
    once: bool = False,
) -> Averages:
    """Averages over the rows of a cluster whose held-out margin is ``N(centre, var)``.

    The field ``B`` adds to ``h``: with ``h' = h + V B`` and ``g' = (t - h') / V`` the force on the
    score is ``g' + B``, of mean ``E g'`` and second moment ``E g'^2 + B2 (1 - 2 V c)`` (Stein).

    Args:
        loss: logistic or squared; potential: the rows' potential.
        centre, var: of ``h``; response: ``V``; nodes: of the average.
        start: margins to begin from, as `Averages.margins` are; once: as for `settle`.
    """
    chances, weight = _laws(potential)
    xp = namespace(centre, var, response, weight)
    spread = xp.sqrt(var + response**2 * potential.field)
    h = (centre + spread * nodes.nodes)[None] + 0.0 * weight
    if start is not None:
        start = start.reshape(h.shape)
    margin, force, bend = settle(loss, potential, weight, h, response, start, once)
    flat = (chances * nodes.weights).ravel()
    yielding = 1.0 + response * bend
    integrands = (force, force**2, bend / yielding, margin, margin**2, response / yielding)
    means = xp.stack(integrands).reshape(len(integrands), -1) @ flat
    mean_force, square, stiffness, mean, second, softness = _numbers(means)
    return Averages(
        force=mean_force,
        square=square + potential.field * (1.0 - 2.0 * response * stiffness),
        stiffness=stiffness,
        mean=mean,
        second=second,
        response=softness,
        margins=margin.ravel(),
        masses=flat,
        held_out=(centre, spread, response),
        potential=potential,
    )


def _laws(potential: Potential) -> tuple[np.ndarray, AnyArray]:
    """Probabilities and weights of the rows' own loss, ``[L, 1]``."""
    chances, weights = zip(*potential.laws, strict=True)
    xp = namespace(*weights)
    return np.array(chances)[:, None], xp.array(weights)[:, None]


def _numbers(values) -> Any:
    """Entries, as Python's floats where they are there already."""
    return values if isinstance(values, jax.Array) else values.tolist()


def training(loss: Loss, rows: Averages) -> tuple[Number, Number]:
    """Mean training loss (of weight 1) of rows, and the share of their margins below 0.

    Args:
        loss: logistic or squared; rows: of `averages` with it.
    """
    chances, weight = _laws(rows.potential)
    centre, spread, response = rows.held_out
    xp = namespace(spread, weight)
    at_zero = _felt(loss, rows.potential, weight, xp.zeros_like(weight))[0]
    wrong = normal_cdf((-response * at_zero - centre) / xp.maximum(spread, 1e-300))
    return rows.masses @ loss_values(loss, rows.margins), xp.sum(chances * wrong)


def unit_averages(loss, law, mean: Number, var: Number, response: Number, nodes: Grid) -> Averages:
    """Averages over synthetic rows per unit of weight: of a row's weight 0 the limit.

    Args:
        loss, law, mean, var, response, nodes: as for `averages`, ``law`` of one weight.
    """
    ((_, weight),) = law
    found = averages(loss, Potential(law), mean, var, response, nodes)
    if isinstance(weight, jax.Array) or weight > 0:
        return found._replace(
            force=found.force / weight,
            square=found.square / weight**2,
            stiffness=found.stiffness / weight,
        )
    limit = averages(loss, Potential(((1.0, 1.0),)), mean, var, 0.0, nodes)
    return found._replace(force=limit.force, square=limit.square, stiffness=limit.stiffness)


def normal_cdf(value):
    """The standard normal distribution function.

    Args:
        value: array of NumPy or JAX.
    """
    return jax.scipy.special.ndtr(value) if isinstance(value, jax.Array) else ndtr(value)


def gaussian_mean(function, mean: AnyArray, var: AnyArray, nodes: Grid) -> AnyArray:
    """Mean of a function of normal variables, one for each entry.

    Args:
        function: of arrays; mean, var: ``[...]``; nodes: of the average.
    """
    std = namespace(var).sqrt(var)
    at = np.expand_dims(nodes.nodes, tuple(range(mean.ndim)))
    points = mean[..., None] + std[..., None] * at
    return function(points) @ nodes.weights
