"""How the verifier's own error rates are printed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from simulate.calibration import LEVELS, Calibration, TailRate
from simulate.checks import FAMILY_RATE
from simulate.reporting import print_rows

__all__ = ["print_calibration", "print_tails"]


def print_tails(own: Console, tails: Sequence[TailRate], z: float) -> None:
    """One line per law and size: false alarms over their nominal rate, normal interval and ours."""
    rows = [
        (
            f"gamma({tail.shape:g})",
            str(tail.n),
            f"{tail.normal:.2f} +- {tail.normal_error:.2f}",
            f"{tail.used:.2f} +- {tail.used_error:.2f}",
        )
        for tail in tails
    ]
    header = ("law of one replicate", "n", "normal interval", "interval used")
    title = f"False alarms at {z:.2f} standard errors, over their nominal rate"
    own.print(title, soft_wrap=True)
    print_rows(own, title, header, rows, [None] * len(rows))
    own.print()


def print_calibration(own: Console, result: Calibration) -> None:
    """False alarms and power by kind of check, and of whole runs."""
    rows = [
        (
            kind.kind,
            str(kind.checks),
            f"{kind.alarms} ({kind.expected:.2g})",
            *(f"{ratio:.2f} +- {error:.2f}" for ratio, error in kind.ratios or [(0, 0)] * 3),
            f"{kind.least_power:.4f}",
            f"{kind.mean_power:.4f}",
        )
        for kind in result.kinds
    ]
    header = ("kind", "checks", "alarms (expected)", *(f"rate / {level:g}" for level in LEVELS),
              "least power", "mean power")  # fmt: skip
    print_rows(own, "Null runs", header, rows, [None] * len(rows))
    low, high = result.family_interval
    inflated = ", ".join(
        f"{share:.3f} at {level:g} a check"
        for share, level in zip(result.family, LEVELS, strict=True)
    )
    own.print(
        f"{result.alarmed} of {result.runs} null runs raised an alarm: between {low:.2g} and "
        f"{high:.2g} of all (95 %), planned {FAMILY_RATE * result.share:.2g} for these checks of "
        f"at most {FAMILY_RATE:g}. Runs with any alarm at inflated rates: {inflated}.",
        soft_wrap=True,
    )
