"""Columns of numbers: which hold few whole ones, and how far drawn ones may go."""

from __future__ import annotations

import numpy as np

__all__ = ["bounded", "few_valued", "like"]

_FEW, _EACH = 10, 5  # at most so many values, each in so many rows on average


def few_valued(numbers: np.ndarray) -> np.ndarray:
    """Which columns hold few whole numbers: at most ten, each in five rows on average: ``[d]``.

    Args:
        numbers: ``[n, d]``.

    Example:
        >>> few_valued(np.array([[0.0, 1.5], [1.0, 1.5]] * 5)).tolist()
        [True, False]
    """
    found = np.zeros(numbers.shape[1], dtype=bool)
    for place, column in enumerate(numbers.T):
        if (column[:100] == np.rint(column[:100])).all():  # most columns of numbers end here
            values = np.unique(column)
            few = len(values) <= min(_FEW, len(column) // _EACH)
            found[place] = few and bool((values == np.rint(values)).all())
    return found


def bounded(
    rows: np.ndarray, seeds: np.ndarray, bounds: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """New rows moved to the bounds of their columns, and how many were moved by column: ``[d]``.

    Args:
        rows: drawn numbers ``[m, d]``.
        seeds: the real rows of all groups ``[n, d]``.
        bounds: "sign" (a column without negative numbers is not drawn below its least, one without
            positive numbers not above its largest), "range" (no column leaves its least and
            largest number), or None.

    Example:
        >>> moved, count = bounded(np.array([[-0.5], [9.0]]), np.array([[0.0], [4.0]]), "sign")
        >>> moved.ravel().tolist(), count.tolist()
        ([0.0, 9.0], [1])
    """
    if bounds is None or len(rows) == 0:
        return rows, np.zeros(rows.shape[1], dtype=int)
    low, high = seeds.min(axis=0), seeds.max(axis=0)
    if bounds == "sign":
        low, high = np.where(low >= 0, low, -np.inf), np.where(high <= 0, high, np.inf)
    if np.all(np.isinf(low) & np.isinf(high)):
        return rows, np.zeros(rows.shape[1], dtype=int)
    moved = np.clip(rows, low, high)
    return moved, (moved != rows).sum(axis=0)


def like(rows: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Drawn rows as numbers of their columns' kind.

    In a column of whole numbers they are rounded, and kept between the least and the largest where
    it holds few of them; a column without negative numbers is not left below its least, nor one
    without positive numbers above its largest.

    Args:
        rows: drawn ``[m, d]``; seeds: the real rows ``[n, d]``.

    Example:
        >>> seeds = np.array([[0.0, 0.5], [1.0, 2.5]] * 5)
        >>> like(np.array([[1.7, -0.2], [0.3, 9.0]]), seeds).tolist()
        [[1.0, 0.5], [0.0, 9.0]]
    """
    whole = (seeds == np.rint(seeds)).all(axis=0)
    kept, _ = bounded(np.where(whole, np.rint(rows), rows), seeds, "sign")
    return np.where(few_valued(seeds), bounded(kept, seeds, "range")[0], kept) + 0.0  # no -0
