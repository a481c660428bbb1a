"""Wrong versions of theorem T, and the checks that must reject them."""

from __future__ import annotations

import math

import jax.numpy as jnp

from synthetic_oversampling.simulate.mutants.mutation import Mutant, arguments, result
from synthetic_oversampling.theory.population.groups import score_cov

__all__ = ["CAPACITY_MUTANTS"]


CAPACITY_MUTANTS = (
    Mutant(
        "null-logit-inverted",
        ("T1",),
        "null token of logit log(var_prior/var_within) for log(var_within/var_prior)",
        (
            "T1.attention_mean.in-context.n2",
            "T1.attention_var.in-context.n2",
            "T1.formula.in-context.null_logit",
        ),
        (
            result(
                "theory.in_context.capacity.location_attention_logits", lambda logits, *_: -logits
            ),
        ),
    ),
    Mutant(
        "minimax-as-plug-in",
        ("T1",),
        "d/(2n) for (d/2) log(1 + 1/n): the plug-in's divergence for the flat prior's",
        ("T1.flat_kl.in-context.n4",),
        (
            result(
                "theory.in_context.capacity.flat_prior_expected_kl",
                lambda _, count, dim: dim / (2 * count),
            ),
        ),
    ),
    Mutant(
        "sharp-rate-doubled",
        ("T2",),
        "d/n for d/(2n)",
        ("T2.sharp_rate.in-context.n2000", "T2.formula.in-context.sharp_rate"),
        (result("theory.in_context.token_capacity.sharp_token_rate", lambda rate, *_: 2 * rate),),
    ),
    Mutant(
        "one-layer-too-many",
        ("T2",),
        "the floor of L + 1 layers for that of L",
        ("T2.floor.in-context.L1",),
        (
            arguments(
                "theory.in_context.token_capacity.readout_floor",
                lambda natural, table, depth, *rest: (natural, table, depth + 1, *rest),
            ),
        ),
    ),
    Mutant(
        "dictionary-without-prior",
        ("T3",),
        "attention over the dictionary without the prior in its logits",
        ("T3.dictionary.in-context.n0", "T3.dictionary.in-context.n3"),
        (
            arguments(
                "theory.in_context.token_capacity.dictionary_posterior",
                lambda logs, prior: (logs, 0 * prior),
            ),
        ),
    ),
    Mutant(
        "dirichlet-by-laplace",
        ("T3",),
        "mass 1 for every symbol: Laplace's rule in place of the prior",
        ("T3.dirichlet.in-context.1-0-0", "T3.formula.in-context.dirichlet"),
        (
            arguments(
                "theory.in_context.token_capacity.dirichlet_multinomial_predictive",
                lambda counts, mass: (counts, 0 * mass + 1.0),
            ),
        ),
    ),
    Mutant(
        "bound-without-factor-two",
        ("T4",),
        "sqrt(v KL) for sqrt(2 v KL)",
        ("T4.attained.in-context.shifted", "T4.formula.in-context.fidelity_bound"),
        (
            result(
                "theory.in_context.capacity.fidelity_bias_bound",
                lambda bound, *_: bound / math.sqrt(2),
            ),
        ),
    ),
    Mutant(
        "bound-by-fourth-root",
        ("T4",),
        "fourth root of the divergence for its square root",
        ("T4.attained.in-context.shifted",),
        (
            result(
                "theory.in_context.capacity.fidelity_bias_bound",
                lambda bound, kl, _: bound / kl**0.25,
            ),
        ),
    ),
    Mutant(
        "bound-a-twentieth-higher",
        ("T4",),
        "1.05 sqrt(2 v KL) for sqrt(2 v KL)",
        ("T4.attained.in-context.tilted", "T4.formula.in-context.fidelity_bound"),
        (result("theory.in_context.capacity.fidelity_bias_bound", lambda bound, *_: 1.05 * bound),),
    ),
    Mutant(
        "variance-for-its-proxy",
        ("T4",),
        "the variance of the score's entry for its sub-Gaussian variance proxy",
        ("T4.attained.in-context.tilted",),
        (
            result(
                "theory.prediction.bounds.intercept_var_proxy",
                lambda _, theta, group: float(score_cov(theta, group)[0, 0]),
            ),
        ),
    ),
    Mutant(
        "null-weight-inverted",
        ("T1",),
        "weight of the null token from var_prior/var_within for var_within/var_prior",
        ("T1.formula.in-context.null_weight",),
        (
            arguments(
                "theory.in_context.capacity.location_attention_weights",
                lambda count, within, prior: (count, prior, within),
            ),
        ),
    ),
    Mutant(
        "predictive-variances-swapped",
        ("T1",),
        "the variances within groups and of the prior exchanged in the predictive",
        ("T1.predictive_mean.in-context.n2",),
        (
            arguments(
                "theory.in_context.capacity.location_predictive",
                lambda seeds, mean, within, prior: (seeds, mean, prior, within),
            ),
        ),
    ),
    Mutant(
        "predictive-prior-mean-sign",
        ("T1",),
        "the prior's mean with the opposite sign",
        ("T1.predictive_mean.in-context.n0",),
        (
            arguments(
                "theory.in_context.capacity.location_predictive",
                lambda seeds, mean, *variances: (seeds, -mean, *variances),
            ),
        ),
    ),
    Mutant(
        "predictive-of-a-known-mean",
        ("T1",),
        "the variance within groups for the predictive's: the mean's own uncertainty left out",
        ("T1.predictive_var.in-context.n0", "T1.formula.in-context.predictive_var"),
        (
            result(
                "theory.in_context.capacity.location_predictive",
                lambda law, seeds, mean, within, prior: law._replace(var=jnp.asarray(within)),
            ),
        ),
    ),
    Mutant(
        "expected-divergence-variances-swapped",
        ("T1",),
        "var_prior/var_within seeds for var_within/var_prior in what the prior is worth",
        ("T1.expected_kl.in-context.n1", "T1.formula.in-context.expected_kl"),
        (
            arguments(
                "theory.in_context.capacity.location_expected_kl",
                lambda count, dim, within, prior: (count, dim, prior, within),
            ),
        ),
        also=("independent",),
    ),
    Mutant(
        "minimax-not-halved",
        ("T1",),
        "d log(1 + 1/n) for (d/2) log(1 + 1/n)",
        ("T1.flat_kl.in-context.n32", "T1.formula.in-context.flat_kl"),
        (result("theory.in_context.capacity.flat_prior_expected_kl", lambda value, *_: 2 * value),),
        also=("independent",),
    ),
    Mutant(
        "plug-in-not-halved",
        ("T1",),
        "d/n for d/(2n), the plug-in's divergence",
        ("T1.plugin_kl.in-context.n4", "T1.formula.in-context.plugin_kl"),
        (result("theory.in_context.capacity.plugin_expected_kl", lambda value, *_: 2 * value),),
    ),
    Mutant(
        "divergence-reversed",
        ("T1",),
        "KL(q || p) for KL(p || q)",
        ("T1.gaussian_kl.in-context.pair",),
        (
            arguments(
                "theory.in_context.capacity.gaussian_kl", lambda *four: (*four[2:], *four[:2])
            ),
        ),
    ),
    Mutant(
        "seeds-noise-not-halved",
        ("T2",),
        "tr(K F)/n for tr(K F)/(2n): what seeds add to the floor of a read-out",
        ("T2.noise.in-context.L2",),
        (
            arguments(
                "theory.in_context.token_capacity.readout_expected_kl",
                lambda natural, table, count, *rest: (natural, table, count / 2, *rest),
            ),
        ),
    ),
    Mutant(
        "contraction-not-squared",
        ("T2",),
        "the floor shrinks by the contraction, not by its square",
        ("T2.contraction.in-context.L100",),
        (
            result(
                "theory.in_context.token_capacity.layer_contraction",
                lambda factor, *_: jnp.sqrt(factor),
            ),
        ),
    ),
    Mutant(
        "sharp-rate-in-squares",
        ("T2",),
        "d/(2n^2) for d/(2n)",
        ("T2.sharp_rate.in-context.n250", "T2.sharp_rate.in-context.n2000"),
        (
            arguments(
                "theory.in_context.token_capacity.sharp_token_rate", lambda n, dim: (n**2, dim)
            ),
        ),
    ),
    Mutant(
        "dirichlet-prior-reversed",
        ("T3",),
        "the prior's masses in the opposite order of the symbols",
        ("T3.dirichlet.in-context.0-0-0",),
        (
            arguments(
                "theory.in_context.token_capacity.dirichlet_multinomial_predictive",
                lambda counts, mass: (counts, mass[::-1]),
            ),
        ),
    ),
    Mutant(
        "bound-by-the-lower-end",
        ("T4",),
        "- sqrt(2 v KL) for sqrt(2 v KL): the other end of the interval",
        ("T4.score.in-context.predictive",),
        (result("theory.in_context.capacity.fidelity_bias_bound", lambda bound, *_: -bound),),
    ),
)
