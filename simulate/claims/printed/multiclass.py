"""Printed formulas of theorem K in numbers, beside what is computed without them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthetic_oversampling.simulate.claims.printed.settings import COV, Row
from synthetic_oversampling.theory.generators.table import Oracle
from synthetic_oversampling.theory.multiclass.predict import predict_multiclass
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["MULTICLASS_ROWS", "mean_squared_posterior"]

_MEANS = ([0.0, 0.0], [1.2, 0.4], [-0.3, 1.1])
_GROUPS = [GaussianGroup(mean, COV, y) for y, mean in enumerate(_MEANS)]


def mean_squared_posterior(groups, degree: int = 48) -> float:
    """Balanced mean of the sum of squared posteriors of classes of one covariance, by densities.

    Args:
        groups: one a class, of two features; degree: nodes of a feature.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(degree)
    mass = np.outer(weight, weight).ravel() / weight.sum() ** 2
    pairs = np.stack(np.meshgrid(node, node, indexing="ij"), axis=-1).reshape(-1, 2)
    root = np.linalg.cholesky(groups[0].cov[0])
    inverse, total = np.linalg.inv(groups[0].cov[0]), 0.0
    for group in groups:
        x = group.mean[0] + pairs @ root.T
        gaps = [x - other.mean[0] for other in groups]
        density = np.exp([-np.sum(gap @ inverse * gap, axis=1) / 2 for gap in gaps])
        posterior = density / density.sum(axis=0)
        total += float(mass @ (posterior**2).sum(axis=0)) / len(groups)
    return total


def _shift() -> Row:
    """The intercept of class 2 that the minimiser of the raw risk has beyond the balanced one's."""
    sizes = (900, 400, 250)
    found = predict_multiclass(_GROUPS, Design.raw(sizes), Oracle())
    return Row([{"n_0": 900.0, "n_k": 250.0}], float(found.displacement[3]), 1e-8)


def _balanced() -> Row:
    """The variance part of the prediction."""
    found = predict_multiclass(_GROUPS, Design.raw((500, 500, 500)), Oracle())
    values = {
        "classes": 3.0,
        "features": 2.0,
        "per_class": 500.0,
        "purity": mean_squared_posterior(_GROUPS),
    }
    return Row([values], float(found.excess.variance), 1e-8)


# what is compared for a printed formula, by its id
MULTICLASS_ROWS: dict[str, Callable[[], Row]] = {"K1.shift": _shift, "K2.balanced": _balanced}
