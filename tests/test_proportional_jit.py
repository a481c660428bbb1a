"""Theorem H inside programs of JAX: the same numbers, their derivatives, and what is not solved."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype.roar import BeartypeCallHintParamViolation

from synthetic_oversampling.theory import (
    LOGISTIC,
    SQUARED,
    Cluster,
    Design,
    Duplicate,
    GaussianGroup,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    StudentPlugin,
    predict_clusters,
    predict_proportional,
)
from synthetic_oversampling.theory.generators import student
from synthetic_oversampling.theory.proportional.scoring import calibration_slope
from synthetic_oversampling.theory.proportional.solver import NoFixedPoint

_DIM = 30
_SIZES = (120, 40)
_MEANS = np.zeros((2, _DIM))
_MEANS[:, 0] = -0.75, 0.75
_GROUPS = [GaussianGroup(mean, np.eye(_DIM), y) for y, mean in enumerate(_MEANS)]
_GENERATORS = {
    "oracle": (Oracle(), False),
    "shifted": (Shifted((0.1,) * _DIM), False),
    "scaled": (Scaled(0.5), False),
    "mislabelled": (Mislabelled(0.1), False),
    "duplicates": (Duplicate(), False),
    "duplicates, many": (Duplicate(), True),
    "plug-in, known": (GaussianPlugin("known"), False),
    "plug-in, own": (GaussianPlugin("group"), False),
    "plug-in, pooled, many": (GaussianPlugin("pooled"), True),
    "predictive": (Predictive(), False),
    "Student": (StudentPlugin(), False),
    "SMOTE": (Smote(), True),
}
_TOLD = ("iterations", "residual")


def _general() -> list[GaussianGroup]:
    """Two covariances that do not commute, one group a mixture."""
    noise = np.random.default_rng(5).standard_normal((_DIM, _DIM))
    mixed = noise @ noise.T / _DIM + 0.3 * np.eye(_DIM)
    spread = np.diag(np.linspace(0.3, 2.0, _DIM))
    two = np.stack([_MEANS[1], -_MEANS[1] + np.eye(_DIM)[1]])
    return [
        GaussianGroup(_MEANS[0], mixed, 0),
        GaussianGroup(two, np.stack([spread, spread]), 1, weights=np.array([0.7, 0.3])),
    ]


def _spurious() -> list[GaussianGroup]:
    means = np.zeros((4, _DIM))
    means[:, :2] = [[-0.8, -1.0], [-0.8, 1.0], [0.8, -1.0], [0.8, 1.0]]
    return [GaussianGroup(mean, np.eye(_DIM), g // 2) for g, mean in enumerate(means)]


def _same(found, expected, tolerance=2e-7):
    assert found.limited == expected.limited
    assert float(found.residual) <= 1e-10
    for field in dataclasses.fields(expected):
        if field.name in _TOLD:
            continue
        ours, theirs = (jax.tree.leaves(getattr(one, field.name)) for one in (found, expected))
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=1e-9, err_msg=field.name)


@pytest.mark.parametrize("name", _GENERATORS)
def test_a_jitted_prediction_is_the_plain_one_for_every_generator(name, monkeypatch):
    monkeypatch.setattr(student, "_NODES", 8)  # each is compiled
    generator, many = _GENERATORS[name]

    def predicted(ridge):
        return predict_proportional(
            groups=_GROUPS,
            design=Design(_SIZES),
            generator=generator,
            ridge=ridge,
            many=many,
        )

    _same(jax.jit(predicted)(2.0), predicted(2.0))


@pytest.mark.parametrize("loss", [LOGISTIC, SQUARED], ids=["logistic", "squared"])
@pytest.mark.parametrize("laws", ["general", "spurious"])
def test_a_jitted_prediction_is_the_plain_one_for_other_laws_losses_and_a_fixed_intercept(
    laws, loss
):
    groups, sizes = (_general(), _SIZES) if laws == "general" else (_spurious(), (90, 20, 25, 70))
    generator = GaussianPlugin("group") if laws == "general" else Oracle()

    def predicted(ridge, intercept):
        return predict_proportional(
            groups=groups,
            design=Design(sizes, augmentation=30, weight=0.2),
            generator=generator,
            ridge=ridge,
            loss=loss,
            intercept=intercept,
        )

    fixed = -0.3 if laws == "spurious" else None
    found = jax.jit(predicted)(5.0, fixed)
    _same(found, predicted(5.0, fixed))


def _clusters(numbers):
    """Two clusters with everything but labels from a dictionary."""
    return [
        Cluster(
            rows=numbers["rows"][y],
            mean=(2 * y - 1) * numbers["mean"],
            cov=numbers["cov"][y],
            label=y,
            weight=numbers["weight"][y],
        )
        for y in (0, 1)
    ]


def _numbers(cov: str) -> dict:
    spread = {
        "isotropic": [0.8, 1.2],
        "diagonal": [np.linspace(0.5, 1.5, _DIM), np.linspace(1.3, 0.9, _DIM)],
        "full": [np.eye(_DIM) + 0.02, np.diag(np.linspace(0.5, 1.5, _DIM))],
    }[cov]
    given = {
        "rows": [120.0, 40.0],
        "mean": np.where(np.arange(_DIM) == 0, 0.75, 0.05),
        "cov": spread,
        "weight": [0.7, 1.9],
        "ridge": 2.0,
    }
    return jax.tree.map(np.asarray, given)


def _plain(numbers: dict) -> dict:
    return jax.tree.map(lambda value: value.item() if value.ndim == 0 else value, numbers)


@pytest.mark.slow
@pytest.mark.parametrize("cov", ["isotropic", "diagonal", "full"])
def test_derivatives_in_every_number_are_differences_of_plain_predictions(cov):
    def total(numbers):
        found = predict_clusters(
            clusters=_clusters(numbers), groups=_GROUPS, ridge=numbers["ridge"]
        )
        return found.total

    numbers = _numbers(cov)
    plain = _plain(numbers)
    value, slope = jax.jit(jax.value_and_grad(total))(numbers)
    assert float(value) == pytest.approx(total(plain), rel=1e-8)
    rng = np.random.default_rng(1)
    for name in numbers:
        turn = jax.tree.map(lambda v: rng.standard_normal(v.shape) * 0.1, numbers[name])
        if name == "cov" and cov == "full":
            turn = [part + part.T for part in turn]

        def moved(step, name=name, turn=turn):
            there = jax.tree.map(lambda v, t: v + step * t, numbers[name], turn)
            return total({**plain, name: _plain(there)})

        step = 1e-3
        expected = (moved(step) - moved(-step)) / (2 * step)
        leaves = zip(jax.tree.leaves(slope[name]), jax.tree.leaves(turn), strict=True)
        found = sum(float(np.sum(a * b)) for a, b in leaves)
        assert found == pytest.approx(expected, rel=2e-4, abs=1e-8), name


def test_one_program_serves_many_ridges_together_and_their_second_derivative():
    def total(ridge):
        design = Design.raw(_SIZES)
        return predict_proportional(groups=_GROUPS, design=design, ridge=ridge).total

    jitted = jax.jit(total)
    ridges = np.array([0.3, 2.0, 40.0])
    one_by_one = [total(float(ridge)) for ridge in ridges]
    np.testing.assert_allclose([jitted(ridge) for ridge in ridges], one_by_one, rtol=1e-8)
    assert jitted._cache_size() == 1
    np.testing.assert_allclose(jax.jit(jax.vmap(total))(ridges), one_by_one, rtol=1e-8)
    second = jax.jit(jax.grad(jax.grad(total)))(2.0)
    step = 0.02
    expected = (total(2.0 + step) - 2 * total(2.0) + total(2.0 - step)) / step**2
    assert float(second) == pytest.approx(expected, rel=1e-3)


def _apart(ridge, sizes=(40, 12)):
    return predict_proportional(groups=_GROUPS, design=Design.raw(sizes), ridge=ridge)


def test_what_has_no_solution_is_nan_everywhere_with_its_derivatives_and_its_residual_tells():
    found = jax.jit(_apart)(0.0)
    assert float(found.residual) > 1e-10
    for name in ("error", "risk", "excess", "intercept", "norm", "auroc", "slope", "train_loss"):
        assert np.all(np.isnan(getattr(found, name))), name
    assert np.isnan(found.total) and float(found.ridge) == 0.0
    for ridge in (0.0, 1e-7, -1.0):
        with pytest.raises(ValueError, match="metrics: got .*expected one setting that is solved"):
            jax.jit(_apart)(ridge).metrics()
    value_and_slope = jax.jit(jax.value_and_grad(lambda ridge: _apart(ridge).total))
    for ridge in (0.0, 1e-7, -1.0, np.nan, np.inf):  # separable, steep, and what is no ridge
        assert np.all(np.isnan(value_and_slope(ridge))), ridge
    assert float(jax.jit(_apart)(np.nan).residual) == np.inf


@pytest.mark.parametrize(
    "name, value",
    [
        ("rows", [1e-300, 40.0]),
        ("rows", [-3.0, 40.0]),
        ("weight", [0.0, 1.0]),
        ("weight", [-1.0, 1.0]),
    ],
)
def test_traced_numbers_that_a_cluster_refuses_are_nan(name, value):
    numbers = _plain(_numbers("isotropic"))

    def total(given):
        clusters = _clusters({**numbers, name: given})
        return predict_clusters(clusters=clusters, groups=_GROUPS, ridge=2.0).total

    assert np.isnan(jax.jit(total)(np.array(value)))


def test_a_traced_matrix_that_is_no_covariance_is_nan():
    skew = np.eye(_DIM)
    skew[0, 1] = 0.3

    def total(cov):
        clusters = _clusters({**_plain(_numbers("full")), "cov": [cov, 1.0]})
        return predict_clusters(clusters=clusters, groups=_GROUPS, ridge=2.0).total

    jitted = jax.jit(total)
    indefinite = np.eye(_DIM)
    indefinite[0, 1] = indefinite[1, 0] = 2.0
    for matrix in (skew, indefinite, -np.eye(_DIM)):
        assert np.isnan(jitted(matrix))
    rounded = np.diag(np.r_[-1e-12, np.ones(_DIM - 1)])
    assert float(jitted(rounded)) == pytest.approx(total(rounded), rel=1e-8)
    assert float(jitted(np.eye(_DIM))) == pytest.approx(total(np.eye(_DIM)), rel=1e-8)


@pytest.mark.parametrize("sizes, ridge", [((2000, 12), 100.0), ((120, 40), 1e6)])
def test_the_calibration_slope_is_found_where_scores_lie_far_from_zero(sizes, ridge):
    expected, found = (
        call(ridge, sizes).slope for call in (_apart, jax.jit(_apart, static_argnums=1))
    )
    assert expected > 3 and float(found) == pytest.approx(expected, rel=1e-7)
    plain = _apart(ridge, sizes)  # of normal scores of one variance it is known
    gap = plain.score_mean[1] - plain.score_mean[0]
    assert plain.slope == pytest.approx(gap / plain.score_var[0], rel=1e-8)
    slope = jax.jit(jax.grad(lambda ridge: _apart(ridge, sizes).slope))(ridge)
    step = 1e-3 * ridge
    difference = (_apart(ridge + step, sizes).slope - _apart(ridge - step, sizes).slope) / (
        2 * step
    )
    assert float(slope) == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize("distance", [4.0, 12.0, 30.0])
def test_the_calibration_slope_of_labels_far_apart_is_that_of_normal_scores(distance):
    means = _MEANS * distance / 1.5
    groups = [GaussianGroup(mean, np.eye(_DIM), y) for y, mean in enumerate(means)]
    found = predict_proportional(groups=groups, design=Design.raw(_SIZES), ridge=1.0)
    gap = found.score_mean[1] - found.score_mean[0]
    assert found.slope == pytest.approx(gap / found.score_var[0], rel=1e-8)
    inside = jax.jit(
        lambda ridge: (
            predict_proportional(groups=groups, design=Design.raw(_SIZES), ridge=ridge).slope
        )
    )(1.0)
    assert np.isnan(inside) if distance > 20 else inside == pytest.approx(found.slope, rel=1e-8)


@pytest.mark.parametrize("apart", [0.5, 8.0, 25.0, 50.0, 70.0, 1e5])
def test_the_slope_of_calibration_is_known_for_normal_scores_however_far_apart(apart):
    mean, var = np.array([-3.0, -3.0 + apart * 0.1]), np.full(2, 0.01)
    expected = apart / 0.1
    assert calibration_slope(_GROUPS, mean, var) == pytest.approx(expected, rel=1e-7)
    inside = jax.jit(lambda mean: calibration_slope(_GROUPS, mean, jnp.asarray(var)))(mean)
    assert np.isnan(inside) if apart > 20 else inside == pytest.approx(expected, rel=1e-7)


@pytest.mark.slow
def test_a_plain_ridge_of_zero_beside_a_traced_intercept_and_a_traced_law_of_weights():
    def total(intercept):
        design = Design.raw((2000, 1000))
        return predict_proportional(
            groups=_GROUPS, design=design, ridge=0.0, intercept=intercept
        ).total

    assert float(jax.jit(total)(0.1)) == pytest.approx(total(0.1), rel=1e-7)

    def law(weight):
        numbers = {**_plain(_numbers("isotropic")), "weight": [((0.5, weight), (0.5, 1.0)), 1.0]}
        return predict_clusters(clusters=_clusters(numbers), groups=_GROUPS, ridge=2.0).total

    assert float(jax.jit(law)(0.4)) == pytest.approx(law(0.4), rel=1e-8)


@pytest.mark.slow
def test_results_that_were_mapped_keep_their_settings_apart():
    ridges = np.array([1.0, 10.0, 100.0])
    mapped = jax.jit(jax.vmap(_apart))(ridges)
    for name in ("total", "balanced_error", "worst_group_error"):
        each = [getattr(_apart(float(ridge)), name) for ridge in ridges]
        np.testing.assert_allclose(getattr(mapped, name), each, rtol=1e-8, err_msg=name)
    assert mapped.iterations.dtype == np.int64
    with pytest.raises(ValueError, match="(?s)metrics: .*mapped ones apart"):
        mapped.metrics()
    first = jax.tree.map(lambda value: value[0], mapped).metrics()
    np.testing.assert_allclose(first, _apart(1.0).metrics(), rtol=1e-7)


def test_metrics_belong_outside_of_programs_but_those_of_the_optimum_are_known():
    with pytest.raises(ValueError, match="metrics: .*outside of programs of JAX"):
        jax.jit(lambda ridge: tuple(_apart(ridge).metrics()))(2.0)
    inside = jax.jit(lambda ridge: tuple(_apart(ridge).best_metrics()))(2.0)
    np.testing.assert_allclose(inside, _apart(2.0).best_metrics(), rtol=1e-12)
    np.testing.assert_allclose(jax.jit(_apart)(2.0).metrics(), _apart(2.0).metrics(), rtol=1e-7)


def test_numbers_of_jax_outside_a_program_are_plain_numbers():
    def predicted(ridge):
        return predict_proportional(groups=_GROUPS, design=Design.raw(_SIZES), ridge=ridge)

    found = predicted(jnp.float32(2.0))
    assert isinstance(found.ridge, float) and found.total == predicted(2.0).total
    assert isinstance(found.total, float)
    with pytest.raises(ValueError, match="ridge: got .*expected a finite number"):
        predicted(jnp.ones(2))
    rows = Cluster(rows=jnp.asarray(3), mean=jnp.zeros(2), cov=jnp.asarray(1.0), label=0)
    assert (rows.rows, type(rows.mean), rows.laws) == (3, np.ndarray, ((1.0, 1.0),))
    assert Cluster(rows=np.longdouble(0.5), mean=[0.0], cov=1.0, label=0).rows == 0.5


def test_a_program_in_float32_is_refused():
    def predicted(ridge):
        return predict_proportional(groups=_GROUPS, design=Design.raw(_SIZES), ridge=ridge)

    with jax.enable_x64(False):
        with pytest.raises(RuntimeError, match="predict_proportional computes in float64"):
            jax.jit(predicted)(2.0)
        with pytest.raises(RuntimeError, match="Cluster computes in float64"):
            jax.jit(lambda mean: Cluster(rows=3, mean=mean, cov=1.0, label=0).mean)(np.zeros(2))
        assert predicted(2.0).residual <= 1e-10  # outside a program NumPy computes


def test_an_intercept_that_runs_away_is_an_error_in_a_plain_call():
    means = _MEANS[:, :20]
    groups = [GaussianGroup(mean, np.eye(20), y) for y, mean in enumerate(means)]
    clusters = [
        Cluster(rows=(120.0, 40.0)[y], mean=means[y], cov=1.0, label=y, weight=1.0 - y)
        for y in (0, 1)
    ]
    with pytest.raises(NoFixedPoint, match="the intercept runs away"):
        predict_clusters(clusters=clusters, groups=groups, ridge=0.5)
    with pytest.raises(
        NoFixedPoint
    ):  # of which rounding says whether it runs away or never settles
        predict_clusters(clusters=clusters, groups=groups, ridge=2.0)
    clusters = _clusters({**_plain(_numbers("isotropic")), "weight": [1.0, 0.0]})
    fixed = predict_clusters(clusters=clusters, groups=_GROUPS, ridge=2.0, intercept=-300.0)
    assert fixed.total > 100


def test_the_squared_loss_without_a_ridge_needs_more_rows_than_features_in_programs_too():
    def total(rows):
        clusters = _clusters({**_plain(_numbers("isotropic")), "rows": rows})
        return predict_clusters(clusters=clusters, groups=_GROUPS, ridge=0.0, loss=SQUARED).total

    jitted = jax.jit(total)
    assert np.isnan(jitted(np.array([_DIM - 9.0, 10.0])))
    assert float(jitted(np.array([60.0, 20.0]))) == pytest.approx(total([60.0, 20.0]), rel=1e-7)


@pytest.mark.parametrize(
    "name, value",
    [("weight", value) for value in (math.nan, None, True, "3", [1, 2], (0.5, 1j))]
    + [("mean", [1j, 0.0]), ("cov", "a"), ("cov", 1j)],
)
def test_what_is_no_number_is_named(name, value):
    given = {"rows": 3.0, "mean": [0.0, 0.0], "cov": 1.0, "label": 0, name: value}
    with pytest.raises((ValueError, BeartypeCallHintParamViolation), match=name):
        Cluster(**given)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("mean", np.zeros((2, 2)), "mean: got"),
        ("cov", np.ones(3), r"cov: got shape \(3,\)"),
        ("rows", np.ones(1), "rows: got .*expected a positive finite number"),
        ("weight", np.ones((2, 2)), "weight: got .*expected a number, or pairs"),
    ],
)
def test_shapes_of_traced_numbers_are_checked(name, value, message):
    given = {"rows": 3.0, "mean": np.zeros(2), "cov": 1.0, "label": 0}

    def made(traced):
        return Cluster(**{**given, name: traced}).mean

    with pytest.raises(ValueError, match=message):
        jax.jit(made)(value)
    if name in ("mean", "cov"):
        assert jax.jit(made)(given[name]).shape == (2,)


@pytest.mark.parametrize("value", [np.ones(1), True, 1j], ids=["array", "truth", "complex"])
def test_a_traced_ridge_is_a_real_number(value):
    with pytest.raises(ValueError, match="ridge: got .*expected a finite number"):
        jax.jit(lambda ridge: _apart(ridge).total)(value)
