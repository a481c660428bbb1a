"""S1 without noise: the global law and its hyperbola against whole predictions of theorem R.

`theory.law_of_design` takes theorem R's pieces at a few weights and answers by roots of
polynomials. Here every number is found from `theory.predict`, one design at a time, by bracketing
searches and differences that know neither the polynomials nor the envelope theorem.

Where the bias and its Hessian are small, the excess at a fixed size is a parabola in the weight.
Three predictions of that form of theorem R (``small_bias + small_variance``) determine it: its
value elsewhere, its vertex and its minimum need none of the formulas of the hyperbola. The inverse
of the gap between the minimum and its floor is a line in the size, whose zero is minus the
crossover.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial

import numpy as np
import scipy

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import law_of_design, scaling_moments

__all__ = ["HYPERBOLA", "LABELS", "SUITE", "global_law_checks", "hyperbola_checks"]

SUITE = "global-law"  # name of the suite of these checks
LABELS = ("shifted", "mislabelled", "plugin-pooled")  # best weights inside (0, 1)
SIZES = (100, 2000, math.inf)
PRICE = 4e-8
_EXACT = 1e-8  # relative: the error that the polynomials are allowed
_FLAT = 1e-5  # of a weight, where the excess hardly depends on it
_DIFFERENCE = 1e-3  # of differences in place of derivatives

HYPERBOLA = "hyperbola"  # name of the suite on small biases
_OF_HYPERBOLA = ("shifted", "plugin")  # with a bias, and with seeds that both parts share
_WEIGHTS = (0.2, 0.5, 0.8)
_HYPERBOLA_SIZES = (60, 600, math.inf)
_ROUNDING = 1e-9  # relative; cancellation in the vertex costs about three digits of the last bits


def _agreement(
    name: str, claim: str, both: Callable[[], tuple], tolerance: float = _ROUNDING
) -> Check:
    """A check that two routes to a number agree.

    Args:
        name: its id; claim: what is compared.
        both: computes S1's answer, and the other route's.
        tolerance: relative to the larger of the two.
    """

    def expect():
        theory, observed = map(float, both())
        return Expectation(
            theory=theory,
            discrepancy=tolerance * max(abs(theory), abs(observed)),
            observed=observed,
        )

    return Check(id=name, claim=claim, kind="exact", source="second route", expect=expect)


class _Direct:
    """A generator on one setting, known by whole predictions alone."""

    def __init__(self, label: str):
        self.setting = CONFIGURATIONS["line"]()
        self.generator = generators_for(self.setting)[label]
        self.least = lru_cache(maxsize=None)(self._least)

    def excess(self, weight: float, size: int | float) -> float:
        design = Design(self.setting.sizes, size if weight else 0, weight)
        return float(predict(self.setting.groups, design, self.generator).total)

    def _least(self, size: int | float) -> tuple[float, float]:
        """The least excess over weights, and where it is."""
        grid = np.linspace(0.0, 1.0, 11)
        near = grid[np.argmin([self.excess(weight, size) for weight in grid])]
        found = scipy.optimize.minimize_scalar(
            partial(self.excess, size=size),
            bounds=(max(near - 0.1, 0.0), min(near + 0.1, 1.0)),
            method="bounded",
            options={"xatol": 1e-8},
        )
        return min((float(found.fun), float(found.x)), (self.excess(near, size), float(near)))

    def edge(self, size: int | float, low: float, high: float) -> float:
        """The weight between two others at which the excess is that of no augmentation."""
        none = self.excess(0.0, 0)
        return float(
            scipy.optimize.brentq(
                lambda weight: self.excess(weight, size) - none, low, high, xtol=1e-12
            )
        )

    def between(self, size: float) -> float:
        """The least excess at a size that is not a whole number: a line in its inverse."""
        ends = np.array([math.floor(size), math.ceil(size) + 1])
        values = [self.least(int(end))[0] for end in ends]
        return float(np.interp(1 / size, 1 / ends[::-1], values[::-1]))


def global_law_checks(profile: str) -> Iterator[Check]:
    """Every check, of any profile: there is nothing to simulate.

    Args:
        profile: "quick" or "full".
    """
    del profile
    for label in LABELS:
        yield from _checks_of(label)


def _checks_of(label: str) -> Iterator[Check]:
    direct = _Direct(label)

    @cache
    def law():
        return law_of_design(direct.setting.groups, direct.setting.sizes, direct.generator)

    def check(name, claim, both, tolerance=_EXACT, place=""):
        """Of the law's answer and the search's."""
        return _agreement(f"{name}.{SUITE}.{label}{place}", claim, both, tolerance)

    size = SIZES[1]
    for number in SIZES:
        place = f"-N{number:g}"
        for name, share in (("S1.excess_35", 0.35), ("S1.excess_100", 1.0)):
            yield check(
                name,
                "excess at a weight and a size, one prediction",
                lambda share=share, number=number: (
                    law().excess(share, number),
                    direct.excess(share, number),
                ),
                place=place,
            )
        yield check(
            "S1.best_weight",
            "the weight with the least excess: a search on predictions",
            lambda number=number: (law().best_weight(number), direct.least(number)[1]),
            _FLAT,
            place,
        )
        yield check(
            "S1.best_excess",
            "the least excess over weights: a search on predictions",
            lambda number=number: (law().best_excess(number), direct.least(number)[0]),
            place=place,
        )
    yield check(
        "S1.floor", "the least excess without end", lambda: (law().floor, direct.least(math.inf)[0])
    )

    def slope():
        near = size - 20, size + 20
        change = direct.least(near[0])[0] - direct.least(near[1])[0]
        return law().best_slope(size), change / (1 / near[0] - 1 / near[1])

    yield check(
        "S1.slope",
        "derivative of the least excess in 1/N: a difference of two searches",
        slope,
        _DIFFERENCE,
    )

    def concave():
        inverse = np.array([1 / 4000, 1 / 2000, 3 / 4000])  # 3/4000: a line between whole sizes
        stated = law().best_excess(1 / inverse)
        found = [direct.least(4000)[0], direct.least(2000)[0], direct.between(4000 / 3)]
        return stated[1] - (stated[0] + stated[2]) / 2, found[1] - (found[0] + found[2]) / 2

    yield check(
        "S1.concave",
        "the least excess lies above its chord in 1/N by as much as searches do",
        concave,
        _DIFFERENCE,
    )

    def crossover():
        none, floor = direct.excess(0.0, 0), direct.least(math.inf)[0]
        return (none + floor) / 2 - floor, direct.between(law().crossover) - floor

    yield check(
        "S1.crossover",
        "what is left at the crossover is half of what can be removed",
        crossover,
        _DIFFERENCE,
    )

    def price():
        best = round(float(law().optimal_size(PRICE)))
        step = max(best // 100, 2)
        saved = direct.least(best - step)[0] - direct.least(best + step)[0]
        return PRICE, saved / (2 * step)

    yield check(
        "S1.price",
        "at the best size one more sample saves its price: two searches",
        price,
        5 * _DIFFERENCE,
    )

    def edge():
        return float(law().harmful_weight(size))

    yield check(
        "S1.harmful_weight",
        "the weight at which nothing is gained: a root of predictions",
        lambda: (edge(), direct.edge(size, 0.8 * edge(), min(1.2 * edge(), 1.0))),
        _FLAT,
    )

    def break_even():
        weight, none = edge() / 2, direct.excess(0.0, 0)
        few, many = (direct.excess(weight, number) for number in (50, 5000))
        noise = (few - many) / (1 / 50 - 1 / 5000)
        return law().break_even_size(weight), noise / (none - many + noise / 5000)

    yield check(
        "S1.break_even_size",
        "the size at which nothing is gained, from two predictions",
        break_even,
        _FLAT,
    )


# --- the hyperbola ------------------------------------------------------------------------------
def _parabola(label: str, size: int | float) -> np.ndarray:
    """Coefficients, highest first, of the excess in the weight for small biases."""
    setting = CONFIGURATIONS["line"]()
    values = []
    for weight in _WEIGHTS:
        design = Design(setting.sizes, size, weight)
        theory = predict(setting.groups, design, generators_for(setting)[label])
        values.append(float(theory.small_bias + theory.small_variance))
    return np.polyfit(_WEIGHTS, values, 2)


def hyperbola_checks(profile: str) -> Iterator[Check]:
    """Every check, of any profile: there is nothing to simulate.

    Args:
        profile: "quick" or "full".
    """
    del profile
    for label in _OF_HYPERBOLA:
        yield from _hyperbola_of(label)


def _hyperbola_of(label: str) -> Iterator[Check]:
    @cache
    def law():
        setting = CONFIGURATIONS["line"]()
        return scaling_moments(setting.groups, setting.sizes, generators_for(setting)[label]).law

    @cache
    def curve(size):
        """The parabola in the weight, where it is least, and how much it is there."""
        found = _parabola(label, size)
        vertex = float(np.clip(-found[1] / (2 * found[0]), 0.0, 1.0))
        return found, vertex, float(np.polyval(found, vertex))

    def check(name, claim, both, place=""):
        """Of S1's answer and what the parabolas say."""
        return _agreement(f"{name}.{HYPERBOLA}.{label}{place}", claim, both)

    for size in _HYPERBOLA_SIZES:
        place = f"-N{size:g}"
        for name, weight in (("S1.excess_35", 0.35), ("S1.excess_100", 1.0)):
            yield check(
                name,
                "excess at a weight, from three predictions",
                lambda weight=weight, size=size: (
                    law().excess(weight, size),
                    np.polyval(curve(size)[0], weight),
                ),
                place,
            )
        yield check(
            "S1.best_weight",
            "the weight with the least excess: vertex of three predictions",
            lambda size=size: (law().best_weight(size), curve(size)[1]),
            place,
        )
        yield check(
            "S1.best_excess",
            "the least excess: minimum of the parabola of three predictions",
            lambda size=size: (law().best_excess(size), curve(size)[2]),
            place,
        )
    yield check(
        "S1.floor",
        "the least excess with infinitely many synthetic samples",
        lambda: (law().floor, curve(math.inf)[2]),
    )

    def crossover():
        few, many, floor = (curve(size)[2] for size in _HYPERBOLA_SIZES)
        first, second = 1 / (few - floor), 1 / (many - floor)
        slope = (second - first) / (_HYPERBOLA_SIZES[1] - _HYPERBOLA_SIZES[0])
        return law().crossover, first / slope - _HYPERBOLA_SIZES[0]

    yield check(
        "S1.crossover",
        "where the inverse gap, a line in the size, is twice its value at 0",
        crossover,
    )
