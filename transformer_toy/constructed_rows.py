"""Theorem T5 written down: a network that writes rows of correlated features, feature by feature.

Statement: in the architecture that is trained, with weights by hand, for a Gaussian group of
unknown mean and covariance. Its query names a feature and holds those before it; its outputs are
the Student law of that feature (`theory.in_context.regression`). Squared-ReLU units multiply
exactly, attention with constant logits averages x and x x' over the seeds, and under a proper prior
everything but the inverse of the earlier features' covariance is exact; each further layer squares
what that misses. Under the flat prior 1/df is iterated beside it, and of p earlier features
((d - p)/n)^(2^L) of it is missed.
Width grows like d^2, hidden units like d^3, layers by one an iteration.
"""

from __future__ import annotations

import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.theory.in_context.regression import NormalInverseWishart
from synthetic_oversampling.transformer_toy import heads, model, tasks
from synthetic_oversampling.transformer_toy.checkpoint import Model
from synthetic_oversampling.transformer_toy.constructed import FAR

__all__ = ["condition_of_rows", "feature_laws", "log_density_of_rows", "regression", "sample_rows"]

_SHARPEST, _NODES = 18, 41  # rates 2^-22 to 2^18: 1/trace to 1e-5 from a trace of 1e-4 to 1e4
_BEFORE, _AFTER = 3, 4  # layers before the iterations and after them


class _Layer:
    """The hidden units of one layer, as products of two linear forms of the state.

    a b = ((a + b)^2 - (a - b)^2)/4, and a square is two squared ReLUs.
    """

    def __init__(self) -> None:
        self.products: list[tuple[dict, dict, dict]] = []

    def add(self, left: dict, right: dict, into: dict) -> None:
        """Add left times right, each {slot: weight}, to the slots of ``into`` at its weights."""
        self.products.append((left, right, into))

    def write(self, weights: dict[str, np.ndarray], name: str) -> None:
        unit = 0
        for left, right, into in self.products:
            for sign, side in itertools.product((1.0, -1.0), (1.0, -1.0)):
                for slot, value in left.items():
                    weights[name + ".hidden_in"][slot, unit] += side * value
                for slot, value in right.items():
                    weights[name + ".hidden_in"][slot, unit] += side * sign * value
                for slot, value in into.items():
                    weights[name + ".hidden_out"][unit, slot] += sign * value / 4.0
                unit += 1


