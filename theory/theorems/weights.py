"""Formulas of the design: what weight and what noise every group's samples carry, and B1.

The proofs start from the empirical risk, written sample by sample,

    (1 - alpha)/(G n_max) sum_g [sum_{i <= n_g} real_g(i) + sum_{i <= m_g} over_g(i)]
        + alpha/(G N) sum_g sum_{i <= N} aug_g(i),

and take its expectation and its variance. `theory.population.design.Design` computes its numbers
from here.
"""

from __future__ import annotations

import functools

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.proofs import coefficients_of_variance

__all__ = ["DESIGN_FORMULAS"]

_i = sp.Symbol("i", integer=True, positive=True)


def _sizes(groups: int) -> list[sp.Symbol]:
    return [sp.Symbol(f"n_{k + 1}", integer=True, positive=True) for k in range(groups)]


def _losses(groups: int):
    """Loss of sample ``i``: real, oversampled, augmented, for each group."""
    names = ("real", "over", "aug")
    return [[sp.Function(f"{name}_{k + 1}")(_i) for name in names] for k in range(groups)]


def _means(groups: int):
    """Population risks of each group under its real and its synthetic law."""
    real = [sp.Symbol(f"R_{k + 1}", real=True) for k in range(groups)]
    return real, [sp.Symbol(f"Rtilde_{k + 1}", real=True) for k in range(groups)]


@functools.cache
def _expected_empirical_risk(groups: int) -> sp.Expr:
    """Expectation of the definition: every sample's loss replaced by its law's risk, and summed."""
    sizes, losses = _sizes(groups), _losses(groups)
    real_risk, syn_risk = _means(groups)
    total = sp.Integer(0)
    for size, (real, over, aug) in zip(sizes, losses, strict=True):
        level = sp.Sum(real, (_i, 1, size)) + sp.Sum(over, (_i, 1, nt.n_max - size))
        total += (1 - nt.alpha) / (groups * nt.n_max) * level
        total += nt.alpha / (groups * nt.N) * sp.Sum(aug, (_i, 1, nt.N))
    laws: dict[sp.Basic, sp.Basic] = {}
    for k, (real, over, aug) in enumerate(losses):
        laws |= {real: real_risk[k], over: syn_risk[k], aug: syn_risk[k]}
    return sp.expand(total.subs(laws).doit())


def _prove_expected_risk(rhs):
    for groups in (2, 3):
        sizes = _sizes(groups)
        real, syn = _means(groups)
        shares = [1 - (1 - nt.alpha) * size / nt.n_max for size in sizes]
        arrays = {nt.share: shares, nt.risk_real: real, nt.risk_syn: syn}
        yield instantiate(rhs, arrays, groups) - _expected_empirical_risk(groups)


def _coefficient(symbol: sp.Symbol) -> sp.Expr:
    """Coefficient of the first group's risk in the expected empirical risk of two groups."""
    return _expected_empirical_risk(2).coeff(symbol)


def _of_first_group(rhs: sp.Expr) -> sp.Expr:
    size = _sizes(2)[0]
    return rhs.subs({nt.rho_g: size / nt.n_max, nt.n_g: size, nt.G: 2})


def _prove_real_mass(rhs):
    return _of_first_group(rhs) - _coefficient(_means(2)[0][0])


def _prove_real_weight(rhs):
    return _of_first_group(rhs) - 2 * _coefficient(_means(2)[0][0])


def _prove_synthetic_weight(rhs):
    return _of_first_group(rhs) - 2 * _coefficient(_means(2)[1][0])


def _prove_oversampling_mass(rhs):
    return _of_first_group(rhs) - _coefficient(_means(2)[1][0]).subs(nt.alpha, 0) * (1 - nt.alpha)


def _prove_augmentation_mass(rhs):
    return _of_first_group(rhs) - _coefficient(_means(2)[1][0]).subs(nt.alpha, 1) * nt.alpha


def _prove_oversampling(rhs):
    levelled = sp.Symbol("levelled", positive=True)
    (added,) = sp.solve(nt.n_g + levelled - nt.n_max, levelled)
    return rhs - added


def _prove_ratio(rhs):
    """The share of real samples in the levelled group."""
    added = nt.n_max - nt.n_g
    return rhs - nt.n_g / (nt.n_g + added)


def _prove_raw_mass(rhs):
    """Every one of the n_tot losses has the weight 1 / n_tot."""
    loss = sp.Symbol("loss", real=True)
    return rhs - sp.Sum(loss / nt.n_tot, (_i, 1, nt.n_g)).doit().coeff(loss)


