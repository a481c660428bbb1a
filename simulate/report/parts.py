"""Pieces of the report's page: style, numbers, verdicts, and the strip of an interval."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any

from synthetic_oversampling.simulate.report.prose import prose

__all__ = ["STYLE", "badge", "escape", "number", "row_of_check", "strip", "table"]

# style of a report page; it loads nothing
STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--back:#fff;--soft:#57606a;--line:#d0d7de;
--card:#f6f8fa;--pass:#12663a;--fail:#b3140c;--unsure:#8a5200;--band:#dbe9f9;--inner:#aecdf0;
--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--back:#0d1117;--soft:#9aa4af;
--line:#30363d;--card:#161b22;--pass:#4ac26b;--fail:#ff8078;--unsure:#e3a63b;--band:#1b2f4a;
--inner:#2c5282;--link:#79b8ff}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;color:var(--text);
background:var(--back);max-width:76rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.25rem;margin:2.2em 0 .4em;padding-top:.6em;
border-top:1px solid var(--line)}h3{font-size:1rem;margin:1.4em 0 .4em}
a{color:var(--link)}p,li{max-width:52rem}code,pre{font-family:ui-monospace,"DejaVu Sans Mono",
monospace;font-size:.85em}pre{background:var(--card);padding:.7em;overflow-x:auto;
white-space:pre-wrap;overflow-wrap:anywhere;border-radius:6px}
.small{color:var(--soft);font-size:.85rem}.wide{overflow-x:auto}
.tag{display:inline-block;border:1px solid var(--line);border-radius:1em;padding:0 .6em;
margin-right:.3em;font-size:.8rem;color:var(--soft)}
.pass{color:var(--pass)}.fail{color:var(--fail)}.inconclusive{color:var(--unsure)}
.verdict{font-weight:600;white-space:nowrap}
.banner{border:2px solid currentColor;border-radius:8px;padding:.6em 1em;font-size:1.1rem}
.banner p{margin:.2em 0}.banner .small{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-size:.85rem}
caption{text-align:left;color:var(--soft);padding:.3em 0}
th,td{padding:.3em .6em;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;
white-space:nowrap}td.x{white-space:nowrap}td code{overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2em 1em;max-width:60rem}
dt{color:var(--soft)}dd{margin:0}
nav ul{columns:2;column-gap:2.5em;padding-left:1.2em}nav li{break-inside:avoid}
sub,sup{line-height:0;font-size:.75em}
.formula{max-width:100%}.eq{font-size:1.1em;margin:.3em 0 .9em 1.5em;padding:.1em 0;
overflow-x:auto;overflow-y:hidden}
.cases{display:inline-table;vertical-align:middle;border-left:2px solid;border-radius:8px;
margin-left:.3em}.cases>span{display:table-row}.cases>span>span{display:table-cell;
padding:.3em .8em}
.strip .d{fill:var(--band)}.strip .a{fill:var(--inner)}.strip .t{stroke:var(--text);
stroke-width:1.4}.strip .i{stroke:currentColor;stroke-width:2}.strip .o{fill:currentColor}
figure{margin:1.2em 0}figure img{max-width:100%;background:#fff;border-radius:6px;padding:6px}
figcaption{max-width:52rem;color:var(--soft);font-size:.9rem}
summary{cursor:pointer;margin:.5em 0}
@media print{body{max-width:none;padding:0;font-size:10pt}section{break-before:auto}
tr,figure,.eq{break-inside:avoid}nav{display:none}a{color:inherit;text-decoration:none}}
"""

_WIDTH, _HEIGHT, _REACH = 150.0, 18.0, 1.5  # of a strip; half its range in discrepancies
_ALIGN = {">": ' class="n"', "=": ' class="x"'}
_LOOK = {
    "pass": ("✓", "pass"),
    "fail": ("✗", "fail"),
    "inconclusive": ("?", "inconclusive"),
    "rejected": ("✓", "pass"),
    "survived": ("✗", "fail"),
}


def escape(text: Any) -> str:
    """Text for HTML, quotes included.

    Args:
        text: anything with a text.

    Example:
        >>> escape("a < 'b'")
        'a &lt; &#x27;b&#x27;'
    """
    return html.escape(str(text), quote=True)


