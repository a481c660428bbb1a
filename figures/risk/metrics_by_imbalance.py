"""Figure: what imbalance and resampling do to metrics without a threshold (M1 to M3)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_NAMES = {"raw": "raw", "weighted": "class weighting"}


_AT_BEST = 4  # the series of raw training at its best threshold


def _curve(panel, payload: Mapping, row: Mapping, series: int) -> None:
    style.curve(panel, payload["ratio"], row["curve"], series)
    style.points(panel, payload["ratios"], row["mean"], row["std_error"], series)


@style.styled
def _draw(payload: Mapping):
    figure, panels = style.new_figure(1, 3, height=3.0)
    left, middle, right = panels
    for panel, case, title in (
        (left, "same", "one covariance"),
        (middle, "different", "two covariances"),
    ):
        for series, row in enumerate(payload["auroc_lost"][case].values()):
            _curve(panel, payload, row, series)
        panel.set(yscale="log", title=title)
    left.set_ylabel("AUROC below the largest")
    for series, row in enumerate(payload["error"].values()):
        _curve(right, payload, row, series)
    _curve(right, payload, payload["best_error"], _AT_BEST)
    right.set_ylabel("balanced error")
    right.set_title("one covariance")
    for panel in panels:
        panel.set(xscale="log", xlabel=r"imbalance ratio $n_0/n_1$")
        style.plain_log(panel)
    names = [_NAMES.get(name, style.display(name)) for name in payload["error"]]
    figure.legend(
        handles=style.handles([*names, "raw, best threshold"]),
        loc="outside upper center",
        ncols=len(names) + 1,
        columnspacing=1.2,
        handlelength=3.0,
    )
    style.panel_letters(panels)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="metrics_by_imbalance",
    title="AUROC and balanced error of every method against the imbalance",
    theorems=("M1", "M2", "M3"),
    sweeps=("metrics_by_imbalance",),
    caption="Two Gaussian classes in three dimensions, n_0 = 5000: theory (curves) and simulation "
    "(markers, 95 %). (a) One covariance: raw training points in the best direction at any "
    "imbalance (M2), so that weights and synthetic rows only add noise, and AUROC is lower with "
    "them than without. (b) Two covariances: raw training's direction turns with the imbalance, "
    "and levelling by weights, SMOTE or a fitted Gaussian gains. The largest AUROC "
    "is that of the best linear score, which the balanced optimum is only in (a). (c) The balanced "
    "error of (a): raw training at its own threshold is far off, at the best one (black) it is as "
    "good as any. What the expansion leaves out grows as minority rows become few.",
    draw=_draw,
)
