"""Theorems R6 and R7 for more than two classes: bounds at any bias, and a certificate of a fit.

Along a line the softmax loss of a row is the log partition function of scores that move by
``zeta_k``: its second derivative is the variance of ``zeta`` under the classes' probabilities, and
its third at most the range of ``zeta`` over the classes times that. So what
`theory.prediction.certificate` says of the logistic loss holds with the range of a row's scores in
place of its norm.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.arrays import ArrayLike
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.multiclass.moments import moments
from synthetic_oversampling.theory.multiclass.population import population
from synthetic_oversampling.theory.multiclass.predict import MulticlassPrediction
from synthetic_oversampling.theory.multiclass.scores import softmax
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.threads import OneThread
from synthetic_oversampling.theory.ranges import require_range

__all__ = [
    "MulticlassBound",
    "MulticlassCertificate",
    "multiclass_bound",
    "multiclass_certificate",
]

_COST = 0.05  # share of the least eigenvalue that certifying it may cost
_MOST = 1 << 10  # intervals of the segment
_ROUNDING = 1e-15  # of an eigenvalue, over the largest one and the number of them


class MulticlassBound(NamedTuple):
    """How far the pseudo-true point can be from the balanced optimum in risk, at any bias.

    Attributes:
        bound: on ``R_bal(theta_alpha) - R_bal(theta*)``, nats; infinite where the curvature cannot
            be told from 0.
        gradient: ``|grad B(theta_alpha)|``.
        curvature: ``mu``, certified below every eigenvalue on the segment.
        intervals: of the grid on it.
    """

    bound: float
    gradient: float
    curvature: float
    intervals: int


@OneThread()
def multiclass_bound(
    prediction: MulticlassPrediction,
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
) -> MulticlassBound:
    """Bound on the excess risk of the pseudo-true point (R6 at any bias).

    Statement (bound): at most ``|grad B(theta_alpha)|^2 / (2 mu)``, ``mu`` below all eigenvalues of
    the Hessian of the balanced risk on the segment from ``theta*``. Between two points of a grid of
    step ``h`` an eigenvalue lies above its chord minus ``h^2 / 8`` times the largest eigenvalue of
    ``E[|Delta xbar|^2 xbar xbar']``, ``Delta = theta_alpha - theta*``: a fourth cumulant of
    classes' scores is at most a quarter of the product of their squared ranges, and a range at most
    ``sqrt(2)`` times a norm.

    Args:
        prediction: of `theory.predict_multiclass`.
        groups, design, generator: what it is of.

    Example:
        >>> from synthetic_oversampling.theory import Oracle, predict_multiclass
        >>> groups = [GaussianGroup([float(y)], [[1.0]], y) for y in range(3)]
        >>> raw = Design.raw((600, 400, 400))
        >>> known = predict_multiclass(groups, raw, Oracle())
        >>> found = multiclass_bound(known, groups, raw, Oracle())
        >>> bool(known.excess.bias <= found.bound < 0.1)
        True
    """
    pieces = population(groups, design, generator)
    star, alpha = prediction.theta_star, prediction.theta_alpha
    move, parts = alpha - star, pieces.parts
    share = np.zeros(parts.number)
    share[: pieces.size] = 1.0 / pieces.size
    gradient = float(np.linalg.norm(share @ moments(alpha, parts).score_mean))
    bend = _fourth(move, groups)
    least: dict[float, float] = {}
    rounding, count = 0.0, 1
    while True:
        for k in range(count + 1):
            at = k / count
            if at not in least:
                hessian = np.tensordot(share, moments(star + at * move, parts).hessian, 1)
                every = np.linalg.eigvalsh(hessian)
                least[at] = float(every[0])
                rounding = max(rounding, _ROUNDING * len(every) * float(every[-1]))
        lowest = min(least.values())
        cost = bend / (8 * count**2)
        if cost <= _COST * lowest or count >= _MOST:
            break
        count *= 2
    curvature = max(lowest - cost - rounding, 0.0)
    bound = gradient**2 / (2 * curvature) if curvature > 0 else math.inf
    return MulticlassBound(0.0 if gradient == 0 else bound, gradient, curvature, count)


def _fourth(move: np.ndarray, groups: Sequence[GaussianGroup]) -> float:
    """Largest eigenvalue of the balanced mean of ``|Delta xbar|^2 xbar xbar'``."""
    width = move.shape[1]
    total = np.zeros((width, width))
    for group in groups:
        for weight, mean, small in zip(group.weights, group.mean, group.cov, strict=True):
            place = np.append(1.0, mean)
            cov = np.zeros((width, width))
            cov[1:, 1:] = small
            for row in move:
                level, along = row @ place, cov @ row
                cross = np.outer(place, along)
                value = (level**2 + row @ along) * (np.outer(place, place) + cov)
                value += 2 * level * (cross + cross.T) + 2 * np.outer(along, along)
                total += weight * value / len(groups)
    return float(np.linalg.eigvalsh(total)[-1])


def _differences(classes: int) -> list[np.ndarray]:
    """Of every two classes' scores, in the scores of the classes from 1 on; class 0 has score 0."""
    corners = np.concatenate([np.zeros((1, classes - 1)), np.eye(classes - 1)])
    return [one - other for one, other in itertools.combinations(corners, 2)]


class MulticlassCertificate(NamedTuple):
    """What a sample says about the minimiser of its softmax risk, from one point.

    Attributes:
        decrement: ``nu``, norm of the gradient in the metric of the inverse Hessian.
        reach: ``kappa``, ``nu`` times the largest range of a row's scores along a unit direction.
        exists: whether ``kappa < 1``, so that the minimiser exists. False says nothing.
        farthest: bound on the distance of the minimiser in the metric of the Hessian.
        nearest: least distance of a minimiser that exists.
        gap: bound on the risk at the point minus the least.
    """

    decrement: float
    reach: float
    exists: bool
    farthest: float
    nearest: float
    gap: float


def multiclass_certificate(
    theta: ArrayLike, x: ArrayLike, label: ArrayLike, weight: ArrayLike
) -> MulticlassCertificate:
    """Certificate of the minimiser of a weighted softmax risk (R7).

    Statement (bound, every data set): where ``kappa < 1`` the minimiser exists, at a distance of
    ``theta`` between ``nu log(1 + kappa) / kappa`` and ``-nu log(1 - kappa) / kappa``; the risk at
    ``theta`` is above it by at most ``nu^2 (kappa + (1 - kappa) log(1 - kappa)) / kappa^2``.

    Args:
        theta: any point ``[C, p]``, intercepts first.
        x: features ``[rows, d]``; label: 0 to C ``[rows]``; weight: not negative ``[rows]``.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> x, label = np.linspace(-2, 2, 90)[:, None], np.arange(90) % 3
        >>> found = multiclass_certificate(np.zeros((2, 2)), x, label, np.full(90, 1 / 90))
        >>> found.exists, round(found.decrement, 4), round(found.farthest, 4)
        (True, 0.0314, 0.0341)
    """
    require_range("Drop rows that do not count, or give them weight 0.", least=0, weight=weight)
    require_range(theta=theta, x=x)
    require_range("Recode the classes as 0, 1, ...", least=0, whole=True, label=label)
    point, rows, mass = (np.asarray(part, float) for part in (theta, x, weight))
    kinds = np.asarray(label, int)
    if rows.ndim != 2 or point.ndim != 2 or point.shape[1] != rows.shape[1] + 1:
        raise ValueError(
            f"theta: got shape {point.shape} for features of shape {rows.shape}, expected a row of "
            "one more than there are features for every class but class 0."
        )
    if kinds.shape != (len(rows),) or mass.shape != (len(rows),) or np.any(kinds > len(point)):
        raise ValueError(
            f"label: got shape {kinds.shape} and largest {kinds.max(initial=0)}, expected one of 0 "
            f"to {len(point)} for each of {len(rows)} rows, and as many weights."
        )
    used = mass > 0
    rows, mass, kinds = rows[used], mass[used], kinds[used]
    table = np.column_stack([np.ones(len(rows)), rows])
    q = softmax(table @ point.T)[0]
    residual = q - (kinds[:, None] == np.arange(1, len(point) + 1))
    gradient = (mass[:, None] * residual).T @ table
    bend = np.eye(len(point)) * q[:, :, None] - q[:, :, None] * q[:, None]
    size = point.size
    hessian = np.einsum("n,nkl,np,nq->kplq", mass, bend, table, table).reshape(size, size)
    try:
        root = np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return MulticlassCertificate(
            decrement=math.inf,
            reach=math.inf,
            exists=False,
            farthest=math.inf,
            nearest=0.0,
            gap=math.inf,
        )
    lower = np.linalg.inv(root)
    decrement = float(np.linalg.norm(lower @ gradient.ravel()))
    metric = (lower.T @ lower).reshape(*point.shape, *point.shape)
    longest = 0.0
    for step in _differences(len(point) + 1):
        inner = np.einsum("k,kplq,l->pq", step, metric, step)
        longest = max(longest, float(np.max(np.einsum("np,pq,nq->n", table, inner, table))))
    reach = decrement * math.sqrt(longest)
    exists = reach < 1
    small = reach < 1e-3
    grown = 1.0 if reach == 0 else math.log1p(reach) / reach
    far = gap = math.inf
    if exists:
        far = 1.0 if reach == 0 else -math.log1p(-reach) / reach
        series = 1 / 2 + reach / 6 + reach**2 / 12 + reach**3 / 20
        gap = series if small else (reach + (1 - reach) * math.log1p(-reach)) / reach**2
    return MulticlassCertificate(
        decrement=decrement,
        reach=reach,
        exists=exists,
        farthest=decrement * far,
        nearest=decrement * grown,
        gap=decrement**2 * gap,
    )
