"""What a check declares at once, and what theory expects of it, computed when it is asked for."""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Literal, SupportsFloat

from synthetic_oversampling.theory.wording import counted

__all__ = ["SOURCES", "Check", "Expectation", "Kind", "Planned", "Source", "planned"]

Kind = Literal["exact", "asymptotic", "bound", "rate"]  # of law that a check holds
# where an observed value comes from
Source = Literal[
    "simulated and scored independently",
    "simulated, scored by theory",
    "second route",
    "restated algebra",
]
# where an observed value may come from, and what that means
SOURCES: dict[Source, str] = {
    "simulated and scored independently": "samples drawn, fitted and scored without a risk, error "
    "rate, moment or divergence of theory",
    "simulated, scored by theory": "samples drawn and fitted by simulation; the fit's risk or "
    "error rate, or what is taken off the statistic to quieten it, is a closed form of theory",
    "second route": "no samples: another derivation or other code, compared up to a tolerance",
    "restated algebra": "no samples: both sides come down to the same formula",
}
_ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expectation:
    """What theory says of a check, before anything is simulated.

    Attributes:
        theory: the predicted value.
        std: standard deviation of one replicate.
        allowance: known remainder of an asymptotic statement.
        discrepancy: the deviation that must be detected.
        observed: for a check without noise, the value found by the independent route.
        skewness: bound on the size of the skewness of one replicate, 0 where the noise is close to
            normal; it lengthens the interval on one side, which the plan makes up for.
        claim: the check's claim with numbers that only the prediction knows; empty if it has none.
    """

    theory: SupportsFloat
    std: SupportsFloat = 0.0
    allowance: SupportsFloat = 0.0
    discrepancy: SupportsFloat
    observed: SupportsFloat | None = None
    skewness: SupportsFloat = 0.0
    claim: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Identity:
    """What is known of a check before anything is predicted, see `Check`."""

    id: str
    claim: str
    kind: Kind
    experiments: tuple[str, ...] = ()
    statistic: tuple[str, int | None] = ("population", None)
    source: Source

    @property
    def theorem(self) -> str:
        """The theorem's id."""
        return self.id.split(".")[0]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Check(_Identity):
    """A claim about the mean of a statistic. Nothing is computed until it is `planned`.

    Attributes:
        id: ``theorem.statistic.suite.label``.
        claim: the claim in words.
        kind: "exact", "asymptotic", "bound" (the mean is at most the theory value) or "rate".
        experiments: names ``suite/label``; two for a paired difference (first minus second); none
            for a check without noise.
        statistic: name of the statistic, and the index into it when it is an array.
        source: where the observed value comes from, one of `SOURCES`.
        expect: computes what theory expects.
        applies: whether there is something to check, where only a prediction can say so.
        place: file and line of the generator that declares it, below the package.

    Raises:
        ValueError: a source that does not exist or does not go with the experiments.
    """

    expect: Callable[[], Expectation]
    applies: Callable[[], bool] | None = None
    place: str = dataclasses.field(init=False)

    def __post_init__(self):
        if self.source not in SOURCES or bool(self.experiments) != self.source.startswith("simul"):
            raise ValueError(
                f"{self.id}: got source {self.source!r} and "
                f"{counted(len(self.experiments), 'experiment')}, expected one of "
                f"{', '.join(map(repr, SOURCES))}, the first two of a check with experiments."
            )
        object.__setattr__(self, "place", _place())

    def planned(self) -> Planned | None:
        """The check with its numbers, computed now; None where there is nothing to check.

        Raises:
            ValueError: numbers that are not finite, or no discrepancy beyond the allowance.

        Example:
            >>> check = Check(id="R1.x.c.d", claim="", kind="exact", source="second route",
            ...               expect=lambda: Expectation(theory=1, discrepancy=0.1, observed=1.05))
            >>> check.planned().theory
            1.0
        """
        if self.applies is not None and not self.applies():
            return None
        numbers = dict(vars(self.expect()))
        claim = numbers.pop("claim") or self.claim
        return Planned(
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(_Identity)}
            | {name: None if number is None else float(number) for name, number in numbers.items()}
            | {"claim": claim}
        )


def _place() -> str:
    """Of the ``yield`` that makes the check, perhaps by a helper; empty outside of a generator."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and not frame.f_code.co_flags & inspect.CO_GENERATOR:
        frame = frame.f_back
    if frame is None:
        return ""
    return f"{_relative(frame.f_code.co_filename)}:{frame.f_lineno}"


@cache
def _relative(name: str) -> str:
    path = Path(name)
    return (path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path).as_posix()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planned(_Identity):
    """A check with everything needed to plan and judge it.

    Attributes:
        id, claim, kind, experiments, statistic, source: see `Check`.
        theory, std, allowance, discrepancy, observed, skewness: see `Expectation`.

    Raises:
        ValueError: numbers that are not finite, or no discrepancy beyond the allowance.
    """

    theory: float
    std: float = 0.0
    allowance: float = 0.0
    discrepancy: float
    observed: float | None = None
    skewness: float = 0.0

    def __post_init__(self):
        numbers = (self.theory, self.std, self.allowance, self.discrepancy, self.skewness)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"{self.id}: got {numbers}, expected finite numbers.")
        if not 0 <= self.allowance < self.discrepancy:
            raise ValueError(
                f"{self.id}: got allowance {self.allowance:g} and discrepancy "
                f"{self.discrepancy:g}, expected 0 <= allowance < discrepancy; a remainder as "
                "large as the discrepancy leaves nothing to detect: use larger sizes."
            )

    @property
    def law(self) -> str:
        """The law of the statistic's mean that the interval relies on."""
        if not self.experiments:
            return "no noise"
        return "normal, skewed" if self.skewness else "normal"


def planned(checks: Iterable[Check]) -> tuple[Planned, ...]:
    """Those of the checks that apply, with their numbers.

    Args:
        checks: declared ones.
    """
    found = (check.planned() for check in checks)
    return tuple(check for check in found if check is not None)
