"""Where planned synthetic rows come from: their mean score, its moments, and how seeds move it.

A *source* is a generator as the planner sees it: a map from the weighted rows of a table to the
mean score ``T_g(theta)`` of its samples in every group, with the influence of each row on it. With
``ell'`` and ``ell''`` the loss's derivatives in the score,

* duplicate: ``T_g`` is the seeds' own mean score;
* interpolation (SMOTE): the average over seeds, their neighbours and ``u ~ U(0, 1)`` of
  ``s((1-u) x + u x')``; the graph of neighbours is held fixed, which is exact to first order for
  all neighbours and an approximation for few;
* Gaussian plug-in: the mean score of ``N(mean, cov)``, with the group's own or the pooled
  covariance, and its derivatives in both (`theory.prediction.influence` has the same on
  populations);
* an external table: its rows' mean score. What one table cannot show, how it depends on the seeds,
  is either declared absent, or taken to be that of a Gaussian plug-in.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.sparse
from scipy.special import expit

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.population.expectations import expectations
from synthetic_oversampling.theory.population.laws import Law
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.population.moments import moments
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "NAMES",
    "Drawn",
    "External",
    "Rows",
    "Source",
    "draw_rows",
    "mean_scores",
    "rows_needed",
    "rows_of",
    "score_parts",
    "source",
]  # fmt: skip

NAMES = ("duplicate", "smote", "smote-all", "gaussian", "gaussian-pooled")
_NEIGHBOURS = 5
_PARTNERS = 24  # partners of each seed that stand for all of them
_PAIRS = 100_000  # of seeds and partners, beyond which large groups take fewer partners
_NODES = 5  # Gauss-Legendre nodes of the interpolation weight: scores are smooth in it


class Rows(NamedTuple):
    """A table with an intercept: ``x [n, p]`` with ``x[:, 0] = 1``, signs +-1, group indices."""

    x: np.ndarray
    sign: np.ndarray
    group: np.ndarray

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1

    def members(self, g: int) -> np.ndarray:
        """Indices of the rows of group ``g``."""
        return np.flatnonzero(self.group == g)


def rows_of(x: np.ndarray, label: np.ndarray) -> Rows:
    """Rows of features ``[n, d]`` with labels 0 and 1, which are also the groups."""
    return Rows(np.concatenate([np.ones((len(x), 1)), x], axis=1), 2.0 * label - 1.0, label)


class Drawn(NamedTuple):
    """Scores of a source's samples at one ``theta``.

    Attributes:
        mean: ``T_g`` ``[G, p]``.
        hessian: of the synthetic risk of each group ``[G, p, p]``.
        cov: covariance of one sample's score ``[G, p, p]``.
        influence: of each row on the mean scores, summed over groups with the weights given to
            `mean_scores`, per ``1 / n_g`` of its weight and centred within groups ``[2, n, p]``.
    """

    mean: np.ndarray
    hessian: np.ndarray
    cov: np.ndarray
    influence: np.ndarray


class External(NamedTuple):
    """Synthetic rows given as a table; ``fitted`` says that they were made from the real rows."""

    rows: Rows
    weight: np.ndarray
    fitted: bool


@dataclasses.dataclass(frozen=True)
class Source:
    """A named generator on a table, or an external table.

    Attributes:
        name: one of `NAMES`, or "table".
        graphs: for interpolation, the neighbours of each group's rows ``[n_g, K]``, as positions
            within the group.
        external: the table of synthetic rows, for "table".
    """

    name: str
    graphs: tuple[np.ndarray, ...] = ()
    external: External | None = None


def rows_needed(name: str, dim: int) -> int:
    """Rows that a named generator needs in every group.

    Example:
        >>> rows_needed("gaussian", 6), rows_needed("smote", 6)
        (8, 6)
    """
    least = {"duplicate": 1, "smote": _NEIGHBOURS + 1, "smote-all": 2, "gaussian": dim + 2}
    return least.get(name, 2)


def source(name: str, rows: Rows, seed: int = 0) -> Source:
    """The source of a named generator; finds neighbours once.

    Args:
        name: among `NAMES`.
        rows: the table.
        seed: of the choice of partners, where all pairs would be too many.

    Raises:
        ValueError: for an unknown name, or groups too small for the generator.
    """
    if name not in NAMES:
        raise ValueError(f"generator: got {name!r}, expected one of {', '.join(NAMES)}.")
    dim = rows.x.shape[1] - 1
    sizes = np.bincount(rows.group)
    needed = rows_needed(name, dim)
    if sizes.min() < needed:
        raise ValueError(
            f"generator: {name} needs {counted(needed, 'row')} in every group with "
            f"{counted(dim, 'feature')}, the smallest group has {sizes.min()}; merge groups, drop "
            "features, or choose another generator."
        )
    if name not in ("smote", "smote-all"):
        return Source(name)
    graphs = []
    rng = np.random.default_rng(seed)
    for g in range(rows.count):
        x = rows.x[rows.members(g), 1:]
        graphs.append(_nearest(x) if name == "smote" else _partners(len(x), rng))
    return Source(name, tuple(graphs))


def _nearest(x: np.ndarray) -> np.ndarray:
    """The nearest rows of each row, itself excluded, in the features as they are ``[n, K]``."""
    from scipy.spatial import KDTree

    found = KDTree(x).query(x, k=_NEIGHBOURS + 1)[1]
    own = np.arange(len(x))[:, None]
    # with exact copies a row need not be its own first neighbour
    order = np.argsort(found == own, axis=1, kind="stable")[:, :_NEIGHBOURS]
    return np.take_along_axis(found, order, axis=1)


def _partners(n: int, rng: np.random.Generator) -> np.ndarray:
    """Every row's partners: all others, or a balanced random choice of them ``[n, K]``."""
    if n - 1 <= _PARTNERS:
        return (np.arange(n)[:, None] + 1 + np.arange(n - 1)[None]) % n
    count = min(_PARTNERS, max(4, _PAIRS // n))
    order = rng.permutation(n)
    steps = rng.choice(n - 1, size=count, replace=False) + 1
    graph = np.empty((n, count), int)
    graph[order] = order[(np.arange(n)[:, None] + steps[None]) % n]
    return graph


def score_parts(rows: Rows, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loss, and first and second derivative in the score, of every row: each ``[n]``."""
    margin = rows.sign * (rows.x @ theta)
    miss = expit(-margin)
    return np.logaddexp(0.0, -margin), -rows.sign * miss, miss * (1.0 - miss)


def mean_scores(
    own: Source, rows: Rows, weight: np.ndarray, theta: np.ndarray, mix: np.ndarray
) -> Drawn:
    """Mean scores of a source's samples, their moments and the rows' influence on them.

    Args:
        own: from `source`, or of an external table.
        rows: the real rows.
        weight: of each real row, with mean 1 within each group ``[n]``.
        theta: where ``[p]``.
        mix: rows of weights over groups ``[2, G]``, for `Drawn.influence`.
    """
    if own.name == "table":
        return _table(own.external, rows, weight, theta, mix)
    if own.name.startswith("gaussian"):
        return _gaussian(own.name == "gaussian-pooled", rows, weight, theta, mix)
    parts = []
    _, first, second = score_parts(rows, theta)
    for g in range(rows.count):
        index = rows.members(g)
        x, w = rows.x[index], weight[index] / len(index)
        if own.name == "duplicate":
            parts.append(_moments(x, first[index], second[index], w))
        else:
            t, sign = x @ theta, rows.sign[index[0]]
            parts.append(_interpolated(own.graphs[g], x, t, sign, w))
    mean, hessian, cov, influences = zip(*parts, strict=True)
    influence = np.zeros_like(rows.x)
    for g, value in enumerate(influences):
        influence[rows.members(g)] = value
    mixed = mix[:, rows.group, None] * influence[None]
    return Drawn(np.stack(mean), np.stack(hessian), np.stack(cov), mixed)


def _moments(x, first, second, w):
    score = first[:, None] * x
    mean = w @ score
    centred = score - mean
    return (
        mean,
        x.T @ ((w * second)[:, None] * x),
        centred.T @ (w[:, None] * centred),
        centred,
    )


def _interpolated(graph, x, t, sign, w):
    """Mean score of interpolations along a weighted graph, its moments and influences."""
    n, k = graph.shape
    u, mass = _interpolation(_NODES)
    score = (1 - u) * t[:, None, None] + u * t[graph][:, :, None]  # [n, K, nodes]
    miss = expit(-sign * score)
    first, second = -sign * miss, miss * (1 - miss)
    partner = w[graph]
    share = partner / np.maximum(partner.sum(axis=1, keepdims=True), 1e-300)
    left, right = first @ (mass * (1 - u)), first @ (mass * u)
    pair = (w[:, None] * share)[:, :, None]

    def spread(values):
        """``sum w share values (x_i (1-u) + x_j u)(...)'`` over edges and nodes."""
        own = (values @ (mass * (1 - u) ** 2) * pair[:, :, 0]).sum(axis=1)
        cross = _edges(graph, values @ (mass * u * (1 - u)) * pair[:, :, 0])
        other = np.bincount(
            graph.ravel(), (values @ (mass * u**2) * pair[:, :, 0]).ravel(), minlength=n
        )
        middle = x.T @ (cross @ x)
        return x.T @ ((own + other)[:, None] * x) + middle + middle.T

    row = (share * left).sum(axis=1)[:, None] * x + _edges(graph, share * right) @ x
    mean = w @ row
    # as a partner of j, row i moves the average over j's partners from its mean to K_ji
    tilt = _edges(graph, n * pair[:, :, 0] * left).T @ x
    received = np.bincount(graph.ravel(), (pair[:, :, 0] * right).ravel(), minlength=n)
    tilt += n * received[:, None] * x
    tilt -= _edges(graph, n * pair[:, :, 0]).T @ row
    scale = np.where(w > 0, n * w, 1.0)[:, None]
    influence = row - mean + tilt / scale
    cov = spread(first**2) - np.outer(mean, mean)
    return mean, spread(second), cov, influence


def _interpolation(count: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def _edges(graph, values) -> scipy.sparse.csr_array:
    n, k = graph.shape
    start = np.arange(0, n * k + 1, k)
    return scipy.sparse.csr_array((values.ravel(), graph.ravel(), start), shape=(n, n))


@quick_jit
def _slopes(centre, var, sign):
    """``E[d^j loss / d t^j]``, ``j = 1 .. 4``, for normal scores: ``[4, G]``."""
    functions = tuple(LOGISTIC.derivative(k) for k in range(1, 5))
    signs = jnp.stack([sign**k for k in range(1, 5)])
    return signs * expectations(functions, sign * centre, var, (0.0, 0.0))


_law_moments = quick_jit(moments, static_argnames=("loss",))


def _gaussian(pooled: bool, rows: Rows, weight, theta, mix) -> Drawn:
    """Mean scores of normal samples fitted on each group, with the rows' influence."""
    count, slope = rows.count, theta[1:]
    x = rows.x[:, 1:]
    n = np.bincount(rows.group).astype(float)
    w = weight / n[rows.group]
    means = np.stack([np.bincount(rows.group, w * column) for column in x.T], axis=1)
    centred = x - means[rows.group]
    covs = np.stack(
        [(c := centred[m]).T @ (w[m, None] * c) for m in (rows.members(g) for g in range(count))]
    )
    share = n / n.sum()
    own = covs
    if pooled:
        # unbiased, as a sampler fits it; the weights keep each group's size
        covs = np.broadcast_to(np.einsum("g,gij->ij", share, covs), covs.shape)
        covs = covs * (n.sum() / (n.sum() - count))
    else:
        covs = covs * (n / (n - 1))[:, None, None]
    sign = np.array([rows.sign[rows.members(g)[0]] for g in range(count)])
    direction = covs @ slope
    var = np.maximum(direction @ slope, 0.0)
    e = np.asarray(_slopes(theta[0] + means @ slope, var, sign))
    law = Law(np.ones((count, 1)), means[:, None], covs[:, None], sign[:, None])
    law = Law(*(jnp.asarray(part) for part in law))
    drawn = _law_moments(jnp.asarray(theta), law, loss=LOGISTIC)
    location = np.concatenate([np.ones((count, 1)), means], axis=1)
    turn = np.concatenate([np.zeros((count, 1)), direction], axis=1)
    a = centred @ slope
    wide = np.concatenate([np.zeros((len(a), 1)), centred], axis=1)
    g = rows.group
    moved = (
        (e[1, g] * a)[:, None] * location[g]
        + e[0, g, None] * wide
        + (e[2, g] * a)[:, None] * turn[g]
    )
    own_turn = np.concatenate([np.zeros((count, 1)), own @ slope], axis=1)
    own_var = np.einsum("i,gij,j->g", slope, own, slope)
    stretch = a**2 - own_var[g]
    bent = a[:, None] * wide - own_turn[g]

    def covariance(h):
        """Influence of a row's covariance on the mean score of groups ``h`` (one, or one a row)."""
        pull = (e[2, h, None] * location[h] + e[3, h, None] * turn[h]) / 2
        return stretch[:, None] * pull + e[1, h, None] * bent

    if pooled:
        shared = [share[g, None] * covariance(np.full(len(g), h)) for h in range(count)]
        total = mix[:, g, None] * moved[None] + np.einsum("mh,hnp->mnp", mix, np.stack(shared))
    else:
        total = mix[:, g, None] * (moved + covariance(g))[None]
    return Drawn(*(np.asarray(part) for part in (*drawn[1:], total)))


def _table(external: External, rows: Rows, weight, theta, mix) -> Drawn:
    parts = []
    drawn = external.rows
    _, first, second = score_parts(drawn, theta)
    for g in range(rows.count):
        index = drawn.members(g)
        w = external.weight[index] / len(index)
        parts.append(_moments(drawn.x[index], first[index], second[index], w)[:3])
    mean, hessian, cov = (np.stack(part) for part in zip(*parts, strict=True))
    if external.fitted:
        influence = _gaussian(False, rows, weight, theta, mix).influence
    else:
        influence = np.zeros((len(mix), *rows.x.shape))
    return Drawn(mean, hessian, cov, influence)


def draw_rows(
    name: str, features: np.ndarray, group: np.ndarray, counts, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Synthetic rows of every group from a named generator fitted on the group's rows.

    Args:
        name: among `NAMES`.
        features: real rows ``[n, d]``; neighbours are found in units of their deviations.
        group: index of each row's group ``[n]``.
        counts: rows wanted of each group ``[G]``.
        seed: of the draws.

    Returns:
        Features ``[sum(counts), d]`` and groups, in order of the groups.

    Raises:
        ValueError: for an unknown name or groups too small for the generator.

    Example:
        >>> x = np.array([[0.0], [1.0], [5.0], [7.0]])
        >>> rows, own = draw_rows("smote-all", x, np.array([0, 0, 1, 1]), [1, 2], seed=0)
        >>> own.tolist(), bool((rows[1:] >= 5).all())
        ([0, 1, 1], True)
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(features, float)
    scale = x.std(axis=0)
    unit = (x - x.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    whole = np.concatenate([np.ones((len(x), 1)), unit], axis=1)
    own = source(name, Rows(whole, np.ones(len(x)), np.asarray(group)), seed)
    members = [np.flatnonzero(group == g) for g in range(len(counts))]
    if name == "gaussian-pooled":
        centred = np.concatenate([x[m] - x[m].mean(axis=0) for m in members])
        pooled = centred.T @ centred / (len(x) - len(members))
    parts = []
    for g, (index, count) in enumerate(zip(members, counts, strict=True)):
        seeds = x[index]
        if name == "gaussian-pooled":
            parts.append(rng.multivariate_normal(seeds.mean(axis=0), pooled, count))
        elif name == "gaussian":
            cov = np.atleast_2d(np.cov(seeds.T))
            parts.append(rng.multivariate_normal(seeds.mean(axis=0), cov, count))
        elif name == "duplicate":
            parts.append(seeds[rng.integers(len(seeds), size=count)])
        else:
            first = rng.integers(len(seeds), size=count)
            graph = own.graphs[g]
            if name == "smote-all":  # the graph of the estimates is a subset of all partners
                second = (first + rng.integers(1, len(seeds), size=count)) % len(seeds)
            else:
                second = graph[first, rng.integers(graph.shape[1], size=count)]
            u = rng.uniform(size=(count, 1))
            parts.append((1 - u) * seeds[first] + u * seeds[second])
    return np.concatenate(parts), np.repeat(np.arange(len(counts)), counts)
