"""Figure for the README: the problem, the price of a remedy, and what more of it buys."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(imbalance: Mapping, weights: Mapping, scaling: Mapping):
    figure, panels = style.new_figure(1, 3, height=2.55, width=1.15 * style.TWO_COLUMNS)
    left, middle, right = panels
    points = imbalance["points"]
    for series, (curve, name, group) in enumerate(
        (("error_1", "minority", 1), ("error_0", "majority", 0))
    ):
        style.curve(left, imbalance["ratio"], imbalance["curves"][curve], series, name)
        mean, spread = (np.asarray(points["error"][k])[:, group] for k in ("mean", "std_error"))
        style.points(left, points["ratio"], mean, spread, series)
    left.set(xscale="log", ylim=(0, 1), xlabel=r"imbalance ratio $n_0/n_1$", ylabel="error rate")
    style.plain_log(left)
    left.set_title("raw data: the minority pays")
    left.legend(loc="upper left", bbox_to_anchor=(0.0, 0.95))
    for series, name in enumerate(("smote", "shifted", "plugin-pooled")):
        row = weights["generators"][name]
        style.curve(middle, weights["weight"], row["total"], series, style.display(name))
        seen = row["observed"]
        style.points(middle, weights["weights"], seen["mean"], seen["std_error"], series)
    middle.set(xlabel=r"weight $\alpha$ of synthetic data", ylim=(0, None))
    style.scaled(middle, -3)
    middle.set_ylabel(r"excess risk ($10^{-3}$ nats)")
    middle.set_title("synthetic data: bias and noise")
    middle.legend(loc="upper left")
    for series, name in enumerate(("oracle", "shifted", "plugin")):
        row = scaling["generators"][name]
        style.curve(right, row["size"], row["excess"]["best"], series, style.display(name))
        seen = row["observed"]["best"]
        style.points(right, seen["size"], seen["mean"], seen["std_error"], series)
    right.set(xscale="log", yscale="log", xlabel="synthetic samples per group $N$")
    right.set_ylabel("excess risk (nats)")
    right.set_title("more of it: crossover and floor")
    right.legend(loc="lower left")
    style.panel_letters(panels)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="hero",
    title="the figure of the README: imbalance, excess risk by weight, scaling law",
    theorems=("B4", "R1", "R2", "S1"),
    sweeps=("raw_imbalance", "excess_against_weight", "scaling_law"),
    caption="Curves are theory, markers simulated means with 95 % intervals. (a) Error per class "
    "of plain logistic regression on imbalanced data. (b) Excess risk against the weight of "
    "synthetic data, by generator. (c) Excess risk at the best weight against the synthetic size, "
    "by S1's global law: it ends at a floor unless the generator is perfect.",
    draw=_draw,
)
