"""Measure a generator on independent seeds, for predictions that have no closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from synthetic_oversampling.simulate.sampling.mixtures import sample_group
from synthetic_oversampling.simulate.sampling.samplers import sample_synthetic
from synthetic_oversampling.theory.generators.table import Generator, Mislabelled
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.measured import MeasuredSamples

__all__ = ["measure_generator"]

Draw = Callable[..., Float[Array, "m d"]]


def measure_generator(
    generator: Generator | Draw,
    groups: Sequence[GaussianGroup],
    design: Design,
    *,
    sets: int,
    per_set: int,
    key: Key[Array, ""],
    batch: int = 256,
) -> tuple[MeasuredSamples | None, ...]:
    """Draw independent sets of seeds of every group and what a generator makes of each.

    Args:
        generator: one of `theory.generators.table` whose samples depend on a group's own seeds only
            and have its label (`Smote(neighbours=5)`, say), or a function
            ``(seeds [n, d], g, per_set, key=key) -> [per_set, d]`` that JAX can trace, such as a
            trained network.
        groups: the groups.
        design: sizes; groups whose synthetic samples have no weight are skipped (None).
        sets: independent sets of seeds per group.
        per_set: synthetic samples per set, at least 2. Their own spread is subtracted from that of
            the sets: with fewer than there are seeds, most of what is seen is subtracted, and the
            prediction's standard error grows.
        key: typed key, independent of the key of any simulation compared with.
        batch: sets computed at once; bounds memory.

    Returns:
        One `MeasuredSamples` per group, for `theory.prediction.measured.predict_measured`.

    Raises:
        ValueError: too few seeds for the generator, counts that are not positive, a pooled
            covariance or flipped labels.

    Example:
        >>> import jax, numpy as np
        >>> from synthetic_oversampling.theory.generators.table import Smote
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> samples = measure_generator(Smote(3), groups, Design((8, 5)), sets=4, per_set=2,
        ...                             key=jax.random.key(0))
        >>> samples[0] is None, samples[1].seeds.shape, samples[1].synthetic.shape
        (True, (4, 5, 1), (4, 2, 1))
    """
    for name, value, least in (("sets", sets, 2), ("per_set", per_set, 2), ("batch", batch, 1)):
        if value < least:
            raise ValueError(f"{name}: got {value}, expected at least {least}.")
    if not callable(generator) and (
        generator.fits.pooled_cov or isinstance(generator, Mislabelled)
    ):
        raise ValueError(
            f"generator: got {generator!r}, expected one that sees a group's own seeds only "
            "and keeps its label; theory.predict has the closed form of this one."
        )
    used = design.synthetic_weights > 0
    measured: list[MeasuredSamples | None] = []
    for g, group in enumerate(groups):
        if not used[g]:
            measured.append(None)
            continue
        n = design.sizes[g]
        if not callable(generator):
            generator.check_seeds([n], group.dim)

        def one(own_key, g=g, group=group, n=n):
            seed_key, draw_key = jax.random.split(own_key)
            seeds = sample_group(group, n, key=seed_key)
            if callable(generator):
                return seeds, generator(seeds, g, per_set, key=draw_key)
            drawn, _ = sample_synthetic(generator, 0, [group], [seeds], per_set, key=draw_key)
            return seeds, drawn

        run = jax.jit(jax.vmap(one))
        keys = jax.random.split(jax.random.fold_in(key, g), sets)
        # batches of one size, the last filled up, so that one program serves them all
        count = -(-sets // batch)
        rows = np.minimum(np.arange(count * -(-sets // count)), sets - 1).reshape(count, -1)
        parts = [run(keys[row]) for row in rows]
        joined = (jnp.concatenate(part)[:sets] for part in zip(*parts, strict=True))
        measured.append(MeasuredSamples(*joined))
    return tuple(measured)
