"""What theorem H's equations are made of: rows, seeds, what generators draw; and a solution."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.theory.arrays import AnyArray, Number
from synthetic_oversampling.theory.proportional.clusters import Norms
from synthetic_oversampling.theory.proportional.rows import Averages

__all__ = ["Drawn", "Parts", "Rows", "Seeds", "State"]


class Rows(NamedTuple):
    """A cluster of rows: those of seeds and of known noise too.

    Attributes:
        number: how many; infinity for the limit of many, of a total weight.
        sign: label as +-1; laws: of a row's weight, pairs (probability, weight).
        total: weight of all rows together, where they are infinitely many.
    """

    number: Number
    sign: float
    laws: tuple[tuple[float, Number], ...]
    total: float = 0.0

    @property
    def many(self) -> bool:
        """Whether they are infinitely many."""
        return isinstance(self.number, float) and math.isinf(self.number)


class Drawn(NamedTuple):
    """Synthetic rows that a generator draws from what it fitted on the seeds of a group.

    Attributes:
        kind: "known" (noise of a known covariance about the seeds' mean), "sample" (of a sample
            covariance) or "pairs" (interpolation of all pairs, many rows).
        group: whose mean they have; weight: total weight of their losses.
        number: how many; infinity for the limit.
        factor: of the covariance.
        within: groups whose sample covariance it is; cluster: of the known noise.
    """

    kind: str
    group: int
    weight: float
    number: float = np.inf
    factor: float = 1.0
    within: tuple[int, ...] = ()
    cluster: int = -1


class Seeds(NamedTuple):
    """The real rows of a group: places of its clusters, and their shares of its rows.

    Attributes:
        clusters, shares: see above; number: rows; sign: 1 or -1, of the label.
    """

    clusters: tuple[int, ...]
    shares: np.ndarray
    number: float
    sign: float


@dataclasses.dataclass
class State:
    """A solution.

    Attributes:
        intercept: ``b``; norms: of all clusters; rows: averages of every cluster with rows.
        drawn: averages of synthetic rows drawn from a sample covariance, by place.
        iterations, residual: of the solver.
    """

    intercept: Number
    norms: Norms
    rows: list[Averages]
    drawn: dict[int, Averages]
    iterations: Number = 0
    residual: Number = np.inf


class Parts(NamedTuple):
    """Rows, seeds and synthetic parts of a design, and the laws of the rows' features.

    Attributes:
        rows, seeds, drawn: for `theory.proportional.equations.Equations`.
        means, covs: of every cluster with rows; real: places of each group's real clusters.
        limited: whether finitely many synthetic rows were taken for infinitely many, because only
            the limit has a law.
    """

    rows: list[Rows]
    seeds: list[Seeds]
    drawn: list[Drawn]
    means: list[AnyArray]
    covs: list[AnyArray]
    real: list[tuple[int, ...]]
    limited: bool
