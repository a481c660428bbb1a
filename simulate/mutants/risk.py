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

# wrong forms of these theorems, and the checks that reject them
RISK_MUTANTS = (
    Mutant(
        name="variance-not-halved",
        theorems=("R1", "R2"),
        change="tr(H A^{-1} V A^{-1}) without the factor 1/2",
        checks=(
            "R1.controlled.line.weighted",
            "R2.second_order.line.smote",
            "R1.order.two-points.weighted",
        ),
        changes=(_expansions(lambda part: part._replace(variance=2 * part.variance)),),
        also=(*_EVERY, *DISCRIMINANTS, "scaling", "phases", "independent"),
    ),
    Mutant(
        name="population-part-not-halved",
        theorems=("R1", "R2", "R3"),
        change="the population part of the excess risk without its factor 1/2",
        checks=("R1.excess.line.raw", "R2.excess.line.smote"),
        changes=(_expansions(lambda part: part._replace(bias=2 * part.bias), ("excess",)),),
        also=(*_EVERY, "scaling", "phases", "independent"),
    ),
    Mutant(
        name="local-form-by-balanced-hessian",
        theorems=("R1",),
        change="b' H^{-1} b / 2 for b' A^{-1} H A^{-1} b / 2: the Hessian of the bias left out",
        checks=("R1.local.line.scaled-close",),
        changes=(_predicted(lambda right: {"local_bias": right.small_bias}),),
        also=_EVERY,
    ),
    Mutant(
        name="cox-snell-sign",
        theorems=("R1",),
        change="the estimator's O(1/n) bias with the opposite sign",
        checks=(
            "R1.controlled.line.raw",
            "R1.order.two-points.raw",
            "R1.bias_order.two-points.raw",
        ),
        changes=(_predicted(_cox_snell_negated),),
        also=_EVERY,
    ),
    Mutant(
        name="synthetic-noise-weight-not-squared",
        theorems=("R1",),
        change="alpha/(G^2 N) for alpha^2/(G^2 N) in the noise of the augmented samples",
        checks=("R1.controlled.two-gaussians.oracle", "R1.control.two-gaussians.oracle"),
        changes=(formula(_NOISE, lambda rhs: _over + nt.alpha / (nt.G**2 * nt.N)),),
    ),
    Mutant(
        name="synthetic-noise-sizes-swapped",
        theorems=("R1",),
        change="n_max and N swapped in the noise of the synthetic samples",
        checks=("R1.controlled.two-gaussians.oracle", "R1.control.two-gaussians.oracle"),
        changes=(formula(_NOISE, lambda rhs: rhs.xreplace({nt.n_max: nt.N, nt.N: nt.n_max})),),
    ),
    Mutant(
        name="synthetic-noise-ratio-complement",
        theorems=("R1",),
        change="rho_g for 1 - rho_g in the noise of the oversampled samples",
        checks=("R1.controlled.two-gaussians.oracle", "R1.control.two-gaussians.oracle"),
        changes=(formula(_NOISE, lambda rhs: rhs.xreplace({1 - nt.rho_g: nt.rho_g})),),
    ),
    Mutant(
        name="gain-sign",
        theorems=("R3",),
        change="the design's excess minus the reference's",
        checks=("R3.gain.line.smote",),
        changes=(_gain(lambda right, first, second: -right),),
        also=_EVERY,
    ),
    Mutant(
        name="gain-without-bias",
        theorems=("R3",),
        change="the generator's bias left out of the gain",
        checks=("R3.gain.line.smote",),
        changes=(
            _gain(
                lambda right, first, second: right - float(first.excess.bias - second.excess.bias)
            ),
        ),
    ),
    Mutant(
        name="covariance-known-to-discriminant",
        theorems=("R4",),
        change="discriminant analysis with the true covariance in place of the pooled estimate",
        checks=("R4.lda_excess.efron-2.5.limit",),
        changes=(
            replaced(
                "simulate.experiments.discriminant.Discriminant.fitted", _cached(_known_covariance)
            ),
        ),
        also=tuple(DISCRIMINANTS),
    ),
    Mutant(
        name="logistic-without-weights",
        theorems=("R4",),
        change="plain logistic regression in place of the group-weighted one",
        checks=("R4.logistic_excess.efron-1.5.limit",),
        changes=(
            replaced(
                "simulate.experiments.discriminant.Discriminant.logistic", _cached(_unweighted)
            ),
        ),
    ),
    Mutant(
        name="covariance-by-one-inverse",
        theorems=("R1", "R4"),
        change="A^{-1} V for A^{-1} V A^{-1}: one inverse Hessian left out of the estimator's "
        "covariance",
        checks=("R4.logistic_orthogonal.efron-2.5.limit", "R4.lda_orthogonal.efron-2.5.limit"),
        changes=(
            _predicted(
                lambda right: {"cov": jnp.linalg.solve(right.curvature, right.gradient_cov)}
            ),
        ),
        also=tuple(DISCRIMINANTS),
    ),
    Mutant(
        name="efficiency-inverted",
        theorems=("R4",),
        change="loss of logistic regression over that of discriminant analysis",
        checks=("R4.table.efron-2.5.2.5",),
        changes=(
            replaced(
                "theory.prediction.efficiency.relative_efficiency",
                lambda right: lambda *given, **options: 1 / right(*given, **options),
            ),
        ),
    ),
    Mutant(
        name="labels-without-noise",
        theorems=("R4",),
        change="random labels predicted as fixed group sizes",
        checks=(
            "R4.table_error.efron-2.5.2.5",
            "R4.formula_error.efron-2.5.2.5",
            "R4.lda_error.efron-2.5-random.limit",
        ),
        changes=(
            replaced(
                "theory.prediction.efficiency.label_noise", lambda right: lambda size, total: 0.0
            ),
        ),
    ),
    Mutant(
        name="error-by-the-risks-hessian",
        theorems=("R4",),
        change="the error's Hessian replaced by half of the risk's",
        checks=("R4.logistic_error.efron-2.5.limit", "R4.lda_error.efron-2.5.limit"),
        changes=(
            result(
                "theory.prediction.efficiency.expected_losses",
                lambda right, *_: right | {"error": right["risk"] / 2},
            ),
        ),
    ),
    Mutant(
        name="efficiency-constant-forgotten",
        theorems=("R4",),
        change="Delta^2/4 for 1 + Delta^2/4 in the efficiency's closed form",
        checks=("R4.formula.efron-2.5.2.5",),
        changes=(
            formula(
                "R4.efficiency",
                lambda rhs: rhs * nt.Delta**2 / 4 / (1 + nt.Delta**2 / 4),
            ),
        ),
    ),
    Mutant(
        name="groups-swapped",
        theorems=("R5",),
        change="the groups' risks and errors in the opposite order",
        checks=(
            "R5.group_excess.line.raw",
            "R5.group_controlled.line.weighted",
            "R5.order.two-points.raw",
        ),
        changes=(_expansions(_groups_reversed, ("group_excess", "group_error")),),
    ),
    Mutant(
        name="group-slope-sign",
        theorems=("R5",),
        change="R_g moves by + grad R_g . A^{-1} b",
        checks=("R5.group_excess.line.raw", "R5.group_excess.line.smote"),
        changes=(_expansions(lambda part: part._replace(bias=-part.bias), ("group_excess",)),),
        also=_EVERY,
    ),
    Mutant(
        name="error-curvature-dropped",
        theorems=("R5",),
        change="the delta method for error rates without its second-order term",
        checks=("R5.error_controlled.line.weighted",),
        changes=(
            _expansions(lambda part: part._replace(variance=0 * part.variance), ("group_error",)),
        ),
    ),
    Mutant(
        name="worst-group-of-expectations",
        theorems=("R5",),
        change="the maximum of expectations for the expectation of the maximum",
        checks=("R5.worst_error.ties.two", "R5.worst_error.ties.four"),
        changes=(
            result(
                "theory.prediction.worst_group.expected_maximum",
                lambda right, means, cov: max(means),
            ),
        ),
    ),
    Mutant(
        name="worst-group-independent",
        theorems=("R5",),
        change="errors of groups as if they were independent: their covariance left out",
        checks=("R5.worst_error.ties.two",),
        changes=(
            arguments(
                "theory.prediction.worst_group.expected_maximum",
                lambda means, cov: (means, jnp.diag(jnp.diag(cov))),
            ),
        ),
    ),
)
