"""Formulas of S1's first part: the global law of the excess in the weight and the synthetic size.

The proof that it is one starts from theorem R: the estimate is the zero of a generic estimating
equation to second order, in which fresh samples add ``1/N`` of their covariances. Its consequences
follow by differentiating ``a(alpha) + s(alpha) / N`` for generic ``a`` and ``s``.
"""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.formula.proofs import second_order_bias, stationary_points
from synthetic_oversampling.theory.theorems.scaling import derived_excess, without_end

__all__ = ["GLOBAL_LAW_FORMULAS"]


def _theorem_r() -> sp.Expr:
    """Theorem R of one parameter: bias part, variance part, slope times the estimator's bias."""
    second_order = second_order_bias(1)
    (cov,), (target,) = second_order.cov, second_order.target
    joint = sp.Symbol("c_000", real=True)  # of the empirical Hessian and gradient
    if joint not in second_order.mean[0].free_symbols:
        raise ValueError("joint: got another symbol in the generic equation, expected c_000.")
    fresh = {
        symbol: sp.Symbol(f"{symbol}_rest", real=True)
        + sp.Symbol(f"{symbol}_one", real=True) / nt.N
        for symbol in (cov, joint)
    }
    bias, slope, bend = sp.symbols("bias slope bend", real=True)
    total = bias + bend * cov / (2 * target**2) + slope * second_order.mean[0]
    return sp.expand(total.subs(fresh, simultaneous=True))


def _prove_global(rhs):
    """What is left without end, and N times the rest, of which nothing depends on N."""
    total = _theorem_r()
    limit = without_end(total)
    noise = sp.expand(nt.N * (total - limit))
    yield sp.diff(noise, nt.N)
    yield rhs.subs({nt.limit_excess: limit, nt.noise_excess: noise}, simultaneous=True) - total


def _prove_slope(rhs):
    """Around the best weight at one size, which moves with the size in any smooth way."""
    inverse, start, move, turn = sp.symbols("inverse start move turn", real=True)
    steep, bend, curve = sp.symbols("steep bend curve", real=True)
    apart = inverse - start
    weight = move * apart + turn * apart**2
    noise = nt.noise_excess + steep * weight + curve * weight**2
    limit = -start * steep * weight + bend * weight**2  # stationary: a' + s'/N = 0
    slope = sp.diff(limit + inverse * noise, inverse).subs(inverse, start)
    return rhs - slope * sp.diff(1 / nt.N, nt.N)


def _prove_price_size(rhs):
    noise = sp.Symbol("noise", positive=True)
    cost = nt.limit_excess + noise / nt.N + nt.price * nt.N
    (size,) = stationary_points(cost, nt.N, lambda root: root.is_positive)
    return rhs.subs(nt.noise_excess, noise) - size


def _prove_break_even(rhs):
    (size,) = sp.solve(nt.limit_excess + nt.noise_excess / nt.N - nt.none_excess, nt.N)
    return rhs - size


def _prove_small_noise(rhs):
    """The hyperbola is a global law: N times what it has beyond its limit is free of N."""
    small = derived_excess()
    return rhs - sp.expand(nt.N * (small - without_end(small)))


GLOBAL_LAW_FORMULAS = (
    Formula(
        id="S1.global",
        claim="Excess risk of a weight and a synthetic size, for biases of any size",
        lhs=r"\mathrm{excess}(\alpha, N)",
        rhs=nt.limit_excess + nt.noise_excess / nt.N,
        kind="exact",
        residual=_prove_global,
    ),
    Formula(
        id="S1.global_slope",
        claim="Derivative of the least excess in the synthetic size: the envelope theorem",
        lhs=r"\frac{d}{dN}\, \min_\alpha \mathrm{excess}(\alpha, N)",
        rhs=-nt.noise_excess / nt.N**2,
        kind="exact",
        residual=_prove_slope,
    ),
    Formula(
        id="S1.global_price_size",
        claim="Synthetic size with the least excess plus price times size, at a weight",
        lhs=r"N^{\circ}(\alpha)",
        rhs=sp.sqrt(nt.noise_excess / nt.price),
        kind="exact",
        residual=_prove_price_size,
    ),
    Formula(
        id="S1.global_break_even",
        claim="Synthetic size from which a weight is better than none; never, if a(0) <= a(alpha)",
        lhs=r"N_{\mathrm{even}}(\alpha)",
        rhs=nt.noise_excess / (nt.none_excess - nt.limit_excess),
        kind="exact",
        residual=_prove_break_even,
    ),
    Formula(
        id="S1.small_noise",
        claim="What of the excess is one over N where the bias and its Hessian are small",
        lhs=r"s(\alpha)",
        rhs=nt.alpha**2 * nt.S / 2,
        kind="exact",
        residual=_prove_small_noise,
    ),
)
