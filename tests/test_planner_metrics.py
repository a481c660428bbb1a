"""What designs can be compared by, and the thresholds that come with a plan."""

import argparse

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from synthetic_oversampling.practice.commands import plan as plan_command
from synthetic_oversampling.practice.commands import planner_study as study_command
from synthetic_oversampling.practice.planner.choices import Plan
from synthetic_oversampling.practice.planner.designs import designs_of
from synthetic_oversampling.practice.planner.evidence import (
    cross_validate,
    folds_of,
    held_out_scores,
)
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES, rows_of
from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner.proposal import propose
from synthetic_oversampling.practice.thresholds import thresholds_of
from synthetic_oversampling.theory import Design, GaussianGroup
from synthetic_oversampling.theory.proportional.predict import predict_proportional


def _table(sizes=(120, 30), dim=3, seed=0):
    rng, label = np.random.default_rng(seed), np.repeat([0, 1], sizes)
    return rng.normal(size=(sum(sizes), dim)) + label[:, None], label


def _loss(name, score, label, group, *, prevalence=0.5, threshold=0.0):
    return OBJECTIVES[name].loss(score[None], threshold, rows_of(label, group, prevalence))[0]


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_losses_of_ranks_are_those_of_scikit_learn(seed, prevalence):
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.repeat([0, 1], (25, 9)))
    score = np.round(rng.normal(size=34) + label, 1)  # with ties
    assert _loss("auroc", score, label, label) == pytest.approx(1 - roc_auc_score(label, score))
    weight = np.where(label, prevalence / 9, (1 - prevalence) / 25)
    found = _loss("average-precision", score, label, label, prevalence=prevalence)
    expected = 1 - average_precision_score(label, score, sample_weight=weight)
    assert found == pytest.approx(expected, abs=1e-12)
    assert _loss("balanced-error", score, label, label, threshold=0.25) == pytest.approx(
        1 - balanced_accuracy_score(label, score > 0.25)
    )


def test_groups_count_alike_in_every_loss():
    rng = np.random.default_rng(1)
    label = np.repeat([0, 0, 1, 1], (40, 4, 3, 30))
    group = np.repeat([0, 1, 2, 3], (40, 4, 3, 30))
    score = rng.normal(size=77) + label - 0.7 * (group == 2)
    for name in OBJECTIVES:
        often = np.concatenate([np.arange(77), np.flatnonzero(group == 1)])  # one group twice
        once, twice = (
            _loss(name, score[rows], label[rows], group[rows]) for rows in (np.arange(77), often)
        )
        assert twice == pytest.approx(once, abs=1e-12), name
    loss = np.logaddexp(0.0, np.where(label, -score, score))
    each = [loss[group == g].mean() for g in range(4)]
    assert _loss("cross-entropy", score, label, group) == pytest.approx(np.mean(each))
    assert _loss("worst-group", score, label, group) == pytest.approx(np.max(each))


def test_theory_of_every_objective_knows_the_best_rule():
    groups = [GaussianGroup(np.full(20, 0.5 * y), np.eye(20), y) for y in (0, 1)]
    found = predict_proportional(groups=groups, design=Design.class_weighted((300, 60)), ridge=5.0)
    apart = 0.5 * np.sqrt(20)
    known = {"auroc": -norm.cdf(apart / np.sqrt(2)), "balanced-error": norm.cdf(-apart / 2)}
    for name, objective in OBJECTIVES.items():
        reached, best = objective.theory(found, 0.2)
        assert reached > best
        assert best == pytest.approx(known.get(name, best), abs=1e-9)


def test_theory_proposes_no_gain_in_auroc_from_weights_alone():
    """Two normal classes of one covariance: weights move the intercept and add noise (M2)."""
    x, label = _table((600, 60), dim=6, seed=3)
    designs = designs_of([600, 60], ["plugin-pooled"])
    by_rank, by_loss = propose(
        x, label, label, designs, 5.0, objectives=("auroc", "cross-entropy"), prevalence=0.1
    )
    assert by_rank.gain[0] > 0 > by_loss.gain[0]  # raw against weighting
    assert 0 < by_rank.excess < 0.2


def test_scores_out_of_fold_are_those_that_the_evidence_judged():
    x, label = _table()
    designs = designs_of([120, 30], [])
    usual = {"folds": 5, "repeats": 2, "seed": 4}
    (found,) = cross_validate(
        x,
        label,
        label,
        designs,
        {},
        "logistic-l2",
        (2.0,),
        objectives=("auroc",),
        prevalence=0.2,
        **usual,
    )
    score = held_out_scores(x, label, label, designs[1], {}, "logistic-l2", 2.0, **usual)
    losses = []
    for repeat in range(2):
        fold = folds_of(label, 5, np.random.default_rng([4, repeat]))
        losses += [1 - roc_auc_score(label[fold == k], score[repeat, fold == k]) for k in range(5)]
    assert found.loss[1] == pytest.approx(np.mean(losses))


