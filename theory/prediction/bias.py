"""Theorem B: the bias that synthetic samples and raw imbalance put into the learned classifier.

B1 (exact): the expected empirical risk of a design is ``R_bal + B`` with
``B = (1/G) sum_g c_g (Rtilde_g - R_g)``, ``c_g`` the design's synthetic weights.
B2 (exact): ``grad B_g`` at any point in closed form, for every generator with a closed-form law.
B3 (asymptotic): the pseudo-true point moves by ``-A^{-1} grad B + O(|grad B|^2)``, with
``A = H + Hess B`` the target's Hessian at the balanced optimum. With ``H`` for ``A`` the remainder
is of order ``|grad B| |Hess B|``: as large as the displacement itself for a generator whose bias
has a small gradient and no small Hessian, such as `Scaled` on groups that lie close together.
B4 (exact): raw ERM on two Gaussian classes with a common covariance moves the intercept by
``log(n_1 / n_0)`` and nothing else; errors follow in closed form.
B5 (exact for raw ERM, asymptotic for the remainder): the weight a classifier puts on spurious
features.

References: Nakada, Xu, Li, Zhang, arXiv 2406.03628 (setting and balanced risk); the sharp forms are
this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.seed_masses import (
    SeedMasses,
    cubed_weights,
    seed_masses,
)
from synthetic_oversampling.theory.generators.table import Generator, population_law
from synthetic_oversampling.theory.inputs import check_groups, per_group
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import (
    Point,
    error_rate,
    finite_point,
    gradient,
    risk,
)
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, halves
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss, require_loss
from synthetic_oversampling.theory.population.minimum import minimiser
from synthetic_oversampling.theory.population.moments import moments
from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.prediction.influence import second_order_risk

__all__ = [
    "BiasPrediction",
    "Population",
    "expected_empirical_risk",
    "generator_bias",
    "generator_bias_gradient",
    "population",
    "predict_bias",
    "spurious_displacement",
]


def generator_bias(
    theta: Point, group: GaussianGroup | Law, synthetic: Law, loss: Loss = LOGISTIC
) -> Float[Array, ""]:
    """``B_g(theta) = Rtilde_g(theta) - R_g(theta)``: what a generator's law does to the risk.

    Args:
        theta: ``[p]``, intercept first.
        group: the group, or its law.
        synthetic: the generator's law, of the same dimension (`theory.population_law`).
        loss: `LOGISTIC` or `SQUARED`.

    Returns:
        Nats.
    """
    return risk(theta, synthetic, loss) - risk(theta, group, loss)


def generator_bias_gradient(
    theta: Point, group: GaussianGroup | Law, synthetic: Law, loss: Loss = LOGISTIC
) -> Float[Array, " p"]:
    """``grad B_g(theta)``, exact for every generator with a closed-form law (theorem B2).

    Args:
        theta, group, synthetic, loss: as for `generator_bias`.

    Returns:
        ``[p]``, intercept first.

    Example:
        >>> import numpy as np, jax.numpy as jnp
        >>> from synthetic_oversampling.theory.generators.table import Mislabelled, population_law
        >>> group = GaussianGroup([1.0], [[1.0]], label=1)
        >>> flipped = population_law(Mislabelled(0.1), 0, [group], [50])
        >>> [round(float(v), 9) for v in generator_bias_gradient(jnp.zeros(2), group, flipped)]
        [0.1, 0.1]
    """
    return gradient(theta, synthetic, loss) - gradient(theta, group, loss)


class Population(NamedTuple):
    """A design on its groups, as population laws of NumPy arrays.

    Attributes:
        real, synthetic: stacked laws ``[G, K, ...]`` of the groups and of the generators.
        laws: both in one ``[2 G, K, ...]``.
        shares: of each of these in ``R_bal`` and in the expected empirical risk ``[2, 2 G]``.
        balanced: the law of ``R_bal``.
        target: the law whose risk is the expected empirical risk.
        real_mass, synthetic_mass: total weight of the groups' real and synthetic parts ``[G]``.
        masses: the same weights by what they depend on.
        cubes: sums of the cubed weights of the seeds and of the synthetic rows ``[2 G]``.
    """

    real: Law
    synthetic: Law
    laws: Law
    shares: np.ndarray
    balanced: Law
    target: Law
    real_mass: Array | np.ndarray
    synthetic_mass: Array | np.ndarray
    masses: SeedMasses
    cubes: np.ndarray


def population(
    groups: Sequence[GaussianGroup], design: Design, generator: Generator | Sequence[Generator]
) -> Population:
    """Validate a design on its groups and write it as population laws.

    Args:
        groups, design, generator: as for `predict_bias`.

    Raises:
        ValueError: for mismatched lengths or dimensions, a missing label, too few seeds, or a
            generator without a closed-form law.
    """
    require_float64("theory.prediction.bias.population")
    check_groups(groups, design)
    generators = per_group(generator, len(groups))
    real_mass = design.real_mass
    synthetic_mass = design.oversampling_mass + design.augmentation_mass
    uses_synthetic = synthetic_mass > 0
    for g, one in enumerate(generators):
        if uses_synthetic[g]:
            one.check_seeds(design.sizes, groups[0].dim)
    real = [group.law for group in groups]
    synthetic = [
        population_law(generator, g, groups, design.sizes) if uses_synthetic[g] else real[g]
        for g, generator in enumerate(generators)
    ]
    # room for both labels of every component: one compiled shape for all simple generators
    room = max(law.weights.size for law in real)
    laws = _padded([*real, *synthetic], max(2 * room, *(law.weights.size for law in synthetic)))
    both = halves(laws, room)
    count = len(groups)
    shares = np.zeros((2, 2 * count))
    shares[0, :count] = 1.0 / count
    shares[1] = *real_mass, *synthetic_mass
    weights = [
        (part[..., None] * law.weights).reshape(2, -1)
        for part, law in zip((shares[:, :count], shares[:, count:]), both, strict=True)
    ]
    balanced, target = np.concatenate(weights, axis=1)
    _, *components = (
        np.concatenate([part.reshape(-1, *part.shape[2:]) for part in pair])
        for pair in zip(*both, strict=True)
    )
    return Population(
        *both,
        laws,
        shares,
        Law(balanced, *components),
        Law(target, *components),
        real_mass,
        synthetic_mass,
        seed_masses(design, generators),
        cubed_weights(design, generators),
    )


def _padded(laws: Sequence[Law], size: int) -> Law:
    """Laws stacked on the host ``[G, size, ...]``; padding components have weight 0."""

    def stacked(parts) -> np.ndarray:
        room = np.zeros((len(parts), size, *parts[0].shape[1:]))
        for row, part in zip(room, parts, strict=True):
            row[: len(part)] = part
        return room

    return Law(*(stacked(parts) for parts in zip(*laws, strict=True)))


@partial(quick_jit, static_argnames=("families", "loss"))
def _expected_risk(theta, pieces, families, loss):
    value = risk(theta, pieces.target, loss)
    rest = (pieces.real, pieces.synthetic, pieces.masses, families, loss)
    return value + second_order_risk(theta, *rest)


def expected_empirical_risk(
    theta: Point,
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
) -> Float[Array, ""]:
    """``E Rhat(theta) = R_bal(theta) + B(theta)`` (theorem B1), nats.

    Exact for fixed generators, duplicates and interpolation with all seeds; for fitted Gaussian
    generators up to ``O(n^{-2})``, their curvature in the seeds being included.

    Args:
        theta: ``[p]``, intercept first.
        groups, design, generator, loss: as for `predict_bias`.

    Raises:
        ValueError: see `population`.

    Example:
        >>> import jax.numpy as jnp
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> value = expected_empirical_risk(jnp.zeros(2), groups, Design((9, 3)), Oracle())
        >>> round(float(value), 9)
        0.693147181
    """
    require_loss(loss)
    pieces = population(groups, design, generator)
    return _expected_risk(finite_point(theta), pieces, pieces.masses.families, loss)


class BiasPrediction(NamedTuple):
    """What a design does to the population optimum.

    Attributes:
        theta_star: balanced optimum ``[p]``.
        theta_alpha: pseudo-true point, the minimiser of the expected empirical risk ``[p]``.
        bias: ``B(theta*)``, nats.
        bias_gradient: ``grad B(theta*)`` ``[p]``.
        displacement: ``theta_alpha - theta*`` (exact) ``[p]``.
        displacement_linear: ``-A^{-1} grad B(theta*)``, ``A = H + Hess B(theta*)`` ``[p]``.
        excess: balanced excess risk ``R_bal(theta_alpha) - R_bal(theta*)``, nats.
        excess_quadratic: its small-bias form ``b' A^{-1} H A^{-1} b / 2``.
        group_excess: ``R_g(theta_alpha) - R_g(theta*)`` ``[G]``.
        group_error: error rate of ``theta_alpha`` per group ``[G]``.
    """

    theta_star: Array
    theta_alpha: Array
    bias: Array
    bias_gradient: Array
    displacement: Array
    displacement_linear: Array
    excess: Array
    excess_quadratic: Array
    group_excess: Array
    group_error: Array

    @property
    def balanced_error(self) -> Array:
        """Mean error rate over groups."""
        return jnp.mean(self.group_error)

    @property
    def worst_group_error(self) -> Array:
        """Largest error rate over groups."""
        return jnp.max(self.group_error)


@partial(quick_jit, static_argnames=("loss",))
def _bias(theta_star, theta_alpha, real, synthetic, real_mass, synthetic_mass, loss):
    stacked = jnp.stack([theta_star, theta_alpha])
    real_moments = jax.vmap(lambda theta: moments(theta, real, loss))(stacked)
    drawn = moments(theta_star, synthetic, loss)
    star, alpha = (jax.tree.map(lambda part, i=i: part[i], real_moments) for i in (0, 1))
    share = jnp.full_like(real_mass, 1.0 / real_mass.size)
    curvature = jnp.einsum("g,gpq->pq", share, star.hessian)
    slope = (real_mass - share) @ star.score_mean + synthetic_mass @ drawn.score_mean
    target = jnp.einsum("g,gpq->pq", real_mass, star.hessian)
    target = target + jnp.einsum("g,gpq->pq", synthetic_mass, drawn.hessian)
    move = -jnp.linalg.solve(target, slope)
    gaps = alpha.risk - star.risk
    return BiasPrediction(
        theta_star=theta_star,
        theta_alpha=theta_alpha,
        bias=(real_mass - share) @ star.risk + synthetic_mass @ drawn.risk,
        bias_gradient=slope,
        displacement=theta_alpha - theta_star,
        displacement_linear=move,
        excess=share @ gaps,
        excess_quadratic=move @ curvature @ move / 2,
        group_excess=gaps,
        group_error=jax.vmap(lambda law: error_rate(theta_alpha, law))(real),
    )


def predict_bias(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
) -> BiasPrediction:
    """Bias and displacement of a design, exact in the population (theorems B1 to B5).

    Args:
        groups: ``G`` groups of dimension ``d``, both labels present.
        design: sizes, augmentation and weight, or a reference design.
        generator: one for all groups, or one per group; ignored by reference designs.
        loss: `LOGISTIC` or `SQUARED`.

    Raises:
        ValueError: see `population`.

    Example:
        >>> import numpy as np
        >>> from synthetic_oversampling.theory.generators.table import Oracle
        >>> means = [[0, 0, 0], [1.5, 0.5, 0]]
        >>> groups = [GaussianGroup(mean, np.eye(3), y) for y, mean in enumerate(means)]
        >>> raw = predict_bias(groups, Design.raw((2000, 200)), Oracle())
        >>> round(float(raw.excess), 6), round(float(raw.displacement[0]), 6)
        (0.369885, -2.302585)
    """
    pieces = population(groups, design, generator)
    theta_star = minimiser(pieces.balanced, loss)
    theta_alpha = minimiser(pieces.target, loss)
    parts = (pieces.real, pieces.synthetic, pieces.real_mass, pieces.synthetic_mass)
    return _bias(theta_star, theta_alpha, *parts, loss)


def spurious_displacement(
    prediction: BiasPrediction, features: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Weight put on spurious features beyond the balanced optimum (theorem B5): exact, linear.

    Args:
        prediction: from `predict_bias`.
        features: indices of the spurious features, counted from 0.

    Returns:
        ``(exact, linear)``: entries of ``theta_alpha - theta*`` and of ``-A^{-1} grad B``.

    Raises:
        ValueError: for what is no index of a feature.
    """
    count = prediction.displacement.size - 1
    given = np.asarray(features)
    if given.dtype.kind not in "iu" or not np.all((given >= 0) & (given < count)):
        raise ValueError(
            f"features: got {given!r}, expected indices from 0 to {count - 1}, whole numbers."
        )
    index = given + 1
    return (
        np.asarray(prediction.displacement)[index],
        np.asarray(prediction.displacement_linear)[index],
    )
