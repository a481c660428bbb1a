"""Theorems S2 and S3 searched for counterexamples, beside wordings that the search refutes."""

from __future__ import annotations

import math

import numpy as np
from refuter import log_uniform, searches
from scipy.special import gamma, zeta
from scipy.stats import norm

from synthetic_oversampling.theory.generators.table import GaussianPlugin, Predictive
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.scaling.moments import law_of_design
from synthetic_oversampling.theory.scaling.sequence_limits import (
    classification_excess,
    linear_floor,
    pinsker_minimax,
    smoothed_risk,
)
from synthetic_oversampling.theory.scaling.sequence_model import (
    Filter,
    Signal,
    best_scale,
    design_level,
    filter_risk,
)
from synthetic_oversampling.theory.theorems.table import FORMULAS

_COUNT = 1 << 15  # coordinates of a sum that is not cut off before


def _order(small: tuple[float, float], smaller: tuple[float, float]) -> float:
    """Order of a gap in a size, from two pairs (size, gap)."""
    if min(small[1], smaller[1]) < 1e-12:
        return math.inf
    return math.log(small[1] / smaller[1]) / math.log(small[0] / smaller[0])


# --- S2 -----------------------------------------------------------------------------------------
def least_level(rng, size=lambda sizes, count: len(sizes) * (max(sizes) + count)) -> float:
    """S2: the least noise level over the weight is 1 / (G (n_max + N))."""
    sizes = tuple(int(n) for n in rng.integers(1, 2000, rng.integers(2, 7)))
    count = int(log_uniform(rng, 1, 1e5))
    best = count / (count + max(sizes))
    tried = [*np.linspace(0, 1, 21), best, 0.999 * best, best + 0.001 * (1 - best)]
    told = [design_level(Design(sizes, count, float(weight))) for weight in tried]
    return abs(min(told) * size(sizes, count) - 1) - 1e-12


def least_level_of_the_smallest_group(rng) -> float:
    """Wrong: the least group counts."""
    return least_level(rng, lambda sizes, count: len(sizes) * (min(sizes) + count))


def sums(rng) -> float:
    """S2: the squared error is the sum over coordinates and a tail, whatever bias and weights."""
    signal = Signal(log_uniform(rng, 1e-2, 1e2), log_uniform(rng, 0.05, 3.0))
    count = int(rng.integers(1, 40))
    weights, bias = rng.uniform(0, 1, count), rng.normal(size=count)
    level = log_uniform(rng, 1e-9, 10.0)
    k = np.arange(1, count + 1)
    theta = signal.amplitude * k ** -(signal.smoothness + 0.5)
    whole = signal.amplitude**2 * zeta(2 * signal.smoothness + 1)
    mean, total = weights * (theta + bias), whole - float(theta @ theta)
    total += float(np.sum((mean - theta) ** 2) + level * np.sum(weights**2))
    return abs(filter_risk(signal, weights, level, bias) / total - 1) - 1e-9


def _filters(rng) -> tuple[Filter, Signal, float]:
    """A filter, a signal, and how far its smoothness is below or above the qualification."""
    kind = ("cut-off", "tikhonov", "pinsker")[rng.integers(3)]
    order = float(rng.uniform(0.6, 2.0))
    family = Filter(kind, order) if kind != "cut-off" else Filter(kind)
    most = min(family.qualification, 2.0)
    smoothness = float(rng.uniform(0.25, 0.95) * most)
    return family, Signal(log_uniform(rng, 0.2, 3.0), smoothness), family.qualification - smoothness


def _limits(family: Filter, signal: Signal, scale: float) -> tuple[float, float]:
    """Scale and relative gap between the exact risk at the best scale and its limit: the largest
    of a few, for the gap may change its sign."""
    at = []
    for factor in (1.0, 1.17, 1.31):
        noise, curve = family.constants(signal.smoothness)
        power = 2 * signal.smoothness + 1
        level = 2 * signal.amplitude**2 * curve * signal.smoothness / noise
        level /= (factor * scale) ** power
        found = best_scale(family, signal, level, count=_COUNT)
        at.append(abs(found.risk / found.risk_limit - 1))
    return 1 / scale, max(at)


def remainder(rng, rate=lambda gap: min(1.0, 2 * gap)) -> float:
    """S2: the limits miss the sums by a relative order of K^{-1}, or K^{-2 (q - beta)}."""
    family, signal, gap = _filters(rng)
    stated = rate(gap)
    found = _order(_limits(family, signal, 40.0), _limits(family, signal, 400.0))
    return stated - 0.25 - found


def remainder_without_qualification(rng) -> float:
    """S2 as it was worded: of relative order 1/K, however near the qualification is."""
    return remainder(rng, lambda gap: 1.0)


