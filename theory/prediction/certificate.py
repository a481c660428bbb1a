"""Theorem R7: from a sample alone, that a minimiser of its logistic risk exists, and how near.

Along a unit vector of the metric of the empirical Hessian at a point, the empirical risk's second
derivative starts at 1 and changes at a relative rate of at most ``max_i |xbar_i|`` in the metric of
the inverse Hessian, because the logistic loss has ``|phi'''| <= phi''``. With ``nu`` the Newton
decrement and ``kappa = nu max_i |xbar_i|``, the slope in any direction, at least ``-nu`` at first,
is positive from the distance ``-nu log(1 - kappa) / kappa`` on whenever ``kappa < 1``: the
minimiser exists and lies within. One that exists, for any ``kappa``, is no nearer than ``nu log(1
+ kappa) / kappa``. Both hold for every data set and any weights; no law, no asymptotics.

Bach (2010, Electronic Journal of Statistics 4, 384-414) has ``16 nu^2`` for the squared distance
under ``nu R <= sqrt(lambda_min) / 2``, ``R`` the largest Euclidean norm of a row and ``lambda_min``
the least eigenvalue of the Hessian. That premise implies ``kappa <= 1/2``, where the bound here is
``1.93 nu^2``.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Bool, Float

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.prediction.excess_risk import Prediction
from synthetic_oversampling.theory.ranges import as_arrays, require_range
from synthetic_oversampling.theory.wording import counted

__all__ = ["Certificate", "certificate", "decrement_cdf", "decrement_weights"]


class Certificate(NamedTuple):
    """What a sample says about the minimiser of its risk, from one point.

    Distances are in the metric of the empirical Hessian at the point.

    Attributes:
        decrement: ``nu``, the norm of the gradient in the metric of the inverse Hessian.
        reach: ``kappa``, ``nu`` times the largest norm of a row ``(1, x)`` in that metric.
        euclidean: ``nu R / sqrt(lambda_min)``, which ``kappa`` never exceeds; the published premise
            is that it is at most 1/2.
        exists: whether ``kappa < 1``, so that the minimiser exists. False says nothing.
        farthest: bound on the distance of the minimiser; infinite where ``exists`` is false.
        nearest: least distance of a minimiser that exists.
        gap: bound on the risk at the point minus the least; infinite where ``exists`` is false.
    """

    decrement: Float[Array, ""]
    reach: Float[Array, ""]
    euclidean: Float[Array, ""]
    exists: Bool[Array, ""]
    farthest: Float[Array, ""]
    nearest: Float[Array, ""]
    gap: Float[Array, ""]


def certificate(
    theta: Float[Array, " p"],
    x: Float[Array, "rows d"],
    sign: Float[Array, " rows"],
    weight: Float[Array, " rows"],
) -> Certificate:
    """Certificate of the minimiser of ``sum_i weight_i loss(sign_i (b + w . x_i))``, logistic (R7).

    Statement (bound, every data set): where ``kappa < 1`` the minimiser exists, at a distance of
    ``theta`` between ``nu log(1 + kappa) / kappa`` and ``-nu log(1 - kappa) / kappa``; the risk at
    ``theta`` is above it by at most ``nu^2 (kappa + (1 - kappa) log(1 - kappa)) / kappa^2``.

    Args:
        theta: any point ``[p]``, intercept first; best near the minimiser, as ``theta_alpha``.
        x: features ``[rows, d]``; sign: labels as +-1; weight: not negative, rows of weight 0 are
            ignored.

    Returns:
        A `Certificate`; ``exists`` is False where the Hessian is not positive definite.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.asarray([[0.0], [1.0], [2.0], [3.0]])
        >>> sign = jnp.asarray([-1.0, 1.0, -1.0, 1.0])
        >>> found = certificate(jnp.asarray([-1.2, 0.9]), x, sign, jnp.full(4, 0.25))
        >>> bool(found.exists), round(float(found.farthest), 4), round(float(found.nearest), 4)
        (True, 0.0785, 0.0594)
    """
    require_float64("theory.prediction.certificate.certificate")
    shapes = "p, rows d, rows, rows"
    parts = as_arrays(shapes, theta=theta, x=x, sign=sign, weight=weight)
    require_range("Drop rows that do not count, or give them weight 0.", least=0, weight=weight)
    if len(parts[0]) != parts[1].shape[1] + 1:
        raise ValueError(
            f"theta: got {counted(len(parts[0]), 'entry')} for "
            f"{counted(parts[1].shape[1], 'feature')}, expected one more, the intercept first."
        )
    return _certificate(*parts)


@as_one_program
def _certificate(theta, x, sign, weight) -> Certificate:
    rows = jnp.concatenate([jnp.ones_like(x[:, :1]), x], axis=1)
    margin = sign * (rows @ theta)
    tail = 1.0 / (1.0 + jnp.exp(margin))
    gradient = -(weight * sign * tail) @ rows
    hessian = (rows * (weight * tail * (1.0 - tail))[:, None]).T @ rows
    root = jnp.linalg.cholesky(hessian)  # NaN where it is not positive definite
    whitened = jnp.linalg.solve(root, jnp.concatenate([gradient[None], rows]).T)
    lengths = jnp.sqrt(jnp.sum(whitened**2, axis=0))
    decrement, used = lengths[0], weight > 0
    reach = decrement * jnp.max(jnp.where(used, lengths[1:], 0.0))
    widest = jnp.max(jnp.where(used, jnp.sqrt(jnp.sum(rows**2, axis=1)), 0.0))
    flattest = jnp.maximum(jnp.linalg.eigvalsh(hessian)[0], 0.0)
    exists = reach < 1.0
    inside = jnp.where(exists, reach, 0.5)
    return Certificate(
        decrement=decrement,
        reach=reach,
        euclidean=decrement * widest / jnp.sqrt(flattest),
        exists=exists,
        farthest=jnp.where(exists, decrement * _over(-jnp.log1p(-inside), inside), jnp.inf),
        nearest=decrement * _over(jnp.log1p(reach), reach),
        gap=jnp.where(exists, decrement**2 * _gap(inside), jnp.inf),
    )


def _over(value, reach):
    """A function of ``kappa`` that vanishes like it, over ``kappa``."""
    small = reach < 1e-12
    return jnp.where(small, 1.0, value / jnp.where(small, 1.0, reach))


def _gap(reach):
    """``(kappa + (1 - kappa) log(1 - kappa)) / kappa^2``, with its series where that cancels."""
    small = reach < 1e-3
    safe = jnp.where(small, 0.5, reach)
    series = 1 / 2 + reach / 6 + reach**2 / 12 + reach**3 / 20
    return jnp.where(small, series, (safe + (1 - safe) * jnp.log1p(-safe)) / safe**2)


def decrement_weights(prediction: Prediction) -> Float[np.ndarray, " p"]:
    """Weights of the chi-square variables in the law of ``nu^2`` at ``theta_alpha`` (R7).

    Statement (asymptotic, remainder of relative order 1/n): ``nu^2`` is distributed as ``sum_j w_j
    chi^2_1`` with ``w`` the eigenvalues of ``A^{-1} V`` at ``theta_alpha``: the gradient is
    asymptotically N(0, V), the empirical Hessian tends to A.

    Args:
        prediction: from `theory.predict`.

    Returns:
        ``[p]``, ascending.

    Example:
        >>> from synthetic_oversampling.theory import Design, GaussianGroup, Oracle, predict
        >>> groups = [GaussianGroup([0.4], [[0.8]], 1), GaussianGroup([-1.1], [[1.7]], 0)]
        >>> found = decrement_weights(predict(groups, Design.raw((400, 400)), Oracle()))
        >>> [round(float(800 * value), 2) for value in found]
        [0.3, 1.08]
    """
    root = np.linalg.cholesky(np.asarray(prediction.curvature))
    half = np.linalg.solve(root, np.asarray(prediction.gradient_cov))
    return np.linalg.eigvalsh(np.linalg.solve(root, half.T))


def decrement_cdf(
    value: Float[np.ndarray, "*s"] | float, weights: Float[np.ndarray, " p"]
) -> Float[np.ndarray, "*s"]:
    """Probability that ``sum_j w_j chi^2_1`` is at most a value (Ruben 1962).

    A mixture of chi-square laws with ``p + 2 k`` degrees of freedom, summed until the masses left
    out are below 1e-12.

    Args:
        value: where, not negative.
        weights: ``[p]``, positive, from `decrement_weights`.

    Returns:
        Probabilities, in the shape of ``value``.

    Raises:
        ValueError: naming the argument.

    References:
        Ruben (1962), Annals of Mathematical Statistics 33, 542-570.

    Example:
        >>> round(float(decrement_cdf(3.841459, np.array([1.0]))), 6)
        0.95
    """
    require_range(least=0, infinite=True, value=value)
    require_range("A direction without noise has no place in the law.", above=0, weights=weights)
    weights, value = np.asarray(weights, float), np.asarray(value, float)
    least = weights.min()
    powers = 1.0 - least / weights
    masses = [float(np.sqrt(least / weights).prod())]
    turns: list[float] = []
    total = masses[0] * scipy.stats.chi2.cdf(value / least, len(weights))
    for k in range(1, 100_000):
        if 1.0 - sum(masses) < 1e-12:
            break
        turns.append(float(np.sum(powers**k)))
        masses.append(float(np.dot(turns, masses[::-1])) / (2 * k))
        total = total + masses[-1] * scipy.stats.chi2.cdf(value / least, len(weights) + 2 * k)
    return np.asarray(total)
