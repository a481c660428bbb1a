"""What theorem H expects of a design on a table: the proposal that the table then disposes of.

The groups are taken to be normal with one covariance, estimated from the rows: the pooled one, with
more features than a quarter of the rows shrunk towards a multiple of the identity (Ledoit and Wolf
2004), and means whose distances are shrunk by what the sampling of few rows adds to them. Theorem H
then has the balanced excess risk of the penalised fit to every design, at the ridge that it finds
best for class weighting and a smaller one. SMOTE is taken with all pairs and rows without end, the
pooled predictive law as the plug-in, from which it differs by terms that vanish with the rows.

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
from synthetic_oversampling.theory.generators.table import GENERATORS
from synthetic_oversampling.theory.population.design import Design as RealDesign
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.proportional.predict import predict_proportional

__all__ = ["Proposal", "propose"]

_RIDGES = tuple(0.4 * 4.0**k for k in range(6))
_SMALLER = 8.0  # designs deserve the ridge of class weighting, or one so many times smaller
_LEAST = 0.05  # of the distance of the means, which shrinking leaves
_WIDE = 0.25  # features per row from which on the covariance is shrunk
_GENERATORS = {name: GENERATORS[name]() for name in ("smote", "plugin", "plugin-pooled")}
_GENERATORS["predictive-pooled"] = _GENERATORS["plugin-pooled"]


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Theorem H's word on a table.

    Attributes:
        gain: of every design over class weighting ``[D]``, nats; NaN where H has no law.
        excess: of class weighting, nats; NaN where the theory has none.
        ridge: best for class weighting.
        distance: Mahalanobis distance of the groups, shrunk.
    """

    gain: np.ndarray
    excess: float
    ridge: float
    distance: float


@dataclasses.dataclass(frozen=True)
class _Shared(RealDesign):
    """A design of theorem H with any share of synthetic rows in each group."""

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


def _covariance(rest: np.ndarray, groups: int) -> np.ndarray:
    """Of deviations from the means of groups ``[n, d]``; its inverse exists."""
    count, dim = rest.shape
    if dim > _WIDE * count:
        from sklearn.covariance import ledoit_wolf

        return ledoit_wolf(rest, assume_centered=True)[0] * count / (count - groups)
    pooled = rest.T @ rest / (count - groups)
    return pooled + 1e-6 * np.trace(pooled) / dim * np.eye(dim)


def _groups(x, y, group) -> tuple[list[GaussianGroup], float]:
    """Normal groups like the table's, and the distance of their means."""
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


def propose(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, designs: Sequence[Design], ridge: float | None
) -> Proposal:
    """Theorem H's gains.

    Args:
        x: features in units of their deviations ``[n, d]``; y: labels 0 and 1; group: of each row.
        designs: to compare.
        ridge: of the fit; 0 for none; None for the best one of each design.
    """
    groups, distance = _groups(x, y, group)
    sizes = tuple(int(n) for n in np.bincount(group))

    def excess(design: Design, at: float) -> float:
        generator = _GENERATORS.get(design.source)
        if design.source and generator is None:
            return np.nan
        if design.name == "raw":
            theirs = RealDesign.raw(sizes)
        elif not design.source:
            theirs = RealDesign.class_weighted(sizes)
        else:
            theirs = _Shared(sizes, counts=design.counts, shares=design.shares)
        try:
            return predict_proportional(
                groups=groups,
                design=theirs,
                generator=generator,
                ridge=at,
                many=design.source == "smote",
            ).total
        except (ValueError, np.linalg.LinAlgError):  # no law, or no fit
            return np.nan

    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if ridge is None:
            found = [excess(designs[1], at) for at in _RIDGES]
            if np.all(np.isnan(found)):
                return Proposal(np.full(len(designs), np.nan), np.nan, 1.0, distance)
            best = _RIDGES[int(np.nanargmin(found))]
            tried: tuple[float, ...] = (best, best / _SMALLER)
        else:
            best, tried = ridge, (ridge,)
        known: dict[tuple, float] = {}
        values = []
        for design in designs:
            law = (design.name, _GENERATORS.get(design.source, design.source), design.shares)
            if law not in known:
                each = [excess(design, at) for at in tried]
                known[law] = np.nan if np.all(np.isnan(each)) else float(np.nanmin(each))
            values.append(known[law])
    gain = values[1] - np.array(values)
    return Proposal(gain, values[1], best, distance)
