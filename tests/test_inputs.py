"""What a theorist gets wrong at first: every function names the argument, and says what to pass."""

import math
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling import theory
from synthetic_oversampling.theory.compiling import as_one_program
from synthetic_oversampling.theory.generators.table import (
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Scaled,
    Shifted,
    Smote,
    population_law,
)
from synthetic_oversampling.theory.in_context import capacity, token_capacity
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import (
    error_rate,
    gradient,
    hessian,
    risk,
    score_cov,
    worst_error_rate,
)
from synthetic_oversampling.theory.population.laws import (
    GaussianGroup,
    Law,
    balanced_law,
    mix,
    stack,
)
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED
from synthetic_oversampling.theory.population.minimum import minimise, minimiser
from synthetic_oversampling.theory.prediction import benefit
from synthetic_oversampling.theory.prediction.bias import (
    expected_empirical_risk,
    generator_bias,
    generator_bias_gradient,
    spurious_displacement,
)
from synthetic_oversampling.theory.prediction.measured import MeasuredSamples, predict_measured
from synthetic_oversampling.theory.scaling.literature import surrogate_law
from synthetic_oversampling.theory.scaling.measured import measured_law
from synthetic_oversampling.theory.scaling.scaling_law import scaling_law
from synthetic_oversampling.theory.scaling.sequence_limits import (
    classification_excess,
    linear_floor,
    pinsker_minimax,
    smoothed_risk,
)
from synthetic_oversampling.theory.scaling.sequence_model import (
    Filter,
    Signal,
    best_scale,
    design_bias,
    design_level,
    filter_risk,
    truncation_bound,
)

SIZES = (90, 30)
DESIGN = Design(SIZES, 40, 0.3)
GROUPS = [GaussianGroup([1.5 * y, 0.5 * y], np.eye(2), y) for y in (0, 1)]
LAW = balanced_law(GROUPS)
THETA = np.array([-1.0, 1.0, 0.5])
pytestmark = pytest.mark.usefixtures("as_installed")


def _refused(name: str, says: str, call, *arguments):
    with pytest.raises(ValueError, match=f"^{name}: (?s:.*){says}"):
        call(*arguments)


OF_DESIGN = {
    "predict": lambda g, d, q: theory.predict(g, d, q),
    "predict_bias": lambda g, d, q: theory.predict_bias(g, d, q),
    "expected_empirical_risk": lambda g, d, q: expected_empirical_risk(THETA, g, d, q),
    "gain": lambda g, d, q: benefit.gain(g, d, q),
    "break_even_scale": lambda g, d, q: benefit.break_even_scale(g, d, q),
}
OF_SIZES = {
    "law_of_design": lambda g, n, q: theory.law_of_design(g, n, q),
    "population_law": lambda g, n, q: population_law(q, 0, g, n),
}


@pytest.mark.parametrize("call", OF_DESIGN.values(), ids=OF_DESIGN)
@pytest.mark.parametrize(
    "wrong",
    ["smote", Smote, None, {0: Oracle()}, {Oracle()}, (Oracle(), "smote"), lambda seeds: seeds],
    ids=["name", "class", "none", "dict", "set", "name in a pair", "function"],
)
def test_what_is_no_generator_is_named(call, wrong):
    _refused("generator", r"an object such as Smote\(\)", call, GROUPS, DESIGN, wrong)


@pytest.mark.parametrize("call", OF_DESIGN.values(), ids=OF_DESIGN)
def test_what_is_no_group_and_no_design_is_named(call):
    for wrong in (GROUPS[0], [g.law for g in GROUPS], dict(enumerate(GROUPS)), None, iter(GROUPS)):
        _refused("groups", "GaussianGroup", call, wrong, DESIGN, Oracle())
    for wrong in (SIZES, None, "raw"):
        _refused("design", r"Design\(\(2000, 200\)", call, GROUPS, wrong, Oracle())


@pytest.mark.parametrize("call", OF_SIZES.values(), ids=OF_SIZES)
def test_what_are_no_sizes_is_named(call):
    for wrong in (5, None, "ab", {90, 30}, (math.nan, 5), (0, 5), (5.5, 5)):
        _refused("sizes", "expected", call, GROUPS, wrong, GaussianPlugin("pooled"))
    for wrong in (GROUPS[0], [g.law for g in GROUPS], None):
        _refused("groups", "GaussianGroup", call, wrong, SIZES, Oracle())


