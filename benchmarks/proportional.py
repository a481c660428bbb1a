"""(i) Theorem H's fixed points, and the same risk by simulation to 1 %."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from benchmarks.timing import require_agreement, times
from synthetic_oversampling.simulate.experiments.proportional_settings import laws, plan_of
from synthetic_oversampling.simulate.experiments.proportional_trials import Setting, replicate
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.proportional.predict import (
    Proportional,
    predict_proportional,
)

__all__ = ["run"]

_PRECISION = 0.01
_RIDGE = 1.0
_PLANS = {
    "raw": (Design.raw, None, "raw"),
    "class weighting": (Design.class_weighted, None, "weighted"),
    "plug-in, pooled": (Design, GaussianPlugin("pooled"), "plugin-pooled"),
    "SMOTE, all pairs": (Design, Smote(), "smote-pairs"),
}


def _setting(dim: int, covariances: str, plans: tuple[str, ...]) -> Setting:
    """Two classes with 4 d and 0.8 d rows at a distance of 1.5."""
    sizes = (4 * dim, 4 * dim // 5)
    means = np.zeros((2, dim))
    means[:, 0] = -0.75, 0.75
    roots: tuple = (np.ones(()),) * 2
    if covariances == "general":  # two that do not commute
        noise = np.random.default_rng(5).standard_normal((dim, dim))
        mixed = noise / np.sqrt(dim) + 0.5 * np.eye(dim)
        roots = mixed, np.sqrt(np.linspace(0.3, 2.0, dim))
    trained = tuple(plan_of(sizes, _RIDGE, name) for name in plans)
    return Setting(
        name=covariances, labels=(0, 1), sizes=sizes, means=means, roots=roots, plans=trained
    )


def _predicting(setting: Setting, name: str) -> Callable[[float], Proportional]:
    """Theorem H for a plan, as a function of the ridge."""
    design, generator, _ = _PLANS[name]
    groups, planned = laws(setting), design(setting.sizes)
    return lambda ridge: predict_proportional(
        groups=groups, design=planned, generator=generator, ridge=ridge
    )


def _solving(quick: bool) -> list[str]:
    lines = [
        f"Two classes at a distance of 1.5 with 4 and 0.8 rows a feature, ridge {_RIDGE:g}. "
        "`predict_proportional` as it is called: it checks its input and solves everything anew.",
        "",
        "| features | covariances | design | seconds | fastest | iterations | residual |",
        "|---|---|---|---|---|---|---|",
    ]
    cases = (
        [(20, "isotropic"), (20, "general")]
        if quick
        else [
            (100, "isotropic"),
            (400, "isotropic"),
            (100, "general"),
            (400, "general"),
        ]
    )
    for dim, covariances in cases:
        setting = _setting(dim, covariances, ())
        calls = {name: partial(_predicting(setting, name), _RIDGE) for name in _PLANS}
        repeats = 1 if quick else 15 if covariances == "isotropic" else 3
        for name, found in times(calls, repeats).items():
            lines.append(
                f"| {dim} | {covariances} | {name} | {1e3 * found.median:.1f} ms | "
                f"{1e3 * found.low:.1f} ms | {found.output.iterations} | "
                f"{found.output.residual:.0e} |"
            )
    return lines


def _simulating(quick: bool) -> list[str]:
    lines = [
        f"The minority's expected excess risk, simulated until its standard error is "
        f"{_PRECISION:.0%} of it: time of one replicate (draw, fit, score) times the replicates "
        "that the spread asks for. One process. `predict_proportional` is called as it is, and "
        "under `jax.jit` as a function of the ridge, once it is compiled.",
        "",
        "| features | design | predicted | simulated | simulate to 1 % | predict | ratio | "
        "predict, jitted | ratio | compile |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    cases = [(100, 60, name) for name in _PLANS]
    cases += [(400, 12, name) for name in ("raw", "class weighting")]
    if quick:
        cases = [(20, 6, name) for name in _PLANS]
    for dim, count, name in cases:
        setting = _setting(dim, "isotropic", (_PLANS[name][2],))
        predicted = _predicting(setting, name)
        jitted, began = jax.jit(predicted), time.perf_counter()
        jax.block_until_ready(jitted(_RIDGE))
        compiled = time.perf_counter() - began
        found = times(
            {
                "called": partial(predicted, _RIDGE),
                "jitted": partial(jitted, _RIDGE),
            },
            1 if quick else 15,
        )
        theory, inside = found["called"].output, found["jitted"].output
        require_agreement(name, theory.total, float(inside.total), 0.0, 1e-7)
        floor = float(theory.risk[1] - theory.excess[1])
        rng, seconds, values = np.random.default_rng(3), [], []
        for _ in range(count):
            began = time.perf_counter()
            values.append(float(replicate(setting, rng)["risk"][0, 1]) - floor)
            seconds.append(time.perf_counter() - began)
        mean, spread = statistics.mean(values), statistics.stdev(values)
        needed = (spread / (_PRECISION * mean)) ** 2
        cost = needed * statistics.median(seconds)
        error, value = spread / count**0.5, float(theory.excess[1])
        lines.append(
            f"| {dim} | {name} | {value:.4f} | {mean:.4f} ± {error:.4f} | "
            f"{cost:.1f} s ({needed:,.0f} replicates) | "
            + " | ".join(
                f"{1e3 * one.median:.1f} ms | **{cost / one.median:,.0f}**"
                for one in found.values()
            )
            + f" | {compiled:.1f} s |"
        )
        require_agreement(name, value, mean, error, 0.05)
    return lines


def run(quick: bool) -> list[str]:
    """The section: seconds for a fixed point, and beside simulating the same risk to 1 %.

    Args:
        quick: at tiny sizes.
    """
    load = f"Load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    return [*_solving(quick), "", *_simulating(quick), "", load]
