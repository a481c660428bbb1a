"""Theorem H3: from how many features on rows are linearly separable, so that no finite fit exists.

Rows of clusters with one covariance, ``N(mu_k, s_k I)`` after whitening, are separated by a plane
with a probability that tends to 1 or 0 as ``d`` is above or below

    min over (b, a) of sum_k n_k E[(sqrt(1 + |a|^2) z - y_k (b + mu_k . a) / sqrt(s_k))_+^2].

Without signal it is half the number of rows (Cover 1965); for a logistic model it is Candes and Sur
(2018, arXiv 1804.09753). For clusters it is this package's use of the same argument (Gordon's
comparison), and simulated.

For covariances of several shapes it is where the equations of H1 without a ridge cease to have a
solution. Near the edge the fit grows without end, and beside its scores the margin that a loss
asks for vanishes. The edge is that of any loss; of ``(1 - t)_+^2 / 2`` there is left the squared
shortfall ``(-t)_+^2 / 2``, whose proximal operator is explicit and whose equations are homogeneous.
They have a solution other than 0 for one factor of the numbers of rows alone, which is solved for
with it; with one shape it is the minimum above.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from scipy.special import ndtr

from synthetic_oversampling.theory.proportional.clusters import Cluster, Spectra
from synthetic_oversampling.theory.proportional.solver import fixed_point
from synthetic_oversampling.theory.theorems.proportional import PROPORTIONAL_FORMULAS

__all__ = ["Threshold", "separability_threshold"]

_SLACK = next(formula for formula in PROPORTIONAL_FORMULAS if formula.id == "H3.slack")


class Threshold(NamedTuple):
    """Where the rows become separable.

    Attributes:
        features: the number of features ``d*``, of covariances whose spectra keep their shape;
            ratio: ``d* / n``.
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
        clusters: both labels present.

    Raises:
        ValueError: for a singular covariance, or one label.
        theory.proportional.solver.NoFixedPoint: for covariances of several shapes, where the
            equations could not be solved.

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
    total = float(counts.sum())
    covs = [np.asarray(cluster.cov) for cluster in clusters]
    shared, scales = _shapes(covs, len(clusters[0].mean), counts)
    directions = _whitened(np.stack([cluster.mean for cluster in clusters]), shared)
    least, offset, along = _least(counts, signs, directions, scales)
    if not all(_alike(cov, shared * scale**2) for cov, scale in zip(covs, scales, strict=True)):
        spread = np.sqrt(1.0 + along @ along)
        start = offset / spread, directions @ along / spread
        least = len(shared) / (total * _factor(clusters, counts, signs, start, least))
    return Threshold(features=least * total, ratio=least, rows=total)


def _least(counts, signs, directions, scales) -> tuple[float, float, np.ndarray]:
    """Least mean squared shortfall of a row, and the offset and the direction that have it."""

    def scaled(parameters):
        along = parameters[1:]
        spread = np.sqrt(1.0 + along @ along)
        lead = signs * (parameters[0] + directions @ along) / scales
        return float(counts @ _SLACK.numpy(spread=spread, lead=lead)) / counts.sum()

    size = 1 + directions.shape[1]
    difference = directions[signs > 0].mean(0) - directions[signs < 0].mean(0)
    starts = [np.zeros(size)]
    if np.any(difference):
        starts += [np.append(0.0, factor * difference) for factor in (0.5, 2.0)]
    found = [
        scipy.optimize.minimize(
            scaled, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 500}
        )
        for start in starts
    ]
    best = min(found, key=lambda item: float(item.fun))
    return float(best.fun), float(best.x[0]), best.x[1:]


def _factor(clusters, counts, signs, start, ratio: float) -> float:
    """How many times the rows there have to be to lie on the edge, by H1's equations there.

    Args:
        clusters, counts, signs: the rows.
        start: offset and mean scores per cluster, of variances about 1, to begin from.
        ratio: of features to rows at the edge, about.
    """
    spectra = Spectra(
        [cluster.mean for cluster in clusters], [np.asarray(cluster.cov) for cluster in clusters]
    )
    count = len(clusters)

    def step(vector):
        offset, scale = vector[0], np.exp(vector[-1])
        mean, log_var, log_response = vector[1:-1].reshape(3, count)
        std, response = np.exp(log_var / 2), np.exp(log_response)
        lead = signs * (offset + mean)
        below = ndtr(-lead / std)
        short = std * np.exp(-((lead / std) ** 2) / 2) / np.sqrt(2 * np.pi) - lead * below
        square = _SLACK.numpy(spread=std, lead=lead)
        give = 1.0 / (1.0 + response)  # the proximal operator of half the squared shortfall
        rows = scale * counts
        pull, stiff = rows * signs * short * give, rows * below * give
        try:
            norms = spectra.norms(0.0, pull, rows * square * give**2, stiff)
        except FloatingPointError:
            return np.full_like(vector, np.nan)
        offset = offset + float(np.clip(pull.sum() / stiff.sum(), -1.0, 1.0))
        var = norms.signal + norms.noise
        size = float(np.exp(np.mean(np.log(var))))  # the equations do not know it: it is kept at 1
        return np.concatenate(
            [
                [offset / np.sqrt(size)],
                norms.mean / np.sqrt(size),
                np.log(var / size),
                np.log(norms.response),
                [vector[-1] + np.log(size)],
            ]
        )

    offset, mean = start
    below = ndtr(-signs * (offset + mean))
    share = min(ratio * counts.sum() / float(counts @ below), 0.9)  # V / (1 + V), about
    response = np.full(count, np.log(share / (1 - share)))
    factor = np.log(spectra.dim / (ratio * counts.sum()))
    begin = np.concatenate([[offset], mean, np.zeros(count), response, [factor]])
    with np.errstate(all="ignore"):
        return float(np.exp(fixed_point(step, begin).point[-1]))


def _shapes(covs: list[np.ndarray], dim: int, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean covariance of a row, of unit mean variance ``[d, d]``, and clusters' root scales."""
    sizes = np.array([np.trace(c) / dim if c.ndim == 2 else float(np.mean(c)) for c in covs])
    full = [c if c.ndim == 2 else np.diag(np.broadcast_to(c, dim)) for c in covs]
    shared = np.tensordot(counts / counts.sum(), full, 1)
    return shared / (np.trace(shared) / dim), np.sqrt(sizes)


def _alike(cov: np.ndarray, other: np.ndarray) -> bool:
    given = cov if cov.ndim == 2 else np.diag(np.broadcast_to(cov, len(other)))
    return float(np.abs(given - other).max()) <= 1e-9 * float(np.abs(given).max())


def _whitened(means: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Means in the whitened space, in coordinates of their span ``[K, r]``."""
    values, basis = np.linalg.eigh(shared)
    if values[0] <= 1e-12 * values[-1]:
        raise ValueError(
            "clusters: got a singular covariance, expected positive eigenvalues; drop the features "
            "that are combinations of others."
        )
    turned = means @ basis / np.sqrt(values)
    _, strength, rows = np.linalg.svd(turned, full_matrices=False)
    kept = strength > 1e-12 * max(float(strength.max(initial=0.0)), 1e-300)
    return turned @ rows[kept].T
