"""More than two classes: what is refused, and what is said of a doubtful prediction."""

import jax
import numpy as np
import pytest

from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    Oracle,
    Smote,
    expected_multiclass_risk,
    law_of_design,
    metrics,
    multiclass_certificate,
    predict,
    predict_bias,
    predict_multiclass,
    risk,
)

pytestmark = pytest.mark.filterwarnings("ignore:predict")
THREE = [GaussianGroup([float(y), 0.0], np.eye(2), y) for y in range(3)]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: predict(THREE, Design.raw((9, 9, 9)), Oracle()), "use theory.predict_multiclass"),
        (lambda: predict_bias(THREE, Design.raw((9, 9, 9)), Oracle()), "more than two classes"),
        (lambda: risk(np.zeros(3), THREE[2]), "label: got 2, expected 0 or 1"),
        (lambda: metrics(np.zeros(3), THREE), "these metrics are of two classes"),
        (lambda: law_of_design(THREE, (9, 9, 9), Oracle()), "multiclass_law_of_design"),
        (lambda: GaussianGroup([0.0], [[1.0]], -1), "label: got -1, expected 0 or 1"),
        (lambda: GaussianGroup([0.0], [[1.0]], 1.5), "label: got 1.5"),
        (
            lambda: predict_multiclass(THREE[:1], Design.raw((9,)), Oracle()),
            r"groups: got labels \[0\], expected every one of 0 to K - 1",
        ),
        (
            lambda: predict_multiclass([THREE[0], THREE[2]], Design.raw((9, 9)), Oracle()),
            r"groups: got labels \[0, 2\]",
        ),
        (lambda: predict_multiclass(THREE, Design.raw((9, 9)), Oracle()), "got 3 groups"),
        (lambda: predict_multiclass(THREE, (9, 9, 9), Oracle()), "design: got"),
        (lambda: predict_multiclass(THREE, Design((50, 9, 9)), "smote"), "generator: got 'smote'"),
        (
            lambda: predict_multiclass(THREE, Design((50, 9, 9)), Smote(5)),
            "no closed form|closed-form",
        ),
        (lambda: predict_multiclass(THREE, Design((50, 1, 9)), Smote()), "sizes: got 1 seed"),
        (
            lambda: expected_multiclass_risk(np.zeros((1, 3)), THREE, Design((9, 9, 9)), Oracle()),
            r"theta: got shape \(1, 3\)",
        ),
        (
            lambda: multiclass_certificate(np.zeros((2, 3)), [[0.0]], [0], [1.0]),
            r"theta: got shape \(2, 3\) for features of shape \(1, 1\)",
        ),
        (
            lambda: multiclass_certificate(np.zeros((2, 2)), [[0.0]], [3], [1.0]),
            "label: got shape .* and largest 3",
        ),
    ],
)
def test_bad_input_is_named(call, message, as_installed):
    with pytest.raises(ValueError, match=message):
        call()


def test_classes_without_overlap_have_no_minimiser():
    groups = [GaussianGroup([4.0 * y, 0.0], np.diag([1e-30, 1.0]), y) for y in range(3)]
    with pytest.raises(ValueError, match="no finite minimiser"):
        predict_multiclass(groups, Design.raw((90, 90, 90)), Oracle())
    flat = [GaussianGroup([float(y), 1.0], np.diag([1.0, 0.0]), y) for y in range(3)]
    with pytest.raises(ValueError, match="features that vary"):
        predict_multiclass(flat, Design.raw((90, 90, 90)), Oracle())


def test_single_precision_is_refused():
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="float64"):
        predict_multiclass(THREE, Design.raw((90, 90, 90)), Oracle())


def test_few_seeds_for_every_parameter_are_said():
    few = predict_multiclass(THREE, Design.raw((90, 30, 30)), Oracle())
    assert few.validity.seeds == pytest.approx(30 / 6)
    assert "few seeds" in few.validity.causes
