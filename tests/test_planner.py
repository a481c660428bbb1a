"""The planner: what it recommends where the truth is known, what it refuses, and what it keeps."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from synthetic_oversampling.figures.plan import label_of
from synthetic_oversampling.practice import plan_table
from synthetic_oversampling.practice.planner import SEED
from synthetic_oversampling.practice.planner import plan as planner
from synthetic_oversampling.practice.planner.choices import Plan
from synthetic_oversampling.practice.planner.diagnostics import _identifiers
from synthetic_oversampling.practice.planner.learners import scores
from synthetic_oversampling.practice.planner.plan import SeparableError
from synthetic_oversampling.practice.planner.proposal import Proposal
from synthetic_oversampling.practice.planner.report import as_dict
from synthetic_oversampling.practice.planner.table import prepare


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Theory without a word, so that the table decides: theorem H has tests of its own."""

    def silent(x, y, group, designs, ridge, **_):
        return (Proposal(np.full(len(designs), np.nan), np.nan, 1.0, 1.0),)

    monkeypatch.setattr(planner, "propose", silent)


def _normal(sizes, dim, seed, gap=1.0):
    rng, label = np.random.default_rng(seed), np.repeat([0, 1], sizes)
    x = rng.normal(size=(sum(sizes), dim))
    x[:, :3] += gap * label[:, None]
    return x, label


def _score(plan, choice, fresh):
    """Log-odds of fresh rows after the fit of a design of a plan."""
    object.__setattr__(plan, "recommended", choice)
    rows = plan.training_table()
    x, real = rows.features, ~rows.synthetic
    centre, unit = x[real].mean(axis=0), x[real].std(axis=0)
    weights = rows.weights * (real.sum() / len(x))
    return scores(
        "logistic-l2",
        (choice.ridge,),
        (x - centre) / unit,
        rows.labels,
        weights,
        (fresh - centre) / unit,
    )[0]


@pytest.fixture(scope="module")
def small():
    return _normal((200, 40), 3, seed=7)


def _balanced_loss(score, truth):
    loss = np.logaddexp(0.0, np.where(truth > 0, -score, score))
    return np.mean([loss[truth == y].mean() for y in (0, 1)])


def test_smote_that_loses_with_all_weight_is_not_recommended():
    """Class 1 lies on both sides of class 0 in x1; points between its rows lie in class 0."""

    def table(sizes, seed):
        rng = np.random.default_rng(seed)
        x, label = rng.normal(size=(sum(sizes), 2)), np.repeat([0, 1], sizes)
        side = rng.choice([-2.5, 2.5], size=sum(sizes))
        x[label == 1, 1] = x[label == 1, 1] * 0.5 + side[label == 1]
        return np.column_stack([x, x[:, 1] ** 2]), label

    x, label = table((300, 8), 3)
    plan = plan_table(x, label, generators="smote", ridge=0.4)
    best = plan.recommended
    fresh, truth = table((5000, 5000), 4)
    level, weighting = (
        _balanced_loss(_score(plan, choice, fresh), truth) for choice in plan.choices[2:0:-1]
    )
    assert level - weighting > 0.02, "the table is one where SMOTE loses"
    assert best.name != "level" and best.weight < 0.4


def test_a_separable_table_gets_an_answer_where_there_is_a_penalty():
    x, label = _normal((100, 20), 4, seed=1, gap=6.0)
    plan = plan_table(x, label, generators="smote")
    assert plan.recommended in plan.choices and plan.ridge > 0
    with pytest.raises(SeparableError, match="learner: got 'logistic', but a linear rule"):
        plan_table(x, label, learner="logistic")
    with pytest.raises(
        SeparableError, match="By itself, column '[0-4]' separates them: is it an id"
    ):
        plan_table(np.c_[x, np.arange(len(x))], label, learner="logistic")


def test_twenty_minority_rows_of_thirty_features_are_no_reason_to_refuse():
    plan = plan_table(*_normal((160, 20), 30, seed=2), repeats=1)
    assert len(plan.choices) > 10 and all(math.isfinite(c.expected) for c in plan.choices)


