"""Theorem S1, first part: the global law of theorem R in the weight and the synthetic size.

For any design and generator, theorem R's full form (R1, R2) is affine in ``1 / N``,

    excess(alpha, N) = a(alpha) + s(alpha) / N,

``a`` the excess with infinitely many synthetic samples (pseudo-true point, seed noise and their
Cox-Snell terms), ``s`` the variance and Cox-Snell part of the augmentation's own sampling noise:
the pseudo-true point does not depend on ``N``, and everything else is linear in the covariance of
the empirical gradient. As a minimum of affine functions of ``1 / N`` the least excess over weights
is concave in ``1 / N``, with slope ``s(alpha*)`` (envelope theorem): it falls in ``N`` wherever
``s(alpha*) > 0``. Where a generator's bias has made the classifier flatter than the best one, its
sampling noise steepens it again, and ``s`` can be negative.

``a`` and ``s / alpha^2`` are analytic in the weight, so that polynomials through Chebyshev nodes
follow them to rounding; the error is measured at weights between the nodes. On polynomials every
question below is answered by the roots of a polynomial and the ends of [0, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import chebpts2, chebvander

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.prediction.validity import NOT_JUDGED, Validity
from synthetic_oversampling.theory.ranges import require_range
from synthetic_oversampling.theory.scaling.scaling_law import (
    Numbers,
    ScalingLaw,
    checked,
    pair_of,
    plain,
)

__all__ = ["Distance", "GlobalLaw", "global_law"]

_WEIGHT = Chebyshev.identity([0.0, 1.0])
_DEGREES = (12, 24, 48, 96)
_BETWEEN = np.array([0.0937, 0.4211, 0.8826])  # weights where the interpolants are checked
_TOLERANCE = 5e-9  # relative to the excess without augmentation, and to its noise
_REFUSED = 1e-6  # an error that no degree brought below this is no interpolation
_ROUNDING = 1e-15  # nats: of a difference of risks
_TAIL = 1e-14  # relative size of a polynomial's coefficients that rounding leaves


class Distance(NamedTuple):
    """Largest relative difference of the hyperbola from the global law.

    Relative to the global law's value, or to a billionth of the excess without augmentation where
    that is more.

    Attributes:
        excess: over all weights and sizes.
        best_excess: of the excess at the best weight of each size.
    """

    excess: float
    best_excess: float


@dataclasses.dataclass(frozen=True, eq=False)
class GlobalLaw:
    """``excess(alpha, N) = limit(alpha) + alpha^2 noise(alpha) / N``: one design and generator.

    Made by `theory.law_of_design`, or by `global_law` from any law of this form. Sizes ``N`` are
    per group, numbers or arrays, real-valued, with ``inf`` for the limit and 0 for no augmentation.
    No result is NaN. Weights and sizes are numbers, not traced.

    Attributes:
        limit: ``a``, excess with infinitely many synthetic samples (nats), a polynomial.
        noise: ``s / alpha^2`` (nats times samples), a polynomial.
        error: largest error of these polynomials that was found between their nodes, relative to
            the excess at weight 0 and to the size of the noise.
        small: makes `hyperbola`, when it is asked for.
        validity: the worst verdict at weights 0, 1/2 and 1 in the limit of many samples.
    """

    limit: Chebyshev
    noise: Chebyshev
    error: float
    small: Callable[[], ScalingLaw]
    validity: Validity = NOT_JUDGED

    @cached_property
    def hyperbola(self) -> ScalingLaw:
        """The law of small biases, S1's second part (`theory.scaling.scaling_law`)."""
        return self.small()

    def excess(self, weight: Numbers, size: Numbers) -> AnyArray:
        """Excess risk at any weight and size (S1; exact on R1 and R2).

        Args:
            weight: ``alpha``; size: ``N``; arrays of equal shape, or one of them a scalar.

        Returns:
            Nats; infinite where the weight is positive and the size 0.
        """
        weight, size = map(np.asarray, pair_of(weight, size))
        used = np.where((weight > 0) & (size > 0), size, 1.0)
        value = self.limit(weight) + weight**2 * self.noise(weight) / used
        return plain(np.where((weight > 0) & (size == 0), np.inf, value))

    def best_weight(self, size: Numbers) -> AnyArray:
        """The weight in [0, 1] with the least excess for each size: the global minimum.

        Args:
            size: ``N``, a number or an array; at 0 the weight is 0.
        """
        return self._by_size(size, lambda found: _least(found)[0], 0.0)

    def best_excess(self, size: Numbers) -> AnyArray:
        """Excess risk at the best weight of each size: that of weight 0 at 0, `floor` at infinity.

        Args:
            size: ``N``, a number or an array.
        """
        return self._by_size(size, lambda found: _least(found)[1], self._none)

    def best_slope(self, size: Numbers) -> AnyArray:
        """Derivative of ``best_excess`` in ``1 / N``: ``s`` at the best weight (envelope theorem).

        Args:
            size: ``N``, a number or an array; 0 at 0, where there is no augmentation.
        """
        best = np.asarray(self.best_weight(size))
        return plain(best**2 * self.noise(best))

    def harmful_weight(self, size: Numbers) -> AnyArray:
        """Weight in [0, 1] beyond which every augmentation is worse than none.

        1 means that the whole weight does not hurt, 0 that every weight does.

        Args:
            size: ``N``, a number or an array.
        """

        def edge(curve: Chebyshev) -> float:
            change = _trimmed((curve - self._none) // _WEIGHT)  # over the weight: no root at 0
            if change(1.0) <= 0:
                return 1.0
            return float(np.max(_roots(change, real=True), initial=0.0))

        return self._by_size(size, edge, 0.0)

    def break_even_size(self, weight: Numbers) -> AnyArray:
        """Size from which a fixed weight is better than none; infinite if never.

        Statement (S1): ``s(alpha) / (a(0) - a(alpha))`` where the denominator is positive.

        Args:
            weight: ``alpha`` in [0, 1], a number or an array.
        """
        weight = np.asarray(checked("weight", weight, 0.0, 1.0))
        gain = -((self.limit - self._none) // _WEIGHT)(weight)  # both over the weight
        helps = gain * weight > _ROUNDING
        helps |= (weight == 0) & (gain > self.error * abs(self._none))
        size = np.maximum(weight * self.noise(weight), 0.0) / np.where(helps, gain, 1.0)
        return plain(np.where(helps, size, np.inf))

    @property
    def floor(self) -> float:
        """Excess risk that is left in the limit of many synthetic samples: ``min a``.

        No size removes it where ``s >= 0`` at every weight; elsewhere a finite one may do better.
        """
        value = float(_least(self.limit)[1])
        return 0.0 if abs(value) <= max(self.error * abs(self._none), _ROUNDING) else value

    @property
    def crossover(self) -> float:
        """``N_c``, the size from which on at most half is left of what many samples remove.

        Statement (S1): ``min s(alpha) / (h - a(alpha))`` over weights with ``a(alpha) < h``, ``h``
        half-way between the excess without augmentation and the floor. 0 where no weight helps.
        """
        level = (self._none + self.floor) / 2
        if self._none - level <= max(self.error * abs(self._none), _ROUNDING):
            return 0.0
        left = level - self.limit
        weight = _roots(left * _root_slope(self.noise) + _WEIGHT * self.limit.deriv() * self.noise)
        weight = weight[left(weight) > 0]
        return max(float(np.min(weight**2 * self.noise(weight) / left(weight))), 0.0)

    def optimal_size(self, price: Numbers) -> AnyArray:
        """The size with the least ``best_excess(N) + price N``: real-valued, 0 if none is worth it.

        Statement (S1): ``N^2 = s(alpha*(N)) / price``. Of every weight the best size is
        ``sqrt(s / price)``, which costs ``a + 2 sqrt(price s)``: the least of that over weights is
        the global minimum, also where the best weight jumps. Weights with ``s <= 0``, at which
        fewer samples are always better, have no such size and are left out.

        Args:
            price: nats of excess risk for one more synthetic sample in every group, so ``G`` times
                the price of a sample. 0 gives infinity where samples help.
        """
        price = np.asarray(checked("price", price))
        found = [self._best_size(float(one)) for one in price.ravel()]
        return plain(np.array(found, float).reshape(price.shape))

    def distance_to_hyperbola(self, least_size: float | int = 1) -> Distance:
        """How far the law of small biases is off, on fine grids of weights and sizes.

        Args:
            least_size: the smallest ``N`` that is looked at; the largest is infinity.
        """
        require_range(above=0, scalar=True, least_size=least_size)
        weight, size = np.linspace(0.0, 1.0, 201)[:, None], np.array([least_size, np.inf])
        sizes = least_size * np.append(np.geomspace(1.0, 1e9, 73), np.inf)
        pairs = (  # a ratio of two functions affine in 1/N is extreme where 1/N is
            (self.hyperbola.excess(weight, size), self.excess(weight, size)),
            (self.hyperbola.best_excess(sizes), self.best_excess(sizes)),
        )
        small = 1e-9 * abs(self._none)
        return Distance(
            *(
                float(np.max(np.abs(np.asarray(near) - far) / np.maximum(np.abs(far), small)))
                for near, far in pairs
            )
        )

    @property
    def _none(self) -> float:
        """Excess without augmentation."""
        return float(self.limit(0.0))

    def _at(self, size: float) -> Chebyshev:
        return self.limit + _WEIGHT**2 * self.noise / size

    def _by_size(self, size: Numbers, answer: Callable, at_zero: float) -> AnyArray:
        size = np.asarray(checked("size", size))
        found = [answer(self._at(one)) if one > 0 else at_zero for one in size.ravel()]
        return plain(np.array(found, float).reshape(size.shape))

    def _best_size(self, price: float) -> float:
        if price == 0:
            return np.inf if _least(self.limit)[0] > 0 else 0.0
        if price == np.inf:
            return 0.0
        slope = _root_slope(self.noise)  # no square root: also zeros with the other sign, which
        weight = _roots(self.limit.deriv() ** 2 * self.noise - price * slope**2)  # cost more
        noise = weight**2 * self.noise(weight)
        cost = self.limit(weight) + 2 * np.sqrt(price * np.maximum(noise, 0.0))
        cost[noise <= 0] = np.inf
        best = int(np.argmin(cost))
        return float(np.sqrt(noise[best] / price)) if cost[best] < self._none else 0.0


def _root_slope(noise: Chebyshev) -> Chebyshev:
    """Derivative of ``s = alpha^2 noise`` over the weight."""
    return 2 * noise + _WEIGHT * noise.deriv()


def _trimmed(polynomial: Chebyshev) -> Chebyshev:
    return polynomial.trim(_TAIL * np.max(np.abs(polynomial.coef)))


def _roots(polynomial: Chebyshev, *, real: bool = False) -> np.ndarray:
    """Weights in [0, 1], ends included, among which are all roots; or the real roots alone."""
    polynomial = _trimmed(polynomial)
    found: np.ndarray = np.zeros(0)
    if polynomial.degree():
        found = np.atleast_1d(polynomial.roots())
    found = found[np.isfinite(found)]
    if real:
        found = found[np.isreal(found)].real
        return found[(found >= 0.0) & (found <= 1.0)]
    return np.concatenate([[0.0], np.unique(np.clip(found.real, 0.0, 1.0)), [1.0]])


def _least(polynomial: Chebyshev) -> tuple[float, float]:
    """Where a polynomial is least on [0, 1], and its value: the smallest such weight."""
    weight = _roots(polynomial.deriv())
    value = polynomial(weight)
    best = int(np.argmin(value))
    return float(weight[best]), float(value[best])


def global_law(
    along: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    hyperbola: Callable[[], ScalingLaw],
    *,
    tolerance: float = _TOLERANCE,
) -> GlobalLaw:
    """The global law through ``a`` and ``s / alpha^2`` at as many weights as it takes.

    Args:
        along: of weights in [0, 1], in any order, both at each of them.
        hyperbola: makes the law of small biases, to be compared with.
        tolerance: the error at which no more weights are asked for, relative to the excess at
            weight 0 and to the size of the noise.

    Raises:
        ValueError: if polynomials of degree 96 do not follow them, or a value is not finite.

    Example:
        >>> from synthetic_oversampling.theory.scaling.scaling_law import scaling_law
        >>> small = scaling_law(A=3.0, C=1.0, D=2.0, S=6.0)
        >>> law = global_law(lambda w: (small.excess(w, np.inf), 3.0 + 0 * w), lambda: small)
        >>> [round(float(value), 9) for value in (law.best_weight(2.0), law.crossover)]
        [0.333333333, 2.0]
        >>> law.distance_to_hyperbola().excess < 1e-9
        True
    """
    weight, value = np.zeros(0), np.zeros((2, 0))
    for degree in _DEGREES:
        node = (chebpts2(degree + 1) + 1) / 2
        first = not weight.size
        new = np.concatenate([_BETWEEN, node]) if first else node[1::2]
        found = np.stack(along(new))
        if first:
            between, found, new = found[:, : len(_BETWEEN)], found[:, len(_BETWEEN) :], node
        weight = np.concatenate([weight, new])
        value = np.concatenate([value, found], axis=1)
        if not np.all(np.isfinite(value)):
            wrong = weight[~np.isfinite(value).all(axis=0)][0]
            raise ValueError(
                f"along: got an excess that is not finite at weight {wrong:.3g}, expected numbers."
            )
        coefficients = np.linalg.solve(chebvander(2 * weight - 1, degree), value.T)
        limit, noise = (_trimmed(Chebyshev(column, [0.0, 1.0])) for column in coefficients.T)
        scale = np.array([abs(limit(0.0)) + _ROUNDING / _TOLERANCE, np.median(np.abs(value[1]))])
        tail = np.abs(coefficients[-2:]).sum(axis=0)
        off = np.abs(np.stack([limit(_BETWEEN), noise(_BETWEEN)]) - between).max(axis=1)
        error = float(np.max(np.maximum(tail, off) / np.maximum(scale, np.finfo(float).tiny)))
        if error <= tolerance:
            break
    if error > max(_REFUSED, tolerance):
        raise ValueError(
            "generator: got one whose excess risk bends too sharply in the weight for a polynomial "
            f"of degree {_DEGREES[-1]} (relative error {error:.1g}), as where synthetic samples "
            "alone nearly separate the labels; expected a milder bias. Use theory.predict at "
            "single weights, or theory.hyperbola_of_design for the law of small biases."
        )
    return GlobalLaw(limit, noise, error, hyperbola)
