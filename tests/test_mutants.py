"""The mutation gate: every theorem and generator has wrong formulas, and checks reject them."""

import dataclasses

import pytest

from simulate import verify
from simulate.__main__ import main
from simulate.artifacts import load
from simulate.checks import Outcome, judge_exact
from simulate.claims import LABELS
from simulate.configurations import CONFIGURATIONS
from simulate.mutants import MUTANTS, choose
from simulate.mutation import applied, formula, gate, replaced
from simulate.suites import SUITES
from theory import notation as nt
from theory.design import Design
from theory.formulas import FORMULAS
from theory.generators import Generator, Shifted, population_law
from theory.laws import GaussianGroup
from theory.registry import THEOREMS

LEAST = 2  # wrong formulas of every theorem and every generator


@pytest.mark.parametrize("theorem", THEOREMS)
def test_every_theorem_has_wrong_formulas_that_its_own_checks_reject(theorem):
    own = [mutant for mutant in MUTANTS.values() if theorem in mutant.theorems]
    assert len(own) >= LEAST, [mutant.name for mutant in own]
    assert any(check.startswith(f"{theorem}.") for mutant in own for check in mutant.checks)


@pytest.mark.parametrize("generator", [kind.__name__ for kind in Generator.__args__])
def test_every_generator_has_wrong_laws(generator):
    own = [mutant for mutant in MUTANTS.values() if mutant.generator == generator]
    assert len(own) >= LEAST, [mutant.name for mutant in own]


def test_there_are_many_mutants_and_each_names_theorems_suites_and_designs_that_exist():
    assert len(MUTANTS) >= 40
    for mutant in MUTANTS.values():
        assert mutant.checks, mutant.name
        assert set(mutant.theorems) <= THEOREMS.keys(), mutant.name
        for check in mutant.checks:
            theorem, _, place = check.split(".", 2)
            assert theorem in THEOREMS, check
            suite = max((s for s in SUITES if f"{place}.".startswith(f"{s}.")), key=len, default="")
            assert suite, check
            rest = place[len(suite) + 1 :]
            assert suite not in CONFIGURATIONS or rest in (*LABELS, "population"), check


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
    from theory import bias

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


def test_the_door_rejects_wrong_formulas_and_writes_the_table(tmp_path, capsys):
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
    assert payload["checks_failed_by_none"] == []


def test_a_mutant_that_changes_nothing_it_is_checked_by_survives():
    name = "R4.table.efron-2.5.1"
    true = next(c for c in SUITES["efron-2.5"].checks("quick") if c.id == name)
    harmless = dataclasses.replace(MUTANTS["shift-sign"], checks=(name,))
    result = gate([judge_exact(true)], [harmless], "quick")
    assert [trial.verdict for trial in result.survivors] == ["pass"]
    assert result.idle == (name,)
    missing = gate([Outcome(true, "fail", 0.0, 0.0, 0, 0.0, 0.0)], [harmless], "quick")
    assert [trial.verdict for trial in missing.survivors] == ["missing"]


@pytest.mark.slow
def test_every_mutant_is_rejected_at_its_planned_size():
    mutants = choose(["all"])
    named = [check for mutant in mutants for check in mutant.checks]
    universe = verify.build("quick", named)
    checks = verify.select(universe, named)
    report = verify.run_checks(checks, seed=2024, profile="quick", universe=universe)
    result = gate(report.outcomes, mutants, "quick")
    assert [(t.mutant.name, t.check, t.verdict, t.z) for t in result.survivors] == []
    assert all(t.wrong != t.predicted or t.observed != t.predicted for t in result.trials)
    assert result.idle == ()


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_mutant_changes_exists(name):
    with applied(MUTANTS[name]):
        pass
