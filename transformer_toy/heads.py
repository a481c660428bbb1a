"""Heads: how the network's raw outputs become a law, its log density and its samples.

Family-matched heads (``gaussian``, ``student``, ``dictionary``, ``labelled``, ``simplex``,
``tokens``) can state the exact posterior predictive of their family, so what a network misses is
its own. The ``mixture`` head, with Cholesky components, can approach any density.

Letters in names: B groups, P prefixes, R conditions, O raw outputs, K components or symbols, D
features, S samples.
"""

from functools import partial
from typing import NamedTuple, overload

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.theory.in_context.capacity import student_log_density
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "DF_FLOOR",
    "VAR_FLOOR",
    "WEIGHT_FLOOR",
    "Categorical",
    "Gaussian",
    "Labelled",
    "Law",
    "Mixture",
    "Student",
    "dim_out",
    "initial_raw",
    "interpret",
    "log_density",
    "positive",
    "sample",
]

VAR_FLOOR = 1e-3  # least variance
DF_FLOOR = 0.1  # least degrees of freedom
WEIGHT_FLOOR = 1e-6  # least weight of a component


class Gaussian(NamedTuple):
    """N(mean, var I)."""

    mean: Float[Array, "*b D"]
    var: Float[Array, "*b"]


class Student(NamedTuple):
    """Multivariate Student law with scale matrix var_scale I.

    ``df`` are degrees of freedom, ``loc`` is the centre ``[D]`` and ``var_scale`` a squared scale.
    """

    df: Float[Array, "*b"]
    loc: Float[Array, "*b D"]
    var_scale: Float[Array, "*b"]


class Mixture(NamedTuple):
    """Gaussian mixture; ``root`` is the lower Cholesky factor of each component's precision.

    The density of a component at x is that of N(0, I) at root^T (x - mean), times det root.

    ``log_weight`` are logarithms of the components' weights ``[K]``, ``mean`` is ``[K, D]`` and
    ``root`` ``[K, D, D]``.
    """

    log_weight: Float[Array, "*b K"]
    mean: Float[Array, "*b K D"]
    root: Float[Array, "*b K D D"]


class Categorical(NamedTuple):
    """Probabilities of K symbols.

    ``log_prob`` are their logarithms ``[K]``.
    """

    log_prob: Float[Array, "*b K"]


class Labelled(NamedTuple):
    """A label of K values, then features given the label, N(mean_k, var_k I).

    ``log_prob`` are logarithms of the labels' probabilities ``[K]``, ``mean`` is ``[K, D]`` and
    ``var`` ``[K]``.
    """

    log_prob: Float[Array, "*b K"]
    mean: Float[Array, "*b K D"]
    var: Float[Array, "*b K"]


Law = Gaussian | Student | Mixture | Categorical | Labelled  # a law that a network writes


@partial(as_one_program, static_argnames=("floor",), level=None)
def positive(raw: Float[Array, "*s"], floor: float) -> Float[Array, "*s"]:
    """The identity from ``floor`` up, floor^2/(2 floor - raw) below: positive, C^1, never 0.

    Args:
        raw: any numbers.
        floor: where linear ends.

    Returns:
        Positive numbers, equal to ``raw`` wherever ``raw`` is at least ``floor``.

    Example:
        >>> import jax.numpy as jnp
        >>> print(positive(jnp.array([2.0, 0.5]), 0.5))
        [2.  0.5]
    """
    below = floor * floor / (2.0 * floor - jnp.minimum(raw, floor))
    return jnp.where(raw >= floor, raw, below)


