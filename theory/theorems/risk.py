"""Formulas of theorem R: the covariance of the gradient, the excess risk, and the benefit.

The proofs use scores as random symbols with given first and second moments, in one or two
parameters: every statement is a quadratic form, so a generic two-by-two case with unrelated
symbols in every entry is already the general algebra.
"""

from __future__ import annotations

import functools

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.lowering import Phi, gaussian_mean
from synthetic_oversampling.theory.formula.proofs import (
    coefficients_of_variance,
    expected,
    generic_matrix,
    second_order_bias,
    symmetric,
)
from synthetic_oversampling.theory.theorems.weights import sample_weights

__all__ = ["RISK_FORMULAS", "WORST_GROUP_FORMULAS"]

_half = sp.Rational(1, 2)


def _along(matrix: sp.MatrixBase, direction: sp.MatrixBase) -> sp.Expr:
    return (direction.T * matrix * direction)[0, 0]


# --- R1: fixed generator ----------------------------------------------------------------------
def _prove_gradient_cov(rhs):
    """Variance of u's summed over every sample of one group, in a generic direction u."""
    real, syn = symmetric("S", 2), symmetric("T", 2)
    direction = generic_matrix("u", 2, 1)
    explicit = instantiate(rhs, {nt.cov_real: real, nt.cov_syn: syn}, 2)
    for size, largest, extra in ((1, 3, 2), (2, 3, 1)):
        sizes = {nt.n_max: largest, nt.N: extra, nt.G: 2}
        level, more = (w.subs(sizes) for w in sample_weights(nt.G))
        parts = [
            (level, _along(real, direction), size),
            (level, _along(syn, direction), largest - size),
            (more, _along(syn, direction), extra),
        ]
        design = {**sizes, nt.rho_g: sp.Rational(size, largest)}
        yield sp.expand(_along(explicit, direction).subs(design)) - coefficients_of_variance(parts)


def _random_vector(name: str, mean: sp.MatrixBase, cov: sp.MatrixBase):
    """Two random symbols and their first and second moments."""
    vector = generic_matrix(name, 2, 1)
    moments: dict[tuple[sp.Symbol, ...], sp.Expr] = {(vector[i],): mean[i] for i in range(2)}
    for i in range(2):
        for j in range(i, 2):
            moments[(vector[i], vector[j])] = cov[i, j] + mean[i] * mean[j]
    return vector, moments


def _prove_excess(rhs):
    """Quadratic risk at -A^{-1} ghat, with E ghat = b and Cov ghat = V."""
    hessian, cov, bias = symmetric("H", 2), symmetric("V", 2), generic_matrix("b", 2, 1)
    target = symmetric("A", 2)
    gradient, moments = _random_vector("g", bias, cov)
    inverse = symmetric("K", 2)
    risk = expected(_along(hessian, -inverse * gradient) / 2, moments)
    values = {nt.H: hessian, nt.A_star: target, nt.V: cov, nt.b: bias}
    return instantiate(rhs, values, 2) - risk.subs(_entries(inverse, target.inv()))


def _entries(symbols: sp.MatrixBase, values: sp.MatrixBase) -> dict[sp.Symbol, sp.Expr]:
    return dict(zip(symbols, values, strict=True))


def _prove_estimation(rhs):
    """Second-order expansion of a risk at theta_alpha, its slope there being not zero."""
    target, cov, hessian = symmetric("A", 2), symmetric("V", 2), symmetric("H", 2)
    slope, mean = generic_matrix("r", 2, 1), generic_matrix("m", 2, 1)
    gradient, moments = _random_vector("g", sp.zeros(2, 1), cov)
    inverse = symmetric("K", 2)
    risk = expected(_along(hessian, -inverse * gradient) / 2, moments) + (slope.T * mean)[0, 0]
    risk = risk.subs(_entries(inverse, target.inv()))
    values = {nt.A_: target, nt.V: cov, nt.H: hessian, nt.slope: slope, nt.mean_shift: mean}
    return instantiate(rhs, values, 2) - risk


