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
* Gaussian plug-in and predictive, and scale mixtures of Gaussians with a fitted covariance:
  derivatives of the mean score in the mean and the covariance, applied to ``x - mu`` and
  ``(x - mu)(x - mu)' - cov``.

`second_order_risk` gives what the *curvature* of the mean score in the fitted parameters adds to
the expected gradient, an effect of order ``1/n_g`` that a design with large bias needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.seed_masses import SeedMasses
from synthetic_oversampling.theory.population.expectations import expectations, quadrature
from synthetic_oversampling.theory.population.laws import Law, halves
from synthetic_oversampling.theory.population.margins import Loss, library
from synthetic_oversampling.theory.prediction.hajek import COARSE, interpolation_projection

__all__ = [
    "Fitted",
    "fitted",
    "gradient_cov",
    "overall",
    "score_cov_weights",
    "second_order_risk",
    "seed_covs",
    "seed_noise",
]

_FEW, _NARROW = 2, 64  # components and parameters up to which `fitted` runs for a millisecond


class _Gaussian(NamedTuple):
    """Mean score of a Gaussian scale mixture ``N(mu, W cov)``, ``E W = 1``, at one ``theta``.

    ``slopes[k] = E[W^j d^k loss / d t^k]``, ``k = 1..4`` with ``j = 0, 0, 1, 2`` (entry 0 unused),
    and ``bend = E[W d^2 loss / d t^2]``: with ``m`` and ``v`` mean and variance of the score, the
    risk has derivatives ``d_m = slopes[1]``, ``d_v = bend / 2``, ``d_mm = slopes[2]``,
    ``d_mv = slopes[3] / 2``, ``d_vv = slopes[4] / 4``. ``location = (1, mu)``; ``direction =
    (0, cov w)``; ``var = v``. For a Gaussian ``W = 1``.
    """

    slopes: Array
    bend: Array
    location: Array
    direction: Array
    var: Array


def overall(law: Law) -> tuple[Array, Array]:
    """Mean ``[d]`` and covariance ``[d, d]`` of a law of mass 1.

    Args:
        law: one law, of JAX arrays or under tracing.
    """
    mean = jnp.asarray(law.weights @ law.means)
    centred = law.means - mean[None, :]
    between = jnp.einsum("k,ki,kj->ij", law.weights, centred, centred)
    return mean, jnp.einsum("k,kij->ij", law.weights, law.covs) + between


def _gaussian(theta, law: Law, loss: Loss) -> _Gaussian:
    mean, cov, sign = law.means[0], jnp.tensordot(law.weights, law.covs, 1), law.signs[0]
    traces = jnp.trace(law.covs, axis1=-2, axis2=-1)
    total = law.weights @ traces
    factors = jnp.where(total > 0, traces / jnp.where(total > 0, total, 1.0), 1.0)  # W
    cov_slope = cov @ theta[1:]
    centre = theta[0] + mean @ theta[1:]
    var = jnp.maximum(cov_slope @ theta[1:], 0.0)
    derivatives = tuple(loss.derivative(k) for k in range(1, 5))
    signs = jnp.stack([sign**k for k in range(1, 5)])
    each = expectations(
        derivatives, jnp.broadcast_to(sign * centre, factors.shape), factors * var, (0.0, 0.0)
    )
    powers = jnp.stack([factors**0, factors**0, factors, factors**2])
    slopes = signs * ((powers * each) @ law.weights)
    return _Gaussian(
        slopes=jnp.pad(slopes, (1, 0)),
        bend=(factors * each[1]) @ law.weights,
        location=jnp.pad(mean, (1, 0), constant_values=1.0),
        direction=jnp.pad(cov_slope, (1, 0)),
        var=var,
    )


class _Pull(NamedTuple):
    """Coefficients of the covariance part: ``scalar * d(cov w) + vector * d(w' cov w)``."""

    scalar: AnyArray
    vector: AnyArray


def _pulls(fits: _Gaussian, masses: SeedMasses) -> _Pull:
    """How a covariance estimated in group ``g`` moves the gradient, own and pooled: ``[G]``."""
    e = jnp.moveaxis(fits.slopes, -1, 0)
    scalar = fits.bend
    vector = (e[3][:, None] * fits.location + e[4][:, None] * fits.direction) / 2
    share = masses.sizes / jnp.sum(masses.sizes)
    return _Pull(
        masses.own_cov * scalar + share * (masses.pooled_cov @ scalar),
        masses.own_cov[:, None] * vector + share[:, None] * (masses.pooled_cov @ vector)[None],
    )


