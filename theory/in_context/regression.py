"""Theorem T, correlated features: whole rows written in context, and what depth is worth.

T5 (exact, bound, asymptotic): for a Gaussian group of unknown mean and covariance the posterior
predictive of a row is, feature by feature, a Student regression on the features before it.
Attention with constant logits collects its statistics; L iterations that square a residual invert
the covariance of the earlier features. What stops short of that inverse is computed here.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import mpmath
from jaxtyping import Array, Float

from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.ranges import require_range
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "FeaturePredictive",
    "NormalInverseWishart",
    "RowPredictive",
    "depth_bound",
    "depth_divergence",
    "enough_iterations",
    "feature_predictive",
    "flat_prior",
    "flat_rows_expected_kl",
    "inversion_residual",
    "posterior",
    "row_predictive",
]


class NormalInverseWishart(NamedTuple):
    """Sigma ~ inverse Wishart(scale, df), mu | Sigma ~ N(mean, Sigma / mean_weight).

    ``mean_weight`` counts the seeds that the prior mean is worth. The flat limit has weight 0,
    scale 0 and df -1: density |Sigma|^{-(d+1)/2}.
    """

    mean: Float[Array, " d"]
    mean_weight: Float[Array, ""]
    scale: Float[Array, "d d"]
    df: Float[Array, ""]


class RowPredictive(NamedTuple):
    """Multivariate Student law of a row: degrees of freedom, location, scale matrix.

    Attributes:
        df: degrees of freedom; loc: the centre ``[d]``; scale: matrix ``[d, d]``.
    """

    df: Float[Array, ""]
    loc: Float[Array, " d"]
    scale: Float[Array, "d d"]


class FeaturePredictive(NamedTuple):
    """Student law of one feature given those before it; ``var_scale`` is its squared scale.

    Attributes:
        df: degrees of freedom; loc: the centre; var_scale: squared scale.
    """

    df: Float[Array, ""]
    loc: Float[Array, ""]
    var_scale: Float[Array, ""]


def flat_prior(dim: int) -> NormalInverseWishart:
    """The limit of a prior that knows nothing; a row has a law from dim + 1 seeds on.

    Args:
        dim: d, from 1.

    Raises:
        ValueError: for a dimension below 1.

    Example:
        >>> float(flat_prior(2).df)
        -1.0
    """
    require_range("A row has a feature.", least=1, whole=True, scalar=True, dim=dim)
    zero = jnp.zeros(())
    return NormalInverseWishart(jnp.zeros(dim), zero, jnp.zeros((dim, dim)), zero - 1.0)


def posterior(prior: NormalInverseWishart, seeds: Float[Array, "n d"]) -> NormalInverseWishart:
    """What a prior becomes after a group's seeds (exact).

    Statement: with n seeds of mean xbar and scatter S about it, the weight and the degrees of
    freedom grow by n, the mean is (k m + n xbar)/(k + n), and the scale grows by
    S + k n/(k + n) (xbar - m)(xbar - m)'.

    Args:
        prior: of mean and covariance.
        seeds: n rows; n may be 0 unless the prior is flat.

    Raises:
        ValueError: without a seed and without a prior weight.

    Example:
        >>> import jax.numpy as jnp
        >>> after = posterior(flat_prior(1), jnp.array([[1.0], [3.0], [5.0]]))
        >>> float(after.mean[0]), float(after.scale[0, 0]), float(after.df)
        (3.0, 8.0, 2.0)
    """
    require_float64("theory.in_context.regression.posterior")
    count = len(seeds)
    if count == 0:
        if float(prior.mean_weight) == 0.0:
            raise ValueError(
                "seeds: got 0 rows under a flat prior, expected at least one. A flat prior has no "
                "mean; pass seeds, or a prior with a weight above 0."
            )
        return prior
    return _updated(prior, seeds)


@partial(as_one_program, level=None)
def _updated(prior: NormalInverseWishart, seeds: Float[Array, "n d"]) -> NormalInverseWishart:
    count = len(seeds)
    weight = prior.mean_weight + count
    average = seeds.mean(axis=0)
    centred = seeds - average[None, :]
    offset = average - prior.mean
    shrunk = prior.mean_weight * count / weight
    return NormalInverseWishart(
        prior.mean + (count / weight) * offset,
        weight,
        prior.scale + centred.T @ centred + shrunk * jnp.outer(offset, offset),
        prior.df + count,
    )


def row_predictive(after: NormalInverseWishart) -> RowPredictive:
    """The exact law of the next row (multivariate Student).

    Statement: df = nu - d + 1, location the mean, scale matrix scale (k + 1)/(k df).

    Args:
        after: what is known: a posterior, or a proper prior.

    Raises:
        ValueError: if the degrees of freedom or the scale leave the row without a law.

    Example:
        >>> import jax.numpy as jnp
        >>> law = row_predictive(posterior(flat_prior(1), jnp.array([[1.0], [3.0], [5.0]])))
        >>> float(law.df), round(float(law.scale[0, 0]), 6)
        (2.0, 5.333333)
    """
    require_float64("theory.in_context.regression.row_predictive")
    df = after.df - len(after.mean) + 1.0
    if not (float(df) > 0.0 and float(after.mean_weight) > 0.0):
        raise ValueError(
            f"after: got {float(df):g} degrees of freedom for a row of "
            f"{counted(len(after.mean), 'feature')}, expected above 0. Pass more seeds than "
            "features, fewer features, or a proper prior."
        )
    if not float(jnp.linalg.eigvalsh(after.scale)[0]) > 0.0:
        raise ValueError(
            "after.scale: got a singular matrix, expected a positive definite one. Leave out "
            "features that others determine, or pass more seeds."
        )
    scale = after.scale * ((after.mean_weight + 1.0) / (after.mean_weight * df))
    return RowPredictive(df, after.mean, scale)


def feature_predictive(law: RowPredictive, earlier: Float[Array, " p"]) -> FeaturePredictive:
    """The exact law of feature p + 1 of a row given its first p (exact).

    Statement: Student with df + p degrees of freedom, the regression of the feature on the earlier
    ones as location, and the residual scale times (df + q)/(df + p), q the squared distance of the
    earlier features.

    Args:
        law: of the whole row.
        earlier: the first p features; p = 0 gives the marginal of the first.

    Raises:
        ValueError: if there is no feature after them.

    Example:
        >>> import jax.numpy as jnp
        >>> law = RowPredictive(jnp.array(3.0), jnp.zeros(2), jnp.array([[1.0, 0.5], [0.5, 1.0]]))
        >>> one = feature_predictive(law, jnp.array([2.0]))
        >>> float(one.df), float(one.loc), float(one.var_scale)
        (4.0, 1.0, 1.3125)
    """
    require_float64("theory.in_context.regression.feature_predictive")
    known = len(earlier)
    if known >= len(law.loc):
        raise ValueError(
            f"earlier: got {counted(known, 'feature')}, expected fewer than {len(law.loc)}, all "
            "that a row has. The last one has none after it."
        )
    offset = earlier - law.loc[:known]
    solved = jnp.linalg.solve(
        law.scale[:known, :known], jnp.stack([law.scale[:known, known], offset], 1)
    )
    residual = law.scale[known, known] - law.scale[known, :known] @ solved[:, 0]
    distance = offset @ solved[:, 1]
    df = law.df + known
    return FeaturePredictive(
        df, law.loc[known] + offset @ solved[:, 0], residual * (law.df + distance) / df
    )


def inversion_residual(eigenvalues: Float[Array, " p"], iterations: int) -> Float[Array, " p"]:
    """What L iterations leave of the identity, per eigenvalue (exact).

    Statement: X_0 = I/trace, R_0 = I - C X_0, and X <- X + X R, R <- R^2 give
    C X_L = I - R_0^{2^L}: the residual of an eigenvalue l is (1 - l/trace)^{2^L}.

    Args:
        eigenvalues: of the positive definite matrix C.
        iterations: L, from 0.

    Returns:
        Residuals from 0 to 1.

    Raises:
        ValueError: for eigenvalues that are not positive, or negative iterations.

    Example:
        >>> import jax.numpy as jnp
        >>> print(inversion_residual(jnp.array([1.0, 3.0]), 2))
        [0.31640625 0.00390625]
    """
    require_float64("theory.in_context.regression.inversion_residual")
    require_range("The matrix has no inverse.", above=0, eigenvalues=eigenvalues)
    require_range(
        "Pass how often X is updated.", least=0, whole=True, scalar=True, iterations=iterations
    )
    share = eigenvalues / eigenvalues.sum()
    return jnp.exp(2.0 ** min(iterations, 1000) * jnp.log1p(-share))  # beyond, all digits are 0


class _Shortfall(NamedTuple):
    """For one feature with p before it: what an unfinished inverse does to its law."""

    df: Float[Array, ""]  # of its Student law
    residual: Float[Array, " p"]  # per eigenvalue
    location: Float[Array, ""]  # expected squared shift of the location, in squared scales
    growth: Float[Array, ""]  # relative growth of the residual scale


def _shortfalls(after: NormalInverseWishart, iterations: int) -> list[_Shortfall]:
    law = row_predictive(after)
    parts = []
    for known in range(1, len(law.loc)):
        eigenvalues, vectors = jnp.linalg.eigh(law.scale[:known, :known])
        explained = (vectors.T @ law.scale[:known, known]) ** 2 / eigenvalues
        rest = law.scale[known, known] - explained.sum()
        residual = inversion_residual(eigenvalues, iterations)
        parts.append(
            _Shortfall(
                law.df + known,
                residual,
                (residual**2 * explained).sum() / rest,
                (residual * explained).sum() / rest,
            )
        )
    return parts


def depth_divergence(after: NormalInverseWishart, iterations: int) -> Float[Array, ""]:
    """Divergence of L iterations from the exact predictive of a row, in nats (asymptotic).

    Statement: to second order in the residual e (per eigenvalue), for every feature with p before
    it, df its degrees of freedom, S the expected squared shift of its location in squared scales
    and g the growth of its residual scale: (df + 1)/(df + 3) S/2 + df/(4 (df + 3)) (g^2 -
    2 g sum e/df + (2 sum e^2 + (sum e)^2)/(df (df + 2))). It falls like max(e)^2, so that in the
    limit its logarithm doubles with every iteration. Remainder of third order in e, g and sqrt(S),
    all of which have to be small: g and S are e times what the earlier features explain.

    Args:
        after: what is known after the seeds.
        iterations: L.

    Returns:
        KL(exact || L iterations), averaged over the exact predictive of the earlier features.

    Raises:
        ValueError: as ``row_predictive`` and ``inversion_residual``.

    Example:
        >>> import jax.numpy as jnp
        >>> scale = jnp.array([[2.0, 1.0, 0.5], [1.0, 2.0, 1.0], [0.5, 1.0, 2.0]])
        >>> known = NormalInverseWishart(jnp.zeros(3), jnp.array(5.0), scale, jnp.array(9.0))
        >>> [f"{float(depth_divergence(known, depth)):.1e}" for depth in (1, 2, 3)]
        ['1.2e-02', '3.8e-03', '3.8e-04']
    """
    require_float64("theory.in_context.regression.depth_divergence")
    total = jnp.zeros(())
    for df, residual, location, growth in _shortfalls(after, iterations):
        first, second = residual.sum(), (residual**2).sum()
        square = growth**2 - 2.0 * growth * first / df
        square = square + (2.0 * second + first**2) / (df * (df + 2.0))
        total = total + (df + 1.0) / (df + 3.0) * location / 2.0 + df / (df + 3.0) * square / 4.0
    return total


def depth_bound(after: NormalInverseWishart, iterations: int) -> Float[Array, ""]:
    """An upper bound of the divergence of ``depth_divergence``, for every L (bound).

    Statement: two Student laws of the same degrees of freedom, their squared scales in the ratio a
    and their locations d scales apart, have a divergence of at most (a - 1 - log a + a d^2)/2.
    Here 1/(1 + g) <= a <= 1/(1 - max e), and E d^2 = S. Infinite if a residual is 1 to the last
    digit. The network itself is covered under a proper prior: with the flat one it also iterates
    1/df, which is not in it.

    Args:
        after: what is known after the seeds.
        iterations: L.

    Returns:
        Nats a row.

    Raises:
        ValueError: as ``depth_divergence``.

    Example:
        >>> import jax.numpy as jnp
        >>> scale = jnp.array([[2.0, 1.0, 0.5], [1.0, 2.0, 1.0], [0.5, 1.0, 2.0]])
        >>> known = NormalInverseWishart(jnp.zeros(3), jnp.array(5.0), scale, jnp.array(9.0))
        >>> bool(depth_bound(known, 3) > depth_divergence(known, 3))
        True
    """
    require_float64("theory.in_context.regression.depth_bound")
    total = jnp.zeros(())
    for _, residual, location, growth in _shortfalls(after, iterations):
        largest = residual.max()
        if float(largest) >= 1.0:
            return jnp.array(jnp.inf)
        narrow, wide = largest / (1.0 - largest), -growth / (1.0 + growth)  # a - 1 at both ends
        cost = jnp.maximum(_less_log(narrow), _less_log(wide))
        total = total + (cost + location / (1.0 - largest)) / 2.0
    return total


def _less_log(x: Float[Array, ""]) -> Float[Array, ""]:
    """x - log(1 + x), by its series where the difference would have no digits."""
    series = x**2 * (1 / 2 - x * (1 / 3 - x * (1 / 4 - x * (1 / 5 - x / 6))))
    return jnp.where(jnp.abs(x) < 1e-3, series, x - jnp.log1p(x))


def enough_iterations(residual: float, *, condition: float, dim: int) -> int:
    """Iterations after which no residual of a d x d matrix is larger (exact, worst case).

    Statement: a matrix of condition number c has its smallest eigenvalue above trace/(d c), hence
    residuals below (1 - 1/(d c))^{2^L}.

    Args:
        residual: the largest allowed, between 0 and 1.
        condition: c, ratio of the extreme eigenvalues, from 1.
        dim: d, the order of the matrix: the features before the last.

    Returns:
        L.

    Raises:
        ValueError: for an argument out of its range.

    Example:
        >>> [enough_iterations(residual, condition=100.0, dim=5) for residual in (1e-8, 1e-16)]
        [14, 15]
    """
    if not 0.0 < residual < 1.0:
        raise ValueError(
            f"residual: got {residual!r}, expected a number between 0 and 1. It is what the "
            "inverse may miss of the identity."
        )
    require_range("A condition number is at least 1.", least=1, scalar=True, condition=condition)
    require_range("Pass the order of the matrix.", least=1, whole=True, scalar=True, dim=dim)
    if dim * condition == 1.0:
        return 0
    needed = math.log(residual) / math.log1p(-1.0 / (dim * condition))
    return max(0, math.ceil(math.log2(needed)))


def flat_rows_expected_kl(count: int, dim: int) -> Float[Array, ""]:
    """Expected divergence of the flat-prior row predictive from any Gaussian group (exact).

    Statement: whatever mean and covariance, with n > d seeds E KL(N || Student) = (n/2) (psi(n/2) -
    psi((n-d)/2)) + log Gamma((n-d)/2) - log Gamma(n/2) + (d/2) log((n+1)/n) - d/2 +
    (1/2) sum_{i=1}^d psi((n-i)/2). It is d (d + 3)/(4 n) to first order: half the number of
    parameters over n.

    Args:
        count: n, seeds.
        dim: d, features.

    Returns:
        Nats a row.

    Raises:
        ValueError: without more seeds than features.

    Example:
        >>> round(float(flat_rows_expected_kl(1000, 3)) * 1000, 3)
        4.507
    """
    require_float64("theory.in_context.regression.flat_rows_expected_kl")
    require_range("A row has a feature.", least=1, whole=True, scalar=True, dim=dim)
    require_range(
        "The flat prior needs more seeds than features.",
        least=dim + 1,
        whole=True,
        scalar=True,
        count=count,
    )
    with mpmath.workdps(40):  # terms of order log n leave 1/n
        half = mpmath.mpf(int(count)) / 2
        left = half - mpmath.mpf(dim) / 2
        row = half * (mpmath.digamma(half) - mpmath.digamma(left))
        row += mpmath.loggamma(left) - mpmath.loggamma(half)
        scatter = sum(mpmath.digamma(half - mpmath.mpf(i) / 2) for i in range(1, dim + 1)) / 2
        level = dim * (mpmath.log1p(1 / (2 * half)) - 1) / 2
        return jnp.asarray(float(row + scatter + level))
