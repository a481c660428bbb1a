"""Replicates that spread otherwise than declared fail their check, and no others do."""

import dataclasses

import numpy as np
import pytest

from synthetic_oversampling.simulate.checks.check import Observation, judge
from synthetic_oversampling.simulate.checks.declaration import Planned
from synthetic_oversampling.simulate.checks.spreads import judge_spread
from synthetic_oversampling.simulate.verify import run as verify

SOURCE = "simulated, scored by theory"
CHECK = Planned(
    id="R1.x.c.d",
    claim="",
    kind="exact",
    experiments=("c/d",),
    statistic=("x", None),
    theory=1.0,
    std=1.0,
    discrepancy=0.1,
    source=SOURCE,
)
Z = 4.9


def _verdict(check, std, n=20_000, skewness=0.0):
    below = check.discrepancy if check.kind == "bound" else 0.0
    seen = Observation(
        mean=check.theory - below, std_error=std / np.sqrt(n), n=n, skewness=skewness
    )
    return judge_spread(judge(check, seen, Z), seen, Z).verdict


@pytest.mark.parametrize(
    ("declared", "std", "verdict"),
    [
        ({}, 1.0, "pass"),
        ({}, 1.3, "pass"),
        ({}, 1.5, "fail"),
        ({}, 2.0, "fail"),  # square / 8 for square / 2 halves what is declared
        ({}, 0.3, "pass"),
        ({}, 0.2, "fail"),
        ({"skewness": 2.0}, 0.1, "pass"),  # an upper estimate
        ({"skewness": 2.0}, 0.02, "fail"),
        ({"skewness": 2.0}, 2.0, "fail"),
        ({"kind": "bound"}, 0.01, "pass"),
        ({"kind": "bound"}, 2.0, "fail"),
    ],
)
def test_a_spread_is_held_to_the_declared_one(declared, std, verdict):
    assert _verdict(dataclasses.replace(CHECK, **declared), std) == verdict


def test_few_or_skewed_replicates_are_allowed_more():
    assert _verdict(CHECK, 1.6, n=100, skewness=3.0) != "fail"
    nothing = Observation(mean=np.nan, std_error=np.nan, n=0)
    assert judge_spread(judge(CHECK, nothing, Z), nothing, Z).verdict == "inconclusive"


def test_a_run_notices_a_declared_spread_of_half(monkeypatch):
    universe = verify.build("quick", ["line/weighted"])
    single = [c for c in universe if c.experiments == ("line/weighted",)][:4]
    right = verify.run_checks(single, seed=5, profile="quick", universe=single)
    assert right.verdict == "pass"
    exact = [c for c in single if c.kind == "exact"]
    # the mean and the plan are the right ones: only the declaration is wrong
    wrong = [dataclasses.replace(c, std=c.std / 2) for c in exact]
    report = verify.run_checks(wrong, seed=5, profile="quick", universe=single)
    assert [outcome.verdict for outcome in report.outcomes] == ["fail"] * len(exact) != []
    assert all("spread by" in outcome.reason for outcome in report.outcomes)
