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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from synthetic_oversampling.simulate.checks.check import Check, Outcome, judge_exact, rejudge
from synthetic_oversampling.simulate.claims import (
    bias as claims,
)
from synthetic_oversampling.simulate.claims import (
    global_law as claims_global_law,
)
from synthetic_oversampling.simulate.claims import (
    hyperbola as claims_hyperbola,
)
from synthetic_oversampling.simulate.mutants.mutation import Mutant, applied, replaced
from synthetic_oversampling.simulate.mutants.table import UNREACHED
from synthetic_oversampling.simulate.verify.suites import SUITES

__all__ = ["Gate", "Trial", "declared", "gate", "rebuilt", "suite_of"]


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
        own = self.mutant
        return {
            "name": own.name,
            "theorems": list(own.theorems),
            "generator": own.generator,
            "change": own.change,
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
                name: list(own) for name, own in self.rejections.items() if own
            },
            "checks_failed_by_none": {name: UNREACHED.get(name, "") for name in self.idle},
        }


def suite_of(name: str) -> str:
    """Name of the suite that a check belongs to, from its id.

    Raises:
        ValueError: for an id of no suite.

    Example:
        >>> suite_of("R1.order.two-points.raw"), suite_of("R4.table.efron-2.5.1.5")
        ('two-points', 'efron-2.5')
    """
    matching = [own for own in SUITES if f".{own}." in name]  # a statistic may have a dot as well
    if matching:
        return max(matching, key=len)
    raise ValueError(f"{name}: got a check of no suite, expected one of {', '.join(SUITES)}.")


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda right: value


def _nothing(*arguments) -> tuple:
    return ()


@contextlib.contextmanager
def _focused(names: Sequence[str]) -> Iterator[None]:
    """Suites leave out the predictions that no check of these names needs."""
    labels: dict[str, list[str]] = {}
    for name in names:
        suite = suite_of(name)
        labels.setdefault(suite, []).append(name.split(suite + ".", 1)[1])

    def chosen(suite: str, profile: str) -> tuple[str, ...]:
        return tuple(label for label in claims.LABELS if label in labels.get(suite, ()))

    right_orders = claims._order_checks
    ordered = {suite_of(name) for name in names if ".order." in name or ".local." in name}

    def orders(suite: str) -> Iterable[Check]:
        return right_orders(suite) if suite in ordered else ()

    curves, laws = (
        tuple(
            label for label in part.LABELS
            if any(own.split("-N")[0] == label for own in labels.get(part.SUITE, ()))
        )
        for part in (claims_hyperbola, claims_global_law)
    )  # fmt: skip
    focus = {
        "simulate.claims.bias.experiment_labels": chosen,
        "simulate.claims.bias._order_checks": orders,
        "simulate.claims.hyperbola.LABELS": curves,
        "simulate.claims.global_law.LABELS": laws,
    }
    if not any(".fitted." in name for name in names):
        focus["simulate.claims.risk.fitted_bias_checks"] = _nothing
    table = ("R4.table", "R4.table_error", "R4.formula", "R4.formula_error")
    if not any(name.split(".efron")[0] in table for name in names):
        focus["simulate.claims.risk._efficiency_table"] = _nothing
    with contextlib.ExitStack() as stack:
        for path, value in focus.items():
            stack.enter_context(replaced(path, _constant(value))())
        yield


def _built(suites: Iterable[str], profile: str) -> dict[str, Check]:
    return {check.id: check for name in suites for check in SUITES[name].checks(profile)}


def declared(names: Sequence[str], profile: str) -> dict[str, Check]:
    """The true checks of these names, by id, without predictions that none of them needs.

    Args:
        names: ids of checks.
        profile: "quick" or "full".

    Example:
        >>> name = "R4.formula.efron-2.5.2.5"
        >>> declared([name], "quick")[name].kind
        'exact'
    """
    suites = list(dict.fromkeys(map(suite_of, names)))
    with _focused(names):
        every = _built(suites, profile)
    return {name: every[name] for name in names if name in every}