OF_LOSS = {
    name: partial(call, GROUPS, DESIGN, Smote())
    for name, call in {
        "predict": theory.predict,
        "predict_bias": theory.predict_bias,
        "expected_empirical_risk": partial(expected_empirical_risk, THETA),
        "gain": lambda *given: benefit.gain(*given[:3], "raw", given[3]),
        "break_even_scale": lambda *given: benefit.break_even_scale(*given[:3], "raw", given[3]),
        "break_even_shift": lambda g, d, q, loss: benefit.break_even_shift(
            g, d, [1, 0], "raw", loss
        ),
        "leading": lambda g, d, q, loss: benefit.leading_break_even_shift(
            g, d, [1, 0], "raw", loss
        ),
        "ratio": lambda g, d, q, loss: benefit.break_even_ratio(g, 1, 90, 40, 0.3, q, loss),
        "law_of_design": lambda g, d, q, loss: theory.law_of_design(g, SIZES, q, loss),
        "risk": lambda *given: risk(THETA, LAW, given[3]),
        "gradient": lambda *given: gradient(THETA, LAW, given[3]),
        "hessian": lambda *given: hessian(THETA, LAW, given[3]),
        "score_cov": lambda *given: score_cov(THETA, LAW, given[3]),
        "minimise": lambda *given: minimise(LAW, given[3]),
        "minimiser": lambda *given: minimiser(LAW, given[3]),
        "generator_bias": lambda *given: generator_bias(THETA, LAW, LAW, given[3]),
        "generator_bias_gradient": lambda *given: generator_bias_gradient(
            THETA, LAW, LAW, given[3]
        ),
    }.items()
}


@pytest.mark.parametrize("call", OF_LOSS.values(), ids=OF_LOSS)
def test_a_loss_by_name_is_refused_with_the_object_to_pass(call):
    for wrong in ("logistic", None, abs, ["logistic"]):
        _refused("loss", "theory.LOGISTIC or theory.SQUARED", call, wrong)


