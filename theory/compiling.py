"""Compilation for functions that compile for seconds and run for a millisecond."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache, wraps

import jax
import numpy as np

__all__ = ["accelerated", "as_one_program", "quick_jit"]


def accelerated() -> bool:
    """Whether programs run on a GPU or TPU where nothing else is said."""
    return jax.default_backend() != "cpu"


def _at_home() -> contextlib.AbstractContextManager:
    """Where a short program runs: on the CPU, which compiles it in a fraction of the time."""
    if accelerated():
        with contextlib.suppress(RuntimeError):  # JAX may have been told to look for no CPU
            return jax.default_device(jax.local_devices(backend="cpu")[0])
    return contextlib.nullcontext()


@lru_cache(maxsize=2)
def _known(level: int | None) -> bool:
    """Whether the options are known where a program of this level, 0 or None, runs."""
    try:
        jax.jit(lambda x: x, compiler_options=_options(level))(0.0)
    except Exception:  # an unknown option is reported by a type and text that vary by version
        return False
    return True


def _options(level: int | None) -> dict[str, int | bool]:
    """Compiler options that trade run time for compile time; without a level, at no loss of it.

    On a GPU sums are in one order, so that a program gives the same bits every time.
    """
    options: dict[str, int | bool] = {"xla_cpu_use_fusion_emitters": False}
    if level is not None:
        options["xla_backend_optimization_level"] = level
    elif accelerated():
        options["xla_gpu_deterministic_ops"] = True
    return options


def quick_jit(
    function: Callable, *, static_argnames: tuple[str, ...] = (), level: int | None = 0
) -> Callable:
    """``jax.jit`` that compiles a few times as fast, for functions called a few times.

    With a level it runs on the CPU, on a machine with an accelerator as well, unless arrays that it
    is given are committed to another device. Inside another transformation, where options of their
    own are not allowed, use the function under ``__wrapped__``.

    Args:
        function: what to compile.
        static_argnames: its static arguments.
        level: 0 compiles fastest; 1 takes about three times as long and runs about four times as
            fast, which loops are worth; None is for what runs long: its results are those of
            ``jax.jit`` to the bit, and it compiles in about two thirds of the time.

    Example:
        >>> double = quick_jit(lambda x: 2 * x)
        >>> float(double(1.5))
        3.0
    """

    @lru_cache(maxsize=1)
    def compiled():
        options = _options(level) if _known(None if level is None else 0) else {}
        return jax.jit(function, static_argnames=static_argnames, compiler_options=options)

    @wraps(function)
    def call(*args, **kwargs):
        with contextlib.nullcontext() if level is None else _at_home():
            return compiled()(*args, **kwargs)

    return call


def as_one_program(
    function: Callable, *, static_argnames: tuple[str, ...] = (), level: int | None = 0
) -> Callable:
    """A function that compiles one program where it is called, not one for each of its steps.

    Within a compiled function it is traced as it stands, and derivatives and maps of it are
    programs without options of their own, so it can be used anywhere.

    Args:
        function, static_argnames, level: as for `quick_jit`.

    Example:
        >>> double = as_one_program(lambda x: 2 * x)
        >>> float(double(1.5)), float(jax.jit(lambda: double(1.5))()), float(jax.grad(double)(1.5))
        (3.0, 3.0, 2.0)
    """
    quick = quick_jit(function, static_argnames=static_argnames, level=level)
    plain = jax.jit(function, static_argnames=static_argnames)

    @wraps(function)
    def call(*args, **kwargs):
        if _compiling():
            return function(*args, **kwargs)
        leaves = jax.tree.leaves((args, kwargs))
        transformed = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
        return (plain if transformed else quick)(*args, **kwargs)

    return call


_ZERO = np.zeros((), np.float32)


def _compiling() -> bool:
    """Whether this is called while a function is traced for compilation."""
    return isinstance(jax.lax.neg(_ZERO), jax.core.Tracer)
