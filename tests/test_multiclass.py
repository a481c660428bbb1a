"""More than two classes: closed forms against direct integration, and the binary theory."""

import itertools
import math
import time

import jax.numpy as jnp
import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_oversampling.theory import (
    Design,
    Duplicate,
    GaussianGroup,
    GaussianPlugin,
    Oracle,
    Shifted,
    Smote,
    expected_multiclass_risk,
    law_of_design,
    multiclass_bound,
    multiclass_law_of_design,
    predict,
    predict_multiclass,
)
from synthetic_oversampling.theory.generators.seed_masses import seed_masses
from synthetic_oversampling.theory.generators.table import GENERATORS
from synthetic_oversampling.theory.multiclass import interpolation
from synthetic_oversampling.theory.multiclass.components import components_of
from synthetic_oversampling.theory.multiclass.errors import error_rates, orthant
from synthetic_oversampling.theory.multiclass.fitted import centred, fit_of, second_order
from synthetic_oversampling.theory.multiclass.moments import minimise, moments
from synthetic_oversampling.theory.multiclass.population import population
from synthetic_oversampling.theory.multiclass.predict import at_point
from synthetic_oversampling.theory.multiclass.scores import grids_for, scores_at

pytestmark = pytest.mark.filterwarnings("ignore:predict")
SETTINGS = {"scaled": (0.7,), "mislabelled": (0.06,)}


def made(name: str, dim: int):
    shift = tuple(0.25 * np.cos(1.0 + np.arange(dim)) / math.sqrt(dim))
    return GENERATORS[name](*SETTINGS.get(name, (shift,) if name == "shifted" else ()))


def some_groups(classes: int, dim: int, components: int = 1, seed: int = 0):
    rng = np.random.default_rng(seed)
    groups = []
    for label in range(classes):
        roots = rng.normal(size=(components, dim, dim)) / math.sqrt(2 * dim)
        covs = roots @ np.swapaxes(roots, 1, 2) + 0.5 * np.eye(dim)
        means = rng.normal(size=(components, dim)) * 0.9
        shares = rng.random(components) + 0.3
        groups.append(GaussianGroup(means, covs, label, weights=shares / shares.sum()))
    return groups


def relative(left, right) -> float:
    scale = max(float(np.max(np.abs(right))), 1e-300)
    return float(np.max(np.abs(np.ravel(left) - np.ravel(right)))) / scale


# --- two classes are the binary theory -------------------------------------------------------
PAIR = (
    GaussianGroup([0.0, 0.0, 0.0], [[1.2, 0.4, 0.0], [0.4, 0.8, 0.1], [0.0, 0.1, 0.9]], 0),
    GaussianGroup([1.2, 0.3, -0.5], np.diag([1.0, 0.6, 1.4]), 1),
)
FOUR = tuple(
    GaussianGroup([[y, 0.3, s], [y + 0.5, -0.4, s]], np.eye(3) * (0.8 + 0.2 * y), y, s)
    for y in (0, 1)
    for s in (-1, 1)
)


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("groups, sizes", [(PAIR, (1600, 320)), (FOUR, (900, 240, 200, 760))])
def test_two_classes_are_the_binary_prediction(name, groups, sizes):
    design, generator = Design(sizes, 800, 0.3), made(name, 3)
    binary = predict(groups, design, generator)
    ours = predict_multiclass(groups, design, generator)
    assert relative(ours.total, binary.total) < 1e-12
    parts = ("cov", "gradient_cov", "gradient_cov_star", "hessian", "curvature", "theta_star")
    for field in (*parts, "theta_alpha", "local_variance", "group_excess_cov"):
        assert relative(getattr(ours, field), getattr(binary, field)) < 3e-11, field
    assert relative(ours.group_error.total, binary.group_error.total) < 1e-12
    assert relative(ours.group_excess.total, binary.group_excess.total) < 1e-11
    # what is small beside the whole, to the same absolute error
    for part in ("bias", "variance", "cox_snell", "std"):
        gap = getattr(ours.excess, part) - getattr(binary.excess, part)
        assert abs(gap) < 3e-11 * binary.total, part
    assert ours.validity.verdict == binary.validity.verdict
    assert ours.validity.causes == binary.validity.causes


