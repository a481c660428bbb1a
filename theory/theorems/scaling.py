"""Formulas of S1 and S3: the excess risk by weight and size, for any bias and where it is small.

That the global law is one is proved from theorem R: the estimate is the zero of a generic
estimating equation to second order, in which fresh samples add ``1/N`` of their covariances. Its
consequences follow by differentiating ``a(alpha) + s(alpha) / N`` for generic ``a`` and ``s``.

The hyperbola's proofs start from 2 excess = E |(1 - alpha) U + alpha (W + xi)|^2 with the
oversampling part U, the augmentation part W and its fresh sampling noise xi, in the metric of
H^{-1}, and get everything else by differentiating that.
"""

from __future__ import annotations

import functools

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.formula.proofs import (
    expected,
    second_order_bias,
    stationary_points,
)

__all__ = ["GLOBAL_LAW_FORMULAS", "SCALING_FORMULAS", "derived_excess", "without_end"]

_gap, _spread = sp.symbols("gap spread", positive=True)


# --- S1: consequences -------------------------------------------------------------------------
@functools.cache
def derived_excess() -> sp.Expr:
    """Half the second moment of the weighted parts; only the fresh noise depends on N."""
    aug, over, fresh = sp.symbols("aug over xi", real=True)
    moments: dict[tuple[sp.Symbol, ...], sp.Expr] = {
        (symbol,): sp.Integer(0) for symbol in (aug, over, fresh)
    }
    moments |= {(over, over): nt.A, (aug, over): nt.C, (aug, aug): nt.D}
    moments[(fresh, fresh)] = nt.S / nt.N
    total = (1 - nt.alpha) * over + nt.alpha * (aug + fresh)
    return expected(total**2, moments) / 2


@functools.cache
def _best() -> tuple[sp.Expr, sp.Expr]:
    """Stationary weight of the derived quadratic, and the excess there."""
    excess = derived_excess()
    (weight,) = stationary_points(excess, nt.alpha)
    return weight, excess.subs(nt.alpha, weight)


def _branches(rhs: sp.Expr) -> list[tuple[sp.Expr, sp.Basic]]:
    """Cases of a right-hand side, in order."""
    return [tuple(case) for case in sp.piecewise_fold(rhs).args]


def _not_positive(condition: sp.Basic) -> sp.Expr:
    """What a condition says is not positive (sympy may turn an inequality round)."""
    difference = condition.lhs - condition.rhs
    return difference if isinstance(condition, sp.LessThan) else -difference


def _clip_conditions(first: sp.Basic, second: sp.Basic):
    """Weight 0 when the slope at 0 is not negative, weight 1 when that at 1 is not positive."""
    slope = sp.diff(derived_excess(), nt.alpha)
    yield slope.subs(nt.alpha, 0) + _not_positive(first)
    yield slope.subs(nt.alpha, 1) - _not_positive(second)


def _prove_excess(rhs):
    return rhs - derived_excess()


def _prove_best_weight(rhs):
    (low, first), (high, second), (inner, _) = _branches(rhs)
    yield from (low, high - 1, inner - _best()[0])
    yield from _clip_conditions(first, second)


def _prove_best_excess(rhs):
    (low, first), (high, second), (inner, _) = _branches(rhs)
    excess = derived_excess()
    yield from (low - excess.subs(nt.alpha, 0), high - excess.subs(nt.alpha, 1))
    yield inner - _best()[1]
    yield from _clip_conditions(first, second)


def without_end(expression: sp.Expr) -> sp.Expr:
    """Limit of infinitely many synthetic samples.

    Args:
        expression: rational in ``N``.
    """
    inverse = sp.Symbol("inverse", nonnegative=True)
    return sp.cancel(sp.together(expression.subs(nt.N, 1 / inverse))).subs(inverse, 0)


def _prove_gap(rhs):
    best = _best()[1]
    return rhs - (best - without_end(best))


def _prove_floor(rhs):
    (low, first), (high, second), (inner, _) = _branches(rhs)
    excess = derived_excess()
    yield from (low - excess.subs(nt.alpha, 0), high - without_end(excess.subs(nt.alpha, 1)))
    yield inner - without_end(_best()[1])
    slope = without_end(sp.diff(excess, nt.alpha))
    yield slope.subs(nt.alpha, 0) + _not_positive(first)
    yield slope.subs(nt.alpha, 1) - _not_positive(second)


