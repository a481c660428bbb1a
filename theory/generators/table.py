"""Synthetic generators and the population law ``Q_g`` each of them has on Gaussian groups.

A generator with a fixed law (`Oracle`, `Shifted`, `Scaled`, `Mislabelled`) does not look at the
seeds. The others are fitted on the ``n_g`` seeds of a group (`Duplicate`, `Smote`,
`GaussianPlugin`, `Predictive`); their population law is the limit of many seeds, which is also the
mean law wherever that is unbiased, and `theory.prediction.influence` holds what the seeds' noise
adds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from synthetic_oversampling.theory.population.design import is_real, sizes_of
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, require_groups
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "Duplicate",
    "GaussianPlugin",
    "Generator",
    "Mislabelled",
    "Oracle",
    "Predictive",
    "Scaled",
    "Shifted",
    "Smote",
    "check_seeds",
    "interpolation_law",
    "interpolation_nodes",
    "min_seeds",
    "pooled_cov",
    "population_law",
    "unknown_generator",
]


@dataclasses.dataclass(frozen=True)
class Oracle:
    """Draws from the group itself: ``Q_g = P_g``."""

    fitted = False


@dataclasses.dataclass(frozen=True)
class Shifted:
    """Draws from the group and adds a constant vector to the features.

    Args:
        shift: ``[d]``, in the units of the features.
    """

    shift: tuple[float, ...]
    fitted = False

    def __post_init__(self):
        try:
            shift = np.asarray(self.shift, dtype=np.float64)
        except (TypeError, ValueError):
            shift = np.asarray(np.nan)
        if shift.ndim != 1 or not np.all(np.isfinite(shift)):
            raise ValueError(
                f"shift: got {self.shift!r}, expected a vector of finite numbers, one per feature."
            )
        object.__setattr__(self, "shift", tuple(shift.tolist()))


@dataclasses.dataclass(frozen=True)
class Scaled:
    """Draws from the group with every component's covariance multiplied by ``factor``.

    Args:
        factor: ``kappa > 0``; below 1 the samples are too concentrated, above 1 too spread out.
    """

    factor: float
    fitted = False

    def __post_init__(self):
        if not is_real(self.factor) or not 0 < self.factor < math.inf:
            raise ValueError(
                f"factor: got {self.factor!r}, expected a positive number multiplying covariances."
            )


@dataclasses.dataclass(frozen=True)
class Mislabelled:
    """Draws from the group and flips the label with probability ``rate``.

    Args:
        rate: ``epsilon`` in [0, 1].
    """

    rate: float
    fitted = False

    def __post_init__(self):
        if not is_real(self.rate) or not 0.0 <= self.rate <= 1.0:
            raise ValueError(f"rate: got {self.rate!r}, expected a probability in [0, 1].")


@dataclasses.dataclass(frozen=True)
class Duplicate:
    """Draws seeds with replacement: ``Q_g`` is the empirical law of the seeds."""

    fitted = True


@dataclasses.dataclass(frozen=True)
class Smote:
    """Interpolates between a seed and one of its neighbours, ``(1 - u) x_i + u x_j``.

    Reference: Chawla, Bowyer, Hall, Kegelmeyer (2002), SMOTE.

    Args:
        neighbours: ``k``, how many nearest seeds (Euclidean) ``x_j`` is drawn from; None means
            all other seeds, for which the law is known in closed form.
    """

    neighbours: int | None = None
    fitted = True

    def __post_init__(self):
        k = self.neighbours
        if k is not None and not (is_real(k) and 1 <= k < math.inf and int(k) == k):
            raise ValueError(
                f"neighbours: got {k!r}, expected a whole number k >= 1, or None for all seeds."
            )
        object.__setattr__(self, "neighbours", None if k is None else int(k))


@dataclasses.dataclass(frozen=True)
class GaussianPlugin:
    """Fits a Gaussian to the seeds and draws from it: ``N(xbar, S)``.

    Args:
        covariance: "group" for each group's own sample covariance, "pooled" for the one pooled
            over all groups (the generator behind linear discriminant analysis), "known" for the
            group's true covariance (only the mean is estimated). Sample covariances are unbiased
            (divided by ``n - 1``, or ``n_total - G`` when pooled).
    """

    covariance: Literal["group", "pooled", "known"] = "group"
    fitted = True

    def __post_init__(self):
        if self.covariance not in ("group", "pooled", "known"):
            raise ValueError(
                f"covariance: got {self.covariance!r}, expected 'group', 'pooled' or 'known'."
            )


@dataclasses.dataclass(frozen=True)
class Predictive:
    """Draws from the posterior predictive of a Gaussian given the seeds, non-informative prior.

    What an ideal in-context generator draws. With covariance "known" (flat prior on the mean)
    it is ``N(xbar, (1 + 1/n) Sigma)``; with "group" (the prior ``|Sigma|^{-(d+1)/2}``) it is a
    multivariate Student-t with ``n - d`` degrees of freedom, centre ``xbar`` and scale matrix
    ``(1 + 1/n) (n - 1)/(n - d) S``. All draws from one set of seeds share that law.

    Args:
        covariance: "group" (unknown mean and covariance) or "known" (unknown mean).
    """

    covariance: Literal["group", "known"] = "group"
    fitted = True

    def __post_init__(self):
        if self.covariance not in ("group", "known"):
            raise ValueError(f"covariance: got {self.covariance!r}, expected 'group' or 'known'.")


Generator = (
    Oracle | Shifted | Scaled | Mislabelled | Duplicate | Smote | GaussianPlugin | Predictive
)


def min_seeds(generator: Generator, dim: int) -> int:
    """Fewest seeds in a group for which the generator is defined (and has finite variance).

    Args:
        generator: any generator.
        dim: features.

    Raises:
        ValueError: for a generator of a class whose need is not known.
    """
    match generator:
        case Smote(neighbours=None) | GaussianPlugin(covariance="group"):
            return 2
        case Smote(neighbours=k):
            return k + 1
        case Predictive(covariance="group"):
            return dim + 3
        case Oracle() | Shifted() | Scaled() | Mislabelled():
            return 1
        case Duplicate() | GaussianPlugin() | Predictive():
            return 1
    raise unknown_generator(
        generator,
        "theory.generators.table.min_seeds",
        "how many seeds it needs",
    )


def unknown_generator(generator: object, where: str, missing: str) -> ValueError:
    """The error for a generator of a class that one of the places that tell classes apart misses.

    Args:
        generator: it.
        where: dotted name of that place.
        missing: what has to be said there.
    """
    return ValueError(
        f"generator: got {generator!r}, expected one whose class {where} knows; say there "
        f"{missing}, in a case for {type(generator).__name__}, or use another generator."
    )


def check_seeds(generator: Generator, sizes: Sequence[int], dim: int) -> None:
    """Raise if a group has fewer seeds than the generator needs, or the dimensions disagree.

    Args:
        generator: any generator.
        sizes: seeds per group.
        dim: features.

    Raises:
        ValueError: naming the group, what it has, what is needed, and what to do.
    """
    needed = min_seeds(generator, dim)
    for g, n in enumerate(sizes):
        if n < needed:
            raise ValueError(
                f"sizes: got {counted(n, 'seed')} in group {g}, expected at least {needed} for "
                f"{generator} in dimension {dim}; collect more seeds, or use a generator that "
                "needs fewer (Duplicate, or a known covariance)."
            )
    if isinstance(generator, Shifted) and len(generator.shift) != dim:
        raise ValueError(
            f"shift: got {counted(len(generator.shift), 'entry')}, expected {dim}, one per feature."
        )
    pooled = isinstance(generator, GaussianPlugin) and generator.covariance == "pooled"
    if pooled and sum(sizes) <= len(sizes):
        raise ValueError(
            f"sizes: got {tuple(sizes)}, expected more samples than groups for a pooled covariance."
        )


_INTERPOLATION_NODES = 16
_LARGEST_LAW = 2**26  # bytes of covariances of a group; a prediction holds them about 20 times


def interpolation_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1] for the interpolation weight ``u``."""
    nodes, weights = np.polynomial.legendre.leggauss(_INTERPOLATION_NODES)
    return (nodes + 1.0) / 2.0, weights / 2.0


