"""All formulas of the theory, by id."""

from __future__ import annotations

from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.theorems.benefit import BENEFIT_FORMULAS
from synthetic_oversampling.theory.theorems.bias import BIAS_FORMULAS
from synthetic_oversampling.theory.theorems.bounds import BOUND_FORMULAS
from synthetic_oversampling.theory.theorems.capacity import CAPACITY_FORMULAS
from synthetic_oversampling.theory.theorems.filters import FILTER_FORMULAS
from synthetic_oversampling.theory.theorems.metrics import METRIC_FORMULAS
from synthetic_oversampling.theory.theorems.moments import MOMENT_FORMULAS
from synthetic_oversampling.theory.theorems.multiclass.formulas import MULTICLASS_FORMULAS
from synthetic_oversampling.theory.theorems.nonparametric import NONPARAMETRIC_FORMULAS
from synthetic_oversampling.theory.theorems.proportional import PROPORTIONAL_FORMULAS
from synthetic_oversampling.theory.theorems.risk import RISK_FORMULAS, WORST_GROUP_FORMULAS
from synthetic_oversampling.theory.theorems.scaling import GLOBAL_LAW_FORMULAS, SCALING_FORMULAS
from synthetic_oversampling.theory.theorems.weights import DESIGN_FORMULAS

__all__ = ["FORMULAS", "formulas_of"]


def _by_id(*families: tuple[Formula, ...]) -> dict[str, Formula]:
    ordered = [formula for family in families for formula in family]
    order = {letter: rank for rank, letter in enumerate("BRSTHMK")}
    ordered.sort(key=lambda f: (order[f.theorem[0]], f.theorem))  # stable within a theorem
    table = {formula.id: formula for formula in ordered}
    if len(table) != len(ordered):
        raise ValueError("id: got two formulas with one id; every formula needs its own.")
    return table


# every formula that is printed, by its id
FORMULAS: dict[str, Formula] = _by_id(
    DESIGN_FORMULAS,
    BIAS_FORMULAS,
    RISK_FORMULAS,
    BOUND_FORMULAS,
    WORST_GROUP_FORMULAS,
    BENEFIT_FORMULAS,
    MOMENT_FORMULAS,
    GLOBAL_LAW_FORMULAS,
    SCALING_FORMULAS,
    NONPARAMETRIC_FORMULAS,
    FILTER_FORMULAS,
    CAPACITY_FORMULAS,
    PROPORTIONAL_FORMULAS,
    METRIC_FORMULAS,
    MULTICLASS_FORMULAS,
)


def formulas_of(theorem: str) -> tuple[Formula, ...]:
    """The formulas of one theorem, in order.

    Args:
        theorem: its id, such as "R1".

    Example:
        >>> [formula.id for formula in formulas_of("T4")]
        ['T4.fidelity_bound', 'T4.excess_bound']
    """
    return tuple(formula for formula in FORMULAS.values() if formula.theorem == theorem)