class _Slots:
    """Positions in the width, by name and indices; symmetric matrices keep one half."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.place: dict[tuple, int] = {}
        for name in ("const", "seed", "null", "node", "rate", "height"):  # what a token is
            self._enter(name)
        for name in ("total", "inverse", "missed", "start", "variance", "distance", "numerator"):
            self._enter(name)
        for name in ("loc", "var_scale"):
            self._enter(name)
        for name in ("x", "mean", "asked", "offset", "cross", "scaled", "slope"):
            for index in range(dim):
                self._enter(name, index)
        for name in ("square", "cov", "block", "solved", "left"):
            for one, two in itertools.combinations_with_replacement(range(dim), 2):
                self._enter(name, one, two)

    def _enter(self, *name) -> None:
        self.place[name] = len(self.place)

    def __call__(self, name: str, *index: int) -> int:
        return self.place[(name, *sorted(index))]

    def later(self, index: int) -> dict[int, float]:
        """The form that is 1 if the asked feature comes after a feature, otherwise 0."""
        return {self("asked", asked): 1.0 for asked in range(index + 1, self.dim)}


def regression(
    prior: NormalInverseWishart, iterations: int, *, dtype: DTypeLike = jnp.float64
) -> Model:
    """T5: the network that regresses each feature on those before it, in context.

    Statement (exact but for the inverse): layer 1 averages over the prior token and the seeds,
    reads 1/(its mass) and the mass itself, and forms the covariance; layer 2 keeps the block before
    the asked feature; layer 3 writes 1/trace as a sum of exponentials, which attention over
    ``_NODES`` memory tokens is; each of the next ``iterations`` layers updates X and its residual
    R; four layers form location and scale. Numbers are right where the eigenvalues of the row's
    scale are about 1e-2 to 1e5 in float64, 1e-2 to 1e2 in float32: beyond, the products lose their
    digits. Squared scales below `heads.VAR_FLOOR` and degrees of freedom below `heads.DF_FLOOR`
    are not written.

    Args:
        prior: of mean and covariance, proper or `regression.flat_prior`.
        iterations: L, from 0.
        dtype: of the weights; float32 leaves errors of about 1e-4 in a log density at scale 1.

    Returns:
        The network; its task draws nothing.

    Raises:
        ValueError: for a prior or a number of iterations that does not fit.

    Example:
        >>> from synthetic_oversampling.theory.in_context.regression import flat_prior
        >>> regression(flat_prior(3), 4).arch.num_layers
        11
    """
    if not (isinstance(iterations, int) and iterations >= 0):
        raise ValueError(f"iterations: got {iterations!r}, expected a whole number from 0.")
    dim, weight = len(prior.mean), float(prior.mean_weight)
    if weight <= 0.0 and np.any(np.asarray(prior.scale)):
        raise ValueError(
            f"prior.mean_weight: got {weight:g} with a scale that is not 0, expected above 0. Give "
            "the prior mean a weight, or use a flat prior."
        )
    slot = _Slots(dim)
    layers = [_Layer() for _ in range(_BEFORE + iterations + _AFTER)]
    masses = [float(prior.df) - dim + 1.0 + known for known in range(dim)]  # df less n, by feature
    _before_the_inverse(slot, layers, masses)
    for layer in layers[_BEFORE : _BEFORE + iterations]:
        _iterate(slot, layer)
    _after_the_inverse(slot, layers[_BEFORE + iterations :])
    hidden_embed = 2 * dim + 4 * math.comb(dim, 2)
    arch = model.Architecture(
        dim_token=dim,
        dim_condition=2 * dim,
        dim_out=3,
        width=len(slot.place),
        num_layers=len(layers),
        num_heads=3,
        dim_head=dim + math.comb(dim + 1, 2) + 1,
        num_memory=1 + _NODES,
        hidden_embed=hidden_embed,
        hidden=4 * max(len(layer.products) for layer in layers),
    )
    weights = {name: np.zeros(shape) for name, shape in model.shapes(arch).items()}
    _embed(slot, weights, prior)
    _attend(slot, weights, weight, masses)
    for index, layer in enumerate(layers):
        layer.write(weights, f"layer{index}")
    weights["query"][slot("const")] = 1.0
    for index in range(dim):
        weights["condition"][index, slot("offset", index)] = 1.0
        weights["condition"][dim + index, slot("asked", index)] = 1.0
        for earlier in range(index):
            weights["condition"][dim + index, slot("left", earlier, earlier)] = 1.0
        weights["readout.linear"][slot("asked", index), 2] = masses[index] - weight
    weights["readout.linear"][slot("loc"), 0] = 1.0
    weights["readout.linear"][slot("var_scale"), 1] = 1.0
    weights["readout.linear"][slot("total"), 2] = 1.0
    task = tasks.Task(
        spec={"name": "rows", "dim": dim, "iterations": iterations},
        head="student",
        dim=1,
        components=0,
        dim_token=dim,
        dim_condition=2 * dim,
    )
    params = jax.device_put({name: np.asarray(value, dtype) for name, value in weights.items()})
    return Model(task, arch, params, {"made": "by hand"})


def _embed(slot: _Slots, weights: dict[str, np.ndarray], prior: NormalInverseWishart) -> None:
    """Seeds carry x and x x'; the prior token their prior means; the nodes only that they are."""
    dim, unit = slot.dim, 0
    weights["embed.bias"][slot("seed")] = 1.0
    for index in range(dim):
        weights["embed.linear"][index, slot("x", index)] = 1.0
    for one, two in itertools.combinations_with_replacement(range(dim), 2):
        for sign in (1.0, -1.0) if one != two else (1.0,):
            for side in (1.0, -1.0):
                weights["embed.hidden_in"][one, unit] += side
                weights["embed.hidden_in"][two, unit] += side * sign if one != two else 0.0
                weights["embed.hidden_out"][unit, slot("square", one, two)] = (
                    sign / 4.0 if one != two else 1.0
                )
                unit += 1
    mean, weight = np.asarray(prior.mean), float(prior.mean_weight)
    null = weights["memory"][0]
    null[slot("null")] = 1.0
    for index in range(dim):
        null[slot("x", index)] = mean[index]
    second = np.outer(mean, mean) + (np.asarray(prior.scale) / weight if weight > 0.0 else 0.0)
    for one, two in itertools.combinations_with_replacement(range(dim), 2):
        null[slot("square", one, two)] = second[one, two]
    rates = 2.0 ** (_SHARPEST - np.arange(_NODES))
    weights["memory"][1:, slot("node")] = 1.0
    weights["memory"][1:, slot("rate")] = rates
    weights["memory"][1:, slot("height")] = math.log(2.0) * rates
    weights["memory"][-1, slot("height")] *= 2.0  # for all rates below


