"""Sweeps behind the figures of theorem S: the scaling law, the best weight, nonparametric rates."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from simulate import monte_carlo
from simulate.paths import Progress, Setting, measured, run_path
from simulate.sweeps_bias import generators_of, path_key, problems, share_of, two_groups
from theory.design import Design
from theory.excess_risk import predict
from theory.formulas import FORMULAS
from theory.groups import risk
from theory.laws import balanced_law
from theory.scaling_moments import law_of_design

__all__ = ["nonparametric", "scaling"]


def scaling(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Excess at the best weight, and the best weight, against the synthetic size (S1, S3)."""
    groups, sizes = two_groups(settings), tuple(settings["sizes"])
    generators = generators_of(settings)
    grid = np.geomspace(settings["smallest"], settings["largest"], 61)
    extra = settings["synthetic_sizes"]
    step = settings["weight_step"]
    rows, results = {}, []
    for index, name in enumerate(settings["generators"]):
        generator = generators[name]
        law = law_of_design(groups, sizes, generator)
        best = np.asarray(law.best_weight(np.asarray(extra, float)))
        centres = np.clip(best, step, 1 - step)
        path = []
        for size, centre, own in zip(extra, centres, best, strict=True):
            for weight in (centre - step, centre, centre + step, own):
                design = Design(sizes, size, float(weight))
                start = predict(groups, design, generator).theta_alpha
                path.append(Setting(design, groups, start))
        result = run_path(
            groups, Design(sizes, max(extra), 0.5), generator, path,
            key=path_key(seed, "scaling"), replicates=settings["replicates"],
            progress=share_of(progress, index, len(settings["generators"])),
        )  # fmt: skip
        results.append(result)
        star = predict(groups, Design(sizes), generator).theta_star
        values = monte_carlo.values(result, "risk").mean(axis=2)
        floor = float(risk(star, balanced_law(groups)))
        values = values.reshape(len(values), len(extra), 4) - floor
        rows[name] = {
            "moments": {key: float(value) for key, value in law._asdict().items()},
            "excess": law.best_excess(grid),
            "weight": law.best_weight(grid),
            "floor": float(law.floor),
            "crossover": float(law.crossover),
            "observed": {
                "excess": _statistic(values[:, :, 3]),
                "weight": _vertex(values, centres, step),
            },
        }
    return {
        "size": grid,
        "sizes": extra,
        "generators": rows,
        "counts": problems(*results),
    }


def _statistic(values: np.ndarray) -> dict:
    n = len(values)
    spread = values.std(axis=0, ddof=1) / np.sqrt(n)
    return {"mean": values.mean(axis=0), "std_error": spread, "replicates": n}


def _vertex(values: np.ndarray, centres: np.ndarray, step: float) -> dict:
    """Vertex of the parabola through three weights, with its first-order standard error."""
    slope = (values[:, :, 2] - values[:, :, 0]) / (2 * step)
    bend = (values[:, :, 2] - 2 * values[:, :, 1] + values[:, :, 0]) / step**2
    top, bottom = slope.mean(axis=0), bend.mean(axis=0)
    spread = np.std((slope - (top / bottom)[None] * bend) / bottom[None], axis=0, ddof=1)
    n = len(values)
    return {"mean": centres - top / bottom, "std_error": spread / np.sqrt(n), "replicates": n}


def nonparametric(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Squared error and classification excess against the synthetic size, by smoothness (S2)."""
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
            square, signal, points, left, path_key(seed, f"nonparametric {smoothness}"),
            settings["replicates"], share_of(progress, index, len(settings["smoothness"])),
        )  # fmt: skip
        results.append(result)
        rows[str(smoothness)] = {
            "exponent": _call("S2.exponent", smoothness=smoothness),
            "exact": [c["exact"] for c in curves],
            "rate": [c["rate"] for c in curves],
            "error": [c["error"] for c in curves],
            "cutoff": [p["cutoff"] for p in points],
            "observed": {
                "squared": measured(result, "squared"),
                "error": measured(result, "error"),
            },
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

    def one_replicate(own):
        noise = jax.random.normal(own, (most,))

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
        one_replicate, key=key, replicates=replicates, block=64,
        progress=lambda own: progress(own.replicates / replicates),
    )  # fmt: skip
