"""The mutation gate: wrong formulas, put in place of the right ones, must be rejected by name.

A mutant replaces one formula or one function of the theory while the predictions of the checks it
names are built anew, exactly as `verify` builds them. The wrong predictions are judged against what
the true simulation observed, at the size that the plan of the true checks gave. Statistics are
defined by constants of the true theory (`simulate.experiments.Probe`): these stay, because they say
what was measured, and the mutant changes only what is predicted for it.

A mutant that a named check does not fail has survived: either the check is too weak or the formula
is not checked at all. Wrong numbers have to reach the prediction through compiled code, so mutants
act on what compiled functions are given and return, or on functions that are not compiled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import sympy as sp

from simulate import claims
from simulate.checks import Check, Outcome, judge_exact, rejudge
from simulate.configurations import CONFIGURATIONS
from simulate.discriminant import DISCRIMINANTS
from simulate.suites import SUITES
from theory.formulas import FORMULAS

__all__ = ["Gate", "Mutant", "Trial", "applied", "formula", "gate", "rebuilt", "replaced"]

Change = Callable[[], contextlib.AbstractContextManager]
_PACKAGES = ("theory", "simulate", "transformer_toy")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One wrong formula.

    Attributes:
        name: how it is asked for.
        theorems: ids of the theorems that it falsifies.
        change: what is wrong, in words.
        checks: ids of the checks that must fail.
        changes: what to put in place; see `formula` and `replaced`.
        generator: name of the generator's class whose law or influence is wrong, if it is one.
    """

    name: str
    theorems: tuple[str, ...]
    change: str
    checks: tuple[str, ...]
    changes: tuple[Change, ...]
    generator: str | None = None


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
        attacked: ids of the checks that failed under a mutant.
        idle: ids of the checks that no mutant of this gate failed.
    """

    trials: tuple[Trial, ...]
    attacked: tuple[str, ...]
    idle: tuple[str, ...]

    @property
    def survivors(self) -> tuple[Trial, ...]:
        """Trials whose check did not fail."""
        return tuple(trial for trial in self.trials if trial.verdict != "fail")

    def as_dict(self) -> dict:
        """For JSON."""
        return {
            "mutants": [trial.as_dict() for trial in self.trials],
            "checks_failed_by_a_mutant": list(self.attacked),
            "checks_failed_by_none": list(self.idle),
        }


def _owner(path: str) -> tuple[Any, str]:
    """The module or class that holds a dotted name, and the name in it."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            owner = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:-1]:
            owner = getattr(owner, part)
        return owner, parts[-1]
    raise ValueError(f"path: got {path!r}, expected the dotted name of something in {_PACKAGES}.")


def replaced(path: str, wrong: Callable[[Any], Any]) -> Change:
    """A change that puts ``wrong(original)`` in place of a function, property or constant.

    Every module of the package that imported it by name gets the replacement as well.

    Args:
        path: dotted name: ``theory.generators.population_law`` or
            ``theory.design.Design.augmentation_mass``.
        wrong: the replacement, from the original.
    """

    @contextlib.contextmanager
    def change():
        owner, name = _owner(path)
        original = vars(owner)[name]
        places = [owner]
        if callable(original) and hasattr(owner, "__spec__"):
            places += [
                module
                for key, module in list(sys.modules.items())
                if key.split(".")[0] in _PACKAGES
                and module is not owner
                and vars(module).get(name) is original
            ]
        new = wrong(original)
        for place in places:
            setattr(place, name, new)
        try:
            yield
        finally:
            for place in places:
                setattr(place, name, original)

    return change


def formula(name: str, wrong: Callable[[sp.Basic], sp.Basic]) -> Change:
    """A change that puts ``wrong(rhs)`` in place of a formula's right-hand side, everywhere.

    Args:
        name: id of the formula.
        wrong: the wrong expression, from the right one.
    """

    @contextlib.contextmanager
    def change():
        own = FORMULAS[name]
        kept = dict(vars(own))
        rhs = wrong(own.rhs)
        if rhs == own.rhs:
            raise ValueError(f"{name}: got the right formula {rhs}, expected a wrong one.")
        for cached in vars(own).keys() - {field.name for field in dataclasses.fields(own)}:
            del vars(own)[cached]
        vars(own)["rhs"] = rhs
        try:
            yield
        finally:
            vars(own).clear()
            vars(own).update(kept)

    return change


@contextlib.contextmanager
def _forgotten() -> Iterator[None]:
    """Predictions that settings keep are computed anew, then the true ones are put back."""
    kept = {name: dict(vars(setting)) for name, setting in DISCRIMINANTS.items()}
    for setting in DISCRIMINANTS.values():
        for name in ("fitted", "logistic"):
            vars(setting).pop(name, None)
    try:
        yield
    finally:
        for name, setting in DISCRIMINANTS.items():
            vars(setting).clear()
            vars(setting).update(kept[name])


