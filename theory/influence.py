"""How a fitted generator's dependence on its seeds enters the empirical gradient.

The empirical gradient of a design at ``theta`` is, to first order, a sum over groups of i.i.d.
terms of the seeds plus independent synthetic noise. Each seed ``x`` of group ``g`` contributes
``f(x) / n_g`` with

    f = real mass * s(x) + synthetic mass * J_g psi_g(x),

``psi_g`` the influence function of the generator's parameters and ``J_g`` the derivative of its
mean score. For every generator here ``f(x) = phi(t) xbar + beta(t)`` with ``t`` the linear score
and ``phi``, ``beta`` explicit functions of ``t`` alone, so covariances are one-dimensional
integrals (two-dimensional inside ``phi`` and ``beta`` for interpolation):

* duplicate: ``J psi = s``, the seeds' own score;
* interpolation (SMOTE, all neighbours): the Hajek projection ``2 E[s((1-u) x + u x') | x]``;
* Gaussian plug-in and predictive: derivatives of the Gaussian mean score in the mean and the
  covariance, applied to ``x - mu`` and ``(x - mu)(x - mu)' - cov``.

`second_order_risk` gives what the *curvature* of the mean score in the fitted parameters adds to
the expected gradient, an effect of order ``1/n_g`` that a design with large bias needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.generators import interpolation_nodes
from theory.laws import Law
from theory.margins import Loss, expectations, quadrature
from theory.moments import Moments
from theory.seed_masses import SeedMasses

_COARSE = 97  # nodes of nested integrals: relative error near 1e-9 for scores of std up to 5

__all__ = ["gradient_cov", "overall", "second_order_risk", "seed_covs"]


class _Gaussian(NamedTuple):
    """Mean score of ``N(mu, cov)`` and its derivatives in the score's mean, at one ``theta``.

    ``slopes[k] = E[d^k loss / d t^k]``, ``k = 1..4`` (entry 0 unused); ``location = (1, mu)``;
    ``direction = (0, cov w)``; ``var`` the variance of the score ``t``.
    """

    slopes: Array
    location: Array
    direction: Array
    var: Array


def overall(law: Law) -> tuple[Array, Array]:
    """Mean ``[d]`` and covariance ``[d, d]`` of a law of mass 1."""
    mean = jnp.asarray(law.weights @ law.means)
    centred = law.means - mean[None, :]
    between = jnp.einsum("k,ki,kj->ij", law.weights, centred, centred)
    return mean, jnp.einsum("k,kij->ij", law.weights, law.covs) + between


def _gaussian(theta, law: Law, loss: Loss) -> _Gaussian:
    mean, cov, sign = law.means[0], law.covs[0], law.signs[0]
    cov_slope = cov @ theta[1:]
    centre = theta[0] + mean @ theta[1:]
    var = jnp.maximum(cov_slope @ theta[1:], 0.0)
    derivatives = tuple(loss.derivative(k) for k in range(1, 5))
    signs = jnp.stack([sign**k for k in range(1, 5)])
    slopes = signs * expectations(derivatives, sign * centre, var, (0.0, 0.0))
    return _Gaussian(
        jnp.pad(slopes, (1, 0)),
        jnp.pad(mean, (1, 0), constant_values=1.0),
        jnp.pad(cov_slope, (1, 0)),
        var,
    )


class _Pull(NamedTuple):
    """Coefficients of the covariance part: ``scalar * d(cov w) + vector * d(w' cov w)``."""

    scalar: Array
    vector: Array


def _pulls(fits: _Gaussian, masses: SeedMasses) -> _Pull:
    """How a covariance estimated in group ``g`` moves the gradient, own and pooled: ``[G]``."""
    e = jnp.moveaxis(fits.slopes, -1, 0)
    scalar = e[2]
    vector = (e[3][:, None] * fits.location + e[4][:, None] * fits.direction) / 2
    share = masses.sizes / jnp.sum(masses.sizes)
    return _Pull(
        masses.own_cov * scalar + share * (masses.pooled_cov @ scalar),
        masses.own_cov[:, None] * vector + share[:, None] * (masses.pooled_cov @ vector)[None],
    )


def _interpolation(theta, law: Law, t, loss: Loss) -> tuple[Array, Array]:
    """``E[s((1-u) x + u x') | x]`` as ``phi(t) xbar + beta(t)``; ``t`` has any shape ``[...]``."""
    u, weight = (jnp.asarray(a) for a in interpolation_nodes())
    cov_slope = law.covs @ theta[1:]
    centre = theta[0] + law.means @ theta[1:]
    var = jnp.maximum(cov_slope @ theta[1:], 0.0)
    sign = law.signs[0]
    location = jnp.pad(law.means, ((0, 0), (1, 0)), constant_values=1.0)
    direction = jnp.pad(cov_slope, ((0, 0), (1, 0)))
    # axes: t..., interpolation node, partner component
    u_axis = u.reshape((1,) * t.ndim + (-1, 1))
    mix = law.weights.reshape((1,) * (t.ndim + 1) + (-1,)) * weight.reshape((1,) * t.ndim + (-1, 1))
    partner = centre.reshape((1,) * (t.ndim + 1) + (-1,))
    margin = sign * ((1 - u_axis) * t[..., None, None] + u_axis * partner)
    spread = jnp.broadcast_to(u_axis**2 * var.reshape((1,) * (t.ndim + 1) + (-1,)), margin.shape)
    slopes = (loss.derivative(1), loss.derivative(2))
    first, second = expectations(slopes, margin, spread, (0.0, 0.0), _COARSE)
    first, second = sign * first * mix, second * mix
    phi = jnp.sum(first * (1 - u_axis), axis=(-2, -1))
    beta = jnp.einsum("...ul,lp->...p", first * u_axis, location) + jnp.einsum(
        "...ul,lp->...p", second * u_axis**2, direction
    )
    return phi, beta


class _Line(NamedTuple):
    """The scores of one group at quadrature nodes: ``xbar = location + unit z + residual``."""

    t: Array  # [K, N]
    z: Array
    mass: Array
    location: Array  # [K, p]
    unit: Array  # [K, p]
    residual_cov: Array  # [K, p, p]


def _line(theta, law: Law, count: int = 193) -> _Line:
    cov_slope = law.covs @ theta[1:]
    centre = theta[0] + law.means @ theta[1:]
    var = jnp.maximum(cov_slope @ theta[1:], 0.0)
    safe = jnp.sqrt(jnp.where(var > 0, var, 1.0))
    std = jnp.where(var > 0, safe, 0.0)
    z, weights = quadrature(centre, std, (0.0, 0.0), count)
    unit = jnp.pad(cov_slope / safe[:, None], ((0, 0), (1, 0)))
    return _Line(
        centre[:, None] + std[:, None] * z,
        z,
        law.weights[:, None] * weights,
        jnp.pad(law.means, ((0, 0), (1, 0)), constant_values=1.0),
        unit,
        jnp.pad(law.covs, ((0, 0), (1, 0), (1, 0))) - unit[:, :, None] * unit[:, None, :],
    )


def _contribution(line: _Line, law: Law, masses: SeedMasses, fit, pull, inner, theta, loss: Loss):
    """One seed's ``f(x) = phi(t) xbar + beta(t)`` on the line, centred: ``phi``, ``f - E f``."""
    sign = law.signs[:, None]
    phi = masses.score * sign * loss.derivative(1)(sign * line.t)
    beta = jnp.zeros(line.t.shape + theta.shape, theta.dtype)
    if inner is not None:
        phi = phi + 2 * masses.interpolation * inner[0]
        beta = beta + 2 * masses.interpolation * inner[1]
    if fit is not None:
        e = fit.slopes
        mean, cov = overall(law)  # the group's own, whatever its generator: it may share a pool
        own = jnp.pad(cov @ theta[1:], (1, 0))
        centre = jnp.pad(mean, (1, 0), constant_values=1.0)
        a = line.t - centre @ theta
        moved = masses.gaussian * (e[2] * a - e[1]) - pull.scalar * a
        phi = phi + masses.gaussian * e[1] + pull.scalar * a
        beta = (
            beta
            + moved[..., None] * centre[None, None]
            + (masses.gaussian * e[3] * a)[..., None] * fit.direction[None, None]
            - (pull.scalar * own)[None, None]
            + (a**2 - own[1:] @ theta[1:])[..., None] * pull.vector[None, None]
        )
    xbar = line.location[:, None] + line.unit[:, None] * line.z[..., None]
    value = phi[..., None] * xbar + beta
    mean = jnp.einsum("kn,knp->p", line.mass, value)
    return phi, value - mean[None, None]


def seed_covs(
    theta: Float[Array, " p"],
    real: Law,
    synthetic: Law,
    parts: Sequence[SeedMasses],
    families: tuple[str, ...],
    loss: Loss,
) -> Float[Array, "m m G p p"]:
    """Covariances, within each group, of what one seed adds to several parts of the gradient.

    Statement (exact): entry ``[i, j, g]`` is ``Cov_{P_g}(f_i, f_j)``, with ``f_i`` the contribution
    of the module's docstring for the weights ``parts[i]``.

    Args:
        theta: ``[p]``.
        real, synthetic: stacked laws ``[G, K, ...]`` of the groups and of the generators.
        parts: weights of ``m`` parts of a design; contributions are linear in them.
        families: what any of them fits (static).
        loss: the loss (static).
    """
    fits, pulls = None, [None] * len(parts)
    if "gaussian" in families:
        fits = jax.vmap(lambda law: _gaussian(theta, law, loss))(synthetic)
        pulls = [_pulls(fits, masses) for masses in parts]

    def one(law, fit, own):
        # the projection is an integral inside an integral over a smoothed score: fewer nodes serve
        line = _line(theta, law, _COARSE if "interpolation" in families else 193)
        inner = None
        if "interpolation" in families:
            inner = _interpolation(theta, law, line.t, loss)
        each = [
            _contribution(line, law, masses, fit, pull, inner, theta, loss) for masses, pull in own
        ]

        def joint(left, right):
            spread = jnp.einsum("kn,kpq->pq", line.mass * left[0] * right[0], line.residual_cov)
            return jnp.einsum("knp,knq->pq", line.mass[..., None] * left[1], right[1]) + spread

        return jnp.stack([jnp.stack([joint(left, right) for right in each]) for left in each])

    own = list(zip(parts, pulls, strict=True))
    return jnp.moveaxis(jax.vmap(one)(real, fits, own), 0, 2)


def gradient_cov(
    theta: Float[Array, " p"],
    real: Law,
    synthetic: Law,
    real_moments: Moments,
    synthetic_moments: Moments,
    masses: SeedMasses,
    families: tuple[str, ...],
    loss: Loss,
) -> Float[Array, "p p"]:
    """``V(theta)``, the covariance of a design's empirical gradient to first order in ``1/n``.

    Statement (asymptotic; exact for a fixed generator): with ``f`` as in the module's docstring,
    ``V = sum_g Cov_{P_g}(f_g) / n_g + sum_g noise_g Cov_{Q_g}(s)``. Within-group covariances,
    because group sizes are fixed by design.

    Args:
        theta: ``[p]``.
        real, synthetic: stacked laws ``[G, K, ...]`` of the groups and of the generators.
        real_moments, synthetic_moments: their `Moments` at ``theta``.
        masses: the design, by what each part depends on.
        families: ``masses.families`` (static).
        loss: the loss (static).
    """
    drawn = jnp.einsum("g,gpq->pq", masses.noise, synthetic_moments.score_cov)
    if not families:
        own = jnp.einsum("g,gpq->pq", masses.score**2 / masses.sizes, real_moments.score_cov)
        return drawn + own
    seed = seed_covs(theta, real, synthetic, (masses,), families, loss)[0, 0]
    return drawn + jnp.einsum("g,gpq->pq", 1.0 / masses.sizes, seed)


def _central(theta, law: Law) -> Array:
    """Central moments ``E[a^j]``, ``a = t - E t``, of the score in one group: ``[5]``."""
    line = _line(theta, law)
    mean, _ = overall(law)
    a = line.t - (theta[0] + mean @ theta[1:])
    return jnp.einsum("kn,jkn->j", line.mass, jnp.stack([a**j for j in range(5)]))


def second_order_risk(
    theta: Float[Array, " p"],
    real: Law,
    synthetic: Law,
    masses: SeedMasses,
    families: tuple[str, ...],
    loss: Loss,
) -> Float[Array, ""]:
    """Expected synthetic risk minus its population value, to order ``1/n``, nats.

    A fitted Gaussian enters the risk through the mean ``m`` and variance ``v`` of its score, and
    ``E_k = E[d^k loss / d t^k]`` gives all derivatives (``d_m = d_t``, ``d_v = d_t^2 / 2``), so

        shift = (E2 Var(m) + E3 Cov(m, v) + E4 Var(v) / 4) / 2,

    with the (co)variances of the estimates of ``m`` and ``v``; a predictive distribution adds its
    wider and heavier-tailed law. Zero for fixed generators, duplicates and interpolation between
    distinct seeds, which are unbiased at every ``n``. The gradient in ``theta`` is what the
    expected empirical gradient gains.

    Args:
        theta: ``[p]``.
        real, synthetic: stacked laws of the groups and of the generators.
        masses: the design, by what each part depends on.
        families: ``masses.families`` (static).
        loss: the loss (static).
    """
    if "gaussian" not in families:
        return jnp.zeros((), theta.dtype)
    fits = jax.vmap(lambda law: _gaussian(theta, law, loss))(synthetic)
    _, _, a2, a3, a4 = jnp.moveaxis(jax.vmap(lambda law: _central(theta, law))(real), 1, 0)
    e = jnp.moveaxis(fits.slopes, -1, 0)
    n, total, v = masses.sizes, jnp.sum(masses.sizes), fits.var
    mean_mean = masses.gaussian * e[2] * a2 / n
    mean_cov = (masses.own_cov / n + masses.pooled_cov / total) * e[3] * a3
    spread = a4 - a2**2  # n times the variance of the estimated v
    cov_cov = (masses.own_cov * spread / n + masses.pooled_cov * ((n @ spread) / total**2)) * e[4]
    stretch, heavy = e[2] * v / 2, e[4] * v**2 / 4
    features = theta.shape[0] - 1
    wider = masses.wide_mean * stretch + masses.wide_cov * ((features + 2) * stretch + heavy)
    return jnp.sum((mean_mean + mean_cov + cov_cov / 4) / 2 + wider / n)
