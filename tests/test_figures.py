"""Figures: drawn from artifacts alone, what is plotted is what was measured, files reproducible."""

import importlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.offsetbox import DrawingArea
from matplotlib.patches import Patch

from synthetic_oversampling.__main__ import main as command
from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.gallery import FIGURES
from synthetic_oversampling.figures.spec import caption_text, draw
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.replicates.side_by_side import side_by_side
from synthetic_oversampling.simulate.sweeps import table as sweeps
from synthetic_oversampling.theory.registry import THEOREMS


def main(words):
    """``oversampling figures`` with these options."""
    return command(["figures", *words])


DATA = Path(__file__).parent / "figure_artifacts"
SPECS = pytest.mark.parametrize("spec", FIGURES.values(), ids=list(FIGURES))


def _tiny(name: str) -> dict:
    """A small artifact of a sweep."""
    return artifacts.load(DATA / f"{name}.json", kind=sweeps.KIND)


def _artifacts(spec) -> list[dict]:
    return [_tiny(name) for name in spec.sweeps]


def _numbers(value) -> list[float]:
    """Every number of a payload, and the ends of the interval of every mean in it."""
    if isinstance(value, dict):
        found = [x for item in value.values() for x in _numbers(item)]
        if {"mean", "std_error"} <= set(value):
            mean, spread = (np.ravel(value[name]) for name in ("mean", "std_error"))
            ends = style.INTERVAL * spread
            found += [*(mean - ends), *(mean + ends)]
        return found
    if isinstance(value, list):
        return [x for item in value for x in _numbers(item)]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [float(value)]
    return []


def _data_lines(figure):
    """Values of every line that shows data; panels by category have them on the x axis."""
    for axes in figure.axes:
        categories = axes.yaxis_inverted()
        for line in axes.get_lines():
            if line.get_gid() != style.GUIDE:
                values = line.get_xdata() if categories else line.get_ydata()
                yield np.asarray(values, float)


@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_the_tiny_artifacts_have_the_settings_of_their_sweeps(name):
    configuration, settings = _tiny(name)["configuration"], sweeps.SWEEPS[name].settings("quick")
    assert configuration | {"replicates": 0} == settings | {"replicates": 0}, (
        f"compute {name}.json again"
    )


