"""Expectations under Gaussian mixtures by scipy's adaptive integration, and groups to try them on.

The features are rotated so that the first coordinate alone moves the score; along it scipy
integrates adaptively between breakpoints, and in the others, where integrands are polynomials of
degree two, three Gauss-Hermite points are exact. Nothing of the closed forms is used: no
integration by parts, no derivative of a loss beyond the two written here.
"""

import itertools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from scipy.integrate import cubature, quad
from scipy.special import expit

from synthetic_oversampling.theory.population.laws import Law

REACH = 40.0  # standard deviations: the normal density there is 1e-348


def loss_value(u):
    return np.logaddexp(0.0, -u)


def loss_slope(u):
    return -expit(-u)


def loss_curvature(u):
    return expit(u) * expit(-u)


def breakpoints(centre, std):
    """Where a margin function times the normal density bends: modes, tilted modes, the zero."""
    if std == 0:
        return np.array([-REACH, 0.0, REACH])
    zero = -centre / std
    steps = np.array([-40.0, -10.0, -3.0, 0.0, 3.0, 10.0, 40.0]) / std
    modes = np.array([-REACH, -2 * std, -std, -1.0, 0.0, 1.0, std, 2 * std, REACH])
    return np.unique(np.clip(np.concatenate([zero + steps, modes]), -REACH, REACH))


def scalar_expectation(function, centre, var):
    """``E[g(u)]``, ``u ~ N(centre, var)``, by `scipy.integrate.quad`, panel by panel."""
    std = float(np.sqrt(var))

    def integrand(z):
        return function(centre + std * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    points = breakpoints(centre, std)
    panels = zip(points[:-1], points[1:], strict=True)
    return sum(
        quad(integrand, *panel, epsabs=0.0, epsrel=1e-13, limit=200, full_output=1)[0]
        for panel in panels
    )


def expectation(value, theta, law):
    """``E[value(u, y, xbar)]`` over a law, by `scipy.integrate.cubature` along the score.

    ``value`` maps ``u [m]``, a sign and ``xbar [m, p]`` to ``[m, ...]``, and is at most a
    polynomial of degree five in ``xbar`` at fixed ``u``.
    """
    total = 0.0
    for weight, mean, cov, sign in zip(*(np.asarray(part) for part in law), strict=True):
        if weight > 0:
            total = total + weight * _component(value, np.asarray(theta), mean, cov, sign)
    return total


def _component(value, theta, mean, cov, sign):
    dim = mean.size
    root = np.linalg.cholesky(cov)
    along = root.T @ theta[1:]
    std = np.linalg.norm(along)
    basis, _ = np.linalg.qr(np.column_stack([along, np.eye(dim)])[:, :dim])
    if basis[:, 0] @ along < 0:
        basis[:, 0] *= -1
    root = root @ basis  # x = mean + root z, score moved by z[0] alone
    nodes, masses = np.polynomial.hermite_e.hermegauss(3)
    rest = np.array(list(itertools.product(nodes, repeat=dim - 1))).reshape(3 ** (dim - 1), dim - 1)
    mass = np.ones(1)
    for _ in range(dim - 1):
        mass = np.outer(mass, masses / np.sqrt(2 * np.pi)).ravel()
    centre = theta[0] + mean @ theta[1:]

    def integrand(points):
        z = points[:, 0]
        density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
        total = 0.0
        for other, share in zip(rest, mass, strict=True):
            x = mean + z[:, None] * root[:, 0] + root[:, 1:] @ other
            xbar = np.column_stack([np.ones_like(z), x])
            part = value(sign * (centre + std * z), sign, xbar)
            total = total + share * density.reshape((-1,) + (1,) * (part.ndim - 1)) * part
        return total

    points = breakpoints(centre, std)
    return sum(
        cubature(
            integrand, [low], [high], rule="gk21", rtol=1e-13, atol=1e-300, max_subdivisions=12
        ).estimate
        for low, high in zip(points[:-1], points[1:], strict=True)
    )


def _everything(u, sign, xbar):
    """Loss, score, its size, its square and the curvature, side by side: ``[m, 1 + 2p + 2p^2]``."""
    score = sign * loss_slope(u)[:, None] * xbar
    square = score[:, :, None] * score[:, None, :]
    curvature = loss_curvature(u)[:, None, None] * xbar[:, :, None] * xbar[:, None, :]
    flat = (part.reshape(len(u), -1) for part in (square, curvature))
    return np.column_stack([loss_value(u), score, np.abs(score), *flat])


class Integrals(NamedTuple):
    """Expectations of the loss, the score, its absolute value, its square, and the curvature."""

    risk: float
    score: np.ndarray
    score_size: np.ndarray
    score_square: np.ndarray
    curvature: np.ndarray


def integrals(theta, law):
    """`Integrals` of a law at a score, by adaptive integration."""
    p = len(theta)
    value = expectation(_everything, theta, law)
    square, curvature = (part.reshape(p, p) for part in np.split(value[1 + 2 * p :], 2))
    return Integrals(
        risk=value[0],
        score=value[1 : 1 + p],
        score_size=value[1 + p : 1 + 2 * p],
        score_square=square,
        curvature=curvature,
    )


@st.composite
def scores_and_laws(draw, dim=2, components=2, max_std=30.0):
    """A score and a mixture of one label, by what its margins are: mean in stds, std.

    Standard deviations are log-uniform on [0.03, max_std], means up to ten of them either side.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    slope = rng.normal(size=dim)
    slope *= 10 ** draw(st.floats(-1.0, 0.5)) / np.linalg.norm(slope)
    intercept = draw(st.floats(-2.0, 2.0))
    means, covs = [], []
    for _ in range(components):
        std = 0.03 * (max_std / 0.03) ** draw(st.floats(0.0, 1.0))
        basis, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
        cov = basis @ np.diag(rng.uniform(0.1, 1.0, dim)) @ basis.T
        cov = (cov + cov.T) / 2 * std**2 / (slope @ cov @ slope)
        score_mean = draw(st.floats(-10.0, 10.0)) * std
        free = rng.normal(size=dim)
        move = (score_mean - intercept - slope @ free) / (slope @ slope)
        means.append(free + move * slope)
        covs.append(cov)
    weights = rng.uniform(0.2, 1.0, components)
    sign = draw(st.sampled_from([-1.0, 1.0]))
    law = Law(
        jnp.asarray(weights / weights.sum()),
        jnp.asarray(np.stack(means)),
        jnp.asarray(np.stack(covs)),
        jnp.full(components, sign),
    )
    return jnp.asarray(np.concatenate([[intercept], slope])), law
