"""Fits find the minimiser when there is one, and say so when there is none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.simulate.sampling.erm import empirical_gradient, fit
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED, Loss, Polynomial

EPS = np.finfo(float).eps
fit_jit = jax.jit(fit, static_argnames="loss")


def _data(seed, rows=60, dim=3, overlap=1.0):
    """Two overlapping classes with uneven weights; not separable for these sizes."""
    rng = np.random.default_rng(seed)
    sign = np.where(np.arange(rows) % 3 == 0, 1.0, -1.0)
    x = rng.standard_normal((rows, dim)) + np.outer(sign, np.linspace(1, 0.2, dim)) / overlap
    weight = rng.uniform(0.2, 1.0, rows)
    return x, sign, weight / weight.sum()


def _objective(theta, x, sign, weight):
    rows = sign[:, None] * np.column_stack([np.ones(len(x)), x])
    margin = rows @ theta
    value = weight @ np.logaddexp(0, -margin)
    return value, -(weight * scipy.special.expit(-margin)) @ rows


def _oracle(x, sign, weight):
    """The minimiser by scipy: quasi-Newton to the basin, then Powell's hybrid root of the slope."""
    start = scipy.optimize.minimize(
        _objective, np.zeros(x.shape[1] + 1), (x, sign, weight), jac=True, method="BFGS"
    ).x
    slope = scipy.optimize.root(
        lambda theta: _objective(theta, x, sign, weight)[1], start, tol=1e-15, method="hybr"
    )
    return slope.x


@given(st.integers(0, 2**31 - 1))
def test_the_fit_is_the_minimiser_found_by_an_independent_optimiser(seed):
    x, sign, weight = _data(seed)
    result = fit_jit(x, sign, weight)
    assert bool(result.converged) != bool(result.separated)
    if result.converged:
        value, slope = _objective(np.asarray(result.theta), x, sign, weight)
        assert np.linalg.norm(slope) < 1e-12
        oracle = _oracle(x, sign, weight)
        assert value <= _objective(oracle, x, sign, weight)[0] + 4 * EPS
        np.testing.assert_allclose(result.theta, oracle, atol=1e-8, rtol=1e-8)


def test_most_of_the_data_sets_above_have_a_minimiser():
    batch = [np.stack(parts) for parts in zip(*(_data(s) for s in range(200)), strict=True)]
    result = jax.jit(jax.vmap(fit))(*batch)
    assert np.mean(result.converged) > 0.95


@given(st.integers(0, 2**31 - 1), st.floats(-1.5, 1.5))
def test_the_start_does_not_matter(seed, log_scale):
    x, sign, weight = _data(seed % 50)
    cold = fit_jit(x, sign, weight)
    start = 10**log_scale * np.random.default_rng(seed).standard_normal(4)
    warm = fit_jit(x, sign, weight, start=start)
    assert bool(cold.converged) == bool(warm.converged)
    if cold.converged:
        np.testing.assert_allclose(warm.theta, cold.theta, rtol=1e-9, atol=1e-9)


def test_no_step_raises_the_loss_where_plain_newton_diverges():
    x, sign, weight = _data(3)
    start = np.array([9.0, -6.0, 8.0, -7.0])
    values = []
    for steps in range(1, 40):
        theta = np.asarray(fit_jit(x, sign, weight, start=start, max_steps=steps).theta)
        values.append(_objective(theta, x, sign, weight)[0])
    assert np.all(np.diff(values) <= 4 * EPS * values[0])
    assert bool(fit_jit(x, sign, weight, start=start).converged)
    # negative control: the undamped step from the same start raises the loss
    rows = sign[:, None] * np.column_stack([np.ones(len(x)), x])
    miss = 1 / (1 + np.exp(rows @ start))
    hessian = rows.T @ (rows * (weight * miss * (1 - miss))[:, None])
    plain = start - np.linalg.solve(hessian, _objective(start, x, sign, weight)[1])
    assert _objective(plain, x, sign, weight)[0] > _objective(start, x, sign, weight)[0]


