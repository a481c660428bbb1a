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
    """Declare the options of the command."""
    parser.description = _DESCRIPTION
    parser.add_argument("checkpoint", type=Path, nargs="*", help="models; default: shipped")
    parser.add_argument("--contexts", type=whole(0, most=10**6), default=2048)
    parser.add_argument("--seed", type=seed_number, default=0, help="of the contexts")
    parser.add_argument("--out", type=Path, help="write the numbers as a JSON artifact")
    parser.add_argument(
        "--accuracy",
        action="store_true",
        help="instead, predict and simulate what each rule's samples do to a classifier; needs one "
        "unknown_mean network with dim=2, by default the shipped one",
    )
    parser.add_argument(
        "--fits", type=whole(0, most=10**9), default=2000, help="data sets a rule, for --accuracy"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    import jax

    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.transformer_toy import checkpoint
    from synthetic_oversampling.transformer_toy.evaluation import evaluate

    if options.out is not None:
        check_new(options.out, True, options.checkpoint)
    if options.accuracy:
        return _accuracy(options)
    payload = []
    seen: dict[str, list] = {}
    for path in options.checkpoint or [checkpoint.SHIPPED]:
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


def _accuracy(options: argparse.Namespace) -> int:
    import jax
    from rich.console import Console
    from rich.table import Table

    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.transformer_toy import checkpoint
    from synthetic_oversampling.transformer_toy.evaluation import fidelity

    if len(options.checkpoint) > 1 or options.fits < 2:
        raise ValueError("--accuracy needs one checkpoint and at least 2 --fits.")
    model = checkpoint.load_model((options.checkpoint or [checkpoint.SHIPPED_MEAN])[0])
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
