"""Categories as columns of a design: a 0/1 indicator for every level but one.

The planner estimates scores, Hessian and bias from rows, without a law of the features, so that a
category enters as its indicators do in any logistic regression. The most frequent level is the
baseline; levels with few rows share it, since an indicator that is nearly constant has no stable
coefficient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Encoding", "encoding_of"]

_FEWEST = 10  # rows of a level with a coefficient of its own


class Encoding(NamedTuple):
    """Levels with an indicator, for every categorical column.

    Attributes:
        names: of the columns.
        known: every level seen, by column.
        levels: those with an indicator of their own, by column.
    """

    names: tuple[str, ...]
    known: tuple[tuple[str, ...], ...]
    levels: tuple[tuple[str, ...], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the indicators."""
        pairs = zip(self.names, self.levels, strict=True)
        return tuple(f"{name}={level}" for name, levels in pairs for level in levels)

    def indicators(self, columns: Sequence[Iterable], where: str) -> np.ndarray:
        """The 0/1 columns of a table ``[n, indicators]``.

        Args:
            columns: values of each categorical column, compared as text.
            where: the table's name, for the error.

        Raises:
            ValueError: for a level that was not seen.
        """
        parts = []
        for name, known, levels, column in zip(
            self.names, self.known, self.levels, columns, strict=True
        ):
            values = np.asarray(list(map(str, column)))
            strange = sorted(set(values.tolist()) - set(known))
            if strange:
                raise ValueError(
                    f"{where}, column {name!r}: got {strange[0]!r}, a category that no real row "
                    f"has; they have {', '.join(known[:12])}."
                )
            parts += [values == level for level in levels]
        count = len(list(columns[0])) if len(columns) else 0
        return np.stack(parts, axis=1).astype(float) if parts else np.empty((count, 0))


def encoding_of(names: Sequence[str], columns: Sequence[Iterable]) -> Encoding:
    """Levels from the real rows.

    Args:
        names: of the categorical columns.
        columns: their values, compared as text.

    Example:
        >>> encoding = encoding_of(["kind"], [["a"] * 30 + ["b"] * 20 + ["c"] * 3])
        >>> encoding.labels, encoding.indicators([["b", "c", "a"]], "rows").ravel().tolist()
        (('kind=b',), [1.0, 0.0, 0.0])
    """
    known, levels = [], []
    for column in columns:
        found, counts = np.unique(list(map(str, column)), return_counts=True)
        often = [v for k, v in enumerate(found) if k != counts.argmax() and counts[k] >= _FEWEST]
        known.append(tuple(map(str, found)))
        levels.append(tuple(map(str, often)))
    return Encoding(tuple(names), tuple(known), tuple(levels))
