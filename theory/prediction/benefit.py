"""Theorem R3: what a design gains, and where synthetic oversampling stops helping.

The gain over a reference is a difference of two predictions of theorem R. The break-even points
solve "predicted excess risk of the synthetic design = predicted excess risk of the reference" for
one quantity at a time; to leading order they are the formulas ``R3.*`` of `theory.theorems.table`
(`leading_break_even_shift`). References: plain ERM on the real data, group-weighted ERM, and
levelling by SMOTE (Chawla, Bowyer, Hall, Kegelmeyer, 2002) with all seeds as neighbours.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.table import Generator, Oracle, Shifted, Smote
from synthetic_oversampling.theory.inputs import check_groups
from synthetic_oversampling.theory.population.design import Design, sizes_of
from synthetic_oversampling.theory.population.groups import gradient
from synthetic_oversampling.theory.population.laws import GaussianGroup, Law, require_groups
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.theorems.table import FORMULAS
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "REFERENCES",
    "break_even_ratio",
    "break_even_scale",
    "break_even_shift",
    "difference",
    "gain",
    "leading_break_even_shift",
    "reference_design",
]

Reference = Literal["raw", "weighted", "smote"]
# what a design may be compared with
REFERENCES: tuple[Reference, ...] = ("raw", "weighted", "smote")
_FEWEST = 10  # minority samples at which a break-even ratio is still looked for


def reference_design(reference: Reference, sizes: Sequence[int]) -> tuple[Design, Generator]:
    """The design and generator that a reference stands for.

    Args:
        reference: "raw" for plain ERM, "weighted" for group-weighted ERM, "smote" for levelling
            every group to the largest by interpolation between its seeds.
        sizes: real samples per group.

    Raises:
        ValueError: for another reference.

    Example:
        >>> reference_design("smote", (90, 30))[0].oversampling
        (0, 60)
    """
    sizes = sizes_of(sizes)
    match reference:
        case "raw":
            return Design.raw(sizes), Oracle()
        case "weighted":
            return Design.class_weighted(sizes), Oracle()
        case "smote":
            return Design(sizes), Smote()
    raise ValueError(f"reference: got {reference!r}, expected 'raw', 'weighted' or 'smote'.")


def gain(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    reference: Reference = "weighted",
    loss: Loss = LOGISTIC,
) -> float:
    """Predicted excess risk of a reference minus that of a design (nats): positive when it helps.

    Args:
        groups, design, generator: as for `theory.predict`.
        reference: "raw" for plain ERM, "weighted" for group-weighted ERM (what duplication of the
            seeds is worth, without its resampling noise), "smote" for levelling by interpolation.
        loss: `LOGISTIC` or `SQUARED`, of both.

    Raises:
        ValueError: as `theory.predict`, and for another reference.

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> gain(groups, Design((900, 90), 900, 0.5), Oracle()) > 0
        True
    """
    predicted = predict(groups, design, generator, loss)
    return difference(predict(groups, *reference_design(reference, design.sizes), loss), predicted)


def difference(reference: Prediction, design: Prediction) -> float:
    """The gain (nats) from the predictions of a reference and of a design.

    Args:
        reference, design: two predictions with one loss.
    """
    return float(reference.total) - float(design.total)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where ``function`` falls through zero; 0 if never positive, infinity if it stays so."""
    if function(low) <= 0:
        return 0.0
    while function(high) > 0:
        high *= 2
        if high > 1e6:
            return float("inf")
    return float(scipy.optimize.brentq(function, low, high, xtol=1e-12, rtol=1e-12))


def break_even_shift(
    groups: Sequence[GaussianGroup],
    design: Design,
    direction: Sequence[float],
    reference: Reference = "weighted",
    loss: Loss = LOGISTIC,
) -> float:
    """Length of a mean shift of the generator at which its benefit is gone.

    Args:
        groups, design: as for `theory.predict`.
        direction: ``[d]``, the shift's direction; its length is ignored.
        reference: what to break even with.
        loss: `LOGISTIC` or `SQUARED`.

    Returns:
        The length, in the units of the features; 0 when even an unbiased generator does not help,
        infinity when no shift up to a million undoes its benefit.

    Raises:
        ValueError: as `gain`, and for a direction that is not a vector of the features' length.

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> design = Design((900, 90), 900, 0.5)
        >>> edge = break_even_shift(groups, design, [1.0])
        >>> abs(gain(groups, design, Shifted((edge,)))) < 1e-9
        True
    """
    check_groups(groups, design)
    unit = _unit(direction, groups[0].dim)
    other = predict(groups, *reference_design(reference, design.sizes), loss)

    def benefit(size: float) -> float:
        return difference(other, predict(groups, design, Shifted(tuple(size * unit)), loss))

    return _root(benefit, 0.0, 0.1)


