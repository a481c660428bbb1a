"""A measured scaling law is that of the closed form, where there is one."""

import jax
import numpy as np
import pytest

from synthetic_oversampling.simulate.sampling.measure import measure_generator
from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    Scaled,
    Shifted,
    Smote,
    hyperbola_of_design,
    law_of_design,
)
from synthetic_oversampling.theory.generators.table import GaussianPlugin
from synthetic_oversampling.theory.scaling.measured import measured_law

GROUPS = (
    GaussianGroup([0.0, 0.1], [[1.0, 0.2], [0.2, 0.9]], 0),
    GaussianGroup([0.5, -0.2], [[1.1, -0.1], [-0.1, 1.0]], 1),
)
SIZES = (60, 40)
REMAINDER = 2 * 3 / 40  # 2 p / n: a fitted generator's seed moments are of first order in 1/n


def _drawn(generator, sets, key):
    design = Design(SIZES, 1, 1.0)
    return measure_generator(generator, GROUPS, design, sets=sets, per_set=20, key=key)


def _measured(generator, sets=2000):
    return measured_law(GROUPS, SIZES, _drawn(generator, sets, jax.random.key(5)))


@pytest.mark.parametrize(
    ("generator", "remainder"),
    [(Shifted((0.3, -0.1)), 0.0), (Smote(), REMAINDER), (GaussianPlugin(), REMAINDER)],
    ids=["shifted", "smote", "plug-in"],
)
def test_a_measured_law_is_that_of_the_closed_form(generator, remainder):
    measured, law = _measured(generator), hyperbola_of_design(GROUPS, SIZES, generator)
    for name, value, error in zip("ACDS", measured.law.hyperbola, measured.errors, strict=True):
        expected = float(getattr(law, name))
        # 6: eight jackknife blocks leave seven degrees of freedom
        assert abs(float(value) - expected) < 6 * error + remainder * max(expected, float(law.A))
        assert 0 < error < 0.1 * float(law.A + law.D + law.S)
    assert float(measured.law.hyperbola.S) == pytest.approx(float(law.S), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "generator", [Shifted((1.0, -0.5)), Scaled(0.3), Smote()], ids=["shifted", "scaled", "smote"]
)
def test_of_a_large_bias_it_is_the_global_law_and_its_error_tells_it_from_the_hyperbola(generator):
    measured, law = _measured(generator, 1000), law_of_design(GROUPS, SIZES, generator)

    def answers(samples):
        return np.array(
            [samples.excess(0.0, 1), samples.excess(0.5, 100), samples.excess(1.0, np.inf)]
        )

    error, expected = measured.error(answers), answers(law)
    assert np.all(error < 0.1 * expected)
    remainder = REMAINDER * expected if isinstance(generator, Smote) else 0.0
    # 6: eight jackknife blocks leave seven degrees of freedom
    assert np.all(np.abs(answers(measured.law) - expected) < 6 * error + remainder)
    assert np.max(np.abs(answers(law.hyperbola) - expected) / (6 * error + remainder)) > 1


def test_points_that_separate_the_labels_have_no_law():
    with pytest.raises(ValueError, match="samples: got synthetic points .* no finite minimiser"):
        _measured(Scaled(1e-4))


def test_a_measured_cross_moment_is_not_the_largest_that_it_could_be():
    """Groups shifted apart: oversampling and augmentation are biased in other directions."""
    generators = (Shifted((0.8, 0.0)), Shifted((0.0, 0.8)))
    law = hyperbola_of_design(GROUPS, SIZES, generators)
    assert float(law.C) < 0.8 * float(law.A * law.D) ** 0.5
    drawn = [_drawn(generator, 2000, jax.random.key(6)) for generator in generators]
    measured = measured_law(GROUPS, SIZES, tuple(rows[g] for g, rows in enumerate(drawn)))
    small = measured.law.hyperbola
    assert float(small.C) == pytest.approx(float(law.C), abs=6 * float(measured.errors[1]))
    assert 12 * float(measured.errors[1]) < float(law.A * law.D) ** 0.5 - float(law.C)


def test_nearest_neighbours_have_a_law_though_no_closed_form():
    measured = _measured(Smote(neighbours=5)).law
    assert 0 <= float(measured.best_weight(100)) <= 1
    assert 0 < float(measured.floor) <= float(measured.best_excess(0))
    helps = float(measured.floor) < (1 - 1e-9) * float(measured.best_excess(0))
    assert (float(measured.crossover) > 0) == helps  # 0 where no weight helps


def test_wrong_samples_are_named():
    design = Design(SIZES, 1, 1.0)
    few = measure_generator(Smote(), GROUPS, design, sets=16, per_set=4, key=jax.random.key(0))
    with pytest.raises(ValueError, match="samples: got 16 sets, expected at least 32"):
        measured_law(GROUPS, SIZES, few)
    with pytest.raises(ValueError, match="samples: got 1 entry for 2 groups"):
        measured_law(GROUPS, SIZES, few[:1])
    with pytest.raises(ValueError, match="expected 50 seeds"):
        measured_law(GROUPS, (50, 40), few, blocks=4)
