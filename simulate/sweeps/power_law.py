"""A power law with crossover and floor, fitted to any measured curve, with confidence intervals.

The form is ``y = floor + amplitude (1 + x / crossover)^{-exponent}``: constant for small x, a power
of x beyond the crossover, and the floor in the end. S1 is the case of exponent 1, S2 that without a
floor and with crossover ``n_max``. For given exponent and crossover the best floor and amplitude,
neither of them negative, are a closed form, so that the misfit is searched over a plane.

Intervals are profile likelihoods: values of a parameter at which the best fit over all others is
not significantly worse. A parameter whose interval has no end inside the searched range is not
identified; it is reported as that, with the reason, rather than as a number.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, least_squares
from scipy.stats import chi2, f

from synthetic_oversampling.theory.wording import counted

__all__ = ["Interval", "PowerLawFit", "fit_power_law", "power_law"]

EXPONENTS = (0.02, 8.0)  # searched: outside, a power is not told from a constant or from a kink
REACH = 1e3  # the crossover is searched this far outside of the measured range, as a factor
_PARAMETERS = 4
_GRID, _ZOOMS, _SHRINK = (25, 41), 4, 4.0
Numbers = Sequence[float] | np.ndarray


class Interval(NamedTuple):
    """An estimate with its confidence interval.

    Attributes:
        value: the estimate; low, high: ends of the interval.
    """

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class PowerLawFit:
    """The result of `fit_power_law`.

    Attributes:
        exponent, crossover, floor: estimates with intervals; None where not identified.
        amplitude: what falls off, None unless all others are identified.
        identified: whether all are.
        reason: what the data do not show; empty when all is identified.
        misfit: weighted sum of squared residuals; freedom: points minus parameters.
        level: confidence of the intervals.
        span: smallest and largest x.
    """

    exponent: Interval | None = None
    crossover: Interval | None = None
    floor: Interval | None = None
    amplitude: float | None = None
    identified: bool = False
    reason: str
    misfit: float
    freedom: int
    level: float
    span: tuple[float, float]


def power_law(x, *, exponent: float, crossover: float, floor: float, amplitude: float):
    """``floor + amplitude (1 + x / crossover)^{-exponent}``.

    Args:
        x: where.
        exponent: of the decay, positive.
        crossover: where it sets in.
        floor: the limit.
        amplitude: what is above the floor at 0.

    Example:
        >>> power_law(3.0, exponent=0.5, crossover=1.0, floor=2.0, amplitude=8.0)
        6.0
    """
    return floor + amplitude * (1.0 + x / crossover) ** -exponent


class _Problem(NamedTuple):
    """Points, and one over their standard errors."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    @property
    def places(self) -> tuple[float, float]:
        """Searched range of the logarithm of the crossover."""
        inside = self.x[self.x > 0]
        return math.log(inside.min() / REACH), math.log(inside.max() * REACH)

    def misfit(self, exponent, place, floor=None):
        """Least misfit over floor (unless given) and amplitude, both at least 0; vectorised."""
        exponent, place = np.broadcast_arrays(exponent, place)
        shape = (
            np.exp(-exponent[..., None] * np.log1p(self.x * np.exp(-place)[..., None]))
            * self.weight
        )
        one, y = np.broadcast_to(self.weight, shape.shape), self.y * self.weight
        s11, s12, s22 = (one * one).sum(-1), (one * shape).sum(-1), (shape * shape).sum(-1)
        y1, y2 = one @ y, shape @ y
        if floor is None:
            determinant = np.maximum(s11 * s22 - s12**2, 1e-300)
            floor = (s22 * y1 - s12 * y2) / determinant
            amplitude = (s11 * y2 - s12 * y1) / determinant
            amplitude = np.where(floor < 0, np.maximum(y2 / s22, 0.0), amplitude)
            floor = np.where(floor < 0, 0.0, floor)
            floor = np.where(amplitude < 0, np.maximum(y1 / s11, 0.0), floor)
            amplitude = np.where(amplitude < 0, 0.0, amplitude)
        else:
            floor = np.full(exponent.shape, floor)
            amplitude = np.maximum((y2 - floor * s12) / s22, 0.0)
        rest = floor[..., None] * one + amplitude[..., None] * shape - y
        return (rest**2).sum(-1), floor, amplitude

    def search(self, exponent=None, place=None, floor=None) -> tuple[float, np.ndarray]:
        """Best fit with some parameters fixed, on a grid that zooms in."""
        sides = [
            EXPONENTS if exponent is None else (exponent, exponent),
            self.places if place is None else (place, place),
        ]
        full = [high - low for low, high in sides]
        box, best = list(sides), (math.inf, np.zeros(_PARAMETERS))
        for zoom in range(_ZOOMS):
            axes = [
                np.linspace(low, high, count if full[i] else 1)
                for i, ((low, high), count) in enumerate(zip(box, _GRID, strict=True))
            ]
            if zoom == 0 and exponent is None:
                axes[0] = np.geomspace(*EXPONENTS, _GRID[0])
            values, floors, amplitudes = self.misfit(axes[0][:, None], axes[1][None, :], floor)
            at = np.unravel_index(int(np.argmin(values)), values.shape)
            point = np.array([axes[0][at[0]], axes[1][at[1]], floors[at], amplitudes[at]])
            if values[at] < best[0]:
                best = (float(values[at]), point)
            box = []
            for i, (low, high) in enumerate(sides):
                reach = full[i] / (2 * _SHRINK ** (zoom + 1))
                box.append((max(low, best[1][i] - reach), min(high, best[1][i] + reach)))
        return best

    def polish(self, start: np.ndarray, fixed: Sequence[int] = (), digits: float = 1e-15):
        """The minimum near a point, some parameters fixed: misfit and point."""
        low = np.array([EXPONENTS[0], self.places[0], 0.0, 0.0])
        high = np.array([EXPONENTS[1], self.places[1], np.inf, np.inf])
        free = [i for i in range(_PARAMETERS) if i not in fixed]

        def whole(part):
            point = start.copy()
            point[free] = part
            return point

        def parts(part):
            exponent, place, floor, amplitude = whole(part)
            ratio = self.x * math.exp(-min(max(place, -90.0), 90.0))  # steps may go far astray
            shape = np.exp(np.clip(-exponent * np.log1p(ratio), -200.0, 200.0))
            return exponent, ratio, shape, floor, amplitude

        def residuals(part):
            _, _, shape, floor, amplitude = parts(part)
            return (floor + amplitude * shape - self.y) * self.weight

        def jacobian(part):
            exponent, ratio, shape, _, amplitude = parts(part)
            fall = amplitude * shape
            columns = (
                -fall * np.log1p(ratio),
                fall * exponent * ratio / (1 + ratio),
                np.ones_like(shape),
                shape,
            )
            return np.stack(columns, axis=1)[:, free] * self.weight[:, None]

        begin = np.clip(start[free], low[free], high[free])
        options = {"x_scale": "jac", "ftol": digits, "xtol": digits, "gtol": digits}
        found = least_squares(residuals, begin, jacobian, method="lm", **options).x
        if not np.all((low[free] <= found) & (found <= high[free])):
            bounds = (low[free], high[free])
            found = least_squares(residuals, begin, jacobian, bounds=bounds, **options).x
            if 2 in free:  # the floor may end at 0, which the bounded search only comes near
                inside = self.polish(whole(found) * [1, 1, 0, 1], (*fixed, 2), digits)
                if inside[0] <= np.sum(residuals(found) ** 2):
                    return inside
        choices = [(float(np.sum(residuals(part) ** 2)), whole(part)) for part in (found, begin)]
        return min(choices, key=lambda choice: choice[0])

    def profile(self, index: int, value: float, start: np.ndarray) -> float:
        """Least misfit with exponent, logarithm of the crossover or floor fixed, near a fit."""
        point = start.copy()
        point[index] = value
        return self.polish(point, (index,), 1e-9)[0]

    def at_end(self, index: int, value: float) -> float:
        """The same from a search of the whole plane."""
        _, start = self.search(**{("exponent", "place", "floor")[index]: value})
        return self.profile(index, value, start)


