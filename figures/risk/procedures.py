"""Figure: validation-tuned synthetic sizes beside the closed form, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.spec import Spec
from synthetic_oversampling.theory.wording import counted

__all__ = ["SPEC"]


@style.styled
def _draw(payload: Mapping):
    figure, (panel,) = style.new_figure(1, 1, height=3.4, width=1.75 * style.ONE_COLUMN)
    places = np.arange(len(payload["procedures"]))
    rows = payload["generators"]
    for series, (name, row) in enumerate(rows.items()):
        offset = 0.2 * (series - (len(rows) - 1) / 2)
        seen = row["excess"]
        style.points(
            panel,
            places + offset,
            seen["mean"],
            seen["std_error"],
            series,
            f"generator: {style.display(name)}",
            horizontal=True,
        )
    labels = [
        f"{name} ({counted(fits, 'fit')}" + (f", {formula} prediction)" if formula else ")")
        for name, fits, formula in zip(
            payload["procedures"], payload["fits"], payload["predictions"], strict=True
        )
    ]
    panel.set_yticks(places, labels)
    panel.invert_yaxis()
    panel.set_xlabel("balanced excess risk (nats)")
    panel.set_xlim(left=0.0)
    panel.legend(loc="upper center", bbox_to_anchor=(0.3, -0.18), ncols=3)
    return figure


# the figure: its title, caption, theorems, sweeps and what draws it
SPEC = Spec(
    name="procedures",
    title="how much synthetic data: by validation, and by formula",
    theorems=("S1",),
    sweeps=("procedures",),
    caption="Balanced excess risk of five procedures on the same real samples and generators, "
    "simulation with 95 % intervals. Validation: the synthetic size with the least balanced loss "
    "on five held-out folds, among nine multiples 0 to 2 of the gap between the class sizes, real "
    "and synthetic samples weighted alike (Ma and Zhang, arXiv 2601.16120). S1: weight and size of "
    "the augmentation by its global law, from the known groups or from sample means and "
    "covariances, at the price per sample of the configuration. Validation needs no model of the "
    "groups; S1 needs one (here it is right: Gaussian groups) and the generator's law.",
    draw=_draw,
)
