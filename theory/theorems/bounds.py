"""Formulas of R6 and R7: bounds on the excess risk, and the certificate of a minimiser.

A bound is proved by its slack: what it exceeds the bounded quantity by is written as a sum of terms
that are not negative, and the difference of the two sides is that sum identically.
"""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.proofs import generic_matrix, symmetric
from synthetic_oversampling.theory.theorems.weights import sample_weights

__all__ = ["BOUND_FORMULAS"]


# --- R6 ---------------------------------------------------------------------------------------
def _prove_local_bound(rhs):
    """In the eigenbasis of A: H is its largest eigenvalue minus a square K = L L'."""
    gaps = sp.symbols("gap_1:3", nonnegative=True)
    below, bias = sp.Matrix(2, 2, sp.symbols("l_1:5", real=True)), generic_matrix("b", 2, 1)
    below[0, 1] = 0
    hessian = nt.lambda_max * sp.eye(2) - below * below.T
    target = sp.diag(*(nt.lambda_target + gap for gap in gaps))
    cov, inverse = symmetric("V", 2), target.inv()
    move = inverse * bias
    excess = (move.T * hessian * move)[0, 0] / 2 + (hessian * inverse * cov * inverse).trace() / 2
    along = below.T * move
    slack = sum(part**2 for part in along) / 2
    for entry, gap in zip(bias, gaps, strict=True):  # 1 / least^2 - 1 / (least + gap)^2
        wider = gap * (2 * nt.lambda_target + gap) / (nt.lambda_target + gap) ** 2
        slack += nt.lambda_max * entry**2 * wider / (2 * nt.lambda_target**2)
    values = {nt.H: hessian, nt.A_star: target, nt.V: cov}
    values[nt.square_bias] = sum(entry**2 for entry in bias)
    yield sp.cancel(sp.together(instantiate(rhs, values, 2) - excess - slack))


def _prove_population_bound(rhs):
    """A fall along a segment of curvature mu and more, against a gradient at an angle to it."""
    size, length = sp.symbols("size length", positive=True)
    turn, more = sp.symbols("turn more", nonnegative=True)
    least = nt.curvature_path
    fall = size * length * (1 - turn) - (least + more) * length**2 / 2
    slack = (size - least * length) ** 2 / (2 * least) + size * length * turn + more * length**2 / 2
    yield sp.expand(rhs.subs(nt.square_bias_alpha, size**2) - fall - slack)


def _score_traces(size: int):
    """Trace of V over three groups in the eigenbases of their score covariances, and its slack.

    Every eigenvalue is the bound minus a gap; real and synthetic laws have gaps of their own, and
    the generator does not depend on the seeds.
    """
    level, extra = sample_weights(nt.G)
    trace = slack = sp.Integer(0)
    for g in range(3):
        n = sp.Symbol(f"n_{g}", positive=True)
        for weight, law in (
            (level**2 * n, "real"),
            (level**2 * (nt.n_max - n) + extra**2 * nt.N, "drawn"),
        ):
            gaps = sp.symbols(f"{law}_{g}_0:{size}", nonnegative=True)
            trace += weight * sum(nt.var_score - gap for gap in gaps)
            slack += weight * sum(gaps)
    return trace.subs(nt.G, 3), slack.subs(nt.G, 3)


def _prove_trace_bound(rhs):
    """Above the trace of V by a sum of non-negative terms, for one, two and three parameters."""
    for size in (1, 2, 3):
        trace, slack = _score_traces(size)
        yield sp.expand(rhs.subs({nt.p: size, nt.G: 3}) - trace - slack)


def _prove_usual_rate(rhs):
    """Above the local bound with its noise at ``lambda_max tr V / lambda_min(A)^2``, tr V at its
    own bound, by a sum of non-negative terms."""
    more, gap = sp.symbols("more gap", nonnegative=True)  # log n = 1 + more from n = 3 on
    factor = nt.lambda_max / (2 * nt.lambda_target**2)
    for constant, largest in ((1 + gap, 1 + gap), (1, 1 / (1 + gap))):  # of max(1, v)
        bound = factor * (nt.square_bias + nt.p * largest * _bracket)
        slack = (constant - 1) * nt.square_bias + (constant - largest) * nt.p * _bracket
        slack += constant * more * nt.p * _bracket
        given = rhs.subs(sp.Max(1, nt.var_score), constant).subs(nt.var_score, largest)
        given = given.subs(sp.log(nt.n_tot), 1 + more)
        yield sp.cancel(sp.together(given - bound - factor * slack))


# --- R7 ---------------------------------------------------------------------------------------
# Along a unit vector of the Hessian's metric the second derivative at distance s is at least
# exp(-kappa s / nu) and at most exp(kappa s / nu): its own derivative is at most kappa / nu times
# itself. The first derivative starts at -nu or above.
_s = sp.Symbol("s", positive=True)


