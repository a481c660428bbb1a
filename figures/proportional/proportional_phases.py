"""Figure: where oversampling beats class weighting, by imbalance and features per row (H1, H2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import TwoSlopeNorm

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_NAMES = {
    "smote-pairs": "SMOTE, all pairs",
    "plugin-pooled": "plug-in, pooled covariance",
    "plugin": "plug-in, own covariance",
}
_WORSE = "...."
_LIMIT = 0.6  # a factor of 1.5; beyond it the colour stays
_MARKS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)


@style.styled
def _draw(payload: Mapping):
    figure, axes = style.new_figure(1, len(_NAMES), height=3.3, sharey=True)
    x, y = np.asarray(payload["imbalance"]), np.asarray(payload["features"])
    norm = TwoSlopeNorm(0.0, -_LIMIT, _LIMIT)
    for panel, (name, title) in zip(axes, _NAMES.items(), strict=True):
        gain = np.log2(np.asarray(payload["relative"][name]))
        image = panel.pcolormesh(
            x, y, gain, cmap="PuOr", norm=norm, shading="gouraud", rasterized=True
        )
        # in grey both ends of the colours are dark: what is worse is hatched
        panel.contourf(x, y, gain, levels=[-np.inf, 0.0], colors="none", hatches=[_WORSE])
        if gain.min() < 0 < gain.max():
            panel.contour(x, y, gain, levels=[0.0], colors="black", linewidths=1.3)
        for row in payload["points"]:
            seen = row["gain"][name]
            place = row["imbalance"], row["features"]
            style.verdict(panel, *place, seen["mean"], seen["std_error"])
        panel.set(xscale="log", yscale="log", xlabel="imbalance ratio $n_0/n_1$")
        panel.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
        panel.set_xticks([2, 4, 8, 16, 32])
        panel.set_yticks([0.25, 0.5, 1, 2, 4, 8])
        panel.minorticks_off()
        panel.set_title(title)
    axes[0].set_ylabel("features per minority row $d/n_1$")
    style.plain_log(*axes)
    style.plain_log(*axes, which="y")
    bar = figure.colorbar(image, ax=axes, extend="both", aspect=30, pad=0.02)
    bar.set_label("excess risk of weighting / of oversampling")
    bar.set_ticks(np.log2(_MARKS), labels=[f"{mark:g}" for mark in _MARKS])
    bar.ax.minorticks_off()
    handles: list[Artist] = [
        style.Line2D([], [], color="black", linestyle="-", label="break-even, theorem H"),
        style.hatched(_WORSE, "predicted to be worse"),
        *style.verdict_handles("better", "worse"),
    ]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=5, columnspacing=1.0, handlelength=2.0
    )
    style.panel_letters(axes)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="proportional_phases",
    title="where oversampling beats class weighting when features are many",
    theorems=("H1", "H2"),
    sweeps=("proportional_phases",),
    caption="Balanced excess risk of class weighting divided by that of levelling the classes with "
    "synthetic rows, each at the ridge that is best for it by theorem H: above 1 oversampling is "
    "better, below (dotted) worse. Two Gaussian classes with unit covariances at a distance of 2, "
    "40 rows of the minority, against the imbalance ratio and the number of features per minority "
    "row (splines through 8 by 8 predictions, in logarithms). Line: where both are the same. "
    "Markers: the sign of the simulated gain where its 95 % interval excludes 0, on the same real "
    "rows and at the same ridges; 'open' where it does not. SMOTE is ahead everywhere, by little "
    "where features are many; a plug-in with the pooled covariance is ahead where the majority's "
    "rows tell the covariance, one with the minority's own nowhere here.",
    draw=_draw,
)
