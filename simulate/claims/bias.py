"""The checks of theorems B and R, built from theory's predictions before anything is simulated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.claims.risk import (
    fitted_bias_checks,
    second_order,
    second_order_checks,
)
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    Configuration,
    generators_for,
)
from synthetic_oversampling.simulate.experiments.discriminant import DISCRIMINANTS, EFRON_1975
from synthetic_oversampling.simulate.experiments.experiment import Experiment, experiment
from synthetic_oversampling.theory.generators.table import Mislabelled, Scaled, Shifted
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.benefit import difference
from synthetic_oversampling.theory.prediction.bias import predict_bias
from synthetic_oversampling.theory.prediction.bounds import population_bound
from synthetic_oversampling.theory.prediction.efficiency import expected_losses, relative_efficiency
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = [
    "CLOSE",
    "LABELS",
    "PROFILES",
    "configuration_checks",
    "discriminant_checks",
    "experiment_labels",
]

REFERENCES = ("raw", "weighted")
_SELECTION = ("raw", "weighted", "shifted", "smote", "plugin-pooled", "predictive")
_SELECTED_IN_QUICK = ("line", "wide")
# relative size of the smallest error that a check must detect: a constant off by this factor
PROFILES = {"quick": 0.20, "full": 0.10}
_SCORED, _INDEPENDENT = "simulated, scored by theory", "simulated and scored independently"
_UNBIASED = 1e-4  # below this displacement a design counts as unbiased
_ONCE = {"student": "two-gaussians"}  # where alone it is simulated: room for checks is limited
CLOSE = "scaled-close"  # generator and groups at which a bias has a Hessian that is not small
_CLOSE = (0.16, 0.08, 0.04, 0.02)  # distances of the groups, in units of the configuration's
LABELS = (*REFERENCES, *generators_for(CONFIGURATIONS["line"]()))


def experiment_labels(configuration: str, profile: str) -> tuple[str, ...]:
    """Designs simulated on a configuration: all, but a selection on two of them when quick."""
    if profile == "quick" and configuration in _SELECTED_IN_QUICK:
        return _SELECTION
    return tuple(label for label in LABELS if _ONCE.get(label, configuration) == configuration)


def _remainder(own: Experiment) -> float:
    """Allowed relative remainder of a second-order prediction: ``2 p / n`` of the smallest group.

    The next term of the expansion is of relative order ``p / n_min``; the coefficient 2 covers
    what doubling all sizes shows on these configurations.
    """
    return 2.0 * (own.configuration.dim + 1) / min(own.configuration.sizes)


def _experiment_checks(own: Experiment, effect: float) -> Iterator[Check]:
    theory, probe = own.prediction, own.probe
    reference = own.label in REFERENCES
    risk_theorem = "R1" if reference or not own.generator.fitted else "R2"
    remainder = _remainder(own)
    size = own.configuration.dim + 1
    minority = own.configuration.minority

    def check(theorem, statistic, claim, kind, value, std, allowance, discrepancy, index=None):
        return Check(
            f"{theorem}.{statistic}.{own.configuration.name}.{own.label}",
            claim,
            kind,
            (own.name,),
            (statistic, index),
            float(value),
            float(std),
            float(allowance),
            float(discrepancy),
            source=_SCORED if statistic.endswith("excess") else _INDEPENDENT,
        )

    value, std = own.objective
    curved = not reference and own.generator.fits.gaussian
    yield check(
        "B1", "objective", "expected empirical risk is R_bal + B",
        "asymptotic" if curved else "exact", value, std,
        2.0 * std**2 if curved else 0.0, max(effect * std, 4.0 * std**2),
    )  # fmt: skip
    slope = float(probe.gradient_direction @ theory.mean_gradient)
    std = _spread(probe.gradient_direction, theory.gradient_cov_star)
    yield check(
        "B2", "gradient", "gradient of the bias at theta*",
        "asymptotic" if curved else "exact", slope, std,
        remainder * std / math.sqrt(size) if curved else 0.0, effect * max(abs(slope), std),
    )  # fmt: skip
    moved = float(np.linalg.norm(theory.displacement))
    if moved > _UNBIASED:
        direction = probe.displacement_direction
        value = float(direction @ (theory.displacement + theory.estimator_bias))
        std = _spread(direction, theory.cov)
        allowance = remainder * abs(float(direction @ theory.estimator_bias))
        yield check(
            "B3", "displacement", "mean of theta_hat is theta_alpha plus the O(1/n) bias",
            "asymptotic", value, std, allowance, effect * max(abs(value), std),
        )  # fmt: skip
        total = float(theory.total)
        yield check(
            risk_theorem, "excess", "total balanced excess risk",
            "asymptotic", total, theory.excess.std,
            remainder * (total - float(theory.excess.bias)), effect * total,
        )  # fmt: skip
    yield from second_order_checks(own, risk_theorem, effect, remainder)
    groups = second_order(own)[0]
    group = theory.group_excess
    if moved > _UNBIASED and abs(float(group.bias[minority])) > 0:
        value = float(group.total[minority])
        yield check(
            "R5", "group_excess", "minority excess risk moves by -grad R_g . A^{-1} b",
            "asymptotic", value, group.std[minority],
            remainder * groups[1, minority],
            effect * max(abs(value), float(group.std[minority])), minority,
        )  # fmt: skip
    if moved > _UNBIASED:
        bias = population_bound(own.configuration.groups, own.design, own.generator).bound
        slack, total = bias - float(theory.excess.bias), float(theory.total)
        # near enough above the excess for a bound that is too low to be seen, far enough to tell;
        # or below it
        if slack < 0 or 0.1 * total <= slack <= 0.5 * total:
            yield check(
                "R6", "excess", "excess risk is below the bound on its bias part plus the rest",
                "bound", bias + total - float(theory.excess.bias), theory.excess.std, 0.0,
                abs(slack),
            )  # fmt: skip


def _spread(direction, cov) -> float:
    return float(np.sqrt(direction @ cov @ direction))


def _gain_checks(name: str, labels: Sequence[str], effect: float) -> Iterator[Check]:
    """R3: the gain over class weighting, on the same real data."""
    reference = experiment(name, "weighted")
    for label in labels:
        if label in REFERENCES:
            continue
        own = experiment(name, label)
        first, second = reference.prediction, own.prediction
        scale = float(first.total + second.total)
        std = math.hypot(float(first.excess.std), float(second.excess.std))
        yield Check(
            f"R3.gain.{name}.{label}",
            "gain of the design over class weighting",
            "asymptotic",
            (reference.name, own.name),
            ("excess", None),
            difference(first, second),
            std,
            _remainder(own) * float(first.total + second.total - second.excess.bias),
            effect * scale,
            source="simulated, scored by theory",
        )


def _prior_shift_checks(name: str, effect: float) -> Iterator[Check]:
    """B4: raw ERM on two Gaussians with a common covariance, from the closed formulas alone."""
    own = experiment(name, "raw")
    if not own.configuration.common_cov:
        return
    theory = own.prediction
    by_label = {group.label: g for g, group in enumerate(own.configuration.groups)}
    sizes = own.configuration.sizes
    gap = (
        own.configuration.groups[by_label[1]].mean[0]
        - (own.configuration.groups[by_label[0]].mean[0])
    )
    cov = own.configuration.groups[0].cov[0]
    distance = math.sqrt(gap @ np.linalg.solve(cov, gap))
    n0, n1 = (sizes[by_label[y]] for y in (0, 1))
    shift = float(FORMULAS["B4.shift"](n_0=float(n0), n_1=float(n1)))
    exact = np.zeros(own.configuration.dim + 1)
    exact[0] = shift
    yield Check(
        f"B4.shift.{name}.raw",
        "raw ERM moves the intercept by log(n1/n0) and nothing else (population Newton)",
        "exact", (), ("population", None), 0.0, 0.0, 0.0, 1e-9,
        float(np.max(np.abs(np.asarray(theory.displacement) - exact))),
        source="second route",
    )  # fmt: skip
    for label in (0, 1):
        g = by_label[label]
        formula = FORMULAS[f"B4.error_{label}"]
        arguments = {"Delta": distance, "n_0": float(n0), "n_1": float(n1)}
        value = float(formula(**{name: arguments[name] for name in formula.arguments}))
        error = theory.group_error
        scale = abs(float(error.variance[g])) + abs(float(error.cox_snell[g]))
        yield Check(
            f"B4.error_{label}.{name}.raw",
            f"error of class {label} under raw ERM: Phi(-Delta/2 +- log(n1/n0)/Delta) + O(1/n)",
            "asymptotic", (own.name,), ("error", g),
            value + float(error.variance[g] + error.cox_snell[g]),
            float(error.std[g]), 0.1 * scale, max(0.02 * value, 0.2 * scale),
            source="simulated, scored by theory",
        )  # fmt: skip
    yield Check(
        f"B4.intercept.{name}.raw",
        "simulated intercept of raw ERM",
        "asymptotic", (own.name,), ("theta", 0), shift + float(theory.estimator_bias[0]),
        math.sqrt(float(theory.cov[0, 0])), 0.1 * abs(float(theory.estimator_bias[0])),
        0.2 * effect * abs(shift),
        source="simulated and scored independently",
    )  # fmt: skip


def _spurious_checks(name: str, labels: Sequence[str], effect: float) -> Iterator[Check]:
    """B5: the balanced optimum ignores spurious features; raw ERM and biased generators do not."""
    setting = CONFIGURATIONS[name]()
    for feature in setting.spurious:
        index = feature + 1
        star = experiment(name, "weighted").prediction.theta_star
        yield Check(
            f"B5.balanced.{name}.population",
            "balanced optimum puts exactly zero weight on spurious features",
            "exact", (), ("population", None), 0.0, 0.0, 0.0, 1e-9, abs(float(star[index])),
            source="second route",
        )  # fmt: skip
        for label in labels:
            theory = experiment(name, label).prediction
            value = float(theory.displacement[index] + theory.estimator_bias[index])
            std = math.sqrt(float(theory.cov[index, index]))
            yield Check(
                f"B5.weight{feature}.{name}.{label}",
                "weight on a spurious feature",
                "asymptotic", (f"{name}/{label}",), ("theta", index), value, std,
                0.1 * abs(float(theory.estimator_bias[index])) + 0.005 * std,
                max(effect * abs(value), 0.12 * std),
                source="simulated and scored independently",
            )  # fmt: skip


def _order_checks(name: str) -> Iterator[Check]:
    """B3's remainder: the linear displacement is wrong by O(|grad B|^2), found by exact solves."""
    setting = CONFIGURATIONS[name]()
    shift = np.cos(1.0 + np.arange(setting.dim)) / math.sqrt(setting.dim)
    families = {
        "shifted": lambda e: Shifted(tuple(e * shift)),
        "scaled": lambda e: Scaled(1.0 - e),
        "mislabelled": lambda e: Mislabelled(e / 4),
    }
    for label, family in families.items():
        sizes, gaps = [], []
        for scale in (0.16, 0.08, 0.04, 0.02):
            theory = predict_bias(setting.groups, setting.synthetic, family(scale))
            sizes.append(np.linalg.norm(theory.bias_gradient))
            gaps.append(np.linalg.norm(theory.displacement - theory.displacement_linear))
        slope = float(np.polyfit(np.log(sizes), np.log(gaps), 1)[0])
        yield Check(
            f"B3.order.{name}.{label}",
            "theta_alpha - theta* + A^{-1} grad B is of second order in grad B",
            "rate", (), ("population", None), 2.0, 0.0, 0.0, 0.1, slope, source="second route",
        )  # fmt: skip
    yield from _close_checks(name)


