"""What `make check` runs after lint: the quick part of the gate of wrong formulas.

Not collected by `make test`, whose `test_mutants` judges these checks and all others. Predictions
are made anew and judged on the recorded run of the true simulation, without simulating anything.
"""

from pathlib import Path

import pytest

from synthetic_oversampling.simulate.mutants.mutation import Mutant
from synthetic_oversampling.simulate.mutants.table import MUTANTS
from synthetic_oversampling.simulate.verify import gate_record
from synthetic_oversampling.simulate.verify.gate import suite_of

RECORD = Path(__file__).parent / "gate_observations.json"
# the suites that reject the most wrong formulas for their time; all of them take twice as long
SUITES = (
    "printed", "hyperbola", "global-law", "sequence", "in-context", "whole-rows", "line",
    "two-gaussians", "efron-1.5", "efron-2.5-random", "certificate", "separability",
    "proportional-line", "proportional-oracle", "proportional-pairs", "proportional-seeds",
    "proportional-unequal", "multiclass",
)  # fmt: skip
LINE = ("raw", "weighted", "shifted", "smote")  # of its labels: each costs seconds


def _chosen() -> dict[str, list[str]]:
    """Ids of the checks that are judged, by suite, among those that wrong formulas name."""
    found: dict[str, list[str]] = {suite: [] for suite in SUITES}
    for check in dict.fromkeys(name for mutant in MUTANTS.values() for name in mutant.checks):
        suite = suite_of(check)
        slow = suite == "line" and (".order." in check or check.split(".")[-1] not in LINE)
        slow = slow or (suite == "multiclass" and check.split(".")[-1].startswith("three-"))
        if suite in found and not slow:
            found[suite].append(check)
    return found


CHECKS = _chosen()
NAMED = {check for planned_check in CHECKS.values() for check in planned_check}


def rejected() -> list[Mutant]:
    """The wrong formulas that a judged check rejects; `test_mutants` proves that each does."""
    return [mutant for mutant in MUTANTS.values() if NAMED & set(mutant.checks)]


@pytest.mark.parametrize("suite", SUITES)
def test_the_predictions_of_today_pass_on_the_recorded_run(suite):
    outcomes, _ = gate_record.recall(RECORD, CHECKS[suite])
    assert {outcome.check.id for outcome in outcomes} == set(CHECKS[suite])
    assert [outcome.check.id for outcome in outcomes if outcome.verdict != "pass"] == []
