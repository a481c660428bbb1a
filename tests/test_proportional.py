"""Theorem H: features as many as rows, against known numbers, limits and independent routes."""

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from synthetic_oversampling.simulate.checks.check import judge_exact
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.claims.proportional import limit_checks
from synthetic_oversampling.simulate.experiments.proportional_settings import (
    SETTINGS,
    groups_of,
    prediction,
)
from synthetic_oversampling.simulate.experiments.proportional_trials import (
    Plan,
    Setting,
    fit,
    replicate,
)
from synthetic_oversampling.theory import Design, GaussianGroup, predict
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
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.proportional import equations
from synthetic_oversampling.theory.proportional.clusters import Cluster, Spectra
from synthetic_oversampling.theory.proportional.generators import duplicate_weights
from synthetic_oversampling.theory.proportional.predict import (
    predict_clusters,
    predict_proportional,
)
from synthetic_oversampling.theory.proportional.rows import (
    Potential,
    averages,
    grid,
    settle,
    smeared,
    training,
)
from synthetic_oversampling.theory.proportional.solver import NoFixedPoint, fixed_point

DIM, SIZES = 100, (400, 80)


def _at(dim, *values):
    mean = np.zeros(dim)
    mean[: len(values)] = values
    return mean


def _groups(dim=DIM):
    return [
        GaussianGroup(_at(dim, -0.75), np.eye(dim), 0),
        GaussianGroup(_at(dim, 0.75, 0.3), np.eye(dim), 1),
    ]


def _line(dim, gap=1.5):
    return [GaussianGroup(_at(dim, (2 * y - 1) * gap / 2), np.eye(dim), y) for y in (0, 1)]


# errors that simulations of these settings gave, with their standard errors
def test_real_and_synthetic_clusters_have_the_errors_that_simulation_gave():
    clusters = [
        Cluster(rows=600, mean=_at(DIM, -0.75), cov=1.0, label=0),
        Cluster(rows=100, mean=_at(DIM, 0.75), cov=1.0, label=1),
        Cluster(rows=500, mean=_at(DIM, 0.55, 0.6), cov=1.3, label=1),
    ]
    found = predict_clusters(clusters=clusters, groups=_line(DIM), ridge=5.0)
    assert found.error == pytest.approx([0.2674, 0.2701], abs=1e-4)
    assert found.error == pytest.approx([0.2669, 0.2698], abs=3 * 0.0008)
    assert found.residual <= 1e-10 and not found.limited


@pytest.mark.parametrize(
    ("generator", "stated", "simulated", "errors"),
    [
        (Smote(), (0.1874, 0.4581), (0.1886, 0.4600), (0.0017, 0.0031)),
        (GaussianPlugin(), (0.1957, 0.4515), (0.1975, 0.4504), (0.0018, 0.0027)),
        (Duplicate(), (0.1951, 0.4529), (0.1971, 0.4520), (0.0020, 0.0031)),
    ],
)
def test_fitted_generators_with_many_rows_have_the_errors_that_simulation_gave(
    generator, stated, simulated, errors
):
    found = predict_proportional(
        groups=_groups(), design=Design(SIZES), generator=generator, ridge=1.2, many=True
    )  # losses of weight 0.6: ridge 2 beside losses of weight 1
    assert found.error == pytest.approx(stated, abs=5e-4)
    assert np.all(np.abs(found.error - simulated) < 3 * np.array(errors))


def test_the_mean_of_a_plugin_couples_the_seeds():
    """Without the coupling the minority's error is .379 for .394 simulated."""
    found = predict_proportional(
        groups=_groups(), design=Design(SIZES), generator=GaussianPlugin("known"), ridge=1.2
    )
    assert found.error[1] == pytest.approx(0.396, abs=5e-4)


# --- forms of the algebra ---------------------------------------------------------------------
def test_covariances_that_commute_are_the_same_in_every_basis():
    dim, rng = 30, np.random.default_rng(3)
    basis = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    values = rng.uniform(0.3, 3.0, (2, dim))
    means = rng.standard_normal((2, dim)) * 0.3
    plain = [GaussianGroup(means[y], np.diag(values[y]), y) for y in (0, 1)]
    turned = [
        GaussianGroup(basis @ means[y], basis @ np.diag(values[y]) @ basis.T, y) for y in (0, 1)
    ]
    design = Design((60, 20))
    ours, theirs = (
        predict_proportional(groups=one, design=design, generator=GaussianPlugin(), ridge=1.0)
        for one in (plain, turned)
    )
    for name in ("error", "risk", "score_var", "auroc", "norm", "alignment", "slope"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-7), name


