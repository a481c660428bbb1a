"""Options that several commands of ``oversampling`` share, declared once."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.simulate.arguments import check_new, seed_number, whole

__all__ = ["add_columns", "add_near", "add_output", "add_seed", "check_new", "whole"]


def add_columns(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Which columns are what: ``--label``, ``--attribute`` (or ``--group``), ``--categorical``.

    Args:
        parser: the command's.
        required: whether ``--label`` has to be said.
    """
    parser.add_argument("--label", required=required, metavar="COLUMN", help="the label's column")
    parser.add_argument(
        "--attribute",
        "--group",
        metavar="COLUMN",
        help="column of a spurious attribute: groups are label x attribute",
    )
    parser.add_argument(
        "--categorical",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column that is categories though its cells are numbers, in part or all; may be "
        "repeated (columns of text are categories anyway)",
    )


def add_near(parser: argparse.ArgumentParser) -> None:
    """``--near``: what counts as a near copy.

    Args:
        parser: the command's.
    """
    parser.add_argument(
        "--near",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="a near copy of a real row is within this share of the distance between neighbouring "
        "real rows (default 0.2)",
    )


def add_seed(parser: argparse.ArgumentParser, default: int = 0) -> None:
    """``--seed``.

    Args:
        parser: the command's.
        default: seed if none is said.
    """
    parser.add_argument("--seed", type=seed_number, default=default, help=f"default {default}")


def add_output(
    parser: argparse.ArgumentParser, name: str, metavar: str, *, required: bool, text: str
) -> None:
    """A file to write, and ``--overwrite``; see `check_new`.

    Args:
        parser: the command's.
        name: of the option.
        metavar: what help calls the file.
        required: whether it has to be said.
        text: of help.
    """
    parser.add_argument(name, type=Path, required=required, metavar=metavar, help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
