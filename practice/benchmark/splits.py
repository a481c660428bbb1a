"""One split of a table into seeds, held-back rows and test rows, with a controlled imbalance.

Cells are the classes, or the pairs (class, attribute). In the setting "imbalance" the rarest class
keeps one row for ``ratio`` of the others'; in "spurious" the classes are level, but an attribute
agrees with the class in all but one of ``ratio + 1`` rows of each class, and a column that follows
the attribute is added. The rows held back, as many as every method adds, are what an oracle would
draw. In "natural" the table's own sizes are kept, and nothing is held back; a triple keeps its
files, and its test rows are drawn again with replacement.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.rows import contamination
from synthetic_oversampling.practice.rows.datasets import Dataset, DatasetError
from synthetic_oversampling.theory.wording import counted

__all__ = ["SETTINGS", "Split", "features", "make_split", "points"]

SETTINGS = ("imbalance", "spurious", "natural")  # how a table is made imbalanced, or left as it is
TEST_SHARE = 0.3
LARGEST = 120  # rows of the largest cell
FEWEST = 8  # seeds of a small cell
SPURIOUS_MEAN = 1.5  # of the added column, in standard deviations, by the attribute's sign


class Split(NamedTuple):
    """Rows as numbers in units of the seeds' spread, then codes of categories.

    Attributes:
        x, cell: the seeds.
        test_x, test_cell: the test rows.
        held_x, held_cell: real rows held back, drawn from the same pool as the seeds.
        supplied_x, supplied_cell: rows that someone generated, of a triple.
        label: the class of each cell.
        names: of the cells.
        added: rows to add to each cell, for every method.
        numeric: how many columns are numbers.
        levels: of each categorical column.
    """

    x: np.ndarray
    cell: np.ndarray
    test_x: np.ndarray
    test_cell: np.ndarray
    held_x: np.ndarray
    held_cell: np.ndarray
    supplied_x: np.ndarray
    supplied_cell: np.ndarray
    label: np.ndarray
    names: tuple[str, ...]
    added: np.ndarray
    numeric: int
    levels: tuple[int, ...]


def make_split(data: Dataset, setting: str, ratio: float, seed: int) -> Split:
    """Split a table.

    Args:
        data: the table.
        setting: one of `SETTINGS`.
        ratio: rows of the largest cell to rows of a small one.
        seed: of the split.

    Raises:
        DatasetError: too few rows in a cell, or a setting that the table does not allow.

    Example:
        >>> from synthetic_oversampling.practice.rows.datasets import load
        >>> split = make_split(load("breast_cancer"), "imbalance", 10.0, seed=0)
        >>> np.bincount(split.cell).tolist(), split.added.tolist(), len(split.held_x)
        ([120, 12], [0, 108], 108)
    """
    if setting not in SETTINGS:
        raise DatasetError(f"setting: got {setting!r}, expected one of {', '.join(SETTINGS)}.")
    rng = np.random.default_rng([seed, zlib.crc32(f"{data.name}/{setting}".encode())])
    numbers, cell, label, names, small = _cells(data, setting, rng)
    rows = np.concatenate([numbers, data.categories], axis=1)
    if data.part is not None:
        test = np.flatnonzero(data.part == 2)
        test = np.concatenate(
            [
                rng.choice(rows, len(rows))
                for rows in (test[cell[test] == c] for c in range(len(names)))
                if len(rows)
            ]
        )
        train, held = np.flatnonzero(data.part == 0), np.empty(0, dtype=int)
        supplied = np.flatnonzero(data.part == 1)
    else:
        test, pool = _test_and_pool(cell, rng)
        train, held = _seeds_and_held(pool, setting, small, ratio, data.name)
        supplied = np.empty(0, dtype=int)
    sizes = np.bincount(cell[train], minlength=len(names))
    for name, count in zip(names, sizes, strict=True):
        if count < FEWEST:
            raise DatasetError(
                f"{data.name}: {counted(count, 'row')} of {name} to train on, expected at least "
                f"{FEWEST}; collect more, merge small classes, or lower --imbalance."
            )
    added = sizes.max() - sizes
    if data.part is not None:
        added = np.minimum(added, np.bincount(cell[supplied], minlength=len(names)))
    numeric = numbers.shape[1]
    centre, std = rows[train, :numeric].mean(axis=0), rows[train, :numeric].std(axis=0)
    rows = rows.astype(float)
    rows[:, :numeric] = (rows[:, :numeric] - centre) / np.where(std > 0, std, 1.0)
    return Split(
        x=rows[train],
        cell=cell[train],
        test_x=rows[test],
        test_cell=cell[test],
        held_x=rows[held],
        held_cell=cell[held],
        supplied_x=rows[supplied],
        supplied_cell=cell[supplied],
        label=label,
        names=names,
        added=added,
        numeric=numeric,
        levels=data.levels,
    )


def _cells(data: Dataset, setting: str, rng):
    """Numbers, cell of every row, class and name of every cell, and which cells are small."""
    if setting == "spurious" and data.attribute is None:
        if len(data.classes) != 2:
            raise DatasetError(
                f"{data.name}: has {counted(len(data.classes), 'class')}; an attribute is "
                "constructed for two. Name a column with --attribute, or use --setting imbalance."
            )
        side = np.empty(len(data.labels), dtype=int)  # half of each class, in a random order
        for y in range(2):
            order = rng.permutation(np.flatnonzero(data.labels == y))
            side[order] = np.arange(len(order)) % 2
        column = SPURIOUS_MEAN * (2 * side - 1) + rng.standard_normal(len(side))
        numbers = np.column_stack([data.numbers, column])
        names = tuple(
            f"{c}, {'agrees' if s == y else 'conflicts'}"
            for y, c in enumerate(data.classes)
            for s in (0, 1)
        )
        label = np.array([0, 0, 1, 1])
        return numbers, 2 * data.labels + side, label, names, np.array([1, 2])
    if data.attribute is None or setting == "imbalance":
        sizes = np.bincount(data.labels)
        return (
            data.numbers,
            data.labels,
            np.arange(len(sizes)),
            data.classes,
            np.array([sizes.argmin()]),
        )
    pairs, cell = np.unique(data.labels * len(data.kinds) + data.attribute, return_inverse=True)
    label = pairs // len(data.kinds)
    names = tuple(
        f"{data.classes[p // len(data.kinds)]}, {data.kinds[p % len(data.kinds)]}" for p in pairs
    )
    if setting == "natural":
        return data.numbers, cell, label, names, np.empty(0, dtype=int)
    sizes = np.bincount(cell)
    small = [c for c in range(len(pairs)) if sizes[c] < sizes[label == label[c]].max()]
    return data.numbers, cell, label, names, np.array(small, dtype=int)


def _test_and_pool(cell, rng):
    """A share of every cell is for testing."""
    test, pool = [], []
    for c in range(cell.max() + 1):
        order = rng.permutation(np.flatnonzero(cell == c))
        count = int(round(TEST_SHARE * len(order)))
        test.append(order[:count])
        pool.append(order[count:])
    return np.concatenate(test), pool


def _seeds_and_held(pool, setting, small, ratio, name):
    """Seeds of every cell; of the small ones, also the rows that level them."""
    if setting == "natural":
        return np.concatenate(pool), np.empty(0, dtype=int)
    largest = min(LARGEST, *(len(rows) for rows in pool))
    fewest = max(FEWEST, int(round(largest / ratio)))
    if largest <= fewest:
        raise DatasetError(
            f"{name}: the smallest cell has {counted(largest, 'row')} to train on and hold back, "
            f"too few for a ratio of {ratio:g}; lower --imbalance, or keep the sizes with "
            "--setting natural."
        )
    seeds = [rows[: fewest if c in small else largest] for c, rows in enumerate(pool)]
    held = [rows[fewest:largest] for c, rows in enumerate(pool) if c in small]
    return np.concatenate(seeds), np.concatenate(held)


def features(split: Split, x: np.ndarray) -> np.ndarray:
    """What classifiers read: the numbers, and an indicator for each category but the first.

    Args:
        split: whose columns they are.
        x: rows ``[n, columns]``.
    """
    parts = [x[:, : split.numeric]]
    for place, level in enumerate(split.levels):
        codes = x[:, split.numeric + place].astype(int)
        parts.append(np.eye(level)[codes][:, 1:])
    return np.concatenate(parts, axis=1)


def points(split: Split, x: np.ndarray) -> np.ndarray:
    """Rows as points for `contamination.compare`: a category that differs is at distance 1.

    Args:
        split: whose columns they are.
        x: rows ``[n, columns]``.
    """
    numbers, categories = x[:, : split.numeric], x[:, split.numeric :]
    return contamination.encoded(numbers, categories, split.levels, np.ones(split.numeric))
