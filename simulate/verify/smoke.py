"""The profile ``smoke``: every theorem once or twice, in seconds, for a first look.

Its checks are some of the quick profile's, with the same experiments and seeds. Of those with noise
the discrepancy beyond the remainder is `COARSER` times the quick one, so that a constant is found
wrong only if it is off by three fifths; the fewest replicates do, and most of the time is spent on
compiling. Experiments are those that cost little to compile; theorems whose experiments cost more
are here by checks without noise alone.
"""

from __future__ import annotations

import dataclasses

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation

__all__ = ["COARSER", "PATTERNS", "coarse"]

COARSER = 3.0  # how much larger discrepancies are than those of the quick profile
# what the smoke profile runs
PATTERNS = (
    "line/raw",  # B1, B2, B3, R1, R5, R6
    "independent/classifiers",  # B3, B4, R1, R2, S1
    "independent/attention",  # T1
    "sequence/design",  # S2
    "sequence/seeds",  # S3
    "in-context/symbols",  # T3
    "certificate/few",  # R7
    "proportional-squared/fits",  # H1
    "separability/gap",  # H3
    "B5.balanced",
    "R3.formula",
    "R4.table.efron-2.5",
    "S1.floor.global-law.shifted",
    "T2.contraction",
    "T4.chain",
    "T5.predictive.whole-rows.n0",
    "H2.squared",
    "H4.response",
    "M1.auroc.metrics.on-mixture",
    "M2.auroc",
    "M3.formula",
    "K1.shift",
    "K2.bound.multiclass.shifted",
)


def coarse(check: Check) -> Check:
    """A check of the quick profile with the coarser discrepancy.

    Args:
        check: its declaration.
    """
    if not check.experiments:
        return check

    def expect() -> Expectation:
        found = check.expect()
        allowance, discrepancy = float(found.allowance), float(found.discrepancy)
        return dataclasses.replace(
            found, discrepancy=allowance + COARSER * (discrepancy - allowance)
        )

    made = dataclasses.replace(check, expect=expect)
    object.__setattr__(made, "place", check.place)
    return made
