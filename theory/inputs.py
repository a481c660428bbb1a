"""What a theorem is asked about: groups, a design and generators that go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from theory.design import Design, require_design
from theory.generators import Generator
from theory.laws import GaussianGroup, require_groups
from theory.wording import counted

__all__ = ["check_groups", "per_group"]

_NAMES = ", ".join(kind.__name__ for kind in get_args(Generator))
_EXPECTED = f"an object such as Smote(), of one of the classes {_NAMES}, or a list of one per group"


def per_group(generator: Generator | Sequence[Generator], count: int) -> tuple[Generator, ...]:
    """One generator per group, from one for all or a sequence.

    Args:
        generator: one for all groups, or a list or tuple with one per group.
        count: groups.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(generator, Generator):
        return (generator,) * count
    if not isinstance(generator, list | tuple):
        raise ValueError(f"generator: got {generator!r}, expected {_EXPECTED}.")
    for g, own in enumerate(generator):
        if not isinstance(own, Generator):
            raise ValueError(f"generator: got {own!r} for group {g}, expected {_EXPECTED}.")
    if len(generator) != count:
        raise ValueError(
            f"generator: got {counted(len(generator), 'generator')}, expected one, or one for each "
            f"of the {counted(count, 'group')}."
        )
    return tuple(generator)


def check_groups(groups: Sequence[GaussianGroup], design: Design) -> None:
    """Raise unless the groups agree in dimension, match the design and carry both labels.

    Args:
        groups: what should be groups.
        design: what should be their design.

    Raises:
        ValueError: naming the argument.
    """
    require_design(design)
    require_groups(groups)
    if len(groups) != design.num_groups:
        raise ValueError(
            f"groups: got {counted(len(groups), 'group')} for a design with "
            f"{counted(design.num_groups, 'size')}, expected one size per group; make design.sizes "
            "as long as groups."
        )
    dims = [group.dim for group in groups]
    if len(set(dims)) > 1:
        raise ValueError(
            f"groups: got dimensions {dims}, expected the same number of features in every group."
        )
    labels = {group.label for group in groups}
    if labels != {0, 1}:
        raise ValueError(
            f"groups: got labels {sorted(labels)}, expected both 0 and 1; a classifier needs both."
        )
