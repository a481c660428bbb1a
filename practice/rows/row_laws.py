"""Synthetic rows of numbers: a law is fitted to every group's seeds, and rows are drawn from it.

``plugin`` is the Gaussian with the seeds' mean and covariance, ``mixture`` a Gaussian mixture,
``predictive`` the Student-t posterior predictive of a Gaussian group, ``in_context`` the trained
network of `transformer_toy`, which writes categories too. Each refuses a group that is too small
for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from synthetic_oversampling.practice import extra
from synthetic_oversampling.theory.wording import counted

try:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["GENERATORS", "PooledCovariance", "draw_rows"]

GENERATORS = ("plugin", "mixture", "predictive", "in_context")  # laws of whole rows, by name
_COMBINED = 1e-9  # of a correlation's eigenvalue: columns are combined up to rounding
_MIXTURE_SEEDS = 4  # one component with a diagonal covariance, and something left to judge it by


class PooledCovariance(UserWarning):
    """A group has too few rows for a covariance of its own and takes the pooled one."""


def draw_rows(
    generator: str,
    features: Float[np.ndarray, "n d"],
    cells: Int[np.ndarray, " n"],
    counts: Mapping[int, int],
    *,
    names: Sequence[str],
    rng: np.random.Generator,
    columns: Sequence[str] | None = None,
    categorical: Sequence[int] = (),
    covariance: str = "group",
    max_components: int = 5,
) -> dict[int, np.ndarray]:
    """Rows for every group that wants some, given the real rows of all groups.

    Args:
        generator: one of `GENERATORS`.
        features: real rows, every column varying within some group.
        cells: the group of each row, ``0 .. len(names) - 1``.
        counts: group -> rows wanted; groups with 0 may be left out.
        names: of the groups, for messages.
        rng: source of randomness.
        columns: names of the features, for messages; numbered when omitted.
        categorical: places of features that are codes of categories (in_context alone).
        covariance: "group", "pooled" over the groups, or "group or pooled": the pooled one, with
            a warning, for a group that has too few rows for its own (plugin and predictive).
        max_components: most components that a mixture may have.

    Returns:
        Group -> ``[count, d]``, for the groups with a positive count.

    Raises:
        ValueError: a group has too few seeds for the generator, which says how many it needs.

    Example:
        >>> x, cells = np.array([[0.0], [1.0], [2.0], [9.0]]), np.array([0, 0, 0, 1])
        >>> rng = np.random.default_rng(0)
        >>> rows = draw_rows("plugin", x, cells, {0: 5}, names=("a", "b"), rng=rng)
        >>> {cell: part.shape for cell, part in rows.items()}
        {0: (5, 1)}
    """
    wanted = {cell: count for cell, count in sorted(counts.items()) if count > 0}
    if generator not in GENERATORS:
        raise ValueError(
            f"generator: got {generator!r}, expected one of {', '.join(GENERATORS)} or a callable."
        )
    if covariance == "pooled" and generator not in ("plugin", "predictive"):
        raise ValueError(
            f"covariance: got 'pooled' with generator={generator!r}, which fits its own; drop it, "
            "or use generator='plugin' or 'predictive'."
        )
    if not wanted:
        return {}
    if features.shape[1] == 0:
        return {cell: np.empty((count, 0)) for cell, count in wanted.items()}
    if generator == "in_context":
        return _in_context(features, cells, wanted, names, rng, columns, categorical)
    centre, scale = _units(features, cells)
    z = (features - centre) / scale
    rows = {}
    for cell, count in wanted.items():
        block = z[cells == cell]
        if generator == "mixture":
            drawn = _mixture(block, count, names[cell], max_components, rng)
        else:
            drawn = _gaussian(generator, z, cells, cell, count, names[cell], covariance, rng)
        drawn *= scale  # in place: there may be many rows
        drawn += centre
        rows[cell] = drawn
    return rows


def _units(features, cells) -> tuple[np.ndarray, np.ndarray]:
    """Centre and spread within groups of every column; a constant column keeps its unit."""
    centre = features.mean(axis=0)
    std = np.sqrt((_residuals(features, cells) ** 2).mean(axis=0))
    return centre, np.where(std > 0, std, 1.0)


def _residuals(features, cells) -> np.ndarray:
    """Rows minus their group's mean."""
    _, index, sizes = np.unique(cells, return_inverse=True, return_counts=True)
    place = index, np.arange(len(index))
    sums = scipy.sparse.csr_array((np.ones(len(index)), place)) @ features
    return features - (sums / sizes[:, None])[index]


