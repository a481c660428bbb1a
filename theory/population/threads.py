"""One thread for many small products of matrices.

A prediction multiplies thousands of matrices of some 80 rows, a simulated fit hundreds. Two threads
of BLAS wait for each other at each of them, which on a busy machine takes ten times as long as the
products themselves. One thread also gives the same digits on machines of any number of cores.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["OneThread"]

Function = TypeVar("Function", bound=Callable)

_LOCK = threading.Lock()
_LIMIT: list[Any] = []  # what the last call to end lifts
_CALLS: list[None] = []  # that are under way


@cache
def _libraries() -> ThreadpoolController:
    """NumPy's BLAS and SciPy's, which JAX calls: it has to be there before it is looked for."""
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()


class OneThread:
    """One thread of BLAS while a block or a function runs, for all threads of Python.

    Example:
        >>> from threadpoolctl import threadpool_info
        >>> def threads():
        ...     return {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}
        >>> before = threads()
        >>> OneThread()(threads)(), threads() == before
        ({1}, True)
    """

    def __call__(self, function: Function) -> Function:
        """The function in such a block, called from this package: warnings name its caller."""

        @wraps(function)
        def alone(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return alone  # type: ignore[return-value]  # of the same signature

    def __enter__(self) -> None:
        with _LOCK:
            # within a call it is there, unless a limit of somebody else's has ended meanwhile
            if not (_CALLS and _limited()):
                _LIMIT[:] = [_libraries().limit(limits=1, user_api="blas")]
            _CALLS.append(None)

    def __exit__(self, *exception: object) -> None:
        with _LOCK:
            _CALLS.pop()
            if not _CALLS and _limited():
                _LIMIT[0].restore_original_limits()


def _limited() -> bool:
    return all(one["num_threads"] == 1 for one in _libraries().select(user_api="blas").info())
