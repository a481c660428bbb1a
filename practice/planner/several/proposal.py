"""What theorem K2 expects of a design on a table of more than two classes.

The groups are those of `planner.proposal`, normal with one covariance; theorem K2 has the loss of a
softmax fit without a penalty to every design, where its verdict on class weighting is not
"unreliable". Of SMOTE's rows nothing is predicted: what is believed of them (`planner.trust`) takes
from theory only how far class weighting is from the best rule, for two classes as well. Beyond four
classes and two hundred features theory has no word: a prediction takes too long.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence

import jax
import numpy as np

from synthetic_oversampling.practice.planner.designs import Design
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES, Known
from synthetic_oversampling.practice.planner.proposal import (
    Proposal,
    group_laws,
    theory_design,
)
from synthetic_oversampling.theory.generators.table import GENERATORS
from synthetic_oversampling.theory.multiclass.components import components_of
from synthetic_oversampling.theory.multiclass.errors import error_rates
from synthetic_oversampling.theory.multiclass.moments import moments
from synthetic_oversampling.theory.multiclass.predict import predict_multiclass
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["MOST_CLASSES", "MOST_FEATURES", "has_word", "propose_several"]

MOST_CLASSES = 4  # beyond which theory is silent: its quadrature grows by a dimension a class
MOST_FEATURES = 200  # beyond which theory is silent: its matrices are of classes times features
_LAW = {name: GENERATORS[name]() for name in ("plugin", "plugin-pooled")}
_LAW["predictive-pooled"] = _LAW["plugin-pooled"]


def has_word(classes: int, features: int) -> bool:
    """Whether theorem K2 is asked about a table.

    Args:
        classes, features: how many it has.
    """
    return classes <= MOST_CLASSES and features <= MOST_FEATURES


def propose_several(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, designs: Sequence[Design], *, objective: str
) -> Proposal:
    """Theorem K2's gains by an objective; all NaN where it has no word.

    Args:
        x: features in units of their deviations ``[n, d]``; y: labels 0 to K - 1; group: of rows.
        designs: to compare; the second is class weighting.
        objective: among `planner.objectives.OBJECTIVES`.
    """
    groups, distance = group_laws(x, y, group)
    apart = distance / np.sqrt(len(groups) - 1)  # root mean square over pairs of groups
    silent = Proposal(np.full(len(designs), np.nan), np.nan, 0.0, float(apart))
    if not has_word(int(y.max()) + 1, x.shape[1]):
        return silent
    sizes = tuple(int(n) for n in np.bincount(group))
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theory, found = OBJECTIVES[objective].several, {}
        weighting = _known(groups, sizes, designs[1])
        if theory is None or weighting is None:
            return silent
        reached, least = theory(weighting)
        gain = []
        for design in designs:
            law = (design.name, _LAW.get(design.source, design.source), design.shares)
            if law not in found:
                found[law] = np.nan
                if design.source == "smote":
                    found[law] = 0.0  # what is believed of its rows does not depend on it
                elif not design.source or design.source in _LAW:
                    known = _known(groups, sizes, design)
                    found[law] = np.nan if known is None else reached - theory(known)[0]
            gain.append(found[law])
    return dataclasses.replace(silent, gain=np.array(gain), excess=float(reached - least))


def _known(groups: Sequence[GaussianGroup], sizes, design: Design) -> Known | None:
    """Theorem K2's word on a design; None without a fit, or where it is not to be relied on."""
    generator = _LAW.get(design.source, GENERATORS["oracle"]())
    try:
        found = predict_multiclass(groups, theory_design(sizes, design), generator)
    except (ValueError, np.linalg.LinAlgError):
        return None
    if found.validity.verdict == "unreliable" or not np.isfinite(found.total):
        return None
    parts = components_of([group.law for group in groups])
    return Known(
        excess=float(found.total),
        group_risk=np.asarray(found.group_excess.total) + moments(found.theta_star, parts).risk,
        group_risk_least=moments(found.theta_star, parts).risk,
        group_error=np.asarray(found.group_error.total),
        group_error_least=error_rates(found.theta_star, parts)[0],
        labels=np.array([group.label for group in groups]),
        raw=design.name == "raw",
    )
