"""A run that is killed goes on to the report of one that is not; a lying file is not believed."""

import base64
import errno
import json
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import toy_verify

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.replicates import monte_carlo, results
from synthetic_oversampling.simulate.replicates.results import (
    Slot,
    load_result,
    open_folder,
    save_result,
)
from synthetic_oversampling.simulate.verify import stages, suites

KEY = jax.random.key(8)
WORDS = tuple(int(word) for word in jax.random.key_data(KEY))
SLOT = Slot(experiment="toy/third", replicates=333, block=16, key_data=WORDS, keep=("square",))
TOY = ("verify", "--only", "toy")


def _simulate(replicates=333, resume=None):
    return monte_carlo.run(
        toy_verify.FUNCTIONS["third"],
        key=KEY,
        replicates=replicates,
        keep=("square",),
        resume=resume,
    )


def _same(left, right):
    moments = zip(left.moments, right.moments, strict=True)
    return (
        all(np.array_equal(a, b) for a, b in moments)
        and (left.layout, left.replicates, left.block) == (right.layout, right.replicates, 16)
        and dict(left.problems) == dict(right.problems)
        and np.array_equal(*(monte_carlo.values(side, "square") for side in (left, right)))
    )


@pytest.fixture
def folder(tmp_path):
    said = []
    opened = open_folder(tmp_path / "run", seed=3, warn=said.append)
    return opened, said


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(suites, "SUITES", suites.SUITES)
    monkeypatch.setitem(suites.SUITES, "toy", None)  # removed again afterwards
    toy_verify.register()


def test_a_stored_result_is_the_same_bits(folder):
    run, said = folder
    whole = _simulate()
    save_result(run, SLOT, whole)
    assert whole.excluded > 0 and _same(load_result(run, SLOT), whole)
    part = _simulate(160)
    save_result(run, SLOT, part)
    assert _same(_simulate(resume=load_result(run, SLOT)), whole)
    assert said == []
    assert load_result(run, SLOT._replace(experiment="toy/first")) is None  # none there: no word
    assert said == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda text: text[:-3], "not a complete artifact"),
        (lambda text: text[: len(text) // 2], "not a complete artifact"),
        (lambda text: "", "not a complete artifact"),
        (lambda text: '{"format": "something else"}', "not an artifact"),
        (lambda text: text.replace('"replicates": 333', '"replicates": 332'), "checksum"),
    ],
)
def test_a_file_that_is_cut_foreign_or_altered_is_named_and_not_used(folder, content, reason):
    run, said = folder
    file = run.file(SLOT)
    save_result(run, SLOT, _simulate())
    text = file.read_text()
    file.write_text(content(text))
    assert file.read_text() != text
    assert load_result(run, SLOT) is None
    assert len(said) == 1 and str(file) in said[0] and reason in said[0]


@pytest.mark.parametrize(
    "change",
    [
        {"experiment": "toy/second"},
        {"replicates": 334},
        {"block": 8},
        {"key_data": (0, 1)},
        {"keep": ("z",)},
    ],
)
def test_a_whole_result_of_another_run_under_this_name_is_named_and_not_used(folder, change):
    run, said = folder
    other = SLOT._replace(**change)
    save_result(run, SLOT, _simulate())
    os.makedirs(run.file(other).parent, exist_ok=True)
    os.replace(run.file(SLOT), run.file(other))
    assert load_result(run, other) is None
    assert len(said) == 1 and str(run.file(other)) in said[0] and "another run" in said[0]


def test_a_result_of_another_seed_or_of_other_code_is_not_used(folder, monkeypatch):
    run, said = folder
    save_result(run, SLOT, _simulate())
    other = open_folder(run.path, seed=4, warn=said.append)
    os.link(run.file(SLOT), other.file(SLOT))
    assert load_result(other, SLOT) is None and "another run" in said.pop()
    monkeypatch.setattr(results, "code_version", lambda: "0" * 64)
    assert load_result(run, SLOT) is None and "another version of the code" in said.pop()
    monkeypatch.undo()
    monkeypatch.setattr(artifacts, "provenance", lambda: {"python": "2.7"})
    assert load_result(run, SLOT) is None and "another version of the code" in said.pop()
    monkeypatch.undo()
    assert load_result(run, SLOT) is not None and said == []


def _shorter(payload):
    payload["kept"]["square"] = base64.b64encode(np.zeros(5).tobytes()).decode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda payload: payload.pop("moments"),
        lambda payload: payload["moments"].update(mean=[0.0]),
        lambda payload: payload["moments"].update(count=10**6),
        lambda payload: payload.update(replicates=332),
        lambda payload: payload["kept"].update(square="?"),
        lambda payload: payload.update(layout=7),
        _shorter,
    ],
)
def test_a_valid_artifact_that_does_not_hold_such_replicates_is_not_used(folder, spoil):
    run, said = folder
    save_result(run, SLOT, _simulate())
    body = artifacts.load(run.file(SLOT), kind="replicates")
    spoil(body["payload"])
    artifacts.save(
        run.file(SLOT),
        body["payload"],
        kind="replicates",
        configuration=body["configuration"],
        seed=3,
    )
    assert load_result(run, SLOT) is None
    assert len(said) == 1 and "does not hold replicates" in said[0]