def _checked(x, y, std_error, level: float) -> _Problem:
    x, y = (np.asarray(values, float) for values in (x, y))
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"y: got shape {y.shape} for x of shape {x.shape}, expected equal [n].")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x, y: got a number that is not finite; leave such points out.")
    if (x < 0).any() or not (x > 0).any():
        raise ValueError("x: got a negative number or only zeros, expected sizes of at least 0.")
    if (y <= 0).any():
        raise ValueError(
            f"y: got {y.min():g}, expected positive numbers; a fit of what can be negative needs "
            "its limit subtracted by theory first, not by eye."
        )
    if not 0 < level < 1:
        raise ValueError(f"level: got {level!r}, expected a confidence in (0, 1).")
    spread = y if std_error is None else np.asarray(std_error, float)
    if spread.shape != y.shape or not (np.isfinite(spread).all() and (spread > 0).all()):
        raise ValueError(
            "std_error: expected one positive number per point; leave it out where it is unknown, "
            "and the scatter about the fit is used."
        )
    return _Problem(x, y, 1.0 / spread)


def fit_power_law(
    x: Numbers, y: Numbers, std_error: Numbers | None = None, *, level: float = 0.95
) -> PowerLawFit:
    """Fit ``floor + amplitude (1 + x / crossover)^{-exponent}`` to a curve.

    Statement: weighted least squares with floor and amplitude at least 0; intervals from the
    profile of the misfit, by the chi-square law for known standard errors and by the F law with the
    scatter about the fit for unknown ones, which then are taken to be proportional to ``y``.
    Asymptotic in the precision of the points.

    Args:
        x: sizes, at least 0 ``[n]``.
        y: positive values ``[n]``.
        std_error: of each value; None when unknown.
        level: confidence of the intervals.

    Returns:
        A `PowerLawFit`. What the data do not identify is None, and `reason` says why: too few
        points, a flat curve, no bend, no power beyond the bend.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> x = np.geomspace(10, 1e5, 9)
        >>> y = power_law(x, exponent=2 / 3, crossover=200.0, floor=0.5, amplitude=2.0)
        >>> fit = fit_power_law(x, y, 0.01 * y)
        >>> fit.identified, round(fit.exponent.value, 9), round(fit.floor.value, 9)
        (True, 0.666666667, 0.5)
        >>> fit_power_law(x, 0 * y + 1.0, 0.01 * y).reason
        'the curve is flat: it does not differ from a constant, so only a floor is seen'
    """
    problem = _checked(x, y, std_error, level)
    points = len(np.unique(problem.x))
    freedom = len(problem.x) - _PARAMETERS
    span = (float(problem.x.min()), float(problem.x.max()))
    if points <= _PARAMETERS:
        reason = (
            f"too few points: {counted(points, 'different size')} for "
            f"{counted(_PARAMETERS, 'parameter')}"
        )
        return PowerLawFit(
            reason=reason,
            misfit=math.nan,
            freedom=freedom,
            level=level,
            span=span,
        )
    misfit, best = problem.polish(problem.search()[1])

    def worst(parameters: int) -> float:
        """The largest misfit that is not significantly worse, for so many parameters."""
        if std_error is not None:
            return misfit + float(chi2.ppf(level, parameters))
        scale = misfit / freedom * parameters * float(f.ppf(level, parameters, freedom))
        return misfit + max(scale, (len(problem.x) * np.finfo(float).eps) ** 2)

    mean = np.average(problem.y, weights=problem.weight**2)
    constant = float(np.sum(((problem.y - mean) * problem.weight) ** 2))
    if constant <= worst(3):
        reason = "the curve is flat: it does not differ from a constant, so only a floor is seen"
        return PowerLawFit(
            reason=reason,
            misfit=misfit,
            freedom=freedom,
            level=level,
            span=span,
        )

    edge = worst(1)
    top = float(problem.y.max() + 20.0 / problem.weight.min())
    ranges = (EXPONENTS, problem.places, (0.0, top))
    ends = [_interval(problem, best, edge, i, *ranges[i]) for i in range(3)]
    ends[2] = (0.0 if ends[2][0] is None else ends[2][0], ends[2][1])
    has = [None not in pair for pair in ends]
    known = [has[0], has[0] and has[1], has[0] and has[2]]  # without a power nothing is known
    return PowerLawFit(
        exponent=Interval(float(best[0]), *ends[0]) if known[0] else None,
        crossover=Interval(*(math.exp(v) for v in (best[1], *ends[1]))) if known[1] else None,
        floor=Interval(float(best[2]), *ends[2]) if known[2] else None,
        amplitude=float(best[3]) if all(known) else None,
        identified=all(known),
        reason=_reason(known, ends[1], span),
        misfit=misfit,
        freedom=freedom,
        level=level,
        span=span,
    )