FORMS = {
    "risk": risk,
    "gradient": gradient,
    "hessian": hessian,
    "error": error_rate,
    "worst": lambda theta, law: worst_error_rate(theta, [law]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_points_of_any_real_kind_are_read_alike_and_others_named(form):
    right = np.asarray(form(jnp.array([-1.0, 1.0, 2.0]), LAW))
    kinds = ([-1, 1, 2], (-1.0, 1.0, 2.0), np.array([-1, 1, 2]), np.array([-1, 1, 2], np.float32))
    with jax.numpy_dtype_promotion("standard"):  # as in a program that sets nothing
        for theta in kinds:
            np.testing.assert_allclose(form(theta, LAW), right, rtol=1e-12)
        np.testing.assert_allclose(
            form([-1, 1, 2], GROUPS[1]), form([-1, 1, 2], GROUPS[1].law), rtol=0
        )
    for wrong in ([math.nan, 0, 0], jnp.full(3, jnp.inf), "abc", None, np.zeros(3, complex)):
        _refused("theta", "finite numbers", form, wrong, LAW)
    for wrong in (np.zeros(2), np.zeros((3, 1)), 0.0):
        _refused("theta", r"expected \(3,\)", form, wrong, LAW)


def test_what_is_no_law_is_named():
    one, two = GROUPS[0].law, GROUPS[1].law
    for wrong in (GROUPS, None, np.zeros(3)):
        _refused("law", "balanced_law", risk, THETA, wrong)
    bad = {
        "weights": one._replace(weights=-one.weights),
        "means": one._replace(means=one.means * np.nan),
        "signs": one._replace(signs=one.signs * 2),
        "variance": one._replace(covs=-one.covs),
        "shapes": one._replace(covs=one.covs[0]),
        "with jax.vmap": stack([one, two]),
    }
    for says, law in bad.items():
        _refused("law", says, risk, THETA, law)
    for call in (balanced_law, stack):
        for wrong in ([], None, GROUPS[0]):
            _refused("(groups|laws)", "expected", call, wrong)
    _refused("size", "at least 1", stack, [one, two], 0)
    for weights in ([0.5], [0.5, math.nan], [1.5, -0.5]):
        _refused("weights", "expected", mix, weights, [one, two])
    _refused("laws", "same number", mix, [0.5, 0.5], [one, GaussianGroup([0], [[1]], 1)])
    _refused("laws", "at least one", worst_error_rate, THETA, [])


WRONG_GENERATORS = {
    "factor": [lambda v=v: Scaled(v) for v in (0, -1, math.nan, math.inf, "a", None, np.ones(2))],
    "rate": [lambda v=v: Mislabelled(v) for v in (-0.1, 2, math.nan, "a", None, np.ones(2))],
    "neighbours": [lambda v=v: Smote(v) for v in (0, 1.5, math.nan, math.inf, "all", True)],
    "shift": [lambda v=v: Shifted(v) for v in ((math.nan,), 1.0, "ab", None, ("a",))],
    "label": [lambda v=v: GaussianGroup([0], [[1]], v) for v in (1e9, "1", None, math.nan, [0, 1])],
}


@pytest.mark.parametrize("name", WRONG_GENERATORS)
def test_parameters_out_of_range_or_kind_are_named(name):
    for call in WRONG_GENERATORS[name]:
        _refused(name, "expected", call)


def test_directions_designs_and_places_are_named():
    for wrong in ([1.0], [0, 0], [math.nan, 1], "ab", None, [[1, 0]]):
        for call in (benefit.break_even_shift, benefit.leading_break_even_shift):
            _refused("direction", "2 finite numbers", call, GROUPS, DESIGN, wrong)
    ratio = benefit.break_even_ratio
    for wrong in ("1", 0.5, None):
        _refused("minority", "index", ratio, GROUPS, wrong, 90, 9, 0.3, Oracle())
        _refused("size", "more than 10", ratio, GROUPS, 1, wrong, 9, 0.3, Oracle())
    for call in (design_level, lambda d: design_bias(d, np.zeros((2, 3)))):
        _refused("design", "theory.Design", call, SIZES)
    for wrong in (-1, 2):
        _refused("g", "2 groups", population_law, Oracle(), wrong, GROUPS, SIZES)


Z, U, EYE = np.zeros(2), np.array([[1.0, 0.0], [-1.0, 0.5], [0.0, 1.0]]), np.eye(2)
SIGNAL, TIKHONOV = Signal(1.0, 1.0), Filter("tikhonov", 1.0)
LAW_OF_FOUR = scaling_law(3.0, 1.0, 2.0, 6.0)
MASSES = {"mass_prior": 1.0, "shape_prior": 1.0, "rate_prior": 1.0}
VARIANCES = {"var_within": 1.0, "var_prior": 1.0}
# every argument is a positive number
OF_NUMBERS = [
    (capacity.location_attention_logits, {"count": 3} | VARIANCES),
    (capacity.location_attention_weights, {"count": 3} | VARIANCES),
    (capacity.location_expected_kl, {"count": 3, "dim": 2} | VARIANCES),
    (capacity.flat_prior_expected_kl, {"count": 3, "dim": 2}),
    (capacity.plugin_expected_kl, {"count": 3, "dim": 2}),
    (partial(capacity.student_predictive, U, Z), MASSES),
    (token_capacity.sharp_token_rate, {"count": 3, "dim": 2}),
    (token_capacity.reported_rate, {"count": 3, "dim": 2}),
    (Signal, {"amplitude": 1.0, "smoothness": 1.0}),
    (SIGNAL.tail, {"count": 3}),
    (TIKHONOV.exponent, {"smoothness": 1.0}),
    (partial(truncation_bound, TIKHONOV, SIGNAL), {"level": 0.1, "scale": 2.0, "count": 9}),
    (partial(best_scale, TIKHONOV, SIGNAL), {"level": 0.1, "count": 9}),
    (pinsker_minimax, {"level": 0.1, "radius": 1.0, "order": 1.0}),
    (linear_floor, {"signal": SIGNAL, "level": 0.1, "count": 9}),
]
# every argument is an array, or a number that may be an array
OF_ARRAYS = [
    (capacity.location_predictive, {"seeds": U, "mean_prior": Z}, VARIANCES),
    (capacity.student_predictive, {"seeds": U, "mean_prior": Z}, MASSES),
    (capacity.gaussian_kl, {"mean_p": Z, "var_p": 1.0, "mean_q": Z, "var_q": 1.0}, {}),
    (capacity.fidelity_bias_bound, {"kl": 1.0, "var_proxy": 1.0}, {}),
    (token_capacity.dictionary_posterior, {"log_likelihood": U, "log_prior": Z}, {}),
    (token_capacity.dirichlet_multinomial_predictive, {"counts": Z, "concentration": Z + 1}, {}),
    (token_capacity.token_mean, {"natural": Z, "embeddings": U}, {}),
    (
        token_capacity.gradient_readout,
        {"seed_mean": Z, "embeddings": U, "preconditioner": EYE},
        {"num_layers": 2},
    ),
    (filter_risk, {"weights": np.ones(3), "bias": 0.0}, {"signal": SIGNAL, "level": 0.1}),
    (classification_excess, {"weights": np.ones(3), "bias": 0.0}, {"signal": SIGNAL, "level": 0.1}),
    (
        smoothed_risk,
        {"weights": np.ones(3), "smoother": np.ones(3)},
        {"signal": SIGNAL, "seeds": 5, "size": 5, "weight": 0.5},
    ),
    (surrogate_law, {"weight": 0.5, "real": 1.0, "surrogate": 2.0, "limit": 0.5}, {}),
    (LAW_OF_FOUR.excess, {"weight": 0.5, "size": 9.0}, {}),
    (scaling_law, {"A": 3.0, "C": 1.0, "D": 2.0, "S": 6.0}, {}),
]


def _called(value) -> str:
    return getattr(getattr(value, "func", value), "__qualname__", None)


@pytest.mark.parametrize(
    ("call", "good"), OF_NUMBERS, ids=[_called(call[0]) for call in OF_NUMBERS]
)
def test_no_number_out_of_range_makes_a_nan_or_an_obscure_error(call, good):
    call(**good)
    for name in good.keys() - {"signal"}:
        for wrong in (math.nan, -1.0, "a", None, [1.0, 2.0], 1j):
            _refused(name, "got", partial(call, **good | {name: wrong}))


@pytest.mark.parametrize(
    ("call", "good", "rest"), OF_ARRAYS, ids=[_called(call[0]) for call in OF_ARRAYS]
)
def test_no_array_of_the_wrong_kind_or_with_nan_makes_a_nan_or_an_obscure_error(call, good, rest):
    call(**rest, **{name: np.asarray(value).tolist() for name, value in good.items()})
    for name, value in good.items():
        for wrong in (np.asarray(value) * math.nan, "a", None, np.asarray(value) + 1j):
            _refused("[a-z_A-Z]*", "got", partial(call, **rest, **good | {name: wrong}))


def test_samples_and_features_that_are_none_are_named():
    rng = np.random.default_rng(0)

    def drawn(n):
        return MeasuredSamples(rng.normal(size=(32, n, 2)), rng.normal(size=(32, 4, 2)))

    right = [drawn(n) for n in SIZES]
    spoilt = right[1]._replace(seeds=right[1].seeds * math.nan)
    for wrong in ([right[0].seeds, right[1].seeds], right[0], None, [right[0], spoilt], right[:1]):
        for call, given in ((predict_measured, DESIGN), (measured_law, SIZES)):
            _refused("samples", "expected", call, GROUPS, given, wrong)
            _refused("blocks", "whole", call, GROUPS, given, right, LOGISTIC, 0)
            _refused("loss", "LOGISTIC", call, GROUPS, given, right, "logistic")
    found = theory.predict_bias(GROUPS, DESIGN, Smote())
    for wrong in ([2], [-1], [0.5], "a", None):
        _refused("features", "from 0 to 1", spurious_displacement, found, wrong)


CAUSES = {
    "collinear": ([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0], r"features \[0, 1\].*linear relation"),
    "constant": ([[1.0, 0.0], [0.0, 0.0]], [1.0, 0.0], "feature 1 .*same value"),
    "separated": ([[1.0, 0.0], [0.0, 0.0]], [1.0, 1.0], "overlapping labels"),
    "far from 0": ([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], "mean of feature 0 .*subtract the means"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_reason_for_which_there_is_no_minimiser_is_said_and_no_other(name):
    cov, mean, says = CAUSES[name]
    offset = np.array([1e7, 0.0]) if name == "far from 0" else np.zeros(2)
    groups = [GaussianGroup(offset, cov, 0), GaussianGroup(offset + mean, cov, 1)]
    for call in (
        lambda: minimiser(balanced_law(groups)),
        lambda: theory.predict(groups, DESIGN, Oracle()),
        lambda: theory.law_of_design(groups, SIZES, Oracle()),
    ):
        with pytest.raises(ValueError, match=f"^law: .*no finite minimiser.*{says}") as error:
            call()
        others = [cause for _, _, cause in CAUSES.values() if cause != says]
        assert not any(other.split(".*")[-1] in str(error.value) for other in others)


def test_a_squared_loss_has_its_minimiser_however_far_apart_the_classes_are():
    for distance in (40.0, 60.0, 1e4):  # theta in closed form: the slope is that of a regression
        groups = [GaussianGroup([y * distance, 0.0], np.eye(2), y) for y in (0, 1)]
        slope = (distance / 2) / (1 + distance**2 / 4)
        found = np.asarray(minimiser(balanced_law(groups), SQUARED))
        np.testing.assert_allclose(
            found, [-slope * distance / 2, slope, 0.0], rtol=1e-9, atol=1e-12
        )


def test_benefits_are_those_of_the_loss_that_is_asked_for():
    gains = {}
    for loss in (LOGISTIC, SQUARED):
        prediction = theory.predict(GROUPS, DESIGN, Oracle(), loss)
        raw = theory.predict(GROUPS, Design.raw(SIZES), Oracle(), loss)
        gains[loss.name] = benefit.gain(GROUPS, DESIGN, Oracle(), "raw", loss)
        assert gains[loss.name] == pytest.approx(float(raw.total - prediction.total), rel=1e-12)
        edge = benefit.break_even_shift(GROUPS, DESIGN, [1, 0], "raw", loss)
        shifted = Shifted((edge, 0.0))
        assert abs(benefit.gain(GROUPS, DESIGN, shifted, "raw", loss)) < 1e-10 < edge
        leading = benefit.leading_break_even_shift(GROUPS, DESIGN, [1, 0], "raw", loss)
        assert abs(leading / edge - 1) < 0.5
        scale = benefit.break_even_scale(GROUPS, DESIGN, shifted, "raw", loss)
        assert scale == pytest.approx(1.0, abs=1e-6)  # at the edge sizes cannot grow
    assert abs(gains["squared"] / gains["logistic"] - 1) > 0.01


COUNT = """
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
from jax._src import monitoring
from synthetic_oversampling.theory import *
built = []
def heard(name, seconds, **own):
    if name.endswith("backend_compile_duration"):
        built.append(own)
monitoring.register_event_duration_secs_listener(heard)
groups = [GaussianGroup([y, 0.0], np.eye(2), y) for y in (0, 1)]
law = law_of_design(groups, (300, 60), Oracle())
law.best_weight(100), law.best_excess([1, 10]), law.excess(0.1, 5), law.optimal_size(1e-6)
law.floor, law.crossover, law.harmful_weight(9), law.break_even_size(0.5)
print(len(built))
risk([0.0, 1.0, 0.0], groups[0]), hessian([0.0, 1.0, 0.0], groups[0])
print(len(built))
for wrong in (("smote",), (Smote(), "logistic")):
    try:
        predict(groups, Design((90, 30)), *wrong)
    except ValueError as error:
        print(error)
"""


def test_a_law_of_a_design_compiles_the_minimiser_alone_and_a_closed_form_one_program():
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    of_law, with_forms, *errors = done.stdout.splitlines()
    # and small ones: whether options are known, and this backend's first arrays
    assert int(of_law) <= 4 and int(with_forms) <= int(of_law) + 4
    # and outside of these tests' type checks
    assert errors[0].startswith("generator: got 'smote', expected an object such as Smote()")
    assert errors[1].startswith("loss: got 'logistic', expected theory.LOGISTIC or theory.SQUARED")


def test_one_program_is_traced_where_it_is_compiled_differentiated_or_mapped():
    @as_one_program
    def cube(x):
        return x**3

    assert float(cube(2.0)) == float(jax.jit(lambda: cube(2.0))()) == 8.0
    assert float(jax.grad(cube)(2.0)) == 12.0 == float(jax.jit(jax.grad(cube))(2.0))
    assert jax.vmap(cube)(jnp.array([1.0, 2.0])).tolist() == [1.0, 8.0]


def test_a_law_made_of_jax_arrays_says_what_one_of_numbers_says():
    law = theory.hyperbola_of_design(GROUPS, SIZES, Shifted((0.1, 0.0)))
    traced = jax.tree.map(jnp.asarray, law)
    for at in (
        lambda law: law.best_weight(50.0),
        lambda law: law.excess(0.2, np.array([9.0, 1e3])),
        lambda law: law.optimal_size(1e-6),
        lambda law: law.floor,
    ):
        assert isinstance(at(law), np.ndarray | np.generic) and isinstance(at(traced), jax.Array)
        np.testing.assert_allclose(at(law), at(traced), rtol=1e-13)
    assert isinstance(law, theory.ScalingLaw) and isinstance(GROUPS[0].law, Law)
