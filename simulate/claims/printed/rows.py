"""Printed formulas of theorems B and R in numbers, beside what is computed without them.

See `simulate.claims.printed.checks`, which turns the rows into checks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial

import jax.numpy as jnp
import numpy as np
import scipy
from scipy.special import ndtr

from synthetic_oversampling.simulate.claims.printed.settings import (
    APART,
    COV,
    DESIGN,
    GROUPS,
    PAIR,
    PAIR_SIZES,
    POINT,
    SCALED,
    SHIFT,
    Row,
    balanced,
    common,
    drawn_squares,
    laws,
    moments,
    number,
    prediction,
    printed_value,
    raw_pair,
    sample_weights,
    score_covs,
    target_hessian,
)
from synthetic_oversampling.theory.generators.table import (
    Mislabelled,
    Oracle,
    Shifted,
    Smote,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.prediction import benefit, bias
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["BIAS_ROWS", "RISK_ROWS"]


def _of_design(what: str) -> Row:
    values = common() | {"n_g": DESIGN.sizes[0], "rho_g": DESIGN.sizes[0] / DESIGN.n_max}
    parts = sample_weights(0)
    seen = {
        "ratio": len(parts["real"]) / (len(parts["real"]) + len(parts["over"])),
        "oversampling": len(parts["over"]),
        "real_weight": GROUPS * parts["real"].sum(),
        "synthetic_weight": GROUPS * (parts["over"].sum() + parts["aug"].sum()),
        "augmentation_mass": parts["aug"].sum(),
        "real_noise": (parts["real"] ** 2).sum(),
    }
    return Row([values], float(seen[what]))


def _expected_risk() -> Row:
    generator = Shifted(SHIFT)
    share = 1 - (1 - DESIGN.weight) * np.asarray(DESIGN.sizes) / DESIGN.n_max
    real, drawn = zip(
        *([moments(POINT, law).risk for law in pair] for pair in laws(generator)), strict=True
    )
    values = {"G": GROUPS, "share": share, "risk_real": real, "risk_syn": drawn}
    seen = bias.expected_empirical_risk(jnp.asarray(POINT), APART, DESIGN, generator)
    return Row([values], float(seen))


def _smote_shrinkage() -> Row:
    law = population_law(Smote(), 0, PAIR, PAIR_SIZES)
    moved = law.means - PAIR[0].mean
    spread = law.weights @ (law.covs[:, 0, 1] + moved[:, 0] * moved[:, 1])
    return Row([{}], float(spread / COV[0, 1]))


def _mislabelled() -> Row:
    law = population_law(Mislabelled(0.15), 0, PAIR, PAIR_SIZES)
    margin = float(PAIR[0].sign * (POINT[0] + PAIR[0].mean[0] @ POINT[1:]))
    seen = moments(POINT, law).risk - moments(POINT, PAIR[0].law).risk
    return Row([{"flip_rate": 0.15, "margin": margin}], seen)


def _displacement() -> Row:
    predicted = prediction("scaled")
    values = {"A_star": target_hessian(SCALED, predicted.theta_star), "b": predicted.bias_gradient}
    return Row([values], number(predicted.displacement_linear))


def _bayes_log_odds() -> Row:
    x, inverse = np.array([0.7, -1.3]), np.linalg.inv(COV)
    high, low = (part.mean[0] for part in PAIR)
    values = {"q_x1": x @ inverse @ high, "q_x0": x @ inverse @ low}
    values |= {"q_11": high @ inverse @ high, "q_00": low @ inverse @ low}
    return Row([values], float(np.asarray(raw_pair().theta_star) @ np.append(1.0, x)))


def _raw(what: str) -> Row:
    gap = PAIR[0].mean[0] - PAIR[1].mean[0]
    values = {"Delta": math.sqrt(gap @ np.linalg.solve(COV, gap))}
    values |= {"n_1": PAIR_SIZES[0], "n_0": PAIR_SIZES[1]}
    errors = raw_pair().group_error.bias
    seen = {
        "excess": raw_pair().excess.bias,
        "balanced_error": np.mean(errors),
        "worst_error": np.max(errors),
    }
    return Row([values], float(seen[what]))


def _spurious_weight() -> Row:
    core, spur, var_core, var_spur, sizes = 0.8, 1.1, 1.3, 0.6, (380, 120, 120, 380)
    four = [
        GaussianGroup([y * core, s * spur], np.diag([var_core, var_spur]), (y + 1) // 2)
        for y in (-1, 1)
        for s in (-1, 1)
    ]
    values = {"mean_core": core, "mean_spur": spur, "var_core": var_core, "var_spur": var_spur}
    found = bias.predict_bias(four, Design.raw(sizes), Oracle(), SQUARED)
    return Row([values | {"aligned": 0.76}], float(found.theta_alpha[2]))


def _gradient_cov() -> Row:
    predicted = prediction("shifted")
    covs = score_covs(Shifted(SHIFT), predicted.theta_star)
    values = [
        common() | {"rho_g": n / DESIGN.n_max, "cov_real": real, "cov_syn": drawn}
        for n, (real, drawn) in zip(DESIGN.sizes, covs, strict=True)
    ]
    return Row(values, number(predicted.gradient_cov_star))


def _local_excess() -> Row:
    predicted = prediction("scaled")
    values = {
        "H": predicted.hessian,
        "b": predicted.bias_gradient,
        "V": predicted.gradient_cov_star,
    }
    values["A_star"] = target_hessian(SCALED, predicted.theta_star)
    return Row([values], float(predicted.local_bias + predicted.local_variance))


def _estimation() -> Row:
    predicted = prediction("shifted")
    at = balanced(predicted.theta_alpha, APART)
    values = {
        "H": at.hessian,
        "A_target": predicted.curvature,
        "V": predicted.gradient_cov,
        "slope": at.slope,
        "mean_shift": predicted.estimator_bias,
    }
    return Row([values], float(predicted.excess.variance + predicted.excess.cox_snell))


_STEP = 1e-3
_STENCIL = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))  # fourth order


@lru_cache(maxsize=1)
def _around() -> list[list[tuple[float, np.ndarray, np.ndarray]]]:
    """``V`` and the target's Hessian next to the pseudo-true point, along every axis."""

    def at(theta) -> tuple[np.ndarray, np.ndarray]:
        noise, hessian = np.zeros((3, 3)), np.zeros((3, 3))
        for g, pair in enumerate(laws(Shifted(SHIFT))):
            parts = sample_weights(g)
            for law, names in zip(pair, (("real",), ("over", "aug")), strict=True):
                weights, moment = (
                    np.concatenate([parts[name] for name in names]),
                    moments(theta, law),
                )
                noise = noise + (weights**2).sum() * moment.cov
                hessian = hessian + weights.sum() * moment.hessian
        return noise, hessian

    point = np.asarray(prediction("shifted").theta_alpha)
    return [
        [(weight / _STEP, *at(point + step * _STEP * axis)) for step, weight in _STENCIL]
        for axis in np.eye(3)
    ]


