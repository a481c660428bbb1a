"""Seed samples from a CSV file, and the units in which a network reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.simulate.tables.kinds import few_valued, joined
from synthetic_oversampling.simulate.tables.reading import TableError, read_table
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "MOST_LEVELS",
    "SCALINGS",
    "BeyondTraining",
    "Joined",
    "SeedError",
    "Seeds",
    "from_arrays",
    "joined_seeds",
    "pooled_covariance",
    "read_seeds",
    "with_few_valued",
]

SCALINGS = ("covariance", "features")  # what seeds are scaled by
MOST_LEVELS = 8  # of a category; the network met up to so many in training
_WIDE = 5000  # features, of which a covariance takes 200 MB


class BeyondTraining(UserWarning):
    """Seeds unlike those that a network was trained on; its samples are an extrapolation."""


class SeedError(ValueError):
    """The seed samples cannot be used; the message says where and why."""


class Seeds(NamedTuple):
    """Labelled seed samples: ``features`` (n, d), ``labels`` n strings, and the columns' names.

    With an attribute ``labels`` are groups, "label & attribute", and ``cells`` says which two cells
    each of them stands for.

    Attributes:
        label_name, attribute_name: of these columns; no attribute is None.
        levels: place of a column of categories -> their names; its features are codes 0, 1, ...
    """

    features: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    label_name: str
    attribute_name: str | None = None
    cells: dict[str, tuple[str, str]] | None = None
    levels: Mapping[int, tuple[str, ...]] = MappingProxyType({})

    @property
    def numbers(self) -> np.ndarray:
        """Places of the columns of numbers."""
        return np.setdiff1d(np.arange(self.features.shape[1]), list(self.levels))


def read_seeds(
    path: Path, label: str, attribute: str | None = None, categorical: Sequence[str] = ()
) -> Seeds:
    """Read labelled seeds from a CSV file with a header; every other column is a feature.

    Args:
        path: the file.
        label: name of the label's column; labels are kept as text.
        attribute: of an attribute's column; groups are then pairs of label and attribute.
        categorical: of columns that hold categories; the others hold numbers.

    Returns:
        The seeds.

    Raises:
        SeedError: if the file is missing, unreadable, empty, ragged, not numeric, or without the
            label's column; line numbers count from 1.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "seeds.csv"
        >>> _ = path.write_text("height,kind\\n1.5,a\\n2.0,b\\n")
        >>> read_seeds(path, "kind").features
        array([[1.5],
               [2. ]])
    """
    try:
        table = read_table(path, label, attribute, categorical=categorical)
    except TableError as error:
        raise SeedError(str(error)) from error
    numeric = [at for at, name in enumerate(table.names) if name not in categorical]
    features = np.empty((len(table.cells), len(table.names)))
    features[:, numeric] = table.features[:, : len(numeric)]  # indicators stand after them
    levels = {}
    for at in sorted(set(range(len(table.names))) - set(numeric)):
        kinds, codes = np.unique(table.cells[:, at].astype(np.str_), return_inverse=True)
        features[:, at], levels[at] = codes, tuple(kinds.tolist())
    if attribute is None:
        return Seeds(features, table.labels, table.names, table.label_name, levels=levels)
    assert table.attributes is not None  # it was asked for
    pairs = [*zip(table.labels.tolist(), table.attributes.tolist(), strict=True)]
    names = [f"{one} & {other}" for one, other in pairs]
    cells = dict(zip(names, pairs, strict=True))
    if len(cells) != len(set(pairs)):
        raise SeedError(
            f"columns {label!r} and {attribute!r}: two pairs of values read the same, joined by "
            "'&'. Write one of them otherwise."
        )
    return Seeds(
        features=features,
        labels=np.array(names, dtype=np.str_),
        names=table.names,
        label_name=table.label_name,
        attribute_name=attribute,
        cells=cells,
        levels=levels,
    )


def with_few_valued(seeds: Seeds) -> Seeds:
    """The seeds with columns of few whole numbers as categories, each number one.

    Args:
        seeds: whose columns of numbers are looked at.

    Example:
        >>> x = np.array([[0.0, 0.1], [1.0, 0.2]] * 5)
        >>> with_few_valued(from_arrays(x, np.repeat([0, 1], 5))).levels
        {0: ('0', '1')}
    """
    features, levels = seeds.features.copy(), dict(seeds.levels)
    for place in np.flatnonzero(few_valued(features)):
        if place not in levels:
            values, codes = np.unique(features[:, place], return_inverse=True)
            features[:, place] = codes
            levels[int(place)] = tuple(f"{value + 0.0:.0f}" for value in values)
    return seeds._replace(features=features, levels=levels)


class Joined(NamedTuple):
    """Seeds whose categories that belong together are one column each, after the numbers.

    Attributes:
        seeds: of these columns.
        places: of the columns that each was made of; combinations: their codes at each level.
    """

    seeds: Seeds
    places: tuple[tuple[int, ...], ...]
    combinations: tuple[np.ndarray, ...]

    def apart(self, rows: np.ndarray) -> np.ndarray:
        """Rows of these columns as rows of those that they were made of.

        Args:
            rows: numbers, then codes.
        """
        first = rows.shape[1] - len(self.places)
        width = first + sum(map(len, self.places))
        others = np.setdiff1d(np.arange(width), [place for one in self.places for place in one])
        out = np.empty((len(rows), width))
        out[:, others] = rows[:, :first]
        for column, (places, codes) in enumerate(zip(self.places, self.combinations, strict=True)):
            out[:, list(places)] = codes[rows[:, first + column].astype(int)]
        return out


def joined_seeds(seeds: Seeds) -> Joined:
    """Seeds with the categories that belong together as one, see ``tables.kinds.joined``.

    Args:
        seeds: of numbers and categories.

    Example:
        >>> codes = np.arange(40) % 4
        >>> x = np.column_stack([codes, np.linspace(0.0, 1.0, 40), codes // 2])
        >>> both = from_arrays(x, np.arange(40) % 2)._replace(levels={0: (), 2: ()})
        >>> one = joined_seeds(both)
        >>> one.seeds.names, one.places, bool((one.apart(one.seeds.features) == x).all())
        (('x1', 'x0 & x2'), ((0, 2),), True)
    """
    own = list(seeds.levels)
    places = tuple(tuple(own[index] for index in part) for part in joined(seeds.features[:, own]))
    found = [np.unique(seeds.features[:, list(one)], axis=0, return_inverse=True) for one in places]
    columns = [seeds.features[:, seeds.numbers], *(codes.reshape(-1, 1) for _, codes in found)]
    names = [seeds.names[place] for place in seeds.numbers]
    names += [" & ".join(seeds.names[place] for place in one) for one in places]
    first = len(seeds.numbers)
    one = seeds._replace(
        features=np.concatenate(columns, axis=1).astype(np.float64),
        names=tuple(names),
        levels={first + column: () for column in range(len(places))},
    )
    return Joined(one, places, tuple(combinations for combinations, _ in found))


def from_arrays(features: np.ndarray, labels: np.ndarray) -> Seeds:
    """Seeds from arrays, checked as a file would be.

    Args:
        features: (n, d) numbers.
        labels: n labels, kept as text.

    Returns:
        The seeds, with columns named x0, x1, ... and label.

    Raises:
        SeedError: for a wrong shape, no seeds, or a number that is not finite.

    Example:
        >>> import numpy as np
        >>> from_arrays(np.ones((2, 1)), np.array([0, 1])).labels
        array(['0', '1'], dtype='<U1')
    """
    try:
        features = np.asarray(features, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SeedError(
            f"features: got {features!r}, expected an array of numbers ({error})."
        ) from error
    labels = np.array([str(one) for one in np.ravel(labels)], dtype=np.str_)
    if features.ndim != 2 or 0 in features.shape or len(labels) != len(features):
        raise SeedError(
            f"features: got shape {features.shape} and {counted(len(labels), 'label')}, expected "
            "(n, d) and n labels, n and d at least 1. One row a seed, one column a feature."
        )
    if not np.isfinite(features).all():
        row, column = np.argwhere(~np.isfinite(features))[0]
        raise SeedError(
            f"features[{row}, {column}]: got {features[row, column]}, expected a finite number. "
            "Fill or drop missing values."
        )
    names = tuple(f"x{index}" for index in range(features.shape[1]))
    return Seeds(features, labels, names, "label")


def _within(seeds: Seeds) -> tuple[np.ndarray, np.ndarray, int]:
    """The groups' means, the seeds less their group's, and degrees of freedom within groups."""
    groups = np.unique(seeds.labels)
    means = np.stack([seeds.features[seeds.labels == one].mean(axis=0) for one in groups])
    residual = seeds.features - means[np.searchsorted(groups, seeds.labels)]
    return means, residual, len(residual) - len(groups)


def pooled_covariance(seeds: Seeds, scaling: str = "covariance") -> tuple[np.ndarray, np.ndarray]:
    """Mean of the groups' means, and the pooled covariance within groups, shrunk to its diagonal.

    Statement: no group counts for more because it is larger. The correlations count as many degrees
    of freedom as there are, the identity as many as there are features, so that few seeds do not
    make features look collinear; with ``features`` the correlations are 0.

    Args:
        seeds: the seeds of every group.
        scaling: ``covariance`` or ``features``.

    Raises:
        SeedError: if a feature is constant within groups, there are enough seeds to see that
            features are collinear, no group has two, or there are more than 5,000 features.

    Example:
        >>> x = np.array([[0.0, 0.0], [2.0, 4.0], [10.0, 3.0], [12.0, 5.0], [14.0, 1.0]])
        >>> print(pooled_covariance(from_arrays(x, np.array([0, 0, 1, 1, 1])))[1])
        [[3.33333333 0.        ]
         [0.         5.33333333]]
    """
    if scaling not in SCALINGS:
        raise SeedError(f"scaling: got {scaling!r}, expected one of {SCALINGS}.")
    means, residual, freedom = _within(seeds)
    dim = residual.shape[1]
    if dim > _WIDE:
        raise SeedError(
            f"features: got {dim}, expected at most {_WIDE}; their covariance is needed. Choose "
            "columns, or put principal components in their place."
        )
    if freedom < 1:
        raise SeedError(
            "the spread within groups has 0 degrees of freedom in "
            f"{counted(len(residual), 'seed')} of {counted(len(means), 'group')}, needs 1. Give "
            "more seeds."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        cov = residual.T @ residual / freedom
    if not np.isfinite(cov).all():
        raise SeedError("the features are too large to square; measure them in larger units.")
    std = np.sqrt(np.diag(cov))
    rounding = 1e-12 * np.abs(seeds.features).max(axis=0)
    for name, one, least in zip(seeds.names, std, rounding, strict=True):
        if not one > least:
            raise SeedError(
                f"column {name!r} does not vary within any group, so it has no scale. Drop it."
            )
    centre, alone = means.mean(axis=0), np.diag(std**2)
    if scaling == "features":
        return centre, alone
    if freedom >= dim and np.linalg.eigvalsh(cov / np.outer(std, std))[0] < 1e-10:
        raise SeedError(
            "the features are collinear within groups, so they cannot be decorrelated. Drop the "
            "redundant ones, or scale each feature by itself (--scaling features)."
        )
    share = freedom / (freedom + dim)
    return centre, share * cov + (1.0 - share) * alone
