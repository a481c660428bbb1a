"""A design's weights, sorted by what its generators fit on their seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from theory.design import Design
from theory.generators import Duplicate, GaussianPlugin, Generator, Predictive, Smote

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
        present = []
        if np.any(np.asarray(self.gaussian) > 0):
            present.append("gaussian")
        if np.any(np.asarray(self.interpolation) > 0):
            present.append("interpolation")
        return tuple(present)


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
    """

    def where(matches) -> np.ndarray:
        return synthetic * np.array([1.0 if matches(own) else 0.0 for own in generators])

    def fits(*kinds):
        gaussian = (GaussianPlugin, Predictive)
        return lambda own: isinstance(own, gaussian) and own.covariance in kinds

    def predicts(kind):
        return lambda own: isinstance(own, Predictive) and own.covariance == kind

    parts = (
        real + where(lambda own: isinstance(own, Duplicate)),
        where(fits("known", "group", "pooled")),
        where(fits("group")),
        where(fits("pooled")),
        where(lambda own: isinstance(own, Smote)),
        where(predicts("known")),
        where(predicts("group")),
        noise,
        np.asarray(sizes, np.float64),
    )
    return SeedMasses(*parts)