class _Line(NamedTuple):
    """The scores of one group at quadrature nodes: ``xbar = location + unit z + residual``."""

    t: Array  # [K, N]
    z: Array
    mass: Array
    location: Array  # [K, p]
    direction: Array  # [K, p]
    unit: Array  # [K, p]
    residual_cov: Array  # [K, p, p]


def _line(theta, law: Law, count: int = 193) -> _Line:
    cov_slope = law.covs @ theta[1:]
    centre = theta[0] + law.means @ theta[1:]
    var = jnp.maximum(cov_slope @ theta[1:], 0.0)
    safe = jnp.sqrt(jnp.where(var > 0, var, 1.0))
    std = jnp.where(var > 0, safe, 0.0)
    z, weights = quadrature(centre, std, (0.0, 0.0), count)
    direction = jnp.pad(cov_slope, ((0, 0), (1, 0)))
    unit = direction / safe[:, None]
    return _Line(
        t=centre[:, None] + std[:, None] * z,
        z=z,
        mass=law.weights[:, None] * weights,
        location=jnp.pad(law.means, ((0, 0), (1, 0)), constant_values=1.0),
        direction=direction,
        unit=unit,
        residual_cov=jnp.pad(law.covs, ((0, 0), (1, 0), (1, 0)))
        - unit[:, :, None] * unit[:, None, :],
    )


class _Contribution(NamedTuple):
    """One seed's ``f(x) - E f = phi xbar + ...`` on the line: ``weights @ vectors + phi residual``.

    It lies in the span of a few vectors, whatever the number of features.
    """

    phi: Array  # [K, N]
    weights: Array  # [K, N, m]
    vectors: Array  # [m, p]


def _contribution(line: _Line, law: Law, masses: SeedMasses, fit, pull, inner, theta, loss: Loss):
    """A seed's `_Contribution`; terms that are the same for all seeds drop out."""
    sign = law.signs[:, None]
    identity = jnp.eye(len(law.signs), dtype=line.t.dtype)[:, None]  # a component's own vectors
    phi = masses.score * sign * loss.derivative(1)(sign * line.t)
    shared, vectors = [], [line.location, line.unit]
    if inner is not None:
        phi = phi + 2 * masses.interpolation * inner.phi
    if fit is not None:
        e = fit.slopes
        own_mean, _ = overall(law)  # the group's, whatever its generator: it may share a pool
        centre = jnp.pad(own_mean, (1, 0), constant_values=1.0)
        a = line.t - centre @ theta
        phi = phi + masses.gaussian * e[1] + pull.scalar * a
        tilt = (masses.gaussian * e[2] - pull.scalar) * centre
        shared.append(jnp.stack([a, a**2], axis=-1))
        vectors.append(jnp.stack([tilt + masses.gaussian * e[3] * fit.direction, pull.vector]))
    location, unit = phi[..., None] * identity, (phi * line.z)[..., None] * identity
    if inner is not None:
        location = location + 2 * masses.interpolation * inner.location
        shared.append(2 * masses.interpolation * inner.direction)
        vectors.append(line.direction)
    weights = jnp.concatenate([location, unit, *shared], axis=-1)
    mean = jnp.einsum("kn,knm->m", line.mass, weights)
    return _Contribution(phi, weights - mean[None, None], jnp.concatenate(vectors))


