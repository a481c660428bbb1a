"""Control variates: the second-order part of a statistic, on the same sample, with a known mean.

A function ``f`` of the estimate moves by ``f(theta_hat) - f(theta_alpha) + grad f . A^{-1} ghat``,
with ``ghat`` the empirical gradient at ``theta_alpha``, up to second order by

    C = u' (Hhat v - ghat) + v' M v / 2,    v = A^{-1} ghat,  u = A^{-1} grad f,
    M = Hess f - sum_i u_i d_i Hess(target),

``Hhat`` the empirical Hessian. ``C`` is computed from the same sample without a fit, and the
difference of the two is smaller by the order ``n^{-1/2}``: its mean is known from far fewer
replicates. To the mean of the difference the mean of ``C`` is added back. Whatever the constants
``u, M, A`` are, this changes no expectation, provided that the mean of ``C`` is right; it is
therefore computed here from the samples' laws by quadrature in the space of the features and
automatic derivatives of one sample's loss, with none of the theory's formulas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.simulate.sampling.datasets import row_layout
from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.base import Generator
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rate, hessian, risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law

__all__ = ["Control", "control_mean", "control_of", "control_value", "no_control"]

# trapezoidal rule along the score: on an analytic function its error is exp(-2 pi strip / step),
# and the logistic loss of a score of standard deviation s is analytic in a strip of pi / s
_GRID = np.linspace(-9.5, 9.5, 305)


class Control(NamedTuple):
    """The constants of control variates of ``F`` functions.

    Attributes:
        slope: gradients of the functions at ``theta_alpha`` ``[F, p]``.
        pull: ``A^{-1} grad f`` ``[F, p]``.
        bend: ``Hess f - sum_i pull_i d_i Hess(target)`` ``[F, p, p]``.
        mean: expectation of the control variates ``[F]``.
    """

    slope: Array
    pull: Array
    bend: Array
    mean: Array


@quick_jit
def _constants(theta, groups: Law, target: Law, inverse, minority):
    law = jax.tree.map(lambda part: part[minority], groups)
    shares = jnp.full_like(groups.weights[:, 0], 1.0 / len(groups.weights))
    balanced = Law(
        (shares[:, None] * groups.weights).reshape(-1),
        *(part.reshape(-1, *part.shape[2:]) for part in groups[1:]),
    )
    slopes = jnp.stack(
        [
            jax.grad(risk)(theta, balanced),
            jax.grad(risk)(theta, law),
            jax.grad(error_rate)(theta, law),
        ]
    )
    curved = jnp.stack(
        [hessian(theta, balanced), hessian(theta, law), jax.hessian(error_rate)(theta, law)]
    )
    pull = slopes @ inverse
    third = jax.jacfwd(lambda point: hessian(point, target))(theta)
    return slopes, pull, curved - jnp.einsum("jki,fi->fjk", third, pull)


def control_of(
    theta: Array,
    inverse: Array,
    groups: Sequence[GaussianGroup],
    stacked: Law,
    target: Law,
    design: Design,
    generator: Generator,
    minority: int,
) -> Control:
    """The control variates of a design with a fixed generator, their means included.

    Args:
        theta: the point that the functions are expanded at ``[p]``.
        inverse: inverse Hessian of the target there ``[p, p]``.
        groups, stacked: the groups, and their laws stacked.
        target: the law whose risk is the expected empirical risk.
        design, generator: what the data sets are drawn from.
        minority: index of the smallest group.
    """
    slope, pull, bend = _constants(theta, stacked, target, inverse, minority)
    control = Control(slope, pull, bend, jnp.zeros(len(pull)))
    return control._replace(mean=control_mean(control, theta, inverse, groups, design, generator))


def no_control(size: int) -> Control:
    """A control variate that is zero, for generators whose samples depend on each other.

    Args:
        size: parameters.
    """
    zero = jnp.zeros((3, size))
    return Control(zero, zero, jnp.zeros((3, size, size)), jnp.zeros(3))


def control_value(control: Control, inverse, theta, x, sign, weight, score) -> Array:
    """The control variates on one data set, ``score`` its empirical gradient: ``[F]``.

    Args:
        control: the functions, expanded at a point.
        inverse: of the Hessian of the expected empirical risk there ``[p, p]``.
        theta: the point ``[p]``.
        x, sign, weight: the data set.
        score: its empirical gradient at the point.
    """
    v = inverse @ score
    margin = sign * (theta[0] + x @ theta[1:])
    curvature = weight * jax.nn.sigmoid(margin) * jax.nn.sigmoid(-margin)
    along = curvature * (v[0] + x @ v[1:])
    moved = jnp.concatenate([jnp.sum(along)[None], along @ x])
    return control.pull @ (moved - score) + jnp.einsum("fjk,j,k->f", control.bend, v, v) / 2


def _parts(groups, segment, generator: Generator) -> Iterator[tuple]:
    """(probability, mean, covariance, sign) of what a segment's samples are drawn from."""
    g = segment.group
    if segment.part != "real" and generator.fitted:
        raise ValueError(
            f"generator: got {generator!r}, expected one that does not look at the seeds; "
            "the mean of a control variate is known only for independent samples."
        )
    law = groups[g].law if segment.part == "real" else generator.law(g, groups, ())
    return zip(*law, strict=True)


