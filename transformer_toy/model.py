"""A small permutation-invariant transformer that reads a group's seeds and writes the next law.

A learned query attends, layer after layer, to the embedded seeds and to learned memory tokens, the
first of which is the null (prior) token. There are no positions: the seeds are a set. A prefix
mask lets one pass answer for many numbers of seeds. There is no layer normalisation, and values are
linear in the embedded seeds, so that sufficient statistics pass through unchanged.

Letters in names are axes: B groups, P prefixes, R queries (conditions), N seeds, D token entries,
C condition entries, M width, H heads, A entries a head, K memory tokens, F hidden units, E features
of a seed (token, 1 and hidden units), L queries times heads, O outputs.
"""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, Key

from synthetic_oversampling.theory.wording import counted

__all__ = ["Architecture", "Params", "apply", "init", "num_parameters", "shapes", "zeros"]

Params = dict[str, Array]  # weights by name


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network; two networks of one architecture share one parameter tree.

    Args:
        dim_token: D, entries of a seed (its features, then its one-hot label if it has one).
        dim_condition: C, entries of what a query is conditioned on; 0 if nothing.
        dim_out: O, entries that the head interprets.
        width: M.
        num_layers: attention layers.
        num_heads: H.
        dim_head: A.
        num_memory: K, memory tokens including the null token.
        hidden_embed: hidden units of a seed's embedding.
        hidden: F, hidden units of the query's feed-forward step.

    Example:
        >>> Architecture(dim_token=2, dim_condition=0, dim_out=3).width
        32
    """

    dim_token: int
    dim_condition: int
    dim_out: int
    width: int = 32
    num_layers: int = 2
    num_heads: int = 2
    dim_head: int = 16
    num_memory: int = 1
    hidden_embed: int = 16
    hidden: int = 64

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 0 if name in ("dim_condition", "hidden_embed", "hidden") else 1
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"Architecture.{name}: got {value!r}, expected a whole number from {least}."
                )


def shapes(arch: Architecture) -> dict[str, tuple[int, ...]]:
    """The parameter tree of an architecture: names and shapes, in a fixed order.

    Args:
        arch: the sizes.

    Returns:
        A shape for every name.

    Example:
        >>> shapes(Architecture(2, 0, 3))["memory"]
        (1, 32)
    """
    width, heads, head = arch.width, arch.num_heads, arch.dim_head
    tree = {
        "embed.linear": (arch.dim_token, width),
        "embed.bias": (width,),
        "embed.hidden_in": (arch.dim_token, arch.hidden_embed),
        "embed.hidden_bias": (arch.hidden_embed,),
        "embed.hidden_out": (arch.hidden_embed, width),
        "memory": (arch.num_memory, width),
        "query": (width,),
        "condition": (arch.dim_condition, width),
    }
    for layer in range(arch.num_layers):
        tree |= {
            f"layer{layer}.query": (heads, width, head),
            f"layer{layer}.key": (heads, width, head),
            f"layer{layer}.value": (heads, width, head),
            f"layer{layer}.out": (heads, head, width),
            f"layer{layer}.mass_exponent": (heads,),
            f"layer{layer}.hidden_in": (width, arch.hidden),
            f"layer{layer}.hidden_bias": (arch.hidden,),
            f"layer{layer}.hidden_out": (arch.hidden, width),
        }
    return tree | {"readout.linear": (width, arch.dim_out), "readout.bias": (arch.dim_out,)}


def num_parameters(arch: Architecture) -> int:
    """How many numbers the parameter tree holds.

    Args:
        arch: the sizes.

    Returns:
        The count.

    Example:
        >>> num_parameters(Architecture(2, 0, 3))
        17335
    """
    return sum(map(math.prod, shapes(arch).values()))


def zeros(arch: Architecture, dtype: DTypeLike = jnp.float32) -> Params:
    """The parameter tree with every weight 0, for weights set by hand.

    Args:
        arch: the sizes.
        dtype: of the weights.

    Returns:
        The parameters.

    Example:
        >>> float(zeros(Architecture(2, 0, 3))["query"].sum())
        0.0
    """
    return {name: jnp.zeros(shape, dtype) for name, shape in shapes(arch).items()}


@partial(jax.jit, static_argnames=("arch", "dtype"))
def init(arch: Architecture, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32) -> Params:
    """Random parameters before training: variance 1/fan-in, biases and mass exponents 0.

    Args:
        arch: the sizes.
        key: a typed key.
        dtype: of the weights.

    Returns:
        The parameters.

    Example:
        >>> import jax
        >>> params = init(Architecture(2, 0, 3), key=jax.random.key(0))
        >>> params["readout.linear"].shape
        (32, 3)
    """
    params = {}
    for index, (name, shape) in enumerate(shapes(arch).items()):
        if name.endswith(("bias", "mass_exponent")):
            params[name] = jnp.zeros(shape, dtype)
            continue
        fan_in = shape[-2] if len(shape) > 1 else 1
        fan_in = {"memory": 4, "query": 4, "condition": 4}.get(name, fan_in)
        if name.endswith(".out"):
            fan_in = arch.num_heads * arch.dim_head
        scale = max(fan_in, 1) ** -0.5
        if name.endswith("hidden_out"):
            scale = 0.2 * scale
        draw = jax.random.normal(jax.random.fold_in(key, index), shape, dtype)
        params[name] = scale * draw
    return params


def _squared_relu(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """max(x, 0)^2: two of these add up to x^2, so quadratic statistics are exact."""
    positive = jnp.maximum(x, 0.0)
    return positive * positive


def _add_bias(x: Float[Array, "*s F"], bias: Float[Array, " F"]) -> Float[Array, "*s F"]:
    return x + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


def _features(params: Params, token_BxNxD: Float[Array, "B N D"]) -> Float[Array, "B E N"]:
    """What a seed's embedding is linear in: its token, a 1, and its hidden units."""
    token_BxDxN = jnp.swapaxes(token_BxNxD, 1, 2)
    token_BxDxN = jnp.concatenate([token_BxDxN, jnp.ones_like(token_BxDxN[:, :1])], axis=1)
    into_DxF = jnp.concatenate([params["embed.hidden_in"], params["embed.hidden_bias"][None, :]])
    hidden_BxFxN = _squared_relu(jnp.einsum("df,bdn->bfn", into_DxF, token_BxDxN))
    return jnp.concatenate([token_BxDxN, hidden_BxFxN], axis=1)


