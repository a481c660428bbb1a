"""S1's hyperbola without noise: its closed forms against theorem R's predictions of designs.

Where the bias and its Hessian are small, the excess at a fixed size is a parabola in the weight.
Three predictions of that form of theorem R (``small_bias + small_variance``), made one design at a
time, determine it: its value elsewhere, its vertex and its minimum need none of the formulas of S1.
The inverse of the gap between the minimum and its floor is a line in the size, whose zero is minus
the crossover. The global law, without that assumption, is in `simulate.claims.global_law`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import scaling_moments

__all__ = ["SUITE", "hyperbola_checks"]

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


def hyperbola_checks(profile: str) -> Iterator[Check]:
    """Every check, of any profile: there is nothing to simulate."""
    del profile
    setting = CONFIGURATIONS["line"]()
    for label in LABELS:
        generator = generators_for(setting)[label]
        law = scaling_moments(setting.groups, setting.sizes, generator).law

        def check(name, claim, theory, observed, place, label=label):
            theory = float(theory)
            return Check(
                id=f"S1.{name}.{SUITE}.{label}{place}",
                claim=claim,
                kind="exact",
                theory=theory,
                discrepancy=ROUNDING * max(abs(theory), abs(float(observed))),
                observed=float(observed),
                source="second route",
            )

        least = {}
        for size in SIZES:
            curve = _parabola(label, size)
            vertex = float(np.clip(-curve[1] / (2 * curve[0]), 0.0, 1.0))
            least[size] = float(np.polyval(curve, vertex))
            place = f"-N{size:g}"
            for weight in (0.35, 1.0):
                yield check(
                    f"excess_{100 * weight:.0f}", "excess at a weight, from three predictions",
                    law.excess(weight, size), np.polyval(curve, weight), place,
                )  # fmt: skip
            yield check(
                "best_weight", "the weight with the least excess: vertex of three predictions",
                law.best_weight(size), vertex, place,
            )  # fmt: skip
            yield check(
                "best_excess", "the least excess: minimum of the parabola of three predictions",
                law.best_excess(size), least[size], place,
            )  # fmt: skip
        yield check(
            "floor", "the least excess with infinitely many synthetic samples", law.floor,
            least[math.inf], "",
        )  # fmt: skip
        few, many, floor = (least[size] for size in SIZES)
        first, second = 1 / (few - floor), 1 / (many - floor)
        slope = (second - first) / (SIZES[1] - SIZES[0])
        yield check(
            "crossover", "where the inverse gap, a line in the size, is twice its value at 0",
            law.crossover, first / slope - SIZES[0], "",
        )  # fmt: skip
