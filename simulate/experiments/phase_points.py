"""Where synthetic oversampling helps and where it hurts: designs beside their three rivals.

One replicate draws real samples, fresh draws from the groups (to be shifted by several lengths) and
SMOTE's samples on the same real data, and fits all of them: plain ERM, group-weighted ERM,
levelling by SMOTE, and the synthetic design for every length of its generator's mean shift.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property, lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset, row_layout
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import Oracle, Shifted, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.prediction.benefit import REFERENCES, reference_design
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict

__all__ = ["PhasePoint", "separated_groups"]


def separated_groups(separation: float, means: np.ndarray) -> tuple[GaussianGroup, GaussianGroup]:
    """Two classes with identity covariance at a distance, along the line between two means.

    Args:
        separation: the distance, in standard deviations.
        means: two points ``[2, d]`` on the line.
    """
    line = np.asarray(means[1], float) - np.asarray(means[0], float)
    line = separation * line / np.linalg.norm(line)
    cov = np.eye(len(line))
    return GaussianGroup(0 * line, cov, 0), GaussianGroup(line, cov, 1)


@dataclasses.dataclass(frozen=True)
class PhasePoint:
    """A separation and an imbalance ratio, with the shifts to be tried there.

    Attributes:
        separation: distance between the classes, in standard deviations.
        means: two points on the line through the class means.
        sizes: real samples per class.
        augmentation, weight: ``N`` and ``alpha`` of the synthetic design.
        direction: of the shift.
        lengths: of the shifts.
    """

    separation: float
    means: tuple[tuple[float, ...], tuple[float, ...]]
    sizes: tuple[int, int]
    augmentation: int
    weight: float
    direction: tuple[float, ...]
    lengths: tuple[float, ...]

    @cached_property
    def groups(self) -> tuple[GaussianGroup, GaussianGroup]:
        """The classes."""
        return separated_groups(self.separation, np.asarray(self.means))

    @property
    def design(self) -> Design:
        """The synthetic design."""
        return Design(self.sizes, self.augmentation, self.weight)

    def shift(self, length: float) -> tuple[float, ...]:
        """The generator's shift of a length.

        Args:
            length: in the units of the features.
        """
        unit = np.asarray(self.direction) / np.linalg.norm(self.direction)
        return tuple((length * unit).tolist())

    @cached_property
    def rivals(self) -> dict[str, Prediction]:
        """Theorem R for the references."""
        return {
            name: predict(self.groups, *reference_design(name, self.sizes)) for name in REFERENCES
        }

    @cached_property
    def shifted(self) -> tuple[Prediction, ...]:
        """Theorem R for the design, by length of its generator's shift."""
        return tuple(
            predict(self.groups, self.design, Shifted(self.shift(length)))
            for length in self.lengths
        )

    @property
    def block(self) -> int:
        """Replicates computed together."""
        rows = sum(s.count for s in row_layout(self.design))
        return block_for(rows, 4 * (len(self.direction) + 1))

    def functions(self):
        """``(draw, evaluate)`` for `monte_carlo.run`: ``gain`` by rival, then length.

        The same two at every call, so that they are compiled once."""
        return _functions(self)


@lru_cache(maxsize=64)
def _functions(point: PhasePoint):
    groups, design, levelled = point.groups, point.design, Design(point.sizes)
    every = [*point.rivals.values(), *point.shifted]
    starts = jnp.stack([one.theta_alpha for one in every])
    star = every[0].theta_star
    moves = jnp.asarray([point.shift(length) for length in point.lengths])

    def draw(key):
        fresh = draw_dataset(groups, design, Oracle(), key=key)
        smote = draw_dataset(groups, levelled, Smote(), key=key)
        return fresh.x, smote.x, (star, starts, moves, jnp.asarray(point.separation))

    return draw, _evaluator(point.means, point.sizes, point.augmentation, point.weight)


@lru_cache(maxsize=16)
def _evaluator(means, sizes, augmentation: int, weight: float):
    """Fits of all rivals and shifts; one function for every separation and set of lengths."""
    design, levelled = Design(sizes, augmentation, weight), Design(sizes)
    layout, shape = row_layout(design), row_layout(levelled)

    def columns(point, values) -> np.ndarray:
        return np.repeat([values(s) for s in point], [s.count for s in point])

    drawn = columns(layout, lambda s: float(s.part != "real"))
    signs = [2.0 * y - 1.0 for y in (0, 1)]
    sign = jnp.asarray(columns(layout, lambda s: signs[s.group]))
    mass = jnp.asarray(columns(layout, lambda s: s.row_weight))
    references = (Design.raw(sizes), Design.class_weighted(sizes))
    plain = [
        jnp.asarray(
            columns(layout, lambda s, m=reference.real_mass: m[s.group] / sizes[s.group])
            * (1 - drawn)
        )
        for reference in references
    ]
    level = jnp.asarray(columns(shape, lambda s: s.row_weight))
    level_sign = jnp.asarray(columns(shape, lambda s: signs[s.group]))
    unit = separated_groups(1.0, np.asarray(means))
    line = jnp.asarray(unit[1].mean[0])
    base = balanced_law(unit)

    def evaluate(data):
        x, smote, (star, starts, moves, separation) = data
        above = base.signs > 0
        balanced = base._replace(means=jnp.where(above[:, None], separation * line[None], 0.0))

        def excess(result):
            return risk(result.theta, balanced) - risk(star, balanced)

        def one(setting):
            move, family, start = setting
            result = fit(x + jnp.asarray(drawn)[:, None] * move[None], sign, family, start=start)
            return excess(result), result.converged

        still = jnp.zeros_like(moves[:2])
        weights = jnp.stack([*plain, *([mass] * moves.shape[0])])
        kept = jnp.concatenate([starts[:2], starts[3:]])
        values, converged = jax.lax.map(one, (jnp.concatenate([still, moves]), weights, kept))
        levelled = fit(smote, level_sign, level, start=starts[2])
        rivals = jnp.stack([values[0], values[1], excess(levelled)])
        gain = rivals[:, None] - values[None, 2:]
        return {
            "gain": gain.ravel(),
            "not_converged": ~(jnp.all(converged) & levelled.converged),
        }

    return evaluate
