"""Every figure, drawn from the artifacts that the tests keep, and a page that shows them."""

from __future__ import annotations

from pathlib import Path

from reference import write
from typeset import typeset

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.gallery import FIGURES
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.sweeps.table import KIND

__all__ = ["FOLDER", "setup"]

FOLDER = "generated/gallery"
_ARTIFACTS = Path(__file__).parents[2] / "tests" / "figure_artifacts"


def _section(name: str) -> str:
    spec = FIGURES[name]
    theorems = ", ".join(f"[{one}](../theorems/{one}.md)" for one in spec.theorems)
    return (
        f"## {spec.title[0].upper() + spec.title[1:]}\n\n![{spec.title}]({name}.png)\n\n"
        f"Theorem{'s' if spec.theorems[1:] else ''} {theorems}. {typeset(spec.caption)}\n\n"
        f"```sh\noversampling figures {name}\n```"
    )


def _draw(app) -> None:
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, spec in FIGURES.items():
        kept = (artifacts.load(_ARTIFACTS / f"{sweep}.json", kind=KIND) for sweep in spec.sweeps)
        style.save(spec.draw(*(one["payload"] for one in kept)), folder / f"{name}.png", "png")
    opening = (
        "# Gallery\n\nEvery figure of the theory. `oversampling figures` computes their numbers "
        "and draws them (minutes; `--profile full` for the many replicates of a paper); here they "
        "are drawn from the artifacts that the tests keep, some of them of few replicates. Curves "
        "are theory, markers simulation with 95 % intervals."
    )
    write(folder, {"index": "\n\n".join([opening, *map(_section, FIGURES)]) + "\n"}, ".md")


def setup(app) -> dict:
    """Draw before pages are read."""
    app.connect("builder-inited", _draw, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
