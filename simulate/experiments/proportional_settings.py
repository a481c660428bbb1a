"""Settings of theorem H's simulations, and what theory predicts of each of their plans.

What is drawn and fitted is in `simulate.experiments.proportional_trials`, without theory; here are
the numbers, and the same groups, designs and generators as theory wants them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from synthetic_oversampling.simulate.experiments.proportional_trials import Plan, Setting
from synthetic_oversampling.theory.generators.table import GENERATORS, Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED
from synthetic_oversampling.theory.proportional.predict import Proportional, predict_proportional

__all__ = [
    "FULL_ONLY",
    "SETTINGS",
    "arguments",
    "groups_of",
    "laws",
    "plan_of",
    "predicted",
    "prediction",
]

_PARAMETERS: dict[str, Callable[[float, int], object]] = {
    "shifted": lambda value, dim: (0.0, value, *[0.0] * (dim - 2)),
    "scaled": lambda value, dim: value,
    "mislabelled": lambda value, dim: value,
}


def _generator(plan: Plan, dim: int) -> Generator:
    """What theory calls the plan's generator; SMOTE on every pair is SMOTE to it."""
    name = "smote" if plan.generator == "smote-pairs" else plan.generator
    given = [_PARAMETERS[name](plan.value, dim)] if name in _PARAMETERS else []
    return GENERATORS[name](*given)


def _means(dim: int, *rows: tuple[float, ...]) -> np.ndarray:
    means = np.zeros((len(rows), dim))
    for mean, row in zip(means, rows, strict=True):
        mean[: len(row)] = row
    return means


def plan_of(sizes: tuple[int, ...], ridge: float, text: str) -> Plan:
    """A plan from ``generator:value``, "raw" or "weighted"; squared loss with ``/squared``.

    Args:
        sizes: real rows per group, which synthetic ones level.
        ridge: of the penalty.
        text: what is planned.

    Example:
        >>> plan_of((30, 10), 1.0, "duplicate").rows
        (0, 20)
    """
    text, _, loss = text.partition("/")
    generator, _, value = text.partition(":")
    plain = generator in ("raw", "weighted")
    total, most = sum(sizes), max(sizes)
    if plain:
        weights = tuple(1.0 if generator == "raw" else total / (len(sizes) * n) for n in sizes)
        return Plan(text, ridge, weights, loss=loss or "logistic")
    level = total / (len(sizes) * most)
    rows = tuple(
        n * (n - 1) if generator == "smote-pairs" and n < most else most - n for n in sizes
    )
    each = tuple(
        level * (most - n) / count if count else 0.0 for n, count in zip(sizes, rows, strict=True)
    )
    return Plan(
        name=generator,
        ridge=ridge,
        weights=(level,) * len(sizes),
        generator=generator,
        rows=rows,
        each=each,
        value=float(value or 0),
        loss=loss or "logistic",
    )


def _setting(name, labels, sizes, means, roots, ridge: float, plans: str) -> Setting:
    roots = tuple(map(np.asarray, roots))
    return Setting(
        name=name,
        labels=labels,
        sizes=sizes,
        means=means,
        roots=roots,
        plans=tuple(plan_of(sizes, ridge, text) for text in plans.split()),
    )


