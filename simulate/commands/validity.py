"""``oversampling validity``: the verdicts of predictions, held against simulation."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from synthetic_oversampling.simulate.arguments import seed_number, whole

__all__ = ["add_arguments", "cases_of", "run", "table"]

_DESCRIPTION = """Simulate settings beside their predictions and say how many of the predictions of
each verdict are within 10 % of the simulated excess risk: a grid of two Gaussian classes, on which
the thresholds were chosen, settings in which the expansion is known to fail, and random ones that
nothing was chosen on. What FILE holds already is not simulated again."""
KIND = "validity trials"
DRAW = 1  # seed of the random settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("--record", type=Path, default=Path("validity.json"), metavar="FILE")
    parser.add_argument("--seed", type=seed_number, default=2026, help="seed (default 2026)")
    parser.add_argument(
        "--fresh", type=whole(0, most=100_000), default=120, help="random settings (default 120)"
    )


def cases_of(fresh: int) -> dict:
    """Every setting by its name.

    Args:
        fresh: how many random ones.
    """
    from synthetic_oversampling.simulate.validity.cases import (
        fresh_cases,
        grid_cases,
        known_cases,
        large_cases,
    )

    every = (*known_cases(), *grid_cases(), *large_cases(), *fresh_cases(DRAW, fresh))
    return {case.name: case for case in every}


def table(trials: Iterable, verdicts: Sequence[str], totals: Sequence[float]) -> list[str]:
    """Markdown: by family and verdict, the predictions, and those within 10 % of the simulated.

    Args:
        trials: simulated; verdicts, totals: predicted, in their order.
    """
    from synthetic_oversampling.simulate.validity.trials import WITHIN
    from synthetic_oversampling.theory.prediction.validity import VERDICTS

    counts: dict[tuple[str, str], list[int]] = {}
    for trial, verdict, total in zip(trials, verdicts, totals, strict=True):
        count = counts.setdefault((trial.name.split("/")[0], verdict), [0, 0, 0])
        count[0] += 1
        count[1] += abs(total - trial.excess) <= WITHIN * abs(trial.excess)
        count[2] += not math.isfinite(trial.excess)
    lines = [
        "| settings | verdict | predictions | within 10 % | share | hardly any fit |",
        "|---|---|---|---|---|---|",
    ]
    for family in dict.fromkeys(name for name, _ in counts):
        for verdict in VERDICTS:
            if (family, verdict) in counts:
                every, close, none = counts[family, verdict]
                lines.append(
                    f"| {family} | {verdict} | {every} | {close} | {close / every:.0%} | {none} |"
                )
    return lines


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.
    """
    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.simulate.validity.large import large_trial
    from synthetic_oversampling.simulate.validity.trials import Trial, trial
    from synthetic_oversampling.theory.prediction.excess_risk import predict

    done = {}
    if options.record.exists():
        rows = artifacts.load(options.record, kind=KIND)["payload"]
        done = {row["name"]: Trial(**row) for row in rows}
    verdicts, totals, trials = [], [], []
    for name, case in cases_of(options.fresh).items():
        theory = predict(case.groups, case.design, case.generator)
        if name not in done:
            simulated = large_trial if name.startswith("large/") else trial
            done[name] = simulated(case, theory, seed=options.seed)
            artifacts.save(
                options.record,
                [trial._asdict() for trial in done.values()],
                kind=KIND,
                configuration={"draw": DRAW},
                seed=options.seed,
            )
            print(f"{name}: {theory.validity.verdict}", flush=True)
        trials.append(done[name])
        verdicts.append(theory.validity.verdict)
        totals.append(float(theory.total))
    print("\n".join(table(trials, verdicts, totals)))
    return 0
