"""Where the theory's assumptions look doubtful on a table, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from synthetic_oversampling.practice.planner.estimate import Real, Synthetic
from synthetic_oversampling.practice.planner.intervals import Resampled
from synthetic_oversampling.practice.planner.sources import Source
from synthetic_oversampling.practice.planner.table import Prepared
from synthetic_oversampling.theory.prediction.existence import Clusters, existence
from synthetic_oversampling.theory.prediction.validity import (
    REMAINDER,
    Validity,
    rounding_of,
    verdict_of,
)
from synthetic_oversampling.theory.wording import counted

__all__ = ["Caution", "diagnose", "validity"]

_ROWS_PER_PARAMETER = 10
_CONCENTRATED = 0.5  # of the variance, in as many rows as a hundredth of the smallest group
_TAILS = 2.0  # times the kurtosis of a normal law
_LARGE = 0.25  # nats: squared length of a displacement beyond which quadratics mislead
_STANDARD_ERRORS = 4.0
_CERTAIN = 0.02  # rows within this of a certain prediction count as certain


class Caution(NamedTuple):
    """A doubt: what was looked at, what was seen, and what it means for the plan."""

    check: str
    seen: float
    message: str


def diagnose(
    table: Prepared,
    real: Real,
    parts: Sequence[tuple[Source, Synthetic]],
    resampled: Resampled,
    choices: Sequence,
) -> tuple[Caution, ...]:
    """Every doubt, the gravest first.

    Looks at columns that number the rows, near-separation, groups small for the number of
    parameters, concentration of influence, heavy tails, generators of another kind, the information
    matrix (White, 1982), biases too large for a local expansion, and synthetic rows that copy real
    ones.
    """
    found = [
        *_identifiers(table),
        *_separation(table, real, resampled),
        *_small_groups(table),
        *_copies(table),
        *_few_synthetic(table),
        *_large_bias(choices),
        *_concentration(table, real),
        *_misfit(parts, choices),
        *_tails(table, parts),
        *_information(real, resampled),
    ]
    return tuple(found)


def validity(table: Prepared, real: Real, resampled: Resampled, best) -> Validity:
    """`theory.prediction.validity`'s verdict on the recommended design's predicted excess risk.

    The noise of a score and the remainder come from the predicted variance; the probability that no
    fit exists from normal groups like the table's, or from the resampled tables if that is larger.
    """
    rows = table.rows
    x, sizes = rows.x[:, 1:], np.bincount(rows.group)
    places = [rows.members(g) for g in range(rows.count)]
    within = sum(np.cov(x[own].T, ddof=0).reshape(x.shape[1], -1) * len(x[own]) for own in places)
    covs = np.stack([within / len(x)] * rows.count)
    means = np.stack([x[own].mean(axis=0) for own in places])
    signs = np.array([rows.sign[own][0] for own in places])
    found = existence(Clusters(sizes.astype(float), means, covs, signs))
    failed = resampled.failed / (resampled.failed + len(resampled.weighted))
    noise = 2 * best.variance / real.hessian[0, 0]
    total = abs(best.bias + best.variance)
    remainder = REMAINDER * noise * best.variance / total if total > 0 else np.inf
    seeds = sizes.min() / rows.x.shape[1]
    rounding = rounding_of(rows.x.T @ rows.x / len(rows.x), total)
    no_fit = max(found.no_fit, failed)
    return verdict_of(seeds, no_fit, found.margin, noise, remainder, rounding)


def _identifiers(table: Prepared):
    """Columns that grow by the same step from row to row number the rows."""
    steps = np.diff(table.rows.x[:, 1:], axis=0)
    size = np.abs(steps).max(axis=0)
    even = np.ptp(steps, axis=0) <= 1e-6 * size
    named = [table.names[place] for place in np.flatnonzero(even)]
    if named:
        yield Caution(
            "identifier", float(len(named)),
            f"the rows are numbered by {', '.join(map(repr, named))}: an identifier says nothing "
            "about new ones; leave it out and plan again.",
        )  # fmt: skip


def _separation(table: Prepared, real: Real, resampled: Resampled):
    rows = table.rows
    miss = expit(-rows.sign * (rows.x @ real.theta))
    certain = float(np.mean(np.minimum(miss, 1 - miss) < _CERTAIN))
    wrong = min(int((miss[rows.members(g)] > 0.5).sum()) for g in range(rows.count))
    if resampled.failed:
        tried = resampled.failed + len(resampled.weighted)
        yield Caution(
            "separation", resampled.failed / tried,
            f"no logistic fit exists for {resampled.failed} of "
            f"{counted(tried, 'resampled table')}: the classes are nearly separable, predictions "
            "are too small and intervals too narrow.",
        )  # fmt: skip
    elif wrong < 3 or certain > 0.8:
        yield Caution(
            "separation", certain,
            f"the fit errs on {counted(wrong, 'row')} of some group and is certain of "
            f"{certain:.0%} of rows: the classes are close to separable, where the expansion is "
            "poor.",
        )  # fmt: skip


def _small_groups(table: Prepared):
    least = min(table.groups, key=lambda g: g.size)
    parameters = table.rows.x.shape[1]
    ratio = least.size / parameters
    if ratio < _ROWS_PER_PARAMETER:
        yield Caution(
            "small group", ratio,
            f"group {least.name} has {counted(least.size, 'row')} for "
            f"{counted(parameters, 'parameter')} ({ratio:.1f} a parameter, {_ROWS_PER_PARAMETER} "
            "or more expected): terms of higher order matter, true excess risks are larger than "
            "predicted.",
        )  # fmt: skip


def _copies(table: Prepared):
    if table.external is None:
        return
    from scipy.spatial import KDTree

    drawn = table.external.rows
    near, _ = KDTree(table.rows.x[:, 1:]).query(drawn.x[:, 1:])
    share = float(np.mean(near < 1e-9))
    if share > 0.01:
        yield Caution(
            "copies", share,
            f"{share:.1%} of the synthetic rows copy real rows: they carry no new information, and "
            "their bias looks smaller than it is. Remove them and plan again.",
        )  # fmt: skip


def _few_synthetic(table: Prepared):
    if table.available is None:
        return
    sizes = np.array([g.size for g in table.groups])
    missing = sizes.max() - sizes - table.available
    g = int(missing.argmax())
    if missing[g] >= 0:
        yield Caution(
            "synthetic rows", float(table.available[g]),
            f"the synthetic table has {counted(table.available[g], 'row')} of group "
            f"{table.groups[g].name}, levelling needs {sizes.max() - sizes[g]}: designs that level "
            "are left out. Generate more, or weight the real rows.",
        )  # fmt: skip


def _large_bias(choices: Sequence):
    for own in choices[2:]:
        if own.bias > _LARGE / 2:
            yield Caution(
                "large bias", own.bias,
                f"{own.source}, {own.name}: the predicted bias part is {own.bias:.2g} nats, beyond "
                "the local expansion; take it as 'large', not as a number.",
            )  # fmt: skip
            return


def _concentration(table: Prepared, real: Real):
    rows = table.rows
    white = real.part @ real.root.T
    sizes = np.bincount(rows.group)
    share = np.sort(np.einsum("np,np->n", white, white) / sizes[rows.group] ** 2)[::-1]
    top = max(1, int(sizes.min()) // 100)  # weighted, a few hundred rows may carry all of it
    portion = float(share[:top].sum() / share.sum())
    if portion > _CONCENTRATED:
        yield Caution(
            "influence", portion,
            f"{portion:.0%} of the predicted variance comes from {top} of "
            f"{counted(len(share), 'row')}: look there; the intervals lean on a few rows.",
        )  # fmt: skip


def _misfit(parts, choices: Sequence):
    """Generators that would be added but plainly differ from the rows."""
    promising = {own.source for own in choices if own.rows and own.expected > 0}
    wrong = [own.name for own, part in parts if not part.shrunk and own.name in promising]
    if wrong:
        yield Caution(
            "generator", float(len(wrong)),
            f"rows of {', '.join(wrong)} differ from the table's by more than chance (Hessians of "
            "the groups' risks): their bias is taken as it is seen, and they are recommended only "
            "if they are shown to gain (1.645 standard errors).",
        )  # fmt: skip


def _tails(table: Prepared, parts):
    rows = table.rows
    if not any(own.name.startswith("gaussian") for own, _ in parts):
        return
    dim = rows.x.shape[1] - 1
    worst, name = 0.0, ""
    for g, info in enumerate(table.groups):
        x = rows.x[rows.members(g), 1:]
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
            "tails", worst,
            f"group {name} has {worst:.1f} times the kurtosis of a normal law: Gaussian samples "
            "are of another kind than its rows. Their bias is measured, not assumed absent, but "
            "at the fit only.",
        )  # fmt: skip


def _information(real: Real, resampled: Resampled):
    """White's comparison of the scores' covariance with the Hessian, by the bootstrap."""
    square = float(np.sum(real.misfit**2))
    noise = np.sum((resampled.misfit - real.misfit[None]) ** 2, axis=(1, 2))
    excess = (square - noise.mean()) / np.std(noise, ddof=1)
    if excess > _STANDARD_ERRORS:
        worst = float(np.abs(np.linalg.eigvalsh(real.misfit)).max())
        yield Caution(
            "information matrix", worst,
            f"in some direction the scores' covariance is {worst:.0%} off what a correct logistic "
            "model says, beyond chance: no linear rule is right here. The predictions stay valid "
            "for the best linear rule (they use the sandwich); a curved rule may gain more than "
            "any synthetic row.",
        )  # fmt: skip
