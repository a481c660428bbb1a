"""What makes synthetic rows worth having, and how few of them the planner asks for."""

import dataclasses

import numpy as np
import pytest

from synthetic_oversampling.practice.planner.choices import Choice, Plan
from synthetic_oversampling.practice.planner.decision import decide, fewest, forgone
from synthetic_oversampling.practice.planner.intervals import Interval
from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner.report import _answer, _sureness
from synthetic_oversampling.practice.planner.table import GroupInfo
from synthetic_oversampling.practice.planner_study.trials import draw_groups
from synthetic_oversampling.theory.population.laws import GaussianGroup

GROUPS = (GaussianGroup([0.0, 0.0], np.eye(2), 0), GaussianGroup([1.4, 0.6], np.eye(2), 1))


def _choice(name, size, expected, *, excess=1e-3, source="gaussian", **more):
    gain = Interval(expected, expected - 1e-5, expected + 1e-5)
    return Choice(name, source, (0, 0), size, 0.5, Interval(excess, excess, excess), 0.0, excess,
                  gain, expected=expected, **more)  # fmt: skip


def _choices(*offers, excess=1e-3):
    raw = _choice("raw", 0, -0.5, source="")
    weighting = _choice("weighting", 0, 0.0, excess=excess, source="")
    return [raw, weighting, *offers]


def test_a_gain_that_nobody_would_see_is_not_worth_a_row():
    # 4e-5 nats are 8 % of class weighting's excess risk, and sure: still nothing to act on
    choices = _choices(_choice("weight+add", 600_000, 4e-5), excess=5e-4)
    best, adds, reason = decide(choices, 1e-4)
    assert not adds and best.name == "weighting" and "less than the 0.0001" in reason
    assert decide(choices, 1e-5)[1], "someone who says that it is worth it gets it"
    large = _choices(_choice("weight+add", 600_000, 4e-4), excess=5e-2)
    reason = decide(large, 1e-4)[2]
    assert "2 % of class weighting's excess risk" in reason


def test_a_loss_is_called_a_loss_and_a_price_a_price():
    assert "is expected to hurt" in decide(_choices(_choice("level", 100, -1e-3)), 1e-4)[2]
    dear = _choices(_choice("level", 100, -1e-3, cost=2e-3))
    assert "is not worth its price" in decide(dear, 1e-4)[2]


def test_the_fewest_rows_as_good_as_the_best_to_the_eye_are_taken():
    few, many = _choice("level", 50, 3.0e-3), _choice("weight+add", 5000, 3.05e-3)
    assert decide(_choices(few, many), 1e-4)[0] is few
    poor = dataclasses.replace(few, expected=2.9e-3)
    assert decide(_choices(poor, many), 1e-4)[0] is many
    doubtful = dataclasses.replace(few, caution=2.9e-3)  # gains, but is hardly shown to
    assert decide(_choices(doubtful, many), 1e-4)[0] is many


@pytest.mark.parametrize("gain", [1e-5, 1.5e-4, 3e-3, 0.2])
def test_fewer_rows_forgo_a_tenth_or_what_is_invisible_but_never_over_a_quarter(gain):
    left = forgone(gain, 1e-4)
    assert 0.1 * gain <= left <= max(0.1 * gain, 1e-4) and left <= 0.25 * gain
    assert forgone(gain, 0.0) == 0.1 * gain
    assert [fewest(lambda n, k=k: n >= k, 1000) for k in (1, 2, 999, 1000)] == [1, 2, 999, 1000]


def test_rows_are_as_few_as_the_gain_allows_and_none_on_a_large_table():
    x, label = draw_groups(GROUPS, (600, 60), seed=5)
    options = {"generators": "gaussian-pooled", "bootstrap": 10}
    found = {
        worth: next(c for c in plan_table(x, label, worth=worth, **options).choices if c.size)
        for worth in (0.0, 1e-3)
    }
    assert found[1e-3].size < 0.7 * found[0.0].size
    lost = found[0.0].expected - found[1e-3].expected
    assert 0 < lost <= forgone(found[0.0].expected / 0.9, 1e-3)
    x, label = draw_groups(GROUPS, (9_000, 900), seed=5)
    assert plan_table(x, label, worth=0.0, **options).add_synthetic
    assert not plan_table(x, label, **options).add_synthetic


def test_a_sure_gain_that_is_too_small_is_not_called_a_reason():
    offer = _choice("weight+add", 600_000, 4e-5)
    choices = tuple(_choices(offer))
    plan = Plan(choices, choices[1], False, "", (), (), 0.95, 0.0, np.zeros(0, int), 1e-4)
    assert offer.gain.low > 0
    assert _sureness(plan).startswith("sure of no gain worth having: ")
    assert "lies below 0.0001" in _sureness(plan)
    assert _sureness(dataclasses.replace(plan, needed=1e-5)).startswith("sure of a gain: ")


@pytest.mark.parametrize(
    ("names", "units"), [(["a", "b"], "classes"), (["a/u", "a/v", "b/u", "b/v"], "groups")]
)
def test_what_to_weight_is_called_by_its_name(names, units):
    choices = tuple(_choices(_choice("weight+add", 6, 4e-5)))
    groups = tuple(GroupInfo(name, 10, name.startswith("b")) for name in names)
    plan = Plan(choices, choices[1], False, "", groups, (), 0.95, 0.0, np.zeros(0, int), 1e-4)
    (answer,) = (text for name, text, _ in _answer(plan) if name == "answer")
    assert answer.endswith(f"weight the {units}")


def test_the_least_gain_is_a_number_from_zero():
    x, label = draw_groups(GROUPS, (60, 20), seed=5)
    for worth in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="worth: got .*, expected a number of at least 0"):
            plan_table(x, label, worth=worth)


def test_generators_that_a_small_table_is_too_small_for_are_left_out_unless_named():
    x, label = draw_groups(GROUPS, (60, 5), seed=3)
    x = np.c_[x, np.random.default_rng(0).normal(size=(65, 2))]
    plan = plan_table(x, label, bootstrap=10)
    assert {c.source for c in plan.choices if c.source} == {"smote-all", "gaussian-pooled"}
    (said,) = (w.message for w in plan.warnings if w.check == "generators")
    assert "smote (6), gaussian (6)" in said and "the smallest has 5" in said
    with pytest.raises(ValueError, match="gaussian needs 6 rows in every group"):
        plan_table(x, label, generators="gaussian", bootstrap=10)
