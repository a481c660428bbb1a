"""R7 of several classes: what a certificate says is true of every data set."""

import math

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_oversampling.theory import multiclass_certificate


def numpy_fit(x, label, weight, classes, steps=60):
    table = np.column_stack([np.ones(len(x)), x])
    theta = np.zeros((classes - 1, table.shape[1]))
    for _ in range(steps):
        scores = np.column_stack([np.zeros(len(x)), table @ theta.T])
        share = np.exp(scores - scores.max(axis=1, keepdims=True))
        share = share / share.sum(axis=1, keepdims=True)
        residual = share[:, 1:] - (label[:, None] == np.arange(1, classes))
        slope = ((weight[:, None] * residual).T @ table).ravel()
        q = share[:, 1:]
        bend = np.eye(classes - 1) * q[:, :, None] - q[:, :, None] * q[:, None]
        hessian = np.einsum("n,nkl,np,nq->kplq", weight, bend, table, table)
        move = np.linalg.solve(hessian.reshape(theta.size, -1), slope).reshape(theta.shape)
        theta = theta - move / max(1.0, np.abs(move).max())
        if np.abs(move).max() < 1e-12:
            break
    return theta, hessian.reshape(theta.size, -1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_a_certificate_is_true_of_every_sample(seed):
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(90) % 3)
    x = rng.normal(size=(90, 2)) + 0.5 * np.column_stack([label, -label])
    weight = rng.random(90) / 60
    best, _ = numpy_fit(x, label, weight, 3)
    start = best + rng.normal(size=best.shape) * 0.05
    found = multiclass_certificate(start, x, label, weight)
    _, hessian = numpy_fit(x, label, weight, 3, 1)
    table = np.column_stack([np.ones(90), x])

    def value_and_hessian(theta):
        scores = np.column_stack([np.zeros(90), table @ theta.T])
        log_sum = scipy.special.logsumexp(scores, axis=1)
        q = np.exp(scores - log_sum[:, None])[:, 1:]
        bend = np.eye(2) * q[:, :, None] - q[:, :, None] * q[:, None]
        total = np.einsum("n,nkl,np,nq->kplq", weight, bend, table, table)
        return weight @ (log_sum - scores[np.arange(90), label]), total.reshape(6, 6)

    value, hessian = value_and_hessian(start)
    gap = (best - start).ravel()
    distance = math.sqrt(gap @ hessian @ gap)
    assert found.nearest <= distance * (1 + 1e-6)
    if found.exists:
        assert distance <= found.farthest * (1 + 1e-6)
        assert value - value_and_hessian(best)[0] <= found.gap * (1 + 1e-6)


def test_the_reach_is_that_of_the_row_that_a_step_moves_most():
    rng = np.random.default_rng(8)
    x, label = rng.normal(size=(60, 2)), np.arange(60) % 3
    x[7] = [9.0, -6.0]  # it decides
    weight = np.full(60, 1 / 60)
    theta = 0.1 * rng.normal(size=(2, 3))
    table = np.column_stack([np.ones(60), x])
    scores = np.column_stack([np.zeros(60), table @ theta.T])
    q = scipy.special.softmax(scores, axis=1)
    gradient, hessian = np.zeros(6), np.zeros((6, 6))
    for row, kind, share in zip(table, label, q, strict=True):
        wrong = share[1:] - (kind == np.array([1, 2]))
        gradient += np.kron(wrong, row) / 60
        bend = np.diag(share[1:]) - np.outer(share[1:], share[1:])
        hessian += np.kron(bend, np.outer(row, row)) / 60
    inverse = np.linalg.inv(hessian)
    steps = [np.array(one) for one in ((1, 0), (0, 1), (1, -1))]  # of two classes' scores
    lengths = [[np.kron(s, row) @ inverse @ np.kron(s, row) for s in steps] for row in table]
    decrement = math.sqrt(gradient @ inverse @ gradient)
    found = multiclass_certificate(theta, x, label, weight)
    assert found.decrement == pytest.approx(decrement, rel=1e-10)
    assert found.reach == pytest.approx(decrement * math.sqrt(np.max(lengths)), rel=1e-10)
    assert np.argmax(np.max(lengths, axis=1)) == 7
    assert found.exists == (found.reach < 1)
