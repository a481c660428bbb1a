"""Replicates behind the checks of theorem S: excess risk along the synthetic size and its weight.

One replicate draws one data set, with the largest synthetic size of its path; a smaller size uses
the first rows, so that all weights and sizes of a path share their random numbers. Every point is a
full fit whose excess risk is computed in closed form: no prediction enters an observed value.

* ``curve``: sizes 100 and 1000, with the weights around the best one and around the turning point;
* ``wide``: five sizes from 100 to 10^4 with all those weights, for the figures;
* ``far``: size 10^4; ``farther``: 10^5 at the best weight, in the full profile (the quick one has
  that end in the figure alone);
* ``gradient``: no fit; the parts ``U`` and ``W`` of the empirical gradient at the optimum, whose
  ``H^{-1}``-products have the moments ``A``, ``C``, ``D + S/N`` as their means;
* ``floor``: a fitted generator with ten synthetic samples per real one, at two numbers of seeds;
* ``halved``: two close classes and a generator that halves every covariance, whose bias and its
  Hessian are not small: there S1's hyperbola says a quarter of the excess that its global law does.

In the others classes are close (the balanced optimum is small) and generator biases of the order of
the sampling noise, where the moments of the hyperbola can be told one by one; SMOTE's shrinkage has
no such size.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset, row_layout
from synthetic_oversampling.simulate.sampling.erm import empirical_gradient, fit
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Generator,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw
from synthetic_oversampling.theory.scaling.moments import (
    ScalingMoments,
    law_of_design,
    scaling_moments,
)

__all__ = [
    "FIXED_WEIGHT",
    "FLOOR_SIZES",
    "GENERATORS",
    "POINTS",
    "SIZES",
    "Path",
    "floor_path",
    "halved_path",
    "path",
]

GROUPS = (
    GaussianGroup([0.0, 0.0], [[1.0, 0.2], [0.2, 0.9]], 0),
    GaussianGroup([0.2, -0.08], [[1.1, -0.1], [-0.1, 1.0]], 1),
)
SIZES = (800, 200)  # rows of each group
FLOOR_SIZES = (400, 100)  # rows of each group where the floor is looked at
POINTS = {  # synthetic sizes by kind of path
    "curve": (100, 1000),
    "wide": (100, 300, 1000, 3000, 10_000),
    "far": (10_000,),
    "farther": (100_000,),
    "gradient": (100, 1000),
    "case": (4000,),  # of covariances halved
}
HALVED = (
    GaussianGroup([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], 0),
    GaussianGroup([0.3, 0.0], [[1.0, 0.0], [0.0, 1.0]], 1),
)
SHIFTED, SCALED = Shifted((0.08, -0.04)), Scaled(0.95)
# a generator for each group, by name
GENERATORS: dict[str, tuple[Generator, Generator]] = {
    "oracle": (Oracle(), Oracle()),
    "shifted": (Oracle(), SHIFTED),  # the minority's generator is the biased one
    "scaled": (Oracle(), SCALED),
    "smote": (Smote(), Smote()),
    "duplicate": (Duplicate(), Duplicate()),
    "plugin": (GaussianPlugin(), GaussianPlugin()),
    "predictive": (Predictive(), Predictive()),
}
FIXED_WEIGHT = 0.3  # weight of the synthetic rows where it is not the best one
_PARAMETERS = 3
_BEYOND = 1.3  # times the weight beyond which augmentation hurts


@dataclasses.dataclass(frozen=True)
class Path:
    """Weights at some synthetic sizes of one generator, on common draws.

    Attributes:
        name: of its experiment.
        sizes: real samples per class.
        generators: one per class.
        points: ``(N, weights)`` by increasing size.
        fits: whether replicates are fitted; only gradients otherwise.
        groups: the two classes.
    """

    name: str
    sizes: tuple[int, int]
    generators: tuple[Generator, Generator]
    points: tuple[tuple[int, tuple[float, ...]], ...]
    fits: bool = True
    groups: tuple[GaussianGroup, GaussianGroup] = GROUPS

    @cached_property
    def parts(self) -> ScalingMoments:
        """S1's hyperbola and its parts."""
        return _moments(self.groups, self.sizes, self.generators)

    @cached_property
    def law(self) -> GlobalLaw:
        """S1's global law."""
        return _law(self.groups, self.sizes, self.generators)

    def predicted(self, weight: float, size: int) -> Prediction:
        """Theorem R at one weight and size.

        Args:
            weight: ``alpha``.
            size: ``N``.
        """
        return _predict(self.groups, self.sizes, self.generators, weight, size)

    @property
    def flat(self) -> tuple[float, ...]:
        """Weights of all points, in the order of the statistic ``excess``."""
        return tuple(weight for _, weights in self.points for weight in weights)

    @property
    def drawn(self) -> Design:
        """The design whose rows are drawn."""
        return Design(self.sizes, self.points[-1][0], 0.5)

    @property
    def block(self) -> int:
        """Replicates computed together."""
        rows = sum(s.count for s in row_layout(self.drawn))
        return block_for(rows, 4 * _PARAMETERS)

    def functions(self):
        """``(draw, evaluate)`` for `monte_carlo.run`: the same two at every call, so that they are
        compiled once."""
        return _functions(self)


