"""Pieces of work on all devices at once, each on one of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["side_by_side"]

Place = TypeVar("Place")


def side_by_side(
    pieces: Sequence[str],
    places: Sequence[Place],
    work: Callable[[str, Place], None],
    stopped: threading.Event,
) -> None:
    """Work on every piece, as many at a time as there are places.

    A program is compiled for one device. Each has pieces of its own, the same in every run, so that
    what was compiled for it before is found again; when it has done them, it takes the last of the
    longest row.

    Args:
        pieces: names, in the order in which they are to be begun.
        places: devices, or groups of them.
        work: called with a piece and its place.
        stopped: set by an error or Ctrl-C, which are raised again when the pieces under way have
            ended, and when all is done; no piece is begun after it.

    Example:
        >>> done = []
        >>> side_by_side("abc", [0], lambda piece, place: done.append(piece), threading.Event())
        >>> done
        ['a', 'b', 'c']
    """
    rows = [deque(pieces[k :: len(places)]) for k in range(len(places))]
    taking = threading.Lock()

    def following(own: deque[str]) -> str | None:
        with taking:
            if own:
                return own.popleft()
            longest = max(rows, key=len)
            return longest.pop() if longest else None

    def all_of(place, own: deque[str]) -> None:
        while not stopped.is_set() and (piece := following(own)) is not None:
            work(piece, place)

    with ThreadPoolExecutor(len(places)) as pool:
        tasks = [pool.submit(all_of, *pair) for pair in zip(places, rows, strict=True)]
        try:
            wait(tasks, return_when=FIRST_EXCEPTION)
        finally:
            stopped.set()
    errors = [error for task in tasks if (error := task.exception()) is not None]
    if errors:  # one that stopped the others, and not that they were stopped
        raise min(errors, key=lambda error: isinstance(error, KeyboardInterrupt))
