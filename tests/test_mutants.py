"""The mutation gate: every theorem and generator has wrong formulas, and checks reject them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import quick

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError, load
from synthetic_oversampling.simulate.checks.check import Outcome, judge_exact, make_plan
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.mutants.mutation import Mutant, applied, formula, replaced
from synthetic_oversampling.simulate.mutants.table import MUTANTS, UNREACHED, choose
from synthetic_oversampling.simulate.verify import gate_record
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify.gate import declared, gate
from synthetic_oversampling.simulate.verify.selection import declare
from synthetic_oversampling.simulate.verify.suites import SUITES
from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.generators.table import (
    GENERATORS,
    Mislabelled,
    Shifted,
    Smote,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.registry import THEOREMS
from synthetic_oversampling.theory.theorems.table import FORMULAS

LEAST = 2  # wrong formulas of every theorem and every generator
RECORD = Path(__file__).parent / "gate_observations.json"
NAMED = tuple(dict.fromkeys(check for mutant in MUTANTS.values() for check in mutant.checks))


@pytest.mark.parametrize("theorem", THEOREMS)
def test_every_theorem_has_wrong_formulas_that_its_own_checks_reject(theorem):
    chosen = [mutant for mutant in MUTANTS.values() if theorem in mutant.theorems]
    assert len(chosen) >= LEAST, [mutant.name for mutant in chosen]
    assert any(check.startswith(f"{theorem}.") for mutant in chosen for check in mutant.checks)


CLASSES = {getattr(make, "func", make).__name__ for make in GENERATORS.values()}


@pytest.mark.parametrize("generator", sorted(CLASSES))
def test_every_generator_has_wrong_laws(generator):
    chosen = [mutant for mutant in MUTANTS.values() if mutant.generator == generator]
    assert len(chosen) >= LEAST, [mutant.name for mutant in chosen]


def test_there_are_many_mutants_and_each_names_theorems_suites_and_checks_that_exist():
    ids = {check.id for check in declare("quick")}
    page = (Path(__file__).parent.parent / "docs" / "trust.md").read_text()
    assert f"puts {len(MUTANTS)} wrong formulas in place of the right ones" in page
    for mutant in MUTANTS.values():
        assert mutant.checks and set(mutant.checks) <= ids, mutant.name
        assert set(mutant.theorems) <= THEOREMS.keys(), mutant.name
        assert set(mutant.also) <= SUITES.keys(), mutant.name


def test_every_printed_formula_is_put_wrong_or_compared_with_its_function():
    put_wrong = {change.__name__ for mutant in MUTANTS.values() for change in mutant.changes}
    parts = [check.split(".") for check in NAMED]
    suites = ("in-context", "whole-rows")
    compared = {f"{p[0]}.{p[3]}" for p in parts if p[1] == "formula" and p[2] in suites}
    # where a function is compared, it is put wrong, not the formula
    assert set(FORMULAS) - put_wrong == compared


def test_a_wrong_formula_takes_effect_everywhere_and_leaves_no_trace():
    right = Design((10, 4), 8, 0.25)
    before = right.real_mass.tolist(), dict(vars(FORMULAS["B1.real_mass"]))
    with applied(MUTANTS["real-weight-complement"]):
        assert right.real_mass.tolist() == [0.25 / 2, 0.25 * 0.4 / 2]
        assert FORMULAS["B1.real_mass"].latex != ""
        assert not FORMULAS["B1.real_mass"].is_proved()
    assert right.real_mass.tolist() == before[0]
    assert FORMULAS["B1.real_mass"].rhs == before[1]["rhs"]
    assert FORMULAS["B1.real_mass"].is_proved()


def test_a_wrong_function_reaches_every_module_that_imported_it():
    from synthetic_oversampling.theory.prediction import bias

    groups = (GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1))
    arguments = (Shifted((0.5,)), 1, groups, (9, 3))
    with applied(MUTANTS["shift-sign"]):
        assert float(bias.population_law(*arguments).means[0, 0]) == 0.5
    assert float(bias.population_law(*arguments).means[0, 0]) == 1.5
    assert bias.population_law is population_law


def test_a_mutant_with_the_right_formula_is_refused():
    with (
        pytest.raises(ValueError, match="the right formula"),
        formula("B1.ratio", lambda rhs: nt.n_g / nt.n_max)(),
    ):
        pass
    with pytest.raises(ValueError, match="dotted name"), replaced("nowhere.at", lambda f: f)():
        pass


def test_an_error_inside_a_mutant_puts_the_right_formula_back():
    with pytest.raises(RuntimeError), applied(MUTANTS["prior-shift-halved"]):
        raise RuntimeError
    assert FORMULAS["B4.shift"].is_proved()


def test_unknown_mutants_are_named():
    with pytest.raises(ValueError, match="got no-such"):
        choose(["no-such"])
    assert main(["verify", "--mutate", "no-such"]) == 2
    with pytest.raises(ValueError, match="did not have"):
        gate([], choose(["gain-sign"]), "quick")


CHEAP = (
    "efficiency-inverted",
    "efficiency-constant-forgotten",
    "covariance-known-to-discriminant",
)


def test_the_command_rejects_wrong_formulas_and_writes_the_table(tmp_path, capsys):
    file = tmp_path / "report.json"
    options = ["--json", str(file), "--artifacts", str(tmp_path)]
    assert main(["verify", "--mutate", ",".join(CHEAP), *options]) == 0
    assert "3 of 3 wrong formulas rejected" in capsys.readouterr().out
    payload = load(file, kind="verification")["payload"]
    rows = {row["name"]: row for row in payload["mutants"]}
    assert rows.keys() == set(CHEAP)
    assert {row["verdict"] for row in rows.values()} == {"fail"}
    assert {c["verdict"] for c in payload["checks"]} == {"pass"}
    noisy = rows["covariance-known-to-discriminant"]
    assert noisy["z"] > 5 and noisy["wrong"] != noisy["predicted"]
    assert payload["checks_failed_by_none"] == {}
    assert not payload["judged_by_every_check"]


@pytest.mark.parametrize("generator", [Smote(), Mislabelled(0.1)])
def test_a_wrong_balanced_optimum_is_predicted_for_every_design(generator):
    configuration = CONFIGURATIONS["spurious"]()
    right = predict(configuration.groups, configuration.synthetic, generator).theta_star
    with applied(MUTANTS["balanced-optimum-by-sizes"]):
        wrong = predict(configuration.groups, configuration.synthetic, generator).theta_star
        raw = predict(configuration.groups, configuration.raw, generator)
    assert abs(float(right[3])) < 1e-9 < 0.1 < float(wrong[3])
    assert np.allclose(wrong, raw.theta_alpha, atol=1e-9)


def test_a_mutant_that_changes_nothing_it_is_checked_by_survives():
    name = "R4.table.efron-2.5.1"
    true = declared([name], "quick")[name]
    harmless = dataclasses.replace(MUTANTS["shift-sign"], checks=(name,))
    result = gate([judge_exact(true)], [harmless], "quick")
    assert [trial.verdict for trial in result.survivors] == ["pass"]
    assert result.idle == (name,)
    missing = gate(
        [Outcome(check=true, verdict="fail", observed=0.0, std_error=0.0, n=0, low=0.0, high=0.0)],
        [harmless],
        "quick",
    )
    assert [trial.verdict for trial in missing.survivors] == ["missing"]


def test_the_recorded_run_passes_and_every_mutant_is_rejected_on_it():
    """What the true simulation observed, judged by the checks of today, and by wrong ones."""
    outcomes, profile = gate_record.recall(RECORD, NAMED)
    assert profile == "quick"
    assert {outcome.check.id for outcome in outcomes} == set(NAMED)
    assert [o.check.id for o in outcomes if o.verdict != "pass"] == []
    assert sum(bool(outcome.check.experiments) for outcome in outcomes) > len(NAMED) / 3
    result = gate(outcomes, tuple(MUTANTS.values()), profile)
    assert [(t.mutant.name, t.check, t.verdict, t.z) for t in result.survivors] == []
    assert {trial.mutant.name for trial in result.trials} == MUTANTS.keys()
    assert all(t.wrong != t.predicted or t.observed != t.predicted for t in result.trials)
    assert result.idle == ()


def test_make_check_judges_by_checks_that_reject_four_fifths_of_the_wrong_formulas():
    share = len(quick.rejected()) / len(MUTANTS)
    assert share >= 0.8 and set(NAMED) >= quick.NAMED
    text = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()
    assert f"{len(quick.rejected())} of the {len(MUTANTS)} wrong formulas" in text


def test_a_change_of_nothing_survives_the_recorded_run():
    noisy = ("R1.excess.line.raw", "R2.second_order.line.smote", "B2.gradient.line.shifted")
    outcomes, profile = gate_record.recall(RECORD, noisy)
    nothing = Mutant(
        name="nothing", theorems=("R1",), change="no formula is changed", checks=noisy, changes=()
    )
    result = gate(outcomes, [nothing], profile)
    assert [trial.verdict for trial in result.survivors] == ["pass"] * len(noisy)
    assert all(trial.wrong == trial.predicted for trial in result.survivors)


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("theory", lambda value: 1.01 * value, "was recorded with theory"),
        ("replicates", lambda value: value - 1, "was recorded with replicates"),
        ("experiments", lambda value: ["line/smote"], "was recorded with experiments"),
        ("low", lambda value: value + 1.0, "an interval that does not hold its mean"),
        (None, None, "was not recorded"),
    ],
)
def test_a_recording_of_another_plan_is_refused_with_the_command_that_renews_it(
    tmp_path, field, change, message
):
    name = "R4.lda_excess.efron-2.5.limit"
    body = load(RECORD, kind="gate observations")
    rows = body["payload"]
    if field is None:
        del rows[name]
    else:
        rows[name][field] = change(rows[name][field])
    file = tmp_path / "gate.json"
    artifacts.save(
        file, rows, kind="gate observations", configuration=body["configuration"], seed=2024
    )
    with pytest.raises(ArtifactError, match=message) as caught:
        gate_record.recall(file, [name])
    assert f"verify --mutate all --record {file}" in str(caught.value)


def test_a_recording_holds_what_a_run_observed(tmp_path, capsys):
    file = tmp_path / "gate.json"
    name = "covariance-known-to-discriminant"
    options = ["--artifacts", str(tmp_path), "--record", str(file)]
    assert main(["verify", "--mutate", name, *options]) == 0
    kept, whole = (load(path, kind="gate observations")["payload"] for path in (file, RECORD))
    assert kept.keys() == set(MUTANTS[name].checks)
    for check, row in kept.items():
        for field, value in row.items():
            recorded = whole[check][field]
            close = pytest.approx(recorded, rel=1e-9) if isinstance(value, float) else recorded
            assert value == close, (check, field)
    assert main(["verify", "--record", str(file)]) == 2
    assert "--record: got no --mutate" in capsys.readouterr().err


def test_a_tampered_recording_is_refused(tmp_path):
    body = json.loads(RECORD.read_text())
    next(iter(body["payload"].values()))["observed"] = 0.0
    file = tmp_path / "gate.json"
    file.write_text(json.dumps(body))
    with pytest.raises(ArtifactError, match="checksum"):
        gate_record.recall(file, NAMED[:1])


def test_a_name_that_no_suite_builds_is_refused():
    with pytest.raises(ValueError, match="no suite builds"):
        gate_record.recall(RECORD, ["R4.no_such.efron-2.5.limit"])


def test_named_checks_are_declared_as_in_a_whole_run():
    names = ["R4.formula.efron-2.5.2.5", "R4.lda_excess.efron-2.5.limit"]
    whole = {check.id: check for check in planned(SUITES["efron-2.5"].checks("quick"))}
    alone = declared(names, "quick")
    assert alone == {name: whole[name] for name in names}
    assert make_plan(tuple(alone.values())).replicates[names[1]] > 1000


@pytest.mark.slow
def test_every_mutant_is_rejected_and_every_check_rejects_one_at_its_planned_size():
    mutants = choose(["all"])
    universe = verify.build("quick")
    report = verify.run_checks(universe, seed=2024, profile="quick", universe=universe)
    result = gate(report.outcomes, mutants, "quick", wide=True)
    assert [(t.mutant.name, t.check, t.verdict, t.z) for t in result.survivors] == []
    assert sorted(result.idle) == sorted(UNREACHED)


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_mutant_changes_exists(name):
    with applied(MUTANTS[name]):
        pass
