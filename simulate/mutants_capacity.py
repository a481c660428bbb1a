"""Wrong versions of theorem T, and the checks that must reject them."""

from __future__ import annotations

import math

from simulate.mutation import Mutant, replaced

__all__ = ["CAPACITY_MUTANTS"]


def _result(path: str, change):
    """Changes what a function of the theory returns: ``change(result, *arguments)``."""

    def wrong(original):
        def function(*arguments):
            return change(original(*arguments), *arguments)

        return function

    return replaced(path, wrong)


def _arguments(path: str, change):
    """Changes what a function of the theory is given: ``change(*arguments) -> arguments``."""

    def wrong(original):
        def function(*arguments):
            return original(*change(*arguments))

        return function

    return replaced(path, wrong)


CAPACITY_MUTANTS = (
    Mutant(
        "null-logit-inverted",
        ("T1",),
        "null token of logit log(var_prior/var_within) for log(var_within/var_prior)",
        ("T1.attention_mean.in-context.n2", "T1.attention_var.in-context.n2"),
        (_result("theory.capacity.location_attention_logits", lambda logits, *_: -logits),),
    ),
    Mutant(
        "minimax-as-plug-in",
        ("T1",),
        "d/(2n) for (d/2) log(1 + 1/n): the plug-in's divergence for the flat prior's",
        ("T1.flat_kl.in-context.n4",),
        (
            _result(
                "theory.capacity.flat_prior_expected_kl", lambda _, count, dim: dim / (2 * count)
            ),
        ),
    ),
    Mutant(
        "sharp-rate-doubled",
        ("T2",),
        "d/n for d/(2n)",
        ("T2.sharp_rate.in-context.n2000", "T2.formula.in-context.sharp_rate"),
        (_result("theory.token_capacity.sharp_token_rate", lambda rate, *_: 2 * rate),),
    ),
    Mutant(
        "envelope-in-n",
        ("T2",),
        "log d/n for log d/sqrt(n) in the paper's envelope",
        ("T2.envelope_exponent.in-context.seeds",),
        (_arguments("theory.token_capacity.paper_envelope", lambda count, dim: (count**2, dim)),),
    ),
    Mutant(
        "one-layer-too-many",
        ("T2",),
        "the floor of L + 1 layers for that of L",
        ("T2.floor.in-context.L1",),
        (
            _arguments(
                "theory.token_capacity.readout_floor",
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
            _arguments(
                "theory.token_capacity.dictionary_posterior", lambda logs, prior: (logs, 0 * prior)
            ),
        ),
    ),
    Mutant(
        "dirichlet-by-laplace",
        ("T3",),
        "mass 1 for every symbol: Laplace's rule in place of the prior",
        ("T3.dirichlet.in-context.1-0-0", "T3.formula.in-context.dirichlet"),
        (
            _arguments(
                "theory.token_capacity.dirichlet_multinomial_predictive",
                lambda counts, mass: (counts, 0 * mass + 1.0),
            ),
        ),
    ),
    Mutant(
        "bound-without-factor-two",
        ("T4",),
        "sqrt(v KL) for sqrt(2 v KL)",
        ("T4.attained.in-context.shifted", "T4.formula.in-context.fidelity_bound"),
        (_result("theory.capacity.fidelity_bias_bound", lambda bound, *_: bound / math.sqrt(2)),),
    ),
    Mutant(
        "bound-by-fourth-root",
        ("T4",),
        "fourth root of the divergence for its square root",
        ("T4.attained.in-context.shifted",),
        (_result("theory.capacity.fidelity_bias_bound", lambda bound, kl, _: bound / kl**0.25),),
    ),
)
