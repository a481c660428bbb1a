"""The benchmark: fair splits and rivals, resumable runs, comparisons, and the report."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.benchmark import (
    figure as benchmark_figure,
)
from synthetic_oversampling.practice.benchmark import (
    report as benchmark_report,
)
from synthetic_oversampling.practice.benchmark import (
    run as benchmark,
)
from synthetic_oversampling.practice.benchmark.comparison import (
    compare_all,
    difference,
    holm,
    interval,
    ratio_interval,
)
from synthetic_oversampling.practice.benchmark.judging import METRICS, RELIABILITY_BINS, _scores
from synthetic_oversampling.practice.benchmark.rivals import METHODS, Refused, train_rows
from synthetic_oversampling.practice.benchmark.splits import (
    FEWEST,
    Split,
    features,
    make_split,
    points,
)
from synthetic_oversampling.practice.rows import datasets

PLAN = benchmark.Plan(
    seeds=2,
    ratio=6.0,
    methods=("raw", "weighted", "duplicate", "plugin", "oracle"),
    classifiers=("logistic",),
)


def _gaussian(n=400, d=4, seed=0, distance=1.5):
    """Two Gaussian classes; the last column is the row's number, times a tiny unit."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(size=(n, d))
    x[:, 0] += distance * y
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(d)]).assign(y=np.where(y, "b", "a"))


def _mixed(n=300, seed=0):
    rng = np.random.default_rng(seed)
    table = _gaussian(n, 3, seed)
    table["kind"] = rng.choice(["u", "v", "w"], n)
    table["side"] = np.where(rng.random(n) < np.where(table["y"] == "b", 0.75, 0.25), "l", "r")
    return table


@pytest.mark.parametrize("setting, cells", [("imbalance", 2), ("spurious", 4)])
def test_seeds_held_back_and_test_rows_are_disjoint_and_of_the_stated_sizes(setting, cells):
    table = _gaussian().assign(row=np.arange(400.0))
    split = make_split(datasets.from_table("rows", table, "y"), setting, 6.0, seed=3)
    sizes = np.bincount(split.cell, minlength=cells)
    assert sizes.max() / sizes.min() == pytest.approx(6.0, rel=0.06)
    assert ((sizes + split.added) == sizes.max()).all() and len(split.held_x) == split.added.sum()
    rows = [set(np.round(x[:, 4], 9)) for x in (split.x, split.held_x, split.test_x)]
    assert [len(row) for row in rows] == [len(x) for x in (split.x, split.held_x, split.test_x)]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]
    again = make_split(datasets.from_table("rows", table, "y"), setting, 6.0, seed=3)
    other = make_split(datasets.from_table("rows", table, "y"), setting, 6.0, seed=4)
    assert np.array_equal(again.x, split.x) and not np.array_equal(other.x, split.x)


def test_a_constructed_attribute_predicts_the_class_among_the_seeds_and_not_in_the_test():
    split = make_split(datasets.from_table("rows", _gaussian(2000), "y"), "spurious", 9.0, seed=0)
    signs = [2 * split.label[cell] - 1 for cell in (split.cell, split.test_cell)]
    corr = [
        np.corrcoef(x[:, -1], s)[0, 1] for x, s in zip((split.x, split.test_x), signs, strict=True)
    ]
    assert corr[0] > 0.5 and abs(corr[1]) < 5 / len(split.test_x) ** 0.5


