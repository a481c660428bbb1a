"""The planner's study: its tables, its records, and what it makes of them."""

import importlib
from functools import partial

import numpy as np
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner.proposal import Proposal
from synthetic_oversampling.practice.planner.trust import Trust
from synthetic_oversampling.practice.planner_study import (
    givers,
    real_tables,
    several_tables,
    study,
    wide,
)
from synthetic_oversampling.practice.planner_study.real_tables import (
    Known,
    Trial,
    drawn,
    half,
    read,
)
from synthetic_oversampling.practice.planner_study.simulated import KINDS, simulated


@pytest.mark.parametrize("place", range(len(KINDS)))
def test_simulated_tables_have_rare_rows_and_a_future_of_the_same_law(place):
    trial = simulated(place)
    sizes = np.bincount(trial.label)
    assert sizes[0] > 3 * sizes[1] >= 30 and trial.x.shape[1] == trial.judge.shape[1] >= 3
    again = simulated(place)
    np.testing.assert_array_equal(trial.x, again.x)
    spread = trial.judge.std(axis=0)
    near = 6 * spread / np.sqrt(sizes[1])
    for label in (0, 1):
        fresh, seen = trial.judge[trial.truth == label], trial.x[trial.label == label]
        assert np.all(np.abs(fresh.mean(axis=0) - seen.mean(axis=0)) < near)


@pytest.mark.parametrize("place", range(len(wide.KINDS)))
def test_wide_tables_have_many_features_and_a_future_of_the_same_law(place):
    trial = wide.simulated(place)
    sizes, dim = np.bincount(trial.label), trial.x.shape[1]
    assert sizes[0] > 3 * sizes[1] >= 60 and 40 <= dim <= 400 and dim > sizes[1] / 10
    np.testing.assert_array_equal(trial.x, wide.simulated(place).x)
    for label in (0, 1):
        fresh, seen = trial.judge[trial.truth == label], trial.x[trial.label == label]
        off = (fresh.mean(axis=0) - seen.mean(axis=0)) / fresh.std(axis=0) * len(seen) ** 0.5
        apart = np.sqrt(2 * np.mean(np.corrcoef(fresh.T) ** 2))  # of the mean of their squares
        assert np.abs(off).max() < 6 and abs(np.mean(off**2) - 1) < 4 * apart


def test_a_wide_real_table_keeps_columns_that_differ(monkeypatch):
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 450)), columns=[f"c{k}" for k in range(450)])
    frame["twice"], frame["one"] = 2 * frame["c0"], 1.0
    frame["y"] = np.where(np.arange(300) < 90, "rare", "common")
    monkeypatch.setattr(real_tables, "frame_of", lambda known: frame)
    known = Known(data="made", package="pandas", table="made", label="y=rare", dropped=())
    trial = wide.drawn(known)
    few, many = (trial.label == 1).sum(), (trial.label == 0).sum()
    assert trial.x.shape[1] == 400 and 15 <= few <= 40 and 3 <= many / few <= 10
    correlated = np.corrcoef(trial.x.T) - np.eye(400)
    assert np.abs(correlated).max() < 0.999
    assert wide.drawn(known._replace(label="c0>0.95")) is None, "15 rare rows: none to judge on"


def test_the_craft_table_is_rounded_and_its_label_follows_from_four_columns():
    trial = simulated(KINDS.index("craft"))
    assert trial.x.shape[1] == 9
    np.testing.assert_allclose(trial.judge, np.round(trial.judge, 1), atol=1e-12)
    x, y = trial.judge, trial.truth
    rule = 0.7 * x[:, 0] - 0.6 * x[:, 1] + 0.8 * x[:, 2] + 0.4 * x[:, 0] * x[:, 1]
    assert rule[y == 1].min() > -2.5 and rule[y == 0].max() < 2.5  # noise of deviation .5


def test_halves_are_of_data_sets_and_about_equal():
    halves = {table.data: half(table) for table in real_tables.TABLES}
    counts = np.unique(list(halves.values()), return_counts=True)[1]
    assert len(halves) >= 80 and counts.min() > 0.4 * len(halves)
    assert len({table.key for table in real_tables.TABLES}) == len(real_tables.TABLES)


def test_a_real_table_is_cut_to_few_rare_rows_and_judged_on_the_rest(monkeypatch):
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3000, 3)), columns=list("abc"))
    frame["twice"], frame["one"], frame["id"] = 2 * frame["a"], 1.0, np.arange(3000)
    frame["kind"] = np.where(rng.random(3000) < 0.5, "u", "v")
    frame["word"] = rng.choice(list("xyz"), size=3000)
    frame["y"] = np.where(rng.random(3000) < 0.2, "yes", "no")
    monkeypatch.setattr(real_tables, "frame_of", lambda known: frame)
    known = Known(data="made", package="pandas", table="made", label="y", dropped=("id",))
    x, label = read(known)
    assert x.shape == (3000, 6) and 0.15 < label.mean() < 0.25
    trial = drawn(known)
    few, many = (trial.label == 1).sum(), (trial.label == 0).sum()
    assert trial.x.shape[1] == 4, "a multiple and a constant are left out"
    assert 25 <= few <= 50 and 8 <= many / few <= 20.1 and len(trial.truth) > 2900 - few - many
    both = np.concatenate([trial.x, trial.judge])
    assert len(np.unique(both, axis=0)) == len(both), "no row is planned for and judged on"
    assert drawn(known._replace(label="y"), again=1).x.tobytes() != trial.x.tobytes()


