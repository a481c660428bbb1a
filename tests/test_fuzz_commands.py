"""Every command refuses what it cannot use: no traceback, no status 0, and a word about why."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import malformed
import pytest
import toy_verify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from malformed import DOCUMENTS, NOT_COUNTS, NOT_NUMBERS, TABLES, TEXTS

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.figures.gallery import FIGURES
from synthetic_oversampling.simulate.sweeps import table as sweeps
from synthetic_oversampling.simulate.verify import suites
from synthetic_oversampling.transformer_toy import checkpoint

DATA = Path(__file__).parent / "figure_artifacts"
SHIPPED = (checkpoint.SHIPPED_ROWS, checkpoint.SHIPPED_MEAN)


def _answer(main, argv):
    """Status, output and errors of a command; an exception that escapes is a finding."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(argv)
        except SystemExit as stop:
            status = stop.code
        except Exception as error:  # what a user would see as a traceback
            status = f"{type(error).__name__}: {error}"
    return status, out.getvalue(), err.getvalue()


def _findings(main, cases):
    """The cases that do not end with status 2 and an explanation."""
    found = []
    for argv in cases:
        argv = [str(word) for word in argv]
        status, out, err = _answer(main, argv)
        if status != 2 or "Traceback" in err or not err.strip():
            found.append(([word[-60:] for word in argv], status, out[-200:], err[-300:]))
    return found


def theory_cases():
    """Ids that do not exist, and options that do not."""
    yield from (["--latex", text] for text in TEXTS if not text.startswith("-"))
    yield from ([text] for text in TEXTS if text.strip())
    yield from (["--latex"], ["--json", "--check-proofs"], ["--latex", "R1", "--json"], ["--jsn"])


def verify_cases(folder):
    """Options of `verify`; the suites are the toy alone, so that a selection is quickly made."""
    yield []
    yield ["no-such-command"]
    yield from malformed.options(["verify"], TEXTS[3:12])
    bad = [text for text in NOT_COUNTS if text.strip() not in ("²",)]
    yield from (["verify", "--seed", value] for value in [*bad, str(2**32), "-7"])
    yield from (["verify", "--profile", value] for value in TEXTS[:12])
    yield from (["verify", "--only", value] for value in TEXTS if not value.startswith(("-", "*")))
    yield from (["verify", "--mutate", value] for value in TEXTS if value and value[0] != "-")
    for path in malformed.paths(folder):
        for option in ("--json", "--report", "--artifacts"):
            if option != "--artifacts" or path.name != "a folder":
                yield ["verify", "--only", "toy", option, path]
    yield ["verify", "--fresh", "now"]


def report_cases(folder, run):
    """Files that are not the report of a run."""
    out = folder / "out.html"
    files = DOCUMENTS | TABLES | malformed.mutilations(run.read_bytes())
    for _, path in malformed.write(folder, files, ".json"):
        yield ["report", path, "--out", out]
    for path in DATA.glob("*.json"):  # whole artifacts of another kind
        yield ["report", path, "--out", out]
    for path in malformed.paths(folder):
        yield ["report", path, "--out", out]
        yield ["report", run, "--out", path]
    yield ["report", folder / "missing.json", "--out", out]
    yield from (["report"], ["report", run], ["report", "--out", out])


def plan_cases(folder):
    """Tables that are none, and options that do not fit a good one."""
    good = folder / "good.csv"
    good.write_text(malformed.GOOD)
    for _, path in malformed.write(folder, TABLES, ".csv"):
        yield ["plan", path, "--label", "y"]
    for path in malformed.paths(folder):
        yield ["plan", path, "--label", "y"]
        yield ["plan", good, "--label", "y", "--json", path]
        yield ["plan", good, "--label", "y", "--synthetic", path]
    yield from (["plan", good, "--label", text] for text in TEXTS if not text.startswith("-"))
    for option in ("--most", "--repeats", "--seed"):
        yield from (["plan", good, "--label", "y", f"{option}={text}"] for text in NOT_NUMBERS)
    yield ["plan", good, "--label", "y", "--repeats", "1" + "0" * 30]
    yield from (["plan", good, "--label", "y", f"--ridge={v}"] for v in ("-1", "nan", "x", "inf"))
    for value in ("-1", "2", "0", "1", "nan", "x", "inf"):
        yield ["plan", good, "--label", "y", f"--level={value}"]
    yield from (["plan", good, "--label", "y", f"--price={v}"] for v in ("-1", "nan", "x", "-inf"))
    yield from (["plan", good, "--label", "y", "--generator", text] for text in TEXTS[3:9])
    yield from (["plan", good, "--label", "y", "--positive", text] for text in TEXTS[3:5])
    yield ["plan", good, "--label", "y", "--plot", folder / "x.gif"]
    yield ["plan", good, "--label", "y", "--independent"]
    yield ["plan", good, "--label", "y", "--group", "y"]
    yield from (["plan"], ["plan", good], ["plan", "--label", "y"])


