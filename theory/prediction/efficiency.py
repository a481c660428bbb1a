"""Theorem R4: discriminant analysis against logistic regression, in both sampling designs.

Linear discriminant analysis is the limit of a design (weight 1, infinitely many samples of the
pooled Gaussian plug-in). How much better it is than logistic regression depends on what is compared
and on how the labels come about. Efron's (1975) number is the ratio of the variances of a slope
across the mean difference in every design, and the ratio of expected excess error rates where
labels are drawn at random; where the group sizes are fixed, the ratios of excess errors and of
excess risks are other numbers, and depend on the dimension.

Random labels add the same noise to both estimates: the log ratio of the group sizes, which moves
the intercept alone (`label_noise`).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from jaxtyping import Float

from synthetic_oversampling.theory.generators.table import GaussianPlugin, Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rates
from synthetic_oversampling.theory.population.laws import GaussianGroup, stack
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.ranges import require_range

__all__ = ["classes_at", "expected_losses", "label_noise", "relative_efficiency"]

Labels = Literal["fixed", "random"]
Quantity = Literal["slope", "error", "risk"]


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
    cov = np.eye(dim)
    return GaussianGroup(0 * mean, cov, 0), GaussianGroup(mean, cov, 1)


def label_noise(size: int, total: int) -> Float[np.ndarray, "p p"]:
    """Covariance that random labels add to either estimate at even odds (R4, asymptotic).

    Statement: with ``n`` labels drawn at even odds the log ratio of the group sizes has variance
    ``4 / n`` to leading order, is independent of the features given the labels, and enters the
    intercepts of both estimates with factor 1.

    Args:
        size: parameters ``p``, intercept included.
        total: real samples ``n``.

    Returns:
        ``[p, p]``.

    Example:
        >>> label_noise(2, 100).tolist()
        [[0.04, 0.0], [0.0, 0.0]]
    """
    noise = np.zeros((size, size))
    noise[0, 0] = 4.0 / total
    return noise


def expected_losses(
    prediction: Prediction, groups: tuple[GaussianGroup, ...], total: int, labels: Labels
) -> dict[str, float]:
    """Expected balanced excess risk and error of an estimate around the Bayes rule (asymptotic).

    Statement: ``tr(Hess Cov) / 2``, relative remainder ``O(1/n)``; both gradients vanish at the
    Bayes rule, so no bias of the estimator enters.

    Args:
        prediction: prediction whose pseudo-true point is the Bayes rule, for even fixed sizes.
        groups: two Gaussian classes of one covariance.
        total: real samples.
        labels: "fixed" sizes or "random" labels.

    Returns:
        "risk" in nats and "error" as a rate.
    """
    cov = prediction.cov + (label_noise(len(prediction.cov), total) if labels == "random" else 0.0)
    laws = stack([group.law for group in groups])
    bend = np.mean(error_rates(np.asarray(prediction.theta_star), laws)[2], axis=0)
    return {
        "risk": float(np.sum(prediction.hessian * cov) / 2),
        "error": float(np.sum(bend * cov) / 2),
    }


def relative_efficiency(
    distance: float, dim: int, *, of: Quantity = "slope", labels: Labels = "fixed"
) -> float:
    """Loss of discriminant analysis over that of logistic regression, even classes (R4).

    Statement (exact in the limit of many samples, from theorem R's covariances): below 1, so that
    discriminant analysis needs that share of the samples. ``of="slope"`` in any design, and
    ``of="error"`` with random labels in any dimension, are Efron's efficiency (`R4.efficiency`);
    with fixed sizes the error's ratio is smaller, and the risk's is another in both designs.

    Args:
        distance: ``Delta``, in standard deviations.
        dim: features, at least 2 for a slope across the mean difference.
        of: variance of a slope across the mean difference, excess error rate or excess risk.
        labels: "fixed" group sizes or "random" labels at even odds.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> round(relative_efficiency(2.5, 3, of="error", labels="random"), 3)
        0.786
        >>> [round(relative_efficiency(2.5, dim, of="error"), 3) for dim in (1, 3)]
        [0.691, 0.762]

    References: Efron (1975), The efficiency of logistic regression compared to normal discriminant
        analysis, JASA 70, 892-898.
    """
    require_range(above=0, scalar=True, distance=distance)
    require_range(least=2 if of == "slope" else 1, whole=True, scalar=True, dim=dim)
    if of not in ("slope", "error", "risk") or labels not in ("fixed", "random"):
        raise ValueError(
            f"of, labels: got {of!r} and {labels!r}, expected 'slope', 'error' or 'risk', and "
            "'fixed' or 'random'."
        )
    groups, sizes = classes_at(distance, dim), (1000, 1000)
    fitted = predict(groups, Design(sizes, math.inf, 1.0), GaussianPlugin("pooled"))
    logistic = predict(groups, Design.class_weighted(sizes), Oracle())
    if of == "slope":
        return float(fitted.cov[2, 2] / logistic.cov[2, 2])
    first, second = (
        expected_losses(rule, groups, sum(sizes), labels)[of] for rule in (fitted, logistic)
    )
    return first / second
