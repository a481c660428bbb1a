"""One style for all figures: colours, markers and line styles, sizes, and deterministic files.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; every series also has a
line style and a marker of its own, so that a grey print can be read. Labels are set by matplotlib's
mathtext in STIX, without a TeX installation. Theory is a curve or a tick, simulation a marker with
its 95 % interval.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from synthetic_oversampling.theory.generators.table import LABELS

__all__ = [
    "FORMATS", "GUIDE", "SERIES", "Line2D", "Series", "crosses", "curve", "display", "exponent",
    "guide", "hatched", "new_figure", "panel_letters", "plain_log", "points", "save", "scaled",
    "styled", "svg_text", "ticks", "verdict", "verdict_handles",
]  # fmt: skip

FORMATS = ("png", "svg", "pdf")  # formats that a figure is written in
GUIDE = "guide"  # gid of lines that carry no data: zero lines, asymptotes, slopes
_VERDICTS = {1: ("o", "white"), -1: ("s", "black"), 0: ("D", "0.6")}  # of a gain: marker, face
INTERVAL = 1.959964  # standard errors on each side: 95 % for a normal mean
ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0  # inches
_RC = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.formatter.use_mathtext": True,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "errorbar.capsize": 1.5,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "synthetic-oversampling",
}
_METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
}


class Series(NamedTuple):
    """How one series looks, in colour and in grey.

    Attributes:
        colour: as Matplotlib has it; marker: its character.
        line: a name, or an offset and the lengths of dashes.
    """

    colour: str
    line: Any  # a line style of Matplotlib: a name, or an offset and the lengths of dashes
    marker: str


# colour, line and marker of a series, in the order of use
SERIES = (
    Series("#0072B2", "-", "o"),
    Series("#D55E00", "--", "s"),
    Series("#009E73", "-.", "^"),
    Series("#CC79A7", ":", "D"),
    Series("#000000", (0, (5, 1, 1, 1, 1, 1)), "v"),
    Series("#E69F00", (0, (8, 2)), "P"),
    Series("#56B4E9", (0, (3, 1, 1, 1)), "X"),
)


def display(name: str) -> str:
    """A generator's name as figures write it; other names as they are.

    Args:
        name: of a generator.

    Example:
        >>> display("smote"), display("plugin-pooled"), display("raw ERM")
        ('SMOTE', 'pooled plug-in', 'raw ERM')
    """
    return LABELS.get(name, name)


def exponent(row: Mapping) -> str:
    """Theory's exponent and the interval of the fitted one, as legends write them.

    Args:
        row: ``exponent``, and ``fitted`` with its interval.

    Example:
        >>> exponent({"exponent": 0.5, "fitted": {"value": 0.5, "low": 0.49, "high": 0.512}})
        '0.500 (0.490 to 0.512)'
        >>> exponent({"exponent": 2 / 3, "fitted": None})
        '0.667'
    """
    fit = row["fitted"]
    seen = "" if fit is None else f" ({fit['low']:.3f} to {fit['high']:.3f})"
    return f"{row['exponent']:.3f}{seen}"


def styled(function: Callable) -> Callable:
    """Run a drawing function under the style, whatever the caller's settings are.

    Args:
        function: that draws.
    """

    @functools.wraps(function)
    def inside(*args, **options):
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_RC)
            return function(*args, **options)

    return inside


def new_figure(rows: int = 1, columns: int = 2, *, height=2.7, width=TWO_COLUMNS, **options):
    """A figure with panels: ``(figure, axes as a flat array)``; layout avoids overlaps.

    Args:
        rows: of panels.
        columns: of panels.
        height: of a row, inches.
        width: of the figure, inches.
        **options: of `matplotlib.pyplot.subplots`.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    return figure, axes


def curve(axes, x, y, series: int, label: str | None = None, **options) -> Line2D:
    """Theory: a line in the series' colour and line style.

    Args:
        axes: where to draw.
        x: ``[k]``.
        y: ``[k]``.
        series: its place in `SERIES`.
        label: in the legend.
        **options: of a line.
    """
    look = SERIES[series]
    style = {"color": look.colour, "linestyle": look.line, "zorder": 2} | options
    (line,) = axes.plot(np.asarray(x), np.asarray(y), label=label, **style)
    return line


def points(axes, x, mean, std_error, series: int, label=None, *, horizontal=False, **options):
    """Simulation: markers with 95 % intervals; ``horizontal`` puts the values on the x axis.

    Args:
        axes: where to draw.
        x: ``[k]``.
        mean: ``[k]``.
        std_error: ``[k]``.
        series: its place in `SERIES`.
        label: in the legend.
        horizontal: values on the x axis.
        **options: of error bars.
    """
    look = SERIES[series]
    spread = INTERVAL * np.asarray(std_error, float)
    style = {
        "color": look.colour,
        "marker": look.marker,
        "linestyle": "none",
        "label": label,
        "markerfacecolor": "white",
        "markeredgewidth": 1.0,
        "elinewidth": 0.9,
        "zorder": 3,
    } | options
    values = np.asarray(mean, float)
    if horizontal:
        return axes.errorbar(values, np.asarray(x), xerr=spread, **style)
    return axes.errorbar(np.asarray(x), values, yerr=spread, **style)


