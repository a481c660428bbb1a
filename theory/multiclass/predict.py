"""Theorems B and R for more than two classes: bias and excess risk of a softmax fit.

The same expansion as `theory.prediction.excess_risk`, with the score of the softmax loss in place
of that of the logistic: ``A`` the Hessian of the expected empirical risk at the pseudo-true point,
``V`` the covariance of the empirical gradient,

    E R_bal(thetahat) - R_bal(theta*) = [R_bal(theta_alpha) - R_bal(theta*)]
        + tr(H_bal A^{-1} V A^{-1}) / 2 + grad R_bal(theta_alpha) . E[thetahat - theta_alpha]
        + O(n^{-2}).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.generators.seed_masses import (
    SeedMasses,
    cubed_weights,
    seed_masses,
)
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.multiclass.errors import error_rates
from synthetic_oversampling.theory.multiclass.fitted import (
    Fit,
    centred,
    fit_of,
    second_order,
    second_order_slope,
)
from synthetic_oversampling.theory.multiclass.interpolation import hermite_error
from synthetic_oversampling.theory.multiclass.moments import (
    Moments,
    minimise,
    moments,
    moments_slope,
)
from synthetic_oversampling.theory.multiclass.population import Population, population
from synthetic_oversampling.theory.multiclass.scores import (
    MOST_OF_PART,
    grids_for,
    randomisations,
    scores_at,
)
from synthetic_oversampling.theory.multiclass.seeds import Seeds
from synthetic_oversampling.theory.multiclass.validity import judge_multiclass
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.threads import OneThread
from synthetic_oversampling.theory.prediction.bounds import local_bound
from synthetic_oversampling.theory.prediction.excess_risk import (
    Expansion,
    doubt_of_errors,
    expand,
    inverses,
)
from synthetic_oversampling.theory.prediction.influence import score_cov_weights, single_row_term
from synthetic_oversampling.theory.prediction.validity import NOT_JUDGED, Validity, warn, warn_of
from synthetic_oversampling.theory.prediction.worst_group import expected_maximum

__all__ = ["MulticlassPrediction", "expected_multiclass_risk", "predict_multiclass"]


_EXACT = 1e-9  # relative error that is not worth a word
_ROUGHER = MOST_OF_PART // 4  # nodes by which the error of the most is told


class MulticlassPrediction(NamedTuple):
    """Everything theorem K says about one design; NumPy arrays.

    Parameters are ``Theta`` ``[C, p]``, ``C = K - 1`` scores against class 0, intercepts first;
    where they are in one vector ``[C p]``, score by score.

    Attributes:
        theta_star: balanced optimum ``[C, p]``; theta_alpha: pseudo-true point ``[C, p]``.
        bias_gradient: ``b = grad B(theta*)`` ``[C p]``.
        mean_gradient: expected empirical gradient at ``theta*``, to order 1/n ``[C p]``.
        generator_shift: expected empirical gradient at ``theta_alpha``, to order 1/n ``[C p]``.
        displacement, displacement_linear: ``theta_alpha - theta*`` and ``-A*^{-1} b`` ``[C p]``.
        estimator_bias: ``E[thetahat - theta_alpha]`` to order 1/n ``[C p]``.
        cov: covariance of the estimate ``[C p, C p]``.
        gradient_cov, gradient_cov_star: ``V`` at ``theta_alpha`` and at ``theta*``.
        hessian: ``H`` at ``theta*``; curvature: ``A`` at ``theta_alpha``; target_hessian_star:
            ``A* = H + Hess B(theta*)``.
        excess: balanced excess risk (nats); group_excess: per group ``[G]``; group_error: error
            rates of the largest score, per group ``[G]``.
        local_bias, local_variance: the small-bias form of R1.
        bound: on the local form, from the size of the bias alone (R6).
        error_cov, group_excess_cov: covariances over data sets, to first order ``[G, G]``.
        logit_noise: variance of a score at the estimate, per group, weighted by the loss's
            curvature ``[G]``.
        single_rows: what rows of much weight take from the excess risk beyond its parts, nats.
        integration_error: of `total`: the standard error from randomised Sobol points, and
            estimates of what interpolation's polynomials and grids that are too small leave where
            scores spread far; 0 where the error is below 1e-9 of the largest integrand.
        validity: whether the prediction is to be relied on, and why not.
        groups: those it was made for.
    """

    theta_star: np.ndarray
    theta_alpha: np.ndarray
    bias_gradient: np.ndarray
    mean_gradient: np.ndarray
    generator_shift: np.ndarray
    displacement: np.ndarray
    displacement_linear: np.ndarray
    estimator_bias: np.ndarray
    cov: np.ndarray
    gradient_cov: np.ndarray
    gradient_cov_star: np.ndarray
    hessian: np.ndarray
    curvature: np.ndarray
    target_hessian_star: np.ndarray
    excess: Expansion
    group_excess: Expansion
    group_error: Expansion
    local_bias: AnyArray
    local_variance: AnyArray
    bound: AnyArray
    error_cov: np.ndarray
    group_excess_cov: np.ndarray
    logit_noise: np.ndarray
    single_rows: float = 0.0
    integration_error: float = 0.0
    validity: Validity = NOT_JUDGED
    groups: tuple[GaussianGroup, ...] = ()

    @property
    def total(self) -> AnyArray:
        """Predicted balanced excess risk, nats."""
        return self.excess.total

    @property
    def error_doubt(self) -> str:
        """As of `theory.Prediction`."""
        return doubt_of_errors(self)

    @property
    def balanced_error(self) -> AnyArray:
        """Predicted mean error rate over groups; warns of an `error_doubt`, as all errors do."""
        warn_of(self.error_doubt, "error rates", "error_doubt")
        return np.mean(self.group_error.total)

    @property
    def worst_group_error(self) -> AnyArray:
        """Largest predicted error rate over groups (the maximum of expectations)."""
        warn_of(self.error_doubt, "error rates", "error_doubt")
        return np.max(self.group_error.total)

    @property
    def expected_worst_group_error(self) -> float:
        """Predicted largest error rate over groups (the expectation of the maximum, R5)."""
        warn_of(self.error_doubt, "error rates", "error_doubt")
        return expected_maximum(self.group_error.total, self.error_cov)


class SeedParts(NamedTuple):
    """What seeds of fitted generators add at a point, and whether a grid was too small for it."""

    noise: AnyArray
    drift: AnyArray
    slope: AnyArray
    short: bool = False


def at_point(
    theta: np.ndarray,
    pieces: Population,
    masses: SeedMasses,
    matrix: np.ndarray | None,
    seed: int | None,
    most_of_part: int = MOST_OF_PART,
) -> SeedParts:
    """Noise of the seeds, drift of the mean gradient, and slope of ``tr(matrix noise)``.

    Args:
        theta: ``[C, p]``; pieces: the laws; masses: the design's.
        matrix: held fixed; no slope where it is None.
        seed, most_of_part: as for `grids_for`.
    """
    families = masses.families
    if not families:
        return SeedParts(0.0, np.zeros(theta.size), np.zeros(theta.size))
    fits: list[Fit] = []
    drift = np.zeros(theta.size)
    if "gaussian" in families:
        fits = [fit_of(theta, law, seed, most_of_part) for law in pieces.generators]
        own = [centred(theta, law) for law in pieces.groups]
        drift = second_order_slope(fits, own, masses, theta.shape[1] - 1)
    seeds = Seeds(
        theta,
        pieces.groups,
        fits,
        interpolates="interpolation" in families,
        further=matrix is not None,
        pooled=bool(np.any(masses.pooled_cov)),
        seed=seed,
    )
    slope = np.zeros(theta.size) if matrix is None else seeds.slope(masses, matrix)
    return SeedParts(seeds.noise(masses), drift, slope, any(fit.short for fit in fits))


class _Around(NamedTuple):
    """Where an estimate settles: the groups' moments there, and its law about that point."""

    ours: Moments
    curvature: np.ndarray
    noise: AnyArray
    cov: np.ndarray
    estimator_bias: np.ndarray
    seeds: SeedParts
    single_rows: float
    short: bool

    @property
    def risk(self) -> float:
        """Expected balanced risk of the estimate, nats."""
        risk, slope, bend = (np.mean(part, axis=0) for part in self.ours[:3])
        return float(risk + slope @ self.estimator_bias + np.sum(bend * self.cov) / 2)


