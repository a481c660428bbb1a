"""What one could use instead of a network, on the same contexts: each turns seeds into a law.

Every rule reads a prefix of the seeds through weights that are 1 on the prefix and 0 beyond it, and
returns a law with leading axes (B, P). Where a rule needs more seeds than there are, ``LEAST``
says so. Letters in names: B groups, P prefixes, N seeds, D features, K components.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.transformer_toy import tasks
from synthetic_oversampling.transformer_toy.heads import Gaussian, Law, Mixture

__all__ = [
    "LEAST",
    "NEIGHBOURS",
    "RIDGE",
    "RULES",
    "counts_row",
    "energy_distance",
    "flat_prior",
    "gmm",
    "kde",
    "plug_in",
    "prior",
    "rules_for",
    "smote_samples",
]

# fewest seeds that a rule needs
LEAST = {"prior": 0, "plug-in": 1, "flat prior": 1, "kde": 2, "gmm": 4, "smote": 2}
RIDGE = 0.1  # added to the diagonal of each covariance, in the units of the features
NEIGHBOURS = 5  # neighbours of SMOTE


def _weights(token_BxNxD: Array, count_BxP: Array) -> Float[Array, "B P N"]:
    position_N = jnp.arange(token_BxNxD.shape[1], dtype=count_BxP.dtype)
    return (position_N[None, None, :] < count_BxP[..., None]).astype(token_BxNxD.dtype)


def _moments(token_BxNxD: Array, count_BxP: Array) -> tuple[Array, Array]:
    """Count (at least 1) and mean of each prefix."""
    weight_BxPxN = _weights(token_BxNxD, count_BxP)
    count = jnp.maximum(count_BxP, 1).astype(token_BxNxD.dtype)
    mean = jnp.einsum("bpn,bnd->bpd", weight_BxPxN, token_BxNxD) / count[..., None]
    return count, mean


def prior(task: tasks.Task, token_BxNxD: Array, count_BxP: Array) -> Law:
    """The exact predictive before any seed: a generator that ignores its context.

    Args:
        task: the family.
        token_BxNxD: seeds.
        count_BxP: prefix lengths.

    Returns:
        The law.

    Example:
        >>> import jax.numpy as jnp
        >>> law = prior(tasks.unknown_mean(1), jnp.ones((1, 3, 1)), jnp.array([[3]]))
        >>> print(law.mean[0, 0], law.var[0, 0])
        [0.] 2.0
    """
    assert task.exact is not None  # `rules_for` names no rule otherwise
    return task.exact(token_BxNxD, jnp.zeros_like(count_BxP))


def plug_in(task: tasks.Task, token_BxNxD: Array, count_BxP: Array) -> Law:
    """The family's law at the maximum-likelihood estimate from the seeds.

    Statement: N(xbar, v I) where v is known; N(xbar, s^2 I), s^2 the mean square deviation, where
    it is not (which needs two seeds); the dictionary's most likely law.

    Args and Returns as ``prior``.

    Args:
        task: a task of the family.
        token_BxNxD: seeds ``[B, N, D]``.
        count_BxP: how many of them count.

    Example:
        >>> import jax.numpy as jnp
        >>> law = plug_in(tasks.unknown_mean(1), jnp.ones((1, 3, 1)), jnp.array([[3]]))
        >>> print(law.mean[0, 0], law.var[0, 0])
        [1.] 1.0
    """
    if task.spec["name"] == "dictionary":
        assert task.exact is not None  # a dictionary has it
        posterior = task.exact(token_BxNxD, count_BxP)
        best = jnp.argmax(posterior.log_weight, axis=-1)[..., None]
        mean = jnp.take_along_axis(posterior.mean, best[..., None], axis=-2)
        root = jnp.take_along_axis(posterior.root, best[..., None, None], axis=-3)
        return Mixture(jnp.zeros_like(best, mean.dtype), mean, root)
    count, mean = _moments(token_BxNxD, count_BxP)
    return Gaussian(mean, jnp.full_like(count, task.spec["var_within"]))


def flat_prior(task: tasks.Task, token_BxNxD: Array, count_BxP: Array) -> Law:
    """The predictive under the flat prior: N(xbar, v (1 + 1/n) I) with the known variance v.

    Args and Returns as ``prior``.

    Args:
        task: a task of the family.
        token_BxNxD: seeds ``[B, N, D]``.
        count_BxP: how many of them count.

    Example:
        >>> import jax.numpy as jnp
        >>> law = flat_prior(tasks.unknown_mean(1), jnp.ones((1, 2, 1)), jnp.array([[2]]))
        >>> print(law.mean[0, 0], law.var[0, 0])
        [1.] 1.5
    """
    count, mean = _moments(token_BxNxD, count_BxP)
    return Gaussian(mean, task.spec["var_within"] * (1.0 + 1.0 / count))


def kde(task: tasks.Task, token_BxNxD: Array, count_BxP: Array) -> Mixture:
    """Gaussian kernel density estimate with Scott's bandwidth, feature by feature, from two seeds.

    Statement: bandwidth n^(-1/(d+4)) times each feature's standard deviation over the prefix.

    Args and Returns as ``prior``.

    Args:
        task: a task of the family.
        token_BxNxD: seeds ``[B, N, D]``.
        count_BxP: how many of them count.

    Example:
        >>> import jax.numpy as jnp
        >>> seeds = jnp.array([[[0.0], [2.0], [9.0]]])
        >>> law = kde(tasks.unknown_mean(1), seeds, jnp.array([[2]]))
        >>> print(jnp.exp(law.log_weight)[0, 0])
        [0.5 0.5 0. ]
    """
    weight_BxPxN = _weights(token_BxNxD, count_BxP)
    count, mean = _moments(token_BxNxD, count_BxP)
    dim = token_BxNxD.shape[-1]
    offset = token_BxNxD[:, None] - mean[:, :, None]
    var = jnp.einsum("bpn,bpnd->bpd", weight_BxPxN, offset**2)
    std = jnp.sqrt(var / jnp.maximum(count - 1.0, 1.0)[..., None])
    width = std * (count ** (-1.0 / (dim + 4.0)))[..., None]
    root = (1.0 / width)[..., None] * jnp.eye(dim)[None, None]
    shape = (*weight_BxPxN.shape, dim)
    log_weight = jnp.where(weight_BxPxN > 0.0, -jnp.log(count)[..., None], -jnp.inf)
    return Mixture(
        log_weight,
        jnp.broadcast_to(token_BxNxD[:, None], shape),
        jnp.broadcast_to(root[:, :, None], (*shape, dim)),
    )


def gmm(task: tasks.Task, token_BxNxD: Array, count_BxP: Array) -> Mixture:
    """Two Gaussian components with full covariances by 30 EM steps, from four seeds.

    Statement: started from the halves on either side of the mean along the feature of largest
    spread; ``RIDGE`` is added to the diagonal of each covariance, in the units of the features
    squared, without which few seeds give components of no width.

    Args and Returns as ``prior``.

    Args:
        task: a task of the family.
        token_BxNxD: seeds ``[B, N, D]``.
        count_BxP: how many of them count.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> seeds, counts = jnp.ones((2, 8, 2)), jnp.full((2, 1), 8)
        >>> jax.eval_shape(lambda x, n: gmm(tasks.unknown_mean(2), x, n), seeds, counts).mean.shape
        (2, 1, 2, 2)
    """
    weight_BxPxN = _weights(token_BxNxD, count_BxP)
    count, mean = _moments(token_BxNxD, count_BxP)
    dim = token_BxNxD.shape[-1]
    offset = token_BxNxD[:, None] - mean[:, :, None]
    var = jnp.einsum("bpn,bpnd->bpd", weight_BxPxN, offset**2)
    widest = jnp.argmax(var, axis=-1)[..., None, None]
    side = jnp.take_along_axis(offset, widest, axis=-1)[..., 0] > 0.0
    share = jnp.where(side, 0.9, 0.1)
    share = jnp.stack([share, 1.0 - share], axis=-1)

    def fit(share: Array) -> tuple[Array, Array, Array]:
        share = share * weight_BxPxN[..., None]
        mass = share.sum(axis=2) + 1e-9
        centre = jnp.einsum("bpnk,bnd->bpkd", share, token_BxNxD) / mass[..., None]
        from_centre = token_BxNxD[:, None, :, None] - centre[:, :, None]
        cov = jnp.einsum("bpnk,bpnkd,bpnke->bpkde", share, from_centre, from_centre)
        cov = cov / mass[..., None, None] + RIDGE * jnp.eye(dim)[None, None, None]
        root = jnp.linalg.cholesky(jnp.linalg.inv(cov))
        return jnp.log(mass) - jnp.log(mass.sum(axis=-1, keepdims=True)), centre, root

    def step(share: Array, _: None) -> tuple[Array, None]:
        log_weight, centre, root = fit(share)
        white = jnp.einsum(
            "bpnkd,bpkde->bpnke", token_BxNxD[:, None, :, None] - centre[:, :, None], root
        )
        height = log_weight + jnp.log(jnp.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
        return jax.nn.softmax(height[:, :, None] - 0.5 * (white**2).sum(axis=-1), axis=-1), None

    return Mixture(*fit(jax.lax.scan(step, share, length=30)[0]))


def smote_samples(
    token_BxNxD: Float[Array, "B N D"],
    count: int,
    num_samples: int,
    *,
    key: Key[Array, ""],
) -> Float[Array, "B S D"]:
    """SMOTE's samples: from a random seed, a uniform part of the way to one of its neighbours.

    Statement: neighbours are the min(5, n - 1) nearest other seeds, as in imbalanced-learn. The law
    lives on segments, so its divergence from any law with a density is infinite.

    Args:
        token_BxNxD: seeds.
        count: n, the prefix, at least 2.
        num_samples: S.
        key: a typed key.

    Returns:
        Samples.

    Raises:
        ValueError: for fewer than two seeds.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> seeds = jnp.array([[[0.0], [1.0]]])
        >>> x = smote_samples(seeds, 2, 100, key=jax.random.key(0))
        >>> x.shape, bool((x >= 0).all() & (x <= 1).all())
        ((1, 100, 1), True)
    """
    if count < 2:
        raise ValueError(f"count: SMOTE needs two seeds to interpolate between, got {count}.")
    seeds = token_BxNxD[:, :count]
    base_key, neighbour_key, part_key = jax.random.split(key, 3)
    distance = ((seeds[:, :, None] - seeds[:, None]) ** 2).sum(axis=-1)
    distance = distance + jnp.where(jnp.eye(count, dtype=bool)[None], jnp.inf, 0.0)
    near = min(NEIGHBOURS, count - 1)
    neighbour = jnp.argsort(distance, axis=-1)[..., :near]
    shape = (seeds.shape[0], num_samples)
    base = jax.random.randint(base_key, shape, 0, count)
    pick = jax.random.randint(neighbour_key, shape, 0, near)
    rows = jnp.take_along_axis(neighbour, base[..., None], axis=1)
    other = jnp.take_along_axis(rows, pick[..., None], axis=-1)
    part = jax.random.uniform(part_key, shape, seeds.dtype)[..., None]
    start = jnp.take_along_axis(seeds, base[..., None], axis=1)
    return start + part * (jnp.take_along_axis(seeds, other, axis=1) - start)


def energy_distance(
    x_BxSxD: Float[Array, "B S D"], y_BxSxD: Float[Array, "B S D"]
) -> Float[Array, " B"]:
    """Energy distance between two samples: 2 E|X - Y| - E|X - X'| - E|Y - Y'|, unbiased.

    Statement: 0 exactly when the laws agree, and finite for laws without a density, so it compares
    what the divergence cannot. A single estimate may be negative.

    Args:
        x_BxSxD, y_BxSxD: independent samples, S each.

    Returns:
        One estimate a group, in the units of x.

    Example:
        >>> import jax.numpy as jnp
        >>> print(energy_distance(jnp.zeros((1, 2, 1)), jnp.ones((1, 2, 1))))
        [2.]
    """
    size = x_BxSxD.shape[1]

    def mean_distance(a: Array, b: Array, pairs: int) -> Array:
        square = ((a[:, :, None] - b[:, None]) ** 2).sum(axis=-1)
        return jnp.sqrt(square).sum(axis=(1, 2)) / pairs

    across = mean_distance(x_BxSxD, y_BxSxD, size * size)
    within_x = mean_distance(x_BxSxD, x_BxSxD, size * (size - 1))
    return 2.0 * across - within_x - mean_distance(y_BxSxD, y_BxSxD, size * (size - 1))


# every rule, by name
RULES = {"prior": prior, "plug-in": plug_in, "flat prior": flat_prior, "kde": kde, "gmm": gmm}


def rules_for(task: tasks.Task) -> dict[str, int]:
    """Which rules make sense for a family, and from how many seeds on.

    Args:
        task: the family.

    Returns:
        The least number of seeds for each rule's name; ``smote`` among them where features alone
        are generated.

    Example:
        >>> rules_for(tasks.labelled())
        {'prior': 0}
    """
    name = task.spec["name"]
    if name in ("labelled", "symbols"):
        return {"prior": 0}
    least = dict(LEAST)
    if name == "dictionary":
        del least["flat prior"]
    return least


def counts_row(counts: list[int], num_groups: int) -> Int[Array, "B P"]:
    """The same prefix lengths for every group.

    Args:
        counts: prefix lengths.
        num_groups: B.

    Returns:
        One row a group.

    Example:
        >>> print(counts_row([0, 3], 2))
        [[0 3]
         [0 3]]
    """
    return jnp.tile(jnp.array(counts, jnp.int32)[None], (num_groups, 1))