def _small(place, seed):
    rng, label = np.random.default_rng([seed, place]), np.repeat([0, 1], (60, 12))
    truth = np.repeat([0, 1], 200)
    return Trial(
        rng.normal(size=(72, 3)) + label[:, None],
        label,
        rng.normal(size=(400, 3)) + truth[:, None],
        truth,
    )


def test_a_real_table_of_three_classes_keeps_most_rows_of_the_first():
    (wine,) = (known for known in several_tables.SEVERAL if known.data == "wine")
    x, label = several_tables.read_several(wine)
    assert x.shape == (178, 13) and np.bincount(label).tolist() == [71, 59, 48]
    trial = several_tables.drawn_several(wine)
    sizes, left = np.bincount(trial.label), np.bincount(trial.truth)
    assert np.all(sizes[1:] <= left[1:] + 1) and sizes[0] >= 1.5 * sizes[1:].max()
    both = np.concatenate([trial.x, trial.judge])
    assert len(np.unique(both, axis=0)) == len(both), "no row is planned for and judged on"


def test_tables_of_three_classes_are_recorded_and_decided_on(tmp_path, monkeypatch):
    def small(known):
        rng, label = np.random.default_rng(len(known.data)), np.repeat([0, 1, 2], (60, 16, 14))
        truth = np.repeat([0, 1, 2], 100)
        means = np.array([[0.0, 0.0], [1.2, 0.0], [0.0, 1.2]])
        x = rng.normal(size=(90, 2)) + means[label]
        return Trial(x, label, rng.normal(size=(300, 2)) + means[truth], truth)

    def theory(x, y, group, designs, *, objective):
        return Proposal(np.linspace(-0.01, 0.01, len(designs)), 0.05, 1.0, 1.0)

    monkeypatch.setattr(study, "drawn_several", small)
    monkeypatch.setattr(importlib.import_module(study.judged.__module__), "propose_several", theory)
    for metric in ("cross-entropy", "worst-group", "balanced-error"):
        records = study.recorded("several", 0, tmp_path, metric=metric, repeats=1, first=2)
        assert [len(record["sizes"]) for record in records] == [3, 3]
        found = study.shown(records, metric)
        assert found["rules"]["class weighting"]["mean"] == 0.0
        assert abs(found["rules"]["level SMOTE"]["mean"]) < 0.5
        assert "correlation" in study.markdown("several", found, metric)
        silent = found | {"foretold": (np.nan, np.nan)}
        assert "correlation" not in study.markdown("several", silent, metric)


def test_records_are_kept_and_read_and_decided_on(tmp_path, monkeypatch):
    def theory(x, y, group, designs, ridge, *, objectives, prevalence):
        return (Proposal(np.linspace(-0.01, 0.01, len(designs)), 0.05, 1.0, 1.0),) * len(objectives)

    monkeypatch.setattr(study, "simulated", _small)
    monkeypatch.setattr(importlib.import_module(study.judged.__module__), "propose", theory)
    records = study.recorded("simulated", 6, tmp_path)
    monkeypatch.setattr(study, "judged", None)  # all is there
    assert study.recorded("simulated", 6, tmp_path) == records
    found = study.shown(records)
    assert found["tables"] == 6 and found["rules"]["class weighting"]["mean"] == 0.0
    assert found["rules"]["best"]["regret"] == pytest.approx(0.0, abs=1e-12)
    assert "| planner | " in study.markdown("simulated", found)
    top, mean, error = found["best fixed"]
    assert f"{top}, {1e3 * mean:+.2f} ± {2e3 * error:.2f}." in study.markdown("simulated", found)
    ranked = study.recorded("simulated", 6, tmp_path, metric="auroc")
    assert all(0 <= loss <= 1 for record in ranked for loss in record["loss"])
    assert [one["loss"] for one in ranked] != [one["loss"] for one in records]
    assert "AUROC" in study.markdown("simulated", study.shown(ranked, "auroc"), "auroc")
    trust, inflation = study.learned(records)
    assert set(trust) == {"smote", "plugin", "predictive"} and inflation > 0
    assert all(isinstance(trusted, Trust) for trusted in trust.values())


