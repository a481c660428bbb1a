"""Generators of whole rows: the protocol, a language model as one, what the resampler checks."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from synthetic_oversampling.practice.benchmark import report as benchmark_report
from synthetic_oversampling.practice.benchmark import run as benchmark
from synthetic_oversampling.practice.resampler import SyntheticOverSampler
from synthetic_oversampling.practice.rows import datasets
from synthetic_oversampling.practice.rows.generators import TableGenerator
from synthetic_oversampling.practice.text.character_model import CharacterModel
from synthetic_oversampling.practice.text.language_model import GenerationError
from synthetic_oversampling.practice.text.text_generator import TextGenerator, text_model


def _table(sizes=(60, 24), seed=0):
    """Numbers and categories that depend on each other; the label; a column of row numbers."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["no", "yes"], sizes)
    age = rng.integers(20, 50, len(y)) + 15 * (y == "yes")
    table = pd.DataFrame(
        {
            "age": age.astype(np.int32),
            "dose, mg": np.round(age / 7 + rng.normal(size=len(y)), 2),
            "job": np.where(age > 45, "senior", "junior"),
            "site": pd.Categorical(rng.choice([1, 2], len(y)), categories=[1, 2, 3]),
            "smokes": rng.random(len(y)) < 0.3,
        }
    )
    return table, pd.Series(y, name="sick")


def test_a_language_model_draws_whole_rows_inside_the_resampler():
    table, y = _table()
    generator = TextGenerator(CharacterModel.trained, attempts=200)
    sampler = SyntheticOverSampler(generator, random_state=0)
    new, labels = sampler.fit_resample(table, y)
    assert labels.value_counts().to_dict() == {"no": 60, "yes": 60}
    assert new.dtypes.equals(table.dtypes)
    pd.testing.assert_frame_equal(new.iloc[:84], table)
    made, donor = new[sampler.synthetic_mask_], sampler.seed_indices_[sampler.synthetic_mask_]
    assert (y.iloc[donor] == "yes").all() and len(made) == 36
    seeds = table[y == "yes"]
    assert set(made["job"]) <= set(seeds["job"]) and set(made["site"]) <= {1, 2}
    for name in ("age", "dose, mg"):  # half of the seeds' range on each side is allowed
        low, high = seeds[name].min(), seeds[name].max()
        assert made[name].between(low - (high - low) / 2, high + (high - low) / 2).all()
    merged = made.merge(seeds, how="inner")
    assert len(merged) == 0 and not made.duplicated().any()
    (report,) = generator.reports
    assert report.accepted == 36 and report.written > 36


def test_its_rows_depend_on_the_seed_alone_and_arrays_work_too():
    x = np.round(np.random.default_rng(0).normal(size=(50, 2)), 2)
    y = np.repeat([0, 1], [30, 20])
    generator = TextGenerator(CharacterModel.trained)
    one, two, other = (
        SyntheticOverSampler(generator, random_state=seed).fit_resample(x, y)[0]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two) and not np.array_equal(one, other) and one.shape == (60, 2)
    rows = TextGenerator(CharacterModel.trained)(x[y == 1], 5, np.random.default_rng(0))
    assert rows.shape == (5, 2) and np.isfinite(rows).all()


class _Spy:
    """A model that completes with fixed lines; prompts are kept."""

    def __init__(self, text):
        self.text, self.prompts = text, []

    def complete(self, prompt, *, n, seed):
        self.prompts.append(prompt)
        return [self.text] * n


def test_prompts_hold_names_rounded_numbers_and_only_seeds_of_the_group():
    table, y = _table()
    table["dose, mg"] = table["age"] / 7.0
    spy = _Spy("".join(f"4{k},6.6{k},senior,1,False,yes\n" for k in range(10)))
    SyntheticOverSampler(TextGenerator(spy), n_synthetic={"yes": 4}).fit_resample(table, y)
    head, columns, *lines = spy.prompts[0].splitlines()
    assert "group = yes" in head and columns == 'age,"dose, mg",job,site,smokes,group'
    seen = {f"{a},{a / 7:.4g}" for a in table["age"][y == "yes"]}
    assert {",".join(line.split(",")[:2]) for line in lines} <= seen
    assert all(line.endswith(",yes") for line in lines)


