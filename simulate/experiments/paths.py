"""Many settings of an experiment on the same draws: what curves over a parameter are made of.

A replicate draws one data set, large enough for every setting, and a setting says which rows count,
with what weight, and how far some of them are moved. Settings of one path share their random
numbers, so that neighbouring points differ by what the setting changes, and the path is compiled
once: a new setting is a new row of numbers, not a new program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset, row_layout
from synthetic_oversampling.simulate.sampling.erm import empirical_gradient, fit
from synthetic_oversampling.theory.generators.table import Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rate, risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, stack

__all__ = ["Progress", "Setting", "measured", "ratio", "run_path"]

Progress = Callable[[float], None]  # called with the share of the work that is done


class Setting(NamedTuple):
    """One point of a path.

    Attributes:
        design: whose weights the rows get; it may use fewer rows than the drawn design.
        groups: the groups whose risks are reported (moved with the rows, if they are moved).
        start: first iterate of the fit ``[p]``; the population minimiser saves steps.
        move: added to the features of the rows that the path selects ``[d]``.
        probe: where the empirical gradient is measured ``[p]``; `start` when omitted.
    """

    design: Design
    groups: Sequence[GaussianGroup]
    start: Array
    move: tuple[float, ...] | None = None
    probe: Array | None = None


class _Rows(NamedTuple):
    """Settings as arrays, one entry per segment of the drawn rows."""

    number: Array  # rows of each segment that count [S, segments]
    share: Array  # weight of each of these rows [S, segments]
    move: Array  # [S, d]
    start: Array  # [S, p]
    probe: Array  # [S, p]
    laws: Law  # [S, G, K, ...]


def _rows(drawn: Design, settings: Sequence[Setting], dim: int) -> _Rows:
    layout = row_layout(drawn)
    counts, shares = [], []
    for setting in settings:
        used = {(s.group, s.part): s for s in row_layout(setting.design)}
        mine = [used.pop((s.group, s.part), None) for s in layout]
        short = [m for m, s in zip(mine, layout, strict=True) if m and m.count > s.count]
        if used or short:
            raise ValueError(
                f"settings: got {setting.design}, expected a design whose samples are among those "
                f"drawn for {drawn}; draw a larger design."
            )
        counts.append([0 if m is None else m.count for m in mine])
        shares.append([0.0 if m is None else m.row_weight for m in mine])
    moves = [np.zeros(dim) if s.move is None else np.asarray(s.move, float) for s in settings]
    laws = [stack([group.law for group in s.groups]) for s in settings]
    return _Rows(
        number=jnp.asarray(counts),
        share=jnp.asarray(shares),
        move=jnp.asarray(np.stack(moves)),
        start=jnp.stack([s.start for s in settings]),
        probe=jnp.stack([s.start if s.probe is None else s.probe for s in settings]),
        laws=jax.tree.map(lambda *parts: jnp.stack(parts), *laws),
    )


@lru_cache(maxsize=32)
def _evaluator(counts: tuple[int, ...], chosen: tuple[bool, ...]):
    """Fit and evaluate all settings on one data set; compiled once per layout of rows."""
    segment = np.repeat(np.arange(len(counts)), counts)
    position = np.concatenate([np.arange(count) for count in counts])
    selector = np.repeat(np.asarray(chosen, float), counts)

    def evaluate(data):
        x, sign, rows = data

        def one(setting: _Rows):
            used = jnp.asarray(position) < setting.number[segment]
            weight = jnp.where(used, setting.share[segment], 0.0)
            shifted = x + jnp.asarray(selector)[:, None] * setting.move[None]
            result = fit(shifted, sign, weight, start=setting.start)
            errors = jax.vmap(lambda law: error_rate(result.theta, law))(setting.laws)
            return {
                "risk": jax.vmap(lambda law: risk(result.theta, law))(setting.laws),
                "error": errors,
                "worst_error": jnp.max(errors),
                "theta": result.theta,
                "gradient": empirical_gradient(setting.probe, shifted, sign, weight),
                "not_converged": ~result.converged & ~result.separated,
                "separated": result.separated,
            }

        return jax.lax.map(one, rows)

    return evaluate


def run_path(
    groups: Sequence[GaussianGroup],
    drawn: Design,
    generator: Generator,
    settings: Sequence[Setting],
    *,
    key: jax.Array,
    replicates: int,
    moved: Callable[[int, str], bool] | None = None,
    progress: Progress | None = None,
) -> monte_carlo.Result:
    """Replicate all settings of a path on common draws.

    Args:
        groups: the groups that rows are drawn from, before they are moved.
        drawn: the design whose rows are drawn; every setting uses the first of them.
        generator: the generator of the synthetic rows, fitted on all real rows drawn.
        settings: ``S`` settings.
        key: typed key of the path.
        replicates: how many.
        moved: which rows ``Setting.move`` is added to, by group and part ("real", "oversampling",
            "augmentation"); none when omitted.
        progress: called with the share done.

    Returns:
        A `simulate.replicates.monte_carlo.Result` with statistics ``risk [S, G]`` (nats), ``error
        [S, G]``, ``worst_error [S]``, ``theta [S, p]`` and ``gradient [S, p]``, values kept.
        Replicates in which any fit did not converge are left out and counted.

    Raises:
        ValueError: for a setting with more samples than are drawn.

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> start = jnp.asarray([-0.5, 1.0])
        >>> path = [Setting(Design.raw((200, n)), groups, start) for n in (200, 50)]
        >>> drawn = Design.raw((200, 200))
        >>> result = run_path(
        ...     groups, drawn, Oracle(), path, key=jax.random.key(0), replicates=20
        ... )
        >>> error = measured(result, "error")["mean"]
        >>> bool(error[0, 1] < error[1, 1])  # fewer samples of class 1: more errors on it
        True
    """
    dim = groups[0].dim
    layout = row_layout(drawn)
    rows = _rows(drawn, settings, dim)
    counts = tuple(s.count for s in layout)
    chosen = tuple(moved is not None and moved(s.group, s.part) for s in layout)

    def draw(key):
        data = draw_dataset(groups, drawn, generator, key=key)
        return data.x, data.sign, rows

    def report(result: monte_carlo.Result) -> None:
        if progress is not None:
            progress(result.replicates / replicates)

    block = min(block_for(sum(counts), dim + 1), 32)
    return monte_carlo.run(
        (draw, _evaluator(counts, chosen)),
        key=key,
        replicates=replicates,
        block=block,
        batch=4 * block,
        progress=report,
        keep=True,
    )


def measured(result: monte_carlo.Result, name: str, minus=0.0) -> dict:
    """Mean, standard error and replicates of a statistic, as an artifact holds them.

    Args:
        result: of a run.
        name: the statistic.
        minus: constant subtracted from the mean (a risk's value at the optimum).
    """
    mean, std_error, n = monte_carlo.estimate(result, name)
    return {"mean": mean - minus, "std_error": std_error, "replicates": n}


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> dict:
    """Ratio of two means of paired replicates, with its first-order standard error.

    Args:
        numerator, denominator: values by replicate ``[n, ...]``.

    Example:
        >>> value = ratio(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
        >>> float(value["mean"]), float(value["std_error"])
        (0.5, 0.0)
    """
    top, bottom = numerator.mean(axis=0), denominator.mean(axis=0)
    value = top / bottom
    spread = np.std((numerator - value[None] * denominator) / bottom[None], axis=0, ddof=1)
    n = len(numerator)
    return {"mean": value, "std_error": spread / np.sqrt(n), "replicates": n}
