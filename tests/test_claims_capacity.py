"""The checks of theorem T: planned, cheap to build, and able to reject wrong formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from synthetic_oversampling.simulate.checks.check import judge, judge_exact, make_plan
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.in_context import capacity as claims_capacity
from synthetic_oversampling.simulate.experiments import in_context, score_bias
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.observing import observe
from synthetic_oversampling.simulate.verify import suites
from synthetic_oversampling.simulate.verify.run import experiment_key
from synthetic_oversampling.theory.in_context import capacity, token_capacity
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction import bounds

MINORITY = GaussianGroup(np.array(score_bias.MEANS[1]), np.eye(2), 1)
REPLICATES = {"location": 4096, "tokens": 1024, "symbols": 4096, "scores": 32_768}


@pytest.fixture(scope="module")
def observed():
    """One small sample of every experiment, at the key that ``verify`` uses."""
    key = experiment_key(1, claims_capacity.SUITE)
    return {
        f"in-context/{name}": monte_carlo.run(
            function, key=key, replicates=REPLICATES[name], block=block
        )
        for name, (function, block) in in_context.EXPERIMENTS.items()
    }


@pytest.fixture(scope="module")
def checks():
    return planned(claims_capacity.capacity_checks("quick"))


def _verdicts(observed, checks) -> dict[str, str]:
    """Verdicts at the small sample's interval, 4.9 standard errors either way."""
    z = make_plan(checks).z
    return {
        check.id: (
            judge(check, observe(check, observed), z) if check.experiments else judge_exact(check)
        ).verdict
        for check in checks
    }


def test_nothing_fails_and_what_needs_no_noise_passes(observed, checks):
    noisy = {check.id: bool(check.experiments) for check in checks}
    assert len(noisy) == len(checks), "ids are unique"
    assert {check.theorem for check in checks} == {"T1", "T2", "T3", "T4"}
    for name, verdict in _verdicts(observed, checks).items():
        assert verdict != "fail", name
        assert verdict == "pass" or noisy[name], name
    assert claims_capacity.SUITE in suites.SUITES


def test_every_check_is_planned_with_the_power_it_declares(checks):
    plan = make_plan(checks)
    for check in checks:
        if check.experiments:
            assert plan.power(check, plan.replicates[check.id]) >= 0.989, check.id
            assert plan.replicates[check.id] < 40_000, check.id


def test_declared_spreads_are_those_of_the_replicates(observed, checks):
    """A spread declared too small would plan too few replicates."""
    for check in checks:
        if check.experiments and check.kind != "bound":
            seen = observe(check, observed)
            assert seen.std_error * seen.n**0.5 < 1.15 * check.std, check.id


def _mutant(module, name, change):
    return lambda patch: patch.setattr(module, name, change(getattr(module, name)))


def _times(factor):
    return lambda original: lambda *a, **k: factor * original(*a, **k)


def _power(exponent):  # of the count, the first argument
    return lambda original: lambda n, *a: original(n, *a) * jnp.asarray(n, float) ** exponent


def _one_more(original):  # n + 1 for n
    return lambda n, *a: original(n + 1, *a)


def _swapped(original):  # the variances exchanged
    return lambda n, *a: original(n, *a[:-2], a[-1], a[-2])


def _without_log(original):  # 1/n for log(1 + 1/n)
    return lambda n, d, *a: 0.5 * d / (n + (a[0] / a[1] if a else 0.0))


def _sign_flip(original):
    return lambda n, *a: -original(n, *a)


def _divided(original):  # of KL(P || Q): the arguments exchanged
    return lambda mp, vp, mq, vq: original(mq, vq, mp, vp)


