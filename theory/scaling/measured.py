"""Theorem S1 for a generator without a closed form, from what it drew.

The global law of `theory.law_of_design` with the generator's law a cloud of what it drew from
independent sets of seeds, for SMOTE with ``k`` neighbours, a trained network, or a program whose
output is all one has: theorem R's full form at the pseudo-true points of a few weights, on measured
means and covariances, as `theory.prediction.measured.predict_measured` has it. The cloud's own
sampling noise moves these points as a design's noise does, and what that adds is subtracted.
Labelled measured: standard errors come from a jackknife over blocks of sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.inputs import check_groups
from synthetic_oversampling.theory.population.design import Design, sizes_of
from synthetic_oversampling.theory.population.groups import gradient, hessian, risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, balanced_law
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss, require_loss
from synthetic_oversampling.theory.population.minimum import minimiser
from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.prediction.measured import (
    MeasuredSamples,
    Part,
    check_samples,
    jackknife,
    left_out,
    pseudo_true,
    require_settled,
    scores,
    unsettled,
)
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw, global_law
from synthetic_oversampling.theory.scaling.scaling_law import scaling_law
from synthetic_oversampling.theory.wording import counted

__all__ = ["MeasuredLaw", "measured_law"]

_TOLERANCE = 1e-5  # of the polynomials: far below what a measurement tells


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredLaw:
    """A measured scaling law.

    Attributes:
        law: the global law; ``law.hyperbola`` is that of small biases.
        errors: standard errors of the hyperbola's ``A``, ``C``, ``D``, ``S``, in this order
            ``[4]``.
        remeasured: makes the global law without one block of sets after another.
    """

    law: GlobalLaw
    errors: np.ndarray
    remeasured: Callable[[], tuple[GlobalLaw, ...]]

    @cached_property
    def _blocks(self) -> tuple[GlobalLaw, ...]:
        return self.remeasured()

    def error(self, question: Callable[[GlobalLaw], float | np.ndarray]) -> np.ndarray:
        """Standard error of anything that the law is asked, from the jackknife.

        The first question makes the law anew for every block of sets.

        Args:
            question: such as ``lambda law: law.best_excess(2000)``.

        Returns:
            In the shape of the answer.
        """
        found = [np.asarray(question(law)) for law in self._blocks]
        return (len(found) - 1) / np.sqrt(len(found)) * np.std(found, axis=0)


class _Measured(NamedTuple):
    """What the law is measured with: groups' laws, signs, design, optimum, loss."""

    reals: tuple[Law, ...]
    signs: tuple[float, ...]
    design: Design
    balanced: Law
    star: jax.Array
    loss: Loss


def _parts_at(weight: float, signs, design: Design) -> tuple[Part, ...]:
    """Weights of a design without end of augmentation."""
    design_at = Design(design.sizes, np.inf, weight)
    synthetic = design_at.oversampling_mass + design_at.augmentation_mass
    rows = zip(
        signs,
        design_at.real_mass,
        synthetic,
        design_at.synthetic_noise,
        design_at.sizes,
        strict=True,
    )
    return tuple(Part(*map(float, row)) for row in rows)


def _at_weight(samples, reals, parts, start, star, balanced, loss, steps) -> tuple:
    """The excess without end of augmentation, and what one sample's noise adds to it."""
    alpha, derivatives = pseudo_true(samples, reals, parts, start, loss, steps)
    slope, curvature = derivatives(alpha)
    inverse = jnp.linalg.inv(curvature)

    def noises(theta):
        """Of the seeds and of levelling, less the measurement's own; of one sample a group."""
        limit = one = jnp.zeros((theta.size,) * 2)
        for sample, part in zip(samples, parts, strict=True):
            real = jnp.mean(scores(theta, sample.seeds, part.sign, loss), axis=1)
            drawn = scores(theta, sample.synthetic, part.sign, loss)
            centre = jnp.mean(drawn, axis=1)
            sets, count = drawn.shape[:2]
            apart = (drawn - centre[:, None]).reshape(-1, theta.size)
            within = apart.T @ apart / (sets * (count - 1))
            mass = part.synthetic_mass
            limit = limit + jnp.cov(part.real_mass * real + mass * centre, rowvar=False)
            limit = limit - mass**2 * (within / count + jnp.cov(centre, rowvar=False) / sets)
            limit, one = limit + part.noise * within, one + within / len(parts) ** 2
        return jnp.stack([limit, one])

    covs = inverse @ noises(alpha) @ inverse
    along = inverse @ gradient(alpha, balanced, loss)

    def potential(theta):
        bent = jnp.einsum("kpq,qp->k", covs, derivatives(theta)[1])
        return jnp.einsum("pq,kqp->k", inverse, noises(theta)) - bent

    turn = jax.jvp(potential, (alpha,), (along,))[1]
    spread = jnp.einsum("pq,kqp->k", hessian(alpha, balanced, loss), covs)
    parted = (spread + turn) / 2
    bias = risk(alpha, balanced, loss) - risk(star, balanced, loss)
    return alpha, bias + parted[0], parted[1], unsettled(alpha, inverse, slope)


_quick_at_weight = quick_jit(_at_weight, static_argnames=("loss", "steps"), level=1)


