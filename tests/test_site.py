"""What `make docs` says of a site that is not whole, and that every theorem has its note."""

import importlib.util
import re
from pathlib import Path

import pytest

from synthetic_oversampling.theory.registry import THEOREMS

DOCS = Path(__file__).parent.parent / "docs"


def _faults(folder):
    spec = importlib.util.spec_from_file_location("built", DOCS / "site" / "built.py")
    built = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(built)
    return built.faults(folder)


def test_links_that_lead_nowhere_and_loads_from_a_network_are_found(tmp_path):
    (tmp_path / "style.css").write_text("body { color: black }")
    (tmp_path / "good.html").write_text(
        '<link href="style.css"><h1 id="here">x</h1><a href="#here">a</a>'
        '<a href="good.html#here">b</a><a href="https://x.y/z">another site</a>'
    )
    assert _faults(tmp_path) == []
    (tmp_path / "bad.html").write_text(
        '<script src="https://x.y/z.js"></script><a href="none.html">a</a>'
        '<a href="good.html#there">b</a><img src="none.png" alt="../none.png">'
    )
    (tmp_path / "bad.css").write_text("@font-face { src: url('https://x.y/font.woff2') }")
    found = "\n".join(_faults(tmp_path))
    assert len(found.split("\n")) == 6
    for text in (
        "loads https://x.y/z.js",
        "none.html",
        "#there",
        "none.png",
        "bad.css loads",
        "shows none.png",
    ):
        assert text in found


def test_what_is_not_known_is_said_of_every_theorem():
    text = (DOCS / "not-known.md").read_text()
    assert re.findall(r"^<!-- ([A-Z]\d) -->$", text, flags=re.MULTILINE) == list(THEOREMS)


def test_every_page_is_in_the_table_of_contents():
    entries = set(re.findall(r"^[\w/-]+$", (DOCS / "index.md").read_text(), flags=re.MULTILINE))
    pages = [*DOCS.glob("*.md"), *DOCS.glob("guides/*.md"), *DOCS.glob("tutorials/*.md")]
    names = {page.relative_to(DOCS).with_suffix("").as_posix() for page in pages}
    assert names - {"index"} <= entries


def test_every_family_of_theorems_has_a_title_on_the_site():
    text = (DOCS / "site" / "theorem_pages.py").read_text()
    families = re.search(r"FAMILIES = \{(.*?)\n\}", text, flags=re.DOTALL)[1]
    assert set(re.findall(r'^    "([A-Z])": "', families, flags=re.MULTILINE)) == {
        name[0] for name in THEOREMS
    }


def _typeset():
    spec = importlib.util.spec_from_file_location("typeset", DOCS / "site" / "typeset.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.typeset


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("theta_alpha - theta* = -A^{-1} grad B", "θ<sub>α</sub> − θ\\* = −A<sup>−1</sup> ∇B"),
        ("R_bal and Cov_{P_g}", "R<sub>bal</sub> and Cov<sub>P<sub>g</sub></sub>"),
        ("sum_g n_g, O(n^{-2})", "∑<sub>g</sub> n<sub>g</sub>, O(n<sup>−2</sup>)"),
        ("E Rhat and thetahat", "E R̂ and θ\u0302"),
        ("log d/sqrt n <= sqrt(2 v KL)", "log d/√n ≤ √(2 v KL)"),
        ("`theta_alpha`, validity.no_fit", "`theta_alpha`, validity.no\\_fit"),
        ("that plug-in, the delta method", "that plug-in, the delta method"),
        ("<b>*a* [b](c)</b>", "\\<b\\>\\*a\\* \\[b\\](c)\\</b\\>"),
    ],
)
def test_texts_for_a_terminal_are_set_with_letters_and_indices(plain, shown):
    assert _typeset()(plain) == shown


def test_an_index_in_a_heading_is_a_role():
    assert _typeset()("log(n_1/n_0)", title=True) == "log(n{sub}`1`/n{sub}`0`)"


def test_no_statement_keeps_the_name_of_a_greek_letter_or_loses_a_word():
    typeset = _typeset()
    for entry in THEOREMS.values():
        for plain in (entry.claim, entry.statement, *entry.assumptions, entry.remainder):
            parts = re.split(r"`[^`]+`", typeset(plain))
            for part in parts:
                assert not re.search(r"(?<![\w.])(theta|alpha|lambda|sqrt|grad)\b|<=|>=", part)
                assert not re.search(r"\\[_^](?![a-z])", part), part
            words = re.findall(r"\b[a-z]{5,}\b", re.sub(r"`[^`]+`", "", plain))
            letters = ("theta", "alpha", "kappa", "sigma", "delta", "lambda", "infinity")
            kept = {word for word in words if not word.startswith(letters)}
            assert kept <= set(re.findall(r"[a-z]{5,}", " ".join(parts)))
