"""``oversampling planner-study``: how good the planner's intervals and decisions are."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.simulate.arguments import seed_number, whole

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Coverage of the planner's intervals and regret of its decisions where the truth is
known, beside other ways to decide, and held-back loss on a real table. Minutes on two cores. Exit
status: 0 done, 2 bad usage or an unusable file."""


def add_arguments(own: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    own.description = _DESCRIPTION
    own.add_argument("--tables", type=whole(0), default=200, help="per setting (default 200)")
    own.add_argument("--splits", type=whole(0), default=40, help="of the real table (default 40)")
    own.add_argument("--seed", type=seed_number, default=2024)
    own.add_argument(
        "--offered", action="store_true",
        help="instead, tables of several kinds with all generators offered, against no rows",
    )  # fmt: skip
    own.add_argument(
        "--out", type=Path, default=Path("practice-out"), metavar="DIR",
        help="planner-study.json and .md are written there (default practice-out)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the study, print it and write it."""
    from synthetic_oversampling.practice.planner_study.study import (
        markdown,
        markdown_offered,
        study,
        study_offered,
    )
    from synthetic_oversampling.simulate.artifacts import check_writable, save, save_text

    if options.tables < 4 or options.splits < 2:
        raise ValueError(
            f"--tables, --splits: got {options.tables} and {options.splits}, expected at least 4 "
            "and 2."
        )
    path = options.out / "planner-study.json"
    check_writable(path)

    def said(text: str) -> None:
        print(text, flush=True)

    configuration = {"tables": options.tables, "splits": options.splits}
    if options.offered:
        payload = study_offered(options.tables, seed=options.seed, said=said)
        configuration["offered"] = True
        text = markdown_offered(payload)
    else:
        payload = study(options.tables, options.splits, seed=options.seed, said=said)
        text = markdown(payload)
    save(path, payload, kind="planner-study", configuration=configuration, seed=options.seed)
    save_text(path.with_suffix(".md"), text)
    print(text)
    return 0