def interpolation_law(group: GaussianGroup) -> Law:
    """Exact law of SMOTE with all seeds as neighbours: a Gaussian scale mixture.

    ``(1 - u) x + u x'`` with independent ``x`` (component k) and ``x'`` (component l) is Gaussian
    given ``u``, with mean ``(1 - u) mu_k + u mu_l`` and covariance ``(1 - u)^2 S_k + u^2 S_l``; its
    overall covariance is 2/3 of the group's within part. The uniform ``u`` is integrated by
    Gauss-Legendre, so the law is a finite mixture accurate to rounding, of ``8 K^2`` components.

    Args:
        group: whose seeds are interpolated.

    Raises:
        ValueError: for so many components that their pairs do not fit into the memory.
    """
    require_groups([group])
    count = len(group.weights)
    needed = _INTERPOLATION_NODES // 2 * count**2 * group.dim**2 * 8
    if count > 1 and needed > _LARGEST_LAW:
        raise ValueError(
            f"groups: got {count} components in {counted(group.dim, 'feature')} for SMOTE, whose "
            f"law is a mixture of {_INTERPOLATION_NODES // 2 * count**2} Gaussians with "
            f"{needed / 2**20:.0f} MiB of covariances, expected at most "
            f"{_LARGEST_LAW / 2**20:.0f} MiB; use fewer components or features, or measure the "
            "generator with simulate.measure_generator and predict with "
            "synthetic_oversampling.theory.prediction.measured.predict_measured."
        )
    u, weight = interpolation_nodes()
    first, second = np.triu_indices(count)
    pairs = group.weights[first] * group.weights[second]
    # a pair the other way round at 1 - u has the same law: of two components every node, of one
    # with itself the lower half of the nodes, which are symmetric, each with twice its weight
    own, node = np.nonzero((first != second)[:, None] | (u < 0.5))
    first, second, v = first[own], second[own], u[node]
    means = (1 - v)[:, None] * group.mean[first] + v[:, None] * group.mean[second]
    covs = ((1 - v) ** 2)[:, None, None] * group.cov[first]
    covs += (v**2)[:, None, None] * group.cov[second]
    weights = 2 * weight[node] * pairs[own]
    return Law(weights, means, covs, np.full(weights.size, group.sign))


