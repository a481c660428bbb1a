"""Theorems H1 to H4, K1 and K2 searched for counterexamples: many features, many classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import refuter
from refuter import log_uniform, searches
from scipy.optimize import linprog, minimize
from scipy.special import expit, ndtr

from synthetic_oversampling.theory import multiclass_bound, multiclass_certificate
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Oracle,
    Scaled,
    Shifted,
)
from synthetic_oversampling.theory.multiclass.predict import (
    expected_multiclass_risk,
    predict_multiclass,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.proportional.clusters import Cluster
from synthetic_oversampling.theory.proportional.predict import (
    predict_clusters,
    predict_proportional,
)
from synthetic_oversampling.theory.proportional.threshold import separability_threshold

pytestmark = pytest.mark.filterwarnings("ignore:predict")
_LINE = np.linspace(-8.0, 8.0, 801)
_MASS = np.exp(-(_LINE**2) / 2) / np.exp(-(_LINE**2) / 2).sum()


def _at(dim: int, *values: float) -> np.ndarray:
    mean = np.zeros(dim)
    mean[: len(values)] = values
    return mean


def _line(dim: int, gap: float, scale: float = 1.0) -> list[GaussianGroup]:
    return [GaussianGroup(_at(dim, (y - 0.5) * gap), scale * np.eye(dim), y) for y in (0, 1)]


# --- H1 -----------------------------------------------------------------------------------------
def _prox(h: np.ndarray, weight: float, sign: float, give: float) -> np.ndarray:
    """argmin weight log(1 + exp(-sign t)) + (t - h)^2 / (2 give), by bisection."""
    low, high = h - give * weight, h + give * weight
    for _ in range(60):
        t = (low + high) / 2
        rising = t - h - give * weight * sign * expit(-sign * t) > 0
        low, high = np.where(rising, low, t), np.where(rising, t, high)
    return (low + high) / 2


def equations(rng, noise: float = 1.0, weighted: bool = True) -> float:
    """H1: the solution satisfies the equations as they are stated, each average by a sum.

    Clusters of covariance s_k I in one plane, every weight a law of two values.
    """
    dim, ridge = int(rng.integers(20, 400)), log_uniform(rng, 0.05, 50.0)
    labels = [0, 1, 1][: int(rng.integers(2, 4))]
    rows = [float(dim * log_uniform(rng, 0.3, 5.0)) for _ in labels]
    means = [_at(dim, *(rng.normal(size=2) + [1.5 * y, 0])) for y in labels]
    scales = [log_uniform(rng, 0.3, 3.0) for _ in labels]
    laws = [((0.6, log_uniform(rng, 0.2, 3.0)), (0.4, log_uniform(rng, 0.2, 8.0))) for _ in labels]
    clusters = [
        Cluster(rows=n, mean=mean, cov=s, label=y, weight=law)
        for n, mean, s, y, law in zip(rows, means, scales, labels, laws, strict=True)
    ]
    groups = [
        GaussianGroup(mean, s * np.eye(dim), y)
        for mean, s, y in zip(means, scales, labels, strict=True)
    ]
    found = predict_clusters(clusters=clusters, groups=groups, ridge=ridge)
    averages = []
    for k, (y, law) in enumerate(zip(labels, laws, strict=True)):
        std, sign = math.sqrt(found.score_var[k]), 2.0 * y - 1
        h, give = found.score_mean[k] + std * _LINE, float(found.response[k])
        e = f = c = 0.0
        for chance, weight in law:
            weight = weight if weighted else 1.0
            t = _prox(h, weight, sign, give)
            g, bend = (t - h) / give, weight * expit(t) * expit(-t)
            e, f = e + chance * (_MASS @ g), f + chance * (_MASS @ g**2)
            c += chance * (_MASS @ (bend / (1 + give * bend)))
        averages.append((e, f, c))
    n, s, (e, f, c) = np.array(rows), np.array(scales), np.array(averages).T
    stiff, spread = ridge + float(n * c @ s), float(n * f @ s)
    w = (n * e) @ np.array(means) / stiff
    mean, var = np.array(means) @ w, s * (w @ w + noise * dim * spread / stiff**2)
    gaps = [np.abs(s * dim / stiff / found.response - 1), np.abs(var / found.score_var - 1)]
    gaps += [np.abs(mean + found.intercept - found.score_mean) / np.sqrt(var)]
    gaps += [np.abs([n @ e / (n @ np.abs(e))])]
    return float(max(gap.max() for gap in gaps)) - 1e-5


# --- H2 -----------------------------------------------------------------------------------------
def potentials(rng, third: float = 1 / 3) -> float:
    """H2: the slopes under the squared loss, by means over pairs and over plug-in margins."""
    c, t, other, std = (log_uniform(rng, 0.1, 5.0) * rng.choice([-1, 1]) for _ in range(4))
    u = (np.arange(1000) + 0.5) / 1000
    partner = other + abs(std) * _LINE
    margin = (1 - u)[:, None] * t + u[:, None] * partner
    pairs = 2 * c * np.mean(((1 - u)[:, None] * (margin - 1)) @ _MASS)
    told = c * (third * other + (1 - third) * t - 1)
    plugin = c * float(_MASS @ (partner - 1)) + c * (t - other)
    scale = abs(c) * (1 + abs(t) + abs(other))
    return max(abs(pairs - told), abs(plugin - c * (t - 1))) / scale - 1e-5


def plugin_is_duplication(rng, fit: str = "group") -> float:
    """H4: under the squared loss the plug-in of own covariance is duplication, up to O(1/d)."""
    dim, shares, gaps = int(rng.integers(5, 30)), rng.uniform(1.3, 6.0, 2), []
    gap, weight, ridge = (
        rng.uniform(0.5, 3.0),
        float(rng.uniform(0.2, 1)),
        log_uniform(rng, 0.1, 10),
    )
    for d in (dim, 8 * dim):
        sizes = tuple(int(n) for n in d * shares)
        common = {"groups": _line(d, gap), "design": Design(sizes, 100, weight)}
        common |= {"ridge": ridge * d / dim, "loss": SQUARED, "many": True}
        ours, theirs = (
            predict_proportional(generator=one, **common)
            for one in (GaussianPlugin(fit), Duplicate())
        )
        gaps.append(float(np.max(np.abs(ours.error / theirs.error - 1))))
    return 0.5 - math.log(gaps[0] / gaps[1]) / math.log(8) if gaps[1] > 1e-9 else math.nan


# --- H3 -----------------------------------------------------------------------------------------
def _clusters(rng, dim: int) -> list[Cluster]:
    labels = [0, 1, int(rng.integers(2))][: int(rng.integers(2, 4))]
    return [
        Cluster(
            rows=float(round(dim * log_uniform(rng, 0.5, 4.0))),
            mean=_at(dim, *(rng.normal(size=2) + [1.2 * y, 0])),
            cov=log_uniform(rng, 0.4, 2.5),
            label=y,
        )
        for y in labels
    ]


def _features(clusters) -> float:
    return separability_threshold(clusters=clusters).features


def threshold(rng, told=_features) -> float:
    """H3: the stated minimum, by a sum over the normal law and a search without derivatives.

    Another cluster, whatever its law, does not lower it.
    """
    clusters = _clusters(rng, 6)

    def shortfall(point):
        spread, total = math.sqrt(1 + point[1:] @ point[1:]), 0.0
        for one in clusters:
            lead = one.sign * (point[0] + one.mean[:2] @ point[1:]) / math.sqrt(float(one.cov))
            total += one.rows * float(_MASS @ np.maximum(spread * _LINE - lead, 0.0) ** 2)
        return total

    starts = [np.zeros(3), np.array([0.0, 1.0, 0.0]), np.array([0.0, 5.0, 0.0])]
    close = {"method": "Nelder-Mead", "options": {"xatol": 1e-7, "fatol": 1e-9}}
    least = min(float(minimize(shortfall, x, **close).fun) for x in starts)
    found, more = told(clusters), told([*clusters, _clusters(rng, 6)[0]])
    return max(abs(found / least - 1) - 1e-4, found / more - 1 - 1e-9)


def _separable(x: np.ndarray, sign: np.ndarray) -> bool:
    rows = -sign[:, None] * np.column_stack([np.ones(len(x)), x])
    free = {"bounds": (None, None), "method": "highs"}
    return linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(x)), **free).status == 0


def linear_programme(rng, signal: bool = True) -> float:
    """H3: of far more rows than at the threshold samples are inseparable, of far fewer not."""
    dim = 40
    clusters = _clusters(rng, dim)
    rows = np.array([one.rows for one in clusters])
    edge = separability_threshold(clusters=clusters).features if signal else rows.sum() / 2
    wrong = 0
    for factor, separable in ((0.6, True), (1.6, False)):
        numbers = np.maximum(np.round(factor * rows * dim / edge), 1).astype(int)
        x = np.concatenate(
            [
                one.mean + math.sqrt(float(one.cov)) * rng.normal(size=(n, dim))
                for one, n in zip(clusters, numbers, strict=True)
            ]
        )
        sign = np.repeat([one.sign for one in clusters], numbers)
        wrong += _separable(x, sign) != separable
    return float(wrong)


# --- H4 -----------------------------------------------------------------------------------------
def squared_response(rng, shift: float = 0.0) -> float:
    """H4: the response under the squared loss solves V (ridge (1 + V) + n) = d (1 + V)."""
    dim, ridge = int(rng.integers(5, 300)), log_uniform(rng, 1e-2, 1e3)
    sizes = tuple(int(n) for n in rng.integers(5, 600, 2))
    found = predict_proportional(
        groups=_line(dim, rng.uniform(0.2, 3)), design=Design.raw(sizes), ridge=ridge, loss=SQUARED
    )
    v = found.response
    left = v * (ridge * (1 + v) + sum(sizes) + shift * ridge)
    return float(np.max(np.abs(left / (dim * (1 + v)) - 1))) - 1e-6


def large_ridge(rng, both: float = 1.0) -> float:
    """H4: as the ridge grows the area is that of the rule of mean differences."""
    dim, gap = int(rng.integers(5, 300)), float(rng.uniform(0.3, 3.0))
    sizes = tuple(int(n) for n in rng.integers(10, 600, 2))
    found = predict_proportional(groups=_line(dim, gap), design=Design.raw(sizes), ridge=1e7)
    inner = gap**2 + dim / sizes[0] + dim / sizes[1]
    return abs(found.auroc - ndtr(gap**2 / math.sqrt((1 + both) * inner))) - 1e-4


def few_features(rng, factor: float = 1.0) -> float:
    """H4: as d / n -> 0 theorem R, in K2's form for two classes, up to a relative O(1 / d)."""
    gap, many, gaps = float(rng.uniform(0.8, 3.0)), int(rng.integers(300, 900)), []
    q = expit(gap * (gap / 2 + _LINE))  # of a row of class 1
    square = float(_MASS @ (q**2 + (1 - q) ** 2))
    for dim in (5, 40):
        n = many * dim
        exact = (dim + 1 - 2 * (1 - square)) / (4 * n)
        raw = Design.raw((n, n))
        told = predict_proportional(groups=_line(dim, gap), design=raw, ridge=0.0).total
        gaps.append(dim * abs(factor * told / exact - 1))
    return gaps[1] / max(gaps[0], 1.0) - 1.5


