"""Experiments in the sequence model: whole designs, filters over a range of sizes, fitted seeds.

Samples are drawn row by row, real and synthetic, group by group, with the weights of their design;
nothing here uses the noise level or the bias that theory predicts. Only the experiment over a range
draws the weighted average itself, whose law is exact, because its sizes reach many millions.
Coordinates end where every filter is set to 0; the signal beyond is added exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.sampling.datasets import row_layout
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.scaling.sequence_model import Filter, Signal, best_scale

__all__ = [
    "BETAS",
    "DESIGN",
    "FAMILIES",
    "RANGE",
    "SEEDS",
    "DesignSetting",
    "RangeSetting",
    "SeedSetting",
    "functions_of",
]

BETAS = (0.5, 1.0, 2.0)  # smoothness of the signal
# families of linear filters
FAMILIES = {
    "cut-off": Filter("cut-off"),
    "tikhonov": Filter("tikhonov", 2.0),
    "pinsker": Filter("pinsker", 4.0),
}


class DesignSetting:
    """An imbalanced design with a biased generator, one filter of each family and smoothness.

    Sizes are far apart, so that no two of them can be exchanged unnoticed; the generators' biases
    differ between the groups in size and sign.
    """

    design = Design((48, 12), 16, 0.3)
    coordinates = 24
    scale = 7.0
    amplitude = 1.0

    @cached_property
    def shifts(self) -> np.ndarray:
        """Bias of each group's generator ``[G, K]``."""
        k = np.arange(1, self.coordinates + 1)
        return np.stack([-0.7 / np.sqrt(k), -0.35 / np.sqrt(k)])

    @property
    def direction(self) -> np.ndarray:
        """Unit vector along the first group's bias."""
        return self.shifts[0] / np.linalg.norm(self.shifts[0])

    def signal(self, beta: float) -> Signal:
        """The truth.

        Args:
            beta: smoothness.
        """
        return Signal(self.amplitude, beta)

    def weights(self, family: str) -> np.ndarray:
        """The filter.

        Args:
            family: of the filter, one of `FAMILIES`.
        """
        return FAMILIES[family].weights(self.coordinates, self.scale)

    def functions(self) -> Callable:
        """Draw every sample of the design, average with its weights, filter, and measure."""
        layout = row_layout(self.design)
        rows = sum(segment.count for segment in layout)
        weight = np.repeat([s.row_weight for s in layout], [s.count for s in layout])
        offset = np.concatenate(
            [
                np.tile(
                    self.shifts[s.group] if s.part != "real" else 0 * self.shifts[0], (s.count, 1)
                )
                for s in layout
            ]
        )
        filters = np.stack([self.weights(family) for family in FAMILIES])
        centre = weight @ offset
        thetas = np.stack([self.signal(beta).coordinates(self.coordinates) for beta in BETAS])
        tails = np.array([self.signal(beta).tail(self.coordinates) for beta in BETAS])

        def one(key):
            noise = streams.normal(key, (rows, self.coordinates))
            error = jnp.asarray(weight) @ (noise + jnp.asarray(offset))  # about theta, any theta
            estimates = jnp.asarray(filters)[None] * (jnp.asarray(thetas) + error[None])[:, None]
            squared = jnp.sum((estimates - jnp.asarray(thetas)[:, None]) ** 2, axis=-1)
            return {
                "squared": (squared + jnp.asarray(tails)[:, None]).ravel(),  # [beta, family]
                "bias": error @ jnp.asarray(self.direction),
                "level": jnp.mean((error - jnp.asarray(centre)) ** 2),
            }

        return one


@lru_cache(maxsize=16)
def _range_table(family: str, beta: float, scales: tuple[float, ...], count: int):
    filters, signal = FAMILIES[family], Signal(1.0, beta)
    levels = [scale ** -(2 * beta + 1) for scale in scales]  # best cut-off, by balance
    best = [best_scale(filters, signal, level, count).scale for level in levels]
    return tuple((level, filters.weights(count, k)) for level, k in zip(levels, best, strict=True))


