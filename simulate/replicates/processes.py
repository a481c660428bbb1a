"""Replicates over several processes, on one host or many, by JAX's own engine.

Every process runs the same program. A block of replicates is computed by one device of one
process; what it returns is gathered to all of them, and each merges the blocks in the order of
their indices, so that all processes hold the result that one process alone would have computed, bit
for bit, on machines of one kind. The first process writes and prints.
"""

from __future__ import annotations

import pickle
import re
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

__all__ = ["ProcessLost", "connect", "fetch", "is_first", "shared"]

_HEARTBEAT_SECONDS = 30  # after which a silent process ends the run
_START_SECONDS = 300  # for all processes to arrive


class ProcessLost(RuntimeError):
    """Another process of the run ended or cannot be reached; no number was lost with it."""


def connect(where: str, number: int | None = None, count: int | None = None) -> None:
    """Join the run; to be called before anything is computed.

    Args:
        where: "auto" where the cluster says who takes part (SLURM, Open MPI, Kubernetes, Cloud
            TPU), or "HOST:PORT" of the first process.
        number: of this process, from 0; with HOST:PORT only.
        count: of all processes; with HOST:PORT only.

    Raises:
        ValueError: for arguments that do not go together, or a cluster that is not recognised.
        ProcessLost: when not all of them arrive.

    Example:
        >>> connect("somewhere", 0, 2)
        Traceback (most recent call last):
            ...
        ValueError: --distributed: got 'somewhere', expected auto or HOST:PORT of the first process.
    """
    arguments: dict[str, Any] = {}
    if where != "auto":
        if not re.fullmatch(r"\S+:\d+", where):
            raise ValueError(
                f"--distributed: got {where!r}, expected auto or HOST:PORT of the first process."
            )
        if number is None or count is None or not 0 <= number < count:
            raise ValueError(
                f"--process-id, --num-processes: got {number} and {count}, expected a number from "
                "0 to below the count; with HOST:PORT every process is told both."
            )
        arguments = {"coordinator_address": where, "num_processes": count, "process_id": number}
    elif number is not None or count is not None:
        raise ValueError(
            "--process-id, --num-processes: got a number with --distributed auto, expected "
            "neither: the cluster says. Give HOST:PORT to say it yourself."
        )
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            **arguments,
            initialization_timeout=_START_SECONDS,
            heartbeat_timeout_seconds=_HEARTBEAT_SECONDS,
            shutdown_timeout_seconds=_HEARTBEAT_SECONDS,
        )
    except ValueError as error:
        raise ValueError(
            f"--distributed: no cluster was recognised ({error}) Start the processes with srun or "
            "mpirun, or give --distributed HOST:PORT with --process-id and --num-processes."
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise ProcessLost(f"the processes did not all arrive: {_first_line(error)}") from error


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def fetch(output: Any) -> Any:
    """Arrays of one dispatch, gathered from the processes they are spread over.

    Args:
        output: arrays, or a tree of them.

    Raises:
        ProcessLost: when one of them does not answer.
    """
    if all(getattr(part, "is_fully_addressable", True) for part in jax.tree.leaves(output)):
        return output
    return _together(lambda: multihost_utils.process_allgather(output, tiled=True))


def shared(value: Any) -> Any:
    """The first process's value, in every process.

    Args:
        value: of the first process; anything that can be pickled.
    """
    if jax.process_count() == 1:
        return value

    def broadcast():
        content = np.frombuffer(pickle.dumps(value) if is_first() else b"", np.uint8)
        size = int(multihost_utils.broadcast_one_to_all(np.int64(len(content))))
        buffer = content if is_first() else np.zeros(size, np.uint8)
        return np.asarray(multihost_utils.broadcast_one_to_all(buffer), np.uint8).tobytes()

    return pickle.loads(_together(broadcast))


def _together(collective):
    try:
        return collective()
    except jax.errors.JaxRuntimeError as error:
        raise ProcessLost(
            f"another process of the run was lost, or cannot be reached ({_first_line(error)})"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
