"""The planner on tables with categories, and with generators that it knows by their rows only."""

import warnings

import numpy as np
import pandas as pd
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.planner import plan as planner
from synthetic_oversampling.practice.planner.proposal import Proposal
from synthetic_oversampling.practice.resampler import NothingAdded, SyntheticOverSampler
from synthetic_oversampling.simulate.tables.encoding import encoding_of

SIZES = (400, 100)
KINDS = np.array(["a", "b", "c"])
SHARES = np.array([[0.6, 0.3, 0.1], [0.3, 0.4, 0.3]])


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Theory without a word, so that the table decides: theorem H has tests of its own."""

    def silent(x, y, group, designs, ridge, **_):
        return (Proposal(np.full(len(designs), np.nan), np.nan, 1.0, 1.0),)

    monkeypatch.setattr(planner, "propose", silent)


def _draw(sizes, seed):
    """Labels, a number with a common spread, and a category whose shares depend on the label."""
    rng = np.random.default_rng(seed)
    label = np.repeat([0, 1], sizes)
    number = rng.normal(size=len(label)) + 1.2 * label
    kind = np.concatenate([rng.choice(3, size=n, p=p) for n, p in zip(sizes, SHARES, strict=True)])
    return pd.DataFrame({"x": number, "kind": KINDS[kind]}), label


@pytest.mark.parametrize("generator", ["plugin", "mixture"])
def test_a_plan_for_rows_with_categories_is_made_and_kept(generator):
    table, label = _draw(SIZES, seed=3)
    sampler = SyntheticOverSampler(generator, sampling_strategy="plan", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NothingAdded)  # if the plan says so
        new, label_new = sampler.fit_resample(table, label)
    plan = sampler.plan_
    assert {c.source for c in plan.choices} == {"", "own"}
    assert len(new) == len(table) + plan.recommended.rows == len(label_new)
    assert set(new["kind"]) <= set(KINDS)
    assert not any(w.check == "copies" for w in plan.warnings)


def test_a_generator_that_is_wrong_is_refused_by_its_rows():
    table, label = _draw(SIZES, seed=4)

    def moved(seeds, count, rng):
        return 2.0 * seeds[rng.integers(len(seeds), size=count)] + rng.normal(size=(count, 1))

    sampler = SyntheticOverSampler(moved, sampling_strategy="plan", random_state=0)
    with pytest.warns(UserWarning, match="by the plan: the most promising design"):
        sampler.fit_resample(table, label)
    worst = [c for c in sampler.plan_.choices if c.source]
    assert worst and all(c.evidence.mean < 0 for c in worst if c.name == "level")


def test_rare_levels_share_the_baseline_and_unknown_ones_are_refused():
    encoding = encoding_of(["k", "m"], [["a"] * 30 + ["b"] * 15 + ["c"] * 9, [1] * 27 + [2] * 27])
    assert encoding.labels == ("k=b", "m=2")
    seen = encoding.indicators([["c", "b"], [2, 1]], "rows")
    np.testing.assert_array_equal(seen, [[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match="rows, column 'k': got 'z', a category that no real row"):
        encoding.indicators([["z"], [1]], "rows")


def _csv(path, sizes, seed):
    table, label = _draw(sizes, seed)
    table.assign(y=np.array(["no", "yes"])[label]).to_csv(path, index=False)
    return str(path)


def test_the_command_judges_rows_with_categories_and_writes_them_as_they_came(tmp_path, capsys):
    real, made = _csv(tmp_path / "t.csv", (200, 15), 5), _csv(tmp_path / "s.csv", (900, 900), 6)
    out = tmp_path / "train.csv"
    command = ["plan", real, "--label", "y", "--positive", "yes", "--repeats", "1"]
    command += ["--categorical", "kind", "--write", str(out)]
    assert main([*command, "--synthetic", made, "--independent"]) == 0
    assert "indicators of categories: kind=b, kind=c" in capsys.readouterr().out
    written, given = pd.read_csv(out), pd.read_csv(made)
    new = written["synthetic"] == 1
    columns = ["x", "kind", "y"]
    pd.testing.assert_frame_equal(written.loc[~new, columns], pd.read_csv(real))
    assert 0 < new.sum() == len(written.loc[new, columns].merge(given, on=columns))
    assert main([*command, "--overwrite"]) == 0  # nothing draws categories: no rows
    assert (pd.read_csv(out)["synthetic"] == 0).all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ([], "column 'kind': 0 of 80 cells (0 %) are numbers, but not line 2: "),
        (["--categorical", "y"], "no feature 'y' that could hold categories"),
        (["--categorical", "kind", "--generator", "smote"], "got smote for a table with"),
        (["--categorical", "kind", "--synthetic", "odd.csv"], "got 'z', a category that no real"),
        (["--categorical", "kind", "--synthetic", "empty.csv"], "the category is empty"),
    ],
)
def test_categories_that_cannot_be_planned_for_are_refused(tmp_path, capsys, options, match):
    real = _csv(tmp_path / "t.csv", (60, 20), 7)
    (tmp_path / "odd.csv").write_text("x,kind,y\n1.0,z,no\n2.0,a,yes\n")
    (tmp_path / "empty.csv").write_text("x,kind,y\n1.0,,no\n2.0,a,yes\n")
    options = [str(tmp_path / option) if option.endswith(".csv") else option for option in options]
    assert main(["plan", real, "--label", "y", *options]) == 2
    assert match in capsys.readouterr().err
