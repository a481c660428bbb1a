"""Formulas of S2 and S3 for any linear filter: Tikhonov's, Pinsker's, and a smoothed generator.

A filter of scale K multiplies coordinate k of the estimate by a function of k / K that falls from 1
to 0. Sums over coordinates are integrals over u = k / K to leading order; every filter enters them
by two numbers, the integral of its square and that of its squared complement against the signal.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.proofs import expected, stationary_points
from synthetic_oversampling.theory.theorems.weights import sample_weights

__all__ = ["FILTER_FORMULAS"]

_u, _w = sp.symbols("u w", positive=True)
_beta, _order = nt.smoothness, nt.order
_power = 2 * _beta + 1
_p = sp.Symbol("p", positive=True)


# --- the noise and the bias of a design ---------------------------------------------------------
def _prove_level(rhs):
    """Squared weights of all samples of unit variance."""
    level, extra = sample_weights(nt.G)
    return rhs - nt.G * (level**2 * nt.n_max + extra**2 * nt.N)


def _prove_generator_bias(rhs):
    """Mean of the weighted average of real and synthetic samples, two groups written out."""
    sizes = sp.symbols("n_1:3", positive=True)
    shifts = sp.symbols("d_1:3", real=True)
    level, extra = sample_weights(sp.Integer(2))
    mean = sum(
        (level * (nt.n_max - size) + extra * nt.N) * shift
        for size, shift in zip(sizes, shifts, strict=True)
    )
    shares = [1 - (1 - nt.alpha) * size / nt.n_max for size in sizes]
    return instantiate(rhs, {nt.share: shares, nt.coordinate_shift: list(shifts)}, 2) - mean


# --- any filter ---------------------------------------------------------------------------------
_risk = nt.filter_noise * nt.noise_level * nt.scale + (
    nt.filter_bias * nt.amplitude**2 * nt.scale ** (-2 * _beta)
)


def _prove_filter_risk(rhs):
    """Sums over k as integrals, for a filter that is a power up to its scale, at two powers."""
    k = sp.Symbol("k", positive=True)
    for beta in (sp.Rational(1, 2), sp.Integer(1)):
        weight = 1 - (k / nt.scale) ** (2 * beta)
        signal = nt.amplitude**2 * k ** (-(2 * beta + 1))
        noise = sp.integrate(sp.expand(weight**2), (k, 0, nt.scale))
        inside = sp.integrate(sp.expand((1 - weight) ** 2 * signal), (k, 0, nt.scale))
        outside = sp.integrate(signal, (k, nt.scale, sp.oo))
        values = {nt.filter_noise: _pinsker_noise, nt.filter_bias: _pinsker_bias}
        given = rhs.subs(values).subs(_order, 2 * _beta).subs(_beta, beta)
        yield given - nt.noise_level * noise - inside - outside


def _in_power(expression: sp.Expr) -> sp.Expr:
    """Exponents in p = 2 beta + 1 (or 2 s + 1), so that powers of powers combine by themselves."""
    values = {_beta: (_p - 1) / 2, _order: (_p - 1) / 2}
    return expression.replace(sp.Pow, lambda base, power: base ** power.subs(values))


def _back(expression: sp.Expr, exponent: sp.Expr = _power) -> sp.Expr:
    """Powers combined, and p again what it stands for."""
    split = sp.powsimp(sp.expand_power_base(expression, force=True), force=True)
    return sp.cancel(split.subs(_p, exponent))


def _slope(total: sp.Expr, scale: sp.Expr) -> sp.Expr:
    """Slope in the scale, at a scale."""
    slope = sp.powsimp(sp.expand(sp.diff(_in_power(total), nt.scale)))
    return _back(slope.subs(nt.scale, _in_power(scale)))


def _relative(found: sp.Expr, given: sp.Expr, exponent: sp.Expr = _power) -> sp.Expr:
    """``found / given - 1``."""
    return _back(_in_power(found) / _in_power(given), exponent) - 1


_best_scale = (
    2 * _beta * nt.filter_bias * nt.amplitude**2 / (nt.filter_noise * nt.noise_level)
) ** (1 / _power)


def _prove_filter_scale(rhs):
    return _slope(_risk, rhs)


def _prove_filter_best_risk(rhs):
    """At the scale where the slope vanishes, the noise is twice beta times the bias."""
    noise = nt.filter_noise * nt.noise_level * _best_scale
    bias = nt.filter_bias * nt.amplitude**2 * _in_power(_best_scale) ** (1 - _p)
    yield _relative(noise, 2 * _beta * bias)
    yield _relative(noise * (1 + 1 / (2 * _beta)), rhs)
    yield _slope(_risk, _best_scale)


def _prove_saturated_exponent(rhs):
    """Where v K balances K^{-2 q}, the bias of a filter past its qualification."""
    q = nt.qualification
    in_v = sp.Symbol("in_v", real=True)  # K = v^{in_v}
    (power,) = sp.solve(sp.Eq(1 + in_v, -2 * q * in_v), in_v)
    yield rhs - sp.cancel(1 + power)
    total = nt.noise_level * nt.scale + nt.scale ** (-2 * _beta)
    yield _slope(total, (2 * _beta / nt.noise_level) ** (1 / _power))


# --- Tikhonov -----------------------------------------------------------------------------------
def _over_filter(body: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> sp.Expr:
    """Integral over u of a function of u and of Tikhonov's filter, with w = u^{2 s}."""
    at = _w ** (1 / (2 * _order))
    integrand = body(at, 1 / (1 + _w)) * sp.diff(at, _w)
    return sp.integrate(sp.powsimp(sp.simplify(integrand)), (_w, 0, sp.oo), conds="none")


