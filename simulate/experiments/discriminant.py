"""Linear discriminant analysis against logistic regression: theorem R4, replicated.

Linear discriminant analysis is the limit of a design (weight 1, infinitely many samples from the
pooled Gaussian plug-in), so its estimate is the Bayes rule of the fitted Gaussians; the other
estimate is the group-weighted logistic regression on the same real samples. Where labels are drawn
at random, the discriminant estimates their odds as well and the logistic regression is the plain
one.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cached_property, lru_cache

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.prediction.efficiency import Labels, classes_at
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict

__all__ = ["DISCRIMINANTS", "EFRON_1975", "Discriminant", "means_and_cov"]

# Efron (1975), table 1: efficiency of logistic regression relative to the discriminant, by distance
EFRON_1975 = {1.0: 0.995, 1.5: 0.968, 2.0: 0.899, 2.5: 0.786, 3.0: 0.641, 3.5: 0.486, 4.0: 0.343}


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
        sizes: real samples per class; expected ones where labels are random.
        labels: whether the sizes are fixed, or every label is drawn at even odds.
    """

    name: str
    distance: float
    dim: int
    sizes: tuple[int, int]
    labels: Labels = "fixed"

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
        """``(draw, evaluate)`` for `simulate.replicates.monte_carlo.run`."""
        return _functions(self)


@lru_cache(maxsize=8)
def _functions(setting: Discriminant):
    groups = setting.groups
    star = setting.logistic.theta_star
    balanced = balanced_law(groups)
    floor = risk(star, balanced)
    draw, discriminant = _sampling(setting)

    def error(theta):
        """Balanced error rate of two classes of identity covariance."""
        scale = jnp.linalg.norm(theta[1:])
        scores = (theta[0], -theta[0] - theta[1] * setting.distance)
        return sum(norm.cdf(score / scale) for score in scores) / 2

    least = norm.cdf(-setting.distance / 2)

    def evaluate(data):
        x, sign, weight = data
        lda = discriminant(x, sign)
        result = fit(x, sign, weight, start=star)
        return {
            "lda_excess": risk(lda, balanced) - floor,
            "logistic_excess": risk(result.theta, balanced) - floor,
            "lda_error": error(lda) - least,
            "logistic_error": error(result.theta) - least,
            "lda_orthogonal": jnp.mean(lda[2:] ** 2),
            "logistic_orthogonal": jnp.mean(result.theta[2:] ** 2),
            "not_converged": ~result.converged,
        }

    return draw, evaluate


def _sampling(setting: Discriminant):
    """``draw(key) -> (x, sign, weight)`` and ``discriminant(x, sign) -> theta``."""
    groups, (first, second) = setting.groups, setting.sizes

    def fixed(key):
        data = draw_dataset(groups, Design.class_weighted(setting.sizes), Oracle(), key=key)
        return data.x, data.sign, data.weight

    def random(key):
        label_key, noise_key = jax.random.split(key)
        total = first + second
        high = jax.random.bernoulli(label_key, 0.5, (total,)).astype(jnp.float64)
        noise = jax.random.normal(noise_key, (total, setting.dim))
        x = noise.at[:, 0].add(setting.distance * high)
        return x, 2 * high - 1, jnp.full(total, 1 / total)

    def of_halves(x, sign):
        return _rule(*means_and_cov(x[:first], x[first:]), 0.0)

    def of_labels(x, sign):
        shares = [(sign == label) / jnp.sum(sign == label) for label in (-1, 1)]
        low, high = (share @ x for share in shares)
        centred = x - jnp.where(sign[:, None] > 0, high[None], low[None])
        pooled = centred.T @ centred / (len(x) - 2)
        return _rule(low, high, pooled, jnp.log(jnp.sum(sign > 0) / jnp.sum(sign < 0)))

    return (random, of_labels) if setting.labels == "random" else (fixed, of_halves)


def _rule(low, high, pooled, log_odds):
    """The Bayes rule of two fitted Gaussians ``[p]``."""
    slope = jnp.linalg.solve(pooled, high - low)
    return jnp.concatenate([(log_odds - slope @ (low + high) / 2)[None], slope])


# settings of theorem R4, by name
DISCRIMINANTS = {
    setting.name: setting
    for setting in (
        Discriminant("efron-2.5", 2.5, 3, (1500, 1500)),
        Discriminant("efron-1.5", 1.5, 3, (1400, 400)),
        Discriminant(
            name="efron-2.5-random", distance=2.5, dim=3, sizes=(1500, 1500), labels="random"
        ),
    )
}
