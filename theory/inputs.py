"""What a theorem is asked about: groups, a design and generators that go together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import get_args

import numpy as np

from theory.design import Design, require_design
from theory.generators import Generator
from theory.laws import GaussianGroup, require_groups
from theory.wording import counted

__all__ = ["FarFromZero", "check_groups", "per_group"]

_FAR = 1e3  # standard deviations; from 1e4 on the minimiser may not be found

_NAMES = ", ".join(kind.__name__ for kind in get_args(Generator))
_EXPECTED = f"an object such as Smote(), of one of the classes {_NAMES}, or a list of one per group"


class FarFromZero(UserWarning):
    """Features lie so far from 0, beside an intercept, that predictions lose digits."""


def per_group(generator: Generator | Sequence[Generator], count: int) -> tuple[Generator, ...]:
    """One generator per group, from one for all or a sequence.

    Args:
        generator: one for all groups, or a list or tuple with one per group.
        count: groups.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(generator, Generator):
        return (generator,) * count
    if not isinstance(generator, list | tuple):
        raise ValueError(f"generator: got {generator!r}, expected {_EXPECTED}.")
    for g, own in enumerate(generator):
        if not isinstance(own, Generator):
            raise ValueError(f"generator: got {own!r} for group {g}, expected {_EXPECTED}.")
    if len(generator) != count:
        raise ValueError(
            f"generator: got {counted(len(generator), 'generator')}, expected one, or one for each "
            f"of the {counted(count, 'group')}."
        )
    return tuple(generator)


def check_groups(groups: Sequence[GaussianGroup], design: Design) -> None:
    """Raise unless the groups agree in dimension, match the design and carry both labels.

    Args:
        groups: what should be groups.
        design: what should be their design.

    Raises:
        ValueError: naming the argument.

    Warns:
        FarFromZero: if the mean of a feature lies 1000 standard deviations from 0 or more.
    """
    require_design(design)
    require_groups(groups)
    if len(groups) != design.num_groups:
        raise ValueError(
            f"groups: got {counted(len(groups), 'group')} for a design with "
            f"{counted(design.num_groups, 'size')}, expected one size per group; make design.sizes "
            "as long as groups."
        )
    dims = [group.dim for group in groups]
    if len(set(dims)) > 1:
        raise ValueError(
            f"groups: got dimensions {dims}, expected the same number of features in every group."
        )
    labels = {group.label for group in groups}
    if labels != {0, 1}:
        raise ValueError(
            f"groups: got labels {sorted(labels)}, expected both 0 and 1; a classifier needs both."
        )
    _warn_if_far(groups)


def _warn_if_far(groups: Sequence[GaussianGroup]) -> None:
    """An intercept beside a large offset makes the Hessian's condition the offset squared."""
    least = min(np.einsum("kii->ki", group.cov).min() for group in groups)
    if max(np.abs(group.mean).max() for group in groups) < _FAR * math.sqrt(max(least, 0.0)):
        return
    parts = [group.overall_mean_cov() for group in groups]
    means = np.stack([mean for mean, _ in parts])
    var = np.mean([np.diagonal(cov) for _, cov in parts], axis=0) + means.var(axis=0)
    offset = np.abs(means.mean(axis=0))
    feature = int(np.argmax(offset / np.sqrt(np.maximum(var, np.finfo(float).tiny))))
    if offset[feature] < _FAR * math.sqrt(var[feature]) or not var[feature] > 0:
        return
    away = offset[feature] / math.sqrt(var[feature])
    warnings.warn(
        f"groups: the mean of feature {feature} (counted from 0) lies {away:.2g} standard "
        f"deviations from 0, which costs more than {2 * math.log10(away):.0f} of 16 digits, and "
        "from 1e4 on the minimiser may not be found. Subtract one number from this feature in "
        "every group: excess risks, error rates and slopes stay the same, and the intercept takes "
        "it up.",
        FarFromZero,
        stacklevel=4,
    )
