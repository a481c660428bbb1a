"""Figure: where synthetic data help and where they hurt, by rival and separation (R3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import TwoSlopeNorm

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_RIVALS = {"raw": "raw ERM", "weighted": "class weighting", "smote": "SMOTE"}
_HURTS = "...."
_LIMIT = 3.0  # a factor of 8; beyond it the colour stays


def _markers(panel, lengths, points, rival: str) -> None:
    for row in points:
        seen = row["gain"][rival]
        for place, mean, spread in zip(lengths, seen["mean"], seen["std_error"], strict=True):
            style.verdict(panel, row["ratio"], place, mean, spread)


@style.styled
def _draw(payload: Mapping):
    rows, count = payload["separations"], len(payload["separations"])
    figure, axes = style.new_figure(
        len(_RIVALS), count, height=6.6, width=style.TWO_COLUMNS, sharex=True, sharey=True
    )
    ratio, length = np.asarray(payload["ratio"]), np.asarray(payload["length"])
    norm = TwoSlopeNorm(0.0, -_LIMIT, _LIMIT)
    panels = axes.reshape(len(_RIVALS), count)
    for line, (rival, name) in zip(panels, _RIVALS.items(), strict=True):
        for panel, (separation, row) in zip(line, rows.items(), strict=True):
            gain = np.log2(np.asarray(row["relative"][rival]))
            image = panel.pcolormesh(
                ratio, length, gain, cmap="PuOr", norm=norm, shading="gouraud", rasterized=True
            )
            # in grey both ends of the colours are dark: what hurts is hatched
            panel.contourf(
                ratio, length, gain, levels=[-np.inf, 0.0], colors="none", hatches=[_HURTS]
            )
            style.curve(panel, ratio, row["break_even"][rival], 4, linestyle="-")
            style.curve(panel, ratio, row["leading"][rival], 4, linestyle="--")
            _markers(panel, payload["lengths"], row["points"], rival)
            panel.set(xscale="log", yscale="log", ylim=(length[0], length[-1]))
            panel.set_xlim(ratio[0], ratio[-1])
            style.plain_log(panel)
            style.plain_log(panel, which="y")
            panel.set_title(rf"{name}, $\Delta$ = {separation}")
        line[0].set_ylabel("shift of the generator")
    for panel in panels[-1]:
        panel.set_xlabel("imbalance ratio $n_0/n_1$")
    bar = figure.colorbar(image, ax=axes, extend="both", aspect=40, pad=0.02)
    bar.set_label("the rival's excess risk / the design's")
    marks = np.arange(np.ceil(-_LIMIT), np.floor(_LIMIT) + 1)
    bar.set_ticks(marks, labels=[f"{2.0**mark:g}" for mark in marks])
    handles: list[Artist] = [
        style.Line2D([], [], color="black", linestyle="-", label="break-even, theorem R"),
        style.Line2D([], [], color="black", linestyle="--", label="its leading order, closed form"),
    ]
    handles += [
        style.hatched(_HURTS, "predicted to hurt"),
        *style.verdict_handles("helps", "hurts"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1.4)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="phase_diagram",
    title="where synthetic oversampling helps and where it hurts",
    theorems=("R3",),
    sweeps=("phase_diagram",),
    caption="Predicted excess risk of a rival divided by that of a synthetic design (weight 0.4), "
    "against the imbalance ratio and the length of the generator's mean shift: above 1 the "
    "synthetic design helps, below (dotted) it hurts. Rows: beside raw ERM, class weighting and "
    "levelling by SMOTE on the same data. Columns: the distance Delta between the classes. Lines: "
    "the shift at which the design breaks even, from theorem R (solid) and from its leading order "
    "in the shift (dashed), a closed form that is good where the shift is small. Markers: the sign "
    "of the simulated gain over the rival where its 95 % interval excludes 0; 'open' where it does "
    "not.",
    draw=_draw,
)
