"""Numbers that a closed form is asked about: real, not NaN, and in the range where it is true."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["as_arrays", "require_range"]


def require_range(
    hint: str = "",
    *,
    least: float | int = -math.inf,
    above: float | int = -math.inf,
    infinite: bool = False,
    whole: bool = False,
    scalar: bool = False,
    **values,
) -> None:
    """Raise unless all values, numbers or arrays, are real numbers in a range; traced ones pass.

    Args:
        hint: why, or what to do, for the message.
        least, above: the smallest value, or what all values exceed.
        infinite: whether infinity is a value.
        whole: whether only whole numbers are.
        scalar: whether arrays are refused.
        values: by the name of the argument.

    Raises:
        ValueError: naming the first argument that is not, what was got and what is expected.

    Example:
        >>> require_range(least=1, whole=True, count=2.5)
        Traceback (most recent call last):
            ...
        ValueError: count: got 2.5, expected a whole number of at least 1.
    """
    for name, value in values.items():
        if _traced(value):
            continue
        try:
            array = np.asarray(value)
        except ValueError:  # a ragged list
            array = np.asarray(None)
        if array.dtype.kind in "fiu" and not (scalar and array.ndim):
            good = (array >= least) & (array > above) & ~np.isnan(array)
            good = good & (np.isfinite(array) | infinite | (not array.size))
            if not whole and np.all(good) or np.all(good & (array == np.floor(array))):
                continue
        kind = "whole" if whole else "" if infinite else "finite"
        one = scalar or array.ndim == 0
        text = f"a {kind} number".replace("  ", " ") if one else f"{kind} numbers".strip()
        if least > -math.inf:
            text += f" of at least {least:g}"
        if above > -math.inf:
            text += f" above {above:g}"
        shown = f"{value!r}".replace("\n", " ")
        raise ValueError(f"{name}: got {shown}, expected {text}.{' ' if hint else ''}{hint}")


def as_arrays(shapes: str, *, infinite: bool = False, **values) -> list[Array]:
    """The values as JAX arrays of real numbers, if their shapes go together.

    Args:
        shapes: axes of the values in order, the same letter for the same length: "d, v d".
        infinite: whether infinity is a value.
        values: by the name of the argument.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> [own.shape for own in as_arrays("d, v d", natural=[0.0], embeddings=[[1.0], [2.0]])]
        [(1,), (2, 1)]
    """
    lengths: dict[str, int] = {}
    found = []
    for axes, (name, value) in zip(shapes.split(", "), values.items(), strict=True):
        require_range(infinite=infinite, **{name: value})
        array = jnp.asarray(value)
        names = axes.split()
        wanted = [lengths.get(axis, axis) for axis in names]
        fits = array.ndim == len(names) and all(
            lengths.setdefault(axis, size) == size
            for axis, size in zip(names, array.shape, strict=True)
        )
        if not fits:
            expected = ", ".join(map(str, wanted))
            raise ValueError(f"{name}: got shape {array.shape}, expected [{expected}].")
        found.append(array)
    return found


def _traced(value) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))
