"""Theorem H3: from how many features on rows are separable; and how rows are told to be."""

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from synthetic_oversampling.simulate.experiments.proportional_trials import separable
from synthetic_oversampling.theory import SQUARED, Design, Duplicate, GaussianGroup, Oracle
from synthetic_oversampling.theory.proportional import threshold
from synthetic_oversampling.theory.proportional.clusters import Cluster
from synthetic_oversampling.theory.proportional.predict import NoFiniteFit, predict_proportional
from synthetic_oversampling.theory.proportional.threshold import separability_threshold


def _at(dim, *values):
    mean = np.zeros(dim)
    mean[: len(values)] = values
    return mean


def _line(dim, gap=1.5):
    return [GaussianGroup(_at(dim, (2 * y - 1) * gap / 2), np.eye(dim), y) for y in (0, 1)]


@pytest.mark.parametrize(
    ("sizes", "gap", "features"),
    [((400, 80), 1.5, 117), ((400, 80), 2.5, 66), ((300, 300), 1.5, 211)],
)
def test_the_threshold_is_where_linear_programmes_found_it(sizes, gap, features):
    clusters = [
        Cluster(rows=n, mean=[(2 * y - 1) * gap / 2], cov=1.0, label=y) for y, n in enumerate(sizes)
    ]
    assert separability_threshold(clusters=clusters).features == pytest.approx(features, abs=0.7)


def test_the_threshold_knows_a_covariance_by_its_whitened_means():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 4))
    means = rng.standard_normal((2, 4))
    plain = [Cluster(rows=90, mean=m, cov=1.0, label=y) for y, m in enumerate(means)]
    turned = [
        Cluster(rows=90, mean=root @ m, cov=root @ root.T, label=y) for y, m in enumerate(means)
    ]
    ours, theirs = (separability_threshold(clusters=own).features for own in (plain, turned))
    assert ours == pytest.approx(theirs, rel=1e-6)
    with pytest.raises(ValueError, match="one label"):
        separability_threshold(clusters=plain[:1])


@pytest.mark.parametrize(
    ("sizes", "gap", "scales"),
    [((400, 80), 1.5, (1.0, 1.0)), ((400, 20), 4.0, (2.0, 0.5)), ((30, 30), 0.0, (1.0, 1.0))],
)
def test_of_one_shape_the_equations_at_the_edge_have_the_threshold_of_the_minimum(
    sizes, gap, scales, monkeypatch
):
    clusters = [
        Cluster(rows=n, mean=_at(20, (2 * y - 1) * gap / 2), cov=scale, label=y)
        for y, (n, scale) in enumerate(zip(sizes, scales, strict=True))
    ]
    minimum = separability_threshold(clusters=clusters).features
    monkeypatch.setattr(threshold, "_alike", lambda *_: False)
    assert separability_threshold(clusters=clusters).features == pytest.approx(minimum, rel=1e-7)


def test_rows_of_covariances_of_two_shapes_separate_where_the_equations_say():
    """Of 40 features: draws of fewer rows than at the edge are separable, of more are not."""
    dim, draws = 40, 24
    noise = np.random.default_rng(5).standard_normal((dim, dim))
    roots = noise / math.sqrt(dim) + 0.5 * np.eye(dim), np.diag(np.sqrt(np.linspace(0.3, 2, dim)))
    means = np.stack([_at(dim, 1.5 * y - 0.75) for y in (0, 1)])

    def features(rows):
        clusters = [
            Cluster(rows=rows, mean=mean, cov=root @ root.T, label=y)
            for y, (mean, root) in enumerate(zip(means, roots, strict=True))
        ]
        return separability_threshold(clusters=clusters).features

    edge = dim / features(100.0) * 100
    assert features(edge) == pytest.approx(dim, rel=1e-6)
    same = [Cluster(rows=edge, mean=mean, cov=1.0, label=y) for y, mean in enumerate(means)]
    assert separability_threshold(clusters=same).features > 1.4 * dim  # of unit covariances
    rng = np.random.default_rng(6)
    for rows, low, high in ((round(0.8 * edge), 0.75, 1.0), (round(1.35 * edge), 0.0, 0.25)):
        found = []
        for _ in range(draws):
            x = [
                mean + rng.standard_normal((rows, dim)) @ root.T
                for mean, root in zip(means, roots, strict=True)
            ]
            found.append(separable(np.concatenate(x), np.repeat([-1.0, 1.0], rows)))
        assert low <= np.mean(found) <= high, (rows, np.mean(found))


def test_without_a_finite_fit_covariances_of_two_shapes_are_an_error_that_names_the_threshold():
    groups = [
        GaussianGroup(_at(40, 2.0 * y - 1), np.diag(np.linspace(0.3, 2.0, 40)[:: 1 - 2 * y]), y)
        for y in (0, 1)
    ]
    with pytest.raises(NoFiniteFit, match="expected fewer than"):
        predict_proportional(groups=groups, design=Design.raw((60, 20)), ridge=0.0)
    found = predict_proportional(groups=groups, design=Design.raw((600, 200)), ridge=0.0)
    assert found.residual <= 1e-10


def test_separable_rows_are_told_as_a_linear_programme_tells_them():
    rng, told = np.random.default_rng(3), []
    for gap, sizes in ((0.0, (30, 30)), (1.0, (50, 10)), (2.0, (38, 38))):
        sign = np.repeat([-1.0, 1.0], sizes)
        for dim in range(8, 44, 3):  # from hardly ever to nearly always
            x = rng.standard_normal((len(sign), dim)) * np.geomspace(1.0, 1e3, dim)
            x[:, 0] += sign * gap / 2
            rows = sign[:, None] * np.concatenate([np.ones((len(x), 1)), x], axis=1)
            found = linprog(np.zeros(dim + 1), -rows, -np.ones(len(x)), bounds=(None, None))
            told.append(separable(x, sign))
            assert told[-1] == (found.status == 0), (gap, sizes, dim)
    assert 10 < sum(told) < len(told) - 10
    x = np.array([[0.0, 1.0], [1.0, 2.0], [0.5, -1.0], [2.0, -0.5]])
    assert separable(x, np.array([1.0, 1.0, -1.0, -1.0]))
    assert not separable(np.array([[0.0, 0], [1, 1], [0, 1], [1, 0]]), np.array([1.0, 1, -1, -1]))


@pytest.mark.parametrize("sizes", [(80, 20)])
def test_no_finite_fit_is_an_error_that_names_the_threshold(sizes):
    with pytest.raises(NoFiniteFit, match="expected fewer than"):
        predict_proportional(groups=_line(40), design=Design.raw(sizes), ridge=0.0)
    with pytest.raises(NoFiniteFit, match="more rows"):
        predict_proportional(groups=_line(200), design=Design.raw(sizes), ridge=0.0, loss=SQUARED)


def test_rows_without_weight_hold_nothing_apart():
    """20 features separate 15 fresh rows a class, or copies of 30, whatever weighs nothing."""
    for generator, count in ((Oracle(), 15), (Duplicate(), 30)):
        with pytest.raises(NoFiniteFit, match="expected fewer than 1"):
            predict_proportional(
                groups=_line(20),
                design=Design((200, 100), count, 1.0),
                generator=generator,
                ridge=0.0,
            )  # four times the rows hold together
        predict_proportional(
            groups=_line(20),
            design=Design((200, 100), 4 * count, 1.0),
            generator=generator,
            ridge=0.0,
        )
