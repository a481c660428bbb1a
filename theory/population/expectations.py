"""Gaussian expectations of margin functions: one quadrature, near machine precision.

``E[g(u)]`` for ``u ~ N(mean, var)`` and ``g`` of `theory.population.margins`. It is differentiable
to any order through the heat equation of the Gaussian: ``d E[g]/d mean = E[g']`` and ``d E[g]/d var
= E[g''] / 2``, so nothing is ever divided by ``var``.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.theory.population.margins import library

__all__ = [
    "expectation",
    "expectations",
    "host_expectations",
    "plain_expectations",
    "quadrature",
]

_NODES = 193  # odd: the centre of the integrand is itself a node
_FEWEST = 49  # of a shared grid: what a Gaussian without any function needs
_HALF_WIDTH = 9.0  # in standard deviations: exp(-9**2 / 2) = 2.6e-18
_WIDE_STEP = 0.47  # steps in the margin above this need a finer grid near 0, at sigmoid scale
_FAR = 7.0  # with the bulk this many stds from 0, what happens at 0 weighs less than 1e-11


def quadrature(mean, std, tails: tuple[float, float] = (0.0, 0.0), count: int = _NODES):
    """Standardised nodes and weights for ``E[g(mean + std z)]``, ``z ~ N(0, 1)``.

    The trapezoidal rule, which converges geometrically for analytic integrands, on one of two
    grids of the same length, chosen for the integrand at hand:

    * ``std <= 5`` (for 193 nodes), or the integrand's bulk more than seven standard deviations
      from zero: equidistant in ``z`` around the bulk;
    * otherwise equidistant in ``tau`` over the same range, with ``u = pi sinh(tau)``, which
      resolves the unit scale of the sigmoid near ``u = 0`` (its poles sit at ``+-i pi``) and the
      wide Gaussian (up to std 500) at once.

    The bulk of ``g`` times the density sits at the soft-threshold of the mean: a function with
    tails ``exp(-r u)`` and ``exp(l u)`` moves it from ``mean`` towards zero by ``r var`` or
    ``l var``, and no further than zero. Log-concavity bounds what is cut off by ``exp(-9**2/2)``.

    Args:
        mean, std: arrays of equal shape ``[...]``, ``std >= 0``.
        tails: exponential decay rates (right, left) of ``g``.
        count: number of nodes, odd.

    Returns:
        ``(nodes, weights)``, each ``[..., count]``; constants for differentiation.
    """
    xp = library(mean, std)
    if xp is jnp:
        mean, std = jax.lax.stop_gradient(mean), jax.lax.stop_gradient(std)
    right, left = tails
    unit = np.linspace(-1.0, 1.0, count).reshape((1,) * mean.ndim + (count,))
    unit = xp.asarray(unit, xp.result_type(mean, std))
    step = 2.0 / (count - 1)
    safe_std = xp.where(std > 0, std, 1.0)
    var = std**2
    shift = xp.where(
        mean > right * var,
        -right * std,
        xp.where(mean < -left * var, left * std, -mean / safe_std),
    )
    shift = xp.where(std > 0, shift, 0.0)  # a point mass: every node lies on the mean
    narrow_nodes = shift[..., None] + _HALF_WIDTH * unit
    narrow_step = xp.full_like(std, _HALF_WIDTH * step)
    centre = mean + std * shift
    wide = (std * (_HALF_WIDTH * step) > _WIDE_STEP) & (xp.abs(centre) <= _FAR * std)
    if xp is np and not np.any(wide):
        return narrow_nodes, _weights(narrow_nodes, narrow_step[..., None], xp)
    low = xp.arcsinh((centre - _HALF_WIDTH * std) / np.pi)
    high = xp.arcsinh((centre + _HALF_WIDTH * std) / np.pi)
    half = (high - low) / 2
    tau = ((low + high) / 2)[..., None] + half[..., None] * unit
    grow = xp.exp(tau)  # sinh and cosh from one exponential: errors near 0 are rounding of pi
    shrink = 1.0 / grow
    wide_nodes = ((np.pi / 2) * (grow - shrink) - mean[..., None]) / safe_std[..., None]
    wide_step = ((np.pi / 2) * step * half / safe_std)[..., None] * (grow + shrink)
    nodes = xp.where(wide[..., None], wide_nodes, narrow_nodes)
    step = xp.where(wide[..., None], wide_step, narrow_step[..., None])
    return nodes, _weights(nodes, step, xp)


def _weights(nodes, step, xp):
    return step * xp.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)


def plain_expectations(functions, mean, var, tails=None, count=_NODES):
    """`expectations` without their rule for derivatives; of NumPy arrays, at once on the host.

    Args:
        functions, mean, var, tails, count: as for `expectations`.
    """
    xp = library(mean, var)
    grids: dict[tuple[float, float], list[int]] = {}
    for index, function in enumerate(functions):
        grids.setdefault(function.tails if tails is None else tails, []).append(index)
    std = xp.sqrt(var)
    values = []
    for part, indices in grids.items():
        nodes, weights = quadrature(mean, std, part, count)
        u = mean[..., None] + std[..., None] * nodes
        terms, table = _table(tuple(functions[index] for index in indices))
        sums = [xp.sum(row, axis=-1) for row in _rows(terms, u, weights, xp)]
        values.append(xp.tensordot(xp.asarray(table, weights.dtype), xp.stack(sums), 1))
    order = np.argsort(np.concatenate(list(grids.values())), kind="stable")
    return values[0] if len(grids) == 1 else xp.concatenate(values)[order]


def host_expectations(functions, mean: np.ndarray, var: np.ndarray) -> np.ndarray:
    """`expectations` with tails ``(0, 0)``, on the host, on as few nodes as the widest law needs.

    Nodes are as close in the margin as those of `quadrature` are at its widest narrow grid, so it
    is as accurate; all laws share them, and every sum over nodes is a product of matrices.

    Args:
        functions, mean, var: as for `expectations`; NumPy arrays.
    """
    std = np.sqrt(var)
    intervals = 2 * _HALF_WIDTH * float(np.max(std, initial=0.0)) / _WIDE_STEP
    if not intervals <= _NODES - 1:
        return plain_expectations(functions, mean, var, (0.0, 0.0))
    nodes, weights = _shared_grid(max(_FEWEST, 2 * math.ceil(intervals / 2) + 1))
    u = mean[..., None] + std[..., None] * nodes
    terms, table = _table(tuple(functions))
    sums = np.stack(_rows(terms, u, np.ones_like(u), np)) @ weights
    return (table @ sums.reshape(len(terms), -1)).reshape(-1, *mean.shape)


@lru_cache(maxsize=_NODES)
def _shared_grid(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The narrow grid of `quadrature` around the mean: nodes and weights ``[count]``."""
    nodes = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, count)
    return nodes, _weights(nodes, 2 * _HALF_WIDTH / (count - 1), np)


