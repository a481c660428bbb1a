"""Formulas of theorem H: features as many as rows."""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.formula.lowering import Phi

__all__ = ["PROPORTIONAL_FORMULAS"]


# --- H1 ---------------------------------------------------------------------------------------
def _prove_stiffness(rhs):
    """The force (t - h) / V, differentiated in h where t + V psi'(t) = h."""
    psi, settled = sp.Function("psi"), sp.Function("t")
    h, t = sp.symbols("h t", real=True)
    law = settled(h) + nt.response * psi(t).diff(t).subs(t, settled(h)) - h
    bend = sp.Derivative(psi(t), (t, 2)).subs(t, settled(h))
    slope = sp.solve(law.diff(h).doit().subs(bend, nt.curvature_row), settled(h).diff(h))[0]
    yield sp.simplify(rhs - (1 - slope) / nt.response)


def _prove_squared_margin(rhs):
    """Where the derivative of what the proximal operator minimises vanishes."""
    t = sp.Symbol("t", real=True)
    whole = nt.row_weight * (1 - t) ** 2 / 2 + (t - nt.held_out) ** 2 / (2 * nt.response)
    yield sp.simplify(rhs - sp.solve(whole.diff(t), t)[0])


# --- H2 ---------------------------------------------------------------------------------------
def _prove_pairs(rhs):
    """Two ends of every segment, the loss's slope averaged over it, with an independent partner."""
    u, deviation = sp.symbols("u deviation", real=True)
    margin = (1 - u) * nt.margin_seed + u * (nt.margin_mean + deviation)
    slope = sp.expand(2 * nt.smear * (1 - u) * (margin - 1)).subs(deviation, 0)  # linear in it
    yield sp.expand(rhs - sp.integrate(slope, (u, 0, 1)))


def _prove_plugin(rhs):
    """Slopes of the mean loss in the sample mean and variance, through each seed's score."""
    var = sp.Symbol("var", positive=True)
    density = sp.exp(-(nt.z**2) / 2) / sp.sqrt(2 * sp.pi)
    mean = nt.margin_mean
    loss = (1 - mean - sp.sqrt(var) * nt.z) ** 2 / 2
    average = sp.integrate(sp.expand(loss) * density, (nt.z, -sp.oo, sp.oo))
    by_var = 2 * average.diff(var) * (nt.margin_seed - mean)
    yield sp.simplify(rhs - nt.smear * (average.diff(mean) + by_var))


# --- H3 ---------------------------------------------------------------------------------------
def _prove_slack(rhs):
    """Second moment of the positive part of a normal variable, by its antiderivative."""
    density = sp.exp(-(nt.z**2) / 2) / sp.sqrt(2 * sp.pi)
    part = sp.integrate(sp.expand((nt.spread * nt.z - nt.lead) ** 2) * density, nt.z)
    whole = sp.limit(part, nt.z, sp.oo) - part.subs(nt.z, nt.lead / nt.spread)
    difference = sp.expand((rhs - whole).rewrite(sp.erf))
    yield sp.expand(difference.replace(sp.erf, lambda a: sp.erf(sp.expand(a))))


# --- H4 ---------------------------------------------------------------------------------------
def _prove_squared_response(rhs):
    """V (ridge + n c) = d with c = 1 / (1 + V): the root that is positive."""
    v = sp.Symbol("v")
    equation = v * (nt.ridge * (1 + v) + nt.rows) - nt.dim * (1 + v)
    roots = sp.solve(sp.expand(equation), v)
    at = {nt.ridge: 2, nt.rows: 3, nt.dim: 5}
    root = next(root for root in roots if root.subs(at) > 0)
    yield sp.simplify(rhs - root)
    yield sp.N((rhs - root).subs(at), 20).round(12)


def _prove_mean_difference(rhs):
    """A rule's own squared length, coordinate by coordinate, spreads the scores of both classes."""
    count = 4
    gap = [nt.Delta, *[0] * (count - 1)]
    square = sum(term**2 + 1 / nt.n_0 + 1 / nt.n_1 for term in gap)
    along = sum(term**2 for term in gap)
    ratio = along / sp.sqrt(2 * square)
    yield sp.simplify((rhs - Phi(ratio)).subs(nt.dim, count).rewrite(sp.erf))


_two = sp.Integer(2)

# the formulas of family H
PROPORTIONAL_FORMULAS = (
    Formula(
        id="H1.stiffness",
        claim="What a row adds to the curvature that the others feel",
        lhs=r"-\frac{\partial g}{\partial h}",
        rhs=nt.curvature_row / (1 + nt.response * nt.curvature_row),
        kind="exact",
        residual=_prove_stiffness,
    ),
    Formula(
        id="H1.squared_margin",
        claim="Training margin of a row under the squared loss",
        lhs=r"\operatorname{prox}(h)",
        rhs=(nt.held_out + nt.response * nt.row_weight) / (1 + nt.response * nt.row_weight),
        kind="exact",
        residual=_prove_squared_margin,
    ),
    Formula(
        id="H2.pairs_squared",
        claim="Slope of interpolation's potential under the squared loss: duplication's, tied to "
        "the mean by a third",
        lhs=r"\psi'(t)",
        rhs=nt.smear * (2 * nt.margin_seed / 3 + nt.margin_mean / 3 - 1),
        kind="exact",
        residual=_prove_pairs,
    ),
    Formula(
        id="H2.plugin_squared",
        claim="Slope of the plug-in's potential under the squared loss: that of duplication",
        lhs=r"\psi'(t)",
        rhs=nt.smear * (nt.margin_seed - 1),
        kind="exact",
        residual=_prove_plugin,
    ),
    Formula(
        id="H3.slack",
        claim="Mean squared shortfall of a row of a cluster from its side of the plane",
        lhs=r"\mathbb{E}\left(s z - u\right)_+^2",
        rhs=(nt.spread**2 + nt.lead**2) * Phi(-nt.lead / nt.spread)
        - nt.spread * nt.lead * sp.exp(-((nt.lead / nt.spread) ** 2) / 2) / sp.sqrt(2 * sp.pi),
        kind="exact",
        residual=_prove_slack,
    ),
    Formula(
        id="H4.squared_response",
        claim="Response of a score under the squared loss, unit weights and covariances",
        lhs=nt.response,
        rhs=(
            nt.dim
            - nt.rows
            - nt.ridge
            + sp.sqrt((nt.rows + nt.ridge - nt.dim) ** 2 + 4 * nt.ridge * nt.dim)
        )
        / (2 * nt.ridge),
        kind="asymptotic",
        residual=_prove_squared_response,
    ),
    Formula(
        id="H4.mean_difference",
        claim="Area under the curve of the mean-difference rule, the limit of a large ridge",
        lhs=r"\mathrm{AUROC}",
        rhs=Phi(nt.Delta**2 / sp.sqrt(_two * (nt.Delta**2 + nt.dim / nt.n_0 + nt.dim / nt.n_1))),
        kind="asymptotic",
        residual=_prove_mean_difference,
    ),
)