@SPECS
def test_every_figure_is_drawn_from_a_tiny_artifact(spec, tmp_path):
    figure = draw(spec, _artifacts(spec))
    path = style.save(figure, tmp_path / "figure.png", "png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert any(True for _ in _data_lines(figure))
    for axes in figure.axes:
        assert axes.get_xlabel() or axes.get_ylabel() or axes.get_title() or axes.get_title("left")


def _known(payload) -> np.ndarray:
    numbers = np.asarray(_numbers(payload))
    return np.unique(numbers[np.isfinite(numbers)])


def _in(values, known) -> bool:
    values = values[np.isfinite(values)]  # a curve may end at infinity
    place = np.clip(np.searchsorted(known, values), 1, len(known) - 1)
    near = np.minimum(np.abs(known[place] - values), np.abs(known[place - 1] - values))
    return bool(np.all(near <= 4 * np.finfo(float).eps * np.abs(values)))


@SPECS
def test_plotted_values_are_those_of_the_artifact(spec):
    folder = _artifacts(spec)
    known = _known([a["payload"] for a in folder])
    for values in _data_lines(draw(spec, folder)):
        assert _in(values, known), values


def test_every_dashed_curve_of_saturation_is_named_where_it_runs():
    spec = FIGURES["saturation"]
    names = {text.get_text(): text.xy for text in draw(spec, _artifacts(spec)).axes[0].texts}
    payload = _tiny("saturation")["payload"]
    assert len(names) == len(payload["smoothness"])
    for name, rates in payload["smoothness"].items():
        x, y = names[rf"$\beta={float(name):g}$"]
        assert rates["fresh"][payload["size"].index(x)] == y


def test_a_value_that_is_not_in_the_artifact_is_noticed():
    spec = FIGURES["raw_imbalance"]
    known = _known(_tiny("raw_imbalance")["payload"])
    figure = draw(spec, _artifacts(spec))
    line = next(iter(figure.axes[0].get_lines()))
    line.set_ydata(np.asarray(line.get_ydata()) * (1 + 1e-6))
    assert not all(_in(values, known) for values in _data_lines(figure))


def _grey(colour):
    """Luminance in tenths; None of what is not drawn."""
    *colour, opacity = to_rgba(colour)
    return round(10 * float(np.dot([0.2126, 0.7152, 0.0722], colour))) if opacity else None


def _looks(legend):
    """What the entries of a legend look like in grey: dashes, marker and its filling, hatching."""
    for area in legend.findobj(DrawingArea):  # markers with bars are several artists
        yield [
            (
                artist.get_linestyle() != "None" and artist._unscaled_dash_pattern,
                artist.get_marker(),
                artist.get_marker() != "None" and artist.get_markerfacecolor() == "white",
            )
            if isinstance(artist, Line2D)
            else (artist.get_hatch() or _grey(artist.get_facecolor()),)
            for artist in area.get_children()
            if isinstance(artist, Line2D | Patch)
        ]


@SPECS
def test_entries_of_a_legend_differ_without_colour(spec):
    figure = draw(spec, _artifacts(spec))
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    for legend in filter(None, legends):
        looks = list(_looks(legend))
        alike = [str(look) for look in looks if looks.count(look) > 1]
        assert not alike, f"{[text.get_text() for text in legend.get_texts()]}: {alike}"


@SPECS
def test_changed_numbers_change_the_drawing(spec):
    folder = _artifacts(spec)
    before = list(_data_lines(draw(spec, folder)))
    moved = [a | {"payload": _scaled(a["payload"])} for a in folder]
    after = list(_data_lines(draw(spec, moved)))
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert not any(same), f"{sum(same)} of {len(same)} lines do not depend on the artifact"


def _scaled(value):
    if isinstance(value, dict):
        return {key: _scaled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_scaled(item) for item in value]
    return value * 1.25 + 1e-3 if isinstance(value, float) else value


@pytest.mark.parametrize("kind", style.FORMATS)
def test_the_same_artifact_gives_the_same_bytes(kind, tmp_path):
    spec = FIGURES["raw_imbalance"]
    files = [
        style.save(draw(spec, _artifacts(spec)), tmp_path / f"{i}.{kind}", kind).read_bytes()
        for i in range(2)
    ]
    assert files[0] == files[1]


def test_the_caller_s_style_changes_no_byte(tmp_path):
    spec = FIGURES["raw_imbalance"]
    first = style.save(draw(spec, _artifacts(spec)), tmp_path / "a.svg", "svg").read_bytes()
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none", "lines.linewidth": 9}):
        second = style.save(draw(spec, _artifacts(spec)), tmp_path / "b.svg", "svg").read_bytes()
    assert first == second


def test_pdf_fonts_are_embedded_as_truetype(tmp_path):
    spec = FIGURES["raw_imbalance"]
    data = style.save(draw(spec, _artifacts(spec)), tmp_path / "a.pdf", "pdf").read_bytes()
    assert b"/FontFile2" in data
    assert b"/Type3" not in data


def test_series_differ_without_colour():
    looks = {(str(look.line), look.marker) for look in style.SERIES}
    assert len(looks) == len(style.SERIES)
    assert len({look.marker for look in style.SERIES}) == len(style.SERIES)
    assert len({str(look.line) for look in style.SERIES}) == len(style.SERIES)


@SPECS
def test_a_caption_names_theorems_configuration_and_seed(spec):
    folder = _artifacts(spec)
    text = caption_text(spec, folder)
    for name in spec.theorems:
        assert THEOREMS[name].claim in text
    for artifact in folder:
        assert f"seed {artifact['seed']}" in text
        for key, value in artifact["configuration"].items():
            assert f"{key}: {json.dumps(value)}" in text


def test_every_theorem_has_a_figure_or_says_why_not():
    for theorem in THEOREMS.values():
        if theorem.figure is None:
            assert theorem.no_figure
        else:
            assert theorem.figure in FIGURES, f"{theorem.id}: no figure {theorem.figure!r}"
            assert theorem.id in FIGURES[theorem.figure].theorems


def test_every_theorem_that_a_figure_shows_exists():
    for spec in FIGURES.values():
        assert set(spec.theorems) <= set(THEOREMS)
        assert set(spec.sweeps) <= set(sweeps.SWEEPS)
        module = importlib.import_module(spec.draw.__module__)
        assert module.__doc__


def _with_artifacts(tmp_path, profile="quick") -> Path:
    """The tiny artifact of raw_imbalance, in an output folder, as if it were the profile's."""
    spec = sweeps.SWEEPS["raw_imbalance"]
    path = sweeps.artifact_path(tmp_path / "artifacts", spec.name, profile)
    artifacts.save(
        path,
        _tiny(spec.name)["payload"],
        kind=sweeps.KIND,
        configuration=spec.settings(profile),
        seed=sweeps.SEED,
    )
    return path


def test_the_command_reads_artifacts_and_writes_figure_and_caption(tmp_path, capsys):
    path = _with_artifacts(tmp_path)
    before = path.read_bytes()
    options = ["raw_imbalance", "--out", str(tmp_path), "--format", "svg", "--format", "png"]
    assert main(options) == 0
    assert path.read_bytes() == before
    assert "B4" in (tmp_path / "raw_imbalance.txt").read_text()
    for kind in ("svg", "png"):
        assert (tmp_path / f"raw_imbalance.{kind}").stat().st_size > 1000
    printed = capsys.readouterr().out
    for name in ("raw_imbalance.svg", "raw_imbalance.png", "index.html"):
        assert str(tmp_path / name) in printed
    page = (tmp_path / "index.html").read_text()
    assert 'src="raw_imbalance.svg"' in page
    assert str(tmp_path) not in page


def _truncate(path):
    path.write_text(path.read_text()[:1000])


def _alter(path):
    path.write_text(path.read_text().replace('"distance": 1.', '"distance": 2.', 1))


def _age(path):
    body = json.loads(path.read_text())
    path.write_text(json.dumps(body | {"schema": artifacts.SCHEMA - 1}))


def _other_settings(path):
    body = artifacts.load(path, kind=sweeps.KIND)
    artifacts.save(
        path,
        body["payload"],
        kind=sweeps.KIND,
        configuration=body["configuration"] | {"n_max": 7},
        seed=sweeps.SEED,
    )


def _empty_payload(path):
    body = artifacts.load(path, kind=sweeps.KIND)
    artifacts.save(
        path,
        {"ratio": [1.0]},
        kind=sweeps.KIND,
        configuration=body["configuration"],
        seed=sweeps.SEED,
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "cut short"),
        (_alter, "altered"),
        (_age, "schema"),
        (_other_settings, "configuration"),
        (_empty_payload, "does not hold"),
    ],
)
def test_a_damaged_artifact_is_refused_by_name_and_left_alone(damage, message, tmp_path, capsys):
    path = _with_artifacts(tmp_path)
    damage(path)
    before = path.read_bytes()
    assert main(["raw_imbalance", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "raw_imbalance" in error
    assert "comput" in error  # what to do
    assert path.read_bytes() == before
    assert not (tmp_path / "raw_imbalance.png").exists()


def test_a_missing_artifact_is_computed_and_kept(tmp_path, monkeypatch, capsys):
    calls = []

    def compute(settings, seed, progress):
        calls.append(settings)
        progress(1.0)
        return _tiny("raw_imbalance")["payload"]

    sweep = sweeps.Sweep("raw_imbalance", compute, {"n": 1}, {"quick": {}, "full": {"n": 2}})
    monkeypatch.setitem(sweeps.SWEEPS, "raw_imbalance", sweep)
    for profile, expected in (("quick", 1), ("quick", 1), ("full", 2)):
        options = ["raw_imbalance", "--out", str(tmp_path), "--profile", profile]
        assert main(options) == 0, capsys.readouterr().err
        assert len(calls) == expected
    assert main(["raw_imbalance", "--out", str(tmp_path), "--recompute"]) == 0
    assert len(calls) == 3
    assert [call["n"] for call in calls] == [1, 2, 1]


def test_an_unknown_figure_is_bad_usage(capsys):
    assert main(["no_such_figure"]) == 2
    assert "raw_imbalance" in capsys.readouterr().err


def test_an_output_folder_that_is_a_file_is_bad_usage(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["raw_imbalance", "--out", str(tmp_path / "file")]) == 2
    assert "file" in capsys.readouterr().err


def test_list_names_every_figure_and_its_theorems(capsys):
    assert main(["--list"]) == 0
    out = capsys.readouterr().out
    for spec in FIGURES.values():
        assert f"{spec.name} " in out
        assert ",".join(spec.theorems) in out


def test_listing_needs_no_simulation():
    code = (
        "import sys\nfrom synthetic_oversampling.__main__ import main\n"
        "main(['figures', '--list'])\n"
        "import jax\nassert jax.config.jax_enable_x64\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=DATA)
    assert result.returncode == 0, result.stderr


def test_an_error_is_told_before_those_that_it_stopped():
    stopped, begun = threading.Event(), threading.Barrier(2)

    def work(piece, place):
        begun.wait(10)
        if piece == "b":
            raise OSError("the disk is full")
        assert stopped.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(OSError, match="disk"):
        side_by_side(["a", "b"], [0, 1], work, stopped)
