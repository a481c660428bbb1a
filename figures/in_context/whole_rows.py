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
    figure, panels = style.new_figure(2, 2, height=5.4)
    gaussian, structural, mixture, training = panels
    network = payload["network"]
    style.curve(gaussian, network["count"], network["mean"], 0, "trained network")
    style.points(gaussian, network["count"], network["mean"], network["std_error"], 0)
    for name, series in _RULES.items():
        rule = payload["rules"][name]
        style.curve(gaussian, rule["count"], rule["mean"], series, _LABELS.get(name, name))
    for place, depth in enumerate(payload["depth"]):
        mean = np.asarray(payload["constructed"]["mean"][place])
        error = np.asarray(payload["constructed"]["std_error"][place])
        label = "weights by hand, $L$ iterations" if place == 0 else None
        style.curve(gaussian, payload["count"], mean, 4, label, linewidth=1.7 - 0.5 * place)
        style.points(gaussian, payload["count"], mean, error, 4, markersize=2.5)
        gaussian.annotate(f"$L={depth}$", (6.0, 1.4 * mean[0]), fontsize=7)
    gaussian.set_title(f"Gaussian groups, $d = {payload['dim']}$: from the exact law")
    gaussian.set_ylabel("divergence (nats a row)")
    for panel, family in ((structural, "structural"), (mixture, "mixture")):
        for name, series in {**_RULES, "exact gaussian": 6}.items():
            count, mean, error = _positive(payload["gains"][family][name])
            label = "best Gaussian rule" if panel is structural and series == 6 else None
            style.curve(panel, count, mean, series, label)
            style.points(panel, count, mean, error, series)
        panel.set_ylabel("the network's gain (nats a row)")
    structural.set_title("columns that are functions of others")
    mixture.set_title("mixtures of two or three components")
    for panel in (gaussian, structural, mixture):
        panel.set(xscale="log", yscale="log", xlabel="seeds $n$", xlim=(5.5, None))
        style.guide(panel, x=payload["most_trained"])
        style.plain_log(panel)
    loss = {name: np.asarray(value) for name, value in payload["loss"].items()}
    step = loss["step"]
    for series, family, above in ((0, "gaussian", 3), (5, "mixture", -12), (1, "structural", 3)):
        value = loss[family]
        style.curve(training, step, value, series)
        place = len(value) // 8 if above > 0 else int(value.argmin())
        where = (step[place], value[place])
        training.annotate(family, where, (0, above), textcoords="offset points", fontsize=8)
    training.margins(y=0.12)
    style.guide(training, y=0.0)
    training.set(xlabel="steps", ylabel="loss (nats a feature)")
    training.set_title("training: loss less that of the exact Gaussian law")
    figure.legend(loc="outside upper center", ncols=4, columnspacing=1.4)
    style.panel_letters(panels)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="whole_rows",
    title="whole rows: the trained network beside what one could use instead",
    theorems=("T5",),
    sweeps=("whole_rows",),
    caption="Eight features. (a) Divergence from the exact predictive law of a row, for Gaussian "
    "groups of the prior that the network was trained on: the network, the plug-in, the "
    "flat-prior predictive, a kernel density, two Gaussians by EM, and networks with 2, 4 and 6 "
    "iterations whose weights are written down. (b, c) What the network gains in log density over "
    "the same rules on groups that are not Gaussian, whose exact law is not known; the best "
    "Gaussian rule knows the prior of mean and covariance, and gains below 0 are left out. Bars: "
    "95 % intervals over groups; the vertical line is the most seeds of training. (d) Loss less "
    "that of the exact law on the Gaussian groups, by step, averaged over 300 steps; all families "
    "have the same law of mean and covariance.",
    draw=_draw,
)