def applied(mutant: Mutant) -> contextlib.ExitStack:
    """The context in which a mutant's wrong formula is in place.

    Example:
        >>> from simulate.mutants import MUTANTS
        >>> from theory.design import Design
        >>> with applied(MUTANTS["augmentation-weight-complement"]):
        ...     wrong = Design((10, 5), 10, 0.25).augmentation_mass.tolist()
        >>> wrong, Design((10, 5), 10, 0.25).augmentation_mass.tolist()
        ([0.375, 0.375], [0.125, 0.125])
    """
    stack = contextlib.ExitStack()
    stack.enter_context(_forgotten())
    for change in mutant.changes:
        stack.enter_context(change())
    return stack


def _focus(mutant: Mutant) -> list[Change]:
    """Changes that leave out predictions which no named check of a mutant needs."""
    labels: dict[str, list[str]] = {}
    for check in mutant.checks:
        _, _, configuration, label = check.split(".", 3)
        labels.setdefault(configuration, []).append(label)

    def chosen(_):
        return lambda name, profile: tuple(
            label for label in claims.LABELS if label in labels.get(name, ())
        )

    def nothing(_):
        return lambda *arguments: ()

    focus = [replaced("simulate.claims.experiment_labels", chosen)]
    if not any(".order." in check for check in mutant.checks):
        focus.append(replaced("simulate.claims._order_checks", nothing))
    if not any(".table." in check or ".formula." in check for check in mutant.checks):
        focus.append(replaced("simulate.claims._efficiency_table", nothing))
    return focus


def _mispredicted(true: Callable):
    """Experiments with the true probe, so that statistics stay what they are, and a new theory."""

    def experiment(configuration: str, label: str):
        own = true(configuration, label)
        fresh = dataclasses.replace(own)
        vars(fresh)["probe"] = own.probe
        return fresh

    made: dict[tuple[str, str], Any] = {}

    def remembered(configuration: str, label: str):
        key = (configuration, label)
        if key not in made:
            made[key] = experiment(configuration, label)
        return made[key]

    return remembered


def rebuilt(mutant: Mutant, suites: Sequence[str], profile: str) -> dict[str, Check]:
    """The checks of suites as a program with the mutant's formula would declare them, by id.

    Args:
        mutant: what is wrong.
        suites: names of the suites; of a configuration, only experiments that the mutant's checks
            name are predicted.
        profile: "quick" or "full".
    """
    for check in mutant.checks:  # the true probes, while the theory is true
        parts = check.split(".", 3)
        if parts[2] in CONFIGURATIONS and parts[3] in claims.LABELS:
            for label in (*claims.REFERENCES, parts[3]):
                _ = claims.experiment(parts[2], label).probe
    with contextlib.ExitStack() as stack:
        for change in _focus(mutant):
            stack.enter_context(change())
        wrong = _mispredicted(claims.experiment)
        stack.enter_context(replaced("simulate.claims.experiment", lambda _: wrong)())
        # a declaration that no longer makes sense is judged by its prediction all the same
        stack.enter_context(
            replaced("simulate.checks.Check.__post_init__", lambda _: lambda own: None)()
        )
        stack.enter_context(applied(mutant))
        return {check.id: check for name in suites for check in SUITES[name].checks(profile)}


def gate(outcomes: Sequence[Outcome], mutants: Sequence[Mutant], profile: str) -> Gate:
    """Judge every mutant by the checks it names, on what the true simulation observed.

    Args:
        outcomes: of a run that includes the checks which the mutants name.
        mutants: them.
        profile: of that run.

    Raises:
        ValueError: for a mutant that names a check which the run did not have.
    """
    seen = {outcome.check.id: outcome for outcome in outcomes}
    trials: list[Trial] = []
    attacked: set[str] = set()
    for mutant in mutants:
        unknown = sorted(set(mutant.checks) - seen.keys())
        if unknown:
            raise ValueError(
                f"{mutant.name}: names the checks {', '.join(unknown)}, which this run did not "
                "have; run them too, or name checks that exist."
            )
        suites = list(dict.fromkeys(suite_of(seen[name].check) for name in mutant.checks))
        try:
            wrong = rebuilt(mutant, suites, profile)
        except ValueError:  # stopped by validation, not by a check that compares
            wrong = {}
        judged = {name: _judged(check, seen[name]) for name, check in wrong.items() if name in seen}
        attacked |= {
            name for name, outcome in judged.items()
            if outcome.verdict == "fail" and seen[name].verdict == "pass"
        }  # fmt: skip
        trials += [_trial(mutant, seen[name], judged.get(name)) for name in mutant.checks]
    idle = tuple(name for name in seen if name not in attacked)
    return Gate(tuple(trials), tuple(name for name in seen if name in attacked), idle)


def suite_of(check: Check) -> str:
    """Name of the suite that a check belongs to."""
    if check.experiments:
        return check.experiments[0].split("/")[0]
    place = check.id.split(".", 2)[2]
    matching = [name for name in SUITES if place == name or place.startswith(name + ".")]
    if matching:
        return max(matching, key=len)
    raise ValueError(f"{check.id}: got a check of no suite, expected one of {', '.join(SUITES)}.")


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
