"""Sweeps behind the figures of theorem S: the scaling law, the best weight, nonparametric rates."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from synthetic_oversampling.simulate.experiments import scaling_paths
from synthetic_oversampling.simulate.experiments.paths import Progress, measured
from synthetic_oversampling.simulate.experiments.scaling_paths import FIXED_WEIGHT
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sweeps.common import (
    fitted_exponent,
    path_key,
    problems,
    share_of,
)
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["nonparametric_rates", "scaling_law"]


def scaling_law(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Excess at the best, a fixed and the full weight, and the best weight, by size (S1, S3).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    grid = np.geomspace(settings["synthetic_sizes"][0] / 2, settings["synthetic_sizes"][-1], 41)
    rows, results = {}, []
    parts = len(settings["generators"]) * len(settings["paths"])
    for label in settings["generators"]:
        kinds = [scaling_paths.path(label, kind) for kind in settings["paths"]]
        law = kinds[0].law
        best = np.asarray(law.best_weight(grid))
        curves = {"best": best, "fixed": np.full(41, FIXED_WEIGHT), "full": np.ones(41)}
        excess = {name: law.excess(weights, grid) for name, weights in curves.items()}
        seen, located = {name: _empty() for name in curves}, _empty()
        for series, share in zip(kinds, settings["shares"], strict=True):
            result = monte_carlo.run(
                series.functions(),
                key=path_key(seed, series.name),
                block=series.block,
                keep=True,
                replicates=max(round(share * settings["replicates"]), 2),
            )
            results.append(result)
            progress(len(results) / parts)
            values, column = monte_carlo.values(result, "excess"), 0
            for size, weights in series.points:
                several = values[:, column : column + len(weights)]
                column += len(weights)
                for k, name in enumerate(list(curves)[: len(weights)]):
                    _append(seen[name], size, several[:, k])
                if len(weights) == 7 and weights[5] > weights[4]:
                    vertex = _vertex(several[:, (4, 0, 5)], weights[5] - weights[0])
                    _append(located, size, vertex, weights[0])
        rows[label] = {
            "size": grid,
            "excess": excess,
            "weight": best,
            "floor": law.floor,
            "crossover": law.crossover,
            "observed": seen,
            "vertex": located,
        }
    return {"size": grid, "generators": rows, "counts": problems(*results)}


def _empty() -> dict:
    return {"size": [], "mean": [], "std_error": [], "replicates": []}


def _append(seen: dict, size: int, values: np.ndarray, offset: float = 0.0) -> None:
    """Add the mean of one value a replicate at a size."""
    n = len(values)
    seen["size"].append(float(size))
    seen["mean"].append(float(values.mean()) + offset)
    seen["std_error"].append(float(values.std(ddof=1)) / math.sqrt(n))
    seen["replicates"].append(n)


def _vertex(values: np.ndarray, step: float) -> np.ndarray:
    """Influence of each replicate on the vertex of the parabola through three weights' means."""
    slope = (values[:, 2] - values[:, 0]) / (2 * step)
    bend = (values[:, 2] - 2 * values[:, 1] + values[:, 0]) / step**2
    top, bottom = slope.mean(), bend.mean()
    return -top / bottom - (slope - top - (top / bottom) * (bend - bottom)) / bottom


def nonparametric_rates(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Squared error and classification excess against the synthetic size, by smoothness (S2).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    amplitude, n_max, groups = settings["amplitude"], settings["n_max"], 2
    extra = np.asarray(settings["synthetic_sizes"], float)
    grid = np.geomspace(extra[0], extra[-1], 41)
    rows, results = {}, []
    for index, smoothness in enumerate(settings["smoothness"]):
        arguments = {"amplitude": amplitude, "smoothness": smoothness}
        k = np.arange(1, settings["coordinates"] + 1)
        square = amplitude**2 * k ** -(2.0 * smoothness + 1.0)
        signal = float(square.sum())
        left = np.append(np.cumsum(square[::-1])[::-1], 0.0)  # sum beyond the first K

        def at(size: float, left=left, square=square, signal=signal, k=k, arguments=arguments):
            level = 1.0 / (groups * (n_max + size))
            exact = k * level + left[1:]
            cutoff = int(np.argmin(exact)) + 1
            kept = float(square[:cutoff].sum())
            leakage = kept - kept**2 / signal + level * (cutoff - kept / signal)
            distance = math.sqrt(signal)
            return {
                "level": level,
                "cutoff": cutoff,
                "exact": float(exact[cutoff - 1]),
                "rate": _call("S2.best_risk", noise_level=level, **arguments),
                "error": _call("S2.classification", Delta=distance, leakage=leakage),
            }

        curves, points = [at(n) for n in grid], [at(n) for n in extra]
        result = _sequence_run(
            square,
            signal,
            points,
            left,
            path_key(seed, f"nonparametric {smoothness}"),
            settings["replicates"],
            share_of(progress, index, len(settings["smoothness"])),
        )
        results.append(result)
        squared = measured(result, "squared")
        rows[str(smoothness)] = {
            "exponent": _call("S2.exponent", smoothness=smoothness),
            "exact": [c["exact"] for c in curves],
            "rate": [c["rate"] for c in curves],
            "error": [c["error"] for c in curves],
            "fitted": fitted_exponent(extra, squared),
            "observed": {"squared": squared, "error": measured(result, "error")},
        }
    return {"size": grid, "sizes": extra, "smoothness": rows, "counts": problems(*results)}


def _call(name: str, **values) -> float:
    formula = FORMULAS[name]
    return float(formula(**{argument: values[argument] for argument in formula.arguments}))


def _sequence_run(square, signal, points, left, key, replicates: int, progress: Progress):
    """Truncated estimates of the signal: squared error and excess classification error."""
    most = max(point["cutoff"] for point in points)
    theta = jnp.sqrt(jnp.asarray(square[:most]))
    cutoffs = jnp.asarray([point["cutoff"] for point in points])
    levels = jnp.asarray([point["level"] for point in points])
    tails = jnp.asarray([left[point["cutoff"]] for point in points])
    distance = math.sqrt(signal)
    least = float(ndtr(-distance))

    def one_replicate(key):
        noise = jax.random.normal(key, (most,))

        def one(setting):
            cutoff, level, tail = setting
            used = jnp.arange(most) < cutoff
            estimate = jnp.where(used, theta + jnp.sqrt(level) * noise, 0.0)
            along, size = estimate @ theta, jnp.sqrt(estimate @ estimate)
            error = jax.scipy.special.ndtr(-along / size)
            squared = jnp.sum(jnp.where(used, estimate - theta, 0.0) ** 2) + tail
            return {"squared": squared, "error": error - least}

        return jax.lax.map(one, (cutoffs, levels, tails))

    return monte_carlo.run(
        one_replicate,
        key=key,
        replicates=replicates,
        block=64,
        progress=lambda result: progress(result.replicates / replicates),
    )
