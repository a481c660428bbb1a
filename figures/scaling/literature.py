"""Figure: S1 and S2 beside the real-plus-surrogate law of Jain, Montanari and Sasoglu."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


def _panel(panel, payload: Mapping, rows: Mapping, own_name: str, names: Mapping) -> list:
    """Draw the laws of all rows; returns the legend's entries."""
    handles = []
    for series, (name, row) in enumerate(rows.items()):
        errors = row["errors"]
        mine, law = (f"{100 * errors[key]:.0f} %" for key in ("own", "law"))
        label = f"{names[name]}: {own_name} {mine}, law {law}"
        style.curve(panel, payload["weight"], row["own"], series, linestyle="-")
        look = style.SERIES[series]  # all lines are solid: the marker tells them apart in grey
        handles.append(
            style.Line2D(
                [],
                [],
                color=look.colour,
                marker=look.marker,
                markerfacecolor="white",
                markeredgewidth=1.0,
                label=label,
            )
        )
        style.guide(
            panel,
            payload["weight"],
            row["law"],
            gid=None,
            linewidth=1.1,
            color=style.SERIES[series].colour,
            linestyle=(0, (2, 2)),
        )
        seen = row["observed"]
        style.points(panel, payload["weights"], seen["mean"], seen["std_error"], series)
    panel.set(yscale="log", xlabel=r"weight $\alpha$ of the synthetic part")
    return handles


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.6)
    names = {name: style.display(name) for name in payload["parametric"]}
    first = _panel(left, payload, payload["parametric"], "S1", names)
    left.set_ylabel("excess risk (nats)")
    left.set_title("logistic regression")
    names = {name: rf"$\beta={float(name):g}$" for name in payload["sequence"]}
    second = _panel(right, payload, payload["sequence"], "S2", names)
    right.set_ylabel(r"$\mathbb{E}\,\|\hat\theta-\theta\|^2$")
    right.set_title("sequence model, biased generator")
    for panel, name, handles in ((left, "S1", first), (right, "S2", second)):
        panel.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.22),
            title_fontsize=8,
            title=f"solid: {name}, dashed: law; r.m.s. errors",
        )
    style.panel_letters((left, right))
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="literature",
    title="S1 and S2 beside the real-plus-surrogate law of the literature",
    theorems=("S1", "S2"),
    sweeps=("literature",),
    caption="Excess risk against the weight of the synthetic part. Solid: this project's S1 (a) "
    "and S2 (b). Dashed: the law of Jain, Montanari and Sasoglu (arXiv 2402.04376), computed from "
    "the two single-source errors at weights 0 and 1 and its limit for infinitely many surrogate "
    "samples, with exponent 1 (a) and 2 beta/(2 beta + 1) (b). Markers: simulation with 95 % "
    "intervals. The legend gives each law's root-mean-square relative error at the markers. (a) "
    "The two differ by alpha (1 - alpha) C: not at all for fresh unbiased samples, and the more, "
    "the more the synthetic part repeats the errors of the oversampled data, as long as biases are "
    "small; S1's global law, drawn, follows the shifted generator too. (b) With a generator whose "
    "bias is a tenth of each coordinate the law, which knows only the two ends, is close "
    "throughout.",
    draw=_draw,
)
