"""Sweep behind the figure of theorem K: three classes against the imbalance."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.multiclass.fits import (
    nodes_of,
    softmax_errors,
    softmax_fit,
    softmax_risks,
)
from synthetic_oversampling.simulate.experiments.paths import Progress
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sweeps.common import groups_of, path_key, problems, share_of
from synthetic_oversampling.theory.generators.table import GENERATORS, Generator, Oracle
from synthetic_oversampling.theory.multiclass.predict import (
    MulticlassPrediction,
    predict_multiclass,
)
from synthetic_oversampling.theory.population.design import Design

__all__ = ["CLASSES", "classes_by_imbalance"]

# settings of the sweep
CLASSES = {
    "means": [[0.0, 0.0], [1.4, 0.3], [0.2, -1.3]],
    "covs": [[[1.0, 0.3], [0.3, 0.8]], [[0.7, -0.2], [-0.2, 1.1]], [[1.3, 0.1], [0.1, 0.6]]],
    "labels": [0, 1, 2],
    "methods": ["raw", "weighted", "smote", "plugin"],
    "n_max": 4000,
    "largest_ratio": 64.0,
    "curve": 25,
    "ratios": [4, 16, 64],
}
_REFERENCES = {"raw": Design.raw, "weighted": Design.class_weighted}
_SHOWN = ("excess", "worst_error")


def _sizes(most: int, ratio: float) -> tuple[int, int, int]:
    """The middle class lies half way between the others, in logarithms."""
    return most, round(most / np.sqrt(ratio)), round(most / ratio)


def _predicted(groups, method: str, sizes) -> tuple[Design, Generator, MulticlassPrediction]:
    reference = _REFERENCES.get(method)
    design = Design(sizes) if reference is None else reference(sizes)
    generator: Generator = Oracle() if reference is not None else GENERATORS[method]()
    return design, generator, predict_multiclass(groups, design, generator)


def _expected(groups, method: str, sizes) -> dict[str, float]:
    *_, found = _predicted(groups, method, sizes)
    return {"excess": float(found.total), "worst_error": found.expected_worst_group_error}


def _evaluation(groups):
    """What fits are evaluated by: one program, given where they start and the least risk."""
    nodes = nodes_of(groups)

    def evaluate(data, compared):
        label = jnp.round((data.sign + 1) / 2)
        result = softmax_fit(data.x, label, data.weight, start=compared["start"])
        least = jnp.mean(softmax_risks(compared["star"], nodes))
        return {
            "excess": jnp.mean(softmax_risks(result.theta, nodes)) - least,
            "worst_error": jnp.max(softmax_errors(result.theta, groups)),
            "not_converged": ~result.converged & ~result.separated,
            "separated": result.separated,
        }

    return evaluate


def _simulated(groups, method: str, sizes, settings: Mapping, key, evaluate, progress) -> tuple:
    """Means and standard errors over data sets."""
    design, generator, prediction = _predicted(groups, method, sizes)
    compared = {"start": prediction.theta_alpha, "star": prediction.theta_star}

    def draw(key):
        return draw_dataset(groups, design, generator, key=key)

    result = monte_carlo.run(
        (draw, evaluate, compared),
        key=key,
        replicates=settings["replicates"],
        block=block_for(3 * max(sizes), prediction.theta_alpha.size),
        progress=lambda part: progress(part.replicates / settings["replicates"]),
    )
    found = {name: monte_carlo.estimate(result, name) for name in _SHOWN}
    return {name: (float(one.mean), float(one.std_error)) for name, one in found.items()}, result


def classes_by_imbalance(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Balanced excess risk, and the largest error rate of three classes (K1 and K2).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    most, groups = settings["n_max"], groups_of(settings)
    grid = np.geomspace(1.0, settings["largest_ratio"], settings["curve"])
    rows: dict[str, dict] = {}
    evaluate = _evaluation(groups)
    results: list[monte_carlo.Result] = []
    parts = len(settings["methods"]) * len(settings["ratios"])
    for method in settings["methods"]:
        curves = [_expected(groups, method, _sizes(most, ratio)) for ratio in grid]
        seen = []
        for ratio in settings["ratios"]:
            values, result = _simulated(
                groups,
                method,
                _sizes(most, ratio),
                settings,
                path_key(seed, f"classes {ratio}"),
                evaluate,
                share_of(progress, len(results), parts),
            )
            results.append(result)
            seen.append(values)
        rows[method] = {
            name: {
                "curve": [row[name] for row in curves],
                "mean": [row[name][0] for row in seen],
                "std_error": [row[name][1] for row in seen],
            }
            for name in _SHOWN
        }
    return {
        "ratio": most / np.round(most / grid),
        "ratios": [most / round(most / ratio) for ratio in settings["ratios"]],
        **{name: {method: row[name] for method, row in rows.items()} for name in _SHOWN},
        "counts": problems(*results),
    }
