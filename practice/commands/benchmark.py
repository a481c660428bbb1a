"""``oversampling benchmark``: resampling methods compared on real tables."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from synthetic_oversampling.practice.commands import options as shared

__all__ = ["add_arguments", "run"]

INTERRUPTED = "interrupted; seeds that were complete are kept"

_DESCRIPTION = """Compare resampling methods on tables that ship with scikit-learn, on a CSV file,
or on a folder of train/synthetic/test triples. Writes report.md, report.json and report.png to DIR;
a run that was stopped goes on from its seeds. Exit status: 0 done, 2 bad usage or unusable
tables."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument(
        "csv", nargs="?", type=Path, metavar="DATA.csv", help="default: tables of scikit-learn"
    )
    shared.add_columns(parser, required=False)
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="of train.csv, synthetic.csv, test.csv, or of such folders",
    )
    parser.add_argument(
        "--data",
        action="append",
        metavar="NAME",
        help="one of scikit-learn's tables; may be repeated",
    )
    parser.add_argument(
        "--paper",
        choices=("craft",),
        help="a comparison as papers make it, on simulated tables drawn anew for each seed: "
        "'craft', 100 rows of which 10 are rare; with --folder, beside somebody's rows for it",
    )
    parser.add_argument(
        "--setting",
        action="append",
        choices=("imbalance", "spurious", "natural"),
        help="may be repeated; default: imbalance and spurious",
    )
    parser.add_argument(
        "--imbalance",
        type=float,
        default=10.0,
        metavar="RATIO",
        help="rows of a large cell for one of a small cell (default 10)",
    )
    parser.add_argument(
        "--seeds",
        type=shared.whole(2, ", to compare splits"),
        help="splits (default 20; 100 with --paper)",
    )
    parser.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="may be repeated; raw and weighted are always there; default: all but "
        "mixture, all with --paper",
    )
    parser.add_argument(
        "--language-model",
        metavar="PATH",
        help="compare a language model too: a folder, or the word 'character'; see "
        "the command language-model",
    )
    parser.add_argument(
        "--classifier",
        action="append",
        metavar="NAME",
        help="may be repeated; default: logistic, forest and boosting",
    )
    shared.add_near(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("practice-out"),
        metavar="DIR",
        help="folder of the report and the seeds (default practice-out)",
    )


def _tables(options: argparse.Namespace):
    from synthetic_oversampling.practice.rows import datasets

    given = (options.csv is not None) + (options.folder is not None) + bool(options.data)
    if given > 1:
        raise ValueError("DATA.csv, --folder and --data exclude each other; give one of them.")
    if (options.csv or options.folder) and not options.label:
        raise ValueError("--label is missing: name the label's column.")
    columns = (options.label, options.attribute, options.categorical)
    if options.csv:
        return [datasets.from_csv(options.csv, *columns)]
    if options.folder:
        return datasets.from_folder(options.folder, *columns)
    if any(columns):
        raise ValueError("--label, --attribute and --categorical go with DATA.csv or --folder.")
    if options.paper and not options.data:
        return []
    return [datasets.load(name) for name in options.data or datasets.BUILT_IN]


def _chosen(names, known, argument: str) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            raise ValueError(f"{argument}: got {name!r}, expected one of {', '.join(known)}.")
    return tuple(one for one in known if one in names)


def _plan(options: argparse.Namespace):
    from synthetic_oversampling.practice.benchmark import papers
    from synthetic_oversampling.practice.benchmark import run as benchmark
    from synthetic_oversampling.practice.benchmark.judging import CLASSIFIERS
    from synthetic_oversampling.practice.benchmark.rivals import METHODS, TEXT

    usual = [name for name in METHODS if name != TEXT] if options.paper else None
    named = {"raw", "weighted", *(options.method or usual or benchmark.DEFAULT_METHODS)}
    if options.language_model is not None:
        named.add(TEXT)
    elif TEXT in named:
        raise ValueError(f"--method {TEXT}: name the model with --language-model.")
    return benchmark.Plan(
        seeds=options.seeds or (papers.SEEDS if options.paper else 20),
        ratio=options.imbalance,
        methods=_chosen(named, METHODS, "--method"),
        classifiers=_chosen(options.classifier or CLASSIFIERS, tuple(CLASSIFIERS), "--classifier"),
        near=options.near,
        language_model=options.language_model,
    )


def run(options: argparse.Namespace) -> int:
    """Run what is missing, print the report and write it.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    from synthetic_oversampling.figures import style
    from synthetic_oversampling.practice.benchmark import (
        figure as benchmark_figure,
    )
    from synthetic_oversampling.practice.benchmark import (
        report as benchmark_report,
    )
    from synthetic_oversampling.practice.benchmark import (
        run as benchmark,
    )
    from synthetic_oversampling.practice.benchmark.papers import Paper
    from synthetic_oversampling.practice.benchmark.run import Task
    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.simulate.console import console, progress_bar

    began = time.monotonic()
    plan = _plan(options)
    settings = options.setting or ("imbalance", "spurious")
    chosen: list[Task | Paper] = [*benchmark.tasks(_tables(options), settings)]
    if options.paper:
        chosen.insert(0, Paper(options.paper))
    if not chosen:
        raise ValueError(
            "--setting: no table allows it; an attribute is constructed for two classes only."
        )
    benchmark.check(plan)
    artifacts.check_writable(options.out / "report.json")
    screen = console()
    with progress_bar(screen) as bar:
        line = bar.add_task("benchmark", total=len(chosen) * plan.seeds)

        def done(name: str, seed: int, computed: bool) -> None:
            bar.update(line, advance=1, description=f"{name}, seed {seed}")
            if not screen.is_terminal and name == chosen[-1].name:
                print(f"seed {seed} {'computed' if computed else 'read'}", flush=True)

        results = benchmark.run_tasks(chosen, plan, options.out / "seeds", done)
    found = benchmark_report.summaries(results)
    text = benchmark_report.markdown(results, found)
    configuration = {
        "tasks": [benchmark.configuration_of(task, plan) for task in chosen],
        "seeds": plan.seeds,
    }
    print(text)
    artifacts.save(
        options.out / "report.json",
        found,
        kind="benchmark report",
        configuration=configuration,
        seed=0,
    )
    artifacts.save_text(options.out / "report.md", text)
    style.save(benchmark_figure.draw(results), options.out / "report.png", "png")
    screen.print(f"{options.out}/report.md, .json, .png; {time.monotonic() - began:.0f} s")
    return 0
