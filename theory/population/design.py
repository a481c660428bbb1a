"""The experimental design: how many real and synthetic samples, and with what weight."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Literal, TypeGuard

import numpy as np

from synthetic_oversampling.theory.theorems.weights import DESIGN_FORMULAS

__all__ = ["Design", "is_real", "require_design", "sizes_of"]

Scheme = Literal["synthetic", "raw", "weighted"]
_LARGEST = 10**100  # products of sizes stay finite
_FORMULAS = {formula.id: formula for formula in DESIGN_FORMULAS}


@dataclasses.dataclass(frozen=True)
class Design:
    """Sizes, augmentation and weight of a synthetic-oversampling experiment, validated.

    Group ``g`` has ``n_g`` real samples; oversampling adds ``m_g = n_max - n_g`` synthetic ones,
    augmentation adds ``N`` more to every group, and the empirical risk is

        (1 - alpha)/(G n_max) sum_g [real losses + oversampled losses]
            + alpha/(G N) sum_g [augmented losses].

    Two designs without synthetic data serve as references: `Design.raw` (plain empirical risk,
    every sample weighted equally) and `Design.class_weighted` (every group weighted equally).

    Args:
        sizes: real samples per group, each at least 1.
        augmentation: ``N``, synthetic samples added per group; ``math.inf`` is allowed in
            predictions and means the limit.
        weight: ``alpha`` in [0, 1], the weight of the augmentation part.
        scheme: "synthetic", or "raw" / "weighted" for the references.

    Raises:
        ValueError: naming the argument, what was got, what is expected, and what to do.

    Example:
        >>> design = Design(sizes=(2000, 200), augmentation=1000, weight=0.25)
        >>> design.oversampling, design.ratios.tolist(), design.real_weights.tolist()
        ((0, 1800), [1.0, 0.1], [0.75, 0.07500000000000001])
    """

    sizes: tuple[int, ...]
    augmentation: int | float = 0
    weight: float = 0.0
    scheme: Scheme = "synthetic"

    def __post_init__(self):
        object.__setattr__(self, "sizes", sizes_of(self.sizes))
        object.__setattr__(self, "augmentation", _count(self.augmentation))
        weight = self.weight
        if not is_real(weight) or not 0.0 <= float(weight) <= 1.0:
            raise ValueError(
                f"weight: got {_shown(weight)}, expected a number in [0, 1]; it is the share alpha "
                "of the augmentation part in the empirical risk."
            )
        object.__setattr__(self, "weight", float(weight))
        if self.weight > 0 and self.augmentation == 0:
            raise ValueError(
                f"augmentation: got 0 with weight={self.weight!r}, expected N >= 1 synthetic "
                "samples per group when weight > 0; set augmentation, or weight=0."
            )
        if self.scheme not in ("synthetic", "raw", "weighted"):
            raise ValueError(
                f"scheme: got {self.scheme!r}, expected 'synthetic', 'raw' or 'weighted'."
            )
        if self.scheme != "synthetic" and (self.augmentation or self.weight):
            raise ValueError(
                f"scheme: got {self.scheme!r} with augmentation={self.augmentation} and "
                f"weight={self.weight}, expected no synthetic data in a reference design; "
                "drop them, or use scheme='synthetic'."
            )

    @classmethod
    def raw(cls, sizes: Sequence[int]) -> Design:
        """Plain empirical risk minimisation on the imbalanced real data.

        Args:
            sizes: real samples per group.
        """
        return cls(sizes_of(sizes), scheme="raw")

    @classmethod
    def class_weighted(cls, sizes: Sequence[int]) -> Design:
        """Real data only, every group given the same total weight.

        Args:
            sizes: real samples per group.
        """
        return cls(sizes_of(sizes), scheme="weighted")

    @property
    def num_groups(self) -> int:
        """``G``."""
        return len(self.sizes)

    @property
    def n_max(self) -> int:
        """Size of the largest group."""
        return max(self.sizes)

    @property
    def n_total(self) -> int:
        """Number of real samples."""
        return sum(self.sizes)

    @property
    def oversampling(self) -> tuple[int, ...]:
        """``m_g``: synthetic samples that level group ``g`` with the largest one."""
        if self.scheme != "synthetic":
            return (0,) * self.num_groups
        return tuple(self.n_max - n for n in self.sizes)

    @property
    def ratios(self) -> np.ndarray:
        """``rho_g = n_g / n_max``: ``[G]``."""
        return _FORMULAS["B1.ratio"].numpy(n_g=self.sizes, n_max=self.n_max)

    @property
    def real_weights(self) -> np.ndarray:
        """``a_g``, the weight of group ``g``'s real part times G: ``[G]``."""
        if self.scheme != "synthetic":
            return self.real_mass * self.num_groups
        return _FORMULAS["B1.real_weight"].numpy(alpha=self.weight, rho_g=self.ratios)

    @property
    def synthetic_weights(self) -> np.ndarray:
        """``c_g``, the weight of group ``g``'s synthetic part times G: ``[G]``."""
        if self.scheme != "synthetic":
            return np.zeros(self.num_groups)
        return _FORMULAS["B1.synthetic_weight"].numpy(alpha=self.weight, rho_g=self.ratios)

    @property
    def real_mass(self) -> np.ndarray:
        """Total weight of group ``g``'s real losses in the empirical risk: ``[G]``."""
        if self.scheme == "raw":
            return _FORMULAS["B4.raw_mass"].numpy(n_g=self.sizes, n_tot=self.n_total)
        if self.scheme == "weighted":
            return np.full(self.num_groups, 1.0 / self.num_groups)
        return self._mass("B1.real_mass")

    @property
    def oversampling_mass(self) -> np.ndarray:
        """Total weight of group ``g``'s oversampled losses: ``[G]``."""
        if self.scheme != "synthetic":
            return np.zeros(self.num_groups)
        return self._mass("B1.oversampling_mass")

    @property
    def augmentation_mass(self) -> np.ndarray:
        """Total weight of group ``g``'s augmented losses: ``[G]``."""
        return np.full(self.num_groups, self.weight / self.num_groups)

    @property
    def synthetic_noise(self) -> np.ndarray:
        """Sum of squared weights of group ``g``'s synthetic samples: ``[G]``.

        Multiplies the synthetic score covariance in the covariance of the empirical gradient;
        0 where there are no synthetic samples or infinitely many.
        """
        if self.scheme != "synthetic":
            return np.zeros(self.num_groups)
        return _FORMULAS["R1.synthetic_noise"].numpy(
            alpha=self.weight,
            rho_g=self.ratios,
            G=self.num_groups,
            n_max=self.n_max,
            N=self.augmentation or math.inf,  # without augmentation its weight is 0
        )

    def _mass(self, name: str) -> np.ndarray:
        return _FORMULAS[name].numpy(alpha=self.weight, rho_g=self.ratios, G=self.num_groups)


