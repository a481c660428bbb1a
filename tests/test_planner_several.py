"""Plans of more than two classes: what two classes give through the same door, and known truths."""

import csv
import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice import plan_table
from synthetic_oversampling.practice.calibration_check import FITS, check_calibration, table
from synthetic_oversampling.practice.planner import evidence
from synthetic_oversampling.practice.planner.choices import Plan
from synthetic_oversampling.practice.planner.designs import Design, designs_of
from synthetic_oversampling.practice.planner.learners import LEARNERS, scores
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES, rows_of
from synthetic_oversampling.practice.planner.plan import SeparableError
from synthetic_oversampling.practice.planner.proposal import group_laws, theory_design
from synthetic_oversampling.practice.planner.several.fits import (
    cross_entropies,
    separable_classes,
    softmax_path,
)
from synthetic_oversampling.practice.planner.several.proposal import propose_several
from synthetic_oversampling.practice.planner.sources import drawing
from synthetic_oversampling.practice.recalibration import reliability
from synthetic_oversampling.practice.thresholds import class_offsets_of, thresholds_of
from synthetic_oversampling.theory import Design as RealDesign
from synthetic_oversampling.theory import (
    GaussianPlugin,
    Oracle,
    predict,
    predict_multiclass,
)

MEANS = np.array([[0.0, 0.0, 0.0], [1.5, 0.5, 0.0], [0.4, -1.2, 0.5]])
BY_CLASS = ("cross-entropy", "worst-group", "balanced-error")


def _table(sizes=(400, 80, 40), seed=0, means=MEANS):
    rng, label = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(size=(len(label), means.shape[1])) + means[label], label


def _two(sizes=(200, 40), seed=0):
    return _table(sizes, seed, MEANS[:2])


# --- fits and losses -------------------------------------------------------------------------


def test_a_softmax_fit_is_scikit_learns_and_no_class_is_special():
    x, y = _table()
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    found = softmax_path(x, y, weight, x, (3.0, 0.7))
    for row, ridge in zip(found, (3.0, 0.7), strict=True):
        model = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=10_000)
        theirs = model.fit(x, y, sample_weight=weight).decision_function(x)
        assert np.abs(row - (theirs[:, 1:] - theirs[:, :1])).max() < 1e-4
    order = np.array([2, 0, 1])  # class k is called order[k]
    other = softmax_path(x, order[y], weight, x, (3.0,))[0]
    whole, turned = (np.column_stack([np.zeros(len(x)), t]) for t in (found[0], other))
    assert np.abs((turned[:, order] - turned[:, order[:1]]) - whole).max() < 1e-7


def test_two_classes_have_the_binary_fit_losses_and_thresholds():
    x, y = _two()
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    ours = softmax_path(x, y, weight, x, (2.0, 0.2))
    binary = scores("logistic-l2", (1.0, 0.1), x, y, weight, x)
    assert np.abs(ours[..., 0] - binary).max() < 1e-9
    rows = rows_of(y, y, 0.3)
    for name in BY_CLASS:
        loss = OBJECTIVES[name].loss
        several = loss(ours, np.array([0.3]), rows)
        assert several == pytest.approx(loss(binary, 0.3, rows), abs=1e-9), name
    two = thresholds_of(binary, y, y, prevalence=0.2)
    found = class_offsets_of(ours, y, y, ("a", "b"), (0.8, 0.2))
    assert found.intercepts[1] == pytest.approx(two.intercept, abs=1e-7)
    assert found.slope == pytest.approx(two.slope, abs=1e-7)
    p = np.array([0.1, 0.4, 0.9])
    corrected = found.recalibrated(np.column_stack([1 - p, p]))
    assert corrected[:, 1] == pytest.approx(two.recalibrated(p), abs=1e-7)


def test_two_classes_have_the_binary_evidence(monkeypatch):
    x, y = _two((90, 30))
    designs = designs_of(np.bincount(y), ["plugin-pooled"])[:5]
    sources = {"plugin-pooled": drawing("plugin-pooled", x, y)}

    def judged():
        return evidence.cross_validate(
            x,
            y,
            y,
            designs,
            sources,
            "logistic-l2",
            (0.4, 6.4),
            objectives=BY_CLASS,
            prevalence=0.25,
            folds=5,
            repeats=1,
            seed=1,
        )

    binary = judged()

    def softmax_scores(learner, ridges, x, y, weight, held, seed):
        return softmax_path(x, y, weight, held, [2 * ridge for ridge in ridges])

    monkeypatch.setattr(evidence, "scores", softmax_scores)
    for one, other in zip(binary, judged(), strict=True):
        assert one.gain == pytest.approx(other.gain, abs=1e-9)
        assert one.error == pytest.approx(other.error, abs=1e-9)
        assert one.ridge.tolist() == other.ridge.tolist()


