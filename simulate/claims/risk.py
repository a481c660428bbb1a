"""The checks of the second-order parts of theorem R, variance and Cox-Snell terms, and of R4.

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
from functools import cache, partial

import numpy as np
import scipy

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation, Source
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.simulate.experiments.discriminant import DISCRIMINANTS, EFRON_1975
from synthetic_oversampling.simulate.experiments.experiment import Experiment
from synthetic_oversampling.theory.generators.gaussian import FittedGaussian
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.efficiency import expected_losses, relative_efficiency
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = [
    "PROFILES",
    "discriminant_checks",
    "fitted_bias_checks",
    "second_order",
    "second_order_checks",
]

# relative size of the smallest error that a check must detect: a constant off by this factor
PROFILES = {"quick": 0.20, "full": 0.10}

UNCONTROLLED = ("line",)  # configurations whose references are checked without control as well
REFERENCES = ("raw", "weighted")
# standard deviation of a controlled statistic, in units of its scale over the root of n_min: what
# is left is of third order, so it falls with the size; measured on the configurations
_THIRD_ORDER = (3.0, 4.8, 4.0)
_THIRD_ORDER_SKEWNESS = 4.0


def second_order(experiment: Experiment) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Predicted second-order parts and their scales: per group, of the errors, and balanced.

    The scale of a part is the size of its curvature and drift terms before they cancel.

    Args:
        experiment: configuration with design and generator.
    """
    theory, probe = experiment.prediction, experiment.probe
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
    experiment: Experiment, theorem: str, effect: float, remainder: float
) -> Iterator[Check]:
    """Checks of the balanced excess risk and of the minority's risk and error, second-order parts.

    Args:
        experiment: the experiment.
        theorem: "R1" or "R2", which the balanced risk belongs to.
        effect: relative size of the smallest error of an uncontrolled constant to be detected;
            controlled ones are held to half of it.
        remainder: relative size of what the theory leaves out, see `simulate.claims.bias`.
    """
    minority, size = experiment.configuration.minority, experiment.configuration.dim + 1
    place = f"{experiment.configuration.name}.{experiment.label}"

    @cache
    def parts() -> list[tuple[float, float]]:
        """Mean and scale of each."""
        groups, errors, value, scale = second_order(experiment)
        of_minority = [
            (float(part[0, minority]), float(part[1, minority])) for part in (groups, errors)
        ]
        return [(float(value), float(scale)), *of_minority]

    shares = (1.0, 1.5, 1.5)  # of the remainder
    what = ("excess risk", "minority excess risk", "minority error rate")
    # spread and skewness of a quadratic form in p normal variables
    spread, skewness = 1.3 * math.sqrt(2.0 / size), math.sqrt(8.0 / size)
    factor = 1.9 if experiment.label == "raw" else 1.15  # far from theta* the drift varies more

    def uncontrolled(k):
        mean, unit = parts()[k]
        return Expectation(
            theory=mean,
            std=(factor * spread if k else spread) * unit,
            allowance=shares[k] * remainder * unit,
            discrepancy=(1.2 if k else 1.0) * effect * unit,
            skewness=skewness,
        )

    if not experiment.controlled or (
        experiment.configuration.name in UNCONTROLLED and experiment.label in REFERENCES
    ):
        first = "R2.second_order" if theorem == "R2" else "R1.second_order"
        for k, name in enumerate((first, "R5.group_second_order", "R5.error_second_order")):
            yield Check(
                id=f"{name}.{place}",
                claim=f"variance and Cox-Snell parts of the {what[k]}",
                kind="asymptotic",
                experiments=(experiment.name,),
                statistic=(name.split(".")[1], minority if k else None),
                source="simulated, scored by theory",
                expect=partial(uncontrolled, k),
            )
    if not experiment.controlled:
        return

    def control():
        predicted, units = np.array(parts()).T
        gap = np.max(np.abs(np.asarray(experiment.probe.control.mean) - predicted) / units)
        return Expectation(theory=0.0, discrepancy=1e-10, observed=gap)

    yield Check(
        id=f"R1.control.{place}",
        claim="closed forms of the second-order parts against quadrature over the features with "
        "automatic derivatives of one sample's loss, relative to their scales",
        kind="exact",
        source="second route",
        expect=control,
    )

    def controlled(k):
        mean, unit = parts()[k]
        allowance = shares[k] * remainder
        smallest = max((1.2 if k else 1.0) * effect / 2, 2.5 * allowance)
        return Expectation(
            theory=mean,
            std=_THIRD_ORDER[k] * unit / math.sqrt(min(experiment.configuration.sizes)),
            allowance=allowance * unit,
            discrepancy=smallest * unit,
            skewness=_THIRD_ORDER_SKEWNESS,
        )

    for k, name in enumerate(("R1.controlled", "R5.group_controlled", "R5.error_controlled")):
        yield Check(
            id=f"{name}.{place}",
            claim=f"variance and Cox-Snell parts of the {what[k]}, with a control variate",
            kind="asymptotic",
            experiments=(experiment.name,),
            statistic=("controlled", k),
            source="simulated, scored by theory",
            expect=partial(controlled, k),
        )


