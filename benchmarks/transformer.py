"""(d) The transformer: training steps and generated samples a second."""

from __future__ import annotations

import jax
import numpy as np

from benchmarks.timing import times
from synthetic_oversampling.transformer_toy import checkpoint, generate, tasks, train
from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED, SHIPPED_ROWS
from synthetic_oversampling.transformer_toy.model import num_parameters
from synthetic_oversampling.transformer_toy.rows import training as rows_training
from synthetic_oversampling.transformer_toy.rows import writer
from synthetic_oversampling.transformer_toy.seeds import from_arrays, pooled_scaler

__all__ = ["run"]


def run(quick: bool) -> list[str]:
    """The section: steps a second with the default recipe, samples a second as `generate` draws."""
    chunk, count = (2, 2_000) if quick else (50, 2_000_000)
    task = tasks.unknown_mean()
    recipe = train.Recipe(steps=chunk, chunk=chunk)
    arch = train.architecture(task)
    state = train.initial_state(task, arch, recipe)
    advance = train.chunk_of_steps(task, recipe)

    model = checkpoint.load_model(SHIPPED)
    rng = np.random.default_rng(0)
    seeds = from_arrays(rng.standard_normal((60, 3)), np.repeat(["a", "b"], (40, 20)))
    scaler = pooled_scaler(seeds)
    law = generate.group_law(model, seeds.features[40:], scaler)

    def draw():
        parts = generate.batches(model, law, scaler, count, key=jax.random.key(0))
        return sum(len(part) for part in parts)

    net, num_rows = rows_training.load(SHIPPED_ROWS), count // 100
    weights = sum(map(np.size, net.params.values()))
    z = rng.standard_normal((60, 8))

    def write():
        parts = writer.batches(net, z, num_rows, key=jax.random.key(0))
        return sum(len(part) for part in parts)

    work = {"train": lambda: advance(state)[1], "draw": draw, "write": write}
    found = times(work, repeats=2 if quick else 5)
    training, drawing, writing = (found[name] for name in work)
    whole = drawing.output == count and writing.output == num_rows
    if not np.all(np.isfinite(training.output)) or not whole:
        raise AssertionError("training diverged, or samples are missing; the times mean nothing.")
    return [
        "| work | a second | first call |",
        "|---|---|---|",
        f"| training steps ({num_parameters(arch):,} parameters, {recipe.groups} groups of "
        f"{recipe.prefixes} prefixes) | {chunk / training.median:.1f} | {training.first:.1f} s |",
        f"| generated samples (3 features, in the user's units) | "
        f"{count / drawing.median:,.0f} | {drawing.first:.1f} s |",
        f"| whole rows (8 features, 60 seeds, {weights:,} parameters) | "
        f"{num_rows / writing.median:,.0f} | {writing.first:.1f} s |",
    ]
