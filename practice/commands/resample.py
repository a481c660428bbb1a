"""``oversampling resample``: a CSV file with synthetic rows after the real ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.practice.commands import options as shared
from synthetic_oversampling.theory.wording import counted

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Add synthetic rows to a CSV file, with columns that say which rows are synthetic,
which row of IN.csv (counted from 0) lent a row its categories, and what a row weighs. Exit status:
0 written, 2 bad usage, an unusable table, or a group too small for the generator."""
_ROWS = 10_000  # written at once; pandas writes fewer, the more columns there are
_ADDED = ("is_synthetic", "synthetic_donor", "synthetic_weight")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("csv", type=Path, metavar="IN.csv")
    shared.add_columns(parser)
    shared.add_output(parser, "--out", "OUT.csv", required=True, text="file to write")
    parser.add_argument(
        "--generator", default="plugin", choices=("plugin", "mixture", "predictive", "in_context")
    )
    parser.add_argument("--covariance", default="group", choices=("group", "pooled"))
    parser.add_argument(
        "--few-values",
        default="lend",
        choices=("lend", "draw"),
        help="columns of few whole numbers take a real row's value, or are drawn as numbers",
    )
    parser.add_argument(
        "--bounds",
        default="sign",
        choices=("sign", "range", "none"),
        help="no new sign and nothing beyond the end on its side, or nothing beyond either end",
    )
    parser.add_argument(
        "--n-synthetic",
        type=shared.whole(0),
        metavar="TOTAL",
        help="rows to add, smallest groups first; default: level",
    )
    parser.add_argument(
        "--augmentation",
        type=shared.whole(0),
        default=0,
        metavar="N",
        help="rows to add to every group beyond that",
    )
    parser.add_argument(
        "--weight",
        type=float,
        default=0.0,
        metavar="ALPHA",
        help="their weight in the column synthetic_weight",
    )
    parser.add_argument(
        "--plan", action="store_true", help="let the planner say how many rows, and their weight"
    )
    shared.add_seed(parser)


def run(options: argparse.Namespace) -> int:
    """Read, resample and write.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    import pandas as pd

    from synthetic_oversampling.practice.resampler import SyntheticOverSampler
    from synthetic_oversampling.practice.rows.reading import read_csv
    from synthetic_oversampling.simulate.artifacts import save_text
    from synthetic_oversampling.simulate.tables.reading import TableError

    shared.check_new(options.out, options.overwrite, [options.csv])
    table = read_csv(options.csv, options.label, options.attribute, options.categorical)
    taken = [name for name in _ADDED if name in table.columns]
    if taken:
        raise TableError(
            f"{options.csv}: has a column {taken[0]!r}, which this command writes; rename it, or "
            "resample the table that it was made from."
        )
    sampler = SyntheticOverSampler(
        options.generator,
        sampling_strategy="plan" if options.plan else "auto",
        n_synthetic=options.n_synthetic,
        augmentation=options.augmentation,
        weight=options.weight,
        covariance=options.covariance,
        few_values=options.few_values,
        bounds=None if options.bounds == "none" else options.bounds,
        groups=options.attribute,
        random_state=options.seed,
    )
    features = table.drop(columns=options.label)
    new, labels = sampler.fit_resample(features, table[options.label])
    added = (sampler.synthetic_mask_, sampler.seed_indices_, sampler.sample_weight_)
    new.insert(table.columns.get_loc(options.label), options.label, labels)
    new = pd.concat([new, pd.DataFrame(dict(zip(_ADDED, added, strict=True)))], axis=1)
    save_text(options.out, new.to_csv(index=False, chunksize=_ROWS))
    for group, count in sampler.sampling_strategy_.items():
        print(f"{group}: {counted(count, 'row')} added")
    for name, count in sampler.corrections_.items():
        print(f"{name}: {counted(count, 'value')} moved to the bound of the column")
    print(options.out)
    return 0
