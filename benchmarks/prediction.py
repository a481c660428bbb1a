"""(c) Closed-form predictions, of two and more classes, against simulation of them to 1 %."""

from __future__ import annotations

import statistics
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import require_agreement, times
from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.experiments.multiclass.fits import softmax_fit
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.theory.generators.table import GENERATORS
from synthetic_oversampling.theory.multiclass.predict import predict_multiclass
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["run"]

_PRECISION = 0.01
_ROUNDS = 5  # of predictions and of the pilot run
_DIM, _SIZES = 20, (1200, 500, 400, 400)  # of the settings of several classes
_NODES = 24  # of Gauss and Hermite, for each score of a risk


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
    return [*lines, "", *_several(quick)]


def _pilot(one_key, devices):
    functions = one_key.functions()
    key = jax.random.key(3)

    def call(replicates: int) -> monte_carlo.Result:
        return monte_carlo.run(
            functions, key=key, replicates=replicates, block=one_key.block, devices=devices
        )

    return call


# --- more than two classes --------------------------------------------------------------------
def _several(quick: bool) -> list[str]:
    """Seconds of `predict_multiclass`, and of simulating the same excess risk as precisely."""
    lines = [
        f"More than two classes, {_DIM} features, one group a class, {_SIZES[0]} rows in the first "
        f"and {_SIZES[1]} or fewer in the others, levelled and 200 synthetic samples a group with "
        f"weight 0.3: `predict_multiclass` against softmax fits until the standard error is "
        f"{_PRECISION:.0%}; a fit's risks are sums over the scores alone, on one device.",
        "",
        "| classes | generator | predicted | simulated | `predict_multiclass` | simulate to 1 % | "
        "ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    kinds = ("oracle", "duplicate", "smote", "plugin", "plugin-pooled", "predictive", "student")
    for classes in (3,) if quick else (3, 4):
        # with four classes the Student plug-in's integrals need points, not a grid: left out
        for name in kinds[:1] if quick else kinds[: len(kinds) - (classes == 4)]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the verdict "few seeds": 20 features, 400 rows
                lines.append(_several_row(classes, name, quick))
    return lines


def _classes(classes: int, dim: int) -> list[GaussianGroup]:
    """Normal classes about a standard deviation apart, each with its own covariance."""
    place, groups = np.arange(dim), []
    for y in range(classes):
        root = 0.1 * np.cos(1.0 + y + np.outer(place, place + 2.0))
        mean = 0.3 * np.sin(2.0 * y + 1.3 * place)
        groups.append(GaussianGroup(mean, np.eye(dim) + root @ root.T, y))
    return groups


def _several_row(classes: int, name: str, quick: bool) -> str:
    groups = _classes(classes, 3 if quick else _DIM)
    design, generator = Design(_SIZES[:classes], 200, 0.3), GENERATORS[name]()
    repeats = 5 if classes == 3 and not quick else 1
    found = times({name: lambda: predict_multiclass(groups, design, generator)}, repeats)[name]
    theory = found.output
    start, best = jnp.asarray(theory.theta_alpha), jnp.asarray(theory.theta_star)
    risk = _balanced_risk(groups)

    def draw(key):
        return draw_dataset(groups, design, generator, key=key)

    def evaluate(data):
        label = jnp.round((data.sign + 1) / 2)
        result = softmax_fit(data.x, label, data.weight, start=start)
        lost = ~result.converged & ~result.separated
        return {
            "excess": risk(result.theta) - risk(best),
            "not_converged": lost,
            "separated": result.separated,
        }

    def call(replicates: int) -> monte_carlo.Result:
        return monte_carlo.run(
            (draw, evaluate),
            key=jax.random.key(3),
            replicates=replicates,
            block=4,
            devices=jax.local_devices()[:1],
        )

    call(1)  # compiles
    pilot = 8 if quick else 128
    began = time.perf_counter()
    result = call(pilot)
    spent = time.perf_counter() - began
    mean, std_error, _ = monte_carlo.estimate(result, "excess")
    needed = pilot * (std_error / (_PRECISION * mean)) ** 2
    simulating, predicted = spent * needed / pilot, float(theory.total)
    require_agreement(f"{classes} classes, {name}", predicted, mean, std_error, 0.1)
    return (
        f"| {classes} | {name} | {predicted:.5f} | {mean:.5f} ± {std_error:.5f} | "
        f"{1e3 * found.median:.0f} ms | {simulating:.1f} s ({needed:,.0f} replicates) | "
        f"**{simulating / found.median:,.0f}** |"
    )


def _balanced_risk(groups):
    """The balanced risk of a softmax rule: in each group its scores are normal."""
    size = len(groups) - 1
    z, weight = np.polynomial.hermite_e.hermegauss(_NODES)
    nodes = np.stack(np.meshgrid(*[z] * size, indexing="ij"), axis=-1).reshape(-1, size)
    mass = np.ones(())
    for _ in range(size):
        mass = np.multiply.outer(mass, weight / weight.sum())
    points, masses = jnp.asarray(nodes), jnp.asarray(mass.ravel())

    def risk(theta):
        total = jnp.zeros(())
        for group in groups:
            level = theta[:, 0] + theta[:, 1:] @ jnp.asarray(group.mean[0])
            spread = theta[:, 1:] @ jnp.asarray(group.cov[0]) @ theta[:, 1:].T
            scores = level[None] + points @ jnp.linalg.cholesky(spread).T
            whole = jnp.concatenate([jnp.zeros_like(scores[:, :1]), scores], axis=1)
            loss = jax.nn.logsumexp(whole, axis=1) - whole[:, group.label]
            total = total + masses @ loss
        return total / len(groups)

    return risk
