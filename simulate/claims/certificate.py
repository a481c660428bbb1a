"""R7, replicated: every data set obeys the certificate, and its premise has the predicted chance.

Each replicate draws a data set of a design, fits it, and measures decrement, reach and the distance
of the minimiser by plain linear algebra; nothing of ``theory.prediction.certificate`` enters. A
replicate without a fit is not left out: under the premise it would be a violation.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import cached_property, partial

import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import (
    Generator,
    Scaled,
    Shifted,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.certificate import decrement_cdf, decrement_weights
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict

__all__ = ["LABELS", "SUITE", "Replicated", "certificate_checks", "replicated"]

SUITE = "certificate"  # name of the suite of these checks
EFFECTS = {"quick": 0.05, "full": 0.03}
_PREMISE = 0.5  # the published premise is that kappa, with Euclidean norms, is at most this
_QUANTILES = (0.7, 1.8)  # of the decrement's law, in units of its mean


@dataclasses.dataclass(frozen=True)
class Replicated:
    """A design whose fits are certified from the pseudo-true point.

    Attributes:
        name: of the experiment; groups, design, generator: it.
    """

    name: str
    groups: tuple[GaussianGroup, ...]
    design: Design
    generator: Generator

    @cached_property
    def prediction(self) -> Prediction:
        """Theorem R's prediction."""
        return predict(self.groups, self.design, self.generator)

    @cached_property
    def levels(self) -> np.ndarray:
        """Squared decrements at which the law is checked."""
        weights = decrement_weights(self.prediction)
        return np.asarray(_QUANTILES) * weights.sum()

    def functions(self):
        """The statistics of one replicate, for `simulate.replicates.monte_carlo.run`."""
        alpha = jnp.asarray(self.prediction.theta_alpha)
        levels = jnp.asarray(self.levels)

        def replicate(key):
            data = draw_dataset(self.groups, self.design, self.generator, key=key)
            return _measured(alpha, levels, data)

        return replicate

    def premise(self) -> float:
        """Chance that kappa is at most 1/2: decrement and largest row independent, one feature.

        The largest of independent rows has the product of their distribution functions; decrements
        are sums over all rows, of which the largest is one.
        """
        weights = decrement_weights(self.prediction)
        metric = np.linalg.inv(np.asarray(self.prediction.curvature))
        lengths = np.linspace(1.0, 60.0, 6001)
        shift = metric[0, 1] / metric[1, 1]  # (1, x) in the metric: m (x + shift)^2 + rest
        rest = metric[0, 0] - metric[1, 1] * shift**2
        half = np.sqrt(np.maximum(lengths**2 - rest, 0.0) / metric[1, 1])
        log_below = np.zeros_like(lengths)
        for g, group in enumerate(self.groups):
            drawn = population_law(self.generator, g, self.groups, self.design.sizes)
            extra = self.design.n_max - self.design.sizes[g] + int(self.design.augmentation)
            for law, count in ((group.law, self.design.sizes[g]), (drawn, extra)):
                mean, std = law.means[0, 0], math.sqrt(law.covs[0, 0, 0])
                low, high = ((end - shift - mean) / std for end in (-half, half))
                inside = np.maximum(ndtr(high) - ndtr(low), 1e-300)
                log_below += count * np.log(inside)
        below = np.exp(log_below)
        chance = decrement_cdf((_PREMISE / lengths) ** 2, weights)
        middle = (chance[1:] + chance[:-1]) / 2
        return float(below[0] * chance[0] + middle @ np.diff(below))


def _measured(alpha, levels, data) -> dict:
    rows = jnp.concatenate([jnp.ones_like(data.x[:, :1]), data.x], axis=1)
    tail = 1.0 / (1.0 + jnp.exp(data.sign * (rows @ alpha)))
    slope = -(data.weight * data.sign * tail) @ rows
    hessian = rows.T @ (rows * (data.weight * tail * (1.0 - tail))[:, None])
    inverse = jnp.linalg.inv(hessian)
    square = slope @ inverse @ slope
    longest = jnp.max(jnp.where(data.weight > 0, jnp.sum((rows @ inverse) * rows, axis=1), 0.0))
    widest = jnp.max(jnp.where(data.weight > 0, jnp.sum(rows**2, axis=1), 0.0))
    reach = jnp.sqrt(square * longest)
    published = jnp.sqrt(square * widest / jnp.linalg.eigvalsh(hessian)[0])
    result = fit(data.x, data.sign, data.weight, start=alpha)
    move = result.theta - alpha
    distance = jnp.where(result.converged, jnp.sqrt(move @ hessian @ move), jnp.inf)
    rate = reach / jnp.sqrt(square)
    # the slope's least rise to that distance must not exceed what it starts at, its largest must
    far = (reach < 1) & (1.0 - jnp.exp(-rate * distance) > reach * (1 + 1e-7))
    near = result.converged & (jnp.expm1(rate * distance) < reach * (1 - 1e-7))
    beyond = (published <= _PREMISE) & ~(distance**2 <= 16 * square)
    one = jnp.ones(())
    return {
        "decrement": square,
        "below": jnp.where(square <= levels, 1.0, 0.0),
        "premise": jnp.where(reach <= _PREMISE, one, 0.0),
        "published": jnp.where(published <= _PREMISE, one, 0.0),
        "outside": jnp.where(far | near | beyond, one, 0.0),
        "no_fit": jnp.where(result.converged, 0.0, one),
        "not_converged": ~result.converged & ~result.separated,
    }


