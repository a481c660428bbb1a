"""Theorem T, replicated: attention layers written out, run on simulated groups.

Nothing here uses a formula of ``theory.in_context``: layers are softmax averages, laws are compared
by their textbook divergence, and posteriors without noise are integrated numerically. Only the
settings are shared with the checks (``simulate.claims.in_context``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments import score_bias
from synthetic_oversampling.simulate.sampling.streams import normal, uniform, words
from synthetic_oversampling.theory.arrays import Number

__all__ = [
    "EXPERIMENTS",
    "ROW_EXPERIMENTS",
    "depth_divergences",
    "drawn_row",
    "row_divergences",
    "dirichlet_by_quadrature",
    "divergence_by_grid",
    "location_by_quadrature",
    "row_law",
    "token_floor",
]

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

# Rows of correlated features: a prior worth few seeds, and depths whose inverse is nearly reached.
ROW_DIM, ROW_MEAN, ROW_WEIGHT, ROW_DF = 4, (0.3, -0.2, 0.1, 0.0), 1.5, 7.0
ROW_SCALE = np.eye(ROW_DIM) + 0.4
ROW_DEPTHS = {0: (3, 4, 5), 6: (4, 5, 6), 40: (4, 5, 6)}  # by the number of seeds
_ROOT = np.array([[1, 0, 0, 0], [0.6, 1, 0, 0], [-0.4, 0.5, 0.8, 0], [0.3, 0.3, -0.6, 0.9]])
FLAT_DIM, FLAT_COUNTS = 3, (6, 24)
_NODES = 161  # of a Student density, in sinh: the integral is right to 1e-9 at 3 degrees or more


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


def fixed_rows(count: int) -> np.ndarray:
    """The first rows ``[count, ROW_DIM]`` of a fixed list of correlated ones."""
    rng = np.random.default_rng(12)
    return (rng.normal(size=(64, ROW_DIM)) @ _ROOT.T + np.array([0.5, 0.0, -0.5, 1.0]))[:count]


def row_law(count: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Degrees, location and scale matrix of the next row after fixed ones, from summed products.

    The prior and the rows add up to one matrix of products of (1, x); its Schur complement is the
    scale of the posterior.

    Args:
        count: of the rows of ``fixed_rows``.

    Example:
        >>> row_law(0)[1].round(9).tolist()
        [0.3, -0.2, 0.1, 0.0]
    """
    prior, rows = np.array([1.0, *ROW_MEAN]), fixed_rows(count)
    wide = np.column_stack([np.ones(count), rows])
    total = ROW_WEIGHT * np.outer(prior, prior) + wide.T @ wide
    total[1:, 1:] += ROW_SCALE
    mass, mean = total[0, 0], total[0, 1:] / total[0, 0]
    scatter = total[1:, 1:] - np.outer(total[0, 1:], mean)
    degrees = ROW_DF + count - ROW_DIM + 1
    return degrees, mean, scatter * (mass + 1) / (mass * degrees)


def _by_depth(scale, degrees, offset, feature: int, depth: int | None):
    """Location and squared scale of a feature, its inverse by iteration, or solved if None."""
    block, cross = scale[:feature, :feature], scale[:feature, feature]
    if depth is None:
        inverse = jnp.linalg.inv(block)
    else:
        inverse, left = jnp.eye(feature) / jnp.trace(block), jnp.eye(feature)
        left = left - block @ inverse
        for _ in range(depth):
            inverse, left = inverse + inverse @ left, left @ left
    residual = scale[feature, feature] - cross @ inverse @ cross
    around = degrees + offset[:feature] @ inverse @ offset[:feature]
    return offset[:feature] @ inverse @ cross, residual * around / (degrees + feature)


def _student_kl(degrees, one, two):
    """KL of Student laws (location, squared scale), by the trapezoid rule in t = sinh u."""
    u = jnp.linspace(-12.0, 12.0, _NODES)
    t, step = jnp.sinh(u), 24.0 / (_NODES - 1)
    log_p = -(degrees + 1) / 2 * jnp.log1p(t**2 / degrees)
    density = jnp.exp(log_p) * jnp.cosh(u) * step
    density = density / density.sum()
    moved = (one[0] - two[0] + jnp.sqrt(one[1]) * t) / jnp.sqrt(two[1])
    log_q = -(degrees + 1) / 2 * jnp.log1p(moved**2 / degrees)
    return (density * (log_p - log_q)).sum() + 0.5 * jnp.log(two[1] / one[1])


def drawn_row(key, degrees: Number, dim: int) -> tuple[jax.Array, jax.Array]:
    """A normal vector ``[d]``, and what it is divided by to be a Student one.

    Args:
        key: a typed key; degrees: of freedom; dim: ``d``.
    """
    first, second = jax.random.split(key)
    return normal(first, (1, dim))[0], jnp.sqrt(2 * jax.random.gamma(second, degrees / 2) / degrees)


