"""Experiments that share no code with `theory`: NumPy draws and fits, SciPy integrates.

Two Gaussian classes in one feature, four designs on the same real samples; and a Gaussian group of
unknown mean, with what one attention layer and the flat-prior rule make of its seeds. Risks, error
rates and divergences are integrals over the feature, by adaptive quadrature, one at a time; the
fit is Newton's method in a loop, the balanced optimum Bayes' rule. The tests hold all of it against
the fast code of `theory`, on the same samples, to 1e-8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import jax
import numpy as np
import scipy

__all__ = [
    "DESIGNS",
    "EXPERIMENTS",
    "SIZES",
    "divergence",
    "error",
    "excess",
    "newton",
    "replicated",
    "rows",
]

MEANS, STD, SIZES = (-0.6, 0.9), 1.1, (360, 120)  # of the two classes
AUGMENTATION, WEIGHT, SHIFT = 240, 0.4, 0.15
DESIGNS = ("raw", "weighted", "shifted", "plugin")  # what is drawn and fitted by NumPy alone
SEEDS, VAR_WITHIN, VAR_PRIOR, MEAN_PRIOR = 4, 0.7, 1.9, 0.5  # of the group of unknown mean
_REACH = 12.0  # standard deviations on both sides that are integrated over


def _quad(function, low: float, high: float):
    return scipy.integrate.quad(function, low, high, epsabs=1e-12, epsrel=1e-12, limit=200)


def rows(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Features, labels as +-1 and weights of every design, on the same real samples.

    Args:
        rng: that the samples come from.
    """
    real = [rng.normal(mean, STD, n) for mean, n in zip(MEANS, SIZES, strict=True)]
    noise = [rng.normal(size=max(SIZES) - n + AUGMENTATION) for n in SIZES]
    laws = {
        "shifted": [(mean + SHIFT, STD) for mean in MEANS],
        "plugin": [(x.mean(), x.std(ddof=1)) for x in real],
    }
    designs = {}
    for name in DESIGNS:
        x, sign, weight = [], [], []
        for g, label in enumerate((-1.0, 1.0)):
            parts = [real[g]]
            masses = [np.full(SIZES[g], 1 / sum(SIZES) if name == "raw" else 1 / (2 * SIZES[g]))]
            if name in laws:
                level, extra = (1 - WEIGHT) / (2 * max(SIZES)), max(SIZES) - SIZES[g]
                mean, std = laws[name][g]
                parts.append(mean + std * noise[g])
                masses = [
                    np.full(SIZES[g], level),
                    np.full(extra, level),
                    np.full(AUGMENTATION, WEIGHT / (2 * AUGMENTATION)),
                ]
            x += parts
            weight += masses
            sign.append(np.full(sum(map(len, parts)), label))
        designs[name] = np.concatenate(x), np.concatenate(sign), np.concatenate(weight)
    return designs


def newton(x, sign, weight, steps: int = 40) -> tuple[np.ndarray, bool]:
    """Minimiser ``(b, w)`` of the weighted logistic loss, and whether it was found.

    Args:
        x, sign, weight: a design's.
        steps: at most.
    """
    table, theta = np.stack([np.ones_like(x), x]), np.zeros(2)
    for _ in range(steps):
        share = 1 / (1 + np.exp(sign * (theta @ table)))
        move = np.linalg.solve(
            (table * (weight * share * (1 - share))) @ table.T, table @ (weight * sign * share)
        )
        theta = theta + move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-10:
            return theta, True
    return theta, False


def _risk(theta, group: int) -> float:
    """Expected logistic loss of a class."""
    sign, mean, (b, w) = (-1.0, 1.0)[group], MEANS[group], map(float, theta)

    def integrand(z: float) -> float:
        margin = sign * (b + w * (mean + STD * z))
        loss = max(-margin, 0.0) + math.log1p(math.exp(-abs(margin)))
        return loss * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    return _quad(integrand, -_REACH, _REACH)[0]


def optimum() -> np.ndarray:
    """The balanced optimum: Bayes' rule."""
    low, high = MEANS
    return np.array([(low**2 - high**2) / 2, high - low]) / STD**2


