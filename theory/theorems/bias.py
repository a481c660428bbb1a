"""Formulas of theorem B: what synthetic samples and raw imbalance do to the target."""

from __future__ import annotations

import functools

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.lowering import Phi, gaussian_mean
from synthetic_oversampling.theory.formula.proofs import (
    expected,
    gaussian_log_density,
    generic_matrix,
    symmetric,
)

__all__ = ["BIAS_FORMULAS"]

_shift = sp.log(nt.n_1 / nt.n_0)


# --- B2: generators ---------------------------------------------------------------------------
def _prove_smote_shrinkage(rhs):
    """Covariance of (1 - u) x + u x' for independent x, x' with one law and uniform u."""
    u = sp.Symbol("u", positive=True)
    x, y, mean, var = sp.symbols("x y mean var", real=True)
    moments = {(x,): mean, (y,): mean, (x, x): mean**2 + var, (y, y): mean**2 + var}
    mixed = (1 - u) * x + u * y
    given = [sp.integrate(expected(mixed**k, moments), (u, 0, 1)) for k in (1, 2)]
    return rhs * var - (given[1] - given[0] ** 2)


def _prove_mislabelled(rhs):
    """The logistic loss of a flipped label minus that of the label is the margin itself."""
    u = sp.Symbol("u", positive=True)
    flipped, kept = sp.log(1 + sp.exp(u)), sp.log(1 + sp.exp(-u))
    change = sp.logcombine(flipped - kept, force=True)  # log of a ratio of positive numbers
    pointwise = sp.log(sp.simplify(sp.exp(change)))
    return rhs - nt.flip_rate * sp.expand_log(pointwise, force=True).subs(u, nt.margin)


# --- B3: displacement -------------------------------------------------------------------------
def _prove_displacement(rhs):
    """First-order zero of grad (R_bal + B) with grad B = t b at theta*.

    Whatever the higher derivatives are, and whether or not the Hessian of B is small.
    """
    size, t = 2, sp.Symbol("t")
    hessian, slope, other = symmetric("H", size), generic_matrix("b", size, 1), symmetric("B", size)
    first = generic_matrix("d", size, 1)
    move = t * first
    cubic = sp.Matrix([sp.Symbol(f"T_{i}") * move[0] * move[1] for i in range(size)])
    stationary = hessian * move + cubic + t * slope + other * move
    equations = [sp.diff(entry, t).subs(t, 0) for entry in stationary]
    (solution,) = sp.solve(equations, list(first), dict=True)
    explicit = instantiate(rhs, {nt.A_star: hessian + other, nt.b: slope}, size)
    return [explicit[i] - solution[first[i]] for i in range(size)]


# --- B4: prior shift --------------------------------------------------------------------------
@functools.cache
def _pair(dim: int):
    """Two Gaussians with one generic covariance (d = 2) or variance (d = 1)."""
    x, high, low = (generic_matrix(name, dim, 1) for name in ("x", "mu", "nu"))
    root = generic_matrix("L", dim, dim).applyfunc(lambda e: sp.Symbol(e.name, positive=True))
    return x, high, low, root * root.T + sp.eye(dim)


@functools.cache
def _bilinear(dim: int) -> dict:
    x, high, low, cov = _pair(dim)
    inverse = cov.inv()

    def product(left, right):
        return (left.T * inverse * right)[0, 0]

    return {
        nt.q_x1: product(x, high),
        nt.q_x0: product(x, low),
        nt.q_11: product(high, high),
        nt.q_00: product(low, low),
    }


@functools.cache
def _log_ratio(dim: int) -> sp.Expr:
    x, high, low, cov = _pair(dim)
    return gaussian_log_density(x, high, cov) - gaussian_log_density(x, low, cov)


def _prove_bayes_log_odds(rhs):
    """From the densities in d = 1 and 2, and by bilinearity alone in any dimension."""
    for dim in (1, 2):
        yield rhs.subs(_bilinear(dim)) - _log_ratio(dim)
    square = sp.Symbol("q_xx", real=True)  # <x - m, x - m> expands by symmetry and linearity
    to_high = square - 2 * nt.q_x1 + nt.q_11
    to_low = square - 2 * nt.q_x0 + nt.q_00
    yield rhs - (to_low - to_high) / 2


