"""``oversampling theorems``: a table, LaTeX, JSON, proofs; plain in a pipe, clear on bad usage."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.theory import listing
from synthetic_oversampling.theory.places import definition
from synthetic_oversampling.theory.registry import THEOREMS
from synthetic_oversampling.theory.theorems.table import FORMULAS


def test_the_table_in_a_pipe_is_one_plain_line_for_each_theorem(capsys):
    assert main(["theorems"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["id", "claim", "kind", "form"]
    assert [line.split()[0] for line in lines] == list(THEOREMS)
    start = header.index("form")
    for line, entry in zip(lines, THEOREMS.values(), strict=True):
        assert entry.claim in line and line[start:] == ", ".join(entry.forms)
        assert line.isascii()


def test_the_table_in_a_terminal_names_every_theorem_and_every_form(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["theorems"]) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)  # without the colours
    assert all(re.search(rf"│ {name} ", text) for name in THEOREMS)
    assert "reported: by arXiv 2406.03628" in " ".join(text.split())


def test_latex_of_a_theorem_is_that_of_each_of_its_formulas(capsys):
    assert main(["theorems", "--latex", "s1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    formulas = THEOREMS["S1"].formulas
    assert lines[1::2] == [formula.latex for formula in formulas]
    for comment, formula in zip(lines[::2], formulas, strict=True):
        assert comment == f"% {formula.id} ({formula.kind}): {formula.claim}"
    assert main(["theorems", "--latex", "S1.crossover"]) == 0
    assert capsys.readouterr().out == FORMULAS["S1.crossover"].latex + "\n"


def test_json_is_the_registry(capsys):
    assert main(["theorems", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps([entry.as_dict() for entry in THEOREMS.values()]))


@pytest.mark.parametrize("entry", THEOREMS.values(), ids=list(THEOREMS))
def test_an_id_prints_its_theorem_in_full(entry, capsys):
    assert main(["theorems", entry.id.lower()]) == 0
    out = capsys.readouterr().out
    assert max(len(line) for line in out[: out.index("% ")].splitlines()) <= 100
    text = " ".join(out.split())
    whole = [entry.claim, entry.statement, entry.remainder, *entry.assumptions, *entry.functions]
    whole += [f"verify --only {entry.id}", f"figures {entry.figure}" if entry.figure else "none: "]
    for part in (*whole, *(formula.latex for formula in entry.formulas)):
        assert " ".join(part.split()) in text
    assert main(["theorems", entry.formulas[0].id]) == 0 and capsys.readouterr().out == out


def test_an_unknown_theorem_is_named(capsys):
    assert main(["theorems", "R9"]) == 2
    assert "ID: got 'R9', expected a theorem (B1, B2" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["Q9", "S1.nothing", "", "B1 B2"])
def test_an_unknown_id_is_bad_usage(wrong, capsys):
    assert main(["theorems", "--latex", wrong]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and f"--latex: got {wrong!r}, expected" in captured.err
    assert "B1, B2" in captured.err


@pytest.mark.parametrize(
    "wrong", [["--latex"], ["--json", "--check-proofs"], ["R1", "--json"], ["--nope"]]
)
def test_wrong_options_leave_with_status_2(wrong, capsys):
    with pytest.raises(SystemExit) as left:
        main(["theorems", *wrong])
    assert left.value.code == 2
    assert "usage: oversampling theorems" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [False, True])
def test_check_proofs_reports_every_formula_and_fails_when_one_does(terminal, capsys, monkeypatch):
    few = {name: FORMULAS[name] for name in ("B1.ratio", "T2.sharp_rate")}
    monkeypatch.setattr(listing, "FORMULAS", few)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert main(["theorems", "--check-proofs"]) == 0
    assert "2 of 2 formulas proved." in capsys.readouterr().out
    wrong = dataclasses.replace(few["T2.sharp_rate"], rhs=2 * few["T2.sharp_rate"].rhs)
    monkeypatch.setattr(listing, "FORMULAS", few | {"T2.sharp_rate": wrong})
    assert main(["theorems", "--check-proofs"]) == 1
    captured = capsys.readouterr()
    assert "1 of 2 formulas proved." in captured.out
    assert "T2.sharp_rate: the derivation does not give" in captured.err


def test_a_reader_that_stops_early_gets_no_traceback():
    command = f"{sys.executable} -m synthetic_oversampling theorems --json | head -n 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert result.stdout == "[\n" and result.stderr == ""


def test_a_theorem_in_full_leads_to_the_lines_of_its_code(capsys):
    root = Path(listing.__file__).parents[1]
    for name, entry in THEOREMS.items():
        assert main(["theorems", name]) == 0
        told = re.findall(r"\b([a-z_/]+\.py)(?::(\d+))?", capsys.readouterr().out)
        folders = {file.split("/")[1] for file, _ in told if file.startswith("simulate/")}
        assert folders == {"claims", "mutants"}, name
        assert len({file for file, _ in told if file.startswith("figures/")}) == bool(entry.figure)
        for file, number in told:
            lines = (root / file).read_text().splitlines()
            if file.startswith("simulate/"):
                assert name in lines[int(number) - 1]


def test_what_is_not_there_has_no_place():
    with pytest.raises(ValueError, match="dotted: got 'theory.population.laws.mixx'"):
        definition("theory.population.laws.mixx")
