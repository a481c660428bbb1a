"""The resampler: what it draws, how many rows it adds, what goes along, and what it refuses."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from synthetic_oversampling.practice.resampler import NothingAdded, SyntheticOverSampler
from synthetic_oversampling.practice.rows.amounts import design_weights, levelled, rows_to_add
from synthetic_oversampling.practice.rows.row_laws import draw_rows
from synthetic_oversampling.theory.population.design import Design

ROOT = np.array([[2.0, 0.0, 0.0], [0.5, 1.0, 0.0], [-0.3, 0.4, 0.5]])


def _data(sizes=(60, 20, 12), seed=0):
    rng = np.random.default_rng(seed)
    parts = [5.0 * g + rng.normal(size=(n, 3)) @ ROOT.T for g, n in enumerate(sizes)]
    return np.concatenate(parts), np.repeat(np.arange(len(sizes)), sizes)


def _mixed(seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["no", "yes"], [50, 14])
    age = np.where(y == "yes", 60, 30) + rng.normal(0, 6, size=64)
    table = pd.DataFrame(
        {
            "age": np.rint(age).astype(np.int32),
            "income": (age * 2 + rng.normal(size=64)).astype(np.float32),
            "old": age > 45,
            "city": pd.Categorical(rng.choice(["A", "B"], 64), categories=["A", "B", "C"]),
            "job": rng.choice(["x", "y"], 64),
            "visits": pd.array(rng.poisson(3, 64), dtype="Int64"),
        },
        index=np.arange(64) * 3,
    )
    return table, pd.Series(y, index=table.index, name="sick")


@pytest.mark.parametrize("generator", ["plugin", "mixture", "predictive", "in_context"])
def test_every_generator_levels_three_classes_near_their_seeds(generator):
    x, y = _data((60, 20, 20))
    sampler = SyntheticOverSampler(generator, random_state=1)
    x_new, y_new = sampler.fit_resample(x, y)
    assert np.bincount(y_new).tolist() == [60, 60, 60]
    assert sampler.sampling_strategy_ == {1: 40, 2: 40}
    assert np.array_equal(x_new[~sampler.synthetic_mask_], x)
    for label in (1, 2):
        drawn, real = x_new[sampler.synthetic_mask_ & (y_new == label)], x[y == label]
        assert len(np.unique(drawn, axis=0)) == len(drawn)
        assert not (drawn[:, None] == real[None]).all(axis=2).any()
        # the mean of m draws about the seeds' mean; the network shrinks by less than one more
        reach = 5.0 * real.std(axis=0) * (1 / len(drawn) + 1 / len(real)) ** 0.5
        assert (np.abs(drawn.mean(axis=0) - real.mean(axis=0)) < reach).all()


def test_the_gaussian_laws_have_the_moments_they_claim():
    """Mean and covariance of 40,000 draws; 5 standard errors, 2/v excess of the t's variance."""
    x, y = _data((60, 20))
    names, count = ("0", "1"), 40_000
    for covariance in ("group", "pooled"):
        residual = np.concatenate([x[y == g] - x[y == g].mean(axis=0) for g in (0, 1)])
        rare = x[y == 1]
        used = residual if covariance == "pooled" else rare - rare.mean(axis=0)
        degrees = len(used) - (2 if covariance == "pooled" else 1)
        for generator, cov in (
            ("plugin", used.T @ used / degrees),
            ("predictive", (1 + 1 / 20) * used.T @ used / (degrees - 3 + 1 - 2)),
        ):
            rows = draw_rows(
                generator,
                x,
                y,
                {1: count},
                names=names,
                covariance=covariance,
                rng=np.random.default_rng(3),
            )[1]
            white = (rows - rare.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(cov)).T
            assert np.abs(white.mean(axis=0)).max() < 5.0 / count**0.5
            heavy = 3.0 if generator == "predictive" else 2.0  # fourth moment of t_18 over normal
            assert np.abs(np.cov(white.T) - np.eye(3)).max() < 5.0 * (heavy / count) ** 0.5