@pytest.mark.parametrize("design", [Design.raw((1600, 320)), Design.class_weighted((1600, 320))])
def test_two_classes_of_a_reference_design_are_the_binary_prediction(design):
    binary, ours = (make(PAIR, design, Oracle()) for make in (predict, predict_multiclass))
    assert relative(ours.total, binary.total) < 1e-12
    assert ours.integration_error == 0


@pytest.mark.parametrize("generator", [Shifted((0.2, 0.0, 0.1)), GaussianPlugin(), Smote()])
def test_two_classes_have_the_binary_global_law(generator):
    binary = law_of_design(PAIR, (1600, 320), generator)
    ours = multiclass_law_of_design(PAIR, (1600, 320), generator)
    for weight, size in ((0.0, math.inf), (0.3, 500), (0.8, 5000), (1.0, math.inf)):
        assert ours.excess(weight, size) == pytest.approx(binary.excess(weight, size), rel=1e-6)
    assert ours.floor == pytest.approx(binary.floor, rel=1e-6)
    small, theirs = ours.hyperbola, binary.hyperbola
    for name in "ACDS":
        assert getattr(small, name) == pytest.approx(float(getattr(theirs, name)), rel=1e-8)


# --- closed forms against integration that shares nothing ------------------------------------
def loss_and_slopes(theta, x, label):
    """The loss of a row, its gradient and its Hessian, written out."""
    row = np.append(1.0, x)
    scores = np.append(0.0, theta @ row)
    share = np.exp(scores - scores.max())
    share = share / share.sum()
    loss = scores.max() + math.log(np.exp(scores - scores.max()).sum()) - scores[label]
    residual = share[1:] - (np.arange(1, len(scores)) == label)
    bend = np.diag(share[1:]) - np.outer(share[1:], share[1:])
    return loss, np.kron(residual, row), np.kron(bend, np.outer(row, row))


def test_risk_gradient_hessian_and_covariance_are_what_integration_over_features_says():
    (group,) = [g for g in some_groups(3, 2, seed=3) if g.label == 1]
    theta = np.array([[0.3, -0.8, 0.5], [-0.4, 0.2, 1.1]])
    root = np.linalg.cholesky(group.cov[0])
    nodes, weights = np.polynomial.legendre.leggauss(160)
    z, w = 9.0 * nodes, 9.0 * weights * np.exp(-((9.0 * nodes) ** 2) / 2) / math.sqrt(2 * math.pi)
    value, slope = 0.0, np.zeros(6)
    bend, square = np.zeros((6, 6)), np.zeros((6, 6))
    for (a, wa), (b, wb) in itertools.product(zip(z, w, strict=True), repeat=2):
        if wa * wb < 1e-18:
            continue
        x = group.mean[0] + root @ [a, b]
        loss, gradient, hessian = loss_and_slopes(theta, x, 1)
        value += wa * wb * loss
        slope += wa * wb * gradient
        bend += wa * wb * hessian
        square += wa * wb * np.outer(gradient, gradient)
    found = moments(theta, components_of([group.law]))
    assert found.risk[0] == pytest.approx(value, abs=1e-11)
    assert np.max(np.abs(found.score_mean[0] - slope)) < 1e-11
    order = np.arange(6)
    assert np.max(np.abs(found.hessian[0] - bend[np.ix_(order, order)])) < 1e-11
    assert np.max(np.abs(found.score_cov[0] - (square - np.outer(slope, slope)))) < 1e-11


