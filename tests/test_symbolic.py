"""The symbolic layer: every formula is proved, rejects its mutants, and computes what it prints."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.theory.formula import notation
from synthetic_oversampling.theory.formula.formula import instantiate, vanishes
from synthetic_oversampling.theory.formula.lowering import Phi, free_symbols, gaussian_mean, lower
from synthetic_oversampling.theory.formula.nodes import TABLE
from synthetic_oversampling.theory.in_context import capacity
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.theorems.table import FORMULAS, formulas_of

EPS = np.finfo(np.float64).eps
x, y = sp.symbols("x y", real=True)
G, g, h = notation.G, notation.g, notation.h


def mutants(expression: sp.Basic) -> list[sp.Basic]:
    """The right-hand side off by a tenth, and with the sign of each term of each sum flipped."""
    wrong = [expression * sp.Rational(11, 10)]
    for node in sp.preorder_traversal(expression):
        if isinstance(node, sp.Add | sp.MatAdd):
            wrong += [expression.xreplace({node: node - 2 * term}) for term in node.args]
    return [mutant for mutant in wrong if mutant != expression]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_what_its_derivation_gives_and_no_mutant_is(name):
    formula = FORMULAS[name]
    assert formula.is_proved(), f"{name}: the derivation does not give {formula.latex}"
    for wrong in mutants(formula.rhs):
        mutant = dataclasses.replace(formula, rhs=wrong)
        assert not mutant.is_proved(), f"{name}: its proof also accepts {mutant.latex}"


def test_swapped_symbols_and_wrong_exponents_are_rejected():
    swaps = (
        ("S1.best_weight", notation.A, notation.D),
        ("R1.synthetic_noise", notation.N, notation.n_max),
        ("R1.gradient_cov", notation.cov_real, notation.cov_syn),
        ("R2.seed_cov", notation.a_g, notation.c_g),
        ("B4.shift", notation.n_1, notation.n_0),
        ("T1.expected_kl", notation.var_within, notation.var_prior),
    )
    for name, left, right in swaps:
        wrong = FORMULAS[name].rhs.xreplace({left: right, right: left})
        assert wrong != FORMULAS[name].rhs
        assert not dataclasses.replace(FORMULAS[name], rhs=wrong).is_proved(), name
    for name in ("S2.best_risk", "S2.best_cutoff", "T4.fidelity_bound", "S1.crossover"):
        wrong = FORMULAS[name].rhs ** sp.Rational(11, 10)
        assert not dataclasses.replace(FORMULAS[name], rhs=wrong).is_proved(), name


def test_an_identity_has_to_vanish_everywhere():
    assert vanishes(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1)
    assert not vanishes(sp.Abs(x) - x + sp.Integer(1) / 10**6)
    assert not vanishes(sp.Matrix([[0, x]]))


def test_every_symbol_is_in_the_glossary_and_every_entry_is_used():
    used = {symbol for formula in FORMULAS.values() for symbol in formula.symbols}
    assert used <= set(notation.GLOSSARY)
    printed = {s for f in FORMULAS.values() if isinstance(f.lhs, sp.Symbol) for s in [f.lhs]}
    bound = {notation.p, g, h, notation.z}
    assert set(notation.GLOSSARY) == used | printed | bound


def test_a_letter_has_one_meaning_in_a_theorem_and_a_meaning_one_letter():
    """But for what T4 says of one group and of each: its divergence and its variance proxy."""
    names = {}
    for formula in FORMULAS.values():
        theorem = formula.id.split(".")[0]
        for symbol in formula.symbols:
            latex = notation.GLOSSARY[symbol].latex
            names.setdefault((theorem, latex), set()).add(symbol.name)
    shared = {place: found for place, found in names.items() if len(found) > 1}
    assert shared == {
        ("T4", r"\mathrm{KL}"): {"kl", "group_kl"},
        ("T4", "v"): {"var_proxy", "group_proxy"},
    }


def test_the_latex_is_well_formed():
    for name, formula in FORMULAS.items():
        text = formula.latex
        assert text.count("{") == text.count("}"), name
        assert text.count(r"\left") == text.count(r"\right"), name
        assert not re.search(r"\^\{[^{}]*\}\^|_\{[^{}]*\}_", text), f"double script in {name}"
        assert not set(re.findall(r"[a-z]+_[a-z]{2,}", text)), f"a raw name in {name}: {text}"


# --- computed = printed -----------------------------------------------------------------------
def _random_arguments(formula, rng):
    """Arguments by symbol: numbers, [G] arrays, [p] vectors and positive definite matrices."""
    groups, size, values = 3, 2, {}
    arrays = {i.base.label: len(i.indices) for i in formula.rhs.atoms(sp.Indexed)}
    for symbol in formula.symbols:
        if isinstance(symbol, sp.MatrixSymbol):
            root = rng.uniform(0.5, 1.5, (size, size))
            matrix = symbol.shape[1] != 1
            values[symbol] = root @ root.T + np.eye(size) if matrix else root[0]
        elif symbol in arrays:
            values[symbol] = rng.uniform(0.1, 0.9, (groups,) * arrays[symbol])
        elif symbol == G:
            values[symbol] = groups
        else:
            values[symbol] = float(rng.uniform(0.1, 0.9))
    return values


def _quadrature(integrand, limits):
    function = sp.lambdify(limits[0], integrand, "math")
    return sp.Float(scipy.integrate.quad(function, -30, 30, epsabs=1e-15, points=(-5, 0, 5))[0])


def _by_sympy(formula, values):
    """Thirty digits, by sympy's own evaluation of the explicit expression."""
    arrays = {i.base for i in formula.rhs.atoms(sp.Indexed)}
    explicit = {}
    for symbol, value in values.items():
        base = next((b for b in arrays if b.label == symbol), symbol)
        if isinstance(symbol, sp.MatrixSymbol):
            explicit[base] = sp.Matrix(value.tolist())
        else:
            explicit[base] = value.tolist() if isinstance(value, np.ndarray) else value
    result = instantiate(formula.rhs, explicit, 3 if arrays else 2)
    result = result.replace(sp.Integral, _quadrature)  # sympy's own is a hundred times slower
    entries = result if isinstance(result, sp.MatrixBase) else [result]
    return np.array([float(sp.N(entry, 30)) for entry in entries])


