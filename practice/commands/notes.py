"""Warnings of samplers and networks, told as notes on the command line."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["as_notes"]

_PRACTICE, _NETWORKS = "synthetic_oversampling.practice.", "synthetic_oversampling.transformer_toy."


@contextmanager
def as_notes() -> Iterator[None]:
    """Warnings of this package are printed once each, without a line of code, while this is open.

    Those of networks differ by numbers from fold to fold, and are told once all the same.
    """
    from synthetic_oversampling.practice.rows.cells import ColumnWarning
    from synthetic_oversampling.transformer_toy.seeds import BeyondTraining

    told = set()

    def show(message, category, filename, lineno, file=None, line=None):
        if not category.__module__.startswith((_PRACTICE, _NETWORKS)):
            return shown(message, category, filename, lineno, file, line)
        kind = str(message)
        if category.__module__.startswith(_NETWORKS):
            kind = re.sub(r"\d+", "", kind.partition(" (")[0])
        if kind not in told:
            print(f"note: {message}", file=sys.stderr)
        told.add(kind)

    with warnings.catch_warnings():
        shown, warnings.showwarning = warnings.showwarning, show
        warnings.simplefilter("always", ColumnWarning)
        warnings.simplefilter("always", BeyondTraining)
        yield
