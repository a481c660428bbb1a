"""The door to real tables: ``python -m practice COMMAND``."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from practice import command_language_model, command_planner_study
from simulate.arguments import parse, seed_number

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m practice",
        description="Synthetic oversampling of real tables. Needs the extra `practice`.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_benchmark(commands)
    _add_resample(commands)
    _add_copies(commands)
    command_language_model.add_parser(commands)
    command_planner_study.add_parser(commands)
    return parser


def _add_benchmark(commands) -> None:
    one = commands.add_parser(
        "benchmark",
        help="compare methods on real tables",
        description="Compare resampling methods on tables that ship with scikit-learn, on a CSV "
        "file, or on a folder of train/synthetic/test triples. Writes report.md, report.json and "
        "report.png to DIR; a run that was stopped goes on from its seeds.",
    )
    one.set_defaults(run=_benchmark)
    one.add_argument("csv", nargs="?", type=Path, metavar="DATA.csv",
                     help="default: tables of scikit-learn")  # fmt: skip
    one.add_argument("--label", help="the label's column, of a CSV file or a folder")
    one.add_argument("--attribute", help="column of a spurious attribute; default: constructed")
    one.add_argument("--folder", type=Path, metavar="DIR",
                     help="of train.csv, synthetic.csv, test.csv, or of such folders")  # fmt: skip
    one.add_argument("--data", action="append", metavar="NAME",
                     help="one of scikit-learn's tables; may be repeated")  # fmt: skip
    one.add_argument("--setting", action="append", choices=("imbalance", "spurious", "natural"),
                     help="may be repeated; default: imbalance and spurious")  # fmt: skip
    one.add_argument("--imbalance", type=float, default=10.0, metavar="RATIO",
                     help="rows of a large cell for one of a small cell (default 10)")  # fmt: skip
    one.add_argument("--seeds", type=_positive, default=20, help="splits (default 20)")
    one.add_argument("--method", action="append", metavar="NAME",
                     help="default: all but predictive and mixture")  # fmt: skip
    one.add_argument("--classifier", action="append", metavar="NAME", help="default: all")
    one.add_argument("--near", type=float, default=0.2, metavar="SHARE",
                     help="near copies, see practice.contamination (default 0.2)")  # fmt: skip
    one.add_argument("--out", type=Path, default=Path("practice-out"), metavar="DIR",
                     help="folder of the report and the seeds (default practice-out)")  # fmt: skip


def _add_resample(commands) -> None:
    two = commands.add_parser(
        "resample",
        help="write a CSV file with synthetic rows after the real ones",
        description="Add synthetic rows to a CSV file, with columns that say which rows are "
        "synthetic, which row lent its categories, and what a row weighs.",
    )
    two.set_defaults(run=_resample)
    two.add_argument("csv", type=Path, metavar="IN.csv")
    two.add_argument("--label", required=True, help="the label's column")
    two.add_argument("--out", type=Path, required=True, metavar="OUT.csv")
    two.add_argument("--attribute", help="level the pairs of label and this column")
    two.add_argument("--generator", default="plugin",
                     choices=("plugin", "mixture", "predictive", "in_context"))  # fmt: skip
    two.add_argument("--covariance", default="group", choices=("group", "pooled"))
    two.add_argument("--n-synthetic", type=_count, metavar="TOTAL",
                     help="rows to add, smallest groups first; default: level")  # fmt: skip
    two.add_argument("--augmentation", type=_count, default=0, metavar="N",
                     help="rows to add to every group beyond that")  # fmt: skip
    two.add_argument("--weight", type=float, default=0.0, metavar="ALPHA",
                     help="their weight in the column synthetic_weight")  # fmt: skip
    two.add_argument("--plan", action="store_true",
                     help="let simulate.planner say how many rows, and their weight")  # fmt: skip
    two.add_argument("--seed", type=seed_number, default=0)
    two.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def _add_copies(commands) -> None:
    three = commands.add_parser(
        "copies",
        help="find generated rows that repeat real ones",
        description="Compare generated rows with the rows they were generated for and with the "
        "test rows: exact copies, and near copies by the distance between neighbouring real rows.",
    )
    three.set_defaults(run=_copies)
    three.add_argument("synthetic", type=Path, metavar="SYNTHETIC.csv")
    three.add_argument("--label", required=True, help="the label's column, which is not compared")
    three.add_argument("--train", type=Path, required=True, metavar="TRAIN.csv")
    three.add_argument("--test", type=Path, required=True, metavar="TEST.csv")
    three.add_argument("--near", type=float, default=0.2, metavar="SHARE",
                       help="see practice.contamination (default 0.2)")  # fmt: skip
    three.add_argument("--clean", type=Path, metavar="OUT.csv",
                       help="write the rows that copy no test row")  # fmt: skip
    three.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number from 0")
    return int(text)


def _positive(text: str) -> int:
    if _count(text) < 2:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected at least 2, to compare splits")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parse(_parser(), argv)
    import jax

    jax.config.update("jax_enable_x64", True)
    from simulate.artifacts import ArtifactError

    try:
        return options.run(options)
    except (ValueError, ImportError, ArtifactError, OSError) as error:
        print(f"python -m practice {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; seeds that were complete are kept", file=sys.stderr)
        return 130


def _tables(options: argparse.Namespace):
    from practice import datasets

    own = (options.csv is not None) + (options.folder is not None) + bool(options.data)
    if own > 1:
        raise ValueError("DATA.csv, --folder and --data exclude each other; give one of them.")
    if (options.csv or options.folder) and not options.label:
        raise ValueError("--label is missing: name the label's column.")
    if options.csv:
        return [datasets.from_csv(options.csv, options.label, options.attribute)]
    if options.folder:
        return datasets.from_folder(options.folder, options.label, options.attribute)
    if options.label or options.attribute:
        raise ValueError("--label and --attribute go with DATA.csv or --folder.")
    return [datasets.load(name) for name in options.data or datasets.BUILT_IN]


def _chosen(names, known, argument: str) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            raise ValueError(f"{argument}: got {name!r}, expected one of {', '.join(known)}.")
    return tuple(one for one in known if one in names)


def _benchmark(options: argparse.Namespace) -> int:
    from figures import style
    from practice import benchmark, benchmark_report
    from practice.judging import CLASSIFIERS
    from practice.rivals import METHODS
    from simulate import artifacts, reporting

    began = time.monotonic()
    named = options.method or benchmark.DEFAULT_METHODS
    plan = benchmark.Plan(
        options.seeds, options.imbalance,
        _chosen({*named, "raw", "weighted"}, METHODS, "--method"),
        _chosen(options.classifier or CLASSIFIERS, tuple(CLASSIFIERS), "--classifier"),
        options.near,
    )  # fmt: skip
    chosen = benchmark.tasks(_tables(options), options.setting or ("imbalance", "spurious"))
    if not chosen:
        raise ValueError("--setting: no table allows it; an attribute is constructed for two "
                         "classes only.")  # fmt: skip
    artifacts.check_writable(options.out / "report.json")
    console = reporting.console()
    with reporting.progress_bar(console) as bar:
        line = bar.add_task("benchmark", total=len(chosen) * plan.seeds)

        def done(name: str, seed: int, computed: bool) -> None:
            bar.update(line, advance=1, description=f"{name}, seed {seed}")
            if not console.is_terminal and name == chosen[-1].name:
                print(f"seed {seed} {'computed' if computed else 'read'}", flush=True)

        results = benchmark.run_tasks(chosen, plan, options.out / "seeds", done)
    found = benchmark_report.summary(results)
    text = benchmark_report.markdown(results, found)
    configuration = {
        "tasks": [task.configuration(plan) for task in chosen], "seeds": plan.seeds,
    }  # fmt: skip
    print(text)
    artifacts.save(options.out / "report.json", found, kind="benchmark report",
                   configuration=configuration, seed=0)  # fmt: skip
    artifacts.save_text(options.out / "report.md", text)
    style.save(benchmark_report.draw(results), options.out / "report.png", "png")
    console.print(f"{options.out}/report.md, .json, .png; {time.monotonic() - began:.0f} s")
    return 0


def _check_new(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise ValueError(f"{path}: is there already; choose another, or pass --overwrite.")


def _copies(options: argparse.Namespace) -> int:
    import pandas as pd

    from practice import contamination, datasets
    from simulate.artifacts import save_text

    if options.clean:
        _check_new(options.clean, options.overwrite)
    paths = (options.train, options.synthetic, options.test)
    report = contamination.judged_triple(
        datasets.from_triple(paths, options.label), options.near
    )
    for name, path, copies in (
        ("training", options.train, report.seeds), ("test", options.test, report.test),
    ):  # fmt: skip
        own = copies.summary()
        print(
            f"{own['rows']} rows: {own['exact']} exact and {own['near']} near copies of {name} "
            f"rows ({path}); chance explains {own['share_by_chance'] * own['rows']:.1f}"
        )
    if options.clean:
        text = pd.read_csv(options.synthetic, dtype=str, keep_default_na=False)
        kept = text[report.clean]
        save_text(options.clean, kept.to_csv(index=False))
        print(f"{len(kept)} rows written to {options.clean}")
    return 0


def _resample(options: argparse.Namespace) -> int:
    import pandas as pd

    from practice.datasets import DatasetError
    from practice.resampler import NothingAdded, SyntheticOverSampler
    from simulate.artifacts import save_text

    _check_new(options.out, options.overwrite)
    try:
        table = pd.read_csv(options.csv)
    except FileNotFoundError:
        raise DatasetError(f"{options.csv}: no such file.") from None
    header = pd.read_csv(options.csv, header=None, nrows=1, dtype=str).iloc[0]
    if header.duplicated().any():
        raise DatasetError(
            f"{options.csv}: has two columns named {header[header.duplicated()].iloc[0]!r}; "
            "rename one."
        )
    if options.label not in table.columns:
        raise DatasetError(
            f"{options.csv}: has no column {options.label!r}; the columns are "
            f"{', '.join(map(str, table.columns))}."
        )
    sampler = SyntheticOverSampler(
        options.generator, sampling_strategy="plan" if options.plan else "auto",
        n_synthetic=options.n_synthetic, augmentation=options.augmentation,
        weight=options.weight, covariance=options.covariance, groups=options.attribute,
        random_state=options.seed,
    )  # fmt: skip
    features = table.drop(columns=options.label)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NothingAdded)
        new, labels = sampler.fit_resample(features, table[options.label])
    for one in caught:
        print(f"note: {one.message}", file=sys.stderr)
    new[options.label] = labels
    new = new[table.columns]
    new["is_synthetic"] = sampler.synthetic_mask_
    new["synthetic_donor"] = sampler.seed_indices_
    new["synthetic_weight"] = sampler.sample_weight_
    save_text(options.out, new.to_csv(index=False))
    for group, count in sampler.sampling_strategy_.items():
        print(f"{group}: {count} rows added")
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