def test_rows_that_clearly_help_are_recommended_and_rows_that_hurt_are_not():
    x, label = _normal((300, 30), 12, seed=3)
    fresh, rows = _normal((600, 600), 12, seed=4)
    plan = plan_table(x, label, synthetic=(fresh, rows), fitted=False)
    assert plan.add_synthetic and plan.recommended.expected > 0.01
    assert "table decides alone" in plan.theory
    moved = fresh - 3.0 * rows[:, None] * np.eye(12)[0]
    plan = plan_table(x, label, synthetic=(moved, rows), fitted=False)
    assert not plan.add_synthetic and plan.recommended.name == "weighting"
    assert plan.reason.endswith("Use class weighting.")


def test_rows_made_from_the_table_are_worth_less_than_independent_ones(small):
    x, label = small
    made = _normal((400, 400), 3, seed=8)
    gains = [
        plan_table(x, label, synthetic=made, fitted=fitted, ridge=1.0).choices[-1].evidence.mean
        for fitted in (False, True)
    ]
    assert gains[1] < gains[0]


def test_theory_is_silent_on_forests_and_says_so(small):
    x, label = small
    plan = plan_table(x, label, learner="boosting", generators="smote", repeats=1, folds=2)
    assert all(choice.prior is None for choice in plan.choices)
    assert "no theory of a boosting" in plan.theory and "no theory" in plan.summary()
    assert plan.choices[3].posterior == plan.choices[3].evidence


def test_a_table_too_small_to_level_with_says_so(small):
    x, label = small
    few = _normal((100, 100), 3, seed=8)
    plan = plan_table(x, label, synthetic=few, fitted=False, repeats=1)
    assert {c.name for c in plan.choices} == {"raw", "weighting", "small", "all"}
    assert "levelling needs 160" in next(
        w.message for w in plan.warnings if w.check == "synthetic rows"
    )


def test_copies_of_the_rows_are_reported(small):
    x, label = small
    plan = plan_table(x, label, synthetic=(x, label), fitted=False, repeats=1)
    assert [w.check for w in plan.warnings].count("copies") == 1


def test_a_price_makes_rows_not_worth_it(small):
    x, label = _normal((300, 30), 12, seed=3)
    made = _normal((600, 600), 12, seed=4)
    free, dear = (
        plan_table(x, label, synthetic=made, fitted=False, price=price) for price in (0.0, 1e-2)
    )
    assert free.add_synthetic and not dear.add_synthetic
    assert "not worth its price" in dear.reason
    sure = plan_table(x, label, synthetic=made, fitted=False, worth=1.0)
    assert not sure.add_synthetic and "less than the 1 asked for" in sure.reason


def test_weights_of_all_rows_sum_to_one_and_the_training_table_has_them(small):
    x, label = small
    plan = plan_table(x, label, repeats=1)
    for choice in plan.choices:
        object.__setattr__(plan, "recommended", choice)
        weights = plan.row_weights()
        total = sum(g.size * w for g, w in zip(plan.groups, weights["real"], strict=True))
        total += np.dot(choice.counts, weights["synthetic"])
        assert total == pytest.approx(1.0, abs=1e-12)
        rows = plan.training_table()
        assert rows.weights.mean() == pytest.approx(1.0) and rows.synthetic.sum() == choice.rows
        share = rows.weights[rows.synthetic].sum() / rows.weights.sum()
        assert share == pytest.approx(choice.weight)
        np.testing.assert_array_equal(rows.features[: len(x)], x)


def test_the_plan_does_not_depend_on_units(small):
    x, label = small
    first = plan_table(x, label, generators="plugin", repeats=1)
    second = plan_table(x * np.array([1e3, 1e-3, 5.0]) + 7.0, label, generators="plugin", repeats=1)
    for left, right in zip(first.choices, second.choices, strict=True):
        assert left.expected == pytest.approx(right.expected, rel=1e-5, abs=1e-9)


