"""Gaussian (mixture) groups and the closed form of every population quantity on them.

A *law* is a mixture of Gaussian components, each carrying a label. Groups, every synthetic
generator with a closed form, and any weighted combination of them (`mix`) are laws, so one risk,
one gradient, one Hessian and one minimiser serve them all. With ``xbar = (1, x)``, score
``t = theta . xbar`` and margin ``u = y t`` for ``y = +-1``, a component has ``u ~ N(m, v)`` and
Gaussian integration by parts gives, for any scalar function ``g`` of the margin,

    E[g(u) xbar xbar'] = E[g] (M M' + S) + y E[g'] (M C' + C M') + E[g''] C C',

``M = (1, mu)``, ``S = diag(0, cov)``, ``C = (0, cov w)``: one-dimensional integrals in any dimension.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from jax.scipy.special import ndtr

from theory.margins import LOGISTIC, Loss, expectation
from theory.precision import require_float64

__all__ = [
    "GaussianGroup",
    "Law",
    "balanced_law",
    "error_rate",
    "gradient",
    "hessian",
    "law_of",
    "minimiser",
    "minimise",
    "mix",
    "risk",
    "score_cov",
    "score_mean",
    "stack",
    "worst_error_rate",
]


class Law(NamedTuple):
    """A labelled Gaussian mixture: component weights, means, covariances and label signs.

    Attributes:
        weights: ``[..., K]``, non-negative, summing to the law's total mass (1 for a probability).
        means: ``[..., K, d]``.
        covs: ``[..., K, d, d]``; a zero matrix is a point mass.
        signs: ``[..., K]``, +1 for label 1 and -1 for label 0.
    """

    weights: Array
    means: Array
    covs: Array
    signs: Array


@dataclasses.dataclass(frozen=True)
class GaussianGroup:
    """One group: features from a Gaussian or a Gaussian mixture, and one class label.

    Args:
        mean: component means, ``[d]`` or ``[K, d]``.
        cov: covariances, ``[d, d]`` (shared by all components) or ``[K, d, d]``; symmetric and
            positive semi-definite.
        label: class label, 0 or 1.
        attribute: value of a spurious attribute, if the groups are label x attribute.
        weights: mixture weights ``[K]``, positive, summing to 1; uniform when omitted.
        name: how the group is called in tables; derived from label and attribute when omitted.

    Raises:
        ValueError: naming the argument, what was got, what is expected, and what to do.

    Example:
        >>> group = GaussianGroup(mean=[1.5, 0.5], cov=[[1.0, 0.0], [0.0, 1.0]], label=1)
        >>> group.dim, group.name
        (2, 'y=1')
    """

    mean: np.ndarray
    cov: np.ndarray
    label: int
    attribute: int | None = None
    weights: np.ndarray | None = None
    name: str | None = None

    def __post_init__(self):
        mean = _real_array("mean", self.mean)
        cov = _real_array("cov", self.cov)
        if mean.ndim not in (1, 2) or 0 in mean.shape:
            raise ValueError(
                f"mean: got shape {mean.shape}, expected [d] or [K, d] with d, K >= 1; "
                "pass one row per mixture component."
            )
        means = np.atleast_2d(mean)
        components, dim = means.shape
        if cov.shape not in ((dim, dim), (components, dim, dim)):
            raise ValueError(
                f"cov: got shape {cov.shape}, expected {(dim, dim)} or {(components, dim, dim)} "
                f"to match mean of shape {mean.shape}; give one [d, d] matrix per component."
            )
        covs = np.broadcast_to(cov, (components, dim, dim)).copy()
        for k, matrix in enumerate(covs):
            _check_covariance(matrix, f"cov (component {k})" if components > 1 else "cov")
        if isinstance(self.label, bool) or self.label not in (0, 1):
            raise ValueError(
                f"label: got {self.label!r}, expected 0 or 1; recode the classes as 0 and 1."
            )
        if self.weights is None:
            weights = np.full(components, 1.0 / components)
        else:
            weights = _real_array("weights", self.weights)
            if weights.shape != (components,) or np.any(weights <= 0):
                raise ValueError(
                    f"weights: got {self.weights!r}, expected {components} positive mixture "
                    "weights, one per row of mean; drop components of weight 0."
                )
            if abs(weights.sum() - 1.0) > 1e-8:
                raise ValueError(
                    f"weights: got a sum of {weights.sum()!r}, expected 1; divide by the sum."
                )
        name = self.name
        if name is None:
            name = f"y={int(self.label)}"
            if self.attribute is not None:
                name += f",s={self.attribute}"
        object.__setattr__(self, "mean", means)
        object.__setattr__(self, "cov", covs)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "label", int(self.label))
        object.__setattr__(self, "name", name)

    @property
    def dim(self) -> int:
        """Number of features ``d``."""
        return self.mean.shape[1]

    @property
    def sign(self) -> float:
        """The label as +1 or -1."""
        return 2.0 * self.label - 1.0

    @property
    def law(self) -> Law:
        """The group as a `Law` of float64 arrays."""
        require_float64("GaussianGroup.law")
        return Law(
            jnp.asarray(self.weights),
            jnp.asarray(self.mean),
            jnp.asarray(self.cov),
            jnp.full(len(self.weights), self.sign),
        )

    def overall_mean_cov(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean ``[d]`` and covariance ``[d, d]`` of the whole group."""
        mean = self.weights @ self.mean
        centred = self.mean - mean
        between = np.einsum("k,ki,kj->ij", self.weights, centred, centred)
        return mean, np.einsum("k,kij->ij", self.weights, self.cov) + between