def test_a_separated_class_is_found_and_overlapping_ones_are_not():
    x, y = _table()
    assert not separable_classes(x, y)
    apart = x + 30.0 * (y == 2)[:, None]
    assert separable_classes(apart, y)
    with pytest.raises(SeparableError, match="tells one class from all others, so"):
        plan_table(apart, y, learner="logistic")
    assert plan_table(apart, y, repeats=1, generators="plugin-pooled").ridge > 0


# --- theory ----------------------------------------------------------------------------------


def test_two_classes_have_the_gains_of_theorem_r():
    x, y = _two((600, 150))
    sizes = tuple(np.bincount(y).tolist())
    designs = designs_of(sizes, ["plugin-pooled", "smote"])
    found = propose_several(x, y, y, designs, objective="cross-entropy")
    groups, distance = group_laws(x, y, y)
    plugin = GaussianPlugin("pooled")
    totals = [float(predict(groups, theory_design(sizes, d), plugin).total) for d in designs[:2]]
    assert found.excess == pytest.approx(totals[1], rel=1e-9)
    assert found.distance == pytest.approx(distance)
    for design, gain in zip(designs, found.gain, strict=True):
        if design.source == "smote":
            assert gain == 0.0
        else:
            total = float(predict(groups, theory_design(sizes, design), plugin).total)
            assert gain == pytest.approx(totals[1] - total, abs=1e-10), design


def test_a_design_of_the_planner_is_the_theorys_where_both_have_it():
    groups, _ = group_laws(*_table(), _table()[1])
    for sizes, planned, named in (
        (
            (400, 80, 40),
            Design("level", "plugin-pooled", (0, 320, 360), (0.0, 0.8, 0.9)),
            RealDesign((400, 80, 40)),
        ),
        (
            (90, 90, 90),
            Design("all", "plugin-pooled", (500,) * 3, (0.3,) * 3),
            RealDesign((90, 90, 90), augmentation=500, weight=0.3),
        ),
    ):
        ours = predict_multiclass(groups, theory_design(sizes, planned), Oracle())
        assert ours.total == pytest.approx(float(predict_multiclass(groups, named, Oracle()).total))


def test_theory_has_no_word_where_it_is_not_to_be_relied_on():
    x, y = _table((60, 20, 8), means=np.zeros((3, 12)))
    designs = designs_of(np.bincount(y), ["plugin-pooled"])
    assert np.isnan(propose_several(x, y, y, designs, objective="cross-entropy").gain).all()
    x, y = _table()
    for metric in BY_CLASS:
        plan = plan_table(x, y, metric=metric, generators="plugin-pooled", repeats=1)
        offers = [choice for choice in plan.choices if choice.rows]
        assert all(choice.prior is not None for choice in offers), metric
        assert plan.theory.startswith("theorem K2, for normal groups") and not plan.warnings
    five = np.arange(300) % 5
    wide = np.random.default_rng(0).normal(size=(300, 2)) + five[:, None]
    plan = plan_table(wide, five, generators="plugin-pooled", repeats=1)
    assert all(choice.prior is None for choice in plan.choices) and "alone" in plan.theory


# --- plans whose truth is known ------------------------------------------------------------------


def _truth(plan, choice, fresh, label):
    """Balanced cross-entropy on fresh rows after the fit of a design of a plan."""
    rows = dataclasses.replace(plan, recommended=choice).training_table()
    x, real = rows.features, ~rows.synthetic
    centre, unit = x[real].mean(axis=0), x[real].std(axis=0)
    weight = rows.weights * (real.sum() / len(x))
    found = softmax_path(
        (x - centre) / unit, rows.labels, weight, (fresh - centre) / unit, (choice.ridge,)
    )[0]
    loss = cross_entropies(found, label)
    return np.mean([loss[label == k].mean() for k in range(label.max() + 1)])


