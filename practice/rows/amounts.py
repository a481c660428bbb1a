"""How many rows to add to which group, and the weight of every row."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.wording import counted

try:
    from imblearn.utils import check_sampling_strategy
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["Amounts", "amounts_of", "design_weights", "levelled", "rows_to_add"]


class Amounts(NamedTuple):
    """Rows to add and what a row weighs.

    Attributes:
        level: rows that level each group, or that were asked for ``[G]``.
        beyond: further rows of each group ``[G]``.
        weights: of a real, a levelling and a further row ``[3, G]``.
    """

    level: np.ndarray
    beyond: np.ndarray
    weights: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Rows to add to each group."""
        return self.level + self.beyond


def amounts_of(
    groups: Sequence[Hashable],
    codes: np.ndarray,
    strategy: float | str | Mapping | Callable = "auto",
    n_synthetic: int | Mapping | None = None,
    augmentation: int = 0,
    weight: float = 0.0,
) -> Amounts:
    """Rows to add by `rows_to_add`, and an augmentation with its weights by `design_weights`.

    Args:
        groups, codes, strategy, n_synthetic: as for `rows_to_add`.
        augmentation, weight: as for `design_weights`.

    Raises:
        ValueError: as those, or augmentation of groups that are not levelled, or a weight of no
            rows.

    Example:
        >>> found = amounts_of(["no", "yes"], np.array([0, 0, 0, 1]), augmentation=2, weight=0.5)
        >>> found.total.tolist(), np.round(found.weights[:, 0], 2).tolist()
        ([2, 4], [0.83, 0.83, 1.25])
    """
    wanted = rows_to_add(groups, codes, strategy, n_synthetic)
    level = np.array([wanted[code] for code in range(len(groups))])
    none = np.zeros(len(groups), dtype=int)
    if augmentation == 0:
        if weight:
            raise ValueError(
                f"weight: got {weight!r} with augmentation=0; expected augmentation of at least "
                "1, the rows that the weight belongs to."
            )
        return Amounts(level, none, np.ones((3, len(groups))))
    if n_synthetic is not None or not (isinstance(strategy, str) and strategy == "auto"):
        raise ValueError(
            f"augmentation: got {augmentation} with sampling_strategy={strategy!r} and "
            f"n_synthetic={n_synthetic!r}; expected it with 'auto' only, since it counts rows "
            "beyond levelled groups."
        )
    weights, further = design_weights(np.bincount(codes), augmentation, weight)
    return Amounts(
        level, none + augmentation, np.stack([weights, weights, np.full_like(weights, further)])
    )


def rows_to_add(
    groups: Sequence[Hashable],
    codes: np.ndarray,
    strategy: float | str | Mapping | Callable = "auto",
    n_synthetic: int | Mapping | None = None,
) -> dict[int, int]:
    """Rows to add to every group.

    Args:
        groups: labels, or (label, attribute) pairs; ``groups[c]`` is called ``c`` in ``codes``.
        codes: the group of each row.
        strategy: imbalanced-learn's ``sampling_strategy``, applied to the groups: a ratio (two
            groups only), a name such as "auto" (level with the largest), a dict or a callable that
            gives the rows to END with.
        n_synthetic: rows to ADD instead: a dict by group, or a total that goes to the smallest
            groups first (`levelled`).

    Returns:
        Code -> rows to add, 0 included.

    Raises:
        ValueError: a group that does not exist, a negative number, fewer rows than there are, or
            both arguments given.

    Example:
        >>> codes = np.array([0] * 5 + [1] * 2)
        >>> rows_to_add(["no", "yes"], codes), rows_to_add(["no", "yes"], codes, {"yes": 4})
        ({0: 0, 1: 3}, {0: 0, 1: 2})
        >>> rows_to_add(["no", "yes"], codes, n_synthetic={"yes": 4})
        {0: 0, 1: 4}
    """
    sizes = np.bincount(codes, minlength=len(groups))
    if n_synthetic is not None:
        if not (isinstance(strategy, str) and strategy == "auto"):
            raise ValueError(
                f"n_synthetic: got {n_synthetic!r} with sampling_strategy={strategy!r}, two "
                "answers to one question; give rows to add (n_synthetic) or to end with, not both."
            )
        if isinstance(n_synthetic, Mapping):
            added = {
                _code(groups, group, "n_synthetic"): _whole(count, f"n_synthetic[{group!r}]")
                for group, count in n_synthetic.items()
            }
            return {code: added.get(code, 0) for code in range(len(groups))}
        return dict(enumerate(levelled(sizes, _whole(n_synthetic, "n_synthetic")).tolist()))
    if callable(strategy):
        rows = np.empty(len(codes), dtype=object)
        rows[:] = [groups[code] for code in codes]
        plain = not isinstance(groups[0], tuple)
        strategy = strategy(np.asarray(list(rows)) if plain else rows)
    if isinstance(strategy, Mapping):
        strategy = {
            _code(groups, group, "sampling_strategy"): count for group, count in strategy.items()
        }
    if isinstance(strategy, numbers.Real) and len(groups) > 2:
        raise ValueError(
            f"sampling_strategy: got {strategy!r} with {counted(len(groups), 'group')}, but a "
            "ratio is "
            "defined for two; expected a name such as 'auto', or a dict {group: rows to end with}."
        )
    added = check_sampling_strategy(strategy, codes, "over-sampling")
    return {code: int(added.get(code, 0)) for code in range(len(groups))}


