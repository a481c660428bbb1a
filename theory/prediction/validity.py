"""Whether a prediction of theorem R is to be relied on, and if not, why.

Theorem R is an expansion in 1/n. What it leaves out is seen from four numbers, all of them in the
prediction, and what rounding spoils from a fifth:

* **seeds per parameter**, the smallest group's size over the number of parameters;
* the **separability** of the rows (`theory.prediction.existence`): a logistic fit that may not
  exist, or hardly does, has a mean that no expansion knows;
* the **noise of a score**, ``tau^2 = tr(H_g Cov(theta_hat)) / H_g[0, 0]``, the largest over groups:
  the loss is a quadratic only over scores that move by less than 1;
* the **remainder**, ``1.3 tau^2 (|variance| + |Cox-Snell|) / |total|``: the O(1/n) terms beside the
  whole, times the relative size of the terms that follow them, as measured; or, where it is larger,
  what a few rows of much weight take from the variance part (``single_rows / |total|``);
* the **rounding** of float64 beside the whole: two features that are nearly one, or far from 0,
  make the least eigenvalue of the second moments (scaled to a unit diagonal) small, and the error
  of an excess risk grows with its power -3/2, as measured against the same groups in other
  coordinates; an excess risk is a difference of risks of order 1 besides.

The thresholds are measured: of predictions called reliable at least 95 % are within 10 % of the
simulated excess risk (``oversampling validity``, docs/validity.md). They were measured for
the logistic loss; for another loss no prediction is called reliable.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from synthetic_oversampling.theory.generators.table import (
    Generator,
    population_law,
)
from synthetic_oversampling.theory.inputs import per_group
from synthetic_oversampling.theory.population.design import Design, sizes_of
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.prediction.existence import Clusters, existence

if TYPE_CHECKING:
    from synthetic_oversampling.theory.prediction.excess_risk import Expansion

__all__ = [
    "ELSEWHERE",
    "JUDGED_WEIGHTS",
    "NOTHING",
    "NOT_JUDGED",
    "PROPORTIONAL_FEATURES",
    "REMAINDER",
    "THRESHOLDS",
    "Point",
    "Unreliable",
    "Validity",
    "judge",
    "pointed",
    "remainder_of",
    "rounding_of",
    "rows_of",
    "second_moment_of",
    "validity_along",
    "validity_of_law",
    "verdict_of",
    "warn",
    "warn_of",
]

_HERE = Path(__file__).parents[1]

Verdict = Literal["reliable", "doubtful", "unreliable"]
VERDICTS: tuple[Verdict, ...] = ("reliable", "doubtful", "unreliable")
REMAINDER = 1.3  # measured: relative terms of higher order, per unit of the score's noise

# reliable within the first number, doubtful within the second; seeds from above, others from below
THRESHOLDS = {
    "seeds": (10.0, 3.0),
    "no_fit": (1e-3, 5e-2),
    "remainder": (0.10, 0.50),
    "rounding": (0.01, 0.10),
}
PROPORTIONAL_FEATURES = 10  # from which on theorem H is the better one where this is not reliable
# what a verdict says where theorem H is nearer
ELSEWHERE = (
    "; theorem H, for as many features as rows, has a law here: theory.predict_in_regime takes it"
)
_EPS = float(np.finfo(float).eps)
NOTHING = 1e-9  # nats
JUDGED_WEIGHTS = (0.0, 0.5, 1.0)  # of a law: where its verdict is the worst of
_CONDITIONING = 2e-5  # measured: error in nats, per unit of rounding and eigenvalue ** -1.5


class Unreliable(UserWarning):
    """A prediction is doubtful or unreliable; its `validity` says why."""


class Validity(NamedTuple):
    """A verdict on a prediction, with its reasons.

    Attributes:
        verdict: "reliable", "doubtful" or "unreliable".
        reasons: in words, one for each cause; none when reliable.
        causes: the same by name: "few seeds", "separation", "remainder", "digits lost", "loss",
            "not judged".
        seeds: of the smallest group, for every parameter.
        no_fit: estimated probability that no finite fit exists.
        margin: parameters at which fits cease to exist, over those there are.
        noise: variance of a score at the estimate, the largest over groups.
        remainder: estimated relative size of what the expansion leaves out.
        rounding: estimated relative error of the arithmetic.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    causes: tuple[str, ...]
    seeds: float
    no_fit: float
    margin: float
    noise: float
    remainder: float
    rounding: float


