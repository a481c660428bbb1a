"""What a verdict on the excess risk did not see: rows of much weight, and errors lost in noise."""

import warnings

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.optimize import minimize

from synthetic_oversampling.theory import (
    Design,
    Duplicate,
    GaussianGroup,
    GaussianPlugin,
    Oracle,
    Smote,
    law_of_design,
    metrics,
    mix,
    predict,
    predict_multiclass,
    risk,
)
from synthetic_oversampling.theory.generators.fixed import Shifted
from synthetic_oversampling.theory.generators.seed_masses import cubed_weights
from synthetic_oversampling.theory.population.groups import error_rate, hessian
from synthetic_oversampling.theory.prediction.benefit import (
    break_even_ratio,
    break_even_scale,
    break_even_shift,
    gain,
)
from synthetic_oversampling.theory.prediction.validity import Unreliable

LINE = [GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.0], [[1.0]], 1)]
ENDLESS = 10**9


NODES = hermegauss(60)


def _loss(theta):
    """Balanced risk on the line, by nodes of its own."""
    z, w = NODES
    scores = (-(theta[0] + theta[1] * z), theta[0] + theta[1] * (1 + z))
    return sum(np.logaddexp(0, -margin) @ w for margin in scores) / w.sum() / 2


def _excess_of_two_rows(alpha):
    """Exact mean excess risk with real rows without end and one synthetic row of each class."""
    z, w = hermegauss(10)
    best = minimize(_loss, np.zeros(2), method="BFGS", options={"gtol": 1e-9})
    total = 0.0
    for first, chance in zip(z, w / w.sum(), strict=True):
        for second, other in zip(z + 1, w / w.sum(), strict=True):

            def trained(theta, rows=(first, second)):
                own = np.logaddexp(0, theta[0] + theta[1] * rows[0])
                own = own + np.logaddexp(0, -theta[0] - theta[1] * rows[1])
                return (1 - alpha) * _loss(theta) + alpha / 2 * own

            found = minimize(trained, best.x, method="BFGS", options={"gtol": 1e-8}).x
            total += chance * other * (_loss(found) - best.fun)
    return total


@pytest.mark.parametrize("alpha", [0.02, 0.12])
def test_rows_of_much_weight_take_from_the_excess_what_is_stated(alpha):
    predicted = predict(LINE, Design((ENDLESS, ENDLESS), 1, alpha), Oracle())
    missing = 1 - _excess_of_two_rows(alpha) / float(predicted.total)
    assert missing == pytest.approx(predicted.single_rows / float(predicted.total), rel=1 / 3)
    assert predicted.validity.remainder == predicted.single_rows / float(predicted.total)
    assert predicted.validity.verdict == ("reliable" if missing < 0.1 else "doubtful")


def test_cubed_weights_are_those_of_rows_written_out():
    design = Design((40, 10), 25, 0.3)
    real = np.repeat(design.real_mass / np.array(design.sizes), design.sizes)
    level = np.full(30, design.oversampling_mass[1] / 30)
    more = np.full(25, 0.15 / 25)
    kinds = real[:40], real[40:], more, np.concatenate([more, level])
    expected = [np.sum(weights**3) for weights in kinds]
    assert np.allclose(cubed_weights(design, (Oracle(), Oracle())), expected)
    copies = cubed_weights(Design((40, 10)), (Duplicate(), Duplicate()))
    weighted = cubed_weights(Design.class_weighted((40, 10)), (Oracle(), Oracle()))
    assert np.allclose(copies[:2], weighted[:2])  # a copy's weight is its seed's
    assert np.all(cubed_weights(Design((40, 40), np.inf, 0.5), (Oracle(), Oracle()))[2:] == 0)


def test_the_term_is_that_of_more_than_two_classes_too():
    design = Design((600, 300), 3, 0.2)
    both = [predictor(LINE, design, Smote()) for predictor in (predict, predict_multiclass)]
    assert both[0].single_rows > 0
    assert both[1].single_rows == pytest.approx(both[0].single_rows, rel=1e-9)


def _weak(distance):
    means = ([0.0, 0.0], [distance, 0.0])
    return [GaussianGroup(mean, np.eye(2), y) for y, mean in enumerate(means)]


def _narrow(spread, mean=0.45296):
    means, spreads, labels = (0.0, -0.5, 2.0, mean), (1.0, 1.0, 1.0, spread), (0, 0, 1, 1)
    parts = zip(means, spreads, labels, strict=True)
    return [GaussianGroup([m], [[s**2]], y) for m, s, y in parts]


NEAR = Design((1500, 1000), 500, 0.5)
FOUR = Design((1500, 500, 700, 400), 500, 0.5)


@pytest.mark.parametrize("predictor", [predict, predict_multiclass])
@pytest.mark.parametrize(
    ("groups", "design"),
    [
        (_weak(1e-2), NEAR),
        (_weak(1e-6), NEAR),
        (_weak(0.0), NEAR),
        (_narrow(0.001), FOUR),
        (_narrow(0.0), FOUR),
    ],
)
def test_errors_that_noise_decides_say_so(groups, design, predictor):
    found = predictor(groups, design, Oracle())
    assert found.validity.verdict == "reliable"
    assert found.error_doubt.startswith("the rule's noise moves scores of group")
    for name in ("balanced_error", "worst_group_error", "expected_worst_group_error"):
        with pytest.warns(Unreliable, match=r"\(error rates\): print its error_doubt"):
            getattr(found, name)


