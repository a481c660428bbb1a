"""(g) Peak memory: constant in the replicates, and small for rows that would fill gigabytes."""

from __future__ import annotations

import json
import subprocess
import sys

__all__ = ["peak", "run"]

# The peak of a process is that of its whole life, so every measurement has a process of its own.
_REPLICATES = """
from benchmarks.growth import replicated
replicated({replicates}, 2000, 4, 2)()
"""
_STREAMED = """
import jax
import numpy as np
from synthetic_oversampling.simulate.sampling.streaming import fit_streamed
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.generators.table import Smote
from synthetic_oversampling.theory.population.laws import GaussianGroup
groups = [GaussianGroup(np.zeros(3), np.eye(3), 0), GaussianGroup([1.2, 0.4, 0.0], np.eye(3), 1)]
design = Design((2000, 200), augmentation={synthetic}, weight=0.5)
result = jax.jit(lambda key: fit_streamed(groups, design, Smote(), key=key))(jax.random.key(0))
assert bool(result.converged)
"""
_REPORT = """
import json, time
import jax
jax.config.update("jax_enable_x64", True)
began = time.perf_counter()
{work}
spent = time.perf_counter() - began
with open("/proc/self/status") as file:  # ru_maxrss would count the parent's memory as well
    peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
print(json.dumps([1024 * peak, spent]))
"""
_LIMIT = 2 * 2**30


def peak(work: str) -> tuple[int, float]:
    """Largest resident memory, bytes, and seconds of a process that does this work (Linux)."""
    code = _REPORT.format(work=work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the measured process failed:\n{done.stderr}")
    bytes_, seconds = json.loads(done.stdout.splitlines()[-1])
    return int(bytes_), float(seconds)


def run(quick: bool) -> list[str]:
    """The section: peak resident memory of whole processes."""
    lines = ["| work | peak memory | seconds |", "|---|---|---|"]
    few = 32 if quick else 512
    peaks = []
    for replicates in (few, 16 * few):
        used, seconds = peak(_REPLICATES.format(replicates=replicates))
        peaks.append(used)
        lines.append(
            f"| {replicates:,} replicates of n = 2,000, d = 4 | {used / 2**20:,.0f} MiB | "
            f"{seconds:.1f} |"
        )
    synthetic = 10**5 if quick else 10**7
    used, seconds = peak(_STREAMED.format(synthetic=synthetic))
    if not used < _LIMIT:
        raise AssertionError(f"streaming took {used / 2**30:.1f} GiB, expected less than 2 GiB.")
    lines.append(
        f"| streamed fit, {synthetic:,} synthetic samples a group, two groups | "
        f"{used / 2**20:,.0f} MiB | {seconds:.1f} |"
    )
    ratio = peaks[1] / peaks[0]
    if not ratio < 1.25:
        raise AssertionError(f"16 times the replicates took {ratio:.2f} times the memory.")
    rows = 2 * synthetic * 5 * 8 / 2**30
    lines += [
        "",
        f"16 times the replicates take {ratio:.2f} times the memory. The streamed rows would fill "
        f"{rows:.1f} GiB if they were held, before anything is made of them.",
    ]
    return lines