def calibrate_cases(folder):
    """Counts that are none, and selections that match nothing."""
    for option in ("--runs", "--pool"):
        yield from (["calibrate", f"{option}={value}"] for value in [*NOT_NUMBERS, "99"])
    yield from (["calibrate", f"--seed={value}"] for value in NOT_COUNTS)
    yield from (["calibrate", "--only", text] for text in TEXTS[3:12] if text[0] != "-")
    yield from (["calibrate", "--only", "toy", "--json", path] for path in malformed.paths(folder))


def generate_cases(folder):
    """Seeds that are no table, models that are no network."""
    good, out = folder / "good.csv", folder / "out.csv"
    good.write_text(malformed.GOOD)
    base = ["--label", "y", "--out", out]
    for _, path in malformed.write(folder, TABLES, ".csv"):
        yield ["generate", path, *base, "--each", "2"]
    shipped = SHIPPED[0].read_bytes()
    models = DOCUMENTS | malformed.cuts(shipped, 20)
    for _, path in malformed.write(folder, models, ".safetensors"):
        yield ["generate", good, *base, "--each", "2", "--checkpoint", path]
    for path in malformed.paths(folder):
        yield ["generate", path, *base]
        yield ["generate", good, "--label", "y", "--out", path, "--each", "2"]
        yield ["generate", good, *base, "--checkpoint", path, "--each", "2"]
    yield from (["generate", good, "--label", text, "--out", out] for text in TEXTS[:20])
    for option in ("--each", "--seed", "--batch"):
        yield from (["generate", good, *base, "--each=2", f"{option}={v}"] for v in NOT_NUMBERS)
    yield ["generate", good, *base, "--each=2", "--seed", "1" + "0" * 30]
    for value in (*TEXTS[:12], "z=3", "0=", "=4", "0=-1", "0=x"):
        yield ["generate", good, *base, f"--count={value}"]
    yield ["generate", good, *base, "--each", "1", "--count", "0=1"]
    yield ["generate", good, *base, "--scaling", "none"]
    yield ["generate", good, "--label", "y", "--out", good, "--each", "2"]


def evaluate_cases(folder):
    """Networks that are none, and counts that are none."""
    models = DOCUMENTS | malformed.cuts(SHIPPED[1].read_bytes(), 8)
    for _, path in malformed.write(folder, models, ".safetensors"):
        yield ["evaluate", path, "--contexts", "4"]
    yield from (["evaluate", f"--contexts={value}"] for value in NOT_NUMBERS)
    yield from (["evaluate", "--accuracy", f"--fits={value}"] for value in NOT_NUMBERS)
    yield from (["evaluate", f"--seed={value}"] for value in NOT_COUNTS)


def train_cases(folder):
    """Families, parameters and counts that do not exist."""
    out = folder / "net.safetensors"
    yield from (["train", text, "--out", out] for text in TEXTS[:12])
    for option in ("--steps", "--groups", "--max-count", "--chunk", "--hidden-embed", "--seed"):
        for value in NOT_NUMBERS:
            yield ["train", "unknown_mean", "--out", out, f"{option}={value}"]
    for text in ("dim", "dim=", "dim=x", "dim=-1", "dim=0", "dim=nan", "=3", "colour=3", "dim=1.5"):
        yield ["train", "unknown_mean", "--out", out, "--set", text]
    for path in malformed.paths(folder)[1:]:
        yield ["train", "unknown_mean", "--out", path, "--steps", "1"]


def figure_cases(folder):
    """Names that are no figure, and artifacts that are not what a figure reads."""
    yield from ([text] for text in TEXTS if text.strip("- "))
    yield from (["raw_imbalance", "--format", text] for text in TEXTS[:8])
    yield from (["raw_imbalance", "--profile", text] for text in TEXTS[:8])
    yield from (["raw_imbalance", "--out", path] for path in malformed.paths(folder)[1:])
    (sweep,) = FIGURES["raw_imbalance"].sweeps
    good = (DATA / f"{sweep}.json").read_bytes()
    for number, content in enumerate((DOCUMENTS | malformed.mutilations(good)).values()):
        path = sweeps.artifact_path(folder / f"{number}" / "artifacts", sweep, "quick")
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        yield ["raw_imbalance", "--out", folder / f"{number}"]


