"""Every printed formula that no prediction is computed from, against what is computed.

Most formulas of `theory.theorems.table` are lowered and computed as they are printed; the others
say in symbols what `theory.predict` and its parts compute by other means (a risk's derivatives,
linear algebra on whole designs). Here each of these is put in numbers on asymmetric groups and
compared with those functions, so that a printed formula that is off, proof and all, fails a check.
Nothing is simulated. Where a formula is of leading order, the setting makes the next order small,
and the check allows for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import jax.numpy as jnp
import numpy as np
import scipy

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.claims.printed.bounds import BOUND_ROWS
from synthetic_oversampling.simulate.claims.printed.metrics import METRIC_ROWS
from synthetic_oversampling.simulate.claims.printed.multiclass import MULTICLASS_ROWS
from synthetic_oversampling.simulate.claims.printed.rows import BIAS_ROWS, RISK_ROWS
from synthetic_oversampling.simulate.claims.printed.settings import (
    APART,
    DESIGN,
    GROUPS,
    ROUNDING,
    SHIFT,
    Row,
    printed_value,
)
from synthetic_oversampling.theory.generators.table import Duplicate, Shifted
from synthetic_oversampling.theory.in_context.capacity import fidelity_bias_bound
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import law_of_design, scaling_moments
from synthetic_oversampling.theory.scaling.scaling_law import scaling_law
from synthetic_oversampling.theory.scaling.sequence_limits import pinsker_minimax
from synthetic_oversampling.theory.scaling.sequence_model import (
    Filter,
    Kind,
    Signal,
    best_scale,
    design_level,
    filter_risk,
)
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["PRINTED", "SUITE", "check_id", "printed_checks"]

SUITE = "printed"  # name of the suite of these checks

_WEIGHTS = (0.2, 0.5, 0.8)
_MOMENTS = {"A": 3.0, "C": 1.0, "D": 2.0, "S": 6.0}


def _line(what: str) -> Row:
    """Consequences of S1, found by root finding on the excess itself."""
    law, size, weight, price = scaling_law(**_MOMENTS), 5.0, 0.8, 0.03
    base = float(law.excess(0.0, size))

    def at_weight(share: float) -> float:
        return float(law.excess(share, size)) - base

    def at_size(number: float) -> float:
        return float(law.excess(weight, number)) - base

    def cost(number: float) -> float:
        return float(law.best_excess(number)) + price * number

    seen: dict[str, Callable[[], float]] = {
        "gap": lambda: float(law.best_excess(size) - law.floor),
        "harmful_weight": lambda: scipy.optimize.brentq(at_weight, 0.3, 1.0, xtol=1e-14),
        "break_even_size": lambda: scipy.optimize.brentq(at_size, 0.1, 1e3, xtol=1e-12),
        "best_size": lambda: (
            scipy.optimize.minimize_scalar(
                cost, bounds=(0.0, 60.0), method="bounded", options={"xatol": 1e-9}
            ).x
        ),
    }
    values = _MOMENTS | {"N": size, "alpha": weight, "price": price}
    return Row([values], float(seen[what]()), 1e-6 if what == "best_size" else ROUNDING)


def _at(weight: float, size: int | float):
    return predict(APART, Design(DESIGN.sizes, size, weight), Shifted(SHIFT))


def _least(size: int | float) -> tuple[float, float]:
    """The least excess by search on whole predictions, and where."""
    found = scipy.optimize.minimize_scalar(
        lambda weight: float(_at(weight, size).total),
        bounds=(0.0, 1.0),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(found.fun), float(found.x)


def _global_law(what: str) -> Row:
    """The global law of a biased generator, and what follows from it."""
    weight, size, price = DESIGN.weight, DESIGN.augmentation, 3e-8
    if what == "global_slope":
        (above, _), (below, _), (_, weight) = (_least(n) for n in (size + 4, size - 4, size))
    limit, few = (float(_at(weight, n).total) for n in (math.inf, 50))
    law = law_of_design(APART, DESIGN.sizes, Shifted(SHIFT))
    values = {"limit_excess": limit, "noise_excess": 50 * (few - limit), "N": size}
    values |= {"price": price, "none_excess": float(_at(0.0, 0).total), "alpha": weight}
    values["S"] = float(law.hyperbola.S)

    def cost(number: float) -> float:
        return float(law.excess(weight, number)) + price * number

    seen: dict[str, Callable[[], float]] = {
        "global": lambda: float(_at(weight, size).total),
        "global_slope": lambda: (above - below) / 8,
        "global_price_size": lambda: (
            scipy.optimize.minimize_scalar(
                cost, bounds=(10.0, 1e5), method="bounded", options={"xatol": 1e-7}
            ).x
        ),
        "global_break_even": lambda: float(law.break_even_size(weight)),
    }
    tolerance = {"global_slope": 1e-3, "global_price_size": 1e-4}.get(what, ROUNDING)
    return Row([values], float(seen[what]()), tolerance)


def _small_noise() -> Row:
    few, many = (_at(DESIGN.weight, n).small_variance for n in (DESIGN.augmentation, math.inf))
    noise = scaling_moments(APART, DESIGN.sizes, Shifted(SHIFT)).law.S
    seen = DESIGN.augmentation * float(few - many)
    return Row([{"alpha": DESIGN.weight, "S": float(noise)}], seen)


def _parabolas(factor: int) -> dict[int | float, np.ndarray]:
    """By synthetic size, the small-bias excess of duplicates as a polynomial in the weight."""
    sizes, found = tuple(factor * n for n in DESIGN.sizes), {}
    for size in (60 * factor, 600 * factor, math.inf):
        values = []
        for weight in _WEIGHTS:
            prediction = predict(APART, Design(sizes, size, weight), Duplicate())
            values.append(float(prediction.small_bias + prediction.small_variance))
        found[size] = np.polyfit(_WEIGHTS, values, 2)
    return found


def _saturation(what: str) -> Row:
    """At four times the seeds, from the moments at one; S1's formulas are used for neither."""
    one = _parabolas(1)
    last = {size: 2 * np.polyval(curve, 1.0) for size, curve in one.items()}  # D + S / N
    start, middle = (2 * np.polyval(one[math.inf], weight) for weight in (0.0, 0.5))
    values = {"A": start, "D": last[math.inf], "seeds": 4.0}
    values["C"] = (4 * middle - start - values["D"]) / 2
    values["S"] = 600 * (last[600] - values["D"])
    least = [np.polyval(curve, -curve[1] / (2 * curve[0])) for curve in _parabolas(4).values()]
    inverse = [1 / (above - least[2]) for above in least[:2]]  # a line in the size
    crossover = inverse[0] * (2400 - 240) / (inverse[1] - inverse[0]) - 240
    return Row([values], float(least[2] if what == "floor" else crossover))


