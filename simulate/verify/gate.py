"""The mutation gate: wrong formulas, put in place of the right ones, must be rejected by name.

The predictions of checks are built anew while a wrong formula is in place, exactly as `verify`
builds them, and judged against what the true simulation observed, at the size that the plan of the
true checks gave. What was measured stays: statistics are defined by constants of the true theory
(`simulate.experiments.experiment.Probe`, the weights of a scaling path, the shifts of a phase
point), and the mutant changes only what is predicted for them.

A mutant that a named check does not fail has survived: either the check is too weak or the formula
is not checked at all. The other way round, a check that no wrong formula fails is idle: it is a
defect, or one of `simulate.mutants.table.UNREACHED`, where the reason is given.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from synthetic_oversampling.simulate.checks.check import Outcome, Planned, judge_exact, rejudge
from synthetic_oversampling.simulate.checks.declaration import Check, planned
from synthetic_oversampling.simulate.mutants.mutation import Mutant, applied, replaced
from synthetic_oversampling.simulate.mutants.table import UNREACHED
from synthetic_oversampling.simulate.verify.selection import declare, suite_of
from synthetic_oversampling.theory.population.threads import OneThread

__all__ = ["Gate", "Trial", "declared", "gate", "rebuilt"]


class Trial(NamedTuple):
    """A mutant against one of the checks that must reject it.

    Attributes:
        mutant: it.
        check: id of the check.
        verdict: of the wrong prediction: "fail" rejects the mutant; "pass", "inconclusive" and
            "missing" (not built any more, or its true prediction did not pass) let it survive.
        z: deviation of the observation from the wrong prediction in standard errors; nan without
            noise.
        predicted, wrong, observed: the true and the wrong prediction, and the observation.
    """

    mutant: Mutant
    check: str
    verdict: str
    z: float
    predicted: float
    wrong: float
    observed: float

    def as_dict(self) -> dict:
        """For JSON."""
        mutant = self.mutant
        return {
            "name": mutant.name,
            "theorems": list(mutant.theorems),
            "generator": mutant.generator,
            "change": mutant.change,
            "check": self.check,
            "verdict": self.verdict,
            "z": self.z if math.isfinite(self.z) else None,
            "predicted": self.predicted,
            "wrong": self.wrong if math.isfinite(self.wrong) else None,
            "observed": self.observed,
        }


class Gate(NamedTuple):
    """All trials, and what share of the checks some mutant fails.

    Attributes:
        trials: one per mutant and check it names.
        rejections: names of the mutants that a check of the run failed under, by its id.
        wide: whether every check judged the mutants that can reach it, so that an idle one counts.
    """

    trials: tuple[Trial, ...]
    rejections: Mapping[str, tuple[str, ...]]
    wide: bool = False

    @property
    def attacked(self) -> tuple[str, ...]:
        """Ids of the checks that failed under a mutant."""
        return tuple(name for name, mutants in self.rejections.items() if mutants)

    @property
    def idle(self) -> tuple[str, ...]:
        """Ids of the checks that no mutant of this gate failed."""
        return tuple(name for name, mutants in self.rejections.items() if not mutants)

    @property
    def survivors(self) -> tuple[Trial, ...]:
        """Trials whose check did not fail."""
        return tuple(trial for trial in self.trials if trial.verdict != "fail")

    def as_dict(self) -> dict:
        """For JSON."""
        return {
            "mutants": [trial.as_dict() for trial in self.trials],
            "judged_by_every_check": self.wide,
            "checks_failed_by_mutants": {
                name: list(rejected) for name, rejected in self.rejections.items() if rejected
            },
            "checks_failed_by_none": {name: UNREACHED.get(name, "") for name in self.idle},
        }


def _named(names: Sequence[str], profile: str) -> list[Check]:
    """The checks of these names, declared anew."""
    wanted = set(names)
    suites = dict.fromkeys(map(suite_of, names))
    return [check for check in declare(profile, suites) if check.id in wanted]


@OneThread()
def declared(names: Sequence[str], profile: str) -> dict[str, Planned]:
    """The true checks of these names, by id, in the order of the names.

    Args:
        names: ids of checks.
        profile: "quick" or "full".

    Example:
        >>> name = "R4.formula.efron-2.5.2.5"
        >>> declared([name], "quick")[name].kind
        'exact'
    """
    every = {check.id: check for check in planned(_named(names, profile))}
    return {name: every[name] for name in names if name in every}


def _as_measured(right: Callable) -> Callable:
    """A setting's copy without the predictions that it keeps, and with what says what it measures.

    The probe of an experiment is a constant of the true theory; the weights of a path and the
    lengths of a phase point are fields.
    """
    made: dict[tuple, Any] = {}

    def remembered(*arguments):
        if arguments not in made:
            value = right(*arguments)
            made[arguments] = dataclasses.replace(value)
            if "probe" in vars(value):
                vars(made[arguments])["probe"] = value.probe
        return made[arguments]

    return remembered


def _anew(right: Callable) -> Callable:
    """A function that keeps its results, without those it has."""
    return lru_cache(maxsize=None)(right.__wrapped__)  # type: ignore[attr-defined]  # by the cache


_WRONG_WORLD = {
    "simulate.experiments.experiment.experiment": _as_measured,
    "simulate.experiments.metrics._expansion": _anew,
    "simulate.experiments.metrics.classes": _anew,
    "simulate.experiments.multiclass.trials.multiclass_experiment": _as_measured,
    "simulate.claims.multiclass.simulated._prediction": _anew,
    "simulate.claims.multiclass.four._predictions": _anew,
    "simulate.experiments.scaling_paths.path": _as_measured,
    "simulate.experiments.scaling_paths.floor_path": _as_measured,
    "simulate.experiments.scaling_paths.halved_path": _as_measured,
    "simulate.experiments.scaling_paths._moments": _anew,
    "simulate.experiments.scaling_paths._law": _anew,
    "simulate.experiments.scaling_paths._predict": _anew,
    "simulate.claims.benefit.phase_point": _as_measured,
    "simulate.claims.independent.prediction": _anew,
    "simulate.experiments.proportional_settings.prediction": _anew,
    # a declaration that no longer makes sense is judged by its prediction all the same
    "simulate.checks.declaration.Planned.__post_init__": lambda right: lambda check: None,
}


def rebuilt(mutant: Mutant, names: Sequence[str], profile: str) -> dict[str, Planned]:
    """Checks as a program with the mutant's formula would predict them, by id.

    The true checks have to be predicted first: what they measure is taken from them.

    Args:
        mutant: what is wrong.
        names: ids of checks.
        profile: "quick" or "full".

    Returns:
        The checks; without those that do not apply any more, or that the wrong formula stops with
        an error.
    """
    found: dict[str, Planned] = {}
    with contextlib.ExitStack() as stack:
        for path, wrong in _WRONG_WORLD.items():
            stack.enter_context(replaced(path, wrong)())
        stack.enter_context(applied(mutant))
        for check in _named(names, profile):
            # a formula may be so wrong that validation or arithmetic stops it
            with contextlib.suppress(ValueError, ArithmeticError):
                found.update((plan.id, plan) for plan in planned([check]))
    return found


@OneThread()
def gate(
    outcomes: Sequence[Outcome], mutants: Sequence[Mutant], profile: str, *, wide: bool = False
) -> Gate:
    """Judge mutants by the checks they name, on what the true simulation observed.

    Args:
        outcomes: of a run that includes the checks which the mutants name, all built in this
            process from the true theory.
        mutants: them.
        profile: of that run.
        wide: whether every check of the run that a mutant can reach judges it, to see which are
            idle: those of the suites of its named checks, and of the further suites that it
            lists. Otherwise its named checks alone.

    Raises:
        ValueError: for a mutant that names a check which the run did not have.
    """
    seen = {outcome.check.id: outcome for outcome in outcomes}
    suites = {name: suite_of(name) for name in seen} if wide else {}
    trials: list[Trial] = []
    rejections: dict[str, list[str]] = {name: [] for name in seen}
    for mutant in mutants:
        unknown = sorted(set(mutant.checks) - seen.keys())
        if unknown:
            raise ValueError(
                f"{mutant.name}: names the checks {', '.join(unknown)}, which this run did not "
                "have; run them too, or name checks that exist."
            )
        names: Sequence[str] = mutant.checks
        if wide:
            needed = {suites[name] for name in mutant.checks}.union(mutant.also)
            names = [name for name in seen if suites[name] in needed]
        wrong = rebuilt(mutant, names, profile)
        judged = {name: _judged(check, seen[name]) for name, check in wrong.items()}
        for name, outcome in judged.items():
            if outcome.verdict == "fail" and seen[name].verdict == "pass":
                rejections[name].append(mutant.name)
        trials += [_trial(mutant, seen[name], judged.get(name)) for name in mutant.checks]
    return Gate(
        tuple(trials), {name: tuple(rejected) for name, rejected in rejections.items()}, wide
    )


def _judged(check: Planned, seen: Outcome) -> Outcome:
    return rejudge(check, seen) if check.experiments else judge_exact(check)


def _trial(mutant: Mutant, true: Outcome, wrong: Outcome | None) -> Trial:
    if wrong is None or true.verdict != "pass":
        return Trial(
            mutant=mutant,
            check=true.check.id,
            verdict="missing",
            z=math.nan,
            predicted=true.check.theory,
            wrong=math.nan,
            observed=true.observed,
        )
    return Trial(
        mutant=mutant,
        check=true.check.id,
        verdict=wrong.verdict,
        z=wrong.z,
        predicted=true.check.theory,
        wrong=wrong.check.theory,
        observed=wrong.observed,
    )
