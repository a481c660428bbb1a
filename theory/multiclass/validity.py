"""Whether a prediction for several classes is to be relied on, and if not, why.

By the numbers and thresholds of `theory.prediction.validity`, which were measured for two classes:
seeds of the smallest group over all ``(K - 1)(d + 1)`` parameters, the noise of the scores, the
remainder, and rounding. A softmax fit has no finite minimiser where one class is separable from
all others together; the probability of that is estimated for each class, the largest is taken, and
so is not an upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.existence import existence
from synthetic_oversampling.theory.prediction.validity import (
    Validity,
    remainder_of,
    rounding_of,
    rows_of,
    second_moment_of,
    verdict_of,
)

__all__ = ["judge_multiclass"]


def judge_multiclass(
    prediction,
    groups: Sequence[GaussianGroup],
    design: Design,
    generators: Sequence[Generator],
) -> Validity:
    """The verdict on a prediction for several classes.

    Args:
        prediction: a `theory.MulticlassPrediction`.
        groups, design, generators: it is of, already checked.
    """
    rows, least = rows_of(groups, design, generators)
    count = prediction.theta_star.size
    no_fit, margin = 0.0, math.inf
    classes = sorted(set(rows.signs.tolist()))
    for sign in classes if len(classes) > 2 else classes[:1]:
        one = rows._replace(signs=np.where(rows.signs == sign, 1.0, -1.0))
        found = existence(one)
        no_fit = found.no_fit if not found.no_fit <= no_fit else no_fit
        margin = found.margin if not found.margin >= margin else margin
    noise, remainder, total = remainder_of(prediction)
    if prediction.integration_error and total > 0:
        remainder += 3 * prediction.integration_error / total
    rounding = rounding_of(second_moment_of(rows), total)
    return verdict_of(least / count, no_fit, margin, noise, remainder, rounding)