def _line(sizes: tuple[int, int], augmentation: int) -> tuple:
    groups = (GaussianGroup([0.4], [[0.8]], 1), GaussianGroup([-1.1], [[1.7]], 0))
    return groups, Design(sizes, augmentation, 0.3), Shifted((0.2,))


def _plane() -> tuple:
    groups = (
        GaussianGroup([0.8, 0.1], [[1.0, 0.3], [0.3, 0.8]], 1),
        GaussianGroup([-0.6, -0.2], [[1.2, -0.2], [-0.2, 0.9]], 0),
    )
    return groups, Design((1200, 600), 300, 0.3), Scaled(0.8)


_EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Replicated("line", *_line((1500, 700), 400)),
        Replicated("plane", *_plane()),
        Replicated("few", *_line((8, 3), 2)),  # some data sets have no fit
    )
}
LABELS = tuple(_EXPERIMENTS)  # what the certificate is checked on


def replicated(experiment_name: str) -> Replicated:
    """The experiment of a name ``certificate/label``.

    Args:
        experiment_name: it.
    """
    return _EXPERIMENTS[experiment_name.split("/")[1]]


def _law_checks(replicated: Replicated, effect: float) -> Iterator[Check]:
    def check(name, claim, expect, index=None):
        return Check(
            id=f"{name}.{SUITE}.{replicated.name}",
            claim=claim,
            kind="asymptotic",
            experiments=(f"{SUITE}/{replicated.name}",),
            statistic=(name.removeprefix("R7.").split("_")[0], index),
            source="simulated and scored independently",
            expect=expect,
        )

    remainder = 6.0 * (replicated.groups[0].dim + 1) / min(replicated.design.sizes)

    def decrement():
        weights = decrement_weights(replicated.prediction)
        mean = float(weights.sum())
        return Expectation(
            theory=mean,
            std=1.15 * math.sqrt(2 * weights @ weights),
            allowance=remainder * mean,
            discrepancy=(remainder + 2 * effect) * mean,
            skewness=math.sqrt(8.0),
        )

    def share(chance):
        return Expectation(
            theory=chance,
            std=math.sqrt(chance * (1 - chance)),
            allowance=remainder / 2,
            discrepancy=remainder / 2 + effect,
        )

    def below(index):
        return share(
            float(decrement_cdf(replicated.levels[index], decrement_weights(replicated.prediction)))
        )

    yield check("R7.decrement", "mean squared decrement at theta_alpha: tr(A^{-1} V)", decrement)
    for index in range(len(_QUANTILES)):
        claim = "chance that the squared decrement is below a level"
        yield check(f"R7.below_{index}", claim, partial(below, index), index)
    if replicated.groups[0].dim == 1:
        yield check(
            "R7.premise",
            "chance that kappa is at most 1/2, from the decrement's law",
            lambda: share(replicated.premise()),
        )


def certificate_checks(profile: str) -> Iterator[Check]:
    """Every check of the certificate's replicates.

    Args:
        profile: "quick" or "full".
    """
    for experiment in _EXPERIMENTS.values():
        if experiment.name != "few":
            yield from _law_checks(experiment, EFFECTS[profile])
        yield Check(
            id=f"R7.outside.{SUITE}.{experiment.name}",
            claim="share of replicates that violate the certificate, its lower end or Bach's "
            "constant",
            kind="bound",
            experiments=(f"{SUITE}/{experiment.name}",),
            statistic=("outside", None),
            source="simulated and scored independently",
            expect=lambda: Expectation(theory=0.0, std=0.1, discrepancy=0.01),
        )
