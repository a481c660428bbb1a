"""What the doors' command lines have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

__all__ = ["parse", "seed_number"]


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line; ``--name=--``, which argparse reads as an empty list, is bad usage.

    Args:
        parser: of the door.
        argv: arguments; those of the process when omitted.

    Raises:
        SystemExit: with status 2, after a message.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for word in words:
        if word.startswith("-") and word.endswith("=--"):
            parser.error(f"{word}: expected a value after the equals sign")
    return parser.parse_args(words)


def seed_number(text: str) -> int:
    """A seed on the command line.

    Example:
        >>> seed_number("7")
        7
    """
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        shown = text if len(text) <= 40 else text[:40] + "..."
        raise argparse.ArgumentTypeError(f"got {shown!r}, expected a whole number, 0 .. 2**32 - 1")
    return value
