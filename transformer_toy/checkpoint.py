"""Checkpoints: safetensors files with JSON header and checksum, written atomically, no pickle."""

import hashlib
import json
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from synthetic_oversampling.simulate.artifacts import replacing
from synthetic_oversampling.transformer_toy import heads, model, tasks

__all__ = [
    "FORMAT",
    "ROWS",
    "SHIPPED_MEAN",
    "SHIPPED_ROWS",
    "CheckpointError",
    "Model",
    "checksum",
    "kind_of",
    "load_model",
    "load_state",
    "read_tensors",
    "require_shapes",
    "save_model",
    "save_state",
    "write_tensors",
]

# what every file of a network says it is
FORMAT = "synthetic-oversampling transformer 2"
# networks that ship with the package; `oversampling` says what each was trained for
SHIPPED_MEAN = Path(__file__).parent / "unknown_mean.safetensors"  # shipped network: unknown mean
# shipped network: whole rows
SHIPPED_ROWS = Path(__file__).parent / "rows" / "whole_rows.safetensors"
ROWS = "network for whole rows"  # what a file of a network for whole rows says it is


class CheckpointError(ValueError):
    """A file is not a checkpoint of this project, is damaged, or is of another network."""


class Model(NamedTuple):
    """A trained network: what it was trained for, its sizes, its weights, and how it was made.

    Attributes:
        task: the family of groups; arch: sizes; params: weights.
        about: recipe, versions and losses, as the file says.
    """

    task: tasks.Task
    arch: model.Architecture
    params: model.Params
    about: dict


def checksum(tensors: dict[str, np.ndarray], kind: str, about: str) -> str:
    """SHA-256 of what a file holds: kind, description, and every tensor's name, type and numbers.

    Args:
        tensors: by name.
        kind: of file.
        about: its description, as JSON.

    Example:
        >>> one = checksum({"w": np.ones(2)}, "model", "{}")
        >>> one == checksum({"w": np.ones(2)}, "model", "{}"), len(one)
        (True, 64)
        >>> one == checksum({"w": np.ones(2, np.float32)}, "model", "{}")
        False
    """
    whole = hashlib.sha256(json.dumps([kind, about]).encode())
    for name, tensor in sorted(tensors.items()):
        whole.update(json.dumps([name, tensor.dtype.str, tensor.shape]).encode())
        whole.update(np.ascontiguousarray(tensor).tobytes())
    return whole.hexdigest()


def write_tensors(path: Path, tensors: dict, kind: str, about: dict) -> None:
    """Write arrays with what they are, atomically and with a checksum.

    Args:
        path: where; a ``.safetensors`` file.
        tensors: arrays by name.
        kind: what the file holds, such as "model".
        about: anything JSON can hold.
    """
    tensors = {name: np.asarray(value) for name, value in tensors.items()}
    text = json.dumps(about, sort_keys=True)
    header = {"format": FORMAT, "kind": kind, "about": text}
    header["sha256"] = checksum(tensors, kind, text)
    with replacing(path, "wb") as file:
        file.write(save(tensors, header))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict]:
    """Read a file of ``write_tensors``, whole or not at all.

    Args:
        path: the file.
        kind: what it must hold.

    Raises:
        CheckpointError: if it is missing, damaged, foreign or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Pass the path of a checkpoint.")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, struct.error) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file ({error}). It may be damaged or cut short; "
            "copy it again or train anew."
        ) from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: got format {header.get('format')!r}, expected a checkpoint of {FORMAT!r}. It "
            "was written by another program or version; train anew with `train`."
        )
    if header.get("kind") != kind:
        raise CheckpointError(
            f"{path}: got a checkpoint that holds a {header.get('kind')}, expected one of a "
            f"{kind}. `train` writes both: the model, and beside it the training "
            "state for --resume."
        )
    if header.get("sha256") != checksum(tensors, kind, header.get("about", "")):
        raise CheckpointError(
            f"{path}: its checksum does not agree, so it was altered or damaged; copy it again or "
            "train anew."
        )
    try:
        about = json.loads(header["about"])
    except (KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its description is damaged ({error}).") from error
    if not isinstance(about, dict):
        raise CheckpointError(f"{path}: its description is damaged (not a JSON object).")
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite.")
    return tensors, about


def kind_of(path: Path) -> str | None:
    """What a file says it holds; None if it says nothing that can be read.

    Args:
        path: any file.

    Example:
        >>> kind_of(SHIPPED_MEAN), kind_of(Path(__file__))
        ('model', None)
    """
    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get("kind")
    except (SafetensorError, OSError, ValueError, struct.error):
        return None


def require_shapes(path: Path, got: dict[str, tuple], expected: dict[str, tuple]) -> None:
    """Refuse a file whose arrays are not those of the network that it describes.

    Args:
        path: the file, for the message.
        got: shapes by name.
        expected: shapes by name.

    Raises:
        CheckpointError: naming the first that differs.
    """
    for name in sorted(set(got) | set(expected)):
        if got.get(name) != expected.get(name):
            raise CheckpointError(
                f"{path}: parameter {name}: got shape {got.get(name)}, expected "
                f"{expected.get(name)}. The file does not hold the network that it describes."
            )


def save_model(
    path: Path, params: model.Params, task: tasks.Task, arch: model.Architecture, **about: Any
) -> None:
    """Write a network with the task it was trained for.

    Args:
        path: where; a ``.safetensors`` file.
        params: its weights.
        task: what it was trained for.
        arch: its sizes.
        **about: anything JSON can hold that says how it was made.

    Example:
        >>> import pathlib, tempfile
        >>> from synthetic_oversampling.transformer_toy import train
        >>> task = tasks.unknown_mean()
        >>> arch = train.architecture(task)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "net.safetensors"
        >>> save_model(path, model.zeros(arch), task, arch)
        >>> load_model(path).task.spec["name"]
        'unknown_mean'
    """
    whole = {"task": task.spec, "architecture": asdict(arch)} | about
    write_tensors(path, params, "model", whole)


def load_model(path: Path) -> Model:
    """Read a network, checking that the file holds what it describes.

    Args:
        path: a file that ``save_model`` wrote.

    Returns:
        Task, architecture, weights and description.

    Raises:
        CheckpointError: if the file is missing, damaged, foreign or inconsistent.

    Example:
        >>> import pathlib
        >>> load_model(pathlib.Path("missing.safetensors"))
        Traceback (most recent call last):
        ...
        synthetic_oversampling.transformer_toy.checkpoint.CheckpointError: \
