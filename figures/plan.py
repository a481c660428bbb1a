"""Figure: what theory, held-out rows and both together say of every design of a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from synthetic_oversampling.figures import style

__all__ = ["draw_plan", "label_of", "save_plan"]

_LOOKS = (  # what, its key in a design, its shift, its look
    ("theory", "prior", -0.22, {"color": style.SERIES[1].colour, "marker": "s"}),
    ("held-out rows", "evidence", 0.0, {"color": style.SERIES[2].colour, "marker": "^"}),
    ("both", "posterior", 0.22, {"color": style.SERIES[0].colour, "marker": "o"}),
)
_POINT = {"markerfacecolor": "white", "elinewidth": 0.9, "linestyle": "none", "markersize": 4.5}
# black, which no series is, and a star
_RECOMMENDED = {
    "color": "black",
    "marker": "*",
    "markersize": 11,
    "markerfacecolor": "black",
    "markeredgecolor": "white",
    "markeredgewidth": 0.7,
    "linestyle": "none",
    "zorder": 5,
}


def label_of(design: Mapping) -> str:
    """What a design is called.

    Args:
        design: of a plan's payload.

    Example:
        >>> label_of({"name": "small", "source": "smote", "rows": 9, "weight": 0.25})
        'small smote, 0.25'
    """
    alpha = f", {design['weight']:.2f}" if design["rows"] else ""
    return f"{design['name']} {design['source']}".strip() + alpha


@style.styled
def draw_plan(payload: Mapping):
    """The figure of a plan's payload: opinions on the gain of every design over class weighting.

    Args:
        payload: of an artifact of kind "plan".
    """
    chosen = payload["recommended"]
    designs = [
        design for design in payload["designs"] if design["name"] != "raw" or design == chosen
    ]
    figure, (axes,) = style.new_figure(1, 1, height=max(2.8, 0.26 * len(designs) + 1.0))
    for place, design in enumerate(designs):
        for _, key, shift, look in _LOOKS:
            if design[key] is not None and design["rows"]:
                axes.errorbar(
                    [design[key]["mean"]],
                    [place + shift],
                    xerr=[design[key]["error"]],
                    **_POINT | look,
                )
        if design == chosen:
            axes.axhspan(place - 0.5, place + 0.5, color="0.92", linewidth=0, zorder=0)
            axes.plot([design["expected"]], [place], **_RECOMMENDED)
    style.guide(axes, x=0.0, linestyle=":")
    axes.set_yticks(range(len(designs)), [label_of(design) for design in designs])
    for name, design in zip(axes.get_yticklabels(), designs, strict=True):
        if design == chosen:
            name.set_fontweight("bold")
    axes.set_ylim(len(designs) - 0.5, -0.5)
    unit = " (nats)" if payload["unit"] == "nats" else ""
    axes.set_xlabel(f"gain over class weighting, {payload['words']}{unit}, one standard error")
    keys: list[tuple[str, dict]] = [(text, _POINT | look) for text, _, _, look in _LOOKS]
    keys.append(("recommended", _RECOMMENDED))
    figure.legend(
        handles=[
            style.Line2D(
                [],
                [],
                label=text,
                **{key: value for key, value in look.items() if key != "elinewidth"},
            )
            for text, look in keys
        ],
        loc="outside lower center",
        ncols=4,
    )
    return figure


def save_plan(payload: Mapping, path: str | os.PathLike) -> Path:
    """Draw a plan and write it; the file's ending says the format.

    Args:
        payload: of `practice.planner.report.as_dict`.
        path: of the picture.
    """
    path = Path(path)
    return style.save(draw_plan(payload), path, path.suffix[1:])