def seed_covs(
    theta: Float[Array, " p"],
    real: Law,
    synthetic: Law,
    parts: Sequence[SeedMasses],
    families: tuple[str, ...],
    loss: Loss,
    nodes: int = COARSE,
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
        nodes: of the nested integrals of interpolation (static).
    """
    fits: _Gaussian | None = None
    pulls: Sequence[_Pull | None] = [None] * len(parts)
    if "gaussian" in families:
        fits = jax.vmap(lambda law: _gaussian(theta, law, loss))(synthetic)
        pulls = [_pulls(fits, masses) for masses in parts]

    def one(law, fit, part):
        # the projection is an integral inside an integral over a smoothed score: fewer nodes serve
        line = _line(theta, law, nodes if "interpolation" in families else 193)
        inner = None
        if "interpolation" in families:
            inner = interpolation_projection(theta, law, line.t, loss, nodes)
        each = [
            _contribution(line, law, masses, fit, pull, inner, theta, loss) for masses, pull in part
        ]

        def joint(left, right):
            both = jnp.einsum("knl,knm->lm", line.mass[..., None] * left.weights, right.weights)
            apart = jnp.sum(line.mass * left.phi * right.phi, axis=1)
            spread = jnp.einsum("k,kpq->pq", apart, line.residual_cov)
            return left.vectors.T @ both @ right.vectors + spread

        return jnp.stack([jnp.stack([joint(left, right) for right in each]) for left in each])

    pairs = list(zip(parts, pulls, strict=True))
    return jnp.moveaxis(jax.vmap(one)(real, fits, pairs), 0, 2)


def gradient_cov(
    score_covs: AnyArray,
    masses: SeedMasses,
    families: tuple[str, ...],
    seeds: AnyArray | float = 0.0,
) -> AnyArray:
    """``V``, the covariance of a design's empirical gradient to first order in ``1/n``.

    Statement (asymptotic; exact for a fixed generator): with ``f`` as in the module's docstring,
    ``V = sum_g Cov_{P_g}(f_g) / n_g + sum_g noise_g Cov_{Q_g}(s)``. Within-group covariances,
    because group sizes are fixed by design.

    Args:
        score_covs: ``[..., 2 G, p, p]``, of the groups, then of the generators, at one ``theta`` or
            several, such as `theory.population.moments.Moments` has.
        masses: the design, by what each part depends on.
        families: ``masses.families`` (static).
        seeds: `seed_noise` at the same points; 0 where nothing is fitted.

    Returns:
        ``[..., p, p]``.
    """
    weights = score_cov_weights(masses, families)
    return library(score_covs).einsum("g,...gpq->...pq", weights, score_covs) + seeds


def score_cov_weights(masses: SeedMasses, families: tuple[str, ...]) -> AnyArray:
    """Weights of the score covariances in `gradient_cov`: of the groups, then of the generators.

    Args:
        masses: the design, by what each part depends on.
        families: ``masses.families`` (static); with any, the groups' part is in `seed_noise`.

    Returns:
        ``[2 G]``.
    """
    score = masses.score**2 / masses.sizes
    score = 0.0 * score if families else score
    return library(score, masses.noise).concatenate([score, masses.noise])


def single_row_term(
    cubes: np.ndarray,
    score_covs: np.ndarray,
    hessians: np.ndarray,
    bend: np.ndarray,
    inverse: np.ndarray,
) -> float:
    """How much less than its ``variance`` part an excess risk is because rows bend the risk, nats.

    A row of weight ``w`` moves the estimate by its score times ``w / (1 + w h)``, not ``w``, ``h =
    l'' xbar' A^{-1} xbar``: to first order in ``w h``, and with the means of score and ``h`` for
    those of their product, the variance part is too large by ``sum w^3 tr(A^{-1} H A^{-1} Cov(s))
    tr(A^{-1} Hess)`` over rows. With many rows of like weight that is of order ``1/n^2``; a few
    rows that weigh much make it as large as the rest.

    Args:
        cubes: sums of cubed weights of every kind of row ``[k]``.
        score_covs, hessians: of each kind ``[k, p, p]``.
        bend: ``H``, of the excess risk; inverse: ``A^{-1}``.
    """
    metric = inverse @ bend @ inverse
    moved, leverage = (
        np.einsum("pq,gpq->g", one, parts)
        for one, parts in ((metric, score_covs), (inverse, hessians))
    )
    return float(np.sum(cubes * moved * leverage))


def seed_noise(
    theta: Float[Array, " p"],
    real: Law,
    synthetic: Law,
    masses: SeedMasses,
    families: tuple[str, ...],
    loss: Loss,
    nodes: int = COARSE,
) -> Float[Array, "p p"]:
    """``sum_g Cov_{P_g}(f_g) / n_g``: what the seeds of a fitted generator add to ``V``.

    Args:
        theta: ``[p]``.
        real, synthetic: stacked laws ``[G, K, ...]`` of the groups and of the generators.
        masses: the design, by what each part depends on.
        families: ``masses.families`` (static).
        loss: the loss (static).
        nodes: as for `seed_covs`.
    """
    seed = seed_covs(theta, real, synthetic, (masses,), families, loss, nodes)[0, 0]
    return jnp.einsum("g,gpq->pq", 1.0 / masses.sizes, seed)


def _central(theta, law: Law) -> tuple[Array, Array, Array]:
    """Central moments ``E[a^j]``, ``a = t - E t``, of the score in one group, ``j = 2, 3, 4``."""
    mean, _ = overall(law)
    shift = (law.means - mean[None]) @ theta[1:]
    var = jnp.maximum((law.covs @ theta[1:]) @ theta[1:], 0.0)
    return (
        law.weights @ (shift**2 + var),
        law.weights @ (shift**3 + 3 * shift * var),
        law.weights @ (shift**4 + 6 * shift**2 * var + 3 * var**2),
    )


def second_order_risk(
    theta: Float[Array, " p"],
    real: Law,
    synthetic: Law,
    masses: SeedMasses,
    families: tuple[str, ...],
    loss: Loss,
) -> Float[Array, ""]:
    """Expected synthetic risk minus its population value, to order ``1/n``, nats.

    A fitted Gaussian, or a scale mixture ``N(mu, W cov)`` of ``E W = 1``, enters the risk through
    the mean ``m`` and variance ``v`` of its score, and ``E_k = E[W^j d^k loss / d t^k]``, ``j``
    how often it is differentiated in ``v``, gives all derivatives (``d_m = d_t``, ``d_v =
    W d_t^2 / 2``), so

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
    a2, a3, a4 = jax.vmap(lambda law: _central(theta, law))(real)
    e = jnp.moveaxis(fits.slopes, -1, 0)
    n, total, v = masses.sizes, jnp.sum(masses.sizes), fits.var
    mean_mean = masses.gaussian * e[2] * a2 / n
    mean_cov = (masses.own_cov / n + masses.pooled_cov / total) * e[3] * a3
    spread = a4 - a2**2  # n times the variance of the estimated v
    cov_cov = (masses.own_cov * spread / n + masses.pooled_cov * ((n @ spread) / total**2)) * e[4]
    stretch, heavy = fits.bend * v / 2, e[4] * v**2 / 4
    features = theta.shape[0] - 1
    wider = masses.wide_mean * stretch + masses.wide_cov * ((features + 2) * stretch + heavy)
    return jnp.sum((mean_mean + mean_cov + cov_cov / 4) / 2 + wider / n)


class Fitted(NamedTuple):
    """What the seeds of fitted generators add, at two points.

    Attributes:
        noise: `seed_noise` ``[2, p, p]``.
        drift: gradients of `second_order_risk` ``[2, p]``.
        slope: ``grad tr(matrix seed_noise)`` at the second point ``[p]``.
    """

    noise: AnyArray
    drift: AnyArray
    slope: AnyArray


def _fitted(points, matrix, laws, masses, room, families, loss) -> Fitted:
    """Noise of the seeds at points, and what second order adds; few arguments are passed faster.

    Args:
        points: ``[2, p]``; matrix: ``[p, p]``, whose trace with the noise has its slope taken.
        laws: as `halves` takes them, with ``room``; masses: in one array, as `SeedMasses` has them.
        families, loss: as for `seed_noise`.
    """
    rest = (*halves(laws, room), SeedMasses(*masses), families, loss)
    noise, pull = jax.vjp(jax.vmap(lambda theta: seed_noise(theta, *rest)), points)
    drift = jax.vmap(jax.grad(lambda theta: second_order_risk(theta, *rest)))(points)
    (slope,) = pull(jnp.stack([jnp.zeros_like(matrix), matrix]))
    return Fitted(noise, drift, slope[1])


_STATIC = ("room", "families", "loss")
_brief, _long = (quick_jit(_fitted, static_argnames=_STATIC, level=level) for level in (0, 1))


def fitted(points, matrix, laws: Law, masses, room: int, families, loss: Loss) -> Fitted:
    """`Fitted`, by a program that is optimised only where it runs for more than a millisecond.

    Args:
        points: ``[2, p]``; matrix: ``[p, p]``, whose trace with the noise has its slope taken.
        laws: as `halves` takes them, with ``room``; masses: in one array, as `SeedMasses` has them.
        room: components of a group.
        families, loss: as for `seed_noise`.
    """
    brief = "interpolation" not in families and room <= _FEW and points.shape[1] <= _NARROW
    program = _brief if brief else _long
    return program(points, matrix, laws, masses, room=room, families=families, loss=loss)
