"""Selecting checks: all are declared without a prediction, and only the selected are predicted."""

import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate.checks.check import make_plan
from synthetic_oversampling.simulate.checks.declaration import Check, Expectation, planned
from synthetic_oversampling.simulate.claims.risk import PROFILES
from synthetic_oversampling.simulate.mutants.table import MUTANTS
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify import suites
from synthetic_oversampling.simulate.verify.selection import beside, declare, select, suite_of
from synthetic_oversampling.simulate.verify.smoke import COARSER, PATTERNS
from synthetic_oversampling.simulate.verify.suites import SUITES, Suite
from synthetic_oversampling.theory.registry import THEOREMS

ROOT = Path(__file__).parent.parent
EXACT = {"claim": "", "kind": "exact", "source": "second route"}


@lru_cache(maxsize=1)
def _sequence():
    return verify.build("quick", ["sequence"])


@pytest.fixture
def unpredicted(monkeypatch):
    """A check that is predicted fails the test, except those of one suite."""

    def forbid(but=""):
        def refused(check):
            assert suite_of(check.id) == but, check.id
            return right(check)

        right = Check.planned
        monkeypatch.setattr(Check, "planned", refused)

    return forbid


LISTED = """
import sys
from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate.checks.declaration import Check
from synthetic_oversampling.simulate.replicates.compilation import counted
Check.planned = None
with counted() as names:
    assert main(["verify", "--list"]) == 0
modules = {"scipy.stats", "scipy.optimize", "scipy.integrate"} & set(sys.modules)
print(*names, *modules, file=sys.stderr)
"""


def test_the_list_has_every_check_with_its_place_and_computes_nothing():
    done = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr.strip() == "", done.stderr
    *lines, last = done.stdout.splitlines()
    checks = declare("quick")
    assert last.startswith(f"{len(checks)} checks; ") and len(lines) == len(checks)
    for line, check in zip(lines, checks, strict=True):
        assert line.startswith(check.id) and check.place in line and line.endswith(check.claim)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_id_is_of_one_check_and_its_beginning_stands_where_the_check_is_declared(profile):
    suites = {check.id: name for name in SUITES for check in SUITES[name].checks(profile)}
    for check in declare(profile):  # which refuses two of one id
        theorem, statistic, *_, label = check.id.split(".")
        assert theorem in THEOREMS and suite_of(check.id) == suites[check.id], check.id
        file, _, line = check.place.partition(":")
        text = (ROOT / file).read_text()
        assert "yield" in text.splitlines()[int(line) - 1], check.place
        beginnings = [f"{theorem}.{re.match('[a-z]+', statistic)[0]}", f'"{theorem}.{{statistic}}']
        if statistic == "formula":  # the formula's own id, in a table beside it
            text = "".join(path.read_text() for path in (ROOT / file).parent.glob("*.py"))
            beginnings.append(f'"{theorem}.{label}"')
        assert any(beginning in text for beginning in beginnings), check.id


def test_two_checks_of_one_id_are_refused(monkeypatch):
    def twice(profile):
        for _ in range(2):
            yield Check(id="R1.x.twice.a", expect=Expectation, **EXACT)

    monkeypatch.setitem(suites.SUITES, "twice", Suite("twice", twice))
    with pytest.raises(RuntimeError, match="got two checks of R1.x.twice.a"):
        declare("quick", ["twice"])


def test_a_check_that_does_not_apply_is_left_out_and_its_expectation_not_computed():
    asked = []

    def expect():
        asked.append(1)
        return Expectation(theory=1, discrepancy=0.5, observed=2, claim="with a number")

    def checks():
        for label, applies in (("a", None), ("b", lambda: False), ("c", lambda: True)):
            yield Check(id=f"R1.x.s.{label}", expect=expect, applies=applies, **EXACT)

    declared = tuple(checks())
    assert asked == []
    assert all(Path(name.place.partition(":")[0]).name == Path(__file__).name for name in declared)
    found = planned(declared)
    assert [item.id for item in found] == ["R1.x.s.a", "R1.x.s.c"] and len(asked) == 2
    assert found[0].claim == "with a number" and found[0].theory == 1.0


def test_conditional_checks_apply_in_part():
    every = [check for check in declare("quick") if check.id.startswith("S2.deviation.")]
    found = planned(every)
    assert 0 < len(found) < len(every)


WRONG = (
    "R9",
    "lines",
    "line/smot",
    "scaling/oracle",
    "R2.excess.line.smot",
    "B1.objectiv",
    "",
    "B4.shift.line.raw",
    "B5.weight2.mixture.raw",
    "[",
    "R?.gain.nowhere.*",
)


