"""The planner's parts: sources, designs, fits, folds, theory, and how opinions are combined."""

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from synthetic_oversampling.practice.planner import evidence, sources
from synthetic_oversampling.practice.planner import plan as planner
from synthetic_oversampling.practice.planner.choices import Choice, Plan, chosen_rows
from synthetic_oversampling.practice.planner.decision import acceptable, decide
from synthetic_oversampling.practice.planner.designs import Design, designs_of
from synthetic_oversampling.practice.planner.evidence import cross_validate, fit_and_score, folds_of
from synthetic_oversampling.practice.planner.learners import RIDGES, scores
from synthetic_oversampling.practice.planner.proposal import propose
from synthetic_oversampling.practice.planner.report import _answer
from synthetic_oversampling.practice.planner.sources import NAMES, draw_rows
from synthetic_oversampling.practice.planner.table import GroupInfo
from synthetic_oversampling.practice.planner.trust import Belief, combined, prior
from synthetic_oversampling.practice.thresholds import Thresholds
from synthetic_oversampling.theory import GaussianGroup, GaussianPlugin
from synthetic_oversampling.theory.population.design import Design as RealDesign
from synthetic_oversampling.theory.proportional.predict import predict_proportional


def _table(sizes=(120, 30), dim=3, seed=0):
    rng, label = np.random.default_rng(seed), np.repeat([0, 1], sizes)
    return rng.normal(size=(sum(sizes), dim)) + label[:, None], label


def test_held_out_rows_never_reach_a_generator():
    x, label = _table()
    seen = []

    def spy(rows, counts, seed):
        seen.append(rows)
        return np.zeros((int(counts.sum()), 3))

    designs = designs_of([120, 30], ["own"])
    cross_validate(
        x,
        label,
        label,
        designs,
        {"own": spy},
        "logistic-l2",
        (1.0,),
        objectives=("cross-entropy", "auroc"),
        prevalence=0.2,
        folds=5,
        repeats=3,
        seed=4,
    )
    assert len(seen) == 15
    for place, rows in enumerate(seen):
        repeat, k = divmod(place, 5)
        fold = folds_of(label, 5, np.random.default_rng([4, repeat]))
        assert set(rows) == set(np.flatnonzero(fold != k)) and 0 < len(rows) < len(x)


def test_named_generators_are_fitted_on_the_rows_they_are_given(monkeypatch):
    x, label = _table()
    sizes = []

    def spy(name, features, group, counts, **options):
        sizes.append((len(features), int(np.sum(counts))))
        return draw_rows(name, features, group, counts, **options)

    monkeypatch.setattr(sources, "draw_rows", spy)
    planner.plan_table(x, label, generators="smote", repeats=1)
    assert sizes and {rows for rows, _ in sizes} == {120}


def test_a_generator_that_knew_the_held_out_rows_would_be_flattered_and_is_corrected():
    x, label = _table((60, 20), dim=8, seed=5)
    copies = np.concatenate([x, x + 1e-3]), np.tile(label, 2)
    gains = {}
    for fitted in (False, True):
        plan = planner.plan_table(x, label, synthetic=copies, fitted=fitted, ridge=0.1)
        gains[fitted] = next(c for c in plan.choices if c.name == "all").evidence.mean
    assert gains[False] > gains[True]