def test_groups_are_label_and_attribute_and_other_labels_keep_their_own_group(small):
    x, label = small
    attribute = np.where(x[:, 2] > 0, "s", "t")
    plan = plan_table(x, label, attribute, generators="smote", repeats=1)
    assert [g.name for g in plan.groups] == ["0/s", "0/t", "1/s", "1/t"]
    three = np.where(label == 1, "c", np.where(x[:, 1] > 0, "a", "b"))
    plan = plan_table(x, three, generators="smote", positive="c", repeats=1)
    assert [(g.name, g.positive) for g in plan.groups] == [("a", False), ("b", False), ("c", True)]


def test_doubtful_tables_are_noticed():
    rng = np.random.default_rng(4)
    x = rng.standard_t(2.1, size=(500, 2))
    label = (x[:, 0] + rng.logistic(size=500) > 1.0).astype(int)
    seen = {w.check for w in plan_table(x, label, repeats=1).warnings}
    assert "tails" in seen
    seen = {w.check for w in plan_table(*_normal((90, 12), 12, seed=1), repeats=1).warnings}
    assert "few rows" in seen
    assert plan_table(*_normal((300, 300), 2, seed=1), repeats=1).warnings == ()


def test_a_column_that_numbers_the_rows_is_called_an_identifier(small):
    x, label = small
    numbered = np.c_[x, 7.0 + 2 * np.arange(len(x))]
    (doubt,) = _identifiers(prepare(numbered, label, None, None, True, None))
    assert "the rows are numbered by '3':" in doubt.message
    assert list(_identifiers(prepare(x, label, None, None, True, None))) == []


def test_a_plan_leaves_out_what_numbers_the_rows_and_writes_it_all_the_same(small):
    x, label = small
    numbered = np.c_[x[:, 0], 7.0 + 2 * np.arange(len(x)), x[:, 1:]]
    options = {"generators": "smote", "ridge": 1.0, "repeats": 1}
    plain, found = plan_table(x, label, **options), plan_table(numbered, label, **options)
    assert [w.check for w in found.warnings] == ["identifier", *(w.check for w in plain.warnings)]
    assert found.thresholds == plain.thresholds
    for one, other in zip(plain.choices, found.choices, strict=True):
        assert one.evidence == other.evidence and one.prior == other.prior
    assert found.training_table().features.shape[1] == numbered.shape[1]

    def own(rows, counts, seed):
        return np.repeat([numbered[0] + seed, numbered[-1]], counts, axis=0)

    def fewer(rows, counts, seed):
        return np.delete(own(rows, counts, seed), 1, axis=1)

    options["generators"] = own
    found, plain = (
        plan_table(numbered, label, **options),
        plan_table(x, label, **options | {"generators": fewer}),
    )
    assert [c.evidence for c in found.choices] == [c.evidence for c in plain.choices]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"labels": np.zeros(240)}, "labels: got one kind"),
        ({"labels": np.arange(240) / 7}, "240 kinds in 240 rows .* cut numbers into classes"),
        ({"labels": np.r_[np.zeros(237), np.ones(3)]}, "got 3 rows of '1', expected at least 5"),
        ({"generators": "smot"}, "generators: got 'smot'"),
        ({"learner": "svm"}, "learner: got 'svm', expected one of logistic-l2"),
        ({"learner": "forest", "ridge": 1.0}, "ridge: got 1.0, expected none for learner 'forest'"),
        ({"ridge": -1.0}, "ridge: got -1.0, expected a number of at least 0"),
        ({"ridge": "best"}, "ridge: got 'best'"),
        ({"price": -1.0}, "price: got -1.0"),
        ({"price": math.nan}, "price: got nan"),
        ({"worth": math.nan}, "worth: got nan"),
        ({"most": 0}, "most: got 0"),
        ({"folds": 1}, "folds: got 1"),
        ({"repeats": 0}, "repeats: got 0"),
        ({"positive": 5}, "positive: got 5"),
        ({"synthetic": (np.zeros((9, 2)), np.zeros(9))}, "synthetic: got 2 features"),
        ({"synthetic": (np.zeros((9, 3)), np.full(9, 7))}, "groups the table does not have: 7"),
        ({"synthetic": (np.zeros((9, 3)), np.zeros(9))}, "got 0 rows of group 1"),
    ],
)
def test_unusable_arguments_are_refused_by_name(small, change, match):
    x, label = small
    with pytest.raises(ValueError, match=match):
        plan_table(x, **({"labels": label} | change))


