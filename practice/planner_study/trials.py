"""The planner where the truth is known: coverage of its intervals, regret of its decisions.

Intervals are about S1's global law, which is what the planner estimates from a table; regrets are
true excess risks of final fits, and `simulated` is the excess risk of a design by fits alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.practice.planner.plan import Choice, plan_table
from synthetic_oversampling.practice.planner_study.rivals import RIVALS, Task, with_added
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Generator, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.population.minimum import minimiser
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw
from synthetic_oversampling.theory.scaling.moments import law_of_design

__all__ = [
    "SETTINGS", "Setting", "coverage", "draw_groups", "draw_table", "oracle", "regret",
    "simulated", "weighted_law",
]  # fmt: skip


class Setting(NamedTuple):
    """Groups, sizes and generator of a trial."""

    groups: tuple[GaussianGroup, ...]
    sizes: tuple[int, ...]
    generator: str
    theory: Generator
    most: int


def _setting(cov, sizes, name, theory) -> Setting:
    groups = (
        GaussianGroup(np.zeros(5), np.eye(5), 0),
        GaussianGroup([1.2, 0.8, 0.0, 0.0, 0.4], cov, 1),
    )
    return Setting(groups, sizes, name, theory, 3 * max(sizes))


_WIDE = np.diag([1.6, 0.5, 1.0, 1.0, 1.8])
_WIDE[0, 1] = _WIDE[1, 0] = 0.4
SETTINGS: dict[str, Setting] = {
    "right generator": _setting(np.eye(5), (600, 80), "gaussian-pooled", GaussianPlugin("pooled")),
    "wrong generator": _setting(_WIDE, (600, 80), "gaussian-pooled", GaussianPlugin("pooled")),
    "SMOTE, all neighbours": _setting(np.eye(5), (600, 80), "smote-all", Smote()),
}


def weighted_law(groups, sizes, generator) -> GlobalLaw:
    """S1's global law when the real rows are weighted instead of levelled (``m = 0``).

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> law = weighted_law(groups, (300, 100), GaussianPlugin())
        >>> bool(law.floor <= law.excess(0.0, 1))  # a normal law on normal rows wastes nothing
        True
    """
    return law_of_design(groups, sizes, generator, levelled=False)


def draw_table(setting: Setting, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of one table."""
    return draw_groups(setting.groups, setting.sizes, seed)