def _cox_snell() -> Row:
    """The slope of the printed potential, by differences, in the printed bias."""
    predicted = prediction("shifted")
    point = {"A_target": predicted.curvature, "V": predicted.gradient_cov}
    slope = [
        sum(
            weight * printed_value("R1.cox_snell_potential", [point | {"V_at": v, "H_at": h}])
            for weight, v, h in line
        )
        for line in _around()
    ]
    return Row(
        [point | {"potential_slope": np.array(slope)}], number(predicted.estimator_bias), 1e-6
    )


def _seed_cov() -> Row:
    """A plug-in with known covariance: its influence is that of the mean, found by differences."""
    predicted, total = prediction("plugin"), []
    covs = score_covs(Oracle(), predicted.theta_star)
    for g, group in enumerate(APART):
        columns = []
        for axis in range(2):
            move = np.zeros(2)
            slope = np.zeros(3)
            for step, weight in _STENCIL:
                move[axis] = step * _STEP
                moved = GaussianGroup(group.mean[0] + move, group.cov[0], group.label)
                slope = slope + weight / _STEP * moments(predicted.theta_star, moved.law).slope
            columns.append(slope)
        pull = np.stack(columns, axis=1)
        influence = pull @ group.cov[0] @ pull.T  # Stein: also its covariance with the score
        a = (1 - DESIGN.weight) * DESIGN.sizes[g] / DESIGN.n_max
        total.append(
            {
                "G": GROUPS,
                "n_g": DESIGN.sizes[g],
                "a_g": a,
                "c_g": 1 - a,
                "cov_real": covs[g][0],
                "cov_cross": influence,
                "cov_seed": influence,
            }
        )
    drawn = sum(drawn_squares(g) * covs[g][1] for g in range(GROUPS))
    return Row(total, number(predicted.gradient_cov_star - drawn))


