"""CSV files as pandas tables whose columns are numbers or categories by the rule of `cells`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.rows.cells import column_kinds, conform
from synthetic_oversampling.simulate.tables.reading import Line, TableError, read_lines
from synthetic_oversampling.theory.wording import counted

try:
    import pandas as pd
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["read_csv", "read_csvs"]

_MANY = 20  # kinds of labels, beyond which they must repeat themselves
_EXACT = 2**53  # whole numbers that float64 holds exactly
_MOST = 2**63  # and int64 at all


def read_csv(
    path: str | Path, label: str, attribute: str | None = None, categorical: Collection[str] = ()
) -> pd.DataFrame:
    """One file; errors are those of `read_csvs`.

    Args:
        path, label, attribute, categorical: as for `read_csvs`, of one file.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
        >>> _ = path.write_text("height,age,kind\\n1.5,30,a\\n2.0,40,b\\n")
        >>> read_csv(path, "kind").dtypes.astype(str).to_dict()
        {'height': 'float64', 'age': 'int64', 'kind': 'object'}
    """
    return read_csvs([path], label, attribute, categorical)[0]


def read_csvs(
    paths: Sequence[str | Path],
    label: str,
    attribute: str | None = None,
    categorical: Collection[str] = (),
) -> list[pd.DataFrame]:
    """Files with the same columns; the first one says which of them are numbers.

    Args:
        paths: of the files.
        label: column of the labels, which stay text.
        attribute: column of a spurious attribute, which stays text.
        categorical: further columns that are categories, such as integer codes.

    Returns:
        Tables with columns in the order of the first: labels as text, numbers as whole numbers if
        all of the file's are written so, everything else as categories.

    Raises:
        TableError: an unreadable file, columns that differ, an empty cell, a column of numbers in
            which some cell is none, or labels that hardly repeat themselves.
    """
    if attribute is not None and attribute == label:
        raise TableError(f"column {label!r} is both label and attribute; name two columns.")
    if label in categorical:
        raise TableError(f"column {label!r} is the label; leave it out of --categorical.")
    read = [(path, *read_lines(path, label)) for path in paths]
    first, header, lines = read[0]
    for path, other, _ in read[1:]:
        if set(other) != set(header):
            differing = ", ".join(map(repr, sorted(set(other) ^ set(header))))
            raise TableError(
                f"{path}: its columns differ from those of {first} in {differing}; give all files "
                "the same columns."
            )
    named = {line.cells[label] for line in lines}
    if len(named) > max(_MANY, len(lines) / 2):
        raise TableError(
            f"{first}: column {label!r} has {counted(len(named), 'different label')} in "
            f"{counted(len(lines), 'row')}, expected the names of a few classes; cut numbers into "
            "classes first."
        )
    texts = (label,) if attribute is None else (label, attribute)
    kinds = column_kinds(header, lines, texts, categorical, path=first)
    for path, _, more in read[1:]:
        conform(kinds, more, path)
    return [
        pd.DataFrame({name: _column(table, name, kinds[name], name == label) for name in header})
        for _, _, table in read
    ]


def _column(lines: Sequence[Line], name: str, numeric: bool, label: bool):
    """Values of a column; bare, since aligning a Series for each of many columns takes longest."""
    cells = [line.cells[name] for line in lines]
    if numeric:
        values = np.array(list(map(float, cells)))
        whole = all(cell.lstrip("+-").isdecimal() for cell in cells)
        if whole and (np.abs(values) < _MOST).all():
            exact = (np.abs(values) < _EXACT).all()
            values = values.astype(np.int64) if exact else np.array(list(map(int, cells)))
        return values
    return pd.Series(cells, dtype=object) if label else pd.Categorical(cells)