# the verdict on what nothing was measured for
NOT_JUDGED = Validity(
    "unreliable", ("the prediction was not judged",), ("not judged",), *(math.nan,) * 6
)


class Point(NamedTuple):
    """What of a prediction is judged.

    Attributes:
        theta_star, logit_noise, excess, single_rows: as of a `theory.Prediction`.
    """

    theta_star: np.ndarray
    logit_noise: np.ndarray
    excess: Expansion
    single_rows: float = 0.0

    @property
    def total(self) -> float:
        """Predicted excess risk, nats."""
        return float(self.excess.total)


def rows_of(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
) -> tuple[Clusters, int]:
    """The rows that decide whether a fit exists, as clusters, and the size of the smallest group.

    Copies of seeds and points between them lie in the seeds' convex hull: they change nothing.

    Args:
        groups, design, generator: as for `theory.predict`, already checked.
    """
    parts: list[tuple[float, Law]] = []
    generators = per_group(generator, len(groups))
    for g, (group, one) in enumerate(zip(groups, generators, strict=True)):
        real = design.sizes[g] if design.real_mass[g] > 0 else 0
        drawn: float = design.oversampling[g] if design.oversampling_mass[g] > 0 else 0
        if design.augmentation_mass[g] > 0:
            drawn += design.augmentation
        if one.fits.score or one.fits.interpolation:
            parts.append((real or min(design.sizes[g], drawn), group.law))
            continue
        parts.append((real, group.law))
        if drawn:
            parts.append((drawn, population_law(one, g, groups, design.sizes)))
    rows = [
        (size * weight, mean, cov, sign)
        for size, law in parts
        for weight, mean, cov, sign in zip(*map(np.asarray, law), strict=True)
        if size > 0 and weight > 0
    ]
    return Clusters(*(np.stack(column) for column in zip(*rows, strict=True))), min(design.sizes)


def judge(prediction, rows: tuple[Clusters, int], loss: Loss = LOGISTIC) -> Validity:
    """The verdict on a prediction.

    Args:
        prediction: a `theory.Prediction`, or a `Point` of a law.
        rows: of `rows_of`.
        loss: of the prediction.
    """
    clusters, least = rows
    noise, remainder, total = remainder_of(prediction)
    if loss == LOGISTIC:
        found = existence(clusters)
        no_fit, margin = found.no_fit, found.margin
    else:
        no_fit, margin = 0.0, math.inf
    seeds = least / np.size(prediction.theta_star)
    # without noise an excess of 0 is right to within rounding
    rounding = rounding_of(second_moment_of(clusters), total)
    return verdict_of(seeds, no_fit, margin, noise, remainder, rounding, loss)


def remainder_of(prediction) -> tuple[float, float, float]:
    """Noise of a score, relative size of what an expansion leaves out, and the total it is of.

    Args:
        prediction: a `theory.Prediction`, a `theory.MulticlassPrediction` or a `Point` of a law.
    """
    noise = float(np.max(prediction.logit_noise))
    part = prediction.excess
    leading = abs(float(part.variance)) + abs(float(part.cox_snell))
    total = abs(float(prediction.total))
    if not leading:  # infinitely many samples of a fixed generator: right to within rounding
        return noise, 0.0, max(total, NOTHING)
    if not leading > 0:
        return noise, math.nan, total
    left_out = max(REMAINDER * noise * leading, prediction.single_rows)
    return noise, left_out / total if total > 0 else math.inf, total


