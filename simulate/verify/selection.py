"""Which checks a pattern selects, and, before anything is predicted, which suites can hold them.

The id of a check is ``theorem.statistic.suite.label``. A suite declares the first two parts and the
labels of what it builds, so that a pattern that nothing matches is refused at once, and a selection
costs the predictions of its own suites alone. No plan depends on the others: the false-alarm rate
is shared over a fixed number of checks, and an experiment is sized by the checks of its suite.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.verify.suites import SUITES, Suite
from synthetic_oversampling.theory.registry import THEOREMS

__all__ = ["assert_declared", "matches", "no_match", "suites_for"]


def matches(check: Check, pattern: str) -> bool:
    """Whether a check's id, theorem, experiment or suite matches a shell-style pattern.

    A pattern without its last parts stands for every check that it begins.
    """
    names = {check.id, check.theorem, *check.experiments}
    names |= {name for name in SUITES if f".{name}." in f"{check.id}."}
    names |= {name.split("/")[0] for name in check.experiments}
    return any(fnmatch.fnmatchcase(n, pattern) or n.startswith(pattern + ".") for n in names)


def suites_for(patterns: Sequence[str], profile: str = "quick") -> tuple[str, ...]:
    """Suites that can hold what patterns match, in the order of the registry; all of no patterns.

    Args:
        patterns: as on the command line.
        profile: "quick" or "full".

    Raises:
        ValueError: when nothing that any suite declares matches one of them.

    Example:
        >>> sorted(suites_for(["R2.*.mixture.*", "line/smote"]))
        ['line', 'mixture']
        >>> sorted(suites_for(["R4"]))
        ['efron-1.5', 'efron-2.5', 'efron-2.5-random']
    """
    if not patterns:
        return tuple(SUITES)
    found = {
        pattern: {name for name, own in SUITES.items() if _can_hold(own, pattern, profile)}
        for pattern in patterns
    }
    lost = [pattern for pattern in patterns if not found[pattern]]
    if lost:
        raise ValueError(no_match(lost))
    wanted = set().union(*found.values())
    return tuple(name for name in SUITES if name in wanted)


def no_match(patterns: Sequence[str]) -> str:
    """What to say of patterns that match no check."""
    return (
        f"--only: got {', '.join(patterns)}, which matches none of the checks; expected a theorem "
        f"({', '.join(THEOREMS)}), a suite ({', '.join(SUITES)}), an experiment such as "
        "two-gaussians/smote, a check id, or a pattern such as 'R2.*.mixture.*'."
    )


def assert_declared(suite: Suite, checks: Sequence[Check], profile: str) -> None:
    """Hold a suite to what it declares: an undeclared check could not be selected.

    Raises:
        RuntimeError: naming the suite and the check.
    """
    families = [re.compile(fnmatch.translate(f"{own}.{suite.name}")) for own in _families(suite)]
    labels = set(suite.labels)
    experiments = _experiments(suite, profile)
    for check in checks:
        head, middle, label = check.id.partition(f".{suite.name}")
        known = any(own.fullmatch(head + middle) for own in families)
        known = known and (not labels or label.removeprefix(".") in labels)
        strange = [
            name
            for name in check.experiments
            if not any(fnmatch.fnmatchcase(name, own) for own in experiments)
        ]
        if not known or strange:
            raise RuntimeError(
                f"suite {suite.name}: builds {check.id} of {check.experiments or 'no experiments'}"
                ", which it does not declare; add to the suite's families, labels or experiments."
            )


def _experiments(suite: Suite, profile: str) -> Sequence[str]:
    if suite.experiments is None:
        return (suite.name, f"{suite.name}/*")
    return suite.experiments(profile)


def _families(suite: Suite) -> Sequence[str]:
    return suite.families or [f"{theorem}.*" for theorem in THEOREMS]


@lru_cache(maxsize=64)
def _declared(suite: Suite, profile: str) -> tuple[str, ...]:
    """Names and patterns of names that a check of the suite may be selected by."""
    return tuple(dict.fromkeys(_names(suite, profile)))


def _names(suite: Suite, profile: str) -> Iterator[str]:
    yield suite.name
    yield from _experiments(suite, profile)
    for family in _families(suite):
        yield family.split(".")[0]
        if suite.labels:
            yield from (f"{family}.{suite.name}.{label}" for label in suite.labels)
        else:
            yield f"{family}.{suite.name}"
            yield f"{family}.{suite.name}.*"


def _can_hold(suite: Suite, pattern: str, profile: str) -> bool:
    names = _declared(suite, profile)
    if "/" in pattern:
        names = [own for own in names if "/" in own]
    return any(_meet(own, wanted) for own in names for wanted in (pattern, pattern + ".*"))


_TOKEN = re.compile(r"\[!?\]?[^]]*\]|.")
_LITERAL = re.compile(r"[^*?[]*")


def _meet(left: str, right: str) -> bool:
    """Whether some name matches two shell-style patterns; a class of characters counts as any.

    Example:
        >>> _meet("S1.excess*.scaling.oracle", "S1.*100*"), _meet("R?.gain", "S*")
        (True, False)
    """
    begins = [_LITERAL.match(own).group() for own in (left, right)]
    if begins[0] == left or begins[1] == right:
        name, pattern = (left, right) if begins[0] == left else (right, left)
        return fnmatch.fnmatchcase(name, pattern)
    shared = min(map(len, begins))
    if begins[0][:shared] != begins[1][:shared]:
        return False
    first, second = (_TOKEN.findall(own) for own in (left, right))
    reached, ahead = {(0, 0)}, [(0, 0)]  # places in both that one beginning of a name leads to
    while ahead:
        i, j = ahead.pop()
        a, b = (own[k] if k < len(own) else "" for own, k in ((first, i), (second, j)))
        steps = {(i + 1, j)} if a == "*" else set()
        steps |= {(i, j + 1)} if b == "*" else set()
        if a and b and (a == b or a in "*?" or b in "*?" or len(a + b) > 2):
            steps.add((i + (a != "*"), j + (b != "*")))
        ahead += steps - reached
        reached |= steps
    return (len(first), len(second)) in reached
