"""Theorem M against scikit-learn's metrics on samples, finite differences and training."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from synthetic_oversampling.theory import (
    Design,
    GaussianGroup,
    Oracle,
    metrics,
    predict,
    predict_proportional,
)
from synthetic_oversampling.theory.population.margins import SQUARED
from synthetic_oversampling.theory.population.metrics import (
    METRICS,
    classes_of,
    expanded,
    metric_values,
)
from synthetic_oversampling.theory.prediction.metrics import (
    ExpectedMetric,
    break_even_factor,
    expected_metrics,
)
from synthetic_oversampling.theory.prediction.validity import Unreliable

GROUPS = [
    GaussianGroup([0.0, 0.0], np.eye(2), 0),
    GaussianGroup([1.2, 0.4], [[0.5, 0.2], [0.2, 1.5]], 1),
    GaussianGroup([[-0.5, 1.0], [2.0, 2.0]], [0.3 * np.eye(2), np.eye(2)], 1, weights=[0.3, 0.7]),
]
THETA = np.array([0.3, 1.0, -0.4])
FLAT = [GaussianGroup([0.0], [[0.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
TIED = [  # two thresholds are equally good along the first axis
    GaussianGroup([[-3.0, 0.0], [1.0, 1.0]], [0.5 * np.eye(2)] * 2, 0),
    GaussianGroup([[-1.0, 1.0], [3.0, 0.0]], [0.5 * np.eye(2)] * 2, 1),
]
PREVALENCE = 0.1


def _draws(rng, count):
    """Rows of label 1 (both groups alike) and of label 0, as many times more as they are rarer."""
    halves = [
        rng.multivariate_normal(GROUPS[1].mean[0], GROUPS[1].cov[0], count // 2),
        *(
            rng.multivariate_normal(mean, cov, int(share * count / 2))
            for share, mean, cov in zip(
                GROUPS[2].weights, GROUPS[2].mean, GROUPS[2].cov, strict=True
            )
        ),
    ]
    one = np.concatenate(halves)
    zero = rng.standard_normal((round(len(one) * (1 - PREVALENCE) / PREVALENCE), 2))
    scores = np.concatenate([one, zero]) @ THETA[1:]
    return np.repeat([1, 0], [len(one), len(zero)]), scores


def test_metrics_are_those_of_scikit_learn_on_many_rows():
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(8):
        label, score = _draws(rng, 4000)
        false, true, _ = roc_curve(label, score)
        precision, recall, _ = precision_recall_curve(label, score)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        seen.append(
            (
                roc_auc_score(label, score),
                average_precision_score(label, score),
                (1 - true + false).min() / 2,
                f1.max(),
            )
        )
    mean, error = np.mean(seen, axis=0), np.std(seen, axis=0, ddof=1) / np.sqrt(8)
    found = np.array(metrics(THETA, GROUPS, prevalence=PREVALENCE))
    chosen = np.array([0.0, 0.0, 1.0, 1.0]) * 0.002  # the best threshold of a sample flatters
    assert np.all(np.abs(found - mean) < 4 * error + chosen)
    assert np.all(error < 0.003)


def test_derivatives_are_those_of_differences_also_at_the_best_threshold():
    classes = classes_of(GROUPS, prevalence=PREVALENCE)
    value, slope, bend, _ = expanded(THETA, classes)
    by_jax = jax.jit(metric_values)(jnp.asarray(THETA), classes)
    np.testing.assert_allclose(value, by_jax, rtol=1e-12)
    step = 1e-4
    for k in range(3):
        moved = step * np.eye(3)[k]
        up, down = (expanded(THETA + side * moved, classes) for side in (1, -1))
        np.testing.assert_allclose(slope[:, k], (up[0] - down[0]) / (2 * step), atol=2e-8)
        np.testing.assert_allclose(bend[:, k], (up[1] - down[1]) / (2 * step), atol=2e-7)
    held = bend[:, 1:, 1:]
    assert np.all(np.abs(held).max(axis=(1, 2)) > 1e-3), "or no difference would be seen"


@given(intercept=st.floats(-3, 3), scale=st.floats(0.1, 10), prevalence=st.floats(0.02, 0.98))
def test_neither_the_intercept_nor_the_scale_matters(intercept, scale, prevalence):
    first = metrics(THETA, GROUPS, prevalence=prevalence)
    second = metrics([intercept, *(scale * THETA[1:])], GROUPS, prevalence=prevalence)
    np.testing.assert_allclose(second, first, rtol=1e-9)
    assert first.average_precision > 0.9 * prevalence
    assert first.best_f1 >= 2 * prevalence / (1 + prevalence) - 1e-12, "all called positive"
    assert 0 <= first.best_balanced_error <= 0.5


def test_metrics_mirror_when_the_labels_are_exchanged():
    other = [dataclasses.replace(group, label=1 - group.label) for group in GROUPS]
    right, wrong = metrics(THETA, GROUPS), metrics(-THETA, other)
    assert np.isclose(right.auroc, wrong.auroc, rtol=1e-12)
    assert np.isclose(right.best_balanced_error, wrong.best_balanced_error, rtol=1e-12)
    assert abs(right.average_precision - wrong.average_precision) > 1e-3


def test_shares_weigh_groups_within_their_label():
    alone = metrics(THETA, GROUPS, shares=(2.0, 1.0, 0.0))
    np.testing.assert_allclose(alone, metrics(THETA, GROUPS[:2]), rtol=1e-12)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    "theta, groups, options, message",
    [
        ([0.0, 0.0, 0.0], GROUPS, {}, "^theta: got slopes that are all 0, expected a score"),
        ([0.0, 1.0], GROUPS, {}, r"^theta: got shape \(2,\), expected \(3,\)"),
        ([0.0, 1.0, np.nan], GROUPS, {}, "^theta: got .*expected finite numbers"),
        (THETA, GROUPS[1:], {}, "^groups: got none of label 0 with a share, expected some of both"),
        (THETA, GROUPS, {"prevalence": 0.0}, "^prevalence: got 0.0, expected a number between"),
        (THETA, GROUPS, {"prevalence": "half"}, "^prevalence: got 'half', expected a number"),
        (THETA, GROUPS, {"shares": "abc"}, "^shares: got 'abc', expected 3 numbers"),
        ([0.0, 1.0], FLAT, {}, "^theta: got a score that does not vary in a component"),
        (THETA, GROUPS, {"shares": (1.0, 1.0)}, "^shares: got .*expected 3 numbers of at least 0"),
        (THETA, GROUPS, {"shares": (1.0, -1.0, 1.0)}, "^shares: got .*expected 3 numbers"),
    ],
)
def test_bad_input_is_named(theta, groups, options, message):
    with pytest.raises(ValueError, match=message):
        metrics(theta, groups, **options)


def test_two_designs_break_even_where_whole_predictions_meet():
    groups = [GROUPS[0], GaussianGroup([1.2, 0.5], np.diag([0.9, 1.1]), 1)]

    def both(times):
        sizes = (4000 * times, 100 * times)
        return [
            expected_metrics(groups, predict(groups, design, Oracle())).auroc
            for design in (Design.raw(sizes), Design.class_weighted(sizes))
        ]

    few, many = both(1), both(4)
    factor = break_even_factor(*few)
    assert few[0].total > few[1].total and many[0].total < many[1].total and 1 < factor < 4
    gaps = [one.total - other.total for one, other in (few, many)]
    line = (gaps[0] - gaps[1]) / (1 - 1 / 4)  # linear in one over the factor
    assert np.isclose(factor, line / (line - gaps[0]), rtol=1e-6)
    assert break_even_factor(few[0], few[0]) == np.inf


@pytest.mark.parametrize("variance", [1.0, 1e2, 1e6])
@pytest.mark.parametrize("prevalence", [0.001, 0.5])
def test_average_precision_keeps_its_digits_where_one_label_varies_far_more(variance, prevalence):
    groups = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[variance]], 1)]
    std = np.sqrt(variance)
    # by the ranks of label 1: precision at its quantiles, by nodes dense at the narrow label too
    ends = np.unique(np.concatenate([np.linspace(-12, 12, 4001), np.linspace(-12, 12, 4001) * std]))
    node, weight = np.polynomial.legendre.leggauss(8)
    half = np.diff(ends) / 2
    t = (ends[:-1] + half)[:, None] + half[:, None] * node
    one, zero = norm.sf((t - 1) / std), norm.sf(t)
    flagged = np.maximum(prevalence * one + (1 - prevalence) * zero, 1e-300)
    density = norm.pdf((t - 1) / std) / std
    right = np.sum(half[:, None] * weight * density * prevalence * one / flagged)
    found = metrics([0.0, 1.0], groups, prevalence=prevalence).average_precision
    assert found == pytest.approx(right, rel=1e-9)


def test_a_group_of_no_share_counts_for_nothing_and_tiny_slopes_for_as_much_as_large_ones():
    far = GaussianGroup([500.0, 0.0], np.eye(2), 1)
    found = metrics(THETA, [*GROUPS, far], shares=(1, 1, 1, 0))
    np.testing.assert_allclose(found, metrics(THETA, GROUPS), rtol=1e-12)
    for scale in (1e-160, 1e160):
        np.testing.assert_allclose(metrics(scale * THETA, GROUPS), found, rtol=1e-12)


def test_two_equally_good_thresholds_are_doubted_and_so_is_a_direction_lost_in_noise():
    tied = expected_metrics(TIED, predict(TIED, Design.raw((1000, 1000)), Oracle()))
    assert tied.auroc.doubt == "" and "another threshold" in tied.best_balanced_error.doubt
    weak = [GaussianGroup([0.1 * y, *[0.0] * 4], np.eye(5), y) for y in (0, 1)]
    lost = expected_metrics(weak, predict(weak, Design.raw((2000, 200)), Oracle()), prevalence=0.1)
    assert all("above chance" in one.doubt for one in lost[:2])
    apart = [GaussianGroup([1.0 * y, *[0.0] * 4], np.eye(5), y) for y in (0, 1)]
    sure = expected_metrics(apart, predict(apart, Design.raw((2000, 200)), Oracle()))
    assert {one.doubt for one in sure} == {""}
    few = expected_metrics(apart, predict(apart, Design.raw((40, 8)), Oracle()))
    assert {one.doubt.startswith("the prediction is") for one in few} == {True}


def test_a_metric_is_expected_of_the_groups_it_was_predicted_for():
    made = predict(GROUPS, Design.raw((900, 900, 900)), Oracle())
    with pytest.raises(ValueError, match="^groups: got 1 feature, expected the prediction's 2"):
        expected_metrics([FLAT[1], GaussianGroup([0.0], [[1.0]], 0)], made)


def test_a_prediction_has_the_metrics_of_its_groups():
    made = predict(GROUPS, Design.raw((900, 900, 900)), Oracle())
    asked = {"prevalence": PREVALENCE, "shares": (1, 2, 1)}
    assert made.metrics(**asked) == expected_metrics(GROUPS, made, **asked)


@pytest.mark.parametrize("balanced", [False, True])
def test_of_least_squares_metrics_are_those_of_fitted_rules(balanced):
    """Expected metrics of 500 fits by NumPy: the expansion is met, the pseudo-true point is not."""
    sizes, rng = (900, 150), np.random.default_rng(5)
    groups = [GaussianGroup([0.0, 0.0], np.eye(2), 0), GROUPS[1]]
    design = Design.class_weighted(sizes) if balanced else Design.raw(sizes)
    with pytest.warns(Unreliable, match="loss"):
        expected = predict(groups, design, Oracle(), loss=SQUARED).metrics(prevalence=0.2)
    labels = np.repeat([-1.0, 1.0], sizes)
    weights = np.repeat([1 / 900, 1 / 150], sizes) if balanced else np.ones(1050)
    values = []
    for _ in range(500):
        rows = [
            rng.multivariate_normal(g.mean[0], g.cov[0], n)
            for g, n in zip(groups, sizes, strict=True)
        ]
        wide = np.column_stack([np.ones(1050), np.concatenate(rows)])
        weighted = wide * weights[:, None]
        values.append(
            metrics(np.linalg.solve(weighted.T @ wide, weighted.T @ labels), groups, prevalence=0.2)
        )
    mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(500)
    totals, targets = (
        np.array([getattr(one, name) for one in expected]) for name in ("total", "target")
    )
    assert np.all(np.abs(mean - totals) < 4.5 * error)
    assert abs(mean[0] - targets[0]) > 4.5 * error[0], "of AUROC, which varies least"


@pytest.mark.usefixtures("as_installed")
def test_what_is_no_prediction_is_named():
    with pytest.raises(ValueError, match="^prediction: got None, expected what theory.predict"):
        expected_metrics(GROUPS, None)


def test_designs_of_one_target_never_break_even_for_rounding():
    groups = [GaussianGroup(y * np.array([0.4, 2.0]), [[1.0, 0.3], [0.3, 2.0]], y) for y in (0, 1)]
    pairs = zip(
        *(
            expected_metrics(groups, predict(groups, design, Oracle()), prevalence=0.1)
            for design in (Design.raw((9000, 1000)), Design.class_weighted((9000, 1000)))
        ),
        strict=True,
    )
    assert {break_even_factor(*pair) for pair in pairs} == {np.inf}


def test_the_least_metric_and_the_total_of_its_parts():
    one = ExpectedMetric(best=0.9, target=0.85, drift=-0.01, noise=-0.02, std=0.03)
    assert one.total == pytest.approx(0.82)
    assert len(METRICS) == 4


@pytest.mark.parametrize("weighted", [False, True], ids=["raw", "weighted"])
def test_of_many_features_metrics_are_those_of_penalised_fits(weighted):
    """60 features on 180 and 40 rows; the mean over 60 fits by scikit-learn, three times its error.

    The remainder is relative O(1/d): a twentieth of what is lost.
    """
    dim, sizes, ridge, prevalence = 60, (180, 40), 4.0, 0.1
    mean = np.linspace(1.0, 0.0, dim) * 2.2 / np.linalg.norm(np.linspace(1.0, 0.0, dim))
    spread = np.diag(np.linspace(0.6, 1.4, dim))
    groups = (GaussianGroup(np.zeros(dim), spread, 0), GaussianGroup(mean, spread, 1))
    design = Design.class_weighted(sizes) if weighted else Design.raw(sizes)
    predicted = predict_proportional(groups=groups, design=design, ridge=ridge)
    found = predicted.metrics(prevalence=prevalence)
    rng, seen = np.random.default_rng(8), []
    y = np.repeat([0, 1], sizes)
    for _ in range(60):
        x = rng.normal(size=(len(y), dim)) * np.sqrt(np.diag(spread)) + y[:, None] * mean
        fitted = LogisticRegression(
            C=1 / ridge, class_weight="balanced" if weighted else None, max_iter=500
        ).fit(x, y)
        theta = np.append(fitted.intercept_, fitted.coef_[0])
        seen.append(metrics(theta, groups, prevalence=prevalence))
    seen, ideal = np.array(seen), np.array([1.0, 1.0, 0.0, 1.0])
    error = seen.std(axis=0) / np.sqrt(len(seen))
    lost = np.abs(ideal - found)
    assert found.auroc == pytest.approx(predicted.auroc, rel=1e-9)
    assert np.all(np.abs(seen.mean(axis=0) - found) < 3 * error + lost / 20)
    assert np.all(3 * error < lost / 10)
    with pytest.raises(ValueError, match="^prevalence: got 1.5, expected a number between 0 and 1"):
        predicted.metrics(prevalence=1.5)
