"""Formulas of R3: what synthetic oversampling gains, and where it stops helping."""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.proofs import expected, symmetric
from synthetic_oversampling.theory.theorems.weights import sample_weights

__all__ = ["BENEFIT_FORMULAS"]

_gap = sp.Symbol("gap", positive=True)


def _quadratic(size: sp.Expr, curvature: sp.Expr, noise: sp.Expr) -> sp.Expr:
    """Excess along one direction: mean of K g^2 / 2 for a gradient of the given mean and noise."""
    gradient = sp.Symbol("gradient", real=True)
    variance = sp.Symbol("variance", nonnegative=True)
    moments = {(gradient,): size, (gradient, gradient): size**2 + variance}
    risk = expected(curvature * gradient**2 / 2, moments)
    return sp.expand(risk).subs(curvature * variance, 2 * noise)


def _positive_zero(equation: sp.Expr, unknown: sp.Symbol) -> sp.Expr:
    (zero,) = sp.solve(equation, unknown)
    return zero


def _prove_excess(rhs):
    return rhs - _quadratic(nt.bias_size, nt.bias_curvature, nt.noise_syn)


def _prove_break_even_bias(rhs):
    excess = _quadratic(nt.bias_size, nt.bias_curvature, nt.noise_syn)
    better, worse = nt.noise_syn + _gap, nt.noise_ref + _gap
    zero = _positive_zero((excess - nt.noise_ref).subs(nt.noise_ref, better), nt.bias_size)
    yield rhs.subs(nt.noise_ref, better) - zero
    yield rhs.subs(nt.noise_syn, worse)  # already more noise than the reference: no bias is allowed


def _prove_break_even_seeds(rhs):
    root = sp.Symbol("root", positive=True)  # bias_quadratic is its square
    excess = _quadratic(root, sp.Integer(1), nt.rate_syn / nt.seeds)
    better, worse = nt.rate_syn + _gap, nt.rate_ref + _gap
    equation = (excess - nt.rate_ref / nt.seeds).subs(nt.rate_ref, better)
    size = {nt.bias_quadratic: root**2}
    yield rhs.subs(nt.rate_ref, better).subs(size) - _positive_zero(equation, nt.seeds)
    yield rhs.subs(nt.rate_syn, worse).subs(size)


def _raw_excess() -> sp.Expr:
    """A generic quadratic risk at the Bayes rule moved along its intercept by the log ratio."""
    hessian = symmetric("H", 2)
    move = sp.Matrix([sp.log(nt.imbalance), 0])
    risk = (move.T * hessian * move)[0, 0] / 2
    return risk.subs(hessian[0, 0], nt.curvature_intercept)


def _prove_break_even_ratio(rhs):
    larger = sp.Symbol("log_ratio", positive=True)
    equation = _raw_excess().subs(nt.imbalance, sp.exp(larger)) - nt.excess_syn
    return sp.log(rhs) - _positive_zero(equation, larger)


def _prove_gain_over_raw(rhs):
    return rhs - (_raw_excess() + nt.noise_ref - nt.excess_syn)


def _prove_oracle_gain(rhs):
    """Half the difference of traces: seeds of a duplicating design against fresh draws."""
    groups = 2
    sizes = sp.symbols("n_1:3", positive=True)
    traces = sp.symbols("t_1:3", positive=True)
    level, extra = sample_weights(sp.Integer(groups))
    duplicated = fresh = sp.Integer(0)
    for size, trace in zip(sizes, traces, strict=True):
        drawn = level**2 * (nt.n_max - size) + extra**2 * nt.N
        duplicated += trace * (size * (1 / (groups * size)) ** 2 + drawn)
        fresh += trace * (size * level**2 + drawn)
    shares = [(1 - nt.alpha) * size / nt.n_max for size in sizes]
    arrays = {nt.trace_score: traces, nt.real_share: shares, nt.size: sizes}
    return instantiate(rhs, arrays, groups) - (duplicated - fresh) / 2


_g = nt.g

# the formulas of R3
BENEFIT_FORMULAS = (
    Formula(
        id="R3.excess",
        claim="Excess of a synthetic design whose bias gradient has a given size along a direction",
        lhs=nt.excess_syn,
        rhs=nt.bias_size**2 * nt.bias_curvature / 2 + nt.noise_syn,
        kind="asymptotic",
        residual=_prove_excess,
    ),
    Formula(
        id="R3.break_even_bias",
        claim="Bias beyond which the reference design is better; 0 if it is better already "
        "without bias",
        lhs=r"\delta^*",
        rhs=sp.sqrt(2 * sp.Max(nt.noise_ref - nt.noise_syn, 0) / nt.bias_curvature),
        kind="asymptotic",
        residual=_prove_break_even_bias,
    ),
    Formula(
        id="R3.break_even_seeds",
        claim="Size beyond which a fixed generator hurts, when noise falls as 1/n and bias does "
        "not",
        lhs=r"n^*",
        rhs=2 * sp.Max(nt.rate_ref - nt.rate_syn, 0) / nt.bias_quadratic,
        kind="asymptotic",
        residual=_prove_break_even_seeds,
    ),
    Formula(
        id="R3.break_even_ratio",
        claim="Imbalance ratio beyond which raw ERM's bias alone exceeds the synthetic design's "
        "excess",
        lhs=r"r^*",
        rhs=sp.exp(sp.sqrt(2 * nt.excess_syn / nt.curvature_intercept)),
        kind="asymptotic",
        residual=_prove_break_even_ratio,
    ),
    Formula(
        id="R3.gain_over_raw",
        claim="Excess of raw ERM minus that of the synthetic design, for a small log ratio",
        lhs=r"\mathrm{gain}_{\mathrm{raw}}",
        rhs=nt.curvature_intercept * sp.log(nt.imbalance) ** 2 / 2 + nt.noise_ref - nt.excess_syn,
        kind="asymptotic",
        residual=_prove_gain_over_raw,
    ),
    Formula(
        id="R3.oracle_gain",
        claim="What fresh draws from the groups gain over duplicates of the seeds, same design",
        lhs=r"\mathrm{gain}_{\mathrm{dup}}",
        rhs=sp.Sum(nt.trace_score[_g] * (1 - nt.real_share[_g] ** 2) / nt.size[_g], (_g, 1, nt.G))
        / (2 * nt.G**2),
        kind="asymptotic",
        residual=_prove_oracle_gain,
    ),
)
