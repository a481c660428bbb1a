"""Rows from the network for whole rows: seeds are read once a batch, features written in turn.

Each batch writes categories and then numbers in an order of its own. Seeds and features are padded
to a few sizes, so that a new table does not compile anew; padding changes nothing. The sizes of
batches are constant, so memory does not grow with the number of rows, and the rows depend on the
key and the size of a batch alone.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.theory.wording import counted
from synthetic_oversampling.transformer_toy.rows import network
from synthetic_oversampling.transformer_toy.rows.architecture import Architecture, Params
from synthetic_oversampling.transformer_toy.rows.categories import (
    Layout,
    decoded,
    encoded,
    laid_out,
)
from synthetic_oversampling.transformer_toy.rows.context import read
from synthetic_oversampling.transformer_toy.rows.training import RowNetwork
from synthetic_oversampling.transformer_toy.seeds import (
    MOST_LEVELS,
    BeyondTraining,
    SeedError,
    Seeds,
    pooled_covariance,
)

__all__ = [
    "BATCH",
    "MOST_FEATURES",
    "MOST_SEEDS",
    "batches",
    "group_rows",
    "padded",
    "unlike_training",
    "write",
]

BATCH = 4096  # rows that are written in one order of the features
MOST_FEATURES = 30  # of the groups that its fidelity was measured on, beyond those of training
MOST_SEEDS = 1024  # a batch reads at most so many, drawn anew for each batch
MOST_TOGETHER = 256  # of all groups, where they are read together
_MOST_OWN = 192  # of them of the group that is written
_CELLS = 2**22  # of attention to seeds: rows times seeds
_LEAST_SEEDS, _LEAST_FEATURES = 16, 4
_MEAN = 2.0  # how far from the origin a group's mean is read, feature by feature
_FARTHEST = 20.0  # units: beyond it lay seeds of 7 in 9,000 training groups of 16, 64 or 256


def _size(number: int, least: int) -> int:
    """The next power of two, from ``least``."""
    return max(least, 1 << max(number - 1, 0).bit_length())


def padded(
    z: Float[np.ndarray, "n d"], block: Int[np.ndarray, " d"] | None = None
) -> tuple[
    Float[np.ndarray, "1 N D"],
    Int[np.ndarray, " 1"],
    Int[np.ndarray, " 1"],
    Int[np.ndarray, "1 D"],
]:
    """Seeds of one group at one of a few shapes, how many there are, of how many features.

    They are put in the order of their numbers: the order in which they came does not matter.

    Args:
        z: seeds in the network's units.
        block: the category that each feature is part of, 0 for a number; numbers if None.

    Returns:
        Seeds, how many, how many features, and the blocks.

    Example:
        >>> padded(np.ones((20, 3)))[0].shape
        (1, 32, 4)
    """
    count, dim = z.shape
    room = np.zeros((1, _size(count, _LEAST_SEEDS), _size(dim, _LEAST_FEATURES)), np.float32)
    room[0, :count, :dim] = z[np.lexsort(z.T[::-1])]
    blocks = np.zeros((1, room.shape[2]), np.int32)
    blocks[0, :dim] = 0 if block is None else block
    return room, np.array([count], np.int32), np.array([dim], np.int32), blocks


@partial(jax.jit, static_argnames=("arch", "rows"))
def write(
    params: Params,
    arch: Architecture,
    x_BxNxD: Array,
    count_B: Array,
    dims_B: Array,
    block_BxD: Array,
    rows: int,
    key: Key[Array, ""],
    given_D: Array | None = None,
) -> Float[Array, "Q D"]:
    """Rows of one group, feature after feature; those beyond the group's own mean nothing.

    A draw of more than 20 units is put at 20: features after it would be given something that no
    group of the training prior has, and one row in a hundred thousand of a table of thirty columns
    and twelve seeds ran away.

    Args:
        params: the network.
        arch: its sizes.
        x_BxNxD: the group's seeds, B = 1, as ``padded`` gives them.
        count_B: how many seeds.
        dims_B: how many features.
        block_BxD: the category that each feature is part of, 0 for a number.
        rows: how many rows.
        key: a typed key.
        given_D: a number for each feature that is given, as a condition, and NaN for those to be
            drawn; all if None.
    """
    context = read(params, arch, x_BxNxD, count_B, dims_B, block_BxD)
    group = context.group
    dtype, dim = x_BxNxD.dtype, x_BxNxD.shape[2]
    root_df = jnp.sqrt(group.df)[:, None]
    given_D = jnp.full(dim, jnp.nan, dtype) if given_D is None else given_D

    def with_feature(j: Array, offset_BxQxD: Array) -> Array:
        part_key, normal_key, chi_key = jax.random.split(jax.random.fold_in(key, j), 3)
        y_BxQxD = offset_BxQxD + group.mean[:, None, :]
        law = network.feature_law(params, arch, context, y_BxQxD, j[None], block_BxD)
        part = jax.random.categorical(part_key, law.log_weight[:, :, 0])[..., None]
        df, loc, log_scale = (
            jnp.take_along_axis(leaf[:, :, 0], part, axis=2)[..., 0]
            for leaf in (law.df, law.loc, law.log_scale)
        )
        chi = 2.0 * jax.random.gamma(chi_key, 0.5 * df, dtype=dtype)
        student = jax.random.normal(normal_key, df.shape, dtype) * jnp.sqrt(df / chi)
        white = jnp.clip(loc + jnp.exp(log_scale) * student, -_FARTHEST, _FARTHEST) / root_df
        # white_j = (W offset)_j, and W_jj = 1 / diag_j
        row = jax.lax.dynamic_index_in_dim(group.inverse, j, 1, keepdims=False)
        diag = jax.lax.dynamic_index_in_dim(group.diag, j, 1)
        earlier = jnp.where(jnp.arange(dim, dtype=j.dtype)[None, :] < j, row, 0.0)
        known = (offset_BxQxD @ earlier[..., None])[..., 0]
        chance = jax.nn.sigmoid(law.log_odds[:, :, 0])
        level = jnp.where(jax.random.uniform(part_key, chance.shape, dtype) < chance, 1.0, -1.0)
        fixed = jnp.where(jnp.isnan(given_D[j]), level, given_D[j]).astype(dtype)
        is_fixed = (block_BxD[:, j] > 0)[:, None] | ~jnp.isnan(given_D[j])
        new = jnp.where(is_fixed, fixed - group.mean[:, j][:, None], (white - known) * diag)
        return jax.lax.dynamic_update_index_in_dim(offset_BxQxD, new[..., None], j, 2)

    start = jnp.zeros((1, rows, dim), dtype)
    offset = jax.lax.fori_loop(0, dims_B[0], with_feature, start)
    row = (offset + group.mean[:, None, :])[0]
    return jnp.where(block_BxD > 0, jnp.sign(row), row)  # a mean that is taken and added rounds


def batches(
    net: RowNetwork,
    x: Float[np.ndarray, "n C"],
    count: int,
    *,
    key: Key[Array, ""],
    cov: Float[np.ndarray, "C C"] | None = None,
    categorical: Sequence[int] = (),
    given: Mapping[int, float] | None = None,
    batch: int = BATCH,
) -> Iterator[Float[np.ndarray, "m C"]]:
    """New rows of one group, a batch at a time.

    Args:
        net: the network.
        x: the group's seeds.
        count: how many rows.
        key: a typed key; the rows depend on it and on ``batch``.
        cov: the covariance that groups have on average, which the network takes for the prior's;
            the identity if None. Decorrelating by it in the order in which features are written
            is the same as a regression layer whose prior has it. Categories have none.
        categorical: places of columns of codes, which are written as codes of seeds are.
        given: place of a categorical column -> the code that all rows are to have there, as a
            condition. Up to 192 seeds that have it are read, and others up to 256 in all.
        batch: rows a batch, fewer for many seeds; the last one may be shorter.

    Yields:
        Arrays of shape (at most batch, C).

    Raises:
        ValueError: if no seed has what is given.
        FloatingPointError: if a row is not finite.

    Example:
        >>> from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS
        >>> from synthetic_oversampling.transformer_toy.rows.training import load
        >>> net = load(SHIPPED_ROWS)
        >>> parts = batches(net, np.ones((3, 2)), 5, key=jax.random.key(0), batch=4)
        >>> [part.shape for part in parts]
        [(4, 2), (1, 2)]
    """
    seeds, columns = x.shape
    cov = np.eye(columns) if cov is None else cov
    given = {} if given is None else given
    own = np.flatnonzero((x[:, [*given]] == [*given.values()]).all(axis=1))
    others = np.setdiff1d(np.arange(seeds), own)
    for place, code in given.items():
        if code not in x[:, place]:
            raise ValueError(f"given: got {code!r} for column {place}, expected a code of a seed.")
    most = min(len(own), _MOST_OWN if len(others) else MOST_SEEDS)
    more = min(len(others), MOST_TOGETHER - min(most, MOST_TOGETHER))
    used = most + more
    batch = max(1, min(batch, _CELLS // _size(used, _LEAST_SEEDS)))
    host = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    for index, start in enumerate(range(0, count, batch)):
        layout = laid_out(x, categorical, host, first=tuple(given))
        numbers, levels = layout.numbers, int((layout.block > 0).sum())
        chosen = np.arange(seeds)
        if seeds > used:
            parts = host.choice(own, most, replace=False), host.choice(others, more, replace=False)
            chosen = np.concatenate(parts)
        rows = np.empty((min(batch, count - start), columns))
        if len(layout.block) == 0:  # each column has one value
            rows[:, layout.categories] = decoded(layout, np.empty((len(rows), 0)))
            yield rows
            continue
        part_key = jax.random.fold_in(key, index)
        size = _size(count, 64) if count < batch else batch
        spread = np.linalg.cholesky(cov[np.ix_(numbers, numbers)])
        z = np.linalg.solve(spread, x[chosen][:, numbers].T).T
        moved = _moved(z)
        features = np.concatenate([encoded(layout, x[chosen]), z - moved], axis=1)
        room = padded(features, layout.block)
        drawn = write(
            net.params, net.arch, *room, size, part_key, _condition(layout, given, room[0].shape[2])
        )
        made = np.asarray(drawn, np.float64)[: len(rows)]
        rows[:, layout.categories] = decoded(layout, made[:, :levels])
        rows[:, numbers] = (made[:, levels : len(layout.block)] + moved) @ spread.T
        if not np.isfinite(rows).all():
            raise FloatingPointError(
                "the network wrote a row that is not finite; some seeds lie too many standard "
                "deviations from the rest. Look for outliers or wrong units."
            )
        yield rows


def _condition(layout: Layout, given: Mapping[int, float], size: int) -> Float[np.ndarray, " D"]:
    """What ``write`` is given: the features of columns whose code is, and NaN for the rest."""
    values = np.full(size, np.nan, np.float32)
    if given:
        row = np.zeros((1, max(layout.categories) + 1))
        row[0, list(given)] = list(given.values())
        first = sum(len(codes) - 1 for codes in layout.levels[: len(given)])
        values[:first] = encoded(layout, row)[0, :first]
    return values


def _moved(z: np.ndarray) -> np.ndarray:
    """What to take from seeds so that the group lies where the network's groups do.

    A group far from the others says nothing about its covariance by that.
    """
    mean = z.mean(axis=0) if len(z) else np.zeros(z.shape[1])
    return mean - np.clip(mean, -_MEAN, _MEAN)


@partial(jax.jit, static_argnames="arch")
def _units(params, arch, *room) -> Array:
    return read(params, arch, *room).unit_BxNxD


def unlike_training(
    net: RowNetwork,
    z: Float[np.ndarray, "n d"],
    names: Sequence[str] | None = None,
    block: Int[np.ndarray, " d"] | None = None,
) -> list[str]:
    """How a group's seeds differ from anything that the network was trained on, or measured on.

    Args:
        net: the network.
        z: seeds in the network's units.
        names: of the features; numbered from 0 if None.
        block: the category that each feature is part of, 0 for a number; all numbers if None.

    Returns:
        Parts of sentences about the group ("has ..."); none if there is no doubt.

    Example:
        >>> from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS
        >>> from synthetic_oversampling.transformer_toy.rows.training import load
        >>> net = load(SHIPPED_ROWS)
        >>> far = np.concatenate([np.arange(20.0), [1e4]])[:, None]
        >>> unlike_training(net, far, ["pay"])
        ["has a seed 143 of the others' units away in 'pay', in training almost none was"]
    """
    most = max(net.about.get("recipe", {}).get("lengths", [np.inf]))
    found = []
    if len(z) > most:
        found.append(f"has {counted(len(z), 'seed')}, the network was trained with up to {most}")
    if z.shape[1] == 0:
        return found
    if z.shape[1] > MOST_FEATURES:
        of_levels = " (L - 1 for a category of L levels)" if block is not None else ""
        found.append(
            f"has {counted(z.shape[1], 'feature')}{of_levels}, the network was tried on up to "
            f"{MOST_FEATURES}"
        )
    number = np.full(z.shape[1], True) if block is None else block == 0
    room = padded(z - _moved(z) * number, block)
    units = np.abs(np.asarray(_units(net.params, net.arch, *room)))[0, :, : z.shape[1]]
    units = units * number  # a rare category is no outlier
    if units.max(initial=0.0) > _FARTHEST:
        worst = int(units.max(axis=0).argmax())
        found.append(
            f"has a seed {units.max():.0f} of the others' units away in "
            f"{(names[worst] if names else worst)!r}, in training almost none was"
        )
    return found


def _typical_spread(seeds: Seeds) -> np.ndarray:
    """Of each feature within groups, by medians: a far seed does not hide itself in it."""
    away = np.empty_like(seeds.features)
    for label in np.unique(seeds.labels):
        own = seeds.labels == label
        away[own] = seeds.features[own] - np.median(seeds.features[own], axis=0)
    spread = 1.4826 * np.median(np.abs(away), axis=0)
    return np.where(spread > 0.0, spread, away.std(axis=0))


def group_rows(
    net: RowNetwork,
    seeds: Seeds,
    counts: dict[str, int],
    scaling: str,
    *,
    together: bool,
    key: Key[Array, ""],
    batch: int,
) -> Iterator[tuple[str, np.ndarray]]:
    """Rows of every group that wants some, in the user's units, a batch at a time.

    Args:
        net: the network.
        seeds: of every group; all of them set the covariance that groups have on average.
        counts: how many rows for which label.
        scaling: how that covariance is estimated, see ``seeds.pooled_covariance``.
        together: read the other groups' seeds too, with label and attribute as categories that
            are given; otherwise a group's own seeds alone.
        key: a typed key.
        batch: rows a batch, at most ``BATCH``.

    Yields:
        (label, rows), rows of shape (at most batch, d); categories are codes, as in the seeds.

    Raises:
        SeedError: if the seeds cannot be used, a category has more than ``seeds.MOST_LEVELS``
            levels, or a row is not finite.

    Warns:
        BeyondTraining: for every doubt of ``unlike_training``.
    """
    numbers, columns = seeds.numbers, seeds.features.shape[1]
    categorical = [*seeds.levels]
    centre, cov = np.zeros(columns), np.eye(columns)
    typical = np.ones(columns)
    if len(numbers):
        part = seeds._replace(
            features=seeds.features[:, numbers],
            names=tuple(seeds.names[place] for place in numbers),
        )
        centre[numbers], cov[np.ix_(numbers, numbers)] = pooled_covariance(part, scaling)
        typical[numbers] = _typical_spread(part)
    wanted = {label: count for label, count in counts.items() if count}
    conditions = _conditions(seeds) if together else np.empty((len(seeds.labels), 0))
    whole = np.concatenate([seeds.features - centre, conditions], axis=1)
    extra = [*range(columns, whole.shape[1])]
    for label in wanted:
        x = whole[seeds.labels == label, :columns]
        _check_levels(whole if together else x, [*categorical, *extra], seeds, label)
        layout = laid_out(x, categorical)
        z = np.concatenate([encoded(layout, x), (x / typical)[:, layout.numbers]], axis=1)
        names = [
            seeds.names[place]
            for place, levels in zip(layout.categories, layout.levels, strict=True)
            for _ in levels[1:]
        ]
        names += [seeds.names[place] for place in layout.numbers]
        for doubt in unlike_training(net, z, names, layout.block):
            warnings.warn(
                f"group {label!r} {doubt}: its rows are an extrapolation. Compare their plots with "
                "the seeds', or use another generator.",
                BeyondTraining,
                stacklevel=3,
            )

    wide = np.eye(whole.shape[1])
    wide[:columns, :columns] = cov

    def parts() -> Iterator[tuple[str, np.ndarray]]:
        for index, (label, count) in enumerate(wanted.items()):
            own = seeds.labels == label
            rows = batches(
                net,
                whole if together else whole[own],
                count,
                key=jax.random.fold_in(key, index),
                cov=wide,
                categorical=[*categorical, *extra],
                given=dict(zip(extra, conditions[own][0], strict=True)),
                batch=min(batch, BATCH),
            )
            try:
                for part in rows:
                    yield label, centre + part[:, :columns]
            except FloatingPointError as error:
                raise SeedError(f"group {label!r}: {error}") from error

    return parts()


def _check_levels(x: np.ndarray, categorical: list[int], seeds: Seeds, label: str) -> None:
    """Refuse categories of more levels than the network has met."""
    names = [*seeds.names, "the label", "the attribute"]
    for place in categorical:
        levels = len(np.unique(x[:, place]))
        if levels > MOST_LEVELS:
            raise SeedError(
                f"group {label!r}: {names[place]} has {levels} levels, expected up to "
                f"{MOST_LEVELS}. Join rare ones or leave the column out"
                + ("; --together takes fewer groups." if place >= len(seeds.names) else ".")
            )


def _conditions(seeds: Seeds) -> Float[np.ndarray, "n q"]:
    """Label and attribute of every seed as codes, a column each."""
    columns = [seeds.labels]
    if seeds.cells is not None:
        columns = [*np.array([seeds.cells[label] for label in seeds.labels]).T]
    codes = [np.unique(column, return_inverse=True)[1] for column in columns]
    return np.stack(codes, axis=1).astype(np.float64)
