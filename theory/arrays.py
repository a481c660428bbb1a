"""Types of arrays. A type checker takes them for `Any`; tests check them as arguments arrive.

Arrays of JAX and NumPy share no type that a checker could follow, and a dataclass that turns what
it is given into arrays has no type of a field that is right before and after.
"""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.theory.precision import require_float64

if TYPE_CHECKING:
    AnyArray = Any
    ArrayLike = Any
    Number = Any
    OptionalArrayLike = Any
else:
    from numpy.typing import ArrayLike  # what becomes an array: sequences and numbers as well

    AnyArray = jax.Array | np.ndarray | np.generic  # computed by JAX, or at once on the host
    Number = int | float | AnyArray  # one of any of them
    OptionalArrayLike = ArrayLike | None  # a field that is filled in where it is left out

__all__ = [
    "AnyArray",
    "ArrayLike",
    "Number",
    "OptionalArrayLike",
    "namespace",
    "number_of",
    "traced",
    "traced_number",
]


def namespace(*values) -> Any:
    """JAX's NumPy where a value is JAX's, so that the same lines serve its programs; or NumPy.

    Args:
        values: numbers and arrays.

    Example:
        >>> namespace(1.0, np.ones(2)).__name__, namespace(1.0, jnp.ones(2)).__name__
        ('numpy', 'jax.numpy')
    """
    for value in values:
        if isinstance(value, jax.Array):
            return jnp
    return np


def traced(value) -> bool:
    """Whether a value is known only when a program of JAX runs.

    Args:
        value: anything.
    """
    return isinstance(value, jax.core.Tracer)


def number_of(value, name: str) -> Any:
    """A number of JAX or NumPy as Python's, or of float64 where a program is traced with it.

    Args:
        value: anything; what is no such number is returned as it is.
        name: of who asks, for a message.

    Raises:
        RuntimeError: for a traced number, if ``jax_enable_x64`` is off.

    Example:
        >>> number_of(jnp.float32(0.5), "a"), number_of(2, "a"), number_of("2", "a")
        (0.5, 2, '2')
    """
    if not isinstance(value, jax.Array | np.generic) or value.ndim:
        return value
    if not traced(value):
        return value.item()
    if value.dtype == bool or jnp.issubdtype(value.dtype, jnp.complexfloating):
        return value
    require_float64(name)
    return value.astype(np.float64)


def traced_number(value) -> bool:
    """Whether this is what `number_of` makes of a number that a program is traced with.

    Args:
        value: anything.
    """
    return traced(value) and value.ndim == 0 and value.dtype == np.float64