def _around(
    alpha: np.ndarray,
    pieces: Population,
    masses: SeedMasses,
    synthetic: tuple[np.ndarray, np.ndarray, np.ndarray],
    seed: int | None = None,
    most_of_part: int = MOST_OF_PART,
    seeds: SeedParts | None = None,
) -> _Around:
    """About the pseudo-true point of laws with these shares and score weights; with what seeds add,
    where it is known."""
    parts = pieces.parts
    shares, weights, cubes = synthetic
    scores = scores_at(alpha, parts)
    grids = grids_for(scores, parts.weights, seed=seed, most_of_part=most_of_part)
    at = moments(alpha, parts, grids)
    curvature = np.einsum("g,gpq->pq", shares, at.hessian)
    inverse = inverses(curvature[None])[0]
    if seeds is None:
        seeds = at_point(alpha, pieces, masses, inverse, seed, most_of_part)
    noise = np.einsum("g,gpq->pq", weights, at.score_cov) + seeds.noise
    cov = inverse @ noise @ inverse
    forms = ((-shares, cov), (weights, inverse))
    potential = moments_slope(alpha, parts, at, *forms, grids) + seeds.slope
    ours = Moments(*(part[: pieces.size] for part in at))
    bend = np.mean(ours.hessian, axis=0)
    return _Around(
        ours=ours,
        curvature=curvature,
        noise=noise,
        cov=cov,
        estimator_bias=inverse @ (potential / 2 - seeds.drift),
        seeds=seeds,
        single_rows=single_row_term(cubes, at.score_cov, at.hessian, bend, inverse),
        short=seeds.short or any(grid.short for grid in grids),
    )


