"""Run the checks: predict, plan, simulate, judge, report."""

from __future__ import annotations

import dataclasses
import itertools
import queue
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import jax

from synthetic_oversampling.simulate.artifacts import provenance
from synthetic_oversampling.simulate.checks.check import (
    FAMILY_RATE,
    INDECISION,
    SOURCES,
    STAGES,
    Outcome,
    Plan,
    Planned,
    capacity_of,
    judge,
    judge_exact,
    make_plan,
)
from synthetic_oversampling.simulate.checks.declaration import Check
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
from synthetic_oversampling.simulate.verify.gate import Gate
from synthetic_oversampling.simulate.verify.selection import beside, declare, select, suite_of
from synthetic_oversampling.simulate.verify.suites import simulation

__all__ = ["EXIT_STATUS", "Report", "build", "run_checks", "select"]

EXIT_STATUS = {"pass": 0, "fail": 1, "inconclusive": 3}
CHECKPOINT_SECONDS = 5.0  # between two writings of an experiment that is under way


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes:
        outcomes: one per check, in order.
        plan: what the run was sized by.
        seed, profile: what reruns it.
        excluded: replicates left out, by experiment and reason.
        replicates: replicates run, by experiment, in both stages.
        reductions: how many times the control variate cut the variance of the excess risk's
            second-order part, by experiment.
        gate: trials of wrong formulas, where they were asked for.
    """

    outcomes: tuple[Outcome, ...]
    plan: Plan
    seed: int
    profile: str
    excluded: dict[str, dict[str, int]]
    replicates: dict[str, int]
    reductions: dict[str, float] = dataclasses.field(default_factory=dict)
    gate: Gate | None = None

    @property
    def verdict(self) -> str:
        """Fail if any check fails, else inconclusive if any is, else pass."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        return next((v for v in ("fail", "inconclusive") if v in verdicts), "pass")

    @property
    def exit_status(self) -> int:
        """0 pass, 1 fail or a wrong formula not rejected, 3 inconclusive."""
        if self.gate is not None and self.gate.survivors:
            return EXIT_STATUS["fail"]
        return EXIT_STATUS[self.verdict]

    @property
    def second_stage(self) -> list[str]:
        """Ids of the checks that the first stage left undecided."""
        return [outcome.check.id for outcome in self.outcomes if outcome.stage == 2]

    @property
    def sources(self) -> dict[str, int]:
        """How many checks have each source."""
        named = [outcome.check.source for outcome in self.outcomes]
        return {source: named.count(source) for source in SOURCES}

    def command(self, outcome: Outcome) -> str:
        """The command that reruns one check on the same random numbers."""
        return (
            f"oversampling verify --profile {self.profile} --seed {self.seed} "
            f"--only '{outcome.check.id}'"
        )

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
                "command": self.command(outcome),
            }
            rows.append(row)
        return {
            "verdict": self.verdict,
            "profile": self.profile,
            "family_false_alarm_rate": FAMILY_RATE,
            "family_indecision_rate": INDECISION,
            "interval_z": self.plan.z,
            "interval_z_second_stage": self.plan.z_second,
            "second_stage": self.second_stage,
            "sources": self.sources,
            "checks": rows,
            "replicates": self.replicates,
            "excluded": self.excluded,
            "variance_reduction": self.reductions,
            "versions": provenance(),
            **({} if self.gate is None else self.gate.as_dict()),
        }


def build(
    profile: str,
    patterns: Sequence[str] = (),
    done: Callable[[int, int], None] | None = None,
) -> tuple[Planned, ...]:
    """The checks that patterns select and those that share their experiments, predicted.

    Suites are predicted on two threads; checks that do not apply are left out.

    Args:
        profile: "quick" or "full".
        patterns: as for `simulate.verify.selection.select`.
        done: called with how many checks are predicted, and of how many.

    Raises:
        ValueError: when one of the patterns matches no check.
    """
    every = declare(profile)
    suites: dict[str, list[Check]] = {}
    for check in beside(every, select(every, patterns)):
        suites.setdefault(suite_of(check.id), []).append(check)
    total, counter = sum(map(len, suites.values())), itertools.count(1)

    def predict(checks: Sequence[Check]) -> list[Planned]:
        found = []
        for check in checks:
            found.append(check.planned())
            if done is not None:
                done(next(counter), total)
        return [item for item in found if item is not None]

    with ThreadPoolExecutor(2) as pool:
        return tuple(itertools.chain.from_iterable(pool.map(predict, suites.values())))


