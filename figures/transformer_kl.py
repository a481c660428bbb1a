"""Figure: divergence of the constructed attention layer against the seeds (T1, T3)."""

from __future__ import annotations

from collections.abc import Mapping

from figures import style
from figures.spec import Spec

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (left, right) = style.new_figure(1, 2, height=3.0)
    own, seen = payload["gaussian"], payload["observed"]
    style.curve(left, payload["count"], own["minimax"], 4, r"minimax $\frac{d}{2}\log(1+1/n)$",
                linewidth=1.0)  # fmt: skip
    for series, (name, label) in enumerate((("bayes", "attention layer"), ("plug-in", "plug-in"))):
        style.curve(left, payload["count"], own[name], series, label)
        value = seen["attention" if name == "bayes" else name]
        style.points(left, payload["counts_seen"], value["mean"], value["std_error"], series)
    left.set_title("Gaussian groups, unknown mean")
    own = payload["frequencies"]
    style.curve(right, payload["count"], own["rate"], 4, "$(V-1)/(2n)$", linewidth=1.0)
    style.curve(right, payload["count"], own["bayes"], 0, "attention layer")
    value = seen["counts"]
    style.points(right, payload["counts_seen"], value["mean"], value["std_error"], 0)
    right.set_title("symbols of unknown frequency")
    for panel in (left, right):
        panel.set(xscale="log", yscale="log", xlabel="seeds $n$")
        panel.legend(loc="lower left")
        style.plain_log(panel)
    left.set_ylabel("expected divergence (nats)")
    style.panel_letters((left, right))
    return figure


SPEC = Spec(
    "transformer_kl",
    "divergence of the constructed attention layer against the seeds",
    ("T1", "T3"),
    ("in_context",),
    "Expected Kullback-Leibler divergence of a group's law from what one softmax-attention layer "
    "with a null token writes after n seeds. (a) Gaussian groups of unknown mean: the layer is the "
    "Bayes predictive, (d/2) log(1 + 1/(n + r)) with r the ratio of the variances; it is below the "
    "minimax curve because it knows the prior; the plug-in rule pays d/(2n). (b) Symbols with "
    "Dirichlet frequencies: the layer is the Dirichlet-multinomial predictive; its exact curve and "
    "the rate (V-1)/(2n). Markers: the layer run on simulated groups, means with 95 % intervals.",
    _draw,
)