@pytest.mark.parametrize("name", FORMULAS)
def test_the_lowered_formula_computes_the_printed_one(name):
    formula = FORMULAS[name]
    rng = np.random.default_rng(11)
    values = _random_arguments(formula, rng)
    named = {str(symbol): value for symbol, value in values.items()}
    expected = _by_sympy(formula, values)
    tolerance = 200 * EPS * max(1.0, float(np.abs(expected).max()))
    for result in (formula(**named), formula.numpy(**named)):
        np.testing.assert_allclose(np.ravel(result), expected, rtol=0, atol=tolerance)


def test_the_formula_of_r4_gives_efrons_table():
    table = (1.000, 1.000, 0.995, 0.968, 0.899, 0.786, 0.641, 0.486, 0.343)  # Efron (1975)
    for step, published in enumerate(table):
        value = float(FORMULAS["R4.efficiency"](Delta=max(step / 2, 1e-9)))
        assert abs(value - published) <= 0.5e-3


def test_derivatives_of_lowered_formulas_are_the_symbolic_ones():
    cases = (
        ("B4.error_1", "Delta", {"n_1": 20.0, "n_0": 200.0, "Delta": 1.3}),
        ("S1.best_excess", "N", {"A": 3.0, "C": 1.0, "D": 2.0, "S": 6.0, "N": 5.0}),
        ("R3.break_even_ratio", "excess_syn", {"excess_syn": 0.1, "curvature_intercept": 0.2}),
    )
    for name, wanted, values in cases:
        formula = FORMULAS[name]
        slope = jax.jit(jax.grad(lambda v, f=formula, w=wanted, o=values: f(**(o | {w: v}))))
        symbol = next(s for s in formula.symbols if str(s) == wanted)
        point = {s: values[str(s)] for s in formula.symbols}
        symbolic = float(sp.N(sp.diff(formula.rhs, symbol).subs(point).doit(), 20))
        assert abs(float(slope(values[wanted])) - symbolic) <= 100 * EPS * max(1.0, abs(symbolic))


