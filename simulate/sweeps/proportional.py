"""Sweeps behind the figures of theorem H: errors by features per row, with one minority or with a
spurious attribute; where oversampling beats weighting; and where rows separate."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping

import numpy as np
import scipy

from synthetic_oversampling.simulate.experiments.paths import Progress
from synthetic_oversampling.simulate.experiments.proportional_settings import (
    arguments,
    laws,
    plan_of,
    predicted,
)
from synthetic_oversampling.simulate.experiments.proportional_trials import (
    Setting,
    replicate,
    separable,
)
from synthetic_oversampling.simulate.sweeps.common import share_of
from synthetic_oversampling.theory.proportional.clusters import Cluster
from synthetic_oversampling.theory.proportional.predict import Proportional
from synthetic_oversampling.theory.proportional.ridge import BestRidge, best_ridge
from synthetic_oversampling.theory.proportional.threshold import separability_threshold

__all__ = ["proportional_errors", "proportional_phases", "proportional_spurious", "separability"]


def _rng(seed: int, name: str, *places: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *places])


def _summary(values: np.ndarray) -> dict:
    """Mean over replicates, the first axis, and its standard error."""
    spread = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return {"mean": values.mean(axis=0), "std_error": spread}


def _setting(settings: Mapping, dim: int) -> Setting:
    sizes, gap = tuple(settings["sizes"]), settings["distance"]
    means = np.zeros((2, dim))
    means[:, 0] = -gap / 2, gap / 2
    plans = tuple(plan_of(sizes, settings["ridge"], name) for name in settings["plans"])
    return Setting(
        name="line", labels=(0, 1), sizes=sizes, means=means, roots=(np.ones(()),) * 2, plans=plans
    )


def _converged(setting: Setting, rng, count: int, told: Progress | None = None) -> list[dict]:
    """Those of ``count`` replicates in which every fit converged."""
    runs = []
    for k in range(count):
        runs.append(replicate(setting, rng))
        if told is not None:
            told((k + 1) / count)
    return [run for run in runs if not run["not_converged"]]


def _shown(prediction: Proportional) -> dict[str, float]:
    return {
        "minority": float(prediction.error[1]),
        "balanced": prediction.balanced_error,
        "excess": prediction.total,
    }


def proportional_errors(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Errors and excess risk of every plan against features per row of the minority (H1, H2).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    few, dims, plans = min(settings["sizes"]), settings["dims"], settings["plans"]
    grid = np.unique(np.geomspace(dims[0], dims[-1], settings["curve"]).round().astype(int))
    curves: dict[str, dict[str, list[float]]] = {
        name: {"minority": [], "balanced": [], "excess": []} for name in plans
    }
    for dim in grid:
        setting = _setting(settings, int(dim))
        groups = laws(setting)
        for name in plans:
            for part, value in _shown(predicted(setting, groups, name)).items():
                curves[name][part].append(value)
    points: dict[str, dict] = {name: {} for name in plans}
    seen: dict[str, list] = {part: [] for part in ("minority", "balanced", "excess")}
    left_out, count = 0, settings["replicates"]
    for place, dim in enumerate(dims):
        setting = _setting(settings, dim)
        optimum = predicted(setting, laws(setting), plans[0])
        floor = float(np.mean(optimum.risk - optimum.excess))
        rng = _rng(seed, "proportional_errors", place)
        kept = _converged(setting, rng, count, share_of(progress, place, len(dims)))
        left_out += count - len(kept)
        error, risk = (np.stack([run[name] for run in kept]) for name in ("error", "risk"))
        seen["minority"].append(_summary(error[:, :, 1]))
        seen["balanced"].append(_summary(error.mean(axis=2)))
        seen["excess"].append(_summary(risk.mean(axis=2) - floor))
    for index, name in enumerate(plans):
        for part, rows in seen.items():
            points[name][part] = {
                key: [float(row[key][index]) for row in rows] for key in ("mean", "std_error")
            }
    return {
        "ratio": grid / few,
        "curves": curves,
        "ratios": np.array(dims) / few,
        "points": points,
        "counts": {"replicates_in_all": count * len(dims), "left_out": left_out},
    }


def _spurious(settings: Mapping, dim: int) -> Setting:
    """Four groups, label by attribute; the attribute agrees with the label in the large ones."""
    core, attribute = settings["core"], settings["attribute"]
    means = np.zeros((4, dim))
    means[:, 0], means[:, 1] = np.repeat([-core, core], 2), np.tile([-attribute, attribute], 2)
    large, few = settings["sizes"]
    sizes = (large, few, few, large)
    plans = tuple(plan_of(sizes, settings["ridge"], name) for name in settings["plans"])
    return Setting(
        name="spurious",
        labels=(0, 0, 1, 1),
        sizes=sizes,
        means=means,
        roots=(np.ones(()),) * 4,
        plans=plans,
    )


_KINDS = {"worst": [1, 2], "best": [0, 3]}  # groups of one size, which are each other's mirror


def proportional_spurious(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Errors of small and large groups of every plan against features per row of the small ones.

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    few, dims, plans = min(settings["sizes"]), settings["dims"], settings["plans"]
    grid = np.unique(np.geomspace(dims[0], dims[-1], settings["curve"]).round().astype(int))
    curves: dict = {name: {kind: [] for kind in _KINDS} for name in plans}
    for dim in grid:
        case = _spurious(settings, int(dim))
        groups = laws(case)
        for name in plans:
            error = predicted(case, groups, name).error
            for kind, places in _KINDS.items():
                curves[name][kind].append(float(error[places].mean()))
    points: dict = {
        name: {kind: {"mean": [], "std_error": []} for kind in _KINDS} for name in plans
    }
    left_out, count = 0, settings["replicates"]
    for place, dim in enumerate(dims):
        rng = _rng(seed, "proportional_spurious", place)
        told = share_of(progress, place, len(dims))
        kept = _converged(_spurious(settings, dim), rng, count, told)
        left_out += count - len(kept)
        errors = [run["error"] for run in kept]
        for index, name in enumerate(plans):
            for kind, places in _KINDS.items():
                seen = _summary(np.stack(errors)[:, index, places].mean(axis=1))
                for key, value in seen.items():
                    points[name][kind][key].append(float(value))
    return {
        "ratio": grid / few,
        "curves": curves,
        "ratios": np.array(dims) / few,
        "points": points,
        "counts": {"replicates_in_all": count * len(dims), "left_out": left_out},
    }


def _best(case: Setting, names, per_row) -> dict[str, BestRidge]:
    """Of plans, the ridge with the least predicted balanced excess risk, and that excess."""
    groups, found = laws(case), {}
    between = tuple(each * sum(case.sizes) for each in per_row)
    for name in names:
        design, generator = arguments(case, name)
        found[name] = best_ridge(groups=groups, design=design, generator=generator, between=between)
    return found


def _between(x, y, values: np.ndarray, finer) -> np.ndarray:
    """Values ``[y, x]`` on a finer grid, by cubic splines of the logarithms of everything."""
    spline = scipy.interpolate.RectBivariateSpline(np.log(y), np.log(x), np.log(values))
    return np.exp(spline(np.log(finer[1]), np.log(finer[0])))


def proportional_phases(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Excess risk of class weighting over that of oversampling, each at its best ridge (H1, H2).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    few, plans, per_row = settings["few"], settings["plans"], settings["ridges_per_row"]
    (least, most), (first, last) = settings["imbalance"], settings["dims"]
    imbalances = np.geomspace(least, most, settings["grid"])
    dims = np.unique(np.geomspace(first, last, settings["grid"]).round().astype(int))
    every = ["weighted", *plans]

    def setting(ratio: float, dim: int) -> Setting:
        sizes = [round(few * ratio), few]
        common = {"sizes": sizes, "distance": settings["distance"], "ridge": 1.0, "plans": every}
        return _setting(common, dim)

    relative: dict[str, list] = {name: [] for name in plans}
    points = [(ratio, dim) for ratio in settings["ratios"] for dim in settings["points"]]
    steps, done = len(dims) + 2 * len(points), 0
    for dim in dims:
        rows: dict[str, list] = {name: [] for name in plans}
        for ratio in imbalances:
            case = setting(ratio, int(dim))
            best = _best(case, every, per_row)
            for name in plans:
                rows[name].append(best["weighted"].value / best[name].value)
        for name in plans:
            relative[name].append(rows[name])
        done += 1
        progress(done / steps)
    seen: list[dict] = []
    left_out, count = 0, settings["replicates"]
    for place, (ratio, dim) in enumerate(points):
        case = setting(ratio, dim)
        best = _best(case, every, per_row)
        chosen = tuple(
            dataclasses.replace(plan, ridge=best[plan.name].ridge) for plan in case.plans
        )
        case = dataclasses.replace(case, plans=chosen)
        rng = _rng(seed, "proportional_phases", place)
        kept = [run["risk"].mean(axis=1) for run in _converged(case, rng, count)]
        left_out += count - len(kept)
        gains = {}
        for index, name in enumerate(plans, start=1):  # on the same real rows
            paired = _summary(np.array([risk[0] - risk[index] for risk in kept]))
            gains[name] = {key: float(value) for key, value in paired.items()}
        seen.append({"imbalance": float(ratio), "features": dim / few, "gain": gains})
        done += 2
        progress(done / steps)
    features, shown = dims / few, settings["shown"]
    finer = [np.geomspace(axis[0], axis[-1], shown) for axis in (imbalances, features)]
    return {
        "imbalance": finer[0],
        "features": finer[1],
        "relative": {
            name: _between(imbalances, features, np.array(rows), finer)
            for name, rows in relative.items()
        },
        "points": seen,
        "counts": {
            "replicates_in_all": settings["replicates"] * len(points),
            "left_out": left_out,
        },
    }


def _threshold(sizes, gap: float, extra: float) -> float:
    """Features from which on rows separate, per real row."""
    rows = (sizes[0], sizes[1] + extra)
    clusters = [
        Cluster(rows=float(n), mean=[(2 * y - 1) * gap / 2], cov=1.0, label=y)
        for y, n in enumerate(rows)
    ]
    return float(separability_threshold(clusters=clusters).features / sum(sizes))


def _least(sizes, gap: float, most: int, rng: np.random.Generator) -> int:
    """The least number of features that separates one draw of rows, by bisection.

    More features of the same rows keep them separable.
    """
    sign = np.repeat([-1.0, 1.0], sizes)
    x = rng.standard_normal((len(sign), most))
    x[:, 0] += sign * gap / 2
    low, high = 0, most
    while high - low > 1:
        tried = (low + high) // 2
        low, high = (low, tried) if separable(x[:, :tried], sign) else (tried, high)
    return high


def separability(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Where rows become separable, by imbalance, with and without synthetic rows (H3).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    rows, ratios = settings["rows"], settings["ratios"]
    grid = np.geomspace(1.0, settings["largest_ratio"], settings["curve"])
    payload: dict = {"ratio": grid, "distances": {}}
    done, steps = 0, len(settings["distances"]) * len(ratios) * 2
    for gap in settings["distances"]:
        curves: dict = {}
        for name, levelled in (("real", False), ("levelled", True)):
            shares = [(q / (1 + q), 1 / (1 + q)) for q in grid]
            curve = [_threshold(pair, gap, levelled * (pair[0] - pair[1])) for pair in shares]
            points = []
            for place, ratio in enumerate(ratios):
                few = round(rows / (1 + ratio))
                sizes = (rows - few, few)
                extra = levelled * (sizes[0] - few)
                rng = _rng(seed, f"separability/{name}/{gap}", place)
                found = np.array(
                    [
                        _least((sizes[0], few + extra), gap, rows + extra, rng) / rows
                        for _ in range(settings["replicates"])
                    ]
                )
                points.append({"ratio": sizes[0] / few, **_summary(found)})
                done += 1
                progress(done / steps)
            curves[name] = {
                "curve": curve,
                "points": {key: [float(row[key]) for row in points] for key in points[0]},
            }
        payload["distances"][f"{gap:g}"] = curves
    payload["counts"] = {"replicates_in_all": settings["replicates"] * steps}
    return payload
