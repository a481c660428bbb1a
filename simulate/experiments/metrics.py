"""Theorem M's metrics of a configuration's replicates: what they are compared with.

With ``delta = theta_hat - theta_alpha`` and ``ghat`` the empirical gradient at ``theta_alpha``,

    m(theta_hat) - m(theta_alpha) + grad m . A^{-1} ghat

keeps what estimation adds, of order 1/n, without the linear noise, whose mean is known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.theory.population.metrics import (
    Classes,
    Expanded,
    classes_of,
    expanded,
)
from synthetic_oversampling.theory.prediction.excess_risk import Prediction
from synthetic_oversampling.theory.prediction.metrics import expected_metrics

__all__ = ["MEASURED", "PREVALENCE", "Linear", "classes", "linear", "second_order"]

PREVALENCE = 0.2  # share of positives for average precision and F1
# configurations and designs of which the metrics of every replicate are computed
MEASURED = tuple(
    (configuration, label)
    for configuration in ("mixture", "spurious")
    for label in ("raw", "weighted", "smote", "plugin")
)


class Linear(NamedTuple):
    """Metrics at the pseudo-true point, and what the empirical gradient there adds to them.

    Attributes:
        value: ``[4]``, in the order of `theory.population.metrics.METRICS`.
        pull: ``grad m . A^{-1}`` ``[4, p]``.
    """

    value: Array
    pull: Array


@lru_cache(maxsize=8)
def classes(name: str) -> Classes:
    """A configuration's groups by label.

    Args:
        name: of the configuration.
    """
    return classes_of(CONFIGURATIONS[name]().groups, prevalence=PREVALENCE)


@lru_cache(maxsize=64)
def _expansion(name: str, point: tuple[float, ...]) -> Expanded:
    return expanded(np.array(point), classes(name))


def _at(name: str, theory: Prediction) -> Expanded:
    return _expansion(name, tuple(np.asarray(theory.theta_alpha).tolist()))


def linear(name: str, theory: Prediction) -> Linear:
    """What a replicate's metrics are compared with.

    Args:
        name: of the configuration; theory: prediction of the design.
    """
    found = _at(name, theory)
    pull = found.slope @ np.linalg.inv(theory.curvature)
    return Linear(jnp.asarray(found.value), jnp.asarray(pull))


def second_order(name: str, theory: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """What theory says of the statistic ``metrics_second_order``, and its scale: ``[4]`` each.

    Args:
        name, theory: as for `linear`.
    """
    found, groups = _at(name, theory), CONFIGURATIONS[name]().groups
    expected = expected_metrics(groups, theory, prevalence=PREVALENCE)
    noise = np.array([metric.noise for metric in expected])
    drift = np.array([metric.drift for metric in expected])
    # the mean of the empirical gradient, which `Linear.pull` takes off
    drift += found.slope @ np.linalg.solve(theory.curvature, theory.generator_shift)
    curved = found.bend @ theory.cov
    square = np.einsum("kij,kji->k", curved, curved) / 2
    size = len(theory.estimator_bias)
    scale = np.maximum(np.abs(noise), np.sqrt(square * size / 2)) + np.abs(drift)
    return noise + drift, scale