def dim_out(head: str, dim: int, components: int) -> int:
    """How many raw outputs a head needs.

    Args:
        head: its name.
        dim: D, features (ignored by heads over symbols).
        components: K, mixture components, labels or symbols (ignored where there are none).

    Returns:
        O.

    Raises:
        ValueError: if there is no such head.

    Example:
        >>> dim_out("mixture", 2, 3)
        18
    """
    sizes = {
        "gaussian": dim + 1,
        "student": dim + 2,
        "mixture": components * (1 + dim + dim * (dim + 1) // 2),
        "dictionary": components,
        "simplex": components,
        "tokens": components,
        "labelled": components + dim + 1,
    }
    if head not in sizes:
        raise ValueError(f"head: got {head!r}, expected one of {sorted(sizes)}.")
    return sizes[head]


def initial_raw(head: str, dim: int, components: int) -> list[float]:
    """Raw outputs to start training from: unit scales, equal weights, ten degrees of freedom.

    Args:
        head, dim, components: as for ``dim_out``, whose errors it raises.

    Returns:
        O numbers, the biases of the read-out.

    Example:
        >>> initial_raw("gaussian", 2, 0)
        [0.0, 0.0, 1.0]
    """
    size = dim_out(head, dim, components)
    if head == "gaussian":
        return [0.0] * dim + [1.0]
    if head == "student":
        return [0.0] * dim + [1.0, 10.0]
    if head == "labelled":
        return [1.0 / components] * components + [0.0] * dim + [1.0]
    if head == "simplex":
        return [1.0 / components] * components
    return [0.0] * size


def _simplex(raw: Float[Array, "*b K"]) -> Float[Array, "*b K"]:
    weight = positive(raw, WEIGHT_FLOOR)
    return jnp.log(weight) - jnp.log(weight.sum(axis=-1, keepdims=True))


def _mixture(raw: Float[Array, "*b O"], dim: int, components: int) -> Mixture:
    batch = raw.shape[:-1]
    logit, mean, entries = jnp.split(raw, [components, components * (1 + dim)], axis=-1)
    entries = entries.reshape(*batch, components, dim * (dim + 1) // 2)
    row, column = jnp.tril_indices(dim)
    root = jnp.zeros((*batch, components, dim, dim), raw.dtype).at[..., row, column].set(entries)
    diagonal = jnp.eye(dim, dtype=bool).reshape((1,) * (root.ndim - 2) + (dim, dim))
    root = jnp.where(diagonal, jnp.exp(root), root)
    return Mixture(jax.nn.log_softmax(logit, axis=-1), mean.reshape(*batch, components, dim), root)


@partial(as_one_program, static_argnames=("head", "dim", "components"), level=None)
def interpret(
    head: str,
    raw_BxPxRxO: Float[Array, "B P R O"],
    dim: int,
    components: int,
    dictionary: Mixture | None = None,
) -> Law:
    """The law that a head reads from the raw outputs.

    Args:
        head: its name.
        raw_BxPxRxO: what ``model.apply`` returned; only ``labelled`` uses more than condition 0,
            whose condition 0 is no label and condition 1 + k is label k.
        dim: D.
        components: K.
        dictionary: the fixed components of the ``dictionary`` head; its weights are not used.

    Returns:
        A law for every group and prefix.

    Raises:
        ValueError: if there is no such head, or the outputs are not as many as it needs.

    Example:
        >>> import jax.numpy as jnp
        >>> law = interpret("gaussian", jnp.ones((1, 1, 1, 3)), 2, 0)
        >>> print(law.mean[0, 0], law.var[0, 0])
        [1. 1.] 1.0
    """
    expected = dim_out(head, dim, components)
    if raw_BxPxRxO.shape[-1] != expected:
        raise ValueError(
            f"raw_BxPxRxO: got {counted(raw_BxPxRxO.shape[-1], 'output')}, expected {expected}, "
            f"which the {head} head of dimension {dim} with {counted(components, 'component')} "
            "reads. The network and the task disagree."
        )
    raw = raw_BxPxRxO[:, :, 0]
    if head == "gaussian":
        return Gaussian(raw[..., :dim], positive(raw[..., dim], VAR_FLOOR))
    if head == "student":
        df = positive(raw[..., dim + 1], DF_FLOOR)
        return Student(df, raw[..., :dim], positive(raw[..., dim], VAR_FLOOR))
    if head == "mixture":
        return _mixture(raw, dim, components)
    if head == "dictionary":
        if dictionary is None:
            raise ValueError("dictionary: the dictionary head needs its components, got None.")
        batch = raw.shape[:-1]
        mean = jnp.broadcast_to(dictionary.mean, (*batch, *dictionary.mean.shape))
        root = jnp.broadcast_to(dictionary.root, (*batch, *dictionary.root.shape))
        weight = jax.nn.log_softmax(raw, axis=-1)
        return Mixture(weight, mean.astype(raw.dtype), root.astype(raw.dtype))
    if head == "simplex":
        return Categorical(_simplex(raw))
    if head == "tokens":
        return Categorical(jax.nn.log_softmax(raw, axis=-1))
    given = raw_BxPxRxO[:, :, 1:]
    return Labelled(
        _simplex(raw[..., :components]),
        given[..., components : components + dim],
        positive(given[..., components + dim], VAR_FLOOR),
    )


def _mixture_log_density(law: Mixture, x: Float[Array, "*b S D"]) -> Float[Array, "*b S"]:
    offset = x[..., :, None, :] - law.mean[..., None, :, :]
    white = jnp.einsum("...skd,...kde->...ske", offset, law.root)
    log_det = jnp.log(jnp.diagonal(law.root, axis1=-2, axis2=-1)).sum(axis=-1)
    height = law.log_weight + log_det - 0.5 * x.shape[-1] * jnp.log(2.0 * jnp.pi).astype(x.dtype)
    return jax.nn.logsumexp(height[..., None, :] - 0.5 * (white * white).sum(axis=-1), axis=-1)


@partial(as_one_program, level=None)
def log_density(law: Law, x: Float[Array, "*b S D"]) -> Float[Array, "*b S"]:
    """Log density of a continuous law at S points for each of its members.

    Args:
        law: a ``Gaussian``, ``Student`` or ``Mixture`` with leading axes ``*b``.
        x: points, with the same leading axes.

    Returns:
        Nats per unit volume.

    Raises:
        TypeError: for a law over symbols or labels.

    Example:
        >>> import jax.numpy as jnp
        >>> law = Gaussian(jnp.zeros((1, 1)), jnp.ones(1))
        >>> print(round(float(log_density(law, jnp.zeros((1, 1, 1)))[0, 0]), 6))
        -0.918939
    """
    if isinstance(law, Mixture):
        return _mixture_log_density(law, x)
    if isinstance(law, Gaussian):
        var = law.var[..., None]
        square = ((x - law.mean[..., None, :]) ** 2).sum(axis=-1)
        return -0.5 * (square / var + x.shape[-1] * jnp.log(2.0 * jnp.pi * var))
    if isinstance(law, Student):
        shape = x.shape[:-1]
        return student_log_density(
            x,
            jnp.broadcast_to(law.df[..., None], shape),
            jnp.broadcast_to(law.loc[..., None, :], x.shape),
            jnp.broadcast_to(law.var_scale[..., None], shape),
        )
    raise TypeError(f"law: got {type(law).__name__}, expected a continuous law.")


def _back_substitute(
    root: Float[Array, "*b D D"], normal: Float[Array, "*b D"]
) -> Float[Array, "*b D"]:
    """Solve root^T x = normal, root lower triangular, one feature at a time from the last.

    Not by ``jax.scipy.linalg.solve_triangular``, whose large batches of small systems were seen to
    stall without using the processor, inside one compiled program on two cores.
    """
    solved = []
    for row in reversed(range(root.shape[-1])):
        solved.append(normal[..., row] / root[..., row, row])
        normal = normal - root[..., row, :] * solved[-1][..., None]
    return jnp.stack(solved[::-1], axis=-1)


@overload
def sample(law: Labelled, num_samples: int, *, key: Key[Array, ""]) -> tuple[Array, Array]: ...
@overload
def sample(
    law: Gaussian | Student | Mixture | Categorical, num_samples: int, *, key: Key[Array, ""]
) -> Array: ...
@partial(as_one_program, static_argnames=("num_samples",), level=None)
def sample(
    law: Law, num_samples: int, *, key: Key[Array, ""]
) -> Float[Array, "*b S D"] | Int[Array, "*b S"] | tuple[Array, Array]:
    """Independent samples of each member of a law.

    Args:
        law: with leading axes ``*b``.
        num_samples: S.
        key: a typed key.

    Returns:
        Samples; whole numbers for symbols; (labels, features) for a ``Labelled`` law.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> law = Gaussian(jnp.zeros((3, 2)), jnp.ones(3))
        >>> sample(law, 5, key=jax.random.key(0)).shape
        (3, 5, 2)
    """
    which_key, normal_key, scale_key = jax.random.split(key, 3)
    if isinstance(law, Categorical | Labelled | Mixture):
        logit = law.log_weight if isinstance(law, Mixture) else law.log_prob
        shape = (*logit.shape[:-1], num_samples)
        which = jax.random.categorical(which_key, logit[..., None, :], axis=-1, shape=shape)
        if isinstance(law, Categorical):
            return which
        pick = which[..., None]
        mean = jnp.take_along_axis(law.mean, pick, axis=-2)
        normal = jax.random.normal(normal_key, mean.shape, mean.dtype)
        if isinstance(law, Labelled):
            std = jnp.sqrt(jnp.take_along_axis(law.var, which, axis=-1))
            return which, mean + std[..., None] * normal
        root = jnp.take_along_axis(law.root, pick[..., None], axis=-3)
        return mean + _back_substitute(root, normal)
    loc, var = (law.mean, law.var) if isinstance(law, Gaussian) else (law.loc, law.var_scale)
    shape = (*loc.shape[:-1], num_samples, loc.shape[-1])
    spread = jnp.sqrt(var)[..., None]
    if isinstance(law, Student):
        half = 0.5 * jnp.broadcast_to(law.df[..., None], shape[:-1])
        spread = spread * jnp.sqrt(half / jax.random.gamma(scale_key, half, dtype=loc.dtype))
    normal = jax.random.normal(normal_key, shape, loc.dtype)
    return loc[..., None, :] + spread[..., None] * normal
