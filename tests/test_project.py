"""The project itself: what imports what, the command, the pins, and what the README promises."""

import ast
import importlib
import importlib.metadata
import inspect
import operator
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import jax.numpy as jnp
import jaxtyping
import pytest

import synthetic_oversampling
from synthetic_oversampling.__main__ import COMMANDS, main
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import Law

ROOT = Path(__file__).parent.parent
NAME = "synthetic_oversampling"
PACKAGES = ("theory", "simulate", "transformer_toy", "figures", "practice")
MAY_IMPORT = {
    "theory": set(),
    "simulate": {"theory"},
    "transformer_toy": {"theory", "simulate"},
    "figures": {"theory", "simulate"},
    "practice": {"theory", "simulate", "transformer_toy", "figures"},
}
MAX_LINES, MAX_FILES = 450, 14
# the folders of a package, from the lowest up; a module beside them stands above all of them
ORDER = {
    "theory": (
        "formula", "theorems", "population", "generators", "prediction", "scaling", "multiclass",
        "in_context", "proportional",
    ),
    "simulate": (
        "tables", "checks", "sampling", "replicates", "experiments", "validity", "claims", "sweeps",
        "mutants", "verify", "report", "commands",
    ),
    "practice": (
        "rows", "text", "planner", "planner_study", "benchmark", "commands",
    ),
    "transformer_toy": ("evaluation", "rows", "commands"),
    "figures": ("risk", "scaling", "in_context", "proportional"),
}  # fmt: skip


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _python_files() -> list[Path]:
    folders = [ROOT / name for name in (*PACKAGES, "tests", "benchmarks")]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def _imported_packages(source: str) -> set[str]:
    """The packages that a module imports, lazily inside functions too."""
    return {name.split(".")[0] for name in _imported(source)}


