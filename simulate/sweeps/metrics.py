"""Sweep behind the figure of theorem M: metrics of every method against the imbalance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.paths import Progress
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.sweeps.common import groups_of, path_key, problems, share_of
from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.generators.table import GENERATORS, Generator, Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rate
from synthetic_oversampling.theory.population.laws import Law, law_of, stack
from synthetic_oversampling.theory.population.metrics import (
    Classes,
    classes_of,
    metric_values,
    metrics,
)
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.prediction.metrics import expected_metrics

__all__ = ["metrics_by_imbalance"]

_REFERENCES = {"raw": Design.raw, "weighted": Design.class_weighted}


def _design(method: str, sizes: tuple[int, int]) -> tuple[Design, Generator]:
    if method in _REFERENCES:
        return _REFERENCES[method](sizes), Oracle()
    return Design(sizes), GENERATORS[method]()


def _largest(groups) -> float:
    """The largest AUROC of a linear score: squared gap over variance is a Rayleigh quotient."""
    cov, gap = groups[0].cov[0] + groups[1].cov[0], groups[1].mean[0] - groups[0].mean[0]
    return metrics([0.0, *np.linalg.solve(cov, gap)], groups).auroc


def _predicted(groups, method: str, sizes: tuple[int, int], best: float) -> dict[str, float]:
    """What theory expects of a method."""
    prediction = predict(groups, *_design(method, sizes))
    found = expected_metrics(groups, prediction)
    return {
        "auroc_lost": best - found.auroc.total,
        "error": float(prediction.balanced_error),
        "best_error": found.best_balanced_error.total,
    }


class _Compared(NamedTuple):
    """What the replicates of a method are compared with, which one program for all is given.

    Attributes:
        laws: of the groups, stacked; classes: the two labels; best: the largest AUROC.
        start: of the fits.
    """

    laws: Law
    classes: Classes
    best: AnyArray
    start: AnyArray


def _evaluate(data, compared: _Compared) -> dict[str, AnyArray]:
    """A fit's metrics and errors, and whether it is one."""
    result = fit(data.x, data.sign, data.weight, start=compared.start)
    values = metric_values(result.theta, compared.classes)
    errors = jax.vmap(lambda law: error_rate(result.theta, law))(compared.laws)
    return {
        "auroc_lost": compared.best - values[0],
        "error": jnp.mean(errors),
        "best_error": values[2],
        "not_converged": ~result.converged & ~result.separated,
        "separated": result.separated,
    }


def _simulated(groups, method: str, sizes, start, best, settings: Mapping, key, progress) -> tuple:
    """Means and standard errors of the same over data sets."""
    design, generator = _design(method, sizes)
    compared = _Compared(
        laws=stack([law_of(group) for group in groups]),
        classes=classes_of(groups),
        best=np.asarray(best),
        start=start,
    )

    def draw(key):
        return draw_dataset(groups, design, generator, key=key)

    result = monte_carlo.run(
        (draw, _evaluate, compared),
        key=key,
        replicates=settings["replicates"],
        block=block_for(2 * max(sizes), len(start)),
        progress=lambda part: progress(part.replicates / settings["replicates"]),
    )
    estimates = {}
    for name in ("auroc_lost", "error", "best_error"):
        found = monte_carlo.estimate(result, name)
        estimates[name] = (float(found.mean), float(found.std_error))
    return estimates, result


def metrics_by_imbalance(settings: Mapping, seed: int, progress: Progress) -> dict:
    """AUROC lost, and balanced error at a method's own threshold and at the best one (M1 to M3).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    most, cases = settings["n_max"], settings["covs"]
    grid = np.geomspace(1.0, settings["largest_ratio"], settings["curve"])
    methods = settings["methods"]
    found, results, done = {}, [], 0
    parts = len(cases) * len(methods) * len(settings["ratios"])
    for case, covs in cases.items():
        groups = groups_of({**settings, "covs": covs})
        best = _largest(groups)
        rows = {}
        for method in methods:
            curves = [_predicted(groups, method, (most, round(most / r)), best) for r in grid]
            seen = []
            for ratio in settings["ratios"]:
                sizes = (most, round(most / ratio))
                start = np.asarray(predict(groups, *_design(method, sizes)).theta_alpha)
                values, result = _simulated(
                    groups,
                    method,
                    sizes,
                    start,
                    best,
                    settings,
                    path_key(seed, f"metrics {case} {ratio}"),
                    share_of(progress, done, parts),
                )
                done += 1
                results.append(result)
                seen.append(values)
            rows[method] = {
                name: {
                    "curve": [row[name] for row in curves],
                    "mean": [row[name][0] for row in seen],
                    "std_error": [row[name][1] for row in seen],
                }
                for name in curves[0]
            }
        found[case] = rows
    same = found["same"]
    return {
        "ratio": most / np.round(most / grid),
        "ratios": [most / round(most / ratio) for ratio in settings["ratios"]],
        "auroc_lost": {
            case: {name: row["auroc_lost"] for name, row in rows.items()}
            for case, rows in found.items()
        },
        "error": {name: row["error"] for name, row in same.items()},
        "best_error": same["raw"]["best_error"],
        "counts": problems(*results),
    }
