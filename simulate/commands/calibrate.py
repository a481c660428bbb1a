"""``oversampling calibrate``: false alarms and power of the checks, measured."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.simulate.arguments import add_cache, add_selection, set_cache, whole
from synthetic_oversampling.theory.wording import counted

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Verify the verifier. First the intervals' false alarms on means of chi-square
variables at the planned level, by importance sampling; then whole runs of the selected checks,
resampled from pools of replicates of their experiments, under a true theory and under theories off
by each check's discrepancy. With --seeds, whole runs that are simulated. Exit
status: 0 as planned, 1 not, 2 bad usage."""

SHAPES = (0.5, 1.0, 2.0)  # chi-square of 1, 2 and 4 degrees of freedom, up to scale
SIZES = (1000, 1500, 3000, 6000)
TOLERATED = 1.5  # ratio of an exact tail rate to its nominal rate
# of every kind: asymptotic, exact, paired, and bounds
DEFAULT = (
    "line/raw",
    "line/weighted",
    "line/smote",
    "efron-1.5",
    "in-context/scores",
    "R6.excess.line.shifted",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    add_selection(
        parser, seed=2025, only=f"checks as for verify (default: those of {', '.join(DEFAULT)})"
    )
    parser.add_argument("--runs", type=whole(100), default=1000, help="null runs (default 1000)")
    parser.add_argument(
        "--pool", type=whole(1000), default=4000, help="replicates of each experiment"
    )
    parser.add_argument(
        "--seeds",
        type=whole(1),
        metavar="N",
        help="instead: verify with N seeds, from --seed on, everything unless --only says less, "
        "and count failures and undecided checks",
    )
    parser.add_argument(
        "--artifacts",
        type=Path,
        default=Path("artifacts/calibrate"),
        metavar="DIR",
        help="with --seeds, where results are kept as they come; an interrupted calibration goes "
        "on from there (default artifacts/calibrate)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the result to FILE as well")
    add_cache(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.
    """
    import dataclasses

    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.simulate.checks.check import (
        FAMILY_RATE,
        WHOLE_POWER,
        capacity_of,
        make_plan,
    )
    from synthetic_oversampling.simulate.console import console
    from synthetic_oversampling.simulate.report import (
        calibration as reporting_calibration,
    )
    from synthetic_oversampling.simulate.verify import calibration
    from synthetic_oversampling.simulate.verify import run as verify

    if options.json:
        artifacts.check_writable(options.json)
    set_cache(options)
    screen = console()
    if options.seeds:
        return _many_seeds(options, screen)
    wanted = options.only or list(DEFAULT)
    universe = verify.build(options.profile, wanted)
    checks = verify.select(universe, wanted)
    capacity = capacity_of(options.profile)
    z = make_plan([], capacity=capacity).z
    tails = [
        calibration.tail_rates(shape, n, z, seed=options.seed) for shape in SHAPES for n in SIZES
    ]
    reporting_calibration.print_tails(screen, tails, z)
    result = calibration.calibrate(
        checks,
        universe,
        lambda suite: verify.experiment_key(options.seed, suite),
        capacity=capacity,
        replicates=options.pool,
        runs=options.runs,
        seed=options.seed,
        progress=lambda name: print(
            f"simulating {name}: {counted(options.pool, 'replicate')}", flush=True
        ),
    )
    reporting_calibration.print_calibration(screen, result)
    if options.json:
        artifacts.save(
            options.json,
            {
                "tails": [tail._asdict() for tail in tails],
                "calibration": dataclasses.asdict(result),
            },
            kind="calibration",
            configuration={
                "profile": options.profile,
                "only": wanted,
                "runs": options.runs,
                "pool": options.pool,
            },
            seed=options.seed,
        )
    low, _ = result.family_interval
    sound = low <= FAMILY_RATE and all(
        tail.used - 3 * tail.used_error <= TOLERATED for tail in tails
    )
    powerful = all(
        calibration.binomial_interval(round(share * result.runs), result.runs, 0.999)[1]
        >= WHOLE_POWER
        for share in result.power.values()
    )
    return 0 if sound and powerful else 1


def _many_seeds(options: argparse.Namespace, console) -> int:
    """Verify with several seeds; returns the exit status."""
    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.simulate.report import calibration as reporting_calibration
    from synthetic_oversampling.simulate.verify import run as verify
    from synthetic_oversampling.simulate.verify.seeds import as_planned, verify_seeds

    universe = verify.build(options.profile, options.only)
    checks = verify.select(universe, options.only)
    runs = verify_seeds(
        checks,
        universe,
        profile=options.profile,
        seeds=range(options.seed, options.seed + options.seeds),
        folder=options.artifacts,
        done=lambda run: reporting_calibration.print_seed(console, run),
    )
    reporting_calibration.print_seeds(console, runs)
    if options.json:
        configuration = {
            "profile": options.profile,
            "only": options.only,
            "seeds": options.seeds,
        }
        artifacts.save(
            options.json,
            {"runs": [run._asdict() for run in runs]},
            kind="seeds",
            configuration=configuration,
            seed=options.seed,
        )
    return 0 if as_planned(runs) else 1
