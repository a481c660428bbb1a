"""The checks of the sequence model pass, and each rejects the wrong formulas it is there for."""

import dataclasses

import numpy as np
import pytest
import sympy as sp

from synthetic_oversampling.simulate.checks.check import judge, judge_exact, make_plan
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.nonparametric import nonparametric_checks
from synthetic_oversampling.simulate.experiments.sequences import DESIGN, RANGE, functions_of
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.observing import observe
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify.suites import simulation
from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.scaling.sequence_model import design_bias, design_level
from synthetic_oversampling.theory.theorems.table import FORMULAS


@pytest.fixture(scope="module")
def simulated():
    """The suite's plan and its experiments at their planned sizes."""
    checks = planned(nonparametric_checks("quick"))
    plan = make_plan(checks)
    names = dict.fromkeys(name for check in checks for name in check.experiments)
    results = {
        name: monte_carlo.run(
            simulation(name).functions,
            key=verify.experiment_key(5, name.split("/")[0]),
            replicates=plan.for_experiment(checks, name),
            block=simulation(name).block,
        )
        for name in names
    }
    return plan, results


def _verdicts(simulated) -> dict[str, str]:
    plan, results = simulated
    return {
        check.id: (
            judge(check, observe(check, results), plan.z)
            if check.experiments
            else judge_exact(check)
        ).verdict
        for check in planned(nonparametric_checks("quick"))
    }


def test_every_check_passes(simulated):
    verdicts = _verdicts(simulated)
    assert len(verdicts) > 90
    wrong = {name: verdict for name, verdict in verdicts.items() if verdict != "pass"}
    assert not wrong


_TENTH = sp.Rational(11, 10)


def _swapped(expression, left, right):
    return expression.xreplace({left: right, right: left})


