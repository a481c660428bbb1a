"""(e) ``verify --profile quick`` as a whole, in a process of its own, with and without a cache."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

__all__ = ["run"]


def run(quick: bool) -> list[str]:
    """The section: seconds of the whole command; minutes of work unless quick."""
    only = ["--only", "line/raw"] if quick else []
    lines = ["| command | seconds | exit status |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("nothing compiled", "compiled before"):
            command = ["verify", "--profile", "quick", *only, "--artifacts", f"{folder}/{name}"]
            command += ["--compilation-cache", f"{folder}/cache"]
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "synthetic_oversampling", *command], capture_output=True
            )
            seconds = time.perf_counter() - began
            if done.returncode not in (0, 3):
                shown = done.stderr.decode()
                raise AssertionError(f"verify ended with {done.returncode}:\n{shown}")
            shown = " ".join(["verify --profile quick", *only])
            lines.append(f"| `{shown}`, {name} | {seconds:.0f} | {done.returncode} |")
    return lines
