"""``python -m practice language-model``: synthetic rows from a language model on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulate.arguments import seed_number

__all__ = ["add_parser", "run"]

_DESCRIPTION = """Ask a language model for rows like those of SEEDS.csv, group by group, and write
those that are well-formed and no copies of real rows. Judge them with python -m simulate plan
SEEDS.csv --synthetic SYN.csv. Nothing is ever downloaded. Exit status: 0 written, 2 bad usage, an
unusable table or model, or too few rows."""


def add_parser(commands) -> None:
    """Declare the command."""
    own = commands.add_parser(
        "language-model", help="rows from a local language model", description=_DESCRIPTION
    )
    own.set_defaults(run=run)
    own.add_argument("seeds", type=Path, metavar="SEEDS.csv", help="real rows with a header")
    own.add_argument("--label", required=True, metavar="COLUMN", help="column of the labels")
    own.add_argument("--group", metavar="COLUMN", help="column of a spurious attribute")
    own.add_argument(
        "--model", required=True, metavar="PATH",
        help="folder of a Hugging Face causal model, or the word 'character': a small model "
        "trained on the rows themselves, to try the command with",
    )  # fmt: skip
    own.add_argument("--out", type=Path, required=True, metavar="SYN.csv")
    own.add_argument("--rows", type=int, default=100, help="of every group (default 100)")
    own.add_argument("--context", type=int, default=20, help="seeds in a prompt (default 20)")
    own.add_argument("--attempts", type=int, default=50, help="calls a group at most (default 50)")
    own.add_argument("--new-tokens", type=int, default=256, help="a continuation at most")
    own.add_argument("--temperature", type=float, default=1.0)
    own.add_argument("--keep-copies", action="store_true", help="keep copies of real rows")
    own.add_argument("--seed", type=seed_number, default=2024)


def run(options: argparse.Namespace) -> int:
    """Generate, check and write."""
    from practice.language_model import generate_rows
    from practice.row_text import schema_of, write_row
    from simulate.artifacts import check_writable
    from simulate.tables import TableError, read_lines, write_table

    header, lines = read_lines(options.seeds, options.label)
    group = (options.label,) if options.group is None else (options.label, options.group)
    if options.group is not None and options.group not in header:
        raise TableError(f"{options.seeds}: no column {options.group!r}; see --group.")
    check_writable(options.out)
    if options.model == "character":
        from practice.character_model import CharacterModel

        schema = schema_of(header, lines, group)
        rows = [write_row(schema, line.cells) for line in lines]
        model = CharacterModel.trained(rows, order=8)
    else:
        from practice.hugging_face import load

        model = load(options.model, new_tokens=options.new_tokens, temperature=options.temperature)
    made = generate_rows(
        model, header, lines, group, options.rows, seed=options.seed, context=options.context,
        attempts=options.attempts, keep_copies=options.keep_copies,
    )  # fmt: skip
    write_table(options.out, made.header, [[row[c] for c in made.header] for row in made.rows])
    print(made.report.summary())
    if made.report.copied_unseen:
        print(
            f"warning: {made.report.copied_unseen} lines equal real rows that the model was never "
            "shown: it may have memorised this table."
        )
    print(f"written to {options.out}")
    return 0
