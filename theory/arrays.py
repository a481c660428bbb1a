"""Types of arrays. A type checker takes them for `Any`; tests check them as arguments arrive.

Arrays of JAX and NumPy share no type that a checker could follow, and a dataclass that turns what
it is given into arrays has no type of a field that is right before and after.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    AnyArray = Any
    ArrayLike = Any
    OptionalArrayLike = Any
else:
    import jax
    import numpy as np
    from numpy.typing import ArrayLike  # what becomes an array: sequences and numbers as well

    AnyArray = jax.Array | np.ndarray | np.generic  # computed by JAX, or at once on the host
    OptionalArrayLike = ArrayLike | None  # a field that is filled in where it is left out

__all__ = ["AnyArray", "ArrayLike", "OptionalArrayLike"]