@pytest.mark.parametrize("table", ["numeric", "mixed"])
def test_every_method_adds_the_same_number_to_the_same_cells_or_says_why_not(table):
    loaded = _gaussian() if table == "numeric" else _mixed()
    attribute = None if table == "numeric" else "side"
    setting = "imbalance" if table == "numeric" else "spurious"
    data = datasets.from_table(table, loaded, "y", attribute)
    split = make_split(data, setting, 6.0, seed=0)
    refused = {}
    for method in METHODS:
        if method == "in_context":
            continue  # compiles for seconds; its rows are tested with the resampler
        try:
            made = train_rows(method, split, 0, language_model="character")
        except Refused as reason:
            refused[method] = str(reason)
            continue
        assert np.array_equal(made.x[: len(split.x)], split.x)
        if method in ("raw", "weighted"):
            assert made.added == 0
        elif method != "adasyn":  # its numbers are approximate
            added = np.bincount(made.cell[len(split.cell) :], minlength=len(split.added))
            assert added.tolist() == split.added.tolist(), method
        codes = made.x[:, split.numeric :]
        assert np.array_equal(codes, np.rint(codes))
        assert features(split, made.x).shape[0] == points(split, made.x).shape[0] == len(made.x)
    numbers_only = {"smote", "borderline", "adasyn"}
    assert set(refused) == {"supplied"} | (numbers_only if data.levels else {"smotenc"})


def test_a_rival_that_refuses_is_reported_and_not_dropped():
    """Far apart, no seed of the minority is in danger and none has a neighbour of the other."""
    data = datasets.from_table("far", _gaussian(distance=60.0), "y")
    plan = PLAN._replace(methods=("raw", "weighted", "adasyn", "borderline", "plugin"))
    found = benchmark.run_seed(benchmark.Task(data, "imbalance"), plan, 0)
    assert set(found["scores"]) == {"raw", "weighted", "plugin"}
    assert "ADASYN is not suited" in found["refused"]["adasyn"]
    assert "borderline added 0 rows" in found["refused"]["borderline"]
    results = {"far/imbalance": [found, found]}
    text = benchmark_report.markdown(results, benchmark_report.summaries(results))
    assert "ADASYN, 2 seeds of far/imbalance" in text


def test_a_stopped_run_goes_on_and_a_broken_or_foreign_seed_is_computed_again(tmp_path):
    chosen = benchmark.tasks([datasets.from_table("t", _gaussian(), "y")], ["imbalance"])
    log: list = []

    def run(plan=PLAN):
        log.clear()
        return benchmark.run_tasks(chosen, plan, tmp_path, lambda *args: log.append(args[1:]))

    first = run(PLAN._replace(seeds=1))
    assert log == [(0, True)]
    whole = run()
    assert log == [(0, False), (1, True)] and whole["t/imbalance"][0] == first["t/imbalance"][0]
    file = tmp_path / "t-imbalance-001.json"
    file.write_text(file.read_text()[:-200])
    assert run() == whole and log == [(0, False), (1, True)]
    run(PLAN._replace(ratio=5.0))
    assert log == [(0, True), (1, True)]


def _scored(values, classifier="logistic"):
    """Results with one metric, from losses by method and seed."""
    count = len(next(iter(values.values())))
    return {
        "t/imbalance": [
            {
                "scores": {m: {classifier: {"loss": v[i]}} for m, v in values.items()},
                "sizes": [50, 50],
                "test_sizes": [50],
            }
            for i in range(count)
        ]
    }


def test_paired_tests_are_those_of_scipy_and_the_corrected_one_is_wider():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=20), rng.normal(0.3, 1, size=20)
    mean, half, p, corrected = difference(one - two, 0.5)
    expected = stats.ttest_rel(one, two)
    assert p == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval()
    assert (mean - half, mean + half) == pytest.approx((low, high))
    wide = stats.t.sf(abs(expected.statistic) / (1 + 20 * 0.5) ** 0.5, 19) * 2
    assert corrected == pytest.approx(wide) and corrected > p
    assert difference(np.zeros(5), 0.5)[2] == 1.0 and difference(np.ones(5), 0.5)[2] == 0.0


def _sums(rng, seeds: int, rates: np.ndarray):
    """Events and rows in bins of a random size, seed by seed."""
    rows = rng.integers(5, 40, size=(seeds, len(rates)))
    return rng.binomial(rows, rates).astype(float), rows.astype(float)