def row_divergences(
    row: tuple[jax.Array, jax.Array],
    degrees: Number,
    scale: np.ndarray | jax.Array,
    iterations: tuple[int, ...],
):
    """Divergence, from the exact law of a row, of what so many iterations leave ``[S]``.

    The row is one of the exact law, a Student law about 0; each feature's divergence given those
    before is integrated.

    Args:
        row: of `drawn_row`; degrees: of freedom of it.
        scale: its scale matrix.
        iterations: of the inverse.
    """
    standard, divisor = row
    scale = jnp.asarray(scale)
    offset = jnp.linalg.cholesky(scale) @ standard / divisor
    features = range(1, len(scale))
    exact = [_by_depth(scale, degrees, offset, feature, None) for feature in features]
    found = []
    for depth in iterations:
        kl = jnp.zeros(())
        for feature, law in zip(features, exact, strict=True):
            near = _by_depth(scale, degrees, offset, feature, depth)
            kl = kl + _student_kl(degrees + feature, law, near)
        found.append(kl)
    return jnp.stack(found)


def depth_divergences(
    key, degrees: Number, scale: np.ndarray | jax.Array, iterations: tuple[int, ...]
):
    """`row_divergences` of a row that is drawn.

    Args:
        key: a typed key; degrees, scale, iterations: as for `row_divergences`.
    """
    row = drawn_row(key, degrees, len(scale))
    return row_divergences(row, degrees, scale, iterations)


def depths(key, count: int) -> dict:
    """The divergence at each of ``ROW_DEPTHS`` after fixed rows."""
    degrees, _, scale = row_law(count)
    return {"depth": depth_divergences(key, degrees, scale, ROW_DEPTHS[count])}


def flat_rows(key) -> dict:
    """Log ratio, at a new row, of the group's law to the flat prior's row after each count."""
    first, second = jax.random.split(key)
    root = jnp.asarray(_ROOT[:FLAT_DIM, :FLAT_DIM])
    seeds = normal(first, (max(FLAT_COUNTS), FLAT_DIM)) @ root.T
    z = normal(second, (1, FLAT_DIM))[0]
    row = root @ z
    log_p = -0.5 * z @ z - jnp.log(jnp.diagonal(root)).sum() - FLAT_DIM / 2 * math.log(2 * math.pi)
    found = []
    for count in FLAT_COUNTS:
        degrees, mean = count - FLAT_DIM, seeds[:count].mean(axis=0)
        centred = seeds[:count] - mean[None]
        scale = centred.T @ centred * (count + 1) / (count * degrees)
        half = jnp.linalg.cholesky(scale)
        distance = jax.scipy.linalg.solve_triangular(half, row - mean, lower=True)
        level = math.lgamma(count / 2) - math.lgamma(degrees / 2)
        level = level - FLAT_DIM / 2 * math.log(math.pi * degrees)
        fall = count / 2 * jnp.log1p(distance @ distance / degrees)
        found.append(log_p - level + jnp.log(jnp.diagonal(half)).sum() + fall)
    return {"flat": jnp.stack(found)}


def divergence_by_grid(count: int, depth: int) -> float:
    """The mean of ``depths`` for the first three features, on a grid of angles and radii.

    Args:
        count: of the rows of ``fixed_rows``.
        depth: iterations.

    Example:
        >>> divergence_by_grid(6, 5) < divergence_by_grid(6, 4)
        True
    """
    degrees, _, scale = row_law(count)
    root, cov = np.linalg.cholesky(scale[:2, :2]), jnp.asarray(scale)
    node, weight = np.polynomial.legendre.leggauss(48)
    chance = (node + 1) / 2
    radius = np.sqrt(degrees * ((1 - chance) ** (-2 / degrees) - 1))  # of a bivariate Student law
    angle = 2 * np.pi * np.arange(32) / 32
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    offsets = (radius[:, None, None] * around[None]).reshape(-1, 2) @ root.T

    def at(offset):
        laws = (_by_depth(cov, degrees, offset, 2, what) for what in (None, depth))
        return _student_kl(degrees + 2, *laws)

    found = jax.jit(jax.vmap(at))(jnp.asarray(offsets)).reshape(48, 32)
    return float(weight / 2 @ np.asarray(found).mean(axis=1))


# the same for whole rows
ROW_EXPERIMENTS: dict[str, tuple[Callable, int]] = {
    **{f"n{count}": (partial(depths, count=count), 256) for count in ROW_DEPTHS},
    "flat": (flat_rows, 256),
}
# simulator and replicates of a block, by experiment
EXPERIMENTS: dict[str, tuple[Callable, int]] = {
    "location": (location, 256),
    "tokens": (tokens, 32),
    "symbols": (symbols, 256),
    "scores": (score_bias.replicate, 256),
}