def second_moment_of(rows: Clusters) -> np.ndarray:
    """``E[xbar xbar']`` ``[p, p]``, all labels weighing the same.

    Args:
        rows: of `rows_of`.
    """
    weights = np.zeros(len(rows.counts))
    for sign in np.unique(rows.signs):
        same = rows.signs == sign
        counts = np.minimum(rows.counts[same], 1e15)  # there may be infinitely many
        weights[same] = counts / counts.sum()
    weights = weights / weights.sum()
    location = np.column_stack([np.ones(len(weights)), rows.means])
    moment = np.einsum("k,ki,kj->ij", weights, location, location)
    moment[1:, 1:] += np.einsum("k,kij->ij", weights, rows.covs)
    return moment


def rounding_of(moment: np.ndarray, total: float) -> float:
    """Estimated relative error of the arithmetic in an excess risk; infinite where none is left.

    Args:
        moment: second moments ``E[xbar xbar']`` of the rows, intercept first ``[p, p]``.
        total: the excess risk, nats.

    Example:
        >>> rounding_of(np.eye(2), 1e-3) < 1e-12
        True
        >>> round(rounding_of(np.array([[1.0, 1 - 1e-12], [1 - 1e-12, 1.0]]), 1e-3), 1)
        4.4
    """
    unit = np.sqrt(np.diagonal(moment))
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = moment / np.outer(unit, unit)
    if not np.all(np.isfinite(scaled)) or total == 0:
        return math.inf
    least = float(np.linalg.eigvalsh(scaled)[0])
    if not least > _EPS:
        return math.inf
    return _EPS * (1 + _CONDITIONING * least**-1.5) / abs(total)


def verdict_of(
    seeds: float,
    no_fit: float,
    margin: float,
    noise: float,
    remainder: float,
    rounding: float,
    loss: Loss = LOGISTIC,
) -> Validity:
    """The verdict that follows from the numbers.

    Args:
        seeds, no_fit, margin, noise, remainder, rounding: see `Validity`.
        loss: of the prediction.

    Example:
        >>> verdict = verdict_of(5.0, 0.0, 20.0, 0.3, 0.4, 1e-9)
        >>> verdict.verdict, verdict.causes
        ('doubtful', ('few seeds', 'remainder'))
    """
    degrees = {
        "few seeds": _degree(-seeds, *(-limit for limit in THRESHOLDS["seeds"])),
        "separation": _degree(no_fit if margin >= 0 else math.nan, *THRESHOLDS["no_fit"]),
        "remainder": _degree(remainder if noise >= 0 else math.nan, *THRESHOLDS["remainder"]),
        "digits lost": _degree(rounding, *THRESHOLDS["rounding"]),
        "loss": 0 if loss == LOGISTIC else 1,
    }
    words = {
        "few seeds": f"the smallest group has {seeds:.2g} rows for every parameter, "
        f"{THRESHOLDS['seeds'][0]:g} or more are needed",
        "separation": "whether a finite fit exists is not known for rows without spread"
        if math.isnan(no_fit)
        else f"with probability {no_fit:.2g} the labels are separable and no finite fit "
        f"exists ({margin:.2g} times the parameters would separate them)",
        "remainder": f"the scores' noise is {noise:.2g} and terms of higher order are about "
        f"{remainder:.0%} of the prediction",
        "digits lost": "the features are so nearly collinear or so far from 0, or the excess so "
        f"small, that rounding is about {rounding:.2g} of the prediction",
        "loss": "verdicts are calibrated for the logistic loss only",
    }
    causes = tuple(name for name, degree in degrees.items() if degree)
    return Validity(
        verdict=VERDICTS[max(degrees.values())],
        reasons=tuple(words[name] for name in causes),
        causes=causes,
        seeds=float(seeds),
        no_fit=float(no_fit),
        margin=float(margin),
        noise=float(noise),
        remainder=float(remainder),
        rounding=float(rounding),
    )


