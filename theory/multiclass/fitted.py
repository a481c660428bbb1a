"""Mean scores of fitted generators with several classes, and how their parameters move them.

A generator that fits a Gaussian, or a scale mixture ``N(mu, W S)`` with ``E W = 1``, has the mean
score ``E[d_k psi] - 1{y = k}`` times ``(1, mu)`` and so on, with ``psi`` the log partition function
and tensors

    T[n, j] = E[W^j d^n psi(t)],    t | W ~ N(m, W V).

A derivative in ``m`` adds an order to them, one in ``V`` two orders, a power of ``W`` and a half.
In the parameters, a row of ``Theta`` moves ``m`` by ``M = (1, mu)`` and ``V`` by ``C = (0, S w)``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermevander

from synthetic_oversampling.theory.generators.seed_masses import SeedMasses
from synthetic_oversampling.theory.multiclass.components import Components
from synthetic_oversampling.theory.multiclass.partition import entries, means_of_derivatives, places
from synthetic_oversampling.theory.multiclass.scores import (
    MOST_OF_PART,
    Grid,
    Scores,
    grids_for,
    pieces_of,
    scores_at,
    softmax,
)

__all__ = ["TENSORS", "Fit", "centred", "fit_of", "pulled", "second_order", "second_order_slope"]

# order of the derivative and column of the weights, of each tensor of a `Fit`
TENSORS = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (4, 1), (4, 2), (5, 2), (6, 3))
_ORDERS, _POWERS = range(1, 7), 4  # of all of them
_WIDE, _BY_PARTS = 1.0, (2, 3)  # standard deviations of scores, and how many scores


class Fit(NamedTuple):
    """A fitted generator's law at a point.

    Attributes:
        tensors: ``T[n, j]`` for `TENSORS` ``[C, ..., C]``; the label is in ``T[1, 0]``.
        location: ``M`` ``[p]``; direction: the ``C_k`` ``[C, p]``; cov: ``diag(0, S)`` ``[p, p]``.
        spread: ``V`` ``[C, C]``.
        short: whether some grid has fewer nodes than it needs.
    """

    tensors: dict[tuple[int, int], np.ndarray]
    location: np.ndarray
    direction: np.ndarray
    cov: np.ndarray
    spread: np.ndarray
    short: bool


def fit_of(
    theta: np.ndarray,
    law: Components,
    seed: int | None = None,
    most_of_part: int = MOST_OF_PART,
) -> Fit:
    """`Fit` of a generator's law.

    Args:
        theta: ``[C, p]``; law: of one group's generator, a scale mixture about one mean.
        seed, most_of_part: as for `grids_for`.
    """
    size, width = theta.shape
    traces = np.trace(law.covs, axis1=1, axis2=2)
    total = law.weights @ traces
    factors = traces / total if total > 0 else np.ones(len(traces))
    scores = scores_at(theta, law)
    narrowest = np.min(np.linalg.norm(scores.root, axis=1), axis=1)  # of the scores' directions
    missed = np.zeros(len(factors), bool)
    grids = grids_for(scores, law.weights * factors**2, seed=seed, most_of_part=most_of_part)
    for grid in grids:
        missed[grid.chosen] = grid.short or not grid.tensor
    wide = missed & (narrowest >= _WIDE) & (size in _BY_PARTS)
    powers = np.stack([law.weights * factors**j for j in range(_POWERS)])
    rest = scores
    if np.any(wide):
        rest = Scores(*(part[~wide] for part in scores))
        grids = grids_for(rest, powers[2, ~wide], seed=seed, most_of_part=most_of_part)
    means = _direct(rest, grids, powers[:, ~wide])
    if np.any(wide):
        _add_by_parts(means, Scores(*(part[wide] for part in scores)), powers[:, wide])
    tensors = {(n, j): means[n][..., j] for n, j in TENSORS}
    label = int(law.labels[0])
    if label:
        tensors[1, 0] = tensors[1, 0] - np.eye(size)[label - 1]
    cov = np.zeros((width, width))
    cov[1:, 1:] = np.tensordot(law.weights, law.covs, 1)
    direction = theta @ cov
    return Fit(
        tensors=tensors,
        location=scores.location[0],
        direction=direction,
        cov=cov,
        spread=direction @ theta.T,
        short=bool(np.any(missed & ~wide)),
    )


def _direct(scores: Scores, grids: list[Grid], powers: np.ndarray) -> dict[int, np.ndarray]:
    """``sum_c w_c f_c^j E[d^n psi]`` of Gaussians, ``powers`` the ``w f^j`` ``[j, c]``: for every
    ``n`` ``[C, ..., C, j]``."""
    size = scores.mean.shape[1]
    means = {n: np.zeros((size,) * n + (len(powers),)) for n in _ORDERS}
    for block, nodes, weights, _ in pieces_of(grids, 90):
        t = scores.mean[block, None] + nodes @ np.swapaxes(scores.root[block], 1, 2)
        share, log_sum = softmax(t)
        rows = (powers[:, block, None] * weights[None]).reshape(len(powers), -1)
        q, none = share.reshape(-1, size).T, np.exp(-log_sum).ravel()
        for n, value in means_of_derivatives(q, none, rows, _ORDERS).items():
            means[n] += value
    return means


def _add_by_parts(means: dict[int, np.ndarray], scores: Scores, powers: np.ndarray) -> None:
    """Adds those of scores that spread widely in every direction.

    Derivatives of ``psi`` are then narrow ridges that grids miss, and high ones cancel across
    them. Integrated by parts, with ``t = m + R z``, ``E[d^n psi]`` is ``E[He_n(z) psi]``, each
    index multiplied by ``R^{-1}``, in which there is nothing narrow.
    """
    size = scores.mean.shape[1]
    # as parts of a law, for which there is always a tensor grid
    for block, nodes, weights, _ in pieces_of(grids_for(scores, powers[0] / 10), 90):
        t = scores.mean[block, None] + nodes @ np.swapaxes(scores.root[block], 1, 2)
        value = softmax(t)[1] * weights
        along = [hermevander(z, max(_ORDERS)) for z in nodes[0].T]
        inverse = np.linalg.inv(scores.root[block])
        for n, mean in means.items():
            rows = [
                math.prod(along[k][:, index.count(k)] for k in range(size))
                for index in entries(size, n)
            ]
            tensor = (value @ np.stack(rows, axis=1))[:, places(size, n)]
            for _ in range(n):  # the last index becomes the first
                tensor = np.einsum("c...i,cik->ck...", tensor, inverse)
            mean += np.einsum("c...,jc->...j", tensor, powers[:, block])


def pulled(fit: Fit, order: tuple[int, int], adjoint: np.ndarray) -> np.ndarray:
    """Gradient in ``Theta`` of ``sum(adjoint * T[n, j])``: ``[C, p]``.

    Args:
        fit: the law; order: ``(n, j)``; adjoint: ``[C, ..., C]``.
    """
    n, j = order
    axes = list(range(n))
    first = np.tensordot(adjoint, fit.tensors[n + 1, j], (axes, axes))
    second = np.tensordot(adjoint, fit.tensors[n + 2, j + 1], (axes, axes))
    return first[:, None] * fit.location + second @ fit.direction


class Centred(NamedTuple):
    """Central moments of a group's scores ``a = W (x - E x)``, and with ``xi = (0, x - E x)``.

    Attributes:
        second, third, fourth: ``E a a``, ``E a a a``, ``E a a a a``.
        along: ``E xi a`` ``[C, p]``, ``E xi a a``, ``E xi a a a``, last axis ``p``.
    """

    second: np.ndarray
    third: np.ndarray
    fourth: np.ndarray
    along: tuple[np.ndarray, np.ndarray, np.ndarray]


def centred(theta: np.ndarray, law: Components) -> Centred:
    """`Centred` moments of a group.

    Args:
        theta: ``[C, p]``; law: of the group.
    """
    scores = scores_at(theta, law)
    mean = law.weights @ law.means
    apart = law.means - mean
    s = np.concatenate([np.zeros((len(apart), 1)), apart], axis=1)  # [c, p]
    h = s @ theta.T
    v, r = scores.cov, scores.direction
    w = law.weights
    second = np.einsum("c,ckl->kl", w, h[:, :, None] * h[:, None] + v)
    one = _slots(h[:, None, None, :] * v[..., None])
    third = np.einsum("ck,cl,cm->cklm", h, h, h) + one
    square = np.einsum("ck,cl,cmn->cklmn", h, h, v)
    both = np.einsum("ckl,cmn->cklmn", v, v)
    pairings = ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2))
    fourth = np.einsum("ck,cl,cm,cn->cklmn", h, h, h, h)
    for order in pairings:
        place = (0, *(1 + np.argsort(order)))
        fourth = fourth + np.transpose(both, place) + np.transpose(square, place)
        other = (0, *(1 + np.argsort((*order[2:], *order[:2]))))
        fourth = fourth + np.transpose(square, other)
    two = h[:, :, None] * h[:, None] + v
    along_1 = np.einsum("ck,cp->ckp", h, s) + r
    along_2 = np.einsum("ckl,cp->cklp", two, s)
    along_2 = along_2 + np.einsum("ck,clp->cklp", h, r) + np.einsum("cl,ckp->cklp", h, r)
    along_3 = np.einsum("cklm,cp->cklmp", third, s)
    for pair, rest in (("kl", "m"), ("km", "l"), ("lm", "k")):
        along_3 = along_3 + np.einsum(f"c{pair},c{rest}p->cklmp", two, r)
    return Centred(
        second,
        np.einsum("c,cklm->klm", w, third),
        np.einsum("c,cklmn->klmn", w, fourth),
        (
            np.tensordot(w, along_1, 1),
            np.tensordot(w, along_2, 1),
            np.tensordot(w, along_3, 1),
        ),
    )


def _slots(values: np.ndarray) -> np.ndarray:
    """``v_kl h_m`` in all three places of ``m``."""
    moved = np.transpose(values, (0, 1, 3, 2)) + np.transpose(values, (0, 3, 1, 2))
    return values + moved


def second_order(fits: list[Fit], groups: list[Centred], masses: SeedMasses, features: int):
    """Expected synthetic risk minus its population value, to order ``1 / n``.

    Statement (asymptotic): ``(T[2,0] Cov(m) + T[3,1] Cov(m, V) + T[4,2] Cov(V) / 4) / 2`` of the
    estimates of the scores' mean and covariance, plus what a predictive law is wider by.

    Args:
        fits: of the groups' generators; groups: their own moments; masses: the design's.
        features: how many.
    """
    sizes = np.asarray(masses.sizes)
    total, value = sizes.sum(), 0.0
    spreads = [at.fourth - np.multiply.outer(at.second, at.second) for at in groups]
    pooled = sum(n * spread for n, spread in zip(sizes, spreads, strict=True)) / total**2
    for g, (fit, at) in enumerate(zip(fits, groups, strict=True)):
        t, n = fit.tensors, sizes[g]
        value += masses.gaussian[g] * np.sum(t[2, 0] * at.second) / n / 2
        share = masses.own_cov[g] / n + masses.pooled_cov[g] / total
        value += share * np.sum(t[3, 1] * at.third) / 2
        spread = masses.own_cov[g] * spreads[g] / n + masses.pooled_cov[g] * pooled
        value += np.sum(t[4, 2] * spread) / 8
        stretch = np.sum(t[2, 1] * fit.spread) / 2
        heavy = np.sum(t[4, 2] * np.multiply.outer(fit.spread, fit.spread)) / 4
        wider = masses.wide_mean[g] * stretch
        wider = wider + masses.wide_cov[g] * ((features + 2) * stretch + heavy)
        value += wider / n
    return float(value)


def second_order_slope(
    fits: list[Fit], groups: list[Centred], masses: SeedMasses, features: int
) -> np.ndarray:
    """Gradient of `second_order` in ``Theta``: ``[C p]``.

    Args:
        fits, groups, masses, features: as for `second_order`.
    """
    sizes = np.asarray(masses.sizes)
    total = sizes.sum()
    slope = np.zeros_like(fits[0].direction)
    spreads = [at.fourth - np.multiply.outer(at.second, at.second) for at in groups]
    pooled = sum(n * spread for n, spread in zip(sizes, spreads, strict=True)) / total**2
    shared = sum(m * fit.tensors[4, 2] for m, fit in zip(masses.pooled_cov, fits, strict=True))
    for g, (fit, at) in enumerate(zip(fits, groups, strict=True)):
        t, n = fit.tensors, sizes[g]
        first, second, third = at.along
        mean = masses.gaussian[g] / n / 2
        share = (masses.own_cov[g] / n + masses.pooled_cov[g] / total) / 2
        spread = masses.own_cov[g] * spreads[g] / n + masses.pooled_cov[g] * pooled
        slope += pulled(fit, (2, 0), mean * at.second)
        slope += pulled(fit, (3, 1), share * at.third)
        slope += pulled(fit, (4, 2), spread / 8)
        # of the group's own moments: a_k moves by xi
        slope += 2 * mean * np.tensordot(t[2, 0], first, 1)
        slope += 3 * share * np.einsum("mkl,klp->mp", t[3, 1], second)
        outer = (masses.own_cov[g] * t[4, 2] / n + n * shared / total**2) / 8
        slope += 4 * np.einsum("mkln,klnp->mp", outer, third)
        slope -= 4 * np.einsum("mkln,kp,ln->mp", outer, first, at.second)
        # of the wider law
        wide = (masses.wide_mean[g] + (features + 2) * masses.wide_cov[g]) / n
        heavy = masses.wide_cov[g] / n / 4
        v = fit.spread
        slope += pulled(fit, (2, 1), wide * v / 2)
        slope += wide * t[2, 1] @ fit.direction
        slope += pulled(fit, (4, 2), heavy * np.multiply.outer(v, v))
        slope += 4 * heavy * np.einsum("mkln,kp,ln->mp", t[4, 2], fit.direction, v)
    return slope.ravel()
