"""Figure: from a generator's divergence to its bias and to excess risk (T4)."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.0)
    style.curve(
        left, payload["divergence"], payload["bound"], 4, r"bound $\sqrt{2 v\,\mathrm{KL}}$"
    )
    at = payload["points"]
    for series, (name, family) in enumerate(payload["families"].items()):
        style.curve(left, family["divergence"], family["bias"], series, name)
        style.curve(right, family["divergence"], family["excess"], series, name)
        style.curve(right, family["divergence"], family["bound"], series, linewidth=0.8, alpha=0.6)
    for panel, what in ((left, "bias"), (right, "excess")):
        seen = at[what]
        style.points(panel, at["divergence"], seen["mean"], seen["std_error"], 0)
        panel.set(xscale="log", yscale="log", xlabel=r"$\mathrm{KL}(Q\,\|\,P)$ (nats)")
    left.set_ylabel(r"$|\partial_b B_g(\theta^*)|$")
    left.set_title("bias of the intercept's score")
    left.legend(loc="lower right")
    style.guide(right, y=payload["noise"], linestyle=(0, (1, 2)), linewidth=1.0, color="0.3")
    right.text(
        payload["divergence"][0], payload["noise"] * 1.15, "noise part", fontsize=8, va="bottom"
    )
    style.guide(right, y=payload["trivial"], linestyle=(0, (4, 2)), linewidth=1.0, color="0.3")
    right.text(
        payload["divergence"][0], payload["trivial"] * 0.85, "trivial bound", fontsize=8, va="top"
    )
    right.set_ylabel("excess risk due to bias (nats)")
    right.set_title("its price")
    right.legend(loc="lower right")
    style.panel_letters((left, right))
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="fidelity_to_excess",
    title="from divergence to bias to excess risk",
    theorems=("T4",),
    sweeps=("fidelity_to_excess",),
    caption="A generator of the minority group with divergence KL(Q || P) from it. (a) Bias of the "
    "intercept's score and T4's bound, with a variance proxy v that is certified from above; "
    "curves are exact (B2) for a shift of the mean along the signal, aslant of it, and for a "
    "shrunken covariance. (b) What that costs: the bias part of the excess risk, proportional "
    "to the divergence until it is large; thin lines: T4's bound on it at any bias, from the "
    "divergence alone, vacuous above the dashed line, a level that no generator can make this "
    "design exceed. Dotted: the design's noise part, below which more fidelity buys little. "
    "Markers: simulation for the shift along the signal (in b: excess risk minus the predicted "
    "noise part), means with 95 % intervals.",
    draw=_draw,
)
