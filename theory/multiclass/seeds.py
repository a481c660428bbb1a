"""What the seeds of fitted generators add to the empirical gradient, with several classes.

A seed ``x`` of group ``g`` contributes ``f(x) / n_g``, as in `theory.prediction.influence`:

    f_k = phi_k(t) xbar + beta_k(t),

``phi`` and ``beta`` functions of the scores ``t`` alone: its own score, the derivatives of the mean
score of a fitted Gaussian times ``x - mu`` and ``(x - mu)(x - mu)' - S``, and for interpolation
the projection ``2 E[s((1-u) x + u x') | x]``. With ``xbar = b(z) + r``, ``r`` independent of the
scores, covariances and their gradients are integrals over ``z``. The vectors that multiply
functions of ``z`` are few, so that with many features their span is much smaller than the space of
features: tables over the nodes are in coordinates of that span.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.arrays import AnyArray
from synthetic_oversampling.theory.generators.seed_masses import SeedMasses
from synthetic_oversampling.theory.multiclass.components import Components
from synthetic_oversampling.theory.multiclass.fitted import Fit, pulled
from synthetic_oversampling.theory.multiclass.interpolation import hermite_nodes, partner_means
from synthetic_oversampling.theory.multiclass.moments import residuals
from synthetic_oversampling.theory.multiclass.scores import (
    Scores,
    grids_for,
    pieces_of,
    scores_at,
    softmax,
)

__all__ = ["Seeds"]

_ALONG = 1e-14  # a singular value of unit vectors, relative to the largest, that is rounding


class _Place(NamedTuple):
    """One component of a group at the nodes: ``a = t - centre``, weights and ``b(z)``."""

    group: int
    weights: np.ndarray  # [N]
    residual: np.ndarray  # r_k: [C, N]
    bend: np.ndarray  # h_kl: [C, C, N]
    apart: np.ndarray  # [C, N]
    place: np.ndarray  # b(z) in the span's coordinates: [N, f]
    rest: np.ndarray  # [p, p]
    centre: np.ndarray  # (1, mean of the group): [p]
    span: np.ndarray  # orthonormal rows: [f, p]
    partners: list  # of (component, its means)

    @property
    def products(self) -> np.ndarray:
        """``a_l a_m`` ``[C C, N]``."""
        return (self.apart[:, None] * self.apart[None]).reshape(len(self.apart) ** 2, -1)


def _points(scores: Scores, shares, interpolates: bool, seed: int | None) -> list:
    """Nodes ``[N, C]`` and weights ``[N]`` of every component."""
    count, size = scores.mean.shape
    if interpolates and size <= 3:
        return [hermite_nodes(scores)] * count
    found: list = [None] * count
    for block, nodes, weights, _ in pieces_of(grids_for(scores, shares, seed=seed)):
        for place, c in enumerate(block):
            found[c] = tuple(part[min(place, len(part) - 1)] for part in (nodes, weights))
    return found


def _span(vectors: np.ndarray) -> np.ndarray:
    """Orthonormal rows whose span holds vectors ``[v, p]``: the unit vectors where that is all."""
    width = vectors.shape[1]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    _, size, turn = np.linalg.svd(vectors / np.where(length > 0, length, 1.0), full_matrices=False)
    rank = int(np.sum(size > _ALONG * size[0]))
    return turn[:rank] if rank < width else np.eye(width)


def _spread(values: AnyArray, vectors: AnyArray) -> AnyArray:
    """``sum_l values_kln vectors_lp`` ``[k, N, p]``; vectors may differ by ``k`` as well."""
    return np.swapaxes(values, 1, 2) @ vectors


class _Part(NamedTuple):
    """A contribution on the nodes of a component: ``phi`` ``[C, N]``, all of it ``[C, N, f]``."""

    phi: AnyArray
    value: AnyArray


class Seeds:
    """The seeds of a design's groups at a point.

    Args:
        theta: ``[C, p]``.
        groups: components of each group's law.
        fits: of each group's fitted generator, where some generator fits a Gaussian; else none.
        interpolates: whether some generator interpolates.
        further: whether gradients will be asked for.
        pooled: whether some generator fits a covariance to all groups together.
        seed: of Sobol points, as for `grids_for`.
    """

    def __init__(
        self,
        theta: np.ndarray,
        groups: Sequence[Components],
        fits: Sequence[Fit],
        *,
        interpolates: bool,
        further: bool = True,
        pooled: bool = True,
        seed: int | None = None,
    ):
        self.theta, self.fits = theta, fits
        self.count = len(groups)
        self.places: list[_Place] = []
        self.scores: list[Scores] = []
        for g, group in enumerate(groups):
            scores = scores_at(theta, group)
            self.scores.append(scores)
            points = _points(scores, group.weights, interpolates, seed)
            centre = np.concatenate([[1.0], group.weights @ group.means])
            used = [centre[None], *scores.basis, *scores.direction, scores.location]
            reached = fits if pooled else fits[g : g + 1]
            used += [part for fit in reached for part in (fit.location[None], fit.direction)]
            span = _span(np.concatenate(used))
            for c in range(len(group.weights)):
                nodes, weights = points[c]
                t = scores.mean[c] + nodes @ scores.root[c].T
                share, log_sum = softmax(t)
                q = share.T
                label = int(group.labels[c])
                partners = []
                if interpolates:
                    for other in range(len(group.weights)):
                        found = partner_means(
                            scores,
                            label,
                            c,
                            other,
                            nodes,
                            further=further,
                            seed=0 if seed is None else seed,
                        )
                        partners.append((other, [group.weights[other] * v for v in found]))
                powers = np.concatenate([np.ones((len(nodes), 1)), nodes], axis=1)
                self.places.append(
                    _Place(
                        group=g,
                        weights=group.weights[c] * weights,
                        residual=residuals(share[None], log_sum[None], group.labels[c : c + 1])[0],
                        bend=np.eye(len(q))[:, :, None] * q[:, None] - q[:, None] * q[None],
                        apart=(t - theta @ centre).T,
                        place=powers @ (scores.basis[c] @ span.T),
                        rest=scores.rest[c],
                        centre=centre,
                        span=span,
                        partners=partners,
                    )
                )
        self.groups = list(groups)
        self._kept: tuple[SeedMasses, list[_Part]] | None = None  # of the last design

    def _pulls(self, masses: SeedMasses, g: int):
        """Coefficients of ``a xi`` ``[C, C]`` and of ``a a`` ``[C, C, C, p]``, own and pooled."""
        share = masses.sizes[g] / np.sum(masses.sizes)
        size, width = self.theta.shape
        scalar, square = np.zeros((size, size)), np.zeros((size, size, size, width))
        for h, fit in enumerate(self.fits):
            mass = share * masses.pooled_cov[h] + (masses.own_cov[g] if h == g else 0.0)
            if mass:
                t = fit.tensors
                scalar = scalar + mass * t[2, 1]
                both = t[3, 1][..., None] * fit.location + t[4, 2] @ fit.direction
                square = square + mass * both / 2
        return scalar, square

    def contribution(self, masses: SeedMasses) -> list[_Part]:
        """``f`` on the nodes of every component, less its mean over the group.

        Args:
            masses: of a part of a design; contributions are linear in them.
        """
        if self._kept is not None and self._kept[0] is masses:
            return self._kept[1]
        parts = []
        for at in self.places:
            g = at.group
            phi = masses.score[g] * at.residual
            value = np.zeros((*phi.shape, len(at.span)))
            if self.fits:
                fit = self.fits[g]
                t, mass = fit.tensors, masses.gaussian[g]
                scalar, square = self._pulls(masses, g)
                own = mass * t[1, 0][:, None] + scalar @ at.apart
                phi = phi + own
                tilt = mass * (t[2, 0] @ at.apart) - own
                value += tilt[..., None] * (at.span @ at.centre)
                turned = mass * np.tensordot(t[3, 1], at.apart, (2, 0))
                value += _spread(turned, fit.direction @ at.span.T)
                square = (square @ at.span.T).reshape(len(phi), -1, len(at.span))
                value += _spread(at.products[None], square)
            mass = 2 * masses.interpolation[g]
            if mass:
                for other, means in at.partners:
                    scores = self.scores[g]
                    phi = phi + mass * means[0]
                    value += mass * means[1][..., None] * (at.span @ scores.location[other])
                    value += mass * _spread(means[2], scores.direction[other] @ at.span.T)
            value += phi[..., None] * at.place
            parts.append(_Part(phi, value))
        for g in range(self.count):
            mine = [k for k, at in enumerate(self.places) if at.group == g]
            each = [np.tensordot(parts[k].value, self.places[k].weights, (1, 0)) for k in mine]
            mean = np.sum(each, axis=0)
            for k in mine:
                parts[k] = parts[k]._replace(value=parts[k].value - mean[:, None])
        self._kept = masses, parts
        return parts

    def covs(self, left: list[_Part], right: list[_Part]) -> np.ndarray:
        """Covariances of two contributions within each group: ``[G, C p, C p]``.

        Args:
            left, right: of `contribution`.
        """
        size, width = self.theta.shape
        total = np.zeros((self.count, size * width, size * width))
        for at, one, other in zip(self.places, left, right, strict=True):
            count = size * len(at.span)
            rows = np.swapaxes(one.value * at.weights[None, :, None], 1, 2).reshape(count, -1)
            columns = np.swapaxes(other.value, 1, 2).reshape(count, -1)
            apart = (one.phi * at.weights) @ other.phi.T
            spread = np.kron(np.eye(size), at.span)
            total[at.group] += spread.T @ (rows @ columns.T) @ spread + np.kron(apart, at.rest)
        return total

    def noise(self, masses: SeedMasses) -> np.ndarray:
        """``sum_g Cov(f_g) / n_g`` ``[C p, C p]``.

        Args:
            masses: of the design.
        """
        parts = self.contribution(masses)
        return np.einsum("g,gpq->pq", 1.0 / np.asarray(masses.sizes), self.covs(parts, parts))

    def slope(self, masses: SeedMasses, matrix: np.ndarray) -> np.ndarray:
        """Gradient in ``Theta`` of ``tr(matrix noise)``, the matrix held fixed: ``[C p]``.

        Args:
            masses: of the design; matrix: symmetric ``[C p, C p]``.
        """
        size, width = self.theta.shape
        slope = np.zeros((size, width))
        table = matrix.reshape(size, width, size, width)
        weights = 2.0 / np.asarray(masses.sizes)
        adjoints = [_Adjoint(size, width) for _ in range(self.count)]
        for at, part in zip(self.places, self.contribution(masses), strict=True):
            g = at.group
            one = _Turn(at, part, table)
            slope += weights[g] * self._through_scores(one, masses)
            if self.fits:
                self._collect(one, masses, weights[g], adjoints)
            if masses.interpolation[g]:
                slope += weights[g] * self._through_partner(one, masses)
        if self.fits:
            for fit, adjoint in zip(self.fits, adjoints, strict=True):
                slope += adjoint.slope(fit)
        return slope.ravel()

    def _through_scores(self, one: _Turn, masses: SeedMasses) -> np.ndarray:
        """By the scores of the seed itself: ``t`` moves by ``xbar``, ``a`` by ``xbar - centre``."""
        at, g = one.at, one.at.group
        size, width = self.theta.shape
        slope = np.zeros((size, width))
        scalar, square = self._pulls(masses, g)
        square = square @ at.span.T
        for m in range(size):
            phi = masses.score[g] * at.bend[:, m]
            value = np.zeros_like(one.part.value)
            mass = 2 * masses.interpolation[g]
            if mass:
                for other, means in at.partners:
                    scores = self.scores[g]
                    phi = phi + mass * means[3][:, m]
                    value += mass * means[4][:, m][..., None] * (at.span @ scores.location[other])
                    turned = means[5][:, :, m]
                    value += mass * _spread(turned, scores.direction[other] @ at.span.T)
            slope[m] += one.moved(phi, value)
            if self.fits:
                fit = self.fits[g]
                t, mass = fit.tensors, masses.gaussian[g]
                fixed = (mass * t[2, 0][:, m] - scalar[:, m])[:, None] * at.centre
                fixed = fixed + mass * t[3, 1][:, :, m] @ fit.direction
                value = (fixed @ at.span.T)[:, None] + 2 * _spread(at.apart[None], square[:, :, m])
                phi = np.broadcast_to(scalar[:, m][:, None], phi.shape)
                slope[m] += one.moved(phi, value, at.centre)
        return slope

    def _collect(self, one: _Turn, masses: SeedMasses, weight: float, adjoints) -> None:
        """By the generator's parameters: how much each tensor counts."""
        at, g = one.at, one.at.group
        fit, mass = self.fits[g], weight * masses.gaussian[g]
        pull = one.pull - one.turned @ (at.span @ at.centre)  # of what multiplies xi
        size, width = self.theta.shape
        plain = one.summed(at.apart[None])
        square = one.summed(at.products[None]).reshape(size, size, size, width)
        own = adjoints[g]
        own.add((1, 0), mass * pull.sum(axis=1))
        own.add((2, 0), mass * plain @ at.centre)
        own.add((3, 1), mass * np.einsum("kmp,lp->klm", plain, fit.direction))
        own.direction += mass * np.einsum("klm,kmp->lp", fit.tensors[3, 1], plain)
        tilt = pull @ at.apart.T
        share = masses.sizes[g] / np.sum(masses.sizes)
        for h, other in enumerate(self.fits):
            part = share * masses.pooled_cov[h] + (masses.own_cov[g] if h == g else 0.0)
            if part:
                part = weight * part
                target = adjoints[h]
                target.add((2, 1), part * tilt)
                target.add((3, 1), part / 2 * square @ other.location)
                target.add((4, 2), part / 2 * np.einsum("klmp,np->klmn", square, other.direction))
                target.direction += (
                    part / 2 * np.einsum("klmn,klmp->np", other.tensors[4, 2], square)
                )

    def _through_partner(self, one: _Turn, masses: SeedMasses) -> np.ndarray:
        """By the scores of the partners between which and the seed samples lie."""
        at, g = one.at, one.at.group
        slope = np.zeros_like(self.theta)
        mass = 2 * masses.interpolation[g]
        scores, covs = self.scores[g], self.groups[g].covs
        pull = one.pull
        for other, (_, _, d, _, lp, dp, ddd, q) in at.partners:
            place, along = scores.location[other], scores.direction[other]
            # what multiplies xbar: (1-u) u E[h_km xbar']
            slope += mass * np.einsum("kn,kmn->m", pull, lp)[:, None] * place
            slope += mass * np.einsum("kn,klmn->ml", pull, dp) @ along
            # what does not: u^2 E[h_km xbar' xbar'']
            flat = one.summed(d).sum(axis=0)
            slope += mass * ((flat @ place)[:, None] * place)
            slope[:, 1:] += mass * flat[:, 1:] @ covs[other]
            size, width = len(d), len(place)
            first = one.summed(ddd.reshape(size, size**2, -1)).sum(axis=0)
            first = np.swapaxes(first.reshape(size, size, width), 0, 1)  # [m, l, p]
            slope += mass * (first @ place) @ along
            slope += mass * np.einsum("mlp,lp->m", first, along)[:, None] * place
            second = one.summed(q.reshape(size, size**3, -1)).sum(axis=0)
            second = second.reshape(size, size, size, width)  # [l, i, m, p]
            slope += mass * np.einsum("limp,lp,iq->mq", second, along, along)
        return slope


