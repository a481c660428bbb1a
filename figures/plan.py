"""Figure: what a plan compares, and what more synthetic rows would bring."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from figures import style

__all__ = ["draw_plan", "save_plan"]


@style.styled
def draw_plan(payload: Mapping):
    """The figure of a plan's payload: excess of every design, and the law of each generator.

    Args:
        payload: of an artifact of kind "plan".
    """
    designs = payload["designs"]
    figure, (left, right) = style.new_figure(
        1, 2, height=max(2.8, 0.24 * len(designs) + 1.0), width_ratios=(1.25, 1.0)
    )
    chosen = payload["recommended"]
    names = []
    for place, own in enumerate(designs):
        best = all(own[key] == chosen[key] for key in ("name", "source"))
        mean = own["excess"]["value"]
        reach = [[max(mean - own["excess"]["low"], 0.0)], [max(own["excess"]["high"] - mean, 0.0)]]
        colour = style.SERIES[1 if best else 0].colour if place > 1 or best else "0.25"
        left.errorbar(
            [max(mean, 1e-12)], [place], xerr=reach, marker=style.SERIES[1 if best else 0].marker,
            color=colour, linestyle="none", markerfacecolor=colour if best else "white",
            elinewidth=0.9,
        )  # fmt: skip
        names.append(f"{own['name']} {own['source']}".strip())
    reference = designs[1]["excess"]["value"]
    for place, own in enumerate(designs):
        left_over = reference - own["expected"] - own["cost"]
        if own["rows"] and left_over > 0:
            left.plot(left_over, place, marker="x", color="0.25", markersize=5, linestyle="none")
    style.guide(left, x=reference, linestyle=":")
    left.set_yticks(range(len(designs)), names)
    left.invert_yaxis()
    least = min(own["excess"]["value"] for own in designs if own["excess"]["value"] > 0)
    left.set(xscale="log", xlabel="predicted excess risk (nats)")
    left.set_xlim(left=0.3 * least)  # an interval may reach down to 0
    left.set_title("S1 and expected (crosses); filled: recommended")
    style.plain_log(left)
    for series, own in enumerate(payload["curves"]):
        style.curve(right, own["size"], own["excess"], series % len(style.SERIES), own["source"])
    if chosen["size"]:
        value = chosen["excess"]
        spread = [[value["value"] - value["low"]], [value["high"] - value["value"]]]
        right.errorbar(
            [chosen["size"]], [value["value"]], yerr=spread, marker="*", markersize=9,
            color=style.SERIES[1].colour, linestyle="none",
            label=r"recommended (its own $\alpha$)",
        )  # fmt: skip
    style.guide(right, y=reference, linestyle=":")
    right.annotate(
        "class weighting", (0.02, reference), xycoords=("axes fraction", "data"),
        xytext=(0, 2), textcoords="offset points", fontsize=8, color="0.35",
    )  # fmt: skip
    right.set(xscale="log", xlabel="added rows per group $N$")
    right.set_ylabel(r"excess risk at $\alpha^*(N)$ (nats)")
    top = chosen["excess"]["high"] if chosen["size"] else 0.0
    right.set_ylim(bottom=0.0, top=1.25 * max(reference, top))
    right.set_title("weighting real rows and adding $N$")
    style.plain_log(right)
    if payload["curves"] or chosen["size"]:
        right.legend(loc="lower left")
    style.panel_letters([left, right])
    return figure


def save_plan(payload: Mapping, path: str | os.PathLike) -> Path:
    """Draw a plan and write it; the file's ending says the format."""
    path = Path(path)
    return style.save(draw_plan(payload), path, path.suffix[1:])
