"""Theorem T, finite families: dictionaries of laws, symbol counts, and tokens with embeddings.

T3 (exact): the posterior over a finite dictionary, and Dirichlet-multinomial counts, are softmax
attention. T2 (asymptotic): tokens x of [V] with embeddings u_x in R^d and
P_eta(x) proportional to exp<u_x, eta>. The seeds' mean embedding is sufficient; one attention layer
computes it, and L preconditioned-gradient layers invert the mean map. Their expected divergence is
a floor that depth removes plus a term that tends to d/(2n).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.ranges import as_arrays, require_range

__all__ = [
    "dictionary_posterior",
    "dirichlet_multinomial_predictive",
    "gradient_readout",
    "layer_contraction",
    "readout_expected_kl",
    "readout_floor",
    "reported_rate",
    "sharp_token_rate",
    "token_cov",
    "token_kl",
    "token_log_probs",
    "token_mean",
]

Number = int | float | Float[Array, ""]
_SYMBOL = "A symbol of concentration 0 could never be seen: drop it or give it a positive one."
_DEPTH = "Without a layer nothing is read from the seeds; pass the depth of the network."


def dictionary_posterior(
    log_likelihood: Float[Array, "n t"], log_prior: Float[Array, " t"]
) -> Float[Array, " t"]:
    """The posterior over a finite dictionary of laws is a softmax of summed log-likelihoods.

    Statement (T3, exact, every n from 0): softmax(log prior_t + sum_i log p_t(x_i)); the
    predictive is the mixture of the dictionary with these weights.

    Args:
        log_likelihood: log p_t(x_i), seed by law; any function of the seed may be added to a row.
        log_prior: log prior weights, up to a constant.

    Returns:
        Posterior weights, which sum to 1.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> import jax.numpy as jnp
        >>> print(dictionary_posterior(jnp.log(jnp.array([[0.1, 0.3]])), jnp.zeros(2)))
        [0.25 0.75]
    """
    require_float64("theory.in_context.token_capacity.dictionary_posterior")
    given = {"log_likelihood": log_likelihood, "log_prior": log_prior}
    seen, prior = as_arrays("n t, t", infinite=True, **given)
    weights = jax.nn.softmax(prior + seen.sum(axis=0))
    if not isinstance(weights, jax.core.Tracer) and bool(jnp.any(jnp.isnan(weights))):
        raise ValueError(
            f"log_likelihood: got {log_likelihood} with log_prior {log_prior}, expected some law "
            "under which all seeds are possible, and none with infinite density."
        )
    return weights


def dirichlet_multinomial_predictive(
    counts: Float[Array, " v"], concentration: Float[Array, " v"]
) -> Float[Array, " v"]:
    """The next symbol of a group of unknown frequencies: (counts + concentration), normalised.

    Statement (T3, exact): for frequencies ~ Dirichlet(concentration). As attention: a null token of
    logit log(sum concentration) and value concentration/sum, seeds of logit 0 and one-hot value.

    Args:
        counts: how often each symbol was seen.
        concentration: Dirichlet parameters, positive.

    Returns:
        Probabilities of the next symbol.

    Raises:
        ValueError: if a concentration is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> print(dirichlet_multinomial_predictive(jnp.array([2.0, 0.0]), jnp.ones(2)))
        [0.75 0.25]
    """
    require_float64("theory.in_context.token_capacity.dirichlet_multinomial_predictive")
    counts, concentration = as_arrays("v, v", counts=counts, concentration=concentration)
    require_range(least=0, counts=counts)
    require_range(_SYMBOL, above=0, concentration=concentration)
    return (counts + concentration) / jnp.sum(counts + concentration)


def token_log_probs(
    natural: Float[Array, " d"], embeddings: Float[Array, "v d"]
) -> Float[Array, " v"]:
    """The token law: log P_eta(x) = <u_x, eta> - log sum_v exp<u_v, eta>.

    Args:
        natural: eta, the group's natural parameter.
        embeddings: u_x, one row a token.

    Returns:
        Log probabilities of the V tokens, in nats.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> import jax.numpy as jnp
        >>> print(jnp.exp(token_log_probs(jnp.zeros(1), jnp.array([[1.0], [-1.0]]))))
        [0.5 0.5]
    """
    require_float64("theory.in_context.token_capacity.token_log_probs")
    natural, embeddings = as_arrays("d, v d", natural=natural, embeddings=embeddings)
    return jax.nn.log_softmax(embeddings @ natural)


def token_mean(natural: Float[Array, " d"], embeddings: Float[Array, "v d"]) -> Float[Array, " d"]:
    """The mean map: E_eta u_x, the gradient of the log-partition function.

    It is softmax attention over the vocabulary with query eta, keys u_v and values u_v.

    Args:
        natural, embeddings: as for ``token_log_probs``, which raises alike.

    Returns:
        The mean embedding.

    Example:
        >>> import jax.numpy as jnp
        >>> mean = token_mean(jnp.ones(1), jnp.array([[1.0], [-1.0]]))
        >>> print(round(float(mean[0]), 6))
        0.761594
    """
    return jnp.exp(token_log_probs(natural, embeddings)) @ jnp.asarray(embeddings)


def token_cov(natural: Float[Array, " d"], embeddings: Float[Array, "v d"]) -> Float[Array, "d d"]:
    """The covariance of the embedding under P_eta, which is also its Fisher information.

    Args:
        natural, embeddings: as for ``token_log_probs``, which raises alike.

    Returns:
        The covariance, the Hessian of the log-partition function.

    Example:
        >>> import jax.numpy as jnp
        >>> print(token_cov(jnp.zeros(1), jnp.array([[1.0], [-1.0]])))
        [[1.]]
    """
    probs, embeddings = jnp.exp(token_log_probs(natural, embeddings)), jnp.asarray(embeddings)
    centred = embeddings - (probs @ embeddings)[None, :]
    return (centred * probs[:, None]).T @ centred


def token_kl(
    natural_p: Float[Array, " d"], natural_q: Float[Array, " d"], embeddings: Float[Array, "v d"]
) -> Float[Array, ""]:
    """KL(P_p || P_q) between two members of the token family, by summing over the vocabulary.

    Statement (exact): sum_x P_p(x) (log P_p(x) - log P_q(x)), computed as the sum of
    P_p (e^w - 1 - w), w = log P_q - log P_p, whose terms are non-negative, so that a divergence
    near 0 keeps its sign.

    Args:
        natural_p, natural_q: the two natural parameters.
        embeddings: u_x, one row a token.

    Returns:
        Nats.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> import jax.numpy as jnp
        >>> print(float(token_kl(jnp.ones(1), jnp.ones(1), jnp.array([[1.0], [-1.0]]))))
        0.0
    """
    log_p = token_log_probs(natural_p, embeddings)
    log_ratio = token_log_probs(natural_q, embeddings) - log_p
    return jnp.sum(jnp.exp(log_p) * (jnp.expm1(log_ratio) - log_ratio))


@partial(jax.jit, static_argnames=("num_layers",))
def _descended(seed_mean, embeddings, preconditioner, num_layers: int):
    """The layers of `gradient_readout`, compiled once for each depth and shape."""

    def layer(natural, _):
        gradient = seed_mean - token_mean(natural, embeddings)
        return natural + preconditioner @ gradient, None

    return jax.lax.scan(layer, jnp.zeros_like(seed_mean), length=num_layers)[0]


def gradient_readout(
    seed_mean: Float[Array, " d"],
    embeddings: Float[Array, "v d"],
    num_layers: int,
    preconditioner: Float[Array, "d d"],
) -> Float[Array, " d"]:
    """What L gradient layers read from the seeds: eta <- eta + P (mean - token_mean(eta)), L times.

    Statement (T2, exact as an algorithm): starting at eta = 0; each step is one layer, whose first
    head averages the seeds and whose second attends to the vocabulary. One layer is the affine
    read-out P (mean - token_mean(0)).

    Args:
        seed_mean: the seeds' mean embedding.
        embeddings: u_x, one row a token.
        num_layers: L, at least 1.
        preconditioner: P; the inverse of ``token_cov`` at 0 makes the first step exact to first
            order.

    Returns:
        The natural parameter read from the seeds.

    Raises:
        ValueError: if ``num_layers`` is below 1.

    Example:
        >>> import jax.numpy as jnp
        >>> u = jnp.array([[1.0], [-1.0]])
        >>> print(gradient_readout(jnp.array([0.1]), u, 1, jnp.eye(1)))
        [0.1]
    """
    require_float64("theory.in_context.token_capacity.gradient_readout")
    require_range(_DEPTH, least=1, whole=True, scalar=True, num_layers=num_layers)
    seed_mean, embeddings, preconditioner = as_arrays(
        "d, v d, d d", seed_mean=seed_mean, embeddings=embeddings, preconditioner=preconditioner
    )
    return _descended(seed_mean, embeddings, preconditioner, num_layers)


def layer_contraction(
    natural: Float[Array, " d"],
    embeddings: Float[Array, "v d"],
    preconditioner: Float[Array, "d d"],
) -> Float[Array, ""]:
    """By what factor one more gradient layer shrinks the read-out's error, near its target.

    Statement (T2, asymptotic in the depth): the spectral radius of I - P F, F the Fisher
    information at eta. Below 1 the floor falls by its square with each layer; above 1 depth does
    not help, and the preconditioner is too large.

    Args:
        natural: eta, the group's natural parameter.
        embeddings: u_x, one row a token.
        preconditioner: P, positive definite.

    Returns:
        The factor.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> import jax.numpy as jnp
        >>> u = jnp.array([[1.0], [-1.0]])
        >>> print(round(float(layer_contraction(jnp.zeros(1), u, 0.5 * jnp.eye(1))), 12))
        0.5
    """
    require_float64("theory.in_context.token_capacity.layer_contraction")
    root = jnp.linalg.cholesky(*as_arrays("d d", preconditioner=preconditioner))
    require_range("It is to be positive definite.", above=0, preconditioner=jnp.diagonal(root))
    steps = jnp.linalg.eigvalsh(root.T @ token_cov(natural, embeddings) @ root)
    return jnp.max(jnp.abs(1.0 - steps))


def readout_floor(
    natural: Float[Array, " d"],
    embeddings: Float[Array, "v d"],
    num_layers: int,
    preconditioner: Float[Array, "d d"],
) -> Float[Array, ""]:
    """The divergence that L layers keep when the seeds are unlimited: KL(P_eta || P_readout).

    Statement (T2, exact): ``gradient_readout`` at the population mean, compared with eta.

    Args:
        natural, embeddings: as for ``token_log_probs``.
        num_layers, preconditioner: as for ``gradient_readout``, which raises alike.

    Returns:
        Nats.

    Example:
        >>> import jax.numpy as jnp
        >>> u = jnp.array([[1.0], [-1.0]])
        >>> floors = [float(readout_floor(jnp.ones(1), u, k, jnp.eye(1))) for k in (1, 2, 4)]
        >>> print([round(floor, 5) for floor in floors])
        [0.01346, 0.00315, 0.00028]
    """
    mean = token_mean(natural, embeddings)
    readout = gradient_readout(mean, embeddings, num_layers, preconditioner)
    return token_kl(natural, readout, embeddings)


def readout_expected_kl(
    natural: Float[Array, " d"],
    embeddings: Float[Array, "v d"],
    count: Number,
    num_layers: int,
    preconditioner: Float[Array, "d d"],
) -> Float[Array, ""]:
    """Expected KL(P_eta || P_readout) of L layers on n seeds: floor + tr(K F)/(2n).

    Statement (T2, asymptotic, remainder O(n^-2) at fixed L): K is the Hessian, in the seeds' mean,
    of the divergence of the read-out at the population mean, and F the Fisher information, which is
    the covariance of one embedding. As L grows K tends to F^-1 and the second term to d/(2n).

    Args:
        natural: eta, the group's natural parameter.
        embeddings: u_x, one row a token.
        count: n.
        num_layers: L, at least 1.
        preconditioner: P.

    Returns:
        Nats.

    Raises:
        ValueError: if ``num_layers`` is below 1.

    Example:
        >>> import jax.numpy as jnp
        >>> u = jnp.array([[1.0], [-1.0]])
        >>> print(round(float(readout_expected_kl(jnp.zeros(1), u, 100, 1, jnp.eye(1))), 6))
        0.005
    """
    require_float64("theory.in_context.token_capacity.readout_expected_kl")
    require_range(above=0, infinite=True, scalar=True, count=count)

    def divergence(mean: Float[Array, " d"]) -> Float[Array, ""]:
        readout = gradient_readout(mean, embeddings, num_layers, preconditioner)
        return token_kl(natural, readout, embeddings)

    mean = token_mean(natural, embeddings)
    curvature = jax.hessian(divergence)(mean)
    noise = jnp.trace(curvature @ token_cov(natural, embeddings))
    return divergence(mean) + 0.5 * noise / jnp.asarray(count, float)


def sharp_token_rate(count: Number, dim: int) -> Float[Array, ""]:
    """The divergence of an efficient read-out: d/(2n).

    Statement (T2, asymptotic, remainder O(n^-2)): for the maximum-likelihood read-out at a fixed
    eta with d-dimensional embeddings in general position; 2n KL tends to chi-square(d). The mean is
    over the event that the estimate exists: seeds that all lie on one face of the embeddings'
    convex hull have no finite estimate and an infinite divergence, so that without the event the
    mean is infinite at every n. Its complement has at most the probability sum over facets
    P(facet)^n.

    Args:
        count: n.
        dim: d.

    Returns:
        Nats.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> print(float(sharp_token_rate(100, 4)))
        0.02
    """
    require_float64("theory.in_context.token_capacity.sharp_token_rate")
    require_range(above=0, infinite=True, scalar=True, count=count)
    require_range(least=1, scalar=True, dim=dim)
    return 0.5 * dim / jnp.asarray(count, float)


def reported_rate(count: Number, dim: int) -> Float[Array, ""]:
    """The reported rate 1/sqrt(d) + log(d)/sqrt(n), with its unspecified constants set to 1.

    Statement (rate, reported second-hand of arXiv 2406.03628, "under identifiability conditions";
    not tested here): with free constants no simulation refutes it. Drawn beside the sharp d/(2n).

    Args:
        count: n.
        dim: d.

    Returns:
        Nats, up to constants.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> print(round(float(reported_rate(100, 4)), 4))
        0.6386
    """
    require_float64("theory.in_context.token_capacity.reported_rate")
    require_range(above=0, infinite=True, scalar=True, count=count)
    require_range(least=1, scalar=True, dim=dim)
    return dim**-0.5 + jnp.log(float(dim)) / jnp.sqrt(jnp.asarray(count, float))
