"""Theorem R or theorem H: which of them a design is predicted by, and why.

Theorem R keeps the features and lets the rows grow; theorem H lets both grow. Their remainders were
measured beside the same simulations (``oversampling validity``): where R's verdict is "reliable" it
is within 10 %, and H, with 10 features or more, within a few per cent of it. Where R is doubtful or
unreliable, H was the nearer one from 10 features on; below them its own remainder, of order 1/d, is
as large.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from synthetic_oversampling.theory.generators.table import Generator, Oracle
from synthetic_oversampling.theory.inputs import check_groups
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.prediction.validity import (
    ELSEWHERE,
    PROPORTIONAL_FEATURES,
    THRESHOLDS,
    Unreliable,
    warn,
)
from synthetic_oversampling.theory.proportional.predict import (
    NoFiniteFit,
    Proportional,
    predict_proportional,
)
from synthetic_oversampling.theory.wording import counted

__all__ = ["InRegime", "predict_in_regime"]

Regime = Literal["fixed", "proportional"]
_REGIMES = ("auto", "fixed", "proportional")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class InRegime:
    """A prediction by theorem R or theorem H, ``G`` groups, risks in nats.

    Attributes:
        regime: "fixed" (theorem R) or "proportional" (theorem H).
        reason: why this one, in words.
        prediction: all that the theorem says, a `theory.Prediction` or a `theory.Proportional`.
    """

    regime: Regime
    reason: str
    prediction: Prediction | Proportional

    @property
    def total(self) -> float:
        """Balanced excess risk."""
        return float(self.prediction.total)

    @property
    def error(self) -> np.ndarray:
        """Error rate of each group ``[G]``."""
        found = self.prediction
        if isinstance(found, Proportional):
            return np.asarray(found.error)
        return np.asarray(found.group_error.total)

    @property
    def excess(self) -> np.ndarray:
        """Excess risk of each group ``[G]``."""
        found = self.prediction
        if isinstance(found, Proportional):
            return np.asarray(found.excess)
        return np.asarray(found.group_excess.total)

    @property
    def balanced_error(self) -> float:
        """Mean error rate over groups."""
        return float(np.mean(self.error))

    @property
    def worst_group_error(self) -> float:
        """Largest error rate over groups."""
        return float(np.max(self.error))


def predict_in_regime(
    *,
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator] | None = None,
    ridge: int | float = 0.0,
    loss: Loss = LOGISTIC,
    regime: str = "auto",
) -> InRegime:
    """Excess risk and errors of a design by the theorem that is to be relied on there.

    Asymptotic. "auto" takes theorem R (remainder O(n^{-2})) where its verdict is "reliable", and
    theorem H (relative remainder O(1/d)) elsewhere, from 10 features on, unless the generator has
    no law there, its equations have no solution, or it knows only infinitely many rows of a
    generator whose prediction by R is no worse than doubtful. A ridge is H's alone.

    Args:
        groups: ``G`` groups of dimension ``d``, both labels present.
        design: sizes, augmentation and weight, or a reference design.
        generator: one for all groups, or one per group; ignored by reference designs.
        ridge: of the penalty ``(ridge / 2) |w|^2`` beside losses of total weight ``n_tot``.
        loss: `LOGISTIC` (nats) or `SQUARED`.
        regime: "auto", "fixed" (theorem R whatever its verdict) or "proportional" (theorem H).

    Raises:
        ValueError: naming the argument; "fixed" with a ridge; as the theorem chosen does.
        theory.NoFiniteFit: where the rows are separable and the ridge is 0.
        RuntimeError: if float64 is off.

    Warns:
        Unreliable: where theorem R is taken and its verdict is not "reliable".

    Example:
        >>> groups = [GaussianGroup([2.0 * y - 1] + [0.0] * 19, np.eye(20), y) for y in (0, 1)]
        >>> for sizes in ((4000, 1000), (160, 40)):
        ...     found = predict_in_regime(groups=groups, design=Design.class_weighted(sizes))
        ...     print(found.regime, round(found.total, 4))
        fixed 0.0032
        proportional 0.1638
    """
    if regime not in _REGIMES:
        raise ValueError(f"regime: got {regime!r}, expected one of {', '.join(_REGIMES)}.")
    drawn = Oracle() if generator is None else generator
    asked = _Question(groups=groups, design=design, generator=drawn, ridge=ridge, loss=loss)
    if regime == "proportional":
        reason = "asked for"
        return InRegime(regime="proportional", reason=reason, prediction=asked.proportional())
    if regime == "fixed":
        if ridge != 0:
            raise ValueError(
                f"ridge: got {ridge!r} with regime='fixed', expected 0: theorem R is of fits "
                "without a penalty; take regime='proportional'."
            )
        return _taken(asked.fixed(), "asked for")
    if ridge != 0:
        reason = "theorem R knows no ridge"
        return InRegime(regime="proportional", reason=reason, prediction=asked.proportional())
    return _chosen(asked)


class _Question(NamedTuple):
    """What is asked, for either theorem."""

    groups: Sequence[GaussianGroup]
    design: Design
    generator: Generator | Sequence[Generator]
    ridge: int | float
    loss: Loss

    def proportional(self) -> Proportional:
        return predict_proportional(
            groups=self.groups,
            design=self.design,
            generator=self.generator,
            ridge=self.ridge,
            loss=self.loss,
        )

    def fixed(self) -> Prediction:
        """Theorem R in silence: whether to warn depends on whether it is taken."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Unreliable)
            return predict(self.groups, self.design, self.generator, self.loss)


def _taken(right: Prediction, reason: str) -> InRegime:
    """Theorem R, with the warnings that its verdict deserves."""
    warn(right.validity)
    return InRegime(regime="fixed", reason=reason, prediction=right)


def _chosen(asked: _Question) -> InRegime:
    check_groups(asked.groups, asked.design)
    dim, few = asked.groups[0].dim, min(asked.design.sizes)
    right, verdict = None, "unreliable"
    if dim < PROPORTIONAL_FEATURES or few >= THRESHOLDS["seeds"][1] * (dim + 1):
        right = asked.fixed()
        verdict, why = right.validity.verdict, "; ".join(right.validity.reasons)
        why = why.replace(ELSEWHERE, "")
        if verdict == "reliable":
            return _taken(right, "theorem R is reliable")
    else:  # that is known without the expansion, whose cost grows with the features
        rows, parameters = counted(few, "row"), counted(dim + 1, "parameter")
        why = f"the smallest group has {rows} for {parameters}"
    instead = f"theorem H is for {counted(PROPORTIONAL_FEATURES, 'feature')} or more"
    if dim >= PROPORTIONAL_FEATURES:
        try:
            found = asked.proportional()
        except NoFiniteFit:
            raise
        except ValueError as error:
            instead = f"theorem H has no answer ({error})"
        else:
            if not found.limited or verdict == "unreliable":
                reason = f"theorem R is {verdict}: {why}"
                return InRegime(regime="proportional", reason=reason, prediction=found)
            instead = "theorem H knows only infinitely many rows of this generator"
    reason = f"theorem R is {verdict}: {why}; but {instead}"
    return _taken(asked.fixed() if right is None else right, reason)