def interpolation(rng, above: bool = True) -> float:
    """H4: above the threshold training errors vanish with the ridge, and the norm grows."""
    dim, gap = int(rng.integers(20, 100)), float(rng.uniform(0.3, 2.0))
    sizes = tuple(int(n) for n in dim * (0.2 if above else 2.0) * rng.uniform(1.0, 3.5, 2))
    clusters = [
        Cluster(rows=n, mean=[(y - 0.5) * gap], cov=1.0, label=y) for y, n in enumerate(sizes)
    ]
    if (dim > (1.3 if above else 0.7) * _features(clusters)) != above:
        return math.nan
    small, smaller = (
        predict_proportional(groups=_line(dim, gap), design=Design.raw(sizes), ridge=ridge)
        for ridge in (1e-2, 1e-4)
    )
    return max(float(smaller.train_error.max()) - 1e-3, 1.3 - smaller.norm / small.norm)


# --- K1 and K2 ----------------------------------------------------------------------------------
_AXIS = np.linspace(-7.5, 7.5, 61)
_NODES = np.stack(np.meshgrid(_AXIS, _AXIS, indexing="ij"), -1).reshape(-1, 2)
_PLANE = np.exp(-np.sum(_NODES**2, axis=1) / 2)
_PLANE /= _PLANE.sum()


