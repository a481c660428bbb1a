"""Sweeps behind the figures of R3 and T4: where synthetic data help, and what fidelity is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from synthetic_oversampling.simulate.experiments.paths import Progress, Setting, measured, run_path
from synthetic_oversampling.simulate.experiments.phase_points import PhasePoint
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sweeps.common import groups_of, path_key, problems
from synthetic_oversampling.theory.generators.table import (
    GaussianPlugin,
    Generator,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    population_law,
)
from synthetic_oversampling.theory.in_context.capacity import fidelity_bias_bound
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import balanced_law
from synthetic_oversampling.theory.prediction.benefit import REFERENCES, leading_break_even_shift
from synthetic_oversampling.theory.prediction.bias import generator_bias_gradient
from synthetic_oversampling.theory.prediction.bounds import fidelity_bound, intercept_var_proxy
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["fidelity_to_excess", "phase_diagram", "generated_samples"]


def _spaced(ends: Sequence[float], count: int) -> np.ndarray:
    low, high = ends
    return np.geomspace(low, high, count)


def phase_diagram(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Excess beside three rivals by separation, imbalance ratio and generator shift (R3).

    By separation: a table of predicted excess risks, the break-even shifts with every rival, from
    theorem R and from its leading order, and simulated gains at some ratios and shifts.

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    ratios = _spaced(settings["ratio_range"], 13).tolist()
    lengths = _spaced(settings["length_range"], 11).tolist()
    rows, results = {}, []
    share = len(settings["separations"]) * len(settings["ratios"])
    left, right = map(tuple, settings["means"])
    for separation in settings["separations"]:

        def point(ratio: float, shifts, separation=separation) -> PhasePoint:
            sizes = (settings["n_max"], max(round(settings["n_max"] / ratio), 1))
            return PhasePoint(
                separation=separation,
                means=(left, right),
                sizes=sizes,
                augmentation=settings["augmentation"],
                weight=settings["weight"],
                direction=tuple(settings["direction"]),
                lengths=tuple(shifts),
            )

        grid = [point(ratio, lengths) for ratio in ratios]
        table = np.array([[float(p.total) for p in share.shifted] for share in grid]).T
        rivals = {
            name: np.array([float(share.rivals[name].total) for share in grid])
            for name in REFERENCES
        }
        points = []
        for ratio in settings["ratios"]:
            place = point(ratio, settings["lengths"])
            result = monte_carlo.run(
                place.functions(),
                key=path_key(seed, f"phases {separation:g} {ratio:g}"),
                replicates=settings["replicates"],
                block=place.block,
            )
            results.append(result)
            progress(len(results) / share)
            seen = measured(result, "gain")
            shape = (len(REFERENCES), len(settings["lengths"]))
            gain = {
                name: {
                    "mean": np.reshape(seen["mean"], shape)[k],
                    "std_error": np.reshape(seen["std_error"], shape)[k],
                    "replicates": seen["replicates"],
                }
                for k, name in enumerate(REFERENCES)
            }
            points.append({"ratio": float(ratio), "gain": gain})
        rows[f"{separation:g}"] = {
            "relative": {name: rivals[name][None] / table for name in REFERENCES},
            "break_even": {
                name: [_break_even(share, name, lengths) for share in grid] for name in REFERENCES
            },
            "leading": {
                name: [
                    leading_break_even_shift(share.groups, share.design, share.direction, name)
                    for share in grid
                ]
                for name in REFERENCES
            },
            "points": points,
        }
    return {
        "ratio": ratios,
        "length": lengths,
        "lengths": settings["lengths"],
        "separations": rows,
        "counts": problems(*results),
    }


def _break_even(point: PhasePoint, rival: str, lengths) -> float:
    """`benefit.break_even_shift` with fewer digits, from predictions already made."""
    least = float(point.rivals[rival].total)
    known = [float(prediction.total) for prediction in point.shifted]
    if known[0] >= least:
        return 0.0

    def gain(length: float) -> float:
        return least - float(
            predict(point.groups, point.design, Shifted(point.shift(length))).total
        )

    beyond = next((k for k, value in enumerate(known) if value > least), None)
    if beyond is not None:
        return brentq(gain, lengths[beyond - 1], lengths[beyond], rtol=1e-3, xtol=1e-4)
    far = 3.0 * lengths[-1]  # so that the line leaves the picture at its edge
    return math.inf if gain(far) > 0 else brentq(gain, lengths[-1], far, rtol=1e-3, xtol=1e-4)


def fidelity_to_excess(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Bias and excess risk against the generator's divergence from the group (T4).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    groups, sizes = groups_of(settings), settings["sizes"]
    design = Design(sizes, settings["augmentation"], settings["weight"])
    base = predict(groups, design, Oracle())
    star, dim = base.theta_star, groups[0].dim
    along = np.asarray(settings["along"]) / np.linalg.norm(settings["along"])
    aslant = np.asarray(settings["aslant"]) / np.linalg.norm(settings["aslant"])
    lengths = _spaced(settings["lengths"], 15)
    factors = 1.0 - _spaced(settings["shrinkage"], 15)
    families: dict[str, Sequence[Generator]] = {
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
        slope, excess, bound, trivial = [], [], [], []
        for generator, kl in zip(family, divergence[name], strict=True):
            law = population_law(generator, 1, groups, sizes)
            slope.append(abs(float(generator_bias_gradient(star, groups[1], law)[0])))
            theory = predict(groups, design, (Oracle(), generator))
            excess.append(float(theory.excess.bias))
            chain = fidelity_bound((0.0, float(kl)), groups, design, (Oracle(), generator))
            bound.append(chain.bound)
            trivial.append(chain.trivial)
        curves[name] = {
            "divergence": divergence[name],
            "bias": slope,
            "excess": excess,
            "bound": bound,
        }
    grid = _spaced(settings["divergence"], 31)
    proxy = jnp.asarray(intercept_var_proxy(star, groups[1]))
    points = np.asarray(settings["points"])
    path = []
    for length in points:
        move = tuple(length * along)
        start = predict(groups, design, (Oracle(), Shifted(move))).theta_alpha
        path.append(Setting(design, groups, start, move, probe=star))
    result = run_path(
        groups,
        design,
        Oracle(),
        path,
        key=path_key(seed, "fidelity"),
        replicates=settings["replicates"],
        moved=lambda g, part: g == 1 and part != "real",
        progress=progress,
    )
    mass = float(design.oversampling_mass[1] + design.augmentation_mass[1])
    seen = measured(result, "gradient")
    values = monte_carlo.values(result, "risk").mean(axis=2) - float(
        risk(star, balanced_law(groups))
    )
    noise = float(base.excess.variance + base.excess.cox_snell)
    return {
        "divergence": grid,
        "bound": np.asarray(fidelity_bias_bound(jnp.asarray(grid), proxy)),
        "families": curves,
        "trivial": trivial[0],  # of the design, whatever the generator
        "noise": noise,
        "points": {
            "divergence": points**2 / 2,
            "bias": {
                "mean": np.abs(np.asarray(seen["mean"])[:, 0]) / mass,
                "std_error": np.asarray(seen["std_error"])[:, 0] / mass,
                "replicates": seen["replicates"],
            },
            "excess": {
                "mean": values.mean(axis=0) - noise,
                "std_error": values.std(axis=0, ddof=1) / np.sqrt(len(values)),
                "replicates": len(values),
            },
        },
        "counts": problems(result),
    }


def generated_samples(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Seeds of a minority group, what generators draw from them, and true samples.

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    groups = groups_of(settings)
    few, many = settings["seeds"], settings["shown"]
    design = Design((few + many, few))  # oversampling adds `many` samples to the second group
    generators = {
        "truth": Oracle(),
        "smote": Smote(settings["neighbours"]),
        "plugin": GaussianPlugin("group"),
        "predictive": Predictive("group"),
    }
    key, rows = path_key(seed, "samples"), {}
    for index, (name, generator) in enumerate(generators.items()):
        data = jax.jit(lambda key, g=generator: draw_dataset(groups, design, g, key=key))(key)
        minority = np.asarray(data.x)[np.asarray(data.group) == 1]
        rows[name] = {"x": minority[few:, 0], "y": minority[few:, 1]}
        progress((index + 1) / len(generators))
    return {"seeds": {"x": minority[:few, 0], "y": minority[:few, 1]}, "generators": rows}