def exponent(rng, told=lambda family, beta: family.exponent(beta)) -> float:
    """S2: the exponents of all filters, on both sides of their qualification."""
    kind = ("tikhonov", "pinsker")[rng.integers(2)]
    family = Filter(kind, float(rng.uniform(0.5, 0.9) if kind == "tikhonov" else 1.2))
    low, high = 0.3 * family.qualification, family.qualification + 0.7
    beta = float(
        (rng.uniform(low, family.qualification - 0.6), rng.uniform(high, 4.0))[rng.integers(2)]
    )
    signal = Signal(log_uniform(rng, 0.3, 3.0), max(beta, 0.2))
    power = 2 * min(signal.smoothness, family.qualification) + 1
    levels = np.array([60.0, 600.0]) ** -power
    risks = [best_scale(family, signal, float(v), count=_COUNT).risk for v in levels]
    seen = math.log(risks[0] / risks[1]) / math.log(levels[0] / levels[1])
    return abs(seen - told(family, signal.smoothness)) - 0.02


def exponent_without_qualification(rng) -> float:
    """Wrong: every filter has the exponent of the smoothness."""
    return exponent(rng, lambda family, beta: 2 * beta / (2 * beta + 1))


def minimax(rng, bound=lambda v, q, b: pinsker_minimax(v, q, b).risk) -> float:
    """S2: no linear weights have a smaller worst error over an ellipsoid; Pinsker's have that."""
    v, q, b = log_uniform(rng, 1e-5, 1.0), log_uniform(rng, 0.1, 10.0), log_uniform(rng, 0.3, 3.0)
    best, told = pinsker_minimax(v, q, b), bound(v, q, b)

    def worst(weights):
        missed = np.append(1 - weights, 1.0) ** 2
        return v * float(weights @ weights) + q * float(
            np.max(missed / np.arange(1, len(missed) + 1) ** (2 * b))
        )

    count = len(best.weights)
    rivals = [best.weights, rng.uniform(0, 1, count), np.full(count, rng.uniform(0, 1))]
    for size in (1e-3, 0.1):
        rivals.append(np.clip(best.weights + size * rng.normal(size=count), 0, 1))
    rivals += [(1 - (np.arange(1, 99) / (f * best.scale)) ** b).clip(0) for f in (0.8, 0.99, 1.05)]
    least = min(worst(one) for one in rivals)
    return max(told / least - 1, abs(told / worst(best.weights) - 1)) - 1e-9


def minimax_by_its_limit(rng) -> float:
    """Wrong: Pinsker's limit for a small level as the value at every level."""
    formula = FORMULAS["S2.pinsker_minimax"]
    return minimax(rng, lambda v, q, b: float(formula.numpy(noise_level=v, radius=q, order=b)))


def classification(rng, factor: float = 1.0, least: float = 2.25) -> float:
    """S2: the excess error of a rule, up to a remainder of order 5/2 in its squared error.

    Without noise the error of a rule is known; the deviation is along theta and across it, and
    the signal so smooth that none is beyond the rule.
    """
    count = int(rng.integers(5, 9))
    signal = Signal(log_uniform(rng, 0.5, 2.0), float(rng.uniform(12, 20)))
    theta = signal.coordinates(count)
    across = rng.normal(size=count) * np.linalg.norm(theta)
    way, distance, pairs = across + rng.normal() * theta, signal.distance, []
    for sizes in ((0.02, -0.02), (0.005, -0.005)):  # both: a remainder may change its sign
        gaps = []
        for size in sizes:
            mean = theta + size * way
            told = sum(classification_excess(signal, np.ones(count), 0.0, size * way))
            cosine = float(mean @ theta) / float(np.linalg.norm(mean))
            exact = norm.cdf(-cosine) - norm.cdf(-distance)
            gaps.append(abs(exact - factor * told))
        pairs.append((sizes[0] ** 2, max(gaps)))
    return least - _order(*pairs)


# --- S3 -----------------------------------------------------------------------------------------
def linear_use(rng, bound=linear_floor) -> float:
    """S3: no linear use of the seeds, however smoothed, weighted and filtered, beats the floor."""
    signal = Signal(log_uniform(rng, 0.1, 5.0), log_uniform(rng, 0.3, 2.0))
    groups, seeds, count = int(rng.integers(2, 6)), int(log_uniform(rng, 2, 1e4)), 400
    level = 1 / (groups * seeds)
    theta = signal.coordinates(count) ** 2
    weight = float(rng.choice([0.0, 1.0, rng.uniform(0, 1)]))
    smoother = rng.choice([rng.uniform(0, 1), 1.0]) * np.ones(count)
    passed = 1 - weight + weight * smoother
    best = theta / (theta + level) / np.maximum(passed, 1e-9)
    filters = best * rng.choice([1.0, rng.uniform(0.5, 1.5)])
    size = float(rng.choice([math.inf, log_uniform(rng, 1, 1e6)]))
    risk = smoothed_risk(
        signal, filters, smoother, seeds=seeds, size=size, weight=weight, groups=groups
    )
    least = bound(signal, level)
    beyond = signal.tail(1 << 17)  # which the floor counts in full
    return (least - beyond) / risk - 1 - 1e-12


