"""The checks of theorem T5: rows written feature by feature, and what depth is worth.

Theory values are those of ``theory.in_context.regression``; the other side uses none of its
formulas: iterations are carried out, divergences integrated, and laws are SciPy's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cache, partial
from typing import Any, SupportsFloat

import jax.numpy as jnp
import numpy as np
import scipy

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments import in_context as settings
from synthetic_oversampling.theory.in_context import regression
from synthetic_oversampling.theory.theorems.table import FORMULAS
from synthetic_oversampling.theory.wording import counted

__all__ = ["SUITE", "row_checks", "same"]

SUITE = "whole-rows"  # name of the suite of these checks
_EFFECTS = {"quick": 0.08, "full": 0.04}
_ROUNDING = 1e-9  # of two routes, relative; observed: 1e-12 or less
_POINT = np.array([0.4, -1.0, 0.7, 1.5])
_GRID_COUNT, _GRID_DEPTH = 6, 4
_LAW_COUNT, _LAW_DEPTHS = 20, (4, 5, 6)  # of the line that is fitted to divergences


@cache
def _after(count: int, dim: int = settings.ROW_DIM) -> regression.NormalInverseWishart:
    """What is known after fixed rows, of the first features."""
    prior = regression.NormalInverseWishart(
        jnp.asarray(settings.ROW_MEAN[:dim]),
        jnp.asarray(settings.ROW_WEIGHT),
        jnp.asarray(settings.ROW_SCALE[:dim, :dim]),
        jnp.asarray(settings.ROW_DF - (settings.ROW_DIM - dim)),
    )
    return regression.posterior(prior, jnp.asarray(settings.fixed_rows(count)[:, :dim]))


def same(theory: SupportsFloat, observed: SupportsFloat) -> Expectation:
    """Two routes that agree up to rounding.

    Args:
        theory, observed: what each gives.
    """
    theory = float(theory)
    return Expectation(
        theory=theory, discrepancy=_ROUNDING * max(1.0, abs(theory)), observed=observed
    )


def _density(count: int) -> Expectation:
    """Log density of a row: the sum of its features', against SciPy's multivariate law."""
    law = regression.row_predictive(_after(count))
    total = 0.0
    for feature, x in enumerate(_POINT):
        one = regression.feature_predictive(law, jnp.asarray(_POINT[:feature]))
        spread = math.sqrt(float(one.var_scale))
        total += float(scipy.stats.t.logpdf(x, float(one.df), float(one.loc), spread))
    degrees, mean, scale = settings.row_law(count)
    return same(total, float(scipy.stats.multivariate_t.logpdf(_POINT, mean, scale, degrees)))


def _divergence(effect: float, count: int, depth: int) -> Expectation:
    value = float(regression.depth_divergence(_after(count), depth))
    remainder = _missed(count, depth)
    return Expectation(
        theory=value,
        std=1.3 * value,
        skewness=2.5,
        allowance=remainder * value,
        discrepancy=(remainder + 1.5 * effect) * value,
    )


def _missed(count: int, depth: int) -> float:
    """The largest residual, by which the expansion is off in relative terms."""
    block = settings.row_law(count)[2][: settings.ROW_DIM - 1, : settings.ROW_DIM - 1]
    return float((1 - np.linalg.eigvalsh(block)[0] / np.trace(block)) ** 2.0**depth)


def _below(count: int, depth: int) -> Expectation:
    bound = float(regression.depth_bound(_after(count), depth))
    near = float(regression.depth_divergence(_after(count), depth))
    return Expectation(
        theory=bound,
        std=1.3 * near,
        skewness=2.5,
        discrepancy=abs(bound - near),
        claim=f"{counted(depth, 'iteration')} cost less than the bound, {bound / near:.1f} times",
    )


def _rate() -> Expectation:
    """Of three features one block is inverted; its smaller eigenvalue rules at depth."""
    near, far = (
        settings.divergence_by_grid(_GRID_COUNT, depth) for depth in (_GRID_DEPTH, _GRID_DEPTH + 1)
    )
    after = _after(_GRID_COUNT, 3)
    theory = [
        float(regression.depth_divergence(after, depth)) for depth in (_GRID_DEPTH, _GRID_DEPTH + 1)
    ]
    return Expectation(
        theory=math.log(theory[1] / theory[0]),
        discrepancy=0.01,
        observed=math.log(far / near),
    )


def _law() -> Expectation:
    """The slope of a fitted line: of the least eigenvalue of the one block that is inverted."""
    count = 2.0 ** np.array(_LAW_DEPTHS)

    def slope(values: list[float]) -> float:
        return float(np.polyfit(count, np.log(values), 1)[0])

    values = jnp.asarray(np.linalg.eigvalsh(settings.row_law(_LAW_COUNT)[2][:2, :2]))
    missed = [float(regression.inversion_residual(values, depth).max()) for depth in _LAW_DEPTHS]
    found = [settings.divergence_by_grid(_LAW_COUNT, depth) for depth in _LAW_DEPTHS]
    theory = 2.0 * slope(missed)
    return Expectation(theory=theory, discrepancy=0.01 * abs(theory), observed=slope(found))


def _flat(effect: float, index: int) -> Expectation:
    count = settings.FLAT_COUNTS[index]
    value = float(regression.flat_rows_expected_kl(count, settings.FLAT_DIM))
    spread = (1.45, 3.2)[index] * value
    return Expectation(theory=value, std=spread, skewness=1.5, discrepancy=1.5 * effect * value)


def _students() -> Expectation:
    """How often the divergence of two Student laws, integrated, exceeds the bound."""
    above = 0
    for degrees in (1.5, 5.0, 40.0):
        law = scipy.stats.t(degrees)
        node = law.ppf((np.arange(4000) + 0.5) / 4000)
        for ratio, shift in itertools.product((0.3, 0.8, 1.0, 1.6, 4.0), (0.0, 0.2, 1.0, 5.0)):
            other = scipy.stats.t(degrees, loc=shift, scale=ratio**-0.5)
            kl = np.mean(law.logpdf(node) - other.logpdf(node))
            bound = FORMULAS["T5.student_bound"].numpy(scale_ratio=ratio, shift_square=shift**2)
            above += kl > float(bound) + 1e-6  # of the midpoint rule
    return Expectation(theory=0.0, discrepancy=0.5, observed=float(above))


def _costs(depth: int) -> Expectation:
    """The printed costs of the one block of three features are the computed divergence."""
    degrees, _, scale = settings.row_law(_GRID_COUNT)
    value, vector = np.linalg.eigh(scale[:2, :2])
    missed = (1 - value / value.sum()) ** (2.0**depth)
    explained = (vector.T @ scale[:2, 2]) ** 2 / value
    rest = scale[2, 2] - explained.sum()
    law = {"degrees": degrees + 2}
    location = FORMULAS["T5.location_cost"](shift_square=(missed**2 @ explained) / rest, **law)
    sums = {"left_sum": missed.sum(), "left_square": (missed**2).sum()}
    spread = FORMULAS["T5.scale_cost"](growth=(missed @ explained) / rest, **sums, **law)
    computed = regression.depth_divergence(_after(_GRID_COUNT, 3), depth)
    return same(float(location + spread), float(computed))


def _printed(name: str) -> Expectation:
    if name == "residual":
        printed = FORMULAS["T5.residual"](eigen_share=0.2, iterations=3.0)
        return same(
            float(printed), float(regression.inversion_residual(jnp.array([1.0, 4.0]), 3)[0])
        )
    if name == "iterations":
        printed = FORMULAS["T5.iterations"](left_most=1e-6, eigen_share=1 / 120)
        enough = regression.enough_iterations(1e-6, condition=40.0, dim=3)
        return same(float(math.ceil(float(printed))), float(enough))
    rows = 10**6
    printed = float(FORMULAS["T5.rows_rate"](count=float(rows), dim=3.0))
    observed = float(regression.flat_rows_expected_kl(rows, 3))
    return Expectation(theory=printed, discrepancy=1e-4 * printed, observed=observed)


def row_checks(profile: str) -> Iterator[Check]:
    """Every check of theorem T5.

    Args:
        profile: "quick" or "full".
    """
    effect = _EFFECTS[profile]
    for count, depths in settings.ROW_DEPTHS.items():
        seeds = f"after {counted(count, 'seed')}"
        yield Check(
            id=f"T5.predictive.{SUITE}.n{count}",
            claim=f"log density of a row {seeds}, feature by feature; SciPy's multivariate law",
            kind="exact",
            source="second route",
            expect=partial(_density, count),
        )
        for index, depth in enumerate(depths):
            place: dict[str, Any] = {
                "experiments": (f"{SUITE}/n{count}",),
                "statistic": ("depth", index),
                "source": "simulated and scored independently",
            }
            after = f"of {counted(depth, 'iteration')}, {seeds}"
            yield Check(
                id=f"T5.depth.{SUITE}.n{count}-L{depth}",
                claim=f"divergence from the exact law {after}",
                kind="asymptotic",
                expect=partial(_divergence, effect, count, depth),
                **place,
            )
            yield Check(
                id=f"T5.bound.{SUITE}.n{count}-L{depth}",
                claim=f"divergence below its bound {after}",
                kind="bound",
                expect=partial(_below, count, depth),
                **place,
            )
    yield Check(
        id=f"T5.rate.{SUITE}.L{_GRID_DEPTH}",
        claim="log ratio of the divergences of successive depths; integrated over three features",
        kind="asymptotic",
        source="second route",
        expect=_rate,
    )
    yield Check(
        id=f"T5.depth_law.{SUITE}.n{_LAW_COUNT}",
        claim="slope of the logarithm of the divergence in 2^L, fitted; integrated over features",
        kind="asymptotic",
        source="second route",
        expect=_law,
    )
    for index, count in enumerate(settings.FLAT_COUNTS):
        yield Check(
            id=f"T5.flat_kl.{SUITE}.n{count}",
            claim="expected divergence of the flat prior's row from a Gaussian group",
            kind="exact",
            experiments=(f"{SUITE}/flat",),
            statistic=("flat", index),
            source="simulated and scored independently",
            expect=partial(_flat, effect, index),
        )
    yield Check(
        id=f"T5.student_bound.{SUITE}.exceeded",
        claim="how often the divergence of two Student laws, integrated, exceeds its bound",
        kind="exact",
        source="second route",
        expect=_students,
    )
    yield Check(
        id=f"T5.costs.{SUITE}.L3",
        claim="formulas T5.location_cost and T5.scale_cost: printed and computed value",
        kind="exact",
        source="restated algebra",
        expect=partial(_costs, 3),
    )
    for name in ("residual", "iterations", "rows_rate"):
        yield Check(
            id=f"T5.formula.{SUITE}.{name}",
            claim=f"formula T5.{name}: printed and computed value",
            kind="asymptotic" if name == "rows_rate" else "exact",
            source="second route" if name == "rows_rate" else "restated algebra",
            expect=partial(_printed, name),
        )