@pytest.mark.parametrize("scale, shift", [(1.0, 0.0), (3.0, 1.0)])
def test_thresholds_undo_scale_and_shift_of_the_scores(scale, shift):
    """Scores whose true log-odds at equal shares are ``2 t``, as ``scale * 2 t + shift``."""
    rng, label = np.random.default_rng(0), np.repeat([0, 1], (40_000, 10_000))
    score = scale * 2 * rng.normal(2 * label - 1.0, 1.0) + shift
    found = thresholds_of(score, label, label, prevalence=0.2, cost_ratio=5.0)
    assert found.slope == pytest.approx(1 / scale, rel=0.05)

    def log_odds(probability):
        return (np.log(probability / (1 - probability)) - shift) / scale

    assert log_odds(found.balanced) == pytest.approx(0.0, abs=0.1)
    assert log_odds(found.cost) == pytest.approx(np.log(4) - np.log(5), abs=0.1)
    true = 1 / (1 + np.exp(-(np.log(0.25) + 0.5)))
    given = 1 / (1 + np.exp(-(scale * 0.5 + shift)))
    assert found.recalibrated(given) == pytest.approx(true, abs=0.01)
    assert found.recalibrated(given) > 1 / (1 + 5.0) or log_odds(given) < log_odds(found.cost)


def test_the_threshold_of_f1_is_the_best_of_all():
    rng, label = np.random.default_rng(2), np.repeat([0, 1], (200, 20))
    score = rng.normal(size=220) + 1.5 * label
    found = thresholds_of(score, label, label, prevalence=20 / 220)

    def f1(cut):
        called = score > cut
        return 2 * np.sum(called & (label > 0)) / (called.sum() + 20)

    at = np.log(found.f1 / (1 - found.f1))
    assert found.f1_value == pytest.approx(f1(at))
    assert found.f1_value == pytest.approx(max(f1(cut) for cut in score - 1e-9))


def test_scores_that_say_nothing_have_no_threshold_and_separated_ones_have():
    label = np.repeat([0, 1], (30, 10))
    useless = thresholds_of(-label.astype(float), label, label, prevalence=0.25)
    assert useless.balanced is None and useless.cost is None and useless.slope < 0
    apart = thresholds_of(9.0 * label - 4, label, label, prevalence=0.25)
    assert 0 < apart.balanced < 1 and np.isfinite(apart.slope) and apart.f1_value == 1.0
    with pytest.raises(ValueError, match="probability: got 1.5, expected numbers from 0 to 1"):
        apart.recalibrated([0.2, 1.5])


@pytest.mark.parametrize("metric", OBJECTIVES)
def test_a_plan_is_made_for_every_metric(metric):
    x, label = _table((150, 25), seed=6)
    plan = plan_table(x, label, metric=metric, ridge=1.0, repeats=1, generators="smote")
    words = OBJECTIVES[metric].words
    assert plan.metric == metric and words in " ".join(plan.summary().split())
    assert "call a row positive above" in plan.summary()
    again = Plan.from_json(plan.to_json())
    assert again.summary() == plan.summary() and again.thresholds == plan.thresholds
    assert plan.thresholds.prevalence == pytest.approx(25 / 175)
    assert words in plan.plot().axes[0].get_xlabel()


def test_an_imbalance_that_a_threshold_mends_is_no_loss_of_rank():
    x, label = _table((400, 20), dim=2, seed=7)
    usual = {"ridge": 1.0, "repeats": 1, "generators": "smote"}
    by_loss, by_rank = (
        plan_table(x, label, metric=name, **usual).choices[0].evidence
        for name in ("cross-entropy", "auroc")
    )
    assert by_loss.mean < -0.1 and abs(by_rank.mean) < 0.01


@pytest.mark.parametrize(
    "options, words",
    [
        ({"metric": "accuracy"}, "metric: got 'accuracy', expected one of cross-entropy"),
        ({"prevalence": 1.0}, "prevalence: got 1.0, expected a share between 0 and 1"),
        ({"cost_ratio": 0.0}, "cost_ratio: got 0.0, expected a positive number"),
    ],
)
def test_bad_options_are_named(options, words):
    x, label = _table((40, 10))
    with pytest.raises(ValueError, match=words):
        plan_table(x, label, **options)


@pytest.mark.parametrize("command", [plan_command, study_command], ids=["plan", "study"])
def test_the_commands_offer_every_metric(command):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    (offered,) = (action.choices for action in parser._actions if action.dest == "metric")
    assert set(offered) == set(OBJECTIVES)
