"""The verifier verified: its intervals on known laws, null runs from pools, and its power."""

import dataclasses
import math

import numpy as np
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate.artifacts import load
from synthetic_oversampling.simulate.checks.check import (
    FAMILY_RATE,
    POWER,
    Planned,
    interval,
    make_plan,
)
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims import bias as claims
from synthetic_oversampling.simulate.claims.in_context.capacity import EFFECTS, PARTS
from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify.calibration import (
    LEVELS,
    _moments,
    binomial_interval,
    calibrate,
    kind_of,
    null_runs,
    tail_rates,
)

Z = make_plan([]).z
CHECK = Planned(
    id="R1.x.line.d",
    claim="",
    kind="asymptotic",
    experiments=("line/d",),
    statistic=("x", None),
    theory=0.0,
    std=1.0,
    allowance=0.01,
    discrepancy=0.15,
    skewness=2.0,
    source="simulated and scored independently",
)


@pytest.mark.parametrize("shape", [0.5, 1.0])
def test_at_the_planned_level_the_normal_interval_misleads_on_chi_squares_and_ours_does_not(shape):
    small, planned = (tail_rates(shape, n, Z, seed=3, samples=2000) for n in (400, 1500))
    for tail in (small, planned):
        assert tail.normal - 5 * tail.normal_error > 2.0
        assert tail.used < tail.normal / 2
    assert planned.used + 3 * planned.used_error < 1.5
    assert planned.used - 3 * planned.used_error > 0.5  # nor is it wider than it need be


def test_importance_sampling_agrees_with_counting_where_alarms_are_common():
    z, n, runs = 1.96, 60, 20_000
    x = np.random.default_rng(5).gamma(0.5, size=(runs, n))
    low, high = interval(*_with_size(x), z)
    counted = np.mean((low > 0.5) | (high < 0.5))
    tail = tail_rates(0.5, n, z, seed=6, samples=8000)
    nominal = 2 * 0.0249979
    error = math.hypot(math.sqrt(counted / runs) / nominal, tail.used_error)
    assert abs(tail.used - counted / nominal) < 4 * error
    with pytest.raises(ValueError, match="expected more than"):
        tail_rates(0.5, 40, Z)


def _with_size(x):
    mean, error, skewness = _moments(x)
    return mean, error, x.shape[-1], skewness


def test_the_interval_is_continuous_and_mirrored_in_the_skewness():
    low, high = interval(1.0, 0.1, 1000, np.array([-1.0, 1.0, 0.0, 2e-5, 4e-5]), Z)
    assert 1 - low[0] == pytest.approx(high[1] - 1, rel=1e-12)
    assert high[0] - 1 == pytest.approx(1 - low[1], rel=1e-12)
    d = np.array([0.0, 2e-5, 4e-5]) / math.sqrt(1000)  # on both sides of where the limit is used
    shift = d * (2 * Z**2 + 1) / 6
    np.testing.assert_allclose(low[2:], 1 - 0.1 * (Z - shift), rtol=0, atol=1e-10)
    np.testing.assert_allclose(high[2:], 1 + 0.1 * (Z + shift), rtol=0, atol=1e-10)


def _checks():
    bound = dataclasses.replace(CHECK, id="R6.y.line.d", kind="bound", allowance=0.0)
    paired = dataclasses.replace(CHECK, id="R3.g.line.d", experiments=("line/d", "line/e"))
    exact = dataclasses.replace(CHECK, id="B1.o.line.d", kind="exact", allowance=0.0)
    silent = dataclasses.replace(
        CHECK, id="B4.s.line.d", experiments=(), observed=0.0, source="second route"
    )
    return (CHECK, exact, bound, paired, silent)


def _columns(checks, std=1.0):
    """Pools of half a chi-square, of standard deviation ``std``, one for each check."""
    rng = np.random.default_rng(11)
    pools = {c.id: rng.gamma(1.0, size=20_000) for c in checks if c.experiments}
    return {name: std * values / values.std() for name, values in pools.items()}


def test_null_runs_raise_alarms_at_the_nominal_rate_and_wrong_theories_fail():
    checks = _checks()
    plan = make_plan(checks)
    result = null_runs(checks, plan, _columns(checks), runs=1000, seed=4)
    assert {kind.kind for kind in result.kinds} == set(map(kind_of, checks))
    low, high = result.family_interval
    assert result.alarmed <= 1 and low <= FAMILY_RATE
    sizes = {check: plan.for_check(checks, check) for check in checks}
    bound = sum(plan.indecision(check, n, stage=1) for check, n in sizes.items())
    assert bound / 4 < result.second_stages < bound + 4 * math.sqrt(bound / 1000)
    assert result.undecided == 0
    for kind in result.kinds:
        # at most 3 of 1000 missed: one of 0.988 passes with 0.2 %, one of 0.9999 fails with 4e-6
        assert binomial_interval(round(1000 * kind.least_power), 1000)[0] >= POWER, kind
        assert kind.first_power > 0.975  # of what is planned to the first order in the skewness
        for (ratio, error), level in zip(kind.ratios, LEVELS, strict=bool(kind.ratios)):
            count = level * 1000
            assert abs(ratio - 1) < 4 * max(error, 1 / math.sqrt(count)) + 0.1, (kind, level)


