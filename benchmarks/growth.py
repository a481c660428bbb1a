"""(f) How the cost grows with replicates, samples, features and groups, and by device."""

from __future__ import annotations

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import slope, times
from synthetic_oversampling.simulate.replicates import monte_carlo, sharding
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


def replicated(
    replicates: int, n: int, dim: int, count: int, *, block: int | None = None, device=None
):
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
            block=min(block or block_for(n, dim + 1), replicates),
            devices=None if device is None else [device],
        )

    return call


def _blocks(n: int, dim: int) -> dict[str, int]:
    """The block of a CPU and of an accelerator."""
    found = {}
    for name, answer in (("CPU", False), ("accelerator", True)):
        with mock.patch.object(sharding, "accelerated", lambda answer=answer: answer):
            found[name] = block_for(n, dim + 1)
    return found


def _by_device(quick: bool) -> list[str]:
    """Calls of programs and transfers to the host, and seconds on the devices that are here."""
    replicates, n, dim = (64, 200, 2) if quick else (16_384, 2_000, 4)
    devices = {"CPU": jax.local_devices(backend="cpu")[0], "accelerator": jax.local_devices()[0]}
    if devices["accelerator"].platform == "cpu":
        del devices["accelerator"]
    sizes = _blocks(n, dim)
    calls = {
        name: replicated(replicates, n, dim, 2, block=block, device=devices[name])
        for name, block in sizes.items()
        if name in devices
    }
    found = times(calls, repeats=1 if quick else 3)
    lines = [
        "",
        f"{replicates:,} replicates of n = {n:,}, d = {dim}, on one device, by its block; a block "
        "is two calls, a draw and an evaluation, and one transfer of its statistics."
        + (
            "" if "accelerator" in devices else " No accelerator is here: its time is not measured."
        ),
        "",
        "| device | block | calls | transfers | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, block in sizes.items():
        blocks = -(-replicates // block)
        kind = devices[name].device_kind if name in devices else name
        seconds = f"{found[name].median:.3f}" if name in found else "-"
        lines.append(f"| {kind} | {block:,} | {2 * blocks:,} | {blocks:,} | {seconds} |")
    return lines


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
    return lines + _by_device(quick)
