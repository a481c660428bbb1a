"""Sweeps beside the literature: the real-plus-surrogate law, and validation-tuned sizes.

`literature` draws the law of Jain, Montanari and Sasoglu (arXiv 2402.04376) and S1's global law, or
S2, through the same simulated excess risks. `procedures` is in `simulate.sweeps.procedures`.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.paths import Progress, Setting, measured, run_path
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.sweeps.common import (
    generators_of,
    groups_of,
    path_key,
    problems,
    share_of,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import balanced_law
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.literature import surrogate_law
from synthetic_oversampling.theory.scaling.moments import law_of_design
from synthetic_oversampling.theory.scaling.sequence_model import Filter, Signal, best_scale
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["literature"]


def literature(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Excess risk against the weight: S1 or S2, and the law of the literature (S1, S2).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    parametric, results = _parametric(settings, seed, lambda part: progress(0.8 * part))
    sequence, planned = _sequence(settings, seed, lambda share: progress(0.8 + 0.2 * share))
    return {
        "weight": np.linspace(0.0, 1.0, 61),
        "weights": settings["weights"],
        "parametric": parametric,
        "sequence": sequence,
        "counts": problems(*results, planned),
    }


def _errors(curves: Mapping[str, np.ndarray], seen: Mapping) -> dict:
    """Root mean square of each law's relative error at the points."""
    mean = np.asarray(seen["mean"])
    return {
        name: float(np.sqrt(np.mean((curve / mean - 1) ** 2))) for name, curve in curves.items()
    }


def _parametric(settings: Mapping, seed: int, progress: Progress):
    groups, sizes = groups_of(settings), tuple(settings["sizes"])
    generators, size = generators_of(settings), settings["augmentation"]
    grid, weights = np.linspace(0.0, 1.0, 61), np.asarray(settings["weights"])
    rows, results = {}, []
    for index, name in enumerate(settings["generators"]):
        generator = generators[name]
        law = law_of_design(groups, sizes, generator)
        single = {
            "real": float(law.excess(0.0, size)),
            "surrogate": float(law.excess(1.0, size)),
            "limit": max(float(law.excess(1.0, np.inf)), 0.0),  # rounding may leave less
        }
        path = []
        for weight in weights:
            design = Design(sizes, size, float(weight))
            path.append(Setting(design, groups, predict(groups, design, generator).theta_alpha))
        result = run_path(
            groups,
            Design(sizes, size, 0.5),
            generator,
            path,
            key=path_key(seed, "literature"),
            replicates=settings["replicates"],
            progress=share_of(progress, index, len(settings["generators"])),
        )
        results.append(result)
        star = predict(groups, Design(sizes), generator).theta_star
        values = monte_carlo.values(result, "risk").mean(axis=2)
        values = values - float(risk(star, balanced_law(groups)))
        seen = {
            "mean": values.mean(axis=0),
            "std_error": values.std(axis=0, ddof=1) / np.sqrt(len(values)),
            "replicates": len(values),
        }
        at = {"own": np.asarray(law.excess(weights, size)), "law": surrogate_law(weights, **single)}
        rows[name] = {
            "own": law.excess(grid, size),
            "law": surrogate_law(grid, **single),
            "observed": seen,
            "errors": _errors(at, seen),
        }
    return rows, results


def _sequence(settings: Mapping, seed: int, progress: Progress):
    """The same in the sequence model: a generator with a bias, each weight at its best cut-off."""
    real, size, count = settings["real"], settings["surrogate"], settings["coordinates"]
    grid, weights = np.linspace(0.0, 1.0, 61), np.asarray(settings["weights"])
    cut = Filter("cut-off")
    rows, tables = {}, []
    for beta in settings["smoothness"]:
        signal = Signal(1.0, beta)
        shift = settings["relative_bias"] * signal.coordinates(count)

        def at(weight: float, signal=signal, shift=shift, size=size):
            level = (1 - weight) ** 2 / (2 * real) + weight**2 / (2 * size)
            if level == 0:  # infinitely many surrogate samples: every coordinate is kept
                return count, float(np.sum(shift**2)) + signal.tail(count)
            best = best_scale(cut, signal, level, count, weight * shift)
            return int(best.scale), best.risk

        single = {
            "real": at(0.0)[1],
            "surrogate": at(1.0)[1],
            "limit": at(1.0, size=np.inf)[1],
            "exponent": float(FORMULAS["S2.exponent"].numpy(smoothness=beta)),
        }
        tables.append((signal, shift, [at(weight) for weight in weights]))
        rows[str(beta)] = {
            "own": [at(weight)[1] for weight in grid],
            "law": surrogate_law(grid, **single),
            "at": {
                "own": np.array([at(w)[1] for w in weights]),
                "law": surrogate_law(weights, **single),
            },
        }
    key = path_key(seed, "literature sequence")
    result = _sequence_run(settings, tables, weights, key, progress)
    seen = measured(result, "squared")
    for index, row in enumerate(rows.values()):
        mine = {name: np.asarray(seen[name])[index] for name in ("mean", "std_error")}
        row["observed"] = mine | {"replicates": seen["replicates"]}
        row["errors"] = _errors(row.pop("at"), mine)
    return rows, result


def _sequence_run(settings, tables, weights, key, progress: Progress) -> monte_carlo.Result:
    """Averages of real and surrogate samples, by their exact law, and their cut-off estimates."""
    count = settings["coordinates"]
    theta = jnp.asarray(np.stack([signal.coordinates(count) for signal, _, _ in tables]))
    shifts = jnp.asarray(np.stack([shift for _, shift, _ in tables]))
    cutoffs = np.array([[cutoff for cutoff, _ in table] for _, _, table in tables])
    keep = jnp.asarray(np.arange(count)[None, None] < cutoffs[..., None])
    tails = jnp.asarray([signal.tail(count) for signal, _, _ in tables])
    share = jnp.asarray(weights)[None, :, None]
    spread = [1 / np.sqrt(2 * n) for n in (settings["real"], settings["surrogate"])]

    def one(key):
        noise = streams.normal(key, (2, count))
        error = (1 - share) * (spread[0] * noise[0])[None, None]
        error = error + share * (shifts[:, None] + (spread[1] * noise[1])[None, None])
        left = jnp.where(keep, error, -theta[:, None])
        return {"squared": jnp.sum(left**2, axis=-1) + tails[:, None]}

    replicates = settings["replicates"]
    return monte_carlo.run(
        one,
        key=key,
        replicates=replicates,
        block=32,
        progress=lambda result: progress(result.replicates / replicates),
    )
