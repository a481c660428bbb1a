"""Wrong versions of theorem R, and the checks that must reject them."""

from __future__ import annotations

import jax.numpy as jnp

from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.experiments.discriminant import DISCRIMINANTS
from synthetic_oversampling.simulate.mutants.mutation import (
    Mutant,
    arguments,
    formula,
    replaced,
    result,
)
from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Oracle
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.prediction.excess_risk import predict

__all__ = ["RISK_MUTANTS"]


def _predicted(change):
    """Changes what theorem R predicts."""

    def wrong(original):
        def predict(*arguments):
            right = original(*arguments)
            return right._replace(**change(right))

        return predict

    return replaced("theory.prediction.excess_risk._predicted", wrong)


_EXPANSIONS = ("excess", "group_excess", "group_error")


def _expansions(change, names=_EXPANSIONS):
    return _predicted(lambda right: {name: change(getattr(right, name)) for name in names})


def _cox_snell_negated(right):
    parts = {name: getattr(right, name) for name in _EXPANSIONS}
    negated = {name: part._replace(cox_snell=-part.cox_snell) for name, part in parts.items()}
    return negated | {"estimator_bias": -right.estimator_bias}


def _groups_reversed(part):
    return type(part)(*(value[::-1] for value in part))


def _cached(function):
    """A replacement of a property that its class keeps under its own name."""

    def wrong(original):
        return property(function)

    return wrong


def _gain(change):
    """Changes the gain that follows from two predictions."""

    def wrong(original):
        def difference(first, second):
            return change(original(first, second), first, second)

        return difference

    return replaced("theory.prediction.benefit.difference", wrong)


def _known_covariance(setting):
    return predict(setting.groups, Design(setting.sizes, jnp.inf, 1.0), GaussianPlugin("known"))


def _unweighted(setting):
    return predict(setting.groups, Design.raw(setting.sizes), Oracle())


_NOISE = "R1.synthetic_noise"
_over = (1 - nt.alpha) ** 2 * (1 - nt.rho_g) / (nt.G**2 * nt.n_max)

_EVERY = tuple(CONFIGURATIONS)

