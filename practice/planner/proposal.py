"""What theorem H expects of a design on a table: the proposal that the table then disposes of.

The groups are taken to be normal with one covariance, estimated from the rows: the pooled one, with
more features than a quarter of the rows shrunk towards a multiple of the identity (Ledoit and Wolf
2004), and means whose distances are shrunk by what the sampling of few rows adds to them. Theorem H
then has the loss of the penalised fit to every design, by any of `planner.objectives`, at the ridge
that it finds best for class weighting and a smaller one. SMOTE is taken with all pairs and rows
without end, the pooled predictive law as the plug-in, from which it differs by terms that vanish
with the rows.

It is a theory of logistic fits to normal groups. It knows nothing of skewed rows, and of forests
and boosting nothing at all; how far it is to be trusted is `practice.planner.trust`'s.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence

import jax
import numpy as np

from synthetic_oversampling.practice.planner.designs import Design
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES
from synthetic_oversampling.theory.generators.table import GENERATORS
from synthetic_oversampling.theory.multiclass.predict import predict_multiclass
from synthetic_oversampling.theory.population.design import Design as RealDesign
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.prediction.validity import ELSEWHERE, NOT_JUDGED, Validity
from synthetic_oversampling.theory.proportional.predict import Proportional, predict_proportional

__all__ = ["Proposal", "group_laws", "propose", "theory_design", "validity_of"]

_RIDGES = tuple(0.4 * 4.0**k for k in range(6))
_SMALLER = 8.0  # designs deserve the ridge of class weighting, or one so many times smaller
_LEAST = 0.05  # of the distance of the means, which shrinking leaves
_WIDE = 0.25  # features per row from which on the covariance is shrunk
_GENERATORS = {name: GENERATORS[name]() for name in ("smote", "plugin", "plugin-pooled")}
_GENERATORS["predictive-pooled"] = _GENERATORS["plugin-pooled"]


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Theorem H's word on a table, in the units of an objective.

    Attributes:
        gain: of every design over class weighting ``[D]``; NaN where H has no law.
        excess: of class weighting over the best linear rule; NaN where the theory has none.
        ridge: best for class weighting.
        distance: Mahalanobis distance of the groups, shrunk.
    """

    gain: np.ndarray
    excess: float
    ridge: float
    distance: float


@dataclasses.dataclass(frozen=True)
class _Shared(RealDesign):
    """A design of theorems H and K with any share of synthetic rows in each group."""

    counts: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def oversampling(self):
        return self.counts

    @property
    def real_mass(self):
        return (1 - np.array(self.shares)) / self.num_groups

    @property
    def oversampling_mass(self):
        return np.array(self.shares) / self.num_groups

    @property
    def synthetic_noise(self):
        return self.oversampling_mass**2 / np.maximum(self.counts, 1)


def _covariance(rest: np.ndarray, groups: int) -> np.ndarray:
    """Of deviations from the means of groups ``[n, d]``; its inverse exists."""
    count, dim = rest.shape
    if dim > _WIDE * count:
        from sklearn.covariance import ledoit_wolf

        return ledoit_wolf(rest, assume_centered=True)[0] * count / (count - groups)
    pooled = rest.T @ rest / (count - groups)
    return pooled + 1e-6 * np.trace(pooled) / dim * np.eye(dim)


def group_laws(x, y, group) -> tuple[list[GaussianGroup], float]:
    """Normal groups like the table's, and the distance of their means.

    Args:
        x: features in units of their deviations; y: labels; group: of each row.
    """
    sizes = np.bincount(group)
    means = np.stack([x[group == g].mean(axis=0) for g in range(len(sizes))])
    pooled = _covariance(x - means[group], len(sizes))
    centre = means.mean(axis=0)
    apart = means - centre
    square = float(np.sum(apart * np.linalg.solve(pooled, apart.T).T))
    noise = x.shape[1] * float(np.sum(1 / sizes)) * (1 - 1 / len(sizes))
    kept = max(1 - noise / max(square, 1e-300), _LEAST)
    labels = [int(y[group == g][0]) for g in range(len(sizes))]
    moved = np.sqrt(kept) * apart
    found = [GaussianGroup(mean, pooled, label) for mean, label in zip(moved, labels, strict=True)]
    return found, float(np.sqrt(2 * kept * square))


