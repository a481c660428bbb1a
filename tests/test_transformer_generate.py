"""Generation from a user's seeds: what comes out, and what is refused and how."""

import csv

import jax
import numpy as np
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate.arguments import check_new
from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.transformer_toy import checkpoint, constructed, generate, seeds
from synthetic_oversampling.transformer_toy.rows.training import load

KEY = jax.random.key(5)


@pytest.fixture(scope="module")
def shipped():
    return load(checkpoint.SHIPPED_ROWS)


@pytest.fixture(scope="module")
def given():
    """Two correlated groups in unequal units and sizes."""
    rng = np.random.default_rng(2)
    root = np.array([[3.0, 0.0, 0.0], [0.02, 0.01, 0.0], [10.0, -20.0, 50.0]])
    major = np.array([5.0, 0.1, 900.0]) + rng.normal(size=(300, 3)) @ root.T
    minor = np.array([9.0, 0.13, 800.0]) + rng.normal(size=(40, 3)) @ root.T
    return seeds.from_arrays(np.concatenate([major, minor]), np.repeat(["no", "yes"], [300, 40]))


def _all(model, given, counts, **options):
    parts = list(generate.generate(model, given, counts, key=KEY, **options))
    return {
        label: np.concatenate([x for one, x in parts if one == label])
        for label in dict.fromkeys(one for one, _ in parts)
    }


def test_units_do_not_matter(shipped, given):
    scale, shift = np.array([1e-3, 250.0, 7.0]), np.array([4.0, -1e3, 0.5])
    other = given._replace(features=given.features * scale + shift)
    one = _all(shipped, given, {"yes": 50})["yes"]
    two = _all(shipped, other, {"yes": 50})["yes"]
    spread = (given.features * scale).std(axis=0)
    assert np.abs((one * scale + shift - two) / spread).max() < 1e-4  # float32 network


def test_the_order_of_seeds_changes_nothing_beyond_rounding(shipped, given):
    order = np.random.default_rng(0).permutation(len(given.labels))
    mixed = given._replace(features=given.features[order], labels=given.labels[order])
    one = _all(shipped, given, {"yes": 50})["yes"]
    two = _all(shipped, mixed, {"yes": 50})["yes"]
    assert np.abs((one - two) / given.features.std(axis=0)).max() < 1e-4


def test_balancing_brings_every_group_to_the_largest(shipped, given):
    assert generate.balanced_counts(given) == {"no": 0, "yes": 260}
    assert {k: len(v) for k, v in _all(shipped, given, None).items()} == {"yes": 260}


def test_batches_are_of_constant_size_however_many_samples_are_asked(shipped, given):
    parts = generate.generate(shipped, given, {"yes": 10**12}, key=KEY, batch=1000)
    first, second = next(parts)[1], next(parts)[1]
    assert first.shape == second.shape == (1000, 3)
    assert not np.array_equal(first, second)


def test_the_same_key_gives_the_same_samples_and_another_gives_others(shipped, given):
    one = _all(shipped, given, {"yes": 10})["yes"]
    assert np.array_equal(one, _all(shipped, given, {"yes": 10})["yes"])
    other = list(generate.generate(shipped, given, {"yes": 10}, key=jax.random.key(6)))[0][1]
    assert not np.array_equal(one, other)


