"""Sweep behind the figure of S3 in the sequence model: what seeds leave at any synthetic size."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.paths import Progress, measured
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.sweeps.common import fitted_exponent, path_key, problems
from synthetic_oversampling.theory.scaling.sequence_limits import smoothed_risk
from synthetic_oversampling.theory.scaling.sequence_model import Filter, Signal, best_scale
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["saturation"]


def saturation(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Risk against synthetic size and against seeds, with a generator that smooths them (S3).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    sizes = np.asarray(settings["synthetic_sizes"], float)
    numbers = np.asarray(settings["seed_numbers"], float)
    grids = [np.geomspace(values[0], values[-1], 41) for values in (sizes, numbers)]
    seeds, many = settings["seeds"], settings["many"]
    rows: dict[str, dict] = {}
    tables = []
    for beta in settings["smoothness"]:
        signal = Signal(1.0, beta)

        def kept(n: float, signal=signal) -> int:
            return int(best_scale(Filter("cut-off"), signal, 1 / (2 * n), 4000).scale)

        def risk(n: float, size: float, signal=signal, kept=kept) -> float:
            keep = np.ones(kept(n))
            return smoothed_risk(signal, keep, keep, seeds=n, size=size, weight=1.0)

        fresh = [
            best_scale(Filter("cut-off"), signal, 1 / (2 * (seeds + size)), 4000).risk
            for size in grids[0]
        ]
        points = [(seeds, size) for size in sizes] + [(n, many * n) for n in numbers]
        tables.append((signal, [(n, size, kept(n)) for n, size in points]))
        crossover = FORMULAS["S3.smooth_crossover"].numpy(seeds=float(seeds), smoothness=beta)
        rows[str(beta)] = {
            "exponent": float(FORMULAS["S2.exponent"].numpy(smoothness=beta)),
            "by_size": [risk(seeds, size) for size in grids[0]],
            "fresh": fresh,
            "floor": risk(seeds, math.inf),
            "crossover": float(crossover),
            "by_seeds": [risk(n, math.inf) for n in grids[1]],
        }
    result = _run(tables, path_key(seed, "saturation"), settings["replicates"], progress)
    seen = measured(result, "squared")
    for index, row in enumerate(rows.values()):
        mean, spread = (np.asarray(seen[name])[index] for name in ("mean", "std_error"))
        cut, count = len(sizes), seen["replicates"]
        row["observed"] = {
            "by_size": {"mean": mean[:cut], "std_error": spread[:cut], "replicates": count},
            "by_seeds": {"mean": mean[cut:], "std_error": spread[cut:], "replicates": count},
        }
        row["fitted"] = fitted_exponent(numbers, row["observed"]["by_seeds"])
    return {
        "size": grids[0],
        "sizes": sizes,
        "seeds": grids[1],
        "numbers": numbers,
        "smoothness": rows,
        "counts": problems(result),
    }


def _run(tables, key, replicates: int, progress: Progress) -> monte_carlo.Result:
    """Means of seeds, smoothed, and of synthetic samples around them, each by its exact law."""
    count = max(cutoff for _, points in tables for _, _, cutoff in points)
    keep = np.array([[np.arange(count) < cutoff for _, _, cutoff in table] for _, table in tables])
    theta = np.stack([signal.coordinates(count) for signal, _ in tables])
    tails = np.array([signal.tail(count) for signal, _ in tables])
    spread = np.array(
        [[(1 / math.sqrt(n), 1 / math.sqrt(size)) for n, size, _ in table] for _, table in tables]
    )

    def one(key):
        noise = streams.normal(key, (4, count))  # two groups: seeds, and synthetic samples
        truth, used = jnp.asarray(theta)[:, None], jnp.asarray(keep, float)
        scales = jnp.asarray(spread)[..., None]
        estimate = jnp.zeros_like(used)
        for g in range(2):
            centre = used * (truth + scales[:, :, 0] * noise[g][None, None])
            estimate = estimate + (centre + scales[:, :, 1] * noise[2 + g][None, None]) / 2
        risk = jnp.sum((used * estimate - truth) ** 2, axis=-1)
        return {"squared": risk + jnp.asarray(tails)[:, None]}

    return monte_carlo.run(
        one,
        key=key,
        replicates=replicates,
        block=32,
        progress=lambda result: progress(result.replicates / replicates),
    )
