"""Figure: from how many features on rows are separable and no fit without ridge exists (H3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.patches import Patch

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_NAMES = {"real": "real rows alone", "levelled": "levelled by oracle rows"}
_FINITE, _RESCUED = "0.86", "...."


@style.styled
def _draw(payload: Mapping):
    figure, axes = style.new_figure(1, len(payload["distances"]), height=3.4, sharey=True)
    ratio = np.asarray(payload["ratio"])
    for panel, (distance, curve) in zip(axes, payload["distances"].items(), strict=True):
        low, high = (np.asarray(curve[name]["curve"]) for name in _NAMES)
        panel.fill_between(ratio, 0.0, low, facecolor=_FINITE, linewidth=0.0)
        panel.fill_between(
            ratio, low, high, facecolor="none", edgecolor="0.6", hatch=_RESCUED, linewidth=0.0
        )
        for series, name in enumerate(_NAMES):
            style.curve(panel, ratio, curve[name]["curve"], series)
            seen = curve[name]["points"]
            style.points(panel, seen["ratio"], seen["mean"], seen["std_error"], series)
        panel.set(xscale="log", xlabel=r"imbalance ratio $n_0/n_1$", ylim=(0.0, None))
        panel.set_xlim(ratio[0] / 1.08, ratio[-1])
        panel.set_xticks([1, 2, 4, 8, 16])
        panel.minorticks_off()
        panel.set_title(rf"distance $\Delta$ = {distance}")
    axes[0].set_ylabel(r"features per real row $d/n$")
    style.plain_log(*axes)
    cases = [
        Patch(facecolor=_FINITE, label="finite fit in both cases"),
        Patch(
            facecolor="none",
            edgecolor="0.6",
            hatch=_RESCUED,
            linewidth=0.0,
            label="finite fit with the oracle rows only",
        ),
        Patch(facecolor="white", edgecolor="0.4", linewidth=0.6, label="separable in both cases"),
    ]
    curves = style.handles([f"threshold, {name}" for name in _NAMES.values()])
    figure.legend(handles=[*curves, *cases], loc="outside upper center", ncols=3, columnspacing=1.6)
    style.panel_letters(axes)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="separability",
    title="from how many features on rows are separable, by imbalance",
    theorems=("H3",),
    sweeps=("separability",),
    caption="Two Gaussian classes with unit covariances at a distance Delta. Below a curve the "
    "logistic fit without ridge is finite, above it rows are linearly separable with a probability "
    "that tends to 1. Solid: real rows alone; dashed: the minority levelled by rows that the "
    "oracle draws. Fresh rows keep data from being separable where real rows alone are not enough "
    "(dotted); white: separable in both cases. Duplicates and interpolations lie in the convex "
    "hull of real rows and leave the solid curve where it is. Curves: theorem H3; markers: mean "
    "least number of features that separates 120 real rows, features added one after the other, "
    "found by non-negative least squares, with 95 % intervals.",
    draw=_draw,
)
