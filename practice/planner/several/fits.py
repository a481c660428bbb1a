"""Softmax fits of weighted rows, and offsets that put their scores on the scale of probabilities.

A fit has scores of the classes 1 to C against class 0. The penalty is that of scikit-learn, which
has a row of slopes for every class and lets none of them be the reference,

    (ridge / 2) sum_k |v_k|^2,    v_k = w_k - mean of w_0 .. w_C,    w_0 = 0,

so that no order of the classes is special. For two classes it is half the penalty of the logistic
fit of `planner.learners`: a ridge here is half as much there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.multiclass.scores import pairs, softmax

__all__ = ["Offsets", "cross_entropies", "offsets_of", "separable_classes", "softmax_path"]

_STEPS, _SETTLED = 60, 1e-6
_FAR = 200.0  # a score that says that the rows are separated
_TINY = 1e-6


def cross_entropies(scores: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Loss of every row ``[..., n]``.

    Args:
        scores: of the classes 1 to C ``[..., n, C]``; label: 0 to C ``[n]``.

    Example:
        >>> cross_entropies(np.log([[2.0, 5.0]]), np.array([2])).round(4)  # log(8 / 5)
        array([0.47])
    """
    whole = np.concatenate([np.zeros_like(scores[..., :1]), scores], axis=-1)
    own = np.take_along_axis(whole, _along(label, whole), axis=-1)[..., 0]
    return softmax(scores)[1] - own


def _along(label: np.ndarray, whole: np.ndarray) -> np.ndarray:
    shape = (1,) * (whole.ndim - 2) + (len(label), 1)
    return np.broadcast_to(label.astype(int).reshape(shape), (*whole.shape[:-1], 1))


def softmax_path(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, held: np.ndarray, ridges: Sequence[float]
) -> np.ndarray:
    """Scores of held-out rows ``[R, n, C]``, by Newton's method from the largest ridge down.

    Args:
        x, y, weight: rows to fit ``[n, d]``, labels 0 to C ``[n]``, weights ``[n]``.
        held: rows to score; ridges: penalties.

    Example:
        >>> x = np.array([[-1.0], [0.0], [1.0], [-1.0], [2.0], [3.0]])
        >>> y = np.array([0, 1, 2, 1, 0, 2])
        >>> softmax_path(x, y, np.ones(6), x[:1], (1.0,)).round(2).tolist()
        [[[0.54, -1.31]]]
    """
    wide = np.column_stack([np.ones(len(x)), x])
    other = np.column_stack([np.ones(len(held)), held])
    size, width = int(y.max()), wide.shape[1]
    event = (y[:, None] == np.arange(1, size + 1)).astype(float)
    share = np.eye(size) - 1.0 / (size + 1)
    penalty = np.kron(share, np.diag(np.arange(width) > 0))
    small = 1e-9 * weight.sum() * np.eye(size * width)
    theta, found = np.zeros((size, width)), {}
    for ridge in sorted(ridges, reverse=True):
        for _ in range(_STEPS):
            q = softmax(wide @ theta.T)[0]
            slope = (weight[:, None] * (q - event)).T @ wide
            slope = slope.ravel() + ridge * penalty @ theta.ravel()
            bend = ridge * penalty + small
            for k, m in pairs(size):
                part = weight * ((k == m) * q[:, k] - q[:, k] * q[:, m])
                block = (wide * part[:, None]).T @ wide
                for row, column in {(k, m), (m, k)}:
                    rows = slice(row * width, (row + 1) * width)
                    bend[rows, column * width : (column + 1) * width] += block
            move = -np.linalg.solve(bend, slope).reshape(size, width)
            change = np.abs(wide @ move.T).max()
            theta = theta + move * min(1.0, 4.0 / max(change, 1e-300))
            if change < _SETTLED or np.abs(wide @ theta.T).max() > _FAR:
                break
        found[ridge] = other @ theta.T
    return np.stack([found[ridge] for ridge in ridges])


def separable_classes(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a linear rule tells all classes, or one of them from all others.

    Args:
        x: rows ``[n, d]``; y: labels 0 to C.

    Example:
        >>> x = np.arange(6.0)[:, None]
        >>> separable_classes(x, np.array([0, 1, 0, 1, 2, 2]))  # class 2 lies apart
        True
        >>> separable_classes(x, np.array([0, 1, 2, 2, 1, 0]))
        False
    """

    def told(label: np.ndarray) -> bool:
        scores = softmax_path(x, label, np.ones(len(label)), x, (1.0, 1e-3, _TINY))[-1]
        whole = np.concatenate([np.zeros((len(x), 1)), scores], axis=1)
        own = np.take_along_axis(whole, label[:, None], axis=1)[:, 0].copy()
        whole[np.arange(len(x)), label] = -np.inf
        return bool(np.all(own > whole.max(axis=1)))

    return told(y) or any(told((y == kind).astype(int)) for kind in range(int(y.max()) + 1))


class Offsets(NamedTuple):
    """What turns scores into log-odds against class 0 at equal shares: ``a_k + slope t_k``.

    Attributes:
        intercepts: ``a_k`` of the classes from 1 on; slope: of all.
    """

    intercepts: np.ndarray
    slope: float


def offsets_of(
    scores: np.ndarray, label: np.ndarray, weight: np.ndarray, repeats: int = 1
) -> Offsets:
    """Softmax regression of the label on held-out scores, with one slope for all of them.

    Args:
        scores: ``[n, C]``; label: 0 to C ``[n]``; weight: ``[n]``.
        repeats: how often every row is among them.

    Labels are a little short of 0 and 1 (Platt 1999), so that separated rows have a finite slope:
    with ``n_k`` rows of class ``k``, its own probability is ``(n_k + 1) / (n_k + K)``.
    """
    size = scores.shape[1]
    counts = np.bincount(label, minlength=size + 1) / repeats
    aimed = np.repeat(1.0 / (counts[label] + size + 1)[:, None], size + 1, axis=1)
    aimed[np.arange(len(label)), label] *= counts[label] + 1
    unit = max(float(scores.std()), 1e-12)
    table = np.zeros((len(label), size, size + 1))
    table[:, np.arange(size), np.arange(size)] = 1.0
    table[:, :, size] = scores / unit
    theta = np.zeros(size + 1)
    for _ in range(100):
        q = softmax(table @ theta)[0]
        slope = np.einsum("n,nk,nkp->p", weight, q - aimed[:, 1:], table)
        bend = np.eye(size) * q[:, :, None] - q[:, :, None] * q[:, None]
        curved = np.einsum("n,nkl,nkp,nlq->pq", weight, bend, table, table)
        move = np.linalg.solve(curved + 1e-12 * np.eye(size + 1), slope)
        theta = theta - move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-10:
            break
    return Offsets(theta[:-1], float(theta[-1] / unit))
