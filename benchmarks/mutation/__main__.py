"""Search for small errors that nothing notices: ``python -m benchmarks.mutation``.

Random sites of the theory and of what simulates it are put wrong, one at a time. A battery of
calls tells whether a returned number changes by more than 1 %; the tests of the module, and those
of the modules that use it, tell whether anything fails. What changes a number and fails no test
has survived, and is either a hole in the tests or in need of an explanation.

Everything happens in one process, so that what the error does not touch stays compiled. A run that
was interrupted goes on from its file; an error that hangs or kills the process counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mutation.reach import ROOT, asked, distances, sources
from benchmarks.mutation.sites import Site, draw

__all__ = ["Search", "main", "summary"]

_CHANGE = 0.01
_REACH = 3  # imports between a test file and the module, at most
_HANGS = 1200.0  # seconds without a result


class Late(BaseException):
    """The CPU time of an error is over."""


class Search:
    """A plugin of pytest that, in place of running the tests, runs them for each error.

    Args:
        rows: of the sites, by number: what is known of each, or nothing yet.
        drawn: the sites.
        keep: called with the rows whenever they change.
        seconds: CPU time of the tests of one error.
    """

    def __init__(self, rows, drawn, keep, seconds: float):
        self.rows, self.drawn, self.keep, self.seconds = rows, drawn, keep, seconds
        self.spent: dict[str, float] = {}  # CPU seconds of a test
        self.good: dict[str, bool] = {}  # whether a test passes without an error
        self.dirty = False

    def pytest_configure(self):
        import hypothesis

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        calm = hypothesis.settings(hypothesis.settings.get_profile("ci"), phases=phases)
        hypothesis.settings.register_profile("search", calm)
        hypothesis.settings.load_profile("search")

    def pytest_runtestloop(self, session):
        from rich.console import Console
        from rich.progress import Progress

        self.items = session.items
        self.right, self.reached = self._battery()
        self.keep(self.rows)
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task("errors", total=len(self.drawn))
            for number in self._order():
                if str(number) not in self.rows:
                    self.rows[str(number)] = {"status": "noticed", "by": "the process died"}
                    self.keep(self.rows)
                    self.rows[str(number)] = self._try(self.drawn[number])
                    self.keep(self.rows)
                bar.update(task, completed=len(self.rows))
        return True

    def _order(self) -> list[int]:
        """Errors in functions that are not compiled first: the others cost most."""

        def later(site: Site) -> bool:
            return "/theorems/" in site.file or self._traced(site)

        return sorted(range(len(self.drawn)), key=lambda i: later(self.drawn[i]))

    def _function(self, site: Site) -> str:
        names = [
            f"{site.file}:{node.name}"
            for node in ast.parse((ROOT / site.file).read_text()).body
            for function in (node.body if isinstance(node, ast.ClassDef) else [node])
            if isinstance(function, ast.FunctionDef)
            and function.lineno <= site.line <= function.end_lineno
            for node in [function]
        ]
        return names[0] if names else site.file

    def _traced(self, site: Site) -> bool:
        if "/theorems/" in site.file:
            return False
        if Path(site.file).stem in ("formula", "lowering", "nodes"):
            return True  # what they made is in compiled programs
        return self.reached.get(self._function(site), (True, ()))[0]

    def _battery(self):
        """The right numbers, and the entries that reach each function, compiled or not."""
        import synthetic_oversampling
        from benchmarks.mutation import battery
        from benchmarks.mutation.numbers import numbers
        from benchmarks.mutation.swap import forget
        from synthetic_oversampling.theory.compiling import _compiling

        if Path(synthetic_oversampling.__file__).parent != ROOT:
            raise SystemExit(
                f"synthetic_oversampling: got the one in {synthetic_oversampling.__file__}, "
                f"expected that of {ROOT}; run `make` there and take its environment."
            )
        prefix = {str(ROOT / file): file for file in sources()}
        right, reached = {}, {}
        for name, entry in battery.ENTRIES.items():
            met: dict[str, bool] = {}
            times: dict[str, int] = {}

            def meet(frame, event, _, met=met, times=times):
                code = frame.f_code
                if event == "call" and code.co_filename in prefix:
                    parts = code.co_qualname.split(".<locals>")[0].split(".")
                    key = f"{prefix[code.co_filename]}:{parts[-1]}"
                    times[key] = times.get(key, 0) + 1
                    if times[key] < 4:
                        met[key] = met.get(key, False) or _compiling()

            forget(compiled=False)
            began = time.process_time()
            sys.setprofile(meet)
            try:
                right[name] = numbers(entry)
            finally:
                sys.setprofile(None)
            if isinstance(right[name], str):
                raise SystemExit(f"battery: {name} ends in {right[name]} without any error put in.")
            self.spent[name] = time.process_time() - began
            for key, traced in met.items():
                before, names = reached.get(key, (False, ()))
                reached[key] = (before or traced, (*names, name))
        return right, reached

    @contextlib.contextmanager
    def _limited(self, seconds: float):
        def stop(*_):
            raise Late

        signal.signal(signal.SIGPROF, stop)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _clean(self, traced: bool) -> None:
        from benchmarks.mutation.swap import forget

        forget(compiled=traced or self.dirty)
        self.dirty = traced

    def _try(self, site: Site) -> dict:
        from benchmarks.mutation.swap import swapped

        traced, found = self._traced(site), {"site": str(site), "change": 0.0, "entry": ""}
        began = time.process_time()
        found["traced"] = traced
        wrong = contextlib.ExitStack()
        try:
            found["places"] = wrong.enter_context(swapped(site))
        except (Exception, SystemExit) as error:
            return found | {"status": "noticed", "by": f"import: {type(error).__name__}"}
        try:
            with self._limited(4 * self.seconds), wrong:
                self._clean(traced)
                found |= self._tested(site) if traced else self._changed(site)
                if not traced:
                    found |= self._tested(site)
                elif found["status"] == "survived":  # compiled once more, for few
                    found |= self._changed(site)
        except Late:
            found |= {"status": "noticed", "by": "time"}
        found["seconds"] = time.process_time() - began
        if not found["by"].startswith(("tests", "theory", "simulate")):
            return found
        # a test that fails without the error as well tells nothing
        item = next(item for item in self.items if item.nodeid == found["by"])
        if item.nodeid not in self.good:
            self._clean(False)
            self.good[item.nodeid] = not self._fails(item)
        return found if self.good[item.nodeid] else self._try(site)

    def _changed(self, site: Site) -> dict:
        from benchmarks.mutation import battery
        from benchmarks.mutation.numbers import change

        names = self.reached.get(self._function(site), (True, ()))[1]
        if "/theorems/" in site.file:
            names = ("printed", "judged")[:1]
        elif not site.statement and not names:
            mine = (found[1] for key, found in self.reached.items() if key.startswith(site.file))
            names = tuple(dict.fromkeys(name for row in mine for name in row))
        worst = 0.0
        for name in sorted(names, key=self.spent.get):
            worst = max(worst, change(battery.ENTRIES[name], self.right[name]))
            if worst > _CHANGE:
                return {"change": worst, "entry": name}
        return {"change": worst, "entry": "" if names else "none reaches it"}

    def _tested(self, site: Site) -> dict:
        spent = 0.0
        for item in self._candidates(site):
            if spent > self.seconds:
                return {"status": "survived", "by": "", "asked": "some"}
            began = time.process_time()
            failed = self._fails(item)
            elapsed = time.process_time() - began
            spent += elapsed
            if failed:
                return {"status": "noticed", "by": item.nodeid}
            self.spent[item.nodeid] = elapsed
        return {"status": "survived", "by": "", "asked": "all"}

    def _candidates(self, site: Site) -> list:
        if "/theorems/" in site.file:
            wanted = self._formulas(site)
            named = [
                item for item in self.items if any(f"[{one}]" in item.nodeid for one in wanted)
            ]
            return sorted(named, key=lambda item: "symbolic" not in item.nodeid)
        near = distances(site.file, asked())
        function = self._function(site).split(":")[-1]

        def rank(item):
            file = item.nodeid.split("::")[0]
            if file == site.file:
                return (-1 if item.nodeid.endswith(function) else 0, 0)
            return (near.get(file, 99), self.spent.get(item.nodeid, 0.5))

        known = [item for item in self.items if self.good.get(item.nodeid, True)]
        return sorted((name for name in known if rank(name)[0] <= _REACH), key=rank)

    def _formulas(self, site: Site) -> list[str]:
        """Ids of the formulas that a site is in, or of all of its module."""
        calls = {
            next(word.value.value for word in node.keywords if word.arg == "id"): node
            for node in ast.walk(ast.parse((ROOT / site.file).read_text()))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Formula"
        }
        found = [
            name
            for name, node in calls.items()
            if site.statement or node.lineno <= site.line <= node.end_lineno
        ]
        return found or list(calls)

    def _fails(self, item) -> bool:
        from _pytest.runner import runtestprotocol

        reports = runtestprotocol(item, log=False, nextitem=None)
        return any(report.failed for report in reports)


def summary(rows) -> str:
    """What the search found, in lines."""
    every = list(rows.values())
    noticed = [one for one in every if one["status"] == "noticed"]
    changing = [one for one in every if one.get("change", 0) > _CHANGE]
    alive = [number for number in changing if number["status"] == "survived"]
    unmeasured = [name for name in noticed if "change" not in name or name.get("traced")]
    share = 1 - len(alive) / len(changing) if changing else 1.0
    both = 1 - len(alive) / max(1, len(noticed) + len(alive))
    lines = [
        f"{len(every)} errors, {len(noticed)} noticed. {len(changing)} are known to change a "
        f"returned number by more than 1 %: {share:.1%} of them noticed. With the "
        f"{len(unmeasured)} that were noticed before their change was measured, and those that "
        f"change less: {both:.1%}."
    ]
    for name in alive:
        lines.append(f"survived: {name['site']} (changes {name['entry']} by {name['change']:.2g})")
    return "\n".join(lines)


def _search(options) -> int:
    import jax

    jax.config.update("jax_enable_x64", True)
    import pytest

    from synthetic_oversampling.simulate import artifacts

    drawn = draw(sources(), options.count, options.seed)
    configuration = {"count": options.count, "sites": [str(site) for site in drawn]}
    rows = {}
    if Path(options.json).exists():
        body = artifacts.load(options.json, kind="mutation search")
        if body["configuration"] != configuration:
            raise artifacts.ArtifactError(
                f"{options.json}: got a search of other sources; name another file."
            )
        rows = body["payload"]
        if options.again:
            rows = {name: row for name, row in rows.items() if row.get("asked") != "some"}

    def keep(now):
        artifacts.save(
            options.json,
            now,
            kind="mutation search",
            configuration=configuration,
            seed=options.seed,
        )

    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    files = [*sources(), *asked()]
    arguments = [
        "-q",
        "--tb=no",
        "--no-header",
        "--assert=plain",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "--doctest-modules",
        "-m",
        "not slow",
    ]
    code = pytest.main([*arguments, *files], plugins=[Search(rows, drawn, keep, options.seconds)])
    return int(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="errors; default 300")
    parser.add_argument("--seed", type=int, default=2024, help="of their draw; default 2024")
    parser.add_argument("--json", required=True, metavar="FILE", help="where the results are kept")
    parser.add_argument("--seconds", type=float, default=30.0, help="of CPU, for an error's tests")
    parser.add_argument(
        "--again", action="store_true", help="once more what survived only the tests of its time"
    )
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.alone:
        return _search(options)
    given = list(sys.argv[1:] if argv is None else argv)
    command = [sys.executable, "-m", "benchmarks.mutation", "--alone", *given]
    file = Path(options.json)

    def written() -> float:
        return file.stat().st_mtime if file.exists() else 0.0

    while True:  # again after an error that hung or killed the process
        before, began = written(), time.time()
        work = subprocess.Popen(command, cwd=ROOT)
        while work.poll() is None:
            time.sleep(1)
            if time.time() - max(written(), began) > _HANGS:
                work.kill()
        if work.returncode >= 0 or written() == before:
            break
    if work.returncode:
        print("python -m benchmarks.mutation: the search failed.", file=sys.stderr)
        return 1
    from synthetic_oversampling.simulate import artifacts

    print(summary(artifacts.load(file, kind="mutation search")["payload"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
