"""Categories as the network for whole rows reads and writes them: blocks of 1 and -1.

A column of L levels is a block of L - 1 features, one for each level but the last, 1 where the row
has that level and -1 elsewhere. Blocks stand before all numbers, so that numbers are written given
the categories. Only levels that a group's seeds have are written.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

__all__ = ["Layout", "decoded", "encoded", "laid_out"]


class Layout(NamedTuple):
    """In which order a group's columns and their levels are written.

    Attributes:
        categories: place of each column of codes; levels: its codes, the last one without a
            feature of its own.
        numbers: places of the other columns.
        block: for each feature the number of its category, from 1; 0 for a number.
    """

    categories: tuple[int, ...]
    levels: tuple[Float[np.ndarray, " L"], ...]
    numbers: Int[np.ndarray, " d"]
    block: Int[np.ndarray, " D"]


def laid_out(
    x: Float[np.ndarray, "n C"],
    categorical: Sequence[int],
    rng: np.random.Generator | None = None,
    *,
    first: Sequence[int] = (),
) -> Layout:
    """An order of columns and levels.

    Args:
        x: a group's seeds, at least one if there are categories.
        categorical: places of columns that hold codes.
        rng: draws the order; if None columns and levels stay in theirs.
        first: categorical columns that stand before all others.

    Example:
        >>> laid_out(np.array([[5.0, 0.1], [7.0, 0.2], [6.0, 0.3]]), [0]).block
        array([1, 1, 0], dtype=int32)
    """

    def order(number: int) -> np.ndarray:
        return np.arange(number) if rng is None else rng.permutation(number)

    others = [place for place in categorical if place not in first]
    places = [*first, *(others[index] for index in order(len(others)))]
    levels = [np.unique(x[:, place]) for place in places]
    levels = [codes[order(len(codes))] for codes in levels]
    numbers = np.setdiff1d(np.arange(x.shape[1]), np.asarray(places, int))
    sizes = [len(codes) - 1 for codes in levels]
    block = np.repeat(np.arange(1, len(places) + 1), sizes)
    return Layout(
        categories=tuple(places),
        levels=tuple(levels),
        numbers=numbers[order(len(numbers))],
        block=np.concatenate([block, np.zeros(len(numbers))]).astype(np.int32),
    )


def encoded(layout: Layout, x: Float[np.ndarray, "n C"]) -> Float[np.ndarray, "n F"]:
    """The features of the categories, 1 and -1.

    Args:
        layout: of the group.
        x: rows of the table.

    Example:
        >>> x = np.array([[5.0, 0.1], [7.0, 0.2], [6.0, 0.3]])
        >>> encoded(laid_out(x, [0]), x)
        array([[ 1., -1.],
               [-1., -1.],
               [-1.,  1.]])
    """
    parts = [
        np.where(x[:, [place]] == codes[None, :-1], 1.0, -1.0)
        for place, codes in zip(layout.categories, layout.levels, strict=True)
    ]
    return np.concatenate([np.empty((len(x), 0)), *parts], axis=1)


def decoded(layout: Layout, features: Float[np.ndarray, "n F"]) -> Float[np.ndarray, "n q"]:
    """The codes of the categories, in the order of ``layout.categories``.

    Args:
        layout: of the group.
        features: of the categories.

    Example:
        >>> x = np.array([[5.0, 0.1], [7.0, 0.2], [6.0, 0.3]])
        >>> decoded(laid_out(x, [0]), np.array([[-1.0, 1.0]]))
        array([[6.]])
    """
    codes, start = [], 0
    for levels in layout.levels:
        own = features[:, start : start + len(levels) - 1] > 0.0
        last = np.full((len(own), 1), True)
        codes.append(levels[np.concatenate([own, last], axis=1).argmax(axis=1)])
        start += len(levels) - 1
    return np.stack(codes, axis=1) if codes else np.empty((len(features), 0))
