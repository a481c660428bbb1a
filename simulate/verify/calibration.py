"""The verifier verified: false alarms and power of the checks, measured where the truth is known.

Two kinds of evidence.

*Exact laws.* Means of gamma variables have known laws, and their tails at one in a million are
reached by importance sampling: samples are drawn from the gamma law tilted to the tail, and an
alarm is weighted by the likelihood ratio. `tail_rates` holds the rate of alarms of an interval
against its nominal rate, for the normal interval and for the one that `simulate.checks.check` uses.

*Null runs.* A pool of replicates of the real experiments is an exactly known law, the empirical
one, with the pool's mean for its mean. Samples drawn from it with replacement at the planned sizes,
for all statistics of a suite at once, are whole runs of `verify` under a true theory (the pool's
means) and under a theory off by each check's discrepancy. Alarms are counted at the planned level,
and at inflated ones, where a thousand runs see enough of them to tell a rate from its double.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import beta, norm

from synthetic_oversampling.simulate.checks.check import (
    CAPACITY,
    FAMILY_RATE,
    STAGES,
    Plan,
    Planned,
    interval,
    make_plan,
)
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.verify.suites import simulation
from synthetic_oversampling.simulate.verify.verdicts import passes, rejections
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "Calibration",
    "Kind",
    "TailRate",
    "binomial_interval",
    "calibrate",
    "kind_of",
    "null_runs",
    "pool",
    "tail_rates",
]

LEVELS = (1e-4, 1e-3, 1e-2)  # inflated false-alarm rates of one check


class TailRate(NamedTuple):
    """How often an interval excludes the true mean of gamma variables, over its nominal rate.

    Attributes:
        shape: of the gamma law; its half-integers are chi-square laws.
        n: sample size.
        normal, used: ratio for the normal interval and for that of `simulate.checks.check`.
        normal_error, used_error: standard errors of the ratios.
    """

    shape: float
    n: int
    normal: float
    normal_error: float
    used: float
    used_error: float


def tail_rates(shape: float, n: int, z: float, *, seed: int = 0, samples: int = 4000) -> TailRate:
    """Two-sided false-alarm rate of the intervals at level ``z``, by importance sampling.

    A sum of ``n`` gamma variables tilted by ``exp(t x)`` is one of gamma variables of scale
    ``1 / (1 - t)``, and its likelihood ratio is ``exp(-t sum) (1 - t)^(-n shape)``. One half of the
    samples is tilted to each tail.

    Args:
        shape: of the gamma law.
        n: sample size of the mean.
        z: of the interval.
        seed: of the samples.
        samples: per tail.

    Raises:
        ValueError: when the lower tail lies beyond the smallest possible mean.
    """
    rng = np.random.default_rng(seed)
    if z >= math.sqrt(shape * n):
        raise ValueError(
            f"n: got {n}, expected more than {z**2 / shape:.0f} at shape {shape} and z = {z:.2f}."
        )
    sums = {"normal": [0.0, 0.0], "used": [0.0, 0.0]}
    for side in (-1, 1):
        scale = 1 + side * z / math.sqrt(shape * n)
        tilt = 1 - 1 / scale
        weights, moments = [], []
        for _ in range(0, samples, 500):
            x = rng.gamma(shape, scale, size=(500, n))
            weights.append(np.exp(-tilt * x.sum(axis=1) - n * shape * math.log1p(-tilt)))
            moments.append(_moments(x))
        weight = np.concatenate(weights)
        mean, error, skewness = (np.concatenate(part) for part in zip(*moments, strict=True))
        for name, skew in (("normal", 0.0), ("used", skewness)):
            low, high = interval(mean, error, n, skew, z)
            alarm = weight * ((shape < low) | (shape > high))
            sums[name][0] += float(alarm.mean())
            sums[name][1] += float(alarm.var(ddof=1)) / len(alarm)
    nominal = 2 * norm.sf(z)
    values = [f(part) / nominal for part in sums.values() for f in (lambda p: p[0], _root)]
    return TailRate(shape, n, *map(float, values))


def _root(part) -> float:
    return math.sqrt(part[1])


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard error and skewness along the last axis, as `monte_carlo` estimates them."""
    n = x.shape[-1]
    mean = x.mean(axis=-1)
    centred = x - mean[..., None]
    square = centred * centred
    var = square.mean(axis=-1)
    third = (square * centred).mean(axis=-1)
    skewness = np.where(var > 0, third / np.where(var > 0, var, 1.0) ** 1.5, 0.0)
    return mean, np.sqrt(var / (n - 1)), skewness