def test_the_interval_of_a_ratio_covers_it_and_is_that_of_a_mean_of_equal_parts():
    rng, rates, runs = np.random.default_rng(4), np.array([0.1, 0.4, 0.8]), 500
    inside = np.zeros(len(rates))
    for _ in range(runs):
        share, half = ratio_interval(*_sums(rng, 20, rates))
        inside += np.abs(share - rates) <= half
    assert (np.abs(inside / runs - 0.95) <= 0.02 + 4 * (0.95 * 0.05 / runs) ** 0.5).all()
    values = rng.normal(size=(9, 2))
    share, half = ratio_interval(3.0 * values, np.full((9, 2), 3.0))
    for k in range(2):
        assert (share[k], half[k]) == pytest.approx(interval(values[:, k]), rel=1e-12)


def test_the_panels_of_reliability_show_the_interval_over_seeds_of_every_frequency():
    rng, scores = np.random.default_rng(5), dict.fromkeys(METRICS, 0.1)
    rates = np.linspace(0.0, 1.0, RELIABILITY_BINS)
    drawn = [_sums(rng, 6, rates) for _ in range(2)]  # as trained, and corrected

    def method(seed: int) -> dict:
        bins = [[rows[seed], rows[seed] * rates, events[seed]] for events, rows in drawn]
        both = {"logistic": scores | {"reliability": bins}}
        return {"categories": False, "scores": dict.fromkeys(("raw", "weighted", "plugin"), both)}

    panel = benchmark_figure.draw({"t/imbalance": [method(seed) for seed in range(6)]}).axes[2]
    for (events, rows), shown in zip(drawn, panel.containers, strict=True):
        share, half = ratio_interval(events, rows)
        low, high = np.array([bar[:, 1] for bar in shown.lines[2][0].get_segments()]).T
        np.testing.assert_allclose(low, np.maximum(share - half, 0.0), atol=1e-12)
        np.testing.assert_allclose(high, np.minimum(share + half, 1.0), atol=1e-12)
        assert (high > low)[1:-1].all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_p_values_are_those_of_the_step_down_definition(p):
    found, order = holm(p), np.argsort(p, kind="stable")
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for rank, index in enumerate(order):
            if p[index] * (len(p) - rank) > level:
                break
            rejected.add(int(index))
        assert rejected == set(np.flatnonzero(found <= level).tolist())


def test_verdicts_find_a_difference_and_none_where_there_is_none():
    rng = np.random.default_rng(1)
    base = rng.normal(size=20)
    noise = {f"m{i}": base + 0.1 * rng.normal(size=20) for i in range(8)}
    values = {"plugin": base, **noise, "bad": base + 0.2 + 0.1 * rng.normal(size=20)}
    verdicts = {
        comparison.rival: comparison.verdict
        for comparison in compare_all(_scored(values), "plugin", "loss")
    }
    assert verdicts.pop("bad") == "better"
    assert set(verdicts.values()) == {"undecided"}


def test_the_metrics_are_those_of_a_table_made_by_hand():
    """Three cells of classes 0, 1, 1; sizes 8, 2, 8 among the seeds."""
    cell = np.array([0, 0, 1, 1, 2, 2])
    split = Split(
        np.zeros((18, 1)),
        np.repeat([0, 1, 2], [8, 2, 8]),
        np.zeros((6, 1)),
        cell,
        *(np.empty(0),) * 4,
        np.array([0, 1, 1]),
        ("a", "b", "c"),
        np.zeros(3, int),
        1,
        (),
    )
    one = np.array([0.2, 0.6, 0.4, 0.8, 0.9, 0.7])
    raw = np.column_stack([1 - one, one])
    found = _scores(raw, raw, np.array([8, 10]) / 18, split)
    p = np.where(split.label[cell] == 1, one, 1 - one)
    assert found["balanced_error"] == pytest.approx((0.5 + 0.5 + 0.0) / 3)
    assert found["minority_error"] == 0.5 and found["worst_error"] == 0.5
    assert found["balanced_cross_entropy"] == pytest.approx(-np.log(p).mean())
    weight = np.array([4, 4, 1, 1, 4, 4]) / 18
    assert found["cross_entropy"] == pytest.approx(-(weight * np.log(p)).sum())
    assert found["brier"] == pytest.approx((weight * 2 * (1 - p) ** 2).sum())
    pairs = [(a, b) for a in one[2:] for b in one[:2]]
    assert found["auc"] == pytest.approx(1 - np.mean([a > b for a, b in pairs]))


