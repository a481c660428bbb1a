"""Theorem S1's global law from one table: what biases of any size change.

`practice.planner.estimate` has the moments of the law of small biases at the class-weighted fit
``theta``, corrected for their noise, with a posterior and intervals. Where a generator's bias or
its Hessian is not small, that law is off by factors. The rows and the generator's law on them are a
population of their own, on which theorem R's full form is computed as well as its local one: at the
pseudo-true point ``theta_alpha`` of each weight, where ``sum_g (a_g R_g + c_g Rtilde_g)`` is least,

    bias = R_bal(theta_alpha) - R_bal(theta),
    L(V) = tr(H A^{-1} V A^{-1}) / 2 + grad R_bal . A^{-1} grad {tr(A^{-1} V) - tr(M Hess)} / 2,

``H`` the balanced and ``A`` the target's Hessian there, ``M = A^{-1} V A^{-1}`` held fixed as ``A``
is; the second term is Cox and Snell's. The *ratios* of bias, seed noise and draw noise to their
local forms ``|b|^2 / 2`` and ``tr(H^{-1} V) / 2``, which are 1 for small biases, multiply the
corrected moments, their posteriors and their intervals. So what is quadratic in an estimated bias
is corrected for its noise, and what is of higher order is taken as estimated. Ratios are computed
at a few weights and are polynomials between them; the global law follows,

    excess(alpha, N) = a(alpha) + s(alpha) / N.

The second-order bias of fitted covariances (``generator_shift`` of `theory.predict`) needs no term
of its own: the estimate of the bias is unbiased for what the fitted law does on average.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import chebpts2

from synthetic_oversampling.practice.planner.estimate import Real, Synthetic
from synthetic_oversampling.practice.planner.sources import Rows, Source, mean_scores, score_parts
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw, global_law
from synthetic_oversampling.theory.scaling.scaling_law import scaling_law

__all__ = ["Ratios", "best_of", "mixture", "ratios", "table_law"]

_DEGREE = 4
_STEPS = 40  # of Newton's method
_SETTLED = 1e-5  # of scores: a step that is this short leaves its square
_NONE = 1e-12  # of class weighting's excess: a bias that is rounding has no ratio
_STEP = 1e-3  # of scores, along which a derivative is taken


class Ratios(NamedTuple):
    """Global over local form, against the weight: polynomials on [0, 1].

    Attributes:
        bias: of the squared bias; seeds: of what does not fall with ``N``; one: of the noise of
            one augmented sample.
    """

    bias: Callable
    seeds: Callable
    one: Callable


def mixture(level: bool, weight: float) -> np.ndarray:
    """Weights of the parts: real rows, levelled rows, added rows ``[3]``."""
    mix = np.zeros(3)
    mix[1 if level else 0], mix[2] = 1.0 - weight, weight
    return mix


def ratios(
    rows: Rows, weight: np.ndarray, real: Real, part: Synthetic, own: Source, *, level: bool
) -> Ratios | None:
    """The ratios of one source's designs; None if at some weight there is no fit.

    Args:
        rows, weight: as for `estimate.real_part`.
        real, part: the estimates at the class-weighted fit.
        own: the source.
        level: designs that level with synthetic rows, or weight the real ones.
    """
    path = _Path(rows, weight, real, own, level)
    node = (chebpts2(_DEGREE + 1) + 1) / 2
    found, theta = np.ones((3, len(node))), real.theta
    for index, alpha in enumerate(node):
        if alpha == 0 and not level:
            continue  # class weighting, where all of it is local
        theta = path.minimiser(float(alpha), theta)
        if theta is None:
            return None
        bias, seeds, one = path.parts(float(alpha), theta)
        mix = mixture(level, float(alpha))
        square = float(np.sum((mix @ part.bias) ** 2))
        drawn = (1 - alpha) ** 2 * part.levelling if level else 0.0
        local = (square, float(mix @ part.seeds @ mix) + drawn, part.one)
        for k, (right, left) in enumerate(zip((bias, seeds, one), local, strict=True)):
            if left > _NONE * real.weighted:
                found[k, index] = 2 * right / left
    if not np.all(np.isfinite(found)):
        return None
    return Ratios(*(Chebyshev.fit(node, values, _DEGREE, [0.0, 1.0]) for values in found))


class _Path:
    """Designs of one source on one table, by weight."""

    def __init__(self, rows: Rows, weight: np.ndarray, real: Real, own: Source, level: bool):
        self.rows, self.weight, self.real, self.own, self.level = rows, weight, real, own, level
        self.sizes = np.bincount(rows.group).astype(float)
        self.per_row = self.sizes[rows.group]
        self.ratio = self.sizes / self.sizes.max() if level else np.ones(rows.count)
        self.swollen = 1.0 / np.sqrt(1.0 - real.leverage)
        self.balanced = weight / (rows.count * self.per_row)
        self.loss = float(self.balanced @ score_parts(rows, real.theta)[0])
        fitted = own.name.startswith("gaussian") or own.name == "table"
        self.spread = np.ones(len(weight)) if fitted else self.swollen  # as `synthetic_part`

    def masses(self, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        """Of the groups' real and synthetic rows."""
        real = (1.0 - alpha) * self.ratio / self.rows.count
        return real, 1.0 / self.rows.count - real

    def _at(self, alpha: float, theta: np.ndarray):
        """Drawn scores, the target's gradient and Hessian, and those of the balanced risk."""
        real, synthetic = self.masses(alpha)
        x, group = self.rows.x, self.rows.group
        drawn = mean_scores(self.own, self.rows, self.weight, theta, synthetic[None])
        _, first, second = score_parts(self.rows, theta)
        share = real[group] * self.weight / self.per_row
        slope = (share * first) @ x + synthetic @ drawn.mean
        hessian = x.T @ ((share * second)[:, None] * x)
        hessian = hessian + np.einsum("g,gpq->pq", synthetic, drawn.hessian)
        return drawn, first, second, slope, hessian

    def minimiser(self, alpha: float, theta: np.ndarray) -> np.ndarray | None:
        """The pseudo-true point, by damped Newton from a near one; None if there is none."""
        for _ in range(_STEPS):
            _, _, _, slope, hessian = self._at(alpha, theta)
            try:
                move = -np.linalg.solve(hessian, slope)
            except np.linalg.LinAlgError:
                return None
            change = np.abs(self.rows.x @ move).max()
            if not np.isfinite(change):
                return None
            theta = theta + move * min(1.0, 2.0 / max(change, 1e-300))
            if change < _SETTLED:
                return theta
        return None

    def _noise(self, alpha: float, theta: np.ndarray):
        """Covariance of the gradient, that of one sample a group, the target's Hessian."""
        drawn, first, second, _, hessian = self._at(alpha, theta)
        real, _ = self.masses(alpha)
        part = (real[self.rows.group] * first * self.swollen)[:, None] * self.rows.x
        part = part + drawn.influence[0] * self.spread[:, None]
        for g in range(self.rows.count):
            index = self.rows.members(g)
            part[index] -= (self.weight[index] / len(index)) @ part[index]
        seeds = part.T @ ((self.weight / self.per_row**2)[:, None] * part)
        count = self.rows.count
        level = (1 - alpha) ** 2 * (1 - self.ratio) / (count**2 * self.sizes.max())
        seeds = seeds + np.einsum("g,gpq->pq", level, drawn.cov)
        return (seeds, drawn.cov.sum(axis=0) / count**2), hessian, first, second

    def parts(self, alpha: float, theta: np.ndarray) -> tuple[float, float, float]:
        """Bias part, ``L(V)`` without end of added rows, and of one added row a group."""
        x = self.rows.x
        loss = float(self.balanced @ score_parts(self.rows, theta)[0])
        noises, hessian, first, second = self._noise(alpha, theta)
        inverse = np.linalg.inv(hessian)
        balanced = x.T @ ((self.balanced * second)[:, None] * x)
        along = inverse @ ((self.balanced * first) @ x)
        reach = np.abs(x @ along).max()
        scale = _STEP / reach if reach > 0 else 0.0
        moved, bent, _, _ = self._noise(alpha, theta + scale * along) if scale else (noises,) * 4
        found = []
        for noise, other in zip(noises, moved, strict=True):
            cov = inverse @ noise @ inverse
            value = np.sum(balanced * cov)
            if scale:
                change = np.sum(inverse * (other - noise)) - np.sum(cov * (bent - hessian))
                value = value + change / scale
            found.append(float(value) / 2)
        return loss - self.loss, *found