def _real_array(name: str, value) -> np.ndarray:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: got {value!r}, expected real numbers in a rectangular array ({error})."
        ) from None
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: got NaN or infinity in {value!r}, expected finite numbers.")
    return array


def _check_covariance(matrix: np.ndarray, name: str) -> None:
    scale = max(float(np.max(np.abs(matrix))), np.finfo(float).tiny)
    asymmetry = float(np.max(np.abs(matrix - matrix.T)))
    if asymmetry > 1e-10 * scale:
        raise ValueError(
            f"{name}: got a matrix that is not symmetric (largest difference {asymmetry:.3g}), "
            "expected a covariance; symmetrise it with (cov + cov.T) / 2."
        )
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest < -1e-10 * scale:
        raise ValueError(
            f"{name}: got smallest eigenvalue {smallest:.6g}, expected a positive semi-definite "
            "matrix; check its entries, or clip the negative eigenvalues to zero."
        )


def law_of(source: GaussianGroup | Law) -> Law:
    """The `Law` of a group, or the law itself."""
    return source if isinstance(source, Law) else source.law


def mix(weights: Float[Array, " n"] | Sequence[float], laws: Sequence[Law]) -> Law:
    """The weighted combination of laws, itself a law: risks add with the same weights.

    Args:
        weights: ``[n]``, non-negative; laws of weight 0 may be present.
        laws: ``n`` laws of the same dimension.
    """
    scaled = [weights[i] * law.weights for i, law in enumerate(laws)]
    rest = zip(*(law[1:] for law in laws), strict=True)
    return Law(jnp.concatenate(scaled), *(jnp.concatenate(parts) for parts in rest))


def balanced_law(groups: Sequence[GaussianGroup | Law]) -> Law:
    """The law of the balanced risk ``R_bal = (1/G) sum_g R_g``."""
    return mix([1.0 / len(groups)] * len(groups), [law_of(g) for g in groups])


def stack(laws: Sequence[Law]) -> Law:
    """Laws as one law with a leading axis ``[G]``; short mixtures get components of weight 0."""
    size = max(law.weights.shape[0] for law in laws)

    def padded(law: Law) -> Law:
        extra = size - law.weights.shape[0]
        if extra == 0:
            return law
        last = [jnp.repeat(part[-1:], extra, axis=0) for part in law]
        last[0] = jnp.zeros_like(last[0])
        return Law(*(jnp.concatenate(pair) for pair in zip(law, last, strict=True)))

    return Law(*(jnp.stack(parts) for parts in zip(*map(padded, laws), strict=True)))


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
        >>> group = GaussianGroup([0.0], [[1.0]], label=1)
        >>> round(float(risk(jnp.zeros(2), group.law)), 6)
        0.693147
    """
    m = _margins(theta, law)
    return law.weights @ expectation(loss.value, m.mean, m.var)


def score_mean(theta: Float[Array, " p"], law: Law, loss: Loss = LOGISTIC) -> Float[Array, " p"]:
    """Mean of the score ``s = d loss / d theta``: the gradient of the risk, by Stein's identity."""
    m = _margins(theta, law)
    first = law.weights * law.signs * expectation(loss.derivative(1), m.mean, m.var)
    second = law.weights * expectation(loss.derivative(2), m.mean, m.var)
    return first @ m.location + second @ m.direction


