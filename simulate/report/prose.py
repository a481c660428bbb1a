"""Statements, written for a terminal, as pages show them: θ for theta, and indices in place.

What stands in backticks stays as it is, and so does every character that is no formula's.
"""

from __future__ import annotations

import html
import re

__all__ = ["Piece", "pieces", "prose"]

# text, or the tag of an index, a power or code with what it holds
Piece = str | tuple[str, list]

_NAMES = (
    "alpha beta gamma delta epsilon eta theta kappa lambda mu nu xi pi rho sigma tau phi psi omega "
    "Gamma Delta Theta Lambda Sigma Phi Psi Omega"
).split()
_LETTERS = dict(zip(_NAMES, "αβγδεηθκλμνξπρστφψωΓΔΘΛΣΦΨΩ", strict=True))
_ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304"}
_SYMBOLS = (
    (re.compile(r"(?<![A-Za-z])(theta|R|[txy](?=bar))(hat|tilde|bar)(?![A-Za-z])"), None),
    (re.compile(rf"(?<![A-Za-z])({'|'.join(_NAMES)})(?![A-Za-z]| method)"), None),
    (re.compile(r"(?<![A-Za-z])grad (?=[A-Za-z](?:\b|_))"), "∇"),
    (re.compile(r"(?<![A-Za-z])Hess (?=[A-Za-z](?:\b|_))"), "∇²"),
    (re.compile(r"(?<![A-Za-z])sum(?=_| [^\W\d]_)"), "∑"),
    (re.compile(r"(?<![A-Za-z])sqrt(?:(?=\()| (?=\w\b))"), "√"),
    (re.compile(r"-> infinity"), "→ ∞"),
    (re.compile(r"(?<!-)->"), "→"),
    (re.compile(r"<-(?= )"), "←"),
    (re.compile(r"<="), "≤"),
    (re.compile(r">="), "≥"),
    (re.compile(r"\+-"), "±"),
    (re.compile(r"-\+"), "∓"),
    (re.compile(r"(?<= )-(?= )"), "−"),
    (re.compile(r"(?:(?<=[ ({\[=^])|^)-(?=[\[(∇√\w])"), "−"),
    (re.compile(r"^-(?= )|(?<=\(1)-(?=[^\W\d])|(?<=\([A-Z])-(?=1\))"), "−"),
)
# a letter, a name that takes an index, or the end of a bracket; of a power also a number
_INDEXED = re.compile(
    r"(?:(?<![A-Za-z])(?:[^\W\d_]|Cov|Var|max|min|KL)[\u0302-\u0304]?|[\])|∑∇])\Z"
)
_RAISED = re.compile(r"(?:[\w\u0302-\u0304)}\]|*']|_\+)\Z")
_INDEX = re.compile(r"[^\W_]+|[*+]")
_POWER = re.compile(r"[-−+]?[^\W_]+|\([^()]*\)|\*")


def prose(text: str) -> str:
    """A statement's plain text as HTML: Greek letters, indices, exponents, and code.

    Args:
        text: as the registry has it.

    Example:
        >>> prose("theta_alpha - theta* = -H^{-1} b, n_max <= 3")
        'θ<sub>α</sub> − θ* = −H<sup>−1</sup> b, n<sub>max</sub> ≤ 3'
        >>> prose("`theta` is a < b, by no_fit")
        '<code>theta</code> is a &lt; b, by no_fit'
    """
    return _html(pieces(text))


def _html(parts: list[Piece]) -> str:
    return "".join(
        html.escape(part) if isinstance(part, str) else f"<{part[0]}>{_html(part[1])}</{part[0]}>"
        for part in parts
    )


def pieces(text: str) -> list[Piece]:
    """A statement's plain text taken apart.

    Args:
        text: as the registry has it.

    Returns:
        Text with letters for their names, and ``("sub", ...)``, ``("sup", ...)`` and
        ``("code", ...)`` with what they hold.

    Example:
        >>> pieces("Cov_{P_g}, `x`")
        ['Cov', ('sub', ['P', ('sub', ['g'])]), ', ', ('code', ['x'])]
    """
    found: list[Piece] = []
    for k, part in enumerate(re.split(r"`([^`]+)`", text)):
        found += [("code", [part])] if k % 2 else _scripts(_symbols(part))
    return found


def _symbols(text: str) -> str:
    for pattern, symbol in _SYMBOLS:
        text = pattern.sub(symbol or _letter, text)
    return text


def _letter(found: re.Match) -> str:
    letter = _LETTERS.get(found[1], found[1])
    return letter + (_ACCENTS[found[2]] if found.lastindex == 2 else "")


def _scripts(text: str) -> list[Piece]:
    done: list[Piece] = []
    at = 0
    for own in re.finditer(r"[_^]", text):
        if own.start() < at:
            continue
        low = own[0] == "_"
        inner, end = _argument(text, own.end(), _INDEX if low else _POWER)
        if inner and (_INDEXED if low else _RAISED).search(text[: own.start()]):
            done += [text[at : own.start()], ("sub" if low else "sup", _scripts(inner))]
            at = end
    return [part for part in (*done, text[at:]) if part]


def _argument(text: str, start: int, token: re.Pattern) -> tuple[str, int]:
    """What an index or a power consists of, and where it ends; nothing if it is none."""
    if text[start : start + 1] != "{":
        found = token.match(text, start)
        return (found[0], found.end()) if found else ("", start)
    depth = 0
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if not depth:
            return text[start + 1 : end], end + 1
    return "", start
