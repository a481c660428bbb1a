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
    lambda right: property(lambda design: _synthetic(design) ** 2 / np.asarray(design.sizes)),
)
_EQUAL_SHARES = replaced(
    "theory.generators.gaussian.pooled_cov",
    lambda right: lambda groups, sizes: right(groups, (1,) * len(groups)),
)

# wrong forms of generators
GENERATOR_MUTANTS = (
    Mutant(
        name="oracle-too-narrow",
        theorems=("B2",),
        change="the oracle's covariance taken to be 0.8 of the group's",
        checks=("B1.objective.two-gaussians.oracle",),
        changes=(_scaled_law(0.8),),
        generator="Oracle",
        also=tuple(CONFIGURATIONS),
    ),
    Mutant(
        name="oracle-as-its-seeds",
        theorems=("R1",),
        change="oracle samples taken to follow the seeds as duplicates do",
        checks=("R1.controlled.two-gaussians.oracle", "R1.order.two-points.oracle"),
        changes=(_seeds(lambda masses, design: {"score": masses.score + _synthetic(design)}),),
        generator="Oracle",
    ),
    Mutant(
        name="shift-sign",
        theorems=("B2",),
        change="the shift subtracted from the features",
        checks=("B2.gradient.line.shifted",),
        changes=(_as_if(Shifted, lambda generator: Shifted(tuple(-s for s in generator.shift))),),
        generator="Shifted",
    ),
    Mutant(
        name="shift-halved",
        theorems=("B2", "B3"),
        change="half of the shift",
        checks=("B2.gradient.line.shifted", "B3.displacement.line.shifted"),
        changes=(
            _as_if(Shifted, lambda generator: Shifted(tuple(s / 2 for s in generator.shift))),
        ),
        generator="Shifted",
    ),
    Mutant(
        name="scale-inverted",
        theorems=("B2",),
        change="covariances divided by the factor",
        checks=("B2.gradient.two-gaussians.scaled",),
        changes=(_as_if(Scaled, lambda generator: Scaled(1 / generator.factor)),),
        generator="Scaled",
    ),
    Mutant(
        name="scale-of-deviations",
        theorems=("B2",),
        change="standard deviations multiplied by the factor instead of covariances",
        checks=("B2.gradient.two-gaussians.scaled",),
        changes=(_as_if(Scaled, lambda generator: Scaled(generator.factor**2)),),
        generator="Scaled",
    ),
    Mutant(
        name="flips-forgotten",
        theorems=("B2",),
        change="no label flipped",
        checks=("B2.gradient.two-gaussians.mislabelled",),
        changes=(_as_if(Mislabelled, lambda generator: Mislabelled(0.0)),),
        generator="Mislabelled",
    ),
    Mutant(
        name="flips-doubled",
        theorems=("B2", "B3"),
        change="twice the rate of flips",
        checks=(
            "B2.gradient.two-gaussians.mislabelled",
            "B3.displacement.two-gaussians.mislabelled",
        ),
        changes=(_as_if(Mislabelled, lambda generator: Mislabelled(2 * generator.rate)),),
        generator="Mislabelled",
    ),
    Mutant(
        name="duplicates-independent-of-seeds",
        theorems=("R2",),
        change="J psi = 0 for duplicates: fresh samples in their place",
        checks=("R2.second_order.two-gaussians.duplicate", "R2.order.two-points.duplicate"),
        changes=(_seeds(lambda masses, design: {"score": design.real_mass}),),
        generator="Duplicate",
    ),
    Mutant(
        name="resampling-noise-of-few-draws",
        theorems=("R2",),
        change="resampling noise as if n_g samples were drawn: n_g for m_g and N",
        checks=("R2.second_order.two-gaussians.duplicate", "R2.order.two-points.duplicate"),
        changes=(_NOISE_OF_SEEDS,),
        generator="Duplicate",
    ),
    Mutant(
        name="smote-unshrunk",
        theorems=("B2",),
        change="SMOTE draws from the group itself, not with two thirds of its covariance",
        checks=("B2.gradient.line.smote",),
        changes=(_nodes(lambda u: 0 * u),),
        generator="Smote",
    ),
    Mutant(
        name="smote-midpoints",
        theorems=("B2",),
        change="SMOTE draws midpoints of seeds: half of the covariance",
        checks=("B2.gradient.line.smote",),
        changes=(_nodes(lambda u: 0 * u + 0.5),),
        generator="Smote",
    ),
    Mutant(
        name="smote-projection-halved",
        theorems=("R2",),
        change="Hajek projection without its factor 2: only one end of the segment is a seed",
        checks=("R2.second_order.line.smote",),
        changes=(_seeds(lambda masses, design: {"interpolation": masses.interpolation / 2}),),
        generator="Smote",
        also=("scaling",),
    ),
    Mutant(
        name="plugin-seeds-forgotten",
        theorems=("R2",),
        change="the fitted Gaussian taken as fixed",
        checks=("R2.second_order.two-gaussians.plugin",),
        changes=(_forget(*_ALL_SEEDS),),
        generator="GaussianPlugin",
    ),
    Mutant(
        name="plugin-covariance-known",
        theorems=("R2",),
        change="the influence of the fitted covariance left out",
        checks=("R2.second_order.two-gaussians.plugin",),
        changes=(_forget("own_cov"),),
        generator="GaussianPlugin",
    ),
    Mutant(
        name="pooled-in-equal-shares",
        theorems=("B2",),
        change="covariance pooled over groups in equal shares instead of by size",
        checks=("B2.gradient.line.plugin-pooled",),
        changes=(_EQUAL_SHARES,),
        generator="GaussianPlugin",
    ),
    Mutant(
        name="predictive-seeds-forgotten",
        theorems=("R2",),
        change="the predictive distribution taken as fixed",
        checks=("R2.second_order.line.predictive",),
        changes=(_forget(*_ALL_SEEDS),),
        generator="Predictive",
    ),
    Mutant(
        name="predictive-too-wide",
        theorems=("B2",),
        change="the predictive covariance half as large again",
        checks=("B2.gradient.line.predictive", "B1.objective.line.predictive"),
        changes=(_scaled_law(1.5),),
        generator="Predictive",
    ),
    Mutant(
        name="predictive-as-narrow-as-plug-in",
        theorems=("B2",),
        change="the predictive's wider law left out of the mean gradient, of order 1/n",
        checks=("B2.fitted.line.predictive", "B2.fitted.line.predictive-known"),
        changes=(_forget("wide_mean", "wide_cov"),),
        generator="Predictive",
    ),
    Mutant(
        name="fitted-means-without-curvature",
        theorems=("B2",),
        change="the mean gradient of a fitted generator taken to be that of its limit",
        checks=("B2.fitted.line.plugin", "B2.fitted.line.plugin-known"),
        changes=(
            replaced(
                "theory.prediction.excess_risk._predicted",
                lambda right: lambda *given: _of_limit(right(*given)),
            ),
        ),
        generator="GaussianPlugin",
    ),
    Mutant(
        name="student-unscaled",
        theorems=("B2",),
        change="the seeds' covariance taken for Student's scale matrix, without (nu - 2) / nu",
        checks=("B2.gradient.two-gaussians.student",),
        changes=(result("theory.generators.table.population_law", _unscaled),),
        generator="StudentPlugin",
    ),
    Mutant(
        name="student-curved-as-gaussian",
        theorems=("B2",),
        change="what seeds add in second order taken to be that of a Gaussian plug-in",
        checks=("B2.fitted.line.student",),
        changes=(arguments("theory.prediction.influence.fitted", _one_scale),),
        generator="StudentPlugin",
    ),
)