def test_the_first_stage_falls_short_where_laws_are_skewed_and_both_stages_do_not():
    """Of half a chi-square of one degree of freedom, at a thousand replicates: 0.977, not 0.99."""
    changed = dataclasses.replace(
        CHECK, allowance=0.0, discrepancy=0.25, kind="exact", skewness=math.sqrt(8)
    )
    plan = make_plan([changed])
    n = plan.replicates[changed.id]
    assert (
        plan.power(changed, n) == pytest.approx(POWER, abs=1e-3)
        and plan.whole_power(changed, n) > 0.999
    )
    pool = np.random.default_rng(12).gamma(0.5, size=40_000)
    result = null_runs([changed], plan, {changed.id: pool / pool.std()}, runs=1000, seed=5)
    (kind,) = result.kinds
    assert binomial_interval(round(1000 * kind.first_power), 1000)[1] < POWER
    assert binomial_interval(round(1000 * kind.least_power), 1000)[0] >= POWER


def test_too_small_a_spread_in_the_declaration_is_noticed_as_lost_power():
    checks = _checks()[:1]
    plan = make_plan(checks)
    wide = null_runs(checks, plan, _columns(checks, std=1.5), runs=300, seed=4)
    assert wide.kinds[0].first_power < 0.95
    assert wide.second_stages > 0.3  # of one check
    assert wide.alarmed == 0


def test_an_interval_half_as_wide_would_be_noticed(monkeypatch):
    """The negative control: null runs with intervals that are too narrow raise too many alarms."""
    from synthetic_oversampling.simulate.verify import calibration

    monkeypatch.setattr(
        calibration,
        "interval",
        lambda mean, error, n, skew, z: interval(mean, error, n, skew, z / 2),
    )
    checks = _checks()[:2]
    result = null_runs(checks, make_plan(checks), _columns(checks), runs=300, seed=4)
    assert all(ratio > 3 for kind in result.kinds for ratio, _ in kind.ratios)
    assert result.family_interval[0] > FAMILY_RATE


@pytest.mark.slow
def test_the_command_calibrates_a_real_experiment(tmp_path, capsys):
    file = tmp_path / "calibration.json"
    options = ["--only", "efron-1.5", "--runs", "300", "--pool", "1000", "--json", str(file)]
    assert main(["calibrate", *options]) == 0
    out = capsys.readouterr().out
    assert "of 300 null runs raised an alarm" in out
    payload = load(file, kind="calibration")["payload"]["calibration"]
    assert min(payload["power"].values()) == 1.0 and min(payload["first_power"].values()) > 0.95
    assert main(["calibrate", "--only", "efron-1.5", "--json", str(tmp_path)]) == 2


def _fidelity_bounds():
    """T4's bounds on the bias of four generators."""
    return planned(c for c in PARTS["fidelity"](EFFECTS["quick"]) if c.kind == "bound")


def _risk_bounds():
    """R6's bound at any bias, where it is near enough to be told from the excess."""
    changed = experiment("line", "shifted")
    return planned(
        c for c in claims._experiment_checks(changed, EFFECTS["quick"]) if c.kind == "bound"
    )


@pytest.mark.parametrize(("bounds", "count"), [(_fidelity_bounds, 8), (_risk_bounds, 1)])
def test_real_bounds_raise_no_more_alarms_than_planned_and_a_bound_too_low_fails(bounds, count):
    """Resampled from replicates of their own simulation."""
    checks = bounds()
    assert len(checks) == count
    result = calibrate(
        checks, checks, lambda suite: verify.experiment_key(3, suite), replicates=1000, runs=400
    )
    (kind,) = result.kinds
    low, _ = result.family_interval
    assert (kind.kind, kind.checks) == ("bound", count) and low <= FAMILY_RATE
    assert kind.least_power == 1.0  # of 400: not below 0.9908, with 95 %
    assert binomial_interval(round(400 * kind.first_power), 400, 0.999)[1] >= POWER
    for (ratio, error), level in zip(kind.ratios, LEVELS, strict=True):
        noise = 1 / math.sqrt(level * count * 400 / 2)
        assert ratio - 1 < 4 * max(error, noise) + 0.1, (level, ratio)
    # negative control: with so much noise the discrepancy is four standard errors, fewer than z
    rng, plan = np.random.default_rng(1), make_plan(checks)
    noise = {c.id: c.discrepancy * math.sqrt(plan.for_check(checks, c)) / 4 for c in checks}
    wide = {name: std * rng.normal(size=5000) for name, std in noise.items()}
    assert plan.z > 4 and null_runs(checks, plan, wide, runs=100).kinds[0].first_power < 0.5


@pytest.mark.slow
def test_a_thousand_null_runs_of_every_kind_of_check_keep_the_family_rate(capsys):
    wanted = ["line", "efron-1.5", "in-context/scores", "R6.excess.line.shifted"]
    universe = verify.build("quick", wanted)
    checks = verify.select(universe, wanted)
    result = calibrate(checks, universe, lambda suite: verify.experiment_key(3, suite))
    low, high = result.family_interval
    assert low <= FAMILY_RATE and high < 0.01
    assert {kind.kind for kind in result.kinds} >= {"bound", "paired", "exact", "asymptotic"}
    for kind in result.kinds:
        for ratio, error in kind.ratios[1:]:
            assert ratio - 4 * error < 1.25, kind
    lost = {k: v for k, v in result.power.items() if v < 1.0}  # all: above 0.9963, with 95 %
    assert lost == {}
