"""The benchmarks compare what they say they compare. Nothing here looks at how long it took."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import fits, machine, memory, results, smote
from benchmarks.timing import slope, times

ROOT = Path(__file__).parent.parent


def test_contenders_run_by_turns_and_the_first_run_is_apart():
    calls = []
    found = times({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=3)
    assert calls == ["a", "b"] + ["a", "a", "b", "b"] * 3
    for item in found.values():
        assert 0 <= item.low <= item.median <= item.high
    with pytest.raises(ValueError, match="repeats: got 0"):
        times({}, repeats=0)


def test_a_slope_is_an_exponent():
    sizes = np.array([2.0, 4.0, 16.0])
    assert abs(slope(sizes, 3 * sizes**1.5) - 1.5) < 1e-12
    with pytest.raises(ValueError, match="sizes: got 1"):
        slope([1.0], [1.0])


def test_the_fits_are_compared_with_the_minimiser_on_the_same_data():
    batch = fits.batch_of(2, (57, 9), 5)  # 5: the last block is filled up, and cut off again
    result = fits.fit_all(batch)()
    assert result.theta.shape == (5, 3) and bool(np.all(result.converged))
    label = (np.asarray(batch.sign[0]) > 0).astype(int)
    solver, exact = fits.oracle(np.asarray(batch.x), label)
    assert solver in fits.SOLVERS
    np.testing.assert_allclose(result.theta, exact, rtol=0, atol=1e-8)
    # negative control: labels the other way round are other fits
    _, wrong = fits.oracle(np.asarray(batch.x), 1 - label)
    assert np.max(np.abs(wrong - exact)) > 0.1


def test_the_lower_bound_counts_operations():
    peaks = machine.Peaks(flops=1.0, exponentials=1e30)
    # one row, one feature: 2 for each of two margins' terms, 4 for the gradient, 2 for weighting,
    # and 3 products and 3 sums for the upper half of the Hessian
    assert fits.lower_bound(1, 1, 1.0, peaks) == pytest.approx(4 + 4 + 2 + 6)
    peaks = machine.Peaks(flops=1e30, exponentials=2.0)
    assert fits.lower_bound(5, 400, 6.0, peaks) == pytest.approx(400 * 6.0 / 2.0)


def test_other_moments_are_told_apart():
    rng = np.random.default_rng(3)
    seeds = rng.standard_normal((60, 10, 2))
    first, second = (seeds[:, rng.integers(0, 10, 40)] for _ in range(2))
    assert smote.moment_gap(first, second) < 5
    assert smote.moment_gap(first, second + 0.2) > 5


def test_the_machine_is_described_without_names_or_addresses():
    text = "\n".join(machine.describe())
    for word in ("cores", "GiB", "jax", "scikit-learn", "JAX devices", "GPU"):
        assert word in text
    assert "/" not in text.replace("G exponentials/s", "")


def test_the_peak_of_a_process_grows_with_what_it_holds():
    base, _ = memory.peak("import numpy as np")
    more, _ = memory.peak("import numpy as np\nheld = np.ones(2**26)")  # half a GiB
    assert more - base > 0.9 * 2**29
    with pytest.raises(RuntimeError, match="the measured process failed"):
        memory.peak("raise ValueError('no')")


def test_a_run_writes_its_report_and_a_failed_one_leaves_the_old(tmp_path, monkeypatch, capsys):
    out = tmp_path / "RESULTS.md"
    monkeypatch.setitem(sys.modules, "benchmarks.toy", command)
    monkeypatch.setattr(command, "run", lambda quick: [f"quick: {quick}"], raising=False)
    monkeypatch.setitem(command.SECTIONS, "toy", command.Section("Toy", "toy"))
    assert command.main(["toy", "--quick", "--out", str(out)]) == 0
    text = out.read_text()
    assert "## Toy" in text and "quick: True" in text and "at tiny sizes" in text

    def disagree(quick):
        raise AssertionError("a time without agreement means nothing")

    monkeypatch.setattr(command, "run", disagree, raising=False)
    assert command.main(["toy", "--out", str(out)]) == 1
    assert out.read_text() == text
    assert "without agreement" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        command.main(["no-such-section"])
    assert stop.value.code == 2


def test_a_section_measured_anew_leaves_the_others_as_they_are():
    titles = ("A", "B", "C")

    def place(old, found, machine, whole=False):
        return results.merged(old, found, machine, titles, whole=whole)

    first = place(None, {"A": "1 s", "C": "3 s"}, "- here", whole=True)
    second = place(first, {"B": "2 s"}, "- here")
    assert second[second.index("- here") :].split() == "- here ## A 1 s ## B 2 s ## C 3 s".split()
    assert place(second, {"B": "2 s"}, "- here") == second
    # measured on another machine, a section says so; so do those that stay when the rest moves
    third = place(second, {"B": "4 s"}, "- there")
    expected = "- here ## A 1 s ## B Measured elsewhere: - there 4 s ## C 3 s"
    assert third[third.index("- here") :].split() == expected.split()
    moved = place(second, {"A": "1 s", "C": "3 s"}, "- there", whole=True)
    expected = "- there ## A 1 s ## B Measured elsewhere: - here 2 s ## C 3 s"
    assert moved[moved.index("- there") :].split() == expected.split()


def test_the_report_in_the_repository_has_sections_of_the_command_only():
    text = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    titles = [section.title for section in command.SECTIONS.values()]
    machine_lines, sections = results._split(text)
    assert "cores" in machine_lines and set(sections) <= set(titles) and len(sections) >= 7


def test_smote_runs_as_the_command_does():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "smote", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "imbalanced-learn | ratio" in done.stdout and "standard errors" in done.stdout


def test_make_bench_runs_the_command():
    done = subprocess.run(
        ["make", "-n", "bench", "ARGS=--quick"], cwd=ROOT, capture_output=True, text=True
    )
    assert "-m benchmarks --quick" in done.stdout


def test_every_section_is_there():
    """A section that no test runs still has to be importable."""
    for section in command.SECTIONS.values():
        assert callable(importlib.import_module(f"benchmarks.{section.module}").run)
