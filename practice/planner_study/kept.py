"""Records that are read where they are there, and made and kept where they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from synthetic_oversampling.simulate import artifacts

__all__ = ["kept"]


def kept(
    path: Path,
    make: Callable[[], dict | None],
    *,
    kind: str,
    configuration: Mapping[str, Any],
    seed: int,
) -> dict | None:
    """A record, or None where there is none to be made.

    Args:
        path: of its artifact; make: makes it, or returns None.
        kind, configuration, seed: of the artifact, as for `simulate.artifacts.save`.
    """
    if not path.exists():
        record = make()
        if record is None:
            return None
        artifacts.save(path, record, kind=kind, configuration=configuration, seed=seed)
    return artifacts.load(path, kind=kind, configuration=configuration, seed=seed)["payload"]