def excess(theta) -> float:
    """Balanced risk above its least.

    Args:
        theta: ``(b, w)``.
    """
    return sum(_risk(theta, g) - _least(g) for g in (0, 1)) / 2


@cache
def _least(group: int) -> float:
    return _risk(optimum(), group)


def error(theta, group: int) -> float:
    """Error rate of a class: its mass on the wrong side of where the score is 0.

    Args:
        theta: ``(b, w)``, with a positive slope.
        group: 0 or 1.
    """
    edge = (-theta[0] / theta[1] - MEANS[group]) / STD
    low, high = (max(edge, -_REACH), _REACH) if group == 0 else (-_REACH, min(edge, _REACH))
    return _quad(lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi), low, high)[0]


def divergence(mean: float, var: float, other: float, other_var: float) -> float:
    """KL of N(mean, var) from N(other, other_var), nats, by integrating the densities' log ratio.

    Args:
        mean, var: of the law that is integrated over.
        other, other_var: of the law that it is compared with.
    """

    def integrand(z: float) -> float:
        x = mean + math.sqrt(var) * z
        ratio = -z * z / 2 + (x - other) ** 2 / (2 * other_var) + math.log(other_var / var) / 2
        return ratio * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    return _quad(integrand, -_REACH, _REACH)[0]


def classifiers(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One replicate: displaced intercepts, excess risks and raw training's errors.

    Args:
        rng: that the samples come from.
    """
    fits = [newton(*row) for row in rows(rng).values()]
    thetas = np.stack([theta for theta, _ in fits])
    return {
        "displacement": thetas[:, 0] - optimum()[0],
        "excess": np.array([excess(theta) for theta in thetas]),
        "error": np.array([error(thetas[0], g) for g in (0, 1)]),
        "not_converged": np.array(not all(found for _, found in fits)),
    }


def attention(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One replicate: divergence of the group from the attention layer's law, and the flat prior's.

    Args:
        rng: that the mean and the seeds come from.
    """
    mean = rng.normal(MEAN_PRIOR, math.sqrt(VAR_PRIOR))
    seeds = rng.normal(mean, math.sqrt(VAR_WITHIN), SEEDS)
    mass = np.exp(np.append(math.log(VAR_WITHIN / VAR_PRIOR), np.zeros(SEEDS)))
    mass = mass / mass.sum()
    centre, var = float(mass @ np.append(MEAN_PRIOR, seeds)), VAR_WITHIN + VAR_PRIOR * mass[0]
    flat = VAR_WITHIN * (1 + 1 / SEEDS)
    return {
        "attention": np.array(divergence(mean, VAR_WITHIN, centre, var)),
        "flat": np.array(divergence(mean, VAR_WITHIN, float(seeds.mean()), flat)),
    }


def replicated(one: Callable[[np.random.Generator], dict[str, np.ndarray]]) -> Callable:
    """A replicate as `monte_carlo.run` wants it: seeded by its key, run on the host.

    Args:
        one: the statistics of one replicate, from a generator of random numbers.
    """

    @cache
    def like() -> dict[str, np.ndarray]:
        return one(np.random.default_rng(0))

    def several(words) -> dict[str, np.ndarray]:
        flat = np.asarray(words).reshape(-1, words.shape[-1])  # one key a row
        found = [one(np.random.default_rng(value.tolist())) for value in flat]
        return {
            name: np.stack([item[name] for item in found]).reshape(
                *words.shape[:-1], *like()[name].shape
            )
            for name in like()
        }

    def replicate(key):
        shapes = {name: jax.ShapeDtypeStruct(v.shape, v.dtype) for name, v in like().items()}
        return jax.pure_callback(
            several, shapes, jax.random.key_data(key), vmap_method="expand_dims"
        )

    return replicate


# simulator and replicates of a block, by experiment
EXPERIMENTS: dict[str, tuple[Callable, int]] = {
    "classifiers": (replicated(classifiers), 64),
    "attention": (replicated(attention), 64),
}