def _cox_snell_residual(potential: sp.Basic, bias: sp.Basic):
    """Against the estimating equation solved to second order, for one and two parameters."""
    for size in (1, 2):
        generic = second_order_bias(size)
        at = {nt.A_: generic.target, nt.V: generic.cov}
        around = {nt.V_at: generic.cov_at, nt.H_at: generic.hessian_at}
        field = instantiate(potential, at | around, size)
        slope = sp.Matrix([sp.diff(field, t).subs(generic.origin) for t in generic.theta])
        explicit = instantiate(bias, at | {nt.potential_slope: slope}, size)
        yield explicit - generic.mean
    yield from _textbook(potential, bias)


def _textbook(potential: sp.Basic, bias: sp.Basic):
    """Three estimators whose bias is known: exponential rate, Bernoulli logit, log variance."""
    t, n, rate = (sp.Symbol(s, positive=True) for s in ("t", "n", "rate"))
    logit = 1 / (1 + sp.exp(-t))
    spread = sp.exp(2 * (rate - t)) / (2 * n)  # var of (1 - e^{-t} mean x^2) / 2, x ~ N(0, e^rate)
    order = sp.Symbol("order", positive=True)
    log_chi = sp.series(sp.digamma(1 / order) + sp.log(order), order, 0, 2).removeO()
    cases = (
        (1 / t**2, 1 / (n * rate**2), rate, (n * rate / (n - 1) - rate).series(n, sp.oo, 2)),
        (logit * (1 - logit), (logit * (1 - logit)).subs(t, rate) / n, rate, _logit_bias(rate, n)),
        (sp.exp(rate - t) / 2, spread, rate, log_chi.subs(order, 2 / n)),  # E log(chi^2_n / n)
    )
    for hessian, var, point, known in cases:
        at = {nt.A_: hessian.subs(t, point), nt.V: var.subs(t, point)}
        around = {nt.V_at: var, nt.H_at: hessian}
        wrap = {symbol: sp.Matrix([[value]]) for symbol, value in (at | around).items()}
        slope = sp.diff(instantiate(potential, wrap, 1), t).subs(t, point)
        value = instantiate(bias, wrap | {nt.potential_slope: sp.Matrix([[slope]])}, 1)[0]
        yield sp.simplify(value - sp.sympify(known).removeO())


@functools.cache
def _logit_bias(point: sp.Symbol, n: sp.Symbol) -> sp.Expr:
    """Half the second derivative of the logit at the mean, times the variance of the mean."""
    q = sp.Symbol("q", positive=True)
    bent = sp.diff(sp.log(q / (1 - q)), q, 2) * q * (1 - q) / (2 * n)
    return bent.subs(q, 1 / (1 + sp.exp(-point)))


# --- R2: generator fitted on the seeds --------------------------------------------------------
def _seed_moments(number: int):
    """Scores and influences of each seed along a direction, with their joint second moments."""
    score, cross, influence = (sp.Symbol(s, real=True) for s in ("var_s", "cov_sp", "var_p"))
    centre = sp.Symbol("mean_s", real=True)
    scores = sp.symbols(f"s_0:{number}", real=True)
    influences = sp.symbols(f"f_0:{number}", real=True)
    moments: dict[tuple[sp.Symbol, ...], sp.Expr] = {}
    for s, f in zip(scores, influences, strict=True):
        moments |= {(s,): centre, (f,): sp.Integer(0), (f, s): cross}
        moments |= {(s, s): score + centre**2, (f, f): influence}
    return scores, influences, moments, (score, cross, influence)


@functools.cache
def _seed_variance(number: int, groups: int) -> sp.Expr:
    scores, influences, moments, _ = _seed_moments(number)
    mean = sum(nt.a_g * s + nt.c_g * f for s, f in zip(scores, influences, strict=True))
    mean = mean / (groups * number)
    return expected(mean**2, moments) - expected(mean, moments) ** 2


def _prove_seed_cov(rhs):
    for number, groups in ((1, 2), (3, 2)):
        score, cross, influence = (sp.Matrix([[v]]) for v in _seed_moments(number)[3])
        values = {nt.cov_real: score, nt.cov_cross: cross, nt.cov_seed: influence}
        explicit = instantiate(rhs, values, 1)[0]
        explicit = explicit.subs({nt.n_g: number, nt.G: groups})
        yield sp.expand(explicit - _seed_variance(number, groups))


