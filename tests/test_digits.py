"""Rounding: what is predicted to how many digits, what is warned of, and what is refused."""

import contextlib
import math
import subprocess
import sys
from fractions import Fraction

import jax
import numpy as np
import pytest

from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    Oracle,
    Smote,
    law_of_design,
    predict,
)
from synthetic_oversampling.theory.generators.smote import interpolation_law, interpolation_nodes
from synthetic_oversampling.theory.inputs import DigitsLost
from synthetic_oversampling.theory.population import minimum, moments
from synthetic_oversampling.theory.population.design import sizes_of
from synthetic_oversampling.theory.population.laws import balanced_law
from synthetic_oversampling.theory.population.minimum import minimiser
from synthetic_oversampling.theory.prediction import hajek

GROUPS = [GaussianGroup([1.5 * y, 0.5 * y], np.eye(2), y) for y in (0, 1)]
pytestmark = pytest.mark.usefixtures("as_installed")


def refused(name: str, says: str, call, *arguments):
    with pytest.raises(ValueError, match=f"^{name}: (?s:.*){says}"):
        call(*arguments)


@pytest.mark.filterwarnings("ignore::synthetic_oversampling.theory.inputs.FarFromZero")
def test_a_feature_is_too_far_from_0_from_a_stated_distance_on():
    """Below it the minimiser is found to all digits of its law, on every processor."""
    cov = np.array([[1.0, 0.6], [0.6, 2.0]])
    slope = np.linalg.solve(cov, [1.0, 0.5])  # of the Bayes rule
    for away in (1e3, 1e4, 9e4, 1.5e5):
        means = np.array([[0.0, 0.0], [1.0, 0.5]]) + away * np.array([1.2, 0.0])
        law = balanced_law([GaussianGroup(means[y], cov, y) for y in (0, 1)])
        if away > 1e5:
            refused("law", "from 100000 on .*subtract the means", minimiser, law)
            continue
        found = np.asarray(minimiser(law))
        np.testing.assert_allclose(found[1:], slope, rtol=1e-15 * away)
        np.testing.assert_allclose(found[0], -slope @ means.mean(axis=0), rtol=1e-15 * away)


@pytest.mark.parametrize("near", [1e-4, 1e-6, 1e-8, 1e-10])
def test_a_minimiser_beside_nearly_collinear_features_is_found(near):
    """The rule of Gaussian classes, moved to features whose correlation is about 1 - near."""
    rng = np.random.default_rng(3)
    for _ in range(3):
        move = np.array([[1.0, 0.0], [1.0, math.sqrt(2 * near)]])
        gap, root = rng.normal(size=2), rng.normal(size=(2, 2))
        matrix = root @ root.T + 0.3 * np.eye(2)
        cov = move @ matrix @ move.T
        groups = [GaussianGroup(y * (move @ gap), (cov + cov.T) / 2, y) for y in (0, 1)]
        found = np.asarray(minimiser(balanced_law(groups)))
        wanted = np.linalg.solve(matrix, gap)
        np.testing.assert_allclose(move.T @ found[1:], wanted, rtol=2e-15 / near + 1e-10, atol=1e-9)


@pytest.mark.parametrize(
    ("near", "size", "says"),
    [(1e-12, 200, "nearly collinear"), (0.5, 10**12, r"1e\+12 samples"), (0.5, 10**16, "16 of 16")],
)
def test_what_costs_digits_is_warned_of_at_every_call(near, size, says):
    cov = [[1.0, 1.0 - near], [1.0 - near, 1.0]]
    groups = [GaussianGroup([y, y], cov, y) for y in (0, 1)]
    for _ in range(2):
        for call in (
            lambda: predict(groups, Design((size, 100)), Oracle()),
            lambda: law_of_design(groups, (size, 100), Oracle()),
        ):
            # a law without the digits that it needs is refused besides
            with pytest.warns(DigitsLost, match=says), contextlib.suppress(ValueError):
                call()


