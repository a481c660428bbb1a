"""How checks, plans and reports look: a table in a terminal, plain lines in a pipe."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.console import Console

from synthetic_oversampling.simulate.checks.check import (
    FAMILY_RATE,
    INDECISION,
    POWER,
    STAGES,
    Outcome,
    Plan,
    Planned,
)
from synthetic_oversampling.simulate.console import print_rows
from synthetic_oversampling.simulate.mutants.mutation import Mutant
from synthetic_oversampling.simulate.mutants.table import UNREACHED
from synthetic_oversampling.simulate.verify.gate import Gate
from synthetic_oversampling.simulate.verify.run import Report
from synthetic_oversampling.simulate.verify.smoke import COARSER
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "number",
    "print_gate",
    "print_mutants",
    "print_plan",
    "print_report",
    "share",
]

_STYLE = {"pass": "green", "fail": "bold red", "inconclusive": "yellow"}


def number(value: float) -> str:
    """Six significant digits; a dash for no value.

    Args:
        value: to be shown.
    """
    return "-" if math.isnan(value) else f"{value:.6g}"


def share(value: float) -> str:
    """A share in per cent, two significant digits; a dash for none.

    Args:
        value: from 0 to 1.

    Example:
        >>> share(0.0), share(0.00123)
        ('-', '0.12%')
    """
    return f"{100 * value:.2g}%" if value else "-"


def print_plan(
    console: Console,
    checks: Sequence[Planned],
    plan: Plan,
    universe: Sequence[Planned] | None = None,
) -> None:
    """What every check declares before any simulation, and what follows from it.

    Args:
        console: where to print.
        checks: those to print.
        plan: their plan.
        universe: the checks that the plan was made from, `checks` when omitted: an experiment has
            the replicates that its most demanding check needs, printed or not.
    """
    universe = checks if universe is None else universe
    header = (
        "check",
        "statistic",
        "kind",
        "law",
        "theory",
        "std",
        "allowance",
        "discrepancy",
        "false alarm",
        "replicates",
        "detectable",
        "power",
    )
    rows = []
    for check in checks:
        n = plan.for_check(universe, check)
        name, index = check.statistic
        cells = (check.theory, check.std, check.allowance, check.discrepancy)
        rows.append(
            (
                check.id,
                name if index is None else f"{name}[{index}]",
                check.kind,
                check.law,
                *map(number, cells),
                number(plan.alarm if n else 0.0),
                str(n) if n else "none",
                number(plan.detectable(check, n)),
                f"{plan.power(check, n):.4f}",
            )
        )
    print_rows(console, "Plan", header, rows, [None] * len(rows))
    total = sum(plan.for_experiment(universe, name) for name in _experiments(checks))
    noisy = sum(1 for check in checks if check.experiments)
    undecided = [
        sum(plan.indecision(check, plan.for_check(universe, check), stage) for check in checks)
        for stage in (1, 2)
    ]
    console.print(
        f"{counted(len(checks), 'check')}, {noisy} of them with noise, on "
        f"{counted(len(_experiments(checks)), 'experiment')}, {counted(total, 'replicate')}; false "
        f"alarm {plan.alarm:.2g} per check with noise, {noisy * plan.alarm:.2g} together, at most "
        f"{FAMILY_RATE:g} per run; intervals of {plan.z:.2f} standard errors; power at least "
        f"{POWER:g} against each discrepancy. With the theory true at most {undecided[0]:.2g} of "
        f"these checks are expected to go on to a second stage, of {STAGES[1]} times the "
        f"replicates and intervals of {plan.z_second:.2f} standard errors, and any to stay "
        f"undecided with probability {undecided[1]:.2g}, at most {INDECISION:g} per run.",
        soft_wrap=True,
    )


def _experiments(checks: Sequence[Planned]) -> list[str]:
    return list(dict.fromkeys(name for check in checks for name in check.experiments))


def print_report(console: Console, report: Report) -> None:
    """One line per check, the summary by theorem, and an explanation of everything not passed.

    Args:
        console: where to print.
        report: of a run.
    """
    header: tuple[str, ...] = (
        "verdict",
        "check",
        "kind",
        "predicted",
        "observed",
        "std error",
        "z",
        "n",
    )
    missing = any(outcome.left_out for outcome in report.outcomes)
    if missing:
        header += ("left out",)
    rows, styles = [], []
    for outcome in report.outcomes:
        rows.append((*_row(outcome), *([share(outcome.left_out)] if missing else [])))
        styles.append(_STYLE[outcome.verdict] if outcome.verdict != "pass" else None)
    print_rows(console, "Checks", header, rows, styles)
    console.print()
    header = ("theorem", "checks", "pass", "fail", "inconclusive", "largest |z|")
    summary = list(_by_theorem(report.outcomes))
    print_rows(console, "By theorem", header, summary, [None] * len(summary))
    if any(outcome.check.allowance for outcome in report.outcomes):
        console.print(
            "z is the whole deviation in standard errors; an asymptotic check allows for its "
            "declared remainder besides (the allowance in --plan)",
            style="dim",
            soft_wrap=True,
        )
    if missing:
        console.print(
            "expectations are over the replicates whose fit exists; the others are left out",
            style="dim",
            soft_wrap=True,
        )
    if report.second_stage:
        console.print()
        console.print(
            f"{counted(len(report.second_stage), 'check')} left undecided by the first stage, and "
            f"judged again on {STAGES[1]} times the replicates: {', '.join(report.second_stage)}",
            soft_wrap=True,
            markup=False,
        )
    if report.reductions:
        factors = sorted(report.reductions.values())
        many = f" to {factors[-1]:.0f} (median {factors[len(factors) // 2]:.0f})"
        console.print()
        console.print(
            f"control variates cut the variance of {counted(len(factors), 'excess risk')} by "
            f"{factors[0]:.0f}{many if len(factors) > 1 else ''} times",
            soft_wrap=True,
        )
    if report.gate is not None:
        console.print()
        print_gate(console, report.gate)
    for outcome in report.outcomes:
        if outcome.verdict != "pass":
            console.print()
            for line in explain(report, outcome):
                console.print(line, soft_wrap=True, markup=False)
    for name, problems in report.excluded.items():
        reasons = ", ".join(f"{count} {reason}" for reason, count in problems.items() if count)
        console.print(
            f"left out in {name}: {reasons} of {counted(report.replicates[name], 'replicate')}"
        )
    counts = {
        verdict: sum(outcome.verdict == verdict for outcome in report.outcomes)
        for verdict in ("pass", "fail", "inconclusive")
    }
    console.print()
    sources = ", ".join(f"{n} {source}" for source, n in report.sources.items() if n)
    console.print(f"observed values: {sources}", soft_wrap=True)
    if report.profile == "smoke":
        console.print(
            f"a first look: discrepancies are {COARSER:g} times those of the quick profile, which "
            "has many more checks",
            soft_wrap=True,
        )
    console.print(
        f"{report.verdict.upper()}: {counts['pass']} passed, {counts['fail']} failed, "
        f"{counts['inconclusive']} inconclusive; seed {report.seed}, profile {report.profile}, "
        f"{counted(sum(report.replicates.values()), 'replicate')}; probability of any false alarm "
        "at most 1e-3.",
        style=_STYLE[report.verdict],
        soft_wrap=True,
    )


def print_mutants(console: Console, mutants: Iterable[Mutant]) -> None:
    """One line per wrong formula: what it attacks, what is changed, and what must reject it.

    Args:
        console: where to print.
        mutants: wrong formulas.
    """
    rows = [
        (m.name, ",".join(m.theorems), m.generator or "-", m.change, " ".join(m.checks))
        for m in mutants
    ]
    header = ("mutant", "theorems", "generator", "change", "must be rejected by")
    print_rows(console, "Mutants", header, rows, [None] * len(rows))


def print_gate(console: Console, gate: Gate) -> None:
    """One line per wrong formula and check, and how many checks some wrong formula fails.

    Args:
        console: where to print.
        gate: verdicts on wrong formulas.
    """
    rows, styles = [], []
    for trial in gate.trials:
        rejected = trial.verdict == "fail"
        rows.append(
            (
                "rejected" if rejected else f"SURVIVED ({trial.verdict})",
                trial.mutant.name,
                ",".join(trial.mutant.theorems),
                trial.check,
                number(trial.predicted),
                number(trial.wrong),
                number(trial.observed),
                "-" if math.isnan(trial.z) else f"{trial.z:+.1f}",
            )
        )
        styles.append(None if rejected else "bold red")
    header = ("mutant is", "name", "theorems", "check", "true", "wrong", "observed", "z")
    print_rows(console, "Wrong formulas", header, rows, styles)
    total = len(gate.attacked) + len(gate.idle)
    names = {trial.mutant.name for trial in gate.trials}
    survived = sorted({trial.mutant.name for trial in gate.survivors})
    console.print(
        f"{len(names) - len(survived)} of {counted(len(names), 'wrong formula')} rejected"
        + (f"; survived: {', '.join(survived)}" if survived else "")
        + f". {len(gate.attacked)} of {counted(total, 'check')} of this run failed under at "
        "least one.",
        soft_wrap=True,
    )
    for name in gate.idle if gate.wide else ():
        why = UNREACHED.get(name, "no reason is known: the check is a defect, or a formula is")
        console.print(f"no wrong formula fails {name}: {why}", soft_wrap=True, markup=False)


def _row(outcome: Outcome) -> tuple[str, ...]:
    check = outcome.check
    return (
        outcome.verdict,
        check.id,
        check.kind,
        ("<= " if check.kind == "bound" else "") + number(check.theory),
        number(outcome.observed),
        number(outcome.std_error) if outcome.n else "-",
        f"{outcome.z:+.2f}" if outcome.n and check.kind != "bound" else "-",
        (str(outcome.n) + " in stage 2" * (outcome.stage == 2)) if outcome.n else "exact",
    )


def _by_theorem(outcomes: Sequence[Outcome]):
    for theorem in dict.fromkeys(outcome.check.theorem for outcome in outcomes):
        shown = [outcome for outcome in outcomes if outcome.check.theorem == theorem]
        verdicts = [outcome.verdict for outcome in shown]
        sizes = [abs(o.z) for o in shown if o.n and o.check.kind != "bound" and not math.isnan(o.z)]
        yield (
            theorem,
            str(len(shown)),
            *(str(verdicts.count(verdict)) for verdict in ("pass", "fail", "inconclusive")),
            f"{max(sizes):.2f}" if sizes else "-",
        )


def explain(report: Report, outcome: Outcome) -> list[str]:
    """What a reader needs to act on a check that did not pass."""
    check = outcome.check
    lines = [
        f"{outcome.verdict.upper()} {check.id}: {check.claim} ({check.source})",
        f"  predicted {number(check.theory)}, observed {number(outcome.observed)}"
        + (
            f" (standard error {number(outcome.std_error)}, n = {outcome.n}, z = {outcome.z:+.2f})"
            if outcome.n
            else " (without noise)"
        ),
        f"  interval [{number(outcome.low)}, {number(outcome.high)}], allowance "
        f"{number(check.allowance)}, discrepancy {number(check.discrepancy)}, seed {report.seed}",
    ]
    if outcome.reason:
        lines.append(f"  {outcome.reason}")
    return [*lines, f"  rerun: {report.command(outcome)}"]
