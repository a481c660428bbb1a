"""Wrong versions of theorem B, and the checks that must reject them."""

from __future__ import annotations

import math

import numpy as np

from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.mutants.mutation import Mutant, formula, replaced, result
from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.population.design import Design

__all__ = ["BIAS_MUTANTS"]


def _linear(change):
    """Changes the linear displacement of `theory.prediction.bias.predict_bias`."""

    def wrong(original):
        def predict_bias(*arguments):
            right = original(*arguments)
            return right._replace(displacement_linear=change(right))

        return predict_bias

    return replaced("theory.prediction.bias.predict_bias", wrong)


def _linear_by_balanced_hessian(original):
    """The displacement that theorem R's prediction holds, with H for the target's Hessian."""

    def predict(*arguments):
        right = original(*arguments)
        return right._replace(
            displacement_linear=-np.linalg.solve(right.hessian, right.bias_gradient)
        )

    return predict


def _displaced(factor: float):
    """Multiplies the exact displacement that theorem R's prediction holds."""

    def wrong(original):
        def predict(*arguments):
            right = original(*arguments)
            return right._replace(displacement=factor * right.displacement)

        return predict

    return replaced("theory.prediction.excess_risk._predicted", wrong)


def _balanced_by_sizes(original):
    """The balanced optimum is computed from groups weighted by their sizes."""

    def population(groups, design, generator):
        right = original(groups, design, generator)
        share = np.asarray(design.sizes) / design.n_total
        weights = np.array(right.balanced.weights)
        real = right.real.weights.size  # the groups' own components come first
        weights[:real] *= np.repeat(len(groups) * share, real // len(groups))
        return right._replace(balanced=right.balanced._replace(weights=weights))

    return population


def _weighted_by_sizes(original):
    def real_mass(design):
        return (
            Design.raw(design.sizes).real_mass
            if design.scheme == "weighted"
            else original.fget(design)
        )

    return property(real_mass)


def _swapped(left, right):
    return lambda rhs: rhs.xreplace({left: right, right: left})


_EVERY = tuple(CONFIGURATIONS)

# wrong forms of these theorems, and the checks that reject them
BIAS_MUTANTS = (
    Mutant(
        name="risk-in-bits",
        theorems=("B1",),
        change="the expected empirical risk in bits instead of nats",
        checks=("B1.objective.line.raw", "B1.objective.two-gaussians.weighted"),
        changes=(
            result(
                "theory.prediction.bias.expected_empirical_risk",
                lambda value, *_: value / math.log(2.0),
            ),
        ),
        also=_EVERY,
    ),
    Mutant(
        name="weights-by-sizes",
        theorems=("B2", "R1"),
        change="group-weighted ERM on groups that weigh what their sizes say",
        checks=("B2.gradient.line.weighted", "B1.objective.line.weighted"),
        changes=(replaced("theory.population.design.Design.real_mass", _weighted_by_sizes),),
        also=_EVERY,
    ),
    Mutant(
        name="real-weight-complement",
        theorems=("B1",),
        change="a_g = alpha rho_g for (1 - alpha) rho_g",
        checks=("B1.objective.line.shifted",),
        changes=(formula("B1.real_mass", lambda rhs: nt.alpha * nt.rho_g / nt.G),),
        also=("wide",),
    ),
    Mutant(
        name="oversampling-ratio-complement",
        theorems=("B1",),
        change="oversampled weight (1 - alpha) rho_g / G for (1 - alpha) (1 - rho_g) / G",
        checks=("B1.objective.line.smote",),
        changes=(formula("B1.oversampling_mass", lambda rhs: (1 - nt.alpha) * nt.rho_g / nt.G),),
    ),
    Mutant(
        name="augmentation-weight-complement",
        theorems=("B1",),
        change="augmented weight (1 - alpha) / G for alpha / G",
        checks=("B1.objective.two-gaussians.scaled",),
        changes=(
            replaced(
                "theory.population.design.Design.augmentation_mass",
                lambda right: property(
                    lambda design: (design.weight > 0) / design.num_groups - right.fget(design)
                ),
            ),
        ),
    ),
    Mutant(
        name="displacement-sign",
        theorems=("B3",),
        change="theta_alpha - theta* = + A^{-1} b",
        checks=("B3.order.line.shifted", "B3.order.line.scaled"),
        changes=(_linear(lambda right: -right.displacement_linear),),
        also=_EVERY,
    ),
    Mutant(
        name="displacement-without-hessian",
        theorems=("B3",),
        change="theta_alpha - theta* = - b, the inverse Hessian dropped",
        checks=("B3.order.line.scaled",),
        changes=(_linear(lambda right: -right.bias_gradient),),
    ),
    Mutant(
        name="displacement-by-balanced-hessian",
        theorems=("B3",),
        change="theta_alpha - theta* = - H^{-1} b, the Hessian of the bias left out",
        checks=("B3.order.line.scaled-close",),
        changes=(
            replaced("theory.prediction.excess_risk._predicted", _linear_by_balanced_hessian),
        ),
        also=_EVERY,
    ),
    Mutant(
        name="displacement-a-tenth-longer",
        theorems=("B3",),
        change="theta_alpha - theta* = - 1.1 A^{-1} b",
        checks=("B3.order.line.mislabelled",),
        changes=(_linear(lambda right: 1.1 * right.displacement_linear),),
    ),
    Mutant(
        name="displacement-halved",
        theorems=("B3",),
        change="the estimate is displaced by half of what the target's minimiser is",
        checks=("B3.displacement.line.raw", "B3.displacement.line.smote"),
        changes=(_displaced(0.5),),
        also=(*_EVERY, "independent"),
    ),
    Mutant(
        name="prior-shift-classes-swapped",
        theorems=("B4",),
        change="raw ERM moves the intercept by log(n_0/n_1)",
        checks=("B4.shift.two-gaussians.raw", "B4.intercept.two-gaussians.raw"),
        changes=(formula("B4.shift", _swapped(nt.n_0, nt.n_1)),),
    ),
    Mutant(
        name="prior-shift-halved",
        theorems=("B4",),
        change="raw ERM moves the intercept by half of log(n_1/n_0)",
        checks=("B4.shift.two-gaussians.raw", "B4.intercept.two-gaussians.raw"),
        changes=(formula("B4.shift", lambda rhs: rhs / 2),),
    ),
    Mutant(
        name="error-classes-swapped",
        theorems=("B4",),
        change="the larger class pays: n_0 and n_1 swapped in the error of class 1",
        checks=("B4.error_1.two-gaussians.raw",),
        changes=(formula("B4.error_1", _swapped(nt.n_0, nt.n_1)),),
        also=("independent",),
    ),
    Mutant(
        name="error-distance-not-halved",
        theorems=("B4",),
        change="error of class 0 Phi(-Delta + ...) for Phi(-Delta/2 + ...)",
        checks=("B4.error_0.two-gaussians.raw",),
        changes=(formula("B4.error_0", lambda rhs: rhs.func(rhs.args[0] - nt.Delta / 2)),),
        also=("independent",),
    ),
    Mutant(
        name="raw-mass-of-the-other-groups",
        theorems=("B4", "B5"),
        change="raw ERM weighs a group by the sizes of all others",
        checks=("B5.weight2.spurious.raw",),
        changes=(formula("B4.raw_mass", lambda rhs: (1 - nt.n_g / nt.n_tot) / 3),),
        also=_EVERY,
    ),
    Mutant(
        name="spurious-weight-sign",
        theorems=("B5",),
        change="raw ERM's spurious weight with the opposite sign",
        checks=("B5.weight2.spurious.raw",),
        changes=(_displaced(-1.0),),
    ),
    Mutant(
        name="balanced-optimum-by-sizes",
        theorems=("B5",),
        change="the balanced optimum taken under the imbalanced sizes",
        checks=("B5.balanced.spurious.population",),
        changes=(replaced("theory.prediction.bias.population", _balanced_by_sizes),),
    ),
)
