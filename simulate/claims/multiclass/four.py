"""Theorem K2 for four classes with a spurious attribute: error rates, bound and certificate.

What theorems R5, R6 and R7 say of two classes. Error rates are of samples that NumPy draws, fits
and scores; the bound is held against sums over the features, the certificate against samples.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments.multiclass import spurious
from synthetic_oversampling.simulate.experiments.multiclass.trials import (
    SUITE,
    multiclass_experiment,
)
from synthetic_oversampling.theory.generators.table import Oracle, Shifted
from synthetic_oversampling.theory.multiclass.bounds import (
    multiclass_bound,
    multiclass_certificate,
)
from synthetic_oversampling.theory.multiclass.predict import (
    MulticlassPrediction,
    predict_multiclass,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["EXPERIMENT", "four_class_checks"]

EXPERIMENT = f"{SUITE}/spurious"  # four classes, by NumPy alone
_REMAINDER = 2.0 * 9 / min(spurious.SIZES)  # as in `simulate.claims.bias`, of nine parameters
_LINEAR = 0.02  # of a deviation: what the largest of several rates is off by
_ROWS, _SAMPLES = 60, 60  # of a group, in the samples that are certified


def four_class_checks(effect: float) -> Iterator[Check]:
    """The checks of four classes.

    Args:
        effect: relative, that must be found.
    """
    yield from _error_checks(effect)
    yield from _bound_checks()
    yield from _certificate_checks()


# --- error rates ------------------------------------------------------------------------------
@cache
def _groups() -> list[GaussianGroup]:
    cov = np.diag(np.square(spurious.STDS))
    rows = zip(spurious.MEANS, spurious.LABELS, strict=True)
    return [GaussianGroup(mean, cov, int(label)) for mean, label in rows]


@cache
def _predictions() -> tuple[MulticlassPrediction, np.ndarray]:
    """Theorem K of the design, and error rates at the balanced optimum."""
    groups = _groups()
    design = Design(spurious.SIZES, spurious.AUGMENTATION, spurious.WEIGHT)
    balanced = Design.class_weighted(spurious.SIZES)
    found = predict_multiclass(groups, design, Shifted(spurious.SHIFT))
    return found, np.asarray(predict_multiclass(groups, balanced, Oracle()).group_error.bias)


def _error_checks(effect: float) -> Iterator[Check]:
    """R5: what synthetic samples add to error rates, and the mean of the largest."""

    def group(g: int) -> Expectation:
        found, best = _predictions()
        value, second = (float(part[g]) for part in (found.group_error.total, _second(found)))
        return Expectation(
            theory=value,
            std=float(found.group_error.std[g]),
            allowance=_REMAINDER * abs(second),
            discrepancy=effect * abs(value - best[g]),
        )

    def balanced() -> Expectation:
        found, best = _predictions()
        value, second = float(found.balanced_error), abs(float(np.mean(_second(found))))
        curved = np.asarray(found.group_error.std) ** 2 - np.diagonal(found.error_cov)
        std = math.sqrt(np.mean(found.error_cov) + np.mean(np.maximum(curved, 0.0)))
        return Expectation(
            theory=value,
            std=1.1 * std,
            allowance=_REMAINDER * second,
            discrepancy=min(effect * abs(value - float(np.mean(best))), second),
        )

    def worst() -> Expectation:
        found, _ = _predictions()
        value, std = found.expected_worst_group_error, float(np.max(found.group_error.std))
        apart = value - float(found.worst_group_error)
        return Expectation(
            theory=value,
            std=std,
            allowance=_REMAINDER * float(np.max(np.abs(_second(found)))) + _LINEAR * std,
            discrepancy=apart / 3,
            skewness=1.5,
        )

    places: list[tuple[str, str, tuple[str, int | None], Callable[[], Expectation]]] = [
        (
            f"K2.group_error.{SUITE}.spurious{g}",
            "error rate of one group",
            ("group_error", g),
            partial(group, g),
        )
        for g in (1, 2)
    ]
    places += [
        (
            f"K2.balanced_error.{SUITE}.spurious",
            "mean error rate",
            ("balanced_error", None),
            balanced,
        ),
        (
            f"K2.worst_error.{SUITE}.spurious",
            "mean of the largest error rate over groups, two of which tie",
            ("worst_error", None),
            worst,
        ),
    ]
    for name, claim, statistic, expect in places:
        yield Check(
            id=name,
            claim=f"{claim}: four classes with a spurious attribute, moved synthetic samples",
            kind="asymptotic",
            experiments=(EXPERIMENT,),
            statistic=statistic,
            source="simulated and scored independently",
            expect=expect,
        )


def _second(found: MulticlassPrediction) -> np.ndarray:
    """What estimation adds to error rates, in mean."""
    return np.asarray(found.group_error.total - found.group_error.bias)


# --- bounds -----------------------------------------------------------------------------------
def _bound_checks() -> Iterator[Check]:
    """R6: least curvature on the segment, and the bound that follows from it."""

    @cache
    def found(label: str):
        setting = multiclass_experiment(f"{SUITE}/four-{label}")
        groups, theory = setting.configuration.groups, setting.prediction
        told = multiclass_bound(theory, groups, setting.design, setting.generator)
        move = theory.theta_alpha - theory.theta_star
        along = [theory.theta_star + at * move for at in np.linspace(0.0, 1.0, 9)]
        each = [_balanced(theta, setting.nodes) for theta in along]
        least = min(float(np.linalg.eigvalsh(hessian)[0]) for _, hessian in each)
        return told, float(theory.excess.bias), least, float(np.linalg.norm(each[-1][0]))

    def curvature(label: str) -> Expectation:
        told, _, least, _ = found(label)
        return Expectation(theory=told.curvature, discrepancy=0.06 * least, observed=least)

    def bound(label: str) -> Expectation:
        told, bias, least, slope = found(label)
        over = max(bias - told.bound, 0.0) / bias
        return Expectation(
            theory=told.bound / (slope**2 / (2 * least)),
            discrepancy=0.07,
            observed=1.0 + 10 * float(over > 0),
        )

    yield Check(
        id=f"K2.curvature.{SUITE}.four-raw",
        claim="certified least curvature towards the optimum, four classes; least one on a grid",
        kind="exact",
        source="second route",
        expect=partial(curvature, "raw"),
    )
    yield Check(
        id=f"K2.bound.{SUITE}.four-raw",
        claim="bound at any bias over the one with the true curvature, four classes",
        kind="exact",
        source="second route",
        expect=partial(bound, "raw"),
    )


def _balanced(theta: np.ndarray, nodes) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian of the balanced risk, by sums over the features."""
    size, width = theta.shape
    gradient, hessian = np.zeros(theta.shape), np.zeros((size, size, width, width))
    for rows, weights, label in zip(nodes.rows, nodes.weights, nodes.labels, strict=True):
        grown = np.exp(rows @ theta.T)
        share = grown / (1.0 + grown.sum(axis=1, keepdims=True))
        mark = np.arange(1, size + 1) == label
        gradient += (weights[:, None] * (share - mark)).T @ rows / len(nodes.labels)
        for k, m in itertools.product(range(size), repeat=2):
            bend = weights * (share[:, k] * float(k == m) - share[:, k] * share[:, m])
            hessian[k, m] += (rows * bend[:, None]).T @ rows / len(nodes.labels)
    return gradient, np.swapaxes(hessian, 1, 2).reshape(theta.size, -1)


