"""Where synthetic rows come from: generators fitted on the rows they are given, and given rows.

* ``smote``: a row, one of its five nearest in its group (in units of the columns' deviations), and
  a uniform point between them; in a group of more than 2,000 rows the nearest of 2,000 of them,
  drawn anew each time;
* ``plugin``: the Gaussian with a group's mean and covariance; ``plugin-pooled``: with the
  covariance pooled over groups;
* ``predictive-pooled``: the Student law that a normal group with the pooled covariance is predicted
  by, wider than the plug-in by what the seeds leave unknown.

A source is fitted inside every training fold, so that no held-out row reaches it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from synthetic_oversampling.theory.wording import counted

__all__ = [
    "NAMES",
    "Source",
    "centre_and_spread",
    "draw_rows",
    "drawing",
    "require_source",
    "rows_needed",
    "rows_written",
]

# generators that the planner knows
NAMES = ("smote", "plugin-pooled", "predictive-pooled", "plugin")
_NEIGHBOURS = 5
_SOUGHT = 2000  # rows of a group that neighbours are sought among: the search is quadratic

# (places of the rows to fit on, rows wanted of each group [G], seed) -> features, in group order
Source = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def rows_needed(name: str, dim: int) -> int:
    """Rows that a generator needs in every group.

    Args:
        name: among `NAMES`; dim: features.

    Example:
        >>> rows_needed("plugin", 6), rows_needed("smote", 6)
        (8, 2)
    """
    return dim + 2 if name == "plugin" else 2


def require_source(name: str, dim: int, least: int) -> None:
    """Raise if there is no such generator, or the groups are too small for it.

    Args:
        name: of the generator; dim: features; least: rows of the smallest group.

    Raises:
        ValueError: naming what was got, what is expected, and what to do.
    """
    if name not in NAMES:
        raise ValueError(f"generators: got {name!r}, expected one of {', '.join(NAMES)}.")
    needed = rows_needed(name, dim)
    if least < needed:
        raise ValueError(
            f"generators: {name} needs {counted(needed, 'row')} in every group with "
            f"{counted(dim, 'feature')}, the smallest group has {least}; merge groups, drop "
            "features, or choose another generator."
        )


def drawing(name: str, x: np.ndarray, group: np.ndarray, times=None) -> Source:
    """A generator as a source of a table.

    Args:
        name: among `NAMES`; x, group: features ``[n, d]`` and group ``[n]`` of every row.
        times: how many rows a row of each group stands for ``[G]``; one when omitted.
    """

    def draw(rows: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
        return draw_rows(name, x[rows], group[rows], counts, seed=seed, times=times)[0]

    return draw


def centre_and_spread(x: np.ndarray, stands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and deviations of columns ``[d]``, 1 of those that vary by no more than rounding.

    Args:
        x: rows ``[n, d]``; stands: how many rows each stands for ``[n]``.

    Example:
        >>> x, twice = np.array([[0.0], [0.0], [3.0]]), np.array([[0.0], [3.0]])
        >>> whole, part = (x, np.ones(3)), (twice, np.array([2.0, 1.0]))
        >>> np.allclose(centre_and_spread(*whole), centre_and_spread(*part))
        True
    """
    centre = np.average(x, axis=0, weights=stands)
    unit = np.sqrt(np.average((x - centre) ** 2, axis=0, weights=stands))
    return centre, np.where(unit > 1e-12 * np.maximum(np.abs(centre), 1e-300), unit, 1.0)


