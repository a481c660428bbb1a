"""Figure: polynomial decay in the synthetic size, by smoothness (S2)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.0)
    for series, (name, rates) in enumerate(payload["smoothness"].items()):
        label = rf"$\beta={float(name):g}$: {style.exponent(rates)}"
        style.curve(left, payload["size"], rates["exact"], series, label)
        style.guide(
            left,
            payload["size"],
            rates["rate"],
            gid=None,
            linewidth=0.8,
            color="0.3",
            linestyle=(0, (1, 1.5)),
        )
        style.curve(right, payload["size"], rates["error"], series)
        for panel, statistic in ((left, "squared"), (right, "error")):
            seen = rates["observed"][statistic]
            style.points(panel, payload["sizes"], seen["mean"], seen["std_error"], series)
    for panel in (left, right):
        panel.set(xscale="log", yscale="log", xlabel="synthetic samples per group $N$")
    left.set_ylabel(r"$\mathbb{E}\,\|\hat\theta-\theta\|^2$")
    left.set_title("squared error at the best cut-off")
    dotted = style.Line2D(
        [], [], color="0.3", linewidth=0.8, linestyle=(0, (1, 1.5)), label="closed form"
    )
    handles = [*left.get_legend_handles_labels()[0], dotted]
    left.legend(handles=handles, loc="lower left", title="exponent (fit)", title_fontsize=8)
    right.set_ylabel("excess error rate")
    right.set_title("classification")
    style.panel_letters((left, right))
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="nonparametric_rates",
    title="nonparametric exponents in the synthetic size",
    theorems=("S2",),
    sweeps=("nonparametric_rates",),
    caption="Two classes N(+-theta, I) in infinite dimension, theta_k proportional to k^{-(beta + "
    "1/2)}; "
    "theta is estimated from n_max real and N synthetic samples per group without bias, up to the "
    "best cut-off. (a) Squared error: curves are exact sums at the best whole cut-off, dotted "
    "lines the closed form with exponent 2 beta/(2 beta + 1) in n_max + N, markers simulation with "
    "95 % intervals; fit: 95 % interval of the exponent of floor + amplitude (1 + N/crossover)"
    "^-exponent, all four fitted to the markers. The closed form is the limit of a large cut-off, "
    "so it is approached from below as N grows, and more slowly the smoother the signal. "
    "(b) Excess classification error: "
    "curves are phi(Delta)/(2 Delta) times the expected squared part of the estimate orthogonal to "
    "theta (leading order), markers the exact error rates of simulated estimates.",
    draw=_draw,
)
