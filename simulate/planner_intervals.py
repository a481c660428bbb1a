"""Intervals for predicted excess risks: a score interval for the bias, a bootstrap for the rest.

The squared bias ``|b|^2`` of an estimate ``b_hat ~ N(b, W)`` (whitened) is not a normal quantity
when ``b`` is near 0. Its interval collects the ``lambda`` that a score test does not reject,

    (|b_hat|^2 - tr W - lambda)^2 <= z^2 (2 tr W^2 + 4 lambda kappa)

with ``kappa = b_hat'W b_hat / |b_hat|^2``, from the mean and variance of a quadratic form. Variance
parts are positive, so their interval is normal on the logarithmic scale, with the bootstrap's
standard error. Sums and differences of two such quantities get the square-and-add interval of Zou
and Donner (2008), which keeps each one's asymmetry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulate.planner_estimate import (
    Fits,
    Real,
    Synthetic,
    law_moments,
    positive,
    real_part,
    refit,
    synthetic_part,
)
from simulate.planner_sources import External, Rows, Source

__all__ = ["Interval", "Resampled", "add", "log_normal", "normal", "resample", "squared_bias"]


class Interval(NamedTuple):
    """An estimate with its interval."""

    value: float
    low: float
    high: float

    def halved(self) -> Interval:
        """Half of it."""
        return Interval(*(part / 2 for part in self))

    def around(self, value: float, least: float = -np.inf) -> Interval:
        """The interval with another estimate, widened to hold it, and cut off below."""
        return Interval(value, max(min(self.low, value), least), max(self.high, value))


class Resampled(NamedTuple):
    """Bootstrap replicates of what the predictions are made of ``[B, ...]``.

    Attributes:
        weighted: excess of class weighting.
        misfit: of `Real`.
        seeds, levelling, one: of `Synthetic`, for each source.
        square: corrected second moments of the bias, recentred at their estimate.
        failed: replicates without a fit.
    """

    weighted: np.ndarray
    misfit: np.ndarray
    seeds: tuple[np.ndarray, ...]
    levelling: tuple[np.ndarray, ...]
    one: tuple[np.ndarray, ...]
    square: tuple[np.ndarray, ...]
    failed: int

    def laws(self, index: int, level: bool) -> tuple[np.ndarray, ...]:
        """``A, C, D, S`` of a source in every replicate."""
        second = self.square[index] + self.seeds[index]
        return law_moments(second, self.levelling[index], self.one[index], level)


def squared_bias(own: Synthetic, parts: np.ndarray, z: float) -> Interval:
    """``|sum_j parts_j b_j|^2`` in the metric of ``H^{-1}``, with its score interval.

    The estimate is unbiased, so that it and its interval may lie below 0: where the bias is small,
    cutting them off before adding a variance part would push the sum up. Below 0 the test takes the
    variance at 0.
    """
    bias = parts @ own.bias
    noise = np.einsum("j,k,jkpq->pq", parts, parts, own.bias_noise)
    square, mean, spread = bias @ bias, np.trace(noise), np.sum(noise * noise)
    value = float(square - mean)
    tilt = bias @ noise @ bias / square if square > 0 else 0.0
    flat = z * np.sqrt(2 * spread)
    middle = value + 2 * z**2 * tilt
    reach = np.sqrt(max(middle**2 - value**2 + flat**2, 0.0))
    low = value - flat if value <= flat else middle - reach
    high = value + flat if value <= -flat else middle + reach
    return Interval(value, float(min(low, value)), float(max(high, value)))


def log_normal(value: float, replicates: np.ndarray, z: float) -> Interval:
    """A positive quantity with the bootstrap's spread of its logarithm."""
    if value <= 0:
        return Interval(0.0, 0.0, 0.0)
    positive_ones = replicates[replicates > 0]
    reach = z * float(np.std(np.log(positive_ones), ddof=1)) if len(positive_ones) > 1 else 0.0
    return Interval(float(value), float(value * np.exp(-reach)), float(value * np.exp(reach)))


def normal(value: float, std: float, z: float) -> Interval:
    """A normal quantity."""
    return Interval(float(value), float(value - z * std), float(value + z * std))


def add(first: Interval, second: Interval, sign: float = 1.0) -> Interval:
    """Sum, or difference for ``sign = -1``, of two independently estimated quantities."""
    if sign < 0:
        second = Interval(-second.value, -second.high, -second.low)
    value = first.value + second.value
    low = np.hypot(first.value - first.low, second.value - second.low)
    high = np.hypot(first.high - first.value, second.high - second.value)
    return Interval(value, float(value - low), float(value + high))


def resample(
    rows: Rows,
    fits: Fits,
    sources: list[tuple[Source, Synthetic]],
    *,
    replicates: int,
    seed: int,
) -> Resampled:
    """Bootstrap rows within groups, whose sizes are fixed by design; every fit is done again."""
    rng = np.random.default_rng(seed)
    sizes = np.bincount(rows.group)
    per_row = sizes[rows.group]
    kept, failed = [], 0
    for _ in range(replicates):
        weight = _counts(rows, rng)
        weighted = refit(rows, weight / (rows.count * per_row), fits.weighted)
        if weighted is None:
            failed += 1
            continue
        # the raw fit enters nothing that is resampled here: its own interval is by influence
        real = real_part(rows, weight, Fits(weighted, fits.raw))
        drawn = [
            synthetic_part(rows, weight, real, _redrawn(own, rng), noise=False)
            for own, _ in sources
        ]
        kept.append((real, drawn))
    if len(kept) < max(2, replicates // 2):
        raise ValueError(
            f"bootstrap: {failed} of {replicates} resampled tables have no logistic fit, so the "
            "classes are nearly separable and no interval can be given; collect more rows or drop "
            "features."
        )
    reals: list[Real] = [real for real, _ in kept]
    columns = [[drawn[k] for _, drawn in kept] for k in range(len(sources))]
    return Resampled(
        np.array([r.weighted for r in reals]),
        np.array([r.misfit for r in reals]),
        tuple(np.stack([s.seeds for s in column]) for column in columns),
        tuple(np.array([s.levelling for s in column]) for column in columns),
        tuple(np.array([s.one for s in column]) for column in columns),
        tuple(
            _recentred(point, column) for (_, point), column in zip(sources, columns, strict=True)
        ),
        failed,
    )


def _counts(rows: Rows, rng: np.random.Generator) -> np.ndarray:
    weight = np.zeros(len(rows.group))
    for g in range(rows.count):
        index = rows.members(g)
        weight[index] = rng.multinomial(len(index), np.full(len(index), 1.0 / len(index)))
    return weight


def _redrawn(own: Source, rng: np.random.Generator) -> Source:
    if own.external is None:
        return own
    table: External = own.external
    return Source(own.name, external=table._replace(weight=_counts(table.rows, rng)))


def _recentred(point: Synthetic, column: list[Synthetic]) -> np.ndarray:
    """Second moments of the bias in replicates whose true bias is the corrected estimate."""
    square = point.bias @ point.bias.T
    size = np.diagonal(square)
    shrink = np.sqrt(np.diagonal(point.square) / np.where(size > 0, size, 1.0))
    moved = np.stack([s.bias for s in column]) - point.bias[None]
    bias = shrink[None, :, None] * point.bias[None] + moved
    noise = np.trace(point.bias_noise, axis1=2, axis2=3)
    return positive(np.einsum("bjp,bkp->bjk", bias, bias) - noise[None])
