"""The checks of S2 and S3 in the sequence model, built from theory before anything is simulated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.claims.risk import PROFILES
from synthetic_oversampling.simulate.experiments.sequences import (
    BETAS,
    DESIGN,
    FAMILIES,
    RANGE,
    SEEDS,
)
from synthetic_oversampling.theory.scaling.sequence_limits import (
    classification_excess,
    linear_floor,
    pinsker_minimax,
    smoothed_risk,
)
from synthetic_oversampling.theory.scaling.sequence_model import (
    BestScale,
    Filter,
    Signal,
    best_scale,
    design_bias,
    design_level,
    filter_risk,
    truncation_bound,
)
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["SUITE_NAME", "nonparametric_checks"]

SUITE_NAME = "sequence"
_LARGE = (50.0, 100.0, 200.0)  # scales at which sums are compared with their limits
_COUNT = 6000


def _spread(mean: np.ndarray, variance: np.ndarray) -> float:
    """Standard deviation of a sum of squares of independent normal variables, exactly."""
    return math.sqrt(float(np.sum(2 * variance**2 + 4 * mean**2 * variance)))


def _exact(name, claim, kind, theory, observed, discrepancy) -> Check:
    return Check(
        id=f"{name}",
        claim=claim,
        kind=kind,
        statistic=("sum", None),
        theory=float(theory),
        discrepancy=float(discrepancy),
        observed=float(observed),
        source="second route",
    )


def _each() -> Iterator[tuple[int, float, str]]:
    cells = [(beta, family) for beta in BETAS for family in FAMILIES]
    for index, (beta, family) in enumerate(cells):
        yield index, beta, family


# --- S2: whole designs ------------------------------------------------------------------------
def _design_checks(effect: float) -> Iterator[Check]:
    """Every row of an imbalanced design drawn: risk of each filter, noise level, and bias."""
    experiment = (f"{SUITE_NAME}/design",)
    level, bias = design_level(DESIGN.design), design_bias(DESIGN.design, DESIGN.shifts)
    for index, beta, family in _each():
        signal, weights = DESIGN.signal(beta), DESIGN.weights(family)
        theta = signal.coordinates(DESIGN.coordinates)
        value = filter_risk(signal, weights, level, bias)
        std = _spread(weights * bias - (1 - weights) * theta, weights**2 * level)
        yield Check(
            id=f"S2.squared.{SUITE_NAME}.{family}-{beta:g}",
            claim="squared error of a filter under an imbalanced design with a biased generator",
            kind="exact",
            experiments=experiment,
            statistic=("squared", index),
            theory=value,
            std=std,
            discrepancy=0.5 * effect * value,
            source="simulated, scored by theory",
        )
    size = float(DESIGN.direction @ bias)
    yield Check(
        id=f"S2.bias.{SUITE_NAME}.design",
        claim="generators' biases enter by their synthetic weights c_g",
        kind="exact",
        experiments=experiment,
        statistic=("bias", None),
        theory=size,
        std=math.sqrt(level),
        discrepancy=0.25 * effect * abs(size),
        source="simulated and scored independently",
    )
    yield Check(
        id=f"S2.level.{SUITE_NAME}.design",
        claim="sizes enter by (1-a)^2/n_max + a^2/N alone",
        kind="exact",
        experiments=experiment,
        statistic=("level", None),
        theory=level,
        std=level * math.sqrt(2 / DESIGN.coordinates),
        discrepancy=0.5 * effect * level,
        source="simulated and scored independently",
    )


# --- S2: a range of sizes ---------------------------------------------------------------------
def _range_checks(effect: float) -> Iterator[Check]:
    """Exponents fitted to simulated risks, and classification to second order."""
    experiment = (f"{SUITE_NAME}/range",)
    levels = len(RANGE.scales)
    for index, beta, family in _each():
        signal = Signal(1.0, beta)
        theta = signal.coordinates(RANGE.coordinates)
        table = RANGE.table(family, beta)
        weights = RANGE.slope_weights(beta)
        risks = np.array([filter_risk(signal, own, level) for level, own in table])
        variance = np.array([own**2 * level for level, own in table])
        mean = np.array([-(1 - own) * theta for _, own in table])
        # the slope of log risk, to first order in each mean's relative error, shares one draw
        pull = weights / risks
        roots = np.sqrt(variance)
        quadratic, linear = pull @ variance, 2 * pull @ (mean * roots)
        std = math.sqrt(float(np.sum(2 * quadratic**2 + linear**2)))
        # finite range: the risk is below its power law by a share 1 / (2 K) of it at most
        span = float(np.ptp(RANGE.places(beta)))
        allowance = 1.0 / (2 * RANGE.scales[0]) / span
        yield Check(
            id=f"S2.slope.{SUITE_NAME}.{family}-{beta:g}",
            claim=f"exponent fitted to simulated risks over {math.exp(span):.3g}-fold noise levels",
            kind="rate",
            experiments=experiment,
            statistic=("slope", index),
            theory=float(FORMULAS["S2.exponent"].numpy(smoothness=beta)),
            std=std,
            allowance=allowance,
            discrepancy=0.1,
            source="simulated, scored by theory",
        )
        for place in (0, levels - 2):
            level, own = table[place]
            lead, following = classification_excess(signal, own, level)
            cell = index * levels + place
            share = float(FORMULAS["S2.classification"].numpy(Delta=signal.distance, leakage=1.0))
            size = lead / share / signal.distance**2  # of the squared angle
            third = 3 * lead * size**2
            std = share * _spread(mean[place], variance[place])
            yield Check(
                id=f"S2.excess.{SUITE_NAME}.{family}-{beta:g}-K{RANGE.scales[place]:g}",
                claim="excess classification error is phi(Delta)/(2 Delta) times the squared "
                "leakage, and the next order",
                kind="asymptotic",
                experiments=experiment,
                statistic=("excess", cell),
                theory=lead + following,
                std=1.3 * std,
                allowance=third,
                discrepancy=max(effect * lead, 2 * third),
                source="simulated, scored by theory",
            )
            if abs(following) < 0.02 * lead or family != "cut-off":
                continue
            swing = 2 * math.sqrt(level) / signal.distance
            std = 1.2 * lead * (swing + size)
            yield Check(
                id=f"S2.deviation.{SUITE_NAME}.{family}-{beta:g}-K{RANGE.scales[place]:g}",
                claim="what the leading order of the classification error leaves out, as predicted",
                kind="asymptotic",
                experiments=experiment,
                statistic=("rest", cell),
                theory=following,
                std=std,
                allowance=third,
                discrepancy=max(2 * effect * abs(following), 3 * third),
                source="simulated, scored by theory",
            )


# --- S2: sums against their limits ------------------------------------------------------------
def _at_scale(family: Filter, beta: float, scale: float, signal: Signal) -> tuple[float, BestScale]:
    noise, bias = family.constants(beta)
    level = 2 * beta * bias / (noise * scale ** (2 * beta + 1))
    return level, best_scale(family, signal, level, _COUNT)


def extrapolated_slope(family: Filter, beta: float) -> float:
    """Slope of log best risk at small noise: two local slopes, extrapolated in one over K."""
    signal = Signal(1.0, beta)
    points = [_at_scale(family, beta, scale, signal) for scale in _LARGE]
    logs = [(math.log(level), math.log(best.risk)) for level, best in points]
    first, second = ((b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(logs, logs[1:], strict=False))
    return 2 * second - first


def _limit_checks() -> Iterator[Check]:
    for _, beta, name in _each():
        family, signal = FAMILIES[name], Signal(1.0, beta)
        level, best = _at_scale(family, beta, _LARGE[-1], signal)
        yield _exact(
            f"S2.exponent.{SUITE_NAME}.{name}-{beta:g}",
            f"local slope of the exact sums at scales {_LARGE[0]:g} to {_LARGE[-1]:g}, "
            "extrapolated", "rate", family.exponent(beta), extrapolated_slope(family, beta), 0.005,
        )  # fmt: skip
        yield _exact(
            f"S2.constant.{SUITE_NAME}.{name}-{beta:g}",
            "exact sum at the best scale, by a search, against its closed form", "asymptotic",
            best.risk_limit, best.risk, 2.0 / _LARGE[-1] * best.risk,
        )  # fmt: skip
        yield _exact(
            f"S2.scale.{SUITE_NAME}.{name}-{beta:g}", "best scale against its closed form",
            "asymptotic", best.scale_limit, best.scale, 0.02 * best.scale,
        )  # fmt: skip
        if name != "tikhonov":  # the others end by themselves
            continue
        scale = RANGE.scales[-1]
        level = scale ** -(2 * beta + 1)
        bound = truncation_bound(family, signal, level, 1.5 * scale, RANGE.coordinates)
        yield _exact(
            f"S2.truncation.{SUITE_NAME}.{name}-{beta:g}",
            "ending a filter where the simulation does changes its risk by less than 2 %",
            "bound", 0.0, bound, 0.02 * scale * level,
        )  # fmt: skip
    family, signal = Filter("tikhonov", 0.5), Signal(1.0, 2.0)
    levels = (1e-9, 1e-10)
    risks = [best_scale(family, signal, level, 2**18).risk for level in levels]
    yield _exact(
        f"S2.saturation.{SUITE_NAME}.tikhonov", "a filter of qualification 1 at smoothness 2",
        "rate", family.exponent(2.0), math.log(risks[0] / risks[1]) / math.log(10.0), 0.02,
    )  # fmt: skip
    for order in BETAS:
        level = _LARGE[-1] ** -(2 * order + 1)
        best = pinsker_minimax(level, 1.0, order)
        axes = np.arange(1.0, _COUNT + 1) ** order
        whole = np.append(best.weights, np.zeros(_COUNT - len(best.weights)))
        worst = level * np.sum(whole**2) + float(np.max(((1 - whole) / axes) ** 2))
        limit = FORMULAS["S2.pinsker_minimax"].numpy(noise_level=level, radius=1.0, order=order)
        yield _exact(
            f"S2.minimax.{SUITE_NAME}.pinsker-{order:g}",
            "worst risk of Pinsker's weights over the ellipsoid, by a search, against his constant",
            "asymptotic", float(limit), worst, 2.0 / _LARGE[-1] * worst,
        )  # fmt: skip
    shares = []
    for scale in _LARGE[1:]:
        own = Signal(1.0, 0.5)
        lead, following = classification_excess(own, np.ones(int(scale)), scale**-2.0)
        shares.append((math.log(lead), math.log(following / lead)))
    slope = (shares[1][1] - shares[0][1]) / (shares[1][0] - shares[0][0])
    yield _exact(
        f"S2.decay.{SUITE_NAME}.cut-off-0.5",
        "the share that the leading order leaves out falls like the excess itself", "rate", 1.0,
        slope, 0.05,
    )  # fmt: skip


# --- S3 -----------------------------------------------------------------------------------------
def _seed_checks(effect: float) -> Iterator[Check]:
    experiment, index = (f"{SUITE_NAME}/seeds",), 0
    for beta in BETAS:
        signal, cutoff = Signal(1.0, beta), SEEDS.cutoff(beta)
        keep = np.ones(cutoff)
        for share in SEEDS.shares:
            for size in SEEDS.sizes:
                value = smoothed_risk(
                    signal, keep, keep, seeds=SEEDS.seeds, size=size, weight=share
                )
                noise = (1 / SEEDS.seeds + share**2 / size) / SEEDS.groups
                yield Check(
                    id=f"S3.squared.{SUITE_NAME}.{beta:g}-a{share:g}-N{size}",
                    claim="squared error with a generator that smooths its seeds",
                    kind="exact",
                    experiments=experiment,
                    statistic=("squared", index),
                    theory=value,
                    std=_spread(np.zeros(cutoff), noise * keep),
                    discrepancy=0.5 * effect * value,
                    source="simulated, scored by theory",
                )
                index += 1
        level = _LARGE[-1] ** -(2 * beta + 1)
        best = best_scale(FAMILIES["cut-off"], signal, level, _COUNT)
        floor = linear_floor(signal, level)
        yield _exact(
            f"S3.floor.{SUITE_NAME}.{beta:g}",
            "least risk of any linear use of the seeds, against the best cut-off's closed form",
            "asymptotic",
            best.risk_limit * float(FORMULAS["S3.linear_share"].numpy(smoothness=beta)), floor,
            2.0 / _LARGE[-1] * floor,
        )  # fmt: skip
        slope = math.log(linear_floor(signal, 2 * level) / floor) / math.log(2.0)
        yield _exact(
            f"S3.exponent.{SUITE_NAME}.{beta:g}", "the floor falls at the seeds' own rate", "rate",
            FORMULAS["S2.exponent"].numpy(smoothness=beta), slope, 0.01,
        )  # fmt: skip
        seeds = 1.0 / (2.0 * level)
        last = smoothed_risk(signal, np.ones(int(best.scale)), np.ones(int(best.scale)),
                             seeds=seeds, size=math.inf, weight=1.0)  # fmt: skip
        twice = best.scale / (2.0 * last)  # noise K / (G N) equal to what the seeds leave
        yield _exact(
            f"S3.crossover.{SUITE_NAME}.{beta:g}",
            "synthetic size that leaves twice the floor, from the exact sum", "asymptotic",
            FORMULAS["S3.smooth_crossover"].numpy(seeds=seeds, smoothness=beta), twice,
            2.0 / _LARGE[-1] * twice,
        )  # fmt: skip


def nonparametric_checks(profile: str) -> Iterator[Check]:
    """Every check of the sequence model."""
    effect = PROFILES[profile]
    yield from _design_checks(effect)
    yield from _range_checks(effect)
    yield from _limit_checks()
    yield from _seed_checks(effect)
