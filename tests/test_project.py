"""The house itself: what imports what, the doors, the pins, and what the README promises."""

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jax.numpy as jnp
import jaxtyping
import pytest

from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import Law

ROOT = Path(__file__).parent.parent
PACKAGES = ("theory", "simulate", "transformer_toy", "figures", "practice")
SCRIPTS = {
    "oversampling-theorems": "theory",
    "oversampling-verify": "simulate",
    "oversampling-generate": "transformer_toy",
    "oversampling-figures": "figures",
    "oversampling-practice": "practice",
}
MAY_IMPORT = {
    "theory": set(),
    "simulate": {"theory"},
    "transformer_toy": {"theory", "simulate"},
    "figures": {"theory", "simulate"},
    "practice": {"theory", "simulate", "transformer_toy", "figures"},
}
MAX_LINES = 400


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _python_files() -> list[Path]:
    folders = [ROOT / name for name in (*PACKAGES, "tests", "benchmarks")]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def _imported_packages(source: str) -> set[str]:
    """The top-level names that a module imports, lazily inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            names |= {str(a.value).split(".")[0] for a in node.args if isinstance(a, ast.Constant)}
    return names


def _run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_packages_below_it(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package}/ holds no Python file"
    forbidden = (set(PACKAGES) | {"tests", "benchmarks"}) - {package} - MAY_IMPORT[package]
    for path in files:
        if path.name == "__main__.py" and package != "theory":
            continue  # a door may hand over to any package, lazily
        wrong = _imported_packages(path.read_text()) & forbidden
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_import_rule_sees_every_way_of_importing():
    for line in (
        "import synthetic_oversampling.simulate.sampling.erm as erm",
        "from synthetic_oversampling.simulate.sampling import erm",
        "def f():\n    from synthetic_oversampling.simulate.sampling.erm import fit",
        "importlib.import_module('synthetic_oversampling.simulate.sampling.erm')",
    ):
        assert "simulate" in _imported_packages(line), line
    assert "simulate" not in _imported_packages("from .simulate import erm")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_of_a_package_names_all_modules_and_none_that_does_not_exist(package):
    text = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text()))
    modules = {path.stem: path.read_text() for path in (ROOT / package).glob("*.py")}
    named = set(re.findall(r"`([a-z_]+)`", text)) - {*PACKAGES, "law_of_design", "predict"}
    families = re.findall(r"``([a-z]+_)\*``", text)
    assert len(named) > 3 and named <= modules.keys(), sorted(named - modules.keys())
    assert all(any(own.startswith(family) for own in modules) for family in families)
    told = {own for own in modules if own.startswith(("__", *families))} | named
    told |= {own for own, code in modules.items() if "\nSPEC = Spec(" in code}  # figures: a gallery
    assert not modules.keys() - told, sorted(modules.keys() - told)


def test_importing_theory_loads_no_other_package_and_leaves_float32_on():
    code = (
        "import sys, jax, theory\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        f"assert not loaded & set({PACKAGES[1:]}), loaded\n"
        "assert not jax.config.jax_enable_x64\n"
    )
    result = _run(sys.executable, "-c", code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_console_script_is_the_same_as_its_module(script):
    module = f"{SCRIPTS[script]}.__main__"
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=script)
    assert entry.load() is importlib.import_module(module).main
    by_script = _run(str(Path(sys.executable).parent / script), "--help")
    by_module = _run(sys.executable, "-m", SCRIPTS[script], "--help")
    assert by_script.returncode == by_module.returncode == 0, by_script.stderr + by_module.stderr
    assert "usage:" in by_module.stdout.lower()
    assert by_script.stdout == by_module.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_a_door_reports_bad_usage_with_status_2(package):
    result = _run(sys.executable, "-m", package, "--no-such-option")
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_shapes_are_checked_in_every_package(package):
    # A misspelt package in the pytest option would check nothing, and say nothing.
    loader = importlib.import_module(package).__spec__.loader
    assert type(loader).__module__ == "jaxtyping._import_hook"


def test_an_argument_of_the_wrong_shape_is_refused():
    law = Law(jnp.ones(1), jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1))
    assert jnp.isclose(risk(jnp.zeros(3), law), jnp.log(2.0), rtol=0, atol=1e-12)
    with pytest.raises(jaxtyping.TypeCheckError, match="theta"):
        risk(jnp.zeros((3, 1)), law)
    with pytest.raises(jaxtyping.TypeCheckError, match="theta"):
        risk(jnp.zeros(3, dtype=int), law)


def test_every_package_is_declared_and_every_data_file_is_shipped():
    setuptools = _project()["tool"]["setuptools"]
    declared = set(setuptools["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert declared == found
    patterns = setuptools["package-data"]["*"]
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix not in {".py", ".pyc"}:
                assert any(path.match(pattern) for pattern in patterns), path.relative_to(ROOT)


def test_the_citation_is_of_this_version_of_this_package():
    project, text = _project()["project"], (ROOT / "CITATION.cff").read_text()
    said = dict(re.findall(r"^(version|license): (.+)$", text, flags=re.MULTILINE))
    assert said == {"version": project["version"], "license": project["license"]}
    assert f"authors:\n  - name: {project['authors'][0]['name']}\n" in text


def test_every_dependency_is_pinned_and_no_pin_is_an_address():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line.strip() and not line.startswith("#")]
    for line in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line), line
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in pins}
    assert len(pinned) == len(pins), "a package is pinned twice"
    project = _project()
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    names = {re.match(r"[A-Za-z0-9._-]+", w).group().replace("_", "-").lower() for w in wanted}
    assert names <= pinned, sorted(names - pinned)


def test_the_installed_versions_are_the_pinned_ones():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if version:
            try:
                installed = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue  # of an extra that is not installed here, or the build backend
            if name != "setuptools":  # the one in an environment is not the one that builds
                assert installed == version, name


@pytest.mark.parametrize("command", [("check",), ("format", "--check")])
def test_the_tree_is_as_the_style_tool_leaves_it(command):
    done = _run(sys.executable, "-m", "ruff", *command, ".")
    assert done.returncode == 0, done.stdout + done.stderr + "\nrun `make format`, then `make lint`"


def test_no_module_is_longer_than_the_limit():
    lengths = {path: len(path.read_text().splitlines()) for path in _python_files()}
    assert len(lengths) > len(PACKAGES)
    too_long = {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > MAX_LINES}
    assert not too_long


def _public_functions(tree: ast.Module):
    """Functions and methods that `__all__` names, with the names they are called by."""
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ]
    for node in tree.body:
        if getattr(node, "name", None) in set().union(*listed):
            for own in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(own, ast.FunctionDef) and not own.name.startswith("_"):
                    yield own.name if own is node else f"{node.name}.{own.name}", own


# beside all of theory: what experiments are made of and judged by; of doors, reports and lists of
# checks, one line says enough
EXPLAINED = (
    "artifacts calibration checks configurations control datasets discriminant enumeration "
    "in_context measure mixtures mutation paths phase_points power_law results samplers "
    "scaling_paths score_bias sequences streams tables"
).split()


def test_the_docstring_of_a_public_function_says_what_every_parameter_is():
    unsaid = {}
    paths = [ROOT / "simulate" / f"{name}.py" for name in EXPLAINED]
    for path in sorted((ROOT / "theory").glob("*.py")) + paths:
        for name, function in _public_functions(ast.parse(path.read_text())):
            own = function.args
            given = [*own.posonlyargs, *own.args, *own.kwonlyargs, *filter(None, [own.vararg])]
            parameters = [part.arg for part in given if part.arg not in ("self", "cls")]
            text = ast.get_docstring(function) or ""
            missing = [part for part in parameters if not re.search(rf"\b{part}\b", text)]
            if missing or (parameters and "Args:" not in text):
                unsaid[f"{path.stem}.{name}"] = missing
    assert not unsaid


def test_errors_say_what_was_got_before_what_was_expected():
    turned = []
    for path in _python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                words = [
                    str(part.value) if isinstance(part, ast.Constant) else "?"
                    for argument in node.exc.args
                    for part in getattr(argument, "values", [argument])
                ]
                if re.search(r"\bexpected [^.;]*, got\b", " ".join(words)):
                    turned.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not turned


def test_every_command_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"\bmake ([a-z]+)\b", " ".join(_code(readme))))
    assert {"verify", "test"} <= targets <= _make_targets()
    scripts = set(re.findall(r"\boversampling-[a-z]+\b", readme))
    assert scripts <= set(SCRIPTS)
    modules = set(re.findall(r"\bpython -m ([a-z_]+)", readme))
    assert modules <= {*PACKAGES, "benchmarks", "pytest", "pip", "venv", "ruff"}


def test_continuous_integration_runs_the_test_command_of_the_readme():
    assert re.search(r"^exec make test$", (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE)
    assert "make test" in " ".join(_code((ROOT / "README.md").read_text()))


def _code(markdown: str) -> list[str]:
    """The fenced blocks and the inline code of a Markdown text."""
    fence = r"^```[a-z]*\n(.*?)^```"
    blocks = re.findall(fence, markdown, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(fence, "", markdown, flags=re.MULTILINE | re.DOTALL)
    return blocks + re.findall(r"`([^`\n]+)`", rest)
