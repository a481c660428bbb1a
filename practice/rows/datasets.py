"""Tables to judge on: those that ship with scikit-learn, a CSV file, or a folder of triples.

No table that ships has columns of categories, so two of them come in a second form, in which some
measurements are cut into bins; the bins are categories without an order, as SMOTENC reads them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.rows.columns import read_columns
from synthetic_oversampling.practice.rows.reading import read_csv, read_csvs

try:
    import pandas as pd
    from sklearn import datasets as shipped
except ImportError as error:
    raise extra.missing(error) from error

__all__ = [
    "BUILT_IN",
    "Dataset",
    "DatasetError",
    "from_csv",
    "from_folder",
    "from_table",
    "from_triple",
    "load",
]

_FILES = ("train", "synthetic", "test")


class DatasetError(ValueError):
    """A table cannot be used; the message says which, why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A table as arrays.

    Attributes:
        name: for file names and reports.
        numbers: numeric columns ``[n, d]``.
        categories: categorical columns as codes ``[n, q]``.
        levels: how many categories each of these has.
        labels: class codes ``[n]``; ``classes`` are their names.
        attribute: codes of the spurious attribute ``[n]``, or None; ``kinds`` are its names.
        part: 0 train, 1 synthetic, 2 test for a triple; None for a table that is to be split.
    """

    name: str
    numbers: np.ndarray
    categories: np.ndarray
    levels: tuple[int, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    attribute: np.ndarray | None = None
    kinds: tuple[str, ...] = ()
    part: np.ndarray | None = None

    @property
    def digest(self) -> str:
        """What identifies the contents, for artifacts."""
        hashed = hashlib.sha256()
        for array in (self.numbers, self.categories, self.labels, self.attribute, self.part):
            hashed.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return hashed.hexdigest()[:16]


def _breast_cancer() -> Dataset:
    given = shipped.load_breast_cancer()
    return _plain("breast_cancer", given.data, 1 - given.target, ("benign", "malignant"))


def _wine() -> Dataset:
    given = shipped.load_wine()
    return _plain("wine", given.data, given.target, ("0", "1", "2"))


def _digits() -> Dataset:
    """Eights against the rest, in 4 x 4 blocks of pixels."""
    given = shipped.load_digits()
    blocks = given.images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    return _plain("digits", blocks, (given.target == 8).astype(int), ("other", "eight"))


def _diabetes() -> Dataset:
    """Progression in its upper third against the rest: classes that overlap much."""
    given = shipped.load_diabetes(scaled=False)
    high = (given.target > np.quantile(given.target, 2 / 3)).astype(int)
    return _plain("diabetes", given.data, high, ("slow", "fast"))


def _breast_cancer_bins() -> Dataset:
    """The ten means as numbers, and five of the "worst" measurements by their third."""
    plain, names = _breast_cancer(), list(shipped.load_breast_cancer().feature_names)
    worst = [
        names.index(f"worst {one}")
        for one in ("radius", "texture", "smoothness", "concavity", "symmetry")
    ]
    cuts = np.quantile(plain.numbers[:, worst], [1 / 3, 2 / 3], axis=0)
    codes = (plain.numbers[:, worst, None] > cuts.T).sum(axis=2)
    return dataclasses.replace(
        plain,
        name="breast_cancer_bins",
        numbers=plain.numbers[:, :10],
        categories=codes,
        levels=(3,) * 5,
    )


def _diabetes_bins() -> Dataset:
    """Sex, which is a category; age by decade (under 40 .. over 60) and WHO's classes of weight."""
    plain = _diabetes()
    age, sex, mass = plain.numbers[:, :3].T
    codes = np.column_stack(
        [
            np.digitize(age, [40, 50, 60]),
            sex.astype(int) - 1,
            np.digitize(mass, [18.5, 25, 30]),
        ]
    )
    return dataclasses.replace(
        plain,
        name="diabetes_bins",
        numbers=plain.numbers[:, 3:],
        categories=codes,
        levels=(4, 2, 4),
    )


# what loads a table of the benchmark, by its name
BUILT_IN = {
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
    "digits": _digits,
    "wine": _wine,
    "breast_cancer_bins": _breast_cancer_bins,
    "diabetes_bins": _diabetes_bins,
}


def _plain(name, numbers, labels, classes) -> Dataset:
    none = np.empty((len(labels), 0), dtype=int)
    return Dataset(
        name=name,
        numbers=np.asarray(numbers, float),
        categories=none,
        levels=(),
        labels=labels.astype(int),
        classes=classes,
    )


def load(name: str) -> Dataset:
    """A data set that ships with scikit-learn.

    Args:
        name: among `BUILT_IN`.

    Raises:
        DatasetError: for another name, listing those that exist.

    Example:
        >>> given = load("wine")
        >>> given.numbers.shape, np.bincount(given.labels).tolist()
        ((178, 13), [59, 71, 48])
        >>> given = load("diabetes_bins")
        >>> given.numbers.shape, [np.bincount(codes).tolist() for codes in given.categories.T]
        ((442, 7), [[117, 97, 125, 103], [235, 207], [2, 186, 155, 99]])
    """
    if name not in BUILT_IN:
        raise DatasetError(f"data set: got {name!r}, expected one of {', '.join(BUILT_IN)}.")
    return BUILT_IN[name]()


