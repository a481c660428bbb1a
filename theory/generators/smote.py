"""SMOTE: interpolation between seeds."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

import numpy as np

from synthetic_oversampling.theory.generators.base import Fits, Generator, labelled
from synthetic_oversampling.theory.population.design import is_real
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, require_groups
from synthetic_oversampling.theory.wording import counted

__all__ = ["Smote", "interpolation_law", "interpolation_nodes"]


@dataclasses.dataclass(frozen=True)
class Smote(Generator):
    """Interpolates between a seed and one of its neighbours, ``(1 - u) x_i + u x_j``.

    Reference: Chawla, Bowyer, Hall, Kegelmeyer (2002), SMOTE.

    Args:
        neighbours: ``k``, how many nearest seeds (Euclidean) ``x_j`` is drawn from; None means
            all other seeds, for which the law is known in closed form.
    """

    neighbours: int | None = None
    fits = Fits(interpolation=True)

    def __post_init__(self):
        k = self.neighbours
        if k is not None and not (is_real(k) and 1 <= k < math.inf and int(k) == k):
            raise ValueError(
                f"neighbours: got {k!r}, expected a whole number k >= 1, or None for all seeds."
            )
        object.__setattr__(self, "neighbours", None if k is None else int(k))

    @property
    def name(self) -> str:
        return "smote" if self.neighbours is None else f"smote-{self.neighbours}"

    @property
    def self_averaging(self) -> bool:
        return self.neighbours is None

    @property
    def label(self) -> str:
        return "SMOTE" if self.neighbours is None else f"SMOTE, {self.neighbours} neighbours"

    def min_seeds(self, dim: int) -> int:
        return 2 if self.neighbours is None else self.neighbours + 1

    def law(self, g, groups, sizes) -> Law:
        if self.neighbours is not None:
            raise ValueError(
                f"generator: got {self}, expected a generator with a closed-form "
                "law; measure it with simulate.measure_generator and pass the result, or use "
                "Smote() with all seeds as neighbours."
            )
        return interpolation_law(groups[g])


_INTERPOLATION_NODES = 16
_LARGEST_LAW = 2**26  # bytes of covariances of a group; a prediction holds them about 20 times


@lru_cache(maxsize=1)
def interpolation_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1] for the interpolation weight ``u``."""
    nodes, weights = np.polynomial.legendre.leggauss(_INTERPOLATION_NODES)
    return (nodes + 1.0) / 2.0, weights / 2.0


def interpolation_law(group: GaussianGroup) -> Law:
    """Exact law of SMOTE with all seeds as neighbours: a Gaussian scale mixture.

    ``(1 - u) x + u x'`` with independent ``x`` (component k) and ``x'`` (component l) is Gaussian
    given ``u``, with mean ``(1 - u) mu_k + u mu_l`` and covariance ``(1 - u)^2 S_k + u^2 S_l``; its
    overall covariance is 2/3 of the group's within part. The uniform ``u`` is integrated by
    Gauss-Legendre, so the law is a finite mixture accurate to rounding, of ``8 K^2`` components.

    Args:
        group: whose seeds are interpolated.

    Raises:
        ValueError: for so many components that their pairs do not fit into the memory.
    """
    require_groups([group])
    count = len(group.weights)
    needed = _INTERPOLATION_NODES // 2 * count**2 * group.dim**2 * 8
    if count > 1 and needed > _LARGEST_LAW:
        raise ValueError(
            f"groups: got {counted(count, 'component')} in {counted(group.dim, 'feature')} for "
            f"SMOTE, whose law is a mixture of {_INTERPOLATION_NODES // 2 * count**2} Gaussians "
            f"with {needed / 2**20:.0f} MiB of covariances, expected at most "
            f"{_LARGEST_LAW / 2**20:.0f} MiB; use fewer components or features, or measure the "
            "generator with simulate.measure_generator and predict with "
            "synthetic_oversampling.theory.prediction.measured.predict_measured."
        )
    u, weight = interpolation_nodes()
    first, second = np.triu_indices(count)
    pairs = group.weights[first] * group.weights[second]
    # a pair the other way round at 1 - u has the same law: of two components every node, of one
    # with itself the lower half of the nodes, which are symmetric, each with twice its weight
    rows, node = np.nonzero((first != second)[:, None] | (u < 0.5))
    first, second, v = first[rows], second[rows], u[node]
    means = (1 - v)[:, None] * group.mean[first] + v[:, None] * group.mean[second]
    covs = ((1 - v) ** 2)[:, None, None] * group.cov[first]
    covs += (v**2)[:, None, None] * group.cov[second]
    weights = 2 * weight[node] * pairs[rows]
    return labelled(group, weights, means, covs)
