"""The sizes and the weights of the network for whole rows.

Letters as in ``network``; a layer's weights have the layers as their first axis.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Key

from synthetic_oversampling.transformer_toy.rows.conjugate import Prior

__all__ = [
    "Architecture",
    "Params",
    "functions",
    "init",
    "linear",
    "prior_of",
    "shapes",
]

Params = dict[str, Array]  # weights by name
_FARTHEST = 6.0  # where the functions of a number stop growing
_PRIOR = (0.3, 3.0, 1.0)  # weight, df and scale before training
_SLOT_PRIOR = (0.5, 6.0, 2.0)


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network; none depends on how many features or seeds it reads.

    Args:
        width: M, of a token.
        num_layers: of attention.
        num_heads: H.
        functions: A, learned functions of a number, max(w x + b, 0).
        hidden: units of a token's feed-forward step.
        parts: P, Student laws about the regression.
        slots: S.
        rounds: of the slots' attention to the seeds.
        most_earlier: earlier features that attention sees; of more, those that go most with the
            feature to be written. The regression layer has them all.

    Example:
        >>> Architecture().width
        32
    """

    width: int = 32
    num_layers: int = 2
    num_heads: int = 4
    functions: int = 6
    hidden: int = 64
    parts: int = 5
    slots: int = 3
    rounds: int = 8
    most_earlier: int = 7

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"Architecture.{name}: got {value!r}, expected a whole number from 1."
                )


def shapes(arch: Architecture) -> dict[str, tuple[int, ...]]:
    """The parameter tree of an architecture: names and shapes; ``layer.`` has one row a layer.

    Args:
        arch: the sizes.

    Example:
        >>> shapes(Architecture())["readout.linear"]
        (32, 18)
    """
    width, heads, functions = arch.width, arch.num_heads, arch.functions
    seed = functions + 2
    layer = {
        "relevance": (functions * functions + 1, heads),
        "relevance_bias": (heads,),
        "row_query": (width, heads * (seed + 2)),
        "row_query_bias": (heads * (seed + 2),),
        "row_out": (heads * (seed + 3), width),
        "feature_query": (width, heads),
        "feature_query_bias": (heads,),
        "feature_out": (heads * 3 * functions, width),
        "hidden_in": (width, arch.hidden),
        "hidden_bias": (arch.hidden,),
        "hidden_out": (arch.hidden, width),
    }
    out = 3 * arch.parts + 3
    return {
        "prior": (2, 3),
        "slot_prior": (2, 3),
        "function.slope": (functions,),
        "function.bias": (functions,),
        "embed.linear": (8 + arch.slots, width),
        "embed.bias": (width,),
        **{f"layer.{name}": (arch.num_layers, *shape) for name, shape in layer.items()},
        "readout.linear": (width, out),
        "readout.bias": (out,),
        "slot_sharpness": (1,),
    }


@partial(jax.jit, static_argnames=("arch", "dtype"))
def init(arch: Architecture, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32) -> Params:
    """Parameters before training: the conjugate law of a vague prior, nearly.

    Args:
        arch: the sizes.
        key: a typed key.
        dtype: of the weights.

    Example:
        >>> params = init(Architecture(), key=jax.random.key(0))
        >>> sum(value.size for value in params.values())
        19955
    """
    params = {}
    for index, (name, shape) in enumerate(shapes(arch).items()):
        if name.endswith("bias"):
            params[name] = jnp.zeros(shape, dtype)
            continue
        size = 0.3 if name.startswith("layer.") else 1.0
        scale = size * max(shape[-2] if len(shape) > 1 else 1, 1) ** -0.5
        params[name] = scale * jax.random.normal(jax.random.fold_in(key, index), shape, dtype)
    params["prior"] = jnp.log(jnp.asarray([_PRIOR, _PRIOR], dtype))
    params["slot_prior"] = jnp.log(jnp.asarray([_SLOT_PRIOR, _SLOT_PRIOR], dtype))
    params["slot_sharpness"] = jnp.ones(1, dtype)
    params["readout.linear"] = 0.1 * params["readout.linear"]
    half = arch.functions // 2
    left, right = half, arch.functions - half
    params["function.slope"] = jnp.asarray([-1.0] * left + [1.0] * right, dtype)
    knots = [*np.linspace(-1.0, 1.0, left), *(-np.linspace(-1.0, 1.0, right))]
    params["function.bias"] = jnp.asarray(knots, dtype)
    # heads start as kernels of several widths: -|w_q - w_i|^2 / 2 times 0, ..., 1
    width_H = jnp.linspace(0.0, 1.0, arch.num_heads, dtype=dtype)
    query = jnp.zeros((arch.num_heads, arch.functions + 4), dtype).at[:, -2].set(width_H)
    params["layer.row_query_bias"] = jnp.tile(query.reshape(1, -1), (arch.num_layers, 1))
    params["layer.relevance_bias"] = jnp.full_like(params["layer.relevance_bias"], 0.5)
    parts = np.linspace(-0.5, 0.5, arch.parts)
    bias = [np.zeros(arch.parts), parts, np.full(arch.parts, -0.1), np.array([-2.0, 0.0, 0.0])]
    params["readout.bias"] = jnp.asarray(np.concatenate(bias), dtype)
    return params


def prior_of(params: Params, name: str, tables_B: Bool[Array, " B"]) -> Prior:
    """The prior of each group's mean and covariance that a network has learned.

    Args:
        params: the network's weights.
        name: of the two times three logarithms among them.
        tables_B: which groups have categories; theirs is the second.
    """
    log_numbers = jnp.where(tables_B[:, None], params[name][1:], params[name][:1])
    return Prior(*jnp.unstack(jnp.exp(log_numbers), axis=1))


def linear(
    params: Params, name: str, x: Float[Array, "*s F"], bias: str | None = None
) -> Float[Array, "*s G"]:
    """A linear map, with its bias if it has one.

    Args:
        params: the network's weights.
        name: of the matrix.
        x: what it is applied to.
        bias: name of the bias.
    """
    out = x @ params[name]
    if bias is None:
        return out
    return out + params[bias].reshape((1,) * (out.ndim - 1) + (-1,))


def functions(params: Params, x: Float[Array, "*s"]) -> Float[Array, "*s A"]:
    """Piecewise linear functions of numbers, flat beyond six units.

    Args:
        params: the network's weights.
        x: numbers, in units of their feature.
    """
    shape = (1,) * x.ndim + (-1,)
    slope, bias = params["function.slope"].reshape(shape), params["function.bias"].reshape(shape)
    return jnp.maximum(slope * jnp.clip(x, -_FARTHEST, _FARTHEST)[..., None] + bias, 0.0)
