"""Theorem H3: from how many features on rows are linearly separable, so that no finite fit exists.

Rows of clusters with one covariance, ``N(mu_k, s_k I)`` after whitening, are separated by a plane
with a probability that tends to 1 or 0 as ``d`` is above or below

    min over (b, a) of sum_k n_k E[(sqrt(1 + |a|^2) z - y_k (b + mu_k . a) / sqrt(s_k))_+^2].

Without signal it is half the number of rows (Cover 1965); for a logistic model it is Candes and Sur
(2018, arXiv 1804.09753). For clusters it is this package's use of the same argument (Gordon's
comparison), and simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from synthetic_oversampling.theory.proportional.clusters import Cluster
from synthetic_oversampling.theory.theorems.proportional import PROPORTIONAL_FORMULAS

__all__ = ["Threshold", "separability_threshold"]

_SLACK = next(formula for formula in PROPORTIONAL_FORMULAS if formula.id == "H3.slack")


class Threshold(NamedTuple):
    """Where the rows become separable.

    Attributes:
        features: the number of features ``d*``; ratio: ``d* / n``.
        rows: ``n``.
    """

    features: float
    ratio: float
    rows: float


def separability_threshold(*, clusters: Sequence[Cluster]) -> Threshold:
    """Features from which on rows are separable with a probability that tends to 1 (H3).

    Weights do not matter. Rows in the convex hull of others of their label, as duplicates and
    interpolations are, do not either: leave them out.

    Args:
        clusters: with one covariance up to factors, both labels present.

    Raises:
        ValueError: for covariances of several shapes, or one label.

    Example:
        >>> none = [Cluster(rows=150, mean=np.zeros(3), cov=1.0, label=y) for y in (0, 1)]
        >>> round(separability_threshold(clusters=none).features, 6)
        150.0
    """
    if not len(clusters) or any(not isinstance(cluster, Cluster) for cluster in clusters):
        raise ValueError(f"clusters: got {clusters!r}, expected a list of Cluster.")
    signs = np.array([cluster.sign for cluster in clusters])
    if set(signs) != {-1.0, 1.0}:
        raise ValueError("clusters: got rows of one label, expected both 0 and 1.")
    counts = np.array([cluster.rows for cluster in clusters], dtype=float)
    directions, scales = _whitened(clusters)

    def summed(parameters):
        offset, along = parameters[0], parameters[1:]
        spread = np.sqrt(1.0 + along @ along)
        lead = signs * (offset + directions @ along) / scales
        return float(counts @ _SLACK.numpy(spread=spread, lead=lead))

    def scaled(parameters):
        return summed(parameters) / counts.sum()

    size = 1 + directions.shape[1]
    difference = directions[signs > 0].mean(0) - directions[signs < 0].mean(0)
    starts = [np.zeros(size)]
    if np.any(difference):
        starts += [np.append(0.0, factor * difference) for factor in (0.5, 2.0)]
    least = np.inf
    for start in starts:
        found = scipy.optimize.minimize(
            scaled, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 500}
        )
        least = min(least, float(found.fun))
    total = float(counts.sum())
    return Threshold(least * total, least, total)


def _whitened(clusters: Sequence[Cluster]) -> tuple[np.ndarray, np.ndarray]:
    """Means in the whitened space, in coordinates of their span ``[K, r]``, and root scales."""
    covs: list[np.ndarray] = [np.asarray(cluster.cov) for cluster in clusters]
    dim = len(clusters[0].mean)
    sizes = np.array([np.trace(c) / dim if c.ndim == 2 else float(np.mean(c)) for c in covs])
    full = [
        (c if c.ndim == 2 else np.diag(np.broadcast_to(c, dim))) / size
        for c, size in zip(covs, sizes, strict=True)
    ]
    for value in full[1:]:
        if np.abs(value - full[0]).max() > 1e-9:
            raise ValueError(
                "clusters: got covariances of several shapes, expected one up to factors; for "
                "others no threshold is stated here: simulate, or use a positive ridge."
            )
    values, basis = np.linalg.eigh(full[0])
    if values[0] <= 1e-12 * values[-1]:
        raise ValueError(
            "clusters: got a singular covariance, expected positive eigenvalues; drop "
            "the features that are combinations of others."
        )
    means = np.stack([cluster.mean for cluster in clusters]) @ basis / np.sqrt(values)
    _, strength, rows = np.linalg.svd(means, full_matrices=False)
    kept = strength > 1e-12 * max(float(strength.max(initial=0.0)), 1e-300)
    return means @ rows[kept].T, np.sqrt(sizes)
