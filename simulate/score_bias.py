"""Theorem T4, replicated: what generators of known divergence do to the score of one group.

Two Gaussian groups of unit covariance; the score is that of logistic regression at the balanced
optimum, for the minority. Its variance proxies are numerical, one for the whole vector and one for
the intercept's entry; an interval of length 1, in which that entry lies, gives 1/4, four times as
much. The entry is bounded by the divergence of the generator's law averaged over its seeds, which
by convexity is below the expected divergence, and much below it for a fitted mean.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from simulate.streams import normal

__all__ = [
    "GENERATORS",
    "SHIFT",
    "Fidelity",
    "average_divergence",
    "bias",
    "intercept_var_proxy",
    "optimum",
    "replicate",
    "score_var_proxy",
]

MEANS = ((-0.5, 0.3), (0.9, -0.2))  # of majority and minority
SHIFT, SCALE, SEEDS = (0.4, -0.3), 0.6, 10
GENERATORS = ("shifted", "scaled", "plugin", "predictive")


class Fidelity(NamedTuple):
    """A generator's expected KL(Q || P) and its law averaged over seeds, a Gaussian."""

    divergence: float
    mean: tuple[float, float]
    var: float


def optimum() -> np.ndarray:
    """The balanced optimum ``[3]``: Bayes' rule for two Gaussians of unit covariance."""
    low, high = np.asarray(MEANS)
    return np.array([(low @ low - high @ high) / 2, *(high - low)])


def laws() -> dict[str, Fidelity]:
    """Every generator's divergence from the minority, and its average law.

    With n seeds the known-covariance plug-in is N(xbar, I), and the flat-prior predictive
    N(xbar, (1 + 1/n) I); averaged over seeds both are as wide again by 1/n.
    """
    mean, dim = np.asarray(MEANS[1]), 2
    move, wider = np.asarray(SHIFT), 1.0 / SEEDS

    def of_scale(factor: float) -> float:
        return dim * (factor - 1.0 - math.log(factor)) / 2

    return {
        "shifted": Fidelity(float(move @ move) / 2, tuple(mean + move), 1.0),
        "scaled": Fidelity(of_scale(SCALE), tuple(mean), SCALE),
        "plugin": Fidelity(dim * wider / 2, tuple(mean), 1.0 + wider),
        "predictive": Fidelity(
            of_scale(1.0 + wider) + dim * wider / 2, tuple(mean), 1.0 + 2.0 * wider
        ),
    }


def average_divergence(law: Fidelity) -> float:
    """KL(Q || P) of the law averaged over seeds, nats: at most the expected divergence.

    Example:
        >>> plugin = laws()["plugin"]
        >>> round(plugin.divergence, 4), round(average_divergence(plugin), 4)
        (0.1, 0.0047)
    """
    mean, var = np.asarray(law.mean), law.var
    move = mean - np.asarray(MEANS[1])
    return float(len(mean) * (var - 1.0 - math.log(var)) + move @ move) / 2


def _score(x, theta):
    """Gradient of the logistic loss of label 1 ``[..., 3]``."""
    rows = jnp.concatenate([jnp.ones_like(x[..., :1]), x], axis=-1)
    return -rows * jax.nn.sigmoid(-(rows @ theta))[..., None]


def bias(law: Fidelity) -> np.ndarray:
    """E_Q s - E_P s ``[3]``, by Gauss-Hermite quadrature over both features.

    Example:
        >>> bool(abs(bias(Fidelity(0.0, MEANS[1], 1.0))).max() == 0.0)
        True
    """
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    z = np.stack(np.meshgrid(node, node), axis=-1).reshape(-1, 2)
    mass = np.outer(weight, weight).reshape(-1) / weight.sum() ** 2
    theta = optimum()

    def mean_score(x):
        rows = np.concatenate([np.ones((len(x), 1)), x], axis=1)
        return -(mass / (1.0 + np.exp(rows @ theta))) @ rows

    drawn = np.asarray(law.mean) + math.sqrt(law.var) * z
    return mean_score(drawn) - mean_score(np.asarray(MEANS[1]) + z)