def _duplicate() -> Row:
    predicted = prediction("duplicate")
    covs = [real for real, _ in score_covs(Oracle(), predicted.theta_star)]
    values = [
        {"G": GROUPS, "n_g": n, "cov_real": c} for n, c in zip(DESIGN.sizes, covs, strict=True)
    ]
    drawn = sum(drawn_squares(g) * covs[g] for g in range(GROUPS))
    return Row(values, number(predicted.gradient_cov_star - drawn))


def _excess_of_shift() -> Row:
    predicted = prediction("shifted")
    size = float(np.linalg.norm(predicted.bias_gradient))
    unit = predicted.bias_gradient / size
    values = {"bias_size": size, "noise_syn": predicted.local_variance}
    move = np.linalg.solve(target_hessian(Shifted(SHIFT), predicted.theta_star), unit)
    values["bias_curvature"] = move @ predicted.hessian @ move
    return Row([values], float(predicted.local_bias + predicted.local_variance))


def _break_even_bias() -> Row:
    """In units of the shift's length, at sizes where the break-even shift is small."""
    factor = 400
    design = Design(tuple(factor * n for n in DESIGN.sizes), factor * DESIGN.augmentation, 0.35)
    length = 1e-4
    near = predict(APART, design, Shifted((length, 0.0)))
    weighted = predict(APART, Design.class_weighted(design.sizes), Oracle())
    best = predict(APART, design, Oracle())
    values = {"noise_ref": float(weighted.total), "noise_syn": float(best.total)}
    values["bias_curvature"] = 2 * float(near.local_bias) / length**2
    edge = benefit.break_even_shift(APART, design, [1.0, 0.0])
    return Row([values], edge, 0.03)


def _break_even_seeds() -> Row:
    """Sizes in units of the design's; the local excess is a line in one over the size."""
    excess, reference = [], []
    for factor in (1, 4):
        sizes = tuple(factor * n for n in DESIGN.sizes)
        design = Design(sizes, factor * DESIGN.augmentation, DESIGN.weight)
        predicted = predict(APART, design, Shifted(SHIFT))
        weighted = predict(APART, Design.class_weighted(sizes), Oracle())
        excess.append(float(predicted.local_bias + predicted.local_variance))
        reference.append(float(weighted.local_variance))
    gain = [r - e for r, e in zip(reference, excess, strict=True)]  # noise / n - bias
    noise = (gain[0] - gain[1]) / (1 - 1 / 4)
    predicted = prediction("shifted")
    values = {"rate_ref": reference[0], "rate_syn": float(predicted.local_variance)}
    values["bias_quadratic"] = 2 * float(predicted.local_bias)
    return Row([values], noise / (noise - gain[0]))


def _break_even_ratio() -> Row:
    star, excess = np.asarray(raw_pair().theta_star), 1e-5
    least = balanced(star, PAIR).risk

    def harm(move: float) -> float:
        return balanced(star + move * np.eye(3)[0], PAIR).risk - least - excess

    values = {"excess_syn": excess, "curvature_intercept": float(raw_pair().hessian[0, 0])}
    ratio = math.exp(scipy.optimize.brentq(harm, 1e-4, 1.0, xtol=1e-12))
    return Row([values], ratio, 1e-3 * (ratio - 1))