@lru_cache(maxsize=64)
def _functions(path: Path):
    star = path.parts.theta_star
    if path.fits:
        starts = tuple(
            jnp.stack([path.predicted(w, n).theta_alpha for w in weights])
            for n, weights in path.points
        )
        constants: Any = star, tuple(jnp.asarray(w) for _, w in path.points), starts
    else:
        best = jnp.asarray([weight for _, (weight,) in path.points])
        constants = star, jnp.linalg.inv(path.parts.hessian), best
    groups, drawn, generators = path.groups, path.drawn, path.generators

    def draw(key):
        data = draw_dataset(groups, drawn, generators, key=key)
        return data.x, data.sign, constants

    counts = tuple(n for n, _ in path.points)
    if path.fits:
        return draw, _fitted(groups, path.sizes, counts)
    return draw, _gradients(path.sizes, counts)


@lru_cache(maxsize=512)
def _predict(groups, sizes, generators, weight: float, size: int) -> Prediction:
    return predict(groups, Design(sizes, size if weight else 0, weight), generators)


class _Rows:
    """Which rows are used at a size, and what they weigh in the two parts of the design."""

    def __init__(self, sizes: tuple[int, int], largest: int, size: int):
        layout = row_layout(Design(sizes, largest, 0.5))
        counts = [min(s.count, size) if s.part == "augmentation" else s.count for s in layout]
        pairs = list(zip(layout, counts, strict=True))
        self.index = np.concatenate([s.start + np.arange(count) for s, count in pairs])
        added = np.repeat([s.part == "augmentation" for s in layout], counts)
        self.over = jnp.asarray(np.where(added, 0.0, 0.5 / max(sizes)))
        self.aug = jnp.asarray(np.where(added, 0.5 / size, 0.0))


@lru_cache(maxsize=16)
def _fitted(groups, sizes: tuple[int, int], counts: tuple[int, ...]):
    """Excess risks of all points on one data set; compiled once per layout and number of points."""
    rows = [_Rows(sizes, counts[-1], size) for size in counts]
    balanced = balanced_law(groups)

    def evaluate(data):
        x, sign, (star, weights, starts) = data
        floor = risk(star, balanced)
        values, failed, apart = [], [], []
        for row, several, first in zip(rows, weights, starts, strict=True):
            features, labels = x[row.index], sign[row.index]

            def one(setting, rows=row, features=features, labels=labels):
                alpha, start = setting
                weight = (1.0 - alpha) * rows.over + alpha * rows.aug
                result = fit(features, labels, weight, start=start)
                bad = ~result.converged & ~result.separated
                return risk(result.theta, balanced) - floor, bad, result.separated

            value, bad, separated = jax.lax.map(one, (several, first))
            values.append(value)
            failed.append(jnp.any(bad))
            apart.append(jnp.any(separated))
        excess = jnp.concatenate(values)
        return {
            "excess": excess,
            "change": excess - excess[-1],  # from the last point, on the same data
            "across": excess[-2:-1] - excess[-3:-2],  # the two points before it
            "scaled": max(sizes) * excess,
            "not_converged": jnp.any(jnp.stack(failed)),
            "separated": jnp.any(jnp.stack(apart)),
        }

    return evaluate


