"""The command line: ``oversampling COMMAND``, or ``python -m synthetic_oversampling COMMAND``.

A command is a module with ``add_arguments(parser)`` and ``run(options) -> int``, which returns the
exit status, perhaps with ``INTERRUPTED``, to be said on Ctrl-C, and a line in `COMMANDS`. Only the
module of the command that is asked for is imported, and what it needs is imported in its ``run``:
help comes at once, and JAX reads its settings first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

__all__ = ["COMMANDS", "main"]

_PACKAGE = "synthetic_oversampling"


class Command(NamedTuple):
    """Where a command is, and what `oversampling --help` says of it."""

    module: str
    help: str


COMMANDS = {
    "theorems": Command("theory.command", "list, print and prove the theorems"),
    "verify": Command("simulate.commands.verify", "predict, simulate and judge every theorem"),
    "report": Command("simulate.commands.report", "write the page of a run from its JSON"),
    "calibrate": Command(
        "simulate.commands.calibrate", "measure the checks' false alarms and power"
    ),
    "validity": Command(
        "simulate.commands.validity", "hold the verdicts on predictions against simulation"
    ),
    "figures": Command("figures.command", "draw the theory's figures"),
    "plan": Command(
        "practice.commands.plan", "how many synthetic rows a table needs, with what weight, or none"
    ),
    "resample": Command(
        "practice.commands.resample", "write a CSV file with synthetic rows after the real ones"
    ),
    "recalibrate": Command(
        "practice.commands.recalibrate",
        "reliability after resampling, before and after the correction",
    ),
    "copies": Command("practice.commands.copies", "find generated rows that repeat real ones"),
    "language-model": Command(
        "practice.commands.language_model", "rows from a local language model"
    ),
    "benchmark": Command("practice.commands.benchmark", "compare methods on real tables"),
    "planner-study": Command(
        "practice.commands.planner_study", "judge the planner where the future is known"
    ),
    "generate": Command(
        "transformer_toy.commands.generate", "synthetic samples for labelled seeds, in context"
    ),
    "train": Command("transformer_toy.commands.train", "train a network on a family of groups"),
    "evaluate": Command(
        "transformer_toy.commands.evaluate", "measure a network's gap to the exact predictive"
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    r"""Run the command line; returns the exit status.

    Args:
        argv: arguments; those of the process when omitted.

    Example:
        >>> main(["theorems", "--latex", "S1.crossover"])
        N_{c} = \frac{S}{A - 2 C + D}
        0
    """
    from synthetic_oversampling.simulate.arguments import answer, one_device_per_core, parse

    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in COMMANDS:  # prints help, or says what is wrong, and leaves
        words = [parse(_overview(), words).command]
    name, *rest = words
    module = import_module(f"{_PACKAGE}.{COMMANDS[name].module}")
    parser = argparse.ArgumentParser(prog=f"oversampling {name}")
    module.add_arguments(parser)
    options = parse(parser, rest)
    options.pictures = _pictures
    one_device_per_core()
    import jax

    jax.config.update("jax_enable_x64", True)
    say = getattr(module, "INTERRUPTED", "interrupted")
    with _notes(module):
        return answer(f"oversampling {name}", lambda: module.run(options), interrupted=say)


class _Version(argparse.Action):
    """The version, looked up when it is asked for."""

    def __call__(self, parser, namespace, values, option_string=None):
        from synthetic_oversampling import __version__

        print(f"oversampling {__version__}")
        parser.exit()


def _overview() -> argparse.ArgumentParser:
    """What there is, when no command is asked for."""
    parser = argparse.ArgumentParser(
        prog="oversampling",
        description="Synthetic oversampling: theorems, simulations that check them, and plans for "
        "tables of one's own. `oversampling COMMAND --help` says more of a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help)
    return parser


def _notes(module) -> AbstractContextManager:
    """Commands on tables tell the warnings of what they use as notes."""
    if ".practice." not in module.__name__:
        return nullcontext()
    from synthetic_oversampling.practice.commands.notes import as_notes

    return as_notes()


def _pictures(folder: Path) -> list:
    """The figures whose artifacts are in a folder, drawn; those that cannot be used are named."""
    from synthetic_oversampling.figures.drawings import drawings
    from synthetic_oversampling.simulate.report.page import Picture

    def warn(message: str) -> None:
        print(f"oversampling: {message}", file=sys.stderr)

    return [Picture(*drawing) for drawing in drawings(folder, warn)]


if __name__ == "__main__":
    sys.exit(main())