def test_fits_are_those_of_scikit_learn():
    x, label = _table()
    weight = np.where(label, 2.5, 0.625)
    for ridge in (0.4, 25.6):
        model = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=1000).fit(x, label, weight)
        found = scores("logistic-l2", (6.4, ridge), x, label, weight, x)[1]
        np.testing.assert_allclose(found, model.decision_function(x), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_drawn_rows_have_the_moments_of_their_law(name):
    x, group = _table((400, 60), seed=2)
    rows, labels = draw_rows(name, x, group, [0, 40_000], seed=1)
    assert len(rows) == 40_000 and set(labels) == {1}
    seeds = x[group == 1]
    # SMOTE shrinks, and prefers the middle: its mean is near the seeds', not at it
    near = 0.15 if name == "smote" else 4 * 1.1 / np.sqrt(40_000)
    np.testing.assert_allclose(rows.mean(axis=0), seeds.mean(axis=0), atol=near)
    rest = x - np.stack([x[group == g].mean(axis=0) for g in (0, 1)])[group]
    pooled = rest.T @ rest / (len(x) - 2)
    cov = np.cov(rows.T)
    if name == "smote":
        assert np.trace(cov) < np.trace(np.cov(seeds.T))
    else:
        expected = np.cov(seeds.T) if name == "plugin" else pooled
        if name == "predictive-pooled":  # of a Student law with 456 degrees of freedom
            expected = pooled * (1 + 1 / 60) * 458 / 454
        np.testing.assert_allclose(cov, expected, atol=0.06)


def test_a_generator_that_is_too_small_a_group_for_says_so():
    x, group = _table((30, 4), seed=2)
    with pytest.raises(ValueError, match="plugin needs 5 rows in every group with 3 features"):
        draw_rows("plugin", x, group, [0, 3], seed=0)


def test_levelling_is_a_design_with_the_share_that_its_rows_have():
    level = next(design for design in designs_of([90, 10], ["smote"]) if design.name == "level")
    real, made = level.weights([90, 10])
    assert level.counts == (0, 80) and real[1] == pytest.approx(made[1])
    assert level.among([45, 5]).counts == (0, 40)
    assert all(
        design.counts[0] == 0
        for design in designs_of([90, 10], ["smote"])
        if design.name == "small"
    )


def _proposed(x, label, designs, ridge):
    (found,) = propose(
        x, label, label, designs, ridge, objectives=("cross-entropy",), prevalence=0.5
    )
    return found


def test_theory_proposes_what_theorem_h_says():
    """On 4000 rows the estimated groups are the true ones up to 2 %, and so is the prediction."""
    x, label = _table((3200, 800), dim=10, seed=3)
    designs = designs_of([3200, 800], ["plugin-pooled"])
    found = _proposed(x, label, designs, 5.0)
    groups = [GaussianGroup(np.full(10, float(y)), np.eye(10), y) for y in (0, 1)]
    weighted = predict_proportional(
        groups=groups, design=RealDesign.class_weighted((3200, 800)), ridge=5.0
    ).total
    level = predict_proportional(
        groups=groups, design=RealDesign((3200, 800)), generator=GaussianPlugin("pooled"), ridge=5.0
    ).total
    assert found.excess == pytest.approx(weighted, rel=0.15)
    place = next(k for k, design in enumerate(designs) if design.name == "level")
    assert found.gain[place] == pytest.approx(weighted - level, rel=0.3)
    assert found.distance == pytest.approx(np.sqrt(10), rel=0.05)
    assert np.isnan(_proposed(x, label, designs_of([3200, 800], ["own"]), 5.0).gain[-1])


def test_the_posterior_lies_between_and_is_surer_than_either():
    belief = combined(Belief(0.0, 0.01), Belief(0.03, 0.02))
    assert 0 < belief.mean < 0.015 and belief.error < 0.01
    assert prior("table", 0.5, 0.1, 0.1) is None and prior("smote", 0.5, np.nan, np.nan) is None
    low, high = (prior("smote", share, 0.01, 0.1) for share in (0.25, 0.75))
    assert low.error < high.error, "a small share risks less"


def _choice(name, expected, error, *, share=0.5, source="smote", rows=100, evidence=None, cost=0.0):
    belief = Belief(expected, error)
    return Choice(
        name=name,
        source=source,
        counts=(0, rows),
        shares=(0.0, share),
        prior=None,
        evidence=evidence or belief,
        posterior=belief,
        ridge=1.0,
        loss=0.5,
        cost=cost,
    )


def _choices(*offers):
    raw = _choice("raw", -0.5, 0.01, source="", rows=0, share=0.0)
    weighting = _choice("weighting", 0.0, 0.0, source="", rows=0, share=0.0)
    return [raw, weighting, *offers]


def test_rows_are_recommended_where_the_gain_outweighs_the_regret():
    sure, bold = _choice("small", 0.01, 0.005), _choice("all", 0.02, 0.05)
    assert acceptable(sure, 1e-4) and not acceptable(bold, 1e-4)
    best, reason = decide(_choices(sure, bold), 1e-4)
    assert best is sure and "gain 0.01 nats" in reason
    best, reason = decide(_choices(bold), 1e-4)
    assert best.name == "weighting" and "may lose as well: with probability 34%" in reason
    assert "is expected to lose" in decide(_choices(_choice("small", -0.01, 0.01)), 1e-4)[1]
    dear = _choice("small", 0.01, 0.005, cost=0.02)
    assert "is not worth its price" in decide(_choices(dear), 1e-4)[1]
    tiny = _choice("small", 5e-5, 1e-6)
    assert "less than the 0.0001 asked for" in decide(_choices(tiny), 1e-4)[1]


def test_nearly_all_of_the_weight_needs_evidence_of_its_own():
    believed = _choice("level", 0.02, 0.005, share=0.95, evidence=Belief(0.01, 0.02))
    best, reason = decide(_choices(believed), 1e-4)
    assert best.name == "weighting" and "hardly any weight" in reason
    shown = dataclasses.replace(believed, evidence=Belief(0.03, 0.01))
    assert decide(_choices(shown), 1e-4)[0] is shown


def _plan(choices, best, groups):
    return Plan(
        choices=tuple(choices),
        recommended=best,
        reason="",
        groups=groups,
        warnings=(),
        thresholds=Thresholds(
            balanced=0.5,
            cost=0.9,
            f1=0.8,
            f1_value=0.6,
            prevalence=0.1,
            cost_ratio=1.0,
            intercept=0.0,
            slope=1.0,
        ),
        learner="logistic-l2",
        metric="cross-entropy",
        theory="",
        level=0.95,
        price=0.0,
        worth=1e-4,
        fits=1,
        folds=(5, 4),
        seed=0,
        group_index=np.zeros(0, int),
    )


def test_the_answer_says_how_much_the_real_rows_still_count():
    choice = _choice("small", 0.02, 0.005, share=0.75)
    groups = (GroupInfo("no", 100, False), GroupInfo("yes", 10, True))
    said = {name: text for name, text, _ in _answer(_plan(_choices(choice), choice, groups))}
    assert said["real rows"] == "keep 25% of the weight of yes, 62% of all weight."
    none = _choices(choice)
    said = {name: text for name, text, _ in _answer(_plan(none, none[1], groups))}
    assert said["real rows"] == "keep all of the weight."
    assert said["answer"].endswith("weight the classes")


@pytest.mark.parametrize(("learner", "ridge"), [("logistic", 0.0), ("logistic-l2", 6.4)])
def test_a_row_that_stands_for_two_counts_as_two(learner, ridge):
    rng, label = np.random.default_rng(1), np.repeat([0, 1], (50, 20))
    x = rng.normal(size=(70, 3)) * (1 + label[:, None]) + 0.8 * label[:, None]
    twice = np.concatenate([x[:50], x])
    labels = np.concatenate([label[:50], label])
    pools = {"own": [rng.normal(size=(30, 3)) for _ in range(2)]}
    for design in designs_of([100, 20], ["own"]):
        given = (x, label, label), x, learner, (ridge,), 0, np.array([2.0, 1.0])
        both = (twice, labels, labels), x, learner, (ridge,), 0
        one, other = fit_and_score(design, pools, *given), fit_and_score(design, pools, *both)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_part_of_many_rows_says_what_all_of_them_do(monkeypatch):
    rng, label = np.random.default_rng(2), np.repeat([0, 1], (3000, 60))
    x = rng.normal(size=(3060, 3)) + label[:, None]
    whole = planner.plan_table(x, label, repeats=1)
    monkeypatch.setattr(evidence, "_MOST", 600)
    seen = []

    def own(places, counts, seed):
        seen.append(np.bincount(label[places]).tolist())
        return x[rng.choice(places[label[places] == 1], counts.sum())]

    planner.plan_table(x, label, generators=own, repeats=1, most=50)
    assert set(map(tuple, seen)) == {(480, 48)}, "places are of the whole table"
    part = planner.plan_table(x, label, repeats=1)
    assert [one.design for one in part.choices] == [one.design for one in whole.choices]
    assert part.choices[0].evidence.mean == pytest.approx(whole.choices[0].evidence.mean, rel=0.1)
    for one, other in zip(part.choices, whole.choices, strict=True):
        assert abs(one.evidence.mean - other.evidence.mean) < 3 * other.evidence.error + 1e-4


def test_generators_that_see_a_part_of_many_rows_have_the_moments_of_all(monkeypatch):
    """A rare group of wider rows counts for a tenth of a pooled covariance, not for a half."""
    rng, label = np.random.default_rng(3), np.repeat([0, 1], (3000, 300))
    x = rng.normal(size=(3300, 2)) * (1 + 2 * label[:, None]) + label[:, None]
    judged = {}

    def spy(x, y, group, designs, sources, *rest, **options):
        judged.update(sources=sources, group=group)
        return cross_validate(x, y, group, designs, sources, *rest, **options)

    monkeypatch.setattr(evidence, "_MOST", 300)
    monkeypatch.setattr(planner, "cross_validate", spy)
    planner.plan_table(x, label, ridge=1.0, repeats=1)
    assert np.bincount(judged["group"]).tolist() == [300, 300]
    scaled, counts = (x - x.mean(axis=0)) / x.std(axis=0), np.array([0, 20_000])
    for name, source in judged["sources"].items():
        part = source(np.arange(600), counts, 0)
        whole = draw_rows(name, scaled, label, counts, seed=0)[0]
        np.testing.assert_allclose(part.std(axis=0), whole.std(axis=0), rtol=0.1, err_msg=name)


def test_given_rows_are_judged_in_the_numbers_that_are_written(monkeypatch):
    x, label = _table((300, 40))
    fresh, labels = _table((1500, 900), seed=1)
    asked = []

    def spy(group, counts, seed):
        asked.append(tuple(counts))
        return chosen_rows(group, counts, seed)

    monkeypatch.setattr(evidence, "_MOST", 400)
    monkeypatch.setattr(planner, "chosen_rows", spy)
    plan = planner.plan_table(x, label, synthetic=(fresh, labels), fitted=False, ridge=1.0)
    most = max(choice.rows for choice in plan.choices)
    assert most == 2400 and (1500, 900) in asked


def test_a_share_that_given_rows_have_by_their_number_is_there_once():
    for available in ([100, 20], [300, 60], [100, 60]):
        found = designs_of([100, 20], ["table"], None, available)
        assert len(set(found)) == len(found)
        alike = np.array(available) / (np.array(available) + [100, 20])
        assert [one for one in found if one.name == "all" and one.shares == tuple(alike)]


def test_given_rows_are_not_thinned_and_may_weigh_as_much_as_real_ones():
    found = designs_of([90, 10], ["table"], available=(500, 3000))
    every = [one for one in found if one.name == "all"]
    assert {one.counts for one in every} == {(500, 1800)}, "20 for one of the largest group"
    real, made = every[-1].weights([90, 10])
    np.testing.assert_allclose(made, real, rtol=1e-12)
    assert {one.counts for one in designs_of([90, 10], ["table"], 70, (500, 3000))[3:]} == {
        (0, 70),
        (70, 70),
    }
    weights = np.concatenate([np.repeat(real, [90, 10]), np.repeat(made, every[-1].counts)])
    np.testing.assert_allclose(every[-1].squares([90, 10]), weights @ weights, rtol=1e-12)


def test_rows_made_without_the_tables_begin_from_a_smaller_ridge():
    rng, label = np.random.default_rng(0), np.repeat([0, 1], (60, 15))
    x = rng.normal(size=(75, 4)) + label[:, None]
    pools = np.repeat([0, 1], (900, 225))
    rows = rng.normal(size=(1125, 4)) + pools[:, None]

    def given(places, counts, seed):
        return np.concatenate([rows[pools == g][:count] for g, count in enumerate(counts)])

    designs = designs_of([60, 15], ["table"], available=(900, 225))
    ridges = (0.1, 1.0, 4.0, 6.0)
    options = {"objectives": ("cross-entropy",), "prevalence": 0.2, "folds": 3, "repeats": 2}
    usual, fresh = (
        cross_validate(
            x, label, label, designs, {"table": given}, "logistic-l2", ridges, seed=0, **options,
            fresh=name,
        )[0].ridge
        for name in ("", "table")
    )  # fmt: skip
    assert fresh[1] == usual[1] == 6.0, "of class weighting"
    assert fresh[0] == usual[0] == 6.0, "raw training has no given rows"
    assert usual[-1] == 6.0 and fresh[-1] == 1.0, "a sixteenth, among those tried"


def test_designs_are_raw_and_weighting_and_those_of_every_source():
    found = designs_of([90, 10], ["smote", "plugin"], most=50)
    assert found[:2] == [Design(n, "", (0, 0), (0.0, 0.0)) for n in ("raw", "weighting")]
    assert all(max(item.counts) <= 50 for item in found)
    assert not any(item.name == "level" for item in found)
    assert len(RIDGES) == 7


@pytest.mark.parametrize("sizes", [(80, 40), (800, 40)])
def test_with_more_features_than_a_quarter_of_the_rows_theory_shrinks_the_covariance(sizes):
    """400 features; the sample covariance is singular, or its inverse nearly twice too large."""
    dim, rng = 400, np.random.default_rng(8)
    label = np.repeat([0, 1], sizes)
    means = np.zeros((2, dim))
    means[1, :10] = 1.0
    x = means[label] + rng.standard_normal((len(label), dim))
    found = _proposed(x, label, designs_of(list(sizes), ["plugin-pooled"]), 10.0)
    groups = [GaussianGroup(mean, np.eye(dim), y) for y, mean in enumerate(means)]
    weighted = predict_proportional(
        groups=groups, design=RealDesign.class_weighted(sizes), ridge=10.0
    ).total
    level = predict_proportional(
        groups=groups, design=RealDesign(sizes), generator=GaussianPlugin("pooled"), ridge=10.0
    ).total
    designs = designs_of(list(sizes), ["plugin-pooled"])
    place = next(k for k, design in enumerate(designs) if design.name == "level")
    assert found.excess == pytest.approx(weighted, rel=0.15)
    assert found.gain[place] == pytest.approx(weighted - level, rel=0.3, abs=0.005)
    assert found.distance == pytest.approx(np.sqrt(10), rel=0.25)
