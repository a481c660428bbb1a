"""Twenty features and three classes: tables over the nodes in few coordinates, the same digits."""

import numpy as np
import pytest

from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    GaussianPlugin,
    Smote,
    predict_multiclass,
)
from synthetic_oversampling.theory.multiclass import seeds
from synthetic_oversampling.theory.multiclass.interpolation import _on_grid
from synthetic_oversampling.theory.multiclass.scores import softmax

DIM = 20
# total, trace of the covariance, sum of the estimator's bias: by tables over all features, and of
# SMOTE on grids of half the step
WITH_ALL = {
    "plugin": (0.006079456352120729, 0.08890107004629702, -0.021382658942666874),
    "smote": (0.023690243102724, 0.141899314703578, -0.029218946997420),
}
GENERATORS = {"plugin": GaussianPlugin(), "smote": Smote()}


def _groups():
    place = np.arange(DIM)
    groups = []
    for y in range(3):
        root = 0.1 * np.cos(1.0 + y + np.outer(place, place + 2.0))
        mean = 0.3 * np.sin(2.0 * y + 1.3 * place)
        groups.append(GaussianGroup(mean, np.eye(DIM) + root @ root.T, y))
    return groups


@pytest.mark.parametrize("name", GENERATORS)
def test_few_coordinates_give_the_digits_of_all_features(name):
    found = predict_multiclass(_groups(), Design((4000, 1200, 800), 1000, 0.3), GENERATORS[name])
    seen = (float(found.total), np.trace(found.cov), np.sum(found.estimator_bias))
    np.testing.assert_allclose(seen, WITH_ALL[name], rtol=1e-10)


def test_a_span_holds_its_vectors_and_is_all_features_where_they_are_few():
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(3, 20)) * np.array([[1e-6], [1.0], [1e5]])
    span = seeds._span(np.concatenate([vectors, vectors[:1] + vectors[1:2]]))
    assert span.shape == (3, 20)
    np.testing.assert_allclose(span @ span.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(vectors @ span.T @ span, vectors, rtol=1e-12)
    assert np.array_equal(seeds._span(rng.normal(size=(9, 4))), np.eye(4))


@pytest.mark.parametrize("scale", [1.0, 200.0])
def test_probabilities_on_a_grid_are_those_of_its_points(scale):
    rng = np.random.default_rng(5)
    centre, root, points = (
        rng.normal(size=3),
        scale * rng.normal(size=(3, 2)),
        np.linspace(-2, 2, 5),
    )
    grid = np.stack(np.meshgrid(points, points, indexing="ij"), axis=-1).reshape(-1, 2)
    wanted = softmax(centre + grid @ root.T)[0].T
    np.testing.assert_allclose(_on_grid(centre, root, points), wanted, rtol=1e-12, atol=1e-300)
