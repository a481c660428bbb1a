"""Figure: excess risk, taken apart, against the weight of the augmentation part (R1, R2, R6)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_PARTS = (
    ("total", 0, "total"),
    ("bias", 1, "bias part"),
    ("variance", 2, "variance part"),
    ("cox_snell", 3, "Cox-Snell part"),
)


@style.styled
def _draw(payload: Mapping):
    rows = payload["generators"]
    figure, axes = style.new_figure(1, len(rows), height=2.7)
    for panel, (name, row) in zip(axes, rows.items(), strict=True):
        for part, series, label in _PARTS:
            style.curve(panel, payload["weight"], row[part], series, label)
        seen = row["observed"]
        style.points(panel, payload["weights"], seen["mean"], seen["std_error"], 0)
        style.guide(panel, y=0.0)
        panel.set_title(style.display(name))
        panel.set_xlabel(r"weight $\alpha$")
        panel.set_xticks([0.0, 0.5, 1.0])
        style.scaled(panel, -3)
    axes[0].set_ylabel("balanced excess risk ($10^{-3}$ nats)")
    handles, labels = axes[0].get_legend_handles_labels()
    handles.append(
        style.Line2D(
            [],
            [],
            color=style.SERIES[0].colour,
            marker="o",
            linestyle="none",
            markerfacecolor="white",
        )
    )
    figure.legend(
        handles,
        [*labels, "simulated total, 95 %"],
        loc="outside upper center",
        ncols=5,
        columnspacing=1.4,
    )
    style.panel_letters(axes)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="excess_against_weight",
    title="excess risk, taken apart, against the weight",
    theorems=("R1", "R2", "R6"),
    sweeps=("excess_against_weight",),
    caption="Balanced excess risk of logistic regression on two Gaussian classes against the "
    "weight alpha of the augmentation part, for generators that do not see the seeds (oracle, "
    "shifted: R1) and for generators fitted on them (interpolation of all pairs, pooled Gaussian "
    "plug-in: R2). Curves: the predicted total and its bias, variance and Cox-Snell parts. "
    "Markers: simulated means with 95 % intervals; the weights of one panel share their random "
    "numbers. Every panel has its own scale. Where a generator has no bias, (a) and (d), the "
    "variance part is the total and lies on it. The curve of the total is what the bound of R6 "
    "bounds.",
    draw=_draw,
)