def _prove_tikhonov_noise(rhs):
    return sp.gammasimp(rhs - _over_filter(lambda u, weight: weight**2))


def _prove_tikhonov_bias(rhs):
    found = _over_filter(lambda u, weight: (1 - weight) ** 2 * u ** (-_power))
    return sp.gammasimp(rhs - found)


_tikhonov_noise = sp.gamma(1 / (2 * _order)) * sp.gamma(2 - 1 / (2 * _order)) / (2 * _order)
_tikhonov_bias = sp.gamma(_beta / _order) * sp.gamma(2 - _beta / _order) / (2 * _order)


# --- Pinsker ------------------------------------------------------------------------------------
_pinsker_noise = 2 * _order**2 / ((_order + 1) * (2 * _order + 1))
_pinsker_bias = _order / (2 * _beta * (_order - _beta))


def _prove_pinsker_noise(rhs):
    return rhs - sp.integrate(sp.expand((1 - _u**_order) ** 2), (_u, 0, 1), conds="none")


def _prove_pinsker_bias(rhs):
    """The part below the scale, for an order above the smoothness, and the part beyond it."""
    excess = sp.Symbol("excess", positive=True)
    inside = sp.integrate(_u ** (2 * excess - 1), (_u, 0, 1))
    beyond = sp.integrate(_u ** (-_power), (_u, 1, sp.oo), conds="none")
    return rhs - inside.subs(excess, _order - _beta) - beyond


_pinsker_scale = (nt.radius * (_order + 1) * (2 * _order + 1) / (_order * nt.noise_level)) ** (
    1 / (2 * _order + 1)
)


def _constraint(scale: sp.Expr) -> sp.Expr:
    """Size of the least favourable signal of weights (1 - (k/K)^b)_+, over the radius, minus 1."""
    signal = _u**_order * (1 - _u**_order)  # times v K^{2 b}, at k = K u
    total = sp.integrate(sp.expand(signal), (_u, 0, 1), conds="none")
    size = nt.noise_level * _in_power(nt.scale ** (2 * _order + 1)) * total / nt.radius
    return _back(size.subs(nt.scale, _in_power(scale)), 2 * _order + 1) - 1


def _prove_pinsker_scale(rhs):
    return _constraint(rhs)


