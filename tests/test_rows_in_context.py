"""T5: whole rows in context, by closed form and by the network whose weights are written down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from synthetic_oversampling.simulate.experiments import in_context as settings
from synthetic_oversampling.theory.in_context import regression
from synthetic_oversampling.theory.in_context.regression import NormalInverseWishart, flat_prior
from synthetic_oversampling.transformer_toy import constructed_rows

COUNTS = (0, 1, 7, 30, 200)


def _prior(dim):
    mean, scale = np.full(dim, 0.3), np.eye(dim) * 1.3 + 0.2
    return NormalInverseWishart(
        *jax.device_put((mean, np.float64(0.7), scale, np.float64(dim + 2)))
    )


def _seeds(dim, count=200):
    rng = np.random.default_rng(dim)
    root = np.eye(dim) * 0.8 + 0.5 * rng.normal(size=(dim, dim)) / dim**0.5
    return jnp.asarray(rng.normal(size=(count, dim)) @ root.T + 0.5)


def _exact(prior, seeds, points):
    """SciPy's multivariate Student law after the seeds, from summed products of (1, x)."""
    count, dim = seeds.shape
    wide = np.column_stack([np.ones(count), seeds])
    first = np.array([1.0, *prior.mean])
    total = float(prior.mean_weight) * np.outer(first, first) + wide.T @ wide
    total[1:, 1:] += np.asarray(prior.scale)
    mass, mean = total[0, 0], total[0, 1:] / total[0, 0]
    scatter = total[1:, 1:] - np.outer(total[0, 1:], mean)
    df = float(prior.df) + count - dim + 1
    return stats.multivariate_t.logpdf(points, mean, scatter * (mass + 1) / (mass * df), df)


def _log_density(network, seeds, counts, points):
    counts = jnp.asarray(counts, jnp.int32)
    found = constructed_rows.log_density_of_rows(network, seeds, counts, jnp.asarray(points))
    return np.asarray(found)


@pytest.mark.parametrize("dim", range(1, 7))
def test_a_deep_network_is_the_exact_predictive_after_any_number_of_seeds(dim):
    prior, seeds = _prior(dim), _seeds(dim)
    points = np.random.default_rng(1).normal(size=(4, dim))
    found = _log_density(constructed_rows.regression(prior, 13), seeds, COUNTS, points)
    exact = [_exact(prior, np.asarray(seeds[:count]), points).reshape(4) for count in COUNTS]
    np.testing.assert_allclose(found, exact, atol=1e-8)


@pytest.mark.parametrize("dim", [1, 3, 5])
def test_the_flat_prior_is_a_limit_that_the_network_has_too(dim):
    prior, seeds = flat_prior(dim), _seeds(dim)
    points = np.random.default_rng(2).normal(size=(3, dim))
    found = _log_density(constructed_rows.regression(prior, 15), seeds, (dim + 4, 200), points)
    for row, count in zip(found, (dim + 4, 200), strict=True):
        expected = _exact(prior, np.asarray(seeds[:count]), points).reshape(3)
        np.testing.assert_allclose(row, expected, atol=1e-6)
        law = regression.row_predictive(regression.posterior(prior, seeds[:count]))
        scale = np.asarray(law.scale)
        again = stats.multivariate_t.logpdf(points, np.asarray(law.loc), scale, float(law.df))
        np.testing.assert_allclose(again.reshape(3), expected, rtol=1e-10)


