"""S1's hyperbola without noise: its closed forms against theorem R's predictions of designs.

Where the bias and its Hessian are small, the excess at a fixed size is a parabola in the weight.
Three predictions of that form of theorem R (``small_bias + small_variance``), made one design at a
time, determine it: its value elsewhere, its vertex and its minimum need none of the formulas of S1.
The inverse of the gap between the minimum and its floor is a line in the size, whose zero is minus
the crossover. The global law, without that assumption, is in `simulate.claims.global_law`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import scaling_moments

__all__ = ["SUITE", "agreement", "hyperbola_checks"]

SUITE = "hyperbola"
LABELS = ("shifted", "plugin")  # with a bias, and with seeds that both parts share
WEIGHTS = (0.2, 0.5, 0.8)
SIZES = (60, 600, math.inf)
ROUNDING = 1e-9  # relative; cancellation in the vertex costs about three digits of the last bits


def _parabola(label: str, size: int | float) -> np.ndarray:
    """Coefficients, highest first, of the excess in the weight for small biases."""
    setting = CONFIGURATIONS["line"]()
    values = []
    for weight in WEIGHTS:
        design = Design(setting.sizes, size, weight)
        theory = predict(setting.groups, design, generators_for(setting)[label])
        values.append(float(theory.small_bias + theory.small_variance))
    return np.polyfit(WEIGHTS, values, 2)


def agreement(
    name: str, claim: str, both: Callable[[], tuple], tolerance: float = ROUNDING
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


def hyperbola_checks(profile: str) -> Iterator[Check]:
    """Every check, of any profile: there is nothing to simulate."""
    del profile
    for label in LABELS:
        yield from _checks_of(label)


def _checks_of(label: str) -> Iterator[Check]:
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
        return agreement(f"{name}.{SUITE}.{label}{place}", claim, both)

    for size in SIZES:
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
        few, many, floor = (curve(size)[2] for size in SIZES)
        first, second = 1 / (few - floor), 1 / (many - floor)
        slope = (second - first) / (SIZES[1] - SIZES[0])
        return law().crossover, first / slope - SIZES[0]

    yield check(
        "S1.crossover",
        "where the inverse gap, a line in the size, is twice its value at 0",
        crossover,
    )
