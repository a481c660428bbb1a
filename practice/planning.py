"""What `practice.planner.plan` recommends for a table, as rows to add and weights of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthetic_oversampling.practice.rows.amounts import Amounts
from synthetic_oversampling.practice.rows.columns import Columns
from synthetic_oversampling.simulate.tables.encoding import Encoding, encoding_of
from synthetic_oversampling.theory.wording import counted

__all__ = ["planned_amounts"]

# The planner knows the Gaussian sources; predictive and plug-in agree to its order (theorem R2).
_SOURCES = {
    ("plugin", "group"): "gaussian", ("plugin", "pooled"): "gaussian-pooled",
    ("predictive", "group"): "gaussian", ("predictive", "pooled"): "gaussian-pooled",
    ("in_context", "group"): "gaussian-pooled",  # it reads the seeds in pooled units
}  # fmt: skip
_TIMES = 10  # the largest group: rows drawn of every group, the most that a plan may add


def planned_amounts(
    found: Columns, labels, codes: np.ndarray, generator, covariance: str, seed: int, draw: Callable
) -> tuple[object, Amounts]:
    """Ask the planner, by the generator's law where it has one, or by rows that it draws.

    Categories, mixtures and callables have no law in the planner: their bias and the spread of
    their scores are measured on drawn rows, and how these depend on the seeds, which no table of
    rows shows, is taken to be as for a Gaussian plug-in.

    Args:
        found: the table.
        labels: class of each row, two kinds.
        codes: group of each row.
        generator, covariance: of the resampler.
        seed: of the planner's bootstrap.
        draw: ``counts [G] -> (new rows as a table, their donors)``, for what has no law.

    Returns:
        The plan, and its rows and weights; weights of all rows sum to their number.

    Raises:
        ValueError: other than two classes.
    """
    from synthetic_oversampling.practice.planner.plan import plan_table

    kinds = np.unique(np.asarray(labels))
    if len(kinds) != 2:
        raise ValueError(
            f"sampling_strategy: got 'plan' for {counted(len(kinds), 'class')}, expected two, for "
            "which the planner has a theory; plan for one class against the rest, or state the "
            "rows to add."
        )
    known = isinstance(generator, str) and (generator, covariance) in _SOURCES
    if known and not found.categorical:
        made = {"generators": _SOURCES[generator, covariance]}
        features, names = found.numbers, [found.table.columns[place] for place in found.numeric]
    else:
        own = encoding_of(
            [str(found.table.columns[place]) for place in found.categorical],
            _categories(found.table, found),
        )
        features = _design(found.table, found, own, "the data")
        each = _TIMES * int(np.bincount(codes).max())
        drawn, givers = draw(np.full(codes.max() + 1, each))
        synthetic = (_design(drawn, found, own, "the drawn rows"), labels[givers], codes[givers])
        made = {"synthetic": synthetic, "fitted": True}
        names = [*(found.table.columns[place] for place in found.numeric), *own.labels]
    plan = plan_table(features, labels, codes, seed=seed, names=list(map(str, names)), **made)
    # codes name the groups: label x attribute, or the label twice
    count = codes.max() + 1
    place = np.empty(count, dtype=int)  # of each code among the planner's groups
    place[codes] = plan.group_index
    level = np.asarray(plan.oversampling)[place]
    beyond = np.full(count, plan.size)
    weights = np.stack([plan.row_weights()[kind][place] for kind in ("real", "levelling", "added")])
    sizes = np.stack([np.bincount(codes), level, beyond])
    weights = weights * sizes.sum() / (weights * sizes).sum()
    return plan, Amounts(level, beyond, weights)


def _categories(table, found: Columns) -> list[list]:
    return [table.iloc[:, place].astype(object).tolist() for place in found.categorical]


def _design(table, found: Columns, own: Encoding, where: str) -> np.ndarray:
    """Numbers and indicators of a table with the columns of the data."""
    parts = [table.iloc[:, place].to_numpy(dtype=np.float64) for place in found.numeric]
    if found.categorical:
        parts.append(own.indicators(_categories(table, found), where))
    return np.column_stack(parts)
