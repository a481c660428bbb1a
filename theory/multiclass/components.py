"""The Gaussian components of labelled laws, those that differ in scale alone as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.population.laws import Law

__all__ = ["Components", "components_of", "merged"]

_APART = 2.0  # scales of one component: two for one cost as much as its finer grid
_ALIKE = 1e-13  # of means and of covariances that are the same but for rounding


class Components(NamedTuple):
    """The components of several labelled laws, in one list: Gaussians, or mixtures of Gaussians of
    one mean whose covariances are multiples of one matrix.

    Attributes:
        weights: of each component within its law ``[c]``.
        means: ``[c, d]``; covs: of the widest Gaussian ``[c, d, d]``; labels: 0 to K - 1 ``[c]``.
        law: of which law a component is ``[c]``.
        number: of laws.
        scales: of the Gaussians, the largest 1; portions: their shares of a component ``[c, s]``.
    """

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray
    labels: np.ndarray
    law: np.ndarray
    number: int
    scales: np.ndarray
    portions: np.ndarray

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Sums over the components of each law, with their weights: ``[laws, ...]``.

        Args:
            values: ``[c, ...]``.
        """
        member = (np.arange(self.number)[:, None] == self.law[None]) * self.weights[None]
        return np.tensordot(member, values, 1)

    def mean_covs(self) -> np.ndarray:
        """Covariances of the components ``[c, d, d]``."""
        return self.covs * np.sum(self.scales * self.portions, axis=1)[:, None, None]

    def chosen(self, kept: np.ndarray) -> Components:
        """Some of the components.

        Args:
            kept: which.
        """
        return Components(
            weights=self.weights[kept],
            means=self.means[kept],
            covs=self.covs[kept],
            labels=self.labels[kept],
            law=self.law[kept],
            number=self.number,
            scales=self.scales[kept],
            portions=self.portions[kept],
        )


def components_of(laws: Sequence[Law]) -> Components:
    """The components of laws, those of weight 0 left out.

    Args:
        laws: of NumPy arrays, whose signs are ``2 label - 1``.
    """
    parts = []
    for g, law in enumerate(laws):
        kept = law.weights > 0
        labels = np.round((law.signs[kept] + 1) / 2).astype(int)
        place = np.full(int(kept.sum()), g)
        parts.append((law.weights[kept], law.means[kept], law.covs[kept], labels, place))
    weights, means, covs, labels, owner = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    one = np.ones((len(weights), 1))
    return Components(
        weights=weights,
        means=means,
        covs=covs,
        labels=labels,
        law=owner,
        number=len(laws),
        scales=one,
        portions=one,
    )


def merged(parts: Components) -> Components:
    """The same laws, neighbouring Gaussians that differ in scale alone as one component.

    A component's scales are at most `_APART` times each other, because its grid is as fine as the
    least of them asks for.

    Args:
        parts: Gaussians.
    """
    size = np.trace(parts.covs, axis1=1, axis2=2)
    unit = parts.covs / np.where(size > 0, size, 1.0)[:, None, None]
    spread = np.abs(parts.means) + np.sqrt(np.diagonal(parts.covs, axis1=1, axis2=2))
    near = np.abs(np.diff(parts.means, axis=0)) <= _ALIKE * spread[1:]
    root = np.sqrt(np.diagonal(unit, axis1=1, axis2=2))[1:]  # whatever the features' units
    alike = np.abs(np.diff(unit, axis=0)) <= _ALIKE * root[:, :, None] * root[:, None]
    of_one = (np.diff(parts.law) == 0) & (np.diff(parts.labels) == 0)
    same = np.all(near, axis=1) & np.all(alike, axis=(1, 2)) & of_one
    bands = []
    for run in np.split(np.arange(len(size)), 1 + np.flatnonzero(~same)):
        left = run[np.argsort(-size[run], kind="stable")]
        while len(left):
            count = int(np.sum(size[left] * _APART >= size[left[0]]))
            bands.append(left[:count])
            left = left[count:]
    if len(bands) == len(size):
        return parts
    first = np.array([band[0] for band in bands])
    most = max(map(len, bands))
    scales, portions = np.ones((len(bands), most)), np.zeros((len(bands), most))
    for row, band in enumerate(bands):
        if size[band[0]] > 0:
            scales[row, : len(band)] = size[band] / size[band[0]]
        portions[row, : len(band)] = parts.weights[band]
    weights = portions.sum(axis=1)
    return parts.chosen(first)._replace(
        weights=weights, scales=scales, portions=portions / weights[:, None]
    )