def _gain_over_raw() -> Row:
    sizes = (3_500, 4_000)
    raw = predict(PAIR, Design.raw(sizes), Oracle())
    design = Design(sizes, 2_000, 0.4)
    values = {"curvature_intercept": float(raw.hessian[0, 0]), "imbalance": 8 / 7}
    values["noise_ref"] = float(raw.excess.variance + raw.excess.cox_snell)
    values["excess_syn"] = float(predict(PAIR, design, Shifted((0.02, 0.01))).total)
    return Row([values], benefit.gain(PAIR, design, Shifted((0.02, 0.01)), "raw"), 2e-3)


def _oracle_gain() -> Row:
    predicted = prediction("oracle")
    covs = [real for real, _ in score_covs(Oracle(), predicted.theta_star)]
    sizes = np.asarray(DESIGN.sizes, float)
    values = {"G": GROUPS, "size": sizes, "real_share": (1 - DESIGN.weight) * sizes / DESIGN.n_max}
    values["trace_score"] = np.array(
        [np.trace(np.linalg.solve(predicted.hessian, c)) for c in covs]
    )
    return Row([values], float(prediction("duplicate").local_variance - predicted.local_variance))


def _group_excess() -> Row:
    predicted = prediction("nearly")
    slope = moments(predicted.theta_star, APART[0].law).slope
    target = target_hessian(Shifted(tuple(1e-4 * s for s in SHIFT)), predicted.theta_star)
    values = {"slope": slope, "A_star": target, "b": predicted.bias_gradient}
    return Row([values], float(predicted.group_excess.bias[0]), 1e-3)


def _worst_pair() -> Row:
    """The second mean plus the integral of the probabilities that the difference is larger."""
    predicted = prediction("shifted")
    first = float(predicted.group_error.total[0])
    std = math.sqrt(float(np.array([1.0, -1.0]) @ predicted.error_cov @ [1.0, -1.0]))
    second = first - std / 2  # nearly tied
    larger, _ = scipy.integrate.quad(
        lambda t: ndtr((first - second - t) / std), 0.0, 12 * std, epsabs=1e-14, limit=400
    )
    return Row([{"mean_1": first, "mean_2": second, "std_gap": std}], second + larger)


# what is compared for a printed formula, by its id
BIAS_ROWS: dict[str, Callable[[], Row]] = {
    "B1.ratio": partial(_of_design, "ratio"),
    "B1.oversampling": partial(_of_design, "oversampling"),
    "B1.real_weight": partial(_of_design, "real_weight"),
    "B1.synthetic_weight": partial(_of_design, "synthetic_weight"),
    "B1.augmentation_mass": partial(_of_design, "augmentation_mass"),
    "B1.expected_risk": _expected_risk,
    "B2.smote_shrinkage": _smote_shrinkage,
    "B2.mislabelled": _mislabelled,
    "B3.displacement": _displacement,
    "B4.bayes_log_odds": _bayes_log_odds,
    "B4.balanced_error": partial(_raw, "balanced_error"),
    "B4.worst_error": partial(_raw, "worst_error"),
    "B4.excess": partial(_raw, "excess"),
    "B5.spurious_weight": _spurious_weight,
}
# what is compared for a printed formula, by its id
RISK_ROWS: dict[str, Callable[[], Row]] = {
    "R1.real_noise": partial(_of_design, "real_noise"),
    "R1.gradient_cov": _gradient_cov,
    "R1.excess": _local_excess,
    "R1.estimation": _estimation,
    "R1.cox_snell": _cox_snell,
    "R2.seed_cov": _seed_cov,
    "R2.duplicate": _duplicate,
    "R3.excess": _excess_of_shift,
    "R3.break_even_bias": _break_even_bias,
    "R3.break_even_seeds": _break_even_seeds,
    "R3.break_even_ratio": _break_even_ratio,
    "R3.gain_over_raw": _gain_over_raw,
    "R3.oracle_gain": _oracle_gain,
    "R5.worst_pair": _worst_pair,
    "R5.group_excess": _group_excess,
}
