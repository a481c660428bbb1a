"""Printed formulas of theorem M in numbers, beside what is computed without them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy
from scipy.special import ndtr

from synthetic_oversampling.simulate.claims.printed.settings import (
    APART,
    COV,
    DESIGN,
    PAIR,
    Row,
    prediction,
)
from synthetic_oversampling.theory.generators.table import Shifted
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.metrics import classes_of, expanded, metrics
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.prediction.metrics import expected_metrics

__all__ = ["METRIC_ROWS"]


def _auroc() -> Row:
    """Chance that one normal score is above another, by quadrature."""
    mean, var = (0.9, 0.2), (0.7, 1.6)
    values = {"score_1": mean[0], "score_0": mean[1], "score_var_1": var[0], "score_var_0": var[1]}
    seen, _ = scipy.integrate.quad(
        lambda z: (
            ndtr((mean[0] + math.sqrt(var[0]) * z - mean[1]) / math.sqrt(var[1]))
            * math.exp(-(z**2) / 2)
            / math.sqrt(2 * math.pi)
        ),
        -10,
        10,
        epsabs=1e-13,
    )
    return Row([values], seen)


def _over_directions(what: str) -> Row:
    """The best over directions of the plane, each scored by itself."""
    gap = PAIR[0].mean[0] - PAIR[1].mean[0]
    values = {"Delta": math.sqrt(gap @ np.linalg.solve(COV, gap))}
    sign = 1.0 if what == "best_balanced_error" else -1.0

    def value(angle: float) -> float:
        found = metrics([0.0, math.cos(angle), math.sin(angle)], PAIR)
        return sign * getattr(found, what)

    starts = np.linspace(-math.pi, math.pi, 25)
    first = starts[int(np.argmin([value(angle) for angle in starts]))]
    found = scipy.optimize.minimize_scalar(
        value, bounds=(first - 0.3, first + 0.3), method="bounded", options={"xatol": 1e-9}
    )
    return Row([values], sign * float(found.fun))


def _expected() -> Row:
    predicted = prediction("shifted")
    theta = np.asarray(predicted.theta_alpha)
    value, slope, bend, _ = expanded(theta, classes_of(APART))
    values = {
        "metric": value[1],
        "slope": slope[1],
        "metric_bend": bend[1],
        "A_target": predicted.curvature,
        "V": predicted.gradient_cov,
        "mean_shift": predicted.estimator_bias,
    }
    return Row([values], expected_metrics(APART, predicted).average_precision.total)


def _break_even() -> Row:
    """The factor at which whole predictions meet: a line in its inverse through two of them."""
    shift = Shifted((0.3, -0.2))

    def metric(times: int, design: Design):
        sizes = tuple(times * n for n in design.sizes)
        scaled = Design(sizes, times * design.augmentation, design.weight, scheme=design.scheme)
        return expected_metrics(APART, predict(APART, scaled, shift)).auroc

    designs = DESIGN, Design.class_weighted(DESIGN.sizes)
    first, second = (metric(1, design) for design in designs)
    values = {
        "metric_1": first.target,
        "metric_2": second.target,
        "loss_1": first.drift + first.noise,
        "loss_2": second.drift + second.noise,
    }
    few, many = (
        metric(times, designs[0]).total - metric(times, designs[1]).total for times in (1, 4)
    )
    slope = (few - many) / (1 - 1 / 4)
    return Row([values], slope / (slope - few))


# what is compared for a printed formula, by its id
METRIC_ROWS: dict[str, Callable[[], Row]] = {
    "M1.auroc": _auroc,
    "M2.auroc": lambda: _over_directions("auroc"),
    "M2.best_error": lambda: _over_directions("best_balanced_error"),
    "M3.expected": _expected,
    "M3.break_even": _break_even,
}
