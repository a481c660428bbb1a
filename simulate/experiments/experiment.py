"""One experiment: a design on a configuration, replicated, with every statistic a check may read.

Each replicate draws a data set, fits the classifier and evaluates it exactly (closed-form risks, no
test sample). Statistics whose noise is dominated by a term with exactly known mean are reported
with that term removed: with ``delta = theta_hat - theta_alpha`` and ``ghat`` the empirical gradient
at ``theta_alpha``, any function ``f`` of the estimate satisfies

    f(theta_hat) - f(theta_alpha) + grad f . A^{-1} ghat
        = curvature and estimator-bias terms, of order 1/n,

so that ``E ghat = q`` (zero for a fixed generator) leaves an observable whose mean is the predicted
second-order part and whose spread is of the same order, instead of ``n`` times larger.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    Configuration,
    generators_for,
)
from synthetic_oversampling.simulate.experiments.metrics import (
    MEASURED,
    Linear,
    classes,
    linear,
)
from synthetic_oversampling.simulate.replicates.control import (
    Control,
    control_of,
    control_value,
    no_control,
)
from synthetic_oversampling.simulate.replicates.sharding import block_for
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset, row_layout
from synthetic_oversampling.simulate.sampling.erm import empirical_gradient, fit
from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.table import Generator, Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.expectations import quadrature
from synthetic_oversampling.theory.population.groups import error_rate, gradient, risk
from synthetic_oversampling.theory.population.laws import Law, law_of, stack
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.population.metrics import metric_values
from synthetic_oversampling.theory.prediction.bias import expected_empirical_risk, population
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict

__all__ = ["Experiment", "Probe", "experiment", "group_derivatives"]


class Probe(NamedTuple):
    """What a replicate is compared with: points, directions and derivatives, all constants.

    Attributes:
        star, alpha: balanced optimum and pseudo-true point ``[p]``.
        elsewhere: a point off both, where the expected empirical risk is checked ``[p]``.
        inverse: inverse Hessian of the target at ``alpha`` ``[p, p]``.
        gradient_direction, displacement_direction: unit vectors ``[p]``.
        group_risk_star, group_risk_alpha, group_error_alpha: ``[G]``.
        group_slope, group_error_slope: gradients at ``alpha`` ``[G, p]``.
        control: control variates of the second-order parts (`simulate.replicates.control`).
        metrics: of theorem M, for the experiments in `MEASURED`.
    """

    star: Array
    alpha: Array
    elsewhere: Array
    inverse: Array
    gradient_direction: Array
    displacement_direction: Array
    group_risk_star: Array
    group_risk_alpha: Array
    group_error_alpha: Array
    group_slope: Array
    group_error_slope: Array
    control: Control
    metrics: Linear | None


@quick_jit
def group_derivatives(theta, groups: Law):
    """Risk, its gradient, error rate and its gradient for stacked groups.

    Args:
        theta: where, intercept first.
        groups: their laws, stacked.
    """
    return (
        jax.vmap(lambda law: risk(theta, law))(groups),
        jax.vmap(lambda law: gradient(theta, law))(groups),
        *jax.vmap(lambda law: jax.value_and_grad(error_rate)(theta, law))(groups),
    )


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A design and generator on a named configuration.

    Attributes:
        configuration: the groups and sizes.
        label: "raw", "weighted" or the generator's name.
        design: the design.
        generator: the generator (unused by the references).
    """

    configuration: Configuration
    label: str
    design: Design
    generator: Generator

    @property
    def name(self) -> str:
        """``configuration/label``."""
        return f"{self.configuration.name}/{self.label}"

    @property
    def rows(self) -> int:
        """Rows of one data set."""
        return sum(segment.count for segment in row_layout(self.design))

    @property
    def block(self) -> int:
        """Replicates computed together."""
        return block_for(self.rows, self.configuration.dim + 1)

    @cached_property
    def prediction(self) -> Prediction:
        """Theorem R's prediction."""
        return predict(self.configuration.groups, self.design, self.generator)

    @cached_property
    def probe(self) -> Probe:
        """The constants replicates are compared with."""
        theory, name = self.prediction, self.configuration.name
        groups = stack([group.law for group in self.configuration.groups])
        risk_star, *_ = group_derivatives(theory.theta_star, groups)
        at_alpha = group_derivatives(theory.theta_alpha, groups)
        risk_alpha, slope, error_alpha, error_slope = at_alpha
        size = theory.theta_star.size
        inverse = jnp.linalg.inv(theory.curvature)
        tilt = 0.2 * jnp.cos(1.0 + jnp.arange(size, dtype=jnp.float64))
        return Probe(
            star=theory.theta_star,
            alpha=theory.theta_alpha,
            elsewhere=0.7 * theory.theta_star + tilt,
            inverse=inverse,
            gradient_direction=_unit(jnp.asarray(theory.bias_gradient)),
            displacement_direction=_unit(jnp.asarray(theory.displacement)),
            group_risk_star=risk_star,
            group_risk_alpha=risk_alpha,
            group_error_alpha=error_alpha,
            group_slope=slope,
            group_error_slope=error_slope,
            control=self._control(theory.theta_alpha, inverse, groups),
            metrics=linear(name, theory) if (name, self.label) in MEASURED else None,
        )

    @property
    def remainder(self) -> float:
        """Allowed relative remainder of the second order: ``2 p / n`` of the smallest group.

        The next term of the expansion is of relative order ``p / n_min``; the coefficient 2 covers
        what doubling all sizes shows on these configurations.
        """
        return 2.0 * (self.configuration.dim + 1) / min(self.configuration.sizes)

    @property
    def controlled(self) -> bool:
        """Whether the samples are independent, so that control variates have a known mean."""
        return self.design.scheme != "synthetic" or not self.generator.fitted

    def _control(self, theta, inverse, stacked: Law) -> Control:
        if not self.controlled:
            return no_control(theta.size)
        groups = self.configuration.groups
        target = population(groups, self.design, self.generator).target
        return control_of(
            theta,
            inverse,
            groups,
            stacked,
            target,
            self.design,
            self.generator,
            self.configuration.minority,
        )

    @cached_property
    def objective(self) -> tuple[float, float]:
        """Expected empirical risk at ``probe.elsewhere``, and the spread of one replicate's."""
        groups, theta = self.configuration.groups, self.probe.elsewhere
        pieces = population(groups, self.design, self.generator)
        value = float(expected_empirical_risk(theta, groups, self.design, self.generator))
        laws = (pieces.real, pieces.synthetic)
        real, drawn = (np.asarray(_loss_variance(theta, law)) for law in laws)
        seeds = np.asarray(pieces.real_mass)
        if self.generator.fitted:  # an upper estimate: as if samples followed their seeds
            seeds = seeds + np.asarray(pieces.synthetic_mass)
        noise = np.asarray(pieces.masses.noise)
        spread = np.sum(seeds**2 / np.asarray(self.design.sizes) * real + noise * drawn)
        return value, float(np.sqrt(spread))

    def functions(self):
        """``(draw, evaluate, shared)`` for `monte_carlo.run`: the same at every call, so that they
        are compiled once."""
        return self._functions

    @cached_property
    def _functions(self):
        layout = row_layout(self.design)
        weight = np.repeat([part.row_weight for part in layout], [part.count for part in layout])
        # weighted rows are those of raw training
        drawn = experiment(self.configuration.name, "raw") if self.label == "weighted" else self
        shared = self.probe, jnp.asarray(weight)
        return drawn._draw, evaluator(self.configuration.name), shared

    @cached_property
    def _draw(self):
        groups, design, generator = self.configuration.groups, self.design, self.generator

        def draw(key):
            data = draw_dataset(groups, design, generator, key=key)
            return data.x, data.sign

        return draw


