"""How the verifier's own error rates are printed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from synthetic_oversampling.simulate.checks.check import FAMILY_RATE, INDECISION, STAGES
from synthetic_oversampling.simulate.console import print_rows
from synthetic_oversampling.simulate.verify.calibration import LEVELS, Calibration, TailRate
from synthetic_oversampling.simulate.verify.seeds import SeedRun, second_stages
from synthetic_oversampling.theory.wording import counted

__all__ = ["print_calibration", "print_seed", "print_seeds", "print_tails"]


def print_tails(console: Console, tails: Sequence[TailRate], z: float) -> None:
    """One line per law and size: false alarms over their nominal rate, normal interval and ours.

    Args:
        console: where to print.
        tails: false alarms by law and size.
        z: quantile of an interval.
    """
    rows = [
        (
            f"gamma({tail.shape:g})",
            str(tail.n),
            f"{tail.normal:.2f} +- {tail.normal_error:.2f}",
            f"{tail.used:.2f} +- {tail.used_error:.2f}",
        )
        for tail in tails
    ]
    header = ("law of one replicate", "n", "normal interval", "interval used")
    title = f"False alarms at {z:.2f} standard errors, over their nominal rate"
    console.print(title, soft_wrap=True)
    print_rows(console, title, header, rows, [None] * len(rows))
    console.print()


def print_calibration(console: Console, result: Calibration) -> None:
    """False alarms and power by kind of check, and of whole runs.

    Args:
        console: where to print.
        result: of `oversampling calibrate`.
    """
    rows = [
        (
            kind.kind,
            str(kind.checks),
            f"{kind.alarms} ({kind.expected:.2g})",
            *(f"{ratio:.2f} +- {error:.2f}" for ratio, error in kind.ratios or [(0, 0)] * 3),
            f"{kind.least_power:.4f}",
            f"{kind.mean_power:.4f}",
            f"{kind.first_power:.4f}",
        )
        for kind in result.kinds
    ]
    header = (
        "kind",
        "checks",
        "alarms (expected)",
        *(f"rate / {level:g}" for level in LEVELS),
        "least power",
        "mean power",
        "least at first",
    )
    print_rows(console, "Null runs", header, rows, [None] * len(rows))
    low, high = result.family_interval
    inflated = ", ".join(
        f"{share:.3f} at {level:g} a check"
        for share, level in zip(result.family, LEVELS, strict=True)
    )
    console.print(
        f"{result.alarmed} of {counted(result.runs, 'null run')} raised an alarm: between "
        f"{low:.2g} and {high:.2g} of all (95 %), planned {FAMILY_RATE * result.share:.2g} for "
        f"these checks of at most {FAMILY_RATE:g}. Runs with any alarm at inflated rates: "
        f"{inflated}. "
        f"{result.second_stages:.2g} checks a run went on to a second stage, after which "
        f"{result.undecided} of {counted(result.runs, 'run')} were undecided, planned at most "
        f"{INDECISION:g} of all.",
        soft_wrap=True,
    )


def print_seed(console: Console, run: SeedRun) -> None:
    """One line on a run that is over.

    Args:
        console: where to print.
        run: that is over.
    """
    verdict = "FAIL" if run.failed else "INCONCLUSIVE" if run.undecided else "pass"
    named = "".join(
        f"{what}: {', '.join(names)}; "
        for what, names in (
            ("failed", run.failed),
            ("undecided", run.undecided),
            ("second stage", run.second_stage),
        )
        if names
    )
    console.print(
        f"seed {run.seed}: {verdict}; {named}{counted(run.replicates, 'replicate')}, "
        f"{run.cpu_seconds:.0f} s of CPU",
        soft_wrap=True,
        markup=False,
    )


def print_seeds(console: Console, runs: Sequence[SeedRun]) -> None:
    """What all runs came to, and which checks needed a second stage.

    Args:
        console: where to print.
        runs: that are over.
    """
    console.print()
    for name, count in second_stages(runs):
        console.print(
            f"second stage in {count} of {counted(len(runs), 'run')}: {name}", markup=False
        )
    failed = [run.seed for run in runs if run.failed]
    undecided = [run.seed for run in runs if run.undecided]
    extra = sum(run.extra for run in runs) / sum(run.replicates - run.extra for run in runs)
    console.print(
        f"{counted(len(runs), 'run')}: {len(failed)} with a failure, "
        f"{len(undecided)} undecided; planned at most {FAMILY_RATE:g} and "
        f"{INDECISION:g} of all. {sum(bool(run.second_stage) for run in runs)} would have been "
        f"undecided without a second stage, which took {100 * extra:.1f}% more replicates "
        f"({STAGES[1]} times those of an experiment).",
        soft_wrap=True,
        markup=False,
    )
