"""Settings on which the verdicts of `theory.prediction.validity` are calibrated and confirmed.

Four families, each rebuilt from its name alone: a grid of two Gaussian classes, the points of it
that are too large to be drawn in batches, the settings in which the expansion is known to fail, and
random groups and generators that no threshold was chosen on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

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

__all__ = ["Case", "fresh_cases", "grid_cases", "known_cases", "large_cases"]

DIMS = (1, 2, 5, 15, 50)
SEEDS = (1, 2, 5, 10, 20, 50)  # of the smallest group for every parameter
DISTANCES = (1.0, 2.0, 3.0, 4.0, 6.0)
RATIOS = (1, 10, 100, 1000)
MOST_ROWS = 40_000
MOST_WORK = 2e7  # rows times the square of the parameters
EVERY = 5  # of the points of the grid, one is drawn


class Case(NamedTuple):
    """A design on its groups, by name.

    Attributes:
        name: for the table; groups, design: what is predicted.
        generator: one for all groups, or one per group.
    """

    name: str
    groups: tuple[GaussianGroup, ...]
    design: Design
    generator: Generator | tuple[Generator, ...]


def classes(dim: int, distance: float) -> tuple[GaussianGroup, GaussianGroup]:
    """Two unit Gaussians at a Mahalanobis distance, the direction of no axis."""
    unit = np.cos(1.0 + np.arange(dim))
    mean = distance * unit / np.linalg.norm(unit)
    return GaussianGroup(np.zeros(dim), np.eye(dim), 0), GaussianGroup(mean, np.eye(dim), 1)


def _fits(sizes: Sequence[int], dim: int) -> bool:
    return sum(sizes) <= MOST_ROWS and sum(sizes) * (dim + 1) ** 2 <= MOST_WORK


def _points(family: str, large: bool) -> Iterator[Case]:
    points = [
        (dim, seeds, distance, ratio)
        for dim in DIMS
        for seeds in SEEDS
        for distance in DISTANCES
        for ratio in RATIOS
    ]
    for place, (dim, seeds, distance, ratio) in enumerate(points):
        sizes = (seeds * (dim + 1) * ratio, seeds * (dim + 1))
        if (place + 2 * (place // 4) + place // 20) % EVERY or _fits(sizes, dim) == large:
            continue
        name = f"{family}/d{dim}-seeds{seeds}-distance{distance:g}-ratio{ratio}"
        groups = classes(dim, distance)
        yield Case(f"{name}-weighted", groups, Design.class_weighted(sizes), Oracle())
        yield Case(f"{name}-raw", groups, Design.raw(sizes), Oracle())


def grid_cases() -> Iterator[Case]:
    """Raw and weighted training on every fifth point of the grid that is not too large to draw."""
    yield from _points("grid", large=False)


def large_cases() -> Iterator[Case]:
    """The same on every fifth point that is: up to 2.6 million rows, and most of ratio 1000."""
    yield from _points("large", large=True)


def known_cases() -> Iterator[Case]:
    """Settings in which the expansion is known to be off: few seeds, and near separation."""
    for dim in (5, 15, 30):
        for seeds in (2, 5):
            few = seeds * (dim + 1)
            design = Design.class_weighted((10 * few, few))
            yield Case(f"known/d{dim}-seeds{seeds}", classes(dim, 1.5), design, Oracle())
    for dim in (2, 5):
        for scheme in (Design.class_weighted, Design.raw):
            used = scheme((500, 50))
            yield Case(f"known/d{dim}-separated-{used.scheme}", classes(dim, 4.0), used, Oracle())


def _spd(rng: np.random.Generator, dim: int) -> np.ndarray:
    root = rng.normal(size=(dim, 2 * dim + 2))
    cov = root @ root.T / (2 * dim + 2)
    scale = np.exp(rng.uniform(-0.4, 0.4, dim))
    return cov * np.outer(scale, scale)


def _group(rng, dim: int, centre, label: int, mixture: bool) -> GaussianGroup:
    if not mixture:
        return GaussianGroup(centre, _spd(rng, dim), label)
    means = centre + 0.6 * rng.normal(size=(2, dim))
    return GaussianGroup(means, np.stack([_spd(rng, dim) for _ in means]), label)


def _generator(rng, dim: int) -> Generator:
    shift = tuple(rng.normal(size=dim) * 0.25 / math.sqrt(dim))
    options: list[Generator] = [
        Oracle(),
        Shifted(shift),
        Scaled(float(rng.uniform(0.6, 1.2))),
        Mislabelled(float(rng.uniform(0.0, 0.1))),
        Duplicate(),
        Smote(),
        GaussianPlugin("group"),
        GaussianPlugin("pooled"),
        Predictive("known"),
    ]
    return options[rng.integers(len(options))]


def fresh_cases(draw: int, count: int) -> Iterator[Case]:
    """Random settings: unequal covariances, mixtures, two or four groups, every generator.

    Args:
        draw: seed of the settings.
        count: how many.
    """
    for place in range(count):
        rng = np.random.default_rng([draw, place])
        dim = int(rng.choice([1, 2, 4, 9, 25]))
        labels = (0, 1) if rng.random() < 0.7 else (0, 0, 1, 1)
        distance = rng.uniform(0.7, 4.5)
        axis = rng.normal(size=dim)
        axis = axis / np.linalg.norm(axis)
        groups = tuple(
            _group(
                rng,
                dim,
                distance * label * axis + 0.4 * rng.normal(size=dim) / math.sqrt(dim),
                label,
                bool(rng.random() < 0.25),
            )
            for label in labels
        )
        few = math.ceil((dim + 1) * math.exp(rng.uniform(math.log(6), math.log(120))))
        while True:
            spread = np.exp(rng.uniform(0, math.log(60), len(labels)))
            sizes = tuple(int(v) for v in np.ceil(few * spread / spread.min()))
            if _fits([2 * max(sizes) * len(sizes)], dim):
                break
            few = max(few - few // 4, 6 * (dim + 1))
        kind = rng.random()
        generator = _generator(rng, dim)
        if kind < 0.15:
            design = Design.raw(sizes)
        elif kind < 0.3:
            design = Design.class_weighted(sizes)
        else:
            extra = int(rng.integers(min(sizes), max(sizes) + 1))
            design = Design(sizes, extra, float(rng.choice([0.2, 0.5, 0.8])))
        name = f"fresh/{draw}-{place}-d{dim}-{design.scheme}-{type(generator).__name__.lower()}"
        yield Case(name, groups, design, generator)
