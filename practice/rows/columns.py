"""A table's columns: which are numbers and which are categories, and how new rows are put together.

A new row is a generated vector of numbers on top of a donor, one of the seeds nearest to it: the
donor lends the categories, the label and whatever else goes with a row. So a category comes with
its frequency among the group's seeds near the generated numbers, and only combinations of
categories that were observed appear. Without numeric columns donors are drawn uniformly.

Columns of few whole numbers, such as 0 and 1 or a count of children, are lent by the donor as well:
a law of numbers would write 0.4 children. All other numbers keep to the bounds of their column.
A generator that writes categories itself gets those of few levels as codes; a donor of others then
has the written ones, if a seed has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.rows.cells import are_numbers
from synthetic_oversampling.simulate.tables.kinds import joined
from synthetic_oversampling.theory.wording import counted

try:
    import pandas as pd
    from sklearn.neighbors import NearestNeighbors
    from sklearn.utils import check_array
except ImportError as error:
    raise extra.missing(error) from error

__all__ = [
    "Columns",
    "Donors",
    "Kinds",
    "coded",
    "completed",
    "donors",
    "plain",
    "positions",
    "read_columns",
    "with_numbers",
]

_HUGE = 1e140  # beyond it, squares of sums are no float64
_FAR = 1e3  # deviations of a column from 0 beyond which neighbours are sought about its mean


class Columns(NamedTuple):
    """The table, its numbers as float64 ``[n, numeric columns]``, and where the columns are.

    Attributes:
        table, numbers: see above; numeric, categorical: places of the columns.
    """

    table: pd.DataFrame
    numbers: np.ndarray
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]


class Kinds(NamedTuple):
    """Columns of categories as codes.

    Attributes:
        places: of the columns in the table.
        codes: ``[n, places]``, each the first row that has the same category.
    """

    places: tuple[int, ...]
    codes: np.ndarray


def coded(columns: Columns, lent: np.ndarray, most: int) -> tuple[np.ndarray, Kinds]:
    """Which columns a generator of categories writes: columns of few numbers and categories.

    Columns that belong together (``simulate.tables.kinds.joined``) are written if they have at most
    so many combinations, and lent by a donor if not.

    Args:
        columns: of a table.
        lent: which numeric columns have few whole numbers ``[numeric columns]``.
        most: levels, or combinations.

    Returns:
        The numeric columns that are written, and the categories.

    Example:
        >>> sex, name = ["f", "m"] * 10, [f"n{i}" for i in range(20)]
        >>> found = read_columns(pd.DataFrame({"sex": sex, "name": name}))
        >>> coded(found, np.zeros(0, bool), 2)[1].places
        (0,)
    """
    few = np.flatnonzero(lent)
    codes = [_first_alike(columns.numbers[:, place].tolist()) for place in few]
    for place in columns.categorical:
        values = columns.table.iloc[:, place]
        same = [(type(value), value) for value in values]  # True is not 1
        codes.append(_first_alike(same if values.dtype == object else values.tolist()))
    if not codes:
        return np.zeros_like(lent), Kinds((), np.empty((len(columns.table), 0)))
    every = np.stack(codes, axis=1)
    written = [
        place
        for part in joined(every)
        if len(np.unique(every[:, part], axis=0)) <= most
        for place in part
    ]
    own = np.zeros_like(lent)
    own[few[[place for place in written if place < len(few)]]] = True
    others = sorted(place - len(few) for place in written if place >= len(few))
    kinds = every[:, [len(few) + place for place in others]]
    places = tuple(columns.categorical[place] for place in others)
    return own, Kinds(places, kinds.astype(np.float64))


def _first_alike(values: Sequence) -> np.ndarray:
    """For each value the place of the first one like it."""
    first: dict = {}
    return np.array([first.setdefault(value, place) for place, value in enumerate(values)])


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
                f"{argument}: got a mask of {counted(len(given), 'entry')} for "
                f"{counted(table.shape[1], 'column')}, expected one per column."
            )
        return tuple(np.flatnonzero(given).tolist())
    found = []
    for one in given:
        place: Sequence = np.flatnonzero([name == one for name in table.columns]).tolist()
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
        ValueError: a missing or infinite number; a column that is neither number nor category,
            such as dates, or texts of which most but not all are numbers.

    Example:
        >>> found = read_columns(pd.DataFrame({"age": [31, 40], "sex": ["f", "m"]}))
        >>> found.numeric, found.categorical, found.numbers.ravel().tolist()
        ((0,), (1,), [31.0, 40.0])
    """
    named = (
        ()
        if isinstance(categorical, str)
        else positions(table, categorical, "categorical_features")
    )
    numeric, other, parts = [], [], []
    for place, (name, column) in enumerate(table.items()):
        if place not in named and _is_numeric(column, name):
            numeric.append(place)
            parts.append(_floats(column))
        else:
            _check_category(column, name)
            other.append(place)
    if parts and not other and all(dtype == np.float64 for dtype in table.dtypes):
        numbers = np.ascontiguousarray(table.to_numpy())  # in one piece
    else:
        numbers = np.column_stack(parts) if parts else np.empty((len(table), 0))
    if parts:
        _check_finite(numbers, [table.columns[place] for place in numeric])
        numbers = check_array(numbers, dtype=np.float64, input_name="X")
    return Columns(table, numbers, tuple(numeric), tuple(other))


