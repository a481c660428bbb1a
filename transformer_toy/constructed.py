"""Networks whose weights are written by hand, in the architecture that is trained.

Each returns a ``checkpoint.Model``, so everything that reads a trained network reads these. T1 and
T3 give the exact posterior predictive after every number of seeds, from 0; T2 inverts the token
family's mean map by L gradient layers. A width is divided into named slots, and every matrix moves
slots to slots.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from synthetic_oversampling.transformer_toy import heads, model, tasks
from synthetic_oversampling.transformer_toy.checkpoint import Model

__all__ = [
    "FAR",
    "PROB_SCALE",
    "dictionary",
    "flat_prior_location",
    "labelled",
    "location",
    "symbols",
    "tokens",
]

FAR = 1e4  # a logit this far below the others weighs exactly 0
PROB_SCALE = 1e3  # probabilities are read out times this, far above heads.WEIGHT_FLOOR


def _slots(**sizes: int) -> tuple[dict[str, slice], int]:
    """Consecutive slices of the width, by name, and their total size."""
    start, slots = 0, {}
    for name, size in sizes.items():
        slots[name] = slice(start, start + size)
        start += size
    return slots, start


def _blank(arch: model.Architecture) -> dict[str, np.ndarray]:
    return {name: np.zeros(shape) for name, shape in model.shapes(arch).items()}


def _finish(task: tasks.Task, arch: model.Architecture, weights: dict, dtype: DTypeLike) -> Model:
    params = jax.device_put({name: np.asarray(value, dtype) for name, value in weights.items()})
    return Model(task, arch, params, {"made": "by hand"})


def _fit(
    arch: model.Architecture | None, task: tasks.Task, width: int, dim_head: int, **sizes: int
) -> model.Architecture:
    """The given architecture if the construction fits in it, otherwise the smallest that does."""
    out = heads.dim_out(task.head, task.dim, task.components)
    least = {"width": width, "dim_head": dim_head, "num_layers": 1, "num_heads": 1}
    least |= {"num_memory": 1, "hidden_embed": 0, "hidden": 0} | sizes
    smallest = model.Architecture(task.dim_token, task.dim_condition, out, **least)
    if arch is None:
        return smallest
    for name, value in vars(smallest).items():
        exactly = name in ("dim_token", "dim_condition", "dim_out", "num_memory")
        got = getattr(arch, name)
        if got < value or (exactly and got != value):
            raise ValueError(
                f"arch.{name}: the construction needs {'' if exactly else 'at least '}{value}, got "
                f"{got}. Pass a larger architecture, or None for the smallest one."
            )
    return arch


def location(
    dim: int,
    var_within: float = 1.0,
    var_prior: float = 1.0,
    mean_prior: np.ndarray | None = None,
    *,
    arch: model.Architecture | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Model:
    """T1 (exact, every n from 0): one attention layer is the predictive of an unknown mean.

    Statement: seeds have logit 0 and value [x, 0]; the null token has logit log(var_within /
    var_prior) and value [mean_prior, 1]. The read-out is affine: the mean as it is, the variance
    var_within + var_prior times the null token's weight.

    Args:
        dim: d.
        var_within: variance per coordinate, at least ``heads.VAR_FLOOR``.
        var_prior: prior variance of the mean, per coordinate.
        mean_prior: prior mean, 0 if None.
        arch: a larger architecture to write the weights into; the smallest one if None.
        dtype: of the weights.

    Returns:
        The network.

    Raises:
        ValueError: if a variance is out of range or ``arch`` is too small.

    Example:
        >>> from synthetic_oversampling.transformer_toy import model
        >>> model.num_parameters(location(2).arch)
        84
    """
    if not var_within >= heads.VAR_FLOOR:
        raise ValueError(
            f"var_within: got {var_within}, expected at least {heads.VAR_FLOOR}, where the head is "
            "linear. Measure the features in smaller units."
        )
    task = tasks.unknown_mean(dim, var_within, var_prior)
    slots, width = _slots(x=dim, null=1, const=1)
    arch = _fit(arch, task, width, dim + 1)
    w = _blank(arch)
    x, null, const = slots["x"], slots["null"], slots["const"]
    w["embed.linear"][:, x] = np.eye(dim)
    w["memory"][0, x] = 0.0 if mean_prior is None else mean_prior
    w["memory"][0, null] = 1.0
    w["query"][const] = 1.0
    w["layer0.query"][0, const, 0] = np.log(var_within / var_prior)
    w["layer0.key"][0, null, 0] = 1.0
    w["layer0.value"][0, x, :dim] = np.eye(dim)
    w["layer0.value"][0, null, dim] = 1.0
    w["layer0.out"][0, :dim, x] = np.eye(dim)
    w["layer0.out"][0, dim, null] = 1.0
    w["readout.linear"][x, :dim] = np.eye(dim)
    w["readout.linear"][null, dim] = var_prior
    w["readout.bias"][dim] = var_within
    return _finish(task, arch, w, dtype)


def flat_prior_location(
    dim: int, var_within: float = 1.0, *, dtype: DTypeLike = jnp.float32
) -> Model:
    """T1's flat-prior limit: N(xbar, var_within (1 + 1/n) I), the minimax rule, for n from 1.

    Statement: ``location`` with a prior variance e^60 times the variance within. Without seeds its
    law is as wide as that prior.

    Args and Raises as ``location``.

    Args:
        dim: features.
        var_within: variance of a feature within a group.
        dtype: of the weights.

    Returns:
        The network.

    Example:
        >>> flat_prior_location(2).task.dim
        2
    """
    return location(dim, var_within, var_within * float(np.exp(60.0)), dtype=dtype)


def dictionary(task: tasks.Task, *, dtype: DTypeLike = jnp.float32) -> Model:
    """T3 (exact, every n from 0): attention that sums log-likelihoods is the posterior's logits.

    Statement: the embedding's squared-ReLU units, in pairs, give each law's quadratic form at the
    seed, so a seed's token is the vector of its log-likelihoods; the null token is the log prior;
    a head of mass exponent 1 adds them up, and the head's softmax over the dictionary is Bayes'
    rule.

    Args:
        task: a ``tasks.dictionary`` with its matched head.
        dtype: of the weights.

    Returns:
        The network.

    Raises:
        ValueError: if the task has no list of laws.

    Example:
        >>> from synthetic_oversampling.transformer_toy import tasks
        >>> dictionary(tasks.dictionary(laws=3)).arch.width
        3
    """
    if task.dictionary is None:
        raise ValueError(
            "task: got one without laws, expected a dictionary task with its matched head."
        )
    mean, root = np.asarray(task.dictionary.mean), np.asarray(task.dictionary.root)
    laws, dim = mean.shape
    arch = _fit(None, task, laws, laws, hidden_embed=2 * laws * dim)
    w = _blank(arch)
    form = root.transpose(1, 0, 2).reshape(dim, laws * dim)
    centre = np.einsum("td,tde->te", mean, root).reshape(laws * dim)
    w["embed.hidden_in"][:] = np.concatenate([form, -form], axis=1)
    w["embed.hidden_bias"][:] = np.concatenate([-centre, centre])
    repeated = np.repeat(np.eye(laws), dim, axis=0)
    w["embed.hidden_out"][:] = -0.5 * np.concatenate([repeated, repeated])
    w["embed.bias"][:] = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=-1)
    w["memory"][0] = np.asarray(task.dictionary.log_weight)
    w["layer0.value"][0] = np.eye(laws)
    w["layer0.out"][0] = np.eye(laws)
    w["layer0.mass_exponent"][0] = 1.0
    w["readout.linear"][:] = np.eye(laws)
    return _finish(task, arch, w, dtype)


def symbols(size: int, concentration: float = 1.0, *, dtype: DTypeLike = jnp.float32) -> Model:
    """T3 (exact, every n from 0): Dirichlet-multinomial counts by one null token.

    Statement: seeds have logit 0 and a one-hot value; the null token has logit
    log(size concentration) and the uniform value.

    Args:
        size: how many symbols.
        concentration: of the Dirichlet prior, for every symbol.
        dtype: of the weights.

    Returns:
        The network.

    Raises:
        ValueError: if a size or the concentration is not above 0.

    Example:
        >>> symbols(3).task.components
        3
    """
    task = tasks.symbols(size, concentration)
    slots, width = _slots(symbol=size, null=1, const=1)
    arch = _fit(None, task, width, size)
    w = _blank(arch)
    symbol, null, const = slots["symbol"], slots["null"], slots["const"]
    w["embed.linear"][:, symbol] = np.eye(size)
    w["memory"][0, symbol] = 1.0 / size
    w["memory"][0, null] = 1.0
    w["query"][const] = 1.0
    w["layer0.query"][0, const, 0] = np.log(size * concentration)
    w["layer0.key"][0, null, 0] = 1.0
    w["layer0.value"][0, symbol, :] = np.eye(size)
    w["layer0.out"][0, :, symbol] = np.eye(size)
    w["readout.linear"][symbol, :] = PROB_SCALE * np.eye(size)
    return _finish(task, arch, w, dtype)


def labelled(task: tasks.Task, *, dtype: DTypeLike = jnp.float32) -> Model:
    """T1 and T3 together (exact, every n from 0): the label's frequencies, then x given the label.

    Statement: head 0 counts labels as ``symbols`` does. Head 1 averages features as ``location``
    does, over the seeds of the label that the query is conditioned on: the others' logits are
    ``FAR`` below.

    Args:
        task: a ``tasks.labelled``.
        dtype: of the weights.

    Returns:
        The network.

    Raises:
        ValueError: if the task is of another family.

    Example:
        >>> from synthetic_oversampling.transformer_toy import tasks
        >>> labelled(tasks.labelled(labels=3)).arch.num_heads
        2
    """
    if task.spec["name"] != "labelled":
        raise ValueError(f"task: got {task.spec['name']!r}, expected a labelled task.")
    dim, labels, spec = task.dim, task.components, task.spec
    slots, width = _slots(
        x=dim,
        label=labels,
        prior=labels,
        null=1,
        seed=1,
        const=1,
        asked=labels,
        prob=labels,
        mean=dim,
        weight=1,
    )
    arch = _fit(None, task, width, max(labels, dim) + 1, num_heads=2)
    w = _blank(arch)
    x, label, prior, asked = (slots[name] for name in ("x", "label", "prior", "asked"))
    null, seed, const = (slots[name] for name in ("null", "seed", "const"))
    prob, mean, weight = (slots[name] for name in ("prob", "mean", "weight"))
    w["embed.linear"][:dim, x] = np.eye(dim)
    w["embed.linear"][dim:, label] = np.eye(labels)
    w["embed.bias"][seed] = 1.0
    w["memory"][0, prior] = 1.0 / labels
    w["memory"][0, null] = 1.0
    w["query"][const] = 1.0
    w["condition"][:, asked] = np.eye(labels)
    w["layer0.query"][0, const, 0] = np.log(labels * spec["concentration"])
    w["layer0.key"][0, null, 0] = 1.0
    w["layer0.value"][0, label, :labels] = np.eye(labels)
    w["layer0.value"][0, prior, :labels] = np.eye(labels)
    w["layer0.out"][0, :labels, prob] = np.eye(labels)
    w["layer0.query"][1, asked, :labels] = FAR * np.eye(labels)
    w["layer0.query"][1, const, labels] = 1.0
    w["layer0.key"][1, label, :labels] = np.eye(labels)
    w["layer0.key"][1, seed, labels] = -FAR
    w["layer0.key"][1, null, labels] = np.log(spec["var_within"] / spec["var_prior"])
    w["layer0.value"][1, x, :dim] = np.eye(dim)
    w["layer0.value"][1, null, dim] = 1.0
    w["layer0.out"][1, :dim, mean] = np.eye(dim)
    w["layer0.out"][1, dim, weight] = 1.0
    w["readout.linear"][prob, :labels] = PROB_SCALE * np.eye(labels)
    w["readout.linear"][mean, labels : labels + dim] = np.eye(dim)
    w["readout.linear"][weight, labels + dim] = spec["var_prior"]
    w["readout.bias"][labels + dim] = spec["var_within"]
    return _finish(task, arch, w, dtype)


def tokens(
    embeddings: Float[Array, "v d"],
    preconditioner: Float[Array, "d d"],
    num_layers: int,
    *,
    dtype: DTypeLike = jnp.float32,
) -> Model:
    """T2: L preconditioned-gradient layers on the token family, and a tied soft-max.

    Statement (exact as an algorithm): the memory holds the vocabulary. In every layer head 0
    averages the seeds' embeddings and head 1, with the state eta as its query, averages the
    vocabulary's under P_eta; the layer adds P times their difference to eta. The read-out is
    softmax over <u_v, eta>. One layer is the affine read-out. Without seeds eta stays 0.

    Args:
        embeddings: u_v, one row a token; seeds are one-hot.
        preconditioner: P, symmetric.
        num_layers: L.
        dtype: of the weights.

    Returns:
        The network; its task draws nothing and has no closed-form predictive.

    Raises:
        ValueError: if ``num_layers`` is below 1.

    Example:
        >>> import jax.numpy as jnp
        >>> tokens(jnp.eye(4)[:, :3], jnp.eye(3), 2).arch.num_memory
        5
    """
    vocabulary, dim = embeddings.shape
    u, p = np.asarray(embeddings, np.float64), np.asarray(preconditioner, np.float64)
    spec = {"name": "tokens", "dim": dim, "size": vocabulary}
    task = tasks.Task(
        spec=spec,
        head="tokens",
        dim=dim,
        components=vocabulary,
        dim_token=vocabulary,
    )
    slots, width = _slots(u=dim, seed=1, word=1, null=1, const=1, eta=dim)
    sizes = {"num_heads": 2, "num_layers": num_layers, "num_memory": vocabulary + 1}
    arch = _fit(None, task, width, dim + 1, **sizes)
    w = _blank(arch)
    seed, word, null, const = (slots[name] for name in ("seed", "word", "null", "const"))
    w["embed.linear"][:, slots["u"]] = u
    w["embed.bias"][seed] = 1.0
    w["memory"][0, slots["u"]] = u.mean(axis=0)
    w["memory"][0, null] = 1.0
    w["memory"][1:, slots["u"]] = u
    w["memory"][1:, word] = 1.0
    w["query"][const] = 1.0
    for layer in range(num_layers):
        name = f"layer{layer}"
        w[name + ".query"][0, const, 0] = 1.0
        w[name + ".key"][0, word, 0] = -FAR
        w[name + ".key"][0, null, 0] = -0.5 * FAR
        w[name + ".query"][1, slots["eta"], :dim] = np.eye(dim)
        w[name + ".query"][1, const, dim] = 1.0
        w[name + ".key"][1, slots["u"], :dim] = np.eye(dim)
        w[name + ".key"][1, seed, dim] = -FAR
        w[name + ".key"][1, null, dim] = -FAR
        for head, sign in ((0, 1.0), (1, -1.0)):
            w[name + ".value"][head, slots["u"], :dim] = np.eye(dim)
            w[name + ".out"][head, :dim, slots["eta"]] = sign * p
    w["readout.linear"][slots["eta"], :] = u.T
    return _finish(task, arch, w, dtype)