def is_real(value) -> TypeGuard[float]:
    """Whether this is a real number that a float can hold, neither NaN nor a truth value.

    Args:
        value: anything.

    Example:
        >>> [is_real(value) for value in (2, 1e300, math.inf, math.nan, True, 10**400)]
        [True, True, True, False, False, False]
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        return not math.isnan(value)
    except OverflowError:
        return False


def require_design(design) -> None:
    """Raise unless this is a `Design`.

    Args:
        design: what was given.

    Raises:
        ValueError: saying how one is made.
    """
    if not isinstance(design, Design):
        raise ValueError(
            f"design: got {design!r}, expected a theory.Design, such as Design((2000, 200), "
            "augmentation=1000, weight=0.5) or Design.raw((2000, 200))."
        )


def sizes_of(sizes: Iterable[int]) -> tuple[int, ...]:
    """Group sizes as whole numbers, in order.

    Args:
        sizes: real samples per group, each at least 1.

    Raises:
        ValueError: naming the group.
    """
    if not isinstance(sizes, Iterable) or isinstance(sizes, str | Set | Mapping):
        raise ValueError(
            f"sizes: got {sizes!r}, expected a sequence of group sizes such as (2000, 200)."
        )
    values = tuple(sizes)
    if not values:
        raise ValueError("sizes: got no groups, expected at least one group size.")
    for g, n in enumerate(values):
        if not is_real(n) or math.isinf(n) or int(n) != n or n > _LARGEST:
            raise ValueError(
                f"sizes: got {_shown(n)} for group {g}, expected a whole number of at most "
                f"{_LARGEST:.0e}."
            )
        if n < 1:
            raise ValueError(
                f"sizes: got {n!r} for group {g}, expected at least 1 real sample in every group; "
                "an empty group has no seeds: drop the group or collect samples for it."
            )
    return tuple(int(n) for n in values)


def _shown(value) -> str:
    """A value for an error, in few characters where it is a number that no float can hold."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool | float):
        try:
            float(value)
        except OverflowError:
            return "a number beyond 1e308"
    return repr(value)


def _count(value) -> int | float:
    if is_real(value) and value == math.inf:
        return math.inf
    if not is_real(value) or value < 0 or int(value) != value or value > _LARGEST:
        raise ValueError(
            f"augmentation: got {_shown(value)}, expected a whole number N from 0 to "
            f"{_LARGEST:.0e} of synthetic samples per group, or math.inf for the limit."
        )
    return int(value)
