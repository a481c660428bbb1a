"""Laws of others, restated in this project's terms so that both can be drawn on the same data.

Jain, Montanari and Sasoglu (arXiv 2402.04376; NeurIPS 2024) minimise an empirical risk with weight
``1 - alpha`` on n real and ``alpha`` on m surrogate samples, and propose as an approximation that
its excess test error is

    alpha^2 R_su(inf) + [alpha^2 {R_su(m) - R_su(inf)}^{1/b} + (1 - alpha)^2 R(n)^{1/b}]^b ,

from the excess errors ``R(n)`` of real data alone and ``R_su(m) = R_su(inf) + const m^{-b}`` of
surrogate data alone, both falling with the exponent ``b``. It needs two single-source curves and
nothing else; in exchange it has no term for what the two sources have in common.

In the terms of S1 (b = 1, ``R = A/2``, ``R_su(m) = (D + S/m)/2``) it is the quadratic without its
cross term: the two differ by exactly ``alpha (1 - alpha) C``. In the terms of S2 (b the exponent,
no bias) it is the closed form at the noise level of the design, exactly.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from synthetic_oversampling.theory.ranges import require_range

__all__ = ["surrogate_best_weight", "surrogate_law"]


def _number(value):
    """A list as an array; a number as it is."""
    return np.asarray(value) if isinstance(value, list | tuple) else value


def surrogate_law(weight, *, real, surrogate, limit=0.0, exponent: float = 1.0):
    """Excess error of weighted training, by the law of Jain, Montanari and Sasoglu.

    Statement (their approximation, no claim of ours): see the module.

    Args:
        weight: ``alpha`` in [0, 1], on the surrogate samples; a number or an array.
        real: excess error of training on the real samples alone.
        surrogate: excess error of training on the surrogate samples alone.
        limit: that of infinitely many surrogate samples, at most ``surrogate``.
        exponent: ``b``, at which both fall; 1 in a parametric model.

    Returns:
        The excess error, in the units of the inputs and the shape of the weight.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> surrogate_law(0.5, real=2.0, surrogate=3.0, limit=1.0)
        1.25
        >>> round(surrogate_law(0.5, real=1.0, surrogate=1.0, exponent=0.5), 6)
        0.707107
    """
    require_range(least=0, weight=weight, real=real, surrogate=surrogate, limit=limit)
    require_range(above=0, exponent=exponent, scalar=True)
    if np.any(np.asarray(limit) > np.asarray(surrogate)):
        raise ValueError(
            f"limit: got {limit!r} above surrogate={surrogate!r}, expected at most that; more "
            "surrogate samples do not raise their own error."
        )
    if np.any(np.asarray(weight) > 1):
        raise ValueError(f"weight: got {weight!r}, expected numbers in [0, 1].")
    weight, real, surrogate, limit = map(_number, (weight, real, surrogate, limit))
    power = 1.0 / exponent
    noise = weight**2 * (surrogate - limit) ** power + (1 - weight) ** 2 * real**power
    return weight**2 * limit + noise**exponent


def surrogate_best_weight(*, real, surrogate, limit=0.0, exponent: float = 1.0) -> float:
    """The weight with the least excess error by that law.

    Args:
        real, surrogate, limit, exponent: as for `surrogate_law`.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> round(surrogate_best_weight(real=2.0, surrogate=3.0, limit=1.0), 6)
        0.4
    """
    arguments = {"real": real, "surrogate": surrogate, "limit": limit, "exponent": exponent}
    if exponent == 1.0:  # the quadratic's minimum
        surrogate_law(0.5, **arguments)  # checks them
        return float(real / (real + surrogate)) if real + surrogate > 0 else 0.0
    found = minimize_scalar(
        lambda weight: surrogate_law(weight, **arguments),
        bounds=(0.0, 1.0),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.x)
