"""How much synthetic data, chosen by validation or by formula: procedures on the same samples.

Ma and Zhang (arXiv 2601.16120) choose how many synthetic minority samples to add to the real data,
all weighted alike, by the balanced loss on held-out folds, from a grid of multiples of the gap
between the class sizes; the chosen size is then generated anew and the model fitted once more.
Theorem S1's global law gives weight and size of the augmentation, from the groups when they are
known and from their sample means and covariances when they are not. Every procedure sees the same
real samples and may ask the same generator for as many synthetic ones as it wants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.paths import Progress
from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.sampling.mixtures import (
    components_of,
    sample_columns,
    two_keys,
)
from synthetic_oversampling.simulate.sampling.samplers import synthetic_columns
from synthetic_oversampling.simulate.sweeps.common import (
    generators_of,
    groups_of,
    path_key,
    share_of,
)
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import law_of_design
from synthetic_oversampling.theory.wording import counted

__all__ = ["PROCEDURES", "Choice", "choice", "procedures"]

# what is compared, in the order of the figure
PROCEDURES = ("class weighting", "full balance", "validation", "S1, known", "S1, estimated")


class Choice(NamedTuple):
    """What S1 chooses for a design: weight and size of the augmentation."""

    weight: float
    size: int


def choice(
    groups: Sequence[GaussianGroup],
    sizes: tuple[int, ...],
    generator: Generator,
    *,
    price: float,
    most: int,
) -> Choice:
    """The size with the least excess plus price, and the best weight for it (S1).

    Args:
        groups: known, or Gaussian groups with sample means and covariances.
        sizes: real samples per group.
        generator: what the samples come from.
        price: nats that one more synthetic sample in every group may cost.
        most: largest size that may be drawn.

    Example:
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> chosen = choice(groups, (300, 100), Oracle(), price=1e-9, most=900)
        >>> round(chosen.weight, 6), chosen.size  # N / (n_max + N), as much as may be drawn
        (0.75, 900)
    """
    law = law_of_design(groups, sizes, generator)
    size = int(np.clip(math.ceil(float(law.optimal_size(price))), 1, most))
    return Choice(float(law.best_weight(size)), size)


class _Rows(NamedTuple):
    """One replicate's samples, features last: real and synthetic of both classes."""

    major: jax.Array  # [n0, d]
    minor: jax.Array  # [n1, d]
    more_major: jax.Array  # synthetic [most, d]
    more_minor: jax.Array  # synthetic [most + gap, d]
    folds: jax.Array  # synthetic minority samples by fold [F, largest, d]


