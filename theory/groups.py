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
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float
from scipy.special import ndtr as host_ndtr

from theory.compiling import quick_jit
from theory.laws import Law
from theory.margins import LOGISTIC, Loss, expectation, expectations
from theory.precision import require_float64

__all__ = [
    "Minimum",
    "error_rate",
    "error_rates",
    "gradient",
    "hessian",
    "minimise",
    "minimiser",
    "minimisers",
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


def _derivatives(loss: Loss, count: int) -> tuple:
    return tuple(loss.derivative(k) for k in range(1, count + 1))


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
    return _mean_score(m, law, expectations(_derivatives(loss, 2), m.mean, m.var))


gradient = score_mean


def weighted_moment(function, theta, law: Law) -> Array:
    """``E[g(u) xbar xbar']`` for a margin function ``g``: ``[p, p]``."""
    first = function.derivative()
    m = _margins(theta, law)
    e = expectations((function, first, first.derivative()), m.mean, m.var)
    return _second_moment(m, law, e)


def _second_moment(m: _Margins, law: Law, e) -> Array:
    """``E[g(u) xbar xbar']`` from the means of ``g``, ``g'`` and ``g''`` ``[3, K]``."""
    zeroth, second = (law.weights * e[k] for k in (0, 2))
    cross = (law.weights * law.signs * e[1])[:, None]
    left = jnp.concatenate([m.location, m.direction])
    right = jnp.concatenate(
        [
            zeroth[:, None] * m.location + cross * m.direction,
            cross * m.location + second[:, None] * m.direction,
        ]
    )
    block = jnp.tensordot(zeroth, law.covs, 1)
    return left.T @ right + jnp.pad(block, ((1, 0), (1, 0)))


def _mean_score(m: _Margins, law: Law, e) -> Array:
    """Mean of the score from the means of the loss's first two derivatives ``[2, K]``."""
    return (law.weights * law.signs * e[0]) @ m.location + (law.weights * e[1]) @ m.direction


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


def error_rates(theta: np.ndarray, laws: Law) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Error rates of stacked laws with their gradients and Hessians in ``theta``, on the host.

    Statement (exact): a component errs with probability ``Phi(-r)``, ``r = m / s``, ``s`` the
    standard deviation of its margin; with ``D = C / s``,

        grad r = (y M - r D) / s,    Hess r = -(grad r D' + D grad r') / s + r (D D' - S) / s^2,
        grad Phi(-r) = -phi(r) grad r,    Hess Phi(-r) = phi(r) (r grad r grad r' - Hess r).

    Args:
        theta: ``[p]``; laws: stacked laws ``[G, K, ...]``, both of NumPy arrays.

    Returns:
        ``[G]``, ``[G, p]``, ``[G, p, p]``. A component without spread has derivatives 0.

    Example:
        >>> import numpy as np
        >>> from theory.laws import GaussianGroup
        >>> law = Law(*(part[None] for part in GaussianGroup([1.0], [[1.0]], label=1).law))
        >>> value, slope, _ = error_rates(np.array([-1.0, 1.0]), law)
        >>> value.tolist(), (-slope * np.sqrt(2 * np.pi)).round(12).tolist()
        ([0.5], [[1.0, 1.0]])
    """
    cov_slope = laws.covs @ theta[1:]
    mean = laws.signs * (theta[0] + laws.means @ theta[1:])
    var = np.maximum(cov_slope @ theta[1:], 0.0)
    std = np.sqrt(np.where(var > 0, var, 1.0))
    r = mean / std
    rate = np.where(var > 0, host_ndtr(-r), (1.0 - np.sign(mean)) / 2)
    density = np.where(var > 0, np.exp(-(r**2) / 2) / np.sqrt(2 * np.pi), 0.0) * laws.weights

    y, s = laws.signs[..., None], std[..., None]
    direction = np.concatenate([np.zeros_like(y), cov_slope / s], axis=-1)
    location = np.concatenate([np.ones_like(y), laws.means], axis=-1)
    slope = (y * location - r[..., None] * direction) / s
    # Hess Phi(-r) as one product of vectors, and the covariances
    left = np.concatenate([slope, direction / s], axis=1)
    scaled = density[..., None]
    lean = (density * r)[..., None]
    right = [lean * slope + scaled * direction / s, scaled * slope - lean * direction / s]
    curvature = np.swapaxes(left, 1, 2) @ np.concatenate(right, axis=1)
    curvature[:, 1:, 1:] += np.einsum("gk,gkij->gij", density * r / std**2, laws.covs)
    return (
        np.sum(laws.weights * rate, axis=1),
        -np.einsum("gk,gkp->gp", density, slope),
        curvature,
    )


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
            m = _margins(theta, law)
            e = expectations((loss.value, *_derivatives(loss, 4)), m.mean, m.var)
            reached = law.weights @ e[0]
            falls = reached <= value - _ARMIJO * damping * gain + _ROUNDING * jnp.abs(value)
            slope = _mean_score(m, law, e[1:])
            next_move = jnp.linalg.solve(_second_moment(m, law, e[2:]), slope)
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


@partial(quick_jit, static_argnames=("loss",), level=1)
def _minimise(laws: Law, loss: Loss):
    """Minimisers ``[p]`` of stacked laws, whether all converged, and the largest decrement."""
    found = jax.vmap(lambda law: minimise(law, loss))(laws)
    return tuple(found.theta), jnp.all(found.converged), jnp.max(found.decrement)


def minimisers(laws: Sequence[Law], loss: Loss = LOGISTIC) -> tuple[Float[Array, " p"], ...]:
    """`minimiser` of several laws of equal shape, by one program.

    Raises:
        ValueError: as `minimiser`.
    """
    points, converged, decrement = _minimise(
        Law(*map(np.stack, zip(*laws, strict=True))), loss=loss
    )
    if not bool(converged):
        raise ValueError(
            "law: got a law whose risk has no finite minimiser (last Newton decrement "
            f"{float(decrement):.3g}), expected both labels with mass and overlapping, "
            "non-degenerate components; check that both labels occur with positive weight, and "
            "that no covariance is singular in a direction that separates the labels."
        )
    return points


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
    return minimisers((law, law), loss)[0]  # predictions need two: the same program
