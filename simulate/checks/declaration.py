"""What a check declares, before anything is simulated."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from synthetic_oversampling.theory.wording import counted

__all__ = ["SOURCES", "Check", "Kind", "Source"]

Kind = Literal["exact", "asymptotic", "bound", "rate"]
Source = Literal[
    "simulated and scored independently",
    "simulated, scored by theory",
    "second route",
    "restated algebra",
]
SOURCES: dict[Source, str] = {
    "simulated and scored independently": "samples drawn, fitted and scored without a risk, error "
    "rate, moment or divergence of theory",
    "simulated, scored by theory": "samples drawn and fitted by simulation; the fit's risk or "
    "error rate, or what is taken off the statistic to quieten it, is a closed form of theory",
    "second route": "no samples: another derivation or other code, compared up to a tolerance",
    "restated algebra": "no samples: both sides come down to the same formula",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """A claim about the mean of a statistic, with everything needed to plan and judge it.

    Attributes:
        id: ``theorem.statistic.configuration.design``.
        claim: the claim in words.
        kind: "exact", "asymptotic", "bound" (the mean is at most ``theory``) or "rate".
        experiments: names ``configuration/label``; two for a paired difference (first minus
            second); none for a check without noise.
        statistic: name of the statistic, and the index into it when it is an array.
        theory: the predicted value.
        std: declared standard deviation of one replicate.
        allowance: known remainder of an asymptotic statement.
        discrepancy: the deviation that must be detected.
        observed: for a check without noise, the value found by the independent route.
        skewness: declared bound on the size of the skewness of one replicate, 0 where the noise is
            close to normal; it lengthens the interval on one side, which the plan makes up for.
        source: where the observed value comes from, one of `SOURCES`.
    """

    id: str
    claim: str
    kind: Kind
    experiments: tuple[str, ...] = ()
    statistic: tuple[str, int | None] = ("population", None)
    theory: float
    std: float = 0.0
    allowance: float = 0.0
    discrepancy: float
    observed: float | None = None
    skewness: float = 0.0
    source: Source

    def __post_init__(self):
        numbers = (self.theory, self.std, self.allowance, self.discrepancy, self.skewness)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"{self.id}: got {numbers}, expected finite numbers.")
        if self.source not in SOURCES or bool(self.experiments) != self.source.startswith("simul"):
            raise ValueError(
                f"{self.id}: got source {self.source!r} and "
                f"{counted(len(self.experiments), 'experiment')}, expected one of "
                f"{', '.join(map(repr, SOURCES))}, the first two of a check with experiments."
            )
        if not 0 <= self.allowance < self.discrepancy:
            raise ValueError(
                f"{self.id}: got allowance {self.allowance:g} and discrepancy "
                f"{self.discrepancy:g}, expected 0 <= allowance < discrepancy; a remainder as "
                "large as the discrepancy leaves nothing to detect: use larger sizes."
            )

    @property
    def theorem(self) -> str:
        """The theorem's id."""
        return self.id.split(".")[0]

    @property
    def law(self) -> str:
        """The law of the statistic's mean that the interval relies on."""
        if not self.experiments:
            return "no noise"
        return "normal, skewed" if self.skewness else "normal"