def test_the_gradient_of_the_lowered_potential_gives_the_bias_of_an_exponential_rate():
    rate, n = 1.7, 50.0  # E 1/mean - rate = rate / (n - 1), to first order rate / n

    def potential(t):
        return FORMULAS["R1.cox_snell_potential"](
            A_target=jnp.array([[1 / rate**2]]),
            V=jnp.array([[1 / (n * rate**2)]]),
            V_at=jnp.array([[1 / (n * rate**2)]]),
            H_at=(1 / t**2)[None, None],
        )

    slope = jax.grad(potential)(jnp.array(rate))
    bias = FORMULAS["R1.cox_snell"](
        A_target=jnp.array([[1 / rate**2]]), potential_slope=slope[None]
    )
    np.testing.assert_allclose(bias, [rate / n], rtol=20 * EPS)


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=4),
    st.integers(1, 60),
    st.floats(0, 1),
)
def test_a_designs_weights_are_those_of_the_empirical_risk_sample_by_sample(sizes, extra, weight):
    design = Design(tuple(sizes), extra, weight)
    groups, n_max = len(sizes), max(sizes)
    for k, n in enumerate(sizes):
        real = np.full(n, (1 - weight) / (groups * n_max))
        level = np.full(n_max - n, (1 - weight) / (groups * n_max))
        more = np.full(extra, weight / (groups * extra))
        pairs = (
            (design.real_mass[k], real.sum()),
            (design.oversampling_mass[k], level.sum()),
            (design.augmentation_mass[k], more.sum()),
            (design.real_weights[k], groups * real.sum()),
            (design.synthetic_weights[k], groups * (level.sum() + more.sum())),
            (design.synthetic_noise[k], (level**2).sum() + (more**2).sum()),
        )
        for stated, summed in pairs:
            assert abs(stated - summed) <= 100 * EPS
    assert design.ratios[int(np.argmax(sizes))] == 1.0


def test_capacity_computes_the_formulas_of_theorem_t():
    n, d, within, prior = 3, 4, 0.7, 1.9
    shared = {"count": n, "var_within": within, "var_prior": prior}
    logits = capacity.location_attention_logits(n, within, prior)
    law = capacity.location_predictive(jnp.ones((n, d)), jnp.zeros(d), within, prior)
    pairs = (
        (logits[0], FORMULAS["T1.null_logit"](var_within=within, var_prior=prior)),
        (jax.nn.softmax(logits)[0], FORMULAS["T1.null_weight"](**shared)),
        (law.var, FORMULAS["T1.predictive_var"](**shared)),
        (
            capacity.location_expected_kl(n, d, within, prior),
            FORMULAS["T1.expected_kl"](**shared, dim=d),
        ),
        (capacity.flat_prior_expected_kl(n, d), FORMULAS["T1.flat_kl"](count=n, dim=d)),
        (capacity.plugin_expected_kl(n, d), FORMULAS["T1.plugin_kl"](count=n, dim=d)),
        (
            capacity.fidelity_bias_bound(jnp.array(0.3), jnp.array(2.0)),
            FORMULAS["T4.fidelity_bound"](kl=0.3, var_proxy=2.0),
        ),
    )
    for numeric, symbolic in pairs:
        assert abs(float(numeric) - float(symbolic)) <= 10 * EPS * max(1.0, abs(float(symbolic)))


# --- the table of nodes -----------------------------------------------------------------------
def test_small_numbers_keep_their_digits():
    tail = float(lower(Phi(x), (x,))(-30.0))
    assert abs(tail / scipy.special.ndtr(-30.0) - 1) <= 1e-12
    n = 1e15
    flat = float(FORMULAS["T1.flat_kl"](count=n, dim=2))
    assert abs(flat * n - 1) <= 10 * EPS + 1 / n
    for whole in range(1, 200):
        assert float(lower(x / y, (x, y))(whole, whole)) == 1.0


def test_every_entry_of_the_table_agrees_with_sympy():
    positive = sp.Symbol("positive", positive=True)
    samples = (
        sp.exp(x) + sp.pi + sp.E + sp.Float(0.1),
        sp.cosh(x) * sp.sinh(x) / sp.tanh(x),
        sp.erf(x) - sp.erfc(y) + Phi(x),
        sp.Abs(x - y) * sp.sign(x - y),
        sp.Max(x, y, 0) - sp.Min(x, y),
        positive ** (x + y) + positive ** sp.Rational(-3, 2) + sp.sqrt(positive) ** 3,
        sp.log(positive + x**2) + sp.log(1 + x**2),
        sp.Piecewise((x, sp.And(x < y, x > 0)), (y, sp.Or(x <= -1, y >= 9)), (x * y, True)),
        sp.Max(x, -sp.oo) + sp.Min(y, sp.oo),
    )
    for expression in samples:
        arguments = tuple(sorted(free_symbols(expression), key=str))
        for point in ((0.3, 0.7, 1.2), (-0.4, 0.2, 0.6), (0.5, -1.5, 2.0)):
            values = dict(zip((x, y, positive), point, strict=True))
            exact = float(sp.N(expression.subs(values).doit(), 25))
            for library in ("jax", "numpy"):
                got = float(lower(expression, arguments, library)(*(values[a] for a in arguments)))
                assert abs(got - exact) <= 50 * EPS * max(1.0, abs(exact)), expression


