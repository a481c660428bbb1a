"""Groups, designs and integrals that printed formulas are put in numbers on.

Asymmetric groups, so that no wrong symbol cancels; moments of the logistic score by the trapezoidal
rule over the features, which knows none of the closed forms of `theory`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Generator,
    Oracle,
    Scaled,
    Shifted,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = [
    "APART", "COV", "DESIGN", "GROUPS", "MIRRORED", "PAIR", "PAIR_SIZES", "POINT", "ROUNDING",
    "SCALED", "SHIFT", "Row", "balanced", "common", "drawn_squares", "laws", "moments", "number",
    "prediction", "printed_value", "raw_pair", "sample_weights", "score_covs", "target_hessian",
]  # fmt: skip

ROUNDING = 1e-8  # relative, of two routes to one number
Values = Mapping[str, object]

COV = np.array([[1.1, 0.4], [0.4, 0.7]])  # covariance of the pair
# two classes of one covariance
PAIR = (GaussianGroup([1.2, 0.5], COV, 1), GaussianGroup([0.3, -0.4], COV, 0))
PAIR_SIZES = (260, 900)  # class 1 is the smaller one
# groups of unequal covariances
APART = (
    GaussianGroup([1.2, 0.4], [[0.5, -0.2], [-0.2, 0.9]], 1),
    GaussianGroup([0.2, -0.5], [[1.0, 0.5], [0.5, 0.8]], 0),
)
GROUPS = len(APART)  # number of groups
DESIGN = Design((180, 700), 400, 0.35)  # a design with all of its parts
# two classes that are mirror images
MIRRORED = tuple(GaussianGroup([0.9 * s, -0.4 * s], COV, (s + 1) // 2) for s in (-1, 1))
SHIFT = (0.12, -0.2)  # shift of a generator
SCALED = Scaled(0.5)  # the Hessian of its bias is not small
POINT = np.array([0.3, 0.8, -0.5])  # parameters at which formulas are evaluated
_LEFT, _RIGHT = np.array([1.0, -0.7, 0.4]), np.array([0.5, 1.1, -0.8])


class Row(NamedTuple):
    """A printed formula in numbers.

    Attributes:
        values: arguments by name, more than it needs; several are added up, one for each group.
        observed: the number that is computed without it.
        tolerance: relative; the next order where the formula is of leading order.
    """

    values: Sequence[Values]
    observed: float
    tolerance: float = ROUNDING


def number(value) -> float:
    """A scalar as it is; a vector or a matrix along fixed directions.

    Args:
        value: ``[]``, ``[d]`` or ``[d, d]``.
    """
    array = np.asarray(value, float)
    if array.ndim == 2:
        return float(_LEFT[: len(array)] @ array @ _RIGHT[: len(array)])
    return float(_LEFT[: len(array)] @ array) if array.ndim else float(array)


def printed_value(name: str, values: Sequence[Values]) -> float:
    """The printed formula in numbers.

    Args:
        name: id of the formula.
        values: of its arguments.
    """
    formula = FORMULAS[name]
    return math.fsum(
        number(formula.numpy(**{key: value[key] for key in formula.arguments})) for value in values
    )


@lru_cache(maxsize=32)
def prediction(name: str) -> Prediction:
    """Of the design for a generator; "nearly" is right but for a tiny shift.

    Args:
        name: of the generator.
    """
    generators: dict[str, Generator] = {
        "oracle": Oracle(),
        "shifted": Shifted(SHIFT),
        "scaled": SCALED,
        "duplicate": Duplicate(),
        "plugin": GaussianPlugin("known"),
        "nearly": Shifted(tuple(1e-4 * s for s in SHIFT)),
    }
    return predict(APART, DESIGN, generators[name])


@lru_cache(maxsize=1)
def raw_pair() -> Prediction:
    """Of raw ERM on two classes with one covariance."""
    return predict(PAIR, Design.raw(PAIR_SIZES), Oracle())


class _Moments(NamedTuple):
    """Risk, score mean ``[3]``, Hessian and score covariance ``[3, 3]`` of the logistic loss."""

    risk: float
    slope: np.ndarray
    hessian: np.ndarray
    cov: np.ndarray


def moments(theta, law: Law) -> _Moments:
    """By the trapezoidal rule over both features, which is geometric for analytic functions.

    Args:
        theta: ``[p]``, intercept first.
        law: of two features.
    """
    node = np.linspace(-8.5, 8.5, 69)
    z = np.stack(np.meshgrid(node, node), axis=-1).reshape(-1, 2)
    mass = np.exp(-np.sum(z**2, axis=1) / 2)
    mass, theta = mass / mass.sum(), np.asarray(theta)
    risk, slope, hessian, square = 0.0, np.zeros(3), np.zeros((3, 3)), np.zeros((3, 3))
    for weight, mean, cov, sign in zip(*law, strict=True):
        rows = np.insert(mean + z @ np.linalg.cholesky(cov).T, 0, 1.0, axis=1)
        margin, share = sign * (rows @ theta), weight * mass
        tail = 1.0 / (1.0 + np.exp(margin))
        risk += float(share @ np.logaddexp(0.0, -margin))
        slope = slope - (share * sign * tail) @ rows
        hessian = hessian + rows.T @ (rows * (share * tail * (1 - tail))[:, None])
        square = square + rows.T @ (rows * (share * tail**2)[:, None])
    return _Moments(risk, slope, hessian, square - np.outer(slope, slope))


def balanced(theta, groups: Sequence[GaussianGroup]) -> _Moments:
    """Moments of the balanced risk, and a covariance without a meaning of its own.

    Args:
        theta: ``[p]``, intercept first.
        groups: of two features.
    """
    each = [moments(theta, group.law) for group in groups]
    risk, slope, hessian, square = (
        np.sum(parts, axis=0) / len(each) for parts in zip(*each, strict=True)
    )
    return _Moments(risk, slope, hessian, square)


def laws(generator: Generator) -> list[tuple[Law, Law]]:
    """Every group's law and that of its generator.

    Args:
        generator: of every group.
    """
    return [
        (group.law, population_law(generator, g, APART, DESIGN.sizes))
        for g, group in enumerate(APART)
    ]


def score_covs(generator: Generator, theta) -> list[tuple[np.ndarray, np.ndarray]]:
    """Score covariance of every group and of its generator's law.

    Args:
        generator: of every group.
        theta: ``[p]``, intercept first.
    """
    pairs = laws(generator)
    return [(moments(theta, real).cov, moments(theta, drawn).cov) for real, drawn in pairs]


def target_hessian(generator: Generator, theta) -> np.ndarray:
    """Hessian of the expected empirical risk of the design, sample by sample.

    Args:
        generator: of every group.
        theta: ``[p]``, intercept first.
    """
    total = np.zeros((3, 3))
    for g, pair in enumerate(laws(generator)):
        parts = sample_weights(g)
        for law, names in zip(pair, (("real",), ("over", "aug")), strict=True):
            total += sum(parts[name].sum() for name in names) * moments(theta, law).hessian
    return total


def common() -> dict:
    """The design's numbers by their symbols."""
    return {"G": GROUPS, "alpha": DESIGN.weight, "N": DESIGN.augmentation, "n_max": DESIGN.n_max}


def sample_weights(g: int) -> dict[str, np.ndarray]:
    """The weight of every sample of a group, one by one.

    Args:
        g: the group's place.
    """
    level, n = (1 - DESIGN.weight) / (GROUPS * DESIGN.n_max), DESIGN.sizes[g]
    return {
        "real": np.full(n, level),
        "over": np.full(DESIGN.n_max - n, level),
        "aug": np.full(int(DESIGN.augmentation), DESIGN.weight / (GROUPS * DESIGN.augmentation)),
    }


def drawn_squares(g: int) -> float:
    """Sum of the squared weights of a group's synthetic samples.

    Args:
        g: the group's place.
    """
    parts = sample_weights(g)
    return float((parts["over"] ** 2).sum() + (parts["aug"] ** 2).sum())
