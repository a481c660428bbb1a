"""Fits to data sets that are never in memory: every pass draws them again, a batch at a time.

A draw is a function of (key, row, column), so the synthetic rows of `draw_dataset` can be drawn
anew for every Newton step, in batches whose gradients, Hessians and extents are summed and thrown
away. Memory is that of the real samples and of one batch, whatever the number of synthetic samples;
the price is drawing once more per step.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.simulate.sampling import erm
from synthetic_oversampling.simulate.sampling.datasets import (
    check_design,
    draw_seeds,
    group_keys,
    row_layout,
)
from synthetic_oversampling.simulate.sampling.erm import FitResult
from synthetic_oversampling.simulate.sampling.samplers import synthetic_columns
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED, Loss
from synthetic_oversampling.theory.wording import counted

__all__ = ["fit_streamed"]


def fit_streamed(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    *,
    key: Key[Array, ""],
    batch: int = 2**16,
    loss: Loss = LOGISTIC,
    start: Float[Array, " p"] | None = None,
    max_steps: int | Int[Array, ""] = 60,
    dtype=jnp.float64,
) -> FitResult:
    """Fit the data set that `simulate.sampling.datasets.draw_dataset` draws, without holding it.

    Statement: the rows are the same numbers, and the estimate is that of
    `simulate.sampling.erm.fit` up to the order in which sums are rounded: ``eps sqrt(rows)`` times
    the Hessian's condition, relatively. Memory grows with the real samples and the batch, not with
    the synthetic samples.

    Args:
        groups: the ``G`` groups.
        design: sizes, augmentation and weight; up to ``2**32 / d`` synthetic rows a group.
        generator: one for all groups, or one per group.
        key: typed key of the replicate, as for `draw_dataset`.
        batch: synthetic rows drawn at once.
        loss, start, max_steps: as for `simulate.sampling.erm.fit`.
        dtype: float64 or float32.

    Returns:
        A `FitResult`.

    Raises:
        ValueError: as `draw_dataset` and `fit`, and for a batch below 1 or more rows than one key
            can number.

    Example:
        >>> import jax, numpy as np
        >>> from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
        >>> from synthetic_oversampling.theory.generators.table import Smote
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> setting = (groups, Design((30, 10), augmentation=50, weight=0.4), Smote())
        >>> streamed = fit_streamed(*setting, key=jax.random.key(0), batch=16)
        >>> data = draw_dataset(*setting, key=jax.random.key(0))
        >>> at_once = erm.fit(data.x, data.sign, data.weight)
        >>> bool(np.allclose(streamed.theta, at_once.theta, rtol=1e-12, atol=1e-12))
        True
    """
    generators = check_design(groups, design, generator)
    if batch < 1:
        raise ValueError(f"batch: got {batch}, expected at least 1 row.")
    erm.check_loss(loss)
    parts = _parts(groups, design, generators, key, batch, dtype)
    size = groups[0].dim + 1
    start = jnp.zeros(size, dtype) if start is None else start
    start = jnp.where(jnp.all(jnp.isfinite(start)), start, 0.0).astype(dtype)

    def total(function, join, empty):
        """``function(columns, weight)`` of every batch of every part, joined."""

        for begins, rows in parts:

            def add(sofar, begin, rows=rows):
                return jax.tree.map(join, sofar, function(*rows(begin))), None

            empty, _ = jax.lax.scan(add, empty, begins)
        return empty

    largest = total(erm.extent, jnp.maximum, jnp.zeros(size, dtype))
    nothing = (jnp.zeros(size, dtype), jnp.zeros((size, size), dtype), jnp.zeros((), dtype))

    def evaluate(theta):
        def sums(columns, weight):
            gradient, hessian, missed = erm.evaluation(columns, weight, loss)(theta)
            return gradient, hessian, missed.astype(dtype)

        gradient, hessian, missed = total(sums, jnp.add, nothing)
        return gradient, hessian, missed > 0

    if loss == SQUARED:
        return erm.least_squares(evaluate, start)
    return erm.newton(evaluate, largest, start, max_steps)


def _parts(groups, design: Design, generators, key, batch: int, dtype):
    """For each origin, where its batches begin, and ``begin -> (signed columns, weight)``."""
    keys = group_keys(key, len(groups))
    seeds, signs = draw_seeds(groups, design, keys, dtype)
    layout = row_layout(design)
    parts = []
    for g in range(len(groups)):
        mine = [segment for segment in layout if segment.group == g]
        for segment in mine:
            if segment.part == "real":
                columns = erm.signed_columns(seeds[g], signs[g])
                weight = jnp.full(segment.count, segment.row_weight, dtype)
                parts.append((jnp.zeros(1, jnp.uint32), lambda _, c=columns, w=weight: (c, w)))
        drawn = [segment for segment in mine if segment.part != "real"]
        if drawn:
            parts.append(_drawn(groups, g, generators[g], seeds, keys[g, 2:], drawn, batch, dtype))
    return parts


def _drawn(groups, g: int, generator, seeds, keys, segments, batch: int, dtype):
    """The synthetic rows of a group, a batch at a time; rows past the last have weight 0."""
    ends = np.cumsum([segment.count for segment in segments])
    batch = min(batch, int(ends[-1]))
    begins = np.arange(0, ends[-1], batch)
    if (begins[-1] + batch) * groups[0].dim >= 2**32:
        raise ValueError(
            f"design: got {counted(ends[-1], 'synthetic row')} of "
            f"{counted(groups[0].dim, 'feature')} in group {g}, expected fewer than 2**32 numbers "
            "from one key; lower the augmentation."
        )

    def rows(begin):
        x, sign = synthetic_columns(generator, g, groups, seeds, batch, keys, begin)
        index = begin + jnp.arange(batch, dtype=jnp.uint32)
        weight = jnp.zeros(batch, dtype)
        for segment, end in zip(reversed(segments), reversed(ends), strict=True):
            weight = jnp.where(index < np.uint32(end), segment.row_weight, weight)
        return erm.signed_columns(x, sign), weight

    return jnp.asarray(begins, jnp.uint32), rows
