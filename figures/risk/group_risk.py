"""Figure: errors and risks of every group and of the worst one (R5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_GROUPS = ("$y=0,\\ s=-$", "$y=0,\\ s=+$", "$y=1,\\ s=-$", "$y=1,\\ s=+$")


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.5)
    rows = payload["designs"]
    count = len(_GROUPS)
    for place, row in enumerate(rows.values()):
        height = place + 0.16 * (np.arange(count + 1) - count / 2)
        observed, worst = row["error_observed"], row["worst_error_observed"]
        for g in range(count):
            style.ticks(left, [row["error"][g]], [height[g]], g, markersize=6)
            style.points(
                left,
                [height[g]],
                [observed["mean"][g]],
                [observed["std_error"][g]],
                g,
                horizontal=True,
                markersize=3.2,
            )
        style.ticks(left, [row["worst_error"]], [height[-1]], 4, markersize=6)
        style.points(
            left,
            [height[-1]],
            [worst["mean"]],
            [worst["std_error"]],
            4,
            horizontal=True,
            markersize=3.2,
        )
        if place:
            style.guide(left, y=place - 0.5, color="0.9")
    left.set_yticks(range(len(rows)), [style.display(name) for name in rows])
    left.set_ylim(len(rows) - 0.5, -0.5)
    left.tick_params(axis="y", length=0)
    left.set_xlim(left=0.0)
    left.set_xlabel("error rate")
    left.set_title("errors by group, and the worst")
    shifts = payload["shifts"]
    at, excess = shifts["points"], shifts["points"]["excess"]
    full, first = (np.asarray(shifts[k]) for k in ("excess", "first_order"))
    mean, spread = (np.asarray(excess[k]) for k in ("mean", "std_error"))
    for g in range(count):
        style.curve(right, shifts["length"], full[:, g], g)
        style.guide(right, shifts["length"], first[:, g], color=style.SERIES[g].colour, gid=None)
        style.points(right, at["length"], mean[:, g], spread[:, g], g)
    style.guide(right, y=0.0)
    right.set_xlabel("shift of the generator along the spurious feature")
    right.set_ylabel("excess risk of the group (nats)")
    right.set_title("risk by group")
    handles = style.handles((*_GROUPS, "worst (a)"))
    figure.legend(handles=handles, loc="outside upper center", ncols=5, columnspacing=1.2)
    style.panel_letters((left, right))
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="group_risk",
    title="errors and excess risk by group, and the worst group",
    theorems=("R5",),
    sweeps=("spurious_weight",),
    caption="Four groups by label and spurious attribute. (a) Error rate of every group and "
    "expected largest error: ticks are theory with its second-order terms (for the worst group the "
    "largest of the expectations, which the expected largest error exceeds where groups tie), "
    "markers simulated means with 95 % intervals. (b) Excess risk of every group when the "
    "generator's samples are shifted along the spurious feature: curves are the full prediction, "
    "thin straight "
    "lines the first order -grad R_g' A^{-1} b plus the second-order part without shift, markers "
    "simulation (one set of random numbers for all shifts).",
    draw=_draw,
)
