"""Theorem S1, second part: the law of small biases, a hyperbola in the synthetic size.

A special case of the global law (`theory.scaling.global_law`): for generator biases of the order of
the sampling noise and a small Hessian of the bias, so that the Hessian of the expected empirical
risk at the balanced optimum is nearly ``H`` at every weight. With ``A`` and ``D`` the second
moments of the oversampling and the augmentation part of a design in the metric of the inverse
Hessian, ``C`` their cross moment and ``S`` the sampling noise of one synthetic sample per group,

    2 excess(alpha, N) = (1 - alpha)^2 A + 2 alpha (1 - alpha) C + alpha^2 (D + S / N).

`theory.scaling.global_law.GlobalLaw.distance_to_hyperbola` measures how far that is off.

Everything here is lowered from the expressions of `theory.theorems.scaling`, which are derived and
proved there. The best weight is clipped to [0, 1]: it is 0 for every size when ``A <= C`` (the
augmentation part repeats what is wrong with the oversampling part), and 1 from ``N = S / (C - D)``
on when ``C > D`` (the augmentation part is better in every respect).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.population.margins import library
from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["Numbers", "ScalingLaw", "checked", "pair_of", "plain", "scaling_law"]

Numbers = float | int | Sequence | AnyArray  # a number, or an array of any shape

_ROUNDING = 1e-8  # relative excess of C^2 over A D that quadrature may leave


class ScalingLaw(NamedTuple):
    """The hyperbola of one design and generator; made by `scaling_law`, which validates.

    Sizes ``N`` are per group, scalars or arrays, real-valued, with ``inf`` for the limit. No result
    is NaN, also where the two parts are identical (``P = A - 2 C + D = 0``) and where synthetic
    samples have no noise (``S = 0``). Methods can be jitted and vmapped over laws, and are
    differentiable wherever the law is smooth. What is made of numbers and NumPy arrays is computed
    at once, without compilation.

    Attributes:
        A: second moment of the oversampling part; twice the excess at weight 0 (nats).
        C: cross moment of the two parts.
        D: second moment of the augmentation part without sampling noise.
        S: sampling noise of one synthetic sample per group.
    """

    A: AnyArray
    C: AnyArray
    D: AnyArray
    S: AnyArray

    def excess(self, weight: Numbers, size: Numbers) -> AnyArray:
        """Excess risk at any weight and size (S1; small bias and small Hessian of the bias).

        Args:
            weight: ``alpha``; size: ``N``; arrays of equal shape, or one of them a scalar.

        Returns:
            Nats; infinite where the weight is positive and the size 0.

        Example:
            >>> law = scaling_law(A=3.0, C=1.0, D=2.0, S=6.0)
            >>> law.excess(0.5, np.array([6.0, np.inf])).tolist()
            [1.0, 0.875]
        """
        weight, size = pair_of(weight, size)
        xp = library(*self, weight, size)
        used = xp.where(weight > 0, size, 1.0)  # without weight the size does not matter
        value = _value("S1.excess", **self._asdict(), N=used, alpha=weight)
        return plain(xp.where((weight > 0) & (size == 0), np.inf, value))

    def best_weight(self, size: Numbers) -> AnyArray:
        """The weight with the least excess for each size, clipped to [0, 1].

        Statement (S1): ``(A - C) / (A - 2 C + D + S / N)``; 0 where ``A <= C`` or ``N = 0``; 1
        where ``C - D >= S / N``.

        Args:
            size: ``N``, a number or an array.

        Example:
            >>> law = scaling_law(A=3.0, C=1.0, D=2.0, S=6.0)
            >>> law.best_weight(np.array([0.0, 2.0, np.inf])).round(6).tolist()
            [0.0, 0.333333, 0.666667]
        """
        return self._by_size("S1.best_weight", size, 0.0)

    def best_excess(self, size: Numbers) -> AnyArray:
        """Excess risk at the best weight of each size: ``A / 2`` at 0, `floor` at infinity.

        Args:
            size: ``N``, a number or an array.
        """
        return self._by_size("S1.best_excess", size, self.A / 2)

    def harmful_weight(self, size: Numbers) -> AnyArray:
        """Weight beyond which augmentation is worse than none, clipped to [0, 1].

        Statement (S1): twice the unclipped best weight. 1 means that no weight hurts, 0 that every
        weight does.

        Args:
            size: ``N``, a number or an array.
        """
        value = self._by_size("S1.harmful_weight", size, 0.0)
        xp = library(*self, value)
        return plain(xp.where(self.A <= self.C, 0.0, xp.clip(value, 0.0, 1.0)))

    def break_even_size(self, weight: Numbers) -> AnyArray:
        """Size from which a fixed positive weight is better than none; infinite if never.

        Statement (S1): ``S alpha / ((2 - alpha) A - 2 (1 - alpha) C - alpha D)`` where the
        denominator is positive.

        Args:
            weight: ``alpha`` in [0, 1], a number or an array.
        """
        weight = checked("weight", weight, 0.0, 1.0)
        value = _value("S1.break_even_size", **self._asdict(), alpha=weight)
        # S = 0 without a gain is 0/0, which compares as false: never
        xp = library(value)
        return plain(xp.where(value >= 0, xp.abs(value), np.inf))

    @property
    def floor(self) -> AnyArray:
        """Excess risk that no synthetic size removes, at the clipped weight.

        Statement (S1): ``(A D - C^2) / (2 P)``; ``A / 2`` where ``A <= C``; ``D / 2`` where
        ``C >= D``.
        """
        return _value("S1.floor", A=self.A, C=self.C, D=self.D)

    @property
    def crossover(self) -> AnyArray:
        """``N_c = S / P``: half of the removable excess is removed there (weight not clipped).

        0 where synthetic samples have no noise; infinite where the two parts are identical.
        """
        value = _value("S1.crossover", **self._asdict())
        xp = library(value)
        return plain(xp.where(self.S > 0, xp.where(value >= 0, value, np.inf), 0.0))

    def optimal_size(self, price: Numbers) -> AnyArray:
        """The size with the least ``best_excess(N) + price N``: real-valued, 0 if none is worth it.

        Statement (S1): ``(|A - C| sqrt(S / (2 c)) - S) / P``, not below 0; and
        ``sqrt(S / (2 c))`` where the best weight there is clipped to 1. The best excess is convex
        and smooth in ``N``, so this is the one minimum. 0 where ``A <= C``, and where ``S = 0``
        (then one sample does what any number does).

        Args:
            price: nats of excess risk for one more synthetic sample in every group, so ``G`` times
                the price of a sample. 0 gives infinity.

        Example:
            >>> law = scaling_law(A=3.0, C=1.0, D=2.0, S=6.0)
            >>> round(float(law.optimal_size(0.03)), 6)
            4.666667
        """
        price = checked("price", price)
        xp, noisy = library(*self, price), self.S > 0
        law = self._replace(S=xp.where(noisy, self.S, 1.0))
        best = _value("S1.best_size", **law._asdict(), price=price)
        return plain(xp.where(noisy, best, 0.0))

    def _by_size(self, name: str, size: Numbers, at_zero: Numbers) -> AnyArray:
        size = checked("size", size)
        xp = library(*self, size)
        used = xp.where(size > 0, size, 1.0)
        return plain(xp.where(size > 0, _value(name, **self._asdict(), N=used), at_zero))


def scaling_law(A: Numbers, C: Numbers, D: Numbers, S: Numbers) -> ScalingLaw:
    """The hyperbola of a design from its four moments (S1's second part).

    Statement (exact algebra on R1 and R2 for small biases): see the module. The moments of a design
    and generator are the formulas ``S1.A``, ``S1.C``, ``S1.D`` and ``S1.S`` of
    `theory.theorems.table`.

    Args:
        A: second moment of the oversampling part, ``H^{-1}``-weighted, nats.
        C: cross moment of the two parts.
        D: second moment of the augmentation part, without sampling noise.
        S: sampling noise of one synthetic sample per group.

    Returns:
        A `ScalingLaw`.

    Raises:
        ValueError: unless all are finite, ``A``, ``D`` and ``S`` are at least 0, and
            ``C^2 <= A D``.
        RuntimeError: if float64 is off.

    Example:
        >>> law = scaling_law(A=3.0, C=1.0, D=2.0, S=6.0)
        >>> round(float(law.floor), 6), float(law.crossover)
        (0.833333, 2.0)
    """
    require_float64("theory.scaling.scaling_law.scaling_law")
    moments = {"A": A, "C": C, "D": D, "S": S}
    values = {name: _array(name, value) for name, value in moments.items()}
    if not any(isinstance(value, jax.core.Tracer) for value in values.values()):
        _check_moments(**values)
    return ScalingLaw(**values)


def _check_moments(A, C, D, S) -> None:
    for name, value in (("A", A), ("C", C), ("D", D), ("S", S)):
        if value.ndim:
            raise ValueError(
                f"{name}: got shape {value.shape}, expected a scalar; vmap scaling_law over laws."
            )
        if not np.isfinite(value):
            raise ValueError(f"{name}: got {float(value)}, expected a finite moment.")
        if name != "C" and value < 0:
            raise ValueError(
                f"{name}: got {float(value)}, expected at least 0, because it is a second moment; "
                "check that the Hessian that weighs it is positive definite."
            )
    # where parts cancel to zero, C and D are what rounding leaves of numbers of the size of A
    if C**2 > A * D * (1 + _ROUNDING) and abs(C) > _ROUNDING * A:
        raise ValueError(
            f"C: got {float(C)}, expected at most sqrt(A D) = {float(np.sqrt(A * D))} in size, "
            "because it is the cross moment of parts with second moments A and D; compute all "
            "three in the metric of one Hessian."
        )


def _value(name: str, **values) -> AnyArray:
    """A formula, at once on the host where all values are there."""
    if library(*values.values()) is not np:
        return FORMULAS[name](**values)
    with np.errstate(all="ignore"):  # of the cases of a formula that do not hold
        return plain(FORMULAS[name].numpy(**values))


def _array(name: str, value: Numbers) -> AnyArray:
    if isinstance(value, jax.Array):
        return value.astype(float)
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: got {value!r}, expected real numbers.")
    return plain(array.astype(float))


def plain(array: AnyArray) -> AnyArray:
    """A number of NumPy's where there is one, not an array without axes.

    Args:
        array: any.
    """
    return array[()] if isinstance(array, np.ndarray) else array


def pair_of(weight: Numbers, size: Numbers) -> tuple[AnyArray, AnyArray]:
    """Weights and sizes that belong together, as float arrays.

    Args:
        weight: ``alpha``; size: ``N``; of shapes that broadcast.

    Raises:
        ValueError: naming the argument.
    """
    weight, size = checked("weight", weight, 0.0, 1.0), checked("size", size)
    try:
        np.broadcast_shapes(weight.shape, size.shape)
    except ValueError:
        raise ValueError(
            f"weight, size: got shapes {weight.shape} and {size.shape}, expected equal ones, or "
            "such that broadcast."
        ) from None
    return weight, size


def checked(name: str, value: Numbers, low: float = 0.0, high: float = np.inf) -> AnyArray:
    """Real numbers in a range, as a float array.

    Args:
        name: of the argument, for the message.
        value: a number, an array, or what is traced, whose range is not looked at.
        low, high: the range, ends included.

    Raises:
        ValueError: naming the argument.
    """
    array = _array(name, value)
    if not isinstance(array, jax.core.Tracer):
        wrong = ~((array >= low) & (array <= high))
        if bool(wrong.any()):
            raise ValueError(
                f"{name}: got {float(array[wrong].ravel()[0])}, expected numbers in "
                f"[{low:g}, {high:g}]."
            )
    return array
