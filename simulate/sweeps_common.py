"""What sweeps have in common: groups, generators and keys from plain settings, and progress."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import jax

from simulate.monte_carlo import Result
from simulate.paths import Progress
from theory.generators import (
    Duplicate,
    GaussianPlugin,
    Generator,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from theory.laws import GaussianGroup

__all__ = ["generators_of", "groups_of", "path_key", "problems", "share_of"]


def path_key(seed: int, name: str) -> jax.Array:
    """Key of a path, folded from its name: adding one path changes no other."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))


def groups_of(settings: Mapping) -> tuple[GaussianGroup, ...]:
    """The groups that settings describe by means, covariances and labels."""
    return tuple(
        GaussianGroup(mean, cov, label)
        for mean, cov, label in zip(
            settings["means"], settings["covs"], settings["labels"], strict=True
        )
    )


def generators_of(settings: Mapping) -> dict[str, Generator]:
    """Generators by the name under which figures show them."""
    shift = tuple(settings["shift"])
    return {
        "oracle": Oracle(),
        "shifted": Shifted(shift),
        "scaled": Scaled(settings.get("scale", 0.7)),
        "mislabelled": Mislabelled(settings.get("flip_rate", 0.05)),
        "duplicate": Duplicate(),
        "smote": Smote(),
        "plug-in": GaussianPlugin("group"),
        "pooled plug-in": GaussianPlugin("pooled"),
        "predictive": Predictive("group"),
    }


def share_of(progress: Progress, done: int, total: int) -> Progress:
    """Progress of one of several equal parts."""
    return lambda own: progress((done + own) / total)


def problems(*results: Result) -> dict[str, int]:
    """Replicates and those left out, over several runs."""
    return {
        "replicates_in_all": sum(result.replicates for result in results),
        "left_out": sum(result.excluded for result in results),
    }
