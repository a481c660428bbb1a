"""Measure: ``python -m benchmarks [NAME ...] [--quick] [--out FILE]``, or ``make bench``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["SECTIONS", "main", "measured"]

DEFAULT = "benchmarks/RESULTS.md"


class Section(NamedTuple):
    """A module of this package with ``run(quick) -> lines``, and whether `make bench` runs it."""

    title: str
    module: str
    always: bool = True


SECTIONS = {
    "fits": Section("(a) Logistic fits", "fits"),
    "smote": Section("(b) SMOTE", "smote"),
    "prediction": Section("(c) Prediction against simulation", "prediction"),
    "transformer": Section("(d) The transformer", "transformer"),
    "whole": Section("(e) `verify --profile quick` as a whole", "whole", always=False),
    "growth": Section("(f) Cost as work grows", "growth"),
    "memory": Section("(g) Memory", "memory"),
    "startup": Section("(h) Start-up and compilation", "startup"),
    "proportional": Section("(i) Theorem H against simulation", "proportional"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure what the package's work costs."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"sections: {', '.join(SECTIONS)}; default: all but whole, which takes minutes",
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: does it run, not how fast"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where the report goes; sections it holds that are not "
        f"measured now stay as they are. Default {DEFAULT}, with --quick nowhere",
    )
    return parser


def measured(names: Sequence[str], quick: bool) -> dict[str, str]:
    """Run sections and return what they found, in Markdown, by title."""
    found = {}
    for name in names:
        section = SECTIONS[name]
        print(f"{name} ...", file=sys.stderr, flush=True)
        began = time.perf_counter()
        lines = importlib.import_module(f"benchmarks.{section.module}").run(quick)
        spent = time.perf_counter() - began
        sizes = ", at tiny sizes" if quick else ""
        found[section.title] = "\n".join([*lines, "", f"Section: {spent:.0f} s{sizes}."])
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(SECTIONS))
    if unknown:
        parser.error(f"NAME: got {', '.join(unknown)}, expected some of {', '.join(SECTIONS)}")
    names = options.names or [name for name, section in SECTIONS.items() if section.always]
    out = options.out or (None if options.quick else DEFAULT)
    flags = os.environ.get("XLA_FLAGS", "")
    if "--xla_force_host_platform_device_count" not in flags:  # every core is a device
        count = f"--xla_force_host_platform_device_count={os.cpu_count() or 1}"
        os.environ["XLA_FLAGS"] = f"{flags} {count}".strip()
    import jax

    jax.config.update("jax_enable_x64", True)
    from benchmarks import machine, results
    from synthetic_oversampling.simulate import artifacts

    try:
        if out:
            artifacts.check_writable(out)
        found = measured(names, options.quick)
        whole, titles = not options.names, [section.title for section in SECTIONS.values()]
        about = "\n".join(machine.describe())
        print(results.merged(None, found, about, titles, whole=whole))
        if out:
            old = Path(out).read_text() if Path(out).exists() else None
            artifacts.save_text(out, results.merged(old, found, about, titles, whole=whole))
    except (artifacts.ArtifactError, AssertionError, RuntimeError) as error:
        print(f"python -m benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
