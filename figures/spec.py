"""What a figure is: the artifacts it reads, the theorems it shows, its caption, how it is drawn."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.theory.registry import THEOREMS

__all__ = ["Spec", "caption_text", "draw", "gallery_page"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """A figure.

    Attributes:
        name: of the figure and its files.
        title: one line.
        theorems: ids of the theorems it shows.
        sweeps: names of the artifacts it reads, in the order of ``draw``'s arguments.
        caption: what is seen, in sentences.
        draw: ``(*payloads) -> Figure``; reads and computes nothing.
    """

    name: str
    title: str
    theorems: tuple[str, ...]
    sweeps: tuple[str, ...]
    caption: str
    draw: Callable[..., Figure]


def draw(spec: Spec, artifacts: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a figure from its loaded artifacts.

    Args:
        spec: of the figure.
        artifacts: of its sweeps, in their order.

    Raises:
        ArtifactError: when an artifact lacks what the figure draws.
    """
    try:
        return spec.draw(*(artifact["payload"] for artifact in artifacts))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        names = ", ".join(spec.sweeps)
        raise ArtifactError(
            f"{spec.name}: its artifact ({names}) does not hold what the figure draws "
            f"({type(error).__name__}: {error}); it was written by another version of the package; "
            "compute it again with --recompute."
        ) from error


def caption_text(spec: Spec, artifacts: Sequence[Mapping[str, Any]]) -> str:
    """The text file beside a figure: caption, theorems, configuration, seed and versions.

    Args:
        spec: of the figure.
        artifacts: of its sweeps, in their order.
    """
    lines = [f"{spec.name}: {spec.title}", "", spec.caption]
    if spec.theorems:
        lines += ["", "Theorems"]
    for name in spec.theorems:
        theorem = THEOREMS[name]
        forms = " and ".join(theorem.forms)
        lines.append(f"  {name} ({', '.join(theorem.kinds)}; {forms}): {theorem.claim}.")
    for sweep, artifact in zip(spec.sweeps, artifacts, strict=True):
        lines += ["", f"Artifact {sweep} (seed {artifact['seed']})"]
        lines += [f"  {k}: {json.dumps(v)}" for k, v in artifact["configuration"].items()]
        counts = artifact["payload"].get("counts", {})
        lines += [f"  {k.replace('_', ' ')}: {v}" for k, v in counts.items()]
        versions = artifact["versions"]
        lines.append("  computed with: " + ", ".join(f"{k} {v}" for k, v in versions.items()))
    return "\n".join(lines) + "\n"


def gallery_page(entries: Sequence[tuple[Spec, str, str]]) -> str:
    """A page with figures and their captions, beside the files.

    Args:
        entries: figure, name of its file, and caption text.

    Returns:
        HTML that refers to the files by name.
    """
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><title>Figures</title><style>',
        "body{font-family:serif;max-width:60em;margin:2em auto;padding:0 1em}",
        "img,object{max-width:100%}pre{white-space:pre-wrap}</style></head><body>",
        "<h1>Figures</h1>",
    ]
    for spec, file, text in entries:
        title = html.escape(spec.title)
        name = html.escape(file)
        shown = (
            f'<a href="{name}">{name}</a>'
            if file.endswith(".pdf")
            else f'<img src="{name}" alt="{title}">'
        )
        parts += [
            f'<section id="{spec.name}"><h2>{title}</h2>',
            shown,
            f"<p>{html.escape(spec.caption)}</p>",
            f"<details><summary>theorems and configuration</summary><pre>{html.escape(text)}"
            "</pre></details></section>",
        ]
    return "\n".join([*parts, "</body></html>", ""])