gradient = score_mean


def weighted_moment(function, theta, law: Law) -> Array:
    """``E[g(u) xbar xbar']`` for a margin function ``g``: ``[p, p]``."""
    m = _margins(theta, law)
    slope_function = function.derivative()
    zeroth = law.weights * expectation(function, m.mean, m.var)
    first = law.weights * law.signs * expectation(slope_function, m.mean, m.var)
    second = law.weights * expectation(slope_function.derivative(), m.mean, m.var)
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


class Minimum(NamedTuple):
    """Result of `minimise`: the point, whether Newton converged, and the last decrement."""

    theta: Array
    converged: Array
    decrement: Array


def minimise(law: Law, loss: Loss = LOGISTIC, max_steps: int = 200) -> Minimum:
    """Population minimiser with its status; jit-able, vmap-able, differentiable in the law.

    Newton's method with the step ``1 / (1 + decrement)`` far from the optimum, which descends on
    convex losses of this kind from any start, and full steps near it. Derivatives come from the
    implicit function theorem, to any order.
    """
    start = jnp.zeros(law.means.shape[-1] + 1, law.means.dtype)

    def solve(_, initial):
        def newton(state):
            theta, _, _, step = state
            slope = score_mean(theta, law, loss)
            curvature = hessian(theta, law, loss)
            move = jnp.linalg.solve(curvature, slope)
            decrement = jnp.sqrt(jnp.maximum(move @ slope, 0.0) / jnp.sum(law.weights))
            damping = jnp.where(decrement < 0.25, 1.0, 1.0 / (1.0 + decrement))
            relative = jnp.max(jnp.abs(move)) / (1.0 + jnp.max(jnp.abs(theta)))
            return theta - damping * move, decrement, relative, step + 1

        def running(state):
            _, _, relative, step = state
            return (relative > 1e-14) & (step < max_steps)

        inf = jnp.asarray(jnp.inf, initial.dtype)
        theta, decrement, relative, _ = jax.lax.while_loop(
            running, newton, (initial, inf, inf, 0)
        )
        return theta, (decrement, relative)

    theta, (decrement, relative) = jax.lax.custom_root(
        lambda theta: score_mean(theta, law, loss),
        start,
        solve,
        lambda linear, y: jnp.linalg.solve(jax.jacfwd(linear)(y), y),
        has_aux=True,
    )
    finite = jnp.all(jnp.isfinite(theta))
    return Minimum(theta, finite & (relative < 1e-8), decrement)


_minimise = jax.jit(minimise, static_argnums=(1, 2))


def minimiser(law: Law, loss: Loss = LOGISTIC) -> Float[Array, " p"]:
    """Population minimiser of any law, ``argmin_theta E loss``; raises when there is none.

    Use `minimise` inside ``jit`` or ``vmap``: it returns the convergence flag instead of raising.

    Raises:
        ValueError: when Newton does not converge: only one label carries mass, the law is
            separable (singular covariances), or the Hessian is singular.

    Example:
        >>> import numpy as np
        >>> groups = [GaussianGroup([0.0, 0.0], np.eye(2), 0), GaussianGroup([1.5, 0.5], np.eye(2), 1)]
        >>> np.round(np.asarray(minimiser(balanced_law(groups))), 6).tolist()  # the Bayes rule
        [-1.25, 1.5, 0.5]
    """
    result = _minimise(law, loss)
    if not bool(result.converged):
        raise ValueError(
            "law: got a law whose risk has no finite minimiser (last Newton decrement "
            f"{float(result.decrement):.3g}), expected both labels with mass and overlapping, "
            "non-degenerate components; check that both labels occur with positive weight, and "
            "that no covariance is singular in a direction that separates the labels."
        )
    return result.theta