def sample_weights(groups: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Weight of one sample in the empirical risk: real or oversampled, and augmented."""
    return (1 - nt.alpha) / (groups * nt.n_max), nt.alpha / (groups * nt.N)


def _squares(weight: sp.Expr, number: sp.Expr) -> sp.Expr:
    return sp.Sum(weight**2, (_i, 1, number)).doit()


def _prove_real_noise(rhs):
    level, _ = sample_weights(nt.G)
    return rhs.subs(nt.rho_g, nt.n_g / nt.n_max) - _squares(level, nt.n_g)


def _prove_synthetic_noise(rhs):
    """Sum of squared weights for any sizes, and the variance by enumeration for small ones."""
    level, extra = sample_weights(nt.G)
    squares = _squares(level, nt.n_max - nt.n_g) + _squares(extra, nt.N)
    yield rhs.subs(nt.rho_g, nt.n_g / nt.n_max) - squares
    var = sp.Symbol("var", positive=True)
    sizes = {nt.n_max: 4, nt.N: 2, nt.G: 2}
    parts = [(level.subs(sizes), var, 3), (extra.subs(sizes), var, 2)]
    yield rhs.subs({**sizes, nt.rho_g: sp.Rational(1, 4)}) * var - coefficients_of_variance(parts)


_alpha, _rho = nt.alpha, nt.rho_g
_risk = nt.risk_real[nt.g]
_groups = (nt.g, 1, nt.G)

# the formulas of B1, and of the masses and the noise of a design
DESIGN_FORMULAS = (
    Formula(
        id="B1.ratio",
        claim="Size of a group relative to the largest one",
        lhs=nt.rho_g,
        rhs=nt.n_g / nt.n_max,
        kind="definition",
        residual=_prove_ratio,
    ),
    Formula(
        id="B1.oversampling",
        claim="Synthetic samples that level a group with the largest one",
        lhs=nt.m_g,
        rhs=nt.n_max - nt.n_g,
        kind="definition",
        residual=_prove_oversampling,
    ),
    Formula(
        id="B1.real_weight",
        claim="G times the weight of a group's real losses",
        lhs=nt.a_g,
        rhs=(1 - _alpha) * _rho,
        kind="exact",
        residual=_prove_real_weight,
    ),
    Formula(
        id="B1.synthetic_weight",
        claim="G times the weight of a group's synthetic losses",
        lhs=nt.c_g,
        rhs=1 - (1 - _alpha) * _rho,
        kind="exact",
        residual=_prove_synthetic_weight,
    ),
    Formula(
        id="B1.real_mass",
        claim="Weight of a group's real losses in the empirical risk",
        lhs=nt.real_mass,
        rhs=(1 - _alpha) * _rho / nt.G,
        kind="exact",
        residual=_prove_real_mass,
    ),
    Formula(
        id="B1.oversampling_mass",
        claim="Weight of a group's oversampled losses in the empirical risk",
        lhs=nt.oversampling_mass,
        rhs=(1 - _alpha) * (1 - _rho) / nt.G,
        kind="exact",
        residual=_prove_oversampling_mass,
    ),
    Formula(
        id="B1.augmentation_mass",
        claim="Weight of a group's augmented losses in the empirical risk",
        lhs=nt.augmentation_mass,
        rhs=_alpha / nt.G,
        kind="exact",
        residual=_prove_augmentation_mass,
    ),
    Formula(
        id="B1.expected_risk",
        claim="The expected empirical risk is the balanced risk plus the weighted generator biases",
        lhs=r"\mathbb{E}\,\hat{R}",
        rhs=sp.Sum(_risk, _groups) / nt.G
        + sp.Sum(nt.share[nt.g] * (nt.risk_syn[nt.g] - _risk), _groups) / nt.G,
        kind="exact",
        residual=_prove_expected_risk,
    ),
    Formula(
        id="B4.raw_mass",
        claim="Weight of a group in raw ERM",
        lhs=nt.raw_mass,
        rhs=nt.n_g / nt.n_tot,
        kind="exact",
        residual=_prove_raw_mass,
    ),
    Formula(
        id="R1.real_noise",
        claim="Sum of the squared weights of a group's real samples",
        lhs=nt.real_noise,
        rhs=(1 - _alpha) ** 2 * _rho / (nt.G**2 * nt.n_max),
        kind="exact",
        residual=_prove_real_noise,
    ),
    Formula(
        id="R1.synthetic_noise",
        claim="Sum of the squared weights of a group's synthetic samples",
        lhs=nt.synthetic_noise,
        rhs=(1 - _alpha) ** 2 * (1 - _rho) / (nt.G**2 * nt.n_max) + _alpha**2 / (nt.G**2 * nt.N),
        kind="exact",
        residual=_prove_synthetic_noise,
    ),
)