def validity_of(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> Validity:
    """Theory's verdict on class weighting without a penalty, of normal groups like the table's.

    Args:
        x: features in units of their deviations ``[n, d]``; y: labels 0 to K - 1; group: of rows.
    """
    groups, _ = group_laws(x, y, group)
    design = RealDesign.class_weighted(tuple(int(n) for n in np.bincount(group)))
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if y.max() > 1:
                found = predict_multiclass(groups, design, GENERATORS["oracle"]()).validity
            else:
                found = predict(groups, design, GENERATORS["oracle"]()).validity
        except (ValueError, np.linalg.LinAlgError) as error:
            return NOT_JUDGED._replace(reasons=(f"theory has no finite rule here ({error})",))
    return found._replace(reasons=tuple(why.replace(ELSEWHERE, "") for why in found.reasons))


def propose(
    x: np.ndarray,
    y: np.ndarray,
    group: np.ndarray,
    designs: Sequence[Design],
    ridge: float | None,
    *,
    objectives: Sequence[str],
    prevalence: float,
) -> tuple[Proposal, ...]:
    """Theorem H's gains, by each of some objectives.

    Args:
        x: features in units of their deviations ``[n, d]``; y: labels 0 and 1; group: of each row.
        designs: to compare; the second is class weighting.
        ridge: of the fit; 0 for none; None for the best one of each design.
        objectives: names among `planner.objectives.OBJECTIVES`.
        prevalence: share of label 1 where the rule is to be used.
    """
    groups, distance = group_laws(x, y, group)
    sizes = tuple(int(n) for n in np.bincount(group))
    known: dict[tuple, Proportional | None] = {}

    def predicted(design: Design, at: float) -> Proportional | None:
        generator = _GENERATORS.get(design.source)
        law = (design.name, _GENERATORS.get(design.source, design.source), design.shares, at)
        if law not in known:
            known[law] = None
            if not design.source or generator is not None:
                known[law] = _predicted(groups, sizes, design, generator, at)
        return known[law]

    def proposal(name: str) -> Proposal:
        theory = OBJECTIVES[name].theory
        tried: tuple[float, ...]

        def value(design: Design, at: float) -> tuple[float, float]:
            found = predicted(design, at)
            return (np.nan, np.nan) if found is None else theory(found, prevalence)

        if ridge is not None:
            best, tried = ridge, (ridge,)
        else:
            weighted = [value(designs[1], at)[0] for at in _RIDGES]
            if np.all(np.isnan(weighted)):
                return Proposal(np.full(len(designs), np.nan), np.nan, 1.0, distance)
            best = _RIDGES[int(np.nanargmin(weighted))]
            tried = (best, best / _SMALLER)
        loss = []
        for design in designs:
            each = [value(design, at)[0] for at in tried]
            loss.append(np.nan if np.all(np.isnan(each)) else float(np.nanmin(each)))
        least = np.array([value(designs[1], at)[1] for at in tried])
        excess = loss[1] - least[np.isfinite(least)][0] if np.isfinite(loss[1]) else np.nan
        return Proposal(loss[1] - np.array(loss), float(excess), best, distance)

    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(proposal(name) for name in objectives)


def theory_design(sizes, design: Design) -> RealDesign:
    """A design as theory has it.

    Args:
        sizes: real rows of each group; design: of the planner.
    """
    if design.name == "raw":
        return RealDesign.raw(sizes)
    if not design.source:
        return RealDesign.class_weighted(sizes)
    return _Shared(sizes, counts=design.counts, shares=design.shares)


def _predicted(groups, sizes, design: Design, generator, ridge: float) -> Proportional | None:
    """Theorem H's word on a design; None without a law or a fit."""
    try:
        return predict_proportional(
            groups=groups,
            design=theory_design(sizes, design),
            generator=generator,
            ridge=ridge,
            many=design.source == "smote",
        )
    except (ValueError, np.linalg.LinAlgError):
        return None
