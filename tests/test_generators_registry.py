"""Every generator of the registry is whole, and one that is not is refused with what it lacks."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.practice.planner.sources import NAMES
from synthetic_oversampling.simulate.experiments import scaling_paths
from synthetic_oversampling.simulate.experiments.configurations import (
    CONFIGURATIONS,
    generators_for,
)
from synthetic_oversampling.simulate.experiments.proportional_settings import SETTINGS
from synthetic_oversampling.simulate.sampling.samplers import recipe_of, sample_synthetic
from synthetic_oversampling.simulate.sweeps.table import SWEEPS
from synthetic_oversampling.simulate.verify.suites import SUITES
from synthetic_oversampling.theory.generators.base import Fits, Generator
from synthetic_oversampling.theory.generators.duplicate import Duplicate
from synthetic_oversampling.theory.generators.fixed import Oracle
from synthetic_oversampling.theory.generators.seed_masses import seed_masses
from synthetic_oversampling.theory.generators.smote import Smote
from synthetic_oversampling.theory.generators.table import GENERATORS, population_law
from synthetic_oversampling.theory.multiclass.predict import predict_multiclass
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.proportional.predict import predict_proportional
from synthetic_oversampling.theory.scaling.moments import law_of_design

GROUPS = [
    GaussianGroup([0.0, 0.0], np.eye(2), 0),
    GaussianGroup([1.5, 0.5], np.eye(2), 1),
]
DESIGN = Design((900, 90), 900, 0.5)
OWN = generators_for(CONFIGURATIONS["mixture"]())  # of two features
SEEDS = [jnp.zeros((12, 2)), jnp.arange(24.0).reshape(12, 2)]


@pytest.fixture(scope="module")
def checked():
    return {check.id for check in SUITES["two-gaussians"].checks("quick")}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_of_the_registry_is_whole(name, checked):
    setting = OWN[name]
    assert setting.name == name and setting.label
    law = population_law(setting, 1, GROUPS, DESIGN.sizes)
    assert np.isclose(law.weights.sum(), 1.0, rtol=1e-12)
    assert predict(GROUPS, DESIGN, setting).total > 0
    assert setting.min_seeds(2) <= 12
    x, sign = sample_synthetic(setting, 1, GROUPS, SEEDS, 5, key=jax.random.key(0))
    assert x.shape == (5, 2) and set(np.abs(np.asarray(sign)).tolist()) == {1.0}
    wanted = "B1.objective", "B2.gradient"
    assert {f"{statistic}.two-gaussians.{name}" for statistic in wanted} <= checked


def test_generators_have_one_name_everywhere():
    settings = (sweep.settings("quick") for sweep in SWEEPS.values())
    swept = {name for one in settings for name in one.get("generators", ())}
    trained = {plan.generator for setting in SETTINGS.values() for plan in setting.plans} - {""}
    of_paths = set(scaling_paths.GENERATORS)
    assert swept | of_paths <= set(GENERATORS)
    assert trained - set(GENERATORS) == {"smote-pairs"}, "SMOTE on every pair of seeds once"
    assert set(NAMES) - set(GENERATORS) == {"predictive-pooled"}, "theory has no law of it"


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_of_the_registry_has_a_law_with_many_features(name):
    generator = generators_for(CONFIGURATIONS["wide"]())[name]
    groups = CONFIGURATIONS["wide"]().groups
    found = predict_proportional(
        groups=groups, design=Design((200, 60), 100, 0.3), generator=generator, ridge=1.0
    )
    assert 0 < found.error[0] < 1


def test_names_and_labels_tell_generators_apart():
    assert len(OWN) == len(GENERATORS) == len({setting.label for setting in OWN.values()})
    kinds = {kind.func if isinstance(kind, partial) else kind for kind in GENERATORS.values()}
    assert {type(setting) for setting in OWN.values()} == kinds
    assert Smote(5).name == "smote-5"


@dataclasses.dataclass(frozen=True)
class Copula(Duplicate):
    """Fitted on its seeds; nothing but the theory knows it."""

    name = label = "copula"
    fits = Fits(gaussian=True)


@pytest.mark.parametrize("missing", ["name", "label", "fits", "min_seeds", "law"])
def test_a_generator_without_a_part_cannot_be_made(missing):
    parts = {
        "name": "",
        "label": "",
        "fits": Fits(),
        "min_seeds": Oracle.min_seeds,
        "law": Oracle.law,
    }
    del parts[missing]
    with pytest.raises(TypeError, match=f"abstract .*{missing}"):
        type("Half", (Generator,), parts)()


def test_a_generator_without_a_sampler_is_refused():
    class Unsampled(Generator):
        name = label = "unsampled"
        fits, min_seeds, law = Fits(gaussian=True), Oracle.min_seeds, Oracle.law

    with pytest.raises(ValueError, match=r"Unsampled.*register a sampler for Unsampled"):
        sample_synthetic(Unsampled(), 0, GROUPS, SEEDS, 3, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"Unsampled.*say in theory.proportional.generators"):
        predict_proportional(groups=GROUPS, design=DESIGN, generator=Unsampled(), ridge=1.0)


@pytest.mark.parametrize(
    "unsaid",
    [{"fitted": True, "fits": Fits()}, {"fitted": False, "fits": Fits(gaussian=True)}],
    ids=["nothing taken", "not fitted"],
)
def test_a_generator_is_refused_whose_seeds_do_not_contribute_as_it_says(unsaid):
    """As if it drew from the group, its excess would be far too low."""
    parts = {"name": "quiet", "label": "quiet", "min_seeds": Oracle.min_seeds, "law": Oracle.law}
    quiet = type("Quiet", (Generator,), parts | unsaid)()
    assert population_law(quiet, 1, GROUPS, DESIGN.sizes).weights.sum() == 1.0
    for asked in (
        lambda: predict(GROUPS, DESIGN, quiet),
        lambda: law_of_design(GROUPS, DESIGN.sizes, quiet),
        lambda: predict_multiclass(GROUPS, DESIGN, quiet),
    ):
        with pytest.raises(ValueError, match=r"^generator: got .*Quiet.* `fits` to name"):
            asked()


def test_samplers_are_found_by_class():
    assert recipe_of.dispatch(Copula) is recipe_of.dispatch(Duplicate)


# The fields of `SeedMasses` in order: duplicates, gaussian, own_cov, pooled_cov, interpolation,
# wide_mean, wide_cov.
FITS = {
    "oracle": "",
    "shifted": "",
    "scaled": "",
    "mislabelled": "",
    "duplicate": "score",
    "smote": "interpolation",
    "plugin": "gaussian own_cov",
    "plugin-pooled": "gaussian pooled_cov",
    "plugin-known": "gaussian",
    "predictive": "gaussian own_cov wide_cov",
    "predictive-known": "gaussian wide_mean",
    "student": "gaussian own_cov",
}


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_contributes_where_it_fits(name):
    masses = seed_masses(DESIGN, [OWN[name]] * 2)
    synthetic = DESIGN.oversampling_mass + DESIGN.augmentation_mass
    for field in Fits._fields[1:]:
        expected = synthetic if field in FITS[name].split() else 0 * synthetic
        assert np.array_equal(getattr(masses, field), expected), field
    duplicated = synthetic if FITS[name] == "score" else 0 * synthetic
    assert np.array_equal(masses.score, DESIGN.real_mass + duplicated)