def test_no_warning_of_digits_where_there_are_enough():
    groups = [GaussianGroup([y, y], [[1.0, 0.9999], [0.9999, 1.0]], y) for y in (0, 1)]
    predict(groups, Design((10**11, 100)), Oracle())  # a warning would be an error


def test_sizes_beyond_every_float_are_refused():
    for huge in (10**400, 10**5000, -(10**400), Fraction(10**400), 10**101):
        for call in (Design.raw, Design.class_weighted, Design, sizes_of):
            refused("sizes", "for group 0, expected a whole number of at most", call, (huge, 5))
        refused("sizes", "expected", law_of_design, GROUPS, (huge, 5), Oracle())
        refused("augmentation", "expected a whole number", Design, (9, 5), huge, 0.5)
    for huge in (10**400, 10**5000):
        refused("weight", "beyond 1e308", Design, (9, 5), 3, huge)
    assert Design((10**100, 5), 10**100, 0.5).n_max == 10**100


@pytest.mark.slow
def test_many_components_are_interpolated_in_little_memory_with_the_same_digits(monkeypatch):
    rng = np.random.default_rng(5)
    groups = [GaussianGroup(rng.normal(size=(5, 2)) + 1.5 * y, np.eye(2), y) for y in (0, 1)]
    monkeypatch.setattr(hajek, "_TOGETHER", 99)
    jax.clear_caches()
    together = predict(groups, Design((900, 90), 50, 0.5), Smote())
    monkeypatch.undo()
    for module in (minimum, moments):  # 410 components, in blocks
        monkeypatch.setattr(module, "_TOGETHER", 64)
    jax.clear_caches()
    apart = predict(groups, Design((900, 90), 50, 0.5), Smote())
    monkeypatch.undo()
    jax.clear_caches()
    assert together.validity.verdict == apart.validity.verdict
    pair = (jax.tree.leaves(one._replace(validity=None, groups=())) for one in (together, apart))
    for one, other in zip(*pair, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)


def test_half_of_the_interpolations_are_the_other_half():
    rng = np.random.default_rng(6)
    group = GaussianGroup(rng.normal(size=(3, 2)), np.eye(2), 1, [0.5, 0.3, 0.2])
    law = interpolation_law(group)
    assert law.weights.size == 8 * 3**2
    u, weight = interpolation_nodes()
    mean, square = np.zeros(2), np.zeros((2, 2))
    for node, share in zip(u, weight, strict=True):
        for k, one in enumerate(group.mean):
            for j, other in enumerate(group.mean):
                mass = share * group.weights[k] * group.weights[j]
                point = (1 - node) * one + node * other
                mean += mass * point
                cov = (1 - node) ** 2 * group.cov[k] + node**2 * group.cov[j]
                square += mass * (np.outer(point, point) + cov)
    moment = np.einsum("k,ki,kj->ij", law.weights, law.means, law.means)
    np.testing.assert_allclose(law.weights @ law.means, mean, atol=1e-15)
    np.testing.assert_allclose(
        moment + np.einsum("k,kij->ij", law.weights, law.covs), square, atol=1e-15
    )


def test_a_law_of_too_many_pairs_is_refused_before_it_fills_the_memory():
    rng = np.random.default_rng(7)
    groups = [GaussianGroup(rng.normal(size=(50, 30)), np.eye(30), y) for y in (0, 1)]
    with pytest.raises(ValueError, match=r"^groups: got 50 components in 30 features .* MiB; use"):
        predict(groups, Design((2000, 200), 500, 0.5), Smote())


_FIFTY = """
import resource
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
from synthetic_oversampling.theory import Design, GaussianGroup, Smote, predict
rng = np.random.default_rng(0)
groups = [GaussianGroup(rng.normal(size=(COUNT, 3)) + y, np.eye(3), y) for y in (0, 1)]
predict(groups, Design((2000, 200), 500, 0.5), Smote())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
def test_two_groups_of_fifty_components_are_interpolated_in_less_than_a_gibibyte():
    code = _FIFTY.replace("COUNT", "50")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.0  # GiB: 0.63
