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
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    "LOGISTIC",
    "SQUARED",
    "Logistic",
    "Loss",
    "Polynomial",
    "SoftplusLoss",
    "expectation",
    "expectations",
    "quadrature",
]

_NODES = 193  # odd: the centre of the integrand is itself a node
_HALF_WIDTH = 9.0  # in standard deviations: exp(-9**2 / 2) = 2.6e-18
_WIDE_STEP = 0.47  # steps in the margin above this need a finer grid near 0, at sigmoid scale
_FAR = 7.0  # with the bulk this many stds from 0, what happens at 0 weighs less than 1e-11


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
        """The ``order``-th derivative in the margin (``order >= 1``)."""
        function = self.value
        for _ in range(order):
            function = function.derivative()
        return function


LOGISTIC = Loss("logistic", SoftplusLoss())
SQUARED = Loss("squared", Polynomial((0.5, -1.0, 0.5)))


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
    mean, std = jax.lax.stop_gradient(mean), jax.lax.stop_gradient(std)
    dtype = jnp.result_type(mean, std)
    right, left = tails
    unit = np.linspace(-1.0, 1.0, count).reshape((1,) * mean.ndim + (count,))
    unit = jnp.asarray(unit, dtype)
    step = 2.0 / (count - 1)
    safe_std = jnp.where(std > 0, std, 1.0)
    var = std**2
    shift = jnp.where(
        mean > right * var,
        -right * std,
        jnp.where(mean < -left * var, left * std, -mean / safe_std),
    )
    shift = jnp.where(std > 0, shift, 0.0)  # a point mass: every node lies on the mean
    narrow_nodes = shift[..., None] + _HALF_WIDTH * unit
    narrow_step = jnp.full_like(std, _HALF_WIDTH * step)
    centre = mean + std * shift
    low = jnp.arcsinh((centre - _HALF_WIDTH * std) / np.pi)
    high = jnp.arcsinh((centre + _HALF_WIDTH * std) / np.pi)
    half = (high - low) / 2
    tau = ((low + high) / 2)[..., None] + half[..., None] * unit
    grow = jnp.exp(tau)  # sinh and cosh from one exponential: errors near 0 are rounding of pi
    shrink = 1.0 / grow
    wide_nodes = ((np.pi / 2) * (grow - shrink) - mean[..., None]) / safe_std[..., None]
    wide_step = ((np.pi / 2) * step * half / safe_std)[..., None] * (grow + shrink)
    wide = (std * (_HALF_WIDTH * step) > _WIDE_STEP) & (jnp.abs(centre) <= _FAR * std)
    nodes = jnp.where(wide[..., None], wide_nodes, narrow_nodes)
    step = jnp.where(wide[..., None], wide_step, narrow_step[..., None])
    weights = step * jnp.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    return nodes, weights


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
    grids: dict[tuple[float, float], list[int]] = {}
    for index, function in enumerate(functions):
        grids.setdefault(function.tails if tails is None else tails, []).append(index)
    std = jnp.sqrt(var)
    values = []
    for own, indices in grids.items():
        nodes, weights = quadrature(mean, std, own, count)
        u = mean[..., None] + std[..., None] * nodes
        values.append(_linear([functions[index].terms for index in indices], u, weights))
    order = np.argsort(np.concatenate(list(grids.values())), kind="stable")
    return values[0] if len(grids) == 1 else jnp.concatenate(values)[order]


def _linear(functions: list[dict[Hashable, float]], u, weights):
    """Weighted sums over nodes of linear combinations of few terms, each summed once."""
    terms = sorted(set().union(*functions), key=repr)
    sums = jnp.stack([jnp.sum(row, axis=-1) for row in _rows(terms, u, weights)])
    table = np.array([[function.get(term, 0.0) for term in terms] for function in functions])
    return jnp.tensordot(jnp.asarray(table, sums.dtype), sums, 1)


def _rows(terms: list[Hashable], u, weights):
    """``weights * term(u)`` for every term."""
    decay = jnp.exp(-jnp.abs(u))
    larger = 1.0 / (1.0 + decay)
    smaller = decay * larger
    q, p = jnp.where(u > 0, smaller, larger), jnp.where(u > 0, larger, smaller)
    softplus = jnp.log1p(decay) + jnp.maximum(-u, 0.0)
    known = {("q", 0, 0): weights, "softplus": weights * softplus, ("u", 0): weights}

    def row(term):
        if term not in known:
            kind, *powers = term
            if kind == "u":
                known[term] = row(("u", powers[0] - 1)) * u
            elif powers[0]:
                known[term] = row(("q", powers[0] - 1, powers[1])) * q
            else:
                known[term] = row(("q", 0, powers[1] - 1)) * p
        return known[term]

    return [row(term) for term in terms]


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

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(expectation(Logistic(1, 0, (1.0,)), jnp.zeros(()), jnp.ones(()))), 12)
        0.5
    """
    return expectations((function,), mean, var, None, _NODES)[0]
