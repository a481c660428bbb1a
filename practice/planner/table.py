"""A table as the planner reads it: checked, grouped, and in standard units."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr

from synthetic_oversampling.theory.wording import counted

__all__ = ["External", "GroupInfo", "Prepared", "prepare", "ranked", "shown"]

_FEWEST = 5  # rows of a group below which nothing is estimated
_MANY = 20  # kinds of labels, beyond which they must repeat themselves
_WIDE = 5000  # features, of which a covariance takes 200 MB
_HUGE = 1e140  # beyond it, squares of sums are no float64


class GroupInfo(NamedTuple):
    """A group: its name, its number of rows, and whether its label counts as class 1 of two.

    Attributes:
        name, size, positive: in this order.
    """

    name: str
    size: int
    positive: bool


class External(NamedTuple):
    """Synthetic rows given as a table, in the units of `Prepared.x`.

    Attributes:
        x: features ``[m, d]``; group: of each ``[m]``; counts: of each group ``[G]``.
        fitted: whether they were made from the table's rows.
    """

    x: np.ndarray
    group: np.ndarray
    counts: np.ndarray
    fitted: bool


class Prepared(NamedTuple):
    """A table ready to be planned.

    Attributes:
        x: features in units of their standard deviation ``[n, d]``.
        y: labels 0 to K - 1 ``[n]``; group: index of each row's group ``[n]``.
        classes: names of the labels ``[K]``; groups: in the order of the indices.
        external: synthetic rows in the same units, or None.
        names: of the features, for messages.
        centre, unit: of the features ``[d]``.
    """

    x: np.ndarray
    y: np.ndarray
    group: np.ndarray
    classes: tuple[str, ...]
    groups: tuple[GroupInfo, ...]
    external: External | None
    names: tuple[str, ...]
    centre: np.ndarray
    unit: np.ndarray

    def numbering(self) -> np.ndarray:
        """Which columns grow by the same step from row to row, and so number the rows ``[d]``."""
        steps = np.diff(self.x, axis=0)
        return np.ptp(steps, axis=0) <= 1e-6 * np.abs(steps).max(axis=0)

    def only(self, columns: np.ndarray) -> Prepared:
        """The same table with some of its columns.

        Args:
            columns: which ``[d]``, truth values.
        """
        made = self.external
        return self._replace(
            x=self.x[:, columns],
            external=None if made is None else made._replace(x=made.x[:, columns]),
            names=tuple(np.array(self.names)[columns].tolist()),
            centre=self.centre[columns],
            unit=self.unit[columns],
        )

    def among(self, rows: np.ndarray) -> Prepared:
        """The same table with some of its rows; groups are described as they were.

        Args:
            rows: places.
        """
        return self._replace(x=self.x[rows], y=self.y[rows], group=self.group[rows])

    def separating(self, *, ties: bool = False) -> tuple[str, ...]:
        """Features each of which alone tells some class from all others.

        Args:
            ties: whether one value may occur in both.
        """
        apart = np.zeros(self.x.shape[1], bool)
        for kind in range(1, len(self.classes)) if len(self.classes) == 2 else np.unique(self.y):
            up, down = self.x[self.y == kind], self.x[self.y != kind]
            gap = np.maximum(up.min(axis=0) - down.max(axis=0), down.min(axis=0) - up.max(axis=0))
            apart |= gap >= 0 if ties else gap > 0
        return tuple(self.names[place] for place in np.flatnonzero(apart))


def _named(columns: Sequence[str]) -> str:
    first = ", ".join(repr(name) for name in columns[:5])
    more = f" and {len(columns) - 5} more" if columns[5:] else ""
    return f"column{'s' if columns[1:] else ''} {first}{more}"


def _check_spread(x: np.ndarray, names: Sequence[str]) -> None:
    """Columns vary, and none is so large or so small that its square is no number."""
    size = np.abs(x).max(axis=0)
    spread = np.ptp(x / np.maximum(size, 1e-300), axis=0)
    constant = [names[place] for place in np.flatnonzero(spread <= 1e-12).tolist()]
    if constant:
        raise ValueError(
            f"features: {_named(constant)} {'are' if constant[1:] else 'is'} constant to twelve "
            "digits, expected columns that vary; drop what is constant, and subtract a number that "
            "all rows share."
        )
    odd = [names[place] for place in np.flatnonzero((size > _HUGE) | (size < 1 / _HUGE)).tolist()]
    if odd:
        raise ValueError(
            f"features: got numbers beyond {_HUGE:g}, or none above {1 / _HUGE:g}, in "
            f"{_named(odd)}: their squares are no numbers; use another unit."
        )


def _check_rank(x: np.ndarray, names: Sequence[str]) -> None:
    """No column is a sum of the others, within rounding; ``x`` has an intercept first."""
    triangle, order = qr(x, mode="r", pivoting=True)
    size = np.abs(np.diagonal(triangle))
    rank = int((size > 1e-10 * size[0]).sum())
    if rank == x.shape[1]:
        return
    place = int(order[rank])
    parts = np.linalg.lstsq(triangle[:rank, :rank], triangle[:rank, rank], rcond=None)[0]
    others = [int(order[k]) for k in np.flatnonzero(np.abs(parts) > 1e-6)]
    if place == 0:  # the intercept is a sum of columns: any of them is one of the others
        place, others = others[0], [0, *others[1:]]
    by = [names[other - 1] for other in others if other > 0]
    raise ValueError(
        f"features: column {names[place - 1]!r} follows exactly from {_named(by)}, expected columns"
        " that are not collinear; drop it."
    )


def _matrix(name: str, features, names: Sequence[str] = ()) -> np.ndarray:
    try:
        x = _floats(features)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: got values that are not numbers, expected a numeric table [rows, features]; "
            "encode or drop the other columns."
        ) from None
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name}: got shape {x.shape}, expected [rows, features], none empty.")
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        where = repr(names[column]) if column < len(names) else column
        raise ValueError(
            f"{name}: got {x[row, column]} in row {row}, column {where}, expected finite numbers; "
            "fill or drop missing values."
        )
    return x


def _floats(features) -> np.ndarray:
    try:
        return np.asarray(features, dtype=float)
    except TypeError:
        if not hasattr(features, "notna"):
            raise
        # a data frame's missing values have a type of their own
        return np.asarray(features.astype(object).where(features.notna(), np.nan), dtype=float)


def _keys(name: str, x: np.ndarray, labels, attributes) -> list[tuple]:
    labels = np.asarray(labels)
    columns = [labels] if attributes is None else [labels, np.asarray(attributes)]
    for column in columns:
        if column.shape != (len(x),):
            raise ValueError(
                f"{name}: got {counted(len(x), 'row')} of features and labels or attributes of "
                f"shape {column.shape}, expected one value a row."
            )
    values = [column.tolist() for column in columns]
    for each in values:
        missing = sum(map(_missing, each))
        if missing:
            raise ValueError(
                f"{name}: got labels or attributes of which {counted(missing, 'value')} are "
                "missing, expected one for every row; fill them or drop their rows."
            )
    return list(zip(*values, strict=True))


def _missing(value) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def ranked(value) -> tuple:
    """What labels and attributes are sorted by: numbers by size, then all else by its text.

    Args:
        value: a label or an attribute, of Python's own type.

    Example:
        >>> sorted(["b", 10, "a", 9.5], key=ranked)
        [9.5, 10, 'a', 'b']
    """
    return (0, value, "") if isinstance(value, numbers.Real) else (1, 0, str(value))


def shown(value) -> str:
    """A label or an attribute in words; a whole number without a point.

    Args:
        value: it.

    Example:
        >>> shown(1.0), shown(1.5), shown("yes")
        ('1', '1.5', 'yes')
    """
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _names_of(features, names: Sequence[str] | None) -> tuple[str, ...]:
    """Of the features: those given, a data frame's own, or their numbers from 0."""
    columns = getattr(features, "columns", None) if names is None else names
    if columns is None:
        columns = range(np.shape(features)[1] if np.ndim(features) == 2 else 0)
    return tuple(map(str, columns))


