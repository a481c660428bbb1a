"""Claims that have nothing to do with this package: two results of textbooks, right and wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

from synthetic_oversampling.simulate import Claim, assert_claims, check_claims

PAIRS, DIM, DISTANCE = 10, 8, 3.0
K = np.arange(200)
INVERSE = float(np.sum(poisson.pmf(K, DISTANCE**2 / 2) / (DIM - 2 + 2 * K)))
BIAS, RISK = 0.5 / 3 / (PAIRS * 4), DIM - (DIM - 2) ** 2 * INVERSE


def one_sample(key):
    first, second, third = jax.random.split(key, 3)
    x = jax.random.uniform(first, (PAIRS,), minval=1.0, maxval=3.0)  # mean 2, variance 1/3
    y = 1 + 0.1 * jax.random.normal(second, (PAIRS,))
    theta = jnp.zeros(DIM).at[0].set(DISTANCE)
    z = theta + jax.random.normal(third, (DIM,))
    shrunk = (1 - (DIM - 2) / jnp.sum(z**2)) * z
    return {
        "bias": y.mean() / x.mean() - 0.5,
        "losses": jnp.stack([jnp.sum((shrunk - theta) ** 2), jnp.sum((z - theta) ** 2)]),
    }


RATIO = Claim(
    name="bias of the ratio estimator",
    statistic="bias",
    kind="asymptotic",
    predicted=BIAS,
    allowance=BIAS / PAIRS,
    discrepancy=0.4 * BIAS,
)
STEIN = Claim(
    name="risk of James and Stein", statistic="losses", index=0, predicted=RISK, discrepancy=0.3
)
BELOW = Claim(
    name="James and Stein do better than the mean",
    statistic="losses",
    index=0,
    kind="bound",
    predicted=float(DIM),
    discrepancy=1.0,
)


@pytest.fixture(scope="module")
def report():
    return assert_claims(one_sample, [RATIO, STEIN, BELOW], seed=3)


def test_two_textbook_results_pass_and_wrong_constants_are_rejected(report):
    assert [outcome.verdict for outcome in report.outcomes] == ["pass"] * 3
    wrong = {
        RATIO.name: BIAS / 2,
        STEIN.name: DIM - (DIM - 1) * (DIM - 2) * INVERSE,
        BELOW.name: RISK - 1.0,
    }
    assert report.survivors(wrong) == ()
    assert report.survivors({STEIN.name: RISK + 0.01}) == (STEIN.name,)


def test_a_run_is_planned_for_its_own_claims_at_the_stated_rates(report):
    assert report.plan.alarm == pytest.approx(1e-3 / 3)
    assert report.replicates == max(report.plan.replicates.values())
    for outcome in report.outcomes:
        assert report.plan.power(outcome.check, report.replicates) >= 0.99 - 1e-9
        assert outcome.n == report.replicates


def test_a_wrong_claim_is_an_assertion_that_names_it_and_its_interval():
    wrong = Claim(name="variance", statistic="square", predicted=1.3, discrepancy=0.2)

    def square(key):
        return {"square": jax.random.normal(key) ** 2}

    with pytest.raises(AssertionError, match="variance: fail, predicted 1.3, observed"):
        assert_claims(square, [wrong], block=64)


def test_a_declared_spread_that_is_not_so_fails():
    claim = Claim(name="mean", statistic="z", predicted=0.0, discrepancy=0.2, std=0.4, skewness=0.0)
    report = check_claims(lambda key: {"z": jax.random.normal(key)}, [claim])
    assert report.verdict == "fail" and "declared were 0.4" in str(report)


@pytest.mark.parametrize(
    ("claims", "match"),
    [
        ([], "expected one or more"),
        ([RATIO, RATIO], "all different"),
        ([Claim(name="a", statistic="z", predicted=0, discrepancy=1)], "'z', expected one that"),
        ([Claim(name="a", statistic="losses", predicted=0, discrepancy=1)], "shape \\(2,\\)"),
        ([Claim(name="a", statistic="bias", predicted=0, discrepancy=0.0)], "0 <= allowance <"),
    ],
)
def test_claims_that_cannot_be_judged_are_refused(claims, match):
    with pytest.raises(ValueError, match=match):
        check_claims(one_sample, claims, pilot=64)


def test_wrong_formulas_of_no_claim_are_refused(report):
    with pytest.raises(ValueError, match="got variance, expected names among"):
        report.survivors({"variance": 1.0})


def test_a_statistic_that_is_never_finite_is_refused():
    with pytest.raises(ValueError, match="no two finite values"):
        check_claims(
            lambda key: {"bad": jax.random.normal(key) * jnp.nan},
            [Claim(name="a", statistic="bad", predicted=0.0, discrepancy=1.0)],
            pilot=64,
        )