def _close(setting: Configuration, scale: float) -> list[GaussianGroup]:
    """The groups with one covariance, their means drawn together to ``scale`` of their distance."""
    means, covs = zip(*(own.overall_mean_cov() for own in setting.groups), strict=True)
    centre, cov = np.mean(means, axis=0), np.mean(covs, axis=0)
    return [
        GaussianGroup(centre + scale * (mean - centre), cov, own.label)
        for mean, own in zip(means, setting.groups, strict=True)
    ]


def _close_checks(name: str) -> Iterator[Check]:
    """B3 and R1 where the bias has a small gradient but no small Hessian, by exact solves.

    Samples of half the covariance, on groups that lie close together: the gradient vanishes with
    their distance, the Hessian does not. A reflection that exchanges the labels makes displacement
    and gradient odd in the distance, so that what the linear form misses is of third order.
    """
    setting = CONFIGURATIONS[name]()
    design, generator = Design(setting.sizes, math.inf, 1.0), Scaled(0.5)
    found = [predict(_close(setting, scale), design, generator) for scale in _CLOSE]
    sizes = [np.linalg.norm(own.bias_gradient) for own in found]
    gaps = [np.linalg.norm(own.displacement - own.displacement_linear) for own in found]
    yield Check(
        f"B3.order.{name}.{CLOSE}",
        "theta_alpha - theta* + A^{-1} grad B is of higher order in grad B, however large the "
        "Hessian of B",
        "rate", (), ("population", None), 3.0, 0.0, 0.0, 0.1,
        float(np.polyfit(np.log(sizes), np.log(gaps), 1)[0]), source="second route",
    )  # fmt: skip
    yield Check(
        f"R1.local.{name}.{CLOSE}",
        "bias part of the local form over the exact one, however large the Hessian of B",
        "asymptotic", (), ("population", None),
        float(found[-1].local_bias / found[-1].excess.bias), 0.0, 0.0, 0.01, 1.0,
        source="second route",
    )  # fmt: skip


