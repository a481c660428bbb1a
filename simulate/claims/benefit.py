"""The checks of R3's boundaries: the gain over each rival, on both sides of its break-even shift.

Each check is of a gain (rival's excess risk minus the design's) on common real data, and must tell
its sign: it passes when the interval excludes 0 on the predicted side and holds the prediction.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import lru_cache, partial

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments.phase_points import PhasePoint
from synthetic_oversampling.theory.prediction.benefit import REFERENCES, break_even_shift

__all__ = ["SEPARATIONS", "phase_checks", "phase_point"]

SEPARATIONS = (1.5, 2.5)  # distances of the classes at which signs are checked
_SIZES = (1000, 330)
_SIDES = {"R3.below": 0.6, "R3.above": 1.5}  # times the break-even shift


@lru_cache(maxsize=8)
def phase_point(name: str) -> PhasePoint:
    """The point of an experiment ``phases/SEPARATION``.

    Args:
        name: of the experiment.

    Example:
        >>> phase_point("phases/2.5").sizes
        (1000, 330)
    """
    first = PhasePoint(
        separation=float(name.split("/")[1]),
        means=((0.0, 0.0, 0.0), (1.5, 0.5, 0.0)),
        sizes=_SIZES,
        augmentation=1000,
        weight=0.4,
        direction=(1.0, -1.0, 0.5),
        lengths=(),
    )
    edges = [
        break_even_shift(first.groups, first.design, first.direction, rival) for rival in REFERENCES
    ]
    lengths = tuple(side * edge for edge in edges for side in _SIDES.values())
    return dataclasses.replace(first, lengths=lengths)


def _gain(name: str, rival: str, k: int, claim: str) -> Expectation:
    """The gain over a rival at the shift of place ``k``."""
    point = phase_point(name)
    other, theory = point.rivals[rival].excess, point.shifted[k].excess
    value = float(other.total - theory.total)
    noise = float(other.total - other.bias + theory.total - theory.bias)
    remainder = 2.0 * (len(point.direction) + 1) / min(point.sizes)
    return Expectation(
        theory=value,
        std=math.hypot(float(other.std), float(theory.std)),
        allowance=remainder * abs(noise),
        discrepancy=abs(value),
        claim=f"at a shift of {point.lengths[k]:.3g}, {claim}",
    )


def phase_checks(profile: str) -> Iterator[Check]:
    """Both sides of the boundary with each rival, at each separation.

    Args:
        profile: "quick" or "full".
    """
    del profile
    sides = [(rival, side) for rival in REFERENCES for side in _SIDES]
    for separation in SEPARATIONS:
        name = f"phases/{separation:g}"
        for k, (rival, side) in enumerate(sides):
            below = side == "R3.below"
            claim = (
                f"{'below' if below else 'above'} the break-even with {rival}, the synthetic "
                f"design {'helps' if below else 'hurts'}"
            )
            yield Check(
                id=f"{side}_{rival}.phases.{separation:g}",
                claim=claim,
                kind="asymptotic",
                experiments=(name,),
                statistic=("gain", REFERENCES.index(rival) * len(sides) + k),
                source="simulated, scored by theory",
                expect=partial(_gain, name, rival, k, claim),
            )
