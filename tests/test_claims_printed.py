"""Printed formulas in numbers: each is what the functions compute, and one that is off fails."""

import numpy as np
import pytest
import sympy as sp

from synthetic_oversampling.simulate.checks.check import judge_exact
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.printed import settings as printed_settings
from synthetic_oversampling.simulate.claims.printed.checks import (
    PRINTED,
    RESTATED,
    check_id,
    printed_checks,
)
from synthetic_oversampling.simulate.mutants.mutation import formula
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    Oracle,
    Shifted,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.population.moments import margin_means, moments_from
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.theorems.table import FORMULAS


def _verdicts():
    return {check.id: judge_exact(check).verdict for check in planned(printed_checks("quick"))}


def test_every_printed_formula_is_what_is_computed():
    verdicts = _verdicts()
    assert len(verdicts) == len(PRINTED) and set(verdicts.values()) == {"pass"}


def test_rows_that_restate_their_formula_are_rows_and_say_so():
    sources = {check.id: check.source for check in printed_checks("quick")}
    assert RESTATED <= set(PRINTED)
    told = {name for name in PRINTED if sources[check_id(name)] == "restated algebra"}
    assert told == RESTATED and {"R1.excess", "R6.local_bound"} <= told


@pytest.mark.parametrize("name", PRINTED)
def test_a_printed_formula_off_by_a_twentieth_fails_its_check(name):
    _verdicts()  # what is computed is known before anything is put wrong
    with formula(name, lambda rhs: rhs * sp.Rational(21, 20))():
        wrong = [check for check, verdict in _verdicts().items() if verdict == "fail"]
    assert wrong == [check_id(name)]


def test_moments_by_the_trapezoidal_rule_are_those_of_the_closed_forms():
    law = population_law(Shifted((0.3, -0.1)), 1, printed_settings.APART, (9, 9))
    stacked = type(law)(*(part[None] for part in law))
    closed = moments_from(
        margin_means(printed_settings.POINT[None], stacked, LOGISTIC).at(0), stacked
    )
    for ours, theirs in zip(
        printed_settings.moments(printed_settings.POINT, law), closed, strict=True
    ):
        assert np.allclose(ours, theirs[0], rtol=1e-11, atol=1e-12)


def _bound(design, groups, covs):
    """R6's bound on the trace of V from the largest eigenvalue of every score covariance."""
    values = {"G": len(groups), "alpha": design.weight, "N": design.augmentation}
    values |= {"n_max": design.n_max, "p": len(covs[0])}
    largest = max(np.linalg.eigvalsh(np.asarray(cov))[-1] for cov in covs)
    return float(FORMULAS["R6.trace_bound"].numpy(**values, var_score=largest)), float(largest)


def _trace_and_bound(generator, design, groups):
    prediction = predict(groups, design, generator)
    laws = [group.law for group in groups]
    laws += [population_law(generator, g, groups, design.sizes) for g in range(len(groups))]
    covs = [printed_settings.moments(prediction.theta_star, law).cov for law in laws]
    return np.trace(prediction.gradient_cov_star), *_bound(design, groups, covs)


def test_the_trace_of_v_is_bounded_by_all_parameters_and_not_by_the_features_alone():
    """Two classes N(+-1.5, 1) at Bayes' rule, slope 3; their score covariances mirror."""
    z = np.linspace(-9.0, 9.0, 4001)
    mass = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    x = z - 1.5
    score = np.stack([np.ones_like(x), x], axis=1) / (1 + np.exp(-3 * x))[:, None]
    score = score - mass @ score
    cov = score.T @ (score * mass[:, None])
    design = Design((900, 90), 400, 0.3)
    squares = 2 * (900 * (0.7 / 1800) ** 2 + 400 * (0.3 / 800) ** 2)
    bound, _ = _bound(design, [None, None], [cov])
    assert 1.1 * bound / 2 < np.trace(cov) * squares <= bound


def test_a_generator_fitted_on_few_seeds_is_above_the_bound_of_a_fixed_one():
    design = Design((900, 90), 400, 0.3)
    fixed, fixed_bound, _ = _trace_and_bound(Oracle(), design, printed_settings.PAIR)
    fitted, fitted_bound, _ = _trace_and_bound(Duplicate(), design, printed_settings.PAIR)
    assert fixed <= fixed_bound and fitted > 1.5 * fitted_bound


def test_the_usual_rate_is_above_the_local_bound_and_that_above_theorem_r1():
    for weight, shift in ((0.0, 0.4), (0.4, 0.1), (1.0, 0.0)):
        design, groups = Design((900, 90), 400, weight), printed_settings.PAIR
        prediction = predict(groups, design, Shifted((shift, -shift)))
        _, _, largest = _trace_and_bound(Shifted((shift, -shift)), design, groups)
        square = float(prediction.bias_gradient @ prediction.bias_gradient)
        values = {"G": 2, "alpha": weight, "N": 400, "n_max": 900, "n_tot": 990, "p": 3}
        values |= {"square_bias": square, "lambda_max": np.linalg.eigvalsh(prediction.hessian)[-1]}
        values["lambda_target"] = np.linalg.eigvalsh(prediction.target_hessian_star)[0]
        rate = float(FORMULAS["R6.usual_rate"].numpy(**values, var_score=largest))
        local = float(prediction.local_bias + prediction.local_variance)
        assert local <= float(prediction.bound) * (1 + 1e-12) and float(prediction.bound) <= rate


def test_the_balanced_excess_of_raw_training_is_an_integral_in_any_dimension():
    for dim in (1, 4):
        direction = np.arange(1.0, dim + 1) / np.linalg.norm(np.arange(1.0, dim + 1))
        groups = [GaussianGroup(1.7 * y * direction, np.eye(dim), y) for y in (0, 1)]
        for sizes in ((2000, 200), (70, 900)):
            raw = predict(groups, Design.raw(sizes), Oracle())
            values = {"Delta": 1.7, "n_0": sizes[0], "n_1": sizes[1]}
            found = float(FORMULAS["B4.excess"].numpy(**values))
            assert np.isclose(found, float(raw.excess.bias), rtol=1e-10)
            values["n_0"] *= 1.01
            assert not np.isclose(float(FORMULAS["B4.excess"].numpy(**values)), found, rtol=1e-4)
