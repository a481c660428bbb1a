"""Results on disk: written whole or not at all, and trusted only after their checksum agrees.

An artifact is one JSON object: kind, schema version, configuration, seed, precision, versions of
what computed it, the payload, and the SHA-256 of all of that. It is written to a temporary file in
the same folder, flushed to the disk and renamed, so that a run killed at any moment leaves the old
file or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import jax
import numpy as np

import synthetic_oversampling

__all__ = [
    "SCHEMA",
    "ArtifactError",
    "check_writable",
    "load",
    "provenance",
    "replacing",
    "save",
    "save_text",
]

SCHEMA = 1  # version of the layout of an artifact
_FORMAT = "synthetic-oversampling artifact"
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class ArtifactError(Exception):
    """An artifact cannot be read or written; the message names the file and what to do."""


def provenance() -> dict[str, str]:
    """Versions and platform behind a result.

    Example:
        >>> sorted(provenance())
        ['backend', 'jax', 'jaxlib', 'machine', 'numpy', 'package', 'precision', 'python']
    """
    return {
        "package": synthetic_oversampling.__version__,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "backend": jax.default_backend(),
        "precision": "float64" if jax.config.read("jax_enable_x64") else "float32",
    }


def save(
    path: str | os.PathLike,
    payload: Any,
    *,
    kind: str,
    configuration: Mapping[str, Any],
    seed: int,
) -> Path:
    """Write an artifact atomically.

    Args:
        path: target file; its folder is created when missing.
        payload: what was computed: dicts with string keys, lists, tuples, numbers, booleans, None,
            strings, NumPy and JAX arrays. Numbers that are not finite are encoded explicitly.
        kind: what the payload is, checked again by `load`.
        configuration: what produces it, in the same types.
        seed: of the run.

    Returns:
        The path.

    Raises:
        ArtifactError: the folder is read-only, the disk is full, or a value cannot be stored.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = save(folder + "/a.json", {"z": 1.5}, kind="demo", configuration={}, seed=3)
        ...     load(file, kind="demo")["payload"]
        {'z': 1.5}
    """
    path = Path(path)
    body = {
        "format": _FORMAT,
        "schema": SCHEMA,
        "kind": kind,
        "configuration": _encode(configuration, path, "configuration"),
        "seed": _encode(seed, path, "seed"),
        "versions": provenance(),
        "payload": _encode(payload, path, "payload"),
    }
    text = json.dumps(body | {"sha256": _checksum(body)}, indent=1, allow_nan=False)
    return save_text(path, text + "\n")


@contextlib.contextmanager
def replacing(path: str | os.PathLike, mode: str = "w", **options) -> Iterator[IO]:
    """A file to write in, which takes the place of ``path`` when it is whole, and only then.

    It is a temporary file in the same folder, flushed to the disk and renamed at the end of the
    ``with`` block; after an error nothing is left of it.

    Args:
        path: the file to be replaced, or made; its folder is there.
        mode, options: as for `open`.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.

    Example:
        >>> import pathlib
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "x"
        >>> with replacing(target, "wb") as file:
        ...     _ = file.write(b"abc")
        >>> target.read_bytes(), len(list(target.parent.iterdir()))
        (b'abc', 1)
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def save_text(path: str | os.PathLike, text: str) -> Path:
    """Write a text file atomically: temporary file in the same folder, flush, rename.

    Args:
        path: where; its folder is made.
        text: the whole file.

    Raises:
        ArtifactError: naming the file, the cause and what to do.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be written ({error.strerror or error}); free disk space, or choose "
            "a folder that may be written to. An earlier version of the file is untouched."
        ) from error
    return path


def check_writable(path: str | os.PathLike) -> None:
    """Raise now, rather than after the work is done, if ``path`` cannot be written.

    Args:
        path: of the file that is to be written.

    Raises:
        ArtifactError: naming the file, the cause and what to do.
    """
    path = Path(path)
    probe = path.parent / f".{path.name}.probe-{os.getpid()}"
    if path.is_dir():
        raise ArtifactError(f"{path}: is a folder, expected the name of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be written ({error.strerror or error}); choose a folder that may be "
            "written to."
        ) from error


def load(
    path: str | os.PathLike,
    *,
    kind: str,
    configuration: Mapping[str, Any] | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Read an artifact and check that it is whole, of this kind, and of this configuration.

    Args:
        path: the file.
        kind: what it must be.
        configuration, seed: when given, what it must have been made with.

    Returns:
        The whole object: "payload", "configuration", "seed", "versions", ...

    Raises:
        FileNotFoundError: there is no such file.
        ArtifactError: truncated, altered, foreign, of another schema, kind, configuration or seed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    try:
        body = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: is not a complete artifact ({error}); it was cut short or is another file; "
            f"{_REMEDY}"
        ) from None
    if not isinstance(body, dict) or body.get("format") != _FORMAT:
        raise ArtifactError(f"{path}: is JSON but not an artifact of this package; {_REMEDY}")
    if body.get("schema") != SCHEMA:
        raise ArtifactError(
            f"{path}: has schema {body.get('schema')!r}, expected {SCHEMA}; it was written by "
            f"another version of the package; {_REMEDY}"
        )
    if body.pop("sha256", None) != _checksum(body):
        raise ArtifactError(f"{path}: its checksum does not agree, so it was altered; {_REMEDY}")
    for name, types in _FIELDS.items():
        if not isinstance(body.get(name), types) or isinstance(body[name], bool):
            raise ArtifactError(
                f"{path}: has {name} {_brief(body.get(name))}, which no artifact has; {_REMEDY}"
            )
    if "payload" not in body:
        raise ArtifactError(f"{path}: has no payload; {_REMEDY}")
    expected: dict[str, Any] = {"kind": kind}
    if configuration is not None:
        expected["configuration"] = _encode(configuration, path, "configuration")
    if seed is not None:
        expected["seed"] = seed
    for name, value in expected.items():
        if body[name] != value:
            raise ArtifactError(
                f"{path}: has {name} {_brief(body[name])}, expected {_brief(value)}; {_REMEDY}"
            )
    try:
        return body | {name: _decode(body[name]) for name in ("configuration", "payload")}
    except (KeyError, TypeError) as error:
        raise ArtifactError(
            f"{path}: names {error} as a number that is not finite, expected one of "
            f"{', '.join(_NONFINITE)}; {_REMEDY}"
        ) from None


_FIELDS = {"kind": str, "configuration": dict, "seed": int, "versions": dict}
_REMEDY = "delete it or name another file, and compute it again."


def _refuse_constant(name: str):
    raise ValueError(f"a bare {name}")


def _brief(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _checksum(body: Mapping) -> str:
    """SHA-256 of the canonical text: keys sorted, no spaces."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(value, path: Path, place: str):
    """Plain JSON types; a non-finite number becomes ``{"nonfinite": "NaN"}``."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray, jax.Array)):
        return _encode(np.asarray(value).tolist(), path, place)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return {"nonfinite": name}
    if isinstance(value, (list, tuple)):
        return [_encode(item, path, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        if set(value) == {"nonfinite"}:
            raise ArtifactError(
                f'{path}: {place} is a dict with the single key "nonfinite", which marks numbers '
                "that are not finite; rename the key."
            )
        return {name: _encode(item, path, f"{place}.{name}") for name, item in value.items()}
    raise ArtifactError(
        f"{path}: {place} is a {type(value).__name__}, expected numbers, strings, booleans, None, "
        "arrays, lists, or dicts with string keys; convert it first."
    )


def _decode(value):
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"nonfinite"}:
            return _NONFINITE[value["nonfinite"]]
        return {name: _decode(item) for name, item in value.items()}
    return value


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
