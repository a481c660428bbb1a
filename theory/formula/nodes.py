"""The node types a formula may contain, and how each is computed.

Every entry of `TABLE` turns one sympy node into a function of the arguments' arrays. What has no
entry raises, and is named: there is no default.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np
import scipy.special
import sympy as sp

__all__ = ["TABLE", "Env", "Library", "Phi", "TracedEnv", "compile_node", "gaussian_mean"]

Library = Literal["jax", "numpy"]  # what evaluates a formula
Scope = tuple[sp.Symbol, ...]  # bound indices, outermost first: one array axis each
Run = Callable[["Env"], object]

_GRID = np.linspace(-12.0, 12.0, 481)  # exp(-12**2 / 2) = 5e-32; step 0.05


class Phi(sp.Function):
    """Standard normal distribution function, kept as one symbol: accurate in its lower tail."""

    nargs = 1

    def fdiff(self, argindex=1):
        """The standard normal density.

        Args:
            argindex: as in sympy; there is one argument.
        """
        return sp.exp(-(self.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)

    def _eval_rewrite_as_erf(self, x, **_):
        return (1 + sp.erf(x / sp.sqrt(2))) / 2

    def _eval_evalf(self, prec):
        return self.rewrite(sp.erf)._eval_evalf(prec)

    def _eval_is_extended_real(self):
        return self.args[0].is_extended_real

    def _latex(self, printer, exp=None):
        text = rf"\Phi\left({printer._print(self.args[0])}\right)"
        return text if exp is None else rf"\left[{text}\right]^{{{exp}}}"


def gaussian_mean(expression: sp.Expr, variable: sp.Symbol) -> sp.Integral:
    """``E f(z)`` for ``z ~ N(0, 1)``, as the integral that `lower` knows how to compute.

    Args:
        expression: ``f``.
        variable: ``z``.
    """
    density = sp.exp(-(variable**2) / 2) / sp.sqrt(2 * sp.pi)
    return sp.Integral(expression * density, (variable, -sp.oo, sp.oo))


class Env(dict):
    """Argument values by symbol, with the array library that computes on them."""

    xp = np
    ndtr, erf = scipy.special.ndtr, scipy.special.erf
    erfc, gamma = scipy.special.erfc, scipy.special.gamma


class TracedEnv(Env):
    """The same for JAX."""

    xp = jnp
    ndtr, erf = staticmethod(jax.scipy.special.ndtr), staticmethod(jax.scipy.special.erf)
    erfc, gamma = staticmethod(jax.scipy.special.erfc), staticmethod(jax.scipy.special.gamma)


def compile_node(node: sp.Basic, scope: Scope = ()) -> Run:
    """The run function of a node, found by the most specific of its types in `TABLE`.

    Args:
        node: a sympy expression.
        scope: bound indices around it, outermost first.

    Raises:
        TypeError: for a node whose types have no entry.
    """
    for kind in type(node).__mro__:
        if kind in TABLE:
            return TABLE[kind](node, scope)
    raise TypeError(
        f"expression: got a node of type {type(node).__name__} in {node!s}, which has no entry in "
        "theory.formula.nodes.TABLE; rewrite the formula with the nodes it has "
        f"({', '.join(sorted(k.__name__ for k in TABLE))}), or add an entry with its test."
    )


def _constant(value: float):
    return lambda node, scope: lambda env: value


def _number(node, scope):
    return _constant(float(node))(node, scope)


def _symbol(node, scope):
    if node not in scope:
        return lambda env: env[node]
    shape = [1] * len(scope)
    shape[scope.index(node)] = -1
    return lambda env: env[node].reshape(shape)


def _parts(node, scope):
    return [compile_node(argument, scope) for argument in node.args]


def _folded(operation, first: Run, *others: Run) -> Run:
    def run(env):
        value = first(env)
        for other in others:
            value = operation(value, other(env))
        return value

    return run


def _fold(operation):
    return lambda node, scope: _folded(operation, *_parts(node, scope))


def _product(node, scope):
    """Numerator over denominator, one division: ``n / n`` is exactly 1."""
    above, below = [], []
    for factor in node.args:
        if factor.is_Rational and not factor.is_Integer:
            above += [compile_node(sp.Integer(factor.p))] if factor.p != 1 else []
            below.append(compile_node(sp.Integer(factor.q)))
        elif factor.is_Pow and factor.exp.is_Rational and factor.exp.is_negative:
            below.append(compile_node(sp.Pow(factor.base, -factor.exp), scope))
        else:
            above.append(compile_node(factor, scope))

    top = _folded(operator.mul, *above) if above else lambda env: 1.0
    if not below:
        return top
    bottom = _folded(operator.mul, *below)
    return lambda env: top(env) / bottom(env)


def _power(node, scope):
    base, exponent = node.args
    if base is sp.E:
        return TABLE[sp.exp](sp.exp(exponent, evaluate=False), scope)
    if exponent.is_Rational and exponent.is_negative:
        positive = compile_node(sp.Pow(base, -exponent), scope)
        return lambda env: 1.0 / positive(env)
    inner = compile_node(base, scope)
    if exponent == sp.Rational(1, 2):
        return lambda env: env.xp.sqrt(inner(env))
    if exponent.is_Integer:
        return lambda env: inner(env) ** int(exponent)
    power = compile_node(exponent, scope)
    return lambda env: inner(env) ** power(env)


def _unary(name: str):
    def rule(node, scope):
        inner = compile_node(node.args[0], scope)
        return lambda env: (getattr(env, name, None) or getattr(env.xp, name))(inner(env))

    return rule


def _logarithm(node, scope):
    """``log(1 + x)`` is computed as ``log1p(x)``: small divergences keep their digits."""
    argument = node.args[0]
    if argument.is_Add and sp.Integer(1) in argument.args:
        rest = compile_node(argument - 1, scope)
        return lambda env: env.xp.log1p(rest(env))
    inner = compile_node(argument, scope)
    return lambda env: env.xp.log(inner(env))


def _compare(operation):
    def rule(node, scope):
        left, right = _parts(node, scope)
        return lambda env: operation(left(env), right(env))

    return rule


def _pairwise(name: str):
    def rule(node, scope):
        parts = _parts(node, scope)
        return lambda env: functools.reduce(
            getattr(env.xp, name), [env.xp.asarray(part(env), float) for part in parts]
        )

    return rule


def _piecewise(node, scope):
    """Nested ``where``; cases outside every condition are refused, because they would be NaN."""
    *cases, (last, condition) = node.args
    if condition != sp.true:
        raise TypeError(
            f"expression: got {node!s}, a Piecewise without a final case that is always true; "
            "state the value everywhere."
        )
    branches = [(compile_node(value, scope), compile_node(test, scope)) for value, test in cases]
    default = compile_node(last, scope)

    def run(env):
        value = default(env)
        for branch, test in reversed(branches):
            value = env.xp.where(test(env), branch(env), value)
        return value

    return run


def _indexed(node, scope):
    """An array over bound indices, laid out along the axes of the scope."""
    label, indices = node.base.label, node.indices
    missing = [index for index in indices if index not in scope]
    if missing:
        raise TypeError(
            f"expression: got {node!s} with index {missing[0]} that no enclosing sum runs over; "
            "sum over it, or use a plain symbol for one group's value."
        )
    axes = [scope.index(index) for index in indices]
    order = sorted(range(len(axes)), key=axes.__getitem__)

    def run(env):
        array = env.xp.transpose(env[label], order)
        shape = [1] * len(scope)
        for axis, size in zip(sorted(axes), array.shape, strict=True):
            shape[axis] = size
        return array.reshape(shape)

    return run


def _sum(node, scope):
    """A sum over groups: one array axis for each index, of the length that its arrays have."""
    body, *limits = node.args
    inner = scope + tuple(limit[0] for limit in reversed(limits))
    for index, lower_end, upper_end in limits:
        if lower_end != 1 or not upper_end.is_Symbol or index not in body.free_symbols:
            raise TypeError(
                f"expression: got {node!s}, expected a sum of indexed terms from 1 to a symbol; "
                "call .doit() where the sum has a closed form."
            )
    run_body = compile_node(body, inner)

    def run(env):
        value = run_body(env)
        for index, _, count in limits:  # the first limit is the innermost axis, the last one
            size, axis = env[count], value.shape[-1]
            if not isinstance(size, jax.core.Tracer) and int(size) != axis:
                raise ValueError(
                    f"{count.name}: got {int(size)}, expected {axis}, the length of the arrays "
                    f"over {index}; pass as many groups as the arrays have."
                )
            value = value.sum(axis=-1)
        return value

    return run


def _integral(node, scope):
    """``E f(z)`` over a standard normal, by the trapezoidal rule, geometric for analytic ``f``."""
    integrand, (variable, *ends) = node.function, node.limits[0]
    rest = integrand * sp.exp(variable**2 / 2)
    gaussian = sp.exp(-(variable**2) / 2) in sp.Mul.make_args(integrand)
    if len(node.limits) != 1 or ends != [-sp.oo, sp.oo] or not gaussian:
        raise TypeError(
            f"expression: got {node!s}, expected an integral over the real line with the factor "
            "exp(-z**2/2); write it with theory.formula.lowering.gaussian_mean."
        )
    run_rest = compile_node(rest, (*scope, variable))
    weights = np.exp(-(_GRID**2) / 2) * (_GRID[1] - _GRID[0])

    def run(env):
        env[variable] = env.xp.asarray(_GRID)
        return (run_rest(env) * env.xp.asarray(weights)).sum(axis=-1)

    return run


def _matrix(node, scope):
    if node.shape[1] != 1:
        return lambda env: env[node]
    return lambda env: env[node][:, None]


def _matrix_product(node, scope):
    """Right to left; an inverse becomes a solve wherever something stands to its right."""
    coefficient, matrices = node.as_coeff_matrices()
    scale = compile_node(coefficient, scope)
    last = compile_node(matrices[-1], scope)
    steps = []
    for factor in reversed(matrices[:-1]):
        inverse = isinstance(factor, sp.Inverse)
        steps.append((inverse, compile_node(factor.arg if inverse else factor, scope)))

    def run(env):
        value = last(env)
        for inverse, factor in steps:
            value = env.xp.linalg.solve(factor(env), value) if inverse else factor(env) @ value
        return scale(env) * value

    return run


def _inverse(node, scope):
    inner = compile_node(node.arg, scope)
    return lambda env: env.xp.linalg.inv(inner(env))


def _transpose(node, scope):
    inner = compile_node(node.arg, scope)
    return lambda env: inner(env).T


def _trace(node, scope):
    inner = compile_node(node.arg, scope)
    return lambda env: env.xp.trace(inner(env))


# how each kind of node is evaluated
TABLE: dict[type, Callable[[sp.Basic, Scope], Run]] = {
    sp.Rational: _number,
    sp.Float: _number,
    sp.core.numbers.Pi: _number,
    sp.core.numbers.Exp1: _number,
    sp.core.numbers.Infinity: _constant(float("inf")),
    sp.core.numbers.NegativeInfinity: _constant(float("-inf")),
    sp.Symbol: _symbol,
    sp.Add: _fold(operator.add),
    sp.Mul: _product,
    sp.Pow: _power,
    sp.exp: _unary("exp"),
    sp.log: _logarithm,
    sp.cosh: _unary("cosh"),
    sp.sinh: _unary("sinh"),
    sp.tanh: _unary("tanh"),
    sp.erf: _unary("erf"),
    sp.erfc: _unary("erfc"),
    sp.gamma: _unary("gamma"),
    Phi: _unary("ndtr"),
    sp.Abs: _unary("abs"),
    sp.sign: _unary("sign"),
    sp.Max: _pairwise("maximum"),
    sp.Min: _pairwise("minimum"),
    sp.Piecewise: _piecewise,
    sp.LessThan: _compare(operator.le),
    sp.StrictLessThan: _compare(operator.lt),
    sp.GreaterThan: _compare(operator.ge),
    sp.StrictGreaterThan: _compare(operator.gt),
    sp.And: _fold(operator.and_),
    sp.Or: _fold(operator.or_),
    sp.Indexed: _indexed,
    sp.Sum: _sum,
    sp.Integral: _integral,
    sp.MatrixSymbol: _matrix,
    sp.MatAdd: _fold(operator.add),
    sp.MatMul: _matrix_product,
    sp.Inverse: _inverse,
    sp.Transpose: _transpose,
    sp.Trace: _trace,
}
