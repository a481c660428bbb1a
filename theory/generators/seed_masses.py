"""A design's weights, sorted by what its generators fit on their seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from synthetic_oversampling.theory.generators.base import Fits, Generator
from synthetic_oversampling.theory.population.design import Design

__all__ = ["SeedMasses", "seed_masses", "sorted_masses"]


class SeedMasses(NamedTuple):
    """A design and its generators as arrays ``[G]``: which weight acts on which part of a seed.

    NumPy arrays outside of compiled functions.

    Attributes:
        score: weight of the seeds' own score: real samples, and duplicates of them.
        gaussian: weight of synthetic samples whose mean is fitted.
        own_cov: of these, weight with the group's own covariance fitted.
        pooled_cov: of these, weight with the pooled covariance fitted.
        interpolation: weight of samples interpolated between seeds.
        wide_mean, wide_cov: weight of predictive samples (known / unknown covariance).
        noise: sum of squared weights of the synthetic samples.
        sizes: real samples per group.
    """

    score: Array | np.ndarray
    gaussian: Array | np.ndarray
    own_cov: Array | np.ndarray
    pooled_cov: Array | np.ndarray
    interpolation: Array | np.ndarray
    wide_mean: Array | np.ndarray
    wide_cov: Array | np.ndarray
    noise: Array | np.ndarray
    sizes: Array | np.ndarray

    @property
    def families(self) -> tuple[str, ...]:
        """Which first-order forms occur (static): "gaussian", "interpolation" or neither."""
        forms = {"gaussian": self.gaussian, "interpolation": self.interpolation}
        return tuple(name for name, mass in forms.items() if (np.asarray(mass) > 0).any())


def seed_masses(design: Design, generators: Sequence[Generator]) -> SeedMasses:
    """Sort a design's synthetic weight by what the generators fit on their seeds.

    Args:
        design: whose weights are sorted.
        generators: one per group.
    """
    synthetic = design.oversampling_mass + design.augmentation_mass
    return sorted_masses(
        design.real_mass, synthetic, design.synthetic_noise, design.sizes, generators
    )


def cubed_weights(design: Design, generators: Sequence[Generator]) -> np.ndarray:
    """Sums of the cubed weights of rows ``[2 G]``: of the seeds, then of the synthetic rows.

    A seed's weight is its own, and its part of that of rows from a generator fitted on it. The sum
    is 0 of infinitely many rows, and of none.

    Args:
        design: whose rows these are.
        generators: one per group.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> found = cubed_weights(Design((4, 2), 10, 0.5), (Oracle(), Oracle()))
        >>> [round(float(1e6 * value), 1) for value in found]
        [976.6, 488.3, 156.2, 644.5]
    """
    fitted = np.array([generator.fitted for generator in generators])
    synthetic = design.oversampling_mass + design.augmentation_mass
    parts = (
        (design.real_mass + fitted * synthetic, design.sizes),
        (design.oversampling_mass, design.oversampling),
        (design.augmentation_mass, np.full(len(fitted), design.augmentation)),
    )
    seeds, *drawn = (
        np.where(mass > 0, mass**3 / np.maximum(count, 1.0) ** 2, 0.0)
        for mass, count in ((mass, np.asarray(count, np.float64)) for mass, count in parts)
    )
    return np.concatenate([seeds, sum(drawn)])


def sorted_masses(
    real: np.ndarray,
    synthetic: np.ndarray,
    noise: np.ndarray,
    sizes: Sequence[int],
    generators: Sequence[Generator],
) -> SeedMasses:
    """`SeedMasses` of any weights ``[G]`` of real and synthetic samples; linear in both.

    Args:
        real, synthetic: weights of the real and the synthetic samples.
        noise: sums of the synthetic samples' squared weights.
        sizes: real samples.
        generators: one per group.

    Raises:
        ValueError: for a generator that says it looks at its seeds, but not what it takes.
    """
    for one in generators:
        if one.fitted != any(one.fits):
            raise ValueError(
                f"generator: got {one!r} with fitted={one.fitted} and {one.fits}, expected `fits` "
                "to name what it takes from its seeds, and `fitted` to follow from it; a "
                "contribution of the seeds that is left out makes the excess far too low."
            )
    kinds = np.array([generator.fits for generator in generators], np.float64).T
    masses = Fits(*(synthetic * kinds))._asdict()
    duplicated = masses.pop("score")
    counts = np.asarray(sizes, np.float64)
    return SeedMasses(score=real + duplicated, noise=noise, sizes=counts, **masses)
