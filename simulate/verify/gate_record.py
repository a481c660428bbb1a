"""What the true simulation observed for the checks that wrong formulas name, kept on disk.

With it the gate costs no simulation: the tests judge every wrong formula anew, at every run, on the
intervals of one recorded run. Each row holds what its check declared then; a check that declares
something else by now, or needs more replicates, is not judged on an old interval: the recording is
refused, with the command that renews it. Checks without noise are judged as they are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.checks.check import (
    Outcome,
    Plan,
    Planned,
    capacity_of,
    judge_exact,
    make_plan,
    rejudge,
)
from synthetic_oversampling.simulate.verify.gate import declared

__all__ = ["recall", "record"]

_KIND = "gate observations"
_NUMBERS = ("theory", "std", "allowance", "discrepancy", "skewness")
_SEEN = ("observed", "std_error", "n", "low", "high")
_CLOSE = 1e-6  # relative to the discrepancy: what platforms may differ by


def record(
    path: str | os.PathLike,
    outcomes: Iterable[Outcome],
    names: Sequence[str],
    *,
    plan: Plan,
    profile: str,
    seed: int,
) -> None:
    """Write what a run observed for the checks of these names that have noise.

    Args:
        path: file to write.
        outcomes: of the run.
        names: ids of checks.
        plan, profile, seed: of the run.

    Raises:
        ArtifactError: the file cannot be written.
    """
    wanted = set(names)
    rows = {
        outcome.check.id: _declaration(outcome.check, plan)
        | {field: getattr(outcome, field) for field in _SEEN}
        for outcome in outcomes
        if outcome.check.id in wanted and outcome.check.experiments
    }
    artifacts.save(path, rows, kind=_KIND, configuration={"profile": profile}, seed=seed)


def _declaration(check: Planned, plan: Plan) -> dict:
    name, index = check.statistic
    return {
        "kind": check.kind,
        "experiments": list(check.experiments),
        "statistic": [name, index],
        "replicates": plan.replicates[check.id],
        **{field: getattr(check, field) for field in _NUMBERS},
    }


def recall(path: str | os.PathLike, names: Sequence[str]) -> tuple[tuple[Outcome, ...], str]:
    """Outcomes of the true checks of these names on a recorded run, and the run's profile.

    Args:
        path: file that `record` wrote.
        names: ids of checks.

    Raises:
        ArtifactError: the file is missing, broken, or was recorded for another plan.
        ValueError: for a name that no suite builds.
    """
    body = artifacts.load(path, kind=_KIND)
    rows, profile = body["payload"], body["configuration"]["profile"]
    checks = declared(names, profile)
    unknown = sorted(set(names) - checks.keys())
    if unknown:
        raise ValueError(
            f"names: got {', '.join(unknown)}, which no suite builds with profile {profile}; name "
            "checks that `oversampling verify --plan` lists."
        )
    plan = make_plan(tuple(checks.values()), capacity=capacity_of(profile))
    outcomes = []
    for check in checks.values():
        if not check.experiments:
            outcomes.append(judge_exact(check))
            continue
        row = rows.get(check.id)
        difference = _difference(row, _declaration(check, plan), check.discrepancy)
        if difference:
            raise ArtifactError(
                f"{path}: {check.id} {difference}; record what the plan of today observes with "
                f"`oversampling verify --mutate all --record {path}` (minutes)."
            )
        seen = Outcome(check=check, verdict="inconclusive", **{seen: row[seen] for seen in _SEEN})
        outcomes.append(rejudge(check, seen))
    return tuple(outcomes), profile


def _difference(row: dict | None, today: dict, unit: float) -> str:
    """How a recorded row differs from what its check declares today; empty when it does not."""
    if row is None:
        return "was not recorded"
    for field, value in today.items():
        kept = row.get(field)
        same = kept == value
        if field in _NUMBERS and isinstance(kept, float):
            same = math.isclose(kept, value, rel_tol=_CLOSE, abs_tol=_CLOSE * unit)
        if not same:
            return f"was recorded with {field} {kept}, and has {value} by now"
    if not row["low"] <= row["observed"] <= row["high"] or row["n"] < 2:
        return "was recorded with an interval that does not hold its mean"
    return ""