def linear_use_by_the_cut_off(rng) -> float:
    """Wrong: the best cut-off's error as the floor of every linear use."""
    cut = Filter("cut-off")
    return linear_use(rng, lambda signal, level: best_scale(cut, signal, level, _COUNT).risk)


def linear_share(rng, share=lambda u: gamma(1 + u) * gamma(2 - u)) -> float:
    """S3: the share of the best cut-off's error, up to the order 1/K."""
    signal = Signal(log_uniform(rng, 0.3, 3.0), log_uniform(rng, 0.4, 1.5))
    power, pairs = 2 * signal.smoothness + 1, []
    for scale in (30.0, 300.0):
        level = signal.amplitude**2 / scale**power
        k = np.arange(1, 1 << 17)
        square = signal.amplitude**2 * k**-power
        own = float(np.sum(level * square / (level + square))) + signal.tail(len(k))
        cut = float(
            np.min(np.arange(1, len(k)) * level + zeta(power, k[:-1] + 1) * signal.amplitude**2)
        )
        told = linear_floor(signal, level)
        pairs.append((1 / scale, max(abs(own / cut / share(1 / power) - 1), abs(told / own - 1))))
    return 0.7 - _order(*pairs)


def linear_share_by_one_factor(rng) -> float:
    """Wrong: one factor of the two."""
    return linear_share(rng, lambda u: gamma(1 + u))


def _kept(rng):
    """A signal, seeds, the weights of their best cut-off, and the stated crossover."""
    signal = Signal(log_uniform(rng, 0.3, 3.0), log_uniform(rng, 0.3, 1.5))
    power = 2 * signal.smoothness + 1
    seeds = signal.amplitude**-2 * float(rng.uniform(50, 400)) ** power / 2
    cut = best_scale(Filter("cut-off"), signal, 1 / (2 * seeds), _COUNT)
    return signal, seeds, np.ones(int(cut.scale)), 2 * signal.smoothness * seeds / power


def crossover(rng, factor: float = 1.0) -> float:
    """S3: at the crossover the samples' mean has twice the floor, up to the order 1/K."""
    signal, seeds, kept, size = _kept(rng)
    many, few = (
        smoothed_risk(signal, kept, kept, seeds=seeds, size=n, weight=1.0)
        for n in (math.inf, factor * size)
    )
    return abs(few / many - 2) - 2 / len(kept)


def crossover_of_the_best_use(rng) -> float:
    """S3 as it was worded: the same crossover for every linear use, the best one included."""
    signal, seeds, kept, size = _kept(rng)
    square, risks = signal.coordinates(len(kept)) ** 2, []
    for n in (math.inf, size):
        level = (1 / seeds + 1 / n) / 2
        best = square / (square + level)
        risks.append(smoothed_risk(signal, best, kept, seeds=seeds, size=n, weight=1.0))
    return abs(risks[1] / risks[0] - 2) - 2 / len(kept)


def saturation(rng, power: float = 1.0) -> float:
    """S3: the floor of a fitted generator falls as 1/n, its crossover grows as n."""
    gap, generator = rng.uniform(0.5, 1.5), (GaussianPlugin(), Predictive())[rng.integers(2)]
    groups = tuple(GaussianGroup([y * gap], [[rng.uniform(0.4, 1.5)]], y) for y in (0, 1))
    sizes = rng.integers(300, 900, 2)
    laws = [law_of_design(groups, tuple(int(k * n) for n in sizes), generator) for k in (20, 80)]
    floors = abs(laws[0].floor / laws[1].floor / 4**power - 1)
    return max(floors, abs(laws[1].crossover / laws[0].crossover / 4 - 1)) - 0.02


STATEMENTS = {
    "S2 level": (least_level, 200),
    "S2 sums": (sums, 200),
    "S2 remainder": (remainder, 24),
    "S2 exponent": (exponent, 12),
    "S2 minimax": (minimax, 200),
    "S2 classification": (classification, 200),
    "S3 linear use": (linear_use, 100),
    "S3 linear share": (linear_share, 10),
    "S3 crossover": (crossover, 30),
    "S3 saturation": (saturation, 3),
}
REFUTED = {
    "S2 level of the smallest group": least_level_of_the_smallest_group,
    "S2 remainder without qualification": remainder_without_qualification,
    "S2 exponent without qualification": exponent_without_qualification,
    "S2 minimax by its limit": minimax_by_its_limit,
    "S2 classification twice": lambda rng: classification(rng, factor=2.0),
    "S2 classification of third order": lambda rng: classification(rng, least=2.75),
    "S3 linear use by the cut-off": linear_use_by_the_cut_off,
    "S3 share by one factor": linear_share_by_one_factor,
    "S3 crossover at the seeds": lambda rng: crossover(rng, factor=1.4),
    "S3 crossover of the best use": crossover_of_the_best_use,
    "S3 floor of the root's rate": lambda rng: saturation(rng, power=0.5),
}
(
    test_no_case_violates_the_statement,
    test_no_case_of_many_violates_the_statement,
    test_the_search_refutes_another_wording,
) = searches(STATEMENTS, REFUTED)
