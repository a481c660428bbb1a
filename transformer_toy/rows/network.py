"""A permutation-invariant transformer that writes a row feature by feature, given a group's seeds.

1. A regression layer (``conjugate``): the seeds' conjugate law, with a learned prior, another one
   for groups with categories. Seeds and rows are read in its coordinates, in which each feature has
   its regression on the earlier ones subtracted; a Gaussian group needs nothing more.
2. Slots attend to the seeds (softmax over slots, a few rounds), each with a regression layer of its
   own on the seeds it holds: local laws, for groups that are not one Gaussian.
3. One token for each feature to be written attends, layer after layer, to the seeds (rows) and to
   the earlier features of its own row (features). Attention to seeds sees how near a seed is in the
   earlier features, weighted by learned relevances; attention to features sees how functions of
   each earlier feature go with functions of the new one over the seeds.
4. The law of the feature is a mixture of Student laws: ``parts`` about the regression, moved and
   scaled by the token, and one for each slot, weighted by how it explains the earlier features.

A category of L levels is a block of L - 1 features, each 1 at one level and -1 at the others (the
last level is -1 in all of them). Such a feature has the odds of its two values under that mixture,
times a factor of the token; after a 1 the rest of a block is -1. Categories stand first.

Every number that a feature's law depends on is of the seeds or of earlier features of its row, so
the product over features is a density. Features padded at the end change nothing, as long as they
do not lead from ``most_earlier + 1`` features or fewer to more: of more than that, attention sees a
selection, and slots are not used. The seeds are a set, up to ties: of seeds exactly as far apart
the first starts a slot (``writer.padded`` puts them in an order of their own).

Letters in names are axes: B groups, N seeds, Q rows, J features to be written, K earlier features,
D features, S slots, H heads, A functions of a number, E what is known of a seed, M width, P parts.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from synthetic_oversampling.transformer_toy.rows import conjugate
from synthetic_oversampling.transformer_toy.rows.architecture import (
    Architecture,
    Params,
    functions,
    linear,
)
from synthetic_oversampling.transformer_toy.rows.conjugate import Posterior
from synthetic_oversampling.transformer_toy.rows.context import Context, read

__all__ = ["FeatureLaw", "feature_law", "log_density"]

_BEYOND_CHANCE = 4.0


class FeatureLaw(NamedTuple):
    """Mixture of Student laws of features, in the coordinates of ``conjugate.whiten``.

    The last axis is parts and slots. Coordinates are times sqrt(df), which makes them about 1.

    Attributes:
        log_weight: of the parts; df: degrees of freedom.
        loc, log_scale: centres and logarithms of scales, in those coordinates.
        log_odds: of 1 against -1, for a feature that is part of a category; else it means nothing.
    """

    log_weight: Float[Array, "B Q J C"]
    df: Float[Array, "B Q J C"]
    loc: Float[Array, "B Q J C"]
    log_scale: Float[Array, "B Q J C"]
    log_odds: Float[Array, "B Q J"]

    def log_density(self, w_BxQxJ: Float[Array, "B Q J"]) -> Float[Array, "B Q J"]:
        """Of the mixture, in its coordinates.

        Args:
            w_BxQxJ: where.
        """
        unit = (w_BxQxJ[..., None] - self.loc) * jnp.exp(-self.log_scale)
        each = conjugate.log_student(unit, self.df) - self.log_scale
        return jax.scipy.special.logsumexp(self.log_weight + each, axis=-1)


def _slot_laws(slot: Posterior, w_BxQxD: Array, targets_J: Array) -> tuple[Array, ...]:
    """df, location, log scale of each slot's law of each feature, and its log evidence so far."""
    white = conjugate.whiten(slot, w_BxQxD[:, None])
    scale = conjugate.spread(slot, white)
    df = jnp.arange(white.shape[-1], dtype=white.dtype)[None, None, None, :]
    df = jnp.broadcast_to(df + slot.df[..., None, None], white.shape)
    log_scale = jnp.log(scale) + jnp.log(slot.diag)[:, :, None, :]
    dense = conjugate.log_student(white / scale, df) - log_scale
    evidence = conjugate.earlier_sum(dense) + jnp.log(slot.weight)[..., None, None]
    loc = w_BxQxD[:, None] - white * slot.diag[:, :, None, :]
    return tuple(
        jnp.moveaxis(value[..., targets_J], 1, 3) for value in (df, loc, log_scale, evidence)
    )


