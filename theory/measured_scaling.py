"""Theorem S1's hyperbola for a generator without a closed form, from what it drew.

The moments of the two parts of a design's gradient (`theory.scaling_moments`) as averages over
independent sets of seeds, for SMOTE with ``k`` neighbours, a trained network, or a program whose
output is all one has. As every hyperbola it is for small biases with small Hessians; for others,
`theory.measured.predict_measured` at single weights and sizes. Labelled measured: standard errors
come from a jackknife over blocks of sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from theory.design import Design, sizes_of
from theory.groups import gradient, hessian
from theory.inputs import check_groups
from theory.laws import GaussianGroup, balanced_law
from theory.margins import LOGISTIC, Loss, require_loss
from theory.measured import MeasuredSamples, check_samples, jackknife, scores
from theory.minimum import minimiser
from theory.precision import require_float64
from theory.scaling_law import ScalingLaw, scaling_law
from theory.wording import counted

__all__ = ["MeasuredLaw", "measured_law"]


class MeasuredLaw(NamedTuple):
    """A measured law of small biases.

    Attributes:
        law: the hyperbola.
        errors: standard errors of ``A``, ``C``, ``D``, ``S``, in this order ``[4]``.
    """

    law: ScalingLaw
    errors: np.ndarray


def _moments(own: MeasuredSamples, theta, sign, true_mean, loss: Loss) -> tuple[np.ndarray, ...]:
    """Bias, its sampling covariance, seed covariances and the samples' own covariance."""
    real = np.asarray(jnp.mean(scores(theta, own.seeds, sign, loss), axis=1))
    drawn = np.asarray(scores(theta, own.synthetic, sign, loss))
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
    """The hyperbola of a generator that is known by its samples (S1's second part, measured).

    Statement (S1 on measured moments): as `theory.scaling_moments.scaling_moments`, with the bias
    gradients, seed covariances and score covariances of the generator replaced by unbiased
    estimates; the squared bias is corrected for its own sampling noise. Where noise leaves a
    negative ``D``, or ``C^2 > A D``, the nearest values that a design can have are taken.

    Args:
        groups: ``G`` groups, both labels present.
        sizes: real samples per group.
        samples: per group what the generator drew, from `simulate.measure.measure_generator`.
        loss: the loss.
        blocks: blocks of sets for the jackknife standard errors.

    Raises:
        ValueError: for mismatched lengths, sizes or dimensions, or too few sets.
    """
    require_float64("theory.measured_scaling.measured_law")
    design = Design(sizes_of(sizes), 1, 1.0)
    check_groups(groups, design)
    require_loss(loss)
    check_samples(samples, len(groups), blocks)
    if any(own is None for own in samples):
        raise ValueError(
            "samples: got None for a group, expected what the generator drew for every group, "
            "because augmentation adds to all of them."
        )
    for g, own in enumerate(samples):
        sets, n, dim = np.shape(own.seeds)
        drawn = np.shape(own.synthetic)
        wanted = (design.sizes[g], groups[g].dim)
        if (n, dim) != wanted or drawn[1] < 2 or drawn != (sets, drawn[1], dim):
            raise ValueError(
                f"samples: got seeds {np.shape(own.seeds)} and synthetic {drawn} for group {g}, "
                f"expected {counted(design.sizes[g], 'seed')} in dimension {groups[g].dim} and at "
                "least 2 synthetic samples a set."
            )
    samples = [MeasuredSamples(*map(jnp.asarray, own)) for own in samples]
    balanced = balanced_law(groups)
    star = minimiser(balanced, loss)
    inverse = np.linalg.inv(np.asarray(hessian(star, balanced, loss)))
    means = [np.asarray(gradient(star, group.law, loss)) for group in groups]

    def law(subset: Sequence[MeasuredSamples]) -> np.ndarray:
        parts = [
            _moments(own, star, group.sign, mean, loss)
            for own, group, mean in zip(subset, groups, means, strict=True)
        ]
        return _combine(parts, inverse, design)

    over, cross, aug, fresh = law(samples)
    errors = jackknife(samples, blocks, law)
    over, aug = max(over, 0.0), max(aug, 0.0)
    limit = np.sqrt(over * aug)
    return MeasuredLaw(scaling_law(over, np.clip(cross, -limit, limit), aug, fresh), errors)


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
