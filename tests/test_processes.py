"""Several processes compute what one does, bit for bit, and none waits for one that is gone."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import toy_verify

from synthetic_oversampling.simulate.replicates.processes import connect, fetch, shared

LIMIT = 240  # seconds: many times what it takes, and below the start's own limit


def _start(folder: Path, how: str, *more: str, environment=None) -> subprocess.Popen:
    command = [sys.executable, toy_verify.__file__, how, "verify", "--only", "toy"]
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    return subprocess.Popen(
        [*command, "--artifacts", str(folder), *more],
        env=os.environ | {"XLA_FLAGS": flags} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _pair(folder: Path, hows: tuple[str, str]) -> list[tuple[int, str, str]]:
    """Exit status, output and errors of two processes that make one run over loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    run = ("--distributed", address, "--num-processes", "2", "--process-id")
    both = [_start(folder, how, *run, str(number)) for number, how in enumerate(hows)]
    try:
        outputs = [process.communicate(timeout=LIMIT) for process in both]
    finally:
        for process in both:
            process.kill()
    return [(process.returncode, *printed) for process, printed in zip(both, outputs, strict=True)]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.json")}


@pytest.mark.slow
def test_a_lost_process_ends_the_run_and_the_next_one_is_that_of_a_single_process(tmp_path):
    alone = _start(tmp_path / "alone", "whole")
    # 4306 replicates are 68 gatherings of 4 blocks of 16: the second experiment is under way
    lost, gone = _pair(tmp_path / "both", ("whole", "gathering 100"))
    assert gone[0] == -9
    assert lost[0] == 4, lost
    assert "another process of the run was lost" in lost[2]
    assert "the same command goes on" in lost[2] and "Traceback" not in lost[2]
    kept = _files(tmp_path / "both")
    assert 1 <= len(kept) < len(toy_verify.NAMES)

    first, second = _pair(tmp_path / "both", ("whole", "whole"))
    assert first[0] == second[0] == 0, first[2] + second[2]
    assert "replicates found" in first[1]
    assert second[1].replace("[Gloo]", "").count("PASS") == 0  # the first process prints
    assert alone.communicate(timeout=LIMIT)[1] == "" and alone.returncode == 0
    expected = _files(tmp_path / "alone")
    assert len(expected) == len(toy_verify.NAMES)
    assert _files(tmp_path / "both") == expected


def _free_port(low: int = 0) -> int:
    """A port that is free; at or above ``low`` where one is given."""
    for port in range(low, 65536) if low else (0,):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return listener.getsockname()[1]
    raise OSError("no port is free")


@pytest.mark.slow
def test_under_slurm_the_processes_find_each_other(tmp_path):
    job = _free_port(65536 - 2**12) - (65536 - 2**12)  # JAX makes the port from the job's number
    slurm = {"SLURM_JOB_ID": str(job), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    both = []
    for number in ("0", "1"):
        environment = slurm | {"SLURM_PROCID": number, "SLURM_LOCALID": number}
        both.append(
            _start(tmp_path / "both", "whole", "--distributed", "auto", environment=environment)
        )
    try:
        outputs = [process.communicate(timeout=LIMIT) for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], outputs
    assert "PASS" in outputs[0][0] and "PASS" not in outputs[1][0]  # the first process prints
    assert len(_files(tmp_path / "both")) == len(toy_verify.NAMES)


@pytest.mark.slow
def test_the_documented_loop_over_hosts_runs(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "many-machines.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("hosts=(")]
    toy = f"{sys.executable} {toy_verify.__file__} whole verify --only toy"
    changes = {
        "hosts=(alpha beta gamma)": "hosts=(localhost localhost)",
        ".venv/bin/oversampling verify --profile full": f"{toy} --artifacts {tmp_path}/both",
        ":5600": f":{_free_port()}",
    }
    for old, new in changes.items():
        assert line.count(old) == 1
        line = line.replace(old, new)
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\ntest "$1" = localhost && exec sh -c "$2"\n')
    ssh.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0 and done.stdout.count("PASS:") == 1, done.stderr
    assert len(_files(tmp_path / "both")) == len(toy_verify.NAMES)


def test_a_process_alone_gathers_nothing():
    value = {"a": (1, "b")}
    assert shared(value) is value and fetch(value) is value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("localhost", 0, 2), "expected auto or HOST:PORT"),
        (("localhost:1", None, None), "--process-id, --num-processes: got None and None"),
        (("localhost:1", 2, 2), "--process-id, --num-processes: got 2 and 2"),
        (("auto", 0, 2), "expected neither"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        connect(*arguments)
