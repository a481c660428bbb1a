"""Selecting checks: a pattern costs its own suites' predictions, and a wrong one costs none."""

import dataclasses
import fnmatch
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate.checks.check import make_plan
from synthetic_oversampling.simulate.mutants import table as mutants
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify import selection, suites
from synthetic_oversampling.simulate.verify.selection import assert_declared, matches, suites_for
from synthetic_oversampling.simulate.verify.suites import SUITES
from synthetic_oversampling.theory.registry import THEOREMS


@lru_cache(maxsize=1)
def _sequence():
    return verify.build("quick", ["sequence"])


@pytest.fixture
def forbidden(monkeypatch):
    """Suites that fail when their checks are built."""

    def forbid(*names):
        for name in names:
            broken = dataclasses.replace(SUITES[name], checks=_fail, preparations=_fail)
            monkeypatch.setitem(suites.SUITES, name, broken)

    return forbid


def _fail(profile):
    pytest.fail("predicted")


WRONG = ("R9", "lines", "line/smot", "scaling/oracle", "R2.excess.line.smot", "B1.objectiv", "",
         "B4.shift.line.raw", "B5.weight2.mixture.raw", "[", "R?.gain.nowhere.*")  # fmt: skip


@pytest.mark.parametrize("pattern", WRONG)
def test_a_pattern_that_matches_nothing_is_refused_before_anything_is_predicted(
    pattern, forbidden, capsys
):
    forbidden(*SUITES)
    for command in ("verify", "calibrate"):
        assert main([command, "--only", "B1", f"--only={pattern}"]) == 2
        err = capsys.readouterr().err
        assert f"got {pattern}, which matches none" in err and "expected a theorem" in err


def test_a_selection_predicts_its_own_suites_only(forbidden, capsys):
    forbidden(*(set(SUITES) - {"sequence"}))
    assert main(["verify", "--only", "S2.l*.sequence.*", "--plan"]) == 0
    assert "S2.level.sequence.design" in capsys.readouterr().out


def test_theorems_suites_experiments_and_ids_find_their_suites():
    every = tuple(SUITES)
    assert suites_for([]) == suites_for(["*"]) == every
    assert set().union(*(suites_for([name]) for name in THEOREMS)) == set(every)
    for name in every:
        assert suites_for([name]) == (name,)
        for experiment in list(SUITES[name].experiments("full"))[-1:]:
            assert suites_for([experiment], "full") == (name,)
    for pattern, found in {
        "R4": {"efron-1.5", "efron-2.5", "efron-2.5-random"},
        "T4": {"bounds", "in-context", "printed"},
        "*/raw": {"line", "wide", "two-gaussians", "spurious", "mixture"},
        "S1.*100*": {"global-law", "hyperbola", "scaling"},
    }.items():  # fmt: skip
        assert set(suites_for([pattern])) == found, pattern
    for mutant in list(mutants.MUTANTS.values())[::5]:
        for check in mutant.checks:  # a suite with patterns of labels may hold others' ids as well
            assert any(f".{own}" in check for own in suites_for([check])), check


def test_a_suite_without_experiments_is_selected_by_its_name():
    universe = _sequence()
    assert verify.select(universe, ["sequence"]) == universe  # those without noise as well
    silent = [check for check in universe if not check.experiments]
    assert len(silent) > 10 and all(matches(check, "sequence") for check in silent)
    assert not any(matches(check, own) for check in universe for own in SUITES if own != "sequence")


def test_every_pattern_of_several_has_to_match():
    with pytest.raises(ValueError, match="got S2.level.sequence.nothing, which"):
        verify.select(_sequence(), ["S2", "S2.level.sequence.nothing"])


def test_a_suite_is_held_to_what_it_declares():
    check = _sequence()[0]
    own = SUITES["sequence"]
    assert_declared(own, [check], "quick")
    for change in (
        {"families": ("S3.*",)}, {"labels": ("elsewhere",)},
        {"experiments": lambda profile: ["sequence/other"]}, {"name": "series"},
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="does not declare"):
            assert_declared(dataclasses.replace(own, **change), [check], "quick")


_PATTERNS = st.text("ab*?", max_size=6)


@given(left=_PATTERNS, right=_PATTERNS, name=st.text("ab", max_size=6))
def test_patterns_that_share_a_name_meet(left, right, name):
    both = fnmatch.fnmatchcase(name, left) and fnmatch.fnmatchcase(name, right)
    assert selection._meet(left, right) or not both
    assert selection._meet(left, right) == selection._meet(right, left)
    assert selection._meet(name, right) == fnmatch.fnmatchcase(name, right)


@given(left=_PATTERNS, right=_PATTERNS)
def test_patterns_that_meet_share_a_name(left, right):
    """Of the letters of both, no longer than both together."""
    if selection._meet(left, right):
        names, letters = [""], "ab"
        for _ in range(len(left) + len(right)):
            if any(all(fnmatch.fnmatchcase(n, p) for p in (left, right)) for n in names):
                return
            names = [n + letter for n in names for letter in letters][:4096]
        assert any(all(fnmatch.fnmatchcase(n, p) for p in (left, right)) for n in names)


def test_the_plan_of_a_selection_is_that_of_the_whole_run():
    universe = _sequence()
    noisy = [check for check in universe if check.experiments]
    alone, among = make_plan(noisy[:1]), make_plan(universe)
    assert (alone.alarm, alone.z) == (among.alarm, among.z)
    # an experiment is sized by checks of its own suite, which is built whole
    for check in noisy:
        assert {name.split("/")[0] for name in check.experiments} == {"sequence"}