@pytest.mark.parametrize("depth", range(1, 9))
def test_a_network_misses_what_its_iterations_miss(depth):
    """The same updates in NumPy, on the covariance of the features before the last."""
    dim, count = 4, 30
    prior, seeds = _prior(dim), _seeds(dim)
    point = np.random.default_rng(3).normal(size=(1, dim))
    network = constructed_rows.regression(prior, depth)
    law = constructed_rows.feature_laws(
        network, seeds, jnp.asarray([count], jnp.int32), jnp.asarray(point)
    )
    after = regression.posterior(prior, seeds[:count])
    cov = np.asarray(after.scale) / float(after.mean_weight)
    block, cross = cov[:-1, :-1], cov[:-1, -1]
    inverse = np.eye(dim - 1) / np.trace(block)
    left = np.eye(dim - 1) - block @ inverse
    for _ in range(depth):
        inverse, left = inverse + inverse @ left, left @ left
    offset = point[0, :-1] - np.asarray(after.mean)[:-1]
    df = float(after.df)
    loc = float(after.mean[-1]) + offset @ inverse @ cross
    around = float(after.mean_weight) + 1 + offset @ inverse @ offset
    var = (cov[-1, -1] - cross @ inverse @ cross) * around / df
    # the start is 1/trace to 1e-5, which doubles with every iteration until nothing is left
    tolerance = 1e-5 * 2**depth * np.abs(left).max() + 1e-10
    assert float(law.df[0, 0, -1]) == pytest.approx(df, rel=1e-12)
    assert float(law.loc[0, 0, -1]) == pytest.approx(loc, abs=10 * tolerance)
    assert float(law.var_scale[0, 0, -1]) == pytest.approx(var, rel=10 * tolerance)


def test_layers_grow_by_one_an_iteration_and_sizes_polynomially():
    def arch(dim, depth):
        return constructed_rows.regression(_prior(dim), depth).arch

    assert [arch(3, depth).num_layers for depth in (0, 1, 8)] == [7, 8, 15]
    for name, power in (("width", 2), ("hidden", 3)):
        sizes = [getattr(arch(dim, 1), name) for dim in (4, 8, 12)]
        growth = np.log(sizes[2] / sizes[1]) / np.log(1.5)
        assert growth < power + 0.2, (name, sizes)


def test_rows_that_it_writes_follow_the_exact_law():
    dim, count = 3, 30
    prior, seeds = _prior(dim), _seeds(dim)[:count]
    network = constructed_rows.regression(prior, 10)
    rows = np.asarray(constructed_rows.sample_rows(network, seeds, 4000, key=jax.random.key(4)))
    law = regression.row_predictive(regression.posterior(prior, seeds))
    solved = np.linalg.solve(np.linalg.cholesky(law.scale), (rows - np.asarray(law.loc)).T)
    # squared distance over d is F(d, df): its integral transform is uniform; 0.0325: level 1e-3.5
    chance = stats.f.cdf((solved**2).sum(axis=0) / dim, dim, float(law.df))
    assert stats.kstest(chance, "uniform").statistic < 0.0325
    angle = np.arctan2(solved[1], solved[0]) / (2 * np.pi) + 0.5
    assert stats.kstest(angle, "uniform").statistic < 0.0325


