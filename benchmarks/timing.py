"""Times that can be compared: taken by turns in one run, as medians, compilation apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

__all__ = ["Timing", "slope", "times"]


class Timing(NamedTuple):
    """Seconds of one contender.

    Attributes:
        first: of the first call: compilation, loading and one run.
        median: of the runs that count after it.
        low, high: the fastest and the slowest of these.
        output: what the last run returned.
    """

    first: float
    median: float
    low: float
    high: float
    output: Any


def times(contenders: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, Timing]:
    """Time functions by turns, so that what slows the machine down slows all of them alike.

    A turn is two calls, of which the second counts: the first finds the caches and threads that
    another contender left.

    Args:
        contenders: functions without arguments, by name; JAX arrays they return are waited for.
        repeats: turns of each, after a first call that is reported apart.

    Raises:
        ValueError: for fewer than one repeat.

    Example:
        >>> both = times({"a": lambda: 1, "b": lambda: 2}, repeats=3)
        >>> [timing.output for timing in both.values()]
        [1, 2]
    """
    if repeats < 1:
        raise ValueError(f"repeats: got {repeats}, expected at least 1.")
    first = {name: _seconds(function)[0] for name, function in contenders.items()}
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    outputs = {}
    for _ in range(repeats):
        for name, function in contenders.items():
            _seconds(function)
            seconds, outputs[name] = _seconds(function)
            spent[name].append(seconds)
    return {
        name: Timing(
            first=first[name],
            median=statistics.median(seconds),
            low=min(seconds),
            high=max(seconds),
            output=outputs[name],
        )
        for name, seconds in spent.items()
    }


def require_agreement(name: str, predicted: float, mean: float, error: float, share: float) -> None:
    """Stop where theory and simulation differ: a time without agreement means nothing.

    Args:
        name: of the setting.
        predicted: by theory.
        mean, error: simulated, and its standard error.
        share: of the mean that theory leaves out.
    """
    if not abs(predicted - mean) < 6 * error + share * abs(mean):
        raise AssertionError(
            f"{name}: predicted {predicted:.6f}, simulated {mean:.6f} ± {error:.6f}; a time "
            "without agreement means nothing."
        )


def _seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    output = jax.block_until_ready(function())
    return time.perf_counter() - began, output


def slope(sizes, seconds) -> float:
    """Exponent of the cost in the size: least squares on logarithms.

    Example:
        >>> round(slope([1, 2, 4], [3.0, 12.0, 48.0]), 6)
        2.0
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes: got {len(sizes)}, expected at least 2.")
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
