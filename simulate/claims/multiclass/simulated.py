"""Theorem K: bias and excess risk of softmax fits, simulated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.claims.multiclass.exact import exact_checks
from synthetic_oversampling.simulate.claims.multiclass.four import EXPERIMENT, four_class_checks
from synthetic_oversampling.simulate.experiments.independent import replicated
from synthetic_oversampling.simulate.experiments.multiclass import independent, spurious
from synthetic_oversampling.simulate.experiments.multiclass.trials import (
    EXPERIMENTS,
    SUITE,
    MulticlassExperiment,
    multiclass_experiment,
)
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Oracle, Shifted
from synthetic_oversampling.theory.multiclass.predict import (
    MulticlassPrediction,
    predict_multiclass,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["SUITE", "multiclass_checks", "multiclass_simulation"]

_EFFECTS = {"quick": 0.20, "full": 0.10}
_INDEPENDENT = f"{SUITE}/independent"
_trial = replicated(independent.classifiers)
_spurious = replicated(spurious.classifiers)


def multiclass_simulation(name: str):
    """How an experiment is replicated: its functions and its block.

    Args:
        name: of the experiment.
    """
    if name == _INDEPENDENT:
        return _trial, 64
    if name == EXPERIMENT:
        return _spurious, 64
    setting = multiclass_experiment(name)
    return setting.functions(), setting.block


def multiclass_checks(profile: str) -> Iterator[Check]:
    """Every check of theorem K.

    Args:
        profile: "quick" or "full".
    """
    yield from exact_checks()
    for name in EXPERIMENTS:
        yield from _simulated_checks(multiclass_experiment(name), _EFFECTS[profile])
    yield from _independent_checks(_EFFECTS[profile])
    yield from four_class_checks(_EFFECTS[profile])


# --- simulated --------------------------------------------------------------------------------
def _scales(theory: MulticlassPrediction, expansion, slopes) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of what estimation adds to functions with these gradients."""
    size = theory.estimator_bias.size
    shift = np.linalg.solve(theory.curvature, theory.generator_shift)
    drift = slopes @ (theory.estimator_bias + shift)
    variance = np.asarray(expansion.variance)
    linear = np.einsum("gp,pq,gq->g", slopes, theory.cov, slopes)
    curved = np.sqrt(np.maximum(np.asarray(expansion.std) ** 2 - linear, 0.0))
    curvature = np.maximum(np.abs(variance), curved * math.sqrt(size / 2))
    return variance + drift, curvature + np.abs(drift)


def _simulated_checks(setting: MulticlassExperiment, effect: float) -> Iterator[Check]:
    chosen = setting.configuration
    place = f"{SUITE}.{chosen.name}-{setting.label}"
    minority, size = chosen.minority, (chosen.dim + 1) * max(g.label for g in chosen.groups)
    remainder = 2.0 * size / min(chosen.sizes)  # as in `simulate.claims.bias`

    def gradient() -> Expectation:
        theory = setting.prediction
        direction = np.asarray(setting.probe.gradient_direction)
        std = math.sqrt(direction @ theory.gradient_cov_star @ direction)
        value = float(theory.mean_gradient @ direction)
        return Expectation(theory=value, std=std, discrepancy=0.16 * max(abs(value), std))

    def displacement() -> Expectation:
        theory = setting.prediction
        direction = np.asarray(setting.probe.displacement_direction)
        std = math.sqrt(direction @ theory.cov @ direction)
        added = float(theory.estimator_bias @ direction)
        value = float(theory.displacement @ direction) + added
        return Expectation(
            theory=value,
            std=std,
            allowance=remainder * (abs(added) + 0.1 * std),
            discrepancy=0.16 * max(abs(value), std) + 2 * remainder * abs(added),
        )

    def excess() -> Expectation:
        theory = setting.prediction
        total = float(theory.total)
        left = remainder * (total - float(theory.excess.bias))
        return Expectation(
            theory=total,
            std=theory.excess.std,
            allowance=left,
            discrepancy=max(effect * total, 2.5 * left),
            skewness=math.sqrt(8.0 / size),
        )

    def second(name: str) -> Expectation:
        theory, probe = setting.prediction, setting.probe
        slopes = np.asarray(probe.risk_slope)
        if name == "error_second_order":
            means, scales = _scales(theory, theory.group_error, np.asarray(probe.error_slope))
        else:
            means, scales = _scales(theory, theory.group_excess, slopes)
        balanced = name == "second_order"
        mean, scale = (
            float(np.mean(part) if balanced else part[minority]) for part in (means, scales)
        )
        share = 1.0 if balanced else 1.5
        factor = 1.3 if balanced else 1.3 * 1.15
        return Expectation(
            theory=mean,
            std=factor * math.sqrt(2.0 / size) * scale,
            allowance=share * remainder * scale,
            discrepancy=max((1.0 if balanced else 1.2) * effect, 2.5 * share * remainder) * scale,
            skewness=math.sqrt(8.0 / size),
        )

    def objective() -> Expectation:
        seeds = setting.design.real_mass
        drawn = setting.design.synthetic_noise
        if setting.fitted:  # an upper estimate: as if samples followed their seeds
            seeds = seeds + setting.design.oversampling_mass + setting.design.augmentation_mass
        spread = (seeds**2 / np.array(chosen.sizes) + drawn) @ setting.loss_variance
        std = 1.1 * math.sqrt(spread)  # a generator's own law may be a little wider
        return Expectation(theory=setting.objective, std=std, discrepancy=0.16 * std)

    risk = "R2" if setting.fitted else "R1"
    declared: list[tuple[str, str, Callable[[], Expectation], str]] = [
        ("K1.displacement", "mean displacement along its direction", displacement, "displacement"),
        ("K2.excess", f"total balanced excess risk, as {risk}", excess, "excess"),
        (
            "K2.second_order",
            "variance and Cox-Snell parts of the excess risk",
            partial(second, "second_order"),
            "second_order",
        ),
        (
            "K2.group_second_order",
            "the same of the smallest group",
            partial(second, "group_second_order"),
            "group_second_order",
        ),
        (
            "K2.error_second_order",
            "the same of its error rate",
            partial(second, "error_second_order"),
            "error_second_order",
        ),
    ]
    if setting.design.scheme == "synthetic" and setting.label != "oracle":
        declared.insert(
            0, ("K1.bias_gradient", "mean gradient at the balanced optimum", gradient, "gradient")
        )
        declared.insert(0, ("K1.objective", "expected empirical risk", objective, "objective"))
    for name, claim, expect, statistic in declared:
        yield Check(
            id=f"{name}.{place}",
            claim=claim,
            kind="exact" if expect is objective and not setting.fitted else "asymptotic",
            experiments=(setting.name,),
            statistic=(statistic, None),
            source="simulated, scored by theory",
            expect=expect,
        )


