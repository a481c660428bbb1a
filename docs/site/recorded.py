"""The run of `verify` that is on record, whose intervals the pages of theorems show.

``python docs/site/recorded.py RUN.json`` keeps what the pages need of a file that
``oversampling verify --json RUN.json`` wrote, in docs/recorded_run.json.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import NamedTuple

from synthetic_oversampling.simulate import artifacts

__all__ = ["FILE", "Row", "main", "read"]

FILE = Path(__file__).resolve().parents[1] / "recorded_run.json"


class Row(NamedTuple):
    """What a run said of a check: the interval is that of `observed`."""

    verdict: str
    predicted: float
    observed: float
    low: float
    high: float
    replicates: int


@functools.cache
def read() -> tuple[dict, dict[str, Row]]:
    """Seed, profile and versions of the run, and its checks by id."""
    content = json.loads(FILE.read_text())
    return content["run"], {name: Row(*row) for name, row in content["checks"].items()}


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def main(source: str) -> None:
    """Write the record; one line a check, so that what changed is seen.

    Args:
        source: written by ``verify --json``.
    """
    artifact = artifacts.load(Path(source), kind="verification")
    report = artifact["payload"]
    run = {"seed": artifact["seed"], "profile": report["profile"], "versions": report["versions"]}
    rows = ",\n".join(
        f"{json.dumps(check['id'])}: "
        + json.dumps(
            [
                check["verdict"],
                *map(_digits, (check["theory"], check["observed"], *check["interval"])),
                check["n"],
            ]
        )
        for check in report["checks"]
    )
    artifacts.save_text(FILE, f'{{"run": {json.dumps(run)},\n"checks": {{\n{rows}\n}}}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
