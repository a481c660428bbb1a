"""Scalar functions of a classification margin: losses, their derivatives, and their products.

Every population quantity of this package (risk, gradient, Hessian, score covariance) on
Gaussian groups is linear algebra around one kind of number: ``E[g(u)]`` with ``u ~ N(mean, var)``
the margin of a linear score and ``g`` the loss, one of its derivatives, or a product of them.
This module holds those functions ``g`` as small exact objects that know their own derivative and
their own tails; `theory.population.expectations` integrates them.

Write ``q = 1 / (1 + exp(u))``. All derivatives of the logistic loss, and all their products, are
``q**a * (1 - q)**b * R(q)`` with a polynomial ``R``; that family is closed under ``d/du`` and under
multiplication, and its tails are ``exp(-a u)`` on the right and ``exp(b u)`` on the left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable

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
    "library",
    "require_loss",
]

_HOST = (np.ndarray, np.generic)


def library(*arrays):
    """`numpy` for arrays that all are on the host, `jax.numpy` otherwise.

    Formulas that are compiled in one place and computed at once in another are written for both.

    Args:
        arrays: what is computed with.
    """
    for array in arrays:
        if not isinstance(array, _HOST):
            return jnp
    return np


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

    Attributes:
        a, b: powers of ``q`` and ``1 - q``; poly: coefficients of ``R``, lowest power first.
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
    """``g(u) = sum_k c_k u**k``; used for the squared loss ``(u - 1)**2 / 2``.

    Attributes:
        poly: the coefficients ``c_k``, lowest power first.
    """

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

    Attributes:
        name: for messages; value: the loss of a margin.

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
        function = self.value.derivative()
        for _ in range(order - 1):
            function = function.derivative()
        return function


# the logistic loss, `log(1 + exp(-u))` of a margin, in nats
LOGISTIC = Loss("logistic", SoftplusLoss())
# the squared loss, `(1 - u)^2 / 2` of a margin
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