def _judged(count, seed):
    """Deviations of true gains from what plans said, in stated errors: of offers, and of advice."""
    rng, offers, advised = np.random.default_rng(seed), [], []
    for place in range(count):
        dim = int(rng.integers(2, 12))
        means = np.zeros((3, dim))
        means[:, :2] = rng.normal(size=(3, 2)) * rng.uniform(0.6, 1.6)
        unit = np.array([1.0, *rng.uniform(0.6, 1.5, 2)]) if place % 2 else np.ones(3)
        sizes = [int(rng.integers(*ends)) for ends in ((150, 400), (30, 120), (12, 40))]

        def drawn(sizes, means=means, unit=unit):
            label = np.repeat(np.arange(3), sizes)
            noise = rng.normal(size=(len(label), means.shape[1]))
            return noise * unit[label, None] + means[label], label

        x, y = drawn(sizes)
        fresh, label = drawn((20_000,) * 3)
        plan = plan_table(x, y, generators=["smote", "plugin-pooled"], repeats=1)
        usual = _truth(plan, plan.choices[1], fresh, label)
        for choice in plan.choices[2:]:
            gain = usual - _truth(plan, choice, fresh, label)
            off = (gain - choice.posterior.mean) / choice.posterior.error
            (advised if choice == plan.recommended else offers).append(off)
    return np.array(offers), np.array(advised)


def test_advice_on_three_classes_does_not_lose_beyond_its_stated_error():
    offers, advised = _judged(6, seed=5)
    assert len(advised) >= 2 and advised.min() > -3.0
    assert np.mean(np.abs(offers) < 1.96) > 0.85


@pytest.mark.slow
def test_intervals_of_gains_on_three_classes_hold_what_they_should():
    offers, advised = _judged(40, seed=6)
    assert 0.88 < np.mean(np.abs(np.r_[offers, advised]) < 1.96) <= 1.0
    assert len(advised) > 8 and advised.min() > -3.5


@pytest.mark.parametrize("learner", ["logistic-l2", "logistic"])
def test_recalibrated_probabilities_are_calibrated_and_raw_ones_are_not(learner):
    """The odds of a class of n rows are known to about n^-1/2; weighting changes them tenfold."""
    sizes = (900, 180, 90)
    x, y = _table(sizes, seed=3)
    plan = plan_table(x, y, learner=learner, generators="plugin-pooled", repeats=1)
    rows = plan.training_table()
    centre, unit = x.mean(axis=0), x.std(axis=0)
    weight = rows.weights * (len(x) / len(rows.labels))
    fresh, label = _table(tuple(20 * n for n in sizes), seed=4)
    found = scores(
        learner,
        (plan.ridge,),
        (rows.features - centre) / unit,
        rows.labels,
        weight,
        (fresh - centre) / unit,
    )[0]
    whole = np.exp(np.column_stack([np.zeros(len(found)), found]))
    raw = whole / whole.sum(axis=1, keepdims=True)
    right = plan.thresholds.recalibrated(raw)
    assert np.abs(right.sum(axis=1) - 1).max() < 1e-12
    for kind, size in enumerate(sizes):
        share, room = np.mean(label == kind), 4.0 / np.sqrt(size)
        assert abs(right[:, kind].mean() / share - 1) < room
        if kind:
            assert raw[:, kind].mean() / share - 1 > 2 * room
            before, after = (reliability(label == kind, p[:, kind]).error for p in (raw, right))
            assert after < 0.25 * before
    missed = right.argmax(axis=1) != label
    even = plan.thresholds.recalibrated(raw, np.full(3, 1 / 3)).argmax(axis=1) != label
    for kind, size in enumerate(sizes):
        room = 4.0 * np.sqrt(0.25 / size)
        assert abs(missed[label == kind].mean() - plan.thresholds.errors[kind]) < room
        assert abs(even[label == kind].mean() - plan.thresholds.balanced_errors[kind]) < room