def _prove_crossover(rhs):
    """The size at which half of the removable excess at N -> 0 is left above the floor."""
    best = sp.cancel(sp.together(_best()[1]))
    above = sp.cancel(best - without_end(best))
    at_none = sp.limit(above, nt.N, 0)
    (half,) = sp.solve(sp.cancel(above / at_none) - sp.Rational(1, 2), nt.N)
    return rhs - half


def _prove_harmful_weight(rhs):
    """The other weight at which the excess is that of no augmentation."""
    excess = derived_excess()
    change = sp.cancel((excess - excess.subs(nt.alpha, 0)) / nt.alpha)
    (weight,) = sp.solve(change, nt.alpha)
    return rhs - weight


def _prove_break_even_size(rhs):
    excess = derived_excess()
    (size,) = sp.solve(excess - excess.subs(nt.alpha, 0), nt.N)
    return rhs - size


def _prove_best_size(rhs):
    """Minimum of the derived excess plus price times N, inside and where the weight is 1."""
    (none, first), (full, second), (inner, _) = _branches(rhs)
    yield none
    yield sp.diff(derived_excess(), nt.alpha).subs(nt.alpha, 0) + _not_positive(first)
    noise = {nt.S: _spread}
    full_cost = derived_excess().subs(nt.alpha, 1) + nt.price * nt.N
    (full_size,) = stationary_points(full_cost.subs(noise), nt.N, lambda size: size.is_positive)
    yield full.subs(noise) - full_size
    slope = sp.diff(derived_excess(), nt.alpha).subs(nt.alpha, 1)
    yield (slope.subs(nt.N, full_size) - _not_positive(second)).subs(noise)
    curvature = sp.Symbol("P", positive=True)
    shape = {nt.A: nt.C + _gap, nt.D: curvature + nt.C - _gap, nt.S: _spread}
    inside = sp.cancel(sp.together(_best()[1].subs(shape))) + nt.price * nt.N
    sizes = stationary_points(inside, nt.N)
    probe = {_gap: 3, _spread: 2, nt.price: 1, curvature: 1, nt.C: 1}
    largest = max(sizes, key=lambda size: size.subs(probe))  # the other one is negative
    yield inner.replace(sp.Max, sp.Add).subs(shape) - largest
    dear = {_gap: 1, _spread: 2, nt.price: 2, curvature: 1, nt.C: 1}
    yield inner.subs(shape).subs(dear)  # the first sample costs more than it saves:
    growing = sp.diff(inside, nt.N).subs(nt.N, 0).subs(dear) > 0
    yield sp.Integer(0 if growing == sp.true else 1)


# --- S3: fitted generators ------------------------------------------------------------------
def _prove_saturation(rhs):
    """All three second moments of a generator fitted on n seeds fall as 1/n: so does the floor."""
    scaled = {symbol: symbol / nt.seeds for symbol in (nt.A, nt.C, nt.D)}
    return rhs - without_end(_best()[1].subs(scaled, simultaneous=True))


def _prove_saturation_size(rhs):
    scaled = {symbol: symbol / nt.seeds for symbol in (nt.A, nt.C, nt.D)}
    best = sp.cancel(sp.together(_best()[1].subs(scaled, simultaneous=True)))
    above = sp.cancel(best - without_end(best))
    (half,) = sp.solve(sp.cancel(above / sp.limit(above, nt.N, 0)) - sp.Rational(1, 2), nt.N)
    return rhs - half


_A, _C, _D, _S, _N = nt.A, nt.C, nt.D, nt.S, nt.N
_P = _A - 2 * _C + _D
_none, _full = _A <= _C, _C - _D >= _S / _N
_free = _C - _D >= 0
_inner_floor = (_A * _D - _C**2) / (2 * _P)
_inner_size = (sp.Abs(_A - _C) * sp.sqrt(_S / (2 * nt.price)) - _S) / _P

