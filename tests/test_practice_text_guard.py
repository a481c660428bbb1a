"""Rows of a language model on a table with categories: exact and near copies, and the whole way."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.benchmark import run as benchmark
from synthetic_oversampling.practice.rows import datasets
from synthetic_oversampling.practice.text.character_model import CharacterModel
from synthetic_oversampling.practice.text.language_model import generate_rows
from synthetic_oversampling.practice.text.row_text import parse_rows, schema_of
from synthetic_oversampling.practice.text.text_guard import guard, read_test
from synthetic_oversampling.simulate.tables.reading import Line, TableError, read_lines

HEADER = ("height", "zone", "kind", "y")


def _lines(count=80, seed=0):
    """A number, codes of a zone, a kind, and the label; every fourth row is rare."""
    rng = np.random.default_rng(seed)
    return [
        Line(
            k + 2,
            {
                "height": f"{rng.normal(1.5 if k % 4 else 2.5, 0.3):.3f}",
                "zone": str(rng.integers(1, 4)),
                "kind": str(rng.choice(["oak", "elm, old"])),
                "y": "no" if k % 4 else "yes",
            },
        )
        for k in range(count)
    ]


def _write(path, lines):
    table = pd.DataFrame([line.cells for line in lines])
    table.to_csv(path, index=False)
    return str(path)


class _Says:
    """A model that writes given rows."""

    def __init__(self, rows):
        self.text = "".join(f'{r["height"]},{r["zone"]},"{r["kind"]}",{r["y"]}\n' for r in rows)

    def complete(self, prompt, *, n, seed):
        return [self.text] * n


def test_declared_codes_are_categories_in_the_schema_and_the_strict_reader():
    plain, declared = (
        schema_of(HEADER, _lines(), ("y",), columns).columns[1] for columns in ([], ["zone"])
    )
    assert plain.low == 0.0 and plain.whole and not plain.kinds
    assert declared.kinds == {"1", "2", "3"} and declared.low is None
    text = "1.5,4,oak,no\n1.5,1.0,oak,no\n1.5,2,ash,no\n1.5,2,oak,no\n"
    schema = schema_of(HEADER, _lines(), ("y",), ["zone"])
    parsed = parse_rows(schema, {"y": "no"}, text)
    assert parsed.rows == [{"height": "1.5", "zone": "2", "kind": "oak", "y": "no"}]
    assert parsed.rejected == Counter({"unknown category": 3})


def test_exact_and_near_copies_are_told_apart_by_what_the_model_had_seen():
    """Near: 0.0001 away, when real rows of one kind and zone are about 0.05 apart."""
    lines, test = _lines(), [line.cells for line in _lines(60, seed=1)]
    first = generate_rows(_Says([]), HEADER, lines, ("y",), 0, categorical=["zone"])
    near = first.unseen[0] | {"height": f"{float(first.unseen[0]['height']) + 1e-4:.4f}"}
    stolen, moved = test[0], test[1] | {"zone": "3" if test[1]["zone"] == "1" else "1"}
    fresh = {"height": "1.9999", "zone": "2", "kind": "oak", "y": near["y"]}
    rows = [row | {"y": near["y"]} for row in (near, stolen, moved, fresh)]
    made = generate_rows(
        _Says(rows), HEADER, lines, ("y",), {(near["y"],): 4}, categorical=["zone"]
    )
    assert made.rows == rows and made.report.copied_unseen == made.report.copied_shown == 0
    found = guard(made._replace(shown=first.shown, unseen=first.unseen), test)
    assert found.unseen.near.tolist() == [True, False, False, False]
    assert found.test.exact.tolist() == [False, True, False, False]
    assert found.clean("test").tolist() == (~found.test.flagged).tolist()
    assert not found.clean("test")[1] and not found.clean("any")[:2].any()
    assert 0.0 <= found.test.by_chance < 0.5 and 0.0 <= found.shown.by_chance < 0.5


def test_a_test_file_is_held_to_the_columns_of_the_seeds(tmp_path):
    schema = schema_of(HEADER, _lines(), ("y",), ["zone"])
    path = _write(tmp_path / "test.csv", _lines(20, 1))
    assert len(read_test(schema, *read_lines(path, "y"), path)) == 20
    (tmp_path / "other.csv").write_text("height,y\n1,no\n")
    with pytest.raises(TableError, match="differ .* in 'kind', 'zone'"):
        read_test(schema, *read_lines(tmp_path / "other.csv", "y"), "other.csv")


def test_the_command_reports_copies_of_a_test_file_and_removes_them(tmp_path, capsys, monkeypatch):
    """The test file is made of rows that the seeded model writes, so some must be found."""
    seeds, out = _write(tmp_path / "seeds.csv", _lines()), tmp_path / "syn.csv"
    command = [
        "language-model",
        seeds,
        "--label",
        "y",
        "--model",
        "character",
        "--rows",
        "12",
        "--categorical",
        "zone",
        "--out",
        str(out),
    ]
    assert main(command) == 0
    shown = capsys.readouterr().out
    for what in ("copies of rows shown; expected", "copies of rows never shown; expected"):
        assert what in shown
    assert main(command) == 2 and "pass --overwrite" in capsys.readouterr().err
    made = [line.cells for line in read_lines(out, "y")[1]]
    assert Counter(row["y"] for row in made) == {"no": 12, "yes": 12}
    assert {row["zone"] for row in made} <= {"1", "2", "3"}
    rest = [line.cells for line in _lines(40, 7)]
    test = _write(tmp_path / "test.csv", [Line(0, row) for row in made[:5] + rest])
    guarded = [*command, "--overwrite", "--test", test]
    assert main(guarded) == 0
    shown = capsys.readouterr().out
    assert "24 rows: 5 exact copies and" in shown and f"test rows ({test})" in shown
    assert "24 rows written" in shown
    assert main([*guarded, "--remove", "test"]) == 0
    shown = capsys.readouterr().out
    kept = [line.cells for line in read_lines(out, "y")[1]]
    removed = int(shown.split(" copies removed")[0].splitlines()[-1])
    assert removed >= 5 and len(kept) == 24 - removed
    assert not any(row in kept for row in made[:5])
    assert main([*guarded, "--remove", "any"]) == 0
    assert len(read_lines(out, "y")[1]) <= len(kept)


def test_generated_rows_with_categories_go_all_the_way_to_the_benchmark(tmp_path, capsys):
    folder = tmp_path / "trees"
    folder.mkdir()
    _write(folder / "train.csv", _lines(100))
    _write(folder / "test.csv", _lines(80, 5))
    command = ["language-model", str(folder / "train.csv"), "--label", "y", "--rows", "40",
               "--model", "character", "--test", str(folder / "test.csv"), "--out",
               str(folder / "synthetic.csv"), "--categorical", "zone", "--attempts", "200",
               "--remove", "test"]  # fmt: skip
    assert main(command) == 0
    capsys.readouterr()
    (data,) = datasets.from_folder(folder, "y", categorical=["zone"])
    assert data.levels == (3, 2) and data.numbers.shape[1] == 1
    methods = ("raw", "supplied", "smotenc")
    plan = benchmark.Plan(seeds=2, methods=methods, classifiers=("logistic",))
    (task,) = benchmark.tasks([data], ["imbalance"])
    found = benchmark.run_seed(task, plan, 0)
    assert found["added"]["supplied"] >= 20 and found["categories"]
    assert found["copies"]["supplied"]["test"]["exact"] == 0
    files = [str(folder / f"{name}.csv") for name in ("synthetic", "train", "test")]
    assert main(["copies", files[0], "--label", "y", "--categorical", "zone", "--train", files[1],
                 "--test", files[2]]) == 0  # fmt: skip
    assert ": 0 exact copies and 0 near copies of test rows" in capsys.readouterr().out


def test_a_model_trained_on_text_of_a_group_writes_its_categories():
    lines = [line for line in _lines() if line.cells["y"] == "yes"]
    schema = schema_of(HEADER, lines, ("y",), ["zone"])
    text = [f'{r["height"]},{r["zone"]},"{r["kind"]}",yes' for r in (x.cells for x in lines)]
    made = generate_rows(
        CharacterModel.trained(text), HEADER, lines, ("y",), 10, categorical=["zone"]
    )
    assert {row["kind"] for row in made.rows} <= schema.columns[2].kinds