def _efficiency_table(name: str) -> Iterator[Check]:
    """R4: the published efficiencies, from theorem R's covariances."""
    for distance, published in EFRON_1975.items():
        slope = relative_efficiency(distance, 3)
        error = relative_efficiency(distance, 2, of="error", labels="random")
        for statistic, what, predicted in (
            ("table", "slopes across the mean difference", slope),
            ("table_error", "excess error rates with random labels", error),
        ):
            yield Check(
                f"R4.{statistic}.{name}.{distance:g}",
                f"relative efficiency in {what}, as published by Efron (1975), three decimals",
                "exact", (), ("population", None), predicted, 0.0, 0.0, 0.5001e-3, published,
                source="second route",
            )  # fmt: skip
        closed = float(FORMULAS["R4.efficiency"](Delta=distance))
        for statistic, predicted in (("formula", slope), ("formula_error", error)):
            yield Check(
                f"R4.{statistic}.{name}.{distance:g}",
                "relative efficiency in closed form, against theorem R's covariances",
                "exact", (), ("population", None), closed, 0.0, 0.0, 1e-9, predicted,
                source="second route",
            )  # fmt: skip


def configuration_checks(name: str, profile: str) -> Iterator[Check]:
    """Every check of a configuration, lazily: predictions are computed as checks are built."""
    effect = PROFILES[profile]
    labels = experiment_labels(name, profile)
    for label in labels:
        yield from _experiment_checks(experiment(name, label), effect)
    yield from _gain_checks(name, [label for label in labels if label not in _ONCE], effect)
    yield from _prior_shift_checks(name, effect)
    yield from _spurious_checks(name, labels, effect)
    yield from _order_checks(name)
    yield from fitted_bias_checks(name, effect)


