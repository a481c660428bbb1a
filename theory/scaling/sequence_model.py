"""Theorem S2 computed: linear filters in the Gaussian sequence model of a mixture, exactly.

Two classes N(+-theta, I) in infinite dimension, theta_k^2 = amplitude^2 k^{-(2 smoothness + 1)}.
With its label's sign folded in, a real sample is ``N(theta, I)`` and a synthetic one of group g
``N(theta + delta_g, I)``; a design averages them, so that coordinate k of the average has mean
``theta_k + delta_bar_k`` and variance v (`design_level`, `design_bias`). A filter multiplies it by
``lambda_k``. The squared error is a finite sum plus the signal beyond it, which is a Hurwitz zeta
value: nothing is truncated. The asymptotic forms are lowered from `theory.theorems.filters`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, NamedTuple

import numpy as np
import scipy
from jaxtyping import Float
from scipy.special import zeta

from synthetic_oversampling.theory.population.design import Design, require_design
from synthetic_oversampling.theory.ranges import require_range
from synthetic_oversampling.theory.theorems.table import FORMULAS
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "BestScale",
    "Filter",
    "Signal",
    "best_scale",
    "design_bias",
    "design_level",
    "filter_risk",
    "truncation_bound",
]

Kind = Literal["cut-off", "tikhonov", "pinsker"]
Numbers = Float[np.ndarray, "_"]


@dataclasses.dataclass(frozen=True)
class Signal:
    """The mean of class +1: ``theta_k = amplitude k^{-(smoothness + 1/2)}``.

    Example:
        >>> signal = Signal(amplitude=1.0, smoothness=0.5)
        >>> signal.coordinates(3).round(6).tolist(), round(signal.tail(0), 6)
        ([1.0, 0.5, 0.333333], 1.644934)
    """

    amplitude: float
    smoothness: float

    def __post_init__(self):
        require_range(above=0, amplitude=self.amplitude, smoothness=self.smoothness, scalar=True)

    def coordinates(self, count: int) -> Numbers:
        """The first ``count`` coordinates.

        Args:
            count: how many.
        """
        require_range(least=0, whole=True, count=count, scalar=True)
        return self.amplitude * np.arange(1, count + 1) ** -(self.smoothness + 0.5)

    def tail(self, count: int) -> float:
        """Sum of the squared coordinates beyond the first ``count``.

        Args:
            count: coordinates that are left out.
        """
        require_range(least=0, whole=True, count=count, scalar=True)
        return self.amplitude**2 * float(zeta(2 * self.smoothness + 1, count + 1))

    @property
    def distance(self) -> float:
        """``Delta``, the norm of theta."""
        return math.sqrt(self.tail(0))


@dataclasses.dataclass(frozen=True)
class Filter:
    """A family of linear filters, functions of k over a scale K.

    Attributes:
        kind: "cut-off" (1 up to K), "tikhonov" (``1 / (1 + (k/K)^{2 order})``, the penalty
            ``sum k^{2 order} theta_k^2``) or "pinsker" (``(1 - (k/K)^order)_+``).
        order: unused by the cut-off.

    Example:
        >>> Filter("tikhonov", 1.0).weights(3, scale=1.0).tolist()
        [0.5, 0.2, 0.1]
        >>> Filter("pinsker", 1.0).weights(3, scale=2.0).tolist()
        [0.5, 0.0, 0.0]
    """

    kind: Kind
    order: float = math.inf

    def __post_init__(self):
        if self.kind not in ("cut-off", "tikhonov", "pinsker"):
            raise ValueError(
                f"kind: got {self.kind!r}, expected 'cut-off', 'tikhonov' or 'pinsker'."
            )
        if self.kind != "cut-off":
            require_range(above=0, order=self.order, scalar=True)
        if self.kind == "tikhonov" and self.order <= 0.25:
            raise ValueError(
                f"order: got {self.order}, expected more than 1/4; the noise that Tikhonov's "
                "filter passes is infinite below."
            )

    def weights(self, count: int, scale: float) -> Numbers:
        """``lambda_k`` for the first ``count`` coordinates.

        Args:
            count: coordinates.
            scale: ``K``.
        """
        require_range(above=0, scale=scale, scalar=True)
        require_range(least=0, whole=True, count=count, scalar=True)
        k = np.arange(1.0, count + 1)
        match self.kind:
            case "cut-off":
                return (k <= scale).astype(float)
            case "tikhonov":
                return 1.0 / (1.0 + (k / scale) ** (2 * self.order))
            case _:
                return np.maximum(1.0 - (k / scale) ** self.order, 0.0)

    @property
    def qualification(self) -> float:
        """The largest smoothness that the filter can use: its rate is no better beyond."""
        return 2 * self.order if self.kind == "tikhonov" else self.order

    def constants(self, smoothness: float) -> tuple[float, float]:
        """``W`` and ``T``: its noise and bias integrals, for a smoothness below qualification.

        Args:
            smoothness: of the signal.

        Raises:
            ValueError: at or above the qualification, where the bias integral is infinite.
        """
        require_range(above=0, smoothness=smoothness, scalar=True)
        if smoothness >= self.qualification:
            raise ValueError(
                f"smoothness: got {smoothness}, expected less than the filter's qualification "
                f"{self.qualification}; beyond it the rate is that of S2.saturated_exponent."
            )
        if self.kind == "cut-off":
            return 1.0, 1.0 / (2.0 * smoothness)
        noise, bias = (FORMULAS[f"S2.{self.kind}_{part}"] for part in ("noise", "bias"))
        return float(noise.numpy(order=self.order)), float(
            bias.numpy(order=self.order, smoothness=smoothness)
        )

    def exponent(self, smoothness: float) -> float:
        """Exponent of the risk at the best scale in the noise level (no claim at equality).

        Args:
            smoothness: of the signal.
        """
        require_range(above=0, smoothness=smoothness, scalar=True)
        if smoothness < self.qualification:
            return float(FORMULAS["S2.exponent"].numpy(smoothness=smoothness))
        formula = FORMULAS["S2.saturated_exponent"]
        return float(formula.numpy(qualification=self.qualification))


def require_sequence(**values) -> None:
    """Raise unless ``signal`` is a `Signal`, ``family`` a `Filter`, and all others are sequences.

    Args:
        values: by the name of the argument. Others are lists of numbers, one per coordinate and
            equally long; ``bias`` may also be a single number.

    Raises:
        ValueError: naming the argument, and saying how one is made.
    """
    length = None
    for name, value in values.items():
        if name in _MADE:
            kind, example = _MADE[name]
            if not isinstance(value, kind):
                raise ValueError(
                    f"{name}: got {value!r}, expected a sequence_model.{kind.__name__}, such as "
                    f" {example}."
                )
            continue
        require_range(**{name: value})
        shape = np.shape(value)
        if name == "bias" and shape == ():
            continue
        if len(shape) != 1 or shape[0] != (shape[0] if length is None else length):
            count = "one" if length is None else f"{length}, one"
            raise ValueError(
                f"{name}: got shape {shape}, expected a list of numbers, {count} for each "
                "coordinate; np.ones(K) keeps the first K as they are."
            )
        length = shape[0]


_MADE = {
    "signal": (Signal, "Signal(amplitude=1.0, smoothness=0.5)"),
    "family": (Filter, "Filter('cut-off') or Filter('tikhonov', 1.0)"),
}


def design_level(design: Design) -> float:
    """Variance of one coordinate of the weighted average (S2, exact).

    Args:
        design: sizes, augmentation and weight.

    Raises:
        ValueError: for a reference design.

    Example:
        >>> design_level(Design((48, 12), 12, 0.25))
        0.008463541666666666
    """
    require_design(design)
    if design.scheme != "synthetic":
        raise ValueError(
            f"design: got scheme {design.scheme!r}, expected 'synthetic'; a reference design has "
            "another noise level."
        )
    return float(
        FORMULAS["S2.level"].numpy(
            G=design.num_groups,
            n_max=design.n_max,
            N=design.augmentation or math.inf,
            alpha=design.weight,
        )
    )


def design_bias(design: Design, shifts: Float[np.ndarray, "G K"]) -> Numbers:
    """``delta_bar``: the generators' biases, weighted by what is synthetic in each group (S2).

    Args:
        design: sizes, augmentation and weight.
        shifts: ``delta_g`` of each group's generator ``[G, K]``.

    Raises:
        ValueError: unless there is one row per group.
    """
    formula = FORMULAS["S2.generator_bias"]
    require_design(design)
    shares = design.synthetic_weights
    require_range(shifts=shifts)
    if np.ndim(shifts) != 2 or len(shifts) != len(shares):
        raise ValueError(
            f"shifts: got {counted(len(np.atleast_1d(shifts)), 'row')} for "
            f"{counted(len(shares), 'group')}, expected one per group."
        )
    rows = [
        formula.numpy(G=len(shares), share=shares, coordinate_shift=np.ascontiguousarray(column))
        for column in np.asarray(shifts).T
    ]
    return np.asarray(rows)


def filter_risk(
    signal: Signal, weights: Numbers, level: float, bias: Numbers | float = 0.0
) -> float:
    """``E ||theta_hat - theta||^2`` of a linear filter, exactly.

    Statement (S2, exact): the sum over the weights' coordinates of
    ``lambda^2 v + (lambda delta_bar - (1 - lambda) theta)^2``, plus the squared signal beyond them,
    where the estimate is 0. For a cut-off this is ``K v + sum_{k<=K} delta_bar_k^2 + tail``.

    Args:
        signal: the truth.
        weights: ``lambda_k``, as many as there are coordinates that are not simply 0.
        level: ``v``.
        bias: ``delta_bar_k``, one number or one per weight.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> float(round(filter_risk(Signal(1.0, 0.5), np.ones(2), level=0.1), 6))
        0.594934
    """
    require_range(least=0, level=level, scalar=True)
    require_sequence(signal=signal, weights=weights, bias=bias)
    terms = FORMULAS["S2.coordinate_risk"].numpy(
        filter_weight=weights,
        noise_level=level,
        signal=signal.coordinates(len(weights)),
        coordinate_bias=np.broadcast_to(bias, np.shape(weights)),
    )
    return float(np.sum(terms)) + signal.tail(len(weights))


def truncation_bound(
    family: Filter, signal: Signal, level: float, scale: float, count: int
) -> float:
    """How much setting the filter to 0 beyond ``count`` changes its risk, at most.

    Statement (bound): the change is ``sum_{k > count} {v lambda^2 - lambda (2 - lambda) theta^2}``,
    and ``lambda_k <= (k/K)^{-2 order}`` for Tikhonov's filter; the sums are at most the integrals
    from ``count``. 0 for filters that end before it.

    Args:
        family, signal: the filter and the truth.
        level: ``v``.
        scale: ``K`` of the filter.
        count: coordinates that are kept.

    Raises:
        ValueError: for a filter that ends later than ``count``, and naming any other argument.
    """
    require_sequence(family=family, signal=signal)
    require_range(above=0, scale=scale, count=count, scalar=True)
    require_range(least=0, level=level, scalar=True)
    if family.kind != "tikhonov":
        if count < scale:
            raise ValueError(
                f"count: got {count}, expected at least the scale {scale:g}; the filter is cut."
            )
        return 0.0
    s, beta = family.order, signal.smoothness
    noise = level * scale ** (4 * s) * count ** (1 - 4 * s) / (4 * s - 1)
    power = 2 * s + 2 * beta
    return noise + 2 * signal.amplitude**2 * scale ** (2 * s) * count**-power / power


class BestScale(NamedTuple):
    """The best scale of a filter, exactly and asymptotically.

    Attributes:
        scale, risk: of the exact sum.
        scale_limit, risk_limit: closed forms for a small noise level; nan past the qualification.
    """

    scale: float
    risk: float
    scale_limit: float
    risk_limit: float


def best_scale(
    family: Filter, signal: Signal, level: float, count: int, bias: Numbers | float = 0.0
) -> BestScale:
    """The scale with the least exact risk, among filters that end at ``count`` coordinates.

    Args:
        family, signal: the filter and the truth.
        level: ``v``.
        count: coordinates.
        bias: as for `filter_risk`.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> best = best_scale(Filter("cut-off"), Signal(1.0, 1.0), 1e-3, count=200)
        >>> best.scale, round(best.risk, 5), round(best.risk_limit, 5)
        (10.0, 0.01452, 0.015)
    """
    require_range(above=0, level=level, scalar=True)
    require_range(least=1, whole=True, count=count, scalar=True)
    require_sequence(family=family, signal=signal, coordinates=np.zeros(count), bias=bias)
    beta = signal.smoothness
    limit = risk_limit = math.nan
    guess = (signal.amplitude**2 / level) ** (1 / (2 * min(beta, family.qualification) + 1))
    if beta < family.qualification:
        noise, curve = family.constants(beta)
        common = {"filter_noise": noise, "filter_bias": curve, "noise_level": level}
        common |= {"amplitude": signal.amplitude, "smoothness": beta}
        limit = guess = float(FORMULAS["S2.filter_scale"].numpy(**common))
        risk_limit = float(FORMULAS["S2.filter_best_risk"].numpy(**common))
    if family.kind == "cut-off":
        k = np.arange(1, count + 1)
        square = signal.coordinates(count) ** 2
        left = signal.tail(count) + np.append(np.cumsum(square[::-1])[::-1][1:], 0.0)
        exact = k * level + np.cumsum(np.broadcast_to(bias, k.shape) ** 2) + left
        best = int(np.argmin(exact))
        return BestScale(float(k[best]), float(exact[best]), limit, risk_limit)

    def risk(log_scale: float) -> float:
        return filter_risk(signal, family.weights(count, math.exp(log_scale)), level, bias)

    centre = math.log(guess)
    found = scipy.optimize.minimize_scalar(
        risk, bounds=(centre - 2.0, centre + 2.0), method="bounded", options={"xatol": 1e-7}
    )
    return BestScale(math.exp(found.x), float(found.fun), limit, risk_limit)
