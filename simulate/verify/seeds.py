"""Whole runs of `verify` with many seeds, in one process that compiles everything once.

With the theory true a run fails with probability `simulate.checks.check.FAMILY_RATE` at most, and
stays undecided with `simulate.checks.check.INDECISION` at most, whatever its seed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from synthetic_oversampling.simulate.checks.check import INDECISION, Planned
from synthetic_oversampling.simulate.replicates.results import open_folder
from synthetic_oversampling.simulate.verify.calibration import binomial_interval
from synthetic_oversampling.simulate.verify.run import run_checks

__all__ = ["SeedRun", "as_planned", "second_stages", "verify_seeds"]


class SeedRun(NamedTuple):
    """What a run with one seed came to.

    Attributes:
        seed: of the run.
        failed, undecided: ids of the checks that did not pass.
        second_stage: ids of the checks that the first stage left undecided.
        replicates: in all, of which `extra` are the second stage's.
        extra: replicates of the second stage.
        cpu_seconds: that this process took, on all cores; what was found on disk costs none.
    """

    seed: int
    failed: tuple[str, ...]
    undecided: tuple[str, ...]
    second_stage: tuple[str, ...]
    replicates: int
    extra: int
    cpu_seconds: float


def verify_seeds(
    checks: Sequence[Planned],
    universe: Sequence[Planned],
    *,
    profile: str,
    seeds: Iterable[int],
    folder: Path | None = None,
    warn: Callable[[str], None] = print,
    done: Callable[[SeedRun], None] | None = None,
) -> list[SeedRun]:
    """Verify with every seed.

    Args:
        checks, universe, profile: as for `simulate.verify.run.run_checks`.
        seeds: one for each run.
        folder: where results are kept as they come, and taken from.
        warn: called with what cannot be used of it.
        done: called with every run that is over.
    """
    runs = []
    for seed in seeds:
        began = time.process_time()
        kept = None if folder is None else open_folder(folder, seed=seed, warn=warn)
        report = run_checks(checks, seed=seed, profile=profile, universe=universe, folder=kept)
        planned = sum(report.plan.for_experiment(universe, name) for name in report.replicates)
        replicates = sum(report.replicates.values())
        failed, undecided = (
            tuple(o.check.id for o in report.outcomes if o.verdict == verdict)
            for verdict in ("fail", "inconclusive")
        )
        run = SeedRun(
            seed=seed,
            failed=failed,
            undecided=undecided,
            second_stage=tuple(report.second_stage),
            replicates=replicates,
            extra=replicates - planned,
            cpu_seconds=time.process_time() - began,
        )
        runs.append(run)
        if done is not None:
            done(run)
    return runs


def second_stages(runs: Sequence[SeedRun]) -> list[tuple[str, int]]:
    """Checks that went on to a second stage, most often first, with the number of runs.

    Args:
        runs: of all seeds.
    """
    counts = Counter(name for run in runs for name in run.second_stage)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def as_planned(runs: Sequence[SeedRun]) -> bool:
    """Whether no run failed, and the 95 % interval of the share of undecided runs reaches down to
    what is planned.

    Args:
        runs: of all seeds.
    """
    undecided = sum(bool(run.undecided) for run in runs)
    low = binomial_interval(undecided, len(runs))[0]
    return low <= INDECISION and not any(run.failed for run in runs)
