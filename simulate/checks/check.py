"""What a check is, how many replicates it needs, and when it passes.

A check compares the mean of a statistic over replicates with a theory value. It declares before any
simulation the spread of one replicate, the known remainder it allows for, and the discrepancy it
must detect. The plan divides the run's false-alarm rate over its checks and chooses the replicates
so that a theory value off by the discrepancy is rejected with the stated power. Three verdicts:

* fail: the confidence interval excludes the theory value by more than the allowance;
* pass: it does not, and the whole interval lies within the discrepancy of the theory value;
* inconclusive: neither; the interval is too wide. Not conclusive is not a pass.

A check that is inconclusive goes on to a second stage, alone: four times the replicates, the first
ones and new ones of the same stream, and a wider level of confidence. Its false-alarm rate is
divided between the stages, 19 parts and one, so that by the union bound no more is spent than
that rate, whatever made the check go on. A theory value off by the discrepancy is rejected at the
first stage with the stated power to the first order in the skewness (on gamma laws as skewed as a
chi-square of one degree of freedom, with 0.977 of the stated 0.99 at 1000 replicates, 0.988 at
3000); what the first stage does not reject it leaves open, and both stages together reject it
with 0.9999 (`Plan.whole_power`). With the theory true, an interval of 5.44 halved
standard errors in place of 4.89 whole ones leaves a check undecided with probability 1e-5 at most
(`Plan.indecision`), and any check of a run with 1 %, even where the true spread is 1.4 times the
declared one.

Excess risks are skewed like chi-square variables, and at the far tail levels used here a normal
interval would raise ten times the alarms it states. The intervals are those of Hall (1992, On the
removal of skewness by transformation, JRSS B 54): a cubic of the studentised mean, monotone, whose
law is normal up to O(1/n) for any skewness. `simulate.verify.calibration` measures what is left.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from synthetic_oversampling.simulate.checks.declaration import SOURCES, Planned
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "CAPACITY",
    "FULL_CAPACITY",
    "SOURCES",
    "STAGES",
    "Observation",
    "Outcome",
    "Plan",
    "Planned",
    "capacity_of",
    "interval",
    "judge",
    "judge_exact",
    "make_plan",
    "rejudge",
]

Verdict = Literal["pass", "fail", "inconclusive"]

FAMILY_RATE = 1e-3
POWER = 0.99  # of the first stage, to the first order in the skewness
WHOLE_POWER = 0.9999  # of both stages, `Plan.whole_power`
INDECISION = 0.01  # probability that any check of a run stays undecided when the theory is true
CAPACITY = 950  # checks that share the family's rates, present or not: no check depends on another
FULL_CAPACITY = 1200  # the same in the full profile, which has more
STAGES = (1, 4)  # times the planned replicates; the second is for checks that the first left open
_STAGE_SHARES = (0.95, 0.05)  # of a check's false-alarm rate
_LEAST_REPLICATES = 1000  # below, means of skewed statistics raise more alarms than stated


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observation:
    """A statistic over replicates.

    Attributes:
        mean, std_error, n, skewness: of the replicates that count.
        left_out: share of all that do not, because the fit does not exist or no value is finite.
    """

    mean: float
    std_error: float
    n: int
    skewness: float = 0.0
    left_out: float = 0.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """Error rates of a run and the replicates each check needs.

    Attributes:
        family_rate: probability of any false alarm of a run.
        alarm: two-sided false-alarm probability of one check, both stages together.
        z: normal quantile of the first stage's interval; z_power: of the power.
        z_second: of the second stage's interval.
        replicates: by check id, of the first stage; 0 for checks without noise.
    """

    family_rate: float
    alarm: float
    z: float
    z_power: float
    z_second: float
    replicates: dict[str, int]

    def for_experiment(self, checks: Sequence[Planned], name: str) -> int:
        """Replicates of an experiment: what its most demanding check needs.

        Args:
            checks: those planned together.
            name: of the experiment.
        """
        needed = [self.replicates[c.id] for c in checks if name in c.experiments]
        return max(needed, default=0)

    def for_check(self, checks: Sequence[Planned], check: Planned) -> int:
        """Replicates that a check gets: of its experiment, or of the smaller of two; 0 of none.

        Args:
            checks: those planned together.
            check: one of them.
        """
        return min((self.for_experiment(checks, name) for name in check.experiments), default=0)

    def detectable(self, check: Planned, n: int) -> float:
        """Smallest discrepancy detected with the planned power from ``n`` replicates.

        Args:
            check: whose spread counts.
            n: replicates.
        """
        if not check.experiments:
            return check.discrepancy
        lengths = self.z + self.z_power + _shift(check, self.z, self.z_power) / math.sqrt(n)
        return check.allowance + lengths * check.std / math.sqrt(n)

    def power(self, check: Planned, n: int) -> float:
        """Probability that the first stage rejects a theory value off by the discrepancy.

        To the first order in the skewness over the root of ``n``; see `whole_power`.

        Args:
            check: whose discrepancy and spread count.
            n: replicates.
        """
        if not check.experiments or check.std == 0:
            return 1.0
        margin = (check.discrepancy - check.allowance) * math.sqrt(n) / check.std
        return float(ndtr(margin - self.z - _shift(check, self.z, self.z_power) / math.sqrt(n)))

    def whole_power(self, check: Planned, n: int) -> float:
        """Lower bound of the probability that either stage rejects a theory value that far off.

        Statement: what no stage rejects was passed by one of them or is undecided after both. The
        true value lies at the discrepancy from the theory value, at the edge of where a passing
        interval must lie: it passes only if it misses the true value, to one side, which both
        stages together do with half the false-alarm rate at most. The second stage does not reject
        only if the arm towards the theory value is longer than the discrepancy less the allowance,
        which is what `indecision` bounds. The second stage has twice the margin of the first, so
        that terms of higher order in the skewness do not matter.

        Args:
            check: whose discrepancy and spread count.
            n: replicates of the first stage.

        Example:
            >>> check = Planned(id="R1.x.c.d", claim="", kind="exact", experiments=("c/d",),
            ...               statistic=("x", None), theory=1.0, std=1.0, discrepancy=0.1,
            ...               skewness=2.0, source="simulated and scored independently")
            >>> plan = make_plan([check])
            >>> plan.whole_power(check, plan.replicates["R1.x.c.d"]) > 0.9999
            True
        """
        if not check.experiments or check.std == 0:
            return 1.0
        return max(0.0, 1.0 - self.alarm / 2 - self.indecision(check, n))

    def indecision(self, check: Planned, n: int, stage: int = 2, spread: float = 1.0) -> float:
        """Upper bound of the probability that a true check is undecided after a stage.

        Statement: with a mean at most the allowance away from the theory value (of a bound: at
        least the discrepancy less the allowance below it), an undecided interval has an end beyond
        the discrepancy, so that the mean of the replicates deviates by the discrepancy less the
        allowance and less the interval's arm, to one side or the other. The arm is as in `power`.

        Args:
            check: whose discrepancy, spread and skewness count.
            n: replicates of the first stage.
            stage: 1 or 2.
            spread: true spread of a replicate over the declared one.
        """
        if not check.experiments or check.std == 0:
            return 0.0
        n, z = STAGES[stage - 1] * n, (self.z, self.z_second)[stage - 1]
        margin = (check.discrepancy - check.allowance) * math.sqrt(n) / (spread * check.std)
        bend = check.skewness / math.sqrt(n)
        left = (margin - z - bend * (2 * z**2 + 1) / 6) / (1 + bend * z / 2)
        sides = 1 if check.kind == "bound" else 2
        return min(1.0, sides * float(ndtr(-left)))


def _shift(check: Planned, z: float, z_power: float) -> float:
    """What the declared skewness costs, in standard errors and times the root of n.

    It lengthens one arm of the interval by ``(2 z^2 + 1) / 6``; and the end of that arm, the mean
    plus z standard errors, varies more than the mean, because the two are correlated: by the
    factor ``1 + z skewness / (2 sqrt(n))``, of which the power takes its quantile.
    """
    return check.skewness * ((2 * z**2 + 1) / 6 + z * z_power / 2)


def capacity_of(profile: str) -> int:
    """How many checks of a profile share the family's rates.

    Args:
        profile: "smoke", "quick" or "full".
    """
    return FULL_CAPACITY if profile == "full" else CAPACITY


def make_plan(
    checks: Sequence[Planned],
    family_rate: float = FAMILY_RATE,
    power: float = POWER,
    capacity: int = CAPACITY,
) -> Plan:
    """Share the false-alarm rate over the checks with noise and size every experiment.

    The rate is divided by a fixed capacity rather than by the number of checks, so that a check
    is planned and judged alike alone, in a selection, and in the whole run.

    Args:
        checks: all checks of the run.
        family_rate: probability of any false alarm in the run.
        power: of every check's first stage against its own discrepancy.
        capacity: checks with noise that the rate is shared among, present or not.

    Raises:
        ValueError: for more checks with noise than the capacity, whose rates would add up to more
            than the family's wherever they are planned apart.

    Example:
        >>> check = Planned(id="R1.x.c.d", claim="", kind="exact", experiments=("c/d",),
        ...               statistic=("x", None), theory=1.0, std=1.0, discrepancy=0.1,
        ...               source="simulated and scored independently")
        >>> plan = make_plan([check])
        >>> plan.replicates["R1.x.c.d"], round(plan.power(check, 5210), 3)
        (5210, 0.99)
    """
    noisy = [check for check in checks if check.experiments]
    if len(noisy) > capacity:
        raise ValueError(
            f"checks: got {len(noisy)} with noise, expected at most {capacity}, among which the "
            "family's false-alarm rate is shared; raise it in simulate.checks.check, where every "
            "check's replicates depend on it."
        )
    alarm = family_rate / capacity
    z, z_second = (-float(ndtri(share * alarm / 2)) for share in _STAGE_SHARES)
    z_power = float(ndtri(power))

    def needed(check: Planned) -> int:
        if not check.experiments:
            return 0
        margin = (check.discrepancy - check.allowance) / check.std if check.std else math.inf
        # margin = (z + z_power) x + shift x^2 with x = n^{-1/2}: the stable root for 1 / x
        lengths = z + z_power
        root = lengths + math.sqrt(lengths**2 + 4 * _shift(check, z, z_power) * margin)
        return max(math.ceil((root / (2 * margin)) ** 2), _LEAST_REPLICATES)

    return Plan(
        family_rate=family_rate,
        alarm=alarm,
        z=z,
        z_power=z_power,
        z_second=z_second,
        replicates={check.id: needed(check) for check in checks},
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """A judged check.

    Attributes:
        check, verdict: it, and what came of it.
        observed, std_error, n: mean of the replicates that count.
        low, high: the interval, endless where there is none.
        reason: why it was not decided.
        left_out: share of replicates that do not count; expectations are over those that do.
        stage: 2 if the first left it undecided.
    """

    check: Planned
    verdict: Verdict
    observed: float
    std_error: float = 0.0
    n: int = 0
    low: float = -math.inf
    high: float = math.inf
    reason: str = ""
    left_out: float = 0.0
    stage: int = 1

    @property
    def open(self) -> bool:
        """Whether more replicates can decide it."""
        return self.verdict == "inconclusive" and math.isfinite(self.low)

    @property
    def z(self) -> float:
        """Deviation from the theory value in standard errors (nan without noise)."""
        if not self.std_error > 0:
            return math.nan
        return (self.observed - self.check.theory) / self.std_error


def interval(mean, std_error, n, skewness, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidence limits of a mean, from arrays that broadcast (Hall's transformation).

    With ``d = skewness / sqrt(n)`` and ``T`` the studentised mean, ``T + d T^2 / 3 + d^2 T^3 / 27 +
    d / 6 = ((1 + d T / 3)^3 - 1) / d + d / 6`` is normal to second order; the limits are where it
    is ``-z`` and ``z``.

    Args:
        mean, std_error: of the replicates.
        n: how many.
        skewness: of one replicate.
        z: half width in standard errors, for a normal law.

    Example:
        >>> low, high = interval(1.0, 0.1, 400, 0.0, 2.0)
        >>> round(float(low), 6), round(float(high), 6)
        (0.8, 1.2)
        >>> low, high = interval(1.0, 0.1, 400, 2.0, 2.0)
        >>> round(float(low), 4), round(float(high), 4)
        (0.8135, 1.217)
    """
    d = np.asarray(skewness, float) / np.sqrt(n)
    small = np.abs(d) < 1e-6  # the limit d -> 0, to rounding
    safe = np.where(small, 1.0, d)

    def studentised(level):
        curved = 3 * (np.cbrt(1 + safe * (level - safe / 6)) - 1) / safe
        return np.where(small, level - d * (2 * level**2 + 1) / 6, curved)

    ends = (mean - std_error * studentised(level) for level in (z, -z))
    low, high = map(np.asarray, ends)
    return low, high


