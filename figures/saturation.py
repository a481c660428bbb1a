"""Figure: a generator that smooths its seeds saturates at their own rate (S3)."""

from __future__ import annotations

from collections.abc import Mapping

from figures import style
from figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.2)
    for series, own in enumerate(payload["smoothness"].values()):
        colour = style.SERIES[series].colour
        style.curve(left, payload["size"], own["by_size"], series, linestyle="-")
        style.guide(left, payload["size"], own["fresh"], gid=None, color=colour, linewidth=1.0,
                    linestyle=(0, (4, 2)))  # fmt: skip
        style.guide(left, y=own["floor"], color=colour, linestyle=(0, (1, 2)), linewidth=0.9)
        style.guide(left, x=own["crossover"], color=colour, linestyle=(0, (1, 2)), linewidth=0.9)
        style.curve(right, payload["seeds"], own["by_seeds"], series, linestyle="-")
        seen = own["observed"]
        for panel, x, statistic in ((left, payload["sizes"], "by_size"),
                                    (right, payload["numbers"], "by_seeds")):  # fmt: skip
            mine = seen[statistic]
            style.points(panel, x, mine["mean"], mine["std_error"], series)
    for panel in (left, right):
        panel.set(xscale="log", yscale="log")
    left.set_xlabel("synthetic samples per group $N$")
    left.set_ylabel(r"$\mathbb{E}\,\|\hat\theta-\theta\|^2$")
    left.set_title("fixed seeds")
    dashes = (("fresh samples instead", (0, (4, 2)), 1.0), ("floor, crossover", (0, (1, 2)), 0.9))
    left.legend(
        handles=[
            style.Line2D([], [], color="0.3", label=label, linestyle=dash, linewidth=width)
            for label, dash, width in dashes
        ],
        loc="upper right",
    )
    right.set_xlabel("seeds per group $n$")
    right.set_title("many synthetic samples")
    right.legend(handles=_handles(payload), loc="lower left")
    style.panel_letters((left, right))
    return figure


def _handles(payload: Mapping):
    """One entry per smoothness."""
    return [
        style.Line2D([], [], color=own.colour, marker=own.marker, markerfacecolor="white",
                     label=rf"$\beta={float(name):g}$, exponent {row['exponent']:.2f}")
        for own, (name, row) in zip(style.SERIES, payload["smoothness"].items(), strict=False)
    ]  # fmt: skip


SPEC = Spec(
    "saturation",
    "a generator that smooths its seeds saturates at their own rate",
    ("S3",),
    ("saturation",),
    "Sequence model: every group's generator keeps the best cut-off of its seeds' mean and draws "
    "from there; training sees its samples alone and keeps the same coordinates. (a) Squared error "
    "against the synthetic size at a fixed number of seeds. Solid: exact sums; dotted: the floor, "
    "and the crossover 2 beta n/(2 beta + 1) at which the error is twice the floor; dashed: as many"
    " fresh samples instead, whose error goes on falling. (b) The error left with a thousand "
    "synthetic samples per seed against the number of seeds: it falls with the exponent "
    "2 beta/(2 beta + 1) of the seeds themselves (solid: exact sums in the limit). Markers: "
    "simulation with 95 % intervals.",
    _draw,
)
