"""Figure: what a plan compares, and what more synthetic rows would bring."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from synthetic_oversampling.figures import style

__all__ = ["draw_plan", "save_plan"]


_DESIGN = {"marker": "o", "markerfacecolor": "white", "elinewidth": 0.9, "linestyle": "none"}
_EXPECTED = {"marker": "x", "color": "0.25", "markersize": 5, "linestyle": "none"}
# black, which no curve is, and a star, which no series is
_RECOMMENDED = {
    "color": "black", "marker": "*", "markersize": 11, "markerfacecolor": "black",
    "markeredgecolor": "white", "markeredgewidth": 0.7, "elinewidth": 1.4, "zorder": 5,
}  # fmt: skip
_CURVES = tuple(k for k, own in enumerate(style.SERIES) if own.colour != "#000000")


def _marker(look: Mapping) -> dict:
    """What a legend shows of the look of a point with an interval."""
    return {key: value for key, value in look.items() if key != "elinewidth"}


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
        look = _RECOMMENDED if best else {"color": style.SERIES[0].colour if place > 1 else "0.25"}
        left.errorbar([max(mean, 1e-12)], [place], xerr=reach, **_DESIGN | look)
        if best:
            left.axhspan(place - 0.5, place + 0.5, color="0.92", linewidth=0, zorder=0)
        names.append(f"{own['name']} {own['source']}".strip())
    reference = designs[1]["excess"]["value"]
    for place, own in enumerate(designs):
        left_over = reference - own["expected"] - own["cost"]
        if own["rows"] and left_over > 0:
            left.plot(left_over, place, **_EXPECTED)
    style.guide(left, x=reference, linestyle=":")
    left.set_yticks(range(len(designs)), names)
    for name, own in zip(left.get_yticklabels(), designs, strict=True):
        if all(own[key] == chosen[key] for key in ("name", "source")):
            name.set_fontweight("bold")
    left.set_ylim(len(designs) - 0.5, -0.5)
    least = min(own["excess"]["value"] for own in designs if own["excess"]["value"] > 0)
    left.set(xscale="log", xlabel="predicted excess risk (nats)")
    left.set_xlim(left=0.3 * least)  # an interval may reach down to 0
    left.set_title("designs")
    style.plain_log(left)
    for series, own in enumerate(payload["curves"]):
        place = _CURVES[series % len(_CURVES)]
        style.curve(right, own["size"], own["excess"], place, own["source"])
    if chosen["size"]:
        value = chosen["excess"]
        spread = [[value["value"] - value["low"]], [value["high"] - value["value"]]]
        right.errorbar([chosen["size"]], [value["value"]], yerr=spread, **_DESIGN | _RECOMMENDED)
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
    if payload["curves"]:
        right.legend(loc="lower left")
    percent = f"{100 * payload['level']:g} %"
    own = r", at its own $\alpha$" if chosen["size"] else ""
    keys = (
        (f"by S1, {percent} interval", _DESIGN | {"color": style.SERIES[0].colour}),
        ("expected", _EXPECTED),
        (f"recommended{own}", _DESIGN | _RECOMMENDED),
    )
    figure.legend(
        handles=[style.Line2D([], [], label=text, **_marker(look)) for text, look in keys],
        loc="outside lower center", ncols=3,
    )  # fmt: skip
    style.panel_letters([left, right])
    return figure


def save_plan(payload: Mapping, path: str | os.PathLike) -> Path:
    """Draw a plan and write it; the file's ending says the format."""
    path = Path(path)
    return style.save(draw_plan(payload), path, path.suffix[1:])
