"""Figure: what depth is worth to a network that writes whole rows (T5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_LEAST = 1e-12  # nats; below it the integration of a divergence has no digits


@style.styled
def _draw(payload: Mapping):
    figure, (panel,) = style.new_figure(1, 1, height=3.3, width=1.6 * style.ONE_COLUMN)
    depth = np.asarray(payload["depth"])
    for series, (condition, row) in enumerate(payload["conditions"].items()):
        for name, label, width in (
            ("expected", rf"$\kappa={condition}$", 1.6),
            ("bound", None, 0.7),
        ):
            value = np.asarray(row[name])
            shown = value > _LEAST
            style.curve(panel, depth[shown], value[shown], series, label, linewidth=width)
        seen = {key: np.asarray(value) for key, value in row["observed"].items()}
        shown = seen["mean"] > _LEAST
        style.points(panel, depth[shown], seen["mean"][shown], seen["std_error"][shown], series)
    panel.set(
        yscale="log",
        xlabel="iterations $L$",
        ylabel="divergence from the exact law (nats a row)",
        ylim=(_LEAST, None),
    )
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.4)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="row_depth",
    title="whole rows: divergence from the exact law by depth",
    theorems=("T5",),
    sweeps=("row_depth",),
    caption="Divergence, from the exact predictive law of a row of five correlated features after "
    "20 seeds, of a network that inverts the covariance of the earlier features by L iterations, "
    "for three condition numbers. Thick: second-order expansion (remainder relative to what the "
    "inverse misses); thin: bound at any L; markers: simulated means with 95 % intervals. Each "
    "iteration squares what is missed, and in the limit doubles the logarithm; values below 1e-12 "
    "are left out.",
    draw=_draw,
)