def test_the_code_version_is_that_of_the_sources_that_compute(monkeypatch, tmp_path):
    version = results.code_version()
    assert len(version) == 64
    root = Path(results.__file__).parents[2]
    for package in ("theory", "simulate"):
        shutil.copytree(root / package, tmp_path / package)
    copy = tmp_path / "simulate" / "replicates" / "results.py"
    monkeypatch.setattr(results, "__file__", str(copy))

    def copied():
        results.code_version.cache_clear()
        return results.code_version()

    try:
        assert copied() == version
        with open(tmp_path / "simulate" / "report" / "text.py", "a") as file:
            file.write("# a comment\n")
        assert copied() == version  # it only prints
        with open(tmp_path / "theory" / "population" / "groups.py", "a") as file:
            file.write("# a comment\n")
        assert copied() != version
    finally:
        results.code_version.cache_clear()


def _run(*command, devices=1, how="whole"):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    return subprocess.run(
        [sys.executable, toy_verify.__file__, how, *command],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )


@pytest.mark.slow
def test_a_run_killed_at_random_moments_and_resumed_gives_the_identical_report(
    tmp_path, toy, capsys
):
    """Killed by the clock, inside a writing, and by Ctrl-C, on other numbers of devices."""
    toy_verify.register(16)  # as the program that is killed
    whole, resumed, kept = tmp_path / "whole.json", tmp_path / "resumed.json", tmp_path / "kept"
    pages = [tmp_path / "whole.html", tmp_path / "resumed.html"]
    reference = [*TOY, "--artifacts", str(tmp_path / "reference"), "--json", str(whole)]
    assert main([*reference, "--report", str(pages[0])]) == 0
    assert "found" not in capsys.readouterr().out
    command = [*TOY, "--artifacts", str(kept), "--json", str(resumed)]
    command += ["--report", str(pages[1])]
    # 51 writings: up to 20, then 12, then 3; a run that is killed goes on before its last writing
    moment = random.randint(1, 20)
    for how, devices in ((f"after {moment}", 2), ("writing 12", 1), ("interrupt 3", 8)):
        done = _run(*command, devices=devices, how=how)
        assert not resumed.exists() and not pages[1].exists(), how
        assert list(kept.rglob("*.json")), (how, done.stderr)
        if how.startswith("interrupt"):
            assert done.returncode == 130
            assert "the same command goes on from there" in done.stderr
        else:
            assert done.returncode == -9, (how, done.stdout)
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "replicates found" in out and "--fresh simulates them again" in out and err == ""
    assert resumed.read_bytes() == whole.read_bytes()
    assert pages[0].read_bytes() == pages[1].read_bytes() and b"toy.second" in pages[1].read_bytes()


def test_a_stored_file_that_was_cut_is_named_and_the_report_is_the_same(tmp_path, toy, capsys):
    report, kept = tmp_path / "report.json", tmp_path / "kept"
    command = [*TOY, "--artifacts", str(kept), "--json", str(report)]
    assert main(command) == 0
    first = report.read_bytes()
    victim = sorted(kept.rglob("second*.json"))[0]
    victim.write_bytes(victim.read_bytes()[:300])
    capsys.readouterr()
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert report.read_bytes() == first
    assert str(victim) in err and "2 of 3 experiments" in out
    # negative control: a result that is believed does reach the report
    body = artifacts.load(victim, kind="replicates")
    body["payload"]["moments"]["mean"][2] += 1.0  # of z[1]
    artifacts.save(
        victim, body["payload"], kind="replicates", configuration=body["configuration"], seed=2024
    )
    assert main(command) == 1
    assert main([*command, "--fresh"]) == 0
    assert report.read_bytes() == first


def test_another_seed_and_a_selection_use_only_what_is_theirs(tmp_path, toy, capsys):
    kept = ["--artifacts", str(tmp_path / "kept")]
    assert main([*TOY, *kept]) == 0
    capsys.readouterr()
    assert main([*TOY, *kept, "--seed", "5"]) == 0
    assert "found" not in capsys.readouterr().out
    assert main(["verify", "--only", "toy/second", *kept]) == 0
    assert "from" in (out := capsys.readouterr().out) and "2 of 2 experiments" in out


def test_a_disk_that_fills_up_is_a_clear_error_and_the_rest_is_kept(
    tmp_path, toy, capsys, monkeypatch
):
    report, kept = tmp_path / "report.json", tmp_path / "kept"
    command = [*TOY, "--artifacts", str(kept), "--json", str(report)]
    sync, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) > 2:  # the first result: its file and its folder
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(artifacts.os, "fsync", full)
        patch.setattr(stages, "CHECKPOINT_SECONDS", math.inf)  # write whole results, however slow
        assert main(command) == 2
    out, err = capsys.readouterr()
    assert "No space left on device" in err and "free disk space" in err and "Traceback" not in err
    assert not report.exists()
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert len(files) == 1 and json.loads(files[0].read_text())
    assert main(command) == 0
    assert "1 of 3 experiments" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["file/run", "file", "/proc/nowhere/run"])
def test_a_place_that_cannot_be_written_is_known_before_anything_is_simulated(
    tmp_path, toy, capsys, place
):
    (tmp_path / "file").write_text("")
    assert main([*TOY, "--artifacts", str(tmp_path / place)]) == 2
    out, err = capsys.readouterr()
    assert "cannot be written" in err and "simulating" not in out


def test_what_a_killed_run_left_half_written_is_removed_after_an_hour(tmp_path):
    old, new = tmp_path / "toy" / ".a.json.x1", tmp_path / "toy" / ".b.json.x2"
    old.parent.mkdir()
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (0, 0))
    open_folder(tmp_path, seed=1, warn=pytest.fail)
    assert not old.exists() and new.exists()
    with pytest.raises(ArtifactError):
        open_folder(new, seed=1, warn=pytest.fail)
