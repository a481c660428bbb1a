"""Population minimisers: where the risk of a law is least, in compiled code and out of it."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from synthetic_oversampling.theory.compiling import as_one_program, quick_jit
from synthetic_oversampling.theory.population.expectations import expectations
from synthetic_oversampling.theory.population.groups import margins_at, score_mean
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, law_of
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss, require_loss
from synthetic_oversampling.theory.population.moments import score_mean_from, second_moment
from synthetic_oversampling.theory.precision import require_float64

__all__ = ["Minimum", "minimise", "minimiser", "minimisers"]

_ARMIJO = 1e-4  # share of the linear prediction by which an accepted step lowers the risk
_ROUNDING = 1e-12  # relative error allowed to the risks that are compared
_TOGETHER = 4096  # components whose means are computed at once
_SEPARATED = 10.0  # Mahalanobis distance, from which on a start would saturate the sigmoid
_FEW, _NARROW = 16, 32  # components and features up to which `minimisers` runs for milliseconds


def _discriminant(law: Law) -> Array:
    """Linear discriminant of the two labels, ``[p]``: near the logistic minimiser, a start for it.

    Shrunk where the labels are far apart; zero where it is not finite (one label, no spread).
    """
    labels = jnp.stack([law.signs < 0, law.signs > 0])
    weights = jnp.where(labels, law.weights[None], 0.0)  # [2, K]
    mass = jnp.sum(weights, axis=1)
    means = weights @ law.means / mass[:, None]
    centred = law.means[None] - means[:, None]
    within = jnp.einsum("sk,ski,skj->ij", weights, centred, centred)
    cov = (within + jnp.einsum("k,kij->ij", law.weights, law.covs)) / jnp.sum(mass)
    gap = means[1] - means[0]
    slope = jnp.linalg.solve(cov, gap)
    shrink = jnp.minimum(1.0, _SEPARATED / jnp.sqrt(jnp.abs(slope @ gap) + 1.0))
    intercept = jnp.log(mass[1] / mass[0]) - jnp.sum(means, axis=0) @ slope / 2
    start = shrink * jnp.concatenate([intercept[None], slope])
    return jnp.where(jnp.all(jnp.isfinite(start)), start, 0.0)


def _means(functions: tuple, mean: Array, var: Array) -> Array:
    """`expectations` of many components a block at a time: bounds the memory."""
    blocks = -(-mean.size // _TOGETHER)
    if blocks == 1:
        return expectations(functions, mean, var)
    size = -(-mean.size // blocks)
    rows = (
        jnp.pad(part, (0, blocks * size - part.size)).reshape(blocks, size) for part in (mean, var)
    )
    values = jax.lax.map(lambda row: expectations(functions, *row), tuple(rows))
    return jnp.moveaxis(values, 0, 1).reshape(len(functions), -1)[:, : mean.size]


class Minimum(NamedTuple):
    """Result of `minimise`: the point, whether Newton converged, and the last decrement.

    Attributes:
        theta: the point ``[p]``; converged: whether it is the minimum.
        decrement: Newton's, at the last step.
    """

    theta: Array
    converged: Array
    decrement: Array


@partial(as_one_program, static_argnames=("loss", "max_steps"), level=1)
def _minimum(law: Law, loss: Loss, max_steps: int) -> Minimum:
    """`minimise`, of a law and a loss that are checked.

    Newton's method sees features of mean 0 and covariance I, so that whether it converges does not
    depend on their units and offsets, nor on the rounding that those cost.
    """
    mass = jnp.sum(law.weights)
    centre = law.weights @ law.means / mass
    apart = law.means - centre[None]
    cov = jnp.einsum("k,ki,kj->ij", law.weights, apart, apart)
    root = jnp.linalg.cholesky((cov + jnp.einsum("k,kij->ij", law.weights, law.covs)) / mass)
    # one solve: two of many features that run side by side can wait for each other without end
    whiten = solve_triangular(root, jnp.eye(len(root), dtype=root.dtype), lower=True)
    covs = jax.vmap(lambda cov: whiten @ cov @ whiten.T)(law.covs)
    white = law._replace(means=apart @ whiten.T, covs=covs)
    start = _discriminant(white)
    slopes = tuple(loss.derivative(k) for k in range(1, 5))
    quadratic = not any(slopes[2].terms.values())  # one step is exact

    def solve(_, initial):
        def newton(state):
            base, value, move, gain, damping, _, step = state
            theta = base - damping * move
            m = margins_at(theta, white)
            e = _means((loss.value, *slopes), m.mean, m.var)
            e = e * law.weights[None]
            reached = jnp.sum(e[0])
            falls = reached <= value - _ARMIJO * damping * gain + _ROUNDING * jnp.abs(value)
            falls = quadratic | falls
            slope = score_mean_from(white, m.direction, e[1:])
            next_move = jnp.linalg.solve(second_moment(white, m.direction, e[2:]), slope)
            next_gain = jnp.maximum(next_move @ slope, 0.0)
            decrement = jnp.sqrt(next_gain / mass)
            full = jnp.where(quadratic | (decrement < 0.25), 1.0, 1.0 / (1.0 + decrement))
            relative = jnp.max(jnp.abs(next_move)) / (1.0 + jnp.max(jnp.abs(theta)))
            accepted = (theta, reached, next_move, next_gain, full, relative, step + 1)
            shorter = (base, value, move, gain, damping / 4, jnp.full_like(relative, jnp.inf))
            return jax.tree.map(
                lambda new, old: jnp.where(falls, new, old), accepted, (*shorter, step + 1)
            )

        def running(state):
            *_, relative, step = state
            return (relative > 1e-14) & (step < max_steps)

        inf = jnp.asarray(jnp.inf, initial.dtype)
        none = jnp.zeros_like(inf)
        theta, _, move, gain, damping, relative, _ = jax.lax.while_loop(
            running, newton, (initial, inf, jnp.zeros_like(initial), none, none, inf, 0)
        )
        theta = theta - damping * move
        slope = theta[1:] @ whiten
        theta = jnp.concatenate([theta[:1] - centre @ slope, slope])
        return theta, (jnp.sqrt(gain / mass), relative)

    theta, (decrement, relative) = jax.lax.custom_root(
        lambda theta: score_mean(theta, law, loss),
        start,
        solve,
        lambda linear, y: jnp.linalg.solve(jax.jacfwd(linear)(y), y),
        has_aux=True,
    )
    finite = jnp.all(jnp.isfinite(theta))
    return Minimum(theta, finite & (relative < 1e-8), decrement)


def minimise(law: Law | GaussianGroup, loss: Loss = LOGISTIC, max_steps: int = 200) -> Minimum:
    """Population minimiser with its status; jit-able, vmap-able, differentiable in the law.

    Newton's method from the linear discriminant. A step is tried at the length ``1 / (1 +
    decrement)``, or in full where the decrement is small or the loss quadratic, and shortened until
    the risk falls (Armijo's rule), so that the risks of the accepted points descend from any start.
    Derivatives come from the implicit function theorem, to any order.

    Args:
        law: any law with both labels, as `theory.population.laws.balanced_law` makes it.
        loss: `LOGISTIC` or `SQUARED`.
        max_steps: of Newton's method, tried lengths included.

    Returns:
        A `Minimum`.
    """
    require_loss(loss)
    return _minimum(law_of(law), loss, max_steps)


def _minimise(law: Law, loss: Loss):
    """Minimisers ``[p]``, one for each row of weights ``[n, K]``, and which of them converged."""
    found = jax.vmap(lambda weights: _minimum(law._replace(weights=weights), loss, 200))(
        law.weights
    )
    return tuple(found.theta), found.converged


_brief, _long = (quick_jit(_minimise, static_argnames=("loss",), level=level) for level in (0, 1))


def minimisers(
    weights: Float[np.ndarray, "n K"], law: Law, loss: Loss = LOGISTIC
) -> tuple[Float[Array, " p"], ...]:
    """`minimiser` of several laws with the same components, by one program.

    Args:
        weights: those of each law.
        law: which has the components; checked, as `theory.population.laws.law_of` does it. Its
            weights do not matter.
        loss: `LOGISTIC` or `SQUARED`.

    Raises:
        ValueError: as `minimiser`.
    """
    require_float64("theory.population.minimum.minimisers")
    require_loss(loss)
    for weight in weights:
        _refuse(_reasons(law._replace(weights=weight)))
    few = law.means.shape[0] <= _FEW and law.means.shape[1] <= _NARROW
    program = _brief if few else _long  # optimised only where it runs for longer
    points, converged = program(law._replace(weights=weights), loss=loss)
    if not np.all(converged):
        _refuse([_OVERLAP])
    return points


_SINGULAR = 1e-13  # smallest eigenvalue of a correlation matrix that is rounding, per feature
_FAR = 1e5  # standard deviations from 0, at which predictions are off by more than a per cent
_OVERLAP = (
    "overlapping labels, but some direction separates them, or nearly; check that no covariance is "
    "singular (or tiny) in a direction in which the means differ"
)


def _refuse(reasons: list[str]) -> None:
    if reasons:
        raise ValueError(
            "law: got a law whose risk has no finite minimiser, or not one only, or none to be "
            f"told from rounding, expected {'; and '.join(reasons)}."
        )


def _reasons(law: Law) -> list[str]:
    """What forbids one minimiser, before it is looked for: what was expected, and what to do."""
    weights, means, covs, signs = map(np.asarray, law)
    masses = [float(np.sum(weights[signs == sign])) for sign in (-1, 1)]
    if min(masses) <= 0:
        return [
            f"both labels, but labels 0 and 1 have masses {masses[0]:g} and {masses[1]:g}; check "
            "the labels, and that both have positive weight"
        ]
    weights = weights / np.sum(masses)
    mean = weights @ means
    within = np.tensordot(weights, covs, 1)
    cov = within + np.einsum("k,ki,kj->ij", weights, means - mean, means - mean)
    std = np.sqrt(np.diag(cov))
    varies = std > 1e-12 * (np.abs(mean) + np.max(std))
    reasons = []
    if not np.all(varies):
        reasons.append(
            f"features that vary, but feature {np.argmin(varies)} (counted from 0) has the same "
            "value everywhere, as the intercept has; drop it"
        )
    kept = np.flatnonzero(varies)
    units = std[kept]
    correlation = cov[np.ix_(kept, kept)] / np.outer(units, units)
    values, vectors = np.linalg.eigh(correlation)
    if kept.size and values[0] <= _SINGULAR * kept.size:
        involved = kept[np.abs(vectors[:, 0]) > 1e-6].tolist()
        reasons.append(
            f"features that are not collinear, but features {involved} (counted from 0) satisfy a "
            "linear relation; drop one of them, or add some variance to the diagonals of the covs"
        )
    distance = np.abs(mean[kept]) / units
    if np.max(distance, initial=0.0) >= _FAR:
        reasons.append(
            f"features about 0, but the mean of feature {kept[np.argmax(distance)]} (counted from "
            f"0) is {np.max(distance):.2g} standard deviations away, and from {_FAR:g} on the "
            "intercept cannot be told from it; subtract the means"
        )
    return reasons


def minimiser(law: Law | GaussianGroup, loss: Loss = LOGISTIC) -> Float[Array, " p"]:
    """Population minimiser of any law, ``argmin_theta E loss``; raises when there is none.

    Use `minimise` inside ``jit`` or ``vmap``: it returns the convergence flag instead of raising.

    Args:
        law: any law with both labels, as `theory.population.laws.balanced_law` makes it.
        loss: `LOGISTIC` or `SQUARED`.

    Returns:
        ``[p]``, intercept first.

    Raises:
        ValueError: saying why there is none: only one label carries mass, a feature is constant,
            features are collinear, or the labels are separated (singular covariances).

    Example:
        >>> from synthetic_oversampling.theory.population.laws import balanced_law
        >>> means = [[0.0, 0.0], [1.5, 0.5]]
        >>> groups = [GaussianGroup(mean, np.eye(2), y) for y, mean in enumerate(means)]
        >>> np.round(np.asarray(minimiser(balanced_law(groups))), 6).tolist()  # the Bayes rule
        [-1.25, 1.5, 0.5]
    """
    require_float64("theory.population.minimum.minimiser")
    law = law_of(law)
    both = np.stack([law.weights, law.weights])  # predictions need two: the same program
    return minimisers(both, law, loss)[0]
