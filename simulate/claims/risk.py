"""The checks of the second-order parts of theorem R: variance and Cox-Snell terms.

Where samples are independent (references and fixed generators), the statistic is controlled
(`simulate.replicates.control`): at the sizes used here its variance is 11 to 82 times smaller, so
that the same number of fits tells constants apart that are twice as close. The mean of the control
variate comes from quadrature; that the formulas of theorem R give the same number is a check of its
own, without noise. On one configuration the uncontrolled statistics are checked as well, and so
they are for generators fitted on the seeds: these would show an error that both routes to the mean
share.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import expit
from scipy.stats import chi2

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.simulate.experiments.experiment import Experiment
from synthetic_oversampling.theory.generators.gaussian import FittedGaussian
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["fitted_bias_checks", "second_order", "second_order_checks"]

UNCONTROLLED = ("line",)  # configurations whose references are checked without control as well
REFERENCES = ("raw", "weighted")
# standard deviation of a controlled statistic, in units of its scale over the root of n_min: what
# is left is of third order, so it falls with the size; measured on the configurations
_THIRD_ORDER = (3.0, 4.8, 4.0)
_THIRD_ORDER_SKEWNESS = 4.0


def second_order(own: Experiment) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Predicted second-order parts and their scales: per group, of the errors, and balanced.

    The scale of a part is the size of its curvature and drift terms before they cancel.
    """
    theory, probe = own.prediction, own.probe
    bias = np.asarray(theory.estimator_bias + probe.inverse @ theory.generator_shift)
    size = bias.size

    def parts(expansion, slopes):
        drift = np.asarray(slopes) @ bias
        variance = np.asarray(expansion.variance)
        linear = np.einsum("gp,pq,gq->g", slopes, theory.cov, slopes)
        curved = np.sqrt(np.maximum(np.asarray(expansion.std) ** 2 - linear, 0.0))
        curvature = np.maximum(np.abs(variance), curved * math.sqrt(size / 2))
        return np.stack([variance + drift, curvature + np.abs(drift)])

    groups = parts(theory.group_excess, np.asarray(probe.group_slope))
    errors = parts(theory.group_error, np.asarray(probe.group_error_slope))
    return groups, errors, float(np.mean(groups[0])), float(np.mean(groups[1]))


def second_order_checks(
    own: Experiment, theorem: str, effect: float, remainder: float
) -> Iterator[Check]:
    """Checks of the balanced excess risk and of the minority's risk and error, second-order parts.

    Args:
        own: the experiment.
        theorem: "R1" or "R2", which the balanced risk belongs to.
        effect: relative size of the smallest error of an uncontrolled constant to be detected;
            controlled ones are held to half of it.
        remainder: relative size of what the theory leaves out, see `simulate.claims.bias`.
    """
    groups, errors, value, scale = second_order(own)
    minority, size = own.configuration.minority, own.configuration.dim + 1
    place = f"{own.configuration.name}.{own.label}"
    parts = (
        (theorem, "excess risk", value, scale, 1.0),
        ("R5", "minority excess risk", groups[0, minority], groups[1, minority], 1.5),
        ("R5", "minority error rate", errors[0, minority], errors[1, minority], 1.5),
    )
    # spread and skewness of a quadratic form in p normal variables
    spread, skewness = 1.3 * math.sqrt(2.0 / size), math.sqrt(8.0 / size)
    factor = 1.9 if own.label == "raw" else 1.15  # far from theta* the drift varies more
    if not own.controlled or (own.configuration.name in UNCONTROLLED and own.label in REFERENCES):
        names = ("second_order", "group_second_order", "error_second_order")
        spreads = (spread, factor * spread, factor * spread)
        for k, (own_theorem, what, mean, unit, share) in enumerate(parts):
            yield Check(
                f"{own_theorem}.{names[k]}.{place}",
                f"variance and Cox-Snell parts of the {what}",
                "asymptotic", (own.name,), (names[k], minority if k else None),
                float(mean), float(spreads[k] * unit), float(share * remainder * unit),
                float((1.2 if k else 1.0) * effect * unit), skewness=skewness,
                source="simulated, scored by theory",
            )  # fmt: skip
    if not own.controlled:
        return
    known = np.asarray(own.probe.control.mean)
    predicted, units = (np.array([float(part[i]) for part in parts]) for i in (2, 3))
    gap = float(np.max(np.abs(known - predicted) / units))
    yield Check(
        f"{theorem}.control.{place}",
        "closed forms of the second-order parts against quadrature over the features with "
        "automatic derivatives of one sample's loss, relative to their scales",
        "exact", (), ("population", None), 0.0, 0.0, 0.0, 1e-10, gap,
        source="second route",
    )  # fmt: skip
    names = ("controlled", "group_controlled", "error_controlled")
    for k, (own_theorem, what, mean, unit, share) in enumerate(parts):
        allowance = share * remainder
        smallest = max((1.2 if k else 1.0) * effect / 2, 2.5 * allowance)
        yield Check(
            f"{own_theorem}.{names[k]}.{place}",
            f"variance and Cox-Snell parts of the {what}, with a control variate",
            "asymptotic", (own.name,), ("controlled", k), float(mean),
            float(_THIRD_ORDER[k] * unit / math.sqrt(min(own.configuration.sizes))),
            float(allowance * unit), float(smallest * unit), skewness=_THIRD_ORDER_SKEWNESS,
            source="simulated, scored by theory",
        )  # fmt: skip


