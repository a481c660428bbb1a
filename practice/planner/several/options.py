"""What more than two classes change in the options of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthetic_oversampling.practice.planner.objectives import OBJECTIVES
from synthetic_oversampling.practice.planner.table import Prepared
from synthetic_oversampling.theory.wording import counted

__all__ = ["check_several", "class_shares_of"]

_PARAMETERS = 1000  # of a softmax fit, each of whose steps solves as many equations


def check_several(table: Prepared, learner: str, metric: str, cost_ratio: float, ridge) -> None:
    """Raise for what only two classes have.

    Args:
        table: of any number of classes; learner, metric, cost_ratio, ridge: of the plan.

    Raises:
        ValueError: naming the argument.
    """
    count = len(table.classes)
    if count == 2:
        return
    able = [name for name, one in OBJECTIVES.items() if one.several is not None]
    parameters = (count - 1) * (table.x.shape[1] + 1)
    one_class = "or name one class with positive (--positive), against all others together"
    for name, value, ok, expected in (
        ("metric", metric, metric in able, f"one of {', '.join(able)}"),
        ("cost_ratio", cost_ratio, cost_ratio == 1, "none, since a miss is of no one class"),
        ("ridge", ridge, ridge != "theory", "a number or 'cv', since theory K2 has no penalty"),
        (
            "features",
            table.x.shape[1],
            not learner.startswith("logistic") or parameters <= _PARAMETERS,
            f"a fit of at most {counted(_PARAMETERS, 'parameter')}, not {parameters}; "
            "choose columns",
        ),
    ):
        if not ok:
            raise ValueError(
                f"{name}: got {value!r} for {counted(count, 'class')}, expected {expected}; "
                f"{one_class}."
            )


def class_shares_of(
    table: Prepared, prevalence: float | Mapping | Sequence[float] | None
) -> tuple[float, ...]:
    """Shares of the classes where the rule is to be used, in their order; of two, of 0 and 1.

    Args:
        table: whose own they are when None.
        prevalence: the share of label 1 of two classes, or every class's by name or in order.

    Raises:
        ValueError: for shares that do not fit the classes.
    """
    count = len(table.classes)
    if prevalence is None:
        return tuple((np.bincount(table.y) / len(table.y)).tolist())
    if count == 2 and isinstance(prevalence, int | float):
        return 1 - float(prevalence), float(prevalence)
    wanted = f"shares of {', '.join(table.classes)} that sum to 1"
    if count == 2:
        wanted = "a share between 0 and 1, of label 1 where the rule is to be used"
    found: list[float] = []
    if count > 2 and isinstance(prevalence, Mapping):
        given = {str(name): share for name, share in prevalence.items()}
        found = [given[name] for name in table.classes] if set(given) == set(table.classes) else []
    elif count > 2 and isinstance(prevalence, Sequence) and len(prevalence) == count:
        found = list(prevalence)
    if not found or min(found) <= 0 or abs(sum(found) - 1) > 1e-8:
        raise ValueError(f"prevalence: got {prevalence!r}, expected {wanted}.")
    return tuple(map(float, found))
