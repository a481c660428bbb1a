"""The expectation of the largest of jointly normal variables, and of the largest error rate."""

import dataclasses

import numpy as np
import pytest

from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.worst_group import TIES, worst_group_checks
from synthetic_oversampling.theory.prediction.worst_group import expected_maximum
from synthetic_oversampling.theory.theorems.table import FORMULAS


@pytest.mark.parametrize(
    ("count", "exact"), [(2, 0.5641895835), (3, 0.8462843753), (4, 1.0293753730), (8, 1.4236003060)]
)
def test_independent_variables_have_the_tabulated_means_of_their_maximum(count, exact):
    shared = 0.3  # a common part moves the mean of the maximum by nothing
    cov = 4.0 * (np.eye(count) + shared)
    assert abs(expected_maximum(np.full(count, 7.0), cov) - 7.0 - 2 * exact) < 1e-3


@pytest.mark.parametrize("count", [2, 3, 5])
def test_correlated_variables_agree_with_plain_draws(count):
    rng = np.random.default_rng(count)
    root, means = rng.normal(size=(count, count)), rng.normal(size=count)
    drawn = (means + rng.standard_normal((400_000, count)) @ root.T).max(axis=1)
    error = drawn.std() / np.sqrt(len(drawn))
    assert abs(expected_maximum(means, root @ root.T) - drawn.mean()) < 4.5 * error


def test_without_noise_or_with_one_group_it_is_the_largest_mean():
    for means, cov in (([0.2, 0.5, 0.1], np.zeros((3, 3))), ([0.2, 0.5], np.ones((2, 2)))):
        assert expected_maximum(np.array(means), cov) == 0.5
    assert expected_maximum(np.array([0.3]), np.array([[2.0]])) == 0.3
    for means, cov in (([0.1, np.nan], np.eye(2)), ([0.1, 0.2], np.eye(3))):
        with pytest.raises(ValueError, match="got"):
            expected_maximum(np.array(means), cov)


def test_the_formula_is_proved_and_a_wrong_one_is_not():
    formula = FORMULAS["R5.worst_pair"]
    assert formula.is_proved()
    assert not dataclasses.replace(formula, rhs=1.1 * formula.rhs).is_proved()


def test_groups_that_tie_are_told_apart_from_the_maximum_of_expectations():
    for check in planned(worst_group_checks("quick")):
        theory = TIES[check.id.split(".")[-1]].prediction
        assert check.theory - float(theory.worst_group_error) > 2 * check.discrepancy
        assert theory.expected_worst_group_excess >= float(theory.worst_group_excess)
