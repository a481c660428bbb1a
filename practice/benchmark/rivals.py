"""The methods that are compared, each in its honest form, all adding the same number of rows.

Every method sees the seeds in units of their spread and resamples the cells, (class, attribute)
where there is an attribute. A method that cannot do it raises `Refused`, which is reported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.benchmark.splits import Split
from synthetic_oversampling.practice.resampler import SyntheticOverSampler
from synthetic_oversampling.practice.text.text_generator import TextGenerator, text_model
from synthetic_oversampling.theory.wording import counted

try:
    from imblearn.over_sampling import (
        ADASYN,
        SMOTE,
        SMOTENC,
        BorderlineSMOTE,
        RandomOverSampler,
    )
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["METHODS", "TEXT", "Refused", "Training", "train_rows"]

TEXT = "language_model"  # name of the method that asks a language model
NEIGHBOURS = 5  # of SMOTE and its variants; fewer if there are fewer seeds


class Refused(Exception):
    """A method cannot resample these seeds; the message is its own."""


class Training(NamedTuple):
    """What a classifier is trained on: the seeds first, then the added rows.

    Attributes:
        x: features ``[n, d]``; cell: group of each row; weight: of each, None if all are 1.
        added: how many rows.
    """

    x: np.ndarray
    cell: np.ndarray
    weight: np.ndarray | None
    added: int


def _targets(split: Split) -> dict[int, int]:
    """Rows to end with, of the cells that grow."""
    sizes = np.bincount(split.cell, minlength=len(split.added))
    return {c: int(sizes[c] + m) for c, m in enumerate(split.added) if m}


def _categorical(split: Split) -> list[int]:
    return list(range(split.numeric, split.x.shape[1]))


def _numbers_only(split: Split, method: str) -> None:
    if split.levels:
        raise Refused(f"{method} interpolates numbers, and the table has categories; see smotenc")


def _neighbours(split: Split) -> int:
    return min(NEIGHBOURS, *(int((split.cell == c).sum()) - 1 for c in _targets(split)))


def _resampled(sampler, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The rows that a sampler adds, with their cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            x, cell = sampler.fit_resample(split.x, split.cell)
        except (ValueError, RuntimeError) as error:
            raise Refused(" ".join(str(error).split())) from error
    return x[len(split.x) :], cell[len(split.cell) :]


def _duplicate(split, seed):
    sampler = RandomOverSampler(sampling_strategy=_targets(split), random_state=seed)
    return _resampled(sampler, split)


def _interpolating(method: str, sampler, neighbours: str = "k_neighbors") -> Callable:
    """SMOTE or a variant, whose argument for the number of neighbours has a name of its own."""

    def resample(split, seed):
        _numbers_only(split, method)
        options = {neighbours: _neighbours(split), "random_state": seed}
        return _resampled(sampler(sampling_strategy=_targets(split), **options), split)

    return resample


def _smotenc(split, seed):
    if not split.levels:
        raise Refused("SMOTENC is for tables with categories; see smote")
    return _resampled(
        SMOTENC(
            _categorical(split),
            sampling_strategy=_targets(split),
            k_neighbors=_neighbours(split),
            random_state=seed,
        ),
        split,
    )


def _rose(split, seed):
    """The smoothed bootstrap of numbers; categories are those of the row that is smoothed."""
    sampler = RandomOverSampler(sampling_strategy=_targets(split), shrinkage=1.0, random_state=seed)
    numbers = split._replace(x=split.x[:, : split.numeric])
    x, cell = _resampled(sampler, numbers)
    givers = sampler.sample_indices_[len(split.x) :]
    return np.concatenate([x, split.x[givers, split.numeric :]], axis=1), cell


def _ours(generator, **options) -> Callable:
    def resample(split, seed):
        sampler = SyntheticOverSampler(
            generator,
            sampling_strategy=_targets(split),
            random_state=seed,
            categorical_features=_categorical(split),
            **options,
        )
        return _resampled(sampler, split)

    return resample


def _text(name: str) -> Callable:
    """Rows of a language model, which sees columns without their names, in units of spread."""
    return _ours(TextGenerator(text_model(name)))


def _oracle(split, seed):
    return _picked(split, split.held_x, split.held_cell, seed, "no real rows were held back")


def _supplied(split, seed):
    return _picked(split, split.supplied_x, split.supplied_cell, seed, "no rows were supplied")


def _picked(split, x, cell, seed, reason):
    """The wanted number of rows of every cell, without replacement."""
    rng = np.random.default_rng(seed)
    chosen = []
    for c, count in enumerate(split.added):
        members = np.flatnonzero(cell == c)
        if len(members) < count:
            raise Refused(f"{reason}: {len(members)} of {split.names[c]}, expected {count}")
        chosen.append(rng.permutation(members)[:count])
    chosen = np.concatenate(chosen)
    return x[chosen], cell[chosen]


_RESAMPLERS = {
    "duplicate": _duplicate,
    "smote": _interpolating("SMOTE", SMOTE),
    "smotenc": _smotenc,
    "borderline": _interpolating("borderline-SMOTE", BorderlineSMOTE),
    "adasyn": _interpolating("ADASYN", ADASYN, "n_neighbors"),
    "rose": _rose,
    "plugin": _ours("plugin", covariance="pooled"),
    "predictive": _ours("predictive", covariance="pooled"),
    "mixture": _ours("mixture"),
    "in_context": _ours("in_context"),
    "supplied": _supplied,
    "oracle": _oracle,
}  # and TEXT, which needs a model
METHODS = ("raw", "weighted", *_RESAMPLERS, TEXT)  # every method, by the name of the command


def train_rows(method: str, split: Split, seed: int, language_model: str | None = None) -> Training:
    """What a method trains on.

    Args:
        method: one of `METHODS`.
        split: seeds, and how many rows to add to each cell.
        seed: of the method.
        language_model: for the method of that name, see `text_generator.text_model`.

    Raises:
        ValueError: the language model is not named, or cannot be loaded.
        Refused: the method cannot, or adds nothing, with the reason.

    Example:
        >>> from synthetic_oversampling.practice.rows.datasets import load
        >>> from synthetic_oversampling.practice.benchmark.splits import make_split
        >>> split = make_split(load("wine"), "imbalance", 4.0, seed=0)
        >>> np.bincount(split.cell).tolist(), train_rows("smote", split, 0).added
        ([34, 34, 8], 26)
    """
    if method == "raw":
        return Training(split.x, split.cell, None, 0)
    if method == "weighted":
        sizes = np.bincount(split.cell)
        weight = len(split.cell) / (len(sizes) * sizes[split.cell])
        return Training(split.x, split.cell, weight, 0)
    wanted = int(split.added.sum())
    if wanted == 0:
        raise Refused("no rows are to be added: the cells are level")
    if method != TEXT:
        resample = _RESAMPLERS[method]
    elif language_model is None:
        raise ValueError(f"language_model: got None with the method {TEXT!r}, expected a name.")
    else:
        resample = _text(language_model)
    x, cell = resample(split, seed)
    if len(x) > wanted:  # ADASYN rounds neighbourhood by neighbourhood
        kept = np.random.default_rng(seed).permutation(len(x))[:wanted]
        x, cell = x[kept], cell[kept]
    if len(x) < wanted / 2:
        raise Refused(f"{method} added {counted(len(x), 'row')} where {wanted} were asked for")
    return Training(np.concatenate([split.x, x]), np.concatenate([split.cell, cell]), None, len(x))