def experiment_key(seed: int, suite: str) -> jax.Array:
    """Key of a suite: folded from its name, so that adding one changes no other.

    Experiments of one suite share it, and with it their real data.
    """
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(suite.encode()))


def _paired(universe: Sequence[Planned], name: str) -> tuple[str, ...]:
    """Statistics of an experiment that are compared replicate by replicate with another's."""
    pairs = (c for c in universe if len(c.experiments) == 2 and name in c.experiments)
    return tuple(sorted({check.statistic[0] for check in pairs}))


def _reductions(results: dict[str, monte_carlo.Result]) -> dict[str, float]:
    """Variance of the second-order part over that of the controlled one, where there is one."""
    found = {}
    for name, result in results.items():
        if {"second_order", "controlled"} <= {name for name, _ in result.layout}:
            plain = monte_carlo.estimate(result, "second_order").std_error
            controlled = float(monte_carlo.estimate(result, "controlled").std_error[0])
            if controlled < 0.999 * plain:  # without a control they are the same statistic
                found[name] = (plain / controlled) ** 2
    return found


def _side_by_side(
    names: Sequence[str],
    run: Callable[[str, Sequence[jax.Device]], None],
    stopped: threading.Event,
) -> None:
    """Run experiments on all devices; an error or Ctrl-C sets ``stopped`` and is raised again.

    Experiments of one suite share compiled functions: each suite runs on one device, the suites
    side by side. Several processes run one suite after the other, each on all devices, in one
    order. No result depends on which.
    """
    suites: dict[str, list[str]] = {}
    for name in names:
        suites.setdefault(name.split("/")[0], []).append(name)
    devices: queue.SimpleQueue[list[jax.Device]] = queue.SimpleQueue()
    alone = jax.process_count() == 1
    for device in jax.local_devices()[: max(len(suites), 1)] if alone else ():
        devices.put([device])
    if not alone:
        devices.put(jax.devices())

    def run_suite(suite: str) -> None:
        found = devices.get()
        try:
            for name in suites[suite]:
                if not stopped.is_set():
                    run(name, found)
        finally:
            devices.put(found)

    with ThreadPoolExecutor(devices.qsize()) as pool:
        tasks = [pool.submit(run_suite, suite) for suite in suites]
        try:
            wait(tasks, return_when=FIRST_EXCEPTION)
        finally:
            stopped.set()
    for task in tasks:
        task.result()


def run_checks(
    checks: Sequence[Planned],
    *,
    seed: int,
    profile: str,
    universe: Sequence[Planned] | None = None,
    folder: RunFolder | None = None,
    started: Callable[[str, int], None] | None = None,
    advanced: Callable[[str, int], None] | None = None,
    reused: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Simulate every experiment the checks need, and judge the checks.

    A check that stays undecided is judged a second time, on more replicates of its own experiments;
    the others keep their verdicts, so that none depends on which other checks are run.

    Args:
        checks: from `build`, possibly through `select`.
        universe: all checks that `checks` was selected from: an experiment has the replicates its
            most demanding check needs, selected or not, so that a rerun sees the same sample.
        seed: of the whole run.
        profile: named in the report.
        folder: where results are kept as they come, and those of an earlier run are taken from;
            of several processes, the first's.
        started: called with an experiment's name and the replicates planned, when some are missing.
        advanced: called with its name and the replicates done.
        reused: called with its name and its replicates, found in the folder and planned.

    Raises:
        ArtifactError: the folder cannot be written to any more; what it holds is whole.
        KeyboardInterrupt: on Ctrl-C, when everything that was computed is in the folder.
        ProcessLost: of several processes, another ended; the folder holds the last checkpoints.
    """
    universe = checks if universe is None else universe
    plan = make_plan(universe, capacity=capacity_of(profile))
    stopped = threading.Event()

    def run_experiment(name: str, devices, times: int, earlier: monte_carlo.Result | None):
        simulated = simulation(name)
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
        if resume is not None and reused is not None:
            reused(name, resume.replicates, replicates)
        if started is not None and (resume is None or resume.replicates < replicates):
            started(name, replicates)
        saved = time.monotonic()

        def progress(result: monte_carlo.Result) -> None:
            nonlocal saved
            if advanced is not None:
                advanced(name, result.replicates)
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
                devices=devices,
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

        _side_by_side(names, run, stopped)
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
    excluded = {name: dict(result.problems) for name, result in results.items() if result.excluded}
    counts = {name: result.replicates for name, result in results.items()}
    return Report(
        outcomes=tuple(outcomes),
        plan=plan,
        seed=seed,
        profile=profile,
        excluded=excluded,
        replicates=counts,
        reductions=_reductions(results),
    )