# the formulas of S1 for small biases, and of S3
SCALING_FORMULAS = (
    Formula(
        id="S1.excess",
        claim="Excess risk of a weight and a synthetic size",
        lhs=r"\mathrm{excess}(\alpha, N)",
        rhs=(
            (1 - nt.alpha) ** 2 * _A
            + 2 * nt.alpha * (1 - nt.alpha) * _C
            + nt.alpha**2 * (_D + _S / _N)
        )
        / 2,
        kind="exact",
        residual=_prove_excess,
    ),
    Formula(
        id="S1.best_weight",
        claim="Best weight of a synthetic size, clipped to [0, 1]",
        lhs=r"\alpha^*(N)",
        rhs=sp.Piecewise((0, _none), (1, _full), ((_A - _C) / (_P + _S / _N), True)),
        kind="exact",
        residual=_prove_best_weight,
    ),
    Formula(
        id="S1.best_excess",
        claim="Excess risk at the best weight",
        lhs=r"\mathrm{excess}^*(N)",
        rhs=sp.Piecewise(
            (_A / 2, _none),
            ((_D + _S / _N) / 2, _full),
            ((_A * _D - _C**2 + _A * _S / _N) / (2 * (_P + _S / _N)), True),
        ),
        kind="exact",
        residual=_prove_best_excess,
    ),
    Formula(
        id="S1.gap",
        claim="Excess above the floor at the best weight, where that is inside [0, 1]: a "
        "hyperbola in N",
        lhs=r"\mathrm{excess}^*(N) - \mathrm{excess}^*(\infty)",
        rhs=_S * (_A - _C) ** 2 / (2 * _P * (_P * _N + _S)),
        kind="exact",
        residual=_prove_gap,
    ),
    Formula(
        id="S1.floor",
        claim="Excess that no number of synthetic samples removes",
        lhs=r"\mathrm{excess}^*(\infty)",
        rhs=sp.Piecewise((_A / 2, _none), (_D / 2, _free), (_inner_floor, True)),
        kind="exact",
        residual=_prove_floor,
    ),
    Formula(
        id="S1.crossover",
        claim="Synthetic size that has removed half of what can be removed",
        lhs="N_{c}",
        rhs=_S / _P,
        kind="exact",
        residual=_prove_crossover,
    ),
    Formula(
        id="S1.harmful_weight",
        claim="Weight beyond which augmentation is worse than none",
        lhs=r"\alpha_{\mathrm{harm}}(N)",
        rhs=2 * (_A - _C) / (_P + _S / _N),
        kind="exact",
        residual=_prove_harmful_weight,
    ),
    Formula(
        id="S1.break_even_size",
        claim="Synthetic size from which a weight is better than none; never, if not positive",
        lhs=r"N_{\mathrm{even}}(\alpha)",
        rhs=_S * nt.alpha / ((2 - nt.alpha) * _A - 2 * (1 - nt.alpha) * _C - nt.alpha * _D),
        kind="exact",
        residual=_prove_break_even_size,
    ),
    Formula(
        id="S1.best_size",
        claim="Synthetic size with the least excess plus price times size",
        lhs=r"N^{\circ}",
        rhs=sp.Piecewise(
            (0, _none),
            (sp.sqrt(_S / (2 * nt.price)), _C - _D >= sp.sqrt(2 * nt.price * _S)),
            (sp.Max(0, _inner_size), True),
        ),
        kind="exact",
        residual=_prove_best_size,
    ),
    Formula(
        id="S3.floor",
        claim="The floor of a generator fitted on n seeds falls as 1/n, whatever the synthetic "
        "size",
        lhs=r"\mathrm{excess}^*(\infty; n)",
        rhs=_inner_floor / nt.seeds,
        kind="rate",
        residual=_prove_saturation,
    ),
    Formula(
        id="S3.crossover",
        claim="The size at which a fitted generator saturates grows like its seeds",
        lhs="N_c(n)",
        rhs=nt.seeds * _S / _P,
        kind="rate",
        residual=_prove_saturation_size,
    ),
)


# --- S1: the global law -------------------------------------------------------------------------
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


def _prove_global_slope(rhs):
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


def _prove_global_break_even(rhs):
    (size,) = sp.solve(nt.limit_excess + nt.noise_excess / nt.N - nt.none_excess, nt.N)
    return rhs - size


def _prove_small_noise(rhs):
    """The hyperbola is a global law: N times what it has beyond its limit is free of N."""
    small = derived_excess()
    return rhs - sp.expand(nt.N * (small - without_end(small)))


# the formulas of S1's global law
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
        residual=_prove_global_slope,
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
        residual=_prove_global_break_even,
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
