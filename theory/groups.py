"""Closed forms on Gaussian (mixture) groups: risk, gradient, Hessian, score covariance, errors.

With ``xbar = (1, x)``, score ``t = theta . xbar`` and margin ``u = y t`` for ``y = +-1``, a
component of a law has ``u ~ N(m, v)`` and Gaussian integration by parts gives, for any scalar
function ``g`` of the margin,

    E[g(u) xbar xbar'] = E[g] (M M' + S) + y E[g'] (M C' + C M') + E[g''] C C',

``M = (1, mu)``, ``S = diag(0, cov)``, ``C = (0, cov w)``: one-dimensional integrals in any
dimension. All functions here are jit-able, differentiable and vmap-able in ``theta`` and the law.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from theory.compiling import quick_jit
from theory.laws import Law
from theory.margins import LOGISTIC, Loss, expectation, expectations
from theory.precision import require_float64

__all__ = [
    "Minimum",
    "error_rate",
    "gradient",
    "hessian",
    "minimise",
    "minimiser",
    "risk",
    "score_cov",
    "score_mean",
    "score_second_moment",
    "worst_error_rate",
]


class _Margins(NamedTuple):
    mean: Array  # [K]
    var: Array  # [K]
    location: Array  # (1, mu): [K, p]
    direction: Array  # (0, cov w): [K, p]


def _margins(theta, law: Law) -> _Margins:
    """Per component: margin mean and variance, ``(1, mu)`` and ``(0, cov w)``."""
    require_float64("closed forms on Gaussian groups")
    intercept, slope = theta[0], theta[1:]
    shape_error = theta.ndim != 1 or theta.shape[0] != law.means.shape[-1] + 1
    if shape_error:
        raise ValueError(
            f"theta: got shape {theta.shape}, expected ({law.means.shape[-1] + 1},) = intercept "
            f"followed by {law.means.shape[-1]} slopes; put the intercept first."
        )
    cov_slope = law.covs @ slope
    ones = jnp.ones_like(law.means[:, :1])
    return _Margins(
        law.signs * (intercept + law.means @ slope),
        jnp.maximum(cov_slope @ slope, 0.0),
        jnp.concatenate([ones, law.means], axis=1),
        jnp.concatenate([jnp.zeros_like(ones), cov_slope], axis=1),
    )


def risk(theta: Float[Array, " p"], law: Law, loss: Loss = LOGISTIC) -> Float[Array, ""]:
    """Population risk ``E loss(theta; x, y)`` of a linear score.

    Args:
        theta: ``[p]``, intercept then slopes, ``p = d + 1``.
        law: the law of ``(x, y)``.
        loss: `LOGISTIC` (nats) or `SQUARED` (half squared error against labels +-1).

    Example:
        >>> import jax.numpy as jnp
        >>> from theory.laws import GaussianGroup
        >>> group = GaussianGroup([0.0], [[1.0]], label=1)
        >>> round(float(risk(jnp.zeros(2), group.law)), 6)
        0.693147
    """
    m = _margins(theta, law)
    return law.weights @ expectation(loss.value, m.mean, m.var)


def score_mean(theta: Float[Array, " p"], law: Law, loss: Loss = LOGISTIC) -> Float[Array, " p"]:
    """Mean of the score ``s = d loss / d theta``: the gradient of the risk, by Stein's identity."""
    m = _margins(theta, law)
    values = expectations((loss.derivative(1), loss.derivative(2)), m.mean, m.var)
    return (law.weights * law.signs * values[0]) @ m.location + (
        law.weights * values[1]
    ) @ m.direction


gradient = score_mean


def weighted_moment(function, theta, law: Law) -> Array:
    """``E[g(u) xbar xbar']`` for a margin function ``g``: ``[p, p]``."""
    m = _margins(theta, law)
    first = function.derivative()
    values = expectations((function, first, first.derivative()), m.mean, m.var)
    zeroth, second = law.weights * values[0], law.weights * values[2]
    first = law.weights * law.signs * values[1]
    cross = jnp.einsum("k,ki,kj->ij", first, m.location, m.direction)
    block = jnp.einsum("k,kij->ij", zeroth, law.covs)
    return (
        jnp.einsum("k,ki,kj->ij", zeroth, m.location, m.location)
        + jnp.pad(block, ((1, 0), (1, 0)))
        + cross
        + cross.T
        + jnp.einsum("k,ki,kj->ij", second, m.direction, m.direction)
    )


def hessian(theta: Float[Array, " p"], law: Law, loss: Loss = LOGISTIC) -> Float[Array, "p p"]:
    """Hessian of the risk, ``E[loss''(u) xbar xbar']``."""
    return weighted_moment(loss.derivative(2), theta, law)