def _slope(distance, sign: int = -1):
    """Least (or, with sign 1, largest) first derivative at a distance."""
    rate = nt.reach / nt.decrement
    return -nt.decrement + sp.integrate(sp.exp(sign * rate * _s), (_s, 0, distance))


def _prove_distance(rhs):
    """At that distance the slope is not negative any more, whatever the direction."""
    yield sp.simplify(_slope(rhs))


def _prove_shortest(rhs):
    """Before that distance the slope against the gradient is negative still."""
    yield sp.simplify(_slope(-rhs, 1))


def _prove_gap(rhs):
    """The most that a slope which rises as slowly as it may takes away: the integral of its fall,
    in terms of its rise 1 - e^{-rate distance}, up to where that is kappa."""
    rise = sp.Symbol("rise", positive=True)
    rate = nt.reach / nt.decrement
    fall = -sp.integrate(_slope(_s), _s)
    fall = fall - fall.subs(_s, 0)
    at = fall.subs(sp.exp(-rate * _s), 1 - rise).subs(_s, -sp.log(1 - rise) / rate)
    yield sp.expand(sp.simplify(rhs - at.subs(rise, nt.reach)))
    yield sp.simplify(_slope(-sp.log(1 - rise) / rate).subs(rise, nt.reach))


def _prove_published(rhs):
    """At its root the slope is positive where kappa is 1/2, and the more so where it is less."""
    slope = _slope(sp.sqrt(rhs)).subs(nt.reach, sp.Rational(1, 2))
    yield sp.simplify(slope - nt.decrement * (1 - 2 * sp.exp(-2)))


_bracket = ((1 - nt.alpha) ** 2 / nt.n_max + nt.alpha**2 / nt.N) / nt.G
_inverse = nt.A_star.I
_half = sp.Rational(1, 2)
_local = (
    r"\frac{1}{2} b^\top A_*^{-1} H A_*^{-1} b"
    r" + \frac{1}{2} \operatorname{tr}\left(H A_*^{-1} V A_*^{-1}\right)"
)
_distance = r"\|\hat\theta - \theta\|_{\hat H}"

# the formulas of R6 and R7
BOUND_FORMULAS = (
    Formula(
        id="R6.local_bound",
        claim="Bound on R1's form at a small bias, by the size of the bias",
        lhs=_local,
        rhs=nt.square_bias * nt.lambda_max / (2 * nt.lambda_target**2)
        + _half * sp.Trace(nt.H * _inverse * nt.V * _inverse),
        kind="bound",
        residual=_prove_local_bound,
    ),
    Formula(
        id="R6.population_bound",
        claim="Bound on the excess risk of the pseudo-true point, at any bias",
        lhs=r"R_{\mathrm{bal}}(\theta_\alpha) - R_{\mathrm{bal}}(\theta^*)",
        rhs=nt.square_bias_alpha / (2 * nt.curvature_path),
        kind="bound",
        residual=_prove_population_bound,
    ),
    Formula(
        id="R6.trace_bound",
        claim="The trace of V in terms of the sizes: score covariances bounded, generator not "
        "fitted",
        lhs=r"\operatorname{tr} V",
        rhs=nt.p * nt.var_score * _bracket,
        kind="bound",
        residual=_prove_trace_bound,
    ),
    Formula(
        id="R6.usual_rate",
        claim="A rate of the form usual in the literature, with the constant that the bounds "
        "above give",
        lhs=_local,
        rhs=sp.Max(1, nt.var_score)
        * nt.lambda_max
        / (2 * nt.lambda_target**2)
        * (nt.square_bias + nt.p * sp.log(nt.n_tot) * _bracket),
        kind="bound",
        residual=_prove_usual_rate,
    ),
    Formula(
        id="R7.distance",
        claim="A minimiser exists where kappa < 1, and it is no farther than this",
        lhs=_distance,
        rhs=-nt.decrement * sp.log(1 - nt.reach) / nt.reach,
        kind="bound",
        residual=_prove_distance,
    ),
    Formula(
        id="R7.shortest",
        claim="A minimiser that exists is no nearer than this (both sides negative)",
        lhs="-" + _distance,
        rhs=-nt.decrement * sp.log(1 + nt.reach) / nt.reach,
        kind="bound",
        residual=_prove_shortest,
    ),
    Formula(
        id="R7.gap",
        claim="How far the empirical risk at theta can be above its minimum, where kappa < 1",
        lhs=r"\hat R(\theta) - \hat R(\hat\theta)",
        rhs=nt.decrement**2 * (nt.reach + (1 - nt.reach) * sp.log(1 - nt.reach)) / nt.reach**2,
        kind="bound",
        residual=_prove_gap,
    ),
    Formula(
        id="R7.published",
        claim="The published constant (Bach 2010), where kappa <= 1/2",
        lhs=_distance + "^2",
        rhs=16 * nt.decrement**2,
        kind="bound",
        residual=_prove_published,
    ),
)
