"""S1's global law without noise: its answers against searches on whole predictions of theorem R.

`theory.law_of_design` takes theorem R's pieces at a few weights and answers by roots of
polynomials. Here every number is found from `theory.predict`, one design at a time, by bracketing
searches and differences that know neither the polynomials nor the envelope theorem.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, partial

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import law_of_design

__all__ = ["LABELS", "SUITE", "global_law_checks"]

SUITE = "global-law"
LABELS = ("shifted", "mislabelled", "plugin-pooled")  # best weights inside (0, 1)
SIZES = (100, 2000, math.inf)
PRICE = 4e-8
_EXACT = 1e-8  # relative: the error that the polynomials are allowed
_FLAT = 1e-5  # of a weight, where the excess hardly depends on it
_DIFFERENCE = 1e-3  # of differences in place of derivatives


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
        found = minimize_scalar(
            partial(self.excess, size=size), bounds=(max(near - 0.1, 0.0), min(near + 0.1, 1.0)),
            method="bounded", options={"xatol": 1e-8},
        )  # fmt: skip
        return min((float(found.fun), float(found.x)), (self.excess(near, size), float(near)))

    def edge(self, size: int | float, low: float, high: float) -> float:
        """The weight between two others at which the excess is that of no augmentation."""
        none = self.excess(0.0, 0)
        return float(brentq(lambda own: self.excess(own, size) - none, low, high, xtol=1e-12))

    def between(self, size: float) -> float:
        """The least excess at a size that is not a whole number: a line in its inverse."""
        ends = np.array([math.floor(size), math.ceil(size) + 1])
        values = [self.least(int(own))[0] for own in ends]
        return float(np.interp(1 / size, 1 / ends[::-1], values[::-1]))


def global_law_checks(profile: str) -> Iterator[Check]:
    """Every check, of any profile: there is nothing to simulate."""
    del profile
    for label in LABELS:
        own = _Direct(label)
        law = law_of_design(own.setting.groups, own.setting.sizes, own.generator)

        def check(name, claim, theory, observed, tolerance=_EXACT, place="", label=label):
            theory = float(theory)
            return Check(
                id=f"S1.{name}.{SUITE}.{label}{place}",
                claim=claim,
                kind="exact",
                theory=theory,
                discrepancy=tolerance * max(abs(theory), abs(float(observed))),
                observed=float(observed),
                source="second route",
            )

        none, size = own.excess(0.0, 0), SIZES[1]
        for number in SIZES:
            place, (least, weight) = f"-N{number:g}", own.least(number)
            for share in (0.35, 1.0):
                yield check(
                    f"excess_{100 * share:.0f}", "excess at a weight and a size, one prediction",
                    law.excess(share, number), own.excess(share, number), place=place,
                )  # fmt: skip
            yield check(
                "best_weight", "the weight with the least excess: a search on predictions",
                law.best_weight(number), weight, _FLAT, place,
            )  # fmt: skip
            yield check(
                "best_excess", "the least excess over weights: a search on predictions",
                law.best_excess(number), least, place=place,
            )  # fmt: skip
        floor = own.least(math.inf)[0]
        yield check("floor", "the least excess without end", law.floor, floor)
        near = size - 20, size + 20
        change = own.least(near[0])[0] - own.least(near[1])[0]
        yield check(
            "slope", "derivative of the least excess in 1/N: a difference of two searches",
            law.best_slope(size), change / (1 / near[0] - 1 / near[1]), _DIFFERENCE,
        )  # fmt: skip
        inverse = np.array([1 / 4000, 1 / 2000, 3 / 4000])  # 3/4000: a line between whole sizes
        stated = law.best_excess(1 / inverse)
        found = [own.least(4000)[0], own.least(2000)[0], own.between(4000 / 3)]
        yield check(
            "concave", "the least excess lies above its chord in 1/N by as much as searches do",
            stated[1] - (stated[0] + stated[2]) / 2, found[1] - (found[0] + found[2]) / 2,
            _DIFFERENCE,
        )  # fmt: skip
        yield check(
            "crossover", "what is left at the crossover is half of what can be removed",
            (none + floor) / 2 - floor, own.between(law.crossover) - floor, _DIFFERENCE,
        )  # fmt: skip
        best = round(float(law.optimal_size(PRICE)))
        step = max(best // 100, 2)
        saved = own.least(best - step)[0] - own.least(best + step)[0]
        yield check(
            "price", "at the best size one more sample saves its price: two searches",
            PRICE, saved / (2 * step), 5 * _DIFFERENCE,
        )  # fmt: skip
        edge = float(law.harmful_weight(size))
        around = 0.8 * edge, min(1.2 * edge, 1.0)
        yield check(
            "harmful_weight", "the weight at which nothing is gained: a root of predictions",
            edge, own.edge(size, *around), _FLAT,
        )  # fmt: skip
        weight = edge / 2
        few, many = (own.excess(weight, number) for number in (50, 5000))
        noise = (few - many) / (1 / 50 - 1 / 5000)
        yield check(
            "break_even_size", "the size at which nothing is gained, from two predictions",
            law.break_even_size(weight), noise / (none - many + noise / 5000), _FLAT,
        )  # fmt: skip