def test_on_gaussian_groups_the_plug_in_beats_duplication_and_real_rows_beat_both():
    """What theorems R2 and R4 predict of a common shape, seen through the whole benchmark."""
    data = datasets.from_table("gauss", _gaussian(1200, 8, distance=2.0), "y")
    chosen = benchmark.Task(data, "imbalance")
    plan = PLAN._replace(ratio=10.0)
    seeds = [benchmark.run_seed(chosen, plan, seed) for seed in range(12)]
    loss = {
        m: np.array([seed["scores"][m]["logistic"]["balanced_cross_entropy"] for seed in seeds])
        for m in plan.methods
    }
    for better, worse in (
        ("plugin", "duplicate"),
        ("oracle", "plugin"),
        ("weighted", "raw"),
        ("plugin", "raw"),
    ):
        gap = loss[worse] - loss[better]
        assert gap.mean() > 3 * gap.std(ddof=1) / 12**0.5, (better, worse)
    calibrated = [
        np.mean([seed["scores"]["plugin"]["logistic"][name] for seed in seeds])
        for name in ("brier", "brier_corrected")
    ]
    assert calibrated[1] < calibrated[0]


def _write_triple(folder: Path, copies: int):
    train = _gaussian(300, 4, 0)
    train = pd.concat([train[train["y"] == "a"], train[train["y"] == "b"][:20]])
    test, fresh = _gaussian(120, 4, 1), _gaussian(600, 4, 2)
    made = fresh[fresh["y"] == "b"][:130].copy()
    stolen = test[test["y"] == "b"][:copies]
    made.iloc[: len(stolen)] = stolen.to_numpy()
    folder.mkdir()
    for name, table in (("train", train), ("synthetic", made), ("test", test)):
        table.to_csv(folder / f"{name}.csv", index=False)


def test_a_triple_whose_rows_repeat_the_test_set_is_found_out_and_judged_without_them(tmp_path):
    _write_triple(tmp_path / "honest", 0)
    _write_triple(tmp_path / "stolen", 40)
    tables = datasets.from_folder(tmp_path, "y")
    plan = PLAN._replace(methods=("raw", "weighted", "duplicate", "plugin", "supplied"))
    found = {
        task.data.name: benchmark.run_seed(task, plan, 0)
        for task in benchmark.tasks(tables, ["imbalance"])
    }
    assert "supplied" not in found["honest"]["cleaned"]
    stolen = found["stolen"]
    test_copies = stolen["copies"]["supplied"]["test"]
    # a bootstrap of the test rows holds each with probability 1 - 1/e; all 130 rows are used
    assert stolen["added"]["supplied"] == stolen["added"]["plugin"] == 130
    assert 15 <= test_copies["exact"] <= 35
    assert set(stolen["cleaned"]) == {"supplied"}
    assert stolen["copies"]["duplicate"]["seeds"]["exact"] == 130
    losses = [
        s["supplied"]["logistic"]["balanced_cross_entropy"]
        for s in (stolen["scores"], stolen["cleaned"])
    ]
    assert losses[0] != losses[1]