def _prove_raw_shift(rhs):
    """The raw risk is stationary at every x: its expected slope given x vanishes."""
    for dim in (1, 2):
        likelihood = sp.Symbol(f"ratio_{dim}", positive=True)  # p_1(x) / p_0(x) > 0
        odds = likelihood * sp.exp(rhs)  # exp of the shifted Bayes score
        pull = nt.n_1 * likelihood * (odds / (1 + odds) - 1) + nt.n_0 * odds / (1 + odds)
        yield sp.simplify(pull)
        x, high, low, cov = _pair(dim)
        joint = [
            sp.log(n) + gaussian_log_density(x, m, cov) for n, m in ((nt.n_1, high), (nt.n_0, low))
        ]
        bayes = BAYES_LOG_ODDS.subs(_bilinear(dim))
        yield sp.expand_log(joint[0] - joint[1] - bayes - rhs)


@functools.cache
def _score_law(label: int):
    """Mean and variance of the shifted Bayes score in a class, in terms of the distance."""
    cov = symmetric("c", 2)
    gap, middle = generic_matrix("gap", 2, 1), generic_matrix("middle", 2, 1)
    slope = cov.inv() * gap
    high, low = middle + gap / 2, middle - gap / 2
    intercept = -((high.T * cov.inv() * high)[0, 0] - (low.T * cov.inv() * low)[0, 0]) / 2
    distance = (gap.T * cov.inv() * gap)[0, 0]
    mean = (slope.T * (high if label else low))[0, 0] + intercept
    ratio = sp.cancel(sp.together(mean / distance))
    spread = sp.cancel(sp.together((slope.T * cov * slope)[0, 0] / distance))
    return ratio * nt.Delta**2 + _shift, spread * nt.Delta**2


@functools.cache
def _error(label: int) -> sp.Expr:
    """Probability of the wrong sign, by integrating the score's density."""
    mean, var = _score_law(label)
    t, centre = sp.Symbol("t", real=True), sp.Symbol("centre", real=True)
    spread = sp.Symbol("spread", positive=True)
    density = sp.exp(-((t - centre) ** 2) / (2 * spread)) / sp.sqrt(2 * sp.pi * spread)
    ends = (t, -sp.oo, 0) if label else (t, 0, sp.oo)
    return sp.integrate(density, ends).subs({centre: mean, spread: var})


def _in_erf(expression: sp.Expr) -> sp.Expr:
    return sp.expand(expression.rewrite(sp.erf).replace(sp.erfc, lambda a: 1 - sp.erf(a)))


def _same(rhs: sp.Expr, derived: sp.Expr) -> sp.Expr:
    """Difference of two expressions in the normal distribution function and in erf."""
    difference = _in_erf(rhs) - _in_erf(derived)
    return sp.expand(difference.replace(sp.erf, lambda a: sp.erf(sp.expand(a))))


def _prove_error_1(rhs):
    return _same(rhs, _error(1))


def _prove_error_0(rhs):
    return _same(rhs, _error(0))


def _prove_balanced_error(rhs):
    return _same(rhs, (_error(0) + _error(1)) / 2)


def _prove_worst_error(rhs):
    """Phi increases, so the larger of the two errors has the larger argument."""
    size = sp.Symbol("size", positive=True)
    for sign, label in ((1, 0), (-1, 1)):  # n_1 > n_0: class 0 is the worse one, and conversely
        ratio = {nt.n_1: nt.n_0 * sp.exp(sign * size)}
        chosen = sp.expand_log(rhs.subs(ratio), force=True)
        yield _same(sp.simplify(chosen), sp.simplify(sp.expand_log(_error(label).subs(ratio))))


def _prove_excess(rhs):
    """Mean loss of the shifted Bayes score's margin in both classes, minus that without a shift.

    Under one integral: the margin of class 0 is taken at -z, which has the law of z.
    """
    z, excess = nt.z, sp.Integer(0)
    for label, sign in ((1, 1), (0, -1)):
        mean, var = _score_law(label)
        for centre, weight in ((mean, 1), (mean - _shift, -1)):
            margin = sp.expand(sign * centre + sp.sqrt(var) * z)
            excess += weight * sp.log(1 + sp.exp(-margin)) / 2
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    integrand = rhs.replace(sp.Integral, lambda function, *_: function)
    return [sp.expand(sp.expand_power_exp(integrand - sp.expand(excess * density)))]


# --- B5: spurious correlation -----------------------------------------------------------------
def _prove_spurious_weight(rhs):
    """Normal equations of least squares on y = +-1, with moments summed over the four groups."""
    core, spur = nt.mean_core, nt.mean_spur
    masses = {
        (y, s): (nt.aligned if y == s else 1 - nt.aligned) / 2 for y in (1, -1) for s in (1, -1)
    }

    def mean(function):
        return sum(mass * function(y, s) for (y, s), mass in masses.items())

    features = (lambda y, s: 1, lambda y, s: y * core, lambda y, s: s * spur)
    within = sp.diag(0, nt.var_core, nt.var_spur)
    gram = within + sp.Matrix(
        3, 3, lambda i, j: mean(lambda y, s: features[i](y, s) * features[j](y, s))
    )
    target = sp.Matrix([mean(lambda y, s, f=f: y * f(y, s)) for f in features])
    return rhs - gram.LUsolve(target)[2]


