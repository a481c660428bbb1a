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
    def real_mass(own):
        return Design.raw(own.sizes).real_mass if own.scheme == "weighted" else original.fget(own)

    return property(real_mass)


def _swapped(left, right):
    return lambda rhs: rhs.xreplace({left: right, right: left})


_EVERY = tuple(CONFIGURATIONS)

BIAS_MUTANTS = (
    Mutant(
        "risk-in-bits",
        ("B1",),
        "the expected empirical risk in bits instead of nats",
        ("B1.objective.line.raw", "B1.objective.two-gaussians.weighted"),
        (
            result(
                "theory.prediction.bias.expected_empirical_risk",
                lambda value, *_: value / math.log(2.0),
            ),
        ),
        also=_EVERY,
    ),
    Mutant(
        "weights-by-sizes",
        ("B2", "R1"),
        "group-weighted ERM on groups that weigh what their sizes say",
        ("B2.gradient.line.weighted", "B1.objective.line.weighted"),
        (replaced("theory.population.design.Design.real_mass", _weighted_by_sizes),),
        also=_EVERY,
    ),
    Mutant(
        "real-weight-complement",
        ("B1",),
        "a_g = alpha rho_g for (1 - alpha) rho_g",
        ("B1.objective.line.shifted",),
        (formula("B1.real_mass", lambda rhs: nt.alpha * nt.rho_g / nt.G),),
        also=("wide",),
    ),
    Mutant(
        "oversampling-ratio-complement",
        ("B1",),
        "oversampled weight (1 - alpha) rho_g / G for (1 - alpha) (1 - rho_g) / G",
        ("B1.objective.line.smote",),
        (formula("B1.oversampling_mass", lambda rhs: (1 - nt.alpha) * nt.rho_g / nt.G),),
    ),
    Mutant(
        "augmentation-weight-complement",
        ("B1",),
        "augmented weight (1 - alpha) / G for alpha / G",
        ("B1.objective.two-gaussians.scaled",),
        (
            replaced(
                "theory.population.design.Design.augmentation_mass",
                lambda right: property(
                    lambda own: (own.weight > 0) / own.num_groups - right.fget(own)
                ),
            ),
        ),
    ),
    Mutant(
        "displacement-sign",
        ("B3",),
        "theta_alpha - theta* = + A^{-1} b",
        ("B3.order.line.shifted", "B3.order.line.scaled"),
        (_linear(lambda right: -right.displacement_linear),),
        also=_EVERY,
    ),
    Mutant(
        "displacement-without-hessian",
        ("B3",),
        "theta_alpha - theta* = - b, the inverse Hessian dropped",
        ("B3.order.line.scaled",),
        (_linear(lambda right: -right.bias_gradient),),
    ),
    Mutant(
        "displacement-by-balanced-hessian",
        ("B3",),
        "theta_alpha - theta* = - H^{-1} b, the Hessian of the bias left out",
        ("B3.order.line.scaled-close",),
        (replaced("theory.prediction.excess_risk._predicted", _linear_by_balanced_hessian),),
        also=_EVERY,
    ),
    Mutant(
        "displacement-a-tenth-longer",
        ("B3",),
        "theta_alpha - theta* = - 1.1 A^{-1} b",
        ("B3.order.line.mislabelled",),
        (_linear(lambda right: 1.1 * right.displacement_linear),),
    ),
    Mutant(
        "displacement-halved",
        ("B3",),
        "the estimate is displaced by half of what the target's minimiser is",
        ("B3.displacement.line.raw", "B3.displacement.line.smote"),
        (_displaced(0.5),),
        also=(*_EVERY, "independent"),
    ),
    Mutant(
        "prior-shift-classes-swapped",
        ("B4",),
        "raw ERM moves the intercept by log(n_0/n_1)",
        ("B4.shift.two-gaussians.raw", "B4.intercept.two-gaussians.raw"),
        (formula("B4.shift", _swapped(nt.n_0, nt.n_1)),),
    ),
    Mutant(
        "prior-shift-halved",
        ("B4",),
        "raw ERM moves the intercept by half of log(n_1/n_0)",
        ("B4.shift.two-gaussians.raw", "B4.intercept.two-gaussians.raw"),
        (formula("B4.shift", lambda rhs: rhs / 2),),
    ),
    Mutant(
        "error-classes-swapped",
        ("B4",),
        "the larger class pays: n_0 and n_1 swapped in the error of class 1",
        ("B4.error_1.two-gaussians.raw",),
        (formula("B4.error_1", _swapped(nt.n_0, nt.n_1)),),
        also=("independent",),
    ),
    Mutant(
        "error-distance-not-halved",
        ("B4",),
        "error of class 0 Phi(-Delta + ...) for Phi(-Delta/2 + ...)",
        ("B4.error_0.two-gaussians.raw",),
        (formula("B4.error_0", lambda rhs: rhs.func(rhs.args[0] - nt.Delta / 2)),),
        also=("independent",),
    ),
    Mutant(
        "raw-mass-of-the-other-groups",
        ("B4", "B5"),
        "raw ERM weighs a group by the sizes of all others",
        ("B5.weight2.spurious.raw",),
        (formula("B4.raw_mass", lambda rhs: (1 - nt.n_g / nt.n_tot) / 3),),
        also=_EVERY,
    ),
    Mutant(
        "spurious-weight-sign",
        ("B5",),
        "raw ERM's spurious weight with the opposite sign",
        ("B5.weight2.spurious.raw",),
        (_displaced(-1.0),),
    ),
    Mutant(
        "balanced-optimum-by-sizes",
        ("B5",),
        "the balanced optimum taken under the imbalanced sizes",
        ("B5.balanced.spurious.population",),
        (replaced("theory.prediction.bias.population", _balanced_by_sizes),),
    ),
)
