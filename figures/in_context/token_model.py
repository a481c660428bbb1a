"""Figure: the token model's divergence by depth, beside the reported and the sharp rate (T2)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec
from synthetic_oversampling.theory.wording import counted

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (panel,) = style.new_figure(1, 1, height=3.3, width=1.6 * style.ONE_COLUMN)
    style.curve(panel, payload["count"], payload["reported"], 5, "reported rate, constants 1")
    for series, (depth, layer) in enumerate(payload["layers"].items()):
        name = counted(int(depth), "layer")
        style.curve(panel, payload["count"], layer["expected"], series, name)
        seen = layer["observed"]
        style.points(panel, payload["counts_seen"], seen["mean"], seen["std_error"], series)
    style.curve(panel, payload["count"], payload["sharp"], 4, "sharp rate $d/(2n)$", linewidth=1.0)
    panel.set(xscale="log", yscale="log", xlabel="seeds $n$", ylabel="expected divergence (nats)")
    style.plain_log(panel)
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.4)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="token_model",
    title="token model: divergence by depth, sharp and reported rate",
    theorems=("T2",),
    sweeps=("token_model",),
    caption="Expected divergence of a group of tokens, P(x) proportional to exp<u_x, eta>, from "
    "what L gradient layers read from n seeds. Curves by depth: floor plus noise/n (remainder "
    "O(n^-2)); the floor of a shallow read-out is its non-linearity, which depth removes, down to "
    "the sharp rate d/(2n). The reported rate 1/sqrt(d) + log(d)/sqrt(n) is drawn with its "
    "unspecified constants set to 1; nothing here tests it. Markers: simulated means with 95 % "
    "intervals.",
    draw=_draw,
)
