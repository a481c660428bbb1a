"""Formulas of theorem M: metrics of a score without a threshold, or at the best one."""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.lowering import Phi
from synthetic_oversampling.theory.formula.proofs import (
    coefficients_of_variance,
    expected,
    generic_matrix,
    symmetric,
)

__all__ = ["METRIC_FORMULAS"]

_half = sp.Rational(1, 2)


def _normal_share(mean: sp.Expr, var: sp.Expr) -> sp.Expr:
    """Probability that a normal variable is positive."""
    return Phi(mean / sp.sqrt(var))


def _prove_auroc(rhs):
    """The difference of two independent scores is normal: its mean and variance by enumeration."""
    var = coefficients_of_variance(
        [(sp.Integer(1), nt.score_var_1, 1), (sp.Integer(-1), nt.score_var_0, 1)]
    )
    yield sp.simplify(rhs - _normal_share(nt.score_1 - nt.score_0, var))


def _prove_best_auroc(rhs):
    """By Lagrange's identity no direction separates more than the covariance's inverse's does."""
    gap, rule = generic_matrix("d", 2, 1), generic_matrix("w", 2, 1)  # the covariance made 1
    lead, var = (rule.T * gap)[0, 0], (rule.T * rule)[0, 0]
    slack = (rule[0] * gap[1] - rule[1] * gap[0]) ** 2
    yield sp.expand((gap.T * gap)[0, 0] * var - lead**2 - slack)
    along = {rule[0]: gap[0], rule[1]: gap[1]}
    distance = sp.sqrt((gap.T * gap)[0, 0])
    value = METRIC_FORMULAS[0].rhs.subs(
        {nt.score_1: lead, nt.score_0: 0, nt.score_var_1: var, nt.score_var_0: var}
    )
    yield sp.simplify(rhs.subs(nt.Delta, distance) - value.subs(along))


def _prove_best_error(rhs):
    """Half the sum of both tails, at its only stationary threshold: halfway between the means."""
    threshold, shift = sp.symbols("c s", real=True)
    error = (Phi(threshold - nt.Delta) + Phi(-threshold)) / 2
    slope = sp.diff(error.rewrite(sp.erf), threshold)
    yield sp.simplify(slope.subs(threshold, nt.Delta / 2))
    away = slope.subs(threshold, nt.Delta / 2 + shift)  # of the shift's own sign
    size = sp.exp(-(shift**2) / 2 - nt.Delta**2 / 8) / sp.sqrt(2 * sp.pi)
    yield sp.simplify((away - size * sp.sinh(nt.Delta * shift / 2)).rewrite(sp.exp))
    yield sp.simplify((rhs - error.subs(threshold, nt.Delta / 2)).rewrite(sp.erf))


def _prove_expected(rhs):
    """A quadratic in the estimate, whose mean and covariance are those of theorem R."""
    target, cov, bend = symmetric("A", 2), symmetric("V", 2), symmetric("M", 2)
    slope, mean = generic_matrix("r", 2, 1), generic_matrix("m", 2, 1)
    gradient, inverse = generic_matrix("g", 2, 1), symmetric("K", 2)
    moments: dict[tuple[sp.Symbol, ...], sp.Expr] = {(entry,): sp.Integer(0) for entry in gradient}
    for i in range(2):
        for j in range(i, 2):
            moments[(gradient[i], gradient[j])] = cov[i, j]
    first = -inverse * gradient  # the second-order term has the mean m
    value = expected((first.T * bend * first)[0, 0] / 2 + (slope.T * first)[0, 0], moments)
    value += nt.metric + (slope.T * mean)[0, 0]
    given = {nt.A_: target, nt.V: cov, nt.metric_bend: bend, nt.slope: slope, nt.mean_shift: mean}
    solved = dict(zip(inverse, target.inv(), strict=True))
    yield sp.cancel(sp.together(instantiate(rhs, given, 2) - value.subs(solved)))


def _prove_break_even(rhs):
    """Every count times k: the losses of order 1/n are divided by k."""
    times = sp.Symbol("k", positive=True)
    gap = nt.metric_1 + nt.loss_1 / times - nt.metric_2 - nt.loss_2 / times
    (root,) = sp.solve(gap, times)
    yield sp.simplify(rhs - root)


# the formulas of family M
METRIC_FORMULAS: tuple[Formula, ...] = (
    Formula(
        id="M1.auroc",
        claim="AUROC of two normal scores",
        lhs=r"\mathrm{AUROC}",
        rhs=Phi((nt.score_1 - nt.score_0) / sp.sqrt(nt.score_var_1 + nt.score_var_0)),
        kind="exact",
        residual=_prove_auroc,
    ),
    Formula(
        id="M2.auroc",
        claim="Largest AUROC of a linear score on two classes with one covariance, which raw "
        "training reaches at any imbalance",
        lhs=r"\max_w \mathrm{AUROC}(w)",
        rhs=Phi(nt.Delta / sp.sqrt(2)),
        kind="exact",
        residual=_prove_best_auroc,
    ),
    Formula(
        id="M2.best_error",
        claim="Balanced error of that score at its best threshold",
        lhs=r"\min_{w, c} e(w, c)",
        rhs=Phi(-nt.Delta / 2),
        kind="exact",
        residual=_prove_best_error,
    ),
    Formula(
        id="M3.expected",
        claim="Expected metric of a trained rule",
        lhs=r"\mathbb{E}\,m(\hat\theta)",
        rhs=nt.metric
        + _half * sp.Trace(nt.metric_bend * nt.A_.I * nt.V * nt.A_.I)
        + sp.Trace(nt.slope.T * nt.mean_shift),
        kind="asymptotic",
        residual=_prove_expected,
    ),
    Formula(
        id="M3.break_even",
        claim="Times as many samples at which two designs reach the same expected metric",
        lhs="k",
        rhs=(nt.loss_2 - nt.loss_1) / (nt.metric_1 - nt.metric_2),
        kind="asymptotic",
        residual=_prove_break_even,
    ),
)
