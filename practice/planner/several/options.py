"""The options of a plan: what each of them may be, and what more than two classes change."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import numpy as np

from synthetic_oversampling.practice.planner.learners import LEARNERS
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES
from synthetic_oversampling.practice.planner.table import Prepared
from synthetic_oversampling.theory.population.design import is_real
from synthetic_oversampling.theory.wording import counted

__all__ = ["check_options", "check_several", "class_shares_of"]

_PARAMETERS = 1000  # of a softmax fit, each of whose steps solves as many equations


def _whole(value) -> TypeGuard[int]:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _finite(value) -> TypeGuard[float]:
    return is_real(value) and bool(0 <= value < math.inf)


def check_options(
    *,
    learner,
    metric,
    prevalence,
    cost_ratio,
    ridge,
    price,
    worth,
    most,
    level,
    folds,
    repeats,
    seed,
) -> None:
    """Raise for what no plan can be made with, whatever the table.

    Args:
        learner, metric, prevalence, cost_ratio, ridge, price, worth, most, level, folds, repeats,
            seed: as `planner.plan_table` was given them.

    Raises:
        ValueError: naming the argument, what was got and what is expected.
    """
    for name, value, ok, expected in (
        ("learner", learner, learner in LEARNERS, f"one of {', '.join(LEARNERS)}"),
        ("metric", metric, metric in OBJECTIVES, f"one of {', '.join(OBJECTIVES)}"),
        (
            "prevalence",
            prevalence,
            not isinstance(prevalence, numbers.Number | str)
            or (is_real(prevalence) and 0 < prevalence < 1),
            "a share between 0 and 1, of label 1 where the rule is to be used",
        ),
        (
            "cost_ratio",
            cost_ratio,
            _finite(cost_ratio) and cost_ratio > 0,
            "a positive number, what a missed row of label 1 costs over a false alarm",
        ),
        (
            "ridge",
            ridge,
            ridge in ("cv", "theory") if isinstance(ridge, str) else _finite(ridge),
            "a number of at least 0, 'cv' or 'theory'",
        ),
        (
            "ridge",
            ridge,
            learner == "logistic-l2" or (isinstance(ridge, str) and ridge == "cv"),
            f"none for learner {learner!r}, which has no ridge; leave it out",
        ),
        ("price", price, _finite(price), "a number of at least 0"),
        ("worth", worth, worth is None or _finite(worth), "a number of at least 0"),
        (
            "most",
            most,
            most is None or (_whole(most) and most >= 1),
            "a whole number, at least 1 row per group",
        ),
        (
            "level",
            level,
            is_real(level) and 0.5 < level < 1,
            "a number between 0.5 and 1, such as 0.95",
        ),
        ("folds", folds, _whole(folds) and 2 <= folds <= 100, "a whole number from 2 to 100"),
        (
            "repeats",
            repeats,
            repeats is None or (_whole(repeats) and 1 <= repeats <= 1000),
            "a whole number from 1 to 1000",
        ),
        ("seed", seed, _whole(seed) and seed >= 0, "a whole number of at least 0"),
    ):
        if not ok:
            raise ValueError(f"{name}: got {value!r}, expected {expected}.")


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
    table: Prepared, prevalence: float | Mapping | Sequence[float] | np.ndarray | None
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
    if count == 2 and is_real(prevalence):
        return 1 - float(prevalence), float(prevalence)
    wanted = f"shares of {', '.join(table.classes)} that sum to 1"
    if count == 2:
        wanted = "a share between 0 and 1, of label 1 where the rule is to be used"
    found: list[float] = []
    if count > 2 and isinstance(prevalence, Mapping):
        given = {str(name): share for name, share in prevalence.items()}
        found = [given[name] for name in table.classes] if set(given) == set(table.classes) else []
    elif count > 2 and isinstance(prevalence, Sequence | np.ndarray) and len(prevalence) == count:
        found = list(prevalence)
    if not found or not all(map(is_real, found)) or min(found) <= 0 or abs(sum(found) - 1) > 1e-8:
        raise ValueError(f"prevalence: got {prevalence!r}, expected {wanted}.")
    return tuple(map(float, found))
