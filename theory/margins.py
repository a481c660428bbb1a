"""Scalar functions of a classification margin and their Gaussian expectations.

Every population quantity of this package (risk, gradient, Hessian, score covariance) on
Gaussian groups is linear algebra around one kind of number: ``E[g(u)]`` with ``u ~ N(mean, var)``
the margin of a linear score and ``g`` the loss, one of its derivatives, or a product of them.
This module holds those functions ``g`` as small exact objects that know their own derivative and
their own tails, and one quadrature that integrates them to near machine precision.

Write ``q = 1 / (1 + exp(u))``. All derivatives of the logistic loss, and all their products, are
``q**a * (1 - q)**b * R(q)`` with a polynomial ``R``; that family is closed under ``d/du`` and under
multiplication, and its tails are ``exp(-a u)`` on the right and ``exp(b u)`` on the left.

The expectation is differentiable to any order through the heat equation of the Gaussian:
``d E[g]/d mean = E[g']`` and ``d E[g]/d var = E[g''] / 2``, so nothing is ever divided by ``var``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    "LOGISTIC",
    "SQUARED",
    "AnyArray",
    "Logistic",
    "Loss",
    "Polynomial",
    "SoftplusLoss",
    "expectation",
    "expectations",
    "library",
    "plain_expectations",
    "quadrature",
    "require_loss",
]

AnyArray = jax.Array | np.ndarray | np.generic  # computed by JAX, or at once on the host

_NODES = 193  # odd: the centre of the integrand is itself a node
_HALF_WIDTH = 9.0  # in standard deviations: exp(-9**2 / 2) = 2.6e-18
_WIDE_STEP = 0.47  # steps in the margin above this need a finer grid near 0, at sigmoid scale
_FAR = 7.0  # with the bulk this many stds from 0, what happens at 0 weighs less than 1e-11


def library(*arrays):
    """`numpy` for arrays that all are on the host, `jax.numpy` otherwise.

    Formulas that are compiled in one place and computed at once in another are written for both.

    Args:
        arrays: what is computed with.
    """
    return np if all(isinstance(array, np.ndarray | np.generic) for array in arrays) else jnp


def _polyadd(*terms: tuple[float, ...]) -> tuple[float, ...]:
    """Sum of polynomials given by ascending coefficients, without trailing zeros."""
    total = [0.0] * max(len(t) for t in terms)
    for term in terms:
        for power, coefficient in enumerate(term):
            total[power] += coefficient
    while len(total) > 1 and total[-1] == 0.0:
        total.pop()
    return tuple(total)


def _polymul(left: tuple[float, ...], right: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(np.convolve(left, right).tolist())


def _polyder(poly: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(k * c for k, c in enumerate(poly))[1:] or (0.0,)


def _horner(poly: tuple[float, ...], x):
    value = jnp.full_like(x, poly[-1])
    for coefficient in reversed(poly[:-1]):
        value = value * x + coefficient
    return value


@dataclasses.dataclass(frozen=True)
class Logistic:
    """``g(u) = q**a (1 - q)**b R(q)`` with ``q = 1/(1 + e^u)`` and ``R`` by ascending powers.

    The factored form keeps full relative accuracy in both tails, where ``1 - q`` formed by
    subtraction would lose it.
    """

    a: int
    b: int
    poly: tuple[float, ...]

    def __call__(self, u):
        q, p = jax.nn.sigmoid(-u), jax.nn.sigmoid(u)
        return q**self.a * p**self.b * _horner(self.poly, q)

    def derivative(self) -> Logistic:
        """``d/du = -q (1 - q) d/dq``, with the common factors kept out of the polynomial."""
        a, b, poly = self.a, self.b, self.poly
        slope = _polyder(poly)
        if a and b:
            new = _polyadd(
                _polymul((-float(a), float(a)), poly),
                _polymul((0.0, float(b)), poly),
                _polymul((0.0, -1.0, 1.0), slope),
            )
            return Logistic(a, b, new)
        if a:
            new = _polyadd(_polymul((-float(a),), poly), _polymul((0.0, -1.0), slope))
            return Logistic(a, 1, new)
        if b:
            new = _polyadd(_polymul((float(b),), poly), _polymul((-1.0, 1.0), slope))
            return Logistic(1, b, new)
        return Logistic(1, 1, _polymul((-1.0,), slope))

    def __mul__(self, other: Logistic) -> Logistic:
        return Logistic(self.a + other.a, self.b + other.b, _polymul(self.poly, other.poly))

    @property
    def tails(self) -> tuple[float, float]:
        """Exponential decay rates on the right and on the left."""
        return float(self.a), float(self.b)

    @property
    def terms(self) -> dict[Hashable, float]:
        """As a combination of ``q**i (1 - q)**b``: coefficients by ``("q", i, b)``."""
        return {("q", self.a + k, self.b): c for k, c in enumerate(self.poly)}


@dataclasses.dataclass(frozen=True)
class SoftplusLoss:
    """The logistic loss of a margin, ``log(1 + exp(-u))``."""

    def __call__(self, u):
        return jax.nn.softplus(-u)

    def derivative(self) -> Logistic:
        return Logistic(1, 0, (-1.0,))

    @property
    def tails(self) -> tuple[float, float]:
        return 1.0, 0.0

    @property
    def terms(self) -> dict[Hashable, float]:
        return {"softplus": 1.0}


@dataclasses.dataclass(frozen=True)
class Polynomial:
    """``g(u) = sum_k c_k u**k``; used for the squared loss ``(u - 1)**2 / 2``."""

    poly: tuple[float, ...]

    def __call__(self, u):
        return _horner(self.poly, u)

    def derivative(self) -> Polynomial:
        return Polynomial(_polyder(self.poly))

    def __mul__(self, other: Polynomial) -> Polynomial:
        return Polynomial(_polymul(self.poly, other.poly))

    @property
    def tails(self) -> tuple[float, float]:
        return 0.0, 0.0

    @property
    def terms(self) -> dict[Hashable, float]:
        return {("u", k): c for k, c in enumerate(self.poly)}


@dataclasses.dataclass(frozen=True)
class Loss:
    """A margin loss: ``value(u)`` with ``u = (2 y - 1)(b + w . x)``, and its derivatives.

    Example:
        >>> LOGISTIC.derivative(1).tails
        (1.0, 0.0)
    """

    name: str
    value: SoftplusLoss | Polynomial

    def derivative(self, order: int) -> Logistic | Polynomial:
        """The ``order``-th derivative in the margin (``order >= 1``).

        Args:
            order: at least 1.
        """
        function = self.value
        for _ in range(order):
            function = function.derivative()
        return function


LOGISTIC = Loss("logistic", SoftplusLoss())
SQUARED = Loss("squared", Polynomial((0.5, -1.0, 0.5)))


def require_loss(loss) -> None:
    """Raise unless this is a `Loss`: a name, or a loss of another package, is not one.

    Args:
        loss: what was given.

    Raises:
        ValueError: naming what to pass instead.

    Example:
        >>> require_loss("logistic")
        Traceback (most recent call last):
            ...
        ValueError: loss: got 'logistic', expected theory.LOGISTIC or theory.SQUARED, the object.
    """
    if not isinstance(loss, Loss):
        raise ValueError(
            f"loss: got {loss!r}, expected theory.LOGISTIC or theory.SQUARED, the object."
        )


def quadrature(mean, std, tails: tuple[float, float] = (0.0, 0.0), count: int = _NODES):
    """Standardised nodes and weights for ``E[g(mean + std z)]``, ``z ~ N(0, 1)``.

    The trapezoidal rule, which converges geometrically for analytic integrands, on one of two
    grids of the same length, chosen for the integrand at hand:

    * ``std <= 5`` (for 193 nodes), or the integrand's bulk more than seven standard deviations
      from zero: equidistant in ``z`` around the bulk;
    * otherwise equidistant in ``tau`` over the same range, with ``u = pi sinh(tau)``, which
      resolves the unit scale of the sigmoid near ``u = 0`` (its poles sit at ``+-i pi``) and the
      wide Gaussian (up to std 500) at once.

    The bulk of ``g`` times the density sits at the soft-threshold of the mean: a function with
    tails ``exp(-r u)`` and ``exp(l u)`` moves it from ``mean`` towards zero by ``r var`` or
    ``l var``, and no further than zero. Log-concavity bounds what is cut off by ``exp(-9**2/2)``.

    Args:
        mean, std: arrays of equal shape ``[...]``, ``std >= 0``.
        tails: exponential decay rates (right, left) of ``g``.
        count: number of nodes, odd.

    Returns:
        ``(nodes, weights)``, each ``[..., count]``; constants for differentiation.
    """
    xp = library(mean, std)
    if xp is jnp:
        mean, std = jax.lax.stop_gradient(mean), jax.lax.stop_gradient(std)
    right, left = tails
    unit = np.linspace(-1.0, 1.0, count).reshape((1,) * mean.ndim + (count,))
    unit = xp.asarray(unit, xp.result_type(mean, std))
    step = 2.0 / (count - 1)
    safe_std = xp.where(std > 0, std, 1.0)
    var = std**2
    shift = xp.where(
        mean > right * var,
        -right * std,
        xp.where(mean < -left * var, left * std, -mean / safe_std),
    )
    shift = xp.where(std > 0, shift, 0.0)  # a point mass: every node lies on the mean
    narrow_nodes = shift[..., None] + _HALF_WIDTH * unit
    narrow_step = xp.full_like(std, _HALF_WIDTH * step)
    centre = mean + std * shift
    wide = (std * (_HALF_WIDTH * step) > _WIDE_STEP) & (xp.abs(centre) <= _FAR * std)
    if xp is np and not np.any(wide):
        return narrow_nodes, _weights(narrow_nodes, narrow_step[..., None], xp)
    low = xp.arcsinh((centre - _HALF_WIDTH * std) / np.pi)
    high = xp.arcsinh((centre + _HALF_WIDTH * std) / np.pi)
    half = (high - low) / 2
    tau = ((low + high) / 2)[..., None] + half[..., None] * unit
    grow = xp.exp(tau)  # sinh and cosh from one exponential: errors near 0 are rounding of pi
    shrink = 1.0 / grow
    wide_nodes = ((np.pi / 2) * (grow - shrink) - mean[..., None]) / safe_std[..., None]
    wide_step = ((np.pi / 2) * step * half / safe_std)[..., None] * (grow + shrink)
    nodes = xp.where(wide[..., None], wide_nodes, narrow_nodes)
    step = xp.where(wide[..., None], wide_step, narrow_step[..., None])
    return nodes, _weights(nodes, step, xp)


def _weights(nodes, step, xp):
    return step * xp.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)


def plain_expectations(functions, mean, var, tails=None, count=_NODES):
    """`expectations` without their rule for derivatives; of NumPy arrays, at once on the host.

    Args:
        functions, mean, var, tails, count: as for `expectations`.
    """
    xp = library(mean, var)
    grids: dict[tuple[float, float], list[int]] = {}
    for index, function in enumerate(functions):
        grids.setdefault(function.tails if tails is None else tails, []).append(index)
    std = xp.sqrt(var)
    values = []
    for own, indices in grids.items():
        nodes, weights = quadrature(mean, std, own, count)
        u = mean[..., None] + std[..., None] * nodes
        values.append(_linear(tuple(functions[index] for index in indices), u, weights, xp))
    order = np.argsort(np.concatenate(list(grids.values())), kind="stable")
    return values[0] if len(grids) == 1 else xp.concatenate(values)[order]


@partial(jax.custom_jvp, nondiff_argnums=(0, 3, 4))
def expectations(functions, mean, var, tails=None, count=_NODES):
    """``E[g_j(u)]`` for several margin functions at once, ``u ~ N(mean, var)``.

    Args:
        functions: tuple of `SoftplusLoss`, `Logistic` or `Polynomial` (hashable, static).
        mean, var: arrays of equal shape ``[...]``; ``var >= 0`` (0 is a point mass).
        tails: one pair of tails for the nodes of all functions; each function's own when None,
            which gives a relative error near 1e-13 for positive functions however small their
            expectation. ``(0, 0)`` is cheaper, and accurate relative to the functions' maximum.
        count: quadrature nodes.

    Returns:
        Array ``[j, ...]``.
    """
    return plain_expectations(functions, jnp.asarray(mean), jnp.asarray(var), tails, count)


def _linear(functions, u, weights, xp):
    """Weighted sums over nodes of linear combinations of few terms, each summed once."""
    terms, table = _table(functions)
    sums = _sums(terms, u, weights, xp)
    return xp.tensordot(xp.asarray(table, weights.dtype), xp.stack([sums[t] for t in terms]), 1)


@lru_cache(maxsize=256)
def _table(functions) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """The terms that occur in functions, and the functions' coefficients ``[j, terms]``."""
    each = [function.terms for function in functions]
    terms = tuple(sorted(set().union(*each), key=repr))
    return terms, np.array([[own.get(term, 0.0) for term in terms] for own in each])