def _basis(params: Params) -> Float[Array, "Y M"]:
    """Embeddings of a seed's features, one by one, then the memory tokens."""
    names = ("embed.linear", "embed.bias", "embed.hidden_out", "memory")
    return jnp.concatenate([jnp.atleast_2d(params[name]) for name in names])


def _attend(
    params: Params,
    layer: str,
    state_BxQxM: Float[Array, "B Q M"],
    seed_BxExN: Float[Array, "B E N"],
    visible_BxLxN: Bool[Array, "B L N"],
) -> Float[Array, "B Q M"]:
    """One attention layer; embedding, keys and values are absorbed: no seed is ever projected.

    A head's output is its softmax average times (sum of exponentiated logits)^mass_exponent: an
    exponent of 0 is softmax attention, an exponent of 1 sums over the seeds. L is queries times
    heads.
    """
    basis_YxM = _basis(params)  # Y = E + K
    num_groups, num_queries, width = state_BxQxM.shape
    num_heads = params[layer + ".query"].shape[0]
    size, features = num_heads * len(basis_YxM), seed_BxExN.shape[1]
    lanes = (num_groups, num_queries * num_heads, len(basis_YxM))
    look_MxHxN = jnp.einsum("hma,hna->mhn", params[layer + ".query"], params[layer + ".key"])
    look_MxHxY = jnp.einsum("mhn,yn->mhy", look_MxHxN, basis_YxM)
    probe_BxLxY = (state_BxQxM @ look_MxHxY.reshape(width, size)).reshape(lanes)
    logit_BxLxN = jnp.where(visible_BxLxN, probe_BxLxY[..., :features] @ seed_BxExN, -jnp.inf)
    logit_BxLxK = probe_BxLxY[..., features:]
    top_BxL = jax.lax.stop_gradient(
        jnp.maximum(logit_BxLxN.max(axis=-1, initial=-jnp.inf), logit_BxLxK.max(axis=-1))
    )
    weight_BxLxN = jnp.exp(logit_BxLxN - top_BxL[..., None])
    weight_BxLxK = jnp.exp(logit_BxLxK - top_BxL[..., None])
    mass_BxL = weight_BxLxN.sum(axis=-1) + weight_BxLxK.sum(axis=-1)
    total_BxLxE = jnp.einsum("bln,ben->ble", weight_BxLxN, seed_BxExN)
    exponent_L = jnp.tile(params[layer + ".mass_exponent"], num_queries)[None, :]
    gain_BxL = jnp.power(mass_BxL, exponent_L - 1.0) * jnp.exp(exponent_L * top_BxL)
    mean_BxLxY = jnp.concatenate([total_BxLxE, weight_BxLxK], axis=-1) * gain_BxL[..., None]
    tell_HxMxN = jnp.einsum("hma,han->hmn", params[layer + ".value"], params[layer + ".out"])
    tell_HxYxN = jnp.einsum("ym,hmn->hyn", basis_YxM, tell_HxMxN)
    mean_BxQxHY = mean_BxLxY.reshape(num_groups, num_queries, size)
    return mean_BxQxHY @ tell_HxYxN.reshape(size, width)


