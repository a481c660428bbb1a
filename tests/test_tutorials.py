"""The pages with cells run as they are printed; a tutorial ends with a picture."""

import re
from pathlib import Path

import matplotlib
import pytest

DOCS = Path(__file__).parent.parent / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
PAGES = [
    page
    for page in sorted([*DOCS.glob("*.md"), *DOCS.glob("*/*.md")])
    if "{code-cell}" in page.read_text()
]
PICTURES = {*TUTORIALS, DOCS / "literature.md"}
CELL = re.compile(r"^```\{code-cell\}.*?\n(?:---\n.*?^---\n)?(.*?)^```", re.MULTILINE | re.DOTALL)


LONG = {
    "auc",
    "in-context",
    "literature",
    "many-devices",
    "power",
    "three-classes",
}  # `make docs` runs every page as well


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if page.stem in LONG else ()) for page in PAGES],
    ids=lambda page: page.stem,
)
def test_a_page_runs_and_a_tutorial_draws_a_picture(page):
    matplotlib.use("agg")
    from matplotlib import pyplot

    cells = CELL.findall(page.read_text())
    assert cells
    try:
        names: dict[str, object] = {}
        for number, cell in enumerate(cells, start=1):
            exec(compile(cell, f"{page.name}, cell {number}", "exec"), names)
        assert all(pyplot.figure(number).axes for number in pyplot.get_fignums())
        assert bool(pyplot.get_fignums()) == (page in PICTURES)
    finally:
        pyplot.close("all")


def test_there_are_tutorials_and_each_starts_from_a_question():
    assert len(TUTORIALS) >= 3 and PICTURES < set(PAGES)
    for page in TUTORIALS:
        opening = page.read_text().split("\n# ", 1)[1].split("\n\n")[1]
        assert opening.startswith("**") and opening.rstrip("*").endswith("?"), page.name
