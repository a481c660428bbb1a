"""Tables whose future is known: seven kinds of rows, most of them not normal.

* ``normal``: two normal classes with one covariance; ``two covariances``: the rare one has its own;
* ``skewed``: exponential noise; ``heavy tails``: Student's with three degrees of freedom;
* ``counts``: Poisson counts and shares; ``interacting``: the label follows from products of normal
  features as well, so that neither class is normal and no linear rule is right;
* ``craft``: `practice.rows.craft`: nine features of which four interact, rounded to a decimal, the
  label a noisy rule of four of them.

Classes differ by 0.7 to 3 standard deviations in a random direction; the rare one has 10 to 200
rows, the other 4 to 20 times as many (1500 at most), of 3 to 50 features.
"""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.practice.planner_study.real_tables import Trial
from synthetic_oversampling.practice.rows.craft import craft

__all__ = ["KINDS", "simulated"]

# kinds of simulated tables
KINDS = ("normal", "two covariances", "skewed", "heavy tails", "counts", "interacting", "craft")
_JUDGED = 4000  # fresh rows of each class


def simulated(place: int, seed: int = 0) -> Trial:
    """A table and fresh rows of its law.

    Args:
        place: number of the table; its kind is the remainder by seven.
        seed: of all tables.

    Example:
        >>> trial = simulated(0)
        >>> trial.judge.shape[0], sorted(set(trial.label.tolist()))
        (8000, [0, 1])
    """
    kind, rng = KINDS[place % len(KINDS)], np.random.default_rng([seed, place])
    few = int(np.exp(rng.uniform(np.log(10), np.log(200))))
    many = min(int(few * rng.uniform(4, 20)), 1500)
    dim = int(np.exp(rng.uniform(np.log(3), np.log(50.99))))
    dim = min(dim, (few + many) // 4)
    law = (
        _by_label(kind, dim, rng) if kind in ("interacting", "craft") else _by_class(kind, dim, rng)
    )
    rows = [law(rng, side, count) for side, count in ((0, many), (1, few))]
    fresh = [law(rng, side, _JUDGED) for side in (0, 1)]
    return Trial(
        np.concatenate(rows),
        np.repeat([0, 1], (many, few)),
        np.concatenate(fresh),
        np.repeat([0, 1], _JUDGED),
    )


def _by_class(kind: str, dim: int, rng: np.random.Generator):
    """Rows of a class from noise of some kind, mixed and moved."""
    mix = np.eye(dim) + rng.normal(size=(dim, dim)) * rng.uniform(0, 0.8) / np.sqrt(dim)
    mixture = mix
    if kind == "two covariances":
        mixture = np.eye(dim) + rng.normal(size=(dim, dim)) * rng.uniform(0.3, 1) / np.sqrt(dim)
    step = rng.normal(size=dim) * (rng.random(dim) < rng.uniform(0.2, 1))
    step[0] += 0.1
    step *= rng.uniform(0.7, 3) / np.linalg.norm(step)
    rates = rng.uniform(0.3, 3, size=dim)
    shares = rng.random(dim) < 0.4

    def draw(rng, label, count):
        if kind == "counts":
            mean = rates * np.exp(0.5 * label * step)
            share = 1 / (1 + np.exp(-(np.log(rates) + label * step)))
            return np.where(
                shares, rng.random((count, dim)) < share, rng.poisson(mean, (count, dim))
            ).astype(float)
        if kind == "skewed":
            noise = rng.exponential(size=(count, dim)) - 1
        elif kind == "heavy tails":
            noise = rng.standard_t(3, size=(count, dim)) / np.sqrt(3)
        else:
            noise = rng.normal(size=(count, dim))
        return noise @ (mixture if label else mix).T + label * step

    return draw


def _by_label(kind: str, dim: int, rng: np.random.Generator):
    """Rows whose label is a noisy rule of them, drawn until there are enough of a class."""
    linear = rng.normal(size=dim) * rng.uniform(0.3, 1.5) / np.sqrt(dim)
    pairs = rng.integers(dim, size=(min(dim, 4), 2))
    strength = rng.normal(size=len(pairs)) * 0.5
    cut = rng.uniform(0.0, 1.0)

    def batch(rng):
        if kind == "craft":
            return craft(rng, 4000)
        x = rng.normal(size=(4000, dim))
        rule = x @ linear + (x[:, pairs[:, 0]] * x[:, pairs[:, 1]]) @ strength
        return x, rule + rng.normal(size=4000) > cut

    def draw(rng, label, count):
        parts, found = [], 0
        while found < count:
            x, labels = batch(rng)
            parts.append(x[labels == label])
            found += len(parts[-1])
        return np.concatenate(parts)[:count]

    return draw