def test_the_command_finds_copies_and_writes_the_rest(tmp_path, capsys):
    _write_triple(tmp_path / "stolen", 40)
    place = tmp_path / "stolen"
    command = [
        "copies",
        str(place / "synthetic.csv"),
        "--label",
        "y",
        "--train",
        str(place / "train.csv"),
        "--test",
        str(place / "test.csv"),
        "--clean",
        str(tmp_path / "clean.csv"),
    ]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "130 rows: 40 exact copies and 1 near copy of test rows" in shown  # 1 of 90 by chance
    assert "89 rows written" in shown
    kept, test = pd.read_csv(tmp_path / "clean.csv"), pd.read_csv(place / "test.csv")
    assert len(kept) == 89 and len(kept.merge(test)) == 0
    assert main(command) == 2 and "pass --overwrite" in capsys.readouterr().err


def test_the_command_runs_on_a_table_with_categories_and_a_named_attribute(tmp_path, capsys):
    _mixed().to_csv(tmp_path / "data.csv", index=False)
    command = [
        "benchmark", str(tmp_path / "data.csv"), "--label", "y", "--attribute", "side",
        "--setting", "spurious", "--seeds", "2", "--imbalance", "4", "--classifier", "logistic",
        "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    command += [part for m in ("smote", "smotenc", "rose", "plugin", "oracle")
                for part in ("--method", m)]  # fmt: skip
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "2 seeds on 1 table and setting:" in shown and "| SMOTENC |" in shown
    assert "SMOTE, 2 seeds of data/spurious: SMOTE interpolates numbers" in shown
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    values = report["payload"]["tables with categories"]
    assert set(values["means"]["plugin"]) == set(METRICS)
    assert (tmp_path / "out" / "report.png").stat().st_size > 10_000
    assert main(command) == 0 and "seed 1 read" in capsys.readouterr().out


def test_the_command_resamples_a_file_and_marks_what_it_added(tmp_path, capsys):
    table = _mixed()
    table = table[(table["y"] == "a") | (np.arange(300) % 8 == 1)]
    table.to_csv(tmp_path / "in.csv", index=False)
    command = [
        "resample",
        str(tmp_path / "in.csv"),
        "--label",
        "y",
        "--out",
        str(tmp_path / "out.csv"),
        "--augmentation",
        "20",
        "--weight",
        "0.5",
    ]
    assert main(command) == 0
    assert "b: " in capsys.readouterr().out
    new = pd.read_csv(tmp_path / "out.csv")
    assert new["y"].value_counts().tolist() == [170, 170]
    real = new[~new["is_synthetic"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(real[table.columns], table.reset_index(drop=True))
    assert new.groupby("y")["synthetic_weight"].sum().round(6).nunique() == 1
    assert main(command) == 2
    assert "pass --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, match",
    [
        (["benchmark", "nowhere.csv", "--label", "y"], "no such file"),
        (["benchmark", "nowhere.csv"], "--label is missing"),
        (["benchmark", "--data", "iris"], "expected one of breast_cancer"),
        (["benchmark", "--data", "wine", "--method", "magic"], "expected one of raw"),
        (["benchmark", "--data", "wine", "--setting", "spurious"], "two classes only"),
        (["benchmark", "--label", "y"], "go with DATA.csv"),
        (["benchmark", "--folder", ".", "--label", "y"], "neither it nor a subfolder"),
        (["resample", "nowhere.csv", "--label", "y", "--out", "x.csv"], "no such file"),
    ],
)
def test_the_command_says_what_is_wrong(options, match, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(options) == 2
    assert match in capsys.readouterr().err


def test_tables_that_cannot_be_judged_are_refused_with_the_reason():
    for table, match in (
        (_gaussian().assign(y="a"), "one class only"),
        (_gaussian()[["y"]], "no columns besides"),
        (_gaussian().assign(x0=np.nan), "NaN"),
    ):
        with pytest.raises(datasets.DatasetError, match=match):
            datasets.from_table("t", table, "y")
    few = datasets.from_table("t", _gaussian(2 * FEWEST), "y")
    with pytest.raises(datasets.DatasetError, match="too few|expected at least"):
        make_split(few, "imbalance", 10.0, 0)
