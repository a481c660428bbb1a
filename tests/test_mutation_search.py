"""The search for small errors: what it may put wrong, and that it takes everything back."""

import ast

import pytest

from benchmarks.mutation import __main__ as search
from benchmarks.mutation import numbers, reach, swap
from benchmarks.mutation.sites import draw, mutated, sites
from synthetic_oversampling.theory.scaling import literature
from synthetic_oversampling.theory.theorems.table import FORMULAS

SOURCE = '''"""A module, of 3 words."""

from math import sqrt

__all__ = ["f", 1]
COUNT: int = 7


@cache(maxsize=3)
def f(x: Float[Array, "n 2"], n: int = 5) -> tuple[int, 4]:
    """Twice, or 2 times."""
    require_range(least=1, n=n)
    if n < 3:
        raise ValueError(f"n: got {n + 1}")
    return sqrt(x.T @ x) * 2.5 - max(x, n) if n > 6 else x**2


def check_size(n):
    return n + 9
'''


def test_every_site_gives_another_program_that_compiles():
    found = sites("a.py", SOURCE)
    assert len(found) == len(set(found)) > 25
    right = ast.dump(ast.parse(SOURCE))
    for site in found:
        wrong = mutated(SOURCE, site)
        assert ast.dump(wrong) != right, site
        compile(wrong, "a.py", "exec")
        assert site.after in ast.unparse(wrong)


def test_text_annotations_decorators_and_refusals_are_no_sites():
    found = sites("a.py", SOURCE)
    assert {site.line for site in found} == {6, 10, 15}
    assert {site.before for site in found if site.line == 10} == {"5"}
    defaults = [site for site in found if site.line == 10]
    assert {site.statement for site in defaults} == {0}
    assert {site.statement for site in found if site.line == 15} == {15}
    names = {site.operator for site in found}
    assert names >= {
        "double", "negate", "one more", "one less", "other operation", "without the second",
        "without the first", "swap", "without the power", "edge", "reverse", "other function",
        "without the function", "without the transpose", "swap arguments 1 and 2", "other branch",
    }  # fmt: skip


def test_derivations_of_formulas_are_no_sites_and_what_a_formula_is_made_of_is():
    source = "def part(n):\n    return n + 1\n\n\ndef _prove(r):\n    return r - part(2)\n\n\n"
    source += "A = part(3)\nB = (_prove,)\n"
    lines = {site.line for site in sites("theory/theorems/x.py", source)}
    assert lines == {2, 9}


def test_a_draw_is_the_same_again_and_takes_from_every_file_its_share():
    texts = {"a.py": SOURCE, "b.py": SOURCE + SOURCE, "c.py": ""}
    drawn = draw(texts, 30, 3)
    assert drawn == draw(texts, 30, 3) != draw(texts, 30, 4)
    assert len(set(drawn)) == 30
    assert [sum(site.file == file for site in drawn) for file in texts] == [10, 20, 0]


def _chosen(file, after):
    (site,) = [site for site in sites(file, reach.sources()[file]) if site.after == after]
    return site


def test_an_error_is_in_the_functions_that_live_and_is_taken_back():
    site = _chosen("theory/scaling/literature.py", "1.0 * exponent")
    right = literature.surrogate_law(0.5, real=2.0, surrogate=3.0, exponent=0.5)
    kept = literature.surrogate_law.__code__
    with swap.swapped(site) as count:
        assert count == 1
        assert literature.surrogate_law(0.5, real=2.0, surrogate=3.0, exponent=0.5) != right
    assert literature.surrogate_law.__code__ is kept
    assert literature.surrogate_law(0.5, real=2.0, surrogate=3.0, exponent=0.5) == right


def test_an_error_in_a_formula_is_in_the_registered_one_and_is_taken_back():
    site = _chosen("theory/theorems/weights.py", "nt.n_g * nt.n_tot")
    right = FORMULAS["B4.raw_mass"].rhs
    with swap.swapped(site):
        assert FORMULAS["B4.raw_mass"].rhs != right
        assert not FORMULAS["B4.raw_mass"].is_proved()
    assert FORMULAS["B4.raw_mass"].rhs == right


def test_an_error_of_another_source_is_refused():
    site = sites("a.py", SOURCE)[0]
    with pytest.raises(ValueError, match="list its sites anew"):
        mutated(SOURCE.replace("7", "8"), site)


def test_its_own_tests_are_nearest_to_a_module():
    found = reach.distances("theory/population/moments.py", reach.asked())
    assert found["tests/test_moments.py"] == 0
    assert found["tests/test_influence.py"] == 1
    assert 1 < found["tests/test_benefit.py"] < 6


def test_the_summary_counts_what_changes_a_number_and_names_what_nothing_noticed():
    rows = {
        "0": {"status": "noticed", "by": "time"},
        "1": {"status": "noticed", "change": 0.2, "entry": "a", "by": "t"},
        "2": {"status": "survived", "change": 0.5, "entry": "b", "by": "", "site": "here"},
        "3": {"status": "survived", "change": 0.0, "entry": "", "by": "", "site": "there"},
    }
    text = search.summary(rows)
    assert text.startswith("4 errors, 2 noticed. 2 are known to change")
    assert ": 50.0% of them noticed" in text and text.splitlines()[0].endswith(": 66.7%.")
    assert "here (changes b" in text and "there" not in text


def test_a_change_is_relative_and_an_error_or_another_length_is_one_beyond_measure():
    right = numbers.numbers(lambda: {"b": [2.0, None], "a": (1, True)})
    assert right == [1.0, 1.0, 2.0, 0.0]
    assert numbers.change(lambda: [1.0, 1.0, 2.1, 0.0], right) == pytest.approx(0.05)
    assert numbers.change(lambda: right, right) == 0.0
    assert numbers.change(lambda: [1.0], right) == float("inf")
    assert numbers.change(lambda: [1.0, float("nan"), 2.0, 0.0], right) == float("inf")
    assert numbers.numbers(lambda: 1 / 0) == "ZeroDivisionError"
    assert numbers.change(lambda: 1 / 0, "ZeroDivisionError") == 0.0