def _attend(
    slot: _Slots, weights: dict[str, np.ndarray], prior_weight: float, masses: list[float]
) -> None:
    """Averages, 1/mass and mass in the first layer; 1/trace by exponentials in the third."""
    dim, const, null = slot.dim, slot("const"), slot("null")
    matrix = {
        part: [weights[f"layer{layer}.{part}"] for layer in range(_BEFORE)]
        for part in ("query", "key", "value", "out", "mass_exponent")
    }
    for head in range(3):  # nodes are far below; heads 0 and 2 weigh the prior as it is
        matrix["query"][0][head, const, 0] = 1.0
        matrix["key"][0][head, slot("node"), 0] = -FAR
        if head != 1:
            logit = math.log(prior_weight) if prior_weight > 0.0 else -FAR
            matrix["key"][0][head, null, 0] = logit
    pairs = list(itertools.combinations_with_replacement(range(dim), 2))
    for channel, index in enumerate(range(dim)):
        matrix["value"][0][0, slot("x", index), channel] = 1.0
        matrix["out"][0][0, channel, slot("mean", index)] = 1.0
    for channel, pair in enumerate(pairs, start=dim):
        matrix["value"][0][0, slot("square", *pair), channel] = 1.0
        matrix["out"][0][0, channel, slot("cov", *pair)] = 1.0
    matrix["key"][0][1, null, 1] = 1.0
    for index, mass in enumerate(masses):
        matrix["query"][0][1, slot("asked", index), 1] = math.log(mass) if mass > 0.0 else -FAR
    for head, exponent, target in ((1, -1.0, "inverse"), (2, 1.0, "total")):
        matrix["mass_exponent"][0][head] = exponent
        for token in ("seed", "null"):
            matrix["value"][0][head, slot(token), 0] = 1.0
        matrix["out"][0][head, 0, slot(target)] = 1.0
    matrix["mass_exponent"][2][0] = 1.0
    matrix["query"][2][0, const, 0] = 1.0
    for token in ("seed", "null"):
        matrix["key"][2][0, slot(token), 0] = -FAR
    for index in range(dim):
        matrix["query"][2][0, slot("block", index, index), 1] = -1.0
    matrix["key"][2][0, slot("rate"), 1] = 1.0
    matrix["value"][2][0, slot("height"), 0] = 1.0
    matrix["out"][2][0, 0, slot("start")] = 1.0
    for index in range(dim):
        matrix["out"][2][0, 0, slot("solved", index, index)] = 1.0


def _before_the_inverse(slot: _Slots, layers: list[_Layer], masses: list[float]) -> None:
    """Covariance and offsets; the block, the column and the entry that the asked feature needs."""
    dim = slot.dim
    pairs = list(itertools.combinations_with_replacement(range(dim), 2))
    for one, two in pairs:
        left, right = {slot("mean", one): 1.0}, {slot("mean", two): 1.0}
        layers[0].add(left, right, {slot("cov", one, two): -1.0})
    for index in range(dim - 1):
        mean, offset = {slot("mean", index): 1.0}, {slot("offset", index): -1.0}
        layers[0].add(mean, slot.later(index), offset)
    beyond = {slot("asked", i): -mass for i, mass in enumerate(masses) if mass <= 0.0}
    layers[0].add({slot("inverse"): 1.0}, beyond, {slot("missed"): 1.0})
    for index in range(dim):
        asked = {slot("asked", index): 1.0}
        layers[1].add({slot("mean", index): 1.0}, asked, {slot("loc"): 1.0})
        layers[1].add({slot("cov", index, index): 1.0}, asked, {slot("variance"): 1.0})
    for one, two in pairs:
        cov = {slot("cov", one, two): 1.0}
        if one != two:
            layers[1].add(cov, {slot("asked", two): 1.0}, {slot("cross", one): 1.0})
        if two < dim - 1:
            layers[1].add(cov, slot.later(two), {slot("block", one, two): 1.0})
            start, block = {slot("start"): 1.0}, {slot("block", one, two): 1.0}
            layers[2].add(start, block, {slot("left", one, two): -1.0})


