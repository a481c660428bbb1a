"""Blocks of replicates spread over devices, with results that do not depend on their number.

The unit of computation is a block of fixed size. Every device runs the same program on one block at
a time, and nothing is summed across devices, so a replicate's numbers are the same bits for one
device and for eight. The program is compiled for one device and run on each: one that is compiled
for many is simplified by other passes, and differs from it in the last bits.

A block is large, so that starting a program and merging what it returns cost little beside it. On a
CPU its replicates are drawn together and evaluated a tile at a time, whose data a core's cache
holds through all passes of a fit; on an accelerator they are vectorised all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.theory.compiling import accelerated, quick_jit

__all__ = [
    "TILE_NUMBERS",
    "block_for",
    "on_devices",
    "replicate_mesh",
    "sharded_draw",
    "sharded_map",
]

_AXIS = "replicates"
_BLOCK_NUMBERS = 2**20  # in a block's design matrices: 8 MiB in float64
_ON_ACCELERATOR = 16  # times as many: 128 MiB, some ten times that where neighbours are sought
_MOST, _MOST_ON_ACCELERATOR = 1024, 4096  # replicates: a run is of whole blocks
TILE_NUMBERS = 2**14  # in a tile's data: 128 KiB, some times that with what is made of them


def block_for(rows: int, parameters: int) -> int:
    """A block size (replicates) of a few MiB of data: a power of two, 2 to 1024.

    A function of the shapes alone, so that results do not depend on the machine; but on a GPU or
    TPU, whose results differ in the last bits anyway, a block is sixteen times as large.

    Args:
        rows: of a replicate's data.
        parameters: numbers a row.

    Example:
        >>> block_for(8000, 4), block_for(50, 2)
        (32, 1024)
    """
    times, most = (_ON_ACCELERATOR, _MOST_ON_ACCELERATOR) if accelerated() else (1, _MOST)
    fitting = max(1, times * _BLOCK_NUMBERS // max(1, rows * parameters))
    return min(most, max(2, 2 ** (fitting.bit_length() - 1)))


_HERE: ContextVar[Sequence[jax.Device] | None] = ContextVar("devices", default=None)


@contextmanager
def on_devices(devices: Sequence[jax.Device]) -> Iterator[None]:
    """In this thread, replicates are computed on some devices unless others are named.

    Args:
        devices: one or more.
    """
    before = _HERE.set(devices)
    try:
        with jax.default_device(devices[0]):
            yield
    finally:
        _HERE.reset(before)


def replicate_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A one-dimensional mesh over devices.

    Args:
        devices: one or more; those of `on_devices` by default, and without it all local ones.

    Raises:
        ValueError: for none.
    """
    here = _HERE.get()
    chosen = list((jax.local_devices() if here is None else here) if devices is None else devices)
    if not chosen:
        raise ValueError("devices: got none, expected at least one JAX device.")
    return Mesh(np.asarray(chosen), (_AXIS,))


@lru_cache(maxsize=1024)
def sharded_map(function: Callable, mesh: Mesh, *, tiled: bool = True) -> Callable:
    """``function`` of one replicate, mapped over a leading axis that is split over the mesh.

    Compiled once for each function, device and shape: pass the same function object again. The
    result is called with the rows, and with what all replicates share.

    Args:
        function: of a replicate's data, which it may go through many times, and of what is shared.
        mesh: from `replicate_mesh`.
        tiled: on a CPU, as many replicates at a time as stay in cache; not where they hold little
            and are drawn from, which all at once is faster.
    """
    tiled = tiled and mesh.devices.flat[0].platform == "cpu"
    every = _tiled(function) if tiled else _several(function)
    return _on_each_device(quick_jit(every, level=None), mesh)


def _several(function: Callable) -> Callable:
    """``function`` of every row, vectorised."""

    @wraps(function)  # programs are known by its name
    def every(rows, *common):
        return jax.vmap(lambda row: function(row, *common))(rows)

    return every


