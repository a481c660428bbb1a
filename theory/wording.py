"""How messages speak of numbers of things."""

from __future__ import annotations

import operator
from typing import SupportsIndex

__all__ = ["counted", "shortened"]


def counted(count: SupportsIndex, noun: str, plural: str = "", form: str = "") -> str:
    """A number with its noun, in the singular for 1.

    Args:
        count: how many.
        noun: of one.
        plural: of many, where it is not formed at the noun's end.
        form: of the number, as in `format`.

    Example:
        >>> [counted(n, "row") for n in (0, 1, 2)], counted(2, "class"), counted(2, "category")
        (['0 rows', '1 row', '2 rows'], '2 classes', '2 categories')
        >>> counted(2000, "degree of freedom", "degrees of freedom", form=",")
        '2,000 degrees of freedom'
    """
    count = operator.index(count)
    if count != 1:
        ending = "es" if noun.endswith(("s", "x", "ch")) else "s"
        noun = plural or (noun[:-1] + "ies" if noun[-1] == "y" else noun + ending)
    return f"{count:{form}} {noun}"


def shortened(text: str, most: int = 40) -> str:
    """What was given, as a message may repeat it.

    Args:
        text: of any length.
        most: characters that are kept.

    Example:
        >>> shortened("12345", most=3), shortened("123", most=3)
        ('123...', '123')
    """
    return text if len(text) <= most else text[:most] + "..."
