"""Whole data sets of a design: real samples, synthetic samples, and their weights.

All real samples come from keys that depend on the replicate and the group alone, so a
class-weighted fit, a SMOTE fit and an oracle fit with the same key see the same real data: their
difference is measured, not the luck of the draw.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.sampling.mixtures import (
    components_of,
    draw_columns,
    law_recipe,
)
from synthetic_oversampling.simulate.sampling.samplers import check_group_seeds, recipe_of
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.inputs import per_group
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.wording import counted

__all__ = ["Dataset", "Segment", "draw_dataset", "row_layout"]

_KEYS = 4  # a group's real noise and choices, and its synthetic noise and choices


class Dataset(NamedTuple):
    """One data set of a design: fixed shapes, one row per sample.

    Attributes:
        x: features ``[rows, d]``.
        sign: labels as +-1, ``[rows]``.
        weight: weight in the empirical risk ``[rows]``, summing to 1.
        group: group index ``[rows]``.
    """

    x: Array
    sign: Array
    weight: Array
    group: Array


class Segment(NamedTuple):
    """Consecutive rows of one origin: group, "real" / "oversampling" / "augmentation", range, and
    the weight of each row.

    Attributes:
        group: its place; part: the origin.
        start, count: the first row and how many; row_weight: of each.
    """

    group: int
    part: str
    start: int
    count: int  # type: ignore[assignment]  # hides tuple.count
    row_weight: float


def row_layout(design: Design) -> tuple[Segment, ...]:
    """Where each part of a design's data set lies; parts without weight or samples have no rows.

    Args:
        design: sizes, augmentation and weight.

    Raises:
        ValueError: for an infinite augmentation, which can be predicted but not sampled.

    Example:
        >>> [tuple(s) for s in row_layout(Design(sizes=(4, 1)))]
        [(0, 'real', 0, 4, 0.125), (1, 'real', 4, 1, 0.125), (1, 'oversampling', 5, 3, 0.125)]
    """
    if math.isinf(design.augmentation):
        raise ValueError(
            "design: got augmentation=inf, expected a finite N to simulate; the limit has a "
            "prediction only. Choose N so large that the remaining noise does not matter."
        )
    segments, start = [], 0
    for g in range(design.num_groups):
        parts = (
            ("real", design.sizes[g], design.real_mass[g]),
            ("oversampling", design.oversampling[g], design.oversampling_mass[g]),
            ("augmentation", int(design.augmentation), design.augmentation_mass[g]),
        )
        for part, count, mass in parts:
            if count and mass > 0:
                segments.append(
                    Segment(
                        group=g, part=part, start=start, count=count, row_weight=float(mass) / count
                    )
                )
                start += count
    return tuple(segments)


def draw_dataset(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    *,
    key: Key[Array, ""],
    dtype=jnp.float64,
) -> Dataset:
    """One data set of a design: real samples, synthetic samples, weights.

    Args:
        groups: the ``G`` groups.
        design: sizes, augmentation and weight; the reference designs have no synthetic rows.
        generator: one for all groups, or one per group.
        key: typed key of the replicate. Real rows depend on the key and the sizes only.
        dtype: float64 or float32.

    Returns:
        A `Dataset` with the rows of `row_layout`; the weights are those of the empirical risk.

    Raises:
        ValueError: too few seeds for the generator, or groups, sizes and generators that do not
            match in number or dimension.

    Example:
        >>> import jax, numpy as np
        >>> from synthetic_oversampling.theory.generators.table import Duplicate
        >>> one = np.eye(1)
        >>> groups = [GaussianGroup(0 * one[0], one, 0), GaussianGroup(one[0], one, 1)]
        >>> data = draw_dataset(groups, Design((4, 1)), Duplicate(), key=jax.random.key(0))
        >>> data.x.shape, float(data.weight.sum()), data.sign.tolist()
        ((8, 1), 1.0, [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0])
    """
    generators = check_design(groups, design, generator)
    layout = row_layout(design)
    keys = group_keys(key, len(groups))
    count = len(groups)
    made = Counter[int]()  # synthetic rows of the groups that have some
    for segment in layout:
        if segment.part != "real":
            made[segment.group] += segment.count
    draws = draw_columns(
        [
            *(law_recipe(components_of(group), dtype) for group in groups),
            *(recipe_of(generators[g], g, groups, dtype) for g in made),
        ],
        [*design.sizes, *made.values()],
        jnp.concatenate([keys[:, :2], keys[np.array([*made], int), 2:]]),
        groups[0].dim,
        dtype,
    )
    real = [draw(None) for draw in draws[:count]]
    seeds = [x for x, _ in real]
    synthetic = {g: draw(seeds) for g, draw in zip(made, draws[count:], strict=True)}
    used = {s.group for s in layout if s.part == "real"}
    parts = []
    for g in range(count):
        parts += [real[g]] if g in used else []
        parts += [synthetic[g]] if g in made else []
    counts = [s.count for s in layout]
    weight = np.repeat([s.row_weight for s in layout], counts)
    index = np.repeat([s.group for s in layout], counts)
    return Dataset(
        jnp.concatenate([x for x, _ in parts], axis=1).T,
        jnp.concatenate([sign for _, sign in parts]),
        jnp.asarray(weight, dtype),
        jnp.asarray(index, jnp.int32),
    )


def group_keys(key, count: int):
    """Keys of every group's real noise and choices, and synthetic noise and choices: ``[G, 4]``."""
    numbers = jnp.arange(count * _KEYS, dtype=jnp.uint32)
    return streams.fold_in(key, numbers).reshape(count, _KEYS)


def draw_seeds(groups, design: Design, keys, dtype) -> tuple[list[Array], list[Array]]:
    """Real features ``[d, n_g]`` and label signs of every group."""
    recipes = [law_recipe(components_of(group), dtype) for group in groups]
    draws = draw_columns(recipes, design.sizes, keys[:, :2], groups[0].dim, dtype)
    drawn = [draw(None) for draw in draws]
    return [x for x, _ in drawn], [sign for _, sign in drawn]


def check_design(groups, design: Design, generator) -> tuple[Generator, ...]:
    """One generator per group, when groups, sizes and generators go together; or ValueError."""
    generators = per_group(generator, len(groups))
    if len(groups) != design.num_groups:
        raise ValueError(
            f"design: got {counted(design.num_groups, 'size')} for "
            f"{counted(len(groups), 'group')}, expected one size per group; pass sizes in the "
            "order of the groups."
        )
    dims = {group.dim for group in groups}
    if len(dims) != 1:
        raise ValueError(
            f"groups: got features of dimensions {sorted(dims)}, expected one dimension for all."
        )
    uses = np.asarray(design.oversampling) * (design.oversampling_mass > 0)
    uses = uses + design.augmentation * (design.augmentation_mass > 0)
    for g, one in enumerate(generators):
        if uses[g]:
            check_group_seeds(one, g, design.sizes, groups[0].dim)
    return generators