def _is_numeric(column: pd.Series, name) -> bool:
    """By the type; a column of mixed objects by its values, most of which may be numbers."""
    dtype = column.dtype
    if pd.api.types.is_complex_dtype(dtype):
        raise ValueError(
            f"Complex data not supported: column {name!r}; give real and imaginary part a column "
            "each."
        )
    if pd.api.types.is_numeric_dtype(dtype):
        return not pd.api.types.is_bool_dtype(dtype)
    if not pd.api.types.is_object_dtype(dtype) and not pd.api.types.is_string_dtype(dtype):
        return False
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return True
    if kind not in ("string", "mixed", "mixed-integer") or column.isna().any():
        return False
    values = list(column)
    texts = [v if isinstance(v, str) else repr(v) for v in map(plain, values)]
    how = f"categorical_features=[{name!r}]"
    if are_numbers(name, texts, lambda place: f"row {place}", how) and kind != "string":
        raise ValueError(
            f"column {name!r}: mixes numbers and texts that are numbers, expected one of them; use "
            f"pandas.to_numeric, or {how} for categories."
        )
    return False  # numbers that are all written as text are codes


def plain(value):
    """A NumPy scalar as Python's own.

    Args:
        value: a scalar.
    """
    return value.item() if isinstance(value, np.generic) else value