def ticks(axes, values, places, series: int, label: str | None = None, **options) -> Line2D:
    """Theory in a plot by category: vertical ticks at the values.

    Args:
        axes: where to draw.
        values: ``[k]``.
        places: of the categories ``[k]``.
        series: its place in `SERIES`.
        label: in the legend.
        **options: of a line.
    """
    look = SERIES[series]
    style = {"color": look.colour, "marker": "|", "linestyle": "none", "markersize": 11}
    style |= {"markeredgewidth": 1.8, "zorder": 2} | options
    (line,) = axes.plot(np.asarray(values, float), np.asarray(places), label=label, **style)
    return line


def crosses(axes, x, y, label: str | None = None, **options) -> Line2D:
    """A second form of the theory: small grey crosses.

    Args:
        axes: where to draw.
        x: ``[k]``.
        y: ``[k]``.
        label: in the legend.
        **options: of a line.
    """
    style = {"color": "0.35", "marker": "x", "markersize": 3.6, "linestyle": "none", "zorder": 4}
    (line,) = axes.plot(np.asarray(x), np.asarray(y), label=label, **(style | options))
    return line


def handles(labels, **options) -> list[Line2D]:
    """Entries of a legend: for each label the colour, line and marker of its series."""
    found = []
    for entry, label in zip(SERIES, labels, strict=False):
        look = {
            "color": entry.colour,
            "linestyle": entry.line,
            "marker": entry.marker,
            "label": label,
        }
        found.append(Line2D([], [], **look | {"markerfacecolor": "white"} | options))
    return found


def plain_log(*panels, which: str = "x") -> None:
    """Logarithmic axes labelled 1, 10, 100 instead of powers of ten.

    Args:
        *panels: axes.
        which: "x", "y" or "both".
    """
    for axes in panels:
        axis = getattr(axes, f"{which}axis")
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def scaled(axes, power: int) -> None:
    """Label the y axis in units of ``10**power``, to be named in its label.

    Args:
        axes: where to draw.
        power: of ten.
    """
    unit = 10.0**power
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:g}"))


def guide(axes, x=None, y=None, **options) -> Line2D:
    """A line without data: horizontal at ``y``, vertical at ``x``, or through both arrays.

    Args:
        axes: where to draw.
        x: a place or ``[k]``.
        y: a place or ``[k]``.
        **options: of a line.
    """
    style = {"color": "0.55", "linewidth": 0.7, "zorder": 1, "gid": GUIDE} | options
    if y is None:
        return axes.axvline(x, **style)
    if x is None:
        return axes.axhline(y, **style)
    return axes.plot(np.asarray(x), np.asarray(y), **style)[0]


def verdict(axes, x: float, y: float, mean: float, std_error: float) -> None:
    """A marker at a place: whether a simulated gain is above 0, below it, or neither is shown.

    Args:
        axes: where to draw.
        x, y: the place.
        mean, std_error: of the gain.
    """
    sign = 0 if abs(mean) <= INTERVAL * std_error else np.sign(mean)
    marker, face = _VERDICTS[int(sign)]
    axes.plot([x], [y], markersize=4.5, **_verdict_look(marker, face))


def verdict_handles(better: str, worse: str) -> list[Line2D]:
    """Legend of the markers of `verdict`.

    Args:
        better, worse: words for a gain and for a loss.
    """
    words = {1: better, -1: worse, 0: "open"}
    return [
        Line2D([], [], label=f"simulation: {word}", **_verdict_look(*_VERDICTS[sign]))
        for sign, word in words.items()
    ]


def _verdict_look(marker: str, face: str) -> dict:
    edge = {"markeredgecolor": "black", "linestyle": "none"}
    return {"marker": marker, "markerfacecolor": face} | edge


def hatched(hatch: str, label: str) -> Patch:
    """Legend of an area that is hatched.

    Args:
        hatch: its pattern.
        label: what it means.
    """
    return Patch(facecolor="none", edgecolor="black", linewidth=0.0, hatch=hatch, label=label)


def panel_letters(axes) -> None:
    """(a), (b), ... in front of the panels' titles.

    Args:
        axes: of the panels.
    """
    for letter, panel_axes in zip("abcdefgh", axes, strict=False):
        panel_axes.set_title(f"({letter}) {panel_axes.get_title()}", loc="left")
        panel_axes.set_title("")


@styled
def save(figure: Figure, path: str | os.PathLike, kind: str) -> Path:
    """Write a figure: the same figure gives the same bytes, with fonts embedded.

    Args:
        figure: from a figure's ``draw``.
        path: of the file.
        kind: "png", "svg" or "pdf".

    Raises:
        ValueError: for another format.
    """
    if kind not in FORMATS:
        raise ValueError(f"format: got {kind!r}, expected one of {', '.join(FORMATS)}.")
    path = Path(path)
    figure.savefig(path, format=kind, metadata=_METADATA[kind])
    return path


@styled
def svg_text(figure: Figure) -> str:
    """The text of a figure's SVG file: the same figure gives the same text.

    Args:
        figure: to be written.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=_METADATA["svg"])
    return file.getvalue()
