"""The Student plug-in: its moments, its limit, and its law with many features."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from synthetic_oversampling.theory.generators.table import GaussianPlugin, StudentPlugin
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.proportional.predict import predict_proportional

DESIGN = Design((400, 60), 300, 0.4)


def _groups(dim):
    rng = np.random.default_rng(dim)
    roots = rng.normal(size=(2, dim, dim)) / np.sqrt(dim) + 0.5 * np.eye(dim)
    means = np.zeros(dim), 1.2 * rng.normal(size=dim) / np.sqrt(dim)
    return [GaussianGroup(means[y], roots[y] @ roots[y].T, y) for y in (0, 1)]


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("degrees", [4, -3.0, np.nan, np.inf, True, 1e13])
def test_bad_degrees_are_named(degrees):
    with pytest.raises(ValueError, match=r"^degrees: got .*expected a number above 4"):
        StudentPlugin(degrees)


@pytest.mark.parametrize("degrees", [4.5, 5.0, 8.0, 30.0, 1e4])
def test_its_scales_have_the_moments_of_an_inverse_chi_square(degrees):
    shares, factors = StudentPlugin(degrees).mixing()
    assert np.isclose(shares.sum(), 1, rtol=1e-14) and np.isclose(shares @ factors, 1, rtol=1e-14)
    chi_square = (degrees - 2) / factors
    assert np.isclose(shares @ chi_square, degrees, rtol=1e-9)
    assert np.isclose(shares @ chi_square**2, degrees * (degrees + 2), rtol=1e-9)
    if degrees >= 8:
        second = (degrees - 2) / (degrees - 4)
        assert np.isclose(shares @ factors**2, second, rtol=1e-6)


@pytest.mark.parametrize("dim", [1, 3, 7])
def test_many_degrees_are_the_gaussian_plug_in(dim):
    groups = _groups(dim)
    many, few, limit = (
        predict(groups, DESIGN, generator)
        for generator in (StudentPlugin(1e10), StudentPlugin(5.0), GaussianPlugin())
    )
    for name in ("total", "theta_alpha", "mean_gradient", "cov"):
        right = np.asarray(getattr(limit, name))
        scale = np.abs(right).max()
        assert np.abs(np.asarray(getattr(many, name)) - right).max() < 1e-8 * scale, name
        assert np.abs(np.asarray(getattr(few, name)) - right).max() > 1e-3 * scale, name


def test_many_degrees_are_the_gaussian_plug_in_with_many_features():
    groups = [GaussianGroup([y * 1.5, *[0.0] * 39], np.eye(40), y) for y in (0, 1)]
    found = [
        predict_proportional(
            groups=groups, design=Design((160, 32)), generator=generator, ridge=1.5
        )
        for generator in (StudentPlugin(1e9), StudentPlugin(6.0), GaussianPlugin())
    ]
    norms = [float(item.norm) for item in found]
    assert abs(norms[0] / norms[2] - 1) < 1e-7 < 1e-3 < abs(norms[1] / norms[2] - 1)


def test_heavy_tails_cost_what_theorem_h_says_with_many_features():
    dim, sizes, ridge, count = 40, (160, 60), 0.3, 90
    means = np.zeros((2, dim))
    means[0, 0], means[1, :2] = -0.75, (0.75, 0.3)
    groups = [GaussianGroup(means[y], np.eye(dim), y) for y in (0, 1)]
    heavy, light = (
        predict_proportional(groups=groups, design=Design(sizes), generator=generator, ridge=ridge)
        for generator in (StudentPlugin(4.5), GaussianPlugin())
    )
    rng = np.random.default_rng(3)
    level = sum(sizes) / (2 * max(sizes))  # losses sum to the number of real rows
    label = np.repeat([0, 1], max(sizes))
    model = LogisticRegression(C=1 / ridge, tol=1e-8, max_iter=500)

    def errors(rows, drawn):
        model.fit(np.concatenate((*rows, drawn)), label, np.full(len(label), level))
        slope, intercept = model.coef_[0], model.intercept_[0]
        return norm.cdf((means @ slope + intercept) / np.linalg.norm(slope) * [1, -1])

    seen = []
    for _ in range(count):
        rows = [rng.standard_normal((n, dim)) + mean for n, mean in zip(sizes, means, strict=True)]
        root = np.linalg.cholesky(np.cov(rows[1].T))
        normal = rng.standard_normal((100, dim)) @ root.T
        wide = np.sqrt(2.5 / rng.chisquare(4.5, size=(100, 1)))
        centre = rows[1].mean(axis=0)
        seen.append(errors(rows, centre + wide * normal) - errors(rows, centre + normal))
    seen = np.array(seen)
    error = seen.std(axis=0, ddof=1) / np.sqrt(count)
    expected = np.array(heavy.error) - np.array(light.error)
    assert np.all(np.abs(expected) > 5 * error), "or a law without the tails would pass"
    assert np.all(np.abs(seen.mean(axis=0) - expected) < 3.5 * error)
