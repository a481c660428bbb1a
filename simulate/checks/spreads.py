"""Whether replicates spread as their check declared: what the plan and the power rest on.

The mean of a statistic can be right while the declared standard deviation is not, and then a check
has other replicates, and detects less or costs more, than its plan says. A declared spread is that
of theorem R to first order, or an upper estimate where the check also declares a skewness: on every
configuration of `verify` the observed one is at most 1.3 times the declared, and at least a third
of it, of upper estimates a twentieth.
"""

from __future__ import annotations

import dataclasses
import math

from synthetic_oversampling.simulate.checks.check import Observation, Outcome

__all__ = ["judge_spread"]

_MOST, _LEAST, _LEAST_SKEWED = 1.35, 1 / 4, 1 / 32


def judge_spread(outcome: Outcome, seen: Observation, z: float) -> Outcome:
    """The outcome, or a failure where the observed spread is not the declared one.

    The standard deviation of ``n`` replicates has a relative sampling error of
    ``sqrt((kurtosis - 1) / (4 n))``, the kurtosis taken as that of a chi-square law with the
    skewness: ``3 + 3 skewness^2 / 2``. A bound declares no least spread.

    Args:
        outcome: of a check with noise.
        seen: what was observed.
        z: how many sampling errors are allowed for.

    Example:
        >>> from synthetic_oversampling.simulate.checks.check import judge
        >>> from synthetic_oversampling.simulate.checks.declaration import Planned
        >>> check = Planned(id="R1.x.c.d", claim="", kind="exact", experiments=("c/d",),
        ...               statistic=("x", None), theory=1.0, std=1.0, discrepancy=0.1,
        ...               source="simulated, scored by theory")
        >>> for std in (0.1, 1.0, 2.0):
        ...     seen = Observation(mean=1.0, std_error=std / 100, n=10_000)
        ...     print(judge_spread(judge(check, seen, 4.9), seen, 4.9).verdict)
        fail
        pass
        fail
    """
    check = outcome.check
    if seen.n < 2 or not math.isfinite(seen.std_error):
        return outcome  # inconclusive already
    observed = seen.std_error * math.sqrt(seen.n)
    skewness = max(abs(seen.skewness), check.skewness)
    slack = z * math.sqrt((2 + 1.5 * skewness**2) / (4 * seen.n))
    least = 0.0 if check.kind == "bound" else _LEAST_SKEWED if check.skewness else _LEAST
    if least * check.std * (1 - slack) <= observed <= _MOST * check.std * (1 + slack):
        return outcome
    reason = f"replicates spread by {observed:.3g}, declared were {check.std:.3g}"
    return dataclasses.replace(outcome, verdict="fail", reason=reason)