def _seen(
    arch: Architecture, pair: Array, earlier: Array, own: Array, inverse_B: Array, targets_J: Array
) -> Float[Array, "B K J"]:
    """Which earlier features attention sees: all, or those whose functions go most with the own.

    Of many, some go with it by chance; those are left out whose covariances are less than
    ``_BEYOND_CHANCE`` times what independent features would have on average.
    """
    num_groups, dim, num_targets = pair.shape[:3]
    place_K = jnp.arange(dim, dtype=targets_J.dtype)
    known = jnp.broadcast_to(
        (place_K[:, None] < targets_J[None, :])[None], (num_groups, dim, num_targets)
    )
    if dim <= arch.most_earlier + 1:
        return known.astype(pair.dtype)
    mean_BxKxA = earlier.sum(axis=1) * inverse_B[:, None, None]
    mean_BxJxA = own.sum(axis=2) * inverse_B[:, None, None]
    expected = mean_BxKxA[:, :, None, :, None] * mean_BxJxA[:, None, :, None, :]
    score = jnp.where(known, ((pair - expected) ** 2).sum(axis=(3, 4)), -1.0)
    least = -jnp.sort(-score, axis=1)[:, arch.most_earlier - 1 : arch.most_earlier]
    var_BxK = ((earlier**2).sum(axis=1) * inverse_B[:, None, None] - mean_BxKxA**2).sum(axis=2)
    var_BxJ = ((own**2).sum(axis=2) * inverse_B[:, None, None] - mean_BxJxA**2).sum(axis=2)
    chance = inverse_B[:, None, None] * var_BxK[:, :, None] * var_BxJ[:, None, :]
    seen = known & (score >= least) & (score > _BEYOND_CHANCE * chance)
    return seen.astype(pair.dtype)


def _attention(logit: Float[Array, "*s N"], null: Float[Array, "*s"]) -> tuple[Array, Array]:
    """Softmax over seeds or features and one null, and what the null gets."""
    top = jax.lax.stop_gradient(jnp.maximum(logit.max(axis=-1, initial=-jnp.inf), null))
    each, none = jnp.exp(logit - top[..., None]), jnp.exp(null - top)
    total = each.sum(axis=-1) + none
    return each / total[..., None], none / total