def _interval(problem: _Problem, best, edge: float, index: int, low: float, high: float):
    """Where the profile crosses its limit on each side; None for an end that is not there."""
    value = float(best[index])
    resolved = 1e-9 * float(np.linalg.norm(problem.y * problem.weight))
    exact = edge < resolved**2  # nine digits agree: the interval is narrower than rounding

    def excess(at: float) -> float:
        return problem.profile(index, at, best) - edge

    def end(bound: float) -> float | None:
        if value == bound or problem.at_end(index, bound) <= edge:
            return None
        if exact or excess(value) >= 0:
            return value
        step = 0.1 * (bound - value)  # brackets grow from the fit, where the profile is smooth
        while excess(value + step) > 0:
            step /= 4.0
        while excess(value + step) <= 0 and abs(step) < abs(bound - value):
            step *= 2.0
        last = bound if abs(step) >= abs(bound - value) else value + step
        if excess(last) <= 0:
            return None
        return float(brentq(excess, value, last, xtol=1e-9 * (1 + abs(value)), rtol=1e-6))

    return end(low), end(high)


def _reason(known: Sequence[bool], place, span) -> str:
    if all(known):
        return ""
    if known[0]:
        return (
            "no bend: a power law over the whole range, so that its crossover lies anywhere below "
            f"{span[0]:g}"
        )
    if place[1] is None or math.exp(place[1]) > span[1]:
        return (
            "no power is seen: the curve has hardly begun to fall, so that a late crossover with "
            "any exponent fits; larger sizes are needed"
        )
    return (
        "the fall is seen but not its power: floor, crossover and exponent trade off over "
        f"[{span[0]:g}, {span[1]:g}]; more points or a longer range are needed"
    )