def test_a_validation_fold_never_reaches_the_model_and_a_clone_does_not_copy_it():
    """The model is trained on the seeds it is given; row numbers say which these are."""
    table, y = _table()
    table["row"] = np.arange(len(table)) + 1000
    read = []

    def trained(lines):
        read.append({int(line.split(",")[5]) - 1000 for line in lines})
        return CharacterModel.trained(lines)

    generator = TextGenerator(trained, attempts=400)
    assert clone(SyntheticOverSampler(generator)).generator is generator
    inside = table.drop(columns=["job", "site", "smokes"]).iloc[:, [0, 1]]
    inside = inside.assign(a=0.0, b=1.0, c=2.0, row=table["row"])
    model = make_pipeline(
        SyntheticOverSampler(generator, n_synthetic={"yes": 3}, random_state=0),
        LogisticRegression(max_iter=5000),
    )
    scores = cross_val_score(model, inside, y, cv=3, error_score="raise")
    assert len(scores) == 3 and len(read) == 3
    rows = set(np.flatnonzero(y == "yes"))
    assert all(len(line) == 16 and line < rows for line in read)
    assert set.union(*read) == rows and not set.intersection(*read)


def test_groups_without_numbers_can_keep_repeats_and_refuse_aloud_otherwise():
    table, y = _table()
    kinds = table[["job", "smokes"]]
    with pytest.raises(GenerationError, match="new rows? of 36 with group = yes in 2 calls"):
        hasty = TextGenerator(CharacterModel.trained, attempts=2)
        SyntheticOverSampler(hasty, random_state=0).fit_resample(kinds, y)
    generator = TextGenerator(CharacterModel.trained, keep_copies=True)
    new, labels = SyntheticOverSampler(generator, random_state=0).fit_resample(kinds, y)
    assert (labels == "yes").sum() == 60 and new.dtypes.equals(kinds.dtypes)
    with pytest.raises(GenerationError, match="has 3 rows, expected at least 4"):
        few = (y == "no") | (np.arange(84) >= 81)
        SyntheticOverSampler(TextGenerator(CharacterModel.trained)).fit_resample(table[few], y[few])


class _Broken:
    def __init__(self, change):
        self.change = change

    def draw_table(self, seeds, count, rng, *, group):
        return self.change(seeds.iloc[rng.integers(len(seeds), size=count)].copy())


@pytest.mark.parametrize(
    "change, match",
    [
        (lambda rows: rows.iloc[1:], "returned 35 rows of yes, expected 36"),
        (lambda rows: rows.drop(columns="job"), "expected a DataFrame with the columns"),
        (lambda rows: rows.to_numpy(), "returned ndarray"),
        (lambda rows: rows.assign(job="ghost"), "'ghost' in column 'job', a category that no"),
        (lambda rows: rows.assign(age=np.nan), "not finite"),
    ],
)
def test_rows_that_do_not_fit_the_table_are_refused(change, match):
    table, y = _table()
    assert isinstance(_Broken(change), TableGenerator)
    with pytest.raises(ValueError, match=match):
        SyntheticOverSampler(_Broken(change)).fit_resample(table, y)
    whole = SyntheticOverSampler(_Broken(lambda rows: rows), random_state=0)
    assert len(whole.fit_resample(table, y)[0]) == 120


def test_the_benchmark_compares_a_language_model_and_reports_what_it_refuses(tmp_path):
    rng = np.random.default_rng(0)
    label = np.arange(200) % 2
    table = pd.DataFrame(
        {
            "a": rng.normal(size=200) + label,
            "b": rng.normal(size=200),
            "kind": rng.choice(["u", "v"], 200),
            "y": np.where(label, "b", "a"),
        }
    )
    data = datasets.from_table("small", table, "y")
    plan = benchmark.Plan(
        seeds=2,
        ratio=3.0,
        methods=("raw", "weighted", "language_model"),
        classifiers=("logistic",),
        language_model="character",
    )
    benchmark.check(plan)
    chosen = benchmark.tasks([data], ["imbalance"])
    results = benchmark.run_tasks(chosen, plan, tmp_path)
    result = results["small/imbalance"][0]
    assert result["added"]["language_model"] == sum(result["wanted"])
    assert result["copies"]["language_model"]["seeds"]["exact"] == 0
    text = benchmark_report.markdown(results, benchmark_report.summaries(results))
    assert "| language model |" in text and "### Tables with categories" in text
    few = datasets.from_table("kinds", table[["kind", "y"]], "y")  # new rows do not exist
    task = benchmark.Task(few, "imbalance")
    refused = benchmark.run_seed(task, plan, 0)["refused"]["language_model"]
    assert refused.startswith("the model gave") and "in 50 calls" in refused
    with pytest.raises(ValueError, match="config.json"):
        benchmark.check(plan._replace(language_model=str(tmp_path)))
    assert callable(text_model("character"))


def test_the_language_model_needs_no_network_and_no_torch():
    code = (
        "import sys, socket\n"
        "socket.socket.connect = socket.getaddrinfo = None\n"
        "import synthetic_oversampling.practice.text.text_generator\n"
        "synthetic_oversampling.practice.text.text_generator.text_model('character')\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