def test_the_full_algebra_agrees_with_the_diagonal_one():
    dim, rng = 12, np.random.default_rng(4)
    means, covs = (
        rng.standard_normal((3, dim)),
        [np.ones(()), rng.uniform(0.5, 2, dim), np.eye(dim)],
    )
    quick = Spectra(means, covs)
    slow = Spectra(means, covs)
    slow.matrices = np.stack([np.diag(value) for value in quick.values])
    numbers = rng.uniform(0.5, 2.0, (3, 3))
    for ours, theirs in zip(quick.norms(0.7, *numbers), slow.norms(0.7, *numbers), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-10)


def test_one_group_as_a_mixture_of_equal_parts_is_that_group():
    whole = _groups(30)
    parts = [
        GaussianGroup(np.stack([value.mean[0]] * 2), value.cov[0], value.label, weights=[0.3, 0.7])
        for value in whole
    ]
    for generator in (Smote(), GaussianPlugin(), GaussianPlugin("known"), Duplicate()):
        ours, theirs = (
            predict_proportional(
                groups=one, design=Design((90, 20)), generator=generator, ridge=1.0
            )
            for one in (whole, parts)
        )
        assert ours.error == pytest.approx(theirs.error, rel=1e-7), generator
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-7), generator


@pytest.mark.parametrize(
    "generator",
    [
        Shifted((0.0, 0.4, *[0.0] * 18)),
        Scaled(1.4),
        Mislabelled(0.1),
        Duplicate(),
        GaussianPlugin("known"),
        GaussianPlugin("pooled"),
        Predictive(),
        Oracle(),
    ],
    ids=lambda generator: type(generator).__name__,
)
def test_infinitely_many_rows_are_the_limit_of_many(generator):
    finite, limit = (
        predict_proportional(
            groups=_groups(20), design=Design((60, 30), count, 1.0), generator=generator, ridge=2.0
        ).error
        for count in (10**6, math.inf)
    )
    assert finite == pytest.approx(limit, abs=1e-4)


# --- rows ---------------------------------------------------------------------------------------
def test_the_stiffness_is_minus_the_slope_of_the_mean_force():
    nodes, potential = (
        grid(257),
        Potential(laws=((0.5, 1.0), (0.5, 3.0)), tilt=0.2, spring=0.4, centre=1.1, field=0.3),
    )
    at = [averages(LOGISTIC, potential, 0.3 + s, 1.7, 2.5, nodes) for s in (-1e-4, 0, 1e-4)]
    slope = (at[2].force - at[0].force) / 2e-4
    assert -slope == pytest.approx(at[1].stiffness, rel=1e-6)
    error = training(LOGISTIC, at[1])[1]
    assert error == pytest.approx(_share_below(potential, 0.3, 1.7, 2.5), abs=2e-3)


def _share_below(potential, centre, var, response):
    from synthetic_oversampling.theory.population.margins import LOGISTIC

    h = centre + math.sqrt(var + response**2 * potential.field) * norm.ppf(
        (np.arange(4000) + 0.5) / 4000
    )
    shares = [
        np.mean(settle(LOGISTIC, potential, np.full(len(h), weight), h, response)[0] < 0) * chance
        for chance, weight in potential.laws
    ]
    return sum(shares)


def test_duplicates_have_the_mean_and_variance_of_a_poisson_variable():
    for rate in (0.05, 1.0, 7.0, 4e3):
        law = np.array(duplicate_weights(1.0, [(rate, 0.5, 0.5 * rate)]))
        mean = law[:, 0] @ law[:, 1]
        var = law[:, 0] @ (law[:, 1] - mean) ** 2
        assert mean == pytest.approx(1 + 0.5 * rate, rel=1e-8)
        assert var == pytest.approx(0.25 * rate, rel=0.01)


def test_the_solver_says_when_there_is_no_fixed_point():
    with pytest.raises(NoFixedPoint, match="residual"):
        fixed_point(lambda x: x + 1.0, np.zeros(2), most=30)


@pytest.mark.filterwarnings("error")
def test_a_small_ridge_on_separable_rows_is_solved_in_silence():
    """Sums over coarse nodes have a fixed point of their own there, which is not taken."""
    for ridge, many, errors in (
        (0.1, False, (0.176, 0.5907)),
        (0.01, False, (0.1774, 0.6013)),
        (0.01, True, (0.1703, 0.6358)),  # between those of ridges 0.0099 and 0.0101
    ):
        found = predict_proportional(
            groups=_line(150),
            design=Design(SIZES),
            generator=GaussianPlugin(),
            ridge=ridge,
            many=many,
        )
        assert found.error == pytest.approx(errors, abs=1e-4) and found.residual <= 1e-10


