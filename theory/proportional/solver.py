"""Theorem H's equations solved: Anderson's acceleration of a map to its fixed point.

Reference: Walker and Ni, Anderson acceleration for fixed-point iterations, SIAM J. Numer. Anal. 49
(2011). The map of theorem H is no contraction, but a damped one is near the solution; acceleration
takes the place of damping, with a restart, more strongly damped, where the residual grows; of few
unknowns Powell's hybrid method goes on where that stalls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy

__all__ = ["NoFixedPoint", "Solved", "fixed_point"]

_MEMORY = 8
_NEAR = 1e-3  # residual at which a caller may have seen enough
_FEW = 60  # unknowns, of which differences of the map give a Jacobian
_DAMPINGS = (0.7, 0.3, 0.1)


class NoFixedPoint(ValueError):
    """The iteration left every bound, or did not settle: there may be no finite fit."""


class Solved(NamedTuple):
    """A fixed point.

    Attributes:
        point: where the map returns what it is given.
        iterations: evaluations of the map.
        residual: largest change that the map makes, relative to 1 plus the size of the entry.
    """

    point: np.ndarray
    iterations: int
    residual: float


def _residual(point: np.ndarray, image: np.ndarray) -> float:
    change = np.abs(image - point) / (1.0 + np.abs(point))
    return float(np.max(change)) if np.all(np.isfinite(change)) else np.inf


def fixed_point(
    function: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    *,
    tolerance: float = 1e-10,
    most: int = 400,
    bound: float = 1e4,
    early: Callable[[np.ndarray], bool] | None = None,
) -> Solved:
    """A point that a map returns unchanged.

    Args:
        function: the map, of vectors; it may return what is not finite where it is not defined.
        start: where to begin ``[k]``.
        tolerance: of the residual.
        most: evaluations of the map with each strength of damping.
        bound: size of an entry beyond which the iteration has run away.
        early: says of which points a residual of 1e-3 is enough.

    Raises:
        NoFixedPoint: if no strength of damping leads to one.

    Example:
        >>> found = fixed_point(lambda x: np.cos(x), np.array([0.5]))
        >>> round(float(found.point[0]), 10), found.residual < 1e-10
        (0.7390851332, True)
    """

    def settled(residual: float, point: np.ndarray) -> bool:
        return residual <= tolerance or (early is not None and residual <= _NEAR and early(point))

    spent, best = 0, (np.inf, start)
    for damping in _DAMPINGS:
        found, best = _attempt(function, best[1], damping, settled, most, bound, best)
        spent += found.iterations
        if settled(found.residual, found.point):
            return found._replace(iterations=spent)
        if len(start) <= _FEW and np.isfinite(best[0]) and best[0] < 0.1:
            found = scipy.optimize.root(
                lambda x: function(x) - x, best[1], method="hybr", tol=tolerance / 100
            )
            residual, spent = _residual(found.x, function(found.x)), spent + found.nfev
            if residual <= tolerance and np.max(np.abs(found.x)) <= bound:
                return Solved(found.x, spent, residual)
        if np.max(np.abs(best[1])) > bound / 2:
            best = (np.inf, start)
    raise NoFixedPoint(
        f"the equations have a residual of {best[0]:.1g} after {spent} iterations, expected at "
        f"most {tolerance:.0e}"
    )


def _attempt(function, start, damping, settled, most, bound, best) -> tuple[Solved, tuple]:
    """Anderson's iteration with one strength of damping."""
    point = start
    steps: list[np.ndarray] = []  # from each point to the next, and of the change at them
    bends: list[np.ndarray] = []
    last: tuple[np.ndarray, np.ndarray] | None = None
    least = np.inf
    for spent in range(1, most + 1):
        image = function(point)
        residual = _residual(point, image)
        if settled(residual, image) and np.max(np.abs(image)) <= bound:
            return Solved(image, spent, residual), (residual, image)
        if residual < best[0] and np.max(np.abs(point)) <= bound:
            best = (residual, point)
        if not np.isfinite(residual) or np.max(np.abs(point)) > bound:
            if last is None:
                break
            point, last, steps, bends = best[1], None, [], []  # from the best, without history
            damping = damping / 2
            if damping < 0.01:
                break
            continue
        if residual > 100 * least:  # the acceleration misled
            last, steps, bends = None, [], []
            least = residual
        least = min(least, residual)
        change = image - point
        if last is not None:
            steps = [*steps, point - last[0]][1 - _MEMORY :]
            bends = [*bends, change - last[1]][1 - _MEMORY :]
        last = point, change
        point = _next(point, change, steps, bends, damping)
    return Solved(best[1], spent, best[0]), best


def _next(point, change, steps, bends, damping) -> np.ndarray:
    if not steps:
        return point + damping * change
    scale = 1.0 / (1.0 + np.abs(point))
    went, bent = np.array(steps), np.array(bends)
    mixed, *_ = np.linalg.lstsq((bent * scale).T, change * scale, rcond=1e-10)
    return point + damping * change - mixed @ (went + damping * bent)