def _classes(rng, classes: int, same: bool) -> tuple[GaussianGroup, ...]:
    covs = [refuter._cov(rng, 2, 0.3) for _ in range(classes)]
    return tuple(
        GaussianGroup(rng.normal(size=2), covs[0 if same else k], k) for k in range(classes)
    )


def _rows(group: GaussianGroup, shift=0.0, factor: float = 1.0) -> np.ndarray:
    root = np.linalg.cholesky(factor * group.cov[0])
    return np.column_stack([np.ones(len(_NODES)), group.mean[0] + shift + _NODES @ root.T])


def _softmax(theta: np.ndarray, rows: np.ndarray) -> np.ndarray:
    scores = np.column_stack([np.zeros(len(rows)), rows @ theta.T])
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    return chances / chances.sum(axis=1, keepdims=True)


def adjustment(rng, against: int = 0) -> float:
    """K1: raw training adds log(n_k / n_0) to the intercept of class k and nothing else."""
    classes = int(rng.integers(2, 5))
    sizes = tuple(int(log_uniform(rng, 10, 1e5)) for _ in range(classes))
    found = predict_multiclass(_classes(rng, classes, same=True), Design.raw(sizes), Oracle())
    told = np.zeros((classes - 1, 3))
    told[:, 0] = np.log(np.array(sizes[1:]) / (sizes[0] if against == 0 else sum(sizes)))
    return float(np.max(np.abs(found.displacement - told.ravel()))) - 1e-6


