"""Groups, sizes, generators and rows that the battery calls the package with: none symmetric."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.theory import GaussianGroup
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)

__all__ = [
    "EMBEDDINGS",
    "GENERATORS",
    "KEY",
    "PAIR",
    "SEEDS",
    "SIGN",
    "SIZES",
    "THETA",
    "THREE",
    "TRIPLE",
    "WEIGHT",
    "X",
]

KEY = 7
PAIR = (
    GaussianGroup([0.2, -0.1], [[1.0, 0.3], [0.3, 0.8]], 0),
    GaussianGroup([1.2, 0.7], [[0.7, -0.1], [-0.1, 1.2]], 1),
)
TRIPLE = (
    *PAIR,
    GaussianGroup(
        [[0.3, 1.0], [-0.9, 0.4]],
        [[[0.5, 0.1], [0.1, 0.9]], [[0.6, 0.0], [0.0, 0.4]]],
        1,
        weights=[0.3, 0.7],
    ),
)
SIZES = (500, 90)
THREE = (700, 400, 150)
THETA = (-0.3, 0.9, 0.5)
GENERATORS = {
    "oracle": Oracle(),
    "shifted": Shifted((0.3, -0.2)),
    "scaled": Scaled(0.6),
    "mislabelled": Mislabelled(0.12),
    "duplicate": Duplicate(),
    "smote": Smote(),
    "plugin-known": GaussianPlugin("known"),
    "plugin": GaussianPlugin("group"),
    "plugin-pooled": GaussianPlugin("pooled"),
    "predictive": Predictive(),
}
_POINTS = np.random.default_rng(5)
X = _POINTS.standard_normal((40, 2)) + [0.4, 0.1]
SIGN = np.where(X[:, 0] + 0.9 * _POINTS.standard_normal(40) > 0.3, 1.0, -1.0)
WEIGHT = _POINTS.uniform(0.2, 1.0, 40) / 20
EMBEDDINGS = _POINTS.standard_normal((6, 2))
SEEDS = _POINTS.standard_normal((5, 2))
