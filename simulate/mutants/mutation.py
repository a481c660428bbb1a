"""Wrong formulas, put in place of the right ones for as long as a context is open.

A mutant replaces one formula or one function of the theory; `simulate.verify.gate` builds
predictions anew while it is in place and judges them. Wrong numbers have to reach the prediction
through compiled code, so mutants act on what compiled functions are given and return, or on
functions that are not compiled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp

from synthetic_oversampling.simulate.experiments.discriminant import DISCRIMINANTS
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["Change", "Mutant", "applied", "arguments", "formula", "replaced", "result"]

# puts a wrong form in place, while its context lasts
Change = Callable[[], contextlib.AbstractContextManager]
_PACKAGE = "synthetic_oversampling."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mutant:
    """One wrong formula.

    Attributes:
        name: how it is asked for.
        theorems: ids of the theorems that it falsifies.
        change: what is wrong, in words.
        checks: ids of the checks that must fail.
        changes: what to put in place; see `formula` and `replaced`.
        generator: name of the generator's class whose law or influence is wrong, if it is one.
        also: further suites by whose checks a wide gate judges it, beside those that its named
            checks belong to. Mutants that between them reach everything are enough.
    """

    name: str
    theorems: tuple[str, ...]
    change: str
    checks: tuple[str, ...]
    changes: tuple[Change, ...]
    generator: str | None = None
    also: tuple[str, ...] = ()


def _owner(path: str) -> tuple[Any, str]:
    """The module or class that holds a dotted name, and the name in it."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            owner = importlib.import_module(_PACKAGE + ".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:-1]:
            owner = getattr(owner, part)
        return owner, parts[-1]
    raise ValueError(
        f"path: got {path!r}, expected the dotted name of something in {_PACKAGE[:-1]}."
    )


def replaced(path: str, wrong: Callable[[Any], Any]) -> Change:
    """A change that puts ``wrong(original)`` in place of a function, property or constant.

    Every module of the package that imported it by name gets the replacement as well.

    Args:
        path: dotted name: ``theory.generators.table.population_law`` or
            ``theory.population.design.Design.augmentation_mass``.
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
                if key.startswith(_PACKAGE)
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

    Its ``__name__`` is the formula's id.

    Args:
        name: id of the formula.
        wrong: the wrong expression, from the right one.

    Raises:
        ValueError: on entering the context, if it is the right one.
    """

    @contextlib.contextmanager
    def change():
        entry = FORMULAS[name]
        kept = dict(vars(entry))
        rhs = wrong(entry.rhs)
        if rhs == entry.rhs:
            raise ValueError(f"{name}: got the right formula {rhs}, expected a wrong one.")
        for cached in vars(entry).keys() - {field.name for field in dataclasses.fields(entry)}:
            del vars(entry)[cached]
        vars(entry)["rhs"] = rhs
        try:
            yield
        finally:
            vars(entry).clear()
            vars(entry).update(kept)

    change.__name__ = name
    return change


def result(path: str, wrong: Callable) -> Change:
    """A change of what a function returns: ``wrong(right result, *its arguments)``.

    Args:
        path: dotted name of a function.
        wrong: makes the wrong result.
    """
    return replaced(path, lambda right: lambda *given: wrong(right(*given), *given))


def arguments(path: str, wrong: Callable) -> Change:
    """A change of what a function is given: ``wrong(*arguments) -> arguments``.

    Args:
        path: dotted name of a function.
        wrong: makes the wrong arguments.
    """
    return replaced(path, lambda right: lambda *given: right(*wrong(*given)))


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

    Args:
        mutant: what is wrong.

    Example:
        >>> from synthetic_oversampling.simulate.mutants.table import MUTANTS
        >>> from synthetic_oversampling.theory.population.design import Design
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
