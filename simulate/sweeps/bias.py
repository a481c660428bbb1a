"""Sweeps behind the figures of theorem B (and R5): prior shift, generator bias, spurious features.

A sweep is a function of plain settings: it returns theory's curves, on fine grids, and simulated
points with their standard errors, both as plain data for an artifact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from synthetic_oversampling.simulate.experiments.paths import Progress, Setting, measured, run_path
from synthetic_oversampling.simulate.replicates.monte_carlo import Result
from synthetic_oversampling.simulate.sweeps.common import (
    generators_of,
    groups_of,
    path_key,
    problems,
    share_of,
)
from synthetic_oversampling.theory.generators.table import (
    Generator,
    Mislabelled,
    Oracle,
    Scaled,
    Shifted,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import gradient, risk
from synthetic_oversampling.theory.prediction.bias import predict_bias
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["bias_by_generator", "raw_imbalance", "spurious_weight"]


def raw_imbalance(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Raw ERM against the imbalance ratio (B4): class errors and intercept.

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    groups, n_max = groups_of(settings), settings["n_max"]
    gap = np.asarray(settings["means"][1]) - np.asarray(settings["means"][0])
    distance = math.sqrt(gap @ np.linalg.solve(np.asarray(settings["covs"][0]), gap))
    grid = np.geomspace(1.0, settings["largest_ratio"], 81)
    sizes = {"Delta": distance, "n_0": np.full(81, float(n_max)), "n_1": n_max / grid}
    curves = {
        name: _formula(f"B4.{name}", sizes)
        for name in ("error_0", "error_1", "balanced_error", "shift")
    }
    ratios = np.asarray(settings["ratios"])
    minority = [round(n_max / ratio) for ratio in ratios]
    designs = [Design.raw((n_max, n)) for n in minority]
    theory = [predict(groups, design, Oracle()) for design in designs]
    path = [Setting(d, groups, t.theta_alpha) for d, t in zip(designs, theory, strict=True)]
    result = run_path(
        groups,
        Design.raw((n_max, n_max)),
        Oracle(),
        path,
        key=path_key(seed, "raw_imbalance"),
        replicates=settings["replicates"],
        progress=progress,
    )
    star = np.asarray(theory[0].theta_star)
    return {
        "distance": distance,
        "ratio": grid,
        "curves": curves,
        "points": {
            "ratio": n_max / np.asarray(minority),
            "error": measured(result, "error"),
            "displacement": measured(result, "theta", star[None]),
            "error_finite": np.stack([t.group_error.total for t in theory]),
            "displacement_finite": np.stack([t.displacement + t.estimator_bias for t in theory]),
        },
        "counts": problems(result),
    }


def _formula(name: str, values: Mapping) -> np.ndarray:
    formula = FORMULAS[name]
    return np.asarray(
        [
            float(
                formula(
                    **{
                        a: np.ravel(values[a])[min(i, np.size(values[a]) - 1)].item()
                        for a in formula.arguments
                    }
                )
            )
            for i in range(max(np.size(values[a]) for a in formula.arguments))
        ]
    )


def bias_by_generator(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Bias gradient and displacement of every generator, and the remainder (B2, B3).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    groups = groups_of(settings)
    design = Design(settings["sizes"], settings["augmentation"], settings["weight"])
    generators = generators_of(settings)
    rows, results = {}, []
    for index, (name, generator) in enumerate(generators.items()):
        theory = predict(groups, design, generator)
        path = [Setting(design, groups, theory.theta_alpha, probe=theory.theta_star)]
        result = run_path(
            groups,
            design,
            generator,
            path,
            key=path_key(seed, "generator_bias"),
            replicates=settings["replicates"],
            progress=share_of(progress, index, len(generators)),
        )
        results.append(result)
        gradient = measured(result, "gradient")
        displacement = measured(result, "theta", np.asarray(theory.theta_star)[None])
        rows[name] = {
            "gradient": theory.mean_gradient,
            "gradient_observed": _first(gradient),
            "displacement_linear": theory.displacement_linear,
            "displacement": theory.displacement + theory.estimator_bias,
            "displacement_observed": _first(displacement),
        }
    return {
        "generators": rows,
        "remainder": _remainders(groups, design, settings),
        "counts": problems(*results),
    }


def _first(statistic: dict) -> dict:
    return {key: value[0] if np.ndim(value) else value for key, value in statistic.items()}


def _remainders(groups, design: Design, settings: Mapping) -> dict:
    """Exact displacement minus its linear form, against the size of the bias gradient."""
    shift = np.asarray(settings["shift"]) / np.linalg.norm(settings["shift"])
    families: dict[str, Callable[[float], Generator]] = {
        "shifted": lambda e: Shifted(tuple(e * shift)),
        "scaled": lambda e: Scaled(1.0 - e),
        "mislabelled": Mislabelled,
    }
    strengths = np.geomspace(0.005, 0.5, 9)
    out = {}
    for name, family in families.items():
        gradients, remainders = [], []
        for strength in strengths:
            predicted = predict_bias(groups, design, family(float(strength)))
            gap = np.asarray(predicted.displacement - predicted.displacement_linear)
            gradients.append(np.linalg.norm(predicted.bias_gradient))
            remainders.append(np.linalg.norm(gap))
        out[name] = {"gradient": gradients, "remainder": remainders}
    return out


def spurious_weight(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Spurious weight and group errors, before and after oversampling (B5, R5).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    groups = groups_of(settings)
    feature = settings["spurious"] + 1
    parts = 3 + len(settings["generators"])
    alignment = _alignment(groups, settings, feature, seed, share_of(progress, 0, parts))
    sizes = tuple(settings["sizes"])
    design = Design(sizes, settings["augmentation"], settings["weight"])
    raw, weighted = Design.raw(sizes), Design.class_weighted(sizes)
    generators = generators_of(settings)
    rows, counts = {}, []
    replicates = settings["replicates"]
    references = {"raw ERM": raw, "class weighting": weighted}
    theories = [predict(groups, reference, Oracle()) for reference in references.values()]
    path = [
        Setting(reference, groups, t.theta_alpha)
        for reference, t in zip(references.values(), theories, strict=True)
    ]
    result = run_path(
        groups,
        weighted,
        Oracle(),
        path,
        key=path_key(seed, "spurious"),
        replicates=replicates,
        progress=share_of(progress, 1, parts),
    )
    counts.append(result)
    for index, name in enumerate(references):
        rows[name] = _spurious_row(theories[index], result, index, feature)
    for index, name in enumerate(settings["generators"]):
        theory = predict(groups, design, generators[name])
        result = run_path(
            groups,
            design,
            generators[name],
            [Setting(design, groups, theory.theta_alpha)],
            key=path_key(seed, "spurious"),
            replicates=replicates,
            progress=share_of(progress, 2 + index, parts),
        )
        counts.append(result)
        rows[name] = _spurious_row(theory, result, 0, feature)
    shifts, last = _shifts(groups, design, settings, seed, share_of(progress, parts - 1, parts))
    return {
        "alignment": alignment[0],
        "designs": rows,
        "shifts": shifts,
        "counts": problems(alignment[1], *counts, last),
    }


def _spurious_row(theory, result: Result, index: int, feature: int) -> dict:
    observed = {name: measured(result, name) for name in ("theta", "error", "worst_error")}

    def pick(name: str, *place) -> dict:
        seen = observed[name]
        return seen | {key: seen[key][(index, *place)] for key in ("mean", "std_error")}

    return {
        "weight": theory.displacement[feature] + theory.estimator_bias[feature],
        "weight_linear": theory.displacement_linear[feature],
        "weight_observed": pick("theta", feature),
        "error": theory.group_error.total,
        "error_observed": pick("error"),
        "worst_error": theory.worst_group_error,
        "worst_error_observed": pick("worst_error"),
    }


def _alignment(groups, settings, feature: int, seed: int, progress: Progress):
    """Raw ERM's spurious weight against the share of samples whose attribute agrees."""
    largest = settings["aligned_size"]

    def design(share: float, largest: int = largest) -> Design:
        other = max(round(largest * (1 - share) / share), 1)
        return Design.raw((largest, other, other, largest))

    grid = np.linspace(0.5, settings["largest_share"], 31)
    many = 10**6  # the population depends on the ratios alone: no rounding of sizes in the curve
    curve = [
        predict_bias(groups, design(share, many), Oracle()).theta_alpha[feature] for share in grid
    ]
    shares = settings["shares"]
    theory = [predict(groups, design(share), Oracle()) for share in shares]
    path = [
        Setting(design(share), groups, value.theta_alpha)
        for share, value in zip(shares, theory, strict=True)
    ]
    result = run_path(
        groups,
        Design.raw((largest,) * 4),
        Oracle(),
        path,
        key=path_key(seed, "alignment"),
        replicates=settings["replicates"],
        progress=progress,
    )
    observed = measured(result, "theta")
    weight = {key: value[:, feature] for key, value in observed.items() if np.ndim(value)}
    data = {
        "share": grid,
        "weight": np.asarray(curve),
        "points": {"share": shares, "weight": weight | {"replicates": observed["replicates"]}},
    }
    return data, result


