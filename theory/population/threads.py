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
_LIMITS: list[Any] = []  # of the calls under way: the first sets it, the last lifts it


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
            limit = None if _LIMITS else _libraries().limit(limits=1, user_api="blas")
            _LIMITS.append(limit)

    def __exit__(self, *exception: object) -> None:
        with _LOCK:
            if len(_LIMITS) > 1:
                _LIMITS.pop()
            else:
                _LIMITS.pop().restore_original_limits()