@partial(jax.custom_jvp, nondiff_argnums=(0, 3, 4))
def expectations(functions, mean, var, tails=None, count=_NODES):
    """``E[g_j(u)]`` for several margin functions at once, ``u ~ N(mean, var)``.

    Args:
        functions: tuple of `SoftplusLoss`, `Logistic` or `Polynomial` (hashable, static).
        mean, var: arrays of equal shape ``[...]``; ``var >= 0`` (0 is a point mass).
        tails: one pair of tails for the nodes of all functions; each function's own when None,
            which gives a relative error near 1e-13 for positive functions however small their
            expectation. ``(0, 0)`` is cheaper, and accurate relative to the functions' maximum.
        count: quadrature nodes.

    Returns:
        Array ``[j, ...]``.
    """
    return plain_expectations(functions, jnp.asarray(mean), jnp.asarray(var), tails, count)


@lru_cache(maxsize=256)
def _table(functions) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """The terms that occur in functions, and the functions' coefficients ``[j, terms]``."""
    each = [function.terms for function in functions]
    terms = tuple(sorted(set().union(*each), key=repr))
    return terms, np.array([[one.get(term, 0.0) for term in terms] for one in each])


def _rows(terms: tuple[Any, ...], u, weights, xp) -> list:
    """``weights * term(u)`` at the nodes for every term, power by power."""
    rows: dict[Hashable, Any] = {}

    def powers(row, base, kind, *rest):
        highest = max((t[1] for t in terms if t[0] == kind and t[2:] == rest), default=-1)
        for power in range(highest + 1):
            if (kind, power, *rest) in terms:
                rows[kind, power, *rest] = row
            row = row * base if power < highest else row

    powers(weights, u, "u")
    decay = xp.exp(-xp.abs(u))
    larger = 1.0 / (1.0 + decay)
    smaller = decay * larger
    q, p = xp.where(u > 0, smaller, larger), xp.where(u > 0, larger, smaller)
    row = weights
    for power in range(1 + max((t[2] for t in terms if t[0] == "q"), default=-1)):
        row = row * p if power else row
        powers(row, q, "q", power)
    if "softplus" in terms:
        rows["softplus"] = weights * (xp.log1p(decay) + xp.maximum(-u, 0.0))
    return [rows[term] for term in terms]


@expectations.defjvp
def _expectations_jvp(functions, tails, count, primals, tangents):
    mean, var = primals
    mean_dot, var_dot = tangents
    first = tuple(function.derivative() for function in functions)
    second = tuple(function.derivative() for function in first)
    values = expectations((*functions, *first, *second), mean, var, tails, count)
    value, slope, heat = jnp.split(values, 3)
    return value, slope * mean_dot[None] + heat * (var_dot / 2)[None]


def expectation(function, mean, var):
    """``E[g(u)]`` of one margin function; see `expectations`.

    Args:
        function: a margin function.
        mean, var: arrays of equal shape ``[...]``; ``var >= 0``.

    Example:
        >>> import jax.numpy as jnp
        >>> from synthetic_oversampling.theory.population.margins import Logistic
        >>> round(float(expectation(Logistic(1, 0, (1.0,)), jnp.zeros(()), jnp.ones(()))), 12)
        0.5
    """
    return expectations((function,), mean, var, None, _NODES)[0]
