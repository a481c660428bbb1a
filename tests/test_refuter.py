"""Every statement, searched for counterexamples; and old wordings, which the search refutes."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pytest
import refuter
from hypothesis import given, settings, target
from hypothesis import strategies as st
from refuter import FAMILIES, Case, search
from scipy.optimize import minimize
from scipy.special import expit

from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    Oracle,
    Shifted,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.bias import generator_bias, generator_bias_gradient
from synthetic_oversampling.theory.prediction.bounds import (
    fidelity_bound,
    local_bound,
    population_bound,
    score_var_proxy,
)
from synthetic_oversampling.theory.prediction.certificate import certificate
from synthetic_oversampling.theory.prediction.efficiency import relative_efficiency
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw
from synthetic_oversampling.theory.scaling.moments import hyperbola_of_design, law_of_design

pytestmark = pytest.mark.filterwarnings(
    "ignore::synthetic_oversampling.theory.prediction.validity.Unreliable"
)

_MOVED = tuple(name for name in FAMILIES if name != "collapsed")  # there it takes long
FIXED = tuple(name for name in FAMILIES if name != "fitted")


def _predicted(case: Case) -> Prediction:
    return predict(case.groups, case.design, case.generator)


# --- remainders: their orders along families whose bias vanishes --------------------------------
def _balanced_design(case: Case) -> Case:
    """The case without imbalance of its own: all weight on synthetic samples."""
    return case._replace(design=Design(case.design.sizes, 1000, 1.0))


def _order(case: Case, remainder, least: float) -> float:
    """How far an order is below ``least``, which lies midway between the stated order and the next
    lower one."""
    return least - refuter.order_of(remainder, _balanced_design(case))


def displacement(case: Case) -> float:
    """B3: |theta_alpha - theta* + A^{-1} b| is of second order in |b|."""

    def remainder(at: Case):
        predicted = _predicted(at)
        return np.linalg.norm(predicted.bias_gradient), np.linalg.norm(
            predicted.displacement - predicted.displacement_linear
        )

    return _order(case, remainder, 1.5)


def displacement_by_balanced_hessian(case: Case) -> float:
    """B3 as it was worded: with H for A."""

    def remainder(at: Case):
        predicted = _predicted(at)
        linear = -np.linalg.solve(predicted.hessian, predicted.bias_gradient)
        return np.linalg.norm(predicted.bias_gradient), np.linalg.norm(
            predicted.displacement - linear
        )

    return _order(case, remainder, 1.5)


def _local_share(case: Case, part: str) -> float:
    def remainder(at: Case):
        predicted = _predicted(at)
        exact = float(predicted.excess.bias)
        return np.linalg.norm(predicted.bias_gradient), abs(
            float(getattr(predicted, part)) / exact - 1
        )

    return _order(case, remainder, 0.5)


def local_form(case: Case) -> float:
    """R1: the local form's bias part is right up to a relative remainder of first order."""
    return _local_share(case, "local_bias")


def local_form_by_balanced_hessian(case: Case) -> float:
    """R1 as it was worded: b' H^{-1} b / 2."""
    return _local_share(case, "small_bias")


# --- bounds -------------------------------------------------------------------------------------
def population(case: Case) -> float:
    """R6 (b): the excess of the pseudo-true point at any bias."""
    excess = float(_predicted(case).excess.bias)
    found = population_bound(case.groups, case.design, case.generator)
    return excess / found.bound - 1 if found.bound > 1e-14 else math.nan


def local(case: Case) -> float:
    """R6 (a): R1's local form."""
    predicted = _predicted(case)
    bound = local_bound(
        predicted.bias_gradient,
        predicted.gradient_cov_star,
        predicted.hessian,
        predicted.target_hessian_star,
    )
    return float(predicted.local_bias + predicted.local_variance) / bound - 1


def old_bound_on_the_excess(case: Case) -> float:
    """R6 as it was worded: (|b|^2 + tr V) / (2 lambda_min(H)) bounds the excess risk."""
    predicted = _predicted(case)
    square = predicted.bias_gradient @ predicted.bias_gradient + np.trace(
        predicted.gradient_cov_star
    )
    bound = square / (2 * np.linalg.eigvalsh(predicted.hessian)[0])
    return float(predicted.excess.bias + predicted.excess.variance) / bound - 1


def old_bound_on_the_local_form(case: Case) -> float:
    """R6 as it was worded, as a bound on R1's local form."""
    predicted = _predicted(case)
    square = predicted.bias_gradient @ predicted.bias_gradient + np.trace(
        predicted.gradient_cov_star
    )
    bound = square / (2 * np.linalg.eigvalsh(predicted.hessian)[0])
    return float(predicted.local_bias + predicted.local_variance) / bound - 1


def chain(case: Case) -> float:
    """T4: divergences bound the excess of the pseudo-true point."""
    kl = refuter.kl_of(case)
    if kl is None or case.design.weight < 1 and min(case.design.sizes) == max(case.design.sizes):
        return math.nan
    found = fidelity_bound(kl, case.groups, case.design, case.generator)
    excess = float(_predicted(case).excess.bias)
    return excess / found.bound - 1 if found.bound > 1e-14 else math.nan