def _global(parts: _Measured, samples, starts: dict, hyperbola) -> GlobalLaw:
    """The global law of some samples; where `starts` has a weight's point, it starts there."""

    def along(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = []
        for weight in weights:
            near = starts.get(float(weight))
            alpha, *values, left = _quick_at_weight(
                samples,
                parts.reals,
                _parts_at(weight, parts.signs, parts.design),
                parts.star if near is None else near,
                parts.star,
                parts.balanced,
                loss=parts.loss,
                steps=15 if near is None else 6,
            )
            require_settled(left)
            starts.setdefault(float(weight), alpha)
            found.append([float(value) for value in values])
        limit, noise = np.array(found).T
        return limit, noise

    return global_law(along, hyperbola, tolerance=_TOLERANCE)


def _moments(sample: MeasuredSamples, theta, sign, true_mean, loss: Loss) -> tuple[np.ndarray, ...]:
    """Bias, its sampling covariance, seed covariances and the samples' own covariance."""
    real = np.asarray(jnp.mean(scores(theta, sample.seeds, sign, loss), axis=1))
    drawn = np.asarray(scores(theta, sample.synthetic, sign, loss))
    sets, count, size = drawn.shape
    centre = drawn.mean(axis=1)
    apart = (drawn - centre[:, None]).reshape(-1, size)
    within = apart.T @ apart / (sets * (count - 1))
    joint = np.cov(np.concatenate([real, centre], axis=1), rowvar=False)
    score, cross, seed = joint[:size, :size], joint[:size, size:], joint[size:, size:]
    return centre.mean(axis=0) - true_mean, seed / sets, score, cross, seed - within / count, within


def measured_law(
    groups: Sequence[GaussianGroup],
    sizes: Sequence[int],
    samples: Sequence[MeasuredSamples],
    loss: Loss = LOGISTIC,
    blocks: int = 8,
) -> MeasuredLaw:
    """The global law of a generator that is known by its samples (S1, measured).

    Statement (S1 on measured moments): as `theory.law_of_design`, asymptotic with a remainder of
    relative order ``1/n`` as `theory.prediction.measured.predict_measured`; the excess that the
    samples' own noise adds is subtracted to first order. Of the law's hyperbola the squared bias is
    corrected for the same, and where noise leaves a negative ``D``, or ``C^2 > A D``, the nearest
    values that a design can have are taken.

    Args:
        groups: ``G`` groups, both labels present.
        sizes: real samples per group.
        samples: per group what the generator drew, from `simulate.measure_generator`.
        loss: the loss.
        blocks: blocks of sets for the jackknife standard errors.

    Raises:
        ValueError: for mismatched lengths, sizes or dimensions, too few sets, or samples without a
            finite minimiser at some weight.
    """
    require_float64("theory.scaling.measured.measured_law")
    design = Design(sizes_of(sizes), 1, 1.0)
    check_groups(groups, design)
    require_loss(loss)
    check_samples(samples, len(groups), blocks)
    if any(sample is None for sample in samples):
        raise ValueError(
            "samples: got None for a group, expected what the generator drew for every group, "
            "because augmentation adds to all of them."
        )
    for g, sample in enumerate(samples):
        sets, n, dim = np.shape(sample.seeds)
        drawn = np.shape(sample.synthetic)
        wanted = (design.sizes[g], groups[g].dim)
        if (n, dim) != wanted or drawn[1] < 2 or drawn != (sets, drawn[1], dim):
            raise ValueError(
                f"samples: got seeds {np.shape(sample.seeds)} and synthetic {drawn} for group {g}, "
                f"expected {counted(design.sizes[g], 'seed')} in dimension {groups[g].dim} and at "
                "least 2 synthetic samples a set."
            )
    samples = [MeasuredSamples(*map(jnp.asarray, sample)) for sample in samples]
    balanced = balanced_law(groups)
    star = minimiser(balanced, loss)
    inverse = np.linalg.inv(np.asarray(hessian(star, balanced, loss)))
    means = [np.asarray(gradient(star, group.law, loss)) for group in groups]

    def law(subset: Sequence[MeasuredSamples]) -> np.ndarray:
        parts = [
            _moments(sample, star, group.sign, mean, loss)
            for sample, group, mean in zip(subset, groups, means, strict=True)
        ]
        return _combine(parts, inverse, design)

    over, cross, aug, fresh = law(samples)
    errors = jackknife(samples, blocks, law)
    over, aug = max(over, 0.0), max(aug, 0.0)
    limit = np.sqrt(over * aug)
    small = scaling_law(over, np.clip(cross, -limit, limit), aug, fresh)
    reals, signs = tuple(group.law for group in groups), tuple(group.sign for group in groups)
    setting = _Measured(
        reals=reals, signs=signs, design=design, balanced=balanced, star=star, loss=loss
    )
    starts: dict = {}
    whole = _global(setting, tuple(samples), starts, lambda: small)
    again = partial(_remeasured, setting, samples, blocks, starts, small)
    return MeasuredLaw(whole, errors, again)


def _remeasured(
    parts: _Measured, samples, blocks: int, starts: dict, small
) -> tuple[GlobalLaw, ...]:
    return tuple(_global(parts, part, starts, lambda: small) for part in left_out(samples, blocks))


def _combine(parts, inverse: np.ndarray, design: Design) -> np.ndarray:
    count = design.num_groups
    bias_over = bias_aug = np.zeros(len(inverse))
    over = both = aug = fresh = np.zeros_like(inverse)
    for rho, (bias, noise, score, cross, seed, within) in zip(design.ratios, parts, strict=True):
        bias_over, bias_aug = bias_over + (1 - rho) * bias, bias_aug + bias
        over = over + rho**2 * score + rho * (1 - rho) * (cross + cross.T)
        over = over + (1 - rho) ** 2 * (seed - noise) + (1 - rho) / design.n_max * within
        both = both + rho * cross + (1 - rho) * (seed - noise)
        aug, fresh = aug + seed - noise, fresh + within
    pairs = ((bias_over, bias_over, over), (bias_over, bias_aug, both), (bias_aug, bias_aug, aug))
    values = [left @ inverse @ right + np.sum(inverse * cov) for left, right, cov in pairs]
    return np.array([*values, np.sum(inverse * fresh)]) / count**2
