"""All generators by name, and the population law ``Q_g`` that each of them has.

A generator with a fixed law (`Oracle`, `Shifted`, `Scaled`, `Mislabelled`) does not look at the
seeds. The others are fitted on the ``n_g`` seeds of a group; their population law is the limit of
many seeds, which is also the mean law wherever that is unbiased, and `theory.prediction.influence`
holds what the seeds' noise adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from synthetic_oversampling.theory.generators.base import Generator
from synthetic_oversampling.theory.generators.duplicate import Duplicate
from synthetic_oversampling.theory.generators.fixed import Mislabelled, Oracle, Scaled, Shifted
from synthetic_oversampling.theory.generators.gaussian import GaussianPlugin, Predictive
from synthetic_oversampling.theory.generators.smote import Smote
from synthetic_oversampling.theory.generators.student import StudentPlugin
from synthetic_oversampling.theory.population.design import sizes_of
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, require_groups
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "GENERATORS",
    "LABELS",
    "Duplicate",
    "GaussianPlugin",
    "Generator",
    "Mislabelled",
    "Oracle",
    "Predictive",
    "Scaled",
    "Shifted",
    "Smote",
    "StudentPlugin",
    "population_law",
    "require_generator",
]

# what makes a generator of each name, given its parameter if it has one; LABELS: how figures say it
GENERATORS: dict[str, Callable[..., Generator]] = {
    "oracle": Oracle,
    "shifted": Shifted,
    "scaled": Scaled,
    "mislabelled": Mislabelled,
    "duplicate": Duplicate,
    "smote": Smote,
    "plugin": GaussianPlugin,
    "plugin-pooled": partial(GaussianPlugin, "pooled"),
    "plugin-known": partial(GaussianPlugin, "known"),
    "predictive": Predictive,
    "predictive-known": partial(Predictive, "known"),
    "student": StudentPlugin,
}
# a parameter for those that have one, where only the name matters
_ANY = {"shifted": ((0.0,),), "scaled": (1.0,), "mislabelled": (0.0,)}
# what figures and reports call a generator, by its name
LABELS: dict[str, str] = {
    name: make(*_ANY.get(name, ())).label for name, make in GENERATORS.items()
}


def require_generator(generator: object, where: str = "") -> Generator:
    """The generator, if it is one.

    Args:
        generator: what should be one.
        where: of which group, in words that follow it in the error.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(generator, Generator):
        return generator
    kinds = {kind.func if isinstance(kind, partial) else kind for kind in GENERATORS.values()}
    raise ValueError(
        f"generator: got {generator!r}{where}, expected an object such as Smote(), of one of the "
        f"classes {', '.join(sorted(kind.__name__ for kind in kinds))}, or a list of one per group."
    )


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
    return require_generator(generator).law(g, groups, sizes)