BAYES_LOG_ODDS = nt.q_x1 - nt.q_x0 - (nt.q_11 - nt.q_00) / 2
_side = _shift / nt.Delta
_correlation = 2 * nt.aligned - 1
_margin = nt.Delta**2 / 2 + nt.Delta * nt.z
_moments = (nt.var_core + nt.mean_core**2) * (nt.var_spur + nt.mean_spur**2)

# the formulas of B2 to B5
BIAS_FORMULAS = (
    Formula(
        id="B2.smote_shrinkage",
        claim="SMOTE with all seeds as neighbours draws with two thirds of the covariance",
        lhs=r"\operatorname{Cov}\tilde{x} / \operatorname{Cov} x",
        rhs=sp.Rational(2, 3),
        kind="exact",
        residual=_prove_smote_shrinkage,
    ),
    Formula(
        id="B2.mislabelled",
        claim="Flipping labels at a rate biases the logistic risk by the rate times the mean "
        "margin",
        lhs="B_g",
        rhs=nt.flip_rate * nt.margin,
        kind="exact",
        residual=_prove_mislabelled,
    ),
    Formula(
        id="B3.displacement",
        claim="A small bias moves the minimiser by the target's inverse Hessian times its gradient",
        lhs=r"\theta_\alpha - \theta^*",
        rhs=-nt.A_star.I * nt.b,
        kind="asymptotic",
        residual=_prove_displacement,
    ),
    Formula(
        id="B4.bayes_log_odds",
        claim="Two Gaussians with one covariance have linear log-odds in any dimension",
        lhs=r"t^*(x)",
        rhs=BAYES_LOG_ODDS,
        kind="exact",
        residual=_prove_bayes_log_odds,
    ),
    Formula(
        id="B4.shift",
        claim="Raw ERM moves the intercept by the log of the size ratio, and nothing else",
        lhs=nt.shift,
        rhs=_shift,
        kind="exact",
        residual=_prove_raw_shift,
    ),
    Formula(
        id="B4.error_1",
        claim="Error of raw ERM's target in class 1",
        lhs=r"\mathrm{err}_1",
        rhs=Phi(-nt.Delta / 2 - _side),
        kind="exact",
        residual=_prove_error_1,
    ),
    Formula(
        id="B4.error_0",
        claim="Error of raw ERM's target in class 0",
        lhs=r"\mathrm{err}_0",
        rhs=Phi(-nt.Delta / 2 + _side),
        kind="exact",
        residual=_prove_error_0,
    ),
    Formula(
        id="B4.balanced_error",
        claim="Balanced error of raw ERM's target",
        lhs=r"\mathrm{err}_{\mathrm{bal}}",
        rhs=(Phi(-nt.Delta / 2 - _side) + Phi(-nt.Delta / 2 + _side)) / 2,
        kind="exact",
        residual=_prove_balanced_error,
    ),
    Formula(
        id="B4.worst_error",
        claim="Worst-class error of raw ERM's target",
        lhs=r"\mathrm{err}_{\mathrm{worst}}",
        rhs=Phi(-nt.Delta / 2 + sp.Abs(_shift) / nt.Delta),
        kind="exact",
        residual=_prove_worst_error,
    ),
    Formula(
        id="B4.excess",
        claim="Balanced excess risk of raw ERM's target, whatever the dimension",
        lhs=r"R_{\mathrm{bal}}(\theta^* + s e_b) - R_{\mathrm{bal}}(\theta^*)",
        rhs=gaussian_mean(
            sp.log(1 + nt.n_0 / nt.n_1 * sp.exp(-_margin)) / 2
            + sp.log(1 + nt.n_1 / nt.n_0 * sp.exp(-_margin)) / 2
            - sp.log(1 + sp.exp(-_margin)),
            nt.z,
        ),
        kind="exact",
        residual=_prove_excess,
    ),
    Formula(
        id="B5.spurious_weight",
        claim="Raw least squares' weight on a spurious feature, labels even; 0 exactly when half "
        "align",
        lhs="w_s",
        rhs=nt.mean_spur
        * _correlation
        * nt.var_core
        / (_moments - (nt.mean_core * nt.mean_spur * _correlation) ** 2),
        kind="exact",
        residual=_prove_spurious_weight,
    ),
)
