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
from jaxtyping import Array, Float, Key
from rich.console import Console
from rich.progress import track

from synthetic_oversampling.transformer_toy import heads, tasks
from synthetic_oversampling.transformer_toy.evaluation import comparators
from synthetic_oversampling.transformer_toy.rows import conjugate, network, prior, writer
from synthetic_oversampling.transformer_toy.rows.training import RowNetwork

__all__ = [
    "FAMILIES",
    "RULES",
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
) -> Float[Array, "B N D"]:
    """Rows of fresh groups of one family.

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
        >>> groups("heavy-tailed", 2, 5, 3, key=jax.random.key(0)).shape
        (2, 5, 3)
    """
    if family not in FAMILIES:
        raise ValueError(f"family: got {family!r}, expected one of {', '.join(FAMILIES)}.")
    if family in prior.FAMILIES:
        which = prior.FAMILIES.index(family)
        rows = prior.draw(3 * num_groups, length, dim, jnp.float32, key=key)
        return rows[which * num_groups : (which + 1) * num_groups]
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
    return (normal + offset) @ jnp.swapaxes(root, 1, 2)


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
    "exact gaussian": (_conjugate(*prior.PRIOR), lambda dim: 0),
}


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
    values: dict[str, list] = {name: [] for name in rules}
    for start in range(0, num_groups, 64):
        size = min(64, num_groups - start)
        rows = groups(family, size, count + ROWS, dim, key=jax.random.fold_in(key, start))
        x, y = rows[:, :count], rows[:, count:]
        full = jnp.full(size, count, jnp.int32), jnp.full(size, dim, jnp.int32)
        own = network.log_density(net.params, net.arch, x, *full, y).sum(axis=-1)
        for name, rule in rules.items():
            # float64 for the rules: a kernel far from a row underflows otherwise
            wide = jnp.zeros(()).dtype
            other = jax.jit(rule)(x.astype(wide), y.astype(wide))
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
    whole = np.asarray(groups(family, num_groups, count + rows, dim, key=draw_key), np.float64)
    seeds, real = whole[:, :count], whole[:, count:]
    rng = np.random.default_rng(np.asarray(jax.random.key_data(write_key)))
    smote = comparators.smote_samples(jnp.asarray(seeds), count, rows, key=smote_key)
    made: dict[str, np.ndarray] = {"smote": np.asarray(smote)}
    made["repeated"] = np.stack([one[rng.integers(count, size=rows)] for one in seeds])
    made["plug-in"] = np.stack(
        [
            rng.multivariate_normal(one.mean(0), np.cov(one.T).reshape(dim, dim), rows)
            for one in seeds
        ]
    )
    made["network"] = np.stack(
        [
            np.concatenate(
                [*writer.batches(net, one, rows, key=jax.random.fold_in(write_key, index))]
            )
            for index, one in enumerate(seeds)
        ]
    )
    found = []
    for rule, other in made.items():
        energy = np.asarray(comparators.energy_distance(jnp.asarray(real), jnp.asarray(other)))
        told = np.array([_told(*pair) for pair in zip(real, other, strict=True)])
        far = [
            np.abs(np.corrcoef(a.T) - np.corrcoef(b.T))[np.triu_indices(dim, 1)].mean()
            for a, b in zip(real, other, strict=True)
        ]
        covered = _covered(net, seeds, real, other) if rule == "network" else None
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


def _covered(net: RowNetwork, seeds: np.ndarray, real: np.ndarray, written: np.ndarray) -> float:
    """Share of real rows whose density is above the tenth percentile of the written rows'."""
    full = [np.full(len(seeds), size, np.int32) for size in seeds.shape[1:]]

    def density(y: np.ndarray) -> np.ndarray:
        x, rows = jnp.asarray(seeds, jnp.float32), jnp.asarray(y, jnp.float32)
        sizes = tuple(map(jnp.asarray, full))
        parts = [
            network.log_density(net.params, net.arch, x, *sizes, rows[:, start : start + 20])
            for start in range(0, rows.shape[1], 20)
        ]
        return np.asarray(jnp.concatenate(parts, axis=1).sum(axis=-1))

    least = np.quantile(density(written), 0.1, axis=1, keepdims=True)
    return float((density(real) >= least).mean())
