"""Theorem R: the excess risk of a design, with exact constants and its O(1/n) refinement.

With ``A`` the Hessian of the expected empirical risk at the pseudo-true point ``theta_alpha`` and
``V(theta)`` the covariance of the empirical gradient (`theory.influence.gradient_cov`),

    E R_bal(theta_hat) - R_bal(theta*) = [R_bal(theta_alpha) - R_bal(theta*)]      bias part
        + tr(H_bal A^{-1} V A^{-1}) / 2                                            variance part
        + grad R_bal(theta_alpha) . E[theta_hat - theta_alpha]                     Cox-Snell part
        + O(n^{-3/2}),

    E[theta_hat - theta_alpha] = A^{-1} { grad_theta tr(A^{-1} V(theta) - M Hess(theta)) / 2 - q },

``M = A^{-1} V A^{-1}`` and ``A`` held fixed, ``Hess`` the Hessian of the target risk, ``q`` the
second-order bias of a fitted generator. The gradient form of the estimator's bias holds because the
empirical Hessian is symmetric: ``sum_jk A^{-1}_jk Cov(Hess_ij, grad_k) = d_i tr(A^{-1} V) / 2``.

References: Cox and Snell (1968) for the estimator's bias; Nakada, Xu, Li, Zhang, arXiv 2406.03628
for the setting and the paper form ``|grad B|^2 + d log n {(1-alpha)^2/(G n_max) + alpha^2/(G N)}``.
The sharp forms are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from theory.bias import Population, population
from theory.compiling import quick_jit
from theory.design import Design
from theory.generators import Generator
from theory.groups import error_rate, minimiser
from theory.influence import gradient_cov, second_order_risk
from theory.laws import GaussianGroup
from theory.margins import LOGISTIC, Loss
from theory.moments import moments

__all__ = ["Expansion", "Prediction", "predict"]


class Expansion(NamedTuple):
    """A smooth function of the estimate, expanded at the pseudo-true point.

    Attributes:
        bias: population part, value at ``theta_alpha`` minus reference.
        variance: ``tr(Hess Cov) / 2``.
        cox_snell: ``grad . E[theta_hat - theta_alpha]``.
        std: standard deviation of one replicate, to first order, for planning.
    """

    bias: Array
    variance: Array
    cox_snell: Array
    std: Array

    @property
    def total(self) -> Array:
        """Sum of the three parts."""
        return self.bias + self.variance + self.cox_snell


class Prediction(NamedTuple):
    """Everything theorem R says about one design.

    Attributes:
        theta_star: balanced optimum ``[p]``; theta_alpha: pseudo-true point ``[p]``.
        bias_gradient: ``b = grad B(theta*)`` ``[p]``.
        mean_gradient: expected empirical gradient at ``theta*``, to order 1/n ``[p]``.
        generator_shift: expected empirical gradient at ``theta_alpha``, to order 1/n: 0 unless
            the generator is fitted and nonlinear in its seeds ``[p]``.
        displacement, displacement_linear: ``theta_alpha - theta*`` and ``-H^{-1} b`` ``[p]``.
        estimator_bias: ``E[theta_hat - theta_alpha]`` to order 1/n ``[p]``.
        cov: covariance of ``theta_hat``, ``A^{-1} V A^{-1}`` ``[p, p]``.
        gradient_cov, gradient_cov_star: ``V`` at ``theta_alpha`` and at ``theta*`` ``[p, p]``.
        hessian: ``H`` at ``theta*`` ``[p, p]``; curvature: ``A`` ``[p, p]``.
        excess: balanced excess risk (nats), an `Expansion`.
        group_excess: the same per group ``[G]`` (R5).
        group_error: error rates per group ``[G]``; ``bias`` is the error of ``theta_alpha`` itself.
        local_bias, local_variance: the small-bias form ``b' H^{-1} b / 2`` and
            ``tr(H^{-1} V(theta*)) / 2`` of R1.
        bound: the explicit bound ``(|b|^2 + tr V) / (2 lambda_min(H))`` of R6 on the local form.
    """

    theta_star: Array
    theta_alpha: Array
    bias_gradient: Array
    mean_gradient: Array
    generator_shift: Array
    displacement: Array
    displacement_linear: Array
    estimator_bias: Array
    cov: Array
    gradient_cov: Array
    gradient_cov_star: Array
    hessian: Array
    curvature: Array
    excess: Expansion
    group_excess: Expansion
    group_error: Expansion
    local_bias: Array
    local_variance: Array
    bound: Array

    @property
    def total(self) -> Array:
        """Predicted balanced excess risk, nats."""
        return self.excess.total

    @property
    def balanced_error(self) -> Array:
        """Predicted mean error rate over groups."""
        return jnp.mean(self.group_error.total)

    @property
    def worst_group_error(self) -> Array:
        """Largest predicted error rate over groups (the maximum of expectations)."""
        return jnp.max(self.group_error.total)

    @property
    def worst_group_excess(self) -> Array:
        """Largest predicted group excess risk (the maximum of expectations)."""
        return jnp.max(self.group_excess.total)


def expand(value, slope, curvature, estimator_bias, cov) -> Expansion:
    """Mean and spread of a function with the given derivatives under ``N(estimator_bias, cov)``."""
    spread = curvature @ cov
    return Expansion(
        value,
        jnp.trace(spread) / 2,
        slope @ estimator_bias,
        jnp.sqrt(slope @ cov @ slope + jnp.trace(spread @ spread) / 2),
    )


def _symmetric_solve(matrix, right):
    return jax.scipy.linalg.cho_solve((jnp.linalg.cholesky(matrix), True), right)


def _predict(theta_star, theta_alpha, pieces: Population, families, loss) -> Prediction:
    real, synthetic, masses = pieces.real, pieces.synthetic, pieces.masses
    count = masses.sizes.size
    share = jnp.full_like(masses.sizes, 1.0 / count)
    extra = synthetic.weights.shape[1] - real.weights.shape[1]  # components of weight 0

    def join(left, right):
        return jnp.concatenate(
            [jnp.pad(left, [(0, 0), (0, extra)] + [(0, 0)] * (left.ndim - 2)), right]
        )

    laws = jax.tree.map(join, real, synthetic)
    mass = jnp.concatenate([pieces.real_mass, pieces.synthetic_mass])

    def at(theta):
        """Target's Hessian, gradient's covariance, a fitted generator's drift; all moments."""
        own = moments(theta, laws, loss)
        first = jax.tree.map(lambda part: part[:count], own)
        second = jax.tree.map(lambda part: part[count:], own)
        noise = gradient_cov(theta, real, synthetic, first, second, masses, families, loss)
        drift = second_order_risk(theta, real, synthetic, masses, families, loss)
        return (jnp.einsum("g,gpq->pq", mass, own.hessian), noise, drift), own

    # one pass forward at both points, and one back for the two derivatives that are needed
    points = jnp.stack([theta_star, theta_alpha])
    (hessians, noises, drifts), pull, both = jax.vjp(jax.vmap(at), points, has_aux=True)
    star, alpha = (jax.tree.map(lambda part, i=i: part[i, :count], both) for i in (0, 1))
    curvature_star = jnp.einsum("g,gpq->pq", share, star.hessian)
    bias_gradient = mass @ both.score_mean[0] - share @ star.score_mean
    linear = -_symmetric_solve(curvature_star, bias_gradient)

    noise_star, noise_alpha = noises
    curvature = hessians[1]
    inverse = _symmetric_solve(curvature, jnp.eye(theta_star.size, dtype=theta_star.dtype))
    cov = inverse @ noise_alpha @ inverse

    # of the drifts, and of tr(A^{-1} V(theta) - M Hess(theta)) with A and M held fixed
    none = jnp.zeros_like(hessians)
    drift_part = (none, none, jnp.ones_like(drifts))
    potential_part = (none - cov[None], none + inverse[None], jnp.zeros_like(drifts))
    parts = jax.tree.map(lambda *pair: jnp.stack(pair), drift_part, potential_part)
    (shift_star, shift_alpha), (_, potential) = jax.vmap(lambda part: pull(part)[0])(parts)
    estimator_bias = inverse @ (potential / 2 - shift_alpha)

    def expand_error(law):
        value, slope = jax.value_and_grad(error_rate)(theta_alpha, law)
        return expand(value, slope, jax.hessian(error_rate)(theta_alpha, law), estimator_bias, cov)

    def expand_risk(value, slope, hess):
        return expand(value, slope, hess, estimator_bias, cov)

    gaps = alpha.risk - star.risk
    smallest = jnp.linalg.eigvalsh(curvature_star)[0]
    return Prediction(
        theta_star,
        theta_alpha,
        bias_gradient,
        bias_gradient + shift_star,
        shift_alpha,
        theta_alpha - theta_star,
        linear,
        estimator_bias,
        cov,
        noise_alpha,
        noise_star,
        curvature_star,
        curvature,
        expand_risk(
            share @ gaps,
            share @ alpha.score_mean,
            jnp.einsum("g,gpq->pq", share, alpha.hessian),
        ),
        jax.vmap(expand_risk)(gaps, alpha.score_mean, alpha.hessian),
        jax.vmap(expand_error)(real),
        linear @ curvature_star @ linear / 2,
        jnp.trace(_symmetric_solve(curvature_star, noise_star)) / 2,
        (bias_gradient @ bias_gradient + jnp.trace(noise_star)) / (2 * smallest),
    )