def test_the_mixture_finds_two_clusters_that_one_gaussian_would_bridge():
    rng = np.random.default_rng(0)
    minority = np.concatenate([rng.normal(-5, 0.5, (30, 2)), rng.normal(5, 0.5, (30, 2))])
    x = np.concatenate([rng.normal(size=(200, 2)), minority])
    y = np.repeat([0, 1], [200, 60])
    share = {}
    for generator in ("mixture", "plugin"):
        sampler = SyntheticOverSampler(generator, random_state=0)
        drawn = sampler.fit_resample(x, y)[0][sampler.synthetic_mask_]
        share[generator] = (np.abs(np.abs(drawn) - 5) < 2.5).all(axis=1).mean()
    assert share["mixture"] == 1.0 and share["plugin"] < 0.8


def test_a_table_comes_back_with_its_types_and_only_combinations_that_were_seen():
    table, y = _mixed()
    sampler = SyntheticOverSampler(random_state=0)
    new, labels = sampler.fit_resample(table, y)
    assert new.dtypes.equals(table.dtypes) and labels.name == "sick"
    assert new["city"].cat.categories.tolist() == ["A", "B", "C"]
    assert labels.value_counts().to_dict() == {"no": 50, "yes": 50}
    pd.testing.assert_frame_equal(new.iloc[:64], table.reset_index(drop=True))
    made, donor = new[sampler.synthetic_mask_], sampler.seed_indices_[sampler.synthetic_mask_]
    for name in ("old", "city", "job"):
        assert made[name].tolist() == table[name].iloc[donor].tolist()
    assert (y.iloc[donor] == "yes").all()
    assert np.corrcoef(made["age"], made["income"])[0, 1] > 0.9


def test_the_network_keeps_what_columns_add_up_to():
    """The third column is the sum of the first two in every group, and 7 more in the second."""
    x, y = _data((60, 20))
    x[:, 2] = x[:, 0] + x[:, 1] + 7.0 * (y == 1)
    sampler = SyntheticOverSampler("in_context", random_state=0)
    made = sampler.fit_resample(x, y)[0][sampler.synthetic_mask_]
    assert np.abs(made[:, 2] - made[:, 0] - made[:, 1] - 7.0).max() < 1e-4  # float32 network
    reach = 5.0 * x[y == 1].std(axis=0) * (1 / 40 + 1 / 20) ** 0.5
    assert (np.abs(made.mean(axis=0) - x[y == 1].mean(axis=0)) < reach).all()
    assert made.std(axis=0).min() > 0.5 * x[y == 1].std(axis=0).min()


def test_categories_follow_the_numbers_near_which_they_were_seen():
    rng = np.random.default_rng(0)
    number = rng.normal(size=200)
    table = pd.DataFrame({"a": number, "sign": np.where(number > 0, "+", "-")})
    y = np.repeat([0, 1], [150, 50])
    sampler = SyntheticOverSampler(random_state=0)
    made = sampler.fit_resample(table, y)[0][sampler.synthetic_mask_]
    assert ((made["a"] > 0) == (made["sign"] == "+")).mean() > 0.9


def test_groups_of_label_and_attribute_are_levelled_pair_by_pair():
    x, y = _data((60, 40))
    side = np.where(np.random.default_rng(0).random(100) < np.where(y == 1, 0.8, 0.2), "l", "r")
    sampler = SyntheticOverSampler(random_state=0)
    _, y_new = sampler.fit_resample(x, y, groups=side, metadata={"side": side})
    pairs = pd.crosstab(y_new, sampler.metadata_["side"])
    assert pairs.nunique().nunique() == 1 and len(np.unique(pairs)) == 1
    table = pd.DataFrame(x, columns=list("abc")).assign(side=side)
    inside = SyntheticOverSampler(groups="side", random_state=0)
    table_new, labels = inside.fit_resample(table, y)
    assert (pd.crosstab(labels, table_new["side"]).to_numpy() == pairs.to_numpy()).all()
    few = SyntheticOverSampler(sampling_strategy={(1, "r"): 30}, random_state=0)
    few.fit_resample(x, y, groups=side)
    assert list(few.sampling_strategy_) == [(1, "r")]
    with pytest.raises(ValueError, match="ratio is defined for two"):
        SyntheticOverSampler(sampling_strategy=0.5).fit_resample(x, y, groups=side)


