"""``oversampling theorems`` prints every theorem; with an id, one in full.

Options print one theorem's formulas in LaTeX, everything as JSON, or run every proof.
"""

from __future__ import annotations

import argparse
import os
import sys

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = (
        "The theorems: what is claimed, of which kind, and from where. Sharp: this package's own "
        "statement. Reported: by arXiv 2406.03628. Literature: published by others."
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "id", metavar="ID", nargs="?", help="one theorem in full: statement, assumptions, formulas"
    )
    what.add_argument(
        "--latex", metavar="ID", help="formulas of a theorem (R1) or one formula (R1.excess)"
    )
    what.add_argument("--json", action="store_true", help="every theorem and formula as JSON")
    what.add_argument(
        "--check-proofs", action="store_true", help="derive every formula again by another route"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command: 0, 1 if a proof fails, 2 for an id that does not exist.

    Args:
        options: what was parsed.
    """
    from synthetic_oversampling.theory.listing import show

    try:
        status = show(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has seen enough: leave without a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