class _Turn:
    """A contribution of a component, turned by the matrix of a trace, with the nodes' weights."""

    def __init__(self, at: _Place, part: _Part, table: np.ndarray):
        self.at, self.part = at, part
        size, count = len(part.phi), len(at.span)
        self.matrix = np.swapaxes(table, 1, 2)  # [C, C, p, p]
        # of the contribution's coordinates l, f to the features of score k
        self.turn = np.swapaxes(at.span @ self.matrix, 0, 1).reshape(size, size * count, -1)
        rows = np.swapaxes(part.value, 0, 1).reshape(-1, size * count)
        self.rows = rows * at.weights[:, None]  # [N, C f]
        self.turned = self.rows @ (self.turn @ at.span.T)  # [C, N, f]
        levels = np.einsum("kplq,qp->kl", table, at.rest)
        level = levels @ part.phi * at.weights  # [C, N]
        # what a change of phi counts
        self.pull = np.einsum("knf,nf->kn", self.turned, at.place) + level

    def summed(self, weights: AnyArray) -> AnyArray:
        """Sums over the nodes of the turned contribution: ``[C, a, p]`` from ``[C, a, N]``."""
        return (weights @ self.rows) @ self.turn

    def moved(self, phi: AnyArray, value: AnyArray, centre: np.ndarray | None = None):
        """What ``(phi xbar + value) (delta . (xbar - centre))`` adds to the slope: ``[p]``."""
        at = self.at
        pull = np.sum(phi * self.pull, axis=0)
        whole = value + phi[..., None] * at.place
        if np.any(value):
            pull = pull + np.sum(value * self.turned, axis=(0, 2))
        slope = (pull @ at.place) @ at.span
        left = np.sum(self.summed(phi[:, None]), axis=(0, 1))
        weighted = (self.part.phi * at.weights)[None] @ whole  # [k, l, f]
        left = left + np.einsum("lkpq,klq->p", self.matrix, weighted @ at.span)
        slope = slope + at.rest @ left
        return slope if centre is None else slope - pull.sum() * centre


class _Adjoint:
    """How much the tensors and directions of a fitted law count."""

    def __init__(self, size: int, width: int):
        self.tensors: dict[tuple[int, int], np.ndarray] = {}
        self.direction = np.zeros((size, width))

    def add(self, order: tuple[int, int], value: np.ndarray) -> None:
        """Adds to how much a tensor counts."""
        self.tensors[order] = self.tensors.get(order, 0.0) + value

    def slope(self, fit: Fit) -> np.ndarray:
        """In ``Theta``: ``[C, p]``."""
        total = self.direction @ fit.cov
        for order, value in self.tensors.items():
            total = total + pulled(fit, order, value)
        return total