def _iterate(slot: _Slots, layer: _Layer) -> None:
    """X <- X + X R and R <- R R, for the block and for 1/df."""
    size, const = slot.dim - 1, {slot("const"): 1.0}
    for one, two in itertools.combinations_with_replacement(range(size), 2):
        left = slot("left", one, two)
        layer.add({left: 1.0}, const, {left: -1.0})
        for middle in range(size):
            right = {slot("left", middle, two): 1.0}
            layer.add({slot("left", one, middle): 1.0}, right, {left: 1.0})
            solved = {slot("solved", one, middle): 1.0}
            layer.add(solved, right, {slot("solved", one, two): 1.0})
    missed = {slot("missed"): 1.0}
    layer.add({slot("inverse"): 1.0}, missed, {slot("inverse"): 1.0})
    layer.add(missed, {slot("missed"): 1.0, slot("const"): -1.0}, missed)


def _after_the_inverse(slot: _Slots, layers: list[_Layer]) -> None:
    """Location and squared scale of the asked feature."""
    solve, combine, widen, divide = layers
    for one in range(slot.dim - 1):
        for two in range(slot.dim - 1):
            solved = {slot("solved", one, two): 1.0}
            solve.add(solved, {slot("offset", two): 1.0}, {slot("scaled", one): 1.0})
            solve.add(solved, {slot("cross", two): 1.0}, {slot("slope", one): 1.0})
        scaled, cross = {slot("scaled", one): 1.0}, {slot("cross", one): 1.0}
        combine.add(scaled, cross, {slot("loc"): 1.0})
        combine.add(scaled, {slot("offset", one): 1.0}, {slot("distance"): 1.0})
        combine.add({slot("slope", one): 1.0}, cross, {slot("variance"): -1.0})
    around = {slot("total"): 1.0, slot("const"): 1.0, slot("distance"): 1.0}
    widen.add(around, {slot("variance"): 1.0}, {slot("numerator"): 1.0})
    divide.add({slot("numerator"): 1.0}, {slot("inverse"): 1.0}, {slot("var_scale"): 1.0})


def condition_of_rows(x_SxD: Float[Array, "S D"]) -> Float[Array, "S*D 2*D"]:
    """One query for each feature of each row: the features before it, and which one it is.

    Args:
        x_SxD: rows.

    Returns:
        Queries, the features of a row one after the other.

    Example:
        >>> import jax.numpy as jnp
        >>> print(condition_of_rows(jnp.array([[5.0, 7.0]])))
        [[0. 0. 1. 0.]
         [5. 0. 0. 1.]]
    """
    rows, dim = x_SxD.shape
    before = jnp.tril(jnp.ones((dim, dim), x_SxD.dtype), -1)
    seen_SxDxD = x_SxD[:, None, :] * before[None]
    asked_SxDxD = jnp.broadcast_to(jnp.eye(dim, dtype=x_SxD.dtype)[None], (rows, dim, dim))
    return jnp.concatenate([seen_SxDxD, asked_SxDxD], axis=-1).reshape(rows * dim, 2 * dim)


def _answers(params: model.Params, seeds_NxD: Array, count_P: Array, asked: Array) -> heads.Student:
    raw_1xPxRxO = model.apply(params, seeds_NxD[None], count_P[None], asked)
    return heads.interpret("student", raw_1xPxRxO.reshape(-1, 1, 1, 3), 1, 0)


@partial(as_one_program, level=None)
def _laws(params: model.Params, seeds_NxD: Array, count_P: Array, x_SxD: Array) -> heads.Student:
    law = _answers(params, seeds_NxD, count_P, condition_of_rows(x_SxD))
    shape = (len(count_P), *x_SxD.shape)
    return heads.Student(*(part.reshape(shape) for part in law))


