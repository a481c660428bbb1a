"""Wrong versions of theorem T, and the checks that must reject them."""

from __future__ import annotations

import math

import jax.numpy as jnp

from synthetic_oversampling.simulate.mutants.mutation import (
    Mutant,
    arguments,
    formula,
    replaced,
    result,
)
from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.population.groups import score_cov

__all__ = ["CAPACITY_MUTANTS"]


# wrong forms of these theorems, and the checks that reject them
CAPACITY_MUTANTS = (
    Mutant(
        name="null-logit-inverted",
        theorems=("T1",),
        change="null token of logit log(var_prior/var_within) for log(var_within/var_prior)",
        checks=(
            "T1.attention_mean.in-context.n2",
            "T1.attention_var.in-context.n2",
            "T1.formula.in-context.null_logit",
        ),
        changes=(
            result(
                "theory.in_context.capacity.location_attention_logits", lambda logits, *_: -logits
            ),
        ),
    ),
    Mutant(
        name="minimax-as-plug-in",
        theorems=("T1",),
        change="d/(2n) for (d/2) log(1 + 1/n): the plug-in's divergence for the flat prior's",
        checks=("T1.flat_kl.in-context.n4",),
        changes=(
            result(
                "theory.in_context.capacity.flat_prior_expected_kl",
                lambda _, count, dim: dim / (2 * count),
            ),
        ),
    ),
    Mutant(
        name="sharp-rate-doubled",
        theorems=("T2",),
        change="d/n for d/(2n)",
        checks=("T2.sharp_rate.in-context.n2000", "T2.formula.in-context.sharp_rate"),
        changes=(
            result("theory.in_context.token_capacity.sharp_token_rate", lambda rate, *_: 2 * rate),
        ),
    ),
    Mutant(
        name="one-layer-too-many",
        theorems=("T2",),
        change="the floor of L + 1 layers for that of L",
        checks=("T2.floor.in-context.L1",),
        changes=(
            arguments(
                "theory.in_context.token_capacity.readout_floor",
                lambda natural, table, depth, *rest: (natural, table, depth + 1, *rest),
            ),
        ),
    ),
    Mutant(
        name="dictionary-without-prior",
        theorems=("T3",),
        change="attention over the dictionary without the prior in its logits",
        checks=("T3.dictionary.in-context.n0", "T3.dictionary.in-context.n3"),
        changes=(
            arguments(
                "theory.in_context.token_capacity.dictionary_posterior",
                lambda logs, prior: (logs, 0 * prior),
            ),
        ),
    ),
    Mutant(
        name="dirichlet-by-laplace",
        theorems=("T3",),
        change="mass 1 for every symbol: Laplace's rule in place of the prior",
        checks=("T3.dirichlet.in-context.1-0-0", "T3.formula.in-context.dirichlet"),
        changes=(
            arguments(
                "theory.in_context.token_capacity.dirichlet_multinomial_predictive",
                lambda counts, mass: (counts, 0 * mass + 1.0),
            ),
        ),
    ),
    Mutant(
        name="bound-without-factor-two",
        theorems=("T4",),
        change="sqrt(v KL) for sqrt(2 v KL)",
        checks=("T4.attained.in-context.shifted", "T4.formula.in-context.fidelity_bound"),
        changes=(
            result(
                "theory.in_context.capacity.fidelity_bias_bound",
                lambda bound, *_: bound / math.sqrt(2),
            ),
        ),
    ),
    Mutant(
        name="bound-by-fourth-root",
        theorems=("T4",),
        change="fourth root of the divergence for its square root",
        checks=("T4.attained.in-context.shifted",),
        changes=(
            result(
                "theory.in_context.capacity.fidelity_bias_bound",
                lambda bound, kl, _: bound / kl**0.25,
            ),
        ),
    ),
    Mutant(
        name="bound-a-twentieth-higher",
        theorems=("T4",),
        change="1.05 sqrt(2 v KL) for sqrt(2 v KL)",
        checks=("T4.attained.in-context.tilted", "T4.formula.in-context.fidelity_bound"),
        changes=(
            result(
                "theory.in_context.capacity.fidelity_bias_bound", lambda bound, *_: 1.05 * bound
            ),
        ),
    ),
    Mutant(
        name="variance-for-its-proxy",
        theorems=("T4",),
        change="the variance of the score's entry for its sub-Gaussian variance proxy",
        checks=("T4.attained.in-context.tilted",),
        changes=(
            result(
                "theory.prediction.bounds.intercept_var_proxy",
                lambda _, theta, group: float(score_cov(theta, group)[0, 0]),
            ),
        ),
    ),
    Mutant(
        name="null-weight-inverted",
        theorems=("T1",),
        change="weight of the null token from var_prior/var_within for var_within/var_prior",
        checks=("T1.formula.in-context.null_weight",),
        changes=(
            arguments(
                "theory.in_context.capacity.location_attention_weights",
                lambda count, within, prior: (count, prior, within),
            ),
        ),
    ),
    Mutant(
        name="predictive-variances-swapped",
        theorems=("T1",),
        change="the variances within groups and of the prior exchanged in the predictive",
        checks=("T1.predictive_mean.in-context.n2",),
        changes=(
            arguments(
                "theory.in_context.capacity.location_predictive",
                lambda seeds, mean, within, prior: (seeds, mean, prior, within),
            ),
        ),
    ),
    Mutant(
        name="predictive-prior-mean-sign",
        theorems=("T1",),
        change="the prior's mean with the opposite sign",
        checks=("T1.predictive_mean.in-context.n0",),
        changes=(
            arguments(
                "theory.in_context.capacity.location_predictive",
                lambda seeds, mean, *variances: (seeds, -mean, *variances),
            ),
        ),
    ),
    Mutant(
        name="predictive-of-a-known-mean",
        theorems=("T1",),
        change="the variance within groups for the predictive's: the mean's own uncertainty left "
        "out",
        checks=("T1.predictive_var.in-context.n0", "T1.formula.in-context.predictive_var"),
        changes=(
            result(
                "theory.in_context.capacity.location_predictive",
                lambda law, seeds, mean, within, prior: law._replace(var=jnp.asarray(within)),
            ),
        ),
    ),
    Mutant(
        name="expected-divergence-variances-swapped",
        theorems=("T1",),
        change="var_prior/var_within seeds for var_within/var_prior in what the prior is worth",
        checks=("T1.expected_kl.in-context.n1", "T1.formula.in-context.expected_kl"),
        changes=(
            arguments(
                "theory.in_context.capacity.location_expected_kl",
                lambda count, dim, within, prior: (count, dim, prior, within),
            ),
        ),
        also=("independent",),
    ),
    Mutant(
        name="minimax-not-halved",
        theorems=("T1",),
        change="d log(1 + 1/n) for (d/2) log(1 + 1/n)",
        checks=("T1.flat_kl.in-context.n32", "T1.formula.in-context.flat_kl"),
        changes=(
            result(
                "theory.in_context.capacity.flat_prior_expected_kl", lambda value, *_: 2 * value
            ),
        ),
        also=("independent",),
    ),
    Mutant(
        name="plug-in-not-halved",
        theorems=("T1",),
        change="d/n for d/(2n), the plug-in's divergence",
        checks=("T1.plugin_kl.in-context.n4", "T1.formula.in-context.plugin_kl"),
        changes=(
            result("theory.in_context.capacity.plugin_expected_kl", lambda value, *_: 2 * value),
        ),
    ),
    Mutant(
        name="divergence-reversed",
        theorems=("T1",),
        change="KL(q || p) for KL(p || q)",
        checks=("T1.gaussian_kl.in-context.pair",),
        changes=(
            arguments(
                "theory.in_context.capacity.gaussian_kl", lambda *four: (*four[2:], *four[:2])
            ),
        ),
    ),
    Mutant(
        name="seeds-noise-not-halved",
        theorems=("T2",),
        change="tr(K F)/n for tr(K F)/(2n): what seeds add to the floor of a read-out",
        checks=("T2.noise.in-context.L2",),
        changes=(
            arguments(
                "theory.in_context.token_capacity.readout_expected_kl",
                lambda natural, table, count, *rest: (natural, table, count / 2, *rest),
            ),
        ),
    ),
    Mutant(
        name="contraction-not-squared",
        theorems=("T2",),
        change="the floor shrinks by the contraction, not by its square",
        checks=("T2.contraction.in-context.L100",),
        changes=(
            result(
                "theory.in_context.token_capacity.layer_contraction",
                lambda factor, *_: jnp.sqrt(factor),
            ),
        ),
    ),
    Mutant(
        name="sharp-rate-in-squares",
        theorems=("T2",),
        change="d/(2n^2) for d/(2n)",
        checks=("T2.sharp_rate.in-context.n250", "T2.sharp_rate.in-context.n2000"),
        changes=(
            arguments(
                "theory.in_context.token_capacity.sharp_token_rate", lambda n, dim: (n**2, dim)
            ),
        ),
    ),
    Mutant(
        name="dirichlet-prior-reversed",
        theorems=("T3",),
        change="the prior's masses in the opposite order of the symbols",
        checks=("T3.dirichlet.in-context.0-0-0",),
        changes=(
            arguments(
                "theory.in_context.token_capacity.dirichlet_multinomial_predictive",
                lambda counts, mass: (counts, mass[::-1]),
            ),
        ),
    ),
    Mutant(
        name="bound-by-the-lower-end",
        theorems=("T4",),
        change="- sqrt(2 v KL) for sqrt(2 v KL): the other end of the interval",
        checks=("T4.score.in-context.predictive",),
        changes=(
            result("theory.in_context.capacity.fidelity_bias_bound", lambda bound, *_: -bound),
        ),
    ),
    Mutant(
        name="rows-one-degree-more",
        theorems=("T5",),
        change="nu - d + 2 degrees of freedom for nu - d + 1",
        checks=("T5.predictive.whole-rows.n6", "T5.predictive.whole-rows.n40"),
        changes=(
            result(
                "theory.in_context.regression.row_predictive",
                lambda law, *_: law._replace(df=law.df + 1),
            ),
        ),
    ),
    Mutant(
        name="rows-without-distance",
        theorems=("T5",),
        change="the scale of a feature without the distance of the earlier ones",
        checks=("T5.predictive.whole-rows.n0", "T5.predictive.whole-rows.n6"),
        changes=(
            result(
                "theory.in_context.regression.feature_predictive",
                lambda one, law, earlier: one._replace(
                    var_scale=law.scale[len(earlier), len(earlier)]
                ),
            ),
        ),
    ),
    Mutant(
        name="iterations-that-add",
        theorems=("T5",),
        change="a residual of power L + 1 for power 2^L",
        checks=(
            "T5.depth.whole-rows.n6-L6",
            "T5.rate.whole-rows.L4",
            "T5.depth_law.whole-rows.n20",
            "T5.formula.whole-rows.residual",
        ),
        changes=(
            result(
                "theory.in_context.regression.inversion_residual",
                lambda left, eigenvalues, iterations: left ** ((iterations + 1) / 2.0**iterations),
            ),
        ),
    ),
    Mutant(
        name="depth-cost-a-quarter-more",
        theorems=("T5",),
        change="the divergence of a depth times 5/4",
        checks=("T5.depth.whole-rows.n0-L5", "T5.costs.whole-rows.L3"),
        changes=(
            result("theory.in_context.regression.depth_divergence", lambda value, *_: 1.25 * value),
        ),
    ),
    Mutant(
        name="student-information-of-another-law",
        theorems=("T5",),
        change="df + 2 for df + 1 in the cost of the location, df + 1 for df in that of the scale",
        checks=("T5.costs.whole-rows.L3",),
        changes=(
            formula("T5.location_cost", lambda rhs: rhs * (nt.degrees + 2) / (nt.degrees + 1)),
            formula("T5.scale_cost", lambda rhs: rhs * (nt.degrees + 1) / nt.degrees),
        ),
    ),
    Mutant(
        name="depth-bound-quartered",
        theorems=("T5",),
        change="the bound of a depth over 4",
        checks=("T5.bound.whole-rows.n6-L6", "T5.bound.whole-rows.n40-L6"),
        changes=(result("theory.in_context.regression.depth_bound", lambda bound, *_: bound / 4),),
    ),
    Mutant(
        name="depth-bound-of-more-layers",
        theorems=("T5",),
        change="the bound of a depth of one iteration more",
        checks=("T5.bound.whole-rows.n0-L4",),
        changes=(
            arguments(
                "theory.in_context.regression.depth_bound",
                lambda after, iterations: (after, iterations + 1),
            ),
        ),
    ),
    Mutant(
        name="student-bound-halved",
        theorems=("T5",),
        change="half of the bound on the divergence of two Student laws",
        checks=("T5.student_bound.whole-rows.exceeded",),
        changes=(formula("T5.student_bound", lambda rhs: rhs / 2),),
    ),
    Mutant(
        name="rows-without-covariance",
        theorems=("T5",),
        change="the divergence of a known covariance, (d/2) log(1 + 1/n), for that of a row",
        checks=("T5.flat_kl.whole-rows.n24", "T5.formula.whole-rows.rows_rate"),
        changes=(
            result(
                "theory.in_context.regression.flat_rows_expected_kl",
                lambda _, count, dim: dim / 2 * math.log1p(1 / count),
            ),
        ),
    ),
    Mutant(
        name="iterations-without-dimension",
        theorems=("T5",),
        change="iterations for the condition number alone, without the order of the matrix",
        checks=("T5.formula.whole-rows.iterations",),
        changes=(
            replaced(
                "theory.in_context.regression.enough_iterations",
                lambda right: (
                    lambda residual, *, condition, dim: right(residual, condition=condition, dim=1)
                ),
            ),
        ),
    ),
)
