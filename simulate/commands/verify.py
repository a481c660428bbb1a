"""``oversampling verify``: predict, simulate and judge."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import time
from pathlib import Path

from synthetic_oversampling.simulate.arguments import add_cache, add_selection, set_cache, whole
from synthetic_oversampling.simulate.commands.report import add_figures_option, write_page
from synthetic_oversampling.theory.wording import counted

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Check the theorems against simulation. Exit status: 0 all checks pass, 1 a check
fails, 2 bad usage, 3 a check is inconclusive."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    add_selection(
        parser,
        seed=2024,
        only="a theorem (R2), a suite (line), an experiment (two-gaussians/smote), a check id or a "
        "pattern with *; may be repeated",
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="print the checks with their claims, and the file and line that declare them; "
        "nothing is computed",
    )
    parser.add_argument(
        "--plan", action="store_true", help="print replicates, detectable discrepancy and power"
    )
    parser.add_argument(
        "--mutate",
        metavar="NAMES",
        help="put wrong formulas in place of the right ones, each of which a named check has to "
        "reject: names with commas between, judged by the checks that they name; all, judged by "
        "every check, to see which of them no wrong formula fails; or list",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="with --mutate, write what the checks that they name observed to FILE; the tests "
        "judge wrong formulas on tests/gate_observations.json",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the report as JSON to FILE as well"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write the report as one HTML page to FILE"
    )
    add_figures_option(parser)
    parser.add_argument(
        "--artifacts",
        type=Path,
        default=Path("artifacts/verify"),
        metavar="DIR",
        help="where results are kept as they come; an interrupted run goes on from there, with "
        "identical results (default artifacts/verify)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="simulate again what DIR holds, and replace it"
    )
    add_cache(parser)
    parser.add_argument(
        "--distributed",
        metavar="auto|HOST:PORT",
        help="split the replicates over several processes, each given this command: auto under "
        "srun or mpirun, or the address of the first; one that is lost ends the others with "
        "status 4, and the same command goes on",
    )
    parser.add_argument(
        "--process-id", type=whole(0, most=100_000), metavar="I", help="with HOST:PORT, from 0"
    )
    parser.add_argument(
        "--num-processes", type=whole(1, most=100_000), metavar="N", help="with HOST:PORT"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.
    """
    if options.list:
        return _list(options)
    set_cache(options)
    if not options.distributed:
        return _run(options)
    from synthetic_oversampling.simulate.replicates import processes

    try:
        processes.connect(options.distributed, options.process_id, options.num_processes)
        if processes.is_first():
            return _run(options)
        options.json = options.report = options.record = None  # the first process writes
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            return _run(options)
    except processes.ProcessLost as error:
        print(
            f"oversampling verify: {error}; {options.artifacts} holds what was computed: "
            "the same command goes on from there",
            file=sys.stderr,
            flush=True,
        )
        os._exit(4)  # a regular exit would wait for the lost process


