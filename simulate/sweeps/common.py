"""What sweeps have in common: groups, generators and keys from plain settings, and progress."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import jax

from synthetic_oversampling.simulate.experiments.paths import Progress
from synthetic_oversampling.simulate.replicates.monte_carlo import Result
from synthetic_oversampling.simulate.sweeps.power_law import fit_power_law
from synthetic_oversampling.theory.generators.table import GENERATORS, Generator
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = [
    "fitted_exponent",
    "generators_of",
    "groups_of",
    "path_key",
    "problems",
    "share_of",
]

_PARAMETERS = {"shifted": "shift", "scaled": "scale", "mislabelled": "flip_rate"}


def path_key(seed: int, name: str) -> jax.Array:
    """Key of a path, folded from its name: adding one path changes no other.

    A name stays what it is, also where a sweep gets another: a new one draws other samples.

    Args:
        seed: of all samples.
        name: of the path.
    """
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))


def groups_of(settings: Mapping) -> tuple[GaussianGroup, ...]:
    """The groups that settings describe by means, covariances and labels.

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
    """
    return tuple(
        GaussianGroup(mean, cov, label)
        for mean, cov, label in zip(
            settings["means"], settings["covs"], settings["labels"], strict=True
        )
    )


def generators_of(settings: Mapping) -> dict[str, Generator]:
    """The generators that settings name, with the parameters that settings give.

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
    """
    made = {}
    for name in settings["generators"]:
        given = [settings[_PARAMETERS[name]]] if name in _PARAMETERS else []
        vectors = (tuple(value) if isinstance(value, list) else value for value in given)
        made[name] = GENERATORS[name](*vectors)
    return made


def share_of(progress: Progress, done: int, total: int) -> Progress:
    """Progress of one of several equal parts.

    Args:
        progress: of the whole.
        done: parts that are over.
        total: parts.
    """
    return lambda part: progress((done + part) / total)


def fitted_exponent(x, seen: Mapping) -> dict[str, float] | None:
    """Exponent that simulated points fall with, with its interval; None where they do not say.

    Args:
        x: sizes ``[k]``.
        seen: mean and standard error of each.
    """
    exponent = fit_power_law(x, seen["mean"], seen["std_error"]).exponent
    return None if exponent is None else exponent._asdict()


def problems(*results: Result) -> dict[str, int]:
    """Replicates and those left out, over several runs.

    Args:
        *results: of runs.
    """
    return {
        "replicates_in_all": sum(result.replicates for result in results),
        "left_out": sum(result.excluded for result in results),
    }
