"""``oversampling generate``: synthetic samples for labelled seeds.

The network (``transformer_toy.rows``) writes whole rows, whose features depend on each other as
those of the group do, Gaussian or not, numbers or categories. It was trained on groups of up to 8
features and 256 seeds and reads more of both, with a warning.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from synthetic_oversampling.simulate.arguments import check_new, seed_number, whole
from synthetic_oversampling.theory.wording import counted

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Write synthetic samples for a CSV file of labelled seeds, with a small transformer
that reads a group's seeds and writes the law of its next samples."""


def _number_of(text: str) -> tuple[str, int]:
    label, _, number = text.rpartition("=")
    if not label or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"got {text[:40]!r}, expected LABEL=NUMBER")
    return label, whole(0)(number)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("seeds", type=Path, help="CSV file with a header")
    parser.add_argument(
        "--label", required=True, help="the label's column; all others are features"
    )
    parser.add_argument(
        "--attribute",
        "--group",
        metavar="COLUMN",
        help="an attribute's column: groups are label & attribute, and both are written",
    )
    parser.add_argument(
        "--categorical",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a feature that holds categories; may be repeated",
    )
    parser.add_argument("--out", type=Path, required=True, help="CSV file to write")
    parser.add_argument(
        "--checkpoint", type=Path, help="a network for whole rows; default: shipped"
    )
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--each", type=whole(0), metavar="NUMBER", help="samples for every group")
    amount.add_argument(
        "--count",
        type=_number_of,
        action="append",
        metavar="LABEL=NUMBER",
        help="samples for one group (with --attribute 'LABEL & VALUE=NUMBER'); may be repeated; "
        "default: up to the largest group's size",
    )
    parser.add_argument(
        "--together",
        action="store_true",
        help="read all groups for each of them, with label and attribute as categories that are "
        "given: for rare groups that are like the others but for a few columns",
    )
    parser.add_argument("--scaling", choices=("covariance", "features"), default="covariance")
    parser.add_argument(
        "--as-drawn",
        action="store_true",
        help="leave numbers as the network drew them; otherwise columns of few whole numbers are "
        "written as categories are, those of whole numbers are rounded, and numbers keep the sign "
        "of their column",
    )
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument("--batch", type=whole(0, most=10**9), help="samples held in memory")
    parser.add_argument("--overwrite", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    import jax

    from synthetic_oversampling.simulate.tables.kinds import like
    from synthetic_oversampling.transformer_toy import checkpoint, generate, seeds
    from synthetic_oversampling.transformer_toy.rows import training, writer

    source = options.checkpoint or checkpoint.SHIPPED_ROWS
    net = training.load(source)
    given = seeds.read_seeds(options.seeds, options.label, options.attribute, options.categorical)
    if not options.as_drawn:
        given = seeds.with_few_valued(given)
    counts = generate.balanced_counts(given)
    if options.each is not None:
        counts = dict.fromkeys(counts, options.each)
    elif options.count:
        counts = dict(options.count)
    total = sum(counts.values())
    if total == 0:
        raise ValueError(
            "nothing to generate: the groups are balanced already. Ask for samples with --each or "
            "--count."
        )
    check_new(options.out, options.overwrite, [options.seeds, source])
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", seeds.BeyondTraining)
        parts = generate.generate(
            net,
            given,
            counts,
            key=jax.random.key(options.seed),
            scaling=options.scaling,
            together=options.together,
            batch=writer.BATCH if options.batch is None else options.batch,
        )
    if not options.as_drawn:
        parts = ((label, like(part, given.features)) for label, part in parts)
    for doubt in doubts:
        print(f"oversampling generate: warning: {doubt.message}", file=sys.stderr)
    written = generate.write_csv(
        options.out, given, parts, total, overwrite=options.overwrite, show_progress=True
    )
    groups = ", ".join(f"{label}: {count}" for label, count in counts.items() if count)
    print(f"{options.out}: {counted(written, 'synthetic sample')} ({groups})")
    return 0
