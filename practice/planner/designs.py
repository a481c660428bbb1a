"""What can be trained on: real rows, and rows of one source with a share of each group's weight.

Every group has the weight ``1 / G``. Of the weight of group ``g`` the synthetic rows have the share
``shares[g]``, the real rows the rest; the weight of all synthetic rows is their mean, ``alpha``.

* ``raw``: the rows as they are; ``weighting``: every group the same weight, no synthetic rows;
* ``level``: ``n_max - n_g`` rows of equal weight, which is how SMOTE is used: where a group has a
  tenth of the largest one's rows, synthetic rows have nine tenths of its weight;
* ``small``: rows for every group but the largest, with a share that is given;
* ``all``: rows for every group, the largest too.

Of rows of a table that is given `all` has all, to at most 20 a group for one row of the largest
group, `small` those of every group but the largest, and `level` the number that it needs. `small`
and `all` have a share more: the one by which a given row weighs as much as a real one of its group.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

__all__ = ["GIVEN", "SHARES", "Design", "designs_of", "rows_per_group"]

GIVEN = "table"  # the source of rows that were given
SHARES = (0.25, 0.5, 0.75)  # shares of the weight that synthetic rows may have
_TIMES, _FEWEST = 10, 200  # rows per group: so many times the smallest, and at least so many
_FOR_ONE = 20  # rows of a table that are used, at most, for one of the largest group


class Design(NamedTuple):
    """A design.

    Attributes:
        name: "raw", "weighting", "level", "small" or "all"; source: of its rows, "" without.
        counts: synthetic rows of each group; shares: of its weight that they have.
    """

    name: str
    source: str
    counts: tuple[int, ...]
    shares: tuple[float, ...]

    @property
    def weight(self) -> float:
        """``alpha``: share of all weight that synthetic rows have."""
        return float(np.mean(self.shares))

    @property
    def rows(self) -> int:
        """Synthetic rows in all."""
        return sum(self.counts)

    def weights(self, sizes) -> tuple[np.ndarray, np.ndarray]:
        """Weights of one real and of one synthetic row of each group ``[G]``; in all 1.

        Args:
            sizes: real rows of each group.

        Example:
            >>> real, made = Design("small", "smote", (0, 10), (0.0, 0.5)).weights([20, 5])
            >>> real.tolist(), made.tolist()
            ([0.025, 0.05], [0.0, 0.025])
        """
        sizes = np.asarray(sizes, float)
        if self.name == "raw":
            return np.full(len(sizes), 1 / sizes.sum()), np.zeros(len(sizes))
        shares, counts = np.array(self.shares), np.array(self.counts)
        made = np.where(counts > 0, shares / np.maximum(counts, 1), 0.0)
        return (1 - shares) / (len(sizes) * sizes), made / len(sizes)

    def squares(self, sizes) -> float:
        """Sum of the squared weights of all rows.

        Args:
            sizes: real rows of each group.

        Example:
            >>> round(Design("small", "table", (0, 90), (0.0, 0.9)).squares([100, 10]), 4)
            0.005
        """
        real, made = self.weights(sizes)
        return float(real**2 @ np.asarray(sizes, float) + made**2 @ np.array(self.counts, float))

    def share_of(self, chosen, sizes) -> float:
        """Share of all weight that some groups have.

        Args:
            chosen: which groups ``[G]``; sizes: real rows of each group.

        Example:
            >>> Design("raw", "", (0, 0), (0.0, 0.0)).share_of([False, True], [90, 10])
            0.1
        """
        real, made = self.weights(sizes)
        each = real * np.asarray(sizes, float) + made * np.array(self.counts)
        return float(each[np.asarray(chosen)].sum() / each.sum())

    def among(self, sizes) -> Design:
        """The same design on other sizes: a level one adds other numbers of rows.

        Args:
            sizes: real rows of each group.
        """
        return _level(self.source, sizes) if self.name == "level" else self


def rows_per_group(sizes, most: int | None = None) -> int:
    """Rows of a group that `small` and `all` add: enough for their own noise to be small.

    Args:
        sizes: rows of each group.
        most: at most so many.

    Example:
        >>> rows_per_group([300, 30]), rows_per_group([50, 9]), rows_per_group([9000, 20], most=90)
        (300, 200, 90)
    """
    count = max(_FEWEST, min(_TIMES * int(min(sizes)), int(max(sizes))))
    return count if most is None else min(count, most)


def _level(source: str, sizes) -> Design:
    largest = int(max(sizes))
    counts = tuple(largest - int(n) for n in sizes)
    return Design("level", source, counts, tuple(count / largest for count in counts))


def designs_of(sizes, sources, most: int | None = None, available=None) -> list[Design]:
    """Raw and weighting, then every design of every source.

    Args:
        sizes: real rows of each group.
        sources: names.
        most: synthetic rows of a group at most.
        available: of a source that is a table, its rows of each group ``[G]``, or None.

    Example:
        >>> [(design.name, design.weight) for design in designs_of([90, 10], ["smote"])][:4]
        [('raw', 0.0), ('weighting', 0.0), ('level', 0.4444444444444444), ('small', 0.125)]
    """
    none, few = (0,) * len(sizes), np.asarray(sizes) < max(sizes)
    count = rows_per_group(sizes, most)
    limit, sizes = np.full(len(sizes), count), np.asarray(sizes)
    if available is not None:
        limit = np.minimum(available, most or _FOR_ONE * int(max(sizes)))
    found = [Design("raw", "", none, (0.0,) * len(sizes))]
    found.append(found[0]._replace(name="weighting"))
    for source in sources:
        level = _level(source, sizes)
        enough = available is None or np.all(np.array(level.counts) <= available)
        if level.rows and enough and (most is None or max(level.counts) <= most):
            found.append(level)
        for name, where in (("small", few), ("all", np.ones(len(sizes), bool))):
            if where.any() and limit[where].min() > 0:
                counts = np.where(where, limit, 0)
                shares = [share * where for share in SHARES]
                alike = counts / (counts + sizes)
                if available is not None and not any(map(partial(np.array_equal, alike), shares)):
                    shares.append(alike)
                found += [
                    Design(name, source, tuple(counts.tolist()), tuple(share.tolist()))
                    for share in shares
                ]
    return found