def _nodes(mean, cov, slope) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights for functions of the score times cubics in the features.

    Trapezoidal along the direction that the score varies in; across it, where only a cubic has to
    be integrated, the symmetric rule ``+- sqrt(d - 1) e_i``, exact to the third degree.
    """
    dim = len(mean)
    root = np.linalg.cholesky(cov)
    first = root.T @ slope
    basis, _ = np.linalg.qr(np.column_stack([first, np.eye(dim)]))
    z, weight = _GRID, np.exp(-(_GRID**2) / 2)
    weight = weight / weight.sum()
    if dim == 1:
        return mean + (z[:, None] * basis[:, 0]) @ root.T, weight
    across = np.concatenate([basis[:, 1:].T, -basis[:, 1:].T]) * np.sqrt(dim - 1)
    points = z[:, None, None] * basis[:, 0] + across[None]
    spread = np.repeat(weight / len(across), len(across))
    return mean + points.reshape(-1, dim) @ root.T, spread


def _sample_loss(theta, x, sign):
    return jnp.logaddexp(0.0, -sign * (theta[0] + x @ theta[1:]))


@quick_jit
def _sums(theta, x, sign, weight, pull, inverse):
    """Expectations over weighted points of the score, its square, the Hessian, and the mix."""
    scores = jax.vmap(jax.grad(_sample_loss), (None, 0, None))(theta, x, sign)
    hessians = jax.vmap(jax.hessian(_sample_loss), (None, 0, None))(theta, x, sign)
    mixed = jnp.einsum("n,fi,nij,jk,nk->f", weight, pull, hessians, inverse, scores)
    return (
        weight @ scores,
        jnp.einsum("n,ni,nj->ij", weight, scores, scores),
        jnp.einsum("n,nij->ij", weight, hessians),
        mixed,
    )


def control_mean(
    control: Control,
    theta: Array,
    inverse: Array,
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator,
) -> Array:
    """Expectation of the control variates from the laws of the samples: ``[F]``.

    Exact: with independent samples of weights ``w_i``, ``E[Hhat v]`` and ``E[v v']`` are products
    of expectations plus the sum of ``w_i^2`` times covariances within one sample.

    Args:
        control, theta, inverse: as for `control_value`.
        groups, design, generator: what is drawn.

    Raises:
        ValueError: for a generator that looks at the seeds.
    """
    size = theta.shape[0]
    mean, hess = np.zeros(size), np.zeros((size, size))
    cov, mixed = np.zeros((size, size)), np.zeros(len(control.pull))
    pull, slope = np.asarray(control.pull), np.asarray(theta)[1:]
    for segment in row_layout(design):
        first, second = np.zeros(size), np.zeros((size, size))
        curved, both = np.zeros((size, size)), np.zeros(len(pull))
        for share, centre, own_cov, sign in _parts(groups, segment, generator):
            x, weight = _nodes(centre, own_cov, slope)
            parts = _sums(theta, x, sign, share * weight, control.pull, inverse)
            for total, part in zip((first, second, curved, both), parts, strict=True):
                total += np.asarray(part)
        w, n = segment.row_weight, segment.count
        mean += n * w * first
        hess += n * w * curved
        cov += n * w**2 * (second - np.outer(first, first))
        mixed += n * w**2 * (both - pull @ curved @ np.asarray(inverse) @ first)
    inner = np.asarray(inverse)
    v = inner @ mean
    square = inner @ cov @ inner + np.outer(v, v)
    bent = np.einsum("fjk,jk->f", np.asarray(control.bend), square) / 2
    return jnp.asarray(mixed + pull @ (hess @ v - mean) + bent)
