"""Sampled groups and generators have the laws they are meant to have."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.simulate.sampling.mixtures import sample_group, sample_law
from synthetic_oversampling.simulate.sampling.samplers import (
    nearest_neighbours,
    psd_cholesky,
    sample_synthetic,
)
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    StudentPlugin,
    population_law,
)
from synthetic_oversampling.theory.population.laws import GaussianGroup

KEY = jax.random.key(20)
DRAWS = 100_000
# Moments are compared at 5 standard errors: 6e-7 false alarms each, below 1e-4 in this file.
Z_LIMIT = 5.0

COV = np.array([[1.0, 0.4, 0.0], [0.4, 2.0, -0.3], [0.0, -0.3, 0.5]])
ROOT = np.linalg.cholesky(COV)
SINGLE = GaussianGroup(np.array([1.0, -2.0, 0.5]), COV, 1)
MIXED = GaussianGroup(
    np.array([[0.0, 0.0, 0.0], [2.0, -1.0, 1.0], [-3.0, 0.5, 2.0]]),
    np.stack([np.eye(3), COV, 0.25 * np.eye(3)]),
    0,
    weights=np.array([0.5, 0.3, 0.2]),
)
GROUPS = [MIXED, SINGLE]
FIXED_LAW = [Oracle(), Shifted((0.3, 0.0, -0.2)), Scaled(1.3), Mislabelled(0.1)]
FITTED = [
    Duplicate(),
    Smote(),
    Smote(3),
    GaussianPlugin("group"),
    GaussianPlugin("pooled"),
    GaussianPlugin("known"),
    Predictive("group"),
    Predictive("known"),
    StudentPlugin(12.0),
]


def _features(x, sign):
    """Monomials up to degree two, with the label: what two laws are compared on."""
    x, sign = np.asarray(x), np.asarray(sign)
    pairs = itertools.combinations_with_replacement(range(x.shape[1]), 2)
    columns = [x[:, i] * x[:, j] for i, j in pairs]
    return np.stack([*x.T, *columns, sign, *(x * sign[:, None]).T], axis=1)


def _law_features(law):
    """The exact expectation of `_features` under a labelled Gaussian mixture."""
    weights, means, covs, signs = (np.asarray(part) for part in law)
    second = np.einsum("k,kij->ij", weights, covs + np.einsum("ki,kj->kij", means, means))
    pairs = itertools.combinations_with_replacement(range(means.shape[1]), 2)
    return np.concatenate(
        [
            weights @ means,
            [second[i, j] for i, j in pairs],
            [weights @ signs],
            (weights * signs) @ means,
        ]
    )


def _largest_z(sample, expected):
    """Largest |z| over the features; infinite where one without variance is off at all."""
    error = sample.mean(axis=0) - expected
    std_error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    constant = std_error <= 1e-12
    if np.any(np.abs(error[constant]) > 1e-12):
        return np.inf
    return np.max(np.abs(error[~constant]) / std_error[~constant])


def _draw_seeds(sizes, key=KEY):
    keys = [jax.random.fold_in(key, g) for g in range(len(sizes))]
    return [sample_group(GROUPS[g], n, key=keys[g]) for g, n in enumerate(sizes)]


# groups


@pytest.mark.parametrize("group", GROUPS, ids=["mixture", "single"])
def test_a_group_has_its_first_and_second_moments(group):
    x, sign = sample_law(group, DRAWS, key=KEY)
    sample = _features(x, sign)
    assert _largest_z(sample, _law_features(group.law)) < Z_LIMIT
    # negative control: a mean moved by 3 % of a standard deviation is rejected
    moved = group.law._replace(means=group.law.means + 0.03)
    assert _largest_z(sample, _law_features(moved)) > Z_LIMIT


def test_a_point_mass_is_its_point():
    point = GaussianGroup(np.array([1.0, -2.0]), np.zeros((2, 2)), 1)
    x = sample_group(point, 7, key=KEY)
    assert np.array_equal(x, np.tile([1.0, -2.0], (7, 1)))


def test_a_singular_covariance_stays_in_its_subspace():
    direction = np.array([1.0, 2.0, -1.0])
    group = GaussianGroup(np.zeros(3), np.outer(direction, direction), 0)
    x = np.asarray(sample_group(group, 1000, key=KEY))
    along = x @ direction / (direction @ direction)
    np.testing.assert_allclose(x, np.outer(along, direction), atol=1e-7)
    assert abs(along.std() - 1) < Z_LIMIT / np.sqrt(2 * 1000)


def test_the_first_draws_do_not_depend_on_how_many_follow():
    for group in GROUPS:
        long = sample_group(group, 500, key=KEY)
        assert np.array_equal(sample_group(group, 123, key=KEY), long[:123])


@pytest.mark.parametrize("generator", FIXED_LAW + [Smote(), Predictive()], ids=str)
def test_the_first_synthetic_samples_do_not_depend_on_how_many_follow(generator):
    seeds = _draw_seeds((9, 9))
    few = sample_synthetic(generator, 0, GROUPS, seeds, 20, key=KEY)
    many = sample_synthetic(generator, 0, GROUPS, seeds, 50, key=KEY)
    for short, long in zip(few, many, strict=True):
        np.testing.assert_allclose(short, long[:20], rtol=1e-12, atol=1e-12)


def test_float32_draws_are_the_float64_draws_rounded():
    single = np.asarray(sample_group(MIXED, 200, key=KEY, dtype=jnp.float32))
    double = np.asarray(sample_group(MIXED, 200, key=KEY))
    assert single.dtype == np.float32
    scale = np.abs(double).max()
    np.testing.assert_allclose(single, double, atol=8 * scale * np.finfo(np.float32).eps)


def test_a_law_without_mass_is_refused():
    law = SINGLE.law._replace(weights=jnp.zeros(1))
    with pytest.raises(ValueError, match="weights"):
        sample_group(law, 3, key=KEY)


# generators


@pytest.mark.parametrize("generator", FIXED_LAW, ids=str)
@pytest.mark.parametrize("g", [0, 1])
def test_a_fixed_generator_has_its_population_law(generator, g):
    seeds = _draw_seeds((4, 5))
    sample = _features(*sample_synthetic(generator, g, GROUPS, seeds, DRAWS, key=KEY))
    law = population_law(generator, g, GROUPS, (4, 5))
    assert _largest_z(sample, _law_features(law)) < Z_LIMIT
    # negative control: every other fixed generator's law is rejected
    for other in FIXED_LAW:
        if other != generator:
            wrong = population_law(other, g, GROUPS, (4, 5))
            assert _largest_z(sample, _law_features(wrong)) > Z_LIMIT, other


@pytest.mark.parametrize("generator", [f for f in FITTED if f != Smote(3)], ids=str)
@pytest.mark.parametrize("g", [0, 1])
def test_a_fitted_generator_approaches_its_population_law(generator, g):
    # 20,000 seeds and draws: both noises are compared together, at sqrt(2) times one's error
    n = 20_000
    seeds = _draw_seeds((n, n))
    sample = _features(*sample_synthetic(generator, g, GROUPS, seeds, n, key=KEY))
    expected = _law_features(population_law(generator, g, GROUPS, (n, n)))
    # SMOTE's draws share seeds: the seeds' part of the variance is the whole group's
    real = _features(seeds[g], np.full(n, GROUPS[g].sign))
    error = np.abs(sample.mean(axis=0) - expected)
    std_error = np.sqrt((sample.var(axis=0) + 2 * real.var(axis=0)) / n)
    varies = std_error > 1e-12
    assert np.all(error[~varies] <= 1e-12)
    assert np.max(error[varies] / std_error[varies]) < Z_LIMIT
    # negative control: the law of a generator that shifts by a tenth is rejected
    wrong = _law_features(population_law(Shifted((0.1, 0.1, 0.1)), g, GROUPS, (n, n)))
    assert np.max(np.abs(sample.mean(axis=0) - wrong)[varies] / std_error[varies]) > Z_LIMIT


def _conditional_cov(generator, seeds, g):
    """Covariance of a synthetic sample given the seeds, by direct matrix algebra."""
    real = np.asarray(seeds[g])
    n, dim = real.shape
    sample_cov = np.cov(real.T)
    match generator:
        case Duplicate():
            return sample_cov * (n - 1) / n
        case Smote():
            return sample_cov * (n - 1) / n * (2 / 3 - 1 / (3 * (n - 1)))
        case GaussianPlugin("group") | StudentPlugin():
            return sample_cov
        case GaussianPlugin("pooled"):
            degrees = [len(x) - 1 for x in seeds]
            covs = [np.cov(np.asarray(x).T) for x in seeds]
            return sum(f * c for f, c in zip(degrees, covs, strict=True)) / sum(degrees)
        case GaussianPlugin("known"):
            return GROUPS[g].overall_mean_cov()[1]
        case Predictive("known"):
            return (1 + 1 / n) * GROUPS[g].overall_mean_cov()[1]
        case Predictive("group"):  # Student-t with n - d degrees of freedom
            return (1 + 1 / n) * (n - 1) / (n - dim - 2) * sample_cov


@pytest.mark.parametrize("generator", [f for f in FITTED if f != Smote(3)], ids=str)
def test_given_few_seeds_a_generator_has_its_exact_mean_and_covariance(generator):
    seeds = _draw_seeds((9, 14))
    g = 1
    x, sign = sample_synthetic(generator, g, GROUPS, seeds, DRAWS, key=KEY)
    assert np.all(np.asarray(sign) == GROUPS[g].sign)
    centred = np.asarray(x) - np.asarray(seeds[g]).mean(axis=0)
    cov = _conditional_cov(generator, seeds, g)
    rows, columns = np.tril_indices(3)
    sample = np.concatenate([centred, centred[:, rows] * centred[:, columns]], axis=1)
    expected = np.concatenate([np.zeros(3), cov[rows, columns]])
    assert _largest_z(sample, expected) < Z_LIMIT
    # negative control: a covariance off by 5 % is rejected
    wrong = np.concatenate([np.zeros(3), 1.05 * cov[rows, columns]])
    assert _largest_z(sample, wrong) > Z_LIMIT


def test_smote_with_all_neighbours_has_two_thirds_of_the_covariance():
    n = 4000
    seeds = [sample_group(SINGLE, n, key=KEY)]
    x, _ = sample_synthetic(Smote(), 0, [SINGLE], seeds, DRAWS, key=KEY)
    white = np.linalg.solve(ROOT, (np.asarray(x) - SINGLE.mean).T)
    # relative noise of a variance: sqrt(kurtosis excess + 2) over seeds and over draws
    tolerance = Z_LIMIT * (np.sqrt(2 / n) + np.sqrt(3 / DRAWS)) * 2 / 3
    np.testing.assert_allclose(np.cov(white), 2 / 3 * np.eye(3), atol=tolerance)
    assert tolerance < (1 - 2 / 3) / 2  # the full covariance would be rejected


@pytest.mark.parametrize(("dim", "n"), [(1, 6), (2, 9), (3, 9), (4, 15)])
def test_the_predictive_is_student_t_in_every_direction_and_radius(dim, n):
    group = GaussianGroup(np.zeros(dim), np.eye(dim), 1)
    seeds = [sample_group(group, n, key=jax.random.key(dim))]
    draws = 20_000
    x, _ = sample_synthetic(Predictive(), 0, [group], seeds, draws, key=KEY)
    real = np.asarray(seeds[0])
    degrees = n - dim
    scale = (1 + 1 / n) * (n - 1) / degrees * np.atleast_2d(np.cov(real.T))
    centred = np.asarray(x) - real.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(scale), centred.T)
    direction = np.arange(1.0, dim + 1) / np.linalg.norm(np.arange(1.0, dim + 1))
    radius = (white**2).sum(axis=0) / dim
    student, fisher = scipy.stats.t(degrees), scipy.stats.f(dim, degrees)
    for values, law in [(direction @ white, student), (radius, fisher)]:
        assert scipy.stats.kstest(values, law.cdf).pvalue > 1e-5
    # negative control: the plug-in's normal law
    assert scipy.stats.kstest(direction @ white, "norm").pvalue < 1e-3
    wrong = scipy.stats.chi2(dim, scale=1 / dim)
    assert scipy.stats.kstest(radius, wrong.cdf).pvalue < 1e-5


def test_fewer_seeds_than_features_give_draws_in_their_affine_span():
    dim, n = 6, 4
    group = GaussianGroup(np.arange(6.0), np.eye(dim), 1)
    seeds = [sample_group(group, n, key=KEY)]
    x, _ = sample_synthetic(GaussianPlugin(), 0, [group], seeds, 50, key=KEY)
    real = np.asarray(seeds[0])
    centred = np.asarray(x) - real.mean(axis=0)
    basis = np.linalg.svd(real - real.mean(axis=0))[2][: n - 1]
    np.testing.assert_allclose(centred, centred @ basis.T @ basis, atol=1e-6)
    assert np.linalg.matrix_rank(centred, tol=1e-5) == n - 1


@given(st.sampled_from([1, 2, 5, 8]), st.integers(0, 8), st.integers(0, 2**31 - 1))
def test_the_semi_definite_factor_reproduces_a_matrix_of_any_rank(dim, rank, seed):
    part = np.random.default_rng(seed).standard_normal((dim, rank))
    matrix = part @ part.T
    root = np.asarray(psd_cholesky(jnp.asarray(matrix)))
    assert np.all(np.isfinite(root)) and np.allclose(root, np.tril(root))
    scale = max(np.abs(matrix).max(), 1.0)
    np.testing.assert_allclose(root @ root.T, matrix, atol=1e3 * dim * 2.0**-52 * scale)


@given(st.sampled_from([(2, 1, 1), (7, 3, 6), (23, 2, 4), (40, 1, 5)]), st.integers(0, 2**31 - 1))
def test_nearest_neighbours_are_those_of_a_stable_sort(sizes, seed):
    n, dim, k = sizes
    # whole numbers: many equal distances, some equal points
    x = np.random.default_rng(seed).integers(0, 4, (n, dim)).astype(float)
    distance = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    expected = np.argsort(distance, axis=1, kind="stable")[:, :k]
    assert np.array_equal(nearest_neighbours(jnp.asarray(x), k), expected)


def test_neighbours_searched_in_several_chunks_are_the_same():
    x = np.asarray(sample_group(SINGLE, 1501, key=KEY))  # 2**15 // 1501 = 21 rows at a time
    found = np.asarray(nearest_neighbours(jnp.asarray(x), 3))
    for row in (0, 20, 21, 22, 700, 1490, 1491, 1500):
        distance = ((x - x[row]) ** 2).sum(axis=1)
        distance[row] = np.inf
        assert np.array_equal(found[row], np.argsort(distance, kind="stable")[:3])


def test_smote_interpolates_between_a_seed_and_one_of_its_neighbours():
    k, n = 3, 12
    seeds = _draw_seeds((n, n))
    x, _ = sample_synthetic(Smote(k), 0, GROUPS, seeds, 400, key=KEY)
    real = np.asarray(seeds[0])
    neighbours = np.asarray(nearest_neighbours(seeds[0], k))
    segments = [(real[i], real[j]) for i in range(n) for j in neighbours[i]]
    used = set()
    for point in np.asarray(x):
        gaps = []
        for start, end in segments:
            along = np.clip((point - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
            gaps.append(np.linalg.norm(start + along * (end - start) - point))
        assert min(gaps) < 1e-9
        used.add(int(np.argmin(gaps)))
    assert len(used) > len(segments) / 2
    # negative control: with all seeds as neighbours some draws leave these segments
    free, _ = sample_synthetic(Smote(), 0, GROUPS, seeds, 50, key=KEY)
    away = 0
    for point in np.asarray(free):
        lines = [np.linalg.norm(np.cross(e - s, point - s)) for s, e in segments]
        away += min(lines) > 1e-6
    assert away > 10


def test_smote_never_pairs_a_seed_with_itself():
    seeds = [jnp.asarray([[0.0], [1.0]])]
    group = GaussianGroup(np.zeros(1), np.eye(1), 1)
    for generator in (Smote(), Smote(1)):
        x, _ = sample_synthetic(generator, 0, [group], seeds, 2000, key=KEY)
        inside = (np.asarray(x) > 0) & (np.asarray(x) < 1)
        assert inside.mean() > 0.999  # a seed paired with itself would sit at 0 or 1


def test_duplicates_are_seeds_and_all_seeds_are_used():
    seeds = _draw_seeds((10, 3))
    x, _ = sample_synthetic(Duplicate(), 0, GROUPS, seeds, 500, key=KEY)
    real = {tuple(row) for row in np.asarray(seeds[0]).tolist()}
    assert {tuple(row) for row in np.asarray(x).tolist()} == real


@pytest.mark.parametrize("generator", [Smote(), Smote(5), GaussianPlugin(), Predictive()], ids=str)
def test_too_few_seeds_are_refused(generator):
    with pytest.raises(ValueError, match="sizes: got 1 seed in group 0"):
        sample_synthetic(generator, 0, GROUPS, _draw_seeds((1, 9)), 3, key=KEY)