@lru_cache(maxsize=1)
def directions() -> np.ndarray:
    """The unit vector along each generator's bias ``[4, 3]``."""
    found = np.stack([bias(laws()[name]) for name in GENERATORS])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def replicate(key) -> dict:
    """Differences of scores under Q and P on common normals, and a linear score.

    ``score``: along each generator's bias; ``intercept``: its first entry times its sign;
    ``linear``: the shifted generator's sample minus the group's mean, along the shift.
    """
    first, second = jax.random.split(key)
    seeds, z = normal(first, (SEEDS, 2)), normal(second, (1, 2))[0]
    mean, theta, move = (jnp.asarray(a) for a in (MEANS[1], optimum(), SHIFT))
    average = mean + jnp.mean(seeds, axis=0)
    drawn = {
        "shifted": mean + move + z,
        "scaled": mean + math.sqrt(SCALE) * z,
        "plugin": average + z,
        "predictive": average + math.sqrt(1.0 + 1.0 / SEEDS) * z,
    }
    samples = jnp.stack([drawn[name] for name in GENERATORS])
    change = _score(samples, theta) - _score(mean + z, theta)[None]
    toward = jnp.asarray(directions())
    return {
        "score": jnp.sum(change * toward, axis=1),
        "intercept": change[:, 0] * jnp.sign(toward[:, 0]),
        "linear": (move + z) @ move / jnp.linalg.norm(move),
    }


def intercept_var_proxy(
    mean: Float[np.ndarray, " d"], theta: Float[np.ndarray, " p"], reach: float = 60.0
) -> float:
    """The variance proxy of the score's first entry, of a group N(mean, I) of label 1, numerically.

    Statement: sup over 0 < |l| <= reach of (2/l^2) log E exp(l (s_0 - E s_0)), by Gauss-Hermite
    quadrature over the score t, on which alone s_0 depends. At least the entry's variance (the
    limit l -> 0), at most 1/4 (Hoeffding). Labelled numerical: a grid of multipliers.

    Args:
        mean: of the group.
        theta: where the score is taken.
        reach: the largest multiplier.

    Returns:
        The proxy, in the units of the score squared.

    Example:
        >>> round(intercept_var_proxy(np.array(MEANS[1]), optimum()), 4)
        0.0686
    """
    node, weight = np.polynomial.hermite_e.hermegauss(120)
    weight = weight / weight.sum()
    entry = -1.0 / (1.0 + np.exp(theta[0] + mean @ theta[1:] + np.linalg.norm(theta[1:]) * node))
    entry = entry - weight @ entry
    steps = np.geomspace(0.01, reach, 2000)
    multiplier = np.concatenate([-steps[::-1], steps])
    return float(np.max(2.0 * np.log(np.exp(multiplier[:, None] * entry) @ weight) / multiplier**2))


def score_var_proxy(
    mean: Float[np.ndarray, " d"],
    theta: Float[np.ndarray, " p"],
    directions: int = 400,
    reach: float = 8.0,
) -> float:
    """The variance proxy of the score of a group N(mean, I) of label 1, numerically.

    Statement: sup over unit u and |l| <= reach of (2/l^2) log E exp(l (u's - E u's)), by
    Gauss-Hermite quadrature over x. Labelled numerical: a grid of directions and multipliers.

    Args:
        mean: of the group, two features.
        theta: where the score is taken ``[3]``.
        directions: unit vectors, a fixed random set.
        reach: the largest multiplier.

    Returns:
        The proxy, in the units of the score squared.

    Example:
        >>> 0.1 < score_var_proxy(np.array(MEANS[1]), optimum(), directions=20) < 2.0
        True
    """
    node, weight = np.polynomial.hermite_e.hermegauss(80)
    x = np.stack(np.meshgrid(node, node), axis=-1).reshape(-1, 2) + np.asarray(mean)
    log_mass = np.log(np.outer(weight, weight).reshape(-1)) - np.log(weight.sum() ** 2)
    rows = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    score = -rows / (1.0 + np.exp(rows @ np.asarray(theta)))[:, None]
    score = score - np.exp(log_mass) @ score
    unit = np.random.default_rng(0).normal(size=(directions, 3))
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    values = jnp.asarray(score @ unit.T)
    steps = np.geomspace(0.01, reach, 40)
    multiplier = jnp.asarray(np.concatenate([-steps[::-1], steps]))

    def proxy(one):
        logs = jnp.asarray(log_mass)[:, None] + values * one
        return 2.0 * jax.nn.logsumexp(logs, axis=0).max() / one**2

    return float(jax.lax.map(proxy, multiplier).max())