def draw_rows(
    name: str, features: np.ndarray, group: np.ndarray, counts, *, seed: int, times=None
) -> tuple[np.ndarray, np.ndarray]:
    """Synthetic rows of every group from a generator fitted on the rows given.

    Args:
        name: among `NAMES`.
        features: real rows ``[n, d]``.
        group: index of each row's group ``[n]``.
        counts: rows wanted of each group ``[G]``.
        seed: of the draws.
        times: how many rows a row of each group stands for ``[G]``; one when omitted.

    Returns:
        Features ``[sum(counts), d]`` and groups, in order of the groups.

    Raises:
        ValueError: for an unknown name or groups too small for the generator.

    Example:
        >>> x = np.array([[0.0], [1.0], [5.0], [7.0]])
        >>> rows, drawn = draw_rows("smote", x, np.array([0, 0, 1, 1]), [1, 2], seed=0)
        >>> drawn.tolist(), bool((rows[1:] >= 5).all())
        ([0, 1, 1], True)
    """
    x, group, counts = np.asarray(features, float), np.asarray(group), np.asarray(counts)
    dim, sizes = x.shape[1], np.bincount(group, minlength=len(counts))
    require_source(name, dim, int(sizes[counts > 0].min(initial=len(x))))
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(group == g) for g in range(len(counts))]
    means = [x[member].mean(axis=0) if len(member) else np.zeros(dim) for member in members]
    centred = [x[member] - mean for member, mean in zip(members, means, strict=True)]
    stands = np.ones(len(counts)) if times is None else np.asarray(times, float)
    freedom = max(float(sizes @ stands) - len(members), 1.0)
    pooled = np.tensordot(stands, [rows.T @ rows for rows in centred], 1) / freedom
    _, spread = centre_and_spread(x, stands[group])
    parts = []
    for g, (mean, rest, count) in enumerate(zip(means, centred, counts.tolist(), strict=True)):
        if count == 0:
            parts.append(np.empty((0, dim)))
        elif name == "smote":
            parts.append(mean + _between(rest, spread, count, rng))
        elif name == "predictive-pooled":
            tails = max(freedom - dim + 1, 3)
            wide = np.sqrt((1 + 1 / (stands[g] * len(rest))) * freedom / tails)
            heavy = np.sqrt(tails / rng.chisquare(tails, size=(count, 1)))
            parts.append(mean + wide * heavy * _normal(pooled, count, rng))
        else:
            cov = pooled if name == "plugin-pooled" else rest.T @ rest / (len(rest) - 1)
            parts.append(mean + _normal(cov, count, rng))
    return np.concatenate(parts), np.repeat(np.arange(len(counts)), counts)


def rows_written(
    rows, count: int, features: int, argument: str = "generators"
) -> Float[np.ndarray, "n d"]:
    """What a generator function returned, if it is that many rows of finite numbers.

    Args:
        rows: that it returned; count: that it was asked for; features: of each.
        argument: that the function was given as.

    Raises:
        ValueError: if it is something else.
    """
    found = np.asarray(rows, float)
    if found.shape != (count, features) or not np.isfinite(found).all():
        raise ValueError(
            f"{argument}: got a function that returned shape {found.shape}, "
            f"{np.sum(~np.isfinite(found))} of its values not finite; expected "
            f"({count}, {features}), one row for each that was asked for, all finite."
        )
    return found


def _normal(cov: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Normal rows, of a covariance that may be singular."""
    values, vectors = np.linalg.eigh(cov)
    return rng.normal(size=(count, len(cov))) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T


def _between(x: np.ndarray, unit: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points between rows and their nearest neighbours."""
    near = min(_NEIGHBOURS, len(x) - 1)
    if len(x) <= _SOUGHT:
        graph = _nearest(x / unit, x / unit, np.arange(len(x)), near)
        first = rng.integers(len(x), size=count)
        second = graph[first, rng.integers(near, size=count)]
    else:
        sought = rng.choice(len(x), _SOUGHT, replace=False)
        first = rng.integers(len(x), size=count)
        asked, place = np.unique(first, return_inverse=True)
        itself = np.full(len(x), -1)
        itself[sought] = np.arange(_SOUGHT)
        graph = _nearest(x[sought] / unit, x[asked] / unit, itself[asked], near)
        second = sought[graph[place, rng.integers(near, size=count)]]
    u = rng.uniform(size=(count, 1))
    return (1 - u) * x[first] + u * x[second]


def _nearest(rows: np.ndarray, asked: np.ndarray, itself: np.ndarray, near: int) -> np.ndarray:
    """Places of the nearest rows but oneself, nearest first ``[len(asked), near]``.

    Args:
        rows, asked: ``[m, d]``; itself: the place of each row asked among `rows`, or -1.
        near: how many.
    """
    from scipy.spatial import KDTree

    found = KDTree(rows).query(asked, k=near + 1)[1]
    # with exact copies a row need not be its own first neighbour
    order = np.argsort(found == itself[:, None], axis=1, kind="stable")[:, :near]
    return np.take_along_axis(found, order, axis=1)
