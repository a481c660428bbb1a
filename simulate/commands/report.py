"""``oversampling report``: the page of a run, from what ``verify --json`` wrote."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "add_figures_option", "run", "write_page"]

_DESCRIPTION = """Write the report of a run as one HTML file that needs no network: every theorem
with its formulas, checks, intervals and verdicts. Exit status: 0 written, 2 bad usage or an
unusable file; the verdict is the run's and is in the page."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("source", type=Path, metavar="RUN.json", help="written by verify --json")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html", help="the page")
    add_figures_option(parser)


def add_figures_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--figures``, which `report` and `verify` share.

    Args:
        parser: the command's.
    """
    parser.add_argument(
        "--figures",
        type=Path,
        default=Path("figures-out"),
        metavar="DIR",
        help="show the figures whose artifacts are in DIR/artifacts (default figures-out); none is "
        "computed",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    from synthetic_oversampling.simulate import artifacts

    try:
        artifact = artifacts.load(options.source, kind="verification")
    except FileNotFoundError:
        raise ValueError(
            f"RUN.json: no file {options.source}; write it with oversampling verify --json FILE."
        ) from None
    write_page(options, options.out, artifact)
    return 0


def write_page(options: argparse.Namespace, target: Path, artifact) -> None:
    """Write the page of a loaded artifact, with the figures that can be drawn.

    Args:
        options: what was parsed.
        target: file of the page.
        artifact: of a run.
    """
    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.simulate.report.page import report_page

    page = report_page(artifact, options.pictures(options.figures))
    print(f"page written to {artifacts.save_text(target, page)}")
