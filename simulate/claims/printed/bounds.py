"""Printed formulas of R6 and R7 in numbers, beside what is computed without them.

See `simulate.claims.printed.checks`, which turns the rows into checks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.claims.printed.settings import (
    APART,
    DESIGN,
    GROUPS,
    MIRRORED,
    SCALED,
    SHIFT,
    Row,
    balanced,
    common,
    drawn_squares,
    moments,
    prediction,
    sample_weights,
    target_hessian,
)
from synthetic_oversampling.theory.generators.table import Oracle, Shifted
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.bounds import population_bound
from synthetic_oversampling.theory.prediction.certificate import certificate
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["BOUND_ROWS"]


def _local_bound() -> Row:
    predicted = prediction("scaled")
    target = target_hessian(SCALED, predicted.theta_star)
    values = {
        "square_bias": predicted.bias_gradient @ predicted.bias_gradient,
        "lambda_max": np.linalg.eigvalsh(predicted.hessian)[-1],
        "lambda_target": np.linalg.eigvalsh(target)[0],
        "H": predicted.hessian,
        "A_star": target,
        "V": predicted.gradient_cov_star,
    }
    return Row([values], float(predicted.bound))


def _population_bound() -> Row:
    """The curvature from Hessians by the trapezoidal rule on a fine grid of the segment."""
    predicted = prediction("scaled")
    star, alpha = np.asarray(predicted.theta_star), np.asarray(predicted.theta_alpha)
    steps = np.linspace(0.0, 1.0, 129)[:, None]
    path = [balanced(point, APART).hessian for point in star + steps * (alpha - star)]
    values = {"square_bias_alpha": np.sum(balanced(alpha, APART).slope ** 2)}
    values["curvature_path"] = np.linalg.eigvalsh(path)[:, 0].min()
    return Row([values], population_bound(APART, DESIGN, SCALED).bound, 0.02)


def _trace_bound() -> Row:
    """Attained at the mean eigenvalue where both groups' score covariances have one trace."""
    sizes = (500, 140)
    prediction = predict(MIRRORED, Design(sizes, 300, 0.3), Oracle())
    trace = float(np.trace(moments(prediction.theta_star, MIRRORED[0].law).cov))
    values = {"G": 2, "alpha": 0.3, "N": 300, "n_max": 500, "p": 3, "var_score": trace / 3}
    return Row([values], float(np.trace(prediction.gradient_cov_star)))


def _usual_rate() -> Row:
    """From the weights of all samples, squared and added up."""
    predicted, largest = prediction("shifted"), 2.5
    squares = sum((sample_weights(g)["real"] ** 2).sum() + drawn_squares(g) for g in range(GROUPS))
    square = float(predicted.bias_gradient @ predicted.bias_gradient)
    most = float(np.linalg.eigvalsh(predicted.hessian)[-1])
    least = float(np.linalg.eigvalsh(target_hessian(Shifted(SHIFT), predicted.theta_star))[0])
    values = common() | {"p": 3, "n_tot": sum(DESIGN.sizes), "var_score": largest}
    values |= {"square_bias": square, "lambda_max": most, "lambda_target": least}
    seen = largest * most / (2 * least**2) * (square + 3 * math.log(sum(DESIGN.sizes)) * squares)
    return Row([values], seen)


def _sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, signs and unequal weights of 4,000 rows."""
    rng = np.random.default_rng(12)
    x, weight = rng.normal(size=(4000, 2)), rng.uniform(0.5, 1.5, size=4000)
    sign = np.where(rng.uniform(size=4000) < 1 / (1 + np.exp(-1.0 - x @ [1.0, -0.5])), 1.0, -1.0)
    return x, sign, weight / weight.sum()


def _of_sample(what: str) -> Row:
    """Decrement and reach by plain linear algebra; the point is what drew the labels."""
    x, sign, weight = _sample()
    point = np.array([1.0, 1.0, -0.5])
    rows = np.insert(x, 0, 1.0, axis=1)
    tail = 1 / (1 + np.exp(sign * (rows @ point)))
    slope = -(weight * sign * tail) @ rows
    inverse = np.linalg.inv((rows.T * (weight * tail * (1 - tail))) @ rows)
    values = {"decrement": math.sqrt(slope @ inverse @ slope)}
    lengths = np.sqrt(np.sum((rows @ inverse) * rows, axis=1))
    values["reach"] = values["decrement"] * lengths.max()
    found = certificate(*map(jnp.asarray, (point, x, sign, weight)))
    seen = float(getattr(found, what))
    return Row([values], -seen if what == "nearest" else seen)


def _published() -> Row:
    """Sixteen times the squared decrement, from a Newton step of the fit's own equations."""
    x, sign, weight = _sample()
    point = np.array([1.0, 1.0, -0.5])
    found = certificate(*map(jnp.asarray, (point, x, sign, weight)))
    rows = np.insert(x, 0, 1.0, axis=1) * sign[:, None]

    def risk(move: float, step: np.ndarray) -> float:
        return float(weight @ np.logaddexp(0.0, -(rows @ (point + move * step))))

    tail = 1 / (1 + np.exp(rows @ point))
    hessian = (rows.T * (weight * tail * (1 - tail))) @ rows
    step = np.linalg.solve(hessian, rows.T @ (weight * tail))
    slope = (risk(-1e-4, step) - risk(1e-4, step)) / 2e-4  # the fall along it is nu^2
    return Row([{"decrement": float(found.decrement)}], 16 * slope, 1e-6)


# what is compared for a printed formula, by its id
BOUND_ROWS: dict[str, Callable[[], Row]] = {
    "R6.local_bound": _local_bound,
    "R6.population_bound": _population_bound,
    "R6.trace_bound": _trace_bound,
    "R6.usual_rate": _usual_rate,
    "R7.distance": partial(_of_sample, "farthest"),
    "R7.shortest": partial(_of_sample, "nearest"),
    "R7.gap": partial(_of_sample, "gap"),
    "R7.published": _published,
}
