"""Theorem T, replicated: attention layers written out, run on simulated groups.

Nothing here uses a formula of ``theory.in_context.capacity`` or
``theory.in_context.token_capacity``: layers are softmax averages, laws are compared by their
textbook divergence, and posteriors without noise are integrated numerically. Only the settings are
shared with the checks (``simulate.claims.capacity``).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments import score_bias
from synthetic_oversampling.simulate.sampling.streams import normal, uniform, words

__all__ = ["EXPERIMENTS", "dirichlet_by_quadrature", "location_by_quadrature", "token_floor"]

# Groups of unknown mean: asymmetric, so that swapped variances and lost prior means are seen.
DIM, VAR_WITHIN, VAR_PRIOR, MEAN_PRIOR = 3, 0.7, 1.9, (0.5, -1.0, 0.25)
COUNTS = (0, 1, 4, 32)

# A token family: embeddings drawn once, a natural parameter that the affine read-out misses.
NATURAL = (0.8, -0.6, 0.5)
EMBEDDINGS = np.random.default_rng(4).normal(size=(12, len(NATURAL)))
TOKEN_COUNTS = (16, 250, 2000)
LAYERS = (1, 2, 6)
STEP = 0.5  # preconditioner: this times the inverse covariance of the embeddings at 0
_NEWTON = 12

# Symbols of unknown frequencies, and a finite dictionary.
CONCENTRATION = (2.0, 1.0, 3.0)
SYMBOL_COUNTS = (0, 1, 8)


def _kl(mean_p, var_p, mean_q, var_q):
    """KL between isotropic Gaussians, by the textbook."""
    ratio = var_p / var_q
    square = jnp.sum((mean_p - mean_q) ** 2, axis=-1)
    return 0.5 * (mean_p.shape[-1] * (ratio - 1.0 - jnp.log(ratio)) + square / var_q)


def _prefixes(counts) -> np.ndarray:
    """Which of the seeds each count uses ``[S, most]``."""
    return np.arange(max(counts))[None] < np.asarray(counts)[:, None]


def location(key) -> dict:
    """Divergence of three rules from the group's law, after each of ``COUNTS`` seeds.

    The attention layer is a softmax over the null token and the seeds; the plug-in and flat-prior
    rules centre on the seeds' mean (which no seeds leave at 0). ``log_ratio`` is log p - log q at
    a sample of p, for two fixed Gaussians.
    """
    first, second, third = jax.random.split(key, 3)
    prior = jnp.asarray(MEAN_PRIOR)
    mean = prior + math.sqrt(VAR_PRIOR) * normal(first, (1, DIM))[0]
    seeds = mean[None] + math.sqrt(VAR_WITHIN) * normal(second, (max(COUNTS), DIM))
    visible = jnp.asarray(_prefixes(COUNTS))
    null = jnp.full((len(COUNTS), 1), math.log(VAR_WITHIN / VAR_PRIOR))
    logits = jnp.concatenate([null, jnp.where(visible, 0.0, -jnp.inf)], axis=1)
    weights = jax.nn.softmax(logits, axis=1)
    centre = weights @ jnp.concatenate([prior[None], seeds])
    var = VAR_WITHIN + VAR_PRIOR * weights[:, 0]
    count = jnp.asarray(np.maximum(COUNTS, 1), float)
    average = (visible.astype(float) @ seeds) / count[:, None]
    truth, within = jnp.broadcast_to(mean, centre.shape), jnp.full(len(COUNTS), VAR_WITHIN)
    x = normal(third, (1, DIM))[0]
    (mean_p, var_p), (mean_q, var_q) = GAUSSIANS
    x = jnp.asarray(mean_p) + math.sqrt(var_p) * x
    log_p, log_q = (
        -0.5 * (jnp.sum((x - jnp.asarray(m)) ** 2) / v + DIM * math.log(v)) for m, v in GAUSSIANS
    )
    return {
        "attention": _kl(truth, within, centre, var),
        "plugin": _kl(truth, within, average, within),
        "flat": _kl(truth, within, average, VAR_WITHIN * (1.0 + 1.0 / count)),
        "log_ratio": log_p - log_q,
    }


GAUSSIANS = (((0.2, -0.1, 0.0), 0.8), ((-0.3, 0.3, 0.2), 1.4))  # (mean, variance) of p and of q


def _drawn(key, probs: np.ndarray | jax.Array, count: int):
    """One-hot draws ``[count, V]`` by inverting the cumulative probabilities."""
    edges = jnp.cumsum(jnp.asarray(probs))[:-1]
    place = jnp.sum(uniform(words(key, (count, 1))) >= edges[None], axis=1)
    return jax.nn.one_hot(place, len(probs), dtype=edges.dtype)


def preconditioner() -> np.ndarray:
    """``STEP`` times the inverse covariance of an embedding drawn uniformly."""
    return STEP * np.linalg.inv(np.cov(EMBEDDINGS.T, bias=True))


def _layers(mean, depth: int):
    """Gradient layers: each moves eta by the seeds' mean minus attention over the vocabulary."""
    table, matrix = jnp.asarray(EMBEDDINGS), jnp.asarray(preconditioner())
    natural = jnp.zeros_like(mean)
    for _ in range(depth):
        natural = natural + matrix @ (mean - jax.nn.softmax(table @ natural) @ table)
    return natural


