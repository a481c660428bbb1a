"""Figure: what synthetic data gain, and Efron's efficiency, against the separation (R3, R4)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.0)
    efficiency = payload["efficiency"]
    style.curve(left, efficiency["distance"], efficiency["efficiency"], 0, "closed form")
    table, at = efficiency["published"], efficiency["points"]
    style.crosses(
        left, table["distance"], table["efficiency"], "Efron (1975), table", markersize=6.0
    )
    seen = at["efficiency"]
    style.points(left, at["distance"], seen["mean"], seen["std_error"], 1, "simulation, 95 %")
    left.set(xlim=(0, 4.1), ylim=(0, 1.1), xlabel=r"separation $\Delta$")
    left.set_ylabel("efficiency of logistic regression")
    left.set_title("limit: discriminant analysis")
    left.legend(loc="lower left")
    for series, (name, values) in enumerate(payload["relative"].items()):
        style.curve(right, payload["distance"], values, series, style.display(name))
        seen = payload["relative_observed"][name]
        style.points(right, payload["distances"], seen["mean"], seen["std_error"], series)
    style.guide(right, y=1.0)
    right.set(yscale="log", xlabel=r"separation $\Delta$")
    right.set_ylabel("excess risk / that of class weighting")
    right.set_title("below 1: a gain over class weighting")
    style.plain_log(right, which="y")
    right.legend(loc="upper right")
    style.panel_letters((left, right))
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="gain_against_separation",
    title="gain over class weighting and SMOTE, with Efron's efficiency",
    theorems=("R3", "R4"),
    sweeps=("gain_against_separation",),
    caption="Two Gaussian classes with identity covariance at Mahalanobis distance Delta. (a) "
    "Balanced sizes: the asymptotic efficiency of logistic regression relative to linear "
    "discriminant analysis, the limit of the pooled plug-in generator (alpha -> 1, N -> infinity): "
    "curve, Efron's published values, and the simulated ratio of mean squared slopes across the "
    "mean difference. (b) Imbalanced sizes: predicted excess risk of each design divided by that "
    "of class weighting on the same real data; the gap between two curves is the gain of one "
    "design over the other (the pooled plug-in over SMOTE, for instance). SMOTE interpolates all "
    "seed pairs and only oversamples; the plug-in design also augments. Markers: simulated ratios "
    "of means with 95 % intervals, on common random numbers. What the expansion leaves out grows "
    "with the separation, at which fewer samples near the boundary count.",
    draw=_draw,
)
