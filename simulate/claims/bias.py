"""The checks of theorems B and R."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache, partial

import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.claims.risk import (
    PROFILES,
    fitted_bias_checks,
    second_order,
    second_order_checks,
)
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    Configuration,
    generators_for,
)
from synthetic_oversampling.simulate.experiments.experiment import Experiment, experiment
from synthetic_oversampling.simulate.sampling.samplers import ON_ONE
from synthetic_oversampling.theory.generators.table import Mislabelled, Scaled, Shifted
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.benefit import difference
from synthetic_oversampling.theory.prediction.bias import predict_bias
from synthetic_oversampling.theory.prediction.bounds import population_bound
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = [
    "CLOSE",
    "LABELS",
    "configuration_checks",
    "experiment_labels",
]

REFERENCES = ("raw", "weighted")
_SELECTION = ("raw", "weighted", "shifted", "smote", "plugin-pooled", "predictive")
_SELECTED_IN_QUICK = ("line", "wide")
_SCORED, _INDEPENDENT = "simulated, scored by theory", "simulated and scored independently"
_UNBIASED = 1e-4  # below this displacement a design counts as unbiased
CLOSE = "scaled-close"  # generator and groups at which a bias has a Hessian that is not small
_CLOSE = (0.16, 0.08, 0.04, 0.02)  # distances of the groups, in units of the configuration's
# designs and generators that are simulated on every configuration
LABELS = (*REFERENCES, *generators_for(CONFIGURATIONS["line"]()))


def experiment_labels(configuration: str, profile: str) -> tuple[str, ...]:
    """Designs simulated on a configuration: all, but a selection on two of them when quick.

    Args:
        configuration: its name.
        profile: "quick" or "full".
    """
    if profile == "quick" and configuration in _SELECTED_IN_QUICK:
        return _SELECTION
    return tuple(label for label in LABELS if ON_ONE.get(label, configuration) == configuration)


def _experiment_checks(experiment: Experiment, effect: float) -> Iterator[Check]:
    fitted = experiment.label not in REFERENCES and experiment.generator.fitted
    remainder = experiment.remainder
    size = experiment.configuration.dim + 1
    minority = experiment.configuration.minority

    def check(name, claim, kind, expect, index=None, applies=None):
        statistic = name.split(".")[1]
        return Check(
            id=f"{name}.{experiment.configuration.name}.{experiment.label}",
            claim=claim,
            kind=kind,
            experiments=(experiment.name,),
            statistic=(statistic, index),
            source=_SCORED if statistic.endswith("excess") else _INDEPENDENT,
            expect=expect,
            applies=applies,
        )

    curved = fitted and experiment.generator.fits.gaussian
    kind = "asymptotic" if curved else "exact"

    def objective():
        value, std = experiment.objective
        return Expectation(
            theory=value,
            std=std,
            allowance=2.0 * std**2 if curved else 0.0,
            discrepancy=max(effect * std, 4.0 * std**2),
        )

    yield check("B1.objective", "expected empirical risk is R_bal + B", kind, objective)

    def gradient():
        direction, theory = experiment.probe.gradient_direction, experiment.prediction
        slope = float(direction @ theory.mean_gradient)
        std = _spread(direction, theory.gradient_cov_star)
        return Expectation(
            theory=slope,
            std=std,
            allowance=remainder * std / math.sqrt(size) if curved else 0.0,
            discrepancy=effect * max(abs(slope), std),
        )

    yield check("B2.gradient", "gradient of the bias at theta*", kind, gradient)

    def moved():
        return float(np.linalg.norm(experiment.prediction.displacement)) > _UNBIASED

    def displacement():
        direction, theory = experiment.probe.displacement_direction, experiment.prediction
        value = float(direction @ (theory.displacement + theory.estimator_bias))
        std = _spread(direction, theory.cov)
        return Expectation(
            theory=value,
            std=std,
            allowance=remainder * abs(float(direction @ theory.estimator_bias)),
            discrepancy=effect * max(abs(value), std),
        )

    yield check(
        "B3.displacement",
        "mean of theta_hat is theta_alpha plus the O(1/n) bias",
        "asymptotic",
        displacement,
        applies=moved,
    )

    def excess():
        total, theory = float(experiment.prediction.total), experiment.prediction.excess
        return Expectation(
            theory=total,
            std=theory.std,
            allowance=remainder * (total - float(theory.bias)),
            discrepancy=effect * total,
        )

    yield check(
        "R2.excess" if fitted else "R1.excess",
        "total balanced excess risk",
        "asymptotic",
        excess,
        applies=moved,
    )
    yield from second_order_checks(experiment, "R2" if fitted else "R1", effect, remainder)

    def group_excess():
        group = experiment.prediction.group_excess
        value = float(group.total[minority])
        return Expectation(
            theory=value,
            std=group.std[minority],
            allowance=remainder * second_order(experiment)[0][1, minority],
            discrepancy=effect * max(abs(value), float(group.std[minority])),
        )

    yield check(
        "R5.group_excess",
        "minority excess risk moves by -grad R_g . A^{-1} b",
        "asymptotic",
        group_excess,
        minority,
        lambda: moved() and abs(float(experiment.prediction.group_excess.bias[minority])) > 0,
    )

    @cache
    def slack():
        bias = population_bound(
            experiment.configuration.groups, experiment.design, experiment.generator
        ).bound
        return bias - float(experiment.prediction.excess.bias), bias

    def close():
        """Near enough above the excess for a bound that is too low to be seen, far enough to tell;
        or below it."""
        total = float(experiment.prediction.total)
        return moved() and (slack()[0] < 0 or 0.1 * total <= slack()[0] <= 0.5 * total)

    def bound():
        (gap, bias), theory = slack(), experiment.prediction
        return Expectation(
            theory=bias + float(theory.total) - float(theory.excess.bias),
            std=theory.excess.std,
            discrepancy=abs(gap),
        )

    yield check(
        "R6.excess",
        "excess risk is below the bound on its bias part plus the rest",
        "bound",
        bound,
        applies=close,
    )


def _spread(direction, cov) -> float:
    return float(np.sqrt(direction @ cov @ direction))


def _gain_checks(name: str, labels: Sequence[str], effect: float) -> Iterator[Check]:
    """R3: the gain over class weighting, on the same real data."""

    def gain(label):
        first, labelled = experiment(name, "weighted").prediction, experiment(name, label)
        second = labelled.prediction
        return Expectation(
            theory=difference(first, second),
            std=math.hypot(float(first.excess.std), float(second.excess.std)),
            allowance=labelled.remainder * float(first.total + second.total - second.excess.bias),
            discrepancy=effect * float(first.total + second.total),
        )

    for label in labels:
        if label in REFERENCES:
            continue
        yield Check(
            id=f"R3.gain.{name}.{label}",
            claim="gain of the design over class weighting",
            kind="asymptotic",
            experiments=(f"{name}/weighted", f"{name}/{label}"),
            statistic=("excess", None),
            source="simulated, scored by theory",
            expect=partial(gain, label),
        )


def _prior_shift_checks(name: str, effect: float) -> Iterator[Check]:
    """B4: raw ERM on two Gaussians with a common covariance, from the closed formulas alone."""
    chosen = experiment(name, "raw")
    if not chosen.configuration.common_cov:
        return
    by_label = {group.label: g for g, group in enumerate(chosen.configuration.groups)}
    sizes = chosen.configuration.sizes
    n0, n1 = (sizes[by_label[y]] for y in (0, 1))

    def shift():
        return float(FORMULAS["B4.shift"](n_0=float(n0), n_1=float(n1)))

    def moved():
        exact = np.zeros(chosen.configuration.dim + 1)
        exact[0] = shift()
        gap = np.max(np.abs(np.asarray(chosen.prediction.displacement) - exact))
        return Expectation(theory=0.0, discrepancy=1e-9, observed=gap)

    yield Check(
        id=f"B4.shift.{name}.raw",
        claim="raw ERM moves the intercept by log(n1/n0) and nothing else (population Newton)",
        kind="exact",
        source="second route",
        expect=moved,
    )

    def error(label):
        groups, g = chosen.configuration.groups, by_label[label]
        gap = groups[by_label[1]].mean[0] - groups[by_label[0]].mean[0]
        distance = math.sqrt(gap @ np.linalg.solve(groups[0].cov[0], gap))
        formula = FORMULAS[f"B4.error_{label}"]
        arguments = {"Delta": distance, "n_0": float(n0), "n_1": float(n1)}
        value = float(formula(**{name: arguments[name] for name in formula.arguments}))
        found = chosen.prediction.group_error
        scale = abs(float(found.variance[g])) + abs(float(found.cox_snell[g]))
        return Expectation(
            theory=value + float(found.variance[g] + found.cox_snell[g]),
            std=found.std[g],
            allowance=0.1 * scale,
            discrepancy=max(0.02 * value, 0.2 * scale),
        )

    for label in (0, 1):
        yield Check(
            id=f"B4.error_{label}.{name}.raw",
            claim=f"error of class {label} under raw ERM: Phi(-Delta/2 +- log(n1/n0)/Delta) + "
            f"O(1/n)",
            kind="asymptotic",
            experiments=(chosen.name,),
            statistic=("error", by_label[label]),
            source="simulated, scored by theory",
            expect=partial(error, label),
        )

    def intercept():
        theory = chosen.prediction
        return Expectation(
            theory=shift() + float(theory.estimator_bias[0]),
            std=math.sqrt(float(theory.cov[0, 0])),
            allowance=0.1 * abs(float(theory.estimator_bias[0])),
            discrepancy=0.2 * effect * abs(shift()),
        )

    yield Check(
        id=f"B4.intercept.{name}.raw",
        claim="simulated intercept of raw ERM",
        kind="asymptotic",
        experiments=(chosen.name,),
        statistic=("theta", 0),
        source="simulated and scored independently",
        expect=intercept,
    )


def _spurious_checks(name: str, labels: Sequence[str], effect: float) -> Iterator[Check]:
    """B5: the balanced optimum ignores spurious features; raw ERM and biased generators do not."""

    def balanced(index):
        star = experiment(name, "weighted").prediction.theta_star
        return Expectation(theory=0.0, discrepancy=1e-9, observed=abs(float(star[index])))

    def weight(index, label):
        theory = experiment(name, label).prediction
        value = float(theory.displacement[index] + theory.estimator_bias[index])
        std = math.sqrt(float(theory.cov[index, index]))
        return Expectation(
            theory=value,
            std=std,
            allowance=0.1 * abs(float(theory.estimator_bias[index])) + 0.005 * std,
            discrepancy=max(effect * abs(value), 0.12 * std),
        )

    for feature in CONFIGURATIONS[name]().spurious:
        index = feature + 1
        yield Check(
            id=f"B5.balanced.{name}.population",
            claim="balanced optimum puts exactly zero weight on spurious features",
            kind="exact",
            source="second route",
            expect=partial(balanced, index),
        )
        for label in labels:
            yield Check(
                id=f"B5.weight{feature}.{name}.{label}",
                claim="weight on a spurious feature",
                kind="asymptotic",
                experiments=(f"{name}/{label}",),
                statistic=("theta", index),
                source="simulated and scored independently",
                expect=partial(weight, index, label),
            )


def _order_checks(name: str) -> Iterator[Check]:
    """B3's remainder: the linear displacement is wrong by O(|grad B|^2), found by exact solves."""
    setting = CONFIGURATIONS[name]()
    shift = np.cos(1.0 + np.arange(setting.dim)) / math.sqrt(setting.dim)
    families = {
        "shifted": lambda e: Shifted(tuple(e * shift)),
        "scaled": lambda e: Scaled(1.0 - e),
        "mislabelled": lambda e: Mislabelled(e / 4),
    }

    def order(family):
        sizes, gaps = [], []
        for scale in (0.16, 0.08, 0.04, 0.02):
            theory = predict_bias(setting.groups, setting.synthetic, family(scale))
            sizes.append(np.linalg.norm(theory.bias_gradient))
            gaps.append(np.linalg.norm(theory.displacement - theory.displacement_linear))
        slope = float(np.polyfit(np.log(sizes), np.log(gaps), 1)[0])
        return Expectation(theory=2.0, discrepancy=0.1, observed=slope)

    for label, family in families.items():
        yield Check(
            id=f"B3.order.{name}.{label}",
            claim="theta_alpha - theta* + A^{-1} grad B is of second order in grad B",
            kind="rate",
            source="second route",
            expect=partial(order, family),
        )
    yield from _close_checks(name)


