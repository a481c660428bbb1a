"""The report as a file: sections measured now take the place of their predecessors, others stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["merged"]

_PREAMBLE = """# Benchmarks

Written by `python -m benchmarks`, a section at a time where one is named. Contenders run by turns
in one process, two runs a turn of which the second counts; times are medians over turns, and the
first run of all is reported apart with what it compiles. Nothing else should run meanwhile.
"""
_ELSEWHERE = "Measured elsewhere:"


def _split(text: str) -> tuple[str, dict[str, str]]:
    """What a report says of its machine, and its sections by title."""
    head, *sections = ("\n" + text).split("\n## ")
    machine = "\n".join(line for line in head.splitlines() if line.startswith("- "))
    pairs = (section.split("\n", 1) for section in sections)
    return machine, {title: body.strip() for title, body in pairs}


def merged(
    old: str | None, new: Mapping[str, str], machine: str, order: Sequence[str], *, whole: bool
) -> str:
    """The report with new sections in it.

    Args:
        old: the report so far, if there is one.
        new: bodies of the sections measured now, by title.
        machine: the machine that they were measured on, in lines of a list.
        order: the titles of all sections.
        whole: whether all were measured that usually are, so that the report's machine is this one;
            otherwise it stays what it was. A section of another machine says which.
    """
    before, kept = _split(old) if old else (machine, {})
    main = machine if whole or not before else before
    sections = {title: (before, body) for title, body in kept.items()}
    sections |= {title: (machine, body) for title, body in new.items()}
    parts = [_PREAMBLE, main, ""]
    for title in sorted(sections, key=lambda title: (title not in order, _place(order, title))):
        where, body = sections[title]
        parts += [f"## {title}", ""]
        if where != main and not body.startswith(_ELSEWHERE):
            parts += [_ELSEWHERE, "", where, ""]
        parts += [body, ""]
    return "\n".join(parts)


def _place(order: Sequence[str], title: str) -> int:
    return list(order).index(title) if title in order else 0
