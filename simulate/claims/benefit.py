"""The checks of R3's boundaries: the gain over each rival, on both sides of its break-even shift.

Each check is of a gain (rival's excess risk minus the design's) on common real data, and must tell
its sign: it passes when the interval excludes 0 on the predicted side and holds the prediction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.experiments.phase_points import PhasePoint
from synthetic_oversampling.theory.prediction.benefit import REFERENCES, break_even_shift

__all__ = ["SEPARATIONS", "phase_checks", "phase_point"]

SEPARATIONS = (1.5, 2.5)
_SIZES = (1000, 330)
_SIDES = {"below": 0.6, "above": 1.5}  # times the break-even shift


@lru_cache(maxsize=8)
def phase_point(name: str) -> PhasePoint:
    """The point of an experiment ``phases/SEPARATION``.

    Example:
        >>> phase_point("phases/2.5").sizes
        (1000, 330)
    """
    first = PhasePoint(
        float(name.split("/")[1]), ((0.0, 0.0, 0.0), (1.5, 0.5, 0.0)), _SIZES, 1000, 0.4,
        (1.0, -1.0, 0.5), (),
    )  # fmt: skip
    edges = [
        break_even_shift(first.groups, first.design, first.direction, rival) for rival in REFERENCES
    ]
    lengths = tuple(side * edge for edge in edges for side in _SIDES.values())
    return PhasePoint(*(getattr(first, f) for f in first.__dataclass_fields__ if f != "lengths"),
                      lengths)  # fmt: skip


def phase_checks(profile: str) -> Iterator[Check]:
    """Both sides of the boundary with each rival, at each separation."""
    for separation in SEPARATIONS:
        name = f"phases/{separation:g}"
        own = phase_point(name)
        remainder = 2.0 * (len(own.direction) + 1) / min(own.sizes)
        sides = [(rival, side) for rival in REFERENCES for side in _SIDES]
        for k, (rival, side) in enumerate(sides):
            other, theory = own.rivals[rival].excess, own.shifted[k].excess
            value = float(other.total - theory.total)
            noise = float(other.total - other.bias + theory.total - theory.bias)
            where = list(own.rivals).index(rival) * len(sides) + k
            yield Check(
                id=f"R3.{side}_{rival}.phases.{separation:g}",
                claim=f"at a shift of {own.lengths[k]:.3g}, {side} the break-even with {rival}, "
                f"the synthetic design {'helps' if side == 'below' else 'hurts'}",
                kind="asymptotic",
                experiments=(name,),
                statistic=("gain", where),
                theory=value,
                std=math.hypot(float(other.std), float(theory.std)),
                allowance=remainder * abs(noise),
                discrepancy=abs(value),
                source="simulated, scored by theory",
            )
