"""The table that a plan asks for: real rows, synthetic rows, and what each of them weighs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from synthetic_oversampling.practice.planner.choices import Plan, chosen_rows
from synthetic_oversampling.practice.planner.table import shown
from synthetic_oversampling.simulate.tables.reading import (
    Table,
    TableError,
    numbers_in,
    write_table,
)

__all__ = ["broken_up", "values_of", "write_planned"]

_ADDED = ("synthetic", "weight")


def write_planned(
    path: str | os.PathLike, plan: Plan, table: Table, made: Table | None, *, seed: int
) -> Path:
    """Write the rows that the recommended design trains on.

    The columns ``synthetic`` (0 or 1) and ``weight`` (mean 1 over all rows) follow the table's own,
    whose cells stay as they are in the file.
    Synthetic rows are drawn from the plan's generator, or chosen at random among those of `made`.

    Args:
        path: of the CSV file.
        plan: of the table.
        table: that was planned for.
        made: the synthetic table that the plan judged, if it judged one.
        seed: of the draws.

    Raises:
        TableError: if the table has columns of these names.
        ArtifactError: if the file cannot be written.
    """
    header = (*table.names, table.label_name)
    if table.attribute_name is not None:
        header += (table.attribute_name,)
    clash = [name for name in _ADDED if name in header]
    if clash:
        raise TableError(
            f"column {clash[0]!r}: is in the table already, and is what the rows' {clash[0]} would "
            "be written to; rename it."
        )
    if plan.add_synthetic and made is not None:
        index = _groups_of(plan, table, made)
        chosen = chosen_rows(index, np.array(plan.oversampling), seed)
        drawn, group = made.cells[chosen], index[chosen]
        weight = plan.weights_of(group)
    else:
        whole = plan.training_table(seed)
        new = whole.synthetic
        drawn, group, weight = whole.features[new], whole.group[new], whole.weights
    first = {g: int(np.flatnonzero(plan.group_index == g)[0]) for g in range(len(plan.groups))}
    place = np.concatenate([np.arange(len(table.labels)), [first[g] for g in group]]).astype(int)
    values = [*table.cells, *drawn]
    rows = []
    for k, source in enumerate(place):
        row = [*values[k], str(table.labels[source])]
        if table.attributes is not None:
            row.append(str(table.attributes[source]))
        rows.append([*row, str(int(k >= len(table.labels))), weight[k]])
    return write_table(path, (*header, *_ADDED), rows)


def broken_up(plan: Plan, table: Table, made: Table | None) -> tuple[str, ...]:
    """Columns of whole numbers in which the rows that the plan asks for have fractions.

    Args:
        plan, table, made: as for `write_planned`.
    """
    if not plan.add_synthetic or made is not None:
        return ()
    whole = (table.features == np.round(table.features)).all(axis=0)
    return tuple(name for name, column in zip(table.names, whole, strict=True) if column)


def values_of(texts: np.ndarray) -> np.ndarray:
    """Labels as the numbers that they are written as, so that 9 comes before 10; else the texts.

    Args:
        texts: of a column.

    Example:
        >>> values_of(np.array(["9", "10"])).tolist(), values_of(np.array(["09", "10"])).tolist()
        ([9.0, 10.0], ['09', '10'])
    """
    found = numbers_in(texts.tolist())
    if found is None or list(map(shown, found.tolist())) != texts.tolist():
        return texts
    return found


def _groups_of(plan: Plan, table: Table, made: Table) -> np.ndarray:
    """The plan's group of every row of a synthetic table."""

    def keys(part: Table):
        columns = [part.labels] if part.attributes is None else [part.labels, part.attributes]
        return list(zip(*columns, strict=True))

    index = dict(zip(keys(table), plan.group_index.tolist(), strict=True))
    return np.array([index[key] for key in keys(made)])