class RangeSetting:
    """Filters at their best scale over a range of noise levels, without generator bias.

    Attributes:
        scales: of the filters, through the range; the noise levels follow from them.
    """

    scales = (6.0, 12.0, 24.0, 48.0)
    coordinates = 192

    def table(self, family: str, beta: float) -> tuple[tuple[float, np.ndarray], ...]:
        """Noise level and best filter at each scale of the range.

        Args:
            family: of the filter, one of `FAMILIES`.
            beta: smoothness of the signal.
        """
        return _range_table(family, beta, self.scales, self.coordinates)

    def places(self, beta: float) -> np.ndarray:
        """Logarithms of the noise levels.

        Args:
            beta: smoothness of the signal.
        """
        return -(2 * beta + 1) * np.log(self.scales)

    def slope_weights(self, beta: float) -> np.ndarray:
        """Least-squares weights of the slope in the logarithm of the noise level.

        Args:
            beta: smoothness of the signal.
        """
        centred = self.places(beta) - self.places(beta).mean()
        return centred / (centred @ centred)

    def functions(self) -> Callable:
        """Squared error and classification error of every filter, smoothness and level."""
        signals = [Signal(1.0, beta) for beta in BETAS]
        theta = np.stack([signal.coordinates(self.coordinates) for signal in signals])
        tails = np.array([signal.tail(self.coordinates) for signal in signals])
        tables = [[self.table(family, beta) for family in FAMILIES] for beta in BETAS]
        filters = np.array([[[row[1] for row in part] for part in table] for table in tables])
        spread = np.sqrt([[[row[0] for row in part] for part in table] for table in tables])
        distance = np.array([signal.distance for signal in signals])
        factor = np.exp(-(distance**2) / 2) / math.sqrt(2 * math.pi) / (2 * distance)
        slopes = np.stack([self.slope_weights(beta) for beta in BETAS])
        noise_part = np.sum(filters**2, axis=-1) * spread**2
        bias_part = np.sum(((1 - filters) * theta[:, None, None]) ** 2, axis=-1)
        # the slope of log risk is measured to first order about these means
        centre = jnp.asarray(noise_part + bias_part + tails[:, None, None])

        def one(key):
            noise = streams.normal(key, (1, self.coordinates))[0]
            # [beta, family, level, coordinate]
            truth = jnp.asarray(theta)[:, None, None]
            estimate = jnp.asarray(filters) * (
                truth + jnp.asarray(spread)[..., None] * noise[None, None, None]
            )
            squared = jnp.sum((estimate - truth) ** 2, axis=-1)
            along = jnp.sum(estimate * truth, axis=-1)
            length = jnp.sum(estimate**2, axis=-1)
            far = jnp.asarray(distance)[:, None, None]
            least = jax.scipy.special.ndtr(-far)
            excess = jax.scipy.special.ndtr(-along / jnp.sqrt(length)) - least
            leading = jnp.asarray(factor)[:, None, None] * (length - (along / far) ** 2)
            risk = squared + jnp.asarray(tails)[:, None, None]
            slope = jnp.asarray(slopes)[:, None] * (jnp.log(centre) + risk / centre - 1.0)
            return {
                "slope": jnp.sum(slope, axis=-1).ravel(),
                "excess": excess.ravel(),
                "rest": (excess - leading).ravel(),
            }

        return one


class SeedSetting:
    """Seeds, a generator that smooths them, and synthetic samples drawn from it (S3)."""

    seeds = 40
    sizes = (20, 160)
    shares = (0.5, 1.0)
    coordinates = 20
    groups = 2

    def cutoff(self, beta: float) -> int:
        """What the seeds' own best cut-off keeps: the generator's smoother, and the filter.

        Args:
            beta: smoothness of the signal.
        """
        level = 1.0 / (self.groups * self.seeds)
        best = best_scale(FAMILIES["cut-off"], Signal(1.0, beta), level, self.coordinates)
        return int(best.scale)

    def functions(self) -> Callable:
        """Draw seeds, smooth their mean, draw synthetic samples from it, average and filter."""
        thetas = np.stack([Signal(1.0, beta).coordinates(self.coordinates) for beta in BETAS])
        tails = np.array([Signal(1.0, beta).tail(self.coordinates) for beta in BETAS])
        keep = np.stack([np.arange(self.coordinates) < self.cutoff(beta) for beta in BETAS])
        rows = self.groups * (self.seeds + max(self.sizes))

        def one(key):
            noise = streams.normal(key, (rows, self.coordinates))
            real, drawn = jnp.split(noise, [self.groups * self.seeds])
            seed_mean = jnp.mean(real.reshape(self.groups, self.seeds, -1), axis=1)
            drawn = drawn.reshape(self.groups, max(self.sizes), -1)
            results = []
            for theta, tail, kept in zip(thetas, tails, keep, strict=True):
                truth, used = jnp.asarray(theta), jnp.asarray(kept, float)
                mean = truth[None] + seed_mean  # of each group's seeds
                for share in self.shares:
                    for size in self.sizes:
                        fresh = used[None] * mean + jnp.mean(drawn[:, :size], axis=1)
                        average = jnp.mean((1 - share) * mean + share * fresh, axis=0)
                        results.append(jnp.sum((used * average - truth) ** 2) + float(tail))
            return {"squared": jnp.stack(results)}

        return one


# settings of the sequence model: a design, ranges of sizes, numbers of seeds
DESIGN, RANGE, SEEDS = DesignSetting(), RangeSetting(), SeedSetting()


@lru_cache(maxsize=4)
def functions_of(name: str) -> Callable:
    """One replicate of the experiment "design", "range" or "seeds", compiled once.

    Args:
        name: of the experiment.

    Raises:
        ValueError: for another name.
    """
    settings: dict[str, Any] = {"design": DESIGN, "range": RANGE, "seeds": SEEDS}
    if name not in settings:
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(settings)}.")
    return settings[name].functions()