def old_chain(case: Case) -> float:
    """T4 as it was worded: the chain with the curvature and the scores at theta*."""
    kl = refuter.kl_of(case)
    if kl is None:
        return math.nan
    predicted = _predicted(case)
    proxies = [score_var_proxy(predicted.theta_star, group) for group in case.groups]
    share = np.asarray(case.design.synthetic_weights)
    gradient = np.mean(share * np.sqrt(2 * np.array(proxies) * kl))
    return (
        float(predicted.excess.bias) * 2 * np.linalg.eigvalsh(predicted.hessian)[0] / gradient**2
        - 1
    )


def worst_group(case: Case) -> float:
    """R5: the mean of the largest error is at least the largest mean."""
    predicted = _predicted(case)
    return float(predicted.worst_group_error / predicted.expected_worst_group_error) - 1


# --- identities, limits, monotonicity -----------------------------------------------------------
def gradient_of_the_bias(case: Case) -> float:
    """B1, B2: the gradient is that of the bias, by differences of fourth order."""
    theta = np.asarray(_predicted(case).theta_star)
    group, law = case.groups[0], population_law(case.generator, 0, case.groups, case.design.sizes)
    seen, step = [], 1e-3
    for axis in np.eye(len(theta)):
        ends = [
            float(generator_bias(jnp.asarray(theta + k * step * axis), group, law))
            for k in (-2, -1, 1, 2)
        ]
        seen.append((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step))
    told = np.asarray(generator_bias_gradient(jnp.asarray(theta), group, law))
    return float(np.max(np.abs(told - seen))) / max(float(np.max(np.abs(seen))), 1.0) - 1e-8


def raw_shift(case: Case) -> float:
    """B4: raw training moves the intercept by the log ratio, nothing else."""
    low, high = case.groups[0], case.groups[1]
    groups = (low, GaussianGroup(high.mean[0], low.cov[0], high.label))
    n0, n1 = case.design.sizes[:2]
    moved = np.asarray(predict(groups, Design.raw((n0, n1)), Oracle()).displacement)
    moved[0] -= math.log(n1 / n0)
    return float(np.max(np.abs(moved))) - 1e-6


def duplicates(case: Case) -> float:
    """R2: duplicates without end are class weighting, whatever their weight."""
    endless = Design(case.design.sizes, math.inf, 1.0)
    prediction = predict(case.groups, endless, Duplicate())
    weighted = predict(case.groups, Design.class_weighted(case.design.sizes), Oracle())
    return abs(float(prediction.total / weighted.total) - 1) - 1e-8


def more_samples(case: Case) -> float:
    """R1, R2: what is not bias halves when every size doubles."""
    sizes = tuple(2 * n for n in case.design.sizes)
    twice = Design(sizes, 2 * case.design.augmentation, case.design.weight)
    once, doubled = _predicted(case), predict(case.groups, twice, case.generator)
    noise = [float(one.total - one.excess.bias) for one in (once, doubled)]
    scale = abs(float(once.excess.variance)) + abs(float(once.excess.cox_snell))
    return abs(noise[0] - 2 * noise[1]) / scale - 1e-6


def envelope(case: Case) -> float:
    """S1: the least excess is concave and increasing in one over the synthetic size."""
    law = law_of_design(case.groups, case.design.sizes, case.generator)
    assert isinstance(law, GlobalLaw)
    inverse = np.array([0.0, 1e-4, 1e-3, 5e-3, 2e-2])
    sizes = np.array([math.inf, *(1 / inverse[1:])])
    least = np.asarray(law.best_excess(sizes))
    slopes = np.diff(least) / np.diff(inverse)
    scale = max(abs(float(least[0])), 1e-6) / 1e-3
    return max(float(np.max(np.diff(slopes))), float(-slopes.min())) / scale - 1e-5


def global_law(case: Case) -> float:
    """S1: the global law is theorem R's full form of any design."""
    if case.design.weight == 0:
        return math.nan
    law = law_of_design(case.groups, case.design.sizes, case.generator)
    told = float(law.excess(case.design.weight, case.design.augmentation))
    return abs(told / float(_predicted(case).total) - 1) - 1e-6


def hyperbola_everywhere(case: Case) -> float:
    """S1 as it was worded: the quadratic in the weight is the excess, up to a tenth of it."""
    law = hyperbola_of_design(case.groups, case.design.sizes, case.generator)
    told = float(law.excess(case.design.weight, case.design.augmentation))
    return abs(told / float(_predicted(case).total) - 1) - 0.1


