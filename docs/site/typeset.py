"""Statements, wrong formulas and captions in Markdown, as `simulate.report.prose` has them."""

from __future__ import annotations

import re

from synthetic_oversampling.simulate.report.prose import Piece, pieces

__all__ = ["typeset"]

_MARKUP = re.compile(r"[\\*_{}\[\]<>$#|~^]")


def typeset(words: str, *, title: bool = False) -> str:
    """Markdown that shows a text as it is meant.

    Args:
        words: plain text; names in backticks, formulas as ``theta_alpha``, ``A^{-1}``, ``sum_g``.
        title: of a heading, whose indices are roles: it stands in tables of contents as well.

    Returns:
        Its Markdown, on one line if the text is.
    """
    return "".join(_markdown(piece, title) for piece in pieces(words))


def _markdown(piece: Piece, title: bool) -> str:
    if isinstance(piece, str):
        return _MARKUP.sub(r"\\\g<0>", piece)
    tag, inner = piece
    if tag == "code":
        return f"`{inner[0]}`"
    if title:
        return f"{{{tag}}}`{''.join(part for part in inner if isinstance(part, str))}`"
    return f"<{tag}>{''.join(_markdown(part, title) for part in inner)}</{tag}>"
