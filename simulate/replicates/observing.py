"""What a check observes of the results of its experiments."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.simulate.checks.check import Observation, Planned
from synthetic_oversampling.simulate.replicates import monte_carlo

__all__ = ["observe"]


def observe(check: Planned, results: Mapping[str, monte_carlo.Result]) -> Observation:
    """The statistic over the replicates that count; of a pair, over those that count in both.

    Args:
        check: with one experiment, or two for a paired difference.
        results: by name of the experiment.
    """
    name, index = check.statistic
    if len(check.experiments) == 1:
        result = results[check.experiments[0]]
        left_out = result.excluded / result.replicates
        if result.moments.count < 2:
            return Observation(
                mean=math.nan, std_error=math.nan, n=result.moments.count, left_out=left_out
            )
        mean, std_error, n = monte_carlo.estimate(result, name)
        skewness = monte_carlo.skewness(result, name)
        if index is not None:
            mean, std_error, skewness = mean[index], std_error[index], skewness[index]
        return Observation(
            mean=float(mean),
            std_error=float(std_error),
            n=n,
            skewness=float(skewness),
            left_out=left_out,
        )
    pair = [
        monte_carlo.values(results[experiment], name, every=True)
        for experiment in check.experiments
    ]
    every = min(map(len, pair))
    gap = pair[0][:every] - pair[1][:every]
    gap = gap[np.isfinite(gap)]
    n, left_out = len(gap), 1 - len(gap) / every
    if n < 2:
        return Observation(mean=math.nan, std_error=math.nan, n=n, left_out=left_out)
    std = float(np.std(gap, ddof=1))
    skewness = float(np.mean((gap - gap.mean()) ** 3)) / std**3 if std > 0 else 0.0
    return Observation(
        mean=float(gap.mean()),
        std_error=std / math.sqrt(n),
        n=n,
        skewness=skewness,
        left_out=left_out,
    )