def discriminant_checks(name: str, profile: str) -> Iterator[Check]:
    """R4: linear discriminant analysis as the limit of a design, on one setting."""
    effect = PROFILES[profile]
    if name == next(iter(DISCRIMINANTS)):
        yield from _efficiency_table(name)
    setting = DISCRIMINANTS[name]
    size = setting.dim + 1
    remainder = 2.0 * size / min(setting.sizes)
    spread = 1.3 * math.sqrt(2.0 / size)
    for rule, theory in (("lda", setting.fitted), ("logistic", setting.logistic)):
        losses = expected_losses(theory, setting.groups, sum(setting.sizes), setting.labels)
        if setting.labels == "fixed":
            losses["risk"] = float(theory.total)
        for statistic, quantity, source in (
            ("excess", "risk", "simulated, scored by theory"),
            ("error", "error", "simulated and scored independently"),
        ):
            value = losses[quantity]
            yield Check(
                f"R4.{rule}_{statistic}.{setting.name}.limit",
                f"excess {quantity}, labels {setting.labels}; the discriminant is the limit of "
                "weight 1 and infinitely many pooled Gaussian samples",
                "asymptotic", (setting.name,), (f"{rule}_{statistic}", None), value,
                spread * value, remainder * value, max(effect, 2 * remainder) * value,
                skewness=math.sqrt(8.0 / size), source=source,
            )  # fmt: skip
    for statistic, theory in (
        ("lda_orthogonal", setting.fitted),
        ("logistic_orthogonal", setting.logistic),
    ):
        value = float(theory.cov[2, 2])
        yield Check(
            f"R4.{statistic}.{setting.name}.limit",
            "variance of a slope orthogonal to the signal; the ratio is Efron's efficiency",
            "asymptotic", (setting.name,), (statistic, None), value,
            1.1 * math.sqrt(2.0 / (setting.dim - 1)) * value,
            2 * remainder * value, max(effect, 4 * remainder) * value,
            skewness=math.sqrt(8.0 / (setting.dim - 1)),
            source="simulated and scored independently",
        )  # fmt: skip
