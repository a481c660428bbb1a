"""A formula: one sympy expression that is printed, proved and computed.

A `Formula` holds the right-hand side once. Its LaTeX is printed from it, its JAX (or NumPy)
function is lowered from it, and its proof is a derivation by another route, from the definitions,
subtracted from it: the proof takes the right-hand side as an argument, so that a wrong right-hand
side makes the same proof fail.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeAlias

import sympy as sp

from synthetic_oversampling.theory.formula import notation
from synthetic_oversampling.theory.formula.lowering import free_symbols, lower

__all__ = ["Formula", "Kind", "entries", "instantiate", "vanishes"]

# what kind of statement a formula is
Kind = Literal["definition", "exact", "asymptotic", "bound", "rate"]
Residual: TypeAlias = sp.Basic | sp.MatrixBase | Iterable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Formula:
    """One formula of a theorem.

    Attributes:
        id: theorem id, a dot, and a name: "S1.best_weight".
        claim: what it says, in one line.
        lhs: the symbol that it gives, or LaTeX text for it (printed only).
        rhs: the expression.
        kind: "exact", "asymptotic", "bound" or "rate"; "definition" for a design's own numbers.
        residual: derives the right-hand side by an independent route and subtracts it from the
            one given; what it returns vanishes identically exactly when the two agree.

    Example:
        >>> from synthetic_oversampling.theory.theorems.table import FORMULAS
        >>> formula = FORMULAS["S1.crossover"]
        >>> formula.latex, formula.arguments, formula.is_proved()
        ('N_{c} = \\\\frac{S}{A - 2 C + D}', ('A', 'C', 'D', 'S'), True)
        >>> float(formula(A=3.0, C=1.0, D=2.0, S=6.0))
        2.0
    """

    id: str
    claim: str
    lhs: sp.Basic | str
    rhs: sp.Basic
    kind: Kind
    residual: Callable[[sp.Basic], Residual]

    @property
    def theorem(self) -> str:
        """The id of the theorem that it belongs to."""
        return self.id.split(".")[0]

    @functools.cached_property
    def symbols(self) -> tuple[sp.Basic, ...]:
        """The free symbols of the right-hand side, by name."""
        return tuple(sorted(free_symbols(self.rhs), key=str))

    @functools.cached_property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments of the computed function."""
        return tuple(str(symbol) for symbol in self.symbols)

    @property
    def latex(self) -> str:
        """The statement in LaTeX, in the notation of the glossary; the relation says its kind."""
        left = self.lhs if isinstance(self.lhs, str) else notation.latex(self.lhs)
        relation = {"asymptotic": r"\approx", "bound": r"\le"}.get(self.kind, "=")
        return f"{left} {relation} {notation.latex(self.rhs)}"

    def proof(self) -> Residual:
        """The right-hand side minus its independent derivation."""
        return self.residual(self.rhs)

    def is_proved(self) -> bool:
        """Whether the proof's residual simplifies to zero."""
        return vanishes(self.proof())

    def __call__(self, **values):
        """The right-hand side computed by JAX in float64; arguments by name.

        Raises:
            ValueError: naming the arguments that are missing or unknown.
            RuntimeError: if float64 is off.
        """
        return self._jax(*self._ordered(values))

    def numpy(self, **values):
        """The right-hand side computed by NumPy: for static numbers, outside of any tracing."""
        return self._numpy(*self._ordered(values))

    @functools.cached_property
    def _jax(self) -> Callable:
        return lower(self.rhs, self.symbols)

    @functools.cached_property
    def _numpy(self) -> Callable:
        return lower(self.rhs, self.symbols, "numpy")

    @functools.cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.arguments)

    def _ordered(self, values: dict) -> list:
        if values.keys() != self._names:
            missing = sorted(set(self.arguments) - set(values))
            unknown = sorted(set(values) - set(self.arguments))
            raise ValueError(
                f"{self.id}: got arguments {sorted(values)}, expected {list(self.arguments)}"
                + (f"; missing {missing}" if missing else "")
                + (f"; unknown {unknown}" if unknown else "")
                + ". Their meaning is in theory.formula.notation.GLOSSARY."
            )
        return [values[name] for name in self.arguments]


