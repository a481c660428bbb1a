"""The literature beside our laws: where they agree, by how much they differ; procedures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.sweeps import procedures as sweeps_procedures
from synthetic_oversampling.simulate.sweeps.table import SWEEPS
from synthetic_oversampling.theory.generators.table import Duplicate, Shifted
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.scaling.literature import surrogate_best_weight, surrogate_law
from synthetic_oversampling.theory.scaling.scaling_law import scaling_law
from synthetic_oversampling.theory.theorems.table import FORMULAS

EPS = np.finfo(np.float64).eps
WEIGHTS = np.linspace(0.0, 1.0, 11)
moments = st.floats(0.1, 5.0)


@given(moments, moments, moments, st.floats(-0.9, 0.9))
def test_the_law_of_the_literature_is_s1_without_its_cross_term(A, D, S, correlation):
    law = scaling_law(A, correlation * np.sqrt(A * D), D, S)
    size = 7.0
    theirs = surrogate_law(
        WEIGHTS,
        real=float(law.excess(0.0, size)),
        surrogate=float(law.excess(1.0, size)),
        limit=float(law.excess(1.0, np.inf)),
    )
    ours = np.asarray(law.excess(WEIGHTS, size))
    gap = WEIGHTS * (1 - WEIGHTS) * float(law.C)
    np.testing.assert_allclose(ours - theirs, gap, atol=100 * EPS * (A + D + S))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_law_of_the_literature_is_s2_at_the_noise_level_of_the_design(beta):
    def best(level):
        formula = FORMULAS["S2.best_risk"]
        return float(formula.numpy(amplitude=1.3, smoothness=beta, noise_level=level))

    n, m = 40.0, 170.0
    exponent = 2 * beta / (2 * beta + 1)
    for weight in WEIGHTS:
        theirs = surrogate_law(
            float(weight), real=best(1 / (2 * n)), surrogate=best(1 / (2 * m)), exponent=exponent
        )
        level = ((1 - weight) ** 2 / n + weight**2 / m) / 2
        assert theirs == pytest.approx(best(level), rel=1e-12)


@given(moments, moments, st.floats(0.0, 1.0), st.sampled_from([0.5, 2 / 3, 1.0]))
def test_its_best_weight_is_the_best_of_all_weights(real, surrogate, share, exponent):
    arguments = {
        "real": real,
        "surrogate": surrogate,
        "limit": share * surrogate,
        "exponent": exponent,
    }
    best = surrogate_best_weight(**arguments)
    least = surrogate_law(best, **arguments)
    assert 0 <= best <= 1
    assert least <= np.min(surrogate_law(np.linspace(0, 1, 201), **arguments)) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"real": -1.0}, "real: got -1.0"),
        ({"surrogate": np.nan}, "surrogate: got nan"),
        ({"limit": 3.0}, "limit: got 3.0 above surrogate=2.0"),
        ({"exponent": 0.0}, "exponent: got 0.0"),
        ({"weight": 1.2}, "weight: got 1.2"),
    ],
)
def test_arguments_out_of_range_are_refused(change, message):
    arguments = {"weight": 0.5, "real": 1.0, "surrogate": 2.0} | change
    with pytest.raises(ValueError, match=message):
        surrogate_law(arguments.pop("weight"), **arguments)


# --- procedures -----------------------------------------------------------------------------------
GROUPS = (GaussianGroup([0.0], [[1.0]], 0), GaussianGroup([1.2], [[1.0]], 1))
SIZES = (40, 20)
SETTINGS = {"folds": 2, "multiples": [0.6, 1.0, 1.6], "most": 30}
START = jnp.asarray([-0.7, 1.2])
FIT = jax.jit(lambda x, sign, weight: fit(x, sign, weight, start=START))
RISK = jax.jit(lambda theta: risk(theta, balanced_law(GROUPS)))


def _reference(rows, weight, size):
    """Every procedure written out for one replicate, one fit at a time."""
    major, minor = np.asarray(rows.major), np.asarray(rows.minor)
    n0, n1 = SIZES

    def erm(parts):
        x = np.concatenate([part for part, _, _ in parts])
        sign = np.concatenate([np.full(len(part), label) for part, label, _ in parts])
        mass = np.concatenate([np.full(len(part), part_of) for part, _, part_of in parts])
        more = 160 - len(x)  # rows without weight: one shape, compiled once
        return FIT(
            jnp.asarray(np.pad(x, ((0, more), (0, 0)))),
            jnp.asarray(np.pad(sign, (0, more), constant_values=1.0)),
            jnp.asarray(np.pad(mass / mass.sum(), (0, more))),
        ).theta

    losses = []
    for multiple in SETTINGS["multiples"]:
        total = 0.0
        for fold in range(2):
            out = [np.arange(n) // (n // 2) == fold for n in SIZES]
            count = round(multiple * (n0 - n1)) // 2
            extra = np.asarray(rows.folds)[fold][:count]
            theta = np.asarray(
                erm([(major[~out[0]], -1.0, 1.0), (minor[~out[1]], 1.0, 1.0), (extra, 1.0, 1.0)])
            )
            for x, label, held in ((major, -1.0, out[0]), (minor, 1.0, out[1])):
                margin = label * (theta[0] + x[held] @ theta[1:])
                total += float(np.mean(LOGISTIC.value(jnp.asarray(margin)))) / 2
        losses.append(total / 2)
    chosen = SETTINGS["multiples"][int(np.argmin(losses))]
    more = np.asarray(rows.more_minor)
    gap = n0 - n1
    over, extra = (1 - weight) / (2 * n0), weight / (2 * size)
    thetas = [
        erm([(major, -1.0, 1 / n0), (minor, 1.0, 1 / n1)]),
        erm([(major, -1.0, 1.0), (minor, 1.0, 1.0), (more[:gap], 1.0, 1.0)]),
        erm([(major, -1.0, 1.0), (minor, 1.0, 1.0), (more[: round(chosen * gap)], 1.0, 1.0)]),
        erm(
            [
                (major, -1.0, over),
                (minor, 1.0, over),
                (more[:gap], 1.0, over),
                (np.asarray(rows.more_major)[:size], -1.0, extra),
                (more[gap : gap + size], 1.0, extra),
            ]
        ),
    ]
    return chosen, [float(RISK(theta)) for theta in thetas]


def test_the_procedures_are_those_written_out_one_fit_at_a_time():
    draw = sweeps_procedures._drawer(GROUPS, SIZES, Shifted((0.3,)), SETTINGS)
    evaluate = jax.jit(sweeps_procedures._evaluator(GROUPS, SIZES, SETTINGS, START, 0.0))
    drawer = jax.jit(draw)
    seen = set()
    for seed in range(8):
        rows = drawer(jax.random.key(seed))
        case = (rows, jnp.asarray([0.3, 0.3]), jnp.asarray([25.0, 25.0]))
        result = evaluate(case)
        chosen, excess = _reference(rows, 0.3, 25)
        assert float(result["multiple"]) == chosen
        np.testing.assert_allclose(result["excess"][:4], excess, rtol=1e-7)
        assert float(result["excess"][3]) == float(result["excess"][4])
        assert not bool(result["not_converged"])
        seen.add(chosen)
    assert len(seen) > 1  # validation does choose


def test_a_fold_s_synthetic_samples_know_nothing_of_the_held_out_seeds():
    draw = sweeps_procedures._drawer(GROUPS, SIZES, Duplicate(), SETTINGS)
    rows = draw(jax.random.key(3))
    for fold in range(2):
        held = np.asarray(rows.minor)[fold * 10 : (fold + 1) * 10].ravel()
        assert not np.isin(np.asarray(rows.folds)[fold].ravel(), held).any()
        kept = np.setdiff1d(np.asarray(rows.minor).ravel(), held)
        assert np.isin(np.asarray(rows.folds)[fold].ravel(), kept).all()


def test_sizes_that_folds_do_not_divide_are_refused():
    settings = SWEEPS["procedures"].settings("quick") | {"sizes": [400, 42]}
    with pytest.raises(ValueError, match="for 5 folds, expected multiples"):
        sweeps_procedures.procedures(settings, 0, lambda share: None)