def test_three_scores_are_what_adaptive_integration_says():
    """One feature and four classes: scores on a line, one adaptive integral for each number."""
    group = GaussianGroup([0.4], [[1.7]], 2)
    theta = np.array([[0.2, 0.9], [-0.3, -1.1], [0.5, 0.3]])

    def integral(pick):
        def integrand(x):
            density = math.exp(-((x - 0.4) ** 2) / 3.4) / math.sqrt(3.4 * math.pi)
            return density * pick(*loss_and_slopes(theta, np.array([x]), 2))

        return scipy.integrate.quad(integrand, -13, 14, epsabs=1e-13, epsrel=1e-12, limit=300)[0]

    found = moments(theta, components_of([group.law]))
    assert found.risk[0] == pytest.approx(integral(lambda loss, g, h: loss), abs=1e-9)
    for k in (0, 3, 5):
        assert found.score_mean[0, k] == pytest.approx(
            integral(lambda _, g, h, k=k: g[k]), abs=1e-9
        )
        value = integral(lambda _, g, h, k=k: h[k, 1])
        assert found.hessian[0, k, 1] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("classes, dim", [(3, 2), (3, 4), (4, 3), (4, 2), (3, 1)])
def test_error_rates_are_orthants_and_their_slopes_are_slopes(classes, dim):
    rng = np.random.default_rng(classes + dim)
    parts = components_of([g.law for g in some_groups(classes, dim, seed=dim)])
    theta = rng.normal(size=(classes - 1, dim + 1)) * 0.7
    values, slopes, bends = error_rates(theta, parts)
    scores = scores_at(theta, parts)
    if dim >= classes - 1:
        for c, label in enumerate(parts.labels):
            mean, cov = np.append(0, scores.mean[c]), np.zeros((classes, classes))
            cov[1:, 1:] = scores.cov[c]
            turn = np.delete(np.eye(classes)[label] - np.eye(classes), label, axis=0)
            right = scipy.stats.multivariate_normal.cdf(
                turn @ mean, np.zeros(classes - 1), turn @ cov @ turn.T, abseps=1e-7, maxpts=10**6
            )
            assert values[c] == pytest.approx(1 - right, abs=1e-6)  # its own error
    step, unit = 1e-4, np.eye(theta.size)
    ends = [
        [error_rates((theta.ravel() + s * step * e).reshape(theta.shape), parts) for s in (1, -1)]
        for e in unit
    ]
    slope = np.array([(up[0] - down[0]) / (2 * step) for up, down in ends]).T
    bend = np.array([(up[1] - down[1]) / (2 * step) for up, down in ends])
    tolerance = 1e-6 if dim >= classes - 1 else 1e-4  # differences of kinks that are smoothed
    assert np.max(np.abs(slope - slopes)) < tolerance
    assert np.max(np.abs(np.moveaxis(bend, 0, 2) - bends)) < 10 * tolerance


def test_orthants_with_a_closed_form():
    for rho in (-0.3, 0.0, 0.5, 0.95):
        cov = np.full((3, 3), rho) + (1 - rho) * np.eye(3)
        exact = 1 / 8 + 3 * math.asin(rho) / (4 * math.pi)
        assert orthant(np.zeros(3), cov) == pytest.approx(exact, abs=1e-10)
    assert orthant(np.zeros(4), np.eye(4)) == pytest.approx(1 / 16, abs=1e-4)


@pytest.mark.parametrize("name", ["plugin", "plugin-pooled", "predictive", "smote"])
def test_gradients_of_what_seeds_add_are_gradients(name):
    groups, design = some_groups(3, 2, 2, seed=5), Design((900, 300, 200), 400, 0.4)
    pieces = population(groups, design, made(name, 2))
    masses = seed_masses(design, pieces.generators_of)
    rng = np.random.default_rng(0)
    theta, matrix = rng.normal(size=(2, 3)) * 0.5, rng.normal(size=(6, 6))
    matrix = matrix + matrix.T

    def values(at):
        noise = at_point(at.reshape(2, 3), pieces, masses, None, None).noise
        drift = 0.0
        if "gaussian" in masses.families:
            fits = [fit_of(at.reshape(2, 3), law) for law in pieces.generators]
            drift = second_order(
                fits, [centred(at.reshape(2, 3), law) for law in pieces.groups], masses, 2
            )
        return np.array([np.sum(matrix * noise), drift])

    found = at_point(theta, pieces, masses, matrix, None)
    step = 1e-4
    for k in (0, 2, 4):
        move = step * np.eye(6)[k]
        change = (values(theta.ravel() + move) - values(theta.ravel() - move)) / (2 * step)
        assert found.slope[k] == pytest.approx(change[0], abs=1e-6 * np.abs(found.slope).max())
        assert found.drift[k] == pytest.approx(change[1], abs=1e-6 * (1e-3 + abs(change[1])))


