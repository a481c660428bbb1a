"""Which modules a search of small errors is about, and which tests are near them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ROOT", "asked", "distances", "sources"]

ROOT = Path(__file__).parents[2]
PACKAGE = "synthetic_oversampling."
SIMULATE = (
    "sampling/samplers",
    "sampling/mixtures",
    "sampling/datasets",
    "sampling/erm",
    "replicates/monte_carlo",
    "checks/check",
    "checks/declaration",
)
# text, refusals, derivations and compiler options: no returned number comes from them
_LEFT_OUT = (
    "__init__",
    "command",
    "compiling",
    "entries",
    "inputs",
    "listing",
    "notation",
    "precision",
    "proofs",
    "ranges",
    "registry",
    "sources",
    "statements",
    "wording",
)
# tests of commands, pages, other packages and of whole runs: too slow to be asked of each error
_NOT_ASKED = (
    "artifacts", "benchmarks", "calibration", "compilation", "determinism", "documents", "figures",
    "forged", "fuzz_commands", "mutation", "planner", "practice", "processes", "project",
    "report", "resume", "selection", "sweeps", "table_names", "theory_command",
    "transformer", "wording", "refuter", "mutants", "far_from_zero", "platforms",
)  # fmt: skip


def sources() -> dict[str, str]:
    """Texts of the modules that are searched, by path from the root."""
    files = [p for p in (ROOT / "theory").rglob("*.py") if p.stem not in _LEFT_OUT]
    files += [ROOT / "simulate" / f"{name}.py" for name in SIMULATE]
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(files)}


def asked() -> list[str]:
    """The test files that an error may be shown to, from the root."""
    names = (path for path in sorted((ROOT / "tests").glob("test_*.py")))
    return [
        str(path.relative_to(ROOT))
        for path in names
        if not path.stem.removeprefix("test_").startswith(_NOT_ASKED)
    ]


def _imports(file: str) -> set[str]:
    """Files of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    names = {name.removeprefix(PACKAGE) for name in found if name.startswith(PACKAGE)}
    paths = (name.replace(".", "/") + ".py" for name in names)
    return {path for path in paths if (ROOT / path).exists()} | (
        {"theory/__init__.py"} if "theory" in names else set()
    )


def distances(module: str, tests: Sequence[str]) -> dict[str, int]:
    """How many imports away from a module each of these files is; 0 for its own tests."""
    graph = {file: _imports(file) for file in [*sources(), *tests, "theory/__init__.py"]}
    found = {}
    for test in tests:
        seen, edge, steps = {test}, {test}, 0
        while module not in seen and edge and steps < 9:
            edge = {name for file in edge for name in graph.get(file, ())} - seen
            seen |= edge
            steps += 1
        if module in seen:
            found[test] = steps
    namesake = f"tests/test_{Path(module).stem}.py"
    return found | ({namesake: 0} if namesake in tests else {})
