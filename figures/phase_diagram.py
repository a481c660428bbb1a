"""Figure: where synthetic data help and where they hurt (R3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import TwoSlopeNorm

from figures import style
from figures.spec import Spec

__all__ = ["SPEC"]

_VERDICTS = {"helps": ("o", "white"), "hurts": ("s", "black"), "open": ("D", "0.6")}


def _verdict(mean: float, std_error: float) -> str:
    if abs(mean) <= style.INTERVAL * std_error:
        return "open"
    return "helps" if mean > 0 else "hurts"


@style.styled
def _draw(payload: Mapping):
    figure, (panel,) = style.new_figure(1, 1, height=3.5, width=1.7 * style.ONE_COLUMN)
    ratio, length = np.asarray(payload["ratio"]), np.asarray(payload["length"])
    gain = np.log2(np.asarray(payload["relative"]))
    limit = 3.0  # a factor of 8; beyond it the colour stays
    norm = TwoSlopeNorm(0.0, -limit, limit)
    image = panel.pcolormesh(ratio, length, gain, cmap="PuOr", norm=norm, shading="gouraud",
                             rasterized=True)  # fmt: skip
    bar = figure.colorbar(image, ax=panel, extend="both")
    bar.set_label("class weighting's excess risk / the design's")
    marks = np.arange(np.ceil(-limit), np.floor(limit) + 1)
    bar.set_ticks(marks, labels=[f"{2.0**mark:g}" for mark in marks])
    edges = payload["break_even"]
    style.curve(panel, ratio, edges["weighted"], 4, "break-even with class weighting",
                linestyle="-")  # fmt: skip
    style.curve(panel, ratio, edges["raw"], 4, "break-even with raw ERM", linestyle="--")
    for row in payload["points"]:
        seen = row["gain"]
        for place, mean, spread in zip(
            row["lengths"], seen["mean"], seen["std_error"], strict=True
        ):
            marker, face = _VERDICTS[_verdict(mean, spread)]
            panel.plot([row["ratio"]], [place], marker=marker, markerfacecolor=face,
                       markeredgecolor="black", linestyle="none", markersize=5)  # fmt: skip
    for name, (marker, face) in _VERDICTS.items():
        panel.plot([], [], marker=marker, markerfacecolor=face, markeredgecolor="black",
                   linestyle="none", label=f"simulation: {name}", gid=style.GUIDE)  # fmt: skip
    panel.set(xscale="log", xlabel="imbalance ratio $n_0/n_1$", ylim=(length[0], length[-1]))
    panel.set_xlim(ratio[0], ratio[-1])
    panel.set_ylabel("shift of the generator")
    style.plain_log(panel)
    figure.legend(loc="outside upper center", ncols=2, columnspacing=1.4)
    return figure


SPEC = Spec(
    "phase_diagram",
    "where synthetic oversampling helps and where it hurts",
    ("R3",),
    ("phases",),
    "Predicted excess risk of class weighting divided by that of a synthetic design, against the "
    "imbalance ratio and the length of the generator's mean shift: above 1 the synthetic design "
    "helps. Lines: the shift at which it breaks even with class weighting and with raw ERM on the "
    "same data. Markers: the sign of the simulated gain over class weighting, where its 95 % "
    "interval excludes 0; 'open' where it does not.",
    _draw,
)
