"""Theorem K's experiments: designs with three and with four classes, replicate by replicate.

As in `simulate.experiments.experiment`, with ``delta = thetahat - theta_alpha`` and ``ghat`` the
empirical gradient at ``theta_alpha``,

    f(thetahat) - f(theta_alpha) + grad f . A^{-1} ghat

keeps what estimation adds, of order 1/n, without the linear noise, whose mean is known.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property, lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.simulate.experiments.configurations import (
    Configuration,
    generators_for,
)
from synthetic_oversampling.simulate.experiments.multiclass.fits import (
    nodes_of,
    softmax_errors,
    softmax_fit,
    softmax_gradient,
    softmax_loss,
    softmax_risks,
)
from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset, row_layout
from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.table import Generator, Oracle
from synthetic_oversampling.theory.multiclass.predict import (
    MulticlassPrediction,
    expected_multiclass_risk,
    predict_multiclass,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup

__all__ = ["EXPERIMENTS", "SETTINGS", "SUITE", "MulticlassExperiment", "multiclass_experiment"]

SUITE = "multiclass"  # name of the suite of these checks


def _three() -> Configuration:
    """Three classes of unequal sizes and covariances, none of which is a multiple of another."""
    groups = (
        GaussianGroup([0.0, 0.0], [[1.0, 0.3], [0.3, 0.8]], 0),
        GaussianGroup([1.4, 0.3], [[0.7, -0.2], [-0.2, 1.1]], 1),
        GaussianGroup([0.2, -1.3], [[1.3, 0.1], [0.1, 0.6]], 2),
    )
    return Configuration(
        name="three", groups=groups, sizes=(1500, 420, 300), augmentation=500, weight=0.3
    )


def _four() -> Configuration:
    """Four classes, each with a spurious attribute that agrees with it in most samples."""
    means = ((0.0, 0.0), (1.3, 0.2), (0.1, 1.4), (-1.1, -0.9))
    cov = np.diag([0.9, 1.1, 0.7])
    groups = tuple(
        GaussianGroup([*mean, 0.8 * s], cov, y, attribute=s)
        for y, mean in enumerate(means)
        for s in (-1, 1)
    )
    return Configuration(
        name="four",
        groups=groups,
        sizes=(700, 220, 240, 420, 480, 200, 220, 560),
        augmentation=200,
        weight=0.3,
        spurious=(2,),
    )


def _common() -> Configuration:
    """Three classes of one covariance, where raw training is known in closed form."""
    cov = [[1.1, 0.4], [0.4, 0.8]]
    means = ((0.0, 0.0), (1.3, 0.2), (-0.3, 1.2))
    groups = tuple(GaussianGroup(list(mean), cov, y) for y, mean in enumerate(means))
    return Configuration(
        name="common",
        groups=groups,
        sizes=(1400, 500, 350),
        augmentation=0,
        weight=0.0,
        common_cov=True,
    )


SETTINGS = {"three": _three, "four": _four, "common": _common}  # settings of family K, by name
_LABELS = {
    "three": ("raw", "weighted", "shifted", "mislabelled", "smote", "plugin"),
    "four": ("raw", "plugin"),
    "common": ("raw",),
}
# names of the experiments
EXPERIMENTS = tuple(f"{SUITE}/{name}-{label}" for name in SETTINGS for label in _LABELS[name])


class Probe(NamedTuple):
    """What a replicate is compared with, all constants.

    Attributes:
        star, alpha, elsewhere: points ``[C, p]``.
        inverse: ``A^{-1}`` at ``alpha`` ``[C p, C p]``.
        gradient_direction, displacement_direction: unit vectors ``[C p]``.
        risk_star, risk_alpha, error_alpha: ``[G]``; risk_slope, error_slope: ``[G, C p]``.
    """

    star: Array
    alpha: Array
    elsewhere: Array
    inverse: Array
    gradient_direction: Array
    displacement_direction: Array
    risk_star: Array
    risk_alpha: Array
    error_alpha: Array
    risk_slope: Array
    error_slope: Array


@dataclasses.dataclass(frozen=True)
class MulticlassExperiment:
    """A design on a configuration of more than two classes.

    Attributes:
        configuration: the groups and sizes.
        label: "raw", "weighted" or the generator's name.
        design: the design.
        generator: unused by the references.
    """

    configuration: Configuration
    label: str
    design: Design
    generator: Generator

    @property
    def name(self) -> str:
        """``multiclass/configuration-label``."""
        return f"{SUITE}/{self.configuration.name}-{self.label}"

    @property
    def fitted(self) -> bool:
        """Whether its generator looks at the seeds."""
        return self.design.scheme == "synthetic" and self.generator.fitted

    @property
    def block(self) -> int:
        """Replicates computed together."""
        rows = sum(segment.count for segment in row_layout(self.design))
        return block_for(rows, self.prediction.theta_star.size)

    @cached_property
    def prediction(self) -> MulticlassPrediction:
        """Theorem K's prediction."""
        return predict_multiclass(self.configuration.groups, self.design, self.generator)

    @cached_property
    def nodes(self):
        """Quadrature over the features of every group."""
        return nodes_of(self.configuration.groups)

    @cached_property
    def probe(self) -> Probe:
        """The constants replicates are compared with."""
        theory = self.prediction
        star, alpha = jnp.asarray(theory.theta_star), jnp.asarray(theory.theta_alpha)
        count = len(self.configuration.groups)
        scored = _scorer(self.configuration.name)
        (risk_alpha, error_alpha), (risk_slope, error_slope) = scored(alpha)
        tilt = 0.2 * jnp.cos(1.0 + jnp.arange(star.size, dtype=jnp.float64)).reshape(star.shape)
        return Probe(
            star=star,
            alpha=alpha,
            elsewhere=0.7 * star + tilt,
            inverse=jnp.linalg.inv(jnp.asarray(theory.curvature)),
            gradient_direction=_unit(theory.bias_gradient),
            displacement_direction=_unit(theory.displacement),
            risk_star=scored(star)[0][0],
            risk_alpha=risk_alpha,
            error_alpha=error_alpha,
            risk_slope=risk_slope.reshape(count, -1),
            error_slope=error_slope.reshape(count, -1),
        )

    @cached_property
    def objective(self) -> float:
        """Expected empirical risk at ``probe.elsewhere``."""
        point = np.asarray(self.probe.elsewhere)
        groups = self.configuration.groups
        return expected_multiclass_risk(point, groups, self.design, self.generator)

    @cached_property
    def loss_variance(self) -> np.ndarray:
        """Variance of the loss at ``probe.elsewhere`` in every group ``[G]``."""
        nodes, theta = self.nodes, np.asarray(self.probe.elsewhere)
        found = []
        for rows, weights, label in zip(nodes.rows, nodes.weights, nodes.labels, strict=True):
            scores = np.column_stack([np.zeros(len(rows)), rows @ theta.T])
            loss = np.logaddexp.reduce(scores, axis=1) - scores[:, label]
            found.append(weights @ (loss - weights @ loss) ** 2)
        return np.array(found)

    def functions(self):
        """``(draw, evaluate, shared)`` for `monte_carlo.run`: the same at every call."""
        return self._functions

    @cached_property
    def _functions(self):
        groups, design, generator = self.configuration.groups, self.design, self.generator

        def draw(key):
            return draw_dataset(groups, design, generator, key=key)

        return draw, _evaluator(self.configuration.name), self.probe


