"""Mathematics as MathML, which browsers draw themselves: no script, no font from elsewhere.

docutils converts the LaTeX, and refuses what it does not know: such a page does not build.
"""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.errors import ExtensionError

# what sympy writes and docutils does not know, in what it knows
_REWRITES = (
    (re.compile(r"\\operatorname\{([^{}]*)\}"), r"\\mathrm{\1}"),
    (re.compile(r"\\limits(?![a-zA-Z])"), ""),
    (re.compile(r"\\text\{for\}\\:"), r"\\text{if } "),
    (re.compile(r"\\substack\{([^{}]*?)\\\\([^{}]*?)\}"), r"\1, \2"),
)


def mathml(latex: str, *, block: bool) -> str:
    """A formula as a MathML element, its LaTeX beside it for whoever copies it.

    Raises:
        ValueError: LaTeX that is not known, with the formula.
    """
    text = latex
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    try:
        return latex2mathml.tex2mathml(text, as_block=block)
    except (MathError, SyntaxError) as error:
        raise ValueError(f"latex: got {latex!r}, which has no MathML: {error}") from error


def _inline(self, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{_element(node, block=False)}</span>')
    raise nodes.SkipNode


def _block(self, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math">{_element(node, block=True)}</div>')
    raise nodes.SkipNode


def _element(node: nodes.Element, *, block: bool) -> str:
    try:
        return mathml(node.astext(), block=block)
    except ValueError as error:
        raise ExtensionError(f"{node.source}:{node.line}: {error}") from error


def setup(app) -> dict:
    """Register the renderer that conf.py names."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