_quick_predict = quick_jit(_predict, static_argnames=("families", "loss"))


def predict(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
) -> Prediction:
    """Excess risk of a design, in parts, in total, per group, with error rates (R1, R2, R5, R6).

    Asymptotic, remainder ``O(n^{-3/2})`` in general and ``O(n^{-2})`` for the total; at small bias
    it reduces to ``b' H^{-1} b / 2 + tr(H^{-1} V) / 2``.

    Args:
        groups: ``G`` groups of dimension ``d``, both labels present.
        design: sizes, augmentation and weight, or a reference design.
        generator: one for all groups, or one per group; ignored by reference designs.
        loss: `LOGISTIC` (nats) or `SQUARED`.

    Returns:
        A `Prediction`.

    Raises:
        ValueError: for invalid or mismatched input, too few seeds, or no finite minimiser.

    Example:
        >>> import numpy as np
        >>> from theory.generators import Oracle
        >>> means = [[0, 0, 0], [1.5, 0.5, 0]]
        >>> groups = [GaussianGroup(mean, np.eye(3), y) for y, mean in enumerate(means)]
        >>> weighted = predict(groups, Design.class_weighted((2000, 200)), Oracle())
        >>> round(float(weighted.total), 6)
        0.002344
    """
    pieces = population(groups, design, generator)
    theta_star = minimiser(pieces.balanced, loss)
    theta_alpha = minimiser(pieces.target, loss)
    families = pieces.masses.families
    pieces = pieces._replace(balanced=None, target=None)
    return _quick_predict(theta_star, theta_alpha, pieces, families, loss)
