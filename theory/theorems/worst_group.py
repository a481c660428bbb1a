"""Formula of theorem R5's worst group: the mean of the larger of two normal variables."""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.formula.lowering import Phi

__all__ = ["WORST_GROUP_FORMULAS"]


def _prove_worst_pair(rhs):
    """The smaller mean plus the integral of the positive part of a normal difference."""
    gap = nt.mean_1 - nt.mean_2
    density = sp.exp(-(nt.z**2) / 2) / sp.sqrt(2 * sp.pi)
    antiderivative = sp.integrate((gap + nt.std_gap * nt.z) * density, nt.z)
    upper = sp.limit(antiderivative, nt.z, sp.oo)
    part = sp.expand(upper - antiderivative.subs(nt.z, -gap / nt.std_gap))
    difference = sp.expand((rhs - nt.mean_2 - part).rewrite(sp.erf))
    return sp.expand(difference.replace(sp.erf, lambda a: sp.erf(sp.expand(a))))


_r = (nt.mean_1 - nt.mean_2) / nt.std_gap

WORST_GROUP_FORMULAS = (
    Formula(
        "R5.worst_pair",
        "Mean of the larger of two jointly normal errors (Clark 1961)",
        r"\mathbb{E}\max(e_1, e_2)",
        nt.mean_1 * Phi(_r)
        + nt.mean_2 * Phi(-_r)
        + nt.std_gap * sp.exp(-(_r**2) / 2) / sp.sqrt(2 * sp.pi),
        "asymptotic",
        _prove_worst_pair,
    ),
)
