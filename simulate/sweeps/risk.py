"""Sweeps behind the figures of theorem R: excess risk by weight, and gain by separation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.discriminant import EFRON_1975, means_and_cov
from synthetic_oversampling.simulate.experiments.paths import Progress, Setting, ratio, run_path
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.sweeps.common import (
    generators_of,
    groups_of,
    path_key,
    problems,
    share_of,
)
from synthetic_oversampling.theory.generators.table import (
    GaussianPlugin,
    Generator,
    Oracle,
    Smote,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import balanced_law
from synthetic_oversampling.theory.prediction.efficiency import classes_at
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["excess_against_weight", "gain_against_separation"]


def excess_against_weight(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Excess risk and its parts against the weight of the augmentation part (R1, R2).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    groups = groups_of(settings)
    sizes, augmentation = settings["sizes"], settings["augmentation"]
    generators = generators_of(settings)
    grid, weights = np.linspace(0.0, 1.0, 41), settings["weights"]
    drawn = Design(sizes, augmentation, 0.5)
    rows: dict[str, dict] = {}
    results = []
    for index, name in enumerate(settings["generators"]):
        generator = generators[name]

        @cache
        def at(weight: float, generator=generator):
            return predict(groups, Design(sizes, augmentation, weight), generator)

        curves = [at(float(weight)) for weight in grid]
        theory = [at(weight) for weight in weights]
        path = [
            Setting(Design(sizes, augmentation, weight), groups, value.theta_alpha)
            for weight, value in zip(weights, theory, strict=True)
        ]
        result = run_path(
            groups,
            drawn,
            generator,
            path,
            key=path_key(seed, "excess_by_weight"),
            replicates=settings["replicates"],
            progress=share_of(progress, index, len(settings["generators"])),
        )
        results.append(result)
        floor = risk(theory[0].theta_star, balanced_law(groups))
        rows[name] = {
            part: [float(getattr(curve.excess, part)) for curve in curves]
            for part in ("bias", "variance", "cox_snell", "total")
        }
        rows[name]["observed"] = _balanced(result, float(floor))
    return {"weight": grid, "weights": weights, "generators": rows, "counts": problems(*results)}


def _balanced(result: monte_carlo.Result, floor: float) -> dict:
    """Balanced excess risk by setting: mean over groups within each replicate."""
    excess = monte_carlo.values(result, "risk").mean(axis=2) - floor
    n = len(excess)
    return {
        "mean": excess.mean(axis=0),
        "std_error": excess.std(axis=0, ddof=1) / np.sqrt(n),
        "replicates": n,
    }


def gain_against_separation(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Gain over references, and efficiency against the discriminant, by separation (R3, R4).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    dim, distances = settings["dim"], settings["distances"]
    grid = np.linspace(distances[0], distances[-1], 41)
    efficiency, first = _efficiency(settings, seed, share_of(progress, 0, 3))
    sizes, extra = settings["sizes"], settings["augmentation"]
    synthetic = Design(sizes, extra, settings["weight"])
    oversampled = Design(sizes)
    references = {"raw ERM": Design.raw(sizes), "class weighting": Design.class_weighted(sizes)}
    designs: dict[str, tuple[Generator, Design]] = {
        "plugin-pooled": (GaussianPlugin("pooled"), synthetic),
        "smote": (Smote(), oversampled),
    }

    @cache
    def at(distance: float, design: Design, generator):
        return predict(classes_at(distance, dim), design, generator)

    def totals(design: Design, generator) -> list[float]:
        return [float(at(float(distance), design, generator).total) for distance in grid]

    base = np.asarray(totals(references["class weighting"], Oracle()))
    curves = {"raw ERM": np.asarray(totals(references["raw ERM"], Oracle())) / base}
    curves |= {
        name: np.asarray(totals(design, generator)) / base
        for name, (generator, design) in designs.items()
    }
    results, values = [first], {}
    for index, (name, (generator, design)) in enumerate(designs.items()):
        path = []
        for design_used in [design, *(references.values() if index == 0 else ())]:
            for distance in distances:
                groups = classes_at(distance, dim)
                start = at(
                    distance, design_used, generator if design_used is design else Oracle()
                ).theta_alpha
                path.append(Setting(design_used, groups, start, tuple(groups[1].mean[0])))
        result = run_path(
            classes_at(0.0, dim),
            design,
            generator,
            path,
            key=path_key(seed, "gain_by_separation"),
            replicates=settings["replicates"],
            moved=lambda g, _: g == 1,
            progress=share_of(progress, 1 + index, 3),
        )
        results.append(result)
        labels = [name, *(references if index == 0 else ())]
        floors = np.tile(_floors(distances, dim), len(labels))
        excess = monte_carlo.values(result, "risk").mean(axis=2) - floors[None]
        for place, label in enumerate(labels):
            span = slice(place * len(distances), (place + 1) * len(distances))
            values[label] = excess[:, span]
    common = min(len(value) for value in values.values())  # equal when no replicate is left out
    reference = values.pop("class weighting")
    observed = {name: ratio(value[:common], reference[:common]) for name, value in values.items()}
    return {
        "efficiency": efficiency,
        "distance": grid,
        "relative": curves,
        "distances": distances,
        "relative_observed": observed,
        "counts": problems(*results),
    }


def _floors(distances, dim: int) -> np.ndarray:
    floors = []
    for distance in distances:
        groups = classes_at(distance, dim)
        star = jnp.concatenate([jnp.asarray([-(distance**2) / 2]), groups[1].mean[0]])
        floors.append(float(risk(star, balanced_law(groups))))
    return np.asarray(floors)


def _efficiency(settings: Mapping, seed: int, progress: Progress):
    """Variance ratio of slopes across the mean difference: discriminant over logistic (R4)."""
    dim, size, distances = settings["dim"], settings["balanced_size"], settings["distances"]
    grid = np.linspace(0.0, 4.0, 81)
    formula = FORMULAS["R4.efficiency"]
    groups = classes_at(0.0, dim)
    design = Design.class_weighted((size, size))
    moves = jnp.asarray([np.eye(dim)[0] * distance for distance in distances])
    starts = jnp.concatenate([-jnp.sum(moves**2, axis=1, keepdims=True) / 2, moves], axis=1)

    def draw(key):
        return draw_dataset(groups, design, Oracle(), key=key)

    def evaluate(data):
        low, high, pooled = means_and_cov(data.x[:size], data.x[size:])
        upper = jnp.where(data.sign > 0, 1.0, 0.0)

        def one(setting):
            move, start = setting
            slope = jnp.linalg.solve(pooled, high + move - low)
            moved = data.x + upper[:, None] * move[None]
            result = fit(moved, data.sign, data.weight, start=start)
            return {
                "discriminant": jnp.mean(slope[1:] ** 2),
                "logistic": jnp.mean(result.theta[2:] ** 2),
                "not_converged": ~result.converged,
            }

        return jax.lax.map(one, (moves, starts))

    block = min(block_for(2 * size, dim + 1), 32)
    replicates = settings["replicates"]
    result = monte_carlo.run(
        (draw, evaluate),
        key=path_key(seed, "efficiency"),
        replicates=replicates,
        block=block,
        batch=4 * block,
        progress=lambda result: progress(result.replicates / replicates),
        keep=True,
    )
    pair = [monte_carlo.values(result, name) for name in ("discriminant", "logistic")]
    data = {
        "distance": grid,
        "efficiency": [float(formula(Delta=float(x))) for x in grid],
        "published": {"distance": list(EFRON_1975), "efficiency": list(EFRON_1975.values())},
        "points": {"distance": distances, "efficiency": ratio(*pair)},
    }
    return data, result
