"""The planner's command, its files, and its figure."""

import json

import numpy as np
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.figures.plan import draw_plan, label_of
from synthetic_oversampling.practice.commands import plan as command_plan
from synthetic_oversampling.practice.planner import plan as planner
from synthetic_oversampling.practice.planner.learners import LEARNERS
from synthetic_oversampling.practice.planner.plan import NAMES, plan_table
from synthetic_oversampling.practice.planner.proposal import Proposal
from synthetic_oversampling.practice.planner.report import as_dict
from synthetic_oversampling.simulate.tables.reading import read_table

MEANS = np.array([[0.0, 0.0, 0.0], [1.5, 0.5, 0.0]])
STDS = np.ones((2, 3))  # common: a pooled normal law is right, and worth adding


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Theory without a word, so that the table decides: theorem H has tests of its own."""

    def silent(x, y, group, designs, ridge, **_):
        return (Proposal(np.full(len(designs), np.nan), np.nan, 1.0, 1.0),)

    monkeypatch.setattr(planner, "propose", silent)


def _draw(sizes, seed):
    label = np.repeat([0, 1], sizes)
    noise = np.random.default_rng(seed).normal(size=(sum(sizes), 3))
    return MEANS[label] + STDS[label] * noise, label


@pytest.fixture(scope="module")
def small():
    return _draw((400, 80), seed=7)


def _few(sizes=(300, 30), seed=3):
    """Few rows of twelve features, three of which tell the classes apart."""
    rng, label = np.random.default_rng(seed), np.repeat([0, 1], sizes)
    x = rng.normal(size=(sum(sizes), 12))
    x[:, :3] += label[:, None]
    return x, label


def _csv(path, x, label, name="y"):
    lines = [",".join([*(f"x{i}" for i in range(x.shape[1])), name])]
    for row, cells in zip(x.tolist(), label, strict=True):
        lines.append(",".join([*map(repr, row), f"c{cells}"]))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_the_command_plans_prints_and_writes(small, tmp_path, capsys):
    table = _csv(tmp_path / "t.csv", *small)
    out = tmp_path / "out"
    command = ["plan", table, "--label", "y", "--generator", "plugin-pooled"]
    assert main([*command, "--repeats", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:-2])) < 80  # but for the paths of the files
    assert "\nplugin-pooled\n" in printed
    payload = json.loads((out / "plan.json").read_text())
    assert payload["kind"] == "plan" and payload["seed"] == 2024
    body = payload["payload"]
    assert body["recommended"] in body["designs"] and body["learner"] == "logistic-l2"
    assert "theory: theorem H" in printed and "5-fold cross-validation" in printed
    for design in body["designs"][2:]:
        assert {"prior", "evidence", "posterior"} <= set(design)
    assert (out / "plan.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_judges_a_table_of_synthetic_rows(small, tmp_path, capsys):
    table = _csv(tmp_path / "t.csv", *_few())
    made = _csv(tmp_path / "s.csv", *_few((600, 600), seed=4))
    assert main(["plan", table, "--label", "y", "--synthetic", made, "--independent"]) == 0
    assert "synthetic rows (table, " in capsys.readouterr().out


@pytest.mark.parametrize("external", [False, True])
def test_the_written_table_is_the_plan(tmp_path, external):
    table = _csv(tmp_path / "t.csv", *(_few() if external else _draw((300, 20), seed=7)))
    made = _csv(tmp_path / "s.csv", *_few((600, 600), seed=4))
    out, artifact = tmp_path / "train.csv", tmp_path / "plan.json"
    source = ["--synthetic", made, "--independent"] if external else ["--learner", "logistic"]
    assert (
        main(["plan", table, "--label", "y", *source, "--write", str(out), "--json", str(artifact)])
        == 0
    )
    plan = json.loads(artifact.read_text())["payload"]
    real = read_table(table, "y")
    loaded = read_table(out, "y", names=(*real.names, "synthetic", "weight"))
    new = loaded.features[:, -2] == 1
    np.testing.assert_array_equal(loaded.features[~new, :-2], real.features)
    assert plan["add_synthetic"] and new.sum() == plan["recommended"]["rows"]
    weight = loaded.features[:, -1]
    assert weight.mean() == pytest.approx(1.0, abs=1e-12)
    assert weight[new].sum() / weight.sum() == pytest.approx(plan["recommended"]["weight"])
    for label in ("c0", "c1"):  # both groups weigh the same
        assert weight[loaded.labels == label].sum() / weight.sum() == pytest.approx(0.5)
    if external:
        given = {tuple(row) for row in read_table(made, "y").features.tolist()}
        assert {tuple(row) for row in loaded.features[new, :-2].tolist()} <= given


def test_real_rows_are_written_as_they_stand_and_fractions_among_whole_numbers_are_told(
    tmp_path, capsys
):
    x, label = _draw((300, 20), seed=7)
    days = np.round(20_000 + 50 * x[:, 0]).astype(int)
    lines = [f"{a},{b:.3f},{c:.3f},c{y}" for a, (_, b, c), y in zip(days, x, label, strict=True)]
    table, out = tmp_path / "t.csv", tmp_path / "train.csv"
    table.write_text("\n".join(["day,b,c,y", *lines]) + "\n")
    command = ["plan", str(table), "--label", "y", "--learner", "logistic"]
    assert main([*command, "--write", str(out)]) == 0
    written = out.read_text().splitlines()[1:]
    assert len(written) > len(lines), "rows help here"
    assert [line.rsplit(",", 2)[0] for line in written[: len(lines)]] == lines
    assert "fractions in its synthetic rows: 'day'\n" in capsys.readouterr().out
    assert all("." in line.split(",")[0] for line in written[len(lines) :])


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        (None, [], "no such file"),
        ("", [], "is empty"),
        ("x,y\n1,a\n2\n", [], "line 3: got 1 column, expected 2"),
        (
            "x,y\n1,a\nred,b\n",
            [],
            "column 'x': 1 of 2 cells (50 %) are numbers, but not line 3: 'red'. Correct, fill",
        ),
        ("x,y\n1,a\nnan,b\n", [], "not line 3: 'nan'. Correct, fill or drop"),
        ("x,z\n1,a\n", [], "no column 'y'"),
        ("x,y\n1,a\n2,b\n", ["--group", "s"], "no column 's'"),
        ("x,y\n1,a\n2,b\n", [], "got 1 row of 'a', 1 row of 'b', expected at"),
        ("x,y\n1,a\n2,b\n", ["--independent"], "--independent"),
        ("x,y\n1,a\n2,b\n", ["--plot", "p.gif"], "expected a name ending in"),
    ],
)
def test_a_bad_table_ends_with_a_message_and_status_2(tmp_path, capsys, text, options, match):
    path = tmp_path / "t.csv"
    if text is not None:
        path.write_text(text)
    assert main(["plan", str(path), "--label", "y", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("oversampling plan: ") and match in error


def test_the_command_offers_the_planner_s_generators_and_learners():
    """It names them itself, since the planner takes a second to import."""
    assert command_plan._NAMES == NAMES and command_plan._LEARNERS == LEARNERS


def test_the_figure_draws_what_the_plan_holds(small):
    payload = as_dict(plan_table(*small, repeats=1))
    for chosen in payload["designs"][1:4]:
        (axes,) = draw_plan(payload | {"recommended": chosen}).axes
        shown = [design for design in payload["designs"] if design["name"] != "raw"]
        names = axes.get_yticklabels()
        assert [text.get_text() for text in names] == [label_of(choice) for choice in shown]
        drawn = {float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1}
        assert {choice["posterior"]["mean"] for choice in shown if choice["rows"]} <= drawn
        (star,) = (line for line in axes.lines if line.get_marker() == "*")
        assert star.get_xdata()[0] == chosen["expected"]
        assert [k for k, t in enumerate(names) if t.get_fontweight() == "bold"] == [
            shown.index(chosen)
        ]
