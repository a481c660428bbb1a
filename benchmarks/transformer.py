"""(d) The transformer: training steps and written rows a second."""

from __future__ import annotations

import jax
import numpy as np

from benchmarks.timing import times
from synthetic_oversampling.transformer_toy import tasks, train
from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS
from synthetic_oversampling.transformer_toy.model import num_parameters
from synthetic_oversampling.transformer_toy.rows import training as rows_training
from synthetic_oversampling.transformer_toy.rows import writer

__all__ = ["run"]


def run(quick: bool) -> list[str]:
    """The section: steps a second with the default recipe, rows a second as `generate` draws."""
    chunk, num_rows = (2, 20) if quick else (50, 20_000)
    task = tasks.unknown_mean()
    recipe = train.Recipe(steps=chunk, chunk=chunk)
    arch = train.architecture(task)
    state = train.initial_state(task, arch, recipe)
    advance = train.chunk_of_steps(task, recipe)

    net = rows_training.load(SHIPPED_ROWS)
    weights = sum(map(np.size, net.params.values()))
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal((60, 8))
    table = np.column_stack([rng.integers(3, size=(60, 2)), rng.standard_normal((60, 4))])

    def write(seeds, categorical):
        key = jax.random.key(0)
        parts = writer.batches(net, seeds, num_rows, key=key, categorical=categorical)
        return sum(len(part) for part in parts)

    work = {
        "train": lambda: advance(state)[1],
        "numbers": lambda: write(numbers, []),
        "categories": lambda: write(table, [0, 1]),
    }
    found = times(work, repeats=2 if quick else 5)
    training, of_numbers, of_categories = (found[name] for name in work)
    whole = of_numbers.output == of_categories.output == num_rows
    if not np.all(np.isfinite(training.output)) or not whole:
        raise AssertionError("training diverged, or samples are missing; the times mean nothing.")
    return [
        "| work | a second | first call |",
        "|---|---|---|",
        f"| training steps ({num_parameters(arch):,} parameters, {recipe.groups} groups of "
        f"{recipe.prefixes} prefixes) | {chunk / training.median:.1f} | {training.first:.1f} s |",
        f"| whole rows (8 features, 60 seeds, {weights:,} parameters) | "
        f"{num_rows / of_numbers.median:,.0f} | {of_numbers.first:.1f} s |",
        f"| whole rows (two categories of three levels, 4 features) | "
        f"{num_rows / of_categories.median:,.0f} | {of_categories.first:.1f} s |",
    ]
