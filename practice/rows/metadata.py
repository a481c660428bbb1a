"""What goes with rows without being a feature: a table, or a dict of columns."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.theory.wording import counted

try:
    import pandas as pd
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["carried", "taken"]


def carried(metadata, size: int):
    """Metadata of rows, checked; as a table or a dict of columns.

    Args:
        metadata: a table, anything that a dict is made of, or None; size: how many rows.

    Raises:
        ValueError: if a column has more or fewer entries.
    """
    if metadata is None:
        return None
    try:
        table = metadata if isinstance(metadata, pd.DataFrame) else dict(metadata)
    except (TypeError, ValueError):
        raise ValueError(
            f"metadata: got a {type(metadata).__name__}, expected a data frame, or a dict of "
            "columns with one entry a row."
        ) from None
    for name in table:
        if len(table[name]) != size:
            raise ValueError(
                f"metadata: {name!r} has {counted(len(table[name]), 'entry')} for "
                f"{counted(size, 'row')}, expected one a row."
            )
    return table


def taken(metadata, rows: np.ndarray):
    """Metadata of some rows.

    Args:
        metadata: from `carried`; rows: their places.
    """
    if isinstance(metadata, pd.DataFrame):
        return metadata.iloc[rows].reset_index(drop=True)
    return {
        name: column.iloc[rows].reset_index(drop=True)
        if isinstance(column, pd.Series)
        else np.asarray(column)[rows]
        for name, column in metadata.items()
    }
