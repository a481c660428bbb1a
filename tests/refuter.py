"""A search for counterexamples to statements as they are worded.

A statement is a function of a `Case` that returns by how much the case violates it: relative for
bounds and identities, in orders for remainders; NaN where the case says nothing about it. A search
tries cases of every directed family in turn, then of the families at random, until one violates the
statement or the budget is spent. The families go where statements break: a bias of small gradient
and large Hessian, covariances that are nearly singular, groups that tie, many groups, biases tiny
and huge, hardly any real weight.

Statements whose cases are no population with a design draw their own from a generator of random
numbers (`drawn`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Generator,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup

SHAPES = ((2, 1), (2, 3), (4, 2))  # groups and features: few, because every shape is compiled


class Case(NamedTuple):
    """A population, a design and a generator; ``scale`` draws it towards an unbiased one."""

    family: str
    groups: tuple[GaussianGroup, ...]
    design: Design
    generator: Generator

    def drawn_in(self, scale: float) -> Case:
        """The same case with its bias smaller, in the way in which its family lets it vanish.

        Families of close groups approach each other; the others weaken their generator.
        """
        if self.family == "close":
            centre = np.mean([group.mean[0] for group in self.groups], axis=0)
            groups = tuple(
                GaussianGroup(centre + scale * (group.mean[0] - centre), group.cov[0], group.label)
                for group in self.groups
            )
            return self._replace(groups=groups)
        return self._replace(generator=weakened(self.generator, scale))


def weakened(generator: Generator, scale: float) -> Generator:
    """A fixed generator with its deviation from the group multiplied by ``scale``."""
    match generator:
        case Shifted(shift=shift):
            return Shifted(tuple(scale * s for s in shift))
        case Scaled(factor=factor):
            return Scaled(1 + scale * (factor - 1))
        case Mislabelled(rate=rate):
            return Mislabelled(scale * rate)
    return generator


def _cov(rng: np.random.Generator, dim: int, least: float = 0.2) -> np.ndarray:
    basis, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    return (basis * rng.uniform(least, 1.8, dim)) @ basis.T


def _labels(count: int) -> list[int]:
    return [g % 2 for g in range(count)]


def _groups(rng, count: int, dim: int, spread: float = 1.0) -> tuple[GaussianGroup, ...]:
    apart = rng.normal(size=dim)
    apart *= rng.uniform(0.6, 1.6) / np.linalg.norm(apart)
    means = [y * apart + 0.4 * spread * rng.normal(size=dim) for y in _labels(count)]
    pairs = zip(means, _labels(count), strict=True)
    return tuple(GaussianGroup(mean, _cov(rng, dim), y) for mean, y in pairs)


def _design(rng, count: int, ratio: float = 12.0) -> Design:
    sizes = (np.exp(rng.uniform(0, math.log(ratio), count)) * rng.integers(60, 300)).astype(int)
    return Design(tuple(sizes.tolist()), int(rng.integers(20, 3000)), float(rng.uniform(0, 1)))


def _fixed(rng, dim: int) -> Generator:
    return (
        Shifted(tuple(rng.normal(size=dim) * rng.uniform(0.05, 0.6))),
        Scaled(float(np.exp(rng.uniform(-1.2, 1.0)))),
        Mislabelled(float(rng.uniform(0.0, 0.3))),
    )[rng.integers(3)]


FITTED = (
    Duplicate(),
    Smote(),
    GaussianPlugin("group"),
    GaussianPlugin("pooled"),
    GaussianPlugin("known"),
    Predictive("group"),
    Predictive("known"),
)


def _plain(rng, count, dim):
    return _groups(rng, count, dim), _design(rng, count), _fixed(rng, dim)


def _fitted(rng, count, dim):
    return _groups(rng, count, dim), _design(rng, count), FITTED[rng.integers(len(FITTED))]


def _close(rng, count, dim):
    """Groups of one covariance that nearly coincide, samples of another spread."""
    cov, apart = _cov(rng, dim), rng.normal(size=dim)
    apart *= rng.uniform(0.05, 0.5) / np.linalg.norm(apart)
    groups = tuple(GaussianGroup(y * apart, cov, y) for y in _labels(count))
    scaled = Scaled(float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.4, 1.6))))
    return groups, Design((300,) * count, int(rng.integers(20, 3000)), 1.0), scaled


def _singular(rng, count, dim):
    groups = tuple(
        GaussianGroup(group.mean[0], _cov(rng, dim, 1e-4), group.label)
        for group in _groups(rng, count, dim)
    )
    return groups, _design(rng, count), _fixed(rng, dim)


def _tied(rng, count, dim):
    """Groups in mirrored pairs, whose errors tie under even sizes."""
    cov, mean = _cov(rng, dim), rng.normal(size=dim)
    mean *= rng.uniform(0.4, 1.2) / np.linalg.norm(mean)
    groups = tuple(GaussianGroup((2 * y - 1) * mean, cov, y) for y in _labels(count))
    return groups, Design((200,) * count, int(rng.integers(50, 500)), 0.5), _fixed(rng, dim)


def _tiny(rng, count, dim):
    return _groups(rng, count, dim), _design(rng, count), weakened(_fixed(rng, dim), 1e-3)


def _huge(rng, count, dim):
    generator = (
        Shifted(tuple(rng.normal(size=dim) * 4)),
        Scaled(float(rng.choice([0.02, 20.0]))),
        Mislabelled(float(rng.uniform(0.35, 0.49))),
    )[rng.integers(3)]
    return _groups(rng, count, dim), _design(rng, count), generator


def _collapsed(rng, count, dim):
    """Samples that nearly repeat the groups' means: the divergence is finite, the excess is not."""
    factor = float(np.exp(rng.uniform(-10, -4)))
    return _groups(rng, count, dim), Design((300,) * count, 300, 1.0), Scaled(factor)