def _unit(vector: Array) -> Array:
    """The vector's direction; a fixed asymmetric direction when it vanishes."""
    size = vector.size
    fallback = jnp.cos(0.5 + jnp.arange(size, dtype=jnp.float64))
    length = jnp.linalg.norm(vector)
    chosen = jnp.where(length > 1e-9, vector, fallback)
    return chosen / jnp.linalg.norm(chosen)


@quick_jit
@partial(jax.vmap, in_axes=(None, 0))
def _loss_variance(theta, law: Law):
    """Variance of the loss at a point under stacked laws, by quadrature of its square."""
    margin = law.signs * (theta[0] + law.means @ theta[1:])
    std = jnp.sqrt(jnp.maximum((law.covs @ theta[1:]) @ theta[1:], 0.0))
    nodes, weights = quadrature(margin, std)
    values = LOGISTIC.value(margin[:, None] + std[:, None] * nodes)
    mass = law.weights[:, None] * weights
    mean = jnp.sum(mass * values)
    return jnp.sum(mass * (values - mean) ** 2)


@lru_cache(maxsize=16)
def evaluator(name: str):
    """The evaluation of one replicate on a configuration: one function, compiled once per shape.

    Its metrics, which take as long as the fit, are computed where the probe has some.
    """
    configuration = CONFIGURATIONS[name]()
    groups = stack([law_of(group) for group in configuration.groups])
    minority = configuration.minority

    def evaluate(rows, shared):
        (x, sign), (probe, weight) = rows, shared
        sample = (x, sign, weight)
        margin = sign * (probe.elsewhere[0] + x @ probe.elsewhere[1:])
        result = fit(*sample, start=probe.alpha, metric=probe.inverse)
        score = empirical_gradient(probe.alpha, *sample)
        risks = jax.vmap(lambda law: risk(result.theta, law))(groups)
        errors = jax.vmap(lambda law: error_rate(result.theta, law))(groups)
        linear = probe.inverse @ score
        group_second = risks - probe.group_risk_alpha + probe.group_slope @ linear
        error_second = errors - probe.group_error_alpha + probe.group_error_slope @ linear
        second_order = jnp.mean(group_second)
        minority_parts = (group_second[minority], error_second[minority])
        control = control_value(probe.control, probe.inverse, probe.alpha, *sample, score)
        controlled = jnp.stack([second_order, *minority_parts]) - control + probe.control.mean
        more, at = {}, probe.metrics
        if at is not None:
            moved = metric_values(result.theta, classes(name)) - at.value
            more["metrics_second_order"] = moved + at.pull @ score
        return {
            "controlled": controlled,
            "objective": jnp.sum(weight * LOGISTIC.value(margin)),
            "gradient": empirical_gradient(probe.star, *sample) @ probe.gradient_direction,
            "theta": result.theta - probe.star,
            "displacement": (result.theta - probe.star) @ probe.displacement_direction,
            "excess": jnp.mean(risks - probe.group_risk_star),
            "second_order": second_order,
            "group_excess": risks - probe.group_risk_star,
            "group_second_order": group_second,
            "error": errors,
            "error_second_order": error_second,
            "not_converged": ~result.converged & ~result.separated,
            "separated": result.separated,
            **more,
        }

    return evaluate


@lru_cache(maxsize=128)
def experiment(configuration: str, label: str) -> Experiment:
    """The experiment with this label on a named configuration.

    Args:
        configuration: its name.
        label: "raw", "weighted", or one of a generator's.

    Raises:
        ValueError: for another label, listing those that exist.

    Example:
        >>> experiment("two-gaussians", "raw").design.scheme
        'raw'
    """
    setting = CONFIGURATIONS[configuration]()
    if label == "raw":
        return Experiment(setting, label, setting.raw, Oracle())
    if label == "weighted":
        return Experiment(setting, label, setting.weighted, Oracle())
    generators = generators_for(setting)
    if label not in generators:
        raise ValueError(
            f"label: got {label!r}, expected 'raw', 'weighted' or one of {sorted(generators)}."
        )
    return Experiment(setting, label, setting.synthetic, generators[label])