# --- certificates -----------------------------------------------------------------------------
def _certificate_checks() -> Iterator[Check]:
    """R7: the certificate is true of drawn samples, and its reach is that of the worst row."""

    @cache
    def seen() -> tuple[int, int, float, float]:
        """Samples outside of their certificate, samples certified, mean reach, told and found."""
        rng, outside, exist, reach = np.random.default_rng(31), 0, 0, np.zeros((2, _SAMPLES))
        for k in range(_SAMPLES):
            x, index = spurious.drawn(rng, (_ROWS,) * 8)
            label, weight = spurious.LABELS[index], np.full(len(x), 1 / len(x))
            best, good = spurious.fit(x, label, weight, np.zeros((3, 3)))
            start = best + 0.03 * rng.normal(size=best.shape)
            told = multiclass_certificate(start, x, label, weight)
            slope, hessian, table = _sample(start, x, label, weight)
            gap = (best - start).ravel()
            distance = math.sqrt(gap @ hessian @ gap)
            outside += not (
                good
                and told.nearest <= distance * (1 + 1e-8)
                and (not told.exists or distance <= told.farthest * (1 + 1e-8))
            )
            exist += told.exists
            reach[:, k] = told.reach, _reach(slope, hessian, table)
        return outside, exist, *reach.mean(axis=1).tolist()

    def certified() -> Expectation:
        outside, exist, *_ = seen()
        wrong = outside + max(_SAMPLES // 2 - exist, 0)
        return Expectation(theory=0.0, discrepancy=0.5, observed=float(wrong))

    def reach() -> Expectation:
        *_, told, found = seen()
        return Expectation(theory=told, discrepancy=1e-8 * found, observed=found)

    yield Check(
        id=f"K2.certified.{SUITE}.spurious",
        claim=f"samples of four classes, of {_SAMPLES}, outside of their certificate, or too few",
        kind="exact",
        source="second route",
        expect=certified,
    )
    yield Check(
        id=f"K2.reach.{SUITE}.spurious",
        claim="mean reach of these certificates; the longest row of all pairs of classes, by rows",
        kind="exact",
        source="second route",
        expect=reach,
    )


def _sample(theta, x, label, weight) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient, Hessian and rows of a sample, row by row of the parameters."""
    table = np.column_stack([np.ones(len(x)), x])
    grown = np.exp(table @ theta.T)
    share = grown / (1.0 + grown.sum(axis=1, keepdims=True))
    residual = share - (label[:, None] == np.arange(1, len(theta) + 1))
    bend = np.eye(len(theta)) * share[:, :, None] - share[:, :, None] * share[:, None]
    hessian = np.einsum("n,nkl,np,nq->kplq", weight, bend, table, table)
    slope = (weight[:, None] * residual).T @ table
    return slope.ravel(), hessian.reshape(theta.size, -1), table


def _reach(slope, hessian, table) -> float:
    """Newton's decrement times the longest difference of two scores of a row."""
    size = len(slope) // table.shape[1]
    corners = np.vstack([np.zeros(size), np.eye(size)])
    steps = [one - other for one, other in itertools.combinations(corners, 2)]
    longest = 0.0
    for step in steps:
        rows = np.kron(step, table)
        longest = max(longest, float(np.max(np.sum(rows * np.linalg.solve(hessian, rows.T).T, 1))))
    return math.sqrt(slope @ np.linalg.solve(hessian, slope)) * math.sqrt(longest)
