"""Theorems B5, R3 and M1 to M3 searched for counterexamples, beside wordings that it refutes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import refuter
from refuter import log_uniform, searches
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr

from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    Mislabelled,
    Oracle,
    Scaled,
    Shifted,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.population.metrics import (
    Side,
    metrics,
    metrics_of_scores,
)
from synthetic_oversampling.theory.prediction.benefit import (
    break_even_ratio,
    break_even_scale,
    break_even_shift,
    gain,
    leading_break_even_shift,
)
from synthetic_oversampling.theory.prediction.bias import predict_bias
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.prediction.metrics import break_even_factor, expected_metrics

pytestmark = pytest.mark.filterwarnings(
    "ignore::synthetic_oversampling.theory.prediction.validity.Unreliable"
)


# --- B5 -----------------------------------------------------------------------------------------
def _spurious(rng) -> tuple[GaussianGroup, ...]:
    """Labels by attributes: one core feature, whose law is the label's, and one spurious one."""
    core, mark = rng.uniform(0.4, 1.2), rng.uniform(0.3, 1.5)
    var = np.exp(rng.uniform(-1, 1, (2, 2)))  # of each label's core, of each attribute's mark
    return tuple(
        GaussianGroup([core * (2 * y - 1), mark * a], np.diag([var[y, 0], var[(a + 1) // 2, 1]]), y)
        for y in (0, 1)
        for a in (-1, 1)
    )


def _bound_sizes(rng, tied: bool) -> tuple[int, ...]:
    """Sizes under which the attribute is tied to the label, or as frequent in either."""
    share = rng.uniform(0.1, 0.9, 2) if tied else np.repeat(rng.integers(1, 10) / 10, 2)
    totals = 100 * rng.integers(1, 20, 2)
    parts = [(n * (1 - s), n * s) for n, s in zip(totals, share, strict=True)]
    return tuple(int(round(n)) for part in parts for n in part)


def spurious_weight(rng, frequencies: bool = True) -> float:
    """B5: the balanced weight is 0; raw training's is not, unless frequencies are the same.

    Where they are not, its sign is that of the attribute that the label is tied to.
    """
    tied = bool(rng.integers(2))
    sizes = _bound_sizes(rng, tied)
    n = np.array(sizes, float).reshape(2, 2)
    gap = float(n[1, 1] / n[1].sum() - n[0, 1] / n[0].sum())
    found = predict_bias(_spurious(rng), Design.raw(sizes), Oracle())
    balanced, raw = abs(float(found.theta_star[2])), float(found.theta_alpha[2])
    if tied and abs(gap) < 0.02:
        return math.nan
    wrong = -raw * np.sign(gap) if tied else abs(raw) - 1e-8
    if not (frequencies or tied):
        wrong = 0.2 if abs(raw) < 1e-8 else 0.0  # as it was worded: never 0
    return max(balanced - 1e-8, float(wrong))


def least_squares_weight(rng, cross: float = 1.0) -> float:
    """B5: raw least squares' weight on a spurious feature, labels even."""
    core, mark, v, u = (log_uniform(rng, 0.2, 3.0) for _ in range(4))
    groups = [
        GaussianGroup([core * (2 * y - 1), mark * a], np.diag([v, u]), y)
        for y in (0, 1)
        for a in (-1, 1)
    ]
    same = int(rng.integers(1, 200))
    found = predict_bias(
        groups, Design.raw((same, 200 - same, 200 - same, same)), Oracle(), SQUARED
    )
    tied = 2 * same / 200 - 1  # attribute -1 goes with label 0
    bottom = (core**2 + v) * (mark**2 + u) - cross * (core * mark * tied) ** 2
    return abs(float(found.theta_alpha[2]) - mark * v * tied / bottom) - 1e-8


def spurious_displacement(rng, sign: float = -1.0, least: float = 1.5) -> float:
    """B5: what a design leaves is -[A^{-1} grad B] on the feature, up to the second order."""
    groups = _spurious(rng)
    design = Design(_bound_sizes(rng, True), 1000, 1.0)
    way, kind, pairs = rng.normal(size=2), rng.integers(2), []
    for sizes in ((0.02, -0.02), (0.002, -0.002)):  # both: a remainder may change its sign
        gaps = []
        for size in sizes:
            same = Shifted(tuple(size * way))
            flipped = Mislabelled(abs(size))
            generators = [(flipped, same)[kind], same, (flipped, same)[kind], Scaled(1 + size)]
            found = predict_bias(groups, design, generators)
            told = sign * np.linalg.solve(_target(groups, generators, found), found.bias_gradient)
            gaps.append(abs(float(found.displacement[2] - told[2])))
        pairs.append((abs(sizes[0]), max(gaps)))
    if pairs[1][1] < 1e-11:
        return math.nan
    return least - math.log(pairs[0][1] / pairs[1][1]) / math.log(pairs[0][0] / pairs[1][0])


_AXIS = np.linspace(-8.0, 8.0, 61)
_NODES = np.stack(np.meshgrid(_AXIS, _AXIS, indexing="ij"), -1).reshape(-1, 2)
_MASS = np.exp(-np.sum(_NODES**2, axis=1) / 2)
_MASS /= _MASS.sum()


def _target(groups, generators, found) -> np.ndarray:
    """A: the mean Hessian of the generators' laws at theta*, by a trapezoid rule in the plane."""
    theta, total = np.asarray(found.theta_star), np.zeros((3, 3))
    for group, generator in zip(groups, generators, strict=True):
        shift = np.array(generator.shift) if isinstance(generator, Shifted) else 0.0
        factor = generator.factor if isinstance(generator, Scaled) else 1.0
        x = group.mean[0] + shift + math.sqrt(factor) * _NODES * np.sqrt(np.diag(group.cov[0]))
        rows = np.column_stack([np.ones(len(x)), x])
        q = expit(rows @ theta)
        total += (rows * (_MASS * q * (1 - q))[:, None]).T @ rows / len(groups)
    return total


# --- R3 -----------------------------------------------------------------------------------------
def _pair(rng) -> tuple[tuple[GaussianGroup, ...], Design]:
    groups = refuter._groups(rng, 2, 1)
    few = int(log_uniform(rng, 40, 400))
    many = int(few * log_uniform(rng, 2, 30))
    return groups, Design((many, few), int(log_uniform(rng, 100, 5000)), float(rng.uniform(0.1, 1)))


def break_even_by_shift(rng, factor: float = 1.0) -> float:
    """R3: a shorter shift than the break-even one helps, a longer one hurts."""
    groups, design = _pair(rng)
    reference = ("raw", "weighted")[rng.integers(2)]
    edge = factor * break_even_shift(groups, design, [1.0], reference)
    if edge == 0 or math.isinf(edge):
        return math.nan
    inside = min(gain(groups, design, Shifted((k * edge,)), reference) for k in (0.3, 0.97))
    outside = max(gain(groups, design, Shifted((k * edge,)), reference) for k in (1.03, 1.5))
    scale = abs(gain(groups, design, Oracle(), reference))
    return max(-inside, outside) / scale


def leading_shift(rng, factor: float = 1.0) -> float:
    """R3: the closed form is the break-even shift up to a relative order of the shift."""
    groups, design = _pair(rng)
    pairs = []
    for k in (30, 3000):
        larger = Design(tuple(k * n for n in design.sizes), k * design.augmentation, design.weight)
        exact = max(break_even_shift(groups, larger, [way]) for way in (1.0, -1.0))
        least = min(break_even_shift(groups, larger, [way]) for way in (1.0, -1.0))
        told = factor * leading_break_even_shift(groups, larger, [1.0])
        if not 0 < exact < 1:
            return math.nan
        pairs.append((exact, max(abs(told / exact - 1), abs(told / least - 1))))
    return 0.5 - math.log(pairs[0][1] / pairs[1][1]) / math.log(pairs[0][0] / pairs[1][0])


def break_even_by_size(rng, factor: float = 1.0) -> float:
    """R3: with fewer samples than the break-even size a biased generator helps, with more not."""
    groups, design = _pair(rng)
    generator = Shifted((float(rng.uniform(-0.6, 0.6)),))
    edge = factor * break_even_scale(groups, design, generator)
    if not 0.5 < edge < 1e4:
        return math.nan
    gains = []
    for k in (0.8, 1.25):
        sizes = tuple(round(k * edge * n) for n in design.sizes)
        scaled = Design(sizes, round(k * edge * design.augmentation), design.weight)
        gains.append(gain(groups, scaled, generator) * k * edge)
    return max(-gains[0], gains[1]) / max(abs(one) for one in gains)


def break_even_by_ratio(rng, factor: float = 1.0) -> float:
    """R3: below the break-even ratio raw training is ahead, above it the synthetic design."""
    groups, generator = refuter._groups(rng, 2, 1), Shifted((float(rng.uniform(0.2, 0.7)),))
    size, count, weight = 4000, int(log_uniform(rng, 300, 4000)), float(rng.uniform(0.3, 1))
    edge = factor * break_even_ratio(groups, 1, size, count, weight, generator)
    if not 1.1 < edge < 100:
        return math.nan
    gains = []
    for k in (0.93, 1.07):
        design = Design((size, round(size / max(edge * k, 1.0))), count, weight)
        gains.append(gain(groups, design, generator, "raw"))
    return max(gains[0], -gains[1]) / max(abs(one) for one in gains)


def fresh_draws(rng, missing: float = 1.0) -> float:
    """R3: what fresh draws gain over duplicates; to leading order, of theorem R's noise alone."""
    groups, design = _pair(rng)
    same = tuple(GaussianGroup(g.mean[0], groups[0].cov[0], g.label) for g in groups)
    fresh, copied = (predict(same, design, one) for one in (Oracle(), Duplicate()))
    traces = []
    for g, group in enumerate(same):  # of a group's covariance of scores, by quadrature in a line
        theta, line = np.asarray(fresh.theta_star), np.linspace(-8, 8, 401)
        x = group.mean[0][0] + math.sqrt(group.cov[0][0, 0]) * line
        mass = np.exp(-(line**2) / 2) / np.exp(-(line**2) / 2).sum()
        rows = np.column_stack([np.ones(len(x)), x])
        score = rows * (expit(rows @ theta) - g)[:, None]
        mean = mass @ score
        cov = (score * mass[:, None]).T @ score - np.outer(mean, mean)
        traces.append(float(np.trace(np.linalg.solve(np.asarray(fresh.hessian), cov))))
    real = design.real_mass * 2
    told = sum((1 - missing * real**2) * traces / np.array(design.sizes)) / 8
    seen = float(copied.local_variance - fresh.local_variance)
    return abs(seen / told - 1) - 1e-7


# --- M1 -----------------------------------------------------------------------------------------
def _scores(rng) -> tuple[Side, Side, float]:
    """Two labels of two components each, of variances of ratios up to a million."""
    sides = []
    for label in (1, 0):
        weight, widest = rng.dirichlet([1.0, 1.0]), log_uniform(rng, 1e-3, 1e3)
        var = np.exp(rng.uniform(-1, 1, 2)) * widest
        mean = label * math.sqrt(widest) * rng.uniform(-0.5, 2) + rng.normal(size=2)
        sides.append(Side(weight, mean[:, None], var[:, None, None]))
    return sides[0], sides[1], float(rng.choice([0.5, 0.02, 0.9]))


def _by_integration(positive: Side, negative: Side, share: float) -> np.ndarray:
    """The four metrics by a dense sum over scores and a search over thresholds."""

    def above(side, t):
        std = np.sqrt(side.covs[:, 0, 0])
        return side.weights @ ndtr((side.means - t) / std[:, None])

    auroc = precision = 0.0
    for weight, mean, var in zip(*positive[:2], positive.covs[:, 0, 0], strict=True):
        stds = [math.sqrt(v) for v in (var, *positive.covs[:, 0, 0], *negative.covs[:, 0, 0])]
        ends = mean[0] + np.array([-9, 9]) * stds[0]
        cuts = [ends, *(m + np.linspace(-9, 9, 40) * s for m, s in _parts(positive, negative))]
        points = np.unique(np.clip(np.concatenate(cuts), *ends))
        nodes, masses = np.polynomial.legendre.leggauss(12)
        half = np.diff(points)[:, None] / 2
        t = (points[:-1, None] + half * (nodes + 1)).ravel()
        density = np.exp(-(((t - mean[0]) / stds[0]) ** 2) / 2) / (stds[0] * math.sqrt(2 * np.pi))
        mass = weight * density * (half * masses).ravel()
        one, zero = above(positive, t), above(negative, t)
        auroc += float(mass @ (1 - zero))
        precision += float(mass @ (share * one / (share * one + (1 - share) * zero + 1e-300)))
    tried = np.concatenate(
        [m + np.linspace(-9, 9, 4001) * s for m, s in _parts(positive, negative)]
    )

    def error(t):
        return (1 - above(positive, np.atleast_1d(t)) + above(negative, np.atleast_1d(t))) / 2

    def lost(t):
        one, zero = (above(side, np.atleast_1d(t)) for side in (positive, negative))
        return 1 - 2 * share * one / (share + share * one + (1 - share) * zero)

    best = []
    for function in (error, lost):
        values = function(tried)
        at, ordered = tried[np.argmin(values)], np.sort(tried)
        place = int(np.searchsorted(ordered, at))
        low, high = ordered[max(place - 9, 0)], ordered[min(place + 9, len(ordered) - 1)]
        found = minimize_scalar(lambda t, f=function: float(f(t)[0]), bounds=(low, high))
        best.append(min(float(found.fun), float(values.min())))
    return np.array([auroc, precision, best[0], 1 - best[1]])


def _parts(*sides: Side):
    return [
        (mean[0], math.sqrt(cov[0, 0]))
        for side in sides
        for mean, cov in zip(side.means, side.covs, strict=True)
    ]


def score_metrics(rng, told=metrics_of_scores) -> float:
    """M1: the four metrics by integration, of extreme variances and prevalences."""
    positive, negative, share = _scores(rng)
    seen = _by_integration(positive, negative, share)
    found = np.array(told(positive, negative, prevalence=share))
    return float(np.max(np.abs(found - seen))) - 2e-8


def unmoved(rng, power: float = 0.0) -> float:
    """M1: no metric depends on the intercept or on the scale of w."""
    groups = refuter._groups(rng, 2, 3)
    theta, factor = rng.normal(size=4), log_uniform(rng, 1e-6, 1e6)
    other = np.append(rng.normal() * 50, factor * theta[1:])
    one, two = (np.array(metrics(point, groups)) for point in (theta, other))
    return float(np.max(np.abs(one * factor**power / two - 1))) - 1e-9


def _auroc_by_differences(positive, negative, *, prevalence):
    """Wrong: the variances of both labels are not added."""
    found = metrics_of_scores(positive, negative, prevalence=prevalence)
    gap = positive.means - negative.means.T
    above = ndtr(gap / np.sqrt(positive.covs[:, :, 0]))
    return found._replace(auroc=float(positive.weights @ above @ negative.weights))


# --- M2 -----------------------------------------------------------------------------------------
def one_covariance(rng, own: bool = False, root: float = 2.0) -> float:
    """M2: raw training has the best metrics of any score, at any imbalance, with their values."""
    first, second = refuter._groups(rng, 2, 3)
    cov = second.cov[0] if own else first.cov[0]
    groups = (first, GaussianGroup(second.mean[0], cov, 1))
    sizes = tuple(int(log_uniform(rng, 1, 1e5)) for _ in range(2))
    raw = predict_bias(groups, Design.raw(sizes), Oracle())
    share = float(rng.choice([0.5, 0.03, 0.8]))
    best = np.array(metrics(raw.theta_alpha, groups, prevalence=share))
    gap = second.mean[0] - first.mean[0]
    distance = math.sqrt(gap @ np.linalg.solve(first.cov[0], gap))
    wrong = [0.0]
    if not own:
        wrong = [
            abs(best[0] - ndtr(distance / math.sqrt(root))),
            abs(best[2] - ndtr(-distance / 2)),
        ]
    for size in (1e-3, 0.1, 10.0):
        length = float(np.linalg.norm(raw.theta_alpha[1:]))
        other = np.asarray(raw.theta_alpha) + size * length * rng.normal(size=4)
        rival = np.array(metrics(other, groups, prevalence=share))
        wrong.append(float(np.max((rival - best) * [1, 1, -1, 1])))
    return max(wrong) - 1e-8


# --- M3 -----------------------------------------------------------------------------------------
_POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(3)


def expected(rng, noise: float = 1.0, drift: float = 1.0) -> float:
    """M3: the expansion of a metric's mean under the moments of R1 and R2: the second order.

    The mean over a normal law of these moments is a product rule of the fifth degree.
    """
    groups = refuter._groups(rng, 2, 3)
    design = Design((int(rng.integers(500, 3000)), int(rng.integers(100, 400))), 400, 0.5)
    prediction = predict(groups, design, refuter._fixed(rng, 3))
    told = expected_metrics(groups, prediction, prevalence=0.3)
    root, gaps = np.linalg.cholesky(np.asarray(prediction.cov)), []
    z = np.stack(np.meshgrid(*[_POINTS] * 4, indexing="ij"), -1).reshape(-1, 4)
    mass = np.prod(np.stack(np.meshgrid(*[_WEIGHTS] * 4, indexing="ij"), -1).reshape(-1, 4), axis=1)
    mass /= mass.sum()
    for k in (4.0, 40.0):
        centre = np.asarray(prediction.theta_alpha) + np.asarray(prediction.estimator_bias) / k
        points = centre + z @ root.T / math.sqrt(k)
        mean = mass @ np.array([metrics(point, groups, prevalence=0.3) for point in points])
        own = [one.target + (drift * one.drift + noise * one.noise) / k for one in told]
        gaps.append(float(np.max(np.abs(mean - own) / np.abs(mean))))
    return 1.5 - math.log(gaps[0] / gaps[1]) / math.log(10)


def meeting(rng, power: float = 1.0) -> float:
    """M3: with every count times k drift and noise are divided by k, and two designs meet at k."""
    groups = refuter._groups(rng, 2, 3)
    sizes, count = (int(rng.integers(300, 3000)), int(rng.integers(60, 300))), 300
    generator, found = refuter._fixed(rng, 3), []
    for k in (1, 4):
        larger = tuple(k * n for n in sizes)
        designs = Design(larger, k * count, 0.6), Design.raw(larger)
        found.append([expected_metrics(groups, predict(groups, one, generator)) for one in designs])
    gaps = []
    for once, fourfold in zip(*found, strict=True):
        for one, other in zip(once, fourfold, strict=True):
            lost = (one.drift + one.noise) / 4**power
            gaps.append(abs(other.total - one.target - lost) / max(abs(lost), 1e-9) - 1e-6)
    for one, other in zip(*found[0], strict=True):
        k = break_even_factor(one, other)
        if k < 1e3:
            ours, theirs = (m.target + (m.drift + m.noise) / k for m in (one, other))
            gaps.append(abs(ours - theirs) - 1e-9)
    return max(gaps)


STATEMENTS = {
    "B5 weight": (spurious_weight, 24),
    "B5 least squares": (least_squares_weight, 24),
    "B5 displacement": (spurious_displacement, 10),
    "R3 shift": (break_even_by_shift, 8),
    "R3 leading shift": (leading_shift, 4),
    "R3 size": (break_even_by_size, 24),
    "R3 ratio": (break_even_by_ratio, 6),
    "R3 fresh draws": (fresh_draws, 16),
    "M1 metrics": (score_metrics, 40),
    "M1 intercept and scale": (unmoved, 24),
    "M2 one covariance": (one_covariance, 24),
    "M3 expected": (expected, 5),
    "M3 meeting": (meeting, 6),
}
REFUTED = {
    "B5 under raw sizes it is not": lambda rng: spurious_weight(rng, frequencies=False),
    "B5 least squares uncrossed": lambda rng: least_squares_weight(rng, 0.0),
    "B5 displacement reversed": lambda rng: spurious_displacement(rng, 1.0),
    "R3 shift doubled": lambda rng: break_even_by_shift(rng, 2.0),
    "R3 leading shift without its root of 2": lambda rng: leading_shift(rng, math.sqrt(0.5)),
    "R3 size halved": lambda rng: break_even_by_size(rng, 0.5),
    "R3 ratio a third larger": lambda rng: break_even_by_ratio(rng, 1.3),
    "R3 fresh draws of all": lambda rng: fresh_draws(rng, 0.0),
    "M1 one variance": lambda rng: score_metrics(rng, _auroc_by_differences),
    "M1 scale": lambda rng: unmoved(rng, 0.1),
    "M2 of any covariances": lambda rng: 100 * one_covariance(rng, own=True),
    "M2 without its root of 2": lambda rng: one_covariance(rng, root=1.0),
    "M3 no drift": lambda rng: expected(rng, drift=0.0),
    "M3 noise twice": lambda rng: expected(rng, noise=2.0),
    "M3 the root of the size": lambda rng: meeting(rng, 0.5),
}
(
    test_no_case_violates_the_statement,
    test_no_case_of_many_violates_the_statement,
    test_the_search_refutes_another_wording,
) = searches(STATEMENTS, REFUTED)
