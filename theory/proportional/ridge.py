"""Theorem H's best ridge: the penalty with the least predicted risk or error of a design."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.population.design import Design, is_real
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.proportional.predict import Proportional, predict_proportional

__all__ = ["BestRidge", "best_ridge"]

_CRITERIA = ("total", "balanced_error", "worst_group_error")
_PER_DECADE = 2  # ridges looked at before the search
_CLOSE = 0.01  # of the logarithm of the ridge


class BestRidge(NamedTuple):
    """The ridge with the least predicted criterion.

    Attributes:
        ridge: it; value: the criterion there; prediction: everything else there.
        inside: whether the least value lies within the range; at an end the criterion may fall on.
    """

    ridge: float
    value: float
    prediction: Proportional
    inside: bool


def best_ridge(
    *,
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator] | None = None,
    loss: Loss = LOGISTIC,
    criterion: str = "total",
    between: tuple[int | float, int | float] = (0.1, 1e4),
    many: bool = False,
) -> BestRidge:
    """The ridge that a design deserves by theorem H: two a decade, then a bounded search.

    Asymptotic, as `predict_proportional` is: relative remainder O(1/d) of the criterion, and so
    O(d^{-1/2}) of the logarithm of the ridge, at which the criterion is flat.

    Args:
        groups, design, generator, loss, many: as for `predict_proportional`.
        criterion: "total" (balanced excess risk), "balanced_error" or "worst_group_error".
        between: least and largest ridge.

    Raises:
        ValueError: naming the argument; as `predict_proportional` does.

    Example:
        >>> means = np.zeros((2, 60))
        >>> means[:, 0] = -1.0, 1.0
        >>> groups = [GaussianGroup(mean, np.eye(60), y) for y, mean in enumerate(means)]
        >>> found = best_ridge(groups=groups, design=Design.class_weighted((240, 48)))
        >>> round(found.ridge), round(found.value, 4), found.inside
        (28, 0.102, True)
    """
    if criterion not in _CRITERIA:
        raise ValueError(f"criterion: got {criterion!r}, expected one of {', '.join(_CRITERIA)}.")
    low, high = between
    if not (is_real(low) and is_real(high) and 0 < low < high < math.inf):
        raise ValueError(
            f"between: got {between!r}, expected 0 < least < largest ridge < infinity."
        )
    known: dict[float, Proportional] = {}

    def value(place: float) -> float:
        known[place] = predict_proportional(
            groups=groups,
            design=design,
            generator=generator,
            ridge=math.exp(place),
            loss=loss,
            many=many,
        )
        return float(getattr(known[place], criterion))

    count = 2 + math.ceil(_PER_DECADE * math.log10(high / low))
    places = np.linspace(math.log(low), math.log(high), count).tolist()
    values = [value(place) for place in places]
    least = int(np.argmin(values))
    ends = places[max(least - 1, 0)], places[min(least + 1, count - 1)]
    scipy.optimize.minimize_scalar(value, bounds=ends, method="bounded", options={"xatol": _CLOSE})
    best = min(known, key=lambda place: float(getattr(known[place], criterion)))
    inside = min(best - places[0], places[-1] - best) > 2 * _CLOSE
    return BestRidge(
        math.exp(best), float(getattr(known[best], criterion)), known[best], bool(inside)
    )
