"""A design with several classes on its groups, as population laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.generators.table import Generator, population_law
from synthetic_oversampling.theory.inputs import check_groups, per_group
from synthetic_oversampling.theory.multiclass.components import Components, components_of, merged
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.precision import require_float64

__all__ = ["Population", "population"]

_MERGED = (3, 4)  # classes for which there are tensor grids; of two, quadrature is by its spread


class Population(NamedTuple):
    """The laws of a design's groups and generators.

    Attributes:
        parts: components of the different laws: of the groups, then of generators that differ.
            For three and four classes those that differ in scale alone are one.
        place: which of them each group's and each generator's law is ``[2 G]``.
        own: the Gaussians of all groups' laws.
        groups: those of each group's law alone; generators: of each generator's.
        classes: ``K``.
        generators_of: one generator per group.
    """

    parts: Components
    place: np.ndarray
    own: Components
    groups: tuple[Components, ...]
    generators: tuple[Components, ...]
    classes: int
    generators_of: tuple[Generator, ...]

    @property
    def size(self) -> int:
        """Groups."""
        return len(self.groups)

    def shares(self, real: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
        """Of the groups' and generators' laws in the balanced and in the expected empirical risk:
        ``[2, 2 G]``.

        Args:
            real, synthetic: total weights of the groups' real and synthetic samples ``[G]``.
        """
        shares = np.zeros((2, 2 * self.size))
        shares[0, : self.size] = 1.0 / self.size
        shares[1] = *real, *synthetic
        return shares

    def gathered(self, weights: np.ndarray) -> np.ndarray:
        """Weights of the different laws, from those of all ``[..., 2 G]``.

        Args:
            weights: of the groups' laws and the generators'.
        """
        total = np.zeros((*weights.shape[:-1], self.parts.number))
        for column, law in enumerate(self.place):
            total[..., law] += weights[..., column]
        return total


def population(
    groups: Sequence[GaussianGroup], design: Design, generator: Generator | Sequence[Generator]
) -> Population:
    """Validate a design on its groups and write it as laws.

    Args:
        groups, design, generator: as for `theory.predict_multiclass`.

    Raises:
        ValueError: for mismatched lengths or dimensions, labels that are not 0 to K - 1, too few
            seeds, or a generator without a closed-form law.
    """
    require_float64("theory.predict_multiclass")
    check_groups(groups, design, several=True)
    generators = per_group(generator, len(groups))
    used = design.oversampling_mass + design.augmentation_mass > 0
    for g, one in enumerate(generators):
        if used[g]:
            one.check_seeds(design.sizes, groups[0].dim)
    real = [group.law for group in groups]
    synthetic = [
        population_law(one, g, groups, design.sizes) if used[g] else real[g]
        for g, one in enumerate(generators)
    ]
    same = [
        all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))
        for pair in zip(real, synthetic, strict=True)
    ]
    different = [law for law, equal in zip(synthetic, same, strict=True) if not equal]
    following = len(real) + np.cumsum(~np.array(same)) - 1
    place = np.where(same, np.arange(len(real)), following)
    classes = 1 + max(group.label for group in groups)
    parts = components_of([*real, *different])
    return Population(
        parts=merged(parts) if classes in _MERGED else parts,
        place=np.concatenate([np.arange(len(real)), place]),
        own=components_of(real),
        groups=tuple(components_of([law]) for law in real),
        generators=tuple(components_of([law]) for law in synthetic),
        classes=classes,
        generators_of=generators,
    )
