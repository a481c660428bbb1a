"""Theorem R along the weight: the two parts of the global law at many weights at once.

`theory.predict` says everything about one design. The global law (`theory.scaling.global_law`) asks
of many weights for two numbers each, the excess without end of synthetic samples and what the noise
of one sample a group adds to it, and so for less: nothing at the balanced optimum, no group by
itself, and of the estimator's bias ``v`` only ``g' v``, with ``g`` the gradient of the balanced
risk. The same algebra as `theory.prediction.excess_risk`, batched over weights on the host; what
the seeds of a fitted generator add is one compiled program with one derivative, along ``A^{-1} g``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.seed_masses import SeedMasses
from synthetic_oversampling.theory.population.laws import Law, halves
from synthetic_oversampling.theory.population.margins import Loss
from synthetic_oversampling.theory.population.minimum import minimisers
from synthetic_oversampling.theory.population.moments import (
    margin_means,
    moments,
    moments_from,
    moments_slope,
    score_slopes,
)
from synthetic_oversampling.theory.prediction.bias import Population
from synthetic_oversampling.theory.prediction.excess_risk import inverses
from synthetic_oversampling.theory.prediction.hajek import COARSE
from synthetic_oversampling.theory.prediction.influence import (
    score_cov_weights,
    second_order_risk,
    seed_noise,
)

__all__ = ["Along", "Masses", "excess_along"]

_TOGETHER = 16  # weights in one run of a compiled program, whatever number is asked for
_STEPS = 40  # of Newton's method
_SETTLED = 1e-14  # relative size of a step that ends it
_FINER = 73  # nodes of nested integrals that are as good as `COARSE` up to this spread:
_NARROW = 2.4  # standard deviation of a score, at which their step in the score is 0.6


class Masses(NamedTuple):
    """Weights of designs without end of synthetic samples ``[n, G]``.

    Attributes:
        real, synthetic: total weights of the groups' real and synthetic samples.
        noise: sums of squared weights of the synthetic samples.
    """

    real: np.ndarray
    synthetic: np.ndarray
    noise: np.ndarray


class Along(NamedTuple):
    """Theorem R at many weights, in the limit of many synthetic samples: nats.

    Attributes:
        limit: the excess ``[n]``.
        fresh: variance and Cox-Snell part of one synthetic sample a group ``[n]``, times samples.
        bias, variance, cox_snell: the parts of the limit ``[n]``.
        logit_noise: as `theory.Prediction` has it ``[n, G]``.
    """

    limit: np.ndarray
    fresh: np.ndarray
    bias: np.ndarray
    variance: np.ndarray
    cox_snell: np.ndarray
    logit_noise: np.ndarray


def excess_along(
    masses: Masses,
    theta_star,
    pieces: Population,
    sort: Callable[..., SeedMasses],
    loss: Loss,
) -> Along:
    """The excess of each design in parts, and what one synthetic sample's noise adds ``[n]``.

    Statement (exact on R1 and R2): the first is `theory.predict`'s total; theorem R is linear in
    the covariance of the empirical gradient, and the second is its variance and Cox-Snell part for
    the covariance of one synthetic sample of weight ``1 / G`` in every group.

    Args:
        masses: the designs' weights.
        theta_star: the balanced optimum ``[p]``.
        pieces: the groups' and generators' laws.
        sort: ``(real, synthetic, noise) -> SeedMasses`` of one design.
        loss: the loss (static).

    Raises:
        ValueError: if some design has no finite minimiser.
    """
    laws, count = pieces.laws, masses.real.shape[1]
    shares = np.concatenate([masses.real, masses.synthetic], axis=1)
    points = _points(shares, np.asarray(theta_star), pieces, loss)
    at = margin_means(points, laws, loss, further=2)
    moment, best = moments_from(at, laws), moments(np.asarray(theta_star), laws, loss)
    inverse = inverses(np.einsum("tg,tgpq->tpq", shares, moment.hessian))
    each = [sort(*row) for row in zip(*masses, strict=True)]
    found = {name for one in each for name in one.families}
    families = tuple(name for name in ("gaussian", "interpolation") if name in found)
    weights = np.stack([score_cov_weights(one, families) for one in each])
    gradient = moment.score_mean[:, :count].mean(axis=1)
    hessian = moment.hessian[:, :count].mean(axis=1)
    along = (inverse @ gradient[..., None])[..., 0]

    noise, turn, drift = np.zeros_like(inverse), 0.0, 0.0
    if families:
        room = pieces.real.weights.shape[1]
        wide = np.einsum("ti,gkij,tj->tgk", points[:, 1:], laws.covs, points[:, 1:])
        narrow = float(np.max(wide, initial=0.0)) <= _NARROW**2
        nodes = _FINER if narrow and "interpolation" in families else COARSE
        noise, turn, drift = _seeds(points, along, inverse, laws, each, room, families, loss, nodes)

    def noisy(weights, noise):
        """Covariance of the estimate, and variance and Cox-Snell part, what seeds add aside."""
        cov = inverse @ (np.einsum("tg,tgpq->tpq", weights, moment.score_cov) + noise) @ inverse
        slope = moments_slope(at, moment, laws, (-shares, cov), (weights, inverse))
        return cov, np.sum(hessian * cov, axis=(1, 2)), np.sum(slope * along, axis=1)

    one = np.broadcast_to(np.repeat([0.0, 1.0 / count**2], count), shares.shape)
    bias = (moment.risk[:, :count] - best.risk[:count]).mean(axis=1)
    cov, variance, drawn = noisy(weights, noise)
    _, *fresh = noisy(one, 0.0)
    own = moment.hessian[:, :count]
    return Along(
        limit=bias + (variance + drawn) / 2 + turn / 2 - drift,
        fresh=(fresh[0] + fresh[1]) / 2,
        bias=bias,
        variance=variance / 2,
        cox_snell=drawn / 2 + turn / 2 - drift,
        logit_noise=np.einsum("tgpq,tpq->tg", own, cov) / own[..., 0, 0],
    )


def _points(shares, star, pieces: Population, loss: Loss) -> np.ndarray:
    """Minimisers for each row of shares ``[n, 2 G]``: Newton's method for all of them at once.

    Its features have mean 0 and covariance I on the balanced law, as `theory.population.minimum`
    has it, whose damped steps are found in a compiled program: where these do not settle, or the
    ends of the path look doubtful, it decides, and says why there is no minimiser.
    """
    law = pieces.balanced
    mass = law.weights.sum()
    centre = law.weights @ law.means / mass
    apart = law.means - centre
    cov = np.einsum("k,kij->ij", law.weights, law.covs) + (law.weights * apart.T) @ apart
    root = np.linalg.cholesky(cov / mass)
    lower = np.linalg.inv(root)
    laws = pieces.laws
    white = laws._replace(means=(laws.means - centre) @ lower.T, covs=lower @ laws.covs @ lower.T)
    points = np.empty((len(shares), len(star)))
    points[:, 0], points[:, 1:] = star[0] + centre @ star[1:], star[1:] @ root
    open_ = np.arange(len(shares))
    for _ in range(_STEPS):
        slope, curvature = score_slopes(points[open_], white, loss)
        slope = np.einsum("tg,tgp->tp", shares[open_], slope)
        curvature = np.einsum("tg,tgpq->tpq", shares[open_], curvature)
        try:
            move = np.linalg.solve(curvature, slope[..., None])[..., 0]
        except np.linalg.LinAlgError:
            break
        decrement = np.sqrt(np.maximum(np.sum(move * slope, axis=1), 0.0))
        step = np.where(decrement < 0.25, 1.0, 1.0 / (1.0 + decrement))
        points[open_] -= step[:, None] * move
        size = np.max(np.abs(move), axis=1) / (1.0 + np.max(np.abs(points[open_]), axis=1))
        if not np.all(np.isfinite(size)):
            break
        open_ = open_[size > _SETTLED]
        if not open_.size:
            break
    else:
        # rounding may keep a step from ever being this small
        open_ = open_[size[size > _SETTLED] > 1e-12]
    if open_.size:
        return np.stack(_compiled(shares, pieces, loss))
    slopes = points[:, 1:] @ lower
    return np.concatenate([points[:, :1] - slopes @ centre[:, None], slopes], axis=1)


def _compiled(shares, pieces: Population, loss: Loss) -> list[np.ndarray]:
    """Minimisers, two at a time: the program of `theory.predict`."""
    count = shares.shape[1] // 2
    parts = ((shares[:, :count], pieces.real), (shares[:, count:], pieces.synthetic))
    rows = [(part[..., None] * law.weights).reshape(len(part), -1) for part, law in parts]
    weights = np.concatenate(rows, axis=1)
    pairs = [weights[[k, min(k + 1, len(weights) - 1)]] for k in range(0, len(weights), 2)]
    found = [
        np.asarray(minimiser)
        for pair in pairs
        for minimiser in minimisers(pair, pieces.target, loss)
    ]
    return found[: len(weights)]


def _seeds(points, along, inverse, laws: Law, masses, room, families, loss, nodes):
    """Of every design, `seed_noise`, ``tr(A^{-1} seed_noise)``'s slope and the drift, ``along``."""
    fields = np.stack([np.stack(mass) for mass in masses])
    rows = (points, along, inverse, fields)
    blocks = []
    for start in range(0, len(points), _TOGETHER):
        index = np.minimum(np.arange(start, start + _TOGETHER), len(points) - 1)
        record = (part[index] for part in rows)
        blocks.append(_seeds_along(*record, laws, room, families, loss, nodes))
    return [
        np.concatenate([np.asarray(value) for value in part])[: len(points)]
        for part in zip(*blocks, strict=True)
    ]


def _along(points, along, inverse, fields, laws, room, families, loss, nodes):
    pair = halves(laws, room)

    def one(row):
        theta, way, matrix, path_row = row
        rest = (*pair, SeedMasses(*path_row), families, loss)
        noise, turn = jax.jvp(lambda at: seed_noise(at, *rest, nodes=nodes), (theta,), (way,))
        drift = jax.jvp(lambda at: second_order_risk(at, *rest), (theta,), (way,))[1]
        return noise, jnp.sum(matrix * turn), drift

    rows = (points, along, inverse, fields)
    if "interpolation" in families:  # nested integrals: all at once would fill the memory
        return jax.lax.map(one, rows)
    return jax.vmap(one)(rows)


_seeds_along = quick_jit(_along, static_argnames=("room", "families", "loss", "nodes"), level=1)
