"""Figure: what imbalance alone does to plain empirical risk minimisation (B4)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=2.9)
    ratio, curves, points = payload["ratio"], payload["curves"], payload["points"]
    error, finite = points["error"], np.asarray(points["error_finite"])
    names = (("error_1", "minority", 1), ("error_0", "majority", 0))
    for series, (curve, name, group) in enumerate(names):
        style.curve(left, ratio, curves[curve], series, name)
        mean, spread = (np.asarray(error[k])[:, group] for k in ("mean", "std_error"))
        style.points(left, points["ratio"], mean, spread, series)
        style.crosses(left, points["ratio"], finite[:, group])
    style.curve(left, ratio, curves["balanced_error"], 2, "balanced")
    left.set(xscale="log", xlabel=r"imbalance ratio $n_0/n_1$", ylabel="error rate", ylim=(0, 1))
    left.set_title("class errors of raw ERM")
    left.legend(loc="center left", bbox_to_anchor=(0.0, 0.66))
    style.curve(right, ratio, curves["shift"], 0, r"intercept: $\log(n_1/n_0)$")
    moved, limit = points["displacement"], np.asarray(points["displacement_finite"])
    mean, spread = (np.asarray(moved[k]) for k in ("mean", "std_error"))
    style.points(right, points["ratio"], mean[:, 0], spread[:, 0], 0, "simulation, 95 %")
    style.crosses(right, points["ratio"], limit[:, 0], "with the $O(1/n)$ term")
    slopes = mean.shape[1] - 1
    for j in range(slopes):  # side by side, in one look: none differs from 0
        place = np.asarray(points["ratio"]) * 1.1 ** (j - (slopes - 1) / 2)
        label = "each slope, simulated: 0" if j == 0 else None
        style.points(right, place, mean[:, 1 + j], spread[:, 1 + j], 1, label)
    right.set(xscale="log", xlabel=r"imbalance ratio $n_0/n_1$")
    right.set_ylabel(r"$\mathbb{E}\,\hat\theta - \theta^*$")
    right.set_title("only the intercept moves")
    right.legend(loc="lower left")
    style.plain_log(left, right)
    style.panel_letters((left, right))
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="raw_imbalance",
    title="raw ERM under imbalance: errors per class against the ratio",
    theorems=("B4",),
    sweeps=("raw_imbalance",),
    caption="Two Gaussian classes with one covariance matrix, the larger class with n_max "
    "samples. (a) Error per class of plain logistic regression: curves are the closed form "
    "Phi(-Delta/2 -+ log(n_1/n_0)/Delta), exact for the population; crosses add theorem R5's "
    "terms of order 1/n at the simulated sizes; markers are simulated means with 95 % intervals "
    "(often smaller than the marker). Points share their random numbers. (b) The intercept moves "
    "along a straight line in the logarithm of the ratio, the slopes do not; at small minority "
    "sizes the estimator adds its O(1/n) bias (crosses) to the target's move. Slopes are drawn "
    "beside each other.",
    draw=_draw,
)