def test_weights_metadata_and_donors_go_along_row_by_row():
    x, y = _data((30, 10))
    weight, zone = np.arange(40) + 1.0, np.array([f"z{i}" for i in range(40)])
    sampler = SyntheticOverSampler(random_state=0)
    _, y_new = sampler.fit_resample(
        x, y, sample_weight=weight, metadata=pd.DataFrame({"zone": zone, "row": np.arange(40)})
    )
    assert np.array_equal(sampler.seed_indices_[:40], np.arange(40))
    assert np.array_equal(sampler.metadata_["row"], sampler.seed_indices_)
    assert np.array_equal(sampler.sample_weight_, weight[sampler.seed_indices_])
    assert (y[sampler.seed_indices_] == y_new).all()


def test_the_planned_weights_are_those_of_the_design():
    x, y = _data((30, 10))
    sampler = SyntheticOverSampler(augmentation=25, weight=0.3, random_state=0)
    _, y_new = sampler.fit_resample(x, y)
    assert np.bincount(y_new).tolist() == [55, 55]
    mass, design = sampler.sample_weight_, Design((30, 10), augmentation=25, weight=0.3)
    share = mass / mass.sum()
    assert mass.sum() == pytest.approx(110)
    for label in (0, 1):
        mask = y_new == label
        real = mask & ~sampler.synthetic_mask_
        assert share[mask].sum() == pytest.approx(0.5)
        assert share[real].sum() == pytest.approx(design.real_mass[label])
    assert len(np.unique(np.round(share, 12))) == 2


@given(sizes=st.lists(st.integers(1, 60), min_size=2, max_size=6), total=st.integers(0, 300))
def test_a_total_raises_the_smallest_groups_first(sizes, total):
    added = levelled(sizes, total)
    final = np.asarray(sizes) + added
    assert added.sum() == total and (added >= 0).all()
    raised = added > 0
    if raised.any():  # no group is raised while a smaller one could be
        assert final[raised].max() - final.min() <= 1


@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=5),
    augmentation=st.integers(1, 80),
    weight=st.floats(0.0, 1.0),
)
def test_the_weights_of_a_design_sum_to_the_rows(sizes, augmentation, weight):
    level, extra = design_weights(sizes, augmentation, weight)
    total = (level * max(sizes)).sum() + extra * augmentation * len(sizes)
    rows = len(sizes) * (max(sizes) + augmentation)
    assert total == pytest.approx(rows, rel=1e-9)
    assert extra * augmentation * len(sizes) == pytest.approx(weight * rows, abs=1e-9 * rows)


def test_rows_to_add_are_never_mistaken_for_rows_to_end_with():
    x, y = _data((30, 10))
    count = {
        "ratio": SyntheticOverSampler(sampling_strategy=0.5),
        "end": SyntheticOverSampler(sampling_strategy={1: 15}),
        "called": SyntheticOverSampler(sampling_strategy=lambda y: {1: int((y == 0).sum()) - 5}),
        "add": SyntheticOverSampler(n_synthetic={1: 15}),
        "total": SyntheticOverSampler(n_synthetic=26),
    }
    ends = {
        name: np.bincount(s.set_params(random_state=0).fit_resample(x, y)[1]).tolist()
        for name, s in count.items()
    }
    assert ends == {
        "ratio": [30, 15],
        "end": [30, 15],
        "called": [30, 25],
        "add": [30, 25],
        "total": [33, 33],
    }
    with pytest.raises(ValueError, match="two answers"):
        SyntheticOverSampler(sampling_strategy=0.5, n_synthetic=3).fit_resample(x, y)
    with pytest.raises(ValueError, match="not in the data"):
        rows_to_add([0, 1], y, n_synthetic={7: 1})


def test_level_classes_are_returned_with_a_warning_and_not_silently():
    x, y = _data((20, 20))
    with pytest.warns(NothingAdded, match="level already"):
        assert SyntheticOverSampler().fit_resample(x, y)[0].shape == x.shape


