"""Generators with a fixed law: they do not look at the seeds."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from synthetic_oversampling.theory.generators.base import (
    Fits,
    Generator,
    class_count,
    labelled,
)
from synthetic_oversampling.theory.population.design import is_real
from synthetic_oversampling.theory.population.laws import Law, real_array
from synthetic_oversampling.theory.wording import counted

__all__ = ["Mislabelled", "Oracle", "Scaled", "Shifted"]


class _Fixed(Generator):
    fits = Fits()

    def min_seeds(self, dim: int) -> int:
        return 1


@dataclasses.dataclass(frozen=True)
class Oracle(_Fixed):
    """Draws from the group itself: ``Q_g = P_g``."""

    name = label = "oracle"

    def law(self, g, groups, sizes) -> Law:
        return groups[g].law


@dataclasses.dataclass(frozen=True)
class Shifted(_Fixed):
    """Draws from the group and adds a constant vector to the features.

    Args:
        shift: ``[d]``, in the units of the features.
    """

    shift: tuple[float, ...]
    name = label = "shifted"

    def __post_init__(self):
        shift = real_array("shift", self.shift)
        if shift.ndim != 1:
            raise ValueError(
                f"shift: got {self.shift!r}, expected a vector of finite numbers, one per feature."
            )
        object.__setattr__(self, "shift", tuple(shift.tolist()))

    def check_seeds(self, sizes, dim: int) -> None:
        super().check_seeds(sizes, dim)
        if len(self.shift) != dim:
            raise ValueError(
                f"shift: got {counted(len(self.shift), 'entry')}, expected {dim}, one per feature."
            )

    def law(self, g, groups, sizes) -> Law:
        group = groups[g]
        return labelled(group, group.weights, group.mean + np.asarray(self.shift), group.cov)


@dataclasses.dataclass(frozen=True)
class Scaled(_Fixed):
    """Draws from the group with every component's covariance multiplied by ``factor``.

    Args:
        factor: ``kappa > 0``; below 1 the samples are too concentrated, above 1 too spread out.
    """

    factor: float
    name = label = "scaled"

    def __post_init__(self):
        if not is_real(self.factor) or not 0 < self.factor < math.inf:
            raise ValueError(
                f"factor: got {self.factor!r}, expected a positive number multiplying covariances."
            )

    def law(self, g, groups, sizes) -> Law:
        group = groups[g]
        return labelled(group, group.weights, group.mean, self.factor * group.cov)


@dataclasses.dataclass(frozen=True)
class Mislabelled(_Fixed):
    """Draws from the group and flips the label with probability ``rate``.

    Of more than two classes, to each of the others with the same probability.

    Args:
        rate: ``epsilon`` in [0, 1].
    """

    rate: float
    name = label = "mislabelled"

    def __post_init__(self):
        if not is_real(self.rate) or not 0.0 <= self.rate <= 1.0:
            raise ValueError(f"rate: got {self.rate!r}, expected a probability in [0, 1].")

    def law(self, g, groups, sizes) -> Law:
        group = groups[g]
        others = [k for k in range(class_count(groups)) if k != group.label]
        flipped = [self.rate / len(others) * group.weights for _ in others]
        weights = np.concatenate([(1.0 - self.rate) * group.weights, *flipped])
        mean, cov = (np.concatenate([part] * (1 + len(others))) for part in (group.mean, group.cov))
        labels = np.repeat([group.label, *others], len(group.weights))
        return Law(weights, mean, cov, 2.0 * labels - 1.0)
