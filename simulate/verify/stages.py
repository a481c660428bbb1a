"""Simulate experiments and judge checks in two stages, with results on disk as they come.

The checks of `verify` and the claims of `simulate.checker` both run here.
"""

# Annotations are evaluated here: reports in other modules inherit the fields of `Judged`.
import dataclasses
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from synthetic_oversampling.simulate.artifacts import provenance
from synthetic_oversampling.simulate.checks.check import (
    INDECISION,
    SOURCES,
    STAGES,
    Outcome,
    Plan,
    Planned,
    judge,
    judge_exact,
)
from synthetic_oversampling.simulate.checks.spreads import judge_spread
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.observing import observe
from synthetic_oversampling.simulate.replicates.processes import shared
from synthetic_oversampling.simulate.replicates.results import (
    RunFolder,
    Slot,
    load_result,
    save_result,
)
from synthetic_oversampling.simulate.replicates.side_by_side import side_by_side

__all__ = ["UNWATCHED", "Judged", "Simulation", "Watch", "experiment_key", "simulate_and_judge"]

CHECKPOINT_SECONDS = 5.0  # between two writings of an experiment that is under way


class Simulation(NamedTuple):
    """How an experiment is replicated.

    Attributes:
        functions: for `simulate.replicates.monte_carlo.run`.
        block: replicates computed together.
    """

    functions: Callable | tuple[Callable, Callable] | tuple[Callable, Callable, Any]
    block: int


class Watch(NamedTuple):
    """Who is told how a simulation goes on.

    Attributes:
        started: called with an experiment's name and the replicates planned, when some are missing.
        advanced: called with its name and the replicates done.
        reused: called with its name and its replicates, found in the folder and planned.
    """

    started: Callable[[str, int], None] = lambda name, planned: None
    advanced: Callable[[str, int], None] = lambda name, done: None
    reused: Callable[[str, int, int], None] = lambda name, found, planned: None


UNWATCHED = Watch()  # nobody looks on


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """Judged checks and what they were judged on.

    Attributes:
        outcomes: one per check, in order.
        plan: what the run was sized by.
        seed: what reruns it.
        excluded: replicates left out, by experiment and reason.
        replicates: replicates run, by experiment, in both stages.
    """

    outcomes: tuple[Outcome, ...]
    plan: Plan
    seed: int
    excluded: dict[str, dict[str, int]]
    replicates: dict[str, int]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], results: Mapping[str, monte_carlo.Result], **fields):
        """From what `simulate_and_judge` returns.

        Args:
            outcomes, results: they.
            fields: what else the report holds.
        """
        return cls(
            outcomes=tuple(outcomes),
            excluded={name: dict(one.problems) for name, one in results.items() if one.excluded},
            replicates={name: one.replicates for name, one in results.items()},
            **fields,
        )

    @property
    def verdict(self) -> str:
        """Fail if any check fails, else inconclusive if any is, else pass."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        return next((v for v in ("fail", "inconclusive") if v in verdicts), "pass")

    @property
    def second_stage(self) -> list[str]:
        """Ids of the checks that the first stage left undecided."""
        return [outcome.check.id for outcome in self.outcomes if outcome.stage == 2]

    @property
    def sources(self) -> dict[str, int]:
        """How many checks have each source."""
        named = [outcome.check.source for outcome in self.outcomes]
        return {source: named.count(source) for source in SOURCES}

    def as_dict(self) -> dict:
        """Everything, for JSON."""
        rows = []
        for outcome in self.outcomes:
            n = outcome.n // STAGES[outcome.stage - 1]  # of the first stage, which has the power
            row = dataclasses.asdict(outcome.check)
            row |= {
                "theorem": outcome.check.theorem,
                "verdict": outcome.verdict,
                "observed": outcome.observed,
                "std_error": outcome.std_error,
                "z": outcome.z,
                "n": outcome.n,
                "interval": [outcome.low, outcome.high],
                "reason": outcome.reason,
                "law": outcome.check.law,
                "left_out": outcome.left_out,
                "stage": outcome.stage,
                "planned_replicates": self.plan.replicates.get(outcome.check.id),
                "detectable": self.plan.detectable(outcome.check, n) if n else None,
                "power": self.plan.power(outcome.check, n) if n else 1.0,
            }
            rows.append(row)
        return {
            "verdict": self.verdict,
            "family_false_alarm_rate": self.plan.family_rate,
            "family_indecision_rate": INDECISION,
            "interval_z": self.plan.z,
            "interval_z_second_stage": self.plan.z_second,
            "second_stage": self.second_stage,
            "sources": self.sources,
            "checks": rows,
            "replicates": self.replicates,
            "excluded": self.excluded,
            "versions": provenance(),
        }


def experiment_key(seed: int, suite: str) -> jax.Array:
    """Key of a suite: folded from its name, so that adding one changes no other.

    Experiments of one suite share it, and with it their real data.

    Args:
        seed: of the run.
        suite: its name.
    """
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(suite.encode()))


def _paired(universe: Sequence[Planned], name: str) -> tuple[str, ...]:
    """Statistics of an experiment that are compared replicate by replicate with another's."""
    pairs = (c for c in universe if len(c.experiments) == 2 and name in c.experiments)
    return tuple(sorted({check.statistic[0] for check in pairs}))


