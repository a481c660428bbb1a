"""What a plan is made of: the designs compared, the one to use, and what its rows weigh."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from synthetic_oversampling.practice.planner.diagnostics import Caution
from synthetic_oversampling.practice.planner.intervals import Interval
from synthetic_oversampling.practice.planner.table import GroupInfo
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.validity import NOT_JUDGED, Validity
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw

__all__ = ["Choice", "Plan"]


@dataclasses.dataclass(frozen=True)
class Choice:
    """One design with its predicted balanced excess risk, in nats.

    Attributes:
        name: "raw", "weighting", "level", "level+add" or "weight+add".
        source: the generator's name; "" without synthetic rows.
        oversampling: ``m_g``; size: ``N`` per group; weight: ``alpha``.
        excess: predicted, with its interval; bias, variance: its parts.
        gain: over class weighting, with its interval (positive: better).
        cost: price of its synthetic rows, nats.
        expected: posterior mean of the gain, minus the cost: what designs are ranked by.
        caution: what the expected gain must exceed where the generator plainly differs from the
            rows, 1.645 standard errors of the gain; 0 where it may be right.
        law: theorem S1's global law of designs like it, None without synthetic rows.
        best_weight, best_size: best if the estimates were exact (S1), with bootstrap intervals: the
            weight at this size, the size at the price; None where there is no such thing.
    """

    name: str
    source: str
    oversampling: tuple[int, ...]
    size: int
    weight: float
    excess: Interval
    bias: float
    variance: float
    gain: Interval
    cost: float = 0.0
    expected: float = -math.inf
    caution: float = 0.0
    law: GlobalLaw | None = None
    best_weight: Interval | None = None
    best_size: Interval | None = None

    @property
    def rows(self) -> int:
        """Synthetic rows in all."""
        return sum(self.oversampling) + len(self.oversampling) * self.size


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do with a table.

    Attributes:
        choices: every design compared, as predicted.
        recommended: the design to use.
        add_synthetic: whether that design has synthetic rows.
        reason: one sentence.
        groups: names, sizes and labels; in the order of every per-group tuple.
        warnings: where the theory's assumptions look doubtful on this table.
        level: of the intervals; price: nats a synthetic row.
        group_index: group of every row given ``[n]``.
        needed: nats, the expected gain that rows must exceed to be recommended.
        validity: whether the predicted excess risk is to be relied on, and why not.
    """

    choices: tuple[Choice, ...]
    recommended: Choice
    add_synthetic: bool
    reason: str
    groups: tuple[GroupInfo, ...]
    warnings: tuple[Caution, ...]
    level: float
    price: float
    group_index: np.ndarray
    needed: float
    validity: Validity = NOT_JUDGED

    @property
    def oversampling(self) -> tuple[int, ...]:
        """``m_g``, synthetic rows that level each group."""
        return self.recommended.oversampling

    @property
    def size(self) -> int:
        """``N``, further synthetic rows per group."""
        return self.recommended.size

    @property
    def weight(self) -> float:
        """``alpha``, total weight of the further rows."""
        return self.recommended.weight

    def row_weights(self) -> dict[str, np.ndarray]:
        """Weight of one row of each group: real, levelling and added; the total is 1.

        Returns:
            "real", "levelling" and "added", each ``[G]``; 0 where a design has no such rows.
            Multiply all by one number to taste: the minimiser stays the same.
        """
        own = self.recommended
        sizes = np.array([g.size for g in self.groups], float)
        if own.name == "raw":
            return _per_row(Design.raw(self._sizes), own, sizes)
        if own.name in ("weighting", "weight+add"):
            real = (1.0 - own.weight) / (len(sizes) * sizes)
            added = np.full(len(sizes), own.weight / (len(sizes) * max(own.size, 1)))
            return {"real": real, "levelling": np.zeros(len(sizes)), "added": added}
        return _per_row(Design(self._sizes, own.size, own.weight), own, sizes)

    @property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(g.size for g in self.groups)


def _per_row(design: Design, own: Choice, sizes: np.ndarray) -> dict[str, np.ndarray]:
    m = np.array(own.oversampling, float)
    return {
        "real": design.real_mass / sizes,
        "levelling": np.where(m > 0, design.oversampling_mass / np.maximum(m, 1), 0.0),
        "added": design.augmentation_mass / max(own.size, 1),
    }
