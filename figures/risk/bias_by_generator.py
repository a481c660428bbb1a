"""Figure: the bias gradient and the displacement that every generator causes (B2, B3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_COMPONENTS = ("$b$", "$w_1$", "$w_2$", "$w_3$")


def _rows(axes, rows: Mapping, theory: str, observed: str, linear: str | None = None) -> None:
    names = list(rows)
    for place, name in enumerate(names):
        row = rows[name]
        count = len(row[theory])
        height = place + 0.2 * (np.arange(count) - (count - 1) / 2)
        for j in range(count):
            style.ticks(axes, [row[theory][j]], [height[j]], j, markersize=7)
            value = row[observed]
            style.points(
                axes,
                [height[j]],
                [value["mean"][j]],
                [value["std_error"][j]],
                j,
                horizontal=True,
                markersize=3.2,
            )
            if linear is not None:
                style.crosses(axes, [row[linear][j]], [height[j]], markersize=3.0)
        if place:
            style.guide(axes, y=place - 0.5, color="0.9")
    style.guide(axes, x=0.0)
    axes.set_yticks(range(len(names)), [style.display(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


@style.styled
def _draw(payload: Mapping):
    figure, axes = style.new_figure(1, 3, height=4.3, width_ratios=(1.0, 1.0, 1.05))
    left, middle, right = axes
    rows = payload["generators"]
    _rows(left, rows, "gradient", "gradient_observed")
    left.set_xlabel(r"$\nabla B(\theta^*)$, by component")
    left.set_title("bias gradient")
    _rows(middle, rows, "displacement", "displacement_observed", "displacement_linear")
    middle.set_xlabel(r"$\mathbb{E}\,\hat\theta - \theta^*$, by component")
    middle.set_yticklabels([])
    middle.set_title("displacement")
    handles = style.handles(_COMPONENTS, linestyle="none")
    handles += [
        style.Line2D([], [], color="0.3", marker="|", markersize=9, markeredgewidth=1.8,
                     linestyle="none", label="theory"),
        style.Line2D([], [], color="0.4", marker="x", markersize=4, linestyle="none",
                     label=r"$-A^{-1}\nabla B$"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=6, columnspacing=1.2,
                  handlelength=1.0)  # fmt: skip
    for series, (name, curve) in enumerate(payload["remainder"].items()):
        style.curve(
            right,
            curve["gradient"],
            curve["remainder"],
            series,
            name,
            linewidth=0.8,
            marker=style.SERIES[series].marker,
            markerfacecolor="white",
        )
    first = next(iter(payload["remainder"].values()))
    x, y = np.asarray(first["gradient"]), np.asarray(first["remainder"])
    span = x[[0, -3]]
    style.guide(right, span, 6 * y[0] * (span / span[0]) ** 2, linewidth=1.0, color="0.3")
    right.text(
        span.prod() ** 0.5,
        9 * y[0] * (span.prod() ** 0.5 / span[0]) ** 2,
        "slope 2",
        ha="right",
        va="bottom",
        fontsize=8,
    )
    right.set(xscale="log", yscale="log", xlabel=r"$\|\nabla B(\theta^*)\|$")
    right.set_ylabel(r"$\|(\theta_\alpha - \theta^*) + A^{-1}\nabla B\|$")
    right.set_title("remainder")
    right.legend(loc="lower right")
    style.panel_letters(axes)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="bias_by_generator",
    title="bias gradient and displacement of every generator",
    theorems=("B2", "B3"),
    sweeps=("bias_by_generator",),
    caption="Two Gaussian groups with different covariance matrices. (a) Mean empirical gradient "
    "at the balanced optimum: ticks are theory (closed form, with the O(1/n) term of fitted "
    "generators), markers the simulated mean with its 95 % interval. (b) Mean displacement of the "
    "estimate: ticks are the exact move of the pseudo-true point plus the estimator's O(1/n) bias, "
    "crosses "
    "the linear form -A^{-1} grad B, A = H + Hess B. (c) What the linear form misses, by exact "
    "solves at growing bias: of second order, a line of slope 2 on logarithmic axes.",
    draw=_draw,
)