def feature_laws(
    network: Model,
    seeds_NxD: Float[Array, "N D"],
    count_P: Int[Array, " P"],
    x_SxD: Float[Array, "S D"],
) -> heads.Student:
    """The law of each feature of each row given those before it, after prefixes of the seeds.

    Args:
        network: of `regression`.
        seeds_NxD: a group's seeds.
        count_P: how many of them, P times.
        x_SxD: rows.

    Returns:
        A `heads.Student` with fields of shape (P, S, D); ``loc`` without a last axis of 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from synthetic_oversampling.theory.in_context.regression import flat_prior
        >>> seeds = jnp.array([[1.0], [3.0], [5.0]])
        >>> net = regression(flat_prior(1), 6)
        >>> law = feature_laws(net, seeds, jnp.array([3], jnp.int32), jnp.zeros((1, 1)))
        >>> print(law.df.round(6), law.loc.round(6), law.var_scale.round(4))
        [[[2.]]] [[[3.]]] [[[5.3333]]]
    """
    return _laws(network.params, seeds_NxD, count_P, x_SxD)


@partial(as_one_program, level=None)
def _log_density(params: model.Params, seeds_NxD: Array, count_P: Array, x_SxD: Array) -> Array:
    law = _laws(params, seeds_NxD, count_P, x_SxD)
    unit = heads.Student(law.df, law.loc[..., None], law.var_scale)
    x = jnp.broadcast_to(x_SxD[None], law.df.shape)
    return heads.log_density(unit, x[..., None, None])[..., 0].sum(axis=-1)


def log_density_of_rows(
    network: Model,
    seeds_NxD: Float[Array, "N D"],
    count_P: Int[Array, " P"],
    x_SxD: Float[Array, "S D"],
) -> Float[Array, "P S"]:
    """Log density of rows, nats per unit volume, after prefixes of the seeds.

    Args:
        network, seeds_NxD, count_P, x_SxD: as for `feature_laws`.

    Example:
        >>> import jax.numpy as jnp
        >>> from synthetic_oversampling.theory.in_context.regression import flat_prior
        >>> seeds, net = jnp.array([[1.0], [3.0], [5.0]]), regression(flat_prior(1), 6)
        >>> at = log_density_of_rows(net, seeds, jnp.array([3], jnp.int32), jnp.array([[3.0]]))
        >>> print(at.round(4))
        [[-1.8767]]
    """
    return _log_density(network.params, seeds_NxD, count_P, x_SxD)


@partial(as_one_program, level=None)
def _with_feature(
    params: model.Params, seeds_NxD: Array, x_SxD: Array, index: int | Array, key: Key[Array, ""]
) -> Array:
    """Rows with one more feature, whose law alone is asked."""
    asked_SxDxC = condition_of_rows(x_SxD).reshape(*x_SxD.shape, -1)
    count = jnp.asarray([len(seeds_NxD)], jnp.int32)
    law = _answers(params, seeds_NxD, count, jnp.take(asked_SxDxC, index, axis=1))
    drawn = heads.sample(law, 1, key=key)
    return x_SxD.at[:, index].set(drawn.reshape(len(x_SxD)))


def sample_rows(
    network: Model, seeds_NxD: Float[Array, "N D"], num_rows: int, *, key: Key[Array, ""]
) -> Float[Array, "S D"]:
    """Rows of a group, written one feature after the other.

    Args:
        network: of `regression`.
        seeds_NxD: all of the group's seeds.
        num_rows: S.
        key: a typed key.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from synthetic_oversampling.theory.in_context.regression import flat_prior
        >>> seeds, net = jnp.array([[1.0], [3.0], [5.0]]), regression(flat_prior(1), 6)
        >>> sample_rows(net, seeds, 4, key=jax.random.key(0)).shape
        (4, 1)
    """
    dim = seeds_NxD.shape[1]
    rows = jnp.zeros((num_rows, dim), seeds_NxD.dtype)
    for index, feature_key in enumerate(jax.random.split(key, dim)):
        rows = _with_feature(network.params, seeds_NxD, rows, index, feature_key)
    return rows
