"""Components that differ in scale alone, and scores that spread widely, for several classes."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    StudentPlugin,
    predict_multiclass,
)
from synthetic_oversampling.theory.generators.smote import interpolation_law
from synthetic_oversampling.theory.multiclass.components import components_of, merged
from synthetic_oversampling.theory.multiclass.fitted import TENSORS, fit_of
from synthetic_oversampling.theory.multiclass.moments import moments, moments_slope
from synthetic_oversampling.theory.multiclass.scores import grids_for, scores_at
from synthetic_oversampling.theory.population.laws import Law

THETA = np.array([[0.3, 1.0, -0.4], [-0.2, 0.5, 0.8]])


def group(dim: int = 2, label: int = 1, apart: float = 0.0) -> GaussianGroup:
    root = np.random.default_rng(dim).normal(size=(dim, dim + 2))
    return GaussianGroup(np.arange(dim) / dim + apart, root @ root.T / dim, label)


def test_gaussians_that_differ_in_scale_alone_are_one_component_of_the_same_law():
    plain = components_of([group().law, interpolation_law(group())])
    few = merged(plain)
    assert (len(plain.weights), len(few.weights)) == (9, 2)
    assert few.weights.sum() == pytest.approx(2) and few.scales.shape == (2, 8)
    for parts in (plain, few):  # the same mean covariance
        cov = parts.totals(parts.mean_covs())
        assert cov[1] == pytest.approx(2 / 3 * cov[0], rel=1e-12)
    one, other = moments(THETA, plain), moments(THETA, few)
    for a, b in zip(one, other, strict=True):
        assert np.max(np.abs(a - b)) < 1e-9 * np.max(np.abs(a))
    matrix = np.diag(np.arange(1.0, 7.0)) + 0.2
    forms = ((np.array([0.3, 0.7]), matrix), (np.array([0.2, 1.1]), matrix[::-1, ::-1]))
    slopes = [moments_slope(THETA, parts, at, *forms) for parts, at in ((plain, one), (few, other))]
    assert np.max(np.abs(slopes[0] - slopes[1])) < 1e-8 * np.max(np.abs(slopes[0]))


def test_what_differs_in_more_than_scale_stays_apart():
    base = group().cov[0]
    turned = base[::-1, ::-1]
    means = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 1e-6], [0.0, 1e-6], [0.0, 1e-6]])
    covs = np.stack([base, turned, turned, turned / 1.9, turned / 5])
    parts = components_of([Law(np.full(5, 0.2), means, covs, np.ones(5))])
    assert merged(parts).weights.tolist() == pytest.approx([0.2, 0.2, 0.4, 0.2])
    two = components_of([group().law, group().law])  # of two laws
    assert len(merged(two).weights) == 2
    wrong = parts._replace(labels=np.array([0, 1, 1, 2, 2]))  # labels of which some are wrong
    assert len(merged(wrong).weights) == 5


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_what_is_one_component_does_not_depend_on_units(unit):
    scale = np.array([1.0, unit])
    covs = np.stack([np.eye(2), np.diag([1.0, 9.0])]) * np.outer(scale, scale)
    parts = components_of([Law(np.full(2, 0.5), np.zeros((2, 2)), covs, np.ones(2))])
    assert len(merged(parts).weights) == 2
    alike = components_of(
        [Law(np.full(2, 0.5), np.zeros((2, 2)), covs[:1] * [[[1]], [[0.7]]], np.ones(2))]
    )
    assert len(merged(alike).weights) == 1


def derivative_means(mean: np.ndarray, root: np.ndarray, width: float) -> dict:
    """Means of derivatives of ``log(1 + e^a + e^b)``, by a grid that sees every ridge.

    Derivatives by the recursion ``d q_k / d t_m = q_k (1{k = m} - q_m)`` on polynomials.
    """
    side = np.arange(-9, 9 + width / 2, width)
    z = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.exp(-np.sum(z**2, axis=1) / 2) * width**2 / (2 * np.pi)
    t = mean + z @ root.T
    top = np.maximum(0, t.max(axis=1))[:, None]
    grown = np.exp(t - top)
    a, b = (grown / (np.exp(-top[:, 0]) + grown.sum(axis=1))[:, None]).T
    powers = {}

    def mean_of(polynomial: dict) -> float:
        total = 0.0
        for (i, j), factor in polynomial.items():
            if (i, j) not in powers:
                powers[i, j] = float(np.sum(weights * a**i * b**j))
            total += factor * powers[i, j]
        return total

    def differentiated(polynomial: dict, m: int) -> dict:
        found: dict = {}
        for key, factor in polynomial.items():
            raised = (key[0] + (m == 0), key[1] + (m == 1))
            for place, times in ((key, key[m]), (raised, -sum(key))):
                found[place] = found.get(place, 0.0) + factor * times
        return found

    tensors = {}
    for order in range(1, 7):
        tensor = np.zeros((2,) * order)
        for index in itertools.product(range(2), repeat=order):
            polynomial = {(1, 0): 1.0} if index[0] == 0 else {(0, 1): 1.0}
            for m in index[1:]:
                polynomial = differentiated(polynomial, m)
            tensor[index] = mean_of(polynomial)
        tensors[order] = tensor
    return tensors


@pytest.mark.parametrize("scale, width", [(0.5, 0.2), (3.0, 0.06), (12.0, 0.02)])
def test_mean_derivatives_of_scores_that_spread_widely(scale, width):
    law = components_of([group(label=0).law])
    theta = THETA * np.array([1.0, scale, scale])
    scores = scores_at(theta, law)
    found = fit_of(theta, law).tensors
    expected = derivative_means(scores.mean[0], scores.root[0], width)
    for order, power in TENSORS:
        error = np.max(np.abs(found[order, power] - expected[order]))
        assert error < 1e-7, (order, power, error)


def heavy(degrees: float, apart: float):
    groups = [group(label=y, apart=apart * np.array([y == 1, y == 2])) for y in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is hardly reliable
        return predict_multiclass(
            groups, Design((1200, 300, 300), 200, 0.3), StudentPlugin(degrees)
        )


def test_heavy_tails_cost_more_the_heavier_they_are_and_not_much_more():
    """Third moments of the widest samples once drowned the others: a total of -4."""
    light, heavier, heaviest = (float(heavy(degrees, 3.0).total) for degrees in (12, 6, 5))
    assert 0 < light < heavier < heaviest < 10 * light


def test_classes_on_a_line_get_as_many_nodes_as_a_line_needs():
    """One feature: the total of 64 times as many nodes, 42 % above that of too few."""
    laws = ((-3.37, 2.22), (3.23, 1.84), (-2.72, 1.41))
    groups = [GaussianGroup([mean], [[var]], y) for y, (mean, var) in enumerate(laws)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = predict_multiclass(groups, Design((1200, 300, 300), 150, 0.1), StudentPlugin(5))
    assert found.total == pytest.approx(0.003440, rel=3e-4)


def test_scores_that_need_more_nodes_than_there_are_have_a_stated_error():
    found = heavy(5, 3.0)
    law = merged(components_of([StudentPlugin(5).law(1, [group(), group()], (300, 300))]))
    grids = grids_for(scores_at(found.theta_alpha, law), law.weights)
    assert any(grid.short for grid in grids) and all(grid.tensor for grid in grids)
    assert found.integration_error > 0


def test_scores_too_wide_for_any_grid_are_sampled():
    parts = components_of([group().law])
    (grid,) = grids_for(scores_at(1e12 * THETA, parts), parts.weights)
    assert not grid.tensor and np.all(np.isfinite(grid.nodes))
