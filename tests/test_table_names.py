"""Headers and names of groups that would be misread are refused, and say what may be meant."""

import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.__main__ import main as command_line
from synthetic_oversampling.practice.rows.reading import read_csv
from synthetic_oversampling.simulate.tables.names import check_header, check_names, meant
from synthetic_oversampling.simulate.tables.reading import TableError, read_table


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ("0 1 1.0", "'1' and '1.0', the same number written in two ways"),
        ("1e0 0 1", "'1e0' and '1', the same number"),
        ("yes no NaN", "'NaN' in 1 of 3 rows, which means a missing value"),
        ("NA a b", "'NA' in 1 of 3 rows"),
    ],
)
def test_a_group_written_in_two_ways_or_missing_is_refused_everywhere(tmp_path, labels, match):
    path = tmp_path / "t.csv"
    path.write_text("x,s,y\n" + "".join(f"{k},{name},a\n" for k, name in enumerate(labels.split())))
    for read in (read_table, read_csv):
        with pytest.raises(TableError, match=f"t.csv, column 's': got {match}"):
            read(path, "s")
        with pytest.raises(TableError, match=f"t.csv, column 's': got {match}"):
            read(path, "y", "s")


def test_names_that_are_plain_are_taken():
    for names in (["0", "1"], ["0.0", "1.0"], ["True", "False"], ["None", "mild"], ["01a", "1a"]):
        check_names(names * 3)
    for header in (("x", "y"), ("0", "1", "2"), ("0.5", "0.9", "label")):
        check_header(header)


def test_a_header_that_is_none_is_refused():
    for header, match in (
        (("", "x", "y"), r"column 1 of 3 has no name.*index=False"),
        (("x", "x", "y"), "'x' appears twice"),
        (("0.5", "-1.25", "0"), "expected the columns' names"),
    ):
        with pytest.raises(ValueError, match=match):
            check_header(header)


def test_what_may_be_meant_is_said():
    header = ("mean_radius", "diagnosis")
    assert meant("Diagnosis", header).endswith("Did you mean 'diagnosis'?")
    assert meant("diagnose", header).endswith("Did you mean 'diagnosis'?")
    assert "mean 'mean_radius'" not in meant("zzz", header) and "Did you" not in meant("zz", header)
    assert "separated by semicolons" in meant("y", ("x;y",))
    many = tuple(f"x{k}" for k in range(40))
    assert "and 10 more" in meant("q", many)


def test_a_table_is_never_written_over_by_its_plan(tmp_path, capsys):
    path = _table(tmp_path)
    before = path.read_bytes()
    for option in ("--write", "--json"):
        assert main(["plan", str(path), "--label", "y", option, str(path), "--overwrite"]) == 2
        assert "would be written over a file that the command reads" in capsys.readouterr().err
    other = tmp_path / "mine.csv"
    other.write_text("mine")
    assert main(["plan", str(path), "--label", "y", "--write", str(other)]) == 2
    assert "pass --overwrite" in capsys.readouterr().err
    assert path.read_bytes() == before and other.read_text() == "mine"


def _table(folder):
    path = folder / "t.csv"
    path.write_text("x,y\n" + "".join(f"{k % 7},{k % 2}\n" for k in range(40)))
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["resample", "FILE", "--label", "y", "--out", "FILE"],
        ["language-model", "FILE", "--label", "y", "--model", "character", "--out", "FILE"],
        ["copies", "FILE", "--label", "y", "--train", "t", "--test", "t", "--clean", "FILE"],
    ],
    ids=lambda command: command[0],
)
def test_no_command_writes_over_what_it_reads_by_whatever_name(tmp_path, capsys, command):
    path, alias = _table(tmp_path), tmp_path / "alias.csv"
    alias.hardlink_to(path)
    before = path.read_bytes()
    for out in (path, tmp_path / "." / "x" / ".." / "t.csv", alias):
        (tmp_path / "x").mkdir(exist_ok=True)
        words = [str(path) if word == "FILE" else word for word in command[:-1]]
        assert command_line([*words, str(out), "--overwrite"]) == 2
        assert "over a file that the command reads" in capsys.readouterr().err
    assert path.read_bytes() == before
