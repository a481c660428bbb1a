"""What every generator says of itself: its name, what it needs, its law and what it fits."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.population.laws import GaussianGroup, Law
from synthetic_oversampling.theory.wording import counted

__all__ = ["Fits", "Generator", "class_count"]


class Fits(NamedTuple):
    """What a generator takes from its seeds; each true part is a term of a seed's contribution.

    `theory.prediction.influence` states the terms, first order and second.

    Attributes:
        score: its samples are copies of seeds.
        gaussian: the mean is fitted.
        own_cov, pooled_cov: so is the covariance, of the group or pooled over groups.
        interpolation: samples lie between seeds.
        wide_mean, wide_cov: it is wider than what it fits, as a predictive law is (known / unknown
            covariance).
    """

    score: bool = False
    gaussian: bool = False
    own_cov: bool = False
    pooled_cov: bool = False
    interpolation: bool = False
    wide_mean: bool = False
    wide_cov: bool = False


class Generator(abc.ABC):
    """A generator of synthetic samples of a group, given the seeds of every group.

    A subclass without a name, label, law, number of seeds or `fits` cannot be made. Its sampler is
    in `simulate.sampling.samplers`, what it becomes with many features in
    `theory.proportional.generators`; both are found by its class.
    """

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """How commands, configurations, checks and settings call it."""

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """How figures call it."""

    @property
    @abc.abstractmethod
    def fits(self) -> Fits:
        """What it takes from its seeds."""

    @abc.abstractmethod
    def min_seeds(self, dim: int) -> int:
        """Fewest seeds in a group for which it is defined (and has finite variance).

        Args:
            dim: features.
        """

    @abc.abstractmethod
    def law(self, g: int, groups: Sequence[GaussianGroup], sizes: Sequence[int]) -> Law:
        """The law of its samples of a group, as the seeds of every group grow in proportion.

        Args:
            g: which group's synthetic samples.
            groups: all groups.
            sizes: real samples per group.

        Raises:
            ValueError: where it has no closed form.
        """

    @property
    def fitted(self) -> bool:
        """Whether it looks at the seeds."""
        return any(self.fits)

    @property
    def self_averaging(self) -> bool:
        """Whether its rows look at no seeds or at all of a group alike, as theorem H needs.

        One that is fitted says so itself, beside what it adds in `theory.proportional.generators`.
        """
        return not self.fitted

    def check_seeds(self, sizes: Sequence[int], dim: int) -> None:
        """Raise if a group has fewer seeds than needed, or the dimensions disagree.

        Args:
            sizes: seeds per group.
            dim: features.

        Raises:
            ValueError: naming the group, what it has, what is needed, and what to do.
        """
        needed = self.min_seeds(dim)
        for g, n in enumerate(sizes):
            if n < needed:
                raise ValueError(
                    f"sizes: got {counted(n, 'seed')} in group {g}, expected at least {needed} for "
                    f"{self} in dimension {dim}; collect more seeds, or use a generator that "
                    "needs fewer (Duplicate, or a known covariance)."
                )


def labelled(group: GaussianGroup, weights, means, covs) -> Law:
    """A law whose samples carry the group's label."""
    return Law(weights, means, covs, np.full(len(weights), group.sign))


def class_count(groups: Sequence[GaussianGroup]) -> int:
    """Classes that groups are labelled by, two at least.

    Args:
        groups: all groups.
    """
    return max(2, 1 + max(group.label for group in groups))