def _shifts(groups, design: Design, settings: Mapping, seed: int, progress: Progress):
    """Group excess risk when the generator's samples are shifted along the spurious feature."""
    unit = np.zeros(groups[0].dim)
    unit[settings["spurious"]] = 1.0
    low, high = settings["shift_range"]
    grid = np.linspace(low, high, 25)
    theory = [predict(groups, design, Shifted(tuple(size * unit))) for size in grid]
    centre = predict(groups, design, Oracle())
    star, balance = centre.theta_star, np.asarray(centre.hessian)
    slopes = np.stack([gradient(star, group.law) for group in groups])
    first = np.stack(
        [-slopes @ np.linalg.solve(balance, np.asarray(value.bias_gradient)) for value in theory]
    )
    lengths = settings["shift_lengths"]
    at = [predict(groups, design, Shifted(tuple(size * unit))) for size in lengths]
    path = [
        Setting(design, groups, values.theta_alpha, tuple(size * unit))
        for size, values in zip(lengths, at, strict=True)
    ]
    result = run_path(
        groups,
        design,
        Oracle(),
        path,
        key=path_key(seed, "shifts"),
        replicates=settings["replicates"],
        moved=lambda _, part: part != "real",
        progress=progress,
    )
    floor = np.asarray([risk(star, group.law) for group in groups])
    second = np.asarray(centre.group_excess.variance + centre.group_excess.cox_snell)
    data = {
        "length": grid,
        "excess": np.stack([value.group_excess.total for value in theory]),
        "first_order": first + second[None],
        "points": {"length": lengths, "excess": measured(result, "risk", floor[None])},
    }
    return data, result