def _prove_duplicate_cov(rhs):
    """Seeds of a duplicating design: its conditional mean given the seeds weighs them equally."""
    for number in (1, 3):
        scores, _, moments, (score, *_) = _seed_moments(number)
        conditional = sum((nt.a_g + (1 - nt.a_g)) * s for s in scores) / (2 * number)
        variance = expected(conditional**2, moments) - expected(conditional, moments) ** 2
        explicit = instantiate(rhs, {nt.cov_real: sp.Matrix([[score]])}, 1)[0]
        yield sp.expand(explicit.subs({nt.n_g: number, nt.G: 2}) - variance)


# --- R4: Efron's efficiency -------------------------------------------------------------------
def _prove_efficiency(rhs):
    """Ratio of variances of a slope across the mean difference, one density at a time.

    Logistic regression: 1 / (n E sigma'(t)) with t = Delta x_1 and x_1 from the even mixture of
    N(+-Delta/2, 1). Linear discriminant: S^{-1} times the mean difference, linearised, with
    var(mean difference) = 4 / n and var(S_12) = E[x_1^2 x_2^2] / n = 1 / n.
    """
    density = sp.exp(-((nt.z - nt.Delta / 2) ** 2) / 2) / 2
    density = (density + density.subs(nt.Delta, -nt.Delta)) / sp.sqrt(2 * sp.pi)
    odds = sp.exp(nt.Delta * nt.z)
    information = density * odds / (1 + odds) ** 2
    t = sp.Symbol("t")
    e, f, d = symmetric("e", 2), generic_matrix("f", 2, 1), sp.Matrix([nt.Delta, 0])
    slope = ((sp.eye(2) + t * e).inv() * (d + t * f))[1]
    linear = sp.diff(slope, t).subs(t, 0)
    moments = {(symbol,): sp.Integer(0) for symbol in linear.free_symbols - {nt.Delta}}
    moments |= {(e[0, 1], e[0, 1]): sp.Integer(1), (f[1], f[1]): sp.Integer(4)}
    discriminant = expected(linear**2, moments)
    integrand = rhs.replace(sp.Integral, lambda function, *_: function)  # under one integral
    return (integrand - discriminant * information).rewrite(sp.exp)


# --- R5 ---------------------------------------------------------------------------------------
def _prove_group_excess(rhs):
    """First-order change of a group's risk along the displacement of a biased quadratic risk."""
    target, bias, slope = symmetric("A", 2), generic_matrix("b", 2, 1), generic_matrix("r", 2, 1)
    move = generic_matrix("d", 2, 1)
    objective = _along(target, move) / 2 + (bias.T * move)[0, 0]
    (point,) = sp.solve([sp.diff(objective, m) for m in move], list(move), dict=True)
    change = (slope.T * move)[0, 0].subs(point)
    return instantiate(rhs, {nt.A_star: target, nt.b: bias, nt.slope: slope}, 2) - change


_real, _syn = nt.cov_real, nt.cov_syn
_level = (1 - nt.alpha) ** 2 / nt.n_max
_inverse = nt.A_.I

