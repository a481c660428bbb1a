"""Whether synthetic rows are worth having, and how few of them do nearly as well as more.

Rows are recommended where the expected gain over class weighting exceeds 2 % of its excess risk and
`worth`, 1e-4 nats unless told otherwise. Relative thresholds alone ask for a million rows where
there is nothing to gain: with many rows the excess risk is small, and its fiftieth part invisible.
The losses of the best rule and of one with ``g`` nats of excess risk differ by ``g`` on average, by
``sqrt(2 g)`` from row to row: two standard errors take ``8 / g`` test rows, 80 000 for 1e-4.

Of every design the fewest rows are asked for that nearly reach the gain of rows without end at the
best weight: what may be forgone is a tenth of it, or `worth` where that is more, but never more
than a quarter. The weight is not lowered to save rows: how much the noise of draws costs is known,
how much a smaller weight does is estimated (on 100 tables it cost twice what was expected). That
one design is better than another is estimated as well: of those within `worth` of the best, or
within a quarter of its gain where that is less, the one with the fewest rows is taken.

The gain need not exceed its own standard error. What is expected counts the bias's uncertainty
as harm already (`practice.planner.posterior`), and asking for a standard error on top cost 40 to
60 % of the gain where the generator is right (``docs/planner-validation.md``); where rows say that
it is not, 1.645 standard errors are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from synthetic_oversampling.practice.planner.choices import Choice
from synthetic_oversampling.theory.wording import counted

__all__ = ["decide", "fewest", "forgone", "least_gain"]

_NEAR = 0.1  # of the gain, which fewer rows may forgo
_FORGONE = 0.25  # of the gain, which they may forgo at most for `worth`
_WORTH = 0.02  # of class weighting's excess risk: a smaller credible gain is not worth rows


def forgone(gain: float, worth: float) -> float:
    """How much of a gain may be left for fewer rows.

    Example:
        >>> [round(forgone(gain, 1e-4), 6) for gain in (2e-4, 1e-3, 1e-2)]
        [5e-05, 0.0001, 0.001]
    """
    return max(_NEAR * gain, min(worth, _FORGONE * gain))


def fewest(good, most: int) -> int:
    """The least whole number from 1 that is good, where `most` and all between are.

    Example:
        >>> fewest(lambda n: n >= 37, 1000)
        37
    """
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def least_gain(choices: Sequence[Choice], worth: float) -> float:
    """The expected gain that rows must exceed, nats; class weighting is the second choice."""
    return max(_WORTH * choices[1].excess.value, worth)


def decide(choices: Sequence[Choice], worth: float) -> tuple[Choice, bool, str]:
    """The design with the fewest rows among those as good as the best to the eye, if worth them."""
    raw, weighting = choices[:2]
    reference = raw if raw.gain.low > 0 else weighting
    needed = least_gain(choices, worth)
    offers = [c for c in choices[2:] if c.rows]
    least = max(reference.expected, 0.0)
    good = [c for c in offers if c.expected - least > max(needed, c.caution)]
    best = max(good or offers, key=lambda c: c.expected - c.caution, default=None)
    if good:
        invisible = min(worth, _FORGONE * (best.expected - least))
        enough = best.expected - best.caution - invisible
        best = min((c for c in good if c.expected - c.caution >= enough), key=lambda c: c.rows)
        return best, True, (
            f"with {counted(best.rows, 'synthetic row')} ({best.source}, {best.name}) the excess "
            f"risk is expected to fall by {best.expected + best.cost:.3g} from class weighting's "
            f"{weighting.excess.value:.3g} "
            f"nats{f', {best.expected:.3g} net of their cost' if best.cost else ''}; as estimated "
            f"{best.gain.value:.3g} ({best.gain.low:.2g} to {best.gain.high:.2g})."
        )  # fmt: skip
    name = "class weighting" if reference is weighting else "the plain fit"
    if best is None:
        return reference, False, (
            f"no design has new rows that can be judged, and duplicates are not new; use {name}."
        )  # fmt: skip
    if best.expected <= 0:
        verdict = "is not worth its price" if best.cost else "is expected to hurt"
    elif best.expected - least <= needed:
        why = "worth" if needed == worth else "2 % of class weighting's excess risk"
        verdict = (
            f"is expected to gain {best.expected:.3g} nats, less than the {needed:.3g} that make "
            f"rows worth having, {why}"
        )
    else:
        verdict = (
            f"is expected to gain {best.expected:.2g} nats, but its rows plainly differ from the "
            f"table's, so that {best.caution:.2g} would show it"
        )
    return reference, False, (
        f"the most promising design ({best.source}, {best.name}) {verdict}; as estimated "
        f"{best.gain.value:.2g} ({best.gain.low:.2g} to {best.gain.high:.2g}). Use {name}."
    )  # fmt: skip