def test_a_good_start_saves_steps():
    x, sign, weight = _data(5, rows=3000)
    cold = fit_jit(x, sign, weight)
    warm = fit_jit(x, sign, weight, start=cold.theta + 1e-3)
    assert int(warm.steps) < int(cold.steps)
    assert int(warm.steps) <= 3


def test_separable_data_are_flagged_at_once_and_overlapping_ones_are_not():
    x, sign, weight = _data(0)
    apart = x + 20 * sign[:, None]
    result = fit_jit(apart, sign, weight)
    assert bool(result.separated) and not bool(result.converged)
    assert np.all(np.isfinite(result.theta)) and int(result.steps) <= 4
    # negative control: one label flipped deep inside the other class
    flipped = sign.copy()
    flipped[0] = -flipped[0]
    result = fit_jit(apart, flipped, weight)
    assert bool(result.converged) and not bool(result.separated)


def test_data_that_only_touch_are_not_converged():
    # the classes share the point 1: a minimiser exists only at infinity, and no iterate separates
    x = np.array([[0.0], [1.0], [1.0], [2.0]])
    sign = np.array([-1.0, -1.0, 1.0, 1.0])
    result = fit_jit(x, sign, np.full(4, 0.25))
    assert not bool(result.converged) and not bool(result.separated)
    assert np.all(np.isfinite(result.theta))
    # negative control: crossing instead of touching
    crossing = fit_jit(np.array([[0.0], [1.5], [1.0], [2.0]]), sign, np.full(4, 0.25))
    assert bool(crossing.converged)


def test_one_class_alone_is_separated():
    x, _, weight = _data(1)
    for label in (-1.0, 1.0):
        result = fit_jit(x, np.full(len(x), label), weight)
        assert bool(result.separated) and np.all(np.isfinite(result.theta))


def test_collinear_features_are_not_converged_and_a_perturbation_of_them_is():
    x, sign, weight = _data(2)
    x[:, 2] = x[:, 0] - 2 * x[:, 1]
    for loss in (LOGISTIC, SQUARED):
        result = fit_jit(x, sign, weight, loss=loss)
        assert not bool(result.converged) and np.all(np.isfinite(result.theta)), loss.name
        x_free = x + 1e-3 * np.random.default_rng(0).standard_normal(x.shape)
        assert bool(fit_jit(x_free, sign, weight, loss=loss).converged), loss.name


def test_rows_of_weight_zero_do_not_count():
    x, sign, weight = _data(4)
    extra = np.concatenate([x, 1e6 * np.ones((5, 3))])
    signs = np.concatenate([sign, -np.ones(5)])
    weights = np.concatenate([weight, np.zeros(5)])
    expected = fit_jit(x, sign, weight)
    result = fit_jit(extra, signs, weights)
    assert bool(expected.converged) and bool(result.converged)
    np.testing.assert_allclose(result.theta, expected.theta, rtol=1e-10)
    # the same rows with weight would change the fit
    weights[-5:] = 0.01
    changed = fit_jit(extra, signs, weights)
    assert np.max(np.abs(np.asarray(changed.theta) - expected.theta)) > 1e-2
    # a separated rest is recognised behind rows of weight zero
    apart = np.concatenate([x + 20 * sign[:, None], -20 * np.ones((1, 3))])
    hidden = np.concatenate([weight, [0.0]])
    assert bool(fit_jit(apart, np.concatenate([sign, [1.0]]), hidden).separated)


def test_a_weight_of_two_is_a_row_twice():
    x, sign, _ = _data(6)
    counts = 1 + np.arange(len(x)) % 3
    repeated = fit_jit(np.repeat(x, counts, axis=0), np.repeat(sign, counts), np.ones(counts.sum()))
    weighted = fit_jit(x, sign, counts.astype(float))
    np.testing.assert_allclose(weighted.theta, repeated.theta, rtol=1e-10)


