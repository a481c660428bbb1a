"""Replicates on disk: what a run has computed, so that another may go on from there.

A run folder holds one artifact for each experiment, seed and number of replicates: the moments so
far, what was left out, and the values that were kept, in full precision. It is replaced, whole, as
the run proceeds. A result is used again only if its checksum agrees and it was made with the same
key, block and kept values, by the same source files and the same versions of Python, JAX and
NumPy; otherwise it is computed again, and a file that is not what its name says is reported.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.replicates.monte_carlo import Moments, Result
from synthetic_oversampling.theory.wording import counted

__all__ = ["RunFolder", "Slot", "code_version", "load_result", "open_folder", "save_result"]

_KIND = "replicates"
_PACKAGES = ("theory", "simulate")
_PRESENTATION = ("commands", "report", "arguments.py", "command.py", "listing.py")  # no numbers
_ABANDONED_SECONDS = 3600.0  # after which the temporary file of a killed run is removed


class Slot(NamedTuple):
    """What a stored result must be a result of.

    Attributes:
        experiment: its name.
        replicates: how many the run wants.
        block: replicates computed together.
        key_data: words of the experiment's key.
        keep: statistics whose values are kept.
    """

    experiment: str
    replicates: int
    block: int
    key_data: tuple[int, ...]
    keep: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Where a run keeps its results.

    Attributes:
        path: the folder.
        seed: of the run.
        fresh: whether what is there already is to be computed again.
        warn: called with one line for each file that cannot be trusted.
    """

    path: Path
    seed: int
    fresh: bool
    warn: Callable[[str], None]

    def file(self, slot: Slot) -> Path:
        """The artifact of an experiment: one folder a suite.

        Args:
            slot: the experiment, with its replicates.
        """
        return self.path / f"{slot.experiment}-seed{self.seed}-n{slot.replicates}.json"


def open_folder(
    path: Path, *, seed: int, warn: Callable[[str], None], fresh: bool = False
) -> RunFolder:
    """A run folder, made when missing, and known to be writable.

    Args:
        path: of the folder.
        seed: that all of its results are of.
        warn: called with what is odd about it.
        fresh: whether results that are there are thrown away.

    Raises:
        ArtifactError: it is a file, read-only, or the disk is full.

    Example:
        >>> import tempfile
        >>> folder = open_folder(Path(tempfile.mkdtemp()) / "run", seed=1, warn=print)
        >>> folder.file(Slot("line/raw", 400, 32, (0, 1))).name
        'raw-seed1-n400.json'
    """
    artifacts.check_writable(path / "results.json")
    for temporary in path.rglob(".*.json.*"):
        with contextlib.suppress(OSError):
            if time.time() - temporary.stat().st_mtime > _ABANDONED_SECONDS:
                temporary.unlink()
    return RunFolder(path, seed, fresh, warn)


@lru_cache(maxsize=1)
def code_version() -> str:
    """SHA-256 over the source files that results depend on: all of theory, and of simulate all but
    what only prints."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix != ".py" or set(path.relative_to(root).parts) & set(_PRESENTATION):
                continue
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _identity(slot: Slot) -> dict:
    return slot._asdict() | {"key_data": list(slot.key_data), "keep": list(slot.keep)}


def save_result(folder: RunFolder, slot: Slot, result: Result) -> None:
    """Replace the stored result, complete or not.

    Args:
        folder: of the run.
        slot: the experiment, with its replicates.
        result: what it gave so far.

    Raises:
        ArtifactError: the disk is full, or the folder cannot be written to.
    """
    moments = result.moments._asdict() | {"count": int(result.moments.count)}
    payload = {
        "layout": [[name, list(shape)] for name, shape in result.layout],
        "moments": moments,
        "replicates": result.replicates,
        "problems": dict(result.problems),
        "kept": {name: _pack(parts) for name, parts in result.kept.items()},
    }
    artifacts.save(
        folder.file(slot),
        payload,
        kind=_KIND,
        configuration=_identity(slot) | {"code": code_version()},
        seed=folder.seed,
    )


def load_result(folder: RunFolder, slot: Slot) -> Result | None:
    """The stored result of an experiment, or None when there is none that can be trusted.

    Args:
        folder: of the run.
        slot: the experiment, with its replicates.
    """
    if folder.fresh:
        return None
    path = folder.file(slot)
    try:
        body = artifacts.load(path, kind=_KIND)
    except FileNotFoundError:
        return None
    except ArtifactError as error:
        folder.warn(f"{error} It is not used: computing it again.")
        return None
    made = dict(body["configuration"])
    if made.pop("code", None) != code_version() or body["versions"] != artifacts.provenance():
        folder.warn(f"{folder.path}: has results of another version of the code; computed again.")
        return None
    if made != _identity(slot) or body["seed"] != folder.seed:
        folder.warn(f"{path}: holds the result of another run; computed again.")
        return None
    try:
        result = _unpack(body["payload"], slot)
    except (LookupError, ArithmeticError, TypeError, ValueError, AttributeError) as error:
        folder.warn(f"{path}: does not hold replicates ({error!r}); computed again.")
        return None
    return result


def _unpack(payload: Mapping, slot: Slot) -> Result:
    layout = tuple((name, tuple(shape)) for name, shape in payload["layout"])
    sizes = {name: int(np.prod(shape, dtype=int)) for name, shape in layout}
    moments = Moments(
        payload["moments"]["count"],
        *(np.asarray(payload["moments"][name], dtype=np.float64) for name in Moments._fields[1:]),
    )
    k, done = sum(sizes.values()), payload["replicates"]
    shapes = [(k,), (k, k), (k,), (k,), (k,)]
    if [part.shape for part in moments[1:]] != shapes:
        raise ValueError("the moments do not fit the statistics")
    whole = done == slot.replicates or done % slot.block == 0
    if not (0 <= moments.count <= done <= slot.replicates and whole):
        raise ValueError(
            f"{moments.count} of {counted(done, 'replicate')} in blocks of {slot.block}"
        )
    problems = payload["problems"]
    if not all(isinstance(count, int) for count in problems.values()):
        raise ValueError("the problems are not counted")
    kept = {name: (_values(payload["kept"][name], sizes[name]),) for name in slot.keep}
    for (values,) in kept.values():
        if len(values) != done or np.isfinite(values).all(axis=1).sum() != moments.count:
            raise ValueError("the kept values are not one for each replicate")
    return Result(
        layout=layout,
        moments=moments,
        replicates=done,
        problems=problems,
        key_data=slot.key_data,
        block=slot.block,
        kept=kept,
    )


def _pack(parts: tuple[np.ndarray, ...]) -> str:
    """Little-endian float64 in base64: every bit, in a third of the digits."""
    return base64.b64encode(np.concatenate(parts).astype("<f8").tobytes()).decode()


def _values(text: str, size: int) -> np.ndarray:
    numbers = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8")
    return numbers.astype(np.float64).reshape(-1, size)
