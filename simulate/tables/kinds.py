"""Columns of numbers: which hold few whole ones, and how far drawn ones may go."""

from __future__ import annotations

import numpy as np

__all__ = ["bounded", "few_valued", "joined", "like"]

_SHOWN = 5.0  # rows with a combination, on average, of which none is no chance
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


def joined(codes: np.ndarray) -> list[tuple[int, ...]]:
    """Which columns of categories belong together, in the order of their first one.

    Two do if a combination of their levels is missing that independent columns would show in five
    of so many rows on average: indicators of one category, a code beside its name, a town in its
    country. So do those between which there is a chain of such pairs.

    Args:
        codes: of the categories ``[n, columns]``, any numbers.

    Example:
        >>> town = np.arange(40) % 4
        >>> joined(np.stack([town, town // 2, np.arange(40) // 20], axis=1))
        [(0, 1), (2,)]
    """
    count, width = codes.shape
    level = [np.unique(column, return_inverse=True)[1].ravel() for column in codes.T]
    share = [np.bincount(column) / max(count, 1) for column in level]
    part = list(range(width))  # the first column of each one's component
    for one in range(width):
        for other in range(one + 1, width):
            seen = np.zeros((len(share[one]), len(share[other])), dtype=bool)
            seen[level[one], level[other]] = True
            expected = count * np.outer(share[one], share[other])
            if (expected[~seen] >= _SHOWN).any():
                old, new = part[other], part[one]
                part = [min(old, new) if place in (old, new) else place for place in part]
    return [
        tuple(place for place in range(width) if part[place] == first)
        for first in sorted(set(part))
    ]


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
