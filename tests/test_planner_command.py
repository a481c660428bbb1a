"""The planner's command, its files, and its figure."""

import json

import numpy as np
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.figures.plan import draw_plan
from synthetic_oversampling.practice.commands import plan as command_plan
from synthetic_oversampling.practice.planner.plan import NAMES, plan_table
from synthetic_oversampling.practice.planner.report import as_dict
from synthetic_oversampling.simulate.tables.reading import read_table

MEANS = np.array([[0.0, 0.0, 0.0], [1.5, 0.5, 0.0]])
STDS = np.ones((2, 3))  # common: a pooled normal law is right, and worth adding


def _draw(sizes, seed):
    label = np.repeat([0, 1], sizes)
    noise = np.random.default_rng(seed).normal(size=(sum(sizes), 3))
    return MEANS[label] + STDS[label] * noise, label


@pytest.fixture(scope="module")
def small():
    return _draw((400, 80), seed=7)


def _csv(path, x, label, name="y"):
    lines = [",".join([*(f"x{i}" for i in range(x.shape[1])), name])]
    for row, own in zip(x.tolist(), label, strict=True):
        lines.append(",".join([*map(repr, row), f"c{own}"]))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_the_command_plans_prints_and_writes(small, tmp_path, capsys):
    table = _csv(tmp_path / "t.csv", *small)
    out = tmp_path / "out"
    command = ["plan", table, "--label", "y", "--generator", "gaussian-pooled"]
    assert main([*command, "--bootstrap", "20", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:-2])) < 80  # but for the paths of the files
    lines = printed.splitlines()
    assert lines.index("gaussian-pooled") < lines.index(
        next(line for line in lines if line.startswith("> weight+add"))
    )
    payload = json.loads((out / "plan.json").read_text())
    assert payload["kind"] == "plan" and payload["seed"] == 2024
    own = payload["payload"]
    assert own["recommended"] in own["designs"]
    best = own["recommended"]
    assert f"add {best['rows']} synthetic rows (gaussian-pooled, weight+add)" in lines[2]
    assert f"alpha = {best['weight']:.2f} of the total, N = {best['size']} a group" in printed
    assert best["expected"] > own["needed"] >= 1e-4
    low, high = best["gain"]["low"], best["gain"]["high"]
    sure = "sure of a gain" if low > 0 else "not sure"
    assert f"{sure}: the 95 % interval of the gain, {low:.2g} .. {high:.2g} nats," in " ".join(
        printed.split()
    )
    assert (out / "plan.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_judges_a_table_of_synthetic_rows(small, tmp_path, capsys):
    table = _csv(tmp_path / "t.csv", *small)
    made = _csv(tmp_path / "s.csv", *_draw((900, 900), seed=8))
    command = ["plan", table, "--label", "y", "--synthetic", made, "--bootstrap", "20"]
    assert main(command + ["--independent"]) == 0
    assert "synthetic rows (table, weight+add)" in capsys.readouterr().out


@pytest.mark.parametrize("external", [False, True])
def test_the_written_table_is_the_plan(small, tmp_path, external):
    table = _csv(tmp_path / "t.csv", *small)
    made = _csv(tmp_path / "s.csv", *_draw((900, 900), seed=8))
    out, artifact = tmp_path / "train.csv", tmp_path / "plan.json"
    source = (
        ["--synthetic", made, "--independent"] if external else ["--generator", "gaussian-pooled"]
    )
    files = ["--write", str(out), "--json", str(artifact), "--bootstrap", "20"]
    assert main(["plan", table, "--label", "y", *source, *files]) == 0
    plan = json.loads(artifact.read_text())["payload"]
    own = read_table(out, "y", names=("x0", "x1", "x2", "synthetic", "weight"))
    new = own.features[:, 3] == 1
    real = read_table(table, "y")
    np.testing.assert_array_equal(own.features[~new, :3], real.features)
    assert plan["add_synthetic"] and new.sum() == plan["recommended"]["rows"]
    weight = own.features[:, 4]
    assert weight.mean() == pytest.approx(1.0, abs=1e-12)
    assert weight[new].sum() / weight.sum() == pytest.approx(plan["recommended"]["weight"])
    for label in ("c0", "c1"):  # both groups weigh the same
        assert weight[own.labels == label].sum() / weight.sum() == pytest.approx(0.5)
    if external:
        given = {tuple(row) for row in read_table(made, "y").features.tolist()}
        assert {tuple(row) for row in own.features[new, :3].tolist()} <= given


def test_real_rows_are_written_as_they_stand_and_fractions_among_whole_numbers_are_told(
    small, tmp_path, capsys
):
    x, label = small
    days = np.round(20_000 + 50 * x[:, 0]).astype(int)
    lines = [f"{a},{b:.3f},{c:.3f},c{y}" for a, (_, b, c), y in zip(days, x, label, strict=True)]
    table, out = tmp_path / "t.csv", tmp_path / "train.csv"
    table.write_text("\n".join(["day,b,c,y", *lines]) + "\n")
    command = ["plan", str(table), "--label", "y", "--generator", "gaussian-pooled"]
    assert main([*command, "--bootstrap", "20", "--write", str(out)]) == 0
    written = out.read_text().splitlines()[1:]
    assert [line.rsplit(",", 2)[0] for line in written[: len(lines)]] == lines
    assert "fractions in its synthetic rows: 'day'\n" in capsys.readouterr().out
    assert all("." in line.split(",")[0] for line in written[len(lines) :])


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        (None, [], "no such file"),
        ("", [], "is empty"),
        ("x,y\n1,a\n2\n", [], "line 3: got 1 column, expected 2"),
        ("x,y\n1,a\nred,b\n", [], "line 3, column 'x': got 'red', expected a number"),
        ("x,y\n1,a\nnan,b\n", [], "expected a finite number"),
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


def test_the_command_offers_the_planner_s_generators():
    """It names them itself, since the planner takes a second to import."""
    assert command_plan._NAMES == NAMES


def test_the_figure_draws_what_the_plan_holds(small):
    x, label = small
    plan = plan_table(x, label, generators=["smote", "gaussian-pooled"], bootstrap=20)
    payload = as_dict(plan)
    left, right = draw_plan(payload).axes
    names = [text.get_text() for text in left.get_yticklabels()]
    assert names == [f"{c.name} {c.source}".strip() for c in plan.choices]
    drawn = {float(line.get_xdata()[0]) for line in left.lines if len(line.get_xdata()) == 1}
    assert {c.excess.value for c in plan.choices} <= drawn
    curves = [line for line in right.lines if len(line.get_xdata()) == 81]
    for line, own in zip(curves, payload["curves"], strict=True):
        np.testing.assert_array_equal(line.get_ydata(), own["excess"])


def test_the_recommendation_looks_like_nothing_else_in_the_figure(small):
    x, label = small
    plan = plan_table(x, label, generators=["smote", "gaussian-pooled"], bootstrap=20)
    payload = as_dict(plan)
    curve = payload["curves"][0]
    payload["curves"] = [curve | {"source": f"generator {k}"} for k in range(7)]
    choices = [own for own in payload["designs"] if own["name"] in ("weighting", "weight+add")]
    for chosen in choices:
        left, right = draw_plan(payload | {"recommended": chosen}).axes
        place = payload["designs"].index(chosen)
        (star,) = (line for line in left.lines if line.get_marker() == "*")
        assert (star.get_xdata()[0], star.get_ydata()[0]) == (chosen["excess"]["value"], place)
        bold = [k for k, t in enumerate(left.get_yticklabels()) if t.get_fontweight() == "bold"]
        assert bold == [place]
        stars = [line for line in right.lines if line.get_marker() == "*"]
        assert [line.get_xdata()[0] for line in stars] == [chosen["size"]] * bool(chosen["size"])
        others = {
            line.get_color() for line in (*left.lines, *right.lines)
            if line.get_linestyle() != "None" or line.get_marker() in "ox"
        }  # fmt: skip
        assert star.get_color() not in others