@given(
    st.integers(0, 2**31 - 1),
    st.floats(-150, 150),
    st.sampled_from([0.0, 1e3, 1e200, np.inf, np.nan]),
)
def test_parameters_are_finite_whatever_the_scale_or_the_start(seed, log_scale, start):
    x, sign, weight = _data(seed % 20, rows=12)
    for loss in (LOGISTIC, SQUARED):
        result = fit_jit(x * 10**log_scale, sign, weight, loss=loss, start=np.full(4, start))
        assert np.all(np.isfinite(result.theta)), (loss.name, log_scale)
        assert not (bool(result.converged) and bool(result.separated))


def test_the_fit_does_not_depend_on_the_units_of_a_feature():
    x, sign, weight = _data(7)
    units = np.array([1e-6, 1.0, 1e5])
    plain, scaled = fit_jit(x, sign, weight), fit_jit(x * units, sign, weight)
    assert bool(plain.converged) and bool(scaled.converged)
    np.testing.assert_allclose(scaled.theta[1:] * units, plain.theta[1:], rtol=1e-9)


def test_squared_loss_is_weighted_least_squares_in_one_step():
    x, sign, weight = _data(8)
    result = fit_jit(x, sign, weight, loss=SQUARED, start=np.ones(4))
    root = np.sqrt(weight)[:, None]
    design = np.column_stack([np.ones(len(x)), x])
    expected = np.linalg.lstsq(root * design, root[:, 0] * sign)[0]
    assert bool(result.converged) and int(result.steps) == 1
    np.testing.assert_allclose(result.theta, expected, atol=1e-12)
    # separable data have a least-squares solution all the same
    assert bool(fit_jit(x + 20 * sign[:, None], sign, weight, loss=SQUARED).converged)


def test_float32_agrees_to_its_own_precision():
    x, sign, weight = _data(9, rows=400)
    double = fit_jit(x, sign, weight)
    single = fit_jit(*(np.float32(part) for part in (x, sign, weight)))
    assert single.theta.dtype == np.float32 and bool(single.converged)
    tolerance = 50 * np.finfo(np.float32).eps * max(1.0, np.abs(double.theta).max())
    np.testing.assert_allclose(single.theta, double.theta, atol=tolerance)


def test_a_batch_with_a_separable_member_leaves_the_others_alone():
    parts = [_data(s) for s in range(4)]
    parts[1] = (parts[1][0] + 20 * parts[1][1][:, None], *parts[1][1:])
    batch = [np.stack(part) for part in zip(*parts, strict=True)]
    result = jax.jit(jax.vmap(fit))(*batch)
    assert np.asarray(result.separated).tolist() == [False, True, False, False]
    for i in (0, 2, 3):
        alone = fit_jit(*parts[i])
        assert bool(result.converged[i])
        np.testing.assert_allclose(result.theta[i], alone.theta, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("loss", [LOGISTIC, SQUARED], ids=lambda loss: loss.name)
def test_the_empirical_gradient_is_the_derivative_of_the_empirical_risk(loss):
    x, sign, weight = (jnp.asarray(part) for part in _data(10))
    theta = jnp.asarray([0.3, -0.2, 0.5, 1.0])

    def empirical_risk(theta):
        margin = sign * (theta[0] + x @ theta[1:])
        return weight @ loss.value(margin)

    expected = jax.grad(empirical_risk)(theta)
    gradient = empirical_gradient(theta, x, sign, weight, loss=loss)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)
    minimiser = fit_jit(x, sign, weight, loss=loss).theta
    assert np.linalg.norm(empirical_gradient(minimiser, x, sign, weight, loss=loss)) < 1e-12


def test_another_loss_is_refused_by_name():
    x, sign, weight = (jnp.asarray(part) for part in _data(0))
    with pytest.raises(ValueError, match="loss: got"):
        fit(x, sign, weight, loss=Loss("cubic", Polynomial((0.0, 0.0, 0.0, 1.0))))


