"""Figures for a report: those whose artifacts are there, drawn in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.gallery import FIGURES
from synthetic_oversampling.figures.spec import Spec, draw
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.sweeps.table import KIND, SEED, SWEEPS, artifact_path

__all__ = ["Drawing", "drawings"]


class Drawing(NamedTuple):
    """A figure's name, title, theorems and caption, and the text of its SVG file.

    Attributes:
        name, title, theorems, caption: of the figure; svg: the text.
    """

    name: str
    title: str
    theorems: tuple[str, ...]
    caption: str
    svg: str


def drawings(folder: Path, warn: Callable[[str], None]) -> list[Drawing]:
    """The figures whose artifacts are under a folder, of the fuller profile that is complete.

    Args:
        folder: as for ``oversampling figures --out``.
        warn: called with one line for each file that cannot be used.

    Example:
        >>> drawings(Path("no such folder"), print)
        []
    """
    found = []
    for spec in FIGURES.values():
        for profile in ("full", "quick"):
            if (drawing := _drawn(spec, profile, folder, warn)) is not None:
                found.append(drawing)
                break
    return found


def _drawn(spec: Spec, profile: str, folder: Path, warn) -> Drawing | None:
    loaded = []
    paths = [artifact_path(folder / "artifacts", name, profile) for name in spec.sweeps]
    if not spec.sweeps or not all(path.is_file() for path in paths):
        return None
    try:
        for name, path in zip(spec.sweeps, paths, strict=True):
            settings = SWEEPS[name].settings(profile)
            loaded.append(artifacts.load(path, kind=KIND, configuration=settings, seed=SEED))
        figure = draw(spec, loaded)
    except ArtifactError as error:
        warn(f"figure {spec.name} is left out: {error}")
        return None
    return Drawing(
        name=spec.name,
        title=spec.title,
        theorems=spec.theorems,
        caption=spec.caption,
        svg=style.svg_text(figure),
    )