STATEMENTS = {
    "B1, B2 gradient": (gradient_of_the_bias, FIXED, 27),
    "B3 displacement": (displacement, ("plain", "close", "tied"), 60),
    "B4 raw shift": (raw_shift, ("plain", "nearly singular", "tied"), 60),
    "R1 local form": (local_form, ("plain", "close", "tied"), 60),
    "R1, R2 sizes": (more_samples, tuple(FAMILIES), 80),
    "R2 duplicates": (duplicates, ("plain", "nearly singular"), 40),
    "R5 worst group": (worst_group, tuple(FAMILIES), 80),
    "R6 local": (local, tuple(FAMILIES), 160),
    "R6 population": (population, _MOVED, 120),
    "S1 envelope": (envelope, ("plain", "fitted", "close"), 12),
    "S1 global law": (global_law, ("plain", "fitted", "close", "huge"), 12),
    "T4 chain": (chain, FIXED, 36),
}
REFUTED = {
    "B3 by the balanced Hessian": (displacement_by_balanced_hessian, FIXED),
    "R1 by the balanced Hessian": (local_form_by_balanced_hessian, FIXED),
    "R6 on the excess": (old_bound_on_the_excess, FIXED),
    "R6 on the local form": (old_bound_on_the_local_form, FIXED),
    "S1 as a hyperbola": (hyperbola_everywhere, FIXED),
    "T4 at the optimum": (old_chain, ("close", "huge", "collapsed")),
}
_BUDGET = 160  # cases in which an old wording has to be refuted


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_case_violates_the_statement(name):
    statement, families, budget = STATEMENTS[name]
    found = search(statement, budget, families=families)
    assert found.tried > budget / 4
    assert found.worst <= 1e-7, f"{name}: violated by {found.worst:.3g} in {found.case}"


@pytest.mark.slow
@pytest.mark.parametrize("name", STATEMENTS)
def test_no_case_of_thousands_violates_the_statement(name):
    statement, families, budget = STATEMENTS[name]
    found = search(statement, 20 * budget, families=families, seed=1000)
    assert found.worst <= 1e-7, f"{name}: violated by {found.worst:.3g} in {found.case}"


@pytest.mark.parametrize("name", REFUTED)
def test_the_search_refutes_what_was_once_stated(name):
    statement, families = REFUTED[name]
    found = search(statement, _BUDGET, families=families)
    assert found.worst > 0.1, f"{name}: at most {found.worst:.3g} in {found.tried} cases"


@settings(max_examples=60)
@given(st.sampled_from(sorted(FAMILIES)), st.integers(0, 10**6))
def test_no_case_that_hypothesis_aims_at_exceeds_a_bound(family, seed):
    case = refuter.case_of(family, seed)
    gaps = [refuter.spoken(statement, case) for statement in (local, population)]
    gaps = [gap for gap in gaps if not math.isnan(gap)]
    target(max(gaps, default=-1.0))
    assert max(gaps, default=-1.0) <= 1e-7


def _smallest_fit(x, sign, weight):
    """The minimiser by SciPy, or None where the labels are separated or the risk is flat."""
    rows = np.column_stack([np.ones(len(x)), x])

    def risk(theta):
        margin = sign * (rows @ theta)
        return weight @ np.logaddexp(0, -margin), -(weight * sign * expit(-margin)) @ rows

    found = minimize(
        risk,
        np.zeros(rows.shape[1]),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-11, "maxiter": 4000},
    )
    return rows, found.x


def test_no_small_data_set_escapes_its_certificate():
    """R7 on adversarial samples: few rows, separable ones, weights very unequal."""
    rng, certified = np.random.default_rng(8), 0
    for _ in range(150):
        n, dim = [(6, 1), (12, 2), (30, 2)][rng.integers(3)]
        x = rng.normal(size=(n, dim)) * np.exp(rng.normal(size=dim))
        sign = np.where(x[:, 0] * rng.choice([0.0, 0.6, 3.0]) + rng.normal(size=n) > 0, 1.0, -1.0)
        weight = np.exp(rng.normal(size=n) * rng.choice([0.0, 2.0]))
        weight /= weight.sum()
        rows, best = _smallest_fit(x, sign, weight)
        theta = best * rng.uniform(0.6, 1.2) + 0.1 * rng.normal(size=dim + 1)
        told = certificate(*map(jnp.asarray, (theta, x, sign, weight)))
        if not bool(told.exists):
            continue
        certified += 1
        assert np.min(sign * (rows @ best)) < 0, "a separable sample has no minimiser"
        tail = expit(rows @ theta)
        hessian = (rows * (weight * tail * (1 - tail))[:, None]).T @ rows
        distance = math.sqrt((best - theta) @ hessian @ (best - theta))
        assert float(told.nearest) - 1e-6 <= distance <= float(told.farthest) + 1e-6
    assert certified > 20


def test_discriminant_analysis_gains_more_the_farther_the_classes_are_apart():
    """R4: efficiencies lie below 1 and fall with the distance, in both designs."""
    for of, labels in (("error", "fixed"), ("error", "random"), ("risk", "fixed")):
        found = [relative_efficiency(d, 2, of=of, labels=labels) for d in (0.2, 1.0, 2.0, 3.5)]
        assert np.all(np.diff(found) < 0) and found[0] < 1.0 and found[-1] > 0.0


def test_a_case_with_a_seed_is_the_same_at_every_call():
    first, second = (refuter.case_of("close", 5) for _ in range(2))
    assert first.design == second.design
    assert np.array_equal(first.groups[0].cov, second.groups[0].cov)
    weaker = Case("plain", first.groups, first.design, Shifted((0.4,))).drawn_in(0.5)
    assert weaker.generator == Shifted((0.2,))
