"""Theorem M: what training on a design does to metrics without a threshold, expected over data.

A metric ``m`` is a smooth function of the rule, so that theorem R's pieces give its expectation,
``m(theta_alpha) + grad m . E[theta_hat - theta_alpha] + tr(Hess m Cov) / 2``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.metrics import METRICS, classes_of, expanded
from synthetic_oversampling.theory.prediction.excess_risk import Prediction
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["ExpectedMetric", "ExpectedMetrics", "break_even_factor", "expected_metrics"]


class ExpectedMetric(NamedTuple):
    """A metric of the trained rule.

    Attributes:
        best: of the balanced optimum ``theta*``; target: of the pseudo-true point.
        drift: ``grad m . E[theta_hat - theta_alpha]``; noise: ``tr(Hess m Cov) / 2``.
        std: standard deviation over data sets, to first order and with the noise's own.
    """

    best: float
    target: float
    drift: float
    noise: float
    std: float

    @property
    def total(self) -> float:
        """Its expectation over data sets."""
        return self.target + self.drift + self.noise


class ExpectedMetrics(NamedTuple):
    """`ExpectedMetric` of each of `theory.population.metrics.METRICS`."""

    auroc: ExpectedMetric
    average_precision: ExpectedMetric
    best_balanced_error: ExpectedMetric
    best_f1: ExpectedMetric


def expected_metrics(
    groups: Sequence[GaussianGroup],
    prediction: Prediction,
    *,
    prevalence: float = 0.5,
    shares: Sequence[float] | None = None,
) -> ExpectedMetrics:
    """The metrics that a design is expected to reach (M3).

    Statement: ``E m(theta_hat) = m(theta_alpha) + grad m . E[theta_hat - theta_alpha] + tr(Hess m
    Cov) / 2 + O(n^-2)``, derivatives at ``theta_alpha``, from the pieces of theorem R.

    Args:
        groups: of the prediction.
        prediction: of `theory.predict`; its verdict holds here as well.
        prevalence: share of label 1, for precision and F1.
        shares: of each group within its label ``[G]``, in any unit; equal when omitted.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> from synthetic_oversampling.theory import Design, Oracle, predict
        >>> groups = [GaussianGroup([1.0 * y, 0.0], np.eye(2), y) for y in (0, 1)]
        >>> raw, weighted = (
        ...     expected_metrics(groups, predict(groups, design, Oracle())).auroc
        ...     for design in (Design.raw((900, 100)), Design.class_weighted((900, 100)))
        ... )
        >>> round(raw.best, 4), round(raw.target, 4)  # imbalance moves the intercept alone
        (0.7602, 0.7602)
        >>> weighted.total < raw.total < raw.best  # and weights add noise
        True
    """
    classes = classes_of(groups, prevalence=prevalence, shares=shares)
    best = expanded(np.asarray(prediction.theta_star), classes)[0]
    value, slope, bend = expanded(np.asarray(prediction.theta_alpha), classes)
    cov = np.asarray(prediction.cov)
    found = []
    for k in range(len(METRICS)):
        curved = bend[k] @ cov
        var = slope[k] @ cov @ slope[k] + np.trace(curved @ curved) / 2
        found.append(
            ExpectedMetric(
                best=float(best[k]),
                target=float(value[k]),
                drift=float(slope[k] @ np.asarray(prediction.estimator_bias)),
                noise=float(np.trace(curved)) / 2,
                std=math.sqrt(var),
            )
        )
    return ExpectedMetrics(*found)


def break_even_factor(one: ExpectedMetric, other: ExpectedMetric) -> float:
    """How many times as many samples of every kind make two designs' expected metrics equal.

    Statement: with every count multiplied by ``k`` a metric is ``target + (drift + noise) / k``, so
    that the two are equal at ``k = (noise_other + drift_other - noise_one - drift_one) /
    (target_one - target_other)``. From there on the one with the better target is ahead.

    Args:
        one, other: of two designs on the same groups.

    Returns:
        The factor; inf where they never meet, because one is ahead at every size.

    Example:
        >>> raw = ExpectedMetric(best=0.9, target=0.8, drift=0.0, noise=-0.01, std=0.1)
        >>> level = ExpectedMetric(best=0.9, target=0.82, drift=0.0, noise=-0.05, std=0.1)
        >>> round(break_even_factor(raw, level), 6)
        2.0
    """
    gap = one.target - other.target
    if gap == 0:
        return math.inf
    lost = (one.drift + one.noise, other.drift + other.noise)
    factor = float(
        FORMULAS["M3.break_even"].numpy(
            metric_1=one.target, metric_2=other.target, loss_1=lost[0], loss_2=lost[1]
        )
    )
    return factor if factor > 0 else math.inf
