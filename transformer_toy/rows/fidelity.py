"""How near the network's rows are to the groups' laws, beside what one could use instead.

On fresh groups of each family of ``prior``, and of two that the network never met: mean log density
of new rows, in nats a row. For Gaussian groups the exact predictive is known, so that differences
from it are divergences; for the others differences between rules are all there is, and they are
taken row by row. What has no density (SMOTE) is compared by samples: the energy distance, and how
often the nearest neighbour tells written rows from real ones.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from rich.console import Console
from rich.progress import track

from synthetic_oversampling.transformer_toy import heads, tasks
from synthetic_oversampling.transformer_toy.evaluation import comparators
from synthetic_oversampling.transformer_toy.rows import conjugate, network, prior, writer
from synthetic_oversampling.transformer_toy.rows.prior import PRIOR
from synthetic_oversampling.transformer_toy.rows.training import RowNetwork

__all__ = [
    "FAMILIES",
    "RULES",
    "TABLE_RULES",
    "Fidelity",
    "SampleFidelity",
    "by_samples",
    "groups",
    "measure",
]

ROWS = 16  # of each group whose density is asked
# families of groups, two of which no network has met
FAMILIES = (*prior.FAMILIES, "heavy-tailed", "ill-conditioned")
_TAIL_DF = 4.0
_CONDITION = 1e4


class Fidelity(NamedTuple):
    """Mean log density of new rows under the network less that under a rule, nats a row.

    Attributes:
        family, rule: names; dim: features; seeds: of a group; groups: how many.
        gain, standard_error: nats a row.
    """

    family: str
    dim: int
    seeds: int
    rule: str
    gain: float
    standard_error: float
    groups: int


class SampleFidelity(NamedTuple):
    """A rule's rows beside the group's own, averaged over groups.

    ``told``: share of rows whose nearest neighbour, among as many of each kind, is of their own
    kind, 0.5 for rows like the real ones. ``correlation``: mean absolute error of correlations.
    ``covered``: share of real rows in the network's region of mass 0.9; None for other rules.

    Attributes:
        family, rule: names; dim: features; seeds: of a group.
        energy, energy_error: energy distance and its standard error.
        told, told_error: the share and its standard error.
    """

    family: str
    dim: int
    seeds: int
    rule: str
    energy: float
    energy_error: float
    told: float
    told_error: float
    correlation: float
    covered: float | None


def groups(
    family: str, num_groups: int, length: int, dim: int, *, key: Key[Array, ""]
) -> tuple[Float[Array, "B N D"], Int[Array, "B D"]]:
    """Rows of fresh groups of one family, and which category each feature is part of (0: none).

    Args:
        family: one of ``FAMILIES``. "heavy-tailed" has Student rows with 4 degrees of freedom,
            "ill-conditioned" covariances with eigenvalues from 1 to 1e-4, evenly in logarithm.
        num_groups: B.
        length: N; up to ``prior.SAMPLE`` for the families of the training prior.
        dim: D.
        key: a typed key.

    Raises:
        ValueError: for a family that does not exist.

    Example:
        >>> groups("heavy-tailed", 2, 5, 3, key=jax.random.key(0))[0].shape
        (2, 5, 3)
    """
    if family not in FAMILIES:
        raise ValueError(f"family: got {family!r}, expected one of {', '.join(FAMILIES)}.")
    if family in prior.FAMILIES:
        which = prior.FAMILIES.index(family)
        drawn = prior.draw(4 * num_groups, length, dim, jnp.float32, key=key)
        rows, block = (one[which * num_groups : (which + 1) * num_groups] for one in drawn)
        return rows, block
    keys = jax.random.split(key, 4)
    normal = jax.random.normal(keys[0], (num_groups, length, dim), jnp.float32)
    root = prior.covariance_root(num_groups, dim, jnp.float32, key=keys[1])
    offset = jax.random.normal(keys[2], (num_groups, 1, dim), jnp.float32) / prior.PRIOR[0] ** 0.5
    if family == "heavy-tailed":
        chi = 2.0 * jax.random.gamma(keys[3], _TAIL_DF / 2, (num_groups, length, 1), jnp.float32)
        normal = normal * jnp.sqrt((_TAIL_DF - 2.0) / chi)
    else:
        turn = jax.random.normal(keys[3], (num_groups, dim, dim), jnp.float32)
        axes = jnp.linalg.qr(turn)[0]
        root = axes * jnp.geomspace(1.0, _CONDITION**-0.5, dim, dtype=jnp.float32)[None, None, :]
    rows = (normal + offset) @ jnp.swapaxes(root, 1, 2)
    return rows, jnp.zeros((num_groups, dim), jnp.int32)


def _conjugate(weight: float, df: float, scale: float) -> Callable:
    def density(x: Array, y: Array) -> Array:
        one = jnp.ones(x.shape[:2], x.dtype)
        numbers = (jnp.asarray(value, x.dtype) for value in (weight, df, scale))
        after = conjugate.posterior(conjugate.Prior(*numbers), x, one)
        return conjugate.log_density(after, y).sum(axis=-1)

    return density


def _flat(x: Array, y: Array) -> Array:
    return _conjugate(0.0, -float(x.shape[2]), 0.0)(x, y)


def _plugin(x: Array, y: Array) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    cov = jnp.einsum("bni,bnj->bij", centred, centred) / (x.shape[1] - 1)
    inverse, diag = conjugate.inverse_root(cov)
    white = (y - x.mean(axis=1, keepdims=True)) @ jnp.swapaxes(inverse, 1, 2)
    volume = jnp.log(diag).sum(axis=-1) + 0.5 * x.shape[2] * jnp.log(2.0 * jnp.pi)
    return -0.5 * (white**2).sum(axis=-1) - volume[:, None]


def _mixture(rule: Callable) -> Callable:
    def density(x: Array, y: Array) -> Array:
        law = rule(tasks.unknown_mean(x.shape[2]), x, jnp.full((len(x), 1), x.shape[1], jnp.int32))
        return heads.log_density(law, y[:, None])[:, 0]

    return density


# a density of rows (B, Q, D) given seeds (B, N, D), and the fewest seeds of so many features
RULES: dict[str, tuple[Callable, Callable[[int], int]]] = {
    "plug-in": (_plugin, lambda dim: dim + 1),
    "flat prior": (_flat, lambda dim: dim + 1),
    "kde": (_mixture(comparators.kde), lambda dim: comparators.LEAST["kde"]),
    "gmm": (_mixture(comparators.gmm), lambda dim: comparators.LEAST["gmm"]),
    "exact gaussian": (_conjugate(*PRIOR), lambda dim: 0),
}


def _frequencies(x: Array, y: Array, block: Array) -> Array:
    """Log probability of categories, each by itself: a level's odds against those after it.

    Half a seed is added to either side.
    """
    index = jnp.arange(x.shape[2])
    before = (block[:, :, None] == block[:, None, :]) & (index[:, None] < index[None, :])[None]

    def open_to(rows: Array) -> Array:  # none of the levels before it was met
        return 1.0 - jnp.minimum((rows > 0.0).astype(x.dtype) @ before.astype(x.dtype), 1.0)

    met = (open_to(x) * (x > 0.0).astype(x.dtype)).sum(axis=1) + 0.5
    chance = (met / (open_to(x).sum(axis=1) + 1.0))[:, None, :]
    return open_to(y) * jnp.log(jnp.where(y > 0.0, chance, 1.0 - chance))


def _regressed(x: Array, y: Array, block: Array) -> Array:
    """Categories each by itself, numbers by a normal regression on them and each other."""
    one, numbers = jnp.ones(x.shape[:2], x.dtype), (jnp.asarray(value, x.dtype) for value in PRIOR)
    after = conjugate.posterior(conjugate.Prior(*numbers), x, one)
    number = conjugate.log_density(after, y)
    return jnp.where(block[:, None] > 0, _frequencies(x, y, block), number).sum(axis=-1)


def _alone(x: Array, y: Array, block: Array) -> Array:
    """Every column by itself."""
    one, numbers = jnp.ones(x.shape[:2], x.dtype), (jnp.asarray(value, x.dtype) for value in PRIOR)
    known = conjugate.Prior(*numbers)
    number = jnp.concatenate(
        [
            conjugate.log_density(conjugate.posterior(known, x[..., [j]], one), y[..., [j]])
            for j in range(x.shape[2])
        ],
        axis=-1,
    )
    return jnp.where(block[:, None] > 0, _frequencies(x, y, block), number).sum(axis=-1)


# for tables: of rows, given seeds and blocks
TABLE_RULES: dict[str, Callable] = {"columns alone": _alone, "normal regression": _regressed}


def measure(
    net: RowNetwork,
    *,
    families: tuple[str, ...] = FAMILIES,
    dims: tuple[int, ...] = (2, 4, 8),
    counts: tuple[int, ...] = (8, 16, 32, 64, 128, 256),
    num_groups: int = 256,
    key: Key[Array, ""],
    show_progress: bool = False,
) -> list[Fidelity]:
    """The network's mean log density less each rule's, on the same rows of fresh groups.

    Statement: for Gaussian groups the difference from "exact gaussian" is minus the divergence of
    the network from the exact predictive. A rule that gives a row no density counts as infinitely
    worse.

    Args:
        net: the network.
        families: some of ``FAMILIES``.
        dims: numbers of features.
        counts: numbers of seeds.
        num_groups: groups a cell, in chunks of 64.
        key: a typed key.
        show_progress: draw a progress bar on standard error.

    Example:
        >>> RULES["plug-in"][1](8)
        9
    """
    found: list[Fidelity] = []
    cells = list(itertools.product(families, dims, counts))
    for family, dim, count in track(
        cells, "measuring", console=Console(stderr=True), disable=not show_progress
    ):
        cell = jax.random.fold_in(jax.random.fold_in(key, dim), count)
        cell = jax.random.fold_in(cell, FAMILIES.index(family))
        found += _cell(net, family, dim, count, num_groups, cell)
    return found


def _cell(net, family, dim, count, num_groups, key) -> list[Fidelity]:
    rules = {name: rule for name, (rule, least) in RULES.items() if count >= least(dim)}
    if family == "table":
        rules = TABLE_RULES
    values: dict[str, list] = {name: [] for name in rules}
    for start in range(0, num_groups, 64):
        size = min(64, num_groups - start)
        rows, block = groups(family, size, count + ROWS, dim, key=jax.random.fold_in(key, start))
        x, y = rows[:, :count], rows[:, count:]
        full = jnp.full(size, count, jnp.int32), jnp.full(size, dim, jnp.int32)
        own = network.log_density(net.params, net.arch, x, *full, y, block).sum(axis=-1)
        blocks = (block,) if family == "table" else ()
        for name, rule in rules.items():
            # float64 for the rules: a kernel far from a row underflows otherwise
            wide = jnp.zeros(()).dtype
            other = jax.jit(rule)(x.astype(wide), y.astype(wide), *blocks)
            values[name].append(np.asarray(own.astype(wide) - other).mean(axis=1))
    found = []
    for name, parts in values.items():
        gain = np.concatenate(parts)
        error = gain.std(ddof=1) / len(gain) ** 0.5
        found.append(
            Fidelity(
                family=family,
                dim=dim,
                seeds=count,
                rule=name,
                gain=float(gain.mean()),
                standard_error=float(error),
                groups=len(gain),
            )
        )
    return found


def _told(real: np.ndarray, other: np.ndarray) -> float:
    """Share of rows whose nearest other row is of their own kind."""
    both = np.concatenate([real, other])
    square = (both**2).sum(axis=1)
    distance = square[:, None] + square[None, :] - 2.0 * both @ both.T
    np.fill_diagonal(distance, np.inf)
    kind = np.arange(len(both)) < len(real)
    return float((kind[distance.argmin(axis=1)] == kind).mean())


def by_samples(
    net: RowNetwork,
    *,
    family: str,
    dim: int,
    count: int,
    num_groups: int = 64,
    rows: int = 200,
    key: Key[Array, ""],
) -> list[SampleFidelity]:
    """Rows of the network, of the plug-in, of SMOTE and of the seeds repeated, beside real ones.

    For tables the rival is "donor": numbers by the plug-in, categories of a seed near to them.

    Args:
        net: the network.
        family: one of ``FAMILIES``.
        dim: features.
        count: seeds, at least two more than features.
        num_groups: groups, at least 2.
        rows: real rows that are not seeds, and as many of each rule; up to ``prior.SAMPLE`` less
            the seeds.
        key: a typed key.

    Example:
        >>> SampleFidelity._fields[6]
        'told'
    """
    draw_key, write_key, smote_key = jax.random.split(key, 3)
    drawn, block = groups(family, num_groups, count + rows, dim, key=draw_key)
    whole, blocks = np.asarray(drawn, np.float64), np.asarray(block)
    seeds, real = whole[:, :count], whole[:, count:]
    rng = np.random.default_rng(np.asarray(jax.random.key_data(write_key)))
    made: dict[str, np.ndarray] = {}
    if family == "table":
        made["donor"] = np.stack(
            [_lent(*one, rows, rng) for one in zip(seeds, blocks, strict=True)]
        )
    else:
        smote = comparators.smote_samples(jnp.asarray(seeds), count, rows, key=smote_key)
        made["smote"] = np.asarray(smote)
        made["plug-in"] = np.stack([_normal(one, rows, rng) for one in seeds])
    made["repeated"] = np.stack([one[rng.integers(count, size=rows)] for one in seeds])
    made["network"] = np.stack(
        [
            _written(net, *one, rows, jax.random.fold_in(write_key, index))
            for index, one in enumerate(zip(seeds, blocks, strict=True))
        ]
    )
    found = []
    for rule, other in made.items():
        energy = np.asarray(comparators.energy_distance(jnp.asarray(real), jnp.asarray(other)))
        told = np.array([_told(*pair) for pair in zip(real, other, strict=True)])
        far = [_apart(*pair) for pair in zip(real, other, strict=True)]
        covered = _covered(net, seeds, blocks, real, other) if rule == "network" else None
        root = num_groups**0.5
        found.append(
            SampleFidelity(
                family=family,
                dim=dim,
                seeds=count,
                rule=rule,
                energy=float(energy.mean()),
                energy_error=float(energy.std(ddof=1) / root),
                told=float(told.mean()),
                told_error=float(told.std(ddof=1) / root),
                correlation=float(np.mean(far)),
                covered=covered,
            )
        )
    return found


def _normal(seeds: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """The plug-in's rows."""
    cov = np.cov(seeds.T).reshape(seeds.shape[1], seeds.shape[1])
    return rng.multivariate_normal(seeds.mean(axis=0), cov, rows)


