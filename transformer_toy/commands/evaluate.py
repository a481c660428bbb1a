"""``oversampling evaluate``: the gap of a network to the exact predictive, and what it costs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from synthetic_oversampling.simulate.arguments import check_new, seed_number, whole

__all__ = ["add_arguments", "run"]

_DESCRIPTION = "Measure the gap of in-context generators to the exact predictive of their family."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("checkpoint", type=Path, nargs="*", help="models; default: shipped")
    parser.add_argument(
        "--contexts", type=whole(0, most=10**6), help="default 2048, for whole rows 256 a cell"
    )
    parser.add_argument("--seed", type=seed_number, default=0, help="of the contexts")
    parser.add_argument("--out", type=Path, help="write the numbers as a JSON artifact")
    parser.add_argument(
        "--accuracy",
        action="store_true",
        help="instead, predict and simulate what each rule's samples do to a classifier; takes one "
        "network, for whole rows or unknown_mean with dim=2 (default: the shipped one of these)",
    )
    parser.add_argument(
        "--fits", type=whole(0, most=10**9), default=2000, help="data sets a rule, for --accuracy"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    import jax

    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.transformer_toy import checkpoint
    from synthetic_oversampling.transformer_toy.evaluation import evaluate

    if options.out is not None:
        check_new(options.out, True, options.checkpoint)
    if options.accuracy:
        return _accuracy(options)
    paths = options.checkpoint or [checkpoint.SHIPPED_MEAN]
    whole_rows = [checkpoint.kind_of(path) == checkpoint.ROWS for path in paths]
    if any(whole_rows):
        if not all(whole_rows):
            raise ValueError(
                "networks for whole rows and for one family have different tables; evaluate them "
                "one by one."
            )
        return _rows(options)
    contexts = options.contexts if options.contexts is not None else 2048
    payload = []
    seen: dict[str, list] = {}
    for path in paths:
        model = checkpoint.load_model(path)
        spec = json.dumps(model.task.spec)  # rules meet the same contexts: measured once a family
        table = evaluate.gap_table(
            model,
            key=jax.random.key(options.seed),
            contexts=contexts,
            rules=() if spec in seen else None,
        )
        table = table + seen.setdefault(spec, [gap for gap in table if gap.rule != "network"])
        table = list(dict.fromkeys(table))
        _show(path.name, table)
        payload.append(evaluate.payload(model, table))
    if options.out is not None:
        configuration = {"contexts": contexts, "counts": list(evaluate.COUNTS)}
        artifacts.save(
            options.out,
            payload,
            kind="transformer gap",
            configuration=configuration,
            seed=options.seed,
        )
    return 0


def _rows(options: argparse.Namespace) -> int:
    """The table of networks for whole rows."""
    import jax
    from rich.console import Console
    from rich.table import Table

    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.transformer_toy.rows import fidelity, training

    contexts = options.contexts if options.contexts is not None else 256
    if contexts < 2:
        raise ValueError(f"--contexts: got {contexts}, expected at least 2.")
    key, payload = jax.random.key(options.seed), []
    for path in options.checkpoint:
        net = training.load(path)
        found = fidelity.measure(net, num_groups=contexts, key=key, show_progress=True)
        grid = Table(
            title=f"{path.name}: log density of new rows less that of each rule, nats a row "
            "(standard error)"
        )
        rules = (*fidelity.RULES, *fidelity.TABLE_RULES)
        for name in ("family", "features", "seeds", *rules):
            grid.add_column(name, justify="left" if name == "family" else "right")
        cells = {(one.family, one.dim, one.seeds, one.rule): one for one in found}
        for cell in dict.fromkeys(key[:3] for key in cells):
            row = [cells.get((*cell, rule)) for rule in rules]
            grid.add_row(
                *map(str, cell),
                *(f"{one.gain:+.3f} ({one.standard_error:.3f})" if one else "-" for one in row),
            )
        Console(width=None if sys.stdout.isatty() else 160).print(grid)
        by_samples = [
            one
            for family in fidelity.FAMILIES
            for one in fidelity.by_samples(net, family=family, dim=4, count=32, key=key)
        ]
        grid = Table(title="4 features, 32 seeds: 200 rows of each rule beside 200 real ones")
        names = ("energy distance", "told apart", "correlation error", "covered by 90 % region")
        for name in ("family", "rule", *names):
            grid.add_column(name, justify="left" if name in ("family", "rule") else "right")
        for one in by_samples:
            grid.add_row(
                one.family,
                one.rule,
                f"{one.energy:.4f} ({one.energy_error:.4f})",
                f"{one.told:.3f} ({one.told_error:.3f})",
                f"{one.correlation:.3f}",
                "-" if one.covered is None else f"{one.covered:.3f}",
            )
        Console(width=None if sys.stdout.isatty() else 160).print(grid)
        payload.append(
            {
                "about": net.about,
                "density": [one._asdict() for one in found],
                "samples": [one._asdict() for one in by_samples],
            }
        )
    if options.out is not None:
        artifacts.save(
            options.out,
            payload,
            kind="whole rows",
            configuration={"groups": contexts},
            seed=options.seed,
        )
    return 0


def _show(name: str, table: Sequence) -> None:
    from rich.console import Console
    from rich.table import Table

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


def _rows_accuracy(options: argparse.Namespace, path: Path) -> int:
    """What whole rows do to a classifier, beside other rules' rows."""
    import jax
    from rich.console import Console
    from rich.table import Table

    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.transformer_toy.rows import accuracy, training

    found = accuracy.compare(
        training.load(path), fits=options.fits, key=jax.random.key(options.seed), show_progress=True
    )
    grid = Table(title="balanced excess risk (nats), largest error of a group")
    for name in ("setting", "rule", "excess predicted", "simulated", "worst group"):
        grid.add_column(name, justify="left" if name in ("setting", "rule") else "right")
    for one in found:
        error = f" ({one.predicted_error:.0e})" if one.predicted_error else ""
        grid.add_row(
            one.setting,
            one.rule,
            f"{one.predicted:.5f}{error}",
            f"{one.seen:.5f} ({one.seen_error:.0e})",
            f"{one.worst:.4f} ({one.worst_error:.0e})",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(grid)
    if options.out is not None:
        artifacts.save(
            options.out,
            [one._asdict() for one in found],
            kind="whole rows accuracy",
            configuration={"settings": list(accuracy.SETTINGS), "fits": options.fits},
            seed=options.seed,
        )
    return 0


def _accuracy(options: argparse.Namespace) -> int:
    import jax
    from rich.console import Console
    from rich.table import Table

    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.transformer_toy import checkpoint
    from synthetic_oversampling.transformer_toy.evaluation import fidelity

    if len(options.checkpoint) > 1 or options.fits < 2:
        raise ValueError("--accuracy needs one checkpoint and at least 2 --fits.")
    path = (options.checkpoint or [checkpoint.SHIPPED_MEAN])[0]
    if checkpoint.kind_of(path) == checkpoint.ROWS:
        return _rows_accuracy(options, path)
    model = checkpoint.load_model(path)
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
