"""``oversampling planner-study``: what the planner's decisions realise on known futures."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from synthetic_oversampling.practice.planner import METRICS
from synthetic_oversampling.simulate.arguments import seed_number, whole

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Let the planner decide on simulated tables, and on real ones that ship inside
packages, cut down to imbalanced ones; the rest of each is what decisions are judged on. Tables are
kept one by one, so that a run that was stopped goes on. Seconds a table. Exit status: 0 done, 2 bad
usage or a package that is missing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument(
        "--simulated", type=whole(0), default=0, metavar="N", help="simulated tables"
    )
    parser.add_argument(
        "--wide", type=whole(0), default=0, metavar="N", help="simulated tables of many features"
    )
    parser.add_argument(
        "--givers", type=whole(0), default=0, metavar="N", help="givers of rows with a known bias"
    )
    parser.add_argument(
        "--real",
        action="append",
        choices=("development", "closed", "wide", "several"),
        default=[],
        help="a half of the real tables of two classes, those of many features, or those of three "
        "and four classes; may be repeated",
    )
    parser.add_argument(
        "--learner",
        choices=("logistic-l2", "logistic", "forest", "boosting"),
        default="logistic-l2",
        help="what is trained (default logistic-l2)",
    )
    parser.add_argument(
        "--metric",
        choices=METRICS,
        default=METRICS[0],
        help="what is judged (default cross-entropy); a table's record has all of them",
    )
    parser.add_argument(
        "--first",
        type=whole(1),
        metavar="N",
        help="only so many real tables, in the order of their names' SHA-256 or of the list",
    )
    parser.add_argument(
        "--repeats", type=whole(1), default=2, help="of 5-fold cross-validation (2)"
    )
    parser.add_argument("--seed", type=seed_number, default=1, help="of the simulated tables (1)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("practice-out"),
        metavar="DIR",
        help="planner-study.md, and DIR/records for the tables (default practice-out)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the study, print it and write it.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    from synthetic_oversampling.practice.planner_study import givers, study
    from synthetic_oversampling.simulate.artifacts import check_writable, save_text
    from synthetic_oversampling.simulate.console import console, progress_bar

    counts = {"simulated": options.simulated, "wide": options.wide}
    asked = [*counts.values(), options.givers]
    if any(0 < count < 4 for count in asked) or not (any(asked) or options.real):
        raise ValueError(
            f"--simulated, --wide, --givers: got {options.simulated}, {options.wide} and "
            f"{options.givers} and {'' if options.real else 'no '}--real, expected none or at "
            "least 4 of each, which errors are computed from, and some tables; ask for more."
        )
    real = ["real-wide" if name == "wide" else name for name in options.real]
    for name in real:
        study.require_metric(name, options.metric)
    path = options.out / "planner-study.md"
    check_writable(path)
    screen, parts = console(), []
    for name in (*(name for name, count in counts.items() if count), *real):
        with progress_bar(screen) as bar:
            task = bar.add_task(name, total=None)
            records = study.recorded(
                name,
                counts.get(name, 0),
                options.out / "records",
                learner=options.learner,
                metric=options.metric,
                repeats=options.repeats,
                first=options.first,
                seed=options.seed,
                told=partial(_told, bar, task),
            )
        if name in counts and options.learner == "logistic-l2":
            parts.append(study.weights(*study.learned(records), options.metric))
        parts.append(study.markdown(name, study.shown(records, options.metric), options.metric))
    if options.givers:
        with progress_bar(screen) as bar:
            told = partial(_told, bar, bar.add_task("givers", total=None))
            folder = options.out / "records"
            parts.append(
                givers.markdown(
                    givers.recorded(options.givers, folder, seed=options.seed, told=told)
                )
            )
    text = "\n\n".join(parts)
    save_text(path, text)
    print(text)
    return 0


def _told(bar, task, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)
