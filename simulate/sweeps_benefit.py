"""Sweeps behind the figures of R3 and T4: where synthetic data help, and what fidelity is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from simulate import monte_carlo
from simulate.datasets import draw_dataset
from simulate.paths import Progress, Setting, measured, run_path
from simulate.sweeps_bias import path_key, problems, share_of, two_groups
from theory.bias import generator_bias_gradient
from theory.capacity import fidelity_bias_bound
from theory.design import Design
from theory.excess_risk import predict
from theory.generators import (
    GaussianPlugin,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    population_law,
)
from theory.groups import risk
from theory.laws import balanced_law

__all__ = ["fidelity", "phases", "samples"]


def phases(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Gain over class weighting by imbalance ratio and generator shift, and its zero (R3)."""
    groups = two_groups(settings)
    largest, extra, weight = (settings[k] for k in ("n_max", "augmentation", "weight"))
    unit = np.asarray(settings["direction"]) / np.linalg.norm(settings["direction"])

    def design(ratio: float) -> Design:
        return Design((largest, max(round(largest / ratio), 1)), extra, weight)

    @lru_cache
    def excess(own: Design, length: float) -> float:
        return float(predict(groups, own, Shifted(tuple(length * unit))).total)

    @lru_cache
    def reference(own: Design, name: str = "weighted") -> float:
        other = Design.raw(own.sizes) if name == "raw" else Design.class_weighted(own.sizes)
        return float(predict(groups, other, Oracle()).total)

    def break_even(own: Design, name: str) -> float:
        """`theory.benefit.break_even_shift`, with fewer digits and the reference kept."""

        def gain(length: float) -> float:
            return reference(own, name) - excess(own, length)

        longest = 2.0 * lengths[-1]  # beyond it the line is outside the picture
        if gain(longest) > 0:
            return math.inf
        return brentq(gain, 0.0, longest, xtol=1e-4) if gain(0.0) > 0 else 0.0

    ratios = np.geomspace(1.0, settings["largest_ratio"], 25).tolist()
    lengths = settings["length_grid"]
    table = [
        [reference(design(r)) / excess(design(r), length) for r in ratios] for length in lengths
    ]
    edges = {
        name: [break_even(design(r), name) for r in ratios]
        for name in ("weighted", "raw")
    }
    rows, results = [], []
    for index, ratio in enumerate(settings["ratios"]):
        own = design(ratio)
        weighted = Design.class_weighted(own.sizes)
        star = predict(groups, weighted, Oracle()).theta_star
        path = [Setting(weighted, groups, star)]
        for length in settings["lengths"]:
            start = predict(groups, own, Shifted(tuple(length * unit))).theta_alpha
            path.append(Setting(own, groups, start, tuple(length * unit)))
        result = run_path(
            groups, own, Oracle(), path, key=path_key(seed, "phases"),
            replicates=settings["replicates"], moved=lambda _, part: part != "real",
            progress=share_of(progress, index, len(settings["ratios"])),
        )  # fmt: skip
        results.append(result)
        values = monte_carlo.values(result, "risk").mean(axis=2)
        gain = values[:, :1] - values[:, 1:]
        n = len(gain)
        spread = gain.std(axis=0, ddof=1) / np.sqrt(n)
        gain = {"mean": gain.mean(axis=0), "std_error": spread, "replicates": n}
        rows.append({"ratio": float(ratio), "lengths": settings["lengths"], "gain": gain})
    return {
        "ratio": ratios,
        "length": lengths,
        "relative": table,
        "break_even": edges,
        "points": rows,
        "counts": problems(*results),
    }


def fidelity(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Bias and excess risk against the generator's divergence from the group (T4)."""
    groups, sizes = two_groups(settings), settings["sizes"]
    design = Design(sizes, settings["augmentation"], settings["weight"])
    base = predict(groups, design, Oracle())
    star, dim = base.theta_star, groups[0].dim
    along = np.asarray(settings["along"]) / np.linalg.norm(settings["along"])
    aslant = np.asarray(settings["aslant"]) / np.linalg.norm(settings["aslant"])
    lengths = np.geomspace(*settings["lengths"], 15)
    factors = 1.0 - np.geomspace(*settings["shrinkage"], 15)
    families = {
        "shifted along": [Shifted(tuple(x * along)) for x in lengths],
        "shifted aslant": [Shifted(tuple(x * aslant)) for x in lengths],
        "scaled": [Scaled(float(x)) for x in factors],
    }
    divergence = {
        "shifted along": lengths**2 / 2,  # the group's covariance is the identity
        "shifted aslant": lengths**2 / 2,
        "scaled": dim * (factors - 1.0 - np.log(factors)) / 2,
    }
    curves = {}
    for name, family in families.items():
        slope, excess = [], []
        for generator in family:
            law = population_law(generator, 1, groups, sizes)
            slope.append(abs(float(generator_bias_gradient(star, groups[1], law)[0])))
            theory = predict(groups, design, (Oracle(), generator))
            excess.append(float(theory.excess.bias))
        curves[name] = {"divergence": divergence[name], "bias": slope, "excess": excess}
    grid = np.geomspace(*settings["divergence"], 31)
    proxy = jnp.asarray(0.25)  # the intercept's score lies in an interval of length 1
    points = np.asarray(settings["points"])
    path = []
    for length in points:
        move = tuple(length * along)
        start = predict(groups, design, (Oracle(), Shifted(move))).theta_alpha
        path.append(Setting(design, groups, start, move, probe=star))
    result = run_path(
        groups, design, Oracle(), path, key=path_key(seed, "fidelity"),
        replicates=settings["replicates"], moved=lambda g, part: g == 1 and part != "real",
        progress=progress,
    )  # fmt: skip
    mass = float(design.oversampling_mass[1] + design.augmentation_mass[1])
    slope = measured(result, "gradient")
    values = monte_carlo.values(result, "risk").mean(axis=2) - float(
        risk(star, balanced_law(groups))
    )
    noise = float(base.excess.variance + base.excess.cox_snell)
    return {
        "divergence": grid,
        "bound": np.asarray(fidelity_bias_bound(jnp.asarray(grid), proxy)),
        "families": curves,
        "noise": noise,
        "points": {
            "divergence": points**2 / 2,
            "bias": {
                "mean": np.abs(np.asarray(slope["mean"])[:, 0]) / mass,
                "std_error": np.asarray(slope["std_error"])[:, 0] / mass,
                "replicates": slope["replicates"],
            },
            "excess": {
                "mean": values.mean(axis=0) - noise,
                "std_error": values.std(axis=0, ddof=1) / np.sqrt(len(values)),
                "replicates": len(values),
            },
        },
        "counts": problems(result),
    }


def samples(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Seeds of a minority group, what generators draw from them, and true samples."""
    groups = two_groups(settings)
    few, many = settings["seeds"], settings["shown"]
    design = Design((few + many, few))  # oversampling adds `many` samples to the second group
    generators = {
        "truth": Oracle(),
        "smote": Smote(settings["neighbours"]),
        "plug-in": GaussianPlugin("group"),
        "predictive": Predictive("group"),
    }
    key, rows = path_key(seed, "samples"), {}
    for index, (name, generator) in enumerate(generators.items()):
        data = jax.jit(lambda own, g=generator: draw_dataset(groups, design, g, key=own))(key)
        minority = np.asarray(data.x)[np.asarray(data.group) == 1]
        rows[name] = {"x": minority[few:, 0], "y": minority[few:, 1]}
        progress((index + 1) / len(generators))
    return {"seeds": {"x": minority[:few, 0], "y": minority[:few, 1]}, "generators": rows}