def _best_level() -> Row:
    found = scipy.optimize.minimize_scalar(
        lambda weight: design_level(Design((48, 12), 30, weight)),
        bounds=(0.01, 0.99),
        method="bounded",
    )
    return Row([{"G": 2, "n_max": 48, "N": 30}], float(found.fun))


_SCALE = 400.0  # sums over coordinates and integrals differ by one over this


def _cutoff(what: str) -> Row:
    signal = Signal(1.3, 0.75)
    values = {"amplitude": 1.3, "smoothness": 0.75, "noise_level": 1.3**2 * _SCALE**-2.5}
    best = best_scale(Filter("cut-off"), signal, values["noise_level"], 4000)
    return Row([values], best.scale if what == "best_cutoff" else best.risk, 2 / _SCALE)


def _filter_risk() -> Row:
    signal, family, level = Signal(1.3, 0.75), Filter("tikhonov", 1.0), 1e-6
    noise, curve = family.constants(0.75)
    values = {"filter_noise": noise, "filter_bias": curve, "noise_level": level, "scale": _SCALE}
    values |= {"amplitude": 1.3, "smoothness": 0.75}
    return Row([values], filter_risk(signal, family.weights(60_000, _SCALE), level), 2 / _SCALE)


def _filter_integral(kind: Kind, part: str) -> Row:
    """Integrals of the filter itself over ``u``, on a fine geometric grid."""
    family, beta = Filter(kind, 1.5), 0.75
    log_u = np.linspace(-16.0, 16.0, 64_001)
    u = np.exp(log_u)
    weight = 1 / (1 + u**3) if kind == "tikhonov" else np.maximum(1 - u**1.5, 0.0)
    body = weight**2 if part == "noise" else (1 - weight) ** 2 * u ** -(2 * beta + 1)
    seen = float(np.trapezoid(body * u, log_u))
    return Row([{"order": family.order, "smoothness": beta}], seen, 1e-6)