def test_tables_without_a_fit_are_refused(small):
    x, label = small
    with pytest.raises(ValueError, match="column '[03]' follows exactly from column '[03]'"):
        plan_table(np.c_[x, x[:, 0]], label, learner="logistic")
    with pytest.raises(ValueError, match="follows exactly from columns .*, expected"):
        plan_table(np.c_[x, x.sum(axis=1)], label, learner="logistic")
    with pytest.raises(ValueError, match="column '3' is constant"):
        plan_table(np.c_[x, np.ones(len(x))], label)
    with pytest.raises(ValueError, match="columns 'a', 'b' are constant"):
        plan_table(np.c_[x, np.ones((len(x), 2))], label, names=["x", "y", "z", "a", "b"])
    for scale in (1e200, 1e-200):
        with pytest.raises(
            ValueError, match="got numbers beyond .* in column '0': .* use another unit"
        ):
            plan_table(x * np.array([scale, 1.0, 1.0]), label)
    bad = x.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="row 3, column '1'"):
        plan_table(bad, label)


def test_a_plan_is_kept_as_json_and_shown_in_short(small):
    x, label = small
    plan = plan_table(x, label, repeats=1)
    back = Plan.from_json(plan.to_json())
    assert back.summary() == plan.summary() and back.to_json() == plan.to_json()
    assert back.validity == plan.validity
    assert len(repr(plan)) < 100 and "logistic-l2" in repr(plan)
    assert plan._repr_html_().startswith("<pre>groups: ")
    assert list(plan.to_frame()["design"])[:2] == ["raw", "weighting"]
    (axes,) = plan.plot().axes
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == [label_of(one) for one in as_dict(plan)["designs"][1:]]
    with pytest.raises(ValueError, match="got one without rows"):
        back.training_table()
    with pytest.raises(ValueError, match="got no plan"):
        Plan.from_json(json.dumps({"choices": []}))
    assert plan.seed == SEED


def test_a_plan_carries_theory_s_verdict_on_a_table_like_it():
    options = {"generators": "smote", "ridge": 1.0, "repeats": 1, "folds": 2}
    verdicts = {}
    for sizes, dim, learner in (
        ((900, 300), 2, "logistic-l2"),
        ((60, 12), 2, "logistic"),
        ((40, 8), 10, "logistic-l2"),
    ):
        ridge = options if learner != "logistic" else {**options, "ridge": "cv"}
        plan = plan_table(*_normal(sizes, dim, seed=1), learner=learner, **ridge)
        verdicts[sizes] = plan.validity.verdict
        assert f"validity: {plan.validity.verdict} on class weighting" in plan.summary()
        assert plan.validity.seeds == pytest.approx(min(sizes) / (dim + 1))
    assert verdicts == {(900, 300): "reliable", (60, 12): "doubtful", (40, 8): "unreliable"}
    x, label = _normal((60, 12), 2, seed=1)
    forest = plan_table(x, label, learner="forest", generators="smote", repeats=1, folds=2)
    assert forest.validity.causes == ("not judged",) and "not judged" in forest.summary()


def test_a_plan_in_a_process_of_float32_leaves_it_in_float32():
    code = (
        "import jax, jax.numpy as jnp, numpy as np\n"
        "from synthetic_oversampling.practice import plan_table\n"
        "x = np.random.default_rng(0).normal(size=(60, 2)); y = np.repeat([0, 1], [45, 15])\n"
        "plan = plan_table(x, y, generators='smote', ridge=1.0, repeats=1)\n"
        "assert plan.choices[2].prior is not None\n"
        "assert jnp.ones(2).dtype == jnp.float32 and not jax.config.jax_enable_x64\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_more_features_than_covariances_have_room_for_are_refused_at_once():
    table = np.random.default_rng(0).normal(size=(20, 5001))
    with pytest.raises(ValueError, match="got 5001, expected at most 5000; .* Choose columns"):
        plan_table(table, [0] * 12 + [1] * 8)
