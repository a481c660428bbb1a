"""What figures of errors against features share: designs, curves with markers, a legend."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_oversampling.figures import style

__all__ = ["curves", "legend"]

_NAMES = {
    "raw": "raw",
    "weighted": "class weighting",
    "duplicate": "duplication",
    "smote-pairs": "SMOTE",
    "plugin-pooled": "plug-in, pooled",
    "oracle": "oracle",
}


def curves(panel, payload: Mapping, part: str) -> None:
    """Theory and simulation of every design against features per row, on a logarithmic axis.

    Args:
        panel: axes.
        payload: of the sweep, with ``ratio``, ``curves``, ``ratios`` and ``points``.
        part: which of a design's numbers.
    """
    for series, name in enumerate(_NAMES):
        style.curve(panel, payload["ratio"], payload["curves"][name][part], series)
        seen = payload["points"][name][part]
        style.points(panel, payload["ratios"], seen["mean"], seen["std_error"], series)
    panel.set(xscale="log")
    panel.set_xticks(payload["ratios"])
    panel.minorticks_off()


def legend(figure) -> None:
    """The designs, above the panels.

    Args:
        figure: that has them.
    """
    figure.legend(
        handles=style.handles(_NAMES.values()),
        loc="outside upper center",
        ncols=6,
        columnspacing=1.2,
        handlelength=3.0,
    )
