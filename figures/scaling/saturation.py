"""Figure: a generator that smooths its seeds saturates at their own rate (S3)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.2)
    for series, (name, rates) in enumerate(payload["smoothness"].items()):
        colour, marker = style.SERIES[series].colour, style.SERIES[series].marker
        style.curve(left, payload["size"], rates["by_size"], series, linestyle="-")
        style.guide(
            left,
            payload["size"],
            rates["fresh"],
            gid=None,
            color=colour,
            linewidth=1.0,
            linestyle=(0, (4, 2)),
        )
        left.annotate(
            _beta(name),
            (payload["size"][-1], rates["fresh"][-1]),
            xytext=(3, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=8,
            color=colour,
        )
        style.guide(left, y=rates["floor"], color=colour, linestyle=(0, (1, 2)), linewidth=0.9)
        left.plot(
            rates["crossover"],
            2.0 * rates["floor"],
            marker,
            color=colour,
            gid=style.GUIDE,
            markersize=6.5,
            zorder=4,
        )
        style.curve(right, payload["seeds"], rates["by_seeds"], series, linestyle="-")
        seen = rates["observed"]
        for panel, x, statistic in (
            (left, payload["sizes"], "by_size"),
            (right, payload["numbers"], "by_seeds"),
        ):
            mine = seen[statistic]
            style.points(panel, x, mine["mean"], mine["std_error"], series)
    for panel in (left, right):
        panel.set(xscale="log", yscale="log")
    left.set_xlim(right=5.0 * payload["size"][-1])  # room for the dashed curves' names
    left.set_xlabel("synthetic samples per group $N$")
    left.set_ylabel(r"$\mathbb{E}\,\|\hat\theta-\theta\|^2$")
    left.set_title("fixed seeds")
    keys = (
        ("fresh samples instead", {"linestyle": (0, (4, 2)), "linewidth": 1.0}),
        ("floor", {"linestyle": (0, (1, 2)), "linewidth": 0.9}),
        ("crossover", {"linestyle": "none", "marker": style.SERIES[0].marker}),
    )
    left.legend(
        handles=[style.Line2D([], [], color="0.3", label=label, **look) for label, look in keys],
        loc="upper right",
    )
    right.set_xlabel("seeds per group $n$")
    right.set_title("many synthetic samples")
    right.legend(
        handles=_handles(payload), loc="lower left", title="exponent (fit)", title_fontsize=8
    )
    style.panel_letters((left, right))
    return figure


def _handles(payload: Mapping):
    """One entry per smoothness."""
    fits = payload["smoothness"].items()
    labels = [rf"{_beta(name)}: {style.exponent(row)}" for name, row in fits]
    return style.handles(labels, linestyle="-")


def _beta(name: str) -> str:
    return rf"$\beta={float(name):g}$"


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="saturation",
    title="a generator that smooths its seeds saturates at their own rate",
    theorems=("S3",),
    sweeps=("saturation",),
    caption="Sequence model: every group's generator keeps the best cut-off of its seeds' mean "
    "and draws from there; training sees its samples alone and keeps the same coordinates. (a) "
    "Squared error against the synthetic size at a fixed number of seeds. Solid: exact sums; "
    "dotted: the floor; filled: the crossover, 2 beta n/(2 beta + 1) samples, at twice the floor; "
    "dashed: as many fresh samples instead, whose error goes on falling. (b) The error left with a "
    "thousand synthetic samples per seed against the number of seeds: it falls with the exponent "
    "2 beta/(2 beta + 1) of the seeds themselves (solid: exact sums in the limit). Markers: "
    "simulation with 95 % intervals. Fit: 95 % interval of the exponent of floor + amplitude "
    "(1 + n/crossover)^-exponent, all four fitted to the markers.",
    draw=_draw,
)