def _most_likely(mean):
    """Natural parameter whose mean embedding is the seeds', by Newton's method from the truth."""
    table = jnp.asarray(EMBEDDINGS)

    def newton(_, natural):
        probs = jax.nn.softmax(table @ natural)
        centred = table - (probs @ table)[None]
        fisher = centred.T @ (probs[:, None] * centred)
        return natural + jnp.linalg.solve(fisher, mean - probs @ table)

    return jax.lax.fori_loop(0, _NEWTON, newton, jnp.asarray(NATURAL))


def _token_probs() -> np.ndarray:
    scores = EMBEDDINGS @ np.asarray(NATURAL)
    return np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()


def tokens(key) -> dict:
    """Divergence of the read-outs after each of ``TOKEN_COUNTS`` seeds.

    ``efficient``: the most likely parameter, from 250 seeds on, where seeds without a finite one
    have a probability below 1e-15; ``noise``: that many layers after the most seeds, minus the
    floor and the part that is linear in the seeds' mean.
    """
    table, probs = jnp.asarray(EMBEDDINGS), _token_probs()
    seen = jnp.cumsum(_drawn(key, probs, max(TOKEN_COUNTS)), axis=0)
    seen = seen[jnp.asarray(TOKEN_COUNTS) - 1] / jnp.asarray(TOKEN_COUNTS, float)[:, None]
    means = seen @ table
    log_p = jnp.log(jnp.asarray(probs))

    def divergence(natural):
        return jnp.sum(jnp.exp(log_p) * (log_p - jax.nn.log_softmax(table @ natural)))

    target = jnp.asarray(probs) @ table
    divergences = {"efficient": jax.vmap(lambda mean: divergence(_most_likely(mean)))(means[1:])}
    for depth in LAYERS:

        def after(mean, depth=depth):
            return divergence(_layers(mean, depth))

        floor, slope = jax.value_and_grad(after)(target)
        divergences[f"noise{depth}"] = after(means[-1]) - floor - slope @ (means[-1] - target)
    return divergences