C, K = capacity, token_capacity
MUTANTS = {
    "T1 null logit sign": (_mutant(C, "location_attention_logits", _sign_flip), "T1.attention"),
    "T1 null logit swapped": (_mutant(C, "location_attention_logits", _swapped), "T1.attention"),
    "T1 expected kl x 1.1": (_mutant(C, "location_expected_kl", _times(1.1)), "T1.expected_kl"),
    "T1 expected kl n + 1": (_mutant(C, "location_expected_kl", _one_more), "T1.expected_kl"),
    "T1 expected kl swapped": (_mutant(C, "location_expected_kl", _swapped), "T1.expected_kl"),
    "T1 expected kl log": (_mutant(C, "location_expected_kl", _without_log), "T1.expected_kl"),
    "T1 flat log": (_mutant(C, "flat_prior_expected_kl", _without_log), "T1.flat_kl"),
    "T1 flat x 1.1": (_mutant(C, "flat_prior_expected_kl", _times(1.1)), "T1.flat_kl"),
    "T1 flat / 1.1": (_mutant(C, "flat_prior_expected_kl", _times(1 / 1.1)), "T1.flat_kl"),
    "T1 plug-in x 1.1": (_mutant(C, "plugin_expected_kl", _times(1.1)), "T1.plugin_kl"),
    "T1 plug-in n + 1": (_mutant(C, "plugin_expected_kl", _one_more), "T1.plugin_kl"),
    "T1 plug-in n^-0.9": (_mutant(C, "plugin_expected_kl", _power(0.1)), "T1.plugin_kl"),
    "T1 divergence reversed": (_mutant(C, "gaussian_kl", _divided), "T1.gaussian_kl"),
    "T2 rate x 1.15": (_mutant(K, "sharp_token_rate", _times(1.15)), "T2.sharp_rate"),
    "T2 rate n^-1.1": (_mutant(K, "sharp_token_rate", _power(-0.1)), "T2.sharp"),
    "T2 floor x 1.1": (_mutant(K, "readout_floor", _times(1.1)), "T2.floor"),
    "T3 posterior": (
        _mutant(K, "dictionary_posterior", lambda f: lambda logs, prior: f(logs, 0.0 * prior)),
        "T3.dictionary",
    ),
    "T3 counts": (
        _mutant(
            K, "dirichlet_multinomial_predictive", lambda f: lambda n, a: f(n, jnp.ones_like(a))
        ),
        "T3.dirichlet",
    ),
    "T4 bound / 1.1": (_mutant(C, "fidelity_bias_bound", _times(1 / 1.1)), "T4.attained"),
    "T4 bound x 1.1": (_mutant(C, "fidelity_bias_bound", _times(1.1)), "T4.attained"),
    "T4 bound x 1.05": (_mutant(C, "fidelity_bias_bound", _times(1.05)), "T4.attained"),
    "T4 without the 2": (_mutant(C, "fidelity_bias_bound", _times(0.5**0.5)), "T4.attained"),
}


PART_OF = {"T1.attention": "predictive", "T1": "location", "T2": "rates"}
PART_OF |= {"T2.floor": "floors", "T3": "finite", "T4": "fidelity"}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_formula_is_rejected_by_its_own_check(name, observed, monkeypatch):
    """At a tenth of the planned replicates; errors of a tenth need the margin of several checks."""
    apply, prefix = MUTANTS[name]
    apply(monkeypatch)
    part = claims_capacity.PARTS[PART_OF.get(prefix, PART_OF[prefix[:2]])]
    planned_checks = planned(check for check in part(0.05) if check.id.startswith(prefix))
    verdicts = _verdicts(observed, planned_checks)
    assert "fail" in verdicts.values(), verdicts


def test_the_layers_posterior_is_scipys_conjugate_update():
    """The numerical route itself, against the precision-weighted mean."""
    for count in (0, 3, 64):
        mean, var = in_context.location_by_quadrature(count)
        precision = 1 / in_context.VAR_PRIOR + count / in_context.VAR_WITHIN
        seeds = in_context.fixed_seeds(count)
        expected = np.asarray(in_context.MEAN_PRIOR) / in_context.VAR_PRIOR
        expected = (expected + seeds.sum(axis=0) / in_context.VAR_WITHIN) / precision
        np.testing.assert_allclose(mean, expected, rtol=1e-11)
        np.testing.assert_allclose(var, in_context.VAR_WITHIN + 1 / precision, rtol=1e-11)


def test_drawn_tokens_have_their_probabilities():
    probs = np.array([0.5, 0.0, 0.3, 0.2])
    drawn = np.asarray(in_context._drawn(jax.random.key(3), probs, 20_000)).sum(axis=0)
    assert drawn[1] == 0 and drawn.sum() == 20_000
    assert stats.chisquare(drawn[[0, 2, 3]], 20_000 * probs[[0, 2, 3]]).pvalue > 1e-4


def test_average_laws_of_fitted_generators_are_those_of_their_samples():
    """Mean and variance of a sample from seeds and noise, from 40,000 draws of both."""
    rng, n = np.random.default_rng(5), score_bias.SEEDS
    average = np.asarray(score_bias.MEANS[1]) + rng.normal(size=(40_000, n, 2)).mean(axis=1)
    noise = rng.normal(size=average.shape)
    for name, spread in (("plugin", 1.0), ("predictive", (1 + 1 / n) ** 0.5)):
        law, x = score_bias.laws()[name], average + spread * noise
        np.testing.assert_allclose(x.mean(axis=0), law.mean, atol=5 * (law.var / 40_000) ** 0.5)
        error = law.var * (2 / 80_000) ** 0.5
        np.testing.assert_allclose(x.var(axis=0).mean(), law.var, atol=5 * error)
        per_seed = 0.5 * ((average - np.asarray(law.mean)) ** 2).sum(axis=1)
        ratio = spread**2
        divergence = ratio - 1 - np.log(ratio) + per_seed.mean()
        error = per_seed.std() / 200
        assert abs(divergence - law.divergence) < 5 * error, name


