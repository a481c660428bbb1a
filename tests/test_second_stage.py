"""Checks that the first stage leaves undecided: who goes on, at what price, and that it ends."""

import dataclasses
import math
import threading
from functools import partial

import jax
import numpy as np
import pytest

from synthetic_oversampling.simulate.checks.check import (
    CAPACITY,
    FAMILY_RATE,
    INDECISION,
    STAGES,
    Observation,
    Planned,
    interval,
    judge,
    make_plan,
)
from synthetic_oversampling.simulate.checks.declaration import Check, Expectation, planned
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.results import open_folder
from synthetic_oversampling.simulate.report.page import report_page
from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify import stages, suites
from synthetic_oversampling.simulate.verify.seeds import as_planned, second_stages, verify_seeds
from synthetic_oversampling.simulate.verify.stages import Simulation
from synthetic_oversampling.simulate.verify.suites import Suite

SIMULATED = "simulated and scored independently"
BLOCK = 256
CHECK = Planned(
    id="T1.z.stages.a",
    claim="",
    kind="exact",
    experiments=("stages/a",),
    statistic=("z", None),
    theory=0.0,
    std=1.0,
    discrepancy=0.1,
    source=SIMULATED,
)


@pytest.mark.parametrize("skewness", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("ratio", [0.05, 0.3, 3.0])
@pytest.mark.parametrize("kind", ["exact", "bound"])
def test_no_planned_check_stays_undecided_up_to_a_spread_forty_per_cent_too_wide(
    skewness, ratio, kind
):
    check = dataclasses.replace(CHECK, discrepancy=ratio, skewness=skewness, kind=kind)
    plan = make_plan([check])
    n = plan.replicates[check.id]
    assert plan.indecision(check, n, spread=1.4) <= INDECISION / CAPACITY
    assert plan.indecision(check, n, stage=1) <= 0.025  # twice what the power leaves
    assert plan.indecision(check, n) <= plan.indecision(check, n, stage=1)


def test_the_stages_together_have_the_rate_of_one_check():
    plan = make_plan([CHECK])
    tails = [math.erfc(z / math.sqrt(2)) for z in (plan.z, plan.z_second)]
    assert sum(tails) == pytest.approx(plan.alarm, rel=1e-9)
    assert CAPACITY * plan.alarm == pytest.approx(FAMILY_RATE, rel=1e-12)


def _two_stages(rng, check, plan, n, runs, *, mean=0.0, spread=1.0, shape=None):
    """Verdicts of the stages, on a normal or gamma law: arrays of 'fail', 'pass' and open."""
    sizes = (n, (STAGES[1] - STAGES[0]) * n)
    parts = []
    for size in sizes:
        if shape is None:
            parts.append(rng.normal(mean, spread, size=(runs, size)))
        else:
            draws = rng.gamma(shape, size=(runs, size))
            parts.append(mean + spread * (draws - shape) / math.sqrt(shape))
    first, whole = parts[0], np.concatenate(parts, axis=1)
    verdicts = []
    for values, z in ((first, plan.z), (whole, plan.z_second)):
        centred = values - values.mean(axis=1, keepdims=True)
        var = (centred**2).mean(axis=1)
        skewness = (centred**3).mean(axis=1) / var**1.5
        error = np.sqrt(var / (values.shape[1] - 1))
        low, high = interval(values.mean(axis=1), error, values.shape[1], skewness, z)
        failed = (high < -check.allowance) | (low > check.allowance)
        passed = (low >= -check.discrepancy) & (high <= check.discrepancy)
        verdicts.append(np.where(failed, "fail", np.where(passed, "pass", "open")))
    return verdicts


def test_at_an_inflated_rate_both_stages_together_raise_no_more_alarms_than_one_check_may():
    """The second stage is reached because of what the first saw; the union bound holds anyway."""
    alarm, runs = 0.04, 10_000
    plan = make_plan([CHECK], family_rate=alarm * CAPACITY)
    rng = np.random.default_rng(8)
    first, second = _two_stages(rng, CHECK, plan, 250, runs)  # too few: nearly every run goes on
    alarms = (first == "fail") | ((first == "open") & (second == "fail"))
    assert np.mean(first == "open") > 0.9 and np.mean(second == "fail") > 0
    assert alarms.mean() < 1.02 * alarm + 4 * math.sqrt(alarm / runs)  # of Student's law: 2 %
    assert (first == "fail").mean() > 0.7 * alarm  # the negative control: there are alarms to count


@pytest.mark.parametrize(("shape", "spread"), [(None, 1.0), (None, 1.3), (1.0, 1.0), (1.0, 1.2)])
def test_true_checks_are_decided_as_often_as_the_bound_says(shape, spread):
    skewness = 0.0 if shape is None else 2 / math.sqrt(shape)
    check = dataclasses.replace(CHECK, discrepancy=0.21, skewness=skewness)
    plan = make_plan([check])
    n, runs = plan.replicates[check.id], 1200
    verdicts = _two_stages(
        np.random.default_rng(3), check, plan, n, runs, spread=spread, shape=shape
    )
    left, never = (np.mean(v == "open") for v in verdicts)
    bound = plan.indecision(check, n, stage=1, spread=spread)
    noise = 4 * math.sqrt(bound / runs)
    assert bound / 3 - noise < left < bound + noise
    assert never == 0.0 and not (verdicts[0] == "fail").any()


# --- whole runs -----------------------------------------------------------------------------------
def _functions(label):
    def draw(key):
        return streams.normal(key, (1, 2))[0]

    def evaluate(z):
        total = z.sum() / math.sqrt(2.0) + (0.1 * z[0] if label == "b" else 0.0)
        return {"z": z[0], "w": total, "separated": (z[1] > 2.5) & (label == "b")}

    return draw, evaluate


FUNCTIONS = {label: _functions(label) for label in ("a", "b")}


def _toy(std):
    """Checks of one suite; those on ``z`` declare a spread that may be too small."""

    def checks(profile):
        for label in FUNCTIONS:
            for name, claim, spread, discrepancy in (("z", "a", std, 0.19), ("w", "b", 1.0, 0.5)):
                yield Check(
                    id=f"T1.{name}.stages.{label}",
                    claim=claim,
                    kind="exact",
                    experiments=(f"stages/{label}",),
                    statistic=(name, None),
                    source=SIMULATED,
                    expect=partial(Expectation, theory=0.0, std=spread, discrepancy=discrepancy),
                )
        yield Check(
            id="T1.gap.stages.b",
            claim="c",
            kind="exact",
            experiments=("stages/a", "stages/b"),
            statistic=("w", None),
            source=SIMULATED,
            expect=lambda: Expectation(theory=0.0, std=0.1, discrepancy=0.5),
        )

    return Suite("stages", checks, lambda name: Simulation(FUNCTIONS[name.split("/")[1]], BLOCK))


@pytest.fixture(params=[1.0, 0.75])
def toy(request, monkeypatch):
    monkeypatch.setitem(suites.SUITES, "stages", _toy(request.param))
    return planned(suites.SUITES["stages"].checks("quick"))


def _run(checks, universe, seed, folder=None):
    return verify.run_checks(checks, seed=seed, profile="quick", universe=universe, folder=folder)


def _seed_that_goes_on(monkeypatch):
    monkeypatch.setitem(suites.SUITES, "stages", _toy(0.75))
    checks = planned(suites.SUITES["stages"].checks("quick"))
    return checks, next(s for s in range(200) if _run(checks, checks, s).second_stage)


def test_only_the_undecided_check_goes_on_and_a_rerun_of_any_sees_the_same(tmp_path, monkeypatch):
    checks, seed = _seed_that_goes_on(monkeypatch)
    whole = _run(checks, checks, seed)
    assert whole.verdict == "pass"
    again = {o.check.id: o for o in whole.outcomes}
    planned = {o.check.id: whole.plan.for_check(checks, o.check) for o in whole.outcomes}
    for name, outcome in again.items():
        assert outcome.stage == 1 + (name in whole.second_stage)
        total = STAGES[outcome.stage - 1] * planned[name]
        assert outcome.n == pytest.approx(total, rel=0.02)  # all but those left out
        (alone,) = _run([outcome.check], checks, seed).outcomes
        assert alone == outcome
    assert {o.stage for o in whole.outcomes} == {1, 2}
    rows = {row["id"]: row for row in whole.as_dict()["checks"]}
    assert {name for name, row in rows.items() if row["stage"] == 2} == set(whole.second_stage)
    kept = [
        _run(checks, checks, seed, open_folder(tmp_path, seed=seed, warn=pytest.fail))
        for _ in range(2)
    ]
    assert kept[0].outcomes == kept[1].outcomes == whole.outcomes
    assert all(n % BLOCK for n in planned.values())  # the first stage ended inside a block


def test_an_interrupted_second_stage_goes_on_where_it_was(tmp_path, monkeypatch):
    checks, seed = _seed_that_goes_on(monkeypatch)
    whole = _run(checks, checks, seed)
    monkeypatch.setattr(stages, "CHECKPOINT_SECONDS", 0.0)
    run, calls = monte_carlo.run, []

    def interrupted(functions, *, resume=None, replicates, progress, **rest):
        if resume is None:
            return run(functions, replicates=replicates, progress=progress, **rest)
        calls.append(resume.replicates)
        part = run(functions, replicates=replicates // 2 // BLOCK * BLOCK, resume=resume, **rest)
        raise monte_carlo.Interrupted(part)

    def side_by_side(names, run_one, stopped):
        for name in names:
            run_one(name, jax.local_devices()[:1])
        if calls:
            raise KeyboardInterrupt

    def folder():
        return open_folder(tmp_path, seed=seed, warn=pytest.fail)

    with monkeypatch.context() as patch:
        patch.setattr(stages.monte_carlo, "run", interrupted)
        patch.setattr(stages, "_suites_side_by_side", side_by_side)
        with pytest.raises(KeyboardInterrupt):
            _run(checks, checks, seed, folder())
    assert len(calls) >= 1
    resumed = []
    report = verify.run_checks(
        checks,
        seed=seed,
        profile="quick",
        universe=checks,
        folder=folder(),
        watch=stages.Watch(reused=lambda *found: resumed.append(found)),
    )
    assert report.outcomes == whole.outcomes
    assert any(count < wanted for _, count, wanted in resumed)


def test_the_page_and_the_rows_say_what_was_left_out_and_what_went_on(monkeypatch):
    checks, seed = _seed_that_goes_on(monkeypatch)
    report = _run(checks, checks, seed)
    rows = {row["id"]: row for row in report.as_dict()["checks"]}
    problems = report.excluded["stages/b"]
    assert problems["separated"] > 0 and "stages/a" not in report.excluded
    first = monte_carlo.run(
        FUNCTIONS["b"],
        key=verify.experiment_key(seed, "stages"),
        replicates=report.plan.for_experiment(checks, "stages/b"),
        block=BLOCK,
        keep=True,
    )
    share = first.excluded / first.replicates
    assert rows["T1.w.stages.b"]["left_out"] == pytest.approx(share)
    assert rows["T1.w.stages.a"]["left_out"] == 0.0
    gap = rows["T1.gap.stages.b"]  # replicates pair up although some are left out of one side
    assert gap["verdict"] == "pass" and gap["left_out"] > 0
    page = report_page(
        {
            "payload": report.as_dict() | {"theorems": []},
            "seed": seed,
            "configuration": {"only": []},
        }
    )
    assert "% left out" in page and "A second stage was used for" in page
    for name in report.second_stage:
        assert page.count(name) >= 2
    assert f"({SIMULATED})" in page


def test_many_seeds_in_one_process_count_what_would_have_been_undecided(toy, tmp_path):
    seen = []
    runs = verify_seeds(
        toy,
        toy,
        profile="quick",
        seeds=range(40),
        folder=tmp_path,
        warn=pytest.fail,
        done=seen.append,
    )
    assert seen == runs and [run.seed for run in runs] == list(range(40))
    assert not any(run.failed or run.undecided for run in runs) and as_planned(runs)
    names = dict(second_stages(runs))
    went_on = sum(bool(run.second_stage) for run in runs)
    if toy[0].std < 1:  # a spread a third too wide: the declared discrepancy is out of reach
        assert went_on > 4 and set(names) <= {"T1.z.stages.a", "T1.z.stages.b"}
    else:
        assert went_on <= 4
    assert all((run.extra > 0) == bool(run.second_stage) for run in runs)
    spoilt = [run._replace(undecided=("T1.z.stages.a",)) for run in runs[:3]] + runs[3:]
    assert not as_planned(spoilt)
    assert not as_planned([runs[0]._replace(failed=("x",)), *runs[1:]])


def test_a_check_without_usable_replicates_does_not_ask_for_more():
    outcome = judge(CHECK, Observation(mean=math.nan, std_error=math.nan, n=0, left_out=1.0), 4.9)
    assert outcome.verdict == "inconclusive" and not outcome.open and outcome.left_out == 1.0


def test_a_device_takes_suites_of_its_own_first_and_then_the_last_of_another(monkeypatch):
    """What was compiled for a device is found again only on it."""
    monkeypatch.setattr(stages.jax, "local_devices", lambda: ["first", "second"])
    names = [f"{suite}/{label}" for suite in "abcdefg" for label in ("x", "y")]
    others_done, seen = threading.Event(), {}

    def run(name, place):
        if name == "a/x":
            assert others_done.wait(20)
        seen[name] = place[0]
        if len(seen) == len(names) - 2:
            others_done.set()

    stages._suites_side_by_side(names, run, threading.Event())
    assert [*seen][-2:] == ["a/x", "a/y"]
    assert {place for name, place in seen.items() if name[0] == "a"} == {"first"}
    # the second's own are b, d and f; of the first's row c, e and g it takes the last first
    assert [name[0] for name in seen][:-2:2] == ["b", "d", "f", "g", "e", "c"]
    assert {place for name, place in seen.items() if name[0] != "a"} == {"second"}