def _floats(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _check_finite(numbers: np.ndarray, names: Sequence) -> None:
    """Missing, infinite and enormous numbers, with their place."""
    if numbers.size == 0 or np.abs(numbers).max() <= _HUGE:
        return
    odd = np.argwhere(~np.isfinite(numbers))
    if len(odd) == 0:
        large = np.argwhere(np.abs(numbers) > _HUGE)
        for row, place in large[:1]:
            raise ValueError(
                f"column {names[place]!r}: got {numbers[row, place]:.3g} in row {row}, expected "
                f"numbers up to {_HUGE:g}, whose squares are numbers too; use another unit."
            )
        return
    row, place = odd[0]
    what = "NaN" if np.isnan(numbers[row, place]) else "infinity"
    raise ValueError(
        f"Input X contains {what}: column {names[place]!r}, row {row}, one of "
        f"{counted(len(odd), 'such cell')}. Fill them, or drop the rows."
    )


def _check_category(column: pd.Series, name) -> None:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "mixed" and not all(map(pd.api.types.is_scalar, column)):
        raise ValueError(
            f"column {name!r}: holds values such as lists, expected one number or category in "
            "every row; give their parts columns of their own."
        )
    if kind in ("datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"):
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
    centre, std = seeds.mean(axis=0), seeds.std(axis=0)
    scale = np.where(std > 0, std, 1.0)
    far = np.where(np.abs(centre) > _FAR * scale, centre, 0.0)  # the search expands squares
    search = NearestNeighbors(n_neighbors=count).fit((seeds - far) / scale)
    near = search.kneighbors((rows - far) / scale, return_distance=False)
    return near[np.arange(len(rows)), rng.integers(count, size=len(rows))]


class Donors(NamedTuple):
    """What the search for donors needs, which is the dearest part where nothing is lent.

    Attributes:
        features: numbers of the real rows ``[n, d]``.
        codes: group of each.
        drawn: group -> new numbers ``[m, d]``.
        neighbours: among how many nearest seeds a donor is drawn.
        rng: as the draw of the numbers left it.
        kinds, written: categories that were drawn, of the real rows ``[n, q]`` and group -> of the
            new ones ``[m, q]``; a donor has the same ones if a seed of the group has.
    """

    features: np.ndarray
    codes: np.ndarray
    drawn: dict[int, np.ndarray]
    neighbours: int
    rng: np.random.Generator
    kinds: np.ndarray
    written: dict[int, np.ndarray]

    def rows(self) -> np.ndarray:
        """The donor of every new row, a place among the real rows ``[m]``."""
        found = [np.empty(0, dtype=int)]
        for code, drawn in self.drawn.items():
            chosen = np.flatnonzero(self.codes == code)
            if self.kinds.shape[1] == 0:
                seeds = self.features[chosen]
                found.append(chosen[donors(seeds, drawn, self.neighbours, self.rng)])
                continue
            written, index = np.unique(self.written[code], axis=0, return_inverse=True)
            of_group = np.empty(len(drawn), dtype=int)
            for place, kinds in enumerate(written):
                alike = chosen[(self.kinds[chosen] == kinds).all(axis=1)]
                alike, own = alike if len(alike) else chosen, index.ravel() == place
                near = donors(self.features[alike], drawn[own], self.neighbours, self.rng)
                of_group[own] = alike[near]
            found.append(of_group)
        return np.concatenate(found)


def completed(
    columns: Columns, rows: np.ndarray, varying: np.ndarray, drawn: list[np.ndarray]
) -> np.ndarray:
    """All numbers of new rows ``[m, numeric columns]``, from those that were drawn.

    Args:
        columns: of the seeds.
        rows: for each new row one of its group, or its donor, which gives the other numbers.
        varying: which numeric columns were drawn; drawn: their numbers, group after group.

    Example:
        >>> found = read_columns(pd.DataFrame({"age": [31, 40], "year": [7, 7]}))
        >>> completed(found, np.array([1]), np.array([True, False]), [np.array([[33.5]])]).tolist()
        [[33.5, 7.0]]
    """
    made = np.concatenate([np.empty((0, int(varying.sum()))), *drawn])
    if varying.all():
        return made
    numbers = columns.numbers[rows]
    numbers[:, varying] = made
    return numbers


def with_numbers(
    columns: Columns, rows: np.ndarray, numbers: np.ndarray, kinds: Kinds | None = None
) -> pd.DataFrame:
    """The donors' rows with their numbers replaced; types are kept, whole numbers rounded.

    Args:
        columns: of the seeds.
        rows: the donor of each new row.
        numbers: generated numbers ``[m, numeric columns]``.
        kinds: categories that were generated; the donor's if None.

    Example:
        >>> found = read_columns(pd.DataFrame({"age": [31, 40], "sex": ["f", "m"]}))
        >>> with_numbers(found, np.array([1]), np.array([[33.7]])).to_csv(index=False).split()
        ['age,sex', '34,m']
    """
    drawn = dict(zip(columns.numeric, numbers.T, strict=True))
    source = {}  # of a category: the row that has it
    if kinds is not None:
        source = dict(zip(kinds.places, kinds.codes.T.astype(int), strict=True))
    parts = {
        place: _as_before(drawn[place], column)
        if place in drawn
        else column.array.take(source.get(place, rows))
        for place, (_, column) in enumerate(columns.table.items())
    }
    new = pd.DataFrame(parts, index=pd.RangeIndex(len(rows)))
    new.columns = columns.table.columns
    return new


def _as_before(values: np.ndarray, column: pd.Series):
    """Numbers in the type of a column."""
    dtype = column.dtype
    if dtype == np.float64:
        return values
    inner = dtype.subtype if isinstance(dtype, pd.SparseDtype) else dtype
    if pd.api.types.is_object_dtype(dtype):
        inner = column.infer_objects().dtype
    if pd.api.types.is_integer_dtype(inner):
        low, high = _limits(inner)
        values = np.clip(np.rint(values), low, high).astype(np.int64 if low < 0 else np.uint64)
    elif pd.api.types.is_float_dtype(inner):  # half precision ends at 65504
        info = np.finfo(getattr(inner, "numpy_dtype", inner))
        values = np.clip(values, float(info.min), float(info.max))
    return pd.Series(values).astype(inner).astype(dtype).array


def _limits(dtype) -> tuple[float, float]:
    """What an integer type holds of float64, so that a rounded draw never wraps around."""
    info = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
    high = float(info.max)
    return float(info.min), high if int(high) <= info.max else float(np.nextafter(high, 0.0))