@pytest.mark.parametrize("dim", [7, 8], ids=["elimination", "library-solver"])
def test_either_solver_finds_the_minimiser(dim):
    # eight parameters are the most that are eliminated in place; nine go to the library
    x, sign, weight = _data(11, rows=240, dim=dim)
    result = fit_jit(x, sign, weight)
    assert bool(result.converged)
    _, slope = _objective(np.asarray(result.theta), x, sign, weight)
    assert np.linalg.norm(slope) < len(x) * EPS
    np.testing.assert_allclose(result.theta, _oracle(x, sign, weight), atol=1e-8, rtol=1e-8)
    # collinear features are recognised by either
    x[:, 2] = x[:, 0] - 2 * x[:, 1]
    assert not bool(fit_jit(x, sign, weight).converged)


# with a start and more than eight parameters, the first steps are quasi-Newton


@pytest.mark.parametrize("seed", range(4))
def test_from_a_start_many_parameters_are_fitted_as_well_as_without(seed):
    x, sign, weight = _data(seed, rows=400, dim=12, overlap=4.0)
    cold = fit_jit(x, sign, weight)
    near = cold.theta + 0.05 * np.random.default_rng(seed).standard_normal(13)
    rows = np.column_stack([np.ones(400), x])
    chance = scipy.special.expit(rows @ near)
    metric = np.linalg.inv(rows.T @ (rows * (weight * chance * (1 - chance))[:, None]))
    for options in ({}, {"metric": metric}, {"metric": 1.7 * metric}):
        warm = fit_jit(x, sign, weight, start=near, **options)
        assert bool(warm.converged) and not bool(warm.separated)
        np.testing.assert_allclose(warm.theta, cold.theta, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "metric",
    [np.eye(13), -np.eye(13), 1e-9 * np.eye(13), 1e9 * np.eye(13), np.full((13, 13), np.nan)],
    ids=["foreign", "uphill", "tiny", "huge", "nan"],
)
def test_a_metric_that_is_none_costs_steps_but_no_digits(metric):
    x, sign, weight = _data(3, rows=400, dim=12, overlap=4.0)
    cold = fit_jit(x, sign, weight)
    for size in (0.1, 30.0):
        start = size * np.random.default_rng(0).standard_normal(13)
        warm = fit_jit(x, sign, weight, start=start, metric=metric)
        assert bool(warm.converged), size
        np.testing.assert_allclose(warm.theta, cold.theta, rtol=1e-9, atol=1e-9)


def test_from_a_start_separable_and_collinear_data_are_told_as_well():
    x, sign, weight = _data(0, rows=120, dim=12, overlap=4.0)
    start = np.random.default_rng(1).standard_normal(13)
    apart = fit_jit(x + 20 * sign[:, None], sign, weight, start=start)
    assert bool(apart.separated) and not bool(apart.converged)
    assert np.all(np.isfinite(apart.theta))
    x[:, 2] = x[:, 0] - 2 * x[:, 1]
    assert not bool(fit_jit(x, sign, weight, start=start).converged)


def test_a_batch_of_many_parameters_leaves_its_members_alone():
    data = [_data(seed, rows=150, dim=10, overlap=4.0) for seed in range(6)]
    x, sign, weight = (np.stack(parts) for parts in zip(*data, strict=True))
    x[2] += 20 * sign[2][:, None]  # separable
    start = jnp.zeros(11)
    together = jax.jit(jax.vmap(lambda *parts: fit(*parts, start=start)))(x, sign, weight)
    for k in range(6):
        alone = fit_jit(x[k], sign[k], weight[k], start=start)
        assert bool(together.converged[k]) == bool(alone.converged) != bool(alone.separated)
        if alone.converged:
            np.testing.assert_allclose(together.theta[k], alone.theta, rtol=1e-9, atol=1e-9)


def test_float32_fits_of_many_parameters_agree_to_their_own_precision():
    x, sign, weight = _data(5, rows=400, dim=12, overlap=4.0)
    exact = fit_jit(x, sign, weight)
    single = (jnp.asarray(part, jnp.float32) for part in (x, sign, weight))
    found = fit_jit(*single, start=jnp.asarray(exact.theta + 0.05, jnp.float32))
    assert bool(found.converged) and found.theta.dtype == jnp.float32
    np.testing.assert_allclose(found.theta, exact.theta, atol=3e-4)
