"""Replicates of an experiment: streamed moments, standard errors, and what was left out.

Replicate ``i`` uses the key folded with ``i``. Blocks of fixed size are computed on the devices and
merged on the host in the order of their indices, in float64, so the result is the same bits for
any batch size and any number of devices, and memory does not grow with the number of replicates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from synthetic_oversampling.simulate.replicates.processes import fetch
from synthetic_oversampling.simulate.replicates.sharding import (
    replicate_indices,
    replicate_mesh,
    sharded_draw,
    sharded_map,
)
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "Estimate",
    "Interrupted",
    "Moments",
    "Result",
    "estimate",
    "run",
    "skewness",
    "values",
]

_IN_FLIGHT = 2  # dispatches queued ahead of the one being merged: bounds memory


class Estimate(NamedTuple):
    """A mean with its standard error and the number of replicates behind it.

    Attributes:
        mean: of the statistic, in its own shape and units.
        std_error: of that mean, of the same shape.
        n: replicates, those left out not counted.
    """

    mean: Any
    std_error: Any
    n: int


class Moments(NamedTuple):
    """Count, mean and central moments of ``k`` statistics, mergeable.

    Attributes:
        count: replicates included.
        mean: ``[k]``.
        second: sums of products of deviations ``[k, k]``.
        third: sums of cubed deviations ``[k]``.
        low, high: smallest and largest value ``[k]``.
    """

    count: int  # type: ignore[assignment]  # hides tuple.count
    mean: np.ndarray
    second: np.ndarray
    third: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _moments_of(sample: np.ndarray) -> Moments:
    count, size = sample.shape
    if count == 0:
        zero = np.zeros(size)
        full = np.full(size, np.inf)
        return Moments(
            count=0, mean=zero, second=np.zeros((size, size)), third=zero, low=full, high=-full
        )
    mean = sample.mean(axis=0)
    centred = sample - mean
    third = (centred**3).sum(axis=0)
    return Moments(
        count=count,
        mean=mean,
        second=centred.T @ centred,
        third=third,
        low=sample.min(axis=0),
        high=sample.max(axis=0),
    )


def merge(left: Moments, right: Moments) -> Moments:
    """Moments of two samples together, without cancellation (Chan, Golub and LeVeque, 1983).

    Example:
        >>> a, b = (_moments_of(np.array(rows)) for rows in ([[1.0], [2.0]], [[6.0]]))
        >>> both = merge(a, b)
        >>> both.count, both.mean.tolist(), both.second.tolist(), both.third.tolist()
        (3, [3.0], [[14.0]], [18.0])
    """
    if not left.count or not right.count:
        return right if right.count else left
    a, b = left.count, right.count
    n = a + b
    gap = right.mean - left.mean
    cross = 3 * gap * (a * np.diagonal(right.second) - b * np.diagonal(left.second)) / n
    return Moments(
        count=n,
        mean=left.mean + gap * (b / n),
        second=left.second + right.second + np.outer(gap, gap) * (a * b / n),
        third=left.third + right.third + gap**3 * (a * b * (a - b) / n**2) + cross,
        low=np.minimum(left.low, right.low),
        high=np.maximum(left.high, right.high),
    )


@dataclasses.dataclass(frozen=True)
class Result:
    """State of a run, complete or not; pass it to `run` as `resume` to go on.

    Attributes:
        layout: ``(name, shape)`` of every statistic, in the order of the columns.
        moments: of the replicates included.
        replicates: replicates computed so far, included or not.
        problems: replicates left out, by reason; one replicate may have several.
        key_data, block: what the replicates were made with.
        kept: for each statistic that was asked for, its values by block ``[n, size]``, NaN in
            replicates that were left out.
    """

    layout: tuple[tuple[str, tuple[int, ...]], ...]
    moments: Moments
    replicates: int
    problems: Mapping[str, int]
    key_data: tuple[int, ...]
    block: int
    kept: Mapping[str, tuple[np.ndarray, ...]] = dataclasses.field(default_factory=dict)

    @property
    def excluded(self) -> int:
        """How many replicates were left out."""
        return self.replicates - self.moments.count


class Interrupted(KeyboardInterrupt):
    """The run was interrupted; `result` holds everything up to the last complete block."""

    def __init__(self, result: Result | None):
        super().__init__("interrupted")
        self.result = result


def run(
    statistics: Callable | tuple[Callable, Callable] | tuple[Callable, Callable, Any],
    *,
    key: jax.Array,
    replicates: int,
    block: int = 16,
    batch: int | None = None,
    progress: Callable[[Result], None] | None = None,
    devices: Sequence[jax.Device] | None = None,
    keep: bool | Sequence[str] = False,
    resume: Result | None = None,
) -> Result:
    """Replicate an experiment and stream the moments of its statistics.

    Args:
        statistics: ``key -> {name: scalar or array}`` for one replicate, jit-able; or a pair
            ``(draw, evaluate)`` with ``draw(key) -> data`` and ``evaluate(data) -> {...}``, which
            are compiled separately: an `evaluate` shared by several experiments is compiled
            once, and on a CPU it goes through a block in parts that stay in cache. With a third,
            arrays that all replicates are compared with, it is ``evaluate(data, third)``. A boolean
            entry marks a problem: the replicate is left out and counted under that name. So is
            a replicate with a value that is not finite, as "non_finite".
        key: typed key of the experiment; replicate ``i`` gets ``fold_in(key, i)``.
        replicates: how many in all.
        block: replicates computed by one call of a program; changes rounding, nothing else.
        batch: replicates between two calls of `progress`; changes no number.
        progress: called with the partial `Result` after every batch.
        devices: all local devices by default; those of several processes when each of them makes
            the same call; changes no number.
        keep: keep the values of every replicate as well, of all statistics or of those named
            (memory grows with their number).
        resume: an earlier `Result` with the same key and block.

    Returns:
        A `Result`; see `estimate`, `skewness`, `values`.

    Raises:
        ValueError: naming the argument.
        Interrupted: on Ctrl-C, with the partial result.

    Example:
        >>> import jax
        >>> def square(key):
        ...     return {"square": jax.random.normal(key) ** 2}
        >>> result = run(square, key=jax.random.key(0), replicates=1000)
        >>> mean, std_error, n = estimate(result, "square")
        >>> abs(mean - 1) < 5 * std_error, n
        (True, 1000)
    """
    _check_counts(replicates=replicates, block=block, batch=1 if batch is None else batch)
    key_data = tuple(int(word) for word in np.ravel(jax.random.key_data(key)))
    if resume is not None and (resume.key_data != key_data or resume.block != block):
        raise ValueError(
            "resume: got the result of another key or block size, expected one made with the same "
            f"key and block={block}; start afresh or pass the settings it was made with."
        )
    if resume is not None and not set(_kept_names(keep, resume.layout)) <= set(resume.kept):
        raise ValueError("resume: got a result without kept values, expected one made with keep.")
    if resume is not None and resume.replicates >= replicates:
        return resume
    mesh = replicate_mesh(devices)
    draw, evaluate, *shared = statistics if isinstance(statistics, tuple) else (statistics, None)
    draw_blocks = sharded_draw(draw, mesh)
    evaluate_blocks = (lambda data: data) if evaluate is None else sharded_map(evaluate, mesh)

    result = resume
    done = 0 if result is None else result.replicates
    first, last = done // block, -(-replicates // block)
    step = mesh.size
    batch = 16 * block * step if batch is None else batch
    reported = done
    queue: list[tuple[int, Any]] = []
    upcoming = iter(range(first, last, step))
    try:
        while True:
            while len(queue) < _IN_FLIGHT and (start := next(upcoming, None)) is not None:
                indices = replicate_indices(start, block, mesh)
                queue.append((start, evaluate_blocks(draw_blocks(key, indices), *shared)))
            if not queue:
                break
            start, output = queue.pop(0)
            columns, problems, layout = _to_host(fetch(output))
            for offset in range(min(step, last - start)):
                rows = slice(offset * block, (offset + 1) * block)
                result = _absorb(
                    result,
                    columns[rows],
                    {k: v[rows] for k, v in problems.items()},
                    layout,
                    (start + offset) * block,
                    replicates,
                    key_data,
                    block,
                    keep,
                )
            assert result is not None  # one block at least is absorbed
            if progress is not None and (
                result.replicates - reported >= batch or result.replicates >= replicates
            ):
                reported = result.replicates
                progress(result)
    except KeyboardInterrupt:
        raise Interrupted(result) from None
    assert result is not None  # at least one replicate was asked for
    return result


def _check_counts(**counts) -> None:
    for name, count in counts.items():
        if isinstance(count, bool) or int(count) != count or count < 1:
            raise ValueError(f"{name}: got {count!r}, expected a whole number of at least 1.")


def _to_host(output) -> tuple[np.ndarray, dict[str, np.ndarray], tuple]:
    """Values ``[n, k]`` in float64, problems by name ``[n]``, and the layout of the columns."""
    if not isinstance(output, Mapping):
        raise ValueError(
            f"statistics: got a {type(output).__name__}, expected a dict of named statistics."
        )
    columns, layout = [], []
    problems: dict[str, Any] = {}
    for name in sorted(output):
        array = np.asarray(output[name])
        if array.dtype == bool:
            problems[name] = array.reshape(len(array), -1).any(axis=1)
        else:
            layout.append((name, array.shape[1:]))
            columns.append(array.reshape(len(array), -1).astype(np.float64))
    if not columns:
        raise ValueError("statistics: got no numbers, expected at least one named statistic.")
    table = np.concatenate(columns, axis=1)
    problems["non_finite"] = ~np.isfinite(table).all(axis=1)
    return table, problems, tuple(layout)


def _absorb(result, table, problems, layout, start, replicates, key_data, block, keep) -> Result:
    """The result with one more block, or with the part of it that is wanted and not yet there."""
    if result is None:
        empty = _moments_of(np.zeros((0, table.shape[1])))
        none = dict.fromkeys(problems, 0)
        kept = dict.fromkeys(_kept_names(keep, layout), ())
        result = Result(
            layout=layout,
            moments=empty,
            replicates=0,
            problems=none,
            key_data=key_data,
            block=block,
            kept=kept,
        )
    if result.layout != layout:
        raise ValueError(
            f"resume: got a result with statistics {result.layout}, expected {layout}; it belongs "
            "to another experiment."
        )
    wanted = slice(result.replicates - start, min(block, replicates - start))
    table = table[wanted]
    problems = {name: flags[wanted] for name, flags in problems.items()}
    included = ~np.any(list(problems.values()), axis=0)
    marked = np.where(included[:, None], table, np.nan)
    kept = {
        name: parts + (marked[:, _columns(result, name)[0]],) for name, parts in result.kept.items()
    }
    return dataclasses.replace(
        result,
        moments=merge(result.moments, _moments_of(table[included])),
        replicates=result.replicates + len(table),
        problems={k: result.problems[k] + int(v.sum()) for k, v in problems.items()},
        kept=kept,
    )


def _kept_names(keep: bool | Sequence[str], layout) -> tuple[str, ...]:
    if isinstance(keep, bool):
        return tuple(name for name, _ in layout) if keep else ()
    return tuple(keep)


def _columns(result: Result, name: str) -> tuple[slice, tuple[int, ...]]:
    start = 0
    for check_name, shape in result.layout:
        size = int(np.prod(shape, dtype=int))
        if check_name == name:
            return slice(start, start + size), shape
        start += size
    known = ", ".join(name for name, _ in result.layout)
    raise ValueError(f"name: got {name!r}, expected one of the statistics of this run: {known}.")


def _require(result: Result, least: int) -> int:
    if result.moments.count < least:
        raise ValueError(
            f"result: got {counted(result.moments.count, 'usable replicate')} of "
            f"{result.replicates} (left out: {dict(result.problems)}), expected at least {least}; "
            "run more replicates, or choose sizes at which the fits exist."
        )
    return result.moments.count


def estimate(result: Result, name: str) -> Estimate:
    """Mean, standard error and count of a statistic; arrays in its own shape.

    Args:
        result: of a run, with two replicates or more.
        name: of the statistic.
    """
    n = _require(result, 2)
    columns, shape = _columns(result, name)
    mean = result.moments.mean[columns].reshape(shape)
    spread = np.diagonal(result.moments.second)[columns].reshape(shape)
    std_error = np.sqrt(spread / (n - 1) / n)
    if shape == ():
        return Estimate(float(mean), float(std_error), n)
    return Estimate(mean, std_error, n)


def skewness(result: Result, name: str) -> Any:
    """Skewness of a statistic over replicates: how far its mean is from normal at small counts.

    Args:
        result: of a run, with two replicates or more.
        name: of the statistic.
    """
    n = _require(result, 2)
    columns, shape = _columns(result, name)
    variance = np.diagonal(result.moments.second)[columns] / n
    third = result.moments.third[columns] / n
    value = np.where(variance > 0, third / np.where(variance > 0, variance, 1.0) ** 1.5, 0.0)
    return float(value[0]) if shape == () else value.reshape(shape)


def values(result: Result, name: str, *, every: bool = False) -> np.ndarray:
    """Values of a statistic for every included replicate, in order, when they were kept.

    Args:
        result: of a run.
        name: of the statistic.
        every: those of replicates that were left out as well, as NaN, so that the values of two
            experiments pair up.

    Raises:
        ValueError: for a statistic that is not there, or whose values were not kept.
    """
    _, shape = _columns(result, name)
    if name not in result.kept:
        raise ValueError("result: got a run without kept values; run it with keep=True.")
    kept = np.concatenate(result.kept[name])
    return (kept if every else kept[~np.isnan(kept).any(axis=1)]).reshape(-1, *shape)
