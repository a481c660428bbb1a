"""The tutorials run as they are printed, and each ends with a picture."""

import re
from pathlib import Path

import matplotlib
import pytest

TUTORIALS = sorted((Path(__file__).parent.parent / "docs" / "tutorials").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\}.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_runs_and_draws_a_picture(page):
    matplotlib.use("agg")
    from matplotlib import pyplot

    cells = CELL.findall(page.read_text())
    assert cells
    try:
        names: dict[str, object] = {}
        for number, cell in enumerate(cells, start=1):
            exec(compile(cell, f"{page.name}, cell {number}", "exec"), names)
        assert all(pyplot.figure(number).axes for number in pyplot.get_fignums())
        assert pyplot.get_fignums()
    finally:
        pyplot.close("all")


def test_there_are_tutorials_and_each_starts_from_a_question():
    assert len(TUTORIALS) >= 3
    for page in TUTORIALS:
        opening = page.read_text().split("\n# ", 1)[1].split("\n\n")[1]
        assert opening.startswith("**") and opening.rstrip("*").endswith("?"), page.name
