"""Comparisons that papers have made on simulated tables, drawn anew for every seed.

``craft``: the table of `practice.rows.craft`, 90 rows of one class and 10 of the other, as many
added as level them; judged on 2000 fresh rows of each class. Seeds are independent, so that an
interval over them is one over tables, as an interval over splits of one table is not.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from synthetic_oversampling.practice.benchmark.splits import Split
from synthetic_oversampling.practice.rows.craft import craft

__all__ = ["SEEDS", "Paper", "craft_split"]

SEEDS = 100  # of which two methods that are .02 apart differ by four standard errors and more
_SIZES = (90, 10)
_JUDGED = 2000  # fresh rows of each class
_BATCH = 4000


def craft_split(seed: int) -> Split:
    """Seeds, held-back rows and test rows of the simulated table.

    Args:
        seed: of all of them.

    Example:
        >>> split = craft_split(0)
        >>> np.bincount(split.cell).tolist(), split.added.tolist(), split.test_x.shape
        ([90, 10], [0, 80], (4000, 9))
    """
    rng = np.random.default_rng([seed, zlib.crc32(b"craft")])
    many, few = _SIZES
    needed = _JUDGED + max(_SIZES)
    found: list[list[np.ndarray]] = [[], []]
    while min(sum(map(len, rows)) for rows in found) < needed:
        x, label = craft(rng, _BATCH)
        for y, rows in enumerate(found):
            rows.append(x[label == bool(y)])
    common, rare = (np.concatenate(rows)[:needed] for rows in found)
    train = np.concatenate([common[:many], rare[:few]])
    centre, std = train.mean(axis=0), train.std(axis=0)

    def scaled(rows: np.ndarray) -> np.ndarray:
        return (rows - centre) / std

    return Split(
        x=scaled(train),
        cell=np.repeat([0, 1], _SIZES),
        test_x=scaled(np.concatenate([common[-_JUDGED:], rare[-_JUDGED:]])),
        test_cell=np.repeat([0, 1], _JUDGED),
        held_x=scaled(rare[few:many]),
        held_cell=np.ones(many - few, dtype=int),
        supplied_x=np.empty((0, train.shape[1])),
        supplied_cell=np.empty(0, dtype=int),
        label=np.arange(2),
        names=("0", "1"),
        added=np.array([0, many - few]),
        numeric=train.shape[1],
        levels=(),
    )


@lru_cache(maxsize=1)
def _digest() -> str:
    """What identifies the table: its sizes, and rows and labels that its law draws."""
    rows, labels = craft(np.random.default_rng(0), _BATCH)
    digest = hashlib.sha256(f"{_SIZES} {_JUDGED} {_BATCH}".encode())
    digest.update(rows.tobytes() + labels.tobytes())
    return digest.hexdigest()[:16]


class Paper(NamedTuple):
    """A paper's comparison, in the place of a table in a setting.

    Attributes:
        paper: its name, "craft".
    """

    paper: str

    @property
    def name(self) -> str:
        return f"{self.paper}/paper"

    def needs(self) -> dict[str, bool]:
        """Which methods that not every table allows have a meaning here."""
        return {"supplied": False, "smotenc": False}

    def identity(self, ratio: float) -> dict[str, Any]:
        """What its splits depend on besides the seed.

        Args:
            ratio: of the benchmark, which a paper's own sizes take the place of.
        """
        return {"data": self.paper, "digest": _digest(), "setting": "paper"}

    def split(self, ratio: float, seed: int) -> Split:
        """The rows of a seed.

        Args:
            ratio: of the benchmark, which a paper's own sizes take the place of.
            seed: of the rows.
        """
        return craft_split(seed)
