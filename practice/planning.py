"""What `simulate.planner` recommends for a table, as rows to add and weights of rows."""

from __future__ import annotations

import numpy as np

from practice.amounts import Amounts
from practice.columns import Columns

__all__ = ["planned_amounts"]

# The planner knows the Gaussian sources; predictive and plug-in agree to its order (theorem R2).
_SOURCES = {
    ("plugin", "group"): "gaussian", ("plugin", "pooled"): "gaussian-pooled",
    ("predictive", "group"): "gaussian", ("predictive", "pooled"): "gaussian-pooled",
    ("in_context", "group"): "gaussian-pooled",  # it reads the seeds in pooled units
}  # fmt: skip


def planned_amounts(
    found: Columns, labels, codes: np.ndarray, generator, covariance: str, seed: int
) -> tuple[object, Amounts]:
    """Ask the planner.

    Args:
        found: the table, numeric throughout.
        labels: class of each row, two kinds.
        codes: group of each row.
        generator, covariance: of the resampler.
        seed: of the planner's bootstrap.

    Returns:
        The plan, and its rows and weights; weights of all rows sum to their number.

    Raises:
        ValueError: categories, other than two classes, or a generator that the planner has no law
            for.
    """
    from simulate.planner import plan_table

    name = None if callable(generator) else _SOURCES.get((generator, covariance))
    if name is None:
        raise ValueError(
            f"sampling_strategy: got 'plan' with generator={generator!r}, for which the planner "
            "has no law; expected 'plugin', 'predictive' or 'in_context', or plan with rows it "
            "made: python -m simulate plan DATA.csv --synthetic ROWS.csv."
        )
    if found.categorical:
        raise ValueError(
            "sampling_strategy: got 'plan' for a table with categories, expected numbers; encode "
            "or drop these columns, or state the rows to add."
        )
    kinds = np.unique(np.asarray(labels))
    if len(kinds) != 2:
        raise ValueError(
            f"sampling_strategy: got 'plan' for {len(kinds)} classes, expected two, for which the "
            "planner has a theory; plan for one class against the rest, or state the rows to add."
        )
    plan = plan_table(
        found.numbers, labels, codes, generators=name, seed=seed
    )  # codes name the groups: label x attribute, or the label twice
    count = codes.max() + 1
    place = np.empty(count, dtype=int)  # of each code among the planner's groups
    place[codes] = plan.group_index
    level = np.asarray(plan.oversampling)[place]
    beyond = np.full(count, plan.size)
    weights = np.stack([plan.row_weights()[kind][place] for kind in ("real", "levelling", "added")])
    sizes = np.stack([np.bincount(codes), level, beyond])
    weights = weights * sizes.sum() / (weights * sizes).sum()
    return plan, Amounts(level, beyond, weights)
