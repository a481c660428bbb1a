"""Theorem H2: what every generator of a design becomes in the proportional regime.

A generator of a fixed law adds clusters. One that is fitted on the seeds of its group couples their
scores; what it adds to a seed's potential is given here as parts of `theory.proportional.equations`
and stated in the registry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import NamedTuple

import numpy as np
import scipy

from synthetic_oversampling.theory.generators.gaussian import FittedGaussian
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    Generator,
    Smote,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.proportional.parts import Drawn, Parts, Rows, Seeds

__all__ = ["duplicate_weights", "parts_of"]

_TAIL = 1e-12  # of the law of weights that is left out
_MOST_WEIGHTS = 60


def duplicate_weights(
    weight: float, draws: Sequence[tuple[float, float, float]]
) -> tuple[tuple[float, float], ...]:
    """The law of a seed's weight when rows are drawn from the seeds with replacement.

    Each of ``m`` rows of weight ``v`` falls on one of ``n`` seeds, so that a seed gets ``v`` times
    a Poisson variable of mean ``m / n``, independent of the others' up to O(1/n); infinitely many
    rows give each the same.

    Args:
        weight: of the seed itself.
        draws: for each part ``(rows per seed, weight of a row, weight of all rows per seed)``.

    Example:
        >>> law = duplicate_weights(1.0, [(2.0, 0.5, 1.0)])
        >>> round(law[0][0], 4), law[0][1], round(sum(p * w for p, w in law), 9)
        (0.1353, 1.0, 2.0)
    """
    chances, weights = np.ones(1), np.array([weight])
    for rate, each, total in draws:
        if math.isinf(rate):
            weights = weights + total
            continue
        spread = max(math.sqrt(rate), 1.0)
        low = max(0, math.floor(rate - 7.5 * spread))
        high = math.ceil(rate + 8 * spread + 8)
        step = max(1, (high - low) // _MOST_WEIGHTS)
        counts: np.ndarray = np.arange(low, high + 1)
        mass = scipy.stats.poisson.pmf(counts, rate)
        if step > 1:  # neighbouring counts together, at their mean
            groups = (counts - low) // step
            merged = np.bincount(groups, mass)
            counts = np.bincount(groups, mass * counts) / np.maximum(merged, 1e-300)
            mass = merged
        chances = (chances[:, None] * mass).ravel()
        weights = (weights[:, None] + each * counts).ravel()
        kept = chances > _TAIL
        chances, weights = chances[kept] / chances[kept].sum(), weights[kept]
    return tuple(zip(chances.tolist(), weights.tolist(), strict=True))


class _Synthetic(NamedTuple):
    """A part of a design: rows of a group, the weight of all of them."""

    number: float
    weight: float


def _synthetic(design: Design, g: int, total: float, many: bool) -> list[_Synthetic]:
    parts = [
        _Synthetic(float(design.oversampling[g]), total * float(design.oversampling_mass[g])),
        _Synthetic(float(design.augmentation), total * float(design.augmentation_mass[g])),
    ]
    parts = [part for part in parts if part.weight > 0 and part.number > 0]
    return [part._replace(number=math.inf) for part in parts] if many else parts


def parts_of(
    groups: Sequence[GaussianGroup],
    design: Design,
    generators: Sequence[Generator],
    *,
    many: bool = False,
) -> Parts:
    """Everything that theorem H's equations need of a design.

    Args:
        groups: of the design; generators: one for each group.
        design: sizes, augmentation and weight; losses are weighted so that they sum to the number
            of real rows.
        many: whether to take infinitely many synthetic rows of the same total weight.

    Raises:
        ValueError: for a generator without a law in this regime, with the reason.
    """
    parts = Parts(rows=[], seeds=[], drawn=[], means=[], covs=[], real=[], limited=False)
    total, limited = float(design.n_total), False
    for g, group in enumerate(groups):  # real rows first
        places = []
        for share, mean, cov in zip(group.weights, group.mean, group.cov, strict=True):
            places.append(len(parts.rows))
            weight = total * float(design.real_mass[g]) / design.sizes[g]
            parts.rows.append(Rows(share * design.sizes[g], group.sign, ((1.0, weight),)))
            parts.means.append(mean)
            parts.covs.append(cov)
        parts.real.append(tuple(places))
        parts.seeds.append(Seeds(tuple(places), group.weights, float(design.sizes[g]), group.sign))
    for g, generator in enumerate(generators):
        for part in _synthetic(design, g, total, many):
            generator.check_seeds(design.sizes, groups[0].dim)
            limited |= _add(generator, parts, groups, design, g, part)
    return parts._replace(limited=limited)


@singledispatch
def _add(generator, parts: Parts, groups, design: Design, g: int, synthetic: _Synthetic) -> bool:
    """Add a group's synthetic rows; whether they are taken for infinitely many."""
    if generator.fitted:
        raise ValueError(
            f"generator: got {generator!r}, expected one whose rows have a law in this regime; "
            f"say in theory.proportional.generators what {type(generator).__name__} adds."
        )
    law = population_law(generator, g, groups, design.sizes)
    for share, mean, cov, sign in zip(*law, strict=True):
        if share > 0:
            each = 0.0 if math.isinf(synthetic.number) else synthetic.weight / synthetic.number
            rows = Rows(share * synthetic.number, sign, ((1.0, each),), share * synthetic.weight)
            parts.rows.append(rows)
            parts.means.append(mean)
            parts.covs.append(cov)
    return False


@_add.register(Duplicate)
def _(generator, parts: Parts, groups, design: Design, g: int, synthetic: _Synthetic) -> bool:
    size = design.sizes[g]
    each = 0.0 if math.isinf(synthetic.number) else synthetic.weight / synthetic.number
    draw = [(synthetic.number / size, each, synthetic.weight / size)]
    for k in parts.real[g]:
        old = parts.rows[k]
        laws = [
            (p * chance, weight)
            for p, base in old.laws
            for chance, weight in duplicate_weights(base, draw)
        ]
        parts.rows[k] = old._replace(laws=tuple(laws))
    return False


@_add.register(Smote)
def _(
    generator: Smote, parts: Parts, groups, design: Design, g: int, synthetic: _Synthetic
) -> bool:
    if generator.neighbours is not None:
        raise ValueError(
            f"generator: got {generator}, expected one with a law in this regime: "
            "each seed is paired with few others, so that their scores have no self-averaging "
            "law; use Smote() with all pairs, or simulate."
        )
    parts.drawn.append(Drawn("pairs", g, synthetic.weight))
    return math.isfinite(synthetic.number)


@_add.register(FittedGaussian)
def _(
    generator: FittedGaussian, parts: Parts, groups, design: Design, g: int, synthetic: _Synthetic
) -> bool:
    group, kind = groups[g], generator.covariance
    within = tuple(range(len(groups))) if kind == "pooled" else (g,)
    for share, factor in zip(*generator.mixing(), strict=True):
        factor = factor * generator.widening(design.sizes[g], group.dim)
        drawn = Drawn(
            kind="sample",
            group=g,
            weight=share * synthetic.weight,
            number=share * synthetic.number,
            factor=factor,
            within=within,
        )
        if kind == "known":
            drawn = Drawn("known", g, drawn.weight, drawn.number, cluster=len(parts.rows))
            parts.rows.append(Rows(1.0, group.sign, ((1.0, 0.0),)))
            parts.means.append(np.zeros(group.dim))
            parts.covs.append(factor * group.overall_mean_cov()[1])
        parts.drawn.append(drawn)
    return False