RISK_MUTANTS = (
    Mutant(
        "variance-not-halved",
        ("R1", "R2"),
        "tr(H A^{-1} V A^{-1}) without the factor 1/2",
        (
            "R1.controlled.line.weighted",
            "R2.second_order.line.smote",
            "R1.order.two-points.weighted",
        ),
        (_expansions(lambda part: part._replace(variance=2 * part.variance)),),
        also=(*_EVERY, *DISCRIMINANTS, "scaling", "phases", "independent"),
    ),
    Mutant(
        "population-part-not-halved",
        ("R1", "R2", "R3"),
        "the population part of the excess risk without its factor 1/2",
        ("R1.excess.line.raw", "R2.excess.line.smote"),
        (_expansions(lambda part: part._replace(bias=2 * part.bias), ("excess",)),),
        also=(*_EVERY, "scaling", "phases", "independent"),
    ),
    Mutant(
        "local-form-by-balanced-hessian",
        ("R1",),
        "b' H^{-1} b / 2 for b' A^{-1} H A^{-1} b / 2: the Hessian of the bias left out",
        ("R1.local.line.scaled-close",),
        (_predicted(lambda right: {"local_bias": right.small_bias}),),
        also=_EVERY,
    ),
    Mutant(
        "cox-snell-sign",
        ("R1",),
        "the estimator's O(1/n) bias with the opposite sign",
        ("R1.controlled.line.raw", "R1.order.two-points.raw", "R1.bias_order.two-points.raw"),
        (_predicted(_cox_snell_negated),),
        also=_EVERY,
    ),
    Mutant(
        "synthetic-noise-weight-not-squared",
        ("R1",),
        "alpha/(G^2 N) for alpha^2/(G^2 N) in the noise of the augmented samples",
        ("R1.controlled.two-gaussians.oracle", "R1.control.two-gaussians.oracle"),
        (formula(_NOISE, lambda rhs: _over + nt.alpha / (nt.G**2 * nt.N)),),
    ),
    Mutant(
        "synthetic-noise-sizes-swapped",
        ("R1",),
        "n_max and N swapped in the noise of the synthetic samples",
        ("R1.controlled.two-gaussians.oracle", "R1.control.two-gaussians.oracle"),
        (formula(_NOISE, lambda rhs: rhs.xreplace({nt.n_max: nt.N, nt.N: nt.n_max})),),
    ),
    Mutant(
        "synthetic-noise-ratio-complement",
        ("R1",),
        "rho_g for 1 - rho_g in the noise of the oversampled samples",
        ("R1.controlled.two-gaussians.oracle", "R1.control.two-gaussians.oracle"),
        (formula(_NOISE, lambda rhs: rhs.xreplace({1 - nt.rho_g: nt.rho_g})),),
    ),
    Mutant(
        "gain-sign",
        ("R3",),
        "the design's excess minus the reference's",
        ("R3.gain.line.smote",),
        (_gain(lambda right, first, second: -right),),
        also=_EVERY,
    ),
    Mutant(
        "gain-without-bias",
        ("R3",),
        "the generator's bias left out of the gain",
        ("R3.gain.line.smote",),
        (
            _gain(
                lambda right, first, second: right - float(first.excess.bias - second.excess.bias)
            ),
        ),
    ),
    Mutant(
        "covariance-known-to-discriminant",
        ("R4",),
        "discriminant analysis with the true covariance in place of the pooled estimate",
        ("R4.lda_excess.efron-2.5.limit",),
        (
            replaced(
                "simulate.experiments.discriminant.Discriminant.fitted", _cached(_known_covariance)
            ),
        ),
        also=tuple(DISCRIMINANTS),
    ),
    Mutant(
        "logistic-without-weights",
        ("R4",),
        "plain logistic regression in place of the group-weighted one",
        ("R4.logistic_excess.efron-1.5.limit",),
        (
            replaced(
                "simulate.experiments.discriminant.Discriminant.logistic", _cached(_unweighted)
            ),
        ),
    ),
    Mutant(
        "covariance-by-one-inverse",
        ("R1", "R4"),
        "A^{-1} V for A^{-1} V A^{-1}: one inverse Hessian left out of the estimator's covariance",
        ("R4.logistic_orthogonal.efron-2.5.limit", "R4.lda_orthogonal.efron-2.5.limit"),
        (_predicted(lambda right: {"cov": jnp.linalg.solve(right.curvature, right.gradient_cov)}),),
        also=tuple(DISCRIMINANTS),
    ),
    Mutant(
        "efficiency-inverted",
        ("R4",),
        "loss of logistic regression over that of discriminant analysis",
        ("R4.table.efron-2.5.2.5",),
        (
            replaced(
                "theory.prediction.efficiency.relative_efficiency",
                lambda right: lambda *given, **options: 1 / right(*given, **options),
            ),
        ),
    ),
    Mutant(
        "labels-without-noise",
        ("R4",),
        "random labels predicted as fixed group sizes",
        (
            "R4.table_error.efron-2.5.2.5",
            "R4.formula_error.efron-2.5.2.5",
            "R4.lda_error.efron-2.5-random.limit",
        ),
        (
            replaced(
                "theory.prediction.efficiency.label_noise", lambda right: lambda size, total: 0.0
            ),
        ),
    ),
    Mutant(
        "error-by-the-risks-hessian",
        ("R4",),
        "the error's Hessian replaced by half of the risk's",
        ("R4.logistic_error.efron-2.5.limit", "R4.lda_error.efron-2.5.limit"),
        (
            result(
                "theory.prediction.efficiency.expected_losses",
                lambda right, *_: right | {"error": right["risk"] / 2},
            ),
        ),
    ),
    Mutant(
        "efficiency-constant-forgotten",
        ("R4",),
        "Delta^2/4 for 1 + Delta^2/4 in the efficiency's closed form",
        ("R4.formula.efron-2.5.2.5",),
        (
            formula(
                "R4.efficiency",
                lambda rhs: rhs * nt.Delta**2 / 4 / (1 + nt.Delta**2 / 4),
            ),
        ),
    ),
    Mutant(
        "groups-swapped",
        ("R5",),
        "the groups' risks and errors in the opposite order",
        (
            "R5.group_excess.line.raw",
            "R5.group_controlled.line.weighted",
            "R5.order.two-points.raw",
        ),
        (_expansions(_groups_reversed, ("group_excess", "group_error")),),
    ),
    Mutant(
        "group-slope-sign",
        ("R5",),
        "R_g moves by + grad R_g . A^{-1} b",
        ("R5.group_excess.line.raw", "R5.group_excess.line.smote"),
        (_expansions(lambda part: part._replace(bias=-part.bias), ("group_excess",)),),
        also=_EVERY,
    ),
    Mutant(
        "error-curvature-dropped",
        ("R5",),
        "the delta method for error rates without its second-order term",
        ("R5.error_controlled.line.weighted",),
        (_expansions(lambda part: part._replace(variance=0 * part.variance), ("group_error",)),),
    ),
    Mutant(
        "worst-group-of-expectations",
        ("R5",),
        "the maximum of expectations for the expectation of the maximum",
        ("R5.worst_error.ties.two", "R5.worst_error.ties.four"),
        (
            result(
                "theory.prediction.worst_group.expected_maximum",
                lambda right, means, cov: max(means),
            ),
        ),
    ),
    Mutant(
        "worst-group-independent",
        ("R5",),
        "errors of groups as if they were independent: their covariance left out",
        ("R5.worst_error.ties.two",),
        (
            arguments(
                "theory.prediction.worst_group.expected_maximum",
                lambda means, cov: (means, jnp.diag(jnp.diag(cov))),
            ),
        ),
    ),
)
