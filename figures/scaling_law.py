"""Figure: the scaling law in the synthetic size, with crossover and floor (S1, S3)."""

from __future__ import annotations

from collections.abc import Mapping

from figures import style
from figures.spec import Spec

__all__ = ["BEST_WEIGHT", "SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (panel,) = style.new_figure(1, 1, height=3.0, width=1.5 * style.ONE_COLUMN)
    for series, (name, own) in enumerate(payload["generators"].items()):
        colour = style.SERIES[series].colour
        style.curve(panel, payload["size"], own["excess"], series, name)
        seen = own["observed"]["excess"]
        style.points(panel, payload["sizes"], seen["mean"], seen["std_error"], series)
        style.guide(panel, y=own["floor"], color=colour, linestyle=(0, (1, 2)), linewidth=0.9)
        style.guide(panel, x=own["crossover"], color=colour, linestyle=(0, (1, 2)), linewidth=0.9)
    panel.set(xscale="log", yscale="log", xlabel="synthetic samples per group $N$")
    lowest = min(min(own["excess"]) for own in payload["generators"].values())
    panel.set_ylim(bottom=0.6 * lowest)
    panel.set_ylabel(r"excess risk at $\alpha^*(N)$ (nats)")
    panel.legend(loc="lower left", title=r"dotted: floor, $N_c$", title_fontsize=8)
    return figure


@style.styled
def _draw_weight(payload: Mapping):
    figure, (panel,) = style.new_figure(1, 1, height=2.8, width=1.5 * style.ONE_COLUMN)
    for series, (name, own) in enumerate(payload["generators"].items()):
        style.curve(panel, payload["size"], own["weight"], series, name)
        seen = own["observed"]["weight"]
        style.points(panel, payload["sizes"], seen["mean"], seen["std_error"], series)
    panel.set(xscale="log", ylim=(0, 1.02), xlabel="synthetic samples per group $N$")
    panel.set_ylabel(r"best weight $\alpha^*(N)$")
    panel.legend(loc="upper left")
    return figure


SPEC = Spec(
    "scaling_law",
    "scaling law in the synthetic size, with crossover and floor",
    ("S1", "S3"),
    ("scaling",),
    "Excess risk at the best weight of each synthetic size, for a generator without bias, one with "
    "a fixed bias, and one fitted on the seeds. Curves: the hyperbola of S1 with its moments taken "
    "from theorem R's local form, which leaves terms of relative order p/n out; dotted lines: its "
    "floor (none for the oracle) and its crossover N_c. Markers: simulated excess risk at that "
    "weight with 95 % intervals. A fitted generator saturates at its "
    "seeds' own rate (S3): more synthetic samples than that change nothing.",
    _draw,
)
BEST_WEIGHT = Spec(
    "best_weight",
    "best weight against the synthetic size",
    ("S1",),
    ("scaling",),
    "Weight alpha of the augmentation part with the least excess risk, against the synthetic size. "
    "Curves: S1, clipped to [0, 1]. Markers: vertex of the parabola through simulated excesses at "
    "three weights, 0.2 apart, on common random numbers, with its first-order 95 % interval.",
    _draw_weight,
)
