"""``oversampling language-model``: synthetic rows from a language model on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.practice.commands import options as shared
from synthetic_oversampling.theory.wording import counted

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Ask a language model for rows like those of SEEDS.csv, group by group, and write
those that are well-formed and no copies of real rows; near copies are reported, and removed if that
is asked for. Judge the rows with oversampling plan SEEDS.csv --synthetic SYN.csv, or with
oversampling benchmark --folder. Nothing is ever downloaded. Exit status: 0 written, 2 bad
usage, an unusable table or model, or too few rows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("seeds", type=Path, metavar="SEEDS.csv", help="real rows with a header")
    shared.add_columns(parser)
    parser.add_argument(
        "--model",
        required=True,
        metavar="PATH",
        help="folder of a Hugging Face causal model, or the word 'character': a small model "
        "trained on the rows themselves, to try the command with",
    )
    shared.add_output(parser, "--out", "SYN.csv", required=True, text="file to write")
    count = shared.whole(1)
    parser.add_argument("--rows", type=count, default=100, help="of every group (default 100)")
    parser.add_argument("--context", type=count, default=20, help="seeds in a prompt (default 20)")
    parser.add_argument(
        "--attempts", type=count, default=50, help="calls a group at most (default 50)"
    )
    parser.add_argument(
        "--new-tokens",
        type=count,
        default=256,
        help="of a folder's model, per continuation (default 256)",
    )
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="of a folder's model (default 1.0)"
    )
    parser.add_argument(
        "--keep-copies", action="store_true", help="keep rows that equal a real row or each other"
    )
    parser.add_argument(
        "--test",
        type=Path,
        metavar="TEST.csv",
        help="look for copies of these real rows too, which the model never sees",
    )
    shared.add_near(parser)
    parser.add_argument(
        "--remove",
        choices=("test", "any"),
        help="leave out exact and near copies of test rows, or of any real row",
    )
    shared.add_seed(parser, 2024)


def _model(options: argparse.Namespace, schema, lines):
    if options.model == "character":
        from synthetic_oversampling.practice.text.character_model import CharacterModel
        from synthetic_oversampling.practice.text.row_text import write_row

        return CharacterModel.trained([write_row(schema, line.cells) for line in lines], order=8)
    from synthetic_oversampling.practice.text.hugging_face import load

    return load(options.model, new_tokens=options.new_tokens, temperature=options.temperature)


def run(options: argparse.Namespace) -> int:
    """Generate, check and write.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    from synthetic_oversampling.practice.text.language_model import generate_rows
    from synthetic_oversampling.practice.text.row_text import schema_of
    from synthetic_oversampling.practice.text.text_guard import guard, read_test
    from synthetic_oversampling.simulate.tables.reading import TableError, read_lines, write_table

    if options.remove == "test" and options.test is None:
        raise ValueError("--remove test: there are no test rows; name them with --test.")
    if options.attribute == options.label:
        raise TableError(f"column {options.label!r} is both label and attribute; name two columns.")
    if options.label in options.categorical:
        raise TableError(f"column {options.label!r} is the label; leave it out of --categorical.")
    header, lines = read_lines(options.seeds, options.label)
    group = (options.label,) if options.attribute is None else (options.label, options.attribute)
    shared.check_new(options.out, options.overwrite, [options.seeds, options.test])
    schema = schema_of(header, lines, group, options.categorical, path=options.seeds)
    test = None
    if options.test is not None:
        test = read_test(schema, *read_lines(options.test, options.label), options.test)
    made = generate_rows(
        _model(options, schema, lines),
        header,
        lines,
        group,
        options.rows,
        seed=options.seed,
        context=options.context,
        attempts=options.attempts,
        keep_copies=options.keep_copies,
        categorical=options.categorical,
        path=options.seeds,
    )
    copies = guard(made, test, options.near)
    print(made.report.summary())
    print(copies.shown.told("rows shown"))
    print(copies.unseen.told("rows never shown"))
    if copies.test is not None:
        print(copies.test.told(f"test rows ({options.test})"))
    if made.report.copied_unseen:
        print(
            "warning: real rows that the model was never shown come back in "
            f"{counted(made.report.copied_unseen, 'line')}: it may have memorised this table."
        )
    rows = made.rows
    if options.remove:
        rows = [row for row, one in zip(rows, copies.clean(options.remove), strict=True) if one]
        print(f"{counted(len(made.rows) - len(rows), 'copy')} removed")
    write_table(options.out, made.header, [[row[c] for c in made.header] for row in rows])
    print(f"{counted(len(rows), 'row')} written to {options.out}")
    return 0
