"""(f) How the cost grows with replicates, samples, features and groups."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import slope, times
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["replicated", "run"]


def _groups(count: int, dim: int) -> list[GaussianGroup]:
    """Groups of alternating labels around two centres."""
    direction = np.cos(1.0 + np.arange(dim))
    direction /= np.linalg.norm(direction)
    means = [(-1) ** (g + 1) * direction * (0.8 + 0.1 * (g // 2)) for g in range(count)]
    return [GaussianGroup(mean, np.eye(dim), g % 2) for g, mean in enumerate(means)]


def replicated(replicates: int, n: int, dim: int, count: int):
    """A call that draws ``n`` rows in ``count`` groups and fits them, so many times."""
    groups = _groups(count, dim)
    design = Design.raw((n // count,) * count)

    def draw(key):
        return draw_dataset(groups, design, Oracle(), key=key)

    def evaluate(data):
        result = fit(data.x, data.sign, data.weight)
        return {"norm": jnp.linalg.norm(result.theta), "failed": ~result.converged}

    def call():
        return monte_carlo.run(
            (draw, evaluate),
            key=jax.random.key(0),
            replicates=replicates,
            block=min(block_for(n, dim + 1), replicates),
        )

    return call


def run(quick: bool) -> list[str]:
    """The section: seconds at every size, and the exponent of the cost."""
    base = {"replicates": 16, "n": 200, "d": 2, "groups": 2} if quick else None
    base = base or {"replicates": 512, "n": 2_000, "d": 4, "groups": 2}
    grown = {
        "replicates": (1, 4) if quick else (1, 4, 16),
        "n": (1, 4) if quick else (1, 4, 16),
        "d": (1, 2) if quick else (1, 2, 4),
        "groups": (1, 2) if quick else (1, 2, 4),
    }
    lines = [
        "Draw and fit, from zero, streamed over blocks and devices; the base is "
        + ", ".join(f"{name} = {value:,}" for name, value in base.items())
        + ". n is over all groups.",
        "",
        "| grown | sizes | seconds | exponent |",
        "|---|---|---|---|",
    ]
    for name, factors in grown.items():
        sizes = [base[name] * factor for factor in factors]
        calls = {}
        for size in sizes:
            arguments = base | {name: size}
            calls[str(size)] = replicated(
                arguments["replicates"], arguments["n"], arguments["d"], arguments["groups"]
            )
        found = times(calls, repeats=1 if quick else 3)
        seconds = [timing.median for timing in found.values()]
        lines.append(
            f"| {name} | {', '.join(f'{s:,}' for s in sizes)} | "
            f"{', '.join(f'{s:.3f}' for s in seconds)} | {slope(sizes, seconds):.2f} |"
        )
    return lines
