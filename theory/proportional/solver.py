"""Theorem H's equations solved: Anderson's acceleration of a map to its fixed point.

Reference: Walker and Ni, Anderson acceleration for fixed-point iterations, SIAM J. Numer. Anal. 49
(2011). The map of theorem H is no contraction, but a damped one is near the solution; acceleration
takes the place of damping, with a restart, more strongly damped, where the residual grows; of few
unknowns Powell's hybrid method goes on where that stalls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import lax

from synthetic_oversampling.theory.arrays import AnyArray, Number

__all__ = [
    "NoFixedPoint",
    "TOLERANCE",
    "Solved",
    "fixed_point",
    "solve_linear",
    "traced_fixed_point",
]

_MEMORY = 8
_MOST, _BOUND = 400, 1e4  # evaluations with a damping; size of an entry that has run away
_ENDED = -1.0  # the level after the last
TOLERANCE = 1e-10  # of a residual
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

    point: AnyArray
    iterations: Number
    residual: Number


def _residual(point: np.ndarray, image: np.ndarray) -> float:
    change = np.abs(image - point) / (1.0 + np.abs(point))
    return float(np.max(change)) if np.all(np.isfinite(change)) else np.inf


def fixed_point(
    function: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    *,
    tolerance: float = TOLERANCE,
    most: int = _MOST,
    bound: float = _BOUND,
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


def traced_fixed_point(
    function: Callable[..., AnyArray], start: Callable[..., AnyArray], *, levels: Number = 0
) -> Solved:
    """A point that a map of JAX returns unchanged, in a program of JAX.

    Anderson's iteration with the first damping, halved where the map is not defined. Where that
    fails, solutions of easier maps lead to it, each begun from the line through the last two.
    Derivatives are those of the implicit function theorem. It cannot raise: where nothing is found
    the residual is above `TOLERANCE`, and the point, with its derivatives, NaN.

    Args:
        function: the map ``(x, level)``, of vectors; the one that is asked for at level 0.
        start: where to begin at a level ``[k]``.
        levels: of the easiest map.

    Example:
        >>> def root(scale):
        ...     found = traced_fixed_point(lambda x, _: jnp.cos(scale * x), lambda _: jnp.ones(1))
        ...     return found.point[0]
        >>> slope = jax.grad(root)(1.0)  # -x sin(x) / (1 + sin(x)) at x = cos(x)
        >>> round(float(root(1.0)), 10), round(float(slope), 8)
        (0.7390851332, -0.29747434)
    """
    top, zero = jnp.asarray(levels, jnp.float64), jnp.zeros((), jnp.float64)

    def solve(_, first):
        def attempt(at):
            # level 0 at once; if that fails all levels from the top. Where the line through two
            # solutions leads astray the level is begun again, from the last of them
            level, known = at["level"], at["known"]
            line = jnp.where(known > 1, 2 * at["last"] - at["before"], at["last"])
            point, residual, spent = _traced_attempt(
                lambda x: function(x, level) - x, jnp.where(known > 0, line, start(level))
            )
            solved = residual <= TOLERANCE
            again = jnp.where(known > 1, level, jnp.where(at["spent"] > 0, _ENDED, top))
            again = jnp.where((again > 0) | (known > 1), again, _ENDED)
            return {
                "level": jnp.where(solved, level - 1, again),
                "known": jnp.where(solved, known + 1, jnp.minimum(known, 1)),
                "last": jnp.where(solved, point, at["last"]),
                "before": jnp.where(solved, at["last"], at["before"]),
                "residual": jnp.where(solved | (level == 0), residual, jnp.inf),
                "spent": at["spent"] + spent.astype(jnp.float64),
            }

        begun = {"level": zero, "known": zero, "last": first, "before": first}
        begun |= {"residual": jnp.asarray(jnp.inf), "spent": zero}
        found = lax.while_loop(lambda at: at["level"] > _ENDED, attempt, begun)
        return found["last"], jnp.stack([found["spent"], found["residual"]])

    point, aside = lax.custom_root(
        lambda point: function(point, zero) - point, start(zero), solve, solve_linear, has_aux=True
    )
    spent, residual = lax.stop_gradient(aside)
    # a factor, and not a choice, so that derivatives are NaN as well
    point = point * jnp.where(residual <= TOLERANCE, 1.0, jnp.nan)
    return Solved(point, spent.astype(int), residual)


def solve_linear(function: Callable[[AnyArray], AnyArray], right: AnyArray) -> AnyArray:
    """Where a linear function of a vector takes a value, by its matrix: for `lax.custom_root`.

    Args:
        function: of vectors ``[k]``; right: the value ``[k]``.
    """
    return jnp.linalg.solve(jax.jacobian(function)(right), right)


def _traced_attempt(change_at, start) -> tuple:
    """Where a change vanishes, its residual there, and evaluations: Anderson's iteration."""

    def residual_of(point, change):
        residual = jnp.max(jnp.abs(change) / (1.0 + jnp.abs(point)))
        sound = jnp.isfinite(residual) & (jnp.max(jnp.abs(point)) <= _BOUND)
        return jnp.where(sound, residual, jnp.inf)

    def step(at):
        point, change = at["point"], at["change"]
        scale = 1.0 / (1.0 + jnp.abs(point))
        bent = at["bends"] * scale[None]
        mixed, *_ = jnp.linalg.lstsq(bent.T, change * scale, rcond=1e-10)
        moved = point + at["damping"] * change
        moved -= mixed @ (at["steps"] + at["damping"] * at["bends"])
        turned = change_at(moved)
        residual = residual_of(moved, turned)
        lost = jnp.isinf(residual)
        forget = lost | (residual > 100 * at["least"])  # the acceleration misled
        kept = {
            name: jnp.where(forget, 0.0, jnp.concatenate([at[name][1:], row[None]]))
            for name, row in {"steps": moved - point, "bends": turned - change}.items()
        }
        return {
            "point": jnp.where(lost, point, moved),
            "change": jnp.where(lost, change, turned),
            "damping": jnp.where(lost, at["damping"] / 2, at["damping"]),
            "least": jnp.where(forget, residual, jnp.minimum(at["least"], residual)),
            "residual": jnp.where(lost, at["residual"], residual),
            "spent": at["spent"] + 1,
            **kept,
        }

    change = change_at(start)
    residual = residual_of(start, change)
    empty = jnp.zeros((_MEMORY - 1, *start.shape), start.dtype)
    found = lax.while_loop(
        lambda at: (at["residual"] > TOLERANCE) & (at["spent"] < _MOST),
        step,
        {
            "point": start,
            "change": change,
            "steps": empty,
            "bends": empty,
            "damping": jnp.asarray(_DAMPINGS[0]),
            "residual": residual,
            "least": residual,
            "spent": jnp.ones((), jnp.int64),
        },
    )
    return found["point"], found["residual"], found["spent"]
