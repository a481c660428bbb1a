"""Families of groups to train and measure on: each knows its exact posterior predictive.

A task draws groups (a true law, and seeds from it), and states the law that an ideal in-context
generator gives after each prefix of the seeds. Training never sees that exact law: its loss is the
divergence from the group's true law, averaged in closed form or by quadrature instead of over
single next samples, and its minimiser is the exact predictive.

Letters in names: B groups, P prefixes, N seeds, D token entries, F statistics, T laws, S nodes.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.transformer_toy import heads
from synthetic_oversampling.transformer_toy.heads import (
    Categorical,
    Gaussian,
    Labelled,
    Mixture,
)

__all__ = [
    "TASKS",
    "Task",
    "conditions",
    "dictionary",
    "from_spec",
    "labelled",
    "symbols",
    "unknown_mean",
]


class Task(NamedTuple):
    """A family of groups.

    ``spec`` is its name and numbers, from which ``from_spec`` makes it again. ``draw(num_groups,
    length, dtype, key=)`` returns the true laws, with leading axes (B, 1), and the seeds as tokens;
    ``exact(token_BxNxD, count_BxP)`` returns the exact predictive, in float64 if it is on. A family
    without a closed-form predictive has None for it.

    Attributes:
        head: law that is written, a name; dim: features; components: of a mixture.
        dim_token: numbers that a seed is read as; dictionary: components that are known.
        dim_condition: numbers that are asked for along with the seeds, such as a label's.
    """

    spec: dict
    head: str
    dim: int
    components: int
    dim_token: int
    dictionary: Mixture | None = None
    dim_condition: int = 0
    draw: Callable | None = None
    exact: Callable | None = None


def _prefix_sums(value_BxNxF: Float[Array, "B N F"], count_BxP: Int[Array, "B P"]) -> Array:
    sums = jnp.cumsum(value_BxNxF, axis=1)
    sums = jnp.concatenate([jnp.zeros_like(sums[:, :1]), sums], axis=1)
    return jnp.take_along_axis(sums, count_BxP[..., None], axis=1)


def _wide(token_BxNxD: Array) -> Array:
    return token_BxNxD.astype(jnp.zeros(()).dtype)


def _check(name: str, dim: int, **positive: float | int) -> None:
    if not (isinstance(dim, int) and dim >= 1):
        raise ValueError(f"{name}.dim: got {dim!r}, expected a whole number from 1.")
    for key, value in positive.items():
        if not value > 0.0:
            raise ValueError(f"{name}.{key}: got {value!r}, expected a number above 0.")


def unknown_mean(
    dim: int = 2, var_within: float = 1.0, var_prior: float = 1.0, mixture: int = 0
) -> Task:
    """Gaussian groups N(mu, var_within I) with mu ~ N(0, var_prior I).

    Args:
        dim: features.
        var_within: known variance per coordinate.
        var_prior: prior variance of the mean.
        mixture: 0 for the matched head; otherwise the components of a mixture head.

    Returns:
        The task.

    Raises:
        ValueError: for a dimension below 1 or a variance not above 0.

    Example:
        >>> unknown_mean(dim=3).dim_token
        3
    """
    _check("unknown_mean", dim, var_within=var_within, var_prior=var_prior)
    ratio = var_within / var_prior

    def draw(num_groups: int, length: int, dtype: DTypeLike, *, key: Key[Array, ""]):
        mean_key, seed_key = jax.random.split(key)
        mean = var_prior**0.5 * jax.random.normal(mean_key, (num_groups, 1, dim), dtype)
        noise = jax.random.normal(seed_key, (num_groups, length, dim), dtype)
        truth = Gaussian(mean, jnp.full((num_groups, 1), var_within, dtype))
        return truth, mean + var_within**0.5 * noise

    def exact(token_BxNxD: Array, count_BxP: Array) -> Gaussian:
        token_BxNxD = _wide(token_BxNxD)
        mass = count_BxP.astype(token_BxNxD.dtype) + ratio
        mean = _prefix_sums(token_BxNxD, count_BxP) / mass[..., None]
        return Gaussian(mean, var_within * (1.0 + 1.0 / mass))

    spec = {"name": "unknown_mean", "dim": dim, "var_within": var_within}
    spec |= {"var_prior": var_prior, "mixture": mixture}
    head = "mixture" if mixture else "gaussian"
    return Task(
        spec=spec,
        head=head,
        dim=dim,
        components=mixture,
        dim_token=dim,
        draw=draw,
        exact=as_one_program(exact, level=None),
    )


def dictionary(
    dim: int = 2, laws: int = 6, spread: float = 1.0, seed: int = 0, mixture: int = 0
) -> Task:
    """Groups whose law is one of a fixed list of Gaussian laws, equally likely beforehand.

    Args:
        dim: features.
        laws: T, the length of the list.
        spread: standard deviation of the laws' means.
        seed: which list; means and Cholesky factors of the precisions are drawn from it.
        mixture: 0 for the matched head, which knows the list; otherwise the components of a
            mixture head, which must learn it.

    Returns:
        The task.

    Raises:
        ValueError: for a dimension or a list below 1, or a spread not above 0.

    Example:
        >>> dictionary(laws=4).dictionary.mean.shape
        (4, 2)
    """
    _check("dictionary", dim, spread=spread, laws=laws)
    rng = np.random.default_rng(seed)
    mean_TxD = spread * rng.normal(size=(laws, dim))
    root_TxDxD = np.tril(0.4 * rng.normal(size=(laws, dim, dim)), -1)
    root_TxDxD = root_TxDxD + np.exp(0.3 * rng.normal(size=(laws, dim, 1))) * np.eye(dim)

    def members(dtype: DTypeLike) -> Mixture:
        weight = jnp.full((laws,), -np.log(laws), dtype)
        return Mixture(weight, jnp.asarray(mean_TxD, dtype), jnp.asarray(root_TxDxD, dtype))

    def draw(num_groups: int, length: int, dtype: DTypeLike, *, key: Key[Array, ""]):
        which_key, seed_key = jax.random.split(key)
        which = jax.random.randint(which_key, (num_groups,), 0, laws, jnp.int32)
        whole = members(dtype)
        one = jnp.zeros((num_groups, 1, 1), dtype)
        truth = Mixture(one, whole.mean[which][:, None, None], whole.root[which][:, None, None])
        tokens = heads.sample(jax.tree.map(lambda leaf: leaf[:, 0], truth), length, key=seed_key)
        return truth, tokens

    def exact(token_BxNxD: Array, count_BxP: Array) -> Mixture:
        token_BxNxD = _wide(token_BxNxD)
        whole = members(token_BxNxD.dtype)
        offset = token_BxNxD[:, :, None, :] - whole.mean[None, None, :, :]
        white = jnp.einsum("bntd,tde->bnte", offset, whole.root)
        log_det = jnp.log(jnp.diagonal(whole.root, axis1=1, axis2=2)).sum(axis=-1)
        log_lik = log_det[None, None, :] - 0.5 * (white**2).sum(axis=-1)
        weight = jax.nn.log_softmax(_prefix_sums(log_lik, count_BxP), axis=-1)
        shape = weight.shape[:2]
        mean = jnp.broadcast_to(whole.mean, (*shape, laws, dim))
        return Mixture(weight, mean, jnp.broadcast_to(whole.root, (*shape, laws, dim, dim)))

    spec = {"name": "dictionary", "dim": dim, "laws": laws, "spread": spread}
    spec |= {"seed": seed, "mixture": mixture}
    head = "mixture" if mixture else "dictionary"
    arrays: Any = (np.full(laws, -np.log(laws)), mean_TxD, root_TxDxD)  # on the host, in float64
    known = None if mixture else Mixture(*arrays)
    return Task(
        spec=spec,
        head=head,
        dim=dim,
        components=mixture or laws,
        dictionary=known,
        dim_token=dim,
        draw=draw,
        exact=as_one_program(exact, level=None),
    )


def labelled(
    dim: int = 2,
    labels: int = 2,
    concentration: float = 1.0,
    var_within: float = 1.0,
    var_prior: float = 1.0,
) -> Task:
    """Groups of pairs: a label of unknown frequencies, then Gaussian features of unknown mean.

    The frequencies are Dirichlet(concentration, ...) and each label's features are an
    ``unknown_mean`` family. A generator draws the label, then the features given the label.

    Args:
        dim: features.
        labels: how many values the label has.
        concentration: of the Dirichlet prior, for every label.
        var_within: known variance per coordinate given the label.
        var_prior: prior variance of each label's mean.

    Returns:
        The task; tokens are the features and then the one-hot label.

    Raises:
        ValueError: for a dimension below 1, or a parameter not above 0.

    Example:
        >>> labelled(dim=2, labels=3).dim_token
        5
    """
    _check("labelled", dim, labels=labels, concentration=concentration)
    _check("labelled", dim, var_within=var_within, var_prior=var_prior)
    ratio = var_within / var_prior

    def draw(num_groups: int, length: int, dtype: DTypeLike, *, key: Key[Array, ""]):
        prob_key, mean_key, seed_key = jax.random.split(key, 3)
        alpha = jnp.full((num_groups, labels), concentration, dtype)
        log_prob = jax.random.loggamma(prob_key, alpha, dtype=dtype)
        log_prob = jax.nn.log_softmax(log_prob, axis=-1)[:, None, :]
        mean = jax.random.normal(mean_key, (num_groups, 1, labels, dim), dtype)
        var = jnp.full((num_groups, 1, labels), var_within, dtype)
        truth = Labelled(log_prob, var_prior**0.5 * mean, var)
        flat = jax.tree.map(lambda leaf: leaf[:, 0], truth)
        which, features = heads.sample(flat, length, key=seed_key)
        return truth, jnp.concatenate([features, jax.nn.one_hot(which, labels, dtype=dtype)], -1)

    def exact(token_BxNxD: Array, count_BxP: Array) -> Labelled:
        token_BxNxD = _wide(token_BxNxD)
        one_hot = token_BxNxD[..., dim:]
        count = _prefix_sums(one_hot, count_BxP)
        by_label = one_hot[..., :, None] * token_BxNxD[..., None, :dim]
        flat = by_label.reshape(*by_label.shape[:2], labels * dim)
        total = _prefix_sums(flat, count_BxP).reshape(*count.shape, dim)
        log_prob = jnp.log(count + concentration)
        log_prob = log_prob - jnp.log((count + concentration).sum(axis=-1, keepdims=True))
        mass = count + ratio
        return Labelled(log_prob, total / mass[..., None], var_within * (1.0 + 1.0 / mass))

    spec = {"name": "labelled", "dim": dim, "labels": labels, "concentration": concentration}
    spec |= {"var_within": var_within, "var_prior": var_prior}
    return Task(
        spec=spec,
        head="labelled",
        dim=dim,
        components=labels,
        dim_token=dim + labels,
        dim_condition=labels,
        draw=draw,
        exact=as_one_program(exact, level=None),
    )


def symbols(size: int = 4, concentration: float = 1.0) -> Task:
    """Groups of symbols of unknown frequencies ~ Dirichlet(concentration, ...).

    Args:
        size: how many symbols.
        concentration: of the prior, for every symbol.

    Returns:
        The task; tokens are one-hot.

    Raises:
        ValueError: for fewer than one symbol or a concentration not above 0.

    Example:
        >>> symbols(size=3).dim_token
        3
    """
    _check("symbols", 1, size=size, concentration=concentration)

    def draw(num_groups: int, length: int, dtype: DTypeLike, *, key: Key[Array, ""]):
        prob_key, seed_key = jax.random.split(key)
        alpha = jnp.full((num_groups, 1, size), concentration, dtype)
        log_prob = jax.random.loggamma(prob_key, alpha, dtype=dtype)
        truth = Categorical(jax.nn.log_softmax(log_prob, axis=-1))
        which = heads.sample(Categorical(truth.log_prob[:, 0]), length, key=seed_key)
        return truth, jax.nn.one_hot(which, size, dtype=dtype)

    def exact(token_BxNxD: Array, count_BxP: Array) -> Categorical:
        count = _prefix_sums(_wide(token_BxNxD), count_BxP) + concentration
        return Categorical(jnp.log(count) - jnp.log(count.sum(axis=-1, keepdims=True)))

    spec = {"name": "symbols", "size": size, "concentration": concentration}
    return Task(
        spec=spec,
        head="simplex",
        dim=1,
        components=size,
        dim_token=size,
        draw=draw,
        exact=as_one_program(exact, level=None),
    )


# what makes the task of a family, by its name
TASKS: dict[str, Callable[..., Task]] = {
    "unknown_mean": unknown_mean,
    "dictionary": dictionary,
    "labelled": labelled,
    "symbols": symbols,
}


def from_spec(spec: dict) -> Task:
    """The task that a specification names.

    Args:
        spec: ``{"name": ..., parameter: number, ...}``; parameters left out keep their defaults.

    Returns:
        The task.

    Raises:
        ValueError: for an unknown name or parameter, or a fraction of a count, naming it.

    Example:
        >>> from_spec({"name": "unknown_mean", "dim": 3}).dim
        3
    """
    name = spec.get("name")
    if name not in TASKS:
        raise ValueError(f"task: got {name!r}, expected one of {sorted(TASKS)}.")
    known = inspect.signature(TASKS[name]).parameters
    given = {key: value for key, value in spec.items() if key != "name"}
    for key in given:
        if key not in known:
            raise ValueError(
                f"task {name}: got {key!r}, expected one of the parameters {list(known)}."
            )
        if isinstance(known[key].default, int) and isinstance(given[key], float):
            raise ValueError(f"task {name}: {key}: got {given[key]!r}, expected a whole number.")
    return TASKS[name](**given)


def conditions(task: Task, dtype: DTypeLike) -> Float[Array, "R C"]:
    """What the network is asked: the plain query, then one query for each label if there are any.

    Args:
        task: the family.
        dtype: of the network.

    Returns:
        One row a query.

    Example:
        >>> import jax.numpy as jnp
        >>> print(conditions(labelled(labels=2), jnp.float32))
        [[0. 0.]
         [1. 0.]
         [0. 1.]]
    """
    size = task.dim_condition
    return jnp.concatenate([jnp.zeros((1, size), dtype), jnp.eye(size, dtype=dtype)])