def table_law(part: Synthetic, own: Ratios, *, level: bool) -> GlobalLaw:
    """The global law of one source's designs on the table.

    Args:
        part: estimates at the class-weighted fit; own: their ratios; level: as for `ratios`.
    """

    def along(weights: np.ndarray):
        moments = (part.square, part.seeds, part.levelling, part.one)
        return _curves(weights, own, *moments, level)

    return global_law(along, lambda: scaling_law(*(float(v) for v in part.moments(level))))


def _curves(weights, own: Ratios, square, seeds, levelling, one, level: bool):
    """``a`` and ``s / alpha^2`` at weights ``[w]``, of one estimate or of many ``[..., w]``."""
    mix = np.stack([mixture(level, float(weight)) for weight in weights])
    levelling, one = np.asarray(levelling)[..., None], np.asarray(one)[..., None]
    bias = own.bias(weights) * np.einsum("wj,...jk,wk->...w", mix, square, mix)
    noise = np.einsum("wj,...jk,wk->...w", mix, seeds, mix)
    drawn = (1 - weights) ** 2 * levelling if level else 0.0
    return (bias + own.seeds(weights) * (noise + drawn)) / 2, own.one(weights) * one / 2


def best_of(own: Ratios, square, seeds, levelling, one, *, level: bool, size: float, price: float):
    """Best weight at a size, and best size at a price, of many estimates ``[B]`` each.

    Args:
        own: the ratios, which are those of the table in all of them.
        square, seeds: moments of the parts ``[B, 3, 3]``; levelling, one: draws' noise ``[B]``.
        level: as for `ratios`.
        size: ``N``; price: nats of one more row in every group, 0 if sizes are not asked for.
    """
    weights = np.linspace(0.0, 1.0, 201)
    limit, noise = _curves(weights, own, square, seeds, levelling, one, level)
    slope = weights**2 * noise
    best = weights[np.argmin(limit + slope / size, axis=1)]
    if price <= 0:
        return best, np.zeros(len(best))
    cost = np.where(slope > 0, limit + 2 * np.sqrt(price * np.maximum(slope, 0.0)), np.inf)
    place = np.argmin(cost, axis=1)[:, None]
    found = np.sqrt(np.maximum(np.take_along_axis(slope, place, axis=1), 0.0)[:, 0] / price)
    paid = np.take_along_axis(cost, place, axis=1)[:, 0]
    return best, np.where(paid < limit[:, 0], found, 0.0)
