"""What on a table speaks against its plan, or against the theory behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.planner.table import Prepared
from synthetic_oversampling.theory.wording import counted

__all__ = ["Caution", "diagnose"]

_FEW = 20  # rows of the smallest group, below which validation sees little
_APART = 3.0  # standard deviations between prior and evidence
_TAILS = 2.0  # times the kurtosis of a normal law


class Caution(NamedTuple):
    """A doubt: what was looked at, what was seen, and what it means for the plan.

    Attributes:
        check, seen, message: in this order.
    """

    check: str
    seen: float
    message: str


def diagnose(table: Prepared, choices: Sequence, unit: str = "nats") -> tuple[Caution, ...]:
    """Every doubt, the gravest first.

    Args:
        table: it; choices: designs with their prior and evidence; unit: that these are in.
    """
    return (
        *_identifiers(table),
        *_copies(table),
        *_few_synthetic(table),
        *_few_rows(table),
        *_tails(table, choices),
        *_apart(choices, unit),
    )


def _identifiers(table: Prepared):
    named = [table.names[place] for place in np.flatnonzero(table.numbering())]
    if named:
        yield Caution(
            "identifier",
            float(len(named)),
            f"the rows are numbered by {', '.join(map(repr, named))}: an identifier says nothing "
            "about new ones. The plan leaves it out; leave it out of the fit too.",
        )


def _copies(table: Prepared):
    if table.external is None:
        return
    from scipy.spatial import KDTree

    near, _ = KDTree(table.x).query(table.external.x)
    share = float(np.mean(near < 1e-9))
    if share > 0.01:
        yield Caution(
            "copies",
            share,
            f"{share:.1%} of the synthetic rows copy real rows: they carry no new information, and "
            "flatter themselves in cross-validation. Remove them and plan again.",
        )


def _few_synthetic(table: Prepared):
    if table.external is None:
        return
    sizes, available = np.array([g.size for g in table.groups]), table.external.counts
    missing = sizes.max() - sizes - available
    g = int(missing.argmax())
    if missing[g] > 0:
        yield Caution(
            "synthetic rows",
            float(available[g]),
            f"the synthetic table has {counted(available[g], 'row')} of group "
            f"{table.groups[g].name}, levelling needs {sizes.max() - sizes[g]}: designs that level "
            "are left out. Generate more, or weight the rows that there are.",
        )


def _few_rows(table: Prepared):
    least = min(table.groups, key=lambda g: g.size)
    if least.size < _FEW:
        yield Caution(
            "few rows",
            float(least.size),
            f"group {least.name} has {counted(least.size, 'row')}: cross-validation sees little, "
            "and theory decides most of it.",
        )


def _tails(table: Prepared, choices: Sequence):
    if not any(choice.source.startswith(("plugin", "predictive")) for choice in choices):
        return
    dim, worst, name = table.x.shape[1], 0.0, ""
    for g, info in enumerate(table.groups):
        x = table.x[table.group == g]
        if len(x) < dim + 5:
            continue
        centred = x - x.mean(axis=0)
        cov = centred.T @ centred / len(x)
        distance = np.einsum("ni,ni->n", centred @ np.linalg.pinv(cov), centred)
        kurtosis = float(np.mean(distance**2) / (dim * (dim + 2)))
        if kurtosis > worst:
            worst, name = kurtosis, info.name
    if worst > _TAILS:
        yield Caution(
            "tails",
            worst,
            f"group {name} has {worst:.1f} times the kurtosis of a normal law: Gaussian rows are "
            "of another kind, and theory, which takes the groups to be normal, is a guess here.",
        )


def _apart(choices: Sequence, unit: str):
    def distance(choice) -> float:
        spread = np.hypot(choice.prior.error, choice.evidence.error)
        return abs(choice.prior.mean - choice.evidence.mean) / max(spread, 1e-300)

    known = [choice for choice in choices if choice.prior is not None]
    worst = max(known, key=distance, default=None)
    if worst is not None and distance(worst) > _APART:
        yield Caution(
            "theory and table",
            float(distance(worst)),
            f"for {worst.source}, {worst.name}, theory says {worst.prior.mean:+.2g} {unit} and "
            f"cross-validation {worst.evidence.mean:+.2g}, {distance(worst):.1f} standard "
            "deviations apart: this table is not like those that the two were weighed on.",
        )
