"""Generated rows that repeat real ones: copies of the seeds, and copies of the test set.

A generator that has seen a public table, as a language model may have, can write its test rows
down. A row is an exact copy if it equals a real one, and a near copy if its distance to the nearest
real row is below ``near`` times that row's own distance to its nearest other real row. Distances
are Euclidean in units of each column's standard deviation, a differing category counting 1. The
same rule applied to real rows that are known to be fresh gives the share that chance explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.rows.datasets import Dataset
from synthetic_oversampling.theory.wording import counted

try:
    from sklearn.neighbors import NearestNeighbors
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["Copies", "Report", "compare", "copies_of", "encoded", "judged_triple"]

NEAR = 0.2  # of the distance between neighbouring real rows
_ROUNDING = 1e-9  # standard deviations within which rows are equal


class Copies(NamedTuple):
    """Copies of one set of real rows among generated ones, row by row.

    Attributes:
        exact, near: masks over the generated rows; an exact copy is not near as well.
        nearest: the real row that each one is closest to.
        ratio: distance to it, in units of its distance to its nearest other real row.
        by_chance: share of fresh real rows that the same rule flags; NaN if there are none.
    """

    exact: np.ndarray
    near: np.ndarray
    nearest: np.ndarray
    ratio: np.ndarray
    by_chance: float

    @property
    def flagged(self) -> np.ndarray:
        """Exact or near copies."""
        return self.exact | self.near

    def summary(self) -> dict[str, Any]:
        """Counts and shares as plain numbers."""
        return {
            "rows": len(self.exact),
            "exact": int(self.exact.sum()),
            "near": int(self.near.sum()),
            "share": float(self.flagged.mean()) if len(self.exact) else 0.0,
            "share_by_chance": self.by_chance,
        }

    def told(self, what: str) -> str:
        """One line for people.

        Args:
            what: the real rows are called.
        """
        summary = self.summary()
        chance = summary["share_by_chance"] * summary["rows"]
        explained = "not known" if np.isnan(chance) else f"{chance:.1f}"
        return (
            f"{counted(summary['rows'], 'row')}: {counted(summary['exact'], 'exact copy')} and "
            f"{counted(summary['near'], 'near copy')} of {what}; expected by chance: {explained}"
        )


class Report(NamedTuple):
    """Copies of the seeds and of the test set; ``clean`` masks the rows that copy no test row."""

    seeds: Copies
    test: Copies

    @property
    def clean(self) -> np.ndarray:
        return ~self.test.flagged


def encoded(numbers, categories, levels: Sequence[int], scale) -> np.ndarray:
    """Rows as points whose distance is the one above.

    Args:
        numbers: numeric columns ``[n, d]``.
        categories: categorical columns as codes ``[n, q]``; each becomes indicators of length
            1/sqrt(2).
        levels: how many categories each has.
        scale: of the numeric columns ``[d]``; 0 counts as 1.

    Example:
        >>> point = encoded(np.array([[0.0], [4.0]]), np.array([[0], [1]]), (2,), np.array([2.0]))
        >>> round(float(((point[0] - point[1]) ** 2).sum()), 9)  # two units, one category
        5.0
    """
    scale = np.asarray(scale, dtype=float)
    parts = [numbers / np.where(scale > 0, scale, 1.0)]
    for codes, level in zip(np.asarray(categories).T, levels, strict=True):
        parts.append(np.eye(level)[codes.astype(int)] / np.sqrt(2.0))
    return np.concatenate(parts, axis=1)


def judged_triple(data: Dataset, near: float = NEAR) -> Report:
    """Copies among the synthetic rows of a triple, in units of its training rows.

    Args:
        data: from `datasets.from_triple`.
        near: see the module.
    """
    train = data.part == 0
    scale = data.numbers[train].std(axis=0)
    point = encoded(data.numbers, data.categories, data.levels, scale)
    return compare(point[data.part == 1], point[train], point[data.part == 2], near=near)


def compare(
    generated: np.ndarray, seeds: np.ndarray, test: np.ndarray, *, near: float = NEAR
) -> Report:
    """Which generated rows copy a seed or a test row.

    Args:
        generated, seeds, test: points ``[n, d]`` of the same coordinates, from `encoded`.
        near: see the module.

    Raises:
        ValueError: fewer than two seeds or test rows, or a near that is not between 0 and 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> seeds, test = rng.normal(size=(50, 5)), rng.normal(size=(40, 5))
        >>> generated = np.concatenate([rng.normal(size=(8, 5)), test[:2]])
        >>> report = compare(generated, seeds, test)
        >>> report.test.exact.sum(), report.seeds.flagged.sum(), report.clean.sum()
        (np.int64(2), np.int64(0), np.int64(8))
    """
    return Report(
        copies_of(generated, seeds, test, near=near, name="seeds"),
        copies_of(generated, test, seeds, near=near, name="test"),
    )


def copies_of(
    generated: np.ndarray,
    real: np.ndarray,
    fresh: np.ndarray,
    *,
    near: float = NEAR,
    name: str = "real",
) -> Copies:
    """Copies of one set of real rows.

    Args:
        generated, real: points ``[n, d]`` of the same coordinates, from `encoded`.
        fresh: real rows that are independent of ``real``, to say what chance explains; may be
            none.
        near: see the module.
        name: of the real rows, for messages.

    Raises:
        ValueError: fewer than two real rows, or a near that is not between 0 and 1.

    Example:
        >>> real = np.array([[0.0], [1.0], [5.0]])
        >>> found = copies_of(np.array([[1.0], [1.1], [2.0]]), real, np.empty((0, 1)))
        >>> found.exact.tolist(), found.near.tolist(), found.by_chance
        ([True, False, False], [False, True, False], nan)
    """
    if not 0.0 < near < 1.0:
        raise ValueError(
            f"near: got {near!r}, expected a number between 0 and 1, a share of the distance "
            "between neighbouring real rows."
        )
    if len(real) < 2:
        raise ValueError(
            f"{name}: got {counted(len(real), 'row')}, expected at least 2 to compare with."
        )
    centre = real.mean(axis=0)  # the search expands squares, so that digits go if points are far
    search = NearestNeighbors(n_neighbors=2).fit(real - centre)
    distances = search.kneighbors(real - centre)[0][:, 1]  # a repeated row has one at distance 0

    def judged(rows):
        if len(rows) == 0:
            none = np.empty(0)
            return none, none.astype(int), none, none.astype(bool), none.astype(bool)
        distance, place = search.kneighbors(rows - centre, n_neighbors=1)
        distance, place = distance[:, 0], place[:, 0]
        # the search leaves rounding noise where rows are equal
        distance = np.sqrt(((rows - real[place]) ** 2).sum(axis=1))
        exact = distance <= _ROUNDING
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(exact, 0.0, distance / distances[place])
        return distance, place, ratio, exact, ~exact & (ratio < near)

    _, place, ratio, exact, close = judged(generated)
    *_, exact_fresh, close_fresh = judged(fresh)
    chance = float((exact_fresh | close_fresh).mean()) if len(fresh) else float("nan")
    return Copies(exact=exact, near=close, nearest=place, ratio=ratio, by_chance=chance)
