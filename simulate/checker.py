"""A checker for anybody's formulas: claims about means, planned, simulated and judged.

A `Claim` says which statistic of a simulator has which mean, and which deviation must not go
unnoticed. `check_claims` plans the replicates, simulates and judges; `assert_claims` is the same
for a test. Plans, intervals, the second stage and verdicts are those of the package's own checks
(`simulate.checks.check`), and they are simulated by the same code (`simulate.verify.stages`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import jax
import numpy as np

from synthetic_oversampling.simulate import artifacts as files
from synthetic_oversampling.simulate.checks.check import FAMILY_RATE, POWER, make_plan, rejudge
from synthetic_oversampling.simulate.checks.declaration import Kind, Planned
from synthetic_oversampling.simulate.console import console, progress_bar
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.observing import observe
from synthetic_oversampling.simulate.replicates.results import open_folder
from synthetic_oversampling.simulate.report.page import report_page
from synthetic_oversampling.simulate.verify.stages import (
    Judged,
    Simulation,
    Watch,
    simulate_and_judge,
)

__all__ = ["Claim", "ClaimReport", "assert_claims", "check_claims"]

Simulator = Callable[[jax.Array], Mapping[str, Any]]
_EXPERIMENT = "claims/simulator"
_MARGIN = 1.1  # of a spread from a pilot run
_SKEWER = (1.25, 0.2)  # factor and addition of a skewness from a pilot run


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """What a formula says of the mean of a statistic.

    Attributes:
        name: of the claim, in reports.
        statistic: the simulator's name of the statistic.
        index: into a statistic that is a vector.
        predicted: its mean, by the formula.
        discrepancy: the deviation that must be detected, above 0.
        kind: "exact"; "asymptotic" or "rate" (true up to `allowance`); "bound" (the mean is at
            most `predicted`).
        allowance: what the formula is known to leave out, below `discrepancy`.
        std: standard deviation of one replicate; from a pilot run when omitted.
        skewness: of one replicate; from a pilot run when omitted.
    """

    name: str
    statistic: str
    index: int | None = None
    predicted: SupportsFloat
    discrepancy: SupportsFloat
    kind: Kind = "exact"
    allowance: SupportsFloat = 0.0
    std: SupportsFloat | None = None
    skewness: SupportsFloat | None = None

    def planned(
        self, std: SupportsFloat, skewness: SupportsFloat, experiment: str = _EXPERIMENT
    ) -> Planned:
        """The check of this package that judges the claim.

        Args:
            std: of one replicate.
            skewness: bound on that of one replicate.
            experiment: name of the simulator.
        """
        return Planned(
            id=self.name,
            claim=self.name,
            kind=self.kind,
            experiments=(experiment,),
            statistic=(self.statistic, self.index),
            source="simulated and scored independently",
            theory=float(self.predicted),
            std=float(std),
            skewness=float(skewness),
            allowance=float(self.allowance),
            discrepancy=float(self.discrepancy),
        )


class ClaimReport(Judged):
    """Judged claims, with a verdict; `as_dict` is for JSON.

    Attributes:
        seed, plan: what was run.
        outcomes: of the claims, in their order.
        replicates: by simulator.
        excluded: replicates that were left out, by simulator and reason.
    """

    def survivors(self, wrong: Mapping[str, SupportsFloat]) -> tuple[str, ...]:
        """Names of the wrong formulas that this run does not reject; there should be none.

        Args:
            wrong: name of a claim -> the value that a wrong formula predicts.

        Raises:
            ValueError: a name that no claim has.
        """
        by_name = {outcome.check.id: outcome for outcome in self.outcomes}
        if unknown := sorted(set(wrong) - by_name.keys()):
            raise ValueError(
                f"wrong: got {', '.join(unknown)}, expected names among {', '.join(by_name)}."
            )
        judged = {
            name: rejudge(
                dataclasses.replace(by_name[name].check, theory=float(value)), by_name[name]
            )
            for name, value in wrong.items()
        }
        return tuple(name for name, outcome in judged.items() if outcome.verdict != "fail")

    def __str__(self) -> str:
        lines = []
        for outcome in self.outcomes:
            seen = f"observed {outcome.observed:.6g} in [{outcome.low:.6g}, {outcome.high:.6g}]"
            said = f"{outcome.check.id}: {outcome.verdict}, predicted {outcome.check.theory:.6g}, "
            lines.append(said + seen + (f"; {outcome.reason}" if outcome.reason else ""))
        return "\n".join(lines)

    def save_page(self, path: str | os.PathLike, title: str = "Claims") -> Path:
        """Write the report as one HTML file that needs no network.

        Args:
            path: of the file.
            title: of the claims.

        Returns:
            Where it is.

        Raises:
            ArtifactError: the file cannot be written.
        """
        payload = self.as_dict()
        payload["checks"] = [row | {"theorem": title, "command": ""} for row in payload["checks"]]
        payload |= {"profile": "", "title": title}
        body = {"payload": payload, "configuration": {}, "seed": self.seed}
        return files.save_text(Path(path), report_page(body))


def check_claims(
    simulator: Simulator,
    claims: Sequence[Claim],
    *,
    seed: int = 0,
    pilot: int = 2048,
    block: int = 256,
    family_rate: float = FAMILY_RATE,
    power: float = POWER,
    progress: bool = False,
    artifacts: str | os.PathLike | None = None,
) -> ClaimReport:
    """Plan, simulate and judge claims about a simulator's statistics.

    With all claims true, any of them fails with probability `family_rate` at most; a predicted
    value off by its discrepancy is rejected with probability `power` at the first stage. What the
    first stage leaves undecided goes on to four times the replicates.

    Args:
        simulator: ``key -> {statistic: scalar or vector}``, one replicate, jit-able. A boolean
            entry that is true leaves the replicate out.
        claims: with different names.
        seed: of all replicates.
        pilot: replicates that spreads and skewnesses are taken from where a claim states none; they
            are not used again.
        block: replicates computed at once.
        family_rate: probability of any false alarm.
        power: of each claim against its discrepancy.
        progress: whether a bar shows how far it is.
        artifacts: folder where results are kept as they come; an interrupted run goes on from
            there, to the same numbers. A simulator that compiles to anything else starts anew.

    Raises:
        ValueError: no claim, two of one name, a statistic that the simulator does not return, or a
            discrepancy that is not above the allowance.
        ArtifactError: the folder cannot be written to.
        KeyboardInterrupt: on Ctrl-C; what was simulated is in the folder.

    Example:
        >>> def square(key):
        ...     return {"square": jax.random.normal(key) ** 2}
        >>> claim = Claim(name="variance", statistic="square", predicted=1.0, discrepancy=0.1)
        >>> report = check_claims(square, [claim])
        >>> report.verdict, report.survivors({"variance": 1.2})
        ('pass', ())
    """
    _check(simulator, claims)
    tried = None
    if any(claim.std is None or claim.skewness is None for claim in claims):
        key = jax.random.fold_in(jax.random.key(seed), 1)
        tried = monte_carlo.run(simulator, key=key, replicates=pilot, block=block)
    folder, name = None, _EXPERIMENT
    if artifacts is not None:
        folder = open_folder(Path(artifacts), seed=seed, warn=warnings.warn)
        name = f"claims/{_fingerprint(simulator)}"
    checks = [_planned(claim, tried, name) for claim in claims]
    plan = make_plan(checks, family_rate, power, capacity=len(checks))
    with progress_bar(console(), shown=progress) as bar:
        task = bar.add_task("simulating", total=plan.for_experiment(checks, name))
        outcomes, results = simulate_and_judge(
            checks,
            checks,
            plan,
            lambda _: Simulation(simulator, block),
            seed=seed,
            folder=folder,
            watch=Watch(
                started=lambda _, planned: bar.update(task, total=planned),
                advanced=lambda _, done: bar.update(task, completed=done),
            ),
            spread=True,
        )
    return ClaimReport.of(outcomes, results, plan=plan, seed=seed)


def _fingerprint(simulator: Simulator) -> str:
    """Of the program that it compiles to, with every constant."""
    text = jax.jit(simulator).lower(jax.random.key(0)).as_text()
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def assert_claims(simulator: Simulator, claims: Sequence[Claim], **options) -> ClaimReport:
    """`check_claims` for a test: the report, or an error unless every claim passes.

    Args:
        simulator, claims, options: see `check_claims`.

    Raises:
        AssertionError: a claim fails or is not decided; says which, with its interval.
    """
    report = check_claims(simulator, claims, **options)
    if report.verdict != "pass":
        raise AssertionError(str(report))
    return report


def _check(simulator: Simulator, claims: Sequence[Claim]) -> None:
    names = [claim.name for claim in claims]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"claims: got the names {names}, expected one or more, all different.")
    shapes = jax.eval_shape(simulator, jax.random.key(0))
    for claim in claims:
        if claim.statistic not in shapes:
            raise ValueError(
                f"{claim.name}: got statistic {claim.statistic!r}, expected one that the simulator "
                f"returns: {', '.join(shapes)}."
            )
        shape = shapes[claim.statistic].shape
        if claim.index is None and shape != ():
            raise ValueError(
                f"{claim.name}: got no index into {claim.statistic!r} of shape {shape}, expected "
                "one, as a claim is about one number."
            )


def _planned(claim: Claim, tried: monte_carlo.Result | None, name: str) -> Planned:
    """With spread and skewness as stated, or with a margin on those of the pilot run."""
    std, skewness = claim.std, claim.skewness
    if tried is not None:
        seen = observe(claim.planned(1.0, 0.0, name), {name: tried})
        if not math.isfinite(seen.std_error):
            raise ValueError(
                f"{claim.name}: the pilot run has no two finite values of {claim.statistic!r}, "
                "expected a statistic with a mean; look at a few replicates."
            )
        if std is None:
            std = _MARGIN * seen.std_error * math.sqrt(seen.n)
        if skewness is None:
            skewness = float(np.ceil(10 * (_SKEWER[0] * abs(seen.skewness) + _SKEWER[1])) / 10)
    assert std is not None and skewness is not None
    return claim.planned(std, skewness, name)