def _sums(terms: tuple[Hashable, ...], u, weights, xp) -> dict:
    """``sum weights * term(u)`` over the nodes for every term, power by power."""
    sums = {}

    def powers(row, base, kind, *rest):
        highest = max((t[1] for t in terms if t[0] == kind and t[2:] == rest), default=-1)
        for power in range(highest + 1):
            if (kind, power, *rest) in terms:
                sums[kind, power, *rest] = xp.sum(row, axis=-1)
            row = row * base if power < highest else row

    powers(weights, u, "u")
    decay = xp.exp(-xp.abs(u))
    larger = 1.0 / (1.0 + decay)
    smaller = decay * larger
    q, p = xp.where(u > 0, smaller, larger), xp.where(u > 0, larger, smaller)
    row = weights
    for power in range(1 + max((t[2] for t in terms if t[0] == "q"), default=-1)):
        row = row * p if power else row
        powers(row, q, "q", power)
    if "softplus" in terms:
        sums["softplus"] = xp.sum(weights * (xp.log1p(decay) + xp.maximum(-u, 0.0)), axis=-1)
    return sums


@expectations.defjvp
def _expectations_jvp(functions, tails, count, primals, tangents):
    mean, var = primals
    mean_dot, var_dot = tangents
    first = tuple(function.derivative() for function in functions)
    second = tuple(function.derivative() for function in first)
    values = expectations((*functions, *first, *second), mean, var, tails, count)
    value, slope, heat = jnp.split(values, 3)
    return value, slope * mean_dot[None] + heat * (var_dot / 2)[None]


def expectation(function, mean, var):
    """``E[g(u)]`` of one margin function; see `expectations`.

    Args:
        function: a margin function.
        mean, var: arrays of equal shape ``[...]``; ``var >= 0``.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(expectation(Logistic(1, 0, (1.0,)), jnp.zeros(()), jnp.ones(()))), 12)
        0.5
    """
    return expectations((function,), mean, var, None, _NODES)[0]
