"""Lowering: a sympy expression becomes a function of arrays.

The expression that is printed and proved is the one that is computed, node by node through the
explicit table of `theory.formula.nodes`. Two array libraries are served by it: JAX (jit, vmap,
derivatives; float64 required) and NumPy (for the validated, static numbers of a design).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import sympy as sp

from synthetic_oversampling.theory.formula.nodes import (
    TABLE,
    Env,
    Library,
    Phi,
    TracedEnv,
    compile_node,
    gaussian_mean,
)
from synthetic_oversampling.theory.precision import require_float64

__all__ = ["TABLE", "Phi", "free_symbols", "gaussian_mean", "lower"]


@functools.cache
def lower(
    expression: sp.Basic, arguments: tuple[sp.Basic, ...], library: Library = "jax"
) -> Callable:
    """A sympy expression as a function of arrays, in float64.

    Statement: the function evaluates the expression node by node through `TABLE`. With JAX it can
    be jitted, vmapped and differentiated. Plain formulas broadcast their arguments; those with a
    sum over groups, a Gaussian mean or matrices take scalars, ``[G]`` arrays, ``[p]`` vectors and
    ``[p, p]`` matrices, and are vmapped over anything else.

    Args:
        expression: the formula's right-hand side.
        arguments: its free symbols, in the order of the function's arguments.
        library: "jax" or "numpy".

    Returns:
        A function of as many arrays as there are arguments.

    Raises:
        TypeError: for a node type that the table does not have, naming it.
        ValueError: if a free symbol is not among the arguments.
        RuntimeError: from the returned function, if float64 is off (JAX only).

    Example:
        >>> import sympy as sp
        >>> x, y = sp.symbols("x y")
        >>> float(lower(x / y + sp.exp(x), (x, y))(0.0, 2.0))
        1.0
    """
    unknown = free_symbols(expression) - set(arguments)
    if unknown:
        raise ValueError(
            f"arguments: got {[str(a) for a in arguments]}, expected also "
            f"{sorted(str(u) for u in unknown)}, which the expression contains; list every symbol."
        )
    if library not in ("jax", "numpy"):
        raise ValueError(f"library: got {library!r}, expected 'jax' or 'numpy'.")
    run = compile_node(expression)
    column = isinstance(expression, sp.MatrixExpr) and expression.shape[1] == 1
    traced = library == "jax"
    make, xp = (TracedEnv, jnp) if traced else (Env, np)

    def convert(value):
        array = xp.asarray(value, dtype=float)
        return array if traced else array[()]  # without axes a NumPy number: faster than an array

    def lowered(*values):
        if len(values) != len(arguments):
            raise ValueError(
                f"values: got {len(values)}, expected {len(arguments)}: "
                f"{', '.join(str(a) for a in arguments)}."
            )
        if traced:
            require_float64(f"the lowered formula {expression!s}")
        env = make(zip(arguments, map(convert, values), strict=True))
        result = xp.asarray(run(env), dtype=float)
        return result[:, 0] if column else result

    return lowered


def free_symbols(expression: sp.Basic) -> set[sp.Basic]:
    """Free symbols: scalars, labels of indexed arrays, and matrices; no bound index, no shape.

    Args:
        expression: of scalars, indexed arrays and matrices.
    """
    matrices = expression.atoms(sp.MatrixSymbol)
    shapes = {s for m in matrices for side in m.shape for s in side.free_symbols}
    symbols = {s for s in expression.free_symbols if isinstance(s, sp.Symbol)}
    return (symbols - shapes) | matrices
