"""Intervals for predicted excess risks: a score interval for the bias, a bootstrap for the rest.

The squared bias ``|b|^2`` of an estimate ``b_hat ~ N(b, W)`` (whitened) is not a normal quantity
when ``b`` is near 0. Its interval collects the ``lambda`` that a test does not reject, from the
first three cumulants of ``|b_hat|^2``,

    lambda + tr W,   2 tr W^2 + 4 lambda b'W b / |b|^2,   8 tr W^3 + 24 lambda b'W^2 b / |b|^2,

with ``b_hat`` for the direction of ``b``, and the quantiles of the gamma law that has them (Wilson
and Hilferty, 1931). Variance parts are positive, with the bootstrap's standard error; how many of
them an interval takes is `practice.planner.reach`'s. Sums and differences of two such quantities
get the square-and-add interval of Zou and Donner (2008), which keeps each one's asymmetry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.planner.estimate import (
    Fits,
    Real,
    Synthetic,
    positive,
    real_part,
    refit,
    synthetic_part,
)
from synthetic_oversampling.practice.planner.sources import External, Rows, Source
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "Interval", "Resampled", "add", "gamma_quantile", "normal", "resample", "scaled",
    "squared_bias",
]  # fmt: skip


class Interval(NamedTuple):
    """An estimate with its interval."""

    value: float
    low: float
    high: float

    def halved(self) -> Interval:
        """Half of it."""
        return Interval(*(part / 2 for part in self))

    def times(self, factor: float) -> Interval:
        """A multiple of it, of either sign."""
        low, high = sorted((factor * self.low, factor * self.high))
        return Interval(factor * self.value, low, high)

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
        turn: squared distance of `Synthetic.turn` from its estimate.
        failed: replicates without a fit.
    """

    weighted: np.ndarray
    misfit: np.ndarray
    seeds: tuple[np.ndarray, ...]
    levelling: tuple[np.ndarray, ...]
    one: tuple[np.ndarray, ...]
    square: tuple[np.ndarray, ...]
    turn: tuple[np.ndarray, ...]
    failed: int


def squared_bias(own: Synthetic, parts: np.ndarray, z: float) -> Interval:
    """``|sum_j parts_j b_j|^2`` in the metric of ``H^{-1}``, with its score interval.

    The estimate is unbiased, so that it and its interval may lie below 0: where the bias is small,
    cutting them off before adding a variance part would push the sum up. Below 0 the test takes the
    spread at 0.

    Args:
        own: estimates of the bias and their covariance.
        parts: weights of the parts.
        z: standard errors to either side.
    """
    bias = parts @ own.bias
    noise = np.einsum("j,k,jkpq->pq", parts, parts, own.bias_noise)
    square, mean = float(bias @ bias), float(np.trace(noise))
    if mean <= 0:
        return Interval(square, square, square)
    turned = noise @ bias
    along = (bias @ turned / square, turned @ turned / square) if square > 0 else (0.0, 0.0)
    flat = np.sum(noise * noise), np.sum((noise @ noise) * noise)

    def quantile(value: float, reach: float) -> float:
        """Of ``|b_hat|^2`` where the truth is `value`."""
        kept = max(value, 0.0)
        spread = np.sqrt(2 * flat[0] + 4 * kept * along[0])
        skew = (8 * flat[1] + 24 * kept * along[1]) / spread**3
        return value + mean + spread * gamma_quantile(reach, skew)

    value = square - mean
    low, high = (_solve(lambda own, r=r: quantile(own, r) - square, value, mean) for r in (z, -z))
    return Interval(value, min(low, value), max(high, value))


def gamma_quantile(z: float, skew: float) -> float:
    """Quantile of a standardised gamma law, from the normal one (Wilson and Hilferty, 1931).

    Example:
        >>> round(gamma_quantile(1.645, 2.0), 2)  # an exponential law: log(20) - 1 is 2.00
        1.97
    """
    if skew < 1e-8:
        return z
    own = 1 + skew * z / 6 - skew**2 / 36
    return 2 / skew * (max(own, 0.0) ** 3 - 1)


def _solve(function, start: float, scale: float) -> float:
    """The root of an increasing function, by doubling steps and bisection."""
    low, high, step = start, start, scale
    while function(low) > 0:
        low, step = low - step, 2 * step
    step = scale
    while function(high) < 0:
        high, step = high + step, 2 * step
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return float((low + high) / 2)


def scaled(value: float, replicates: np.ndarray, z: float) -> Interval:
    """A positive quantity with the bootstrap's spread of its logarithm, on the reciprocal's scale.

    The interval is ``value / (1 + e) .. value exp(e + e^2 / 2)`` with ``e`` the relative reach: to
    second order that of the reciprocal, ``value / (1 -+ e)``, but finite however large ``e``.
    """
    if value <= 0:
        return Interval(0.0, 0.0, 0.0)
    known = replicates[replicates > 0]
    reach = z * float(np.std(np.log(known), ddof=1)) if len(known) > 1 else 0.0
    high = value * np.exp(min(reach + reach**2 / 2, 50.0))
    return Interval(float(value), float(value / (1 + reach)), float(high))


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
    """Bootstrap rows within groups, whose sizes are fixed by design; every fit is done again.

    Args:
        rows, fits: the table and its fits.
        sources: generators with their estimates.
        replicates: how many.
        seed: of the bootstrap.

    Raises:
        ValueError: when most resampled tables have no fit.
    """
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
        real = real_part(rows, weight, Fits(weighted, fits.raw), raw=False)
        drawn = [
            synthetic_part(rows, weight, real, _redrawn(own, rng), noise=False)
            for own, _ in sources
        ]
        kept.append((real, drawn))
    if len(kept) < max(2, replicates // 2):
        raise ValueError(
            f"bootstrap: no logistic fit exists for {failed} of "
            f"{counted(replicates, 'resampled table')}, so the classes are nearly separable and no "
            "interval can be given; collect more rows or drop features."
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
        tuple(
            np.array([np.sum((s.turn - point.turn) ** 2) for s in column])
            for (_, point), column in zip(sources, columns, strict=True)
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
