"""Paths: settings on common draws give what each setting gives alone."""

import dataclasses

import jax
import numpy as np
import pytest

from synthetic_oversampling.simulate.experiments.discriminant import EFRON_1975
from synthetic_oversampling.simulate.experiments.paths import Setting, measured, ratio, run_path
from synthetic_oversampling.simulate.experiments.phase_points import PhasePoint
from synthetic_oversampling.simulate.experiments.scaling_paths import path
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.replicates.sharding import replicate_mesh, sharded_map
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import Oracle, Shifted, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rate, risk
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.theorems.table import FORMULAS

GROUPS = (
    GaussianGroup([0.2, -0.1], [[1.0, 0.3], [0.3, 0.7]], 0),
    GaussianGroup([1.1, 0.4], [[0.8, 0.0], [0.0, 1.2]], 1),
)
DRAWN = Design((60, 25), 30, 0.4)
KEY = jax.random.key(11)


def _start(design, generator=None):
    return predict(GROUPS, design, generator or Oracle()).theta_alpha


def test_a_setting_that_is_the_drawn_design_gives_the_fit_of_its_data_set():
    path = [Setting(DRAWN, GROUPS, _start(DRAWN, Smote()))]
    result = run_path(GROUPS, DRAWN, Smote(), path, key=KEY, replicates=4)
    kept = {name: monte_carlo.values(result, name) for name in ("theta", "risk", "error")}
    for index in range(4):
        data = draw_dataset(GROUPS, DRAWN, Smote(), key=jax.random.fold_in(KEY, index))
        theta = fit(data.x, data.sign, data.weight).theta
        tolerance = 1e3 * np.finfo(float).eps ** 0.5
        np.testing.assert_allclose(kept["theta"][index, 0], theta, atol=tolerance)
        for name, function in (("risk", risk), ("error", error_rate)):
            exact = [float(function(theta, group.law)) for group in GROUPS]
            np.testing.assert_allclose(kept[name][index, 0], exact, atol=tolerance)


def test_settings_beside_it_change_no_setting():
    first = Setting(DRAWN, GROUPS, _start(DRAWN))
    others = [
        Setting(Design.raw((60, 10)), GROUPS, _start(Design.raw((60, 10)))),
        Setting(Design((60, 25), 5, 0.1), GROUPS, _start(DRAWN)),
    ]
    alone = run_path(GROUPS, DRAWN, Oracle(), [first], key=KEY, replicates=6)
    beside = run_path(GROUPS, DRAWN, Oracle(), [*others, first], key=KEY, replicates=6)
    one, three = (monte_carlo.values(result, "theta") for result in (alone, beside))
    tolerance = 1e3 * np.finfo(float).eps ** 0.5
    np.testing.assert_allclose(one[:, 0], three[:, 2], atol=tolerance)
    assert np.min(np.max(np.abs(three[:, 0] - three[:, 2]), axis=1)) > 1e-3
    assert np.min(np.max(np.abs(three[:, 1] - three[:, 2]), axis=1)) > 1e-3


def test_moving_synthetic_rows_is_the_shifted_generator():
    shift = (0.3, -0.2)
    start = _start(DRAWN, Shifted(shift))
    moved = run_path(
        GROUPS,
        DRAWN,
        Oracle(),
        [Setting(DRAWN, GROUPS, start, shift)],
        key=KEY,
        replicates=6,
        moved=lambda _, part: part != "real",
    )
    drawn = run_path(
        GROUPS, DRAWN, Shifted(shift), [Setting(DRAWN, GROUPS, start)], key=KEY, replicates=6
    )
    one, two = (monte_carlo.values(result, "theta") for result in (moved, drawn))
    tolerance = 1e3 * np.finfo(float).eps ** 0.5
    np.testing.assert_allclose(one, two, atol=tolerance)


@pytest.mark.parametrize("wrong", [Design((61, 25), 30, 0.4), Design((60, 25), 31, 0.4)])
def test_a_setting_that_needs_more_samples_than_are_drawn_is_refused(wrong):
    with pytest.raises(ValueError, match="draw a larger design"):
        run_path(
            GROUPS, DRAWN, Oracle(), [Setting(wrong, GROUPS, _start(DRAWN))], key=KEY, replicates=2
        )


def test_the_error_of_a_ratio_is_that_of_its_replicates():
    """Against the spread of ratios of means over independent sets of replicates."""
    rng = np.random.default_rng(5)
    common = rng.gamma(4.0, size=(400, 100))
    top = 2.0 * common + rng.gamma(2.0, size=common.shape)
    values = [ratio(t, b) for t, b in zip(top, common, strict=True)]
    spread = np.std([v["mean"] for v in values], ddof=1)
    claimed = np.mean([v["std_error"] for v in values])
    relative = 5 / np.sqrt(2 * len(values))  # five standard errors of a standard deviation
    assert abs(claimed / spread - 1) < relative
    unpaired = np.std(top[0], ddof=1) / np.sqrt(100) / common[0].mean()
    assert unpaired / spread - 1 > relative  # ignoring the pairing would be noticed


def test_measured_subtracts_a_constant_from_the_mean_only():
    path = [Setting(DRAWN, GROUPS, _start(DRAWN))]
    result = run_path(GROUPS, DRAWN, Oracle(), path, key=KEY, replicates=5)
    plain, less = measured(result, "risk"), measured(result, "risk", 0.25)
    np.testing.assert_allclose(plain["mean"] - less["mean"], 0.25, rtol=1e-12)
    np.testing.assert_array_equal(plain["std_error"], less["std_error"])
    assert plain["replicates"] == 5


def test_the_published_efficiencies_are_the_formula_s_to_their_digits():
    formula = FORMULAS["R4.efficiency"]
    for distance, published in EFRON_1975.items():
        assert abs(float(formula(Delta=distance)) - published) <= 0.0005 + 1e-9, distance


def _phase_point():
    return PhasePoint(
        separation=1.5,
        means=((0.0, 0.0), (1.0, 0.5)),
        sizes=(60, 20),
        augmentation=30,
        weight=0.4,
        direction=(1.0, 0.0),
        lengths=(0.0, 0.3),
    )


@pytest.mark.parametrize(
    "setting", [lambda: dataclasses.replace(path("oracle", "gradient")), _phase_point]
)
def test_one_setting_has_the_same_functions_at_every_call_so_that_they_are_compiled_once(setting):
    first, second = setting(), setting()
    assert first is not second
    pairs = zip(first.functions(), second.functions(), strict=True)
    assert all(one is other for one, other in pairs)
    mesh = replicate_mesh(jax.local_devices()[:1])
    assert sharded_map(first.functions()[0], mesh) is sharded_map(second.functions()[0], mesh)
