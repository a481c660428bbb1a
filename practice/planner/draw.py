"""Draw the rows that a plan asks for, from the generators that it knows by name."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.practice.planner.sources import Rows, source

__all__ = ["draw_rows"]


def draw_rows(
    name: str, features: np.ndarray, group: np.ndarray, counts, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Synthetic rows of every group from a named generator fitted on the group's rows.

    Args:
        name: among `planner_sources.NAMES`.
        features: real rows ``[n, d]``; neighbours are found in units of their deviations.
        group: index of each row's group ``[n]``.
        counts: rows wanted of each group ``[G]``.
        seed: of the draws.

    Returns:
        Features ``[sum(counts), d]`` and groups, in order of the groups.

    Raises:
        ValueError: for an unknown name or groups too small for the generator.

    Example:
        >>> x = np.array([[0.0], [1.0], [5.0], [7.0]])
        >>> rows, own = draw_rows("smote-all", x, np.array([0, 0, 1, 1]), [1, 2], seed=0)
        >>> own.tolist(), bool((rows[1:] >= 5).all())
        ([0, 1, 1], True)
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(features, float)
    scale = x.std(axis=0)
    unit = (x - x.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    whole = np.concatenate([np.ones((len(x), 1)), unit], axis=1)
    own = source(name, Rows(whole, np.ones(len(x)), np.asarray(group)), seed)
    members = [np.flatnonzero(group == g) for g in range(len(counts))]
    if name == "gaussian-pooled":
        centred = np.concatenate([x[m] - x[m].mean(axis=0) for m in members])
        pooled = centred.T @ centred / (len(x) - len(members))
    parts = []
    for g, (index, count) in enumerate(zip(members, counts, strict=True)):
        seeds = x[index]
        if name == "gaussian-pooled":
            parts.append(rng.multivariate_normal(seeds.mean(axis=0), pooled, count))
        elif name == "gaussian":
            cov = np.atleast_2d(np.cov(seeds.T))
            parts.append(rng.multivariate_normal(seeds.mean(axis=0), cov, count))
        elif name == "duplicate":
            parts.append(seeds[rng.integers(len(seeds), size=count)])
        else:
            first = rng.integers(len(seeds), size=count)
            graph = own.graphs[g]
            if name == "smote-all":  # the graph of the estimates is a subset of all partners
                second = (first + rng.integers(1, len(seeds), size=count)) % len(seeds)
            else:
                second = graph[first, rng.integers(graph.shape[1], size=count)]
            u = rng.uniform(size=(count, 1))
            parts.append((1 - u) * seeds[first] + u * seeds[second])
    return np.concatenate(parts), np.repeat(np.arange(len(counts)), counts)