def _laws(
    pieces: Population, design: Design, masses: SeedMasses
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Shares of the laws in the balanced risk; in the synthetic risk, with the sums of the squared
    and of the cubed weights of their rows."""
    synthetic = design.oversampling_mass + design.augmentation_mass
    balanced, trained = pieces.gathered(pieces.shares(design.real_mass, synthetic))
    weights = pieces.gathered(np.asarray(score_cov_weights(masses, masses.families)))
    cubes = pieces.gathered(cubed_weights(design, pieces.generators_of))
    return balanced, (trained, weights, cubes)


def _predicted(
    pieces: Population, design: Design, masses: SeedMasses, seed: int | None
) -> tuple[MulticlassPrediction, _Around]:
    balanced_shares, synthetic = _laws(pieces, design, masses)
    shares, weights, _ = synthetic
    parts, count = pieces.parts, pieces.size
    star, alpha = (
        minimise(share, parts, pieces.classes, seed) for share in (balanced_shares, shares)
    )
    at_star = moments(star, parts, grids_for(scores_at(star, parts), parts.weights, seed=seed))
    hessian = np.einsum("g,gpq->pq", balanced_shares, at_star.hessian)
    target = np.einsum("g,gpq->pq", shares, at_star.hessian)
    inverse_target = inverses(target[None])[0]
    seeds_star = at_point(star, pieces, masses, None, seed)
    noise_star = np.einsum("g,gpq->pq", weights, at_star.score_cov) + seeds_star.noise
    around = _around(alpha, pieces, masses, synthetic, seed)
    cov, estimator_bias = around.cov, around.estimator_bias
    metric = inverse_target @ hessian @ inverse_target
    bias_gradient = (shares - balanced_shares) @ at_star.score_mean

    ours_star, ours = Moments(*(part[:count] for part in at_star)), around.ours
    errors = error_rates(alpha, pieces.own)
    risks = (ours.risk - ours_star.risk, ours.score_mean, ours.hessian)
    balanced = (np.mean(part, axis=0, keepdims=True) for part in risks)
    functions = zip(balanced, risks, errors, strict=True)
    value, slope, curved = map(np.concatenate, functions)
    every = expand(value, slope, curved, estimator_bias, cov)
    excess, group_excess, group_error = (
        Expansion(*(part[rows] for part in every))
        for rows in (0, slice(1, 1 + count), slice(1 + count, None))
    )
    width = alpha.shape[1]
    intercepts = np.arange(len(alpha)) * width
    found = MulticlassPrediction(
        theta_star=star,
        theta_alpha=alpha,
        bias_gradient=bias_gradient,
        mean_gradient=bias_gradient + seeds_star.drift,
        generator_shift=around.seeds.drift,
        displacement=(alpha - star).ravel(),
        displacement_linear=-inverse_target @ bias_gradient,
        estimator_bias=estimator_bias,
        cov=cov,
        gradient_cov=around.noise,
        gradient_cov_star=noise_star,
        hessian=hessian,
        curvature=around.curvature,
        target_hessian_star=target,
        excess=excess,
        group_excess=group_excess,
        group_error=group_error,
        local_bias=bias_gradient @ metric @ bias_gradient / 2,
        local_variance=np.sum(metric * noise_star) / 2,
        bound=local_bound(bias_gradient, noise_star, hessian, target),
        error_cov=errors[1] @ cov @ errors[1].T,
        group_excess_cov=risks[1] @ cov @ risks[1].T,
        logit_noise=np.sum(risks[2] * cov, axis=(1, 2))
        / np.sum(risks[2][:, intercepts, intercepts], axis=1),
        single_rows=around.single_rows,
    )
    return found, around


@OneThread()
def predict_multiclass(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
) -> MulticlassPrediction:
    """Excess risk of a softmax fit on a design with any number of classes (theorem K).

    Statement (asymptotic, remainder ``O(n^{-2})`` with all sizes in proportion): as
    `theory.predict`, with the softmax loss and ``K - 1`` rows of parameters against class 0. Two
    classes give the numbers of `theory.predict`. To ``K = 4`` integrals are exact to 1e-9 of the
    largest integrand; beyond, and where scores spread so far that a grid would be too large, they
    are means over randomised Sobol points, and ``integration_error`` says how far the total is off.
    Error rates are those of the class with the largest score.

    Args:
        groups: ``G`` groups of dimension ``d``, labelled 0 to K - 1, every label present.
        design: sizes, augmentation and weight, or a reference design.
        generator: one for all groups, or one per group; ignored by reference designs.

    Returns:
        A `MulticlassPrediction`.

    Raises:
        ValueError: for invalid or mismatched input, too few seeds, or no finite minimiser.
        RuntimeError: if float64 is off.

    Warns:
        Unreliable: once for each cause, where ``validity`` is not "reliable".

    Example:
        >>> import numpy as np
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> means = [[0.0, 0.0], [1.5, 0.5], [0.5, -1.2]]
        >>> groups = [GaussianGroup(mean, np.eye(2), y) for y, mean in enumerate(means)]
        >>> raw = predict_multiclass(groups, Design.raw((2000, 400, 200)), Oracle())
        >>> raw.displacement[::3].round(6).tolist()  # log(n_k / n_0), of the intercepts
        [-1.609438, -2.302585]
        >>> raw.validity.verdict
        'reliable'
    """
    pieces = population(groups, design, generator)
    masses = seed_masses(design, pieces.generators_of)
    predicted, around = _predicted(pieces, design, masses, None)
    grids = grids_for(scores_at(predicted.theta_alpha, pieces.parts), pieces.parts.weights)
    error = 0.0
    if around.short:
        _, synthetic = _laws(pieces, design, masses)
        alpha = predicted.theta_alpha
        # of interpolation's seeds no grid is rougher
        seeds = None if "gaussian" in masses.families else around.seeds
        rough = _around(alpha, pieces, masses, synthetic, most_of_part=_ROUGHER, seeds=seeds)
        error += abs(around.risk - rough.risk)
    if not all(grid.tensor for grid in grids):
        sampled = [_predicted(pieces, design, masses, seed)[0] for seed in randomisations()]
        each = [float(one.total) for one in sampled]
        error += float(np.std(each, ddof=1) / math.sqrt(len(each)))
    if "interpolation" in masses.families:
        every = [scores_at(predicted.theta_alpha, law) for law in pieces.groups]
        left = max(hermite_error(scores) for scores in every)
        error += left * abs(float(predicted.total)) if left > _EXACT else 0.0
    predicted = predicted._replace(integration_error=error)
    verdict = judge_multiclass(predicted, groups, design, pieces.generators_of)
    predicted = predicted._replace(validity=verdict, groups=tuple(groups))
    warn(verdict)
    return predicted


@OneThread()
def expected_multiclass_risk(
    theta: AnyArray,
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
) -> float:
    """Expected empirical risk ``R_bal + B`` at a point (theorem B1), nats.

    Statement (exact): for fixed generators, duplicates and interpolation with all seeds; for fitted
    Gaussian generators up to ``O(n^{-2})``.

    Args:
        theta: ``[C, p]``, intercepts first; class 0 has score 0.
        groups, design, generator: as for `predict_multiclass`.

    Raises:
        ValueError: as `predict_multiclass`, and for a point of another shape.

    Example:
        >>> import numpy as np
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([float(y)], [[1.0]], y) for y in range(3)]
        >>> value = expected_multiclass_risk(np.zeros((2, 2)), groups, Design((9, 3, 3)), Oracle())
        >>> round(value, 9)
        1.098612289
    """
    pieces = population(groups, design, generator)
    point = np.asarray(theta, float)
    wanted = (pieces.classes - 1, groups[0].dim + 1)
    if point.shape != wanted or not np.all(np.isfinite(point)):
        raise ValueError(
            f"theta: got shape {point.shape}, expected finite numbers of shape {wanted}: a row for "
            "every class but class 0, intercepts first."
        )
    masses = seed_masses(design, pieces.generators_of)
    synthetic = design.oversampling_mass + design.augmentation_mass
    shares = pieces.gathered(pieces.shares(design.real_mass, synthetic)[1])
    value = float(shares @ moments(point, pieces.parts).risk)
    if "gaussian" in masses.families:
        fits = [fit_of(point, law) for law in pieces.generators]
        own = [centred(point, law) for law in pieces.groups]
        value += second_order(fits, own, masses, groups[0].dim)
    return value