def _prove_pinsker_minimax(rhs):
    """Noise times the sum of the weights at the scale that spends the radius."""
    total = sp.integrate(1 - _u**_order, (_u, 0, 1), conds="none")
    yield _relative(nt.noise_level * _pinsker_scale * total, rhs, 2 * _order + 1)
    yield _constraint(_pinsker_scale)


# --- S3: a smoothed generator -------------------------------------------------------------------
_passed = 1 - nt.alpha + nt.alpha * nt.generator_weight


def _prove_smoothed_risk(rhs):
    """Real seeds, and synthetic samples around their smoothed mean; two groups written out."""
    groups = 2
    moments, estimate = {}, sp.Integer(0)
    for g in range(groups):
        seed, drawn = (sp.Symbol(f"{name}_{g}", real=True) for name in ("seed", "drawn"))
        moments |= {(seed,): sp.Integer(0), (drawn,): sp.Integer(0)}
        moments |= {(seed, seed): 1 / nt.seeds, (drawn, drawn): 1 / nt.N}
        mean = nt.signal + seed
        synthetic = nt.generator_weight * mean + drawn
        estimate += ((1 - nt.alpha) * mean + nt.alpha * synthetic) / groups
    error = expected((nt.filter_weight * estimate - nt.signal) ** 2, moments)
    return rhs.subs(nt.G, groups) - error


def _prove_linear_share(rhs):
    """Integral of the least risk of each coordinate, v theta^2 / (v + theta^2), over the risk of
    the best cut-off."""
    weight = sp.Symbol("weight", real=True)
    risk = weight**2 * nt.noise_level + (1 - weight) ** 2 * nt.signal**2
    (best,) = stationary_points(risk, weight)
    least = nt.noise_level * nt.signal**2 / (nt.noise_level + nt.signal**2)
    yield sp.cancel(risk.subs(weight, best) - least)
    at = _w ** (1 / _p)  # theta^2 = v u^{-p} at k = K u, in units of v K; w = u^p
    integrand = sp.powsimp(sp.diff(at, _w)) / (1 + _w)
    found = sp.integrate(integrand, (_w, 0, sp.oo), conds="none")
    cutoff_risk = 1 + 1 / (_p - 1)
    yield rhs.subs(_beta, (_p - 1) / 2) - found / cutoff_risk


def _prove_smooth_crossover(rhs):
    """Size at which the fresh noise K / (G N) is what the seeds leave, at their best cut-off."""
    level = 1 / (nt.G * nt.seeds)
    left = (1 + 1 / (2 * _beta)) * nt.cutoff * level
    return rhs - sp.solve(nt.cutoff / (nt.G * nt.N) - left, nt.N)[0]


