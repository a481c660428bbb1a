"""R6, T4 and R7 on cases made to break them: random populations, matrices and small samples.

Every check counts the cases that violate a bound, or compares a case that attains one; bounds are
those of ``theory``, the other side is found without it (risks by the trapezoidal rule, proxies by
quadrature over directions and multipliers, minimisers by a plain Newton method). Nothing is
simulated at the run's seed: the cases are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from typing import NamedTuple, SupportsFloat

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.claims.printed.settings import balanced
from synthetic_oversampling.theory.generators.table import (
    Generator,
    Mislabelled,
    Oracle,
    Scaled,
    Shifted,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.prediction import bounds
from synthetic_oversampling.theory.prediction import certificate as certificates
from synthetic_oversampling.theory.prediction.bias import predict_bias
from synthetic_oversampling.theory.theorems.table import FORMULAS
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "SUITE",
    "Sample",
    "bound_checks",
    "close_population",
    "random_population",
    "random_sample",
]

SUITE = "bounds"  # name of the suite of these checks
_ROWS = 30  # of a small sample, some of weight 0
_ROUNDING = 1e-9  # relative, by which two routes may differ


def _check(id: str, claim: str, expect: Callable[[], Expectation], kind="bound") -> Check:
    return Check(id=id, claim=claim, kind=kind, source="second route", expect=expect)


def _violations(count: SupportsFloat, claim: str = "") -> Expectation:
    return Expectation(theory=0.0, discrepancy=0.5, observed=count, claim=claim)


# --- R6 ---------------------------------------------------------------------------------------
def _local_checks() -> Iterator[Check]:
    count = 400

    def above():
        rng, violations = np.random.default_rng(3), 0
        for _ in range(count):
            size = int(rng.integers(2, 5))
            hessian, target, cov = (
                matrix @ matrix.T + 1e-3 * np.eye(size)
                for matrix in rng.normal(size=(3, size, size))
                * 10 ** rng.uniform(-1, 1, size=(3, 1, 1))
            )
            bias = rng.normal(size=size) * 10 ** rng.uniform(-2, 1)
            metric = np.linalg.inv(target) @ hessian @ np.linalg.inv(target)
            excess = (bias @ metric @ bias + np.trace(metric @ cov)) / 2
            violations += excess > (1 + _ROUNDING) * bounds.local_bound(bias, cov, hessian, target)
        return _violations(violations)

    claim = f"of {count} random biases and matrices, those above the bound on R1's local form"
    yield _check("R6.local.bounds.random", claim, above)

    def aligned():
        bias, cov = np.array([0.0, 0.3]), np.diag([0.1, 0.2])
        hessian, target = np.diag([0.5, 2.0]), np.diag([1.5, 0.4])
        excess = 0.5 * 2.0 * (0.3 / 0.4) ** 2 + 0.5 * (0.5 * 0.1 / 1.5**2 + 2.0 * 0.2 / 0.4**2)
        bound = bounds.local_bound(bias, cov, hessian, target)
        return Expectation(theory=bound, discrepancy=_ROUNDING * excess, observed=excess)

    claim = "attained where the bias lies along H's largest and A's smallest eigenvalue"
    yield _check("R6.local.bounds.aligned", claim, aligned, "exact")


class Population(NamedTuple):
    """A random design on two groups in the plane.

    Attributes:
        groups, design, generator: it; kl: divergence of its generators, infinite where unknown.
        excess: ``R_bal(theta_alpha) - R_bal(theta*)`` by the trapezoidal rule.
    """

    groups: tuple[GaussianGroup, GaussianGroup]
    design: Design
    generator: tuple[Generator, Generator]
    kl: tuple[float, float]
    excess: float


def random_population(rng: np.random.Generator) -> Population:
    """Groups near and far, generators slightly and badly wrong, every weight and ratio.

    Args:
        rng: of its choices.
    """
    groups = []
    for label in (0, 1):
        root = rng.normal(size=(2, 2)) * 10 ** rng.uniform(-0.5, 0.3)
        mean = rng.normal(size=2) * rng.choice([0.05, 0.5, 1.0])
        groups.append(GaussianGroup(mean, root @ root.T + 0.1 * np.eye(2), label))
    sizes = int(rng.integers(50, 5000)), int(rng.integers(50, 5000))
    design = Design(sizes, int(rng.integers(50, 5000)), float(rng.choice([0.1, 0.5, 1.0])))
    shift, factor = rng.normal(size=2) * 10 ** rng.uniform(-2, 0), 10 ** rng.uniform(-0.7, 0.4)
    kind = int(rng.integers(4))
    generator: Generator = (Shifted(tuple(shift)), Scaled(factor), Mislabelled(0.2), Oracle())[kind]
    if kind == 3:
        design = Design.raw(sizes)
    other = Oracle() if kind < 2 and rng.uniform() < 0.5 else generator
    scaled = factor - 1.0 - math.log(factor)  # two features

    def divergence(of: Generator, group: GaussianGroup) -> float:
        if isinstance(of, Shifted):
            return float(shift @ np.linalg.solve(group.cov[0], shift)) / 2
        return scaled if isinstance(of, Scaled) else 0.0 if isinstance(of, Oracle) else math.inf

    pair = (other, generator)
    found = predict_bias(groups, design, pair)
    start, end = (balanced(theta, groups).risk for theta in (found.theta_star, found.theta_alpha))
    first, second = groups
    return Population(
        groups=(first, second),
        design=design,
        generator=pair,
        kl=(divergence(other, first), divergence(generator, second)),
        excess=end - start,
    )


def close_population(distance: float) -> Population:
    """Groups so close that a shrunken covariance biases the gradient little, the Hessian much.

    Args:
        distance: of the means.
    """
    groups = (GaussianGroup([0.0, 0.0], np.eye(2), 0), GaussianGroup([distance, 0.0], np.eye(2), 1))
    design, pair = Design((1000, 1000), math.inf, 1.0), (Scaled(0.5), Scaled(0.5))
    found = predict_bias(groups, design, pair)
    start, end = (balanced(theta, groups).risk for theta in (found.theta_star, found.theta_alpha))
    divergence = 0.5 - 1.0 - math.log(0.5)
    return Population(
        groups=groups,
        design=design,
        generator=pair,
        kl=(divergence, divergence),
        excess=end - start,
    )


@lru_cache(maxsize=1)
def _close() -> tuple[Population, ...]:
    return tuple(map(close_population, (0.4, 0.2, 0.1, 0.05)))


@lru_cache(maxsize=1)
def _populations(count: int = 48) -> tuple[Population, ...]:
    rng = np.random.default_rng(21)
    return tuple(random_population(rng) for _ in range(count))


def _population_checks() -> Iterator[Check]:
    def above(populations, claim):
        ratios = [
            bounds.population_bound(
                population.groups, population.design, population.generator
            ).bound
            / population.excess
            for population in populations()
        ]
        found = (
            f"of {len(ratios)} {claim}; bound over excess from {min(ratios):.2f} to "
            f"{max(ratios):.3g}, median {float(np.median(ratios)):.2f}"
        )
        return _violations(sum(ratio < 1 - 1e-7 for ratio in ratios), found)

    for label, populations in (("random", _populations), ("close", _close)):
        claim = f"populations ({label}), those whose excess is above the bound at any bias"
        yield _check(f"R6.population.bounds.{label}", claim, partial(above, populations, claim))

    def attained():
        pair = [GaussianGroup([0.5 * s], [[0.35]], (s + 1) // 2) for s in (-1, 1)]
        flipped = Design((400, 400), 400, 0.5), Mislabelled(0.15)
        found = predict_bias(pair, *flipped, SQUARED)
        second = 0.5**2 + 0.35  # the risk is quadratic: curvature 1 and this, the bias along it
        move = float(found.theta_alpha[1]) - 0.5 / second
        bound = bounds.population_bound(pair, *flipped, SQUARED).bound
        return Expectation(theory=bound, discrepancy=1e-9 * bound, observed=second * move**2 / 2)

    claim = "attained by a quadratic risk with a bias along its flattest direction"
    yield _check("R6.population.bounds.attained", claim, attained, "exact")


# --- T4 ---------------------------------------------------------------------------------------
def _chain_checks() -> Iterator[Check]:
    claim = (
        "random populations, those whose excess is above what the divergence of their generators "
        "allows"
    )

    def above():
        violations, count, vacuous = 0, 0, 0
        for population in _populations():
            if population.design.scheme == "synthetic" and max(population.kl) < math.inf:
                found = bounds.fidelity_bound(
                    population.kl, population.groups, population.design, population.generator
                )
                violations, count = (
                    violations + (found.bound < population.excess - 1e-10),
                    count + 1,
                )
                vacuous += found.vacuous
        return _violations(violations, f"of {count} {claim}; {vacuous} bounds are vacuous")

    yield _check("T4.chain.bounds.random", claim, above)


@lru_cache(maxsize=1)
def _scores() -> tuple[tuple[np.ndarray, GaussianGroup, float, float], ...]:
    """Points, groups, and lower estimates of both proxies by quadrature over the plane."""
    rng, found = np.random.default_rng(5), []
    node = np.linspace(-9.0, 9.0, 91)
    z = np.stack(np.meshgrid(node, node), axis=-1).reshape(-1, 2)
    log_mass = -np.sum(z**2, axis=1) / 2
    log_mass = log_mass - np.log(np.exp(log_mass).sum())
    for _ in range(6):
        factor = rng.normal(size=(2, 2)) * 10 ** rng.uniform(-0.5, 0.3)
        group = GaussianGroup(rng.normal(size=2), factor @ factor.T, int(rng.integers(2)))
        theta = rng.normal(size=3) * 10 ** rng.uniform(-0.5, 0.5)
        rows = np.insert(group.mean[0] + z @ factor.T, 0, 1.0, axis=1)
        score = -group.sign * rows / (1 + np.exp(group.sign * (rows @ theta)))[:, None]
        score = score - np.exp(log_mass) @ score
        unit = rng.normal(size=(24, 3))
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        values, best = score @ unit.T, np.zeros(len(unit))
        for size in np.geomspace(0.02, 200.0, 40):
            for one in (size, -size):
                tilted = one * values + log_mass[:, None]
                top = tilted.max(axis=0)
                psi = np.log(np.exp(tilted - top).sum(axis=0)) + top
                best = np.maximum(best, 2 * psi / one**2)
        found.append((theta, group, float(best.max()), _entry_estimate(theta, group)))
    return tuple(found)


def _entry_estimate(theta, group: GaussianGroup) -> float:
    """The largest ``2 psi(l) / l^2`` of the first entry on a grid of multipliers."""
    z = np.linspace(-10.0, 10.0, 2001)
    mass = np.exp(-(z**2) / 2)
    mass = mass / mass.sum()
    margin = group.sign * (theta[0] + group.mean[0] @ theta[1:])
    entry = 1 / (1 + np.exp(margin + math.sqrt(theta[1:] @ group.cov[0] @ theta[1:]) * z))
    entry = entry - mass @ entry
    sizes = np.geomspace(0.02, 200.0, 200)
    psi = [(2 * math.log(mass @ np.exp(one * entry)) / one**2) for one in (*-sizes, *sizes)]
    return max(psi)


def _proxy_checks() -> Iterator[Check]:
    @cache
    def ratios(label):
        if label == "vector":
            return [
                bounds.score_var_proxy(theta, label) / seen for theta, label, seen, _ in _scores()
            ]
        return [
            bounds.intercept_var_proxy(theta, label) / seen for theta, label, _, seen in _scores()
        ]

    def below(label, claim):
        found = ratios(label)
        text = (
            f"of {counted(len(found), 'group')}, {claim}; certified over estimated "
            f"{min(found):.3f} to {max(found):.3f}"
        )
        return _violations(sum(ratio < 1 - 1e-7 for ratio in found), text)

    for label, what in (("vector", "score"), ("intercept", "first entry")):
        claim = f"certified proxies of the {what} below an estimate by quadrature"
        yield _check(f"T4.proxy.bounds.{label}", claim, partial(below, label, claim))
    claim = "the first entry's certified proxy over the best of a grid of multipliers, at most"
    yield _check(
        "T4.proxy.bounds.tight",
        claim,
        lambda: Expectation(theory=max(ratios("intercept")), discrepancy=0.01, observed=1.0),
        "asymptotic",
    )


# --- R7 ---------------------------------------------------------------------------------------
class Sample(NamedTuple):
    """A small weighted sample, a point, and the minimiser that a plain Newton method finds.

    Attributes:
        theta, x, sign, weight: as for `theory.prediction.certificate.certificate`.
        minimiser: ``[p]``, or None where there is none.
        distance: of the minimiser in the metric of the Hessian at the point.
    """

    theta: np.ndarray
    x: np.ndarray
    sign: np.ndarray
    weight: np.ndarray
    minimiser: np.ndarray | None
    distance: float


def random_sample(rng: np.random.Generator, dim: int) -> Sample:
    """4 to 30 rows: outliers, very unequal weights, labels separated or not, points near and far.

    Args:
        rng: of its choices.
        dim: number of features.
    """
    count = int(rng.integers(4, _ROWS + 1))
    x = rng.normal(size=(_ROWS, dim)) * 10 ** rng.uniform(-1, 0.7, size=dim)
    x = x + rng.normal(size=dim) * rng.choice([0.0, 2.0])
    x[0] *= rng.choice([1.0, 1.0, 15.0])
    sign = np.where(x[:, 0] * rng.choice([0.0, 1.0]) + rng.normal(size=_ROWS) > 0, 1.0, -1.0)
    weight = rng.exponential(size=_ROWS) ** rng.choice([0, 1, 3])
    weight[1] *= rng.choice([1.0, 1.0, 100.0])
    weight[count:] = 0.0
    weight = weight / weight.sum()
    kept = slice(0, count)
    best = _newton(x[kept], sign[kept], weight[kept])
    theta = rng.normal(size=dim + 1) * rng.choice([0.0, 0.3])
    if best is not None:
        theta = best + rng.normal(size=dim + 1) * 10 ** rng.uniform(-3, 0)
    rows = np.insert(x[kept], 0, 1.0, axis=1)
    tail = np.exp(-np.logaddexp(0.0, sign[kept] * (rows @ theta)))
    hessian = (rows.T * (weight[kept] * tail * (1 - tail))) @ rows
    move = None if best is None else best - theta
    distance = math.inf if move is None else math.sqrt(move @ hessian @ move)
    return Sample(theta=theta, x=x, sign=sign, weight=weight, minimiser=best, distance=distance)


def _newton(x, sign, weight) -> np.ndarray | None:
    """Newton's method with halved steps; None where it runs away."""
    rows = np.insert(x, 0, 1.0, axis=1) * sign[:, None]
    theta = np.zeros(rows.shape[1])
    for _ in range(80):
        margin = rows @ theta
        tail = np.exp(-np.logaddexp(0.0, margin))
        slope = rows.T @ (weight * tail)
        hessian = (rows.T * (weight * tail * (1 - tail))) @ rows
        try:
            step = np.linalg.solve(hessian, slope)
        except np.linalg.LinAlgError:
            return None
        length, risk = 1.0, weight @ np.logaddexp(0.0, -margin)
        while weight @ np.logaddexp(0.0, -(margin + length * (rows @ step))) > risk + 1e-15:
            length /= 2
            if length < 1e-9:
                return None
        theta = theta + length * step
        if np.max(np.abs(rows @ step)) < 1e-9:
            return theta
        if np.max(np.abs(rows @ theta)) > 300:
            return None
    return None


