"""Figure: how near a trained network's whole rows are to the groups' laws (T5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_RULES = {"plug-in": 1, "flat prior": 2, "kde": 3, "gmm": 5}
_LABELS = {"flat prior": "flat-prior predictive", "kde": "kernel density", "gmm": "two Gaussians"}


def _positive(value: Mapping) -> tuple[np.ndarray, ...]:
    """Counts, means and standard errors of the gains that a logarithmic axis can show."""
    count, mean, error = (np.asarray(value[key]) for key in ("count", "mean", "std_error"))
    shown = np.isfinite(mean) & (mean > 0.0)
    return count[shown], mean[shown], error[shown]


@style.styled
def _draw(payload: Mapping):
    figure, panels = style.new_figure(1, 3, height=3.4)
    left, right, training = panels
    gaussian = payload["gains"]["gaussian"]
    exact = gaussian["exact gaussian"]
    gap = -np.asarray(exact["mean"])
    style.curve(left, exact["count"], gap, 0, "trained network")
    style.points(left, exact["count"], gap, np.asarray(exact["std_error"]), 0)
    for name, series in _RULES.items():
        # the rule's divergence is the network's plus what the network gains over the rule
        rule = gaussian[name]
        where = [exact["count"].index(count) for count in rule["count"]]
        total = np.asarray(rule["mean"]) + gap[where]
        style.curve(left, rule["count"], total, series, _LABELS.get(name, name))
    for place, depth in enumerate(payload["depth"]):
        mean = np.asarray(payload["constructed"]["mean"][place])
        shown = mean > 1e-4
        label = "by hand, 2, 4 and 6 layers" if place == 0 else None
        counts = np.asarray(payload["count"])[shown]
        style.curve(left, counts, mean[shown], 4, label, linewidth=1.7 - 0.5 * place)
        if shown.any():
            left.annotate(f"$L={depth}$", (counts[-1], mean[shown][-1]), fontsize=7)
    left.set_title(f"Gaussian groups, $d = {payload['dim']}$: from the exact law")
    left.set_ylabel("divergence (nats a row)")
    for family, filled in (("structural", "-"), ("mixture", ":")):
        for name, series in {**_RULES, "exact gaussian": 6}.items():
            count, mean, error = _positive(payload["gains"][family][name])
            label = "best Gaussian rule" if name == "exact gaussian" else _LABELS.get(name, name)
            label = label if family == "structural" and name == "exact gaussian" else None
            style.curve(right, count, mean, series, label, linestyle=filled)
            style.points(right, count, mean, error, series)
    right.set_title("structural groups (solid), mixtures (dotted)")
    right.set_ylabel("the network's gain (nats a row)")
    for panel in (left, right):
        panel.set(xscale="log", yscale="log", xlabel="seeds $n$")
        style.guide(panel, x=payload["most_trained"])
        style.plain_log(panel)
    loss = payload["loss"]
    step = np.asarray(loss["step"]) / 1000
    for series, family in ((0, "gaussian"), (3, "mixture"), (1, "structural")):
        style.curve(training, step, loss[family], series)
        training.annotate(family, (step[-1], loss[family][-1]), fontsize=7)
    style.curve(training, step, loss["exact"], 4, linewidth=1.0)
    training.set(xlabel="steps (thousands)", ylabel="loss (nats a feature)")
    training.set_title("training")
    figure.legend(loc="outside upper center", ncols=4, columnspacing=1.4)
    style.panel_letters(panels)
    return figure


SPEC = Spec(
    name="whole_rows",
    title="whole rows: the trained network beside what one could use instead",
    theorems=("T5",),
    sweeps=("whole_rows",),
    caption="Eight features. (a) Divergence from the exact predictive law of a row, for Gaussian "
    "groups of the prior that the network was trained on: the network, the plug-in, the "
    "flat-prior predictive, a kernel density, two Gaussians by EM, and networks with 2, 4 and 6 "
    "iterations whose weights are written down. (b) What the network gains in log density over "
    "the same rules on groups that are not Gaussian, whose exact law is not known; the best "
    "Gaussian rule knows the prior of mean and covariance. Bars: 95 % intervals over groups; the "
    "vertical line is the most seeds of training. (c) Loss by step, averaged over 300 steps, "
    "of each family, and (thin) of the exact law on the Gaussian groups.",
    draw=_draw,
)
