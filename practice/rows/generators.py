"""What a generator is to the resampler: a law of numbers, or one of whole rows.

A callable draws numbers, and the resampler lends the categories from donors. A `TableGenerator`
draws whole rows, categories included, as a language model does (`practice.text.text_generator`);
the resampler checks them and names for each the seed nearest to it, which lends metadata and
weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.rows import columns
from synthetic_oversampling.theory.wording import counted

try:
    import pandas as pd
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["RowGenerator", "TableGenerator", "draw_tables"]


class RowGenerator(Protocol):
    """Draws the numeric columns of new rows."""

    def __call__(self, seeds: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Rows ``[count, d]`` like the seeds ``[n, d]`` of one group."""


@runtime_checkable
class TableGenerator(Protocol):
    """Draws whole rows."""

    def draw_table(
        self, seeds: pd.DataFrame, count: int, rng: np.random.Generator, *, group: str
    ) -> pd.DataFrame:
        """``count`` rows like the seeds of one group, with the seeds' columns.

        Columns of categories come with pandas' type "category", all others are numbers.

        Args:
            seeds: rows of the group.
            count: rows to draw.
            rng: that draws them.
            group: label and attribute.
        """


def draw_tables(
    generator: TableGenerator,
    found: columns.Columns,
    codes: np.ndarray,
    counts: Mapping[int, int],
    *,
    names: Sequence[str],
    neighbours: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Whole rows for every group that wants some, and the seed nearest to each.

    Args:
        generator: what draws them.
        found: the real rows.
        codes: the group of each real row ``[n]``.
        counts: group -> rows wanted, all positive.
        names: of the groups.
        neighbours: among how many nearest seeds that seed is drawn.
        rng: source of randomness.

    Raises:
        ValueError: rows that are not as many as wanted, lack columns, or hold numbers that are not
            finite or categories that no real row has.

    Example:
        >>> class Again:
        ...     def draw_table(self, seeds, count, rng, *, group):
        ...         return seeds.iloc[rng.integers(len(seeds), size=count)]
        >>> found = columns.read_columns(pd.DataFrame({"x": [1.0, 2.0, 9.0], "k": ["a", "b", "a"]}))
        >>> table, givers = draw_tables(Again(), found, np.array([0, 0, 1]), {1: 2},
        ...     names=("no", "yes"), neighbours=1, rng=np.random.default_rng(0))
        >>> table.to_numpy().tolist(), givers.tolist()
        ([[9.0, 'a'], [9.0, 'a']], [2, 2])
    """
    seeds = found.table.copy()
    for place in found.categorical:
        seeds.isetitem(place, seeds.iloc[:, place].astype(object).astype("category"))
    parts, givers = [found.table.iloc[:0]], [np.empty(0, dtype=int)]
    for code, count in counts.items():
        chosen = np.flatnonzero(codes == code)
        drawn = generator.draw_table(
            seeds.iloc[chosen].reset_index(drop=True), count, rng, group=names[code]
        )
        numbers = _checked(drawn, count, found, seeds, names[code])
        near = chosen[columns.donors(found.numbers[chosen], numbers, neighbours, rng)]
        rows = columns.with_numbers(found, near, numbers)
        for place in found.categorical:
            values = drawn.iloc[:, place].astype(object).reset_index(drop=True)
            rows.isetitem(place, values.astype(found.table.dtypes.iloc[place]))
        parts.append(rows)
        givers.append(near)
    return pd.concat(parts, ignore_index=True), np.concatenate(givers)


def _checked(drawn, count: int, found, seeds: pd.DataFrame, group: str) -> np.ndarray:
    """The numbers of rows that were drawn, after looking at all of their columns."""
    if not isinstance(drawn, pd.DataFrame) or list(drawn.columns) != list(seeds.columns):
        got = list(drawn.columns) if isinstance(drawn, pd.DataFrame) else type(drawn).__name__
        raise ValueError(
            f"generator: draw_table returned {got}, expected a DataFrame with the columns "
            f"{list(seeds.columns)}."
        )
    if len(drawn) != count:
        raise ValueError(
            f"generator: draw_table returned {counted(len(drawn), 'row')} of {group}, expected "
            f"{count}."
        )
    for place in found.categorical:
        strange = set(drawn.iloc[:, place]) - set(seeds.iloc[:, place].cat.categories)
        if strange:
            raise ValueError(
                f"generator: draw_table returned {strange.pop()!r} in column "
                f"{seeds.columns[place]!r}, a category that no real row has."
            )
    numbers = (
        np.column_stack(
            [np.asarray(drawn.iloc[:, place], dtype=np.float64) for place in found.numeric]
        )
        if found.numeric
        else np.empty((count, 0))
    )
    if not np.isfinite(numbers).all():
        raise ValueError("generator: draw_table returned numbers that are not finite.")
    return numbers
