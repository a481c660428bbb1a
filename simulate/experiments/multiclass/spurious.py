"""Four classes, each with a spurious attribute, by NumPy alone.

As `simulate.experiments.multiclass.independent`, for error rates: a group is classified rightly
where two features lie in a polygon, so that its error rate is a sum over the first feature of the
probability of an interval of the second.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy

__all__ = [
    "AUGMENTATION",
    "LABELS",
    "MEANS",
    "SHIFT",
    "SIZES",
    "STDS",
    "WEIGHT",
    "classifiers",
    "drawn",
    "errors",
    "fit",
]

# class of each group: two of every class, by the attribute
LABELS = np.repeat(np.arange(4), 2)
_CLASSES = np.array([[0.0, 0.0], [1.6, 0.3], [0.2, 1.5], [-1.4, -0.8]])
# of the groups: the attribute moves the second feature
MEANS = _CLASSES[LABELS] + np.outer(np.tile([-1.0, 1.0], 4), [0.0, 0.7])
STDS = (0.9, 0.8)  # of the two features
SIZES = (240, 120, 130, 200, 210, 120, 140, 220)  # of the groups
# what is added to the samples: how many in each group, how they count, how far off they lie
AUGMENTATION, WEIGHT, SHIFT = 160, 0.5, (0.3, 0.16)
_STEP, _REACH = 1.0 / 64, 6.5  # standard deviations of the first feature


def drawn(rng: np.random.Generator, sizes) -> tuple[np.ndarray, np.ndarray]:
    """Features ``[n, 2]`` and groups ``[n]``.

    Args:
        rng: that they come from; sizes: of the groups.
    """
    index = np.repeat(np.arange(len(sizes)), sizes)
    return MEANS[index] + rng.normal(size=(len(index), 2)) * STDS, index


def fit(x, label, weight, start, steps: int = 50) -> tuple[np.ndarray, bool]:
    """Minimiser ``[3, 3]`` of the weighted softmax loss of four classes, and whether it was found.

    Args:
        x, label, weight: rows; start: first iterate; steps: at most.
    """
    table = np.column_stack([np.ones(len(x)), x]).T
    outer = (table[:, None] * table[None]).reshape(9, -1).T
    theta = np.array(start, float)
    marks = (label[None] == np.array([[1], [2], [3]])).astype(float)
    for _ in range(steps):
        grown = np.exp(theta @ table)
        share = grown / (1.0 + grown.sum(axis=0))
        slope = (weight * (share - marks)) @ table.T
        bend = np.eye(3)[:, :, None] * share - share[:, None] * share[None]
        hessian = ((weight * bend).reshape(9, -1) @ outer).reshape(3, 3, 3, 3)
        hessian = hessian.transpose(0, 2, 1, 3).reshape(9, 9)
        move = np.linalg.solve(hessian, slope.ravel()).reshape(3, 3)
        theta = theta - move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-9:
            return theta, True
    return theta, False


@cache
def _line() -> tuple[np.ndarray, np.ndarray]:
    z = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    return z, _STEP * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def errors(theta) -> np.ndarray:
    """Error rates of the groups ``[8]``, to some 1e-5.

    Args:
        theta: ``[3, 3]``.
    """
    z, mass = _line()
    padded = np.vstack([np.zeros(3), theta])
    rates = []
    for mean, label in zip(MEANS, LABELS, strict=True):
        gaps = padded[label] - np.delete(padded, label, axis=0)
        # where the second feature's standard value z' has level + slope z' > 0
        level = gaps[:, :1] + gaps[:, 1:2] * (mean[0] + STDS[0] * z) + gaps[:, 2:] * mean[1]
        slope = STDS[1] * gaps[:, 2:]
        ends = -level / slope
        low = np.where(slope > 0, ends, -np.inf).max(axis=0)
        high = np.where(slope < 0, ends, np.inf).min(axis=0)
        inside = scipy.special.ndtr(high) - scipy.special.ndtr(low)
        rates.append(1.0 - mass @ np.maximum(inside, 0.0))
    return np.array(rates)


@cache
def _start() -> np.ndarray:
    """The minimiser of one large sample: where fits begin."""
    x, index = drawn(np.random.default_rng(5), (400,) * 8)
    return fit(x, LABELS[index], np.full(3200, 1 / 3200), np.zeros((3, 3)))[0]


def classifiers(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One replicate: error rates of the groups, their mean and the largest.

    Args:
        rng: that the samples come from.
    """
    most = max(SIZES)
    x, index = drawn(rng, SIZES)
    more, of = drawn(rng, [most - n + AUGMENTATION for n in SIZES])
    level, extra = (1 - WEIGHT) / (8 * most), WEIGHT / (8 * AUGMENTATION)
    place = np.concatenate([np.arange(most - n + AUGMENTATION) for n in SIZES])
    added = np.where(place < AUGMENTATION, extra, level)
    theta, found = fit(
        np.concatenate([x, more + SHIFT]),
        LABELS[np.concatenate([index, of])],
        np.concatenate([np.full(len(x), level), added]),
        _start(),
    )
    rates = errors(theta)
    return {
        "group_error": rates,
        "balanced_error": rates.mean(),
        "worst_error": rates.max(),
        "not_converged": np.array(not found),
    }
