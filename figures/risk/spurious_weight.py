"""Figure: the weight on a spurious feature, before and after oversampling (B5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=2.9)
    alignment = payload["alignment"]
    style.curve(left, alignment["share"], alignment["weight"], 0, "theory, population")
    at, weight = alignment["points"], alignment["points"]["weight"]
    style.points(left, at["share"], weight["mean"], weight["std_error"], 0, "simulation, 95 %")
    style.guide(left, y=0.0)
    left.set(xlabel="share of samples whose attribute agrees with the label")
    left.set_ylabel("weight on the spurious feature")
    left.set_title("before: raw ERM")
    left.legend(loc="upper left")
    rows = payload["designs"]
    place = np.arange(len(rows))
    values = list(rows.values())
    style.ticks(right, [v["weight"] for v in values], place, 0, "theory")
    linear = [v["weight_linear"] for v in values]
    style.crosses(right, linear, place, r"$-[A^{-1}\nabla B]_{\mathrm{spur}}$")
    observed = [v["weight_observed"] for v in values]
    style.points(
        right,
        place,
        [o["mean"] for o in observed],
        [o["std_error"] for o in observed],
        1,
        "simulation, 95 %",
        horizontal=True,
    )
    style.guide(right, x=0.0)
    right.set_yticks(place, [style.display(name) for name in rows])
    right.set_ylim(len(rows) - 0.5, -0.5)
    right.tick_params(axis="y", length=0)
    right.set_xlabel("weight on the spurious feature")
    right.set_title("before and after")
    right.legend(loc="lower right")
    style.panel_letters((left, right))
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="spurious_weight",
    title="weight on a spurious feature, before and after oversampling",
    theorems=("B5",),
    sweeps=("spurious_weight",),
    caption="Two core features that depend on the label and one spurious feature that depends on "
    "an attribute. (a) Raw ERM's weight on the spurious feature against the share of samples whose "
    "attribute agrees with the label: 0 at one half, where the groups are balanced. (b) At the "
    "sizes below: ticks are the exact displacement plus the estimator's O(1/n) bias, crosses the "
    "linear form, markers simulated means with 95 % intervals. The balanced optimum puts no weight "
    "there; what a synthetic design leaves comes from its generator's bias.",
    draw=_draw,
)
