"""Checks, plans and verdicts: what passes, what fails, and what is not conclusive."""

import dataclasses

import numpy as np
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate.artifacts import load
from synthetic_oversampling.simulate.checks.check import (
    Observation,
    Planned,
    judge,
    judge_exact,
    make_plan,
)
from synthetic_oversampling.simulate.verify import run as verify

CHECK = Planned(
    id="R1.x.c.d",
    claim="",
    kind="asymptotic",
    experiments=("c/d",),
    statistic=("x", None),
    theory=1.0,
    std=1.0,
    allowance=0.02,
    discrepancy=0.1,
    source="simulated and scored independently",
)
Z = make_plan([CHECK]).z


def seen(mean, std_error=0.005, skewness=0.0):
    return Observation(mean=mean, std_error=std_error, n=10_000, skewness=skewness)


@pytest.mark.parametrize(
    ("mean", "std_error", "verdict"),
    [
        (1.0, 0.005, "pass"),
        (1.015, 0.005, "pass"),
        (1.1, 0.005, "fail"),
        (0.9, 0.005, "fail"),
        (1.0, 0.05, "inconclusive"),
        (1.09, 0.05, "inconclusive"),
    ],
)
def test_an_interval_passes_fails_or_is_inconclusive(mean, std_error, verdict):
    assert judge(CHECK, seen(mean, std_error), Z).verdict == verdict


def test_a_significant_deviation_beyond_the_allowance_fails_even_within_the_discrepancy():
    tiny = 0.0005
    assert judge(CHECK, seen(1.05, tiny), Z).verdict == "fail"
    assert judge(CHECK, seen(1.015, tiny), Z).verdict == "pass"


def test_values_that_are_not_finite_never_pass():
    assert judge(CHECK, seen(float("nan")), Z).verdict == "inconclusive"
    assert judge(CHECK, Observation(mean=1.0, std_error=0.0, n=1), Z).verdict == "inconclusive"
    without = dataclasses.replace(CHECK, experiments=(), observed=None, source="second route")
    assert judge_exact(without).verdict == "inconclusive"


def test_a_bound_fails_only_above_it():
    bound = dataclasses.replace(CHECK, kind="bound", allowance=0.0)
    verdicts = [judge(bound, seen(mean), Z).verdict for mean in (0.5, 1.0, 1.5)]
    assert verdicts == ["pass", "inconclusive", "fail"]


def test_a_remainder_as_large_as_the_discrepancy_is_refused():
    with pytest.raises(ValueError, match="nothing to detect"):
        dataclasses.replace(CHECK, allowance=0.1)


def test_planned_power_is_reached_and_a_smaller_sample_falls_short():
    """Null and alternative draws from a skewed law: the law of half a chi-square."""
    rng = np.random.default_rng(7)
    plan = make_plan([CHECK])
    n = plan.replicates[CHECK.id]
    runs = 200

    def verdicts(mean, size):
        sample = 1.0 + (rng.chisquare(2, size=(runs, size)) / 2 - 1.0) + (mean - 1.0)
        std = sample.std(axis=1, ddof=1)
        centred = sample - sample.mean(axis=1)[:, None]
        skewness = (centred**3).mean(axis=1) / std**3
        rows = zip(sample.mean(axis=1), std / np.sqrt(size), skewness, strict=True)
        return [
            judge(CHECK, Observation(mean=m, std_error=s, n=size, skewness=g), plan.z).verdict
            for m, s, g in rows
        ]

    assert verdicts(1.0, n).count("fail") == 0
    assert verdicts(1.0 + CHECK.discrepancy, n).count("fail") >= 0.97 * runs
    assert verdicts(1.0 + CHECK.discrepancy, n // 4).count("fail") < 0.6 * runs
    assert verdicts(1.0 + CHECK.discrepancy, n // 4).count("pass") == 0


def test_a_check_is_planned_alike_alone_and_among_others():
    others = [dataclasses.replace(CHECK, id=f"R1.x.c.{i}") for i in range(300)]
    assert (
        make_plan([CHECK]).replicates[CHECK.id] == make_plan([CHECK, *others]).replicates[CHECK.id]
    )


@pytest.fixture(scope="module")
def line_checks():
    universe = verify.build("quick", ["line/raw", "line/weighted"])
    return universe, verify.select(universe, ["line/raw", "line/weighted"])


def test_the_theory_of_raw_and_weighted_training_passes_and_wrong_formulas_fail(line_checks):
    universe, checks = line_checks
    single = [c for c in checks if len(c.experiments) == 1]
    report = verify.run_checks(single, seed=5, profile="quick", universe=single)
    assert report.verdict == "pass"
    assert report.exit_status == 0
    noisy = [c for c in single if c.kind != "bound" and c.theory]
    wrong = [dataclasses.replace(c, theory=c.theory + 1.001 * c.discrepancy) for c in noisy]
    mutated = verify.run_checks(wrong, seed=5, profile="quick", universe=single)
    survivors = [o.check.id for o in mutated.outcomes if o.verdict != "fail"]
    assert survivors == []
    assert mutated.exit_status == 1


def test_a_selection_that_matches_nothing_is_bad_usage(line_checks, capsys):
    with pytest.raises(ValueError, match="matches none"):
        verify.select(line_checks[0], ["line/nonsense"])
    assert main(["verify", "--only", "line/nonsense"]) == 2
    assert "expected a theorem" in capsys.readouterr().err


def test_the_command_plans_runs_and_writes_json(tmp_path, capsys):
    assert main(["verify", "--only", "B1.objective.line.weighted", "--plan"]) == 0
    assert "1 check, " in capsys.readouterr().out
    file = tmp_path / "report.json"
    kept = ["--artifacts", str(tmp_path / "kept")]
    assert main(["verify", "--only", "B1.objective.line.weighted", *kept, "--json", str(file)]) == 0
    assert "PASS: 1 passed" in capsys.readouterr().out
    payload = load(file, kind="verification")["payload"]
    assert [check["verdict"] for check in payload["checks"]] == ["pass"]
    assert main(["verify", "--only", "line", "--json", str(tmp_path)]) == 2


@pytest.mark.parametrize("arguments", [["--seed", "-1"], ["--seed", "x"], ["--profile", "no"]])
def test_bad_options_are_bad_usage(arguments):
    with pytest.raises(SystemExit) as stop:
        main(["verify", *arguments])
    assert stop.value.code == 2
