"""The door to the simulations: ``oversampling COMMAND``.

A subcommand is a module ``simulate/command_NAME.py`` with ``add_parser(commands)``, which sets
``run`` as a default of its parser, and ``run(options) -> int``, which returns the exit status.
What a command needs is imported inside `run`: JAX reads its settings first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from synthetic_oversampling.practice.commands import plan as command_plan
from synthetic_oversampling.simulate.arguments import answer, one_device_per_core, parse
from synthetic_oversampling.simulate.commands import (
    calibrate as command_calibrate,
)
from synthetic_oversampling.simulate.commands import (
    report as command_report,
)
from synthetic_oversampling.simulate.commands import (
    validity as command_validity,
)
from synthetic_oversampling.simulate.commands import (
    verify as command_verify,
)

__all__ = ["main"]

_COMMANDS = (command_verify, command_report, command_plan, command_calibrate, command_validity)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oversampling", description="What is observed, held against what is predicted."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    Args:
        argv: arguments; those of the process when omitted.
    """
    options = parse(_parser(), argv)
    options.draw_plan = _draw_plan
    options.pictures = _pictures
    one_device_per_core()
    import jax

    jax.config.update("jax_enable_x64", True)
    return answer(f"oversampling {options.command}", lambda: options.run(options))


def _draw_plan(payload, path) -> None:
    """Hand a plan over to its figure; only a door may."""
    from synthetic_oversampling.figures.plan import save_plan

    save_plan(payload, path)


def _pictures(folder: Path) -> list:
    """The figures whose artifacts are in a folder, drawn; those that cannot be used are named."""
    from synthetic_oversampling.figures.drawings import drawings
    from synthetic_oversampling.simulate.report.page import Picture

    def warn(message: str) -> None:
        print(f"oversampling: {message}", file=sys.stderr)

    return [Picture(*drawing) for drawing in drawings(folder, warn)]


if __name__ == "__main__":
    sys.exit(main())
