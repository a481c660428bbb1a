"""Run the checks: predict, plan, simulate, judge, report."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from synthetic_oversampling.simulate.checks.check import Outcome, Planned, capacity_of, make_plan
from synthetic_oversampling.simulate.checks.declaration import Check
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.results import RunFolder
from synthetic_oversampling.simulate.verify.gate import Gate
from synthetic_oversampling.simulate.verify.selection import beside, declare, select, suite_of
from synthetic_oversampling.simulate.verify.stages import (
    UNWATCHED,
    Judged,
    Watch,
    experiment_key,
    simulate_and_judge,
)
from synthetic_oversampling.simulate.verify.suites import simulation
from synthetic_oversampling.theory.population.threads import OneThread

__all__ = ["EXIT_STATUS", "Report", "build", "experiment_key", "run_checks", "select"]

EXIT_STATUS = {"pass": 0, "fail": 1, "inconclusive": 3}  # exit status of a run by its worst verdict


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report(Judged):
    """The outcome of a run, see `Judged`.

    Attributes:
        profile: with the seed, what reruns it.
        reductions: how many times the control variate cut the variance of the excess risk's
            second-order part, by experiment.
        gate: trials of wrong formulas, where they were asked for.
    """

    profile: str
    reductions: dict[str, float] = dataclasses.field(default_factory=dict)
    gate: Gate | None = None

    @property
    def exit_status(self) -> int:
        """0 pass, 1 fail or a wrong formula not rejected, 3 inconclusive."""
        if self.gate is not None and self.gate.survivors:
            return EXIT_STATUS["fail"]
        return EXIT_STATUS[self.verdict]

    def command(self, outcome: Outcome) -> str:
        """The command that reruns one check on the same random numbers.

        Args:
            outcome: of the check.
        """
        return (
            f"oversampling verify --profile {self.profile} --seed {self.seed} "
            f"--only '{outcome.check.id}'"
        )

    def as_dict(self) -> dict:
        """Everything, for JSON."""
        found = super().as_dict() | {
            "profile": self.profile,
            "variance_reduction": self.reductions,
            **({} if self.gate is None else self.gate.as_dict()),
        }
        for row, outcome in zip(found["checks"], self.outcomes, strict=True):
            row["command"] = self.command(outcome)
        return found


@OneThread()
def build(
    profile: str,
    patterns: Sequence[str] = (),
    done: Callable[[int, int], None] | None = None,
) -> tuple[Planned, ...]:
    """The checks that patterns select and those that share their experiments, predicted.

    Suites are predicted on two threads, each with one of BLAS; checks that do not apply are left
    out.

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


@OneThread()
def run_checks(
    checks: Sequence[Planned],
    *,
    seed: int,
    profile: str,
    universe: Sequence[Planned] | None = None,
    folder: RunFolder | None = None,
    watch: Watch = UNWATCHED,
) -> Report:
    """Simulate every experiment the checks need, and judge the checks.

    Args:
        checks: from `build`, possibly through `select`.
        universe: all checks that `checks` was selected from, by which experiments are sized.
        seed: of the whole run.
        profile: by whose capacity it is planned.
        folder, watch: see `simulate_and_judge`.

    Raises:
        ArtifactError, KeyboardInterrupt, ProcessLost: see `simulate_and_judge`.
    """
    universe = checks if universe is None else universe
    plan = make_plan(universe, capacity=capacity_of(profile))
    outcomes, results = simulate_and_judge(
        checks, universe, plan, simulation, seed=seed, folder=folder, watch=watch
    )
    return Report.of(
        outcomes, results, plan=plan, seed=seed, profile=profile, reductions=_reductions(results)
    )