def draw_groups(
    groups: Sequence[GaussianGroup], sizes: Sequence[int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of Gaussian groups of one component, and their labels, group after group."""
    rng = np.random.default_rng(seed)
    pairs = zip(groups, sizes, strict=True)
    x = [rng.multivariate_normal(g.mean[0], g.cov[0], n) for g, n in pairs]
    return np.concatenate(x), np.repeat([g.label for g in groups], sizes)


def truth(setting: Setting, own: Choice) -> float:
    """The excess risk that the theory gives a design on the true groups."""
    if own.name == "raw":
        return float(predict(setting.groups, Design.raw(setting.sizes), setting.theory).total)
    if own.name in ("weighting", "weight+add"):
        law = weighted_law(setting.groups, setting.sizes, setting.theory)
    else:
        law = law_of_design(setting.groups, setting.sizes, setting.theory)
    return float(law.excess(own.weight, own.size if own.size else 1))


def simulated(
    setting: Setting, level: bool, size: int, weight: float, tables: int, *, seed: int
) -> tuple[float, float]:
    """Excess risk of a design by fits on tables drawn afresh: mean and standard error.

    Args:
        setting: groups, sizes and generator.
        level: with synthetic rows, or weighting the real ones; size, weight: of the added rows.
        tables: how many; seed: of the first.
    """
    sizes = np.array(setting.sizes)
    law = balanced_law(setting.groups)
    floor = float(risk(minimiser(law), law))
    found = []
    for t in range(tables):
        x, label = draw_table(setting, seed + t)
        task = Task(x, label, setting.generator, setting.most, seed + t)
        own = with_added(task, (sizes.max() - sizes) * int(level), size, weight)
        found.append(float(risk(jnp.asarray(own.theta), law)) - floor)
    return float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(tables))


def coverage(
    setting: Setting, tables: int, *, seed: int, bootstrap: int = 60, level: float = 0.95
) -> dict[str, dict[str, float]]:
    """Share of intervals that contain the truth, by design, over tables drawn afresh.

    Returns:
        For each design: ``tables`` that had it, ``excess`` and ``gain`` coverage, the median
        ``width`` of the excess's interval relative to its estimate, and the mean of ``estimate /
        truth`` of its excess risk with standard error.
    """
    levelled = law_of_design(setting.groups, setting.sizes, setting.theory)
    weighted = weighted_law(setting.groups, setting.sizes, setting.theory)
    raw = float(predict(setting.groups, Design.raw(setting.sizes), setting.theory).total)
    hits: dict[str, list] = {}
    for t in range(tables):
        x, label = draw_table(setting, seed + t)
        plan = plan_table(
            x, label, generators=setting.generator, most=setting.most, bootstrap=bootstrap,
            level=level, seed=seed + t,
        )  # fmt: skip
        for own in plan.choices:
            law = weighted if own.name.startswith("weight") else levelled
            true = raw if own.name == "raw" else float(law.excess(own.weight, own.size or 1))
            gain = float(weighted.excess(0.0, 1)) - true
            hits.setdefault(own.name, []).append(
                (
                    own.excess.low <= true <= own.excess.high,
                    own.gain.low <= gain <= own.gain.high,
                    own.excess.value / true,
                    (own.excess.high - own.excess.low) / own.excess.value,
                )
            )
    found = {}
    for name, rows in hits.items():
        table = np.array(rows, float)
        found[name] = {
            "tables": float(len(table)),
            "excess": float(table[:, 0].mean()),
            "gain": float(table[:, 1].mean()),
            "width": float(np.median(table[:, 3])),
            "ratio": float(table[:, 2].mean()),
            "ratio_std_error": float(table[:, 2].std(ddof=1) / np.sqrt(len(table))),
        }
    return found


def oracle(setting: Setting) -> Callable[[Task], object]:
    """The design with the least excess risk by S1 on the true groups, as a rival."""
    sizes = np.array(setting.sizes)
    offers = []
    for levelling, law in (
        (sizes.max() - sizes, law_of_design(setting.groups, setting.sizes, setting.theory)),
        (np.zeros_like(sizes), weighted_law(setting.groups, setting.sizes, setting.theory)),
    ):
        size = setting.most
        weight = float(law.best_weight(float(size)))
        own = float(law.best_excess(float(size))), levelling, size if weight > 0 else 0, weight
        offers.append(own)
    _, levelling, size, weight = min(offers, key=lambda offer: offer[0])
    return lambda task: with_added(task, levelling, size, weight)


def regret(
    setting: Setting, tables: int, *, seed: int, names: Sequence[str] | None = None
) -> dict[str, dict[str, float]]:
    """True excess risk of every rival's final fit, minus that of the oracle's, on the same tables.

    Returns:
        For each rival: mean ``excess`` and ``regret`` with standard errors, mean ``fits``, mean
        ``rows`` added, and the share of tables on which it ``adds`` rows.
    """
    rivals = {"oracle": oracle(setting)} | {n: RIVALS[n] for n in names or RIVALS}
    law = balanced_law(setting.groups)
    floor = float(risk(minimiser(law), law))
    values = {name: [] for name in rivals}
    for t in range(tables):
        x, label = draw_table(setting, seed + t)
        task = Task(x, label, setting.generator, setting.most, seed + t)
        for name, rival in rivals.items():
            own = rival(task)
            excess = float(risk(jnp.asarray(own.theta), law)) - floor
            values[name].append((excess, own.fits, own.rows, own.rows > 0))
    return summary({name: np.array(rows, float) for name, rows in values.items()}, "oracle")


def summary(values: dict[str, np.ndarray], reference: str) -> dict[str, dict[str, float]]:
    """Means and paired differences from a reference, with standard errors."""
    found = {}
    for name, rows in values.items():
        difference = rows[:, 0] - values[reference][:, 0]
        root = np.sqrt(len(rows))
        found[name] = {
            "excess": float(rows[:, 0].mean()),
            "excess_std_error": float(rows[:, 0].std(ddof=1) / root),
            "regret": float(difference.mean()),
            "regret_std_error": float(difference.std(ddof=1) / root),
            "fits": float(rows[:, 1].mean()),
            "rows": float(rows[:, 2].mean()),
            "adds": float(rows[:, 3].mean()),
        }
    return found
