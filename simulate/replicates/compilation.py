"""Compilations: counted, and kept on disk between runs."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from synthetic_oversampling.simulate.artifacts import ArtifactError

__all__ = ["counted", "keep_compiled", "use_cache"]

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
    found again by its computation, its compiler's version and options, and the processor's kind, so
    that a stale one or another machine's is never used; one that cannot be read is compiled anew.
    Results do not depend on it.

    Args:
        folder: made when missing; each kind of processor has a folder of its own below it.

    Returns:
        The folder of this processor's kind.

    Raises:
        ArtifactError: the folder cannot be made or written to.
    """
    folder = Path(folder) / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "permission denied")
    except OSError as error:
        raise ArtifactError(
            f"{folder}: cannot hold compiled programs ({error.strerror or error}); choose a folder "
            "that may be written to, or none with --no-compilation-cache."
        ) from error
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def keep_compiled(folder: Path | None, *, chosen: bool) -> None:
    """What a command does with its options of the cache, see `simulate.arguments.add_cache`.

    Args:
        folder: of the programs; None to keep none.
        chosen: whether the user named it: only then is a folder that cannot be used an error, and
            only then does it go before one that the environment names to JAX.

    Raises:
        ArtifactError: a folder that was named cannot be made or written to.
    """
    if folder is None:
        jax.config.update("jax_enable_compilation_cache", False)
        return
    if not chosen and jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    try:
        use_cache(folder)
    except ArtifactError as error:
        if chosen:
            raise
        print(f"{error} Going on without.", file=sys.stderr)


def _processor() -> str:
    """A name of the processor's kind, which JAX does not ask for when it looks for a program."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = [f"flags: {platform.processor()}"]
    known = sorted({line for line in lines if line.startswith(("flags", "Features"))})
    digest = hashlib.sha256("\n".join(known).encode()).hexdigest()
    return f"{platform.machine()}-{digest[:12]}"
