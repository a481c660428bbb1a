"""Forged, wide and drawn files: refused like damaged ones, read in time, the same each time."""

import copy
import json
import random
import time

import jax
import numpy as np
import pytest
import toy_verify

from synthetic_oversampling.figures import style
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.results import (
    Slot,
    load_result,
    open_folder,
    save_result,
)
from synthetic_oversampling.simulate.tables.reading import TableError, read_table
from synthetic_oversampling.transformer_toy import checkpoint
from synthetic_oversampling.transformer_toy.checkpoint import CheckpointError

pytestmark = pytest.mark.usefixtures("as_installed")
KEY = jax.random.key(8)
WORDS = tuple(int(word) for word in jax.random.key_data(KEY))
SLOT = Slot(experiment="toy/third", replicates=333, block=16, key_data=WORDS, keep=("square",))
OTHERS = (None, True, -1, 10**400, 1.5, "x", [], [[]], {}, {"nonfinite": "bogus"}, [1, "a"])


def _forge(path, body):
    """Write a body with the checksum that belongs to it."""
    body = {name: value for name, value in body.items() if name != "sha256"}
    path.write_text(json.dumps(body | {"sha256": artifacts._checksum(body)}))


def _damaged(body, rng):
    """The body with one entry, anywhere in it, left out or replaced."""
    body = copy.deepcopy(body)
    place = body
    while True:
        names = list(place) if isinstance(place, dict) else list(range(len(place)))
        name = rng.choice(names)
        inner = place[name]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.7:
            place = inner
            continue
        if rng.random() < 0.4:
            del place[name]
        else:
            place[name] = rng.choice([other for other in OTHERS if other != inner])
        return body


@pytest.mark.parametrize("name", ["kind", "configuration", "seed", "versions", "payload"])
def test_an_artifact_without_a_part_or_with_one_of_the_wrong_kind_is_named(tmp_path, name):
    path = artifacts.save(tmp_path / "a.json", {"z": 1}, kind="demo", configuration={}, seed=3)
    body = json.loads(path.read_text())
    _forge(path, {key: value for key, value in body.items() if key != name})
    with pytest.raises(ArtifactError, match=f"{name}.*compute it again"):
        artifacts.load(path, kind="demo")
    if name == "payload":
        return  # of any kind
    for wrong in (None, True, [], "x" if name != "kind" else 1):
        _forge(path, body | {name: wrong})
        with pytest.raises(ArtifactError, match=f"{name}.*compute it again"):
            artifacts.load(path, kind="demo")


@pytest.mark.parametrize("bogus", ["bogus", 1, None, [], {}])
def test_a_bogus_number_that_is_not_finite_is_named(tmp_path, bogus):
    path = artifacts.save(tmp_path / "a.json", {"z": 1}, kind="demo", configuration={}, seed=3)
    body = json.loads(path.read_text())
    for part in ("configuration", "payload"):
        _forge(path, body | {part: {"z": [{"nonfinite": bogus}]}})
        with pytest.raises(ArtifactError, match="expected one of NaN, Infinity"):
            artifacts.load(path, kind="demo")


def test_any_forged_entry_of_a_stored_result_leads_to_its_being_computed_again(tmp_path):
    """One that changes no more than a number cannot be told from a result; all else can."""
    said, rng = [], random.Random(1)
    folder = open_folder(tmp_path / "run", seed=3, warn=said.append)
    whole = monte_carlo.run(
        toy_verify.FUNCTIONS["third"], key=KEY, replicates=333, keep=("square",)
    )
    save_result(folder, SLOT, whole)
    path = folder.file(SLOT)
    body, refused = json.loads(path.read_text()), 0
    for _ in range(400):
        _forge(path, _damaged(body, rng))
        said.clear()
        result = load_result(folder, SLOT)
        assert (result is None) == (len(said) == 1)
        refused += result is None
        if result is not None:
            assert result.layout == whole.layout and result.replicates == 333
            assert all(np.asarray(part).dtype.kind in "if" for part in result.moments)
    assert refused > 200


def _checkpoint(path, change):
    tensors, about = checkpoint.read_tensors(checkpoint.SHIPPED_MEAN, "model")
    checkpoint.write_tensors(path, tensors, "model", change(copy.deepcopy(about)))
    return path


def test_a_checkpoint_of_an_unknown_task_or_an_architecture_that_does_not_fit_is_named(tmp_path):
    path = tmp_path / "net.safetensors"
    changes = {
        "expected one of": lambda head: head | {"task": {"name": "unknown_task"}},
        "dim_": lambda head: head | {"task": head["task"] | {"dim": 7}},
        "parameter": lambda head: head | {"architecture": head["architecture"] | {"width": 5}},
        "description": lambda head: {name: v for name, v in head.items() if name != "task"},
        "not a JSON object": lambda head: [head],
    }
    for says, change in changes.items():
        with pytest.raises(CheckpointError, match=says):
            checkpoint.load_model(_checkpoint(path, change))
    checkpoint.load_model(_checkpoint(path, lambda head: head))


def test_any_forged_entry_of_a_checkpoint_is_refused_or_harmless(tmp_path):
    rng, path, refused = random.Random(2), tmp_path / "net.safetensors", 0
    right = checkpoint.load_model(checkpoint.SHIPPED_MEAN)
    for _ in range(200):
        try:
            found = checkpoint.load_model(_checkpoint(path, lambda head: _damaged(head, rng)))
        except CheckpointError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert found.arch == right.arch
    assert refused > 50


def test_a_figure_s_svg_text_is_the_same_each_time():
    drawn = []
    for _ in range(2):
        figure, axes = style.new_figure(1, 1)
        axes[0].plot([0, 1], [0, 1], marker="o")  # markers are what has ids
        drawn.append(style.svg_text(figure))
    assert drawn[0] == drawn[1] and 'id="' in drawn[0]


def test_a_table_of_a_hundred_thousand_columns_is_read_in_time_linear_in_them(tmp_path):
    path, used = tmp_path / "wide.csv", time.process_time()
    names = [f"c{i}" for i in range(100_000)]
    path.write_text(
        "".join(
            ",".join([*cells, end]) + "\n"
            for cells, end in ((names, "y"), (["1.5"] * 100_000, "a"), (["-2e1"] * 100_000, "b"))
        )
    )
    table = read_table(path, "y")
    assert table.features.shape == (2, 100_000) and table.features[:, 7].tolist() == [1.5, -20.0]
    assert time.process_time() - used < 30.0  # about 1; time in their square is minutes
    text = path.read_text()
    path.write_text(text.replace("1.5,1.5", '1.5,"1\n2"', 1))
    with pytest.raises(TableError, match=r"column 'c1': 1 of 2 cells .* not line 3: '1.*n2'"):
        read_table(path, "y")
    path.write_text(text.replace("1.5,1.5", "1.5,1e999", 1))
    with pytest.raises(TableError, match="'1e999'. Correct.*finite numbers"):
        read_table(path, "y")