@pytest.mark.parametrize(
    "options, sizes, match",
    [
        ({"generator": "plugin"}, (2, 1), "has 1 seed, expected at least 3 .* pooled covariance"),
        (
            {"generator": "predictive"},
            (4, 1),
            "has 1 seed, expected at least 3 .* pooled covariance",
        ),
        ({"generator": "mixture"}, (30, 3), "has 3 seeds, expected at least 4"),
        ({"covariance": "pooled"}, (2, 1), "expected at least 3"),
        ({"generator": "in_context", "covariance": "pooled"}, (30, 5), "fits its own"),
        ({"weight": 0.5}, (30, 10), "augmentation=0"),
        ({"augmentation": 5, "sampling_strategy": 0.5}, (30, 10), "'auto' only"),
        ({"groups": "nowhere"}, (30, 10), "names no column"),
        ({"generator": "plug-in"}, (30, 10), "'generator' parameter"),
        ({"generator": lambda seeds, count, rng: seeds}, (30, 10), "expected \\(20, 3\\)"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(options, sizes, match):
    x, y = _data(sizes)
    with pytest.raises(ValueError, match=match):
        SyntheticOverSampler(**options).fit_resample(x, y)


def test_missing_values_dates_and_strange_metadata_are_refused():
    table, y = _mixed()
    for name, value, match in (
        ("age", np.nan, "NaN"),
        ("job", None, "missing categories"),
        ("job", pd.Timestamp("2020-01-01"), "dates"),
    ):
        broken = table.copy()
        broken[name] = pd.Series([value] * 64, index=table.index)
        with pytest.raises(ValueError, match=match):
            SyntheticOverSampler().fit_resample(broken, y)
    with pytest.raises(ValueError, match="3 entries for 64 rows"):
        SyntheticOverSampler().fit_resample(table, y, metadata={"a": [1, 2, 3]})


def test_a_generator_of_ones_own_is_used():
    x, y = _data((30, 10))
    sampler = SyntheticOverSampler(lambda seeds, count, rng: np.tile(seeds.max(axis=0), (count, 1)))
    made = sampler.fit_resample(x, y)[0][sampler.synthetic_mask_]
    assert np.array_equal(np.unique(made, axis=0), x[y == 1].max(axis=0)[None])


class _LeakDetector(ClassifierMixin, BaseEstimator):
    """Notes the rows it is trained and asked on."""

    seen: list = []

    def fit(self, X, y):
        self.classes_, self.trained_ = np.unique(y), np.asarray(X)
        return self

    def predict(self, X):
        self.seen.append((self.trained_, np.asarray(X)))
        return np.full(len(X), self.classes_[0])


def test_no_row_of_a_validation_fold_reaches_the_sampler_or_is_resampled():
    """Each row's third column is its number; a synthetic row's is made from its seeds' alone."""
    x, y = _data((80, 40))
    x[:, 2] = np.arange(120)
    read = []

    def spy(seeds, count, rng):
        read.append(set(np.rint(seeds[:, 2]).astype(int)))
        return seeds[rng.integers(len(seeds), size=count)]

    _LeakDetector.seen.clear()
    pipeline = make_pipeline(SyntheticOverSampler(spy, random_state=0), _LeakDetector())
    cross_val_predict(pipeline, x, y, cv=4)
    assert len(read) == len(_LeakDetector.seen) == 4
    for seeds, (trained, asked) in zip(read, _LeakDetector.seen, strict=True):
        held_back = set(asked[:, 2].astype(int))
        assert len(asked) == 30 and len(trained) == 60 + 60
        assert not held_back & seeds
        assert not held_back & set(np.rint(trained[:, 2]).astype(int))


def test_an_attribute_is_routed_through_a_pipeline():
    x, y = _data((60, 30))
    side = np.where(np.arange(90) % 3 == 0, "l", "r")
    with config_context(enable_metadata_routing=True):
        sampler = SyntheticOverSampler(random_state=0).set_fit_resample_request(groups=True)
        model = make_pipeline(sampler, LogisticRegression()).fit(x, y, groups=side)
    assert len(model[0].groups_) == 4 and len(model[0].synthetic_mask_) == 4 * 40


def test_it_works_between_a_scaler_and_a_classifier():
    x, y = _data((80, 20))
    model = make_pipeline(
        StandardScaler(), SyntheticOverSampler(random_state=0), LogisticRegression()
    )
    assert model.fit(x, y).score(x, y) > 0.9


def test_the_seed_alone_decides():
    x, y = _data((30, 10))
    one, two, other = (
        SyntheticOverSampler(random_state=seed).fit_resample(x, y)[0] for seed in (4, 4, 5)
    )
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_without_the_extra_the_core_works_and_practice_says_what_to_install():
    code = (
        "import sys\n"
        "for name in ('sklearn', 'imblearn', 'pandas'): sys.modules[name] = None\n"
        "import synthetic_oversampling.theory, simulate, transformer_toy, figures, practice\n"
        "import synthetic_oversampling.transformer_toy.generate, simulate.replicates.monte_carlo\n"
        "try:\n    import synthetic_oversampling.practice.resampler\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "pip install 'synthetic-oversampling[practice]'" in done.stdout


def test_a_plan_says_how_many_rows_and_their_weights_or_that_none_help():
    """A generator that knows the law of the rare class: its rows help."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (300, 8)), rng.normal(0.8, 1, (20, 8))])
    y = np.repeat([0, 1], [300, 20])

    def knowing(seeds, count, rng):
        return rng.normal(0.8 if len(seeds) < 100 else 0.0, 1, size=(count, 8))

    sampler = SyntheticOverSampler(knowing, sampling_strategy="plan", random_state=0)
    _, y_new = sampler.fit_resample(x, y)
    plan = sampler.plan_
    assert plan.add_synthetic and len(y_new) == 320 + plan.recommended.rows
    added = np.bincount(y_new[sampler.synthetic_mask_], minlength=2)
    assert added.tolist() == list(plan.oversampling)
    share = sampler.sample_weight_ / sampler.sample_weight_.sum()
    made = plan.row_weights()["synthetic"]
    last = np.flatnonzero(y_new == 1)[-1]
    assert share[last] == pytest.approx(made[1]) and share[y_new == 1].sum() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="the planner answers"):
        SyntheticOverSampler(sampling_strategy="plan", n_synthetic=3).fit_resample(x, y)


def test_a_plan_of_three_classes_sets_their_rows_and_weights():
    """Class 2 has 12 rows and a generator that knows where it lies."""
    rng, y = np.random.default_rng(6), np.repeat([0, 1, 2], (200, 80, 12))
    means = np.array([[0.0] * 12, [0.4] * 12, [-0.4] * 12])
    x = rng.normal(size=(292, 12)) + means[y]

    def knowing(seeds, count, rng):
        near = np.argmin(np.abs(means[:, 0] - np.mean(seeds)))
        return rng.normal(means[near, 0], 1, size=(count, 12))

    sampler = SyntheticOverSampler(knowing, sampling_strategy="plan", random_state=0)
    _, y_new = sampler.fit_resample(x, y)
    plan = sampler.plan_
    assert plan.thresholds.classes == ("0", "1", "2") and plan.add_synthetic
    added = np.bincount(y_new[sampler.synthetic_mask_], minlength=3)
    assert added.tolist() == list(plan.oversampling) and added[2] > 0
    share = sampler.sample_weight_ / sampler.sample_weight_.sum()
    assert [share[y_new == k].sum() for k in range(3)] == pytest.approx([1 / 3] * 3)


def test_a_plan_is_made_with_the_options_given():
    rng, y = np.random.default_rng(4), np.repeat([0, 1], (120, 30))
    x = rng.normal(size=(150, 2)) + y[:, None]
    options = {"metric": "auroc", "ridge": 1.0, "repeats": 1, "prevalence": 0.3}
    sampler = SyntheticOverSampler(
        sampling_strategy="plan", plan_options=options, covariance="pooled", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler.fit_resample(x, y)
    assert (sampler.plan_.metric, sampler.plan_.ridge) == ("auroc", 1.0)
    assert sampler.plan_.thresholds.prevalence == 0.3 and sampler.plan_.folds == (5, 1)
    sampler.set_params(plan_options={"seed": 1, "metric": "auroc"})
    with pytest.raises(ValueError, match="plan_options: got seed, expected some of cost_ratio, "):
        sampler.fit_resample(x, y)


def test_a_plan_against_synthetic_rows_is_obeyed_aloud():
    """Heavy tails against a narrow cluster: a common Gaussian shape has no credible gain."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.exponential(size=(300, 2)) ** 2, rng.normal(1, 0.3, size=(60, 2))])
    y = np.repeat([0, 1], [300, 60])
    sampler = SyntheticOverSampler(sampling_strategy="plan", random_state=0)
    with pytest.warns(NothingAdded, match="by the plan: the most promising design"):
        x_new, _ = sampler.fit_resample(x, y)
    assert not sampler.plan_.add_synthetic and np.array_equal(x_new, x)