def _unit(direction: Sequence[float], dim: int) -> np.ndarray:
    try:
        vector = np.asarray(direction, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.zeros(0)
    largest = float(np.abs(vector).max(initial=0.0))
    if vector.shape != (dim,) or not 0 < largest < math.inf:
        raise ValueError(
            f"direction: got {direction!r}, expected a non-zero vector of "
            f"{counted(dim, 'finite number')}, one per feature."
        )
    vector = vector / largest  # whose squares are numbers
    return vector / np.linalg.norm(vector)


@partial(quick_jit, static_argnames=("loss",))
def _shift_slope(theta, law: Law, unit, loss: Loss):
    """Derivative of a law's mean score in the length of a shift along a unit vector."""

    def at(length):
        return gradient(theta, law._replace(means=law.means + length * unit[None]), loss)

    return jax.jvp(at, (jnp.zeros(()),), (jnp.ones(()),))[1]


def leading_break_even_shift(
    groups: Sequence[GaussianGroup],
    design: Design,
    direction: Sequence[float],
    reference: Reference = "weighted",
    loss: Loss = LOGISTIC,
) -> float:
    """`break_even_shift` in closed form: its leading order in the shift.

    Statement (R3, asymptotic): ``sqrt(2 (e_ref - e_0) / kappa)``, 0 where ``e_ref <= e_0``, with
    ``e_ref`` and ``e_0`` the excess risks of the reference and of the design with an unbiased
    generator (theorem R), and ``kappa = u' H^{-1} u``, ``u`` the derivative of the bias gradient
    at the balanced optimum in the length of the shift: a small shift has a small Hessian of the
    bias as well, so that the target's Hessian is ``H`` to leading order. Relative remainder: of the
    order of the shift's displacement of the optimum, because bias enters theorem R beyond its
    square there.

    Args:
        groups, design, direction, reference, loss: as for `break_even_shift`.

    Raises:
        ValueError: as `break_even_shift`.

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> design = Design((900, 90), 900, 0.5)
        >>> leading = leading_break_even_shift(groups, design, [1.0])
        >>> abs(leading / break_even_shift(groups, design, [1.0]) - 1) < 0.15
        True
    """
    best = predict(groups, design, Oracle(), loss)
    unit = _unit(direction, groups[0].dim)
    other = predict(groups, *reference_design(reference, design.sizes), loss)
    mass = design.oversampling_mass + design.augmentation_mass
    slopes = [np.asarray(_shift_slope(best.theta_star, group.law, unit, loss)) for group in groups]
    pull = mass @ np.stack(slopes)
    kappa = float(pull @ np.linalg.solve(best.hessian, pull))
    formula = FORMULAS["R3.break_even_bias"]
    with np.errstate(divide="ignore"):  # without synthetic weight no shift is felt
        return float(
            formula.numpy(
                bias_curvature=kappa, noise_ref=float(other.total), noise_syn=float(best.total)
            )
        )


def break_even_scale(
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator],
    reference: Reference = "weighted",
    loss: Loss = LOGISTIC,
) -> float:
    """Factor by which all sizes can grow before a biased generator stops helping.

    Sampling noise falls as ``1/n`` and a fixed generator's bias does not, so more real data turn a
    helpful biased generator into a harmful one: at ``factor * sizes`` (and ``factor * N``) the gain
    is zero. Solved on the predictions' parts: ``bias + second order / factor``.

    Args:
        groups, design, generator: as for `theory.predict`.
        reference: what to break even with.
        loss: `LOGISTIC` or `SQUARED`.

    Returns:
        The factor; 0 when the generator never helps, infinity when no growth makes it harmful:
        where its bias is below the reference's it may help only beyond some size, and does so ever
        after.

    Raises:
        ValueError: as `gain`.

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> break_even_scale(groups, Design((900, 90), 900, 0.5), Oracle())
        inf
    """
    synthetic = predict(groups, design, generator, loss).excess
    other = predict(groups, *reference_design(reference, design.sizes), loss).excess
    bias = float(synthetic.bias - other.bias)
    noise = float(other.variance + other.cox_snell - synthetic.variance - synthetic.cox_snell)
    if abs(bias) <= 1e-14:
        return math.inf if noise >= 0 else 0.0
    return max(noise, 0.0) / bias if bias > 0 else math.inf


def break_even_ratio(
    groups: Sequence[GaussianGroup],
    minority: int,
    size: int,
    augmentation: int,
    weight: float,
    generator: Generator | Sequence[Generator],
    loss: Loss = LOGISTIC,
) -> float:
    """Imbalance ratio ``n_max / n_min`` beyond which a synthetic design beats raw ERM.

    Args:
        groups: the groups.
        minority: index of the group that is thinned; the others keep ``size`` samples.
        size: samples in every other group.
        augmentation, weight: ``N`` and ``alpha`` of the synthetic design.
        generator: one for all groups, or one per group.
        loss: `LOGISTIC` or `SQUARED`.

    Returns:
        The ratio; 1 when the design helps at balance already, infinity when it does not help even
        with as few minority samples as theorem R can be asked about (ten).

    Raises:
        ValueError: naming the argument.

    Example:
        >>> groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
        >>> 1 < break_even_ratio(groups, 1, 1000, 1000, 0.5, Shifted((0.4,))) < 100
        True
    """
    require_groups(groups)
    whole = isinstance(minority, numbers.Integral) and not isinstance(minority, bool)
    if not whole or not 0 <= minority < len(groups):
        raise ValueError(
            f"minority: got {minority!r}, expected the index of one of the "
            f"{counted(len(groups), 'group')}."
        )
    if not isinstance(size, numbers.Integral) or size <= _FEWEST:
        raise ValueError(
            f"size: got {size!r}, expected more than {_FEWEST}, a whole number; that is the fewest "
            "minority samples that theorem R is asked about."
        )

    def harm(log_ratio: float) -> float:
        count = max(round(size / np.exp(log_ratio)), 1)
        sizes = [size] * len(groups)
        sizes[minority] = count
        return -gain(groups, Design(tuple(sizes), augmentation, weight), generator, "raw", loss)

    top = float(np.log(size / _FEWEST))
    if harm(0.0) <= 0:
        return 1.0
    if harm(top) > 0:
        return float("inf")
    return float(np.exp(scipy.optimize.brentq(harm, 0.0, top, xtol=1e-4)))
