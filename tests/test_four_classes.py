"""Four classes, each with a spurious attribute: error rates simulated, bound and certificate."""

import numpy as np
import pytest

from synthetic_oversampling.simulate.experiments.multiclass.fits import nodes_of
from synthetic_oversampling.simulate.experiments.multiclass.trials import multiclass_experiment
from synthetic_oversampling.theory import (
    Design,
    Oracle,
    multiclass_bound,
    multiclass_certificate,
    predict_multiclass,
)
from tests.test_multiclass_certificate import numpy_fit

FOUR = multiclass_experiment("multiclass/four-raw").configuration
LABELS = np.array([group.label for group in FOUR.groups])


def _drawn(sizes, rng):
    """Features and groups, by NumPy alone."""
    index = np.repeat(np.arange(len(sizes)), sizes)
    means = np.stack([group.mean[0] for group in FOUR.groups])
    roots = np.stack([np.linalg.cholesky(group.cov[0]) for group in FOUR.groups])
    return means[index] + np.einsum(
        "nij,nj->ni", roots[index], rng.normal(size=(len(index), 3))
    ), index


def _errors(theta, x, index):
    scores = np.column_stack([np.zeros(len(x)), theta[:, 0] + x @ theta[:, 1:].T])
    wrong = scores.argmax(axis=1) != LABELS[index]
    return np.bincount(index, wrong) / np.bincount(index)


def test_error_rates_of_four_classes_are_those_of_simulated_fits():
    """What estimation adds to each group's error rate and to their mean, R5, at some 60 rows.

    On the same fresh rows as the pseudo-true point's, so that their noise cancels.
    """
    sizes, rng = (200, 60, 60, 110, 120, 60, 60, 140), np.random.default_rng(11)
    found = predict_multiclass(FOUR.groups, Design.class_weighted(sizes), Oracle())
    added = np.asarray(found.group_error.total - found.group_error.bias)
    fresh, place = _drawn((8_000,) * 8, rng)
    usual = _errors(found.theta_alpha, fresh, place)
    weight = 1.0 / np.repeat(sizes, sizes)
    seen = []
    for _ in range(150):
        x, index = _drawn(sizes, rng)
        theta, _ = numpy_fit(x, LABELS[index], weight / 8, 4)
        seen.append(_errors(theta, fresh, place) - usual)
    seen = np.array(seen)
    std_error = seen.std(axis=0, ddof=1) / np.sqrt(len(seen))
    assert np.all(np.abs(seen.mean(axis=0) - added) < 4.5 * std_error)
    balanced = seen.mean(axis=1)
    error = balanced.std(ddof=1) / np.sqrt(len(balanced))
    assert error < 0.1 * added.mean()  # so that a part left out, or twice as large, would be seen
    assert abs(balanced.mean() - added.mean()) < 4 * error + 0.1 * added.mean()


def test_the_certificate_is_true_of_samples_of_four_classes():
    rng, exist = np.random.default_rng(12), 0
    for _ in range(20):
        x, index = _drawn((60,) * 8, rng)
        label, weight = LABELS[index], np.full(480, 1 / 480)
        best, _ = numpy_fit(x, label, weight, 4)
        start = best + 0.02 * rng.normal(size=(3, 4))
        told = multiclass_certificate(start, x, label, weight)
        rows = np.column_stack([np.ones(480), x])
        grown = np.exp(rows @ start.T)
        share = grown / (1 + grown.sum(axis=1, keepdims=True))
        bend = np.eye(3) * share[:, :, None] - share[:, :, None] * share[:, None]
        moved = rows @ (best - start).T
        distance = np.sqrt(np.einsum("n,nk,nkl,nl->", weight, moved, bend, moved))
        exist += told.exists
        assert told.nearest <= distance * (1 + 1e-8)
        assert not told.exists or distance <= told.farthest * (1 + 1e-8)
    assert exist >= 5


@pytest.mark.parametrize("name", ["raw", "plugin"])
def test_the_bound_of_four_classes_is_above_the_bias_and_its_curvature_below_all(name):
    setting = multiclass_experiment(f"multiclass/four-{name}")
    found = setting.prediction
    told = multiclass_bound(found, FOUR.groups, setting.design, setting.generator)
    assert found.excess.bias <= told.bound * (1 + 1e-9) + 1e-15
    nodes = nodes_of(FOUR.groups)
    for at in (0.0, 0.5, 1.0):
        theta = found.theta_star + at * (found.theta_alpha - found.theta_star)
        hessian = np.zeros((12, 12))
        for rows, weights in zip(nodes.rows, nodes.weights, strict=True):
            grown = np.exp(rows @ theta.T)
            share = grown / (1 + grown.sum(axis=1, keepdims=True))
            bend = np.eye(3) * share[:, :, None] - share[:, :, None] * share[:, None]
            each = np.einsum("n,nkl,np,nq->kplq", weights, bend, rows, rows, optimize=True)
            hessian += each.reshape(12, 12) / 8
        least = np.linalg.eigvalsh(hessian)[0]
        assert told.curvature <= least * (1 + 1e-6)
        if at == 1.0 and name == "plugin":
            assert told.curvature > 0.9 * least