def _unit(vector) -> Array:
    vector = np.asarray(vector)
    if np.linalg.norm(vector) < 1e-7:
        vector = np.cos(0.5 + np.arange(vector.size))
    return jnp.asarray(vector / np.linalg.norm(vector))


@lru_cache(maxsize=8)
def _scorer(name: str):
    """Risks and error rates of every group, and their gradients."""
    both = _scores(name)

    def scored(theta):
        slopes, values = jax.jacfwd(lambda at: (found := both(at), found), has_aux=True)(theta)
        return values, slopes

    return quick_jit(scored)


def _scores(name: str):
    setting = SETTINGS[name]()
    nodes = nodes_of(setting.groups)

    def both(theta):
        return softmax_risks(theta, nodes), softmax_errors(theta, setting.groups)

    return both


@lru_cache(maxsize=8)
def _evaluator(name: str):
    """The evaluation of one replicate: one function, compiled once per shape."""
    scored, minority = _scores(name), SETTINGS[name]().minority

    def evaluate(data, probe):
        label = jnp.round((data.sign + 1) / 2)
        sample = (data.x, label, data.weight)
        linear = probe.inverse @ softmax_gradient(probe.alpha, *sample).ravel()
        near = probe.alpha - linear.reshape(probe.alpha.shape)
        result = softmax_fit(*sample, start=near)
        risks, errors = scored(result.theta)
        group_second = risks - probe.risk_alpha + probe.risk_slope @ linear
        error_second = errors - probe.error_alpha + probe.error_slope @ linear
        moved = (result.theta - probe.star).ravel()
        return {
            "objective": softmax_loss(probe.elsewhere, *sample),
            "gradient": softmax_gradient(probe.star, *sample).ravel() @ probe.gradient_direction,
            "theta": moved,
            "displacement": moved @ probe.displacement_direction,
            "excess": jnp.mean(risks - probe.risk_star),
            "second_order": jnp.mean(group_second),
            "group_second_order": group_second[minority],
            "error_second_order": error_second[minority],
            "not_converged": ~result.converged & ~result.separated,
            "separated": result.separated,
        }

    return evaluate


@lru_cache(maxsize=len(EXPERIMENTS))
def multiclass_experiment(name: str) -> MulticlassExperiment:
    """The experiment of a name in `EXPERIMENTS`.

    Args:
        name: such as "multiclass/three-raw".

    Example:
        >>> multiclass_experiment("multiclass/three-raw").design.scheme
        'raw'
    """
    chosen, _, label = name.removeprefix(f"{SUITE}/").partition("-")
    setting = SETTINGS[chosen]()
    if label == "raw":
        return MulticlassExperiment(setting, label, setting.raw, Oracle())
    if label == "weighted":
        return MulticlassExperiment(setting, label, setting.weighted, Oracle())
    return MulticlassExperiment(setting, label, setting.synthetic, generators_for(setting)[label])
