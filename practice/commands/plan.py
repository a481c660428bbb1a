"""``oversampling plan``: how many synthetic rows for a table, with what weight, or none."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.practice.planner import METRICS, SEED
from synthetic_oversampling.simulate.arguments import check_new, seed_number, whole

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Plan the synthetic rows of a labelled CSV table: what theory expects and what
cross-validation shows of plain training, class weighting and synthetic designs, the recommended
numbers of rows and their weight, or the advice to add none. Exit status: 0 planned, 2 bad usage or
an unusable table."""
_NAMES = ("smote", "plugin-pooled", "predictive-pooled", "plugin")
_LEARNERS = ("logistic-l2", "logistic", "forest", "boosting")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("data", type=Path, metavar="DATA.csv", help="rows with a header")
    parser.add_argument("--label", required=True, metavar="COLUMN", help="column of the labels")
    parser.add_argument(
        "--group",
        "--attribute",
        metavar="COLUMN",
        help="column of a spurious attribute: groups are label x it",
    )
    parser.add_argument(
        "--positive",
        metavar="LABEL",
        help="the label that is class 1, against all others together; without it more than two "
        "labels are as many classes",
    )
    parser.add_argument(
        "--categorical",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column of categories, read as indicators; may be repeated; to judge --synthetic "
        "rows, since the planner's own generators draw numbers",
    )
    made = parser.add_mutually_exclusive_group()
    made.add_argument(
        "--synthetic", type=Path, metavar="SYN.csv", help="rows that a generator made, to be judged"
    )
    made.add_argument(
        "--generator",
        action="append",
        choices=_NAMES,
        dest="generators",
        help="generator to plan for; may be repeated; all but plugin by default",
    )
    parser.add_argument(
        "--independent",
        action="store_true",
        help="the rows of SYN.csv were made without those of DATA.csv",
    )
    parser.add_argument(
        "--learner",
        choices=_LEARNERS,
        default=_LEARNERS[0],
        help="what is trained (default logistic-l2, a logistic regression with an L2 penalty)",
    )
    parser.add_argument(
        "--metric",
        choices=METRICS,
        default=METRICS[0],
        help="what designs are compared by (default cross-entropy, of balanced groups; worst-group "
        "is the cross-entropy of the worst of them)",
    )
    parser.add_argument(
        "--prevalence",
        type=_prevalence,
        metavar="P",
        help="share of label 1 where the rule is to be used (default: the table's), for average "
        "precision, thresholds and probabilities; of more than two classes LABEL=P,LABEL=P,...",
    )
    parser.add_argument(
        "--cost-ratio",
        type=float,
        default=1.0,
        metavar="C",
        help="what a missed row of label 1 costs, over a false alarm (default 1), for a threshold",
    )
    parser.add_argument(
        "--ridge",
        default="cv",
        type=_ridge,
        metavar="R",
        help="its penalty: a number, 1 / C on standardised features; cv (default), the best of "
        "each design; theory, theorem H's best",
    )
    parser.add_argument(
        "--price",
        type=float,
        default=0.0,
        metavar="C",
        help="what one synthetic row may cost, in units of the metric",
    )
    parser.add_argument(
        "--worth",
        type=float,
        metavar="G",
        help="the least expected gain that rows are recommended for (default 1e-4 nats, which it "
        "takes 80 000 test rows to see; 1e-3 of a metric that is a share)",
    )
    parser.add_argument("--most", type=whole(0), metavar="N", help="added rows per group at most")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals (default 0.95)")
    parser.add_argument(
        "--repeats",
        type=whole(1),
        metavar="R",
        help="of 5-fold cross-validation (default 2; 1 beyond 5000 rows)",
    )
    parser.add_argument(
        "--seed", type=seed_number, default=SEED, help=f"of folds and draws ({SEED})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the plan as an artifact")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the plan: .png, .svg or .pdf"
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="TRAIN.csv",
        help="write the rows to train on: real and synthetic, with their weights",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="let --write replace a file that is there"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write DIR/plan.json and DIR/plan.png"
    )


