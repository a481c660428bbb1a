"""Wrong versions of printed formulas that no prediction is computed from (`claims.printed`)."""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.simulate.claims.printed.checks import check_id
from synthetic_oversampling.simulate.mutants.mutation import Mutant, formula
from synthetic_oversampling.theory.formula import notation as nt

__all__ = ["PRINTED_MUTANTS"]


def _swapped(left: sp.Basic, right: sp.Basic):
    return lambda rhs: rhs.xreplace({left: right, right: left})


def _put(old: sp.Basic, new: sp.Basic):
    return lambda rhs: rhs.xreplace({old: new})


def _times(factor):
    return lambda rhs: factor * rhs


_WRONG = {
    "B1.ratio": ("n_max/n_g", lambda rhs: 1 / rhs),
    "B1.oversampling": ("n_g - n_max for n_max - n_g", _times(-1)),
    "B1.real_weight": ("alpha rho_g for (1 - alpha) rho_g", _put(1 - nt.alpha, nt.alpha)),
    "B1.synthetic_weight": ("1 + (1 - alpha) rho_g", lambda rhs: 2 - rhs),
    "B1.augmentation_mass": ("alpha without 1/G", _times(nt.G)),
    "B1.expected_risk": ("R_g and its synthetic risk exchanged",
                         _swapped(nt.risk_real[nt.g], nt.risk_syn[nt.g])),
    "B2.smote_shrinkage": ("1/2 for 2/3: midpoints of seeds", _times(sp.Rational(3, 4))),
    "B2.mislabelled": ("(1 - epsilon) for epsilon", _put(nt.flip_rate, 1 - nt.flip_rate)),
    "B3.displacement": ("+ A^{-1} b for - A^{-1} b", _times(-1)),
    "B4.bayes_log_odds": ("the means' norms left out", _put(nt.q_11, nt.q_00)),
    "B4.balanced_error": ("the error without imbalance", _put(nt.n_1, nt.n_0)),
    "B4.worst_error": ("the better class's error", lambda rhs: rhs.replace(
        sp.Abs, lambda inner: -sp.Abs(inner))),
    "B4.excess": ("twice the log ratio", _put(nt.n_0, nt.n_0**2 / nt.n_1)),
    "B5.spurious_weight": ("misaligned for aligned samples", _put(nt.aligned, 1 - nt.aligned)),
    "R1.real_noise": ("1/G for 1/G^2", _times(nt.G)),
    "R1.gradient_cov": ("real and synthetic covariances exchanged",
                        _swapped(nt.cov_real, nt.cov_syn)),
    "R1.excess": ("twice the excess: the factor 1/2 left out", _times(2)),
    "R1.estimation": ("the Hessians of the target and of the risk exchanged",
                      _swapped(nt.H, nt.A_)),
    "R1.cox_snell": ("the bias not halved", _times(2)),
    "R2.seed_cov": ("the score's covariance with the influence left out",
                    lambda rhs: rhs.xreplace({nt.cov_cross: 0 * nt.cov_real}).doit()),
    "R2.duplicate": ("1/G for 1/G^2", _times(nt.G)),
    "R3.excess": ("the bias to the first power", lambda rhs: rhs.xreplace(
        {nt.bias_size**2: nt.bias_size})),
    "R3.break_even_bias": ("the factor 2 left out", _times(1 / sp.sqrt(2))),
    "R3.break_even_seeds": ("the factor 2 left out", _times(sp.Rational(1, 2))),
    "R3.break_even_ratio": ("the factor 2 left out",
                            _put(nt.excess_syn, nt.excess_syn / 2)),
    "R3.gain_over_raw": ("raw's own noise left out", _put(nt.noise_ref, sp.Integer(0))),
    "R3.oracle_gain": ("1 - a_g for 1 - a_g^2", lambda rhs: rhs.xreplace(
        {nt.real_share[nt.g] ** 2: nt.real_share[nt.g]})),
    "R5.group_excess": ("the group's risk falls where it rises", _times(-1)),
    "R5.worst_pair": ("the larger mean alone: the spread's term left out",
                      lambda rhs: rhs.args and sum(
                          term for term in rhs.args if not term.has(sp.exp))),
    "R6.local_bound": ("lambda_min(A) for its square", lambda rhs: rhs.xreplace(
        {nt.lambda_target**-2: 1 / nt.lambda_target})),
    "R6.population_bound": ("the bound not halved", _times(2)),
    "R6.trace_bound": ("one parameter too few: features for parameters", _put(nt.p, nt.p - 1)),
    "R6.usual_rate": ("log n left out", lambda rhs: rhs.subs(sp.log(nt.n_tot), 1)),
    "R7.distance": ("a lower bound of the distance for the upper one",
                    lambda rhs: rhs.subs(nt.reach, -nt.reach)),
    "R7.shortest": ("an upper bound of the distance for the lower one",
                    lambda rhs: rhs.subs(nt.reach, -nt.reach)),
    "R7.gap": ("nu for nu^2", lambda rhs: rhs / nt.decrement),
    "R7.published": ("4 for 16: the distance for its square", _times(sp.Rational(1, 4))),
    "S1.global": ("the limit left out", _put(nt.limit_excess, sp.Integer(0))),
    "S1.global_slope": ("1/N for 1/N^2", _times(nt.N)),
    "S1.global_price_size": ("half the price", _put(nt.price, nt.price / 2)),
    "S1.global_break_even": ("what is left without end not taken off",
                             _put(nt.limit_excess, sp.Integer(0))),
    "S1.small_noise": ("alpha S/2 for alpha^2 S/2", _times(1 / nt.alpha)),
    "S1.gap": ("S^2 for S: of the order of one over the squared size", _times(nt.S)),
    "S1.harmful_weight": ("the best weight itself", _times(sp.Rational(1, 2))),
    "S1.break_even_size": ("C counted once", _put(nt.C, nt.C / 2)),
    "S1.best_size": ("half the price", _put(nt.price, nt.price / 2)),
    "S2.best_level": ("n_max alone", _put(nt.N, sp.Integer(0))),
    "S2.best_cutoff": ("exponent 1/(2 beta + 2)", _put(nt.smoothness, nt.smoothness + sp.S.Half)),
    "S2.best_risk": ("the bias's share left out",
                     _times(1 / (1 + 1 / (2 * nt.smoothness)))),
    "S2.filter_risk": ("K^(-beta) for K^(-2 beta) in the bias", lambda rhs: rhs.xreplace(
        {nt.scale ** (-2 * nt.smoothness): nt.scale**-nt.smoothness})),
    "S2.tikhonov_noise": ("the filter's integral, not its square's",
                          _times(2 * nt.order / (2 * nt.order - 1))),
    "S2.tikhonov_bias": ("half of it", _times(sp.Rational(1, 2))),
    "S2.pinsker_noise": ("the filter's integral, not its square's",
                         _times((2 * nt.order + 1) / (2 * nt.order))),
    "S2.pinsker_bias": ("the part below the scale alone",
                        lambda rhs: rhs - 1 / (2 * nt.smoothness)),
    "S2.pinsker_scale": ("the order's powers not divided out", _times(nt.order + 1)),
    "S3.floor": ("1/n^2 for 1/n", _times(1 / nt.seeds)),
    "S3.crossover": ("n^0 for n", _times(1 / nt.seeds)),
    "T4.excess_bound": ("1/G for 1/G^2", _times(nt.G)),
    "M1.auroc": ("the variance of one label for both", _put(nt.score_var_0, nt.score_var_1)),
    "M2.auroc": ("Delta for Delta / sqrt 2", _put(nt.Delta, sp.sqrt(2) * nt.Delta)),
    "M2.best_error": ("the whole distance for half of it", _put(nt.Delta, 2 * nt.Delta)),
    "M3.expected": ("the noise not halved", lambda rhs: (
        2 * rhs - nt.metric - sp.Trace(nt.slope.T * nt.mean_shift))),
    "M3.break_even": ("the first design's loss left out", _put(nt.loss_1, sp.Integer(0))),
}  # fmt: skip


# a wrong form of every formula that is printed
PRINTED_MUTANTS = tuple(
    Mutant(
        name=f"printed-{name.replace('.', '-').replace('_', '-').lower()}",
        theorems=(name.split(".")[0],),
        change=f"{name} as printed: {change}",
        checks=(check_id(name),),
        changes=(formula(name, wrong),),
    )
    for name, (change, wrong) in _WRONG.items()
) + (
    Mutant(
        name="printed-cox-snell-potential",
        theorems=("R1",),
        change="R1.cox_snell_potential as printed: the Hessian's own change left out",
        checks=(check_id("R1.cox_snell"),),
        changes=(formula("R1.cox_snell_potential", lambda rhs: rhs.args[0]),),
    ),
)
