"""What a call returns as numbers, and how far an error changes them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["change", "numbers"]


def _flat(value) -> list[float]:
    if isinstance(value, str):
        return [float(zlib.crc32(value.encode()))]
    if isinstance(value, dict):
        return [one for name in sorted(value, key=str) for one in _flat(value[name])]
    if hasattr(value, "__dataclass_fields__"):
        return _flat(
            {
                name: getattr(value, name)
                for name in value.__dataclass_fields__
                if not callable(getattr(value, name))
            }
        )
    if isinstance(value, (list, tuple)):
        return [one for part in value for one in _flat(part)]
    if value is None or callable(value):
        return [0.0]
    return [float(one) for one in np.ravel(np.asarray(value, float))]


def numbers(entry: Callable[[], object]) -> list[float] | str:
    """What an entry returns, flat; the name of the error that stops it."""
    try:
        return _flat(entry())
    except Exception as error:
        return type(error).__name__


def change(entry: Callable[[], object], right: Sequence[float] | str) -> float:
    """Largest relative change of a number that the entry returns; inf for an error, or none.

    What should be zero is measured against the rounding of one.
    """
    found = numbers(entry)
    if isinstance(found, str) or isinstance(right, str) or len(found) != len(right):
        return 0.0 if found == right else math.inf
    worst = 0.0
    for new, old in zip(found, right, strict=True):
        if new == old or (math.isnan(new) and math.isnan(old)):
            continue
        if not (math.isfinite(new) and math.isfinite(old)):
            return math.inf
        worst = max(worst, abs(new - old) / max(abs(old), 1e-9))
    return worst