def number(value: float | None) -> str:
    """Six significant digits; a dash for no value.

    Args:
        value: to be shown.

    Example:
        >>> number(0.123456789), number(float("nan")), number(None)
        ('0.123457', '–', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.6g}".replace("-", "−").replace("inf", "∞")


def badge(verdict: str) -> str:
    """A verdict in words, colour and sign: readable without the colour.

    Args:
        verdict: of a check.
    """
    sign, look = _LOOK.get(verdict, ("", ""))
    return f'<span class="verdict {look}">{sign} {escape(verdict)}</span>'


def table(header: list[str], rows: list[list[str]], caption: str = "") -> str:
    """A table; cells are HTML. A column whose name starts with ``>`` holds numbers, one with ``=``
    is not broken into lines.

    Args:
        header: names of the columns.
        rows: cells, in HTML.
        caption: in plain text.
    """
    classes = [_ALIGN.get(name[0], "") for name in header]
    names = (name.lstrip("".join(_ALIGN)) for name in header)
    head = "".join(
        f'<th scope="col"{style}>{name}</th>' for style, name in zip(classes, names, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{style}>{cell}</td>" for style, cell in zip(classes, row, strict=True))
        + "</tr>"
        for row in rows
    )
    title = f"<caption>{caption}</caption>" if caption else ""
    return (
        f'<div class="wide"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def strip(check: Mapping[str, Any]) -> str:
    """The interval of a check against its theory value, in units of its discrepancy.

    The light band is the discrepancy that must be detected, the dark one the allowance, the tick
    the theory value; for a bound the light band is what the bound allows.

    Args:
        check: row of a report.
    """
    theory, observed = check["theory"], check["observed"]
    low, high = check["interval"]
    ends = [end if math.isfinite(end) else observed for end in (low, high)]
    if not math.isfinite(observed):
        return ""
    unit = check["discrepancy"]
    bound = check["kind"] == "bound"
    if bound:  # as wide as it takes to show interval and bound together
        unit = max(*(abs(end - theory) for end in ends), abs(observed - theory), 1e-300)
    middle = _WIDTH / 2

    def place(value: float, by: float = 0.0) -> float:
        share = max(-_REACH, min(_REACH, (value - theory) / unit + by))
        return middle * (1 + share / _REACH)

    bands = f'<rect class="d" x="{place(theory, -1.0):.1f}" y="3" height="12" width="'
    if bound:
        bands = f'<rect class="d" x="0" y="3" height="12" width="{middle:.1f}"/>'
    else:
        inner = middle * min(check["allowance"] / unit, _REACH) / _REACH
        bands += (
            f'{place(theory, 1.0) - place(theory, -1.0):.1f}"/><rect class="a" '
            f'x="{middle - inner:.1f}" y="3" height="12" width="{2 * inner:.1f}"/>'
        )
    left, right = (place(end) for end in ends)
    label = (
        f"predicted {number(theory)}, observed {number(observed)}, interval {number(low)} to "
        f"{number(high)}"
    )
    return (
        f'<svg class="strip {escape(check["verdict"])}" role="img" aria-label="{label}" '
        f'width="{_WIDTH:.0f}" height="{_HEIGHT:.0f}" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}">'
        f'{bands}<path class="t" d="M{middle} 1V17"/>'
        f'<path class="i" d="M{left:.1f} 9H{right:.1f}M{left:.1f} 6V12M{right:.1f} 6V12"/>'
        f'<circle class="o" cx="{place(observed):.1f}" cy="9" r="2.6"/></svg>'
    )


def row_of_check(check: Mapping[str, Any]) -> list[str]:
    """Cells of a check: verdict, check, kind, predicted, observed, strip, z, n.

    Args:
        check: row of a report.
    """
    noisy = bool(check["n"])
    limit = "≤ " if check["kind"] == "bound" else ""
    error = f'<br><span class="small">± {number(check["std_error"])}</span>' if noisy else ""
    spread = " to ".join(number(end) for end in check["interval"])
    interval = strip(check) + (f'<br><span class="small">{spread}</span>' if noisy else "")
    size = check["z"]
    return [
        badge(check["verdict"]),
        f'<code>{escape(check["id"])}</code><br><span class="small">{prose(check["claim"])} '
        f"({escape(check['source'])})</span>",
        escape(check["kind"]),
        limit + number(check["theory"]),
        number(check["observed"]) + error,
        interval,
        f"{size:+.2f}".replace("-", "−") if noisy and math.isfinite(size) else "–",
        (f"{check['n']:,}" if noisy else "exact") + _aside(check),
    ]


def _aside(check: Mapping[str, Any]) -> str:
    """What is unusual about a check's replicates: a second stage, some without a fit."""
    notes = ["second stage"] if check["stage"] == 2 else []
    if check["left_out"]:
        notes.append(f"{100 * check['left_out']:.2g} % left out")
    return f'<br><span class="small">{", ".join(notes)}</span>' if notes else ""
