"""Formulas in a page that needs neither network nor fonts: LaTeX as the outlines of its glyphs."""

from __future__ import annotations

import html
import re
from functools import lru_cache

__all__ = ["formula_svg"]

_SIZE = 20.0  # units of the outlines for one em of the text
_PAD = 1.0
_LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}  # of matplotlib's path codes
# what matplotlib's mathtext does not know, in what it knows
_REWRITES = (
    (re.compile(r"\\(?:big|Big|bigg|Bigg)[lrm]?(?![a-zA-Z])"), ""),
    (re.compile(r"\\(?:d|t)frac"), r"\\frac"),
    (re.compile(r"\\(?:limits|displaystyle|textstyle)(?![a-zA-Z])"), ""),
    (re.compile(r"\\operatorname\{([^{}]*)\}"), r"\\mathrm{\1}\\,"),
    (re.compile(r"\\(?:mathbb|mathbf)\{I\}"), r"\\mathbf{I}"),
    (re.compile(r"\\lvert|\\rvert"), "|"),
    (re.compile(r"\\lVert|\\rVert"), r"\\|"),
    (re.compile(r"\^\*"), r"^{\\!*}"),
    (re.compile(r"\{(\w)\^\{(\\mathrm\{\w+\}|\\times)\}\}_"), r"\1^{\2}_"),
    (re.compile(r"\\le(?![a-zA-Z])"), r"\\leq"),
    (re.compile(r"\\ge(?![a-zA-Z])"), r"\\geq"),
    (re.compile(r"\\text\{for\}\\:"), r"\\mathrm{if}\\ "),
    (re.compile(r"\\text\{([^{}]*)\}"), r"\\mathrm{\1}"),
    (re.compile(r"\\min(?![a-zA-Z])"), r"\\mathrm{min}"),
    (re.compile(r"\\max(?![a-zA-Z])"), r"\\mathrm{max}"),
)


_CASES = re.compile(r"(.*)\\begin\{cases\}(.*)\\end\{cases\}$", re.DOTALL)


def formula_svg(latex: str) -> str:
    """A formula as inline SVG in the colour of the text, with its LaTeX as the label.

    Args:
        latex: of the formula; what cannot be typeset is shown as it is.

    Example:
        >>> formula_svg("a = b")[:45]
        '<svg class="formula" role="img" aria-label="a'
        >>> formula_svg(r"\\\\begin{nonsense}")
        '<code class="formula">\\\\\\\\begin{nonsense}</code>'
    """
    try:
        cases = _CASES.match(latex)
        return _outline(latex) if cases is None else _stacked(latex, *cases.groups())
    except ValueError:  # not in mathtext's language
        return f'<code class="formula">{html.escape(latex)}</code>'


def _stacked(latex: str, left: str, body: str) -> str:
    """A case distinction: a line for each case, behind a brace."""
    rows = [row.split("&") for row in body.split(r"\\")]
    cells = "".join(
        "<span>" + "".join(f"<span>{_outline(cell.strip())}</span>" for cell in row) + "</span>"
        for row in rows
    )
    label = html.escape(latex, quote=True)
    return (
        f'<span class="formula" role="img" aria-label="{label}">{_outline(left.strip())}'
        f'<span class="cases" aria-hidden="true">{cells}</span></span>'
    )


@lru_cache(maxsize=512)
def _outline(latex: str) -> str:
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    text = latex
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    text = _display_fractions(text)
    label = html.escape(latex, quote=True)
    with rc_context({"mathtext.fontset": "stix"}):
        path = TextPath((0, 0), f"${text}$", _SIZE, prop=FontProperties("STIXGeneral"))
    low, high = path.get_extents().get_points()
    width, height = high - low + 2 * _PAD
    parts = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        pairs = points.reshape(-1, 2)
        x, y = pairs[:, 0] - low[0] + _PAD, high[1] - pairs[:, 1] + _PAD
        numbers = " ".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
        letter = _LETTERS[int(code)]
        parts.append("Z" if letter == "Z" else letter + numbers)
    sink = -(low[1] - _PAD) / _SIZE
    return (
        f'<svg class="formula" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" style="width:{width / _SIZE:.2f}em;'
        f'height:{height / _SIZE:.2f}em;vertical-align:{-sink:.2f}em">'
        f'<path fill="currentColor" d="{"".join(parts)}"/></svg>'
    )


def _display_fractions(text: str) -> str:
    """Fractions in full size, but for those inside another, an index or an exponent.

    Example:
        >>> _display_fractions(r"\\frac{\\frac{a}{b}}{c} + x^{\\frac{1}{2}}")
        '\\\\dfrac{\\\\frac{a}{b}}{c} + x^{\\\\frac{1}{2}}'
    """
    depth, out = 0, []
    for piece in re.split(r"(\\frac(?![a-zA-Z])|\\[{}]|[{}])", text):
        depth += (piece == "{") - (piece == "}")
        out.append(r"\dfrac" if piece == r"\frac" and depth == 0 else piece)
    return "".join(out)