# --- what must hold whatever the numbers -----------------------------------------------------
def test_raw_training_moves_intercepts_by_log_ratios_and_nothing_else():
    cov = [[1.0, 0.3, 0.0], [0.3, 0.7, 0.1], [0.0, 0.1, 1.2]]
    means = ([0, 0, 0], [1.2, 0.3, 0.4], [-0.5, 1.0, 0.2], [0.4, -0.8, 0.9])
    groups = [GaussianGroup(mean, cov, y) for y, mean in enumerate(means)]
    sizes = (2000, 900, 400, 700)
    found = predict_multiclass(groups, Design.raw(sizes), Oracle())
    wanted = np.zeros((3, 4))
    wanted[:, 0] = np.log(np.array(sizes[1:]) / sizes[0])
    assert np.max(np.abs(found.displacement.reshape(3, 4) - wanted)) < 1e-8
    inverse = np.linalg.inv(cov)
    bayes = [np.append(-np.array(m) @ inverse @ m / 2, inverse @ m) for m in means[1:]]
    assert np.max(np.abs(found.theta_star - bayes)) < 1e-8


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(3)), st.integers(0, 10**6), st.sampled_from(["plugin", "scaled"]))
def test_how_classes_are_numbered_does_not_matter(order, seed, name):
    groups = some_groups(3, 2, seed=seed)
    sizes = (900, 300, 200)
    try:
        first = predict_multiclass(groups, Design(sizes, 300, 0.4), made(name, 2))
    except ValueError:
        return  # separated by chance
    renamed = [
        GaussianGroup(g.mean, g.cov, order[g.label], weights=g.weights, name="") for g in groups
    ]
    second = predict_multiclass(renamed, Design(sizes, 300, 0.4), made(name, 2))
    assert second.total == pytest.approx(first.total, rel=1e-7)
    assert second.group_error.total == pytest.approx(first.group_error.total, rel=1e-7)
    assert second.group_excess.total == pytest.approx(first.group_excess.total, rel=1e-6)


@pytest.mark.parametrize(
    "classes, name",
    [
        *((3, name) for name in GENERATORS),
        (4, "mislabelled"),
        *(
            pytest.param(4, name, marks=pytest.mark.slow)
            for name in ("smote", "plugin-pooled", "predictive")
        ),
    ],
)
def test_every_generator_has_a_prediction(classes, name):
    groups = some_groups(classes, 3, seed=11)
    design = Design((2000, 500, 400, 300)[:classes], 300, 0.4)
    found = predict_multiclass(groups, design, made(name, 3))
    assert found.total > 0 and found.validity.verdict in ("reliable", "doubtful", "unreliable")
    for field, value in found._asdict().items():
        if field not in ("validity", "groups"):
            flat = (
                np.concatenate([np.ravel(part) for part in value])
                if isinstance(value, tuple)
                else np.ravel(value)
            )
            assert np.all(np.isfinite(flat)), field
    assert found.expected_worst_group_error >= found.worst_group_error - 1e-9


def test_a_student_generator_of_many_degrees_is_the_plugin():
    groups, design = some_groups(3, 2, seed=7), Design((900, 300, 200), 300, 0.4)
    one, other = (
        float(predict_multiclass(groups, design, generator).total)
        for generator in (GaussianPlugin(), GENERATORS["student"](1e6))
    )
    assert one == pytest.approx(other, rel=1e-4)


def test_duplicates_are_weighting_and_their_resampling_noise():
    groups, sizes = some_groups(3, 2, seed=2), (900, 300, 200)
    weighted = predict_multiclass(groups, Design.class_weighted(sizes), Oracle())
    copied = predict_multiclass(groups, Design(sizes), Duplicate())
    assert copied.theta_alpha == pytest.approx(weighted.theta_alpha, rel=1e-8)
    assert copied.total > weighted.total
    more = predict_multiclass(groups, Design(sizes, math.inf, 1.0), Duplicate())
    assert more.total == pytest.approx(weighted.total, rel=1e-9)