def _unequal(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Roots of two covariances that do not commute."""
    noise = np.random.default_rng(5).standard_normal((dim, dim))
    return noise / np.sqrt(dim) + 0.5 * np.eye(dim), np.sqrt(np.linspace(0.3, 2.0, dim))


def _line(name: str, dim: int, plans: str, ridge: float = 1.5) -> Setting:
    """Two classes with unit covariances, minority rows for 0.8 of the features."""
    means = _means(dim, (-0.75,), (0.75, 0.3))
    return _setting(name, (0, 1), (4 * dim, 4 * dim // 5), means, (1.0, 1.0), ridge, plans)


_SPIKED = np.sqrt(np.repeat([10.0, 1.0], [6, 54]))
_WIDE = np.sqrt(np.repeat([10.0, 1.0], [20, 180]))

# settings of family H, by name
SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        _line("proportional-line", 40, "raw weighted shifted:0.6 scaled:2 mislabelled:0.2"),
        _line("proportional-oracle", 40, "oracle"),
        _line("proportional-seeds", 40, "duplicate plugin-known plugin plugin-pooled"),
        _line("proportional-pairs", 40, "smote-pairs"),
        _line("proportional-squared", 40, "raw/squared weighted/squared", 4.0),
        _setting(
            "proportional-few", (0, 1), (80, 12), _means(40, (-1.0,), (1.0, 0.4)), (1.0, 1.0),
            0.5, "raw weighted",
        ),
        _setting(
            "proportional-many", (0, 1), (300, 200), _means(40, (-0.75,), (0.75, 0.3)), (1.0, 1.0),
            0.0, "raw",
        ),
        _setting(
            "proportional-unequal", (0, 1), (120, 60), _means(40, (-0.75,), (0.75, 0.8)),
            _unequal(40), 1.0, "weighted predictive",
        ),
        _setting(
            "proportional-spurious", (0, 0, 1, 1), (80, 20, 20, 80),
            _means(40, (-0.8, -1.0), (-0.8, 1.0), (0.8, -1.0), (0.8, 1.0)), (1.0,) * 4, 1.0,
            "raw weighted",
        ),
        _setting(
            "proportional-spiked", (0, 1), (120, 40), _means(60, (-0.9,) * 3, (0.9,) * 3),
            (_SPIKED, _SPIKED), 2.0, "weighted",
        ),
        _line(
            "proportional-100", 100,
            "raw weighted plugin-known predictive-known plugin smote-pairs", 2.0,
        ),
        _setting(
            "proportional-200", (0, 1), (300, 100), _means(200, (-0.9,) * 3, (0.9,) * 3),
            (_WIDE, _WIDE), 2.0, "weighted plugin",
        ),
        _setting(
            "proportional-400", (0, 1), (400, 120), _means(400, (-1.0,), (1.0, 0.4)), (1.0, 1.0),
            2.0, "raw weighted",
        ),
    )
}  # fmt: skip
# settings of the full profile alone
FULL_ONLY = ("proportional-100", "proportional-200", "proportional-400")


def arguments(setting: Setting, name: str) -> tuple[Design, Generator | None]:
    """Design and generator of a plan, as theory wants them.

    Args:
        setting: whose plan it is.
        name: of the plan.
    """
    trained = next(part for part in setting.plans if part.name == name)
    design = {"raw": Design.raw, "weighted": Design.class_weighted}.get(name, Design)(setting.sizes)
    if not trained.generator:
        return design, None
    return design, _generator(trained, setting.dim)


def predicted(setting: Setting, groups: tuple[GaussianGroup, ...], name: str) -> Proportional:
    """Theorem H for a plan of any setting.

    Args:
        setting: the setting; groups: its `laws`; name: of the plan.
    """
    trained = next(part for part in setting.plans if part.name == name)
    design, generator = arguments(setting, name)
    return predict_proportional(
        groups=groups,
        design=design,
        generator=generator,
        ridge=trained.ridge,
        loss=LOGISTIC if trained.loss == "logistic" else SQUARED,
    )


def laws(setting: Setting) -> tuple[GaussianGroup, ...]:
    """The groups of any setting, as theory wants them.

    Args:
        setting: one of `SETTINGS`, or another of its kind.
    """
    return tuple(
        GaussianGroup(setting.means[g], setting.cov(g), label)
        for g, label in enumerate(setting.labels)
    )


@lru_cache(maxsize=32)
def groups_of(name: str) -> tuple[GaussianGroup, ...]:
    """The groups of a setting, as theory wants them.

    Args:
        name: of the setting.
    """
    return laws(SETTINGS[name])


@lru_cache(maxsize=128)
def prediction(name: str, plan: str) -> Proportional:
    """Theorem H for a plan of a setting.

    Args:
        name: of the setting; plan: its name.
    """
    return predicted(SETTINGS[name], groups_of(name), plan)
