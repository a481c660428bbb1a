"""Theorems, formulas and proofs, as ``oversampling theorems`` prints them."""

from __future__ import annotations

import argparse
import functools
import json
import sys
import textwrap

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from synthetic_oversampling.theory.places import definition, figure, mentions
from synthetic_oversampling.theory.registry import THEOREMS, Theorem, theorem
from synthetic_oversampling.theory.theorems.table import FORMULAS, formulas_of
from synthetic_oversampling.theory.wording import counted

__all__ = ["show"]


def show(options: argparse.Namespace) -> int:
    """Print what the options ask for; returns the exit status.

    Args:
        options: what was parsed.
    """
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
    figures = [f"none: {entry.no_figure}"]
    if entry.figure:
        figures = [f"oversampling figures {entry.figure}", figure(entry.figure)]
    rows = [
        ("statement", [entry.statement]),
        ("kind", [", ".join(entry.kinds)]),
        ("sources", map(str, entry.sources)),
        ("assumes", entry.assumptions),
        ("remainder", [entry.remainder]),
        ("formulas", mentions(entry.id, "theory/theorems")),
        ("computed by", [f"{name}  ({definition(name)})" for name in entry.functions]),
        ("checked by", [f"oversampling verify --only {entry.id}"]),
        ("", mentions(entry.id, "simulate/claims")),
        ("wrong forms", mentions(entry.id, "simulate/mutants")),
        ("figure", figures),
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
