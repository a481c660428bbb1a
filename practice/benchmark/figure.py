"""What the benchmark found, as a figure."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from synthetic_oversampling.figures import style
from synthetic_oversampling.practice.benchmark.comparison import ratio_interval
from synthetic_oversampling.practice.benchmark.judging import RELIABILITY_BINS
from synthetic_oversampling.practice.benchmark.report import (
    LABELS,
    Results,
    by_kind,
    by_seed,
    mean_interval,
    methods_of,
    score,
)

__all__ = ["draw"]


@style.styled
def draw(results: Results) -> Figure:
    """Two losses relative to class weights, by method and classifier, and reliability.

    One row of panels for each kind of table. Differences are over the seeds in which a method
    refused on no table. All intervals are over seeds, at 95 %.

    Args:
        results: scores by task, as `practice.benchmark.run` leaves them.
    """
    kinds = by_kind(results)
    figure, axes = style.new_figure(len(kinds), 3, height=3.6 * len(kinds))
    for row, (title, found) in zip(axes.reshape(-1, 3), kinds.items(), strict=True):
        _row(row, found, title if len(kinds) > 1 else "")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3)
    style.panel_letters(axes)
    return figure


def _row(axes, results: Results, title: str) -> None:
    left, middle, right = axes
    methods = [m for m in methods_of(results) if m != "weighted"]
    classifiers = list(next(iter(results.values()))[0]["scores"]["raw"])
    shown = []
    for panel, metric, name in (
        (left, "balanced_cross_entropy", "balanced cross-entropy (nats)"),
        (middle, "minority_error", "error of the smallest cells"),
    ):
        shown = _differences(panel, results, methods, classifiers, metric)
        panel.set_ylim(len(shown) - 0.5, -0.5)
        panel.set_title(name)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel("minus that with class weights")
    left.set_yticks(range(len(shown)), [LABELS[m] for m in shown])
    middle.set_yticks(range(len(shown)), [""] * len(shown))
    if title:
        left.set_ylabel(title)
    method = next(m for m in ("plugin", *methods) if m in methods)
    for series, after, label in ((3, 0, "as trained"), (4, 1, "corrected")):
        weight, predicted, observed = _reliability(results, method, after)
        share, half = ratio_interval(observed, weight)
        reach = np.minimum([half, half], [share, 1.0 - share])  # a share is within 0 and 1
        look = style.SERIES[series]
        right.errorbar(
            predicted.sum(axis=0) / weight.sum(axis=0),
            share,
            yerr=reach,
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markerfacecolor="white",
            elinewidth=0.9,
            label=label,
        )
    style.guide(right, x=[0, 1], y=[0, 1])
    right.set_xticks([0.0, 0.5, 1.0])
    right.set_xlabel("predicted for the rare class")
    right.set_ylabel("observed frequency")
    right.set_title(f"reliability, {LABELS[method]}")
    right.legend(loc="upper left")


def _differences(axes, results: Results, methods, classifiers, metric: str) -> list[str]:
    """Points of a loss minus that with class weights; the methods that have some."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for method in methods:
        for one in classifiers:
            values = by_seed(results, score(method, metric, one))
            base = by_seed(results, score("weighted", metric, one))
            mean, half = mean_interval(values - base)
            if not np.isnan(mean):
                found.setdefault(method, {})[one] = (mean, half)
    for place, item in enumerate(found.values()):
        for series, one in enumerate(classifiers):
            if one in item:
                mean, half = item[one]
                height = place + 0.22 * (series - (len(classifiers) - 1) / 2)
                style.points(
                    axes,
                    [height],
                    [mean],
                    [half / style.INTERVAL],
                    series,
                    one if place == 0 else None,
                    horizontal=True,
                    markersize=3.4,
                )
    style.guide(axes, x=0.0)
    return list(found)


def _reliability(results: Results, method: str, after: int) -> np.ndarray:
    """Sums by seed, over tables with one minority class and classifiers: ``[3, seeds, bins]``.

    Bins with hardly any weight are dropped.
    """
    chosen = [seeds for task, seeds in results.items() if not task.endswith("/spurious")]
    total = np.stack(
        [
            sum(
                (
                    np.array(scores["reliability"][after])
                    for table in tables
                    for scores in table["scores"].get(method, {}).values()
                ),
                start=np.zeros((3, RELIABILITY_BINS)),
            )
            for tables in zip(*(chosen or results.values()), strict=False)
        ],
        axis=1,
    )
    weight = total[0].sum(axis=0)
    return total[:, :, weight > 1e-3 * weight.sum()]
