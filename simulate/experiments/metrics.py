"""Theorem M's experiments: metrics of rules that are trained on the designs of configurations.

With ``delta = theta_hat - theta_alpha`` and ``ghat`` the empirical gradient at ``theta_alpha``,

    m(theta_hat) - m(theta_alpha) + grad m . A^{-1} ghat

keeps what estimation adds, of order 1/n, without the linear noise, whose mean is known.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property, lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.experiment import Experiment, experiment
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import empirical_gradient, fit
from synthetic_oversampling.theory.population.metrics import (
    Classes,
    Expanded,
    classes_of,
    expanded,
    metric_values,
)
from synthetic_oversampling.theory.prediction.metrics import expected_metrics

__all__ = ["EXPERIMENTS", "PREVALENCE", "MetricExperiment", "metric_experiment"]

PREVALENCE = 0.2  # share of positives for average precision and F1
# names of the experiments
EXPERIMENTS = tuple(
    f"metrics/{configuration}-{label}"
    for configuration in ("mixture", "spurious")
    for label in ("raw", "weighted", "smote", "plugin")
)


@dataclasses.dataclass(frozen=True)
class MetricExperiment:
    """The metrics of a design of a configuration, replicate by replicate.

    Attributes:
        configuration: name of the configuration; label: of the design, see `experiment`.
    """

    configuration: str
    label: str

    @property
    def base(self) -> Experiment:
        """The design on its configuration."""
        return experiment(self.configuration, self.label)

    @property
    def block(self) -> int:
        """Replicates computed together."""
        return self.base.block

    @cached_property
    def classes(self) -> Classes:
        """The configuration's groups by label."""
        return classes_of(self.base.configuration.groups, prevalence=PREVALENCE)

    @cached_property
    def expansion(self) -> Expanded:
        """The metrics at the pseudo-true point."""
        return expanded(np.asarray(self.base.prediction.theta_alpha), self.classes)

    @cached_property
    def second_order(self) -> tuple[np.ndarray, np.ndarray]:
        """What theory says of the statistic ``second_order``, and its scale ``[4]`` each."""
        theory, (_, slope, bend, _) = self.base.prediction, self.expansion
        groups = self.base.configuration.groups
        expected = expected_metrics(groups, theory, prevalence=PREVALENCE)
        noise = np.array([metric.noise for metric in expected])
        drift = np.array([metric.drift for metric in expected])
        drift += slope @ np.linalg.solve(theory.curvature, theory.generator_shift)  # in `pull`
        curved = bend @ theory.cov
        square = np.einsum("kij,kji->k", curved, curved) / 2
        size = len(theory.estimator_bias)
        scale = np.maximum(np.abs(noise), np.sqrt(square * size / 2)) + np.abs(drift)
        return noise + drift, scale

    @cached_property
    def probe(self) -> tuple[jax.Array, ...]:
        """What a replicate is compared with: point, metrics there, and the linear part."""
        theory, (value, slope, *_) = self.base.prediction, self.expansion
        pull = slope @ np.linalg.inv(theory.curvature)
        return tuple(map(jnp.asarray, (theory.theta_alpha, value, pull)))

    def functions(self):
        """``(draw, evaluate)`` for `monte_carlo.run`: the same two at every call."""
        return self._functions

    @cached_property
    def _functions(self):
        base, classes, probe = self.base, self.classes, self.probe
        groups, design = base.configuration.groups, base.design

        def draw(key):
            return draw_dataset(groups, design, base.generator, key=key), probe

        def evaluate(inputs):
            data, (start, at_start, pull) = inputs
            sample = (data.x, data.sign, data.weight)
            result = fit(*sample, start=start)
            values = metric_values(result.theta, classes)
            score = empirical_gradient(start, *sample)
            return {
                "second_order": values - at_start + pull @ score,
                "not_converged": ~result.converged & ~result.separated,
                "separated": result.separated,
            }

        return draw, evaluate


@lru_cache(maxsize=len(EXPERIMENTS))
def metric_experiment(name: str) -> MetricExperiment:
    """The experiment of a name in `EXPERIMENTS`.

    Args:
        name: such as "metrics/mixture-raw".

    Example:
        >>> metric_experiment("metrics/mixture-raw").base.name
        'mixture/raw'
    """
    configuration, _, label = name.removeprefix("metrics/").partition("-")
    return MetricExperiment(configuration, label)
