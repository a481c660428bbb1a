"""(c) The closed-form prediction of a design against estimating it by simulation to 1 %."""

from __future__ import annotations

import statistics
import time

import jax

from benchmarks.timing import require_agreement, times
from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["run"]

_PRECISION = 0.01
_ROUNDS = 5  # of predictions and of the pilot run


def run(quick: bool) -> list[str]:
    """The section: seconds to predict, seconds to simulate as precisely, and their ratio."""
    lines = [
        f"Expected excess risk, simulated until its standard error is {_PRECISION:.0%} of it: time "
        "of the replicates of a pilot run, times the replicates needed over those run; on all "
        "devices, and on one, as a prediction is computed. All are "
        f"medians of {_ROUNDS} rounds of predictions and pilots, by turns. "
        "Predictions have no sampling error. `predict` is the function as it is called: it checks "
        "its input, computes everything anew, and keeps nothing but compiled programs.",
        "",
        "| setting | predicted | simulated | `predict` (first call) | simulate to 1 % | on one "
        "device | ratio | on one device |",
        "|---|---|---|---|---|---|---|---|",
    ]
    cases = ["line/raw"] if quick else ["two-gaussians/plugin-pooled", "wide/plugin-pooled"]
    for name in cases:
        chosen = experiment(*name.split("/"))
        arguments = (chosen.configuration.groups, chosen.design, chosen.generator)
        theory = times({"predict": lambda a=arguments: predict(*a)}, 1)["predict"]  # compiles
        pilots = [_pilot(chosen, jax.local_devices()), _pilot(chosen, jax.local_devices()[:1])]
        pilot = 2 * chosen.block * jax.local_device_count() * (1 if quick else 8)
        for run_pilot in pilots:
            run_pilot(1)  # compiles
        rounds = []
        for _ in range(1 if quick else _ROUNDS):  # by turns: what slows one down slows all
            found = times({"predict": lambda a=arguments: predict(*a)}, 3 if quick else 35)
            rounds.append([found["predict"].median])
            for run_pilot in pilots:
                began = time.perf_counter()
                result = run_pilot(pilot)
                rounds[-1].append(time.perf_counter() - began)
        predicting, *simulating = map(statistics.median, zip(*rounds, strict=True))
        mean, std_error, _ = monte_carlo.estimate(result, "excess")
        needed = pilot * (std_error / (_PRECISION * mean)) ** 2
        on_all, on_one = (seconds * needed / pilot for seconds in simulating)
        predicted = float(theory.output.total)
        lines.append(
            f"| {name} | {predicted:.5f} | {mean:.5f} ± {std_error:.5f} | "
            f"{1e3 * predicting:.2f} ms ({theory.first:.1f} s) | "
            f"{on_all:.2f} s ({needed:,.0f} replicates) | {on_one:.2f} s | "
            f"**{on_all / predicting:,.0f}** | **{on_one / predicting:,.0f}** |"
        )
        require_agreement(name, predicted, mean, std_error, 0.1)
    return lines


def _pilot(one_key, devices):
    functions = one_key.functions()
    key = jax.random.key(3)

    def call(replicates: int) -> monte_carlo.Result:
        return monte_carlo.run(
            functions, key=key, replicates=replicates, block=one_key.block, devices=devices
        )

    return call