@partial(jax.jit, static_argnames="arch")
def feature_law(
    params: Params,
    arch: Architecture,
    context: Context,
    y_BxQxD: Float[Array, "B Q D"],
    targets_J: Int[Array, " J"],
    block_BxD: Int[Array, "B D"],
) -> FeatureLaw:
    """The law of some features of rows, each given the row's earlier features and the seeds.

    Args:
        params: the network.
        arch: its sizes.
        context: from ``read``.
        y_BxQxD: rows; features from the target on may hold anything finite.
        targets_J: which features, from 0.
        block_BxD: the category that each feature is part of, from 1; 0 for a number.

    Example:
        >>> from synthetic_oversampling.transformer_toy.rows.architecture import init
        >>> arch = Architecture()
        >>> params = init(arch, key=jax.random.key(0))
        >>> one = jnp.ones(2, jnp.int32)
        >>> numbers = jnp.zeros((2, 3), jnp.int32)
        >>> seeds, rows = jnp.ones((2, 4, 3), jnp.float32), jnp.zeros((2, 5, 3), jnp.float32)
        >>> context = read(params, arch, seeds, 4 * one, 3 * one, numbers)
        >>> feature_law(params, arch, context, rows, jnp.arange(3), numbers).loc.shape
        (2, 5, 3, 8)
    """
    dtype, heads = y_BxQxD.dtype, arch.num_heads
    group, count_B = context.group, context.used_BxN.sum(axis=1)
    white = conjugate.whiten(group, y_BxQxD)
    root_df = jnp.sqrt(group.df)[:, None, None]
    w_BxQxD, unit_BxQxJ = (
        white * root_df,
        (conjugate.spread(group, white) * root_df)[..., targets_J],
    )
    num_groups, num_rows, dim = w_BxQxD.shape
    num_targets, num_seeds = len(targets_J), context.white_BxNxD.shape[1]
    known_KxJ = jnp.arange(dim, dtype=targets_J.dtype)[:, None] < targets_J[None, :]
    df_BxJ = group.df[:, None] + targets_J.astype(dtype)[None, :]
    slot_df, slot_loc, slot_log_scale, evidence = _slot_laws(context.slot, w_BxQxD, targets_J)
    evidence = jax.nn.log_softmax(evidence, axis=-1)

    # seeds: functions of the feature, its unit, and the earlier features' square
    w_BxNxD, u_BxJxN = context.white_BxNxD, jnp.swapaxes(context.unit_BxNxD[..., targets_J], 1, 2)
    used_BxN = context.used_BxN
    of_seed = functions(params, u_BxJxN) * used_BxN[:, None, :, None]
    # how functions of each earlier feature go with functions of this one
    inverse_B = 1.0 / (1.0 + count_B)
    of_earlier = functions(params, w_BxNxD) * used_BxN[..., None, None]
    pair = jnp.einsum("bnka,bjnc->bkjac", of_earlier, of_seed)
    pair = pair * inverse_B[:, None, None, None, None]
    seen_BxKxJ = _seen(arch, pair, of_earlier, of_seed, inverse_B, targets_J)
    square_BxJxN = jnp.einsum("bnk,bkj->bjn", w_BxNxD**2, seen_BxKxJ)
    seed_BxJxNxE = jnp.concatenate([of_seed, u_BxJxN[..., None], square_BxJxN[..., None]], axis=-1)
    log_count = jnp.log1p(count_B)
    flat = pair.reshape(*pair.shape[:3], -1)
    level = jnp.broadcast_to(0.25 * log_count[:, None, None, None], (*flat.shape[:3], 1))
    pair_BxKxJxF = jnp.concatenate([flat, level], axis=-1)
    of_row = functions(params, w_BxQxD)
    through = jnp.einsum("bqka,bkjac->bqjkc", of_row, pair)
    row_BxQxJxKxA = jnp.broadcast_to(of_row[:, :, None], through.shape)
    average = jnp.broadcast_to(jnp.swapaxes(pair.mean(axis=3), 1, 2)[:, None], through.shape)
    feature_BxQxJxKxG = jnp.concatenate([through, row_BxQxJxKxA, average], axis=-1)

    distance_BxQxJ = jnp.einsum("bqk,bkj->bqj", w_BxQxD**2, seen_BxKxJ)
    is_table = (block_BxD > 0).any(axis=1).astype(dtype)
    of_group = [0.5 * log_count - 1.0, context.gain_B, is_table]
    of_group += jnp.unstack(context.share_BxS, axis=1)
    number_BxJ = seen_BxKxJ.sum(axis=1)
    block_BxJ = block_BxD[:, targets_J]
    of_target = [0.25 * number_BxJ - 1.0, 4.0 / df_BxJ, (block_BxJ > 0).astype(dtype)]
    stats = [jnp.broadcast_to(one[:, None, None], distance_BxQxJ.shape) for one in of_group]
    stats += [jnp.broadcast_to(one[:, None, :], distance_BxQxJ.shape) for one in of_target]
    stats += [jnp.log1p(distance_BxQxJ) - 1.0, (evidence * jnp.exp(evidence)).sum(axis=-1)]
    token = linear(params, "embed.linear", jnp.stack(stats, axis=-1), "embed.bias")

    def layer(token_BxQxJxM: Array, weights: Params) -> tuple[Array, None]:
        relevance = linear(weights, "relevance", pair_BxKxJxF, "relevance_bias")
        relevance = jax.nn.softplus(relevance) * seen_BxKxJ[..., None]
        # rows: -|w_q - w_i|^2 / 2 over the earlier features, each by its relevance
        scaled = jnp.einsum("bqk,bkjh->bjqhk", w_BxQxD, relevance)
        scaled = scaled.reshape(num_groups, num_targets * num_rows * heads, dim)
        inner = scaled @ jnp.swapaxes(w_BxNxD, 1, 2)
        inner = inner.reshape(num_groups, num_targets, num_rows, heads, num_seeds)
        norm = jnp.einsum("bnk,bkjh->bjhn", w_BxNxD**2, relevance)[:, :, None]
        query = linear(weights, "row_query", token_BxQxJxM, "row_query_bias")
        query = query.reshape(num_groups, num_rows, num_targets, heads, -1)
        query = jnp.moveaxis(query, 2, 1)
        lanes = (num_groups, num_targets, num_rows * heads, -1)
        logit = query[..., :-2].reshape(lanes) @ jnp.swapaxes(seed_BxJxNxE, 2, 3)
        logit = logit.reshape(inner.shape) + query[..., -2:-1] * (inner - 0.5 * norm)
        visible = used_BxN[:, None, None, None, :] > 0.0
        weight, null = _attention(jnp.where(visible, logit, -jnp.inf), query[..., -1])
        value = (weight.reshape(lanes) @ seed_BxJxNxE).reshape(*null.shape, -1)
        near = weight * inner  # a step of local regression
        slope = (near * u_BxJxN[:, :, None, None, :]).sum(axis=-1)
        extra = jnp.stack([slope, near.sum(axis=-1), null], axis=-1)
        value = jnp.moveaxis(jnp.concatenate([value, extra], axis=-1), 1, 2)
        value = value.reshape(num_groups, num_rows, num_targets, -1)
        token_BxQxJxM = token_BxQxJxM + linear(weights, "row_out", value)
        # features
        query = linear(weights, "feature_query", token_BxQxJxM, "feature_query_bias")
        logit = query[..., None] * jnp.transpose(relevance, (0, 2, 3, 1))[:, None]
        known = jnp.swapaxes(seen_BxKxJ, 1, 2)[:, None, :, None, :] > 0.0
        weight, _ = _attention(jnp.where(known, logit, -jnp.inf), jnp.zeros_like(query))
        value = weight @ feature_BxQxJxKxG
        value = value.reshape(num_groups, num_rows, num_targets, -1)
        token_BxQxJxM = token_BxQxJxM + linear(weights, "feature_out", value)
        hidden = jnp.maximum(linear(weights, "hidden_in", token_BxQxJxM, "hidden_bias"), 0.0)
        return token_BxQxJxM + linear(weights, "hidden_out", hidden * hidden), None

    layers = {
        name.removeprefix("layer."): value
        for name, value in params.items()
        if name.startswith("layer.")
    }
    token, _ = jax.lax.scan(layer, token, layers)
    out = linear(params, "readout.linear", token, "readout.bias")
    parts = arch.parts
    logit, loc, log_scale, gate, wider, odds = jnp.split(
        out, [parts, 2 * parts, 3 * parts, 3 * parts + 1, 3 * parts + 2], axis=-1
    )
    if dim > arch.most_earlier + 1:  # slots of so many features hold too few seeds each
        gate = jnp.full_like(gate, -jnp.inf)
    sharp = evidence * params["slot_sharpness"].reshape(1, 1, 1, 1)
    log_weight = [
        jax.nn.log_softmax(logit, axis=-1) + jax.nn.log_sigmoid(-gate),
        jax.nn.log_softmax(sharp, axis=-1) + jax.nn.log_sigmoid(gate),
    ]
    unit = unit_BxQxJ[..., None]
    own_df = jnp.broadcast_to(df_BxJ[:, None, :, None], loc.shape)
    own_log_scale = jnp.clip(log_scale, -5.0, 4.0) + jnp.log(unit)
    law = FeatureLaw(
        log_weight=jnp.concatenate(log_weight, axis=-1),
        df=jnp.concatenate([own_df, slot_df], axis=-1),
        loc=jnp.concatenate([loc * unit, slot_loc], axis=-1),
        log_scale=jnp.concatenate([own_log_scale, slot_log_scale + 0.3 * jnp.tanh(wider)], axis=-1),
        log_odds=odds[..., 0],
    )
    # w is linear in the feature's own number: where it is at 1 and at -1
    step = (root_df / group.diag[:, None, :])[..., targets_J]
    middle = w_BxQxD[..., targets_J] - step * y_BxQxD[..., targets_J]
    ratio = law.log_density(middle + step) - law.log_density(middle - step)
    same = (block_BxD[:, :, None] == block_BxJ[:, None, :]) & known_KxJ[None]
    taken = jnp.einsum("bqk,bkj->bqj", (y_BxQxD > 0.0).astype(dtype), same.astype(dtype)) > 0.0
    return law._replace(log_odds=jnp.where(taken, -jnp.inf, law.log_odds + ratio))