# --- independent ------------------------------------------------------------------------------
@lru_cache(maxsize=4)
def _prediction(name: str) -> MulticlassPrediction:
    groups = [
        GaussianGroup([mean], [[std**2]], y)
        for y, (mean, std) in enumerate(zip(independent.MEANS, independent.STDS, strict=True))
    ]
    augmented = Design(independent.SIZES, independent.AUGMENTATION, independent.WEIGHT)
    design, generator = {
        "raw": (Design.raw(independent.SIZES), Oracle()),
        "shifted": (augmented, Shifted((independent.SHIFT,))),
        "plugin": (augmented, GaussianPlugin()),
    }[name]
    return predict_multiclass(groups, design, generator)


def _independent_checks(effect: float) -> Iterator[Check]:
    """Samples that no code of `theory` draws, fits or scores."""
    remainder = 2.0 * 4 / min(independent.SIZES)

    def displacement(name: str, k: int) -> Expectation:
        theory = _prediction(name)
        std = math.sqrt(float(theory.cov[2 * k, 2 * k]))
        added = float(theory.estimator_bias[2 * k])
        value = float(theory.displacement[2 * k])
        return Expectation(
            theory=value + added,
            std=std,
            allowance=0.1 * abs(added) + 0.02 * std,
            discrepancy=0.2 * max(abs(value), std),
        )

    def excess(name: str) -> Expectation:
        theory = _prediction(name)
        value, noise = float(theory.total), float(theory.total - theory.excess.bias)
        return Expectation(
            theory=value,
            std=theory.excess.std,
            allowance=remainder * noise,
            discrepancy=max(1.25 * effect * value, 2.5 * remainder * noise),
            skewness=0.0 if name == "raw" else math.sqrt(8.0 / 4),
        )

    for j, name in enumerate(independent.DESIGNS):
        yield Check(
            id=f"K2.excess.{SUITE}.independent-{name}",
            claim="total balanced excess risk of three classes in one feature",
            kind="asymptotic",
            experiments=(_INDEPENDENT,),
            statistic=("excess", j),
            source="simulated and scored independently",
            expect=partial(excess, name),
        )
        if name == "raw":
            for k in range(2):
                yield Check(
                    id=f"K1.displacement.{SUITE}.independent-{name}{k + 1}",
                    claim="mean intercept beyond the balanced optimum",
                    kind="asymptotic",
                    experiments=(_INDEPENDENT,),
                    statistic=("displacement", 2 * j + k),
                    source="simulated and scored independently",
                    expect=partial(displacement, name, k),
                )
