"""Duplication of seeds."""

from __future__ import annotations

import dataclasses

from synthetic_oversampling.theory.generators.base import Fits, Generator
from synthetic_oversampling.theory.population.laws import Law

__all__ = ["Duplicate"]


@dataclasses.dataclass(frozen=True)
class Duplicate(Generator):
    """Draws seeds with replacement: ``Q_g`` is the empirical law of the seeds."""

    name = label = "duplicate"
    fits = Fits(score=True)
    self_averaging = True

    def min_seeds(self, dim: int) -> int:
        return 1

    def law(self, g, groups, sizes) -> Law:
        return groups[g].law