def symbols(key) -> dict:
    """Divergence of null-token attention over one-hot seeds from frequencies ~ Dirichlet."""
    first, second = jax.random.split(key)
    mass = jnp.asarray(CONCENTRATION)
    truth = jax.random.dirichlet(first, mass)
    one_hot = _drawn(second, truth, max(SYMBOL_COUNTS))
    visible = jnp.asarray(_prefixes(SYMBOL_COUNTS))
    null = jnp.full((len(SYMBOL_COUNTS), 1), jnp.log(mass.sum()))
    weights = jax.nn.softmax(
        jnp.concatenate([null, jnp.where(visible, 0.0, -jnp.inf)], axis=1), axis=1
    )
    guess = weights @ jnp.concatenate([(mass / mass.sum())[None], one_hot])
    safe = jnp.where(truth > 0, truth, 1.0)
    return {"symbols": jnp.sum(truth[None] * (jnp.log(safe)[None] - jnp.log(guess)), axis=1)}


def location_by_quadrature(count: int) -> tuple[np.ndarray, float]:
    """Mean and variance of the next sample given fixed seeds, by integrating the mean out.

    Args:
        count: number of seeds, the first of a fixed list (``fixed_seeds``).

    Returns:
        Mean ``[DIM]`` and variance of one coordinate.

    Example:
        >>> location_by_quadrature(0)[0].round(9).tolist()
        [0.5, -1.0, 0.25]
    """
    node = np.linspace(-15.0, 15.0, 6001)  # even spacing is spectrally accurate on a Gaussian
    means, spread = [], []
    for seeds, prior in zip(fixed_seeds(count).T, MEAN_PRIOR, strict=True):
        grid = prior + node
        logs = -((grid - prior) ** 2) / (2 * VAR_PRIOR)
        logs = logs - ((seeds[:, None] - grid[None]) ** 2).sum(axis=0) / (2 * VAR_WITHIN)
        mass = np.exp(logs - logs.max())
        mass = mass / mass.sum()
        means.append(mass @ grid)
        spread.append(VAR_WITHIN + mass @ (grid - means[-1]) ** 2)
    return np.array(means), float(np.mean(spread))


def fixed_seeds(count: int) -> np.ndarray:
    """The first seeds ``[count, DIM]`` of a fixed list."""
    rng = np.random.default_rng(7)
    return np.array([0.9, -0.2, -1.1]) + rng.normal(size=(64, DIM))[:count]


def token_floor(depth: int) -> float:
    """Divergence that ``depth`` layers keep with unlimited seeds, by summing over the vocabulary.

    Args:
        depth: layers.

    Example:
        >>> token_floor(1) > token_floor(2) > 0.0
        True
    """
    probs = _token_probs()
    target, matrix, natural = probs @ EMBEDDINGS, preconditioner(), np.zeros(len(NATURAL))
    for _ in range(depth):
        weights = np.exp(EMBEDDINGS @ natural)
        natural = natural + matrix @ (target - weights @ EMBEDDINGS / weights.sum())
    guess = np.exp(EMBEDDINGS @ natural)
    return math.fsum(probs * np.log(probs * guess.sum() / guess))


def dirichlet_by_quadrature(counts: tuple[int, ...]) -> np.ndarray:
    """Predictive of three symbols with ``CONCENTRATION``, by integrating over the simplex.

    Args:
        counts: how often each symbol was seen.

    Example:
        >>> dirichlet_by_quadrature((0, 0, 0)).round(12).tolist()
        [0.333333333333, 0.166666666667, 0.5]
    """
    node, weight = np.polynomial.legendre.leggauss(40)
    node, weight = (node + 1) / 2, weight / 2
    first = node[:, None] * np.ones_like(node)[None]
    second = (1 - first) * node[None]
    mass = weight[:, None] * weight[None] * (1 - first)
    probs = np.stack([first, second, 1 - first - second])
    power = np.asarray(CONCENTRATION) + np.asarray(counts) - 1.0
    posterior = mass * np.prod(probs ** power[:, None, None], axis=0)
    return (probs * posterior).sum(axis=(1, 2)) / posterior.sum()


EXPERIMENTS: dict[str, tuple[Callable, int]] = {
    "location": (location, 256),
    "tokens": (tokens, 32),
    "symbols": (symbols, 256),
    "scores": (score_bias.replicate, 256),
}
