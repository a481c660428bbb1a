"""What a theorem is asked about: groups, a design and generators that go together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np

from synthetic_oversampling.theory.generators.table import Generator, require_generator
from synthetic_oversampling.theory.population.design import Design, require_design
from synthetic_oversampling.theory.population.laws import GaussianGroup, require_groups
from synthetic_oversampling.theory.wording import counted

__all__ = ["DigitsLost", "FarFromZero", "check_groups", "per_group"]

_FAR = 1e3  # standard deviations; from 1e5 on there is no prediction
_SINGULAR = 1e-6  # eigenvalue of a correlation matrix
_LARGE = 10**12  # samples in a group


class FarFromZero(UserWarning):
    """Features lie so far from 0, beside an intercept, that predictions lose digits."""


class DigitsLost(UserWarning):
    """Features are so nearly collinear, or sizes so large, that predictions lose digits."""


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
        require_generator(generator)
    for g, part in enumerate(generator):
        require_generator(part, f" for group {g}")
    if len(generator) != count:
        raise ValueError(
            f"generator: got {counted(len(generator), 'generator')}, expected one, or one for each "
            f"of the {counted(count, 'group')}."
        )
    return tuple(generator)


def check_groups(groups: Sequence[GaussianGroup], design: Design, *, several: bool = False) -> None:
    """Raise unless the groups agree in dimension, match the design and carry both labels.

    Args:
        groups: what should be groups.
        design: what should be their design.
        several: whether any number of classes is expected, labelled 0 to K - 1, not two.

    Raises:
        ValueError: naming the argument.

    Warns:
        FarFromZero: if the mean of a feature lies 1000 standard deviations from 0 or more.
        DigitsLost: if a correlation matrix has an eigenvalue below 1e-6, or a group 1e12 samples.
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
    if several:
        if len(labels) < 2 or labels != set(range(len(labels))):
            raise ValueError(
                f"groups: got labels {sorted(labels)}, expected every one of 0 to K - 1 for K "
                "classes, at least two; recode the classes."
            )
    elif max(labels) > 1:
        raise ValueError(
            f"groups: got labels {sorted(labels)}, expected both 0 and 1; for more than two "
            "classes use theory.predict_multiclass or theory.multiclass_law_of_design."
        )
    elif labels != {0, 1}:
        raise ValueError(
            f"groups: got labels {sorted(labels)}, expected both 0 and 1; a classifier needs both."
        )
    _warn_if_large(design)
    _warn_if_far_or_singular(groups)


def _warn_if_large(design: Design) -> None:
    """An excess risk is a difference of risks of order 1, so known to about 1e-16 nats."""
    if design.n_max < _LARGE:
        return
    warnings.warn(
        f"design: got a group of {float(design.n_max):.2g} samples. An excess risk is a difference "
        f"of risks of order 1, which costs {min(math.log10(design.n_max), 16):.0f} of 16 digits of "
        "what is of order 1/n.",
        DigitsLost,
        stacklevel=4,
    )


def _warn_if_far_or_singular(groups: Sequence[GaussianGroup]) -> None:
    """Offset and correlation make the Hessian's condition large, and with it the rounding."""
    parts = [group.overall_mean_cov() for group in groups]
    means = np.stack([mean for mean, _ in parts])
    centre = means.mean(axis=0)
    cov = np.mean([cov for _, cov in parts], axis=0)
    cov = cov + (means - centre).T @ (means - centre) / len(groups)
    std = np.sqrt(np.maximum(np.diagonal(cov), np.finfo(float).tiny))
    away = np.abs(centre) / std
    feature = int(np.argmax(away))
    if _FAR <= away[feature] < 1e5 and cov[feature, feature] > 0:
        warnings.warn(
            f"groups: the mean of feature {feature} (counted from 0) lies {away[feature]:.2g} "
            "standard deviations from 0, which costs more than "
            f"{2 * math.log10(away[feature]):.0f} of 16 digits, and from 1e5 on there is no "
            "prediction. Subtract one number from this feature in every group: excess risks, "
            "error rates and slopes stay the same, and the intercept takes it up.",
            FarFromZero,
            stacklevel=4,
        )
    correlation = cov / np.outer(std, std)
    if _all_above(correlation, _SINGULAR):
        return
    values, vectors = np.linalg.eigh(correlation)
    if 1e-13 * len(values) < values[0] < _SINGULAR:  # below it nothing is predicted
        involved = np.flatnonzero(np.abs(vectors[:, 0]) > 0.1).tolist()
        lost = min(-1.5 * math.log10(values[0]), 16)
        warnings.warn(
            f"groups: features {involved} (counted from 0) are nearly collinear (their correlation "
            f"matrix has an eigenvalue of {values[0]:.2g}), which costs up to {lost:.0f} of 16 "
            "digits. Drop one of them, or replace it by what the others do not say of it.",
            DigitsLost,
            stacklevel=4,
        )


def _all_above(matrix: np.ndarray, least: float) -> bool:
    """Whether all eigenvalues are above a number: by rows if they tell, else by a factorisation."""
    own = np.diagonal(matrix)
    if np.all(own + np.abs(own) - np.sum(np.abs(matrix), axis=1) >= least):  # Gershgorin
        return True
    shifted = matrix.copy()
    shifted[np.diag_indices(len(matrix))] -= least
    try:
        np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return False
    return True
