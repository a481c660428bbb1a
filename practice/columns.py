"""A table's columns: which are numbers and which are categories, and how new rows are put together.

A new row is a generated vector of numbers on top of a donor, one of the seeds nearest to it: the
donor lends the categories, the label and whatever else goes with a row. So a category comes with
its frequency among the group's seeds near the generated numbers, and only combinations of
categories that were observed appear. Without numeric columns donors are drawn uniformly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from practice import extra

try:
    import pandas as pd
    from sklearn.neighbors import NearestNeighbors
    from sklearn.utils import check_array
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["Columns", "donors", "positions", "read_columns", "with_numbers"]


class Columns(NamedTuple):
    """The table, its numbers as float64 ``[n, numeric columns]``, and where the columns are."""

    table: pd.DataFrame
    numbers: np.ndarray
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]


def positions(table: pd.DataFrame, columns, argument: str) -> tuple[int, ...]:
    """Places of columns given by name, place or mask.

    Args:
        table: whose columns.
        columns: names, whole numbers, or one truth value per column.
        argument: for messages.

    Raises:
        ValueError: a column that is not there.

    Example:
        >>> positions(pd.DataFrame({"a": [1], "b": [2]}), ["b"], "categorical_features")
        (1,)
    """
    given = list(columns)
    if given and all(isinstance(one, (bool, np.bool_)) for one in given):
        if len(given) != table.shape[1]:
            raise ValueError(
                f"{argument}: got a mask of {len(given)} entries for {table.shape[1]} columns, "
                "expected one per column."
            )
        return tuple(np.flatnonzero(given).tolist())
    found = []
    for one in given:
        place = np.flatnonzero([name == one for name in table.columns])
        if len(place) != 1 and isinstance(one, (int, np.integer)) and 0 <= one < table.shape[1]:
            place = [one]
        if len(place) != 1:
            raise ValueError(
                f"{argument}: got {one!r}, which names no column; the columns are "
                f"{', '.join(map(str, table.columns[:20]))}."
            )
        found.append(int(place[0]))
    return tuple(sorted(set(found)))


def read_columns(table: pd.DataFrame, categorical: str | Sequence = "auto") -> Columns:
    """Tell numbers from categories, and check the numbers.

    Args:
        table: rows and columns.
        categorical: "auto" (category, text and boolean columns), or names, places or a mask of
            columns that are categories as well, such as integer codes.

    Raises:
        ValueError: a missing or infinite number; a column that is neither number nor category.

    Example:
        >>> found = read_columns(pd.DataFrame({"age": [31, 40], "sex": ["f", "m"]}))
        >>> found.numeric, found.categorical, found.numbers.ravel().tolist()
        ((0,), (1,), [31.0, 40.0])
    """
    named = () if isinstance(categorical, str) else positions(
        table, categorical, "categorical_features"
    )  # fmt: skip
    numeric, other = [], []
    for place, (name, dtype) in enumerate(zip(table.columns, table.dtypes, strict=True)):
        number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        if place in named or not number:
            _check_category(table.iloc[:, place], name)
            other.append(place)
        else:
            numeric.append(place)
    parts = []
    for place in numeric:
        column = table.iloc[:, place]
        if isinstance(column.dtype, pd.SparseDtype):
            column = column.sparse.to_dense()
        try:
            parts.append(column.to_numpy(dtype=np.float64, na_value=np.nan))
        except TypeError as error:  # a complex number
            raise ValueError(f"Complex data not supported: column {name!r} ({error}).") from error
    numbers = np.column_stack(parts) if parts else np.empty((len(table), 0))
    if parts:
        numbers = check_array(numbers, dtype=np.float64, input_name="X")
    return Columns(table, numbers, tuple(numeric), tuple(other))


def _check_category(column: pd.Series, name) -> None:
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise ValueError(
            f"column {name!r}: got dates or times, expected numbers or categories; turn it into "
            "numbers, such as days since a date."
        )
    if column.isna().any():
        raise ValueError(
            f"column {name!r}: Input X contains NaN or missing categories, expected a value in "
            "every row; fill them, for instance with a category of their own, or drop the rows."
        )


def donors(
    seeds: np.ndarray, rows: np.ndarray, neighbours: int, rng: np.random.Generator
) -> np.ndarray:
    """For every row, one of its nearest seeds, drawn uniformly: ``[m]``.

    Args:
        seeds: numbers of the group's seeds ``[n, d]``.
        rows: generated numbers ``[m, d]``.
        neighbours: among how many nearest seeds to draw; n if fewer.
        rng: source of randomness.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> donors(np.array([[0.0], [1.0]]), np.array([[0.1], [5.0]]), 1, rng).tolist()
        [0, 1]
    """
    count = min(neighbours, len(seeds))
    if seeds.shape[1] == 0:
        return rng.integers(len(seeds), size=len(rows))
    std = seeds.std(axis=0)
    scale = np.where(std > 0, std, 1.0)
    search = NearestNeighbors(n_neighbors=count).fit(seeds / scale)
    near = search.kneighbors(rows / scale, return_distance=False)
    return near[np.arange(len(rows)), rng.integers(count, size=len(rows))]


def with_numbers(columns: Columns, rows: np.ndarray, numbers: np.ndarray) -> pd.DataFrame:
    """The donors' rows with their numbers replaced; types are kept, whole numbers rounded.

    Args:
        columns: of the seeds.
        rows: the donor of each new row.
        numbers: generated numbers ``[m, numeric columns]``.

    Example:
        >>> found = read_columns(pd.DataFrame({"age": [31, 40], "sex": ["f", "m"]}))
        >>> with_numbers(found, np.array([1]), np.array([[33.7]])).to_csv(index=False).split()
        ['age,sex', '34,m']
    """
    new = columns.table.iloc[rows].reset_index(drop=True)
    for place, values in zip(columns.numeric, numbers.T, strict=True):
        dtype = columns.table.dtypes.iloc[place]
        inner = dtype.subtype if isinstance(dtype, pd.SparseDtype) else dtype
        if pd.api.types.is_integer_dtype(inner):
            low, high = _limits(inner)
            values = np.clip(np.rint(values), low, high).astype(np.int64 if low < 0 else np.uint64)
        new.isetitem(place, pd.Series(values).astype(inner).astype(dtype))
    return new


def _limits(dtype) -> tuple[int, int]:
    """What an integer type holds, so that a rounded draw never wraps around."""
    info = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
    room = 2**53  # whole numbers that float64 holds exactly
    return max(info.min, -room), min(info.max, room)
