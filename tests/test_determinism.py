"""One seed, one report: not a bit of it depends on devices, batches, or when a run was killed.

An experiment in one process, and, marked slow, whole processes on real suites. test_resume.py has
the same of a suite made for it, which is killed at chosen places as well.
"""

import os
import random
import subprocess
import sys
import time

import pytest

from synthetic_oversampling.simulate import artifacts

QUICK = ["--only", "sequence/design", "--only", "sequence/seeds"]
REAL = ["--only", "efron-1.5"]  # one real suite, quickly predicted
PAIRED = ["--only", "line/raw", "--only", "line/smote"]  # and compared replicate by replicate


def _start(folder, devices, selection, seed, kept):
    """A process of `verify` with so many virtual devices, and the report that it will write."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    file = folder / f"{kept}.json"
    command = [
        sys.executable,
        "-u",
        "-m",
        "synthetic_oversampling",
        "verify",
        *selection,
        "--seed",
        str(seed),
        "--json",
        str(file),
        "--artifacts",
        str(folder / kept),
        "--report",
        str(file.with_suffix(".html")),
    ]
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    return process, file


def _report(folder, devices, selection, seed=11, kept=None):
    """The bytes of a report written by a process with so many virtual devices."""
    kept = f"kept-{devices}-{seed}" if kept is None else kept
    process, file = _start(folder, devices, selection, seed, kept)
    said, _ = process.communicate(timeout=550)
    assert process.returncode == 0, said
    return file.read_bytes()


def _kill(folder, devices, selection, within, seed=11, *, kept=False):
    """Kill a process so many seconds at most after it has begun to simulate; whether it lived.

    With ``kept``, after some of its results are on disk.
    """
    process, file = _start(folder, devices, selection, seed, "killed")
    said = ""
    with process:
        for line in process.stdout:  # to the end, where an earlier process left nothing to simulate
            said += line
            if line.startswith("simulating"):
                break
        while kept and process.poll() is None and not _kept(folder):
            time.sleep(0.05)
        time.sleep(random.uniform(0.0, within))
        process.kill()
        said += process.stdout.read()
    assert process.returncode in (-9, 0), said
    assert "Traceback" not in said
    assert file.exists() <= ("verdict" in said)
    file.unlink(missing_ok=True)
    return process.returncode == -9


def _kept(folder):
    return list((folder / "killed").rglob("*.json"))


def _numbers(folder, name):
    checks = artifacts.load(folder / f"{name}.json", kind="verification")["payload"]["checks"]
    return [(check["observed"], check["std_error"], check["n"]) for check in checks]


@pytest.mark.slow
def test_a_real_run_that_is_killed_and_resumed_on_other_devices_gives_the_identical_report(
    tmp_path,
):
    whole = _report(tmp_path, 1, QUICK)
    assert len(_numbers(tmp_path, "kept-1-11")) > 10
    assert any([_kill(tmp_path, devices, QUICK, within=0.5) for devices in (8, 2)])
    assert _report(tmp_path, 2, QUICK, kept="killed") == whole
    pages = [
        (tmp_path / name).with_suffix(".html").read_bytes() for name in ("kept-1-11", "killed")
    ]
    assert pages[0] == pages[1] and b"sequence/design" in pages[0]


@pytest.mark.slow
def test_a_long_run_killed_at_several_random_moments_gives_the_identical_report(tmp_path):
    """Long enough that results are kept in part."""
    whole = _report(tmp_path, 2, PAIRED)
    killed = [_kill(tmp_path, devices, PAIRED, within=8) for devices in (1, 2)]
    killed += [_kill(tmp_path, devices, PAIRED, within=8, kept=True) for devices in (8, 2)]
    assert any(killed) and _kept(tmp_path)
    assert _report(tmp_path, 1, PAIRED, kept="killed") == whole


BITS = """
import hashlib, sys
import jax
jax.config.update("jax_enable_x64", True)
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.verify.suites import simulation

for name in sys.argv[1:]:
    simulated = simulation(name)
    for devices, batch, seed in ((1, None, 5), (2, 1, 5), (8, 100, 5), (8, 1, 5), (1, None, 6)):
        result = monte_carlo.run(
            simulated.functions, key=jax.random.key(seed), replicates=9 * simulated.block + 3,
            block=simulated.block, batch=batch, devices=jax.devices()[:devices], keep=True,
        )
        bits = hashlib.sha256(repr((result.replicates, dict(result.problems))).encode())
        for part in result.moments[1:]:
            bits.update(part.tobytes())
        for parts in result.kept.values():
            bits.update(b"".join(part.tobytes() for part in parts))
        print(name, devices, batch, seed, bits.hexdigest())
"""


def _same_bits(*names):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    environment = os.environ | {"XLA_FLAGS": flags}
    done = subprocess.run(
        [sys.executable, "-c", BITS, *names],
        capture_output=True,
        text=True,
        timeout=550,
        env=environment | {"JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    for name in names:
        found = [(line[3], line[4]) for line in lines if line[0] == name]
        assert len(found) == 5
        assert len({bits for seed, bits in found if seed == "5"}) == 1
        assert len({bits for _, bits in found}) == 2  # negative control: another seed


def test_a_real_experiment_has_the_same_bits_in_any_batches_and_on_any_devices():
    _same_bits("sequence/seeds")


@pytest.mark.slow
def test_experiments_with_fits_have_the_same_bits_in_any_batches_and_on_any_devices():
    _same_bits("efron-1.5", "line/raw", "in-context/tokens")


@pytest.mark.slow
def test_one_and_eight_devices_give_the_same_report(tmp_path):
    one, eight = (_report(tmp_path, devices, REAL) for devices in (1, 8))
    assert one == eight
    assert len(_numbers(tmp_path, "kept-1-11")) >= 4  # there is something to compare


@pytest.mark.slow
def test_one_two_and_eight_devices_give_the_same_report_and_another_seed_another(tmp_path):
    one, two, eight = (_report(tmp_path, devices, PAIRED) for devices in (1, 2, 8))
    assert one == two == eight
    # negative control: the comparison sees another seed
    assert _report(tmp_path, 2, PAIRED, seed=12) != one
    assert _numbers(tmp_path, "kept-2-12") != _numbers(tmp_path, "kept-1-11")