def _too_small(name: str, has: int, needs: int, method: str, remedy: str) -> ValueError:
    return ValueError(
        f"class or group {name} has {counted(has, 'seed')}, expected at least {needs} "
        f"for {method}; {remedy}."
    )


def _degrees(generator, z, cells, cell, pooled: bool) -> tuple[np.ndarray, int, int, int]:
    """Rows less their mean, degrees of freedom, columns that vary, degrees that are needed."""
    block = z[cells == cell]
    residual = _residuals(z, cells) if pooled else block - block.mean(axis=0)
    degrees = len(residual) - (len(np.unique(cells)) if pooled else 1)
    varying = int((np.ptp(residual, axis=0) > 0).sum())
    spare = 0 if generator == "plugin" else 2  # the predictive's variance is finite from v = 3
    return residual, degrees, varying, max(varying + spare, 1)


def _gaussian(generator, z, cells, cell, count, name, covariance, rng) -> np.ndarray:
    """The plug-in ``N(mean, S)`` or the predictive ``t_v(mean, (1 + 1/n) A / v)``.

    ``A`` is the sum of squares within groups and ``v = rows - groups - d + 1``, the posterior
    predictive under the prior ``|Sigma|^-(d+1)/2``; with one group, ``v = n - d``.
    """
    block = z[cells == cell]
    size, dim = block.shape
    pooled = covariance == "pooled"
    residual, degrees, varying, needed = _degrees(generator, z, cells, cell, pooled)
    if covariance == "group or pooled" and degrees < needed:
        pooled, few = True, varying
        residual, degrees, varying, needed = _degrees(generator, z, cells, cell, pooled)
        if degrees >= needed:
            warnings.warn(
                f"class or group {name} has {counted(size, 'seed')} for "
                f"{counted(few, 'varying column')}, too few for a covariance of its own: the "
                "pooled one is used. Set covariance='pooled' to use it for every group.",
                PooledCovariance,
                stacklevel=3,
            )
    if degrees < needed:
        method = f"generator={generator!r} with {counted(varying, 'varying column')}"
        if pooled:
            raise _too_small(
                name,
                size,
                size + needed - degrees,
                f"{method} and the pooled covariance",
                "give more rows or fewer columns",
            )
        raise _too_small(
            name,
            size,
            needed + 1,
            f"{method} and its own covariance",
            "set covariance='pooled' to share the other groups' shape, or give more rows or fewer "
            "columns",
        )
    squares = residual.T @ residual
    normal = rng.standard_normal((count, dim))
    if generator == "plugin":
        rows = normal @ _root(squares / degrees)
    else:
        freedom = degrees - varying + 1
        rows = normal @ _root(squares)
        rows *= np.sqrt((1 + 1 / size) / rng.chisquare(freedom, size=(count, 1)))
    rows += block.mean(axis=0)
    return rows


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a positive semi-definite matrix, singular or not."""
    value, vector = np.linalg.eigh(matrix)
    return (vector * np.sqrt(np.clip(value, 0.0, None))) @ vector.T


def _mixture(block, count, name, max_components, rng) -> np.ndarray:
    """A Gaussian mixture; components and kind of covariance by the least BIC."""
    size, dim = block.shape
    if size < _MIXTURE_SEEDS:
        raise _too_small(
            name,
            size,
            _MIXTURE_SEEDS,
            "generator='mixture'",
            "give more rows, or set generator='plugin' with covariance='pooled'",
        )
    state = np.random.RandomState(rng.integers(2**32, dtype=np.uint64).astype(np.uint32))
    best, least = None, np.inf
    for components in range(1, max_components + 1):
        for kind, needed in (("full", dim + 1), ("diag", 3)):
            if components * needed > size:
                continue
            model = GaussianMixture(components, covariance_type=kind, random_state=state)
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                try:
                    score = model.fit(block).bic(block)
                except (ConvergenceWarning, ValueError):  # not converged, or a singular component
                    continue
            if score < least:
                best, least = model, score
    if best is None:
        raise ValueError(
            f"class or group {name}: no Gaussian mixture of 1 to "
            f"{counted(max_components, 'component')} converges on its {counted(size, 'seed')}; "
            "look for repeated rows, or set generator='plugin'."
        )
    drawn, component = best.sample(count)
    return drawn[rng.permutation(count)]  # samples come sorted by component


@lru_cache(maxsize=1)
def _shipped():
    from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS
    from synthetic_oversampling.transformer_toy.rows.training import load

    return load(SHIPPED_ROWS)


def _in_context(
    features, cells, wanted, names, rng, columns=None, categorical=()
) -> dict[int, np.ndarray]:
    """The trained network: it reads a group's seeds as context and writes whole rows."""
    import jax

    from synthetic_oversampling.transformer_toy import generate, seeds

    # names are quoted for messages, and the network's messages quote them
    text = np.array([name.strip("'") for name in names], dtype=np.str_)
    number = np.setdiff1d(np.arange(features.shape[1]), np.asarray(categorical, int))
    axes, back = _varying_axes(features[:, number], cells)
    own = features[:, number]
    read = np.hstack([own if axes is None else own @ axes, features[:, categorical]])
    given = seeds.from_arrays(read, text[cells])
    if axes is None and columns is not None:
        order = [*number, *categorical]
        given = given._replace(names=tuple(columns[place] for place in order))
    width = read.shape[1] - len(categorical)
    given = given._replace(levels=dict.fromkeys(range(width, read.shape[1]), ()))
    key = jax.random.key(int(rng.integers(2**31)))
    counts = {str(text[cell]): int(count) for cell, count in wanted.items()}
    try:
        parts = list(generate.generate(_shipped(), given, counts, key=key))
    except seeds.SeedError as error:
        raise ValueError(
            f"generator='in_context' cannot use these seeds: {error} "
            "Or try generator='plugin' with covariance='pooled'."
        ) from error
    found = {}
    for cell in wanted:
        drawn = np.concatenate([rows for label, rows in parts if label == str(text[cell])])
        rows = np.empty((len(drawn), features.shape[1]))
        rows[:, categorical] = drawn[:, width:]
        made = drawn[:, :width]
        if axes is not None:
            centre = own[cells == cell].mean(axis=0)
            made = centre + (made - centre @ axes) @ back
        rows[:, number] = made
        found[cell] = rows
    return found


def _varying_axes(features, cells) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Coordinates in which rows vary within groups ``[d, r]``, and the way back ``[r, d]``.

    None if they are all needed, that is unless columns are combined: along a direction such as the
    difference between a column and the sum of two others every group has one value, and its rows
    keep it. Too few rows are not taken for combined columns.
    """
    count, dim = features.shape
    _, scale = _units(features, cells)
    residual = _residuals(features, cells) / scale
    degrees = count - len(np.unique(cells))
    if degrees >= dim > 0:
        value, vector = np.linalg.eigh(residual.T @ residual / degrees)
        if value[0] <= _COMBINED:
            vector = vector[:, value > _COMBINED]
            return vector / scale[:, None], vector.T * scale
    return None, None
