"""Figure: the worst group under a spurious correlation, by features per row of it (H1, H2)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.proportional import designs
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_PARTS = {
    "worst": "small groups: attribute and label disagree",
    "best": "large groups: they agree",
}

_BOTTOM = 0.1  # below the raw fit's error of a large group


@style.styled
def _draw(payload: Mapping):
    figure, axes = style.new_figure(1, 2, height=3.3, sharey=True)
    for panel, (part, title) in zip(axes, _PARTS.items(), strict=True):
        designs.curves(panel, payload, part)
        panel.set(xlabel=r"features per row of a small group $d/n_{\min}$")
        panel.set_ylim(bottom=_BOTTOM)
        panel.set_title(title)
    axes[0].set_ylabel("error rate")
    style.plain_log(*axes)
    designs.legend(figure)
    style.panel_letters(axes)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="proportional_spurious",
    title="the worst group under a spurious correlation, when features are many",
    theorems=("H1", "H2"),
    sweeps=("proportional_spurious",),
    caption="Four Gaussian groups with unit covariances: one feature moves with the label by 0.8, "
    "one with an attribute by 1, the others are noise. Attribute and label agree in two groups of "
    "200 rows and disagree in two of 40; every design but the raw one levels the groups; ridge 1. "
    "Error rates (from 0.1 on; 0.212 for the best rule) of a small group (a, the worst) and of a "
    "large one (b) against the number of features per row of a small group; the two of a kind have "
    "one expectation. Curves: theorem H; markers: simulated means with 95 % intervals (points of "
    "one d share their real rows). Weighting, duplication and SMOTE nearly coincide in (a). With "
    "few features every design levels the errors; with many only fresh rows do, and what is made "
    "of the seeds moves towards the raw fit.",
    draw=_draw,
)
