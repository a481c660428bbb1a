"""Compilations: counted, and kept on disk between runs where that is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from synthetic_oversampling.simulate.artifacts import ArtifactError

__all__ = ["counted", "use_cache"]

_COMPILED = "/jax/core/compile/backend_compile_duration"


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the functions that are compiled while this is open, one for each compilation.

    A program that is read from the cache on disk counts as well: it is compiled for this process.

    Example:
        >>> double = jax.jit(lambda x: 2 * x)
        >>> with counted() as compilations:
        ...     _ = double(1.0), double(2.0)
        >>> len(compilations)
        1
    """
    names: list[str] = []

    def record(event: str, duration_secs: float, **details) -> None:
        if event == _COMPILED:
            names.append(str(details.get("fun_name", "")))

    jax.monitoring.register_event_duration_secs_listener(record)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(record)


def use_cache(folder: str | os.PathLike) -> Path:
    """Keep compiled programs in a folder, and take them from there in later runs.

    Every program is kept, however fast it compiled: there are hundreds of small ones. A program is
    found again by its computation, its compiler's version and options, and the machine's kind, so
    a stale one is never used. Results do not depend on it.

    Args:
        folder: made when missing.

    Raises:
        ArtifactError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "permission denied")
    except OSError as error:
        raise ArtifactError(
            f"{folder}: cannot hold compiled programs ({error.strerror or error}); choose a folder "
            "that may be written to."
        ) from error
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
