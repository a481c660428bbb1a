"""A page for every theorem, written from the registry, the checks and the wrong formulas."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from recorded import read as recorded
from reference import PACKAGE, write
from sphinx.errors import ExtensionError
from typeset import typeset

from synthetic_oversampling.figures.gallery import FIGURES
from synthetic_oversampling.simulate.checks.declaration import SOURCES
from synthetic_oversampling.simulate.mutants.table import MUTANTS
from synthetic_oversampling.simulate.verify.selection import declare
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.formula.notation import GLOSSARY
from synthetic_oversampling.theory.places import definition, figure, mentions
from synthetic_oversampling.theory.registry import THEOREMS, Theorem

FAMILIES = {
    "B": "Bias",
    "R": "Excess risk",
    "S": "Size and weight",
    "T": "Generation in context",
    "H": "As many features as rows",
    "M": "Metrics",
    "K": "More than two classes",
}
FORMS = {
    "sharp": "this package's own statement",
    "reported": "by arXiv 2406.03628, as far as it was read",
    "literature": "published by others",
}
OPEN = "not-known.md"


def _cell(words: str) -> str:
    return typeset(words).replace("\n", " ")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _code(text: str, language: str) -> str:
    return f"```{{code-block}} {language}\n{text.rstrip()}\n```"


def _meaning(name: str) -> str:
    return next((entry.meaning for key, entry in GLOSSARY.items() if str(key) == name), "")


def _symbol(name: str) -> str:
    return next((entry.latex for key, entry in GLOSSARY.items() if str(key) == name), name)


def _formula(formula: Formula) -> str:
    symbols = _table(
        ("symbol", "argument", "meaning"),
        [(f"${_symbol(name)}$", f"`{name}`", _cell(_meaning(name))) for name in formula.arguments],
    )
    source = textwrap.dedent(inspect.getsource(formula.residual))
    where = inspect.getsourcefile(formula.residual)
    line = inspect.getsourcelines(formula.residual)[1]
    file = Path(where).as_posix().rpartition(f"{PACKAGE}/")[2]
    proof = (
        f"Proved by `oversampling theorems --check-proofs`. This derives the right-hand side by "
        f"another route, subtracts it from `rhs`, and what is left has to vanish (`{file}:{line}`; "
        f"its helpers stand beside it):\n\n{_code(source, 'python')}"
    )
    parts = [
        f"### {formula.id}",
        f"{typeset(formula.claim[0].upper() + formula.claim[1:])} ({formula.kind}).",
        f"```{{math}}\n{formula.latex}\n```",
    ]
    if formula.arguments:
        parts += [_folded("Symbols", symbols)]
    return "\n\n".join([*parts, _folded("Proof, as it is run", proof)])


def _link(name: str) -> str:
    return f"{{py:obj}}`{name} <{PACKAGE}.{name}>`"


def _checks(entry: Theorem) -> str:
    declared = [check for check in declare("quick") if check.theorem == entry.id]
    kinds = Counter(check.source for check in declared)
    count = "\n".join(
        f"* {kinds[name]} {name}: {says}" for name, says in SOURCES.items() if kinds[name]
    )
    places = ", ".join(f"`{place}`" for place in mentions(entry.id, "simulate/claims"))
    run, seen = recorded()
    rows = []
    for check in declared:
        row = seen.get(check.id)
        numbers = ("not there", "", "", "")
        if row is not None:
            bound = "≤ " if check.kind == "bound" else ""
            numbers = (
                f"{bound}{row.predicted:.4g}",
                f"{row.observed:.4g}",
                f"{row.low:.4g} to {row.high:.4g}" if row.replicates else "",
                f"{row.replicates:,}" if row.replicates else "no noise",
            )
        about = (_cell(check.claim), check.kind, check.source)
        rows.append((f"`{check.id}`<br>`{check.place}`", *numbers, *about))
    header = ("check", "predicted", "observed", "interval", "replicates")
    table = _table((*header, "claim", "kind", "observed value"), rows)
    there = [seen[check.id].verdict for check in declared if check.id in seen]
    said = (
        f"In the run on record (seed {run['seed']}, {run['profile']} profile) "
        f"{there.count('pass')} of these {len(there)} passed."
    )
    return (
        f"{_code(f'oversampling verify --only {entry.id}', 'sh')}\n\n"
        f"declares {len(declared)} checks in the quick profile; those that a prediction says there "
        f"is nothing to check of are left out of a run. {said}\n\n{count}\n\n"
        f"They are declared in (file and first line): {places}.\n\n"
        f"{_folded('All of them', table)}"
    )


def _mutants(entry: Theorem) -> str:
    wrong = [mutant for mutant in MUTANTS.values() if entry.id in mutant.theorems]
    rows = [
        (f"`{m.name}`", _cell(m.change), ", ".join(f"`{check}`" for check in m.checks))
        for m in wrong
    ]
    return (
        f"Each of these {len(wrong)} is put in place of the right formula, and the named checks "
        "have to reject it:\n\n"
        + _code(f"oversampling verify --mutate {wrong[0].name}", "sh")
        + "\n\n"
        + _table(("wrong formula", "what is wrong", "rejected by"), rows)
    )


def _figure(entry: Theorem) -> str:
    if entry.figure is None:
        return f"None: {typeset(entry.no_figure or '')}."
    spec = FIGURES[entry.figure]
    return (
        f"![{spec.title}](../gallery/{entry.figure}.png)\n\n{typeset(spec.caption)}\n\n"
        f"{_code(f'oversampling figures {entry.figure}', 'sh')}\n\n"
        f"draws it (`{figure(entry.figure)}`)."
    )


def _page(entry: Theorem, notes: dict[str, str]) -> str:
    sources = "\n".join(
        f"* **{source.form}** ({FORMS[source.form]}): {typeset(source.says)}. "
        f"{typeset(source.work[0].upper() + source.work[1:])}, {typeset(source.version)}."
        for source in entry.sources
    )
    assumptions = "\n".join(f"* {typeset(own)}" for own in entry.assumptions)
    computed = "\n".join(f"* {_link(name)} (`{definition(name)}`)" for name in entry.functions)
    remainder = f"Left out: {typeset(entry.remainder)}."
    parts = [
        f"(theorem-{entry.id})=\n# {entry.id}. {typeset(entry.claim, title=True)}",
        f"*{', '.join(entry.kinds)}*",
        f"## Statement\n\n{typeset(entry.statement)}",
        f"## Assumptions and remainder\n\n{assumptions}\n\n{remainder}",
        f"## Sources\n\n{sources}",
        "## Formulas\n\n" + ("\n\n".join(map(_formula, entry.formulas)) or "It prints none."),
        f"## Where it is computed\n\n{computed}",
        f"## How it is checked\n\n{_checks(entry)}",
        f"## Wrong formulas that must be rejected\n\n{_mutants(entry)}",
        f"## Figure\n\n{_figure(entry)}",
        f"## What is not known\n\n{notes[entry.id]}",
    ]
    return "\n\n".join(parts) + "\n"


def _index() -> str:
    parts = [
        "# The theorems",
        "Every statement is this package's own, with its constants; its page says what of it "
        "others report or have published. *Exact* means that nothing is left out; *asymptotic*, "
        "that a remainder of the stated order is; *bound* and *rate* are what they say.",
    ]
    for letter, title in FAMILIES.items():
        theorems = [entry for entry in THEOREMS.values() if entry.id.startswith(letter)]
        rows = [
            (f"[{e.id}]({e.id}.md)", _cell(e.claim), ", ".join(e.kinds), ", ".join(e.forms))
            for e in theorems
        ]
        parts += [f"## {title}", _table(("", "claim", "kind", "sources"), rows)]
        entries = "\n".join(f"{entry.id} <{entry.id}>" for entry in theorems)
        parts += [f"```{{toctree}}\n:hidden:\n\n{entries}\n```"]
    return "\n\n".join(parts) + "\n"


def _notes(text: str) -> dict[str, str]:
    """What is not known, by theorem, with the links of a page two folders below."""
    found = re.findall(r"^<!-- ([A-Z]\d) -->\n(.*?)^<!-- end -->$", text, re.M | re.S)
    if [name for name, _ in found] != list(THEOREMS):
        raise ExtensionError(
            f"{OPEN}: got notes on {', '.join(name for name, _ in found)}, expected one for each "
            f"of {', '.join(THEOREMS)}, in this order."
        )
    return {name: re.sub(r"\]\((?=[\w-]+\.md)", "](../../", note) for name, note in found}


def _write(app) -> None:
    notes = _notes((Path(app.srcdir) / OPEN).read_text())
    pages = {own.id: _page(own, notes) for own in THEOREMS.values()} | {"index": _index()}
    write(Path(app.srcdir) / "generated" / "theorems", pages, ".md")


def setup(app) -> dict:
    """Write the pages before they are read."""
    app.connect("builder-inited", _write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
