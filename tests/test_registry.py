"""The registry of theorems: complete, consistent, and pointing at things that exist."""

import importlib
import json
import re
from typing import get_args

import pytest

from synthetic_oversampling.theory.registry import THEOREMS, theorem
from synthetic_oversampling.theory.sources import SOURCES, Form
from synthetic_oversampling.theory.theorems.table import FORMULAS

IDS = (
    *(f"B{k}" for k in range(1, 6)),
    *(f"R{k}" for k in range(1, 8)),
    *(f"S{k}" for k in range(1, 4)),
    *(f"T{k}" for k in range(1, 6)),
    *(f"H{k}" for k in range(1, 5)),
    *(f"M{k}" for k in range(1, 4)),
    "K1",
    "K2",
)


def _resolve(dotted: str):
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(f"synthetic_oversampling.{module}"), name)


def test_the_registry_holds_every_theorem_once_in_order():
    assert tuple(THEOREMS) == IDS
    claims = [entry.claim for entry in THEOREMS.values()]
    assert len(set(claims)) == len(claims)


@pytest.mark.parametrize("name", IDS)
def test_a_theorem_says_what_it_is_and_where_it_lives(name):
    entry = THEOREMS[name]
    assert entry.kinds and set(entry.kinds) <= {"exact", "asymptotic", "bound", "rate"}
    assert len(entry.claim) <= 95 and "\n" not in entry.claim
    assert entry.statement.endswith(".") and entry.assumptions and entry.remainder
    assert entry.checks == f"{name}."
    assert (entry.figure is None) != (entry.no_figure is None)
    assert entry.functions
    for dotted in entry.functions:
        assert _resolve(dotted) is not None, dotted


def test_every_formula_belongs_to_a_theorem_and_every_theorem_has_one():
    assert {formula.theorem for formula in FORMULAS.values()} == set(THEOREMS)
    for name, formula in FORMULAS.items():
        assert re.fullmatch(r"[BRSTHMK][1-7]\.[A-Za-z_0-9]+", name) and formula.id == name
        assert formula.claim and "\n" not in formula.claim


def test_an_asymptotic_theorem_states_its_remainder_and_an_exact_one_has_none():
    for entry in THEOREMS.values():
        if entry.kinds == ("asymptotic",):
            assert "O(" in entry.remainder, entry.id
        if entry.kinds == ("exact",):
            assert entry.remainder.startswith("none"), entry.id


def test_no_statement_is_without_its_sources():
    assert set(SOURCES) == set(THEOREMS)
    for name, entry in THEOREMS.items():
        assert entry.forms[0] == "sharp" and set(entry.forms) <= set(get_args(Form)), name
        for source in entry.sources:
            assert source.says and source.work and source.version, name
            ours = source.work == "this package"
            assert ours == (source.form == "sharp"), f"{name}: a sharp form is nobody else's"
            assert ("2406.03628" in source.work) == (source.form == "reported"), name
        assert "aper" not in entry.statement and "eported" not in entry.statement, name
    unread = THEOREMS["T2"].sources[1]
    assert unread.form == "reported" and "second-hand" in unread.version and "not" in unread.says


def test_the_registry_is_plain_data():
    entries = json.loads(json.dumps([entry.as_dict() for entry in THEOREMS.values()]))
    assert [entry["id"] for entry in entries] == list(IDS)
    assert sum(len(entry["formulas"]) for entry in entries) == len(FORMULAS)
    for entry in entries:
        for formula in entry["formulas"]:
            printed = FORMULAS[formula["id"]]
            assert formula["latex"] == printed.latex and formula["arguments"] == list(
                printed.arguments
            )


def test_an_unknown_theorem_is_named_with_those_that_exist():
    assert theorem("s1").id == "S1"
    for wrong in ("Q1", "", "R9", "B1.ratio"):
        with pytest.raises(ValueError, match=f"theorem: got {wrong!r}, expected one of B1, B2"):
            theorem(wrong)
