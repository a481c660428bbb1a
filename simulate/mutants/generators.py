"""Wrong laws and influences of the generators, and the checks that must reject them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.mutants.mutation import Mutant, arguments, replaced, result
from synthetic_oversampling.theory.generators.table import (
    Mislabelled,
    Scaled,
    Shifted,
    StudentPlugin,
)

__all__ = ["GENERATOR_MUTANTS"]


def _as_if(kind, change):
    """The population law of a kind of generator is taken to be that of another one."""

    def wrong(original):
        def population_law(generator, g, groups, sizes):
            used = change(generator) if isinstance(generator, kind) else generator
            return original(used, g, groups, sizes)

        return population_law

    return replaced("theory.generators.table.population_law", wrong)


def _seeds(change):
    """Changes how the seeds enter: ``change(masses, design) -> fields`` of `SeedMasses`."""

    def wrong(original):
        def seed_masses(design, generators):
            right = original(design, generators)
            changed = change(right, design)
            return right._replace(**{name: jnp.asarray(v) for name, v in changed.items()})

        return seed_masses

    return replaced("theory.generators.seed_masses.seed_masses", wrong)


def _forget(*fields):
    return _seeds(lambda masses, design: {name: 0 * getattr(masses, name) for name in fields})


def _nodes(change):
    """Changes the interpolation weight ``u`` of SMOTE's law."""

    def wrong(original):
        def interpolation_nodes():
            nodes, weights = original()
            return change(nodes), weights

        return interpolation_nodes

    return replaced("theory.generators.smote.interpolation_nodes", wrong)


def _synthetic(design):
    return design.oversampling_mass + design.augmentation_mass


def _scaled_law(factor):
    def wrong(original):
        def population_law(generator, g, groups, sizes):
            law = original(generator, g, groups, sizes)
            return law._replace(covs=factor * law.covs)

        return population_law

    return replaced("theory.generators.table.population_law", wrong)


def _unscaled(right, generator, *rest):
    """Student's law with its scale matrix, not its covariance, that of the seeds."""
    if not isinstance(generator, StudentPlugin):
        return right
    return right._replace(covs=generator.degrees / (generator.degrees - 2) * right.covs)


def _one_scale(points, matrix, laws, *rest):
    """Laws whose components all have the overall covariance, for seeds to be fitted on."""
    cov = np.einsum("gk,gkij->gij", laws.weights, laws.covs)
    return points, matrix, laws._replace(covs=0 * laws.covs + cov[:, None]), *rest


def _of_limit(right):
    return right._replace(mean_gradient=right.bias_gradient)


_ALL_SEEDS = ("gaussian", "own_cov", "pooled_cov", "wide_mean", "wide_cov")
_NOISE_OF_SEEDS = replaced(
    "theory.population.design.Design.synthetic_noise",
    lambda right: property(lambda own: _synthetic(own) ** 2 / np.asarray(own.sizes)),
)
_EQUAL_SHARES = replaced(
    "theory.generators.gaussian.pooled_cov",
    lambda right: lambda groups, sizes: right(groups, (1,) * len(groups)),
)

