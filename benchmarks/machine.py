"""The machine, in the words that make a time comparable, and what it can do at most."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from synthetic_oversampling.simulate.replicates.sharding import replicate_mesh, sharded_map

__all__ = ["Peaks", "describe", "measure_peaks", "spread"]

_PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "scikit-learn", "imbalanced-learn")


def describe() -> list[str]:
    """Lines of Markdown: processor, memory, devices, versions. No names and no addresses."""
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    kinds = sorted({device.device_kind for device in jax.devices()})
    lines = [
        f"- processor: {_processor()}, {os.cpu_count()} cores; memory {_memory_gib():.0f} GiB",
        f"- JAX devices: {len(jax.devices())} x {', '.join(kinds)} ({jax.default_backend()})",
        f"- Python {platform.python_version()}, {versions}; float64",
    ]
    if jax.default_backend() == "cpu":
        lines.append(
            "- GPU: none was at hand, so no number here is of one. The same command measures on "
            "one: where JAX sees a GPU, the fits are 100,000 and scikit-learn's loop is timed on "
            "1,000 of them."
        )
    return lines


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


class Peaks(NamedTuple):
    """Operations per second of all devices together, in float64."""

    flops: float
    exponentials: float


def measure_peaks(repeats: int = 5) -> Peaks:
    """The fastest matrix product and the fastest exponential of numbers that stay in cache.

    Float64, on all devices at once. What a device reaches here it does not exceed in a fit, whose
    matrices are thinner and whose exponentials come with loads and stores.
    """
    on_cpu = jax.default_backend() == "cpu"
    size, turns = (512, 8) if on_cpu else (4096, 8)
    length, rounds = (2**13, 256) if on_cpu else (2**24, 64)

    def products(matrix):
        return jax.lax.fori_loop(0, turns, lambda _, m: matrix @ m, matrix)

    def exponentials(vector):
        return jax.lax.fori_loop(0, rounds, lambda _, v: jnp.exp(-v), vector)

    mesh = replicate_mesh()
    count = mesh.size
    rng = np.random.default_rng(0)
    matrices = jnp.asarray(rng.standard_normal((count, size, size)) / size)
    vectors = jnp.asarray(rng.uniform(0.1, 1.0, (count, length)))
    by_product = _fastest(sharded_map(products, mesh), matrices, repeats)
    by_exponential = _fastest(sharded_map(exponentials, mesh), vectors, repeats)
    return Peaks(count * turns * 2 * size**3 / by_product, count * rounds * length / by_exponential)


def _fastest(function, argument, repeats: int) -> float:
    jax.block_until_ready(function(argument))
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function(argument))
        spent.append(time.perf_counter() - began)
    return min(spent)


def spread(rows, mesh: Mesh):
    """Arrays ``[count, ...]`` placed over the devices; first rows again fill up the last share."""
    count = len(jax.tree.leaves(rows)[0])
    filled = np.arange(-(-count // mesh.size) * mesh.size) % count
    placed = NamedSharding(mesh, PartitionSpec(*mesh.axis_names))
    return jax.tree.map(lambda array: jax.device_put(array[filled], placed), rows)
