"""Three classes in one feature, by NumPy alone: draws, fits and scores that share no code.

Rows are drawn by NumPy, fitted by Newton's method in a loop, and scored by Gauss-Legendre sums over
the feature; the balanced optimum is found by the same loop on the nodes themselves.
"""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["DESIGNS", "MEANS", "SIZES", "STDS", "classifiers", "fit", "optimum"]

# means, deviations and sizes of the classes
MEANS, STDS, SIZES = (-0.9, 0.3, 1.5), (1.0, 0.8, 1.2), (420, 180, 150)
AUGMENTATION, WEIGHT, SHIFT = 240, 0.4, 0.15
DESIGNS = ("raw", "shifted", "plugin")  # what is drawn and fitted by NumPy alone


def fit(x, label, weight, start, steps: int = 50) -> tuple[np.ndarray, bool]:
    """Minimiser ``[2, 2]`` of the weighted softmax loss of three classes, and whether it was found.

    Args:
        x, label, weight: rows; start: first iterate; steps: at most.
    """
    table = np.stack([np.ones_like(x), x])
    theta = np.array(start, float)
    marks = np.stack([label == 1, label == 2]).astype(float)
    for _ in range(steps):
        grown = np.exp(theta @ table)
        share = grown / (1.0 + grown.sum(axis=0))
        slope = (weight * (share - marks)) @ table.T
        cross = weight * share[0] * share[1]
        own = weight * share * (1.0 - share)
        hessian = np.zeros((4, 4))
        hessian[:2, :2], hessian[2:, 2:] = (table * own[0]) @ table.T, (table * own[1]) @ table.T
        hessian[:2, 2:] = hessian[2:, :2] = -(table * cross) @ table.T
        move = np.linalg.solve(hessian, slope.ravel()).reshape(2, 2)
        theta = theta - move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-10:
            return theta, True
    return theta, False


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feature values, labels and weights that stand for the balanced law."""
    node, weight = np.polynomial.legendre.leggauss(120)
    z, mass = 9.0 * node, 9.0 * weight * np.exp(-((9.0 * node) ** 2) / 2) / np.sqrt(2 * np.pi)
    x = np.concatenate([mean + std * z for mean, std in zip(MEANS, STDS, strict=True)])
    return x, np.repeat([0, 1, 2], len(z)), np.tile(mass / 3, 3)


@cache
def optimum() -> np.ndarray:
    """The balanced optimum ``[2, 2]``."""
    return fit(*_nodes(), np.zeros((2, 2)))[0]


def _risk(theta) -> float:
    x, label, mass = _nodes()
    scores = np.vstack([np.zeros_like(x), theta @ np.stack([np.ones_like(x), x])])
    top = scores.max(axis=0)
    log_sum = top + np.log(np.exp(scores - top).sum(axis=0))
    return float(mass @ (log_sum - scores[label, np.arange(len(x))]))


@cache
def _least() -> float:
    return _risk(optimum())


def classifiers(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One replicate: intercepts beyond the optimum's, two a design, and excess risks.

    Args:
        rng: that the samples come from.
    """
    real = [rng.normal(mean, std, n) for mean, std, n in zip(MEANS, STDS, SIZES, strict=True)]
    noise = [rng.normal(size=max(SIZES) - n + AUGMENTATION) for n in SIZES]
    moved, excess, found = [], [], True
    for name in DESIGNS:
        x, label, weight = [], [], []
        for g, own in enumerate(real):
            drawn: list[np.ndarray] = []
            masses = [np.full(SIZES[g], 1 / sum(SIZES))]
            if name != "raw":
                mean, std = MEANS[g] + SHIFT, STDS[g]
                if name == "plugin":
                    mean, std = own.mean(), own.std(ddof=1)
                drawn = [mean + std * noise[g]]
                level, extra = (1 - WEIGHT) / (3 * max(SIZES)), max(SIZES) - SIZES[g]
                more = WEIGHT / (3 * AUGMENTATION)
                masses = [
                    np.full(SIZES[g] + extra, level),
                    np.full(AUGMENTATION, more),
                ]
            x += [own, *drawn]
            weight += masses
            label.append(np.full(len(own) + sum(map(len, drawn)), g))
        theta, good = fit(
            np.concatenate(x), np.concatenate(label), np.concatenate(weight), optimum()
        )
        moved.append(theta[:, 0] - optimum()[:, 0])
        excess.append(_risk(theta) - _least())
        found = found and good
    return {
        "displacement": np.concatenate(moved),
        "excess": np.array(excess),
        "not_converged": np.array(not found),
    }
