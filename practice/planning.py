"""What `practice.planner.plan` recommends for a table, as rows to add and weights of rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from synthetic_oversampling.practice.rows.amounts import Amounts
from synthetic_oversampling.practice.rows.columns import Columns
from synthetic_oversampling.practice.rows.generators import TableGenerator
from synthetic_oversampling.simulate.tables.encoding import Encoding, encoding_of

__all__ = ["planned_amounts"]

# laws that theorem H knows, by generator and covariance; in_context reads seeds in pooled units
_SOURCES = {
    ("plugin", "group"): "plugin",
    ("plugin", "pooled"): "plugin-pooled",
    ("predictive", "pooled"): "predictive-pooled",
}
# what the resampler's own parameters and data say
_SETTLED = {
    *("features", "labels", "attributes", "generators", "synthetic", "fitted"),
    *("positive", "seed", "names", "told"),
}


def planned_amounts(
    found: Columns,
    labels,
    codes: np.ndarray,
    generator,
    covariance: str,
    seed: int,
    draw: Callable,
    *,
    lent: bool = False,
    options: Mapping[str, Any] | None = None,
) -> tuple[object, Amounts]:
    """Ask the planner, for the resampler's own generator, fitted again within every fold.

    Theory has a word where it knows the generator's law and all columns are drawn; elsewhere the
    table decides alone. A generator of whole rows, such as a language model, draws once, from all
    rows, and is judged as rows that have seen the held-out ones.

    Args:
        found: the table.
        labels: class of each row, two or more.
        codes: group of each row.
        generator, covariance: of the resampler.
        seed: of folds and draws.
        draw: ``(columns, codes of their rows, counts [G], rng)`` to new rows as a table, their
            groups, and their donors.
        lent: whether donors lend some of the numbers, so that theory does not know the law.
        options: of `plan_table`, such as the learner and the metric.

    Returns:
        The plan, and its rows and weights; weights of all rows sum to their number.

    Raises:
        ValueError: of one class, or for options that are none or are settled here.
    """
    from synthetic_oversampling.practice.planner.designs import rows_per_group
    from synthetic_oversampling.practice.planner.plan import plan_table
    from synthetic_oversampling.practice.planner.table import ranked

    options = dict(options or {})
    free = set(inspect.signature(plan_table).parameters) - _SETTLED
    if wrong := sorted(map(str, set(options) - free)):
        raise ValueError(
            f"plan_options: got {', '.join(wrong)}, expected some of {', '.join(sorted(free))}."
        )
    count, encoding = codes.max() + 1, None
    known = isinstance(generator, str) and (generator, covariance) in _SOURCES
    names = [found.table.columns[place] for place in found.numeric]
    if found.categorical:
        encoding = encoding_of(
            [str(found.table.columns[place]) for place in found.categorical],
            _categories(found.table, found),
        )
        names += encoding.labels
    features = _design(found.table, found, encoding, "the data")
    first = [int(np.flatnonzero(codes == code)[0]) for code in range(count)]
    values = np.asarray(labels).tolist()  # Python's own, of text as of numbers
    keys = [(ranked(values[k]), code) for code, k in enumerate(first)]
    order = np.array(sorted(range(count), key=lambda code: keys[code]))  # the planner's groups

    def again(rows: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
        part = found._replace(
            table=found.table.iloc[rows].reset_index(drop=True), numbers=found.numbers[rows]
        )
        wanted = np.zeros(count, int)
        wanted[order] = counts
        drawn, *_ = draw(part, codes[rows], wanted, np.random.default_rng(seed))
        parts = np.split(_design(drawn, found, encoding, "the drawn rows"), np.cumsum(wanted)[:-1])
        return np.concatenate([parts[code] for code in order])

    made: dict[str, Any]
    if known and not found.categorical and not lent:
        made = {"generators": _SOURCES[generator, covariance]}
    elif isinstance(generator, TableGenerator):
        each = max(rows_per_group(np.bincount(codes)), int(np.bincount(codes).max()))
        rng = np.random.default_rng(seed)
        drawn, of_group, _ = draw(found, codes, np.full(count, each), rng)
        rows = _design(drawn, found, encoding, "the drawn rows")
        made = {"synthetic": (rows, np.asarray(labels)[first][of_group], of_group)}
    else:
        made = {"generators": again}
    plan = plan_table(
        features, labels, codes, seed=seed, names=list(map(str, names)), **made | options
    )
    place = np.empty(count, dtype=int)  # of each code among the planner's groups
    place[codes] = plan.group_index
    level = np.asarray(plan.oversampling)[place]
    own_weights = plan.row_weights()
    weights = np.stack([own_weights[kind][place] for kind in ("real", "synthetic", "synthetic")])
    sizes = np.stack([np.bincount(codes), level, np.zeros(count, int)])
    weights = weights * sizes.sum() / (weights * sizes).sum()
    return plan, Amounts(level, np.zeros(count, dtype=int), weights)


def _categories(table, found: Columns) -> list[list]:
    return [table.iloc[:, place].astype(object).tolist() for place in found.categorical]


def _design(table, found: Columns, encoding: Encoding | None, where: str) -> np.ndarray:
    """Numbers and indicators of a table with the columns of the data."""
    parts = [table.iloc[:, place].to_numpy(dtype=np.float64) for place in found.numeric]
    if encoding is not None:
        parts.append(encoding.indicators(_categories(table, found), where))
    return np.column_stack(parts)
