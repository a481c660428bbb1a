"""Plans: what every check declares, deterministically, with the power it promises."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from synthetic_oversampling.simulate.checks.check import (
    CAPACITY,
    FAMILY_RATE,
    INDECISION,
    POWER,
    SOURCES,
    WHOLE_POWER,
    Planned,
    capacity_of,
    make_plan,
)
from synthetic_oversampling.simulate.claims.risk import PROFILES
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify.suites import SUITES

ONE = Planned(
    id="R1.x.c.d",
    claim="",
    kind="exact",
    experiments=("c/d",),
    statistic=("x", None),
    theory=1.0,
    std=1.0,
    discrepancy=0.5,
    source="simulated and scored independently",
)


def _text(pattern: str, hash_seed: str) -> str:
    command = [
        sys.executable,
        "-m",
        "synthetic_oversampling",
        "verify",
        "--plan",
        "--only",
        pattern,
    ]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_programs_print_the_same_plan():
    first, second = (_text("sequence", seed) for seed in ("1", "2"))
    assert first == second
    for column in ("statistic", "law", "theory", "allowance", "discrepancy", "false alarm"):
        assert column in first
    assert "S2.level.sequence.design" in first
    assert "power at least 0.99" in first


def assert_powerful(universe, profile):
    capacity = capacity_of(profile)
    plan = make_plan(universe, capacity=capacity)
    noisy = [check for check in universe if check.experiments]
    assert len(noisy) <= capacity and capacity * plan.alarm <= FAMILY_RATE
    for check in universe:
        n = plan.for_check(universe, check)
        assert plan.power(check, n) >= POWER, check.id
        assert plan.whole_power(check, n) >= WHOLE_POWER, check.id
        assert plan.indecision(check, n, spread=1.4) <= INDECISION / capacity, check.id
        assert plan.detectable(check, n) <= check.discrepancy * (1 + 1e-12), check.id
        assert (n > 0) == bool(check.experiments), check.id
        assert check.law in ("no noise", "normal", "normal, skewed")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_check_has_its_power_in_both_profiles_on_the_cheap_suites(profile):
    assert_powerful(verify.build(profile, ["sequence", "efron-1.5"]), profile)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_every_check_has_its_power_in_both_profiles(profile):
    universe = verify.build(profile)
    assert {check.id for check in universe} >= {"R1.control.line.raw", "S2.level.sequence.design"}
    assert_powerful(universe, profile)
    assert len(SUITES) > 7
    if profile == "quick":
        sources = [check.source for check in universe]
        for name in ("README.md", "docs/trust.md"):
            page = " ".join((Path(__file__).parent.parent / name).read_text().split())
            assert re.search(rf"Of (the )?{len(universe)} checks", page), name
            for source in SOURCES:
                pattern = rf"\b{sources.count(source)} (are |compare a )?{re.escape(source)}"
                assert re.search(pattern, page), (name, source, sources.count(source))


def test_no_run_has_more_checks_with_noise_than_share_the_family_rate():
    """What keeps the family's rate in either profile: a run beyond the capacity does not start."""
    full = [dataclasses.replace(ONE, id=f"R1.x{k}.c.d") for k in range(CAPACITY)]
    silent = dataclasses.replace(ONE, id="R1.silent.c.d", experiments=(), source="second route")
    assert make_plan([*full, silent]).alarm * CAPACITY <= FAMILY_RATE
    assert make_plan([ONE]).alarm == make_plan(full).alarm
    with pytest.raises(ValueError, match=f"^checks: got {CAPACITY + 1} with noise"):
        make_plan([*full, ONE])


def test_a_selection_is_planned_with_the_replicates_of_the_whole():
    strong = dataclasses.replace(ONE, id="R1.y.c.d", statistic=("y", None), discrepancy=0.05)
    plan = make_plan([ONE, strong])
    assert plan.for_check([ONE, strong], ONE) == plan.replicates[strong.id] > 10_000
    paired = dataclasses.replace(ONE, id="R3.z.c.d", experiments=("c/d", "c/e"))
    assert plan.for_check([ONE, strong], paired) == 0


def test_skewness_costs_replicates_and_keeps_the_power():
    plain = dataclasses.replace(ONE, discrepancy=0.1)
    skewed = dataclasses.replace(plain, id="R1.y.c.e", experiments=("c/e",), skewness=2.0)
    plan = make_plan([plain, skewed])
    few, many = plan.replicates[plain.id], plan.replicates[skewed.id]
    assert few < many < 1.3 * few
    assert plan.power(skewed, many - 2) < POWER <= plan.power(skewed, many)


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_a_profile_has_no_more_checks_than_share_its_rates(profile):
    universe = verify.build(profile)
    noisy = [check for check in universe if check.experiments]
    assert len(noisy) <= capacity_of(profile)
    assert make_plan(universe, capacity=capacity_of(profile)).alarm * len(noisy) <= FAMILY_RATE