def test_steep_scores_of_interpolation_are_averaged_over_finer_nodes(monkeypatch):
    def norm():
        return predict_proportional(
            groups=_line(150), design=Design(SIZES), generator=Smote(), ridge=0.1
        ).norm

    value = norm()
    monkeypatch.setattr(equations, "_SMEAR_NODES", (257,))
    assert value == pytest.approx(norm(), rel=1e-4)  # 65 nodes alone: 0.6 % off
    monkeypatch.setattr(equations, "_LARGEST_STEP", 0.01)
    with pytest.raises(NoFixedPoint, match=r"ridge: got 0.1, and scores have a standard deviation"):
        norm()


# --- limits and simulation ----------------------------------------------------------------------
def test_a_segment_serves_either_of_its_ends():
    line, masses = np.linspace(-4.0, 1.0, 41), np.linspace(1.0, 2.0, 41) / 61.5
    for margins, given in ((k * line, k * line[None]) for k in (1.0, 100.0, 1000.0)):
        own = smeared(LOGISTIC, given, (margins, masses))
        apart = [smeared(LOGISTIC, given[..., k : k + 1], (margins, masses)) for k in range(41)]
        for found, one in zip(own, zip(*apart, strict=True), strict=True):
            np.testing.assert_allclose(found, np.concatenate(one, axis=-1), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("ridge", [0.02, 1.0, 50.0])
def test_one_step_a_time_for_interpolated_seeds_ends_where_whole_ones_do(monkeypatch, ridge):
    means = np.zeros((3, 40))
    means[:, 0] = -1.0, 1.0, 2.0
    mixed = GaussianGroup(means[1:], np.stack([np.eye(40), 2 * np.eye(40)]), 1, weights=[0.4, 0.6])
    groups, design = [GaussianGroup(means[0], np.eye(40), 0), mixed], Design((200, 50))
    asked = {"groups": groups, "design": design, "generator": Smote(), "ridge": ridge}
    quick = predict_proportional(**asked)
    whole = equations.Equations._solve
    monkeypatch.setattr(equations.Equations, "_solve", lambda self, quick: whole(self, False))
    slow = predict_proportional(**asked)
    for name in ("error", "risk", "score_mean", "score_var", "train_error", "train_loss"):
        np.testing.assert_allclose(getattr(quick, name), getattr(slow, name), rtol=1e-8)


def test_every_limit_and_every_printed_formula_agrees_with_its_own_route():
    checks = planned(limit_checks("quick"))
    assert len(checks) == 11
    assert [check.id for check in checks if judge_exact(check).verdict != "pass"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "generator",
    [
        GaussianPlugin(),
        GaussianPlugin("known"),
        GaussianPlugin("pooled"),
        Duplicate(),
        Predictive(),
    ],
)
def test_few_features_recover_theorem_r(generator):
    gaps = []
    for dim in (10, 20):
        groups, design = _line(dim), Design((40000, 20000))
        right = predict(groups, design, generator)
        prediction = predict_proportional(
            groups=groups, design=design, generator=generator, ridge=0.0
        )
        noise = right.total - right.excess.bias
        gaps.append(abs(prediction.total - right.total) / noise)
    assert gaps[1] < 0.6 * gaps[0] < 0.03


@pytest.mark.parametrize("name", ["proportional-spiked", "proportional-spurious"])
def test_a_few_replicates_lie_where_theory_says(name):
    setting, rng = SETTINGS[name], np.random.default_rng(7)
    runs = [replicate(setting, rng) for _ in range(80)]
    for place, plan in enumerate(setting.plans):
        errors = np.stack([run["error"][place] for run in runs])
        theory = prediction(name, plan.name).error
        unit = errors.std(0) / math.sqrt(len(runs)) + 0.02 * theory
        assert np.all(np.abs(errors.mean(0) - theory) < 4 * unit)
    assert not any(run["not_converged"] for run in runs)
    assert len(groups_of(name)) == len(setting.labels)


def test_a_fit_has_no_slope_left():
    rng = np.random.default_rng(0)
    x, sign = rng.standard_normal((50, 8)), np.repeat([-1.0, 1.0], 25)
    weight = rng.uniform(0.5, 2, 50)
    theta, found = fit(x, sign, weight, 0.7)
    share = 1 / (1 + np.exp(sign * (theta[0] + x @ theta[1:])))
    assert found and abs(weight @ (sign * share)) < 1e-5
    assert np.abs(x.T @ (weight * sign * share) - 0.7 * theta[1:]).max() < 1e-5


def test_a_generator_that_is_not_written_out_is_refused():
    setting = Setting(
        name="x",
        labels=(0, 1),
        sizes=(4, 2),
        means=np.zeros((2, 3)),
        roots=(np.ones(()),) * 2,
        plans=(
            Plan(
                name="x",
                ridge=1.0,
                weights=(1.0, 1.0),
                generator="unheard",
                rows=(0, 2),
                each=(0.0, 1.0),
            ),
        ),
    )
    with pytest.raises(ValueError, match="unheard"):
        replicate(setting, np.random.default_rng(0))


# --- bad input ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ridge": -1.0}, "ridge: got -1.0"),
        ({"ridge": math.nan}, "ridge: got nan"),
        ({"intercept": math.inf}, "intercept: got inf"),
        ({"generator": Smote(5)}, "few others"),
        ({"generator": Predictive()}, "expected at least 33"),
        ({"design": Design.raw((9, 9, 9))}, "groups: got 2 groups"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"groups": _groups(30), "design": Design((90, 20)), "ridge": 1.0, **change}
    with pytest.raises(ValueError, match=message):
        predict_proportional(**given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 0}, "rows: got 0"),
        ({"mean": [[0.0]]}, "mean: got"),
        ({"cov": [[1.0, 2.0], [0.0, 1.0]]}, "no covariance"),
        ({"cov": -1.0}, "no covariance"),
        ({"cov": [1.0, 1.0, 1.0]}, "cov: got shape"),
        ({"label": 2}, "label: got 2"),
        ({"weight": -1.0}, "weights of at least 0"),
        ({"weight": [(0.5, 1.0)]}, "sum to 1"),
    ],
)
def test_a_bad_cluster_is_named(change, message):
    given = {"rows": 10, "mean": [0.0, 0.0], "cov": 1.0, "label": 0, **change}
    with pytest.raises(ValueError, match=message):
        Cluster(**given)


