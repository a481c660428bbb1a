"""The benchmark: every method, classifier and seed on every table, resumable seed by seed.

A seed of a table and setting is one artifact. It depends on the configuration and the seed alone,
so a run that was stopped goes on where it was, and more seeds can be added later.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.benchmark.judging import CLASSIFIERS, judge
from synthetic_oversampling.practice.benchmark.papers import Paper
from synthetic_oversampling.practice.benchmark.rivals import (
    METHODS,
    TEXT,
    Refused,
    Training,
    train_rows,
)
from synthetic_oversampling.practice.benchmark.splits import Split, make_split, points
from synthetic_oversampling.practice.rows import contamination
from synthetic_oversampling.practice.rows.datasets import Dataset
from synthetic_oversampling.practice.text.text_generator import text_model
from synthetic_oversampling.simulate import artifacts

try:
    from threadpoolctl import threadpool_limits
except ImportError as error:
    raise extra.missing(error) from error

__all__ = [
    "DEFAULT_METHODS",
    "KIND",
    "Plan",
    "Task",
    "check",
    "configuration_of",
    "methods_for",
    "run_seed",
    "run_tasks",
    "tasks",
]

KIND = "benchmark seed"  # kind of artifact
_VERSIONS = ("scikit-learn", "imbalanced-learn", "synthetic-oversampling")
# methods that run unless others are named
DEFAULT_METHODS = tuple(m for m in METHODS if m not in ("mixture", TEXT))


class Plan(NamedTuple):
    """What is compared: see the options of ``oversampling benchmark``.

    Attributes:
        seeds: splits of every table; ratio: of the largest class to the others.
        methods, classifiers: names; near: share of a distance that makes a near copy.
        language_model: where one lies, or None.
    """

    seeds: int = 20
    ratio: float = 10.0
    methods: tuple[str, ...] = DEFAULT_METHODS
    classifiers: tuple[str, ...] = tuple(CLASSIFIERS)
    near: float = contamination.NEAR
    language_model: str | None = None


def check(plan: Plan) -> None:
    """Load the language model now, rather than after the other methods' work.

    Args:
        plan: of the benchmark.

    Raises:
        ModelError: it cannot be loaded.
    """
    if plan.language_model is not None:
        text_model(plan.language_model)


@lru_cache(maxsize=2)
def _folder_digest(name: str) -> str:
    """What identifies a language model: the names and contents of its folder's files."""
    digest = hashlib.sha256(name.encode() if name == "character" else b"")
    for path in sorted(Path(name).glob("*")) if name != "character" else ():
        if path.is_file():
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _network() -> str:
    """What identifies the network that ships: another one draws other rows."""
    from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS

    return hashlib.sha256(SHIPPED_ROWS.read_bytes()).hexdigest()[:16]


class Task(NamedTuple):
    """A table in a setting.

    Attributes:
        data: the table; setting: how its rows were thinned, a name.
    """

    data: Dataset
    setting: str

    @property
    def name(self) -> str:
        return f"{self.data.name}/{self.setting}"

    def needs(self) -> dict[str, bool]:
        """Which methods that not every table allows have a meaning here."""
        return {"supplied": self.data.part is not None, "smotenc": bool(self.data.levels)}

    def identity(self, ratio: float) -> dict[str, Any]:
        """What its splits depend on besides the seed.

        Args:
            ratio: of the largest class to the others.
        """
        named = {"data": self.data.name, "digest": self.data.digest}
        return named | {"setting": self.setting, "ratio": ratio}

    def split(self, ratio: float, seed: int) -> Split:
        """The split of a seed.

        Args:
            ratio: of the largest class to the others; seed: of the split.
        """
        return make_split(self.data, self.setting, ratio, seed)


def methods_for(task: Task | Paper, plan: Plan) -> tuple[str, ...]:
    """Methods of a plan that have a meaning for a task.

    Args:
        task: a table in a setting, or a paper's comparison.
        plan: of the benchmark.
    """
    needs = task.needs()
    return tuple(method for method in plan.methods if needs.get(method, True))


def configuration_of(task: Task | Paper, plan: Plan) -> dict[str, Any]:
    """What one seed's artifact depends on besides the seed.

    Args:
        task: a table in a setting, or a paper's comparison.
        plan: of the benchmark.
    """
    text = {}
    if TEXT in plan.methods and plan.language_model is not None:
        text = {"language_model": _folder_digest(plan.language_model)}
    return (
        text
        | task.identity(plan.ratio)
        | {
            "methods": list(methods_for(task, plan)),
            "classifiers": list(plan.classifiers),
            "near": plan.near,
            "network": _network() if "in_context" in plan.methods else None,
            "versions": {name: importlib.metadata.version(name) for name in _VERSIONS},
        }
    )