def test_the_correction_after_resampling_three_classes_says_so_of_every_class():
    pandas = pytest.importorskip("pandas")
    from synthetic_oversampling.practice.resampler import SyntheticOverSampler

    x, y = _table((1200, 300, 150), seed=5)
    names = pandas.Series(np.array(["most", "some", "few"])[y])
    sampler = SyntheticOverSampler("plugin", covariance="pooled", random_state=0)
    found = check_calibration(pandas.DataFrame(x), names, sampler)
    assert found.rare == "few" and found.every.shape == (3, 1650, 3)
    for one, by_fit in found.by_class().items():
        share = (names == one).mean()
        room = 5.0 * np.sqrt(share * (1 - share) / len(y))
        means = [by_fit[name][0] for name in FITS]
        assert abs(means[0] - share) < room and abs(means[2] - share) < room, one
        assert abs(means[1] - share) > 2 * room
        assert by_fit[FITS[2]][1] < 0.5 * by_fit[FITS[1]][1]
    text = table(found)
    assert all(f"\n{one} " in text for one in ("few", "most", "some"))


# --- report, files and refusals -----------------------------------------------------------------


def test_a_plan_of_three_classes_is_kept_and_told_by_class(tmp_path, capsys):
    x, y = _table((120, 40, 20))
    names = np.array(["most", "some", "few"])[y]
    plan = plan_table(
        x, names, repeats=1, generators="smote", prevalence={"some": 0.2, "few": 0.1, "most": 0.7}
    )
    again = Plan.from_json(plan.to_json())
    assert again.thresholds == plan.thresholds and again.summary() == plan.summary()
    assert plan.thresholds.classes == ("few", "most", "some")
    assert plan.thresholds.prevalence == (0.1, 0.7, 0.2)
    text = " ".join(plan.summary().split())
    assert "for shares of few 0.1, most 0.7, some 0.2, multiply the fit's log-odds" in text
    assert "missed of held-out rows: few" in text and "(+)" not in text
    path, made = tmp_path / "rows.csv", tmp_path / "train.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "b", "c", "kind"], *([*r, k] for r, k in zip(x, names, strict=True))]
        )
    common = ["plan", str(path), "--label", "kind", "--generator", "smote", "--repeats", "1"]
    shares = ["--prevalence", "few=0.1,most=0.7,some=0.2"]
    assert main([*common, *shares, "--write", str(made), "--out", str(tmp_path / "plan")]) == 0
    assert "most 0.7, some 0.2" in " ".join(capsys.readouterr().out.split())
    with made.open() as file:
        rows = list(csv.DictReader(file))
    weight = {k: sum(float(r["weight"]) for r in rows if r["kind"] == k) for k in set(names)}
    assert max(weight.values()) == pytest.approx(min(weight.values()))
    assert (tmp_path / "plan" / "plan.png").stat().st_size > 1000
    assert main([*common, "--prevalence", "0.1"]) == 2
    assert "expected shares of few, most, some that sum to 1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*common, "--prevalence", "few=a"])
    assert "or one of every label such as" in capsys.readouterr().err


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_has_scores_of_every_class(learner):
    x, y = _table((60, 30, 20))
    found = scores(learner, (1.0,), x, y, np.ones(len(y)), x[:7])
    assert found.shape == (1, 7, 2) and np.isfinite(found).all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"metric": "auroc"}, "metric: got 'auroc' for 3 classes, expected one of cross-entropy"),
        ({"cost_ratio": 3.0}, "cost_ratio: got 3.0 for 3 classes, expected none"),
        ({"ridge": "theory"}, "ridge: got 'theory' for 3 classes, expected a number or 'cv'"),
        ({"prevalence": 0.2}, "prevalence: got 0.2, expected shares of 0, 1, 2 that sum to 1"),
        ({"prevalence": (0.5, 0.5)}, "expected shares of 0, 1, 2 that sum to 1"),
        ({"prevalence": (0.5, 0.6, -0.1)}, "expected shares of 0, 1, 2 that sum to 1"),
        ({"prevalence": {"0": 0.5, "1": 0.2, "x": 0.3}}, "expected shares of 0, 1, 2"),
    ],
)
def test_what_only_two_classes_have_is_refused_of_three(options, match):
    x, y = _table((30, 20, 10))
    with pytest.raises(ValueError, match=match):
        plan_table(x, y, **options)
    with pytest.raises(ValueError, match="prevalence: got .* expected a share between 0 and 1"):
        plan_table(x, y, positive=2, prevalence=(0.1, 0.9))


def test_a_fit_of_too_many_parameters_is_refused():
    label = np.arange(1300) % 26
    x = np.random.default_rng(0).normal(size=(1300, 40))
    with pytest.raises(ValueError, match="features: got 40 for 26 classes, expected a fit of at"):
        plan_table(x, label)