def test_more_scores_than_a_grid_can_hold_are_sampled_with_a_stated_error():
    """Five classes on a line: exact by one adaptive integral, estimated in four dimensions."""
    groups = [GaussianGroup([0.8 * y, 0.3 * (y % 2)], np.eye(2), y) for y in range(5)]
    found = predict_multiclass(groups, Design.raw((900, 500, 400, 300, 500)), Shifted((0.0, 0.0)))
    assert 0 < found.integration_error < 0.02 * found.total
    wanted = np.log(np.array([500, 400, 300, 500]) / 900)
    assert found.displacement.reshape(4, 3)[:, 0] == pytest.approx(wanted, abs=0.02)
    parts = components_of([g.law for g in groups])
    assert not any(grid.tensor for grid in grids_for(scores_at(found.theta_alpha, parts)))


def test_the_expected_empirical_risk_of_two_classes_is_the_binary_one():
    from synthetic_oversampling.theory.prediction.bias import expected_empirical_risk

    theta, design = np.array([0.2, 0.5, -0.3, 0.1]), Design((900, 200), 300, 0.3)
    for name in ("shifted", "mislabelled", "plugin", "predictive", "smote"):
        generator = made(name, 3)
        binary = float(expected_empirical_risk(jnp.asarray(theta), PAIR, design, generator))
        ours = expected_multiclass_risk(theta[None], PAIR, design, generator)
        assert ours == pytest.approx(binary, rel=1e-12), name


def test_the_minimiser_is_one_whatever_the_units():
    groups = some_groups(3, 2, seed=9)
    parts = components_of([g.law for g in groups])
    shares = np.array([0.5, 0.3, 0.2])
    theta = minimise(shares, parts, 3)
    assert np.max(np.abs(shares @ moments(theta, parts).score_mean)) < 1e-12
    moved = parts._replace(means=parts.means * 40 + 300, covs=parts.covs * 1600)
    other = minimise(shares, moved, 3)
    assert other[:, 1:] * 40 == pytest.approx(theta[:, 1:], rel=1e-8)


@pytest.mark.parametrize("name", ["shifted", "scaled", "plugin", "mislabelled"])
def test_the_bound_holds_at_any_bias(name):
    groups, design = some_groups(3, 2, seed=4), Design((900, 300, 200), 300, 0.6)
    generator = made(name, 2)
    found = predict_multiclass(groups, design, generator)
    bound = multiclass_bound(found, groups, design, generator)
    assert found.excess.bias <= bound.bound * (1 + 1e-9) + 1e-15
    assert found.local_bias + found.local_variance <= found.bound * (1 + 1e-9)
    for at in np.linspace(0, 1, 17):
        theta = found.theta_star + at * (found.theta_alpha - found.theta_star)
        pieces = population(groups, design, generator)
        hessian = moments(theta, pieces.parts).hessian[:3].mean(axis=0)
        assert np.linalg.eigvalsh(hessian)[0] >= bound.curvature


@pytest.mark.parametrize("scale", [0.6, 1.4])
def test_nodes_of_interpolation_leave_less_than_1e_8_of_a_total(scale, monkeypatch):
    groups = [
        GaussianGroup(scale * group.mean[0], group.cov[0], group.label)
        for group in some_groups(3, 3, seed=2)
    ]
    design = Design((4000, 2000, 1000), 1000, 0.3)
    found = predict_multiclass(groups, design, made("smote", 3))
    monkeypatch.setattr(interpolation, "_degree", lambda scores: 140)
    finer = predict_multiclass(groups, design, made("smote", 3))
    assert found.total == pytest.approx(finer.total, rel=1e-8, abs=0)


def test_a_prediction_of_three_classes_is_fast():
    groups = some_groups(3, 20, seed=1)
    design = Design((4000, 1500, 900), 800, 0.3)
    generator = made("shifted", 20)
    predict_multiclass(groups, design, generator)
    times = []
    for _ in range(5):
        start = time.process_time()
        predict_multiclass(groups, design, generator)
        times.append(time.process_time() - start)
    assert min(times) < 0.5  # ten times what it takes alone