def test_learning_finds_the_weights_that_made_the_records():
    rng = np.random.default_rng(0)
    records = []
    for _ in range(400):
        share, excess = rng.uniform(0.2, 0.9, size=3), rng.uniform(0.01, 0.2)
        theory = rng.normal(size=3) * 0.3 * excess
        true = 0.7 * theory - 0.2 * share**2 * excess + 0.4 * share * excess * rng.normal(size=3)
        error = np.full(3, 0.3 * excess)
        names = ("smote", "plugin", "predictive-pooled")
        records.append(
            {
                "designs": [(name, "", 0.0) for name in ("raw", "weighting")]
                + [("all", name, 0.5) for name in names],
                "shares": [0.0, 0.0, *share],
                "excess": excess,
                "theory": [0.0, 0.0, *theory],
                "loss": [0.0, 0.0, *(-true)],
                "error": [0.01, 0.01, *error],
                "gain": [0.0, 0.0, *(true + 0.6 * excess * rng.normal(size=3))],
            }
        )
    trust, inflation = study.learned(records)
    for trusted in trust.values():  # 400 tables whose evidence is as noisy as the gains are large
        assert trusted.slope == pytest.approx(0.7, abs=0.4)
        assert trusted.bias == pytest.approx(0.2, abs=0.25)
        assert trusted.doubt == pytest.approx(0.4, abs=0.15)
    assert inflation == pytest.approx(2.0, abs=0.2)


def test_rows_from_elsewhere_that_help_are_used_and_those_that_harm_are_not(tmp_path):
    records = [givers.judged_giver(place, 7) for place in (3, 4, 23, 26)]
    good, bad = records[:2], records[2:]
    assert all(record["bias"] == 0.0 and record["all"] > 0 for record in good)
    assert sum(r["recommended"] for r in good) > sum(r["all"] for r in good) / 2
    assert all(record["bias"] == 1.0 and record["all"] < 0 for record in bad)
    assert all(record["recommended"] > -1e-3 for record in bad)
    text = givers.markdown(records)
    assert "| all rows help | 2 |" in text and "| all rows harm | 2 |" in text
    kept = givers.recorded(1, tmp_path)
    assert kept == givers.recorded(1, tmp_path) and kept[0]["times"] == 1


def test_what_all_given_rows_are_worth_is_no_repair_of_a_bad_ridge(monkeypatch):
    usual = givers.judged_giver(3)
    monkeypatch.setattr(givers, "plan_table", partial(plan_table, ridge=6553.6))
    poor = givers.judged_giver(3)
    assert poor["all"] == pytest.approx(usual["all"], rel=1e-6)
    assert poor["ridge"] > max(usual["ridge"], 0.01)


def test_the_share_of_their_worth_that_is_realised_is_told_where_rows_help_and_of_every_giver():
    one = {"bias": 0.0, "ridge": 0.0, "best": 0.0, "used": 0.5}
    values = ((0.04, 0.03), (0.02, 0.01), (-0.5, -0.01))
    records = [one | {"all": every, "recommended": some} for every, some in values]
    text = givers.markdown(records)
    assert "gain 67% of what they are worth,\nover every giver 50%" in text
    assert "| all rows help | 2 | +30.0 ± 20.0 |" in text, "deviations of n - 1"
    assert "| all rows harm | 1 | -500.0 ± ? |" in text and "| every giver | 3 |" in text


@pytest.mark.parametrize("counts", [[], ["--simulated", "1", "--wide", "4"], ["--givers", "3"]])
def test_a_study_of_nothing_or_of_too_few_tables_is_refused(counts, capsys):
    assert main(["planner-study", *counts]) == 2
    said = capsys.readouterr().err
    assert "--simulated, --wide, --givers: got " in said and "no --real, expected none or" in said


@pytest.mark.parametrize("metric", ["auroc", "average-precision"])
def test_a_metric_of_two_classes_is_refused_for_tables_of_more_before_any_is_made(
    metric, tmp_path, capsys
):
    options = ["--simulated", "4", "--real", "several", "--metric", metric, "--out", str(tmp_path)]
    assert main(["planner-study", *options]) == 2
    said = capsys.readouterr().err
    assert f"metric: got '{metric}' for tables of three and four classes" in " ".join(said.split())
    assert not (tmp_path / "records").exists()
    with pytest.raises(ValueError, match="expected one of cross-entropy, worst-group, balanced"):
        study.recorded("several", 0, tmp_path, metric=metric)


def test_the_correlation_of_theory_has_an_error_over_tables():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(40, 2, 1)) * [[[1.0], [1.0]]]
    tables = list(shared[:, :1] + 0.1 * rng.normal(size=(40, 2, 30)))
    found, error = study._correlation(tables)
    assert found > 0.9 and 0 < error < 0.1
    alone = [np.concatenate(tables, axis=1)[:, [k]] for k in range(1200)]
    assert study._correlation(alone)[1] < error / 2, "30 designs of a table are no 30 tables"
    assert np.isnan(study._correlation(tables[:1])).all()


def test_no_wide_table_is_of_the_development_half():
    halves = {known.data: half(known) for known in real_tables.TABLES}
    both = {known.data: halves[known.data] for known in wide.TABLES if known.data in halves}
    assert set(both.values()) == {"closed"} and len(both) == 5
