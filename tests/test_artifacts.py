"""An artifact is whole and its own, or it is not trusted."""

import errno
import json
import math
import os

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError, load, save

CONFIGURATION = {"sizes": (2000, 200), "generator": "Smote(3)"}
numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=5))
payloads = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def _save(path, payload=None, **changes):
    settings = {"kind": "demo", "configuration": CONFIGURATION, "seed": 7} | changes
    return save(path, {"mean": 0.25} if payload is None else payload, **settings)


def _same(left, right):
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and left == right


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads)
def test_what_is_saved_is_loaded(tmp_path, payload):
    file = _save(tmp_path / "a.json", {"value": payload})
    assert _same(load(file, kind="demo")["payload"], {"value": payload})


def test_arrays_and_numbers_that_are_not_finite_survive_explicitly(tmp_path):
    payload = {"a": np.array([1.0, np.nan, -np.inf]), "b": jnp.arange(3), "c": np.float32(0.5)}
    file = _save(tmp_path / "a.json", payload)
    read = load(file, kind="demo")["payload"]
    assert read["b"] == [0, 1, 2] and read["c"] == 0.5
    assert math.isnan(read["a"][1]) and read["a"][2] == -math.inf
    json.loads(file.read_text(), parse_constant=pytest.fail)  # the text itself is strict JSON


def test_an_artifact_says_what_made_it(tmp_path):
    body = load(_save(tmp_path / "a.json"), kind="demo", configuration=CONFIGURATION, seed=7)
    assert body["configuration"]["sizes"] == [2000, 200] and body["seed"] == 7
    assert body["versions"]["precision"] == "float64"
    assert {"package", "python", "jax", "numpy"} <= set(body["versions"])


def test_the_same_content_is_the_same_bytes(tmp_path):
    first, second = _save(tmp_path / "a.json"), _save(tmp_path / "b.json")
    assert first.read_bytes() == second.read_bytes()


def test_a_file_cut_anywhere_is_detected(tmp_path):
    file = _save(tmp_path / "a.json")
    whole = file.read_bytes()
    for length in range(0, len(whole) - 2, 7):  # the last two bytes are "}" and a newline
        file.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match="a.json.*compute it again"):
            load(file, kind="demo")


def test_a_changed_digit_is_detected(tmp_path):
    file = _save(tmp_path / "a.json")
    text = file.read_text()
    assert "0.25" in text
    file.write_text(text.replace("0.25", "0.26"))
    with pytest.raises(ArtifactError, match="checksum"):
        load(file, kind="demo")
    file.write_text(text)
    assert load(file, kind="demo")["payload"] == {"mean": 0.25}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a complete artifact"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"[1, 2]", "not an artifact of this package"),
        (b'{"payload": {"mean": 0.25}}', "not an artifact of this package"),
        (b'{"payload": NaN}', "NaN"),
        (b"[" * 100_000, "not a complete artifact"),
    ],
)
def test_a_foreign_file_is_named(tmp_path, content, reason):
    file = tmp_path / "foreign.json"
    file.write_bytes(content)
    with pytest.raises(ArtifactError, match=f"foreign.json.*{reason}"):
        load(file, kind="demo")


def test_another_schema_kind_configuration_or_seed_is_refused(tmp_path, monkeypatch):
    file = _save(tmp_path / "a.json")
    with pytest.raises(ArtifactError, match="kind"):
        load(file, kind="other")
    with pytest.raises(ArtifactError, match="configuration"):
        load(file, kind="demo", configuration=CONFIGURATION | {"sizes": (2000, 201)})
    with pytest.raises(ArtifactError, match="seed"):
        load(file, kind="demo", seed=8)
    monkeypatch.setattr(artifacts, "SCHEMA", artifacts.SCHEMA + 1)
    with pytest.raises(ArtifactError, match="schema 1, expected 2"):
        load(file, kind="demo")


def test_a_missing_file_is_missing_not_broken(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json", kind="demo")


@pytest.mark.parametrize("payload", [{1: 2}, {"a": {3}}, {"a": 1j}, {"nonfinite": 1.0}, object()])
def test_a_value_that_cannot_be_stored_is_named_and_nothing_is_written(tmp_path, payload):
    with pytest.raises(ArtifactError, match="payload"):
        _save(tmp_path / "a.json", payload)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step):
    file = _save(tmp_path / "a.json")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(artifacts.os, step, full)
        with pytest.raises(ArtifactError, match="a.json: cannot be written .No space left.*free"):
            _save(file, {"mean": 0.5})
    assert load(file, kind="demo")["payload"] == {"mean": 0.25}
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot be written"):
        _save(tmp_path / "file" / "a.json")


def test_a_read_only_folder_is_a_clear_error(tmp_path, monkeypatch):
    def denied(*arguments, **options):  # as the system answers; root may write anywhere
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(artifacts.tempfile, "mkstemp", denied)
    with pytest.raises(ArtifactError, match="cannot be written .Permission denied"):
        _save(tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made(tmp_path):
    assert load(_save(tmp_path / "new" / "folder" / "a.json"), kind="demo")["seed"] == 7
