"""The checks of S1 and S3: the whole curve in the synthetic size, its best weight, its floor.

Every check is of a mean that uses no prediction. Declared spreads are those of quadratic forms of
Gaussian gradients, with the means and covariances of S1's two parts, or of theorem R's expansion
where the bias is too large for these. Theory values of excess risks are the global law's; their
remainder is ``2 p / n`` of the noise for the next order, ``n`` the real samples per class that
would have that noise. The products of gradients have the moments of the hyperbola, and no more is
claimed of it than that. SMOTE's best weight is 0, and a fixed one hurts at every size; where a
generator halves every covariance (`scaling_paths.halved_path`), the hyperbola's excess is a quarter
of what it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation, Kind
from synthetic_oversampling.simulate.claims.risk import PROFILES
from synthetic_oversampling.simulate.experiments.scaling_paths import (
    FIXED_WEIGHT,
    FLOOR_SIZES,
    POINTS,
    Path,
    floor_path,
    halved_path,
    path,
)
from synthetic_oversampling.theory.population.groups import gradient, hessian
from synthetic_oversampling.theory.population.laws import balanced_law

__all__ = ["LABELS", "quadratic_law", "scaling_checks", "scaling_path"]

# generators whose scaling is checked
LABELS = ("oracle", "shifted", "scaled", "smote", "duplicate", "plugin")
_FARTHER = {"quick": (), "full": LABELS}  # with 10^5 samples per class: minutes each
_FITTED = ("plugin", "predictive")
_TURNING = ("shifted",)  # its bias hurts beyond a weight below 1 at every size
_RESOLVED = 7.3 / math.sqrt(2500)  # standard deviations: what 2500 replicates detect
_GLOBAL = ("smote", "halved")  # bias too large for S1's two parts
_PARAMETERS = 3
_COARSER = {10_000: 1.75, 100_000: 2.0}  # times the profile's effect, by synthetic size
_FLOOR_FACTOR = 4  # the floor is checked at seeds in this ratio


def quadratic_law(
    path: Path, size: int, coefficients: Mapping[float, float]
) -> tuple[float, float]:
    """Standard deviation and skewness of ``sum_k c_k g_k' H^{-1} g_k / 2``, ``g_k`` at weight k.

    Args:
        path: whose parts.
        size: ``N``.
        coefficients: ``c_k`` by weight ``alpha``.

    Statement: for a Gaussian vector ``x`` with mean ``m`` and covariance ``V``, the cumulants of
    ``x' B x`` are ``2 tr((B V)^2) + 4 m' B V B m`` and ``8 tr((B V)^3) + 24 m' B V B V B m``; here
    ``x = (U, W + xi_N)``.
    """
    parts = path.parts
    inverse = np.linalg.inv(parts.hessian)
    outer = np.zeros((2, 2))
    for alpha, coefficient in coefficients.items():
        pair = np.array([1.0 - alpha, alpha])
        outer += coefficient * np.outer(pair, pair) / 2
    form = np.kron(outer, inverse)
    mean = np.concatenate([parts.over_mean, parts.aug_mean])
    aug = np.asarray(parts.aug_cov) + np.asarray(parts.fresh_cov) / size
    cross = np.asarray(parts.cross_cov)
    cov = np.block([[np.asarray(parts.over_cov), cross], [cross.T, aug]])
    spread, pull = form @ cov, form @ mean
    second = 2 * np.trace(spread @ spread) + 4 * pull @ cov @ pull
    third = 8 * np.trace(spread @ spread @ spread) + 24 * pull @ cov @ form @ cov @ pull
    return float(np.sqrt(second)), float(third / second**1.5)


def expansion_law(path: Path, weight: float, size: int) -> tuple[float, float]:
    """Standard deviation and skewness of ``g' d + d' H d / 2``, ``d`` normal: theorem R's own.

    Args:
        path: whose prediction.
        weight, size: ``alpha`` and ``N``.

    Statement: with gradient ``g`` and Hessian ``H`` of the balanced risk at the pseudo-true point
    and the covariance ``V`` of the estimate, the cumulants are ``tr((H V)^2) / 2 + g' V g`` and
    ``tr((H V)^3) + 3 g' V H V g``.
    """
    full, law = path.predicted(weight, size), balanced_law(path.groups)
    slope = np.asarray(gradient(full.theta_alpha, law))
    spread = np.asarray(hessian(full.theta_alpha, law)) @ full.cov
    pull = full.cov @ slope
    second = np.trace(spread @ spread) / 2 + slope @ pull
    third = np.trace(spread @ spread @ spread) + 3 * slope @ full.cov @ (spread.T @ slope)
    return float(np.sqrt(second)), float(third / second**1.5)


def _next_order(path: Path, weight: float, size: int) -> float:
    """``2 p / n``: relative size of the next order, ``n`` in real samples of every class."""
    small = path.predicted(weight, size).small_variance
    return 2.0 * _PARAMETERS * 2.0 * float(small) / float(path.parts.law.S)


def _value(path: Path, weight: float, size: int) -> tuple[float, float]:
    """Theory value of an excess by the global law, and the next order."""
    full = path.predicted(weight, size)
    # by theorem R alone, whose noise may be larger than near no bias, and the next order with it
    larger = max(float(full.excess.variance / full.small_variance), 1.0)
    remainder = float(full.small_variance) * _next_order(path, weight, size) * larger**2
    return float(path.law.excess(weight, size)), remainder


def _check(
    id: str,
    claim: str,
    experiment: str,
    statistic: tuple[str, int | None],
    expect: Callable[[], Expectation],
    kind: Kind = "asymptotic",
) -> Check:
    return Check(
        id=id,
        claim=claim,
        kind=kind,
        experiments=(experiment,),
        statistic=statistic,
        source="simulated, scored by theory",
        expect=expect,
    )


def _excess_checks(label: str, kind: str, effect: float) -> Iterator[Check]:
    """The curve; coarser where the known remainder is large, and where data sets are."""
    name = f"scaling/{label}-{kind}"
    names = ("half", "full", "none") if label == "halved" else ("best", f"{FIXED_WEIGHT:g}", "full")

    def excess(k, place):
        curve = scaling_path(name)
        size, weights = curve.points[k]
        weight = weights[place]
        value, remainder = _value(curve, weight, size)
        if label in _GLOBAL:
            spread, skewness = expansion_law(curve, weight, size)
        else:
            spread, skewness = quadratic_law(curve, size, {weight: 1.0})
        return Expectation(
            theory=value,
            std=1.1 * spread,
            allowance=remainder,
            discrepancy=max(_COARSER.get(size, 1.25) * effect * value, 3 * remainder),
            skewness=skewness,
            claim=f"excess risk at N = {size}, weight {weight:.3g}",
        )

    for k, size in enumerate(POINTS[kind]):
        for place, weight in enumerate(names[:1] if kind == "farther" else names):
            yield _check(
                f"S1.excess{size}-{weight}.scaling.{label}",
                f"excess risk at N = {size}, weight {weight}",
                name,
                ("excess", len(names) * k + place),
                partial(excess, k, place),
            )


def _gradient_checks(label: str) -> Iterator[Check]:
    """A, C and D + S/N as means of products of gradients: exact but for a fitted covariance."""
    curved = label in _FITTED

    def product(statistic, k, what):
        curve = path(label, "gradient")
        law, (size, (best,)) = curve.parts.law, curve.points[k]
        aug = float(law.D + law.S / size)
        scale = math.sqrt(float(law.A) * aug)
        bend = float(law.A - 2 * law.C) + aug
        edge = {0.0: 4 * best - 3.0, 0.5: 4.0 - 8 * best, 1.0: 4 * best - 1.0}
        value, coefficients, unit = {
            "over": (float(law.A), {0.0: 2.0}, float(law.A)),
            "cross": (float(law.C), {0.5: 4.0, 0.0: -1.0, 1.0: -1.0}, scale),
            "aug": (aug, {1.0: 2.0}, aug),
            "edge": (_rounded(best * bend - float(law.A - law.C), best * bend), edge, best * bend),
        }[statistic]
        std, skewness = quadratic_law(curve, size, coefficients)
        std *= 1.05
        remainder = _next_order(curve, 0.0, size) * unit / _PARAMETERS if curved else 0.0
        closest = _RESOLVED * std if statistic == "edge" else 0.0
        return Expectation(
            theory=value,
            std=std,
            allowance=remainder,
            discrepancy=max(0.1 * unit, closest + remainder),
            skewness=skewness,
            claim=f"at weight {best:.3g} {what}" if statistic == "edge" else "",
        )

    for k, size in enumerate(POINTS["gradient"]):
        for name, index, what in (
            ("S1.over", None, "A is"),
            ("S1.cross", k, "C is"),
            ("S1.aug", k, f"D + S/{size} is"),
            ("S1.edge", k, "nothing is left of"),
        ):
            statistic = name.removeprefix("S1.")
            if (statistic == "over" and k) or (statistic == "edge" and label in _GLOBAL):
                continue
            claim = f"{what} the mean product of the gradient's parts at the balanced optimum"
            yield _check(
                f"{name}{size}.scaling.{label}",
                claim,
                f"scaling/{label}-gradient",
                (statistic, index),
                partial(product, statistic, k, claim),
                "asymptotic" if curved else "exact",
            )


def _rounded(value: float, unit: float) -> float:
    """A difference of equal numbers without what rounding leaves of it: 0 for the right law."""
    return round(value / unit, 9) * unit if unit else value


def _turning_checks(label: str) -> Iterator[Check]:
    """The best weight by simulation, the curvature there, and both sides of the turning point."""
    name, (small, size) = f"scaling/{label}-curve", POINTS["curve"]

    def change(where, place, verb):
        curve = path(label, "curve")
        weight, none = curve.flat[place], curve.points[-1][1][-1]
        law = curve.parts.law
        value = _value(curve, weight, where)[0] - _value(curve, none, size)[0]
        bend = float(law.A - 2 * law.C + law.D + law.S / where)
        moved = 2 * weight * abs(float(law.A - law.C)) + weight**2 * bend
        spread, skewness = quadratic_law(curve, where, {weight: 1.0, none: -1.0})
        if label in _GLOBAL:  # the full form's noise is the larger, in both parts
            full = curve.predicted(weight, where)
            spread *= float(full.excess.variance / full.small_variance)
        return Expectation(
            theory=value,
            std=1.1 * spread,
            allowance=_next_order(curve, none, size) * moved / 2,
            discrepancy=abs(value),
            skewness=skewness,
            claim=f"weight {weight:.3g} {verb}: change of the excess risk from weight 0",
        )

    # places of weights: at the first size best, fixed, full; at the second these and beyond
    rows = [("S1.gain", size, 3, "best", "helps"), ("S1.harm", small, 1, "fixed", "hurts")]
    if label in _GLOBAL:
        rows = [("S1.harm", size, 4, "fixed", "hurts")]  # any weight does
    elif label in _TURNING:
        rows[1] = ("S1.harm", size, 6, "large", "hurts")
    for check_name, where, place, weight, verb in rows:
        yield _check(
            f"{check_name}{where}.scaling.{label}",
            f"the {weight} weight {verb}: change of the excess risk from weight 0",
            name,
            ("change", place),
            partial(change, where, place, verb),
        )
    if label in _GLOBAL:
        return

    def vertex():
        """A vertex elsewhere tilts the chord between two weights about the best one."""
        curve = path(label, "curve")
        best, *_, low, high, _ = curve.points[-1][1]
        above, middle, below = (_value(curve, weight, size)[0] for weight in (high, best, low))
        bend = (above - 2 * middle + below) / (high - best) ** 2
        tilt = 2 * (high - best) * bend * best
        std, skewness = quadratic_law(curve, size, {high: 1.0, low: -1.0})
        std *= 1.1
        remainder = _next_order(curve, best, size) * tilt / 4
        return Expectation(
            theory=_rounded(above - below, tilt),
            std=std,
            allowance=remainder,
            discrepancy=max(0.2 * tilt, remainder + _RESOLVED * std),
            skewness=skewness,
            claim=f"the excess at {high:.3g} less that at {low:.3g}: its minimum is at {best:.3g}",
        )

    yield _check(
        f"S1.vertex{size}.scaling.{label}",
        "the excess at two weights about the best one, one less the other: its minimum is there",
        name,
        ("across", 0),
        vertex,
    )


def _floor_checks(label: str, effect: float) -> Iterator[Check]:
    """S3: at ten synthetic samples per real one the excess is near its floor, and that is 1/n."""
    claim = "n times the excess at N = 10 n"

    def scaled(factor):
        curve = floor_path(label, factor)
        ((size, (weight,)),) = curve.points
        value, remainder = _value(curve, weight, size)
        n = curve.sizes[0]
        std, skewness = quadratic_law(curve, size, {weight: 1.0})
        return Expectation(
            theory=n * value,
            std=1.1 * n * std,
            allowance=n * remainder,
            discrepancy=1.25 * effect * n * value,
            skewness=skewness,
            claim=f"{claim}, {curve.law.floor / value:.0%} of it floor",
        )

    for factor in (1, _FLOOR_FACTOR):
        yield _check(
            f"S3.floor{FLOOR_SIZES[0] * factor}.scaling.{label}",
            claim,
            f"scaling/{label}-floor{factor}",
            ("scaled", 0),
            partial(scaled, factor),
        )


def scaling_path(experiment_name: str) -> Path:
    """The path of an experiment by its name.

    Args:
        experiment_name: as ``suite/name``.
    """
    label, _, kind = experiment_name.split("/")[1].rpartition("-")
    if label == "halved":
        return halved_path()
    if kind.startswith("floor"):
        return floor_path(label, int(kind.removeprefix("floor")))
    return path(label, kind)


def scaling_checks(profile: str, labels: Sequence[str] = LABELS) -> Iterator[Check]:
    """Every check of the scaling suite, or the curves of some generators.

    Args:
        profile: "quick" or "full".
        labels: generators.
    """
    effect = PROFILES[profile]
    for label in labels:
        yield from _gradient_checks(label)
        yield from _excess_checks(label, "curve", effect)
        yield from _turning_checks(label)
        yield from _excess_checks(label, "far", effect)
        if label in _FARTHER[profile]:
            yield from _excess_checks(label, "farther", effect)
    if labels is LABELS:
        yield from _excess_checks("halved", "case", effect)
    for label in _FITTED if labels is LABELS else ():
        yield from _floor_checks(label, effect)