MUTANTS = {
    # id: (formula, mutation, check that must fail)
    "level x1.1": ("S2.level", lambda e: e * _TENTH, "S2.level.sequence.design"),
    "n and N exchanged": (
        "S2.level", lambda e: _swapped(e, nt.n_max, nt.N), "S2.level.sequence.design"
    ),
    "alpha for 1 - alpha": (
        "S2.level", lambda e: e.subs(nt.alpha, 1 - nt.alpha), "S2.level.sequence.design"
    ),
    "bias x1.1": ("S2.generator_bias", lambda e: e * _TENTH, "S2.bias.sequence.design"),
    "bias with the other sign": ("S2.generator_bias", lambda e: -e, "S2.bias.sequence.design"),
    "real for synthetic shares": (
        "S2.generator_bias",
        lambda e: e.replace(nt.share[nt.g], 1 - nt.share[nt.g]),
        "S2.bias.sequence.design",
    ),
    "risk x1.1": ("S2.coordinate_risk", lambda e: e * _TENTH, "S2.squared.sequence.cut-off-0.5"),
    "bias sum dropped": (
        "S2.coordinate_risk", lambda e: e.subs(nt.coordinate_bias, nt.coordinate_bias / 100),
        "S2.squared.sequence.cut-off-1",
    ),
    "bias of the other sign in a filter": (
        "S2.coordinate_risk", lambda e: e.subs(nt.coordinate_bias, -nt.coordinate_bias),
        "S2.squared.sequence.pinsker-0.5",
    ),
    "exponent + 0.1": (
        "S2.exponent", lambda e: e + sp.Rational(1, 10), "S2.slope.sequence.tikhonov-1"
    ),
    "exponent - 0.1": (
        "S2.exponent", lambda e: e - sp.Rational(1, 10), "S2.slope.sequence.cut-off-2"
    ),
    "exponent beta / (2 beta + 1)": (
        "S2.exponent", lambda e: e / 2, "S2.exponent.sequence.pinsker-0.5"
    ),
    "best risk x1.1": (
        "S2.filter_best_risk", lambda e: e * _TENTH, "S2.constant.sequence.cut-off-1"
    ),
    "best scale x1.1": ("S2.filter_scale", lambda e: e * _TENTH, "S2.scale.sequence.tikhonov-2"),
    "noise integral x1.1": (
        "S2.tikhonov_noise", lambda e: e * _TENTH, "S2.constant.sequence.tikhonov-0.5"
    ),
    "bias integral x1.1": (
        "S2.pinsker_bias", lambda e: e * _TENTH, "S2.constant.sequence.pinsker-2"
    ),
    "saturation one tenth off": (
        "S2.saturated_exponent", lambda e: e + sp.Rational(1, 10), "S2.saturation.sequence.tikhonov"
    ),
    "Pinsker's constant x1.1": (
        "S2.pinsker_minimax", lambda e: e * _TENTH, "S2.minimax.sequence.pinsker-1"
    ),
    "classification x1.1": (
        "S2.classification", lambda e: e * _TENTH, "S2.excess.sequence.tikhonov-1-K24"
    ),
    "phi(Delta) / Delta": ("S2.classification", lambda e: 2 * e, "S2.excess.sequence.cut-off-2-K6"),
    "seeds' risk x1.1": (
        "S3.smoothed_risk", lambda e: e * _TENTH, "S3.squared.sequence.1-a1-N20"
    ),
    "seeds and N exchanged": (
        "S3.smoothed_risk", lambda e: _swapped(e, nt.seeds, nt.N), "S3.squared.sequence.1-a0.5-N160"
    ),
    "seed noise in one part only": (
        "S3.smoothed_risk", lambda e: e.subs(nt.generator_weight, nt.generator_weight / 100),
        "S3.squared.sequence.0.5-a1-N160",
    ),
    "crossover x1.1": (
        "S3.smooth_crossover", lambda e: e * _TENTH, "S3.crossover.sequence.1"
    ),
    "floor x1.1": ("S3.linear_share", lambda e: e * _TENTH, "S3.floor.sequence.2"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_formula_is_rejected_by_its_check(name, simulated, monkeypatch):
    formula, mutate, check = MUTANTS[name]
    right = FORMULAS[formula]
    wrong = dataclasses.replace(right, rhs=mutate(right.rhs))
    assert wrong.rhs != right.rhs
    monkeypatch.setitem(FORMULAS, formula, wrong)
    assert _verdicts(simulated)[check] == "fail"


def test_every_mutant_names_a_check_and_every_formula_has_one():
    names = {check.id for check in planned(nonparametric_checks("quick"))}
    assert {check for _, _, check in MUTANTS.values()} <= names
    filters = {n for n in FORMULAS if n.startswith(("S2.pinsker", "S2.tikhonov"))}
    assert filters - {"S2.pinsker_noise", "S2.tikhonov_bias", "S2.pinsker_scale"} <= {
        formula for formula, _, _ in MUTANTS.values()
    }


def test_the_simulation_uses_no_predicted_level_or_bias(monkeypatch):
    functions_of.cache_clear()
    for name in ("S2.level", "S2.generator_bias", "S2.coordinate_risk"):
        right = FORMULAS[name]
        monkeypatch.setitem(FORMULAS, name, dataclasses.replace(right, rhs=right.rhs * 2))
    wrong = monte_carlo.run(
        functions_of("design"), key=verify.experiment_key(1, "sequence"), replicates=256
    )
    monkeypatch.undo()
    functions_of.cache_clear()
    right = monte_carlo.run(
        functions_of("design"), key=verify.experiment_key(1, "sequence"), replicates=256
    )
    for name in ("squared", "bias", "level"):
        np.testing.assert_array_equal(
            monte_carlo.estimate(wrong, name).mean, monte_carlo.estimate(right, name).mean
        )
    bias = float(DESIGN.direction @ design_bias(DESIGN.design, DESIGN.shifts))
    for name, value in (("bias", bias), ("level", design_level(DESIGN.design))):
        mean, std_error, _ = monte_carlo.estimate(right, name)
        assert abs(mean - value) <= 5 * std_error


def test_the_stated_range_is_wide_and_the_planned_power_is_there():
    checks = planned(nonparametric_checks("quick"))
    plan = make_plan(checks)
    for check in checks:
        n = max((plan.for_experiment(checks, name) for name in check.experiments), default=0)
        assert plan.power(check, n) >= 0.99, check.id
    assert np.ptp(RANGE.places(0.5)) >= np.log(64.0) - 1e-9
    with pytest.raises(ValueError, match="name: got 'line'"):
        functions_of("line")