# the formulas of S2 and S3 for linear filters
FILTER_FORMULAS = (
    Formula(
        id="S2.level",
        claim="Noise level of one coordinate at any weight: sizes enter by n_max and N alone",
        lhs=nt.noise_level,
        rhs=((1 - nt.alpha) ** 2 / nt.n_max + nt.alpha**2 / nt.N) / nt.G,
        kind="exact",
        residual=_prove_level,
    ),
    Formula(
        id="S2.generator_bias",
        claim="Bias of one coordinate: the generators' biases with their synthetic weights",
        lhs=nt.coordinate_bias,
        rhs=sp.Sum(nt.share[nt.g] * nt.coordinate_shift[nt.g], (nt.g, 1, nt.G)) / nt.G,
        kind="exact",
        residual=_prove_generator_bias,
    ),
    Formula(
        id="S2.filter_risk",
        claim="Squared error of a filter of scale K, without generator bias",
        lhs=r"\mathbb{E}\|\hat\theta - \theta\|^2",
        rhs=_risk,
        kind="asymptotic",
        residual=_prove_filter_risk,
    ),
    Formula(
        id="S2.filter_scale",
        claim="Best scale of a filter, without generator bias",
        lhs=nt.scale,
        rhs=_best_scale,
        kind="asymptotic",
        residual=_prove_filter_scale,
    ),
    Formula(
        id="S2.filter_best_risk",
        claim="Squared error of a filter at its best scale, without generator bias",
        lhs=r"\min_K \mathbb{E}\|\hat\theta - \theta\|^2",
        rhs=(1 + 1 / (2 * _beta))
        * (2 * _beta * nt.filter_bias * nt.amplitude**2) ** (1 / _power)
        * (nt.filter_noise * nt.noise_level) ** (2 * _beta / _power),
        kind="asymptotic",
        residual=_prove_filter_best_risk,
    ),
    Formula(
        id="S2.saturated_exponent",
        claim="Exponent of a filter whose qualification is below the smoothness",
        lhs=r"\gamma",
        rhs=2 * nt.qualification / (2 * nt.qualification + 1),
        kind="rate",
        residual=_prove_saturated_exponent,
    ),
    Formula(
        id="S2.tikhonov_noise",
        claim="Integral of the squared filter 1/(1 + u^{2s})",
        lhs=nt.filter_noise,
        rhs=_tikhonov_noise,
        kind="exact",
        residual=_prove_tikhonov_noise,
    ),
    Formula(
        id="S2.tikhonov_bias",
        claim="Bias integral of the filter 1/(1 + u^{2s}), for smoothness below 2s",
        lhs=nt.filter_bias,
        rhs=_tikhonov_bias,
        kind="exact",
        residual=_prove_tikhonov_bias,
    ),
    Formula(
        id="S2.pinsker_noise",
        claim="Integral of the squared filter (1 - u^b)_+",
        lhs=nt.filter_noise,
        rhs=_pinsker_noise,
        kind="exact",
        residual=_prove_pinsker_noise,
    ),
    Formula(
        id="S2.pinsker_bias",
        claim="Bias integral of the filter (1 - u^b)_+, for smoothness below b",
        lhs=nt.filter_bias,
        rhs=_pinsker_bias,
        kind="exact",
        residual=_prove_pinsker_bias,
    ),
    Formula(
        id="S2.pinsker_scale",
        claim="Scale of the linear minimax weights over an ellipsoid of order b and radius Q",
        lhs=nt.scale,
        rhs=_pinsker_scale,
        kind="asymptotic",
        residual=_prove_pinsker_scale,
    ),
    Formula(
        id="S2.pinsker_minimax",
        claim="Linear minimax risk over an ellipsoid of order b and radius Q (Pinsker)",
        lhs=r"r_{\mathrm{lin}}(Q, v)",
        rhs=(nt.radius * (2 * _order + 1)) ** (1 / (2 * _order + 1))
        * (nt.noise_level * _order / (_order + 1)) ** (2 * _order / (2 * _order + 1)),
        kind="asymptotic",
        residual=_prove_pinsker_minimax,
    ),
    Formula(
        id="S3.smoothed_risk",
        claim="Squared error of one coordinate, with a generator that smooths n seeds per group",
        lhs=r"\mathbb{E}(\hat\theta_k - \theta_k)^2",
        rhs=nt.filter_weight**2 * (_passed**2 / (nt.G * nt.seeds) + nt.alpha**2 / (nt.G * nt.N))
        + (1 - nt.filter_weight * _passed) ** 2 * nt.signal**2,
        kind="exact",
        residual=_prove_smoothed_risk,
    ),
    Formula(
        id="S3.linear_share",
        claim="Least squared error of any linear use of the seeds, as a share of the best "
        "cut-off's",
        lhs=r"\sum_k \min_{\lambda_k} \mathbb{E}(\hat\theta_k - \theta_k)^2 / "
        r"\min_K \mathbb{E}\|\hat\theta - \theta\|^2",
        rhs=sp.gamma(1 + 1 / _power) * sp.gamma(2 - 1 / _power),
        kind="asymptotic",
        residual=_prove_linear_share,
    ),
    Formula(
        id="S3.smooth_crossover",
        claim="Size at which a generator that keeps its seeds' best cut-off has twice its floor",
        lhs="N_c(n)",
        rhs=nt.seeds * 2 * _beta / _power,
        kind="asymptotic",
        residual=_prove_smooth_crossover,
    ),
)
