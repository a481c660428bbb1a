"""What is compiled, and what a cache on disk saves."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jax
import pytest
import toy_verify

from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.checks.declaration import planned
from synthetic_oversampling.simulate.replicates import compilation
from synthetic_oversampling.simulate.replicates.compilation import counted, use_cache
from synthetic_oversampling.simulate.replicates.sharding import sharded_draw, sharded_map
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.verify import suites

PROBE = """
import sys, jax
from synthetic_oversampling.simulate.replicates.compilation import counted, use_cache
use_cache(sys.argv[1])
hits = []
jax.monitoring.register_event_listener(
    lambda event, **_: hits.append(event) if event.endswith("cache_hits") else None
)
with counted() as names:
    print(float(jax.jit(lambda x: x * 2 + 1)(3.0)))
print(len(names), len(hits))
"""

VERIFY = """
import collections, json, jax
jax.config.update("jax_enable_x64", True)
from synthetic_oversampling.simulate.verify import run as verify
from synthetic_oversampling.simulate.replicates.compilation import counted
stages = []
with counted() as names:
    universe = verify.build("quick", ["line"])
stages.append(names)
chosen = [check for check in universe if set(check.experiments) == {"line/raw"}]
for seed in (1, 2):
    with counted() as names:
        report = verify.run_checks(chosen, seed=seed, profile="quick", universe=chosen[:1])
    stages.append(names)
print(json.dumps([len(chosen), *(dict(collections.Counter(names)) for names in stages)]))
"""


def _compiled(names, *functions):
    """How often each of these was compiled."""
    counts = Counter(name.removeprefix("jit(").removesuffix(")") for name in names)
    return {name: counts[name] for name in functions}


def test_an_experiment_is_compiled_once_whatever_is_run_of_it_and_how_often(monkeypatch):
    monkeypatch.setattr(suites, "SUITES", dict(suites.SUITES))
    toy_verify.register()
    checks = planned(suites.SUITES["toy"].checks("quick"))
    sharded_draw.cache_clear()
    sharded_map.cache_clear()
    with counted() as first:
        verify.run_checks(checks, seed=1, profile="quick")
    # four checks, three experiments of functions of their own
    assert _compiled(first, "draw", "evaluate") == {"draw": 3, "evaluate": 3}
    with counted() as again:
        verify.run_checks(checks, seed=2, profile="quick")
    assert _compiled(again, "draw", "evaluate") == {"draw": 0, "evaluate": 0}


def test_verify_compiles_what_is_declared_here_and_nothing_for_another_check_or_seed():
    done = subprocess.run([sys.executable, "-c", VERIFY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    checks, built, ran, again = json.loads(done.stdout.splitlines()[-1])
    assert checks > 1
    # risks of all designs of the suite: references, fixed and pooled; fitted alike; SMOTE. Of a
    # prediction, only what seeds add to a fitted generator: normal, between seeds, Student's scales
    forms = {"_fitted": 3, "_expected_risk": 3, "_loss_variance": 3}
    shapes = {"_minimise": 3, "_bias": 1, "group_derivatives": 1, "_constants": 1, "_sums": 1}
    assert {name: built[f"jit({name})"] for name in forms | shapes} == forms | shapes
    # all checks of one experiment: one program draws, one evaluates
    assert {name: ran[f"jit({name})"] for name in ("draw", "evaluate")} == dict(draw=1, evaluate=1)
    # what is left are small operations outside of them
    programs = sum(forms.values()) + sum(shapes.values())
    assert sum(built.values()) <= programs + 32 and sum(ran.values()) <= 2 + 8
    assert again == {}


@pytest.mark.slow
def test_a_suite_of_verify_compiles_one_program_a_form_and_a_shape():
    jax.clear_caches()
    with counted() as built:
        universe = verify.build("quick", ["line"])
    # fitted alike; SMOTE's mixture; Student's scales: three forms for all designs
    assert _compiled(built, "_fitted") == {"_fitted": 3}
    wanted = [
        check for check in universe if set(check.experiments) <= {"line/raw", "line/weighted"}
    ]
    chosen = [check for check in wanted if check.experiments]
    assert len({name for check in chosen for name in check.experiments}) == 2 < len(chosen)
    with counted() as ran:
        verify.run_checks(chosen, seed=1, profile="quick", universe=universe)
    # class weighting has the real rows of raw training: one program draws both, one evaluates
    assert _compiled(ran, "draw", "evaluate") == {"draw": 1, "evaluate": 1}
    with counted() as again:
        verify.run_checks(chosen, seed=2, profile="quick", universe=universe)
    assert not set(again) & {"jit(draw)", "jit(evaluate)", "jit(_fitted)"}


def test_a_second_process_reads_what_the_first_one_compiled(tmp_path):
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROBE, str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        runs.append(done.stdout.split())
    assert runs[0][0] == runs[1][0] == "7.0"
    compiled, hits = int(runs[0][1]), int(runs[0][2])
    assert compiled >= 1 and hits == 0
    assert int(runs[1][1]) == int(runs[1][2]) == compiled


def test_a_folder_that_cannot_hold_programs_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    before = jax.config.jax_compilation_cache_dir
    with pytest.raises(ArtifactError, match="cannot hold compiled programs"):
        use_cache(file)
    assert jax.config.jax_compilation_cache_dir == before


def test_a_damaged_program_is_compiled_anew(tmp_path):
    def probe():
        done = subprocess.run(
            [sys.executable, "-c", PROBE, str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    whole = probe()
    kept = [file for file in tmp_path.rglob("*-cache") if file.is_file()]
    assert kept
    for file in kept:
        file.write_bytes(file.read_bytes()[:40])
    value, compiled, hits = probe()
    assert (value, compiled) == (whole[0], whole[1]) and int(hits) == 0


def test_programs_of_another_processor_are_left_alone(tmp_path, monkeypatch):
    here = compilation._processor()
    monkeypatch.setattr(Path, "read_text", lambda self: "flags\t: fpu sse4_2\n")
    assert compilation._processor() != here


@pytest.fixture
def no_folder():
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


def test_the_default_folder_that_cannot_be_used_is_said_and_left(tmp_path, no_folder, capsys):
    file = tmp_path / "file"
    file.write_text("")
    compilation.keep_compiled(file, chosen=False)
    assert "Going on without" in capsys.readouterr().err
    assert jax.config.jax_compilation_cache_dir is None
    with pytest.raises(ArtifactError, match="cannot hold compiled programs"):
        compilation.keep_compiled(file, chosen=True)


def test_a_folder_named_by_the_environment_goes_before_the_default(tmp_path, no_folder):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "named"))
    compilation.keep_compiled(tmp_path / "default", chosen=False)
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "named")
    assert not (tmp_path / "default").exists()