def population_law(
    generator: Generator, g: int, groups: Sequence[GaussianGroup], sizes: Sequence[int]
) -> Law:
    """The law ``Q_g`` a generator converges to as the seeds of every group grow in proportion.

    Args:
        generator: any generator with a closed form.
        g: which group's synthetic samples.
        groups: all groups (a pooled covariance depends on all of them).
        sizes: real samples per group (weights of the pooled covariance).

    Raises:
        ValueError: for SMOTE with ``k`` nearest neighbours, whose law at finite ``n`` has no
            closed form here, and for what is no generator, group or place of one.
    """
    require_groups(groups)
    if not 0 <= g < len(groups):
        raise ValueError(
            f"g: got {g!r}, expected the index of one of the {counted(len(groups), 'group')}."
        )
    if len(sizes_of(sizes)) != len(groups):
        raise ValueError(
            f"sizes: got {sizes!r}, expected one for each of {counted(len(groups), 'group')}."
        )
    group = groups[g]
    signs = np.full(len(group.weights), group.sign)
    match generator:
        case Oracle() | Duplicate():
            return group.law
        case Shifted(shift=shift):
            return Law(group.weights, group.mean + np.asarray(shift), group.cov, signs)
        case Scaled(factor=factor):
            return Law(group.weights, group.mean, factor * group.cov, signs)
        case Mislabelled(rate=rate):
            weights = np.concatenate([(1.0 - rate) * group.weights, rate * group.weights])
            twice = (np.concatenate([part, part]) for part in (group.mean, group.cov))
            return Law(weights, *twice, np.concatenate([signs, -signs]))
        case Smote(neighbours=None):
            return interpolation_law(group)
        case GaussianPlugin(covariance="pooled"):
            mean, _ = group.overall_mean_cov()
            return _gaussian(mean, pooled_cov(groups, sizes), group.sign)
        case GaussianPlugin() | Predictive():
            mean, cov = group.overall_mean_cov()
            return _gaussian(mean, cov, group.sign)
        case Smote(neighbours=k):
            raise ValueError(
                f"generator: got Smote(neighbours={k}), expected a generator with a closed-form "
                "law; measure it with simulate.measure_generator and pass the result, or use "
                "Smote() with all seeds as neighbours."
            )
    raise unknown_generator(generator, "theory.generators.table.population_law", "its law")


def pooled_cov(groups: Sequence[GaussianGroup], sizes: Sequence[int]) -> np.ndarray:
    """Within-group covariance pooled over groups with weights ``n_g / n_total``.

    Args:
        groups: all groups, each of any number of components.
        sizes: real samples per group.

    Returns:
        ``[d, d]``.
    """
    total = float(sum(sizes))
    return sum(
        n / total * group.overall_mean_cov()[1] for n, group in zip(sizes, groups, strict=True)
    )


def _gaussian(mean: np.ndarray, cov: np.ndarray, sign: float) -> Law:
    return Law(np.ones(1), mean[None], cov[None], np.full(1, sign))
