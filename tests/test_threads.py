"""One thread of BLAS where many would wait, and programs that compile faster to the same bits."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from synthetic_oversampling.practice.planner import learners
from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify.stages import experiment_key
from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.generators.table import GaussianPlugin
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.threads import OneThread
from synthetic_oversampling.theory.prediction import excess_risk
from synthetic_oversampling.theory.prediction.influence import _NARROW, _brief, _long, fitted

# without the checker of types, whose frames are the tests' alone
WARNED = """
import warnings, jax, numpy as np
jax.config.update("jax_enable_x64", True)
from synthetic_oversampling.theory import Design, Duplicate, GaussianGroup
from synthetic_oversampling.theory.prediction.validity import Unreliable
from synthetic_oversampling.theory import predict, predict_multiclass
for function, classes in ((predict, 2), (predict_multiclass, 3)):
    groups = [GaussianGroup(np.eye(3)[y] * 1.5, np.eye(3), y) for y in range(classes)]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function(groups, Design((60, 24, 24)[:classes]), Duplicate())
    print(*{one.filename for one in found if one.category is Unreliable})
"""


@pytest.fixture(autouse=True)
def two_threads():
    """Where there are several, of which all but one are to rest; other tests have one at most."""
    with threadpool_limits(2, user_api="blas"):
        assert _threads() == {2}
        yield


def _threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def _groups(dim: int) -> list[GaussianGroup]:
    return [GaussianGroup(np.eye(dim)[y] * 1.5, np.eye(dim), y) for y in range(2)]


def test_a_prediction_and_a_verification_keep_to_one_thread_of_blas(monkeypatch):
    seen, judge, plan = [], excess_risk.judge, verify.make_plan

    def watched(function):
        return lambda *args, **kwargs: seen.append(_threads()) or function(*args, **kwargs)

    monkeypatch.setattr(excess_risk, "judge", watched(judge))
    monkeypatch.setattr(verify, "make_plan", watched(plan))
    before = _threads()
    excess_risk.predict(_groups(2), Design((4000, 1000)), GaussianPlugin())
    verify.run_checks(verify.build("quick", ["H1.stiffness"]), seed=1, profile="quick")
    assert seen == [{1}, {1}] and _threads() == before


def test_calls_inside_of_each_other_lift_the_limit_at_the_last():
    before = _threads()
    with OneThread():
        with OneThread():
            assert _threads() == {1}
        assert _threads() == {1}
    assert _threads() == before


def test_a_limit_that_ends_meanwhile_is_lifted():
    """As another library's may in another thread: what was before it is what is to be after."""
    before = _threads()
    other = threadpool_limits(1, user_api="blas")
    with OneThread():
        other.restore_original_limits()
        with OneThread():
            assert _threads() == {1}
    with OneThread():
        pass
    other = threadpool_limits(1, user_api="blas")
    with OneThread():
        other.restore_original_limits()
    assert _threads() == before


def test_a_plans_fits_use_one_thread(monkeypatch):
    """On a busy machine two took five times as long, waiting for each other at every product."""
    seen = []

    def path(x, y, weight, held, ridges):
        seen.append(_threads())
        return np.zeros((len(ridges), len(held)))

    monkeypatch.setattr(learners, "_path", path)
    x, y = np.zeros((4, 1)), np.array([0, 1, 0, 1])
    learners.scores("logistic-l2", (1.0,), x, y, np.ones(4), x)
    assert seen == [{1}]


def test_a_warning_names_the_line_that_asked():
    done = subprocess.run([sys.executable, "-c", WARNED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["<string>", "<string>"]


@pytest.mark.parametrize("label", ["smote", "predictive"])
def test_programs_without_fusion_emitters_draw_and_evaluate_the_same_bits(label):
    draw, evaluate, shared = experiment("line", label).functions()

    def drawn(numbers, key):
        return jax.vmap(lambda number: draw(streams.fold_in(key, number)))(numbers)

    data = drawn_by = None
    for compiled in (jax.jit, lambda function: quick_jit(function, level=None)):
        found = compiled(drawn)(np.arange(4, dtype=np.uint32), experiment_key(1, "line"))
        data = found if data is None else data
        scored = compiled(jax.vmap(evaluate, (0, None)))(data, shared)
        if drawn_by is not None:
            jax.tree.map(np.testing.assert_array_equal, (found, scored), drawn_by)
        drawn_by = found, scored


def test_what_seeds_add_is_the_same_by_the_brief_program_and_by_the_long_one():
    trial = experiment("line", "plugin-pooled")
    pieces = excess_risk.population(trial.configuration.groups, trial.design, trial.generator)
    star, alpha = trial.prediction.theta_star, trial.prediction.theta_alpha
    points = np.stack([np.asarray(star), np.asarray(alpha)])
    assert points.shape[1] <= _NARROW
    given = (points, np.eye(points.shape[1]), pieces.laws, np.stack(pieces.masses))
    how = {
        "room": pieces.real.weights.shape[1],
        "families": pieces.masses.families,
        "loss": excess_risk.LOGISTIC,
    }
    short, long, chosen = (program(*given, **how) for program in (_brief, _long, fitted))
    for left, right, same in zip(short, long, chosen, strict=True):
        np.testing.assert_array_equal(left, same)
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-13)
