"""Standard output: as wide as what it goes to, progress bars, and tables that a pipe can read."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

__all__ = ["console", "print_rows", "progress_bar"]


def console() -> Console:
    """Standard output; as wide as needed when it is not a terminal."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=200)


def progress_bar(console: Console, shown: bool = True) -> Progress:
    """A bar with a description, counts and elapsed time.

    Args:
        console: where to print.
        shown: whether there is a bar at all.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not shown,
    )


def print_rows(console, title, header, rows, styles) -> None:
    """A table in a terminal, aligned plain lines in a pipe.

    Args:
        console: where to print.
        title: above it.
        header: names of the columns.
        rows: cells.
        styles: colour of each row.
    """
    if console.is_terminal:
        table = Table(title=title, header_style="bold", row_styles=None)
        for column in header:
            right = column not in ("check", "kind", "verdict")
            table.add_column(column, justify="right" if right else "left", overflow="fold")
        for row, style in zip(rows, styles, strict=True):
            table.add_row(*row, style=style)
        console.print(table)
        return
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, *rows):
        line = "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())