@lru_cache(maxsize=1)
def _samples(count: int = 240) -> tuple[Sample, ...]:
    rng = np.random.default_rng(8)
    return tuple(random_sample(rng, 1 + k % 2) for k in range(count))


def _certified() -> dict[str, tuple[SupportsFloat, str]]:
    """What violates R7, and among how many samples."""
    far = near = published = held = premise = 0
    for sample in _samples():
        found = certificates.certificate(*map(jnp.asarray, sample[:4]))
        slack = 1e-7 * (1 + sample.distance)
        if bool(found.exists):
            held += 1
            far += not sample.distance <= float(found.farthest) + slack
        if sample.minimiser is not None:
            near += sample.distance < float(found.nearest) - slack
        if float(found.euclidean) <= 0.5:
            premise += 1
            bound = float(FORMULAS["R7.published"].numpy(decrement=float(found.decrement)))
            published += not sample.distance**2 <= bound + slack
    count = len(_samples())
    return {
        "far": (far, f"of {held} samples with kappa < 1 (of {count}), "),
        "near": (near, f"of {count} samples, "),
        "published": (published, f"of {premise} samples with nu R <= sqrt(lambda_min) / 2, "),
    }


def _certificate_checks() -> Iterator[Check]:
    certified = cache(_certified)

    def violations(label, claim):
        count, among = certified()[label]
        return _violations(count, among + claim)

    for label, claim in (
        ("far", "minimisers missing or too far"),
        ("near", "minimisers nearer than the certificate allows"),
        ("published", "those beyond 16 nu^2"),
    ):
        yield _check(f"R7.sample.bounds.{label}", claim, partial(violations, label, claim))


PARTS: tuple[Callable[[], Iterator[Check]], ...] = (
    _local_checks,
    _population_checks,
    _chain_checks,
    _proxy_checks,
    _certificate_checks,
)


def bound_checks(profile: str) -> Iterator[Check]:
    """Every check, of any profile: the cases are fixed.

    Args:
        profile: "quick" or "full".
    """
    del profile
    for part in PARTS:
        yield from part()
