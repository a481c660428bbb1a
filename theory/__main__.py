"""The door of the theory: ``oversampling theorems`` prints every theorem; with an id, one in full.

Options print one theorem's formulas in LaTeX, everything as JSON, or run every proof.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import textwrap
from collections.abc import Sequence

import jax
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from synthetic_oversampling.theory.registry import THEOREMS, Theorem, theorem
from synthetic_oversampling.theory.theorems.table import FORMULAS, formulas_of
from synthetic_oversampling.theory.wording import counted

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oversampling theorems",
        description="The theorems: what is claimed, of which kind, and from where. Sharp: this "
        "package's own statement. Reported: by arXiv 2406.03628. Literature: published by others.",
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
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the door.

    Args:
        argv: command-line arguments; those of the process when omitted.

    Returns:
        0, 1 if a proof fails, 2 for an id that does not exist.

    Example:
        >>> main(["--latex", "S1.crossover"])
        N_{c} = \\frac{S}{A - 2 C + D}
        0
    """
    jax.config.update("jax_enable_x64", True)
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    if "--latex=--" in words:  # argparse reads it as an empty list
        parser.error("--latex=--: expected an id after the equals sign")
    if words == ["--"]:  # and this as no word at all
        parser.error("--: expected an id or an option")
    options = parser.parse_args(words)
    try:
        status = _run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has seen enough: leave without a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(options: argparse.Namespace) -> int:
    if options.latex is not None:
        return _print_latex(options.latex)
    if options.id is not None:
        return _print_theorem(options.id)
    if options.json:
        print(json.dumps([entry.as_dict() for entry in THEOREMS.values()], indent=2))
        return 0
    return _check_proofs() if options.check_proofs else _print_table()


def _print_latex(name: str) -> int:
    known = {key.lower(): formula for key, formula in FORMULAS.items()}
    if name.lower() in known:
        print(known[name.lower()].latex)
        return 0
    chosen = _chosen("--latex", name)
    if chosen is None:
        return 2
    for formula in formulas_of(chosen.id):
        print(f"% {formula.id} ({formula.kind}): {formula.claim}")
        print(formula.latex)
    return 0


_wrapped = functools.partial(textwrap.fill, width=100, break_on_hyphens=False)


def _chosen(argument: str, name: str) -> Theorem | None:
    """The theorem of an id; a message and None where there is none."""
    try:
        return theorem(name)
    except ValueError:
        print(
            f"{argument}: got {name!r}, expected a theorem ({', '.join(THEOREMS)}) or one of their "
            f"formulas, such as {next(iter(FORMULAS))}; `oversampling theorems --json` lists them.",
            file=sys.stderr,
        )
        return None


def _print_theorem(name: str) -> int:
    """A theorem in full, or that of a formula; LaTeX as ``--latex`` prints it."""
    known = {key.lower(): formula.theorem for key, formula in FORMULAS.items()}
    entry = _chosen("ID", known.get(name.lower(), name))
    if entry is None:
        return 2
    figure = f"oversampling figures {entry.figure}" if entry.figure else f"none: {entry.no_figure}"
    rows = [
        ("statement", [entry.statement]),
        ("kind", [", ".join(entry.kinds)]),
        ("sources", map(str, entry.sources)),
        ("assumes", entry.assumptions),
        ("remainder", [entry.remainder]),
        ("computed by", entry.functions),
        ("checked by", [f"oversampling verify --only {entry.id}"]),
        ("figure", [figure]),
    ]
    print(f"{entry.id}  {entry.claim}\n")
    for title, lines in rows:
        for k, line in enumerate(lines):
            first = f"{'' if k else title:<13}"
            print(_wrapped(line, initial_indent=first, subsequent_indent=" " * 13))
    print()
    return _print_latex(entry.id)


def _columns(entry: Theorem) -> tuple[str, str, str, str]:
    return entry.id, entry.claim, ", ".join(entry.kinds), ", ".join(entry.forms)


def _print_table() -> int:
    header = ("id", "claim", "kind", "form")
    rows = [_columns(entry) for entry in THEOREMS.values()]
    if not sys.stdout.isatty():
        widths = [max(len(row[k]) for row in (header, *rows)) for k in range(4)]
        for row in (header, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
        return 0
    table = Table(title="Theorems of synthetic oversampling", title_justify="left")
    styles = ("bold cyan", None, "green", "magenta")
    for name, style in zip(header, styles, strict=True):
        table.add_column(name, style=style, no_wrap=name == "id")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(
        "sharp: this package's own statement, with constants; reported: by arXiv 2406.03628, as "
        "far as it was read; literature: published by others."
    )
    return 0


def _check_proofs() -> int:
    """Run every proof; a bar in a terminal, a line for each formula in a pipe."""
    results: dict[str, bool] = {}
    if sys.stdout.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns) as progress:
            task = progress.add_task("proofs", total=len(FORMULAS))
            for name, formula in FORMULAS.items():
                progress.update(task, description=f"{name:<24}")
                results[name] = formula.is_proved()
                progress.advance(task)
    else:
        for name, formula in FORMULAS.items():
            results[name] = formula.is_proved()
            print(f"{name:<24}{'proved' if results[name] else 'FAILED'}", flush=True)
    failed = [name for name, proved in results.items() if not proved]
    print(f"{len(results) - len(failed)} of {counted(len(results), 'formula')} proved.")
    for name in failed:
        print(f"{name}: the derivation does not give {FORMULAS[name].latex}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
