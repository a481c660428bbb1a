"""What cannot matter does not: theorem R, S1 and T under changes of names, units and bookkeeping.

Each property compares two predictions that have to agree although every number that goes in
differs. Groups have two features and one component, so that one compiled program serves a family.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)
from synthetic_oversampling.theory.in_context import capacity, token_capacity
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import Prediction, predict
from synthetic_oversampling.theory.scaling.moments import law_of_design
from synthetic_oversampling.theory.scaling.sequence_model import (
    Filter,
    Signal,
    best_scale,
    filter_risk,
)

DIM = 2
seeds = st.integers(0, 2**32 - 1)
# closed forms and quadratures hold ten digits; two of them are lost in the conditioning of A and H
ROUNDING = 1e-8
HALF = settings(max_examples=settings().max_examples // 2)  # of the profile's
FIXED = (Oracle(), Shifted((0.3, -0.2)), Scaled(0.7), Mislabelled(0.1))
FITTED = (
    Duplicate(),
    Smote(),
    GaussianPlugin("group"),
    GaussianPlugin("pooled"),
    GaussianPlugin("known"),
    Predictive("group"),
    Predictive("known"),
)
GENERATORS = (*FIXED, *FITTED)
SCALARS = ("local_bias", "local_variance", "total", "balanced_error", "worst_group_error")
VECTORS = ("theta_star", "theta_alpha", "displacement", "displacement_linear", "estimator_bias")


def cases(generators=GENERATORS):
    """Seed of two groups, sizes, augmentation, weight, and a generator: what `_case` takes."""
    size = st.integers(60, 3000)
    weight = st.floats(0.0, 1.0)
    return st.tuples(
        seeds, st.tuples(size, size), st.integers(50, 5000), weight, st.sampled_from(generators)
    )


def _case(seed, sizes, augmentation, weight, generator):
    """Two groups, a design with all its parts, and a generator."""
    rng = np.random.default_rng(seed)
    groups = []
    for label in (0, 1):
        root = rng.normal(size=(DIM, DIM)) / 2
        cov = root @ root.T + np.diag(rng.uniform(0.3, 1.0, DIM))
        groups.append(GaussianGroup(rng.normal(size=DIM), (cov + cov.T) / 2, label))
    return groups, Design(sizes, augmentation, weight), generator


def _close(left, right, scale=None):
    """Equal up to rounding, relative to the largest entry or to ``scale``."""
    left, right = np.asarray(left), np.asarray(right)
    unit = max(float(np.max(np.abs(right))), 1e-3) if scale is None else scale
    np.testing.assert_allclose(left, right, rtol=0, atol=ROUNDING * unit)


def _expansions_close(left: Prediction, right: Prediction, order=slice(None)):
    _close(left.excess, right.excess)
    for one, other in (
        (left.group_excess, right.group_excess),
        (left.group_error, right.group_error),
    ):
        _close(one, np.asarray(other)[:, order])


@given(cases())
def test_the_order_of_the_groups_permutes_the_groups_and_nothing_else(case):
    groups, design, generator = _case(*case)
    first = predict(groups, design, generator)
    swapped = dataclasses.replace(design, sizes=design.sizes[::-1])
    second = predict(groups[::-1], swapped, generator)
    _expansions_close(second, first, order=[1, 0])
    for name in (*SCALARS, *VECTORS, "cov", "gradient_cov", "bound", "worst_group_excess"):
        _close(getattr(second, name), getattr(first, name))


POOLED = GaussianPlugin("pooled")


@given(cases((POOLED, (Oracle(), POOLED), (POOLED, GaussianPlugin("group")))), st.booleans())
def test_the_order_of_a_groups_components_changes_nothing(case, level_only):
    seed, sizes, augmentation, weight, generator = case
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(2, 2, DIM))  # of groups and components
    covs = rng.uniform(0.2, 1.0, (2, 2, 1, 1)) * np.eye(DIM)
    design = Design(sizes, augmentation, 0.0 if level_only else weight)

    def predicted(order):
        groups = [GaussianGroup(means[y][order], covs[y][order], y) for y in (0, 1)]
        return predict(groups, design, generator)

    first, second = predicted([0, 1]), predicted([1, 0])
    _expansions_close(second, first)
    for name in (*SCALARS, *VECTORS, "cov", "gradient_cov"):
        _close(getattr(second, name), getattr(first, name))


@given(cases())
def test_exchanging_the_labels_negates_every_coefficient_and_changes_no_risk(case):
    groups, design, generator = _case(*case)
    first = predict(groups, design, generator)
    exchanged = [dataclasses.replace(g, label=1 - g.label, name=None) for g in groups]
    second = predict(exchanged, design, generator)
    _expansions_close(second, first)
    for name in VECTORS:
        _close(getattr(second, name), -np.asarray(getattr(first, name)))
    for name in (*SCALARS, "cov", "gradient_cov", "hessian", "curvature", "bound"):
        _close(getattr(second, name), getattr(first, name))


def _affine(seed):
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.normal(size=(DIM, DIM)))
    right, _ = np.linalg.qr(rng.normal(size=(DIM, DIM)))
    return left @ np.diag(np.exp(rng.uniform(-1, 1, DIM))) @ right, rng.normal(size=DIM)


@given(cases(), seeds)
def test_an_affine_change_of_the_features_moves_coefficients_contravariantly(case, seed):
    """For every generator with a law; nearest neighbours are Euclidean, so SMOTE's have none.

    R6's bound is left out: a Euclidean norm and a smallest eigenvalue depend on the units.
    """
    groups, design, generator = _case(*case)
    matrix, offset = _affine(seed)

    def moved(group):
        cov = matrix @ group.cov[0] @ matrix.T
        return GaussianGroup(matrix @ group.mean[0] + offset, (cov + cov.T) / 2, group.label)

    changed = generator
    if isinstance(generator, Shifted):
        changed = Shifted(tuple(matrix @ np.asarray(generator.shift)))
    first = predict(groups, design, generator)
    second = predict([moved(group) for group in groups], design, changed)
    _expansions_close(second, first)
    for name in SCALARS:
        _close(getattr(second, name), getattr(first, name))
    inverse = np.linalg.inv(matrix)
    change = np.eye(DIM + 1)  # of (intercept, slope): b + w'x = b' + w'' (A x + c)
    change[1:, 1:] = inverse.T
    change[0, 1:] = -inverse @ offset
    for name in VECTORS:
        _close(getattr(second, name), change @ getattr(first, name))
    _close(second.cov, change @ first.cov @ change.T)
    back = np.linalg.inv(change)
    for name in ("hessian", "gradient_cov"):
        _close(getattr(second, name), back.T @ getattr(first, name) @ back)
    for name in ("bias_gradient", "mean_gradient", "generator_shift"):
        _close(getattr(second, name), back.T @ getattr(first, name), scale=1e-1)


@given(cases(FIXED), st.integers(2, 50))
def test_every_size_times_k_divides_the_noise_by_k_and_leaves_the_bias(case, k):
    """Fixed generators; a fitted one's law depends on its seeds' number, beyond first order."""
    groups, design, generator = _case(*case)
    larger = Design(tuple(k * n for n in design.sizes), k * design.augmentation, design.weight)
    first, second = (predict(groups, size, generator) for size in (design, larger))
    for name in ("excess", "group_excess", "group_error"):
        left, right = getattr(second, name), getattr(first, name)
        _close(left.bias, right.bias)
        for part in ("variance", "cox_snell"):
            scale = max(float(np.max(np.abs(getattr(right, part)))), 1e-6)
            _close(k * np.asarray(getattr(left, part)), getattr(right, part), scale=scale)
    _close(k * second.cov, first.cov)
    _close(k * second.estimator_bias, first.estimator_bias)


@given(cases((GaussianPlugin("group"), GaussianPlugin("known"), Duplicate())), st.integers(2, 50))
@HALF
def test_a_fitted_generators_first_order_noise_is_divided_alike(case, k):
    groups, design, generator = _case(*case)
    larger = Design(tuple(k * n for n in design.sizes), k * design.augmentation, design.weight)
    first, second = (predict(groups, size, generator) for size in (design, larger))
    _close(second.theta_alpha, first.theta_alpha)
    # an unbiased covariance divides by n - 1: its influence has the relative remainder 1 / n
    _close(k * second.cov, first.cov)
    _close(k * second.local_variance, first.local_variance)


@given(cases((Oracle(),)))
@HALF
def test_two_halves_of_every_group_are_the_groups(case):
    groups, design, generator = _case(*case)
    n, m = design.sizes
    whole = Design((2 * n, 2 * m), 2 * design.augmentation, design.weight)
    halves = Design((n, n, m, m), design.augmentation, design.weight)
    split = [groups[0], groups[0], groups[1], groups[1]]
    first, second = predict(groups, whole, generator), predict(split, halves, generator)
    _close(second.excess, first.excess)
    for check_name in ("group_excess", "group_error"):
        _close(
            getattr(second, check_name),
            np.repeat(np.asarray(getattr(first, check_name)), 2, axis=1),
        )
    for name in (*SCALARS, *VECTORS, "cov", "gradient_cov", "hessian", "bound"):
        _close(getattr(second, name), getattr(first, name))


@given(cases((Oracle(),)), st.integers(1, 59))
@HALF
def test_plain_training_does_not_know_how_its_samples_are_grouped(case, part):
    """One group cut into two unequal parts: the balanced reference moves, the estimate does not."""
    groups, design, generator = _case(*case)
    n, m = design.sizes
    first = predict(groups, Design.raw((n, m)), generator)
    cut = [groups[0], groups[0], groups[1], groups[1]]
    second = predict(cut, Design.raw((part, n - part, m - part, part)), generator)
    for name in ("theta_alpha", "estimator_bias", "cov", "gradient_cov", "curvature"):
        _close(getattr(second, name), getattr(first, name))
    _close(second.group_error, np.repeat(np.asarray(first.group_error), 2, axis=1))


@given(cases((Oracle(),)))
@HALF
def test_samples_as_good_as_real_ones_count_as_real_ones(case):
    """At weight alpha they are 1 / ((1 - alpha)^2 / n_max + alpha^2 / N) real samples a group."""
    groups, design, generator = _case(*case)
    n, more = design.n_max, design.augmentation
    best = Design(design.sizes, more, more / (n + more))
    first = predict(groups, best, generator)
    second = predict(groups, Design.class_weighted((n + more, n + more)), generator)
    _expansions_close(first, second)
    for name in ("theta_alpha", "estimator_bias", "cov"):
        _close(getattr(first, name), getattr(second, name))
    law = law_of_design(groups, design.sizes, generator)
    _close(law.best_weight(float(more)), best.weight)
    _close(law.best_excess(float(more)), second.total)


@given(cases())
@HALF
def test_without_oversampling_a_vanishing_weight_is_class_weighting(case):
    groups, design, generator = _case(*case)
    sizes = (design.sizes[0],) * 2
    first = predict(groups, Design(sizes, design.augmentation, 1e-12), generator)
    second = predict(groups, Design.class_weighted(sizes), generator)
    _expansions_close(first, second)
    for name in (*VECTORS, "cov", "total"):
        _close(getattr(first, name), getattr(second, name), scale=1.0)


@given(cases((Duplicate(),)))
@HALF
def test_duplicates_are_class_weighting_and_the_noise_of_drawing_them(case):
    groups, design, generator = _case(*case)
    first = predict(groups, design, generator)
    second = predict(groups, Design.class_weighted(design.sizes), generator)
    limit = predict(groups, Design(design.sizes, math.inf, 1.0), generator)
    _expansions_close(limit, second)
    _close(limit.cov, second.cov)
    _close(first.theta_alpha, second.theta_alpha)
    extra = np.linalg.eigvalsh(np.asarray(first.gradient_cov - second.gradient_cov))
    assert extra[0] >= -ROUNDING * extra[-1]
    noise = float(np.sum(design.synthetic_noise))
    assert (extra[-1] > 0) == (noise > 0)
    assert float(first.local_variance) >= float(second.local_variance) * (1 - ROUNDING)


@given(cases())
@HALF
def test_ever_more_synthetic_samples_are_infinitely_many(case):
    groups, design, generator = _case(*case)
    first, second = (
        predict(groups, Design(design.sizes, count, design.weight), generator)
        for count in (10**24, math.inf)  # standard deviations fall with its root
    )
    _expansions_close(first, second)
    for name in (*VECTORS, *SCALARS, "cov"):
        _close(getattr(first, name), getattr(second, name))


@given(cases(), st.floats(1.0, 1e6), st.floats(1.01, 100.0))
@HALF
def test_the_best_weight_is_a_weight_and_no_other_does_better(case, size, factor):
    groups, design, generator = _case(*case)
    law = law_of_design(groups, design.sizes, generator)
    best = float(law.best_weight(size))
    assert 0.0 <= best <= 1.0
    least = float(law.best_excess(size))
    unit = ROUNDING * float(law.excess(0.0, 1))
    for weight in (0.0, best, design.weight, 1.0):
        assert least <= float(law.excess(weight, size)) + unit
    _close(least, law.excess(best, size))
    # a minimum of lines in 1 / N lies below its tangents
    saved = float(law.best_slope(size)) / size * (1 - 1 / factor)
    assert float(law.best_excess(factor * size)) <= least - saved + unit
    assert float(law.floor) <= least + unit
    if generator == Oracle():
        assert float(law.best_excess(factor * size)) < least


@given(cases())
def test_errors_are_probabilities_and_parts_add_up(case):
    groups, design, generator = _case(*case)
    prediction = predict(groups, design, generator)
    errors = np.asarray(prediction.group_error.bias)
    assert np.all((errors >= 0) & (errors <= 1))
    _close(np.mean(prediction.group_excess.total), prediction.total)
    assert float(prediction.excess.bias) >= -ROUNDING and float(prediction.local_bias) >= 0
    assert float(prediction.local_variance) > 0 and float(prediction.bound) >= float(
        prediction.local_bias + prediction.local_variance
    ) * (1 - ROUNDING)
    for matrix in (
        prediction.cov,
        prediction.gradient_cov,
        prediction.hessian,
        prediction.curvature,
    ):
        _close(matrix, matrix.T)
        assert np.linalg.eigvalsh(np.asarray(matrix))[0] > 0


@given(cases())
@HALF
def test_float32_input_is_computed_in_float64(case):
    groups, design, generator = _case(*case)
    coarse, exact = [], []
    for group in groups:
        mean, cov = np.float32(group.mean[0]), np.float32(group.cov[0])
        coarse.append(GaussianGroup(mean, cov, group.label))
        exact.append(GaussianGroup(np.float64(mean), np.float64(cov), group.label))
    first, second = predict(coarse, design, generator), predict(exact, design, generator)
    assert first.validity == second.validity
    numbers = (law._replace(validity=0.0, groups=0.0) for law in (first, second))
    for left, right in zip(*numbers, strict=True):
        assert np.asarray(left).dtype == np.float64
        assert np.array_equal(np.asarray(left), np.asarray(right))


# --- T and S2 ---------------------------------------------------------------------------------
counts = st.integers(0, 200)
positive = st.floats(0.05, 20.0)


@given(counts, st.integers(1, 8), positive, positive, positive)
def test_divergences_know_no_units(count, dim, within, prior, unit):
    first = capacity.location_expected_kl(count, dim, within, prior)
    second = capacity.location_expected_kl(count, dim, unit * within, unit * prior)
    _close(second, first)
    if count:
        assert float(first) < float(capacity.flat_prior_expected_kl(count, dim))
    more = capacity.location_expected_kl(count + 1, dim, within, prior)
    assert float(more) < float(first)  # a further seed helps
    _close(capacity.location_expected_kl(count, 2 * dim, within, prior), 2 * first)


@given(seeds, positive)
def test_the_divergence_of_gaussians_knows_no_units_and_no_origin(seed, unit):
    rng = np.random.default_rng(seed)
    left, right, offset = (jnp.asarray(rng.normal(size=3)) for _ in range(3))
    first = capacity.gaussian_kl(left, jnp.asarray(0.7), right, jnp.asarray(1.3))
    second = capacity.gaussian_kl(
        unit * left + offset,
        jnp.asarray(0.7 * unit**2),
        unit * right + offset,
        jnp.asarray(1.3 * unit**2),
    )
    _close(second, first)
    assert float(first) > 0


@given(seeds, st.permutations(range(4)))
def test_posteriors_follow_the_order_of_the_dictionary_and_of_nothing_else(seed, order):
    rng = np.random.default_rng(seed)
    order = np.asarray(order)
    logs = jnp.asarray(rng.normal(size=(6, 4)))  # [seeds, laws]
    prior = jnp.asarray(np.log(rng.dirichlet(np.ones(4))))
    first = token_capacity.dictionary_posterior(logs, prior)
    _close(token_capacity.dictionary_posterior(logs[:, order], prior[order]), first[order])
    _close(token_capacity.dictionary_posterior(logs[::-1], prior), first)
    shift = jnp.asarray(rng.normal(size=(6, 1)))  # a density's unit
    _close(token_capacity.dictionary_posterior(logs + shift * jnp.ones((1, 4)), prior), first)
    seen = jnp.asarray(rng.integers(0, 5, 4).astype(float))
    mass = jnp.asarray(rng.uniform(0.2, 2.0, 4))
    rule = token_capacity.dirichlet_multinomial_predictive(seen, mass)
    again = token_capacity.dirichlet_multinomial_predictive(seen[order], mass[order])
    _close(again, rule[order])


@pytest.mark.parametrize("kind", ["cut-off", "tikhonov", "pinsker"])
@given(beta=st.floats(0.5, 2.0), level=st.floats(1e-4, 1e-2), unit=st.floats(0.2, 5.0))
@HALF
def test_a_signal_and_its_noise_in_other_units_have_the_same_best_filter(kind, beta, level, unit):
    family = Filter(kind, 2.0) if kind == "tikhonov" else Filter(kind, beta)
    first = best_scale(family, Signal(1.0, beta), level, 2000)
    second = best_scale(family, Signal(unit, beta), unit**2 * level, 2000)
    _close(second.risk / unit**2, first.risk, scale=first.risk)
    # a search: the risk is flat at its minimum, so that the place has half as many digits
    assert abs(second.scale / first.scale - 1) < 10 * math.sqrt(ROUNDING)
    weights = np.linspace(1.0, 0.0, 50)
    risk = filter_risk(Signal(1.0, beta), weights, level)
    _close(filter_risk(Signal(unit, beta), weights, unit**2 * level) / unit**2, risk)
