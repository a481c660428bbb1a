"""Checks of every family of theorems on samples that no code of `theory` draws, fits or scores."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation, Kind
from synthetic_oversampling.simulate.experiments import independent as trials
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Oracle, Shifted
from synthetic_oversampling.theory.in_context import capacity
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.scaling.moments import law_of_design
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["SUITE", "groups", "independent_checks", "prediction"]

SUITE = "independent"  # name of the suite of these checks
_EFFECTS = {"quick": 0.20, "full": 0.10}
_REMAINDER = (
    2.0 * 2 / min(trials.SIZES)
)  # relative size of the next order, as in `simulate.claims.bias`


def groups() -> tuple[GaussianGroup, GaussianGroup]:
    """The two classes, as theory wants them."""
    low, high = (GaussianGroup([m], [[trials.STD**2]], y) for y, m in enumerate(trials.MEANS))
    return low, high


@lru_cache(maxsize=8)
def prediction(name: str) -> Prediction:
    """Theorem R for a design.

    Args:
        name: of the design, one of `simulate.experiments.independent.DESIGNS`.
    """
    augmented = Design(trials.SIZES, trials.AUGMENTATION, trials.WEIGHT)
    design, generator = {
        "raw": (Design.raw(trials.SIZES), Oracle()),
        "weighted": (Design.class_weighted(trials.SIZES), Oracle()),
        "shifted": (augmented, Shifted((trials.SHIFT,))),
        "plugin": (augmented, GaussianPlugin()),
    }[name]
    return predict(groups(), design, generator)


def _check(
    name: str,
    label: str,
    claim: str,
    statistic: tuple[str, int | None],
    expect: Callable[[], Expectation],
    kind: Kind = "asymptotic",
) -> Check:
    experiment = "attention" if name.startswith("T") else "classifiers"
    return Check(
        id=f"{name}.{SUITE}.{label}",
        claim=claim,
        kind=kind,
        experiments=(f"{SUITE}/{experiment}",),
        statistic=statistic,
        source="simulated and scored independently",
        expect=expect,
    )


def _bias_checks() -> Iterator[Check]:
    """B3 and B4: where the estimates move, and what that costs each class."""

    def displacement(name):
        theory = prediction(name)
        std = math.sqrt(float(theory.cov[0, 0]))
        added = float(theory.estimator_bias[0])
        return Expectation(
            theory=theory.displacement[0] + added,
            std=std,
            allowance=0.1 * abs(added),
            discrepancy=0.2 * max(abs(float(theory.displacement[0])), std),
        )

    for k, name in enumerate(trials.DESIGNS):
        if name in ("raw", "shifted"):
            yield _check(
                "B3.displacement",
                name,
                "mean intercept beyond Bayes' rule: theta_alpha's and the O(1/n) bias",
                ("displacement", k),
                partial(displacement, name),
            )

    def error(g):
        distance = (trials.MEANS[1] - trials.MEANS[0]) / trials.STD
        theory = prediction("raw").group_error
        values = {"Delta": distance, "n_0": float(trials.SIZES[0]), "n_1": float(trials.SIZES[1])}
        formula = FORMULAS[f"B4.error_{g}"]
        value = float(formula(**{name: values[name] for name in formula.arguments}))
        scale = abs(float(theory.variance[g])) + abs(float(theory.cox_snell[g]))
        return Expectation(
            theory=value + float(theory.variance[g] + theory.cox_snell[g]),
            std=theory.std[g],
            allowance=0.1 * scale,
            discrepancy=max(0.03 * value, 0.2 * scale),
        )

    for g in (0, 1):
        yield _check(
            f"B4.error_{g}",
            "raw",
            f"error of class {g} under raw training: the closed form and O(1/n)",
            ("error", g),
            partial(error, g),
        )


def _risk_checks(effect: float) -> Iterator[Check]:
    """R1, R2 and S1: the excess risk of every design, and of one by its global law."""

    def excess(name):
        theory = prediction(name)
        value, noise = float(theory.total), float(theory.total - theory.excess.bias)
        return Expectation(
            theory=value,
            std=theory.excess.std,
            allowance=_REMAINDER * noise,
            discrepancy=max(1.25 * effect, 2.5 * _REMAINDER) * value,
            skewness=2.0 if name in ("weighted", "plugin") else 0.0,
        )

    for k, name in enumerate(trials.DESIGNS):
        yield _check(
            "R2.excess" if name == "plugin" else "R1.excess",
            name,
            "total balanced excess risk",
            ("excess", k),
            partial(excess, name),
        )

    def by_law():
        law = law_of_design(groups(), trials.SIZES, Shifted((trials.SHIFT,)))
        value = float(law.excess(trials.WEIGHT, trials.AUGMENTATION))
        return dataclasses.replace(excess("shifted"), theory=value)

    yield _check(
        "S1.excess",
        "shifted",
        f"excess risk at N = {trials.AUGMENTATION}, weight {trials.WEIGHT:g}",
        ("excess", trials.DESIGNS.index("shifted")),
        by_law,
    )


def _capacity_checks(effect: float) -> Iterator[Check]:
    """T1: expected divergences, each an affine function of a chi-square variable of one degree."""

    def expected(value, count):
        return Expectation(
            theory=value,
            std=math.sqrt(2) / (2 * (count + 1)),
            discrepancy=effect * float(value),
            skewness=math.sqrt(8.0),
        )

    def attention():
        value = capacity.location_expected_kl(trials.SEEDS, 1, trials.VAR_WITHIN, trials.VAR_PRIOR)
        return expected(value, trials.SEEDS + trials.VAR_WITHIN / trials.VAR_PRIOR)

    def flat():
        return expected(capacity.flat_prior_expected_kl(trials.SEEDS, 1), trials.SEEDS)

    for name, expect in (("T1.expected_kl", attention), ("T1.flat_kl", flat)):
        yield _check(
            name,
            f"n{trials.SEEDS}",
            "expected divergence from a group of unknown mean",
            (expect.__name__, None),
            expect,
            "exact",
        )


def independent_checks(profile: str) -> Iterator[Check]:
    """Every check of the suite.

    Args:
        profile: "quick" or "full".
    """
    effect = _EFFECTS[profile]
    yield from _bias_checks()
    yield from _risk_checks(effect)
    yield from _capacity_checks(effect)
