"""Generators that fit a mean and a covariance to the seeds: plug-in and predictive."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from synthetic_oversampling.theory.generators.base import Fits, Generator, labelled
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law

__all__ = ["FittedGaussian", "GaussianPlugin", "Predictive", "pooled_cov"]


class FittedGaussian(Generator):
    """Draws from Gaussians about the seeds' mean, in proportion to a covariance.

    Attributes:
        covariance: "group", "pooled" or "known".
    """

    covariance = "group"
    self_averaging = True

    @property
    def fits(self) -> Fits:
        covariance = self.covariance
        return Fits(gaussian=True, own_cov=covariance == "group", pooled_cov=covariance == "pooled")

    def min_seeds(self, dim: int) -> int:
        return 2 if self.covariance == "group" else 1

    def check_seeds(self, sizes, dim: int) -> None:
        super().check_seeds(sizes, dim)
        if self.covariance == "pooled" and sum(sizes) <= len(sizes):
            raise ValueError(
                f"sizes: got {tuple(sizes)}, expected more samples than groups for a pooled "
                "covariance."
            )

    def law(self, g, groups, sizes) -> Law:
        mean, cov = groups[g].overall_mean_cov()
        if self.covariance == "pooled":
            cov = pooled_cov(groups, sizes)
        shares, factors = self.mixing()
        means = np.broadcast_to(mean, (len(shares), len(mean)))
        return labelled(groups[g], shares, means, factors[:, None, None] * cov)

    def mixing(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the samples, and factors of mean 1 that multiply the covariance for them."""
        return np.ones(1), np.ones(1)

    def widening(self, size: int, dim: int) -> float:
        """Covariance of its samples given the seeds, over the one that it fits.

        Args:
            size: seeds.
            dim: features.
        """
        return 1.0


@dataclasses.dataclass(frozen=True)
class GaussianPlugin(FittedGaussian):
    """Fits a Gaussian to the seeds and draws from it: ``N(xbar, S)``.

    Args:
        covariance: "group" for each group's own sample covariance, "pooled" for the one pooled
            over all groups (the generator behind linear discriminant analysis), "known" for the
            group's true covariance (only the mean is estimated). Sample covariances are unbiased
            (divided by ``n - 1``, or ``n_total - G`` when pooled).
    """

    covariance: Literal["group", "pooled", "known"] = "group"

    def __post_init__(self):
        if self.covariance not in ("group", "pooled", "known"):
            raise ValueError(
                f"covariance: got {self.covariance!r}, expected 'group', 'pooled' or 'known'."
            )

    @property
    def name(self) -> str:
        return "plugin" if self.covariance == "group" else f"plugin-{self.covariance}"

    @property
    def label(self) -> str:
        return "plug-in" if self.covariance == "group" else f"{self.covariance} plug-in"


@dataclasses.dataclass(frozen=True)
class Predictive(FittedGaussian):
    """Draws from the posterior predictive of a Gaussian given the seeds, non-informative prior.

    What an ideal in-context generator draws. With covariance "known" (flat prior on the mean)
    it is ``N(xbar, (1 + 1/n) Sigma)``; with "group" (the prior ``|Sigma|^{-(d+1)/2}``) it is a
    multivariate Student-t with ``n - d`` degrees of freedom, centre ``xbar`` and scale matrix
    ``(1 + 1/n) (n - 1)/(n - d) S``. All draws from one set of seeds share that law.

    Args:
        covariance: "group" (unknown mean and covariance) or "known" (unknown mean).
    """

    covariance: Literal["group", "known"] = "group"

    def __post_init__(self):
        if self.covariance not in ("group", "known"):
            raise ValueError(f"covariance: got {self.covariance!r}, expected 'group' or 'known'.")

    @property
    def name(self) -> str:
        return "predictive" if self.covariance == "group" else "predictive-known"

    @property
    def label(self) -> str:
        return "predictive" if self.covariance == "group" else "known predictive"

    @property
    def fits(self) -> Fits:
        covariance = self.covariance
        return super().fits._replace(
            wide_mean=covariance == "known", wide_cov=covariance == "group"
        )

    def min_seeds(self, dim: int) -> int:
        return dim + 3 if self.covariance == "group" else 1

    def widening(self, size: int, dim: int) -> float:
        wider = 1 + 1 / size
        return wider if self.covariance == "known" else wider * (size - 1) / (size - dim - 2)


def pooled_cov(groups: Sequence[GaussianGroup], sizes: Sequence[int]) -> np.ndarray:
    """Within-group covariance pooled over groups with weights ``n_g / n_total``.

    Args:
        groups: all groups, each of any number of components.
        sizes: real samples per group.

    Returns:
        ``[d, d]``.
    """
    total = float(sum(sizes))
    parts = [
        n / total * group.overall_mean_cov()[1] for n, group in zip(sizes, groups, strict=True)
    ]
    return np.sum(parts, axis=0)