@jax.jit
def apply(
    params: Params,
    token_BxNxD: Float[Array, "B N D"],
    count_BxP: Int[Array, "B P"],
    condition_RxC: Float[Array, "R C"],
) -> Float[Array, "B P R O"]:
    """What the network says after each prefix of the seeds, for each condition of the query.

    Statement: output [b, p, r] depends on the first count[b, p] seeds of group b as a set, and on
    condition r; on nothing else. Seeds beyond the largest count may hold anything, NaN included.

    Args:
        params: a parameter tree.
        token_BxNxD: the seeds, as tokens.
        count_BxP: prefix lengths, from 0 to N.
        condition_RxC: what each query is conditioned on; shape (1, 0) if nothing.

    Returns:
        Raw outputs, which a head turns into a law.

    Raises:
        ValueError: if the tokens have another size than the network was made for.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> params = zeros(Architecture(2, 0, 3))
        >>> seeds, counts = jnp.ones((5, 4, 2), jnp.float32), jnp.zeros((5, 1), jnp.int32)
        >>> jax.eval_shape(apply, params, seeds, counts, jnp.zeros((1, 0), jnp.float32)).shape
        (5, 1, 1, 3)
    """
    dim_token = params["embed.linear"].shape[0]
    if token_BxNxD.shape[-1] != dim_token:
        raise ValueError(
            f"token_BxNxD: got {counted(token_BxNxD.shape[-1], 'entry')} a seed, expected "
            f"{dim_token}. The network was made for another dimension; use one made for this, or "
            "choose the columns."
        )
    num_groups, length, _ = token_BxNxD.shape
    position_N = jnp.arange(length, dtype=count_BxP.dtype)
    used_BxN = position_N[None, :] < jnp.max(count_BxP, axis=1)[:, None]
    seed_BxExN = _features(params, jnp.where(used_BxN[..., None], token_BxNxD, 0.0))
    num_prefixes, num_queries = count_BxP.shape[1], condition_RxC.shape[0]
    num_heads = params["layer0.query"].shape[0]
    count_BxL = jnp.repeat(count_BxP, num_queries * num_heads, axis=1)
    visible_BxLxN = position_N[None, None, :] < count_BxL[..., None]
    query_RxM = params["query"][None, :] + condition_RxC @ params["condition"]
    state_BxQxM = jnp.broadcast_to(
        jnp.tile(query_RxM, (num_prefixes, 1))[None, :, :],
        (num_groups, num_prefixes * num_queries, query_RxM.shape[1]),
    )
    layer = 0
    while f"layer{layer}.query" in params:
        name = f"layer{layer}"
        state_BxQxM = state_BxQxM + _attend(params, name, state_BxQxM, seed_BxExN, visible_BxLxN)
        hidden_BxQxF = _squared_relu(
            _add_bias(state_BxQxM @ params[name + ".hidden_in"], params[name + ".hidden_bias"])
        )
        state_BxQxM = state_BxQxM + hidden_BxQxF @ params[name + ".hidden_out"]
        layer += 1
    out_BxQxO = _add_bias(state_BxQxM @ params["readout.linear"], params["readout.bias"])
    return out_BxQxO.reshape(num_groups, num_prefixes, num_queries, out_BxQxO.shape[-1])
