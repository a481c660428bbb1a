"""The door to real tables: ``oversampling COMMAND``."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Sequence

from synthetic_oversampling.practice.commands import (
    benchmark as command_benchmark,
)
from synthetic_oversampling.practice.commands import (
    copies as command_copies,
)
from synthetic_oversampling.practice.commands import (
    language_model as command_language_model,
)
from synthetic_oversampling.practice.commands import (
    planner_study as command_planner_study,
)
from synthetic_oversampling.practice.commands import (
    recalibrate as command_recalibrate,
)
from synthetic_oversampling.practice.commands import (
    resample as command_resample,
)
from synthetic_oversampling.simulate.arguments import answer, parse

__all__ = ["main"]

_COMMANDS = (
    command_benchmark, command_resample, command_recalibrate, command_copies,
    command_language_model, command_planner_study,
)  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oversampling",
        description="Synthetic oversampling of real tables. Needs the extra `practice`.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for one in _COMMANDS:
        one.add_parser(commands)
    return parser


def _notes(shown):
    """A writer of warnings that tells the practice's own as notes, once, without a line of code."""
    told = set()

    def show(message, category, filename, lineno, file=None, line=None):
        if category.__module__.startswith(("practice.", "transformer_toy.")):
            kind = str(message)
            if category.__module__.startswith("transformer_toy."):  # once, not once a fold
                kind = re.sub(r"\d+", "", kind.partition(" (")[0])
            if kind not in told:
                print(f"note: {message}", file=sys.stderr)
            told.add(kind)
        else:
            shown(message, category, filename, lineno, file, line)

    return show


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parse(_parser(), argv)
    import jax

    jax.config.update("jax_enable_x64", True)
    from synthetic_oversampling.practice.rows.cells import ColumnWarning
    from synthetic_oversampling.transformer_toy.evaluation.beyond import BeyondTraining

    with warnings.catch_warnings():
        warnings.showwarning = _notes(warnings.showwarning)
        warnings.simplefilter("always", ColumnWarning)
        warnings.simplefilter("always", BeyondTraining)
        return answer(
            f"oversampling {options.command}", lambda: options.run(options),
            also=(ImportError,), interrupted="interrupted; seeds that were complete are kept",
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
