"""The checks of S1, S3 and R3's boundaries: the theory passes, and wrong formulas are rejected."""

import dataclasses
import math

import jax
import numpy as np
import pytest

from synthetic_oversampling.simulate.checks.check import Observation, judge
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.scaling import (
    LABELS,
    quadratic_law,
    scaling_checks,
    scaling_path,
)
from synthetic_oversampling.simulate.experiments.phase_points import PhasePoint
from synthetic_oversampling.simulate.experiments.scaling_paths import (
    FIXED_WEIGHT,
    GENERATORS,
    GROUPS,
    SIZES,
    path,
)
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.theory import predict
from synthetic_oversampling.theory.generators.table import Shifted
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import balanced_law
from synthetic_oversampling.theory.prediction.benefit import REFERENCES, reference_design

FAST = ("oracle", "shifted", "duplicate")  # predictions of one compiled form


@pytest.fixture(scope="module")
def universe():
    return planned(scaling_checks("quick", FAST))


def _run(universe, *patterns):
    checks = verify.select(universe, patterns)
    return verify.run_checks(checks, seed=3, profile="quick", universe=universe)


def _covers(checks, labels):
    ids = {check.id for check in checks}
    for label in labels:
        for size in (100, 1000, 10_000):
            for rule in ("best", f"{FIXED_WEIGHT:g}", "full"):
                assert f"S1.excess{size}-{rule}.scaling.{label}" in ids
        assert any(i.startswith("S1.harm") and i.endswith(f".scaling.{label}") for i in ids)
    return ids


def test_the_whole_curve_is_checked(universe):
    _covers(universe, FAST)


def test_every_generator_is_checked_along_the_whole_curve_and_at_its_floor():
    ids = _covers(scaling_checks("quick"), LABELS)
    assert {"S3.floor400.scaling.plugin", "S3.floor1600.scaling.predictive"} <= ids
    full = {check.id for check in scaling_checks("full")}
    assert {f"S1.excess100000-best.scaling.{label}" for label in LABELS} <= full


def test_turning_points_lie_between_the_weights_that_are_checked():
    for label in FAST:
        law = path(label, "curve").law
        (_, near), (_, weights) = path(label, "curve").points
        assert weights[0] < float(law.harmful_weight(1000))
        beyond = (weights[3], 1000) if label == "shifted" else (near[1], 100)
        assert beyond[0] > float(law.harmful_weight(beyond[1]))


# (name, what becomes of A, C, D, S): none of these is S1
MUTANTS = {
    "S is 1.1 S": lambda A, C, D, S: (A, C, D, 1.1 * S),
    "S is S / 1.1": lambda A, C, D, S: (A, C, D, S / 1.1),
    "A and D change places": lambda A, C, D, S: (D, C, A, S),
    "C is dropped": lambda A, C, D, S: (A, 0.0 * C, D, S),
    "A is 1.1 A": lambda A, C, D, S: (1.1 * A, C, D, S),
    "D is dropped": lambda A, C, D, S: (A, 0.0 * C, 0.0 * D, S),
}


@pytest.fixture(scope="module")
def gradients(universe):
    """Observations of the moments of an unfitted and of a fitted generator."""
    report = _run(universe, "scaling/oracle-gradient", "scaling/duplicate-gradient")
    assert report.verdict == "pass", [o.check.id for o in report.outcomes if o.verdict != "pass"]
    return report


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_moments_are_rejected_at_the_planned_size(name, gradients):
    rejected = []
    for outcome in gradients.outcomes:
        check = outcome.check
        law = path(check.id.split(".")[-1], "gradient").parts.law
        A, C, D, S = MUTANTS[name](*(float(x) for x in law))
        statistic, size = check.statistic[0], 100 if "100." in check.id else 1000
        wrong = {"over": A, "cross": C, "aug": D + S / size}.get(statistic)
        if wrong is None:
            continue
        theory = dataclasses.replace(check, theory=wrong)
        seen = Observation(mean=outcome.observed, std_error=outcome.std_error, n=outcome.n)
        if judge(theory, seen, gradients.plan.z).verdict == "fail":
            rejected.append(check.id)
    assert rejected, f"no check rejects: {name}"