def _drawer(groups, sizes, generator, settings):
    """``key -> _Rows``; the first group is the majority."""
    (n0, n1), folds, most = sizes, settings["folds"], settings["most"]
    gap = n0 - n1
    largest = round(max(settings["multiples"]) * gap)

    def draw(key) -> _Rows:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(4 + folds))
        major, _ = sample_columns(components_of(groups[0]), n0, two_keys(keys[0]), jnp.float64)
        minor, _ = sample_columns(components_of(groups[1]), n1, two_keys(keys[1]), jnp.float64)
        seeds = [major, minor]
        more_major, more_minor = (
            synthetic_columns(generator, g, groups, seeds, count, two_keys(keys[2 + g]))[0].T
            for g, count in ((0, most), (1, max(most + gap, largest)))
        )
        held = [jnp.arange(n) // (n // folds) for n in (n0, n1)]

        def of_fold(fold, index):
            # a fold's samples are moved to the end, where they are cut off: same sizes for all
            kept = [
                x[:, jnp.argsort(place == index, stable=True)][:, : n - n // folds]
                for x, place, n in zip(seeds, held, (n0, n1), strict=True)
            ]
            return synthetic_columns(generator, 1, groups, kept, largest, two_keys(fold))[0].T

        drawn = [of_fold(keys[4 + index], index) for index in range(folds)]
        return _Rows(
            major=major.T,
            minor=minor.T,
            more_major=more_major,
            more_minor=more_minor,
            folds=jnp.stack(drawn),
        )

    return draw


def _evaluator(groups, sizes, settings, start, floor):
    """``(rows, weight, size of S1) -> excess risk by procedure``; compiled once per sweep."""
    (n0, n1), folds = sizes, settings["folds"]
    gap, multiples = n0 - n1, jnp.asarray(settings["multiples"])
    counts = jnp.round(multiples * gap)
    balanced = balanced_law(groups)
    held = [jnp.arange(n) // (n // folds) for n in (n0, n1)]

    def masks(extra, count):
        """Which of the synthetic minority samples are used: the first ones."""
        return (jnp.arange(float(len(extra))) < count).astype(float)

    def validation(rows: _Rows):
        """The multiple with the least balanced loss on held-out folds."""

        def loss(case):
            index, count = case
            use = [(place != index).astype(float) for place in held]
            extra = rows.folds[index]
            x = jnp.concatenate([rows.major, rows.minor, extra])
            sign = jnp.concatenate([-jnp.ones(n0), jnp.ones(n1 + len(extra))])
            weight = jnp.concatenate([*use, masks(extra, count)])
            theta = fit(x, sign, weight / jnp.sum(weight), start=start).theta
            losses = LOGISTIC.value(sign * (theta[0] + x @ theta[1:]))[: n0 + n1]
            parts = [
                jnp.sum((1 - used) * part) / jnp.sum(1 - used)
                for used, part in zip(use, (losses[:n0], losses[n0:]), strict=True)
            ]
            return (parts[0] + parts[1]) / 2

        fewer = jnp.round(counts * (folds - 1) / folds)  # the same multiples of the folds' gap
        cases = (jnp.repeat(jnp.arange(folds), len(counts)), jnp.tile(fewer, folds))
        losses = jax.lax.map(loss, cases).reshape(folds, -1).mean(axis=0)
        return jnp.argmin(losses)

    def pooled(rows: _Rows, count):
        """Weights of real and the first synthetic minority samples, all alike."""
        none = jnp.zeros(len(rows.more_major))
        return jnp.concatenate([jnp.ones(n0 + n1), none, masks(rows.more_minor, count)])

    def augmented(rows: _Rows, weight, size):
        """Weights of oversampling and augmentation, with S1's weight and size."""
        over, more = (1 - weight) / (2 * n0), weight / (2 * size)
        place = jnp.arange(float(len(rows.more_minor)))
        first = jnp.where(jnp.arange(float(len(rows.more_major))) < size, more, 0.0)
        second = jnp.where(place < gap, over, jnp.where(place < gap + size, more, 0.0))
        return jnp.concatenate([jnp.full(n0 + n1, over), first, second])

    def evaluate(case):
        rows, weights, extra = case
        best = validation(rows)
        synthetic = jnp.zeros(len(rows.more_major) + len(rows.more_minor))
        table = [
            jnp.concatenate([jnp.full(n0, 1 / n0), jnp.full(n1, 1 / n1), synthetic]),
            pooled(rows, gap),
            pooled(rows, counts[best]),
            augmented(rows, weights[0], extra[0]),
            augmented(rows, weights[1], extra[1]),
        ]
        x = jnp.concatenate([rows.major, rows.minor, rows.more_major, rows.more_minor])
        sign = jnp.concatenate(
            [
                -jnp.ones(n0),
                jnp.ones(n1),
                -jnp.ones(len(rows.more_major)),
                jnp.ones(len(rows.more_minor)),
            ]
        )

        def one(weight):
            fitted = fit(x, sign, weight / jnp.sum(weight), start=start)
            return risk(fitted.theta, balanced) - floor, ~fitted.converged

        excess, failed = jax.lax.map(one, jnp.stack(table))
        return {"excess": excess, "multiple": multiples[best], "not_converged": jnp.any(failed)}

    return evaluate


def _estimated(rows: _Rows, sizes, generator, settings) -> list[Choice]:
    """S1's choice from the sample means and covariances of every replicate."""
    found = []
    for major, minor in zip(np.asarray(rows.major), np.asarray(rows.minor), strict=True):
        groups = [
            GaussianGroup(x.mean(axis=0), np.cov(x.T), label)
            for label, x in enumerate((major, minor))
        ]
        found.append(
            choice(groups, sizes, generator, price=settings["price"], most=settings["most"])
        )
    return found


def procedures(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Excess risk of every procedure, its standard error, and its cost in fits (S1).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.

    Raises:
        ValueError: for sizes that the folds do not divide.
    """
    groups, sizes = groups_of(settings), tuple(settings["sizes"])
    if any(n % settings["folds"] for n in sizes):
        raise ValueError(
            f"sizes: got {sizes} for {counted(settings['folds'], 'fold')}, expected multiples of "
            "the folds."
        )
    generators, replicates = generators_of(settings), settings["replicates"]
    star = predict(groups, Design(sizes), generators["oracle"]).theta_star
    floor = float(risk(star, balanced_law(groups)))
    evaluate = jax.jit(
        lambda cases: jax.lax.map(
            _evaluator(groups, sizes, settings, star, floor), cases, batch_size=16
        )
    )
    rows, left_out = {}, 0
    for index, name in enumerate(settings["generators"]):
        generator = generators[name]
        draw = _drawer(groups, sizes, generator, settings)
        keys = streams.fold_in(path_key(seed, "procedures"), jnp.arange(replicates))
        drawn = jax.jit(lambda keys_of_batch, draw=draw: jax.lax.map(draw, keys_of_batch))(keys)
        report_share = share_of(progress, index, len(settings["generators"]))
        report_share(0.2)
        known = choice(groups, sizes, generator, price=settings["price"], most=settings["most"])
        found = _estimated(drawn, sizes, generator, settings)
        report_share(0.6)
        weights = jnp.asarray([[known.weight, one.weight] for one in found])
        extra = jnp.asarray([[known.size, one.size] for one in found], float)
        result = {k: np.asarray(v) for k, v in evaluate((drawn, weights, extra)).items()}
        kept = ~result["not_converged"]
        left_out += int(np.sum(~kept))
        rows[name] = {"excess": _mean(result["excess"][kept])}
        report_share(1.0)
    grid = len(settings["multiples"])
    return {
        "procedures": list(PROCEDURES),
        "fits": [1, 1, grid * settings["folds"] + 1, 1, 1],
        "predictions": [0, 0, 0, 1, 1],
        "generators": rows,
        "counts": {"replicates_in_all": replicates * len(rows), "left_out": left_out},
    }


def _mean(values: np.ndarray) -> dict:
    spread = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    return {"mean": values.mean(axis=0), "std_error": spread, "replicates": len(values)}
