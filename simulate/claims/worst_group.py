"""R5's worst group: the mean over data sets of the largest error rate, where groups tie."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property, partial

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict

__all__ = ["SUITE", "TIES", "Tie", "worst_group_checks"]

SUITE = "ties"  # name of the suite of these checks
BLOCK = 128
_REMAINDER = 0.002  # relative, of the expectation of the maximum at these sizes
_SPREAD = 0.9  # of the largest error, in standard deviations of one group's


@dataclasses.dataclass(frozen=True)
class Tie:
    """Groups with equal error rates and a design that keeps them equal.

    Attributes:
        groups: they; design: of their samples.
    """

    groups: tuple[GaussianGroup, ...]
    design: Design

    @cached_property
    def prediction(self) -> Prediction:
        """Theorem R's prediction."""
        return predict(self.groups, self.design, Oracle())

    @cached_property
    def functions(self):
        """``(draw, evaluate)``: the error rates are computed here, from the groups' means."""
        start = self.prediction.theta_alpha
        means = jnp.stack([jnp.asarray(group.mean[0]) for group in self.groups])
        covs = jnp.stack([jnp.asarray(group.cov[0]) for group in self.groups])
        signs = jnp.asarray([group.sign for group in self.groups])

        def draw(key):
            return draw_dataset(self.groups, self.design, Oracle(), key=key)

        def evaluate(data):
            result = fit(data.x, data.sign, data.weight, start=start)
            slope = result.theta[1:]
            score = result.theta[0] + means @ slope
            errors = ndtr(-signs * score / jnp.sqrt((covs @ slope) @ slope))
            return {
                "worst_error": jnp.max(errors),
                "not_converged": ~result.converged & ~result.separated,
                "separated": result.separated,
            }

        return draw, evaluate


def _two() -> Tie:
    means = np.array([[-0.9, 0.3], [0.9, -0.3]])
    groups = tuple(GaussianGroup(mean, np.eye(2), y) for y, mean in enumerate(means))
    return Tie(groups, Design.class_weighted((120, 120)))


def _four() -> Tie:
    groups = tuple(
        GaussianGroup([1.0 * y, 0.6 * s], np.diag([1.0, 0.7]), (y + 1) // 2)
        for y in (-1, 1)
        for s in (-1, 1)
    )
    return Tie(groups, Design.class_weighted((300, 100, 100, 300)))


# settings in which the largest errors tie, by the number of groups that do
TIES = {"two": _two(), "four": _four()}


def worst_group_checks(profile: str) -> Iterator[Check]:
    """The expectation of the maximum, told apart from the maximum of expectations.

    The discrepancy is a quarter of the distance between the two.

    Args:
        profile: "quick" or "full".
    """
    del profile

    def worst(theta):
        theory = theta.prediction
        value = theory.expected_worst_group_error
        apart = value - float(theory.worst_group_error)
        return Expectation(
            theory=value,
            std=_SPREAD * float(np.max(theory.group_error.std)),
            allowance=_REMAINDER * value,
            discrepancy=max(apart / 4, 2 * _REMAINDER * value),
            skewness=1.5,
        )

    for name, tie in TIES.items():
        yield Check(
            id=f"R5.worst_error.{SUITE}.{name}",
            claim="mean of the largest error rate over groups that tie (Clark 1961)",
            kind="asymptotic",
            experiments=(f"{SUITE}/{name}",),
            statistic=("worst_error", None),
            source="simulated and scored independently",
            expect=partial(worst, tie),
        )
