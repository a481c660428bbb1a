"""Theorem R: the excess risk of a design, with exact constants and its O(1/n) refinement.

With ``A`` the Hessian of the expected empirical risk at the pseudo-true point ``theta_alpha`` and
``V(theta)`` the covariance of the empirical gradient (`theory.prediction.influence.gradient_cov`),

    E R_bal(theta_hat) - R_bal(theta*) = [R_bal(theta_alpha) - R_bal(theta*)]      bias part
        + tr(H_bal A^{-1} V A^{-1}) / 2                                            variance part
        + grad R_bal(theta_alpha) . E[theta_hat - theta_alpha]                     Cox-Snell part
        + O(n^{-2}),

    E[theta_hat - theta_alpha] = A^{-1} { grad_theta tr(A^{-1} V(theta) - M Hess(theta)) / 2 - q },

``M = A^{-1} V A^{-1}`` and ``A`` held fixed, ``Hess`` the Hessian of the target risk, ``q`` the
second-order bias of a fitted generator. The gradient form of the estimator's bias holds because the
empirical Hessian is symmetric: ``sum_jk A^{-1}_jk Cov(Hess_ij, grad_k) = d_i tr(A^{-1} V) / 2``.
Terms of odd order in the noise have expectations of the next even order, so no ``n^{-3/2}`` is left
out; only the local form, at biases of order ``n^{-1/2}``, drops such a term (the bias cubed, and
bias times noise).

References: Cox and Snell (1968) for the estimator's bias; Nakada, Xu, Li, Zhang, arXiv 2406.03628
for the setting. The forms with constants are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Array

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rates
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.population.minimum import minimisers
from synthetic_oversampling.theory.population.moments import (
    Moments,
    margin_means,
    moments_from,
    moments_slope,
)
from synthetic_oversampling.theory.population.threads import OneThread
from synthetic_oversampling.theory.prediction.bias import Population, population
from synthetic_oversampling.theory.prediction.bounds import local_bound
from synthetic_oversampling.theory.prediction.influence import (
    Fitted,
    fitted,
    gradient_cov,
    score_cov_weights,
    single_row_term,
)
from synthetic_oversampling.theory.prediction.validity import (
    NOT_JUDGED,
    Validity,
    judge,
    pointed,
    rows_of,
    warn,
    warn_of,
)
from synthetic_oversampling.theory.prediction.worst_group import (
    error_doubt,
    expected_maximum,
    maximum_doubt,
)

if TYPE_CHECKING:
    from synthetic_oversampling.theory.prediction.metrics import ExpectedMetrics

__all__ = ["Expansion", "Prediction", "doubt_of_errors", "expand", "inverses", "predict"]


class Expansion(NamedTuple):
    """A smooth function of the estimate, expanded at the pseudo-true point.

    Attributes:
        bias: population part, value at ``theta_alpha`` minus reference.
        variance: ``tr(Hess Cov) / 2``.
        cox_snell: ``grad . E[theta_hat - theta_alpha]``.
        std: standard deviation of one replicate, to first order, for planning.
    """

    bias: AnyArray
    variance: AnyArray
    cox_snell: AnyArray
    std: AnyArray

    @property
    def total(self) -> AnyArray:
        """Sum of the three parts."""
        return self.bias + self.variance + self.cox_snell


class Prediction(NamedTuple):
    """Everything theorem R says about one design.

    The two points are JAX arrays, ready for `theory.population.groups`; the rest are NumPy arrays.

    Attributes:
        theta_star: balanced optimum ``[p]``; theta_alpha: pseudo-true point ``[p]``.
        bias_gradient: ``b = grad B(theta*)`` ``[p]``.
        mean_gradient: expected empirical gradient at ``theta*``, to order 1/n ``[p]``.
        generator_shift: expected empirical gradient at ``theta_alpha``, to order 1/n: 0 unless
            the generator is fitted and nonlinear in its seeds ``[p]``.
        displacement, displacement_linear: ``theta_alpha - theta*`` and ``-A*^{-1} b`` ``[p]``.
        estimator_bias: ``E[theta_hat - theta_alpha]`` to order 1/n ``[p]``.
        cov: covariance of ``theta_hat``, ``A^{-1} V A^{-1}`` ``[p, p]``.
        gradient_cov, gradient_cov_star: ``V`` at ``theta_alpha`` and at ``theta*`` ``[p, p]``.
        hessian: ``H`` at ``theta*`` ``[p, p]``; curvature: ``A`` ``[p, p]``.
        target_hessian_star: ``A* = H + Hess B(theta*)``, the target's Hessian at ``theta*``.
        excess: balanced excess risk (nats), an `Expansion`.
        group_excess: the same per group ``[G]`` (R5).
        group_error: error rates per group ``[G]``; ``bias`` is the error of ``theta_alpha`` itself;
            see `error_doubt`.
        local_bias, local_variance: the small-bias form ``b' A*^{-1} H A*^{-1} b / 2`` and
            ``tr(H A*^{-1} V(theta*) A*^{-1}) / 2`` of R1.
        small_bias, small_variance: the same with ``H`` for ``A*``, ``b' H^{-1} b / 2`` and
            ``tr(H^{-1} V(theta*)) / 2``: true only where ``Hess B(theta*)`` is small too.
        bound: R6's bound on the local form, ``|b|^2 lambda_max(H) / (2 lambda_min(A*)^2)`` plus
            ``local_variance``; at any bias see `theory.prediction.bounds.population_bound`.
        error_cov, group_excess_cov: covariances over data sets of the groups' error rates and
            excess risks, to first order ``[G, G]``.
        logit_noise: variance of a score at the estimate, per group, weighted by the loss's
            curvature, ``tr(H_g cov) / H_g[0, 0]`` ``[G]``.
        single_rows: what rows of much weight take from the excess risk beyond its three parts, as
            estimated by `theory.prediction.influence.single_row_term`, nats.
        validity: whether the prediction is to be relied on, and why not.
        groups: those it was made for.
    """

    theta_star: Array
    theta_alpha: Array
    bias_gradient: AnyArray
    mean_gradient: AnyArray
    generator_shift: AnyArray
    displacement: AnyArray
    displacement_linear: AnyArray
    estimator_bias: AnyArray
    cov: AnyArray
    gradient_cov: AnyArray
    gradient_cov_star: AnyArray
    hessian: AnyArray
    curvature: AnyArray
    target_hessian_star: AnyArray
    excess: Expansion
    group_excess: Expansion
    group_error: Expansion
    local_bias: AnyArray
    local_variance: AnyArray
    small_bias: AnyArray
    small_variance: AnyArray
    bound: AnyArray
    error_cov: AnyArray
    group_excess_cov: AnyArray
    logit_noise: AnyArray
    single_rows: float = 0.0
    validity: Validity = NOT_JUDGED
    groups: tuple[GaussianGroup, ...] = ()

    @property
    def total(self) -> AnyArray:
        """Predicted balanced excess risk, nats."""
        return self.excess.total

    def metrics(
        self, *, prevalence: float = 0.5, shares: Sequence[int | float] | None = None
    ) -> ExpectedMetrics:
        """Expected AUROC, average precision, error and F1 at the best threshold (M3).

        Args:
            prevalence: share of label 1, for precision and F1.
            shares: of each group within its label ``[G]``, in any unit; equal when omitted.

        Raises:
            ValueError: as `theory.expected_metrics` does, whose result this is.

        Example:
            >>> from synthetic_oversampling.theory import Design, Oracle
            >>> groups = [GaussianGroup([1.0 * y, 0.0], np.eye(2), y) for y in (0, 1)]
            >>> weighted = predict(groups, Design.class_weighted((900, 100)), Oracle())
            >>> round(weighted.metrics().auroc.total, 4)
            0.7587
        """
        from synthetic_oversampling.theory.prediction.metrics import expected_metrics

        return expected_metrics(self.groups, self, prevalence=prevalence, shares=shares)

    @property
    def error_doubt(self) -> str:
        """Why not to rely on error rates, in words, which the verdict on the excess risk does not
        see (`theory.prediction.worst_group.error_doubt`); "" if nothing speaks against them."""
        return doubt_of_errors(self)

    @property
    def tie_doubt(self) -> str:
        """Why not to rely on the expected largest excess risk: groups tie, and nothing of first
        order sets them apart (`theory.prediction.worst_group.maximum_doubt`); or ""."""
        part = self.group_excess
        second = np.abs(part.variance) + np.abs(part.cox_snell)
        return maximum_doubt(part.total, second, self.group_excess_cov)

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
    def worst_group_excess(self) -> AnyArray:
        """Largest predicted group excess risk (the maximum of expectations)."""
        return np.max(self.group_excess.total)

    @property
    def expected_worst_group_error(self) -> float:
        """Predicted largest error rate over groups (the expectation of the maximum, R5)."""
        warn_of(self.error_doubt, "error rates", "error_doubt")
        return expected_maximum(self.group_error.total, self.error_cov)

    @property
    def expected_worst_group_excess(self) -> float:
        """Predicted largest group excess risk (the expectation of the maximum, R5).

        Warns of a `tie_doubt`.
        """
        warn_of(self.tie_doubt, "worst group", "tie_doubt")
        return expected_maximum(self.group_excess.total, self.group_excess_cov)


def doubt_of_errors(prediction) -> str:
    """`theory.prediction.worst_group.error_doubt` of a prediction; "" without its groups.

    Args:
        prediction: a `theory.Prediction` or a `theory.MulticlassPrediction`.
    """
    part = prediction.group_error
    second = np.abs(part.variance) + np.abs(part.cox_snell)
    return error_doubt(
        prediction.groups, prediction.theta_alpha, prediction.cov, (part.bias, second)
    )


def expand(value, slope, curvature, estimator_bias, cov) -> Expansion:
    """Mean and spread of functions with the given derivatives under ``N(estimator_bias, cov)``.

    Of NumPy arrays.

    Args:
        value, slope, curvature: at the pseudo-true point, ``[...]``, ``[..., p]``, ``[..., p, p]``.
        estimator_bias: ``[p]``; cov: ``[p, p]``.
    """
    spread = curvature @ cov
    square = np.sum(spread * np.swapaxes(spread, -1, -2), axis=(-1, -2))
    return Expansion(
        value,
        np.trace(spread, axis1=-2, axis2=-1) / 2,
        slope @ estimator_bias,
        # a measured covariance can leave a little less than 0
        np.sqrt(np.maximum(np.sum(slope @ cov * slope, axis=-1) + square / 2, 0.0)),
    )


def inverses(hessians: np.ndarray) -> np.ndarray:
    """Inverses ``[k, p, p]`` of Hessians that are positive definite.

    Args:
        hessians: ``[k, p, p]``.

    Raises:
        ValueError: if one is singular to rounding.
    """
    try:
        return np.linalg.inv(hessians)
    except np.linalg.LinAlgError:
        raise ValueError(
            "law: got a risk whose Hessian is singular to rounding at a minimiser, expected one "
            "that is curved in every direction; the labels of some law are separated, or nearly: "
            "give real samples more weight, or a generator with more spread."
        ) from None


def _predicted(theta_star, theta_alpha, pieces: Population, loss: Loss) -> Prediction:
    """Theorem R on the host; only what seeds add to a fitted generator is compiled."""
    laws, masses, families = pieces.laws, pieces.masses, pieces.masses.families
    share, mass = pieces.shares
    weights = score_cov_weights(masses, families)
    points = np.stack([np.asarray(theta_star), np.asarray(theta_alpha)])
    means = margin_means(points, laws, loss, further=2)
    both = moments_from(means, laws)
    star, alpha = (Moments(*(part[point] for part in both)) for point in (0, 1))
    curvatures = np.einsum("sg,sgpq->spq", pieces.shares, both.hessian)  # H, A
    target = np.einsum("g,gpq->pq", pieces.shares[1], star.hessian)  # H + Hess B at theta*
    inverse_hessian, inverse, inverse_target = inverses(np.stack([*curvatures, target]))
    seeds = Fitted(0.0, np.zeros_like(points), 0.0)
    if families:  # runs while the host goes on
        room = pieces.real.weights.shape[1]
        seeds = fitted(points, inverse, laws, np.stack(masses), room, families, loss)

    count = len(pieces.real_mass)
    groups_star, groups_alpha = (Moments(*(part[:count] for part in at)) for at in (star, alpha))
    bias_gradient = (mass - share) @ star.score_mean
    errors = error_rates(points[1], pieces.real)

    seeds = Fitted(*map(np.asarray, seeds))
    noises = gradient_cov(both.score_cov, masses, families, seeds.noise)
    cov = inverse @ noises[1] @ inverse
    # the gradient of tr(A^{-1} V(theta) - M Hess(theta)), A and M held fixed
    potential = (
        moments_slope(means.at(1), alpha, laws, (-mass, cov), (weights, inverse)) + seeds.slope
    )
    estimator_bias = inverse @ (potential / 2 - seeds.drift[1])
    metric = inverse_target @ curvatures[0] @ inverse_target  # H^{-1} where Hess B vanishes

    # balanced risk, risk and error rate of every group
    risks = (groups_alpha.risk - groups_star.risk, groups_alpha.score_mean, groups_alpha.hessian)
    balanced = (np.mean(part, axis=0, keepdims=True) for part in risks)
    functions = zip(balanced, risks, errors, strict=True)
    value, slope, curvature = map(np.concatenate, functions)
    every = expand(value, slope, curvature, estimator_bias, cov)
    excess, group_excess, group_error = (
        Expansion(*(part[rows] for part in every))
        for rows in (0, slice(1, 1 + count), slice(1 + count, None))
    )
    return Prediction(
        theta_star=theta_star,
        theta_alpha=theta_alpha,
        bias_gradient=bias_gradient,
        mean_gradient=bias_gradient + seeds.drift[0],
        generator_shift=seeds.drift[1],
        displacement=points[1] - points[0],
        displacement_linear=-inverse_target @ bias_gradient,
        estimator_bias=estimator_bias,
        cov=cov,
        gradient_cov=noises[1],
        gradient_cov_star=noises[0],
        hessian=curvatures[0],
        curvature=curvatures[1],
        target_hessian_star=target,
        excess=excess,
        group_excess=group_excess,
        group_error=group_error,
        local_bias=bias_gradient @ metric @ bias_gradient / 2,
        local_variance=np.sum(metric * noises[0]) / 2,
        small_bias=bias_gradient @ inverse_hessian @ bias_gradient / 2,
        small_variance=np.sum(inverse_hessian * noises[0]) / 2,
        bound=local_bound(bias_gradient, noises[0], curvatures[0], target),
        error_cov=errors[1] @ cov @ errors[1].T,
        group_excess_cov=risks[1] @ cov @ risks[1].T,
        logit_noise=np.sum(risks[2] * cov, axis=(1, 2)) / risks[2][:, 0, 0],
        single_rows=single_row_term(
            pieces.cubes, alpha.score_cov, alpha.hessian, np.mean(risks[2], axis=0), inverse
        ),
    )


@OneThread()
def predict(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
) -> Prediction:
    """Excess risk of a design, in parts, in total, per group, with error rates (R1, R2, R5, R6).

    Expectations are over the data sets that have a finite fit (and one within a fixed ball): the
    others have a probability that is positive for the logistic loss at every size and exponentially
    small in it; ``validity.no_fit`` estimates it.

    Asymptotic, remainder ``O(n^{-2})`` with all sizes in proportion: balanced, per group and for
    error rates. At biases of order ``n^{-1/2}`` it reduces to
    ``b' A^{-1} H A^{-1} b / 2 + tr(H A^{-1} V A^{-1}) / 2`` (``local_bias``, ``local_variance``),
    ``A = H + Hess B(theta*)``, within ``O(n^{-3/2})``. With few seeds the remainder shows:
    simulations of two classes in the plane came out above it, with 600 and 60 samples by 4 %
    (Gaussian plug-in) and 6 % (duplicates), with 1,500 and 150 by 2 and 3 %.

    Args:
        groups: ``G`` groups of dimension ``d``, both labels present.
        design: sizes, augmentation and weight, or a reference design.
        generator: one for all groups, or one per group; ignored by reference designs.
        loss: `LOGISTIC` (nats) or `SQUARED`.

    Returns:
        A `Prediction`.

    Raises:
        ValueError: for invalid or mismatched input, too few seeds, or no finite minimiser.
        RuntimeError: if float64 is off.

    Warns:
        Unreliable: once for each cause, where ``validity`` is not "reliable".

    Example:
        >>> import numpy as np
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> means = [[0, 0, 0], [1.5, 0.5, 0]]
        >>> groups = [GaussianGroup(mean, np.eye(3), y) for y, mean in enumerate(means)]
        >>> weighted = predict(groups, Design.class_weighted((2000, 200)), Oracle())
        >>> round(float(weighted.total), 6), weighted.validity.verdict
        (0.002344, 'reliable')
    """
    pieces = population(groups, design, generator)
    weights = np.stack([pieces.balanced.weights, pieces.target.weights])
    theta_star, theta_alpha = minimisers(weights, pieces.target, loss)
    predicted = _predicted(theta_star, theta_alpha, pieces, loss)
    verdict = judge(predicted, rows_of(groups, design, generator), loss)
    predicted = predicted._replace(
        validity=pointed(verdict, groups[0].dim, design, generator), groups=tuple(groups)
    )
    warn(predicted.validity)
    return predicted
