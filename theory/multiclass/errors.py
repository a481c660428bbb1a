"""Error rates of a linear rule with several classes, with their gradients and Hessians.

A component of class ``y`` is classified rightly where ``D_k = t_y - t_k > 0`` for every other class
``k``: the probability of an orthant for a normal vector ``D ~ N(mu, S)``, a function ``F(mu, S)``.
By the heat equation ``dF/dS = F'' / 2``, all derivatives in the parameters are derivatives in
``mu``, here to the fourth order. The mixed ones are densities times orthant probabilities of fewer
variables, and the others follow from them, because ``D_i`` vanishes where ``D_i`` jumps:

    mu_i d_i F + sum_j S_ij d_i d_j F = 0,    and its derivatives.

References: Genz (2004), Numerical computation of rectangular bivariate and trivariate normal
probabilities, Statistics and Computing 14; Owen (1956) for two variables.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy
from scipy.special import ndtr, owens_t

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.multiclass.components import Components
from synthetic_oversampling.theory.multiclass.partition import entries, places
from synthetic_oversampling.theory.multiclass.scores import (
    Scores,
    randomisations,
    scores_at,
    sobol_normal,
)

__all__ = ["error_rates", "orthant"]

_NODES, _PANELS = 16, 24
_REACH = 9.0  # standard deviations
_JITTER = 1e-11  # of a variance, added where differences of scores are bound to each other
_TIED = 1e-9  # eigenvalue of a correlation matrix


def _pair(mean: np.ndarray, cov: np.ndarray) -> AnyArray:
    """``P(D_1 > 0, D_2 > 0)``, by Owen's function, of arrays ``[..., 2]``, ``[..., 2, 2]``."""
    std = np.sqrt(np.stack([cov[..., 0, 0], cov[..., 1, 1]], axis=-1))
    h, k = np.moveaxis(mean / std, -1, 0)
    rho = np.clip(cov[..., 0, 1] / (std[..., 0] * std[..., 1]), -1.0, 1.0)
    root = np.sqrt((1 - rho) * (1 + rho))
    both = (ndtr(h) + ndtr(k)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        first = owens_t(h, (k / h - rho) / root)
        second = owens_t(k, (h / k - rho) / root)
    apart = np.where((h * k < 0) | ((h * k == 0) & (h + k < 0)), 0.5, 0.0)
    value = both - first - second - apart
    zero = np.arcsin(rho) / (2 * np.pi)
    value = np.where((h == 0) & (k == 0), 0.25 + zero, value)
    bound = root < 1e-8
    same = np.minimum(ndtr(h), ndtr(k))
    opposite = np.maximum(ndtr(h) + ndtr(k) - 1, 0.0)
    return np.clip(np.where(bound, np.where(rho > 0, same, opposite), value), 0.0, 1.0)


def orthant(mean: np.ndarray, cov: np.ndarray) -> float:
    """Probability that all entries of ``N(mean, cov)`` are positive.

    Args:
        mean: ``[k]``; cov: ``[k, k]``, with positive variances.

    Example:
        >>> round(orthant(np.zeros(3), np.full((3, 3), 0.5) + np.eye(3) / 2), 12)
        0.25
    """
    size = len(mean)
    if size == 0:
        return 1.0
    if size == 1:
        return float(ndtr(mean[0] / np.sqrt(cov[0, 0])))
    if size == 2:
        return float(_pair(mean, cov))
    if size == 3:
        return _triple(mean, cov)
    return _many(mean, cov)


def _triple(mean: np.ndarray, cov: np.ndarray) -> float:
    """Given the variable that says least of the others: pairs along it, integrated."""
    std = np.sqrt(np.diagonal(cov))
    correlation = np.abs(cov / np.outer(std, std) - np.eye(3))
    last = int(np.argmin(correlation.max(axis=1)))
    rest = np.delete(np.arange(3), last)
    turn = cov[rest, last] / cov[last, last]
    left = cov[np.ix_(rest, rest)] - np.outer(turn, cov[rest, last])
    left[np.diag_indices(2)] = np.maximum(np.diagonal(left), 1e-14 * np.diagonal(cov)[rest])
    low, high = max(0.0, mean[last] - _REACH * std[last]), mean[last] + _REACH * std[last]
    if high <= 0:
        return 0.0

    def integrand(x):
        x = np.asarray(x)
        unit = (x - mean[last]) / std[last]
        density = np.exp(-(unit**2) / 2) / (std[last] * np.sqrt(2 * np.pi))
        return density * _pair(mean[rest] + (x[..., None] - mean[last]) * turn, left)

    share = np.sqrt(np.diagonal(left) / np.diagonal(cov)[rest])
    bound = abs(left[0, 1]) / np.sqrt(left[0, 0] * left[1, 1])
    if share.min() > 0.2 and bound < 0.98:
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        edges = np.linspace(low, high, _PANELS + 1)
        half = np.diff(edges) / 2
        x = (edges[:-1] + half)[:, None] + half[:, None] * nodes
        return float(np.sum(integrand(x) * weights * half[:, None]))
    found = scipy.integrate.quad(
        lambda x: float(integrand(x)), low, high, epsabs=1e-13, epsrel=1e-11, limit=500
    )
    return float(found[0])


def _many(mean: np.ndarray, cov: np.ndarray) -> float:
    """Genz's transformation to a cube, over randomised Sobol points: an estimate, about 1e-5."""
    std = np.sqrt(np.diagonal(cov))
    order = np.argsort(mean / std)
    cov = cov[np.ix_(order, order)]
    root = np.linalg.cholesky(cov + _JITTER * np.diag(np.diagonal(cov)))
    centre = mean[order]
    points = [ndtr(sobol_normal(len(mean) - 1, seed)) for seed in randomisations()]
    unit = np.concatenate(points)
    y = np.zeros((len(unit), len(mean)))
    value = np.ones(len(unit))
    for i in range(len(mean)):
        shift = (centre[i] + y[:, :i] @ root[i, :i]) / root[i, i]
        share = ndtr(shift)
        value = value * share
        if i < len(mean) - 1:  # of the part above -shift
            y[:, i] = -scipy.special.ndtri(np.clip(unit[:, i] * share, 1e-300, 1 - 1e-16))
    return float(np.mean(value))


class _Orthant:
    """`orthant` and its derivatives in the mean, by how often each entry is differentiated."""

    def __init__(self, mean: np.ndarray, cov: np.ndarray):
        self.mean, self.cov = mean, cov
        self.kept: dict[tuple[int, ...], float] = {}

    def __call__(self, orders: tuple[int, ...]) -> float:
        if orders not in self.kept:
            self.kept[orders] = self._value(orders)
        return self.kept[orders]

    def _value(self, orders: tuple[int, ...]) -> float:
        support = np.flatnonzero(orders).tolist()
        if max(orders, default=0) <= 1:
            return self._mixed(support)
        top = int(np.argmax(orders))
        return self._raised(_changed(orders, top, -1))[top]

    def _raised(self, orders: tuple[int, ...]) -> dict[int, float]:
        """All of the derivatives that have one order more in an entry of the support."""
        support = np.flatnonzero(orders).tolist()
        others = [j for j in range(len(orders)) if not orders[j]]
        right = []
        for i in support:
            value = self.mean[i] * self(orders)
            if orders[i] > 1:
                value += (orders[i] - 1) * self(_changed(orders, i, -1))
            value += sum(self.cov[i, j] * self(_changed(orders, j, 1)) for j in others)
            right.append(-value)
        solved = np.linalg.solve(self.cov[support][:, support], right)
        for i, value in zip(support, solved, strict=True):
            self.kept[_changed(orders, i, 1)] = float(value)
        return dict(zip(support, solved.tolist(), strict=True))

    def _mixed(self, support: list[int]) -> float:
        """Density of some entries at 0, times the orthant of the others given that."""
        if not len(support):
            return orthant(self.mean, self.cov)
        rest = np.delete(np.arange(len(self.mean)), support)
        inner = self.cov[support][:, support]
        root = np.linalg.cholesky(inner)
        unit = scipy.linalg.solve_triangular(root, self.mean[support], lower=True)
        log_density = -unit @ unit / 2 - np.sum(np.log(np.diagonal(root)))
        density = np.exp(log_density - len(support) * np.log(2 * np.pi) / 2)
        if not len(rest) or density == 0:
            return float(density)
        turn = np.linalg.solve(inner, self.cov[support][:, rest]).T
        mean = self.mean[rest] - turn @ self.mean[support]
        left = self.cov[np.ix_(rest, rest)] - turn @ self.cov[support][:, rest]
        floor = _JITTER * np.diagonal(self.cov)[rest]
        left[np.diag_indices(len(rest))] = np.maximum(np.diagonal(left), floor)
        return float(density * orthant(mean, left))


def _changed(orders: tuple[int, ...], place: int, by: int) -> tuple[int, ...]:
    return tuple(order + by * (k == place) for k, order in enumerate(orders))


def _derivatives(mean: np.ndarray, cov: np.ndarray, label: int) -> list[np.ndarray]:
    """The probability of being right, and its derivatives in the scores' mean to the fourth."""
    size = len(mean)
    others = [k for k in range(size + 1) if k != label]
    turn = np.zeros((size, size))  # of D in t; class 0 has score 0
    for i, k in enumerate(others):
        if label:
            turn[i, label - 1] += 1.0
        if k:
            turn[i, k - 1] -= 1.0
    shift, spread = turn @ mean, turn @ cov @ turn.T
    top = float(np.max(np.diagonal(spread)))
    if not top > 0:  # a point: ties count one over their number
        best = int(np.sum(shift == 0)) + 1
        value = float(np.all(shift >= 0)) / best
        return [np.asarray(value)] + [np.zeros((size,) * k) for k in range(1, 5)]
    variance = np.maximum(np.diagonal(spread), 1e-30 * top)
    spread = spread + np.diag(variance - np.diagonal(spread))
    unit = np.sqrt(variance)
    if np.linalg.eigvalsh(spread / np.outer(unit, unit))[0] < _TIED:
        spread = spread + _JITTER * np.diag(variance)
    table = _Orthant(shift, spread)
    found = []
    for order in range(5):
        each = [table(orders) for orders in _counts(size, order)]
        values = np.asarray(np.array(each)[places(size, order)])
        for axis in range(order):
            values = np.moveaxis(np.tensordot(values, turn, (axis, 0)), -1, axis)
        found.append(values)
    return found


@lru_cache(maxsize=32)
def _counts(size: int, order: int) -> list[tuple[int, ...]]:
    """How often each score stands in the `entries` of a tensor."""
    return [tuple(map(index.count, range(size))) for index in entries(size, order)]


def error_rates(theta: np.ndarray, parts: Components) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Error rates of laws with their gradients and Hessians in ``Theta``.

    Statement (exact to three scores; beyond by randomised Sobol points): with ``F`` the probability
    of being right as a function of the scores' mean and covariance, its derivatives in ``m`` enter
    as those of any function of the scores do,

        grad_k = F_k M + sum_l F_kl C_l,
        Hess_kl = F_kl (M M' + S) + sum_m F_klm (M C_m' + C_m M') + sum_mn F_klmn C_m C_n',

    ``M = (1, mu)``, ``C_k = (0, S w_k)``. Where the differences of scores are bound to each other,
    as in fewer features than scores, each gets 1e-11 of its variance in addition.

    Args:
        theta: ``[C, p]``; parts: the laws' components.

    Returns:
        ``[g]``, ``[g, C p]``, ``[g, C p, C p]``.
    """
    scores = scores_at(theta, parts)
    size, width = theta.shape
    values = np.zeros(len(parts.weights))
    slopes = np.zeros((len(values), size, width))
    bends = np.zeros((len(values), size, width, size, width))
    for c, label in enumerate(parts.labels):
        right = _derivatives(scores.mean[c], scores.cov[c], int(label))
        values[c] = 1.0 - right[0]
        slopes[c], bends[c] = _in_parameters(right, scores, parts.covs[c], c)
    flat = bends.reshape(len(values), size * width, size * width)
    return (
        parts.totals(values),
        -parts.totals(slopes.reshape(len(values), -1)),
        -parts.totals(flat),
    )


def _in_parameters(right, scores: Scores, cov, c: int):
    _, first, second, third, fourth = right
    place, along = scores.location[c], scores.direction[c]
    slope = first[:, None] * place + second @ along
    outer = np.outer(place, place)
    outer[1:, 1:] += cov
    cross = np.einsum("klm,p,mq->kplq", third, place, along)
    bend = np.einsum("kl,pq->kplq", second, outer) + cross + np.swapaxes(cross, 1, 3)
    return slope, bend + np.einsum("klmn,mp,nq->kplq", fourth, along, along)