def _list(options: argparse.Namespace) -> int:
    from synthetic_oversampling.simulate.verify.selection import declare, select

    checks = select(declare(options.profile), options.only)
    rows = [
        (
            check.id,
            check.kind + (" if it applies" if check.applies else ""),
            check.source,
            check.place,
        )
        for check in checks
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, planned_check in zip(rows, checks, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print(*cells, planned_check.claim, sep="  ")
    some = sum(check.applies is not None for check in checks)
    print(
        f"{counted(len(checks), 'check')}; {some} of them only if a prediction says that they apply"
    )
    return 0


def _run(options: argparse.Namespace) -> int:
    from synthetic_oversampling.simulate import artifacts
    from synthetic_oversampling.simulate.checks.check import capacity_of, make_plan
    from synthetic_oversampling.simulate.console import console, progress_bar
    from synthetic_oversampling.simulate.mutants import table as mutants
    from synthetic_oversampling.simulate.replicates import processes, results
    from synthetic_oversampling.simulate.report import text as reporting
    from synthetic_oversampling.simulate.verify import gate_record
    from synthetic_oversampling.simulate.verify import run as verify
    from synthetic_oversampling.simulate.verify.gate import gate

    screen = console()
    if options.mutate == "list":
        reporting.print_mutants(screen, mutants.MUTANTS.values())
        return 0
    wrong = mutants.choose(options.mutate.split(",")) if options.mutate else ()
    named = [check for mutant in wrong for check in mutant.checks]
    if options.record and not wrong:
        raise ValueError("--record: got no --mutate, expected --mutate all or names.")
    wide = "all" in (options.mutate or "").split(",") and not options.only

    for file in filter(None, (options.json, options.report, options.record)):
        artifacts.check_writable(file)  # worth knowing before minutes of simulation
    began = time.monotonic()
    wanted = [] if wide else [*options.only, *named]
    with progress_bar(screen) as bar:
        task = bar.add_task("predicting", total=None)
        universe = verify.build(
            options.profile, wanted, lambda done, of: bar.update(task, completed=done, total=of)
        )
    checks = verify.select(universe, wanted)
    plan = make_plan(universe, capacity=capacity_of(options.profile))
    if options.plan:
        reporting.print_plan(screen, checks, plan, universe)
        return 0
    folder = None
    if processes.is_first():
        folder = results.open_folder(
            options.artifacts, seed=options.seed, warn=_warn_once(), fresh=options.fresh
        )
    report = _simulated(options, screen, checks, universe, plan, folder)
    if report is None:
        return 130
    if wrong:
        trials = gate(report.outcomes, wrong, options.profile, wide=wide)
        report = dataclasses.replace(report, gate=trials)
        if options.record:
            gate_record.record(
                options.record,
                report.outcomes,
                named,
                plan=plan,
                profile=options.profile,
                seed=options.seed,
            )
    reporting.print_report(screen, report)
    screen.print(f"{time.monotonic() - began:.0f} s", style="dim")
    _write(options, screen, report, complete=not wanted)
    return report.exit_status


def _simulated(options: argparse.Namespace, console, checks, universe, plan, folder):
    """The report of the checks, with a bar or lines on the way; None if it was interrupted."""
    from synthetic_oversampling.simulate.console import progress_bar
    from synthetic_oversampling.simulate.verify import run as verify
    from synthetic_oversampling.simulate.verify.stages import Watch

    names = list(dict.fromkeys(name for check in checks for name in check.experiments))
    planned = {name: plan.for_experiment(universe, name) for name in names}
    total = sum(planned.values())
    console.print(
        f"{counted(len(checks), 'check')}, {counted(len(names), 'experiment')}, "
        f"{counted(total, 'replicate')}; seed {options.seed}"
    )
    taken: dict[str, tuple[int, int]] = {}
    with progress_bar(console) as bar:
        task = bar.add_task("simulating", total=total)
        done = dict.fromkeys(names, 0)

        def started(name: str, replicates: int) -> None:
            planned[name] = replicates  # more in a second stage
            bar.update(task, description=f"simulating {name}", total=sum(planned.values()))
            if not console.is_terminal:
                _say(f"simulating {name}: {counted(replicates, 'replicate')}")

        def advanced(name: str, count: int) -> None:
            done[name] = count
            bar.update(task, completed=sum(done.values()))

        def reused(name: str, count: int, replicates: int) -> None:
            taken[name] = (count, replicates)
            planned[name] = replicates
            advanced(name, count)
            if not console.is_terminal:
                _say(f"{name}: {count} of {counted(replicates, 'replicate')} found")

        try:
            report = verify.run_checks(
                checks,
                seed=options.seed,
                profile=options.profile,
                universe=universe,
                folder=folder,
                watch=Watch(started, advanced, reused),
            )
        except KeyboardInterrupt:
            print(
                f"interrupted: {sum(done.values())} of "
                f"{counted(sum(planned.values()), 'replicate')} are in {options.artifacts}; the "
                "same command goes on from there",
                file=sys.stderr,
            )
            return None
    if taken:
        whole = sum(count == planned for count, planned in taken.values())
        console.print(
            f"from {options.artifacts}: {whole} of {counted(len(names), 'experiment')}, "
            f"{len(taken) - whole} in part, "
            f"{counted(sum(count for count, _ in taken.values()), 'replicate')}; --fresh simulates "
            "them again",
            soft_wrap=True,
        )
    return report


def _write(options: argparse.Namespace, console, report, *, complete: bool) -> None:
    """The files that were asked for."""
    from synthetic_oversampling.simulate import artifacts

    configuration = {
        "profile": options.profile,
        "only": options.only,
        "mutate": options.mutate,
    }
    payload = report.as_dict() | {"theorems": _theorems(report, complete=complete)}
    if options.json:
        artifacts.save(
            options.json,
            payload,
            kind="verification",
            configuration=configuration,
            seed=options.seed,
        )
        console.print(f"report written to {options.json}", soft_wrap=True)
    if options.report:
        body = {"payload": payload, "configuration": configuration, "seed": options.seed}
        write_page(options, options.report, body)


def _say(line: str) -> None:
    """Print a line at once and whole: suites run, and speak, side by side."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _theorems(report, *, complete: bool) -> list[dict]:
    """The theorems of a report, as plain data: all, or those that its checks are about."""
    from synthetic_oversampling.theory.registry import THEOREMS

    named = {outcome.check.theorem for outcome in report.outcomes}
    return [theorem.as_dict() for name, theorem in THEOREMS.items() if complete or name in named]


def _warn_once():
    """Print each message once, on standard error."""
    seen = set()

    def warn(message: str) -> None:
        if message not in seen:
            seen.add(message)
            print(f"oversampling verify: {message}", file=sys.stderr)

    return warn
