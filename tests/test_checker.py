"""Claims that have nothing to do with this package: two results of textbooks, right and wrong."""

import dataclasses
import io
import os
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console
from scipy.stats import poisson

from synthetic_oversampling.simulate import Claim, assert_claims, check_claims, checker
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.verify import stages

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
    (replicates,) = report.replicates.values()
    assert replicates == max(report.plan.replicates.values())
    for outcome in report.outcomes:
        assert report.plan.power(outcome.check, replicates) >= 0.99 - 1e-9
        assert outcome.n == replicates


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


def _square(scale):
    return lambda key: {"square": scale * jax.random.normal(key) ** 2}


VARIANCE = Claim(name="variance", statistic="square", predicted=1.0, discrepancy=0.1)


def test_an_interrupted_run_goes_on_from_its_folder_to_the_same_numbers(tmp_path, monkeypatch):
    whole = check_claims(_square(1.0), [VARIANCE], seed=4, block=64)
    save, saved = stages.save_result, []

    def interrupting(folder, slot, result):
        save(folder, slot, result)
        saved.append(result.replicates)
        if len(saved) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1.0)  # the main thread hears of it

    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    with monkeypatch.context() as patch:
        patch.setattr(stages, "save_result", interrupting)
        patch.setattr(stages, "CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            check_claims(_square(1.0), [VARIANCE], seed=4, block=64, artifacts=tmp_path)
    signal.signal(signal.SIGINT, usual)
    (planned,) = whole.replicates.values()
    assert 0 < saved[-1] < planned
    run, resumed = monte_carlo.run, []

    def watched(*arguments, resume=None, **options):
        resumed.append(0 if resume is None else resume.replicates)
        return run(*arguments, resume=resume, **options)

    monkeypatch.setattr(stages.monte_carlo, "run", watched)
    again = check_claims(_square(1.0), [VARIANCE], seed=4, block=64, artifacts=tmp_path)
    assert resumed == [0, saved[-1]]  # the pilot, and what was missing
    seen, expected = again.outcomes[0], whole.outcomes[0]
    assert (seen.observed, seen.std_error, seen.n) == (
        expected.observed,
        expected.std_error,
        expected.n,
    )


def test_claims_are_spread_over_all_devices(monkeypatch):
    run, seen = monte_carlo.run, []

    def watched(*arguments, devices=None, **options):
        seen.append(devices)
        return run(*arguments, devices=devices, **options)

    monkeypatch.setattr(stages.monte_carlo, "run", watched)
    check_claims(_square(1.0), [VARIANCE])
    assert seen == [None, None]  # of the pilot and of the run: all that there are


def test_another_simulator_does_not_take_the_results_of_the_first(tmp_path):
    check_claims(_square(1.0), [VARIANCE], artifacts=tmp_path)
    wide = dataclasses.replace(VARIANCE, predicted=1.5, discrepancy=0.15)
    assert assert_claims(_square(1.5), [wide], artifacts=tmp_path).verdict == "pass"
    assert len(list(tmp_path.rglob("*.json"))) == 2


def test_the_page_of_claims_names_them_and_no_command(report, tmp_path):
    page = report.save_page(tmp_path / "claims.html", title="Two textbook results").read_text()
    assert "Two textbook results, held against simulation" in page
    assert all(claim.name in page for claim in (RATIO, STEIN, BELOW))
    assert "oversampling verify" not in page and "profile" not in page
    rows = {row["id"]: row for row in report.as_dict()["checks"]}
    assert rows[STEIN.name]["interval"] == [report.outcomes[1].low, report.outcomes[1].high]


def test_a_family_rate_of_ones_own_is_the_reports(tmp_path):
    found = check_claims(_square(1.0), [VARIANCE], family_rate=1e-5).as_dict()
    assert found["family_false_alarm_rate"] == 1e-5


def test_a_bar_is_shown_only_when_asked_for(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(checker, "console", lambda: Console(file=screen, force_terminal=True))
    check_claims(_square(1.0), [VARIANCE], block=512)
    assert screen.getvalue() == ""
    check_claims(_square(1.0), [VARIANCE], block=512, progress=True)
    assert "simulating" in screen.getvalue()