def _imported(source: str) -> set[str]:
    """The modules of this project that a module imports, by their names below the package."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            names |= {str(a.value) for a in node.args if isinstance(a, ast.Constant)}
    return {
        name.removeprefix(f"{NAME}.")
        for name in names
        if name.startswith((f"{NAME}.", "tests", "benchmarks"))
    }


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
def test_the_folders_of_a_package_are_ordered_small_and_on_its_map(package):
    folders = {path.parent for path in (ROOT / package).rglob("*.py")} - {ROOT / package}
    assert {path.relative_to(ROOT / package).parts[0] for path in folders} == set(ORDER[package])
    for folder in (ROOT / package, *folders):
        count = len(list(folder.glob("*.py")))
        assert count <= MAX_FILES, f"{folder.relative_to(ROOT)} holds {count} files"
    text = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text()))
    for name in ORDER[package]:
        assert f"`{name}`" in text, f"the docstring of {package} does not name {name}/"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_imports_only_folders_below_it(package):
    rank = {name: place for place, name in enumerate(ORDER[package])}
    wrong = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT / package).parts
        if len(parts) == 1:
            continue
        for name in _imported(path.read_text()):
            where = name.split(".")
            if where[0] == package and len(where) > 1 and rank.get(where[1], -1) > rank[parts[0]]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_importing_theory_loads_no_other_package_and_leaves_float32_on():
    code = (
        f"import sys, jax, {NAME}.theory\n"
        "from synthetic_oversampling.theory import predict\n"
        "loaded = {name.split('.')[1] for name in sys.modules if name.count('.') and "
        f"name.startswith('{NAME}.')}}\n"
        f"assert not loaded & set({PACKAGES[1:]}), loaded\n"
        "assert not jax.config.jax_enable_x64\n"
    )
    result = _run(sys.executable, "-c", code)
    assert result.returncode == 0, result.stderr


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    said = _run(sys.executable, "-m", NAME, "--version").stdout
    assert said == f"oversampling {project['version']}\n"
    assert synthetic_oversampling.__version__ == project["version"], "run make to install anew"


def test_the_console_script_is_the_same_as_the_package():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="oversampling")
    assert entry.load() is main
    by_script = _run(str(Path(sys.executable).parent / "oversampling"), "--help")
    by_package = _run(sys.executable, "-m", NAME, "--help")
    assert by_script.returncode == by_package.returncode == 0, by_script.stderr + by_package.stderr
    assert by_script.stdout == by_package.stdout and "usage:" in by_package.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_comes_without_jax(command):
    code = (
        f"import sys\nfrom {NAME}.__main__ import main\n"
        f"try: main([{command!r}, '--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'jax', 'numpy', 'scipy', 'sympy', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = _run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert f"usage: oversampling {command}" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_reports_bad_usage_with_status_2(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--no-such-option"])
    assert stop.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("package", PACKAGES)
def test_shapes_are_checked_in_every_package(package):
    # A misspelt package in the pytest option would check nothing, and say nothing.
    loader = importlib.import_module(f"{NAME}.{package}").__spec__.loader
    assert type(loader).__module__ == "jaxtyping._import_hook"


def test_an_argument_of_the_wrong_shape_is_refused():
    law = Law(jnp.ones(1), jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1))
    assert jnp.isclose(risk(jnp.zeros(3), law), jnp.log(2.0), rtol=0, atol=1e-12)
    with pytest.raises(jaxtyping.TypeCheckError, match="theta"):
        risk(jnp.zeros((3, 1)), law)
    with pytest.raises(jaxtyping.TypeCheckError, match="theta"):
        risk(jnp.zeros(3, dtype=int), law)


def test_the_wheel_is_one_package_with_every_file_and_leaves_other_names_alone(tmp_path):
    source = tmp_path / "source"  # building leaves folders behind
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "__init__.py",
        "__main__.py",
        "setup.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):
        shutil.copy(ROOT / name, source / name)
    done = _run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
        str(source),
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    code = {name for name in inside if not name.split("/")[0].endswith(".dist-info")}
    assert {name.split("/")[0] for name in code} == {NAME}
    files = {
        f"{NAME}/{path.relative_to(ROOT).as_posix()}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    extra = {f"{NAME}/__init__.py", f"{NAME}/__main__.py", f"{NAME}/setup.py"}
    assert files < code <= files | extra
    # a user's own theory.py stays theirs; the command works from any folder
    (tmp_path / "theory.py").write_text("MINE = True\n")
    script = (
        "import sys; sys.path.insert(0, 'installed'); import theory; assert theory.MINE\n"
        f"import {NAME}; assert {NAME}.__path__[0].startswith({str(tmp_path)!r})\n"
        f"from {NAME}.__main__ import main; sys.exit(main(['theorems', 'R2']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and done.stdout.startswith("R2 "), done.stderr


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


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def test_every_dependency_has_an_oldest_version_which_is_not_above_the_pinned_one():
    pinned = dict(re.findall(r"^([\w-]+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.M))
    oldest = _run(sys.executable, ".ci/oldest.py").stdout
    bounds = dict(line.split("==") for line in oldest.splitlines())
    project = _project()["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["practice"]]
    assert list(bounds) == [re.match(r"[\w-]+", one).group() for one in wanted]
    for name, bound in bounds.items():
        assert _numbers(bound) <= _numbers(pinned[name]), name


def test_the_jobs_of_a_forge_are_named_and_have_every_python_of_the_package():
    jobs = _run(".ci/matrix").stdout.split()
    said = re.findall(r"Python :: (3\.\d+)", str(_project()["project"]["classifiers"]))
    assert [job.removeprefix("python-") for job in jobs if "python" in job] == said
    script = (ROOT / ".ci" / "matrix").read_text()
    for job in set(jobs) - {f"python-{version}" for version in said}:
        assert re.search(rf"^    .*\b{job}\b.*\) exec ", script, flags=re.M), job
    unknown = _run(".ci/matrix", "nightly")
    assert unknown.returncode == 2 and "expected one of: tests python-3.11" in unknown.stderr


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


def test_records_of_more_than_four_fields_are_built_with_keywords():
    trees = {path: ast.parse(path.read_text()) for path in _python_files()}
    classes = [n for tree in trees.values() for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    made_by = ("NamedTuple", "dataclass")
    records = {
        node.name
        for node in classes
        if any(word in ast.unparse(part) for part in _bases(node) for word in made_by)
    }
    assert {"Check", "Prediction", "Theorem", "Choice"} <= records
    positional = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and len(node.args) > 4
        if ast.unparse(node.func).split(".")[-1] in records
        if not any(isinstance(part, ast.Starred) for part in node.args)
    ]
    assert positional == []


def _bases(node: ast.ClassDef) -> list[ast.expr]:
    return [*node.bases, *node.decorator_list]


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
            for function in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                    yield (
                        function.name if function is node else f"{node.name}.{function.name}",
                        function,
                    )


def _inherited_docstring(path: Path, name: str) -> str:
    module = ".".join([NAME, *path.relative_to(ROOT).with_suffix("").parts])
    return inspect.getdoc(operator.attrgetter(name)(importlib.import_module(module))) or ""


def test_the_docstring_of_a_public_function_says_what_every_parameter_is():
    unsaid = {}
    for path in sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py")):
        for name, function in _public_functions(ast.parse(path.read_text())):
            arguments = function.args
            given = [
                *arguments.posonlyargs,
                *arguments.args,
                *arguments.kwonlyargs,
                *filter(None, [arguments.vararg]),
            ]
            parameters = [part.arg for part in given if part.arg not in ("self", "cls")]
            text = ast.get_docstring(function) or _inherited_docstring(path, name)
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
    commands = set(re.findall(r"\boversampling ([a-z][a-z-]*)", " ".join(_code(readme))))
    assert commands <= set(COMMANDS)
    modules = set(re.findall(r"\bpython -m ([a-z_]+)", readme))
    assert modules <= {NAME, "benchmarks", "pytest", "pip", "venv", "ruff"}


def test_continuous_integration_runs_the_test_command_of_the_readme():
    assert re.search(r"^exec make test$", (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE)
    assert "make test" in " ".join(_code((ROOT / "README.md").read_text()))


def _code(markdown: str) -> list[str]:
    """The fenced blocks and the inline code of a Markdown text."""
    fence = r"^```[a-z]*\n(.*?)^```"
    blocks = re.findall(fence, markdown, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(fence, "", markdown, flags=re.MULTILINE | re.DOTALL)
    return blocks + re.findall(r"`([^`\n]+)`", rest)