def _code(groups: Sequence[Hashable], group: Hashable, argument: str) -> int:
    for code, wanted in enumerate(groups):
        if wanted == group:
            return code
    raise ValueError(
        f"{argument}: got the class or group {group!r}, which is not in the data; expected one of "
        f"{', '.join(map(repr, groups))}."
    )


def _whole(value, argument: str) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{argument}: got {value!r}, expected a whole number of rows from 0.")
    return int(value)


def levelled(sizes: Sequence[int] | np.ndarray, total: int) -> np.ndarray:
    """Share rows among groups so that the smallest are raised first, to a common level.

    Args:
        sizes: real rows by group.
        total: rows to share.

    Returns:
        Rows to add by group; their sum is the total.

    Example:
        >>> levelled([10, 2, 5], 4).tolist(), levelled([10, 2, 5], 16).tolist()
        ([0, 4, 0], [1, 9, 6])
    """
    sizes = np.asarray(sizes)
    order = np.argsort(sizes, kind="stable")
    grown = sizes[order].astype(int)
    for count in range(1, len(grown) + 1):  # raise the `count` smallest to the next one's size
        ceiling = grown[count] if count < len(grown) else None
        room = None if ceiling is None else int(count * ceiling - grown[:count].sum())
        if room is None or room >= total:
            share, rest = divmod(int(grown[:count].sum()) + total, count)
            grown[:count] = share + (np.arange(count) < rest)
            break
        total -= room
        grown[:count] = ceiling
    added = np.empty_like(grown)
    added[order] = grown - sizes[order]
    return added


def design_weights(
    sizes: Sequence[int] | np.ndarray, augmentation: int, weight: float
) -> tuple[np.ndarray, float]:
    """Weights of rows in the objective of `theory.Design`, in units of a mean row.

    Args:
        sizes: real rows by group.
        augmentation: N, rows added to every group beyond levelling.
        weight: alpha, the share of those rows in the objective.

    Returns:
        Weights of a levelling row (real or synthetic) by group, and of an augmentation row. The
        weights of all rows sum to the number of rows.

    Example:
        >>> level, extra = design_weights([3, 1], augmentation=2, weight=0.5)
        >>> level.tolist(), extra  # 2 x 3 rows and 2 x 2 rows, of mass 1/2 each
        ([0.8333333333333333, 0.8333333333333333], 1.25)
    """
    design = Design(tuple(int(n) for n in sizes), augmentation=augmentation, weight=weight)
    rows = design.num_groups * (design.n_max + augmentation)
    each = (design.real_mass + design.oversampling_mass) / design.n_max
    extra_row = float(design.augmentation_mass[0]) / augmentation if augmentation else 0.0
    return rows * each, rows * extra_row
