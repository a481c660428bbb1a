"""The planner as it is asked by default, all generators offered, against adding no rows.

`practice.planner_study.trials` judges one generator at a time, on groups that the theory knows.
Here the planner may choose among all of them, and so may be misled by the luckiest, on groups of
several kinds, most of them not normal. Every decision is fitted on the same table as class
weighting and judged by the balanced loss on many fresh rows; so is levelling with SMOTE, the usual
practice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner_study.rivals import RIVALS, Task, balanced_loss, fit_of

__all__ = ["KINDS", "Kind", "draw", "offered"]

_MEAN = np.array([1.2, 0.8, 0.0, 0.0, 0.4])  # of the rare class, where its law has one
_COV = np.diag([1.6, 0.5, 1.0, 1.0, 1.8])
_COV[0, 1] = _COV[1, 0] = 0.4
_SPREAD = np.linalg.cholesky(_COV)
_FRESH = 100_000  # rows of each class that decisions are judged on


class Kind(NamedTuple):
    """What the rows of the two classes are like: ``(random generator, rows) -> [rows, 5]``."""

    common: Callable
    rare: Callable
    sizes: tuple[int, int] = (600, 80)


def _normal(rng, n):
    return rng.normal(size=(n, 5))


def _counts(means, shares, centre):
    def rows(rng, n):
        parts = [rng.poisson(mean, n) for mean in means]
        parts += [rng.random(n) < share for share in shares]
        return np.column_stack([*parts, rng.normal(centre, 1, n)]).astype(float)

    return rows


def _two_peaks(rng, n):
    side = rng.choice([-1.8, 1.8], size=n)
    return 0.6 * _normal(rng, n) + np.outer(side, np.eye(5)[1]) + [1.2, 0.0, 0.0, 0.0, 0.5]


def _tails(rng, n):
    return rng.standard_t(4, size=(n, 5)) / np.sqrt(2)


KINDS: dict[str, Kind] = {
    "normal, one covariance": Kind(_normal, lambda rng, n: _MEAN + _normal(rng, n)),
    "normal, two covariances": Kind(_normal, lambda rng, n: _MEAN + _normal(rng, n) @ _SPREAD.T),
    "normal, 150 and 30 rows": Kind(_normal, lambda rng, n: _MEAN + _normal(rng, n), (150, 30)),
    "heavy tails": Kind(_tails, lambda rng, n: _MEAN + _tails(rng, n)),
    "skewed": Kind(
        lambda rng, n: rng.exponential(size=(n, 5)),
        lambda rng, n: rng.exponential(size=(n, 5)) * [1.8, 1.5, 1, 1, 1.2] + [0.5, 0, 0, 0, 0.3],
    ),
    "two peaks": Kind(_normal, _two_peaks),
    "counts and shares": Kind(_counts((1, 2), (0.3, 0.5), 0.0), _counts((2, 3), (0.5, 0.4), 0.5)),
}


def draw(kind: Kind, sizes: tuple[int, int], seed) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels 0 and 1.

    Example:
        >>> x, label = draw(KINDS["skewed"], (6, 4), seed=0)
        >>> x.shape, label.tolist()
        ((10, 5), [0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    """
    rng = np.random.default_rng(seed)
    rows = [kind.common(rng, sizes[0]), kind.rare(rng, sizes[1])]
    return np.concatenate(rows), np.repeat([0, 1], sizes)


def offered(
    kind: Kind, tables: int, *, seed: int, bootstrap: int = 60, fresh: int = _FRESH
) -> dict:
    """Loss of the planner's decisions, and of SMOTE's levelling, minus class weighting's.

    Args:
        kind: among `KINDS`.
        tables: drawn afresh.
        seed: of all.
        bootstrap: replicates of every plan.
        fresh: rows of each class to judge on, the same for all tables.

    Returns:
        ``planner``, ``smote`` and ``told`` (what the planner expected), each with mean and
        standard error, the ``worst`` table's difference, the share that ``adds`` rows, and the
        ``sources`` that were chosen.
    """
    judge, truth = draw(kind, (fresh, fresh), [seed, 0])
    found: dict[str, list[float]] = {"planner": [], "smote": [], "told": []}
    sources: Counter[str] = Counter()
    for t in range(tables):
        x, label = draw(kind, kind.sizes, [seed, 1, t])
        own = plan_table(x, label, bootstrap=bootstrap, seed=t).recommended
        task = Task(x, label, own.source, max(kind.sizes), t)
        fits = {
            "planner": fit_of(task, own),
            "smote": RIVALS["balance"](task._replace(generator="smote")),
        }
        nothing = balanced_loss(RIVALS["weighting"](task).theta, judge, truth)
        for name, fit in fits.items():
            found[name].append(balanced_loss(fit.theta, judge, truth) - nothing)
        found["told"].append(0.0 - own.expected)
        sources[own.source if own.rows else "none"] += 1
    summary: dict = {
        name: {"mean": float(np.mean(own)), "std_error": float(np.std(own, ddof=1) / tables**0.5)}
        for name, own in found.items()
    }
    summary["worst"] = float(np.max(found["planner"]))
    summary["adds"] = 1.0 - sources["none"] / tables
    summary["sources"] = dict(sources.most_common())
    return summary