def test_the_intercepts_bound_uses_the_least_proxy_and_divergence_that_hold():
    mean, theta = np.asarray(score_bias.MEANS[1]), score_bias.optimum()
    x = mean + np.random.default_rng(2).normal(size=(400_000, 2))
    entry = -1 / (1 + np.exp(theta[0] + x @ theta[1:]))
    entry = entry - entry.mean()
    proxy = bounds.intercept_var_proxy(theta, MINORITY)
    assert entry.var() < proxy < 0.25 / 3  # its own variance, and a third of Hoeffding's bound
    for multiplier in (-6.0, -2.0, -0.5, 0.5, 2.0, 6.0):  # what a proxy is, on a sample
        assert np.log(np.exp(multiplier * entry).mean()) <= 1.01 * proxy * multiplier**2 / 2
    for name, law in score_bias.laws().items():
        gap = law.divergence - score_bias.average_divergence(law)
        assert gap > 0.08 if name in ("plugin", "predictive") else abs(gap) < 1e-15


def test_a_law_tilted_toward_its_own_score_attains_the_bound_and_no_other_multiplier_does():
    """Bias and divergence from half a million weighted draws; the proxy from its own grid."""
    law = score_bias.tilted()
    mean, theta = np.asarray(score_bias.MEANS[1]), score_bias.optimum()
    proxy = bounds.intercept_var_proxy(theta, MINORITY)
    most = np.sqrt(2 * proxy * law.divergence)
    assert abs(law.bias) <= most < 1.003 * abs(law.bias)  # certified from above, not by much
    x = mean + np.random.default_rng(8).normal(size=(500_000, 2))
    entry = -1 / (1 + np.exp(theta[0] + x @ theta[1:]))
    shares = []
    for multiplier in (law.multiplier, 0.3 * law.multiplier, -law.multiplier):
        ratio = np.exp(multiplier * (entry - entry.mean()))
        ratio = ratio / ratio.mean()
        bias, divergence = (ratio * entry).mean() - entry.mean(), (ratio * np.log(ratio)).mean()
        shares.append(abs(bias) / np.sqrt(2 * proxy * divergence))
        if multiplier == law.multiplier:
            assert np.isclose(bias, law.bias, rtol=0.01)
            assert np.isclose(divergence, law.divergence, rtol=0.01)
    assert 0.995 < shares[0] < 1.005 and max(shares[1:]) < 0.99
    replicates = jax.jit(jax.vmap(score_bias.replicate))  # the same law, from one normal variable
    drawn = replicates(jax.random.split(jax.random.key(4), 40_000))["tilted"]
    drawn = np.asarray(drawn)
    assert abs(drawn.mean() - abs(law.bias)) < 5 * drawn.std() / len(drawn) ** 0.5


def test_the_scores_proxy_serves_every_multiplier_and_one_found_on_a_grid_does_not():
    """On a grid of multipliers the largest ratio is a lower estimate: beyond it there is more."""
    theta = score_bias.optimum()
    node = np.linspace(-9.0, 9.0, 121)
    z = np.stack(np.meshgrid(node, node), axis=-1).reshape(-1, 2)
    log_mass = -np.sum(z**2, axis=1) / 2
    log_mass = log_mass - np.log(np.exp(log_mass).sum())
    rows = np.insert(np.asarray(score_bias.MEANS[1]) + z, 0, 1.0, axis=1)
    score = -rows / (1 + np.exp(rows @ theta))[:, None]
    score = score - np.exp(log_mass) @ score
    unit = np.random.default_rng(0).normal(size=(60, 3))
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)

    def largest(multipliers):
        found = 0.0
        for one in multipliers:
            tilted = one * (score @ unit.T) + log_mass[:, None]
            top = tilted.max(axis=0)
            psi = np.log(np.exp(tilted - top).sum(axis=0)) + top
            found = max(found, float(np.max(2 * psi / one**2)))
        return found

    near, far = largest((-2.0, -1.0, 1.0, 2.0)), largest((-8.0, 8.0))
    proxy = bounds.score_var_proxy(theta, MINORITY)
    assert 2 * near < far < proxy < 1.5 * far


def test_an_intercepts_bound_a_third_too_low_would_be_refuted():
    drawn = jax.jit(jax.vmap(score_bias.replicate))(jax.random.split(jax.random.key(6), 37_000))
    checks = {c.id: c for c in claims_capacity.PARTS["fidelity"](0.15)}
    shifted = checks["T4.intercept.in-context.shifted"].planned()
    seen = np.asarray(drawn["intercept"][:, 0])
    end = 4.9 * seen.std() / len(seen) ** 0.5
    assert seen.mean() + end < shifted.theory and seen.mean() - end > shifted.theory * 2 / 3