_LARGER = 4  # times the configuration's sizes, so that the next order is a few in a thousand
_NODES = 64


def _spreads(generator: FittedGaussian, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variance of a generated sample about the group's mean, one feature of unit variance.

    Averaged over ``n`` seeds the sample is a mixture of normal laws: the seeds' mean has variance
    1/n, their variance is a chi-square over its n - 1 degrees of freedom, and the predictive's own
    Student variable divides by another; a plug-in's factors are its own.

    Returns:
        Variances, those of many seeds, and their probabilities.
    """
    wide = generator.fits.wide_mean or generator.fits.wide_cov
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    share = scipy.stats.chi2(n - 1).ppf((node + 1) / 2) / (n - 1)
    drawn = (share, weight / 2) if generator.fits.own_cov else (np.ones(1), np.ones(1))
    limit = mass = np.ones(1)
    if generator.fits.wide_cov:
        factors, mass = 1 / share, weight / 2
    else:
        mass, factors = generator.mixing()
        limit = factors
    wider = (1 + 1 / n if wide else 1.0) * drawn[0][:, None] * factors
    limit = np.broadcast_to(limit, wider.shape)
    return (1 / n + wider).ravel(), limit.ravel(), np.outer(drawn[1], mass).ravel()


def _mean_scores(theta, group, spreads: np.ndarray) -> np.ndarray:
    """Mean of the logistic score ``[S, 2]`` of one feature, its variance times each spread."""
    z = np.linspace(-8.5, 8.5, 341)
    mass = np.exp(-(z**2) / 2)
    x = group.mean[0, 0] + np.sqrt(group.cov[0, 0, 0] * spreads)[:, None] * z
    slope = (
        -group.sign
        * mass
        / mass.sum()
        * scipy.special.expit(-group.sign * (theta[0] + theta[1] * x))
    )
    return np.stack([slope.sum(axis=1), (slope * x).sum(axis=1)], axis=1)


def fitted_bias_checks(name: str, effect: float) -> Iterator[Check]:
    """B2: what few seeds add to the mean gradient of a fitted generator, of order 1/n, integrated.

    On configurations of one feature; the law of a generated sample, averaged over the seeds, is a
    mixture over one or two chi-square variables.

    Args:
        name: of the configuration.
        effect: share of the effect that must be found.
    """
    configuration = CONFIGURATIONS[name]()
    if configuration.dim > 1:
        return
    sizes = tuple(_LARGER * n for n in configuration.sizes)

    def fitted(generator):
        design = Design(sizes, _LARGER * configuration.augmentation, configuration.weight)
        shares = design.oversampling_mass + design.augmentation_mass
        theory = predict(configuration.groups, design, generator)
        theta, direction = np.asarray(theory.theta_star), np.array([0.6, -0.8])
        seen = np.zeros(2)
        for share, n, group in zip(shares, sizes, configuration.groups, strict=True):
            *both, probability = _spreads(generator, n)
            after, before = (_mean_scores(theta, group, spreads) for spreads in both)
            change = after - before
            seen += share * (probability @ change)
        added = float(direction @ (theory.mean_gradient - theory.bias_gradient))
        observed = float(direction @ seen)
        return Expectation(theory=added, discrepancy=effect / 10 * abs(observed), observed=observed)

    for label, generator in generators_for(configuration).items():
        if not generator.fits.gaussian or generator.fits.pooled_cov:
            continue
        yield Check(
            id=f"B2.fitted.{name}.{label}",
            claim="mean gradient of a generator fitted on n seeds, what it adds to the limit's",
            kind="asymptotic",
            source="second route",
            expect=partial(fitted, generator),
        )


def _efficiency_table(name: str) -> Iterator[Check]:
    """R4: the published efficiencies, from theorem R's covariances."""

    def table(predicted, published):
        return Expectation(theory=predicted(), discrepancy=0.5001e-3, observed=published)

    def formula(predicted, distance):
        closed = float(FORMULAS["R4.efficiency"](Delta=distance))
        return Expectation(theory=closed, discrepancy=1e-9, observed=predicted())

    for distance, published in EFRON_1975.items():
        slope = cache(partial(relative_efficiency, distance, 3))
        error = cache(partial(relative_efficiency, distance, 2, of="error", labels="random"))
        for check_name, what, predicted in (
            ("R4.table", "slopes across the mean difference", slope),
            ("R4.table_error", "excess error rates with random labels", error),
        ):
            yield Check(
                id=f"{check_name}.{name}.{distance:g}",
                claim=f"relative efficiency in {what}, as published by Efron (1975), three "
                f"decimals",
                kind="exact",
                source="second route",
                expect=partial(table, predicted, published),
            )
        for check_name, predicted in (("R4.formula", slope), ("R4.formula_error", error)):
            yield Check(
                id=f"{check_name}.{name}.{distance:g}",
                claim="relative efficiency in closed form, against theorem R's covariances",
                kind="exact",
                source="second route",
                expect=partial(formula, predicted, distance),
            )


def discriminant_checks(name: str, profile: str) -> Iterator[Check]:
    """R4: linear discriminant analysis as the limit of a design, on one setting.

    Args:
        name: of the setting.
        profile: "quick" or "full".
    """
    effect = PROFILES[profile]
    if name == next(iter(DISCRIMINANTS)):
        yield from _efficiency_table(name)
    setting = DISCRIMINANTS[name]
    size = setting.dim + 1
    remainder = 2.0 * size / min(setting.sizes)
    spread = 1.3 * math.sqrt(2.0 / size)

    def theory(rule):
        return setting.fitted if rule == "lda" else setting.logistic

    @cache
    def losses(rule):
        predicted = theory(rule)
        found = expected_losses(predicted, setting.groups, sum(setting.sizes), setting.labels)
        if setting.labels == "fixed":
            found["risk"] = float(predicted.total)
        return found

    def loss(rule, quantity):
        value = losses(rule)[quantity]
        return Expectation(
            theory=value,
            std=spread * value,
            allowance=remainder * value,
            discrepancy=max(effect, 2 * remainder) * value,
            skewness=math.sqrt(8.0 / size),
        )

    told: tuple[tuple[str, str, str, Source], ...] = (
        ("lda", "R4.lda_excess", "risk", "simulated, scored by theory"),
        ("lda", "R4.lda_error", "error", "simulated and scored independently"),
        ("logistic", "R4.logistic_excess", "risk", "simulated, scored by theory"),
        ("logistic", "R4.logistic_error", "error", "simulated and scored independently"),
    )
    for rule, check_name, quantity, source in told:
        yield Check(
            id=f"{check_name}.{setting.name}.limit",
            claim=f"excess {quantity}, labels {setting.labels}; the discriminant is the limit "
            "of weight 1 and infinitely many pooled Gaussian samples",
            kind="asymptotic",
            experiments=(setting.name,),
            statistic=(check_name.removeprefix("R4."), None),
            source=source,
            expect=partial(loss, rule, quantity),
        )

    def orthogonal(rule):
        value = float(theory(rule).cov[2, 2])
        return Expectation(
            theory=value,
            std=1.1 * math.sqrt(2.0 / (setting.dim - 1)) * value,
            allowance=2 * remainder * value,
            discrepancy=max(effect, 4 * remainder) * value,
            skewness=math.sqrt(8.0 / (setting.dim - 1)),
        )

    for rule, check_name in (("lda", "R4.lda_orthogonal"), ("logistic", "R4.logistic_orthogonal")):
        yield Check(
            id=f"{check_name}.{setting.name}.limit",
            claim="variance of a slope orthogonal to the signal; the ratio is Efron's efficiency",
            kind="asymptotic",
            experiments=(setting.name,),
            statistic=(check_name.removeprefix("R4."), None),
            source="simulated and scored independently",
            expect=partial(orthogonal, rule),
        )
