"""Theorem T4, replicated: what generators of known divergence do to the score of one group.

Two Gaussian groups of unit covariance; the score is that of logistic regression at the balanced
optimum, for the minority. Its variance proxies are certified from above
(`theory.prediction.bounds`), one for the whole vector and one for the intercept's entry; an
interval of length 1, in which that entry lies, gives 1/4, four times as much. Biases are bounded by
the divergence of the generator's law averaged over its seeds, which by convexity is below the
expected divergence, and much below it for a fitted mean. A law that is tilted toward its own score
attains the bound (`tilted`), so that neither the bound nor the entry's proxy can be too large or
too small.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from scipy.special import ndtr

from synthetic_oversampling.simulate.sampling.streams import normal

__all__ = [
    "GENERATORS",
    "SHIFT",
    "Fidelity",
    "Tilt",
    "average_divergence",
    "bias",
    "optimum",
    "replicate",
    "tilted",
]

MEANS = ((-0.5, 0.3), (0.9, -0.2))  # of majority and minority
SHIFT, SCALE, SEEDS = (0.4, -0.3), 0.6, 10  # of the generators below
GENERATORS = ("shifted", "scaled", "plugin", "predictive")  # what is held to the bound of T4


class Fidelity(NamedTuple):
    """A generator's expected KL(Q || P) and its law averaged over seeds, a Gaussian.

    Attributes:
        divergence: nats; mean, var: of the Gaussian, in two dimensions and isotropic.
    """

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

    Args:
        law: of the generator, given its seeds.

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

    Args:
        law: of the generator.

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


class Tilt(NamedTuple):
    """The minority tilted along its own score: ``dQ/dP`` proportional to ``exp(multiplier s_0)``.

    Attributes:
        multiplier: where ``(2/l^2) log E exp(l (s_0 - E s_0))`` is largest, which is the proxy.
        divergence: KL(Q || P), nats.
        bias: ``E_Q s_0 - E_P s_0``.
        normal, score: the linear score of Q as an increasing function of a standard normal
            variable, tabulated.
    """

    multiplier: float
    divergence: float
    bias: float
    normal: np.ndarray
    score: np.ndarray


def _score_of_minority() -> tuple[float, float]:
    """Mean and standard deviation of the linear score."""
    theta = optimum()
    return float(theta[0] + np.asarray(MEANS[1]) @ theta[1:]), float(np.linalg.norm(theta[1:]))


@lru_cache(maxsize=1)
def tilted() -> Tilt:
    """The law whose bias attains T4, by numerical integration over the score's line.

    Statement (exact): with ``psi(l) = log E exp(l (s_0 - E s_0))`` the tilted law has the bias
    ``psi'(l)`` and the divergence ``l psi'(l) - psi(l)``; where ``2 psi(l)/l^2`` is largest, at the
    proxy v, ``psi' = 2 psi/l``, so the divergence is psi and ``sqrt(2 v KL) = 2 psi/|l|`` is the
    size of the bias.

    Example:
        >>> law = tilted()
        >>> round(law.multiplier, 3), round(law.bias, 4), round(law.divergence, 4)
        (-4.748, -0.3255, 0.7727)
    """
    mean, std = _score_of_minority()
    z = np.linspace(-10.0, 10.0, 20_001)
    mass = np.exp(-(z**2) / 2)
    mass = mass / mass.sum()
    entry = -1.0 / (1.0 + np.exp(mean + std * z))
    entry = entry - mass @ entry

    def log_mean(multiplier):
        return math.log(mass @ np.exp(multiplier * entry))

    found = scipy.optimize.minimize_scalar(
        lambda m: -log_mean(m) / m**2,
        bounds=(-8.0, -2.0),
        method="bounded",
        options={"xatol": 1e-9},
    )
    multiplier = float(found.x)
    drawn = mass * np.exp(multiplier * entry)
    drawn = drawn / drawn.sum()
    bias = float(drawn @ entry)
    table = np.linspace(-6.5, 6.5, 2001)
    middle = np.cumsum(drawn) - drawn / 2
    score = mean + std * np.interp(ndtr(table), middle, z)
    return Tilt(
        multiplier=multiplier,
        divergence=multiplier * bias - log_mean(multiplier),
        bias=bias,
        normal=table,
        score=score,
    )


def replicate(key) -> dict:
    """Differences of scores under Q and P on common normals, and a linear score.

    ``score``: along each generator's bias; ``intercept``: its first entry times its sign;
    ``tilted``: the first entry under the law tilted toward it; ``linear``: the shifted generator's
    sample minus the group's mean, along the shift.

    Args:
        key: typed key.
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
    law, (middle, std) = tilted(), _score_of_minority()
    along = z @ theta[1:] / std  # the standard normal part of the score
    pulled = jnp.interp(along, jnp.asarray(law.normal), jnp.asarray(law.score))
    entries = -jax.nn.sigmoid(-jnp.stack([pulled, middle + std * along]))
    return {
        "score": jnp.sum(change * toward, axis=1),
        "intercept": change[:, 0] * jnp.sign(toward[:, 0]),
        "tilted": (entries[0] - entries[1]) * math.copysign(1.0, law.multiplier),
        "linear": (move + z) @ move / jnp.linalg.norm(move),
    }
