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

__all__ = ["DISCRIMINANTS", "Discriminant"]


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
        mean = np.zeros(self.dim)
        mean[0] = self.distance
        return tuple(GaussianGroup(y * mean, np.eye(self.dim), y) for y in (0, 1))

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
        halves = data.x[:first], data.x[first:]
        means = [jnp.mean(x, axis=0) for x in halves]
        centred = [x - mean[None] for x, mean in zip(halves, means, strict=True)]
        pooled = sum(x.T @ x for x in centred) / (sum(setting.sizes) - 2)
        slope = jnp.linalg.solve(pooled, means[1] - means[0])
        intercept = -slope @ (means[0] + means[1]) / 2
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
