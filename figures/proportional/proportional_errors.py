"""Figure: errors and excess risk when features are as many as minority rows (H1, H2)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_NAMES = {
    "raw": "raw",
    "weighted": "class weighting",
    "duplicate": "duplication",
    "pairs": "SMOTE",
    "pooled": "plug-in, pooled",
    "oracle": "oracle",
}
_PARTS = {
    "minority": ("minority error", "error rate"),
    "balanced": ("balanced error", "error rate"),
    "excess": ("balanced excess risk", "excess risk (nats)"),
}
_BOTTOM = {"balanced": 0.15}  # close below the best rule's


@style.styled
def _draw(payload: Mapping):
    figure, axes = style.new_figure(1, 3, height=3.2)
    ratio, seen = payload["ratio"], payload["points"]
    for panel, (part, (title, label)) in zip(axes, _PARTS.items(), strict=True):
        for series, name in enumerate(_NAMES):
            style.curve(panel, ratio, payload["curves"][name][part], series)
            values = seen[name][part]
            style.points(panel, payload["ratios"], values["mean"], values["std_error"], series)
        panel.set(xscale="log", xlabel=r"features per minority row $d/n_1$", ylabel=label)
        panel.set_ylim(bottom=_BOTTOM.get(part, 0.0))
        panel.set_xticks(payload["ratios"])
        panel.minorticks_off()
        panel.set_title(title)
    style.plain_log(*axes)
    figure.legend(
        handles=style.handles(_NAMES.values()),
        loc="outside upper center",
        ncols=6,
        columnspacing=1.2,
        handlelength=3.0,
    )
    style.panel_letters(axes)
    return figure


SPEC = Spec(
    name="proportional_errors",
    title="errors and excess risk when features are as many as minority rows",
    theorems=("H1", "H2"),
    sweeps=("proportional_errors",),
    caption="Two Gaussian classes with unit covariances at a distance of 2 (error of the best "
    "rule: 0.159; panel (b) begins at 0.15), 240 and 48 rows, ridge 1 (scikit-learn's C = 1), "
    "against the number of features. Curves: theorem H; markers: simulated means with 95 % "
    "intervals (often smaller than the marker; points of one d share their real rows). Every "
    "generator levels the classes: SMOTE interpolates all pairs, the plug-in has each class's mean "
    "and the pooled covariance, the oracle draws fresh rows. Weighting, duplication and SMOTE "
    "nearly coincide. The excess rises steeply around 1.1 features per minority row, where the "
    "real rows become separable (figure separability) and the ridge alone bounds the fit.",
    draw=_draw,
)