# the formulas of R1, R2, R4 and R5
RISK_FORMULAS = (
    Formula(
        id="R1.gradient_cov",
        claim="Covariance of the empirical gradient: one group's share, generator fixed",
        lhs="V_g",
        rhs=(_level * (nt.rho_g * _real + (1 - nt.rho_g) * _syn) + nt.alpha**2 / nt.N * _syn)
        / nt.G**2,
        kind="exact",
        residual=_prove_gradient_cov,
    ),
    Formula(
        id="R1.excess",
        claim="Excess risk at a small bias: squared bias plus estimation noise",
        lhs=r"\mathbb{E}\,R_{\mathrm{bal}}(\hat\theta) - R_{\mathrm{bal}}(\theta^*)",
        rhs=_half * sp.Trace(nt.H * nt.A_star.I * nt.b * nt.b.T * nt.A_star.I)
        + _half * sp.Trace(nt.H * nt.A_star.I * nt.V * nt.A_star.I),
        kind="asymptotic",
        residual=_prove_excess,
    ),
    Formula(
        id="R1.estimation",
        claim="What estimation adds to any risk, whose Hessian at the pseudo-true point is H",
        lhs=r"\mathbb{E}\,R(\hat\theta) - R(\theta_\alpha)",
        rhs=_half * sp.Trace(nt.H * _inverse * nt.V * _inverse)
        + sp.Trace(nt.slope.T * nt.mean_shift),
        kind="asymptotic",
        residual=_prove_estimation,
    ),
    Formula(
        id="R1.cox_snell_potential",
        claim="Function of theta whose gradient gives the estimator's bias of order 1/n",
        lhs=nt.potential,
        rhs=sp.Trace(_inverse * nt.V_at) - sp.Trace(_inverse * nt.V * _inverse * nt.H_at),
        kind="definition",
        residual=lambda rhs: _cox_snell_residual(rhs, COX_SNELL),
    ),
    Formula(
        id="R1.cox_snell",
        claim="Bias of the estimator of order 1/n, for any loss and any weights",
        lhs=r"\mathbb{E}\,\hat\theta - \theta_\alpha",
        rhs=_half * _inverse * nt.potential_slope,
        kind="asymptotic",
        residual=lambda rhs: _cox_snell_residual(POTENTIAL, rhs),
    ),
    Formula(
        id="R2.seed_cov",
        claim="Covariance that the seeds of a group cause, through real losses and fitted "
        "generator",
        lhs="V^{\\mathrm{seed}}_g",
        rhs=(
            nt.a_g**2 * _real
            + nt.a_g * nt.c_g * (nt.cov_cross + nt.cov_cross.T)
            + nt.c_g**2 * nt.cov_seed
        )
        / (nt.G**2 * nt.n_g),
        kind="asymptotic",
        residual=_prove_seed_cov,
    ),
    Formula(
        id="R2.duplicate",
        claim="Duplication has the seed covariance of class weighting, whatever the weight",
        lhs="V^{\\mathrm{seed}}_g",
        rhs=_real / (nt.G**2 * nt.n_g),
        kind="exact",
        residual=_prove_duplicate_cov,
    ),
    Formula(
        id="R4.efficiency",
        claim="Asymptotic efficiency of logistic regression relative to linear discriminant "
        "analysis",
        lhs=r"\mathrm{ARE}(\Delta)",
        rhs=(1 + nt.Delta**2 / 4)
        * sp.exp(-(nt.Delta**2) / 8)
        * gaussian_mean(1 / sp.cosh(nt.Delta * nt.z / 2), nt.z),
        kind="exact",
        residual=_prove_efficiency,
    ),
    Formula(
        id="R5.group_excess",
        claim="Change of one group's risk to first order in the bias",
        lhs=r"R_g(\theta_\alpha) - R_g(\theta^*)",
        rhs=-sp.Trace(nt.slope.T * nt.A_star.I * nt.b),
        kind="asymptotic",
        residual=_prove_group_excess,
    ),
)
POTENTIAL: sp.Basic
COX_SNELL: sp.Basic
POTENTIAL, COX_SNELL = (
    next(f.rhs for f in RISK_FORMULAS if f.id == name)
    for name in ("R1.cox_snell_potential", "R1.cox_snell")
)


def _prove_worst_pair(rhs):
    """The smaller mean plus the integral of the positive part of a normal difference."""
    gap = nt.mean_1 - nt.mean_2
    density = sp.exp(-(nt.z**2) / 2) / sp.sqrt(2 * sp.pi)
    antiderivative = sp.integrate((gap + nt.std_gap * nt.z) * density, nt.z)
    upper = sp.limit(antiderivative, nt.z, sp.oo)
    part = sp.expand(upper - antiderivative.subs(nt.z, -gap / nt.std_gap))
    difference = sp.expand((rhs - nt.mean_2 - part).rewrite(sp.erf))
    return sp.expand(difference.replace(sp.erf, lambda a: sp.erf(sp.expand(a))))


_ratio = (nt.mean_1 - nt.mean_2) / nt.std_gap

# the formulas of the worst group (R5)
WORST_GROUP_FORMULAS = (
    Formula(
        id="R5.worst_pair",
        claim="Mean of the larger of two jointly normal errors (Clark 1961)",
        lhs=r"\mathbb{E}\max(e_1, e_2)",
        rhs=nt.mean_1 * Phi(_ratio)
        + nt.mean_2 * Phi(-_ratio)
        + nt.std_gap * sp.exp(-(_ratio**2) / 2) / sp.sqrt(2 * sp.pi),
        kind="asymptotic",
        residual=_prove_worst_pair,
    ),
)