def practice_cases(folder):
    """Tables that are none, and options that do not fit a good one."""
    good = folder / "good.csv"
    good.write_text(malformed.GOOD)
    out = folder / "out.csv"
    for _, path in malformed.write(folder, TABLES, ".csv"):
        yield ["resample", path, "--label", "y", "--out", out, "--overwrite"]
    for path in malformed.paths(folder):
        yield ["resample", path, "--label", "y", "--out", out]
        yield ["resample", good, "--label", "y", "--out", path]
        yield ["benchmark", path, "--label", "y", "--out", folder / "report"]
    for text in TEXTS[:20]:
        yield ["resample", good, "--label", text, "--out", out]
        yield ["resample", good, "--label", "y", "--generator", text, "--out", out]
        yield ["resample", good, "--label", "y", "--categorical", text, "--out", out]
        yield ["benchmark", "--data", text, "--out", folder / "report"]
    for option in ("--n-synthetic", "--augmentation", "--seed", "--weight"):
        wrong = [value for value in NOT_NUMBERS if option != "--weight" or value not in FLOATS]
        for value in wrong:
            yield ["resample", good, "--label=y", "--out", folder / "o.csv", f"{option}={value}"]
    yield from (["benchmark", f"--seeds={value}"] for value in [*NOT_NUMBERS, "0", "1"])
    yield from ([], ["no-such"], ["resample"], ["resample", good])


def text_cases(folder):
    """Seeds, tests, models and counts of which no language model makes rows."""
    good = folder / "good.csv"
    good.write_text(malformed.GOOD)
    base = ["--label", "y", "--out", folder / "out.csv", "--model", "character", "--rows=1"]
    for _, path in malformed.write(folder, TABLES, ".csv"):
        yield ["language-model", path, *base]
        yield ["language-model", good, *base, "--test", path]
    for path in malformed.paths(folder):
        yield ["language-model", path, *base]
        yield ["language-model", good, *base, "--test", path]
        yield ["language-model", good, *base, "--out", path]
        yield ["language-model", good, *base, "--model", path]
        yield ["benchmark", good, "--label=y", "--language-model", path, "--out", folder / "r"]
    yield from (["language-model", good, *base, "--label", text] for text in TEXTS[:20])
    yield from (["language-model", good, *base, f"--model={text}"] for text in TEXTS[:20])
    yield from (["language-model", good, *base, "--categorical", text] for text in TEXTS[:8])
    for option in ("--rows", "--context", "--attempts", "--new-tokens", "--seed"):
        yield from (["language-model", good, *base, f"{option}={v}"] for v in NOT_NUMBERS)
    for value in ("0", "1", "-0.5", "nan", "inf", "x", ""):
        yield ["language-model", good, *base, f"--near={value}"]
    yield ["language-model", good, *base, "--remove", "test"]
    yield ["language-model", good, *base, "--group", "y"]
    yield from (["language-model"], ["language-model", good], ["language-model", *base])


def judging_cases(folder):
    """Files and options that say nothing about copies, calibration, or the planner."""
    good = folder / "good.csv"
    good.write_text(malformed.GOOD)
    copies = ["copies", "--label", "y"]
    for _, path in malformed.write(folder, TABLES, ".csv"):
        yield [*copies, path, "--train", good, "--test", good]
        yield [*copies, good, "--train", path, "--test", good]
        yield [*copies, good, "--train", good, "--test", path]
        yield ["recalibrate", path, "--label", "y"]
    for path in malformed.paths(folder):
        yield [*copies, path, "--train", good, "--test", good]
        yield [*copies, good, "--train", good, "--test", good, "--clean", path]
        yield ["recalibrate", path, "--label", "y"]
        yield ["recalibrate", good, "--label", "y", "--out", path]
        yield ["benchmark", "--label=y", "--folder", path, "--out", folder / "r"]
        if path.name != "a folder":
            yield ["planner-study", "--tables=4", "--splits=2", "--out", path / "below"]
    for value in ("0", "1", "-0.5", "nan", "inf", "x", ""):
        yield [*copies, good, "--train", good, "--test", good, f"--near={value}"]
    for text in TEXTS[:20]:
        yield ["copies", good, "--train", good, "--test", good, "--label", text]
        yield ["recalibrate", good, "--label", text]
        yield ["recalibrate", good, "--label", "y", f"--generator={text}"]
    for value in NOT_NUMBERS:
        yield ["recalibrate", good, "--label", "y", f"--folds={value}"]
        yield ["recalibrate", good, "--label", "y", f"--seed={value}"]
        yield ["planner-study", f"--tables={value}"]
        yield ["planner-study", f"--splits={value}"]
    yield ["recalibrate", good, "--label", "y", "--folds=9"]
    yield ["recalibrate", good, "--label", "y", "--out", folder / "x.gif"]
    yield from (["copies"], ["copies", good], ["recalibrate"], ["recalibrate", good])


