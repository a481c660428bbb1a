"""The groups and sizes on which theorems are checked: asymmetric, because symmetry hides errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from synthetic_oversampling.theory.generators.table import GENERATORS, Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["CONFIGURATIONS", "Configuration", "generators_for"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """Groups, sizes and a synthetic design to check theorems on.

    Attributes:
        name: how checks refer to it.
        groups: the groups.
        sizes: real samples per group.
        augmentation, weight: ``N`` and ``alpha`` of the synthetic design.
        spurious: indices of spurious features, if any.
        common_cov: whether both classes are Gaussian with one covariance (raw ERM in closed form).
    """

    name: str
    groups: tuple[GaussianGroup, ...]
    sizes: tuple[int, ...]
    augmentation: int
    weight: float
    spurious: tuple[int, ...] = ()
    common_cov: bool = False

    @property
    def dim(self) -> int:
        """Number of features."""
        return self.groups[0].dim

    @property
    def minority(self) -> int:
        """Index of the smallest group."""
        return int(np.argmin(self.sizes))

    @property
    def synthetic(self) -> Design:
        """The design with synthetic samples."""
        return Design(self.sizes, self.augmentation, self.weight)

    @property
    def raw(self) -> Design:
        """Plain ERM on the same real data."""
        return Design.raw(self.sizes)

    @property
    def weighted(self) -> Design:
        """Group-weighted ERM on the same real data."""
        return Design.class_weighted(self.sizes)


def _two_gaussians() -> Configuration:
    cov = np.eye(3)
    groups = (GaussianGroup(np.zeros(3), cov, 0), GaussianGroup([1.5, 0.5, 0.0], cov, 1))
    return Configuration(
        name="two-gaussians",
        groups=groups,
        sizes=(1600, 320),
        augmentation=800,
        weight=0.3,
        common_cov=True,
    )


def _line() -> Configuration:
    groups = (GaussianGroup([0.4], [[0.8]], 1), GaussianGroup([-1.1], [[1.7]], 0))
    return Configuration(
        name="line", groups=groups, sizes=(1500, 250), augmentation=600, weight=0.45
    )


def _spurious() -> Configuration:
    """Two core and one spurious feature; the attribute agrees with the label in most samples."""
    core, spurious = np.array([0.9, -0.4]), 1.1
    core_std, spurious_std = 1.1, 0.8
    cov = np.diag([core_std**2, core_std**2, spurious_std**2])
    groups = tuple(
        GaussianGroup(np.append(y * core, s * spurious), cov, (y + 1) // 2, attribute=s)
        for y, s in ((-1, -1), (-1, 1), (1, -1), (1, 1))
    )
    return Configuration(
        name="spurious",
        groups=groups,
        sizes=(1000, 240, 200, 760),
        augmentation=400,
        weight=0.35,
        spurious=(2,),
    )


def _mixture() -> Configuration:
    """A three-component minority against a correlated Gaussian majority."""
    minority = GaussianGroup(
        [[1.4, 0.2], [0.3, 1.6], [1.9, -1.0]],
        [[[0.6, 0.2], [0.2, 0.5]], [[0.4, 0.0], [0.0, 0.9]], [[0.5, -0.2], [-0.2, 0.7]]],
        1,
        weights=[0.5, 0.3, 0.2],
    )
    majority = GaussianGroup([-0.3, -0.2], [[1.2, 0.4], [0.4, 0.8]], 0)
    return Configuration(
        name="mixture", groups=(majority, minority), sizes=(1200, 260), augmentation=600, weight=0.4
    )


def _wide() -> Configuration:
    """Twenty correlated features, a signal spread over a few of them."""
    dim = 20
    index = np.arange(dim)
    cov = 0.4 ** np.abs(index[:, None] - index[None, :])
    mean = np.where(index % 3 == 0, 0.6, -0.1) * np.exp(-index / 8)
    groups = (GaussianGroup(-mean / 3, cov, 0), GaussianGroup(mean, 1.3 * cov, 1))
    return Configuration(
        name="wide", groups=groups, sizes=(2400, 1000), augmentation=1000, weight=0.3
    )


# settings for checks on bias and excess risk, by name
CONFIGURATIONS: dict[str, Callable[[], Configuration]] = {
    "two-gaussians": _two_gaussians,
    "line": _line,
    "spurious": _spurious,
    "mixture": _mixture,
    "wide": _wide,
}


def generators_for(configuration: Configuration) -> dict[str, Generator]:
    """Every generator with a closed-form law, with settings that are neither tiny nor extreme.

    Args:
        configuration: whose dimension the settings fit.
    """
    shift = 0.3 * np.cos(1.0 + np.arange(configuration.dim)) / np.sqrt(configuration.dim)
    settings = {"shifted": (tuple(shift),), "scaled": (0.7,), "mislabelled": (0.06,)}
    return {name: make(*settings.get(name, ())) for name, make in GENERATORS.items()}