def binomial_interval(count: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a probability.

    Args:
        count: successes.
        runs: trials, at least 1.
        confidence: of the interval, two-sided.

    Example:
        >>> [round(end, 5) for end in binomial_interval(0, 1000)]
        [0.0, 0.00368]
    """
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, runs - count + 1))
    high = 1.0 if count == runs else float(beta.ppf(1 - tail, count + 1, runs - count))
    return low, high


def kind_of(check: Planned) -> str:
    """The kind of statistic of a check: what its calibration is reported under.

    Args:
        check: any.
    """
    if not check.experiments:
        return "no noise"
    return "paired" if len(check.experiments) == 2 else check.kind


def pool(
    names: Sequence[str],
    key: Callable,
    replicates: int,
    progress: Callable[[str], None] | None = None,
) -> dict[str, monte_carlo.Result]:
    """Replicates of experiments, all values kept.

    Args:
        names: of the experiments.
        key: ``suite name -> key``.
        replicates: per experiment.
        progress: called with each experiment's name before it is simulated.
    """
    results = {}
    for name in names:
        if progress is not None:
            progress(name)
        simulated = simulation(name)
        results[name] = monte_carlo.run(
            simulated.functions,
            key=key(name.split("/")[0]),
            replicates=replicates,
            block=simulated.block,
            keep=True,
        )
    return results


def _columns(check: Planned, results: Mapping[str, monte_carlo.Result]) -> np.ndarray:
    """Values of a check's statistic in the pool: of a pair, the differences."""
    name, index = check.statistic
    parts = []
    for experiment in check.experiments:
        if results[experiment].excluded:
            raise ValueError(
                f"{experiment}: the run left out "
                f"{counted(results[experiment].excluded, 'replicate')}; a pool with gaps has no "
                "pairs."
            )
        values = monte_carlo.values(results[experiment], name)
        parts.append(values if index is None else values[:, index])
    return parts[0] if len(parts) == 1 else parts[0] - parts[1]


@dataclasses.dataclass(frozen=True)
class Kind:
    """What null runs and wrong theories did to the checks of one kind.

    Attributes:
        kind: of the checks.
        checks: how many.
        alarms: checks that failed under the true theory at the planned level, over all runs.
        expected: how many the planned level allows.
        ratios: at each of `LEVELS`, the rate of alarms over the nominal rate, and its standard
            error (from the spread over runs, so that correlated checks count once).
        least_power, mean_power: share of runs in which a theory off by the discrepancy failed, at
            the first stage or the second, the smaller of both signs: least over the checks, and
            their mean.
        first_power: least share in which it failed at the first stage.
    """

    kind: str
    checks: int
    alarms: int
    expected: float
    ratios: tuple[tuple[float, float], ...]
    least_power: float
    mean_power: float
    first_power: float


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Null runs of a set of checks.

    Attributes:
        runs: how many.
        alarmed: runs in which any check failed at the planned level.
        share: of the family rate, what these checks were given.
        family: at each of `LEVELS`, share of runs with any alarm.
        kinds: by kind of statistic.
        power, first_power: by check id, as in `Kind`.
        second_stages: checks that a true run leaves to a second stage, on average.
        undecided: runs in which any check stayed undecided after it.
    """

    runs: int
    alarmed: int
    share: float
    family: tuple[float, ...]
    kinds: tuple[Kind, ...]
    power: dict[str, float]
    first_power: dict[str, float]
    second_stages: float = 0.0
    undecided: int = 0

    @property
    def family_interval(self) -> tuple[float, float]:
        """Binomial interval (95 %) of the probability of any false alarm in a run."""
        return binomial_interval(self.alarmed, self.runs)


def null_runs(
    checks: Sequence[Planned],
    plan: Plan,
    columns: Mapping[str, np.ndarray],
    *,
    universe: Sequence[Planned] | None = None,
    runs: int = 1000,
    seed: int = 0,
) -> Calibration:
    """Whole runs resampled from pools, judged under the true theory and under wrong ones.

    Statement: given the pool, every run is an independent sample of the planned size from the
    pool's empirical law, whose mean is known; replicates of one suite keep their dependence across
    its experiments. The allowance is taken as 0 under the true theory, so that the nominal rate is
    attained and not only bounded, and as declared under the wrong ones. A check that a run leaves
    undecided, under the true theory or a wrong one, goes on to a second stage, as in
    `simulate.verify.run`.

    Args:
        checks: those with noise among them are resampled; others are judged once.
        plan: their plan.
        columns: by check id, the pool of its statistic.
        universe: the checks that the plan was made from, `checks` when omitted.
        runs: number of runs.
        seed: of the resampling.
    """
    universe = checks if universe is None else universe
    noisy = [check for check in checks if check.experiments]
    suites: dict[str, list[Planned]] = {}
    for check in noisy:
        suites.setdefault(check.experiments[0].split("/")[0], []).append(check)
    levels = np.array([plan.alarm, *LEVELS])
    second, undecided = 0, np.zeros(runs, bool)
    alarms = {check.id: np.zeros((len(levels), runs), bool) for check in noisy}
    power: dict[str, float] = {c.id: 1.0 for c in checks if not c.experiments}
    first_power = dict(power)
    for suite, chosen in suites.items():
        needed = {
            check.id: min(plan.for_experiment(universe, name) for name in check.experiments)
            for check in chosen
        }
        largest = max(needed.values())
        sizes = np.array([needed[check.id] for check in chosen])
        table = np.stack([columns[check.id] for check in chosen])
        means = table.mean(axis=1)
        table = table - means[:, None]
        seen = np.empty((3, len(chosen), runs))

        def drawn(run: int, stage: int, count: int, suite=suite, table=table) -> np.ndarray:
            rng = np.random.default_rng([seed, zlib.crc32(suite.encode()), run, stage])
            return rng.integers(table.shape[1], size=count)

        order = {n: np.flatnonzero(sizes == n) for n in set(sizes.tolist())}
        for run in range(runs):
            index = drawn(run, 1, largest)
            for n, rows in order.items():
                seen[:, rows, run] = _moments(table[np.ix_(rows, index[:n])])
        for i, check in enumerate(chosen):
            mean, error, skewness = seen[:, i]
            for j, level in enumerate(levels):
                low, high = interval(mean, error, sizes[i], skewness, float(norm.isf(level / 2)))
                alarms[check.id][j] = low > 0 if check.kind == "bound" else (low > 0) | (high < 0)
            n = int(sizes[i])
            ends = interval(mean, error, n, skewness, plan.z)
            left = ~passes(check, *ends)
            found, open_ = rejections(check, *ends)
            first_power[check.id] = float(found.mean(axis=1).min())
            for run in np.flatnonzero(left | open_.any(axis=0)).tolist():  # the same stream goes on
                extra = drawn(run, 2, (STAGES[1] - STAGES[0]) * n)
                values = table[[i]][:, np.concatenate([drawn(run, 1, largest)[:n], extra])]
                moments = _moments(values)
                ends = interval(*moments[:2], values.shape[1], moments[2], plan.z_second)
                undecided[run] |= left[run] and not passes(check, *ends).all()
                found[:, run] |= open_[:, run] & rejections(check, *ends)[0][:, 0]
            power[check.id] = float(found.mean(axis=1).min())
            second += int(left.sum())
    return dataclasses.replace(
        _summary(checks, plan, alarms, power, first_power, runs),
        second_stages=second / runs,
        undecided=int(undecided.sum()),
    )


def _summary(checks, plan, alarms, power, first_power, runs) -> Calibration:
    kinds = []
    for kind in dict.fromkeys(map(kind_of, checks)):
        chosen = [check for check in checks if kind_of(check) == kind]
        reached = [power[check.id] for check in chosen]
        ratios: tuple[tuple[float, float], ...] = ()
        count, sides = 0, 0.5 if kind == "bound" else 1.0
        if kind != "no noise":
            counts = np.sum([alarms[check.id] for check in chosen], axis=0)  # [levels, runs]
            nominal = sides * np.array(LEVELS)[:, None] * len(chosen)
            scaled = counts[1:] / nominal
            errors = scaled.std(axis=1, ddof=1) / math.sqrt(runs)
            ratios = tuple(zip(scaled.mean(axis=1).tolist(), errors.tolist(), strict=True))
            count = int(counts[0].sum())
        expected = 0.0 if kind == "no noise" else sides * plan.alarm * len(chosen) * runs
        kinds.append(
            Kind(
                kind=kind,
                checks=len(chosen),
                alarms=count,
                expected=expected,
                ratios=ratios,
                least_power=min(reached),
                mean_power=float(np.mean(reached)),
                first_power=min(first_power[check.id] for check in chosen),
            )
        )
    if alarms:
        any_alarm = np.any(list(alarms.values()), axis=0)  # [levels, runs]
    else:
        any_alarm = np.zeros((1 + len(LEVELS), runs), bool)
    return Calibration(
        runs=runs,
        alarmed=int(any_alarm[0].sum()),
        share=len(alarms) * plan.alarm / FAMILY_RATE,
        family=tuple(any_alarm[1:].mean(axis=1).tolist()),
        kinds=tuple(kinds),
        power=power,
        first_power=first_power,
    )


def calibrate(
    checks: Sequence[Planned],
    universe: Sequence[Planned],
    key: Callable,
    *,
    capacity: int = CAPACITY,
    replicates: int = 4000,
    runs: int = 1000,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Pools of the checks' experiments, then `null_runs` from them.

    Args:
        checks: from `simulate.verify.run.build`, possibly through `select`.
        universe: all checks that they were selected from.
        key: ``suite name -> key`` of the pools.
        capacity: checks that share the family's rates, of the profile.
        replicates: of each pool.
        runs, seed: as for `null_runs`.
        progress: as for `pool`.
    """
    names = list(dict.fromkeys(name for check in checks for name in check.experiments))
    results = pool(names, key, replicates, progress)
    columns = {check.id: _columns(check, results) for check in checks if check.experiments}
    plan = make_plan(universe, capacity=capacity)
    return null_runs(checks, plan, columns, universe=universe, runs=runs, seed=seed)
