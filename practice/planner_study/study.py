"""The planner judged: coverage and regret on known groups, held-back loss on a real table.

The real table is scikit-learn's breast cancer data with a controlled imbalance. There the truth is
not known; a decision is judged by the balanced loss of its final fit on all rows that the table
left out, paired over splits, against class weighting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.planner_study.offered import KINDS, offered
from synthetic_oversampling.practice.planner_study.rivals import RIVALS, Task, balanced_loss
from synthetic_oversampling.practice.planner_study.trials import SETTINGS, coverage, regret, summary

try:
    from sklearn.datasets import load_breast_cancer
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["markdown", "markdown_offered", "real_table", "study", "study_offered"]

_FEATURES = (1, 4, 5, 8)  # texture, smoothness, compactness, symmetry: classes overlap
_SIZES = (200, 40)


def real_table(
    splits: int, *, seed: int, names: Sequence[str] | None = None
) -> dict[str, dict[str, dict[str, float]]]:
    """Balanced loss on held-back rows of every rival's final fit, by generator.

    Args:
        splits: of the data into table and held-back rows.
        seed: of the splits.
        names: of rivals; all when omitted.
    """
    data = load_breast_cancer()
    x = data.data[:, _FEATURES]
    x = (x - x.mean(axis=0)) / x.std(axis=0)  # a fixed choice of units, the same for all
    label = 1 - data.target  # malignant is the smaller class
    found = {}
    for generator in ("gaussian-pooled", "gaussian", "smote"):
        values: dict[str, list] = {name: [] for name in names or RIVALS}
        for split in range(splits):
            rng = np.random.default_rng([seed, split])
            chosen = np.concatenate(
                [rng.permutation(np.flatnonzero(label == g))[: _SIZES[g]] for g in (0, 1)]
            )
            held = np.ones(len(x), bool)
            held[chosen] = False
            most = 3 * max(_SIZES)
            task = Task(x[chosen], label[chosen], generator, most, seed + split)
            for name in values:
                own = RIVALS[name](task)
                loss = balanced_loss(own.theta, x[held], label[held])
                values[name].append((loss, own.fits, own.rows, own.rows > 0))
        arrays = {name: np.array(rows, float) for name, rows in values.items()}
        found[generator] = summary(arrays, "weighting")
    return found


def study(
    tables: int, splits: int, *, seed: int, said: Callable[[str], None] = lambda _: None
) -> dict:
    """Everything in ``docs/planner-validation.md``.

    Args:
        tables: of the coverage; half as many are used for the regret.
        splits: of the real table.
        seed: of all.
        said: told what is under way.
    """
    payload: dict = {"coverage": {}, "regret": {}}
    for name, setting in SETTINGS.items():
        said(f"coverage: {name}")
        payload["coverage"][name] = coverage(setting, tables, seed=seed)
    for name, setting in SETTINGS.items():
        said(f"regret: {name}")
        payload["regret"][name] = regret(setting, max(tables // 2, 2), seed=seed + 10**6)
    said("real table")
    payload["real"] = real_table(splits, seed=seed)
    return payload


def study_offered(tables: int, *, seed: int, said: Callable[[str], None] = lambda _: None) -> dict:
    """`offered.offered` of every kind of table."""
    found = {}
    for name, kind in KINDS.items():
        said(f"offered: {name}")
        found[name] = offered(kind, tables, seed=seed)
    return found


def markdown_offered(payload: dict) -> str:
    """Its table as Markdown."""
    lines = [
        "| rows are | planner minus class weighting (10⁻³ nats) | as it expected | worst table "
        "| adds rows | from | levelling with SMOTE |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, own in payload.items():
        planner, smote = (
            f"{1e3 * own[key]['mean']:+.2f} ± {1e3 * own[key]['std_error']:.2f}"
            for key in ("planner", "smote")
        )
        sources = ", ".join(f"{k} {v}" for k, v in own["sources"].items() if k != "none")
        lines.append(
            f"| {name} | {planner} | {1e3 * own['told']['mean']:+.2f} | {1e3 * own['worst']:+.1f} "
            f"| {own['adds']:.0%} | {sources or '-'} | {smote} |"
        )
    return "\n".join([*lines, ""])


def _share(own: dict[str, float], name: str) -> str:
    """A share with the standard error that it has if the nominal one is 95 %."""
    error = (0.95 * 0.05 / own["tables"]) ** 0.5
    return f"{own[name]:.1%} ± {error:.1%}"


def markdown(payload: dict) -> str:
    """The study's tables as Markdown."""
    lines = []
    for name, designs in payload["coverage"].items():
        lines += [
            "", f"### Coverage: {name}", "",
            "| design | tables | excess in interval | gain in interval | width / estimate "
            "| estimate / truth |",
            "|---|---|---|---|---|---|",
        ]  # fmt: skip
        for design, own in designs.items():
            lines.append(
                f"| {design} | {own['tables']:.0f} | {_share(own, 'excess')} | "
                f"{_share(own, 'gain')} | {own['width']:.2f} | "
                f"{own['ratio']:.3f} ± {own['ratio_std_error']:.3f} |"
            )
    blocks = [(f"### Regret: {name}", "regret", own) for name, own in payload["regret"].items()]
    blocks += [
        (f"### Breast cancer, {name}", "loss minus class weighting's", own)
        for name, own in payload["real"].items()
    ]
    for title, difference, rivals in blocks:
        lines += [
            "", title, "",
            f"| decision | mean (10⁻³ nats) | {difference} (10⁻³) | fits | rows | adds rows |",
            "|---|---|---|---|---|---|",
        ]  # fmt: skip
        for rival, own in rivals.items():
            lines.append(
                f"| {rival} | {1e3 * own['excess']:.2f} ± {1e3 * own['excess_std_error']:.2f} | "
                f"{1e3 * own['regret']:+.2f} ± {1e3 * own['regret_std_error']:.2f} | "
                f"{own['fits']:.0f} | {own['rows']:.0f} | {own['adds']:.0%} |"
            )
    return "\n".join([*lines, ""])
