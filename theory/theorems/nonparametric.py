"""Formulas of S2: nonparametric rates in the Gaussian sequence model of a mixture.

Two classes N(+-theta, I) in infinite dimension, theta_k^2 = amplitude^2 k^{-(2 smoothness + 1)}.
The direction is estimated coordinate by coordinate from weighted real and synthetic samples.
"""

from __future__ import annotations

import functools

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.formula.lowering import Phi
from synthetic_oversampling.theory.formula.proofs import expected, stationary_points
from synthetic_oversampling.theory.theorems.weights import sample_weights

__all__ = ["NONPARAMETRIC_FORMULAS"]

_y = sp.Symbol("y", real=True)
_power = 2 * nt.smoothness + 1


def _level(weight: sp.Expr) -> sp.Expr:
    """Variance of one coordinate: unit-variance samples, weighted as in a design."""
    level, extra = (w.subs(nt.alpha, weight) for w in sample_weights(nt.G))
    return nt.G * (level**2 * nt.n_max + extra**2 * nt.N)


def _prove_best_level(rhs):
    (weight,) = stationary_points(_level(nt.alpha), nt.alpha)
    return rhs - _level(weight)


def _prove_coordinate_risk(rhs):
    noise = sp.Symbol("noise", real=True)
    moments = {(noise,): sp.Integer(0), (noise, noise): nt.noise_level}
    estimate = nt.filter_weight * (nt.signal + nt.coordinate_bias + noise)
    return rhs - expected((estimate - nt.signal) ** 2, moments)


@functools.cache
def _tail() -> sp.Expr:
    """Sum of the squared coordinates beyond the cut-off, to leading order an integral."""
    k = sp.Symbol("k", positive=True)
    power = nt.amplitude**2 * k ** (-(2 * nt.smoothness + 1))
    return sp.integrate(power, (k, nt.cutoff, sp.oo), conds="none")


def _cutoff_zero(rhs: sp.Expr) -> sp.Expr:
    slope = sp.diff(nt.cutoff * nt.noise_level + _tail(), nt.cutoff)
    return sp.powdenest(sp.simplify(slope.subs(nt.cutoff, rhs)), force=True)


def _prove_best_cutoff(rhs):
    """The derivative of noise plus tail vanishes there."""
    return _cutoff_zero(rhs)


def _prove_best_risk(rhs):
    cutoff = (nt.amplitude**2 / nt.noise_level) ** (1 / (2 * nt.smoothness + 1))
    scale = {nt.amplitude: sp.exp(sp.Symbol("x", real=True)), nt.noise_level: sp.exp(_y)}
    value = (nt.cutoff * nt.noise_level + _tail()).subs(nt.cutoff, cutoff)
    yield ((value - rhs) / value).subs(scale)
    yield _cutoff_zero(cutoff)


def _prove_exponent(rhs):
    """Elasticity of the best risk in the noise level, which is 1 / (G (n_max + N))."""
    cutoff = (nt.amplitude**2 / nt.noise_level) ** (1 / (2 * nt.smoothness + 1))
    value = (nt.cutoff * nt.noise_level + _tail()).subs(nt.cutoff, cutoff)
    yield rhs - sp.simplify(nt.noise_level * sp.diff(value, nt.noise_level) / value)
    level = 1 / (nt.G * (nt.n_max + nt.N))
    yield sp.limit(sp.cancel(nt.N * sp.diff(level, nt.N) / level), nt.N, sp.oo) + 1


def _prove_classification(rhs):
    """First-order term of the exact error Phi(-Delta cos angle) in the squared leakage."""
    cosine = nt.Delta / sp.sqrt(nt.Delta**2 + nt.leakage)
    slope = sp.diff(Phi(-nt.Delta * cosine), nt.leakage).subs(nt.leakage, 0)
    return rhs - slope * nt.leakage


# the formulas of S2 at the best cut-off
NONPARAMETRIC_FORMULAS = (
    Formula(
        id="S2.best_level",
        claim="Noise level of one coordinate at the best weight of an unbiased generator",
        lhs="v",
        rhs=1 / (nt.G * (nt.n_max + nt.N)),
        kind="exact",
        residual=_prove_best_level,
    ),
    Formula(
        id="S2.coordinate_risk",
        claim="Squared error of one coordinate under any linear filter",
        lhs=r"\mathbb{E}(\hat\theta_k - \theta_k)^2",
        rhs=nt.filter_weight**2 * nt.noise_level
        + (nt.filter_weight * nt.coordinate_bias - (1 - nt.filter_weight) * nt.signal) ** 2,
        kind="exact",
        residual=_prove_coordinate_risk,
    ),
    Formula(
        id="S2.best_cutoff",
        claim="Best number of coordinates to keep, without generator bias",
        lhs=nt.cutoff,
        rhs=(nt.amplitude**2 / nt.noise_level) ** (1 / _power),
        kind="asymptotic",
        residual=_prove_best_cutoff,
    ),
    Formula(
        id="S2.best_risk",
        claim="Squared error at the best cut-off, without generator bias",
        lhs=r"\mathbb{E}\|\hat\theta - \theta\|^2",
        rhs=(1 + 1 / (2 * nt.smoothness))
        * nt.amplitude ** (2 / _power)
        * nt.noise_level ** (2 * nt.smoothness / _power),
        kind="asymptotic",
        residual=_prove_best_risk,
    ),
    Formula(
        id="S2.exponent",
        claim="Exponent of the decay in the synthetic size",
        lhs=r"\gamma",
        rhs=2 * nt.smoothness / _power,
        kind="rate",
        residual=_prove_exponent,
    ),
    Formula(
        id="S2.classification",
        claim="Excess error of a linear rule for N(+-theta, I), to leading order",
        lhs=r"\mathrm{err}(\hat\theta) - \mathrm{err}(\theta)",
        rhs=sp.exp(-(nt.Delta**2) / 2) / sp.sqrt(2 * sp.pi) / (2 * nt.Delta) * nt.leakage,
        kind="asymptotic",
        residual=_prove_classification,
    ),
)