def entries(residual: Residual) -> Iterator[sp.Expr]:
    """The scalar entries of a residual: an expression, a matrix, or an iterable of either.

    Args:
        residual: what a proof leaves.
    """
    if isinstance(residual, sp.MatrixBase):
        yield from residual
    elif isinstance(residual, sp.Basic):
        yield residual
    else:
        for part in residual:
            yield from entries(part)


def vanishes(residual: Residual) -> bool:
    """Whether every entry of a residual is identically zero.

    One exact or high-precision evaluation at unrelated rational points refutes a wrong identity
    at once; a right one then has to simplify to zero by algebra.

    Args:
        residual: what a proof leaves.

    Example:
        >>> import sympy as sp
        >>> x = sp.Symbol("x")
        >>> vanishes((x + 1) ** 2 - x**2 - 2 * x - 1), vanishes([x - x, x - 1])
        (True, False)
    """
    return all(not _refuted(entry) and _is_zero(entry) for entry in entries(residual))


_DIGITS = 30


def _refuted(expression: sp.Expr) -> bool:
    """Whether some evaluation is a number away from zero (never true for a true identity)."""
    symbols = sorted(expression.free_symbols, key=str)
    for start in (0, 7):
        point = {}
        for k, symbol in enumerate(symbols):
            odd = 2 * (k + start) + 3
            point[symbol] = sp.Integer(odd) if symbol.is_integer else sp.Rational(odd, k + 5)
        value = expression.subs(point)
        if value.is_Rational:
            return value != 0
        try:
            number = sp.N(value, _DIGITS)
        except (TypeError, ValueError):
            continue
        if number.is_number and number.is_comparable and abs(number) > sp.Rational(1, 10**15):
            return True
    return False


def _is_zero(expression: sp.Expr) -> bool:
    return any(step(expression) == 0 for step in _STEPS)


def _by_powers(expression: sp.Expr) -> sp.Expr:
    """Symbolic exponents collected; bases are positive wherever the notation says so."""
    return sp.simplify(
        sp.powsimp(sp.expand(sp.expand_power_base(expression, force=True)), force=True)
    )


_STEPS = (sp.expand, lambda e: sp.cancel(sp.together(e)), sp.simplify, _by_powers)


def instantiate(expression: sp.Basic, values: dict[sp.Basic, object], size: int) -> sp.Basic:
    """A formula at a concrete size: matrix and array symbols replaced by explicit entries.

    Args:
        expression: with matrix symbols over ``p`` parameters, or sums over ``G`` groups.
        values: explicit matrices for matrix symbols, lists for arrays over groups, expressions
            for scalars.
        size: the number of parameters (matrix symbols) or of groups (arrays).
    """
    matrices = {k: v for k, v in values.items() if isinstance(k, sp.MatrixSymbol)}
    arrays = {k: v for k, v in values.items() if isinstance(k, sp.IndexedBase)}
    scalars = {k: v for k, v in values.items() if isinstance(k, sp.Symbol)}
    if arrays:
        expression = expression.subs(notation.G, size).doit()
        entry = {base.label: value for base, value in arrays.items()}
        expression = expression.replace(
            lambda node: isinstance(node, sp.Indexed) and node.base.label in entry,
            lambda node: _pick(entry[node.base.label], node.indices),
        )
    if matrices:
        expression = expression.subs(notation.p, size)
        explicit = {
            sp.MatrixSymbol(m.name, *(size if s == notation.p else s for s in m.shape)): value
            for m, value in matrices.items()
        }
        expression = expression.subs(explicit).doit()
        if isinstance(expression, sp.MatrixExpr):
            expression = expression.as_explicit()
    return expression.subs(scalars)


def _pick(value, indices):
    for index in indices:
        value = value[int(index) - 1]
    return value
