"""Figure: three classes against the imbalance (K1 and K2)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]

_NAMES = {"raw": "raw", "weighted": "class weighting"}


@style.styled
def _draw(payload: Mapping):
    figure, panels = style.new_figure(1, 2, height=3.0)
    for panel, name, title in (
        (panels[0], "excess", "balanced excess risk (nats)"),
        (panels[1], "worst_error", "largest error rate of a class"),
    ):
        for series, row in enumerate(payload[name].values()):
            style.curve(panel, payload["ratio"], row["curve"], series)
            style.points(panel, payload["ratios"], row["mean"], row["std_error"], series)
        panel.set(xscale="log", xlabel=r"imbalance ratio $n_0/n_2$", ylabel=title)
        style.plain_log(panel)
    panels[0].set(yscale="log")
    names = [_NAMES.get(name, style.display(name)) for name in payload["excess"]]
    figure.legend(
        handles=style.handles(names), loc="outside upper center", ncols=len(names), handlelength=3.0
    )
    style.panel_letters(panels)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="classes_by_imbalance",
    title="Three classes: excess risk and the worst class against the imbalance",
    theorems=("K1", "K2"),
    sweeps=("classes_by_imbalance",),
    caption="Softmax fits to three Gaussian classes of three covariances in two dimensions, "
    "n_0 = 4000 and n_1 the geometric mean of n_0 and n_2: theory (curves) and simulation "
    "(markers, 95 %). (a) What a raw fit loses is bias, the shift of the logits (K1). Levelling "
    "by weights, by SMOTE with all pairs or by a fitted Gaussian removes it; points between "
    "seeds are too narrow, which is a bias of SMOTE's own and grows with its share. What is left "
    "of the others is noise, of order 1/n_2. (b) The expected largest error rate of a class (K2): "
    "a raw fit gives the rarest class up. Where its curve bends another class becomes the worst.",
    draw=_draw,
)