def pointed(
    own: Validity, dim: int, design: Design, generator: Generator | Sequence[Generator]
) -> Validity:
    """The same verdict, with a word on theorem H where that has a law and rows are too few here.

    Args:
        own: the verdict; dim: features.
        design, generator: of the prediction, already checked.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> few = verdict_of(2.0, 0.0, 20.0, 0.3, 0.05, 1e-9)
        >>> told = pointed(few, 40, Design.raw((800, 82)), Oracle())
        >>> told.verdict, "theorem H" in told.reasons[0]
        ('unreliable', True)
    """
    causes = ("few seeds", "separation", "remainder")
    place = next((k for k, cause in enumerate(own.causes) if cause in causes), None)
    drawn = [
        made
        for g, made in enumerate(per_group(generator, len(design.sizes)))
        if design.oversampling_mass[g] > 0 or design.augmentation_mass[g] > 0
    ]
    if place is None or dim < PROPORTIONAL_FEATURES or not all(g.self_averaging for g in drawn):
        return own
    reasons = list(own.reasons)
    reasons[place] += ELSEWHERE
    return own._replace(reasons=tuple(reasons))


def _degree(value: float, good: float, bad: float) -> int:
    """0 up to ``good``, 1 up to ``bad``, 2 beyond and for what is not a number."""
    return 0 if value <= good else 1 if value <= bad else 2


def warn(validity: Validity) -> None:
    """Warn once for each cause, at the line outside of this package that asked.

    The words are the same at every call, so that Python's filters show them once for a place.

    Args:
        validity: the verdict.
    """
    for cause in validity.causes:
        _warn(cause, "print its validity for the verdict and its numbers")


def warn_of(doubt: str, cause: str, name: str) -> None:
    """Warn of numbers that the verdict on the excess risk does not judge, at the line that asked.

    Args:
        doubt: in words; nothing is said of "".
        cause: of which numbers it is; name: of the property that has the words.
    """
    if doubt:
        _warn(cause, f"print its {name} for why")


def _warn(cause: str, further: str) -> None:
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _HERE in Path(frame.f_code.co_filename).parents:
        frame, level = frame.f_back, level + 1
    warnings.warn(
        f"predict: the prediction is doubtful or unreliable ({cause}): {further}.",
        Unreliable,
        stacklevel=level,
    )


def validity_of_law(
    groups: Sequence[GaussianGroup],
    sizes: Sequence[int],
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
    weights: Sequence[float] = JUDGED_WEIGHTS,
) -> Validity:
    """The worst verdict along a scaling law: at the weights given, in the limit of many samples.

    Args:
        groups, sizes, generator, loss: as for `theory.law_of_design`.
        weights: of the augmentation part.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> validity_of_law(groups, (4000, 400), Oracle()).verdict
        'reliable'
    """
    from synthetic_oversampling.theory.prediction.excess_risk import predict

    counts = sizes_of(sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Unreliable)
        every = [
            predict(groups, Design(counts, math.inf if weight else 0, weight), generator, loss)
            for weight in weights
        ]
    return _worst([one.validity for one in every])


def validity_along(
    points: Mapping[float, Point],
    groups: Sequence[GaussianGroup],
    sizes: Sequence[int],
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
    *,
    levelled: bool = True,
) -> Validity:
    """The same from what a law has computed already.

    Args:
        points: by weight, one for each of `JUDGED_WEIGHTS`: without one nothing is judged.
        groups, sizes, generator, loss, levelled: of the law.
    """
    if any(weight not in points for weight in JUDGED_WEIGHTS):
        return NOT_JUDGED
    counts, found = sizes_of(sizes), []
    for weight in JUDGED_WEIGHTS:
        design = Design(counts, math.inf if weight else 0, weight)
        if not (levelled or weight):
            design = Design.class_weighted(counts)
        own = judge(points[weight], rows_of(groups, design, generator), loss)
        found.append(pointed(own, groups[0].dim, design, generator))
    return _worst(found)


def _worst(verdicts: Sequence[Validity]) -> Validity:
    return max(verdicts, key=lambda one: (VERDICTS.index(one.verdict), one.remainder))