def _tiled(function: Callable) -> Callable:
    """``function`` of every row, vectorised over as many at a time as stay in cache."""

    @wraps(function)  # programs are known by its name
    def every(rows, *common):
        def several(some):
            return _several(function)(some, *common)

        arrays = jax.tree.leaves(rows)
        count = len(arrays[0])
        fitting = max(1, TILE_NUMBERS * count // max(1, sum(array.size for array in arrays)))
        tile = 2 ** (fitting.bit_length() - 1)
        if tile >= count:
            return several(rows)
        tiles = count // tile
        whole = tiles * tile
        cut = jax.tree.map(lambda a: a[:whole].reshape(tiles, tile, *a.shape[1:]), rows)
        found = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), jax.lax.map(several, cut))
        if whole == count:
            return found
        rest = several(jax.tree.map(lambda a: a[whole:], rows))
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), found, rest)

    return every


@lru_cache(maxsize=1024)
def sharded_draw(function: Callable, mesh: Mesh) -> Callable:
    """``function(key)`` of one replicate as a function of (key, replicate indices).

    Args:
        function: draws one replicate from its key.
        mesh: of devices.
    """

    def draw(indices, key):
        return jax.vmap(lambda index: function(streams.fold_in(key, index)))(indices)

    mapped = _on_each_device(quick_jit(draw, level=None), mesh)
    return lambda key, indices: mapped(indices, key)


def _on_each_device(program: Callable, mesh: Mesh) -> Callable:
    """A program of rows, run by every device of this process on its share of them.

    The result is called with rows that are split over the mesh or lie elsewhere, and with values
    that every device gets; its output is split as the rows are. Devices work side by side because a
    call returns before its program ends; threads are started where programs have to be compiled.
    """
    split = NamedSharding(mesh, PartitionSpec(_AXIS))
    devices = [
        device for device in mesh.devices.flat if device.process_index == jax.process_index()
    ]
    places = [SingleDeviceSharding(device) for device in devices]
    compiled = set()

    def run(rows, common, place):
        # a program that uses none of its arguments would end on the first device
        return _placed(program(rows, *_placed(common, place)), place)

    def call(rows, *common):
        rows = _placed(rows, split)
        # not in the threads below: an array makes the list of its parts when first asked for it
        pieces = [jax.tree.map(lambda part, d=device: _share(part, d), rows) for device in devices]
        kind = jax.tree.structure(rows), tuple(map(jax.typeof, jax.tree.leaves((rows, common))))
        if kind in compiled or len(devices) == 1:
            shares = [run(part, common, place) for part, place in zip(pieces, places, strict=True)]
        else:
            with ThreadPoolExecutor(len(devices)) as pool:
                shares = list(pool.map(run, pieces, [common] * len(devices), places))
            compiled.add(kind)
        return jax.tree.map(lambda *parts: _joined(parts, mesh.size, split), *shares)

    return call


def _placed(tree, place: Sharding):
    """The tree with every array where it is wanted; those that are there are not touched."""

    def moved(leaf):
        there = isinstance(leaf, jax.Array) and leaf.committed and leaf.sharding == place
        return leaf if there else jax.device_put(leaf, place)

    return jax.tree.map(moved, tree)


def _share(array: jax.Array, device: jax.Device) -> jax.Array:
    return next(part.data for part in array.addressable_shards if part.device == device)


def _joined(parts: Sequence[jax.Array], count: int, split: NamedSharding) -> jax.Array:
    shape = (count * parts[0].shape[0], *parts[0].shape[1:])
    return jax.make_array_from_single_device_arrays(shape, split, list(parts))


def replicate_indices(first_block: int, block: int, mesh: Mesh) -> jax.Array:
    """Indices of one block per device, placed where they are used."""
    start = first_block * block
    count = block * mesh.size
    if start + count >= 2**32:
        raise ValueError(f"replicates: got index {start + count}, expected fewer than 2**32.")
    indices = np.arange(start, start + count, dtype=np.uint32)
    placed = NamedSharding(mesh, PartitionSpec(_AXIS))
    return jax.make_array_from_callback(indices.shape, placed, lambda index: indices[index])
