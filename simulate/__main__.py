"""The door to the simulations: ``python -m simulate verify``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """Check the theorems against simulation. Exit status: 0 all checks pass, 1 a check
fails, 2 bad usage, 3 a check is inconclusive."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulate", description=_DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verify = commands.add_parser(
        "verify",
        help="predict, simulate and judge every theorem",
        description=_DESCRIPTION,
    )
    verify.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="a theorem (R2), an experiment (two-gaussians/smote), a check id or a pattern with "
        "*; may be repeated",
    )
    verify.add_argument("--seed", type=_seed, default=2024, help="seed of the run (default 2024)")
    verify.add_argument(
        "--profile",
        choices=("quick", "full"),
        default="quick",
        help="quick detects constants off by 20%%, full by 10%% and on every configuration",
    )
    verify.add_argument(
        "--plan", action="store_true", help="print replicates, detectable discrepancy and power"
    )
    verify.add_argument("--json", metavar="FILE", help="write the report to FILE as well")
    return parser


def _seed(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number in 0 .. 2**32 - 1")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    _one_device_per_core()
    import jax

    jax.config.update("jax_enable_x64", True)
    from simulate.artifacts import ArtifactError

    try:
        return _verify(options)
    except (ValueError, ArtifactError) as error:
        print(f"python -m simulate verify: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _one_device_per_core() -> None:
    """Let JAX see every CPU core as a device, unless told otherwise; it changes no result."""
    flags = os.environ.get("XLA_FLAGS", "")
    name = "--xla_force_host_platform_device_count"
    if name not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {name}={min(os.cpu_count() or 1, 64)}".strip()


def _verify(options: argparse.Namespace) -> int:
    from simulate import artifacts, reporting, verify
    from simulate.checks import make_plan

    if options.json:  # an unwritable file is worth knowing before five minutes of simulation
        artifacts.check_writable(options.json)
    own = reporting.console()
    began = time.monotonic()
    with reporting.progress_bar(own) as bar:
        task = bar.add_task("predicting", total=None)
        universe = verify.build(
            options.profile, options.only, lambda name: bar.update(task, advance=1)
        )
    checks = verify.select(universe, options.only)
    plan = make_plan(universe)
    if options.plan:
        reporting.print_plan(own, checks, plan)
        return 0
    names = list(dict.fromkeys(name for check in checks for name in check.experiments))
    total = sum(plan.for_experiment(universe, name) for name in names)
    own.print(
        f"{len(checks)} checks, {len(names)} experiments, {total} replicates; seed {options.seed}"
    )
    with reporting.progress_bar(own) as bar:
        task = bar.add_task("simulating", total=total)
        done = dict.fromkeys(names, 0)

        def started(name: str, replicates: int) -> None:
            bar.update(task, description=f"simulating {name}")
            if not own.is_terminal:
                print(f"simulating {name}: {replicates} replicates", flush=True)

        def advanced(name: str, count: int) -> None:
            done[name] = count
            bar.update(task, completed=sum(done.values()))

        report = verify.run_checks(
            checks,
            seed=options.seed,
            profile=options.profile,
            universe=universe,
            started=started,
            advanced=advanced,
        )
    reporting.print_report(own, report)
    own.print(f"{time.monotonic() - began:.0f} s", style="dim")
    if options.json:
        configuration = {"profile": options.profile, "only": options.only}
        artifacts.save(
            options.json,
            report.as_dict(),
            kind="verification",
            configuration=configuration,
            seed=options.seed,
        )
        own.print(f"report written to {options.json}", soft_wrap=True)
    return report.exit_status


if __name__ == "__main__":
    sys.exit(main())
