"""Theorems S2 and S3 in the sequence model: what no linear estimate beats, seeds, and errors.

Pinsker's linear minimax weights over an ellipsoid, with their exact value; the squared error when
the generator smooths its own seeds, and the floor that no use of those seeds passes; and the
classification error of a filtered estimate to second order. The model is that of
`theory.scaling.sequence_model`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from synthetic_oversampling.theory.population.design import is_real
from synthetic_oversampling.theory.ranges import require_range
from synthetic_oversampling.theory.scaling.sequence_model import Signal, require_sequence
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["Minimax", "classification_excess", "linear_floor", "pinsker_minimax", "smoothed_risk"]

Numbers = Float[np.ndarray, "_"]


class Minimax(NamedTuple):
    """Pinsker's linear minimax estimate over an ellipsoid.

    Attributes:
        scale: K of the weights ``(1 - (k/K)^order)_+``.
        weights: those that are positive.
        risk: the minimax value, exactly.
        least_favourable: squared coordinates of the hardest signal.
    """

    scale: float
    weights: Numbers
    risk: float
    least_favourable: Numbers


def pinsker_minimax(level: float, radius: float, order: float) -> Minimax:
    """The linear minimax risk over ``sum_k k^{2 order} theta_k^2 <= radius``, exactly.

    Statement (exact, Pinsker 1980): the weights ``(1 - (k/K)^order)_+`` with K such that the
    signal ``theta_k^2 = v ((K/k)^order - 1)_+`` spends the radius have the least worst-case risk of
    all linear estimates, ``v sum_k lambda_k``.

    Args:
        level: ``v``, variance of one coordinate.
        radius, order: of the ellipsoid.

    Raises:
        ValueError: for a number that is not positive and finite.

    Example:
        >>> best = pinsker_minimax(level=0.01, radius=1.0, order=1.0)
        >>> round(best.scale, 3), round(best.risk, 4), len(best.weights)
        (8.444, 0.0374, 8)
    """
    require_range(above=0, level=level, radius=radius, order=order, scalar=True)
    most = 8 + int(
        4 * (1 + radius * (order + 1) * (2 * order + 1) / (order * level)) ** (1 / (2 * order + 1))
    )
    axes = np.arange(1.0, most + 1) ** order
    # v sum_{k <= M} a_k (c - a_k) = Q is linear in c = K^order for a fixed number M of weights
    candidates = (radius / level + np.cumsum(axes**2)) / np.cumsum(axes)
    inside = (axes < candidates) & (np.append(axes[1:], np.inf) >= candidates)
    count = int(np.flatnonzero(inside)[0]) + 1
    top = float(candidates[count - 1])
    weights = 1.0 - axes[:count] / top
    return Minimax(
        top ** (1 / order), weights, level * float(weights.sum()), level * (top / axes[:count] - 1)
    )


def smoothed_risk(
    signal: Signal,
    weights: Numbers,
    smoother: Numbers,
    *,
    seeds: float | int,
    size: float | int,
    weight: float,
    groups: int = 2,
) -> float:
    """Squared error with a generator that smooths its seeds (S3, exact).

    Statement: every group has ``seeds`` real samples; its generator draws from
    ``N(mu_k xbar_k, 1)``, and ``size`` draws per group enter with the given weight. The seeds'
    noise passes through both parts, so that no size removes it.

    Args:
        signal, weights: as for `filter_risk`.
        smoother: ``mu_k``, one per weight.
        seeds, size: per group; ``size`` may be infinite.
        weight: ``alpha``.
        groups: ``G``.

    Raises:
        ValueError: naming the argument.
    """
    require_range(above=0, seeds=seeds, groups=groups, scalar=True)
    require_range("It may be infinite.", above=0, infinite=True, size=size, scalar=True)
    require_sequence(signal=signal, weights=weights, smoother=smoother)
    if not (is_real(weight) and 0 <= weight <= 1):
        raise ValueError(f"weight: got {weight!r}, expected a number in [0, 1].")
    terms = FORMULAS["S3.smoothed_risk"].numpy(
        filter_weight=weights,
        generator_weight=smoother,
        signal=signal.coordinates(len(weights)),
        seeds=seeds,
        N=size,
        alpha=weight,
        G=groups,
    )
    return float(np.sum(terms)) + signal.tail(len(weights))


def linear_floor(signal: Signal, level: float, count: int = 2**17) -> float:
    """``sum_k v theta_k^2 / (v + theta_k^2)``: no linear use of the seeds does better (S3).

    The tail beyond ``count`` is at most its signal, which is added: an upper value, within
    ``tail^2``-order of the sum.

    Args:
        signal: the truth.
        level: ``v``, variance of one coordinate of the seeds' mean.
        count: coordinates that are summed one by one.

    Raises:
        ValueError: naming the argument.
    """
    require_sequence(signal=signal)
    require_range(above=0, level=level, scalar=True)
    require_range(least=0, whole=True, count=count, scalar=True)
    square = signal.coordinates(count) ** 2
    return float(np.sum(level * square / (level + square))) + signal.tail(count)


def classification_excess(
    signal: Signal, weights: Numbers, level: float, bias: Numbers | float = 0.0
) -> tuple[float, float]:
    """Excess error of ``sign(theta_hat . x)``: leading order, and the next one.

    Statement (S2, asymptotic): with ``L = ||P_perp theta_hat||^2`` the error is
    ``Phi(-Delta / sqrt(1 + L / U^2))``, U the estimate's part along theta. Leading order
    ``phi(Delta) E L / (2 Delta)``; the next order, expanded in L and ``U - Delta``, takes the
    moments of a Gaussian vector exactly; what is left is of order 5/2 in the squared
    error.

    Args:
        signal, weights, level, bias: as for `theory.scaling.sequence_model.filter_risk`.

    Returns:
        ``(leading, next)``; their sum is the prediction.

    Raises:
        ValueError: naming the argument.
    """
    require_range(least=0, level=level, scalar=True)
    require_sequence(signal=signal, weights=weights, bias=bias)
    weights = np.asarray(weights, float)
    theta = signal.coordinates(len(weights))
    distance = signal.distance
    mean = weights * (theta + bias)
    spread = weights**2 * level
    along = theta / distance
    centre = float(along @ mean)
    rest = mean - centre * along
    # the part of P_perp m on the coordinates that the filter sets to 0
    outside = (centre / distance) ** 2 * signal.tail(len(weights))
    sideways = float(along**2 @ spread)
    size = float(rest @ rest) + outside + float(spread.sum()) - sideways
    joint = 2.0 * float(rest @ (spread * along))
    swing = 2.0 * float(spread @ spread) - 4.0 * float(along**2 @ spread**2)
    swing += 2.0 * sideways**2 + 4.0 * float(rest**2 @ spread)  # variance of L
    factor = float(FORMULAS["S2.classification"].numpy(Delta=distance, leakage=1.0))
    offset = centre - distance
    second = -2.0 * (size * offset + joint) / distance
    second += 3.0 * size * (sideways + offset**2) / distance**2
    second += (distance**2 - 3.0) / (4.0 * distance**2) * (size**2 + swing)
    return factor * size, factor * second