missing.safetensors: no such file. Pass the \
path of a checkpoint.
    """
    tensors, about = read_tensors(path, "model")
    try:
        task = tasks.from_spec(about["task"])
        arch = model.Architecture(**about["architecture"])
        expected = model.shapes(arch)
        dims = {
            "dim_token": task.dim_token,
            "dim_condition": task.dim_condition,
            "dim_out": heads.dim_out(task.head, task.dim, task.components),
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(
            f"{path}: its description is damaged ({error}); copy it again or train anew."
        ) from error
    for name, value in dims.items():
        if getattr(arch, name) != value:
            raise CheckpointError(
                f"{path}: its description is damaged: {name} is {getattr(arch, name)}, but its "
                f"task has {value}; copy it again or train anew."
            )
    got = {name: tensor.shape for name, tensor in tensors.items()}
    require_shapes(path, got, expected)
    params = jax.device_put({name: tensors[name] for name in expected})
    return Model(task, arch, params, about)


def _flatten(state: Any) -> dict[str, Any]:
    return {
        jax.tree_util.keystr(path): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]
    }


def save_state(path: Path, state: Any, about: dict) -> None:
    """Write everything that training needs to go on.

    Args:
        path: where.
        state: a pytree of arrays.
        about: task, architecture and recipe of the run.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "state.safetensors"
        >>> save_state(path, {"x": np.ones(2)}, {"run": 1})
        >>> print(load_state(path, {"x": np.zeros(2)}, {"run": 1})["x"])
        [1. 1.]
    """
    write_tensors(path, _flatten(state), "training state", about)


def load_state(path: Path, like: Any, about: dict) -> Any:
    """Read a training state of this very run.

    Args:
        path: a file that ``save_state`` wrote.
        like: a state of the same structure.
        about: task, architecture and recipe, which must be those in the file.

    Returns:
        The state.

    Raises:
        CheckpointError: if the file is missing, damaged, foreign or of another run.

    Example:
        >>> import pathlib
        >>> load_state(pathlib.Path("missing"), {}, {})
        Traceback (most recent call last):
        ...
        synthetic_oversampling.transformer_toy.checkpoint.CheckpointError: \
missing: no such file. Pass the path of a \
checkpoint.
    """
    tensors, found = read_tensors(path, "training state")
    about = json.loads(json.dumps(about))
    for part in sorted(set(about) | set(found)):
        if about.get(part) != found.get(part):
            raise CheckpointError(
                f"{path}: it is of another run. {part}: got {found.get(part)}, expected "
                f"{about.get(part)}. Resume with the options it was started with, or start anew."
            )
    flat = _flatten(like)
    got = {name: tensor.shape for name, tensor in tensors.items()}
    require_shapes(path, got, {name: leaf.shape for name, leaf in flat.items()})
    leaves = jax.device_put([tensors[name] for name in flat])
    return jax.tree.unflatten(jax.tree.structure(like), leaves)
