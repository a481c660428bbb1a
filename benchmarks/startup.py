"""(h) Start-up: seconds and compilations to the first result, with and without a cache on disk."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

__all__ = ["run"]

_CODE = """
import time
began = time.perf_counter()
import json, sys
import jax
jax.config.update("jax_enable_x64", True)
from synthetic_oversampling.simulate.replicates.compilation import counted, use_cache
if sys.argv[1]:
    use_cache(sys.argv[1])
from synthetic_oversampling.simulate.experiments.experiment import experiment
imported = time.perf_counter()
trial = experiment(*sys.argv[2].split("/"))
with counted() as compilations:
    jax.block_until_ready(trial.prediction.total)
print(json.dumps([imported - began, time.perf_counter() - imported, len(compilations)]))
"""


def _start(cache: str, name: str) -> tuple[float, float, int]:
    done = subprocess.run(
        [sys.executable, "-c", _CODE, cache, name], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"the measured process failed:\n{done.stderr}")
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def run(quick: bool) -> list[str]:
    """The section: the first prediction of a process, three times."""
    lines = [
        "A process of its own each time: import, then the first prediction of one design.",
        "",
        "| design | cache | import | first prediction | compilations |",
        "|---|---|---|---|---|",
    ]
    for name in ("line/raw",) if quick else ("two-gaussians/plugin-pooled", "two-gaussians/smote"):
        seconds = {}
        with tempfile.TemporaryDirectory() as folder:
            for kind, cache in (("none", ""), ("empty", folder), ("filled", folder)):
                imported, first, count = _start(cache, name)
                seconds[kind] = first
                lines.append(f"| {name} | {kind} | {imported:.1f} s | {first:.1f} s | {count} |")
        lines.append(
            f"| {name} | none / filled | | **{seconds['none'] / seconds['filled']:.1f}** | |"
        )
    return lines
