"""Numbers or categories: a typing error in a column of numbers is found, never read as a kind."""

import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.rows.cells import ColumnWarning, are_numbers, column_kinds
from synthetic_oversampling.practice.rows.columns import read_columns
from synthetic_oversampling.practice.rows.reading import read_csv, read_csvs
from synthetic_oversampling.simulate.tables.reading import Line, TableError, is_number, read_table


def _kinds(cells, **options):
    lines = [Line(k + 2, {"x": cell, "y": "ab"[k % 2]}) for k, cell in enumerate(cells)]
    return column_kinds(("x", "y"), lines, ("y",), **options)["x"]


def _rows(count=60, seed=0):
    """Lines of a mixed table: a number, a whole number, codes, a kind, a label."""
    rng = np.random.default_rng(seed)
    return [
        f"{rng.normal() + k % 4 // 3:.3f},{rng.integers(20, 60)},{rng.integers(1, 4)},"
        f"{rng.choice(['red', 'green'])},{'no' if k % 4 else 'yes'}"
        for k in range(count)
    ]


def _file(path, rows):
    path.write_text("\n".join(["x,age,code,kind,y", *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize("cell", ["1.2x", "n/a", "1,5", "?", "-", "1 2", "1_000", "inf", "١", "5%"])
def test_one_cell_that_is_no_number_is_an_error_with_its_place_and_a_remedy(cell):
    cells = [str(k / 10) for k in range(200)]
    assert _kinds(cells) is True
    cells[41] = cells[99] = cell
    with pytest.raises(TableError) as error:
        _kinds(cells, path="data.csv")
    said = str(error.value)
    assert "data.csv: column 'x': 198 of 200 cells (99 %) are numbers" in said
    assert f"line 43: {cell!r}, line 101: {cell!r}" in said and "--categorical x" in said
    assert _kinds(cells, categorical=["x"]) is False


def test_an_empty_cell_is_an_error_in_every_column_declared_or_not():
    for categorical in ([], ["x"]):
        with pytest.raises(TableError, match="line 4, column 'x': the cell is empty; empty are 1"):
            _kinds(["1", "2", "", "3"], categorical=categorical)


@given(share=st.integers(0, 20), seed=st.integers(0, 99))
def test_half_of_the_cells_decide_and_nothing_mixed_passes_without_a_word(share, seed):
    rng = np.random.default_rng(seed)
    cells = rng.permutation([str(k) for k in range(share)] + ["red"] * (20 - share)).tolist()
    if share == 20:
        assert _kinds(cells)
    elif share >= 10:
        with pytest.raises(TableError, match=f"{share} of 20 cells"):
            _kinds(cells)
    elif share:
        with pytest.warns(ColumnWarning, match=f"numbers in only {share} of 20 cells"):
            assert not _kinds(cells)
    else:
        assert not _kinds(cells)


def test_numbers_written_otherwise_dates_and_missing_values_are_not_categories():
    for cells, match in (
        (["1,5", "2,5", "3,5"], "0 of 3 cells"),
        (["10%", "20%", "3"], "1 of 3 cells"),
        (["2024-01-05", "2024-02-05 10:00", "2024-03-05"], "holds dates"),
        (["a", "b", "NA"], "a missing value is meant in 1 of 3 cells .line 4: 'NA'"),
    ):
        with pytest.raises(TableError, match=match):
            _kinds(cells)
        assert not _kinds(cells, categorical=["x"])
    with pytest.warns(ColumnWarning, match="30 categories in 30 rows"):
        _kinds([f"person {k}" for k in range(30)])
    with pytest.raises(TableError, match="no column 'z'"):
        _kinds(["1", "2"], categorical=["z"])


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_every_number_that_python_writes_is_one(value):
    assert is_number(repr(value)) or not np.isfinite(float(value))


def test_few_whole_numbers_stay_numbers_unless_declared(tmp_path):
    path = _file(tmp_path / "a.csv", _rows())
    kinds = read_csv(path, "y").dtypes.astype(str).to_dict()
    assert kinds == {
        "x": "float64",
        "age": "int64",
        "code": "int64",
        "kind": "category",
        "y": "object",
    }
    assert read_csv(path, "y", categorical=["code"])["code"].dtype == "category"
    assert read_csv(path, "y", "code")["code"].dtype == "category"
    for options, match in (
        ({"categorical": ["y"]}, "is the label"),
        ({"attribute": "y"}, "both label and attribute"),
        ({"attribute": "z"}, "no column 'z'"),
    ):
        with pytest.raises(TableError, match=match):
            read_csv(path, "y", **options)


def test_further_files_are_held_to_the_first(tmp_path):
    first = _file(tmp_path / "a.csv", _rows())
    rows = ["1.2x" + row[row.index(",") :] for row in _rows(200)]
    with pytest.raises(
        TableError, match=r"b.csv: column .x.: 0 of 200 .* in the first file all are"
    ):
        read_csvs([first, _file(tmp_path / "b.csv", rows)], "y")
    (tmp_path / "c.csv").write_text("x,age,y\n1,2,no\n")
    with pytest.raises(TableError, match="differ .* in 'code', 'kind'"):
        read_csvs([first, tmp_path / "c.csv"], "y")


@pytest.mark.parametrize("value", ["1.2x", "n/a", "1,5", ""])
def test_no_command_reads_a_typing_error_as_a_category(tmp_path, capsys, value):
    good = _file(tmp_path / "good.csv", _rows())
    rows = _rows()
    rows[7] = (f'"{value}"' if "," in value else value) + rows[7][rows[7].index(",") :]
    bad = _file(tmp_path / "bad.csv", rows)
    out = str(tmp_path / "out.csv")
    for command in (
        ["resample", bad, "--out", out],
        ["benchmark", bad, "--out", str(tmp_path / "report")],
        ["recalibrate", bad],
        ["copies", bad, "--train", good, "--test", good],
        ["copies", good, "--train", good, "--test", bad],
        ["language-model", bad, "--model", "character", "--out", out],
        ["language-model", good, "--model", "character", "--test", bad, "--out", out],
    ):
        assert main([*command, "--label", "y"]) == 2, command
        error = capsys.readouterr().err
        assert "bad.csv" in error and "line 9" in error and "'x'" in error, command
        assert "59 of 60 cells (98 %)" in error or not value
    if value:
        assert main(["resample", bad, "--out", out, "--label", "y", "--categorical", "x"]) == 0


def test_a_column_of_mostly_text_is_read_with_a_note_on_the_terminal(tmp_path, capsys):
    rows = _rows()
    rows[3] = rows[3].replace("red", "7").replace("green", "7")
    path = _file(tmp_path / "a.csv", rows)
    assert main(["resample", path, "--label", "y", "--out", str(tmp_path / "o.csv")]) == 0
    error = capsys.readouterr().err
    note = "note: column 'kind' is read as categories: numbers in only 1 of 60 cells"
    assert error.count(note) == 1
    assert ".py" not in error


def test_the_same_rule_holds_for_tables_from_python():
    text = pd.DataFrame({"a": [f"{k / 7:.3f}" for k in range(30)], "b": np.arange(30.0)})
    assert read_columns(text).categorical == (0,)  # all of it text: codes
    broken = text.assign(a=[*text["a"][:29], "1.2x"])
    with pytest.raises(ValueError, match=r"29 of 30 .* row 29: '1.2x'.*categorical_features=\['a'"):
        read_columns(broken)
    assert read_columns(broken, ["a"]).categorical == (0,)
    mixed = text.assign(a=pd.Series([1.5, "2"] * 15, dtype=object))
    with pytest.raises(ValueError, match="mixes numbers and texts"):
        read_columns(mixed)
    with pytest.raises(ValueError, match="29 of 30"):
        read_columns(text.assign(a=pd.Series([*range(29), "x"], dtype=object)))
    for values in ([1, 2, 3] * 10, [1.5, 2, 3] * 10, [decimal.Decimal("1.5")] * 30):
        found = read_columns(text.assign(a=pd.Series(values, dtype=object)))
        assert found.numeric == (0, 1)


def test_labels_that_hardly_repeat_are_no_classes(tmp_path, capsys):
    path = _file(tmp_path / "a.csv", _rows())
    assert main(["resample", path, "--label", "x", "--out", str(tmp_path / "o.csv")]) == 2
    assert "different labels in 60 rows, expected the names of a few" in capsys.readouterr().err
    assert read_csv(path, "code").shape == (60, 5)


def test_tables_of_numbers_alone_say_how_many_cells_are_numbers(tmp_path):
    """What `simulate plan` and `transformer_toy generate` read."""
    rows = [f"{k / 7:.3f},{'ab'[k % 2]}" for k in range(50)]
    rows[6] = "1.2x,a"
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    with pytest.raises(
        TableError, match=r"column 'x': 49 of 50 cells .98 %. .* not line 8: '1.2x'"
    ):
        read_table(path, "y")


def test_are_numbers_names_three_places_at_most():
    with pytest.raises(TableError, match="4: 'x', 5: 'x', 6: 'x', and 1 more. Correct"):
        are_numbers("a", ["1"] * 4 + ["x"] * 4, str, "--categorical a")