def several_risks(rng, synthetic: float = 1.0) -> float:
    """K1: the expected empirical risk, and the bias's gradient, by a sum over the plane."""
    classes = int(rng.integers(2, 5))
    groups, generator = _classes(rng, classes, same=False), Shifted((0.7, -0.4))
    shift, factor = np.array([0.7, -0.4]), 1.0
    if rng.integers(2):
        factor = log_uniform(rng, 0.1, 4.0)
        generator, shift = Scaled(factor), np.zeros(2)
    sizes = tuple(int(n) for n in rng.integers(20, 900, classes))
    design = Design(sizes, int(rng.integers(1, 900)), float(rng.uniform(0, 1)))
    theta = rng.normal(size=(classes - 1, 3)) * 0.7
    share = 1 - (1 - design.weight) * np.array(sizes) / max(sizes)
    total = 0.0
    for k, group in enumerate(groups):
        own, made = (
            -_PLANE @ np.log(_softmax(theta, rows)[:, k])
            for rows in (_rows(group), _rows(group, shift, factor))
        )
        total += (own + synthetic * share[k] * (made - own)) / classes
    return abs(expected_multiclass_risk(theta, groups, design, generator) / total - 1) - 1e-7


def several_displacements(rng, sign: float = 1.0) -> float:
    """K1: -A^{-1} grad B up to the second order of a bias that vanishes."""
    groups = _classes(rng, 3, same=False)
    way, pairs = rng.normal(size=2), []
    for sizes in ((0.1, -0.1), (0.01, -0.01)):  # both: a remainder may change its sign
        gaps = []
        for size in sizes:
            made = [Shifted(tuple(size * way)), Scaled(1 + size), Oracle()]
            found = predict_multiclass(groups, Design((300,) * 3, 300, 1.0), made)
            gaps.append(
                float(np.max(np.abs(found.displacement - sign * found.displacement_linear)))
            )
        pairs.append(max(gaps))
    return 1.5 - math.log10(pairs[0] / pairs[1])


def balanced_classes(rng, kept: float = 1.0) -> float:
    """K2: the excess of n samples of every class, with the classes' posteriors by a sum."""
    classes, n = int(rng.integers(2, 5)), int(rng.integers(200, 2000))
    groups = _classes(rng, classes, same=True)
    found = predict_multiclass(groups, Design.raw((n,) * classes), Oracle())
    square = np.mean(
        [_PLANE @ np.sum(_softmax(found.theta_star, _rows(g)) ** 2, axis=1) for g in groups]
    )
    told = ((classes - 1) * 3 - kept * classes * (1 - square)) / (2 * classes * n)
    z, wrong = rng.normal(size=(200_000, 2)), 0.0  # standard errors of at most .0012
    for k, group in enumerate(groups):
        x = group.mean[0] + z @ np.linalg.cholesky(group.cov[0]).T
        scores = np.column_stack([np.ones(len(x)), x]) @ found.theta_alpha.T
        label = np.argmax(np.column_stack([np.zeros(len(x)), scores]), axis=1)
        wrong = max(wrong, abs(float(np.mean(label != k)) - float(found.group_error.bias[k])))
    return max(abs(float(found.excess.total) / told - 1) - 1e-6, wrong - 0.006)


def several_bounds(rng, factor: float = 1.0) -> float:
    """K2: the bound at any bias."""
    groups = _classes(rng, 3, same=False)
    sizes = tuple(int(log_uniform(rng, 30, 3000)) for _ in range(3))
    generator = (Shifted((0.8, -1.0)), Scaled(3.0), Scaled(0.3), Shifted((0.05, 0.0)))
    design = (Design(sizes, 500, float(rng.uniform(0.3, 1))), generator[rng.integers(4)])
    found = predict_multiclass(groups, *design)
    most = factor * multiclass_bound(found, groups, *design).bound
    return float(found.excess.bias) / most - 1 - 1e-9 if most > 1e-14 else math.nan


