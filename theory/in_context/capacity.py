"""Theorem T, Gaussian families: what a generator can know from its seeds, exactly.

T1 (exact): the Bayes posterior predictive of a Gaussian group is one softmax-attention layer with
a null token. T4 (bound): fidelity in Kullback-Leibler divergence bounds the bias that a synthetic
group adds to a gradient. Finite families, T2 and T3, are in ``theory.in_context.token_capacity``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.ranges import as_arrays, require_range

__all__ = [
    "GaussianPredictive",
    "StudentPredictive",
    "fidelity_bias_bound",
    "flat_prior_expected_kl",
    "gaussian_kl",
    "location_attention_logits",
    "location_attention_weights",
    "location_expected_kl",
    "location_predictive",
    "plugin_expected_kl",
    "student_log_density",
    "student_predictive",
]

Number = int | float | Float[Array, ""]
_ROUNDING = 1e-12  # below 0, that a divergence which is computed as a difference may be


class GaussianPredictive(NamedTuple):
    """The law N(mean, var I) of the next sample."""

    mean: Float[Array, " d"]
    var: Float[Array, ""]


class StudentPredictive(NamedTuple):
    """The multivariate Student law with ``df`` degrees of freedom and scale matrix ``var_scale`` I.

    Its covariance is ``var_scale`` df / (df - 2) I where df > 2.

    Attributes:
        df, var_scale: see above; loc: the centre ``[d]``.
    """

    df: Float[Array, ""]
    loc: Float[Array, " d"]
    var_scale: Float[Array, ""]


_POSITIVE = "A variance, a prior mass or a rate of 0 makes the posterior degenerate."
_FIRST = "The rule has no law before its first seed."
_PREFIX = "A prefix cannot be shorter than empty. Pass the number of seeds."


def location_attention_logits(
    count: int, var_within: Number, var_prior: Number
) -> Float[Array, " {count}+1"]:
    """The logits (null token first, then the seeds) whose softmax is the posterior mean's weights.

    Statement (T1, exact): for x_i ~ N(mu, v I) and mu ~ N(mu_0, t I) the posterior mean gives the
    prior mean the mass v/t and each seed the mass 1. Hence logit log(v/t) on the null token and 0
    on every seed, for every count from 0.

    Args:
        count: number of seeds, n.
        var_within: variance v of a sample around its group's mean, per coordinate.
        var_prior: prior variance t of the group's mean, per coordinate.

    Returns:
        The 1 + n logits.

    Raises:
        ValueError: if a variance is not positive or the count is negative.

    Example:
        >>> print(location_attention_logits(3, 1.0, 1.0))
        [0. 0. 0. 0.]
    """
    require_float64("theory.in_context.capacity.location_attention_logits")
    require_range(_POSITIVE, above=0, scalar=True, var_within=var_within, var_prior=var_prior)
    require_range(_PREFIX, least=0, whole=True, scalar=True, count=count)
    null = jnp.log(jnp.asarray(var_within, float) / var_prior)
    return jnp.concatenate([null[None], jnp.zeros(count)])


def location_attention_weights(
    count: int, var_within: Number, var_prior: Number
) -> Float[Array, " {count}+1"]:
    """The attention weights of T1: r/(n+r) on the null token and 1/(n+r) on each seed, r = v/t.

    Args:
        count, var_within, var_prior: as for ``location_attention_logits``, which raises alike.

    Returns:
        The 1 + n weights, which sum to 1.

    Example:
        >>> print(location_attention_weights(3, 1.0, 1.0))
        [0.25 0.25 0.25 0.25]
    """
    require_float64("theory.in_context.capacity.location_attention_weights")
    require_range(_POSITIVE, above=0, scalar=True, var_within=var_within, var_prior=var_prior)
    require_range(_PREFIX, least=0, whole=True, scalar=True, count=count)
    ratio = jnp.asarray(var_within, float) / var_prior
    return jnp.concatenate([ratio[None], jnp.ones(count)]) / (count + ratio)


def location_predictive(
    seeds: Float[Array, "n d"],
    mean_prior: Float[Array, " d"],
    var_within: Number,
    var_prior: Number,
) -> GaussianPredictive:
    """The exact law of the next sample of a Gaussian group of unknown mean, given its seeds.

    Statement (T1, exact, every n from 0): for x_i ~ N(mu, v I) independent given mu, and
    mu ~ N(mu_0, t I), the next sample is N((r mu_0 + sum x_i)/(n+r), v (1 + 1/(n+r)) I), r = v/t.

    Args:
        seeds: n samples of the group, in the units of x; n may be 0.
        mean_prior: mu_0, in the units of x.
        var_within: v, in the units of x squared.
        var_prior: t, in the units of x squared.

    Returns:
        Mean and variance per coordinate.

    Raises:
        ValueError: if a variance is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> law = location_predictive(jnp.array([[1.0], [3.0]]), jnp.zeros(1), 1.0, 1.0)
        >>> print(law.mean, round(float(law.var), 4))
        [1.33333333] 1.3333
    """
    require_float64("theory.in_context.capacity.location_predictive")
    seeds, mean_prior = as_arrays("n d, d", seeds=seeds, mean_prior=mean_prior)
    require_range(_POSITIVE, above=0, scalar=True, var_within=var_within, var_prior=var_prior)
    ratio = var_within / var_prior
    mass = seeds.shape[0] + ratio
    mean = (ratio * mean_prior + seeds.sum(axis=0)) / mass
    return GaussianPredictive(mean, jnp.asarray(var_within * (1.0 + 1.0 / mass)))


def location_expected_kl(
    count: Number, dim: int, var_within: Number, var_prior: Number
) -> Float[Array, ""]:
    """Expected KL(P_mu || predictive) of the exact Bayes rule, averaged over prior and seeds.

    Statement (T1, exact): (d/2) log(1 + 1/(n+r)), r = v/t: the information about mu in one more
    sample. No generator has a smaller average under this prior.

    Args:
        count: number of seeds, n from 0.
        dim: d.
        var_within: v.
        var_prior: t.

    Returns:
        Nats.

    Raises:
        ValueError: if a variance is not positive or the count is negative.

    Example:
        >>> print(round(float(location_expected_kl(1, 2, 1.0, 1.0)), 6))
        0.405465
    """
    require_float64("theory.in_context.capacity.location_expected_kl")
    require_range(least=1, whole=True, scalar=True, dim=dim)
    require_range(_POSITIVE, above=0, scalar=True, var_within=var_within, var_prior=var_prior)
    require_range(_PREFIX, least=0, infinite=True, scalar=True, count=count)
    return 0.5 * dim * jnp.log1p(1.0 / (jnp.asarray(count, float) + var_within / var_prior))


def flat_prior_expected_kl(count: Number, dim: int) -> Float[Array, ""]:
    """Expected KL(P_mu || N(xbar, v(1 + 1/n) I)) of the flat-prior rule, at every mu.

    Statement (T1, exact): (d/2) log(1 + 1/n) for n of at least 1, whatever mu and v: constant, and
    the minimax risk of predicting a Gaussian of unknown mean (Liang and Barron 2004).

    Args:
        count: number of seeds, n from 1.
        dim: d.

    Returns:
        Nats.

    Raises:
        ValueError: if the count is below 1.

    Example:
        >>> print(round(float(flat_prior_expected_kl(1, 2)), 6))
        0.693147
    """
    require_float64("theory.in_context.capacity.flat_prior_expected_kl")
    require_range(least=1, whole=True, scalar=True, dim=dim)
    require_range(_FIRST, least=1, infinite=True, scalar=True, count=count)
    return 0.5 * dim * jnp.log1p(1.0 / jnp.asarray(count, float))


def plugin_expected_kl(count: Number, dim: int) -> Float[Array, ""]:
    """Expected KL(P_mu || N(xbar, v I)) of the plug-in rule, at every mu.

    Statement (T1, exact): d/(2n), since the divergence is |xbar - mu|^2/(2v). It exceeds the
    flat-prior rule by about d/(4n^2).

    Args:
        count: number of seeds, n from 1.
        dim: d.

    Returns:
        Nats.

    Raises:
        ValueError: if the count is below 1.

    Example:
        >>> print(float(plugin_expected_kl(4, 2)))
        0.25
    """
    require_float64("theory.in_context.capacity.plugin_expected_kl")
    require_range(least=1, whole=True, scalar=True, dim=dim)
    require_range(_FIRST, least=1, infinite=True, scalar=True, count=count)
    return 0.5 * dim / jnp.asarray(count, float)


def _excess_over_log(ratio_minus_one: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """x - log(1 + x) without cancellation near 0, where it is x^2/2 - x^3/3 + ..."""
    x = ratio_minus_one
    small = jnp.abs(x) < 0.02
    z = jnp.where(small, x, 0.0)
    series = jnp.zeros_like(x)
    for power in range(11, 1, -1):
        series = series * z + (-1.0) ** power / power
    direct = x - jnp.log1p(jnp.where(small, 0.0, x))
    return jnp.where(small, series * z * z, direct)


def gaussian_kl(
    mean_p: Float[Array, "*b d"],
    var_p: Float[Array, "*b"],
    mean_q: Float[Array, "*b d"],
    var_q: Float[Array, "*b"],
) -> Float[Array, "*b"]:
    """KL( N(mean_p, var_p I) || N(mean_q, var_q I) ), accurate down to the square of rounding.

    Statement (exact): (d/2)(rho - 1 - log rho) + |mean_p - mean_q|^2/(2 var_q), rho =
    var_p/var_q. The first term is summed as a series near rho = 1, so that a divergence of 1e-25
    is reported as such and not as the rounding of 1 - 1.

    Args:
        mean_p, mean_q: means, in the units of x.
        var_p, var_q: variances per coordinate.

    Returns:
        Nats, one for each leading index.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> import jax.numpy as jnp
        >>> kl = gaussian_kl(jnp.zeros(2), jnp.array(1.0), jnp.ones(2), jnp.array(1.0))
        >>> print(float(kl))
        1.0
    """
    require_float64("theory.in_context.capacity.gaussian_kl")
    require_range(mean_p=mean_p, mean_q=mean_q)
    require_range(least=0, var_p=var_p)
    require_range(above=0, var_q=var_q)
    mean_p, var_p, mean_q, var_q = map(jnp.asarray, (mean_p, var_p, mean_q, var_q))
    if not mean_p.ndim or mean_p.shape[-1:] != mean_q.shape[-1:]:
        raise ValueError(
            f"mean_p: got shape {mean_p.shape} with mean_q {mean_q.shape}, expected [..., d] twice."
        )
    dim = mean_p.shape[-1]
    distance = jnp.sum((mean_p - mean_q) ** 2, axis=-1)
    return 0.5 * dim * _excess_over_log((var_p - var_q) / var_q) + 0.5 * distance / var_q


def student_predictive(
    seeds: Float[Array, "n d"],
    mean_prior: Float[Array, " d"],
    mass_prior: Number,
    shape_prior: Number,
    rate_prior: Number,
) -> StudentPredictive:
    """The exact law of the next sample of a Gaussian group of unknown mean and unknown scale.

    Statement (exact, every n from 0): for precision p ~ Gamma(a, rate b), mu | p ~ N(mu_0, I/(k p))
    and x_i ~ N(mu, I/p), the next sample is Student with df = 2a + n d, location
    (k mu_0 + sum x_i)/(k+n) and scale (b_n/a_n)(1 + 1/(k+n)), where a_n = a + n d/2 and
    b_n = b + (1/2) sum |x_i - xbar|^2 + (1/2) k n/(k+n) |xbar - mu_0|^2.

    Args:
        seeds: n samples of the group; n may be 0.
        mean_prior: mu_0, in the units of x.
        mass_prior: k, how many samples the prior mean is worth.
        shape_prior: a.
        rate_prior: b, in the units of x squared.

    Returns:
        Degrees of freedom, location and scale.

    Raises:
        ValueError: if k, a or b is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> law = student_predictive(jnp.array([[1.0], [3.0]]), jnp.zeros(1), 1.0, 2.0, 1.0)
        >>> print(float(law.df), law.loc, round(float(law.var_scale), 6))
        6.0 [1.33333333] 1.481481
    """
    require_float64("theory.in_context.capacity.student_predictive")
    seeds, mean_prior = as_arrays("n d, d", seeds=seeds, mean_prior=mean_prior)
    require_range(
        _POSITIVE,
        above=0,
        scalar=True,
        mass_prior=mass_prior,
        shape_prior=shape_prior,
        rate_prior=rate_prior,
    )
    count, dim = seeds.shape
    mass = mass_prior + count
    loc = (mass_prior * mean_prior + seeds.sum(axis=0)) / mass
    centre = seeds.sum(axis=0) / max(count, 1)
    rate = rate_prior + 0.5 * jnp.sum((seeds - centre[None, :]) ** 2)
    rate = rate + 0.5 * mass_prior * count / mass * jnp.sum((centre - mean_prior) ** 2)
    shape = jnp.asarray(shape_prior + 0.5 * count * dim)
    return StudentPredictive(2.0 * shape, loc, rate / shape * (1.0 + 1.0 / mass))


def student_log_density(
    x: Float[Array, "*b d"],
    df: Float[Array, "*b"],
    loc: Float[Array, "*b d"],
    var_scale: Float[Array, "*b"],
) -> Float[Array, "*b"]:
    """Log density of the multivariate Student law with scale matrix ``var_scale`` I.

    Args:
        x: points.
        df: degrees of freedom.
        loc: location.
        var_scale: scale per coordinate, in the units of x squared.

    Returns:
        Nats per unit volume. Any precision: networks train on it in float32.

    Raises:
        Nothing: parameters outside their range give NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> cauchy = student_log_density(jnp.zeros(1), jnp.array(1.0), jnp.zeros(1), jnp.array(1.0))
        >>> print(round(float(jnp.exp(cauchy)), 6))
        0.31831
    """
    dim = x.shape[-1]
    square = jnp.sum((x - loc) ** 2, axis=-1) / (var_scale * df)
    half = 0.5 * (df + dim)
    normal = jax.lax.lgamma(half) - jax.lax.lgamma(0.5 * df)
    return normal - 0.5 * dim * jnp.log(jnp.pi * df * var_scale) - half * jnp.log1p(square)


def fidelity_bias_bound(
    kl: Float[Array, "*b"], var_proxy: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """How far a generator of given KL can move a mean: sqrt(2 v KL(Q || P)).

    Statement (T4, bound): if s along every unit vector is sub-Gaussian under P with variance proxy
    v, ``var_proxy``, then |E_Q s - E_P s| <= sqrt(2 v KL(Q || P)), by Donsker and Varadhan's
    variational formula optimised over the multiplier. With s the score it bounds the bias gradient
    that the generator adds for its group. Equality for a Gaussian P, Q = P shifted, linear s.

    Args:
        kl: KL(Q || P), in nats: generator first, truth second.
        var_proxy: the variance proxy, in the units of the score squared.

    Returns:
        The bound, in the units of the score.

    Raises:
        RuntimeError: if float64 is off.

    Example:
        >>> import jax.numpy as jnp
        >>> print(float(fidelity_bias_bound(jnp.array(0.5), jnp.array(1.0))))
        1.0
    """
    require_float64("theory.in_context.capacity.fidelity_bias_bound")
    require_range(least=0, var_proxy=var_proxy)
    require_range(least=-_ROUNDING, infinite=True, kl=kl)
    return jnp.sqrt(2.0 * jnp.asarray(var_proxy) * jnp.maximum(jnp.asarray(kl), 0.0))