def _close(setting: Configuration, scale: float) -> list[GaussianGroup]:
    """The groups with one covariance, their means drawn together to ``scale`` of their distance."""
    means, covs = zip(*(group.overall_mean_cov() for group in setting.groups), strict=True)
    centre, cov = np.mean(means, axis=0), np.mean(covs, axis=0)
    return [
        GaussianGroup(centre + scale * (mean - centre), cov, group.label)
        for mean, group in zip(means, setting.groups, strict=True)
    ]


def _close_checks(name: str) -> Iterator[Check]:
    """B3 and R1 where the bias has a small gradient but no small Hessian, by exact solves.

    Samples of half the covariance, on groups that lie close together: the gradient vanishes with
    their distance, the Hessian does not. A reflection that exchanges the labels makes displacement
    and gradient odd in the distance, so that what the linear form misses is of third order.
    """
    setting = CONFIGURATIONS[name]()

    @cache
    def found():
        design, generator = Design(setting.sizes, math.inf, 1.0), Scaled(0.5)
        return [predict(_close(setting, scale), design, generator) for scale in _CLOSE]

    def order():
        sizes = [np.linalg.norm(item.bias_gradient) for item in found()]
        gaps = [np.linalg.norm(item.displacement - item.displacement_linear) for item in found()]
        slope = np.polyfit(np.log(sizes), np.log(gaps), 1)[0]
        return Expectation(theory=3.0, discrepancy=0.1, observed=slope)

    def local():
        ratio = found()[-1].local_bias / found()[-1].excess.bias
        return Expectation(theory=ratio, discrepancy=0.01, observed=1.0)

    yield Check(
        id=f"B3.order.{name}.{CLOSE}",
        claim="theta_alpha - theta* + A^{-1} grad B is of higher order in grad B, however large "
        "the Hessian of B",
        kind="rate",
        source="second route",
        expect=order,
    )
    yield Check(
        id=f"R1.local.{name}.{CLOSE}",
        claim="bias part of the local form over the exact one, however large the Hessian of B",
        kind="asymptotic",
        source="second route",
        expect=local,
    )


def configuration_checks(name: str, profile: str) -> Iterator[Check]:
    """Every check of a configuration.

    Args:
        name: of the configuration.
        profile: "quick" or "full".
    """
    effect = PROFILES[profile]
    labels = experiment_labels(name, profile)
    for label in labels:
        yield from _experiment_checks(experiment(name, label), effect)
    yield from _gain_checks(name, [label for label in labels if label not in ON_ONE], effect)
    yield from _prior_shift_checks(name, effect)
    yield from _spurious_checks(name, labels, effect)
    yield from _order_checks(name)
    yield from fitted_bias_checks(name, effect)