def test_clusters_and_groups_have_to_go_together():
    clusters = [Cluster(rows=9, mean=[0.0, 0.0], cov=1.0, label=y) for y in (0, 1)]
    with pytest.raises(ValueError, match="one dimension"):
        predict_clusters(clusters=clusters, groups=_line(3), ridge=1.0)
    with pytest.raises(ValueError, match="one label"):
        predict_clusters(clusters=clusters[:1], groups=_line(2), ridge=1.0)
    with pytest.raises(ValueError, match="clusters: got"):
        predict_clusters(clusters=[], groups=_line(2), ridge=1.0)


def test_a_path_of_few_rows_is_solved_from_the_discriminant():
    """A thousand rows of one class for each of the other: the solver's usual start is too far."""
    for dim, sizes, gap, ridge in ((15, (32000, 32), 4.0, 0.0), (5, (30000, 30), 4.0, 0.0)):
        found = predict_proportional(groups=_line(dim, gap), design=Design.raw(sizes), ridge=ridge)
        near = predict_proportional(groups=_line(dim, gap), design=Design.raw(sizes), ridge=1e-3)
        assert found.residual <= 1e-10 and found.total == pytest.approx(near.total, rel=0.01)


def test_copies_of_nearly_separable_rows_are_solved():
    """Training scores of hundreds are pulled by forces that differ by as many powers of ten."""
    from synthetic_oversampling.simulate.commands.validity import cases_of

    case = cases_of(120)["fresh/1-64-d25-synthetic-duplicate"]
    found = predict_proportional(
        groups=case.groups, design=case.design, generator=case.generator, ridge=0.0
    )
    near = predict_proportional(
        groups=case.groups, design=case.design, generator=case.generator, ridge=1e-5
    )
    assert found.residual <= 1e-10 and found.total == pytest.approx(near.total, rel=0.05)


@pytest.mark.parametrize("drive", [0.0, 1e-9, 1.0, 30.0, 1e4, 1e12])
def test_a_training_score_solves_its_equation_whatever_pulls_it(drive):
    """By bisection, of a fall that no rounding of a difference disturbs."""
    h = np.concatenate([np.linspace(-40.0, 40.0, 33), [-1e6, -1e3, 1e3]])
    potential = Potential(((1.0, drive),))
    margin, force, bend = settle(LOGISTIC, potential, np.full_like(h, drive), h, 1.0)
    low, high = h, h + drive
    for _ in range(200):
        middle = (low + high) / 2
        below = middle - h <= drive * expit(-middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    np.testing.assert_allclose(margin, (low + high) / 2, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(force, drive * expit(-margin))
    np.testing.assert_allclose(bend, drive * expit(-margin) * expit(margin), atol=1e-14 * drive)


def test_a_correlation_near_1_is_still_warned_of():
    from synthetic_oversampling.theory.inputs import DigitsLost

    cov = np.eye(20)
    cov[0, 1] = cov[1, 0] = 1 - 1e-8
    groups = [GaussianGroup(_at(20, 0, 0, 2.0 * y - 1), cov, y) for y in (0, 1)]
    with pytest.warns(DigitsLost, match="nearly collinear"):
        predict_proportional(groups=groups, design=Design.raw((90, 60)), ridge=1.0)