def prepare(
    features, labels, attributes, synthetic, fitted: bool, positive, names=None, *, exact=True
) -> Prepared:
    """Check a table and its synthetic rows; group them; scale features to unit deviation.

    Args:
        features, labels, attributes, synthetic, fitted, positive, names: as for
            `planner.plan_table`.
        exact: refuse columns that follow from others, and more columns than rows, which an
            unpenalised fit cannot have.

    Raises:
        ValueError: for shapes, too many features, values that are not finite, one label only,
            tiny groups, constant features, or synthetic rows that do not match.
    """
    names = _names_of(features, names)
    x = _matrix("features", features, names)
    if len(names) != x.shape[1]:
        raise ValueError(
            f"names: got {len(names)} for {counted(x.shape[1], 'feature')}, expected one of each; "
            "leave them out to number the features."
        )
    if x.shape[1] > _WIDE:
        raise ValueError(
            f"features: got {x.shape[1]}, expected at most {_WIDE}; a plan needs covariances. "
            "Choose columns, or put principal components in their place."
        )
    keys = _keys("labels", x, labels, attributes)
    kinds = sorted({key[0] for key in keys}, key=ranked)
    if len(kinds) < 2:
        raise ValueError(
            f"labels: got one kind, {shown(kinds[0])!r}, expected two or more; a "
            "classifier needs them."
        )
    if len(kinds) > max(_MANY, len(x) / 2):
        raise ValueError(
            f"labels: got {counted(len(kinds), 'kind')} in {counted(len(x), 'row')} "
            f"({', '.join(map(shown, kinds[:3]))}, ...), expected the names of a few classes; cut "
            "numbers into classes first."
        )
    several = positive is None and len(kinds) > 2
    if positive is None:
        positive = kinds[1]
    elif positive not in kinds:
        got, *known = (repr(k) if isinstance(k, str) else shown(k) for k in (positive, *kinds))
        raise ValueError(f"positive: got {got}, expected one of {', '.join(known)}.")
    order = sorted(set(keys), key=lambda key: tuple(map(ranked, key)))
    index = {key: g for g, key in enumerate(order)}
    group = np.array([index[key] for key in keys])
    sizes = np.bincount(group)
    groups = tuple(
        GroupInfo("/".join(map(shown, key)), int(n), not several and key[0] == positive)
        for key, n in zip(order, sizes, strict=True)
    )
    small = [f"{counted(g.size, 'row')} of {g.name!r}" for g in groups if g.size < _FEWEST]
    if small:
        raise ValueError(
            f"labels: got {', '.join(small)}, expected at least {_FEWEST} of every group; nothing "
            "can be estimated from fewer. Merge groups, or collect more rows of them."
        )
    if exact and x.shape[1] + 1 >= len(x):
        raise ValueError(
            f"features: got {x.shape[1]} for {counted(len(x), 'row')}, expected fewer features "
            "than rows, or a learner with a penalty."
        )
    _check_spread(x, names)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    if exact:
        _check_rank(np.concatenate([np.ones((len(x), 1)), (x - centre) / spread], axis=1), names)
    external = None
    if synthetic is not None:
        drawn, written = _synthetic(synthetic, x.shape[1], attributes is not None, index, groups)
        counts = np.bincount(written, minlength=len(groups))
        external = External((drawn - centre) / spread, written, counts, fitted)
    if several:
        place, classes = {kind: k for k, kind in enumerate(kinds)}, tuple(map(shown, kinds))
        y = np.array([place[key[0]] for key in order])[group]
    else:
        y = np.array([g.positive for g in groups], int)[group]
        rest = [kind for kind in kinds if kind != positive]
        classes = (shown(rest[0]) if len(rest) == 1 else "the rest", shown(positive))
    return Prepared(
        x=(x - centre) / spread,
        y=y,
        group=group,
        classes=classes,
        groups=groups,
        external=external,
        names=names,
        centre=centre,
        unit=spread,
    )


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
            f"synthetic: got {counted(drawn.shape[1], 'feature')}, expected the {dim} of the table."
        )
    extra = given[2] if len(given) > 2 else None
    if (extra is not None) != with_attributes:
        raise ValueError(
            f"synthetic: got {'no ' if extra is None else ''}attributes for a table "
            f"{'with' if with_attributes else 'without'} them; give attributes for both tables, "
            "or for neither."
        )
    names = _keys("synthetic", drawn, given[1], extra)
    unknown = sorted({"/".join(map(shown, key)) for key in names if key not in index})
    if unknown:
        raise ValueError(
            f"synthetic: got rows of groups the table does not have: {', '.join(unknown)}; "
            f"it has {', '.join(g.name for g in groups)}."
        )
    order = np.array([index[key] for key in names])
    available = np.bincount(order, minlength=len(groups))
    if available.min() < 2:
        missing = groups[int(available.argmin())].name
        raise ValueError(
            f"synthetic: got {counted(available.min(), 'row')} of group {missing}, expected at "
            "least 2 of every group: the planned designs add rows to every group."
        )
    return drawn, order