def judge(check: Planned, seen: Observation, z: float) -> Outcome:
    """Verdict of a check from what was observed; see the module's docstring.

    A bound passes when the interval lies below it, fails when the interval lies above it.

    Args:
        check: what was declared.
        seen: what was observed.
        z: half width of the interval in standard errors.
    """
    undecided = Outcome(
        check=check,
        verdict="inconclusive",
        observed=seen.mean,
        std_error=seen.std_error,
        n=seen.n,
        left_out=seen.left_out,
    )
    values = (seen.mean, seen.std_error, seen.skewness)
    if seen.n < 2 or not all(math.isfinite(value) for value in values):
        reason = f"only {counted(seen.n, 'usable replicate')}, or a value that is not finite"
        return dataclasses.replace(undecided, reason=reason)
    low, high = map(float, interval(seen.mean, seen.std_error, seen.n, seen.skewness, z))
    return rejudge(check, dataclasses.replace(undecided, low=low, high=high))


def rejudge(check: Planned, seen: Outcome) -> Outcome:
    """Verdict of a check on the interval of an earlier outcome of the same statistic.

    Args:
        check: another declaration, perhaps a wrong one.
        seen: the earlier outcome.
    """
    low, high = seen.low, seen.high
    theory, allowance, discrepancy = check.theory, check.allowance, check.discrepancy
    if check.kind == "bound":
        failed, passed = low > theory + allowance, high <= theory + allowance
    else:
        failed = high < theory - allowance or low > theory + allowance
        passed = low >= theory - discrepancy and high <= theory + discrepancy
    verdict: Verdict = "fail" if failed else "pass" if passed else "inconclusive"
    reason = "" if verdict != "inconclusive" else "the interval is wider than the discrepancy"
    return dataclasses.replace(seen, check=check, verdict=verdict, reason=reason)


def judge_exact(check: Planned) -> Outcome:
    """Verdict of a check without noise: two routes agree within the discrepancy.

    Args:
        check: without experiment.
    """
    observed = check.observed
    if observed is None or not math.isfinite(observed):
        return Outcome(check=check, verdict="inconclusive", observed=math.nan, reason="no value")
    verdict: Verdict = "pass" if abs(observed - check.theory) <= check.discrepancy else "fail"
    return Outcome(check=check, verdict=verdict, observed=observed, low=observed, high=observed)