_LARGER = 4  # times the configuration's sizes, so that the next order is a few in a thousand
_NODES = 64


def _spreads(own: FittedGaussian, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variance of a generated sample about the group's mean, one feature of unit variance.

    Averaged over ``n`` seeds the sample is a mixture of normal laws: the seeds' mean has variance
    1/n, their variance is a chi-square over its n - 1 degrees of freedom, and the predictive's own
    Student variable divides by another; a plug-in's factors are its own.

    Returns:
        Variances, those of many seeds, and their probabilities.
    """
    wide = own.fits.wide_mean or own.fits.wide_cov
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    share = chi2(n - 1).ppf((node + 1) / 2) / (n - 1)
    drawn = (share, weight / 2) if own.fits.own_cov else (np.ones(1), np.ones(1))
    limit = mass = np.ones(1)
    if own.fits.wide_cov:
        factors, mass = 1 / share, weight / 2
    else:
        mass, factors = own.mixing()
        limit = factors
    wider = (1 + 1 / n if wide else 1.0) * drawn[0][:, None] * factors
    limit = np.broadcast_to(limit, wider.shape)
    return (1 / n + wider).ravel(), limit.ravel(), np.outer(drawn[1], mass).ravel()


def _mean_scores(theta, group, spreads: np.ndarray) -> np.ndarray:
    """Mean of the logistic score ``[S, 2]`` of one feature, its variance times each spread."""
    z = np.linspace(-8.5, 8.5, 341)
    mass = np.exp(-(z**2) / 2)
    x = group.mean[0, 0] + np.sqrt(group.cov[0, 0, 0] * spreads)[:, None] * z
    slope = -group.sign * mass / mass.sum() * expit(-group.sign * (theta[0] + theta[1] * x))
    return np.stack([slope.sum(axis=1), (slope * x).sum(axis=1)], axis=1)


def fitted_bias_checks(name: str, effect: float) -> Iterator[Check]:
    """B2: what few seeds add to the mean gradient of a fitted generator, of order 1/n, integrated.

    On configurations of one feature; the law of a generated sample, averaged over the seeds, is a
    mixture over one or two chi-square variables.
    """
    own = CONFIGURATIONS[name]()
    if own.dim > 1:
        return
    sizes = tuple(_LARGER * n for n in own.sizes)
    design = Design(sizes, _LARGER * own.augmentation, own.weight)
    shares = design.oversampling_mass + design.augmentation_mass
    for label, generator in generators_for(own).items():
        if not generator.fits.gaussian or generator.fits.pooled_cov:
            continue
        theory = predict(own.groups, design, generator)
        theta, direction = np.asarray(theory.theta_star), np.array([0.6, -0.8])
        seen = np.zeros(2)
        for share, n, group in zip(shares, sizes, own.groups, strict=True):
            *both, probability = _spreads(generator, n)
            after, before = (_mean_scores(theta, group, spreads) for spreads in both)
            change = after - before
            seen += share * (probability @ change)
        added = float(direction @ (theory.mean_gradient - theory.bias_gradient))
        yield Check(
            f"B2.fitted.{name}.{label}",
            "mean gradient of a generator fitted on n seeds, what it adds to the limit's",
            "asymptotic", (), ("population", None), added, 0.0, 0.0,
            effect / 10 * abs(float(direction @ seen)), float(direction @ seen),
            source="second route",
        )  # fmt: skip