def _unreal(rng, count, dim):
    """Hardly any weight on real samples."""
    sizes = _design(rng, count).sizes
    return _groups(rng, count, dim), Design(sizes, 500, 0.99), _fixed(rng, dim)


FAMILIES: Mapping[str, Callable] = {
    "plain": _plain,
    "fitted": _fitted,
    "close": _close,
    "nearly singular": _singular,
    "tied": _tied,
    "tiny": _tiny,
    "huge": _huge,
    "collapsed": _collapsed,
    "unreal": _unreal,
}


def case_of(family: str, seed: int) -> Case:
    """The case of a family with a seed: the same at every call."""
    rng = np.random.default_rng([list(FAMILIES).index(family), seed])
    count, dim = SHAPES[1 if family == "fitted" else rng.integers(len(SHAPES))]
    return Case(family, *FAMILIES[family](rng, count, dim))


def cases(budget: int, families=tuple(FAMILIES), seed: int = 0) -> Iterator[Case]:
    """As many cases as the budget, family after family."""
    for k in range(budget):
        yield case_of(families[k % len(families)], seed + k // len(families))


class Found(NamedTuple):
    """What a search ended with: the worst violation, its case, and how many cases spoke.

    A case of `drawn` is the seed of its generator of random numbers.
    """

    worst: float
    case: Any
    tried: int


def spoken(violation: Callable[[Any], float], case: Any) -> float:
    """The violation, or NaN where theory refuses the case, saying why, and so claims nothing."""
    try:
        return float(violation(case))
    except ValueError as error:
        if re.match(r"(law|design): got", str(error)):
            return math.nan
        raise


def search(
    violation: Callable[[Case], float],
    budget: int,
    tolerance: float = 1e-7,
    families=tuple(FAMILIES),
    seed: int = 0,
) -> Found:
    """The first case that violates a statement by more than the tolerance, or the worst of all."""
    return _worst(violation, cases(budget, families, seed), tolerance)


def drawn(
    violation: Callable[[np.random.Generator], float],
    budget: int,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> Found:
    """The same for statements that draw cases of their own, each from random numbers of a seed."""
    seeds = ([seed, k] for k in range(budget))
    return _worst(lambda case: violation(np.random.default_rng(case)), seeds, tolerance)


def _worst(violation: Callable[[Any], float], tries: Iterable[Any], tolerance: float) -> Found:
    worst, culprit, tried = -math.inf, None, 0
    for case in tries:
        value = spoken(violation, case)
        if math.isnan(value):
            continue
        tried += 1
        if value > worst:
            worst, culprit = value, case
        if value > tolerance:
            break
    return Found(worst, culprit, tried)


def held(name: str, statement, budget: int, tolerance: float = 1e-7, seed: int = 0) -> None:
    """Fail with the case that violates a statement, or where too few cases speak about it."""
    found = drawn(statement, budget, tolerance, seed)
    assert found.worst <= tolerance, f"{name}: violated by {found.worst:.3g} in {found.case}"
    assert found.tried > budget / 4, f"{name}: {found.tried} cases"


def refuted(name: str, statement, budget: int = 40, least: float = 0.05) -> None:
    """Fail unless a case violates a wording by a good deal."""
    found = drawn(statement, budget, least)
    assert found.worst > least, f"{name}: at most {found.worst:.3g} in {found.tried} cases"


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A positive number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


_SCALES = ((0.48, 0.24, 0.12), (0.012, 0.006))  # several: a remainder may change its sign


def order_of(remainder: Callable[[Case], tuple[float, float]], case: Case) -> float:
    """Order of a remainder in the size of a bias as the bias vanishes."""
    (size, gap), (smaller, closer) = (
        np.max([remainder(case.drawn_in(scale)) for scale in scales], axis=0) for scales in _SCALES
    )
    if not (smaller > 0 and min(gap, closer) > 1e-11 * max(1.0, size)):
        return math.nan  # nothing is left but rounding
    return math.log(gap / closer) / math.log(size / smaller)


def kl_of(case: Case) -> np.ndarray | None:
    """KL(Q_g || P_g) of a fixed generator's features on Gaussian groups; None where infinite."""
    dim = case.groups[0].dim
    match case.generator:
        case Shifted(shift=shift):
            return np.array(
                [np.dot(shift, np.linalg.solve(group.cov[0], shift)) / 2 for group in case.groups]
            )
        case Scaled(factor=factor):
            return np.full(len(case.groups), dim / 2 * (factor - 1 - math.log(factor)))
        case Oracle():
            return np.zeros(len(case.groups))
    return None


def searches(statements: dict, wrong: dict, long: Sequence[str] = ()) -> tuple:
    """The tests of a file: statements within their budget, ten times it, and wrong wordings.

    Args:
        statements: name -> search and budget; wrong: name -> search that has to find a case.
        long: names that are searched only among the slow tests.
    """

    def named(table):
        return [pytest.param(n, marks=[pytest.mark.slow] if n in long else []) for n in table]

    @pytest.mark.parametrize("name", named(statements))
    def holds(name):
        held(name, *statements[name])

    @pytest.mark.slow
    @pytest.mark.parametrize("name", statements)
    def holds_among_many(name):
        statement, budget = statements[name]
        held(name, statement, 10 * budget, seed=1000)

    @pytest.mark.parametrize("name", named(wrong))
    def is_refuted(name):
        refuted(name, wrong[name])

    return holds, holds_among_many, is_refuted
