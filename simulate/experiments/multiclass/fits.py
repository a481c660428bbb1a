"""A softmax fit, safe in batches, and risks and error rates by quadrature over the features.

Nothing here is shared with `theory.multiclass`: risks are sums over Gauss-Hermite nodes of all
features, error rates of three classes integrals over a correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Bool, Float, Int

from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = [
    "Nodes",
    "SoftmaxFit",
    "nodes_of",
    "softmax_errors",
    "softmax_fit",
    "softmax_gradient",
    "softmax_loss",
    "softmax_risks",
]

_NODES = {1: 60, 2: 40, 3: 18}  # of each feature
_LEAST = 1e-16  # mass of a node below which it is left out: together they have some 1e-14
_ANGLES = 32
_SMALL = 1e-6  # change of a score, relative to the largest, after which a step is the last
_SAFE = 1.79  # change of a score up to which a whole step cannot raise the loss


class SoftmaxFit(NamedTuple):
    """Outcome of `softmax_fit`: parameters ``[C, p]``, trustworthy when `converged`.

    Attributes:
        theta: parameters; steps: of Newton's method.
        converged: whether they minimise; separated: whether no finite minimum was found.
    """

    theta: Float[Array, "C p"]
    converged: Bool[Array, ""]
    separated: Bool[Array, ""]
    steps: Int[Array, ""]


def _columns(x) -> Array:
    """``(1, x)`` with the long axis last, where loops are one vector instruction after another."""
    return jnp.concatenate([jnp.ones_like(x[:, 0])[None], x.T])


def _shares(theta, columns):
    """Probabilities of the classes 1 to C ``[C, n]``, and the log of their normaliser ``[n]``."""
    scores = theta @ columns
    top = jnp.maximum(jnp.max(scores, axis=0), 0.0)
    grown = jnp.exp(scores - top[None])
    total = jnp.exp(-top) + jnp.sum(grown, axis=0)
    return grown / total[None], top + jnp.log(total), scores


def _marks(label, count: int):
    return (label[None] == jnp.arange(1, count + 1, dtype=label.dtype)[:, None]).astype(jnp.float64)


def softmax_loss(theta, x, label, weight) -> Array:
    """``sum_i weight_i`` times the softmax loss.

    Args:
        theta: ``[C, p]``; x: ``[n, d]``; label: 0 to C ``[n]``; weight: ``[n]``.
    """
    _, log_sum, scores = _shares(theta, _columns(x))
    return jnp.sum(weight * (log_sum - jnp.sum(_marks(label, len(theta)) * scores, axis=0)))


def softmax_gradient(theta, x, label, weight) -> Array:
    """Its gradient ``[C, p]``.

    Args:
        theta, x, label, weight: as for `softmax_loss`.
    """
    columns = _columns(x)
    share, *_ = _shares(theta, columns)
    return (weight[None] * (share - _marks(label, len(theta)))) @ columns.T


def _places(left, right) -> np.ndarray:
    """Where the entries of an upper triangle go in a symmetric matrix."""
    size = int(left.max()) + 1
    place = np.zeros((size, size), int)
    place[left, right] = place[right, left] = np.arange(len(left))
    return place


class _State(NamedTuple):
    theta: Array
    converged: Array
    separated: Array
    steps: Array


def softmax_fit(
    x: Float[Array, "n d"],
    label: Float[Array, " n"],
    weight: Float[Array, " n"],
    start: Float[Array, "C p"],
    max_steps: int = 60,
) -> SoftmaxFit:
    """Minimise the weighted softmax loss by Newton's method.

    Statement: with ``M`` the largest range over the classes of the change of a row's scores along
    the Newton direction, the loss has a third derivative of at most ``M`` times its second, so that
    a whole step for ``M < 1.79`` and one of ``log(1 + M) / M`` otherwise cannot raise it. At
    ``converged`` the last step changed no score by more than 1e-6, relatively: what is left is of
    the order of the square.

    Args:
        x: features; label: 0 to C; weight: not negative.
        start: first iterate.
        max_steps: at most.
    """
    columns = _columns(x)
    count, width = start.shape
    marks = _marks(label, count)
    left, right = np.triu_indices(width)
    products, place = columns[left] * columns[right], _places(left, right)
    first, second = np.triu_indices(count)
    own, where = jnp.asarray(first == second)[:, None], _places(first, second)
    used = weight > 0

    def running(state: _State):
        return ~(state.converged | state.separated) & (state.steps < max_steps)

    def advance(state: _State) -> _State:
        share, _, scores = _shares(state.theta, columns)
        slope = (weight[None] * (share - marks)) @ columns.T
        # one product of matrices for all blocks of the Hessian, each entry once
        bend = weight[None] * (jnp.where(own, share[first], 0.0) - share[first] * share[second])
        blocks = (bend @ products.T)[where][:, :, place]
        hessian = jnp.swapaxes(blocks, 1, 2).reshape(count * width, count * width)
        move = jnp.linalg.solve(hessian, slope.ravel()).reshape(count, width)
        change = move @ columns
        high = jnp.maximum(jnp.max(change, axis=0), 0.0)
        low = jnp.minimum(jnp.min(change, axis=0), 0.0)
        extent = jnp.max(jnp.where(used, high - low, 0.0))
        step = jnp.where(extent < _SAFE, 1.0, jnp.log1p(extent) / jnp.maximum(extent, 1e-300))
        theta = state.theta - step * move
        small = extent <= _SMALL * (1.0 + jnp.max(jnp.where(used[None], jnp.abs(scores), 0.0)))
        mine = jnp.sum(marks * scores, axis=0)
        others = jnp.where(marks > 0, -jnp.inf, scores)
        best = jnp.maximum(jnp.max(others, axis=0), jnp.where(label > 0, 0.0, -jnp.inf))
        separated = jnp.all(jnp.where(used, mine > best, True))
        finite = jnp.all(jnp.isfinite(theta))
        return _State(
            theta=jnp.where(finite, theta, state.theta),
            converged=small & finite & ~separated,
            separated=separated | ~finite,
            steps=state.steps + 1,
        )

    no = jnp.zeros((), bool)
    last = jax.lax.while_loop(running, advance, _State(start, no, no, jnp.int32(0)))
    return SoftmaxFit(last.theta, last.converged, last.separated, last.steps)


class Nodes(NamedTuple):
    """Gauss-Hermite nodes: ``(1, x)`` ``[G, N, p]``, weights ``[G, N]``, labels ``[G]``.

    Attributes:
        rows, weights, labels: in this order.
    """

    rows: np.ndarray
    weights: np.ndarray
    labels: np.ndarray


def nodes_of(groups: Sequence[GaussianGroup]) -> Nodes:
    """`Nodes` of groups, all of as many components.

    Args:
        groups: of at most three features.
    """
    dim = groups[0].dim
    z, w = np.polynomial.hermite_e.hermegauss(_NODES[dim])
    inner, mass = _product(z, w / w.sum(), dim)
    rows, weights = [], []
    for group in groups:
        places = [
            mean + inner @ np.linalg.cholesky(cov).T
            for mean, cov in zip(group.mean, group.cov, strict=True)
        ]
        x = np.concatenate(places)
        rows.append(np.column_stack([np.ones(len(x)), x]))
        weights.append(np.concatenate([share * mass for share in group.weights]))
    labels = np.array([group.label for group in groups])
    return Nodes(np.stack(rows), np.stack(weights), labels)


def _product(nodes, weights, dim: int) -> tuple[np.ndarray, np.ndarray]:
    table = np.stack(np.meshgrid(*[nodes] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    mass = np.stack(np.meshgrid(*[weights] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    mass = mass.prod(axis=1)
    kept = mass > _LEAST
    return table[kept], mass[kept]


def softmax_risks(theta: Float[Array, "C p"], nodes: Nodes) -> Float[Array, " G"]:
    """Mean loss of every group.

    Args:
        theta: where; nodes: of `nodes_of`.
    """
    risks = []
    for rows, weights, label in zip(nodes.rows, nodes.weights, nodes.labels, strict=True):
        _, log_sum, scores = _shares(theta, jnp.asarray(rows.T))
        loss = log_sum - scores[label - 1] if label else log_sum
        risks.append(jnp.asarray(weights) @ loss)
    return jnp.stack(risks)


def softmax_errors(
    theta: Float[Array, "C p"], groups: Sequence[GaussianGroup]
) -> Float[Array, " G"]:
    """Share of every group whose own score, of three or four, is not the largest.

    The differences of scores are all positive with a probability that is known where the first of
    them is independent of the others; from there on it is the integral of its slope as those
    correlations grow (Plackett, 1954): the density of two, times the probability that the third is
    positive given them. By Gauss and Legendre.

    Args:
        theta: where; groups: of three or four classes.
    """
    padded = jnp.concatenate([jnp.zeros_like(theta[:1]), theta])
    errors = []
    for group in groups:
        others = np.delete(np.arange(len(padded)), group.label)
        gaps = padded[group.label][None] - padded[others]
        right = jnp.zeros(())
        for share, mean, cov in zip(group.weights, group.mean, group.cov, strict=True):
            level = gaps[:, 0] + gaps[:, 1:] @ jnp.asarray(mean)
            spread = gaps[:, 1:] @ jnp.asarray(cov) @ gaps[:, 1:].T
            std = jnp.sqrt(jnp.diagonal(spread))
            bound = spread / (std[:, None] * std[None])
            right = right + float(share) * _all_positive(level / std, bound)
        errors.append(1.0 - right)
    return jnp.stack(errors)


def _all_positive(h: Float[Array, " C"], bound: Float[Array, "C C"]) -> Float[Array, ""]:
    """Probability that normal variables of means ``h``, variance 1 and these correlations are."""
    if len(h) == 1:
        return ndtr(h[0])
    nodes, masses = np.polynomial.legendre.leggauss(_ANGLES)
    left = (1 - nodes) / 2  # close together where the correlations are whole
    grow, weights = jnp.asarray(1 - left**2), jnp.asarray(masses * left)
    rest = np.arange(1, len(h))
    apart = ndtr(h[0]) * _all_positive(h[rest], bound[rest][:, rest])
    grown = jnp.zeros(())
    for k in rest.tolist():
        rho = grow * bound[0, k]
        square = 1.0 - rho**2
        power = (h[0] ** 2 + h[k] ** 2 - 2 * h[0] * h[k] * rho) / (2 * square)
        value = bound[0, k] * jnp.exp(-power) / (2 * jnp.pi * jnp.sqrt(square))
        for m in rest[rest != k].tolist():  # at most one
            first, second = grow * bound[0, m], bound[k, m]
            turn = (h[0] * (first - rho * second) + h[k] * (second - rho * first)) / square
            kept = 1.0 - (first**2 + second**2 - 2 * rho * first * second) / square
            value = value * ndtr((h[m] - turn) / jnp.sqrt(kept))
        grown = grown + jnp.sum(weights * value)
    return apart + grown