def _lent(seeds: np.ndarray, block: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers by the plug-in, categories of one of the five seeds with the nearest numbers."""
    number = seeds[:, block == 0]
    made, scale = _normal(number, rows, rng), 1e-9 + number.std(axis=0)
    distance = (((made[:, None] - number[None]) / scale) ** 2).sum(axis=2)
    near = np.argpartition(distance, 4, axis=1)[np.arange(rows), rng.integers(5, size=rows)]
    out = seeds[near].copy()
    out[:, block == 0] = made
    return out


def _written(
    net: RowNetwork, seeds: np.ndarray, block: np.ndarray, rows: int, key: Key[Array, ""]
) -> np.ndarray:
    """The network's rows, through columns of codes as a table has them."""
    number, kinds = seeds[:, block == 0], [*range(1, block.max(initial=0) + 1)]
    codes = [1.0 + seeds[:, block == kind].argmax(axis=1) for kind in kinds]
    met = [(seeds[:, block == kind] > 0.0).any(axis=1) for kind in kinds]
    table = np.column_stack([*(a * b for a, b in zip(codes, met, strict=True)), number])
    places = [*range(len(kinds))]
    made = np.concatenate([*writer.batches(net, table, rows, key=key, categorical=places)])
    out = np.empty((rows, len(block)))
    out[:, block == 0] = made[:, len(kinds) :]
    for place, kind in enumerate(kinds):
        level = 1.0 + np.arange((block == kind).sum())
        out[:, block == kind] = np.where(made[:, [place]] == level, 1.0, -1.0)
    return out


def _apart(real: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute error of the correlations of columns that vary in both."""
    varying = (np.ptp(real, axis=0) > 0) & (np.ptp(other, axis=0) > 0)
    first, second = (np.atleast_2d(np.corrcoef(one[:, varying].T)) for one in (real, other))
    above = np.triu_indices(len(first), 1)
    return float(np.abs(first - second)[above].mean()) if len(above[0]) else 0.0


def _covered(
    net: RowNetwork,
    seeds: np.ndarray,
    blocks: np.ndarray,
    real: np.ndarray,
    written: np.ndarray,
) -> float:
    """Share of real rows whose density is above the tenth percentile of the written rows'."""
    block = jnp.asarray(blocks)
    full = [np.full(len(seeds), size, np.int32) for size in seeds.shape[1:]]

    def density(y: np.ndarray) -> np.ndarray:
        x, rows = jnp.asarray(seeds, jnp.float32), jnp.asarray(y, jnp.float32)
        sizes = tuple(map(jnp.asarray, full))
        parts = [
            network.log_density(net.params, net.arch, x, *sizes, rows[:, start : start + 20], block)
            for start in range(0, rows.shape[1], 20)
        ]
        return np.asarray(jnp.concatenate(parts, axis=1).sum(axis=-1))

    least = np.quantile(density(written), 0.1, axis=1, keepdims=True)
    return float((density(real) >= least).mean())
