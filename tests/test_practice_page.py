"""The practitioner's page, taken literally in an empty folder: its commands and its Python."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from synthetic_oversampling.__main__ import main

PAGE = (Path(__file__).parent.parent / "docs" / "practice.md").read_text()
COMMANDS = re.findall(r"^oversampling (?!plan )(.+)$", PAGE, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the page's table, written by the page's own lines."""
    place = tmp_path_factory.mktemp("page")
    (code,) = re.findall(r"python - <<'END'\n(.*?)\nEND\n", PAGE, flags=re.DOTALL)
    subprocess.run([sys.executable, "-c", code], cwd=place, check=True, timeout=120)
    return place


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0])
def test_a_command_of_the_page_works_as_printed(command, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main(shlex.split(command)) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for block in re.findall(r"^```\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE):
        text = " ".join(block.split())
        if text.startswith(("80 rows from", "share of")) and text[:5] == shown[:5]:
            assert text in shown


def test_the_page_has_a_command_of_each_kind_it_explains():
    names = {command.split()[0] for command in COMMANDS}
    assert names == {"language-model", "benchmark", "recalibrate"}


def test_the_python_of_the_page_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    code = re.findall(r"^```python\n(import pandas.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert len(code) == 1
    names: dict = {}
    exec(code[0], names)
    assert names["sampler"].synthetic_mask_.sum() == 200
    assert len(names["more"]) == 500
    assert names["model"].predict_proba(names["features"]).shape == (300, 2)
    assert names["few"].synthetic_mask_.sum() == 20


@pytest.mark.slow
def test_the_plan_of_the_page_is_what_the_command_prints(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (command,) = re.findall(r"^oversampling (plan .+--write .+)$", PAGE, flags=re.MULTILINE)
    assert main(shlex.split(command)) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    (block,) = re.findall(r"^```\n(groups: .*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    told = block.rstrip().splitlines()
    assert printed[: len(told)] == told