def from_table(
    name: str,
    table: pd.DataFrame,
    label: str,
    attribute: str | None = None,
    categorical: Collection[str] = (),
) -> Dataset:
    """A table with a column of labels, and perhaps one with a spurious attribute.

    Args:
        name: of the data set.
        table: numbers and categories.
        label: its column; the others are features, the attribute too.
        attribute: its column.
        categorical: columns of numbers that are categories.

    Raises:
        DatasetError: a missing column, a single class, or unusable values.

    Example:
        >>> table = pd.DataFrame({"a": [1.0, 2.0], "s": ["u", "v"], "y": ["no", "yes"]})
        >>> given = from_table("small", table, "y", "s")
        >>> given.classes, given.kinds, given.categories.ravel().tolist()
        (('no', 'yes'), ('u', 'v'), [0, 1])
    """
    for column in (label, *((attribute,) if attribute is not None else ())):
        if column not in table.columns:
            raise DatasetError(
                f"{name}: has no column {column!r}; the columns are "
                f"{', '.join(map(str, table.columns))}."
            )
        if table[column].isna().any():
            raise DatasetError(f"{name}: column {column!r} has empty cells; fill or drop them.")
    features = table.drop(columns=label)
    if features.shape[1] == 0:
        raise DatasetError(f"{name}: has no columns besides the label {label!r}.")
    try:
        found = read_columns(features, list(categorical))
    except ValueError as error:
        raise DatasetError(f"{name}: {error}") from error
    codes, levels = [], []
    for place in found.categorical:
        numbers, kinds = pd.factorize(features.iloc[:, place].astype(object))
        codes.append(numbers)
        levels.append(len(kinds))
    categories = np.column_stack(codes) if codes else np.empty((len(table), 0), dtype=int)
    classes, labels = np.unique(table[label].astype(str), return_inverse=True)
    if len(classes) < 2:
        raise DatasetError(f"{name}: column {label!r} holds one class only, {classes[0]!r}.")
    if attribute is None:
        side, kinds = None, ()
    else:
        kinds, side = np.unique(table[attribute].astype(str), return_inverse=True)
    return Dataset(
        name=name,
        numbers=found.numbers,
        categories=categories,
        levels=tuple(levels),
        labels=labels,
        classes=tuple(map(str, classes)),
        attribute=side,
        kinds=tuple(map(str, kinds)),
    )


def from_csv(
    path: str | Path, label: str, attribute: str | None = None, categorical: Collection[str] = ()
) -> Dataset:
    """A CSV file with a header, its columns told apart by `practice.rows.cells`.

    Args:
        path: the file.
        label, attribute, categorical: as for `from_table`.

    Raises:
        TableError: an unreadable file, or a column of numbers in which some cell is none.
        DatasetError: as from `from_table`.
    """
    table = read_csv(path, label, attribute, categorical)
    return from_table(Path(path).stem, table, label, attribute)


def from_folder(
    folder: str | Path, label: str, attribute: str | None = None, categorical: Collection[str] = ()
) -> list[Dataset]:
    """Triples ``train.csv``, ``synthetic.csv``, ``test.csv`` of a folder, or of its subfolders.

    The synthetic file holds rows that someone generated for the training file, labels included;
    the columns of all three are the same.

    Args:
        folder: the folder.
        label, attribute, categorical: as for `from_table`.

    Raises:
        DatasetError: no triple, and as `from_triple`.
    """
    folder = Path(folder)
    places = [folder, *sorted(one for one in folder.glob("*") if one.is_dir())]
    places = [one for one in places if (one / "train.csv").exists()]
    if not places:
        raise DatasetError(
            f"{folder}: neither it nor a subfolder holds train.csv, synthetic.csv and test.csv."
        )
    return [
        from_triple([place / f"{name}.csv" for name in _FILES], label, attribute, categorical)
        for place in places
    ]


def from_triple(
    paths: Sequence[str | Path],
    label: str,
    attribute: str | None = None,
    categorical: Collection[str] = (),
) -> Dataset:
    """Files of real rows, of rows generated for them, and of test rows, with the same columns.

    Args:
        paths: of the three files, in this order.
        label, attribute, categorical: as for `from_table`.

    Raises:
        TableError: columns that differ, and cells that do not fit the training file's columns.
        DatasetError: labels that the training file lacks, and as `from_table`.
    """
    files = [Path(path) for path in paths]
    train = files[0]
    tables = read_csvs(files, label, attribute, categorical)
    part = np.repeat(np.arange(3), [len(table) for table in tables])
    whole = pd.concat(tables, ignore_index=True)  # categories that differ become objects
    texts = tables[0].select_dtypes("category").columns
    if len(texts):
        whole = whole.astype(dict.fromkeys(texts, "category"))
    given = from_table(train.resolve().parent.name or train.stem, whole, label, attribute)
    strange = set(given.labels[part > 0]) - set(given.labels[part == 0])
    if strange:
        raise DatasetError(
            f"{train}: lacks the class {given.classes[min(strange)]!r} of the other files; give "
            "it rows of every class."
        )
    return dataclasses.replace(given, part=part)