FLOATS = ("1.5", "1e3")  # refused or not: numbers
COMMANDS = {
    "theory": (lambda argv: main(["theorems", *argv]), lambda folder, run: theory_cases()),
    "verify": (main, lambda folder, run: verify_cases(folder)),
    "report": (main, report_cases),
    "plan": (main, lambda folder, run: plan_cases(folder)),
    "calibrate": (main, lambda folder, run: calibrate_cases(folder)),
    "generate": (main, lambda folder, run: generate_cases(folder)),
    "evaluate": (main, lambda folder, run: evaluate_cases(folder)),
    "train": (main, lambda folder, run: train_cases(folder)),
    "figures": (lambda argv: main(["figures", *argv]), lambda folder, run: figure_cases(folder)),
    "practice": (main, lambda folder, run: practice_cases(folder)),
    "language model": (main, lambda folder, run: text_cases(folder)),
    "practice's judges": (main, lambda folder, run: judging_cases(folder)),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The report of a run; while the tests run, the toy is the only suite there is."""
    folder = tmp_path_factory.mktemp("fuzz")
    every = dict(suites.SUITES)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            suites.SUITES.clear()
            toy_verify.register()
            file = folder / "run.json"
            command = ["verify", "--only", "toy", "--artifacts", str(folder / "kept")]
            status, _, err = _answer(main, [*command, "--json", str(file)])
            assert status == 0, err
            yield file
    finally:
        suites.SUITES.clear()
        suites.SUITES.update(every)  # in their order


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_refuses_what_it_cannot_use(command, run, tmp_path):
    main, cases = COMMANDS[command]
    findings = _findings(main, cases(tmp_path, run))
    assert findings == [], f"{len(findings)} findings"


def test_there_are_more_than_500_cases_and_no_case_is_there_twice(run, tmp_path):
    total = 0
    for command, (_, cases) in COMMANDS.items():
        (tmp_path / command).mkdir()
        calls = [tuple(map(str, argv)) for argv in cases(tmp_path / command, run)]
        assert len(set(calls)) == len(calls) > 40, command
        total += len(calls)
    assert total > 1000


def test_the_fuzz_finds_what_is_accepted_and_what_escapes():
    def escapes(argv):
        raise KeyError(argv[0])

    assert _findings(lambda argv: 0, [["x"]])[0][1] == 0
    assert "KeyError" in _findings(escapes, [["x"]])[0][1]
    assert _findings(lambda argv: 2, [["x"]])  # no word about why


FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(st.binary(max_size=400))
def test_random_bytes_are_no_table_no_report_and_no_network(run, tmp_path, content):
    file = tmp_path / "file"
    file.write_bytes(content)
    good = tmp_path / "good.csv"
    good.write_text(malformed.GOOD)
    out = str(tmp_path / "out")
    network = ["generate", str(good), "--label", "y", "--each=2", "--out", out, "--checkpoint"]
    findings = [
        *_findings(main, [["report", file, "--out", out], ["plan", file, "--label", "y"]]),
        *_findings(main, [[*network, file], ["generate", file, "--label=y", "--out", out]]),
    ]
    assert findings == []


@FUZZ
@given(st.lists(st.text(max_size=8), max_size=4))
def test_random_words_are_no_command(words):
    if any(word in ("-h", "--help", "--") or word.startswith(("-h", "--h")) for word in words):
        return
    assert _findings(main, [words]) == []
    if words:
        assert _findings(main, [["theorems", *words]]) == []


@pytest.mark.parametrize(
    "command",
    [
        ["report", "missing.json", "--out", "x.html"],
        ["verify", "--seed=--"],
        ["generate", "missing.csv", "--label", "y", "--out", "x.csv"],
        ["theorems", "--latex=--"],
    ],
)
def test_a_process_prints_no_traceback_and_ends_with_status_2(command, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "synthetic_oversampling", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and done.stderr.strip() and "Traceback" not in done.stderr
