"""Theorem R3: the gain changes sign exactly where the break-even points say."""

import numpy as np
import pytest

from synthetic_oversampling.theory.generators.table import Oracle, Shifted, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.benefit import (
    break_even_ratio,
    break_even_scale,
    break_even_shift,
    gain,
    leading_break_even_shift,
)
from synthetic_oversampling.theory.prediction.excess_risk import predict

GROUPS = [
    GaussianGroup([0.0, 0.0], np.eye(2), 0),
    GaussianGroup([1.5, 0.5], np.eye(2), 1),
]
SIZES = (900, 90)
DESIGN = Design(SIZES, 900, 0.5)


def _shift_gain(length, reference="weighted"):
    return gain(GROUPS, DESIGN, Shifted((length, 0.0)), reference)


def test_the_gain_is_the_difference_of_two_predictions():
    references = {"raw": Design.raw(SIZES), "weighted": Design.class_weighted(SIZES)}
    ours = float(predict(GROUPS, DESIGN, Oracle()).total)
    for name, design in references.items():
        other = float(predict(GROUPS, design, Oracle()).total)
        assert gain(GROUPS, DESIGN, Oracle(), name) == pytest.approx(other - ours, rel=1e-12)
        assert other - ours > 0  # an unbiased generator helps


@pytest.mark.parametrize("reference", ["raw", "weighted"])
def test_at_the_break_even_shift_the_gain_is_zero_and_changes_sign(reference):
    length = break_even_shift(GROUPS, DESIGN, (3.0, 0.0), reference)
    scale = abs(_shift_gain(0.0, reference))
    assert abs(_shift_gain(length, reference)) < 1e-8 * scale
    assert _shift_gain(0.9 * length, reference) > 1e-3 * scale
    assert _shift_gain(1.1 * length, reference) < -1e-3 * scale


def test_a_worse_reference_leaves_more_room_for_bias():
    lengths = [break_even_shift(GROUPS, DESIGN, (1.0, 0.0), name) for name in ("weighted", "raw")]
    assert 0 < lengths[0] < lengths[1] < np.inf


def test_more_data_turn_a_helpful_biased_generator_harmful_at_the_break_even_factor():
    generator = Shifted((0.1, 0.0))
    factor = break_even_scale(GROUPS, DESIGN, generator)
    assert 0 < factor < np.inf

    def scaled(times):
        # sizes that are multiples of 100, so that factors become whole numbers of samples
        sizes = (round(900 * times), round(90 * times))
        return gain(GROUPS, Design(sizes, sizes[0], 0.5), generator)

    assert scaled(0.9 * factor) > 0 > scaled(1.1 * factor)
    # an oracle has no bias to be caught out by
    assert break_even_scale(GROUPS, DESIGN, Oracle()) == np.inf


def test_synthetic_data_help_beyond_the_break_even_ratio():
    generator = Shifted((0.3, 0.0))
    ratio = break_even_ratio(GROUPS, 1, 1000, 500, 0.3, generator)
    assert 1 < ratio < 100

    def at(value):
        design = Design((1000, round(1000 / value)), 500, 0.3)
        return gain(GROUPS, design, generator, "raw")

    assert at(1.05 * ratio) > 0 > at(ratio / 1.05)


def test_the_break_even_shift_is_its_closed_form_to_leading_order():
    """The relative gap closes in proportion to the shift: here as sizes grow, so shifts shrink."""
    gaps, shifts = [], []
    for factor in (1, 16):
        design = Design((900 * factor, 90 * factor), 900 * factor, 0.5)
        exact = break_even_shift(GROUPS, design, (3.0, 1.0))
        gaps.append(abs(leading_break_even_shift(GROUPS, design, (3.0, 1.0)) / exact - 1))
        shifts.append(exact)
    assert gaps[0] < 0.2 and gaps[1] < 0.5 * gaps[0]
    assert 3 < shifts[0] / shifts[1] < 5  # as one over the square root of the size


def test_smote_is_a_reference_with_its_own_bias():
    levelled = predict(GROUPS, Design(SIZES), Smote())
    ours = predict(GROUPS, DESIGN, Oracle())
    expected = float(levelled.total - ours.total)
    assert gain(GROUPS, DESIGN, Oracle(), "smote") == pytest.approx(expected, rel=1e-12)
    rivals = ("weighted", "smote")
    lengths = [leading_break_even_shift(GROUPS, DESIGN, (1.0, 0.0), rival) for rival in rivals]
    assert 0 < lengths[0] < lengths[1]
    assert leading_break_even_shift(GROUPS, Design((90, 90), 20, 1.0), (1.0, 0.0)) == 0.0


def test_a_ratio_without_a_minority_or_room_for_one_is_refused():
    for minority in (-1, 2):
        with pytest.raises(ValueError, match="^minority: got .*2 groups"):
            break_even_ratio(GROUPS, minority, 1000, 500, 0.3, Oracle())
    with pytest.raises(ValueError, match="^size: got 10, expected more than 10"):
        break_even_ratio(GROUPS, 1, 10, 500, 0.3, Oracle())


def test_wrong_directions_and_references_are_named():
    for direction in ((0.0, 0.0), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="^direction: got .*non-zero"):
            break_even_shift(GROUPS, DESIGN, direction)