def _suites_side_by_side(
    names: Sequence[str],
    run: Callable[[str, Sequence[jax.Device]], None],
    stopped: threading.Event,
) -> None:
    """Run experiments on all devices; an error or Ctrl-C sets ``stopped`` and is raised again.

    Experiments of one suite share compiled functions: each suite runs on one device. Several
    processes run one suite after the other, each on all devices, in one order. No result depends on
    which.
    """
    suites: dict[str, list[str]] = {}
    for name in names:
        suites.setdefault(name.split("/")[0], []).append(name)
    alone = jax.process_count() == 1
    places = [[device] for device in jax.local_devices()] if alone else [jax.devices()]

    def work(suite: str, place) -> None:
        for name in suites[suite]:
            if not stopped.is_set():
                run(name, place)

    side_by_side([*suites], places, work, stopped)


def simulate_and_judge(
    checks: Sequence[Planned],
    universe: Sequence[Planned],
    plan: Plan,
    simulated_by: Callable[[str], Simulation],
    *,
    seed: int,
    folder: RunFolder | None = None,
    watch: Watch = UNWATCHED,
    spread: bool = False,
) -> tuple[tuple[Outcome, ...], dict[str, monte_carlo.Result]]:
    """Simulate every experiment the checks need, and judge the checks.

    A check that stays undecided is judged a second time, on more replicates of its own experiments;
    the others keep their verdicts, so that none depends on which other checks are run.

    Args:
        checks: those to judge.
        universe: all checks that share the plan: an experiment has the replicates its most
            demanding check needs, judged or not, so that a rerun sees the same sample.
        plan: of the universe.
        simulated_by: experiment name -> how it is replicated.
        seed: of the whole run.
        folder: where results are kept as they come, and those of an earlier run are taken from;
            of several processes, the first's.
        watch: who is told of progress.
        spread: whether an experiment is spread over all local devices, each of which compiles it;
            otherwise suites share them out.

    Returns:
        The outcomes in the order of the checks, and the results by experiment.

    Raises:
        ArtifactError: the folder cannot be written to any more; what it holds is whole.
        KeyboardInterrupt: on Ctrl-C, when everything that was computed is in the folder.
        ProcessLost: of several processes, another ended; the folder holds the last checkpoints.
    """
    stopped = threading.Event()

    def run_experiment(name: str, devices, times: int, earlier: monte_carlo.Result | None):
        simulated = simulated_by(name)
        replicates = times * plan.for_experiment(universe, name)
        key = experiment_key(seed, name.split("/")[0])
        words = tuple(int(word) for word in jax.random.key_data(key).ravel())
        slot = Slot(
            experiment=name,
            replicates=replicates,
            block=simulated.block,
            key_data=words,
            keep=_paired(universe, name),
        )
        resume = shared(None if folder is None else load_result(folder, slot))
        if resume is not None:
            watch.reused(name, resume.replicates, replicates)
        if resume is None or resume.replicates < replicates:
            watch.started(name, replicates)
        saved = time.monotonic()

        def progress(result: monte_carlo.Result) -> None:
            nonlocal saved
            watch.advanced(name, result.replicates)
            if stopped.is_set():
                raise KeyboardInterrupt
            complete = result.replicates >= replicates
            if folder is not None and (complete or time.monotonic() - saved >= CHECKPOINT_SECONDS):
                save_result(folder, slot, result)
                saved = time.monotonic()

        try:
            return monte_carlo.run(
                simulated.functions,
                key=key,
                replicates=replicates,
                block=simulated.block,
                progress=progress,
                devices=None if spread else devices,
                keep=slot.keep,
                resume=earlier if resume is None else resume,
            )
        except monte_carlo.Interrupted as interruption:
            result = interruption.result
            if folder is not None and result is not None and result is not earlier:
                save_result(folder, slot, result)
            return result

    def stage(checks: Sequence[Planned], times: int, earlier: Mapping[str, monte_carlo.Result]):
        """Results of the experiments of some checks, in a fixed order."""
        names = list(dict.fromkeys(name for check in checks for name in check.experiments))
        found: dict[str, monte_carlo.Result] = {}

        def run(name: str, devices: Sequence[jax.Device]) -> None:
            found[name] = run_experiment(name, devices, times, earlier.get(name))

        _suites_side_by_side(names, run, stopped)
        return {name: found[name] for name in names}

    first = stage(checks, STAGES[0], {})
    outcomes = [
        judge(check, observe(check, first), plan.z) if check.experiments else judge_exact(check)
        for check in checks
    ]
    stopped.clear()  # set when the last suite of a stage is done
    more = stage([outcome.check for outcome in outcomes if outcome.open], STAGES[1], first)
    for k, outcome in enumerate(outcomes):
        if outcome.open:
            seen = observe(outcome.check, more)
            outcomes[k] = dataclasses.replace(judge(outcome.check, seen, plan.z_second), stage=2)
    results = first | more
    outcomes = [
        judge_spread(outcome, observe(outcome.check, results), plan.z)
        if outcome.check.experiments
        else outcome
        for outcome in outcomes
    ]
    return tuple(outcomes), results