def _pinsker_scale() -> Row:
    level = _SCALE**-3.0
    best = pinsker_minimax(level, 1.0, 1.0)
    return Row([{"noise_level": level, "radius": 1.0, "order": 1.0}], best.scale, 2 / _SCALE)


def _fidelity_excess() -> Row:
    kl, proxy, least = np.array([0.02, 0.3]), np.array([0.4, 0.9]), 0.07
    share = DESIGN.synthetic_weights
    norms = np.asarray(fidelity_bias_bound(jnp.asarray(kl), jnp.asarray(proxy)))
    values = {
        "G": GROUPS,
        "share": share,
        "group_kl": kl,
        "group_proxy": proxy,
        "curvature_path": least,
    }
    return Row([values], float((share @ norms / GROUPS) ** 2 / (2 * least)))


# what is compared for every printed formula, by its id
PRINTED: dict[str, Callable[[], Row]] = {
    **BIAS_ROWS,
    **RISK_ROWS,
    **BOUND_ROWS,
    "S1.global": partial(_global_law, "global"),
    "S1.global_slope": partial(_global_law, "global_slope"),
    "S1.global_price_size": partial(_global_law, "global_price_size"),
    "S1.global_break_even": partial(_global_law, "global_break_even"),
    "S1.small_noise": _small_noise,
    "S1.gap": partial(_line, "gap"),
    "S1.harmful_weight": partial(_line, "harmful_weight"),
    "S1.break_even_size": partial(_line, "break_even_size"),
    "S1.best_size": partial(_line, "best_size"),
    "S2.best_level": _best_level,
    "S2.best_cutoff": partial(_cutoff, "best_cutoff"),
    "S2.best_risk": partial(_cutoff, "best_risk"),
    "S2.filter_risk": _filter_risk,
    "S2.tikhonov_noise": partial(_filter_integral, "tikhonov", "noise"),
    "S2.tikhonov_bias": partial(_filter_integral, "tikhonov", "bias"),
    "S2.pinsker_noise": partial(_filter_integral, "pinsker", "noise"),
    "S2.pinsker_bias": partial(_filter_integral, "pinsker", "bias"),
    "S2.pinsker_scale": _pinsker_scale,
    "S3.floor": partial(_saturation, "floor"),
    "S3.crossover": partial(_saturation, "crossover"),
    "T4.excess_bound": _fidelity_excess,
    **METRIC_ROWS,
    **MULTICLASS_ROWS,
}


# rows whose other side is the same formula, written by hand where it is computed: they guard what
# is printed against what is computed, and neither against a wrong derivation
RESTATED = frozenset(
    {
        "B3.displacement",
        "R1.excess",
        "R1.estimation",
        "R3.excess",
        "R6.local_bound",
        "R6.usual_rate",
        "T4.excess_bound",
        "M3.expected",
    }
)


def check_id(name: str) -> str:
    """Id of the check of a printed formula.

    Args:
        name: id of the formula.

    Example:
        >>> check_id("B1.ratio")
        'B1.formula.printed.ratio'
    """
    theorem, short = name.split(".")
    return f"{theorem}.formula.{SUITE}.{short}"


@lru_cache(maxsize=len(PRINTED))
def _computed(name: str) -> Row:
    """A row, whose observed side no formula put wrong can reach once it is there."""
    return PRINTED[name]()


def _expected(name: str) -> Expectation:
    # the arguments of R1.cox_snell are another printed formula's, which may be put wrong too
    row = PRINTED[name]() if name == "R1.cox_snell" else _computed(name)
    return Expectation(
        theory=printed_value(name, row.values),
        discrepancy=row.tolerance * abs(row.observed),
        observed=row.observed,
    )


def printed_checks(profile: str) -> Iterator[Check]:
    """Every check, of any profile: there is nothing to simulate.

    Args:
        profile: "quick" or "full".
    """
    del profile
    for name in PRINTED:
        leading = FORMULAS[name].kind == "asymptotic"  # the rest: exact in their setting
        yield Check(
            id=check_id(name),
            claim=f"printed and computed: {FORMULAS[name].claim}",
            kind="asymptotic" if leading else "exact",
            source="restated algebra" if name in RESTATED else "second route",
            expect=partial(_expected, name),
        )
