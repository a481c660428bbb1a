"""``oversampling copies``: generated rows that repeat real ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.practice.commands import options as shared
from synthetic_oversampling.theory.wording import counted

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Compare generated rows with the rows they were generated for and with the test
rows: exact copies, and near copies by the distance between neighbouring real rows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("synthetic", type=Path, metavar="SYNTHETIC.csv")
    shared.add_columns(parser)
    parser.add_argument("--train", type=Path, required=True, metavar="TRAIN.csv")
    parser.add_argument("--test", type=Path, required=True, metavar="TEST.csv")
    shared.add_near(parser)
    shared.add_output(
        parser, "--clean", "OUT.csv", required=False, text="write the rows that copy no test row"
    )


def run(options: argparse.Namespace) -> int:
    """Compare, print, and write the rest.

    Args:
        options: what was parsed.
    """
    from synthetic_oversampling.practice.rows import contamination, datasets
    from synthetic_oversampling.simulate.tables.reading import read_lines, write_table

    paths = (options.train, options.synthetic, options.test)
    if options.clean:
        shared.check_new(options.clean, options.overwrite, paths)
    data = datasets.from_triple(paths, options.label, options.attribute, options.categorical)
    report = contamination.judged_triple(data, options.near)
    print(report.seeds.told(f"training rows ({options.train})"))
    print(report.test.told(f"test rows ({options.test})"))
    if options.clean:
        header, lines = read_lines(options.synthetic, options.label)
        kept = [line for line, clean in zip(lines, report.clean, strict=True) if clean]
        write_table(options.clean, header, [[line.cells[name] for name in header] for line in kept])
        print(f"{counted(len(kept), 'row')} written to {options.clean}")
    return 0
