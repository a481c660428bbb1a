"""How far theory and validation are to be trusted, and what both together say of a design.

The gain of a design over class weighting is taken to be normal before the table is asked,

    gain ~ N(slope . H - bias . share^2 . E,  (doubt . share . E)^2),

``H`` theorem H's gain, ``E`` its excess risk of class weighting, ``share`` the largest share that
synthetic rows have of a group's weight: a generator that is wrong harms with the square of its
share. Cross-validation adds ``evidence ~ N(gain, (inflation . error)^2)``, and the posterior is the
mean of the two weighted by their precisions. The ten numbers of cross-entropy are those whose
posteriors foretell the true gains of simulated tables best (`planner_study.study.learned`); no real
table had a part in them,

    oversampling planner-study --simulated 70 --repeats 4 --metric METRIC --out DIR

By it theory says little of Gaussian rows (a doubt of 2 is the largest that is looked for), and of
SMOTE that it loses with the square of its share. By the other metrics it says next to nothing:
what simulated tables taught (a doubt of .4 to .9 for the balanced error, inflations of .77 to .92)
held the truth on real tables of the development half in 77 % of intervals of 95 %, and the widest
prior and an inflation of 1 in 92 %.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from synthetic_oversampling.practice.planner.objectives import CROSS_ENTROPY, OBJECTIVES

__all__ = ["INFLATION", "TRUST", "Belief", "Trust", "combined", "family", "prior"]


class Belief(NamedTuple):
    """A normal law of a gain: its mean and standard deviation, in the units of an objective.

    Attributes:
        mean, error: in this order.
    """

    mean: float
    error: float

    def between(self, level: float) -> tuple[float, float]:
        """Its central interval.

        Args:
            level: probability inside.

        Example:
            >>> [round(end, 2) for end in Belief(1.0, 0.5).between(0.95)]
            [0.02, 1.98]
        """
        reach = float(norm.ppf(0.5 + level / 2)) * self.error
        return self.mean - reach, self.mean + reach

    def loss(self) -> float:
        """Probability that the gain is negative."""
        return float(norm.cdf(-self.mean / max(self.error, 1e-300)))

    def regret(self) -> float:
        """Expected loss: of the negative part of the gain.

        Example:
            >>> round(Belief(0.0, 1.0).regret(), 3), round(Belief(1.0, 1.0).regret(), 3)
            (0.399, 0.083)
        """
        ratio = self.mean / max(self.error, 1e-300)
        return float(self.error * norm.pdf(ratio) - self.mean * norm.cdf(-ratio))


class Trust(NamedTuple):
    """What theorem H's gain is worth for a family of generators.

    Attributes:
        slope, bias: a gain is believed to be slope times the predicted one, less bias times
            the squared share of synthetic rows times the excess of class weighting.
        doubt: its standard deviation, over that share and that excess.
    """

    slope: float
    bias: float
    doubt: float

    def belief(self, share, gain, excess) -> Belief:
        """Theory's opinion of a design, or of many at once.

        Args:
            share: largest share of a group's weight; gain, excess: theorem H's.
        """
        return Belief(
            self.slope * gain - self.bias * share**2 * excess, self.doubt * share * excess
        )


# what theory's opinion is worth, by objective and family of designs
TRUST: dict[str, dict[str, Trust]] = {
    CROSS_ENTROPY: {
        "smote": Trust(0.0, 0.237, 0.807),
        "plugin": Trust(1.0, 1.0, 2.0),
        "predictive": Trust(1.0, 1.0, 2.0),
    },
} | {
    name: {family: Trust(0.0, 0.0, 2.0) for family in ("smote", "plugin", "predictive")}
    for name in OBJECTIVES
    if name != CROSS_ENTROPY
}
# factor on validation's standard error, by objective
INFLATION = {
    CROSS_ENTROPY: 1.127,
    "worst-group": 1.294,
    "balanced-error": 1.0,
    "auroc": 1.0,
    "average-precision": 1.0,
}


def family(source: str) -> str:
    """Family of a generator, "" for rows of which theory knows nothing.

    Args:
        source: name of a generator.

    Example:
        >>> family("plugin-pooled"), family("table")
        ('plugin', '')
    """
    found = source.split("-")[0]
    return found if found in TRUST[CROSS_ENTROPY] else ""


def prior(
    source: str, share: float, gain: float, excess: float, metric: str = CROSS_ENTROPY
) -> Belief | None:
    """What is believed of a design before the table is asked; None where theory is silent.

    Args:
        source: of its rows; share: largest share of a group's weight that they have.
        gain, excess: theorem H's; metric: that they are in.
    """
    weights = TRUST[metric].get(family(source))
    if weights is None or not (math.isfinite(gain) and excess > 0):
        return None
    return weights.belief(share, gain, excess)


def combined(first: Belief | None, evidence: Belief) -> Belief:
    """The posterior of two independent opinions; the second alone where there is no first.

    Args:
        first: theory's, if it has one.
        evidence: of held-out rows.

    Example:
        >>> combined(Belief(0.0, 1.0), Belief(1.0, 1.0))
        Belief(mean=0.5, error=0.7071067811865476)
    """
    if first is None:
        return evidence
    one, two = first.error**-2, max(evidence.error, 1e-12) ** -2
    mean = (one * first.mean + two * evidence.mean) / (one + two)
    return Belief(float(mean), float(np.sqrt(1 / (one + two))))
