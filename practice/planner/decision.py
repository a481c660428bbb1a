"""Whether synthetic rows are worth having: caution has a price, and so has every row.

Rows are recommended where, after prior and evidence,

* the expected gain over class weighting, less what the rows cost, exceeds ``worth``;
* the expected loss, ``E[max(-gain, 0)]``, is at most 15 % of the expected gain, which for a normal
  law asks for a mean of four fifths of its standard deviation;
* where synthetic rows have more than four fifths of a group's weight, cross-validation alone shows
  a gain at 1.645 standard errors.

Among those the design with the largest expected gain is taken; without any, class weighting, or the
plain fit where cross-validation shows at 1.645 standard errors that it is better.
"""

from __future__ import annotations

from collections.abc import Sequence

from synthetic_oversampling.practice.planner.choices import Choice
from synthetic_oversampling.theory.wording import counted

__all__ = ["NEARLY_ALL", "acceptable", "decide"]

REGRET = 0.15  # of the expected gain, which the expected loss may be
NEARLY_ALL = 0.8  # share of a group's weight beyond which evidence is asked for
_SHOWN = 1.645


def _shown(choice: Choice) -> bool:
    return choice.evidence.mean > _SHOWN * choice.evidence.error


def acceptable(choice: Choice, worth: float) -> bool:
    """Whether a design's rows may be recommended.

    Args:
        choice: the design; worth: what it must gain.
    """
    sure = choice.posterior._replace(mean=choice.expected)
    if choice.expected <= worth or sure.regret() > REGRET * choice.expected:
        return False
    return max(choice.shares) <= NEARLY_ALL or _shown(choice)


def decide(choices: Sequence[Choice], worth: float, unit: str = "nats") -> tuple[Choice, str]:
    """The design to use, and why, in a sentence.

    Args:
        choices: the first two are raw and class weighting; worth: what rows must gain; unit: of it.
    """
    raw, weighting, *offers = choices
    good = [offer for offer in offers if acceptable(offer, worth)]
    if good:
        best = max(good, key=lambda choice: choice.expected)
        chance = best.posterior.loss()
        return best, (
            f"{counted(best.rows, 'row')} of {best.source} ({best.name}) are expected to gain "
            f"{best.expected:.2g} {unit} over class weighting"
            f"{' net of their price' if best.cost else ''}; "
            f"the probability that they lose is {chance:.0%}."
        )
    reference = raw if _shown(raw) else weighting
    name = "the plain fit" if reference is raw else "class weighting"
    if not offers:
        return reference, f"no design has new rows that can be judged; use {name}."
    best = max(offers, key=lambda choice: choice.expected)
    told = f"the most promising design ({best.source}, {best.name})"
    if best.expected <= 0:
        why = "is expected to lose" if not best.cost else "is not worth its price"
    elif best.expected <= worth:
        why = f"is expected to gain {best.expected:.2g} {unit}, less than the {worth:.2g} asked for"
    elif max(best.shares) > NEARLY_ALL and not _shown(best):
        why = "leaves the real rows hardly any weight, and cross-validation does not show a gain"
    else:
        why = (
            f"is expected to gain {best.expected:.2g} {unit}, but may lose as well: "
            f"with probability {best.posterior.loss():.0%}, too much for so small a gain"
        )
    return reference, f"{told} {why}. Use {name}."
