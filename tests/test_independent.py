"""Samples, fits and scores without theory: the same numbers as its fast code, in every family."""

import ast
import dataclasses
import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from synthetic_oversampling.simulate.checks.check import Observation, judge, make_plan
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.independent import groups, independent_checks
from synthetic_oversampling.simulate.experiments import independent as trials
from synthetic_oversampling.simulate.mutants.table import MUTANTS
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.verify.gate import gate
from synthetic_oversampling.theory.in_context import capacity
from synthetic_oversampling.theory.population.groups import error_rate, risk

CLOSE = 1e-8
REPLICATES = 6


def test_the_module_imports_nothing_of_theory_and_nothing_that_does():
    tree = ast.parse(inspect.getsource(trials))
    names = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert not {name.split(".")[0] for name in names} & {"theory", "simulate", "transformer_toy"}


@pytest.mark.parametrize("seed", range(REPLICATES))
def test_fits_risks_and_errors_are_those_of_the_fast_code(seed):
    designs = trials.rows(np.random.default_rng(seed))
    seen = trials.classifiers(np.random.default_rng(seed))
    laws = [group.law for group in groups()]
    star = jnp.asarray(trials.optimum())
    assert designs.keys() == set(trials.DESIGNS) and not seen["not_converged"]
    for k, (x, sign, weight) in enumerate(designs.values()):
        theta, _ = trials.newton(x, sign, weight)
        assert weight.sum() == pytest.approx(1.0, abs=1e-12)
        fast = fit(jnp.asarray(x)[:, None], jnp.asarray(sign), jnp.asarray(weight))
        assert bool(fast.converged)
        np.testing.assert_allclose(theta, fast.theta, rtol=0, atol=CLOSE)
        excess = np.mean([float(risk(fast.theta, law) - risk(star, law)) for law in laws])
        assert seen["excess"][k] == pytest.approx(excess, rel=0, abs=CLOSE)
        assert seen["displacement"][k] == theta[0] - float(star[0])
        for g, law in enumerate(laws):
            assert trials.error(theta, g) == pytest.approx(
                float(error_rate(fast.theta, law)), rel=0, abs=CLOSE
            )


def test_the_loop_finds_what_scipy_minimises():
    x, sign, weight = trials.rows(np.random.default_rng(1))["plugin"]

    def loss(theta):
        return float(weight @ np.logaddexp(0.0, -sign * (theta[0] + theta[1] * x)))

    found = minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(trials.newton(x, sign, weight)[0], found.x, atol=1e-6)


def test_separated_labels_have_no_minimiser():
    x = np.array([-2.0, -1.0, 1.0, 2.0])
    assert not trials.newton(x, np.sign(x), np.full(4, 0.25))[1]


@pytest.mark.parametrize("seed", range(REPLICATES))
def test_divergences_are_those_of_the_closed_forms(seed):
    rng = np.random.default_rng(seed)
    mean = rng.normal(trials.MEAN_PRIOR, math.sqrt(trials.VAR_PRIOR))
    seeds = rng.normal(mean, math.sqrt(trials.VAR_WITHIN), trials.SEEDS)
    within, prior = trials.VAR_WITHIN, trials.VAR_PRIOR
    truth = jnp.asarray([mean]), jnp.asarray(within)
    law = capacity.location_predictive(
        jnp.asarray(seeds)[:, None], jnp.asarray([trials.MEAN_PRIOR]), within, prior
    )
    flat = jnp.asarray([seeds.mean()]), jnp.asarray(within * (1 + 1 / trials.SEEDS))
    seen = trials.attention(np.random.default_rng(seed))
    for name, other in (("attention", law), ("flat", flat)):
        closed = float(capacity.gaussian_kl(*truth, *other))
        assert float(seen[name]) == pytest.approx(closed, rel=0, abs=CLOSE)


def test_a_replicate_depends_on_its_key_alone():
    functions, block = trials.EXPERIMENTS["attention"]
    runs = [
        monte_carlo.run(functions, key=jax.random.key(5), replicates=n, block=block, keep=True)
        for n in (70, 130)
    ]
    first, second = (monte_carlo.values(run, "attention") for run in runs)
    np.testing.assert_array_equal(first, second[:70])
    assert len(np.unique(second)) == 130


def test_every_check_is_independent_and_fails_under_a_wrong_formula():
    """Judged on means that are as predicted, with the spread that is declared: no luck in it."""
    checks = planned(independent_checks("quick"))
    plan = make_plan(checks)
    assert {c.source for c in checks} == {"simulated and scored independently"}
    assert {c.theorem[0] for c in checks} == set("BRST")
    outcomes = []
    for check in checks:
        n = plan.for_check(checks, check)
        assert plan.indecision(check, n) < 1e-9
        seen = Observation(
            mean=check.theory, std_error=check.std / math.sqrt(n), n=n, skewness=check.skewness
        )
        outcomes.append(judge(check, seen, plan.z))
    assert {outcome.verdict for outcome in outcomes} == {"pass"}
    reaching = [
        dataclasses.replace(mutant, checks=(checks[0].id,), also=("independent",))
        for mutant in MUTANTS.values()
        if "independent" in mutant.also
    ]
    result = gate(outcomes, reaching, "quick", wide=True)
    assert result.idle == ()
