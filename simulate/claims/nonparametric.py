"""The checks of S2 and S3 in the sequence model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation, Kind
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

SUITE_NAME = "sequence"  # name of the suite of these checks
_LARGE = (50.0, 100.0, 200.0)  # scales at which sums are compared with their limits
_COUNT = 6000


def _spread(mean: np.ndarray, variance: np.ndarray) -> float:
    """Standard deviation of a sum of squares of independent normal variables, exactly."""
    return math.sqrt(float(np.sum(2 * variance**2 + 4 * mean**2 * variance)))


def _exact(id: str, claim: str, kind: Kind, expect: Callable[[], Expectation]) -> Check:
    return Check(
        id=id,
        claim=claim,
        kind=kind,
        statistic=("sum", None),
        source="second route",
        expect=expect,
    )


def _each() -> Iterator[tuple[int, float, str]]:
    cells = [(beta, family) for beta in BETAS for family in FAMILIES]
    for index, (beta, family) in enumerate(cells):
        yield index, beta, family


# --- S2: whole designs ------------------------------------------------------------------------
def _design_checks(effect: float) -> Iterator[Check]:
    """Every row of an imbalanced design drawn: risk of each filter, noise level, and bias."""
    experiment = (f"{SUITE_NAME}/design",)

    @cache
    def noise():
        return design_level(DESIGN.design), design_bias(DESIGN.design, DESIGN.shifts)

    def squared(family, beta):
        level, bias = noise()
        signal, weights = DESIGN.signal(beta), DESIGN.weights(family)
        theta = signal.coordinates(DESIGN.coordinates)
        value = filter_risk(signal, weights, level, bias)
        std = _spread(weights * bias - (1 - weights) * theta, weights**2 * level)
        return Expectation(theory=value, std=std, discrepancy=0.5 * effect * value)

    for index, beta, family in _each():
        yield Check(
            id=f"S2.squared.{SUITE_NAME}.{family}-{beta:g}",
            claim="squared error of a filter under an imbalanced design with a biased generator",
            kind="exact",
            experiments=experiment,
            statistic=("squared", index),
            source="simulated, scored by theory",
            expect=partial(squared, family, beta),
        )

    def biased():
        level, bias = noise()
        size = float(DESIGN.direction @ bias)
        return Expectation(theory=size, std=math.sqrt(level), discrepancy=0.25 * effect * abs(size))

    yield Check(
        id=f"S2.bias.{SUITE_NAME}.design",
        claim="generators' biases enter by their synthetic weights c_g",
        kind="exact",
        experiments=experiment,
        statistic=("bias", None),
        source="simulated and scored independently",
        expect=biased,
    )

    def level():
        value, _ = noise()
        std = value * math.sqrt(2 / DESIGN.coordinates)
        return Expectation(theory=value, std=std, discrepancy=0.5 * effect * value)

    yield Check(
        id=f"S2.level.{SUITE_NAME}.design",
        claim="sizes enter by (1-a)^2/n_max + a^2/N alone",
        kind="exact",
        experiments=experiment,
        statistic=("level", None),
        source="simulated and scored independently",
        expect=level,
    )


# --- S2: a range of sizes ---------------------------------------------------------------------
def _range_checks(effect: float) -> Iterator[Check]:
    """Exponents fitted to simulated risks, and classification to second order."""
    for index, beta, family in _each():
        yield from _range_of(index, beta, family, effect)


def _range_of(index: int, beta: float, family: str, effect: float) -> Iterator[Check]:
    experiment = (f"{SUITE_NAME}/range",)
    levels = len(RANGE.scales)
    signal = Signal(1.0, beta)

    @cache
    def parts():
        """Noise levels and weights, and mean and variance of every coordinate's error."""
        table = RANGE.table(family, beta)
        theta = signal.coordinates(RANGE.coordinates)
        variance = np.array([excess**2 * level for level, excess in table])
        mean = np.array([-(1 - excess) * theta for _, excess in table])
        return table, mean, variance

    span = float(np.ptp(RANGE.places(beta)))

    def slope():
        table, mean, variance = parts()
        risks = np.array([filter_risk(signal, excess, level) for level, excess in table])
        # the slope of log risk, to first order in each mean's relative error, shares one draw
        pull = RANGE.slope_weights(beta) / risks
        roots = np.sqrt(variance)
        quadratic, linear = pull @ variance, 2 * pull @ (mean * roots)
        return Expectation(
            theory=FORMULAS["S2.exponent"].numpy(smoothness=beta),
            std=math.sqrt(float(np.sum(2 * quadratic**2 + linear**2))),
            # finite range: the risk is below its power law by a share 1 / (2 K) of it at most
            allowance=1.0 / (2 * RANGE.scales[0]) / span,
            discrepancy=0.1,
        )

    yield Check(
        id=f"S2.slope.{SUITE_NAME}.{family}-{beta:g}",
        claim=f"exponent fitted to simulated risks over {math.exp(span):.3g}-fold noise levels",
        kind="rate",
        experiments=experiment,
        statistic=("slope", index),
        source="simulated, scored by theory",
        expect=slope,
    )

    @cache
    def orders(place):
        """Leading order and the next, the squared angle's size, and the third order."""
        level, excess = parts()[0][place]
        lead, following = classification_excess(signal, excess, level)
        share = float(FORMULAS["S2.classification"].numpy(Delta=signal.distance, leakage=1.0))
        size = lead / share / signal.distance**2  # of the squared angle
        return lead, following, size, 3 * lead * size**2

    def excess(place):
        (lead, following, _, third), (_, mean, variance) = orders(place), parts()
        share = float(FORMULAS["S2.classification"].numpy(Delta=signal.distance, leakage=1.0))
        return Expectation(
            theory=lead + following,
            std=1.3 * (share * _spread(mean[place], variance[place])),
            allowance=third,
            discrepancy=max(effect * lead, 2 * third),
        )

    def deviation(place):
        lead, following, size, third = orders(place)
        swing = 2 * math.sqrt(parts()[0][place][0]) / signal.distance
        return Expectation(
            theory=following,
            std=1.2 * lead * (swing + size),
            allowance=third,
            discrepancy=max(2 * effect * abs(following), 3 * third),
        )

    def deviates(place):
        lead, following, *_ = orders(place)
        return not abs(following) < 0.02 * lead

    for place in (0, levels - 2):
        label = f"{family}-{beta:g}-K{RANGE.scales[place]:g}"
        yield Check(
            id=f"S2.excess.{SUITE_NAME}.{label}",
            claim="excess classification error is phi(Delta)/(2 Delta) times the squared "
            "leakage, and the next order",
            kind="asymptotic",
            experiments=experiment,
            statistic=("excess", index * levels + place),
            source="simulated, scored by theory",
            expect=partial(excess, place),
        )
        if family != "cut-off":
            continue
        yield Check(
            id=f"S2.deviation.{SUITE_NAME}.{label}",
            claim="what the leading order of the classification error leaves out, as predicted",
            kind="asymptotic",
            experiments=experiment,
            statistic=("rest", index * levels + place),
            source="simulated, scored by theory",
            expect=partial(deviation, place),
            applies=partial(deviates, place),
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
        yield from _limits_of(beta, name)

    def saturation():
        family, signal = Filter("tikhonov", 0.5), Signal(1.0, 2.0)
        risks = [best_scale(family, signal, level, 2**18).risk for level in (1e-9, 1e-10)]
        return Expectation(
            theory=family.exponent(2.0),
            discrepancy=0.02,
            observed=math.log(risks[0] / risks[1]) / math.log(10.0),
        )

    yield _exact(
        f"S2.saturation.{SUITE_NAME}.tikhonov",
        "a filter of qualification 1 at smoothness 2",
        "rate",
        saturation,
    )

    def minimax(order):
        level = _LARGE[-1] ** -(2 * order + 1)
        best = pinsker_minimax(level, 1.0, order)
        axes = np.arange(1.0, _COUNT + 1) ** order
        whole = np.append(best.weights, np.zeros(_COUNT - len(best.weights)))
        worst = level * np.sum(whole**2) + float(np.max(((1 - whole) / axes) ** 2))
        limit = FORMULAS["S2.pinsker_minimax"].numpy(noise_level=level, radius=1.0, order=order)
        return Expectation(theory=limit, discrepancy=2.0 / _LARGE[-1] * worst, observed=worst)

    for order in BETAS:
        yield _exact(
            f"S2.minimax.{SUITE_NAME}.pinsker-{order:g}",
            "worst risk of Pinsker's weights over the ellipsoid, by a search, against his constant",
            "asymptotic",
            partial(minimax, order),
        )

    def decay():
        shares = []
        for scale in _LARGE[1:]:
            signal = Signal(1.0, 0.5)
            lead, following = classification_excess(signal, np.ones(int(scale)), scale**-2.0)
            shares.append((math.log(lead), math.log(following / lead)))
        slope = (shares[1][1] - shares[0][1]) / (shares[1][0] - shares[0][0])
        return Expectation(theory=1.0, discrepancy=0.05, observed=slope)

    yield _exact(
        f"S2.decay.{SUITE_NAME}.cut-off-0.5",
        "the share that the leading order leaves out falls like the excess itself",
        "rate",
        decay,
    )


def _limits_of(beta: float, name: str) -> Iterator[Check]:
    family, signal, label = FAMILIES[name], Signal(1.0, beta), f"{SUITE_NAME}.{name}-{beta:g}"

    @cache
    def best():
        return _at_scale(family, beta, _LARGE[-1], signal)[1]

    yield _exact(
        f"S2.exponent.{label}",
        f"local slope of the exact sums at scales {_LARGE[0]:g} to {_LARGE[-1]:g}, extrapolated",
        "rate",
        lambda: Expectation(
            theory=family.exponent(beta),
            discrepancy=0.005,
            observed=extrapolated_slope(family, beta),
        ),
    )
    yield _exact(
        f"S2.constant.{label}",
        "exact sum at the best scale, by a search, against its closed form",
        "asymptotic",
        lambda: Expectation(
            theory=best().risk_limit,
            discrepancy=2.0 / _LARGE[-1] * best().risk,
            observed=best().risk,
        ),
    )
    yield _exact(
        f"S2.scale.{label}",
        "best scale against its closed form",
        "asymptotic",
        lambda: Expectation(
            theory=best().scale_limit, discrepancy=0.02 * best().scale, observed=best().scale
        ),
    )
    if name != "tikhonov":  # the others end by themselves
        return

    def truncation():
        scale = RANGE.scales[-1]
        level = scale ** -(2 * beta + 1)
        bound = truncation_bound(family, signal, level, 1.5 * scale, RANGE.coordinates)
        return Expectation(theory=0.0, discrepancy=0.02 * scale * level, observed=bound)

    yield _exact(
        f"S2.truncation.{label}",
        "ending a filter where the simulation does changes its risk by less than 2 %",
        "bound",
        truncation,
    )


# --- S3 -----------------------------------------------------------------------------------------
def _seed_checks(effect: float) -> Iterator[Check]:
    for k, beta in enumerate(BETAS):
        yield from _seeds_of(beta, k * len(SEEDS.shares) * len(SEEDS.sizes), effect)


def _seeds_of(beta: float, index: int, effect: float) -> Iterator[Check]:
    """For a smoothness; ``index`` is the place of its first statistic."""
    signal = Signal(1.0, beta)

    def squared(share, size):
        cutoff = SEEDS.cutoff(beta)
        keep = np.ones(cutoff)
        value = smoothed_risk(signal, keep, keep, seeds=SEEDS.seeds, size=size, weight=share)
        noise = (1 / SEEDS.seeds + share**2 / size) / SEEDS.groups
        std = _spread(np.zeros(cutoff), noise * keep)
        return Expectation(theory=value, std=std, discrepancy=0.5 * effect * value)

    pairs = [(share, size) for share in SEEDS.shares for size in SEEDS.sizes]
    for place, (share, size) in enumerate(pairs, start=index):
        yield Check(
            id=f"S3.squared.{SUITE_NAME}.{beta:g}-a{share:g}-N{size}",
            claim="squared error with a generator that smooths its seeds",
            kind="exact",
            experiments=(f"{SUITE_NAME}/seeds",),
            statistic=("squared", place),
            source="simulated, scored by theory",
            expect=partial(squared, share, size),
        )
    level = _LARGE[-1] ** -(2 * beta + 1)

    @cache
    def best():
        return best_scale(FAMILIES["cut-off"], signal, level, _COUNT)

    @cache
    def least():
        return linear_floor(signal, level)

    def floor():
        stated = best().risk_limit * float(FORMULAS["S3.linear_share"].numpy(smoothness=beta))
        return Expectation(theory=stated, discrepancy=2.0 / _LARGE[-1] * least(), observed=least())

    yield _exact(
        f"S3.floor.{SUITE_NAME}.{beta:g}",
        "least risk of any linear use of the seeds, against the best cut-off's closed form",
        "asymptotic",
        floor,
    )

    def exponent():
        slope = math.log(linear_floor(signal, 2 * level) / least()) / math.log(2.0)
        stated = FORMULAS["S2.exponent"].numpy(smoothness=beta)
        return Expectation(theory=stated, discrepancy=0.01, observed=slope)

    yield _exact(
        f"S3.exponent.{SUITE_NAME}.{beta:g}",
        "the floor falls at the seeds' own rate",
        "rate",
        exponent,
    )

    def crossover():
        seeds = 1.0 / (2.0 * level)
        last = smoothed_risk(
            signal,
            np.ones(int(best().scale)),
            np.ones(int(best().scale)),
            seeds=seeds,
            size=math.inf,
            weight=1.0,
        )
        twice = best().scale / (2.0 * last)  # noise K / (G N) equal to what the seeds leave
        stated = FORMULAS["S3.smooth_crossover"].numpy(seeds=seeds, smoothness=beta)
        return Expectation(theory=stated, discrepancy=2.0 / _LARGE[-1] * twice, observed=twice)

    yield _exact(
        f"S3.crossover.{SUITE_NAME}.{beta:g}",
        "synthetic size that leaves twice the floor, from the exact sum",
        "asymptotic",
        crossover,
    )


def nonparametric_checks(profile: str) -> Iterator[Check]:
    """Every check of the sequence model.

    Args:
        profile: "quick" or "full".
    """
    effect = PROFILES[profile]
    yield from _design_checks(effect)
    yield from _range_checks(effect)
    yield from _limit_checks()
    yield from _seed_checks(effect)