def test_a_doubt_is_where_normal_rules_have_other_errors_than_the_expansion():
    """Against the mean error of rules drawn from their normal law, which needs no expansion."""
    rng = np.random.default_rng(0)
    kept, doubted = 0, []
    for trial in range(60):
        groups = (
            _weak(10 ** rng.uniform(-3, 0.5))
            if trial % 2
            else _narrow(10 ** rng.uniform(-3, 0), rng.uniform(0.35, 0.55))
        )
        found = predict(groups, NEAR if trial % 2 else FOUR, Oracle())
        mean = np.asarray(found.theta_alpha) + found.estimator_bias
        rules = rng.multivariate_normal(mean, found.cov, 4000)
        drawn = np.array([_errors(rules, group).mean() for group in groups])
        size = np.maximum(found.group_error.bias, 0.1 * np.mean(found.group_error.bias))
        off = np.max(np.abs(found.group_error.total - drawn) / size)
        if found.error_doubt:
            doubted.append(off > 0.1)
        else:
            kept += 1
            assert off < 0.1
    assert kept >= 20 and len(doubted) >= 8 and np.mean(doubted) > 0.5


def _errors(rules, group):
    from scipy.stats import norm

    lead = group.sign * (rules[:, 0] + rules[:, 1:] @ group.mean[0])
    spread = np.einsum("rp,pq,rq->r", rules[:, 1:], group.cov[0], rules[:, 1:])
    return norm.cdf(-lead / np.sqrt(np.maximum(spread, 1e-300)))


@pytest.mark.parametrize(("distance", "doubted"), [(0.0, True), (0.05, True), (0.3, False)])
def test_a_tie_without_first_order_says_so(distance, doubted):
    found = predict(_weak(distance), NEAR, Oracle())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        value = found.expected_worst_group_excess
    assert np.isfinite(value) and any("tie_doubt" in str(one.message) for one in told) == doubted
    assert bool(found.tie_doubt) == doubted


def test_errors_of_usual_groups_are_not_doubted():
    for groups, design in ((_weak(1.0), NEAR), (_narrow(1.0), FOUR), (_narrow(0.1, 2.0), FOUR)):
        assert predict(groups, design, GaussianPlugin()).error_doubt == ""


def test_a_generator_whose_bias_helps_never_stops_helping():
    design = Design((900, 90), 900, 0.5)
    for factor in (0.5, 1, 10, 100):
        more = Design((int(900 * factor), int(90 * factor)), int(900 * factor), 0.5)
        assert gain(LINE, more, Smote(), "raw") > 0
    assert break_even_scale(LINE, design, Smote(), "raw") == np.inf


def test_what_is_no_number_is_refused_by_name(as_installed):
    law = law_of_design(LINE, (500, 50), Oracle())
    predicted = predict(LINE, Design.raw((500, 50)), Oracle())
    design = Design((500, 50), 50, 0.5)
    for name, ask in {
        "weight, size": lambda: law.excess([0.1, 0.2], [1, 2, 3]),
        "weights": lambda: mix(["a", 1], LINE),
        "mean": lambda: GaussianGroup(["1"], [[1.0]], 0),
        "cov": lambda: GaussianGroup([1.0], [[True]], 0),
        "shift": lambda: Shifted((True,)),
        "shares": lambda: predicted.metrics(shares=("1", "2")),
        "minority": lambda: break_even_ratio(LINE, True, 1000, 100, 0.5, Oracle()),
        "direction": lambda: break_even_shift(LINE, design, [0.0]),
        "theta": lambda: risk(np.array([1e160, 1e160]), LINE[0]),
    }.items():
        with pytest.raises(ValueError, match=f"^{name}: "):
            ask()
    with pytest.raises(ValueError, match="^shares: "):
        metrics(np.array([0.0, 1.0]), LINE, shares={1, 2})


def test_a_direction_of_any_length_is_the_same_direction():
    design = Design((900, 90), 900, 0.5)
    shifts = [break_even_shift(LINE, design, [length]) for length in (1e-300, 1.0, 1e300)]
    assert shifts[0] == shifts[1] == shifts[2] > 0


def test_scores_up_to_a_thousand_million_have_their_digits():
    theta = np.array([1e9, 1e9]) / 2.1
    kink = theta[0] * (0.8413447460685429 + 0.24197072451914337)
    assert float(risk(theta, LINE[0])) == pytest.approx(kink, rel=1e-7)
    curved = 0.24197072451914337 / theta[0]
    assert float(hessian(theta, LINE[0])[0, 0]) == pytest.approx(curved, rel=1e-6)
    assert float(error_rate(theta, LINE[0])) == pytest.approx(0.8413447460685429)