def _csv(tmp_path, text, name="seeds.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


GOOD = "a,b,kind\n" + "".join(f"{i * 0.7 % 3},{i * i % 7},{'xy'[i % 5 == 0]}\n" for i in range(20))


@pytest.mark.parametrize(
    "text, word",
    [
        (None, "no such file"),
        ("", "is empty"),
        ("a,b,kind\n", "no seeds"),
        ("a,b\n1,2\n", "no column 'kind'"),
        ("kind\nx\n", "no feature columns"),
        ("a,a,kind\n1,2,x\n", "appears twice"),
        (GOOD + "1,2\n", "line 22: got 2 columns, expected 3"),
        (
            GOOD + "1,high,x\n",
            "column 'b': 20 of 21 cells (95 %) are numbers, but not line 22: 'high'",
        ),
        (GOOD + "1,,x\n", "column 'b': 20 of 21 cells (95 %) are numbers, but not line 22: ''"),
        (GOOD + "1,nan,x\n", "finite"),
        (GOOD + "1,inf,x\n", "finite"),
        (GOOD + "1,2, \n", "label is empty"),
        (b"a,kind\n\xff\xfe\x00,1\n", "cannot be read"),
        ("a,b,kind\n1,2,x\n2,3,y\n", "degrees of freedom"),
        ("a,kind\n1,x\n1,x\n1,y\n", "does not vary"),
        ("a,b,kind\n1,2,x\n2,4,x\n5,10,y\n7,14,y\n", "collinear"),
    ],
)
def test_bad_seed_files_end_with_a_message_and_status_2(tmp_path, capsys, text, word):
    path = tmp_path / "seeds.csv" if text is None else _csv(tmp_path, text)
    out = tmp_path / "out.csv"
    status = main(["generate", str(path), "--label", "kind", "--out", str(out), "--each", "3"])
    captured = capsys.readouterr()
    assert status == 2 and word in captured.err, captured.err
    assert not out.exists() and "Traceback" not in captured.err
    assert [one for one in tmp_path.iterdir() if one != path] == []


def test_the_command_writes_a_csv_like_the_seeds(tmp_path, capsys):
    path = _csv(tmp_path, GOOD.replace("kind", '"kind, of thing"'))
    out = tmp_path / "out.csv"
    command = ["generate", str(path), "--label", "kind, of thing", "--out", str(out)]
    assert main([*command, "--count", "y=7", "--count", "x=2", "--batch", "3"]) == 0
    with out.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["a", "b", "kind, of thing"]
    assert [row[2] for row in rows[1:]] == ["y"] * 7 + ["x"] * 2
    assert np.isfinite([[float(cell) for cell in row[:2]] for row in rows[1:]]).all()
    first = out.read_bytes()
    assert main([*command, "--each", "2"]) == 2 and "is there already" in capsys.readouterr().err
    assert out.read_bytes() == first
    assert main([*command, "--count", "y=7", "--count", "x=2", "--batch", "3", "--overwrite"]) == 0
    assert out.read_bytes() == first, "the same seed writes the same file"


@pytest.mark.parametrize(
    "options, word",
    [
        (["--count", "z=3"], "group 'z' has no seeds"),
        (["--each", "0"], "nothing to generate"),
        (["--each", "2", "--batch", "0"], "batch"),
        (["--checkpoint", "{seeds}"], "not a readable safetensors"),
        (["--checkpoint", "{folder}/none.safetensors"], "no such file"),
        (["--checkpoint", "{folder}/mean.safetensors"], "expected one of a network for whole rows"),
    ],
)
def test_bad_requests_end_with_a_message_and_status_2(tmp_path, capsys, options, word):
    folder = tmp_path / "models"
    folder.mkdir()
    network = constructed.location(5)
    target = folder / "mean.safetensors"
    checkpoint.save_model(target, network.params, network.task, network.arch)
    path = _csv(tmp_path, GOOD)
    options = [one.format(seeds=path, folder=folder) for one in options]
    out = tmp_path / "out.csv"
    status = main(["generate", str(path), "--label", "kind", "--out", str(out), *options])
    captured = capsys.readouterr()
    assert status == 2 and word in captured.err, captured.err
    assert not out.exists()


def test_the_seeds_are_never_overwritten(tmp_path, capsys):
    path = _csv(tmp_path, GOOD)
    status = main(
        ["generate", str(path), "--label", "kind", "--out", str(path), "--overwrite", "--each", "2"]
    )
    assert status == 2 and "over a file that the command reads" in capsys.readouterr().err
    assert path.read_text() == GOOD


@pytest.mark.parametrize(
    "features, labels, word",
    [
        (np.ones(3), np.arange(3), "shape"),
        (np.ones((3, 2)), np.arange(2), "3, 2"),
        (np.ones((0, 2)), np.arange(0), "at least 1"),
        (np.array([["a"], ["b"]]), np.arange(2), "array of numbers"),
        (np.array([[1.0], [np.nan]]), np.arange(2), r"features\[1, 0\]"),
    ],
)
def test_bad_arrays_are_refused(features, labels, word):
    with pytest.raises(seeds.SeedError, match=word):
        seeds.from_arrays(features, labels)


def test_a_failed_write_leaves_no_file(tmp_path, given):
    def broken():
        yield "yes", np.ones((2, 3))
        raise OSError(28, "No space left on device")

    with pytest.raises(ArtifactError, match="No space left"):
        generate.write_csv(tmp_path / "out.csv", given, broken(), 4)
    assert list(tmp_path.iterdir()) == []


def test_samples_are_written_where_every_command_writes_and_refused_in_the_same_words(
    tmp_path, given
):
    def refused(call):
        with pytest.raises((ValueError, ArtifactError)) as error:
            call()
        return type(error.value), str(error.value)

    there = tmp_path / "folder" / "out.csv"
    generate.write_csv(there, given, iter([]), 0)  # the folder is made, as by the other commands
    for path in (there, there.parent, there / "below.csv"):
        refusal = refused(lambda path=path: generate.write_csv(path, given, iter([]), 0))
        assert refusal == refused(lambda path=path: check_new(path, overwrite=False))
    generate.write_csv(there, given, iter([]), 0, overwrite=True)


def test_the_command_trains_a_network_and_refuses_what_is_none(tmp_path, capsys):
    net = tmp_path / "net.safetensors"
    tiny = ["--steps", "2", "--chunk", "1", "--groups", "2", "--max-count", "4"]
    assert main(["train", "unknown_mean", "--set", "dim=2", "--out", str(net), *tiny]) == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["net.safetensors"]
    assert checkpoint.load_model(net).about["recipe"]["steps"] == 2
    assert main(["train", "unknown_mean", "--set", "dim=0", "--out", str(net)]) == 2
    assert main(["train", "unknown_mean", "--set", "legs=4", "--out", str(net)]) == 2
    assert main(["train", "unknown_mean", "--out", str(tmp_path / "no" / "x")]) == 2
    before = net.read_bytes()
    assert main(["train", "unknown_mean", "--out", str(net), *tiny]) == 2  # as generate does
    assert main(["evaluate", str(net), "--out", str(net)]) == 2
    assert net.read_bytes() == before
    assert capsys.readouterr().err.count("Traceback") == 0


def test_columns_keep_their_kind_unless_rows_are_asked_for_as_drawn(tmp_path):
    rng = np.random.default_rng(3)
    size, kids, flag = rng.lognormal(size=60), rng.poisson(9, 60), rng.integers(0, 2, 60)
    path = tmp_path / "seeds.csv"
    lines = [
        f"{a:.4f},{40 + b},{c},{'x' if k % 2 else 'y'}"
        for k, (a, b, c) in enumerate(zip(size, kids, flag, strict=True))
    ]
    path.write_text("\n".join(["size,days,flag,kind", *lines]) + "\n")
    found = {}
    for name, options in (("kept", []), ("drawn", ["--as-drawn"])):
        out = tmp_path / f"{name}.csv"
        command = ["generate", str(path), "--label", "kind", "--out", str(out), "--each", "200"]
        assert main([*command, *options]) == 0
        found[name] = np.loadtxt(out, delimiter=",", skiprows=1, usecols=(0, 1, 2))
    kept, drawn = found["kept"], found["drawn"]
    np.testing.assert_array_equal(kept[:, 1:], np.rint(kept[:, 1:]))
    assert set(kept[:, 2]) == {0.0, 1.0} and kept[:, 0].min() >= np.round(size.min(), 4)
    assert drawn[:, 0].min() < 0 and len(set(drawn[:, 2])) > 100
    assert len(set(drawn[:, 1])) > 100 and kept[:, 1].min() >= 40 + kids.min()