def _as_measured(right: Callable) -> Callable:
    """A setting's copy without the predictions that it keeps, and with what says what it measures.

    The probe of an experiment is a constant of the true theory; the weights of a path and the
    lengths of a phase point are fields.
    """
    made: dict[tuple, Any] = {}

    def remembered(*arguments):
        if arguments not in made:
            own = right(*arguments)
            made[arguments] = dataclasses.replace(own)
            if "probe" in vars(own):
                vars(made[arguments])["probe"] = own.probe
        return made[arguments]

    return remembered


def _anew(right: Callable) -> Callable:
    """A function that keeps its results, without those it has."""
    return lru_cache(maxsize=None)(right.__wrapped__)


_WRONG_WORLD = {
    "simulate.experiments.experiment.experiment": _as_measured,
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
    "simulate.checks.check.Check.__post_init__": _constant(lambda own: None),
}


def rebuilt(
    mutant: Mutant, suites: Iterable[str], profile: str, names: Sequence[str] = ()
) -> dict[str, Check]:
    """The checks of suites as a program with the mutant's formula would declare them, by id.

    The true checks have to be built first: what they measure is taken from them.

    Args:
        mutant: what is wrong.
        suites: names of the suites.
        profile: "quick" or "full".
        names: the checks that are wanted, where not all are.

    Returns:
        The checks; of a suite that the wrong formula stops with an error, those before it.
    """
    found: dict[str, Check] = {}
    with contextlib.ExitStack() as stack:
        if names:
            stack.enter_context(_focused(names))
        for path, wrong in _WRONG_WORLD.items():
            stack.enter_context(replaced(path, wrong)())
        stack.enter_context(applied(mutant))
        for name in suites:
            try:  # a formula may be so wrong that validation or arithmetic stops it
                for check in SUITES[name].checks(profile):
                    found[check.id] = check
            except (ValueError, ArithmeticError):
                continue
    return found


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
            lists. Otherwise only designs that its named checks are about.

    Raises:
        ValueError: for a mutant that names a check which the run did not have.
    """
    seen = {outcome.check.id: outcome for outcome in outcomes}
    present = set(map(suite_of, seen))
    trials: list[Trial] = []
    rejections: dict[str, list[str]] = {name: [] for name in seen}
    for mutant in mutants:
        unknown = sorted(set(mutant.checks) - seen.keys())
        if unknown:
            raise ValueError(
                f"{mutant.name}: names the checks {', '.join(unknown)}, which this run did not "
                "have; run them too, or name checks that exist."
            )
        own = list(dict.fromkeys(map(suite_of, mutant.checks)))
        if wide:
            own += [name for name in mutant.also if name in present and name not in own]
        wrong = rebuilt(mutant, own, profile, () if wide else mutant.checks)
        judged = {name: _judged(check, seen[name]) for name, check in wrong.items() if name in seen}
        for name, outcome in judged.items():
            if outcome.verdict == "fail" and seen[name].verdict == "pass":
                rejections[name].append(mutant.name)
        trials += [_trial(mutant, seen[name], judged.get(name)) for name in mutant.checks]
    return Gate(tuple(trials), {name: tuple(own) for name, own in rejections.items()}, wide)


def _judged(check: Check, seen: Outcome) -> Outcome:
    return rejudge(check, seen) if check.experiments else judge_exact(check)


def _trial(mutant: Mutant, true: Outcome, wrong: Outcome | None) -> Trial:
    if wrong is None or true.verdict != "pass":
        return Trial(mutant, true.check.id, "missing", math.nan, true.check.theory, math.nan,
                     true.observed)  # fmt: skip
    return Trial(
        mutant, true.check.id, wrong.verdict, wrong.z, true.check.theory, wrong.check.theory,
        wrong.observed,
    )  # fmt: skip
