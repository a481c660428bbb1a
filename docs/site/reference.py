"""The reference: a page for every folder of the packages, an entry for every public name.

Public is what a module's ``__all__`` names. An entry stands with the module that defines it; what a
package itself offers (`theory.predict`) is listed on the package's page, and its entry says so.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from pathlib import Path

from sphinx.addnodes import pending_xref
from sphinx.errors import ExtensionError
from sphinx.pycode import ModuleAnalyzer

PACKAGE = "synthetic_oversampling"
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("theory", "simulate", "transformer_toy", "figures", "practice")
FOLDER = "reference"
_LONGEST = 300  # characters of a constant's value that is shown


def modules(package: str) -> dict[str, list[str]]:
    """The modules of a package by folder, as dotted names below `PACKAGE`."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        *folder, name = path.relative_to(ROOT).with_suffix("").parts
        if name != "__init__":
            found.setdefault(".".join(folder), []).append(".".join((*folder, name)))
    return found


def own_names(package: str) -> list[str]:
    """What a package itself offers."""
    return list(getattr(importlib.import_module(f"{PACKAGE}.{package}"), "__all__", ()))


@functools.cache
def public_names() -> tuple[tuple[str, str, object], ...]:
    """Every public name: the module that defines it, its own name, and what it is."""
    found = []
    for module in (
        own for package in PACKAGES for part in modules(package).values() for own in part
    ):
        loaded = importlib.import_module(f"{PACKAGE}.{module}")
        for name in getattr(loaded, "__all__", ()):
            value = getattr(loaded, name)
            named = inspect.isroutine(value) or inspect.isclass(value)
            if not named or getattr(value, "__module__", None) == loaded.__name__:
                found.append((module, name, value))
    return tuple(found)


@functools.cache
def homes(package: str) -> dict[str, str]:
    """The modules that define what a package itself offers, by name."""
    found = {}
    for name in own_names(package):
        value = getattr(importlib.import_module(f"{PACKAGE}.{package}"), name)
        places = [
            module
            for module, listed, other in public_names()
            if listed == name and other is value and module.startswith(f"{package}.")
        ]
        if not places:
            raise ExtensionError(f"{package}.{name}: no module below {package} makes it public.")
        found[name] = places[0]
    return found


def _directive(value: object) -> tuple[str, str]:
    """The directive of autodoc, and its options."""
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        return f"auto{kind}", "   :members:\n   :show-inheritance:\n"
    if callable(value) and hasattr(value, "__wrapped__") or inspect.isroutine(value):
        return "autofunction", ""
    short = len(repr(value)) <= _LONGEST and " at 0x" not in repr(value)
    return "autodata", "" if short else "   :no-value:\n"


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n\n"


def _pages() -> dict[str, str]:
    """The pages in reStructuredText, by name."""
    entries: dict[str, list[str]] = {}
    for place, name, value in public_names():
        kind, options = _directive(value)
        text = f".. {kind}:: {PACKAGE}.{place}.{name}\n{options}\n"
        entries.setdefault(place, []).append(text)
    pages = {}
    for package in PACKAGES:
        for folder, names in modules(package).items():
            imported = importlib.import_module(f"{PACKAGE}.{folder}")
            parts = [_heading(folder, "=")]
            if folder == package:
                parts += [f".. automodule:: {PACKAGE}.{package}\n   :no-members:\n\n"]
                below = [name for name in modules(package) if name != package]
                parts += [".. toctree::\n   :maxdepth: 1\n\n"]
                parts += [f"   {name}\n" for name in below] + ["\n"]
                parts += [_offered(package)]
            elif imported.__doc__:
                parts += [f".. automodule:: {PACKAGE}.{folder}\n   :no-members:\n\n"]
            for module in names:
                parts += [_heading(module, "-")]
                parts += [f".. automodule:: {PACKAGE}.{module}\n   :no-members:\n\n"]
                parts += entries.get(module, ())
            pages[folder] = "".join(parts)
    return pages


def _offered(package: str) -> str:
    """What a package itself offers, each with a link to its entry."""
    if not own_names(package):
        return ""
    rows = []
    for name, home in homes(package).items():
        value = getattr(importlib.import_module(f"{PACKAGE}.{package}"), name)
        says = _comments(home).get(name) or inspect.getdoc(value) or ""
        line = _SPAN.sub(lambda m: m.group(1) or "\\" + m.group(0), says.split("\n")[0])
        rows += [f"   * - :py:obj:`{name} <{PACKAGE}.{home}.{name}>`\n     - {line}\n"]
    text = _heading(f"To import from {PACKAGE}.{package}", "-")
    return text + ".. list-table::\n\n" + "".join(rows) + "\n"


