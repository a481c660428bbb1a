"""Closed forms on Gaussian (mixture) groups: risk, gradient, Hessian, score covariance, errors.

With ``xbar = (1, x)``, score ``t = theta . xbar`` and margin ``u = y t`` for ``y = +-1``, a
component of a law has ``u ~ N(m, v)`` and Gaussian integration by parts gives, for any scalar
function ``g`` of the margin,

    E[g(u) xbar xbar'] = E[g] (M M' + S) + y E[g'] (M C' + C M') + E[g''] C C',

``M = (1, mu)``, ``S = diag(0, cov)``, ``C = (0, cov w)``: one-dimensional integrals in any
dimension. All functions here are jit-able, differentiable and vmap-able in ``theta`` and the law.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float
from scipy.special import ndtr as host_ndtr

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.theory.population.expectations import expectation, expectations
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, law_of
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss, library, require_loss
from synthetic_oversampling.theory.population.moments import score_mean_from, second_moment
from synthetic_oversampling.theory.precision import require_float64

__all__ = [
    "Margins",
    "Point",
    "error_rate",
    "error_rates",
    "finite_point",
    "gradient",
    "hessian",
    "margins_at",
    "risk",
    "score_cov",
    "score_mean",
    "score_second_moment",
    "worst_error_rate",
]


_LARGEST = 1e9  # scores, for which the nodes of an expectation are enough
# parameters (b, w), `p = 1 + d` of them
Point = Float[Array, " p"] | Float[np.ndarray, " p"] | Sequence


class Margins(NamedTuple):
    """Of a score at a point, per component of a law.

    Attributes:
        mean, var: of the score ``[K]``.
        direction: ``(0, cov w)`` ``[K, p]``.
    """

    mean: Array  # [K]
    var: Array  # [K]
    direction: Array  # (0, cov w): [K, p]


def margins_at(theta, law: Law) -> Margins:
    """Per component: margin mean and variance, and ``(0, cov w)``.

    Args:
        theta: ``[p]``, intercept first, as an array.
        law: one law.

    Raises:
        ValueError: for a point of another shape.
        RuntimeError: without float64.
    """
    require_float64("closed forms on Gaussian groups")
    if theta.ndim != 1 or theta.shape[0] != law.means.shape[-1] + 1:
        raise ValueError(
            f"theta: got shape {theta.shape}, expected ({law.means.shape[-1] + 1},) = intercept "
            f"followed by {law.means.shape[-1]} slopes; put the intercept first."
        )
    intercept, slope = theta[0], theta[1:]
    cov_slope = law.covs @ slope
    return Margins(
        law.signs * (intercept + law.means @ slope),
        jnp.maximum(cov_slope @ slope, 0.0),
        jnp.concatenate([jnp.zeros_like(cov_slope[:, :1]), cov_slope], axis=1),
    )


def _derivatives(loss: Loss, count: int) -> tuple:
    return tuple(loss.derivative(k) for k in range(1, count + 1))


def _form(function: Callable) -> Callable:
    """A closed form of ``(theta, law, loss)`` that checks what it is given and compiles once."""
    compiled = as_one_program(function, static_argnames=("loss",))

    @wraps(function)
    def call(theta, law, loss=LOGISTIC):
        require_loss(loss)
        point, law = finite_point(theta), law_of(law)
        if not any(isinstance(part, jax.core.Tracer) for part in (point, *law)):
            _check_scores(np.asarray(point), law)
        return compiled(point, law, loss)

    return call


def _check_scores(theta: np.ndarray, law: Law) -> None:
    """Raise for scores so large that sums over nodes no longer tell a loss from its kink."""
    if theta.shape != (np.shape(law.means)[-1] + 1,):
        return  # which is refused by name where it is used
    slope = theta[1:]
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.sqrt(np.maximum(np.asarray(law.covs) @ slope @ slope, 0.0))
        largest = np.max(np.abs(theta[0] + np.asarray(law.means) @ slope) + spread)
    if not largest <= _LARGEST:
        raise ValueError(
            f"theta: got scores of about {largest:.2g}, expected at most {_LARGEST:g}, up to which "
            "a risk has 7 digits; make the slopes smaller."
        )


def finite_point(theta):
    """A point as an array; checked where it is not traced.

    Args:
        theta: ``[p]``, intercept first.

    Raises:
        ValueError: for what is not real and finite.
    """
    if isinstance(theta, jax.core.Tracer):
        return theta
    theta = theta if isinstance(theta, jax.Array) else np.asarray(theta)
    if theta.dtype.kind not in "fiu" or not np.all(np.isfinite(theta)):
        raise ValueError(f"theta: got {theta!r}, expected finite numbers, the intercept first.")
    return theta


@_form
def risk(theta: Point, law: Law | GaussianGroup, loss: Loss = LOGISTIC) -> Float[Array, ""]:
    """Population risk ``E loss(theta; x, y)`` of a linear score.

    Args:
        theta: ``[p]``, intercept then slopes, ``p = d + 1``.
        law: the law of ``(x, y)``; a group stands for its law.
        loss: `LOGISTIC` (nats) or `SQUARED` (half squared error against labels +-1).

    Returns:
        The risk; of a law of mass 1, the mean loss.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> from synthetic_oversampling.theory.population.laws import GaussianGroup
        >>> group = GaussianGroup([0.0], [[1.0]], label=1)
        >>> round(float(risk([0.0, 0.0], group)), 6)
        0.693147
    """
    law = law_of(law)
    m = margins_at(theta, law)
    return law.weights @ expectation(loss.value, m.mean, m.var)


@_form
def score_mean(theta: Point, law: Law | GaussianGroup, loss: Loss = LOGISTIC) -> Float[Array, " p"]:
    """Mean of the score ``s = d loss / d theta``: the gradient of the risk, by Stein's identity.

    Args:
        theta, law, loss: as for `risk`.

    Returns:
        ``[p]``, intercept first.
    """
    law = law_of(law)
    m = margins_at(theta, law)
    e = expectations(_derivatives(loss, 2), m.mean, m.var)
    return score_mean_from(law, m.direction, e * law.weights[None])


gradient = score_mean


def _weighted_moment(function, theta, law: Law) -> Array:
    """``E[g(u) xbar xbar']`` for a margin function ``g``: ``[p, p]``."""
    first = function.derivative()
    m = margins_at(theta, law)
    e = expectations((function, first, first.derivative()), m.mean, m.var)
    return second_moment(law, m.direction, e * law.weights[None])


@_form
def hessian(theta: Point, law: Law | GaussianGroup, loss: Loss = LOGISTIC) -> Float[Array, "p p"]:
    """Hessian of the risk, ``E[loss''(u) xbar xbar']``.

    Args:
        theta, law, loss: as for `risk`.

    Returns:
        ``[p, p]``, intercept first.
    """
    return _weighted_moment(loss.derivative(2), theta, law_of(law))


@_form
def score_second_moment(
    theta: Point, law: Law | GaussianGroup, loss: Loss = LOGISTIC
) -> Float[Array, "p p"]:
    """``E[s s']`` of the score.

    Args:
        theta, law, loss: as for `risk`.

    Returns:
        ``[p, p]``, intercept first.
    """
    first: Any = loss.derivative(1)  # a Logistic or a Polynomial, times itself
    return _weighted_moment(first * first, theta, law_of(law))


@_form
def score_cov(theta: Point, law: Law | GaussianGroup, loss: Loss = LOGISTIC) -> Float[Array, "p p"]:
    """Covariance of the score within a law of mass 1 (``Sigma_g`` when the law is group g's).

    Args:
        theta, law, loss: as for `risk`.

    Returns:
        ``[p, p]``, intercept first.
    """
    mean = score_mean(theta, law, loss)
    return score_second_moment(theta, law, loss) - jnp.outer(mean, mean)


def _tail(mean, std, spread):
    """Probability that a margin is negative; without spread 0 or 1, and a half at 0."""
    xp = library(mean, std)
    tail = host_ndtr if xp is np else ndtr
    return xp.where(spread, tail(-mean / std), (1.0 - xp.sign(mean)) / 2)


@as_one_program
def _error_rate(theta: Float[Array, " p"], law: Law) -> Float[Array, ""]:
    m = margins_at(theta, law)
    spread = m.var > 0
    return law.weights @ _tail(m.mean, jnp.sqrt(jnp.where(spread, m.var, 1.0)), spread)


def error_rate(theta: Point, law: Law | GaussianGroup) -> Float[Array, ""]:
    """Probability that the sign of the score is wrong; a score of exactly 0 counts one half.

    Args:
        theta, law: as for `risk`.

    Returns:
        The rate, of a law of mass 1.
    """
    return _error_rate(finite_point(theta), law_of(law))


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
        >>> from synthetic_oversampling.theory.population.laws import GaussianGroup
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
        np.sum(laws.weights * _tail(mean, std, var > 0), axis=1),
        -np.einsum("gk,gkp->gp", density, slope),
        curvature,
    )


def worst_error_rate(theta: Point, laws: Sequence[Law]) -> Float[Array, ""]:
    """Largest error rate over groups.

    Args:
        theta: ``[p]``, intercept first.
        laws: groups or laws of mass 1, at least one.

    Raises:
        ValueError: for no list of them, or an empty one.
    """
    if isinstance(laws, Law | GaussianGroup) or not isinstance(laws, Sequence) or not len(laws):
        raise ValueError(f"laws: got {laws!r}, expected a list of at least one group or law.")
    return jnp.max(jnp.stack([error_rate(theta, law) for law in laws]))
