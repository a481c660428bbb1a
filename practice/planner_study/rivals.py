"""Ways to decide how many synthetic rows to add, on equal terms: one table, one generator.

Each takes the same table and generator and returns a fitted rule with the number of fits it cost.

* ``raw``, ``weighting``: no synthetic rows; ``balance``: level the groups, the usual practice;
* ``planner``: `practice.planner.plan.plan_table`; ``best guess``: its best weight without caution;
* ``validation size``: Ma and Zhang (arXiv 2601.16120), as `simulate.sweeps.procedures` compares it
  where the groups are known: the multiple of full balance whose minority rows minimise the balanced
  loss on held-out folds;
* ``fitted law``: Jain, Montanari and Sasoglu (arXiv 2402.04376): `theory.scaling.literature`'s law
  with exponent 1, as parametric models have, its two single-source curves fitted on parts of the
  rows and validated on held-back ones;
* ``corrected``: after Lyu, Ma, Zhang and Zhang (arXiv 2510.26046), who estimate the bias that
  synthetic minority rows bring into the loss from the majority, where real rows abound, and
  subtract it. Implemented is their idea with the simplest transfer, not their estimator: generate
  as many rows of the majority, take the difference of synthetic and real majority loss after moving
  both to the minority's mean, with the minority's label, subtract it from the loss of the levelled
  table, and minimise; the levelled fit stands where that objective is not convex;
* ``cross-validation``: five folds over a grid of weights.

Folds and splits keep groups' shares; after a choice the rule is fitted again on the whole table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.planner.choices import Choice
from synthetic_oversampling.practice.planner.estimate import fit_padded
from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner.sources import draw_rows, rows_of, score_parts
from synthetic_oversampling.theory.scaling.literature import surrogate_best_weight

__all__ = ["RIVALS", "Fitted", "Task", "balanced_loss", "fit_of", "fit_rows", "with_added"]

_HELD_BACK = 0.3
_FOLDS = 5
_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
_AROUND = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # times full balance


class Task(NamedTuple):
    """A table to decide on: features, labels 0/1 (also the groups), generator, cap, seed."""

    x: np.ndarray
    label: np.ndarray
    generator: str
    most: int  # added rows per group at most
    seed: int


class Fitted(NamedTuple):
    """A fitted rule: parameters, fits used, synthetic rows used, weight of the added part."""

    theta: np.ndarray
    fits: int
    rows: int = 0
    weight: float = 0.0


def fit_rows(x, label, weight) -> np.ndarray:
    """Weighted logistic fit of rows with labels 0 and 1."""
    return np.asarray(fit_padded(x, 2.0 * label - 1.0, weight).theta)


def balanced_loss(theta, x, label) -> float:
    """Mean over both labels of the mean logistic loss."""
    rows = rows_of(x, label)
    loss = score_parts(rows, theta)[0]
    return float(np.mean([loss[label == g].mean() for g in (0, 1)]))


def _balanced(label) -> np.ndarray:
    return 1.0 / (2 * np.bincount(label)[label])


def with_added(task: Task, levelling, size: int, weight: float) -> Fitted:
    """Draw and fit a design: levelled, or weighted when `levelling` is zero, plus added rows."""
    real = _balanced(task.label)
    sizes = np.bincount(task.label)
    level = np.asarray(levelling)
    if level.any():
        real = np.full(len(real), 1.0 / (2 * sizes.max()))
    x, group = draw_rows(task.generator, task.x, task.label, level + size, seed=task.seed)
    rank = np.concatenate([np.arange(n) for n in level + size])
    share = np.where(
        rank < level[group],
        (1 - weight) / (2 * sizes.max()),
        weight / (2 * size) if size else 0.0,
    )
    weights = np.concatenate([(1 - weight) * real, share])
    both = np.concatenate([task.x, x]), np.concatenate([task.label, group])
    return Fitted(fit_rows(*both, weights), 1, len(x), weight)


def _raw(task: Task) -> Fitted:
    return Fitted(fit_rows(task.x, task.label, np.full(len(task.x), 1.0 / len(task.x))), 1)


def _weighting(task: Task) -> Fitted:
    return Fitted(fit_rows(task.x, task.label, _balanced(task.label)), 1)


def _balance(task: Task) -> Fitted:
    sizes = np.bincount(task.label)
    return with_added(task, sizes.max() - sizes, 0, 0.0)


def fit_of(task: Task, own: Choice) -> Fitted:
    """Draw and fit what a plan recommends."""
    if own.rows:
        return with_added(task, own.oversampling, own.size, own.weight)
    return _raw(task) if own.name == "raw" else _weighting(task)


def _planned(task: Task, cautious: bool) -> Fitted:
    plan = plan_table(
        task.x, task.label, generators=task.generator, most=task.most, bootstrap=60, seed=task.seed
    )
    fits = 2 + 60 + 1  # two first fits, one of each resampled table, and the final one
    if cautious:
        return fit_of(task, plan.recommended)._replace(fits=fits)
    offers = [c for c in plan.choices if c.best_weight is not None]
    if not offers:
        return _weighting(task)._replace(fits=fits)
    own = max(offers, key=lambda c: c.gain.value)
    weight = own.best_weight.value
    size = (task.most if weight > own.weight else own.size) if weight > 0 else 0
    return with_added(task, own.oversampling, size, weight)._replace(fits=fits)


def _split(task: Task, share: float = _HELD_BACK) -> tuple[Task, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(task.seed)
    held = np.zeros(len(task.x), bool)
    for g in (0, 1):
        index = rng.permutation(np.flatnonzero(task.label == g))
        held[index[: max(1, round(share * len(index)))]] = True
    part = task._replace(x=task.x[~held], label=task.label[~held])
    return part, task.x[held], task.label[held]


def _pool(task: Task, added: int) -> Fitted:
    """Plain fit on all rows and `added` synthetic rows of the smaller group."""
    sizes = np.bincount(task.label)
    counts = np.zeros(2, int)
    counts[sizes.argmin()] = added
    x, group = draw_rows(task.generator, task.x, task.label, counts, seed=task.seed)
    both = np.concatenate([task.x, x]), np.concatenate([task.label, group])
    return Fitted(fit_rows(*both, np.full(len(both[0]), 1.0 / len(both[0]))), 1, added)


def _folds(task: Task) -> list[tuple[Task, np.ndarray, np.ndarray]]:
    """What is fitted on, and the held-out rows with their labels, of every fold."""
    rng = np.random.default_rng(task.seed)
    fold = np.empty(len(task.x), int)
    for g in (0, 1):
        index = rng.permutation(np.flatnonzero(task.label == g))
        fold[index] = np.arange(len(index)) % _FOLDS
    return [
        (task._replace(x=task.x[fold != k], label=task.label[fold != k]),
         task.x[fold == k], task.label[fold == k])
        for k in range(_FOLDS)
    ]  # fmt: skip


def _validated(task: Task, offers: tuple[float, ...], fitted: Callable[[Task, float], Fitted]):
    """The offer with the least balanced loss on held-out folds, fitted on the whole table."""
    losses = np.zeros(len(offers))
    for part, x, label in _folds(task):
        losses += [balanced_loss(fitted(part, own).theta, x, label) for own in offers]
    best = offers[int(losses.argmin())]
    return fitted(task, best)._replace(fits=len(offers) * _FOLDS + 1)


def _validation_size(task: Task) -> Fitted:
    def pooled(own: Task, multiple: float) -> Fitted:
        sizes = np.bincount(own.label)
        return _pool(own, round(multiple * int(sizes.max() - sizes.min())))

    return _validated(task, _AROUND, pooled)


def _fitted_law(task: Task) -> Fitted:
    part, x, label = _split(task)
    rng = np.random.default_rng(task.seed + 1)
    real, inverse = [], []
    for share in (0.4, 0.7, 1.0):
        keep = np.zeros(len(part.x), bool)
        for g in (0, 1):
            index = rng.permutation(np.flatnonzero(part.label == g))
            keep[index[: max(2, round(share * len(index)))]] = True
        theta = fit_rows(part.x[keep], part.label[keep], _balanced(part.label[keep]))
        real.append(balanced_loss(theta, x, label))
        inverse.append(1.0 / share)
    slope = max(float(np.polyfit(inverse, real, 1)[0]), 0.0)
    least = min(float(np.mean(real) - slope * np.mean(inverse)), min(real))
    synthetic, sizes = [], (task.most // 4, task.most // 2, task.most)
    for size in sizes:
        synthetic.append(balanced_loss(with_added(part, (0, 0), size, 1.0).theta, x, label))
    bend = max(float(np.polyfit(1.0 / np.array(sizes), synthetic, 1)[0]), 0.0)
    limit = max(float(np.mean(synthetic) - bend * np.mean(1.0 / np.array(sizes))) - least, 0.0)
    weight = surrogate_best_weight(real=slope, surrogate=limit + bend / task.most, limit=limit)
    if weight <= 0:
        return _weighting(task)._replace(fits=7)
    return with_added(task, (0, 0), task.most, weight)._replace(fits=7)


def _corrected(task: Task) -> Fitted:
    sizes = np.bincount(task.label)
    small, large = int(sizes.argmin()), int(sizes.argmax())
    added = int(sizes.max() - sizes.min())
    counts = np.full(2, added)
    x, group = draw_rows(task.generator, task.x, task.label, counts, seed=task.seed)
    move = task.x[task.label == small].mean(axis=0) - task.x[task.label == large].mean(axis=0)
    shifted_real, shifted_made = task.x[task.label == large] + move, x[group == large] + move
    own = np.full(len(task.x), 1.0)
    blocks = [
        (task.x, task.label, own),
        (x[group == small], np.full(added, small), np.full(added, 1.0)),
        (shifted_made, np.full(added, small), np.full(added, -1.0)),
        (shifted_real, np.full(sizes[large], small), np.full(sizes[large], added / sizes[large])),
    ]
    xs, labels, weights = (np.concatenate(part) for part in zip(*blocks, strict=True))
    start = _balance(task).theta
    theta = _signed_fit(xs, labels, weights / (2 * sizes.max()), start)
    return Fitted(start if theta is None else theta, 2, 2 * added)


def _signed_fit(x, label, weight, start) -> np.ndarray | None:
    """Damped Newton for weights of both signs; None where the objective is not convex enough."""
    rows = rows_of(x, label)
    theta = start
    for _ in range(50):
        _, first, second = score_parts(rows, theta)
        hessian = rows.x.T @ ((weight * second)[:, None] * rows.x)
        if np.linalg.eigvalsh(hessian)[0] <= 0:
            return None
        move = -np.linalg.solve(hessian, (weight * first) @ rows.x)
        change = np.abs(rows.x @ move).max()
        theta = theta + move * min(1.0, 1.0 / max(change, 1e-300))
        if change < 1e-8:
            return theta
    return None


def _cross_validation(task: Task) -> Fitted:
    def added(own: Task, weight: float) -> Fitted:
        return with_added(own, (0, 0), task.most, weight) if weight else _weighting(own)

    return _validated(task, _GRID, added)


RIVALS: dict[str, Callable[[Task], Fitted]] = {
    "raw": _raw,
    "weighting": _weighting,
    "balance": _balance,
    "planner": partial(_planned, cautious=True),
    "best guess": partial(_planned, cautious=False),
    "validation size": _validation_size,
    "fitted law": _fitted_law,
    "corrected": _corrected,
    "cross-validation": _cross_validation,
}
