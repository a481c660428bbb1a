"""Theorem S1 for more than two classes: the global law in the weight and the synthetic size.

Theorem K2 is affine in ``1 / N`` as theorem R is, so the law is `theory.scaling.global_law` with
this theorem's two numbers at each weight: the excess without end of synthetic samples, and what the
noise of one sample a group adds to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from synthetic_oversampling.theory.generators.seed_masses import SeedMasses, sorted_masses
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.multiclass.fitted import Fit, fit_of
from synthetic_oversampling.theory.multiclass.moments import minimise, moments, moments_slopes
from synthetic_oversampling.theory.multiclass.population import Population, population
from synthetic_oversampling.theory.multiclass.predict import at_point
from synthetic_oversampling.theory.multiclass.scores import grids_for, scores_at
from synthetic_oversampling.theory.multiclass.seeds import Seeds
from synthetic_oversampling.theory.population.design import Design, sizes_of
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.threads import OneThread
from synthetic_oversampling.theory.prediction.excess_risk import inverses
from synthetic_oversampling.theory.prediction.influence import score_cov_weights
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw, global_law
from synthetic_oversampling.theory.scaling.moments import levelled_masses, small_bias_law
from synthetic_oversampling.theory.scaling.scaling_law import ScalingLaw

__all__ = ["multiclass_law_of_design"]

_TOLERANCE = 1e-7  # relative to the excess without augmentation
_SEED = 0  # of Sobol points, the same at every weight: the law is smooth in it


@OneThread()
def multiclass_law_of_design(
    groups: Sequence[GaussianGroup],
    sizes: Sequence[int],
    generator: Generator | Sequence[Generator],
) -> GlobalLaw:
    """How much synthetic data, with what weight, for any number of classes (S1 on theorem K2).

    Statement (exact on theorem K2's full form): the excess risk that `theory.predict_multiclass`
    says is ``a(alpha) + s(alpha) / N``; see `theory.law_of_design`, whose law two classes give.

    Args:
        groups: ``G`` groups of dimension ``d``, labelled 0 to K - 1.
        sizes: real samples per group, levelled by synthetic samples.
        generator: one for all groups, or one per group.

    Returns:
        A `theory.GlobalLaw`.

    Raises:
        ValueError: as `theory.predict_multiclass`; if at some weight there is no finite minimiser;
            or if the excess bends too sharply in the weight.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([float(y)], [[1.0]], y) for y in range(3)]
        >>> law = multiclass_law_of_design(groups, (300, 100, 100), Oracle())
        >>> law.floor, round(law.crossover, 6)  # as good as real: N counts with n_max
        (0.0, 300.0)
    """
    every = Design(sizes_of(sizes), 1, 1.0)  # all groups' synthetic laws are needed
    pieces = population(groups, every, generator)
    balanced = np.full(pieces.size, 1.0 / pieces.size)
    star_shares = pieces.gathered(pieces.shares(balanced, 0.0 * balanced))[0]
    star = minimise(star_shares, pieces.parts, pieces.classes, _SEED)
    grids = grids_for(scores_at(star, pieces.parts), pieces.parts.weights, seed=_SEED)
    least = float(star_shares @ moments(star, pieces.parts, grids).risk)

    def along(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        masses = levelled_masses(weights, every.sizes)
        rows = zip(masses.real, masses.synthetic, masses.noise, strict=True)
        found = [_two_numbers(pieces, every.sizes, least, *row) for row in rows]
        limit, noise = np.array(found).T
        return limit, noise

    return global_law(along, partial(_hyperbola, pieces, every, star), tolerance=_TOLERANCE)


def _two_numbers(
    pieces: Population, sizes, least: float, real, synthetic, noise
) -> tuple[float, float]:
    """The excess at a weight, ``N`` infinite, and what a unit of the augmentation's noise adds."""
    masses = sorted_masses(real, synthetic, noise, sizes, pieces.generators_of)
    shares = pieces.gathered(pieces.shares(real, synthetic))
    parts = pieces.parts
    alpha = minimise(shares[1], parts, pieces.classes, _SEED)
    grids = grids_for(scores_at(alpha, parts), parts.weights, seed=_SEED)
    at = moments(alpha, parts, grids)
    (inverse,) = inverses(np.einsum("g,gpq->pq", shares[1], at.hessian)[None])
    seeds = at_point(alpha, pieces, masses, inverse, _SEED)
    slope = shares[0] @ at.score_mean
    hessian = np.einsum("g,gpq->pq", shares[0], at.hessian)
    along = inverse @ slope

    weights = pieces.gathered(np.asarray(score_cov_weights(masses, masses.families)))
    unit = pieces.gathered(np.repeat([0.0, 1.0 / pieces.size**2], pieces.size))
    every = [
        inverse @ (np.einsum("g,gpq->pq", weight, at.score_cov) + added) @ inverse
        for weight, added in ((weights, seeds.noise), (unit, 0.0))
    ]
    forms = [
        ((-shares[1], cov), (weight, inverse))
        for cov, weight in zip(every, (weights, unit), strict=True)
    ]
    turns = moments_slopes(alpha, parts, at, forms, grids)
    limit, noise = (
        float(np.sum(hessian * cov) + turn @ along) / 2
        for cov, turn in zip(every, turns, strict=True)
    )
    limit += float(shares[0] @ at.risk) - least
    limit += float(along @ (np.asarray(seeds.slope) / 2 - seeds.drift))
    return limit, noise


def _hyperbola(pieces: Population, every: Design, star: np.ndarray) -> ScalingLaw:
    """The law of small biases, from the moments of both parts at the balanced optimum."""
    count, ratios = pieces.size, every.ratios
    none, ones = np.zeros(count), np.ones(count)
    weights = ((ones, none), (none, 1.0 - ratios), (none, ones))
    masses = [sorted_masses(*w, none, every.sizes, pieces.generators_of) for w in weights]
    at = moments(star, pieces.parts)
    real, drawn = pieces.place[:count], pieces.place[count:]
    seeds = _seed_covs(pieces, star, masses, at.score_cov[real])
    return small_bias_law(
        np.linalg.inv(np.mean(at.hessian[real], axis=0)),
        at.score_mean[drawn] - at.score_mean[real],
        seeds,
        at.score_cov[drawn],
        ratios,
        np.asarray(every.sizes, float),
        every.n_max,
        count,
    )


def _seed_covs(pieces: Population, star, masses: list[SeedMasses], score_cov) -> np.ndarray:
    families = {name for one in masses for name in one.families}
    if not families:
        scores = np.stack([one.score for one in masses])
        return np.einsum("ig,jg,gpq->ijgpq", scores, scores, score_cov)
    fits: list[Fit] = []
    if "gaussian" in families:
        fits = [fit_of(star, law, _SEED) for law in pieces.generators]
    seeds = Seeds(
        star,
        pieces.groups,
        fits,
        interpolates="interpolation" in families,
        further=False,
        seed=_SEED,
    )
    each = [seeds.contribution(one) for one in masses]
    return np.array([[seeds.covs(left, right) for right in each] for left in each])