def tasks(tables: Sequence[Dataset], settings: Sequence[str]) -> list[Task]:
    """Every table in every setting that it allows; triples keep their own sizes.

    Args:
        tables: data sets.
        settings: among `practice.benchmark.splits.SETTINGS`.

    Example:
        >>> from synthetic_oversampling.practice.rows.datasets import load
        >>> both = tasks([load("wine"), load("diabetes")], ("imbalance", "spurious"))
        >>> [task.name for task in both]
        ['wine/imbalance', 'diabetes/imbalance', 'diabetes/spurious']
    """
    found = []
    for data in tables:
        if data.part is not None:
            found.append(Task(data, "natural"))
            continue
        for setting in settings:
            if setting == "spurious" and data.attribute is None and len(data.classes) != 2:
                continue  # an attribute is constructed for two classes
            found.append(Task(data, setting))
    return found


def run_seed(task: Task | Paper, plan: Plan, seed: int) -> dict[str, Any]:
    """One seed: split, resample by every method, train, judge, and look for copies.

    Args:
        task: a table in a setting, or a paper's comparison.
        plan: of the benchmark.
        seed: of split, resampling and classifiers.

    Returns:
        categories, whether the table has some; scores[method][classifier][metric]; cleaned, the
        same without rows that copy test rows, for the methods that have some; refused[method];
        added[method]; copies[method]; sizes.
    """
    split = task.split(plan.ratio, seed)
    seeds, test = points(split, split.x), points(split, split.test_x)
    found: dict[str, Any] = {
        "cells": list(split.names),
        "categories": bool(split.levels),
        "sizes": np.bincount(split.cell).tolist(),
        "test_sizes": np.bincount(split.test_cell, minlength=len(split.names)).tolist(),
        "wanted": split.added.tolist(),
        "scores": {},
        "cleaned": {},
        "refused": {},
        "added": {},
        "copies": {},
    }

    def judged(training: Training) -> dict:
        return {name: judge(name, training, split, seed) for name in plan.classifiers}

    with threadpool_limits(1):  # many small fits: threads would only get in each other's way
        for method in methods_for(task, plan):
            try:
                training = train_rows(method, split, seed, plan.language_model)
            except Refused as reason:
                found["refused"][method] = str(reason)
                continue
            found["added"][method] = training.added
            found["scores"][method] = judged(training)
            if training.added == 0:
                continue
            made = points(split, training.x[len(split.x) :])
            report = contamination.compare(made, seeds, test, near=plan.near)
            found["copies"][method] = {
                "seeds": report.seeds.summary(),
                "test": report.test.summary(),
            }
            if not report.clean.all():
                kept = np.concatenate([np.ones(len(split.x), dtype=bool), report.clean])
                cleaned = Training(
                    training.x[kept], training.cell[kept], None, int(report.clean.sum())
                )
                found["cleaned"][method] = judged(cleaned)
    return found


def run_tasks(
    chosen: Sequence[Task | Paper],
    plan: Plan,
    folder: Path,
    done: Callable[[str, int, bool], None] = lambda name, seed, computed: None,
) -> dict[str, list[dict]]:
    """All seeds of all tasks, from the artifacts that are there and computed otherwise.

    Args:
        chosen: from `tasks`.
        plan: what is compared.
        folder: for one artifact a seed.
        done: called after each seed with the task's name, the seed, and whether it was computed.

    Returns:
        Task name -> payloads by seed.
    """
    found: dict[str, list[dict]] = {task.name: [] for task in chosen}
    for seed in range(plan.seeds):  # seed by seed, so that a stopped run has all tables
        for task in chosen:
            path = folder / f"{task.name.replace('/', '-')}-{seed:03d}.json"
            configuration = configuration_of(task, plan)
            try:
                kept = artifacts.load(path, kind=KIND, configuration=configuration, seed=seed)
                payload, computed = kept["payload"], False
            except (FileNotFoundError, artifacts.ArtifactError):
                payload = run_seed(task, plan, seed)
                artifacts.save(path, payload, kind=KIND, configuration=configuration, seed=seed)
                payload = artifacts.load(path, kind=KIND)["payload"]
                computed = True
            found[task.name].append(payload)
            done(task.name, seed, computed)
    return found
