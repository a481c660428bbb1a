"""A generator class that one of the places that tell classes apart misses is refused there.

The class below is in the union `Generator` and has a population law, which is all that a
prediction would need if seeds did not count; they do, and without them it is an oracle's.
"""

import dataclasses

import jax
import numpy as np
import pytest

from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.samplers import synthetic_columns
from synthetic_oversampling.theory import inputs
from synthetic_oversampling.theory.generators.seed_masses import seed_masses
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Generator,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    min_seeds,
    population_law,
)
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction import bias
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.scaling.moments import law_of_design

GROUPS = [
    GaussianGroup([0.0, 0.0], np.eye(2), 0),
    GaussianGroup([1.5, 0.5], np.eye(2), 1),
]
SIZES = (900, 90)
DESIGN = Design(SIZES, 900, 0.5)


@dataclasses.dataclass(frozen=True)
class Copula:
    """Fitted on its seeds, as `GaussianPlugin` is, and unknown to every place but two."""

    fitted = True


@pytest.fixture
def half_added(monkeypatch, as_installed):
    """`Copula` in the union of generators, with the population law of a Gaussian plug-in."""

    def law(generator, *rest):
        return population_law(GaussianPlugin() if generator == Copula() else generator, *rest)

    monkeypatch.setattr(inputs, "Generator", Generator | Copula)
    monkeypatch.setattr(bias, "population_law", law)


QUESTIONS = {
    "predict": lambda: predict(GROUPS, DESIGN, Copula()),
    "predict one group": lambda: predict(GROUPS, DESIGN, [Oracle(), Copula()]),
    "law_of_design": lambda: law_of_design(GROUPS, SIZES, Copula()),
    "expected_empirical_risk": lambda: bias.expected_empirical_risk(
        np.zeros(3), GROUPS, DESIGN, Copula()
    ),
    "draw_dataset": lambda: draw_dataset(GROUPS, DESIGN, Copula(), key=jax.random.key(0)),
    "min_seeds": lambda: min_seeds(Copula(), 2),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_class_without_a_least_number_of_seeds_is_refused(question, half_added):
    with pytest.raises(ValueError, match=r"(?s)got Copula\(\).*min_seeds.*case for Copula"):
        QUESTIONS[question]()


@pytest.mark.parametrize("question", ["predict", "predict one group", "law_of_design"])
def test_a_class_without_a_contribution_of_its_seeds_is_refused(question, half_added, monkeypatch):
    monkeypatch.setattr(bias, "check_seeds", lambda *_: None)
    with pytest.raises(ValueError, match=r"(?s)got Copula\(\).*seed_masses.*what it fits on its"):
        QUESTIONS[question]()


def test_a_class_that_draws_in_no_known_way_is_refused():
    keys = jax.random.split(jax.random.key(0))
    seeds = [np.zeros((2, 5)), np.zeros((2, 5))]
    with pytest.raises(ValueError, match=r"got Copula\(\).*synthetic_columns.*how it draws"):
        synthetic_columns(Copula(), 0, GROUPS, seeds, 3, keys)


# The fields of `SeedMasses` in order: duplicates, gaussian, own_cov, pooled_cov, interpolation,
# wide_mean, wide_cov.
FITS = [
    (Oracle(), ""),
    (Shifted((0.1, 0.2)), ""),
    (Scaled(2.0), ""),
    (Mislabelled(0.1), ""),
    (Duplicate(), "score"),
    (Smote(), "interpolation"),
    (Smote(3), "interpolation"),
    (GaussianPlugin("group"), "gaussian own_cov"),
    (GaussianPlugin("pooled"), "gaussian pooled_cov"),
    (GaussianPlugin("known"), "gaussian"),
    (Predictive("group"), "gaussian own_cov wide_cov"),
    (Predictive("known"), "gaussian wide_mean"),
]


@pytest.mark.parametrize(("generator", "fields"), FITS, ids=str)
def test_every_class_contributes_where_it_fits(generator, fields):
    masses = seed_masses(DESIGN, [generator, generator])
    synthetic = DESIGN.oversampling_mass + DESIGN.augmentation_mass
    for name in ("gaussian", "own_cov", "pooled_cov", "interpolation", "wide_mean", "wide_cov"):
        expected = synthetic if name in fields.split() else 0 * synthetic
        assert np.array_equal(getattr(masses, name), expected), name
    duplicated = synthetic if fields == "score" else 0 * synthetic
    assert np.array_equal(masses.score, DESIGN.real_mass + duplicated)
    assert {type(own) for own, _ in FITS} == set(Generator.__args__)