@partial(jax.jit, static_argnames="arch")
def log_density(
    params: Params,
    arch: Architecture,
    x_BxNxD: Float[Array, "B N D"],
    count_B: Int[Array, " B"],
    dims_B: Int[Array, " B"],
    y_BxQxD: Float[Array, "B Q D"],
    block_BxD: Int[Array, "B D"] | None = None,
) -> Float[Array, "B Q D"]:
    """Log density of each feature of rows given the earlier ones and the seeds, in nats.

    Args:
        params: the network.
        arch: its sizes.
        x_BxNxD: seeds.
        count_B: how many of them each group has.
        dims_B: how many features each group has; the others' numbers mean nothing.
        y_BxQxD: rows.
        block_BxD: which category each feature is part of, 0 for a number; all numbers if None.
            Of a category the probability is returned in place of a density.

    Example:
        >>> from synthetic_oversampling.transformer_toy.rows.architecture import init
        >>> arch = Architecture()
        >>> params = init(arch, key=jax.random.key(0))
        >>> one = jnp.ones(2, jnp.int32)
        >>> rows = jnp.ones((2, 4, 3), jnp.float32)
        >>> log_density(params, arch, rows, 4 * one, 3 * one, rows).shape
        (2, 4, 3)
    """
    dim = y_BxQxD.shape[2]
    block = jnp.zeros((len(x_BxNxD), dim), jnp.int32) if block_BxD is None else block_BxD
    context = read(params, arch, x_BxNxD, count_B, dims_B, block)
    law = feature_law(params, arch, context, y_BxQxD, jnp.arange(dim), block)
    root_df = jnp.sqrt(context.group.df)[:, None, None]
    white = conjugate.whiten(context.group, y_BxQxD) * root_df
    number = law.log_density(white) + jnp.log(root_df) - jnp.log(context.group.diag)[:, None, :]
    category = -jax.nn.softplus(jnp.where(y_BxQxD > 0.0, -law.log_odds, law.log_odds))
    return jnp.where(block[:, None, :] > 0, category, number)