def run(options: argparse.Namespace) -> int:
    """Plan, print and write.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    from synthetic_oversampling.figures.plan import save_plan
    from synthetic_oversampling.practice.commands.planned import broken_up, values_of, write_planned
    from synthetic_oversampling.practice.planner.plan import plan_table
    from synthetic_oversampling.practice.planner.report import as_dict, print_plan
    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.simulate.console import console, progress_bar
    from synthetic_oversampling.simulate.tables.reading import read_table

    if options.independent and options.synthetic is None:
        raise ValueError("--independent: got no --synthetic table that it could be about; drop it.")
    written = _files(options)
    table = read_table(options.data, options.label, options.group, categorical=options.categorical)
    labels = values_of(table.labels)
    values = dict(zip(table.labels.tolist(), labels.tolist(), strict=True))
    made = judged = None
    if options.synthetic is not None:
        judged = read_table(
            options.synthetic,
            options.label,
            options.group,
            names=table.names,
            categorical=options.categorical,
            encoding=table.encoding,
        )
        attributes = (judged.attributes,) if options.group else ()
        made = (judged.features, values_of(judged.labels), *attributes)
    screen = console()
    bar = progress_bar(screen)
    bar.disable = not screen.is_terminal
    with bar:
        task = bar.add_task("cross-validation", total=None)
        plan = plan_table(
            table.features,
            labels,
            table.attributes,
            learner=options.learner,
            metric=options.metric,
            prevalence=options.prevalence,
            cost_ratio=options.cost_ratio,
            ridge=options.ridge,
            generators=_generators(options),
            synthetic=made,
            fitted=not options.independent,
            positive=values.get(options.positive, options.positive),
            price=options.price,
            worth=options.worth,
            most=options.most,
            level=options.level,
            repeats=options.repeats,
            seed=options.seed,
            names=_feature_names(table),
            told=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if table.encoding is not None:
        shown = ", ".join(table.encoding.labels) or "none: every other level has too few rows"
        screen.print(f"indicators of categories: {shown}", soft_wrap=True, highlight=False)
    print_plan(screen, plan)
    configuration = {
        "data": str(options.data),
        "label": options.label,
        "group": options.group,
        "positive": options.positive,
        "categorical": options.categorical,
        "synthetic": options.synthetic and str(options.synthetic),
        "independent": options.independent,
        "generators": options.generators,
        "learner": options.learner,
        "metric": options.metric,
        "prevalence": options.prevalence,
        "cost_ratio": options.cost_ratio,
        "ridge": options.ridge,
        "price": options.price,
        "worth": options.worth,
        "most": options.most,
        "level": options.level,
        "repeats": options.repeats,
    }
    payload = as_dict(plan)
    for path, kind in written:
        if kind == "json":
            artifacts.save(
                path, payload, kind="plan", configuration=configuration, seed=options.seed
            )
        elif kind == "rows":
            write_planned(path, plan, table, judged, seed=options.seed)
        else:
            save_plan(payload, path)
        screen.print(f"written to {path}", style="dim", soft_wrap=True, highlight=False)
        if kind == "rows" and (names := broken_up(plan, table, judged)):
            screen.print(
                "  whole numbers in the table, fractions in its synthetic rows: "
                f"{', '.join(map(repr, names))}",
                style="dim",
                soft_wrap=True,
                highlight=False,
            )
    return 0


def _feature_names(table) -> tuple[str, ...]:
    """Of the matrix's columns: numbers in the file's order, then indicators of categories."""
    if table.encoding is None:
        return table.names
    numbers = (name for name in table.names if name not in table.encoding.names)
    return (*numbers, *table.encoding.labels)


def _generators(options: argparse.Namespace) -> list[str] | None:
    """Names to plan for; a law of numbers does not draw categories."""
    if options.categorical and options.generators:
        raise ValueError(
            f"--generator: got {options.generators[0]} for a table with categories, which it does "
            "not draw; judge rows of a generator that does with --synthetic, or use the resampler "
            "with sampling_strategy='plan'."
        )
    return [] if options.categorical else options.generators


def _ridge(text: str) -> float | str:
    """A number, "cv" or "theory"."""
    if text in ("cv", "theory"):
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected a number of at least 0, cv or theory"
        ) from None


def _prevalence(text: str) -> float | dict[str, float]:
    """A share, or a share of every label."""
    pairs = [part.rpartition("=") for part in text.split(",")]
    try:
        if "=" not in text:
            return float(text)
        return {label.strip(): float(share) for label, _, share in pairs}
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected a share such as 0.1, or one of every label such as "
            "a=0.7,b=0.2,c=0.1"
        ) from None


def _files(options: argparse.Namespace) -> list[tuple[Path, str]]:
    """Files to write, with their kind; refused now rather than after the work."""
    files = [(path, "json") for path in (options.json,) if path]
    files += [(path, "plot") for path in (options.plot,) if path]
    files += [(path, "rows") for path in (options.write,) if path]
    if options.out is not None:
        files += [(options.out / "plan.json", "json"), (options.out / "plan.png", "plot")]
    for path, kind in files:
        if kind == "plot" and path.suffix not in (".png", ".svg", ".pdf"):
            raise ValueError(f"--plot: got {path}, expected a name ending in .png, .svg or .pdf.")
        check_new(path, options.overwrite or kind != "rows", [options.data, options.synthetic])
    return files
