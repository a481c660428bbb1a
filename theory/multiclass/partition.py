"""Derivatives of the softmax's log partition function, as polynomials in its probabilities.

``psi(t) = log(1 + sum_k e^{t_k})`` has the slope ``q`` and the Hessian ``diag(q) - q q'``; because
``d q_k / d t_m = q_k (delta_km - q_m)``, all further derivatives are polynomials in ``q``.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

__all__ = ["derivative", "derivatives", "entries", "means_of_derivatives"]

_Polynomial = dict[tuple[int, ...], int]


@cache
def derivative(size: int, index: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], int], ...]:
    """``psi`` differentiated in some scores: powers of ``q`` with their coefficients.

    Args:
        size: scores; index: which are differentiated, in ascending order.

    Example:
        >>> derivative(2, (0, 1))
        (((1, 1), -1),)
    """
    if len(index) == 1:
        return ((tuple(int(k == index[0]) for k in range(size)), 1),)
    last, total = index[-1], _Polynomial()
    for powers, coefficient in derivative(size, index[:-1]):
        raised = tuple(power + (k == last) for k, power in enumerate(powers))
        for key, factor in ((powers, powers[last]), (raised, -sum(powers))):
            if factor:
                total[key] = total.get(key, 0) + factor * coefficient
    return tuple(sorted((key, value) for key, value in total.items() if value))


def _powers(q: np.ndarray, orders: range) -> dict[tuple[int, ...], np.ndarray]:
    """Every product of powers of ``q`` ``[C, ...]`` that derivatives of these orders need."""
    size = len(q)
    needed = {
        powers
        for order in orders
        for index in itertools.combinations_with_replacement(range(size), order)
        for powers, _ in derivative(size, index)
    }
    made: dict[tuple[int, ...], np.ndarray] = {(0,) * size: np.ones_like(q[0])}
    for powers in sorted(needed, key=sum):
        _product(powers, q, made)
    return made


def _product(powers: tuple[int, ...], q: np.ndarray, made) -> np.ndarray:
    if powers not in made:
        place = int(np.flatnonzero(powers)[0])
        less = tuple(power - (k == place) for k, power in enumerate(powers))
        made[powers] = _product(less, q, made) * q[place]
    return made[powers]


def _tensor(size: int, order: int, values: dict) -> np.ndarray:
    one = next(iter(values.values()))
    tensor = np.zeros((size,) * order + np.shape(one))
    for index in itertools.combinations_with_replacement(range(size), order):
        value = sum(factor * values[powers] for powers, factor in derivative(size, index))
        for place in set(itertools.permutations(index)):
            tensor[place] = value
    return tensor


def entries(size: int, order: int) -> list[tuple[int, ...]]:
    """The different entries of a symmetric tensor.

    Args:
        size: scores; order: indices.
    """
    return list(itertools.combinations_with_replacement(range(size), order))


def derivatives(q: np.ndarray, order: int) -> np.ndarray:
    """All different derivatives of one order: ``[entries, ...]``.

    Args:
        q: probabilities of the classes 1 to C ``[C, ...]``; order: at least 1.
    """
    made = _powers(q, range(order, order + 1))
    values = []
    for index in entries(len(q), order):
        value = np.zeros_like(q[0])
        for powers, factor in derivative(len(q), index):
            value += factor * made[powers]
        values.append(value)
    return np.stack(values)


def means_of_derivatives(
    q: np.ndarray, none: np.ndarray, weights: np.ndarray, orders: range
) -> dict[int, np.ndarray]:
    """Means of all derivatives of several orders: for each ``[C, ..., C, rows]``.

    Where one class has nearly all probability the polynomials cancel, unless it is the class that
    scores are measured against: so at every point that is the likeliest class, and derivatives in
    its own score are minus the sum of the others, because a shift of all scores changes nothing.

    Args:
        q: ``[C, N]``; none: probability of class 0 ``[N]``.
        weights: of the points, by row ``[rows, N]``; orders: which.
    """
    size = len(q)
    every = np.concatenate([none[None], q])
    best = np.argmax(every, axis=0)
    total: dict[int, np.ndarray] = {}
    for top in range(size + 1):
        chosen = best == top
        if not np.any(chosen):
            continue
        others = [k for k in range(size + 1) if k != top]
        made = _powers(every[others][:, chosen], orders)
        keys = list(made)
        table = weights[:, chosen] @ np.stack([made[key] for key in keys], axis=1)
        means = dict(zip(keys, table.T, strict=True))
        turn = np.zeros((size, size))  # of the scores 1 to C in those of the others
        for k in range(1, size + 1):
            turn[k - 1] = -1.0 if k == top else np.eye(size)[others.index(k)]
        for order in orders:
            tensor = _tensor(size, order, means)
            for axis in range(order):
                tensor = np.moveaxis(np.tensordot(turn, tensor, (1, axis)), 0, axis)
            if order == 1 and top:
                tensor[top - 1] += weights[:, chosen].sum(axis=1)
            total[order] = total[order] + tensor if order in total else tensor
    return total