GENERATOR_MUTANTS = (
    Mutant(
        "oracle-too-narrow",
        ("B2",),
        "the oracle's covariance taken to be 0.8 of the group's",
        ("B1.objective.two-gaussians.oracle",),
        (_scaled_law(0.8),),
        "Oracle",
        tuple(CONFIGURATIONS),
    ),
    Mutant(
        "oracle-as-its-seeds",
        ("R1",),
        "oracle samples taken to follow the seeds as duplicates do",
        ("R1.controlled.two-gaussians.oracle", "R1.order.two-points.oracle"),
        (_seeds(lambda masses, design: {"score": masses.score + _synthetic(design)}),),
        "Oracle",
    ),
    Mutant(
        "shift-sign",
        ("B2",),
        "the shift subtracted from the features",
        ("B2.gradient.line.shifted",),
        (_as_if(Shifted, lambda own: Shifted(tuple(-s for s in own.shift))),),
        "Shifted",
    ),
    Mutant(
        "shift-halved",
        ("B2", "B3"),
        "half of the shift",
        ("B2.gradient.line.shifted", "B3.displacement.line.shifted"),
        (_as_if(Shifted, lambda own: Shifted(tuple(s / 2 for s in own.shift))),),
        "Shifted",
    ),
    Mutant(
        "scale-inverted",
        ("B2",),
        "covariances divided by the factor",
        ("B2.gradient.two-gaussians.scaled",),
        (_as_if(Scaled, lambda own: Scaled(1 / own.factor)),),
        "Scaled",
    ),
    Mutant(
        "scale-of-deviations",
        ("B2",),
        "standard deviations multiplied by the factor instead of covariances",
        ("B2.gradient.two-gaussians.scaled",),
        (_as_if(Scaled, lambda own: Scaled(own.factor**2)),),
        "Scaled",
    ),
    Mutant(
        "flips-forgotten",
        ("B2",),
        "no label flipped",
        ("B2.gradient.two-gaussians.mislabelled",),
        (_as_if(Mislabelled, lambda own: Mislabelled(0.0)),),
        "Mislabelled",
    ),
    Mutant(
        "flips-doubled",
        ("B2", "B3"),
        "twice the rate of flips",
        ("B2.gradient.two-gaussians.mislabelled", "B3.displacement.two-gaussians.mislabelled"),
        (_as_if(Mislabelled, lambda own: Mislabelled(2 * own.rate)),),
        "Mislabelled",
    ),
    Mutant(
        "duplicates-independent-of-seeds",
        ("R2",),
        "J psi = 0 for duplicates: fresh samples in their place",
        ("R2.second_order.two-gaussians.duplicate", "R2.order.two-points.duplicate"),
        (_seeds(lambda masses, design: {"score": design.real_mass}),),
        "Duplicate",
    ),
    Mutant(
        "resampling-noise-of-few-draws",
        ("R2",),
        "resampling noise as if n_g samples were drawn: n_g for m_g and N",
        ("R2.second_order.two-gaussians.duplicate", "R2.order.two-points.duplicate"),
        (_NOISE_OF_SEEDS,),
        "Duplicate",
    ),
    Mutant(
        "smote-unshrunk",
        ("B2",),
        "SMOTE draws from the group itself, not with two thirds of its covariance",
        ("B2.gradient.line.smote",),
        (_nodes(lambda u: 0 * u),),
        "Smote",
    ),
    Mutant(
        "smote-midpoints",
        ("B2",),
        "SMOTE draws midpoints of seeds: half of the covariance",
        ("B2.gradient.line.smote",),
        (_nodes(lambda u: 0 * u + 0.5),),
        "Smote",
    ),
    Mutant(
        "smote-projection-halved",
        ("R2",),
        "Hajek projection without its factor 2: only one end of the segment is a seed",
        ("R2.second_order.line.smote",),
        (_seeds(lambda masses, design: {"interpolation": masses.interpolation / 2}),),
        "Smote",
        ("scaling",),
    ),
    Mutant(
        "plugin-seeds-forgotten",
        ("R2",),
        "the fitted Gaussian taken as fixed",
        ("R2.second_order.two-gaussians.plugin",),
        (_forget(*_ALL_SEEDS),),
        "GaussianPlugin",
    ),
    Mutant(
        "plugin-covariance-known",
        ("R2",),
        "the influence of the fitted covariance left out",
        ("R2.second_order.two-gaussians.plugin",),
        (_forget("own_cov"),),
        "GaussianPlugin",
    ),
    Mutant(
        "pooled-in-equal-shares",
        ("B2",),
        "covariance pooled over groups in equal shares instead of by size",
        ("B2.gradient.line.plugin-pooled",),
        (_EQUAL_SHARES,),
        "GaussianPlugin",
    ),
    Mutant(
        "predictive-seeds-forgotten",
        ("R2",),
        "the predictive distribution taken as fixed",
        ("R2.second_order.line.predictive",),
        (_forget(*_ALL_SEEDS),),
        "Predictive",
    ),
    Mutant(
        "predictive-too-wide",
        ("B2",),
        "the predictive covariance half as large again",
        ("B2.gradient.line.predictive", "B1.objective.line.predictive"),
        (_scaled_law(1.5),),
        "Predictive",
    ),
    Mutant(
        "predictive-as-narrow-as-plug-in",
        ("B2",),
        "the predictive's wider law left out of the mean gradient, of order 1/n",
        ("B2.fitted.line.predictive", "B2.fitted.line.predictive-known"),
        (_forget("wide_mean", "wide_cov"),),
        "Predictive",
    ),
    Mutant(
        "fitted-means-without-curvature",
        ("B2",),
        "the mean gradient of a fitted generator taken to be that of its limit",
        ("B2.fitted.line.plugin", "B2.fitted.line.plugin-known"),
        (
            replaced(
                "theory.prediction.excess_risk._predicted",
                lambda right: lambda *given: _of_limit(right(*given)),
            ),
        ),
        "GaussianPlugin",
    ),
    Mutant(
        "student-unscaled",
        ("B2",),
        "the seeds' covariance taken for Student's scale matrix: the factor (nu - 2) / nu left out",
        ("B2.gradient.two-gaussians.student",),
        (result("theory.generators.table.population_law", _unscaled),),
        "StudentPlugin",
    ),
    Mutant(
        "student-curved-as-gaussian",
        ("B2",),
        "what seeds add in second order taken to be that of a Gaussian plug-in",
        ("B2.fitted.line.student",),
        (arguments("theory.prediction.influence.fitted", _one_scale),),
        "StudentPlugin",
    ),
)