def score_second_moment(
    theta: Float[Array, " p"], law: Law, loss: Loss = LOGISTIC
) -> Float[Array, "p p"]:
    """``E[s s']`` of the score."""
    first = loss.derivative(1)
    return weighted_moment(first * first, theta, law)


def score_cov(theta: Float[Array, " p"], law: Law, loss: Loss = LOGISTIC) -> Float[Array, "p p"]:
    """Covariance of the score within a law of mass 1 (``Sigma_g`` when the law is group g's)."""
    mean = score_mean(theta, law, loss)
    return score_second_moment(theta, law, loss) - jnp.outer(mean, mean)


def error_rate(theta: Float[Array, " p"], law: Law) -> Float[Array, ""]:
    """Probability that the sign of the score is wrong; a score of exactly 0 counts one half."""
    m = _margins(theta, law)
    std = jnp.sqrt(jnp.where(m.var > 0, m.var, 1.0))
    certain = jnp.where(m.mean > 0, 0.0, jnp.where(m.mean < 0, 1.0, 0.5))
    return law.weights @ jnp.where(m.var > 0, ndtr(-m.mean / std), certain)


def worst_error_rate(theta: Float[Array, " p"], laws: Sequence[Law]) -> Float[Array, ""]:
    """Largest error rate over groups."""
    return jnp.max(jnp.stack([error_rate(theta, law) for law in laws]))


_ARMIJO = 1e-4  # share of the linear prediction by which an accepted step lowers the risk
_ROUNDING = 1e-12  # relative error allowed to the risks that are compared
_SEPARATED = 10.0  # Mahalanobis distance, from which on a start would saturate the sigmoid


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


class Minimum(NamedTuple):
    """Result of `minimise`: the point, whether Newton converged, and the last decrement."""

    theta: Array
    converged: Array
    decrement: Array


def minimise(law: Law, loss: Loss = LOGISTIC, max_steps: int = 200) -> Minimum:
    """Population minimiser with its status; jit-able, vmap-able, differentiable in the law.

    Newton's method from the linear discriminant. A step is tried at the length ``1 / (1 +
    decrement)``, or in full where the decrement is small, and shortened until the risk falls
    (Armijo's rule), so that the risks of the accepted points descend from any start. Derivatives
    come from the implicit function theorem, to any order.
    """
    start = _discriminant(law)
    mass = jnp.sum(law.weights)

    def solve(_, initial):
        def newton(state):
            base, value, move, gain, damping, _, step = state
            theta = base - damping * move
            reached = risk(theta, law, loss)
            falls = reached <= value - _ARMIJO * damping * gain + _ROUNDING * jnp.abs(value)
            slope = score_mean(theta, law, loss)
            next_move = jnp.linalg.solve(hessian(theta, law, loss), slope)
            next_gain = jnp.maximum(next_move @ slope, 0.0)
            decrement = jnp.sqrt(next_gain / mass)
            full = jnp.where(decrement < 0.25, 1.0, 1.0 / (1.0 + decrement))
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
        return theta - damping * move, (jnp.sqrt(gain / mass), relative)

    theta, (decrement, relative) = jax.lax.custom_root(
        lambda theta: score_mean(theta, law, loss),
        start,
        solve,
        lambda linear, y: jnp.linalg.solve(jax.jacfwd(linear)(y), y),
        has_aux=True,
    )
    finite = jnp.all(jnp.isfinite(theta))
    return Minimum(theta, finite & (relative < 1e-8), decrement)


_minimise = quick_jit(minimise, static_argnames=("loss", "max_steps"))


def minimiser(law: Law, loss: Loss = LOGISTIC) -> Float[Array, " p"]:
    """Population minimiser of any law, ``argmin_theta E loss``; raises when there is none.

    Use `minimise` inside ``jit`` or ``vmap``: it returns the convergence flag instead of raising.

    Raises:
        ValueError: when Newton does not converge: only one label carries mass, the law is
            separable (singular covariances), or the Hessian is singular.

    Example:
        >>> import numpy as np
        >>> from theory.laws import GaussianGroup, balanced_law
        >>> means = [[0.0, 0.0], [1.5, 0.5]]
        >>> groups = [GaussianGroup(mean, np.eye(2), y) for y, mean in enumerate(means)]
        >>> np.round(np.asarray(minimiser(balanced_law(groups))), 6).tolist()  # the Bayes rule
        [-1.25, 1.5, 0.5]
    """
    result = _minimise(law, loss=loss)
    if not bool(result.converged):
        raise ValueError(
            "law: got a law whose risk has no finite minimiser (last Newton decrement "
            f"{float(result.decrement):.3g}), expected both labels with mass and overlapping, "
            "non-degenerate components; check that both labels occur with positive weight, and "
            "that no covariance is singular in a direction that separates the labels."
        )
    return result.theta
