"""The generator's door: ``oversampling train|generate|evaluate``.

``generate`` works at once with the network that ships with the package; ``train`` makes others, and
``evaluate`` measures their gap to the exact predictive.

Two networks ship. ``mean_and_scale.safetensors``, the default of ``generate``, was trained on one
feature at a time, Gaussian with unknown mean and scale, with up to 63 seeds a group; it reads any
number of features one by one, after they are centred and decorrelated by the groups' pooled means
and covariance within groups, and its samples are turned back. So groups may differ in mean and in
the scale of each decorrelated feature; shapes other than Gaussian, and correlations that differ
between groups, are not reproduced. ``unknown_mean.safetensors`` is for two features of known unit
variance and unknown mean, and is the one whose gap is measured against the exact predictive.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import jax
from rich.console import Console
from rich.table import Table

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.arguments import answer, check_new, parse, seed_number
from synthetic_oversampling.theory.wording import counted
from synthetic_oversampling.transformer_toy import checkpoint, generate, seeds, tasks, train
from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED, SHIPPED_MEAN
from synthetic_oversampling.transformer_toy.evaluation import evaluate, fidelity
from synthetic_oversampling.transformer_toy.evaluation.beyond import BeyondTraining

__all__ = ["calls_of", "main"]


def _number_of(text: str) -> tuple[str, int]:
    label, _, number = text.rpartition("=")
    if not label or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"got {text!r}, expected LABEL=NUMBER")
    return label, int(number)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number from 0")
    return int(text)


def _setting(text: str) -> tuple[str, int | float]:
    name, _, value = text.partition("=")
    try:
        return name, int(value)
    except ValueError:
        try:
            return name, float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"got {text!r}, expected NAME=NUMBER") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oversampling",
        description="An in-context generator of minority samples: a small transformer that reads a "
        "group's seeds and writes the law of its next samples.",
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="train|generate|evaluate"
    )

    one = commands.add_parser("train", help="train a network on a family of groups")
    one.add_argument("task", choices=sorted(tasks.TASKS), help="the family")
    one.add_argument("--out", type=Path, required=True, help="the model's .safetensors file")
    one.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="a parameter of the family, such as dim=2; may be repeated",
    )
    one.add_argument("--seed", type=seed_number, default=0)
    one.add_argument("--steps", type=int, default=train.Recipe().steps)
    one.add_argument("--groups", type=int, default=train.Recipe().groups, help="groups a step")
    one.add_argument("--max-count", type=int, default=train.Recipe().max_count, help="most seeds")
    one.add_argument(
        "--chunk", type=int, help="steps a call; default: the most up to 200 that divide --steps"
    )
    one.add_argument(
        "--hidden-embed", type=int, default=16, help="hidden units of a seed's embedding"
    )
    one.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    one.add_argument("--resume", action="store_true", help="go on from OUT.state if it is there")

    two = commands.add_parser("generate", help="write synthetic samples for labelled seeds")
    two.add_argument("seeds", type=Path, help="CSV file with a header")
    two.add_argument("--label", required=True, help="the label's column; all others are features")
    two.add_argument("--out", type=Path, required=True, help="CSV file to write")
    two.add_argument("--checkpoint", type=Path, default=SHIPPED, help="a model; default: shipped")
    amount = two.add_mutually_exclusive_group()
    amount.add_argument("--each", type=_count, metavar="NUMBER", help="samples for every group")
    amount.add_argument(
        "--count",
        type=_number_of,
        action="append",
        metavar="LABEL=NUMBER",
        help="samples for one group; may be repeated; default: up to the largest group's size",
    )
    two.add_argument("--scaling", choices=seeds.SCALINGS, default="covariance")
    two.add_argument("--seed", type=seed_number, default=0)
    two.add_argument("--batch", type=int, default=generate.BATCH, help="samples held in memory")
    two.add_argument("--overwrite", action="store_true")

    three = commands.add_parser("evaluate", help="measure the gap to the exact predictive")
    three.add_argument("checkpoint", type=Path, nargs="*", help="models; default: shipped")
    three.add_argument("--contexts", type=int, default=2048)
    three.add_argument("--seed", type=seed_number, default=0, help="of the contexts")
    three.add_argument("--out", type=Path, help="write the numbers as a JSON artifact")
    three.add_argument(
        "--accuracy",
        action="store_true",
        help="instead, predict and simulate what each rule's samples do to a classifier; needs one "
        "unknown_mean network with dim=2, by default the shipped one",
    )
    three.add_argument("--fits", type=int, default=2000, help="data sets a rule, for --accuracy")
    return parser


def _state_of(out: Path) -> Path:
    """Where an unfinished training of a network is kept."""
    return out.with_name(out.name + ".state")


def calls_of(steps: int) -> int:
    """Steps a compiled call: the most, up to the usual number, that divide all of them.

    Example:
        >>> calls_of(12_000), calls_of(300)
        (200, 150)
    """
    return next(own for own in range(train.Recipe().chunk, 0, -1) if steps % own == 0)


def _train(options: argparse.Namespace) -> int:
    task = tasks.from_spec({"name": options.task} | dict(options.set))
    recipe = train.Recipe(
        seed=options.seed,
        steps=options.steps,
        groups=options.groups,
        max_count=options.max_count,
        chunk=calls_of(options.steps) if options.chunk is None else options.chunk,
    )
    arch = train.architecture(task, hidden_embed=options.hidden_embed)
    if not options.out.parent.is_dir():
        raise ValueError(f"--out: no folder {options.out.parent}. Make it first.")
    check_new(options.out, options.overwrite)  # worth knowing before minutes of training
    state_path = _state_of(options.out)
    try:
        state, log = train.train(
            task,
            recipe,
            arch=arch,
            path=state_path,
            show_progress=True,
            resume=options.resume and state_path.exists(),
        )
    except KeyboardInterrupt:
        if state_path.exists():
            print("the same command with --resume goes on", file=sys.stderr)
        raise
    about = {"recipe": vars(recipe), "seconds": round(log["seconds"], 1)}
    about["cpu_seconds"] = round(log["cpu_seconds"], 1)
    checkpoint.save_model(options.out, state.ema, task, arch, **about)
    state_path.unlink()
    print(f"{options.out}: trained in {log['seconds']:.0f} s on {json.dumps(task.spec)}")
    return 0


def _generate(options: argparse.Namespace) -> int:
    model = checkpoint.load_model(options.checkpoint)
    given = seeds.read_seeds(options.seeds, options.label)
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
    check_new(options.out, options.overwrite, [options.seeds, options.checkpoint])
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", BeyondTraining)
        parts = generate.generate(
            model,
            given,
            counts,
            key=jax.random.key(options.seed),
            scaling=options.scaling,
            batch=options.batch,
        )
    for doubt in doubts:
        print(f"oversampling generate: warning: {doubt.message}", file=sys.stderr)
    written = generate.write_csv(
        options.out, given, parts, total, overwrite=options.overwrite, show_progress=True
    )
    groups = ", ".join(f"{label}: {count}" for label, count in counts.items() if count)
    print(f"{options.out}: {counted(written, 'synthetic sample')} ({groups})")
    return 0


def _show(name: str, table: list[evaluate.Gap]) -> None:
    counts = sorted({gap.count for gap in table})
    rules = list(dict.fromkeys(gap.rule for gap in table))
    for title, pick in (("KL(exact || rule), nats", "kl"), ("energy distance", "energy")):
        grid = Table(title=f"{name}: {title}, mean (standard error)")
        grid.add_column("seeds", justify="right")
        for rule in rules:
            grid.add_column(rule, justify="right")
        cells = {(gap.rule, gap.count): getattr(gap, pick) for gap in table}
        if not any(cells.values()):
            continue
        for count in counts:
            row = [cells.get((rule, count)) for rule in rules]
            grid.add_row(
                str(count),
                *(f"{one.mean:.1e} ({one.standard_error:.0e})" if one else "-" for one in row),
            )
        Console(width=None if sys.stdout.isatty() else 160).print(grid)


def _evaluate(options: argparse.Namespace) -> int:
    if options.out is not None:
        check_new(options.out, True, options.checkpoint)
    if options.accuracy:
        return _accuracy(options)
    payload, seen = [], {}
    for path in options.checkpoint or [SHIPPED]:
        model = checkpoint.load_model(path)
        spec = json.dumps(model.task.spec)  # rules meet the same contexts: measured once a family
        table = evaluate.gap_table(
            model,
            key=jax.random.key(options.seed),
            contexts=options.contexts,
            rules=() if spec in seen else None,
        )
        table = table + seen.setdefault(spec, [gap for gap in table if gap.rule != "network"])
        table = list(dict.fromkeys(table))
        _show(path.name, table)
        payload.append(evaluate.payload(model, table))
    if options.out is not None:
        configuration = {"contexts": options.contexts, "counts": list(evaluate.COUNTS)}
        artifacts.save(
            options.out,
            payload,
            kind="transformer gap",
            configuration=configuration,
            seed=options.seed,
        )
    return 0


def _accuracy(options: argparse.Namespace) -> int:
    if len(options.checkpoint) > 1 or options.fits < 2:
        raise ValueError("--accuracy needs one checkpoint and at least 2 --fits.")
    model = checkpoint.load_model((options.checkpoint or [SHIPPED_MEAN])[0])
    row_key, bound_key = jax.random.split(jax.random.key(options.seed))
    rows = fidelity.compare(model, key=row_key, fits=options.fits)
    bound = fidelity.bias_bound(model, key=bound_key)
    grid = Table(title=f"sizes {fidelity.SIZES}: balanced excess risk (nats), minority error")
    for name in ("rule", "excess predicted", "simulated", "minority predicted", "simulated"):
        grid.add_column(name, justify="left" if name == "rule" else "right")
    for row in rows:
        grid.add_row(
            row.rule,
            f"{row.excess:.5f} ({row.excess_error:.0e})"
            if row.excess_error
            else f"{row.excess:.5f}",
            f"{row.seen_excess:.5f} ({row.seen_excess_error:.0e})",
            f"{row.minority:.4f}",
            f"{row.seen_minority:.4f} ({row.seen_minority_error:.0e})",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(grid)
    print(
        f"T4: bias {bound.bias:.5f} ({bound.bias_error:.0e}) is at most "
        f"sqrt(2 x {bound.var_proxy:.3f} x {bound.kl:.5f}) = {bound.bound:.4f}, "
        f"{bound.bound / bound.bias:.0f} times as large"
    )
    if options.out is not None:
        artifacts.save(
            options.out,
            {"rows": [row._asdict() for row in rows], "bound": bound._asdict()},
            kind="transformer accuracy",
            configuration={"sizes": list(fidelity.SIZES), "fits": options.fits},
            seed=options.seed,
        )
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the door.

    Args:
        argv: command-line arguments; those of the process when omitted.

    Returns:
        0, or 2 if the arguments or the files they name cannot be used.

    Example:
        >>> main(["generate", "missing.csv", "--label", "y", "--out", "out.csv"])
        2
    """
    jax.config.update("jax_enable_x64", True)
    options = parse(_parser(), argv)
    run = {"train": _train, "generate": _generate, "evaluate": _evaluate}[options.command]
    return answer(
        f"oversampling {options.command}", lambda: run(options),
        also=(FloatingPointError,),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
