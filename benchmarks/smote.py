"""(b) SMOTE on many data sets against imbalanced-learn's in a loop, with equal moments."""

from __future__ import annotations

import jax
import numpy as np

from benchmarks.machine import spread
from benchmarks.timing import times
from synthetic_oversampling.simulate.replicates.sharding import replicate_mesh, sharded_map
from synthetic_oversampling.simulate.sampling.mixtures import sample_group
from synthetic_oversampling.simulate.sampling.samplers import sample_synthetic
from synthetic_oversampling.theory.generators.table import Smote
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["moment_gap", "run"]

_NEIGHBOURS = 5


def imbalanced_learn(real: np.ndarray, label: np.ndarray, seed: int) -> np.ndarray:
    """The synthetic rows that imbalanced-learn makes of every data set: ``[R, m, d]``."""
    from imblearn.over_sampling import SMOTE

    made = []
    for index, x in enumerate(real):
        smote = SMOTE(k_neighbors=_NEIGHBOURS, random_state=seed + index)
        made.append(smote.fit_resample(x, label)[0][len(x) :])
    return np.stack(made)


def moment_gap(first: np.ndarray, second: np.ndarray) -> float:
    """Largest standardised difference of pooled first and second moments, over data sets.

    Both made of the same seeds: the difference of a data set's moments has mean zero when the two
    laws are one, and its spread over data sets is its standard error.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> same, other = rng.standard_normal((2, 50, 30, 2))
        >>> moment_gap(same, other) < 4, moment_gap(same, 1.2 * other) > 4
        (True, True)
    """

    def moments(x):
        products = np.einsum("rmi,rmj->rij", x, x) / x.shape[1]
        upper = np.triu_indices(x.shape[2])
        return np.concatenate([x.mean(axis=1), products[:, *upper]], axis=1)

    gap = moments(first) - moments(second)
    return float(np.max(np.abs(gap.mean(0)) / (gap.std(0, ddof=1) / np.sqrt(len(gap)))))


def run(quick: bool) -> list[str]:
    """The section: times, ratio, and how far the pooled moments are apart."""
    count, sizes, dim = (20, (38, 8), 2) if quick else (1_000, (380, 20), 5)
    group = GaussianGroup(np.full(dim, 0.5), np.eye(dim), 1)
    missing = sizes[0] - sizes[1]
    keys = jax.random.split(jax.random.key(1), count)
    seeds = jax.jit(jax.vmap(lambda key: sample_group(group, sizes[1], key=key)))(keys)
    rng = np.random.default_rng(0)
    real = np.concatenate([rng.standard_normal((count, sizes[0], dim)), np.asarray(seeds)], axis=1)
    label = np.repeat([0, 1], sizes)

    def one(data):
        labels, key = data
        return sample_synthetic(Smote(_NEIGHBOURS), 0, [group], [labels], missing, key=key)[0]

    mesh = replicate_mesh()
    ours = sharded_map(one, mesh, tiled=False)
    data = spread((seeds, jax.random.split(jax.random.key(2), count)), mesh)
    contenders = {
        "here": lambda: ours(data),
        "imbalanced-learn": lambda: imbalanced_learn(real, label, seed=0),
    }
    found = times(contenders, repeats=1 if quick else 3)
    here, there = found["here"], found["imbalanced-learn"]
    gap = moment_gap(np.asarray(here.output)[:count], there.output)
    moments = dim + dim * (dim + 1) // 2
    if not gap < 5.0:
        raise AssertionError(
            f"SMOTE here and in imbalanced-learn differ by {gap:.1f} standard errors in a pooled "
            "moment, expected less than 5; a time without agreement means nothing."
        )
    return [
        "| data sets | seeds, synthetic | d | here | imbalanced-learn | ratio | first call |",
        "|---|---|---|---|---|---|---|",
        f"| {count:,} | {sizes[1]}, {missing} | {dim} | {1e3 * here.median:.1f} ms | "
        f"{1e3 * there.median:.0f} ms | **{there.median / here.median:.0f}** | "
        f"{here.first:.1f} s |",
        "",
        f"Same seeds, {_NEIGHBOURS} neighbours. Of the {moments} pooled first and second moments "
        f"the largest difference is {gap:.1f} standard errors.",
    ]