def several_sizes(rng, power: float = 1.0) -> float:
    """K2: the excess is a(alpha) + s(alpha) / N."""
    groups = _classes(rng, 3, same=False)
    sizes = tuple(int(n) for n in rng.integers(100, 900, 3))
    weight, made = float(rng.uniform(0.2, 1)), (GaussianPlugin(), Scaled(1.5))[rng.integers(2)]
    number = np.array([100.0, 300.0, 3000.0])
    excess = [
        float(predict_multiclass(groups, Design(sizes, int(n), weight), made).total) for n in number
    ]
    slopes = np.diff(excess) / np.diff(number**-power)
    return abs(float(slopes[1] / slopes[0]) - 1) - 1e-6


def several_certificates(rng, radius: float = 1.0) -> float:
    """K2: a certified fit exists, as near as is stated, by SciPy's minimiser."""
    n = int(rng.integers(20, 80))
    x, label = rng.normal(size=(n, 2)), rng.integers(0, 3, n)
    mass = np.exp(rng.normal(size=n) * rng.choice([0.0, 1.0]))
    mass, rows = mass / mass.sum(), np.column_stack([np.ones(n), x])

    def risk(flat):
        q = _softmax(flat.reshape(2, 3), rows)
        slope = (mass[:, None] * (q - np.eye(3)[label])).T[1:] @ rows
        return -mass @ np.log(q[np.arange(n), label] + 1e-300), slope.ravel()

    best = minimize(risk, np.zeros(6), jac=True, method="BFGS", options={"gtol": 1e-11}).x
    theta = best + rng.normal(size=6) * log_uniform(rng, 0.01, 0.3)
    told = multiclass_certificate(theta.reshape(2, 3), x, label, mass)
    if not told.exists:
        return math.nan
    q = _softmax(theta.reshape(2, 3), rows)[:, 1:]
    bend = np.eye(2) * q[:, :, None] - q[:, :, None] * q[:, None]
    hessian = np.einsum("n,nkl,np,nq->kplq", mass, bend, rows, rows).reshape(6, 6)
    away = math.sqrt((best - theta) @ hessian @ (best - theta))
    gap = float(risk(theta)[0] - risk(best)[0])
    return max(away / (radius * told.farthest), told.nearest / away, gap / told.gap) - 1 - 1e-4


STATEMENTS = {
    "H1 equations": (equations, 4),
    "H2 potentials": (potentials, 40),
    "H3 threshold": (threshold, 10),
    "H3 linear programme": (linear_programme, 16),
    "H4 plug-in": (plugin_is_duplication, 16),
    "H4 squared response": (squared_response, 6),
    "H4 large ridge": (large_ridge, 6),
    "H4 few features": (few_features, 2),
    "H4 interpolation": (interpolation, 3),
    "K1 adjustment": (adjustment, 5),
    "K1 risks": (several_risks, 16),
    "K1 displacement": (several_displacements, 2),
    "K2 balanced": (balanced_classes, 4),
    "K2 bound": (several_bounds, 2),
    "K2 sizes": (several_sizes, 3),
    "K2 certificate": (several_certificates, 40),
}
REFUTED = {
    "H1 without noise": lambda rng: equations(rng, noise=0.0),
    "H1 unweighted": lambda rng: equations(rng, weighted=False),
    "H2 tied by a half": lambda rng: potentials(rng, 0.5),
    "H3 half the rows": lambda rng: threshold(rng, lambda some: sum(one.rows for one in some) / 2),
    "H3 half the rows, by programmes": lambda rng: linear_programme(rng, signal=False),
    "H4 plug-in of known covariance": lambda rng: plugin_is_duplication(rng, "known"),
    "H4 response with a ridge more": lambda rng: squared_response(rng, 1.0),
    "H4 area without its 2": lambda rng: large_ridge(rng, 0.0),
    "H4 twice theorem R": lambda rng: few_features(rng, 2.0),
    "H4 interpolation below": lambda rng: interpolation(rng, above=False),
    "K1 against all": lambda rng: adjustment(rng, against=1),
    "K1 risks without bias": lambda rng: several_risks(rng, 0.0),
    "K1 displacement reversed": lambda rng: several_displacements(rng, -1.0),
    "K2 balanced without posteriors": lambda rng: balanced_classes(rng, 0.0),
    "K2 a twentieth of the bound": lambda rng: several_bounds(rng, 0.05),
    "K2 sizes by their root": lambda rng: several_sizes(rng, 0.5),
    "K2 certificate of half the radius": lambda rng: several_certificates(rng, 0.5),
}
(
    test_no_case_violates_the_statement,
    test_no_case_of_many_violates_the_statement,
    test_the_search_refutes_another_wording,
) = searches(STATEMENTS, REFUTED)
