"""The power-law fit: exact curves to the last digits, honest intervals, and what it refuses."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from synthetic_oversampling.simulate.sweeps.power_law import fit_power_law, power_law

EPS = np.finfo(np.float64).eps
SIZES = np.geomspace(10.0, 1e5, 12)


@settings(max_examples=8)
@given(
    exponent=st.floats(0.3, 2.0),
    crossover=st.floats(100.0, 1e4),
    share=st.floats(0.0, 0.5),
    amplitude=st.floats(1e-6, 1e6),
)
def test_an_exact_curve_gives_back_its_parameters(exponent, crossover, share, amplitude):
    truth = {"exponent": exponent, "crossover": crossover, "amplitude": amplitude}
    curve = power_law(SIZES, floor=share * amplitude, **truth)
    fit = fit_power_law(SIZES, curve)
    assert fit.identified and not fit.reason and fit.freedom == len(SIZES) - 4
    digits = 1e6 * EPS  # the conditioning of the four parameters over this range is below 1e5
    assert abs(fit.exponent.value - exponent) <= digits * exponent
    assert abs(fit.crossover.value - crossover) <= digits * crossover
    assert abs(fit.floor.value - share * amplitude) <= digits * amplitude
    assert abs(fit.amplitude - amplitude) <= digits * amplitude


@settings(max_examples=3)
@given(factor=st.floats(1e-3, 1e3), stretch=st.floats(0.01, 100.0))
def test_units_change_nothing_but_units(factor, stretch):
    curve = power_law(SIZES, exponent=0.7, crossover=400.0, floor=0.1, amplitude=1.0)
    noisy = curve * (1 + 0.02 * np.cos(5.0 * np.arange(len(SIZES))))
    one = fit_power_law(SIZES, noisy, 0.02 * curve)
    other = fit_power_law(stretch * SIZES, factor * noisy, factor * 0.02 * curve)
    for name, unit in (("exponent", 1.0), ("crossover", stretch), ("floor", factor)):
        first, second = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(np.array(second) / unit, first, rtol=1e-4)


def _covered(seed: int, fits: int, known: bool) -> np.ndarray:
    """How often each interval holds the truth."""
    truth = {"exponent": 0.8, "crossover": 300.0, "floor": 0.05}
    rng = np.random.default_rng(seed)
    curve = power_law(SIZES, amplitude=1.0, **truth)
    hits = np.zeros(3)
    for _ in range(fits):
        noisy = curve * (1 + 0.02 * rng.standard_normal(len(SIZES)))
        fit = fit_power_law(SIZES, noisy, 0.02 * curve if known else None)
        assert fit.identified
        for i, (name, value) in enumerate(truth.items()):
            interval = getattr(fit, name)
            assert interval.low <= interval.value <= interval.high
            hits[i] += interval.low <= value <= interval.high
    return hits


@pytest.mark.parametrize("known", [True, False])
def test_intervals_cover_as_often_as_they_say(known):
    fits = 12
    hits = _covered(3, fits, known)
    # at 95 % coverage so few have a probability below 1e-4 for each of three intervals
    assert np.all(hits >= binom.ppf(1e-4, fits, 0.95))


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
def test_intervals_cover_at_their_level_on_many_curves(known):
    fits = 600
    hits = _covered(4, fits, known)
    assert np.all(hits >= binom.ppf(1e-4, fits, 0.95))
    assert np.all(hits <= binom.ppf(1 - 1e-4, fits, 0.97))  # and are not much too wide


def test_a_wrong_exponent_is_outside_of_its_interval():
    curve = power_law(SIZES, exponent=0.8, crossover=300.0, floor=0.0, amplitude=1.0)
    fit = fit_power_law(SIZES, curve, 0.01 * curve)
    for wrong in (0.7, 0.9):
        assert not fit.exponent.low <= wrong <= fit.exponent.high


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        (np.full(12, 3.0), "flat"),
        (SIZES**-0.5, "no bend"),
        (2.0 - 1e-6 * SIZES, "hardly begun to fall"),
        (power_law(SIZES, exponent=0.5, crossover=3e4, floor=0.1, amplitude=1.0), "no power|fall"),
        (power_law(SIZES, exponent=1.0, crossover=1e-6, floor=0.7, amplitude=1.0), "flat"),
    ],
)
def test_what_a_range_does_not_identify_is_said_and_not_guessed(curve, reason):
    fit = fit_power_law(SIZES, curve, 0.01 * curve)
    assert not fit.identified and fit.amplitude is None
    assert re.search(reason, fit.reason), fit.reason
    if reason == "no bend":  # the exponent is there, the crossover is not
        assert fit.crossover is None and fit.exponent.low <= 0.5 <= fit.exponent.high
    else:
        assert fit.exponent is None and fit.crossover is None


def test_too_few_sizes_are_no_fit():
    fit = fit_power_law(SIZES[:4], SIZES[:4] ** -0.5)
    assert not fit.identified and fit.exponent is None and "4 different sizes" in fit.reason
    repeated = np.repeat(SIZES[:4], 3)
    assert "too few points" in fit_power_law(repeated, repeated**-0.5).reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": -SIZES}, "x: got a negative"),
        ({"y": 0.0 * SIZES}, "y: got 0, expected positive"),
        ({"y": SIZES[:3]}, r"y: got shape \(3,\)"),
        ({"y": np.where(SIZES > 100, np.nan, 1.0)}, "not finite"),
        ({"std_error": 0.0 * SIZES}, "std_error: expected one positive"),
        ({"level": 1.0}, "level: got 1.0"),
    ],
)
def test_points_that_cannot_be_fitted_are_refused_by_name(change, message):
    arguments = {"x": SIZES, "y": SIZES**-0.5} | change
    level = arguments.pop("level", 0.95)
    with pytest.raises(ValueError, match=message):
        fit_power_law(**arguments, level=level)
