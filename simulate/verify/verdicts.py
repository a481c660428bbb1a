"""Verdicts of many null runs at once, under a true theory and under wrong ones."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.simulate.checks.check import Planned

__all__ = ["passes", "rejections"]


def passes(check: Planned, low, high) -> np.ndarray:
    """Whether an interval about a mean of 0 lets the check pass, with the true theory in place.

    Of a bound: with the mean below it by the discrepancy.

    Args:
        check: whose; low, high: ends of the intervals ``[runs]``.
    """
    if check.kind == "bound":
        return np.asarray(high <= check.discrepancy + check.allowance)
    return np.asarray((low >= -check.discrepancy) & (high <= check.discrepancy))


def rejections(check: Planned, low, high) -> tuple[np.ndarray, np.ndarray]:
    """Under theories off by the discrepancy, of either sign: which runs fail, and which are open.

    Of intervals about a mean of 0; ``[2, runs]``, of a bound ``[1, runs]``: only one that is too
    low is wrong.

    Args:
        check: whose; low, high: ends of the intervals ``[runs]``.
    """
    off, allowance = check.discrepancy, check.allowance
    if check.kind == "bound":
        failed = (low > allowance - off)[None]
        return failed, ~failed & (high > allowance - off)[None]
    failed = np.stack([low > allowance - off, high < off - allowance])
    passed = np.stack([(low >= -2 * off) & (high <= 0), (low >= 0) & (high <= 2 * off)])
    return failed, ~failed & ~passed