@lru_cache(maxsize=16)
def _gradients(sizes: tuple[int, int], counts: tuple[int, ...]):
    """``H^{-1}``-products of the two parts of the empirical gradient at the balanced optimum."""
    rows = [_Rows(sizes, counts[-1], size) for size in counts]

    def evaluate(data):
        x, sign, (star, inverse, best) = data

        def slope(rows: _Rows, weight: Array) -> Array:
            return empirical_gradient(star, x[rows.index], sign[rows.index], weight)

        over = slope(rows[0], rows[0].over)
        augs = [slope(row, row.aug) for row in rows]
        curvature = over @ inverse @ over
        cross = jnp.stack([over @ inverse @ aug for aug in augs])
        square = jnp.stack([aug @ inverse @ aug for aug in augs])
        # half the derivative, in the weight, of the parts' squared norm
        slope_at_best = best * (curvature - 2 * cross + square) - (curvature - cross)
        return {"over": curvature, "cross": cross, "aug": square, "edge": slope_at_best}

    return evaluate


def _weights(label: str, size: int) -> tuple[float, ...]:
    """Best, fixed and full weight; beyond the turning point; two about the best; none, last."""
    law = _law(GROUPS, SIZES, GENERATORS[label])
    best, harmful = float(law.best_weight(size)), float(law.harmful_weight(size))
    reach = min(best, 1.0 - best)
    beyond = min(_BEYOND * harmful, 1.0)
    return best, FIXED_WEIGHT, 1.0, beyond, best - reach, best + reach, 0.0


def _small_weight(label: str, size: int) -> tuple[float]:
    """The best weight by the hyperbola, which is about products of gradients."""
    return (float(_moments(GROUPS, SIZES, GENERATORS[label]).law.best_weight(size)),)


@lru_cache(maxsize=64)
def _moments(groups, sizes, generators) -> ScalingMoments:
    return scaling_moments(groups, sizes, generators)


@lru_cache(maxsize=64)
def _law(groups, sizes, generators) -> GlobalLaw:
    return law_of_design(groups, sizes, generators)


@lru_cache(maxsize=64)
def path(label: str, kind: str) -> Path:
    """The path of a generator: kind "curve", "wide", "far", "farther" or "gradient".

    Args:
        label: of the generator, one of `GENERATORS`.
        kind: which points.

    Example:
        >>> path("oracle", "farther").points[0][0]
        100000
    """
    kept = {"curve": (3, 7), "wide": (7,) * 5, "far": (3,), "farther": (1,)}  # of `_weights`
    points = tuple(
        (n, _small_weight(label, n) if kind == "gradient" else _weights(label, n)[: kept[kind][k]])
        for k, n in enumerate(POINTS[kind])
    )
    name = f"scaling/{label}-{kind}"
    return Path(
        name=name, sizes=SIZES, generators=GENERATORS[label], points=points, fits=kind != "gradient"
    )


@lru_cache(maxsize=16)
def floor_path(label: str, factor: int) -> Path:
    """A fitted generator with ten synthetic samples for every real one, at its best weight.

    Args:
        label: of the generator, one of `GENERATORS`.
        factor: multiplies the sizes.
    """
    sizes = factor * FLOOR_SIZES[0], factor * FLOOR_SIZES[1]
    law = _law(GROUPS, sizes, GENERATORS[label])
    size = 10 * sizes[0]
    points = ((size, (float(law.best_weight(size)),)),)
    return Path(f"scaling/{label}-floor{factor}", sizes, GENERATORS[label], points)


@lru_cache(maxsize=1)
def halved_path() -> Path:
    """Two close classes with covariances halved by the generator, without and with weight."""
    generators = (Scaled(0.5), Scaled(0.5))
    points = ((POINTS["case"][0], (0.5, 1.0, 0.0)),)
    return Path("scaling/halved-case", (4000, 400), generators, points, groups=HALVED)
