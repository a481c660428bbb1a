"""Figure: errors and excess risk when features are as many as minority rows (H1, H2)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.proportional import designs
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_PARTS = {
    "minority": ("minority error", "error rate"),
    "balanced": ("balanced error", "error rate"),
    "excess": ("balanced excess risk", "excess risk (nats)"),
}
_BOTTOM = {"balanced": 0.15}  # close below the best rule's


@style.styled
def _draw(payload: Mapping):
    figure, axes = style.new_figure(1, 3, height=3.2)
    for panel, (part, (title, label)) in zip(axes, _PARTS.items(), strict=True):
        designs.curves(panel, payload, part)
        panel.set(xlabel=r"features per minority row $d/n_1$", ylabel=label)
        panel.set_ylim(bottom=_BOTTOM.get(part, 0.0))
        panel.set_title(title)
    style.plain_log(*axes)
    designs.legend(figure)
    style.panel_letters(axes)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
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
