"""Bounds that hold for any bias: on the excess risk (R6) and on what a score can be moved by (T4).

R6 (bound): the excess risk of the pseudo-true point is at most ``|grad B(theta_alpha)|^2 / (2 mu)``
for any ``mu`` below the eigenvalues of the Hessian of the balanced risk on the segment from the
balanced optimum to ``theta_alpha``: ``grad R_bal(theta_alpha) = -grad B(theta_alpha)``, and a
function whose curvature towards ``theta*`` is at least ``mu`` falls by no more.

The least eigenvalue on a grid of the segment is above the least one on the segment. Here it is
certified: along the segment ``f(t) = u' Hess R_bal u`` has ``f'' <= c E[(delta . xbar)^2
(u . xbar)^2]``, with ``c`` the largest fourth derivative of the loss, so that between two points of
a grid of step ``h`` it lies above its chord minus ``h^2 / 8`` times that moment, which is closed.
The step is halved until this costs less than a stated share.

T4 (bound): variance proxies of the score of a group that are certified from above, and the chain
from divergences to excess risk with the bias bounded at ``theta_alpha``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import Point, finite_point
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, law_of
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED, Loss, require_loss
from synthetic_oversampling.theory.population.minimum import minimisers
from synthetic_oversampling.theory.population.moments import (
    margin_means,
    moments_from,
    second_moment,
)
from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.prediction.bias import population
from synthetic_oversampling.theory.ranges import require_range
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = [
    "FidelityBound",
    "PopulationBound",
    "fidelity_bound",
    "intercept_var_proxy",
    "local_bound",
    "population_bound",
    "score_var_proxy",
]

_FOURTH = {LOGISTIC: 1 / 24, SQUARED: 0.0}  # largest fourth derivative: s - 6 s^2 at s = 1 / 12
_COST = 0.02  # share of the least eigenvalue that certifying it may cost
_MOST = 1 << 12  # intervals of the segment
_TOGETHER = 128  # points whose Hessians are in memory at once


def local_bound(
    bias_gradient: Float[np.ndarray, " p"],
    gradient_cov: Float[np.ndarray, "p p"],
    hessian: Float[np.ndarray, "p p"],
    target: Float[np.ndarray, "p p"],
) -> float:
    """Bound on R1's form at a small bias from the size of the bias alone (R6).

    Statement (bound): ``b' A^{-1} H A^{-1} b`` is at most ``|b|^2 lambda_max(H) /
    lambda_min(A)^2``; the noise part stays as it is.

    Args:
        bias_gradient: ``b = grad B(theta*)``.
        gradient_cov: ``V`` at ``theta*``.
        hessian: ``H`` of the balanced risk at ``theta*``.
        target: ``A = H + Hess B(theta*)``.

    Returns:
        Nats.

    Example:
        >>> round(local_bound(np.array([0.3, 0.4]), np.zeros((2, 2)), np.eye(2), np.eye(2)), 6)
        0.125
    """
    values = {"H": hessian, "A_star": target, "V": gradient_cov}
    values["square_bias"] = bias_gradient @ bias_gradient
    values["lambda_max"] = np.linalg.eigvalsh(hessian)[-1]
    values["lambda_target"] = np.linalg.eigvalsh(target)[0]
    return float(FORMULAS["R6.local_bound"].numpy(**values))


class PopulationBound(NamedTuple):
    """R6 for any bias: how far the pseudo-true point can be from the balanced optimum in risk.

    Attributes:
        bound: on ``R_bal(theta_alpha) - R_bal(theta*)``, nats.
        trivial: what that never exceeds for this design, whatever the generator; infinite where a
            group has no real weight. A bound above it says nothing.
        gradient: ``|grad B(theta_alpha)|``.
        curvature: ``mu``, certified below every eigenvalue on the segment; 0, and the bound
            infinite, where a bias is so large that the curvature cannot be told from 0.
        least: smallest eigenvalue on the grid, between ``curvature`` and which the true one lies.
        intervals: of the grid.
    """

    bound: float
    trivial: float
    gradient: float
    curvature: float
    least: float
    intervals: int

    @property
    def vacuous(self) -> bool:
        """Whether the bound says no more than the trivial one."""
        return self.bound >= self.trivial


def _ends(groups, design: Design, generator, loss: Loss):
    """The population, the balanced optimum and the pseudo-true point."""
    pieces = population(groups, design, generator)
    weights = np.stack([pieces.balanced.weights, pieces.target.weights])
    return pieces, *map(np.asarray, minimisers(weights, pieces.target, loss))


def _balanced(points: np.ndarray, real: Law, loss: Loss):
    """Gradients ``[t, p]`` and Hessians ``[t, p, p]`` of the balanced risk."""
    found = moments_from(margin_means(points, real, loss), real)
    return found.score_mean.mean(axis=1), found.hessian.mean(axis=1)


def _bend(move: np.ndarray, real: Law) -> float:
    """Largest eigenvalue of the balanced ``E[(delta . xbar)^2 xbar xbar']``, in closed form."""
    slope = move[1:]
    along = np.einsum("gkij,j->gki", real.covs, slope)
    mean, var = move[0] + real.means @ slope, along @ slope
    e = np.stack([mean**2 + var, 2 * mean, np.full_like(mean, 2.0)]) * real.weights
    plain = real._replace(signs=np.ones_like(real.signs))  # of the score, not of the margin
    direction = np.concatenate([np.zeros_like(along[..., :1]), along], axis=-1)
    each = np.asarray(second_moment(plain, direction, e))
    return float(np.linalg.eigvalsh(each.mean(axis=0))[-1])


def _least_curvature(start, end, real: Law, loss: Loss) -> tuple[float, float, int]:
    """Certified and smallest seen eigenvalue on a segment, and the intervals that it took."""
    bend = _FOURTH[loss] * _bend(end - start, real)
    intervals = 8
    while True:
        share = np.linspace(0.0, 1.0, intervals + 1)[:, None]
        least = min(
            float(np.linalg.eigvalsh(_balanced(start + part * (end - start), real, loss)[1]).min())
            for part in np.array_split(share, -(-len(share) // _TOGETHER))
        )
        certified = least - bend / (8 * intervals**2)
        if certified >= (1 - _COST) * least or intervals >= _MOST:
            return max(certified, 0.0), least, intervals
        intervals *= 2


def population_bound(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
) -> PopulationBound:
    """Bound on the excess risk of the pseudo-true point, at any bias (R6).

    Statement (bound): ``|grad B(theta_alpha)|^2 / (2 mu)``, ``mu`` certified on the segment from
    ``theta*`` to ``theta_alpha``, up to the rounding of one-dimensional integrals.

    Args:
        groups, design, generator, loss: as for `theory.prediction.bias.predict_bias`.

    Returns:
        A `PopulationBound`.

    Raises:
        ValueError: as `theory.prediction.bias.predict_bias`.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Scaled
        >>> groups = [GaussianGroup([0.4], [[0.8]], 1), GaussianGroup([-1.1], [[1.7]], 0)]
        >>> found = population_bound(groups, Design((1500, 250), 600, 0.45), Scaled(0.7))
        >>> round(found.bound, 5), round(found.curvature, 4), found.vacuous
        (0.01019, 0.0868, False)
    """
    require_float64("theory.prediction.bounds.population_bound")
    require_loss(loss)
    pieces, star, alpha = _ends(groups, design, generator, loss)
    gradient = float(np.linalg.norm(_balanced(alpha[None], pieces.real, loss)[0]))
    certified, least, intervals = _least_curvature(star, alpha, pieces.real, loss)
    values = {"square_bias_alpha": gradient**2, "curvature_path": certified}
    bound = float(FORMULAS["R6.population_bound"].numpy(**values)) if certified > 0 else math.inf
    trivial = _trivial(np.asarray(pieces.real_mass), star, pieces.real, loss)
    return PopulationBound(
        bound=bound,
        trivial=trivial,
        gradient=gradient,
        curvature=certified,
        least=least,
        intervals=intervals,
    )


def _trivial(real_mass: np.ndarray, star: np.ndarray, real: Law, loss: Loss) -> float:
    """The target's risk at its minimiser is below its risk at 0, and so is its real part."""
    if np.min(real_mass) <= 0:
        return math.inf
    found = moments_from(margin_means(star[None], real, loss), real)
    most = float(loss.value(np.zeros(1))[0]) / (len(real_mass) * float(np.min(real_mass)))
    return most - float(found.risk[0].mean())


# --- T4: how far a score can be moved ---------------------------------------------------------
_STEP = 1e-2  # of the margins at which a Lipschitz constant is searched
_REACH = 40.0  # margin beyond which the logistic slope is below rounding
_RATIO = 1.002  # of neighbouring multipliers


def score_var_proxy(theta: Point, group: GaussianGroup | Law) -> float:
    """A variance proxy of the logistic score of a group, along every unit vector, from above (T4).

    Statement (bound): for x ~ N(mu, S), with ``w`` the slopes, ``v = w'Sw`` and ``u`` the margin,
    split x into its part along the score and an independent rest of covariance ``S - S w w'S / v``.
    Given ``u`` the score along a unit vector ``a`` is Gaussian in the rest with a factor of at most
    1, and its mean is a function of ``u`` of slope ``l(u) . a``. Gaussian concentration gives
    the proxy ``sup_u lambda_max(rest + v l(u) l(u)')`` for all multipliers. The supremum over ``u``
    is taken on a grid and raised by what Lipschitz continuity allows between its points. Of a
    mixture: the largest of its components, plus a quarter of the squared distance of their mean
    scores (Hoeffding).

    Args:
        theta: where the score is taken ``[p]``, intercept first.
        group: Gaussian, or a mixture.

    Returns:
        The proxy, in the units of the score squared. At least the features' variance across the
        score, which large multipliers attain.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> round(score_var_proxy([0.1, 1.2], GaussianGroup([0.9], [[1.0]], 1)), 3)
        1.246
    """
    require_float64("theory.prediction.bounds.score_var_proxy")
    law, point = law_of(group), np.asarray(finite_point(theta), float)
    kept = np.asarray(law.weights) > 0
    law = Law(*(np.asarray(part)[kept] for part in law))
    each = [_component_proxy(point, *component) for component in zip(*law[1:], strict=True)]
    alone = Law(*(part[:, None] for part in (np.ones(len(each)), *law[1:])))
    means = moments_from(margin_means(point[None], alone, LOGISTIC), alone).score_mean[0]
    apart = np.linalg.norm(means[:, None] - means[None], axis=-1).max()
    return float(max(each) + apart**2 / 4)


def _component_proxy(theta, mean, cov, sign) -> float:
    size = len(theta)
    rest = np.zeros((size, size))
    rest[1:, 1:] = cov
    along = np.concatenate([[0.0], cov @ theta[1:]])
    var = float(along[1:] @ theta[1:])
    location = np.concatenate([[1.0], mean])
    if var <= 0:  # the score's factor is constant
        return float(np.linalg.eigvalsh(rest)[-1] / (1 + math.exp(sign * location @ theta)) ** 2)
    unit = along / math.sqrt(var)
    rest = rest - np.outer(unit, unit)
    u = np.arange(-_REACH, _REACH + _STEP, _STEP)
    tail = 1.0 / (1.0 + np.exp(u))
    centred = math.sqrt(var) * location - sign * float(sign * location @ theta) * unit
    slope = tail * (1 - tail)  # l(u), times the root of v
    lines = sign * slope[:, None] * centred + (slope * u - tail)[:, None] * unit
    # |l'| at most 0.0963 |centred| + (sup |u s'(u)| + 2 sup s) |unit|, s the logistic slope
    between = (0.0963 * np.linalg.norm(centred) + (0.16 + 0.5) * np.linalg.norm(unit)) * _STEP / 2
    values, vectors = np.linalg.eigh(rest)
    largest = _largest(np.maximum(values, 0.0), lines @ vectors)
    return float((math.sqrt(largest) + between) ** 2)


def _largest(values: np.ndarray, lines: np.ndarray) -> float:
    """Largest eigenvalue of any ``diag(values) + l l'``."""
    return max(
        float(np.linalg.eigvalsh(np.diag(values) + block[:, :, None] * block[:, None])[:, -1].max())
        for block in np.array_split(lines, 16)
    )


def intercept_var_proxy(theta: Point, group: GaussianGroup | Law) -> float:
    """The variance proxy of the score's first entry, certified from above to a few in a thousand.

    Statement (bound): ``2 psi(l) / l^2`` at its largest, ``psi`` the log moment generating function
    of the entry, which lies in an interval of length 1. ``psi`` is convex and least at 0, so that
    between two multipliers it is below its value at the outer one; below the first multiplier the
    tilted variance is at most ``exp(l)`` times the variance, and beyond the last the entry's range
    bounds ``psi``. The largest of all is at most 1/4 (Hoeffding).

    Args:
        theta: where the score is taken ``[p]``, intercept first.
        group: Gaussian, or a mixture.

    Returns:
        The proxy.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> round(intercept_var_proxy([0.1, 1.2], GaussianGroup([0.9], [[1.0]], 1)), 3)
        0.052
    """
    require_float64("theory.prediction.bounds.intercept_var_proxy")
    law, point = law_of(group), np.asarray(finite_point(theta), float)
    z = np.linspace(-10.0, 10.0, 1201)
    mass = np.exp(-(z**2) / 2)
    mass = (np.asarray(law.weights)[:, None] * mass / mass.sum()).ravel()
    mean = np.asarray(law.signs) * (point[0] + np.asarray(law.means) @ point[1:])
    std = np.sqrt(np.maximum(np.asarray(law.covs) @ point[1:] @ point[1:], 0.0))
    entry = np.asarray(law.signs)[:, None] / (1.0 + np.exp(mean[:, None] + std[:, None] * z))
    entry = entry.ravel() - mass @ entry.ravel()
    var = float(mass @ entry**2)
    if var <= 0:
        return 0.0
    first = 1e-3
    last = max(100.0, 4.0 / var)
    grid = first * _RATIO ** np.arange(math.ceil(math.log(last / first) / math.log(_RATIO)) + 1)
    most = max(var * math.exp(first), 2.0 / grid[-1])
    for direction in (entry, -entry):
        top = direction.max()
        for block in np.array_split(grid, max(1, len(grid) // 500)):
            tilted = np.exp(block[:, None] * (direction - top)[None]) @ mass
            psi = np.log(tilted) + block * top
            most = max(most, float(np.max(2 * psi / block**2)) * _RATIO**2)
    return min(most, 0.25)


class FidelityBound(NamedTuple):
    """T4's chain for a design: from divergences to the bias to the excess risk, at any bias.

    Attributes:
        bound: on ``R_bal(theta_alpha) - R_bal(theta*)``, nats; infinite divergence, infinite bound.
        trivial: what that never exceeds; see `PopulationBound`.
        gradient: bound on ``|grad B(theta_alpha)|``.
        var_proxy: of every group's score at ``theta_alpha`` ``[G]``.
        curvature: ``mu`` of the segment from ``theta*`` to ``theta_alpha``.
    """

    bound: float
    trivial: float
    gradient: float
    var_proxy: np.ndarray
    curvature: float

    @property
    def vacuous(self) -> bool:
        """Whether the bound says no more than the trivial one."""
        return self.bound >= self.trivial


def fidelity_bound(
    kl: Float[np.ndarray, " G"] | Sequence[float | int],
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
) -> FidelityBound:
    """What generators of given divergences can cost, logistic loss, at any bias (T4).

    Statement (bound): ``{(1/G) sum_g c_g sqrt(2 v_g KL_g)}^2 / (2 mu)`` with the proxies ``v_g`` of
    the scores at ``theta_alpha``, where the balanced risk's gradient is minus that of the bias.

    Args:
        kl: KL(Q_g || P_g) of every group's generator, nats.
        groups, design, generator: as for `population_bound`; synthetic designs.

    Returns:
        A `FidelityBound`.

    Raises:
        ValueError: as `population_bound`; for a design without synthetic data.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle, Shifted
        >>> groups = [GaussianGroup([0.4], [[0.8]], 1), GaussianGroup([-1.1], [[1.7]], 0)]
        >>> design = Design((1500, 250), 600, 0.45)
        >>> found = fidelity_bound([0.0, 0.01 / 3.4], groups, design, (Oracle(), Shifted((0.1,))))
        >>> round(found.bound, 4), found.vacuous
        (0.0099, False)
    """
    if design.scheme != "synthetic":
        raise ValueError(
            f"design: got the scheme {design.scheme!r}, expected synthetic samples, whose "
            "divergence is bounded; a reference design has none."
        )
    require_range(least=0, infinite=True, kl=kl)
    found = population_bound(groups, design, generator)
    _, _, alpha = _ends(groups, design, generator, LOGISTIC)
    proxies = np.array([score_var_proxy(alpha, group) for group in groups])
    share = np.asarray(design.synthetic_weights)
    values = {"G": len(groups), "share": share, "group_kl": np.asarray(kl, float)}
    values |= {"group_proxy": proxies, "curvature_path": found.curvature}
    norms = np.sqrt(2 * proxies * np.asarray(kl, float))
    gradient = float(np.dot(np.where(share > 0, share, 0.0), norms)) / len(groups)
    certified = found.curvature > 0 and math.isfinite(gradient)
    bound = float(FORMULAS["T4.excess_bound"].numpy(**values)) if certified else math.inf
    return FidelityBound(
        bound=bound,
        trivial=found.trivial,
        gradient=gradient,
        var_proxy=proxies,
        curvature=found.curvature,
    )
