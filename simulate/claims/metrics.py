"""Theorem M: metrics against direct integration and search, and expected ones against training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import scipy
from scipy.special import ndtr

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.experiments.metrics import (
    MEASURED,
    PREVALENCE,
    second_order,
)
from synthetic_oversampling.theory.generators.table import Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.metrics import METRICS, metrics
from synthetic_oversampling.theory.prediction.bias import predict_bias

__all__ = ["SUITE", "by_integration", "expected_metric_checks", "metric_checks"]

SUITE = "metrics"  # name of the suite of these checks
_EFFECTS = {"quick": 0.15, "full": 0.08}
_COMMON = (
    GaussianGroup([0.0, 0.0, 0.0], [[1.2, 0.4, 0.0], [0.4, 0.8, 0.1], [0.0, 0.1, 0.9]], 0),
    GaussianGroup([1.1, -0.6, 0.5], [[1.2, 0.4, 0.0], [0.4, 0.8, 0.1], [0.0, 0.1, 0.9]], 1),
)
_RATIO = 40
_IDS = {
    "M1": ("M1.auroc", "M1.average_precision", "M1.best_balanced_error", "M1.best_f1"),
    "M2": ("M2.auroc", "M2.average_precision", "M2.best_balanced_error", "M2.best_f1"),
    "M3": ("M3.auroc", "M3.average_precision", "M3.best_balanced_error", "M3.best_f1"),
}
_SIDE = {"mixture": -1.0, "spurious": 1.0}  # of a rule that is better than chance


def by_integration(theta: np.ndarray, groups, prevalence: float) -> tuple[float, ...]:
    """The metrics in the order of `METRICS`, by adaptive quadrature and a search on a fine grid.

    Args:
        theta: ``[p]``, intercept first; groups: of both labels, equally weighted within one.
        prevalence: share of label 1.
    """
    labels = []
    for label in (1, 0):
        chosen = [group for group in groups if group.label == label]
        labels.append(
            [
                (
                    share / len(chosen),
                    float(mean @ theta[1:]),
                    math.sqrt(theta[1:] @ cov @ theta[1:]),
                )
                for group in chosen
                for share, mean, cov in zip(group.weights, group.mean, group.cov, strict=True)
            ]
        )
    one, zero = labels

    def above(threshold, parts):
        return sum(share * ndtr((mean - threshold) / std) for share, mean, std in parts)

    def density(t):
        return sum(
            share * math.exp(-(((t - mean) / std) ** 2) / 2) / std / math.sqrt(2 * math.pi)
            for share, mean, std in one
        )

    def precision(t):
        return (
            prevalence
            * above(t, one)
            / (prevalence * above(t, one) + (1 - prevalence) * above(t, zero))
        )

    def integral(value: Callable[[float], float]) -> float:
        ends = [mean + side * std for _, mean, std in one for side in (-9, 9)]
        inside = sorted(mean for _, mean, _ in one)
        return scipy.integrate.quad(
            lambda t: value(t) * density(t),
            min(ends),
            max(ends),
            points=inside,
            epsabs=1e-12,
            epsrel=1e-12,
            limit=400,
        )[0]

    ends = [mean + side * std for _, mean, std in one + zero for side in (-8, 8)]
    tried = np.linspace(min(ends), max(ends), 4001)

    def least(value) -> float:
        place = int(np.argmin(value(tried)))
        near = tried[max(place - 1, 0)], tried[min(place + 1, len(tried) - 1)]
        return float(
            scipy.optimize.minimize_scalar(
                value, bounds=near, method="bounded", options={"xatol": 1e-10}
            ).fun
        )

    def lost(t):
        hit = 2 * prevalence * above(t, one)
        either = prevalence + prevalence * above(t, one) + (1 - prevalence) * above(t, zero)
        return 1 - hit / either

    return (
        integral(lambda t: 1 - above(t, zero)),
        integral(precision),
        least(lambda t: (1 - above(t, one) + above(t, zero)) / 2),
        1 - least(lost),
    )


def metric_checks(profile: str) -> Iterator[Check]:
    """The checks of M1 and M2.

    Args:
        profile: "quick" or "full".
    """
    del profile  # nothing of these is simulated
    yield from _exact_checks()
    yield from _best_checks()


def _exact_checks() -> Iterator[Check]:
    """M1: on a mixture and on four groups, at a point off every optimum."""

    @cache
    def both(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        groups = CONFIGURATIONS[name]().groups
        theta = _SIDE[name] * (0.3 + np.cos(1.0 + np.arange(groups[0].dim + 1)))
        theory = metrics(theta, groups, prevalence=PREVALENCE)
        return tuple(theory), by_integration(theta, groups, PREVALENCE)

    def expect(name: str, k: int) -> Expectation:
        theory, seen = both(name)
        return Expectation(theory=theory[k], discrepancy=1e-9, observed=seen[k])

    for name in _SIDE:
        for k, metric in enumerate(_IDS["M1"]):
            yield Check(
                id=f"{metric}.{SUITE}.on-{name}",
                claim="closed form or quadrature on fixed nodes; adaptive quadrature and search",
                kind="exact",
                source="second route",
                expect=partial(expect, name, k),
            )


def _best_checks() -> Iterator[Check]:
    """M2: raw training at 40 to 1, against the best of all directions, found by search."""

    @cache
    def raw() -> tuple[float, ...]:
        sizes = (_RATIO * 100, 100)
        theta = np.asarray(predict_bias(_COMMON, Design.raw(sizes), Oracle()).theta_alpha)
        return tuple(metrics(theta, _COMMON, prevalence=PREVALENCE))

    @cache
    def best(k: int) -> float:
        sign = -1.0 if METRICS[k] != "best_balanced_error" else 1.0

        def value(angles):
            slope = [
                math.cos(angles[0]) * math.cos(angles[1]),
                math.sin(angles[0]) * math.cos(angles[1]),
                math.sin(angles[1]),
            ]
            return sign * metrics([0.0, *slope], _COMMON, prevalence=PREVALENCE)[k]

        found = scipy.optimize.minimize(
            value, [-0.5, 0.3], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-14}
        )
        return sign * float(found.fun)

    def expect(k: int) -> Expectation:
        return Expectation(theory=raw()[k], discrepancy=1e-9, observed=best(k))

    for k, metric in enumerate(_IDS["M2"]):
        yield Check(
            id=f"{metric}.{SUITE}.raw",
            claim="metric of raw training on classes of one covariance; best over directions",
            kind="exact",
            source="second route",
            expect=partial(expect, k),
        )


def expected_metric_checks(name: str, profile: str) -> Iterator[Check]:
    """M3: what estimation adds to a metric of the pseudo-true point, on a configuration's designs.

    Args:
        name: of the configuration.
        profile: "quick" or "full".
    """

    def expect(label: str, k: int) -> Expectation:
        setting = experiment(name, label)
        mean, scale = (float(part[k]) for part in second_order(name, setting.prediction))
        size, remainder = setting.configuration.dim + 1, setting.remainder
        return Expectation(
            theory=mean,
            std=1.15 * math.sqrt(2.0 / size) * scale,
            allowance=remainder * scale,
            discrepancy=max(_EFFECTS[profile], 2 * remainder) * scale,
            skewness=math.sqrt(8.0 / size),
        )

    for label in (label for configuration, label in MEASURED if configuration == name):
        for k, metric in enumerate(_IDS["M3"]):
            yield Check(
                id=f"{metric}.{name}.{label}",
                claim="what estimation adds to the metric: noise and drift",
                kind="asymptotic",
                experiments=(f"{name}/{label}",),
                statistic=("metrics_second_order", k),
                source="simulated, scored by theory",
                expect=partial(expect, label, k),
            )
