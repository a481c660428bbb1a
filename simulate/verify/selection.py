"""Which checks a pattern selects. All are declared first, which predicts nothing."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from typing import TypeVar

from synthetic_oversampling.simulate.checks.declaration import Check, Planned
from synthetic_oversampling.simulate.verify.smoke import PATTERNS, coarse
from synthetic_oversampling.simulate.verify.suites import SUITES
from synthetic_oversampling.theory.registry import THEOREMS

__all__ = ["beside", "declare", "select", "suite_of"]

Some = TypeVar("Some", Check, Planned)


def declare(profile: str, suites: Iterable[str] = ()) -> tuple[Check, ...]:
    """The checks of some suites, of all when none is named, before anything is predicted.

    Args:
        profile: "smoke", "quick" or "full".
        suites: their names.

    Raises:
        RuntimeError: two checks of one id.

    Example:
        >>> check = next(check for check in declare("quick") if check.id == "R3.gain.line.smote")
        >>> check.kind, check.place.partition(":")[0]
        ('asymptotic', 'simulate/claims/bias.py')
    """
    names = list(suites) or SUITES
    of = "quick" if profile == "smoke" else profile
    found = tuple(check for name in names for check in SUITES[name].checks(of))
    ids = [check.id for check in found]
    if len(set(ids)) < len(ids):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        raise RuntimeError(f"id: got two checks of {', '.join(twice)}; every check needs its own.")
    if profile == "smoke":
        return tuple(coarse(check) for check in select(found, PATTERNS))
    return found


def suite_of(name: str) -> str:
    """Name of the suite that a check belongs to, from its id.

    Args:
        name: id of the check.

    Raises:
        ValueError: for an id of no suite.

    Example:
        >>> suite_of("R1.order.two-points.raw"), suite_of("R4.table.efron-2.5.1.5")
        ('two-points', 'efron-2.5')
    """
    matching = [
        suite for suite in SUITES if f".{suite}." in f"{name}."
    ]  # statistics may have dots too
    if matching:
        return max(matching, key=len)
    raise ValueError(f"{name}: got a check of no suite, expected one of {', '.join(SUITES)}.")


def select(checks: Sequence[Some], patterns: Sequence[str]) -> tuple[Some, ...]:
    """Checks whose id, theorem, experiment or suite matches any shell-style pattern.

    A pattern without its last parts stands for every check that it begins.

    Args:
        checks: to select from.
        patterns: as on the command line; without any, all checks.

    Raises:
        ValueError: when nothing matches one of them.

    Example:
        >>> len(select(declare("quick"), ["R4.formula.*"]))
        7
    """
    if not patterns:
        return tuple(checks)
    chosen: set[str] = set()
    named = {one.id: _names(one) for one in checks}
    lost = []
    for pattern in patterns:
        found = {name for name, names in named.items() if _matches(names, pattern)}
        chosen |= found
        lost += [] if found else [pattern]
    if lost:
        raise ValueError(
            f"--only: got {', '.join(lost)}, which matches none of the checks; expected a theorem "
            f"({', '.join(THEOREMS)}), a suite ({', '.join(SUITES)}), an experiment such as "
            "two-gaussians/smote, a check id, or a pattern such as 'R2.*.mixture.*'."
        )
    return tuple(check for check in checks if check.id in chosen)


def _names(check: Check | Planned) -> tuple[str, ...]:
    """What a pattern may match."""
    return (check.id, check.theorem, suite_of(check.id), *check.experiments)


def _matches(names: Iterable[str], pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(n, pattern) or n.startswith(pattern + ".") for n in names)


def beside(checks: Sequence[Check], chosen: Sequence[Check]) -> tuple[Check, ...]:
    """The chosen checks and all others of their experiments, which are sized for all of them.

    Args:
        checks: every check; chosen: some of them.
    """
    ids = {check.id for check in chosen}
    shared = {name for check in chosen for name in check.experiments}
    return tuple(check for check in checks if check.id in ids or shared & set(check.experiments))