def test_a_gaussian_mean_is_computed_to_one_rounding_for_each_node():
    mean = lower(gaussian_mean(sp.exp(x * notation.z) + x * notation.z**4, notation.z), (x,))
    for scale in (0.0, 0.4, -1.5, 3.0):
        exact = np.exp(scale**2 / 2) + 3 * scale  # E e^{xz} = e^{x^2/2}, E z^4 = 3
        assert abs(float(mean(scale)) - exact) <= 481 * EPS * (1 + np.exp(scale**2 / 2))


def test_sums_over_groups_place_every_index_on_its_axis():
    rng = np.random.default_rng(3)
    left, pair = rng.normal(size=3), rng.normal(size=(3, 3))
    u, k = sp.IndexedBase("u"), sp.IndexedBase("k")
    double = sp.Sum(u[g] * k[h, g] ** 2 * k[g, h], (h, 1, G), (g, 1, G))
    nested = sp.Sum(u[g] * sp.Sum(k[g, h], (h, 1, G)) ** 2, (g, 1, G))
    arguments = (G, k.label, u.label)
    expected = np.einsum("g,hg,hg,gh->", left, pair, pair, pair)
    np.testing.assert_allclose(lower(double, arguments)(3, pair, left), expected, rtol=100 * EPS)
    expected = left @ pair.sum(axis=1) ** 2
    np.testing.assert_allclose(lower(nested, arguments)(3, pair, left), expected, rtol=100 * EPS)
    with pytest.raises(ValueError, match="G: got 2, expected 3"):
        lower(double, arguments)(2, pair, left)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (sp.zeta(x), "node of type zeta in zeta.x."),
        (sp.Piecewise((x, x > 0)), "without a final case"),
        (sp.IndexedBase("u")[g] + x, "index g that no enclosing sum runs over"),
        (sp.Sum(x**g, (g, 0, sp.oo)), "expected a sum of indexed terms"),
        (sp.Integral(sp.exp(-(y**2)), (y, -sp.oo, sp.oo)) * x, "factor exp"),
        (sp.Integral(sp.cos(x * y), (y, 0, 1)), "factor exp"),
        (sp.Function("unknown")(x), "node of type unknown"),
    ],
)
def test_what_the_table_does_not_have_is_named(expression, message):
    with pytest.raises(TypeError, match=message):
        lower(expression, tuple(sorted(free_symbols(expression), key=str)))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"expected also \['y'\]"):
        lower(x + y, (x,))
    with pytest.raises(ValueError, match="got 1, expected 2: x, y"):
        lower(x + y, (x, y))(1.0)
    with pytest.raises(ValueError, match=r"S1.crossover.*missing \['D'\].*unknown \['B'\]"):
        FORMULAS["S1.crossover"](A=1.0, B=2.0, C=0.0, S=1.0)


def test_a_lowered_formula_refuses_float32_and_numpy_does_not_need_the_switch():
    formula = FORMULAS["T2.sharp_rate"]
    with jax.enable_x64(False):
        with pytest.raises(RuntimeError, match="float64"):
            formula(count=2, dim=1)
        assert float(formula.numpy(count=2, dim=1)) == 0.25


def test_every_node_of_every_formula_is_in_the_table():
    used = {type(n) for f in FORMULAS.values() for n in sp.preorder_traversal(f.rhs)}
    lowered = {k for k in used if any(base in TABLE for base in k.__mro__)}
    assert {sp.Add, sp.Pow, sp.Sum, sp.Piecewise, sp.Integral, sp.Trace} <= lowered
    # the rest are parts of a node, lowered with it: cases, limits, and the names of arrays
    parts = {"BooleanTrue", "ExprCondPair", "IndexedBase", "Str", "Tuple"}
    assert {kind.__name__ for kind in used - lowered} == parts
    assert formulas_of("S1") and not formulas_of("Z9")
