"""One seed, one report: not a bit of it depends on the number of devices.

Whole processes on real suites; test_resume.py compares one, two and eight devices on a small one.
"""

import os
import subprocess
import sys

import pytest

from simulate import artifacts

REAL = ["--only", "efron-1.5"]  # one real suite, quickly predicted
PAIRED = ["--only", "line/raw", "--only", "line/smote"]  # and compared replicate by replicate


def _report(folder, devices, selection, seed=11):
    """The bytes of a report written by a process with so many virtual devices."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    file = folder / f"{devices}-{seed}.json"
    command = [
        sys.executable, "-m", "simulate", "verify", *selection, "--seed", str(seed),
        "--json", str(file), "--artifacts", str(folder / f"kept-{devices}-{seed}"),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=550,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_bytes()


def _numbers(folder, name):
    checks = artifacts.load(folder / f"{name}.json", kind="verification")["payload"]["checks"]
    return [(check["observed"], check["std_error"], check["n"]) for check in checks]


@pytest.mark.slow
def test_one_and_eight_devices_give_the_same_report(tmp_path):
    one, eight = (_report(tmp_path, devices, REAL) for devices in (1, 8))
    assert one == eight
    assert len(_numbers(tmp_path, "1-11")) == 4


@pytest.mark.slow
def test_one_two_and_eight_devices_give_the_same_report_and_another_seed_another(tmp_path):
    one, two, eight = (_report(tmp_path, devices, PAIRED) for devices in (1, 2, 8))
    assert one == two == eight
    # negative control: the comparison sees another seed
    assert _report(tmp_path, 2, PAIRED, seed=12) != one
    assert _numbers(tmp_path, "2-12") != _numbers(tmp_path, "1-11")