def test_seeds_one_by_one_or_together_leave_the_same_posterior():
    seeds, after = _seeds(3)[:9], _prior(3)
    for row in seeds:
        after = regression.posterior(after, row[None])
    for one, other in zip(after, regression.posterior(_prior(3), seeds), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(("dim", "degrees"), [(3, 1.2), (3, 9.0), (5, 4.0), (6, 60.0)])
def test_no_random_population_exceeds_its_bound_and_the_expansion_holds_at_depth(dim, degrees):
    """Covariances of condition 2 to 1e4; the mean of 400 divergences, 5 standard errors allowed."""
    rng, depths = np.random.default_rng([dim, int(degrees)]), (0, 1, 2, 4, 6, 8)
    keys = jax.random.split(jax.random.key(dim), 400)
    integrate = jax.jit(
        jax.vmap(
            lambda key, scale: settings.depth_divergences(key, degrees, scale, depths), (0, None)
        )
    )
    for condition in (2.0, 30.0, 1e4):
        turn = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
        scale = turn @ np.diag(np.geomspace(1.0, condition, dim)) @ turn.T
        weight, df = jnp.asarray(4.0), jnp.asarray(degrees + dim - 1)
        factor = 4.0 * degrees / 5.0  # of the scale of the posterior and of the row
        known = NormalInverseWishart(jnp.zeros(dim), weight, jnp.asarray(factor * scale), df)
        np.testing.assert_allclose(regression.row_predictive(known).scale, scale, rtol=1e-12)
        found = np.asarray(integrate(keys, jnp.asarray(scale)))
        mean, error = found.mean(axis=0), found.std(axis=0) / 20
        largest = np.linalg.eigvalsh(scale[:-1, :-1])
        for index, depth in enumerate(depths):
            bound = float(regression.depth_bound(known, depth))
            assert mean[index] < bound + 5 * error[index] + 1e-15  # of the integration
            missed = (1 - largest[0] / largest.sum()) ** (2.0**depth)
            near = float(regression.depth_divergence(known, depth))
            if missed < 0.3 and near > 1e-12:
                assert abs(mean[index] - near) < missed * near + 5 * error[index]


def test_enough_iterations_are_enough_and_one_less_is_not():
    for condition in (1.5, 30.0, 1e4):
        eigenvalues = jnp.asarray([1.0, condition, condition])  # the least share that there is
        for residual in (1e-3, 1e-12):
            depth = regression.enough_iterations(residual, condition=condition, dim=3)
            assert float(regression.inversion_residual(eigenvalues, depth)[0]) <= residual
    alone = regression.enough_iterations(1e-6, condition=1e9, dim=1)
    share = 1e-9
    assert (1 - share) ** (2.0 ** (alone - 1)) > 1e-6
    assert regression.enough_iterations(0.5, condition=1.0, dim=1) == 0


def test_a_row_s_divergence_tends_to_half_its_parameters_over_n():
    for dim in (1, 2, 5):
        near = 1e6 * float(regression.flat_rows_expected_kl(10**6, dim))
        assert near == pytest.approx(dim * (dim + 3) / 4, rel=1e-4)
        assert float(regression.flat_rows_expected_kl(dim + 1, dim)) > near / 1e6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: constructed_rows.regression(flat_prior(2), -1), "^iterations: got -1, expected"),
        (
            lambda: constructed_rows.regression(flat_prior(2)._replace(scale=jnp.eye(2)), 3),
            "^prior.mean_weight: got 0 with a scale",
        ),
        (lambda: regression.posterior(flat_prior(2), jnp.zeros((0, 2))), "^seeds: got 0 rows"),
        (
            lambda: regression.row_predictive(regression.posterior(flat_prior(3), _seeds(3)[:3])),
            "^after: got 0 degrees of freedom for a row of 3 features",
        ),
        (
            lambda: regression.row_predictive(
                regression.posterior(flat_prior(2), jnp.ones((5, 2)))
            ),
            "^after.scale: got a singular matrix",
        ),
        (
            lambda: regression.feature_predictive(
                regression.row_predictive(_prior(2)), jnp.zeros(2)
            ),
            "^earlier: got 2 features, expected fewer than 2",
        ),
        (lambda: regression.flat_rows_expected_kl(3, 3), "count: got 3, expected .* 4"),
        (
            lambda: regression.enough_iterations(1.0, condition=2.0, dim=2),
            "^residual: got 1.0, expected a number between 0 and 1",
        ),
        (lambda: regression.inversion_residual(jnp.zeros(2), 1), "^eigenvalues: got"),
        (lambda: flat_prior(0), "^dim: got 0"),
    ],
)
def test_what_has_no_law_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_bound_keeps_its_digits_where_little_is_missed_and_is_infinite_where_all_is():
    """A difference x - log(1 + x) has none from x = 1e-8 on: the bound fell below the truth."""
    scale = jnp.array([[1.0, 0.2, 0.3], [0.2, 1.2, 0.1], [0.3, 0.1, 1.1]])
    known = NormalInverseWishart(jnp.zeros(3), jnp.array(2.0), scale, jnp.array(3.0))
    for depth in range(3, 9):
        bound, value = (
            float(f(known, depth)) for f in (regression.depth_bound, regression.depth_divergence)
        )
        assert 0.0 < value < bound < 100.0 * value, depth
    assert (
        float(regression.depth_bound(known, 2000))
        == float(regression.depth_divergence(known, 2000))
        == 0.0
    )
    flat = NormalInverseWishart(
        jnp.zeros(3), jnp.array(5.0), jnp.diag(jnp.array([1.0, 1e-20, 1.0])), jnp.array(9.0)
    )
    assert float(regression.depth_bound(flat, 3)) == float("inf")
