"""A table as the planner reads it: checked, grouped, and in standard units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulate.planner_sources import External, Rows

__all__ = ["GroupInfo", "Prepared", "prepare"]

_FEWEST = 5  # rows of a group below which nothing is estimated


class GroupInfo(NamedTuple):
    """A group: its name, its number of rows, and whether its label counts as class 1."""

    name: str
    size: int
    positive: bool


class Prepared(NamedTuple):
    """A table ready to be planned.

    Attributes:
        rows: features in units of their standard deviation, signs, group indices.
        groups: in the order of the indices.
        external: synthetic rows in the same units, or None.
        available: synthetic rows of each group ``[G]``, or None.
    """

    rows: Rows
    groups: tuple[GroupInfo, ...]
    external: External | None
    available: np.ndarray | None


def _matrix(name: str, features) -> np.ndarray:
    try:
        x = np.asarray(features, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: got values that are not numbers, expected a numeric table [rows, features]; "
            "encode or drop the other columns."
        ) from None
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name}: got shape {x.shape}, expected [rows, features], none empty.")
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise ValueError(
            f"{name}: got {x[row, column]} in row {row}, column {column}, expected finite numbers; "
            "fill or drop missing values."
        )
    return x


def _keys(name: str, x: np.ndarray, labels, attributes) -> list[tuple]:
    labels = np.asarray(labels)
    columns = [labels] if attributes is None else [labels, np.asarray(attributes)]
    for column in columns:
        if column.shape != (len(x),):
            raise ValueError(
                f"{name}: got {len(x)} rows of features and labels or attributes of shape "
                f"{column.shape}, expected one value a row."
            )
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _text(value) -> str:
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def prepare(features, labels, attributes, synthetic, fitted: bool, positive) -> Prepared:
    """Check a table and its synthetic rows; group them; scale features to unit deviation.

    The logistic fit and Gaussian generators do not depend on the units; neighbours do, and use
    these.

    Args:
        features, labels, attributes, synthetic, fitted, positive: as for `planner.plan_table`.

    Raises:
        ValueError: for shapes, values that are not finite, one label only, more than two labels
            without `positive`, tiny groups, constant features, or synthetic rows that do not match.
    """
    x = _matrix("features", features)
    keys = _keys("labels", x, labels, attributes)
    kinds = sorted({key[0] for key in keys}, key=str)
    if len(kinds) < 2:
        raise ValueError(
            f"labels: got one kind, {_text(kinds[0])!r}, expected two; a classifier needs both."
        )
    if positive is None and len(kinds) > 2:
        raise ValueError(
            f"labels: got {len(kinds)} kinds ({', '.join(map(_text, kinds[:8]))}), expected two; "
            "name the one that counts as class 1 with positive (--positive)."
        )
    if positive is None:
        positive = kinds[1]
    elif positive not in kinds:
        raise ValueError(
            f"positive: got {positive!r}, expected one of {', '.join(map(_text, kinds))}."
        )
    order = sorted(set(keys), key=lambda key: tuple(map(str, key)))
    index = {key: g for g, key in enumerate(order)}
    group = np.array([index[key] for key in keys])
    sizes = np.bincount(group)
    groups = tuple(
        GroupInfo("/".join(map(_text, key)), int(n), key[0] == positive)
        for key, n in zip(order, sizes, strict=True)
    )
    small = [f"{g.name} ({g.size})" for g in groups if g.size < _FEWEST]
    if small:
        raise ValueError(
            f"labels: got groups with fewer than {_FEWEST} rows: {', '.join(small)}; nothing can "
            "be estimated from so few. Merge groups, or collect more rows of them."
        )
    centre, spread = x.mean(axis=0), x.std(axis=0)
    constant = np.flatnonzero(spread <= 1e-12 * np.abs(x).max(axis=0))
    if len(constant):
        raise ValueError(
            f"features: column {constant[0]} is constant, expected columns that vary; drop it."
        )
    if x.shape[1] + 1 >= len(x):
        raise ValueError(
            f"features: got {x.shape[1]} for {len(x)} rows, expected fewer features than rows."
        )
    signs = np.where([g.positive for g in groups], 1.0, -1.0)

    def rows(values, own) -> Rows:
        scaled = (values - centre) / spread
        return Rows(np.concatenate([np.ones((len(own), 1)), scaled], axis=1), signs[own], own)

    external = available = None
    if synthetic is not None:
        drawn, own = _synthetic(synthetic, x.shape[1], attributes is not None, index, groups)
        available = np.bincount(own)
        external = External(rows(drawn, own), np.ones(len(own)), fitted)
    return Prepared(rows(x, group), groups, external, available)


def _synthetic(
    given: tuple, dim: int, with_attributes: bool, index: dict[tuple, int], groups
) -> tuple[np.ndarray, np.ndarray]:
    """Features and groups of the synthetic rows, held to the table that they are for.

    Args:
        given: features, labels and perhaps attributes.
        dim: features of the table.
        with_attributes: whether its groups are label x attribute.
        index: number of each of its groups.
        groups: them.
    """
    drawn = _matrix("synthetic", given[0])
    if drawn.shape[1] != dim:
        raise ValueError(
            f"synthetic: got {drawn.shape[1]} features, expected the {dim} of the table."
        )
    extra = given[2] if len(given) > 2 else None
    if (extra is not None) != with_attributes:
        raise ValueError(
            f"synthetic: got {'no ' if extra is None else ''}attributes for a table "
            f"{'with' if with_attributes else 'without'} them; give attributes for both tables, "
            "or for neither."
        )
    names = _keys("synthetic", drawn, given[1], extra)
    unknown = sorted({"/".join(map(_text, key)) for key in names if key not in index})
    if unknown:
        raise ValueError(
            f"synthetic: got rows of groups the table does not have: {', '.join(unknown)}; "
            f"it has {', '.join(g.name for g in groups)}."
        )
    own = np.array([index[key] for key in names])
    available = np.bincount(own, minlength=len(groups))
    if available.min() < 2:
        missing = groups[int(available.argmin())].name
        raise ValueError(
            f"synthetic: got {available.min()} rows of group {missing}, expected at least 2 of "
            "every group: the planned designs add rows to every group."
        )
    return drawn, own