@pytest.mark.parametrize("pattern", WRONG)
def test_a_pattern_that_matches_nothing_is_refused_before_anything_is_predicted(
    pattern, unpredicted, capsys
):
    unpredicted()
    for command in (["verify"], ["calibrate"], ["verify", "--list"]):
        assert main([*command, "--only", "B1", f"--only={pattern}"]) == 2
        err = capsys.readouterr().err
        assert f"got {pattern}, which matches none" in err and "expected a theorem" in err


def test_a_selection_predicts_its_own_checks_only(unpredicted, capsys):
    unpredicted(but="sequence")
    assert main(["verify", "--only", "S2.l*.sequence.*", "--plan"]) == 0
    assert "S2.level.sequence.design" in capsys.readouterr().out
    universe = verify.build("quick", ["S2.level"])
    assert {name for check in universe for name in check.experiments} == {"sequence/design"}


def test_theorems_suites_experiments_and_ids_select():
    every = declare("full")
    assert select(every, []) == select(every, ["*"]) == every
    assert set().union(*(select(every, [name]) for name in THEOREMS)) == set(every)
    for name in SUITES:
        picked = select(every, [name])
        assert picked and {suite_of(check.id) for check in picked} == {name}
        experiment = next((check.experiments[0] for check in picked if check.experiments), None)
        if experiment not in (None, name):
            found = select(every, [experiment])
            assert found and all(experiment in check.experiments for check in found)
    for pattern, found in {
        "R4": {"efron-1.5", "efron-2.5", "efron-2.5-random"},
        "T4": {"bounds", "in-context", "printed"},
        "*/raw": {"line", "wide", "two-gaussians", "spurious", "mixture"},
        "S1.*100*": {"global-law", "hyperbola", "scaling"},
    }.items():
        assert {suite_of(check.id) for check in select(every, [pattern])} == found, pattern
    named = {name for mutant in MUTANTS.values() for name in mutant.checks}
    assert {check.id for check in select(declare("quick"), sorted(named))} == named


def test_every_pattern_of_several_has_to_match():
    with pytest.raises(ValueError, match="got S2.level.sequence.nothing, which"):
        verify.select(_sequence(), ["S2", "S2.level.sequence.nothing"])


@pytest.mark.parametrize(
    "pattern",
    ["S2.squared.*", "S3.squared.sequence.2-a1-N20", "sequence/range", "S2.exponent.*.tikhonov-1"],
)
def test_a_selected_check_and_its_plan_are_those_of_the_whole(pattern):
    whole, part = _sequence(), verify.build("quick", [pattern])
    assert len(part) < len(whole) and set(part) <= set(whole)
    plans = make_plan(whole), make_plan(part)
    assert plans[0].z == plans[1].z
    for check in verify.select(part, [pattern]):
        sizes = [
            plan.for_check(all_, check) for plan, all_ in zip(plans, (whole, part), strict=True)
        ]
        assert sizes[0] == sizes[1], check.id


@pytest.mark.parametrize("profile", PROFILES)
def test_every_check_is_sized_by_checks_that_are_predicted_with_it(profile):
    every = declare(profile)
    by_experiment = {}
    for check in every:
        for name in check.experiments:
            by_experiment.setdefault(name, set()).add(check.id)
    for check in every[::7]:
        beside_it = {check.id for check in beside(every, [check])}
        assert beside_it == {check.id}.union(*(by_experiment[name] for name in check.experiments))
        # and of one suite, whose real data they share
        assert {name.split("/")[0] for name in check.experiments} <= {suite_of(check.id)}


def test_the_first_look_has_every_theorem_with_the_quick_checks_at_coarser_discrepancies():
    quick = {check.id: check for check in declare("quick")}
    found = declare("smoke")
    assert {check.theorem for check in found} == set(THEOREMS)
    assert len({name for check in found for name in check.experiments}) >= 8
    for check in found:
        assert check.place == quick[check.id].place and check.claim == quick[check.id].claim
    for pattern in PATTERNS:
        assert select(found, [pattern]), pattern
    one = next(check for check in found if check.id.startswith("S2.level"))
    fine, coarse = quick[one.id].planned(), one.planned()
    assert coarse.theory == fine.theory and coarse.allowance == fine.allowance
    assert coarse.discrepancy - fine.allowance == pytest.approx(
        COARSER * (fine.discrepancy - fine.allowance)
    )


def test_a_check_of_no_suite_is_refused():
    with pytest.raises(ValueError, match="a check of no suite"):
        suite_of("R1.excess.nowhere.raw")
    with pytest.raises(ValueError, match="got source 'simulated, scored by theory' and 0 exp"):
        Check(
            **EXACT | {"id": "R1.x.s.a", "source": "simulated, scored by theory"},
            expect=Expectation,
        )
