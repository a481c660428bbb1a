"""Figures: the scaling law in the synthetic size, by generator and rule for the weight (S1, S3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["BEST_WEIGHT", "SPEC"]

_RULES = {
    "best": r"best, $\alpha^*(N)$",
    "fixed": r"fixed, $\alpha = 0.3$",
    "full": r"$\alpha = 1$",
}


@style.styled
def _draw(payload: Mapping):
    rows = payload["generators"]
    columns = (len(rows) + 1) // 2
    figure, axes = style.new_figure(2, columns, height=4.4, sharex=True, sharey=True)
    for panel, (name, row) in zip(axes, rows.items(), strict=True):
        for series, (rule, label) in enumerate(_RULES.items()):
            style.curve(panel, row["size"], row["excess"][rule], series, label)
            seen = row["observed"][rule]
            style.points(panel, seen["size"], seen["mean"], seen["std_error"], series)
        style.guide(panel, y=row["floor"], linestyle=(0, (1, 2)), linewidth=0.9)
        if row["crossover"] > 0:  # some weight helps
            style.guide(panel, x=row["crossover"], linestyle=(0, (1, 2)), linewidth=0.9)
        panel.set(xscale="log", yscale="log")
        panel.set_title(style.display(name))
    for panel in axes[columns:]:
        panel.set_xlabel("synthetic samples per group $N$")
    for panel in axes[::columns]:
        panel.set_ylabel("excess risk (nats)")
    lowest = min(min(row["excess"]["best"]) for row in rows.values())
    axes[0].set_ylim(bottom=0.6 * lowest)
    handles, labels = axes[0].get_legend_handles_labels()
    handles.append(style.Line2D([], [], color="0.55", linestyle=(0, (1, 2))))
    figure.legend(
        handles,
        [*labels, "floor, $N_c$"],
        loc="outside upper center",
        ncols=4,
        title="weight",
        title_fontsize=8,
    )
    style.panel_letters(axes)
    return figure


@style.styled
def _draw_weight(payload: Mapping):
    figure, (panel,) = style.new_figure(1, 1, height=3.0, width=1.5 * style.ONE_COLUMN)
    highest = 1.0
    for series, (name, curve) in enumerate(payload["generators"].items()):
        style.curve(panel, payload["size"], curve["weight"], series, style.display(name))
        size, mean, error = (curve["vertex"][part] for part in ("size", "mean", "std_error"))
        if size:  # side by side, so that no interval hides another; none where no weight helps
            style.points(panel, np.asarray(size) * 1.06 ** (series - 2.5), mean, error, series)
            highest = max(highest, np.max(np.asarray(mean) + 1.96 * np.asarray(error)))
    panel.set(xscale="log", ylim=(-0.02, highest + 0.02), xlabel="synthetic samples per group $N$")
    panel.set_ylabel(r"best weight $\alpha^*(N)$")
    panel.legend(loc="upper left")
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="scaling_law",
    title="scaling law in the synthetic size, with crossover and floor",
    theorems=("S1", "S3"),
    sweeps=("scaling_law",),
    caption="Excess risk against the synthetic size for three rules of the weight, by generator: "
    "the best weight of each size, a fixed one, and 1. The biased generators (shifted, scaled) are "
    "those of the minority, with biases of the order of the sampling noise. Curves: S1's global "
    "law a(alpha) + s(alpha)/N, of theorem R at its pseudo-true points; SMOTE's best weight is 0. "
    "Dotted: floor and crossover N_c. Markers: simulated excess risk with 95 % intervals, fewer "
    "replicates at 10^5. Duplicates and the plug-in saturate at their seeds' own rate (S3); the "
    "oracle has no floor.",
    draw=_draw,
)
# a second figure of the same kind: the best weight
BEST_WEIGHT = Spec(
    name="best_weight",
    title="best weight against the synthetic size",
    theorems=("S1",),
    sweeps=("scaling_law",),
    caption="Weight alpha of the augmentation part with the least excess risk, against the "
    "synthetic size. Curves: S1's global law. Markers: vertex of the parabola through simulated "
    "excesses at three weights on common random numbers, with its first-order 95 % interval, drawn "
    "beside each other at sizes 100 to 10^4; none for SMOTE, whose best weight is 0. The curve of "
    "the scaled generator lies on the oracle's, the plug-in's on that of duplicates.",
    draw=_draw_weight,
)
