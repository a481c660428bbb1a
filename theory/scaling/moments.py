"""Theorem S1 from theorem R's pieces: the scaling law of any generator on any Gaussian groups.

`law_of_design` makes the global law (`theory.scaling.global_law`) from theorem R at the pseudo-true
points of a few weights. The rest is its special case for small biases: at the balanced optimum the
empirical gradient of a design is ``(1 - alpha) U + alpha (W + xi_N)``: ``U`` the oversampling part
(real samples and their synthetic complement), ``W`` what the augmentation part would be with
infinitely many samples, ``xi_N`` its sampling noise. Every seed enters both ``U``, by its own
score, and whatever a generator fitted on it draws, so their means and covariances come from the
bias gradients of theorem B2 and the seed influences of theorem R2. In the metric of the inverse
Hessian their second moments are the ``A``, ``C``, ``D`` and ``S`` of S1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.seed_masses import SeedMasses, sorted_masses
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.inputs import per_group
from synthetic_oversampling.theory.population.design import Design, sizes_of
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.population.minimum import minimiser
from synthetic_oversampling.theory.population.moments import moments
from synthetic_oversampling.theory.prediction.bias import Population, population
from synthetic_oversampling.theory.prediction.excess_risk import Expansion
from synthetic_oversampling.theory.prediction.influence import seed_covs
from synthetic_oversampling.theory.prediction.validity import (
    JUDGED_WEIGHTS,
    Point,
    validity_along,
    warn,
)
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw, global_law
from synthetic_oversampling.theory.scaling.scaling_law import ScalingLaw, scaling_law
from synthetic_oversampling.theory.scaling.weight_path import Masses, excess_along
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = [
    "ScalingMoments",
    "hyperbola_of_design",
    "law_of_design",
    "levelled_masses",
    "scaling_moments",
    "small_bias_law",
]


class ScalingMoments(NamedTuple):
    """Means and covariances of the two parts of a design's gradient at the balanced optimum.

    NumPy arrays but for the point, which is ready for `theory.population.groups`.

    Attributes:
        theta_star: balanced optimum ``[p]``; hessian: ``H`` there ``[p, p]``.
        over_mean, aug_mean: means of ``U`` and ``W`` (their generator bias) ``[p]``.
        over_cov, cross_cov, aug_cov: ``Cov(U)``, ``Cov(U, W)``, ``Cov(W)`` ``[p, p]``.
        fresh_cov: covariance of ``xi_1``; that of ``xi_N`` is an ``N``-th of it ``[p, p]``.
        law: the hyperbola, from the formulas S1.A to S1.S.
    """

    theta_star: Array
    hessian: np.ndarray
    over_mean: np.ndarray
    aug_mean: np.ndarray
    over_cov: np.ndarray
    cross_cov: np.ndarray
    aug_cov: np.ndarray
    fresh_cov: np.ndarray
    law: ScalingLaw


_seed_covs = quick_jit(seed_covs, static_argnames=("families", "loss"))


def _seeds(theta, pieces: Population, score_cov, parts, families, loss) -> np.ndarray:
    """Covariances of what a seed adds to the parts; compiled only if a generator is fitted."""
    if families:
        return jax.device_get(
            _seed_covs(theta, pieces.real, pieces.synthetic, parts, families, loss)
        )
    stacked = np.stack([part.score for part in parts])
    return np.einsum("ig,jg,gpq->ijgpq", stacked, stacked, score_cov)


def scaling_moments(
    groups: Sequence[GaussianGroup],
    sizes: Sequence[int],
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
    *,
    levelled: bool = True,
) -> ScalingMoments:
    """The two parts of a design's gradient, and the hyperbola they make (S1's second part).

    Statement (exact algebra on R1 and R2, for every weight and size at once): half the
    ``H^{-1}``-weighted second moment of ``(1 - alpha) U + alpha (W + xi_N)`` is theorem R's excess
    risk for a small bias with a small Hessian. Attribute ``law`` says the same through the proved
    formulas of S1.

    Args:
        groups: ``G`` groups of dimension ``d``, both labels present.
        sizes: real samples per group.
        generator: one for all groups, or one per group; its law must be known in closed form
            (for one that is not: `theory.scaling.measured.measured_law`).
        loss: `LOGISTIC` or `SQUARED`.
        levelled: by synthetic samples, ``m_g = n_max - n_g``; otherwise by weights of the real
            ones, ``m_g = 0``: ``U`` is then the mean over groups of their mean scores.

    Raises:
        ValueError: for invalid or mismatched input, too few seeds, or a generator without a
            closed-form law.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> parts = scaling_moments(groups, (300, 100), Oracle())
        >>> inverse = np.linalg.inv(parts.hessian)
        >>> float(np.sum(inverse * parts.fresh_cov) / parts.law.S).__round__(12)
        1.0
    """
    every, generators, pieces, theta_star = _setting(groups, sizes, generator, loss)
    return _moments(every, generators, pieces, theta_star, loss, levelled)


def _setting(groups, sizes, generator, loss: Loss):
    every = Design(sizes_of(sizes), 1, 1.0)  # all groups' synthetic laws are needed
    pieces = population(groups, every, generator)
    return every, per_group(generator, len(groups)), pieces, minimiser(pieces.balanced, loss)


def _moments(
    every: Design, generators, pieces: Population, theta_star, loss: Loss, levelled: bool
) -> ScalingMoments:
    count = every.num_groups
    ratios = every.ratios if levelled else np.ones(count)
    none, ones = np.zeros(count), np.ones(count)
    weights = ((ones, none), (none, 1.0 - ratios), (none, ones))
    parts = tuple(sorted_masses(*weight, none, every.sizes, generators) for weight in weights)
    families = _families(parts)
    point = np.asarray(theta_star)
    real, drawn = (moments(point, laws, loss) for laws in (pieces.real, pieces.synthetic))
    seeds = _seeds(point, pieces, real.score_cov, parts, families, loss)
    hessian, bias = np.mean(real.hessian, axis=0), drawn.score_mean - real.score_mean
    rest = (seeds, drawn.score_cov, ratios, np.asarray(every.sizes, float), every.n_max, count)
    over_cov, cross_cov, aug_cov, fresh_cov = _covariances(*rest)
    return ScalingMoments(
        theta_star=theta_star,
        hessian=hessian,
        over_mean=(1 - ratios) @ bias / count,
        aug_mean=np.sum(bias, axis=0) / count,
        over_cov=over_cov,
        cross_cov=cross_cov,
        aug_cov=aug_cov,
        fresh_cov=fresh_cov,
        law=small_bias_law(np.linalg.inv(hessian), bias, *rest),
    )


def _families(parts: Sequence[SeedMasses]) -> tuple[str, ...]:
    found = [part.families for part in parts]
    return tuple(name for name in ("gaussian", "interpolation") if any(name in f for f in found))


def _covariances(seeds, drawn, rho, size, n_max: int, count: int):
    """``Cov(U)``, ``Cov(U, W)``, ``Cov(W)`` and ``Cov(xi_1)``, summed over independent groups."""

    def total(weight, matrices):
        return np.einsum("g,gpq->pq", weight, matrices) / count**2

    score, over, aug = range(3)
    one = 1.0 / size
    cross = total(rho * one, seeds[score, over])
    level = total(rho**2 * one, seeds[score, score]) + cross + cross.T
    level = level + total(one, seeds[over, over]) + total((1 - rho) / n_max, drawn)
    both = total(rho * one, seeds[score, aug]) + total(one, seeds[over, aug])
    return level, both, total(one, seeds[aug, aug]), total(np.ones_like(rho), drawn)


def small_bias_law(inverse, bias, seeds, drawn, rho, size, n_max: int, count: int) -> ScalingLaw:
    """The hyperbola of S1 from the pieces of its moments, by the formulas S1.A to S1.S.

    Args:
        inverse: of the balanced Hessian ``[p, p]``; bias: of the groups' generators ``[G, p]``.
        seeds: covariances of a seed's score, oversampling and augmentation parts
            ``[3, 3, G, p, p]``; drawn: of a synthetic sample's score ``[G, p, p]``.
        rho, size: ratios and sizes ``[G]``; n_max: largest size; count: ``G``.
    """

    def trace(matrices):
        return np.einsum("pq,gpq->g", inverse, matrices)

    score, over, aug = range(3)
    values = {
        "G": count,
        "n_max": float(n_max),
        "ratio": rho,
        "size": size,
        "bias_product": bias @ inverse @ bias.T,
        "trace_score": trace(seeds[score, score]),
        "trace_score_over": trace(seeds[score, over]),
        "trace_score_aug": trace(seeds[score, aug]),
        "trace_over": trace(seeds[over, over]),
        "trace_over_aug": trace(seeds[over, aug]),
        "trace_aug": trace(seeds[aug, aug]),
        "trace_syn": trace(drawn),
    }

    def value(name: str) -> float:
        formula = FORMULAS[f"S1.{name}"]
        found = formula.numpy(**{argument: values[argument] for argument in formula.arguments})
        # a second moment, of which rounding may leave less than 0
        return float(found) if name == "C" else max(float(found), 0.0)

    return scaling_law(*(value(name) for name in "ACDS"))


def hyperbola_of_design(
    groups: Sequence[GaussianGroup],
    sizes: Sequence[int],
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
    *,
    levelled: bool = True,
) -> ScalingLaw:
    """The law of small biases of a generator at given sizes: a hyperbola (S1's second part).

    Statement (S1; exact algebra on theorem R for generator biases of the order of the sampling
    noise *and* a small Hessian of the bias): see `theory.scaling.scaling_law`. `law_of_design`
    needs neither, and says how far this one is off.

    Args:
        groups, sizes, generator, loss, levelled: as for `scaling_moments`.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> law = hyperbola_of_design(groups, (300, 100), Oracle())
        >>> float(law.floor), round(float(law.crossover), 6)  # as good as real: N counts with n_max
        (0.0, 300.0)
    """
    return scaling_moments(groups, sizes, generator, loss, levelled=levelled).law


def law_of_design(
    groups: Sequence[GaussianGroup],
    sizes: Sequence[int],
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
    *,
    levelled: bool = True,
) -> GlobalLaw:
    """How much synthetic data, with what weight: the global law of a generator at given sizes.

    Statement (S1; exact on theorem R's full form, for biases of any size): the excess risk that
    `theory.predict` says is ``a(alpha) + s(alpha) / N``; see `theory.scaling.global_law`. Best
    weights are in [0, 1].

    Args:
        groups, sizes, generator, loss: as for `scaling_moments`.
        levelled: by synthetic samples, as every `Design` is; otherwise real samples are weighted so
            that groups count equally (``m_g = 0``), and weight 0 is class weighting.

    Returns:
        A `GlobalLaw`: ``excess(alpha, N)``, ``best_weight(N)``, ``best_excess(N)``,
        ``best_slope(N)``, ``floor``, ``crossover``, ``harmful_weight(N)``,
        ``break_even_size(alpha)``, ``optimal_size(price)``, and ``distance_to_hyperbola``;
        ``validity`` says whether it is to be relied on.

    Warns:
        Unreliable: once for each cause, where ``validity`` is not "reliable".

    Raises:
        ValueError: as `scaling_moments`; if at some weight there is no finite minimiser; or if the
            excess bends too sharply in the weight.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> law = law_of_design(groups, (300, 100), Oracle())
        >>> law.floor, round(law.crossover, 6)  # as good as real: N counts with n_max
        (0.0, 300.0)
        >>> round(float(law.best_weight(100)), 6)
        0.25
    """
    every, generators, pieces, theta_star = _setting(groups, sizes, generator, loss)
    moved, star = _centred(pieces, theta_star)

    def sort(real, synthetic, noise) -> SeedMasses:
        return sorted_masses(real, synthetic, noise, every.sizes, generators)

    judged: dict[float, Point] = {}

    def along(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        masses = (levelled_masses if levelled else _weighted)(weights, every.sizes)
        path = excess_along(masses, star, moved, sort, loss)
        for weight in JUDGED_WEIGHTS:
            place = int(np.argmin(np.abs(weights - weight)))
            if abs(weights[place] - weight) < 1e-12:
                parts = Expansion(
                    bias=path.bias[place],
                    variance=path.variance[place],
                    cox_snell=path.cox_snell[place],
                    std=np.nan,
                )
                judged[weight] = Point(star, path.logit_noise[place], parts)
        return path.limit, path.fresh

    law = global_law(
        along, lambda: _moments(every, generators, pieces, theta_star, loss, levelled).law
    )
    verdict = validity_along(judged, groups, every.sizes, generator, loss, levelled=levelled)
    warn(verdict)
    return dataclasses.replace(law, validity=verdict)


def _centred(pieces: Population, theta) -> tuple[Population, np.ndarray]:
    """Laws and a point in features whose balanced mean is 0: the same risks, with more digits."""
    law, point = pieces.balanced, np.array(theta)
    centre = law.weights @ law.means / law.weights.sum()
    point[0] += centre @ point[1:]
    names = ("real", "synthetic", "laws", "balanced", "target")
    laws = {name: getattr(pieces, name) for name in names}
    moved = {name: law._replace(means=law.means - centre) for name, law in laws.items()}
    return pieces._replace(**moved), point


def levelled_masses(weights: np.ndarray, sizes: tuple[int, ...]) -> Masses:
    """Masses of levelled designs: affine in the weight, their noise a square.

    Args:
        weights: of the augmentation part ``[k]``; sizes: real samples per group.
    """
    none, left = Design(sizes), 1.0 - weights[:, None]
    real, synthetic = left * none.real_mass, left * none.oversampling_mass
    return Masses(real, synthetic + weights[:, None] / len(sizes), left**2 * none.synthetic_noise)


def _weighted(weights: np.ndarray, sizes: tuple[int, ...]) -> Masses:
    synthetic = np.repeat(weights[:, None] / len(sizes), len(sizes), axis=1)
    return Masses(1.0 / len(sizes) - synthetic, synthetic, np.zeros_like(synthetic))
