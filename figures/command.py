"""``oversampling figures``: draw the figures of the theorems."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from synthetic_oversampling.simulate.arguments import add_cache, set_cache

__all__ = ["add_arguments", "run"]

INTERRUPTED = "interrupted; artifacts that were complete are kept"

_DESCRIPTION = """Draw figures of the theorems. Each reads the artifacts that a simulation wrote
under DIR/artifacts; those that are missing are computed first. Every figure comes with a text file:
its caption, theorems and configuration; index.html shows those that were drawn. Exit status: 0
drawn, 2 bad usage or an unusable file."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures; all when none is given")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("figures-out"),
        metavar="DIR",
        help="folder of the figures and of artifacts/ (default: figures-out)",
    )
    parser.add_argument(
        "--format",
        action="append",
        choices=("png", "svg", "pdf"),
        dest="formats",
        help="file format (default: png); may be repeated",
    )
    parser.add_argument(
        "--profile",
        choices=("quick", "full"),
        default="quick",
        help="quick simulates for minutes on two cores, full has narrower intervals",
    )
    parser.add_argument("--recompute", action="store_true", help="replace the artifacts")
    parser.add_argument("--list", action="store_true", help="list the figures and stop")
    add_cache(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.
    """
    from synthetic_oversampling.figures.gallery import chosen

    specs = chosen(options.names)
    if options.list:
        _list(specs)
        return 0
    set_cache(options)
    return _draw(specs, options)


def _list(specs) -> None:
    width = max(len(spec.name) for spec in specs)
    for spec in specs:
        theorems = ",".join(spec.theorems) or "-"
        print(f"{spec.name:<{width}}  {theorems}  {spec.title}")


def _draw(specs, options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from synthetic_oversampling.figures.spec import gallery_page
    from synthetic_oversampling.simulate.artifacts import save_text
    from synthetic_oversampling.simulate.sweeps.table import SWEEPS

    options.out.mkdir(parents=True, exist_ok=True)
    needed = {name for spec in specs for name in spec.sweeps}
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    drawn = _Drawn(specs, options)
    with Progress(*columns, TimeElapsedColumn(), console=Console(), transient=True) as bar:
        _artifacts([name for name in SWEEPS if name in needed], options, bar, drawn.arrived)
    entries = [(spec, f"{spec.name}.{drawn.formats[0]}", drawn.texts[spec.name]) for spec in specs]
    print(save_text(options.out / "index.html", gallery_page(entries)), flush=True)
    return 0


class _Drawn:
    """Figures, each drawn as soon as all its artifacts are there; one at a time, as Matplotlib is
    to be used."""

    def __init__(self, specs, options: argparse.Namespace):
        self.formats = list(dict.fromkeys(options.formats or ["png"]))
        self.texts: dict[str, str] = {}
        self._out, self._specs = options.out, specs
        self._artifacts: dict[str, dict] = {}
        self._drawing = threading.Lock()

    def arrived(self, name: str, artifact: dict) -> None:
        from synthetic_oversampling.figures import style
        from synthetic_oversampling.figures.spec import caption_text, draw
        from synthetic_oversampling.simulate.artifacts import save_text

        with self._drawing:
            self._artifacts[name] = artifact
            for spec in self._specs:
                if name not in spec.sweeps or not {*spec.sweeps} <= self._artifacts.keys():
                    continue
                artifacts = [self._artifacts[sweep] for sweep in spec.sweeps]
                figure, text = draw(spec, artifacts), caption_text(spec, artifacts)
                for kind in self.formats:
                    path = style.save(figure, self._out / f"{spec.name}.{kind}", kind)
                    print(path, flush=True)
                save_text(self._out / f"{spec.name}.txt", text)
                self.texts[spec.name] = text


def _artifacts(
    names: Sequence[str],
    options: argparse.Namespace,
    bar,
    arrived: Callable[[str, dict], None],
) -> None:
    """The artifacts, told as they come; those that are missing are computed, one at a time on each
    device."""
    import jax

    from synthetic_oversampling.simulate.replicates.sharding import on_devices
    from synthetic_oversampling.simulate.replicates.side_by_side import side_by_side
    from synthetic_oversampling.simulate.sweeps.table import obtain
    from synthetic_oversampling.theory.population.threads import OneThread

    began, task = time.monotonic(), bar.add_task("artifacts", total=len(names))
    shares: dict[str, float] = {}  # that is done of each that is begun
    stopped, telling = threading.Event(), threading.Lock()

    def advance(name: str, share: float) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        with telling:
            shares[name] = share
            under_way = ", ".join(some for some, done in shares.items() if done < 1)
            told = f"computing {under_way}" if under_way else "drawing"
            bar.update(task, description=told, completed=sum(shares.values()))

    def work(name: str, device) -> None:
        advance(name, 0.0)
        with on_devices([device]):
            artifact = obtain(
                name,
                options.profile,
                options.out / "artifacts",
                progress=partial(advance, name),
                recompute=options.recompute,
            )
        advance(name, 1.0)
        if not bar.console.is_terminal:
            print(f"artifact {name} ready after {time.monotonic() - began:.0f} s", flush=True)
        arrived(name, artifact)

    with OneThread():
        side_by_side(names, jax.local_devices(), work, stopped)
