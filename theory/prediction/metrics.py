"""Theorem M: what training on a design does to metrics without a threshold, expected over data.

Where a metric ``m`` is a smooth function of the rule, theorem R's pieces give its expectation,
``m(theta_alpha) + grad m . E[theta_hat - theta_alpha] + tr(Hess m Cov) / 2``. It is not smooth
where two thresholds are equally good, and hardly so where the rule's direction drowns in its noise:
what is expected there says that it is not to be relied on.
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
from synthetic_oversampling.theory.wording import counted

__all__ = ["ExpectedMetric", "ExpectedMetrics", "break_even_factor", "expected_metrics"]

_LOST = 0.25  # of what a rule has above chance
_STANDARD_DEVIATIONS = 3.0  # of a metric, that another threshold is to fall short by
_ROUNDING = 1e-10


class ExpectedMetric(NamedTuple):
    """A metric of the trained rule.

    Attributes:
        best: of the balanced optimum ``theta*``; target: of the pseudo-true point.
        drift: ``grad m . E[theta_hat - theta_alpha]``; noise: ``tr(Hess m Cov) / 2``.
        std: standard deviation over data sets, to leading order; too large, by up to a third in
            simulations, where the noise is not small beside it.
        doubt: why not to rely on it, in words; "" if nothing speaks against it.
    """

    best: float
    target: float
    drift: float
    noise: float
    std: float
    doubt: str = ""

    @property
    def total(self) -> float:
        """Its expectation over data sets."""
        return self.target + self.drift + self.noise


class ExpectedMetrics(NamedTuple):
    """`ExpectedMetric` of each of `theory.population.metrics.METRICS`.

    Attributes:
        auroc: area under the ROC curve.
        average_precision: at the prevalence that was asked for.
        best_balanced_error: at the best threshold.
        best_f1: at the best threshold and that prevalence.
    """

    auroc: ExpectedMetric
    average_precision: ExpectedMetric
    best_balanced_error: ExpectedMetric
    best_f1: ExpectedMetric


def expected_metrics(
    groups: Sequence[GaussianGroup],
    prediction: Prediction,
    *,
    prevalence: float = 0.5,
    shares: Sequence[int | float] | None = None,
) -> ExpectedMetrics:
    """The metrics that a design is expected to reach (M3).

    Statement: ``E m(theta_hat) = m(theta_alpha) + grad m . E[theta_hat - theta_alpha] + tr(Hess m
    Cov) / 2 + O(n^-2)``, derivatives at ``theta_alpha``, from the pieces of theorem R, for a metric
    that is smooth there: one at the best threshold needs that no other is as good.

    A metric is in doubt, with a reason, where the prediction is; where estimation takes more than a
    quarter of what the rule has above chance (its direction is lost in noise, which the verdict on
    excess risk does not see); and where another threshold falls short by less than three standard
    deviations.

    Args:
        groups: those of the prediction; that they are cannot be told from their dimension alone.
        prediction: of `theory.predict`.
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
    if not isinstance(prediction, Prediction):
        raise ValueError(f"prediction: got {prediction!r}, expected what theory.predict returns.")
    classes = classes_of(groups, prevalence=prevalence, shares=shares)
    if groups[0].dim + 1 != len(prediction.theta_alpha):
        raise ValueError(
            f"groups: got {counted(groups[0].dim, 'feature')}, expected the prediction's "
            f"{len(prediction.theta_alpha) - 1}: give the groups that it was made for."
        )
    best = expanded(np.asarray(prediction.theta_star), classes)
    at = expanded(np.asarray(prediction.theta_alpha), classes)
    cov = np.asarray(prediction.cov)
    chance = (0.5, prevalence, 0.5, 2 * prevalence / (1 + prevalence))
    found = []
    for k in range(len(METRICS)):
        curved = at.bend[k] @ cov
        var = at.slope[k] @ cov @ at.slope[k] + np.trace(curved @ curved) / 2
        one = ExpectedMetric(
            best=float(best.value[k]),
            target=float(at.value[k]),
            drift=float(at.slope[k] @ np.asarray(prediction.estimator_bias)),
            noise=float(np.trace(curved)) / 2,
            std=math.sqrt(var),
        )
        doubt = _doubt(one, chance[k], float(at.rival[k]), prediction)
        found.append(one._replace(doubt=doubt))
    return ExpectedMetrics(*found)


def _doubt(one: ExpectedMetric, chance: float, rival: float, prediction: Prediction) -> str:
    verdict = prediction.validity.verdict
    if verdict != "reliable":
        return f"the prediction is {verdict}: see its validity"
    if rival < _STANDARD_DEVIATIONS * one.std:
        return "another threshold is about as good as the best one"
    if abs(one.drift + one.noise) > _LOST * abs(one.target - chance):
        return "what estimation takes is not small beside what the rule has above chance"
    return ""


def break_even_factor(one: ExpectedMetric, other: ExpectedMetric) -> float:
    """How many times as many samples of every kind make two designs' expected metrics equal.

    Statement: with every count multiplied by ``k`` a metric is ``target + (drift + noise) / k``, so
    that the two are equal at ``k = (noise_other + drift_other - noise_one - drift_one) /
    (target_one - target_other)``. From there on the one with the better target is ahead.

    Args:
        one, other: of two designs on the same groups.

    Returns:
        The factor; inf where they never meet: one is ahead at every size, or the targets are equal
        up to rounding.

    Raises:
        ValueError: for a target that is no number.

    Example:
        >>> raw = ExpectedMetric(best=0.9, target=0.8, drift=0.0, noise=-0.01, std=0.1)
        >>> level = ExpectedMetric(best=0.9, target=0.82, drift=0.0, noise=-0.05, std=0.1)
        >>> round(break_even_factor(raw, level), 6)
        2.0
    """
    gap = one.target - other.target
    if not math.isfinite(gap):
        raise ValueError(
            f"one, other: got targets {one.target} and {other.target}, expected numbers."
        )
    if abs(gap) <= _ROUNDING * max(abs(one.target), abs(other.target)):
        return math.inf
    lost = (one.drift + one.noise, other.drift + other.noise)
    factor = float(
        FORMULAS["M3.break_even"].numpy(
            metric_1=one.target, metric_2=other.target, loss_1=lost[0], loss_2=lost[1]
        )
    )
    return factor if factor > 0 else math.inf