@pytest.mark.slow
def test_the_curve_of_a_biased_generator_passes_and_other_curves_are_rejected(universe):
    """Fits at the planned size; N in place of n, and a weight that is not the best, are not S1."""
    report = _run(universe, "scaling/shifted-curve")
    assert report.verdict == "pass", [o.check.id for o in report.outcomes if o.verdict != "pass"]
    law, small = path("shifted", "curve").law, path("shifted", "curve").parts.law
    by_id = {outcome.check.id: outcome for outcome in report.outcomes}

    def verdict(name: str, theory: float) -> str:
        outcome = by_id[f"S1.{name}.scaling.shifted"]
        seen = Observation(mean=outcome.observed, std_error=outcome.std_error, n=outcome.n)
        wrong = dataclasses.replace(outcome.check, theory=theory)
        return judge(wrong, seen, report.plan.z).verdict

    # n for N; weights of real and synthetic exchanged; the gain with the wrong sign
    assert verdict("excess100-full", float(law.excess(1.0, 800.0))) == "fail"
    assert verdict("excess1000-full", float(law.excess(0.0, 1000.0))) == "fail"
    for name in ("gain1000", "harm1000"):
        outcome = by_id[f"S1.{name}.scaling.shifted"]
        assert verdict(name, -outcome.check.theory) == "fail"
    # a vertex at the mirror image of the best weight would tilt the chord by 2 (1 - 2 best) reach
    best = float(law.best_weight(1000))
    bend = float(small.A - 2 * small.C + small.D + small.S / 1000)
    assert verdict("vertex1000", 2 * best * bend * (2 * best)) == "fail"  # at minus the best weight


def test_declared_spreads_are_those_of_the_simulation():
    curve = path("duplicate", "curve")
    rng = np.random.default_rng(1)
    parts, size = curve.parts, 1000
    aug = parts.aug_cov + parts.fresh_cov / size
    cov = np.block([[parts.over_cov, parts.cross_cov], [parts.cross_cov.T, aug]])
    draws = rng.multivariate_normal(np.zeros(6), cov, size=200_000)
    gradient = 0.7 * draws[:, :3] + 0.3 * draws[:, 3:]
    inverse = np.linalg.inv(parts.hessian)
    value = np.einsum("np,pq,nq->n", gradient, inverse, gradient) / 2
    std, skewness = quadratic_law(curve, size, {0.3: 1.0})
    assert abs(value.mean() / float(parts.law.excess(0.3, size)) - 1) < 5 / math.sqrt(200_000)
    assert abs(value.std() / std - 1) < 0.02
    third = np.mean((value - value.mean()) ** 3) / value.std() ** 3
    assert abs(third / skewness - 1) < 0.1


def test_a_path_fits_what_the_design_says():
    """The excess of a point on a path is that of an ordinary fit of the same rows."""
    curve = path("oracle", "curve")
    draw, evaluate = curve.functions()
    key = jax.random.key(11)
    seen = jax.jit(evaluate)(draw(key))
    data = draw_dataset(GROUPS, curve.drawn, curve.generators, key=key)
    weight = curve.points[-1][1][0]
    group = [(1 - weight) / (2 * max(SIZES))] * max(SIZES) + [weight / 2000] * 1000
    result = fit(data.x, data.sign, jax.numpy.asarray(2 * group))
    balanced = balanced_law(GROUPS)
    value = risk(result.theta, balanced) - risk(curve.parts.theta_star, balanced)
    assert abs(float(seen["excess"][curve.flat.index(weight)] / value) - 1) < 1e-8


def test_an_experiment_is_found_by_its_name():
    assert scaling_path("scaling/plugin-floor4").sizes == (1600, 400)
    assert scaling_path("scaling/plugin-far").points[0][0] == 10_000
    assert scaling_path("scaling/smote-gradient").fits is False
    assert GENERATORS["smote"] == scaling_path("scaling/smote-curve").generators


def test_a_phase_point_simulates_the_gains_over_all_three_rivals():
    point = PhasePoint(
        separation=1.5,
        means=((0.0, 0.0), (1.0, 0.5)),
        sizes=(300, 100),
        augmentation=200,
        weight=0.4,
        direction=(1.0, 0.0),
        lengths=(0.0, 1.0),
    )
    result = monte_carlo.run(
        point.functions(), key=jax.random.key(2), replicates=800, block=point.block
    )
    mean, std_error, n = monte_carlo.estimate(result, "gain")
    mean, std_error = mean.reshape(3, 2), std_error.reshape(3, 2)
    for k, name in enumerate(REFERENCES):
        for j, length in enumerate(point.lengths):
            other = predict(point.groups, *reference_design(name, point.sizes))
            theory = predict(point.groups, point.design, Shifted((length, 0.0)))
            noise = float(other.total - other.excess.bias + theory.total - theory.excess.bias)
            slack = 5 * std_error[k, j] + 2 * 3 / 100 * abs(noise)
            assert abs(mean[k, j] - float(other.total - theory.total)) < slack, (name, length)
    assert n == 800