def write(folder: Path, pages: dict[str, str], suffix: str) -> None:
    """Write pages where they differ from what is there, and remove others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"*{suffix}"):
        if path.stem not in pages and path.name.removesuffix(suffix) not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}{suffix}"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _write(app) -> None:
    write(Path(app.srcdir) / "generated" / FOLDER, _pages(), ".rst")


# a span in backticks, an example, or a character that reStructuredText would read as markup
_SPAN = re.compile(r"(``.+?``|`[^`]+`)|(\|)|(?<![\w\\*])(\*)(?=\w)|(?<=\w)(_)(?![\w`])", re.DOTALL)


def _plain(app, what, name, obj, options, lines: list[str]) -> None:
    """Docstrings are plain text with names in backticks: |b| is a norm, x_ a name, not markup."""
    if what == "data":
        lines[:] = [_comment(name)]  # of a constant, not the docstring of its type
    parts = re.split(r"((?:^[ ]*(?:>>>|\.\.\.).*\n?)+)", "\n".join(lines), flags=re.MULTILINE)
    for k in range(0, len(parts), 2):
        parts[k] = _SPAN.sub(lambda m: m.group(1) or "\\" + m.group(0), parts[k])
    lines[:] = "".join(parts).split("\n")
    if what in ("class", "function", "data", "exception") and (package := _offered_by(name)):
        lines += ["", f"Import it from ``{package}``.", ""]


@functools.cache
def _bound(module: str) -> dict[str, tuple[int, int]]:
    """The first and last line of what binds each name of a module at its top, imports included."""
    nodes, found = list(ast.parse(_source(module)).body), {}
    for node in nodes:
        if isinstance(node, ast.If):
            nodes += [*node.body, *node.orelse]
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        inner = [part for own in targets for part in getattr(own, "elts", [own])]
        names = [part.id for part in inner if isinstance(part, ast.Name)]
        if isinstance(node, ast.ImportFrom):
            names = [alias.asname or alias.name for alias in node.names]
        found |= {name: (node.lineno, node.end_lineno or node.lineno) for name in names}
    return found


@functools.cache
def _source(module: str) -> str:
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return (path if path.exists() else path.with_suffix("") / "__init__.py").read_text()


@functools.cache
def _comments(module: str) -> dict[str, str]:
    """What the comments on and above a module's constants say."""
    lines = _source(module).split("\n")
    found = {}
    for name, (first, _) in _bound(module).items():
        above: list[str] = []
        row = first - 2
        while row >= 0 and (line := lines[row].strip()).startswith("# ") and "# ---" not in line:
            above.insert(0, line[2:])
            row -= 1
        beside = re.search(r"  # (.*)$", lines[first - 1])
        found[name] = " ".join(above + ([beside.group(1)] if beside else []))
    return found


def _comment(dotted: str) -> str:
    """What is said of a constant where it is defined, or where it was imported from."""
    module, _, name = dotted.removeprefix(f"{PACKAGE}.").rpartition(".")
    said = _comments(module).get(name, "")
    value = getattr(importlib.import_module(f"{PACKAGE}.{module}"), name, None)
    others = (
        _comments(home)[name]
        for home, listed, other in public_names()
        if listed == name and other is value and _comments(home).get(name)
    )
    return said or next(others, "")


def _sources(app, module: str) -> tuple[str, dict] | None:
    """What the pages of sources show: functions, classes, and constants as well."""
    if not module.startswith(f"{PACKAGE}."):
        return None
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.find_tags()
    bound = _bound(module.removeprefix(f"{PACKAGE}."))
    constants = {name: ("data", *lines) for name, lines in bound.items()}
    return analyzer.code, constants | analyzer.tags


def _offered_by(dotted: str) -> str:
    """The package that offers a name as well, if one does."""
    module, _, name = dotted.removeprefix(f"{PACKAGE}.").rpartition(".")
    package = module.partition(".")[0]
    known = package in PACKAGES and homes(package).get(name) == module
    return f"{PACKAGE}.{package}" if known else ""


def _others(app, what, name, obj, skip, options) -> bool | None:
    """Leave out what a class takes from other libraries."""
    home = getattr(getattr(obj, "__wrapped__", obj), "__module__", None)
    foreign = isinstance(home, str) and not home.startswith(PACKAGE)
    # a field of a tuple is said by the tuple's own docstring
    unsaid = (getattr(obj, "__doc__", None) or "").startswith("Alias for field number")
    return True if foreign or unsaid or re.fullmatch(r"set_\w+_request", name) else None


def _exact(app, doctree) -> None:
    """A name leads to what its own module or class calls so, not to any other that has it.

    Docstrings leave the first part of names out: `theory.predict` is what it says.
    """
    for node in doctree.findall(pending_xref):
        if node.get("refdomain") == "py":
            node.attributes.pop("refspecific", None)
            package, _, name = node["reftarget"].partition(".")
            if package in PACKAGES and name:
                home = homes(package).get(name)
                full = f"{home}.{name}" if home else node["reftarget"]
                node["reftarget"] = f"{PACKAGE}.{full}"


def _complete(app, error) -> None:
    """No build without an entry for every public name that says what it is and where it stands."""
    if error is not None or app.builder.name != "html":
        return
    described = set(app.env.domains.python_domain.objects)
    shown = {module: entry[2] for module, entry in app.env._viewcode_modules.items() if entry}
    faults: dict[str, list[str]] = {}
    for place, name, value in public_names():
        own = f"{PACKAGE}.{place}.{name}"
        said = inspect.getdoc(value) if _directive(value)[0] != "autodata" else _comment(own)
        for fault, there in (
            ("no entry in the reference", own in described),
            ("an entry without a link to its source", name in shown.get(f"{PACKAGE}.{place}", ())),
            ("an entry that says nothing (a constant: no comment)", said),
        ):
            if not there:
                faults.setdefault(fault, []).append(f"{place}.{name}")
    if faults:
        lines = (f"{fault}: {', '.join(names)}" for fault, names in faults.items())
        raise ExtensionError("\n".join(lines))


def setup(app) -> dict:
    """Write the pages before they are read; check them when all is written."""
    app.connect("builder-inited", _write)
    app.connect("autodoc-process-docstring", _plain, priority=100)
    app.connect("autodoc-skip-member", _others)
    app.connect("viewcode-find-source", _sources)
    app.connect("doctree-read", _exact)
    app.connect("build-finished", _complete)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
