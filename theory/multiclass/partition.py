"""Derivatives of the softmax's log partition function, as polynomials in its probabilities.

``psi(t) = log(1 + sum_k e^{t_k})`` has the slope ``q`` and the Hessian ``diag(q) - q q'``; because
``d q_k / d t_m = q_k (delta_km - q_m)``, all further derivatives are polynomials in ``q``.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

__all__ = ["derivative", "derivatives", "entries", "means_of_derivatives", "places"]

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


@cache
def _recipe(size: int, orders: range) -> tuple[dict[tuple[int, ...], int], list[tuple[int, int]]]:
    """Products of powers that derivatives of these orders need, with their places, and how each
    but the first, 1, is made: an earlier one, times a probability."""
    needed = {
        powers
        for order in orders
        for index in itertools.combinations_with_replacement(range(size), order)
        for powers, _ in derivative(size, index)
    }
    for powers in sorted(needed, key=sum, reverse=True):
        while sum(powers) > 1:
            place = next(k for k, power in enumerate(powers) if power)
            powers = tuple(power - (k == place) for k, power in enumerate(powers))
            needed.add(powers)
    places = {(0,) * size: 0}
    steps = []
    for powers in sorted(needed, key=lambda key: (sum(key), key)):
        place = next(k for k, power in enumerate(powers) if power)
        less = tuple(power - (k == place) for k, power in enumerate(powers))
        places[powers] = len(places)
        steps.append((places[less], place))
    return places, steps


def _products(q: np.ndarray, orders: range) -> np.ndarray:
    """The products of `_recipe` ``[products, N]`` of probabilities ``[C, N]``."""
    _, steps = _recipe(len(q), orders)
    made = np.empty((len(steps) + 1, q.shape[1]))
    made[0] = 1.0
    for row, (less, place) in enumerate(steps, start=1):
        np.multiply(made[less], q[place], out=made[row])
    return made


@cache
def _coefficients(size: int, orders: range) -> np.ndarray:
    """Of all `entries` of all orders, in turn, in the products of `_recipe`."""
    places, _ = _recipe(size, orders)
    rows = []
    for order in orders:
        for index in entries(size, order):
            row = np.zeros(len(places))
            for powers, factor in derivative(size, index):
                row[places[powers]] = factor
            rows.append(row)
    return np.array(rows)


@cache
def _turned(size: int, top: int, orders: range) -> dict[int, np.ndarray]:
    """Tensors of the scores 1 to C ``[C^order, products]`` where class ``top`` is the one that
    scores are measured against."""
    others = [k for k in range(size + 1) if k != top]
    turn = np.zeros((size, size))  # of the scores 1 to C in those of the others
    for k in range(1, size + 1):
        turn[k - 1] = -1.0 if k == top else np.eye(size)[others.index(k)]
    rows = iter(_coefficients(size, orders))
    found = {}
    for order in orders:
        tensor = np.zeros((size,) * order + (len(_recipe(size, orders)[0]),))
        for index in entries(size, order):
            row = next(rows)
            for place in set(itertools.permutations(index)):
                tensor[place] = row
        for axis in range(order):
            tensor = np.moveaxis(np.tensordot(turn, tensor, (1, axis)), 0, axis)
        found[order] = tensor.reshape(size**order, -1)
    return found


def entries(size: int, order: int) -> list[tuple[int, ...]]:
    """The different entries of a symmetric tensor.

    Args:
        size: scores; order: indices.
    """
    return list(itertools.combinations_with_replacement(range(size), order))


@cache
def places(size: int, order: int) -> np.ndarray:
    """Where each entry of a symmetric tensor is among the different ones: ``[C, ..., C]``.

    Args:
        size: scores; order: indices.
    """
    found = np.zeros((size,) * order, int)
    for row, index in enumerate(entries(size, order)):
        for place in itertools.permutations(index):
            found[place] = row
    return found


def derivatives(q: np.ndarray, orders: range) -> np.ndarray:
    """All different derivatives, order after order: ``[entries, N]``.

    Args:
        q: probabilities of the classes 1 to C ``[C, N]``; orders: from at least 1 on.
    """
    return _coefficients(len(q), orders) @ _products(q, orders)


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
    size, rows = len(q), len(weights)
    every = np.concatenate([none[None], q])
    best = np.argmax(every, axis=0)
    total = {order: np.zeros((size**order, rows)) for order in orders}
    for top in range(size + 1):
        chosen = np.flatnonzero(best == top)
        if not len(chosen):
            continue
        others = [k for k in range(size + 1) if k != top]
        mine = weights[:, chosen]
        means = _products(every[others][:, chosen], orders) @ mine.T
        for order, turned in _turned(size, top, orders).items():
            total[order] += turned @ means
        if top and 1 in total:
            total[1][top - 1] += mine.sum(axis=1)
    return {order: value.reshape((size,) * order + (rows,)) for order, value in total.items()}
