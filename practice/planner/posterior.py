"""What a design is expected to leave: a posterior for the bias of its generator.

An estimate of the bias is noisy where few rows decide, ``b_hat ~ N(b, W)`` in whitened coordinates.
With Strawderman's (1971) prior, ``b | s ~ N(0, W (1 - s) / s)`` and ``s`` uniform on (0, 1),

    b | b_hat, s ~ N((1 - s) b_hat, (1 - s) W),    s | b_hat ~ s^{p/2} exp(-s Q / 2),

``Q = b_hat' W^{-1} b_hat``: a bias that could be noise is shrunk, a plain one is kept. The excess
is quadratic in a small ``b``, so that its expectation needs ``E bb'`` only; that of a large one is
a multiple of the quadratic form (`practice.planner.ratios`).

Shrinking supposes that the generator may be right. Rows say so or not in what no bias at the fit
shows, the Hessians of the groups' risks: where those of its samples differ from the rows' by more
than the bootstrap allows, the prior is flat, ``b | b_hat ~ N(b_hat, W)`` (`misfit`).
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc

__all__ = ["misfit", "posterior_square"]


def posterior_square(bias: np.ndarray, noise: np.ndarray, *, shrunk: bool = True) -> np.ndarray:
    """``E b_j' b_k`` given the estimates, shrunk by how plain the last part's bias is ``[k, k]``.

    Args:
        bias: estimates ``[k, p]``, whitened.
        noise: their covariance ``[k, k, p, p]``.
        shrunk: by Strawderman's prior; by a flat one, which shrinks nothing, otherwise.

    Example:
        >>> noise, bias = np.eye(4)[None, None], np.array([[0.0], [0.5], [5.0]]) * np.ones((3, 4))
        >>> [round(float(posterior_square(b[None], noise)[0, 0]), 1) for b in bias]
        [1.0, 1.2, 92.2]
    """
    own = noise[-1, -1]
    square = bias @ bias.T
    spread = np.trace(noise, axis1=2, axis2=3)
    if not np.any(own):
        return square
    if not shrunk:
        return square + spread
    plain = float(bias[-1] @ np.linalg.pinv(own, rcond=1e-10, hermitian=True) @ bias[-1])
    first, second = _shrinkage(bias.shape[1], plain)
    return (1 - 2 * first + second) * square + (1 - first) * spread


def misfit(turn: np.ndarray, replicates: np.ndarray) -> float:
    """How far a generator's Hessians are from the rows', in standard deviations beyond chance.

    Args:
        turn: differences of Hessians, whitened ``[G, p, p]``.
        replicates: squared distance from it of the bootstrap's differences ``[B]``.
    """
    spread = np.std(replicates, ddof=1)
    beyond = np.sum(turn**2) - np.mean(replicates)
    if spread > 0:
        return float(beyond / spread)
    return np.inf if beyond > 0 else 0.0


def _shrinkage(dim: int, plain: float) -> tuple[float, float]:
    """Posterior mean of ``s`` and ``s^2``: ``s^{p/2} exp(-s Q/2)`` on (0, 1)."""
    shape, rate = dim / 2 + 1, plain / 2
    if rate < 1e-6:
        return shape / (shape + 1), shape / (shape + 2)
    whole = gammainc(shape, rate)
    first = shape / rate * gammainc(shape + 1, rate) / whole
    second = shape * (shape + 1) / rate**2 * gammainc(shape + 2, rate) / whole
    return float(first), float(second)
