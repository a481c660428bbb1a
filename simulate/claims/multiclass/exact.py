"""Theorem K without simulation: integrals, closed forms, the global law, bounds, certificates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cache, lru_cache, partial

import numpy as np
import scipy

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments.multiclass import independent
from synthetic_oversampling.simulate.experiments.multiclass.trials import (
    SETTINGS,
    SUITE,
    multiclass_experiment,
)
from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.multiclass.bounds import (
    multiclass_bound,
    multiclass_certificate,
)
from synthetic_oversampling.theory.multiclass.components import components_of
from synthetic_oversampling.theory.multiclass.moments import moments
from synthetic_oversampling.theory.multiclass.predict import (
    MulticlassPrediction,
    predict_multiclass,
)
from synthetic_oversampling.theory.multiclass.scaling import multiclass_law_of_design
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["exact_checks"]


def exact_checks() -> Iterator[Check]:
    """Every check of theorem K that needs no simulation."""
    yield from _integral_checks()
    yield from _closed_checks()
    yield from _certificate_checks()


# --- population quantities --------------------------------------------------------------------
def _direct(theta: np.ndarray, group: GaussianGroup, count: int = 140) -> tuple[AnyArray, ...]:
    """Risk, gradient, Hessian and score covariance by a fine sum over two features."""
    node, weight = np.polynomial.legendre.leggauss(count)
    z, mass = 8.8 * node, 8.8 * weight * np.exp(-((8.8 * node) ** 2) / 2) / math.sqrt(2 * math.pi)
    pairs = np.array(list(itertools.product(z, repeat=2)))
    w = np.outer(mass, mass).ravel()
    x = group.mean[0] + pairs @ np.linalg.cholesky(group.cov[0]).T
    table = np.column_stack([np.ones(len(x)), x])
    scores = np.column_stack([np.zeros(len(x)), table @ theta.T])
    log_sum = scipy.special.logsumexp(scores, axis=1)
    share = np.exp(scores - log_sum[:, None])[:, 1:]
    residual = share - (np.arange(1, scores.shape[1]) == group.label)
    gradients = np.einsum("nk,np->nkp", residual, table).reshape(len(x), -1)
    bend = np.eye(share.shape[1]) * share[:, :, None] - share[:, :, None] * share[:, None]
    hessian = np.einsum("n,nkl,np,nq->kplq", w, bend, table, table)
    mean = w @ gradients
    second = (gradients * w[:, None]).T @ gradients - np.outer(mean, mean)
    own = scores[:, group.label]
    return w @ (log_sum - own), mean, hessian.reshape(theta.size, -1), second


def _integral_checks() -> Iterator[Check]:
    """K1, K2: moments of the softmax loss of each class against a sum over the features."""
    begins = ("K1.risk", "K1.gradient", "K2.hessian", "K2.score_cov")

    @cache
    def both(g: int):
        groups = SETTINGS["three"]().groups
        theta = (0.4 + np.cos(1.0 + np.arange(6))).reshape(2, 3)
        return moments(theta, components_of([groups[g].law])), _direct(theta, groups[g])

    def expect(g: int, k: int) -> Expectation:
        ours, seen = both(g)
        direction = np.cos(0.3 + np.arange(6))
        values = []
        for value in (ours[k][0], seen[k]):
            for _ in range(np.ndim(value)):
                value = direction @ value
            values.append(float(value))
        return Expectation(theory=values[0], discrepancy=1e-8, observed=values[1])

    for g, k in itertools.product(range(3), range(4)):
        yield Check(
            id=f"{begins[k]}.{SUITE}.class{g}",
            claim="tensor quadrature over the scores; a sum over the features",
            kind="exact",
            source="second route",
            expect=partial(expect, g, k),
        )


# --- closed forms -----------------------------------------------------------------------------
def _closed_checks() -> Iterator[Check]:
    """K1: logit adjustment. K2: the global law against predictions."""
    common = SETTINGS["common"]()

    def shift(k: int) -> Expectation:
        found = multiclass_experiment(f"{SUITE}/common-raw").prediction
        printed = FORMULAS["K1.shift"].numpy(n_k=float(common.sizes[k]), n_0=float(common.sizes[0]))
        place = (k - 1) * (common.dim + 1)
        return Expectation(
            theory=float(printed), discrepancy=1e-8, observed=float(found.displacement[place])
        )

    def slope() -> Expectation:
        found = multiclass_experiment(f"{SUITE}/common-raw").prediction
        slopes = found.displacement.reshape(2, -1)[:, 1:]
        return Expectation(theory=0.0, discrepancy=1e-8, observed=float(np.abs(slopes).max()))

    for k in (1, 2):
        yield Check(
            id=f"K1.shift.{SUITE}.class{k}",
            claim="raw training moves an intercept by the log ratio of sizes: the minimiser found",
            kind="exact",
            source="second route",
            expect=partial(shift, k),
        )
    yield Check(
        id=f"K1.slopes.{SUITE}.common",
        claim="and moves no slope",
        kind="exact",
        source="second route",
        expect=slope,
    )

    @lru_cache(maxsize=2)
    def law(label: str):
        setting = multiclass_experiment(f"{SUITE}/three-{label}")
        chosen = setting.configuration
        return (
            multiclass_law_of_design(chosen.groups, chosen.sizes, setting.generator),
            chosen,
            setting.generator,
        )

    def by_law(label: str, size: float, weight: float) -> Expectation:
        found, chosen, generator = law(label)
        design = Design(chosen.sizes, size, weight)
        seen = float(predict_multiclass(chosen.groups, design, generator).total)
        value = float(found.excess(weight, size))
        return Expectation(theory=value, discrepancy=1e-5 * seen, observed=seen)

    def floor(label: str) -> Expectation:
        found, chosen, generator = law(label)

        def excess(weight: float) -> float:
            design = Design(chosen.sizes, math.inf, max(weight, 1e-9))
            return float(predict_multiclass(chosen.groups, design, generator).total)

        best = scipy.optimize.minimize_scalar(
            excess, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-4, "maxiter": 25}
        )
        return Expectation(
            theory=found.floor, discrepancy=1e-5 * found.floor, observed=float(best.fun)
        )

    for label, size in (("shifted", 700.0), ("plugin", 900.0)):
        yield Check(
            id=f"K2.law.{SUITE}.{label}",
            claim="global law at one weight and size; theorem K there",
            kind="exact",
            source="second route",
            expect=partial(by_law, label, size, 0.37),
        )
        if label == "plugin":
            continue
        yield Check(
            id=f"K2.floor.{SUITE}.{label}",
            claim="floor of the global law; least prediction over weights, found by search",
            kind="exact",
            source="second route",
            expect=partial(floor, label),
        )


# --- bounds -----------------------------------------------------------------------------------
def _certificate_checks() -> Iterator[Check]:
    """K2: the certificate is true of drawn samples, and the bound of designs."""

    @cache
    def outside() -> int:
        rng, wrong = np.random.default_rng(20), 0
        for _ in range(200):
            label = np.repeat([0, 1, 2], (60, 30, 30))
            x = rng.normal(size=120) + 0.8 * label
            weight = np.full(120, 1 / 120)
            best, found = independent.fit(x, label, weight, np.zeros((2, 2)))
            start = best + 0.15 * rng.normal(size=(2, 2))
            told = multiclass_certificate(start, x[:, None], label, weight)
            distance = _distance(best, start, x, weight)
            wrong += bool(found) and not (
                told.nearest <= distance * (1 + 1e-9)
                and (not told.exists or distance <= told.farthest * (1 + 1e-9))
            )
        return wrong

    def certificate() -> Expectation:
        return Expectation(theory=0.0, discrepancy=0.5, observed=float(outside()))

    yield Check(
        id=f"K2.certified.{SUITE}.samples",
        claim="samples, of 200, whose minimiser lies outside of its certificate",
        kind="exact",
        source="second route",
        expect=certificate,
    )

    @cache
    def found(label: str):
        setting = multiclass_experiment(f"{SUITE}/three-{label}")
        chosen, theory = setting.configuration, setting.prediction
        told = multiclass_bound(theory, chosen.groups, setting.design, setting.generator)
        least, slope = _on_segment(chosen.groups, theory)
        return told, float(theory.excess.bias), least, slope

    def curvature(label: str) -> Expectation:
        told, _, least, _ = found(label)
        return Expectation(theory=told.curvature, discrepancy=0.06 * least, observed=least)

    def bound(label: str) -> Expectation:
        told, bias, least, slope = found(label)
        value = slope**2 / (2 * least)
        over = max(bias - told.bound, 0.0) / bias
        return Expectation(
            theory=told.bound / value, discrepancy=0.07, observed=1.0 + 10 * float(over > 0)
        )

    for label in ("shifted", "mislabelled"):
        yield Check(
            id=f"K2.curvature.{SUITE}.{label}",
            claim="certified least curvature towards the optimum; least one on a fine grid",
            kind="exact",
            source="second route",
            expect=partial(curvature, label),
        )
        yield Check(
            id=f"K2.bound.{SUITE}.{label}",
            claim="bound at any bias over the one with the true curvature; the excess is below it",
            kind="exact",
            source="second route",
            expect=partial(bound, label),
        )


def _on_segment(groups, theory: MulticlassPrediction) -> tuple[float, float]:
    """Least eigenvalue of the balanced Hessian on the segment, and the gradient at its end."""
    least = math.inf
    for at in np.linspace(0.0, 1.0, 9):
        theta = theory.theta_star + at * (theory.theta_alpha - theory.theta_star)
        hessian = np.mean([_direct(theta, group, 60)[2] for group in groups], axis=0)
        least = min(least, float(np.linalg.eigvalsh(hessian)[0]))
    end = np.mean([_direct(theory.theta_alpha, group)[1] for group in groups], axis=0)
    return least, float(np.linalg.norm(end))


def _distance(best, start, x, weight) -> float:
    table = np.column_stack([np.ones_like(x), x])
    grown = np.exp(table @ start.T)
    share = grown / (1 + grown.sum(axis=1, keepdims=True))
    bend = np.eye(2) * share[:, :, None] - share[:, :, None] * share[:, None]
    hessian = np.einsum("n,nkl,np,nq->kplq", weight, bend, table, table).reshape(4, 4)
    gap = (best - start).ravel()
    return math.sqrt(gap @ hessian @ gap)
