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
_ANGLES = 32
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


def _rows(x) -> Array:
    return jnp.concatenate([jnp.ones_like(x[:, :1]), x], axis=1)


def _shares(theta, rows):
    """Probabilities of the classes 1 to C ``[C, n]``, and the log of their normaliser ``[n]``."""
    scores = theta @ rows.T
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
    _, log_sum, scores = _shares(theta, _rows(x))
    return jnp.sum(weight * (log_sum - jnp.sum(_marks(label, len(theta)) * scores, axis=0)))


def softmax_gradient(theta, x, label, weight) -> Array:
    """Its gradient ``[C, p]``.

    Args:
        theta, x, label, weight: as for `softmax_loss`.
    """
    rows = _rows(x)
    share, *_ = _shares(theta, rows)
    return (weight[None] * (share - _marks(label, len(theta)))) @ rows


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
    ``converged`` the last step changed no score by more than the root of the precision, relatively.

    Args:
        x: features; label: 0 to C; weight: not negative.
        start: first iterate.
        max_steps: at most.
    """
    rows = _rows(x)
    count, width = start.shape
    marks = _marks(label, count)
    upper = [(k, m) for k in range(count) for m in range(k, count)]
    used = weight > 0

    def running(state: _State):
        return ~(state.converged | state.separated) & (state.steps < max_steps)

    def advance(state: _State) -> _State:
        share, _, scores = _shares(state.theta, rows)
        slope = (weight[None] * (share - marks)) @ rows
        blocks = {}
        for k, m in upper:
            bend = weight * (share[k] * (1.0 if k == m else 0.0) - share[k] * share[m])
            blocks[k, m] = blocks[m, k] = (rows * bend[:, None]).T @ rows
        hessian = jnp.block([[blocks[k, m] for m in range(count)] for k in range(count)])
        move = jnp.linalg.solve(hessian, slope.ravel()).reshape(count, width)
        change = move @ rows.T
        high = jnp.maximum(jnp.max(change, axis=0), 0.0)
        low = jnp.minimum(jnp.min(change, axis=0), 0.0)
        extent = jnp.max(jnp.where(used, high - low, 0.0))
        step = jnp.where(extent < _SAFE, 1.0, jnp.log1p(extent) / jnp.maximum(extent, 1e-300))
        theta = state.theta - step * move
        small = extent <= 3e-8 * (1.0 + jnp.max(jnp.where(used[None], jnp.abs(scores), 0.0)))
        own = jnp.sum(marks * scores, axis=0)
        others = jnp.where(marks > 0, -jnp.inf, scores)
        best = jnp.maximum(jnp.max(others, axis=0), jnp.where(label > 0, 0.0, -jnp.inf))
        separated = jnp.all(jnp.where(used, own > best, True))
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
    return table, mass.prod(axis=1)


def softmax_risks(theta: Float[Array, "C p"], nodes: Nodes) -> Float[Array, " G"]:
    """Mean loss of every group.

    Args:
        theta: where; nodes: of `nodes_of`.
    """
    padded = jnp.concatenate([jnp.zeros_like(theta[:1]), theta])
    risks = []
    for g, label in enumerate(nodes.labels):
        scores = jnp.asarray(nodes.rows[g]) @ padded.T
        loss = jax.nn.logsumexp(scores, axis=1) - scores[:, int(label)]
        risks.append(jnp.asarray(nodes.weights[g]) @ loss)
    return jnp.stack(risks)


def softmax_errors(
    theta: Float[Array, "2 p"], groups: Sequence[GaussianGroup]
) -> Float[Array, " G"]:
    """Share of every group whose own score, of three, is not the largest.

    Two differences of scores are both positive with the probability ``Phi(h) Phi(k)`` plus the
    integral of the bivariate density over the correlation from 0 (Plackett, 1954), by Gauss and
    Legendre.

    Args:
        theta: where; groups: of three classes.
    """
    padded = jnp.concatenate([jnp.zeros_like(theta[:1]), theta])
    nodes, weights = map(jnp.asarray, np.polynomial.legendre.leggauss(_ANGLES))
    errors = []
    for group in groups:
        others = np.delete(np.arange(3), group.label)
        gaps = padded[group.label][None] - padded[others]
        right = jnp.zeros(())
        for share, mean, cov in zip(group.weights, group.mean, group.cov, strict=True):
            level = gaps[:, 0] + gaps[:, 1:] @ jnp.asarray(mean)
            spread = gaps[:, 1:] @ jnp.asarray(cov) @ gaps[:, 1:].T
            std = jnp.sqrt(jnp.diagonal(spread))
            h, k = level / std
            end = jnp.arcsin(spread[0, 1] / (std[0] * std[1]))
            angle = end * (nodes + 1) / 2
            power = (h**2 + k**2 - 2 * h * k * jnp.sin(angle)) / (2 * jnp.cos(angle) ** 2)
            inner = end / 2 * jnp.sum(weights * jnp.exp(-power)) / (2 * jnp.pi)
            right = right + float(share) * (ndtr(h) * ndtr(k) + inner)
        errors.append(1.0 - right)
    return jnp.stack(errors)
