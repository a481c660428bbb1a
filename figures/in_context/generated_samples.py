"""Figure: seeds of one group, what generators draw from them, and the truth."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    rows = payload["generators"]
    figure, axes = style.new_figure(1, len(rows), height=2.3, sharex=True, sharey=True)
    seeds = payload["seeds"]
    for panel, (name, sample) in zip(axes, rows.items(), strict=True):
        panel.plot(
            sample["x"],
            sample["y"],
            color="0.7",
            marker=".",
            markersize=3.0,
            linestyle="none",
            label="generated (in a: true) samples",
        )
        panel.plot(
            seeds["x"],
            seeds["y"],
            color=style.SERIES[1].colour,
            marker="s",
            markersize=3.2,
            linestyle="none",
            label="seeds",
        )
        panel.set_title(style.display(name))
        panel.set_xlabel("$x_1$")
    axes[0].set_ylabel("$x_2$")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    style.panel_letters(axes)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="generated_samples",
    title="seeds, generated and true samples of one group",
    theorems=(),
    sweeps=("generated_samples",),
    caption="A small group's seeds and ten times as many samples: from the truth, from SMOTE with "
    "its nearest neighbours, from the Gaussian fitted to the seeds, and from the posterior "
    "predictive given the seeds. Interpolation stays within the seeds; the predictive is wider "
    "than the plug-in because it knows how little the seeds say.",
    draw=_draw,
)
