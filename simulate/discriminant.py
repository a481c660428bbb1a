"""Linear discriminant analysis against logistic regression: theorem R4, replicated.

Linear discriminant analysis is the limit of a design (weight 1, infinitely many samples from the
pooled Gaussian plug-in), so its estimate is the Bayes rule of the fitted Gaussians; the other
estimate is the group-weighted logistic regression on the same real samples.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cached_property, lru_cache

import jax.numpy as jnp
import numpy as np

from simulate.datasets import draw_dataset
from simulate.erm import fit
from simulate.sharding import block_for
from theory.design import Design
from theory.excess_risk import Prediction, predict
from theory.generators import GaussianPlugin, Oracle
from theory.groups import risk
from theory.laws import GaussianGroup, balanced_law

__all__ = ["DISCRIMINANTS", "EFRON_1975", "Discriminant", "classes_at", "means_and_cov"]

# Efron (1975), table 1: efficiency of logistic regression relative to the discriminant, by distance
EFRON_1975 = {1.0: 0.995, 1.5: 0.968, 2.0: 0.899, 2.5: 0.786, 3.0: 0.641, 3.5: 0.486, 4.0: 0.343}


def classes_at(distance: float, dim: int) -> tuple[GaussianGroup, GaussianGroup]:
    """Two Gaussian classes with identity covariance, apart in the first feature.

    Args:
        distance: in standard deviations.
        dim: features.

    Example:
        >>> [group.mean.tolist() for group in classes_at(2.0, 2)]
        [[[0.0, 0.0]], [[2.0, 0.0]]]
    """
    mean = np.zeros(dim)
    mean[0] = distance
    return tuple(GaussianGroup(y * mean, np.eye(dim), y) for y in (0, 1))


def means_and_cov(first, second):
    """Sample means ``[d]`` of two samples ``[n, d]``, and their pooled covariance ``[d, d]``.

    Args:
        first, second: of one dimension; sizes may differ.
    """
    means = [jnp.mean(x, axis=0) for x in (first, second)]
    centred = [x - mean[None] for x, mean in zip((first, second), means, strict=True)]
    return *means, sum(x.T @ x for x in centred) / (len(first) + len(second) - 2)


@dataclasses.dataclass(frozen=True)
class Discriminant:
    """Two Gaussian classes with identity covariance at a Mahalanobis distance.

    Attributes:
        name: how checks refer to it.
        distance: ``Delta``.
        dim: number of features; the means differ in the first.
        sizes: real samples per class.
    """

    name: str
    distance: float
    dim: int
    sizes: tuple[int, int]

    @property
    def groups(self) -> tuple[GaussianGroup, GaussianGroup]:
        """The classes."""
        return classes_at(self.distance, self.dim)

    @property
    def block(self) -> int:
        """Replicates computed together."""
        return block_for(sum(self.sizes), self.dim + 1)

    @cached_property
    def fitted(self) -> Prediction:
        """Theorem R for linear discriminant analysis: weight 1 and the limit of many samples."""
        design = Design(self.sizes, math.inf, 1.0)
        return predict(self.groups, design, GaussianPlugin("pooled"))

    @cached_property
    def logistic(self) -> Prediction:
        """Theorem R for group-weighted logistic regression."""
        return predict(self.groups, Design.class_weighted(self.sizes), Oracle())

    def functions(self):
        """``(draw, evaluate)`` for `simulate.monte_carlo.run`."""
        return _functions(self)


@lru_cache(maxsize=8)
def _functions(setting: Discriminant):
    groups = setting.groups
    design = Design.class_weighted(setting.sizes)
    balanced = balanced_law(groups)
    star = setting.logistic.theta_star
    floor = risk(star, balanced)
    first = setting.sizes[0]

    def draw(key):
        return draw_dataset(groups, design, Oracle(), key=key)

    def evaluate(data):
        low, high, pooled = means_and_cov(data.x[:first], data.x[first:])
        slope = jnp.linalg.solve(pooled, high - low)
        intercept = -slope @ (low + high) / 2
        lda = jnp.concatenate([intercept[None], slope])
        result = fit(data.x, data.sign, data.weight, start=star)
        return {
            "lda_excess": risk(lda, balanced) - floor,
            "logistic_excess": risk(result.theta, balanced) - floor,
            "lda_orthogonal": jnp.mean(slope[1:] ** 2),
            "logistic_orthogonal": jnp.mean(result.theta[2:] ** 2),
            "not_converged": ~result.converged,
        }

    return draw, evaluate


DISCRIMINANTS = {
    "efron-2.5": Discriminant("efron-2.5", 2.5, 3, (1500, 1500)),
    "efron-1.5": Discriminant("efron-1.5", 1.5, 3, (1400, 400)),
}
