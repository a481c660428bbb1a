"""What a CSV file's header and its names of groups must be like, and what else may be meant.

Names decide which rows form a group, so that a name written in two ways, or a cell that means a
missing value, would be a group of its own without a word.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence

from synthetic_oversampling.theory.wording import counted

__all__ = ["PLAIN", "check_header", "check_names", "meant"]

# a plain decimal number
PLAIN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_MISSING = frozenset("#N/A|#NA|-NaN|-nan|<NA>|N/A|NA|NULL|NaN|n/a|nan|null".split("|"))
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def meant(name: str, header: Sequence[str]) -> str:
    """The columns there are, and which of them a name that is not there may mean.

    Args:
        name: that no column has.
        header: names of the columns.

    Example:
        >>> meant("Kind", ("height", "kind"))
        "the columns are height, kind. Did you mean 'kind'?"
        >>> meant("kind", ("height;kind",))
        'the columns are height;kind. They look separated by semicolons; expected commas.'
    """
    shown = ", ".join(header[:30]) + (f", and {len(header) - 30} more" if header[30:] else "")
    if len(header) == 1:
        for mark, marks in _SEPARATORS.items():
            if mark in header[0]:
                return f"the columns are {shown}. They look separated by {marks}; expected commas."
    small = {name.lower(): name for name in reversed(header)}
    close = difflib.get_close_matches(name.strip().lower(), small, n=1)
    return f"the columns are {shown}." + (f" Did you mean {small[close[0]]!r}?" if close else "")


def check_header(header: Sequence[str]) -> None:
    """Every column has a name, and a name of its own.

    Args:
        header: names of the columns.

    Raises:
        ValueError: otherwise, or if the names are numbers, as of a file without a header.

    Example:
        >>> check_header(("1.5", "2.25", "0"))
        Traceback (most recent call last):
        ...
        ValueError: line 1: got numbers (1.5, 2.25, 0), expected the columns' names; give the \
file a header line.
    """
    seen: set[str] = set()
    for place, name in enumerate(header):
        if not name:
            raise ValueError(
                f"column {place + 1} of {len(header)} has no name. Name every column once; drop an "
                "index that another program wrote (pandas: to_csv(..., index=False))."
            )
        if name in seen:
            raise ValueError(f"column name {name!r} appears twice. Name every column once.")
        seen.add(name)
    numbers = all(PLAIN.fullmatch(name) for name in header)
    if numbers and not all(name.isdecimal() for name in header):
        raise ValueError(
            f"line 1: got numbers ({', '.join(header[:5])}), expected the columns' names; give the "
            "file a header line."
        )


def check_names(names: Sequence[str]) -> None:
    """Names of groups mean no missing value, and none is written in two ways.

    Args:
        names: of all rows.

    Raises:
        ValueError: otherwise.

    Example:
        >>> check_names(["0", "1", "1.0"])
        Traceback (most recent call last):
        ...
        ValueError: got '1' and '1.0', the same number written in two ways, which would be two \
groups; write it in one.
    """
    seen: dict[float, str] = {}
    for name in dict.fromkeys(names):
        if name in _MISSING:
            raise ValueError(
                f"got {name!r} in {list(names).count(name)} of {counted(len(names), 'row')}, which "
                "means a missing value; fill it or drop the lines, or write a group of that name "
                "otherwise."
            )
        if PLAIN.fullmatch(name) and math.isfinite(float(name)):
            other = seen.setdefault(float(name), name)
            if other != name:
                raise ValueError(
                    f"got {other!r} and {name!r}, the same number written in two ways, which would "
                    "be two groups; write it in one."
                )
