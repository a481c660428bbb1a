"""The report: one page that needs nothing else, says what the run said, made from its JSON."""

import base64
import copy
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import toy_verify

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.figures.drawings import drawings
from synthetic_oversampling.figures.gallery import FIGURES
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.report.formula import formula_svg
from synthetic_oversampling.simulate.report.page import Picture, report_page
from synthetic_oversampling.simulate.report.parts import strip
from synthetic_oversampling.simulate.sweeps import table as sweeps
from synthetic_oversampling.simulate.verify import suites
from synthetic_oversampling.theory.registry import THEOREMS
from synthetic_oversampling.theory.theorems.table import FORMULAS

DATA = Path(__file__).parent / "figure_artifacts"
_VOID = {"meta", "br", "img", "path", "rect", "circle"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Files of a run on the toy suite: JSON and page."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(suites.SUITES, "toy", None)
        toy_verify.register()
        command = ["verify", "--only", "toy", "--artifacts", str(folder / "kept")]
        files = ["--json", str(folder / "run.json"), "--report", str(folder / "run.html")]
        assert main([*command, *files, "--figures", str(folder / "none")]) == 0
    return folder


@pytest.fixture
def artifact(run):
    """The run's report with every theorem, a failing and an inconclusive check, and two mutants."""
    body = artifacts.load(run / "run.json", kind="verification")
    report = body["payload"]
    checks = report["checks"]
    checks[1] |= {"verdict": "fail", "observed": 0.9, "interval": [0.7, 1.1]}
    checks[2] |= {"verdict": "inconclusive", "interval": [-0.9, 0.9], "reason": "too <wide>"}
    report["verdict"] = "fail"
    report["theorems"] = [theorem.as_dict() for theorem in THEOREMS.values()]
    one = {
        "name": "half",
        "theorems": ["R1"],
        "generator": None,
        "change": "without 1/2",
        "check": "R1.x",
        "verdict": "fail",
        "z": -41.25,
    }
    report["mutants"] = [one, one | {"name": "blunt", "verdict": "pass", "z": None}]
    return body


class _Reader(HTMLParser):
    """Open elements, ids, references and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.links, self.text, self.wrong = [], [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_says_what_wrong_formulas_did_and_which_checks_none_of_them_fails(artifact):
    report = artifact["payload"]
    page = report_page(artifact)
    assert "1 of 2 wrong formulas rejected (blunt survived)" in page
    assert "Checks that no wrong formula fails" not in page
    names = [check["id"] for check in report["checks"]]
    report["judged_by_every_check"] = True
    report["checks_failed_by_mutants"] = {name: ["half"] for name in names[2:]}
    report["checks_failed_by_none"] = {names[0]: "it <cannot>", names[1]: ""}
    page = report_page(artifact)
    assert f"{len(names) - 2} of {len(names)} checks failed under at least one" in page
    assert "it &lt;cannot&gt;" in page and "no reason is known: a defect" in page
    assert _Reader(page).wrong == []


def test_rows_and_page_say_where_observed_values_come_from_and_what_was_left_out(run, artifact):
    report = artifact["payload"]
    sources = {check["source"] for check in report["checks"]}
    assert sources == {"simulated and scored independently"}
    assert report["sources"]["simulated and scored independently"] == len(report["checks"])
    assert sum(report["sources"].values()) == len(report["checks"])
    by_id = {check["id"]: check for check in report["checks"]}
    third, first = (by_id[f"T1.z.toy.{name}"] for name in ("third", "first"))
    lost = report["excluded"]["toy/third"]["separated"] / report["replicates"]["toy/third"]
    assert third["left_out"] == pytest.approx(lost) and 0 < lost < 0.2
    assert first["left_out"] == 0.0 and {check["stage"] for check in by_id.values()} == {1}
    page = report_page(artifact)
    assert page.count("% left out") == 1 and f"{100 * lost:.2g} % left out" in page
    assert f"simulated and scored independently ({len(by_id)})" in page
    assert "second stage was used" not in page
    report["second_stage"] = [third["id"]]
    assert f"second stage was used for <code>{third['id']}</code>" in report_page(artifact)


def test_the_page_is_complete_well_formed_and_needs_no_other_file(artifact):
    picture = Picture(
        name="law",
        title="a <title>",
        theorems=("S1", "R1"),
        caption="A caption.",
        svg="<svg>1</svg>",
    )
    page = report_page(artifact, [picture])
    seen = _Reader(page)
    assert seen.wrong == [] and seen.open == []
    assert len(set(seen.ids)) == len(seen.ids)
    inside = {link[1:] for link in seen.links if link.startswith("#")}
    assert set(THEOREMS) <= inside <= set(seen.ids)
    others = [link for link in seen.links if not link.startswith("#")]
    assert [base64.b64decode(link.split(",")[1]) for link in others] == [b"<svg>1</svg>"]
    assert "url(" not in page and "@import" not in page and "<script" not in page
    assert not re.search(r"https?:", page)
    text = " ".join(seen.text)
    for theorem in THEOREMS.values():
        assert all(kind in text for kind in theorem.kinds)
        assert all(name in text for name in theorem.functions)
    for check in artifact["payload"]["checks"]:
        assert page.count(f"<code>{check['id']}</code>") >= 1
    for value in artifact["payload"]["versions"].values():
        assert value in text
    assert "too <wide>" in text and "296" in text and "--seed 2024" in text
    assert "1 of 2 do" in text and "−41.2" in text and "survived" in text


def test_what_failed_comes_first(artifact):
    page = report_page(artifact)
    bad = [check["id"] for check in artifact["payload"]["checks"][1:3]]
    places = [page.index(name) for name in bad]
    assert places == sorted(places) and places[-1] < page.index('id="B1"')
    command = artifact["payload"]["checks"][1]["command"].replace("'", "&#x27;")
    assert f"<pre>{command}</pre>" in page
    table = page[page.index('<section id="T1"') :]
    assert table.index(bad[0]) < table.index(bad[1]) < table.index("T1.gap.toy.second")
    # negative control: a run in which nothing failed has no such section
    fine = copy.deepcopy(artifact)
    for check in fine["payload"]["checks"]:
        check["verdict"] = "pass"
    assert 'id="failing"' not in report_page(fine)


def test_the_page_of_a_run_is_made_again_from_its_json_alone(run, capsys):
    again = run / "again.html"
    files = [str(run / "run.json"), "--out", str(again), "--figures", str(run / "none")]
    assert main(["report", *files]) == 0
    assert str(again) in capsys.readouterr().out
    assert again.read_bytes() == (run / "run.html").read_bytes()


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=list(FORMULAS))
def test_every_formula_is_set_as_outlines_with_its_latex_as_label(formula):
    drawn = formula_svg(formula.latex)
    assert "<code" not in drawn and 'd="M' in drawn and drawn.startswith(("<svg", "<span"))
    assert _Reader(drawn).wrong == []
    numbers = [float(x) for box in re.findall(r'viewBox="([^"]*)"', drawn) for x in box.split()]
    assert all(0 <= number < 1500 for number in numbers)  # at 20 units a letter


def test_a_formula_that_cannot_be_set_is_shown_as_it_is_written():
    assert formula_svg(r"\nonsense{<x>}") == r'<code class="formula">\nonsense{&lt;x&gt;}</code>'


CHECK = {
    "theory": 2.0,
    "observed": 2.5,
    "interval": [1.5, 3.5],
    "discrepancy": 1.0,
    "allowance": 0.25,
    "kind": "asymptotic",
    "verdict": "pass",
}


def _numbers(text, pattern):
    return [float(number) for number in re.search(pattern, text).groups()]


def test_the_strip_shows_the_interval_in_units_of_the_discrepancy():
    drawn = strip(CHECK)
    low, high = _numbers(drawn, r'class="i" d="M([\d.]+) 9H([\d.]+)M')
    (middle,) = _numbers(drawn, r'class="t" d="M([\d.]+) 1')
    (dot,) = _numbers(drawn, r'cx="([\d.]+)"')
    left, width = _numbers(drawn, r'class="d" x="([\d.]+)" y="3" height="12" width="([\d.]+)"')
    unit = width / 2
    assert abs(left + unit - middle) < 0.1  # printed with one decimal
    assert abs(low - (middle - 0.5 * unit)) < 0.11
    assert abs(dot - (middle + 0.5 * unit)) < 0.11
    assert high == 2 * middle  # beyond the strip: 1.5 discrepancies
    inner, inner_width = _numbers(drawn, r'class="a" x="([\d.]+)" y="3" height="12" width="(.*?)"')
    assert abs(inner - (middle - 0.25 * unit)) < 0.11 and abs(inner_width - 0.5 * unit) < 0.11
    assert "predicted 2, observed 2.5, interval 1.5 to 3.5" in drawn


def test_the_strip_of_a_bound_and_of_no_value():
    drawn = strip(CHECK | {"kind": "bound", "observed": 0.5, "interval": [0.4, 0.6]})
    left, right = _numbers(drawn, r'class="i" d="M([\d.]+) 9H([\d.]+)M')
    (middle,) = _numbers(drawn, r'class="t" d="M([\d.]+) 1')
    assert left < right < middle and 'class="a"' not in drawn
    nothing = {"observed": math.nan, "interval": [-math.inf, math.inf]}
    assert strip(CHECK | nothing) == ""


def test_figures_are_drawn_from_the_artifacts_that_are_there(tmp_path, monkeypatch):
    name, spec = next((n, s) for n, s in FIGURES.items() if len(s.sweeps) == 1)
    (sweep,) = spec.sweeps
    loaded = artifacts.load(DATA / f"{sweep}.json", kind=sweeps.KIND)
    path = sweeps.artifact_path(tmp_path / "artifacts", sweep, "quick")
    settings = sweeps.SWEEPS[sweep].settings("quick")

    def save(configuration):
        artifacts.save(
            path, loaded["payload"], kind=sweeps.KIND, configuration=configuration, seed=sweeps.SEED
        )

    said = []
    save(settings)
    drawn = {drawing.name: drawing for drawing in drawings(tmp_path, said.append)}
    assert set(drawn) == {n for n, s in FIGURES.items() if s.sweeps == (sweep,)} and said == []
    assert drawn[name].svg.rstrip().endswith("</svg>") and drawn[name].theorems == spec.theorems
    save(settings | {"other": 1})
    assert drawings(tmp_path, said.append) == [] and str(path) in said[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report.pop("checks"),
        lambda report: report["checks"][0].pop("interval"),
        lambda report: report["checks"].append(7),
        lambda report: report.update(versions=None),
        lambda report: report.update(theorems=[{"id": "B1"}]),
    ],
)
def test_a_json_that_is_not_the_report_of_a_run_is_a_clear_error(run, tmp_path, capsys, spoil):
    body = artifacts.load(run / "run.json", kind="verification")
    spoil(body["payload"])
    with pytest.raises(ArtifactError, match="run verify again"):
        report_page(body)
    file = artifacts.save(
        tmp_path / "x.json", body["payload"], kind="verification", configuration={}, seed=1
    )
    assert main(["report", str(file), "--out", str(tmp_path / "x.html")]) == 2
    assert "run verify again" in capsys.readouterr().err and not (tmp_path / "x.html").exists()
